/*
 * Rate limits as GCRA (a leaky bucket kept as one moment): requests and tokens a minute, streams at
 * once. A whole minute's worth may come in one burst; after that they come evenly. Shared by all
 * workers; outlives reloads.
 */
#ifndef PROVISO_PROXY_RATE_H
#define PROVISO_PROXY_RATE_H

#include "harness/base/text.h"

struct rate_table;

MUST_CHECK struct rate_table *rate_table_new(void);
void rate_table_free(struct rate_table *table);

/* 0: no limit. */
struct rate_limits {
	int64_t requests_per_minute, tokens_per_minute, streams;
};

enum rate_result { RATE_TAKEN, RATE_REQUESTS, RATE_TOKENS, RATE_STREAMS };

/*
 * One request of `tokens` (an estimate; a prompt and its longest reply) for `subject`, a key's id.
 * All limits allow it and it is counted, or one does not and nothing is. `streams` counts every
 * request between taking and rate_end, streamed or not. More tokens than a minute has count as all
 * of them: such a request passes a rested bucket.
 *
 * Refused: *retry_after_ms until it may pass (streams: 1000). now_us: monotonic, the same clock
 * for all threads; one that goes back does no harm. Any thread.
 */
MUST_CHECK enum rate_result rate_take(struct rate_table *table, struct text subject,
                                      const struct rate_limits *limits, int64_t tokens,
                                      int64_t now_us, int64_t *retry_after_ms);
/*
 * The request that was taken is over: its stream is free again, and the tokens that were estimated
 * become those that were used (-1: unknown, the estimate stays). Exactly once for each
 * RATE_TAKEN, with the same limits and tokens.
 */
void rate_end(struct rate_table *table, struct text subject, const struct rate_limits *limits,
              int64_t tokens, int64_t used_tokens);
/* "Retry-After": whole seconds, at least 1. */
MUST_CHECK int64_t rate_retry_after_s(int64_t retry_after_ms);

#endif
