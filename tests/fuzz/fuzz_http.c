/*
 * Any bytes through the HTTP parser: no crash, no read beyond the end, and the
 * same requests whether the bytes come whole or in pieces. The first byte of
 * the input chooses the size of the pieces.
 */
#include "harness/base/http_parse.h"

enum { FUZZ_REQUESTS = 16, FUZZ_OUTCOME_BYTES = 1 << 20 };

static const struct http_limits fuzz_limits = {
    .header_bytes = 1024,
    .header_count = 16,
    .body_bytes = 512,
};

static void tell(const struct http_parser *parser, enum http_step step, struct text_buf *out)
{
	const struct http_request *request = &parser->request;

	if (step == HTTP_BAD) {
		/* What refuses must say why, and with a status that can be sent. */
		REQUIRE(parser->status >= 400 && parser->status <= 505);
		REQUIRE(*http_reason_phrase(parser->status) != '\0');
		text_buf_format(out, "bad %d %s\n", parser->status, parser->reason);
		return;
	}
	text_buf_format(out, "%.*s %.*s %.*s 1.%d %d%d%d\n", TEXT_ARG(request->method),
	                TEXT_ARG(request->path), TEXT_ARG(request->query), request->minor_version,
	                request->keep_alive, request->chunked, request->expect_continue);
	for (size_t i = 0; i < request->header_count; i++)
		text_buf_format(out, "%.*s: %.*s\n", TEXT_ARG(request->headers[i].name),
		                TEXT_ARG(request->headers[i].value));
	text_buf_add(out, request->body);
	text_buf_byte(out, '\n');
}

static void parse_in_pieces(struct text input, size_t piece, struct text_buf *out)
{
	struct http_parser parser;
	size_t at = 0;
	enum http_step step = HTTP_MORE;

	http_parser_init(&parser, &fuzz_limits);
	for (int requests = 0; requests < FUZZ_REQUESTS;) {
		size_t used;
		struct text next = text_slice(input, at, at + piece);
		step = http_parse(&parser, next, &used);
		REQUIRE(used <= next.len);
		at += used;
		if (step == HTTP_MORE && at == input.len)
			break;
		if (step == HTTP_MORE)
			REQUIRE(used == next.len);
		if (step == HTTP_BAD || step == HTTP_DONE)
			tell(&parser, step, out);
		if (step == HTTP_BAD)
			break;
		if (step == HTTP_DONE) {
			http_parser_reset(&parser);
			requests++;
		}
	}
	http_parser_done(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text_buf whole, pieces;

	if (size == 0)
		return 0;
	struct text input = {(const char *)data + 1, size - 1};
	text_buf_init(&whole, FUZZ_OUTCOME_BYTES);
	text_buf_init(&pieces, FUZZ_OUTCOME_BYTES);
	parse_in_pieces(input, input.len == 0 ? 1 : input.len, &whole);
	parse_in_pieces(input, 1 + (size_t)(data[0] % 64), &pieces);
	REQUIRE(text_equal(text_buf_view(&whole), text_buf_view(&pieces)));
	text_buf_done(&whole);
	text_buf_done(&pieces);
	return 0;
}
