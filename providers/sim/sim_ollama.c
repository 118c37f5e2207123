/*
 * Ollama's own /api/chat (Ollama API reference, "Generate a chat completion"): streamed unless it
 * is told not to, one JSON object a line, calls with objects as arguments, pictures beside the
 * text. With a key, as at its cloud.
 */
#include "harness/base/loop.h"
#include "providers/sim/sim_native.h"

enum { OLLAMA_PENDING_MAX = 64, OLLAMA_CALL_ID_SIZE = 8 };

static const char *const ollama_carried[] = {"max_tokens",
                                             "temperature",
                                             "top_p",
                                             "stop",
                                             "tools",
                                             "response_format",
                                             "seed",
                                             "presence_penalty",
                                             "frequency_penalty",
                                             "reasoning_effort",
                                             NULL};

struct ollama_turns {
	struct sim_native_ask *ask;
	size_t index;
	struct {
		struct text id, name;
	} pending[OLLAMA_PENDING_MAX];
	size_t pending_count;
};

/* --- the question --- */

static bool admit(const struct sim_serving *serving, const struct sim_request *request,
                  struct sim_error *error)
{
	if (sim_native_admits(serving, http_bearer(request->authorization)))
		return true;
	(void)sim_refuse(error, "invalid_api_key", (struct text){0}, TEXT("unauthorized"));
	error->status = 401;
	return false;
}

static bool is_streamed(const struct sim_native_ask *ask)
{
	return json_truth(ask->body, "stream", true);
}

static bool refuse_type(struct ollama_turns *turns, const struct json *got, const char *field,
                        const char *wanted)
{
	return sim_native_refuse(
	    turns->ask,
	    "json: cannot unmarshal %s into Go struct field ChatRequest.messages.%s of type %s",
	    json_type_name(got), field, wanted);
}

static bool write_content(struct ollama_turns *turns, const struct json *message)
{
	struct sim_native_ask *ask = turns->ask;
	const struct json *content = sim_native_field(message, "content", NULL);
	const struct json *images = sim_native_field(message, "images", NULL);
	struct text text = content == NULL ? TEXT("") : content->text;

	if (content != NULL && content->type != JSON_STRING)
		return refuse_type(turns, content, "content", "string");
	json_write_key(ask->writer, "content");
	if (images == NULL || images->count == 0) {
		json_write_string(ask->writer, text);
		return true;
	}
	json_write_array(ask->writer);
	sim_native_text_part(ask, text);
	JSON_EACH(image, images)
	{
		struct text type = json_is(image, JSON_STRING) ? sim_native_image_type(image->text)
		                                               : (struct text){0};
		if (json_is(image, JSON_STRING) &&
		    text_find_byte(image->text, ':', 0) < image->text.len)
			return sim_native_refuse(ask, "illegal base64 data at input byte %zu",
			                         text_find_byte(image->text, ':', 0));
		if (type.data == NULL)
			return sim_native_refuse(ask, "Failed to load image or audio file");
		sim_native_image_part(ask, type, image->text);
	}
	json_write_array_end(ask->writer);
	return true;
}

static bool write_calls(struct ollama_turns *turns, const struct json *calls)
{
	struct sim_native_ask *ask = turns->ask;

	if (calls == NULL || calls->count == 0)
		return true;
	turns->pending_count = 0;
	json_write_key(ask->writer, "tool_calls");
	json_write_array(ask->writer);
	JSON_EACH(call, calls)
	{
		const struct json *function = json_member(call, "function");
		const struct json *arguments = json_member(function, "arguments");
		struct text id = json_string(call, "id");
		if (!json_is(arguments, JSON_OBJECT))
			return refuse_type(turns, arguments, "tool_calls.function.arguments",
			                   "api.ToolCallFunctionArguments");
		if (id.len == 0)
			id = text_format(ask->serving->arena, "call-%zu-%zu", turns->index,
			                 turns->pending_count);
		if (turns->pending_count < OLLAMA_PENDING_MAX) {
			turns->pending[turns->pending_count].id = id;
			turns->pending[turns->pending_count].name = json_string(function, "name");
			turns->pending_count++;
		}
		sim_native_call(ask, id, json_string(function, "name"),
		                json_to_text(ask->serving->arena, arguments));
	}
	json_write_array_end(ask->writer);
	return true;
}

