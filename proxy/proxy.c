/* Start, reload, drain: the main thread's side of the proxy; see proxy.h. */
#include "harness/base/digest.h"
#include "harness/base/json_write.h"
#include "harness/base/log.h"
#include "providers/secret/vault.h"
#include "proxy/alert.h"
#include "proxy/live/probe.h"
#include "proxy/live/sentry.h"
#include "proxy/live/stale.h"
#include "proxy/proxy_private.h"
#include "proxy/supervise.h"
#include "proxy/vault_watch.h"
#include "proxy/watch.h"
#include "proxy/worker.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WORKERS_MAX = 1024 };

/* --- reload --- */

void proxy_publish(struct proxy *proxy, struct snapshot *fresh)
{
	(void)pthread_mutex_lock(&proxy->lock);
	struct snapshot *old = proxy->current;
	proxy->current = fresh;
	atomic_fetch_add(&proxy->generation, 1);
	(void)pthread_mutex_unlock(&proxy->lock);
	snapshot_drop(old);
	for (size_t i = 0; i < proxy->worker_count; i++)
		loop_wake_send(proxy->workers[i].wake);
}

static void log_faults(const struct fault_list *faults, enum log_level level)
{
	for (size_t i = 0; i < faults->count; i++) {
		struct text_buf line;
		text_buf_init(&line, 4096);
		fault_describe(&faults->items[i], &line);
		log_event(level, "proxy.config", "%.*s", TEXT_ARG(text_buf_view(&line)));
		text_buf_done(&line);
	}
}

struct snapshot_shared proxy_shared(const struct proxy *proxy)
{
	return (struct snapshot_shared){
	    .healths = proxy->healths,
	    .lives = proxy->lives,
	    .live = proxy->sentry == NULL ? NULL : sentry_live(proxy->sentry),
	};
}

static struct snapshot_files files_of(const struct proxy *proxy)
{
	return (struct snapshot_files){proxy->options.config, proxy->options.matrix};
}

/* What was opened at the start is not opened anew. */
static void tell_what_stays(const struct config *before, const struct config *after)
{
	const struct {
		const char *name;
		bool changed;
	} fixed[] = {
	    {"proxy.listen", !text_equal(before->proxy.listen, after->proxy.listen)},
	    {"proxy.workers", before->proxy.workers != after->proxy.workers},
	    {"ledger.path", !text_equal(before->ledger.path, after->ledger.path)},
	    {"keys.store", !text_equal(before->keys.store, after->keys.store)},
	    {"keys.pepper", !text_equal(before->keys.pepper, after->keys.pepper)},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++)
		if (fixed[i].changed)
			log_warn("proxy.restart",
			         "%s is another one now, and is taken at a start only: restart the "
			         "proxy",
			         fixed[i].name);
}

/* What outlives a snapshot follows the new config. */
static void take_config(struct proxy *proxy, const struct snapshot *fresh)
{
	struct fault fault;

	tell_what_stays(&proxy->current->config, &fresh->config);
	health_keys_changed(proxy->healths);
	if (proxy->ledger != NULL)
		ledger_reconfigure(proxy->ledger, &fresh->config.ledger);
	if (!budget_table_reload(proxy->budgets, &fresh->config, loop_wall_ms(proxy->loop), &fault))
		log_error("proxy.budgets", "the old limits stay: %s", fault.message);
	if (!alerter_reload(proxy->alerter, &fresh->config.alerts, &fault))
		log_error("proxy.alerts", "they go where they went: %s", fault.message);
}

void proxy_reload(struct proxy *proxy)
{
	struct snapshot_files files = files_of(proxy);
	struct snapshot_shared shared = proxy_shared(proxy);
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct snapshot *fresh;
	struct fault fault;

	supervise_reloading();
	bool good = snapshot_load(&files, &shared, loop_wall_ms(proxy->loop), &fresh, faults);
	if (good && !sentry_follow(proxy->sentry, fresh, &fault)) {
		(void)fault_list_add(faults, &fault);
		snapshot_drop(fresh);
		good = false;
	}
	if (good) {
		log_faults(faults, LOG_WARN);
		take_config(proxy, fresh);
		sentry_reloaded(proxy->sentry, fresh);
		proxy_publish(proxy, fresh);
		/* Whoever reads this and then asks is served by the new one. */
		atomic_fetch_add(&proxy->counters.reloads, 1);
		stale_look(proxy);
		log_info("proxy.reloaded", "matrix=%s cells=%zu", router_matrix_hash(fresh->router),
		         fresh->matrix.count);
	} else {
		log_faults(faults, LOG_ERROR);
		atomic_fetch_add(&proxy->counters.reloads_failed, 1);
		log_error("proxy.reload_failed", "the last good config and matrix stay in use");
	}
	supervise_reloaded(proxy, good);
	memory_free(faults);
}

static void files_changed(void *context)
{
	proxy_reload(context);
}

/* --- signals --- */

static void wake_all(struct proxy *proxy)
{
	for (size_t i = 0; i < proxy->worker_count; i++)
		loop_wake_send(proxy->workers[i].wake);
}

