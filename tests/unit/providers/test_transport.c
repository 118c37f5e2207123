/* The transport against a server that sends exactly these bytes: what comes out, and how it ends.
 */
#include "tests/unit/providers/transport_rig.h"

START_TEST(a_whole_answer_is_told_in_order)
{
	struct seen *seen = ASK("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A:  b c \r\n"
	                        "Content-Length: 5\r\n\r\nhello",
	                        SCRIPT_KEEP);

	expect_end(seen, EXCHANGE_COMPLETE);
	ck_assert_int_eq(seen->status, 200);
	ck_assert_int_eq(seen->version, 11);
	assert_text(seen->headers, "Content-Type=text/plain|X-A=b c|Content-Length=5|");
	assert_text(text_buf_view(&seen->body), "hello");
	assert_text(seen->detail, "");
	forget(seen);
}
END_TEST

START_TEST(an_answer_without_body_is_complete)
{
	struct seen *seen = ASK("HTTP/1.1 204 No Content\r\n\r\n", SCRIPT_KEEP);

	expect_end(seen, EXCHANGE_COMPLETE);
	ck_assert_int_eq(seen->status, 204);
	ck_assert_uint_eq(seen->body.len, 0);
	forget(seen);
}
END_TEST

START_TEST(chunks_are_joined_and_trailers_are_no_headers)
{
	struct seen *seen = ASK("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	                        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Late: 1\r\n\r\n",
	                        SCRIPT_KEEP);

	expect_end(seen, EXCHANGE_COMPLETE);
	assert_text(seen->headers, "Transfer-Encoding=chunked|");
	assert_text(text_buf_view(&seen->body), "abcde");
	forget(seen);
}
END_TEST

START_TEST(interim_answers_are_not_told)
{
	struct seen *seen =
	    ASK("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
	        "HTTP/1.1 100 Continue\r\n\r\n"
	        "HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
	        SCRIPT_KEEP);

	expect_end(seen, EXCHANGE_COMPLETE);
	ck_assert_int_eq(seen->status, 429);
	assert_text(seen->headers, "Retry-After=3|Content-Length=0|");
	forget(seen);
}
END_TEST

START_TEST(a_redirect_is_an_answer)
{
	struct seen *seen = ASK("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
	                        "Content-Length: 0\r\n\r\n",
	                        SCRIPT_KEEP);

	expect_end(seen, EXCHANGE_COMPLETE);
	ck_assert_int_eq(seen->status, 302);
	ck_assert_uint_eq(server->request_count, 1);
	forget(seen);
}
END_TEST

START_TEST(a_body_up_to_the_close_is_complete)
{
	struct seen *seen = ASK("HTTP/1.0 200 OK\r\n\r\nall of it", SCRIPT_CLOSE);

	expect_end(seen, EXCHANGE_COMPLETE);
	ck_assert_int_eq(seen->version, 10);
	assert_text(text_buf_view(&seen->body), "all of it");
	forget(seen);
}
END_TEST

