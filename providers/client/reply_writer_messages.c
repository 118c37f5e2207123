/*
 * Replies as Anthropic's messages: events with blocks, or one message. (Anthropic API reference,
 * "Streaming messages"; TRANSLATION.md A5 to A9, the other way round.)
 *
 * Of a stream one block is open at a time. The first call is written as it comes; further ones
 * when all is there, for what OpenAI's streams interleave, blocks can't.
 */
#include "providers/client/reply_writer_private.h"
#include "providers/reply/reply_state.h"

enum { MESSAGE_MAX_BYTES = 1 << 28 };

enum block {
	BLOCK_NONE,
	BLOCK_THINKING,
	BLOCK_TEXT,
	BLOCK_CALL,
};

/* --- pieces --- */

static const char *stop_reason_of(const struct chat_reply *reply, const struct chat_choice *choice)
{
	struct text finish = choice->finish_reason;

	if (choice->tool_call_count > 0 && !text_is(finish, "length"))
		return "tool_use";
	if (text_is(finish, "length"))
		return "max_tokens";
	if (text_is(finish, "content_filter"))
		return "refusal";
	return reply->stop_sequence.len > 0 ? "stop_sequence" : "end_turn";
}

static void write_stop(struct json_writer *json, const struct chat_reply *reply,
                       const struct chat_choice *choice)
{
	json_write_member_c(json, "stop_reason", stop_reason_of(reply, choice));
	json_write_key(json, "stop_sequence");
	if (reply->stop_sequence.len > 0)
		json_write_string(json, reply->stop_sequence);
	else
		json_write_null(json);
}

/* Their input is without what the cache gave or took. */
static void write_usage(struct json_writer *json, const struct chat_usage *usage)
{
	int64_t cached = int64_max(usage->cached_input, 0);
	int64_t written = int64_max(usage->cache_write, 0);

	int64_t input = int64_max(usage->input, 0);
	/* Some count what the cache gave beside the prompt. */
	int64_t fresh = cached + written <= input ? input - cached - written : input;

	json_write_object(json);
	json_write_member_int(json, "input_tokens", fresh);
	json_write_member_int(json, "cache_creation_input_tokens", written);
	json_write_member_int(json, "cache_read_input_tokens", cached);
	json_write_member_int(json, "output_tokens", int64_max(usage->output, 0));
	if (usage->cache_write_1h > 0 && usage->cache_write >= usage->cache_write_1h)
		writer_cache_creation(json, usage);
	json_write_object_end(json);
}

static void write_head(struct reply_writer *writer, const struct chat_reply *reply,
                       struct json_writer *json)
{
	json_write_member(json, "id", writer_reply_id(writer, reply, "msg_"));
	json_write_member_c(json, "type", "message");
	json_write_member_c(json, "role", "assistant");
	json_write_member(json, "model", writer_model(writer, reply));
}

/* What a reply that asks for no tool says instead of text. */
static struct text said_by(const struct chat_choice *choice)
{
	return choice->content.len == 0 ? choice->refusal : choice->content;
}

/*
 * What goes with the calls and has no place in a block (Gemini's signatures of them), as thoughts
 * that nobody can read: clients give these back with the calls. Data NULL: there is nothing.
 */
static struct text state_of(struct reply_writer *writer, const struct chat_choice *choice)
{
	size_t count = choice->tool_call_count;
	struct text *ids = ARENA_NEW_ARRAY(&writer->scratch, struct text, count + 1);
	struct chat_choice extras = *choice;
	bool any = false;

	extras.thinking_block_count = 0; /* they have blocks of their own */
	for (size_t i = 0; i < count; i++) {
		any |= choice->tool_calls[i].extra.data != NULL;
		ids[i] = writer_call_id(writer, &choice->tool_calls[i], choice->index, i);
	}
	return any ? reply_state_pack(&extras, ids, &writer->scratch) : (struct text){NULL, 0};
}

static size_t count_extras(const struct chat_choice *choice)
{
	size_t count = 0;

	for (size_t i = 0; i < choice->tool_call_count; i++)
		count += choice->tool_calls[i].extra.data != NULL;
	return count;
}

/* --- streams --- */

