/* Budgets: all that apply or none, never beyond, by calendar. */
#include "tests/unit/proxy/budget_rig.h"

#include <pthread.h>

START_TEST(periods_are_calendar_ones_in_utc)
{
	const struct {
		int per;
		const char *moment, *start, *end;
	} rows[] = {
	    {CONFIG_HOUR, "2026-03-05T10:59:59.999Z", "2026-03-05T10:00:00Z",
	     "2026-03-05T11:00:00Z"},
	    {CONFIG_DAY, "2026-03-05T23:59:59Z", "2026-03-05", "2026-03-06"},
	    {CONFIG_WEEK, "2026-01-04T23:59:59Z", "2025-12-29", "2026-01-05"},
	    {CONFIG_WEEK, "2026-01-05T00:00:00Z", "2026-01-05", "2026-01-12"},
	    {CONFIG_MONTH, "2028-02-29T12:00:00Z", "2028-02-01", "2028-03-01"},
	    {CONFIG_MONTH, "2026-12-31T23:59:59Z", "2026-12-01", "2027-01-01"},
	    {CONFIG_MONTH, "2026-01-31T23:59:59Z", "2026-01-01", "2026-02-01"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int64_t moment, start, end;
		ck_assert(wall_parse(text_of(rows[i].moment), &moment));
		ck_assert(wall_parse(text_of(rows[i].start), &start));
		ck_assert(wall_parse(text_of(rows[i].end), &end));
		ck_assert_int_eq(budget_period_start(rows[i].per, moment), start);
		ck_assert_int_eq(budget_period_end(rows[i].per, moment), end);
	}
	ck_assert_int_eq(budget_period_start(CONFIG_PREPAID, NEW_YEAR_MS), 0);
	ck_assert_int_eq(budget_period_end(CONFIG_PREPAID, NEW_YEAR_MS), -1);
}
END_TEST

START_TEST(all_that_apply_or_none)
{
	struct rig rig;
	rig_open(&rig);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 10, CONFIG_DAY),
	    budget_of((struct config_scope){.provider = TEXT("lab")}, 4, CONFIG_HOUR),
	    budget_of((struct config_scope){.team = TEXT("ads")}, 0, CONFIG_DAY),
	};
	struct budget_table *table = table_of(&rig, budgets, 3, &no_ledger);
	struct budget_reservation first, second, third;
	struct budget_denial denial;
	struct arena arena = {0};

	ck_assert_int_eq(reserve(table, &search, 3, NEW_YEAR_MS, &first), BUDGET_RESERVED);
	assert_text(budget_names(table, &first, &arena),
	            "team=search per day; provider=lab per hour");
	ck_assert_int_eq(
	    budget_reserve(table, &search, 2, NEW_YEAR_MS + HOUR_MS / 2, &second, &denial),
	    BUDGET_DENIED);
	ck_assert_str_eq(denial.name, "provider=lab per hour");
	ck_assert(denial.of_target);
	ck_assert_int_eq(denial.left_pico_usd, 1);
	ck_assert_int_eq(denial.retry_after_s, 1800);
	/* What was denied has taken nothing: seven are left of ten elsewhere. */
	struct budget_scope elsewhere = {.team = TEXT("search"), .key_limit_pico_usd = -1};
	ck_assert_int_eq(reserve(table, &elsewhere, 8, NEW_YEAR_MS, &second), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &elsewhere, 7, NEW_YEAR_MS, &second), BUDGET_RESERVED);
	ck_assert_int_eq(budget_settle(table, &second, 2), 2);
	ck_assert_int_eq(budget_settle(table, &second, 2), -1); /* once */
	ck_assert_int_eq(reserve(table, &elsewhere, 6, NEW_YEAR_MS, &third), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &elsewhere, 5, NEW_YEAR_MS, &third), BUDGET_RESERVED);
	budget_release(table, &third);
	/* Unknown cost: what was reserved is gone. */
	ck_assert_int_eq(budget_settle(table, &first, -1), 3);
	ck_assert_int_eq(reserve(table, &search, 2, NEW_YEAR_MS, &third), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &search, 2, NEW_YEAR_MS + HOUR_MS, &third),
	                 BUDGET_RESERVED);
	/* Nothing applies, and prices are not needed; where one does, they are. */
	struct budget_scope nobody = {.key_limit_pico_usd = -1};
	ck_assert(!budget_needs_price(table, &(struct budget_scope){.team = TEXT("x"),
	                                                            .provider = TEXT("other"),
	                                                            .target = TEXT("other/m"),
	                                                            .key_limit_pico_usd = -1}));
	ck_assert(budget_needs_price(table, &nobody)); /* it may go to lab */
	ck_assert_int_eq(reserve(table, &search, -1, NEW_YEAR_MS, &third), BUDGET_UNPRICED);
	ck_assert_int_eq(reserve(table, &nobody, -1, NEW_YEAR_MS, &third), BUDGET_RESERVED);
	ck_assert_uint_eq(third.count, 0);
	arena_done(&arena);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

