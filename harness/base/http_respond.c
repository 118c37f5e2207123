/*
 * Answers: the head and the framing of what a handler says, and the queue of
 * bytes that leaves once a turn, so that pieces of one turn share one write.
 */
#include "harness/base/http_server_private.h"

#include <errno.h>
#include <sys/socket.h>

enum {
	HTTP_OUT_MOVE_BYTES = 256 * 1024,
	HTTP_CHUNK_FRAME_BYTES = 20, /* 16 digits, two line ends */
};

/* --- the queue --- */

static void queue_blocked(struct http_connection *connection, bool progress)
{
	if (progress || connection->write_deadline.at_us == INT64_MAX)
		http_connection_wait_for_write(connection,
		                               connection->server->options.write_timeout_ms);
	/* Moved seldom, else a long queue is copied again and again. */
	if (connection->sent >= HTTP_OUT_MOVE_BYTES && connection->sent > connection->out.len / 2) {
		text_buf_consume(&connection->out, connection->sent);
		connection->sent = 0;
	}
}

/* Most of a stream's life is spent between two events: its queue goes to whoever has one now. */
static void queue_hand_on(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct text_buf *out = &connection->out;

	if (out->room > HTTP_SPARE_BYTES || out->data == NULL ||
	    server->spare_count == HTTP_SPARES) {
		text_buf_done(out);
		return;
	}
	text_buf_reset(out);
	server->spares[server->spare_count++] = *out;
	*out = (struct text_buf){.max = out->max};
}

static void queue_take_spare(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	if (connection->out.data == NULL && server->spare_count > 0)
		connection->out = server->spares[--server->spare_count];
}

static void queue_empty(struct http_connection *connection)
{
	connection->sent = 0;
	if (connection->exchange.answer == HTTP_ANSWER_BEGUN)
		queue_hand_on(connection);
	else if (connection->out.room > HTTP_KEPT_BYTES)
		text_buf_done(&connection->out);
	else
		text_buf_reset(&connection->out);
	http_connection_wait_for_write(connection, -1);
}

/* False when the connection is closed. */
static bool queue_send(struct http_connection *connection)
{
	size_t before = connection->sent;

	while (connection->sent < connection->out.len) {
		ssize_t put = send(connection->fd, connection->out.data + connection->sent,
		                   connection->out.len - connection->sent, MSG_NOSIGNAL);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (put < 0) {
			http_connection_gone(connection, true);
			return false;
		}
		connection->sent += (size_t)put;
	}
	if (connection->sent == connection->out.len)
		queue_empty(connection);
	else
		queue_blocked(connection, connection->sent > before);
	return true;
}

static void queue_went_down(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct http_exchange *exchange = &connection->exchange;

	if (http_connection_queued(connection) > server->options.low_water)
		return;
	if (exchange->open && exchange->above_high && exchange->answer == HTTP_ANSWER_BEGUN) {
		exchange->above_high = false;
		if (server->handler.drained != NULL)
			server->handler.drained(server->handler.context, exchange);
	}
	if (connection->stalled) {
		connection->stalled = false;
		if (connection->phase == HTTP_READING)
			http_connection_go_on(connection);
	}
}

void http_respond_flush(struct http_connection *connection)
{
	if (connection->phase == HTTP_CLOSED || !queue_send(connection))
		return;
	queue_went_down(connection);
	if (http_connection_queued(connection) == 0) {
		bool answered =
		    connection->exchange.open && connection->exchange.answer == HTTP_ANSWER_ENDED;
		if (connection->phase == HTTP_FLUSHING) {
			http_connection_end(connection);
		} else if (connection->phase == HTTP_HANDLING && answered) {
			http_connection_close_exchange(connection, false);
			if (connection->phase == HTTP_HANDLING)
				http_connection_go_on(connection);
		}
	}
	http_connection_poll(connection);
}

static void flush_deferred(void *context)
{
	struct http_connection *connection = context;

	REQUIRE(connection->magic == HTTP_CONNECTION_MAGIC);
	connection->flush_deferred = false;
	http_respond_flush(connection);
}

void http_respond_flush_later(struct http_connection *connection)
{
	if (connection->flush_deferred)
		return;
	connection->flush_deferred = true;
	loop_defer(connection->server->loop, flush_deferred, connection);
}

/* Behind each answer: is there too much in the queue, for memory or for another request? */
static void queue_check(struct http_connection *connection)
{
	if (connection->out.overflow) {
		connection->out.overflow = false;
		http_exchange_cut(&connection->exchange, false);
		return;
	}
	if (http_connection_queued(connection) > connection->server->options.high_water)
		connection->stalled = true;
	/* Where the socket is full, the flush comes when it has room again. */
	if ((connection->events & UV_WRITABLE) == 0)
		http_respond_flush_later(connection);
}

/* --- the head --- */

enum answer_framing { FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE, FRAMING_NONE };

static void add_number(struct text_buf *out, size_t number, size_t base)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	text_buf_add(out, (struct text){digits + at, sizeof(digits) - at});
}