struct event {
	struct text_buf text;
	struct json_writer json;
};

static void open_event(struct event *event, const char *type)
{
	text_buf_init(&event->text, MESSAGE_MAX_BYTES);
	json_writer_init(&event->json, &event->text, false);
	json_write_object(&event->json);
	json_write_member_c(&event->json, "type", type);
}

static void close_event(struct reply_writer *writer, struct event *event, const char *type)
{
	json_write_object_end(&event->json);
	if (!event->text.overflow)
		writer_event(writer, type, text_buf_view(&event->text));
	text_buf_done(&event->text);
}

static void tell_start(struct reply_writer *writer, const struct chat_reply *reply)
{
	struct event event;

	if (writer->begun)
		return;
	writer->begun = true;
	open_event(&event, "message_start");
	json_write_key(&event.json, "message");
	json_write_object(&event.json);
	write_head(writer, reply, &event.json);
	json_write_key(&event.json, "content");
	json_write_array(&event.json);
	json_write_array_end(&event.json);
	json_write_member_c(&event.json, "stop_reason", NULL);
	json_write_member_c(&event.json, "stop_sequence", NULL);
	json_write_key(&event.json, "usage");
	write_usage(&event.json, &reply->usage);
	json_write_object_end(&event.json);
	close_event(writer, &event, "message_start");
}

static void tell_delta(struct reply_writer *writer, const struct written_choice *written,
                       const char *type, const char *member, struct text piece)
{
	struct event event;

	open_event(&event, "content_block_delta");
	json_write_member_int(&event.json, "index", written->blocks - 1);
	json_write_key(&event.json, "delta");
	json_write_object(&event.json);
	json_write_member_c(&event.json, "type", type);
	json_write_member(&event.json, member, piece);
	json_write_object_end(&event.json);
	close_event(writer, &event, "content_block_delta");
}

static void close_block(struct reply_writer *writer, struct written_choice *written)
{
	struct event event;

	if (written->block == BLOCK_NONE)
		return;
	if (written->block_is_unsigned)
		tell_delta(writer, written, "signature_delta", "signature", reply_state_unsigned);
	written->block_is_unsigned = false;
	open_event(&event, "content_block_stop");
	json_write_member_int(&event.json, "index", written->blocks - 1);
	close_event(writer, &event, "content_block_stop");
	written->block = BLOCK_NONE;
}

/* The block's beginning, up to where its own members go. */
static void begin_block(struct reply_writer *writer, struct written_choice *written,
                        enum block block, struct event *event)
{
	close_block(writer, written);
	written->block = (int)block;
	open_event(event, "content_block_start");
	json_write_member_int(&event->json, "index", written->blocks++);
	json_write_key(&event->json, "content_block");
	json_write_object(&event->json);
}

static void end_block_start(struct reply_writer *writer, struct event *event)
{
	json_write_object_end(&event->json);
	close_event(writer, event, "content_block_start");
}

static void tell_text(struct reply_writer *writer, struct written_choice *written, enum block block,
                      struct text piece)
{
	bool thinking = block == BLOCK_THINKING;
	struct event event;

	if (piece.len == 0)
		return;
	if (written->block != (int)block) {
		begin_block(writer, written, block, &event);
		json_write_member_c(&event.json, "type", thinking ? "thinking" : "text");
		json_write_member_c(&event.json, thinking ? "thinking" : "text", "");
		if (thinking)
			json_write_member_c(&event.json, "signature", "");
		end_block_start(writer, &event);
		written->block_is_unsigned = thinking;
	}
	tell_delta(writer, written, thinking ? "thinking_delta" : "text_delta",
	           thinking ? "thinking" : "text", piece);
}

static void tell_unread(struct reply_writer *writer, struct written_choice *written,
                        struct text data)
{
	struct event event;

	begin_block(writer, written, BLOCK_THINKING, &event);
	json_write_member_c(&event.json, "type", "redacted_thinking");
	json_write_member(&event.json, "data", data);
	end_block_start(writer, &event);
	close_block(writer, written);
}

