/*
 * One asking of a plan: a run's folder opened, new or to go on, and the runner driven to its end,
 * with progress and signals. `check` does this once, `check --calibrate` twice. Private to check.
 */
#ifndef PROVISO_CLI_CHECK_ASK_H
#define PROVISO_CLI_CHECK_ASK_H

#include "harness/cli/check.h"
#include "harness/run/runner/runner.h"

struct progress;

enum {
	CHECK_DEFAULT_JOBS = 8,
	CHECK_MAX_ATTEMPTS = 3,
	CHECK_DEADLINE_MS = 300000, /* of one question with all its retries and waits */
};

struct check_loop {
	struct check_session *session;
	struct loop *loop;
	struct caller *caller;
	struct journal journal;
	struct recording *recording;
	struct runner *runner;
	struct progress *progress;
	enum runner_end end;
	struct fault fault; /* with RUNNER_FAILED */
	bool provider_stopped;
	bool stopping;
};

void check_loop_init(struct check_loop *check, struct check_session *session);
void check_loop_done(struct check_loop *check);

#define CHECK_RUNS_FOLDER "proviso-runs"

/*
 * Everything before the first question, but for the new run itself: the run `recorded` opened
 * (NULL: none), config, suite, targets, plan, baseline, keys, and whether the cap allows it. With
 * --dry-run it prints the bound instead. Returns EXIT_HOLDS or what to exit with (said already).
 * check_run.c.
 */
MUST_CHECK int check_prepare(struct check_loop *check, const char *recorded, struct fault *fault);

/* Makes the folder and the journal of a new run (path NULL: CHECK_RUNS_FOLDER/ID); session->head
 * and folder are its own. */
MUST_CHECK bool check_open_new(struct check_loop *check, const char *path, struct fault *fault);
/* Locks the journal of a run that is to go on; session->head and folder are its own. */
MUST_CHECK bool check_open_recorded(struct check_loop *check, const char *path,
                                    struct fault *fault);
/* A run of other cases can't be gone on with. */
MUST_CHECK bool check_same_suite(const struct check_session *session, struct fault *fault);

/*
 * Asks, and returns at the end of the run, however it comes (check->end); at most `cap_pico_usd`
 * is spent (-1: no cap), what an earlier process spent of the run included. False: it could not
 * even start.
 */
MUST_CHECK bool check_ask(struct check_loop *check, int64_t cap_pico_usd, struct fault *fault);

/*
 * Says on stderr, for each target of which no answer could be used, what is most likely wrong with
 * its address, key or model name, and what to try. By the run's journal. check_hint.c.
 */
void check_hint(const struct check_session *session);
/* All that the run cost so far, for the cap; after check_ask. */
MUST_CHECK int64_t check_spent(const struct check_loop *check);

/*
 * check_judge.c: after a run that has finished, asks the judge about the answers that have a
 * rubric, within what is left of the cap, and says what came of it. False: a fault of the disk.
 */
MUST_CHECK bool check_ask_judge(struct check_loop *check, struct fault *fault);

/* An amount as the reports write it; arena. */
MUST_CHECK struct text check_usd(struct arena *arena, int64_t pico_usd);

#endif
