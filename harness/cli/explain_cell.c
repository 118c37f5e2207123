/*
 * `explain --target T --case ID`: the cell of the matrix, the attempts that the journal of its run
 * has, and the bytes of the one that decided, with the command that asks again.
 */
#include "harness/cli/explain_cell.h"

#include "cases/suite.h"
#include "harness/base/file.h"
#include "harness/cli/check.h"
#include "harness/run/config/config.h"
#include "harness/run/route/live.h"
#include "harness/run/runner/run_folder.h"
#include "providers/wire/recording.h"
#include "reports/report_cell.h"

#define STREAMED TEXT("~stream")

struct explaining {
	const struct explain_cell *asked;
	struct arena *arena;
	struct matrix matrix;
	struct live live; /* `matrix` points into it */
	struct config config;
	struct report_cell shown;
	struct journal_attempt *attempts;
	struct exchange exchange;
	struct recording_label label;
};

/* A misspelt target or case is told from one that was never asked. */
static bool no_such_cell(const struct explaining *e, struct fault *fault)
{
	struct text target = text_visible(e->arena, e->asked->target, 200);
	struct text id = text_visible(e->arena, e->asked->case_id, 100);
	const char **targets = ARENA_NEW_ARRAY(e->arena, const char *, e->matrix.count + 1);
	const char **cases = ARENA_NEW_ARRAY(e->arena, const char *, e->matrix.count + 1);
	size_t target_count = 0, case_count = 0;

	for (size_t i = 0; i < e->matrix.count; i++) {
		const struct matrix_cell *cell = &e->matrix.cells[i];
		if (i == 0 || !text_equal(cell->target, cell[-1].target))
			targets[target_count++] = text_c(e->arena, cell->target);
		if (text_equal(cell->target, e->asked->target))
			cases[case_count++] = text_c(e->arena, cell->case_id);
	}
	const char *near = case_count == 0 ? text_nearest(e->asked->target, targets, target_count)
	                                   : text_nearest(e->asked->case_id, cases, case_count);
	if (near != NULL)
		return fault_set(fault, FAULT_USAGE,
		                 "the matrix has no cell %.*s of %.*s (did you mean %s?)",
		                 TEXT_ARG(id), TEXT_ARG(target), near);
	return fault_set(fault, FAULT_USAGE,
	                 "the matrix has no cell %.*s of %.*s; `proviso check %.*s --case %.*s` "
	                 "asks for it",
	                 TEXT_ARG(id), TEXT_ARG(target), TEXT_ARG(target), TEXT_ARG(id));
}

/* Asked without a variant, a case that only streams is meant streamed. */
static bool find_cell(struct explaining *e, struct fault *fault)
{
	struct text target = e->asked->target;
	struct text id = e->asked->case_id;
	bool streamed = text_ends(id, STREAMED);
	const struct matrix_cell *cell = NULL;

	if (streamed)
		id = text_slice(id, 0, id.len - STREAMED.len);
	else
		cell = matrix_find(&e->matrix, target, id, CASE_SYNC);
	if (cell == NULL)
		cell = matrix_find(&e->matrix, target, id, CASE_STREAM);
	e->shown.cell = cell;
	if (cell != NULL)
		return true;
	return no_such_cell(e, fault);
}

/* The title of a case that is still what was asked. */
static void take_title(struct explaining *e, struct suite *suite)
{
	struct fault_list *faults = ARENA_NEW(e->arena, struct fault_list);

	if (!suite_load(suite, true, &(struct text_list){0}, faults))
		return;
	const struct eval_case *eval_case = suite_find(suite, e->shown.cell->case_id);
	if (eval_case != NULL && text_is(e->shown.cell->case_hash, eval_case->hash))
		e->shown.title = eval_case->title;
}

/* --run, else where the run of the cell was left by default. */
static const char *run_of(const struct explaining *e)
{
	struct text id = e->shown.cell->run_id;

	if (e->asked->run.data != NULL)
		return text_c(e->arena, e->asked->run);
	if (id.len == 0 || text_find_byte(id, '/', 0) != TEXT_NOT_FOUND || text_is(id, ".."))
		return NULL;
	const char *path = file_join(e->arena, "proviso-runs", text_c(e->arena, id));
	return file_is_directory(path) ? path : NULL;
}

