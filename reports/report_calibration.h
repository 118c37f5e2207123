/* What --calibrate found: the share of false alarms, and the cells that raised them. */
#ifndef PROVISO_REPORTS_REPORT_CALIBRATION_H
#define PROVISO_REPORTS_REPORT_CALIBRATION_H

#include "harness/run/matrix/calibration.h"
#include "reports/report.h"

/* Shares with their intervals, then every cell that raised an alarm or changed its verdict. */
void report_calibration_terminal(const struct calibration *calibration,
                                 const struct comparison *comparison,
                                 const struct report_terminal_options *options,
                                 struct text_buf *out);
/* {"holds","cells","compared","alarms":{"regressed":{"cells","rate","rate_low","rate_high"},...},
 * "flapped":{...},"comparison":{...}}: the last as `diff --format json` writes it. */
void report_calibration_json(const struct calibration *calibration,
                             const struct comparison *comparison, struct text_buf *out);

#endif
