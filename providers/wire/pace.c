/*
 * The queue in front of a provider. Requests and tokens a minute are spread evenly
 * (GCRA without a burst): a provider that counts in fixed minutes then never sees
 * more than was allowed in any of them. A request that is dearer than what is left
 * goes as soon as its predecessors are paid for, and those behind it pay for it;
 * so none is too large to go at all.
 */
#include "providers/wire/pace.h"

static const int64_t MINUTE_US = 60000000;
static const int64_t TOKENS_MAX = 1000000000; /* of one request: no model reads more */

struct pace {
	struct loop *loop;
	struct provider_limits limits;
	struct pace_waiter *first, *last;
	int64_t in_flight;
	int64_t held_until_us;
	int64_t requests_paid_us; /* when what has started is paid for, at the allowed rate */
	int64_t tokens_paid_us;
	struct loop_timer timer;
	bool pump_deferred;
	bool freed; /* by its owner; the deferred pump frees the memory */
};

struct pace *pace_new(struct loop *loop, const struct provider_limits *limits)
{
	struct pace *pace = memory_new(sizeof(*pace));

	REQUIRE(limits->concurrency >= 1);
	pace->loop = loop;
	pace->limits = *limits;
	return pace;
}

void pace_free(struct pace *pace)
{
	if (pace == NULL)
		return;
	REQUIRE(pace->first == NULL);
	loop_timer_stop(pace->loop, &pace->timer);
	if (pace->pump_deferred)
		pace->freed = true;
	else
		memory_free(pace);
}

/* `from` or now, whichever is later, and what `units` take at so many a minute. */
static int64_t paid_after(int64_t from_us, int64_t now_us, int64_t units, int64_t per_minute)
{
	return int64_max(from_us, now_us) + (units * MINUTE_US + per_minute - 1) / per_minute;
}

static void pace_take(struct pace *pace, int64_t tokens, int64_t now_us)
{
	pace->in_flight++;
	if (pace->limits.requests_per_minute > 0)
		pace->requests_paid_us =
		    paid_after(pace->requests_paid_us, now_us, 1, pace->limits.requests_per_minute);
	if (pace->limits.tokens_per_minute > 0)
		pace->tokens_paid_us = paid_after(pace->tokens_paid_us, now_us, tokens,
		                                  pace->limits.tokens_per_minute);
}

static void pump_later(struct pace *pace);

static void timer_fired(void *context)
{
	pump_later(context);
}

/* Starts whoever may start now. Sets the timer where time is all that the next one lacks. */
static void pump(struct pace *pace)
{
	int64_t now_us = loop_now_us(pace->loop);

	while (pace->first != NULL && pace->in_flight < pace->limits.concurrency) {
		int64_t at_us = int64_max(pace->held_until_us,
		                          int64_max(pace->requests_paid_us, pace->tokens_paid_us));
		if (at_us > now_us) {
			/* Rounded up: a moment early would be a turn for nothing. */
			loop_timer_start(pace->loop, &pace->timer, (at_us - now_us + 999) / 1000,
			                 timer_fired, pace);
			return;
		}
		struct pace_waiter *waiter = pace->first;

		pace->first = waiter->next;
		if (pace->first == NULL)
			pace->last = NULL;
		waiter->next = NULL;
		waiter->waiting = false;
		pace_take(pace, waiter->tokens, now_us);
		waiter->go(waiter->context);
		if (pace->freed)
			return;
	}
}

static void pump_deferred(void *context)
{
	struct pace *pace = context;

	if (!pace->freed)
		pump(pace);
	pace->pump_deferred = false;
	if (pace->freed)
		memory_free(pace);
}

static void pump_later(struct pace *pace)
{
	if (pace->pump_deferred)
		return;
	pace->pump_deferred = true;
	loop_defer(pace->loop, pump_deferred, pace);
}

void pace_wait(struct pace *pace, struct pace_waiter *waiter, int64_t tokens,
               void (*go)(void *context), void *context)
{
	REQUIRE(!waiter->waiting);
	*waiter = (struct pace_waiter){
	    .tokens = int64_max(0, int64_min(tokens, TOKENS_MAX)),
	    .waiting = true,
	    .go = go,
	    .context = context,
	};
	if (pace->last != NULL)
		pace->last->next = waiter;
	else
		pace->first = waiter;
	pace->last = waiter;
	/* Those behind others are started when the first of them is. */
	if (pace->first == waiter)
		pump_later(pace);
}

void pace_cancel(struct pace *pace, struct pace_waiter *waiter)
{
	struct pace_waiter *before = NULL;

	if (!waiter->waiting)
		return;
	for (struct pace_waiter *at = pace->first; at != waiter; at = at->next) {
		REQUIRE(at != NULL);
		before = at;
	}
	if (before == NULL)
		pace->first = waiter->next;
	else
		before->next = waiter->next;
	if (pace->last == waiter)
		pace->last = before;
	waiter->next = NULL;
	waiter->waiting = false;
	/* Whoever is first now waits for the same slot or moment as the one that left. */
	if (pace->first == NULL)
		loop_timer_stop(pace->loop, &pace->timer);
}

void pace_release(struct pace *pace)
{
	REQUIRE(pace->in_flight > 0);
	pace->in_flight--;
	if (pace->first != NULL)
		pump_later(pace);
}

void pace_hold(struct pace *pace, int64_t for_ms)
{
	/* More than a year is a mistake that must not wrap around. */
	int64_t ms = int64_min(int64_max(for_ms, 0), INT64_C(366) * 24 * 3600 * 1000);
	int64_t until_us = loop_now_us(pace->loop) + ms * 1000;

	pace->held_until_us = int64_max(pace->held_until_us, until_us);
}
