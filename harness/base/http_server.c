/*
 * The listener: takes connections in as long as there is room for them, and ends
 * them all. Accepts by itself instead of through uv_tcp, whose accept loop never
 * returns once the process has run out of descriptors and lost its spare one.
 */
#define _GNU_SOURCE /* accept4 */
#include "harness/base/http_server_private.h"

#include "harness/base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HTTP_BACKLOG = 1024,
	HTTP_ACCEPTS_A_TURN = 64,
	HTTP_ACCEPT_AGAIN_MS = 100, /* out of descriptors: some may be free by then */
	HTTP_BUSY_MAX = 64,         /* connections being told 503; more are closed unheard */
};

const struct http_server_options http_server_defaults = {
    .address = "127.0.0.1",
    .port = 0,
    .limits =
	{
	    .header_bytes = 64 * 1024,
	    .header_count = 128,
	    .body_bytes = 32 * 1024 * 1024,
	},
    .header_timeout_ms = 10 * 1000,
    .body_timeout_ms = 60 * 1000,
    .idle_timeout_ms = 75 * 1000,
    .write_timeout_ms = 30 * 1000,
    .connections = 10000,
    .low_water = 64 * 1024,
    .high_water = 256 * 1024,
};

struct text http_server_date(struct http_server *server)
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t second = loop_wall_ms(server->loop) / 1000;

	if (second != server->date_second || server->date[0] == '\0') {
		struct arena arena = {0};
		struct text now = wall_format(&arena, second * 1000, false);
		int month = (now.data[5] - '0') * 10 + now.data[6] - '0';
		(void)snprintf(server->date, sizeof(server->date),
		               "Date: %.3s, %.2s %.3s %.4s %.8s GMT\r\n",
		               days + 3 * (second / 86400 % 7), now.data + 8,
		               months + 3 * (month - 1), now.data, now.data + 11);
		server->date_second = second;
		arena_done(&arena);
	}
	return text_of(server->date);
}

/* --- connections come --- */

static void accept_ready(uv_poll_t *poll, int status, int events);

static void accept_start(void *context)
{
	struct http_server *server = context;

	(void)uv_poll_start(&server->poll, UV_READABLE, accept_ready);
}

static size_t connection_count(const struct http_server *server)
{
	return server->options.shared_connections == NULL
	           ? server->count
	           : atomic_load(server->options.shared_connections);
}

/* False when no other connection can be taken in now. */
static bool accept_one(struct http_server *server)
{
	struct sockaddr_in6 peer = {0};
	socklen_t size = sizeof(peer);
	int fd = accept4(server->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		server->accept_failed = false;
		size_t limit = server->options.connections;
		size_t count = connection_count(server);
		if (count >= limit + HTTP_BUSY_MAX)
			(void)close(fd);
		else
			http_connection_start(server, fd, (const struct sockaddr *)&peer,
			                      count >= limit);
		return true;
	}
	if (errno == EINTR || errno == ECONNABORTED)
		return true;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return false;
	/* The socket stays readable: waiting for it would spin. Clients wait in the backlog. */
	if (!server->accept_failed)
		log_warn("http.accept", "port=%d error=%s", server->port, strerror(errno));
	server->accept_failed = true;
	(void)uv_poll_stop(&server->poll);
	loop_timer_start(server->loop, &server->accept_again, HTTP_ACCEPT_AGAIN_MS, accept_start,
	                 server);
	return false;
}

static void accept_ready(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct http_server *server = CONTAINER_OF(poll, struct http_server, poll);

	for (int i = 0; i < HTTP_ACCEPTS_A_TURN && server->fd >= 0; i++)
		if (!accept_one(server))
			return;
}

/* --- the listening socket --- */

bool http_listen_read(struct text listen, struct text *address, int *port)
{
	size_t colon = listen.len;
	int64_t number;

	while (colon > 0 && listen.data[colon - 1] != ':')
		colon--;
	if (colon == 0 || !text_to_int64(text_slice(listen, colon, listen.len), 0, 65535, &number))
		return false;
	struct text host = text_slice(listen, 0, colon - 1);
	if (host.len >= 2 && host.data[0] == '[' && text_ends(host, TEXT("]")))
		host = text_slice(host, 1, host.len - 1);
	*address = host.len == 0 || text_is(host, "localhost") ? TEXT("127.0.0.1") : host;
	*port = (int)number;
	return true;
}

static bool set_option(int fd, int level, int name)
{
	int yes = 1;

	return setsockopt(fd, level, name, &yes, sizeof(yes)) == 0;
}

