/*
 * A chunked body (RFC 9112 section 7.1): sizes, extensions, bytes, trailers.
 * Extensions and trailers are checked and dropped: nobody here understands one,
 * and a trailer must never become a header.
 */
#include "harness/base/http_parse_private.h"

enum {
	HTTP_CHUNK_DIGITS = 16, /* what 64 bits hold; more are refused, also zeros */
	/* Of all chunks of a body: RFC 9112 section 7.1.1 asks for some limit. */
	HTTP_EXTENSION_BYTES = 16 * 1024,
};

static bool is_blank(unsigned char byte)
{
	return byte == ' ' || byte == '\t';
}

static uint64_t hex_value(unsigned char byte)
{
	if (byte <= '9')
		return (uint64_t)(byte - '0');
	return (uint64_t)((byte | 0x20) - 'a') + 10;
}

/* Behind a size, an extension's name or its value: the next extension or the end of the line. */
static bool line_goes_on(struct http_parser *parser, unsigned char byte)
{
	if (byte == ';')
		parser->state = HTTP_AT_EXTENSION;
	else if (byte == '\r')
		parser->state = HTTP_AT_CHUNK_LF;
	else
		return http_parse_refuse(parser, 400, "a chunk size line can't be read");
	return true;
}

static bool take_digit(struct http_parser *parser, unsigned char byte)
{
	if (http_byte_is(byte, HTTP_BYTE_HEX)) {
		if (parser->chunk_digits == HTTP_CHUNK_DIGITS)
			return http_parse_refuse(parser, 400, "a chunk size has too many digits");
		parser->remaining = parser->remaining << 4 | hex_value(byte);
		parser->chunk_digits++;
		parser->state = HTTP_IN_CHUNK_SIZE;
		return true;
	}
	if (parser->chunk_digits == 0)
		return http_parse_refuse(parser, 400, "a chunk has no size");
	if (is_blank(byte)) {
		parser->state = HTTP_BEFORE_EXTENSION;
		return true;
	}
	return line_goes_on(parser, byte);
}

static bool refuse_extension(struct http_parser *parser)
{
	return http_parse_refuse(parser, 400, "a chunk extension can't be read");
}

/* Blanks are allowed around ';' and '=' but not before the end of the line. */
static bool take_before_extension(struct http_parser *parser, unsigned char byte)
{
	if (byte == ';')
		parser->state = HTTP_AT_EXTENSION;
	else if (!is_blank(byte))
		return refuse_extension(parser);
	return true;
}

static bool take_extension_start(struct http_parser *parser, unsigned char byte)
{
	if (http_byte_is(byte, HTTP_BYTE_TOKEN))
		parser->state = HTTP_IN_EXTENSION;
	else if (!is_blank(byte))
		return refuse_extension(parser);
	return true;
}

static bool take_extension(struct http_parser *parser, unsigned char byte)
{
	if (is_blank(byte))
		parser->state = HTTP_BEHIND_EXTENSION;
	else if (byte == '=')
		parser->state = HTTP_AT_EXTENSION_VALUE;
	else if (!http_byte_is(byte, HTTP_BYTE_TOKEN))
		return line_goes_on(parser, byte);
	return true;
}

static bool take_behind_extension(struct http_parser *parser, unsigned char byte)
{
	if (byte != '=')
		return take_before_extension(parser, byte);
	parser->state = HTTP_AT_EXTENSION_VALUE;
	return true;
}

static bool take_value_start(struct http_parser *parser, unsigned char byte)
{
	if (byte == '"')
		parser->state = HTTP_IN_EXTENSION_QUOTE;
	else if (http_byte_is(byte, HTTP_BYTE_TOKEN))
		parser->state = HTTP_IN_EXTENSION_VALUE;
	else if (!is_blank(byte))
		return refuse_extension(parser);
	return true;
}

static bool take_value(struct http_parser *parser, unsigned char byte)
{
	if (is_blank(byte))
		parser->state = HTTP_BEFORE_EXTENSION;
	else if (!http_byte_is(byte, HTTP_BYTE_TOKEN))
		return line_goes_on(parser, byte);
	return true;
}

