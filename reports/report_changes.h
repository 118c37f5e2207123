/*
 * A comparison in, bytes out: what regressed first, what is the same counted only. JSON and CSV
 * hold every cell; a terminal and a pull request are spared long lists.
 */
#ifndef PROVISO_REPORTS_REPORT_CHANGES_H
#define PROVISO_REPORTS_REPORT_CHANGES_H

#include "harness/run/matrix/baseline.h"
#include "reports/report.h"

enum { REPORT_CHANGES_LISTED = 20 }; /* of a kind that gates nothing, for people */

void report_changes_terminal(const struct comparison *comparison,
                             const struct report_terminal_options *options, struct text_buf *out);
void report_changes_markdown(const struct comparison *comparison, struct text_buf *out);
/* {"holds":true,"counts":{...},"changes":[{"target","case","variant","change","gates",...}]} */
void report_changes_json(const struct comparison *comparison, struct text_buf *out);
/* The same as a value within another document. */
struct json_writer;
void report_changes_write(const struct comparison *comparison, struct json_writer *writer);
/* One row a cell. */
void report_changes_csv(const struct comparison *comparison, struct text_buf *out);

/* report_changes_export.c: "1 regressed, 2 watch, 40 same"; arena. */
MUST_CHECK struct text report_changes_counts(const struct comparison *comparison,
                                             struct arena *arena);
/* "waived by OWNER until DAY: why", "the waiver of OWNER ended DAY", "advisory: gates nothing", or
 * empty; as it stands, for the format to escape. Arena. */
MUST_CHECK struct text report_change_note(const struct cell_change *change, struct arena *arena);
/* "p 0.0476; " where the change was put to a test, then the note; escaped by none. Arena. */
MUST_CHECK struct text report_change_remark(const struct cell_change *change, struct arena *arena);
/* "pass 10/10", or "-" where there is no such cell; arena. */
MUST_CHECK struct text report_change_side(const struct matrix_cell *cell, struct arena *arena);
/* "TC-10" or "TC-10~stream"; arena. */
MUST_CHECK struct text report_change_label(const struct cell_change *change, struct arena *arena);

#endif
