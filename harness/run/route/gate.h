/*
 * The gate: may this config go live on this matrix? For every route and every shape that its
 * traffic has, the router is asked who would serve it; too few proven targets refuse the config.
 * With an older config or matrix beside it: what moves, what is lost, what it costs.
 *
 * Offline, and by the very decision that `explain` prints and the proxy makes.
 */
#ifndef PROVISO_RUN_GATE_H
#define PROVISO_RUN_GATE_H

#include "harness/run/route/router.h"

enum {
	GATE_MAX_DEMANDS = 20000, /* different pairs of route and shape; more is refused */
	GATE_DRAWS = 256,         /* of a weighted route: who comes first, how often */
};

/* Where the shapes of a demand come from. */
enum gate_source { GATE_FROM_USAGE, GATE_FROM_CONFIG, GATE_ASSUMED };
const char *gate_source_name(enum gate_source source); /* "usage", "config", "assumed" */

/* Requests of one shape to one route (or target, or model): what is to be backed. */
struct gate_demand {
	struct text route;      /* as clients ask for it */
	struct text_list names; /* of the shape */
	struct shape shape;     /* with the mean prompt of its traffic */
	enum gate_source source;
	/* What it had of the traffic; -1: not known (no usage, or not on every row). */
	int64_t requests, prompt_tokens, completion_tokens, cost_pico_usd;
};

struct gate_demands {
	struct gate_demand *items; /* by route, then shape; arena */
	size_t count;
	bool weighted;         /* from usage: requests are known */
	int64_t without_shape; /* requests of the usage that were refused before they had one */
};

/*
 * Of each route the shapes that the config lists, else the everyday ones that some gate case of
 * the suite asks about.
 */
void gate_demands_of_config(const struct config *config, const struct suite *suite,
                            struct arena *arena, struct gate_demands *out);
/*
 * Of a usage CSV as the proxy exports it: `route` (or `requested_model` where that is empty) and
 * `shape`, features between blanks; `attempt`, `prompt_tokens`, `completion_tokens` and `cost_usd`
 * where there are such columns. Rows of attempts beyond the first add tokens and cost, no request.
 * A row that is cut, a number that is none, a feature that nobody knows: `refusals`, each at its
 * place, and in the end a fault, for what they ask for would go ungated. Path "-": stdin.
 */
MUST_CHECK bool gate_demands_of_usage(const char *path, struct arena *arena,
                                      struct gate_demands *out, struct fault_list *refusals,
                                      struct fault *fault);

/* From the best; a whole is as bad as its worst part. */
enum gate_state {
	GATE_HOLDS,
	GATE_UNKNOWN, /* too few are proven, and asking (again) may prove the rest */
	GATE_REFUSED, /* too few are proven, and enough of the others are proven not to be */
};
const char *gate_state_name(enum gate_state state); /* "holds", "unknown", "refused" */

struct gate_check {
	const struct gate_demand *demand;
	struct router_decision decision;
	const char *error; /* why nothing can be decided (no such model); NULL: decided */
	int64_t wanted;    /* proven targets */
	size_t proven;     /* candidates that enforce would serve */
	enum gate_state state;
	int64_t expected_cost_pico_usd; /* of its traffic (of one request without); -1 unknown */
};

struct gate_result {
	struct gate_check *checks; /* one a demand, in its order; arena */
	size_t count;
	size_t of[GATE_REFUSED + 1];
	enum gate_state state;
};

/* min_targets: of routes that do not say (at least 1). The router outlives the result. */
void gate_judge(const struct router *router, const struct gate_demands *demands,
                int64_t min_targets, int64_t now_wall_ms, struct arena *arena,
                struct gate_result *out);

/* Excluded targets of which every reason is that evidence is missing: asking may prove them. */
MUST_CHECK int64_t gate_count_open(const struct router_decision *decision);

/* --- against what was before --- */

struct gate_loss {
	size_t check;         /* number of the check in both results */
	size_t before, after; /* proven targets: it went below two, or to none */
};

/* Shares from 0 to 1 of what is known; NaN where nothing is. */
struct gate_share {
	double requests, prompt_tokens, completion_tokens, cost;
};

struct gate_comparison {
	struct gate_share moved; /* goes to another target first, or to none, or from none */
	double *moved_of;        /* of each check, 0 to 1; arena */
	struct gate_loss *losses;
	size_t loss_count;
	/* Expected for the demands of which both are known; how many are not. */
	int64_t cost_before_pico_usd, cost_after_pico_usd;
	size_t cost_unknown;
};

/*
 * Both results are of the same demands. The older one is judged as of the moment in which its
 * evidence was fresh; see gate_moment.
 */
void gate_compare(const struct router *base_router, const struct gate_result *base,
                  const struct router *head_router, const struct gate_result *head,
                  int64_t base_now_wall_ms, int64_t now_wall_ms, struct arena *arena,
                  struct gate_comparison *out);
/* When the newest cell of the matrix was asked, at most `now`. */
MUST_CHECK int64_t gate_moment(const struct matrix *matrix, int64_t now_wall_ms);

#endif
