/*
 * The bytes of a request: lines of the head, and where the body ends. What the
 * head means is read in http_head.c, chunks in http_chunk.c.
 *
 * One function a state, each takes at least one byte and as many as its state
 * allows; so the result can't depend on how the bytes were cut into pieces.
 */
#include "harness/base/http_parse_private.h"

enum {
	/* No method of ours or of any client is longer; a longer one is none we implement. */
	HTTP_METHOD_BYTES = 32,
	HTTP_SPANS_FIRST = 16,
	/* A body above this gives its memory back with the reset: most requests are smaller. */
	HTTP_BODY_KEPT_BYTES = 256 * 1024,
};

const struct http_limits http_default_limits = {
    .header_bytes = 64 * 1024,
    .header_count = 128,
    .body_bytes = 32 * 1024 * 1024,
};

/* clang-format off */
const unsigned char http_byte_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 34, 0, 0, 0, 0, 0, 0, /* 00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 10 */
    34, 55, 2, 35, 55, 39, 55, 55, 54, 54, 55, 55, 54, 55, 55, 38, /* 20 */
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 38, 54, 34, 54, 34, 38, /* 30 */
    38, 63, 63, 63, 63, 63, 63, 55, 55, 55, 55, 55, 55, 55, 55, 55, /* 40 */
    55, 55, 55, 55, 55, 55, 55, 55, 55, 55, 55, 38, 2, 38, 35, 55, /* 50 */
    35, 63, 63, 63, 63, 63, 63, 55, 55, 55, 55, 55, 55, 55, 55, 55, /* 60 */
    55, 55, 55, 55, 55, 55, 55, 55, 55, 55, 55, 34, 35, 34, 55, 0, /* 70 */
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, /* 80 */
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, /* 90 */
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, /* a0 */
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, /* b0 */
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, /* c0 */
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, /* d0 */
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, /* e0 */
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, /* f0 */
};
/* clang-format on */

bool http_parse_refuse(struct http_parser *parser, int status, const char *reason)
{
	parser->status = status;
	parser->reason = reason;
	parser->state = HTTP_AT_BAD;
	return false;
}

void http_parser_init(struct http_parser *parser, const struct http_limits *limits)
{
	*parser = (struct http_parser){.limits = *limits};
	text_buf_init(&parser->bytes, limits->header_bytes);
	text_buf_init(&parser->body, limits->body_bytes == 0 ? 1 : limits->body_bytes);
}

void http_parser_done(struct http_parser *parser)
{
	text_buf_done(&parser->bytes);
	text_buf_done(&parser->body);
	arena_done(&parser->arena);
	memory_free(parser->spans);
	parser->spans = NULL;
	parser->span_room = 0;
}

void http_parser_drop(struct http_parser *parser)
{
	REQUIRE(parser->state == HTTP_AT_DONE);
	http_parser_done(parser);
	parser->request = (struct http_request){.minor_version = parser->request.minor_version,
	                                        .keep_alive = parser->request.keep_alive};
}

void http_parser_reset(struct http_parser *parser)
{
	text_buf_reset(&parser->bytes);
	if (parser->body.room > HTTP_BODY_KEPT_BYTES)
		text_buf_done(&parser->body);
	else
		text_buf_reset(&parser->body);
	arena_reset(&parser->arena);
	*parser = (struct http_parser){
	    .limits = parser->limits,
	    .bytes = parser->bytes,
	    .body = parser->body,
	    .arena = parser->arena,
	    .spans = parser->spans,
	    .span_room = parser->span_room,
	};
}

bool http_parser_is_idle(const struct http_parser *parser)
{
	return parser->state == HTTP_AT_START || parser->state == HTTP_AT_START_LF;
}

struct text http_header(const struct http_request *request, const char *name)
{
	struct text wanted = text_of(name);

	for (size_t i = 0; i < request->header_count; i++)
		if (text_equal_ignoring_case(request->headers[i].name, wanted))
			return request->headers[i].value;
	return (struct text){NULL, 0};
}

