/* GCRA: a minute's worth at once, then evenly; all limits or none; streams; corrections. */
#include "proxy/keys/rate.h"
#include "tests/unit/unit.h"

static const int64_t SECOND_US = 1000000;

static int64_t take(struct rate_table *table, const struct rate_limits *limits, int64_t tokens,
                    int64_t now_us)
{
	int64_t wait;
	enum rate_result result = rate_take(table, TEXT("k"), limits, tokens, now_us, &wait);

	ck_assert_int_eq(result == RATE_TAKEN, wait == 0);
	return wait;
}

START_TEST(a_minute_comes_at_once_and_then_evenly)
{
	/* 7 does not divide a minute: rounding must not cost the last one. */
	struct rate_table *table = rate_table_new();
	const struct rate_limits limits = {.requests_per_minute = 7};

	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(take(table, &limits, 0, 5 * SECOND_US), 0);
	int64_t wait = take(table, &limits, 0, 5 * SECOND_US);
	ck_assert_int_eq(wait, 8572);
	ck_assert_int_eq(rate_retry_after_s(wait), 9);
	/* A refusal costs nothing: what it said holds. */
	ck_assert_int_eq(take(table, &limits, 0, 5 * SECOND_US + (wait - 1) * 1000), 1);
	ck_assert_int_eq(take(table, &limits, 0, 5 * SECOND_US + wait * 1000), 0);
	ck_assert_int_gt(take(table, &limits, 0, 5 * SECOND_US + wait * 1000), 8000);
	/* Another key has its own bucket, and a clock that goes back opens nothing. */
	int64_t other;
	ck_assert_int_eq(rate_take(table, TEXT("l"), &limits, 0, 0, &other), RATE_TAKEN);
	wait = take(table, &limits, 0, 0);
	ck_assert_int_gt(wait, 8000);
	ck_assert_int_le(wait, 8572); /* nor is anybody kept longer for it */
	/* A limit that no minute can hold is none. */
	const struct rate_limits endless = {.requests_per_minute = INT64_MAX};
	ck_assert_int_eq(rate_take(table, TEXT("m"), &endless, 0, 0, &other), RATE_TAKEN);
	rate_table_free(table);
}
END_TEST

START_TEST(tokens_are_estimated_and_then_corrected)
{
	struct rate_table *table = rate_table_new();
	const struct rate_limits limits = {.tokens_per_minute = 600};

	ck_assert_int_eq(take(table, &limits, 600, 0), 0);
	ck_assert_int_eq(take(table, &limits, 10, 0), 1000);
	rate_end(table, TEXT("k"), &limits, 600, 100);
	ck_assert_int_eq(take(table, &limits, 500, 0), 0);
	rate_end(table, TEXT("k"), &limits, 500, -1);
	ck_assert_int_eq(take(table, &limits, 1, 0), 100);
	ck_assert_int_eq(take(table, &limits, 1, 99999), 1); /* a microsecond is time, too */
	/* More than a minute has: passes a rested bucket, and only that. */
	ck_assert_int_eq(take(table, &limits, 100000, 59 * SECOND_US), 1000);
	ck_assert_int_eq(take(table, &limits, 100000, 60 * SECOND_US), 0);
	rate_table_free(table);
}
END_TEST

START_TEST(one_limit_that_refuses_leaves_the_others_untouched)
{
	struct rate_table *table = rate_table_new();
	const struct rate_limits limits = {.requests_per_minute = 2, .tokens_per_minute = 100};
	int64_t wait;

	ck_assert_int_eq(rate_take(table, TEXT("k"), &limits, 60, 0, &wait), RATE_TAKEN);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(rate_take(table, TEXT("k"), &limits, 60, 0, &wait), RATE_TOKENS);
	ck_assert_int_eq(rate_take(table, TEXT("k"), &limits, 40, 0, &wait), RATE_TAKEN);
	ck_assert_int_eq(rate_take(table, TEXT("k"), &limits, 0, 0, &wait), RATE_REQUESTS);
	rate_table_free(table);
}
END_TEST

START_TEST(streams_are_counted_while_they_last)
{
	struct rate_table *table = rate_table_new();
	const struct rate_limits limits = {.streams = 2};
	int64_t wait;

	ck_assert_int_eq(take(table, &limits, 0, 0), 0);
	ck_assert_int_eq(take(table, &limits, 0, 0), 0);
	ck_assert_int_eq(rate_take(table, TEXT("k"), &limits, 0, 0, &wait), RATE_STREAMS);
	ck_assert_int_eq(wait, 1000);
	ck_assert_int_eq(rate_retry_after_s(wait), 1);
	ck_assert_int_eq(rate_retry_after_s(0), 1);
	rate_end(table, TEXT("k"), &limits, 0, -1);
	ck_assert_int_eq(take(table, &limits, 0, 0), 0);
	/* Many subjects: the table grows, and forgets none. */
	for (int i = 0; i < 1000; i++) {
		char name[16];
		int len = snprintf(name, sizeof(name), "n%d", i);
		ck_assert_int_eq(
		    rate_take(table, (struct text){name, (size_t)len}, &limits, 0, 0, &wait),
		    RATE_TAKEN);
	}
	ck_assert_int_eq(rate_take(table, TEXT("k"), &limits, 0, 0, &wait), RATE_STREAMS);
	/* Where another limit is reached as well, both must have room. */
	const struct rate_limits both = {.requests_per_minute = 1, .streams = 1};
	ck_assert_int_eq(rate_take(table, TEXT("b"), &both, 0, 0, &wait), RATE_TAKEN);
	ck_assert_int_eq(rate_take(table, TEXT("b"), &both, 0, 0, &wait), RATE_STREAMS);
	ck_assert_int_eq(wait, 60000);
	rate_table_free(table);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_minute_comes_at_once_and_then_evenly);
	tcase_add_test(cases, tokens_are_estimated_and_then_corrected);
	tcase_add_test(cases, one_limit_that_refuses_leaves_the_others_untouched);
	tcase_add_test(cases, streams_are_counted_while_they_last);
}

int main(void)
{
	return unit_main("rate", add);
}
