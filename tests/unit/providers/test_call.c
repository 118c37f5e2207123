/* Calls against a scripted provider: whatever it does, each call ends exactly once. */
#include "tests/unit/providers/call_rig.h"

START_TEST(a_good_answer_ends_the_call_at_the_first_attempt)
{
	struct seen seen = {0};

	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_uint_eq(seen.finals, 1);
	ck_assert(seen.had_last && seen.last_final);
	assert_text(seen.content, "hi");
	assert_text(seen.body, CHAT_BODY);
	ck_assert_uint_ge(seen.chunks, 1);
	ck_assert(text_starts(server->requests[0], TEXT("POST /v1/chat/completions HTTP/1.1\r\n")));
}
END_TEST

START_TEST(a_key_goes_only_where_it_is_asked_for)
{
	struct seen with = {0}, without = {0}, wrong = {0};

	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	server->repeat_last = true;
	provider.key_ref = TEXT("env:X");
	provider.key = secret_from_bytes(TEXT("sk-unit-call-0123456789"));
	begin(&with);
	finish(&with, 10);
	request.auth = AUTH_NONE;
	begin(&without);
	finish(&without, 10);
	request.auth = AUTH_WRONG_KEY;
	begin(&wrong);
	finish(&wrong, 10);
	ck_assert(text_find(server->requests[0], TEXT("Bearer sk-unit-call-0123456789\r\n"), 0) !=
	          TEXT_NOT_FOUND);
	ck_assert(text_find(server->requests[1], TEXT("uthorization"), 0) == TEXT_NOT_FOUND);
	ck_assert(text_find(server->requests[2], TEXT("Bearer sk-"), 0) != TEXT_NOT_FOUND);
	ck_assert(text_find(server->requests[2], TEXT("sk-unit"), 0) == TEXT_NOT_FOUND);
}
END_TEST

START_TEST(a_key_that_was_not_loaded_is_a_fault_and_nothing_is_sent)
{
	struct seen seen = {0};

	provider.key_ref = TEXT("env:X");
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 0);
	ck_assert(!seen.had_last);
	ck_assert(text_find(seen.message, TEXT("unit"), 0) != TEXT_NOT_FOUND);
	ck_assert_uint_eq(server->request_count, 0);
}
END_TEST

START_TEST(infrastructure_is_asked_again_until_it_answers)
{
	struct seen seen = {0};

	answer("503 Busy", "{}", SCRIPT_KEEP);
	script_server_answer(server, TEXT(""), SCRIPT_CLOSE);
	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 3);
	ck_assert_int_eq(seen.status[0], 503);
	ck_assert_int_eq(seen.attempt_end[1], EXCHANGE_CUT);
	ck_assert_int_eq(seen.status[2], 200);
	assert_text(seen.content, "hi");
}
END_TEST

START_TEST(what_a_server_lacks_is_not_asked_for_again)
{
	struct seen seen = {0};

	answer("501 Not Implemented", "{}", SCRIPT_KEEP);
	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_int_eq(seen.status[0], 501);
}
END_TEST

START_TEST(attempts_are_counted)
{
	struct seen seen = {0};

	answer("500 No", "{}", SCRIPT_KEEP);
	server->repeat_last = true;
	options.max_attempts = 2;
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 2);
	ck_assert_uint_eq(seen.finals, 1);
	ck_assert_uint_eq(server->request_count, 2);
}
END_TEST

START_TEST(what_waiting_can_not_mend_is_final)
{
	struct seen seen = {0};

	answer(final[_i].head, final[_i].body, SCRIPT_KEEP);
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_uint_eq(seen.finals, 1);
}
END_TEST

