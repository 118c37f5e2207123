/*
 * What changed since the baseline, before all else on the page: it is what a reviewer came for.
 * What gates is never cut; a waiver is shown with its owner and last day wherever it names a cell.
 */
#include "reports/html.h"

#include "reports/report_changes.h"

/* The class is the word: the style colours what is worse or better. */
static void add_word(struct html_page *page, const struct cell_change *change)
{
	const char *name = change_name(change->change);

	(void)text_buf_format(page->out, "<span class=\"v %s\">%s</span>", name, name);
}

/* "pass 10/10 -> fail 0/3" in words that a screen reader says as well. */
static void add_sides(struct html_page *page, const struct cell_change *change)
{
	html_add_text(page->out, report_change_side(change->base, page->arena));
	(void)text_buf_add_c(page->out, " &rarr; ");
	html_add_text(page->out, report_change_side(change->head, page->arena));
}

static void add_remark(struct html_page *page, const struct cell_change *change, const char *before)
{
	struct text remark = report_change_remark(change, page->arena);

	if (remark.len > 0) {
		(void)text_buf_add_c(page->out, before);
		html_add_text(page->out, remark);
	}
}

/* A cell that is on this page is linked. */
static void add_case(struct html_page *page, const struct cell_change *change)
{
	struct text label = report_change_label(change, page->arena);

	if (change->head == NULL) {
		html_add_text(page->out, label);
		return;
	}
	(void)text_buf_format(page->out, "<a href=\"#c%zu\">",
	                      (size_t)(change->head - page->matrix->cells));
	html_add_text(page->out, label);
	(void)text_buf_add_c(page->out, "</a>");
}

static void add_row(struct html_page *page, const struct cell_change *change)
{
	const struct matrix_cell *cell = change_cell(change);

	(void)text_buf_add_c(page->out, "<tr><td>");
	add_word(page, change);
	(void)text_buf_add_c(page->out,
	                     change->gates ? " <b>gates</b><td class=name>" : "<td class=name>");
	html_add_text(page->out, cell->target);
	(void)text_buf_add_c(page->out, "<td>");
	add_case(page, change);
	(void)text_buf_format(page->out, "<td>%s<td class=name>",
	                      case_severity_names[cell->severity]);
	add_sides(page, change);
	(void)text_buf_add_c(page->out, "<td class=wide>");
	add_remark(page, change, "");
	if (change->change <= CHANGE_WATCH && cell->first_error.len > 0) {
		(void)text_buf_add_c(page->out, "<p class=why>");
		html_add_text(page->out, cell->first_error);
		(void)text_buf_add_c(page->out, "</p>");
	}
	(void)text_buf_add_c(page->out, "</tr>\n");
}

static bool is_waived(const struct cell_change *change)
{
	return change->waiver != NULL || change->expired != NULL;
}

/* What is the same, or noise, is counted only, unless a waiver is about it. */
static bool is_listed(const struct cell_change *change)
{
	return change->change < CHANGE_NOISE || is_waived(change);
}

static void add_rows(struct html_page *page, enum change kind)
{
	const struct comparison *comparison = page->context->comparison;
	size_t listed = 0;
	size_t left_out = 0;

	for (size_t i = 0; i < comparison->count; i++) {
		const struct cell_change *change = &comparison->changes[i];
		if (change->change != kind || !is_listed(change))
			continue;
		if (listed >= HTML_CHANGES_LISTED && !change->gates && !is_waived(change)) {
			left_out++;
			continue;
		}
		listed++;
		add_row(page, change);
	}
	if (left_out > 0)
		(void)text_buf_format(page->out, "<tr><td>%s<td colspan=5>and %zu more</tr>\n",
		                      change_name(kind), left_out);
}

static bool any_listed(const struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->count; i++)
		if (is_listed(&comparison->changes[i]))
			return true;
	return false;
}

void html_add_changes(struct html_page *page)
{
	const struct comparison *comparison = page->context->comparison;

	if (comparison == NULL)
		return;
	(void)text_buf_add_c(page->out,
	                     "<section id=changes><h2>What changed since the baseline</h2><p>");
	html_add_text(page->out, report_changes_counts(comparison, page->arena));
	if (comparison->gating > 0)
		(void)text_buf_format(page->out,
		                      ". <b>%zu regression%s in gate or required "
		                      "cells.</b>",
		                      comparison->gating, comparison->gating == 1 ? "" : "s");
	else
		(void)text_buf_add_c(page->out, ". Nothing that gates regressed.");
	if (comparison->waived > 0)
		(void)text_buf_format(page->out, " %zu waived.", comparison->waived);
	(void)text_buf_add_c(page->out, "</p>\n");
	if (any_listed(comparison)) {
		(void)text_buf_add_c(page->out,
		                     "<div class=scroll><table><thead><tr><th scope=col>change<th "
		                     "scope=col>target<th scope=col>case<th scope=col>severity<th "
		                     "scope=col>before &rarr; now<th scope=col>remark</tr></thead>"
		                     "<tbody>\n");
		for (int kind = 0; kind < CHANGE_COUNT; kind++)
			add_rows(page, (enum change)kind);
		(void)text_buf_add_c(page->out, "</tbody></table></div>");
	}
	(void)text_buf_add_c(page->out, "</section>\n");
}

void html_add_change_mark(struct html_page *page, const struct matrix_cell *cell)
{
	const struct cell_change *change = report_cell_change(cell, page->context);

	if (change == NULL || change->change >= CHANGE_NOISE)
		return;
	add_word(page, change);
	(void)text_buf_byte(page->out, ' ');
}

void html_add_change(struct html_page *page, const struct matrix_cell *cell)
{
	const struct cell_change *change = report_cell_change(cell, page->context);

	if (change == NULL)
		return;
	(void)text_buf_format(page->out,
	                      "<dt>since the baseline<dd>%s: ", change_name(change->change));
	add_sides(page, change);
	add_remark(page, change, "; ");
}