/* Who changed a key may have done so in Vault: it is asked first. */
static void hangup(void *context, int signal_number UNUSED)
{
	struct proxy *proxy = context;
	struct vault_facts facts;

	vault_facts(&facts);
	if (facts.secrets > 0 && proxy->vault != NULL)
		vault_watch_all(proxy->vault);
	else
		proxy_reload(proxy);
}

/* The first time whoever is being answered is answered; the second time not. */
static void terminate(void *context, int signal_number UNUSED)
{
	struct proxy *proxy = context;

	if (atomic_exchange(&proxy->draining, true)) {
		atomic_store(&proxy->stopping, true);
	} else {
		supervise_draining();
		log_info("proxy.draining", "open=%lld",
		         (long long)atomic_load(&proxy->counters.open_requests));
	}
	wake_all(proxy);
}

static void take_signals(struct proxy *proxy, bool on)
{
	void *context = on ? proxy : NULL;

	loop_on_signal(proxy->loop, SIGHUP, on ? hangup : NULL, context);
	loop_on_signal(proxy->loop, SIGTERM, on ? terminate : NULL, context);
	loop_on_signal(proxy->loop, SIGINT, on ? terminate : NULL, context);
}

/* A worker has ended; several may have by now. */
static void worker_over(void *context)
{
	struct proxy *proxy = context;
	size_t ended = 0;

	for (size_t i = 0; i < proxy->worker_count; i++)
		ended += worker_has_ended(&proxy->workers[i]);
	if (ended == proxy->worker_count)
		loop_stop(proxy->loop);
}

/* --- start --- */

static void refresh_keys(void *context)
{
	struct proxy *proxy = context;

	key_table_refresh(proxy->keys);
	loop_timer_start(proxy->loop, &proxy->key_timer, KEY_REFRESH_MS, refresh_keys, proxy);
}

static void budget_alerted(void *context, const struct budget_alert *alert)
{
	struct proxy *proxy = context;
	struct text_buf data;

	text_buf_init(&data, ALERT_DATA_MAX_BYTES);
	(void)text_buf_add(&data, TEXT("\"budget\":"));
	json_quote(&data, alert->name);
	(void)text_buf_format(&data, ",\"limit_pico_usd\":%lld,\"used_pico_usd\":%lld",
	                      (long long)alert->limit_pico_usd, (long long)alert->spent_pico_usd);
	alert_send(proxy->alerter, alert->hard ? ALERT_BUDGET_HARD : ALERT_BUDGET_SOFT,
	           text_buf_view(&data));
	text_buf_done(&data);
	log_warn(alert->hard ? "proxy.budget_full" : "proxy.budget_alert",
	         "budget=\"%.*s\" limit_pico_usd=%lld spent_pico_usd=%lld", TEXT_ARG(alert->name),
	         (long long)alert->limit_pico_usd, (long long)alert->spent_pico_usd);
}

/* Ledger first: what was spent before is what it says. */
static bool open_stores(struct proxy *proxy, struct fault *fault)
{
	const struct config *config = &proxy->current->config;
	struct arena arena = {0};
	bool has_ledger = config->ledger.path.data != NULL;
	struct budget_options options = {
	    .ledger_path = has_ledger ? text_c(&arena, config->ledger.path) : NULL,
	    .alert = budget_alerted,
	    .context = proxy,
	};

	proxy->rates = rate_table_new();
	proxy->upstream_rates = rate_table_new();
	proxy->door = door_new();
	bool good = alerter_new(proxy->loop, &config->alerts, &proxy->alerter, fault);
	good = good && (!has_ledger || ledger_open(config, &proxy->ledger, fault));
	good = good && budget_table_new(config, &options, loop_wall_ms(proxy->loop),
	                                &proxy->budgets, fault);
	if (good && config->keys.store.data != NULL) {
		good = key_table_open(config, &proxy->keys, fault);
		if (good)
			loop_timer_start(proxy->loop, &proxy->key_timer, KEY_REFRESH_MS,
			                 refresh_keys, proxy);
	}
	arena_done(&arena);
	return good;
}

static bool is_loopback(struct text address)
{
	return text_starts(address, TEXT("127.")) || text_is(address, "::1") ||
	       text_is(address, "localhost");
}

static size_t count_workers(const struct proxy *proxy)
{
	int64_t wanted = proxy->options.workers;

	if (wanted < 0)
		wanted = proxy->current->config.proxy.workers;
	if (wanted == 0)
		wanted = sysconf(_SC_NPROCESSORS_ONLN);
	return (size_t)int64_min(int64_max(wanted, 1), WORKERS_MAX);
}

/* Without keys whoever can connect may spend our money. */
static bool check_exposure(const struct proxy *proxy, const char *address, struct fault *fault)
{
	if (proxy->current->config.keys.store.data != NULL)
		return true;
	if (!is_loopback(text_of(address)))
		return fault_set(fault, FAULT_USAGE,
		                 "no key store is configured (keys.store), so it listens on "
		                 "loopback only, not on %s",
		                 address);
	log_warn("proxy.no_keys", "no key store is configured: whoever is on this machine may use "
	                          "it; it listens on loopback only");
	return true;
}

