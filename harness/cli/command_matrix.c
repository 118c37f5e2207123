/* `matrix [FILE]` and `report FORMAT`: a matrix that is on disk, shown or exported. */
#include "harness/cli/check.h"
#include "harness/cli/focus_charges.h"
#include "harness/cli/matrix_output.h"
#include "harness/cli/usage_output.h"

#include "cases/suite.h"
#include "harness/base/file.h"
#include "harness/run/config/config.h"
#include "harness/run/matrix/baseline.h"
#include "harness/run/runner/run_folder.h"
#include "reports/report.h"

#define DEFAULT_MATRIX "proviso-matrix.json"

struct show {
	int format;
	struct text out, matrix, run, baseline, config;
	struct text_list operands;
};

static const struct option matrix_rows[] = {
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct show, format),
     .value = "FORMAT",
     .help = "table (default), csv, json, markdown, html, junit, github, codequality, quality",
     .names = matrix_format_names},
    {.name = "out",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct show, out),
     .value = "FILE",
     .help = "write there instead of stdout"},
};

static const struct option_table matrix_options = {
    .rows = matrix_rows,
    .count = ARRAY_LENGTH(matrix_rows),
    .operands = offsetof(struct show, operands),
    .operands_max = 1,
};

static const struct option report_rows[] = {
    {.name = "matrix",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct show, matrix),
     .value = "FILE",
     .help = "the matrix to report (default " DEFAULT_MATRIX ")"},
    {.name = "run",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct show, run),
     .value = "DIR",
     .help = "report the matrix of this run instead"},
    {.name = "baseline",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct show, baseline),
     .value = "FILE",
     .help = "show what changed since this was blessed"},
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct show, config),
     .value = "FILE",
     .help = "honour its waivers; show what it claims of models (default: none)"},
    {.name = "out",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct show, out),
     .value = "FILE",
     .help = "write there instead of stdout"},
};

static const struct option_table report_options = {
    .rows = report_rows,
    .count = ARRAY_LENGTH(report_rows),
    .operands = offsetof(struct show, operands),
    .operands_max = 2,
};

/* What is shown, and all that is shown with it. */
struct view {
	struct matrix matrix;
	struct report_context context;
	struct config config;
	bool config_loaded;
	struct config found; /* that `check` would take: for the names of its keys' variables */
	struct suite suite;
	bool suite_loaded;
	struct matrix base;
	struct comparison comparison;
};

static void view_done(struct view *view)
{
	if (view->config_loaded)
		config_done(&view->config);
	config_done(&view->found);
	if (view->suite_loaded)
		suite_done(&view->suite);
}

/* A run folder stands for the matrix in it, and has the bytes behind it. */
static bool read_matrix(const char *path, enum matrix_format format, struct view *view,
                        struct arena *arena, struct fault *fault)
{
	struct journal_head head;

	if (!file_is_directory(path))
		return matrix_read(path, arena, &view->matrix, fault);
	struct run_folder folder = run_folder_of(path, arena);
	if (!matrix_read(folder.matrix, arena, &view->matrix, fault))
		return false;
	view->context.folder = folder.evidence;
	if (format != MATRIX_HTML)
		return true;
	if (!journal_read_head(folder.journal, arena, &head, fault))
		return false;
	view->context.run_id = head.run_id;
	view->context.keys = check_provider_of_run(&head, arena);
	return true;
}

/* The cases of the core suite have titles; where a key is, the run says or a config that is here.
 */
static void load_names(struct view *view, struct arena *arena)
{
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);

	if (view->context.keys == NULL && !view->config_loaded &&
	    config_load(NULL, &view->found, faults))
		view->context.keys = &view->found.providers;
	*faults = (struct fault_list){0};
	view->suite_loaded = true;
	if (suite_load(&view->suite, true, &(struct text_list){0}, faults))
		view->context.suite = &view->suite;
}

static bool compare(const struct show *show, struct view *view, struct arena *arena,
                    struct fault *fault)
{
	struct comparison_options options = {
	    .waivers = view->config.policy.waivers.items,
	    .waiver_count = view->config.policy.waivers.count,
	    .now_wall_ms = command_now_wall_ms(),
	    .partial = view->context.folder != NULL,
	};

	if (!baseline_read(text_c(arena, show->baseline), arena, &view->base, fault))
		return false;
	baseline_compare(&view->base, &view->matrix, &options, arena, &view->comparison);
	view->context.comparison = &view->comparison;
	return true;
}

static bool prepare(const struct show *show, const char *path, enum matrix_format format,
                    struct view *view, struct arena *arena, struct fault *fault)
{
	if (!read_matrix(path, format, view, arena, fault))
		return false;
	if (view->config_loaded)
		view->context.providers = &view->config.providers;
	if (format == MATRIX_HTML)
		load_names(view, arena);
	return show->baseline.data == NULL || compare(show, view, arena, fault);
}

