/* One cell with all that stands behind it, for `explain --target T --case ID`. */
#ifndef PROVISO_REPORTS_REPORT_CELL_H
#define PROVISO_REPORTS_REPORT_CELL_H

#include "harness/run/runner/journal.h"
#include "reports/report.h"

enum {
	REPORT_CELL_MAX_ATTEMPTS = 1000,    /* shown; the rest is counted */
	REPORT_CELL_EXCERPT_BYTES = 100000, /* of a body, in the text; the JSON has all of it */
};

/* All borrowed. */
struct report_cell {
	const struct matrix_cell *cell;
	struct text title;       /* of the case; data NULL: not in the suite, or changed since */
	const char *run;         /* the folder; NULL: not here */
	struct text explanation; /* why there is no exchange; data NULL where there is one */
	const struct exchange *exchange; /* that decided; NULL: none */
	const struct provider_set
	    *providers; /* of the config, for the key's name; NULL: not known */
	const struct journal_attempt *attempts;
	size_t attempt_count, attempts_left_out;
};

/*
 * For a terminal: verdict and why, every attempt, the curl command that asks again, the response.
 * Nothing that a provider sent is anything but visible text there.
 */
void report_cell_text(const struct report_cell *shown, struct text_buf *out);
/* One object: "matrix" (of this one cell), "attempts", "curl", "exchange"; bodies whole, in hex
 * where they are no UTF-8. */
void report_cell_json(const struct report_cell *shown, struct text_buf *out);

#endif
