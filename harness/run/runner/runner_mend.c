/*
 * Cells behind repairs. Only what does not pass as it is gets there: a repair is for targets that
 * need one.
 */
#include "harness/run/runner/runner_private.h"

static bool passes(const struct runner *runner, const struct runner_cell *cell,
                   const struct tally *tally)
{
	return verdict_decide(&runner->options.plan->rules, cell->planned->eval_case, tally) ==
	       VERDICT_PASS;
}

bool runner_cell_wants_repaired(const struct runner *runner, const struct runner_cell *cell)
{
	return cell->mends.plain_repairs != 0 && tally_trials(&cell->mends.mended) == 0 &&
	       !passes(runner, cell, &cell->tally) &&
	       verdict_wants_more(&runner->options.plan->rules, cell->planned->eval_case,
	                          &cell->mends.plain);
}

bool runner_cell_wants_mended(const struct runner *runner, const struct runner_cell *cell)
{
	return cell->mends.mendable != 0 && !passes(runner, cell, &cell->tally) &&
	       verdict_wants_more(&runner->options.plan->rules, cell->planned->eval_case,
	                          &cell->mends.mended);
}

repair_bits runner_probe_mends(const struct runner *runner, const struct runner_probe *probe)
{
	repair_bits mends = 0;

	if (runner_probe_wants_trial(runner, probe) || runner_probe_is_controlled(runner, probe))
		return 0;
	for (size_t i = 0; i < probe->planned->cell_count; i++) {
		const struct runner_cell *cell = &runner->cells[probe->planned->cells[i]];
		if (runner_cell_wants_mended(runner, cell))
			mends |= cell->mends.mendable;
	}
	return mends;
}

bool runner_cell_is_mended(const struct runner *runner, const struct runner_cell *cell)
{
	repair_bits repairs;
	const struct tally *tally = journal_mended(&cell->mends, &repairs);

	return tally != NULL && passes(runner, cell, tally);
}
