/*
 * How budgets stand, as the ledger has it: for reports, beside a proxy that may spend meanwhile.
 * What the proxy itself goes by: budget.h.
 */
#ifndef PROVISO_PROXY_BUDGET_STATE_H
#define PROVISO_PROXY_BUDGET_STATE_H

#include "harness/run/config/config.h"

struct budget_state {
	struct text name; /* "team=search per month" */
	struct config_scope scope;
	struct text key_name;  /* of a key's own budget; data NULL: it is the config's */
	int per;               /* enum config_period */
	int64_t from_wall_ms;  /* of the period at hand; -1: prepaid */
	int64_t until_wall_ms; /* the first moment of the next; -1: prepaid */
	int64_t limit_pico_usd;
	int64_t soft_pico_usd;     /* -1: none */
	int64_t spent_pico_usd;    /* in that period */
	int64_t reserved_pico_usd; /* for what is under way, or was when its proxy died */
};

/*
 * The config's budgets in its order, then those of the keys that are in use, oldest first. Reads
 * the ledger and the key store (without either: nothing was spent, there are no keys). Arena.
 */
MUST_CHECK bool budget_states_read(const struct config *config, int64_t now_wall_ms,
                                   struct arena *arena, struct budget_state **out, size_t *count,
                                   struct fault *fault);

#endif
