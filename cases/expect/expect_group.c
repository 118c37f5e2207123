/* Copies of a request that were under way together: whose words they hold, and how they ended. */
#include "cases/expect/expect_private.h"

#include <stdlib.h>

struct expect_group {
	bool own;
	int64_t errors, rate_limited; /* percent at most; -1: not asked */
	int64_t ttft_p90_ms;          /* -1: not asked */
	const struct json *node;
};

/* clang-format off */
static const struct setting group_rows[] = {
	{.name = "own", .type = SETTING_BOOL, .offset = offsetof(struct expect_group, own),
	 .doc = "no reply holds a nonce of another copy"},
	{.name = "errors", .type = SETTING_INT, .offset = offsetof(struct expect_group, errors),
	 .max = 99, .doc = "percent of the copies that may end in an error, 429 apart"},
	{.name = "rate_limited", .type = SETTING_INT,
	 .offset = offsetof(struct expect_group, rate_limited),
	 .max = 99, .doc = "percent of the copies that may be answered by 429"},
	{.name = "ttft_p90", .type = SETTING_DURATION,
	 .offset = offsetof(struct expect_group, ttft_p90_ms),
	 .doc = "time to the first token that nine of ten copies keep"},
};
/* clang-format on */

static const struct setting_table group_table = {
    .what = "expectation of a group", .rows = group_rows, .count = ARRAY_LENGTH(group_rows)};

bool expect_read_group(struct expect_reader *reader, const struct json *node,
                       const struct expect_group **out)
{
	struct expect_group *expect = ARENA_NEW(reader->arena, struct expect_group);

	*expect = (struct expect_group){
	    .errors = -1, .rate_limited = -1, .ttft_p90_ms = -1, .node = node};
	*out = expect;
	if (!settings_read(&group_table, node, expect, reader->arena, reader->faults))
		return false;
	if (!expect->own && !expect_group_counts(expect) && expect->ttft_p90_ms < 0)
		return expect_fault(reader, node, "this says nothing about the group");
	return true;
}

bool expect_group_fits(const struct expect_group *expect, const struct expect_step *step,
                       struct fault_list *faults)
{
	if (step->copies > 1)
		return true;
	fault_list_at(faults, json_place(expect->node),
	              "this step is asked alone: a group needs at_once: 2 or more");
	return false;
}

bool expect_group_counts(const struct expect_group *expect)
{
	return expect->errors >= 0 || expect->rate_limited >= 0;
}

/* --- whose words --- */

static bool holds(const struct chat_choice *choice, struct text word)
{
	if (text_find(choice->content, word, 0) != TEXT_NOT_FOUND ||
	    text_find(choice->reasoning, word, 0) != TEXT_NOT_FOUND ||
	    text_find(choice->refusal, word, 0) != TEXT_NOT_FOUND)
		return true;
	for (size_t i = 0; i < choice->tool_call_count; i++)
		if (text_find(choice->tool_calls[i].arguments, word, 0) != TEXT_NOT_FOUND)
			return true;
	return false;
}

static void check_own(const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;

	for (size_t copy = 0; copy < seen->copy_count && seen->first_values != NULL; copy++) {
		struct template_values other;
		if (copy == seen->copy)
			continue;
		template_copy_values(seen->first_values, copy, judgement->arena, &other);
		for (size_t i = 0; i < seen->reply->choice_count; i++)
			for (size_t n = 0; n < TEMPLATE_NONCES; n++)
				if (other.nonces[n].len > 0 &&
				    holds(&seen->reply->choices[i], other.nonces[n]))
					judge(judgement, FINDING_VIOLATION,
					      "the reply to request %zu of %zu at once holds "
					      "\"%.*s\", which only request %zu had",
					      seen->copy + 1, seen->copy_count,
					      TEXT_ARG(other.nonces[n]), copy + 1);
	}
}

/* --- how they ended --- */

static bool is_limited(const struct exchange *exchange)
{
	return exchange->end == EXCHANGE_COMPLETE && exchange->status == 429;
}

static bool is_error(const struct exchange *exchange)
{
	return exchange->end != EXCHANGE_COMPLETE ||
	       (exchange->status >= 400 && !is_limited(exchange));
}

