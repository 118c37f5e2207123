/*
 * What a route's repairs do to an attempt: only those that its target is proven by, and only where
 * there is something to mend. All else passes byte for byte.
 */
#include "proxy/relay_private.h"

static repair_bits repairs_of(const struct relay *relay)
{
	return relay->intake->decision.candidates[relay->candidate].repairs;
}

struct text relay_repair_request(struct relay *relay, struct text body)
{
	repair_bits repairs = repairs_of(relay) & REPAIR_REQUESTS;
	struct arena scratch = {0};
	repair_bits applied = 0;
	struct fault fault;
	struct json *root;

	if (repairs == 0 || relay->endpoint != ENDPOINT_CHAT)
		return body;
	/* The client's own tree is of other bytes: model and usage were put in since. */
	if (json_read_text(body, "request", &scratch, &root, &fault)) {
		struct text mended = repair_request(repairs, body, root, &scratch, &applied);
		if (applied != 0)
			body = text_copy(&relay->arena, mended);
	}
	arena_done(&scratch);
	relay->repaired |= applied;
	return body;
}

static struct repairer_options options_of(const struct relay *relay)
{
	return (struct repairer_options){
	    .repairs = repairs_of(relay) & REPAIR_REPLIES,
	    .streamed = relay->streamed,
	    .usage_asked = relay->usage_asked || relay->usage_injected,
	};
}

void relay_repair_reset(struct relay *relay)
{
	repairer_free(relay->repairer);
	relay->repairer = NULL;
	text_buf_done(&relay->mended);
}

void relay_repair_begin(struct relay *relay)
{
	struct repairer_options options = options_of(relay);

	relay->repaired = 0;
	if (options.repairs == 0 || !relay->streamed || relay->endpoint != ENDPOINT_CHAT)
		return;
	relay->repairer = repairer_new(&options);
	/* What one read brings, with what was held back of the event before. */
	text_buf_init(&relay->mended, 2 * REPAIR_EVENT_MAX_BYTES);
}

struct text relay_repair_bytes(struct relay *relay, struct text bytes)
{
	if (relay->repairer == NULL)
		return bytes;
	text_buf_reset(&relay->mended);
	repairer_feed(relay->repairer, bytes, &relay->mended);
	return text_buf_view(&relay->mended);
}

struct text relay_repair_rest(struct relay *relay, bool cut)
{
	if (relay->repairer == NULL)
		return TEXT("");
	text_buf_reset(&relay->mended);
	repairer_end(relay->repairer, cut, &relay->mended);
	relay->repaired |= repairer_applied(relay->repairer);
	return text_buf_view(&relay->mended);
}

struct text relay_repair_body(struct relay *relay, const struct exchange *exchange)
{
	struct repairer_options options = options_of(relay);
	repair_bits applied;

	if (options.repairs == 0 || relay->endpoint != ENDPOINT_CHAT)
		return exchange->body;
	const struct exchange *mended =
	    repair_exchange(exchange, &options, &relay->arena, &applied);
	relay->repaired |= applied;
	return mended->body;
}