/* Before the calls; once more, with all, where a later one has a signature, too. */
static void tell_state(struct reply_writer *writer, struct written_choice *written,
                       const struct chat_choice *choice)
{
	size_t extras = count_extras(choice);

	if (extras == written->extras)
		return;
	written->extras = extras;
	tell_unread(writer, written, state_of(writer, choice));
}

/* What signs the thoughts that were told, or a block that nobody can read. */
static void tell_signed(struct reply_writer *writer, struct written_choice *written,
                        struct text block)
{
	struct fault unread;
	struct json *root;

	if (!json_read_text(block, "thinking block", &writer->scratch, &root, &unread))
		return;
	if (text_is(json_string(root, "type"), "redacted_thinking")) {
		tell_unread(writer, written, json_string(root, "data"));
	} else if (written->block == BLOCK_THINKING) {
		written->block_is_unsigned = false;
		tell_delta(writer, written, "signature_delta", "signature",
		           json_string(root, "signature"));
	}
	close_block(writer, written);
}

static void tell_call(struct reply_writer *writer, struct written_choice *written,
                      const struct chat_tool_call *call, size_t at)
{
	struct written_call *done = written_call_of(writer, written, at);
	struct text piece = written_rest(call->arguments, &done->arguments);
	struct event event;

	if (!done->begun) {
		done->begun = true;
		begin_block(writer, written, BLOCK_CALL, &event);
		json_write_member_c(&event.json, "type", "tool_use");
		json_write_member(&event.json, "id",
		                  writer_call_id(writer, call, written->index, at));
		json_write_member(&event.json, "name", call->name);
		json_write_key(&event.json, "input");
		json_write_object(&event.json);
		json_write_object_end(&event.json);
		end_block_start(writer, &event);
		written->block_call = (int64_t)at;
	}
	if (piece.len > 0)
		tell_delta(writer, written, "input_json_delta", "partial_json", piece);
}

/* A message is one answer: of several choices the first. */
static void update(struct reply_writer *writer, const struct chat_reply *reply)
{
	const struct chat_choice *choice = &reply->choices[0];
	struct written_choice *written = written_choice_of(writer, choice->index);

	tell_start(writer, reply);
	/* What comes behind a call waits for the end, as further calls do. */
	if (written->block != BLOCK_CALL)
		tell_text(writer, written, BLOCK_THINKING,
		          written_rest(choice->reasoning, &written->reasoning));
	while (written->thinking_blocks < choice->thinking_block_count)
		tell_signed(writer, written, choice->thinking_blocks[written->thinking_blocks++]);
	if (written->block != BLOCK_CALL)
		tell_text(writer, written, BLOCK_TEXT,
		          written_rest(said_by(choice), &written->content));
	if (choice->tool_call_count > 0 && choice->tool_calls[0].name.len > 0) {
		if (written->block != BLOCK_CALL)
			tell_state(writer, written, choice);
		tell_call(writer, written, &choice->tool_calls[0], 0);
	}
}

static void end(struct reply_writer *writer, const struct chat_reply *reply)
{
	const struct chat_choice *choice = &reply->choices[0];
	struct written_choice *written = written_choice_of(writer, choice->index);
	struct event event;

	for (size_t i = 0; i < choice->tool_call_count; i++) {
		/* What is left of the first one goes into its block. */
		if (i > 0 || written->block != BLOCK_CALL)
			tell_state(writer, written, choice);
		tell_call(writer, written, &choice->tool_calls[i], i);
	}
	tell_state(writer, written, choice);
	tell_text(writer, written, BLOCK_THINKING,
	          written_rest(choice->reasoning, &written->reasoning));
	tell_text(writer, written, BLOCK_TEXT, written_rest(said_by(choice), &written->content));
	close_block(writer, written);
	open_event(&event, "message_delta");
	json_write_key(&event.json, "delta");
	json_write_object(&event.json);
	write_stop(&event.json, reply, choice);
	json_write_object_end(&event.json);
	json_write_key(&event.json, "usage");
	write_usage(&event.json, &reply->usage);
	close_event(writer, &event, "message_delta");
	open_event(&event, "message_stop");
	close_event(writer, &event, "message_stop");
}

/* --- whole bodies --- */

