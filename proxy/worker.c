/* A worker's thread: takes new snapshots, drains, ends; see worker.h. */
#include "proxy/worker.h"

#include "harness/base/digest.h"
#include "proxy/relay/relay.h"

uint64_t worker_random(struct worker *worker)
{
	worker->random ^= worker->random >> 12;
	worker->random ^= worker->random << 25;
	worker->random ^= worker->random >> 27;
	return worker->random * UINT64_C(2685821657736338717);
}

/* --- the end: no connection, then no relay, then nothing --- */

static void end_if_over(struct worker *worker)
{
	if (!worker->drained || worker->relays > 0 || worker->ended)
		return;
	worker->ended = true;
	if (worker->server != NULL)
		http_server_stop(worker->server);
	worker->server = NULL;
	relay_free_unused(worker);
	caller_free(worker->caller);
	worker->caller = NULL;
	loop_stop(worker->loop);
}

void worker_relay_over(struct worker *worker)
{
	REQUIRE(worker->relays > 0);
	worker->relays--;
	end_if_over(worker);
}

static void server_drained(void *context)
{
	struct worker *worker = context;

	worker->drained = true;
	end_if_over(worker);
}

/* --- what the main thread wants --- */

void worker_refresh(struct worker *worker)
{
	struct proxy *proxy = worker->proxy;
	struct snapshot *old = worker->snapshot;

	if (atomic_load_explicit(&proxy->generation, memory_order_acquire) == worker->generation)
		return;
	(void)pthread_mutex_lock(&proxy->lock);
	worker->snapshot = snapshot_take(proxy->current);
	worker->generation = atomic_load(&proxy->generation);
	(void)pthread_mutex_unlock(&proxy->lock);
	snapshot_drop(old);
}

static void woken(void *context)
{
	struct worker *worker = context;

	atomic_store(&worker->answered, true);
	if (worker->ended)
		return;
	worker_refresh(worker);
	if (atomic_load(&worker->proxy->draining) && !worker->draining) {
		worker->draining = true;
		http_server_drain(worker->server, server_drained, worker);
	}
	if (!atomic_load(&worker->proxy->stopping) || worker->stopping)
		return;
	worker->stopping = true;
	relay_cancel_drained(worker);
	if (!worker->drained) {
		/* Says `closed` of every exchange, which ends every relay. */
		struct http_server *server = worker->server;
		worker->server = NULL;
		http_server_stop(server);
		server_drained(worker);
	}
}

/* --- life --- */

bool worker_open(struct worker *worker, struct proxy *proxy, const char *address, int port,
                 bool shared_port, struct fault *fault)
{
	const struct config_proxy *settings = &proxy->current->config.proxy;
	struct http_server_options options = http_server_defaults;
	struct http_handler handler = listener_handler;

	worker->proxy = proxy;
	options.address = address;
	options.port = port;
	options.limits.header_bytes = (size_t)settings->limits.header_bytes;
	options.limits.body_bytes = (size_t)settings->limits.body_bytes;
	options.header_timeout_ms = settings->timeouts.headers_ms;
	options.body_timeout_ms = settings->timeouts.body_ms;
	options.write_timeout_ms = settings->timeouts.write_ms;
	options.connections = (size_t)settings->limits.connections;
	options.reuse_port = shared_port;
	options.shared_connections = &proxy->connections;
	handler.context = worker;
	worker->loop = loop_new();
	random_bytes(&worker->random, sizeof(worker->random));
	worker->random |= 1;
	if (!caller_new(worker->loop, &worker->caller, fault)) {
		loop_free(worker->loop);
		return false;
	}
	if (!http_server_start(worker->loop, &options, &handler, &worker->server, fault)) {
		caller_free(worker->caller);
		loop_free(worker->loop);
		return false;
	}
	worker->wake = loop_wake_new(worker->loop, woken, worker);
	worker->snapshot = snapshot_take(proxy->current);
	return true;
}

static void *work(void *context)
{
	struct worker *worker = context;

	if (worker->proxy->ledger != NULL)
		worker->port = ledger_port_new(worker->proxy->ledger, worker->loop);
	loop_run(worker->loop);
	ledger_port_free(worker->port);
	worker->port = NULL;
	loop_wake_send(worker->proxy->ended_wake);
	return NULL;
}

bool worker_run(struct worker *worker, struct fault *fault)
{
	int failed = pthread_create(&worker->thread, NULL, work, worker);

	worker->started = failed == 0;
	return worker->started || fault_system(fault, failed, "cannot start a thread");
}

bool worker_has_ended(struct worker *worker)
{
	return worker->ended;
}

void worker_close(struct worker *worker)
{
	if (worker->started)
		(void)pthread_join(worker->thread, NULL);
	if (!worker->ended) { /* it never ran */
		worker->drained = true;
		end_if_over(worker);
	}
	loop_wake_free(worker->wake);
	snapshot_drop(worker->snapshot);
	arena_done(&worker->scratch);
	loop_free(worker->loop);
}