static bool take_attempt(void *context, const struct journal_attempt *attempt, struct fault *fault)
{
	struct explaining *e = context;
	const struct matrix_cell *cell = e->shown.cell;

	(void)fault;
	if (!text_equal(attempt->target, cell->target) ||
	    !text_equal(attempt->case_id, cell->case_id) ||
	    !text_is(attempt->variant, case_variant_names[cell->variant]))
		return true;
	if (e->shown.attempt_count == REPORT_CELL_MAX_ATTEMPTS) {
		e->shown.attempts_left_out++;
		return true;
	}
	/* Lent for the call: what is shown of it is copied. */
	struct journal_attempt *kept = &e->attempts[e->shown.attempt_count++];
	*kept = *attempt;
	kept->detail = text_copy(e->arena, attempt->detail);
	kept->evidence = text_copy(e->arena, attempt->evidence);
	return true;
}

/* Attempts and bytes, as far as the run is here. */
static bool take_evidence(struct explaining *e, struct fault *fault)
{
	const struct matrix_cell *cell = e->shown.cell;
	struct journal_visitor visitor = {.attempt = take_attempt, .context = e};
	struct journal_head head;

	e->shown.run = run_of(e);
	if (e->shown.run == NULL) {
		e->shown.explanation = TEXT("The folder of that run is not in proviso-runs here; "
		                            "--run names it.");
		return true;
	}
	struct run_folder folder = run_folder_of(e->shown.run, e->arena);
	if (!journal_read_head(folder.journal, e->arena, &head, fault))
		return false;
	const struct provider_set *asked = check_provider_of_run(&head, e->arena);
	if (asked != NULL)
		e->shown.providers = asked;
	if (!text_equal(head.run_id, cell->run_id)) {
		e->shown.explanation =
		    text_format(e->arena, "This cell was asked in run %.*s, %s is another.",
		                TEXT_ARG(text_visible(e->arena, cell->run_id, 100)), e->shown.run);
		return true;
	}
	e->attempts = ARENA_NEW_ARRAY(e->arena, struct journal_attempt, REPORT_CELL_MAX_ATTEMPTS);
	e->shown.attempts = e->attempts;
	if (!journal_scan(folder.journal, &visitor, NULL, fault))
		return false;
	if (cell->evidence.len == 0) {
		e->shown.explanation = TEXT("Nothing was sent for it.");
		return true;
	}
	if (!recording_read(folder.evidence, cell->evidence, e->arena, &e->label, &e->exchange,
	                    fault))
		return false;
	e->shown.exchange = &e->exchange;
	return true;
}

static bool print(const struct explaining *e, struct fault *fault)
{
	struct text_buf out;

	text_buf_init(&out, REPORT_MAX_BYTES);
	if (e->asked->json)
		report_cell_json(&e->shown, &out);
	else
		report_cell_text(&e->shown, &out);
	return command_write_report((struct text){NULL, 0}, &out, fault);
}

/* What was seen since it was asked: the quarantine that the proxy obeys. A config that can't be
 * read names no other file. */
static bool lay_live_over(struct explaining *e, const char *matrix_path, struct fault *fault)
{
	struct fault_list *faults = ARENA_NEW(e->arena, struct fault_list);
	bool read = config_load(NULL, &e->config, faults);
	const char *path = live_path(read ? e->config.proxy.live.path : (struct text){NULL, 0},
	                             matrix_path, e->arena);

	e->shown.providers = read ? &e->config.providers : NULL;
	if (!live_read(path, e->arena, &e->live, fault))
		return false;
	live_apply(&e->live, &e->matrix, e->arena);
	return true;
}

int explain_cell(const struct explain_cell *asked, struct arena *arena)
{
	struct explaining *e = ARENA_NEW(arena, struct explaining);
	const char *path = "proviso-matrix.json";
	struct suite suite = {0};
	struct fault fault;

	e->asked = asked;
	e->arena = arena;
	if (asked->matrix.data != NULL)
		path = text_c(arena, asked->matrix);
	else if (asked->run.data != NULL)
		path = text_c(arena, asked->run);
	if (file_is_directory(path))
		path = run_folder_of(path, arena).matrix;
	bool shown = matrix_read(path, arena, &e->matrix, &fault) &&
	             lay_live_over(e, path, &fault) && find_cell(e, &fault);
	if (shown) {
		take_title(e, &suite);
		shown = take_evidence(e, &fault) && print(e, &fault);
		suite_done(&suite);
	}
	config_done(&e->config);
	return shown ? EXIT_HOLDS : command_fail(&fault);
}