static void write_text_block(struct json_writer *json, const char *type, struct text text)
{
	if (text.len == 0)
		return;
	json_write_object(json);
	json_write_member_c(json, "type", type);
	json_write_member(json, type, text);
	if (*type == 't' && type[1] == 'h')
		json_write_member(json, "signature", reply_state_unsigned);
	json_write_object_end(json);
}

/* Arguments that are no object (cut, or wrong) are kept as the text that came. */
static void write_input(struct reply_writer *writer, struct json_writer *json,
                        struct text arguments)
{
	struct fault unread;
	struct json *root;

	if (text_trim(arguments).len == 0)
		arguments = TEXT("{}");
	if (json_read_text(arguments, "arguments", &writer->scratch, &root, &unread) &&
	    json_is(root, JSON_OBJECT)) {
		json_write_node(json, root);
		return;
	}
	json_write_object(json);
	json_write_member(json, "unreadable_arguments", arguments);
	json_write_object_end(json);
}

static void body(struct reply_writer *writer, const struct chat_reply *reply)
{
	static const struct chat_choice none = {.finish_reason = TEXT_INIT("stop")};
	const struct chat_choice *choice = reply->choice_count > 0 ? &reply->choices[0] : &none;
	struct json_writer json;

	json_writer_init(&json, writer->out, false);
	json_write_object(&json);
	write_head(writer, reply, &json);
	json_write_key(&json, "content");
	json_write_array(&json);
	for (size_t i = 0; i < choice->thinking_block_count; i++)
		json_write_raw(&json, choice->thinking_blocks[i]);
	if (choice->thinking_block_count == 0)
		write_text_block(&json, "thinking", choice->reasoning);
	struct text state = state_of(writer, choice);
	if (state.data != NULL) {
		json_write_object(&json);
		json_write_member_c(&json, "type", "redacted_thinking");
		json_write_member(&json, "data", state);
		json_write_object_end(&json);
	}
	write_text_block(&json, "text", said_by(choice));
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		const struct chat_tool_call *call = &choice->tool_calls[i];
		json_write_object(&json);
		json_write_member_c(&json, "type", "tool_use");
		json_write_member(&json, "id", writer_call_id(writer, call, choice->index, i));
		json_write_member(&json, "name", call->name);
		json_write_key(&json, "input");
		write_input(writer, &json, call->arguments);
		json_write_object_end(&json);
	}
	json_write_array_end(&json);
	write_stop(&json, reply, choice);
	json_write_key(&json, "usage");
	write_usage(&json, &reply->usage);
	json_write_object_end(&json);
}

/* --- errors --- */

static const char *error_type(int status, const struct chat_error *error)
{
	static const struct {
		int status;
		const char *type;
	} types[] = {
	    {400, "invalid_request_error"}, {401, "authentication_error"},
	    {402, "billing_error"},         {403, "permission_error"},
	    {404, "not_found_error"},       {413, "request_too_large"},
	    {422, "invalid_request_error"}, {429, "rate_limit_error"},
	    {503, "overloaded_error"},      {504, "timeout_error"},
	    {529, "overloaded_error"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (types[i].status == status)
			return types[i].type;
	/* Within a stream there is no status: the word that the provider gave, where it is known.
	 */
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (text_is(error->type, types[i].type))
			return types[i].type;
	return status >= 400 && status < 500 ? "invalid_request_error" : "api_error";
}

static void error_body(const struct chat_error *error, int status, struct text_buf *out)
{
	struct json_writer json;

	json_writer_init(&json, out, false);
	json_write_object(&json);
	json_write_member_c(&json, "type", "error");
	json_write_key(&json, "error");
	json_write_object(&json);
	json_write_member_c(&json, "type", error_type(status, error));
	json_write_member(&json, "message", error->message);
	json_write_object_end(&json);
	json_write_object_end(&json);
}

static void error(struct reply_writer *writer, const struct chat_error *said)
{
	struct text_buf text;

	text_buf_init(&text, MESSAGE_MAX_BYTES);
	error_body(said, 0, &text);
	writer_event(writer, "error", text_buf_view(&text));
	text_buf_done(&text);
}

const struct reply_format reply_format_messages = {
    .stream_type = "text/event-stream",
    .update = update,
    .end = end,
    .body = body,
    .error = error,
    .error_body = error_body,
};
