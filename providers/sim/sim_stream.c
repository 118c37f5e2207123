/*
 * A streamed answer: first as a list of chunks, on which a defect can lay hands, then
 * chunk by chunk as bytes. Text is split between tokens, so at word boundaries and
 * never within a character.
 */
#include "providers/sim/sim_private.h"

enum {
	STREAM_FIRST_ROOM = 32,
	STREAM_ARGUMENT_BYTES = 8, /* of a fragment of tool arguments, about */
	STREAM_PADDING_MIN = 5,    /* of `obfuscation` */
	STREAM_PADDING_SPREAD = 11,
};

/* --- the list --- */

struct sim_chunk *sim_stream_insert(struct sim_stream *stream, size_t at)
{
	if (stream->count == stream->room) {
		size_t room = stream->room == 0 ? STREAM_FIRST_ROOM : 2 * stream->room;
		struct sim_chunk *grown =
		    ARENA_NEW_ARRAY(stream->completion.serving->arena, struct sim_chunk, room);

		if (stream->count > 0)
			memcpy(grown, stream->chunks, stream->count * sizeof(*grown));
		stream->chunks = grown;
		stream->room = room;
	}
	REQUIRE(at <= stream->count);
	memmove(&stream->chunks[at + 1], &stream->chunks[at],
	        (stream->count - at) * sizeof(*stream->chunks));
	stream->count++;
	stream->chunks[at] =
	    (struct sim_chunk){.call = -1, .stream_id = stream->completion.id, .tokens_so_far = -1};
	return &stream->chunks[at];
}

void sim_stream_remove(struct sim_stream *stream, size_t at)
{
	REQUIRE(at < stream->count);
	memmove(&stream->chunks[at], &stream->chunks[at + 1],
	        (stream->count - at - 1) * sizeof(*stream->chunks));
	stream->count--;
}

static struct sim_chunk *stream_add(struct sim_stream *stream, enum sim_chunk_kind kind,
                                    size_t choice, struct text text)
{
	struct sim_chunk *chunk = sim_stream_insert(stream, stream->count);

	chunk->kind = kind;
	chunk->choice = choice;
	chunk->text = text;
	return chunk;
}

int64_t sim_stream_wait_ms(const struct sim_stream *stream, size_t at)
{
	if (at == 0)
		return stream->first_ms;
	if (stream->burst)
		return 0;
	return stream->stall_ms > 0 && at == stream->stall_before ? stream->stall_ms
	                                                          : stream->pause_ms;
}

/* --- what comes, choice by choice, a step at a time --- */

/* How far a choice has come. The steps of all choices are dealt in turn: n > 1 interleaves. */
struct stream_cursor {
	size_t reasoning, refusal, content; /* bytes sent */
	size_t call, argument;              /* calls finished, bytes of the one under way */
	bool role_sent, call_open, finished;
};

static bool stream_step_text(struct sim_stream *stream, size_t choice, enum sim_chunk_kind kind,
                             struct text whole, size_t *sent)
{
	if (*sent >= whole.len)
		return false;
	size_t size = sim_tokens_next(text_slice(whole, *sent, whole.len));
	(void)stream_add(stream, kind, choice, text_slice(whole, *sent, *sent + size));
	*sent += size;
	return true;
}

/* About a token's length, and never within a character. */
static size_t stream_argument_end(struct text arguments, size_t from)
{
	size_t end = size_min(from + STREAM_ARGUMENT_BYTES, arguments.len);

	while (end < arguments.len && ((unsigned char)arguments.data[end] & 0xc0) == 0x80)
		end++;
	return end;
}

static bool stream_step_call(struct sim_stream *stream, size_t choice, struct stream_cursor *cursor)
{
	const struct sim_choice *source = &stream->completion.choices[choice];

	if (cursor->call >= source->call_count)
		return false;
	const struct sim_call *call = &source->calls[cursor->call];
	struct sim_chunk *chunk;
	if (!cursor->call_open) {
		chunk = stream_add(stream, CHUNK_CALL, choice, TEXT(""));
		chunk->id = call->id;
		chunk->name = call->name;
		cursor->call_open = true;
		cursor->argument = 0;
	} else {
		size_t end = stream_argument_end(call->arguments, cursor->argument);
		chunk = stream_add(stream, CHUNK_ARGUMENTS, choice,
		                   text_slice(call->arguments, cursor->argument, end));
		cursor->argument = end;
	}
	chunk->call = (int64_t)cursor->call;
	if (cursor->argument >= call->arguments.len) {
		cursor->call++;
		cursor->call_open = false;
	}
	return true;
}

