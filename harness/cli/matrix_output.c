/* Picks the report for a format and writes it where it should go. */
#include "harness/cli/matrix_output.h"

#include "harness/cli/command.h"
#include "reports/report_changes.h"
#include "reports/report_quality.h"

const char *const matrix_format_names[] = {"table", "csv",    "json",        "markdown", "html",
                                           "junit", "github", "codequality", "quality",  NULL};

enum { WORST_SHOWN = 20 };

bool matrix_output(const struct matrix *matrix, enum matrix_format format,
                   const struct report_context *context, struct text path, struct fault *fault)
{
	struct text_buf out;
	bool to_stdout = path.data == NULL || text_is(path, "-");
	struct report_terminal_options terminal = {
	    .colour = to_stdout && terminal_wants_colour(),
	    .width = terminal_width(),
	    .worst = WORST_SHOWN,
	};

	text_buf_init(&out, REPORT_MAX_BYTES);
	switch (format) {
	case MATRIX_TABLE:
		report_terminal(matrix, &terminal, &out);
		break;
	case MATRIX_CSV:
		report_csv(matrix, context, &out);
		break;
	case MATRIX_JSON:
		report_json(matrix, context, &out);
		break;
	case MATRIX_MARKDOWN:
		report_markdown(matrix, context, &out);
		break;
	case MATRIX_HTML:
		report_html(matrix, context, &out);
		break;
	case MATRIX_JUNIT:
		report_junit(matrix, context, &out);
		break;
	case MATRIX_GITHUB:
		report_github(matrix, context, &out);
		break;
	case MATRIX_CODEQUALITY:
		report_codequality(matrix, context, &out);
		break;
	case MATRIX_QUALITY:
		report_quality_csv(matrix, &out);
		break;
	}
	return command_write_report(path, &out, fault);
}
