/*
 * Replies as OpenAI's chat completions: chunks with deltas, or one object. (OpenAI API reference,
 * "The chat completion object" and "chunk object"; TRANSLATION.md A5, A7, A8.)
 */
#include "providers/client/reply_writer_private.h"

enum { CHUNK_MAX_BYTES = 1 << 28 }; /* every byte of the largest reply escaped */

/* --- pieces --- */

static void write_usage(struct json_writer *json, const struct chat_usage *usage)
{
	json_write_object(json);
	json_write_member_int(json, "prompt_tokens", int64_max(usage->input, 0));
	json_write_member_int(json, "completion_tokens", int64_max(usage->output, 0));
	json_write_member_int(json, "total_tokens",
	                      usage->total >= 0
	                          ? usage->total
	                          : int64_max(usage->input, 0) + int64_max(usage->output, 0));
	if (usage->cached_input >= 0 || usage->cache_write >= 0) {
		json_write_key(json, "prompt_tokens_details");
		json_write_object(json);
		if (usage->cached_input >= 0)
			json_write_member_int(json, "cached_tokens", usage->cached_input);
		if (usage->cache_write >= 0)
			json_write_member_int(json, "cache_write_tokens", usage->cache_write);
		json_write_object_end(json);
	}
	if (usage->cache_write_1h > 0 && usage->cache_write >= usage->cache_write_1h)
		writer_cache_creation(json, usage);
	if (usage->reasoning >= 0) {
		json_write_key(json, "completion_tokens_details");
		json_write_object(json);
		json_write_member_int(json, "reasoning_tokens", usage->reasoning);
		json_write_object_end(json);
	}
	json_write_object_end(json);
}

static void write_head(struct reply_writer *writer, const struct chat_reply *reply,
                       struct json_writer *json, const char *object)
{
	json_write_member(json, "id", writer_reply_id(writer, reply, "chatcmpl-"));
	json_write_member_c(json, "object", object);
	json_write_member_int(json, "created", writer->options.created_s);
	json_write_member(json, "model", writer_model(writer, reply));
	if (reply->system_fingerprint.len > 0)
		json_write_member(json, "system_fingerprint", reply->system_fingerprint);
}

/* What goes back unread with the history: under the names that others use for it. */
static void write_extra(struct json_writer *json, struct text extra)
{
	if (extra.data == NULL)
		return;
	json_write_key(json, "extra_content");
	json_write_raw(json, extra);
}

static void write_raw_list(struct json_writer *json, const char *key, const struct text *items,
                           size_t from, size_t count)
{
	if (from == count)
		return;
	json_write_key(json, key);
	json_write_array(json);
	for (size_t i = from; i < count; i++)
		json_write_raw(json, items[i]);
	json_write_array_end(json);
}

/* What OpenAI's format has no name for, under names of ours: signed thoughts, and all else. */
static void write_blocks(struct json_writer *json, const struct chat_choice *choice,
                         size_t thoughts, size_t parts)
{
	write_raw_list(json, "thinking_blocks", choice->thinking_blocks, thoughts,
	               choice->thinking_block_count);
	write_raw_list(json, "provider_parts", choice->parts, parts, choice->part_count);
}

static void write_logprobs(struct json_writer *json, const struct chat_choice *choice)
{
	json_write_key(json, "logprobs");
	if (choice->logprob_count == 0) {
		json_write_null(json);
		return;
	}
	json_write_object(json);
	write_raw_list(json, "content", choice->logprob_items, 0, choice->logprob_count);
	json_write_member_c(json, "refusal", NULL);
	json_write_object_end(json);
}

/*
 * Beside finish_reason: the provider's own word for it (OpenRouter's name), for several of theirs
 * are one of OpenAI's, and what it says more. A turn that is paused goes on when it is sent back.
 */
static void write_stop(struct json_writer *json, const struct chat_reply *reply)
{
	if (reply->stop.len > 0)
		json_write_member(json, "native_finish_reason", reply->stop);
	if (reply->stop_sequence.len > 0)
		json_write_member(json, "stop_sequence", reply->stop_sequence);
	if (text_is(reply->stop, "pause_turn"))
		json_write_member_bool(json, "incomplete", true);
}

static struct text finish_of(const struct chat_choice *choice)
{
	return choice->finish_reason.len > 0 ? choice->finish_reason : TEXT("stop");
}

/* --- streams --- */

/* One chunk on its way: opened up to the delta, closed behind it. */
struct chunk {
	struct reply_writer *writer;
	struct text_buf text;
	struct json_writer json;
};

static void open_chunk(struct chunk *chunk, struct reply_writer *writer,
                       const struct chat_reply *reply, int64_t index)
{
	chunk->writer = writer;
	text_buf_init(&chunk->text, CHUNK_MAX_BYTES);
	json_writer_init(&chunk->json, &chunk->text, false);
	json_write_object(&chunk->json);
	write_head(writer, reply, &chunk->json, "chat.completion.chunk");
	json_write_key(&chunk->json, "choices");
	json_write_array(&chunk->json);
	json_write_object(&chunk->json);
	json_write_member_int(&chunk->json, "index", index);
	json_write_key(&chunk->json, "delta");
	json_write_object(&chunk->json);
}

