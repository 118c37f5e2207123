/*
 * What need not be asked: after three failed prerequisites the cases that rest on them. It saves
 * money and hides nothing: each such cell says which cells are the cause, and proves nothing.
 */
#include "harness/run/runner/runner_private.h"

/* What was asked and did not hold. Flaky and undecided cells stop nobody. */
static bool has_failed(const struct runner *runner, const struct runner_cell *cell)
{
	/* Behind a repair it holds, and so may what rests on it. */
	if (!cell->decided || runner_cell_is_mended(runner, cell))
		return false;
	switch (cell->verdict) {
	case VERDICT_FAIL:
	case VERDICT_UNSUPPORTED:
	case VERDICT_IGNORED:
	case VERDICT_ERROR:
		return true;
	case VERDICT_PASS:
	case VERDICT_FLAKY:
	case VERDICT_INCONCLUSIVE:
	case VERDICT_SKIPPED:
	case VERDICT_STALE:
	case VERDICT_COUNT:
		break;
	}
	return false;
}

/* Whether the question itself was not answered; other cells judge the form of its answer. */
static bool asks_itself(const struct runner *runner, const struct runner_cell *cell)
{
	return runner->options.plan->probes[cell->planned->probe].asks == cell->planned->eval_case;
}

/* The cells that are the cause, named; data NULL where the cell is worth asking. */
static struct text cause_of(const struct runner *runner, const struct runner_cell *cell,
                            struct arena *arena)
{
	struct text cause = {NULL, 0};
	size_t failed = 0;
	bool asked = false;

	for (size_t i = 0; i < runner->options.plan->cell_count; i++) {
		const struct runner_cell *on = &runner->cells[i];
		if (!has_failed(runner, on) || on->planned->probe == PLAN_NO_PROBE ||
		    !plan_rests_on(cell->planned, on->planned))
			continue;
		asked = asked || asks_itself(runner, on);
		failed++;
		if (failed > PLAN_FAILED_PREREQUISITES)
			continue;
		struct text label = case_label(on->planned->eval_case, on->planned->variant, arena);
		cause =
		    text_format(arena, "%.*s%s%.*s (%s)", TEXT_ARG(cause), failed == 1 ? "" : ", ",
		                TEXT_ARG(label), verdict_name(on->verdict));
	}
	if (failed < PLAN_FAILED_PREREQUISITES || !asked)
		return (struct text){NULL, 0};
	return text_format(arena, "not asked, for it rests on %.*s%s", TEXT_ARG(cause),
	                   failed > PLAN_FAILED_PREREQUISITES ? " and more" : "");
}

bool runner_skip(struct runner *runner, const struct runner_probe *probe)
{
	const struct plan_probe *planned = probe->planned;
	struct text *causes;
	size_t open = 0;

	if (probe->trials > 0)
		return false;
	causes = ARENA_NEW_ARRAY(&runner->arena, struct text, planned->cell_count);
	for (size_t i = 0; i < planned->cell_count; i++) {
		const struct runner_cell *cell = &runner->cells[planned->cells[i]];
		if (cell->decided)
			continue;
		causes[i] = cause_of(runner, cell, &runner->arena);
		if (causes[i].data == NULL)
			return false;
		open++;
	}
	for (size_t i = 0; i < planned->cell_count; i++) {
		struct runner_cell *cell = &runner->cells[planned->cells[i]];
		if (cell->decided)
			continue;
		struct runner_line line = {.attempt = runner_unasked_line(runner, cell, causes[i]),
		                           .cell = cell};
		line.attempt.skipped = true;
		runner_add_line(runner, &line);
	}
	runner->progress.probes_done++;
	return open > 0;
}
