/*
 * The runner: asks what the plan wants, within pace, jobs and the spending cap,
 * keeps the evidence, and never asks again what is on disk.
 *
 * Evidence and journal are synced by another thread, many attempts at once, while further
 * questions are asked. Nothing counts before that: a crash costs what was in flight and the
 * answers that waited for the disk, which are at most RUNNER_MAX_WAITING or `jobs`, whichever is
 * more; with a provider that takes longer to answer than the disk to sync it is a handful.
 */
#ifndef PROVISO_RUN_RUNNER_H
#define PROVISO_RUN_RUNNER_H

#include "harness/base/loop.h"
#include "harness/run/judge.h"
#include "harness/run/matrix/matrix.h"
#include "harness/run/runner/journal.h"
#include "harness/run/runner/plan.h"
#include "providers/wire/call.h"
#include "providers/wire/recording.h"

struct runner;

enum { RUNNER_MAX_WAITING = 64 }; /* trials that wait for the disk and hold up nobody */

struct runner_options {
	const struct suite *suite;
	const struct plan *plan;
	struct text seed;           /* of the nonces; that of the journal's head */
	int64_t jobs;               /* questions in flight over all providers; at least 1 */
	int64_t max_spend_pico_usd; /* -1: no cap */
	unsigned max_attempts;      /* of one question; at least 1 */
	int64_t deadline_ms;        /* of one question with its retries */
	/* Cells that look worse than there are asked more often; NULL: there is none. Sorted. */
	const struct matrix *baseline;
	struct journal *journal;
	struct recording *recording;
	const char *evidence_folder; /* to read back half-done trials at resume */
	/*
	 * The journal to go on with (journal_resume has cut it): read once, line by line; what is
	 * in it counts and is not asked again. NULL: a new run.
	 */
	const char *done_path;
};

struct runner_progress {
	int64_t probes_done, probes_total; /* asked to the end, of those known to be needed */
	int64_t cells_decided, cells_total;
	int64_t attempts, infra_attempts;
	/* Known spend, on disk; bounds of what is in flight, and what is not on disk yet. */
	int64_t spent_pico_usd, reserved_pico_usd;
	int64_t eta_ms; /* -1: unknown */
};

enum runner_end {
	RUNNER_FINISHED,
	RUNNER_CAP,         /* the spending cap was reached */
	RUNNER_INTERRUPTED, /* runner_stop */
	RUNNER_FAILED,      /* journal or evidence could not be written: see the fault */
};

/* Any of them may be NULL but `end`. */
struct runner_events {
	/* A cell has its verdict; at the start also those that are skipped. */
	void (*cell)(void *context, const struct plan_cell *cell, enum verdict verdict,
	             struct text detail);
	/* A provider's run was stopped; one clear line. */
	void (*provider_stopped)(void *context, const struct provider *provider,
	                         struct text reason);
	/* A line of the journal, once it is on disk. */
	void (*attempt)(void *context, const struct journal_attempt *attempt);
	/* Once, last. fault: only with RUNNER_FAILED. */
	void (*end)(void *context, enum runner_end end, const struct fault *fault);
	void *context;
};

/*
 * All that `options` names must live until `end`. A journal of another suite or another seed is a
 * fault: its attempts answer other questions.
 */
MUST_CHECK bool runner_start(struct loop *loop, struct caller *caller,
                             const struct runner_options *options,
                             const struct runner_events *events, struct runner **out,
                             struct fault *fault);
/* Starts nothing more; what is in flight may end within `drain_ms`, then it is cancelled. */
void runner_stop(struct runner *runner, int64_t drain_ms);
MUST_CHECK struct runner_progress runner_progress(const struct runner *runner);
/* After `end`. */
void runner_free(struct runner *runner);

#endif
