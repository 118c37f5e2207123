/* Picks the report of a comparison and writes it where it should go. */
#include "harness/cli/change_output.h"

#include "harness/cli/command.h"
#include "reports/report_changes.h"

const char *const change_format_names[] = {"table", "csv", "json", "markdown", NULL};

bool change_output(const struct comparison *comparison, enum change_format format, struct text path,
                   struct fault *fault)
{
	struct text_buf out;
	bool to_stdout = path.data == NULL || text_is(path, "-");
	struct report_terminal_options terminal = {
	    .colour = to_stdout && terminal_wants_colour(),
	    .width = terminal_width(),
	};

	text_buf_init(&out, REPORT_MAX_BYTES);
	switch (format) {
	case CHANGE_TABLE:
		report_changes_terminal(comparison, &terminal, &out);
		break;
	case CHANGE_CSV:
		report_changes_csv(comparison, &out);
		break;
	case CHANGE_JSON:
		report_changes_json(comparison, &out);
		break;
	case CHANGE_MARKDOWN:
		report_changes_markdown(comparison, &out);
		break;
	}
	return command_write_report(path, &out, fault);
}