/* How many were under way at the same moment at most, by the recorded times. */
static size_t most_at_once(const struct observation *seen)
{
	size_t most = 0;

	/* The most are under way at a moment when one of them begins. */
	for (size_t i = 0; i < seen->copy_count; i++) {
		int64_t at_ms = seen->copies[i].exchange->started_wall_ms;
		size_t count = 0;
		for (size_t j = 0; j < seen->copy_count; j++) {
			const struct exchange *other = seen->copies[j].exchange;
			int64_t end_ms =
			    other->started_wall_ms + int64_max(other->end_us, 0) / 1000;
			count += other->started_wall_ms == at_ms ||
			         (other->started_wall_ms < at_ms && at_ms < end_ms);
		}
		most = count > most ? count : most;
	}
	return most;
}

static void check_share(const struct judgement *judgement, size_t count, int64_t most_percent,
                        const char *what)
{
	size_t all = judgement->seen->copy_count;

	if (most_percent >= 0 && (int64_t)count * 100 > most_percent * (int64_t)all)
		judge(judgement, FINDING_VIOLATION,
		      "%zu of %zu requests at once %s, want at most %lld %%", count, all, what,
		      (long long)most_percent);
}

/* --- how long they took --- */

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The nearest rank, of times that are sorted. */
static int64_t percentile(const int64_t *times, size_t count, size_t percent)
{
	return times[(count * percent + 99) / 100 - 1];
}

static void check_ttft(const struct expect_group *expect, const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;
	int64_t *times = ARENA_NEW_ARRAY(judgement->arena, int64_t, seen->copy_count);

	if (expect->ttft_p90_ms < 0)
		return;
	for (size_t i = 0; i < seen->copy_count; i++) {
		times[i] = seen->copies[i].reply->first_delta_us;
		if (times[i] >= 0)
			continue;
		judge(judgement, FINDING_MISS, "the reply to request %zu of %zu has no token",
		      i + 1, seen->copy_count);
		return;
	}
	qsort(times, seen->copy_count, sizeof(*times), compare_times);
	int64_t p90_us = percentile(times, seen->copy_count, 90);
	if (p90_us > expect->ttft_p90_ms * 1000)
		judge(judgement, FINDING_VIOLATION,
		      "the first token took %lld ms in the 90th percentile of %zu, want at most "
		      "%lld",
		      (long long)p90_us / 1000, seen->copy_count, (long long)expect->ttft_p90_ms);
	expect_add_fate(
	    judgement,
	    text_format(
		judgement->arena, "first token p50 %lld ms, p90 %lld ms, p99 %lld ms of %zu",
		(long long)percentile(times, seen->copy_count, 50) / 1000, (long long)p90_us / 1000,
		(long long)percentile(times, seen->copy_count, 99) / 1000, seen->copy_count));
}

/* Said also where all is well: how much was really at once, and what came of it. */
static void tell(const struct judgement *judgement, size_t errors, size_t limited)
{
	const struct observation *seen = judgement->seen;
	size_t most = most_at_once(seen);
	struct text said = text_format(judgement->arena, "%zu at once", seen->copy_count);

	if (most < seen->copy_count)
		said = text_format(judgement->arena, "%.*s (never over %zu)", TEXT_ARG(said), most);
	if (errors > 0)
		said = text_format(judgement->arena, "%.*s: %zu failed", TEXT_ARG(said), errors);
	if (limited > 0)
		said = text_format(judgement->arena, "%.*s: %zu limited", TEXT_ARG(said), limited);
	expect_add_fate(judgement, said);
}

void expect_check_group(const struct expect_group *expect, const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;
	size_t errors = 0, limited = 0;

	if (expect->own)
		check_own(judgement);
	/* Of the group as a whole: once, and only when all have come. */
	if (seen->copy + 1 != seen->copy_count || seen->copies == NULL)
		return;
	for (size_t i = 0; i < seen->copy_count; i++) {
		errors += is_error(seen->copies[i].exchange);
		limited += is_limited(seen->copies[i].exchange);
	}
	check_share(judgement, errors, expect->errors, "failed");
	check_share(judgement, limited, expect->rate_limited, "were answered by 429");
	tell(judgement, errors, limited);
	check_ttft(expect, judgement);
}
