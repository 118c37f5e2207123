/* How good targets are by kind of work, and what a passed task costs: for every format. */
#ifndef PROVISO_REPORTS_REPORT_QUALITY_H
#define PROVISO_REPORTS_REPORT_QUALITY_H

#include "harness/run/matrix/quality.h"
#include "reports/report.h"

struct json_writer;

/* "0.83 (0.55 to 0.95)"; arena. */
MUST_CHECK struct text report_quality_score(const struct quality *quality, struct arena *arena);
/* "0.00025 (0.00021 to 0.00035) USD", "unknown" or "none passed"; arena. */
MUST_CHECK struct text report_quality_cost(const struct quality *quality, struct arena *arena);

/* Each writes nothing where the matrix has no task with a score. */
void report_quality_terminal(const struct matrix *matrix, struct text_buf *out);
void report_quality_markdown(const struct matrix *matrix, struct text_buf *out);
/* Its rows alone, under a header that stands in any case. */
void report_quality_csv(const struct matrix *matrix, struct text_buf *out);
/* The member "quality": a list of objects. */
void report_quality_write(const struct matrix *matrix, struct json_writer *writer);

#endif