/* By its id, by the tool's name, else the next that waits. */
static struct text take_pending(struct ollama_turns *turns, const struct json *message)
{
	struct text id = json_string(message, "tool_call_id");
	struct text name = json_string(message, "tool_name");
	size_t found = turns->pending_count;

	for (size_t i = turns->pending_count; i-- > 0;) {
		bool fits = id.len > 0     ? text_equal(id, turns->pending[i].id)
		            : name.len > 0 ? text_equal(name, turns->pending[i].name)
		                           : true;
		found = fits ? i : found;
	}
	if (found == turns->pending_count)
		return id.len > 0 ? id : TEXT("unknown");
	id = turns->pending[found].id;
	turns->pending_count--;
	for (size_t i = found; i < turns->pending_count; i++)
		turns->pending[i] = turns->pending[i + 1];
	return id;
}

static bool write_message(struct ollama_turns *turns, const struct json *message)
{
	struct sim_native_ask *ask = turns->ask;
	static const char *const roles[] = {"system", "user", "assistant", "tool"};
	struct text role = json_string(message, "role");
	size_t at = 0;

	while (at < ARRAY_LENGTH(roles) && !text_is(role, roles[at]))
		at++;
	if (at == ARRAY_LENGTH(roles))
		return sim_native_refuse(ask,
		                         "invalid role: %.*s, role must be one of [system, user, "
		                         "assistant, tool]",
		                         TEXT_ARG(text_slice(role, 0, 40)));
	json_write_object(ask->writer);
	json_write_member(ask->writer, "role", role);
	if (text_is(role, "tool"))
		json_write_member(ask->writer, "tool_call_id", take_pending(turns, message));
	if (!write_content(turns, message) ||
	    !write_calls(turns, sim_native_field(message, "tool_calls", NULL)))
		return false;
	json_write_object_end(ask->writer);
	turns->index++;
	return true;
}

static bool write_messages(struct sim_native_ask *ask)
{
	struct ollama_turns *turns = ARENA_NEW(ask->serving->arena, struct ollama_turns);
	const struct json *messages = json_member(ask->body, "messages");

	turns->ask = ask;
	if (messages != NULL && messages->type != JSON_ARRAY)
		return sim_native_refuse(ask,
		                         "json: cannot unmarshal %s into Go struct field "
		                         "ChatRequest.messages of type []api.Message",
		                         json_type_name(messages));
	json_write_key(ask->writer, "messages");
	json_write_array(ask->writer);
	JSON_EACH(message, messages)
	{
		if (!write_message(turns, message))
			return false;
	}
	json_write_array_end(ask->writer);
	return true;
}

static bool write_options(struct sim_native_ask *ask)
{
	static const struct {
		const char *name, *chat;
	} numbers[] = {{"temperature", "temperature"},
	               {"top_p", "top_p"},
	               {"seed", "seed"},
	               {"presence_penalty", "presence_penalty"},
	               {"frequency_penalty", "frequency_penalty"}};
	const struct json *options = sim_breaks(ask->serving, SIM_OLLAMA_IGNORES_OPTIONS)
	                                 ? NULL
	                                 : sim_native_field(ask->body, "options", NULL);
	const struct json *stop = sim_native_field(options, "stop", NULL);
	int64_t predict;

	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		const struct json *number = sim_native_field(options, numbers[i].name, NULL);
		if (number != NULL && number->type != JSON_NUMBER)
			return sim_native_refuse(ask, "option \"%s\" must be of type float32",
			                         numbers[i].name);
		sim_native_copy(ask, options, numbers[i].name, numbers[i].chat);
	}
	/* Below 1: without end. */
	if (json_integer(options, "num_predict", 1, INT32_MAX, &predict))
		json_write_member_int(ask->writer, "max_tokens", predict);
	if (stop != NULL && stop->type != JSON_ARRAY)
		return sim_native_refuse(ask, "option \"stop\" must be of type array");
	if (stop != NULL && stop->count > 0)
		sim_native_copy(ask, options, "stop", "stop");
	return true;
}

