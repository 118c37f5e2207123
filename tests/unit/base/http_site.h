/*
 * A server and raw clients in one loop. The handler does what the path says and
 * notes what it is told; time stands still unless moved.
 */
#ifndef PROVISO_TESTS_UNIT_BASE_HTTP_SITE_H
#define PROVISO_TESTS_UNIT_BASE_HTTP_SITE_H

#include "harness/base/http_server.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS_MAX = 200000, PIECE = 16384 };

/* A server with a handler that does what the path says, and what it was told. */
static struct {
	struct loop *loop;
	struct http_server *server;
	struct http_exchange *held; /* of /hold */
	size_t requests, closed, gone, drained, drain_done;
	size_t produced, produce_max; /* of /flood */
	bool waits;
	struct text_buf seen; /* bodies */
	atomic_size_t connections;
	struct ip_address peer; /* of the last /peer */
} site;

static struct http_server_options options;
static char large[1 << 20];

static inline void flood(struct http_exchange *exchange)
{
	static char piece[PIECE];

	memset(piece, 'x', sizeof(piece));
	site.waits = false;
	while (!site.waits && site.produced < site.produce_max) {
		site.produced += sizeof(piece);
		site.waits = !http_respond_write(exchange, (struct text){piece, sizeof(piece)});
	}
	if (site.produced >= site.produce_max)
		http_respond_end(exchange);
}

static inline void handle(void *context, struct http_exchange *exchange)
{
	static const struct http_header type[] = {{TEXT_INIT("Content-Type"), TEXT_INIT("a/b")}};
	const struct http_request *request = http_exchange_request(exchange);

	ck_assert_ptr_eq(context, &site);
	site.requests++;
	if (text_is(request->path, "/hello")) {
		http_respond(exchange, 200, type, 1, TEXT("hello"));
	} else if (text_is(request->path, "/echo")) {
		http_respond(exchange, 200, NULL, 0, request->body);
	} else if (text_is(request->path, "/nothing")) {
		http_respond(exchange, 204, NULL, 0, TEXT("dropped"));
	} else if (text_is(request->path, "/hold")) {
		site.held = exchange;
		http_exchange_set_user(exchange, &site);
	} else if (text_is(request->path, "/pieces")) {
		http_respond_begin(exchange, 200, type, 1);
		ck_assert(http_respond_write(exchange, TEXT("one")));
		ck_assert(http_respond_write(exchange, TEXT("")));
		ck_assert(http_respond_write(exchange, TEXT("two and more than ten")));
		http_respond_end(exchange);
	} else if (text_is(request->path, "/twice")) {
		http_respond(exchange, 200, NULL, 0, TEXT("first"));
		http_respond(exchange, 500, NULL, 0, TEXT("second"));
		http_respond_begin(exchange, 500, NULL, 0);
		(void)http_respond_write(exchange, TEXT("third"));
		http_respond_end(exchange);
	} else if (text_is(request->path, "/flood")) {
		http_respond_begin(exchange, 200, NULL, 0);
		flood(exchange);
	} else if (text_is(request->path, "/memory")) {
		ck_assert_uint_le(http_exchange_arena(exchange)->held, 64 * 1024);
		for (int i = 0; i < 100; i++)
			memset(arena_alloc(http_exchange_arena(exchange), 10000), 'x', 10000);
		http_respond(exchange, 200, NULL, 0, request->body);
	} else if (text_is(request->path, "/stop")) {
		http_server_stop(site.server);
		site.server = NULL;
	} else if (text_is(request->path, "/large")) {
		http_respond(exchange, 200, NULL, 0, (struct text){large, sizeof(large)});
	} else if (text_is(request->path, "/peer")) {
		site.peer = http_exchange_address(exchange);
		http_respond(exchange, 200, NULL, 0, TEXT("seen"));
	} else {
		http_respond(exchange, 404, NULL, 0, TEXT("nothing here"));
	}
}

static inline void exchange_closed(void *context, struct http_exchange *exchange, bool client_gone)
{
	ck_assert_ptr_eq(context, &site);
	site.closed++;
	site.gone += client_gone;
	if (exchange == site.held)
		site.held = NULL;
	/* Too late for anything; must do nothing. */
	http_respond(exchange, 500, NULL, 0, TEXT("late"));
	http_exchange_cut(exchange, false);
}

static inline void queue_drained(void *context UNUSED, struct http_exchange *exchange)
{
	site.drained++;
	flood(exchange);
}

static const struct http_handler handler = {
    .request = handle,
    .closed = exchange_closed,
    .drained = queue_drained,
    .context = &site,
};

