/*
 * The plan: which cells are wanted and which probes must be asked for them.
 * A probe is one question (a case's steps in one variant) to one target; one
 * response serves every case that asks the same.
 */
#ifndef PROVISO_RUN_PLAN_H
#define PROVISO_RUN_PLAN_H

#include "cases/feature.h"
#include "cases/suite.h"
#include "harness/run/verdict.h"
#include "providers/provider.h"

struct plan_cell {
	const struct target *target;
	const struct eval_case *eval_case;
	enum case_variant variant;
	size_t probe;     /* index into plan.probes; PLAN_NO_PROBE where it can't be asked */
	struct text skip; /* why it can't be asked; data NULL: it can */
	struct feature_set features; /* what it vouches for, its way of asking included */
};

enum { PLAN_FAILED_PREREQUISITES = 3 }; /* and what rests on them is not asked */

#define PLAN_NO_PROBE SIZE_MAX

struct plan_probe {
	const struct target *target;
	const struct eval_case *asks; /* the case whose steps are asked */
	enum case_variant variant;
	size_t *cells; /* indexes into plan.cells */
	size_t cell_count;
	int64_t
	    bound_pico_usd; /* one trial at most; 0 where nobody bills (loopback without price) */
	bool price_assumed; /* no price is known: PLAN_ASSUMED_* was taken */
	/* A plain chat request that may be asked beside it (plain, one step); NULL: none can be. */
	const struct eval_case *control;
	int64_t control_bound_pico_usd;
};

/* The case that is a plain chat request. */
#define PLAN_CONTROL_CASE "CH-03"

/* What an unpriced provider that is not this machine is reserved at: dearer than any list price of
 * a chat model in use. */
#define PLAN_ASSUMED_INPUT_USD "10"
#define PLAN_ASSUMED_OUTPUT_USD "50"
enum { PLAN_ASSUMED_OUTPUT_TOKENS = 4096 };

enum { PLAN_MAX_TRIALS = 1000 }; /* that can be asked for, of a cell */

struct plan {
	struct target *targets;
	size_t target_count;
	struct plan_cell *cells; /* by target, then suite order, then variant */
	size_t cell_count;
	struct plan_probe *probes; /* cheapest gate cases first within a target */
	size_t probe_count;
	struct verdict_rules rules;
	int64_t first_round_pico_usd; /* one trial of every probe */
	int64_t worst_pico_usd;       /* every probe asked as often as the rules allow */
	bool price_assumed;
};

/* What a user's own cases belong to is told by their kind: tasks are of the suite quality. */
enum plan_suite {
	PLAN_SUITE_CORE = 1,
	PLAN_SUITE_QUALITY = 2, /* all of its tasks, whatever the profile */
};
extern const char *const plan_suites[]; /* "core", "quality", NULL: bit i is the i-th */

/*
 * Which cases. Without globs the profile chooses; with them, what all given lists let through
 * is asked, in the profile or not: it was asked for by name.
 */
struct plan_filter {
	struct text profile;           /* smoke | ci | onboard; data NULL: PLAN_DEFAULT_PROFILE */
	struct text_list cases;        /* globs on id and label */
	struct text_list capabilities; /* globs */
	int64_t trials;                /* at least so many a cell; 0: as the rules say */
	unsigned suites;               /* enum plan_suite; 0: the core suite */
};

extern const char *const plan_profiles[]; /* NULL-terminated */
#define PLAN_DEFAULT_PROFILE "ci"

/*
 * The rules of a recorded run, from how it was asked for (the options in its journal's head; NULL
 * or what can't be read: the defaults). What is judged again must be judged as it was asked.
 */
MUST_CHECK struct verdict_rules plan_rules_of(const struct json *options);

/*
 * Arena memory. A profile, a glob or a capability that fits no case is a fault that offers the
 * nearest name. `targets` and `suite` must outlive the plan.
 */
MUST_CHECK bool plan_make(const struct suite *suite, struct target *targets, size_t target_count,
                          const struct plan_filter *filter, struct arena *arena, struct plan *out,
                          struct fault *fault);

/*
 * Whether the case asks for what a chat model need not have (an endpoint beyond chat, images) and
 * what `model` is not said to have; NULL: nothing is said of it. Where it is then refused, it is
 * not offered, and that is no fault.
 */
MUST_CHECK bool plan_is_optional(const struct eval_case *eval_case,
                                 const struct provider_model *model);

/*
 * Whether `cell` rests on `on`: a gate cell of the same target, about a part of what the cell is
 * about. Where that fails, no request with the cell's features goes to the target anyway.
 */
MUST_CHECK bool plan_rests_on(const struct plan_cell *cell, const struct plan_cell *on);

/*
 * What one attempt at one step may cost at most; 0 where nobody bills, *assumed (may be NULL)
 * set where no price is known. plan_bound.c.
 */
MUST_CHECK int64_t plan_step_bound(const struct target *target, const struct eval_case *asks,
                                   size_t step, bool *assumed);
/* The same of a body of so many bytes, beside the suite. */
MUST_CHECK int64_t plan_request_bound(const struct target *target, int64_t body_bytes,
                                      int64_t max_output_tokens);
/* Sum of two amounts of at least 0, at most INT64_MAX. */
MUST_CHECK int64_t plan_add_usd(int64_t a, int64_t b);

#endif
