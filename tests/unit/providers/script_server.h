/*
 * A provider that sends exactly these bytes and then does exactly this: on the
 * test's own loop, so that nothing depends on time. One answer a request, in order.
 */
#ifndef PROVISO_TESTS_UNIT_PROVIDERS_SCRIPT_SERVER_H
#define PROVISO_TESTS_UNIT_PROVIDERS_SCRIPT_SERVER_H

#include "harness/base/loop.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <uv.h>

enum script_then {
	SCRIPT_KEEP,  /* the connection waits for the next request */
	SCRIPT_CLOSE, /* a clean end of the connection */
	SCRIPT_RESET, /* RST */
	SCRIPT_HANG,  /* nothing more, ever */
};

enum { SCRIPT_ANSWERS_MAX = 64, SCRIPT_CONNECTIONS_MAX = 256 };

struct script_answer {
	struct text bytes;
	enum script_then then;
};

struct script_connection {
	uv_tcp_t tcp;
	struct script_server *server;
	struct text_buf in;
	bool closing, closed;
};

struct script_server {
	uv_tcp_t tcp;
	int port;
	struct script_answer answers[SCRIPT_ANSWERS_MAX];
	size_t answer_count;
	size_t answered;
	bool repeat_last;
	bool early; /* answers when the header section is there, and reads no body */
	struct text requests[SCRIPT_ANSWERS_MAX]; /* the first ones, whole */
	size_t request_count;
	struct script_connection *connections[SCRIPT_CONNECTIONS_MAX];
	size_t connection_count;
	size_t open;
	struct arena arena;
};

static inline void script_closed(uv_handle_t *handle)
{
	struct script_connection *connection = handle->data;

	connection->closed = true;
	connection->server->open--;
}

static inline void script_close(struct script_connection *connection)
{
	if (connection->closing)
		return;
	connection->closing = true;
	uv_close((uv_handle_t *)&connection->tcp, script_closed);
}

struct script_write {
	uv_write_t write;
	struct script_connection *connection;
	enum script_then then;
};

static inline void script_written(uv_write_t *write, int status)
{
	struct script_write *job = write->data;
	struct script_connection *connection = job->connection;

	if (!connection->closing && (status < 0 || job->then == SCRIPT_CLOSE)) {
		script_close(connection);
	} else if (!connection->closing && job->then == SCRIPT_RESET) {
		connection->closing = true;
		if (uv_tcp_close_reset(&connection->tcp, script_closed) != 0)
			ck_abort_msg("no reset");
	}
	memory_free(job);
}

static inline void script_send(struct script_connection *connection, struct script_answer answer)
{
	struct script_write *job = memory_new(sizeof(*job));
	uv_buf_t buf = {.base = (char *)(uintptr_t)answer.bytes.data, .len = answer.bytes.len};

	job->write.data = job;
	job->connection = connection;
	job->then = answer.then;
	ck_assert_int_eq(
	    uv_write(&job->write, (uv_stream_t *)&connection->tcp, &buf, 1, script_written), 0);
}

/* Bytes of the first whole request in the buffer; 0: more are needed. */
static inline size_t script_request_end(struct text in, bool early)
{
	size_t head = text_find(in, TEXT("\r\n\r\n"), 0);
	int64_t length = 0;

	if (head == TEXT_NOT_FOUND)
		return 0;
	size_t at = text_find(in, TEXT("Content-Length: "), 0);
	if (at != TEXT_NOT_FOUND && at < head) {
		size_t end = text_find(in, TEXT("\r\n"), at);

		ck_assert(text_to_int64(text_slice(in, at + 16, end), 0, 1 << 30, &length));
	}
	if (early)
		return in.len;
	return in.len >= head + 4 + (size_t)length ? head + 4 + (size_t)length : 0;
}

static inline void script_requests_take(struct script_connection *connection)
{
	struct script_server *server = connection->server;

	for (size_t end;
	     (end = script_request_end(text_buf_view(&connection->in), server->early)) > 0;) {
		if (server->request_count < SCRIPT_ANSWERS_MAX)
			server->requests[server->request_count] = text_copy(
			    &server->arena, text_slice(text_buf_view(&connection->in), 0, end));
		server->request_count++;
		text_buf_consume(&connection->in, end);
		size_t turn = server->answered;
		if (turn >= server->answer_count) {
			ck_assert_msg(server->repeat_last && server->answer_count > 0,
			              "a request too many");
			turn = server->answer_count - 1;
		}
		server->answered++;
		if (server->early)
			(void)uv_read_stop((uv_stream_t *)&connection->tcp);
		script_send(connection, server->answers[turn]);
	}
}

static inline void script_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct script_connection *connection = handle->data;

	(void)suggested;
	buf->base = text_buf_reserve(&connection->in, 65536);
	buf->len = 65536;
	ck_assert_ptr_nonnull(buf->base);
}

static inline void script_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct script_connection *connection = stream->data;

	(void)buf;
	if (got < 0) {
		script_close(connection);
		return;
	}
	connection->in.len += (size_t)got;
	script_requests_take(connection);
}

static inline void script_accept(uv_stream_t *listener, int status)
{
	struct script_server *server = listener->data;
	struct script_connection *connection = memory_new(sizeof(*connection));

	ck_assert_int_eq(status, 0);
	ck_assert_uint_lt(server->connection_count, SCRIPT_CONNECTIONS_MAX);
	server->connections[server->connection_count++] = connection;
	server->open++;
	connection->server = server;
	text_buf_init(&connection->in, 64 << 20);
	ck_assert_int_eq(uv_tcp_init(listener->loop, &connection->tcp), 0);
	connection->tcp.data = connection;
	/* The server alone is no reason to go on. */
	uv_unref((uv_handle_t *)&connection->tcp);
	ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)&connection->tcp), 0);
	ck_assert_int_eq(uv_read_start((uv_stream_t *)&connection->tcp, script_room, script_read),
	                 0);
}

static inline struct script_server *script_server_new(struct loop *loop)
{
	struct script_server *server = memory_new(sizeof(*server));
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int size = sizeof(address);

	ck_assert_int_eq(uv_tcp_init(loop_uv(loop), &server->tcp), 0);
	server->tcp.data = server;
	ck_assert_int_eq(uv_tcp_bind(&server->tcp, (struct sockaddr *)&address, 0), 0);
	ck_assert_int_eq(uv_listen((uv_stream_t *)&server->tcp, 128, script_accept), 0);
	ck_assert_int_eq(uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&address, &size), 0);
	server->port = ntohs(address.sin_port);
	uv_unref((uv_handle_t *)&server->tcp);
	return server;
}

/* The bytes are borrowed. */
static inline void script_server_answer(struct script_server *server, struct text bytes,
                                        enum script_then then)
{
	ck_assert_uint_lt(server->answer_count, SCRIPT_ANSWERS_MAX);
	server->answers[server->answer_count++] = (struct script_answer){bytes, then};
}

static inline void script_listener_closed(uv_handle_t *handle)
{
	handle->data = NULL;
}

static inline void script_server_free(struct script_server *server, struct loop *loop)
{
	for (size_t i = 0; i < server->connection_count; i++)
		script_close(server->connections[i]);
	uv_close((uv_handle_t *)&server->tcp, script_listener_closed);
	while (server->open > 0 || server->tcp.data != NULL)
		(void)loop_turn(loop, false);
	for (size_t i = 0; i < server->connection_count; i++) {
		text_buf_done(&server->connections[i]->in);
		memory_free(server->connections[i]);
	}
	arena_done(&server->arena);
	memory_free(server);
}

#endif
