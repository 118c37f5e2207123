/* Requests and their answers, many on a connection, and what is refused. */
#include "tests/unit/base/http_site.h"

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

static void assert_peer(const char *expected)
{
	struct ip_address address;

	ck_assert(ip_parse(text_of(expected), &address));
	ck_assert_mem_eq(site.peer.bytes, address.bytes, IP_BYTES);
}

START_TEST(the_peer_is_known)
{
	site_open();
	struct client client = client_open();
	client_send(&client, TEXT(GET("/peer")));
	client_read_until(&client, "seen");
	assert_peer("127.0.0.1");
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
		client_read_until(&client, "seen");
		assert_peer("::1");
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
	ck_assert_uint_eq(atomic_load(&site.connections), 1);
	client_close(&client);
	turn(3);
	ck_assert_uint_eq(atomic_load(&site.connections), 0);
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

/* Else thousands of open streams would each hold what they were asked. */
START_TEST(a_long_answer_holds_no_request)
{
	static char body[5000];

	memset(body, 'b', sizeof(body));
	site_open();
	struct client client = client_open();
	client_send(&client,
	            TEXT("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"));
	client_send(&client, (struct text){body, sizeof(body)});
	client_send(&client, TEXT(GET("/hello")));
	for (int i = 0; i < TURNS_MAX && site.held == NULL; i++)
		turn(1);
	struct arena *arena = http_exchange_arena(site.held);
	memset(arena_alloc(arena, 3000), 'x', 3000);
	http_respond_begin(site.held, 200, NULL, 0);
	http_exchange_drop_request(site.held);
	ck_assert_uint_eq(arena->held, 0);
	ck_assert_ptr_null(http_exchange_request(site.held)->body.data);
	ck_assert(http_respond_write(site.held, TEXT("one event")));
	client_read_until(&client, "one event");
	ck_assert(http_respond_write(site.held, TEXT("another")));
	http_respond_end(site.held);
	/* The next request on that connection is read as any other. */
	client_read_until(&client, "hello");
	ck_assert(client_has(&client, "7\r\nanother\r\n0\r\n\r\nHTTP/1.1 200 OK"));
	ck_assert_uint_eq(site.requests, 2);
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
	for (int i = 0; i < TURNS_MAX && atomic_load(&site.connections) > 0; i++)
		turn(1);
	ck_assert_uint_eq(atomic_load(&site.connections), 0);
	site_close();
}
END_TEST

static void one_connection(struct http_server_options *changed)
{
	changed->connections = 1;
}

static void one_of_its_own(struct http_server_options *changed)
{
	changed->connections = 1;
	changed->shared_connections = NULL;
}

static void assert_one_connection(void (*change)(struct http_server_options *changed))
{
	site_open_with(change);
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

START_TEST(one_connection_too_many_is_told_so)
{
	assert_one_connection(one_connection);
	assert_one_connection(one_of_its_own);
}
END_TEST

static struct text refusal_json(void *context UNUSED, struct text path, int status,
                                const char *reason, struct arena *arena)
{
	return text_format(arena, "{\"status\":%d,\"path\":\"%.*s\",\"why\":\"%s\"}", status,
	                   TEXT_ARG(path), reason);
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
	ck_assert(client_has(
	    &client, "{\"status\":400,\"path\":\"\",\"why\":\"the request line has no HTTP"));
	client_close(&client);
	/* Once the head is read it is known what was asked for. */
	client = client_ask("POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
	                    false);
	ck_assert(client_has(&client, "{\"status\":413,\"path\":\"/a\",\"why\":"));
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

/* Misread, a server listens where nobody looks, or where everybody does. */
START_TEST(where_to_listen_is_read)
{
	static const struct {
		const char *listen, *address; /* address NULL: it is no such place */
		int port;
	} rows[] = {
	    {"127.0.0.1:4000", "127.0.0.1", 4000},
	    {"0.0.0.0:0", "0.0.0.0", 0},
	    {"[::1]:65535", "::1", 65535},
	    {"::1:80", "::1", 80},
	    {":8080", "127.0.0.1", 8080},
	    {"localhost:8080", "127.0.0.1", 8080},
	    {"[]:1", "127.0.0.1", 1},
	    {"127.0.0.1", NULL, 0},
	    {"127.0.0.1:", NULL, 0},
	    {"127.0.0.1:65536", NULL, 0},
	    {"127.0.0.1:-1", NULL, 0},
	    {"127.0.0.1:http", NULL, 0},
	    {"", NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct text address = TEXT("");
		int port = 0;
		bool good = http_listen_read(text_of(rows[i].listen), &address, &port);
		ck_assert_msg(good == (rows[i].address != NULL), "%s", rows[i].listen);
		if (good)
			assert_text(address, rows[i].address);
		ck_assert_int_eq(port, rows[i].port);
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, where_to_listen_is_read);
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
	tcase_add_test(cases, a_long_answer_holds_no_request);
	tcase_add_test(cases, after_a_refusal_nothing_more_is_answered);
	tcase_add_test(cases, a_good_request_before_a_bad_one_is_answered);
	tcase_add_test(cases, a_client_that_still_sends_can_read_why_it_was_refused);
	tcase_add_test(cases, one_connection_too_many_is_told_so);
	tcase_add_test(cases, a_refusal_may_be_put_into_the_words_of_the_handler);
	tcase_add_test(cases, a_client_that_asks_before_its_body_is_told_to_go_on);
}

int main(void)
{
	return unit_main("http_server", add);
}
