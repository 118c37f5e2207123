/* The headers of an answer: the provider's that may travel, and the x-proviso-* that say what was
 * decided. */
#include "proxy/relay/relay_private.h"

#include "providers/dropped.h"

#include <stdio.h>

enum { LIST_MAX_BYTES = 1024 };

struct text relay_usd(struct arena *arena, int64_t pico_usd)
{
	struct text figure =
	    text_format(arena, "%lld.%012lld", (long long)(pico_usd / 1000000000000),
	                (long long)(pico_usd % 1000000000000));

	while (figure.len > 3 && figure.data[figure.len - 1] == '0' &&
	       figure.data[figure.len - 2] != '.')
		figure.len--;
	return figure;
}

struct head {
	struct http_header *items;
	size_t count;
	struct arena *arena; /* of the values that are made here */
};

/* Names of a config may hold anything; one that no field can hold (RFC 9110, 5.5) is not
 * said. */
static void add(struct head *head, struct text name, struct text value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f)
			return;
	if (value.data != NULL && head->count < RELAY_HEADERS_MAX)
		head->items[head->count++] = (struct http_header){name, value};
}

/* Names of fields come from the client: nothing of them may end a line. */
static struct text list_of(struct arena *arena, const struct text *items, size_t count)
{
	struct text_buf list;
	struct text value = {NULL, 0};

	text_buf_init(&list, LIST_MAX_BYTES);
	for (size_t i = 0; i < count; i++) {
		if (list.len > 0)
			(void)text_buf_add(&list, TEXT(", "));
		text_buf_add_visible(&list, items[i]);
	}
	if (list.len > 0)
		value = text_copy(arena, text_buf_view(&list));
	text_buf_done(&list);
	return value;
}

/* On the way from the client's format to a chat request, and from there to the provider's. */
static struct text list_dropped(const struct relay *relay, const struct exchange *exchange,
                                struct arena *arena)
{
	const struct text_list *first = &relay->intake->dropped;
	size_t first_count = relay_is_native(relay) ? 0 : first->count;
	struct text all[2 * DROPPED_MAX];
	size_t count = 0;

	for (size_t i = 0; i < first_count && count < ARRAY_LENGTH(all); i++)
		all[count++] = first->items[i];
	if (relay->thoughts_left && count < ARRAY_LENGTH(all))
		all[count++] = relay_is_native(relay) ? TEXT("messages.content.thinking")
		               : relay->endpoint == ENDPOINT_RESPONSES
		                   ? TEXT("input.encrypted_content")
		                   : TEXT("messages.thinking_blocks");
	for (size_t i = 0; i < exchange->dropped_count && count < ARRAY_LENGTH(all); i++)
		all[count++] = exchange->dropped[i];
	return list_of(arena, all, count);
}

static struct text list_unproven(struct arena *arena, const struct router_candidate *candidate)
{
	if (!candidate->proven && candidate->unproven.count == 0)
		return TEXT("all");
	return list_of(arena, candidate->unproven.items, candidate->unproven.count);
}

static struct text say_evidence(const struct relay *relay, const struct router_candidate *candidate,
                                struct arena *arena)
{
	const struct evidence_question question = {
	    .shape = &relay->intake->shape,
	    .repairs = candidate->repairs,
	    .demand = relay->intake->request.demand,
	    .now_wall_ms = loop_wall_ms(relay->worker->loop),
	};
	struct evidence_proof proof;

	evidence_prove(router_evidence(relay->snapshot->router), candidate->number, &question, NULL,
	               &proof);
	if (proof.count == 0)
		return TEXT("0");
	return text_format(arena, "%zu; oldest=%.*s", proof.count,
	                   TEXT_ARG(wall_format(arena, proof.oldest_wall_ms, false)));
}

static void add_decision(const struct relay *relay, struct head *head)
{
	const struct router_decision *decision = &relay->intake->decision;
	const struct router_candidate *candidate = &decision->candidates[relay->candidate];

	add(head, TEXT("x-proviso-target"), relay->target->name);
	add(head, TEXT("x-proviso-route"), decision->route);
	add(head, TEXT("x-proviso-task"), decision->task);
	/* Shadow changes nothing that a client could see: the log says it. */
	if (decision->mode != CONFIG_SHADOW)
		add(head, TEXT("x-proviso-unproven"), list_unproven(head->arena, candidate));
	/* Of a stream not all is known yet: those that it is proven by, and so may be mended by. */
	repair_bits repairs = relay->streamed ? candidate->repairs : relay->repaired;
	if (repairs != 0)
		add(head, TEXT("x-proviso-repairs"), repair_names(repairs, head->arena));
	/* What served although it was not well: nobody better was left. */
	if (relay->unwell != NULL)
		add(head, TEXT("x-proviso-unhealthy"), text_of(relay->unwell));
	add(head, TEXT("x-proviso-matrix"), text_of(router_matrix_hash(relay->snapshot->router)));
	add(head, TEXT("x-proviso-evidence"), say_evidence(relay, candidate, head->arena));
}

static void add_request(const struct relay *relay, struct head *head)
{
	add(head, TEXT("x-proviso-request-id"), text_of(relay->id));
	add(head, TEXT("x-proviso-attempts"),
	    text_format(head->arena, "%zu", relay->attempt_count));
}

/* What was translated has the type of what it became. */
static void say_type(const struct relay *relay, struct head *head)
{
	for (size_t i = 0; i < head->count; i++)
		if (text_equal_ignoring_case(head->items[i].name, TEXT("content-type")))
			head->items[i].value =
			    relay->streamed ? TEXT("text/event-stream") : TEXT("application/json");
}

size_t relay_head(const struct relay *relay, const struct exchange *exchange, bool with_cost,
                  struct arena *arena, struct http_header out[RELAY_HEADERS_MAX])
{
	struct head head = {out, forward_down(exchange, out), arena};

	if (relay_translates(relay))
		say_type(relay, &head);
	add_request(relay, &head);
	add_decision(relay, &head);
	add(&head, TEXT("x-proviso-dropped"), list_dropped(relay, exchange, arena));
	if (with_cost && relay->facts.cost.pico_usd >= 0)
		add(&head, TEXT("x-proviso-cost-usd"),
		    relay_usd(arena, relay->facts.cost.pico_usd));
	return head.count;
}

/* The provider's own status, where the client hears another: its 529 is a 502 to the client. */
static void add_upstream_status(struct relay *relay, const struct refusal *refusal,
                                struct head *head)
{
	int told = relay->first_status != 0 ? relay->first_status : refusal_status(refusal);

	if (relay->upstream_status >= 400 && relay->upstream_status != told)
		add(head, TEXT("x-proviso-upstream-status"),
		    text_format(head->arena, "%d", relay->upstream_status));
}

size_t relay_refusal_head(struct relay *relay, const struct refusal *refusal,
                          struct http_header out[RELAY_HEADERS_MAX])
{
	struct head head = {out, 0, &relay->arena};

	add(&head, TEXT("Content-Type"), TEXT("application/json")); /* the first: see its caller */
	if (refusal->retry_after_s >= 0)
		add(&head, TEXT("Retry-After"),
		    text_format(&relay->arena, "%lld", (long long)refusal->retry_after_s));
	add_request(relay, &head);
	add_upstream_status(relay, refusal, &head);
	add(&head, TEXT("x-proviso-route"), relay->intake->decision.route);
	add(&head, TEXT("x-proviso-task"), relay->intake->decision.task);
	return head.count;
}