/* How each broken answer ends; what came before the break is told. */
static const struct {
	const char *answer;
	enum script_then then;
	enum exchange_end end;
	int status;
	const char *body;
} broken[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", SCRIPT_CLOSE, EXCHANGE_CUT, 200, "half"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", SCRIPT_CLOSE, EXCHANGE_CUT, 200, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", SCRIPT_CLOSE,
     EXCHANGE_CUT, 200, "half"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", SCRIPT_CLOSE, EXCHANGE_CUT,
     200, "half"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", SCRIPT_KEEP,
     EXCHANGE_BAD_HTTP, 200, "half"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\n", SCRIPT_KEEP,
     EXCHANGE_BAD_HTTP, 200, ""},
    {"", SCRIPT_CLOSE, EXCHANGE_CUT, 0, ""},
    {"", SCRIPT_RESET, EXCHANGE_CUT, 0, ""},
    {"HTTP/1.1 200 OK\r\nContent-Le", SCRIPT_CLOSE, EXCHANGE_CUT, 0, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", SCRIPT_RESET, EXCHANGE_CUT, 200, "half"},
    {"<html>no status line</html>\r\n\r\n", SCRIPT_CLOSE, EXCHANGE_BAD_HTTP, 0, ""},
    {"SSH-2.0-OpenSSH_9.2\r\n", SCRIPT_CLOSE, EXCHANGE_BAD_HTTP, 0, ""},
    {"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", SCRIPT_CLOSE, EXCHANGE_BAD_HTTP, 0, ""},
    {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip", SCRIPT_KEEP,
     EXCHANGE_BAD_HTTP, 200, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nbody", SCRIPT_CLOSE, EXCHANGE_BAD_HTTP, 0, ""},
};

START_TEST(broken_answers_end_as_what_they_are)
{
	size_t i = (size_t)_i;

	/* Time stands still: the sockets alone must bring the end, no timer of libcurl's. */
	loop_fake_clock(loop, 0);
	struct seen *seen = ask(text_of(broken[i].answer), broken[i].then);

	expect_end(seen, broken[i].end);
	ck_assert_int_eq(seen->status, broken[i].status);
	assert_text(text_buf_view(&seen->body), broken[i].body);
	ck_assert_uint_gt(seen->detail.len, 0);
	forget(seen);
}
END_TEST

START_TEST(a_response_fed_bytewise_is_the_same)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
				     "3\r\nabc\r\n0\r\n\r\n";
	struct seen *seen = ARENA_NEW(&arena, struct seen);

	script_server_answer(server, TEXT(""), SCRIPT_KEEP);
	begin_get(seen);
	while (server->request_count == 0)
		(void)loop_turn(loop, true);
	for (size_t i = 0; i + 1 < sizeof(answer); i++) {
		struct script_answer byte = {{answer + i, 1}, SCRIPT_KEEP};

		script_send(server->connections[0], byte);
		(void)loop_turn(loop, false);
		(void)loop_turn(loop, false);
	}
	wait_for_end(seen);
	expect_end(seen, EXCHANGE_COMPLETE);
	assert_text(seen->headers, "X=y|Transfer-Encoding=chunked|");
	assert_text(text_buf_view(&seen->body), "abc");
	forget(seen);
}
END_TEST

START_TEST(nobody_listening_is_a_failed_connection)
{
	struct seen seen = {0};
	struct wire_request request = {.method = "GET", .url = "http://127.0.0.1:1/"};

	loop_fake_clock(loop, 0);
	begin(&seen, &request, NULL);
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_CONNECT_FAILED);
	ck_assert_uint_eq(seen.heads, 0);
	forget(&seen);
}
END_TEST

START_TEST(a_name_that_is_no_name_is_not_resolved)
{
	struct seen seen = {0};
	struct wire_request request = {.method = "GET", .url = "http://nowhere.invalid/"};

	begin(&seen, &request, NULL);
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_RESOLVE_FAILED);
	forget(&seen);
}
END_TEST

START_TEST(other_protocols_are_refused)
{
	struct seen seen = {0};
	struct wire_request request = {.method = "GET", .url = "file:///etc/passwd"};

	begin(&seen, &request, NULL);
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_CONNECT_FAILED);
	ck_assert_uint_eq(seen.body.len, 0);
	forget(&seen);
}
END_TEST

START_TEST(plain_http_where_tls_is_wanted_is_a_tls_failure)
{
	struct seen seen = {0};
	struct wire_request request = {.method = "GET"};

	request.url = text_c(&arena, text_format(&arena, "https://127.0.0.1:%d/", server->port));
	begin(&seen, &request, NULL);
	/* A ClientHello holds no blank line, so the server must be made to speak. */
	while (server->connection_count == 0 || server->connections[0]->in.len == 0)
		(void)loop_turn(loop, true);
	script_send(server->connections[0],
	            (struct script_answer){TEXT("HTTP/1.1 400 Bad\r\n\r\n"), SCRIPT_CLOSE});
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_TLS_FAILED);
	forget(&seen);
}
END_TEST

