/*
 * The matrix as JUnit XML, in the dialect that GitHub's actions, GitLab and Jenkins share: no DTD,
 * counts right at both levels, seconds, names that stay the same from run to run. GitLab shows
 * neither a message attribute nor properties, so the text of a failure says all of it.
 */
#include "reports/report.h"

#include "harness/base/loop.h"
#include "reports/report_changes.h"

#include <inttypes.h>

struct counts {
	size_t tests, failures, errors, skipped;
	int64_t time_us; /* -1: no cell's is known */
};

struct document {
	const struct matrix *matrix;
	const struct report_context *context;
	struct text_buf *out;
};

/*
 * Text or an attribute's value. Control bytes, which XML 1.0 forbids even as references, and bad
 * UTF-8 become visible escapes; so do line breaks, which a reader would make blanks of. The two
 * non-characters that XML forbids beside them become U+FFFD.
 */
static void add_escaped(struct text_buf *out, struct text text)
{
	struct text_buf visible;

	text_buf_init(&visible, REPORT_MAX_BYTES);
	text_buf_add_visible(&visible, text);
	struct text view = text_buf_view(&visible);
	for (size_t i = 0; i < view.len; i++) {
		char c = view.data[i];
		if (c == '<')
			(void)text_buf_add_c(out, "&lt;");
		else if (c == '>')
			(void)text_buf_add_c(out, "&gt;");
		else if (c == '&')
			(void)text_buf_add_c(out, "&amp;");
		else if (c == '"')
			(void)text_buf_add_c(out, "&quot;");
		else if (c == '\'')
			(void)text_buf_add_c(out, "&apos;");
		else if (text_starts(text_slice(view, i, view.len), TEXT("\xef\xbf\xbe")) ||
		         text_starts(text_slice(view, i, view.len), TEXT("\xef\xbf\xbf"))) {
			(void)text_buf_add_c(out, "\xef\xbf\xbd");
			i += 2;
		} else
			(void)text_buf_byte(out, c);
	}
	text_buf_done(&visible);
}

static void add_attribute(struct text_buf *out, const char *name, struct text value)
{
	(void)text_buf_format(out, " %s=\"", name);
	add_escaped(out, value);
	(void)text_buf_byte(out, '"');
}

static struct counts count_cells(const struct document *document, size_t from, size_t to)
{
	struct counts counts = {.tests = to - from, .time_us = -1};

	for (size_t i = from; i < to; i++) {
		const struct matrix_cell *cell = &document->matrix->cells[i];
		enum report_effect effect = report_cell_effect(cell, document->context);
		counts.failures += effect == REPORT_FAILS;
		counts.errors += effect == REPORT_NO_VERDICT;
		counts.skipped += effect == REPORT_NO_MATTER;
		if (cell->latency_p50_us >= 0)
			counts.time_us =
			    (counts.time_us < 0 ? 0 : counts.time_us) + cell->latency_p50_us;
	}
	return counts;
}

/* Left out where unknown: unknown is not zero. */
static void add_time(struct text_buf *out, int64_t time_us)
{
	if (time_us >= 0)
		(void)text_buf_format(out, " time=\"%" PRId64 ".%06" PRId64 "\"", time_us / 1000000,
		                      time_us % 1000000);
}

static void add_counts(struct text_buf *out, struct counts counts)
{
	(void)text_buf_format(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
	                      counts.tests, counts.failures, counts.errors, counts.skipped);
	add_time(out, counts.time_us);
}

/* "gate FAIL, 0 of 3 ok, 2 retries": the same words in attribute and text. */
static struct text verdict_words(const struct matrix_cell *cell, struct arena *arena)
{
	struct text rate = report_rate_words(cell, arena);
	struct text words = text_format(arena, "%s %s, %.*s", report_severity_word(cell),
	                                report_verdict_word(cell->verdict), TEXT_ARG(rate));

	if (cell->retries <= 0)
		return words;
	return text_format(arena, "%.*s, %" PRId64 " %s", TEXT_ARG(words), cell->retries,
	                   cell->retries == 1 ? "retry" : "retries");
}

/* "regressed since the baseline, pass 10/10 -> fail 0/3; waived by ..."; empty without one. */
static struct text change_words(const struct cell_change *change, struct arena *arena)
{
	if (change == NULL)
		return TEXT("");
	struct text note = report_change_note(change, arena);
	struct text base = report_change_side(change->base, arena);
	struct text head = report_change_side(change->head, arena);
	return text_format(arena, "%s since the baseline, %.*s -> %.*s%s%.*s",
	                   change_name(change->change), TEXT_ARG(base), TEXT_ARG(head),
	                   note.len > 0 ? "; " : "", TEXT_ARG(note));
}

/* All in one line: what it is, what it was, why. */
static void add_message(const struct document *document, const struct matrix_cell *cell,
                        struct arena *arena)
{
	struct text changed = change_words(report_cell_change(cell, document->context), arena);
	struct text words = verdict_words(cell, arena);

	if (changed.len > 0)
		words = text_format(arena, "%.*s; %.*s", TEXT_ARG(words), TEXT_ARG(changed));
	if (cell->first_error.len > 0)
		words =
		    text_format(arena, "%.*s: %.*s", TEXT_ARG(words), TEXT_ARG(cell->first_error));
	add_attribute(document->out, "message", words);
}

static void add_line(struct text_buf *out, struct text line)
{
	if (line.len == 0)
		return;
	(void)text_buf_byte(out, '\n');
	add_escaped(out, line);
}