static bool address_read(const struct http_server_options *options, struct sockaddr_storage *out,
                         socklen_t *size, struct fault *fault)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (options->port < 0 || options->port > 65535)
		return fault_set(fault, FAULT_USAGE, "port %d; want 0 to 65535", options->port);
	if (uv_ip4_addr(options->address, options->port, &v4) == 0) {
		memcpy(out, &v4, sizeof(v4));
		*size = sizeof(v4);
		return true;
	}
	if (uv_ip6_addr(options->address, options->port, &v6) == 0) {
		memcpy(out, &v6, sizeof(v6));
		*size = sizeof(v6);
		return true;
	}
	return fault_set(fault, FAULT_USAGE, "\"%s\" is no IP address to listen on",
	                 options->address);
}

static bool socket_listen(const struct http_server_options *options, int *out_fd, int *out_port,
                          struct fault *fault)
{
	struct sockaddr_storage address = {0};
	socklen_t size = 0;

	if (!address_read(options, &address, &size, fault))
		return false;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Accepted sockets inherit TCP_NODELAY; every write of ours is whole. */
	if (fd < 0 || !set_option(fd, SOL_SOCKET, SO_REUSEADDR) ||
	    (options->reuse_port && !set_option(fd, SOL_SOCKET, SO_REUSEPORT)) ||
	    !set_option(fd, IPPROTO_TCP, TCP_NODELAY) ||
	    bind(fd, (const struct sockaddr *)&address, size) != 0 ||
	    listen(fd, HTTP_BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
		int error = errno;
		if (fd >= 0)
			(void)close(fd);
		return fault_system(fault, error, "cannot listen on %s port %d", options->address,
		                    options->port);
	}
	*out_fd = fd;
	/* Both families have their port at the same place. */
	struct sockaddr_in bound;
	memcpy(&bound, &address, sizeof(bound));
	*out_port = ntohs(bound.sin_port);
	return true;
}

bool http_server_start(struct loop *loop, const struct http_server_options *options,
                       const struct http_handler *handler, struct http_server **out,
                       struct fault *fault)
{
	int fd = -1;
	int port = 0;

	REQUIRE(handler->request != NULL);
	REQUIRE(options->low_water <= options->high_water);
	if (!socket_listen(options, &fd, &port, fault))
		return false;
	struct http_server *server = memory_new(sizeof(*server));
	server->loop = loop;
	server->options = *options;
	server->handler = *handler;
	server->fd = fd;
	server->port = port;
	int failed = uv_poll_init_socket(loop_uv(loop), &server->poll, fd);
	if (failed != 0) {
		(void)close(fd);
		memory_free(server);
		return fault_system(fault, -failed, "cannot wait for connections");
	}
	server->handles = 1;
	accept_start(server);
	*out = server;
	return true;
}

int http_server_port(const struct http_server *server)
{
	return server->port;
}

/* --- the end --- */

static void server_free(void *context)
{
	struct http_server *server = context;

	while (server->spare_count > 0)
		text_buf_done(&server->spares[--server->spare_count]);
	memory_free(server);
}

void http_server_handle_gone(struct http_server *server)
{
	server->handles--;
	if (server->handles == 0 && server->stopped)
		loop_defer(server->loop, server_free, server);
}

static void listener_closed(uv_handle_t *handle)
{
	http_server_handle_gone(CONTAINER_OF((uv_poll_t *)handle, struct http_server, poll));
}

static void listener_close(struct http_server *server)
{
	if (server->fd < 0)
		return;
	loop_timer_stop(server->loop, &server->accept_again);
	uv_close((uv_handle_t *)&server->poll, listener_closed);
	(void)close(server->fd);
	server->fd = -1;
}

static void drain_done(void *context)
{
	struct http_server *server = context;
	void (*drained)(void *context) = server->drained;

	/* Said once; and not after http_server_stop, which may have freed what it would meet. */
	server->drained = NULL;
	if (drained != NULL)
		drained(server->drained_context);
}

void http_server_connection_gone(struct http_server *server)
{
	if (server->draining && server->count == 0 && server->drained != NULL)
		loop_defer(server->loop, drain_done, server);
}

void http_server_drain(struct http_server *server, void (*done)(void *context), void *context)
{
	struct http_connection *next;

	server->draining = true;
	server->drained = done;
	server->drained_context = context;
	listener_close(server);
	for (struct http_connection *one = server->first; one != NULL; one = next) {
		next = one->next;
		if (one->phase == HTTP_READING && one->wait == HTTP_WAIT_IDLE &&
		    one->pending.len == 0)
			http_connection_finish(one, HTTP_END_CLOSE);
	}
	http_server_connection_gone(server);
}

void http_server_stop(struct http_server *server)
{
	REQUIRE(!server->stopped);
	server->stopped = true;
	server->drained = NULL;
	/* Its own handle, so that it outlives the callbacks below. */
	server->handles++;
	listener_close(server);
	while (server->first != NULL)
		http_connection_gone(server->first, true);
	http_server_handle_gone(server);
}
