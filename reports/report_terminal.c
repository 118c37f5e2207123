/* The matrix for a person at a terminal: what holds, what does not, and why. */
#include "reports/report.h"

#include "harness/base/csv.h"
#include "reports/report_availability.h"
#include "reports/report_quality.h"
#include "reports/report_repairs.h"

enum {
	NARROWEST = 60,
	WIDEST_NAME = 36, /* a target's column; longer names are cut in the middle of nothing */
	COLUMN_GAP = 2,
	NARROWEST_COLUMN = 14,
};

const char *report_verdict_word(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return "PASS";
	case VERDICT_FAIL:
		return "FAIL";
	case VERDICT_FLAKY:
		return "FLAKY";
	case VERDICT_UNSUPPORTED:
		return "UNSUPPORTED";
	case VERDICT_IGNORED:
		return "IGNORED";
	case VERDICT_INCONCLUSIVE:
		return "INCONCLUSIVE";
	case VERDICT_ERROR:
		return "ERROR";
	case VERDICT_SKIPPED:
		return "SKIPPED";
	case VERDICT_STALE:
		return "STALE";
	case VERDICT_COUNT:
		break;
	}
	return "?";
}

const char *report_summary_word(const struct matrix_summary *summary)
{
	return summary->scored ? "SCORED" : report_verdict_word(summary->verdict);
}

bool report_cell_matters(const struct matrix_cell *cell)
{
	return matrix_cell_counts(cell);
}

static const char *verdict_colour(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return "\x1b[32m";
	case VERDICT_FAIL:
	case VERDICT_UNSUPPORTED:
	case VERDICT_IGNORED:
		return "\x1b[31m";
	case VERDICT_FLAKY:
	case VERDICT_INCONCLUSIVE:
	case VERDICT_ERROR:
		return "\x1b[33m";
	case VERDICT_SKIPPED:
	case VERDICT_STALE:
	case VERDICT_COUNT:
		break;
	}
	return "\x1b[2m";
}

struct page {
	const struct matrix *matrix;
	const struct report_terminal_options *options;
	const struct matrix_summary *summaries;
	size_t summary_count;
	struct text *targets;
	size_t target_count;
	struct text *capabilities;
	size_t capability_count;
	size_t label_width;
	struct arena *arena;
	struct text_buf *out;
};

static void add_padded(struct page *page, struct text text, size_t width)
{
	size_t columns = text_columns(text);

	(void)text_buf_add(page->out, text);
	for (; columns < width; columns++)
		(void)text_buf_byte(page->out, ' ');
}

static void add_unique(struct text *list, size_t *count, struct text name)
{
	for (size_t i = 0; i < *count; i++)
		if (text_equal(list[i], name))
			return;
	list[(*count)++] = name;
}

static void collect(struct page *page)
{
	page->targets = ARENA_NEW_ARRAY(page->arena, struct text, page->summary_count + 1);
	page->capabilities = ARENA_NEW_ARRAY(page->arena, struct text, page->summary_count + 1);
	for (size_t i = 0; i < page->summary_count; i++) {
		add_unique(page->targets, &page->target_count, page->summaries[i].target);
		add_unique(page->capabilities, &page->capability_count,
		           page->summaries[i].capability);
	}
	page->label_width = sizeof("capability") - 1;
	for (size_t i = 0; i < page->capability_count; i++) {
		size_t width = text_columns(page->capabilities[i]);
		page->label_width = width > page->label_width ? width : page->label_width;
	}
}

static const struct matrix_summary *find_summary(const struct page *page, struct text target,
                                                 struct text capability)
{
	for (size_t i = 0; i < page->summary_count; i++)
		if (text_equal(page->summaries[i].target, target) &&
		    text_equal(page->summaries[i].capability, capability))
			return &page->summaries[i];
	return NULL;
}

static struct text summary_words(const struct page *page, const struct matrix_summary *summary)
{
	return text_format(page->arena, "%s %zu/%zu", report_summary_word(summary), summary->passed,
	                   summary->total);
}

static void add_summary(struct page *page, const struct matrix_summary *summary, size_t width)
{
	if (summary == NULL) {
		add_padded(page, TEXT("-"), width);
		return;
	}
	struct text words = summary_words(page, summary);
	bool colour = page->options->colour && !summary->scored;
	if (colour)
		(void)text_buf_add_c(page->out, verdict_colour(summary->verdict));
	add_padded(page, words, width);
	if (colour)
		(void)text_buf_add_c(page->out, "\x1b[0m");
}

/* Spaces at a line's end help nobody. */
static void end_line(struct page *page)
{
	while (page->out->len > 0 && page->out->data[page->out->len - 1] == ' ')
		page->out->data[--page->out->len] = '\0';
	(void)text_buf_byte(page->out, '\n');
}

/* One block of targets [from, to). */
static void add_block(struct page *page, size_t from, size_t to, size_t width)
{
	add_padded(page, TEXT("capability"), page->label_width + COLUMN_GAP);
	for (size_t t = from; t < to; t++)
		add_padded(page, text_visible(page->arena, page->targets[t], width - COLUMN_GAP),
		           width);
	end_line(page);
	for (size_t c = 0; c < page->capability_count; c++) {
		add_padded(page, page->capabilities[c], page->label_width + COLUMN_GAP);
		for (size_t t = from; t < to; t++)
			add_summary(page,
			            find_summary(page, page->targets[t], page->capabilities[c]),
			            width);
		end_line(page);
	}
	(void)text_buf_byte(page->out, '\n');
}

