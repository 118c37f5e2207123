/* Usage as bytes: raw rows or sums, as table, CSV, JSON, FOCUS. */
#ifndef PROVISO_CLI_USAGE_OUTPUT_H
#define PROVISO_CLI_USAGE_OUTPUT_H

#include "proxy/keys/budget_state.h"
#include "proxy/ledger/usage.h"

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

/* usage_budgets.c: appended. */
void usage_budgets_csv(const struct budget_state *states, size_t count, struct text_buf *out);
void usage_budgets_json(const struct budget_state *states, size_t count, struct text_buf *out);
void usage_budgets_table(const struct budget_state *states, size_t count, struct text_buf *out);

/* usage_html.c: a page of its own, appended: spend over time, and by whom and for what. */
MUST_CHECK bool usage_html(const struct usage_query *query, struct arena *arena,
                           struct text_buf *out, struct fault *fault);

/*
 * usage_focus.c: FOCUS 1.2, appended. `unpriced`: attempts that used tokens and are in no charge,
 * since nobody knows what they cost. The metadata says what the columns are.
 */
struct focus_source;
MUST_CHECK bool usage_focus(const struct focus_source *source, struct arena *arena,
                            int64_t *unpriced, struct text_buf *out, struct fault *fault);
void usage_focus_metadata(struct arena *arena, struct text_buf *out);

#endif
