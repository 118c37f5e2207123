/* The parts of budgets; nobody else includes this. */
#ifndef PROVISO_PROXY_BUDGET_PRIVATE_H
#define PROVISO_PROXY_BUDGET_PRIVATE_H

#include "proxy/keys/budget.h"

#include <pthread.h>

/* One limit; never freed before the table, so that its number and name hold. Pico-USD. */
struct budget_account {
	size_t number;
	struct config_scope scope;
	struct text name;
	int per;
	bool own;      /* of a key: found by its id alone */
	bool live;     /* the config at hand has it */
	bool unpriced; /* what has no known price passes, and takes nothing */
	int64_t limit, soft;
	int64_t period_wall_ms, spent, reserved; /* of that period */
	int64_t rolled_until_wall_ms;            /* before that nothing is to be rolled */
	bool alerted, refused;                   /* of that period: who is to know was told */
};

struct budget_table {
	pthread_mutex_t lock;
	struct budget_account **accounts; /* owned */
	size_t count, room;
	struct arena arena;
	struct budget_ledger *ledger; /* NULL: none */
	void (*alert)(void *context, const struct budget_alert *alert);
	void *context;
};

/* budget.c: "team=search per month"; arena. */
MUST_CHECK struct text budget_name(const struct config_scope *scope, int per, struct arena *arena);
/* What is spent when somebody is to be told; the budget has a soft limit. */
MUST_CHECK int64_t budget_soft(const struct config_budget *budget);

/* budget_ledger.c: a reader of what was spent, for one thread at a time (it locks). */
struct budget_ledger;
MUST_CHECK bool budget_ledger_open(const char *path, struct budget_ledger **out,
                                   struct fault *fault);
void budget_ledger_close(struct budget_ledger *ledger);
/* Since that moment, what retention took included; 0 where ledger is NULL. */
MUST_CHECK bool budget_ledger_spent(struct budget_ledger *ledger, const struct config_scope *scope,
                                    int64_t since_wall_ms, int64_t *out, struct fault *fault);
/* For what the ledger holds as begun and not ended. */
MUST_CHECK bool budget_ledger_reserved(struct budget_ledger *ledger,
                                       const struct config_scope *scope, int64_t since_wall_ms,
                                       int64_t *out, struct fault *fault);

#endif
