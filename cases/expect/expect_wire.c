/* How the reply came: wire rules, headers, and whether a stream arrived as one. */
#include "cases/expect/expect_private.h"

/* --- wire rules ------------------------------------------------------------------------------ */

bool expect_read_rules(struct expect_reader *reader, const struct json *node,
                       struct expectation *out)
{
	const char *ids[WIRE_RULE_COUNT];
	size_t count = json_is(node, JSON_ARRAY) ? node->count : 1;

	if (count == 0)
		return expect_fault(reader, node, "an empty list says nothing");
	for (int i = 0; i < WIRE_RULE_COUNT; i++)
		ids[i] = wire_rule_id((enum wire_rule)i);
	out->rules = ARENA_NEW_ARRAY(reader->arena, enum wire_rule, count);
	for (const struct json *item = expect_first(node); item != NULL;
	     item = expect_next(node, item)) {
		enum wire_rule rule =
		    json_is(item, JSON_STRING) ? wire_rule_from_id(item->text) : WIRE_RULE_COUNT;
		if (rule == WIRE_RULE_COUNT) {
			const char *nearest = text_nearest(item->text, ids, WIRE_RULE_COUNT);
			return expect_fault(reader, item, "there is no such wire rule%s%s%s",
			                    nearest == NULL ? "" : " (did you mean ",
			                    nearest == NULL ? "" : nearest,
			                    nearest == NULL ? "" : "?)");
		}
		out->rules[out->rule_count++] = rule;
	}
	return true;
}

static void check_rule(enum wire_rule rule, const struct judgement *judgement)
{
	const struct chat_reply *reply = judgement->seen->reply;
	const char *id = wire_rule_id(rule);
	const struct chat_violation *first = NULL;
	const struct exchange *exchange = judgement->seen->exchange;
	size_t count = 0;

	if (rule == WIRE_TS_08 && exchange->calls_whole) {
		judge(judgement, FINDING_REFUSED,
		      "nothing to judge for %s: the dialect %s gives calls whole", id,
		      exchange->translated_from);
		return;
	}
	for (size_t i = 0; i < reply->violation_count; i++) {
		const struct chat_violation *violation = &reply->violations[i];
		if (violation->rule != rule || violation->grade == WIRE_HARMLESS)
			continue;
		first = first == NULL ? violation : first;
		count++;
	}
	if (first != NULL && count == 1)
		judge(judgement, FINDING_VIOLATION, "%s is broken: %.*s", id,
		      TEXT_ARG(first->detail));
	else if (first != NULL)
		judge(judgement, FINDING_VIOLATION, "%s is broken %zu times, first: %.*s", id,
		      count, TEXT_ARG(first->detail));
	else if (reply->broken[rule])
		judge(judgement, FINDING_VIOLATION, "%s is broken: %s", id, wire_rule_holds(rule));
	else if (!reply->saw[rule])
		judge(judgement, FINDING_MISS, "nothing to judge for %s: the reply %s", id,
		      text_starts(text_of(id), TEXT("T")) &&
		              (judgement->choice == NULL || judgement->choice->tool_call_count == 0)
		          ? "had no tool call"
		          : "gave no occasion to break it");
}

void expect_check_rules(const struct expectation *expect, const struct judgement *judgement)
{
	for (size_t i = 0; i < expect->rule_count; i++)
		check_rule(expect->rules[i], judgement);
}

/* --- headers ---------------------------------------------------------------------------------- */

struct expect_header {
	const char *name;
	bool absent;  /* null */
	bool present; /* true: any value */
	struct matcher matcher;
};

struct expect_headers {
	struct expect_header *items;
	size_t count;
};

bool expect_read_headers(struct expect_reader *reader, const struct json *node,
                         const struct expect_headers **out)
{
	struct expect_headers *expect = ARENA_NEW(reader->arena, struct expect_headers);
	bool good = true;

	*out = expect;
	if (!json_is(node, JSON_OBJECT) || node->count == 0)
		return expect_fault(reader, node,
		                    "want header names, each with a value or /pattern/");
	expect->items = ARENA_NEW_ARRAY(reader->arena, struct expect_header, node->count);
	JSON_EACH(member, node)
	{
		struct expect_header *header = &expect->items[expect->count++];
		header->name = text_c(reader->arena, member->key);
		if (json_is(member, JSON_NULL))
			header->absent = true;
		else if (json_is(member, JSON_BOOL) && member->truth)
			header->present = true;
		else
			good &= matcher_read(reader, member, &header->matcher);
	}
	return good;
}

