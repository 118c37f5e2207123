/*
 * What the way that a request travelled asks of the answer: a connection that is there
 * again, a stream that can be left, and answers that only come by occasion.
 */
#include "cases/expect/expect_private.h"

/* --- occasions -------------------------------------------------------------------------- */

struct expect_occasion {
	struct status_range status;
	struct matcher message; /* node NULL: any */
	const struct expect_occasion *next;
};

struct occasion_keys {
	int64_t status;
	const struct json *message;
};

/* clang-format off */
static const struct setting occasion_rows[] = {
	{.name = "status", .type = SETTING_INT, .offset = offsetof(struct occasion_keys, status),
	 .min = 400, .max = 599, .flags = SETTING_REQUIRED, .doc = "of the answer"},
	{.name = "message", .type = SETTING_NODE, .offset = offsetof(struct occasion_keys, message),
	 .doc = "that its error has, or its body where it has none"},
};
/* clang-format on */

static const struct setting_table occasion_table = {
    .what = "occasion", .rows = occasion_rows, .count = ARRAY_LENGTH(occasion_rows)};

bool expect_read_occasions(struct expect_reader *reader, const struct json *node,
                           const struct expect_occasion **out)
{
	bool good = true;

	if (json_is(node, JSON_ARRAY) && node->count == 0)
		return expect_fault(reader, node, "an empty list says nothing");
	for (const struct json *item = expect_first(node); item != NULL;
	     item = expect_next(node, item)) {
		struct expect_occasion *occasion = ARENA_NEW(reader->arena, struct expect_occasion);
		struct occasion_keys keys = {0};
		if (!settings_read(&occasion_table, item, &keys, reader->arena, reader->faults))
			return false;
		*occasion = (struct expect_occasion){.status = {(int)keys.status, (int)keys.status},
		                                     .next = *out};
		if (keys.message != NULL)
			good &= matcher_read(reader, keys.message, &occasion->message);
		*out = occasion;
	}
	return good;
}

bool expect_awaits(const struct expectation *expect, int status)
{
	for (const struct expect_occasion *at = expect->occasions; at != NULL; at = at->next)
		if (status == 0 || (status >= at->status.low && status <= at->status.high))
			return true;
	return false;
}

bool expect_check_occasions(const struct expect_occasion *occasions,
                            const struct judgement *judgement)
{
	const struct exchange *exchange = judgement->seen->exchange;
	const struct chat_reply *reply = judgement->seen->reply;
	struct text said = reply->error_count > 0 ? reply->errors[0].message : exchange->body;

	for (const struct expect_occasion *at = occasions; at != NULL; at = at->next)
		if (exchange->status >= at->status.low && exchange->status <= at->status.high &&
		    (at->message.node == NULL || matcher_matches(&at->message, judgement, said)))
			return true;
	if (judgement->findings->gravest == FINDING_NONE)
		judge(judgement, FINDING_REFUSED,
		      "nothing to judge: no such answer was seen (status %d)", exchange->status);
	return false;
}

/* --- the way ----------------------------------------------------------------------------- */

void expect_check_travel(const struct judgement *judgement)
{
	const struct chat_wire *wire = judgement->seen->wire;
	const struct exchange *exchange = judgement->seen->exchange;

	if (wire == NULL)
		return;
	if (wire->same && !exchange->reused)
		judge(judgement, FINDING_REFUSED,
		      "nothing to judge: no connection was kept for a second request");
	if (wire->leave_after_events > 0 && exchange->end == EXCHANGE_COMPLETE &&
	    exchange->status == 200)
		judge(judgement, FINDING_MISS,
		      "nothing to judge: the stream was over before event %lld, where it is left",
		      (long long)wire->leave_after_events);
}
