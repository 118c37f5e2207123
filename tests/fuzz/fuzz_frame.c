/*
 * What the proxy cuts a stream into: the frames and the rest are the bytes that came, whole frames
 * are the same however they came, and data stands within its frame. The first byte says in how
 * large pieces.
 */
#include "proxy/relay/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_LOG_MAX_BYTES = 16 << 20 };

struct seen {
	struct text_buf bytes, ends; /* all that came, and where each frame ended */
};

static void see(void *context, struct text frame, bool whole)
{
	struct seen *seen = context;
	struct text inner = frame_data(frame);

	REQUIRE(whole && frame.len > 0); /* none is as long as the cap */
	REQUIRE(inner.data == NULL ||
	        (inner.data >= frame.data && inner.data + inner.len <= frame.data + frame.len));
	if (frame_kind_of(frame) == FRAME_DONE)
		REQUIRE(text_find(frame, TEXT("[DONE]"), 0) != TEXT_NOT_FOUND);
	(void)text_buf_add(&seen->bytes, frame);
	(void)text_buf_format(&seen->ends, "%zu ", seen->bytes.len);
}

static void cut(struct text bytes, size_t piece, struct seen *seen)
{
	struct frame_cutter cutter;

	text_buf_init(&seen->bytes, FUZZ_LOG_MAX_BYTES);
	text_buf_init(&seen->ends, FUZZ_LOG_MAX_BYTES);
	frame_cutter_init(&cutter, see, seen);
	for (size_t at = 0; at < bytes.len; at += piece)
		frame_feed(&cutter, text_slice(bytes, at, at + piece));
	(void)text_buf_add(&seen->bytes, frame_rest(&cutter));
	frame_cutter_done(&cutter);
	REQUIRE(text_equal(text_buf_view(&seen->bytes), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;

	if (size == 0 || size > FRAME_MAX_BYTES)
		return 0;
	struct text bytes = {(const char *)data + 1, size - 1};
	cut(bytes, bytes.len + 1, &whole);
	cut(bytes, (size_t)data[0] % 16 + 1, &pieces);
	REQUIRE(text_equal(text_buf_view(&whole.ends), text_buf_view(&pieces.ends)));
	text_buf_done(&whole.bytes);
	text_buf_done(&whole.ends);
	text_buf_done(&pieces.bytes);
	text_buf_done(&pieces.ends);
	return 0;
}
