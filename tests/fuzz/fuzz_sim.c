/*
 * Any bytes as a request to the simulator: the first byte chooses endpoint and defect, the rest
 * is the body. Unbroken, it answers with one JSON value or a stream of them; broken, with
 * whatever, and stands.
 */
#include "providers/sim/sim_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {"/v1/chat/completions", "/v1/responses", "/v1/completions",
                                    "/v1/embeddings"};

static void require_json(struct text bytes, struct arena *arena)
{
	struct json *root;
	struct fault fault;

	REQUIRE(json_read_text(bytes, "answer", arena, &root, &fault));
}

static void write_stream(const struct sim_stream *stream, bool broken, struct arena *arena)
{
	struct text_buf out;

	REQUIRE(stream->end <= stream->count);
	for (size_t i = 0; i < stream->end; i++) {
		text_buf_init(&out, SIM_BODY_MAX_BYTES);
		sim_stream_write(stream, i, &out);
		REQUIRE(!out.overflow);
		/* "data: {...}" alone, or behind a line with the event's name. */
		size_t data = text_find(text_buf_view(&out), TEXT("data: {"), 0);
		if (!broken && data != TEXT_NOT_FOUND)
			require_json(text_slice(text_buf_view(&out), data + 6, out.len - 2), arena);
		text_buf_done(&out);
	}
}

static const char *defect_of(uint8_t byte)
{
	size_t at = byte / ARRAY_LENGTH(paths);

	for (const struct sim_defect_info *row = sim_defects; row->id != NULL; row++)
		if (at-- == 1)
			return row->id;
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_options options = sim_defaults;
	struct sim_setup setup;
	struct sim_output output;
	struct arena arena = {0};
	struct fault fault;

	if (size == 0)
		return 0;
	struct text breaks = text_of(defect_of(data[0]));
	options.breaks = &breaks;
	options.break_count = breaks.data != NULL;
	REQUIRE(sim_setup_init(&setup, &options, &fault));
	struct sim_request request = {
	    .method = TEXT("POST"),
	    .path = text_of(paths[data[0] % ARRAY_LENGTH(paths)]),
	    .authorization = TEXT("Bearer sim-key"),
	    .body = {(const char *)data + 1, size - 1},
	    .serial = 1,
	};
	sim_route(&setup, &request, &arena, &output);
	if (output.stream != NULL)
		write_stream(output.stream, breaks.data != NULL, &arena);
	else if (breaks.data == NULL)
		require_json(output.body, &arena);
	arena_done(&arena);
	sim_setup_done(&setup);
	return 0;
}
