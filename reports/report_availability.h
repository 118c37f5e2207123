/* How much of what was asked was answered, by target: in words, a table and a line of the page. */
#ifndef PROVISO_REPORTS_REPORT_AVAILABILITY_H
#define PROVISO_REPORTS_REPORT_AVAILABILITY_H

#include "harness/run/matrix/matrix.h"

/* "98.8 %", rounded down: only where all was answered it says 100. Arena. */
MUST_CHECK struct text report_availability_share(const struct availability *availability,
                                                 struct arena *arena);
/* "429: 3, timeout: 1", or empty. Arena. */
MUST_CHECK struct text report_availability_infra(const struct availability *availability,
                                                 struct arena *arena);
/* " (run ID)" where the matrix holds several runs and so must say of which it speaks; else empty.
 * Arena. */
MUST_CHECK struct text report_availability_run(const struct matrix *matrix,
                                               const struct availability *availability,
                                               struct arena *arena);

/* What was not answered in full, a line each, then the rest in one; nothing where nothing is
 * known. */
void report_availability_terminal(const struct matrix *matrix, struct text_buf *out);
void report_availability_markdown(const struct matrix *matrix, struct text_buf *out);

#endif