static bool take_quote(struct http_parser *parser, unsigned char byte)
{
	if (byte == '"')
		parser->state = HTTP_BEHIND_EXTENSION_VALUE;
	else if (byte == '\\')
		parser->state = HTTP_IN_EXTENSION_ESCAPE;
	else if (!http_byte_is(byte, HTTP_BYTE_QUOTED))
		return refuse_extension(parser);
	return true;
}

static bool take_escape(struct http_parser *parser, unsigned char byte)
{
	parser->state = HTTP_IN_EXTENSION_QUOTE;
	return http_byte_is(byte, HTTP_BYTE_VALUE) || refuse_extension(parser);
}

static bool take_behind_value(struct http_parser *parser, unsigned char byte)
{
	if (!is_blank(byte))
		return line_goes_on(parser, byte);
	parser->state = HTTP_BEFORE_EXTENSION;
	return true;
}

/* The LF behind a size: now it counts. */
static bool take_size_end(struct http_parser *parser, unsigned char byte)
{
	if (byte != '\n')
		return http_parse_refuse(parser, 400, "a CR without LF");
	if (parser->remaining > parser->limits.body_bytes - parser->body.len)
		return http_parse_refuse(parser, 413, "the body is too large");
	parser->state = parser->remaining == 0 ? HTTP_AT_FIELD : HTTP_IN_BODY;
	return true;
}

/* CR LF behind the bytes of a chunk. */
static bool take_chunk_end(struct http_parser *parser, unsigned char byte)
{
	bool first = parser->state == HTTP_AT_CHUNK_END;

	if (byte != (first ? '\r' : '\n'))
		return http_parse_refuse(parser, 400, "a chunk is not as long as its size says");
	parser->state = first ? HTTP_AT_CHUNK_END_LF : HTTP_AT_CHUNK;
	parser->chunk_digits = 0;
	return true;
}

static bool (*const takers[HTTP_STATES])(struct http_parser *, unsigned char) = {
    [HTTP_AT_CHUNK] = take_digit,
    [HTTP_IN_CHUNK_SIZE] = take_digit,
    [HTTP_BEFORE_EXTENSION] = take_before_extension,
    [HTTP_AT_EXTENSION] = take_extension_start,
    [HTTP_IN_EXTENSION] = take_extension,
    [HTTP_BEHIND_EXTENSION] = take_behind_extension,
    [HTTP_AT_EXTENSION_VALUE] = take_value_start,
    [HTTP_IN_EXTENSION_VALUE] = take_value,
    [HTTP_IN_EXTENSION_QUOTE] = take_quote,
    [HTTP_IN_EXTENSION_ESCAPE] = take_escape,
    [HTTP_BEHIND_EXTENSION_VALUE] = take_behind_value,
    [HTTP_AT_CHUNK_LF] = take_size_end,
    [HTTP_AT_CHUNK_END] = take_chunk_end,
    [HTTP_AT_CHUNK_END_LF] = take_chunk_end,
};

static bool in_extension(int state)
{
	return state >= HTTP_BEFORE_EXTENSION && state <= HTTP_BEHIND_EXTENSION_VALUE;
}

static bool take_trailer(struct http_parser *parser, struct http_cursor *cursor)
{
	struct http_cursor allowed = *cursor;
	size_t room = parser->limits.header_bytes - parser->trailer_bytes;

	/* The limit ends the piece, so that it is met at the same byte however pieces are cut. */
	allowed.end = size_min(cursor->end, cursor->at + room);
	if (allowed.at == allowed.end)
		return http_parse_refuse(parser, 431, "the trailers are too large");
	bool good = http_parse_line(parser, &allowed);
	parser->trailer_bytes += allowed.at - cursor->at;
	cursor->at = allowed.at;
	return good;
}

bool http_chunk_take(struct http_parser *parser, struct http_cursor *cursor)
{
	unsigned char byte = cursor->data[cursor->at];

	if (parser->state < HTTP_AT_BODY)
		return take_trailer(parser, cursor);
	if (in_extension(parser->state) && ++parser->extension_bytes > HTTP_EXTENSION_BYTES)
		return http_parse_refuse(parser, 400, "the chunk extensions are too large");
	cursor->at++;
	return takers[parser->state](parser, byte);
}
