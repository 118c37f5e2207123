/*
 * One connection: reads requests one after another, gives each to the handler,
 * and watches what the client and the clock do meanwhile.
 *
 * A client that shuts its side while its request is being answered counts as
 * gone, as with nginx: for TCP that is what closing looks like, and an answer
 * that costs money should stop. With `answer_half_closed` it is answered. An
 * answer that was complete before is sent in either case.
 */
#include "harness/base/http_server_private.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HTTP_LINGER_MS = 5000,
	HTTP_TRIM_AFTER_MS = 1000, /* idle for that long: give memory back */
	HTTP_RESET_AGAIN_MS = 5,
	HTTP_RESET_TRIES = 1000,
};

/* Bit sets of the phases that may follow. */
static const unsigned phases[HTTP_PHASES] = {
    [HTTP_READING] = 1u << HTTP_HANDLING | 1u << HTTP_FLUSHING | 1u << HTTP_CLOSED,
    [HTTP_HANDLING] = 1u << HTTP_READING | 1u << HTTP_FLUSHING | 1u << HTTP_CLOSED,
    [HTTP_FLUSHING] = 1u << HTTP_FLUSHING | 1u << HTTP_LINGERING | 1u << HTTP_CLOSED,
    [HTTP_LINGERING] = 1u << HTTP_CLOSED,
    [HTTP_CLOSED] = 0,
};

static void connection_enter(struct http_connection *connection, enum http_phase phase)
{
	REQUIRE((phases[connection->phase] & 1u << phase) != 0);
	connection->phase = phase;
}

/* --- timeouts --- */

static void deadline_set(struct http_connection *connection, struct http_deadline *deadline,
                         int64_t wait_ms, void (*fire)(void *context))
{
	struct loop *loop = connection->server->loop;

	deadline->at_us = loop_now_us(loop) + wait_ms * 1000;
	if (deadline->timer.slot == 0 || deadline->timer.at_us > deadline->at_us)
		loop_timer_start(loop, &deadline->timer, wait_ms, fire, connection);
}

/* False when the timer rang too early for its deadline; it is set again then. */
static bool deadline_is_due(struct http_connection *connection, struct http_deadline *deadline,
                            void (*fire)(void *context))
{
	struct loop *loop = connection->server->loop;

	REQUIRE(connection->magic == HTTP_CONNECTION_MAGIC);
	if (deadline->at_us == INT64_MAX)
		return false;
	int64_t left_us = deadline->at_us - loop_now_us(loop);
	if (left_us > 0) {
		loop_timer_start(loop, &deadline->timer, (left_us + 999) / 1000, fire, connection);
		return false;
	}
	deadline->at_us = INT64_MAX;
	return true;
}

static void read_timed_out(void *context);

static void wait_for_read(struct http_connection *connection, int64_t wait_ms)
{
	deadline_set(connection, &connection->read_deadline, wait_ms, read_timed_out);
}

static void wait_for_nothing(struct http_connection *connection)
{
	connection->read_deadline.at_us = INT64_MAX;
}

/* Waiting for the next request: first with memory kept, then without. */
static void wait_idle(struct http_connection *connection)
{
	int64_t idle_ms = connection->server->options.idle_timeout_ms;

	connection->wait = HTTP_WAIT_IDLE;
	connection->trimmed = false;
	wait_for_read(connection, int64_min(idle_ms, HTTP_TRIM_AFTER_MS));
}

static void trim(struct http_connection *connection)
{
	struct http_limits limits = connection->parser.limits;

	arena_done(&connection->exchange.arena);
	text_buf_done(&connection->pending);
	if (http_connection_queued(connection) == 0) {
		text_buf_done(&connection->out);
		connection->sent = 0;
	}
	http_parser_done(&connection->parser);
	http_parser_init(&connection->parser, &limits);
	connection->trimmed = true;
}

static void read_timed_out(void *context)
{
	struct http_connection *connection = context;
	int64_t idle_ms = connection->server->options.idle_timeout_ms;

	if (!deadline_is_due(connection, &connection->read_deadline, read_timed_out))
		return;
	if (connection->phase != HTTP_READING) {
		if (connection->phase == HTTP_LINGERING)
			http_connection_gone(connection, false);
		return;
	}
	if (connection->wait != HTTP_WAIT_IDLE) {
		http_respond_refusal(connection, 408, "the request took too long to come");
	} else if (!connection->trimmed && idle_ms > HTTP_TRIM_AFTER_MS) {
		if (connection->pending.len == 0 && connection->parser.bytes.len == 0)
			trim(connection);
		connection->trimmed = true;
		wait_for_read(connection, idle_ms - HTTP_TRIM_AFTER_MS);
	} else {
		http_connection_finish(connection, HTTP_END_CLOSE);
	}
}