START_TEST(a_reply_that_began_is_never_asked_for_again)
{
	struct seen seen = {0};

	script_server_answer(
	    server,
	    TEXT("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"id\":"),
	    _i == 0 ? SCRIPT_RESET : SCRIPT_HANG);
	request.streamed = true;
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_int_eq(seen.attempt_end[0], _i == 0 ? EXCHANGE_CUT : EXCHANGE_IDLE_TIMEOUT);
	assert_text(seen.body, "data: {\"id\":");
}
END_TEST

START_TEST(retry_after_is_honoured_to_the_millisecond_and_holds_others)
{
	struct seen seen = {0}, other = {0};

	answer("429 Wait\r\nRetry-After: 20", "{}", SCRIPT_KEEP);
	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	server->repeat_last = true;
	begin(&seen);
	while (seen.attempts == 0)
		(void)loop_turn(loop, true);
	begin(&other); /* the same provider: it has to wait as well */
	for (int64_t ms = 0; ms < 19990; ms += 10) {
		loop_advance(loop, 10);
		for (int i = 0; i < 4; i++)
			(void)loop_turn(loop, false);
	}
	ck_assert_uint_eq(server->request_count, 1);
	ck_assert_uint_eq(seen.ends + other.ends, 0);
	finish(&seen, 10);
	finish(&other, 10);
	ck_assert_uint_eq(seen.attempts, 2);
	ck_assert_uint_eq(other.attempts, 1);
	/* Jitter is at most a second. */
	ck_assert_int_le(loop_now_ms(loop), 21100);
}
END_TEST

START_TEST(a_wait_beyond_the_deadline_is_not_waited)
{
	struct seen seen = {0};

	answer("429 Wait\r\nRetry-After: 61", "{}", SCRIPT_KEEP);
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_uint_eq(seen.finals, 1);
	ck_assert_int_lt(loop_now_ms(loop), 1000);
}
END_TEST

START_TEST(the_deadline_ends_an_attempt)
{
	struct seen seen = {0};

	script_server_answer(server, TEXT(""), SCRIPT_HANG);
	options.deadline_ms = 100;
	begin(&seen);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_int_eq(seen.attempt_end[0], EXCHANGE_TOTAL_TIMEOUT);
	ck_assert_int_le(loop_now_ms(loop), 110);
}
END_TEST

START_TEST(the_deadline_ends_a_wait_for_a_turn)
{
	struct seen first = {0}, second = {0};

	provider.limits.concurrency = 1;
	provider.name = TEXT("narrow");
	script_server_answer(server, TEXT(""), SCRIPT_HANG);
	server->repeat_last = true;
	options.max_attempts = 1;
	begin(&first);
	options.deadline_ms = 100;
	begin(&second);
	finish(&second, 10);
	ck_assert_uint_eq(second.attempts, 0);
	ck_assert(text_find(second.message, TEXT("narrow"), 0) != TEXT_NOT_FOUND);
	ck_assert_uint_eq(first.ends, 0);
	finish(&first, 10);
	ck_assert_int_eq(first.attempt_end[0], EXCHANGE_FIRST_TIMEOUT);
}
END_TEST

START_TEST(concurrency_is_kept)
{
	enum { MANY = 12 };
	struct seen seen[MANY] = {0};
	size_t most = 0, ended = 0;

	provider.limits.concurrency = 3;
	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	server->repeat_last = true;
	for (size_t i = 0; i < MANY; i++)
		begin(&seen[i]);
	while (ended < MANY) {
		(void)loop_turn(loop, true);
		ended = 0;
		for (size_t i = 0; i < MANY; i++)
			ended += seen[i].ends;
		size_t open = server->request_count - ended;
		most = open > most ? open : most;
	}
	ck_assert_uint_le(most, 3);
	ck_assert_uint_le(server->connection_count, 3);
	ck_assert_uint_eq(server->request_count, MANY);
}
END_TEST

