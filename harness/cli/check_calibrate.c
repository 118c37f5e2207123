/*
 * `check --calibrate`: everything asked twice, the second time with the first as its baseline, as
 * a CI job would; what then looks like a regression is a false alarm. Two ordinary runs in one
 * folder, DIR/first and DIR/second; the matrix file is left alone.
 */
#include "harness/cli/check_ask.h"

#include "harness/base/file.h"
#include "harness/base/loop.h"
#include "reports/report_calibration.h"

struct calibrating {
	struct check_session *session;
	const char *folder, *first, *second;
	struct matrix matrices[2];
	bool provider_stopped;
	int64_t spent_pico_usd;
};

static void set_folder(struct calibrating *pair, const char *folder)
{
	struct arena *arena = pair->session->arena;

	pair->folder = folder;
	pair->first = file_join(arena, folder, "first");
	pair->second = file_join(arena, folder, "second");
}

/* --- what was found --- */

static int print_findings(struct calibrating *pair)
{
	struct check_session *session = pair->session;
	struct comparison_options options = {.now_wall_ms = command_now_wall_ms()};
	struct report_terminal_options terminal = {.colour = terminal_wants_colour(),
	                                           .width = terminal_width()};
	struct comparison comparison;
	struct calibration found;
	struct text_buf out;
	struct fault fault;

	baseline_compare(&pair->matrices[0], &pair->matrices[1], &options, session->arena,
	                 &comparison);
	calibrate(&comparison, &found);
	text_buf_init(&out, REPORT_MAX_BYTES);
	if (session->options->format == MATRIX_JSON)
		report_calibration_json(&found, &comparison, &out);
	else
		report_calibration_terminal(&found, &comparison, &terminal, &out);
	if (!command_write_report((struct text){NULL, 0}, &out, &fault))
		return command_fail(&fault);
	if (pair->provider_stopped)
		return EXIT_INFRASTRUCTURE;
	/* Nothing to compare: why is what the cells say. */
	if (found.compared == 0)
		return matrix_exit_code(&pair->matrices[1]) == EXIT_INFRASTRUCTURE
		           ? EXIT_INFRASTRUCTURE
		           : EXIT_INCONCLUSIVE;
	return found.gating > 0 ? EXIT_DOES_NOT_HOLD : EXIT_HOLDS;
}

/* --- asking --- */

/* What became of one run, its matrix on disk. EXIT_HOLDS: it came to its end. */
static int end_of_asking(struct calibrating *pair, struct check_loop *check, struct matrix *out)
{
	struct check_session *session = pair->session;
	struct fault fault;

	if (check->end == RUNNER_FAILED)
		return command_fail(&check->fault);
	if (!matrix_build(session->folder.journal, &session->suite, &session->plan, session->arena,
	                  out, &fault) ||
	    !matrix_write(out, session->folder.matrix, &fault))
		return command_fail(&fault);
	pair->spent_pico_usd = plan_add_usd(pair->spent_pico_usd, check_spent(check));
	pair->provider_stopped = pair->provider_stopped || check->provider_stopped;
	if (check->end == RUNNER_FINISHED)
		return EXIT_HOLDS;
	(void)fprintf(stderr, "proviso: %s; `proviso check --calibrate --resume %s` goes on\n",
	              check->end == RUNNER_CAP ? "the spending cap is reached" : "interrupted",
	              pair->folder);
	return check->end == RUNNER_CAP ? EXIT_SPENDING_CAP : EXIT_INTERRUPTED;
}

static int ask_first(struct calibrating *pair, struct check_loop *check)
{
	struct check_session *session = pair->session;
	const struct check_options *options = session->options;
	struct fault fault;

	int code = check_prepare(check, options->resume.data != NULL ? pair->first : NULL, &fault);
	if (code != EXIT_HOLDS || options->dry_run)
		return code;
	if ((!session->resuming && !check_open_new(check, pair->first, &fault)) ||
	    !check_ask(check, options->max_spend_pico_usd, &fault))
		return command_fail(&fault);
	return end_of_asking(pair, check, &pair->matrices[0]);
}

static int ask_second(struct calibrating *pair, struct check_loop *check)
{
	struct check_session *session = pair->session;
	int64_t cap = session->options->max_spend_pico_usd;
	struct fault fault;

	/* Cells that look worse than the first time are asked more, as with any baseline. */
	session->baseline = &pair->matrices[0];
	if (cap >= 0)
		cap = int64_max(0, cap - pair->spent_pico_usd);
	bool opened = file_exists(run_folder_of(pair->second, session->arena).journal)
	                  ? check_open_recorded(check, pair->second, &fault) &&
	                        check_same_suite(session, &fault)
	                  : check_open_new(check, pair->second, &fault);
	if (!opened || !check_ask(check, cap, &fault))
		return command_fail(&fault);
	return end_of_asking(pair, check, &pair->matrices[1]);
}

static int ask_twice(struct calibrating *pair)
{
	struct check_loop check;

	check_loop_init(&check, pair->session);
	int code = ask_first(pair, &check);
	check_loop_done(&check);
	if (code != EXIT_HOLDS || pair->session->options->dry_run)
		return code;
	(void)fprintf(stderr, "proviso: asked once; now the same again\n");
	check_loop_init(&check, pair->session);
	code = ask_second(pair, &check);
	check_loop_done(&check);
	if (code != EXIT_HOLDS)
		return code;
	(void)fprintf(stderr, "proviso: evidence and journals in %s\n", pair->folder);
	return print_findings(pair);
}

/* --- from a recorded pair --- */

static int judge_pair_again(struct calibrating *pair)
{
	struct check_session *session = pair->session;
	struct fault fault;

	int code = check_prepare_replay(session, pair->first);
	if (code != EXIT_HOLDS)
		return code;
	if (!check_judge_again(session, pair->first, &pair->matrices[0], &fault) ||
	    !check_judge_again(session, pair->second, &pair->matrices[1], &fault))
		return command_fail(&fault);
	return print_findings(pair);
}

int check_calibrate(struct check_session *session)
{
	const struct check_options *options = session->options;
	struct calibrating pair = {.session = session};
	struct text folder = options->replay.data != NULL   ? options->replay
	                     : options->resume.data != NULL ? options->resume
	                                                    : options->out;

	set_folder(&pair, folder.data != NULL
	                      ? text_c(session->arena, folder)
	                      : file_join(session->arena, CHECK_RUNS_FOLDER,
	                                  text_c(session->arena, run_id_make(command_now_wall_ms(),
	                                                                     session->arena))));
	return options->replay.data != NULL ? judge_pair_again(&pair) : ask_twice(&pair);
}
