/* Bedrock's Converse, the answer: one JSON body, or frames with checksums. */
#include "providers/sim/sim_bedrock.h"

#include "providers/wire/event_stream.h"

static const char *stop_of(const struct sim_choice *choice)
{
	if (text_is(choice->finish, "length"))
		return "max_tokens";
	if (text_is(choice->finish, "content_filter"))
		return "content_filtered";
	if (choice->stopped_by.data != NULL)
		return "stop_sequence";
	return choice->call_count > 0 ? "tool_use" : "end_turn";
}

static void write_usage(const struct sim_completion *completion, struct json_writer *writer)
{
	const struct sim_usage *usage = &completion->usage;

	if (!usage->present || sim_breaks(completion->serving, SIM_BEDROCK_NO_USAGE))
		return;
	json_write_key(writer, "usage");
	json_write_object(writer);
	json_write_member_int(writer, "inputTokens", usage->prompt - usage->cached);
	json_write_member_int(writer, "outputTokens", usage->completion);
	json_write_member_int(writer, "totalTokens", usage->total);
	json_write_member_int(writer, "cacheReadInputTokens", usage->cached);
	json_write_member_int(writer, "cacheWriteInputTokens", 0);
	json_write_object_end(writer);
}

static void write_metrics(struct json_writer *writer)
{
	json_write_key(writer, "metrics");
	json_write_raw(writer, TEXT("{\"latencyMs\":1}"));
}

/* --- whole -------------------------------------------------------------------------------- */

static void write_text_block(struct json_writer *writer, struct text text)
{
	if (text.len == 0)
		return;
	json_write_object(writer);
	json_write_member(writer, "text", text);
	json_write_object_end(writer);
}

static void write_thoughts(const struct sim_completion *completion, struct json_writer *writer)
{
	struct text thoughts = completion->choices[0].reasoning;

	if (thoughts.len == 0)
		return;
	json_write_object(writer);
	json_write_key(writer, "reasoningContent");
	json_write_object(writer);
	json_write_key(writer, "reasoningText");
	json_write_object(writer);
	json_write_member(writer, "text", thoughts);
	json_write_member(writer, "signature",
	                  sim_native_signature(completion->serving, SIM_BEDROCK_SIGNED, thoughts));
	json_write_object_end(writer);
	json_write_object_end(writer);
	json_write_object_end(writer);
}

/* Ids in the letters that Bedrock has. */
static struct text call_id(const struct sim_completion *completion, const struct sim_call *call)
{
	struct text id = call->id;
	size_t low = text_find_byte(id, '_', 0);

	return text_format(completion->serving->arena, "tooluse_%.*s",
	                   TEXT_ARG(text_slice(id, low == TEXT_NOT_FOUND ? 0 : low + 1, id.len)));
}

static void write_call(const struct sim_completion *completion, struct json_writer *writer,
                       const struct sim_call *call)
{
	const struct json *input = sim_native_arguments(completion->serving, call);

	json_write_object(writer);
	json_write_key(writer, "toolUse");
	json_write_object(writer);
	json_write_member(writer, "toolUseId", call_id(completion, call));
	json_write_member(writer, "name", call->name);
	json_write_key(writer, "input");
	if (sim_breaks(completion->serving, SIM_BEDROCK_EMPTY_INPUT))
		json_write_raw(writer, TEXT("{}"));
	else if (input != NULL)
		json_write_node(writer, input);
	else
		json_write_string(writer, call->arguments);
	json_write_object_end(writer);
	json_write_object_end(writer);
}

void sim_bedrock_render(const struct sim_completion *completion, struct json_writer *writer)
{
	const struct sim_choice *choice = &completion->choices[0];

	json_write_object(writer);
	json_write_key(writer, "output");
	json_write_object(writer);
	json_write_key(writer, "message");
	json_write_object(writer);
	json_write_member_c(writer, "role", "assistant");
	json_write_key(writer, "content");
	json_write_array(writer);
	write_thoughts(completion, writer);
	write_text_block(writer, choice->refusal);
	write_text_block(writer, choice->content);
	for (size_t i = 0; i < choice->call_count; i++)
		write_call(completion, writer, &choice->calls[i]);
	json_write_array_end(writer);
	json_write_object_end(writer);
	json_write_object_end(writer);
	json_write_member_c(writer, "stopReason", stop_of(choice));
	write_usage(completion, writer);
	write_metrics(writer);
	json_write_object_end(writer);
}

/* --- frames ------------------------------------------------------------------------------- */

struct text sim_bedrock_frame(struct arena *arena, const char *type, const char *name,
                              struct text payload)
{
	struct text_buf frame;

	text_buf_init(&frame, SIM_BODY_MAX_BYTES);
	event_stream_write(&frame, type, text_of(name), payload);
	struct text copy = text_copy(arena, text_buf_view(&frame));
	text_buf_done(&frame);
	return copy;
}

static void begin(struct sim_native_event *event, struct sim_stream *out)
{
	sim_native_event_begin(event, out, NULL, true);
}

static void end(struct sim_native_event *event, enum sim_chunk_kind kind, const char *name)
{
	struct sim_stream *out = event->stream;

	json_write_object_end(&event->json);
	sim_native_event_raw(out, out->count, kind,
	                     sim_bedrock_frame(out->completion.serving->arena, "event", name,
	                                       text_buf_view(&event->bytes)));
	text_buf_done(&event->bytes);
}

