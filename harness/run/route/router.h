/*
 * The routing decision: which targets may serve a request, in which order, at what
 * expected cost, and why the others may not. One code for `explain`, `gate`, `forecast` and the
 * proxy. Pure: same router, same request, same moment, same decision.
 *
 * What changes from second to second (breakers, budgets, keys) is the proxy's and comes on top.
 */
#ifndef PROVISO_RUN_ROUTER_H
#define PROVISO_RUN_ROUTER_H

#include "harness/run/route/evidence.h"

struct router;
struct json_writer;

enum { ROUTER_MESSAGE_TOKENS = 8 }; /* what a chat template adds to a prompt, about */

/*
 * Config, suite and matrix must outlive it; arena memory, but for compiled patterns, which
 * router_done frees. Targets: those that routes name, then every listed model of every provider.
 * Const afterwards, shared by threads.
 */
MUST_CHECK bool router_build(const struct config *config, const struct suite *suite,
                             const struct matrix *matrix, struct arena *arena, struct router **out,
                             struct fault *fault);
void router_done(struct router *router);
/*
 * For judging a config away from where it serves (gate, explain): a provider whose key is not here
 * is not excluded for that.
 */
void router_assume_keys(struct router *router);
/* Whether the target's provider needs no key, or has one here. */
MUST_CHECK bool router_has_key(const struct router *router, size_t number);

MUST_CHECK size_t router_target_count(const struct router *router);
MUST_CHECK const struct target *router_target(const struct router *router, size_t number);
MUST_CHECK const struct evidence *router_evidence(const struct router *router);
MUST_CHECK const struct config *router_config(const struct router *router);
/* First 12 hex digits of SHA-256 over the matrix's file (as sha256sum says it), or over what would
 * be written where it was read from none: x-proviso-matrix. */
MUST_CHECK const char *router_matrix_hash(const struct router *router);

/* OpenRouter's `provider` object; items are providers' names or whole targets. */
struct router_preferences {
	struct text_list order, only, ignore;
	bool
	    allow_fallbacks; /* default true; false: only those in `order`, without one the first */
	bool require_parameters; /* unknown fields are not served, whatever the mode */
	int64_t max_input_pico_usd, max_output_pico_usd; /* per million tokens; -1: none */
	struct text sort; /* price | latency | throughput; data NULL: none */
};
/* Defaults, then what stands in the node (may be NULL). False: it is no such object. */
MUST_CHECK bool router_preferences_read(const struct json *node, struct arena *arena,
                                        struct router_preferences *out, struct shape_fault *fault);

/* All that a decision depends on beside the router. */
struct router_request {
	const struct shape *shape;
	const struct json *body;           /* for tasks; may be NULL */
	const struct http_header *headers; /* for tasks: x-proviso-task and the like; may be none */
	size_t header_count;
	struct text key_id, workflow;                 /* data NULL: none */
	struct text model;                            /* data NULL: the shape's */
	const struct router_preferences *preferences; /* NULL: none */
	int64_t max_cost_pico_usd;                    /* x-proviso-max-cost; -1: none */
	double min_quality;                           /* x-proviso-min-quality; NaN: none */
	bool price_needed;             /* a budget applies: unpriced targets are excluded */
	struct evidence_demand demand; /* of the key that asks, beyond the config's policy */
	uint64_t random;               /* for `weighted` */
	int64_t now_wall_ms;
	int64_t price_wall_ms; /* whose prices count; 0: now's */
};

/*
 * Takes what the headers say: x-proviso-max-cost (USD), x-proviso-min-quality (0 to 1) and
 * x-proviso-workflow (where `workflow` is not set yet); keeps the headers for the tasks. False,
 * with the header's name as param, where one of them can't be read: to ignore a limit is to break
 * it.
 */
MUST_CHECK bool router_read_headers(const struct http_header *headers, size_t count,
                                    struct router_request *request, struct shape_fault *fault);

struct router_candidate {
	size_t number; /* of the target in the router */
	const struct target *target;
	bool proven;   /* false: served by policy only (warn, shadow, unproven: allow) */
	bool eligible; /* false: by mode only (warn, shadow): enforce would not serve it */
	int64_t expected_cost_pico_usd;      /* -1: unknown */
	int64_t input_tokens, output_tokens; /* that it is expected of */
	int64_t bound_pico_usd;              /* what it may cost at most; -1: unknown */
	double quality;                      /* 0 to 1; NaN: not measured */
	/*
	 * What it was measured on: the tasks of the kind of work that the request's task is, where
	 * the matrix has them for this target; CASE_KIND_NONE: the rates of its stochastic cells,
	 * and no interval (NaN).
	 */
	enum case_kind quality_kind;
	double quality_low, quality_high;
	double pass_rate;   /* of its answers, the share that will do; NaN: not measured */
	int64_t latency_us; /* median of what was measured; -1: unknown */
	int64_t slow_us;    /* what it seldom exceeds: the 95th percentile of its cells' p90 */
	double score;       /* lower is earlier; what the strategy compared */
	struct text_list unproven; /* features and cases that a policy or waiver let pass; arena */
	repair_bits repairs; /* that it is proven by, of those that the route allows: to be used */
};

struct router_exclusion {
	const struct target *target;
	struct text case_id; /* data NULL: no case, see reason */
	const char *variant; /* NULL: none */
	const char *verdict; /* NULL: none */
	struct text reason;
};

struct router_decision {
	struct text route;      /* data NULL: asked by target or model */
	struct text task, risk; /* data NULL: none */
	enum config_mode mode;
	enum config_strategy strategy;       /* the client's `sort`, else the config's */
	struct router_candidate *candidates; /* in the order in which they are tried; arena */
	size_t count;
	struct router_exclusion *exclusions; /* arena */
	size_t exclusion_count;
	struct text_list unknown_fields; /* "field.NAME", served by policy */
};

enum router_result {
	ROUTER_DECIDED,       /* candidates, maybe none: no_proven_target */
	ROUTER_UNKNOWN_MODEL, /* model_not_found */
	ROUTER_REFUSED,       /* unknown fields under `reject`: invalid_request */
};

MUST_CHECK enum router_result router_decide(const struct router *router,
                                            const struct router_request *request,
                                            struct arena *arena, struct router_decision *out,
                                            struct shape_fault *fault);
/* What a decision would say of the target as a candidate, proven or not: what it is expected to
 * cost, how good and how quick it is. */
void router_expect(const struct router *router, const struct router_request *request, size_t number,
                   struct router_candidate *out);
/* What a reply may cost at most at that target; -1 where no price is known. */
MUST_CHECK int64_t router_bound(const struct target *target, const struct shape *shape,
                                int64_t now_wall_ms);

/* Pieces of documents: an exact amount or null; one of the `excluded`. */
void router_write_usd(struct json_writer *writer, const char *name, int64_t pico_usd);
void router_write_exclusion(struct json_writer *writer, const struct router_exclusion *exclusion);
/* The `explain` output of the contract. */
void router_write_json(const struct router *router, const struct router_request *request,
                       const struct router_decision *decision, struct arena *arena,
                       struct json_writer *writer);

#endif
