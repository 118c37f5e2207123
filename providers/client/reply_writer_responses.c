/*
 * Replies as OpenAI's responses: numbered events about items and their parts, or one object.
 * (OpenAI API reference, "The response object" and "Streaming events".)
 *
 * Of a stream one item is open at a time, as with Anthropic's blocks: the first call is written as
 * it comes, further ones when all is there.
 */
#include "providers/client/reply_writer_private.h"
#include "providers/reply/reply_state.h"

enum { RESPONSE_MAX_BYTES = 1 << 28 };

enum item {
	ITEM_NONE,
	ITEM_REASONING,
	ITEM_MESSAGE,
	ITEM_CALL,
};

/* --- the object --- */

static struct text id_of(struct reply_writer *writer, const struct chat_reply *reply,
                         const char *prefix, int64_t at)
{
	return text_format(&writer->arena, "%s_%.*s_%lld", prefix,
	                   TEXT_ARG(writer_reply_id(writer, reply, "resp_")), (long long)at);
}

static const char *status_of(const struct chat_choice *choice)
{
	return text_is(choice->finish_reason, "length") ||
	               text_is(choice->finish_reason, "content_filter")
	           ? "incomplete"
	           : "completed";
}

static void write_usage(struct json_writer *json, const struct chat_usage *usage)
{
	int64_t input = int64_max(usage->input, 0);
	int64_t output = int64_max(usage->output, 0);

	json_write_key(json, "usage");
	if (!usage->present) {
		json_write_null(json);
		return;
	}
	json_write_object(json);
	json_write_member_int(json, "input_tokens", input);
	json_write_key(json, "input_tokens_details");
	json_write_object(json);
	json_write_member_int(json, "cached_tokens", int64_max(usage->cached_input, 0));
	json_write_object_end(json);
	json_write_member_int(json, "output_tokens", output);
	json_write_key(json, "output_tokens_details");
	json_write_object(json);
	json_write_member_int(json, "reasoning_tokens", int64_max(usage->reasoning, 0));
	json_write_object_end(json);
	json_write_member_int(json, "total_tokens",
	                      usage->total >= 0 ? usage->total : input + output);
	json_write_object_end(json);
}

static void write_incomplete(struct json_writer *json, const struct chat_choice *choice)
{
	json_write_key(json, "incomplete_details");
	if (choice == NULL || *status_of(choice) != 'i') {
		json_write_null(json);
		return;
	}
	json_write_object(json);
	json_write_member_c(json, "reason",
	                    text_is(choice->finish_reason, "length") ? "max_output_tokens"
	                                                             : "content_filter");
	json_write_object_end(json);
}

static void write_text_item(struct reply_writer *writer, const struct chat_reply *reply,
                            struct json_writer *json, int64_t at, struct text text,
                            const char *status)
{
	json_write_object(json);
	json_write_member(json, "id", id_of(writer, reply, "msg", at));
	json_write_member_c(json, "type", "message");
	json_write_member_c(json, "status", status);
	json_write_member_c(json, "role", "assistant");
	json_write_key(json, "content");
	json_write_array(json);
	if (text.data != NULL) {
		json_write_object(json);
		json_write_member_c(json, "type", "output_text");
		json_write_member(json, "text", text);
		json_write_key(json, "annotations");
		json_write_array(json);
		json_write_array_end(json);
		json_write_object_end(json);
	}
	json_write_array_end(json);
	json_write_object_end(json);
}

/* What must come back with the conversation; data NULL: nothing. */
static struct text state_of(struct reply_writer *writer, const struct chat_choice *choice)
{
	size_t count = choice->tool_call_count;
	struct text *ids = ARENA_NEW_ARRAY(&writer->scratch, struct text, count + 1);

	for (size_t i = 0; i < count; i++)
		ids[i] = writer_call_id(writer, &choice->tool_calls[i], choice->index, i);
	return reply_state_pack(choice, ids, &writer->scratch);
}

/* What goes with the thoughts or the calls: a text's own signature may be lost. */
static bool is_signed(const struct chat_choice *choice)
{
	bool found = choice->thinking_block_count > 0;

	for (size_t i = 0; i < choice->tool_call_count; i++)
		found |= choice->tool_calls[i].extra.data != NULL;
	return found;
}

