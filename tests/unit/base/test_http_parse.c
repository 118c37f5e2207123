/* What is a request, however its bytes are cut, and how requests follow one another. */
#include "tests/unit/base/http_outcome.h"

/* --- what is a request --- */

START_TEST(a_request_without_body_is_read)
{
	assert_outcome(
	    TEXT("GET /v1/models?a=b&c HTTP/1.1\r\nHost: a.example:8080\r\n"
	         "Accept:  */*\t \r\nX-Empty:\r\n\r\nGET "),
	    "GET|/v1/models|a=b&c|1.1|keep|Host=a.example:8080;Accept=*/*;X-Empty=;||GET ");
}
END_TEST

START_TEST(a_body_is_as_long_as_its_length)
{
	assert_outcome(TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET"),
	               "POST|/||1.1|keep|Host=a;Content-Length=5;|hello|GET");
	assert_outcome(TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET"),
	               "POST|/||1.1|keep|Host=a;Content-Length=0;||GET");
	assert_outcome(TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello"),
	               "POST|/||1.1|keep|Host=a;Content-Length=0005;|hello|");
	assert_outcome(TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"), "more");
}
END_TEST

START_TEST(chunks_are_put_together)
{
	assert_outcome((struct text)CHUNKED("5\r\nhello\r\n00A\r\n, world 12\r\n0\r\n\r\nGET"),
	               "POST|/||1.1|keep chunked|Host=a;Transfer-Encoding=chunked;|hello, world 12|"
	               "GET");
	assert_outcome((struct text)CHUNKED("0\r\n\r\n"),
	               "POST|/||1.1|keep chunked|Host=a;Transfer-Encoding=chunked;||");
	assert_outcome((struct text)CHUNKED("5\r\nhello\r\n0\r\n"), "more");
}
END_TEST

START_TEST(chunk_extensions_and_trailers_are_checked_and_dropped)
{
	assert_outcome(
	    (struct text)CHUNKED("1;a\r\nx\r\n1 ; b = \"q;\\\"\\\r\" ; c=d;e\r\ny\r\n0;f="
	                         "\"\"\r\nX-Trailer: 1\r\nContent-Length: 7\r\n\r\n"),
	    "400 a chunk extension can't be read"); /* a CR may not be escaped */
	assert_outcome(
	    (struct text)CHUNKED("1;a\r\nx\r\n1 ; b = \"q;\\\"\\\\\" ; c=d;e\r\ny\r\n0;f="
	                         "\"\"\r\nX-Trailer: 1\r\nContent-Length: 7\r\n\r\n"),
	    "POST|/||1.1|keep chunked|Host=a;Transfer-Encoding=chunked;|xy|");
}
END_TEST

START_TEST(empty_lines_before_a_request_are_skipped)
{
	assert_outcome(TEXT("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET|/||1.1|keep|Host=a;||");
	assert_outcome(TEXT("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
	               "GET|/||1.1|keep|Host=a;||");
}
END_TEST

START_TEST(every_form_of_a_target_is_read)
{
	assert_outcome(TEXT("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
	               "OPTIONS|*||1.1|keep|Host=a;||");
	assert_outcome(TEXT("GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n"),
	               "GET|/x|y|1.1|keep|Host=a;||");
	assert_outcome(TEXT("GET HTTPS://[::1]?y?/ HTTP/1.1\r\nHost: a\r\n\r\n"),
	               "GET|/|y?/|1.1|keep|Host=a;||");
	assert_outcome(TEXT("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n"),
	               "OPTIONS|*||1.1|keep|Host=a;||");
	assert_outcome(TEXT("GET //a/%7Eb/;c=1,2@:!$&'()*+? HTTP/1.1\r\nHost: a\r\n\r\n"),
	               "GET|//a/%7Eb/;c=1,2@:!$&'()*+||1.1|keep|Host=a;||");
}
END_TEST

START_TEST(the_connection_stays_by_version_and_wish)
{
	static const struct {
		const char *bytes;
		bool stays;
	} cases[] = {
	    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, CLOSE\r\n\r\n", false},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection:,close\r\n\r\n", false},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true},
	    {"GET / HTTP/1.0\r\n\r\n", false},
	    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
	    {"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct text_buf out;
		text_buf_init(&out, 65536);
		outcome_of_all_cuts(text_of(cases[i].bytes), &out);
		const char *word = cases[i].stays ? "|keep|" : "|close|";
		ck_assert_msg(strstr(out.data, word) != NULL, "%zu: %s", i, out.data);
		text_buf_done(&out);
	}
}
END_TEST

START_TEST(a_client_that_waits_for_100_is_noticed_before_its_body)
{
	struct text head = TEXT("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
	                        "Content-Length: 2\r\n\r\n");
	struct http_parser parser;
	size_t used;

	http_parser_init(&parser, &small_limits);
	ck_assert_int_eq(http_parse(&parser, head, &used), HTTP_HEAD);
	ck_assert_uint_eq(used, head.len);
	ck_assert(parser.request.expect_continue);
	ck_assert_int_eq(http_parse(&parser, TEXT(""), &used), HTTP_MORE);
	ck_assert_int_eq(http_parse(&parser, TEXT("hi"), &used), HTTP_DONE);
	assert_text(parser.request.body, "hi");
	http_parser_done(&parser);
	/* Where no body follows, and in HTTP/1.0, there is nothing to wait for. */
	assert_outcome((struct text)HEAD("Expect: 100-continue\r\n"),
	               "POST|/||1.1|keep|Host=a;Expect=100-continue;||");
	assert_outcome(
	    TEXT("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx"),
	    "POST|/||1.0|close|Expect=100-continue;Content-Length=1;|x|");
	assert_outcome(TEXT("GET / HTTP/1.0\r\nExpect: more\r\n\r\n"),
	               "GET|/||1.0|close|Expect=more;||");
	/* `curl -H "Expect;"`: a list without elements expects nothing. */
	assert_outcome((struct text)HEAD("Expect:\r\nExpect: ,\r\n"),
	               "POST|/||1.1|keep|Host=a;Expect=;Expect=,;||");
}
END_TEST

START_TEST(a_later_minor_version_is_read_as_the_latest_known)
{
	assert_outcome(TEXT("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), "GET|/||1.1|keep|Host=a;||");
	assert_outcome(TEXT("GET / HTTP/1.9\r\nHost: a\r\nConnection: close\r\n\r\n"),
	               "GET|/||1.1|close|Host=a;Connection=close;||");
	assert_outcome(TEXT("GET / HTTP/1.2\r\n\r\n"), "400 no Host");
}
END_TEST

START_TEST(bytes_above_ascii_pass_in_values_and_nowhere_else)
{
	static const struct vector vectors[] = {
	    {TEXT_INIT("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {HEAD("X-\xc3\xa9: 1\r\n"), 400},
	    {TEXT_INIT("G\xc3\xa9T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	};

	assert_outcome((struct text)HEAD("X: \xc3\xa9\xff\ta\r\n"),
	               "POST|/||1.1|keep|Host=a;X=\xc3\xa9\xff\ta;||");
	REFUSED(vectors);
}
END_TEST

/* --- one connection, several requests --- */

START_TEST(requests_follow_one_another_on_a_connection)
{
	struct text bytes = TEXT("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
	                         "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	                         "3\r\nabc\r\n0\r\nA: b\r\n\r\n\r\n"
	                         "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
	                         "GET /4 HTTP/1.1\r\nHost: a\r\n\r\n");
	static const char *const bodies[] = {"", "abc", "hi", ""};
	struct http_parser parser;
	size_t at = 0;
	size_t requests = 0;

	http_parser_init(&parser, &small_limits);
	ck_assert(http_parser_is_idle(&parser));
	while (at < bytes.len) {
		size_t used;
		enum http_step step = http_parse(&parser, text_slice(bytes, at, bytes.len), &used);
		at += used;
		ck_assert(!http_parser_is_idle(&parser));
		if (step != HTTP_DONE) {
			ck_assert_int_eq(step, HTTP_HEAD);
			if (at < bytes.len || parser.request.chunked)
				continue;
			ck_assert_int_eq(http_parse(&parser, TEXT(""), &used), HTTP_DONE);
		}
		assert_text(parser.request.body, bodies[requests]);
		ck_assert_int_eq(parser.request.path.data[1], (char)('1' + requests));
		ck_assert_int_eq(http_parse(&parser, TEXT("x"), &used), HTTP_DONE);
		ck_assert_uint_eq(used, 0);
		requests++;
		http_parser_reset(&parser);
		ck_assert(http_parser_is_idle(&parser));
	}
	ck_assert_uint_eq(requests, 4);
	http_parser_done(&parser);
}
END_TEST

START_TEST(after_a_refusal_nothing_more_is_taken)
{
	struct http_parser parser;
	size_t used;

	http_parser_init(&parser, &small_limits);
	ck_assert_int_eq(http_parse(&parser, TEXT("GET /\n"), &used), HTTP_BAD);
	ck_assert_int_eq(parser.status, 400);
	ck_assert_int_eq(http_parse(&parser, TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &used),
	                 HTTP_BAD);
	ck_assert_uint_eq(used, 0);
	http_parser_done(&parser);
}
END_TEST

START_TEST(a_reset_keeps_small_memory_and_gives_large_back)
{
	struct http_limits limits = http_default_limits;
	struct http_parser parser;
	struct text head = TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	static char block[100000];
	size_t used;

	http_parser_init(&parser, &limits);
	ck_assert_int_eq(http_parse(&parser, head, &used), HTTP_HEAD);
	for (int i = 0; i < 10; i++) {
		enum http_step step =
		    http_parse(&parser, (struct text){block, sizeof(block)}, &used);
		ck_assert_int_eq(step, i == 9 ? HTTP_DONE : HTTP_MORE);
	}
	ck_assert_uint_eq(parser.request.body.len, 1000000);
	http_parser_reset(&parser);
	ck_assert_uint_eq(parser.body.room, 0);
	ck_assert_uint_gt(parser.bytes.room, 0);
	http_parser_done(&parser);
}
END_TEST

START_TEST(headers_are_found_without_case)
{
	struct text bytes = TEXT("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nX-B:\r\n\r\n");
	struct http_parser parser;
	size_t used;

	http_parser_init(&parser, &small_limits);
	ck_assert_int_eq(http_parse(&parser, bytes, &used), HTTP_HEAD);
	assert_text(http_header(&parser.request, "x-A"), "1");
	ck_assert_ptr_nonnull(http_header(&parser.request, "x-b").data);
	ck_assert_ptr_null(http_header(&parser.request, "x-c").data);
	http_parser_done(&parser);
}
END_TEST

/* A key that is cut or taken from another scheme lets in whom it should not, or nobody. */
START_TEST(a_bearers_key_is_read_and_no_other)
{
	static const struct {
		const char *value, *key; /* key NULL: none */
	} rows[] = {
	    {"Bearer k", "k"},    {"bEARER  a b ", "a b"}, {"Bearer ", ""}, {"Bearer", NULL},
	    {"Basic Zm9v", NULL}, {"Bearerk", NULL},       {"", NULL},      {NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct text key = http_bearer(text_of(rows[i].value));
		ck_assert_int_eq(key.data == NULL, rows[i].key == NULL);
		assert_text(key, rows[i].key);
	}
}
END_TEST

START_TEST(every_status_of_the_parser_has_a_phrase)
{
	static const int statuses[] = {400, 413, 414, 417, 431, 501, 505};

	for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++)
		ck_assert_str_ne(http_reason_phrase(statuses[i]), "");
	ck_assert_str_eq(http_reason_phrase(200), "OK");
	ck_assert_str_eq(http_reason_phrase(599), "");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_request_without_body_is_read);
	tcase_add_test(cases, a_body_is_as_long_as_its_length);
	tcase_add_test(cases, chunks_are_put_together);
	tcase_add_test(cases, chunk_extensions_and_trailers_are_checked_and_dropped);
	tcase_add_test(cases, empty_lines_before_a_request_are_skipped);
	tcase_add_test(cases, every_form_of_a_target_is_read);
	tcase_add_test(cases, the_connection_stays_by_version_and_wish);
	tcase_add_test(cases, a_client_that_waits_for_100_is_noticed_before_its_body);
	tcase_add_test(cases, a_later_minor_version_is_read_as_the_latest_known);
	tcase_add_test(cases, bytes_above_ascii_pass_in_values_and_nowhere_else);
	tcase_add_test(cases, requests_follow_one_another_on_a_connection);
	tcase_add_test(cases, after_a_refusal_nothing_more_is_taken);
	tcase_add_test(cases, a_reset_keeps_small_memory_and_gives_large_back);
	tcase_add_test(cases, headers_are_found_without_case);
	tcase_add_test(cases, a_bearers_key_is_read_and_no_other);
	tcase_add_test(cases, every_status_of_the_parser_has_a_phrase);
}

int main(void)
{
	return unit_main("http_parse", add);
}
