/*
 * The matrix grows old: passes above policy.max_age prove nothing any more, and nobody notices
 * until requests are refused. Told once for each matrix, by the log and as an alert.
 *
 * Prices run out as well, and then costs are unknown: what is to be said of them
 * (provider_price_note) is logged whenever it changes.
 */
#ifndef PROVISO_PROXY_STALE_H
#define PROVISO_PROXY_STALE_H

#include "proxy/proxy_private.h"

struct stale_sum {
	size_t passes, stale;   /* cells of configured targets; those that are too old */
	int64_t oldest_wall_ms; /* of the passes; -1: there are none */
};
void stale_count(const struct snapshot *snapshot, int64_t now_wall_ms, struct stale_sum *out);

/* At once, and every minute from then on. Main thread. */
void stale_look(struct proxy *proxy);
void stale_end(struct proxy *proxy);

#endif
