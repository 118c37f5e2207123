/* What a forecast says of counts that are missing, and what it tells beside the sums. */
#include "tests/unit/run/forecast_rig.h"

/* --- what is missing ---------------------------------------------------------------------- */

#define ONE_ROUTE "routes: {r: {targets: [a/m], strategy: ordered}}\n"

START_TEST(missing_counts_are_estimated_with_an_interval)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	/* Outputs 100 and 300: mean 200, deviation sqrt(20000). */
	struct traffic_row rows[] = {row_of(0, 1000, 100), row_of(1, 1000, 300),
	                             row_of(2, 1000, -1), row_of(3, 1000, -1)};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		take(&rows[i]);
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert_int_eq(policy->estimated, 2);
	ck_assert_int_eq(result.missing_output, 2);
	/* 4000 in and 800 out at a millionth USD each; two draws from two seen: s * sqrt(2 + 2). */
	ck_assert(policy->cost.expected == (money)4800 * 1000000);
	int64_t half = (int64_t)llround(1.96 * sqrt(20000.0) * 2);
	ck_assert_int_eq(half, 554);
	ck_assert(policy->cost.low == (money)(4400 + 0) * 1000000); /* not below nothing */
	ck_assert(policy->cost.high == (money)(4800 + half) * 1000000);
	ck_assert_int_eq(policy->served, 4);
}
END_TEST

/* A kind that was seen once may be anything up to twice that; what others are like is no matter. */
START_TEST(a_count_is_estimated_by_its_own_kind)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row other = row_of(0, 1000, 5000), seen = row_of(1, 1000, 100);
	struct traffic_row missing = row_of(2, 1000, -1);
	other.task = TEXT("review");
	take(&other);
	take(&seen);
	take(&missing);
	take(&missing);
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert(policy->cost.low == (money)(4000 + 5100) * 1000000);
	ck_assert(policy->cost.expected == (money)(4000 + 5300) * 1000000);
	ck_assert(policy->cost.high == (money)(4000 + 5500) * 1000000);
}
END_TEST

START_TEST(moments_outside_are_counted_apart_in_whatever_order_they_come)
{
	configure(ONE_ROUTE);
	build();
	const struct forecast_setup setup = {
	    .router = router,
	    .baseline = SIZE_MAX,
	    .now_wall_ms = ROUTING_NOW_MS,
	    .at_wall_ms = FORECAST_AS_LOGGED,
	    .since_wall_ms = 10,
	    .until_wall_ms = 20,
	};
	static const int64_t moments[] = {9, 15, 10, 19, 12, 20};

	ck_assert_msg(forecast_new(&setup, &rig.arena, &forecast, &fault), "%s", fault.message);
	for (size_t i = 0; i < ARRAY_LENGTH(moments); i++) {
		struct traffic_row row = row_of(moments[i], 100, 10);
		take(&row);
	}
	forecast_finish(forecast, &result);
	ck_assert_int_eq(result.requests, 4);
	ck_assert_int_eq(result.outside, 2);
	ck_assert_int_eq(result.first_wall_ms, 10);
	ck_assert_int_eq(result.last_wall_ms, 19);
	ck_assert_int_eq(result.span_ms, 10);
}
END_TEST

START_TEST(counts_that_nobody_knows_stay_unknown)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(0, 1000, -1);
	take(&row);
	forecast_finish(forecast, &result);
	ck_assert_int_eq(policy_of("routes")->unpriced, 1);
	ck_assert(policy_of("routes")->cost.expected == 0);
}
END_TEST

START_TEST(counts_that_the_proxy_guessed_have_an_interval)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(0, 900, 300);
	row.estimated = true;
	take(&row);
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert(policy->cost.low == (money)800 * 1000000);
	ck_assert(policy->cost.expected == (money)1200 * 1000000);
	ck_assert(policy->cost.high == (money)2400 * 1000000);
}
END_TEST

/* --- what is told beside -------------------------------------------------------------------- */

START_TEST(the_baseline_is_compared_on_the_same_requests)
{
	configure("routes: {r: {targets: [a/m, c/m], strategy: ordered}}\n");
	build();
	start(2);                                           /* c/m */
	assert_text(router_target(router, 2)->name, "b/m"); /* routes' targets come first */
	struct traffic_row small = row_of(0, 1000, 100), large = row_of(1, 50000, 100);
	take(&small);
	take(&large);
	forecast_finish(forecast, &result);
	/* b can't hold the large one, so it is in neither sum. */
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert_int_eq(policy->served, 2);
	ck_assert_int_eq(policy->compared, 1);
	ck_assert(policy->compared_cost.expected == (money)1100 * 1000000);
	ck_assert(policy->baseline_cost.expected == (money)(500 + 900) * 1000000);
}
END_TEST

