/*
 * One attempt at the wire: the bytes both ways, when each piece came, and how it
 * ended. This is what evidence records and what every judgement reads.
 */
#ifndef PROVISO_PROVIDERS_EXCHANGE_H
#define PROVISO_PROVIDERS_EXCHANGE_H

#include "harness/base/http_parse.h"
#include "harness/base/text.h"

enum exchange_end {
	EXCHANGE_COMPLETE,       /* the response ended as its framing says */
	EXCHANGE_RESOLVE_FAILED, /* DNS */
	EXCHANGE_CONNECT_FAILED,
	EXCHANGE_TLS_FAILED,
	EXCHANGE_CONNECT_TIMEOUT,
	EXCHANGE_FIRST_TIMEOUT, /* nothing of the body came in time */
	EXCHANGE_IDLE_TIMEOUT,  /* nothing more came in time */
	EXCHANGE_TOTAL_TIMEOUT,
	EXCHANGE_CUT,       /* connection closed or reset before the framing's end */
	EXCHANGE_BAD_HTTP,  /* no HTTP, or HTTP that libcurl refuses */
	EXCHANGE_TOO_LARGE, /* over the body cap */
	EXCHANGE_CANCELLED, /* by us */
	EXCHANGE_LEFT,      /* by us, in the middle of a stream, because the step asks for it */
	EXCHANGE_END_COUNT
};

const char *exchange_end_name(enum exchange_end end); /* "complete", "connect_timeout" ... */
MUST_CHECK bool exchange_end_from_name(struct text name, enum exchange_end *out);

struct exchange_chunk {
	int64_t at_us; /* since the attempt began */
	size_t end;    /* the body's length with this chunk */
};

/* Views live in the arena of the attempt. No secret is in here: headers are as sent less the key.
 */
struct exchange {
	struct text method, url;
	struct http_header *request_headers;
	size_t request_header_count;
	struct text request_body;
	/* What the client or case had asked for and the provider's format has no place for. */
	const struct text *dropped;
	size_t dropped_count;
	int64_t started_wall_ms;
	int status;       /* 0: no status line came */
	int http_version; /* 10, 11, 20; 0: none */
	bool wrong_key;   /* it was sent with a wrong one, on purpose */
	bool no_key;      /* or without any, on purpose */
	bool reused;      /* it came on a connection that was there already */
	struct http_header *headers;
	size_t header_count;
	struct text body; /* decoded from transfer and content coding */
	struct exchange_chunk *chunks;
	size_t chunk_count;
	enum exchange_end end;
	struct text end_detail;  /* the transport's words */
	int64_t head_us, end_us; /* since the attempt began; -1: never */
	/* The dialect that it was translated from, and what that can never tell; NULL: as sent. */
	const char *translated_from;
	bool calls_whole;    /* a call comes in one piece, always */
	bool no_cache_count; /* it has no count of what was read from a cache */
	bool no_retry_after; /* a 429 of it never says when to come back */
};

/* Whether a field of that name was left out before the request was sent. */
MUST_CHECK bool exchange_dropped(const struct exchange *exchange, struct text name);

/* First header of that name (ASCII case ignored), or a view with data NULL. */
MUST_CHECK struct text exchange_header(const struct exchange *exchange, const char *name);

/*
 * Infrastructure, not the model: no answer could be had (DNS, TCP, TLS, timeout
 * before the first byte, reset before it) or 408, 409, 425, 429, 5xx.
 */
MUST_CHECK bool exchange_is_infra(const struct exchange *exchange);

#endif
