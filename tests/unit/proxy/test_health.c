/* Breakers, holds and refused keys, by a clock that is given. */
#include "proxy/health.h"

#include "tests/unit/unit.h"

static struct health_table *table;
static const struct provider provider = {.name = TEXT_INIT("p")};
static const struct provider other_provider = {.name = TEXT_INIT("q")};
static struct config_proxy settings;

static struct health *make(const struct provider *of, const char *name)
{
	struct target target = {.provider = of, .name = text_of(name)};

	return health_of(table, &target);
}

static void setup(void)
{
	settings = config_defaults.proxy;
	settings.breaker.min_requests = 4;
	table = health_table_new();
}

static void teardown(void)
{
	health_table_free(table);
}

static int opened; /* how often a breaker opened that was closed */

static void report(struct health *health, int64_t now_ms, int good, int failed)
{
	for (int i = 0; i < good; i++)
		(void)!health_report(health, &settings, now_ms, true);
	for (int i = 0; i < failed; i++)
		opened += health_report(health, &settings, now_ms, false);
}

START_TEST(it_opens_at_its_share_of_enough_requests)
{
	struct health *health = make(&provider, "p/a");

	report(health, 1000000, 0, 3);
	ck_assert_int_eq(health_look(health, 1000000), HEALTH_CLOSED);
	report(health, 1000000, 0, 1);
	ck_assert_int_eq(health_look(health, 1000000), HEALTH_OPEN);
	ck_assert_int_eq(health_look(make(&provider, "p/b"), 1000000), HEALTH_CLOSED);
	struct health *half = make(&provider, "p/c");
	report(half, 1000000, 5, 4);
	ck_assert_int_eq(health_look(half, 1000000), HEALTH_CLOSED);
	report(half, 1000000, 0, 1);
	ck_assert_int_eq(health_look(half, 1000000), HEALTH_OPEN);
	/* Told once, not for each failure while it is open, nor for a probe that fails. */
	ck_assert_int_eq(opened, 2);
	report(half, 1000000, 0, 3);
	report(half, 1000000 + settings.breaker.open_ms, 0, 1);
	ck_assert_int_eq(opened, 2);
	report(half, 1000000 + 2 * settings.breaker.open_ms, 1, 0);
	report(half, 1000000 + 2 * settings.breaker.open_ms, 0, 4);
	ck_assert_int_eq(opened, 3);
	/* It is a failure that opens it: a good answer that makes them enough does not. */
	struct health *better = make(&provider, "p/d");
	report(better, 1000000, 0, 3);
	report(better, 1000000, 1, 0);
	ck_assert_int_eq(health_look(better, 1000000), HEALTH_CLOSED);
}
END_TEST

START_TEST(failures_are_forgotten_with_their_window)
{
	struct health *health = make(&provider, "p/a");

	report(health, 1000000, 0, 3);
	report(health, 1000000 + settings.breaker.window_ms, 0, 1);
	ck_assert_int_eq(health_look(health, 1000000 + settings.breaker.window_ms), HEALTH_CLOSED);
	report(health, 1000000 + settings.breaker.window_ms, 0, 3);
	ck_assert_int_eq(health_look(health, 1000000 + settings.breaker.window_ms), HEALTH_OPEN);
	/* A reload that widens the window numbers its parts anew: the old ones are none of them. */
	struct health *widened = make(&provider, "p/b");
	settings.breaker.window_ms /= 10;
	report(widened, 1003000, 0, 3);
	settings.breaker.window_ms *= 10;
	report(widened, 1003000, 0, 1);
	ck_assert_int_eq(health_look(widened, 1003000), HEALTH_CLOSED);
}
END_TEST

