/*
 * The chunks of a stream go wrong: their order, their usage, the choice and the call
 * they belong to. Each row of the table at the end is one defect, as in sim_break_wire.c.
 */
#include "providers/sim/sim_private.h"

/* The last chunk of that kind, or `count` where there is none. */
static size_t chunks_last(const struct sim_stream *stream, enum sim_chunk_kind kind)
{
	for (size_t i = stream->count; i-- > 0;)
		if (stream->chunks[i].kind == kind)
			return i;
	return stream->count;
}

/* A chunk like the one at `at`, of another kind, before it. */
static struct sim_chunk *chunks_insert(struct sim_stream *stream, size_t at,
                                       enum sim_chunk_kind kind, struct text text)
{
	size_t choice = stream->chunks[at].choice;
	struct sim_chunk *chunk = sim_stream_insert(stream, at);

	chunk->kind = kind;
	chunk->choice = choice;
	chunk->text = text;
	return chunk;
}

static void chunks_think_late(struct sim_stream *stream)
{
	size_t finish = chunks_last(stream, CHUNK_FINISH);

	if (finish < stream->count && chunks_last(stream, CHUNK_CONTENT) < stream->count)
		(void)chunks_insert(stream, finish, CHUNK_REASONING, TEXT("That was it."));
}

static void chunks_without_choices(struct sim_stream *stream)
{
	size_t finish = chunks_last(stream, CHUNK_FINISH);

	if (finish < stream->count)
		(void)chunks_insert(
		    stream, finish, CHUNK_RAW,
		    text_format(
			stream->completion.serving->arena,
			"data: {\"id\":\"%.*s\",\"object\":\"%.*s\",\"created\":%lld,"
			"\"model\":\"%.*s\",\"choices\":[]}\n\n",
			TEXT_ARG(stream->completion.id), TEXT_ARG(stream->completion.chunk_object),
			(long long)stream->completion.created, TEXT_ARG(stream->completion.model)));
}

static void chunks_same_choice(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		stream->chunks[i].choice = 0;
}

static void chunks_usage_unasked(struct sim_stream *stream)
{
	size_t done = chunks_last(stream, CHUNK_RAW);

	if (!stream->completion.ask->usage_asked && done < stream->count)
		(void)chunks_insert(stream, done, CHUNK_USAGE, (struct text){0});
}

/* Every chunk counts itself, and so does the last one, which has nothing left to count. */
static void chunks_usage_in_parts(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		struct sim_chunk *chunk = &stream->chunks[i];

		if (chunk->kind == CHUNK_RAW)
			continue;
		chunk->with_usage = true;
		chunk->tokens_so_far = chunk->kind == CHUNK_CONTENT;
	}
}

static void chunks_arguments_to_first(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		if (stream->chunks[i].kind == CHUNK_ARGUMENTS)
			stream->chunks[i].call = 0;
}

static void chunks_finish_early(struct sim_stream *stream)
{
	size_t fragment = chunks_last(stream, CHUNK_ARGUMENTS);
	size_t finish = chunks_last(stream, CHUNK_FINISH);

	if (fragment == stream->count || finish == stream->count || finish < fragment)
		return;
	struct sim_chunk copy = stream->chunks[finish];
	sim_stream_remove(stream, finish);
	*sim_stream_insert(stream, fragment) = copy;
}

/* As blocks of content are counted, of which the first is text. */
void sim_break_index_from_one(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		if (stream->chunks[i].call >= 0)
			stream->chunks[i].call++;
}

static void chunks_empty_ids(struct sim_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		if (stream->chunks[i].kind == CHUNK_ARGUMENTS)
			stream->chunks[i].id = TEXT("");
}

static const struct {
	enum sim_break which;
	void (*act)(struct sim_stream *stream);
} chunks_acts[] = {
    {SIM_RE_02, chunks_think_late},     {SIM_ST_08, chunks_without_choices},
    {SIM_ST_10, chunks_same_choice},    {SIM_SU_02, chunks_usage_unasked},
    {SIM_SU_04, chunks_usage_in_parts}, {SIM_TS_05, chunks_arguments_to_first},
    {SIM_TS_07, chunks_finish_early},   {SIM_TOOL_EMPTY_IDS, chunks_empty_ids},
};

void sim_break_chunks(struct sim_stream *stream)
{
	for (size_t i = 0; i < ARRAY_LENGTH(chunks_acts); i++)
		if (sim_breaks(stream->completion.serving, chunks_acts[i].which))
			chunks_acts[i].act(stream);
}
