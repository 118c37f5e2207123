/*
 * Starting and stopping a run, its queues, and what can be started at the end of
 * a turn of the loop.
 *
 * One trial: runner_trial.c; where attempts become facts: runner_disk.c; money: runner_budget.c;
 * going on: runner_resume.c.
 */
#include "harness/run/runner/runner_private.h"

#include "harness/run/matrix/baseline.h"

/* --- providers and their queues --- */

struct runner_provider *runner_provider_of(struct runner *runner, const struct provider *provider)
{
	size_t at = 0;

	while (at < runner->provider_count && runner->providers[at].provider != provider)
		at++;
	REQUIRE(at < runner->provider_count);
	return &runner->providers[at];
}

static void enqueue(struct runner *runner, struct runner_probe *probe)
{
	struct runner_provider *provider =
	    runner_provider_of(runner, probe->planned->target->provider);

	probe->next = NULL;
	if (provider->last == NULL)
		provider->first = probe;
	else
		provider->last->next = probe;
	provider->last = probe;
}

static void put_first(struct runner *runner, struct runner_probe *probe)
{
	struct runner_provider *provider =
	    runner_provider_of(runner, probe->planned->target->provider);

	probe->next = provider->first;
	provider->first = probe;
	if (provider->last == NULL)
		provider->last = probe;
}

static struct runner_probe *dequeue(struct runner_provider *provider)
{
	struct runner_probe *probe = provider->first;

	provider->first = probe->next;
	if (provider->first == NULL)
		provider->last = NULL;
	return probe;
}

/* --- cells --- */

/* Looks worse than it was, and has not been asked often enough to say so. */
static bool is_suspect(const struct runner *runner, const struct runner_cell *cell)
{
	const struct tally *tally = &cell->tally;

	return cell->base != NULL && runner->options.plan->rules.test != VERDICT_ONCE &&
	       tally->of[OUTCOME_HARNESS] == 0 &&
	       tally->of[OUTCOME_INFRA] < VERDICT_MAX_INFRA_TRIALS &&
	       tally_judged(tally) <
	           baseline_suspect_trials(cell->base, cell->planned->eval_case, tally);
}

bool runner_cell_wants(const struct runner *runner, const struct runner_cell *cell)
{
	return !cell->decided &&
	       (verdict_wants_more(&runner->options.plan->rules, cell->planned->eval_case,
	                           &cell->tally) ||
	        is_suspect(runner, cell) || runner_cell_wants_repaired(runner, cell));
}

bool runner_cell_wants_control(const struct runner *runner, const struct runner_cell *cell)
{
	return !cell->decided &&
	       runner->options.plan->probes[cell->planned->probe].control != NULL &&
	       verdict_wants_control(&cell->tally);
}

void runner_decide(struct runner *runner, struct runner_cell *cell, enum verdict verdict,
                   struct text detail)
{
	cell->decided = true;
	cell->verdict = verdict;
	runner->progress.cells_decided++;
	if (runner->events.cell != NULL)
		runner->events.cell(runner->events.context, cell->planned, verdict, detail);
}

bool runner_probe_wants_trial(const struct runner *runner, const struct runner_probe *probe)
{
	for (size_t i = 0; i < probe->planned->cell_count; i++)
		if (runner_cell_wants(runner, &runner->cells[probe->planned->cells[i]]))
			return true;
	return false;
}

bool runner_probe_is_controlled(const struct runner *runner, const struct runner_probe *probe)
{
	for (size_t i = 0; i < probe->planned->cell_count; i++)
		if (runner_cell_wants_control(runner, &runner->cells[probe->planned->cells[i]]))
			return true;
	return false;
}

static bool probe_wants(const struct runner *runner, const struct runner_probe *probe)
{
	return runner_probe_wants_trial(runner, probe) ||
	       runner_probe_is_controlled(runner, probe) || runner_probe_mends(runner, probe) != 0;
}

/* --- a provider that answers nothing more --- */

struct journal_attempt runner_unasked_line(const struct runner *runner,
                                           const struct runner_cell *cell, struct text reason)
{
	return (struct journal_attempt){
	    .target = cell->planned->target->name,
	    .case_id = cell->planned->eval_case->id,
	    .variant = text_of(case_variant_names[cell->planned->variant]),
	    .case_hash = text_of(cell->planned->eval_case->hash),
	    .outcome = OUTCOME_UNRUN,
	    .ends_trial = true,
	    .detail = reason,
	    .at_wall_ms = loop_wall_ms(runner->loop),
	    .status = -1,
	    .prompt_tokens = -1,
	    .cached_tokens = -1,
	    .completion_tokens = -1,
	    .reasoning_tokens = -1,
	    .cost_pico_usd = -1,
	    .computed_cost_pico_usd = -1,
	    .ttft_us = -1,
	    .latency_us = -1,
	    .score_ppm = -1,
	};
}