START_TEST(one_probe_decides)
{
	struct health *health = make(&provider, "p/a");
	int64_t now_ms = 1000000;

	report(health, now_ms, 0, 4);
	now_ms += settings.breaker.open_ms;
	ck_assert_int_eq(health_look(health, now_ms), HEALTH_HALF_OPEN);
	ck_assert_int_eq(health_admit(health, now_ms), HEALTH_HALF_OPEN);
	ck_assert_int_eq(health_admit(health, now_ms), HEALTH_HELD); /* one alone */
	ck_assert_int_eq(health_wait_ms(health, now_ms), settings.breaker.open_ms);
	report(health, now_ms, 0, 1);
	ck_assert_int_eq(health_look(health, now_ms), HEALTH_OPEN);
	now_ms += settings.breaker.open_ms;
	ck_assert_int_eq(health_admit(health, now_ms), HEALTH_HALF_OPEN);
	report(health, now_ms, 1, 0);
	ck_assert_int_eq(health_look(health, now_ms), HEALTH_CLOSED);
	/* What was before is forgotten, also where it is within the window still. */
	report(health, now_ms, 0, 1);
	ck_assert_int_eq(health_look(health, now_ms), HEALTH_CLOSED);
	struct health *soon = make(&provider, "p/b");
	settings.breaker.open_ms = 1;
	report(soon, now_ms, 0, 4);
	report(soon, now_ms + 1, 1, 0);
	report(soon, now_ms + 1, 0, 2);
	ck_assert_int_eq(health_look(soon, now_ms + 1), HEALTH_CLOSED);
}
END_TEST

START_TEST(a_probe_that_never_ends_blocks_no_longer_than_the_breaker)
{
	struct health *health = make(&provider, "p/a");

	report(health, 1000000, 0, 4);
	ck_assert_int_eq(health_admit(health, 1030000), HEALTH_HALF_OPEN);
	ck_assert_int_eq(health_look(health, 1030000 + settings.breaker.open_ms), HEALTH_HALF_OPEN);
}
END_TEST

START_TEST(a_shorter_pause_never_shrinks_a_longer_one)
{
	struct health *health = make(&provider, "p/a");

	health_hold(health, 1000, 5000);
	health_hold(health, 2000, 1000);
	ck_assert_int_eq(health_look(health, 5999), HEALTH_HELD);
	ck_assert_int_eq(health_look(health, 6000), HEALTH_CLOSED);
	/* Nor does a breaker that opens again under a shorter setting. */
	report(health, 10000, 0, 4);
	int64_t until_ms = 10000 + settings.breaker.open_ms;
	settings.breaker.open_ms = 1;
	report(health, 10001, 0, 1);
	ck_assert_int_eq(health_look(health, until_ms - 1), HEALTH_OPEN);
}
END_TEST

START_TEST(a_refused_key_is_all_targets_of_one_provider)
{
	struct health *first = make(&provider, "p/a");
	struct health *second = make(&provider, "p/b");
	struct health *other = make(&other_provider, "q/a");

	health_key_refused(first, 1000, 5000);
	ck_assert_int_eq(health_look(second, 1000), HEALTH_NO_KEY);
	ck_assert_int_eq(health_look(other, 1000), HEALTH_CLOSED);
	health_keys_changed(table);
	ck_assert_int_eq(health_look(second, 1000), HEALTH_CLOSED);
}
END_TEST

/* As Prometheus has it: a bound belongs to what is at or below it. */
START_TEST(a_bound_belongs_to_its_bucket)
{
	struct health_histogram histogram = {0};

	health_histogram_add(&histogram, 5000);
	health_histogram_add(&histogram, 5001);
	ck_assert_uint_eq(atomic_load(&histogram.buckets[0]), 1);
	ck_assert_uint_eq(atomic_load(&histogram.buckets[1]), 1);
	ck_assert_int_eq(health_histogram_quantile(&histogram, 0.5, 3), -1);
	ck_assert_int_eq(health_histogram_quantile(&histogram, 0.5, 2), 5000);
}
END_TEST

START_TEST(a_target_is_one_however_often_it_is_named)
{
	struct health *health = make(&provider, "p/a");

	ck_assert_ptr_eq(health, make(&provider, "p/a"));
	ck_assert_ptr_ne(health, make(&provider, "p/b"));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, it_opens_at_its_share_of_enough_requests);
	tcase_add_test(cases, failures_are_forgotten_with_their_window);
	tcase_add_test(cases, one_probe_decides);
	tcase_add_test(cases, a_probe_that_never_ends_blocks_no_longer_than_the_breaker);
	tcase_add_test(cases, a_shorter_pause_never_shrinks_a_longer_one);
	tcase_add_test(cases, a_refused_key_is_all_targets_of_one_provider);
	tcase_add_test(cases, a_bound_belongs_to_its_bucket);
	tcase_add_test(cases, a_target_is_one_however_often_it_is_named);
}

int main(void)
{
	return unit_main("health", add);
}
