/*
 * What the call of an attempt tells: its head, its bytes and its one ending, and what that means
 * for rows, counters, health and the client.
 */
#include "proxy/relay/relay_private.h"

#include "harness/base/log.h"

static void add(atomic_uint_least64_t *counter, int64_t by)
{
	if (by > 0)
		atomic_fetch_add_explicit(counter, (uint64_t)by, memory_order_relaxed);
}

static void count_attempt(struct relay *relay, enum ending ending, const struct exchange *exchange)
{
	struct health_counters *counters = health_counters_of(relay->health);
	int64_t end_us = loop_now_us(relay->worker->loop) - relay->sent_us;

	proxy_count(&counters->attempts[ending]);
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
static void deliver(struct relay *relay, const struct exchange *exchange,
                    const struct chat_reply *reply)
{
	struct http_header headers[RELAY_HEADERS_MAX];

	relay_hedge_won(relay);
	struct text body = relay_convert_body(relay, exchange, reply);
	size_t header_count = relay_head(relay, exchange, true, &relay->arena, headers);

	if (relay->keeps_content)
		(void)text_buf_add(&relay->response_content,
		                   text_slice(body, 0, LEDGER_CONTENT_MAX));
	relay_answer(relay, exchange->status, headers, header_count, body);
}

static void call_attempted(void *context UNUSED, const struct call_attempt *attempt UNUSED)
{
}

static void call_unsent(struct relay *relay, const struct fault *fault)
{
	struct relay_judgement judgement = {
	    .ending = ENDING_ERROR,
	    .next = RELAY_NEXT_OTHER,
	    .code = REFUSAL_UPSTREAM_ERROR,
	    .wait_ms = -1,
	    .reason = "the request can't be sent to it",
	};

	/* The format that it speaks has no place for something: the client's to change. */
	if (fault->kind == FAULT_REFUSED) {
		judgement.code = REFUSAL_INVALID_REQUEST;
		judgement.reason = text_c(
		    &relay->arena,
		    text_format(&relay->arena, "its format can't carry this: %s", fault->message));
	}

	log_warn("proxy.unsent", "request=%s target=%.*s reason=%s", relay->id,
	         TEXT_ARG(relay->target->name), fault->message);
	relay->facts = (struct relay_facts){.cost = {.pico_usd = -1, .computed_pico_usd = -1},
	                                    .usage_source = "missing"};
	relay->facts.usage.input = relay->facts.usage.output = -1;
	count_attempt(relay, ENDING_ERROR, NULL);
	relay_note_row(relay, ENDING_ERROR, NULL);
	relay_drain_over(relay);
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
	loop_timer_stop(relay->worker->loop, &relay->hedge_timer);
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
	    .filter_falls_back = relay_leaves_filtered(relay),
	    .now_wall_ms = loop_wall_ms(relay->worker->loop),
	};
	relay_judge(&asked, &judgement);
	relay_note_facts(relay, last->exchange, last->reply);
	relay_watch(relay, last);
	if (relay->exchange == NULL && !relay->drains) {
		/* It ended because nobody listens: no word on the target. */
		count_attempt(relay, ENDING_CLIENT_GONE, last->exchange);
		relay_note_row(relay, ENDING_CLIENT_GONE, last->exchange);
		relay_settle(relay);
		return;
	}
	count_attempt(relay, judgement.ending, last->exchange);
	relay_note_row(relay, judgement.ending, last->exchange);
	relay_note_health(relay, &judgement);
	if (relay->exchange == NULL) {
		relay_drain_over(relay);
		relay_settle(relay);
	} else if (relay->state == RELAY_STREAMING)
		relay_stream_ended(relay, &judgement, last->reply);
	else if (!judgement.good)
		relay_failed(relay, &judgement, last->exchange, last->reply);
	else if (relay->streamed)
		relay_stream_ended(relay, &judgement, last->reply);
	else
		deliver(relay, last->exchange, last->reply);
}

void relay_head_came(void *context, const struct exchange *exchange)
{
	struct relay *relay = context;

	relay->head = exchange;
}

void relay_body_came(void *context, struct text bytes, const struct reply_reader *reader)
{
	struct relay *relay = context;

	if ((relay->exchange == NULL && !relay->drains) || relay->given_up != NULL)
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
