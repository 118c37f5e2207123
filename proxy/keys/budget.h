/*
 * Budgets: reserve, then settle. What a request may cost at most is taken from every budget that
 * applies, or from none, in one stroke; afterwards the truth takes its place. So requests side by
 * side never overshoot a hard budget. Shared by all workers; what was spent before comes from the
 * ledger.
 *
 * Periods are calendar hours, days, weeks (from Monday) and months in UTC; prepaid never resets.
 * A reservation belongs to the period in which it was made, also when it is settled later.
 */
#ifndef PROVISO_PROXY_BUDGET_H
#define PROVISO_PROXY_BUDGET_H

#include "harness/run/config/config.h"

struct budget_table;

/* A budget crossed its soft limit, or had no room for a request: each once a period. Called on the
 * thread that reserved or settled, outside of all locks; the texts are valid during the call. */
struct budget_alert {
	bool hard;                              /* a request was refused for it */
	struct text name;                       /* "team=search per month" */
	int64_t limit_pico_usd, spent_pico_usd; /* what is reserved counts as spent */
	int64_t period_wall_ms;                 /* its beginning */
};

struct budget_options {
	const char *ledger_path; /* NULL: nothing was spent before, and a restart forgets */
	void (*alert)(void *context, const struct budget_alert *alert); /* may be NULL */
	void *context;
};

/* Of a config's budgets. Reads the ledger: call it after ledger_open, which settles what a crash
 * left. Main thread. */
MUST_CHECK bool budget_table_new(const struct config *config, const struct budget_options *options,
                                 int64_t now_wall_ms, struct budget_table **out,
                                 struct fault *fault);
void budget_table_free(struct budget_table *table);
/*
 * Another config's: budgets that stay (same scope, same period) keep what they know, under their
 * new limit; new ones, and those that come back, are read from the ledger. Main thread, while
 * workers go on. On a fault all stays as it was.
 */
MUST_CHECK bool budget_table_reload(struct budget_table *table, const struct config *config,
                                    int64_t now_wall_ms, struct fault *fault);

/* What an attempt is booked on; data NULL: nothing. */
struct budget_scope {
	struct text key, team, workflow, task, provider, target;
	int64_t key_limit_pico_usd; /* the key's own budget; -1: none */
	int key_per;                /* enum config_period */
	bool key_unpriced;          /* that budget lets pass what has no known price */
};

/* Whether some budget would apply that lets nothing unpriced pass, target and provider aside where
 * they are not said (any of them may match). */
MUST_CHECK bool budget_needs_price(struct budget_table *table, const struct budget_scope *scope);

enum { BUDGET_HELD_MAX = 16, BUDGET_NAMES_BYTES = 512 };

/* Plain memory of the holder; zeroed: nothing is reserved. */
struct budget_reservation {
	struct {
		size_t account;
		int64_t period_wall_ms;
	} held[BUDGET_HELD_MAX];
	size_t count; /* 0: no budget applies */
	int64_t pico_usd;
};

enum budget_result {
	BUDGET_RESERVED, /* also where none applies: count is 0 */
	BUDGET_DENIED,   /* some budget has no room: nothing was reserved */
	BUDGET_UNPRICED, /* the bound is unknown, and a budget applies that lets none such pass */
};

struct budget_denial {
	char name[BUDGET_NAMES_BYTES]; /* of the budget without room */
	bool of_target; /* its scope names a provider or target: another candidate may have room */
	int64_t left_pico_usd;
	int64_t retry_after_s; /* until its next period; -1: prepaid */
};

/* bound_pico_usd: what the attempt may cost at most, rounded up; -1: unknown. Any thread. More than
 * BUDGET_HELD_MAX that apply: denied. */
MUST_CHECK enum budget_result
budget_reserve(struct budget_table *table, const struct budget_scope *scope, int64_t bound_pico_usd,
               int64_t now_wall_ms, struct budget_reservation *out, struct budget_denial *denial);
/*
 * The truth, which may be above the bound where a provider bills more than it may. Returns what was
 * charged (ledger_row.charged_pico_usd): the cost, or all that was reserved where the cost is -1;
 * -1 where nothing is held. The reservation is empty afterwards. Any thread.
 */
int64_t budget_settle(struct budget_table *table, struct budget_reservation *reservation,
                      int64_t cost_pico_usd);
/* Nothing was sent, so nothing is owed. Empty ones are fine. */
void budget_release(struct budget_table *table, struct budget_reservation *reservation);

/* The names of all that is held, "; " between, for ledger_row.budget; arena. data NULL: none. */
MUST_CHECK struct text budget_names(struct budget_table *table,
                                    const struct budget_reservation *reservation,
                                    struct arena *arena);

/* For /metrics: every configured budget (not the keys' own), in the config's order. */
void budget_each(struct budget_table *table, int64_t now_wall_ms,
                 void (*fn)(void *context, struct text name, int64_t limit_pico_usd,
                            int64_t spent_pico_usd, int64_t reserved_pico_usd),
                 void *context);

/* The beginning of the period that holds the moment; 0 for prepaid. */
MUST_CHECK int64_t budget_period_start(int per, int64_t wall_ms);
/* The beginning of the next one; -1 for prepaid. */
MUST_CHECK int64_t budget_period_end(int per, int64_t wall_ms);

#endif
