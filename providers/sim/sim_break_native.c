/*
 * What goes wrong in the formats that are no OpenAI's: the faults that every stream has, in the
 * dialect's own words, and each dialect's own. Each row of the tables is one defect.
 */
#include "providers/sim/sim_bedrock.h"
#include "providers/sim/sim_native.h"

enum { NATIVE_COMMENT_EVERY = 3 }; /* chunks */

static size_t native_last(const struct sim_stream *stream, enum sim_chunk_kind kind)
{
	for (size_t i = stream->count; i-- > 0;)
		if (stream->chunks[i].kind == kind)
			return i;
	return stream->count;
}

/* The middle of what is said, be it text, arguments or a call. */
static size_t native_middle(const struct sim_stream *stream)
{
	static const enum sim_chunk_kind kinds[] = {CHUNK_CONTENT, CHUNK_ARGUMENTS, CHUNK_CALL};

	for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
		size_t found = 0, seen = 0;
		for (size_t i = 0; i < stream->count; i++)
			found += stream->chunks[i].kind == kinds[k];
		for (size_t i = 0; i < stream->count; i++)
			if (stream->chunks[i].kind == kinds[k] && seen++ == found / 2)
				return i;
	}
	return stream->count - 1;
}

static bool is_speaking(const struct sim_stream *stream, const struct sim_native *native)
{
	return stream->completion.serving->native == native;
}

static void drop_from(struct sim_stream *stream, size_t from)
{
	while (stream->count > from)
		sim_stream_remove(stream, stream->count - 1);
}

static void drop_kind(struct sim_stream *stream, enum sim_chunk_kind kind)
{
	for (size_t i = stream->count; i-- > 0;)
		if (stream->chunks[i].kind == kind)
			sim_stream_remove(stream, i);
}

/* --- an error in band --- */

static struct text inband_error(const struct sim_stream *stream)
{
	if (is_speaking(stream, &sim_anthropic))
		return TEXT("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
		            "\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n");
	if (is_speaking(stream, &sim_gemini))
		return TEXT("data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded. "
		            "Please try again later.\",\"status\":\"UNAVAILABLE\"}}\n\n");
	if (is_speaking(stream, &sim_cohere))
		return TEXT(
		    "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{"
		    "\"finish_reason\":\"ERROR\",\"error\":\"internal server error\"}}\n\n");
	if (is_speaking(stream, &sim_bedrock))
		return sim_bedrock_frame(stream->completion.serving->arena, "exception",
		                         "throttlingException",
		                         TEXT("{\"message\":\"Too many requests, please wait "
		                              "before trying again.\"}"));
	return TEXT("{\"error\":\"an error was encountered while running the model\"}\n");
}

static void fail_at(struct sim_stream *stream, size_t at)
{
	drop_from(stream, at);
	sim_native_event_raw(stream, at, CHUNK_ROLE, inband_error(stream));
}

static void fail_mid(struct sim_stream *stream)
{
	fail_at(stream, native_middle(stream));
}

static void fail_first(struct sim_stream *stream)
{
	fail_at(stream, 0);
}

static void end_without_finish(struct sim_stream *stream)
{
	drop_from(stream, native_middle(stream));
}

static void malformed_event(struct sim_stream *stream)
{
	bool lines = is_speaking(stream, &sim_ollama);

	if (is_speaking(stream, &sim_bedrock)) {
		sim_native_event_raw(stream, native_middle(stream), CHUNK_ROLE,
		                     sim_bedrock_frame(stream->completion.serving->arena, "event",
		                                       "contentBlockDelta",
		                                       TEXT("{\"contentBlockIndex\":0,\"delt")));
		return;
	}
	sim_native_event_raw(stream, native_middle(stream), CHUNK_ROLE,
	                     lines ? TEXT("{\"model\":\"torn\",\"mess\n")
	                           : TEXT("data: {\"type\":\"torn\",\"delt\n\n"));
}

