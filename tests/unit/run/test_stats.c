/*
 * The statistics against numbers made elsewhere: with exact rational numbers (Python:
 * fractions.Fraction and math.comb, sums of C(K,x) C(N-K,n-x) / C(N,n)), rounded once at the end.
 * The bounds of the sequential test are those of the likelihood ratio and (1-beta)/alpha and
 * beta/(1-alpha) as fractions. Its promises: test_verdict.c.
 */
#include "harness/run/stats.h"
#include "tests/unit/unit.h"

#include <math.h>

static const struct stats_sequential usual = {.95, .70, .05, .05};
static const struct stats_sequential critical = {.98, .80, .05, .05};
static const struct stats_sequential uneven = {.95, .70, .01, .10};

START_TEST(the_interval_is_wilsons)
{
	/* .44 at 3/3, .72 at 10/10, .90 at 35/35: small numbers deceive. */
	static const struct {
		int64_t ok, judged;
		double low, high;
	} known[] = {
	    {3, 3, 0.4385, 1}, {10, 10, 0.7225, 1},     {35, 35, 0.9011, 1},
	    {0, 3, 0, 0.5615}, {5, 10, 0.2366, 0.7634}, {81, 263, 0.2553, 0.3662},
	    {0, 0, 0, 1},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		double low, high;
		stats_wilson_interval(known[i].ok, known[i].judged, &low, &high);
		ck_assert_double_eq_tol(low, known[i].low, 0.0001);
		ck_assert_double_eq_tol(high, known[i].high, 0.0001);
	}
	/* What always or never held has an end of its interval at just 1 or 0. */
	for (int64_t judged = 1; judged <= 200; judged++) {
		double low, high;
		stats_wilson_interval(0, judged, &low, &high);
		ck_assert_double_eq(low, 0);
		stats_wilson_interval(judged, judged, &low, &high);
		ck_assert_double_eq(high, 1);
	}
}
END_TEST

START_TEST(fishers_test_is_exact)
{
	static const struct {
		int64_t base_ok, base_judged, head_ok, head_judged;
		double p;
	} known[] = {
	    {20, 20, 0, 3, 0.000564652738565782},
	    {10, 10, 3, 5, 0.09523809523809523},
	    {3, 3, 0, 3, 0.05},
	    {190, 200, 12, 20, 2.725407601102875e-05},
	    {200, 200, 3, 3, 1},
	    {95, 100, 15, 20, 0.01147963139391304},
	    {7, 10, 7, 10, 0.6857585139318886},
	    {0, 5, 0, 5, 1},
	    {5, 5, 5, 5, 1},
	    {140, 200, 700, 1000, 0.5366364794013231},
	    {999, 1000, 950, 1000, 1.262600071158292e-14},
	    {0, 0, 0, 3, 1},
	    {3, 3, 0, 0, 1},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		double p = stats_fisher_worse(known[i].base_ok, known[i].base_judged,
		                              known[i].head_ok, known[i].head_judged);
		ck_assert_double_eq_tol(p, known[i].p, 1e-12 * known[i].p);
	}
}
END_TEST

START_TEST(numbers_that_no_run_reaches_cost_no_time)
{
	int64_t much = INT64_MAX / 2;
	double p = stats_fisher_worse(much, much, much / 2, much);

	ck_assert_double_eq(p, 0);
	ck_assert_double_eq(stats_fisher_worse(INT64_MAX, INT64_MAX, 3, 3), 1);
}
END_TEST

