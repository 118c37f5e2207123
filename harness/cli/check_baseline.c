/* `check --baseline`: what changed since a matrix was accepted, beside what the run says itself. */
#include "harness/cli/check.h"

#include "harness/base/loop.h"
#include "harness/cli/change_output.h"
#include "reports/report_changes.h"

bool check_baseline_read(struct check_session *session, struct fault *fault)
{
	if (session->options->baseline.data == NULL)
		return true;
	session->baseline = ARENA_NEW(session->arena, struct matrix);
	return baseline_read(text_c(session->arena, session->options->baseline), session->arena,
	                     session->baseline, fault);
}

void check_baseline_compare(struct check_session *session, const struct matrix *fresh)
{
	const struct setting_list *waivers = &session->config.policy.waivers;
	struct comparison_options options = {
	    .waivers = waivers->items,
	    .waiver_count = waivers->count,
	    .now_wall_ms = command_now_wall_ms(),
	    .partial = true,
	};

	if (session->baseline == NULL)
		return;
	session->comparison = ARENA_NEW(session->arena, struct comparison);
	baseline_compare(session->baseline, fresh, &options, session->arena, session->comparison);
}

bool check_baseline_print(const struct check_session *session, struct fault *fault)
{
	const struct check_options *options = session->options;
	bool written = true;
	struct text_buf out;

	if (session->comparison == NULL)
		return true;
	if (options->format == MATRIX_TABLE) {
		(void)printf("\nAgainst the baseline %s:\n",
		             text_visible(session->arena, options->baseline, 200).data);
		return change_output(session->comparison, CHANGE_TABLE, (struct text){NULL, 0},
		                     fault);
	}
	/* What stands on stdout is one document: a second one would spoil it. */
	struct report_terminal_options plain = {.width = terminal_width()};
	text_buf_init(&out, REPORT_MAX_BYTES);
	report_changes_terminal(session->comparison, &plain, &out);
	if (fwrite(text_buf_view(&out).data, 1, out.len, stderr) != out.len)
		written = fault_set(fault, FAULT_SYSTEM, "writing to stderr");
	text_buf_done(&out);
	return written;
}