static bool write_others(struct sim_native_ask *ask)
{
	const struct json *format = sim_native_field(ask->body, "format", NULL);
	const struct json *think = sim_native_field(ask->body, "think", NULL);
	const struct json *tools = sim_native_field(ask->body, "tools", NULL);

	if (tools != NULL && tools->count > 0)
		sim_native_copy(ask, ask->body, "tools", "tools");
	if (format != NULL && sim_breaks(ask->serving, SIM_OLLAMA_IGNORES_FORMAT))
		format = NULL;
	if (json_is(format, JSON_OBJECT))
		sim_native_format(ask, format);
	else if (json_is(format, JSON_STRING) && text_is(format->text, "json"))
		sim_native_format(ask, NULL);
	else if (format != NULL && !(json_is(format, JSON_STRING) && format->text.len == 0))
		return sim_native_refuse(
		    ask, "invalid format: expected \"json\" or a JSON schema object");
	if (json_is(think, JSON_BOOL)) {
		ask->thinks = think->truth;
		json_write_member_c(ask->writer, "reasoning_effort",
		                    think->truth ? "medium" : "none");
	} else if (json_is(think, JSON_STRING)) {
		ask->thinks = true;
		json_write_member(ask->writer, "reasoning_effort", think->text);
	}
	return true;
}

static bool read_request(struct sim_native_ask *ask)
{
	struct text model = json_string(ask->body, "model");

	if (model.len == 0)
		return sim_native_refuse(ask, "model is required");
	json_write_member(ask->writer, "model", model);
	return write_messages(ask) && write_options(ask) && write_others(ask);
}

/* --- the reply --- */

static void write_head(const struct sim_completion *completion, struct json_writer *writer)
{
	json_write_member(writer, "model", completion->model);
	json_write_member(
	    writer, "created_at",
	    wall_format(completion->serving->arena, completion->serving->wall_ms, true));
}