START_TEST(a_late_settlement_belongs_to_its_own_period)
{
	struct rig rig;
	rig_open(&rig);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 10, CONFIG_HOUR)};
	struct budget_table *table = table_of(&rig, budgets, 1, &no_ledger);
	struct budget_reservation late, fresh;

	ck_assert_int_eq(reserve(table, &search, 10, NEW_YEAR_MS, &late), BUDGET_RESERVED);
	ck_assert_int_eq(reserve(table, &search, 10, NEW_YEAR_MS + HOUR_MS, &fresh),
	                 BUDGET_RESERVED);
	ck_assert_int_eq(budget_settle(table, &late, 9), 9);
	budget_release(table, &fresh);
	ck_assert_int_eq(reserve(table, &search, 10, NEW_YEAR_MS + HOUR_MS, &fresh),
	                 BUDGET_RESERVED);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

/* Of all that happens to a clock nothing gives a budget twice. */
START_TEST(a_clock_that_goes_back_brings_no_new_period)
{
	struct rig rig;
	rig_open(&rig);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 10, CONFIG_HOUR)};
	struct budget_table *table = table_of(&rig, budgets, 1, &no_ledger);
	struct budget_reservation held;
	struct budget_denial denial;

	/* Before anything was booked, and afterwards. */
	ck_assert_int_eq(reserve(table, &search, 6, NEW_YEAR_MS - HOUR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(reserve(table, &search, 5, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(budget_reserve(table, &search, 5, NEW_YEAR_MS - HOUR_MS, &held, &denial),
	                 BUDGET_DENIED);
	/* Room comes with the hour after that in which it is booked; whole seconds, rounded up. */
	ck_assert_int_eq(denial.retry_after_s, 7200);
	ck_assert_int_eq(
	    budget_reserve(table, &search, 5, NEW_YEAR_MS + HOUR_MS - 1, &held, &denial),
	    BUDGET_DENIED);
	ck_assert_int_eq(denial.retry_after_s, 1);
	ck_assert_int_eq(reserve(table, &search, 10, NEW_YEAR_MS + HOUR_MS, &held),
	                 BUDGET_RESERVED);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

/* More than a reservation has room for: none of them is passed over. */
START_TEST(too_many_budgets_for_one_request_refuse_it)
{
	struct rig rig;
	rig_open(&rig);
	struct budget_scope scope = {
	    .team = TEXT("a"), .workflow = TEXT("b"), .task = TEXT("c"), .key_limit_pico_usd = -1};
	struct config_budget budgets[BUDGET_HELD_MAX + 1];
	struct budget_reservation held;

	/* Another scope or another period each. */
	for (size_t i = 0; i < ARRAY_LENGTH(budgets); i++) {
		size_t parts = 1 + i / (CONFIG_PREPAID + 1);
		struct config_scope wanted = {0};
		if ((parts & 1) != 0)
			wanted.team = scope.team;
		if ((parts & 2) != 0)
			wanted.workflow = scope.workflow;
		if ((parts & 4) != 0)
			wanted.task = scope.task;
		budgets[i] = budget_of(wanted, 10, (int)(i % (CONFIG_PREPAID + 1)));
	}
	struct budget_table *table = table_of(&rig, budgets, BUDGET_HELD_MAX, &no_ledger);
	ck_assert_int_eq(reserve(table, &scope, 1, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_uint_eq(held.count, BUDGET_HELD_MAX);
	budget_table_free(table);
	table = table_of(&rig, budgets, BUDGET_HELD_MAX + 1, &no_ledger);
	ck_assert_int_eq(reserve(table, &scope, 1, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_uint_eq(held.count, 0);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

/* --- threads ------------------------------------------------------------------------------ */

enum { THREADS = 8, ROUNDS = 5000, ROOM = 10 };

struct spender {
	struct budget_table *table;
	int admitted;
};

static void *spend(void *context)
{
	struct spender *spender = context;
	struct budget_reservation held;

	for (int i = 0; i < ROUNDS; i++) {
		if (reserve(spender->table, &search, 7, NEW_YEAR_MS, &held) != BUDGET_RESERVED)
			continue;
		if (i % 3 == 0) {
			budget_release(spender->table, &held);
			continue;
		}
		spender->admitted++;
		(void)budget_settle(spender->table, &held, 7);
	}
	return NULL;
}

START_TEST(side_by_side_they_never_overshoot)
{
	struct rig rig;
	rig_open(&rig);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 7 * ROOM + 6, CONFIG_DAY)};
	struct budget_table *table = table_of(&rig, budgets, 1, &no_ledger);
	struct spender spenders[THREADS];
	pthread_t threads[THREADS];
	int admitted = 0;

	for (int i = 0; i < THREADS; i++) {
		spenders[i] = (struct spender){table, 0};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, spend, &spenders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		admitted += spenders[i].admitted;
	}
	ck_assert_int_eq(admitted, ROOM);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

struct told {
	int soft, hard;
};

static void alerted(void *context, const struct budget_alert *alert)
{
	struct told *told = context;

	assert_text(alert->name, "team=search per hour");
	ck_assert_int_ge(alert->spent_pico_usd, 8);
	told->soft += !alert->hard;
	told->hard += alert->hard;
}

START_TEST(limits_alert_once_a_period_and_a_reload_keeps_what_is_known)
{
	struct rig rig;
	rig_open(&rig);
	struct told told = {0, 0};
	const struct budget_options options = {.alert = alerted, .context = &told};
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 10, CONFIG_HOUR)};
	budgets[0].soft = 0.8;
	struct budget_table *table = table_of(&rig, budgets, 1, &options);
	struct budget_reservation held;
	struct fault fault;

	ck_assert_int_eq(reserve(table, &search, 7, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(told.soft, 0);
	ck_assert_int_eq(reserve(table, &search, 1, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(told.soft, 1);
	ck_assert_int_eq(reserve(table, &search, 1, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(told.soft, 1);
	ck_assert_int_eq(told.hard, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(reserve(table, &search, 2, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(told.hard, 1);
	/* Under another limit both are news again. */
	budgets[0].limit_pico_usd = 11;
	ck_assert(budget_table_reload(table, &rig.config, NEW_YEAR_MS, &fault));
	ck_assert_int_eq(reserve(table, &search, 3, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &search, 2, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(told.soft, 2);
	ck_assert_int_eq(told.hard, 2);
	/* The same one, read again, is no other. */
	ck_assert(budget_table_reload(table, &rig.config, NEW_YEAR_MS, &fault));
	ck_assert_int_eq(reserve(table, &search, 3, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(told.hard, 2);
	ck_assert_int_eq(reserve(table, &search, 9, NEW_YEAR_MS + HOUR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(reserve(table, &search, 9, NEW_YEAR_MS + HOUR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(told.soft, 3);
	ck_assert_int_eq(told.hard, 3);
	rig.config.budgets.count = 0;
	ck_assert(budget_table_reload(table, &rig.config, NEW_YEAR_MS, &fault));
	ck_assert_int_eq(reserve(table, &search, 100, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

static void count_alerts(void *context, const struct budget_alert *alert UNUSED)
{
	++*(int *)context;
}

/* As a share of the largest limit it is one more than 64 bits hold. */
START_TEST(the_largest_limit_is_no_overflow_as_a_soft_one)
{
	struct rig rig;
	rig_open(&rig);
	int told = 0;
	const struct budget_options options = {.alert = count_alerts, .context = &told};
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, INT64_MAX, CONFIG_DAY)};
	budgets[0].soft = 1;
	struct budget_table *table = table_of(&rig, budgets, 1, &options);
	struct budget_reservation held;

	ck_assert_int_eq(reserve(table, &search, 1, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(told, 0);
	ck_assert_int_eq(reserve(table, &search, INT64_MAX - 1, NEW_YEAR_MS, &held),
	                 BUDGET_RESERVED);
	ck_assert_int_eq(told, 1);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

START_TEST(what_has_no_price_passes_where_each_budget_allows_it)
{
	struct rig rig;
	rig_open(&rig);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 10, CONFIG_DAY),
	    budget_of((struct config_scope){.provider = TEXT("lab")}, 4, CONFIG_DAY),
	};
	budgets[0].unpriced = CONFIG_ALLOW;
	struct budget_table *table = table_of(&rig, budgets, 2, &no_ledger);
	struct budget_scope team = {.team = TEXT("search"), .key_limit_pico_usd = -1};
	struct budget_scope both = {
	    .team = TEXT("search"), .provider = TEXT("lab"), .key_limit_pico_usd = -1};
	struct budget_reservation held, other;

	ck_assert_int_eq(reserve(table, &both, -1, NEW_YEAR_MS, &held), BUDGET_UNPRICED);
	ck_assert_int_eq(reserve(table, &team, -1, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	/* It holds nothing back, is told where it is booked, and what it cost is taken if told. */
	ck_assert_int_eq(reserve(table, &team, 10, NEW_YEAR_MS, &other), BUDGET_RESERVED);
	budget_release(table, &other);
	ck_assert_int_eq(budget_settle(table, &held, -1), 0);
	ck_assert_int_eq(reserve(table, &team, -1, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(budget_settle(table, &held, 11), 11);
	ck_assert_int_eq(reserve(table, &team, -1, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert(!budget_needs_price(table, &(struct budget_scope){.team = TEXT("search"),
	                                                            .provider = TEXT("other"),
	                                                            .target = TEXT("other/m"),
	                                                            .key_limit_pico_usd = -1}));
	/* A key's own budget says it for itself. */
	struct budget_scope key = {
	    .key = TEXT("k1"), .key_limit_pico_usd = 5, .key_per = CONFIG_DAY};
	ck_assert(budget_needs_price(table, &key));
	ck_assert_int_eq(reserve(table, &key, -1, NEW_YEAR_MS, &held), BUDGET_UNPRICED);
	key.key_unpriced = true;
	key.provider = TEXT("other");
	key.target = TEXT("other/m");
	ck_assert(!budget_needs_price(table, &key));
	ck_assert_int_eq(reserve(table, &key, -1, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	budget_release(table, &held);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, periods_are_calendar_ones_in_utc);
	tcase_add_test(cases, all_that_apply_or_none);
	tcase_add_test(cases, a_late_settlement_belongs_to_its_own_period);
	tcase_add_test(cases, a_clock_that_goes_back_brings_no_new_period);
	tcase_add_test(cases, too_many_budgets_for_one_request_refuse_it);
	tcase_add_test(cases, what_has_no_price_passes_where_each_budget_allows_it);
	tcase_add_test(cases, side_by_side_they_never_overshoot);
	tcase_add_test(cases, the_largest_limit_is_no_overflow_as_a_soft_one);
	tcase_add_test(cases, limits_alert_once_a_period_and_a_reload_keeps_what_is_known);
}

int main(void)
{
	return unit_main("budget", add);
}
