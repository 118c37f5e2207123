/*
 * A second target asked while the first is slow (a route's `hedge`). Until one of the two has
 * something to show they are two relays of one exchange, each with its reservation, its place at a
 * provider and its row; the first to commit takes the exchange, the other is cancelled, billed and
 * says so in its row. One that fails leaves the request to the other. Never after the commit, once
 * a request, and within the share of the route's requests that the config allows.
 */
#include "proxy/relay/relay_private.h"

#include "harness/base/log.h"

enum {
	HEDGE_COSTS = 1000000,              /* millionths of a request */
	HEDGE_SAVED_MAX = 10 * HEDGE_COSTS, /* so many may come at once */
	HEDGE_SAMPLES = 20,                 /* fewer answers say nothing of their p95 */
	HEDGE_DELAY_MIN_US = 1000,
};

static const struct config_hedge *hedge_of(const struct relay *relay)
{
	return relay->route == NULL || !relay->route->hedge.on ? NULL : &relay->route->hedge;
}

/* --- the share --- */

static atomic_int_least64_t *savings(const struct relay *relay)
{
	const struct config_route *routes = relay->snapshot->config.routes.items;

	return &relay->snapshot->hedges_saved[relay->route - routes];
}

void relay_earn_hedge(struct relay *relay)
{
	const struct config_hedge *hedge = hedge_of(relay);

	if (hedge == NULL)
		return;
	int_least64_t earned = (int_least64_t)(hedge->share * HEDGE_COSTS);
	int_least64_t saved = atomic_load_explicit(savings(relay), memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(savings(relay), &saved,
	                                              int64_min(saved + earned, HEDGE_SAVED_MAX),
	                                              memory_order_relaxed, memory_order_relaxed))
		;
}

static bool spend(struct relay *relay)
{
	int_least64_t saved = atomic_load_explicit(savings(relay), memory_order_relaxed);

	while (saved >= HEDGE_COSTS)
		if (atomic_compare_exchange_weak_explicit(savings(relay), &saved,
		                                          saved - HEDGE_COSTS, memory_order_relaxed,
		                                          memory_order_relaxed))
			return true;
	return false;
}

/* --- two relays of one exchange --- */

static void part(struct relay *relay)
{
	relay->twin->twin = NULL;
	relay->twin = NULL;
}

/* What belongs to whoever answers: the exchange and the key with its rate. */
static void take_over(struct relay *relay, struct relay *other)
{
	http_exchange_set_user(relay->exchange, relay);
	if (relay->key != NULL)
		return;
	relay->key = other->key;
	relay->rate_taken = other->rate_taken;
	relay->rate_tokens = other->rate_tokens;
	other->key = NULL;
	other->rate_taken = false;
}

/* It answers nobody any more; what it has under way ends. */
static void dismiss(struct relay *relay)
{
	relay_leave_exchange(relay);
	loop_timer_stop(relay->worker->loop, &relay->hedge_timer);
	if (relay->state == RELAY_BOOKING) {
		relay_unbook(relay);
		relay_settle(relay);
	} else if (relay->call != NULL) {
		call_cancel(relay->call);
	}
}

void relay_hedge_won(struct relay *relay)
{
	struct relay *loser = relay->twin;

	if (loser == NULL)
		return;
	part(relay);
	take_over(relay, loser);
	if (relay->hedge)
		proxy_count(&relay->worker->proxy->counters.hedges_won);
	loser->lost = true;
	dismiss(loser);
}

void relay_hedge_closed(struct relay *relay)
{
	struct relay *twin = relay->twin;

	if (twin == NULL)
		return;
	part(relay);
	dismiss(twin);
}

/* What failed before is told by the one that is left, should it fail, too. */
static void inherit(struct relay *relay, const struct relay *failed)
{
	for (size_t i = 0; i < failed->failed_count; i++)
		relay_add_attempt(relay, &failed->attempts[i]);
	relay->waited_ms = int64_max(relay->waited_ms, failed->waited_ms);
	if (failed->first == NULL || (relay->first != NULL && !failed->first_outweighs))
		return;
	*relay_first(relay) = *failed->first;
	relay->first_outweighs = failed->first_outweighs;
	relay->first_status = failed->first_status;
	relay->upstream_status = failed->upstream_status;
	relay->first_body_is_stream = failed->first_body_is_stream;
	relay->first_body = text_copy(&relay->arena, failed->first_body);
}

bool relay_hedge_leaves(struct relay *relay)
{
	struct relay *other = relay->twin;

	if (other == NULL)
		return false;
	part(relay);
	inherit(other, relay);
	take_over(other, relay);
	relay_leave_exchange(relay);
	relay_settle(relay);
	return true;
}

/* --- the second one begins --- */

static void begin(struct relay *relay)
{
	struct relay *second;
	size_t at;

	if (!relay_choose_well(relay, &at) || !spend(relay))
		return;
	second = relay_second(relay);
	second->twin = relay;
	relay->twin = second;
	relay->hedged = second->hedged = second->hedge = true;
	if (!relay_ask_this(second, at)) {
		/* No room in a budget, or at its provider: the first goes on alone. */
		relay->tried[at] = RELAY_UNTRIED;
		part(relay);
		relay_leave_exchange(second);
		loop_defer(relay->worker->loop, relay_give, second);
		return;
	}
	relay->attempt_count++;
	proxy_count(&relay->worker->proxy->counters.hedges);
	log_info("proxy.hedge", "request=%s slow=%.*s target=%.*s", relay->id,
	         TEXT_ARG(relay->target->name), TEXT_ARG(second->target->name));
}

static void is_slow(void *context)
{
	struct relay *relay = context;

	REQUIRE(relay->magic == RELAY_MAGIC);
	if (relay->state == RELAY_CALLING && relay->call != NULL && relay->exchange != NULL &&
	    relay->given_up == NULL && relay->twin == NULL && !relay->hedged)
		begin(relay);
}

/* -1: nobody knows what slow would be. */
static int64_t delay_us(const struct relay *relay, const struct config_hedge *hedge)
{
	const struct health_counters *counters = health_counters_of(relay->health);
	const struct router_candidate *candidate =
	    &relay->intake->decision.candidates[relay->candidate];
	int64_t live_us = -1;

	if (!hedge->at_p95)
		return hedge->after_ms * 1000;
	live_us = health_histogram_quantile(
	    relay->streamed ? &counters->first_event : &counters->total, 0.95, HEDGE_SAMPLES);
	return live_us >= 0 ? live_us : candidate->slow_us;
}

void relay_hedge_watch(struct relay *relay)
{
	const struct config_hedge *hedge = hedge_of(relay);

	if (hedge == NULL || relay->hedged)
		return;
	int64_t us = delay_us(relay, hedge);
	if (us < 0)
		return;
	loop_timer_start(relay->worker->loop, &relay->hedge_timer,
	                 int64_max(us, HEDGE_DELAY_MIN_US) / 1000, is_slow, relay);
}
