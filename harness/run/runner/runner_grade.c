/*
 * Programs that grade answers, on other threads: the loop asks and hears on meanwhile. Few at once,
 * in the order of asking: the disk's threads are the same, and nothing counts before the disk.
 */
#include "harness/run/runner/runner_trial.h"

enum { RUNNER_MAX_GRADERS = 2 };

static void start_graders(struct runner *runner);

static void on_a_thread(void *context)
{
	struct runner_trial *trial = context;

	grading_run(&trial->gradings);
}

static void on_the_loop(void *context)
{
	struct runner_trial *trial = context;
	struct runner *runner = trial->runner;

	runner->graders--;
	trial->grading = TRIAL_UNGRADED;
	/* The trial ends at the end of this turn, at the earliest. */
	trial_graded(trial);
	start_graders(runner);
}

static void start_graders(struct runner *runner)
{
	for (struct runner_trial *trial = runner->trials;
	     trial != NULL && runner->graders < RUNNER_MAX_GRADERS; trial = trial->next) {
		if (trial->grading != TRIAL_TO_GRADE)
			continue;
		trial->grading = TRIAL_GRADING;
		runner->graders++;
		loop_work(runner->loop, on_a_thread, on_the_loop, trial);
	}
}

void runner_grade(struct runner_trial *trial)
{
	trial->grading = TRIAL_TO_GRADE;
	start_graders(trial->runner);
}