/* Lines of JSON and frames have no comments. */
static void comments(struct sim_stream *stream)
{
	if (is_speaking(stream, &sim_ollama) || is_speaking(stream, &sim_bedrock))
		return;
	for (size_t i = stream->count; i-- > 0;)
		if (i % NATIVE_COMMENT_EVERY == 0)
			sim_native_event_raw(stream, i, CHUNK_ROLE,
			                     TEXT(": SIMULATOR PROCESSING\n\n"));
}

static void crlf(struct sim_stream *stream)
{
	stream->crlf = !is_speaking(stream, &sim_bedrock); /* frames have no lines */
}

static void burst(struct sim_stream *stream)
{
	stream->burst = true;
}

/* --- each dialect's own --- */

/* Of each call the fragments behind its first half. */
static void cut_arguments(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		size_t end = i;
		while (end < stream->count && stream->chunks[end].kind == CHUNK_ARGUMENTS)
			end++;
		for (size_t at = end; at > i + (end - i) / 2; at--)
			sim_stream_remove(stream, at - 1);
		i += (end - i) / 2;
	}
}

static void lose_block_start(struct sim_stream *stream)
{
	drop_kind(stream, CHUNK_CALL);
}

static void end_before_finish(struct sim_stream *stream)
{
	drop_from(stream, native_last(stream, CHUNK_FINISH));
}

static void end_behind_finish(struct sim_stream *stream)
{
	drop_from(stream, native_last(stream, CHUNK_FINISH) + 1);
}

/* "... }" in place of "...}". */
static void pad_events(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		struct text event = stream->chunks[i].native;
		if (text_ends(event, TEXT("}\n\n")))
			stream->chunks[i].native = text_format(
			    stream->completion.serving->arena, "%.*s%*s}\n\n",
			    TEXT_ARG(text_slice(event, 0, event.len - 3)), (int)(i % 8 + 1), "");
	}
}

