/* One transfer against a server that sends exactly these bytes, and what came of it. */
#ifndef PROVISO_TESTS_UNIT_PROVIDERS_TRANSPORT_RIG_H
#define PROVISO_TESTS_UNIT_PROVIDERS_TRANSPORT_RIG_H

#include "providers/wire/transport_private.h"
#include "tests/unit/providers/script_server.h"

#include <unistd.h>

static struct loop *loop;
static struct transport *transport;
static struct script_server *server;
static struct arena arena;

struct seen {
	struct transfer *transfer;
	unsigned heads, ends;
	int status, version;
	struct text headers; /* "name=value|" */
	struct text_buf body;
	unsigned body_calls;
	enum exchange_end end;
	struct text detail;
	bool cancel_in_head, cancel_in_body, pause_in_body;
	size_t body_at_pause;
};

static inline void saw_head(void *context, int status, int version,
                            const struct http_header *headers, size_t count)
{
	struct seen *seen = context;
	struct text_buf text;

	ck_assert_uint_eq(seen->ends, 0);
	seen->heads++;
	seen->status = status;
	seen->version = version;
	text_buf_init(&text, 1 << 20);
	for (size_t i = 0; i < count; i++) {
		text_buf_add(&text, headers[i].name);
		text_buf_add(&text, TEXT("="));
		text_buf_add(&text, headers[i].value);
		text_buf_add(&text, TEXT("|"));
	}
	seen->headers = text_copy(&arena, text_buf_view(&text));
	text_buf_done(&text);
	if (seen->cancel_in_head)
		transport_cancel(seen->transfer);
}

static inline void saw_body(void *context, struct text bytes)
{
	struct seen *seen = context;

	ck_assert_uint_eq(seen->heads, 1);
	ck_assert_uint_eq(seen->ends, 0);
	ck_assert_uint_gt(bytes.len, 0);
	ck_assert(text_buf_add(&seen->body, bytes));
	seen->body_calls++;
	if (seen->cancel_in_body)
		transport_cancel(seen->transfer);
	if (seen->pause_in_body) {
		seen->pause_in_body = false;
		seen->body_at_pause = seen->body.len;
		transport_pause(seen->transfer);
	}
}

static inline void saw_end(void *context, enum exchange_end end, struct text detail)
{
	struct seen *seen = context;

	seen->ends++;
	seen->end = end;
	seen->detail = text_copy(&arena, detail);
}

static inline const char *url_of(int port)
{
	return text_c(&arena, text_format(&arena, "http://127.0.0.1:%d/v1/x?y=1", port));
}

static struct transport_limits limits = {
    .timeouts = {.connect_ms = 20000, .first_event_ms = 20000, .idle_ms = 20000, .total_ms = 30000},
    .body_bytes = 1 << 20,
};

static inline void begin(struct seen *seen, const struct wire_request *request,
                         const struct secret *key)
{
	struct transport_sink sink = {saw_head, saw_body, saw_end, seen};

	if (seen->body.max == 0)
		text_buf_init(&seen->body, 64 << 20);
	seen->transfer = transport_start(transport, request, key, &limits, &sink);
	ck_assert_uint_eq(seen->heads + seen->ends, 0);
}

static inline void begin_get(struct seen *seen)
{
	struct wire_request *request = ARENA_NEW(&arena, struct wire_request);

	request->method = "GET";
	request->url = url_of(server->port);
	begin(seen, request, NULL);
}

static inline void wait_for_end(struct seen *seen)
{
	while (seen->ends == 0)
		(void)loop_turn(loop, true);
	/* Nothing may follow. */
	for (int i = 0; i < 5; i++)
		(void)loop_turn(loop, false);
	ck_assert_uint_eq(seen->ends, 1);
}

/* One GET, answered by these bytes. */
static inline struct seen *ask(struct text answer, enum script_then then)
{
	struct seen *seen = ARENA_NEW(&arena, struct seen);

	script_server_answer(server, answer, then);
	begin_get(seen);
	wait_for_end(seen);
	return seen;
}

static inline void setup(void)
{
	struct fault fault;

	loop = loop_new();
	ck_assert(transport_new(loop, &transport, &fault));
	server = script_server_new(loop);
	limits.timeouts = (struct provider_timeouts){20000, 20000, 20000, 30000};
	limits.body_bytes = 1 << 20;
}

static inline void teardown(void)
{
	transport_free(transport);
	script_server_free(server, loop);
	loop_free(loop);
	arena_done(&arena);
}

#define ASK(answer, then) ask(TEXT(answer), then)

static inline void forget(struct seen *seen)
{
	text_buf_done(&seen->body);
}

static inline void expect_end(struct seen *seen, enum exchange_end end)
{
	ck_assert_msg(seen->end == end, "ended %s (%.*s), want %s", exchange_end_name(seen->end),
	              TEXT_ARG(seen->detail), exchange_end_name(end));
}

static const struct {
	const char *answer; /* NULL: not even accepted */
	int64_t fires_at_ms;
	enum exchange_end end;
} timeouts[] = {
    {"", 200, EXCHANGE_FIRST_TIMEOUT},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, EXCHANGE_FIRST_TIMEOUT},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", 30, EXCHANGE_IDLE_TIMEOUT},
};

#endif
