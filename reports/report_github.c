/*
 * The matrix for a GitHub job: workflow commands for its log, Markdown for its summary.
 *
 * The runner takes a line for a command when "::" is the first in it behind blanks, and also (the
 * old form) wherever "##[" stands. So a line of ours starts with a word of ours, line breaks are
 * made visible, and "##[" is broken up.
 */
#include "reports/report.h"

#include <inttypes.h>

/* "::" with nothing printable of ASCII before it: the runner skips blanks of all kinds. */
static bool starts_command(struct text text)
{
	size_t at = text_find(text, TEXT("::"), 0);

	for (size_t i = 0; at != TEXT_NOT_FOUND && i < at; i++)
		if (text.data[i] > ' ' && text.data[i] < 0x7f)
			return false;
	return at != TEXT_NOT_FOUND;
}

void report_add_log_text(struct text_buf *out, struct text text)
{
	struct text_buf visible;

	text_buf_init(&visible, REPORT_MAX_BYTES);
	text_buf_add_visible(&visible, text);
	struct text view = text_buf_view(&visible);
	if (starts_command(view))
		(void)text_buf_byte(out, '\\');
	for (size_t i = 0; i < view.len; i++) {
		if (view.data[i] == '[' && i > 0 && view.data[i - 1] == '#')
			(void)text_buf_byte(out, '\\');
		(void)text_buf_byte(out, view.data[i]);
	}
	text_buf_done(&visible);
}

enum spot { SPOT_LINE, SPOT_MESSAGE, SPOT_PROPERTY }; /* plain; of a command; in its head */

/* Text from outside in the middle of a line. */
static void add_escaped(struct text_buf *out, struct text text, enum spot spot)
{
	struct text_buf visible;

	text_buf_init(&visible, REPORT_MAX_BYTES);
	text_buf_add_visible(&visible, text);
	struct text view = text_buf_view(&visible);
	for (size_t i = 0; i < view.len; i++) {
		char c = view.data[i];
		if (c == '%' && spot != SPOT_LINE)
			(void)text_buf_add_c(out, "%25");
		else if (spot == SPOT_PROPERTY && c == ':')
			(void)text_buf_add_c(out, "%3A");
		else if (spot == SPOT_PROPERTY && c == ',')
			(void)text_buf_add_c(out, "%2C");
		else if (c == '[' && i > 0 && view.data[i - 1] == '#')
			(void)text_buf_add_c(out, "\\[");
		else
			(void)text_buf_byte(out, c);
	}
	text_buf_done(&visible);
}

static void add_rate(struct text_buf *out, const struct matrix_cell *cell, enum spot spot)
{
	(void)text_buf_format(out, "%s %s, %" PRId64 " of %" PRId64 " ok",
	                      case_severity_names[cell->severity],
	                      report_verdict_word(cell->verdict), cell->tally.of[OUTCOME_OK],
	                      tally_judged(&cell->tally));
	if (cell->first_error.len == 0)
		return;
	(void)text_buf_add_c(out, ": ");
	add_escaped(out, cell->first_error, spot);
}

static void add_annotation(struct text_buf *out, const struct matrix_cell *cell)
{
	struct arena arena = {0};

	(void)text_buf_format(
	    out, "::%s title=", report_cell_effect(cell) == REPORT_FAILS ? "error" : "warning");
	add_escaped(out,
	            text_format(&arena, "%s %.*s: %.*s", report_verdict_word(cell->verdict),
	                        TEXT_ARG(cell->target), TEXT_ARG(report_cell_label(cell, &arena))),
	            SPOT_PROPERTY);
	(void)text_buf_add_c(out, "::");
	add_rate(out, cell, SPOT_MESSAGE);
	if (cell->evidence.len != 0) {
		(void)text_buf_add_c(out, " (evidence ");
		add_escaped(out, cell->evidence, SPOT_MESSAGE);
		(void)text_buf_add_c(out, " of run ");
		add_escaped(out, cell->run_id, SPOT_MESSAGE);
		(void)text_buf_byte(out, ')');
	}
	(void)text_buf_byte(out, '\n');
	arena_done(&arena);
}

static size_t count_not_passing(const struct matrix *matrix)
{
	size_t count = 0;

	for (size_t i = 0; i < matrix->count; i++)
		count += matrix->cells[i].verdict != VERDICT_PASS;
	return count;
}

/* One kind: the worst, and how many more there are. */
static void add_annotations(const struct matrix_cell **cells, size_t count,
                            enum report_effect effect, struct text_buf *out)
{
	size_t seen = 0;

	for (size_t i = 0; i < count; i++)
		if (report_cell_effect(cells[i]) == effect && seen++ < REPORT_MAX_ANNOTATIONS)
			add_annotation(out, cells[i]);
	if (seen > REPORT_MAX_ANNOTATIONS)
		(void)text_buf_format(
		    out, "::%s title=proviso::and %zu more; the log and the summary list them\n",
		    effect == REPORT_FAILS ? "error" : "warning", seen - REPORT_MAX_ANNOTATIONS);
}

void report_github(const struct matrix *matrix, struct text_buf *out)
{
	struct arena arena = {0};
	const struct matrix_cell **cells = report_worst_first(matrix, &arena);
	size_t count = count_not_passing(matrix);

	if (count == 0) {
		arena_done(&arena);
		return;
	}
	add_annotations(cells, count, REPORT_FAILS, out);
	add_annotations(cells, count, REPORT_NO_VERDICT, out);
	(void)text_buf_format(out, "::group::proviso: %zu of %zu cells do not pass\n", count,
	                      matrix->count);
	for (size_t i = 0; i < count; i++) {
		(void)text_buf_add_c(out, "- ");
		add_escaped(out, cells[i]->target, SPOT_LINE);
		(void)text_buf_byte(out, ' ');
		add_escaped(out, report_cell_label(cells[i], &arena), SPOT_LINE);
		(void)text_buf_byte(out, ' ');
		add_rate(out, cells[i], SPOT_LINE);
		(void)text_buf_byte(out, '\n');
	}
	(void)text_buf_add_c(out, "::endgroup::\n");
	arena_done(&arena);
}

void report_github_summary(const struct matrix *matrix, struct text_buf *out)
{
	struct text_buf whole;

	text_buf_init(&whole, REPORT_MAX_BYTES);
	report_markdown(matrix, &whole);
	struct text view = text_buf_view(&whole);
	if (view.len <= REPORT_SUMMARY_MAX_BYTES) {
		(void)text_buf_add(out, view);
	} else {
		size_t end = REPORT_SUMMARY_MAX_BYTES;
		while (end > 0 && view.data[end - 1] != '\n')
			end--;
		(void)text_buf_add(out, text_slice(view, 0, end));
		(void)text_buf_add_c(out, "\nCut here: a summary may not be longer. The whole is "
		                          "what `proviso report markdown` prints.\n");
	}
	text_buf_done(&whole);
}
