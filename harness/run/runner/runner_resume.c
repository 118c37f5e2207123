/*
 * What an earlier process has left on disk: finished trials count, a half-done one
 * goes on at its next step, and what was paid is paid.
 */
#include "harness/run/runner/runner_private.h"

#include "harness/run/matrix/cell_index.h"

struct resume {
	struct runner *runner;
	struct cell_index index;
	struct arena *arena;
};

static bool check_head(void *context, const struct journal_head *head, struct fault *fault)
{
	const struct runner_options *options = &((struct resume *)context)->runner->options;

	if (!text_is(head->suite_hash, options->suite->hash))
		return fault_set(fault, FAULT_INPUT,
		                 "the suite has changed since this run began (%.*s, now %s): "
		                 "start a new run",
		                 TEXT_ARG(head->suite_hash), options->suite->hash);
	if (!text_equal(head->seed, options->seed))
		return fault_set(fault, FAULT_INTERNAL, "a run goes on with its own seed");
	return true;
}

/* The trial has more to come: where does it stand? */
static void note_open(struct resume *resume, struct open_trial *open,
                      const struct journal_attempt *line)
{
	if (line->trial < open->trial || line->step >= CASE_MAX_STEPS)
		return;
	if (line->trial > open->trial)
		*open = (struct open_trial){.trial = line->trial};
	if (line->outcome == OUTCOME_INFRA || line->outcome == OUTCOME_UNRUN) {
		open->attempts[line->step] = int64_max(open->attempts[line->step], line->attempt);
	} else if (open->evidence[line->step].data == NULL && line->evidence.data != NULL) {
		open->evidence[line->step] = text_copy(resume->arena, line->evidence);
	}
}

static bool take_line(void *context, const struct journal_attempt *line, struct fault *fault UNUSED)
{
	struct resume *resume = context;
	struct runner *runner = resume->runner;
	size_t at = cell_index_find(&resume->index,
	                            (struct cell_key){line->target, line->case_id, line->variant});

	if (at == SIZE_MAX || runner->cells[at].planned->probe == PLAN_NO_PROBE) {
		/* Asked for by other options than now: it counts for nothing but money. */
		if (line->owner)
			budget_spend(runner, budget_charge(line, 0));
		return true;
	}
	struct runner_cell *cell = &runner->cells[at];
	struct runner_probe *probe = &runner->probes[cell->planned->probe];
	const struct eval_case *asks =
	    line->control.data == NULL ? probe->planned->asks : probe->planned->control;
	if (line->owner && asks != NULL && (size_t)line->step < asks->step_count) {
		int64_t bound =
		    plan_step_bound(probe->planned->target, asks, (size_t)line->step, NULL);
		budget_spend(runner, budget_charge(line, bound));
		runner->progress.attempts++;
		runner->progress.infra_attempts += line->outcome == OUTCOME_INFRA;
	}
	if (line->skipped) {
		cell->decided = true;
		cell->verdict = VERDICT_SKIPPED;
		return true;
	}
	if (line->attempt == 0 && line->outcome == OUTCOME_UNRUN)
		return true; /* its provider was stopped: it may answer by now */
	probe->trials = int64_max(probe->trials, line->trial);
	if (!line->ends_trial || line->outcome == OUTCOME_UNRUN) {
		/* A control is one step, and what was asked mended is hardly ever half-done. */
		if (line->control.data != NULL || line->mended.data != NULL)
			return true;
		note_open(resume, &probe->open, line);
		return true;
	}
	journal_mend(line, &cell->mends);
	if (line->mended.data == NULL)
		journal_tally(line, &cell->tally);
	if (line->trial >= probe->open.trial)
		probe->open = (struct open_trial){0};
	return true;
}

bool runner_resume(struct runner *runner, const char *path, struct fault *fault)
{
	struct resume resume = {.runner = runner, .arena = &runner->arena};
	const struct journal_visitor visitor = {check_head, take_line, &resume};
	const struct plan *plan = runner->options.plan;

	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct plan_cell *cell = &plan->cells[i];
		struct cell_key key = {cell->target->name, cell->eval_case->id,
		                       text_of(case_variant_names[cell->variant])};
		cell_index_add(&resume.index, key, i);
	}
	bool good = journal_scan(path, &visitor, NULL, fault);
	cell_index_done(&resume.index);
	return good;
}
