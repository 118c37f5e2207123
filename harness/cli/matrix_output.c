/* Picks the report for a format and writes it where it should go. */
#include "harness/cli/matrix_output.h"

#include "harness/cli/command.h"
#include "reports/report.h"

const char *const matrix_format_names[] = {"table", "csv", "json", "markdown", NULL};

enum { WORST_SHOWN = 20 };

bool matrix_output(const struct matrix *matrix, enum matrix_format format, struct text path,
                   struct fault *fault)
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
		report_csv(matrix, &out);
		break;
	case MATRIX_JSON:
		report_json(matrix, &out);
		break;
	case MATRIX_MARKDOWN:
		report_markdown(matrix, &out);
		break;
	}
	bool written = out.overflow ? fault_set(fault, FAULT_INPUT, "the report is over %d MiB",
	                                        REPORT_MAX_BYTES >> 20)
	                            : command_write(path, text_buf_view(&out), fault);
	text_buf_done(&out);
	return written;
}