/* `state` data NULL: it is not there, or not yet. */
static void write_reasoning_item(struct reply_writer *writer, const struct chat_reply *reply,
                                 struct json_writer *json, int64_t at, struct text text,
                                 struct text state)
{
	json_write_object(json);
	json_write_member(json, "id", id_of(writer, reply, "rs", at));
	json_write_member_c(json, "type", "reasoning");
	json_write_key(json, "summary");
	json_write_array(json);
	if (text.len > 0) {
		json_write_object(json);
		json_write_member_c(json, "type", "summary_text");
		json_write_member(json, "text", text);
		json_write_object_end(json);
	}
	json_write_array_end(json);
	if (state.data != NULL)
		json_write_member(json, "encrypted_content", state);
	json_write_object_end(json);
}

static void write_call_item(struct reply_writer *writer, const struct chat_reply *reply,
                            struct json_writer *json, int64_t at, const struct chat_tool_call *call,
                            struct text call_id, bool done)
{
	json_write_object(json);
	json_write_member(json, "id", id_of(writer, reply, "fc", at));
	json_write_member_c(json, "type", "function_call");
	json_write_member_c(json, "status", done ? "completed" : "in_progress");
	json_write_member(json, "call_id", call_id);
	json_write_member(json, "name", call->name);
	json_write_member(json, "arguments", done ? call->arguments : TEXT(""));
	json_write_object_end(json);
}

static struct text said_by(const struct chat_choice *choice)
{
	return choice->content.len == 0 ? choice->refusal : choice->content;
}

static void write_item(struct reply_writer *writer, const struct chat_reply *reply,
                       struct json_writer *json, int64_t at, const struct written_item *item)
{
	const struct chat_choice *choice = &reply->choices[0];

	if (item->kind == ITEM_REASONING) {
		write_reasoning_item(writer, reply, json, at,
		                     text_slice(choice->reasoning, item->from, item->to),
		                     state_of(writer, choice));
	} else if (item->kind == ITEM_CALL) {
		const struct chat_tool_call *call = &choice->tool_calls[item->call];
		write_call_item(writer, reply, json, at, call,
		                writer_call_id(writer, call, choice->index, (size_t)item->call),
		                true);
	} else {
		struct text said = said_by(choice);
		write_text_item(writer, reply, json, at,
		                said.data == NULL ? TEXT("")
		                                  : text_slice(said, item->from, item->to),
		                "completed");
	}
}

/* Of a stream the items as they were told; else thoughts, words and calls. */
static void write_output(struct reply_writer *writer, const struct chat_reply *reply,
                         struct json_writer *json, const struct chat_choice *choice)
{
	const struct written_choice *told =
	    choice != NULL && writer->choice_count > 0 ? &writer->choices[0] : NULL;
	struct written_item item = {.to = SIZE_MAX};
	int64_t at = 0;

	json_write_key(json, "output");
	json_write_array(json);
	for (; told != NULL && at < told->blocks; at++)
		write_item(writer, reply, json, at, &told->items[at]);
	if (told == NULL && choice != NULL) {
		item.kind = ITEM_REASONING;
		if (choice->reasoning.len > 0 || is_signed(choice))
			write_item(writer, reply, json, at++, &item);
		item.kind = ITEM_MESSAGE;
		if (said_by(choice).len > 0 || choice->tool_call_count == 0)
			write_item(writer, reply, json, at++, &item);
		item.kind = ITEM_CALL;
		for (; item.call < (int64_t)choice->tool_call_count; item.call++)
			write_item(writer, reply, json, at++, &item);
	}
	json_write_array_end(json);
}

