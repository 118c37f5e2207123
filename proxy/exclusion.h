/*
 * Which cases keep requests away: counted for /metrics where a request found no proven target.
 * Labels come from the suite alone, and there are at most EXCLUSION_CASES_MAX of them.
 */
#ifndef PROVISO_PROXY_EXCLUSION_H
#define PROVISO_PROXY_EXCLUSION_H

#include "harness/run/route/router.h"

struct exclusion_table;

enum { EXCLUSION_CASES_MAX = 512, EXCLUSION_CASE_BYTES = 32 };

MUST_CHECK struct exclusion_table *exclusion_table_new(void);
void exclusion_table_free(struct exclusion_table *table);
/* Each case that stands against some target, once a request. Any thread. */
void exclusion_count(struct exclusion_table *table, const struct router_decision *decision);
/* In the order in which they first came; "none": for another reason than a case. */
void exclusion_each(struct exclusion_table *table,
                    void (*fn)(void *context, const char *case_id, unsigned long long count),
                    void *context);

#endif
