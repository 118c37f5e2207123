/*
 * How an answer is sent goes wrong: usage and finish reasons, the chunks of a
 * stream, its bytes and its end. Each row of the tables is one defect.
 */
#include "providers/sim/sim_private.h"

enum {
	WIRE_TORN_BYTES = 25,   /* of the event that a cut goes through */
	WIRE_COMMENT_EVERY = 3, /* chunks */
	WIRE_SLOW_MS = 6000,    /* before the first chunk: more than a client likes to wait */
	WIRE_STALL_MS = 31000,  /* in the middle: more than most of them wait */
};

/* --- the whole completion --- */

static void wire_arguments_as_object(struct sim_completion *completion)
{
	struct arena *arena = completion->serving->arena;

	completion->arguments_as_object = true;
	for (size_t i = 0; i < completion->choice_count; i++) {
		const struct sim_choice *choice = &completion->choices[i];

		/* What was cut is no JSON, and can only be sent as a string. */
		for (size_t k = 0; k < choice->call_count; k++) {
			struct json *root;
			struct fault fault;
			if (!json_read_text(choice->calls[k].arguments, "arguments", arena, &root,
			                    &fault))
				completion->arguments_as_object = false;
		}
	}
}

static void wire_rename_finish(struct sim_completion *completion, const char *from, struct text to,
                               bool with_calls_only)
{
	for (size_t i = 0; i < completion->choice_count; i++) {
		struct sim_choice *choice = &completion->choices[i];

		if (text_is(choice->finish, from) && (!with_calls_only || choice->call_count > 0))
			choice->finish = to;
	}
}

static void wire_break_plain(struct sim_completion *completion)
{
	const struct sim_serving *serving = completion->serving;

	if (sim_breaks(serving, SIM_CH_01))
		completion->created = -1;
	if (sim_breaks(serving, SIM_CH_02))
		completion->role = TEXT("model");
	if (sim_breaks(serving, SIM_TC_03))
		wire_arguments_as_object(completion);
	completion->vendor_extras = sim_breaks(serving, SIM_TR_09);
}

/* Where thoughts left no token for the answer. */
static void wire_stop_without_answer(struct sim_completion *completion)
{
	for (size_t i = 0; i < completion->choice_count; i++)
		if (completion->choices[i].reasoning.len > 0 &&
		    completion->choices[i].content.len == 0)
			completion->choices[i].finish = TEXT("stop");
}

static void wire_break_finish(struct sim_completion *completion)
{
	const struct sim_serving *serving = completion->serving;

	if (sim_breaks(serving, SIM_FR_01))
		wire_rename_finish(completion, "stop", TEXT("eos"), false);
	if (sim_breaks(serving, SIM_FINISH_STOP_WITH_CALLS) || sim_breaks(serving, SIM_TC_20) ||
	    (completion->ask->streamed && sim_breaks(serving, SIM_ST_09)))
		wire_rename_finish(completion, "tool_calls", TEXT("stop"), true);
	if (sim_breaks(serving, SIM_FINISH_CUT_AS_STOP) || sim_breaks(serving, SIM_JO_05) ||
	    sim_breaks(serving, SIM_JS_14))
		wire_rename_finish(completion, "length", TEXT("stop"), false);
	if (sim_breaks(serving, SIM_TC_22))
		wire_rename_finish(completion, "length", TEXT("tool_calls"), true);
	if (sim_breaks(serving, SIM_RE_05))
		wire_stop_without_answer(completion);
}

void sim_break_completion(struct sim_completion *completion)
{
	const struct sim_serving *serving = completion->serving;
	struct sim_usage *usage = &completion->usage;

	sim_break_usage(completion);
	if (sim_breaks(serving, SIM_CH_04))
		completion->model = TEXT("sim-tiny");
	if (sim_breaks(serving, SIM_CH_05))
		completion->id = TEXT("chatcmpl-1");
	if (!completion->ask->streamed)
		wire_break_plain(completion);
	if (completion->ask->endpoint == ENDPOINT_COMPLETIONS && sim_breaks(serving, SIM_CP_01)) {
		completion->object = TEXT("chat.completion");
		completion->chunk_object = TEXT("chat.completion.chunk");
	}
	wire_break_finish(completion);
	if (sim_breaks(serving, SIM_US_01))
		usage->no_total = true;
	if (sim_breaks(serving, SIM_US_02))
		usage->total += 7;
	if (sim_breaks(serving, SIM_USAGE_ZERO))
		*usage = (struct sim_usage){.present = true};
	if (sim_breaks(serving, SIM_USAGE_CACHED_OVER_PROMPT))
		usage->cached = usage->prompt + 64;
	if (sim_breaks(serving, SIM_USAGE_ABSENT))
		usage->present = false;
}