/* choice NULL: nothing is known of the answer yet. */
static void write_response(struct reply_writer *writer, const struct chat_reply *reply,
                           struct json_writer *json, const struct chat_choice *choice,
                           const char *status, const struct chat_error *failed)
{
	static const char *const unknown[] = {"instructions", "max_output_tokens",
	                                      "previous_response_id", "temperature", "top_p"};

	json_write_object(json);
	json_write_member(json, "id", writer_reply_id(writer, reply, "resp_"));
	json_write_member_c(json, "object", "response");
	json_write_member_int(json, "created_at", writer->options.created_s);
	json_write_member_c(json, "status", status);
	json_write_key(json, "error");
	if (failed == NULL) {
		json_write_null(json);
	} else {
		json_write_object(json);
		json_write_member_c(json, "code", "server_error");
		json_write_member(json, "message", failed->message);
		json_write_object_end(json);
	}
	write_incomplete(json, choice);
	json_write_member(json, "model", reply->model_count > 0 ? reply->models[0] : TEXT(""));
	write_output(writer, reply, json, choice);
	for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++)
		json_write_member_c(json, unknown[i], NULL);
	json_write_member_bool(json, "parallel_tool_calls", true);
	json_write_member_c(json, "tool_choice", "auto");
	json_write_key(json, "tools");
	json_write_array(json);
	json_write_array_end(json);
	json_write_key(json, "metadata");
	json_write_object(json);
	json_write_object_end(json);
	json_write_member_bool(json, "store", false);
	if (choice != NULL)
		write_usage(json, &reply->usage);
	else
		json_write_member_c(json, "usage", NULL);
	json_write_object_end(json);
}

/* --- streams --- */

struct event {
	struct reply_writer *writer;
	const char *type;
	struct text_buf text;
	struct json_writer json;
};

static void open_event(struct event *event, struct reply_writer *writer, const char *type)
{
	event->writer = writer;
	event->type = type;
	text_buf_init(&event->text, RESPONSE_MAX_BYTES);
	json_writer_init(&event->json, &event->text, false);
	json_write_object(&event->json);
	json_write_member_c(&event->json, "type", type);
	json_write_member_int(&event->json, "sequence_number", writer->sequence++);
}

static void close_event(struct event *event)
{
	json_write_object_end(&event->json);
	if (!event->text.overflow)
		writer_event(event->writer, event->type, text_buf_view(&event->text));
	text_buf_done(&event->text);
}

static void tell_response(struct reply_writer *writer, const struct chat_reply *reply,
                          const char *type, const char *status, const struct chat_choice *choice)
{
	struct event event;

	open_event(&event, writer, type);
	json_write_key(&event.json, "response");
	write_response(writer, reply, &event.json, choice, status, NULL);
	close_event(&event);
}

static void tell_start(struct reply_writer *writer, const struct chat_reply *reply)
{
	if (writer->begun)
		return;
	writer->begun = true;
	tell_response(writer, reply, "response.created", "in_progress", NULL);
	tell_response(writer, reply, "response.in_progress", "in_progress", NULL);
}

/* Where in the response the open item is. */
static void write_place(struct event *event, const struct chat_reply *reply,
                        const struct written_choice *written, const char *prefix, const char *part)
{
	int64_t at = written->blocks - 1;

	json_write_member(&event->json, "item_id", id_of(event->writer, reply, prefix, at));
	json_write_member_int(&event->json, "output_index", at);
	if (part != NULL)
		json_write_member_int(&event->json, part, 0);
}

static const char *part_index(int item)
{
	return item == ITEM_REASONING ? "summary_index" : "content_index";
}

static const char *item_prefix(int item)
{
	return item == ITEM_REASONING ? "rs" : item == ITEM_MESSAGE ? "msg" : "fc";
}

/* The item as it begins, or as it is once all of `text` came. */
static void tell_item(struct reply_writer *writer, const struct chat_reply *reply,
                      const struct written_choice *written, bool done, struct text text)
{
	const struct chat_choice *choice = &reply->choices[0];
	int64_t at = written->blocks - 1;
	struct event event;

	open_event(&event, writer,
	           done ? "response.output_item.done" : "response.output_item.added");
	json_write_member_int(&event.json, "output_index", at);
	json_write_key(&event.json, "item");
	if (written->block == ITEM_CALL) {
		size_t call = (size_t)written->block_call;
		write_call_item(
		    writer, reply, &event.json, at, &choice->tool_calls[call],
		    writer_call_id(writer, &choice->tool_calls[call], choice->index, call), done);
	} else if (written->block == ITEM_REASONING) {
		struct text state = {NULL, 0};
		if (done)
			state = state_of(writer, choice);
		write_reasoning_item(writer, reply, &event.json, at, text, state);
	} else {
		write_text_item(writer, reply, &event.json, at, text,
		                done ? "completed" : "in_progress");
	}
	close_event(&event);
}