static void add_header(struct text_buf *out, const struct http_header *header)
{
	REQUIRE(text_find_byte(header->name, '\r', 0) == TEXT_NOT_FOUND &&
	        text_find_byte(header->name, '\n', 0) == TEXT_NOT_FOUND &&
	        text_find_byte(header->value, '\r', 0) == TEXT_NOT_FOUND &&
	        text_find_byte(header->value, '\n', 0) == TEXT_NOT_FOUND);
	text_buf_add(out, header->name);
	text_buf_add(out, TEXT(": "));
	text_buf_add(out, header->value);
	text_buf_add(out, TEXT("\r\n"));
}

static void add_status(struct http_connection *connection, int status)
{
	struct text_buf *out = &connection->out;

	REQUIRE(status >= 200 && status <= 999);
	if (status == 200) {
		text_buf_add(out, TEXT("HTTP/1.1 200 OK\r\n"));
	} else {
		text_buf_add(out, TEXT("HTTP/1.1 "));
		add_number(out, (size_t)status, 10);
		text_buf_byte(out, ' ');
		text_buf_add_c(out, http_reason_phrase(status));
		text_buf_add(out, TEXT("\r\n"));
	}
	text_buf_add(out, http_server_date(connection->server));
}

static void add_framing(struct http_connection *connection, enum answer_framing framing,
                        size_t length)
{
	const struct http_request *request = &connection->parser.request;
	struct text_buf *out = &connection->out;

	switch (framing) {
	case FRAMING_LENGTH:
		text_buf_add(out, TEXT("Content-Length: "));
		add_number(out, length, 10);
		text_buf_add(out, TEXT("\r\n"));
		break;
	case FRAMING_CHUNKED:
		text_buf_add(out, TEXT("Transfer-Encoding: chunked\r\n"));
		break;
	case FRAMING_CLOSE:
		connection->keep_alive = false;
		break;
	case FRAMING_NONE:
		break;
	}
	if (connection->server->draining)
		connection->keep_alive = false;
	if (!connection->keep_alive)
		text_buf_add(out, TEXT("Connection: close\r\n"));
	else if (request->minor_version == 0)
		text_buf_add(out, TEXT("Connection: keep-alive\r\n"));
	text_buf_add(out, TEXT("\r\n"));
}

static bool has_no_body(int status)
{
	return status == 204 || status == 304;
}

void http_respond_refusal(struct http_connection *connection, int status, const char *reason)
{
	const struct http_handler *handler = &connection->server->handler;
	struct text_buf *out = &connection->out;
	struct text body = text_of(reason);

	connection->keep_alive = false;
	add_status(connection, status);
	text_buf_add(out, handler->refusal != NULL ? TEXT("Content-Type: application/json\r\n")
	                                           : TEXT("Content-Type: text/plain\r\n"));
	if (handler->refusal != NULL)
		body = handler->refusal(handler->context, connection->parser.request.path, status,
		                        reason, &connection->exchange.arena);
	add_framing(connection, FRAMING_LENGTH, body.len);
	text_buf_add(out, body);
	http_connection_finish(connection, HTTP_END_LINGER);
}

void http_respond_continue(struct http_connection *connection)
{
	text_buf_add(&connection->out, TEXT("HTTP/1.1 100 Continue\r\n\r\n"));
	http_respond_flush_later(connection);
}

/* --- what handlers call --- */

/* The connection, where an answer may still begin or go on; else NULL, and nothing happens. */
static struct http_connection *answering(struct http_exchange *exchange, enum http_answer answer)
{
	REQUIRE(exchange->magic == HTTP_EXCHANGE_MAGIC);
	bool may = exchange->open && exchange->answer == answer &&
	           exchange->connection->phase == HTTP_HANDLING;

	return may ? exchange->connection : NULL;
}

void http_respond(struct http_exchange *exchange, int status, const struct http_header *headers,
                  size_t header_count, struct text body)
{
	struct http_connection *connection = answering(exchange, HTTP_ANSWER_NONE);

	if (connection == NULL)
		return;
	add_status(connection, status);
	for (size_t i = 0; i < header_count; i++)
		add_header(&connection->out, &headers[i]);
	add_framing(connection, has_no_body(status) ? FRAMING_NONE : FRAMING_LENGTH, body.len);
	if (!exchange->head_only && !has_no_body(status))
		text_buf_add(&connection->out, body);
	exchange->answer = HTTP_ANSWER_ENDED;
	if (exchange->in_request && !connection->out.overflow)
		exchange->open = false; /* the handler knows: nothing more will be said of it */
	queue_check(connection);
}

void http_respond_begin(struct http_exchange *exchange, int status,
                        const struct http_header *headers, size_t header_count)
{
	struct http_connection *connection = answering(exchange, HTTP_ANSWER_NONE);
	enum answer_framing framing = FRAMING_CHUNKED;

	if (connection == NULL)
		return;
	if (has_no_body(status))
		framing = FRAMING_NONE;
	else if (connection->parser.request.minor_version == 0)
		framing = FRAMING_CLOSE;
	exchange->head_only |= has_no_body(status);
	exchange->chunked = framing == FRAMING_CHUNKED;
	add_status(connection, status);
	for (size_t i = 0; i < header_count; i++)
		add_header(&connection->out, &headers[i]);
	add_framing(connection, framing, 0);
	exchange->answer = HTTP_ANSWER_BEGUN;
	queue_check(connection);
}