static bool start_workers(struct proxy *proxy, struct fault *fault)
{
	struct text listen = proxy->options.listen;
	struct text host = TEXT("");
	struct arena arena = {0};
	int port = 0;

	if (listen.data == NULL)
		listen = proxy->current->config.proxy.listen;
	bool good = http_listen_read(listen, &host, &port) ||
	            fault_set(fault, FAULT_USAGE,
	                      "listen is \"%.*s\"; want ADDRESS:PORT like 127.0.0.1:4000",
	                      TEXT_ARG(listen));
	const char *address = text_c(&arena, host);
	good = good && check_exposure(proxy, address, fault);
	size_t wanted = good ? count_workers(proxy) : 0;
	proxy->workers = memory_new_array(wanted + 1, sizeof(struct worker));
	for (size_t i = 0; good && i < wanted; i++) {
		good = worker_open(&proxy->workers[i], proxy, address, port, wanted > 1, fault);
		if (!good)
			break;
		proxy->worker_count++;
		port = http_server_port(proxy->workers[i].server);
	}
	if (good) {
		bool six = text_find_byte(text_of(address), ':', 0) != TEXT_NOT_FOUND;
		(void)snprintf(proxy->base_url, sizeof(proxy->base_url), "http://%s%s%s:%d/v1",
		               six ? "[" : "", address, six ? "]" : "", port);
	}
	for (size_t i = 0; good && i < wanted; i++)
		good = worker_run(&proxy->workers[i], fault);
	arena_done(&arena);
	return good;
}

static void watch_files(struct proxy *proxy)
{
	const struct config *config = &proxy->current->config;

	proxy->watch = watch_new(proxy->loop, files_changed, proxy);
	if (config->path.data != NULL) {
		struct arena arena = {0};
		watch_add(proxy->watch, text_c(&arena, config->path));
		arena_done(&arena);
	}
	watch_add(proxy->watch, proxy->options.matrix);
}

/* A client and its provider are two descriptors; the usual soft limit is 1024. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warn("proxy.descriptors", "the limit can't be raised");
}

bool proxy_start(struct loop *loop, const struct proxy_options *options, struct proxy **out,
                 struct fault_list *faults)
{
	struct proxy *proxy = memory_new(sizeof(*proxy));
	struct snapshot_files files = {options->config, options->matrix};
	struct fault fault;

	raise_descriptors();
	proxy->options = *options;
	proxy->loop = loop;
	proxy->healths = health_table_new();
	proxy->lives = live_table_new();
	proxy->exclusions = exclusion_table_new();
	atomic_init(&proxy->retry_saved, RETRY_SAVED_MAX);
	int failed = pthread_mutex_init(&proxy->lock, NULL);
	REQUIRE(failed == 0);
	proxy->ended_wake = loop_wake_new(loop, worker_over, proxy);
	struct snapshot_shared shared = proxy_shared(proxy);
	if (snapshot_load(&files, &shared, loop_wall_ms(loop), &proxy->current, faults)) {
		if (sentry_new(proxy, &proxy->sentry, &fault) && open_stores(proxy, &fault) &&
		    start_workers(proxy, &fault)) {
			take_signals(proxy, true);
			watch_files(proxy);
			proxy->vault = vault_watch_new(loop, files_changed, proxy);
			proxy->prober = prober_new(proxy);
			stale_look(proxy);
			supervise_started(proxy);
			*out = proxy;
			return true;
		}
		(void)fault_list_add(faults, &fault);
	}
	proxy_free(proxy);
	return false;
}

const char *proxy_base_url(const struct proxy *proxy)
{
	return proxy->base_url;
}

void proxy_free(struct proxy *proxy)
{
	if (proxy->watch != NULL)
		take_signals(proxy, false);
	atomic_store(&proxy->draining, true);
	prober_free(proxy->prober);
	watch_free(proxy->watch);
	vault_watch_free(proxy->vault);
	/* Where it never came to run, workers may still. */
	atomic_store(&proxy->draining, true);
	atomic_store(&proxy->stopping, true);
	wake_all(proxy);
	for (size_t i = 0; i < proxy->worker_count; i++)
		worker_close(&proxy->workers[i]);
	memory_free(proxy->workers);
	loop_wake_free(proxy->ended_wake);
	supervise_end(proxy);
	loop_timer_stop(proxy->loop, &proxy->key_timer);
	stale_end(proxy);
	/* What is queued is written; budgets and keys are asked by nobody any more. */
	ledger_close(proxy->ledger);
	budget_table_free(proxy->budgets);
	key_table_free(proxy->keys);
	rate_table_free(proxy->rates);
	rate_table_free(proxy->upstream_rates);
	door_free(proxy->door);
	sentry_free(proxy->sentry);
	alerter_free(proxy->alerter);
	snapshot_drop(proxy->current);
	live_table_free(proxy->lives);
	health_table_free(proxy->healths);
	exclusion_table_free(proxy->exclusions);
	(void)pthread_mutex_destroy(&proxy->lock);
	memory_free(proxy);
}
