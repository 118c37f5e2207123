/* What the files of the router share; nobody else includes this. */
#ifndef PROVISO_RUN_ROUTER_PRIVATE_H
#define PROVISO_RUN_ROUTER_PRIVATE_H

#include "harness/run/matrix/quality.h"
#include "harness/run/route/router.h"
#include "harness/run/route/task.h"

/* What the matrix has measured of a target, over all of its cells. */
struct router_measure {
	double quality;                        /* mean rate of its stochastic core cells; NaN */
	struct quality kinds[CASE_KINDS];      /* by kind of work; tasks 0: none measured */
	int64_t latency_us;                    /* median of the plain cells' medians; -1 */
	int64_t ttft_us;                       /* the same of the streamed ones' first delta; -1 */
	int64_t slow_latency_us, slow_ttft_us; /* the 95th percentile of their p90; -1 */
	int64_t output_tokens;                 /* mean completion of a trial; -1 */
};

/* The targets behind a route, by number, in its order. */
struct router_route {
	const struct config_route *route;
	size_t *numbers;
	size_t count;
};

struct router {
	const struct config *config;
	const struct matrix *matrix;
	struct target *targets; /* arena */
	struct router_measure *measures;
	bool *has_key; /* one a target; arena */
	bool keys_assumed;
	size_t target_count;
	struct router_route *routes; /* as the config has them; arena */
	const struct evidence *evidence;
	struct task_table *tasks; /* owned */
	char matrix_hash[13];
};

/* The target's number, or SIZE_MAX. */
MUST_CHECK size_t router_find_target(const struct router *router, struct text name);

/* The task that the request belongs to; NULL: none. `scratch` is for its prompt. */
MUST_CHECK const struct config_task *router_task(const struct router *router,
                                                 const struct router_request *request,
                                                 struct arena *scratch);

/* router_measure.c */
void router_measure_all(struct router *router, struct arena *arena);

/* The moment whose prices count. */
static inline int64_t router_price_moment(const struct router_request *request)
{
	return request->price_wall_ms == 0 ? request->now_wall_ms : request->price_wall_ms;
}

/* How the candidates of one request are to be ordered. */
struct router_order {
	enum config_strategy strategy;
	const struct config_route *route;             /* NULL: none */
	const struct router_preferences *preferences; /* NULL: none */
	uint64_t random;
	bool as_if_proven; /* mode shadow: what is not proven is not put behind */
};
/* How they are compared: the client's `sort` counts before the strategy of the config. */
MUST_CHECK enum config_strategy router_strategy(const struct router_order *order);
/* Place in the client's own order; those that it does not name are behind, at list->count. */
MUST_CHECK size_t router_preferred_place(const struct router_preferences *preferences,
                                         const struct target *target);
/* router_rank.c: fills in what a candidate costs and how good it is; then sorts. */
void router_estimate(const struct router *router, const struct router_request *request,
                     enum case_kind kind, struct router_candidate *candidate);
void router_rank(const struct router_order *order, struct router_candidate *candidates,
                 size_t count);

#endif
