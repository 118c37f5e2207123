/* Breakers, holds and counters by target; see health.h. */
#include "proxy/health.h"

#include <pthread.h>

enum { WINDOW_BUCKETS = 10 };

const char *const health_state_names[HEALTH_STATES] = {
    [HEALTH_CLOSED] = "closed", [HEALTH_HALF_OPEN] = "half_open", [HEALTH_HELD] = "held",
    [HEALTH_OPEN] = "open",     [HEALTH_NO_KEY] = "no_key",
};

const char *const ending_names[ENDINGS] = {
    [ENDING_OK] = "ok",
    [ENDING_ERROR] = "error",
    [ENDING_TIMEOUT] = "timeout",
    [ENDING_CUT] = "cut",
    [ENDING_MALFORMED] = "malformed",
    [ENDING_REFUSED] = "refused",
    [ENDING_CLIENT_GONE] = "client_gone",
};

const char *const health_latency_bounds[HEALTH_LATENCY_BUCKETS] = {
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
    "1",     "2.5",  "5",     "10",   "30",  "60",   "+Inf",
};
static const int64_t latency_bounds_us[HEALTH_LATENCY_BUCKETS] = {
    5000,    10000,   25000,   50000,    100000,   250000,   500000,
    1000000, 2500000, 5000000, 10000000, 30000000, 60000000, INT64_MAX,
};

struct bucket {
	int64_t number; /* of the span of time it is for */
	int64_t good, failed;
};

/* What its targets share. */
struct provider_health {
	struct provider_health *next;
	struct text name; /* owned */
	atomic_int_least64_t no_key_until_ms;
};

struct health {
	struct health *next;
	struct text name; /* owned */
	struct provider_health *provider;
	pthread_mutex_t lock; /* what follows, up to the counters */
	struct bucket buckets[WINDOW_BUCKETS];
	int64_t open_until_ms;  /* 0: closed */
	int64_t probe_until_ms; /* 0: nobody probes */
	int64_t probe_for_ms;
	int64_t held_until_ms;
	struct health_counters counters;
};

struct health_table {
	pthread_mutex_t lock; /* of the lists; entries never leave them */
	struct health *targets;
	struct provider_health *providers;
};

static void lock(pthread_mutex_t *mutex)
{
	int failed = pthread_mutex_lock(mutex);

	REQUIRE(failed == 0);
}

static void unlock(pthread_mutex_t *mutex)
{
	int failed = pthread_mutex_unlock(mutex);

	REQUIRE(failed == 0);
}

void health_histogram_add(struct health_histogram *histogram, int64_t us)
{
	size_t at = 0;

	while (us > latency_bounds_us[at])
		at++;
	atomic_fetch_add_explicit(&histogram->buckets[at], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_us, (uint64_t)int64_max(us, 0),
	                          memory_order_relaxed);
}

int64_t health_histogram_quantile(const struct health_histogram *histogram, double share,
                                  uint64_t least)
{
	uint64_t counts[HEALTH_LATENCY_BUCKETS];
	uint64_t all = 0;
	double below = 0;

	for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS; i++) {
		counts[i] = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
		all += counts[i];
	}
	if (all == 0 || all < least)
		return -1;
	double wanted = share * (double)all;
	for (size_t i = 0; i + 1 < HEALTH_LATENCY_BUCKETS; i++) {
		int64_t from_us = i == 0 ? 0 : latency_bounds_us[i - 1];
		double width_us = (double)(latency_bounds_us[i] - from_us);
		if (counts[i] > 0 && below + (double)counts[i] >= wanted)
			return from_us + (int64_t)(width_us * (wanted - below) / (double)counts[i]);
		below += (double)counts[i];
	}
	return latency_bounds_us[HEALTH_LATENCY_BUCKETS - 2];
}

/* --- the table --- */

static struct text keep_name(struct text name)
{
	char *copy = memory_new(name.len);

	if (name.len > 0)
		memcpy(copy, name.data, name.len);
	return (struct text){copy, name.len};
}

static void free_name(struct text name)
{
	memory_free((void *)(uintptr_t)name.data);
}

struct health_table *health_table_new(void)
{
	struct health_table *table = memory_new(sizeof(*table));
	int failed = pthread_mutex_init(&table->lock, NULL);

	REQUIRE(failed == 0);
	return table;
}

void health_table_free(struct health_table *table)
{
	if (table == NULL)
		return;
	while (table->targets != NULL) {
		struct health *health = table->targets;
		table->targets = health->next;
		(void)pthread_mutex_destroy(&health->lock);
		free_name(health->name);
		memory_free(health);
	}
	while (table->providers != NULL) {
		struct provider_health *provider = table->providers;
		table->providers = provider->next;
		free_name(provider->name);
		memory_free(provider);
	}
	(void)pthread_mutex_destroy(&table->lock);
	memory_free(table);
}

static struct provider_health *provider_of(struct health_table *table, struct text name)
{
	for (struct provider_health *at = table->providers; at != NULL; at = at->next)
		if (text_equal(at->name, name))
			return at;
	struct provider_health *provider = memory_new(sizeof(*provider));
	provider->name = keep_name(name);
	provider->next = table->providers;
	table->providers = provider;
	return provider;
}