enum block_kind { BLOCK_THOUGHTS, BLOCK_TEXT, BLOCK_CALL };

static void write_delta(struct json_writer *json, enum block_kind kind, const char *member,
                        struct text piece)
{
	json_write_key(json, "delta");
	json_write_object(json);
	if (kind == BLOCK_TEXT) {
		json_write_member(json, "text", piece);
	} else {
		json_write_key(json, kind == BLOCK_CALL ? "toolUse" : "reasoningContent");
		json_write_object(json);
		json_write_member(json, member, piece);
		json_write_object_end(json);
	}
	json_write_object_end(json);
}

static void add_delta(struct sim_stream *out, size_t index, enum block_kind kind,
                      const char *member, struct text piece)
{
	static const enum sim_chunk_kind kinds[] = {[BLOCK_THOUGHTS] = CHUNK_REASONING,
	                                            [BLOCK_TEXT] = CHUNK_CONTENT,
	                                            [BLOCK_CALL] = CHUNK_ARGUMENTS};
	struct sim_native_event event;

	begin(&event, out);
	json_write_member_int(&event.json, "contentBlockIndex", (int64_t)index);
	write_delta(&event.json, kind, member, piece);
	end(&event, kinds[kind], "contentBlockDelta");
}

static void add_stop(struct sim_stream *out, size_t index)
{
	struct sim_native_event event;

	begin(&event, out);
	json_write_member_int(&event.json, "contentBlockIndex", (int64_t)index);
	end(&event, CHUNK_ROLE, "contentBlockStop");
}

static size_t add_block(struct sim_stream *out, size_t index, enum block_kind kind,
                        struct text text)
{
	const struct sim_serving *serving = out->completion.serving;

	if (text.len == 0)
		return index;
	for (size_t at = 0; at < text.len;) {
		struct text piece = sim_native_piece(text, at, false);
		at += piece.len;
		add_delta(out, index, kind, "text", piece);
	}
	if (kind == BLOCK_THOUGHTS)
		add_delta(out, index, kind, "signature",
		          sim_native_signature(serving, SIM_BEDROCK_SIGNED, text));
	add_stop(out, index);
	return index + 1;
}

static size_t add_call(const struct sim_completion *completion, struct sim_stream *out,
                       size_t index, const struct sim_call *call)
{
	struct sim_native_event event;

	begin(&event, out);
	json_write_member_int(&event.json, "contentBlockIndex", (int64_t)index);
	json_write_key(&event.json, "start");
	json_write_object(&event.json);
	json_write_key(&event.json, "toolUse");
	json_write_object(&event.json);
	json_write_member(&event.json, "toolUseId", call_id(completion, call));
	json_write_member(&event.json, "name", call->name);
	json_write_object_end(&event.json);
	json_write_object_end(&event.json);
	end(&event, CHUNK_CALL, "contentBlockStart");
	for (size_t at = 0; at < call->arguments.len && !text_is(call->arguments, "{}");) {
		struct text piece = sim_native_piece(call->arguments, at, true);
		at += piece.len;
		add_delta(out, index, BLOCK_CALL, "input", piece);
	}
	add_stop(out, index);
	return index + 1;
}

void sim_bedrock_stream(const struct sim_completion *completion, struct sim_stream *out)
{
	const struct sim_choice *choice = &completion->choices[0];
	struct sim_native_event event;
	size_t index = 0;

	begin(&event, out);
	json_write_member_c(&event.json, "role", "assistant");
	end(&event, CHUNK_ROLE, "messageStart");
	index = add_block(out, index, BLOCK_THOUGHTS, choice->reasoning);
	index = add_block(out, index, BLOCK_TEXT, choice->refusal);
	index = add_block(out, index, BLOCK_TEXT, choice->content);
	for (size_t i = 0; i < choice->call_count; i++)
		index = add_call(completion, out, index, &choice->calls[i]);
	begin(&event, out);
	json_write_member_c(&event.json, "stopReason", stop_of(choice));
	end(&event, CHUNK_FINISH, "messageStop");
	begin(&event, out);
	write_usage(completion, &event.json);
	write_metrics(&event.json);
	end(&event, CHUNK_RAW, "metadata");
}

/* --- errors ------------------------------------------------------------------------------- */

static const struct {
	int status, sent;
	const char *type;
} types[] = {
    {400, 400, "ValidationException"},         {401, 403, "UnrecognizedClientException"},
    {403, 403, "AccessDeniedException"},       {404, 404, "ResourceNotFoundException"},
    {408, 408, "ModelTimeoutException"},       {413, 413, "RequestEntityTooLargeException"},
    {429, 429, "ThrottlingException"},         {500, 500, "InternalServerException"},
    {503, 503, "ServiceUnavailableException"},
};

struct text sim_bedrock_error_type(const struct sim_error *error)
{
	/* What is refused at the door has its own already. */
	if (text_ends(error->type, TEXT("Exception")))
		return error->type;
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (types[i].status == error->status)
			return text_of(types[i].type);
	return error->status >= 500 ? TEXT("InternalServerException") : TEXT("ValidationException");
}

int sim_bedrock_error(const struct sim_serving *serving, const struct sim_error *error,
                      struct text_buf *out)
{
	struct json_writer writer;
	int sent = error->status;

	(void)serving;
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (types[i].status == error->status)
			sent = types[i].sent;
	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member(&writer, "message", error->message);
	json_write_object_end(&writer);
	return sent;
}
