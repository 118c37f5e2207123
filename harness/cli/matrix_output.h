/* A matrix in any of the formats, for `check`, `matrix` and `report` alike. */
#ifndef PROVISO_CLI_MATRIX_OUTPUT_H
#define PROVISO_CLI_MATRIX_OUTPUT_H

#include "harness/run/matrix/matrix.h"

struct report_context;

enum matrix_format {
	MATRIX_TABLE,
	MATRIX_CSV,
	MATRIX_JSON,
	MATRIX_MARKDOWN,
	MATRIX_HTML,
	MATRIX_JUNIT,
	MATRIX_GITHUB,
	MATRIX_CODEQUALITY,
	MATRIX_QUALITY, /* scores by target and kind of work, as CSV */
};

/* NULL-terminated, in the enum's order. */
extern const char *const matrix_format_names[];

/*
 * To the file, replaced whole, or to stdout (data NULL or "-"); colour only there, and only on a
 * terminal. The context may be NULL; a format takes from it what it can show.
 */
MUST_CHECK bool matrix_output(const struct matrix *matrix, enum matrix_format format,
                              const struct report_context *context, struct text path,
                              struct fault *fault);

#endif
