/* One thread of the proxy: its loop, its listener, its transport. */
#ifndef PROVISO_PROXY_WORKER_H
#define PROVISO_PROXY_WORKER_H

#include "proxy/proxy_private.h"

/* Binds and makes all that the thread needs; the main thread's. port 0: any. */
MUST_CHECK bool worker_open(struct worker *worker, struct proxy *proxy, const char *address,
                            int port, bool shared_port, struct fault *fault);
MUST_CHECK bool worker_run(struct worker *worker, struct fault *fault);
MUST_CHECK bool worker_has_ended(struct worker *worker);
/* Waits for the thread, where there is one, and frees. */
void worker_close(struct worker *worker);

#endif