/* A proxy asks once more at once where a kept connection was closed on it. */
START_TEST(a_connection_that_closes_on_its_next_request_is_told)
{
	struct seen first = {0}, second = {0}, third = {0};

	options.max_attempts = 1;
	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	script_server_answer(server, TEXT(""), SCRIPT_CLOSE);
	begin(&first);
	finish(&first, 10);
	ck_assert(!first.reused);
	begin(&second);
	finish(&second, 10);
	ck_assert_int_eq(second.attempt_end[0], EXCHANGE_CUT);
	ck_assert(second.reused);
	/* The first request of a connection can't have met an old one. */
	script_server_answer(server, TEXT(""), SCRIPT_CLOSE);
	begin(&third);
	finish(&third, 10);
	ck_assert_int_eq(third.attempt_end[0], EXCHANGE_CUT);
	ck_assert(!third.reused);
}
END_TEST

/* A reload makes each provider anew: the queue goes by name and limits. */
START_TEST(a_queue_is_shared_by_name_and_limits)
{
	struct seen first = {0}, second = {0}, third = {0};
	struct provider again = provider;

	provider.limits.concurrency = 1;
	script_server_answer(server, TEXT(""), SCRIPT_HANG);
	server->repeat_last = true;
	begin(&first);
	again.limits = provider.limits;
	target.provider = &again;
	begin(&second);
	for (int i = 0; i < 50; i++)
		(void)loop_turn(loop, false);
	ck_assert_uint_eq(server->request_count, 1);
	again.limits.concurrency = 2;
	begin(&third);
	while (server->request_count < 2)
		(void)loop_turn(loop, false);
	call_cancel(first.call);
	call_cancel(second.call);
	call_cancel(third.call);
	finish(&first, 10);
	finish(&third, 10);
	ck_assert_uint_eq(second.ends, 1);
}
END_TEST

/* --- cancelling, in every state --- */

START_TEST(cancelled_at_once_nothing_is_sent)
{
	struct seen seen = {0};

	begin(&seen);
	call_cancel(seen.call);
	call_cancel(seen.call);
	ck_assert_uint_eq(seen.ends, 0);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 0);
	assert_text(seen.message, "cancelled before anything was sent");
	ck_assert_uint_eq(server->request_count, 0);
}
END_TEST

START_TEST(cancelled_in_flight_the_attempt_is_told)
{
	struct seen seen = {0};

	script_server_answer(server, TEXT(""), SCRIPT_HANG);
	begin(&seen);
	while (server->request_count == 0)
		(void)loop_turn(loop, true);
	call_cancel(seen.call);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_int_eq(seen.attempt_end[0], EXCHANGE_CANCELLED);
	ck_assert(seen.had_last);
	ck_assert_int_eq(seen.head_us, -1);
}
END_TEST

START_TEST(cancelled_while_backing_off_the_last_attempt_stands)
{
	struct seen seen = {.cancel_in_attempt = _i == 1};

	answer("500 No", "{}", SCRIPT_KEEP);
	begin(&seen);
	while (seen.attempts == 0)
		(void)loop_turn(loop, true);
	if (seen.ends == 0)
		call_cancel(seen.call);
	finish(&seen, 10);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert(seen.had_last && seen.last_final);
	ck_assert_uint_eq(server->request_count, 1);
}
END_TEST

/* --- whatever the provider does --- */

static const char *const nasty[] = {
    "",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"choices\":",
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    "6\r\ndata: \r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nxx",
    "HTTP/1.1 429 Slow\r\nRetry-After: -7\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 429 Slow\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 503 Slow\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\n<html",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "\x16\x03\x01 not http at all \r\n\r\n",
    "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 18\r\nContent-Length: 3\r\n\r\n{\"choices\":[]}    ",
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n"
    "{\"choices\":[]}",
};

