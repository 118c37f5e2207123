/* A comparison for people: a terminal, a pull request. What gates is never cut from a list. */
#include "reports/report_changes.h"

#include "reports/markdown.h"

enum {
	WORD_COLUMNS = 11,
	NARROWEST = 60,
	WIDEST_NAME = 40,
};

static const char *change_colour(enum change change)
{
	switch (change) {
	case CHANGE_REGRESSED:
		return "\x1b[31m";
	case CHANGE_LIKELY:
	case CHANGE_WATCH:
		return "\x1b[33m";
	case CHANGE_FIXED:
		return "\x1b[32m";
	case CHANGE_CHANGED:
	case CHANGE_GONE:
	case CHANGE_NEW:
	case CHANGE_NOISE:
	case CHANGE_SAME:
	case CHANGE_COUNT:
		break;
	}
	return "\x1b[2m";
}

static bool is_worse(const struct cell_change *change)
{
	return change->change <= CHANGE_WATCH;
}

struct page {
	const struct comparison *comparison;
	const struct report_terminal_options *options;
	struct arena *arena;
	struct text_buf *out;
	size_t target_columns, label_columns;
};

static void add_padded(struct page *page, struct text text, size_t columns)
{
	struct text shown = text_visible(page->arena, text, columns);
	size_t used = text_columns(shown);

	(void)text_buf_add(page->out, shown);
	for (; used < columns + 2; used++)
		(void)text_buf_byte(page->out, ' ');
}

static void add_line(struct page *page, const struct cell_change *change)
{
	const struct matrix_cell *cell = change_cell(change);
	bool colour = page->options->colour;
	struct text remark = report_change_remark(change, page->arena);
	struct text base = report_change_side(change->base, page->arena);
	struct text head = report_change_side(change->head, page->arena);
	size_t width = page->options->width < NARROWEST ? NARROWEST : page->options->width;

	(void)text_buf_format(page->out, "%s%-*s%s", colour ? change_colour(change->change) : "",
	                      WORD_COLUMNS, change_name(change->change), colour ? "\x1b[0m" : "");
	add_padded(page, cell->target, page->target_columns);
	add_padded(page, report_change_label(change, page->arena), page->label_columns);
	(void)text_buf_format(page->out, "%-8s  %.*s -> %.*s", case_severity_names[cell->severity],
	                      TEXT_ARG(base), TEXT_ARG(head));
	if (remark.len > 0) {
		(void)text_buf_add_c(page->out, "  ");
		text_buf_add_visible(page->out, remark);
	}
	(void)text_buf_byte(page->out, '\n');
	if (!is_worse(change) || cell->first_error.len == 0)
		return;
	(void)text_buf_format(page->out, "%*s", WORD_COLUMNS, "");
	(void)text_buf_add(page->out,
	                   text_visible(page->arena, cell->first_error, width - WORD_COLUMNS));
	(void)text_buf_byte(page->out, '\n');
}

static void measure(struct page *page)
{
	for (size_t i = 0; i < page->comparison->count; i++) {
		const struct cell_change *change = &page->comparison->changes[i];
		if (change->change >= CHANGE_NOISE)
			continue;
		struct text label = report_change_label(change, page->arena);
		size_t target = text_columns(change_cell(change)->target);
		page->target_columns = size_min(
		    WIDEST_NAME, target > page->target_columns ? target : page->target_columns);
		page->label_columns = size_min(
		    WIDEST_NAME, label.len > page->label_columns ? label.len : page->label_columns);
	}
}

static void add_kind(struct page *page, enum change kind)
{
	size_t listed = 0;
	size_t left_out = 0;

	for (size_t i = 0; i < page->comparison->count; i++) {
		const struct cell_change *change = &page->comparison->changes[i];
		if (change->change != kind)
			continue;
		if (listed >= REPORT_CHANGES_LISTED && !change->gates) {
			left_out++;
			continue;
		}
		listed++;
		add_line(page, change);
	}
	if (left_out > 0)
		(void)text_buf_format(page->out, "%-*sand %zu more\n", WORD_COLUMNS,
		                      change_name(kind), left_out);
}

void report_changes_terminal(const struct comparison *comparison,
                             const struct report_terminal_options *options, struct text_buf *out)
{
	struct arena arena = {0};
	struct page page = {
	    .comparison = comparison, .options = options, .arena = &arena, .out = out};

	measure(&page);
	for (int kind = 0; kind < CHANGE_NOISE; kind++)
		add_kind(&page, (enum change)kind);
	(void)text_buf_format(out, "%.*s\n", TEXT_ARG(report_changes_counts(comparison, &arena)));
	if (comparison->gating > 0)
		(void)text_buf_format(out, "%zu regression%s in gate or required cells\n",
		                      comparison->gating, comparison->gating == 1 ? "" : "s");
	arena_done(&arena);
}

/* --- Markdown --- */

static void add_row(const struct cell_change *change, struct arena *arena, struct text_buf *out)
{
	const struct matrix_cell *cell = change_cell(change);
	bool gates = change->gates;

	(void)text_buf_format(out, "| %s%s%s | ", gates ? "**" : "", change_name(change->change),
	                      gates ? "**" : "");
	markdown_add(out, cell->target);
	(void)text_buf_add_c(out, " | ");
	markdown_add(out, report_change_label(change, arena));
	(void)text_buf_format(out, " | %s | %.*s | %.*s | ", case_severity_names[cell->severity],
	                      TEXT_ARG(report_change_side(change->base, arena)),
	                      TEXT_ARG(report_change_side(change->head, arena)));
	markdown_add(out, report_change_remark(change, arena));
	(void)text_buf_add_c(out, " | ");
	if (is_worse(change))
		markdown_add(out, cell->first_error);
	(void)text_buf_add_c(out, " |\n");
}

void report_changes_markdown(const struct comparison *comparison, struct text_buf *out)
{
	struct arena arena = {0};
	size_t listed[CHANGE_COUNT] = {0};
	bool any = false;

	(void)text_buf_format(out, "### Against the baseline: %.*s\n",
	                      TEXT_ARG(report_changes_counts(comparison, &arena)));
	for (int kind = 0; kind < CHANGE_NOISE; kind++)
		for (size_t i = 0; i < comparison->count; i++) {
			const struct cell_change *change = &comparison->changes[i];
			if ((int)change->change != kind ||
			    (listed[kind]++ >= REPORT_CHANGES_LISTED && !change->gates))
				continue;
			if (!any)
				(void)text_buf_add_c(out, "\n| change | target | case | severity | "
				                          "before | now | remark | why |\n"
				                          "|---|---|---|---|---|---|---|---|\n");
			any = true;
			add_row(change, &arena, out);
		}
	arena_done(&arena);
}
