/*
 * One attempt: encode, send, keep every byte with its moment, read the reply as it
 * comes. Whether there will be another one is not decided here.
 */
#include "providers/wire/call_private.h"

enum {
	CHUNKS_FIRST = 16,
	RELAYED_TEXT_BYTES = 64, /* enough to tell that there is some */
};

void attempt_init(struct attempt *attempt, struct loop *loop)
{
	*attempt = (struct attempt){.loop = loop};
	text_buf_init(&attempt->body, REPLY_MAX_BYTES);
}

void attempt_reset(struct attempt *attempt)
{
	REQUIRE(attempt->transfer == NULL);
	if (attempt->reader != NULL)
		reply_reader_done(attempt->reader);
	attempt->reader = NULL;
	attempt->reply = NULL;
	attempt->exchange = (struct exchange){0};
	text_buf_reset(&attempt->body);
	arena_reset(&attempt->arena);
}

void attempt_done(struct attempt *attempt)
{
	attempt_reset(attempt);
	text_buf_done(&attempt->body);
	memory_free(attempt->chunks);
	attempt->chunks = NULL;
	attempt->chunk_room = 0;
	arena_done(&attempt->arena);
}

static int64_t since_start_us(const struct attempt *attempt)
{
	return loop_now_us(attempt->loop) - attempt->started_us;
}

/* --- what the transport tells --- */

static void head_came(void *context, int status, int http_version,
                      const struct http_header *headers, size_t count)
{
	struct attempt *attempt = context;
	struct exchange *exchange = &attempt->exchange;

	exchange->status = status;
	exchange->http_version = http_version;
	exchange->reused = transport_reused(attempt->transfer);
	exchange->head_us = since_start_us(attempt);
	exchange->headers = ARENA_NEW_ARRAY(&attempt->arena, struct http_header, count);
	exchange->header_count = count;
	for (size_t i = 0; i < count; i++)
		exchange->headers[i] = (struct http_header){
		    text_copy(&attempt->arena, headers[i].name),
		    text_copy(&attempt->arena, headers[i].value),
		};
	attempt->context.status = status;
	attempt->context.content_type = exchange_header(exchange, "content-type");
	attempt->context.error_type = exchange_header(exchange, "x-amzn-errortype");
	attempt->context.cost_usd = exchange_header(exchange, "x-litellm-response-cost");
	attempt->context.served_by = exchange_header(exchange, "x-litellm-model-api-base");
	attempt->reader = reply_reader_new(&attempt->context, &attempt->arena);
	if (attempt->relay != NULL)
		attempt->relay->head(attempt->relay_context, exchange);
}

/* Bytes that came in the same turn of the loop came together, as far as anybody can know. */
static void chunk_note(struct attempt *attempt, int64_t at_us)
{
	struct exchange *exchange = &attempt->exchange;
	size_t count = exchange->chunk_count;

	if (count > 0 &&
	    (attempt->chunks[count - 1].at_us == at_us || count == ATTEMPT_CHUNKS_MAX)) {
		attempt->chunks[count - 1] = (struct exchange_chunk){at_us, attempt->body.len};
		return;
	}
	if (count == attempt->chunk_room) {
		attempt->chunk_room = count == 0 ? CHUNKS_FIRST : size_mul(count, 2);
		attempt->chunks = memory_resize(
		    attempt->chunks, size_mul(attempt->chunk_room, sizeof(attempt->chunks[0])));
	}
	attempt->chunks[count] = (struct exchange_chunk){at_us, attempt->body.len};
	exchange->chunk_count++;
}

/* A client that has had enough closes the connection. */
static void leave_in_time(struct attempt *attempt)
{
	int64_t after = attempt->context.request->wire.leave_after_events;

	if (after == 0 || attempt->left || reply_reader_reply(attempt->reader)->events < after)
		return;
	attempt->left = true;
	transport_cancel(attempt->transfer);
}

static void body_came(void *context, struct text bytes)
{
	struct attempt *attempt = context;
	int64_t at_us = since_start_us(attempt);

	/* The transport's cap is never above the buffer's. */
	if (attempt->relay == NULL || !attempt->relay->body_dropped) {
		bool taken = text_buf_add(&attempt->body, bytes);
		REQUIRE(taken);
		chunk_note(attempt, at_us);
	}
	reply_reader_feed(attempt->reader, bytes, at_us);
	leave_in_time(attempt);
	if (attempt->relay != NULL)
		attempt->relay->body(attempt->relay_context, bytes, attempt->reader);
}