START_TEST(the_request_goes_out_as_given_with_the_key)
{
	struct seen seen = {0};
	struct http_header headers[] = {
	    {TEXT("Content-Type"), TEXT("application/json")},
	    {TEXT("X-Empty"), TEXT("")},
	    {TEXT("X-Evil"), TEXT("a\r\nX-Injected: 1")},
	};
	struct wire_request request = {
	    .method = "POST",
	    .url = url_of(server->port),
	    .headers = headers,
	    .header_count = 3,
	    .key_header = "Authorization",
	    .key_prefix = "Bearer ",
	    .body = TEXT("{\"a\":\0001}"),
	};
	struct secret *key = secret_from_bytes(TEXT("sk-unit-0123456789"));

	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	                     SCRIPT_KEEP);
	begin(&seen, &request, key);
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_COMPLETE);
	struct text sent = server->requests[0];
	ck_assert(text_starts(sent, TEXT("POST /v1/x?y=1 HTTP/1.1\r\n")));
	ck_assert(text_ends(sent, TEXT("\r\n\r\n{\"a\":\0001}")));
	ck_assert(text_find(sent, TEXT("\r\nAuthorization: Bearer sk-unit-0123456789\r\n"), 0) !=
	          TEXT_NOT_FOUND);
	ck_assert(text_find(sent, TEXT("\r\nContent-Type: application/json\r\n"), 0) !=
	          TEXT_NOT_FOUND);
	ck_assert(text_find(sent, TEXT("\r\nX-Empty:\r\n"), 0) != TEXT_NOT_FOUND);
	ck_assert(text_find(sent, TEXT("\r\nAccept-Encoding: identity\r\n"), 0) != TEXT_NOT_FOUND);
	ck_assert(text_find(sent, TEXT("\r\nX-Injected"), 0) == TEXT_NOT_FOUND);
	ck_assert(text_find(sent, TEXT("Expect"), 0) == TEXT_NOT_FOUND);
	/* The spent transfer waits to be used again, and the key is gone from its memory. */
	struct text_buf *left = &seen.transfer->header_bytes;
	for (size_t i = 0;
	     i < sizeof("Content-Type: application/json X-Empty; Authorization: Bearer"
	                " sk-unit-0123456789");
	     i++)
		ck_assert_int_eq(left->data[i], 0);
	secret_free(key);
	forget(&seen);
}
END_TEST

START_TEST(the_next_request_keeps_nothing_of_the_last)
{
	struct seen first = {0}, second = {0};
	struct http_header encoding[] = {{TEXT("Accept-Encoding"), TEXT("gzip")}};
	struct wire_request post = {.method = "DELETE",
	                            .url = url_of(server->port),
	                            .headers = encoding,
	                            .header_count = 1,
	                            .key_header = "x-api-key",
	                            .key_prefix = "",
	                            .body = TEXT("body")};
	struct wire_request get = {.method = "GET", .url = url_of(server->port)};
	struct secret *key = secret_from_bytes(TEXT("sk-unit-0123456789"));

	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	                     SCRIPT_KEEP);
	server->repeat_last = true;
	begin(&first, &post, key);
	wait_for_end(&first);
	begin(&second, &get, NULL);
	wait_for_end(&second);
	ck_assert(text_starts(server->requests[0], TEXT("DELETE ")));
	ck_assert(text_find(server->requests[0], TEXT("\r\nx-api-key: sk-unit"), 0) !=
	          TEXT_NOT_FOUND);
	ck_assert(text_find(server->requests[0], TEXT("Accept-Encoding: gzip\r\n"), 0) !=
	          TEXT_NOT_FOUND);
	ck_assert(text_starts(server->requests[1], TEXT("GET ")));
	ck_assert(text_find(server->requests[1], TEXT("api-key"), 0) == TEXT_NOT_FOUND);
	ck_assert(text_find(server->requests[1], TEXT("Accept-Encoding: identity\r\n"), 0) !=
	          TEXT_NOT_FOUND);
	ck_assert(text_find(server->requests[1], TEXT("body"), 0) == TEXT_NOT_FOUND);
	ck_assert_uint_eq(server->connection_count, 1); /* kept alive */
	secret_free(key);
	forget(&first);
	forget(&second);
}
END_TEST

