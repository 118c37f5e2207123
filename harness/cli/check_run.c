/* Asking: a new run or one that goes on, its matrix, its reports, its exit code; and judging again.
 */
#include "harness/cli/check.h"

#include "harness/base/csv.h"
#include "harness/base/digest.h"
#include "harness/base/file.h"
#include "harness/cli/ci_output.h"
#include "harness/cli/matrix_output.h"
#include "harness/cli/progress.h"
#include "harness/run/matrix.h"
#include "harness/run/run_folder.h"
#include "harness/run/runner.h"
#include "reports/report.h"

#include <signal.h>

enum {
	DEFAULT_JOBS = 8,
	MAX_ATTEMPTS = 3,
	DEADLINE_MS = 300000, /* of one question with all its retries and waits */
	DRAIN_MS = 5000,      /* after Ctrl-C: what is in flight is paid for, so it may end */
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

static struct text format_usd(struct arena *arena, int64_t pico_usd)
{
	struct text_buf buf;
	struct csv_writer writer;

	text_buf_init(&buf, 64);
	csv_writer_init(&writer, &buf, false);
	csv_write_usd(&writer, pico_usd);
	struct text copy = text_copy(arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return copy;
}

/* --- events of the runner --- */

static void on_cell(void *context, const struct plan_cell *cell, enum verdict verdict,
                    struct text detail)
{
	struct check_loop *check = context;

	(void)detail;
	progress_cell(check->progress, cell, verdict);
}

static void on_provider_stopped(void *context, const struct provider *provider, struct text reason)
{
	struct check_loop *check = context;

	check->provider_stopped = true;
	progress_say(check->progress,
	             text_format(check->session->arena, "%.*s is not asked any further: %.*s",
	                         TEXT_ARG(provider->name), TEXT_ARG(reason)));
}

static void on_run_end(void *context, enum runner_end end, const struct fault *fault)
{
	struct check_loop *check = context;

	check->end = end;
	if (fault != NULL)
		check->fault = *fault;
	loop_stop(check->loop);
}

static void on_signal(void *context, int signal_number)
{
	struct check_loop *check = context;

	(void)signal_number;
	if (check->stopping) {
		runner_stop(check->runner, 0);
		return;
	}
	check->stopping = true;
	progress_say(check->progress,
	             TEXT("stopping; what is in flight may still end (again: at once)"));
	runner_stop(check->runner, DRAIN_MS);
}

/* --- the run's folder --- */

static bool open_new(struct check_loop *check, struct fault *fault)
{
	struct check_session *session = check->session;
	unsigned char noise[16];

	random_bytes(noise, sizeof(noise));
	session->head = (struct journal_head){
	    .suite_hash = text_of(session->suite.hash),
	    .seed = digest_hex(session->arena, (struct text){(char *)noise, sizeof(noise)},
	                       DIGEST_SHORT),
	    .version = TEXT(PROVISO_VERSION),
	    .started_wall_ms = loop_wall_ms(check->loop),
	    .options = check_options_to_json(session),
	};
	session->head.run_id = run_id_make(session->head.started_wall_ms, session->arena);
	run_head_targets(&session->plan, session->arena, &session->head);
	const char *path = session->options->out.data != NULL
	                       ? text_c(session->arena, session->options->out)
	                       : file_join(session->arena, "proviso-runs",
	                                   text_c(session->arena, session->head.run_id));
	session->folder = run_folder_of(path, session->arena);
	if (file_exists(session->folder.journal))
		return fault_set(fault, FAULT_USAGE,
		                 "%s holds a run already; --resume %s goes on with it", path, path);
	return file_make_directories(path, fault) &&
	       journal_create(&check->journal, session->folder.journal, &session->head, fault);
}

static bool start(struct check_loop *check, struct fault *fault)
{
	struct check_session *session = check->session;
	struct runner_options options = {
	    .suite = &session->suite,
	    .plan = &session->plan,
	    .seed = session->head.seed,
	    .jobs = session->options->jobs > 0 ? session->options->jobs : DEFAULT_JOBS,
	    .max_spend_pico_usd = session->options->max_spend_pico_usd,
	    .max_attempts = MAX_ATTEMPTS,
	    .deadline_ms = DEADLINE_MS,
	    .baseline = session->baseline,
	    .journal = &check->journal,
	    .evidence_folder = session->folder.evidence,
	    .done_path = session->resuming ? session->folder.journal : NULL,
	};
	struct runner_events events = {
	    .cell = on_cell,
	    .provider_stopped = on_provider_stopped,
	    .end = on_run_end,
	    .context = check,
	};

	if (!recording_open(session->folder.evidence, &check->recording, fault))
		return false;
	options.recording = check->recording;
	check->progress = progress_new(check->loop, &session->plan, terminal_wants_progress());
	if (!caller_new(check->loop, &check->caller, fault) ||
	    !runner_start(check->loop, check->caller, &options, &events, &check->runner, fault))
		return false;
	progress_watch(check->progress, check->runner);
	return true;
}

static void clean_up(struct check_loop *check)
{
	progress_free(check->progress);
	if (check->runner != NULL)
		runner_free(check->runner);
	if (check->caller != NULL)
		caller_free(check->caller);
	if (check->recording != NULL)
		recording_close(check->recording);
	journal_close(&check->journal);
	loop_on_signal(check->loop, SIGINT, NULL, NULL);
	loop_on_signal(check->loop, SIGTERM, NULL, NULL);
	loop_free(check->loop);
}

/* --- after the run --- */

/* Everything that shows the run is shown the same. */
static struct report_context context_of(const struct check_session *session)
{
	return (struct report_context){
	    .folder = session->folder.evidence,
	    .run_id = session->head.run_id,
	    .suite = &session->suite,
	    .comparison = session->comparison,
	    .providers = &session->config.providers,
	};
}

static bool write_reports(const struct check_session *session, const struct matrix *matrix,
                          struct fault *fault)
{
	const struct check_options *options = session->options;
	const struct report_context context = context_of(session);
	const struct {
		struct text path;
		enum matrix_format format;
	} reports[] = {
	    {options->csv, MATRIX_CSV},           {options->json, MATRIX_JSON},
	    {options->markdown, MATRIX_MARKDOWN}, {options->junit, MATRIX_JUNIT},
	    {options->html, MATRIX_HTML},         {options->codequality, MATRIX_CODEQUALITY},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(reports); i++)
		if (reports[i].path.data != NULL &&
		    !matrix_output(matrix, reports[i].format, &context, reports[i].path, fault))
			return false;
	return ci_output(matrix, &context, session->folder.path, fault) &&
	       matrix_output(matrix, (enum matrix_format)options->format, &context,
	                     (struct text){NULL, 0}, fault);
}

/* This run's cells over the matrix that is there; cells not asked keep their old verdict. */
static bool update_matrix(const struct check_session *session, const struct matrix *fresh,
                          struct fault *fault)
{
	const char *path = text_c(session->arena, session->options->matrix);
	struct matrix old = {0};
	struct matrix merged;

