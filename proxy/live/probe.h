/*
 * Probes: the gate cells that were asked longest ago are asked again, through the runner's own
 * code, under a daily cap in USD and requests. One that passes is fresh again and leaves its
 * quarantine; one that does not (confirmed as `check` confirms it) goes into quarantine. All of it
 * on the main thread.
 */
#ifndef PROVISO_PROXY_PROBE_H
#define PROVISO_PROXY_PROBE_H

#include "harness/base/base.h"

struct proxy;
struct prober;

/* Begins by itself as the config says, and follows it when it changes. */
MUST_CHECK struct prober *prober_new(struct proxy *proxy);
/* Ends what is in flight: turns the loop until it has ended. NULL is fine. */
void prober_free(struct prober *prober);

#endif
