/* The transport at its limits: caps, cancelling, timeouts, back-pressure, many at once. */
#include "tests/unit/providers/transport_rig.h"

START_TEST(a_body_over_the_cap_is_cut_off_at_it)
{
	limits.body_bytes = 3;
	struct seen *seen = ASK("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", SCRIPT_KEEP);

	expect_end(seen, EXCHANGE_TOO_LARGE);
	assert_text(text_buf_view(&seen->body), "hel");
	forget(seen);
}
END_TEST

START_TEST(a_body_of_exactly_the_cap_is_taken)
{
	limits.body_bytes = 5;
	struct seen *seen = ASK("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", SCRIPT_KEEP);

	expect_end(seen, EXCHANGE_COMPLETE);
	forget(seen);
}
END_TEST

START_TEST(header_sections_are_capped_in_fields_and_bytes)
{
	struct text_buf answer;

	text_buf_init(&answer, 1 << 20);
	text_buf_add_c(&answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
	for (int i = 0; i < 255 + _i; i++)
		text_buf_format(&answer, "X-%d: 1\r\n", i);
	text_buf_add_c(&answer, "\r\n");
	struct seen *seen = ask(text_buf_view(&answer), SCRIPT_KEEP);
	expect_end(seen, _i == 0 ? EXCHANGE_COMPLETE : EXCHANGE_BAD_HTTP);
	forget(seen);

	text_buf_reset(&answer);
	text_buf_add_c(&answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
	for (int i = 0; i < 7 + _i; i++)
		text_buf_format(&answer, "X: %09216d\r\n", 1);
	text_buf_add_c(&answer, "\r\n");
	seen = ask(text_buf_view(&answer), SCRIPT_KEEP);
	expect_end(seen, _i == 0 ? EXCHANGE_COMPLETE : EXCHANGE_BAD_HTTP);
	forget(seen);
	text_buf_done(&answer);
}
END_TEST

START_TEST(a_cancelled_transfer_ends_once_and_is_silent)
{
	struct seen seen = {0};

	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
	                     SCRIPT_KEEP);
	begin_get(&seen);
	transport_cancel(seen.transfer);
	ck_assert_uint_eq(seen.ends, 0);
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_CANCELLED);
	ck_assert_uint_eq(seen.heads, 0);
	forget(&seen);
}
END_TEST

START_TEST(cancelling_within_a_callback_is_fine)
{
	struct seen seen = {.cancel_in_head = _i == 0, .cancel_in_body = _i == 1};

	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
	                     SCRIPT_KEEP);
	begin_get(&seen);
	wait_for_end(&seen);
	ck_assert_uint_eq(seen.body_calls, _i == 0 ? 0 : 1);
	ck_assert_uint_eq(seen.heads, 1);
	expect_end(&seen, EXCHANGE_CANCELLED);
	forget(&seen);
}
END_TEST

/* --- timeouts, on a clock that we move --- */

START_TEST(each_timeout_has_its_own_end)
{
	struct seen seen = {0};

	loop_fake_clock(loop, 0);
	limits.timeouts = (struct provider_timeouts){
	    .connect_ms = 1000, .first_event_ms = 200, .idle_ms = 30, .total_ms = 100000};
	script_server_answer(server, text_of(timeouts[_i].answer), SCRIPT_HANG);
	begin_get(&seen);
	while (server->request_count == 0 || (_i == 2 && seen.body.len == 0) ||
	       (_i == 1 && seen.heads == 0))
		(void)loop_turn(loop, true);
	loop_advance(loop, timeouts[_i].fires_at_ms - 1);
	ck_assert_uint_eq(seen.ends, 0);
	loop_advance(loop, 1);
	ck_assert_uint_eq(seen.ends, 1);
	expect_end(&seen, timeouts[_i].end);
	forget(&seen);
}
END_TEST

START_TEST(the_total_time_ends_what_still_flows)
{
	struct seen seen = {0};

	loop_fake_clock(loop, 0);
	limits.timeouts =
	    (struct provider_timeouts){.first_event_ms = 200, .idle_ms = 30, .total_ms = 100};
	script_server_answer(
	    server, TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
	    SCRIPT_KEEP);
	begin_get(&seen);
	for (size_t sent = 1; sent <= 5; sent++) {
		while (seen.body.len < sent)
			(void)loop_turn(loop, true);
		ck_assert_uint_eq(seen.ends, 0);
		loop_advance(loop, 20);
		if (seen.ends == 0)
			script_send(server->connections[0],
			            (struct script_answer){TEXT("1\r\na\r\n"), SCRIPT_KEEP});
	}
	ck_assert_uint_eq(seen.ends, 1);
	expect_end(&seen, EXCHANGE_TOTAL_TIMEOUT);
	forget(&seen);
}
END_TEST

