/*
 * What the proxy makes of a provider's reply in the formats of its clients: any bytes come out as
 * JSON, or as events of JSON, in which a reply that broke off has no end. The first byte says in
 * how large pieces they come, the second in which format they are read, the third who asked, and
 * whether for a stream; streamed in OpenAI's own format nothing of the words is lost or doubled.
 */
#include "providers/client/reply_writer.h"
#include "providers/dialect/dialect.h"
#include "providers/wire/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_OUTPUT_MAX_BYTES = 64 << 20 };

/* What the events of a written stream were. */
struct seen {
	struct arena *arena;
	bool ended; /* as a whole reply ends in that format */
	bool after_end;
};

static bool says_end(const struct json *event)
{
	struct text type = json_string(event, "type");

	return text_is(type, "message_stop") || text_is(type, "response.completed");
}

static void event_came(void *context, const struct sse_event *event)
{
	struct seen *seen = context;
	struct fault fault;
	struct json *root;

	seen->after_end = seen->after_end || seen->ended;
	if (text_is(event->data, "[DONE]")) {
		seen->ended = true;
		return;
	}
	REQUIRE(json_read_text(event->data, "event", seen->arena, &root, &fault));
	REQUIRE(root->type == JSON_OBJECT);
	seen->ended = says_end(root);
}

static void check_stream(const struct chat_reply *reply, bool cut, struct text out,
                         struct arena *arena)
{
	struct seen seen = {.arena = arena};
	struct sse_splitter splitter;

	sse_splitter_init(&splitter, SSE_MAX_EVENT_BYTES);
	splitter.on_event = event_came;
	splitter.context = &seen;
	sse_splitter_feed(&splitter, out);
	sse_splitter_end(&splitter);
	REQUIRE(splitter.facts.unknown_fields == 0 && !splitter.facts.ends_without_blank_line);
	sse_splitter_done(&splitter);
	REQUIRE(!seen.after_end);
	REQUIRE(!seen.ended || (!cut && reply->complete && reply->error_count == 0));
}

/* What is not whole has no body: the proxy answers with an error of its own. */
static void check_whole(const struct chat_reply *reply, bool cut, struct text out,
                        struct arena *arena)
{
	bool whole = reply->complete && !cut;
	struct fault fault;
	struct json *root;

	REQUIRE((out.len > 0) == (whole || reply->error_count > 0));
	if (out.len == 0)
		return;
	REQUIRE(json_read_text(out, "body", arena, &root, &fault));
	REQUIRE(root->type == JSON_OBJECT);
}

/* Read again it says the same words, choice by choice. */
static void check_words(const struct chat_reply *reply, struct text out,
                        const struct chat_request *request, struct arena *arena)
{
	const struct reply_context context = {.dialect = &dialect_openai, .request = request};
	const struct chat_reply *again = reply_read(&context, out, arena);

	for (size_t i = 0; i < reply->choice_count; i++)
		for (size_t k = 0; k < again->choice_count; k++)
			if (again->choices[k].index == reply->choices[i].index)
				REQUIRE(text_equal(again->choices[k].content,
				                   reply->choices[i].content));
}

static void drive(const struct reply_context *context, const struct reply_writer_options *options,
                  struct text bytes, size_t piece, struct arena *arena)
{
	struct reply_reader *reader = reply_reader_new(context, arena);
	struct reply_writer *writer = reply_writer_new(options);
	struct text_buf out;

	text_buf_init(&out, FUZZ_OUTPUT_MAX_BYTES);
	for (size_t at = 0; at < bytes.len; at += piece) {
		reply_reader_feed(reader, text_slice(bytes, at, at + piece), (int64_t)at);
		if (options->streamed)
			reply_writer_update(writer, reply_reader_reply(reader), &out);
	}
	const struct chat_reply *reply = reply_reader_end(reader, context->cut);
	reply_writer_end(writer, reply, context->cut, &out);
	REQUIRE(!out.overflow);
	struct text text = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	if (options->streamed)
		check_stream(reply, context->cut, text, arena);
	else
		check_whole(reply, context->cut, text, arena);
	if (options->streamed && options->format == CLIENT_CHAT)
		check_words(reply, text, context->request, arena);
	reply_writer_free(writer);
	reply_reader_done(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dialect *const dialects[] = {
	    &dialect_openai, &dialect_anthropic, &dialect_gemini, &dialect_cohere,
	    &dialect_ollama, &dialect_bedrock,   &dialect_azure,  NULL};
	struct arena arena = {0};
	struct chat_request request = {.endpoint = ENDPOINT_CHAT, .body = TEXT("{}")};
	struct reply_writer_options options = {
	    .created_s = 1, .model = TEXT("m"), .seed = TEXT("s")};
	struct reply_context context = {.request = &request};

	if (size < 3)
		return 0;
	context.dialect = dialects[data[1] % 8];
	context.cut = (data[1] & 8) != 0;
	options.format = (enum client_format)(data[2] % CLIENT_FORMATS);
	options.streamed = request.streamed = (data[2] & 16) != 0;
	options.usage_asked = request.usage_asked = (data[2] & 32) != 0;
	drive(&context, &options, (struct text){(const char *)data + 3, size - 3},
	      (size_t)data[0] % 64 + 1, &arena);
	arena_done(&arena);
	return 0;
}
