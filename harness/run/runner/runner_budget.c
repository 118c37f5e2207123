/*
 * The spending cap: what is in flight is counted at its upper bound, what is
 * known at its cost. A run that stays within it can't overshoot.
 */
#include "harness/run/runner/runner_private.h"

int64_t budget_bound(const struct plan_probe *probe, const struct open_trial *open)
{
	int64_t bound = 0;

	/* The plan has counted the whole question already. */
	if (open == NULL || open->trial == 0)
		return probe->bound_pico_usd;
	for (size_t step = 0; step < probe->asks->step_count; step++)
		if (open->evidence[step].data == NULL)
			bound = plan_add_usd(
			    bound, plan_step_bound(probe->target, probe->asks, step, NULL));
	return bound;
}

int64_t budget_next(const struct runner *runner, const struct runner_probe *probe)
{
	return runner_probe_is_controlled(runner, probe)
	           ? probe->planned->control_bound_pico_usd
	           : budget_bound(probe->planned, &probe->open);
}

bool budget_allows(const struct runner *runner, int64_t more_pico_usd)
{
	const struct runner_progress *progress = &runner->progress;
	int64_t committed = plan_add_usd(progress->spent_pico_usd, progress->reserved_pico_usd);

	return runner->options.max_spend_pico_usd < 0 ||
	       plan_add_usd(committed, more_pico_usd) <= runner->options.max_spend_pico_usd;
}

void runner_budget_reserve(struct runner *runner, int64_t pico_usd)
{
	int64_t *reserved = &runner->progress.reserved_pico_usd;

	*reserved = plan_add_usd(*reserved, pico_usd);
}

void runner_budget_release(struct runner *runner, int64_t pico_usd)
{
	int64_t *reserved = &runner->progress.reserved_pico_usd;

	/* Saturated sums may have lost something: never below nothing. */
	*reserved = int64_max(*reserved - pico_usd, 0);
}

void budget_spend(struct runner *runner, int64_t pico_usd)
{
	int64_t *spent = &runner->progress.spent_pico_usd;

	*spent = plan_add_usd(*spent, pico_usd);
}

/* No request reached a server: there is nothing to be billed. */
static bool never_arrived(struct text end)
{
	return text_is(end, exchange_end_name(EXCHANGE_RESOLVE_FAILED)) ||
	       text_is(end, exchange_end_name(EXCHANGE_CONNECT_FAILED)) ||
	       text_is(end, exchange_end_name(EXCHANGE_CONNECT_TIMEOUT)) ||
	       text_is(end, exchange_end_name(EXCHANGE_TLS_FAILED));
}

int64_t budget_charge(const struct journal_attempt *attempt, int64_t bound_pico_usd)
{
	if (attempt->cost_pico_usd >= 0)
		return attempt->cost_pico_usd;
	/* A refusal is billed by nobody. All else that ended without usage may well be. */
	if (attempt->attempt == 0 || attempt->status >= 400 || never_arrived(attempt->end))
		return 0;
	return bound_pico_usd;
}
