/*
 * From outcomes to a verdict: pure, no clock, no I/O. What is deterministic is asked once, and
 * twice more on a miss; what is stochastic goes through a sequential test; infrastructure is not
 * the model. Only the counts matter, not their order: a run that is resumed or judged again comes
 * to the same verdicts. For users: proviso-verdicts(7).
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

/* Trials by outcome. */
struct tally {
	int64_t of[OUTCOME_COUNT];
	int64_t
	    broken; /* of the infra ones: 5xx, a timeout, a cut reply (the feature may be why) */
	int64_t controls_ok, controls_bad; /* plain requests asked beside those */
};

enum {
	VERDICT_CONFIRM_TRIALS = 3,   /* one miss proves nothing: two more are asked */
	VERDICT_BRIEF_TRIALS = 3,     /* all of them good: enough where the rules are brief */
	VERDICT_MAX_PLAIN_TRIALS = 8, /* a cell under no test is not asked more to outweigh infra */
	VERDICT_MAX_TRIALS = 20, /* of a cell under test, judged ones, unless more are asked for */
	VERDICT_MAX_CRITICAL_TRIALS = 30, /* the same of a critical case */
	VERDICT_MAX_INFRA_TRIALS = 3,     /* each of them was retried already */
	VERDICT_CONTROLS = 3,     /* that must pass beside a feature that breaks the server */
	VERDICT_INFRA_ONE_IN = 5, /* more infra than one trial in so many: no verdict */
};

/* How stochastic cells are tested: what a profile pays for. */
enum verdict_test {
	VERDICT_ONCE,  /* smoke: like deterministic ones, and nothing is promised */
	VERDICT_BRIEF, /* ci: the first trials all good accept; else the sequential test */
	VERDICT_FULL,  /* onboard: the sequential test decides */
};

/* Of a run; made by the plan. */
struct verdict_rules {
	enum verdict_test test;
	int64_t min_trials; /* what `--trials` asks for; at least 1 */
};

/* ok + miss + violation + refused + ignored: what the rate is about. */
MUST_CHECK int64_t tally_judged(const struct tally *tally);
/* Judged ones, infra and harness. What was not run was no trial. */
MUST_CHECK int64_t tally_trials(const struct tally *tally);

/*
 * Whether another trial is worth its price. False also where no further trial could bring the
 * share of infra trials down to what a verdict needs.
 */
MUST_CHECK bool verdict_wants_more(const struct verdict_rules *rules,
                                   const struct eval_case *eval_case, const struct tally *tally);
/* How many trials, infra included, that comes to at most: in some course it is just so many. */
MUST_CHECK int64_t verdict_most_trials(const struct verdict_rules *rules,
                                       const struct eval_case *eval_case);
/*
 * The control rule. Every trial of the cell ended in a 5xx, a timeout or a cut reply: is it the
 * server that is down, or does the feature break it? Whether a plain request beside it is worth
 * its price, to tell the one from the other. Two are asked before the last trial and one after
 * it: asked after all of them, they would take the end of an outage for a feature's fault.
 */
MUST_CHECK bool verdict_wants_control(const struct tally *tally);
/*
 * Where all controls passed, those trials were no infrastructure but broke the server: they become
 * violations, and count. verdict_decide does the same for itself. True: so it was.
 */
bool tally_settle(struct tally *tally);
/*
 * Of what there is: a run that was cut short may leave a miss that nothing confirmed or a test
 * that has not decided (inconclusive), or nothing at all (skipped; error where it was tried).
 */
MUST_CHECK enum verdict verdict_decide(const struct verdict_rules *rules,
                                       const struct eval_case *eval_case,
                                       const struct tally *counted);

#endif
