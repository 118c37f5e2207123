/* What http_parse.c, http_chunk.c and http_head.c share; nobody else includes this. */
#ifndef PROVISO_BASE_HTTP_PARSE_PRIVATE_H
#define PROVISO_BASE_HTTP_PARSE_PRIVATE_H

#include "harness/base/http_parse.h"

/* Bit set of what a byte may be part of (RFC 9110 section 5.6, RFC 3986 appendix A). */
enum http_byte_class {
	HTTP_BYTE_TOKEN = 1,
	HTTP_BYTE_VALUE = 2,  /* of a field: visible, obs-text, SP and HTAB */
	HTTP_BYTE_TARGET = 4, /* of any URI, with '%' and the brackets of an IP literal */
	HTTP_BYTE_HEX = 8,
	HTTP_BYTE_NAME = 16,   /* reg-name without '%': unreserved and sub-delims */
	HTTP_BYTE_QUOTED = 32, /* qdtext */
};

extern const unsigned char http_byte_classes[256];

static inline bool http_byte_is(unsigned char byte, enum http_byte_class class)
{
	return (http_byte_classes[byte] & class) != 0;
}

enum http_state {
	/* the head */
	HTTP_AT_START, /* before the request line; empty lines are skipped */
	HTTP_AT_START_LF,
	HTTP_IN_METHOD,
	HTTP_IN_TARGET,
	HTTP_IN_VERSION,
	HTTP_AT_LINE_LF, /* behind the CR of the request line */
	HTTP_AT_FIELD,   /* at the start of a field line or of the empty line */
	HTTP_IN_NAME,    /* these four are met again in a trailer section */
	HTTP_BEFORE_VALUE,
	HTTP_IN_VALUE,
	HTTP_AT_FIELD_LF,
	HTTP_AT_END_LF, /* behind the CR of the empty line */
	/* the body */
	HTTP_AT_BODY, /* the head is complete, what follows not known yet */
	HTTP_AT_NO_BODY,
	HTTP_IN_BODY,
	HTTP_AT_CHUNK, /* before the first digit */
	HTTP_IN_CHUNK_SIZE,
	HTTP_BEFORE_EXTENSION, /* blanks behind the size: a ';' must follow */
	HTTP_AT_EXTENSION,     /* behind ';' */
	HTTP_IN_EXTENSION,
	HTTP_BEHIND_EXTENSION, /* blanks behind the name */
	HTTP_AT_EXTENSION_VALUE,
	HTTP_IN_EXTENSION_VALUE,
	HTTP_IN_EXTENSION_QUOTE,
	HTTP_IN_EXTENSION_ESCAPE,
	HTTP_BEHIND_EXTENSION_VALUE,
	HTTP_AT_CHUNK_LF,
	HTTP_AT_CHUNK_END, /* the CR behind the bytes */
	HTTP_AT_CHUNK_END_LF,
	HTTP_AT_DONE,
	HTTP_AT_BAD,
	HTTP_STATES,
};

/* A field line, as offsets, because `bytes` may move while it grows. */
struct http_field_span {
	size_t name_at, name_len;
	size_t value_at, value_end;
};

/* What is read now; `base`: where its first byte stands in `bytes`. */
struct http_cursor {
	const unsigned char *data;
	size_t at, end;
	size_t base;
};

/* Refuses the request; returns false. `reason` is a literal. */
bool http_parse_refuse(struct http_parser *parser, int status, const char *reason);

/* Bytes of a line of the head, or of a trailer section: one of the states before HTTP_AT_BODY. */
MUST_CHECK bool http_parse_line(struct http_parser *parser, struct http_cursor *cursor);

/* One or more bytes of a chunked body, in one of its states. */
MUST_CHECK bool http_chunk_take(struct http_parser *parser, struct http_cursor *cursor);

/* Reads what the complete head means into parser->request; sets the state of the body. */
MUST_CHECK bool http_head_read(struct http_parser *parser);

#endif
