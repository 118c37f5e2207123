/* `matrix [FILE]` and `report FORMAT`: a matrix that is on disk, shown or exported. */
#include "harness/cli/command.h"
#include "harness/cli/matrix_output.h"

#include "cases/suite.h"
#include "harness/base/file.h"
#include "harness/run/run_folder.h"
#include "reports/report.h"

#define DEFAULT_MATRIX "proviso-matrix.json"

struct show {
	int format;
	struct text out, matrix, run;
	struct text_list operands;
};

static const struct option matrix_rows[] = {
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct show, format),
     .value = "FORMAT",
     .help = "table (default), csv, json, markdown, html, junit, github",
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
    .operands_max = 1,
};

/* The page has titles for the cases of the core suite. */
static bool show_page(const struct matrix *matrix, struct report_evidence *evidence,
                      struct text out, struct arena *arena, struct fault *fault)
{
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);
	struct suite suite;

	if (suite_load(&suite, true, &(struct text_list){0}, faults))
		evidence->suite = &suite;
	bool shown = matrix_output_evidence(matrix, MATRIX_HTML, evidence, out, fault);
	suite_done(&suite);
	return shown;
}

/* A run folder stands for the matrix in it, and has the bytes behind it. */
static bool show_run(const char *path, enum matrix_format format, struct text out,
                     struct arena *arena, struct fault *fault)
{
	struct run_folder folder = run_folder_of(path, arena);
	struct report_evidence evidence = {.folder = folder.evidence};
	struct journal_head head;
	struct matrix matrix;

	if (!matrix_read(folder.matrix, arena, &matrix, fault))
		return false;
	if (format != MATRIX_HTML)
		return matrix_output(&matrix, format, out, fault);
	if (!journal_read_head(folder.journal, arena, &head, fault))
		return false;
	evidence.run_id = head.run_id;
	return show_page(&matrix, &evidence, out, arena, fault);
}

static int show_matrix(const char *path, enum matrix_format format, struct text out,
                       struct arena *arena)
{
	struct report_evidence evidence = {.folder = NULL};
	struct matrix matrix;
	struct fault fault;
	bool shown;

	if (file_is_directory(path))
		shown = show_run(path, format, out, arena, &fault);
	else
		shown = matrix_read(path, arena, &matrix, &fault) &&
		        (format == MATRIX_HTML ? show_page(&matrix, &evidence, out, arena, &fault)
		                               : matrix_output(&matrix, format, out, &fault));
	return shown ? EXIT_HOLDS : command_fail(&fault);
}

static int matrix_run(void *state, struct arena *arena)
{
	struct show *show = state;
	struct text path =
	    show->operands.count == 1 ? show->operands.items[0] : TEXT(DEFAULT_MATRIX);

	return show_matrix(text_c(arena, path), (enum matrix_format)show->format, show->out, arena);
}

static int report_run(void *state, struct arena *arena)
{
	struct show *show = state;
	struct fault fault;
	const char *path = DEFAULT_MATRIX;

	if (show->matrix.data != NULL && show->run.data != NULL) {
		(void)fault_set(&fault, FAULT_USAGE, "give --matrix or --run, not both");
		return command_fail(&fault);
	}
	if (show->matrix.data != NULL)
		path = text_c(arena, show->matrix);
	else if (show->run.data != NULL)
		path = text_c(arena, show->run);
	for (int i = MATRIX_CSV; show->operands.count == 1 && matrix_format_names[i] != NULL; i++)
		if (text_is(show->operands.items[0], matrix_format_names[i]))
			return show_matrix(path, (enum matrix_format)i, show->out, arena);
	(void)fault_set(&fault, FAULT_USAGE,
	                "report wants a FORMAT: csv, json, markdown, html, junit or github");
	return command_fail(&fault);
}

const struct command command_matrix = {
    .name = "matrix",
    .summary = "show a matrix: table, csv, json, markdown, html, junit, github",
    .operands = "[FILE]",
    .about = "Shows a matrix file (default " DEFAULT_MATRIX ") or the matrix of a run folder.",
    .options = &matrix_options,
    .state_bytes = sizeof(struct show),
    .run = matrix_run,
};

const struct command command_report = {
    .name = "report",
    .summary = "export csv, json, markdown, html, junit or github from a run or a matrix",
    .operands = "FORMAT",
    .about = "Writes a report from a matrix file or a run folder; nothing is asked again.\n"
	     "With --run, html shows the bytes behind each verdict.",
    .options = &report_options,
    .state_bytes = sizeof(struct show),
    .run = report_run,
};
