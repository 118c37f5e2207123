/* What the service manager hears; see supervise.h. */
#include "proxy/supervise.h"

#include "harness/base/notify.h"
#include "proxy/proxy_private.h"

#include <stdio.h>

/* Signs of life in the time after which none would be noticed. */
enum { SIGNS = 4, STATUS_BYTES = 300 };

static void say_ready(const struct proxy *proxy, const char *trouble)
{
	char status[STATUS_BYTES];

	(void)snprintf(status, sizeof(status), "serving %s, matrix %s%s", proxy->base_url,
	               router_matrix_hash(proxy->current->router), trouble);
	notify_ready(status);
}

/* --- signs of life --- */

static bool all_workers_live(const struct proxy *proxy)
{
	for (size_t i = 0; i < proxy->worker_count; i++)
		if (!atomic_load(&proxy->workers[i].answered) &&
		    !atomic_load(&proxy->workers[i].ended))
			return false;
	return true;
}

/* Asks all workers; the next time it is seen whether they answered. */
static void watch_over(void *context)
{
	struct proxy *proxy = context;

	if (all_workers_live(proxy)) {
		notify_alive();
		for (size_t i = 0; i < proxy->worker_count; i++) {
			atomic_store(&proxy->workers[i].answered, false);
			loop_wake_send(proxy->workers[i].wake);
		}
	}
	loop_timer_start(proxy->loop, &proxy->watchdog, proxy->watchdog_ms, watch_over, proxy);
}

/* --- what happens to the proxy --- */

void supervise_started(struct proxy *proxy)
{
	int64_t limit_ms = notify_watchdog_ms();

	say_ready(proxy, "");
	if (limit_ms == 0)
		return;
	for (size_t i = 0; i < proxy->worker_count; i++)
		atomic_store(&proxy->workers[i].answered, true);
	proxy->watchdog_ms = int64_max(limit_ms / SIGNS, 1);
	loop_timer_start(proxy->loop, &proxy->watchdog, 0, watch_over, proxy);
}

void supervise_reloading(void)
{
	notify_reloading();
}

void supervise_reloaded(const struct proxy *proxy, bool good)
{
	say_ready(proxy,
	          good ? "" : " (the last good one: the new files have mistakes, see the log)");
}

void supervise_draining(void)
{
	notify_stopping("draining: what is under way is answered");
}

void supervise_end(struct proxy *proxy)
{
	loop_timer_stop(proxy->loop, &proxy->watchdog);
}