static struct health *find_or_make(struct health_table *table, const struct target *target)
{
	for (struct health *at = table->targets; at != NULL; at = at->next)
		if (text_equal(at->name, target->name))
			return at;
	struct health *health = memory_new(sizeof(*health));
	int failed = pthread_mutex_init(&health->lock, NULL);
	REQUIRE(failed == 0);
	health->name = keep_name(target->name);
	health->provider = provider_of(table, target->provider->name);
	health->next = table->targets;
	table->targets = health;
	return health;
}

struct health *health_of(struct health_table *table, const struct target *target)
{
	lock(&table->lock);
	struct health *health = find_or_make(table, target);
	unlock(&table->lock);
	return health;
}

struct health_counters *health_counters_of(struct health *health)
{
	return &health->counters;
}

void health_each(struct health_table *table,
                 void (*fn)(void *context, struct text target, struct health *health),
                 void *context)
{
	lock(&table->lock);
	for (struct health *at = table->targets; at != NULL; at = at->next)
		fn(context, at->name, at);
	unlock(&table->lock);
}

/* --- the breaker --- */

static enum health_state state_of(const struct health *health, int64_t now_ms)
{
	if (now_ms < atomic_load_explicit(&health->provider->no_key_until_ms, memory_order_relaxed))
		return HEALTH_NO_KEY;
	if (now_ms < health->open_until_ms)
		return HEALTH_OPEN;
	if (now_ms < health->held_until_ms || now_ms < health->probe_until_ms)
		return HEALTH_HELD;
	return health->open_until_ms != 0 ? HEALTH_HALF_OPEN : HEALTH_CLOSED;
}

enum health_state health_look(struct health *health, int64_t now_ms)
{
	lock(&health->lock);
	enum health_state state = state_of(health, now_ms);
	unlock(&health->lock);
	return state;
}

int64_t health_wait_ms(struct health *health, int64_t now_ms)
{
	int64_t until_ms =
	    atomic_load_explicit(&health->provider->no_key_until_ms, memory_order_relaxed);

	lock(&health->lock);
	until_ms = int64_max(int64_max(until_ms, health->open_until_ms),
	                     int64_max(health->held_until_ms, health->probe_until_ms));
	unlock(&health->lock);
	return int64_max(until_ms - now_ms, 0);
}

enum health_state health_admit(struct health *health, int64_t now_ms)
{
	lock(&health->lock);
	enum health_state state = state_of(health, now_ms);
	/* A probe that is never heard of again blocks no longer than the breaker did. */
	if (state == HEALTH_HALF_OPEN)
		health->probe_until_ms = now_ms + health->probe_for_ms;
	unlock(&health->lock);
	return state;
}

static void open_breaker(struct health *health, const struct config_proxy *settings, int64_t now_ms)
{
	int64_t until_ms = now_ms + settings->breaker.open_ms;

	health->open_until_ms = int64_max(health->open_until_ms, until_ms);
	health->probe_for_ms = settings->breaker.open_ms;
	health->probe_until_ms = 0;
}

static void count(struct health *health, const struct config_proxy *settings, int64_t now_ms,
                  bool good)
{
	int64_t span_ms = int64_max(settings->breaker.window_ms / WINDOW_BUCKETS, 1);
	int64_t number = now_ms / span_ms;
	struct bucket *bucket = &health->buckets[number % WINDOW_BUCKETS];
	int64_t all = 0;
	int64_t failed = 0;

	if (bucket->number != number)
		*bucket = (struct bucket){.number = number};
	if (good)
		bucket->good++;
	else
		bucket->failed++;
	for (size_t i = 0; i < WINDOW_BUCKETS; i++) {
		const struct bucket *one = &health->buckets[i];
		if (one->number <= number - WINDOW_BUCKETS || one->number > number)
			continue;
		all += one->good + one->failed;
		failed += one->failed;
	}
	if (!good && all >= settings->breaker.min_requests &&
	    (double)failed >= settings->breaker.failure_share * (double)all)
		open_breaker(health, settings, now_ms);
}

bool health_report(struct health *health, const struct config_proxy *settings, int64_t now_ms,
                   bool good)
{
	lock(&health->lock);
	bool was_closed = health->open_until_ms == 0;
	if (health->open_until_ms != 0 && now_ms >= health->open_until_ms) {
		/* It was half open: this answer decides. */
		if (good) {
			health->open_until_ms = 0;
			health->probe_until_ms = 0;
			memset(health->buckets, 0, sizeof(health->buckets));
		} else {
			open_breaker(health, settings, now_ms);
		}
	}
	count(health, settings, now_ms, good);
	bool opened = was_closed && health->open_until_ms != 0;
	unlock(&health->lock);
	return opened;
}

void health_hold(struct health *health, int64_t now_ms, int64_t for_ms)
{
	lock(&health->lock);
	health->held_until_ms = int64_max(health->held_until_ms, now_ms + for_ms);
	unlock(&health->lock);
}

void health_key_refused(struct health *health, int64_t now_ms, int64_t for_ms)
{
	atomic_store_explicit(&health->provider->no_key_until_ms, now_ms + for_ms,
	                      memory_order_relaxed);
}

void health_keys_changed(struct health_table *table)
{
	lock(&table->lock);
	for (struct provider_health *at = table->providers; at != NULL; at = at->next)
		atomic_store_explicit(&at->no_key_until_ms, 0, memory_order_relaxed);
	unlock(&table->lock);
}
