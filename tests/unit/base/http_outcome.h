/* What a request comes to, as text, so that two ways to cut its bytes can be compared. */
#ifndef PROVISO_TESTS_UNIT_BASE_HTTP_OUTCOME_H
#define PROVISO_TESTS_UNIT_BASE_HTTP_OUTCOME_H

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
static inline void outcome_of(struct text bytes, size_t first, size_t piece, struct text_buf *out)
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
static inline void outcome_of_all_cuts(struct text bytes, struct text_buf *out)
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

static inline void assert_outcome(struct text bytes, const char *wanted)
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
static inline void assert_refused(const struct vector *vectors, size_t count)
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

#endif