START_TEST(gaps_say_what_is_in_the_way)
{
	configure("routes: {r: {targets: [e/m]}}\n");
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(0, 10, 10), other = row_of(1, 10, 10);
	other.asked = TEXT("nowhere");
	take(&row);
	take(&row);
	take(&other);
	row.output_tokens = -1; /* and two whose counts are missing */
	take(&row);
	take(&row);
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert_int_eq(policy->unproven, 5);
	ck_assert_int_eq(policy->open, 4);
	ck_assert_int_eq(policy->unknown, 1);
	ck_assert_int_eq(policy->served, 0);
	ck_assert_uint_eq(result.gap_count, 2);
	ck_assert_int_eq(result.gaps[0].requests, 4);
	assert_text(result.gaps[0].reason, "e/m: CH-01 was never asked");
	assert_text(result.gaps[1].asked, "nowhere");
	ck_assert(text_find(result.gaps[1].reason, TEXT("no route"), 0) != TEXT_NOT_FOUND);
}
END_TEST

START_TEST(a_feature_that_nobody_knows_is_refused)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(0, 10, 10);
	row.features = TEXT("chat telepathy");
	ck_assert(!forecast_add(forecast, &row, &fault));
	assert_fault_says(&fault, "no feature \"telepathy\"");
}
END_TEST

START_TEST(the_front_holds_what_nothing_beats)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(7 * 3600000, 1000, 100); /* b's window: a tenth */
	take(&row);
	forecast_finish(forecast, &result);
	ck_assert(policy_of("b/m")->on_front);  /* cheapest */
	ck_assert(policy_of("c/m")->on_front);  /* best */
	ck_assert(!policy_of("a/m")->on_front); /* dearer and worse than b */
	ck_assert(!policy_of("d/m")->on_front); /* no price */
	ck_assert(!policy_of("e/m")->on_front); /* nothing measured */
}
END_TEST

START_TEST(spend_is_kept_in_buckets_that_widen_and_lose_nothing)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	for (int i = 0; i < 3000; i++) {
		struct traffic_row row =
		    row_of((1000 + draw(400)) * DAY_MS + draw(DAY_MS), 1000, i);
		take(&row);
	}
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	money sum = 0;
	for (size_t i = 0; i < result.bucket_count; i++)
		sum += policy->spend[i];
	ck_assert(sum == policy->cost.expected);
	ck_assert_uint_le(result.bucket_count, FORECAST_BUCKETS);
	ck_assert_int_eq(result.bucket_ms % DAY_MS, 0);
	ck_assert_int_le(result.bucket_first_ms, result.first_wall_ms);
	ck_assert_int_gt(result.bucket_first_ms + (int64_t)result.bucket_count * result.bucket_ms,
	                 result.last_wall_ms);
}
END_TEST

/* Off-peak hours stay off-peak hours, in a week in which the price holds. */
START_TEST(a_log_is_moved_by_whole_weeks)
{
	struct forecast_setup setup = {.baseline = SIZE_MAX,
	                               .now_wall_ms = ROUTING_NOW_MS,
	                               .since_wall_ms = 1000,
	                               .until_wall_ms = 2 * DAY_MS};

	configure(ONE_ROUTE);
	build();
	setup.router = router;
	setup.at_wall_ms = 100 * DAY_MS;
	ck_assert(forecast_new(&setup, &rig.arena, &forecast, &fault));
	struct traffic_row early = row_of(999, 1, 1), row = row_of(3600000, 1, 1);
	take(&early);
	take(&row);
	forecast_finish(forecast, &result);
	ck_assert_int_eq(result.outside, 1);
	ck_assert_int_eq(result.requests, 1);
	ck_assert_int_eq(result.shift_ms % (7 * DAY_MS), 0);
	int64_t moved = row.wall_ms + result.shift_ms;
	ck_assert(moved >= 100 * DAY_MS && moved < 107 * DAY_MS);
	ck_assert_int_eq(result.span_ms, 2 * DAY_MS - 1000);
	ck_assert(forecast_per_days(86400000 - 500, 1, 2 * DAY_MS - 1000) == 43200000);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, missing_counts_are_estimated_with_an_interval);
	tcase_add_test(cases, a_count_is_estimated_by_its_own_kind);
	tcase_add_test(cases, moments_outside_are_counted_apart_in_whatever_order_they_come);
	tcase_add_test(cases, counts_that_nobody_knows_stay_unknown);
	tcase_add_test(cases, counts_that_the_proxy_guessed_have_an_interval);
	tcase_add_test(cases, the_baseline_is_compared_on_the_same_requests);
	tcase_add_test(cases, gaps_say_what_is_in_the_way);
	tcase_add_test(cases, a_feature_that_nobody_knows_is_refused);
	tcase_add_test(cases, the_front_holds_what_nothing_beats);
	tcase_add_test(cases, spend_is_kept_in_buckets_that_widen_and_lose_nothing);
	tcase_add_test(cases, a_log_is_moved_by_whole_weeks);
}

int main(void)
{
	return unit_main("forecast_told", add);
}