/* --- finding one's way in a list of chunks --- */

/* The middle one of that kind, or `count` where there is none. */
static size_t wire_middle(const struct sim_stream *stream, enum sim_chunk_kind kind)
{
	size_t found = 0, seen = 0;

	for (size_t i = 0; i < stream->count; i++)
		found += stream->chunks[i].kind == kind;
	for (size_t i = 0; i < stream->count; i++) {
		if (stream->chunks[i].kind == kind && seen++ == found / 2)
			return i;
	}
	return stream->count;
}

/* The middle of what is said, be it text or arguments. */
static size_t wire_middle_of_all(const struct sim_stream *stream)
{
	size_t content = wire_middle(stream, CHUNK_CONTENT);

	if (content < stream->count)
		return content;
	size_t argument = wire_middle(stream, CHUNK_ARGUMENTS);
	return argument < stream->count ? argument : size_min(1, stream->count);
}

static size_t wire_last(const struct sim_stream *stream, enum sim_chunk_kind kind)
{
	for (size_t i = stream->count; i-- > 0;)
		if (stream->chunks[i].kind == kind)
			return i;
	return stream->count;
}

static void wire_insert_raw(struct sim_stream *stream, size_t at, struct text bytes)
{
	struct sim_chunk *chunk = sim_stream_insert(stream, at);

	chunk->kind = CHUNK_RAW;
	chunk->text = bytes;
}

static void wire_end_at(struct sim_stream *stream, size_t at, enum sim_ending ending)
{
	if (at < stream->count) {
		stream->end = at;
		stream->ending = ending;
	}
}

/* --- the form of chunks --- */

static void wire_stray_brace(struct sim_stream *stream)
{
	stream->chunks[0].stray_brace = true;
}

static void wire_no_done(struct sim_stream *stream)
{
	sim_stream_remove(stream, wire_last(stream, CHUNK_RAW));
}

static void wire_change_ids(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		stream->chunks[i].stream_id =
		    text_format(stream->completion.serving->arena, "%.*s-%zu",
		                TEXT_ARG(stream->completion.id), i);
}

static void wire_no_role(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		stream->chunks[i].role = (struct text){0};
}

static void wire_no_finish_key(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		stream->chunks[i].no_finish_key = true;
}

static void wire_finish_twice(struct sim_stream *stream)
{
	for (size_t i = stream->count; i-- > 0;) {
		if (stream->chunks[i].kind != CHUNK_FINISH)
			continue;
		struct sim_chunk copy = stream->chunks[i];
		*sim_stream_insert(stream, i) = copy;
	}
}

static void wire_usage_on_finish(struct sim_stream *stream)
{
	size_t usage = wire_last(stream, CHUNK_USAGE);
	size_t finish = wire_last(stream, CHUNK_FINISH);

	if (usage == stream->count || finish == stream->count)
		return;
	stream->chunks[finish].with_usage = true;
	sim_stream_remove(stream, usage);
}

static void wire_usage_on_all(struct sim_stream *stream)
{
	int64_t tokens = 0;

	for (size_t i = 0; i < stream->count; i++) {
		struct sim_chunk *chunk = &stream->chunks[i];

		if (chunk->kind == CHUNK_USAGE)
			continue;
		tokens +=
		    sim_tokens_count(chunk->kind == CHUNK_FINISH ? (struct text){0} : chunk->text);
		chunk->with_usage = stream->completion.usage.present;
		chunk->tokens_so_far = chunk->kind == CHUNK_FINISH ? -1 : tokens;
	}
}

static void wire_usage_with_choice(struct sim_stream *stream)
{
	size_t usage = wire_last(stream, CHUNK_USAGE);

	if (usage < stream->count)
		stream->chunks[usage].with_choice = true;
}

