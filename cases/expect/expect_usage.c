/* Bounds of the token counts. A count that was not said is a violation, never 0. */
#include "cases/expect/expect_private.h"

enum {
	REFERENCE_SLACK = 3, /* tokens; some servers add marks of their own around a prompt */
	/* No tokenizer in use takes more for prose: most take one for three bytes and more. */
	BYTES_A_TOKEN = 2,
	/*
	 * Tokens: OpenAI counts thoughts in steps of 64 and rounds down; of 285 recorded replies
	 * o3, o4-mini and grok-4-fast counted 15 to 100 that nothing was seen of.
	 */
	REPLY_SLACK = 80,
	CALL_SLACK = 64, /* tokens; what Claude writes around a call, of which few bytes are seen */
};

static const int64_t PICO_USD = 1000000000000; /* in one USD */

struct expect_usage {
	const struct json *present_node;
	bool absent; /* present: false */
	int64_t input_min, input_max, output_min, output_max;
	int64_t cached_min, cached_max, reasoning_min, reasoning_max;
	int64_t window_min, window_max; /* prompt tokens in percent of the context window */
	int64_t cost_within;            /* percent of what the price table says; -1: not asked */
	bool total_is_sum, reasoning_within_output, output_within_text, cached, input_reference;
};

/* clang-format off */
#define COUNT(key, about) \
	{.name = #key, .type = SETTING_INT, .offset = offsetof(struct expect_usage, key), .doc = about}
#define TRUTH(key, about) \
	{.name = #key, .type = SETTING_BOOL, .offset = offsetof(struct expect_usage, key), .doc = about}
static const struct setting usage_rows[] = {
	{.name = "present", .type = SETTING_NODE,
	 .offset = offsetof(struct expect_usage, present_node),
	 .doc = "true (default): there is usage; false: there is none"},
	COUNT(input_min, "at least so many prompt tokens"),
	COUNT(input_max, "at most so many prompt tokens"),
	COUNT(output_min, "at least so many completion tokens"),
	COUNT(output_max, "at most so many completion tokens"),
	COUNT(cached_min, "at least so many cached prompt tokens"),
	COUNT(cached_max, "at most so many cached prompt tokens"),
	COUNT(reasoning_min, "at least so many reasoning tokens"),
	COUNT(reasoning_max, "at most so many reasoning tokens"),
	COUNT(window_min, "prompt tokens of at least so many percent of the context window"),
	COUNT(window_max, "prompt tokens of at most so many percent of the context window"),
	{.name = "cost_within", .type = SETTING_INT,
	 .offset = offsetof(struct expect_usage, cost_within), .max = 100,
	 .doc = "the charge that is told is what the model's price comes to, give or take so many percent"},
	TRUTH(total_is_sum, "total is input plus output"),
	TRUTH(reasoning_within_output, "reasoning tokens are part of the output"),
	TRUTH(output_within_text, "no more completion tokens than what is seen can have, beside those of thoughts that are told"),
	TRUTH(input_reference, "the prompt tokens are the model's reference_tokens, or 3 more"),
	TRUTH(cached, "some of the prompt tokens are told as cached, and no more than there are"),
};
#undef COUNT
#undef TRUTH
/* clang-format on */

static const struct setting_table usage_table = {
    .what = "expectation of usage", .rows = usage_rows, .count = ARRAY_LENGTH(usage_rows)};

bool expect_read_usage(struct expect_reader *reader, const struct json *node,
                       const struct expect_usage **out)
{
	struct expect_usage *expect = ARENA_NEW(reader->arena, struct expect_usage);

	*expect = (struct expect_usage){.input_min = -1,
	                                .input_max = -1,
	                                .output_min = -1,
	                                .output_max = -1,
	                                .cached_min = -1,
	                                .cached_max = -1,
	                                .reasoning_min = -1,
	                                .reasoning_max = -1,
	                                .window_min = -1,
	                                .window_max = -1,
	                                .cost_within = -1};
	*out = expect;
	if (!settings_read(&usage_table, node, expect, reader->arena, reader->faults))
		return false;
	if (!json_is(node, JSON_OBJECT) || node->count == 0)
		return expect_fault(reader, node, "this says nothing about usage");
	if (expect->present_node != NULL && !json_is(expect->present_node, JSON_BOOL))
		return expect_fault(reader, expect->present_node, "want true or false");
	expect->absent = expect->present_node != NULL && !expect->present_node->truth;
	if (expect->absent && node->count > 1)
		return expect_fault(reader, node, "usage that is absent has no bounds");
	return true;
}

static void check_bounds(const struct judgement *judgement, const char *what, int64_t count,
                         int64_t min, int64_t max)
{
	if (min < 0 && max < 0)
		return;
	if (count < 0)
		judge(judgement, FINDING_VIOLATION, "usage says no %s tokens", what);
	else if (min >= 0 && count < min)
		judge(judgement, FINDING_VIOLATION, "usage says %lld %s tokens, want at least %lld",
		      (long long)count, what, (long long)min);
	else if (max >= 0 && count > max)
		judge(judgement, FINDING_VIOLATION, "usage says %lld %s tokens, want at most %lld",
		      (long long)count, what, (long long)max);
}

static void check_sum(const struct judgement *judgement, const struct chat_usage *usage)
{
	if (usage->input < 0 || usage->output < 0 || usage->total < 0)
		judge(judgement, FINDING_VIOLATION, "usage lacks input, output or total");
	/* Without a sum that could overflow: counts are at least 0 here. */
	else if (usage->total < usage->input || usage->total - usage->input != usage->output)
		judge(judgement, FINDING_VIOLATION, "total is %lld tokens, want %lld plus %lld",
		      (long long)usage->total, (long long)usage->input, (long long)usage->output);
}

/* Sealed thoughts can be of any length: beside them nothing is known. */
static int64_t most_tokens(const struct chat_reply *reply)
{
	int64_t most = reply->text_bytes / BYTES_A_TOKEN + REPLY_SLACK;

	for (size_t i = 0; i < reply->choice_count; i++) {
		const struct chat_choice *choice = &reply->choices[i];
		if (choice->thinking_block_count > 0 || choice->extra.data != NULL)
			return INT64_MAX;
		most += (int64_t)choice->tool_call_count * CALL_SLACK;
	}
	return most;
}

/* Whoever counts more than was seen charges for more than was sent. */
static void check_text(const struct judgement *judgement, const struct chat_usage *usage)
{
	const struct chat_reply *reply = judgement->seen->reply;
	int64_t most = most_tokens(reply);

	if (usage->output < 0)
		judge(judgement, FINDING_VIOLATION, "usage says no output tokens");
	else if (usage->output - int64_max(usage->reasoning, 0) > most)
		judge(
		    judgement, FINDING_VIOLATION,
		    "usage says %lld output tokens, %lld of them of thoughts, for %lld bytes: want "
		    "at most %lld beside thoughts",
		    (long long)usage->output, (long long)int64_max(usage->reasoning, 0),
		    (long long)reply->text_bytes, (long long)most);
}

/* A cache is an offer: to have none is a miss, to tell of more than was asked is a lie. */
static void check_cached(const struct judgement *judgement, const struct chat_usage *usage)
{
	const struct exchange *exchange = judgement->seen->exchange;

	if (usage->cached_input < 0 && exchange->no_cache_count)
		judge(judgement, FINDING_REFUSED,
		      "nothing to judge: the dialect %s tells nothing of cached tokens",
		      exchange->translated_from);
	else if (usage->cached_input < 0)
		judge(judgement, FINDING_MISS, "usage says nothing of cached tokens");
	else if (usage->cached_input == 0)
		judge(judgement, FINDING_MISS, "usage says that no token was cached");
	else if (usage->input >= 0 && usage->cached_input > usage->input)
		judge(judgement, FINDING_VIOLATION,
		      "usage says %lld cached tokens of %lld prompt tokens",
		      (long long)usage->cached_input, (long long)usage->input);
}

/* Another count of a fixed question is another tokenizer, or another template around it. */
static void check_reference(const struct judgement *judgement, const struct chat_usage *usage)
{
	int64_t reference = judgement->seen->values->reference_tokens;

	if (reference <= 0)
		judge(judgement, FINDING_HARNESS, "the model has no reference_tokens");
	else
		check_bounds(judgement, "input", usage->input, reference,
		             reference + REFERENCE_SLACK);
}

/* Fewer tokens than were sent: a part was never read. More than the window: it is another one. */
static void check_window(const struct expect_usage *expect, const struct judgement *judgement,
                         int64_t input)
{
	int64_t context = judgement->seen->values->context_tokens;

	if (expect->window_min < 0 && expect->window_max < 0)
		return;
	if (context <= 0)
		judge(judgement, FINDING_HARNESS, "the model's context window is not known");
	else
		check_bounds(judgement, "input", input,
		             expect->window_min < 0 ? -1 : context * expect->window_min / 100,
		             expect->window_max < 0 ? -1 : context * expect->window_max / 100);
}

static struct text usd_text(const struct judgement *judgement, int64_t pico_usd)
{
	return text_format(judgement->arena, "%lld.%012lld", (long long)(pico_usd / PICO_USD),
	                   (long long)(pico_usd % PICO_USD));
}

/* What is told against what the tokens come to at the price of that moment. */
static void check_cost(const struct expect_usage *expect, const struct judgement *judgement,
                       const struct chat_usage *usage)
{
	const struct observation *seen = judgement->seen;
	int64_t percent = expect->cost_within;

	if (seen->values->prices == NULL) {
		judge(judgement, FINDING_HARNESS, "the model has no price");
		return;
	}
	struct cost cost = price_cost(seen->values->prices, usage, seen->exchange->started_wall_ms);
	if (cost.source != COST_REPORTED || cost.computed_pico_usd < 0) {
		if (judgement->findings->gravest == FINDING_NONE)
			judge(judgement, FINDING_REFUSED, "nothing to judge: %s",
			      cost.source != COST_REPORTED
			          ? "the provider tells no charge"
			          : "the model has no price for such a request at this moment");
		return;
	}
	int64_t computed = cost.computed_pico_usd;
	int64_t slack = computed / 100 * percent + computed % 100 * percent / 100;
	int64_t off =
	    cost.pico_usd > computed ? cost.pico_usd - computed : computed - cost.pico_usd;
	if (off > slack)
		judge(
		    judgement, FINDING_VIOLATION,
		    "the provider tells a charge of %.*s USD%s, and by its price it is %.*s: want "
		    "at most %lld %% between them",
		    TEXT_ARG(usd_text(judgement, cost.pico_usd)),
		    cost.pico_usd == usage->cost_pico_usd ? "" : " (with its fee_percent)",
		    TEXT_ARG(usd_text(judgement, computed)), (long long)percent);
}

void expect_check_usage(const struct expect_usage *expect, const struct judgement *judgement)
{
	const struct chat_usage *usage = &judgement->seen->reply->usage;

	if (expect->absent) {
		if (usage->present)
			judge(judgement, FINDING_VIOLATION, "there is usage, want none");
		return;
	}
	if (!usage->present) {
		judge(judgement, FINDING_VIOLATION, "there is no usage");
		return;
	}
	check_bounds(judgement, "input", usage->input, expect->input_min, expect->input_max);
	check_bounds(judgement, "output", usage->output, expect->output_min, expect->output_max);
	check_bounds(judgement, "cached input", usage->cached_input, expect->cached_min,
	             expect->cached_max);
	check_bounds(judgement, "reasoning", usage->reasoning, expect->reasoning_min,
	             expect->reasoning_max);
	check_window(expect, judgement, usage->input);
	if (expect->input_reference)
		check_reference(judgement, usage);
	if (expect->cached)
		check_cached(judgement, usage);
	if (expect->cost_within >= 0)
		check_cost(expect, judgement, usage);
	if (expect->total_is_sum)
		check_sum(judgement, usage);
	if (expect->output_within_text)
		check_text(judgement, usage);
	if (expect->reasoning_within_output && usage->reasoning > usage->output)
		judge(judgement, FINDING_VIOLATION,
		      "usage says %lld reasoning tokens within %lld output tokens",
		      (long long)usage->reasoning, (long long)usage->output);
}
