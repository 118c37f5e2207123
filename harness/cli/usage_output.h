/* Usage as bytes: raw rows or sums, as table, CSV, JSON, FOCUS. */
#ifndef PROVISO_CLI_USAGE_OUTPUT_H
#define PROVISO_CLI_USAGE_OUTPUT_H

#include "proxy/usage.h"

#include <stdio.h>

/* Rows of the contract, straight to the stream: any number in constant memory. */
MUST_CHECK bool usage_rows_csv(const struct usage_query *query, FILE *stream, struct fault *fault);
MUST_CHECK bool usage_rows_json(const struct usage_query *query, FILE *stream, struct fault *fault);
/* Sums, appended. */
void usage_groups_csv(const struct usage_query *query, const struct usage_groups *groups,
                      struct text_buf *out);
void usage_groups_json(const struct usage_query *query, const struct usage_groups *groups,
                       struct text_buf *out);
void usage_groups_table(const struct usage_query *query, const struct usage_groups *groups,
                        struct text_buf *out);

/* usage_focus.c: FOCUS 1.2; the query's grouping is made by usage_focus_by. */
void usage_focus_by(struct usage_query *query);
void usage_focus(const struct usage_groups *groups, struct text_buf *out);

#endif
