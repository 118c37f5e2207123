/*
 * A streamed answer: whole events are held until the first that means something, then they
 * pass as they came. [DONE] waits until all is known to be good; a stream that breaks ends with
 * an error event instead.
 */
#include "proxy/relay/relay_private.h"

#include "harness/base/log.h"
#include "harness/base/redact.h"

#include <stdio.h>

/* --- clocks: events keep a stream alive, comments do not --- */

static void pass(struct relay *relay, struct text bytes);

/*
 * Whether the client is told that it is waited for: Anthropic's clients know `ping`, and what is
 * translated brings none of the provider's own. (Anthropic API reference, "Streaming messages":
 * there may be any number of ping events.)
 */
static bool pings(const struct relay *relay)
{
	return relay->state == RELAY_STREAMING && relay->exchange != NULL &&
	       relay->writer != NULL && relay->client_endpoint == ENDPOINT_MESSAGES &&
	       relay->tail.len == 0;
}

/* When the client has heard nothing for so long that it gets one. */
static int64_t ping_due_us(const struct relay *relay)
{
	enum { PING_MS = 15000, PINGS_WITHIN_IDLE = 3 };
	int64_t idle_ms = relay->snapshot->config.proxy.timeouts.idle_ms;

	return relay->passed_us + int64_min(PING_MS, idle_ms / PINGS_WITHIN_IDLE) * 1000;
}

static int64_t look_at_us(const struct relay *relay)
{
	return pings(relay) ? int64_min(relay->event_due_us, ping_due_us(relay))
	                    : relay->event_due_us;
}

