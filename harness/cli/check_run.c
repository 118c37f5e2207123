/* Asking: a new run or one that goes on, its matrix, its reports, its exit code; and judging again.
 */
#include "harness/cli/check_ask.h"

#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "harness/cli/ci_output.h"
#include "harness/cli/matrix_output.h"
#include "harness/run/matrix/matrix.h"
#include "harness/run/opinion.h"
#include "harness/run/runner/run_folder.h"
#include "reports/report.h"

enum { PRICES_TOLD_MAX = 10 };

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

	if (check->end == RUNNER_FAILED) {
		int failed = command_fail(&check->fault);
		(void)fprintf(stderr,
		              "proviso: what was done is kept; `proviso check --resume %s` goes "
		              "on\n",
		              session->folder.path);
		return failed;
	}
	if (!check_ask_judge(check, &fault) ||
	    !matrix_build(session->folder.journal, &session->suite, &session->plan, session->arena,
	                  &fresh, &fault) ||
	    !opinions_apply(&session->folder, &fresh, session->arena, &fault) ||
	    !conclude(session, &fresh, check->end != RUNNER_INTERRUPTED, &code, &fault))
		return command_fail(&fault);
	(void)fprintf(stderr, "proviso: evidence and journal in %s\n", session->folder.path);
	check_hint(session);
	if (check->end == RUNNER_INTERRUPTED) {
		(void)fprintf(stderr, "proviso: interrupted; `proviso check --resume %s` goes on\n",
		              session->folder.path);
		return EXIT_INTERRUPTED;
	}
	if (check->end == RUNNER_CAP) {
		(void)fprintf(stderr,
		              "proviso: the spending cap of %s USD is reached; `proviso check "
		              "--resume %s --max-spend USD` goes on\n",
		              check_usd(session->arena, session->options->max_spend_pico_usd).data,
		              session->folder.path);
		return EXIT_SPENDING_CAP;
	}
	return check->provider_stopped ? EXIT_INFRASTRUCTURE : code;
}

/* --calibrate asks everything twice. */
static int64_t of_all_askings(const struct check_session *session, int64_t pico_usd)
{
	return session->options->calibrate ? plan_add_usd(pico_usd, pico_usd) : pico_usd;
}

/* Costs that will be unknown, or by an old price, are said before anything is asked. */
static void tell_prices(const struct check_session *session)
{
	const struct plan *plan = &session->plan;
	int64_t now_wall_ms = command_now_wall_ms();
	size_t told = 0;

	for (size_t i = 0; i < plan->target_count; i++) {
		const struct target *target = &plan->targets[i];
		struct text note = provider_price_note(target->provider, target->model, now_wall_ms,
		                                       session->arena);
		if (note.data != NULL && told++ < PRICES_TOLD_MAX)
			(void)fprintf(stderr, "proviso: warning: %.*s: %.*s\n",
			              TEXT_ARG(text_visible(session->arena, target->name, 80)),
			              TEXT_ARG(note));
	}
	if (told > PRICES_TOLD_MAX)
		(void)fprintf(stderr, "proviso: warning: the same of %zu more targets\n",
		              told - PRICES_TOLD_MAX);
}

static void print_bound(const struct check_session *session)
{
	const struct plan *plan = &session->plan;

	(void)printf("%zu targets, %zu cells, %zu questions%s\n", plan->target_count,
	             plan->cell_count, plan->probe_count,
	             session->options->calibrate ? ", all of it twice" : "");
	(void)printf(
	    "first round at most %s USD, the whole at most %s USD%s\n",
	    check_usd(session->arena, of_all_askings(session, plan->first_round_pico_usd)).data,
	    check_usd(session->arena, of_all_askings(session, plan->worst_pico_usd)).data,
	    plan->price_assumed ? " (a price is unknown: " PLAN_ASSUMED_INPUT_USD
				  " and " PLAN_ASSUMED_OUTPUT_USD
				  " USD per million tokens are assumed)"
				: "");
	if (session->judge.provider != NULL && opinions_wanted(plan))
		(void)printf(
		    "%.*s is asked what it thinks of each answer that has a rubric, within "
		    "the same cap\n",
		    TEXT_ARG(session->judge.name));
	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct plan_cell *cell = &plan->cells[i];
		struct text label = case_label(cell->eval_case, cell->variant, session->arena);
		(void)printf("  %.*s  %.*s  %s%s%.*s\n", TEXT_ARG(cell->target->name),
		             TEXT_ARG(label), case_severity_names[cell->eval_case->severity],
		             cell->skip.data != NULL ? "  skipped: " : "", TEXT_ARG(cell->skip));
	}
}

static void write_planned(const struct plan_cell *cell, struct json_writer *writer)
{
	json_write_object(writer);
	json_write_member(writer, "target", cell->target->name);
	json_write_member(writer, "case", cell->eval_case->id);
	json_write_member_c(writer, "variant", case_variant_names[cell->variant]);
	json_write_member_c(writer, "severity", case_severity_names[cell->eval_case->severity]);
	json_write_key(writer, "skipped");
	if (cell->skip.data == NULL)
		json_write_null(writer);
	else
		json_write_string(writer, cell->skip);
	json_write_object_end(writer);
}

