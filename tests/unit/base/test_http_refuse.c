/* What is no request or too large: which status, however the bytes are cut. */
#include "tests/unit/base/http_outcome.h"

/* --- what is refused --- */

START_TEST(a_bad_request_line_is_refused)
{
	static const struct vector vectors[] = {
	    {TEXT_INIT("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /\r\n\r\n"), 400},
	    {TEXT_INIT("GET\r\n\r\n"), 400},
	    {TEXT_INIT("GET / \r\n\r\n"), 400},
	    {TEXT_INIT("G@T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET(x) / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("\"GET\" / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /<a> HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /a[1] HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET /?%4g HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 501},
	    {TEXT_INIT("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("\x16\x03\x01\x02"), 400}, /* TLS where none is spoken */
	    {TEXT_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJ / HTTP/1.1\r\n"), 501},
	};

	REFUSED(vectors);
}
END_TEST

START_TEST(only_version_1_is_spoken)
{
	static const struct vector vectors[] = {
	    {TEXT_INIT("GET / HTTP/2.0\r\n"), 505},
	    {TEXT_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
	    {TEXT_INIT("GET / HTTP/0.9\r\n"), 505},
	    {TEXT_INIT("GET / HTTP/3.0\r\n"), 505},
	    {TEXT_INIT("GET / http/1.1\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1.\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.10\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/01.1\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1,1\r\n"), 400},
	    {TEXT_INIT("GET / HTTP /1.1\r\n"), 400},
	    {TEXT_INIT("GET / HTTPS/1.1\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/+1.1\r\n"), 400},
	};

	REFUSED(vectors);
}
END_TEST

START_TEST(a_bad_header_line_is_refused)
{
	static const struct vector vectors[] = {
	    {HEAD("X : 1\r\n"), 400},
	    {HEAD("X\t: 1\r\n"), 400},
	    {HEAD(": 1\r\n"), 400},
	    {HEAD("X\r\n"), 400},
	    {HEAD("X 1\r\n"), 400},
	    {HEAD("X@: 1\r\n"), 400},
	    {HEAD("X\0: 1\r\n"), 400},
	    {HEAD("X\x7f: 1\r\n"), 400},
	    {HEAD("(X): 1\r\n"), 400},
	    {HEAD("X: 1\r\n 2\r\n"), 400},
	    {HEAD("X: 1\r\n\t2\r\n"), 400},
	    {HEAD("X: 1\r\n \r\n"), 400},
	    {HEAD("X: 1\n"), 400},
	    {HEAD("X: 1\rY: 2\r\n"), 400},
	    {HEAD("X: 1\r\r\n"), 400},
	    {HEAD("X: a\0b\r\n"), 400},
	    {HEAD("X: a\x7f\r\n"), 400},
	    {HEAD("X: a\x1b[1m\r\n"), 400},
	    {HEAD("X: a\vb\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a\r\n\rx"), 400},
	};

	REFUSED(vectors);
}
END_TEST

START_TEST(host_stands_once_and_is_one)
{
	static const struct vector bad[] = {
	    {TEXT_INIT("GET / HTTP/1.1\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nX-Host: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET http://a/ HTTP/1.1\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a:-0\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a:4294967376\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a:99999999999999999999\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a%2\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: []\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: [v.a]\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"), 400},
	    {TEXT_INIT("GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"), 400},
	};
	static const char *const good[] = {
	    "a",           "a.b-c_d~e:80", "127.0.0.1:8080",   "[::1]",
	    "[::1]:80",    "a:",           "a:0000080",        "[2001:db8::1:2]:65535",
	    "%41.example", "[v1.a:b]",     "[::ffff:1.2.3.4]",
	};

	REFUSED(bad);
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		char request[128];
		struct text_buf out;
		text_buf_init(&out, 65536);
		(void)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n",
		               good[i]);
		outcome_of_all_cuts(text_of(request), &out);
		ck_assert_msg(text_starts(text_buf_view(&out), TEXT("GET|")), "%s: %s", good[i],
		              out.data);
		text_buf_done(&out);
	}
}
END_TEST

START_TEST(a_length_that_is_no_plain_number_is_refused)
{
	static const struct vector vectors[] = {
	    {HEAD("Content-Length: +5\r\n"), 400},
	    {HEAD("Content-Length: -5\r\n"), 400},
	    {HEAD("Content-Length: 5 5\r\n"), 400},
	    {HEAD("Content-Length: 5, 5\r\n"), 400},
	    {HEAD("Content-Length: 5,6\r\n"), 400},
	    {HEAD("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
	    {HEAD("Content-Length: 5\r\ncontent-length: 6\r\n"), 400},
	    {HEAD("Content-Length: 0\r\nContent-Length: 0\r\n"), 400},
	    {HEAD("Content-Length: 0x5\r\n"), 400},
	    {HEAD("Content-Length: 5.0\r\n"), 400},
	    {HEAD("Content-Length: 5a\r\n"), 400},
	    {HEAD("Content-Length: \"5\"\r\n"), 400},
	    {HEAD("Content-Length: five\r\n"), 400},
	    {HEAD("Content-Length:\r\n"), 400},
	    {HEAD("Content-Length: \xd9\xa5\r\n"), 400},
	    {HEAD("Content-Length: 18446744073709551616\r\n"), 400},
	    {HEAD("Content-Length: 99999999999999999999999\r\n"), 400},
	    {HEAD("Content-Length: 18446744073709551615\r\n"), 413},
	    {HEAD("Content-Length: 65\r\n"), 413},
	};

	REFUSED(vectors);
}
END_TEST

START_TEST(only_chunked_once_and_last_is_a_coding)
{
	static const struct vector vectors[] = {
	    {HEAD("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
	    {HEAD("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400},
	    {HEAD("Transfer-Encoding: gzip, chunked\r\n"), 501},
	    {HEAD("Transfer-Encoding: gzip;level=9\r\nTransfer-Encoding: chunked\r\n"), 501},
	    {HEAD("Transfer-Encoding: gzip\r\n"), 400},
	    {HEAD("Transfer-Encoding: identity\r\n"), 400},
	    {HEAD("Transfer-Encoding: xchunked\r\n"), 400},
	    {HEAD("Transfer-Encoding: chunked, gzip\r\n"), 400},
	    {HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"), 400},
	    {HEAD("Transfer-Encoding: chunked, chunked\r\n"), 400},
	    {HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
	    {HEAD("Transfer-Encoding: chunked, gzip, chunked\r\n"), 400},
	    {HEAD("Transfer-Encoding: chunked;a=b\r\n"), 400},
	    {HEAD("Transfer-Encoding: chunked,\r\n"), 400},
	    {HEAD("Transfer-Encoding: ,chunked\r\n"), 400},
	    {HEAD("Transfer-Encoding: \"chunked\"\r\n"), 400},
	    {HEAD("Transfer-Encoding: chunked chunked\r\n"), 400},
	    {HEAD("Transfer-Encoding:\r\n"), 400},
	    {HEAD("Transfer-Encoding: \xff"
	          "chunked\r\n"),
	     400},
	    {TEXT_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
	};

	assert_outcome(
	    TEXT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"),
	    "POST|/||1.1|keep chunked|Host=a;Transfer-Encoding=CHUNKED;||");
	REFUSED(vectors);
}
END_TEST

START_TEST(a_bad_chunk_is_refused)
{
	static const struct vector vectors[] = {
	    {CHUNKED("\r\n"), 400},
	    {CHUNKED("x\r\n"), 400},
	    {CHUNKED("+1\r\nx\r\n"), 400},
	    {CHUNKED("-1\r\nx\r\n"), 400},
	    {CHUNKED("0x1\r\nx\r\n"), 400},
	    {CHUNKED(" 1\r\nx\r\n"), 400},
	    {CHUNKED("1 \r\nx\r\n"), 400},
	    {CHUNKED("1\t\r\nx\r\n"), 400},
	    {CHUNKED("1 1\r\nx\r\n"), 400},
	    {CHUNKED("1\nx\r\n"), 400},
	    {CHUNKED("1\rx\r\n"), 400},
	    {CHUNKED("1\r\nxy\r\n"), 400},
	    {CHUNKED("1\r\nx\n"), 400},
	    {CHUNKED("1\r\nx\r1"), 400},
	    {CHUNKED("2\r\nx\r\n0\r\n\r\n"), 400},
	    {CHUNKED("1\r\nx0\r\n\r\n"), 400},
	    {CHUNKED("41\r\n"), 413},
	    {CHUNKED("3f\r\n.........0.........0.........0.........0.........0.........0..."
	             "\r\n2\r\n"),
	     413},
	    {CHUNKED("ffffffffffffffff\r\n"), 413},
	    {CHUNKED("10000000000000000\r\n"), 400},
	    {CHUNKED("00000000000000000\r\n"), 400},
	    {CHUNKED("1;\r\nx\r\n"), 400},
	    {CHUNKED("1;;a\r\nx\r\n"), 400},
	    {CHUNKED("1;a \r\nx\r\n"), 400},
	    {CHUNKED("1;a=\r\nx\r\n"), 400},
	    {CHUNKED("1;a=b c\r\nx\r\n"), 400},
	    {CHUNKED("1;a==b\r\nx\r\n"), 400},
	    {CHUNKED("1;a=\"b\r\nx\r\n"), 400},
	    {CHUNKED("1;a=\"b\"c\r\nx\r\n"), 400},
	    {CHUNKED("1;a=\"\0\"\r\nx\r\n"), 400},
	    {CHUNKED("1;a\nx\r\n"), 400},
	    {CHUNKED("1;a\0\r\nx\r\n"), 400},
	    {CHUNKED("1;a=\"b\n\"\r\nx\r\n"), 400},
	    {CHUNKED("0\r\nX : 1\r\n\r\n"), 400},
	    {CHUNKED("0\r\n X: 1\r\n\r\n"), 400},
	    {CHUNKED("0\r\nX: 1\n\r\n"), 400},
	    {CHUNKED("0\r\nX: a\0\r\n\r\n"), 400},
	    {CHUNKED("0\r\n\n"), 400},
	    {CHUNKED("0\r\nX: 1\r\n Y\r\n\r\n"), 400},
	    {CHUNKED("0\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n"), 431},
	};

	REFUSED(vectors);
}
END_TEST

START_TEST(an_expectation_nobody_can_meet_is_refused)
{
	static const struct vector vectors[] = {
	    {HEAD("Expect: 200-ok\r\n"), 417},
	    {HEAD("Expect: 100-continue, more\r\n"), 417},
	    {HEAD("Expect: 100-continue\r\nExpect: more\r\n"), 417},
	    {HEAD("Expect: ,more\r\n"), 417},
	};

	REFUSED(vectors);
}
END_TEST

/* --- limits --- */

static void add_times(struct text_buf *buf, const char *piece, size_t times)
{
	for (size_t i = 0; i < times; i++)
		ck_assert(text_buf_add_c(buf, piece));
}

START_TEST(each_limit_has_its_status)
{
	struct text_buf buf;

	text_buf_init(&buf, 65536);
	add_times(&buf, "GET /", 1);
	add_times(&buf, "a", 600);
	assert_outcome(text_buf_view(&buf), "414 the target is too long");

	text_buf_reset(&buf);
	add_times(&buf, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 1);
	add_times(&buf, "a", 600);
	assert_outcome(text_buf_view(&buf), "431 the headers are too large");

	text_buf_reset(&buf);
	add_times(&buf, "GET / HTTP/1.1\r\nHost: a\r\n", 1);
	add_times(&buf, "A: b\r\n", 7);
	add_times(&buf, "\r\n", 1);
	ck_assert(buf.len < small_limits.header_bytes);
	struct text_buf out;
	text_buf_init(&out, 65536);
	outcome_of_all_cuts(text_buf_view(&buf), &out);
	ck_assert(text_starts(text_buf_view(&out), TEXT("GET|")));
	text_buf_done(&out);
	buf.len -= 2;
	add_times(&buf, "A: b\r\n\r\n", 1);
	assert_outcome(text_buf_view(&buf), "431 too many headers");

	text_buf_reset(&buf);
	add_times(&buf, "\r\n", 300);
	assert_outcome(text_buf_view(&buf), "431 the headers are too large");

	text_buf_reset(&buf);
	text_buf_add(&buf, (struct text)CHUNKED("0\r\nX: "));
	add_times(&buf, "a", 600);
	assert_outcome(text_buf_view(&buf), "431 the trailers are too large");
	text_buf_done(&buf);
}
END_TEST

START_TEST(a_head_of_exactly_the_limit_passes)
{
	struct text_buf buf;

	text_buf_init(&buf, 65536);
	add_times(&buf, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 1);
	add_times(&buf, "a", small_limits.header_bytes - buf.len - 4);
	add_times(&buf, "\r\n\r\n", 1);
	ck_assert_uint_eq(buf.len, small_limits.header_bytes);
	struct text_buf out;
	text_buf_init(&out, 65536);
	outcome_of_all_cuts(text_buf_view(&buf), &out);
	ck_assert(text_starts(text_buf_view(&out), TEXT("GET|")));

	text_buf_reset(&buf);
	add_times(&buf, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 1);
	add_times(&buf, "a", small_limits.header_bytes - buf.len - 3);
	add_times(&buf, "\r\n\r\n", 1);
	assert_outcome(text_buf_view(&buf), "431 the headers are too large");
	text_buf_done(&out);
	text_buf_done(&buf);
}
END_TEST

START_TEST(extensions_of_all_chunks_together_have_a_limit)
{
	struct text_buf buf;
	struct text_buf out;

	text_buf_init(&buf, 65536);
	text_buf_init(&out, 65536);
	text_buf_add(&buf, (struct text)CHUNKED(""));
	for (int chunk = 0; chunk < 33; chunk++) {
		add_times(&buf, "1;", 1);
		add_times(&buf, "a", 511);
		add_times(&buf, "\r\nx\r\n", 1);
	}
	outcome_of(text_buf_view(&buf), buf.len, buf.len, &out);
	assert_text(text_buf_view(&out), "400 the chunk extensions are too large");
	outcome_of(text_buf_view(&buf), 1, 1, &out);
	assert_text(text_buf_view(&out), "400 the chunk extensions are too large");
	text_buf_done(&out);
	text_buf_done(&buf);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_bad_request_line_is_refused);
	tcase_add_test(cases, only_version_1_is_spoken);
	tcase_add_test(cases, a_bad_header_line_is_refused);
	tcase_add_test(cases, host_stands_once_and_is_one);
	tcase_add_test(cases, a_length_that_is_no_plain_number_is_refused);
	tcase_add_test(cases, only_chunked_once_and_last_is_a_coding);
	tcase_add_test(cases, a_bad_chunk_is_refused);
	tcase_add_test(cases, an_expectation_nobody_can_meet_is_refused);
	tcase_add_test(cases, each_limit_has_its_status);
	tcase_add_test(cases, a_head_of_exactly_the_limit_passes);
	tcase_add_test(cases, extensions_of_all_chunks_together_have_a_limit);
}

int main(void)
{
	return unit_main("http_refuse", add);
}
