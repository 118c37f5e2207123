/*
 * One question, as often as it takes: queue, attempt, wait, attempt ... and exactly
 * one ending. Only infrastructure is asked again; what a reply is worth is judged elsewhere.
 */
#include "providers/wire/call_private.h"

enum { RETRY_JITTER_MAX_MS = 1000 };

/* States, and which may follow: one door, call_enter. */
static const unsigned call_next[CALL_STATES] = {
    [CALL_QUEUED] = 1u << CALL_SENT | 1u << CALL_ENDING,
    [CALL_SENT] = 1u << CALL_TELLING,
    [CALL_TELLING] = 1u << CALL_BACKING_OFF | 1u << CALL_ENDING,
    [CALL_BACKING_OFF] = 1u << CALL_QUEUED | 1u << CALL_ENDING,
    [CALL_ENDING] = 0,
};

static void call_enter(struct call *call, enum call_state state)
{
	REQUIRE((call_next[call->state] & 1u << state) != 0);
	call->state = state;
}

static int64_t remaining_ms(const struct call *call)
{
	return (call->deadline_us - loop_now_us(call->caller->loop)) / 1000;
}

/* --- the ending --- */

/* The call is gone after this. The fault is told only where no attempt can speak for itself. */
static void call_end(struct call *call, const struct fault *fault)
{
	struct caller *caller = call->caller;
	bool attempted = call->last.exchange != NULL;

	if (call->state != CALL_ENDING)
		call_enter(call, CALL_ENDING);
	caller->in_flight--;
	call->last.final = true;
	call->events.end(call->events.context, attempted ? &call->last : NULL,
	                 attempted ? NULL : fault);
	caller_give_call(caller, call);
}

static void call_end_unsent(void *context)
{
	struct call *call = context;
	struct fault *fault = call->unsent;

	call->unsent = NULL;
	call_end(call, fault);
	memory_free(fault);
}

static void call_end_cancelled(void *context)
{
	struct fault fault;

	(void)fault_set(&fault, FAULT_SYSTEM, "cancelled before anything was sent");
	call_end(context, &fault);
}

static void deadline_passed(void *context)
{
	struct call *call = context;
	const struct target *target = call->options.target;
	struct fault fault;

	(void)fault_set(&fault, FAULT_SYSTEM,
	                "no turn at provider %.*s within %lld ms: its limits let nothing through",
	                TEXT_ARG(target->provider->name), (long long)call->options.deadline_ms);
	pace_cancel(call->pace, &call->waiter);
	call_end(call, &fault);
}

/* --- again, or not --- */

/* How long to wait for the next attempt; -1: there is none. The provider is held as it asked. */
static int64_t retry_wait_ms(struct call *call)
{
	struct caller *caller = call->caller;
	const struct exchange *exchange = &call->attempt.exchange;
	bool overloaded = exchange->status == 429 || exchange->status == 503;

	if (!exchange_is_infra(exchange) || chat_reply_quota_is_spent(call->attempt.reply))
		return -1;
	if (exchange->status == 501) /* what it lacks now it lacks in a second (RFC 9110, 15.6.2) */
		return -1;
	int64_t asked_ms = -1;
	if (exchange->status != 0)
		asked_ms = pace_asked_ms(exchange, call->attempt.reply, loop_wall_ms(caller->loop));
	/* Limits that were not hit name their resets as well: only these two speak of now. */
	if (!overloaded && exchange_header(exchange, "retry-after").data == NULL)
		asked_ms = -1;
	int64_t wait_ms = pace_backoff_ms(call->number, caller_random(caller));
	if (asked_ms >= 0) {
		/* Never earlier than asked, and not all of us at the same moment. */
		int64_t jitter_ms = int64_min(asked_ms / 10, RETRY_JITTER_MAX_MS);

		wait_ms = asked_ms + (int64_t)(caller_random(caller) % (uint64_t)(jitter_ms + 1));
	}
	if (overloaded)
		pace_hold(call->pace, asked_ms >= 0 ? asked_ms : wait_ms);
	if (call->options.request->wire.once && exchange->status == 429)
		return -1;
	if (call->number >= call->options.max_attempts || wait_ms >= remaining_ms(call))
		return -1;
	return wait_ms;
}

static void queue_up(struct call *call);

static void wait_over(void *context)
{
	struct call *call = context;

	call_enter(call, CALL_QUEUED);
	queue_up(call);
}

static void attempt_ended(void *context)
{
	struct call *call = context;
	bool again = !call->cancelled && call->pace != NULL;
	int64_t wait_ms = again ? retry_wait_ms(call) : -1;

	if (call->pace != NULL)
		pace_release(call->pace);
	call->last = (struct call_attempt){
	    .number = call->number,
	    .exchange = &call->attempt.exchange,
	    .reply = call->attempt.reply,
	    .final = wait_ms < 0,
	};
	call_enter(call, CALL_TELLING);
	call->events.attempt(call->events.context, &call->last);
	if (wait_ms < 0 || call->cancelled) {
		call_end(call, NULL);
		return;
	}
	call_enter(call, CALL_BACKING_OFF);
	loop_timer_start(call->caller->loop, &call->timer, wait_ms, wait_over, call);
}

