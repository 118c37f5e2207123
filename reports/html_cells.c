/* The cells of the HTML report: a section a target and capability, the worst first. */
#include "reports/html.h"

#include "cases/suite.h"
#include "harness/base/csv.h"
#include "harness/base/loop.h"
#include "reports/report_repairs.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct entry {
	const struct matrix_cell *cell;
	size_t group; /* index of its summary */
	int group_rank;
	int rank;
};

void html_add_verdict(struct html_page *page, enum verdict verdict)
{
	(void)text_buf_format(page->out, "<span class=\"v %s\">%s</span>", verdict_name(verdict),
	                      report_verdict_word(verdict));
}

void html_add_ms(struct text_buf *out, int64_t us)
{
	if (us < 0)
		(void)text_buf_add_c(out, "unknown");
	else if (us < 100000)
		(void)text_buf_format(out, "%.1f ms", (double)us / 1000.0);
	else
		(void)text_buf_format(out, "%" PRId64 " ms", (us + 500) / 1000);
}

/* --- one cell --- */

static void add_fact(struct html_page *page, const char *name, struct text value)
{
	if (value.len == 0)
		return;
	(void)text_buf_format(page->out, "<dt>%s<dd>", name);
	html_add_text(page->out, value);
}

static void add_outcomes(struct html_page *page, const struct matrix_cell *cell)
{
	const char *comma = "";

	(void)text_buf_format(page->out, "<dt>trials<dd>%" PRId64, tally_trials(&cell->tally));
	for (int i = 0; i < OUTCOME_COUNT; i++) {
		if (cell->tally.of[i] == 0)
			continue;
		(void)text_buf_format(page->out, "%s%" PRId64 " %s", *comma == '\0' ? ": " : comma,
		                      cell->tally.of[i], outcome_name((enum outcome)i));
		comma = ", ";
	}
	if (cell->retries > 0)
		(void)text_buf_format(page->out, "; %" PRId64 " retries", cell->retries);
}

static void add_latency(struct html_page *page, const struct matrix_cell *cell)
{
	if (cell->latency_p50_us < 0)
		return;
	(void)text_buf_add_c(page->out, "<dt>latency p50, p90<dd>");
	html_add_ms(page->out, cell->latency_p50_us);
	(void)text_buf_add_c(page->out, ", ");
	html_add_ms(page->out, cell->latency_p90_us);
	if (cell->ttft_p50_us < 0)
		return;
	(void)text_buf_add_c(page->out, "; first token ");
	html_add_ms(page->out, cell->ttft_p50_us);
	(void)text_buf_add_c(page->out, ", ");
	html_add_ms(page->out, cell->ttft_p90_us);
}

/* Nothing where another case asked for it: its cell has the price. */
static void add_cost(struct html_page *page, const struct matrix_cell *cell)
{
	struct csv_writer writer;

	if (cell->cost_pico_usd == 0)
		return;
	(void)text_buf_add_c(page->out, "<dt>cost<dd>");
	if (cell->cost_pico_usd < 0) {
		(void)text_buf_add_c(page->out, "unknown");
		return;
	}
	csv_writer_init(&writer, page->out, false);
	csv_write_usd(&writer, cell->cost_pico_usd);
	(void)text_buf_add_c(page->out, " USD");
	if (cell->compared && cell->told_pico_usd != cell->computed_pico_usd) {
		(void)text_buf_add_c(page->out, ", as the provider tells; by its price ");
		csv_writer_init(&writer, page->out, false);
		csv_write_usd(&writer, cell->computed_pico_usd);
	}
}

static void add_judged(struct html_page *page, const struct matrix_judged *judged)
{
	if (judged->by.data == NULL)
		return;
	if (judged->answers > 0)
		add_fact(page, "a judge model's opinion",
		         text_format(page->arena, "%.2f by %.*s, which decides nothing",
		                     judged->score, TEXT_ARG(judged->by)));
	else
		add_fact(
		    page, "a judge model's opinion",
		    text_format(page->arena, "none: %.*s gave no verdict", TEXT_ARG(judged->by)));
}

static void add_facts(struct html_page *page, const struct matrix_cell *cell)
{
	(void)text_buf_add_c(page->out, "<dl>");
	html_add_change(page, cell);
	add_outcomes(page, cell);
	if (cell->tested_wall_ms > 0)
		add_fact(page, "asked", wall_format(page->arena, cell->tested_wall_ms, false));
	add_latency(page, cell);
	add_cost(page, cell);
	add_judged(page, &cell->judged);
	if (!text_equal(cell->reported_model, cell->model))
		add_fact(page, "reported model", cell->reported_model);
	add_fact(page, "served by", cell->served_by);
	add_fact(page, "parameter fates", cell->fates);
	if (!text_equal(cell->suite_hash, page->matrix->suite_hash))
		add_fact(page, "of another suite", cell->suite_hash);
	if (cell->evidence.len != 0) {
		(void)text_buf_add_c(page->out, "<dt>evidence<dd>");
		html_add_text(page->out, cell->evidence);
		if (page->matrix->runs.count != 1) {
			(void)text_buf_add_c(page->out, " of run ");
			html_add_text(page->out, cell->run_id);
		}
	}
	(void)text_buf_add_c(page->out, "</dl>");
}