/* A request with `size` bytes of body. */
static struct wire_request *large_post(size_t size)
{
	struct wire_request *request = ARENA_NEW(&arena, struct wire_request);
	char *body = arena_alloc_bytes(&arena, size);

	memset(body, 'b', size);
	request->method = "POST";
	request->url = url_of(server->port);
	request->body = (struct text){body, size};
	return request;
}

START_TEST(a_large_body_is_sent_without_asking)
{
	struct seen seen = {0};

	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	                     SCRIPT_KEEP);
	begin(&seen, large_post(5 << 20), NULL);
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_COMPLETE);
	ck_assert_uint_gt(server->requests[0].len, 5 << 20);
	ck_assert_uint_eq(text_find(server->requests[0], TEXT("Expect"), 0), TEXT_NOT_FOUND);
	forget(&seen);
}
END_TEST

START_TEST(an_answer_before_the_whole_body_was_sent_is_taken)
{
	struct seen seen = {0};

	server->early = true;
	script_server_answer(server,
	                     TEXT("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n"
	                          "Connection: close\r\n\r\n{}"),
	                     SCRIPT_HANG);
	begin(&seen, large_post(20 << 20), NULL);
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_COMPLETE);
	ck_assert_int_eq(seen.status, 413);
	assert_text(text_buf_view(&seen.body), "{}");
	forget(&seen);
}
END_TEST

START_TEST(a_request_is_never_sent_twice)
{
	struct seen first = {0}, second = {0};
	struct wire_request post = {
	    .method = "POST", .url = url_of(server->port), .body = TEXT("body")};

	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	                     SCRIPT_KEEP);
	script_server_answer(server, TEXT(""), SCRIPT_CLOSE);
	begin(&first, &post, NULL);
	wait_for_end(&first);
	/* On the connection that was kept alive: closed without an answer. */
	begin(&second, &post, NULL);
	wait_for_end(&second);
	expect_end(&second, EXCHANGE_CUT);
	ck_assert_int_eq(second.status, 0);
	ck_assert_uint_eq(server->request_count, 2);
	forget(&first);
	forget(&second);
}
END_TEST

START_TEST(a_connection_closed_while_idle_is_replaced)
{
	struct seen first = {0}, second = {0};
	struct wire_request get = {.method = "GET", .url = url_of(server->port)};

	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	                     SCRIPT_KEEP);
	server->repeat_last = true;
	begin(&first, &get, NULL);
	wait_for_end(&first);
	script_close(server->connections[0]);
	for (int i = 0; i < 5; i++)
		(void)loop_turn(loop, false);
	begin(&second, &get, NULL);
	wait_for_end(&second);
	expect_end(&second, EXCHANGE_COMPLETE);
	ck_assert_uint_eq(server->connection_count, 2);
	forget(&first);
	forget(&second);
}
END_TEST

/*
 * Said twice, or of its own accord: whoever asks next must not get it for an answer. Also where the
 * last of the answer was held back by a pause, and libcurl had nothing more to read.
 */
START_TEST(what_comes_while_nothing_is_asked_is_no_answer)
{
	struct seen first = {.pause_in_body = _i == 1};
	struct loop_timer alive = {0}; /* idle connections alone are nothing to turn for */

	loop_timer_start(loop, &alive, INT64_MAX, NULL, NULL);
	script_server_answer(server,
	                     TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	                          "1\r\no\r\n2\r\nne\r\n0\r\n\r\n"),
	                     SCRIPT_KEEP);
	begin_get(&first);
	while (_i == 1 && first.body_at_pause == 0)
		(void)loop_turn(loop, true);
	if (_i == 1)
		transport_resume(first.transfer);
	wait_for_end(&first);
	expect_end(&first, EXCHANGE_COMPLETE);
	const struct script_connection *used = server->connections[0];
	script_send(server->connections[0],
	            (struct script_answer){TEXT("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"),
	                                   SCRIPT_KEEP});
	/* Until the transport has left it. */
	for (int i = 0; i < 10000 && !used->closing; i++)
		(void)loop_turn(loop, false);
	loop_timer_stop(loop, &alive);
	ck_assert(used->closing);
	struct seen *second = ASK("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo", SCRIPT_KEEP);
	expect_end(second, EXCHANGE_COMPLETE);
	assert_text(text_buf_view(&second->body), "two");
	ck_assert_uint_eq(server->connection_count, 2);
	ck_assert_uint_eq(server->request_count, 2);
	forget(&first);
	forget(second);
}
END_TEST