static void wire_filter_chunk(struct sim_stream *stream)
{
	wire_insert_raw(stream, 0,
	                TEXT("data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\","
	                     "\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,"
	                     "\"content_filter_results\":{}}]}\n\n"));
}

static void wire_comments(struct sim_stream *stream)
{
	for (size_t i = stream->count; i-- > 0;)
		if (i % WIRE_COMMENT_EVERY == 0)
			wire_insert_raw(stream, i, TEXT(": SIMULATOR PROCESSING\n\n"));
}

/* Meant to keep the connection alive: but these are events, and no comments. */
static void wire_notes(struct sim_stream *stream)
{
	wire_insert_raw(stream, size_min(1, stream->count), TEXT("data: SIMULATOR PROCESSING\n\n"));
}

static void wire_crlf(struct sim_stream *stream)
{
	stream->crlf = true;
}

static void wire_burst(struct sim_stream *stream)
{
	stream->burst = true;
}

static void wire_slow(struct sim_stream *stream)
{
	stream->first_ms = WIRE_SLOW_MS;
}

static void wire_stand_still(struct sim_stream *stream)
{
	stream->stall_before = wire_middle_of_all(stream);
	stream->stall_ms = WIRE_STALL_MS;
}

/* The text of a stream in a member that no client knows. */
static void wire_strange_member(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		stream->chunks[i].strange = stream->chunks[i].kind == CHUNK_CONTENT;
}

static void wire_malformed_event(struct sim_stream *stream)
{
	wire_insert_raw(stream, wire_middle_of_all(stream),
	                TEXT("data: {\"id\":\"chatcmpl-torn\",\"choices\":[{\"index\":0,"
	                     "\"delta\":{\"cont\n\n"));
}

/* A euro sign of which each of two events has a part. Written raw: no writer of ours does it. */
static void wire_torn_utf8(struct sim_stream *stream)
{
	static const char *const halves[] = {"\xe2\x82", "\xac"};
	size_t at = wire_middle(stream, CHUNK_CONTENT);

	for (size_t i = 0; i < ARRAY_LENGTH(halves) && at < stream->count; i++)
		wire_insert_raw(
		    stream, at + i,
		    text_format(stream->completion.serving->arena,
		                "data: {\"id\":\"%.*s\",\"object\":\"chat.completion.chunk\","
		                "\"created\":%lld,\"model\":\"%.*s\",\"choices\":[{\"index\":0,"
		                "\"delta\":{\"content\":\"%s\"},\"logprobs\":null,"
		                "\"finish_reason\":null}]}\n\n",
		                TEXT_ARG(stream->completion.id),
		                (long long)stream->completion.created,
		                TEXT_ARG(stream->completion.model), halves[i]));
}

/* --- tool calls in chunks --- */

static bool wire_is_call(const struct sim_chunk *chunk)
{
	return chunk->kind == CHUNK_CALL || chunk->kind == CHUNK_ARGUMENTS;
}

static void wire_no_index(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		stream->chunks[i].call = -1;
}

static void wire_same_index(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		if (wire_is_call(&stream->chunks[i]))
			stream->chunks[i].call = 0;
}

static void wire_change_call_ids(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		if (stream->chunks[i].kind == CHUNK_ARGUMENTS)
			stream->chunks[i].id = text_format(
			    stream->completion.serving->arena, "call_%.*s",
			    TEXT_ARG(sim_identifier(stream->completion.serving, "other", i, 24)));
}

/* The name leaves a call's first fragment for the second; without a second one, one is made. */
static void wire_late_name(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		if (stream->chunks[i].kind != CHUNK_CALL)
			continue;
		struct sim_chunk first = stream->chunks[i];
		bool goes_on = i + 1 < stream->count &&
		               stream->chunks[i + 1].kind == CHUNK_ARGUMENTS &&
		               stream->chunks[i + 1].choice == first.choice;
		struct sim_chunk *second =
		    goes_on ? &stream->chunks[i + 1] : sim_stream_insert(stream, i + 1);
		second->kind = CHUNK_ARGUMENTS;
		second->choice = first.choice;
		second->call = first.call;
		second->name = first.name;
		if (second->text.data == NULL)
			second->text = TEXT("");
		stream->chunks[i].name = (struct text){0};
	}
}

