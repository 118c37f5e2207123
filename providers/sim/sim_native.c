/*
 * The way of a request in another dialect than OpenAI's: admitted by its key, read into a chat
 * request, answered by the same model and the same defects, and said in the dialect's words.
 */
#include "providers/sim/sim_native.h"
#include "providers/sim/sim_bedrock.h"

/* --- where to --- */

static const struct {
	const char *path;
	const struct sim_native *native;
	bool counted;
} native_paths[] = {
    {"/v1/messages", &sim_anthropic, false},
    {"/v1/messages/count_tokens", &sim_anthropic, true},
    {"/v2/chat", &sim_cohere, false},
    {"/api/chat", &sim_ollama, false},
};

static const char gemini_prefix[] = "/v1beta/models/";

/* "MODEL:generateContent" behind the prefix. */
static bool native_find_gemini(struct text path, struct sim_native_ask *ask)
{
	static const char *const actions[] = {":generateContent", ":streamGenerateContent",
	                                      ":countTokens"};

	if (!text_starts(path, text_of(gemini_prefix)))
		return false;
	struct text rest = text_slice(path, strlen(gemini_prefix), path.len);
	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
		if (!text_ends(rest, text_of(actions[i])))
			continue;
		ask->model = text_slice(rest, 0, rest.len - strlen(actions[i]));
		ask->counted = i == 2;
		return ask->model.len > 0;
	}
	return false;
}

static const struct sim_native *native_find(const struct sim_request *request,
                                            struct sim_native_ask *ask)
{
	for (size_t i = 0; i < ARRAY_LENGTH(native_paths); i++) {
		if (!text_is(request->path, native_paths[i].path))
			continue;
		ask->counted = native_paths[i].counted;
		return native_paths[i].native;
	}
	if (sim_bedrock_path(request->path, ask->serving->arena, &ask->model,
	                     &ask->streamed_by_path))
		return &sim_bedrock;
	return native_find_gemini(request->path, ask) ? &sim_gemini : NULL;
}

/* --- the question --- */

/* The chat request that it amounts to. */
static bool native_read(struct sim_native_ask *ask)
{
	const struct sim_serving *serving = ask->serving;
	struct json_writer writer;
	struct text_buf chat;
	struct fault fault;

	text_buf_init(&chat, SIM_BODY_MAX_BYTES);
	json_writer_init(&writer, &chat, false);
	ask->writer = &writer;
	ask->buffer = &chat;
	json_write_object(&writer);
	bool good = serving->native->read(ask);
	if (good) {
		json_write_member_bool(&writer, "stream", serving->streamed);
		json_write_object_end(&writer);
		good = !chat.overflow &&
		       json_read_text(text_copy(serving->arena, text_buf_view(&chat)), "request",
		                      serving->arena, &ask->chat, &fault);
		if (!good)
			(void)sim_native_refuse(ask, "The request is too large.");
	}
	text_buf_done(&chat);
	return good;
}

/* --- the answer --- */

static bool native_body(struct text_buf *body, struct sim_output *out, struct arena *arena,
                        struct sim_error *error)
{
	bool fits = !body->overflow;

	if (fits)
		out->body = text_copy(arena, text_buf_view(body));
	text_buf_done(body);
	return fits ? true
	            : sim_refuse(error, "reply_too_large", (struct text){0},
	                         TEXT("The reply would be larger than 64 MiB."));
}

/* Without SSE: the events as the elements of one array. */
static void native_join_array(struct sim_stream *stream)
{
	struct arena *arena = stream->completion.serving->arena;

	for (size_t i = 0; i < stream->count; i++) {
		struct text event = text_trim(stream->chunks[i].native);
		if (text_starts(event, TEXT("data: ")))
			event = text_slice(event, 6, event.len);
		stream->chunks[i].native =
		    text_format(arena, "%s%.*s", i == 0 ? "[" : ",\n", TEXT_ARG(event));
	}
	sim_native_event_raw(stream, stream->count, CHUNK_RAW, TEXT("]\n"));
}

static void native_stream(const struct sim_completion *completion, bool array,
                          struct sim_output *out)
{
	const struct sim_native *native = completion->serving->native;

