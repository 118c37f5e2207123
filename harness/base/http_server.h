/*
 * An HTTP/1.1 server on the loop, for the proxy and the simulator.
 *
 * One request of a connection at a time (pipelined ones wait, in order, unread
 * beyond one buffer). Every limit and timeout is stated in http_server_options.
 * A handler answers now or later, whole or piece by piece; whatever it does, a
 * request gets exactly one answer.
 */
#ifndef PROVISO_BASE_HTTP_SERVER_H
#define PROVISO_BASE_HTTP_SERVER_H

#include "harness/base/http_parse.h"
#include "harness/base/ip_address.h"
#include "harness/base/loop.h"

#include <stdatomic.h>

struct http_server;
struct http_exchange; /* one request and its answer; lives until closed (see `closed`) */

struct http_handler {
	/* A complete request. Answer with http_respond* now or later. */
	void (*request)(void *context, struct http_exchange *exchange);
	/*
	 * Said once, when the answer has left or the client has gone, unless the
	 * handler answered within `request` itself by http_respond. The exchange is
	 * gone after this returns. May be NULL.
	 */
	void (*closed)(void *context, struct http_exchange *exchange, bool client_gone);
	/* The queue of unsent bytes fell below the low water mark. May be NULL. */
	void (*drained)(void *context, struct http_exchange *exchange);
	/*
	 * The JSON body of an error answer of the server itself (a request that can't be read, is
	 * too large or too slow, one connection too many); of which path, where the request's head
	 * was read so far (else data NULL). May be NULL: the reason as plain text.
	 */
	struct text (*refusal)(void *context, struct text path, int status, const char *reason,
	                       struct arena *arena);
	void *context;
};

/* "ADDRESS:PORT", "[::1]:PORT"; without an address, or with "localhost", that of this machine. A
 * view into `listen`. False: it is none of these. */
MUST_CHECK bool http_listen_read(struct text listen, struct text *address, int *port);

struct http_server_options {
	const char *address; /* "127.0.0.1", "::1" */
	int port;            /* 0: the system picks one */
	struct http_limits limits;
	int64_t header_timeout_ms; /* from the first byte of a request to the end of its headers */
	int64_t body_timeout_ms;   /* between two reads of a body */
	int64_t idle_timeout_ms;   /* keep-alive */
	int64_t write_timeout_ms;  /* no byte taken by the client for that long */
	size_t connections;        /* more are answered 503 and closed */
	atomic_size_t *shared_connections; /* counted there, for several servers; NULL: its own */
	size_t low_water, high_water;      /* of unsent bytes a connection */
	bool reuse_port;                   /* several workers on one port */
	/*
	 * A client that shuts its sending side while it waits for an answer: false (the proxy)
	 * takes it for gone, which is what a client that closes looks like; true (the simulator)
	 * answers it, and a client that really left is noticed at the first write only.
	 */
	bool answer_half_closed;
};

extern const struct http_server_options http_server_defaults;

MUST_CHECK bool http_server_start(struct loop *loop, const struct http_server_options *options,
                                  const struct http_handler *handler, struct http_server **out,
                                  struct fault *fault);
MUST_CHECK int http_server_port(const struct http_server *server);
/* No new connections; idle ones close; `done` is called when the last one is gone. */
void http_server_drain(struct http_server *server, void (*done)(void *context), void *context);
/* Cuts everything (`closed` is said at once) and frees the server at the end of the turn. */
void http_server_stop(struct http_server *server);

/* --- the request --- */

const struct http_request *http_exchange_request(const struct http_exchange *exchange);
/* Lives as long as the exchange, or until http_exchange_drop_request. */
struct arena *http_exchange_arena(struct http_exchange *exchange);
/*
 * An answer of hours needs neither the request nor the arena: both are given back, and no view of
 * them is used from here. Not within the handler's `request`.
 */
void http_exchange_drop_request(struct http_exchange *exchange);
void http_exchange_set_user(struct http_exchange *exchange, void *user);
void *http_exchange_user(const struct http_exchange *exchange);
/* The peer's, without its port. */
struct ip_address http_exchange_address(const struct http_exchange *exchange);

/* --- the answer; a second one is ignored, as is what comes after its end --- */

/*
 * The whole answer. `headers` are ours (checked by REQUIRE for CR and LF);
 * Content-Length, Date and Connection are added. HEAD and 204/304 get no body.
 */
void http_respond(struct http_exchange *exchange, int status, const struct http_header *headers,
                  size_t header_count, struct text body);

/* Piece by piece: chunked for HTTP/1.1, until close for HTTP/1.0. */
void http_respond_begin(struct http_exchange *exchange, int status,
                        const struct http_header *headers, size_t header_count);
/*
 * Queues bytes (copied, always); several in one turn leave in one write. False when the queue is
 * above high water now: wait for `drained` then.
 */
bool http_respond_write(struct http_exchange *exchange, struct text bytes);
void http_respond_end(struct http_exchange *exchange);

/*
 * Breaks the connection without a clean end: what was queued is sent first when
 * `flush`. The client sees a cut, never a complete answer. `closed` follows.
 */
void http_exchange_cut(struct http_exchange *exchange, bool flush);
/* Bytes as they are, no framing added; the connection closes after http_respond_raw_end. For the
 * simulator's faults. */
void http_respond_raw(struct http_exchange *exchange, struct text bytes);
void http_respond_raw_end(struct http_exchange *exchange);

#endif
