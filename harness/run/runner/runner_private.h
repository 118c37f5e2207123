/* Between the runner's files. */
#ifndef PROVISO_RUN_RUNNER_PRIVATE_H
#define PROVISO_RUN_RUNNER_PRIVATE_H

#include "harness/run/runner/mend.h"
#include "harness/run/runner/question.h"
#include "harness/run/runner/runner.h"

struct runner_cell {
	const struct plan_cell *planned;
	const struct matrix_cell *base; /* of the baseline; NULL: it has none */
	struct tally tally;
	struct mend_tally mends;
	bool decided;
	enum verdict verdict; /* once it is decided */
};

/* A trial of which only a part is on disk: it goes on where it ended. */
struct open_trial {
	int64_t trial;                        /* 0: none */
	struct text evidence[CASE_MAX_STEPS]; /* of the answers; data NULL: there is none yet */
	int64_t attempts[CASE_MAX_STEPS];     /* at a step that has no answer yet */
};

struct runner_probe {
	const struct plan_probe *planned;
	int64_t trials;            /* the highest number begun */
	struct open_trial open;    /* left by an earlier process */
	struct runner_probe *next; /* in its provider's queue */
};

struct runner_provider {
	const struct provider *provider;
	struct runner_probe *first, *last; /* waiting, in the order of asking */
	int64_t in_flight;                 /* requests that its trials may have under way */
	bool stopped;
	struct text reason;
};

struct runner_trial;

/* A line that is written but does not count yet. */
struct runner_line {
	struct journal_attempt attempt; /* texts: the trial's arena, or longer */
	struct runner_cell *cell;
	struct runner_trial *trial; /* NULL: it is about no attempt */
	int64_t charge_pico_usd;    /* reserved until it counts; then it is spent */
};

/* What is being synced by another thread, and what came of it. */
struct runner_disk {
	bool busy;
	int64_t began_us;         /* on the loop's clock */
	struct loop_timer gather; /* until more lines may have come */
	struct file_log evidence; /* fd -1: there is none to sync */
	bool good;
	struct fault fault; /* where it is not good */
};

struct runner {
	struct loop *loop;
	struct caller *caller;
	struct runner_options options;
	struct runner_events events;
	struct arena arena;
	struct runner_cell *cells;         /* as plan->cells */
	struct runner_probe *probes;       /* as plan->probes */
	struct runner_provider *providers; /* each once */
	size_t provider_count;
	size_t turn;               /* which provider is next */
	struct runner_line *lines; /* owned; in the order of the journal */
	size_t line_count, line_room;
	size_t sealed; /* the first so many: the disk is being asked for them */
	struct runner_disk disk;
	struct runner_trial *trials; /* in flight or waiting for the disk; in the order of asking */
	struct runner_trial **trials_end;
	int64_t in_flight;              /* each takes one of the jobs */
	int64_t waiting;                /* for the disk alone, and taking no job */
	int64_t held;                   /* in flight, and wait for the disk to go on */
	int64_t graders;                /* threads on which programs grade */
	int64_t trials_done, trials_ms; /* for the estimate of what is left */
	struct runner_progress progress;
	struct loop_timer drain;
	bool scheduled; /* the end of this turn is deferred */
	bool stopping;  /* starts nothing more */
	bool ended;     /* `end` is deferred */
	enum runner_end end;
	struct fault fault; /* with RUNNER_FAILED */
};

/* --- runner.c --- */

/* Starts what can be started, at the end of this turn of the loop. */
void runner_schedule(struct runner *runner);
/* Starts nothing more, and ends so; the first reason stays. */
void runner_halt(struct runner *runner, enum runner_end end);
/* The disk refused: nothing counts any more. */
void runner_fail(struct runner *runner, const struct fault *fault);
/* The cell has its verdict. */
void runner_decide(struct runner *runner, struct runner_cell *cell, enum verdict verdict,
                   struct text detail);
/* A probe whose trial is over: queued again, or done with. */
void runner_take_back(struct runner *runner, struct runner_probe *probe);
MUST_CHECK struct runner_provider *runner_provider_of(struct runner *runner,
                                                      const struct provider *provider);
void runner_stop_provider(struct runner *runner, struct runner_provider *provider,
                          struct text reason);
