/*
 * Server-sent events (WHATWG HTML, "Interpreting an event stream"), fed bytewise:
 * any split of the bytes yields the same events. LF, CR and CRLF; a BOM at the
 * start; comments counted; what deviates is told, what is hostile is capped.
 */
#ifndef PROVISO_PROVIDERS_SSE_H
#define PROVISO_PROVIDERS_SSE_H

#include "harness/base/text.h"

enum { SSE_MAX_EVENT_BYTES = 16 << 20 };

struct sse_event {
	struct text name; /* `event:`; empty: none */
	struct text data; /* `data:` lines joined by LF */
	struct text id;
	bool
	    closed; /* by a blank line; false for what stood at the end of the stream without one */
	bool failed; /* an exception of a binary stream: the name is its type (event_stream.h) */
};

struct sse_facts {
	int64_t events; /* closed by a blank line: those that the standard dispatches */
	int64_t comments;
	int64_t unknown_fields;
	int64_t dataless; /* blocks of fields without any `data`: the standard drops them */
	int64_t
	    retries; /* blocks of `retry` alone: they tell the client's pause, and are no event */
	bool crlf;
	bool no_space_after_colon; /* some field lacked it: allowed, yet rare */
	bool ends_without_blank_line;
	bool overflow; /* an event passed the cap: the rest was not read */
};

struct sse_splitter {
	void (*on_event)(void *context, const struct sse_event *event);
	void (*on_comment)(void *context, struct text comment); /* may be NULL */
	void *context;
	struct sse_facts facts;
	/* private */
	struct text_buf line, data, name, id;
	int state;
	bool has_data, has_fields, has_retry; /* of the block that is read */
};

/* max_event_bytes: a cap on one event (and so on what is buffered). */
void sse_splitter_init(struct sse_splitter *splitter, size_t max_event_bytes);
void sse_splitter_done(struct sse_splitter *splitter);
void sse_splitter_feed(struct sse_splitter *splitter, struct text bytes);
/*
 * The stream ended. An event that stands unclosed is delivered with closed false
 * (the standard would drop it; real clients do not, and its loss must be seen).
 */
void sse_splitter_end(struct sse_splitter *splitter);

#endif
