/*
 * The gate's answer in bytes: what is refused first, each with the cells that are in the way. The
 * same figures in every format.
 */
#ifndef PROVISO_REPORTS_REPORT_GATE_H
#define PROVISO_REPORTS_REPORT_GATE_H

#include "harness/run/route/gate.h"
#include "reports/report.h"

struct json_writer;

struct gate_report {
	const struct router *router;
	const struct suite *suite;
	const struct matrix *matrix;
	const struct gate_demands *demands;
	const struct gate_result *result;
	/* NULL: nothing to compare with. */
	const struct gate_comparison *comparison;
	const struct gate_result *base;
};

/* For a terminal; colour and width as everywhere. */
void report_gate_terminal(const struct gate_report *report,
                          const struct report_terminal_options *options, struct text_buf *out);
/* For a pull request or a step summary. */
void report_gate_markdown(const struct gate_report *report, struct text_buf *out);
/* Workflow commands: an error for each refused shape, a warning for each unknown one; at most
 * REPORT_MAX_ANNOTATIONS of a kind. */
void report_gate_github(const struct gate_report *report, struct text_buf *out);
/* {"holds","state","mode","matrix","suite","counts":{},"checks":[...],"base":{...}|null} */
void report_gate_json(const struct gate_report *report, struct text_buf *out);

/* --- shared by the formats; arena --- */

/* "refused: 1 of 6 shapes lacks proven targets (1 refused, 0 unknown)". */
MUST_CHECK struct text report_gate_verdict(const struct gate_report *report, struct arena *arena);
/* Features between blanks; as they stand, for the format to escape. */
MUST_CHECK struct text report_gate_shape(const struct gate_demand *demand, struct arena *arena);
/* "TC-10~stream fails", or the reason alone. */
MUST_CHECK struct text report_gate_reason(const struct router_exclusion *exclusion,
                                          struct arena *arena);
/* Where the shapes come from, in a sentence; and what is to be known beside. */
MUST_CHECK struct text report_gate_notes(const struct gate_report *report, struct arena *arena);
/* "12.5 %", "-" where it is not known. */
MUST_CHECK struct text report_gate_percent(double share, struct arena *arena);

#endif
