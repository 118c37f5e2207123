/*
 * The matrix for a GitHub job: workflow commands for its log, Markdown for its summary.
 *
 * The runner takes a line for a command when "::" is the first in it behind blanks, and also (the
 * old form) wherever "##[" stands. So a line of ours starts with a word of ours, line breaks are
 * made visible, and "##[" is broken up.
 */
#include "reports/report.h"

#include "reports/report_changes.h"

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

void report_add_annotation(struct text_buf *out, const char *kind, struct text title,
                           struct text message)
{
	(void)text_buf_format(out, "::%s title=", kind);
	add_escaped(out, title, SPOT_PROPERTY);
	(void)text_buf_add_c(out, "::");
	add_escaped(out, message, SPOT_MESSAGE);
	(void)text_buf_byte(out, '\n');
}

/* "gate FAIL, 0 of 3 ok; regressed since the baseline (pass 10/10); waived by ...: why" */
static void add_rate(struct text_buf *out, const struct matrix_cell *cell,
                     const struct cell_change *change, enum spot spot)
{
	struct arena arena = {0};

	struct text words = report_rate_words(cell, &arena);
	(void)text_buf_format(out, "%s %s, ", report_severity_word(cell),
	                      report_verdict_word(cell->verdict));
	add_escaped(out, words, spot);
	if (change != NULL) {
		struct text note = report_change_note(change, &arena);
		struct text base = report_change_side(change->base, &arena);
		(void)text_buf_format(out, "; %s since the baseline (%.*s)",
		                      change_name(change->change), TEXT_ARG(base));
		if (note.len > 0) {
			(void)text_buf_add_c(out, "; ");
			add_escaped(out, note, spot);
		}
	}
	if (cell->first_error.len != 0) {
		(void)text_buf_add_c(out, ": ");
		add_escaped(out, cell->first_error, spot);
	}
	arena_done(&arena);
}

/* What a reader of the job is told of a cell, from the gravest. */
enum kind { KIND_ERROR, KIND_WARNING, KIND_NOTICE, KIND_NONE };

static const char *const kind_names[] = {"error", "warning", "notice"};

/* Weaker signs, what is waived and what gates nothing are notices: seen, and never red. */
static enum kind kind_of(const struct matrix_cell *cell, const struct report_context *context)
{
	const struct cell_change *change = report_cell_change(cell, context);

	switch (report_cell_effect(cell, context)) {
	case REPORT_FAILS:
		return KIND_ERROR;
	case REPORT_NO_VERDICT:
		return KIND_WARNING;
	case REPORT_PASSES:
	case REPORT_NO_MATTER:
		break;
	}
	if (change != NULL && (change->change <= CHANGE_WATCH || change->expired != NULL))
		return KIND_NOTICE;
	return KIND_NONE;
}

static void add_annotation(struct text_buf *out, enum kind kind, const struct matrix_cell *cell,
                           const struct cell_change *change)
{
	struct arena arena = {0};
	const char *word = change != NULL && change->change == CHANGE_REGRESSED
	                       ? "REGRESSED"
	                       : report_verdict_word(cell->verdict);

	(void)text_buf_format(out, "::%s title=", kind_names[kind]);
	add_escaped(out,
	            text_format(&arena, "%s %.*s: %.*s", word, TEXT_ARG(cell->target),
	                        TEXT_ARG(report_cell_label(cell, &arena))),
	            SPOT_PROPERTY);
	(void)text_buf_add_c(out, "::");
	add_rate(out, cell, change, SPOT_MESSAGE);
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

/* One kind: the worst, and how many more there are. */
static void add_annotations(const struct matrix_cell **cells, size_t count,
                            const struct report_context *context, enum kind kind,
                            struct text_buf *out)
{
	size_t seen = 0;

	for (size_t i = 0; i < count; i++)
		if (kind_of(cells[i], context) == kind && seen++ < REPORT_MAX_ANNOTATIONS)
			add_annotation(out, kind, cells[i], report_cell_change(cells[i], context));
	if (seen > REPORT_MAX_ANNOTATIONS)
		(void)text_buf_format(
		    out, "::%s title=proviso::and %zu more; the log and the summary list them\n",
		    kind_names[kind], seen - REPORT_MAX_ANNOTATIONS);
}

/* Everything that does not pass, and what changed in one line, folded. */
static void add_group(const struct matrix *matrix, const struct matrix_cell **cells,
                      const struct report_context *context, struct text_buf *out)
{
	struct arena arena = {0};
	size_t count = 0;

	for (size_t i = 0; i < matrix->count; i++)
		count += matrix->cells[i].verdict != VERDICT_PASS;
	(void)text_buf_format(out, "::group::proviso: %zu of %zu cells do not pass\n", count,
	                      matrix->count);
	if (context != NULL && context->comparison != NULL) {
		struct text counts = report_changes_counts(context->comparison, &arena);
		(void)text_buf_format(out, "- against the baseline: %.*s\n", TEXT_ARG(counts));
	}
	for (size_t i = 0; i < matrix->count; i++) {
		const struct cell_change *change = report_cell_change(cells[i], context);
		if (cells[i]->verdict == VERDICT_PASS && kind_of(cells[i], context) == KIND_NONE)
			continue;
		(void)text_buf_add_c(out, "- ");
		add_escaped(out, cells[i]->target, SPOT_LINE);
		(void)text_buf_byte(out, ' ');
		add_escaped(out, report_cell_label(cells[i], &arena), SPOT_LINE);
		(void)text_buf_byte(out, ' ');
		add_rate(out, cells[i], change, SPOT_LINE);
		(void)text_buf_byte(out, '\n');
	}
	(void)text_buf_add_c(out, "::endgroup::\n");
	arena_done(&arena);
}

void report_github(const struct matrix *matrix, const struct report_context *context,
                   struct text_buf *out)
{
	struct arena arena = {0};
	const struct matrix_cell **cells = report_worst_first(matrix, &arena);
	bool any = false;

	for (size_t i = 0; i < matrix->count; i++)
		any = any || cells[i]->verdict != VERDICT_PASS ||
		      kind_of(cells[i], context) != KIND_NONE;
	if (any) {
		for (int kind = KIND_ERROR; kind < KIND_NONE; kind++)
			add_annotations(cells, matrix->count, context, (enum kind)kind, out);
		add_group(matrix, cells, context, out);
	}
	arena_done(&arena);
}

void report_github_summary(const struct matrix *matrix, const struct report_context *context,
                           struct text_buf *out)
{
	struct text_buf whole;

	text_buf_init(&whole, REPORT_MAX_BYTES);
	report_markdown(matrix, context, &whole);
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
