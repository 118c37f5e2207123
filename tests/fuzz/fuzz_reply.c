/*
 * The reply reader: any bytes are read without harm, alike however they are cut, and
 * what `inspect` prints of them is JSON. The first byte says in how large pieces they
 * come, the second what is known beside them.
 */
#include "harness/base/json_write.h"
#include "providers/dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_OUTPUT_MAX_BYTES = 64 << 20 };

static const struct chat_reply *read_pieces(const struct reply_context *context, struct text bytes,
                                            size_t piece, struct arena *arena)
{
	struct reply_reader *reader = reply_reader_new(context, arena);

	for (size_t at = 0; at < bytes.len; at += piece) {
		reply_reader_feed(reader, text_slice(bytes, at, at + piece), (int64_t)at);
		if (at % 5 == 0)
			REQUIRE(reply_reader_reply(reader) != NULL);
	}
	const struct chat_reply *reply = reply_reader_end(reader, context->cut);
	reply_reader_done(reader);
	return reply;
}

static struct text written(const struct chat_reply *reply, struct arena *arena)
{
	struct text_buf out;
	struct json_writer writer;

	text_buf_init(&out, FUZZ_OUTPUT_MAX_BYTES);
	json_writer_init(&writer, &out, false);
	reply_write_json(reply, &writer, NULL, NULL);
	REQUIRE(!out.overflow);
	struct text text = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return text;
}

static void check(const struct chat_reply *reply)
{
	REQUIRE(!reply->complete || reply->error_count == 0);
	REQUIRE(!reply->complete || reply_is_readable(reply));
	REQUIRE(reply->violation_count <= CHAT_MAX_VIOLATIONS);
	REQUIRE(reply->choice_count <= CHAT_MAX_CHOICES);
	for (size_t i = 0; i < reply->violation_count; i++) {
		REQUIRE(reply->saw[reply->violations[i].rule]);
		REQUIRE(reply->violations[i].grade == WIRE_HARMLESS ||
		        reply->broken[reply->violations[i].rule]);
	}
	for (size_t i = 1; i < reply->choice_count; i++)
		REQUIRE(reply->choices[i - 1].index < reply->choices[i].index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct chat_request request = {.body = TEXT("{\"tool_choice\":\"auto\"}")};
	struct reply_context context = {0};
	struct fault fault;
	struct json *root;

	if (size < 2)
		return 0;
	request.endpoint = (enum endpoint)(data[1] % ENDPOINT_COUNT);
	request.streamed = (data[1] & 8) != 0;
	request.usage_asked = (data[1] & 16) != 0;
	context.dialect = (data[1] & 32) != 0 ? &dialect_openai : NULL;
	context.request = (data[1] & 64) != 0 ? &request : NULL;
	context.cut = (data[1] & 128) != 0;
	struct text bytes = {(const char *)data + 2, size - 2};
	const struct chat_reply *whole = reply_read(&context, bytes, &arena);
	const struct chat_reply *pieces =
	    read_pieces(&context, bytes, (size_t)data[0] % 32 + 1, &arena);
	struct text text = written(whole, &arena);
	check(whole);
	REQUIRE(text_equal(text, written(pieces, &arena)));
	REQUIRE(json_read_text(text, "inspect", &arena, &root, &fault));
	arena_done(&arena);
	return 0;
}