START_TEST(pass_power_draws_without_putting_back)
{
	static const struct {
		int64_t ok, judged, k;
		double chance;
	} known[] = {
	    {3, 3, 3, 1},  {9, 10, 3, 0.7}, {19, 20, 5, 0.75},
	    {2, 10, 3, 0}, {7, 10, 1, 0.7}, {10, 20, 2, 0.2368421052631579},
	    {0, 1, 1, 0},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
		ck_assert_double_eq_tol(stats_pass_power(known[i].ok, known[i].judged, known[i].k),
		                        known[i].chance, 1e-15);
	ck_assert(isnan(stats_pass_power(3, 3, 4)));
	ck_assert(isnan(stats_pass_power(3, 3, 0)));
}
END_TEST

START_TEST(discoveries_are_those_of_benjamini_and_hochberg)
{
	/* The example of their paper (J. R. Stat. Soc. B 57, 1995, p. 295): four at .05. */
	static const double paper[] = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201,
	                               0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
	                               0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
	double p[15];
	double adjusted[15];
	size_t found = 0;

	/* Whatever the order they are given in. */
	for (size_t i = 0; i < 15; i++)
		p[i * 7 % 15] = paper[i];
	stats_benjamini_hochberg(p, 15, adjusted);
	for (size_t i = 0; i < 15; i++)
		found += adjusted[i] <= 0.05;
	ck_assert_uint_eq(found, 4);
	ck_assert_double_eq_tol(adjusted[0], 0.0015, 1e-15);
	ck_assert_double_eq_tol(adjusted[3 * 7 % 15], 0.0095 * 15 / 4, 1e-15);
	/* A later one that is smaller pulls the earlier ones down with it; never above 1. */
	double pulled[] = {0.04, 0.03, (double)NAN};
	stats_benjamini_hochberg(pulled, 3, pulled);
	ck_assert_double_eq_tol(pulled[0], 0.06, 1e-15);
	ck_assert_double_eq_tol(pulled[1], 0.06, 1e-15);
	ck_assert_double_eq(pulled[2], 1);
	double unknown[] = {0.01, (double)NAN, 0.02};
	stats_benjamini_hochberg(unknown, 3, unknown);
	ck_assert_double_eq_tol(unknown[0], 0.03, 1e-15);
	ck_assert_double_eq(unknown[1], 1);
	ck_assert_double_eq_tol(unknown[2], 0.03, 1e-15);
	stats_benjamini_hochberg(pulled, 0, pulled);
}
END_TEST

/* --- the sequential test --- */

/* For so many misses: from how many ok on it accepts, and up to how many it rejects. */
static void check_bounds(const struct stats_sequential *test, const int64_t accepts[8],
                         const int64_t rejects[8])
{
	for (int64_t missed = 0; missed < 8; missed++)
		for (int64_t ok = 0; ok < 100; ok++) {
			enum stats_decision want = ok >= accepts[missed]   ? STATS_ACCEPT
			                           : ok <= rejects[missed] ? STATS_REJECT
			                                                   : STATS_GO_ON;
			ck_assert_int_eq(stats_sequential_decide(test, ok, ok + missed), want);
		}
}

START_TEST(the_sequential_test_stops_where_exact_fractions_say)
{
	check_bounds(&usual, (const int64_t[]){10, 16, 22, 28, 34, 39, 45, 51},
	             (const int64_t[]){-1, -1, 2, 7, 13, 19, 25, 31});
	check_bounds(&critical, (const int64_t[]){15, 26, 38, 49, 60, 72, 83, 94},
	             (const int64_t[]){-1, -1, 8, 19, 30, 42, 53, 64});
	check_bounds(&uneven, (const int64_t[]){15, 21, 27, 33, 39, 45, 50, 56},
	             (const int64_t[]){-1, -1, 4, 10, 15, 21, 27, 33});
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, the_interval_is_wilsons);
	tcase_add_test(cases, fishers_test_is_exact);
	tcase_add_test(cases, numbers_that_no_run_reaches_cost_no_time);
	tcase_add_test(cases, pass_power_draws_without_putting_back);
	tcase_add_test(cases, discoveries_are_those_of_benjamini_and_hochberg);
	tcase_add_test(cases, the_sequential_test_stops_where_exact_fractions_say);
}

int main(void)
{
	return unit_main("stats", add);
}