static void write_timed_out(void *context)
{
	struct http_connection *connection = context;

	if (!deadline_is_due(connection, &connection->write_deadline, write_timed_out))
		return;
	if (connection->phase == HTTP_FLUSHING && http_connection_queued(connection) == 0) {
		http_connection_end(connection); /* a reset that waited for the last bytes */
		return;
	}
	connection->ending = HTTP_END_RESET;
	http_connection_gone(connection, true);
}

void http_connection_wait_for_write(struct http_connection *connection, int64_t wait_ms)
{
	if (wait_ms < 0)
		connection->write_deadline.at_us = INT64_MAX;
	else
		deadline_set(connection, &connection->write_deadline, wait_ms, write_timed_out);
}

/* --- the end --- */

static void connection_free(void *context)
{
	struct http_connection *connection = context;
	struct http_server *server = connection->server;

	http_parser_done(&connection->parser);
	text_buf_done(&connection->pending);
	text_buf_done(&connection->out);
	arena_done(&connection->exchange.arena);
	connection->magic = 0;
	connection->exchange.magic = 0;
	memory_free(connection);
	http_server_handle_gone(server);
}

static void poll_closed(uv_handle_t *handle)
{
	struct http_connection *connection =
	    CONTAINER_OF((uv_poll_t *)handle, struct http_connection, poll);

	/* A flush may still be deferred, in front of this. */
	loop_defer(connection->server->loop, connection_free, connection);
}