/* `ended`: the choice that ends with it; NULL: none does. */
static void close_chunk(struct chunk *chunk, const struct chat_reply *reply,
                        const struct chat_choice *ended)
{
	json_write_object_end(&chunk->json);
	if (ended != NULL && ended->logprob_count > 0)
		write_logprobs(&chunk->json, ended);
	json_write_key(&chunk->json, "finish_reason");
	if (ended == NULL)
		json_write_null(&chunk->json);
	else
		json_write_string(&chunk->json, finish_of(ended));
	if (ended != NULL)
		write_stop(&chunk->json, reply);
	json_write_object_end(&chunk->json);
	json_write_array_end(&chunk->json);
	json_write_object_end(&chunk->json);
	if (!chunk->text.overflow)
		writer_event(chunk->writer, NULL, text_buf_view(&chunk->text));
	text_buf_done(&chunk->text);
}

static void tell_text(struct reply_writer *writer, const struct chat_reply *reply, int64_t index,
                      const char *member, struct text piece)
{
	struct chunk chunk;

	if (piece.len == 0)
		return;
	open_chunk(&chunk, writer, reply, index);
	json_write_member(&chunk.json, member, piece);
	close_chunk(&chunk, reply, NULL);
}

static void tell_call(struct reply_writer *writer, const struct chat_reply *reply,
                      struct written_choice *written, const struct chat_tool_call *call, size_t at)
{
	struct written_call *done = written_call_of(writer, written, at);
	struct text arguments = written_rest(call->arguments, &done->arguments);
	struct chunk chunk;

	if (done->begun && arguments.len == 0)
		return;
	open_chunk(&chunk, writer, reply, written->index);
	json_write_key(&chunk.json, "tool_calls");
	json_write_array(&chunk.json);
	json_write_object(&chunk.json);
	json_write_member_int(&chunk.json, "index", (int64_t)at);
	if (!done->begun) {
		json_write_member(&chunk.json, "id",
		                  writer_call_id(writer, call, written->index, at));
		json_write_member_c(&chunk.json, "type", "function");
	}
	json_write_key(&chunk.json, "function");
	json_write_object(&chunk.json);
	if (!done->begun)
		json_write_member(&chunk.json, "name", call->name);
	json_write_member(&chunk.json, "arguments", arguments);
	json_write_object_end(&chunk.json);
	if (!done->begun)
		write_extra(&chunk.json, call->extra);
	json_write_object_end(&chunk.json);
	json_write_array_end(&chunk.json);
	close_chunk(&chunk, reply, NULL);
	done->begun = true;
}

/* Those that are new since the last time. */
static void tell_blocks(struct reply_writer *writer, const struct chat_reply *reply,
                        struct written_choice *written, const struct chat_choice *choice)
{
	struct chunk chunk;

	if (written->thinking_blocks == choice->thinking_block_count &&
	    written->parts == choice->part_count)
		return;
	open_chunk(&chunk, writer, reply, choice->index);
	write_blocks(&chunk.json, choice, written->thinking_blocks, written->parts);
	close_chunk(&chunk, reply, NULL);
	written->thinking_blocks = choice->thinking_block_count;
	written->parts = choice->part_count;
}

static void tell_role(struct reply_writer *writer, const struct chat_reply *reply,
                      struct written_choice *written)
{
	struct chunk chunk;

	if (written->begun)
		return;
	written->begun = true;
	open_chunk(&chunk, writer, reply, written->index);
	json_write_member_c(&chunk.json, "role", "assistant");
	json_write_member_c(&chunk.json, "content", "");
	close_chunk(&chunk, reply, NULL);
}

static void update(struct reply_writer *writer, const struct chat_reply *reply)
{
	for (size_t i = 0; i < reply->choice_count; i++) {
		const struct chat_choice *choice = &reply->choices[i];
		struct written_choice *written = written_choice_of(writer, choice->index);
		tell_role(writer, reply, written);
		tell_text(writer, reply, choice->index, "reasoning_content",
		          written_rest(choice->reasoning, &written->reasoning));
		tell_blocks(writer, reply, written, choice);
		tell_text(writer, reply, choice->index, "content",
		          written_rest(choice->content, &written->content));
		tell_text(writer, reply, choice->index, "refusal",
		          written_rest(choice->refusal, &written->refusal));
		for (size_t k = 0; k < choice->tool_call_count; k++)
			tell_call(writer, reply, written, &choice->tool_calls[k], k);
	}
}

