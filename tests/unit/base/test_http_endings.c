/* How exchanges and connections end: by the client, the handler, the clock, the server. */
#include "harness/base/log.h"
#include "tests/unit/base/http_site.h"

#include <sys/resource.h>

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
	ck_assert_uint_eq(atomic_load(&site.connections), 0);
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
	ck_assert(site.waits); /* more is queued than the client's socket takes */
	http_exchange_cut(exchange, false);
	turn(5);
	ck_assert_uint_eq(site.closed, 1);
	ck_assert_uint_eq(atomic_load(&site.connections), 0);
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

START_TEST(a_handler_that_never_heeds_the_mark_is_cut_at_the_cap)
{
	site_open();
	struct client client = hold(GET("/hold"));
	http_respond_begin(site.held, 200, NULL, 0);
	for (int i = 0; i < 200 && site.held != NULL; i++)
		(void)http_respond_write(site.held, (struct text){large, sizeof(large)});
	turn(3);
	ck_assert_uint_eq(site.closed, 1);
	client_read_to_end(&client);
	ck_assert(client.reset);
	ck_assert_uint_eq(client.got.len, 0); /* what was queued is thrown away */
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
	ck_assert_uint_eq(atomic_load(&site.connections), 0);
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
	tcase_add_test(cases, a_handler_that_never_heeds_the_mark_is_cut_at_the_cap);
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
	return unit_main("http_endings", add);
}
