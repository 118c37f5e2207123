/* Tables of budgets, with a ledger or without one. */
#ifndef PROVISO_TESTS_UNIT_PROXY_BUDGET_RIG_H
#define PROVISO_TESTS_UNIT_PROXY_BUDGET_RIG_H

#include "proxy/keys/budget.h"
#include "tests/unit/proxy/ledger_rig.h"

#include <math.h>

static const int64_t NEW_YEAR_MS = 1767225600000; /* 2026-01-01, a Thursday */
static const int64_t HOUR_MS = 3600000;

static inline struct config_budget budget_of(struct config_scope scope, int64_t limit, int per)
{
	return (struct config_budget){
	    .scope = scope, .limit_pico_usd = limit, .per = per, .soft = (double)NAN};
}

static inline struct budget_table *table_of(struct rig *rig, struct config_budget *budgets,
                                            size_t count, const struct budget_options *options)
{
	struct budget_table *table;
	struct fault fault;

	rig->config.budgets = (struct setting_list){budgets, count};
	ck_assert_msg(budget_table_new(&rig->config, options, NEW_YEAR_MS, &table, &fault), "%s",
	              fault.message);
	return table;
}

static const struct budget_options no_ledger = {.ledger_path = NULL};
static const struct budget_scope search = {
    .team = TEXT_INIT("search"),
    .provider = TEXT_INIT("lab"),
    .target = TEXT_INIT("lab/small"),
    .key_limit_pico_usd = -1,
};

static inline enum budget_result reserve(struct budget_table *table,
                                         const struct budget_scope *scope, int64_t bound,
                                         int64_t now, struct budget_reservation *out)
{
	struct budget_denial denial;

	return budget_reserve(table, scope, bound, now, out, &denial);
}

#endif
