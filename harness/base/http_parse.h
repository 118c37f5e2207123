/*
 * Strict HTTP/1.1 requests (RFC 9110, 9112), byte by byte and resumable: feed it
 * what a socket gives, in pieces of any size; the pieces never change the result.
 *
 * What is ambiguous is refused, never guessed: both Content-Length and
 * Transfer-Encoding, differing lengths, signs or blanks in a length, bad chunk
 * sizes, obs-fold, bare CR or LF, a space before the colon, control bytes, a
 * missing or repeated Host. After a refusal the connection must be closed.
 */
#ifndef PROVISO_BASE_HTTP_PARSE_H
#define PROVISO_BASE_HTTP_PARSE_H

#include "harness/base/text.h"

struct http_limits {
	size_t header_bytes; /* request line and header section; the trailer section, apart */
	size_t header_count; /* fields of each of them */
	size_t body_bytes;   /* decoded */
};

extern const struct http_limits http_default_limits; /* 64 KiB, 128 fields, 32 MiB */

struct http_header {
	struct text name;  /* as sent; compare without case */
	struct text value; /* outer blanks taken off */
};

struct http_request {
	struct text method;
	struct text target; /* as sent */
	struct text path;   /* target up to '?', of origin or absolute form; "*" for OPTIONS */
	struct text query;  /* behind '?', without it; data NULL where there is none */
	int minor_version;  /* 0 or 1; a later one is read as 1 */
	struct http_header *headers;
	size_t header_count;
	struct text body;     /* decoded, complete when the parser says DONE */
	bool keep_alive;      /* by version and Connection */
	bool expect_continue; /* a body follows and the client waits for 100 before it */
	bool chunked;
};

enum http_step {
	HTTP_MORE, /* all bytes taken, more are needed */
	HTTP_HEAD, /* header section complete (said once); call again for the body */
	HTTP_DONE, /* request complete; bytes behind it were not taken */
	HTTP_BAD,  /* refused: see `status` and `reason`; close after answering */
};

struct http_field_span;

struct http_parser {
	struct http_limits limits;
	struct http_request
	    request;        /* views into `bytes` and `body`; valid from HEAD/DONE to reset */
	int status;         /* 400, 413, 414, 417, 431, 501, 505 after HTTP_BAD */
	const char *reason; /* a literal, after HTTP_BAD */
	/* private */
	struct text_buf bytes; /* the head as sent */
	struct text_buf body;
	struct arena arena;            /* the headers of the request */
	struct http_field_span *spans; /* owned; offsets into `bytes` */
	size_t span_count, span_room;
	size_t line_at, method_len, target_len, version_len;
	int state;
	int major_version;
	bool head_read;
	uint64_t remaining;  /* of the body, or of this chunk */
	size_t chunk_digits; /* of its size */
	size_t extension_bytes, trailer_bytes, trailer_count;
};

void http_parser_init(struct http_parser *parser, const struct http_limits *limits);
void http_parser_done(struct http_parser *parser);
/* Ready for the next request on the same connection; memory is kept, but for that of a large body.
 */
void http_parser_reset(struct http_parser *parser);
/* After DONE: the request's bytes and headers are given back; `request` keeps its version. */
void http_parser_drop(struct http_parser *parser);
/*
 * Takes from `input`; *used says how many bytes. After DONE and BAD nothing more is taken until the
 * reset, and after BAD a reset is a mistake: where the next request begins can't be known.
 */
MUST_CHECK enum http_step http_parse(struct http_parser *parser, struct text input, size_t *used);
/* True before the first byte of a request (empty lines in front of it are none): a peer may close
 * here without fault. */
MUST_CHECK bool http_parser_is_idle(const struct http_parser *parser);

/* First header of that name (ASCII case ignored), or a view with data NULL. */
MUST_CHECK struct text http_header(const struct http_request *request, const char *name);

/* The key in "Bearer KEY" (RFC 6750, 2.1; the scheme in any case), trimmed; data NULL: it is of
 * another scheme, or there is none. */
MUST_CHECK struct text http_bearer(struct text authorization);

/* The standard phrase of a status code, "" for an unknown one. */
const char *http_reason_phrase(int status);

#endif