static void add_rate(struct html_page *page, const struct matrix_cell *cell)
{
	struct arena arena = {0};
	struct text words = report_rate_words(cell, &arena);

	(void)text_buf_format(page->out, "<span class=mute>%s, %.*s</span>",
	                      report_severity_word(cell), TEXT_ARG(words));
	arena_done(&arena);
}

/* Only of a case that still asks what it asked then: a title must not lie about old evidence. */
static void add_title(struct html_page *page, const struct matrix_cell *cell)
{
	if (page->context->suite == NULL)
		return;
	const struct eval_case *eval_case = suite_find(page->context->suite, cell->case_id);
	if (eval_case == NULL || !text_is(cell->case_hash, eval_case->hash))
		return;
	html_add_text(page->out, eval_case->title);
	(void)text_buf_byte(page->out, ' ');
}

static void add_cell(struct html_page *page, const struct matrix_cell *cell)
{
	(void)text_buf_add_c(page->out, "<details><summary>");
	html_add_verdict(page, cell->verdict);
	(void)text_buf_add_c(page->out, " <b>");
	html_add_text(page->out, report_cell_label(cell, page->arena));
	(void)text_buf_add_c(page->out, "</b> ");
	add_title(page, cell);
	html_add_change_mark(page, cell);
	add_rate(page, cell);
	if (cell->first_error.len != 0 && cell->verdict != VERDICT_PASS) {
		(void)text_buf_add_c(page->out, "<p class=why>");
		html_add_text(page->out, cell->first_error);
		(void)text_buf_add_c(page->out, "</p>");
	}
	struct text repaired = report_repaired_words(cell, page->arena);
	if (repaired.data != NULL) {
		(void)text_buf_add_c(page->out, "<p class=mute>repaired: ");
		html_add_text(page->out, repaired);
		(void)text_buf_add_c(page->out, "</p>");
	}
	/* Only a comparison links to single cells. */
	if (page->context->comparison != NULL)
		(void)text_buf_format(page->out, "</summary><div id=c%zu>",
		                      (size_t)(cell - page->matrix->cells));
	else
		(void)text_buf_add_c(page->out, "</summary><div>");
	add_facts(page, cell);
	html_add_evidence(page, cell);
	(void)text_buf_add_c(page->out, "</div></details>\n");
}

/* --- the groups --- */

static void begin_group(struct html_page *page, size_t group)
{
	const struct matrix_summary *summary = &page->summaries[group];
	bool open =
	    summary->worst != NULL && report_cell_effect(summary->worst, NULL) == REPORT_FAILS;

	(void)text_buf_format(page->out, "<details%s><summary>", open ? " open" : "");
	if (summary->scored)
		(void)text_buf_add_c(page->out, "<span class=v>SCORED</span>");
	else
		html_add_verdict(page, summary->verdict);
	(void)text_buf_add_c(page->out, " <b>");
	html_add_text(page->out, summary->target);
	(void)text_buf_add_c(page->out, "</b> ");
	html_add_text(page->out, summary->capability);
	/* A browser opens what is folded around the place that a link goes to. */
	(void)text_buf_format(page->out,
	                      " <span class=mute>%zu of %zu cells pass</span></summary>"
	                      "<div id=g%zu>\n",
	                      summary->passed, summary->total, group);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *first = a;
	const struct entry *second = b;

	if (first->group_rank != second->group_rank)
		return first->group_rank - second->group_rank;
	if (first->group != second->group)
		return first->group < second->group ? -1 : 1;
	if (first->rank != second->rank)
		return first->rank - second->rank;
	return (first->cell > second->cell) - (first->cell < second->cell);
}

/* Cells come by target, as the summaries do; `from` is the first summary of the target. */
static size_t find_group(const struct html_page *page, const struct matrix_cell *cell, size_t from)
{
	while (!matrix_summary_has(&page->summaries[from], cell))
		from++;
	return from;
}

static struct entry *collect_entries(const struct html_page *page)
{
	enum { PASSES = 1000 };
	const struct matrix *matrix = page->matrix;
	struct entry *entries = ARENA_NEW_ARRAY(page->arena, struct entry, matrix->count + 1);
	size_t first = 0;

	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		while (!text_equal(page->summaries[first].target, cell->target))
			first++;
		size_t group = find_group(page, cell, first);
		const struct matrix_cell *worst = page->summaries[group].worst;
		entries[i] = (struct entry){
		    .cell = cell,
		    .group = group,
		    .group_rank = worst == NULL ? PASSES : report_cell_rank(worst),
		    .rank = report_cell_rank(cell),
		};
	}
	if (matrix->count > 1)
		qsort(entries, matrix->count, sizeof(*entries), compare_entries);
	return entries;
}

void html_add_cells(struct html_page *page)
{
	const struct entry *entries = collect_entries(page);

	(void)text_buf_add_c(page->out, "<section id=cells><h2>Cells, the worst first</h2>"
	                                "<p class=mute>In brackets the 95 % interval.</p>\n");
	for (size_t i = 0; i < page->matrix->count; i++) {
		bool begins = i == 0 || entries[i].group != entries[i - 1].group;
		if (begins && i != 0)
			(void)text_buf_add_c(page->out, "</div></details>\n");
		if (begins)
			begin_group(page, entries[i].group);
		add_cell(page, entries[i].cell);
	}
	(void)text_buf_add_c(page->out, page->matrix->count == 0
	                                    ? "<p>There are none.</p></section>\n"
	                                    : "</div></details></section>\n");
}
