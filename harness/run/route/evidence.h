/*
 * Who is proven for what: the matrix seen from a request's side. Built once from
 * suite, matrix and policy, const afterwards and shared by threads; asked for every
 * request, so it costs a few comparisons of bit sets a target and allocates nothing.
 *
 * The rule (the contract's "How a case reaches the router"): of the cells that speak for a shape,
 * every gate one must be a pass and fresh, and there must be one; and no required or advisory one
 * may be fail, unsupported or ignored. A cell speaks for a shape that holds all that its case
 * vouches for. The streamed cell of a case speaks for streamed requests only, and its plain cell
 * for plain ones only where the case has both; a case that is asked plainly alone speaks for both
 * ways. A gate cell that a waiver or the policy lets pass has spoken, too.
 *
 * Behind repairs (repair.h) a cell counts by its repaired verdict, where whoever asks allows all
 * repairs that had something to mend in it: a route does.
 *
 * Fresh: at most policy.max_age old, and not dated in the future. A cell counts only with the hash
 * that its case has now. A pass in quarantine (live.h) excludes like a fail, whatever its case's
 * severity.
 */
#ifndef PROVISO_RUN_EVIDENCE_H
#define PROVISO_RUN_EVIDENCE_H

#include "cases/shape.h"
#include "cases/suite.h"
#include "harness/run/config/config.h"
#include "harness/run/matrix/matrix.h"

struct evidence;

enum { EVIDENCE_CLOCK_SKEW_MS = 24 * 60 * 60 * 1000 }; /* what a cell may be dated ahead */

struct evidence_sources {
	const struct suite *suite;
	const struct matrix *matrix;
	const struct config_policy *policy;
	const struct target *targets; /* a target's number is its index here */
	size_t target_count;
};

/* All of it in the arena; the sources must outlive it. */
MUST_CHECK const struct evidence *evidence_build(const struct evidence_sources *sources,
                                                 struct arena *arena);

/* The cell of that case and way of asking, as one that speaks for shapes; NULL: it has none. */
struct voice;
MUST_CHECK const struct voice *evidence_voice(const struct evidence *evidence,
                                              const struct eval_case *eval_case,
                                              enum case_variant variant);
/* Whether it speaks for the shape; features: those of evidence_features. */
MUST_CHECK bool evidence_speaks(const struct voice *voice, const struct feature_set *features,
                                const struct shape *shape);

/* A cell that stands against a target, or that only a waiver keeps from doing so. */
struct evidence_block {
	const struct eval_case *eval_case; /* NULL: no gate case speaks for the shape at all */
	enum case_variant variant;
	const struct matrix_cell *cell;     /* NULL: never asked */
	const char *verdict;                /* its verdict's name; stale, unproven, quarantined */
	const char *reason;                 /* a phrase: why that excludes */
	const struct config_waiver *waiver; /* that holds now; NULL: it excludes */
	bool unproven; /* nothing is known against it: policy.unproven decides */
};

enum { EVIDENCE_BLOCKS_MAX = 32 }; /* told of one target; further ones are counted */

struct evidence_finding {
	bool eligible;
	/* Those that exclude first; those that policy or a waiver lets pass behind. What stands
	 * beyond `count` is not set. */
	struct evidence_block blocks[EVIDENCE_BLOCKS_MAX];
	size_t count;
	size_t excluding; /* of all, told or dropped: the first min(excluding, count) are */
	size_t dropped;
	repair_bits repairs; /* that it is eligible by; 0: as it is */
};

/* What whoever asks demands beyond the config, as a virtual key does; all zero: nothing. */
struct evidence_demand {
	bool enforced;      /* nothing unproven, whatever policy.mode and policy.unproven say */
	bool strict;        /* enforced, and required cases must be proven like gate cases */
	int64_t max_age_ms; /* verdicts may be no older; 0: only policy.max_age holds */
};

/* What is asked of the evidence. */
struct evidence_question {
	const struct shape *shape;
	repair_bits repairs; /* that may be used */
	struct evidence_demand demand;
	int64_t now_wall_ms;
};

/* What a shape means for one target: its features, and whether its prompt is long there. */
MUST_CHECK struct feature_set evidence_features(const struct evidence *evidence, size_t target,
                                                const struct shape *shape);
/* Quick: whether the target may serve the shape at that moment. */
MUST_CHECK bool evidence_allows(const struct evidence *evidence, size_t target,
                                const struct evidence_question *question);
/* The same with all that stands against it. */
void evidence_judge(const struct evidence *evidence, size_t target,
                    const struct evidence_question *question, struct evidence_finding *out);

/* What a decision rests on: the gate cells that prove the target for the shape, those behind
 * repairs with them. */
struct evidence_proof {
	size_t count;
	int64_t oldest_wall_ms; /* -1: there is none */
	/* Labels, TC-10~stream; of one behind repairs "TC-10~stream repaired"; arena, empty
	 * without one. */
	struct text_list cells;
};
void evidence_prove(const struct evidence *evidence, size_t target,
                    const struct evidence_question *question, struct arena *arena,
                    struct evidence_proof *out);

/* Fields of the shape that no case of the suite vouches for: "field.NAME"; arena. */
MUST_CHECK struct text_list evidence_unknown_fields(const struct evidence *evidence,
                                                    const struct shape *shape, struct arena *arena);

#endif