struct text http_bearer(struct text authorization)
{
	const struct text scheme = TEXT("Bearer ");

	if (!text_equal_ignoring_case(text_slice(authorization, 0, scheme.len), scheme))
		return (struct text){NULL, 0};
	return text_trim(text_slice(authorization, scheme.len, authorization.len));
}

/* --- the request line --- */

static void skip_class(struct http_cursor *cursor, enum http_byte_class class)
{
	while (cursor->at < cursor->end && http_byte_is(cursor->data[cursor->at], class))
		cursor->at++;
}

/* An LF where nothing else may stand. */
static bool take_lf(struct http_parser *parser, struct http_cursor *cursor, int next)
{
	if (cursor->data[cursor->at] != '\n')
		return http_parse_refuse(parser, 400, "a CR without LF");
	cursor->at++;
	parser->state = next;
	return true;
}

static bool take_start(struct http_parser *parser, struct http_cursor *cursor)
{
	unsigned char byte = cursor->data[cursor->at];

	if (byte == '\r') {
		cursor->at++;
		parser->state = HTTP_AT_START_LF;
		return true;
	}
	if (!http_byte_is(byte, HTTP_BYTE_TOKEN))
		return http_parse_refuse(parser, 400, "a request begins with a method");
	parser->line_at = cursor->base + cursor->at;
	parser->state = HTTP_IN_METHOD;
	return true;
}

static bool take_method(struct http_parser *parser, struct http_cursor *cursor)
{
	skip_class(cursor, HTTP_BYTE_TOKEN);
	parser->method_len = cursor->base + cursor->at - parser->line_at;
	if (parser->method_len > HTTP_METHOD_BYTES)
		return http_parse_refuse(parser, 501, "an unknown method");
	if (cursor->at == cursor->end)
		return true;
	if (cursor->data[cursor->at] != ' ')
		return http_parse_refuse(parser, 400, "the method is not followed by one space");
	cursor->at++;
	parser->state = HTTP_IN_TARGET;
	return true;
}

static bool take_target(struct http_parser *parser, struct http_cursor *cursor)
{
	skip_class(cursor, HTTP_BYTE_TARGET);
	parser->target_len = cursor->base + cursor->at - parser->line_at - parser->method_len - 1;
	if (cursor->at == cursor->end)
		return true;
	unsigned char byte = cursor->data[cursor->at];
	if (byte == '\r' || byte == '\n')
		return http_parse_refuse(parser, 400, "the request line has no HTTP version");
	if (byte != ' ')
		return http_parse_refuse(parser, 400, "the target holds a byte no URI may hold");
	if (parser->target_len == 0)
		return http_parse_refuse(parser, 400, "the request line has no target");
	cursor->at++;
	parser->state = HTTP_IN_VERSION;
	return true;
}

/* "HTTP/" digit "." digit CR, one byte a call. */
static bool take_version(struct http_parser *parser, struct http_cursor *cursor)
{
	static const char start[] = "HTTP/";
	enum { START = sizeof(start) - 1, MAJOR = START, DOT, MINOR, END };
	unsigned char byte = cursor->data[cursor->at];
	size_t at = parser->version_len;
	bool digit = byte >= '0' && byte <= '9';
	bool fits = at < START  ? byte == (unsigned char)start[at]
	            : at == DOT ? byte == '.'
	            : at == END ? byte == '\r'
	                        : digit;

	if (!fits)
		return http_parse_refuse(parser, 400, "the request line does not end in HTTP/1.1");
	if (at == MAJOR)
		parser->major_version = byte - '0';
	else if (at == MINOR)
		parser->request.minor_version = byte - '0';
	else if (at == END)
		parser->state = HTTP_AT_LINE_LF;
	parser->version_len++;
	cursor->at++;
	return true;
}