static int show_matrix(const struct show *show, const char *path, enum matrix_format format,
                       struct arena *arena)
{
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);
	struct view *view = ARENA_NEW(arena, struct view);
	struct fault fault;
	int code = EXIT_HOLDS;

	view->config = config_defaults;
	if (show->config.data != NULL) {
		view->config_loaded = true;
		if (!config_load(text_c(arena, show->config), &view->config, faults))
			code = command_fail_list(faults);
	}
	if (code == EXIT_HOLDS &&
	    (!prepare(show, path, format, view, arena, &fault) ||
	     !matrix_output(&view->matrix, format, &view->context, show->out, &fault)))
		code = command_fail(&fault);
	view_done(view);
	return code;
}

static int matrix_run(void *state, struct arena *arena)
{
	struct show *show = state;
	struct text path =
	    show->operands.count == 1 ? show->operands.items[0] : TEXT(DEFAULT_MATRIX);

	return show_matrix(show, text_c(arena, path), (enum matrix_format)show->format, arena);
}

/* NULL, with a fault, where it is named twice. */
static const char *report_path(const struct show *show, struct arena *arena, struct fault *fault)
{
	struct text named[] = {show->matrix, show->run, {0}};
	const char *path = NULL;

	if (show->operands.count == 2)
		named[2] = show->operands.items[1];
	for (size_t i = 0; i < ARRAY_LENGTH(named); i++) {
		if (named[i].data == NULL)
			continue;
		if (path != NULL) {
			(void)fault_set(fault, FAULT_USAGE,
			                "give one of --matrix, --run and a FILE, not two");
			return NULL;
		}
		path = text_c(arena, named[i]);
	}
	return path == NULL ? DEFAULT_MATRIX : path;
}

/* What the checks cost, in the columns of FOCUS: by its journal where it is a run. */
static int report_focus(const struct show *show, const char *path, struct arena *arena)
{
	struct matrix *matrix = ARENA_NEW(arena, struct matrix);
	struct focus_source source = focus_of_matrix(matrix);
	struct text_buf out;
	struct fault fault;
	int64_t unpriced;

	if (file_is_directory(path))
		source = focus_of_run(run_folder_of(path, arena).journal);
	else if (!matrix_read(path, arena, matrix, &fault))
		return command_fail(&fault);
	text_buf_init(&out, REPORT_MAX_BYTES);
	if (!usage_focus(&source, arena, &unpriced, &out, &fault)) {
		text_buf_done(&out);
		return command_fail(&fault);
	}
	if (unpriced > 0)
		(void)fprintf(
		    stderr,
		    "proviso: warning: %lld %s used tokens at an unknown cost: they are in "
		    "no charge\n",
		    (long long)unpriced, file_is_directory(path) ? "attempts" : "cells");
	return command_write_report(show->out, &out, &fault) ? EXIT_HOLDS : command_fail(&fault);
}

static int report_run(void *state, struct arena *arena)
{
	struct show *show = state;
	struct fault fault;
	const char *path = report_path(show, arena, &fault);

	if (path == NULL)
		return command_fail(&fault);
	for (int i = MATRIX_CSV; show->operands.count > 0 && matrix_format_names[i] != NULL; i++)
		if (text_is(show->operands.items[0], matrix_format_names[i]))
			return show_matrix(show, path, (enum matrix_format)i, arena);
	if (show->operands.count > 0 && text_is(show->operands.items[0], "focus"))
		return report_focus(show, path, arena);
	struct text near = TEXT("");
	if (show->operands.count > 0)
		near = command_suggestion(show->operands.items[0], matrix_format_names, arena);
	(void)fault_set(&fault, FAULT_USAGE,
	                "report wants a FORMAT: csv, json, markdown, html, junit, github, "
	                "codequality, quality or focus%.*s",
	                TEXT_ARG(near));
	return command_fail(&fault);
}

const struct command command_matrix = {
    .name = "matrix",
    .summary =
	"show a matrix: table, csv, json, markdown, html, junit, github, codequality, quality",
    .operands = "[FILE]",
    .about = "Shows a matrix file (default " DEFAULT_MATRIX ") or the matrix of a run folder.",
    .options = &matrix_options,
    .state_bytes = sizeof(struct show),
    .run = matrix_run,
};

const struct command command_report = {
    .name = "report",
    .summary = "export csv, json, markdown, html, junit, github, codequality, quality or focus",
    .operands = "csv|json|markdown|html|junit|github|codequality|quality|focus [FILE]",
    .about = "Writes a report from a matrix file or a run's folder; nothing is asked again.\n"
	     "From a run, html shows the bytes behind each verdict.",
    .options = &report_options,
    .state_bytes = sizeof(struct show),
    .run = report_run,
};
