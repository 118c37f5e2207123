/* Picks the report for a format and writes it where it should go. */
#include "harness/cli/matrix_output.h"

#include "harness/cli/command.h"
#include "reports/report.h"

#include <errno.h>
#include <stdlib.h>

const char *const matrix_format_names[] = {"table", "csv",   "json",   "markdown",
                                           "html",  "junit", "github", NULL};

enum { WORST_SHOWN = 20 };

bool matrix_output_evidence(const struct matrix *matrix, enum matrix_format format,
                            const struct report_evidence *evidence, struct text path,
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
	case MATRIX_HTML:
		report_html(matrix, evidence, &out);
		break;
	case MATRIX_JUNIT:
		report_junit(matrix, &out);
		break;
	case MATRIX_GITHUB:
		report_github(matrix, &out);
		break;
	}
	return command_write_report(path, &out, fault);
}

bool matrix_output(const struct matrix *matrix, enum matrix_format format, struct text path,
                   struct fault *fault)
{
	return matrix_output_evidence(matrix, format, NULL, path, fault);
}

/* Other steps and tools write to the same file: it is added to, in one write, never replaced. */
static bool append(const char *path, struct text body, struct fault *fault)
{
	FILE *file = fopen(path, "ab");

	if (file == NULL)
		return fault_system(fault, errno, "opening the step summary %s", path);
	bool written = fwrite(body.data, 1, body.len, file) == body.len;
	int reason = errno;
	if (fclose(file) != 0 && written) {
		written = false;
		reason = errno;
	}
	return written || fault_system(fault, reason, "writing the step summary %s", path);
}

bool matrix_output_github(const struct matrix *matrix, struct fault *fault)
{
	const char *actions = getenv("GITHUB_ACTIONS");
	const char *summary = getenv("GITHUB_STEP_SUMMARY");
	struct text_buf out;
	bool written = true;

	if (actions == NULL || strcmp(actions, "true") != 0)
		return true;
	text_buf_init(&out, REPORT_MAX_BYTES);
	report_github(matrix, &out);
	(void)fwrite(text_buf_view(&out).data, 1, out.len, stderr);
	text_buf_reset(&out);
	if (summary != NULL && *summary != '\0') {
		report_github_summary(matrix, &out);
		written = append(summary, text_buf_view(&out), fault);
	}
	text_buf_done(&out);
	return written;
}