static bool stream_step(struct sim_stream *stream, size_t choice, struct stream_cursor *cursor)
{
	const struct sim_choice *source = &stream->completion.choices[choice];
	bool chat = stream->completion.ask->endpoint == ENDPOINT_CHAT;

	if (cursor->finished)
		return false;
	if (chat && !cursor->role_sent) {
		struct sim_chunk *chunk = stream_add(stream, CHUNK_ROLE, choice, source->content);
		chunk->role = stream->completion.role;
		cursor->role_sent = true;
		return true;
	}
	if (stream_step_text(stream, choice, CHUNK_REASONING, source->reasoning,
	                     &cursor->reasoning) ||
	    stream_step_text(stream, choice, CHUNK_REFUSAL, source->refusal, &cursor->refusal) ||
	    stream_step_text(stream, choice, CHUNK_CONTENT, source->content, &cursor->content) ||
	    stream_step_call(stream, choice, cursor))
		return true;
	(void)stream_add(stream, CHUNK_FINISH, choice, source->finish);
	cursor->finished = true;
	return true;
}

void sim_stream_make(const struct sim_completion *completion, struct sim_stream *stream)
{
	size_t count = completion->choice_count;
	struct stream_cursor *cursors =
	    ARENA_NEW_ARRAY(completion->serving->arena, struct stream_cursor, count);

	*stream = (struct sim_stream){.completion = *completion,
	                              .pause_ms = completion->serving->reference.pause_ms};
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < count; i++)
			more = stream_step(stream, i, &cursors[i]) || more;
	}
	if (completion->ask->usage_asked && completion->usage.present)
		(void)stream_add(stream, CHUNK_USAGE, 0, (struct text){0});
	(void)stream_add(stream, CHUNK_RAW, 0, TEXT("data: [DONE]\n\n"));
	stream->end = stream->count;
}

/* --- bytes --- */

static void stream_write_call(struct json_writer *writer, const struct sim_chunk *chunk)
{
	json_write_key(writer, "tool_calls");
	json_write_array(writer);
	json_write_object(writer);
	if (chunk->call >= 0)
		json_write_member_int(writer, "index", chunk->call);
	if (chunk->id.data != NULL)
		json_write_member(writer, "id", chunk->id);
	if (chunk->kind == CHUNK_CALL)
		json_write_member_c(writer, "type", "function");
	json_write_key(writer, "function");
	json_write_object(writer);
	if (chunk->name.data != NULL)
		json_write_member(writer, "name", chunk->name);
	json_write_key(writer, "arguments");
	if (chunk->null_arguments)
		json_write_null(writer);
	else
		json_write_string(writer, chunk->text);
	json_write_object_end(writer);
	json_write_object_end(writer);
	json_write_array_end(writer);
}

static void stream_write_role(struct json_writer *writer, const struct sim_chunk *chunk)
{
	if (chunk->role.data != NULL)
		json_write_member(writer, "role", chunk->role);
	json_write_key(writer, "content");
	if (chunk->text.data == NULL)
		json_write_null(writer);
	else
		json_write_c(writer, "");
	json_write_key(writer, "refusal");
	json_write_null(writer);
}

static void stream_write_delta(struct json_writer *writer, const struct sim_chunk *chunk)
{
	json_write_key(writer, "delta");
	json_write_object(writer);
	switch (chunk->kind) {
	case CHUNK_ROLE:
		stream_write_role(writer, chunk);
		break;
	case CHUNK_REASONING:
		json_write_member(writer, "reasoning_content", chunk->text);
		break;
	case CHUNK_CONTENT:
		json_write_member(writer, chunk->strange ? "text" : "content", chunk->text);
		break;
	case CHUNK_REFUSAL:
		json_write_member(writer, "refusal", chunk->text);
		break;
	case CHUNK_CALL:
	case CHUNK_ARGUMENTS:
		stream_write_call(writer, chunk);
		break;
	case CHUNK_FINISH:
	case CHUNK_USAGE:
	case CHUNK_RAW:
		break;
	}
	json_write_object_end(writer);
}

