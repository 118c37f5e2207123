/* What must be as in the reply to an earlier step. */
#include "cases/expect/expect_private.h"

struct expect_same {
	int64_t step;
	bool content, tool_calls, finish_reason, input_tokens, input_larger;
	const struct json *node;
};

/* clang-format off */
#define TRUTH(key, about) \
	{.name = #key, .type = SETTING_BOOL, .offset = offsetof(struct expect_same, key), .doc = about}
static const struct setting same_rows[] = {
	{.name = "step", .type = SETTING_INT, .offset = offsetof(struct expect_same, step),
	 .max = TEMPLATE_STEPS - 1, .flags = SETTING_REQUIRED, .doc = "the step compared with"},
	TRUTH(content, "the same text"),
	TRUTH(tool_calls, "the same calls: names and arguments, in order"),
	TRUTH(finish_reason, "the same end"),
	TRUTH(input_tokens, "the same number of prompt tokens"),
	TRUTH(input_larger, "more prompt tokens than there"),
};
#undef TRUTH
/* clang-format on */

static const struct setting_table same_table = {
    .what = "comparison", .rows = same_rows, .count = ARRAY_LENGTH(same_rows)};

bool expect_read_same(struct expect_reader *reader, const struct json *node,
                      const struct expect_same **out)
{
	struct expect_same *expect = ARENA_NEW(reader->arena, struct expect_same);

	*out = expect;
	if (!settings_read(&same_table, node, expect, reader->arena, reader->faults))
		return false;
	expect->node = node;
	if (!expect->content && !expect->tool_calls && !expect->finish_reason &&
	    !expect->input_tokens && !expect->input_larger)
		return expect_fault(reader, node, "this compares nothing");
	return true;
}

bool expect_same_fits(const struct expect_same *expect, const struct expect_step *step,
                      struct fault_list *faults)
{
	if ((size_t)expect->step < step->steps_before)
		return true;
	fault_list_at(faults, json_place(expect->node), "there is no step %lld before this one",
	              (long long)expect->step);
	return false;
}

static void check_content(const struct judgement *judgement, const struct chat_choice *earlier)
{
	const struct chat_choice *choice = judgement->choice;

	if ((choice->content.data == NULL) != (earlier->content.data == NULL) ||
	    !text_equal(choice->content, earlier->content))
		judge(judgement, FINDING_MISS, "content is \"%.*s\", want it as before: \"%.*s\"",
		      TEXT_ARG(shown(judgement, choice->content)),
		      TEXT_ARG(shown(judgement, earlier->content)));
}

/* Arguments as JSON where both are; members may stand in another order. */
static bool same_arguments(const struct judgement *judgement, struct text a, struct text b)
{
	struct json *left, *right;
	struct fault fault;

	if (text_equal(a, b))
		return true;
	return json_read_text(a, "arguments", judgement->arena, &left, &fault) &&
	       json_read_text(b, "arguments", judgement->arena, &right, &fault) &&
	       json_equal(left, right);
}

static void check_calls(const struct judgement *judgement, const struct chat_choice *earlier)
{
	const struct chat_choice *choice = judgement->choice;

	if (choice->tool_call_count != earlier->tool_call_count) {
		judge(judgement, FINDING_MISS, "there are %zu tool calls, want %zu as before",
		      choice->tool_call_count, earlier->tool_call_count);
		return;
	}
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		const struct chat_tool_call *call = &choice->tool_calls[i];
		const struct chat_tool_call *before = &earlier->tool_calls[i];
		if (text_equal(call->name, before->name) &&
		    same_arguments(judgement, call->arguments, before->arguments))
			continue;
		judge(judgement, FINDING_MISS,
		      "tool call %zu is %.*s(%.*s), want %.*s(%.*s) as before", i,
		      TEXT_ARG(shown(judgement, call->name)),
		      TEXT_ARG(shown(judgement, call->arguments)),
		      TEXT_ARG(shown(judgement, before->name)),
		      TEXT_ARG(shown(judgement, before->arguments)));
	}
}

static void check_input(const struct expect_same *expect, const struct judgement *judgement,
                        const struct chat_reply *earlier)
{
	int64_t now = judgement->seen->reply->usage.input;
	int64_t before = earlier->usage.input;

	if (now < 0 || before < 0)
		judge(judgement, FINDING_VIOLATION,
		      "the number of prompt tokens is not said in both replies");
	else if (expect->input_tokens && now != before)
		judge(judgement, FINDING_VIOLATION, "%lld prompt tokens, want %lld as before",
		      (long long)now, (long long)before);
	else if (expect->input_larger && now <= before)
		judge(judgement, FINDING_VIOLATION,
		      "%lld prompt tokens, want more than the %lld "
		      "before",
		      (long long)now, (long long)before);
}

void expect_check_same(const struct expect_same *expect, const struct judgement *judgement)
{
	const struct template_values *values = judgement->seen->values;
	const struct chat_reply *earlier =
	    (size_t)expect->step < values->step_count ? values->steps[expect->step] : NULL;
	const struct chat_choice *before =
	    earlier == NULL ? NULL : chat_reply_choice(earlier, judgement->choice_index);

	if (earlier == NULL) {
		judge(judgement, FINDING_HARNESS, "the reply to step %lld is not at hand",
		      (long long)expect->step);
		return;
	}
	if (expect->input_tokens || expect->input_larger)
		check_input(expect, judgement, earlier);
	if (!expect->content && !expect->tool_calls && !expect->finish_reason)
		return;
	if (before == NULL || judgement->choice == NULL) {
		judge(judgement, FINDING_VIOLATION, "choice %lld is not in both replies",
		      (long long)judgement->choice_index);
		return;
	}
	if (expect->content)
		check_content(judgement, before);
	if (expect->tool_calls)
		check_calls(judgement, before);
	if (expect->finish_reason &&
	    !text_equal(judgement->choice->finish_reason, before->finish_reason))
		judge(judgement, FINDING_MISS, "finish_reason is \"%.*s\", want \"%.*s\" as before",
		      TEXT_ARG(shown(judgement, judgement->choice->finish_reason)),
		      TEXT_ARG(shown(judgement, before->finish_reason)));
}
