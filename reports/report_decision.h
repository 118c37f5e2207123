/* A routing decision for people; the JSON of it is the router's own (router_write_json). */
#ifndef PROVISO_REPORTS_REPORT_DECISION_H
#define PROVISO_REPORTS_REPORT_DECISION_H

#include "harness/run/route/router.h"
#include "reports/report.h"

void report_decision(const struct router *router, const struct router_request *request,
                     const struct router_decision *decision, struct text_buf *out);

/* "$0.0012", at most six decimals, "?" where it is unknown (-1). */
void report_add_usd(struct text_buf *out, int64_t pico_usd);

#endif
