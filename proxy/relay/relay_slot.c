/*
 * The limits of providers (provider.limits as a config gives them): how many requests at once, how
 * many and how many tokens a minute. They hold over all workers. A target whose provider is at its
 * limit is passed over; where no other is left the request waits for a short while.
 */
#include "proxy/relay/relay_private.h"

enum { SLOT_POLL_MS = 25 }; /* nobody knows when a request that is under way ends */

static const char *limit_name(enum rate_result result)
{
	switch (result) {
	case RATE_REQUESTS:
		return "requests per minute";
	case RATE_TOKENS:
		return "tokens per minute";
	case RATE_STREAMS:
	case RATE_TAKEN:
		break;
	}
	return "requests at once";
}

static const struct rate_limits *limits_of(const struct relay *relay)
{
	const struct router_candidate *candidate =
	    &relay->intake->decision.candidates[relay->candidate];

	return &relay->snapshot->limits[candidate->number];
}

bool relay_take_slot(struct relay *relay)
{
	const struct shape *shape = &relay->intake->shape;
	const struct rate_limits *limits = limits_of(relay);
	int64_t wait_ms;

	if (limits->requests_per_minute == 0 && limits->tokens_per_minute == 0 &&
	    limits->streams == 0)
		return true;
	relay->slot.limits = limits;
	relay->slot.tokens =
	    price_estimate_tokens(shape->prompt_bytes) + int64_max(shape->max_output, 0);
	enum rate_result result =
	    rate_take(relay->worker->proxy->upstream_rates, relay->target->provider->name, limits,
	              relay->slot.tokens, loop_now_us(relay->worker->loop), &wait_ms);
	relay->slot.taken = result == RATE_TAKEN;
	if (relay->slot.taken)
		return true;
	proxy_count(&relay->worker->proxy->counters.limited);
	if (relay->slot.limit == NULL || wait_ms < relay->slot.wait_ms) {
		relay->slot.limit = limit_name(result);
		relay->slot.wait_ms = wait_ms;
		relay->slot.at_once = result == RATE_STREAMS;
		relay->slot.provider = relay->target->provider->name;
	}
	return false;
}

void relay_free_slot(struct relay *relay, int64_t used_tokens)
{
	if (!relay->slot.taken)
		return;
	relay->slot.taken = false;
	rate_end(relay->worker->proxy->upstream_rates, relay->target->provider->name,
	         relay->slot.limits, relay->slot.tokens, used_tokens);
}

/* --- the wait where all are at their limits --- */

static void wait_over(void *context)
{
	struct relay *relay = context;

	if (!relay_ask_next(relay, relay->slot.context_above))
		relay_tell_failure(relay);
	else if (relay->state != RELAY_WAITING && relay->failed_count > 0)
		proxy_count(&relay->worker->proxy->counters.fallbacks);
}

static void refuse(struct relay *relay)
{
	if (relay->first != NULL)
		return;
	(void)refusal_set(relay_first(relay), REFUSAL_RATE_LIMITED,
	                  "the limit of %s that the config gives the provider %.*s is reached",
	                  relay->slot.limit, TEXT_ARG(relay->slot.provider));
	relay->first->retry_after_s = rate_retry_after_s(relay->slot.wait_ms);
}

bool relay_wait_for_slot(struct relay *relay, int64_t context_above)
{
	struct worker *worker = relay->worker;
	int64_t now_us = loop_now_us(worker->loop);
	int64_t wait_ms = relay->slot.wait_ms;

	if (relay->slot.limit == NULL)
		return false;
	if (relay->slot.until_us == 0)
		relay->slot.until_us =
		    now_us + relay->snapshot->config.proxy.timeouts.queue_ms * 1000;
	if (relay->slot.at_once) /* not all of them in the same moment */
		wait_ms = SLOT_POLL_MS + (int64_t)(worker_random(worker) % SLOT_POLL_MS);
	if (now_us + wait_ms * 1000 > int64_min(relay->slot.until_us, relay->deadline_us)) {
		refuse(relay);
		return false;
	}
	relay->slot.limit = NULL;
	relay->slot.context_above = context_above;
	relay->upstream_us += wait_ms * 1000;
	if (relay->state != RELAY_WAITING)
		relay_enter(relay, RELAY_WAITING);
	loop_timer_start(worker->loop, &relay->timer, wait_ms, wait_over, relay);
	return true;
}