/* The same for programs. */
static bool write_bound(const struct check_session *session, struct fault *fault)
{
	const struct plan *plan = &session->plan;
	struct json_writer writer;
	struct text_buf out;

	text_buf_init(&out, REPORT_MAX_BYTES);
	json_writer_init(&writer, &out, true);
	json_write_object(&writer);
	json_write_member_int(&writer, "targets", (int64_t)plan->target_count);
	json_write_member_int(&writer, "questions", (int64_t)plan->probe_count);
	json_write_member_bool(&writer, "twice", session->options->calibrate);
	json_write_key(&writer, "first_round_usd");
	json_write_raw(&writer, check_usd(session->arena,
	                                  of_all_askings(session, plan->first_round_pico_usd)));
	json_write_key(&writer, "whole_usd");
	json_write_raw(&writer,
	               check_usd(session->arena, of_all_askings(session, plan->worst_pico_usd)));
	json_write_member_bool(&writer, "price_assumed", plan->price_assumed);
	json_write_key(&writer, "cells");
	json_write_array(&writer);
	for (size_t i = 0; i < plan->cell_count; i++)
		write_planned(&plan->cells[i], &writer);
	json_write_array_end(&writer);
	json_write_object_end(&writer);
	(void)text_buf_byte(&out, '\n');
	return command_write_report((struct text){0}, &out, fault);
}

static bool fits_cap(const struct check_session *session, struct fault *fault)
{
	int64_t cap = session->options->max_spend_pico_usd;

	int64_t first_round = of_all_askings(session, session->plan.first_round_pico_usd);

	if (cap < 0 || session->resuming || first_round <= cap)
		return true;
	return fault_set(fault, FAULT_SPEND,
	                 "the first round may cost %s USD, the cap is %s USD; nothing was sent",
	                 check_usd(session->arena, first_round).data,
	                 check_usd(session->arena, cap).data);
}

int check_prepare(struct check_loop *check, const char *recorded, struct fault *fault)
{
	struct check_session *session = check->session;

	if (recorded != NULL && !(check_open_recorded(check, recorded, fault) &&
	                          check_options_from_head(session, fault)))
		return command_fail(fault);
	int code = check_setup(session);
	if (code != EXIT_HOLDS)
		return code;
	check_recall(session);
	if ((session->resuming && !check_same_suite(session, fault)) || !check_plan(session, fault))
		return command_fail(fault);
	tell_prices(session);
	if (session->options->dry_run) {
		if (session->options->format != MATRIX_JSON)
			print_bound(session);
		else if (!write_bound(session, fault))
			return command_fail(fault);
		return EXIT_HOLDS;
	}
	if (!check_baseline_read(session, fault) || !check_load_keys(session, fault) ||
	    !check_discover_context(session, check->loop, fault) || !fits_cap(session, fault))
		return command_fail(fault);
	return EXIT_HOLDS;
}

static const char *optional_path(struct check_session *session, struct text path)
{
	return path.data == NULL ? NULL : text_c(session->arena, path);
}

int check_run(struct check_session *session)
{
	const struct check_options *options = session->options;
	struct check_loop check;
	struct fault fault;

	check_loop_init(&check, session);
	int code = check_prepare(&check, optional_path(session, options->resume), &fault);
	if (code == EXIT_HOLDS && !options->dry_run) {
		bool asked =
		    (session->resuming ||
		     check_open_new(&check, optional_path(session, options->out), &fault)) &&
		    check_ask(&check, options->max_spend_pico_usd, &fault);
		code = asked ? end_of_run(&check) : command_fail(&fault);
	}
	check_loop_done(&check);
	return code;
}

int check_prepare_replay(struct check_session *session, const char *path)
{
	struct fault_list *faults = ARENA_NEW(session->arena, struct fault_list);
	struct fault fault;

	session->folder = run_folder_of(path, session->arena);
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
	return EXIT_HOLDS;
}

bool check_judge_again(struct check_session *session, const char *path, struct matrix *out,
                       struct fault *fault)
{
	struct matrix_builder *builder = matrix_builder_new(&session->suite, NULL);
	struct journal_visitor visitor = matrix_builder_visitor(builder);

	bool replayed = run_replay(path, &session->suite, &visitor, fault);
	if (replayed)
		matrix_builder_finish(builder, session->arena, out);
	matrix_builder_free(builder);
	const struct run_folder folder = run_folder_of(path, session->arena);
	return replayed && opinions_apply(&folder, out, session->arena, fault);
}

int check_replay(struct check_session *session)
{
	struct matrix fresh;
	struct fault fault;

	int code = check_prepare_replay(session, text_c(session->arena, session->options->replay));
	if (code != EXIT_HOLDS)
		return code;
	if (!check_judge_again(session, session->folder.path, &fresh, &fault) ||
	    !conclude(session, &fresh, true, &code, &fault))
		return command_fail(&fault);
	return code;
}
