/*
 * From outcomes to a verdict: pure, no clock, no I/O. The rules are those of
 * VERDICTS: one trial, two more on a miss; infrastructure is not the model.
 */
#ifndef PROVISO_RUN_VERDICT_H
#define PROVISO_RUN_VERDICT_H

#include "cases/eval_case.h"

enum outcome {
	OUTCOME_OK,
	OUTCOME_MISS,      /* the model did not do it */
	OUTCOME_VIOLATION, /* the wire contract is broken */
	OUTCOME_REFUSED,   /* a 4xx that names the feature */
	OUTCOME_IGNORED,   /* 200, no effect */
	OUTCOME_INFRA,
	OUTCOME_HARNESS, /* our own fault */
	OUTCOME_UNRUN,
	OUTCOME_COUNT
};

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_FLAKY,
	VERDICT_UNSUPPORTED,
	VERDICT_IGNORED,
	VERDICT_INCONCLUSIVE,
	VERDICT_ERROR,
	VERDICT_SKIPPED,
	VERDICT_STALE,
	VERDICT_COUNT
};

const char *outcome_name(enum outcome outcome);
MUST_CHECK bool outcome_from_name(struct text name, enum outcome *out);
const char *verdict_name(enum verdict verdict);
MUST_CHECK bool verdict_from_name(struct text name, enum verdict *out);

/* Trials by outcome. */
struct tally {
	int64_t of[OUTCOME_COUNT];
};

enum {
	VERDICT_CONFIRM_TRIALS = 3,   /* one miss proves nothing: two more are asked */
	VERDICT_MAX_TRIALS = 8,       /* of a cell, unless `--trials` asks for more */
	VERDICT_MAX_INFRA_TRIALS = 3, /* each of them was retried already */
	VERDICT_INFRA_ONE_IN = 5,     /* more infra than one trial in so many: no verdict */
};

/* ok + miss + violation + refused + ignored: what the rate is about. */
MUST_CHECK int64_t tally_judged(const struct tally *tally);
/* Judged ones, infra and harness. What was not run was no trial. */
MUST_CHECK int64_t tally_trials(const struct tally *tally);

/*
 * Whether another trial is worth its price. min_trials: what `--trials` asks for; at least 1.
 * False also where no further trial could bring the share of infra trials down to what a
 * verdict needs.
 */
MUST_CHECK bool verdict_wants_more(enum case_class class_, const struct tally *tally,
                                   int64_t min_trials);
/*
 * Of what there is: a run that was cut short may leave a miss that nothing confirmed
 * (inconclusive), or nothing at all (skipped; error where it was tried).
 */
MUST_CHECK enum verdict verdict_decide(enum case_class class_, const struct tally *tally);

/*
 * Wilson's score interval for `ok` of `judged` at 95 % (E. B. Wilson, JASA 22, 1927).
 * judged 0: 0 and 1.
 */
void wilson_interval(int64_t ok, int64_t judged, double *low, double *high);

#endif