static void stream_write_choice(struct json_writer *writer, const struct sim_stream *stream,
                                const struct sim_chunk *chunk)
{
	const struct sim_ask *ask = stream->completion.ask;
	bool has_text = chunk->kind == CHUNK_CONTENT || chunk->kind == CHUNK_ROLE;

	json_write_object(writer);
	json_write_member_int(writer, "index", (int64_t)chunk->choice);
	if (ask->endpoint == ENDPOINT_CHAT)
		stream_write_delta(writer, chunk);
	else
		json_write_member(writer, "text",
		                  chunk->kind == CHUNK_CONTENT ? chunk->text : TEXT(""));
	json_write_key(writer, "logprobs");
	if (ask->logprobs && ask->endpoint == ENDPOINT_CHAT && has_text)
		sim_render_logprobs(writer, ask,
		                    chunk->kind == CHUNK_CONTENT ? chunk->text : TEXT(""));
	else
		json_write_null(writer);
	if (chunk->kind == CHUNK_FINISH)
		json_write_member(writer, "finish_reason", chunk->text);
	else if (!chunk->no_finish_key)
		json_write_member_c(writer, "finish_reason", NULL);
	if (ask->extras && chunk->kind == CHUNK_FINISH)
		json_write_member_c(writer, "native_finish_reason", "end_turn");
	json_write_object_end(writer);
}

/* Letters of no meaning whose number hides how long a token was. */
static void stream_write_padding(struct json_writer *writer, const struct sim_stream *stream,
                                 size_t index)
{
	const struct sim_serving *serving = stream->completion.serving;
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	char padding[STREAM_PADDING_MIN + STREAM_PADDING_SPREAD];
	uint64_t draw = sim_draw(serving->draw, index);
	size_t size = STREAM_PADDING_MIN + draw % STREAM_PADDING_SPREAD;

	for (size_t i = 0; i < size; i++)
		padding[i] = letters[sim_draw(draw, i) % (sizeof(letters) - 1)];
	json_write_member(writer, "obfuscation", (struct text){padding, size});
}

static void stream_write_json(const struct sim_stream *stream, const struct sim_chunk *chunk,
                              size_t index, struct text_buf *out)
{
	const struct sim_completion *completion = &stream->completion;
	const struct sim_ask *ask = completion->ask;
	struct json_writer writer;
	bool usage = chunk->kind == CHUNK_USAGE || chunk->with_usage;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member(&writer, "id", chunk->stream_id);
	json_write_member(&writer, "object", completion->chunk_object);
	if (completion->created >= 0)
		json_write_member_int(&writer, "created", completion->created);
	json_write_member(&writer, "model", completion->model);
	if (ask->extras)
		json_write_member_c(&writer, "provider", "Simulator");
	if (ask->endpoint == ENDPOINT_CHAT) {
		json_write_member_c(&writer, "service_tier", "default");
		json_write_member_c(&writer, "system_fingerprint", "fp_sim0000001");
	}
	json_write_key(&writer, "choices");
	json_write_array(&writer);
	if (chunk->kind != CHUNK_USAGE || chunk->with_choice)
		stream_write_choice(&writer, stream, chunk);
	json_write_array_end(&writer);
	if (usage) {
		json_write_key(&writer, "usage");
		sim_render_usage(&writer, completion, chunk->tokens_so_far);
	} else if (ask->usage_asked) {
		json_write_member_c(&writer, "usage", NULL);
	}
	if (ask->obfuscated && ask->endpoint == ENDPOINT_CHAT)
		stream_write_padding(&writer, stream, index);
	json_write_object_end(&writer);
}

void sim_stream_write(const struct sim_stream *stream, size_t chunk, struct text_buf *out)
{
	const struct sim_chunk *source = &stream->chunks[chunk];
	const char *line = stream->crlf ? "\r\n" : "\n";

	REQUIRE(chunk < stream->count);
	if (source->kind == CHUNK_RAW || source->native.data != NULL) {
		struct text bytes = source->native.data != NULL ? source->native : source->text;
		for (size_t i = 0; i < bytes.len; i++) {
			if (bytes.data[i] == '\n')
				text_buf_add_c(out, line);
			else
				text_buf_byte(out, bytes.data[i]);
		}
		return;
	}
	text_buf_add_c(out, "data: ");
	stream_write_json(stream, source, chunk, out);
	if (source->stray_brace)
		text_buf_byte(out, '}');
	text_buf_add_c(out, line);
	text_buf_add_c(out, line);
}
