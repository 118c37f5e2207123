/* Calls as they travel: kept connections, streams that are left, what is expected and accepted,
 * HTTP/2. */
#include "tests/unit/providers/call_rig.h"

/* --- how it travels --- */

static bool was_sent(size_t at, const char *line)
{
	return text_find(server->requests[at], text_of(line), 0) != TEXT_NOT_FOUND;
}

START_TEST(a_kept_connection_serves_kept_requests_only)
{
	struct seen first = {0}, second = {0}, other = {0};

	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	server->repeat_last = true;
	request.wire.kept = true;
	begin(&first);
	finish(&first, 1);
	ck_assert(!first.reused);
	request.wire = (struct chat_wire){0};
	begin(&other);
	finish(&other, 1);
	ck_assert(!other.reused);
	request.wire.kept = true;
	begin(&second);
	finish(&second, 1);
	ck_assert(second.reused);
	ck_assert_uint_eq(server->connection_count, 2);
}
END_TEST

START_TEST(a_connection_that_was_not_kept_is_told_as_new)
{
	struct seen first = {0}, second = {0};

	answer("200 OK\r\nConnection: close", CHAT_BODY, SCRIPT_CLOSE);
	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	request.wire.kept = true;
	begin(&first);
	finish(&first, 1);
	begin(&second);
	finish(&second, 1);
	ck_assert_uint_eq(second.attempts, 1);
	ck_assert(!second.reused);
}
END_TEST

#define WORD                                                                                       \
	"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","  \
	"\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n"

START_TEST(a_stream_is_left_where_the_request_says)
{
	struct seen seen = {0}, whole = {0};

	script_server_answer(
	    server,
	    TEXT("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" WORD WORD WORD),
	    SCRIPT_HANG);
	script_server_answer(
	    server, TEXT("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" WORD WORD),
	    SCRIPT_CLOSE);
	request.streamed = true;
	request.wire.leave_after_events = 3;
	begin(&seen);
	finish(&seen, 1);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_int_eq(seen.attempt_end[0], EXCHANGE_LEFT);
	assert_text(seen.content, "xxx");
	/* It was over before: that is told as what it is. */
	begin(&whole);
	finish(&whole, 1);
	ck_assert_int_eq(whole.attempt_end[0], EXCHANGE_COMPLETE);
}
END_TEST

START_TEST(what_is_accepted_and_expected_is_sent_once)
{
	struct seen seen = {0};

	server->early = true;
	answer("417 No\r\nConnection: close", "{}", SCRIPT_CLOSE);
	request.wire.accept_encoding = TEXT("gzip");
	request.wire.expect_continue = true;
	begin(&seen);
	finish(&seen, 1);
	ck_assert(was_sent(0, "Accept-Encoding: gzip\r\n"));
	ck_assert(was_sent(0, "Expect: 100-continue\r\n"));
	/* libcurl would ask once more without it; nobody would have been told. */
	ck_assert_uint_eq(server->request_count, 1);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_int_eq(seen.status[0], 417);
	ck_assert_int_eq(seen.attempt_end[0], EXCHANGE_COMPLETE);
}
END_TEST

START_TEST(http_2_is_offered_where_it_is_asked_for_and_may_be_declined)
{
	struct seen seen = {0}, plain = {0};

	answer("200 OK", CHAT_BODY, SCRIPT_KEEP);
	server->repeat_last = true;
	request.wire.http2 = true;
	begin(&seen);
	finish(&seen, 1);
	ck_assert(was_sent(0, "Upgrade: h2c\r\n"));
	ck_assert_int_eq(seen.status[0], 200);
	request.wire = (struct chat_wire){0};
	begin(&plain);
	finish(&plain, 1);
	ck_assert(!was_sent(1, "Upgrade:"));
	ck_assert(!plain.reused); /* what was offered HTTP/2 is left to nobody */
}
END_TEST

START_TEST(a_limit_that_is_waited_for_is_the_answer)
{
	struct seen seen = {0};

	answer("429 Wait", "{}", SCRIPT_KEEP);
	request.wire.once = true;
	begin(&seen);
	finish(&seen, 1000);
	ck_assert_uint_eq(seen.attempts, 1);
	ck_assert_int_eq(seen.status[0], 429);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_kept_connection_serves_kept_requests_only);
	tcase_add_test(cases, a_connection_that_was_not_kept_is_told_as_new);
	tcase_add_test(cases, a_stream_is_left_where_the_request_says);
	tcase_add_test(cases, what_is_accepted_and_expected_is_sent_once);
	tcase_add_test(cases, http_2_is_offered_where_it_is_asked_for_and_may_be_declined);
	tcase_add_test(cases, a_limit_that_is_waited_for_is_the_answer);
}

int main(void)
{
	return unit_main("call_travel", add);
}
