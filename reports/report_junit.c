/*
 * The matrix as JUnit XML, in the dialect that GitHub's actions, GitLab and Jenkins share: no DTD,
 * counts right at both levels, seconds, names that stay the same from run to run. GitLab shows
 * neither a message attribute nor properties, so the text of a failure says all of it.
 */
#include "reports/report.h"

#include "harness/base/loop.h"

#include <inttypes.h>

struct counts {
	size_t tests, failures, errors, skipped;
	int64_t time_us; /* -1: no cell's is known */
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

static struct counts count_cells(const struct matrix *matrix, size_t from, size_t to)
{
	struct counts counts = {.tests = to - from, .time_us = -1};

	for (size_t i = from; i < to; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		enum report_effect effect = report_cell_effect(cell);
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

/* "gate FAIL, 0 of 3 ok": the same words in attribute and text. */
static struct text verdict_words(const struct matrix_cell *cell, struct arena *arena)
{
	return text_format(arena, "%s %s, %" PRId64 " of %" PRId64 " ok",
	                   case_severity_names[cell->severity], report_verdict_word(cell->verdict),
	                   cell->tally.of[OUTCOME_OK], tally_judged(&cell->tally));
}

static void add_message(struct text_buf *out, const struct matrix_cell *cell, struct arena *arena)
{
	struct text words = verdict_words(cell, arena);

	add_attribute(out, "message",
	              cell->first_error.len == 0 ? words
	                                         : text_format(arena, "%.*s: %.*s", TEXT_ARG(words),
	                                                       TEXT_ARG(cell->first_error)));
}

static void add_reason(struct text_buf *out, const struct matrix_cell *cell, struct arena *arena)
{
	const char *element = report_cell_effect(cell) == REPORT_FAILS ? "failure" : "error";

	(void)text_buf_format(out, "      <%s", element);
	add_attribute(out, "type", text_of(verdict_name(cell->verdict)));
	add_message(out, cell, arena);
	(void)text_buf_byte(out, '>');
	add_escaped(out, verdict_words(cell, arena));
	if (cell->first_error.len != 0) {
		(void)text_buf_byte(out, '\n');
		add_escaped(out, cell->first_error);
	}
	if (cell->evidence.len != 0) {
		(void)text_buf_add_c(out, "\nevidence ");
		add_escaped(out, cell->evidence);
		(void)text_buf_add_c(out, " of run ");
		add_escaped(out, cell->run_id);
	}
	(void)text_buf_format(out, "</%s>\n", element);
}

static void add_cell(struct text_buf *out, const struct matrix_cell *cell, struct arena *arena)
{
	(void)text_buf_add_c(out, "    <testcase");
	add_attribute(out, "classname",
	              text_format(arena, "proviso/%.*s:%.*s", TEXT_ARG(cell->provider),
	                          TEXT_ARG(cell->model)));
	add_attribute(out, "name", report_cell_label(cell, arena));
	add_time(out, cell->latency_p50_us);
	switch (report_cell_effect(cell)) {
	case REPORT_PASSES:
		(void)text_buf_add_c(out, "/>\n");
		return;
	case REPORT_FAILS:
	case REPORT_NO_VERDICT:
		(void)text_buf_add_c(out, ">\n");
		add_reason(out, cell, arena);
		break;
	case REPORT_NO_MATTER:
		(void)text_buf_add_c(out, ">\n      <skipped");
		add_message(out, cell, arena);
		(void)text_buf_add_c(out, "/>\n");
		break;
	}
	(void)text_buf_add_c(out, "    </testcase>\n");
}

/* Cells [from, to), all of one target. */
static void add_suite(const struct matrix *matrix, size_t from, size_t to, struct text_buf *out)
{
	struct arena arena = {0};
	int64_t first_wall_ms = 0;

	for (size_t i = from; i < to; i++) {
		int64_t wall_ms = matrix->cells[i].tested_wall_ms;
		if (wall_ms > 0 && (first_wall_ms == 0 || wall_ms < first_wall_ms))
			first_wall_ms = wall_ms;
	}
	(void)text_buf_add_c(out, "  <testsuite");
	add_attribute(out, "name", matrix->cells[from].target);
	add_counts(out, count_cells(matrix, from, to));
	if (first_wall_ms > 0)
		add_attribute(out, "timestamp", wall_format(&arena, first_wall_ms, false));
	(void)text_buf_add_c(out, ">\n    <properties><property name=\"suite_hash\"");
	add_attribute(out, "value", matrix->suite_hash);
	(void)text_buf_add_c(out, "/></properties>\n");
	for (size_t i = from; i < to; i++) {
		add_cell(out, &matrix->cells[i], &arena);
		arena_reset(&arena);
	}
	(void)text_buf_add_c(out, "  </testsuite>\n");
	arena_done(&arena);
}

void report_junit(const struct matrix *matrix, struct text_buf *out)
{
	size_t to;

	(void)text_buf_add_c(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	                          "<testsuites name=\"proviso\"");
	add_counts(out, count_cells(matrix, 0, matrix->count));
	(void)text_buf_add_c(out, ">\n");
	for (size_t from = 0; from < matrix->count; from = to) {
		to = from + 1;
		while (to < matrix->count &&
		       text_equal(matrix->cells[to].target, matrix->cells[from].target))
			to++;
		add_suite(matrix, from, to, out);
	}
	(void)text_buf_add_c(out, "</testsuites>\n");
}