static void start_twice(struct sim_stream *stream)
{
	const struct sim_serving *serving = stream->completion.serving;

	sim_native_event_raw(
	    stream, native_middle(stream), CHUNK_ROLE,
	    text_format(serving->arena,
	                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{"
	                "\"id\":\"msg_%.*s\",\"type\":\"message\",\"role\":\"assistant\","
	                "\"model\":\"sim\",\"content\":[],\"stop_reason\":null,\"usage\":{"
	                "\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
	                TEXT_ARG(sim_identifier(serving, "second", 0, 24))));
}

/* The last frame without its end. */
static void cut_frame(struct sim_stream *stream)
{
	struct text *last = &stream->chunks[stream->count - 1].native;

	last->len -= last->len / 2;
}

static void turn_bit(struct sim_stream *stream)
{
	struct text *frame = &stream->chunks[native_middle(stream)].native;
	char *bytes = arena_alloc_bytes(stream->completion.serving->arena, frame->len);

	memcpy(bytes, frame->data, frame->len);
	bytes[frame->len / 2] = (char)(bytes[frame->len / 2] ^ 1);
	frame->data = bytes;
}

static void end_before_stop(struct sim_stream *stream)
{
	sim_stream_remove(stream, native_last(stream, CHUNK_FINISH));
}

static const struct {
	enum sim_break which;
	const struct sim_native *native; /* NULL: of all */
	void (*act)(struct sim_stream *stream);
} native_acts[] = {
    {SIM_MALFORMED_EVENT, NULL, malformed_event},
    {SIM_END_WITHOUT_FINISH, NULL, end_without_finish},
    {SIM_INBAND_ERROR, NULL, fail_mid},
    {SIM_INBAND_ERROR_DONE, NULL, fail_mid},
    {SIM_INBAND_ERROR_FIRST, NULL, fail_first},
    {SIM_COMMENTS, NULL, comments},
    {SIM_CRLF, NULL, crlf},
    {SIM_STREAM_BURST, NULL, burst},
    {SIM_ANTHROPIC_ARGUMENTS_CUT, &sim_anthropic, cut_arguments},
    {SIM_ANTHROPIC_LOST_BLOCK_START, &sim_anthropic, lose_block_start},
    {SIM_ANTHROPIC_NO_MESSAGE_STOP, &sim_anthropic, end_behind_finish},
    {SIM_ANTHROPIC_OVERLOADED, &sim_anthropic, fail_mid},
    {SIM_ANTHROPIC_PADDING, &sim_anthropic, pad_events},
    {SIM_ANTHROPIC_SECOND_START, &sim_anthropic, start_twice},
    {SIM_BEDROCK_ARGUMENTS_CUT, &sim_bedrock, cut_arguments},
    {SIM_BEDROCK_CUT_FRAME, &sim_bedrock, cut_frame},
    {SIM_BEDROCK_EXCEPTION, &sim_bedrock, fail_mid},
    {SIM_BEDROCK_LOST_BLOCK_START, &sim_bedrock, lose_block_start},
    {SIM_BEDROCK_NO_MESSAGE_STOP, &sim_bedrock, end_before_stop},
    {SIM_BEDROCK_WRONG_CHECKSUM, &sim_bedrock, turn_bit},
    {SIM_COHERE_ARGUMENTS_CUT, &sim_cohere, cut_arguments},
    {SIM_COHERE_ERROR_IN_BAND, &sim_cohere, fail_mid},
    {SIM_COHERE_NO_MESSAGE_END, &sim_cohere, end_before_finish},
    {SIM_GEMINI_ERROR_IN_BAND, &sim_gemini, fail_mid},
    {SIM_GEMINI_NO_FINISH, &sim_gemini, end_before_finish},
    {SIM_OLLAMA_ERROR_LINE, &sim_ollama, fail_mid},
    {SIM_OLLAMA_NO_DONE, &sim_ollama, end_before_finish},
};

void sim_break_native_stream(struct sim_stream *stream)
{
	const struct sim_serving *serving = stream->completion.serving;

	for (size_t i = 0; i < ARRAY_LENGTH(native_acts); i++)
		if ((native_acts[i].native == NULL || serving->native == native_acts[i].native) &&
		    sim_breaks(serving, native_acts[i].which))
			native_acts[i].act(stream);
	sim_break_endings(stream);
}

/* --- what is said --- */

static void say_nothing(struct sim_completion *completion, const char *finish)
{
	for (size_t i = 0; i < completion->choice_count; i++)
		completion->choices[i] =
		    (struct sim_choice){.content = TEXT(""), .finish = text_of(finish)};
}

static bool was_cut(const struct sim_completion *completion)
{
	return text_is(completion->choices[0].finish, "length");
}

static void break_gemini(struct sim_completion *completion)
{
	const struct sim_serving *serving = completion->serving;

	if (sim_breaks(serving, SIM_GEMINI_NO_USAGE))
		completion->usage.present = false;
	if (sim_breaks(serving, SIM_GEMINI_NO_PARTS) && was_cut(completion))
		say_nothing(completion, "length");
	if (sim_breaks(serving, SIM_GEMINI_PROMPT_BLOCKED))
		completion->choice_count = 0;
	else if (sim_breaks(serving, SIM_GEMINI_MALFORMED_CALL) &&
	         completion->choices[0].call_count > 0)
		say_nothing(completion, SIM_GEMINI_MALFORMED);
}

void sim_break_native_completion(struct sim_completion *completion)
{
	const struct sim_serving *serving = completion->serving;

	if (serving->native == &sim_gemini)
		break_gemini(completion);
	if (serving->native == &sim_cohere && sim_breaks(serving, SIM_COHERE_NO_USAGE))
		completion->usage.present = false;
	if (serving->native != &sim_ollama)
		return;
	if (sim_breaks(serving, SIM_OLLAMA_NO_COUNTS))
		completion->usage.present = false;
	if (sim_breaks(serving, SIM_OLLAMA_LOAD))
		say_nothing(completion, SIM_OLLAMA_LOADED);
}