/* --- one attempt --- */

/* The key that goes with the request; false where there should be one and is none. */
static bool choose_key(const struct call *call, const struct secret **key, struct fault *fault)
{
	const struct provider *provider = call->options.target->provider;

	*key = NULL;
	switch (call->options.request->auth) {
	case AUTH_NONE:
		return true;
	case AUTH_WRONG_KEY:
		*key = call->caller->wrong_key;
		return true;
	case AUTH_KEY:
		break;
	}
	if (provider->key_ref.data != NULL && provider->key == NULL)
		return fault_set(fault, FAULT_INPUT, "the key of provider %.*s was not loaded",
		                 TEXT_ARG(provider->name));
	*key = provider->key;
	return true;
}

static bool send_attempt(struct call *call, struct fault *fault)
{
	struct attempt_plan plan = {
	    .transport = call->caller->transport,
	    .scratch = &call->caller->scratch,
	    .target = call->options.target,
	    .request = call->options.request,
	    .total_ms = int64_max(remaining_ms(call), 1),
	    .body_max_bytes = call->options.body_max_bytes,
	    .relay = call->options.relay,
	    .relay_context = call->events.context,
	};

	/* From here on the arena of the attempt told last is used again. */
	call->last = (struct call_attempt){0};
	if (!choose_key(call, &plan.key, fault) ||
	    !attempt_start(&call->attempt, &plan, attempt_ended, call, fault))
		return false;
	call->number++;
	call_enter(call, CALL_SENT);
	return true;
}

static void send_relayed(struct call *call)
{
	struct fault fault;

	if (send_attempt(call, &fault))
		return;
	call->unsent = memory_new(sizeof(fault));
	*call->unsent = fault;
	call_enter(call, CALL_ENDING);
	loop_defer(call->caller->loop, call_end_unsent, call);
}

/* Our turn at the provider has come; the slot is ours. */
static void turn_came(void *context)
{
	struct call *call = context;
	struct fault fault;

	loop_timer_stop(call->caller->loop, &call->timer);
	if (send_attempt(call, &fault))
		return;
	pace_release(call->pace);
	call_end(call, &fault);
}

static void queue_up(struct call *call)
{
	const struct chat_request *request = call->options.request;
	int64_t tokens = price_estimate_tokens(
	    (int64_t)(request->body.len - size_min(request->padding, request->body.len)));

	loop_timer_start(call->caller->loop, &call->timer, int64_max(remaining_ms(call), 0),
	                 deadline_passed, call);
	pace_wait(call->pace, &call->waiter, tokens, turn_came, call);
}

/* --- the public verbs --- */

struct call *call_start(struct caller *caller, const struct call_options *options,
                        const struct call_events *events)
{
	struct call *call = caller_take_call(caller);
	int64_t now_us = loop_now_us(caller->loop);
	int64_t deadline_us;

	REQUIRE(options->max_attempts >= 1 && options->target->model != NULL);
	call->options = *options;
	call->events = *events;
	if (__builtin_mul_overflow(options->deadline_ms, (int64_t)1000, &deadline_us) ||
	    __builtin_add_overflow(now_us, deadline_us, &call->deadline_us))
		call->deadline_us = INT64_MAX;
	call->pace = NULL;
	call->state = CALL_QUEUED;
	if (options->relay != NULL) {
		send_relayed(call);
		return call;
	}
	call->pace = caller_pace_of(caller, options->target->provider);
	queue_up(call);
	return call;
}

void call_cancel(struct call *call)
{
	REQUIRE(call->magic == CALL_MAGIC);
	if (call->cancelled)
		return;
	call->cancelled = true;
	switch (call->state) {
	case CALL_QUEUED:
		pace_cancel(call->pace, &call->waiter);
		break;
	case CALL_BACKING_OFF:
		break;
	case CALL_SENT:
		transport_cancel(call->attempt.transfer);
		return;
	case CALL_TELLING:
	case CALL_ENDING:
	case CALL_STATES:
		return;
	}
	loop_timer_stop(call->caller->loop, &call->timer);
	call_enter(call, CALL_ENDING);
	loop_defer(call->caller->loop, call_end_cancelled, call);
}

void call_pause(struct call *call)
{
	REQUIRE(call->magic == CALL_MAGIC);
	if (call->state == CALL_SENT)
		transport_pause(call->attempt.transfer);
}

void call_resume(struct call *call)
{
	REQUIRE(call->magic == CALL_MAGIC);
	if (call->state == CALL_SENT)
		transport_resume(call->attempt.transfer);
}
