/* A matrix in any of the formats, for `check`, `matrix` and `report` alike. */
#ifndef PROVISO_CLI_MATRIX_OUTPUT_H
#define PROVISO_CLI_MATRIX_OUTPUT_H

#include "harness/run/matrix.h"

struct report_evidence;

enum matrix_format {
	MATRIX_TABLE,
	MATRIX_CSV,
	MATRIX_JSON,
	MATRIX_MARKDOWN,
	MATRIX_HTML,
	MATRIX_JUNIT,
	MATRIX_GITHUB,
};

/* NULL-terminated, in the enum's order. */
extern const char *const matrix_format_names[];

/* To the file, replaced whole, or to stdout (data NULL or "-"); colour only there, and only on a
 * terminal. */
MUST_CHECK bool matrix_output(const struct matrix *matrix, enum matrix_format format,
                              struct text path, struct fault *fault);
/* The same, with the bytes behind the matrix for a format that shows them; may be NULL. */
MUST_CHECK bool matrix_output_evidence(const struct matrix *matrix, enum matrix_format format,
                                       const struct report_evidence *evidence, struct text path,
                                       struct fault *fault);
/*
 * In a job of GitHub Actions: annotations to stderr, so that results stay clean, and the step
 * summary. Nothing elsewhere.
 */
MUST_CHECK bool matrix_output_github(const struct matrix *matrix, struct fault *fault);

#endif