static bool take_line_end(struct http_parser *parser, struct http_cursor *cursor)
{
	if (!take_lf(parser, cursor, HTTP_AT_FIELD))
		return false;
	if (parser->major_version != 1)
		return http_parse_refuse(parser, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	/* A later minor version is read as the latest that is known (RFC 9110 section 2.5). */
	if (parser->request.minor_version > 1)
		parser->request.minor_version = 1;
	return true;
}

/* --- fields, of the head and of a trailer section --- */

static struct http_field_span *span_add(struct http_parser *parser)
{
	if (parser->span_count == parser->span_room) {
		parser->span_room =
		    parser->span_room == 0 ? HTTP_SPANS_FIRST : size_mul(parser->span_room, 2);
		parser->spans = memory_resize(
		    parser->spans, size_mul(parser->span_room, sizeof(parser->spans[0])));
	}
	struct http_field_span *span = &parser->spans[parser->span_count++];
	*span = (struct http_field_span){0};
	return span;
}

static bool take_field(struct http_parser *parser, struct http_cursor *cursor)
{
	unsigned char byte = cursor->data[cursor->at];
	size_t count = parser->head_read ? parser->trailer_count : parser->span_count;

	if (byte == '\r') {
		cursor->at++;
		parser->state = HTTP_AT_END_LF;
		return true;
	}
	if (byte == ' ' || byte == '\t')
		return http_parse_refuse(parser, 400, "a header line begins with a blank");
	if (byte == ':')
		return http_parse_refuse(parser, 400, "a header has no name");
	if (!http_byte_is(byte, HTTP_BYTE_TOKEN))
		return http_parse_refuse(parser, 400, "a header name is no token");
	if (count >= parser->limits.header_count)
		return http_parse_refuse(parser, 431, "too many headers");
	if (parser->head_read)
		parser->trailer_count++;
	else
		span_add(parser)->name_at = cursor->base + cursor->at;
	parser->state = HTTP_IN_NAME;
	return true;
}

static bool take_name(struct http_parser *parser, struct http_cursor *cursor)
{
	skip_class(cursor, HTTP_BYTE_TOKEN);
	if (cursor->at == cursor->end)
		return true;
	unsigned char byte = cursor->data[cursor->at];
	if (byte == ' ' || byte == '\t')
		return http_parse_refuse(parser, 400, "a blank before the colon of a header");
	if (byte != ':')
		return http_parse_refuse(parser, 400, "a header name is no token");
	if (!parser->head_read) {
		struct http_field_span *span = &parser->spans[parser->span_count - 1];
		span->name_len = cursor->base + cursor->at - span->name_at;
	}
	cursor->at++;
	parser->state = HTTP_BEFORE_VALUE;
	return true;
}

static bool take_blanks(struct http_parser *parser, struct http_cursor *cursor)
{
	unsigned char byte = cursor->data[cursor->at];

	if (byte == ' ' || byte == '\t') {
		cursor->at++;
		return true;
	}
	if (!parser->head_read)
		parser->spans[parser->span_count - 1].value_at = cursor->base + cursor->at;
	parser->state = HTTP_IN_VALUE;
	return true;
}

static bool take_value(struct http_parser *parser, struct http_cursor *cursor)
{
	skip_class(cursor, HTTP_BYTE_VALUE);
	if (cursor->at == cursor->end)
		return true;
	unsigned char byte = cursor->data[cursor->at];
	if (byte == '\n')
		return http_parse_refuse(parser, 400, "an LF without CR");
	if (byte != '\r')
		return http_parse_refuse(parser, 400, "a control byte in a header");
	if (!parser->head_read)
		parser->spans[parser->span_count - 1].value_end = cursor->base + cursor->at;
	cursor->at++;
	parser->state = HTTP_AT_FIELD_LF;
	return true;
}

static bool take_start_lf(struct http_parser *parser, struct http_cursor *cursor)
{
	return take_lf(parser, cursor, HTTP_AT_START);
}

static bool take_field_lf(struct http_parser *parser, struct http_cursor *cursor)
{
	return take_lf(parser, cursor, HTTP_AT_FIELD);
}

static bool take_end_lf(struct http_parser *parser, struct http_cursor *cursor)
{
	return take_lf(parser, cursor, parser->head_read ? HTTP_AT_DONE : HTTP_AT_BODY);
}

/* --- the whole --- */

static bool (*const takers[HTTP_AT_BODY])(struct http_parser *, struct http_cursor *) = {
    [HTTP_AT_START] = take_start,       [HTTP_AT_START_LF] = take_start_lf,
    [HTTP_IN_METHOD] = take_method,     [HTTP_IN_TARGET] = take_target,
    [HTTP_IN_VERSION] = take_version,   [HTTP_AT_LINE_LF] = take_line_end,
    [HTTP_AT_FIELD] = take_field,       [HTTP_IN_NAME] = take_name,
    [HTTP_BEFORE_VALUE] = take_blanks,  [HTTP_IN_VALUE] = take_value,
    [HTTP_AT_FIELD_LF] = take_field_lf, [HTTP_AT_END_LF] = take_end_lf,
};

bool http_parse_line(struct http_parser *parser, struct http_cursor *cursor)
{
	return takers[parser->state](parser, cursor);
}

static enum http_step parse_head(struct http_parser *parser, struct text input, size_t *used)
{
	struct http_cursor cursor = {
	    .data = (const unsigned char *)input.data,
	    .end = size_min(input.len, parser->limits.header_bytes - parser->bytes.len),
	    .base = parser->bytes.len,
	};
	bool good = true;

	while (good && cursor.at < cursor.end && parser->state != HTTP_AT_BODY)
		good = http_parse_line(parser, &cursor);
	*used = cursor.at;
	if (!good)
		return HTTP_BAD;
	(void)text_buf_add(&parser->bytes, (struct text){input.data, cursor.at}); /* fits */
	if (parser->state == HTTP_AT_BODY) {
		parser->head_read = true;
		return http_head_read(parser) ? HTTP_HEAD : HTTP_BAD;
	}
	if (cursor.at == input.len)
		return HTTP_MORE;
	if (parser->state == HTTP_IN_TARGET)
		(void)http_parse_refuse(parser, 414, "the target is too long");
	else
		(void)http_parse_refuse(parser, 431, "the headers are too large");
	return HTTP_BAD;
}

static void take_body(struct http_parser *parser, struct http_cursor *cursor)
{
	size_t size = cursor->end - cursor->at;

	if (size > parser->remaining)
		size = (size_t)parser->remaining;
	/* Fits: the length was held against the limit when it was read. */
	(void)text_buf_add(&parser->body,
	                   (struct text){(const char *)cursor->data + cursor->at, size});
	cursor->at += size;
	parser->remaining -= size;
	if (parser->remaining == 0)
		parser->state = parser->request.chunked ? HTTP_AT_CHUNK_END : HTTP_AT_DONE;
}

static enum http_step parse_body(struct http_parser *parser, struct text input, size_t *used)
{
	struct http_cursor cursor = {
	    .data = (const unsigned char *)input.data,
	    .end = input.len,
	};
	bool good = true;

	if (parser->state == HTTP_AT_NO_BODY)
		parser->state = HTTP_AT_DONE;
	while (good && cursor.at < cursor.end && parser->state != HTTP_AT_DONE) {
		if (parser->state == HTTP_IN_BODY)
			take_body(parser, &cursor);
		else
			good = http_chunk_take(parser, &cursor);
	}
	*used = cursor.at;
	if (!good)
		return HTTP_BAD;
	if (parser->state != HTTP_AT_DONE)
		return HTTP_MORE;
	parser->request.body = text_buf_view(&parser->body);
	return HTTP_DONE;
}

enum http_step http_parse(struct http_parser *parser, struct text input, size_t *used)
{
	*used = 0;
	if (parser->state == HTTP_AT_BAD)
		return HTTP_BAD;
	if (parser->state == HTTP_AT_DONE)
		return HTTP_DONE;
	return parser->head_read ? parse_body(parser, input, used)
	                         : parse_head(parser, input, used);
}