static void transfer_ended(void *context, enum exchange_end end, struct text detail)
{
	struct attempt *attempt = context;
	struct exchange *exchange = &attempt->exchange;

	if (exchange->status == 0 && end == EXCHANGE_CUT)
		exchange->reused = transport_reused(attempt->transfer);
	attempt->transfer = NULL;
	if (attempt->left && end == EXCHANGE_CANCELLED) {
		end = EXCHANGE_LEFT;
		detail = TEXT("left by us in the middle");
	}
	exchange->end = end;
	exchange->end_detail = text_copy(&attempt->arena, detail);
	exchange->end_us = since_start_us(attempt);
	exchange->body = text_buf_view(&attempt->body);
	exchange->chunks = attempt->chunks;
	/* Without a head there is a reply too: one that says nothing. */
	if (attempt->reader == NULL)
		attempt->reader = reply_reader_new(&attempt->context, &attempt->arena);
	attempt->reply = reply_reader_end(attempt->reader, end != EXCHANGE_COMPLETE);
	attempt->ended(attempt->ended_context);
}

/* --- starting --- */

/* More headers behind those of the dialect. */
static void add_headers(struct attempt *attempt, const struct http_header *headers, size_t more)
{
	struct wire_request *wire = &attempt->wire;
	size_t count = wire->header_count + more;
	struct http_header *all = ARENA_NEW_ARRAY(&attempt->arena, struct http_header, count);

	if (wire->header_count > 0)
		memcpy(all, wire->headers, wire->header_count * sizeof(*all));
	if (more > 0)
		memcpy(all + wire->header_count, headers, more * sizeof(*all));
	wire->headers = all;
	wire->header_count = count;
}

/* How it travels: what of that is a header is sent, and recorded, as one. */
static void set_wire(struct attempt *attempt, const struct chat_wire *wire)
{
	struct http_header headers[2];
	size_t count = 0;

	attempt->left = false;
	attempt->wire.wire = wire;
	if (wire->accept_encoding.data != NULL)
		headers[count++] =
		    (struct http_header){TEXT("Accept-Encoding"), wire->accept_encoding};
	if (wire->expect_continue)
		headers[count++] = (struct http_header){TEXT("Expect"), TEXT("100-continue")};
	if (count > 0)
		add_headers(attempt, headers, count);
}

static struct transport_limits limits_of(const struct attempt *attempt,
                                         const struct attempt_plan *plan)
{
	struct transport_limits limits = {
	    .timeouts = plan->target->provider->timeouts,
	    .body_bytes = size_min(plan->body_max_bytes, attempt->body.max),
	};

	limits.trickles = plan->relay != NULL && plan->relay->body_dropped;
	if (plan->relay != NULL && plan->relay->timeouts != NULL)
		limits.timeouts = *plan->relay->timeouts;
	if (limits.timeouts.total_ms <= 0 || limits.timeouts.total_ms > plan->total_ms)
		limits.timeouts.total_ms = plan->total_ms;
	return limits;
}

/* Of the texts of a body that nobody keeps; 0: all. */
static size_t kept_of(const struct call_relay *relay)
{
	if (relay == NULL || !relay->body_dropped)
		return 0;
	return relay->text_kept_bytes > 0 ? relay->text_kept_bytes : RELAYED_TEXT_BYTES;
}

bool attempt_start(struct attempt *attempt, const struct attempt_plan *plan,
                   void (*ended)(void *context), void *context, struct fault *fault)
{
	const struct provider *provider = plan->target->provider;
	struct transport_sink sink = {head_came, body_came, transfer_ended, attempt};
	struct transport_limits limits = limits_of(attempt, plan);

	attempt_reset(attempt);
	if (!provider_encode(provider, plan->request, &attempt->arena, &attempt->wire, fault))
		return false;
	attempt->wire.aws = provider->aws.access_key_id == NULL ? NULL : &provider->aws;
	attempt->relay = plan->relay;
	attempt->relay_context = plan->relay_context;
	set_wire(attempt, &plan->request->wire);
	if (plan->relay != NULL)
		add_headers(attempt, plan->relay->headers, plan->relay->header_count);
	attempt->started_us = loop_now_us(attempt->loop);
	attempt->context = (struct reply_context){
	    .dialect = provider->dialect,
	    .request = plan->request,
	    .text_kept_bytes = kept_of(plan->relay),
	    .scratch = plan->scratch,
	};
	attempt->exchange = (struct exchange){
	    .method = text_of(attempt->wire.method),
	    .url = text_of(attempt->wire.url),
	    .request_headers = attempt->wire.headers,
	    .request_header_count = attempt->wire.header_count,
	    .request_body = attempt->wire.body,
	    .dropped = attempt->wire.dropped.items,
	    .dropped_count = attempt->wire.dropped.count,
	    .started_wall_ms = loop_wall_ms(attempt->loop),
	    .wrong_key = plan->request->auth == AUTH_WRONG_KEY,
	    .no_key = plan->request->auth == AUTH_NONE,
	    .head_us = -1,
	    .end_us = -1,
	};
	attempt->ended = ended;
	attempt->ended_context = context;
	attempt->transfer =
	    transport_start(plan->transport, &attempt->wire, plan->key, &limits, &sink);
	return true;
}