/* A provider whose format has no such word owes none; one that says it all the same is judged. */
static bool owes_no_wait(const struct expect_header *header, struct text value,
                         const struct judgement *judgement)
{
	const struct exchange *exchange = judgement->seen->exchange;

	if (!exchange->no_retry_after || value.data != NULL ||
	    !text_equal_ignoring_case(text_of(header->name), TEXT("retry-after")))
		return false;
	judge(judgement, FINDING_REFUSED,
	      "nothing to judge: the dialect %s never says when to come back",
	      exchange->translated_from);
	return true;
}

void expect_check_headers(const struct expect_headers *expect, const struct judgement *judgement)
{
	for (size_t i = 0; i < expect->count; i++) {
		const struct expect_header *header = &expect->items[i];
		struct text value = exchange_header(judgement->seen->exchange, header->name);
		if (!header->absent && owes_no_wait(header, value, judgement))
			continue;
		if (header->absent && value.data != NULL)
			judge(judgement, FINDING_VIOLATION,
			      "there is a header %s: \"%.*s\", want none", header->name,
			      TEXT_ARG(shown(judgement, value)));
		if (header->present && value.data == NULL)
			judge(judgement, FINDING_VIOLATION, "there is no header %s", header->name);
		if (header->matcher.node != NULL)
			matcher_check(&header->matcher, judgement, FINDING_VIOLATION,
			              text_format(judgement->arena, "header %s", header->name).data,
			              value);
	}
}

/* --- pieces in time ----------------------------------------------------------------------------
 */

/* clang-format off */
static const struct setting incremental_rows[] = {
	{.name = "reads", .type = SETTING_INT,
	 .offset = offsetof(struct expect_incremental, reads), .min = 2, .max = 1000000,
	 .flags = SETTING_REQUIRED, .doc = "pieces that come at different moments, at least"},
	{.name = "spread", .type = SETTING_DURATION,
	 .offset = offsetof(struct expect_incremental, spread_ms),
	 .doc = "time from the first piece to the last, at least"},
};
/* clang-format on */

static const struct setting_table incremental_table = {.what = "expectation of arrival",
                                                       .rows = incremental_rows,
                                                       .count = ARRAY_LENGTH(incremental_rows)};

bool expect_read_incremental(struct expect_reader *reader, const struct json *node,
                             const struct expect_incremental **out)
{
	struct expect_incremental *expect = ARENA_NEW(reader->arena, struct expect_incremental);

	*out = expect;
	return settings_read(&incremental_table, node, expect, reader->arena, reader->faults);
}

void expect_check_first_delta(int64_t within_ms, const struct judgement *judgement)
{
	int64_t first_us = judgement->seen->reply->first_delta_us;

	if (first_us < 0)
		judge(judgement, FINDING_MISS, "nothing to judge: the reply says nothing");
	else if (first_us > within_ms * 1000)
		judge(judgement, FINDING_MISS, "the first word came after %lld ms, want %lld",
		      (long long)(first_us / 1000), (long long)within_ms);
}

void expect_check_gap(int64_t most_ms, const struct judgement *judgement)
{
	const struct exchange *exchange = judgement->seen->exchange;
	int64_t longest_us = 0;

	if (exchange->chunk_count < 2)
		judge(judgement, FINDING_MISS, "nothing to judge: the stream came in %s",
		      exchange->chunk_count == 0 ? "no piece" : "one piece");
	for (size_t i = 1; i < exchange->chunk_count; i++)
		longest_us = int64_max(longest_us,
		                       exchange->chunks[i].at_us - exchange->chunks[i - 1].at_us);
	if (longest_us > most_ms * 1000)
		judge(judgement, FINDING_VIOLATION,
		      "the stream stood still for %lld ms, want at most %lld",
		      (long long)(longest_us / 1000), (long long)most_ms);
}

void expect_check_incremental(const struct expect_incremental *expect,
                              const struct judgement *judgement)
{
	const struct exchange *exchange = judgement->seen->exchange;
	int64_t reads = 0, spread_ms = 0;

	for (size_t i = 0; i < exchange->chunk_count; i++)
		reads += i == 0 || exchange->chunks[i].at_us != exchange->chunks[i - 1].at_us;
	if (exchange->chunk_count > 0)
		spread_ms = (exchange->chunks[exchange->chunk_count - 1].at_us -
		             exchange->chunks[0].at_us) /
		            1000;
	if (reads < expect->reads)
		judge(judgement, FINDING_VIOLATION, "the stream came in %lld pieces, want %lld",
		      (long long)reads, (long long)expect->reads);
	if (spread_ms < expect->spread_ms)
		judge(judgement, FINDING_VIOLATION, "the stream came within %lld ms, want %lld",
		      (long long)spread_ms, (long long)expect->spread_ms);
}
