/*
 * The server against raw sockets in the same loop: what a client sends, what it
 * sees, and what the handler is told meanwhile. Time stands still unless moved.
 */
#include "harness/base/http_server.h"
#include "harness/base/log.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
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
} site;

static struct http_server_options options;
static char large[1 << 20];

static void flood(struct http_exchange *exchange)
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

static void handle(void *context, struct http_exchange *exchange)
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
		http_respond(exchange, 200, NULL, 0, http_exchange_peer(exchange));
	} else {
		http_respond(exchange, 404, NULL, 0, TEXT("nothing here"));
	}
}

static void exchange_closed(void *context, struct http_exchange *exchange, bool client_gone)
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

static void queue_drained(void *context UNUSED, struct http_exchange *exchange)
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

static void site_open(void)
{
	struct fault fault = {0};

	memset(&site, 0, sizeof(site));
	site.loop = loop_new();
	loop_fake_clock(site.loop, 0);
	options = http_server_defaults;
	ck_assert_msg(http_server_start(site.loop, &options, &handler, &site.server, &fault), "%s",
	              fault.message);
}

static void site_open_with(void (*change)(struct http_server_options *changed))
{
	struct fault fault = {0};

	site_open();
	http_server_stop(site.server);
	(void)loop_turn(site.loop, false);
	change(&options);
	ck_assert(http_server_start(site.loop, &options, &handler, &site.server, &fault));
}

static void turn(int times)
{
	for (int i = 0; i < times; i++)
		(void)loop_turn(site.loop, false);
}

static void site_close(void)
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

static struct client client_open_port(int port)
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

static struct client client_open(void)
{
	return client_open_port(http_server_port(site.server));
}

static void client_close(struct client *client)
{
	if (client->fd >= 0)
		ck_assert_int_eq(close(client->fd), 0);
	client->fd = -1;
	text_buf_done(&client->got);
}

/* Sends all, turning the loop where the server has to read first. */
static void client_send(struct client *client, struct text bytes)
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
static void client_read(struct client *client)
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

static void client_read_to_end(struct client *client)
{
	for (int turns = 0; turns < TURNS_MAX && !client->ended && !client->reset; turns++)
		client_read(client);
	ck_assert_msg(client->ended || client->reset, "still open, got %zu bytes", client->got.len);
}

static bool client_has(const struct client *client, const char *part)
{
	return text_find(text_buf_view(&client->got), text_of(part), 0) != TEXT_NOT_FOUND;
}

static size_t client_count(const struct client *client, const char *part)
{
	size_t count = 0;
	size_t at = 0;

	while ((at = text_find(text_buf_view(&client->got), text_of(part), at)) != TEXT_NOT_FOUND) {
		at++;
		count++;
	}
	return count;
}

static void client_read_until(struct client *client, const char *part)
{
	for (int turns = 0; turns < TURNS_MAX && !client_has(client, part); turns++) {
		ck_assert_msg(!client->ended && !client->reset, "ended before \"%s\", got %s", part,
		              client->got.data);
		client_read(client);
	}
	ck_assert_msg(client_has(client, part), "no \"%s\" in %s", part, client->got.data);
}

/* A few turns in which nothing may come. */
static void client_gets_nothing(struct client *client)
{
	size_t before = client->got.len;

	for (int i = 0; i < 10; i++)
		client_read(client);
	ck_assert_uint_eq(client->got.len, before);
	ck_assert(!client->ended && !client->reset);
}

/* Sends and reads to the end of the connection; the client may have shut its side. */
static struct client client_ask(const char *bytes, bool shut)
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

static void assert_answer(const char *request, const char *answer)
{
	struct client client = client_ask(request, false);

	assert_text(text_buf_view(&client.got), answer);
	ck_assert(!client.reset);
	client_close(&client);
}

/* --- answers --- */

START_TEST(a_request_is_answered)
{
	site_open();
	assert_answer(LAST("/hello"),
	              "HTTP/1.1 200 OK\r\n" DATE "Content-Type: a/b\r\nContent-Length: 5\r\n"
	              "Connection: close\r\n\r\nhello");
	ck_assert_uint_eq(site.requests, 1);
	ck_assert_uint_eq(site.closed, 0); /* answered within `request` */
	site_close();
}
END_TEST

START_TEST(an_answer_in_pieces_is_chunked)
{
	site_open();
	assert_answer(LAST("/pieces"), "HTTP/1.1 200 OK\r\n" DATE
	                               "Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n"
	                               "Connection: close\r\n\r\n"
	                               "3\r\none\r\n15\r\ntwo and more than ten\r\n0\r\n\r\n");
	ck_assert_uint_eq(site.closed, 1);
	ck_assert_uint_eq(site.gone, 0);
	site_close();
}
END_TEST

