/*
 * The matrix as one HTML file that needs nothing else: no network, no script, every verdict in
 * words. It is opened by people who do not trust what the providers said, so its policy lets
 * nothing in but its own style, and all text goes through one escape (html_escape.c).
 */
#include "reports/html.h"

#include "harness/base/loop.h"
#include "reports/report_claims.h"

static void add_dates(struct html_page *page)
{
	const struct matrix *matrix = page->matrix;
	int64_t first_ms = 0;
	int64_t last_ms = 0;

	for (size_t i = 0; i < matrix->count; i++) {
		int64_t at_ms = matrix->cells[i].tested_wall_ms;
		if (at_ms > 0 && (first_ms == 0 || at_ms < first_ms))
			first_ms = at_ms;
		last_ms = at_ms > last_ms ? at_ms : last_ms;
	}
	if (first_ms == 0)
		return;
	(void)text_buf_add_c(page->out, ", asked ");
	html_add_text(page->out, wall_format(page->arena, first_ms, false));
	if (last_ms / 1000 != first_ms / 1000) {
		(void)text_buf_add_c(page->out, " to ");
		html_add_text(page->out, wall_format(page->arena, last_ms, false));
	}
}

/* How many of which verdict, in words. */
static void add_counts(struct html_page *page)
{
	size_t counts[VERDICT_COUNT] = {0};

	for (size_t i = 0; i < page->matrix->count; i++)
		counts[page->matrix->cells[i].verdict]++;
	(void)text_buf_add_c(page->out, "<p>");
	for (int i = 0; i < VERDICT_COUNT; i++) {
		if (counts[i] == 0)
			continue;
		(void)text_buf_add_c(page->out, "<span class=c>");
		html_add_verdict(page, (enum verdict)i);
		(void)text_buf_format(page->out, " %zu</span> &ensp;", counts[i]);
	}
	(void)text_buf_add_c(page->out, "</p>\n");
}

static bool has_tasks(const struct matrix *matrix)
{
	for (size_t i = 0; i < matrix->count; i++)
		if (matrix->cells[i].kind != CASE_KIND_NONE)
			return true;
	return false;
}

static void add_title(struct html_page *page)
{
	const struct matrix *matrix = page->matrix;

	(void)text_buf_add_c(page->out,
	                     "<header><h1>Compatibility matrix</h1><p class=mute>Suite ");
	html_add_text(page->out, matrix->suite_hash);
	(void)text_buf_format(page->out, ", %zu cells", matrix->count);
	add_dates(page);
	for (size_t i = 0; i < matrix->runs.count && i < 3; i++) {
		(void)text_buf_add_c(page->out, i == 0 ? ", run " : ", ");
		html_add_text(page->out, matrix->runs.items[i]);
	}
	if (matrix->runs.count > 3)
		(void)text_buf_format(page->out, " and %zu more", matrix->runs.count - 3);
	(void)text_buf_add_c(page->out, "</p>\n");
	add_counts(page);
	const struct report_claims claims = report_claims_of(matrix, page->context, page->arena);
	(void)text_buf_add_c(page->out, "<nav>");
	if (page->context->comparison != NULL)
		(void)text_buf_add_c(page->out, "<a href=\"#changes\">Changes</a>");
	(void)text_buf_add_c(page->out, "<a href=\"#capabilities\">Capabilities</a>");
	if (has_tasks(matrix))
		(void)text_buf_add_c(page->out, "<a href=\"#quality\">Quality</a><a "
		                                "href=\"#front\">Cost against quality</a>");
	if (claims.count > 0)
		(void)text_buf_add_c(page->out, "<a href=\"#claims\">Claims</a>");
	(void)text_buf_add_c(page->out, "<a href=\"#cells\">Cells</a><a href=\"#latency\">"
	                                "Latency</a><a href=\"#cost\">Cost</a>");
	if (matrix->availability_count > 0)
		(void)text_buf_add_c(page->out, "<a href=\"#availability\">Availability</a>");
	(void)text_buf_add_c(page->out, "</nav></header>\n");
}

static void add_unique(struct text *list, size_t *count, struct text name)
{
	for (size_t i = 0; i < *count; i++)
		if (text_equal(list[i], name))
			return;
	list[(*count)++] = name;
}

/* A box of the matrix: leads to the cells it sums up. */
static void add_box(struct html_page *page, struct text target, struct text capability)
{
	for (size_t i = 0; i < page->summary_count; i++) {
		const struct matrix_summary *summary = &page->summaries[i];
		if (!text_equal(summary->target, target) ||
		    !text_equal(summary->capability, capability))
			continue;
		(void)text_buf_format(page->out, "<td class=%s><a href=\"#g%zu\">%s %zu/%zu</a>",
		                      summary->scored ? "skipped" : verdict_name(summary->verdict),
		                      i, report_summary_word(summary), summary->passed,
		                      summary->total);
		return;
	}
	(void)text_buf_add_c(page->out, "<td class=mute>not asked");
}

static void add_table(struct html_page *page)
{
	struct text *targets = ARENA_NEW_ARRAY(page->arena, struct text, page->summary_count + 1);
	struct text *names = ARENA_NEW_ARRAY(page->arena, struct text, page->summary_count + 1);
	size_t target_count = 0;
	size_t name_count = 0;

	for (size_t i = 0; i < page->summary_count; i++) {
		add_unique(targets, &target_count, page->summaries[i].target);
		add_unique(names, &name_count, page->summaries[i].capability);
	}
	(void)text_buf_add_c(
	    page->out, "<section id=capabilities><h2>Capabilities by target</h2><p class=mute>A "
		       "capability is as good as its worst gate case; the numbers "
		       "are cells passing of cells asked.</p><div class=scroll>"
		       "<table><thead><tr><th scope=col>capability");
	for (size_t t = 0; t < target_count; t++) {
		(void)text_buf_add_c(page->out, "<th scope=col>");
		html_add_text(page->out, targets[t]);
	}
	(void)text_buf_add_c(page->out, "</tr></thead><tbody>\n");
	for (size_t c = 0; c < name_count; c++) {
		(void)text_buf_add_c(page->out, "<tr><th scope=row>");
		html_add_text(page->out, names[c]);
		(void)text_buf_add_c(page->out, "</th>");
		for (size_t t = 0; t < target_count; t++)
			add_box(page, targets[t], names[c]);
		(void)text_buf_add_c(page->out, "</tr>\n");
	}
	(void)text_buf_add_c(page->out, "</tbody></table></div></section>\n");
}

void report_html(const struct matrix *matrix, const struct report_context *context,
                 struct text_buf *out)
{
	static const struct report_context nothing = {.folder = NULL};
	struct arena arena = {0};
	struct html_page page = {
	    .matrix = matrix,
	    .context = context == NULL ? &nothing : context,
	    .arena = &arena,
	    .out = out,
	};

	page.summaries = matrix_summarise(matrix, &arena, &page.summary_count);
	html_add_head(page.out, "Proviso: compatibility matrix");
	add_title(&page);
	html_add_changes(&page);
	add_table(&page);
	html_add_quality(&page);
	html_add_front(&page);
	html_add_claims(&page);
	html_add_cells(&page);
	html_add_measures(&page);
	html_add_spend(&page);
	(void)text_buf_add_c(out, "</body></html>\n");
	arena_done(&arena);
}
