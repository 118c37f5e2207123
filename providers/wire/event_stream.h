/*
 * AWS's binary event streams (application/vnd.amazon.eventstream; AWS SDK's "event stream
 * encoding" in Smithy's specification): frames of a prelude, headers, a payload and two CRCs,
 * fed in any pieces. What is told is the same as of server-sent events: a name and data.
 */
#ifndef PROVISO_PROVIDERS_EVENT_STREAM_H
#define PROVISO_PROVIDERS_EVENT_STREAM_H

#include "providers/wire/sse.h"

enum {
	EVENT_STREAM_MAX_FRAME_BYTES = SSE_MAX_EVENT_BYTES,
	EVENT_STREAM_PRELUDE_BYTES = 12,
	EVENT_STREAM_AROUND_BYTES = 16, /* prelude and the CRC at the end */
};

struct event_stream {
	/* Name: :event-type, or that of the exception (then `failed` is set). Views of the call. */
	void (*on_event)(void *context, const struct sse_event *event);
	void *context;
	int64_t frames;     /* whole ones */
	const char *broken; /* why nothing is read any more; NULL: all is well */
	/* private */
	struct text_buf frame;
	size_t wanted; /* bytes of the frame at hand, or of its prelude */
};

void event_stream_init(struct event_stream *stream);
void event_stream_done(struct event_stream *stream);
/* After a frame that can't be right nothing is read: where the next one begins is not known. */
void event_stream_feed(struct event_stream *stream, struct text bytes);
/* Whether the bytes so far end within a frame. */
MUST_CHECK bool event_stream_is_within(const struct event_stream *stream);

/* Appends one frame: for who sends them. `type`: "event" or "exception". */
void event_stream_write(struct text_buf *out, const char *type, struct text name,
                        struct text payload);

#endif