START_TEST(a_connection_that_does_not_come_times_out)
{
	struct seen seen = {0};
	struct wire_request request = {.method = "GET"};

	/* TLS counts as connecting: the server accepts and never answers the ClientHello. */
	request.url = text_c(&arena, text_format(&arena, "https://127.0.0.1:%d/", server->port));
	loop_fake_clock(loop, 0);
	limits.timeouts = (struct provider_timeouts){.connect_ms = 50, .first_event_ms = 10};
	begin(&seen, &request, NULL);
	while (server->connection_count == 0 || server->connections[0]->in.len == 0)
		(void)loop_turn(loop, true);
	loop_advance(loop, 49);
	ck_assert_uint_eq(seen.ends, 0);
	loop_advance(loop, 1);
	ck_assert_uint_eq(seen.ends, 1);
	expect_end(&seen, EXCHANGE_CONNECT_TIMEOUT);
	forget(&seen);
}
END_TEST

/* --- back-pressure --- */

START_TEST(a_paused_transfer_stops_the_sender_and_resumes_whole)
{
	enum { BODY = 32 << 20 };
	struct seen seen = {.pause_in_body = true};
	struct text_buf answer;

	text_buf_init(&answer, BODY + 1000);
	text_buf_format(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
	char *room = text_buf_reserve(&answer, BODY);
	for (int i = 0; i < BODY; i++)
		room[i] = (char)('a' + i % 26);
	answer.len += BODY;
	script_server_answer(server, text_buf_view(&answer), SCRIPT_KEEP);
	limits.body_bytes = BODY;
	limits.timeouts = (struct provider_timeouts){.idle_ms = 10};
	loop_fake_clock(loop, 0);
	begin_get(&seen);
	while (seen.body_at_pause == 0)
		(void)loop_turn(loop, true);
	for (int i = 0; i < 200; i++)
		(void)loop_turn(loop, false);
	/* No body call came, and what was not read stays with the sender: buffers of the kernel
	 * aside. */
	ck_assert_uint_eq(seen.body.len, seen.body_at_pause);
	size_t unsent = uv_stream_get_write_queue_size((uv_stream_t *)&server->connections[0]->tcp);
	ck_assert_uint_gt(unsent, BODY / 2);
	/* Not reading is no idleness of the provider. */
	loop_advance(loop, 1000);
	ck_assert_uint_eq(seen.ends, 0);
	transport_resume(seen.transfer);
	ck_assert_uint_eq(seen.body.len, seen.body_at_pause);
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_COMPLETE);
	ck_assert_uint_eq(seen.body.len, BODY);
	for (int i = 0; i < BODY; i += 4099)
		ck_assert_int_eq(seen.body.data[i], 'a' + i % 26);
	text_buf_done(&answer);
	forget(&seen);
}
END_TEST

/* Two chunks in one packet: the second is held back, and found too large when it is handed out. */
START_TEST(a_cap_is_found_when_what_was_held_back_is_handed_out)
{
	struct seen seen = {.pause_in_body = true};

	loop_fake_clock(loop, 0);
	limits.body_bytes = 3;
	script_server_answer(server,
	                     TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	                          "1\r\na\r\n5\r\nhello\r\n"),
	                     SCRIPT_KEEP);
	begin_get(&seen);
	while (seen.body_at_pause == 0)
		(void)loop_turn(loop, true);
	transport_resume(seen.transfer);
	while (seen.body.len < 3)
		(void)loop_turn(loop, true);
	for (int i = 0; i < 5; i++)
		(void)loop_turn(loop, false);
	ck_assert_uint_eq(seen.ends, 1);
	expect_end(&seen, EXCHANGE_TOO_LARGE);
	assert_text(text_buf_view(&seen.body), "ahe");
	forget(&seen);
}
END_TEST

START_TEST(many_at_once_all_end)
{
	enum { MANY = 200 }; /* several of libcurl's handles */
	static struct seen seen[MANY];
	size_t ended = 0;

	memset(seen, 0, sizeof(seen));
	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
	                     SCRIPT_KEEP);
	server->repeat_last = true;
	for (size_t i = 0; i < MANY; i++)
		begin_get(&seen[i]);
	while (ended < MANY) {
		(void)loop_turn(loop, true);
		ended = 0;
		for (size_t i = 0; i < MANY; i++)
			ended += seen[i].ends;
	}
	for (size_t i = 0; i < MANY; i++) {
		ck_assert_uint_eq(seen[i].ends, 1);
		expect_end(&seen[i], EXCHANGE_COMPLETE);
		forget(&seen[i]);
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_body_over_the_cap_is_cut_off_at_it);
	tcase_add_test(cases, a_body_of_exactly_the_cap_is_taken);
	tcase_add_loop_test(cases, header_sections_are_capped_in_fields_and_bytes, 0, 2);
	tcase_add_test(cases, a_cancelled_transfer_ends_once_and_is_silent);
	tcase_add_loop_test(cases, cancelling_within_a_callback_is_fine, 0, 2);
	tcase_add_loop_test(cases, each_timeout_has_its_own_end, 0, (int)ARRAY_LENGTH(timeouts));
	tcase_add_test(cases, the_total_time_ends_what_still_flows);
	tcase_add_test(cases, a_connection_that_does_not_come_times_out);
	tcase_add_test(cases, a_paused_transfer_stops_the_sender_and_resumes_whole);
	tcase_add_test(cases, a_cap_is_found_when_what_was_held_back_is_handed_out);
	tcase_add_test(cases, many_at_once_all_end);
}

int main(void)
{
	return unit_main("transport_limits", add);
}