/* Whether another fragment of the same call follows somewhere. */
static bool wire_call_goes_on(const struct sim_stream *stream, size_t at)
{
	for (size_t i = at + 1; i < stream->count; i++)
		if (wire_is_call(&stream->chunks[i]) &&
		    stream->chunks[i].choice == stream->chunks[at].choice &&
		    stream->chunks[i].call == stream->chunks[at].call)
			return true;
	return false;
}

static void wire_null_fragment(struct sim_stream *stream)
{
	for (size_t i = stream->count; i-- > 0;) {
		if (!wire_is_call(&stream->chunks[i]) || wire_call_goes_on(stream, i))
			continue;
		struct sim_chunk last = stream->chunks[i];
		struct sim_chunk *null = sim_stream_insert(stream, i + 1);
		null->kind = CHUNK_ARGUMENTS;
		null->choice = last.choice;
		null->call = last.call;
		null->null_arguments = true;
	}
}

static void wire_whole_arguments(struct sim_stream *stream)
{
	for (size_t i = stream->count; i-- > 0;) {
		struct sim_chunk *chunk = &stream->chunks[i];

		if (chunk->kind == CHUNK_ARGUMENTS)
			sim_stream_remove(stream, i);
		else if (chunk->kind == CHUNK_CALL)
			chunk->text =
			    stream->completion.choices[chunk->choice].calls[chunk->call].arguments;
	}
}

static void wire_single_characters(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		struct text text = stream->chunks[i].text;

		if (stream->chunks[i].kind != CHUNK_ARGUMENTS)
			continue;
		size_t size = text_utf8_sequence(text, NULL);
		if (size == 0 || size >= text.len)
			continue;
		struct sim_chunk first = stream->chunks[i];
		first.text = text_slice(text, 0, size);
		stream->chunks[i].text = text_slice(text, size, text.len);
		*sim_stream_insert(stream, i) = first;
	}
}

static void wire_braces_prefix(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		if (stream->chunks[i].kind == CHUNK_CALL)
			stream->chunks[i].text = TEXT("{}");
}

/* --- how it ends --- */

static void wire_cut_before_role(struct sim_stream *stream)
{
	wire_end_at(stream, 0, ENDING_CUT);
}

static void wire_cut_mid_content(struct sim_stream *stream)
{
	wire_end_at(stream, wire_middle(stream, CHUNK_CONTENT), ENDING_CUT);
}

static void wire_cut_mid_argument(struct sim_stream *stream)
{
	wire_end_at(stream, wire_middle(stream, CHUNK_ARGUMENTS), ENDING_CUT);
}

static void wire_cut_mid_event(struct sim_stream *stream)
{
	wire_end_at(stream, wire_middle_of_all(stream), ENDING_CUT);
	stream->torn_bytes = WIRE_TORN_BYTES;
}

static void wire_cut_after_finish(struct sim_stream *stream)
{
	wire_end_at(stream, wire_last(stream, CHUNK_FINISH) + 1, ENDING_CUT);
}

static void wire_cut_before_done(struct sim_stream *stream)
{
	wire_end_at(stream, wire_last(stream, CHUNK_RAW), ENDING_CUT);
}

static void wire_stall_headers(struct sim_stream *stream)
{
	wire_end_at(stream, 0, ENDING_HANG);
}

static void wire_stall_mid(struct sim_stream *stream)
{
	wire_end_at(stream, wire_middle_of_all(stream), ENDING_HANG);
}

/* Nothing from `from` up to [DONE]. */
static void wire_drop_rest(struct sim_stream *stream, size_t from)
{
	while (from + 1 < stream->count)
		sim_stream_remove(stream, stream->count - 2);
}

static void wire_end_without_finish(struct sim_stream *stream)
{
	wire_drop_rest(stream, wire_middle_of_all(stream));
}

static void wire_end_empty(struct sim_stream *stream)
{
	wire_drop_rest(stream, 0);
}

static const char inband_error[] =
    "data: {\"error\":{\"message\":\"The server had an error while processing your request.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"server_error\"}}\n\n";

static void wire_fail_at(struct sim_stream *stream, size_t at, bool done)
{
	wire_drop_rest(stream, at);
	wire_insert_raw(stream, at, text_of(inband_error));
	if (!done)
		sim_stream_remove(stream, stream->count - 1);
}

static void wire_fail_mid(struct sim_stream *stream)
{
	wire_fail_at(stream, wire_middle_of_all(stream), false);
}