static void event_is_late(void *context)
{
	struct relay *relay = context;
	int64_t now_us = loop_now_us(relay->worker->loop);

	if (relay->call == NULL || relay->paused || relay->event_due_us == INT64_MAX)
		return;
	if (now_us < relay->event_due_us) {
		if (pings(relay) && now_us >= ping_due_us(relay))
			pass(relay, TEXT("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
		/* It was moved meanwhile: moving the timer for each event would cost more. */
		loop_timer_start(relay->worker->loop, &relay->timer,
		                 (look_at_us(relay) - now_us + 999) / 1000, event_is_late, relay);
		return;
	}
	relay_give_up(relay,
	              relay->first_event_us < 0 ? "no event came in time"
	                                        : "no further event came in time",
	              true);
}

void relay_note_event(struct relay *relay)
{
	const struct config_proxy *settings = &relay->snapshot->config.proxy;
	int64_t now_us = loop_now_us(relay->worker->loop);
	int64_t wait_ms = relay->first_event_us < 0 ? settings->timeouts.first_event_ms
	                                            : settings->timeouts.idle_ms;

	relay->event_due_us = now_us + wait_ms * 1000;
	int64_t look_us = look_at_us(relay);
	if (relay->timer.slot == 0 || relay->timer.at_us > look_us)
		loop_timer_start(relay->worker->loop, &relay->timer,
		                 int64_max(look_us - now_us + 999, 0) / 1000, event_is_late, relay);
}

void relay_give_up(struct relay *relay, const char *reason, bool timed_out)
{
	if (relay->given_up != NULL || relay->call == NULL)
		return;
	relay->given_up = reason;
	relay->timed_out = timed_out;
	call_cancel(relay->call);
}

/* --- passing on --- */

static void pass(struct relay *relay, struct text bytes)
{
	if (relay->exchange == NULL || bytes.len == 0)
		return;
	relay->passed_us = loop_now_us(relay->worker->loop);
	if (relay->tells_error)
		bytes = redact_text(&relay->arena, bytes);
	if (relay->keeps_content)
		(void)text_buf_add(
		    &relay->response_content,
		    text_slice(bytes, 0, LEDGER_CONTENT_MAX - relay->response_content.len));
	if (http_respond_write(relay->exchange, bytes) || relay->paused || relay->call == NULL)
		return;
	relay->paused = true;
	call_pause(relay->call);
}

/* Where a frame has usage: what of it. */
struct usage_place {
	bool present; /* an object, not null */
	bool alone;   /* the chunk is there for it alone: no choices */
	bool costed;  /* says a cost already */
	size_t end;   /* of the object, in the data: before its brace */
	bool empty;   /* the object has no members */
};

static bool find_usage(struct relay *relay, struct text frame, struct usage_place *out)
{
	struct arena *scratch = &relay->worker->scratch;
	struct text data = {NULL, 0};
	struct fault fault;
	struct json *root;

	*out = (struct usage_place){0};
	/* Without the quote before it: quotes are what an event has most of. */
	if (text_find(frame, TEXT("usage\""), 0) == TEXT_NOT_FOUND)
		return false;
	data = frame_data(frame);
	arena_reset(scratch);
	if (data.data == NULL || !json_read_text(data, "event", scratch, &root, &fault))
		return false;
	const struct json *usage = json_member(root, "usage");
	const struct json *choices = json_member(root, "choices");
	if (!json_is(usage, JSON_OBJECT))
		return false;
	out->present = true;
	out->alone = choices == NULL || choices->count == 0;
	out->costed = json_member(usage, "cost") != NULL;
	out->empty = usage->count == 0;
	out->end = (size_t)(data.data - frame.data) + usage->end - 1;
	return true;
}

/* usage.cost, where the client asked for usage and the provider says none. */
static void pass_usage_frame(struct relay *relay, bool last)
{
	struct text frame = text_buf_view(&relay->usage_frame);
	struct usage_place place;

	if (frame.len == 0)
		return;
	int64_t cost = relay->facts.cost.pico_usd;
	if (last && cost >= 0 && find_usage(relay, frame, &place) && !place.costed) {
		struct text figure = relay_usd(&relay->arena, cost);
		pass(relay, text_slice(frame, 0, place.end));
		pass(relay, place.empty ? TEXT("\"cost\":") : TEXT(",\"cost\":"));
		pass(relay, figure);
		pass(relay, text_slice(frame, place.end, frame.len));
	} else {
		pass(relay, frame);
	}
	text_buf_reset(&relay->usage_frame);
}

static bool is_openai_stream(const struct relay *relay)
{
	return relay->client_endpoint == ENDPOINT_CHAT ||
	       relay->client_endpoint == ENDPOINT_COMPLETIONS;
}

/* Asked for by us, and not for the client's eyes. Other formats tell it in their last events. */
static bool is_hidden_usage(struct relay *relay, struct text frame)
{
	struct usage_place place;

	return relay->usage_injected && is_openai_stream(relay) &&
	       find_usage(relay, frame, &place) && place.alone;
}

/* The last event of a format that has no [DONE]. */
static bool is_terminal(const struct relay *relay, struct text frame)
{
	if (relay->client_endpoint == ENDPOINT_MESSAGES)
		return text_starts(frame, TEXT("event: message_stop"));
	return relay->client_endpoint == ENDPOINT_RESPONSES &&
	       (text_starts(frame, TEXT("event: response.completed")) ||
	        text_starts(frame, TEXT("event: response.incomplete")) ||
	        text_starts(frame, TEXT("event: response.failed")));
}

static void pass_frame(struct relay *relay, struct text frame, bool whole, enum frame_kind kind)
{
	struct usage_place place;

	if (!whole) {
		pass(relay, frame);
		return;
	}
	if (is_hidden_usage(relay, frame))
		return; /* wherever it comes: some send it behind [DONE] */
	if (kind == FRAME_DONE || relay->tail.len > 0 || is_terminal(relay, frame)) {
		(void)text_buf_add(&relay->tail, frame); /* past the cap: nobody reads on there */
		return;
	}
	if (kind == FRAME_COMMENT || !is_openai_stream(relay) ||
	    !find_usage(relay, frame, &place)) {
		if (kind == FRAME_EVENT)
			pass_usage_frame(relay, false);
		pass(relay, frame);
		return;
	}
	pass_usage_frame(relay, false);
	if (!relay->usage_asked || !text_buf_add(&relay->usage_frame, frame))
		pass(relay, frame);
}

static void pass_held(void *context, struct text frame, bool whole)
{
	pass_frame(context, frame, whole, frame_kind_of(frame));
}

struct without_usage {
	struct relay *relay;
	struct text_buf *out;
};

static void keep_frame(void *context, struct text frame, bool whole UNUSED)
{
	const struct without_usage *kept = context;

	if (!is_hidden_usage(kept->relay, frame))
		(void)text_buf_add(kept->out, frame);
}

struct text relay_stream_held(struct relay *relay)
{
	struct frame_cutter cutter;
	struct text_buf out;
	struct without_usage kept = {relay, &out};

	text_buf_init(&out, RELAY_HELD_BYTES_MAX + 2 * FRAME_MAX_BYTES);
	frame_cutter_init(&cutter, keep_frame, &kept);
	frame_feed(&cutter, text_buf_view(&relay->held));
	frame_cutter_done(&cutter);
	struct text all = text_copy(&relay->arena, text_buf_view(&out));
	text_buf_done(&out);
	return all;
}

/* --- the commit --- */

bool relay_leaves_filtered(const struct relay *relay)
{
	return relay->state == RELAY_CALLING && relay->route != NULL &&
	       relay->route->filter_falls_back;
}

static void commit(struct relay *relay)
{
	struct http_header headers[RELAY_HEADERS_MAX];
	struct arena *scratch = &relay->worker->scratch;
	struct frame_cutter again;

	relay_hedge_won(relay);
	arena_reset(scratch); /* the head is copied at once: nothing of it stays with the stream */
	size_t header_count = relay_head(relay, relay->head, false, scratch, headers);

	relay_enter(relay, RELAY_STREAMING);
	relay->open_stream = true;
	atomic_fetch_add_explicit(&relay->worker->proxy->counters.open_streams, 1,
	                          memory_order_relaxed);
	http_respond_begin(relay->exchange, relay->head->status, headers, header_count);
	/* What is held is whole frames. */
	frame_cutter_init(&again, pass_held, relay);
	frame_feed(&again, text_buf_view(&relay->held));
	frame_cutter_done(&again);
	text_buf_done(&relay->held);
	text_buf_init(&relay->held, RELAY_HELD_BYTES_MAX + 2 * FRAME_MAX_BYTES);
}

/* Content, a tool call, reasoning or a finish: from here on there is something to lose. */
static bool means_something(const struct relay *relay, const struct chat_reply *reply)
{
	if (reply->first_delta_us >= 0)
		return true;
	if (relay_leaves_filtered(relay) && relay_reply_is_filtered(reply))
		return false; /* judged when it is over */
	for (size_t i = 0; i < reply->choice_count; i++)
		if (reply->choices[i].finish_reason.data != NULL)
			return relay->may_be_empty || !relay_reply_is_empty(reply);
	return false;
}

static void consider_commit(struct relay *relay, const struct reply_reader *reader)
{
	const struct config_proxy *settings = &relay->snapshot->config.proxy;
	const struct chat_reply *reply = reply_reader_reply(reader);
	int64_t now_us = loop_now_us(relay->worker->loop);

	if (reply->error_count > 0) {
		relay_give_up(relay, "an error came within the stream", false);
		return;
	}
	if (reply->broken_json || reply->bad_utf8) {
		relay_give_up(relay, relay_malformed(reply), false);
		return;
	}
	bool full =
	    relay->held_events >= RELAY_HELD_EVENTS_MAX || relay->held.len >= RELAY_HELD_BYTES_MAX;
	bool long_ago = relay->held_events > 0 &&
	                now_us - relay->sent_us > settings->timeouts.first_event_ms * 1000;
	if (means_something(relay, reply) || ((full || long_ago) && relay->held_events > 0)) {
		commit(relay);
		relay_note_event(relay); /* from now on the client is told of waits, too */
		relay_drop_request(relay);
	} else if (frame_rest(&relay->cutter).len >= RELAY_HELD_BYTES_MAX || full) {
		relay_give_up(relay, "what came is no stream of events", false);
	}
}

static void frame_came(void *context, struct text frame, bool whole)
{
	struct relay *relay = context;
	enum frame_kind kind = frame_kind_of(frame);
	bool event = kind != FRAME_COMMENT;

	if (event) {
		if (relay->first_event_us < 0)
			relay->first_event_us = loop_now_us(relay->worker->loop) - relay->sent_us;
		relay_note_event(relay);
	}
	if (relay->exchange == NULL)
		return; /* read on for its figures alone */
	if (relay->state == RELAY_STREAMING) {
		pass_frame(relay, frame, whole, kind);
		return;
	}
	relay->held_events += event;
	(void)text_buf_add(&relay->held, frame);
}

void relay_stream_feed(struct relay *relay, struct text bytes, const struct reply_reader *reader)
{
	/* An error may quote our key; what models say is not searched for it, event by event. */
	relay->tells_error = reply_reader_reply(reader)->error_count > 0;
	frame_feed(&relay->cutter, relay_convert_bytes(relay, bytes, reader));
	if (relay->state == RELAY_CALLING && relay->exchange != NULL)
		consider_commit(relay, reader);
}

void relay_stream_reset(struct relay *relay)
{
	relay_convert_reset(relay);
	frame_cutter_done(&relay->cutter);
	frame_cutter_init(&relay->cutter, frame_came, relay);
	text_buf_done(&relay->held);
	text_buf_done(&relay->usage_frame);
	text_buf_done(&relay->tail);
	text_buf_init(&relay->held, RELAY_HELD_BYTES_MAX + 2 * FRAME_MAX_BYTES);
	text_buf_init(&relay->usage_frame, FRAME_MAX_BYTES);
	text_buf_init(&relay->tail, RELAY_TAIL_BYTES_MAX);
	relay->broken = false;
	relay->held_events = 0;
}

/* --- the end --- */

/* Said instead of [DONE], so that nobody takes what came for all there was. */
static void break_tail(struct relay *relay, const struct refusal *refusal)
{
	relay->broken = true;
	text_buf_reset(&relay->tail);
	(void)text_buf_add(&relay->tail,
	                   refusal_event(refusal, relay->client_endpoint, &relay->arena));
}

/* What the provider said of it in the stream, which a translation has no event for. */
static struct text said_of_it(struct relay *relay, const struct chat_reply *reply)
{
	enum { SHOWN_BYTES = 300 };
	if (reply == NULL || reply->error_count == 0 || reply->errors[0].message.len == 0)
		return TEXT("");
	struct text masked = redact_text(&relay->arena, reply->errors[0].message);
	return text_format(&relay->arena, ": %.*s",
	                   TEXT_ARG(text_visible(&relay->arena, masked, SHOWN_BYTES)));
}

static void end_broken(struct relay *relay, const struct relay_judgement *judgement,
                       const struct chat_reply *reply)
{
	struct text said = said_of_it(relay, reply);
	struct refusal refusal;
	enum refusal_code code = judgement->code == REFUSAL_UPSTREAM_TIMEOUT
	                             ? REFUSAL_UPSTREAM_TIMEOUT
	                             : REFUSAL_UPSTREAM_ERROR;

	(void)refusal_set(&refusal, code, "%.*s: the stream broke off: %s%.*s",
	                  TEXT_ARG(relay->target->name), judgement->reason, TEXT_ARG(said));
	break_tail(relay, &refusal);
	proxy_count(&relay->worker->proxy->counters.broken_streams);
	log_warn("proxy.stream_broken", "request=%s target=%.*s outcome=%s reason=%s", relay->id,
	         TEXT_ARG(relay->target->name), ending_names[judgement->ending], judgement->reason);
}

void relay_stream_ended(struct relay *relay, const struct relay_judgement *judgement,
                        const struct chat_reply *reply)
{
	frame_feed(&relay->cutter, relay_convert_rest(relay, reply, !judgement->good));
	/* Good, and all in one read that meant nothing by itself until now. */
	if (relay->state == RELAY_CALLING)
		commit(relay);
	pass_usage_frame(relay, judgement->good);
	if (!judgement->good)
		end_broken(relay, judgement, reply);
	relay_settle(relay);
}

void relay_stream_finish(struct relay *relay, bool on_disk)
{
	struct refusal refusal;

	if (!on_disk) {
		(void)refusal_set(&refusal, REFUSAL_UNAVAILABLE,
		                  "the ledger can't be written, and no answer ends that is not in "
		                  "it");
		break_tail(relay, &refusal);
	}
	pass(relay, text_buf_view(&relay->tail));
	if (!relay->broken)
		pass(relay, frame_rest(&relay->cutter));
	http_respond_end(relay->exchange);
}
