/* Outcomes to verdicts; see verdict.h. The arithmetic: stats.h. */
#include "harness/run/verdict.h"

#include "harness/run/stats.h"

static const char *const outcome_names[OUTCOME_COUNT] = {
    [OUTCOME_OK] = "ok",           [OUTCOME_MISS] = "miss",       [OUTCOME_VIOLATION] = "violation",
    [OUTCOME_REFUSED] = "refused", [OUTCOME_IGNORED] = "ignored", [OUTCOME_INFRA] = "infra",
    [OUTCOME_HARNESS] = "harness", [OUTCOME_UNRUN] = "unrun",
};

static const char *const verdict_names[VERDICT_COUNT] = {
    [VERDICT_PASS] = "pass",       [VERDICT_FAIL] = "fail",
    [VERDICT_FLAKY] = "flaky",     [VERDICT_UNSUPPORTED] = "unsupported",
    [VERDICT_IGNORED] = "ignored", [VERDICT_INCONCLUSIVE] = "inconclusive",
    [VERDICT_ERROR] = "error",     [VERDICT_SKIPPED] = "skipped",
    [VERDICT_STALE] = "stale",
};

const char *outcome_name(enum outcome outcome)
{
	REQUIRE(outcome < OUTCOME_COUNT);
	return outcome_names[outcome];
}

bool outcome_from_name(struct text name, enum outcome *out)
{
	for (int i = 0; i < OUTCOME_COUNT; i++) {
		if (!text_is(name, outcome_names[i]))
			continue;
		*out = (enum outcome)i;
		return true;
	}
	return false;
}

const char *verdict_name(enum verdict verdict)
{
	REQUIRE(verdict < VERDICT_COUNT);
	return verdict_names[verdict];
}

int64_t tally_judged(const struct tally *tally)
{
	return tally->of[OUTCOME_OK] + tally->of[OUTCOME_MISS] + tally->of[OUTCOME_VIOLATION] +
	       tally->of[OUTCOME_REFUSED] + tally->of[OUTCOME_IGNORED];
}

int64_t tally_trials(const struct tally *tally)
{
	return tally_judged(tally) + tally->of[OUTCOME_INFRA] + tally->of[OUTCOME_HARNESS];
}

/* --- the control rule --- */

/* Nothing but trials after which the server may be broken, and as many as it takes. */
static bool is_broken_throughout(const struct tally *tally)
{
	return tally->broken >= VERDICT_MAX_INFRA_TRIALS && tally->broken == tally_trials(tally);
}

bool verdict_wants_control(const struct tally *tally)
{
	bool last_is_open = tally->broken == VERDICT_MAX_INFRA_TRIALS - 1;

	if (tally->broken != tally_trials(tally) || tally->controls_bad > 0)
		return false;
	/* All but one go before the last trial: an outage that ends with them spares it. */
	return (last_is_open && tally->controls_ok < VERDICT_CONTROLS - 1) ||
	       (is_broken_throughout(tally) && tally->controls_ok < VERDICT_CONTROLS);
}

bool tally_settle(struct tally *tally)
{
	if (!is_broken_throughout(tally) || tally->controls_bad > 0 ||
	    tally->controls_ok < VERDICT_CONTROLS)
		return false;
	tally->of[OUTCOME_VIOLATION] += tally->broken;
	tally->of[OUTCOME_INFRA] -= tally->broken;
	tally->broken = 0;
	return true;
}

/* --- how a cell is judged --- */

static const struct stats_sequential usual_test = {
    .good = 0.95, .bad = 0.70, .alpha = 0.05, .beta = 0.05};
static const struct stats_sequential critical_test = {
    .good = 0.98, .bad = 0.80, .alpha = 0.05, .beta = 0.05};

/*
 * Undecided with all of its interval in here, a cell is known to be neither good nor broken. (With
 * the two tests above the lower end never decides: undecided at the cap are 16 to 18 good of 20,
 * 27 and 28 of 30.)
 */
static const double flaky_low = 0.2;
static const double flaky_high = 0.95;

/* Seen both good and bad. */
static bool is_mixed(const struct tally *tally)
{
	return tally->of[OUTCOME_OK] > 0 && tally->of[OUTCOME_OK] < tally_judged(tally);
}

/* Of what a model does, and of how fast, a single trial says little. */
static bool varies(const struct eval_case *eval_case)
{
	return eval_case->class_ == CASE_STOCHASTIC || eval_case->class_ == CASE_TIMING;
}

/* A task is asked as often as was said, and no more where it misses: a rate is what it is about. */
static bool is_task(const struct eval_case *eval_case)
{
	return eval_case->kind != CASE_KIND_NONE;
}

/* Whether its rate decides. Of what should not vary it does as soon as that does vary. */
static bool is_tested(const struct verdict_rules *rules, const struct eval_case *eval_case,
                      const struct tally *tally)
{
	return rules->test != VERDICT_ONCE && !is_task(eval_case) &&
	       (varies(eval_case) || is_mixed(tally));
}

/* So many judged trials, and the test ends undecided. */
static int64_t test_cap(const struct eval_case *eval_case)
{
	return eval_case->critical ? VERDICT_MAX_CRITICAL_TRIALS : VERDICT_MAX_TRIALS;
}

static enum stats_decision decide_test(const struct verdict_rules *rules,
                                       const struct eval_case *eval_case, const struct tally *tally)
{
	int64_t ok = tally->of[OUTCOME_OK];
	int64_t judged = tally_judged(tally);

	if (rules->test == VERDICT_BRIEF && ok == judged && judged >= VERDICT_BRIEF_TRIALS)
		return STATS_ACCEPT;
	return stats_sequential_decide(eval_case->critical ? &critical_test : &usual_test, ok,
	                               judged);
}