static void wire_fail_mid_done(struct sim_stream *stream)
{
	wire_fail_at(stream, wire_middle_of_all(stream), true);
}

static void wire_fail_first(struct sim_stream *stream)
{
	wire_fail_at(stream, 0, false);
}

/* --- the table: first what changes chunks, then what ends the list --- */

static const struct {
	enum sim_break which;
	void (*act)(struct sim_stream *stream);
} wire_acts[] = {
    {SIM_ST_03, wire_change_ids},
    {SIM_ST_04, wire_no_role},
    {SIM_ST_05, wire_no_finish_key},
    {SIM_TOOL_WHOLE, wire_whole_arguments},
    {SIM_TS_08, wire_whole_arguments},
    {SIM_TOOL_ONE_CHARACTER, wire_single_characters},
    {SIM_TOOL_BRACES_PREFIX, wire_braces_prefix},
    {SIM_TS_04, wire_null_fragment},
    {SIM_TS_03, wire_late_name},
    {SIM_TOOL_CHANGING_IDS, wire_change_call_ids},
    {SIM_TS_02, wire_same_index},
    {SIM_TS_01, wire_no_index},
    {SIM_TOOL_INDEX_ONE, sim_break_index_from_one}, /* behind who looks calls up by it */
    {SIM_SU_01, wire_usage_on_finish},
    {SIM_USAGE_WITH_CHOICES, wire_usage_with_choice},
    {SIM_USAGE_EVERY_CHUNK, wire_usage_on_all},
    {SIM_ST_06, wire_finish_twice},
    {SIM_TORN_UTF8, wire_torn_utf8},
    {SIM_ST_07, wire_torn_utf8},
    {SIM_MALFORMED_EVENT, wire_malformed_event},
    {SIM_ST_01, wire_stray_brace},
    {SIM_ER_20, wire_end_empty},
    {SIM_END_WITHOUT_FINISH, wire_end_without_finish},
    {SIM_INBAND_ERROR, wire_fail_mid},
    {SIM_INBAND_ERROR_DONE, wire_fail_mid_done},
    {SIM_INBAND_ERROR_FIRST, wire_fail_first},
    {SIM_FILTER_CHUNK_FIRST, wire_filter_chunk},
    {SIM_COMMENTS, wire_comments},
    {SIM_HT_04, wire_notes},
    {SIM_ST_02, wire_no_done},
    {SIM_CRLF, wire_crlf},
    {SIM_STREAM_BURST, wire_burst},
    {SIM_HT_03, wire_burst},
    {SIM_ST_11, wire_strange_member},
    {SIM_ST_12, wire_slow},
    {SIM_ST_13, wire_stand_still},
};

/* Applied to a list that changes no more: they name a place in it. */
static const struct {
	enum sim_break which;
	void (*act)(struct sim_stream *stream);
} wire_endings[] = {
    {SIM_CUT_BEFORE_DONE, wire_cut_before_done}, {SIM_CUT_AFTER_FINISH, wire_cut_after_finish},
    {SIM_CUT_MID_CONTENT, wire_cut_mid_content}, {SIM_CUT_MID_ARGUMENT, wire_cut_mid_argument},
    {SIM_CUT_MID_EVENT, wire_cut_mid_event},     {SIM_STALL_MID, wire_stall_mid},
    {SIM_STALL_HEADERS, wire_stall_headers},     {SIM_CUT_BEFORE_ROLE, wire_cut_before_role},
};

void sim_break_stream(struct sim_stream *stream)
{
	const struct sim_serving *serving = stream->completion.serving;

	sim_break_chunks(stream);
	if (serving->azure && stream->completion.ask->endpoint == ENDPOINT_CHAT) {
		sim_break_azure(stream);
		wire_filter_chunk(stream);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(wire_acts); i++)
		if (sim_breaks(serving, wire_acts[i].which))
			wire_acts[i].act(stream);
	sim_break_endings(stream);
}

void sim_break_endings(struct sim_stream *stream)
{
	const struct sim_serving *serving = stream->completion.serving;

	stream->end = stream->count;
	for (size_t i = 0; i < ARRAY_LENGTH(wire_endings); i++)
		if (sim_breaks(serving, wire_endings[i].which))
			wire_endings[i].act(stream);
}
