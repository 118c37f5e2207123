/* The half of `explain` that shows the evidence of one cell. */
#ifndef PROVISO_CLI_EXPLAIN_CELL_H
#define PROVISO_CLI_EXPLAIN_CELL_H

#include "harness/base/text.h"

struct explain_cell {
	struct text target, case_id; /* "TC-10" or "TC-10~stream" */
	struct text matrix, run;     /* data NULL: the usual matrix; the folder of the cell's run */
	bool json;
};

/* An exit code: 0 shown, 2 there is no such cell, or its evidence can't be read. */
MUST_CHECK int explain_cell(const struct explain_cell *asked, struct arena *arena);

#endif
