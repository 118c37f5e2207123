/*
 * What becomes of bytes between provider and client. Where both speak one format they pass as they
 * are, but for what a route's repairs mend: only those that the target is proven by, and only where
 * there is something to mend. Where they do not, requests and replies are put into the other's
 * format by the code that the runner judges by.
 */
#include "proxy/relay/relay_private.h"

#include "harness/base/loop.h"

static const struct router_candidate *candidate_of(const struct relay *relay)
{
	return &relay->intake->decision.candidates[relay->candidate];
}

static enum client_format format_of(const struct relay *relay)
{
	if (relay->client_endpoint == ENDPOINT_MESSAGES)
		return CLIENT_MESSAGES;
	return relay->client_endpoint == ENDPOINT_RESPONSES ? CLIENT_RESPONSES : CLIENT_CHAT;
}

/* The client's own format is the provider's: all of its bytes can go through. */
bool relay_is_native(const struct relay *relay)
{
	return relay->client_endpoint == ENDPOINT_MESSAGES &&
	       relay->target->provider->dialect == &dialect_anthropic;
}

bool relay_translates(const struct relay *relay)
{
	bool openai = relay->target->provider->dialect->openai_replies;

	return relay->endpoint == ENDPOINT_CHAT && !relay_is_native(relay) &&
	       (!openai || format_of(relay) != CLIENT_CHAT);
}

/* --- requests --- */

struct text relay_repair_request(struct relay *relay, struct text body)
{
	repair_bits repairs = candidate_of(relay)->repairs & REPAIR_REQUESTS;
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

/* --- streams --- */

static struct repairer_options repairs_of(const struct relay *relay)
{
	return (struct repairer_options){
	    .repairs = candidate_of(relay)->repairs & REPAIR_REPLIES,
	    .streamed = relay->streamed,
	    .usage_asked = relay->usage_asked || relay->usage_injected,
	};
}

static struct reply_writer *new_writer(const struct relay *relay)
{
	const struct reply_writer_options options = {
	    .format = format_of(relay),
	    .streamed = relay->streamed,
	    .usage_asked = relay->usage_asked || relay->usage_injected,
	    .created_s = loop_wall_ms(relay->worker->loop) / 1000,
	    .model = relay->target->model->name,
	    .seed = text_of(relay->id),
	};

	return reply_writer_new(&options);
}

void relay_convert_reset(struct relay *relay)
{
	repairer_free(relay->repairer);
	relay->repairer = NULL;
	reply_writer_free(relay->writer);
	relay->writer = NULL;
	text_buf_done(&relay->mended);
}

void relay_convert_begin(struct relay *relay)
{
	struct repairer_options repairs = repairs_of(relay);

	relay->repaired = 0;
	/* What is written in another format is written from the whole text. */
	relay->call_relay.text_kept_bytes =
	    relay_translates(relay) ? REPLY_MAX_BYTES : live_text_wanted(&relay->intake->shape);
	if (!relay->streamed || relay->endpoint != ENDPOINT_CHAT)
		return;
	/* What one read brings, with what was held back of the event before. */
	if (relay_translates(relay)) {
		relay->writer = new_writer(relay);
		text_buf_init(&relay->mended, RELAY_TRANSLATED_BYTES_MAX);
	} else if (repairs.repairs != 0) {
		relay->repairer = repairer_new(&repairs);
		text_buf_init(&relay->mended, 2 * REPAIR_EVENT_MAX_BYTES);
	}
}

struct text relay_convert_bytes(struct relay *relay, struct text bytes,
                                const struct reply_reader *reader)
{
	text_buf_reset(&relay->mended);
	if (relay->writer != NULL)
		reply_writer_update(relay->writer, reply_reader_reply(reader), &relay->mended);
	else if (relay->repairer != NULL)
		repairer_feed(relay->repairer, bytes, &relay->mended);
	else
		return bytes;
	return text_buf_view(&relay->mended);
}

struct text relay_convert_rest(struct relay *relay, const struct chat_reply *reply, bool cut)
{
	text_buf_reset(&relay->mended);
	/* An end that is not good is told by us, with an event of our own. */
	if (relay->writer != NULL && cut)
		reply_writer_update(relay->writer, reply, &relay->mended);
	else if (relay->writer != NULL)
		reply_writer_end(relay->writer, reply, false, &relay->mended);
	else if (relay->repairer != NULL)
		repairer_end(relay->repairer, cut, &relay->mended);
	if (relay->repairer != NULL)
		relay->repaired |= repairer_applied(relay->repairer);
	return text_buf_view(&relay->mended);
}

/* --- whole bodies --- */

static struct text translated(struct relay *relay, const struct chat_reply *reply)
{
	struct reply_writer *writer = new_writer(relay);
	struct text_buf out;

	text_buf_init(&out, RELAY_TRANSLATED_BYTES_MAX);
	reply_writer_end(writer, reply, false, &out);
	struct text body = text_copy(&relay->arena, text_buf_view(&out));
	text_buf_done(&out);
	reply_writer_free(writer);
	return body;
}

struct text relay_convert_body(struct relay *relay, const struct exchange *exchange,
                               const struct chat_reply *reply)
{
	struct repairer_options options = repairs_of(relay);
	repair_bits applied;

	if (relay_translates(relay))
		return translated(relay, reply);
	if (options.repairs == 0 || relay->endpoint != ENDPOINT_CHAT)
		return exchange->body;
	const struct exchange *mended =
	    repair_exchange(exchange, &options, &relay->arena, &applied);
	relay->repaired |= applied;
	return mended->body;
}

struct text relay_convert_refusal(struct relay *relay, struct text body,
                                  const struct chat_reply *reply, int *status)
{
	struct text_buf out;

	if (!relay_translates(relay) || reply == NULL)
		return text_copy(&relay->arena, body);
	text_buf_init(&out, RELAY_TRANSLATED_BYTES_MAX);
	*status = reply_write_error(reply, *status, format_of(relay), &out);
	struct text written = text_copy(&relay->arena, text_buf_view(&out));
	text_buf_done(&out);
	return written;
}