static inline void site_open(void)
{
	struct fault fault = {0};

	memset(&site, 0, sizeof(site));
	site.loop = loop_new();
	loop_fake_clock(site.loop, 0);
	options = http_server_defaults;
	options.shared_connections = &site.connections;
	ck_assert_msg(http_server_start(site.loop, &options, &handler, &site.server, &fault), "%s",
	              fault.message);
}

static inline void site_open_with(void (*change)(struct http_server_options *changed))
{
	struct fault fault = {0};

	site_open();
	http_server_stop(site.server);
	(void)loop_turn(site.loop, false);
	change(&options);
	ck_assert(http_server_start(site.loop, &options, &handler, &site.server, &fault));
}

static inline void turn(int times)
{
	for (int i = 0; i < times; i++)
		(void)loop_turn(site.loop, false);
}

static inline void site_close(void)
{
	if (site.server != NULL)
		http_server_stop(site.server);
	loop_free(site.loop);
}

/* --- the client --- */

struct client {
	int fd;
	struct text_buf got;
	bool ended; /* the server closed */
	bool reset;
};

static inline struct client client_open_port(int port)
{
	struct client client = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)port),
	                              .sin_addr = {htonl(INADDR_LOOPBACK)}};

	text_buf_init(&client.got, 64 * 1024 * 1024);
	ck_assert_int_ge(client.fd, 0);
	ck_assert_int_eq(connect(client.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return client;
}

static inline struct client client_open(void)
{
	return client_open_port(http_server_port(site.server));
}

static inline void client_close(struct client *client)
{
	if (client->fd >= 0)
		ck_assert_int_eq(close(client->fd), 0);
	client->fd = -1;
	text_buf_done(&client->got);
}

/* Sends all, turning the loop where the server has to read first. */
static inline void client_send(struct client *client, struct text bytes)
{
	for (int turns = 0; bytes.len > 0 && turns < TURNS_MAX; turns++) {
		ssize_t put = send(client->fd, bytes.data, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put > 0)
			bytes = text_slice(bytes, (size_t)put, bytes.len);
		else
			ck_assert_msg(errno == EAGAIN, "send: %s", strerror(errno));
		if (bytes.len > 0)
			turn(1);
	}
	ck_assert_uint_eq(bytes.len, 0);
}

/* One turn, and what came with it. */
static inline void client_read(struct client *client)
{
	static char bytes[65536];

	turn(1);
	ssize_t got = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got > 0)
		ck_assert(text_buf_add(&client->got, (struct text){bytes, (size_t)got}));
	else if (got == 0)
		client->ended = true;
	else if (errno == ECONNRESET)
		client->reset = true;
	else
		ck_assert_msg(errno == EAGAIN, "recv: %s", strerror(errno));
}

static inline void client_read_to_end(struct client *client)
{
	for (int turns = 0; turns < TURNS_MAX && !client->ended && !client->reset; turns++)
		client_read(client);
	ck_assert_msg(client->ended || client->reset, "still open, got %zu bytes", client->got.len);
}

static inline bool client_has(const struct client *client, const char *part)
{
	return text_find(text_buf_view(&client->got), text_of(part), 0) != TEXT_NOT_FOUND;
}

static inline size_t client_count(const struct client *client, const char *part)
{
	size_t count = 0;
	size_t at = 0;

	while ((at = text_find(text_buf_view(&client->got), text_of(part), at)) != TEXT_NOT_FOUND) {
		at++;
		count++;
	}
	return count;
}

static inline void client_read_until(struct client *client, const char *part)
{
	for (int turns = 0; turns < TURNS_MAX && !client_has(client, part); turns++) {
		ck_assert_msg(!client->ended && !client->reset, "ended before \"%s\", got %s", part,
		              client->got.data);
		client_read(client);
	}
	ck_assert_msg(client_has(client, part), "no \"%s\" in %s", part, client->got.data);
}

/* A few turns in which nothing may come. */
static inline void client_gets_nothing(struct client *client)
{
	size_t before = client->got.len;

	for (int i = 0; i < 10; i++)
		client_read(client);
	ck_assert_uint_eq(client->got.len, before);
	ck_assert(!client->ended && !client->reset);
}

/* Sends and reads to the end of the connection; the client may have shut its side. */
static inline struct client client_ask(const char *bytes, bool shut)
{
	struct client client = client_open();

	client_send(&client, text_of(bytes));
	if (shut)
		ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
	client_read_to_end(&client);
	return client;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define DATE "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"

static inline void assert_answer(const char *request, const char *answer)
{
	struct client client = client_ask(request, false);

	assert_text(text_buf_view(&client.got), answer);
	ck_assert(!client.reset);
	client_close(&client);
}

static inline struct client hold(const char *request)
{
	struct client client = client_open();

	client_send(&client, text_of(request));
	turn(3);
	ck_assert_ptr_nonnull(site.held);
	return client;
}

#endif
