/* How long an earlier step took, beside this one: what only the first of two requests waits for. */
#include "cases/expect/expect_private.h"

struct expect_times {
	int64_t step;
	int64_t slower_ms;
	const struct json *node;
};

/* clang-format off */
static const struct setting times_rows[] = {
	{.name = "step", .type = SETTING_INT, .offset = offsetof(struct expect_times, step),
	 .max = TEMPLATE_STEPS - 1, .flags = SETTING_REQUIRED, .doc = "the step compared with"},
	{.name = "slower", .type = SETTING_DURATION,
	 .offset = offsetof(struct expect_times, slower_ms),
	 .flags = SETTING_REQUIRED, .doc = "that step took longer than this one by at most so much"},
};
/* clang-format on */

static const struct setting_table times_table = {
    .what = "comparison of times", .rows = times_rows, .count = ARRAY_LENGTH(times_rows)};

bool expect_read_times(struct expect_reader *reader, const struct json *node,
                       const struct expect_times **out)
{
	struct expect_times *expect = ARENA_NEW(reader->arena, struct expect_times);

	*out = expect;
	if (!settings_read(&times_table, node, expect, reader->arena, reader->faults))
		return false;
	expect->node = node;
	return true;
}

bool expect_times_fits(const struct expect_times *expect, const struct expect_step *step,
                       struct fault_list *faults)
{
	if (step->copies > 1)
		fault_list_at(faults, json_place(expect->node),
		              "copies asked at_once have no one time to compare");
	else if ((size_t)expect->step >= step->steps_before)
		fault_list_at(faults, json_place(expect->node),
		              "there is no step %lld before this one", (long long)expect->step);
	else
		return true;
	return false;
}

/* To the first text, thought or part of a call; of what was not streamed to its end. -1: none. */
static int64_t time_of(const struct exchange *exchange, const struct chat_reply *reply)
{
	return reply->streamed ? reply->first_delta_us : exchange->end_us;
}

void expect_check_times(const struct expect_times *expect, const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;

	if (seen->earlier == NULL || (size_t)expect->step >= seen->earlier_count ||
	    seen->earlier[expect->step].reply == NULL) {
		judge(judgement, FINDING_HARNESS, "the answer to step %lld is not at hand",
		      (long long)expect->step);
		return;
	}
	const struct observed_copy *first = &seen->earlier[expect->step];
	int64_t first_us = time_of(first->exchange, first->reply);
	int64_t now_us = time_of(seen->exchange, seen->reply);
	if (first_us < 0 || now_us < 0) {
		judge(judgement, FINDING_MISS,
		      "nothing to judge: step %lld says nothing at any moment",
		      (long long)(first_us < 0 ? expect->step : (int64_t)seen->earlier_count) + 1);
		return;
	}
	if (first_us - now_us > expect->slower_ms * 1000)
		judge(judgement, FINDING_VIOLATION,
		      "step %lld took %lld ms, and this one %lld: want at most %lld ms more",
		      (long long)expect->step + 1, (long long)first_us / 1000,
		      (long long)now_us / 1000, (long long)expect->slower_ms);
	expect_add_fate(judgement,
	                text_format(judgement->arena, "first %lld ms, then %lld ms",
	                            (long long)first_us / 1000, (long long)now_us / 1000));
}
