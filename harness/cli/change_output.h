/* A comparison in any of the formats, for `diff` and `check --baseline` alike. */
#ifndef PROVISO_CLI_CHANGE_OUTPUT_H
#define PROVISO_CLI_CHANGE_OUTPUT_H

#include "harness/run/matrix/baseline.h"

enum change_format {
	CHANGE_TABLE,
	CHANGE_CSV,
	CHANGE_JSON,
	CHANGE_MARKDOWN,
};

/* NULL-terminated, in the enum's order. */
extern const char *const change_format_names[];

/* To the file, replaced whole, or to stdout (data NULL or "-"). */
MUST_CHECK bool change_output(const struct comparison *comparison, enum change_format format,
                              struct text path, struct fault *fault);

#endif