static void write_calls_of(const struct sim_completion *completion, struct json_writer *writer)
{
	const struct sim_choice *choice = &completion->choices[0];

	json_write_key(writer, "tool_calls");
	json_write_array(writer);
	for (size_t i = 0; i < choice->call_count; i++) {
		const struct sim_call *call = &choice->calls[i];
		const struct json *arguments = sim_native_arguments(completion->serving, call);
		json_write_object(writer);
		json_write_member(
		    writer, "id",
		    text_slice(call->id, 0, size_min(call->id.len, 5 + OLLAMA_CALL_ID_SIZE)));
		json_write_key(writer, "function");
		json_write_object(writer);
		json_write_member_int(writer, "index", (int64_t)i);
		json_write_member(writer, "name", call->name);
		json_write_key(writer, "arguments");
		if (sim_breaks(completion->serving, SIM_OLLAMA_TEXT_ARGUMENTS))
			json_write_string(writer, call->arguments);
		else if (arguments != NULL)
			json_write_node(writer, arguments);
		else
			json_write_raw(writer, TEXT("{}"));
		json_write_object_end(writer);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_end(const struct sim_completion *completion, struct json_writer *writer)
{
	const struct sim_usage *usage = &completion->usage;
	bool cut = text_is(completion->choices[0].finish, "length");

	json_write_member_bool(writer, "done", true);
	bool loaded = text_is(completion->choices[0].finish, SIM_OLLAMA_LOADED);
	json_write_member_c(writer, "done_reason",
	                    cut      ? "length"
	                    : loaded ? SIM_OLLAMA_LOADED
	                             : "stop");
	json_write_member_int(writer, "total_duration", 1735248334);
	json_write_member_int(writer, "load_duration", 139246000);
	if (!usage->present)
		return;
	json_write_member_int(writer, "prompt_eval_count", usage->prompt);
	json_write_member_int(writer, "prompt_eval_duration", 247164000);
	json_write_member_int(writer, "eval_count", usage->completion);
	json_write_member_int(writer, "eval_duration", 1337032000);
}

static void render(const struct sim_completion *completion, struct json_writer *writer)
{
	const struct sim_choice *choice = &completion->choices[0];

	json_write_object(writer);
	write_head(completion, writer);
	json_write_key(writer, "message");
	json_write_object(writer);
	json_write_member_c(writer, "role", "assistant");
	json_write_member(writer, "content",
	                  choice->content.len > 0   ? choice->content
	                  : choice->refusal.len > 0 ? choice->refusal
	                                            : TEXT(""));
	if (choice->reasoning.len > 0)
		json_write_member(writer, "thinking", choice->reasoning);
	if (choice->call_count > 0)
		write_calls_of(completion, writer);
	json_write_object_end(writer);
	write_end(completion, writer);
	json_write_object_end(writer);
}

/* --- lines --- */

/* `message` is open behind it. */
static void begin_line(struct sim_native_event *line, const struct sim_completion *completion,
                       struct sim_stream *out, struct text content)
{
	sim_native_event_begin(line, out, NULL, true);
	write_head(completion, &line->json);
	json_write_key(&line->json, "message");
	json_write_object(&line->json);
	json_write_member_c(&line->json, "role", "assistant");
	json_write_member(&line->json, "content", content);
}

static void add_text(const struct sim_completion *completion, struct sim_stream *out,
                     struct text whole, bool thought)
{
	struct sim_native_event line;

	for (size_t at = 0; at < whole.len;) {
		struct text piece = sim_native_piece(whole, at, false);
		at += piece.len;
		begin_line(&line, completion, out, thought ? TEXT("") : piece);
		if (thought)
			json_write_member(&line.json, "thinking", piece);
		json_write_object_end(&line.json);
		json_write_member_bool(&line.json, "done", false);
		sim_native_event_end(&line, thought ? CHUNK_REASONING : CHUNK_CONTENT, "\n");
	}
}

static void stream(const struct sim_completion *completion, struct sim_stream *out)
{
	const struct sim_choice *choice = &completion->choices[0];
	struct sim_native_event line;

	add_text(completion, out, choice->reasoning, true);
	add_text(completion, out, choice->refusal, false);
	add_text(completion, out, choice->content, false);
	if (choice->call_count > 0) {
		begin_line(&line, completion, out, TEXT(""));
		write_calls_of(completion, &line.json);
		json_write_object_end(&line.json);
		json_write_member_bool(&line.json, "done", false);
		sim_native_event_end(&line, CHUNK_CALL, "\n");
	}
	begin_line(&line, completion, out, TEXT(""));
	json_write_object_end(&line.json);
	write_end(completion, &line.json);
	sim_native_event_end(&line, CHUNK_FINISH, "\n");
}

static int error_of(const struct sim_serving *serving, const struct sim_error *error,
                    struct text_buf *out)
{
	struct json_writer writer;

	(void)serving;
	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member(&writer, "error", error->message);
	json_write_object_end(&writer);
	return error->status;
}

const struct sim_native sim_ollama = {
    .name = "ollama",
    .carried = ollama_carried,
    .stream_type = "application/x-ndjson",
    .admit = admit,
    .is_streamed = is_streamed,
    .read = read_request,
    .render = render,
    .stream = stream,
    .error = error_of,
};
