/*
 * Requests as bytes: what is a request, what is refused and with which status,
 * and that neither depends on how the bytes are cut into pieces.
 */
#include "harness/base/http_parse.h"
#include "tests/unit/unit.h"

/* Small, so that vectors can reach them. */
static const struct http_limits small_limits = {
    .header_bytes = 512,
    .header_count = 8,
    .body_bytes = 64,
};

/*
 * Feeds `bytes` in pieces of `piece` bytes, the first one `first` long, to the
 * end of one request. The outcome as text, so that two ways can be compared.
 */
static void outcome_of(struct text bytes, size_t first, size_t piece, struct text_buf *out)
{
	struct http_parser parser;
	enum http_step step = HTTP_MORE;
	size_t at = 0;
	size_t size = first;
	int heads = 0;

	text_buf_reset(out);
	http_parser_init(&parser, &small_limits);
	while (step != HTTP_DONE && step != HTTP_BAD) {
		size_t used;
		struct text input = text_slice(bytes, at, at + size);
		step = http_parse(&parser, input, &used);
		ck_assert_uint_le(used, input.len);
		at += used;
		heads += step == HTTP_HEAD;
		if (step == HTTP_MORE) {
			ck_assert_uint_eq(used, input.len);
			if (at == bytes.len)
				break;
			size = piece;
		}
	}
	const struct http_request *request = &parser.request;
	if (step == HTTP_MORE)
		text_buf_format(out, "more");
	if (step == HTTP_BAD)
		text_buf_format(out, "%d %s", parser.status, parser.reason);
	if (step == HTTP_DONE) {
		ck_assert_int_eq(heads, 1);
		text_buf_format(out, "%.*s|%.*s|%.*s|1.%d|%s%s%s|", TEXT_ARG(request->method),
		                TEXT_ARG(request->path), TEXT_ARG(request->query),
		                request->minor_version, request->keep_alive ? "keep" : "close",
		                request->chunked ? " chunked" : "",
		                request->expect_continue ? " expect" : "");
		for (size_t i = 0; i < request->header_count; i++)
			text_buf_format(out, "%.*s=%.*s;", TEXT_ARG(request->headers[i].name),
			                TEXT_ARG(request->headers[i].value));
		struct text behind = text_slice(bytes, at, bytes.len);
		text_buf_format(out, "|%.*s|%.*s", TEXT_ARG(request->body), TEXT_ARG(behind));
	}
	http_parser_done(&parser);
}

/* Whole, in two pieces at every place, and byte by byte: the same outcome, which is returned. */
static void outcome_of_all_cuts(struct text bytes, struct text_buf *out)
{
	struct text_buf other;

	text_buf_init(&other, 65536);
	outcome_of(bytes, bytes.len, bytes.len, out);
	for (size_t cut = 0; cut <= bytes.len; cut++) {
		outcome_of(bytes, cut, cut == 0 ? 1 : bytes.len, &other);
		ck_assert_msg(text_equal(text_buf_view(out), text_buf_view(&other)),
		              "cut at %zu:\n%s\nwhole:\n%s\nof:\n%.*s", cut, other.data, out->data,
		              TEXT_ARG(bytes));
	}
	text_buf_done(&other);
}

static void assert_outcome(struct text bytes, const char *wanted)
{
	struct text_buf out;

	text_buf_init(&out, 65536);
	outcome_of_all_cuts(bytes, &out);
	ck_assert_msg(text_is(text_buf_view(&out), wanted), "got  %s\nwant %s\nof %.*s", out.data,
	              wanted, TEXT_ARG(bytes));
	text_buf_done(&out);
}

struct vector {
	struct text bytes;
	int status;
};

/* Each is refused with its status, and the bytes behind it change nothing. */
static void assert_refused(const struct vector *vectors, size_t count)
{
	struct text_buf out, longer, outcome;

	text_buf_init(&out, 65536);
	text_buf_init(&longer, 65536);
	text_buf_init(&outcome, 65536);
	for (size_t i = 0; i < count; i++) {
		char status[8];
		(void)snprintf(status, sizeof(status), "%d ", vectors[i].status);
		outcome_of_all_cuts(vectors[i].bytes, &out);
		ck_assert_msg(text_starts(text_buf_view(&out), text_of(status)),
		              "vector %zu: got %s, want %s of\n%.*s", i, out.data, status,
		              TEXT_ARG(vectors[i].bytes));
		text_buf_reset(&longer);
		text_buf_add(&longer, vectors[i].bytes);
		text_buf_add_c(&longer, "GET / HTTP/1.1\r\nHost: b\r\n\r\n");
		outcome_of(text_buf_view(&longer), longer.len, longer.len, &outcome);
		ck_assert_msg(text_equal(text_buf_view(&out), text_buf_view(&outcome)),
		              "%s, then %s", out.data, outcome.data);
	}
	text_buf_done(&out);
	text_buf_done(&longer);
	text_buf_done(&outcome);
}

#define REFUSED(vectors) assert_refused(vectors, ARRAY_LENGTH(vectors))

/* A request with these header lines, or with this body behind a chunked head. */
#define HEAD(lines) TEXT_INIT("POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n")
#define CHUNKED(body)                                                                              \
	TEXT_INIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" body)

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

START_TEST(only_two_versions_are_spoken)
{
	static const struct vector vectors[] = {
	    {TEXT_INIT("GET / HTTP/2.0\r\n"), 505},
	    {TEXT_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
	    {TEXT_INIT("GET / HTTP/0.9\r\n"), 505},
	    {TEXT_INIT("GET / HTTP/1.2\r\n"), 505},
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
	    {HEAD("Expect:\r\n"), 417},
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
	tcase_add_test(cases, bytes_above_ascii_pass_in_values_and_nowhere_else);
	tcase_add_test(cases, a_bad_request_line_is_refused);
	tcase_add_test(cases, only_two_versions_are_spoken);
	tcase_add_test(cases, a_bad_header_line_is_refused);
	tcase_add_test(cases, host_stands_once_and_is_one);
	tcase_add_test(cases, a_length_that_is_no_plain_number_is_refused);
	tcase_add_test(cases, only_chunked_once_and_last_is_a_coding);
	tcase_add_test(cases, a_bad_chunk_is_refused);
	tcase_add_test(cases, an_expectation_nobody_can_meet_is_refused);
	tcase_add_test(cases, each_limit_has_its_status);
	tcase_add_test(cases, a_head_of_exactly_the_limit_passes);
	tcase_add_test(cases, extensions_of_all_chunks_together_have_a_limit);
	tcase_add_test(cases, requests_follow_one_another_on_a_connection);
	tcase_add_test(cases, after_a_refusal_nothing_more_is_taken);
	tcase_add_test(cases, a_reset_keeps_small_memory_and_gives_large_back);
	tcase_add_test(cases, headers_are_found_without_case);
	tcase_add_test(cases, every_status_of_the_parser_has_a_phrase);
}

int main(void)
{
	return unit_main("http_parse", add);
}