static void tell_part(struct reply_writer *writer, const struct chat_reply *reply,
                      const struct written_choice *written, bool done, struct text text)
{
	bool reasoning = written->block == ITEM_REASONING;
	struct event event;

	open_event(&event, writer,
	           reasoning
	               ? (done ? "response.reasoning_summary_part.done"
	                       : "response.reasoning_summary_part.added")
	               : (done ? "response.content_part.done" : "response.content_part.added"));
	write_place(&event, reply, written, item_prefix(written->block),
	            part_index(written->block));
	json_write_key(&event.json, "part");
	json_write_object(&event.json);
	json_write_member_c(&event.json, "type", reasoning ? "summary_text" : "output_text");
	json_write_member(&event.json, "text", text);
	if (!reasoning) {
		json_write_key(&event.json, "annotations");
		json_write_array(&event.json);
		json_write_array_end(&event.json);
	}
	json_write_object_end(&event.json);
	close_event(&event);
}

static struct written_item *open_item_of(const struct written_choice *written)
{
	return &written->items[written->blocks - 1];
}

/* What the open item holds, all of it. */
static struct text whole_of(const struct chat_reply *reply, const struct written_choice *written)
{
	const struct chat_choice *choice = &reply->choices[0];
	const struct written_item *item = open_item_of(written);

	if (item->kind == ITEM_CALL)
		return choice->tool_calls[item->call].arguments;
	return text_slice(item->kind == ITEM_REASONING ? choice->reasoning : said_by(choice),
	                  item->from, item->to);
}

static void tell_piece(struct reply_writer *writer, const struct chat_reply *reply,
                       const struct written_choice *written, bool done, struct text piece)
{
	static const char *const types[][2] = {
	    [ITEM_REASONING] = {"response.reasoning_summary_text.delta",
	                        "response.reasoning_summary_text.done"},
	    [ITEM_MESSAGE] = {"response.output_text.delta", "response.output_text.done"},
	    [ITEM_CALL] = {"response.function_call_arguments.delta",
	                   "response.function_call_arguments.done"},
	};
	bool call = written->block == ITEM_CALL;
	struct event event;

	open_event(&event, writer, types[written->block][done]);
	write_place(&event, reply, written, item_prefix(written->block),
	            call ? NULL : part_index(written->block));
	json_write_member(&event.json, !done ? "delta" : call ? "arguments" : "text", piece);
	if (written->block == ITEM_MESSAGE) {
		json_write_key(&event.json, "logprobs");
		json_write_array(&event.json);
		json_write_array_end(&event.json);
	}
	close_event(&event);
}

static void close_item(struct reply_writer *writer, const struct chat_reply *reply,
                       struct written_choice *written)
{
	if (written->block == ITEM_NONE)
		return;
	open_item_of(written)->to =
	    written->block == ITEM_REASONING ? written->reasoning : written->content;
	struct text whole = whole_of(reply, written);
	if (whole.data == NULL)
		whole = TEXT("");
	tell_piece(writer, reply, written, true, whole);
	if (written->block != ITEM_CALL)
		tell_part(writer, reply, written, true, whole);
	tell_item(writer, reply, written, true, whole);
	written->block = ITEM_NONE;
}

/* `from`: where in its text it begins. */
static void open_item(struct reply_writer *writer, const struct chat_reply *reply,
                      struct written_choice *written, enum item item, int64_t call, size_t from)
{
	close_item(writer, reply, written);
	if ((size_t)written->blocks == written->item_room) {
		size_t room = written->item_room == 0 ? 8 : written->item_room * 2;
		struct written_item *grown =
		    ARENA_NEW_ARRAY(&writer->arena, struct written_item, room);
		if (written->blocks > 0)
			memcpy(grown, written->items, (size_t)written->blocks * sizeof(*grown));
		written->items = grown;
		written->item_room = room;
	}
	written->items[written->blocks] =
	    (struct written_item){.kind = (int)item, .call = call, .from = from};
	written->block = (int)item;
	written->block_call = call;
	written->blocks++;
	tell_item(writer, reply, written, false, (struct text){NULL, 0});
	if (item != ITEM_CALL)
		tell_part(writer, reply, written, false, TEXT(""));
}

static void tell_text(struct reply_writer *writer, const struct chat_reply *reply,
                      struct written_choice *written, enum item item, struct text piece)
{
	size_t told = item == ITEM_REASONING ? written->reasoning : written->content;