static struct seen asked_at_the_end;

static void ask_at_the_end(void *context, enum exchange_end end, struct text detail)
{
	saw_end(context, end, detail);
	begin_get(&asked_at_the_end);
}

/* More than libcurl reads at once, so that it can't see all that there is to drop. */
START_TEST(nor_is_what_came_with_the_answer_before)
{
	enum { UNASKED = 100000 };
	struct seen first = {0};
	struct transport_sink sink = {saw_head, saw_body, ask_at_the_end, &first};
	struct wire_request get = {.method = "GET", .url = url_of(server->port)};
	struct text_buf answer;

	text_buf_init(&answer, 2 * UNASKED);
	text_buf_init(&first.body, 1000);
	text_buf_add_c(&answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	                        "3\r\none\r\n0\r\n\r\n");
	for (int i = 0; i < UNASKED / 50; i++)
		text_buf_add_c(&answer, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnot asked!");
	script_server_answer(server, text_buf_view(&answer), SCRIPT_KEEP);
	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo"),
	                     SCRIPT_KEEP);
	memset(&asked_at_the_end, 0, sizeof(asked_at_the_end));
	first.transfer = transport_start(transport, &get, NULL, &limits, &sink);
	wait_for_end(&first);
	wait_for_end(&asked_at_the_end);
	assert_text(text_buf_view(&first.body), "one");
	assert_text(text_buf_view(&asked_at_the_end.body), "two");
	text_buf_done(&answer);
	forget(&first);
	forget(&asked_at_the_end);
}
END_TEST

START_TEST(idle_connections_do_not_keep_the_loop_running)
{
	struct seen *seen = ASK("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", SCRIPT_KEEP);

	expect_end(seen, EXCHANGE_COMPLETE);
	loop_run(loop); /* returns, or the test times out */
	forget(seen);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_whole_answer_is_told_in_order);
	tcase_add_test(cases, an_answer_without_body_is_complete);
	tcase_add_test(cases, chunks_are_joined_and_trailers_are_no_headers);
	tcase_add_test(cases, interim_answers_are_not_told);
	tcase_add_test(cases, a_redirect_is_an_answer);
	tcase_add_test(cases, a_body_up_to_the_close_is_complete);
	tcase_add_loop_test(cases, broken_answers_end_as_what_they_are, 0,
	                    (int)ARRAY_LENGTH(broken));
	tcase_add_test(cases, a_response_fed_bytewise_is_the_same);
	tcase_add_test(cases, nobody_listening_is_a_failed_connection);
	tcase_add_test(cases, a_name_that_is_no_name_is_not_resolved);
	tcase_add_test(cases, other_protocols_are_refused);
	tcase_add_test(cases, plain_http_where_tls_is_wanted_is_a_tls_failure);
	tcase_add_test(cases, the_request_goes_out_as_given_with_the_key);
	tcase_add_test(cases, the_next_request_keeps_nothing_of_the_last);
	tcase_add_test(cases, a_large_body_is_sent_without_asking);
	tcase_add_test(cases, an_answer_before_the_whole_body_was_sent_is_taken);
	tcase_add_test(cases, a_request_is_never_sent_twice);
	tcase_add_test(cases, a_connection_closed_while_idle_is_replaced);
	tcase_add_loop_test(cases, what_comes_while_nothing_is_asked_is_no_answer, 0, 2);
	tcase_add_test(cases, nor_is_what_came_with_the_answer_before);
	tcase_add_test(cases, idle_connections_do_not_keep_the_loop_running);
}

int main(void)
{
	return unit_main("transport", add);
}