/* Every mixture of three answers and four ways to go on, deterministic and a lot of them. */
START_TEST(every_call_ends_exactly_once)
{
	struct seen seen = {0};
	uint64_t state = (uint64_t)_i * 2654435761u + 1;

	for (int i = 0; i < 3; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		size_t which = (size_t)(state >> 33) % ARRAY_LENGTH(nasty);
		enum script_then then = (enum script_then)((state >> 60) % 4);

		script_server_answer(server, text_of(nasty[which]), then);
	}
	server->repeat_last = true;
	request.streamed = (_i & 1) != 0;
	options.deadline_ms = 3000;
	options.max_attempts = 1 + (unsigned)_i % 4;
	begin(&seen);
	finish(&seen, 25);
	ck_assert_uint_ge(seen.attempts, 1);
	ck_assert_uint_le(seen.attempts, options.max_attempts);
	ck_assert_uint_le(server->request_count, seen.attempts);
	ck_assert(seen.had_last && seen.last_final);
	ck_assert_uint_eq(seen.last_number, seen.attempts);
	ck_assert_int_le(loop_now_ms(loop), 3100);
}
END_TEST

START_TEST(a_streamed_reply_is_read_as_it_comes)
{
	struct seen seen = {0};
	struct script_answer part;

	script_server_answer(server,
	                     TEXT("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"),
	                     SCRIPT_KEEP);
	request.streamed = true;
	begin(&seen);
	while (server->request_count == 0)
		(void)loop_turn(loop, true);
	part = (struct script_answer){
	    TEXT("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,"
	         "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
	         "\"content\":\"he\"},\"finish_reason\":null}]}\n\n"),
	    SCRIPT_KEEP};
	for (int i = 0; i < 4; i++)
		(void)loop_turn(loop, false);
	loop_advance(loop, 100);
	script_send(server->connections[0], part);
	for (int i = 0; i < 4; i++)
		(void)loop_turn(loop, false);
	loop_advance(loop, 50);
	part = (struct script_answer){
	    TEXT("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,"
	         "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"llo\"},"
	         "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"),
	    SCRIPT_CLOSE};
	script_send(server->connections[0], part);
	finish(&seen, 1);
	assert_text(seen.content, "hello");
	ck_assert_uint_eq(seen.chunks, 2);
	ck_assert_int_eq(seen.first_delta_us, 100000);
	ck_assert_int_ge(seen.end_us, 150000);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_good_answer_ends_the_call_at_the_first_attempt);
	tcase_add_test(cases, a_key_goes_only_where_it_is_asked_for);
	tcase_add_test(cases, a_key_that_was_not_loaded_is_a_fault_and_nothing_is_sent);
	tcase_add_test(cases, infrastructure_is_asked_again_until_it_answers);
	tcase_add_test(cases, what_a_server_lacks_is_not_asked_for_again);
	tcase_add_test(cases, attempts_are_counted);
	tcase_add_loop_test(cases, what_waiting_can_not_mend_is_final, 0, (int)ARRAY_LENGTH(final));
	tcase_add_loop_test(cases, a_reply_that_began_is_never_asked_for_again, 0, 2);
	tcase_add_test(cases, retry_after_is_honoured_to_the_millisecond_and_holds_others);
	tcase_add_test(cases, a_wait_beyond_the_deadline_is_not_waited);
	tcase_add_test(cases, the_deadline_ends_an_attempt);
	tcase_add_test(cases, the_deadline_ends_a_wait_for_a_turn);
	tcase_add_test(cases, concurrency_is_kept);
	tcase_add_test(cases, a_connection_that_closes_on_its_next_request_is_told);
	tcase_add_test(cases, a_queue_is_shared_by_name_and_limits);
	tcase_add_test(cases, cancelled_at_once_nothing_is_sent);
	tcase_add_test(cases, cancelled_in_flight_the_attempt_is_told);
	tcase_add_loop_test(cases, cancelled_while_backing_off_the_last_attempt_stands, 0, 2);
	tcase_add_loop_test(cases, every_call_ends_exactly_once, 0, 400);
	tcase_add_test(cases, a_streamed_reply_is_read_as_it_comes);
}

int main(void)
{
	return unit_main("call", add);
}
