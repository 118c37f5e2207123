/*
 * The relay's life: what begins it, what the call tells, and the ending. Who is asked is in
 * relay_next.c, what a stream needs in relay_stream.c, headers in relay_head.c.
 */
#include "proxy/relay_private.h"

#include "harness/base/log.h"

enum {
	UNUSED_KEPT = 256,
	KEPT_BYTES = 64 << 10, /* of a spent relay's arena */
};

static const struct {
	const char *name;
	unsigned next; /* bit set of the states that may follow */
} states[RELAY_STATES] = {
    [RELAY_CALLING] = {"calling", 1u << RELAY_CALLING | 1u << RELAY_WAITING |
                                      1u << RELAY_STREAMING | 1u << RELAY_SETTLING},
    [RELAY_WAITING] = {"waiting", 1u << RELAY_CALLING | 1u << RELAY_SETTLING},
    [RELAY_STREAMING] = {"streaming", 1u << RELAY_SETTLING},
    [RELAY_SETTLING] = {"settling", 1u << RELAY_DONE},
    [RELAY_DONE] = {"done", 0},
};

void relay_enter(struct relay *relay, enum relay_state state)
{
	REQUIRE((states[relay->state].next & 1u << state) != 0);
	relay->state = state;
}

static void count(atomic_uint_least64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* --- life ------------------------------------------------------------------------------ */

static struct relay *take(struct worker *worker)
{
	struct relay *relay = worker->unused;

	if (relay == NULL)
		return memory_new(sizeof(*relay));
	worker->unused = relay->next;
	worker->unused_count--;
	return relay;
}

static void relay_free(struct relay *relay)
{
	arena_done(&relay->arena);
	memory_free(relay);
}

void relay_free_unused(struct worker *worker)
{
	while (worker->unused != NULL) {
		struct relay *relay = worker->unused;
		worker->unused = relay->next;
		relay_free(relay);
	}
	worker->unused_count = 0;
}

/* Neither an exchange nor a call knows it any more. */
static void give(struct relay *relay)
{
	struct worker *worker = relay->worker;
	struct arena arena = relay->arena;

	REQUIRE(relay->call == NULL && relay->exchange == NULL);
	loop_timer_stop(worker->loop, &relay->timer);
	frame_cutter_done(&relay->cutter);
	text_buf_done(&relay->held);
	text_buf_done(&relay->usage_frame);
	text_buf_done(&relay->tail);
	snapshot_drop(relay->snapshot);
	if (arena.held > KEPT_BYTES)
		arena_done(&arena);
	else
		arena_reset(&arena);
	*relay = (struct relay){.arena = arena};
	atomic_fetch_sub_explicit(&worker->proxy->counters.open_requests, 1, memory_order_relaxed);
	if (worker->unused_count >= UNUSED_KEPT) {
		relay_free(relay);
	} else {
		relay->next = worker->unused;
		worker->unused = relay;
		worker->unused_count++;
	}
	worker_relay_over(worker);
}

static void give_later(void *context)
{
	give(context);
}

/* --- the ending ------------------------------------------------------------------------- */

/* Everything is said. The relay goes with its exchange. */
static void done(struct relay *relay)
{
	struct worker *worker = relay->worker;

	relay_enter(relay, RELAY_DONE);
	loop_timer_stop(worker->loop, &relay->timer);
	if (relay->exchange == NULL)
		loop_defer(worker->loop, give_later, relay);
}

void relay_settle(struct relay *relay)
{
	struct worker *worker = relay->worker;

	relay_enter(relay, RELAY_SETTLING);
	loop_refresh(worker->loop);
	health_histogram_add(&worker->proxy->counters.overhead,
	                     loop_now_us(worker->loop) - relay->began_us - relay->upstream_us);
	if (relay->open_stream)
		atomic_fetch_sub_explicit(&worker->proxy->counters.open_streams, 1,
		                          memory_order_relaxed);
	relay->open_stream = false;
	done(relay);
}

/* The first failure is what the client hears, with all that was tried. */
void relay_tell_failure(struct relay *relay)
{
	struct http_header headers[RELAY_HEADERS_MAX];
	struct refusal *refusal = relay->first;

	if (relay->exchange != NULL) {
		refusal->attempts = relay->attempts;
		refusal->attempt_count = relay->failed_count;
		size_t header_count = relay_refusal_head(relay, refusal, headers);
		struct text body = relay->first_body;
		int status = relay->first_status;
		if (status == 0) {
			status = refusal_status(refusal);
			body = refusal_body(refusal, relay->endpoint, &relay->arena);
		}
		listener_answer(relay->worker, relay->exchange, status, headers, header_count,
		                body);
	}
	relay_settle(relay);
}

/* --- what the call tells -----------------------------------------------------------------------
 */

static void note_facts(struct relay *relay, const struct chat_reply *reply)
{
	struct relay_facts *facts = &relay->facts;

	*facts = (struct relay_facts){.usage = reply->usage, .cost = {-1, COST_UNKNOWN}};
	if (reply->model_count > 0)
		facts->reported_model = text_copy(&relay->arena, reply->models[0]);
	if (reply->choice_count > 0 && reply->choices[0].finish_reason.data != NULL)
		facts->finish_reason = text_copy(&relay->arena, reply->choices[0].finish_reason);
	if (reply->usage.present)
		facts->cost = price_cost(&relay->target->model->price, &reply->usage);
}

static void add(atomic_uint_least64_t *counter, int64_t by)
{
	if (by > 0)
		atomic_fetch_add_explicit(counter, (uint64_t)by, memory_order_relaxed);
}

static void count_attempt(struct relay *relay, enum ending ending, const struct exchange *exchange)
{
	struct health_counters *counters = health_counters_of(relay->health);
	int64_t end_us = loop_now_us(relay->worker->loop) - relay->sent_us;

	count(&counters->attempts[ending]);
	add(&counters->input_tokens, relay->facts.usage.input);
	add(&counters->output_tokens, relay->facts.usage.output);
	add(&counters->cost_pico_usd, relay->facts.cost.pico_usd);
	if (ending != ENDING_OK || exchange == NULL)
		return;
	health_histogram_add(&counters->total, end_us);
	if (relay->first_event_us >= 0)
		health_histogram_add(&counters->first_event, relay->first_event_us);
}

/* A whole answer, not streamed. */
static void deliver(struct relay *relay, const struct exchange *exchange)
{
	struct http_header headers[RELAY_HEADERS_MAX];
	size_t header_count = relay_head(relay, exchange, true, headers);

	listener_answer(relay->worker, relay->exchange, exchange->status, headers, header_count,
	                exchange->body);
	relay_settle(relay);
}

static void call_attempted(void *context UNUSED, const struct call_attempt *attempt UNUSED)
{
}

static void call_unsent(struct relay *relay, const struct fault *fault)
{
	const struct relay_judgement judgement = {
	    .ending = ENDING_ERROR,
	    .next = RELAY_NEXT_OTHER,
	    .code = REFUSAL_UPSTREAM_ERROR,
	    .wait_ms = -1,
	    .reason = "the request can't be sent to it",
	};

	log_warn("proxy.unsent", "request=%s target=%.*s reason=%s", relay->id,
	         TEXT_ARG(relay->target->name), fault->message);
	relay->facts = (struct relay_facts){.cost = {-1, COST_UNKNOWN}};
	count_attempt(relay, ENDING_ERROR, NULL);
	if (relay->exchange == NULL)
		relay_settle(relay);
	else
		relay_failed(relay, &judgement, NULL, NULL);
}

static void call_ended(void *context, const struct call_attempt *last, const struct fault *fault)
{
	struct relay *relay = context;
	struct relay_judgement judgement;

	REQUIRE(relay->magic == RELAY_MAGIC);
	relay->call = NULL;
	loop_timer_stop(relay->worker->loop, &relay->timer);
	loop_refresh(relay->worker->loop);
	relay->upstream_us += loop_now_us(relay->worker->loop) - relay->sent_us;
	if (last == NULL) {
		call_unsent(relay, fault);
		return;
	}
	const struct relay_case asked = {
	    .exchange = last->exchange,
	    .reply = last->reply,
	    .endpoint = relay->endpoint,
	    .streamed = relay->streamed,
	    .given_up = relay->given_up,
	    .timed_out = relay->timed_out,
	    .may_be_empty = relay->may_be_empty,
	    .now_wall_ms = loop_wall_ms(relay->worker->loop),
	};
	relay_judge(&asked, &judgement);
	note_facts(relay, last->reply);
	if (relay->exchange == NULL) {
		/* It ended because nobody listens: no word on the target. */
		count_attempt(relay, ENDING_CLIENT_GONE, last->exchange);
		relay_settle(relay);
		return;
	}
	count_attempt(relay, judgement.ending, last->exchange);
	relay_note_health(relay, &judgement);
	if (relay->state == RELAY_STREAMING)
		relay_stream_ended(relay, &judgement);
	else if (!judgement.good)
		relay_failed(relay, &judgement, last->exchange, last->reply);
	else if (relay->streamed)
		relay_stream_ended(relay, &judgement);
	else
		deliver(relay, last->exchange);
}

static void head_came(void *context, const struct exchange *exchange)
{
	struct relay *relay = context;

	relay->head = exchange;
}

static void body_came(void *context, struct text bytes, const struct reply_reader *reader)
{
	struct relay *relay = context;

	if (relay->exchange == NULL || relay->given_up != NULL)
		return;
	if (!relay->streamed) {
		if (relay->first_event_us < 0)
			relay->first_event_us = loop_now_us(relay->worker->loop) - relay->sent_us;
		relay->event_due_us = INT64_MAX; /* a body has no events: libcurl's clocks hold */
	} else if (relay->head->status >= 300) {
		(void)text_buf_add(&relay->held, bytes);
	} else {
		relay_stream_feed(relay, bytes, reader);
	}
}

const struct call_events relay_call_events = {
    .attempt = call_attempted,
    .end = call_ended,
};

/* --- the public verbs ----------------------------------------------------------------------------
 */

static void make_id(struct relay *relay)
{
	(void)snprintf(relay->id, sizeof(relay->id), "req_%016llx",
	               (unsigned long long)worker_random(relay->worker));
}

/* Timeouts as the proxy's own config has them, whatever the runner is given. */
static const struct provider_timeouts *timeouts_of(struct relay *relay)
{
	const struct config_proxy *settings = &relay->snapshot->config.proxy;
	struct provider_timeouts *timeouts = ARENA_NEW(&relay->arena, struct provider_timeouts);

	*timeouts = (struct provider_timeouts){
	    .connect_ms = settings->timeouts.connect_ms,
	    .first_event_ms = settings->timeouts.first_event_ms,
	    .idle_ms = settings->timeouts.idle_ms,
	    .total_ms = settings->timeouts.total_ms,
	};
	return timeouts;
}

void relay_start(struct worker *worker, struct http_exchange *exchange, struct intake *intake)
{
	struct relay *relay = take(worker);
	int64_t now_us = loop_now_us(worker->loop);
	struct http_header up[FORWARD_MAX_HEADERS];

	relay->magic = RELAY_MAGIC;
	relay->worker = worker;
	relay->snapshot = snapshot_take(worker->snapshot);
	relay->exchange = exchange;
	relay->intake = intake;
	relay->state = RELAY_CALLING;
	relay->endpoint = intake->endpoint;
	relay->streamed = intake->shape.streamed;
	relay->usage_asked = intake->shape.usage_asked;
	relay->may_be_empty = feature_has(&intake->shape.features, FEATURE_STOP);
	relay->began_us = now_us;
	relay->deadline_us = now_us + worker->snapshot->config.proxy.timeouts.total_ms * 1000;
	relay->up_count = forward_up(http_exchange_request(exchange), &relay->arena, up);
	relay->up = ARENA_NEW_ARRAY(&relay->arena, struct http_header, relay->up_count + 1);
	memcpy(relay->up, up, relay->up_count * sizeof(*up));
	relay->call_relay = (struct call_relay){
	    .timeouts = timeouts_of(relay),
	    .headers = relay->up,
	    .header_count = relay->up_count,
	    .body_dropped = relay->streamed,
	    .head = head_came,
	    .body = body_came,
	};
	relay->tried = ARENA_NEW_ARRAY(http_exchange_arena(exchange), bool, intake->decision.count);
	make_id(relay);
	http_exchange_set_user(exchange, relay);
	worker->relays++;
	relay_earn_retry(worker->proxy);
	atomic_fetch_add_explicit(&worker->proxy->counters.open_requests, 1, memory_order_relaxed);
	bool asked = relay_ask_next(relay, -1);
	REQUIRE(asked);
}

void relay_closed(struct relay *relay, bool client_gone)
{
	REQUIRE(relay->magic == RELAY_MAGIC);
	relay->exchange = NULL;
	relay->intake = NULL;
	if (client_gone && relay->state != RELAY_DONE)
		count(&relay->worker->proxy->counters.client_gone);
	switch (relay->state) {
	case RELAY_CALLING:
	case RELAY_STREAMING:
		if (relay->call != NULL)
			call_cancel(relay->call);
		return;
	case RELAY_WAITING:
		relay_settle(relay);
		return;
	case RELAY_DONE:
		loop_defer(relay->worker->loop, give_later, relay);
		return;
	case RELAY_SETTLING:
	case RELAY_STATES:
		return;
	}
}

void relay_drained(struct relay *relay)
{
	REQUIRE(relay->magic == RELAY_MAGIC);
	if (!relay->paused || relay->call == NULL)
		return;
	relay->paused = false;
	relay_note_event(relay); /* the provider could not send while we did not read */
	call_resume(relay->call);
}
