/*
 * Cohere's chat, version 2 (Cohere API reference, "Chat"; streaming guide): requests close to
 * OpenAI's, replies of typed parts, and two ways of counting, of which the smaller is billed.
 */
#include "providers/sim/sim_native.h"

enum {
	COHERE_STOPS_MAX = 5,
	COHERE_HIDDEN_TOKENS = 495, /* of the template that nobody is billed for */
	COHERE_CALL_ID_SIZE = 12,
};

static const char *const cohere_carried[] = {"max_tokens",
                                             "temperature",
                                             "top_p",
                                             "stop",
                                             "tools",
                                             "tool_choice",
                                             "response_format",
                                             "seed",
                                             "presence_penalty",
                                             "frequency_penalty",
                                             "reasoning_effort",
                                             NULL};

/* --- the question --- */

static bool admit(const struct sim_serving *serving, const struct sim_request *request,
                  struct sim_error *error)
{
	struct text key = http_bearer(request->authorization);

	if (sim_native_admits(serving, key))
		return true;
	(void)sim_refuse(error, "invalid_api_key", (struct text){0},
	                 key.len > 0 ? TEXT("invalid api token") : TEXT("no api key supplied"));
	error->status = 401;
	return false;
}

static bool is_streamed(const struct sim_native_ask *ask)
{
	return json_truth(ask->body, "stream", false);
}

static bool refuse_as(struct sim_native_ask *ask, int status)
{
	ask->error->status = status;
	return false;
}

/* A result may stand in documents; each is text to the model. */
static void write_content(struct sim_native_ask *ask, const struct json *content)
{
	json_write_key(ask->writer, "content");
	if (!json_is(content, JSON_ARRAY)) {
		json_write_node(ask->writer, content);
		return;
	}
	json_write_array(ask->writer);
	JSON_EACH(part, content)
	{
		const struct json *document = json_member(part, "document");
		const struct json *data = json_member(document, "data");
		if (document == NULL) {
			json_write_node(ask->writer, part);
			continue;
		}
		sim_native_text_part(
		    ask, json_is(data, JSON_STRING)
			     ? data->text
			     : json_to_text(ask->serving->arena, data != NULL ? data : document));
	}
	json_write_array_end(ask->writer);
}

static bool write_message(struct sim_native_ask *ask, const struct json *message, size_t index)
{
	static const char *const known[] = {"role",         "content",   "tool_calls", "tool_plan",
	                                    "tool_call_id", "citations", NULL};
	const struct json *unknown = sim_native_unknown(message, known);
	const struct json *content = sim_native_field(message, "content", NULL);
	const struct json *calls = sim_native_field(message, "tool_calls", NULL);
	struct text role = json_string(message, "role");

	if (!json_is(message, JSON_OBJECT) || unknown != NULL) {
		(void)sim_native_refuse(
		    ask,
		    "invalid request: unknown field: parameter 'messages[%zu].%.*s' is not a valid "
		    "field",
		    index, TEXT_ARG(text_slice(unknown == NULL ? TEXT("") : unknown->key, 0, 80)));
		return refuse_as(ask, 422);
	}
	if (text_is(role, "user") &&
	    (content == NULL || (json_is(content, JSON_STRING) && content->text.len == 0)))
		return sim_native_refuse(ask, "invalid request: message must be at least 1 token "
		                              "long or tool results must be specified.");
	json_write_object(ask->writer);
	json_write_member(ask->writer, "role", role);
	if (content != NULL)
		write_content(ask, content);
	if (calls != NULL && calls->count > 0)
		sim_native_copy(ask, message, "tool_calls", "tool_calls");
	sim_native_copy(ask, message, "tool_call_id", "tool_call_id");
	json_write_object_end(ask->writer);
	return true;
}

static bool write_messages(struct sim_native_ask *ask)
{
	const struct json *messages = json_member(ask->body, "messages");
	size_t index = 0;

	if (!json_is(messages, JSON_ARRAY) || messages->count == 0)
		return sim_native_refuse(ask, "invalid request: messages must not be empty");
	json_write_key(ask->writer, "messages");
	json_write_array(ask->writer);
	JSON_EACH(message, messages)
	{
		if (!write_message(ask, message, index++))
			return false;
	}
	json_write_array_end(ask->writer);
	return true;
}

