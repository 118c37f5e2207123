/*
 * Outcomes to verdicts; see verdict.h. The class of a case is known here so that a
 * stochastic case can be given a test of its own without touching a caller.
 */
#include "harness/run/verdict.h"

#include <math.h>

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

/* The index of `name`, or `count`. */
static size_t name_find(const char *const *names, size_t count, struct text name)
{
	size_t found = 0;

	while (found < count && !text_is(name, names[found]))
		found++;
	return found;
}

const char *outcome_name(enum outcome outcome)
{
	REQUIRE(outcome < OUTCOME_COUNT);
	return outcome_names[outcome];
}

bool outcome_from_name(struct text name, enum outcome *out)
{
	size_t found = name_find(outcome_names, OUTCOME_COUNT, name);

	if (found == OUTCOME_COUNT)
		return false;
	*out = (enum outcome)found;
	return true;
}

const char *verdict_name(enum verdict verdict)
{
	REQUIRE(verdict < VERDICT_COUNT);
	return verdict_names[verdict];
}

bool verdict_from_name(struct text name, enum verdict *out)
{
	size_t found = name_find(verdict_names, VERDICT_COUNT, name);

	if (found == VERDICT_COUNT)
		return false;
	*out = (enum verdict)found;
	return true;
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

bool verdict_wants_more(enum case_class class_ UNUSED, const struct tally *tally,
                        int64_t min_trials)
{
	int64_t judged = tally_judged(tally);
	int64_t trials = tally_trials(tally);
	int64_t infra = tally->of[OUTCOME_INFRA];
	int64_t needed = int64_max(min_trials, 1);
	int64_t most = int64_max(VERDICT_MAX_TRIALS, needed + VERDICT_MAX_INFRA_TRIALS);

	if (tally->of[OUTCOME_HARNESS] > 0)
		return false; /* our own fault: asking again costs money and mends nothing */
	if (trials >= most || infra >= VERDICT_MAX_INFRA_TRIALS)
		return false;
	if (infra * VERDICT_INFRA_ONE_IN > most)
		return false;
	if (judged > tally->of[OUTCOME_OK])
		needed = int64_max(needed, VERDICT_CONFIRM_TRIALS);
	return judged < needed || trials < infra * VERDICT_INFRA_ONE_IN;
}

enum verdict verdict_decide(enum case_class class_ UNUSED, const struct tally *tally)
{
	int64_t judged = tally_judged(tally);
	int64_t trials = tally_trials(tally);
	int64_t ok = tally->of[OUTCOME_OK];

	if (judged == 0)
		return trials > 0 || tally->of[OUTCOME_UNRUN] > 0 ? VERDICT_ERROR : VERDICT_SKIPPED;
	if ((trials - judged) * VERDICT_INFRA_ONE_IN > trials)
		return VERDICT_ERROR;
	if (ok == judged)
		return VERDICT_PASS;
	if (ok > 0)
		return VERDICT_FLAKY;
	if (judged < VERDICT_CONFIRM_TRIALS)
		return VERDICT_INCONCLUSIVE;
	if (tally->of[OUTCOME_REFUSED] == judged)
		return VERDICT_UNSUPPORTED;
	if (tally->of[OUTCOME_IGNORED] == judged)
		return VERDICT_IGNORED;
	return VERDICT_FAIL;
}

void wilson_interval(int64_t ok, int64_t judged, double *low, double *high)
{
	const double z = 1.959963984540054; /* 97.5 % of the normal distribution */

	if (judged <= 0) {
		*low = 0;
		*high = 1;
		return;
	}
	double n = (double)judged;
	double rate = (double)ok / n;
	double middle = (rate + z * z / (2 * n)) / (1 + z * z / n);
	double half = z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n));

	/* At the ends the bound is exactly 0 or 1; rounding must not make it 0.9999999. */
	*low = ok == 0 ? 0 : fmax(0, middle - half);
	*high = ok == judged ? 1 : fmin(1, middle + half);
}