/* Its undecided cells can't be asked: a line each, so that the matrix knows why. */
static void leave_unrun(struct runner *runner, const struct runner_probe *probe, struct text reason)
{
	for (size_t i = 0; i < probe->planned->cell_count; i++) {
		struct runner_cell *cell = &runner->cells[probe->planned->cells[i]];
		if (cell->decided)
			continue;
		const struct runner_line line = {
		    .attempt = runner_unasked_line(runner, cell, reason), .cell = cell};
		runner_add_line(runner, &line);
	}
	runner->progress.probes_done++;
}

void runner_stop_provider(struct runner *runner, struct runner_provider *provider,
                          struct text reason)
{
	if (provider->stopped)
		return;
	provider->stopped = true;
	provider->reason = text_copy(&runner->arena, reason);
	if (runner->events.provider_stopped != NULL)
		runner->events.provider_stopped(runner->events.context, provider->provider,
		                                provider->reason);
	while (provider->first != NULL)
		leave_unrun(runner, dequeue(provider), provider->reason);
}

/* What others rest on and what looks bad is settled first: it may save asking them. */
static bool is_failing_gate(const struct runner *runner, const struct runner_probe *probe)
{
	for (size_t i = 0; i < probe->planned->cell_count; i++) {
		const struct runner_cell *cell = &runner->cells[probe->planned->cells[i]];
		if (cell->planned->eval_case->severity == CASE_GATE && !cell->decided &&
		    tally_trials(&cell->tally) > cell->tally.of[OUTCOME_OK])
			return true;
	}
	return false;
}

void runner_take_back(struct runner *runner, struct runner_probe *probe)
{
	const struct runner_provider *provider =
	    runner_provider_of(runner, probe->planned->target->provider);

	if (!probe_wants(runner, probe))
		runner->progress.probes_done++;
	else if (runner->stopping)
		return; /* left for a resumed run */
	else if (provider->stopped)
		leave_unrun(runner, probe, provider->reason);
	else if (is_failing_gate(runner, probe))
		put_first(runner, probe);
	else
		enqueue(runner, probe);
}

/* --- starting what can be started --- */

/* The provider whose turn it is, of those that have work and room; NULL: none. */
static struct runner_provider *choose_provider(struct runner *runner)
{
	for (size_t i = 0; i < runner->provider_count; i++) {
		size_t at = (runner->turn + i) % runner->provider_count;
		struct runner_provider *provider = &runner->providers[at];
		int64_t room = int64_max(provider->provider->limits.concurrency, 1);
		/* What is asked at once waits for its room, and nothing passes it: it gets there.
		 */
		if (provider->first == NULL ||
		    provider->in_flight + trial_width(provider->first) > room)
			continue;
		runner->turn = at + 1;
		return provider;
	}
	return NULL;
}

static void start_trials(struct runner *runner)
{
	while (!runner->stopping && runner->in_flight < runner->options.jobs &&
	       !runner_waits_enough(runner)) {
		struct runner_provider *provider = choose_provider(runner);
		if (provider == NULL)
			return;
		const struct runner_probe *probe = provider->first;
		if (runner_skip(runner, probe)) {
			(void)dequeue(provider);
			continue;
		}
		if (!budget_allows(runner, budget_next(runner, probe))) {
			/* What is in flight may turn out cheaper than its bound. */
			if (runner->in_flight == 0)
				runner_halt(runner, RUNNER_CAP);
			return;
		}
		trial_start(runner, dequeue(provider));
	}
}

static void tell_end(void *context)
{
	struct runner *runner = context;

	loop_timer_stop(runner->loop, &runner->drain);
	loop_timer_stop(runner->loop, &runner->disk.gather);
	/* Last of all: whoever is told may free the runner. */
	runner->events.end(runner->events.context, runner->end,
	                   runner->end == RUNNER_FAILED ? &runner->fault : NULL);
}

static bool is_done(const struct runner *runner)
{
	if (runner->trials != NULL || runner->line_count > 0 || runner->disk.busy ||
	    runner->scheduled)
		return false;
	for (size_t i = 0; !runner->stopping && i < runner->provider_count; i++)
		if (runner->providers[i].first != NULL)
			return false;
	return true;
}

static void turn_over(void *context)
{
	struct runner *runner = context;

	runner->scheduled = false;
	runner->held = 0;
	for (struct runner_trial *trial = runner->trials; trial != NULL;) {
		struct runner_trial *next = trial_next(trial);
		trial_turn(trial);
		trial = next;
	}
	start_trials(runner);
	runner_sync(runner);
	if (runner->ended || !is_done(runner))
		return;
	runner->ended = true;
	loop_defer(runner->loop, tell_end, runner);
}

void runner_schedule(struct runner *runner)
{
	if (runner->scheduled || runner->ended)
		return;
	runner->scheduled = true;
	loop_defer(runner->loop, turn_over, runner);
}

/* --- stopping --- */

void runner_halt(struct runner *runner, enum runner_end end)
{
	if (!runner->stopping)
		runner->end = end;
	runner->stopping = true;
	runner_schedule(runner);
}

