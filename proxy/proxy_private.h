/* The proxy's threads and what they share; nobody outside this folder includes this. */
#ifndef PROVISO_PROXY_PRIVATE_H
#define PROVISO_PROXY_PRIVATE_H

#include "harness/base/digest.h"
#include "harness/base/http_server.h"
#include "providers/wire/call.h"
#include "proxy/exclusion.h"
#include "proxy/keys/budget.h"
#include "proxy/keys/door.h"
#include "proxy/keys/key.h"
#include "proxy/keys/rate.h"
#include "proxy/ledger/ledger.h"
#include "proxy/proxy.h"
#include "proxy/snapshot.h"

#include <pthread.h>

enum {
	RETRY_COSTS = 10,      /* tenths of a request: retries are at most 10 % of requests ... */
	RETRY_SAVED_MAX = 100, /* ... and ten of them may come at once */
	STATUS_CLASSES = 6,
};

/* What was decided of a request before anybody was asked. */
enum decision {
	DECISION_SERVED,          /* its first target is proven for it */
	DECISION_SERVED_UNPROVEN, /* it is not, and policy lets it pass */
	DECISION_NO_PROVEN_TARGET,
	DECISION_REFUSED, /* for another reason: its form, its key, a limit */
	DECISIONS
};

/* What /metrics counts beside the targets; only ever grows but for the gauges. */
struct proxy_counters {
	atomic_uint_least64_t requests[ENDPOINT_COUNT];
	atomic_uint_least64_t answers[STATUS_CLASSES]; /* by hundreds of the status */
	atomic_uint_least64_t decisions[DECISIONS];
	atomic_uint_least64_t fallbacks, retries, broken_streams, client_gone, drained, limited;
	atomic_uint_least64_t hedges, hedges_won, turned_away;
	atomic_uint_least64_t reloads, reloads_failed;
	atomic_uint_least64_t quarantines;
	atomic_uint_least64_t probes[3];                  /* passed, failed, undecided */
	atomic_int_least64_t open_streams, open_requests; /* gauges */
	struct health_histogram overhead;
};
/* One more, on any thread; nothing is ordered by it. */
static inline void proxy_count(atomic_uint_least64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

struct relay;

/* One thread with all that it needs; only what is named in struct proxy is shared. */
struct worker {
	struct proxy *proxy;
	pthread_t thread;
	bool started;
	struct loop *loop;
	struct http_server *server;
	struct caller *caller;
	struct loop_wake *wake;
	struct snapshot *snapshot; /* counted: what new requests begin with */
	uint64_t generation;       /* of it */
	struct ledger_port *port;  /* made on its thread; NULL: there is no ledger */
	struct arena scratch;      /* within one callback */
	struct ip_address client;  /* of the request at hand; within one callback */
	uint64_t random;
	struct relay *unused;
	size_t unused_count;
	struct relay *drained_relays; /* read to the end although their clients have gone */
	size_t relays;                /* not yet over */
	bool draining, drained, stopping;
	atomic_bool ended;    /* read by the main thread */
	atomic_bool answered; /* woken since the main thread asked; see supervise.h */
};

struct proxy {
	struct proxy_options options;
	struct loop *loop; /* of the main thread: signals, files */
	struct health_table *healths;
	struct live_table *lives;
	struct sentry *sentry;
	struct alerter *alerter;
	struct prober *prober; /* NULL: not started */
	struct exclusion_table *exclusions;
	struct ledger *ledger;             /* NULL: none is configured */
	struct key_table *keys;            /* NULL: no key store */
	struct budget_table *budgets;      /* also without any budget */
	struct rate_table *rates;          /* of keys */
	struct rate_table *upstream_rates; /* of providers */
	struct door *door;                 /* of clients' addresses */
	struct loop_timer key_timer;
	struct loop_timer stale_timer;
	char stale_told[DIGEST_SHORT + 1]; /* the matrix whose age was told; empty: none */
	char prices_told[DIGEST_HEX + 1];  /* a digest of what was told of prices; empty: nothing */
	struct loop_timer watchdog;
	int64_t watchdog_ms; /* between two signs of life */
	struct proxy_counters counters;
	atomic_int_least64_t retry_saved;
	atomic_size_t connections; /* of all workers' clients */
	atomic_bool draining, stopping;
	pthread_mutex_t lock; /* of `current` */
	struct snapshot *current;
	atomic_uint_least64_t generation; /* of it: what a worker looks at for each request */
	struct worker *workers;
	size_t worker_count;
	size_t workers_ended; /* main thread */
	struct loop_wake *ended_wake;
	struct watch *watch;
	struct vault_watch *vault; /* NULL: not started */
	char base_url[128];
};

/* What the next snapshot shares with this one. Main thread. */
MUST_CHECK struct snapshot_shared proxy_shared(const struct proxy *proxy);
/* From here on new requests are decided by that one, whose reference is taken over. Main thread. */
void proxy_publish(struct proxy *proxy, struct snapshot *fresh);

/* The next of the worker's random numbers: for ids, weights, jitter. */
MUST_CHECK uint64_t worker_random(struct worker *worker);
/* From here on new requests see the newest config and matrix. */
void worker_refresh(struct worker *worker);
/* A relay is over: what waits for the last one goes on. */
void worker_relay_over(struct worker *worker);

/* proxy_listener.c */
extern const struct http_handler listener_handler; /* context: the worker */
/* Counts and answers; the one way out of every answer that is not relayed. */
void listener_answer(struct worker *worker, struct http_exchange *exchange, int status,
                     const struct http_header *headers, size_t header_count, struct text body);

/* proxy_status.c: answers that come from what is known here */
/* id data NULL: all that the key (NULL: none) allows. */
void status_models(struct worker *worker, struct http_exchange *exchange, struct text id,
                   const struct key *key);
void status_ready(struct worker *worker, struct http_exchange *exchange);
void status_metrics(struct worker *worker, struct http_exchange *exchange);

#endif
