/*
 * Bedrock's binary event streams: any bytes are read without harm, alike however they are cut. The
 * first byte says in how large pieces they come; where the second is odd, the rest are frames'
 * names and payloads instead, parted by NUL, so that checksums keep nothing out.
 */
#include "harness/base/json_write.h"
#include "providers/dialect/dialect.h"
#include "providers/wire/event_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_OUTPUT_MAX_BYTES = 64 << 20 };

static struct text framed(struct text rest, struct arena *arena)
{
	struct text_buf out;
	struct text name, payload;
	unsigned count = 0;

	text_buf_init(&out, FUZZ_OUTPUT_MAX_BYTES);
	while (text_next_field(&rest, '\0', &name) && text_next_field(&rest, '\0', &payload))
		event_stream_write(&out, count++ % 7 == 6 ? "exception" : "event",
		                   text_slice(name, 0, 40), payload);
	struct text bytes = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return bytes;
}

static struct text written(struct text bytes, size_t piece, struct arena *arena)
{
	struct chat_request request = {.body = TEXT("{}"), .streamed = true};
	const struct reply_context context = {
	    .dialect = &dialect_bedrock, .request = &request, .status = 200};
	struct reply_reader *reader = reply_reader_new(&context, arena);
	struct json_writer writer;
	struct text_buf out;

	for (size_t at = 0; at < bytes.len; at += piece)
		reply_reader_feed(reader, text_slice(bytes, at, at + piece), (int64_t)at);
	const struct chat_reply *reply = reply_reader_end(reader, false);
	REQUIRE(!reply->complete || reply->error_count == 0);
	text_buf_init(&out, FUZZ_OUTPUT_MAX_BYTES);
	json_writer_init(&writer, &out, false);
	reply_write_json(reply, &writer, NULL, NULL);
	reply_reader_done(reader);
	struct text copy = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};

	if (size < 2)
		return 0;
	struct text bytes = {(const char *)data + 2, size - 2};
	if ((data[1] & 1) != 0)
		bytes = framed(bytes, &arena);
	struct text whole = written(bytes, bytes.len + 1, &arena);
	REQUIRE(text_equal(whole, written(bytes, (size_t)data[0] % 32 + 1, &arena)));
	arena_done(&arena);
	return 0;
}