bool http_respond_write(struct http_exchange *exchange, struct text bytes)
{
	struct http_connection *connection = answering(exchange, HTTP_ANSWER_BEGUN);

	if (connection == NULL)
		return false; /* a producer that asks nothing else stops */
	if (exchange->head_only || bytes.len == 0)
		return !exchange->above_high;
	struct text_buf *out = &connection->out;
	queue_take_spare(connection);
	/* At once; past the cap it is found out below. */
	(void)!text_buf_reserve(out, bytes.len + HTTP_CHUNK_FRAME_BYTES);
	if (exchange->chunked) {
		add_number(out, bytes.len, 16);
		text_buf_add(out, TEXT("\r\n"));
	}
	text_buf_add(out, bytes);
	if (exchange->chunked)
		text_buf_add(out, TEXT("\r\n"));
	queue_check(connection);
	if (http_connection_queued(connection) > connection->server->options.high_water)
		exchange->above_high = true;
	return !exchange->above_high;
}

void http_respond_end(struct http_exchange *exchange)
{
	struct http_connection *connection = answering(exchange, HTTP_ANSWER_BEGUN);

	if (connection == NULL)
		return;
	if (exchange->chunked && !exchange->head_only)
		text_buf_add(&connection->out, TEXT("0\r\n\r\n"));
	exchange->answer = HTTP_ANSWER_ENDED;
	queue_check(connection);
}

void http_exchange_cut(struct http_exchange *exchange, bool flush)
{
	REQUIRE(exchange->magic == HTTP_EXCHANGE_MAGIC);
	struct http_connection *connection = exchange->connection;

	if (!exchange->open || connection->phase != HTTP_HANDLING)
		return;
	if (flush && exchange->answer == HTTP_ANSWER_ENDED)
		return; /* it is complete */
	if (!flush) {
		/* What has left can't be called back. */
		text_buf_reset(&connection->out);
		connection->sent = 0;
		http_connection_finish(connection, HTTP_END_RESET);
	} else if (exchange->answer == HTTP_ANSWER_BEGUN && exchange->chunked &&
	           !exchange->head_only) {
		http_connection_finish(connection, HTTP_END_CLOSE); /* the last chunk is missing */
	} else {
		http_connection_finish(connection, HTTP_END_RESET_SENT);
	}
	exchange->answer = HTTP_ANSWER_ENDED;
}

void http_respond_raw(struct http_exchange *exchange, struct text bytes)
{
	struct http_connection *connection = answering(exchange, HTTP_ANSWER_NONE);

	if (connection == NULL)
		connection = answering(exchange, HTTP_ANSWER_RAW);
	if (connection == NULL)
		return;
	exchange->answer = HTTP_ANSWER_RAW;
	text_buf_add(&connection->out, bytes);
	queue_check(connection);
}

void http_respond_raw_end(struct http_exchange *exchange)
{
	struct http_connection *connection = answering(exchange, HTTP_ANSWER_RAW);

	if (connection == NULL)
		return;
	exchange->answer = HTTP_ANSWER_ENDED;
	http_connection_finish(connection, HTTP_END_CLOSE);
}

/* --- the request --- */

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
	REQUIRE(exchange->magic == HTTP_EXCHANGE_MAGIC);
	return &exchange->connection->parser.request;
}

struct arena *http_exchange_arena(struct http_exchange *exchange)
{
	REQUIRE(exchange->magic == HTTP_EXCHANGE_MAGIC);
	return &exchange->arena;
}

void http_exchange_drop_request(struct http_exchange *exchange)
{
	REQUIRE(exchange->magic == HTTP_EXCHANGE_MAGIC && exchange->open && !exchange->in_request);
	arena_done(&exchange->arena);
	http_parser_drop(&exchange->connection->parser);
}

void http_exchange_set_user(struct http_exchange *exchange, void *user)
{
	REQUIRE(exchange->magic == HTTP_EXCHANGE_MAGIC);
	exchange->user = user;
}

void *http_exchange_user(const struct http_exchange *exchange)
{
	REQUIRE(exchange->magic == HTTP_EXCHANGE_MAGIC);
	return exchange->user;
}

struct ip_address http_exchange_address(const struct http_exchange *exchange)
{
	const struct http_connection *connection = exchange->connection;
	struct ip_address address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};

	REQUIRE(exchange->magic == HTTP_EXCHANGE_MAGIC);
	if (connection->peer.any.sa_family == AF_INET6)
		memcpy(address.bytes, &connection->peer.v6.sin6_addr, IP_BYTES);
	else
		memcpy(address.bytes + 12, &connection->peer.v4.sin_addr, 4);
	return address;
}