	out->stream = ARENA_NEW(completion->serving->arena, struct sim_stream);
	sim_native_stream_begin(completion, out->stream);
	native->stream(completion, out->stream);
	sim_break_native_stream(out->stream);
	if (array)
		native_join_array(out->stream);
	sim_output_replace_header(out, "content-type",
	                          array ? TEXT("application/json; charset=UTF-8")
	                                : text_of(native->stream_type));
}

static bool native_render(const struct sim_completion *completion, bool array,
                          struct sim_output *out, struct sim_error *error)
{
	const struct sim_serving *serving = completion->serving;
	const struct sim_native *native = serving->native;
	struct json_writer writer;
	struct text_buf body;

	if (native->limits != NULL)
		native->limits(serving, completion->usage.total, out);
	if (serving->streamed && !sim_breaks(serving, SIM_JSON_ON_STREAM)) {
		native_stream(completion, array, out);
		return true;
	}
	text_buf_init(&body, SIM_BODY_MAX_BYTES);
	json_writer_init(&writer, &body, false);
	native->render(completion, &writer);
	return native_body(&body, out, serving->arena, error);
}

static bool native_count(const struct sim_serving *serving, const struct sim_ask *ask,
                         struct sim_output *out)
{
	out->body = text_format(serving->arena,
	                        serving->native == &sim_gemini ? "{\"totalTokens\":%lld}"
	                                                       : "{\"input_tokens\":%lld}",
	                        (long long)ask->prompt_tokens);
	return true;
}

static bool native_answer(struct sim_serving *serving, const struct sim_request *request,
                          struct sim_native_ask *native, struct sim_output *out,
                          struct sim_error *error)
{
	struct sim_ask *ask = ARENA_NEW(serving->arena, struct sim_ask);
	struct sim_completion *completion = ARENA_NEW(serving->arena, struct sim_completion);
	struct json *body;

	if (!serving->native->admit(serving, request, error) ||
	    !sim_route_read(serving, request->body, &body, error))
		return false;
	native->body = body;
	serving->streamed = serving->native->is_streamed(native);
	bool readable = native_read(native);
	if (readable && !native->counted)
		sim_route_ask_oracle(serving, &(struct sim_question){ENDPOINT_CHAT, native->chat,
		                                                     serving->native->carried});
	if (sim_break_route(serving, out) || sim_break_travel(serving, request, out))
		return true;
	if (!readable || !sim_question_read(serving, ENDPOINT_CHAT, native->chat, ask, error))
		return false;
	if (native->counted)
		return native_count(serving, ask, out);
	ask->thinks = native->thinks;
	if (!sim_route_say(serving, ask, completion, error))
		return false;
	sim_break_completion(completion);
	sim_break_native_completion(completion);
	return native_render(completion, native->array, out, error);
}

/* No header of OpenAI's. */
static void native_start_output(const struct sim_serving *serving, struct sim_output *out)
{
	*out = (struct sim_output){.status = 200};
	sim_output_header(out, "content-type", TEXT("application/json"));
	if (sim_breaks(serving, SIM_HT_11))
		return;
	sim_output_header(
	    out,
	    serving->native == &sim_anthropic ? "request-id"
	    : serving->native == &sim_bedrock ? "x-amzn-requestid"
	    : serving->native == &sim_cohere  ? "x-debug-trace-id"
					      : "x-request-id",
	    text_format(serving->arena, "req_%.*s", TEXT_ARG(text_slice(serving->digest, 0, 24))));
}

bool sim_native_serve(struct sim_serving *serving, const struct sim_request *request,
                      struct sim_output *out, bool *good, struct sim_error *error)
{
	struct sim_native_ask ask = {.serving = serving, .error = error};
	const struct sim_native *native = native_find(request, &ask);

	if (native == NULL || sim_breaks(serving, SIM_CHAT_ONLY))
		return false;
	serving->native = native;
	if (native == &sim_gemini)
		ask.streamed_by_path = text_ends(request->path, TEXT(":streamGenerateContent"));
	ask.array = native == &sim_gemini && ask.streamed_by_path &&
	            text_find(request->query, TEXT("alt=sse"), 0) == TEXT_NOT_FOUND;
	native_start_output(serving, out);
	if (text_is(request->method, "POST")) {
		*good = native_answer(serving, request, &ask, out, error);
		return true;
	}
	*good =
	    sim_refuse(error, "method_not_supported", (struct text){0}, TEXT("Method Not Allowed"));
	error->status = 405;
	return true;
}
