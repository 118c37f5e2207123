/*
 * What http_server.c (listener), http_connection.c (reading, phases, timeouts) and
 * http_respond.c (answers, writing) share; nobody else includes this.
 */
#ifndef PROVISO_BASE_HTTP_SERVER_PRIVATE_H
#define PROVISO_BASE_HTTP_SERVER_PRIVATE_H

#include "harness/base/http_server.h"

#include <netinet/in.h>
#include <uv.h>

enum {
	HTTP_CONNECTION_MAGIC = 0x48434f4e,
	HTTP_EXCHANGE_MAGIC = 0x48455843,
	HTTP_READ_BYTES = 64 * 1024, /* one read; also what may wait behind a request */
	/* Unsent bytes of a connection, whatever a handler does: an answer above is cut. */
	HTTP_QUEUE_MAX_BYTES = 128 * 1024 * 1024,
	/* What a connection keeps between requests; above, memory is given back. */
	HTTP_KEPT_BYTES = 64 * 1024,
	/* Queues that streams hand on: as many as events of one turn, and no large ones. */
	HTTP_SPARES = 64,
	HTTP_SPARE_BYTES = 4096,
};

enum http_phase {
	HTTP_READING,   /* a request, or waiting for one */
	HTTP_HANDLING,  /* a request is with the handler, or its answer is on the way */
	HTTP_FLUSHING,  /* nothing more is read; what is queued leaves, then `ending` */
	HTTP_LINGERING, /* our side is shut; the client's bytes are dropped until it closes too */
	HTTP_CLOSED,    /* the socket is gone, memory goes at the end of the turn */
	HTTP_PHASES,
};

enum http_wait { HTTP_WAIT_IDLE, HTTP_WAIT_HEADER, HTTP_WAIT_BODY };

enum http_ending {
	HTTP_END_CLOSE,
	HTTP_END_LINGER, /* unread bytes are on the way; closing at once would destroy our answer */
	HTTP_END_RESET,  /* a cut that nobody can take for an end */
	HTTP_END_RESET_SENT, /* the same, when the kernel has sent what we gave it */
};

enum http_answer { HTTP_ANSWER_NONE, HTTP_ANSWER_BEGUN, HTTP_ANSWER_RAW, HTTP_ANSWER_ENDED };

/*
 * A timeout that moves with every request. The timer itself is moved only when it
 * would ring too late; ringing too early, it is set again.
 */
struct http_deadline {
	struct loop_timer timer;
	int64_t at_us; /* INT64_MAX: none */
};

struct http_exchange {
	uint32_t magic;
	struct http_connection *connection;
	struct arena arena;
	void *user;
	enum http_answer answer;
	bool open;       /* `closed` is still to be said */
	bool in_request; /* the handler is in its `request` */
	bool head_only;  /* no body may be sent */
	bool chunked;
	bool above_high; /* the handler was told to wait for `drained` */
};

struct http_connection {
	uint32_t magic;
	int fd;
	int events; /* what `poll` waits for */
	uv_poll_t poll;
	struct http_server *server;
	struct http_connection *previous, *next;
	enum http_phase phase;
	enum http_wait wait;
	enum http_ending ending;
	struct http_parser parser;
	struct text_buf pending; /* read while a request was being answered */
	struct text_buf out;
	size_t sent; /* of `out` */
	struct http_deadline read_deadline, write_deadline;
	struct http_exchange exchange;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer;
	bool flush_deferred;
	bool ended_by_client; /* its end of the connection is shut, all before it is read */
	bool shut_seen;       /* shut, but there is more to read */
	bool keep_alive;
	bool stalled; /* too much unsent for another request */
	bool trimmed;
	unsigned reset_tries;
};

struct http_server {
	struct loop *loop;
	struct http_server_options options;
	struct http_handler handler;
	int fd; /* -1: closed */
	int port;
	uv_poll_t poll;
	struct loop_timer accept_again;
	bool accept_failed; /* said once, not ten times a second */
	struct http_connection *first;
	size_t count;   /* connections in the list */
	size_t handles; /* of libuv, not yet closed */
	bool draining;
	bool stopped;
	void (*drained)(void *context);
	void *drained_context;
	int64_t date_second;
	char date[40];
	struct text_buf spares[HTTP_SPARES]; /* empty queues, owned */
	size_t spare_count;
	char read_buffer[HTTP_READ_BYTES];
};

/* --- http_server.c --- */

/* "Date: ...\r\n" of this second. */
struct text http_server_date(struct http_server *server);
/* A connection has left the list; `http_server_handle_gone` comes later. */
void http_server_connection_gone(struct http_server *server);
void http_server_handle_gone(struct http_server *server);

/* --- http_connection.c --- */

/* Owns `fd` from here. `busy`: answered 503 and closed. */
void http_connection_start(struct http_server *server, int fd, const struct sockaddr *peer,
                           bool busy);
/* Reads bytes that wait, now that the request before them is answered. */
void http_connection_go_on(struct http_connection *connection);
/* Closes as `ending` says, now that nothing is left to send. */
void http_connection_end(struct http_connection *connection);
/* What is queued leaves, then the connection ends so. */
void http_connection_finish(struct http_connection *connection, enum http_ending ending);
/* The client has gone or must go: no more bytes either way. */
void http_connection_gone(struct http_connection *connection, bool client_gone);
/* Says `closed` where that is due. The connection may be closed when it returns. */
void http_connection_close_exchange(struct http_connection *connection, bool client_gone);
/* Makes libuv wait for what this phase wants. */
void http_connection_poll(struct http_connection *connection);
void http_connection_wait_for_write(struct http_connection *connection, int64_t wait_ms);

/* --- http_respond.c --- */

static inline size_t http_connection_queued(const struct http_connection *connection)
{
	return connection->out.len - connection->sent;
}

/* An error answer of the server itself; the connection ends behind it. */
void http_respond_refusal(struct http_connection *connection, int status, const char *reason);
void http_respond_continue(struct http_connection *connection);
/* Sends what is queued, at the end of the turn. */
void http_respond_flush_later(struct http_connection *connection);
void http_respond_flush(struct http_connection *connection);

#endif