START_TEST(http_1_0_gets_no_chunks_and_the_end_is_the_close)
{
	site_open();
	assert_answer("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	              "HTTP/1.1 200 OK\r\n" DATE "Content-Type: a/b\r\nConnection: close\r\n\r\n"
	              "onetwo and more than ten");
	assert_answer("GET /hello HTTP/1.0\r\n\r\n",
	              "HTTP/1.1 200 OK\r\n" DATE "Content-Type: a/b\r\nContent-Length: 5\r\n"
	              "Connection: close\r\n\r\nhello");
	site_close();
}
END_TEST

START_TEST(http_1_0_stays_where_it_asks_to)
{
	struct client client;

	site_open();
	client = client_open();
	client_send(&client, TEXT("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
	client_read_until(&client, "hello");
	ck_assert(client_has(&client, "\r\nConnection: keep-alive\r\n"));
	client_send(&client, TEXT("GET /echo HTTP/1.0\r\n\r\n"));
	client_read_to_end(&client);
	ck_assert_uint_eq(site.requests, 2);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(an_answer_to_head_has_the_head_only)
{
	site_open();
	assert_answer("HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	              "HTTP/1.1 200 OK\r\n" DATE "Content-Type: a/b\r\nContent-Length: 5\r\n"
	              "Connection: close\r\n\r\n");
	assert_answer("HEAD /pieces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	              "HTTP/1.1 200 OK\r\n" DATE
	              "Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n"
	              "Connection: close\r\n\r\n");
	assert_answer(LAST("/nothing"),
	              "HTTP/1.1 204 No Content\r\n" DATE "Connection: close\r\n\r\n");
	site_close();
}
END_TEST

START_TEST(a_request_is_answered_once_whatever_the_handler_does)
{
	site_open();
	struct client client = client_ask(GET("/twice") LAST("/hello"), false);
	ck_assert_uint_eq(client_count(&client, "HTTP/1.1 "), 2);
	ck_assert(client_has(&client, "first"));
	ck_assert(!client_has(&client, "second") && !client_has(&client, "third"));
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_body_comes_whole_however_it_is_sent)
{
	site_open();
	struct client client = client_open();
	const char *bytes = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
	for (const char *at = bytes; *at != '\0'; at++) {
		client_send(&client, (struct text){at, 1});
		client_read(&client);
	}
	client_read_until(&client, "hello world");
	ck_assert_uint_eq(site.requests, 1);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(the_peer_is_known)
{
	struct sockaddr_in self;
	socklen_t size = sizeof(self);
	char expected[64];

	site_open();
	struct client client = client_open();
	ck_assert_int_eq(getsockname(client.fd, (struct sockaddr *)&self, &size), 0);
	(void)snprintf(expected, sizeof(expected), "\r\n\r\n127.0.0.1:%d", ntohs(self.sin_port));
	client_send(&client, TEXT(GET("/peer")));
	client_read_until(&client, expected);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(ipv6_is_served_too)
{
	struct fault fault = {0};
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	site_open();
	struct http_server *first = site.server;
	options.address = "::1";
	if (http_server_start(site.loop, &options, &handler, &site.server, &fault)) {
		struct client client = {.fd = socket(AF_INET6, SOCK_STREAM, 0)};
		text_buf_init(&client.got, 65536);
		address.sin6_port = htons((uint16_t)http_server_port(site.server));
		ck_assert_int_eq(
		    connect(client.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
		client_send(&client, TEXT(GET("/peer")));
		client_read_until(&client, "\r\n\r\n[::1]:");
		client_close(&client);
		http_server_stop(site.server);
	} else {
		ck_assert_int_eq(fault.kind, FAULT_SYSTEM); /* a machine without IPv6 */
	}
	site.server = first;
	site_close();
}
END_TEST

START_TEST(an_address_that_is_taken_or_none_is_a_fault)
{
	struct fault fault = {0};
	struct http_server *other = NULL;

	site_open();
	options.port = http_server_port(site.server);
	ck_assert(!http_server_start(site.loop, &options, &handler, &other, &fault));
	ck_assert_int_eq(fault.kind, FAULT_SYSTEM);
	assert_fault_says(&fault, "cannot listen on 127.0.0.1 port");
	options.address = "example.org";
	ck_assert(!http_server_start(site.loop, &options, &handler, &other, &fault));
	assert_fault_says(&fault, "is no IP address");
	site_close();
}
END_TEST

/* --- one connection, many requests --- */

START_TEST(a_connection_serves_one_request_after_another)
{
	site_open();
	struct client client = client_open();
	for (int i = 0; i < 5; i++) {
		client_send(&client, TEXT(GET("/hello")));
		client_read_until(&client, "\r\n\r\nhello");
		ck_assert(!client_has(&client, "Connection:"));
		text_buf_reset(&client.got);
	}
	ck_assert_uint_eq(site.requests, 5);
	ck_assert_uint_eq(http_server_connections(site.server), 1);
	client_close(&client);
	turn(3);
	ck_assert_uint_eq(http_server_connections(site.server), 0);
	site_close();
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order_and_leave_together)
{
	site_open();
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hello") GET("/pieces") GET("/nope") GET("/nothing")));
	client_read_until(&client, "204 No Content");
	struct text got = text_buf_view(&client.got);
	size_t hello = text_find(got, TEXT("\r\n\r\nhello"), 0);
	size_t pieces = text_find(got, TEXT("two and more"), 0);
	size_t nope = text_find(got, TEXT("nothing here"), 0);
	ck_assert(hello < pieces && pieces < nope && nope != TEXT_NOT_FOUND);
	text_buf_reset(&client.got);

	client_send(&client, TEXT(GET("/hello") GET("/hello") GET("/hello")));
	turn(3); /* nothing is read meanwhile */
	client_read(&client);
	ck_assert_uint_eq(client_count(&client, "\r\n\r\nhello"), 3);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(requests_behind_one_that_takes_its_time_wait)
{
	site_open();
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hold") GET("/hello")));
	client_send(&client, TEXT(GET("/hello")));
	client_gets_nothing(&client);
	ck_assert_uint_eq(site.requests, 1);
	http_respond(site.held, 200, NULL, 0, TEXT("at last"));
	client_read_until(&client, "hello");
	client_read_until(&client, "at last");
	ck_assert_uint_eq(site.requests, 3);
	ck_assert_uint_eq(site.closed, 1);
	ck_assert_uint_eq(site.gone, 0);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(what_waits_behind_a_request_is_bounded)
{
	static char request[1000];
	size_t sent = 0;

	site_open();
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hold")));
	turn(3);
	(void)snprintf(request, sizeof(request),
	               "GET /hello HTTP/1.1\r\nHost: a\r\nX: %0900d\r\n\r\n", 0);
	struct text piece = text_of(request);
	/* Until the socket takes no more: the server has stopped reading. */
	for (int full = 0; full < 10;) {
		ssize_t put = send(client.fd, piece.data + sent % piece.len,
		                   piece.len - sent % piece.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put > 0)
			sent += (size_t)put;
		full = put > 0 ? 0 : full + 1;
		turn(1);
		ck_assert_uint_lt(sent, 64 * 1024 * 1024);
	}
	size_t requests = sent / piece.len;
	http_respond(site.held, 200, NULL, 0, TEXT("at last"));
	for (int i = 0; i < TURNS_MAX && site.requests < requests + 1; i++)
		client_read(&client);
	ck_assert_uint_eq(site.requests, requests + 1);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(memory_stays_flat_over_many_requests)
{
	static char body[300000];

	memset(body, 'b', sizeof(body));
	site_open();
	struct client client = client_open();
	for (int i = 0; i < 50; i++) {
		client_send(&client, TEXT("POST /memory HTTP/1.1\r\nHost: a\r\n"
		                          "Content-Length: 300000\r\n\r\n"));
		client_send(&client, (struct text){body, sizeof(body)});
		size_t wanted = 0;
		do {
			client_read(&client);
			size_t head = text_find(text_buf_view(&client.got), TEXT("\r\n\r\n"), 0);
			wanted = head == TEXT_NOT_FOUND ? SIZE_MAX : head + 4 + sizeof(body);
		} while (client.got.len < wanted);
		ck_assert_uint_eq(client.got.len, wanted);
		text_buf_reset(&client.got);
	}
	ck_assert_uint_eq(site.requests, 50);
	client_close(&client);
	site_close();
}
END_TEST

/* --- refusals --- */

START_TEST(after_a_refusal_nothing_more_is_answered)
{
	site_open();
	assert_answer("GET / HTTP/1.1\r\nHost : a\r\n\r\n" GET("/hello"),
	              "HTTP/1.1 400 Bad Request\r\n" DATE
	              "Content-Type: text/plain\r\nContent-Length: 36\r\n"
	              "Connection: close\r\n\r\na blank before the colon of a header");
	ck_assert_uint_eq(site.requests, 0);
	site_close();
}
END_TEST

START_TEST(a_good_request_before_a_bad_one_is_answered)
{
	site_open();
	struct client client = client_ask(GET("/hello") "BAD\r\n\r\n" GET("/hello"), false);
	ck_assert_uint_eq(client_count(&client, "HTTP/1.1 "), 2);
	ck_assert(client_has(&client, "hello"));
	ck_assert(client_has(&client, "HTTP/1.1 400"));
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_client_that_still_sends_can_read_why_it_was_refused)
{
	static char block[1 << 20];
	size_t sent = 0;

	site_open();
	struct client client = client_open();
	client_send(&client,
	            TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"));
	while (sent < 20 * sizeof(block)) {
		client_send(&client, (struct text){block, sizeof(block)});
		sent += sizeof(block);
	}
	client_read_to_end(&client);
	ck_assert(client.ended);
	ck_assert(client_has(&client, "HTTP/1.1 413 Content Too Large"));
	client_close(&client);
	for (int i = 0; i < TURNS_MAX && http_server_connections(site.server) > 0; i++)
		turn(1);
	ck_assert_uint_eq(http_server_connections(site.server), 0);
	site_close();
}
END_TEST

static void one_connection(struct http_server_options *changed)
{
	changed->connections = 1;
}

START_TEST(one_connection_too_many_is_told_so)
{
	site_open_with(one_connection);
	struct client first = client_open();
	client_send(&first, TEXT(GET("/hello")));
	client_read_until(&first, "hello");
	struct client second = client_open();
	client_read_to_end(&second);
	ck_assert(client_has(&second, "HTTP/1.1 503 Service Unavailable"));
	client_close(&second);
	turn(3);
	client_close(&first);
	turn(3);
	struct client third = client_open();
	client_send(&third, TEXT(GET("/hello")));
	client_read_until(&third, "hello");
	client_close(&third);
	site_close();
}
END_TEST

static struct text refusal_json(void *context UNUSED, int status, const char *reason,
                                struct arena *arena)
{
	return text_format(arena, "{\"status\":%d,\"why\":\"%s\"}", status, reason);
}

START_TEST(a_refusal_may_be_put_into_the_words_of_the_handler)
{
	struct http_handler own = handler;
	struct fault fault = {0};

	site_open();
	http_server_stop(site.server);
	own.refusal = refusal_json;
	ck_assert(http_server_start(site.loop, &options, &own, &site.server, &fault));
	struct client client = client_ask("GET /\r\n", false);
	ck_assert(client_has(&client, "Content-Type: application/json\r\n"));
	ck_assert(client_has(&client, "{\"status\":400,\"why\":\"the request line has no HTTP"));
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_client_that_asks_before_its_body_is_told_to_go_on)
{
	site_open();
	struct client client = client_open();
	client_send(&client, TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	                          "Content-Length: 4\r\n\r\n"));
	client_read_until(&client, "HTTP/1.1 100 Continue\r\n\r\n");
	client_send(&client, TEXT("body"));
	client_read_until(&client, "\r\n\r\nbody");
	ck_assert_uint_eq(client_count(&client, "HTTP/1.1 200 OK"), 1);
	text_buf_reset(&client.got);
	/* A body that came along needs no word. */
	client_send(&client, TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	                          "Content-Length: 4\r\n\r\nmore"));
	client_read_until(&client, "\r\n\r\nmore");
	ck_assert(!client_has(&client, "100 Continue"));
	client_close(&client);
	site_close();
}
END_TEST

/* --- clients that go --- */

START_TEST(a_client_that_closes_while_its_answer_is_thought_of_is_noticed_at_once)
{
	site_open();
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hold")));
	turn(3);
	ck_assert_ptr_nonnull(site.held);
	ck_assert_ptr_eq(http_exchange_user(site.held), &site);
	client_close(&client);
	turn(3);
	ck_assert_uint_eq(site.closed, 1);
	ck_assert_uint_eq(site.gone, 1);
	ck_assert_uint_eq(http_server_connections(site.server), 0);
	site_close();
}
END_TEST

START_TEST(a_client_that_resets_is_noticed_at_once)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};

	site_open();
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hold")));
	turn(3);
	http_respond_begin(site.held, 200, NULL, 0);
	(void)http_respond_write(site.held, TEXT("part"));
	client_read_until(&client, "part");
	ck_assert_int_eq(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	client_close(&client);
	turn(3);
	ck_assert_uint_eq(site.gone, 1);
	site_close();
}
END_TEST

START_TEST(a_client_that_closes_behind_a_full_buffer_is_noticed_at_once)
{
	static char rest[100000]; /* more than is read, less than would keep the end away */

	memset(rest, 'a', sizeof(rest));
	site_open();
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hold")));
	turn(3);
	client_send(&client, (struct text){rest, sizeof(rest)});
	turn(10);
	ck_assert_uint_eq(site.closed, 0);
	client_close(&client);
	turn(3);
	ck_assert_uint_eq(site.gone, 1);
	site_close();
}
END_TEST

START_TEST(a_half_closed_client_gets_what_was_answered_at_once)
{
	site_open();
	struct client client = client_ask(GET("/hello") GET("/pieces"), true);
	ck_assert(client_has(&client, "hello"));
	ck_assert(client_has(&client, "two and more"));
	ck_assert(client.ended);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_half_closed_client_counts_as_gone)
{
	site_open();
	struct client client = client_ask(GET("/hold"), true);
	ck_assert_uint_eq(client.got.len, 0);
	ck_assert_uint_eq(site.gone, 1);
	client_close(&client);
	site_close();
}
END_TEST

static void half_closed_too(struct http_server_options *changed)
{
	changed->answer_half_closed = true;
}

START_TEST(a_half_closed_client_is_answered_where_that_is_wanted)
{
	site_open_with(half_closed_too);
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hold") GET("/hello")));
	ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
	client_gets_nothing(&client);
	http_respond(site.held, 200, NULL, 0, TEXT("at last"));
	client_read_to_end(&client);
	ck_assert(client_has(&client, "at last"));
	ck_assert_uint_eq(site.gone, 0);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_connection_ends_behind_the_last_answer_to_a_half_closed_client)
{
	site_open_with(half_closed_too);
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hold")));
	turn(3);
	http_respond_begin(site.held, 200, NULL, 0);
	ck_assert(http_respond_write(site.held, TEXT("part")));
	client_read_until(&client, "part");
	client_send(&client, TEXT(GET("/hello"))); /* still answered */
	ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
	client_gets_nothing(&client);
	http_respond_end(site.held);
	client_read_to_end(&client);
	ck_assert(client.ended);
	ck_assert(text_ends(text_buf_view(&client.got), TEXT("\r\n\r\nhello")));
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(many_large_answers_wait_for_their_reader_even_when_it_half_closed)
{
	site_open();
	struct client client = client_open();
	for (int i = 0; i < 30; i++)
		client_send(&client, TEXT(GET("/large")));
	ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
	turn(20);
	ck_assert_uint_lt(site.requests, 30); /* what is not taken is not made */
	client_read_to_end(&client);
	ck_assert(client.ended);
	ck_assert_uint_eq(site.requests, 30);
	ck_assert_uint_gt(client.got.len, 30 * sizeof(large));
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(bytes_behind_the_last_request_do_not_destroy_its_answer)
{
	static char rest[150000];

	site_open();
	struct client client = client_open();
	client_send(&client, TEXT(LAST("/large")));
	client_send(&client, (struct text){rest, sizeof(rest)});
	client_read_to_end(&client);
	ck_assert(client.ended);
	ck_assert_uint_gt(client.got.len, sizeof(large));
	client_close(&client);

	client = client_open();
	client_send(&client, TEXT(LAST("/hold")));
	client_send(&client, (struct text){rest, 1000});
	turn(3);
	http_respond(site.held, 200, NULL, 0, TEXT("at last"));
	client_send(&client, (struct text){rest, sizeof(rest)});
	client_read_to_end(&client);
	ck_assert(client.ended);
	ck_assert(client_has(&client, "at last"));
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(half_a_request_is_refused_when_its_client_ends)
{
	site_open();
	struct client client =
	    client_ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", true);
	ck_assert(client_has(&client, "HTTP/1.1 400"));
	ck_assert_uint_eq(site.requests, 0);
	client_close(&client);
	client = client_ask("", true);
	ck_assert_uint_eq(client.got.len, 0);
	client_close(&client);
	site_close();
}
END_TEST

/* --- cuts --- */

static struct client hold(const char *request)
{
	struct client client = client_open();

	client_send(&client, text_of(request));
	turn(3);
	ck_assert_ptr_nonnull(site.held);
	return client;
}

START_TEST(a_cut_in_a_chunked_answer_lacks_the_last_chunk)
{
	site_open();
	struct client client = hold(GET("/hold"));
	http_respond_begin(site.held, 200, NULL, 0);
	(void)http_respond_write(site.held, TEXT("part"));
	http_exchange_cut(site.held, true);
	client_read_to_end(&client);
	ck_assert(text_ends(text_buf_view(&client.got), TEXT("\r\n4\r\npart\r\n")));
	ck_assert_uint_eq(site.closed, 1);
	ck_assert_uint_eq(site.gone, 0);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_cut_where_the_close_is_the_end_is_a_reset)
{
	site_open();
	struct client client = hold("GET /hold HTTP/1.0\r\n\r\n");
	http_respond_begin(site.held, 200, NULL, 0);
	(void)http_respond_write(site.held, TEXT("part"));
	http_exchange_cut(site.held, true);
	client_read_to_end(&client);
	ck_assert(text_ends(text_buf_view(&client.got), TEXT("\r\n\r\npart")));
	ck_assert(client.reset);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_cut_without_flush_sends_nothing_more)
{
	site_open();
	struct client client = hold(GET("/hold"));
	http_respond_begin(site.held, 200, NULL, 0);
	(void)http_respond_write(site.held, TEXT("part"));
	http_exchange_cut(site.held, false);
	ck_assert_uint_eq(site.closed, 0); /* said later, never within a call of the handler */
	client_read_to_end(&client);
	ck_assert(client.reset);
	ck_assert_uint_eq(client.got.len, 0);
	ck_assert_uint_eq(site.closed, 1);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_cut_reaches_a_client_that_does_not_read)
{
	site_open();
	site.produce_max = SIZE_MAX;
	struct client client = client_open();
	client_send(&client, TEXT(GET("/hold")));
	turn(3);
	struct http_exchange *exchange = site.held;
	http_respond_begin(exchange, 200, NULL, 0);
	flood(exchange);
	turn(5);
	ck_assert_uint_gt(http_exchange_queued(exchange), options.high_water);
	http_exchange_cut(exchange, false);
	turn(5);
	ck_assert_uint_eq(site.closed, 1);
	ck_assert_uint_eq(http_server_connections(site.server), 0);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(raw_bytes_leave_as_they_are)
{
	site_open();
	struct client client = hold(GET("/hold"));
	http_respond_raw(site.held, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"));
	client_read_until(&client, "\r\n\r\n");
	http_respond_raw(site.held, TEXT("short\0body"));
	http_respond_raw_end(site.held);
	client_read_to_end(&client);
	ck_assert(text_equal(text_buf_view(&client.got),
	                     TEXT("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort\0body")));
	ck_assert(client.ended);
	ck_assert_uint_eq(site.closed, 1);
	client_close(&client);
	site_close();
}
END_TEST

/* --- back-pressure --- */

START_TEST(a_slow_client_holds_the_producer_and_gets_all_in_the_end)
{
	site_open();
	site.produce_max = 32 * 1024 * 1024;
	struct client client = client_open();
	client_send(&client, TEXT(LAST("/flood")));
	turn(20);
	size_t produced = site.produced;
	ck_assert(site.waits);
	turn(20);
	ck_assert_uint_eq(site.produced, produced);
	ck_assert_uint_lt(produced, 16 * 1024 * 1024); /* socket buffers and high water */
	client_read_to_end(&client);
	ck_assert(client.ended);
	ck_assert_uint_eq(site.produced, site.produce_max);
	ck_assert_uint_gt(site.drained, 0);
	ck_assert_uint_eq(client_count(&client, "4000\r\nx"), site.produce_max / PIECE);
	ck_assert(text_ends(text_buf_view(&client.got), TEXT("x\r\n0\r\n\r\n")));
	ck_assert_uint_eq(site.closed, 1);
	ck_assert_uint_eq(site.gone, 0);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_client_that_takes_nothing_is_cut_after_the_write_timeout)
{
	site_open();
	site.produce_max = SIZE_MAX;
	struct client client = client_open();
	client_send(&client, TEXT(GET("/flood")));
	turn(20);
	loop_advance(site.loop, options.write_timeout_ms - 1);
	turn(3);
	ck_assert_uint_eq(site.closed, 0);
	loop_advance(site.loop, 1);
	ck_assert_uint_eq(site.gone, 1);
	client_read_to_end(&client);
	ck_assert(client.reset);
	client_close(&client);
	site_close();
}
END_TEST

/* --- timeouts --- */

START_TEST(slow_headers_are_refused_however_they_trickle)
{
	site_open();
	struct client client = client_open();
	client_send(&client, TEXT("GET /hello HTTP/1.1\r\nHo"));
	turn(3);
	for (int64_t waited = 0; waited < options.header_timeout_ms; waited += 1000) {
		client_gets_nothing(&client);
		client_send(&client, TEXT("s"));
		turn(3);
		loop_advance(site.loop, 1000);
	}
	client_read_to_end(&client);
	ck_assert(client_has(&client, "HTTP/1.1 408 Request Timeout"));
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_body_may_be_slow_but_not_stand_still)
{
	site_open();
	struct client client = client_open();
	client_send(&client, TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"));
	for (int i = 0; i < 5; i++) {
		client_send(&client, TEXT("x"));
		turn(3);
		loop_advance(site.loop, options.body_timeout_ms - 1);
		client_gets_nothing(&client);
	}
	loop_advance(site.loop, 1);
	client_read_to_end(&client);
	ck_assert(client_has(&client, "HTTP/1.1 408"));
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(an_idle_connection_is_closed_and_works_until_then)
{
	site_open();
	struct client client = client_open();
	for (int i = 0; i < 3; i++) {
		turn(3);
		loop_advance(site.loop, options.idle_timeout_ms - 1);
		client_send(&client, TEXT(GET("/hello")));
		client_read_until(&client, "hello");
		text_buf_reset(&client.got);
	}
	client_send(&client, TEXT("\r\n")); /* no request, wins no time */
	turn(3);
	loop_advance(site.loop, options.idle_timeout_ms - 1);
	client_gets_nothing(&client);
	loop_advance(site.loop, 1);
	client_read_to_end(&client);
	ck_assert(client.ended);
	ck_assert_uint_eq(client.got.len, 0);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(a_handler_has_all_the_time_it_wants)
{
	site_open();
	struct client client = hold(GET("/hold"));
	loop_advance(site.loop, 24 * 3600 * 1000);
	client_gets_nothing(&client);
	http_respond(site.held, 200, NULL, 0, TEXT("at last"));
	client_read_until(&client, "at last");
	client_close(&client);
	site_close();
}
END_TEST

/* --- the end --- */

static void drain_is_done(void *context)
{
	ck_assert_ptr_eq(context, &site);
	site.drain_done++;
}

START_TEST(a_drain_lets_requests_end_and_closes_idle_connections)
{
	site_open();
	struct client idle = client_open();
	client_send(&idle, TEXT(GET("/hello")));
	client_read_until(&idle, "hello");
	struct client busy = hold(GET("/hold"));
	int port = http_server_port(site.server);
	http_server_drain(site.server, drain_is_done, &site);
	client_read_to_end(&idle);
	ck_assert(idle.ended);
	ck_assert_uint_eq(site.drain_done, 0);

	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)port),
	                              .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int late = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_ne(connect(late, (const struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(close(late), 0);

	http_respond(site.held, 200, NULL, 0, TEXT("at last"));
	client_read_to_end(&busy);
	ck_assert(client_has(&busy, "Connection: close\r\n"));
	ck_assert(client_has(&busy, "at last"));
	turn(3);
	ck_assert_uint_eq(site.drain_done, 1);
	client_close(&idle);
	client_close(&busy);
	site_close();
}
END_TEST

START_TEST(a_drain_of_nothing_is_done_in_the_next_turn)
{
	site_open();
	http_server_drain(site.server, drain_is_done, &site);
	ck_assert_uint_eq(site.drain_done, 0);
	turn(1);
	ck_assert_uint_eq(site.drain_done, 1);
	site_close();
}
END_TEST

START_TEST(a_stop_cuts_everything_and_tells_the_handler)
{
	site_open();
	struct client idle = client_open();
	struct client busy = hold(GET("/hold"));
	http_server_stop(site.server);
	site.server = NULL;
	ck_assert_uint_eq(site.closed, 1);
	ck_assert_uint_eq(site.gone, 1);
	loop_run(site.loop); /* nothing keeps it running */
	client_read_to_end(&idle);
	client_read_to_end(&busy);
	ck_assert_uint_eq(busy.got.len, 0);
	client_close(&idle);
	client_close(&busy);
	site_close();
}
END_TEST

START_TEST(a_handler_may_stop_the_server_from_within)
{
	site_open();
	struct client client = client_ask(GET("/stop") GET("/hello"), false);
	ck_assert_uint_eq(client.got.len, 0);
	ck_assert_uint_eq(site.requests, 1);
	client_close(&client);
	site_close();
}
END_TEST

START_TEST(without_descriptors_clients_wait_until_there_are_some)
{
	struct rlimit before, tight;

	site_open();
	struct client client = client_open(); /* in the backlog: not accepted yet */
	int lowest = dup(0);
	ck_assert_int_ge(lowest, 0);
	ck_assert_int_eq(close(lowest), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)lowest;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	log_set_level(LOG_SILENT);
	turn(10);
	ck_assert_uint_eq(http_server_connections(site.server), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	loop_advance(site.loop, 1000);
	client_send(&client, TEXT(GET("/hello")));
	client_read_until(&client, "hello");
	client_close(&client);
	site_close();
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_request_is_answered);
	tcase_add_test(cases, an_answer_in_pieces_is_chunked);
	tcase_add_test(cases, http_1_0_gets_no_chunks_and_the_end_is_the_close);
	tcase_add_test(cases, http_1_0_stays_where_it_asks_to);
	tcase_add_test(cases, an_answer_to_head_has_the_head_only);
	tcase_add_test(cases, a_request_is_answered_once_whatever_the_handler_does);
	tcase_add_test(cases, a_body_comes_whole_however_it_is_sent);
	tcase_add_test(cases, the_peer_is_known);
	tcase_add_test(cases, ipv6_is_served_too);
	tcase_add_test(cases, an_address_that_is_taken_or_none_is_a_fault);
	tcase_add_test(cases, a_connection_serves_one_request_after_another);
	tcase_add_test(cases, pipelined_requests_are_answered_in_order_and_leave_together);
	tcase_add_test(cases, requests_behind_one_that_takes_its_time_wait);
	tcase_add_test(cases, what_waits_behind_a_request_is_bounded);
	tcase_add_test(cases, memory_stays_flat_over_many_requests);
	tcase_add_test(cases, after_a_refusal_nothing_more_is_answered);
	tcase_add_test(cases, a_good_request_before_a_bad_one_is_answered);
	tcase_add_test(cases, a_client_that_still_sends_can_read_why_it_was_refused);
	tcase_add_test(cases, one_connection_too_many_is_told_so);
	tcase_add_test(cases, a_refusal_may_be_put_into_the_words_of_the_handler);
	tcase_add_test(cases, a_client_that_asks_before_its_body_is_told_to_go_on);
	tcase_add_test(cases,
	               a_client_that_closes_while_its_answer_is_thought_of_is_noticed_at_once);
	tcase_add_test(cases, a_client_that_resets_is_noticed_at_once);
	tcase_add_test(cases, a_client_that_closes_behind_a_full_buffer_is_noticed_at_once);
	tcase_add_test(cases, a_half_closed_client_gets_what_was_answered_at_once);
	tcase_add_test(cases, a_half_closed_client_counts_as_gone);
	tcase_add_test(cases, a_half_closed_client_is_answered_where_that_is_wanted);
	tcase_add_test(cases, a_connection_ends_behind_the_last_answer_to_a_half_closed_client);
	tcase_add_test(cases, many_large_answers_wait_for_their_reader_even_when_it_half_closed);
	tcase_add_test(cases, bytes_behind_the_last_request_do_not_destroy_its_answer);
	tcase_add_test(cases, half_a_request_is_refused_when_its_client_ends);
	tcase_add_test(cases, a_cut_in_a_chunked_answer_lacks_the_last_chunk);
	tcase_add_test(cases, a_cut_where_the_close_is_the_end_is_a_reset);
	tcase_add_test(cases, a_cut_without_flush_sends_nothing_more);
	tcase_add_test(cases, a_cut_reaches_a_client_that_does_not_read);
	tcase_add_test(cases, raw_bytes_leave_as_they_are);
	tcase_add_test(cases, a_slow_client_holds_the_producer_and_gets_all_in_the_end);
	tcase_add_test(cases, a_client_that_takes_nothing_is_cut_after_the_write_timeout);
	tcase_add_test(cases, slow_headers_are_refused_however_they_trickle);
	tcase_add_test(cases, a_body_may_be_slow_but_not_stand_still);
	tcase_add_test(cases, an_idle_connection_is_closed_and_works_until_then);
	tcase_add_test(cases, a_handler_has_all_the_time_it_wants);
	tcase_add_test(cases, a_drain_lets_requests_end_and_closes_idle_connections);
	tcase_add_test(cases, a_drain_of_nothing_is_done_in_the_next_turn);
	tcase_add_test(cases, a_stop_cuts_everything_and_tells_the_handler);
	tcase_add_test(cases, a_handler_may_stop_the_server_from_within);
	tcase_add_test(cases, without_descriptors_clients_wait_until_there_are_some);
}

int main(void)
{
	return unit_main("http_server", add);
}
