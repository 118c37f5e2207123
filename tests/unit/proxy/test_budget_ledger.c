/* Budgets and the ledger: what was spent is known through restarts, reloads, leaps and other files.
 */
#include "tests/unit/proxy/budget_rig.h"

static const int64_t USD = 1000000000000;

START_TEST(a_restart_knows_what_was_spent_and_what_was_reserved)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct ledger_row row = rig_row("r1", 1, 3 * USD);

	row.key_id = TEXT("k1");
	ledger_write(port, &row, NULL, NULL); /* no budget applied then: its cost counts */
	row.request_id = TEXT("r2");
	row.cost_pico_usd = -1;
	row.charged_pico_usd = 2 * USD; /* cost unknown: what was reserved counts */
	ledger_write(port, &row, NULL, NULL);
	row.request_id = TEXT("r3"); /* in flight at the crash */
	ledger_begin(port, &row, NULL);
	row.request_id = TEXT("r4");
	row.begun = 0;
	row.started_wall_ms -= 1; /* last year's */
	ledger_write(port, &row, NULL, NULL);
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	ledger = rig_ledger(&rig);

	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 8 * USD, CONFIG_DAY),
	    budget_of((struct config_scope){.provider = TEXT("lab")}, 10 * USD, CONFIG_PREPAID),
	    budget_of((struct config_scope){.provider = TEXT("la")}, 10 * USD, CONFIG_PREPAID),
	};
	const struct budget_options options = {.ledger_path = rig.path};
	struct budget_table *table = table_of(&rig, budgets, 3, &options);
	struct budget_reservation held;
	struct budget_scope team = {.team = TEXT("search"), .key_limit_pico_usd = -1};
	ck_assert_int_eq(reserve(table, &team, USD + 1, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &team, USD, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	budget_release(table, &held);
	struct budget_scope provider = {.provider = TEXT("lab"), .key_limit_pico_usd = -1};
	ck_assert_int_eq(reserve(table, &provider, USD + 1, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &provider, USD, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	/* No other provider's, whose name begins alike. */
	provider.provider = TEXT("la");
	ck_assert_int_eq(reserve(table, &provider, 10 * USD, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	/* A key's own budget is read when the key first comes. */
	struct budget_scope key = {
	    .key = TEXT("k1"), .key_limit_pico_usd = 8 * USD, .key_per = CONFIG_DAY};
	ck_assert_int_eq(reserve(table, &key, USD + 1, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &key, USD, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	budget_table_free(table);
	ledger_close(ledger);
	rig_close(&rig);
}
END_TEST

/* One row of the team's, on disk. */
static void write_cost(struct rig *rig, const char *id, int64_t cost)
{
	struct ledger *ledger = rig_ledger(rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct ledger_row row = rig_row(id, 1, cost);

	row.key_id = TEXT("k1");
	ledger_write(port, &row, NULL, NULL);
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
}

/* While the config has it not, nothing is booked on it: what was spent then is in the ledger. */
START_TEST(a_budget_that_comes_back_knows_what_was_spent_without_it)
{
	struct rig rig;
	rig_open(&rig);
	write_cost(&rig, "r1", 1);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 10, CONFIG_DAY)};
	const struct budget_options options = {.ledger_path = rig.path};
	struct budget_table *table = table_of(&rig, budgets, 1, &options);
	struct budget_reservation early, held;
	struct fault fault;

	ck_assert_int_eq(reserve(table, &search, 2, NEW_YEAR_MS, &early), BUDGET_RESERVED);
	rig.config.budgets.count = 0;
	ck_assert(budget_table_reload(table, &rig.config, NEW_YEAR_MS, &fault));
	ck_assert_int_eq(reserve(table, &search, 5, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_uint_eq(held.count, 0);
	write_cost(&rig, "r2", 5);
	rig.config.budgets.count = 1;
	ck_assert(budget_table_reload(table, &rig.config, NEW_YEAR_MS, &fault));
	/* 6 are spent, and 2 still held by who came before: 2 are left. */
	ck_assert_int_eq(reserve(table, &search, 3, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(budget_settle(table, &early, 1), 1);
	ck_assert_int_eq(reserve(table, &search, 4, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &search, 3, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	/* In a later period than its own it begins anew. */
	rig.config.budgets.count = 0;
	ck_assert(budget_table_reload(table, &rig.config, NEW_YEAR_MS, &fault));
	rig.config.budgets.count = 1;
	ck_assert(budget_table_reload(table, &rig.config, NEW_YEAR_MS + 24 * HOUR_MS, &fault));
	ck_assert_int_eq(reserve(table, &search, 10, NEW_YEAR_MS + 24 * HOUR_MS, &held),
	                 BUDGET_RESERVED);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

/* It does not wait for the year to which the clock had leapt; and nothing is given twice. */
START_TEST(a_clock_that_comes_back_from_far_ahead_finds_what_was_spent)
{
	struct rig rig;
	rig_open(&rig);
	write_cost(&rig, "r1", 3);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 10, CONFIG_HOUR)};
	const struct budget_options options = {.ledger_path = rig.path};
	struct budget_table *table = table_of(&rig, budgets, 1, &options);
	struct budget_reservation held, far;
	struct budget_denial denial;
	int64_t far_ms = NEW_YEAR_MS + 400 * 24 * HOUR_MS;

	ck_assert_int_eq(reserve(table, &search, 2, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(budget_settle(table, &held, 2), 2);
	write_cost(&rig, "r2", 2);
	ck_assert_int_eq(reserve(table, &search, 4, far_ms, &far), BUDGET_RESERVED);
	/* While that is held its period stays. */
	ck_assert_int_eq(budget_reserve(table, &search, 7, NEW_YEAR_MS, &held, &denial),
	                 BUDGET_DENIED);
	ck_assert_int_gt(denial.retry_after_s, 3600);
	ck_assert_int_eq(budget_settle(table, &far, 4), 4);
	write_cost(&rig, "r3", 4);
	ck_assert_int_eq(budget_reserve(table, &search, 2, NEW_YEAR_MS, &held, &denial),
	                 BUDGET_DENIED);
	ck_assert_int_eq(denial.retry_after_s, 3600);
	ck_assert_int_eq(reserve(table, &search, 1, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	ck_assert_int_eq(reserve(table, &search, 10, NEW_YEAR_MS + HOUR_MS, &held),
	                 BUDGET_RESERVED);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

static void rename_all(const char *from, const char *to)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	char old[128], fresh[128];

	for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
		(void)snprintf(old, sizeof(old), "%s%s", from, endings[i]);
		(void)snprintf(fresh, sizeof(fresh), "%s%s", to, endings[i]);
		ck_assert(rename(old, fresh) == 0 || i > 0);
	}
}

/* A ledger that was taken away is known as far as it went, until another stands at its place. */
START_TEST(what_was_spent_is_read_where_the_ledger_is_now)
{
	struct rig rig;
	rig_open(&rig);
	write_cost(&rig, "r1", 3);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, 10, CONFIG_DAY)};
	const struct budget_options options = {.ledger_path = rig.path};
	struct budget_table *table = table_of(&rig, budgets, 0, &options);
	struct budget_scope key = {
	    .key = TEXT("k1"), .key_limit_pico_usd = 10, .key_per = CONFIG_DAY};
	struct budget_reservation held;
	struct fault fault;
	char away[128];

	(void)snprintf(away, sizeof(away), "%s.away", rig.path);
	rename_all(rig.path, away);
	ck_assert_int_eq(reserve(table, &key, 8, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &key, 7, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	write_cost(&rig, "r2", 6);
	rig.config.budgets.count = 1;
	ck_assert(budget_table_reload(table, &rig.config, NEW_YEAR_MS, &fault));
	ck_assert_int_eq(reserve(table, &search, 5, NEW_YEAR_MS, &held), BUDGET_DENIED);
	ck_assert_int_eq(reserve(table, &search, 4, NEW_YEAR_MS, &held), BUDGET_RESERVED);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

/* More than 64 bits of 10^-12 USD: as much as they hold, and no budget has room. */
START_TEST(nine_million_dollars_are_no_overflow)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct ledger_row row = rig_row("r1", 1, INT64_C(5000000) * USD);

	ledger_write(port, &row, NULL, NULL);
	row.request_id = TEXT("r2");
	ledger_write(port, &row, NULL, NULL);
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	struct config_budget budgets[] = {
	    budget_of((struct config_scope){.team = TEXT("search")}, INT64_MAX, CONFIG_PREPAID)};
	const struct budget_options options = {.ledger_path = rig.path};
	struct budget_table *table = table_of(&rig, budgets, 1, &options);
	struct budget_reservation held;
	ck_assert_int_eq(reserve(table, &search, 1, NEW_YEAR_MS, &held), BUDGET_DENIED);
	budget_table_free(table);
	rig_close(&rig);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_restart_knows_what_was_spent_and_what_was_reserved);
	tcase_add_test(cases, a_budget_that_comes_back_knows_what_was_spent_without_it);
	tcase_add_test(cases, a_clock_that_comes_back_from_far_ahead_finds_what_was_spent);
	tcase_add_test(cases, what_was_spent_is_read_where_the_ledger_is_now);
	tcase_add_test(cases, nine_million_dollars_are_no_overflow);
}

int main(void)
{
	return unit_main("budget_ledger", add);
}
