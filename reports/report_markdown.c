/* The matrix as Markdown, for a pull request or a step summary. */
#include "reports/report.h"

#include "reports/markdown.h"
#include "reports/report_availability.h"
#include "reports/report_changes.h"
#include "reports/report_claims.h"
#include "reports/report_quality.h"
#include "reports/report_repairs.h"

void markdown_add(struct text_buf *out, struct text text)
{
	struct text_buf visible;

	text_buf_init(&visible, 1 << 20);
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
		else if (c == '@')
			(void)text_buf_add_c(out, "&#64;");
		else if (strchr("|`*_[]\\#~", c) != NULL && c != '\0')
			(void)text_buf_format(out, "\\%c", c);
		else
			(void)text_buf_byte(out, c);
	}
	text_buf_done(&visible);
}

static void add_summaries(const struct matrix *matrix, struct text_buf *out)
{
	struct arena arena = {0};
	size_t count;
	const struct matrix_summary *summaries = matrix_summarise(matrix, &arena, &count);

	(void)text_buf_add_c(out, "| target | capability | verdict | cells passing |\n"
	                          "|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		(void)text_buf_add_c(out, "| ");
		markdown_add(out, summaries[i].target);
		(void)text_buf_add_c(out, " | ");
		markdown_add(out, summaries[i].capability);
		(void)text_buf_format(out, " | %s | %zu of %zu |\n",
		                      report_summary_word(&summaries[i]), summaries[i].passed,
		                      summaries[i].total);
	}
	arena_done(&arena);
}

static void add_repairs(const struct matrix *matrix, struct text_buf *out)
{
	struct arena arena = {0};
	struct report_repairs repairs = report_repairs_of(matrix, &arena);

	if (repairs.count > 0)
		(void)text_buf_add_c(out, "\n### What repairs would do\n\n"
		                          "| target | with `repairs` of a route |\n|---|---|\n");
	for (size_t i = 0; i < repairs.count; i++) {
		(void)text_buf_add_c(out, "| ");
		markdown_add(out, repairs.items[i].target);
		(void)text_buf_add_c(out, " | ");
		markdown_add(out, report_repair_words(&repairs.items[i], &arena));
		(void)text_buf_add_c(out, " |\n");
	}
	arena_done(&arena);
}

static void add_failures(const struct matrix *matrix, struct text_buf *out)
{
	bool any = false;

	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		if (cell->verdict == VERDICT_PASS)
			continue;
		if (!any)
			(void)text_buf_add_c(out,
			                     "\n### What does not pass\n\n"
			                     "| target | case | severity | verdict | ok | why |\n"
			                     "|---|---|---|---|---|---|\n");
		any = true;
		(void)text_buf_add_c(out, "| ");
		markdown_add(out, cell->target);
		(void)text_buf_add_c(out, " | ");
		markdown_add(out, cell->case_id);
		(void)text_buf_format(
		    out, "%s | %s | %s | %lld of %lld | ",
		    cell->variant == CASE_STREAM ? "\\~stream" : "", report_severity_word(cell),
		    report_verdict_word(cell->verdict), (long long)cell->tally.of[OUTCOME_OK],
		    (long long)tally_judged(&cell->tally));
		markdown_add(out, cell->first_error);
		(void)text_buf_add_c(out, " |\n");
	}
}

void report_markdown(const struct matrix *matrix, const struct report_context *context,
                     struct text_buf *out)
{
	struct arena arena = {0};
	struct report_claims claims = report_claims_of(matrix, context, &arena);

	if (context != NULL && context->comparison != NULL) {
		report_changes_markdown(context->comparison, out);
		(void)text_buf_byte(out, '\n');
	}
	(void)text_buf_format(out, "## Proviso: %zu cells, suite %.*s\n\n", matrix->count,
	                      TEXT_ARG(matrix->suite_hash));
	add_summaries(matrix, out);
	report_quality_markdown(matrix, out);
	if (claims.count > 0)
		report_claims_markdown(&claims, out);
	arena_done(&arena);
	add_failures(matrix, out);
	add_repairs(matrix, out);
	report_availability_markdown(matrix, out);
}