static void tell_usage(struct reply_writer *writer, const struct chat_reply *reply)
{
	struct text_buf text;
	struct json_writer json;

	text_buf_init(&text, CHUNK_MAX_BYTES);
	json_writer_init(&json, &text, false);
	json_write_object(&json);
	write_head(writer, reply, &json, "chat.completion.chunk");
	json_write_key(&json, "choices");
	json_write_array(&json);
	json_write_array_end(&json);
	json_write_key(&json, "usage");
	write_usage(&json, &reply->usage);
	json_write_object_end(&json);
	writer_event(writer, NULL, text_buf_view(&text));
	text_buf_done(&text);
}

static void end(struct reply_writer *writer, const struct chat_reply *reply)
{
	struct chunk chunk;

	for (size_t i = 0; i < reply->choice_count; i++) {
		open_chunk(&chunk, writer, reply, reply->choices[i].index);
		write_extra(&chunk.json, reply->choices[i].extra);
		close_chunk(&chunk, reply, &reply->choices[i]);
	}
	if (writer->options.usage_asked && reply->usage.present)
		tell_usage(writer, reply);
	(void)text_buf_add_c(writer->out, "data: [DONE]\n\n");
}

/* --- whole bodies --- */

static void write_calls(struct reply_writer *writer, struct json_writer *json,
                        const struct chat_choice *choice)
{
	if (choice->tool_call_count == 0)
		return;
	json_write_key(json, "tool_calls");
	json_write_array(json);
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		const struct chat_tool_call *call = &choice->tool_calls[i];
		json_write_object(json);
		json_write_member(json, "id", writer_call_id(writer, call, choice->index, i));
		json_write_member_c(json, "type", "function");
		json_write_key(json, "function");
		json_write_object(json);
		json_write_member(json, "name", call->name);
		json_write_member(json, "arguments", call->arguments);
		json_write_object_end(json);
		write_extra(json, call->extra);
		json_write_object_end(json);
	}
	json_write_array_end(json);
}

static void write_choice(struct reply_writer *writer, struct json_writer *json,
                         const struct chat_reply *reply, const struct chat_choice *choice)
{
	/* Null says that there is no text; an empty one is what a reply without anything holds. */
	bool blocked = choice->content.data == NULL && text_is(finish_of(choice), "content_filter");
	bool none = choice->content.len == 0 &&
	            (choice->tool_call_count > 0 || choice->refusal.len > 0 || blocked);

	json_write_object(json);
	json_write_member_int(json, "index", choice->index);
	json_write_key(json, "message");
	json_write_object(json);
	json_write_member_c(json, "role", "assistant");
	json_write_key(json, "content");
	if (none)
		json_write_null(json);
	else
		json_write_string(json, choice->content);
	if (choice->reasoning.len > 0)
		json_write_member(json, "reasoning_content", choice->reasoning);
	json_write_key(json, "refusal");
	if (choice->refusal.len > 0)
		json_write_string(json, choice->refusal);
	else
		json_write_null(json);
	write_calls(writer, json, choice);
	write_blocks(json, choice, 0, 0);
	write_extra(json, choice->extra);
	json_write_object_end(json);
	write_logprobs(json, choice);
	json_write_member(json, "finish_reason", finish_of(choice));
	write_stop(json, reply);
	json_write_object_end(json);
}

static void body(struct reply_writer *writer, const struct chat_reply *reply)
{
	struct json_writer json;

	json_writer_init(&json, writer->out, false);
	json_write_object(&json);
	write_head(writer, reply, &json, "chat.completion");
	json_write_key(&json, "choices");
	json_write_array(&json);
	for (size_t i = 0; i < reply->choice_count; i++)
		write_choice(writer, &json, reply, &reply->choices[i]);
	json_write_array_end(&json);
	if (reply->usage.present) {
		json_write_key(&json, "usage");
		write_usage(&json, &reply->usage);
	}
	json_write_object_end(&json);
}

/* --- errors --- */

static void error_body(const struct chat_error *error, int status, struct text_buf *out)
{
	struct json_writer json;

	json_writer_init(&json, out, false);
	json_write_object(&json);
	json_write_key(&json, "error");
	json_write_object(&json);
	json_write_member(&json, "message", error->message);
	json_write_member_c(&json, "type", openai_error_type(status, error));
	json_write_key(&json, "param");
	if (error->param.data == NULL)
		json_write_null(&json);
	else
		json_write_string(&json, error->param);
	struct text code = openai_error_code(status, error);
	json_write_key(&json, "code");
	if (code.data == NULL)
		json_write_null(&json);
	else
		json_write_string(&json, code);
	json_write_object_end(&json);
	json_write_object_end(&json);
}

static void error(struct reply_writer *writer, const struct chat_error *said)
{
	(void)text_buf_add_c(writer->out, "data: ");
	error_body(said, 0, writer->out);
	(void)text_buf_add_c(writer->out, "\n\n");
}

const struct reply_format reply_format_chat = {
    .stream_type = "text/event-stream",
    .update = update,
    .end = end,
    .body = body,
    .error = error,
    .error_body = error_body,
};