static void connection_close(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct linger reset = {.l_onoff = 1, .l_linger = 0};

	connection_enter(connection, HTTP_CLOSED);
	loop_timer_stop(server->loop, &connection->read_deadline.timer);
	loop_timer_stop(server->loop, &connection->write_deadline.timer);
	if (connection->ending >= HTTP_END_RESET)
		(void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	uv_close((uv_handle_t *)&connection->poll, poll_closed);
	(void)close(connection->fd);
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		server->first = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	server->count--;
	if (server->options.shared_connections != NULL)
		atomic_fetch_sub(server->options.shared_connections, 1);
	http_server_connection_gone(server);
}

void http_connection_close_exchange(struct http_connection *connection, bool client_gone)
{
	const struct http_handler *handler = &connection->server->handler;

	if (!connection->exchange.open)
		return;
	connection->exchange.open = false;
	connection->exchange.answer = HTTP_ANSWER_ENDED;
	if (handler->closed != NULL)
		handler->closed(handler->context, &connection->exchange, client_gone);
}

void http_connection_gone(struct http_connection *connection, bool client_gone)
{
	if (connection->phase == HTTP_CLOSED)
		return;
	connection_close(connection);
	http_connection_close_exchange(connection, client_gone);
}

void http_connection_end(struct http_connection *connection)
{
	int unsent = 0;

	/* A reset throws away what the kernel has not sent. */
	if (connection->ending == HTTP_END_RESET_SENT &&
	    connection->reset_tries++ < HTTP_RESET_TRIES &&
	    ioctl(connection->fd, SIOCOUTQNSD, &unsent) == 0 && unsent > 0) {
		http_connection_wait_for_write(connection, HTTP_RESET_AGAIN_MS);
		return;
	}
	http_connection_close_exchange(connection, false);
	if (connection->phase == HTTP_CLOSED)
		return; /* the handler has stopped the server */
	if (connection->ending != HTTP_END_LINGER || connection->ended_by_client) {
		http_connection_gone(connection, false);
		return;
	}
	connection_enter(connection, HTTP_LINGERING);
	(void)shutdown(connection->fd, SHUT_WR);
	wait_for_read(connection, HTTP_LINGER_MS);
	http_connection_poll(connection);
}

void http_connection_finish(struct http_connection *connection, enum http_ending ending)
{
	connection_enter(connection, HTTP_FLUSHING);
	connection->ending = ending;
	wait_for_nothing(connection);
	http_respond_flush_later(connection);
}

/* --- requests --- */

static void request_handle(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct http_exchange *exchange = &connection->exchange;
	const struct http_request *request = &connection->parser.request;

	connection_enter(connection, HTTP_HANDLING);
	wait_for_nothing(connection);
	connection->keep_alive = request->keep_alive;
	*exchange = (struct http_exchange){
	    .magic = HTTP_EXCHANGE_MAGIC,
	    .connection = connection,
	    .arena = exchange->arena,
	    .open = true,
	    .in_request = true,
	    .head_only = text_is(request->method, "HEAD"),
	};
	server->handler.request(server->handler.context, exchange);
	exchange->in_request = false;
}

/* The request is answered: the next one, or the end. */
static void request_done(struct http_connection *connection)
{
	struct arena *arena = &connection->exchange.arena;

	if (arena->held > HTTP_KEPT_BYTES)
		arena_done(arena);
	else
		arena_reset(arena);
	if (!connection->keep_alive || connection->server->draining) {
		http_connection_finish(connection, connection->pending.len > 0 ? HTTP_END_LINGER
		                                                               : HTTP_END_CLOSE);
		return;
	}
	http_parser_reset(&connection->parser);
	connection_enter(connection, HTTP_READING);
	wait_idle(connection);
}

/* The deadline that fits what is being read. */
static void wait_as_read(struct http_connection *connection)
{
	const struct http_server_options *options = &connection->server->options;

	if (connection->parser.head_read) {
		connection->wait = HTTP_WAIT_BODY;
		wait_for_read(connection, options->body_timeout_ms);
	} else if (connection->wait == HTTP_WAIT_IDLE &&
	           !http_parser_is_idle(&connection->parser)) {
		connection->wait = HTTP_WAIT_HEADER; /* once: slow bytes win no time */
		wait_for_read(connection, options->header_timeout_ms);
	}
}

/* Reads from `input` as long as requests can be answered; returns the bytes taken. */
static size_t connection_take(struct http_connection *connection, struct text input)
{
	size_t at = 0;

	while (connection->phase == HTTP_READING && !connection->stalled) {
		size_t used;
		enum http_step step =
		    http_parse(&connection->parser, text_slice(input, at, input.len), &used);
		at += used;
		switch (step) {
		case HTTP_MORE:
			wait_as_read(connection);
			return at;
		case HTTP_HEAD:
			/* Where the body is already there, nobody waits for a word from us. */
			if (connection->parser.request.expect_continue && at == input.len)
				http_respond_continue(connection);
			break;
		case HTTP_BAD:
			http_respond_refusal(connection, connection->parser.status,
			                     connection->parser.reason);
			break;
		case HTTP_DONE:
			request_handle(connection);
			if (connection->phase == HTTP_HANDLING && !connection->exchange.open)
				request_done(connection);
			break;
		}
	}
	return at;
}

static bool can_take(const struct http_connection *connection)
{
	return connection->phase == HTTP_READING && !connection->stalled;
}

/* The client's side is shut: what was complete is answered, what was not never will be. */
static void client_ended(struct http_connection *connection)
{
	connection->ended_by_client = true;
	switch (connection->phase) {
	case HTTP_READING:
		if (!can_take(connection))
			return; /* comes back through go_on */
		if (http_parser_is_idle(&connection->parser))
			http_connection_finish(connection, HTTP_END_CLOSE);
		else
			http_respond_refusal(connection, 400, "the request ends too early");
		return;
	case HTTP_HANDLING:
		if (!connection->server->options.answer_half_closed &&
		    connection->exchange.answer != HTTP_ANSWER_ENDED)
			http_connection_gone(connection, true);
		return;
	case HTTP_LINGERING:
		http_connection_gone(connection, false);
		return;
	case HTTP_FLUSHING:
	case HTTP_CLOSED:
	case HTTP_PHASES:
		return;
	}
}

void http_connection_go_on(struct http_connection *connection)
{
	if (connection->phase == HTTP_HANDLING)
		request_done(connection);
	if (connection->pending.len > 0 && can_take(connection)) {
		size_t used = connection_take(connection, text_buf_view(&connection->pending));
		text_buf_consume(&connection->pending, used);
		if (connection->pending.len == 0 && connection->pending.room > HTTP_KEPT_BYTES)
			text_buf_done(&connection->pending);
	}
	if (connection->ended_by_client && can_take(connection))
		client_ended(connection);
}

/* --- reading --- */

static void bytes_came(struct http_connection *connection, struct text input)
{
	if (can_take(connection))
		input = text_slice(input, connection_take(connection, input), input.len);
	/* Fits: no more was asked for than there is room. */
	if (connection->phase == HTTP_READING || connection->phase == HTTP_HANDLING)
		(void)text_buf_add(&connection->pending, input);
	else if (input.len > 0 && connection->ending == HTTP_END_CLOSE)
		connection->ending = HTTP_END_LINGER; /* whoever sends more than we read */
}

static void connection_read(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	size_t room = HTTP_READ_BYTES;
	ssize_t got;

	if (connection->phase == HTTP_READING || connection->phase == HTTP_HANDLING)
		room -= connection->pending.len;
	do
		got = recv(connection->fd, server->read_buffer, room, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		bytes_came(connection, (struct text){server->read_buffer, (size_t)got});
	} else if (got == 0) {
		client_ended(connection);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK) {
		http_connection_gone(connection, true);
	}
}

/* The client's side is shut behind bytes that we have no room for. */
static void client_shut(struct http_connection *connection)
{
	connection->shut_seen = true;
	if (connection->phase == HTTP_HANDLING && !connection->server->options.answer_half_closed &&
	    connection->exchange.answer != HTTP_ANSWER_ENDED)
		http_connection_gone(connection, true);
}

static void poll_ready(uv_poll_t *poll, int status, int events)
{
	struct http_connection *connection = CONTAINER_OF(poll, struct http_connection, poll);

	REQUIRE(connection->magic == HTTP_CONNECTION_MAGIC);
	if (status < 0) { /* the connection was reset */
		http_connection_gone(connection, true);
		return;
	}
	if ((events & UV_READABLE) != 0)
		connection_read(connection);
	else if ((events & UV_DISCONNECT) != 0)
		client_shut(connection);
	if ((events & UV_WRITABLE) != 0)
		http_respond_flush(connection);
	http_connection_poll(connection);
}

static int events_wanted(const struct http_connection *connection)
{
	int wanted = 0;

	if (connection->out.len > connection->sent)
		wanted = UV_WRITABLE;
	if (connection->ended_by_client)
		return wanted;
	/* A full buffer is not read further, but its client is still watched. */
	if (connection->phase != HTTP_FLUSHING && connection->phase != HTTP_LINGERING &&
	    connection->pending.len >= HTTP_READ_BYTES)
		return connection->shut_seen ? wanted : wanted | UV_DISCONNECT;
	return wanted | UV_READABLE;
}

void http_connection_poll(struct http_connection *connection)
{
	if (connection->phase == HTTP_CLOSED)
		return;
	int wanted = events_wanted(connection);
	/* What was just queued leaves at the end of the turn; only then is there something to wait
	 * for. */
	if (connection->flush_deferred)
		wanted = (wanted & ~UV_WRITABLE) | (connection->events & UV_WRITABLE);
	if (wanted == connection->events)
		return;
	connection->events = wanted;
	if (wanted == 0)
		(void)uv_poll_stop(&connection->poll);
	else
		(void)uv_poll_start(&connection->poll, wanted, poll_ready);
}

void http_connection_start(struct http_server *server, int fd, const struct sockaddr *peer,
                           bool busy)
{
	struct http_connection *connection = memory_new(sizeof(*connection));

	if (uv_poll_init_socket(loop_uv(server->loop), &connection->poll, fd) != 0) {
		(void)close(fd);
		memory_free(connection);
		return;
	}
	connection->magic = HTTP_CONNECTION_MAGIC;
	connection->fd = fd;
	connection->server = server;
	connection->read_deadline.at_us = INT64_MAX;
	connection->write_deadline.at_us = INT64_MAX;
	memcpy(&connection->peer, peer,
	       peer->sa_family == AF_INET6 ? sizeof(connection->peer.v6)
	                                   : sizeof(connection->peer.v4));
	http_parser_init(&connection->parser, &server->options.limits);
	text_buf_init(&connection->pending, HTTP_READ_BYTES);
	text_buf_init(&connection->out, HTTP_QUEUE_MAX_BYTES);
	connection->next = server->first;
	if (server->first != NULL)
		server->first->previous = connection;
	server->first = connection;
	server->count++;
	if (server->options.shared_connections != NULL)
		atomic_fetch_add(server->options.shared_connections, 1);
	server->handles++;
	wait_idle(connection);
	if (busy)
		http_respond_refusal(connection, 503, "too many connections");
	http_connection_poll(connection);
}
