/*
 * A stream of events cut into whole frames: the bytes of one event as they came, its blank line
 * with it. What is relayed is whole frames, so that a stream that breaks leaves no half event.
 *
 * Nothing is copied but what a read left unfinished.
 */
#ifndef PROVISO_PROXY_FRAME_H
#define PROVISO_PROXY_FRAME_H

#include "harness/base/text.h"

/* A frame longer than that is handed on in parts: `whole` is false then. */
enum { FRAME_MAX_BYTES = 1 << 20 };

struct frame_cutter {
	void (*on_frame)(void *context, struct text frame, bool whole);
	void *context;
	/* private */
	struct text_buf partial; /* the beginning of a frame */
	bool line_begun;         /* a byte of the line at hand came */
	bool in_parts;           /* the frame at hand was too long to be kept */
};

void frame_cutter_init(struct frame_cutter *cutter, void (*on_frame)(void *, struct text, bool),
                       void *context);
void frame_cutter_done(struct frame_cutter *cutter);
void frame_feed(struct frame_cutter *cutter, struct text bytes);
/* What stands behind the last blank line; empty: nothing. Lives until the next call. */
MUST_CHECK struct text frame_rest(const struct frame_cutter *cutter);

enum frame_kind {
	FRAME_COMMENT, /* comments and blank lines only: keeps bytes alive, says nothing */
	FRAME_EVENT,
	FRAME_DONE, /* data: [DONE] */
};
MUST_CHECK enum frame_kind frame_kind_of(struct text frame);
/* The data of a frame with a single `data` line; data NULL where it has none or several. */
MUST_CHECK struct text frame_data(struct text frame);

#endif
