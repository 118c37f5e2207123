/*
 * How fast a provider may be asked: concurrency, requests and tokens per minute
 * (GCRA), and a hold after 429 or 503 as long as the provider said. First come, first served.
 */
#ifndef PROVISO_PROVIDERS_PACE_H
#define PROVISO_PROVIDERS_PACE_H

#include "harness/base/loop.h"
#include "providers/provider.h"
#include "providers/wire/exchange.h"

struct pace;

/* Embedded in whoever waits. */
struct pace_waiter {
	struct pace_waiter *next;
	int64_t tokens;
	bool waiting;
	void (*go)(void *context); /* from the loop, once; the slot is taken then */
	void *context;
};

MUST_CHECK struct pace *pace_new(struct loop *loop, const struct provider_limits *limits);
void pace_free(struct pace *pace);
/* Waits for a slot. tokens: the estimate of this request. */
void pace_wait(struct pace *pace, struct pace_waiter *waiter, int64_t tokens,
               void (*go)(void *context), void *context);
void pace_cancel(struct pace *pace, struct pace_waiter *waiter);
/* Gives a slot back. */
void pace_release(struct pace *pace);
/* Nothing starts for so long; a shorter hold never shrinks a longer one. */
void pace_hold(struct pace *pace, int64_t for_ms);

/*
 * How long a response asks us to wait: Retry-After (seconds or date), retry-after-ms,
 * or x-ratelimit-reset-* ("6m0s"); -1 where it says nothing usable. Negative
 * and absurd values (over an hour) count as said: 0 and one hour.
 */
MUST_CHECK int64_t pace_retry_after_ms(const struct exchange *exchange, int64_t now_wall_ms);
/* The same, and where no header says it what the error itself does; `reply` may be NULL. */
MUST_CHECK int64_t pace_asked_ms(const struct exchange *exchange, const struct chat_reply *reply,
                                 int64_t now_wall_ms);
/* Exponential backoff with full jitter: attempt 1, 2, 3 ... -> up to 0.5 s, 1 s, 2 s ... at most 30
 * s. */
MUST_CHECK int64_t pace_backoff_ms(unsigned attempt, uint64_t random);

#endif