MUST_CHECK bool runner_cell_wants(const struct runner *runner, const struct runner_cell *cell);
/* Some cell of it wants a trial, asked as it is. */
MUST_CHECK bool runner_probe_wants_trial(const struct runner *runner,
                                         const struct runner_probe *probe);
/* All its trials may have broken the server: a plain request beside it will tell. */
MUST_CHECK bool runner_cell_wants_control(const struct runner *runner,
                                          const struct runner_cell *cell);
/* A control is wanted, and goes before any further trial. */
MUST_CHECK bool runner_probe_is_controlled(const struct runner *runner,
                                           const struct runner_probe *probe);

/* --- runner_mend.c: the same questions behind repairs --- */

/* It does not pass as it is, and a repair of replies may: its own trials are to decide. */
MUST_CHECK bool runner_cell_wants_repaired(const struct runner *runner,
                                           const struct runner_cell *cell);
/* It does not pass as it is, and a repair of requests may: to be asked so. */
MUST_CHECK bool runner_cell_wants_mended(const struct runner *runner,
                                         const struct runner_cell *cell);
/* Nothing is wanted but that; the repairs to ask with, else 0. */
MUST_CHECK repair_bits runner_probe_mends(const struct runner *runner,
                                          const struct runner_probe *probe);
/* Whether it passes behind repairs. */
MUST_CHECK bool runner_cell_is_mended(const struct runner *runner, const struct runner_cell *cell);

/* A line about no attempt: why the cell can't be asked. The reason must live until it counts. */
MUST_CHECK struct journal_attempt runner_unasked_line(const struct runner *runner,
                                                      const struct runner_cell *cell,
                                                      struct text reason);

/* --- runner_disk.c: from written to counted --- */

void runner_add_line(struct runner *runner, const struct runner_line *line);
/* At the end of a turn: has the lines so far synced by another thread; then they count. */
void runner_sync(struct runner *runner);
/* So many trials wait for the disk that no further one is started. */
MUST_CHECK bool runner_waits_enough(const struct runner *runner);

/* --- runner_skip.c --- */

/* Whether the probe is not worth asking, since what all its cells rest on has failed: then each of
 * them gets its line. */
MUST_CHECK bool runner_skip(struct runner *runner, const struct runner_probe *probe);

/* --- runner_trial.c: one asking of one question --- */

/* How many requests of the probe may be in flight together: at most what its provider takes. */
MUST_CHECK int64_t trial_width(const struct runner_probe *probe);
void trial_start(struct runner *runner, struct runner_probe *probe);
/* A line of it is on disk. */
void trial_counted(struct runner_trial *trial);
/* At the end of a turn: goes on or ends where it can. The trial may be gone after this. */
void trial_turn(struct runner_trial *trial);
MUST_CHECK struct runner_trial *trial_next(const struct runner_trial *trial);
void trial_cancel(struct runner_trial *trial);

/* --- runner_grade.c: programs that grade answers --- */

/* Has what the trial's judging noted run by other threads; then trial_graded. */
void runner_grade(struct runner_trial *trial);

/* --- runner_budget.c --- */

/* What the probe's next trial or control may cost at most. */
MUST_CHECK int64_t budget_next(const struct runner *runner, const struct runner_probe *probe);
/* What the steps that have no answer in `open` (NULL: all) may cost at most. */
MUST_CHECK int64_t budget_bound(const struct plan_probe *probe, const struct open_trial *open);
/* Whether so much more keeps within the cap, with all that is in flight. */
MUST_CHECK bool budget_allows(const struct runner *runner, int64_t more_pico_usd);
void runner_budget_reserve(struct runner *runner, int64_t pico_usd);
void runner_budget_release(struct runner *runner, int64_t pico_usd);
void budget_spend(struct runner *runner, int64_t pico_usd);
/* What an attempt is counted at: its cost, or its bound where it may have been billed unseen. */
MUST_CHECK int64_t budget_charge(const struct journal_attempt *attempt, int64_t bound_pico_usd);

/* --- runner_resume.c --- */

/* Takes what is on disk into cells, probes and budget. */
MUST_CHECK bool runner_resume(struct runner *runner, const char *path, struct fault *fault);

#endif