static void add_table(struct page *page)
{
	size_t width = NARROWEST_COLUMN;
	size_t page_width = page->options->width < NARROWEST ? NARROWEST : page->options->width;

	for (size_t t = 0; t < page->target_count; t++) {
		size_t name = text_columns(page->targets[t]) + COLUMN_GAP;
		width = name > width ? name : width;
	}
	for (size_t i = 0; i < page->summary_count; i++) {
		size_t words = summary_words(page, &page->summaries[i]).len + COLUMN_GAP;
		width = words > width ? words : width;
	}
	width = size_min(width, WIDEST_NAME);
	size_t room = page_width - size_min(page_width, page->label_width + COLUMN_GAP);
	size_t at_once = room / width == 0 ? 1 : room / width;
	for (size_t from = 0; from < page->target_count; from += at_once)
		add_block(page, from, size_min(from + at_once, page->target_count), width);
}

static void add_worst(struct page *page)
{
	size_t shown = 0;
	size_t hidden = 0;

	for (size_t i = 0; i < page->matrix->count; i++) {
		const struct matrix_cell *cell = &page->matrix->cells[i];
		if (cell->verdict == VERDICT_PASS)
			continue;
		if (shown == page->options->worst) {
			hidden++;
			continue;
		}
		if (shown++ == 0)
			(void)text_buf_add_c(page->out, "What does not pass:\n");
		struct text rate = report_rate_words(cell, page->arena);
		(void)text_buf_format(page->out, "  %s%s%s %.*s  %.*s%s  %s  %.*s\n",
		                      page->options->colour ? verdict_colour(cell->verdict) : "",
		                      report_verdict_word(cell->verdict),
		                      page->options->colour ? "\x1b[0m" : "",
		                      TEXT_ARG(cell->target), TEXT_ARG(cell->case_id),
		                      cell->variant == CASE_STREAM ? "~stream" : "",
		                      report_severity_word(cell), TEXT_ARG(rate));
		if (cell->first_error.len != 0) {
			(void)text_buf_add_c(page->out, "       ");
			report_add_log_text(page->out, cell->first_error);
			(void)text_buf_byte(page->out, '\n');
		}
		struct text repaired = report_repaired_words(cell, page->arena);
		if (repaired.data != NULL)
			(void)text_buf_format(page->out, "       repaired: %.*s\n",
			                      TEXT_ARG(repaired));
		if (cell->evidence.len != 0)
			(void)text_buf_format(page->out, "       evidence %.*s of run %.*s\n",
			                      TEXT_ARG(cell->evidence), TEXT_ARG(cell->run_id));
	}
	if (hidden != 0)
		(void)text_buf_format(page->out, "  and %zu more\n", hidden);
	if (shown != 0)
		(void)text_buf_byte(page->out, '\n');
}

static void add_repairs(struct page *page)
{
	struct report_repairs repairs = report_repairs_of(page->matrix, page->arena);
	repair_bits told = 0;

	if (repairs.count == 0)
		return;
	(void)text_buf_add_c(page->out, "What repairs would do (`repairs` of a route):\n");
	for (size_t i = 0; i < repairs.count; i++) {
		struct text words = report_repair_words(&repairs.items[i], page->arena);
		(void)text_buf_add_c(page->out, "  ");
		report_add_log_text(page->out, repairs.items[i].target);
		(void)text_buf_format(page->out, "  %.*s\n", TEXT_ARG(words));
		told |= repairs.items[i].repairs;
	}
	for (int r = 0; r < REPAIR_COUNT; r++)
		if ((told & REPAIR_BIT(r)) != 0)
			(void)text_buf_format(page->out, "  %s %s\n", repair_name((enum repair)r),
			                      repair_does((enum repair)r));
	(void)text_buf_byte(page->out, '\n');
}

static void add_totals(struct page *page)
{
	int64_t cost = 0;
	size_t unknown = 0, passed = 0;
	struct csv_writer writer;

	for (size_t i = 0; i < page->matrix->count; i++) {
		const struct matrix_cell *cell = &page->matrix->cells[i];
		passed += cell->verdict == VERDICT_PASS ? 1 : 0;
		if (cell->cost_pico_usd >= 0)
			cost += cell->cost_pico_usd;
		else
			unknown++;
	}
	(void)text_buf_format(page->out, "%zu of %zu cells pass; ", passed, page->matrix->count);
	/* Cells judged on another's answer cost 0: their sum alone says nothing. */
	if (unknown > 0 && cost == 0) {
		(void)text_buf_add_c(page->out, "cost unknown");
	} else {
		(void)text_buf_add_c(page->out, "known cost ");
		csv_writer_init(&writer, page->out, false);
		csv_write_usd(&writer, cost);
		(void)text_buf_add_c(page->out, " USD");
		if (unknown > 0)
			(void)text_buf_format(page->out, ", unknown of %zu cell%s", unknown,
			                      unknown == 1 ? "" : "s");
	}
	(void)text_buf_format(page->out, "; suite %.*s\n", TEXT_ARG(page->matrix->suite_hash));
}

void report_terminal(const struct matrix *matrix, const struct report_terminal_options *options,
                     struct text_buf *out)
{
	struct arena arena = {0};
	struct page page = {.matrix = matrix, .options = options, .arena = &arena, .out = out};

	page.summaries = matrix_summarise(matrix, &arena, &page.summary_count);
	collect(&page);
	add_table(&page);
	report_quality_terminal(matrix, out);
	add_worst(&page);
	add_repairs(&page);
	report_availability_terminal(matrix, out);
	add_totals(&page);
	arena_done(&arena);
}
