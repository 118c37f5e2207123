/*
 * The one place where attempts become facts: once they are on disk.
 *
 * Another thread syncs, for a disk takes longer than many an answer. Meanwhile lines gather and are
 * its next work: one sync for all of them. Where nobody waits for it, it is not asked again at
 * once: syncing is most of what a run on a fast provider costs.
 */
#include "harness/run/runner/runner_private.h"

enum { GATHER_US = 5000 }; /* from one sync to the next */

void runner_add_line(struct runner *runner, const struct runner_line *line)
{
	if (runner->line_count == runner->line_room) {
		runner->line_room = runner->line_room == 0 ? 64 : runner->line_room * 2;
		runner->lines = memory_resize(runner->lines,
		                              size_mul(runner->line_room, sizeof(*runner->lines)));
	}
	runner->lines[runner->line_count++] = *line;
	runner_budget_reserve(runner, line->charge_pico_usd);
	journal_add(runner->options.journal, &line->attempt);
	runner_schedule(runner);
}

static void count_line(struct runner *runner, const struct runner_line *line)
{
	const struct journal_attempt *attempt = &line->attempt;
	struct runner_cell *cell = line->cell;

	if (line->trial != NULL)
		trial_counted(line->trial);
	runner_budget_release(runner, line->charge_pico_usd);
	budget_spend(runner, line->charge_pico_usd);
	if (attempt->owner && attempt->attempt > 0) {
		runner->progress.attempts++;
		runner->progress.infra_attempts += attempt->outcome == OUTCOME_INFRA;
	}
	if (runner->events.attempt != NULL)
		runner->events.attempt(runner->events.context, attempt);
	if (!attempt->ends_trial)
		return;
	/* Decided is what it is as it is; what it is behind repairs may come later. */
	journal_mend(attempt, &cell->mends);
	if (cell->decided || attempt->mended.data != NULL)
		return;
	if (attempt->skipped) {
		runner_decide(runner, cell, VERDICT_SKIPPED, attempt->detail);
		return;
	}
	journal_tally(attempt, &cell->tally);
	if (attempt->outcome == OUTCOME_UNRUN ||
	    (!runner_cell_wants(runner, cell) && !runner_cell_wants_control(runner, cell)))
		runner_decide(runner, cell,
		              verdict_decide(&runner->options.plan->rules, cell->planned->eval_case,
		                             &cell->tally),
		              attempt->detail);
}

/*
 * On its own thread: touches nothing but `disk` and what the journal has set apart. Evidence
 * first: a line must never name a record that a crash has taken.
 */
static void sync_sealed(void *context)
{
	struct runner *runner = context;
	struct runner_disk *disk = &runner->disk;

	disk->good = (disk->evidence.fd < 0 || file_log_sync(&disk->evidence, &disk->fault)) &&
	             journal_write_sealed(runner->options.journal, &disk->fault);
	file_log_close(&disk->evidence);
}

static void sealed_synced(void *context)
{
	struct runner *runner = context;

	runner->disk.busy = false;
	runner_schedule(runner);
	if (runner->end == RUNNER_FAILED)
		return;
	if (!runner->disk.good) {
		runner_fail(runner, &runner->disk.fault);
		return;
	}
	for (size_t i = 0; i < runner->sealed; i++)
		count_line(runner, &runner->lines[i]);
	runner->line_count -= runner->sealed;
	memmove(runner->lines, runner->lines + runner->sealed,
	        runner->line_count * sizeof(*runner->lines));
	runner->sealed = 0;
}

bool runner_waits_enough(const struct runner *runner)
{
	return runner->waiting >= int64_max(runner->options.jobs, RUNNER_MAX_WAITING);
}

static void gathered(void *context)
{
	runner_sync(context);
}

/* Nobody is held up, and more is on its way: the disk is asked when the timer fires. */
static bool gathers(struct runner *runner)
{
	struct runner_disk *disk = &runner->disk;
	int64_t left_us = disk->began_us + GATHER_US - loop_now_us(runner->loop);

	if (left_us <= 0 || runner->held > 0 || runner->in_flight == 0 || runner->stopping ||
	    runner_waits_enough(runner))
		return false;
	if (disk->gather.slot == 0)
		loop_timer_start(runner->loop, &disk->gather, left_us / 1000 + 1, gathered, runner);
	return true;
}

void runner_sync(struct runner *runner)
{
	struct runner_disk *disk = &runner->disk;

	if (disk->busy || runner->line_count == 0 || runner->end == RUNNER_FAILED ||
	    gathers(runner))
		return;
	loop_timer_stop(runner->loop, &disk->gather);
	if (!recording_hand_out(runner->options.recording, &disk->evidence, &disk->fault)) {
		runner_fail(runner, &disk->fault);
		return;
	}
	journal_seal(runner->options.journal);
	runner->sealed = runner->line_count;
	disk->busy = true;
	disk->began_us = loop_now_us(runner->loop);
	loop_work(runner->loop, sync_sealed, sealed_synced, runner);
}
