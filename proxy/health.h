/*
 * How targets do at the moment: a breaker for each, a hold for a provider that asked us to wait
 * or whose key is refused, and what /metrics counts of them. Shared by all workers; outlives
 * reloads, so that a new config forgets no failure. Capability is not judged here: health only
 * orders.
 */
#ifndef PROVISO_PROXY_HEALTH_H
#define PROVISO_PROXY_HEALTH_H

#include "harness/run/config/config.h"

#include <stdatomic.h>

enum health_state {
	HEALTH_CLOSED,    /* may be asked */
	HEALTH_HALF_OPEN, /* one request may probe */
	HEALTH_HELD,      /* it asked for a pause (Retry-After), or is being probed */
	HEALTH_OPEN,      /* failed too often */
	HEALTH_NO_KEY,    /* its key was refused */
	HEALTH_STATES
};
extern const char *const health_state_names[HEALTH_STATES];

/* How an attempt ended: the contract's `outcome`. */
enum ending {
	ENDING_OK,
	ENDING_ERROR,
	ENDING_TIMEOUT,
	ENDING_CUT,
	ENDING_MALFORMED,
	ENDING_REFUSED,
	ENDING_CLIENT_GONE,
	ENDINGS
};
extern const char *const ending_names[ENDINGS];

enum { HEALTH_LATENCY_BUCKETS = 14 };
/* Upper bounds in seconds, as Prometheus wants them; the last one is +Inf. */
extern const char *const health_latency_bounds[HEALTH_LATENCY_BUCKETS];

struct health_histogram {
	atomic_uint_least64_t buckets[HEALTH_LATENCY_BUCKETS]; /* not cumulated */
	atomic_uint_least64_t sum_us;
};
void health_histogram_add(struct health_histogram *histogram, int64_t us);
/* What `share` of all stayed below, evenly spread within a bucket; -1: fewer than `least` came. */
MUST_CHECK int64_t health_histogram_quantile(const struct health_histogram *histogram, double share,
                                             uint64_t least);

/* What is counted of a target; only ever grows. */
struct health_counters {
	atomic_uint_least64_t attempts[ENDINGS];
	atomic_uint_least64_t input_tokens, output_tokens;
	atomic_uint_least64_t cost_pico_usd;
	struct health_histogram first_event, total;
};

struct health_table;
struct health;

MUST_CHECK struct health_table *health_table_new(void);
void health_table_free(struct health_table *table);
/* Of that target; made where it is new. Never freed before the table. */
MUST_CHECK struct health *health_of(struct health_table *table, const struct target *target);
MUST_CHECK struct health_counters *health_counters_of(struct health *health);
/* Each known target, in no order. */
void health_each(struct health_table *table,
                 void (*fn)(void *context, struct text target, struct health *health),
                 void *context);

MUST_CHECK enum health_state health_look(struct health *health, int64_t now_ms);
/* The same for one that is about to be asked: a half-open one is being probed from now on. */
MUST_CHECK enum health_state health_admit(struct health *health, int64_t now_ms);
/* How long it is not well for by all that is known; 0: it is. */
MUST_CHECK int64_t health_wait_ms(struct health *health, int64_t now_ms);
/* What came of it. A good answer closes the breaker of one that was probed. True: this one opened
 * it, which was closed. */
MUST_CHECK bool health_report(struct health *health, const struct config_proxy *settings,
                              int64_t now_ms, bool good);
/* It asked for a pause; a shorter one never shrinks a longer one. */
void health_hold(struct health *health, int64_t now_ms, int64_t for_ms);
/* Its provider refused our key (401, 402, 403): all targets of that provider are out for so long.
 */
void health_key_refused(struct health *health, int64_t now_ms, int64_t for_ms);
/* After a reload keys may be others: those refused may be tried again. */
void health_keys_changed(struct health_table *table);

#endif
