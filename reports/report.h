/*
 * Reports: a matrix in, bytes out. No network, no verdicts made here, the same
 * numbers in every format.
 */
#ifndef PROVISO_REPORTS_REPORT_H
#define PROVISO_REPORTS_REPORT_H

#include "harness/run/matrix.h"

enum { REPORT_MAX_BYTES = 512 << 20 };

/*
 * The contract's columns, one row a cell, sorted as the matrix is; RFC 4180 with
 * text cells defused for spreadsheets. New columns only ever come at the end.
 */
void report_csv(const struct matrix *matrix, struct text_buf *out);
/* {"suite":..., "capabilities":[...], "cells":[...]}: the matrix with its summary. */
void report_json(const struct matrix *matrix, struct text_buf *out);
/* A table of capabilities by target and a list of what does not pass, for a pull request. */
void report_markdown(const struct matrix *matrix, struct text_buf *out);

struct report_terminal_options {
	bool colour;
	size_t width; /* columns; at least 60 are used */
	size_t worst; /* how many cells that do not pass are listed with their reason; the rest is
	                 counted */
};
/*
 * Capabilities down, targets across (in blocks where the width does not hold
 * them), then what does not pass and why. Meaning is never in colour alone.
 */
void report_terminal(const struct matrix *matrix, const struct report_terminal_options *options,
                     struct text_buf *out);

/* "PASS", "FAIL" ...: one word a verdict, the same everywhere. */
const char *report_verdict_word(enum verdict verdict);
/* Whether a cell that does not pass counts against the target (gate or required). */
MUST_CHECK bool report_cell_matters(const struct matrix_cell *cell);

#endif
