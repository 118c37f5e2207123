/*
 * How often one client's address may knock before anything of it is looked at: GCRA, as for keys,
 * in a table of fixed size. A failed authentication counts like ten requests. Shared by all
 * workers; outlives reloads.
 */
#ifndef PROVISO_PROXY_DOOR_H
#define PROVISO_PROXY_DOOR_H

#include "harness/base/http_parse.h"
#include "harness/base/ip_address.h"

struct door;

enum { DOOR_ADDRESSES = 1 << 16, DOOR_FAILED_COSTS = 10 };

MUST_CHECK struct door *door_new(void);
void door_free(struct door *door);

/*
 * One request of that address; of IPv6 the first 64 bits count, for whoever has one has them all.
 * per_minute 0: no limit. False: refused and not counted, and how long until one would pass. Where
 * the table is full those that rested longest are forgotten. now_us: monotonic, one clock for all
 * threads; one that goes back does no harm. Any thread.
 */
MUST_CHECK bool door_enter(struct door *door, const struct ip_address *client, int64_t per_minute,
                           int64_t now_us, int64_t *retry_after_ms);
/* What entered had no good key: it counts DOOR_FAILED_COSTS in all. */
void door_failed(struct door *door, const struct ip_address *client, int64_t per_minute,
                 int64_t now_us);

/*
 * Who asks: the peer, or where that is one of the trusted proxies the last address of
 * X-Forwarded-For that is none. What no proxy of ours has written counts for nothing; an entry that
 * is no address ends the walk.
 */
MUST_CHECK struct ip_address door_client(const struct http_request *request, struct ip_address peer,
                                         const struct ip_range *trusted, size_t trusted_count);

#endif
