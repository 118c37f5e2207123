/* The rooms of the HTML report: escaping, style, the cells and their evidence. Other pages share
 * its head, style and escape. */
#ifndef PROVISO_REPORTS_HTML_H
#define PROVISO_REPORTS_HTML_H

#include "reports/report.h"

enum {
	HTML_EXCERPT_BYTES = 20000,        /* of a request or response where something is wrong */
	HTML_PASSING_EXCERPT_BYTES = 2000, /* of one that passes */
	HTML_CHANGES_LISTED = 200,     /* of a kind that gates nothing; all that gates is listed */
	HTML_EVIDENCE_BYTES = 1 << 20, /* of all excerpts on a page; the worst come first */
};

/*
 * Anything between tags or in a double-quoted attribute. Control bytes, bidi controls and bad
 * UTF-8 become visible escapes, so the page holds none.
 */
void html_add_text(struct text_buf *out, struct text text);
/* The same for a pre element: line feeds and tabs stay. */
void html_add_block(struct text_buf *out, struct text text);

/* The style sheet, and the source of it that the page's policy allows: 'sha256-...'. */
void html_add_style(struct text_buf *out);
void html_add_style_hash(struct text_buf *out);
/* All up to <body>; title: ours, it is not escaped. */
void html_add_head(struct text_buf *out, const char *title);

struct html_page {
	const struct matrix *matrix;
	const struct report_context *context; /* never NULL */
	struct arena *arena;
	struct text_buf *out;
	const struct matrix_summary *summaries;
	size_t summary_count;
	size_t evidence_bytes; /* of HTML_EVIDENCE_BYTES, shown so far */
	/* Evidence ids, sorted; shown[i]: by which cell, 1 and up; 0: not yet. */
	struct text *ids;
	size_t *shown;
	size_t id_count;
};

/* "verdict fail": classes for the style; the word says it to everybody. */
void html_add_verdict(struct html_page *page, enum verdict verdict);
/* Whole milliseconds where it is many, else with a decimal; "unknown" below 0. */
void html_add_ms(struct text_buf *out, int64_t us);

/* html_changes.c: what changed since the baseline; nothing where there is none. */
void html_add_changes(struct html_page *page);
/* The same of one cell: a word beside its verdict where it matters, and a line of its facts. */
void html_add_change_mark(struct html_page *page, const struct matrix_cell *cell);
void html_add_change(struct html_page *page, const struct matrix_cell *cell);

/* report_quality.c: scores and costs by kind of work; nothing where no task was asked. */
void html_add_quality(struct html_page *page);

/* html_front.c: cost against quality, and what the checks cost from day to day; nothing where there
 * is nothing to tell. */
void html_add_front(struct html_page *page);
void html_add_spend(struct html_page *page);

/* report_claims.c: what the config claims of the targets; nothing where it claims nothing. */
void html_add_claims(struct html_page *page);

/* The section of all cells, grouped as the summaries are, the worst group first. */
void html_add_cells(struct html_page *page);
/* What stands behind a cell: the exchange, or where it is. */
void html_add_evidence(struct html_page *page, const struct matrix_cell *cell);
/* Tables of latency, of tokens and cost, and of availability, by target. */
void html_add_measures(struct html_page *page);

#endif
