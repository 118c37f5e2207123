/*
 * What the tests of the simulator share: a setup without socket, a request put to it,
 * and the bytes of its answer, streamed or not.
 */
#ifndef PROVISO_TESTS_UNIT_PROVIDERS_SIM_DESK_H
#define PROVISO_TESTS_UNIT_PROVIDERS_SIM_DESK_H

#include "providers/sim/sim_private.h"
#include "tests/unit/unit.h"

struct desk {
	struct arena arena;
	struct sim_setup setup;
	struct sim_output output; /* of the last request */
	struct text bytes;        /* its body, or the whole stream */
	struct json *body;        /* NULL: the bytes are no JSON */
	int64_t serial;
};

/* breaks: names separated by blanks, or NULL. */
static inline void desk_open_with(struct desk *desk, const struct sim_options *base,
                                  const char *breaks)
{
	struct sim_options options = *base;
	struct text names[16], rest = text_of(breaks);
	struct fault fault;
	size_t count = 0;

	*desk = (struct desk){0};
	while (text_next_field(&rest, ' ', &names[count]))
		count++;
	options.breaks = names;
	options.break_count = count;
	ck_assert_msg(sim_setup_init(&desk->setup, &options, &fault), "%s", fault.message);
}

static inline void desk_open(struct desk *desk, const char *breaks)
{
	desk_open_with(desk, &sim_defaults, breaks);
}

static inline void desk_close(struct desk *desk)
{
	arena_done(&desk->arena);
	sim_setup_done(&desk->setup);
}

static inline void desk_collect(struct desk *desk)
{
	struct text_buf out;
	struct fault fault;

	desk->bytes = desk->output.body;
	if (desk->output.stream != NULL) {
		text_buf_init(&out, SIM_BODY_MAX_BYTES);
		for (size_t i = 0; i < desk->output.stream->end; i++)
			sim_stream_write(desk->output.stream, i, &out);
		desk->bytes = text_copy(&desk->arena, text_buf_view(&out));
		text_buf_done(&out);
	}
	if (!json_read_text(desk->bytes, "answer", &desk->arena, &desk->body, &fault))
		desk->body = NULL;
}

static inline void desk_send(struct desk *desk, const char *method, const char *path,
                             const char *key, struct text body)
{
	struct sim_request request = {
	    .method = text_of(method),
	    .path = text_of(path),
	    .authorization = text_of(key),
	    .body = body,
	    .serial = ++desk->serial,
	    .wall_ms = 1795255200123, /* 2026-11-21T10:00:00.123Z */
	};

	sim_route(&desk->setup, &request, &desk->arena, &desk->output);
	desk_collect(desk);
}

/* A chat request; in `body` a single quote stands for a double one. */
static inline void desk_ask(struct desk *desk, const char *body)
{
	struct text json = text_copy(&desk->arena, text_of(body));
	char *bytes = arena_alloc_bytes(&desk->arena, json.len + 1);

	for (size_t i = 0; i < json.len; i++)
		bytes[i] = json.data[i] == '\'' ? '"' : json.data[i];
	desk_send(desk, "POST", "/v1/chat/completions", "Bearer sim-key",
	          (struct text){bytes, json.len});
}

static inline struct text desk_at(const struct desk *desk, const char *pointer)
{
	const struct json *node = json_pointer(desk->body, text_of(pointer));

	return node == NULL ? (struct text){0} : node->text;
}

static inline bool desk_says(const struct desk *desk, const char *part)
{
	return text_find(desk->bytes, text_of(part), 0) != TEXT_NOT_FOUND;
}

static inline size_t desk_count(const struct desk *desk, const char *part)
{
	size_t count = 0;

	for (size_t at = 0; (at = text_find(desk->bytes, text_of(part), at)) != TEXT_NOT_FOUND;
	     at++)
		count++;
	return count;
}

static inline struct text desk_header(const struct desk *desk, const char *name)
{
	for (size_t i = 0; i < desk->output.header_count; i++)
		if (text_is(desk->output.headers[i].name, name))
			return desk->output.headers[i].value;
	return (struct text){0};
}

/* The text that a stream's deltas join to, of choice 0. */
static inline struct text desk_joined(struct desk *desk, const char *pointer)
{
	struct text rest = desk->bytes, line;
	struct text_buf out;

	text_buf_init(&out, SIM_BODY_MAX_BYTES);
	while (text_next_field(&rest, '\n', &line)) {
		struct json *event;
		struct fault fault;

		line = text_trim(line);
		if (!text_starts(line, TEXT("data: {")) ||
		    !json_read_text(text_slice(line, 6, line.len), "event", &desk->arena, &event,
		                    &fault))
			continue;
		const struct json *node = json_pointer(event, text_of(pointer));
		if (json_is(node, JSON_STRING))
			text_buf_add(&out, node->text);
	}
	struct text joined = text_copy(&desk->arena, text_buf_view(&out));
	text_buf_done(&out);
	return joined;
}

#endif