	if (file_exists(path) && !matrix_read(path, session->arena, &old, fault))
		return fault_within(fault, "reading the matrix that is to be updated");
	matrix_merge(&old, fresh, session->arena, &merged);
	return matrix_write(&merged, path, fault);
}

/* Reports and the printed table of the run's own matrix; *code: how its cells end. */
static bool conclude(struct check_session *session, const struct matrix *fresh, bool update,
                     int *code, struct fault *fault)
{
	check_baseline_compare(session, fresh);
	if (!matrix_write(fresh, session->folder.matrix, fault) ||
	    (update && !update_matrix(session, fresh, fault)) ||
	    !write_reports(session, fresh, fault) || !check_baseline_print(session, fault))
		return false;
	*code = session->comparison == NULL
	            ? matrix_exit_code(fresh)
	            : comparison_exit_code(session->comparison, fresh, session->arena);
	return true;
}

static int end_of_run(struct check_loop *check)
{
	struct check_session *session = check->session;
	struct matrix fresh;
	struct fault fault;
	int code;

	if (check->end == RUNNER_FAILED)
		return command_fail(&check->fault);
	if (!matrix_build(session->folder.journal, &session->suite, &session->plan, session->arena,
	                  &fresh, &fault) ||
	    !conclude(session, &fresh, check->end != RUNNER_INTERRUPTED, &code, &fault))
		return command_fail(&fault);
	(void)fprintf(stderr, "proviso: evidence and journal in %s\n", session->folder.path);
	if (check->end == RUNNER_INTERRUPTED) {
		(void)fprintf(stderr, "proviso: interrupted; `proviso check --resume %s` goes on\n",
		              session->folder.path);
		return EXIT_INTERRUPTED;
	}
	if (check->end == RUNNER_CAP) {
		(void)fprintf(stderr,
		              "proviso: the spending cap of %s USD is reached; `proviso check "
		              "--resume %s --max-spend USD` goes on\n",
		              format_usd(session->arena, session->options->max_spend_pico_usd).data,
		              session->folder.path);
		return EXIT_SPENDING_CAP;
	}
	return check->provider_stopped ? EXIT_INFRASTRUCTURE : code;
}

static void print_bound(const struct check_session *session)
{
	const struct plan *plan = &session->plan;

	(void)printf("%zu targets, %zu cells, %zu questions\n", plan->target_count,
	             plan->cell_count, plan->probe_count);
	(void)printf("first round at most %s USD, the whole at most %s USD%s\n",
	             format_usd(session->arena, plan->first_round_pico_usd).data,
	             format_usd(session->arena, plan->worst_pico_usd).data,
	             plan->price_assumed ? " (a price is unknown: " PLAN_ASSUMED_INPUT_USD
	                                   " and " PLAN_ASSUMED_OUTPUT_USD
	                                   " USD per million tokens are assumed)"
	                                 : "");
	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct plan_cell *cell = &plan->cells[i];
		struct text label = case_label(cell->eval_case, cell->variant, session->arena);
		(void)printf("  %.*s  %.*s  %s%s%.*s\n", TEXT_ARG(cell->target->name),
		             TEXT_ARG(label), case_severity_names[cell->eval_case->severity],
		             cell->skip.data != NULL ? "  skipped: " : "", TEXT_ARG(cell->skip));
	}
}

static bool fits_cap(const struct check_session *session, struct fault *fault)
{
	int64_t cap = session->options->max_spend_pico_usd;

	if (cap < 0 || session->resuming || session->plan.first_round_pico_usd <= cap)
		return true;
	return fault_set(fault, FAULT_SPEND,
	                 "the first round may cost %s USD, the cap is %s USD; nothing was sent",
	                 format_usd(session->arena, session->plan.first_round_pico_usd).data,
	                 format_usd(session->arena, cap).data);
}

/* Locks the journal of --resume and takes the options of then. */
static bool open_resumed(struct check_loop *check, struct fault *fault)
{
	struct check_session *session = check->session;

	session->folder =
	    run_folder_of(text_c(session->arena, session->options->resume), session->arena);
	session->resuming = true;
	return journal_resume(&check->journal, session->folder.journal, session->arena,
	                      &session->head, fault) &&
	       check_options_from_head(session, fault);
}

static bool same_suite(const struct check_session *session, struct fault *fault)
{
	if (text_is(session->head.suite_hash, session->suite.hash))
		return true;
	return fault_set(fault, FAULT_INPUT,
	                 "%s was asked with suite %.*s, this is suite %s: the cases have changed; "
	                 "start a new run",
	                 session->folder.path, TEXT_ARG(session->head.suite_hash),
	                 session->suite.hash);
}

/* Everything before the first question. EXIT_HOLDS: go on. */
static int prepare(struct check_loop *check, struct fault *fault)
{
	struct check_session *session = check->session;

	if (session->options->resume.data != NULL && !open_resumed(check, fault))
		return command_fail(fault);
	int code = check_setup(session);
	if (code != EXIT_HOLDS)
		return code;
	if ((session->resuming && !same_suite(session, fault)) || !check_plan(session, fault))
		return command_fail(fault);
	if (session->options->dry_run)
		return EXIT_HOLDS;
	if (!check_baseline_read(session, fault) || !check_load_keys(session, fault) ||
	    !check_discover_context(session, check->loop, fault) || !fits_cap(session, fault) ||
	    (!session->resuming && !open_new(check, fault)) || !start(check, fault))
		return command_fail(fault);
	return EXIT_HOLDS;
}

int check_run(struct check_session *session)
{
	struct check_loop check = {
	    .session = session, .loop = loop_new(), .journal = {.log = {.fd = -1}}};
	struct fault fault;

	int code = prepare(&check, &fault);
	if (code == EXIT_HOLDS && session->options->dry_run) {
		print_bound(session);
	} else if (code == EXIT_HOLDS) {
		loop_on_signal(check.loop, SIGINT, on_signal, &check);
		loop_on_signal(check.loop, SIGTERM, on_signal, &check);
		loop_run(check.loop);
		progress_free(check.progress);
		check.progress = NULL;
		code = end_of_run(&check);
	}
	clean_up(&check);
	return code;
}

int check_replay(struct check_session *session)
{
	struct fault_list *faults = ARENA_NEW(session->arena, struct fault_list);
	struct matrix fresh;
	struct fault fault;
	int code;

	session->folder =
	    run_folder_of(text_c(session->arena, session->options->replay), session->arena);
	/* Judging needs no config; its waivers are honoured where it is named. */
	if (session->options->config.data != NULL) {
		session->config_loaded = true;
		if (!config_load(text_c(session->arena, session->options->config), &session->config,
		                 faults))
			return command_fail_list(faults);
	}
	if (!check_baseline_read(session, &fault) ||
	    !journal_read_head(session->folder.journal, session->arena, &session->head, &fault) ||
	    !check_options_from_head(session, &fault))
		return command_fail(&fault);
	session->suite_loaded = true;
	if (!suite_load(&session->suite, session->config.check.core, &session->config.check.cases,
	                faults))
		return command_fail_list(faults);
	struct matrix_builder *builder = matrix_builder_new(&session->suite, NULL);
	struct journal_visitor visitor = matrix_builder_visitor(builder);
	bool replayed = run_replay(session->folder.path, &session->suite, &visitor, &fault);
	if (replayed)
		matrix_builder_finish(builder, session->arena, &fresh);
	matrix_builder_free(builder);
	if (!replayed || !conclude(session, &fresh, true, &code, &fault))
		return command_fail(&fault);
	return code;
}