/* --- whether to go on --- */

/* Judged trials that are wanted, as far as is known by now. */
static int64_t judged_needed(const struct verdict_rules *rules, const struct eval_case *eval_case,
                             const struct tally *tally)
{
	int64_t needed = int64_max(rules->min_trials, 1);
	int64_t judged = tally_judged(tally);

	if (is_tested(rules, eval_case, tally)) {
		if (decide_test(rules, eval_case, tally) == STATS_GO_ON)
			needed = int64_max(needed, int64_min(judged + 1, test_cap(eval_case)));
	} else if (judged > tally->of[OUTCOME_OK] && !is_task(eval_case)) {
		needed = int64_max(needed, VERDICT_CONFIRM_TRIALS);
	}
	return needed;
}

/*
 * How many infra trials of a cell under no test are worth outweighing: one where little was asked
 * for, and never so many that it is given up.
 */
static int64_t plain_infra(const struct verdict_rules *rules)
{
	int64_t trials =
	    int64_max(VERDICT_MAX_PLAIN_TRIALS, rules->min_trials + VERDICT_MAX_INFRA_TRIALS);

	return int64_min(trials / VERDICT_INFRA_ONE_IN, VERDICT_MAX_INFRA_TRIALS - 1);
}

int64_t verdict_most_trials(const struct verdict_rules *rules, const struct eval_case *eval_case)
{
	int64_t infra = plain_infra(rules);
	int64_t judged = int64_max(rules->min_trials, VERDICT_CONFIRM_TRIALS);

	if (rules->test == VERDICT_ONCE || is_task(eval_case))
		return int64_max(judged + infra, infra * VERDICT_INFRA_ONE_IN);
	/* As many infra trials as the judged ones but the last can outweigh: more end it sooner. */
	judged = int64_max(rules->min_trials, test_cap(eval_case));
	return judged + (judged - 1) / (VERDICT_INFRA_ONE_IN - 1);
}

/* Whether so much infrastructure leaves a chance of a verdict, and that chance is worth it. */
static bool infra_allows(const struct verdict_rules *rules, const struct eval_case *eval_case,
                         const struct tally *tally)
{
	int64_t infra = tally->of[OUTCOME_INFRA];
	int64_t trials = tally_trials(tally);

	/* Three of three is what the control rule speaks of. */
	if (infra > 0 && tally->broken == trials)
		return infra < VERDICT_MAX_INFRA_TRIALS;
	if (!is_tested(rules, eval_case, tally))
		return infra <= plain_infra(rules);
	/* What is down from the start is not asked twenty times. */
	return infra < VERDICT_MAX_INFRA_TRIALS || trials >= infra * VERDICT_INFRA_ONE_IN;
}

bool verdict_wants_more(const struct verdict_rules *rules, const struct eval_case *eval_case,
                        const struct tally *tally)
{
	if (tally->of[OUTCOME_HARNESS] > 0)
		return false; /* our own fault: asking again costs money and mends nothing */
	return infra_allows(rules, eval_case, tally) &&
	       (tally_judged(tally) < judged_needed(rules, eval_case, tally) ||
	        tally_trials(tally) < tally->of[OUTCOME_INFRA] * VERDICT_INFRA_ONE_IN);
}

/* --- the verdict --- */

/* Of trials of which none was good, or too few. */
static enum verdict name_failure(const struct tally *tally)
{
	int64_t judged = tally_judged(tally);

	if (tally->of[OUTCOME_REFUSED] == judged)
		return VERDICT_UNSUPPORTED;
	if (tally->of[OUTCOME_IGNORED] == judged)
		return VERDICT_IGNORED;
	return VERDICT_FAIL;
}

static enum verdict decide_tested(const struct verdict_rules *rules,
                                  const struct eval_case *eval_case, const struct tally *tally)
{
	int64_t judged = tally_judged(tally);
	double low, high;

	switch (decide_test(rules, eval_case, tally)) {
	case STATS_ACCEPT:
		return VERDICT_PASS;
	case STATS_REJECT:
		return name_failure(tally);
	case STATS_GO_ON:
		break;
	}
	/* What should not vary and did is flaky whatever its rate may be. */
	if (!varies(eval_case))
		return VERDICT_FLAKY;
	stats_wilson_interval(tally->of[OUTCOME_OK], judged, &low, &high);
	return judged >= test_cap(eval_case) && low > flaky_low && high < flaky_high
	           ? VERDICT_FLAKY
	           : VERDICT_INCONCLUSIVE;
}

enum verdict verdict_decide(const struct verdict_rules *rules, const struct eval_case *eval_case,
                            const struct tally *counted)
{
	struct tally settled = *counted;
	const struct tally *tally = &settled;

	(void)tally_settle(&settled);
	int64_t judged = tally_judged(tally);
	int64_t trials = tally_trials(tally);
	int64_t ok = tally->of[OUTCOME_OK];

	if (judged == 0)
		return trials > 0 || tally->of[OUTCOME_UNRUN] > 0 ? VERDICT_ERROR : VERDICT_SKIPPED;
	if ((trials - judged) * VERDICT_INFRA_ONE_IN > trials)
		return VERDICT_ERROR;
	if (is_tested(rules, eval_case, tally))
		return decide_tested(rules, eval_case, tally);
	if (ok == judged)
		return VERDICT_PASS;
	if (ok > 0)
		return VERDICT_FLAKY;
	return judged < VERDICT_CONFIRM_TRIALS && !is_task(eval_case) ? VERDICT_INCONCLUSIVE
	                                                              : name_failure(tally);
}
