/*
 * What a service manager is told of this process: the protocol of sd_notify(3), a datagram to the
 * socket that NOTIFY_SOCKET names. Where nobody set it all of this does nothing.
 */
#ifndef PROVISO_BASE_NOTIFY_H
#define PROVISO_BASE_NOTIFY_H

#include "harness/base/base.h"

/* It serves (again, after notify_reloading); the status is for people, one line, cut to fit. */
void notify_ready(const char *status);
/* It reads its files anew; notify_ready or notify_ready's status says how that ended. */
void notify_reloading(void);
/* It ends, once what is under way is done. */
void notify_stopping(const char *status);
/* It is alive; to be said at least every notify_watchdog_ms. */
void notify_alive(void);
/*
 * After how long without a sign of life the manager would end it (WATCHDOG_USEC, where WATCHDOG_PID
 * is this process or not set); 0: it does not watch.
 */
MUST_CHECK int64_t notify_watchdog_ms(void);

#endif