static void cancel_all(void *context)
{
	struct runner *runner = context;

	for (struct runner_trial *trial = runner->trials; trial != NULL; trial = trial_next(trial))
		trial_cancel(trial);
	runner_schedule(runner);
}

void runner_fail(struct runner *runner, const struct fault *fault)
{
	if (runner->end == RUNNER_FAILED)
		return;
	runner->stopping = true;
	runner->end = RUNNER_FAILED;
	runner->fault = *fault;
	runner->line_count = runner->sealed = 0;
	cancel_all(runner);
}

void runner_stop(struct runner *runner, int64_t drain_ms)
{
	if (runner->ended)
		return;
	runner_halt(runner, RUNNER_INTERRUPTED);
	loop_timer_start(runner->loop, &runner->drain, drain_ms, cancel_all, runner);
}

/* --- the public verbs --- */

struct runner_progress runner_progress(const struct runner *runner)
{
	struct runner_progress progress = runner->progress;
	int64_t left = progress.probes_total - progress.probes_done;

	/* As long as what is done took, for what is left: trials to come are not known. */
	progress.eta_ms = -1;
	if (runner->trials_done > 0)
		progress.eta_ms = runner->trials_ms / runner->trials_done * left /
		                  int64_max(runner->options.jobs, 1);
	return progress;
}

static void add_provider(struct runner *runner, const struct provider *provider)
{
	for (size_t i = 0; i < runner->provider_count; i++)
		if (runner->providers[i].provider == provider)
			return;
	runner->providers[runner->provider_count++].provider = provider;
}

static void lay_out(struct runner *runner)
{
	const struct plan *plan = runner->options.plan;

	runner->cells = ARENA_NEW_ARRAY(&runner->arena, struct runner_cell, plan->cell_count);
	runner->probes = ARENA_NEW_ARRAY(&runner->arena, struct runner_probe, plan->probe_count);
	runner->providers =
	    ARENA_NEW_ARRAY(&runner->arena, struct runner_provider, plan->target_count);
	for (size_t i = 0; i < plan->target_count; i++)
		add_provider(runner, plan->targets[i].provider);
	for (size_t i = 0; i < plan->cell_count; i++)
		runner->cells[i] = (struct runner_cell){
		    .planned = &plan->cells[i],
		    .base = runner->options.baseline == NULL
		                ? NULL
		                : matrix_find(runner->options.baseline, plan->cells[i].target->name,
		                              plan->cells[i].eval_case->id, plan->cells[i].variant),
		};
	for (size_t i = 0; i < plan->probe_count; i++)
		runner->probes[i].planned = &plan->probes[i];
}

/* What is left to ask, now that what is on disk is known. */
static void queue_probes(struct runner *runner)
{
	const struct plan *plan = runner->options.plan;

	runner->progress.cells_total = (int64_t)plan->cell_count;
	for (size_t i = 0; i < plan->cell_count; i++) {
		struct runner_cell *cell = &runner->cells[i];
		if (cell->planned->probe == PLAN_NO_PROBE)
			continue;
		if (runner_cell_wants(runner, cell) || runner_cell_wants_control(runner, cell))
			continue;
		if (!cell->decided)
			cell->verdict =
			    verdict_decide(&plan->rules, cell->planned->eval_case, &cell->tally);
		cell->decided = true;
		runner->progress.cells_decided++;
	}
	for (size_t i = 0; i < plan->probe_count; i++) {
		if (!probe_wants(runner, &runner->probes[i]))
			continue;
		enqueue(runner, &runner->probes[i]);
		runner->progress.probes_total++;
	}
}

static void begin(void *context)
{
	struct runner *runner = context;
	const struct plan *plan = runner->options.plan;

	for (size_t i = 0; i < plan->cell_count; i++)
		if (plan->cells[i].probe == PLAN_NO_PROBE)
			runner_decide(runner, &runner->cells[i], VERDICT_SKIPPED,
			              plan->cells[i].skip);
	runner_schedule(runner);
}

bool runner_start(struct loop *loop, struct caller *caller, const struct runner_options *options,
                  const struct runner_events *events, struct runner **out, struct fault *fault)
{
	struct runner *runner = memory_new(sizeof(*runner));

	REQUIRE(options->jobs >= 1 && options->max_attempts >= 1 && events->end != NULL);
	runner->loop = loop;
	runner->caller = caller;
	runner->options = *options;
	runner->events = *events;
	runner->end = RUNNER_FINISHED;
	runner->trials_end = &runner->trials;
	lay_out(runner);
	if (options->done_path != NULL && !runner_resume(runner, options->done_path, fault)) {
		runner_free(runner);
		return false;
	}
	queue_probes(runner);
	loop_defer(loop, begin, runner);
	*out = runner;
	return true;
}

void runner_free(struct runner *runner)
{
	if (runner == NULL)
		return;
	REQUIRE(runner->trials == NULL);
	memory_free(runner->lines);
	arena_done(&runner->arena);
	memory_free(runner);
}
