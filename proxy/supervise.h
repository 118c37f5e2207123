/*
 * The proxy and its service manager (systemd): that it serves, reads its files anew, drains, and
 * lives. Alive is said only while every worker answers: one that hangs gets the process restarted.
 * Main thread; without a service manager it does nothing.
 */
#ifndef PROVISO_PROXY_SUPERVISE_H
#define PROVISO_PROXY_SUPERVISE_H

#include "harness/base/base.h"

struct proxy;

void supervise_started(struct proxy *proxy);
void supervise_reloading(void);
/* good false: the last good config and matrix stay in use. */
void supervise_reloaded(const struct proxy *proxy, bool good);
void supervise_draining(void);
/* Nothing is said any more. */
void supervise_end(struct proxy *proxy);

#endif
