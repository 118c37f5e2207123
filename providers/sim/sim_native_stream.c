/* Streams of native dialects: a list of chunks whose bytes are made here, each with its kind, so
 * that a fault finds the middle of what is said, or its end. */
#include "providers/sim/sim_native.h"

enum { NATIVE_ARGUMENT_BYTES = 8 }; /* of a fragment of arguments, about */

void sim_native_stream_begin(const struct sim_completion *completion, struct sim_stream *out)
{
	*out = (struct sim_stream){.completion = *completion,
	                           .pause_ms = completion->serving->reference.pause_ms};
}

void sim_native_event_begin(struct sim_native_event *event, struct sim_stream *stream,
                            const char *name, bool lines)
{
	event->stream = stream;
	text_buf_init(&event->bytes, SIM_BODY_MAX_BYTES);
	if (name != NULL)
		text_buf_format(&event->bytes, "event: %s\n", name);
	if (!lines)
		text_buf_add_c(&event->bytes, "data: ");
	json_writer_init(&event->json, &event->bytes, false);
	json_write_object(&event->json);
}

void sim_native_event_end(struct sim_native_event *event, enum sim_chunk_kind kind,
                          const char *behind)
{
	struct sim_stream *stream = event->stream;

	json_write_object_end(&event->json);
	text_buf_add_c(&event->bytes, behind);
	sim_native_event_raw(stream, stream->count, kind, text_buf_view(&event->bytes));
	text_buf_done(&event->bytes);
}

void sim_native_event_raw(struct sim_stream *stream, size_t at, enum sim_chunk_kind kind,
                          struct text bytes)
{
	struct sim_chunk *chunk = sim_stream_insert(stream, at);

	chunk->kind = kind;
	chunk->native = text_copy(stream->completion.serving->arena, bytes);
	stream->end = stream->count;
}

struct text sim_native_piece(struct text whole, size_t from, bool arguments)
{
	if (!arguments)
		return text_slice(whole, from,
		                  from + sim_tokens_next(text_slice(whole, from, whole.len)));
	size_t end = size_min(from + NATIVE_ARGUMENT_BYTES, whole.len);
	while (end < whole.len && ((unsigned char)whole.data[end] & 0xc0) == 0x80)
		end++;
	return text_slice(whole, from, end);
}