static bool write_numbers(struct sim_native_ask *ask)
{
	static const struct {
		const char *name, *chat, *min, *max;
	} numbers[] = {
	    {"max_tokens", "max_tokens", "1", NULL},
	    {"temperature", "temperature", "0", "2"},
	    {"p", "top_p", "0", "1"},
	    {"seed", "seed", "0", "18446744073709551615"},
	    {"presence_penalty", "presence_penalty", "0", "1"},
	    {"frequency_penalty", "frequency_penalty", "0", "1"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		const struct json *number = sim_native_field(ask->body, numbers[i].name, NULL);
		if (number != NULL && !sim_native_within(number, numbers[i].min, numbers[i].max))
			return sim_native_refuse(
			    ask, "invalid request: %s must be between %s and %s.", numbers[i].name,
			    numbers[i].min, numbers[i].max == NULL ? "the limit" : numbers[i].max);
		sim_native_copy(ask, ask->body, numbers[i].name, numbers[i].chat);
	}
	return true;
}

static bool write_tools(struct sim_native_ask *ask)
{
	const struct json *tools = sim_native_field(ask->body, "tools", NULL);
	const struct json *choice = sim_native_field(ask->body, "tool_choice", NULL);

	if (tools != NULL && tools->count > 0)
		sim_native_copy(ask, ask->body, "tools", "tools");
	if (choice == NULL)
		return true;
	bool none = json_is(choice, JSON_STRING) && text_is(choice->text, "NONE");
	if (!none && !(json_is(choice, JSON_STRING) && text_is(choice->text, "REQUIRED")))
		return sim_native_refuse(
		    ask, "invalid request: tool_choice must be one of REQUIRED or NONE");
	json_write_member_c(ask->writer, "tool_choice", none ? "none" : "required");
	return true;
}

static bool write_format(struct sim_native_ask *ask)
{
	const struct json *format = sim_native_field(ask->body, "response_format", NULL);
	const struct json *schema = sim_native_field(format, "json_schema", "schema");
	const struct json *tools = sim_native_field(ask->body, "tools", NULL);
	struct text type = json_string(format, "type");

	if (format == NULL || text_is(type, "text"))
		return true;
	if (!text_is(type, "json_object"))
		return sim_native_refuse(ask, "invalid request: response_format.type must be one "
		                              "of text or json_object");
	if (tools != NULL && tools->count > 0)
		return sim_native_refuse(
		    ask, "invalid request: cannot specify both response_format and tools");
	sim_native_format(ask, schema);
	return true;
}

static bool write_others(struct sim_native_ask *ask)
{
	const struct json *stops = sim_native_field(ask->body, "stop_sequences", NULL);
	struct text thinking = json_string(sim_native_field(ask->body, "thinking", NULL), "type");

	if (stops != NULL && (stops->type != JSON_ARRAY || stops->count > COHERE_STOPS_MAX))
		return sim_native_refuse(ask,
		                         "invalid request: stop_sequences must have at most %d "
		                         "entries",
		                         COHERE_STOPS_MAX);
	if (stops != NULL && stops->count > 0)
		sim_native_copy(ask, ask->body, "stop_sequences", "stop");
	if (thinking.data == NULL)
		return true;
	ask->thinks = text_is(thinking, "enabled");
	if (!ask->thinks && !text_is(thinking, "disabled"))
		return sim_native_refuse(
		    ask, "invalid request: thinking.type must be one of enabled or disabled");
	json_write_member_c(ask->writer, "reasoning_effort", ask->thinks ? "high" : "none");
	return true;
}

static bool read_request(struct sim_native_ask *ask)
{
	static const char *const known[] = {"model",
	                                    "messages",
	                                    "tools",
	                                    "documents",
	                                    "citation_options",
	                                    "response_format",
	                                    "safety_mode",
	                                    "max_tokens",
	                                    "stop_sequences",
	                                    "temperature",
	                                    "seed",
	                                    "frequency_penalty",
	                                    "presence_penalty",
	                                    "k",
	                                    "p",
	                                    "logprobs",
	                                    "tool_choice",
	                                    "strict_tools",
	                                    "thinking",
	                                    "priority",
	                                    "stream",
	                                    NULL};
	const struct json *unknown = sim_native_unknown(ask->body, known);

	if (unknown != NULL) {
		(void)sim_native_refuse(
		    ask, "invalid request: unknown field: parameter '%.*s' is not a valid field",
		    TEXT_ARG(text_slice(unknown->key, 0, 80)));
		return refuse_as(ask, 422);
	}
	if (json_string(ask->body, "model").len == 0)
		return sim_native_refuse(ask, "invalid request: model is required");
	sim_native_copy(ask, ask->body, "model", "model");
	return write_messages(ask) && write_numbers(ask) && write_tools(ask) && write_format(ask) &&
	       write_others(ask);
}

/* --- the reply --- */

static struct text call_id(const struct sim_serving *serving, const struct sim_call *call)
{
	struct text tail = text_slice(
	    call->id, call->id.len - size_min(COHERE_CALL_ID_SIZE, call->id.len), call->id.len);

	return text_format(serving->arena, "%.*s_%.*s", TEXT_ARG(call->name), TEXT_ARG(tail));
}

/* Without thoughts, a model that calls says what it means to do. */
static struct text plan_of(const struct sim_completion *completion)
{
	const struct sim_choice *choice = &completion->choices[0];

	if (choice->call_count == 0 || choice->reasoning.len > 0)
		return (struct text){0};
	return text_format(completion->serving->arena, "I will use the %.*s tool.",
	                   TEXT_ARG(choice->calls[0].name));
}

static const char *finish_of(const struct sim_choice *choice, bool hides_calls)
{
	if (text_is(choice->finish, "length"))
		return "MAX_TOKENS";
	if (text_is(choice->finish, "tool_calls") && !hides_calls)
		return "TOOL_CALL";
	if (choice->stopped_by.data != NULL)
		return "STOP_SEQUENCE";
	return choice->call_count > 0 && !hides_calls ? "TOOL_CALL" : "COMPLETE";
}

static void write_counts(struct json_writer *writer, const char *name, int64_t input,
                         int64_t output)
{
	json_write_key(writer, name);
	json_write_object(writer);
	json_write_member_int(writer, "input_tokens", input);
	json_write_member_int(writer, "output_tokens", output);
	json_write_object_end(writer);
}

static void write_end(const struct sim_completion *completion, struct json_writer *writer)
{
	const struct sim_usage *usage = &completion->usage;

	json_write_member_c(
	    writer, "finish_reason",
	    finish_of(&completion->choices[0],
	              sim_breaks(completion->serving, SIM_COHERE_COMPLETE_WITH_CALLS)));
	if (!usage->present)
		return;
	json_write_key(writer, "usage");
	json_write_object(writer);
	if (!sim_breaks(completion->serving, SIM_COHERE_TOKENS_ONLY))
		write_counts(writer, "billed_units", usage->prompt, usage->completion);
	write_counts(writer, "tokens", usage->prompt + COHERE_HIDDEN_TOKENS, usage->completion + 3);
	if (usage->cached > 0)
		json_write_member_int(writer, "cached_tokens", usage->cached);
	json_write_object_end(writer);
}

static void write_call(const struct sim_completion *completion, struct json_writer *writer,
                       const struct sim_call *call, struct text arguments)
{
	json_write_object(writer);
	json_write_member(writer, "id", call_id(completion->serving, call));
	json_write_member_c(writer, "type", "function");
	json_write_key(writer, "function");
	json_write_object(writer);
	json_write_member(writer, "name", call->name);
	json_write_member(writer, "arguments", arguments);
	json_write_object_end(writer);
	json_write_object_end(writer);
}

/* Its arguments as they are told: none at all may be the text null. */
static struct text arguments_of(const struct sim_completion *completion,
                                const struct sim_call *call)
{
	bool null = text_is(call->arguments, "{}") &&
	            sim_breaks(completion->serving, SIM_COHERE_NULL_ARGUMENTS);

	return null ? TEXT("null") : call->arguments;
}

static void write_part(struct json_writer *writer, const char *type, struct text text)
{
	if (text.len == 0)
		return;
	json_write_object(writer);
	json_write_member_c(writer, "type", type);
	json_write_member(writer, type, text);
	json_write_object_end(writer);
}

static struct text reply_id(const struct sim_serving *serving)
{
	struct text hex = serving->digest;

	return text_format(serving->arena, "%.*s-%.*s-%.*s-%.*s-%.*s",
	                   TEXT_ARG(text_slice(hex, 0, 8)), TEXT_ARG(text_slice(hex, 8, 12)),
	                   TEXT_ARG(text_slice(hex, 12, 16)), TEXT_ARG(text_slice(hex, 16, 20)),
	                   TEXT_ARG(text_slice(hex, 20, 32)));
}

static void render(const struct sim_completion *completion, struct json_writer *writer)
{
	const struct sim_choice *choice = &completion->choices[0];
	struct text plan = plan_of(completion);
	bool lost = sim_breaks(completion->serving, SIM_COHERE_LOST_ARGUMENTS);

	json_write_object(writer);
	json_write_member(writer, "id", reply_id(completion->serving));
	json_write_key(writer, "message");
	json_write_object(writer);
	json_write_member_c(writer, "role", "assistant");
	if (plan.len > 0)
		json_write_member(writer, "tool_plan", plan);
	if (choice->call_count > 0) {
		json_write_key(writer, "tool_calls");
		json_write_array(writer);
		for (size_t i = 0; i < choice->call_count; i++)
			write_call(completion, writer, &choice->calls[i],
			           lost ? TEXT("null")
			                : arguments_of(completion, &choice->calls[i]));
		json_write_array_end(writer);
	}
	if (choice->call_count == 0 || choice->reasoning.len > 0 || choice->content.len > 0) {
		json_write_key(writer, "content");
		json_write_array(writer);
		write_part(writer, "thinking", choice->reasoning);
		write_part(writer, "text", choice->refusal);
		write_part(writer, "text", choice->content);
		json_write_array_end(writer);
	}
	json_write_object_end(writer);
	write_end(completion, writer);
	json_write_object_end(writer);
}

/* --- events --- */

/* index below 0: of the whole message. `delta.message` is open behind it. */
static void begin_event(struct sim_native_event *event, struct sim_stream *out, const char *type,
                        int64_t index)
{
	sim_native_event_begin(event, out, type, false);
	json_write_member_c(&event->json, "type", type);
	if (index >= 0)
		json_write_member_int(&event->json, "index", index);
	json_write_key(&event->json, "delta");
	json_write_object(&event->json);
	json_write_key(&event->json, "message");
	json_write_object(&event->json);
}

static void end_event(struct sim_native_event *event, enum sim_chunk_kind kind)
{
	json_write_object_end(&event->json);
	json_write_object_end(&event->json);
	sim_native_event_end(event, kind, "\n\n");
}

static void end_part(struct sim_stream *out, const char *type, size_t index)
{
	struct sim_native_event event;

	sim_native_event_begin(&event, out, type, false);
	json_write_member_c(&event.json, "type", type);
	json_write_member_int(&event.json, "index", (int64_t)index);
	sim_native_event_end(&event, CHUNK_ROLE, "\n\n");
}

static size_t add_part(struct sim_stream *out, size_t index, const char *type, struct text text)
{
	struct sim_native_event event;
	enum sim_chunk_kind kind = *type == 't' && type[1] == 'h' ? CHUNK_REASONING : CHUNK_CONTENT;

	if (text.len == 0)
		return index;
	begin_event(&event, out, "content-start", (int64_t)index);
	json_write_key(&event.json, "content");
	json_write_object(&event.json);
	json_write_member_c(&event.json, "type", type);
	json_write_member_c(&event.json, type, "");
	json_write_object_end(&event.json);
	end_event(&event, CHUNK_ROLE);
	for (size_t at = 0; at < text.len;) {
		struct text piece = sim_native_piece(text, at, false);
		at += piece.len;
		begin_event(&event, out, "content-delta", (int64_t)index);
		json_write_key(&event.json, "content");
		json_write_object(&event.json);
		json_write_member(&event.json, type, piece);
		json_write_object_end(&event.json);
		end_event(&event, kind);
	}
	end_part(out, "content-end", index);
	return index + 1;
}

static void add_plan(struct sim_stream *out, struct text plan)
{
	struct sim_native_event event;

	for (size_t at = 0; at < plan.len;) {
		struct text piece = sim_native_piece(plan, at, false);
		at += piece.len;
		begin_event(&event, out, "tool-plan-delta", -1);
		json_write_member(&event.json, "tool_plan", piece);
		end_event(&event, CHUNK_REASONING);
	}
}

static void add_call(const struct sim_completion *completion, struct sim_stream *out, size_t index)
{
	const struct sim_call *call = &completion->choices[0].calls[index];
	struct sim_native_event event;

	bool wrong = sim_breaks(completion->serving, SIM_COHERE_WRONG_CALL);

	begin_event(&event, out, "tool-call-start", (int64_t)index);
	json_write_key(&event.json, "tool_calls");
	write_call(completion, &event.json, call, TEXT(""));
	end_event(&event, CHUNK_CALL);
	struct text arguments = arguments_of(completion, call);
	for (size_t at = 0; at < arguments.len;) {
		struct text piece = sim_native_piece(arguments, at, true);
		at += piece.len;
		begin_event(&event, out, "tool-call-delta", wrong ? 0 : (int64_t)index);
		json_write_key(&event.json, "tool_calls");
		json_write_object(&event.json);
		json_write_key(&event.json, "function");
		json_write_object(&event.json);
		json_write_member(&event.json, "arguments", piece);
		json_write_object_end(&event.json);
		json_write_object_end(&event.json);
		end_event(&event, CHUNK_ARGUMENTS);
	}
	end_part(out, "tool-call-end", index);
}

static void stream(const struct sim_completion *completion, struct sim_stream *out)
{
	const struct sim_choice *choice = &completion->choices[0];
	struct sim_native_event event;
	size_t index = 0;

	sim_native_event_begin(&event, out, "message-start", false);
	json_write_member(&event.json, "id", reply_id(completion->serving));
	json_write_member_c(&event.json, "type", "message-start");
	json_write_key(&event.json, "delta");
	json_write_raw(
	    &event.json,
	    TEXT("{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\","
	         "\"tool_calls\":[],\"citations\":[]}}"));
	sim_native_event_end(&event, CHUNK_ROLE, "\n\n");
	add_plan(out, plan_of(completion));
	index = add_part(out, index, "thinking", choice->reasoning);
	index = add_part(out, index, "text", choice->refusal);
	(void)add_part(out, index, "text", choice->content);
	for (size_t i = 0; i < choice->call_count; i++)
		add_call(completion, out, i);
	sim_native_event_begin(&event, out, "message-end", false);
	json_write_member_c(&event.json, "type", "message-end");
	json_write_key(&event.json, "delta");
	json_write_object(&event.json);
	write_end(completion, &event.json);
	json_write_object_end(&event.json);
	sim_native_event_end(&event, CHUNK_FINISH, "\n\n");
	sim_native_event_raw(out, out->count, CHUNK_RAW, TEXT("data: [DONE]\n\n"));
}

/* --- errors and limits --- */

static int error_of(const struct sim_serving *serving, const struct sim_error *error,
                    struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member(&writer, "id", reply_id(serving));
	json_write_member(&writer, "message", error->message);
	json_write_object_end(&writer);
	return error->status;
}

static void limits(const struct sim_serving *serving, int64_t tokens, struct sim_output *out)
{
	(void)serving;
	(void)tokens;
	sim_output_header(out, "x-endpoint-monthly-call-limit", TEXT("1000"));
	sim_output_header(out, "x-trial-endpoint-call-limit", TEXT("20"));
	sim_output_header(out, "x-trial-endpoint-call-remaining", TEXT("19"));
}

const struct sim_native sim_cohere = {
    .name = "cohere",
    .carried = cohere_carried,
    .stream_type = "text/event-stream",
    .admit = admit,
    .is_streamed = is_streamed,
    .read = read_request,
    .render = render,
    .stream = stream,
    .error = error_of,
    .limits = limits,
};