/* The same as lines, which GitLab shows, and where the bytes are. */
static void add_lines(const struct document *document, const struct matrix_cell *cell,
                      struct arena *arena)
{
	add_escaped(document->out, verdict_words(cell, arena));
	add_line(document->out, change_words(report_cell_change(cell, document->context), arena));
	add_line(document->out, cell->first_error);
	if (cell->evidence.len != 0)
		add_line(document->out,
		         text_format(arena, "evidence %.*s of run %.*s", TEXT_ARG(cell->evidence),
		                     TEXT_ARG(cell->run_id)));
}

static void add_reason(const struct document *document, const struct matrix_cell *cell,
                       struct arena *arena)
{
	const char *element =
	    report_cell_effect(cell, document->context) == REPORT_FAILS ? "failure" : "error";

	(void)text_buf_format(document->out, "      <%s", element);
	add_attribute(document->out, "type", text_of(verdict_name(cell->verdict)));
	add_message(document, cell, arena);
	(void)text_buf_byte(document->out, '>');
	add_lines(document, cell, arena);
	(void)text_buf_format(document->out, "</%s>\n", element);
}

/* A passing cell says something only where it was asked again or changed. */
static void add_pass(const struct document *document, const struct matrix_cell *cell,
                     struct arena *arena)
{
	const struct cell_change *change = report_cell_change(cell, document->context);

	if (cell->retries <= 0 && (change == NULL || change->change >= CHANGE_NOISE)) {
		(void)text_buf_add_c(document->out, "/>\n");
		return;
	}
	(void)text_buf_add_c(document->out, ">\n      <system-out>");
	add_lines(document, cell, arena);
	(void)text_buf_add_c(document->out, "</system-out>\n    </testcase>\n");
}

/* GitLab leads to the file, readers on GitHub to the line as well. */
static void add_place(const struct document *document, const struct matrix_cell *cell,
                      struct arena *arena)
{
	struct text file;
	unsigned line;

	if (!report_cell_place(cell, document->context, &file, &line))
		return;
	add_attribute(document->out, "file", file);
	add_attribute(document->out, "line", text_format(arena, "%u", line));
}

static void add_cell(const struct document *document, const struct matrix_cell *cell,
                     struct arena *arena)
{
	struct text_buf *out = document->out;

	(void)text_buf_add_c(out, "    <testcase");
	add_attribute(out, "classname",
	              text_format(arena, "proviso/%.*s:%.*s", TEXT_ARG(cell->provider),
	                          TEXT_ARG(cell->model)));
	add_attribute(out, "name", report_cell_label(cell, arena));
	add_place(document, cell, arena);
	add_time(out, cell->latency_p50_us);
	switch (report_cell_effect(cell, document->context)) {
	case REPORT_PASSES:
		add_pass(document, cell, arena);
		return;
	case REPORT_FAILS:
	case REPORT_NO_VERDICT:
		(void)text_buf_add_c(out, ">\n");
		add_reason(document, cell, arena);
		break;
	case REPORT_NO_MATTER:
		(void)text_buf_add_c(out, ">\n      <skipped");
		add_message(document, cell, arena);
		(void)text_buf_add_c(out, "/>\n");
		break;
	}
	(void)text_buf_add_c(out, "    </testcase>\n");
}

/* Cells that the baseline has and this matrix has not are no tests; the suite names them. */
static void add_gone(const struct document *document, struct text target, struct arena *arena)
{
	const struct comparison *comparison =
	    document->context == NULL ? NULL : document->context->comparison;
	bool any = false;

	for (size_t i = 0; comparison != NULL && i < comparison->count; i++) {
		const struct cell_change *change = &comparison->changes[i];
		if (change->head != NULL || !text_equal(change_cell(change)->target, target))
			continue;
		(void)text_buf_add_c(document->out,
		                     any ? " " : "    <system-out>gone since the baseline: ");
		any = true;
		add_escaped(document->out, report_change_label(change, arena));
	}
	if (any)
		(void)text_buf_add_c(document->out, "</system-out>\n");
}

/* Cells [from, to), all of one target. */
static void add_suite(const struct document *document, size_t from, size_t to)
{
	const struct matrix_cell *cells = document->matrix->cells;
	struct text_buf *out = document->out;
	struct arena arena = {0};
	int64_t first_wall_ms = 0;

	for (size_t i = from; i < to; i++) {
		int64_t wall_ms = cells[i].tested_wall_ms;
		if (wall_ms > 0 && (first_wall_ms == 0 || wall_ms < first_wall_ms))
			first_wall_ms = wall_ms;
	}
	(void)text_buf_add_c(out, "  <testsuite");
	add_attribute(out, "name", cells[from].target);
	add_counts(out, count_cells(document, from, to));
	if (first_wall_ms > 0)
		add_attribute(out, "timestamp", wall_format(&arena, first_wall_ms, false));
	(void)text_buf_add_c(out, ">\n    <properties><property name=\"suite_hash\"");
	add_attribute(out, "value", document->matrix->suite_hash);
	(void)text_buf_add_c(out, "/></properties>\n");
	for (size_t i = from; i < to; i++) {
		add_cell(document, &cells[i], &arena);
		arena_reset(&arena);
	}
	add_gone(document, cells[from].target, &arena);
	(void)text_buf_add_c(out, "  </testsuite>\n");
	arena_done(&arena);
}

void report_junit(const struct matrix *matrix, const struct report_context *context,
                  struct text_buf *out)
{
	const struct document document = {matrix, context, out};
	size_t to;

	(void)text_buf_add_c(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	                          "<testsuites name=\"proviso\"");
	add_counts(out, count_cells(&document, 0, matrix->count));
	(void)text_buf_add_c(out, ">\n");
	for (size_t from = 0; from < matrix->count; from = to) {
		to = from + 1;
		while (to < matrix->count &&
		       text_equal(matrix->cells[to].target, matrix->cells[from].target))
			to++;
		add_suite(&document, from, to);
	}
	(void)text_buf_add_c(out, "</testsuites>\n");
}
