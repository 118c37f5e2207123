/* Between the journal's files: what one line is made of. */
#ifndef PROVISO_RUN_JOURNAL_PRIVATE_H
#define PROVISO_RUN_JOURNAL_PRIVATE_H

#include "harness/base/json_write.h"
#include "harness/run/runner/journal.h"

/* journal_line.c: both directions by one table, so that they can't drift apart. */
void journal_write_head(const struct journal_head *head, struct arena *arena, struct text_buf *out);
void journal_write_attempt(const struct journal_attempt *attempt, struct arena *arena,
                           struct text_buf *out);
MUST_CHECK bool journal_head_from(const struct json *node, struct arena *arena,
                                  struct journal_head *out, struct fault *fault);
MUST_CHECK bool journal_attempt_from(const struct json *node, struct journal_attempt *out,
                                     struct fault *fault);

#endif