	if (piece.len == 0)
		return;
	if (written->block != (int)item) {
		/* What is told now is no part of the item that it closes. */
		size_t *end = item == ITEM_REASONING ? &written->reasoning : &written->content;
		*end = told - piece.len;
		open_item(writer, reply, written, item, -1, *end);
		*end = told;
	}
	tell_piece(writer, reply, written, false, piece);
}

/* Signatures stand with the thoughts, also where these have no words. */
static void open_for_state(struct reply_writer *writer, const struct chat_reply *reply,
                           struct written_choice *written)
{
	for (int64_t i = 0; i < written->blocks; i++)
		if (written->items[i].kind == ITEM_REASONING)
			return;
	if (is_signed(&reply->choices[0]))
		open_item(writer, reply, written, ITEM_REASONING, -1, written->reasoning);
}

static void tell_call(struct reply_writer *writer, const struct chat_reply *reply,
                      struct written_choice *written, size_t at)
{
	const struct chat_tool_call *call = &reply->choices[0].tool_calls[at];
	struct written_call *done = written_call_of(writer, written, at);
	struct text piece = written_rest(call->arguments, &done->arguments);

	if (!done->begun)
		open_for_state(writer, reply, written);
	if (!done->begun)
		open_item(writer, reply, written, ITEM_CALL, (int64_t)at, 0);
	done->begun = true;
	if (piece.len > 0)
		tell_piece(writer, reply, written, false, piece);
}

static void update(struct reply_writer *writer, const struct chat_reply *reply)
{
	const struct chat_choice *choice = &reply->choices[0];
	struct written_choice *written = written_choice_of(writer, choice->index);

	tell_start(writer, reply);
	/* Each kind of text is one item: thoughts that come late would open a second one. */
	if (written->block <= ITEM_REASONING && written->content == 0)
		tell_text(writer, reply, written, ITEM_REASONING,
		          written_rest(choice->reasoning, &written->reasoning));
	if (written->block != ITEM_CALL && written->content == 0 && choice->content.len > 0)
		open_for_state(writer, reply, written);
	if (written->block != ITEM_CALL)
		tell_text(writer, reply, written, ITEM_MESSAGE,
		          written_rest(said_by(choice), &written->content));
	if (choice->tool_call_count > 0 && choice->tool_calls[0].name.len > 0)
		tell_call(writer, reply, written, 0);
}

static void end(struct reply_writer *writer, const struct chat_reply *reply)
{
	const struct chat_choice *choice = &reply->choices[0];
	struct written_choice *written = written_choice_of(writer, choice->index);
	bool incomplete = *status_of(choice) == 'i';

	/* A reply without a word is a message all the same. */
	if (choice->tool_call_count == 0 && written->content == 0 && written->block != ITEM_MESSAGE)
		open_item(writer, reply, written, ITEM_MESSAGE, -1, written->content);
	for (size_t i = 0; i < choice->tool_call_count; i++)
		tell_call(writer, reply, written, i);
	tell_text(writer, reply, written, ITEM_MESSAGE,
	          written_rest(said_by(choice), &written->content));
	close_item(writer, reply, written);
	tell_response(writer, reply, incomplete ? "response.incomplete" : "response.completed",
	              status_of(choice), choice);
}

/* --- whole bodies and errors --- */

static void body(struct reply_writer *writer, const struct chat_reply *reply)
{
	static const struct chat_choice none = {.finish_reason = TEXT_INIT("stop")};
	const struct chat_choice *choice = reply->choice_count > 0 ? &reply->choices[0] : &none;
	struct json_writer json;

	json_writer_init(&json, writer->out, false);
	write_response(writer, reply, &json, choice, status_of(choice), NULL);
}

static void error(struct reply_writer *writer, const struct chat_error *said)
{
	static const struct chat_reply unknown = {.choice_count = 0};
	struct event event;

	open_event(&event, writer, "response.failed");
	json_write_key(&event.json, "response");
	write_response(writer, &unknown, &event.json, NULL, "failed", said);
	close_event(&event);
}

static void error_body(const struct chat_error *error, int status, struct text_buf *out)
{
	reply_format_chat.error_body(error, status, out);
}

const struct reply_format reply_format_responses = {
    .stream_type = "text/event-stream",
    .update = update,
    .end = end,
    .body = body,
    .error = error,
    .error_body = error_body,
};
