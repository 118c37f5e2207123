/*
 * `check`, in its rooms: what to ask (check_setup.c), the models' context where no
 * file says it (check_context.c), and asking (check_run.c, check_ask.c; twice:
 * check_calibrate.c). command_check.c holds the options and leads from one to the next.
 */
#ifndef PROVISO_CLI_CHECK_H
#define PROVISO_CLI_CHECK_H

#include "cases/suite.h"
#include "harness/base/loop.h"
#include "harness/cli/command.h"
#include "harness/cli/matrix_output.h"
#include "harness/run/config/config.h"
#include "harness/run/matrix/baseline.h"
#include "harness/run/matrix/matrix.h"
#include "harness/run/runner/run_folder.h"

/* The options as given. */
struct check_options {
	struct text config, base_url, model, api_key_env;
	struct text profile, out, resume, replay, matrix, baseline;
	struct text_list targets, suites, cases, capabilities;
	struct text csv, json, markdown, html, junit, codequality;
	struct text judge;          /* data NULL: as the config says */
	int64_t trials, jobs;       /* 0: as the config says */
	int64_t max_spend_pico_usd; /* -1: as the config says */
	int format;                 /* enum matrix_format, of what is printed */
	bool dry_run;
	bool exit_zero;
	bool calibrate;
};

/* All that a run needs, loaded once; everything borrowed from it lives as long. */
struct check_session {
	struct check_options *options;
	struct arena *arena;
	struct config config;
	bool config_loaded;
	struct suite suite;
	bool suite_loaded;
	struct target *targets;
	size_t target_count;
	struct plan plan;
	struct target judge; /* asked by rubrics, after the run; provider NULL: nobody */
	struct run_folder folder;
	struct journal_head head; /* of the run, new or recorded */
	bool resuming;
	struct matrix *baseline;       /* of --baseline; else NULL */
	struct comparison *comparison; /* with it, once the run is over; else NULL */
};

/* Config or --base-url, suite, targets. Returns EXIT_HOLDS or what to exit with (said already). */
MUST_CHECK int check_setup(struct check_session *session);
/* Keys of the providers that will be asked. */
MUST_CHECK bool check_load_keys(struct check_session *session, struct fault *fault);
/* The plan over targets and cases that the options let through. */
MUST_CHECK bool check_plan(struct check_session *session, struct fault *fault);
void check_session_done(struct check_session *session);

/* How the run was asked for, as JSON for the journal's head; arena memory. */
MUST_CHECK const struct json *check_options_to_json(const struct check_session *session);
/* Takes what a recorded run was asked for; what is given on the command line beside it is refused.
 */
MUST_CHECK bool check_options_from_head(struct check_session *session, struct fault *fault);
/*
 * The provider of a run that took it from --base-url: its name and where its key was, for the
 * commands that ask again. NULL where a config had the providers. Arena, as what `head` holds.
 */
MUST_CHECK const struct provider_set *check_provider_of_run(const struct journal_head *head,
                                                            struct arena *arena);

/*
 * Gives the targets what an earlier run has recorded of them (case CO-05.record): the run that goes
 * on, or the matrix that is to be updated. What is not there stays unknown.
 */
void check_recall(struct check_session *session);

/*
 * Fills in the context window of targets that have none, where a chosen case
 * needs it, by asking GET /models (free everywhere). What can't be learned stays unknown.
 */
MUST_CHECK bool check_discover_context(struct check_session *session, struct loop *loop,
                                       struct fault *fault);

/* check_baseline.c. Read before anything is sent: a baseline that can't be read costs nothing. */
MUST_CHECK bool check_baseline_read(struct check_session *session, struct fault *fault);
/* Fills session->comparison; nothing without --baseline. */
void check_baseline_compare(struct check_session *session, const struct matrix *fresh);
/* What changed: behind the table on stdout, else to stderr. */
MUST_CHECK bool check_baseline_print(const struct check_session *session, struct fault *fault);

/* Asks, writes matrix and reports, prints; the exit code. */
MUST_CHECK int check_run(struct check_session *session);
/* check_calibrate.c: asks everything twice, and tells how many false alarms that raised; or judges
 * such a folder again. */
MUST_CHECK int check_calibrate(struct check_session *session);
/* Suite, rules and options of the recorded run in `path`; EXIT_HOLDS or what to exit with (said
 * already). check_run.c, as the next. */
MUST_CHECK int check_prepare_replay(struct check_session *session, const char *path);
/* The matrix of one recorded run, from its evidence. */
MUST_CHECK bool check_judge_again(struct check_session *session, const char *path,
                                  struct matrix *out, struct fault *fault);
/* The same from the evidence of --replay: nothing is sent, and neither config nor key is needed. */
MUST_CHECK int check_replay(struct check_session *session);

#endif
