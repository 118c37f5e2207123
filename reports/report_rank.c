/* What all reports agree on: what is worst, what a cell is called, and what it does to a CI job. */
#include "reports/report.h"

#include "cases/suite.h"

#include "harness/run/matrix/baseline.h"

#include <stdlib.h>

/* From the worst. What is not known is better than what fails and worse than what passes. */
static int verdict_rank(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_FAIL:
		return 0;
	case VERDICT_IGNORED:
		return 1;
	case VERDICT_UNSUPPORTED:
		return 2;
	case VERDICT_FLAKY:
		return 3;
	case VERDICT_ERROR:
		return 4;
	case VERDICT_INCONCLUSIVE:
		return 5;
	case VERDICT_STALE:
		return 6;
	case VERDICT_SKIPPED:
		return 7;
	case VERDICT_PASS:
	case VERDICT_COUNT:
		break;
	}
	return 8;
}

const char *report_severity_word(const struct matrix_cell *cell)
{
	bool excused = cell->severity != CASE_ADVISORY && !matrix_cell_counts(cell);

	return excused ? "optional" : case_severity_names[cell->severity];
}

int report_cell_rank(const struct matrix_cell *cell)
{
	enum { RANKS = 16, PASSES = RANKS * 8 };

	if (cell->verdict == VERDICT_PASS)
		return PASSES + (int)cell->severity;
	/* What need not be there stands behind what must. */
	int severity = matrix_cell_counts(cell) ? (int)cell->severity : CASE_ADVISORY;
	return severity * RANKS + verdict_rank(cell->verdict);
}

/* Addresses within one array: the matrix's own order where nothing else tells. */
static int compare_rank(const void *a, const void *b)
{
	const struct matrix_cell *const *first = a;
	const struct matrix_cell *const *second = b;
	int order = report_cell_rank(*first) - report_cell_rank(*second);

	if (order == 0)
		order = (*first > *second) - (*first < *second);
	return order;
}

const struct matrix_cell **report_worst_first(const struct matrix *matrix, struct arena *arena)
{
	const struct matrix_cell **cells =
	    ARENA_NEW_ARRAY(arena, const struct matrix_cell *, matrix->count + 1);

	for (size_t i = 0; i < matrix->count; i++)
		cells[i] = &matrix->cells[i];
	if (matrix->count > 1)
		qsort(cells, matrix->count, sizeof(*cells), compare_rank);
	return cells;
}

struct text report_cell_label(const struct matrix_cell *cell, struct arena *arena)
{
	return text_format(arena, "%.*s%s", TEXT_ARG(cell->case_id),
	                   cell->variant == CASE_STREAM ? "~stream" : "");
}

const struct cell_change *report_cell_change(const struct matrix_cell *cell,
                                             const struct report_context *context)
{
	if (context == NULL || context->comparison == NULL)
		return NULL;
	return comparison_find(context->comparison, cell);
}

/* By the cell's own verdict. */
static enum report_effect own_effect(const struct matrix_cell *cell)
{
	switch (cell->verdict) {
	case VERDICT_PASS:
		return REPORT_PASSES;
	case VERDICT_FAIL:
	case VERDICT_FLAKY:
	case VERDICT_UNSUPPORTED:
	case VERDICT_IGNORED:
		return report_cell_matters(cell) ? REPORT_FAILS : REPORT_NO_MATTER;
	case VERDICT_INCONCLUSIVE:
	case VERDICT_ERROR:
		return report_cell_matters(cell) ? REPORT_NO_VERDICT : REPORT_NO_MATTER;
	case VERDICT_SKIPPED:
	case VERDICT_STALE:
	case VERDICT_COUNT:
		break;
	}
	return REPORT_NO_MATTER;
}

enum report_effect report_cell_effect(const struct matrix_cell *cell,
                                      const struct report_context *context)
{
	const struct cell_change *change = report_cell_change(cell, context);
	enum report_effect effect = own_effect(cell);

	if (change == NULL)
		return effect;
	if (change->gates)
		return REPORT_FAILS;
	return effect == REPORT_PASSES || change_counts_by_verdict(change) ? effect
	                                                                   : REPORT_NO_MATTER;
}

bool report_cell_place(const struct matrix_cell *cell, const struct report_context *context,
                       struct text *file, unsigned *line)
{
	const struct eval_case *eval_case = context == NULL || context->suite == NULL
	                                        ? NULL
	                                        : suite_find(context->suite, cell->case_id);
	unsigned column;

	if (eval_case == NULL || !eval_case->own || !text_is(cell->case_hash, eval_case->hash) ||
	    eval_case->node == NULL || json_place(eval_case->node).source == NULL)
		return false;
	*file = json_place(eval_case->node).source->name;
	place_line_column(json_place(eval_case->node), line, &column);
	return true;
}
