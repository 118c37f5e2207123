/*
 * The forecast in bytes: a table, CSV, JSON, and an HTML page with cost against quality. The same
 * figures in every format; what is unknown is empty, never 0.
 */
#ifndef PROVISO_REPORTS_REPORT_FORECAST_H
#define PROVISO_REPORTS_REPORT_FORECAST_H

#include "harness/run/forecast/forecast.h"
#include "reports/report.h"

struct forecast_report {
	const struct forecast_result *result;
	const struct traffic_counts *counts;
	struct text traffic;     /* the log's name */
	const char *matrix_hash; /* of the matrix that proves; "": there is none */
	int64_t at_wall_ms;      /* see forecast_setup */
	bool holds;              /* all of it has a proven target */
};

/* For a terminal; colour and width as everywhere. */
void report_forecast_terminal(const struct forecast_report *report,
                              const struct report_terminal_options *options, struct text_buf *out);
/* One row a policy. */
void report_forecast_csv(const struct forecast_report *report, struct text_buf *out);
/* {"holds","traffic":{},"matrix","baseline","policies":[],"gaps":[],"spend":{},"notes":[]} */
void report_forecast_json(const struct forecast_report *report, struct text_buf *out);
/* One file, no network, no script: the table, cost against quality, spend over time, the gaps. */
void report_forecast_html(const struct forecast_report *report, struct text_buf *out);

/* --- shared by the formats; arena --- */

/* Some of its requests have a price, so that its sums say something. */
MUST_CHECK bool report_forecast_priced(const struct forecast_policy *policy);
/* Against the baseline: there is one, and it is another policy, and both priced something. */
MUST_CHECK bool report_forecast_compared(const struct forecast_report *report,
                                         const struct forecast_policy *policy);
/* What the policy saves over the log; low is the least of it. */
MUST_CHECK struct forecast_sum report_forecast_saving(const struct forecast_policy *policy);
/* Of the baseline's cost, at most 1; NaN where that is 0. */
MUST_CHECK double report_forecast_saving_share(const struct forecast_policy *policy);
/* From 0 to 1; NaN without requests. */
MUST_CHECK double report_forecast_unproven(const struct forecast_policy *policy);
/* "target a/m", "routes" ...: for people. */
MUST_CHECK struct text report_forecast_name(const struct forecast_policy *policy,
                                            struct arena *arena);
/* A sum for so many days with as many decimals as tell something; "-" where it is not known. */
MUST_CHECK struct text report_forecast_days(const struct forecast_report *report,
                                            const struct forecast_policy *policy, int64_t days,
                                            struct arena *arena);
/* "low to high" of the same; no text where nothing was estimated. */
MUST_CHECK struct text report_forecast_interval(const struct forecast_report *report,
                                                const struct forecast_policy *policy, int64_t days,
                                                struct arena *arena);
/* What the log holds, in a sentence; and all that is to be known beside the figures. */
MUST_CHECK struct text report_forecast_traffic(const struct forecast_report *report,
                                               struct arena *arena);
MUST_CHECK struct text_list report_forecast_notes(const struct forecast_report *report,
                                                  struct arena *arena);

#endif
