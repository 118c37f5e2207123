/*
 * Google's generateContent, the request: who asks, and the contents (Gemini API reference, v1beta).
 * Members may be spelt in camel or in snake case, as in any of Google's JSON.
 */
#include "providers/sim/sim_gemini.h"

enum { GEMINI_PENDING_MAX = 128 };

/* A call of the turn before, which its result must answer. */
struct pending {
	struct text id, name; /* the id in the chat request */
	struct text own_id;   /* as the client has it; data NULL: it has none */
	bool answered;
};

struct gemini_turns {
	struct sim_native_ask *ask;
	size_t index, calls;
	struct pending pending[GEMINI_PENDING_MAX];
	size_t pending_count;
	bool after_user; /* a user's turn, or a result, came before */
};

/* --- who asks --- */

static struct text query_key(struct text query)
{
	struct text rest = query, field;

	while (text_next_field(&rest, '&', &field))
		if (text_starts(field, TEXT("key=")))
			return text_slice(field, 4, field.len);
	return (struct text){0};
}

static bool admit(const struct sim_serving *serving, const struct sim_request *request,
                  struct sim_error *error)
{
	struct text key = request->x_goog_api_key;

	if (key.data == NULL)
		key = query_key(request->query);
	if (sim_breaks(serving, SIM_DENY_401) ||
	    (key.data != NULL && !text_equal(key, serving->setup->api_key) &&
	     !sim_breaks(serving, SIM_ER_01)))
		return sim_refuse(error, "API_KEY_INVALID", (struct text){0},
		                  TEXT("API key not valid. Please pass a valid API key."));
	if (key.data != NULL || sim_breaks(serving, SIM_ER_02))
		return true;
	(void)sim_refuse(error, NULL, (struct text){0},
	                 TEXT("Method doesn't allow unregistered callers (callers without "
	                      "established identity). Please use API Key or other form of API "
	                      "consumer identity to call this API."));
	error->status = 403;
	return false;
}

static bool is_streamed(const struct sim_native_ask *ask)
{
	return ask->streamed_by_path;
}

bool sim_gemini_signs(struct text model)
{
	static const char family[] = "gemini-";
	size_t at = text_find(model, text_of(family), 0);
	int64_t version;

	return at != TEXT_NOT_FOUND &&
	       text_to_int64(text_slice(model, at + strlen(family), at + strlen(family) + 1), 0, 9,
	                     &version) &&
	       version >= 3;
}

bool sim_gemini_unknown(struct sim_native_ask *ask, struct text name, const char *place)
{
	return sim_native_refuse(
	    ask, "Invalid JSON payload received. Unknown name \"%.*s\"%s%s%s: Cannot find field.",
	    TEXT_ARG(text_slice(name, 0, 80)), *place != '\0' ? " at '" : "", place,
	    *place != '\0' ? "'" : "");
}

/* --- parts --- */

static const struct json *call_of(const struct json *part)
{
	return sim_native_field(part, "functionCall", "function_call");
}

static const struct json *result_of(const struct json *part)
{
	return sim_native_field(part, "functionResponse", "function_response");
}

static bool check_part(struct gemini_turns *turns, const struct json *part)
{
	static const char *const known[] = {"text",
	                                    "thought",
	                                    "thoughtSignature",
	                                    "thought_signature",
	                                    "inlineData",
	                                    "inline_data",
	                                    "fileData",
	                                    "file_data",
	                                    "functionCall",
	                                    "function_call",
	                                    "functionResponse",
	                                    "function_response",
	                                    "videoMetadata",
	                                    "executableCode",
	                                    "codeExecutionResult",
	                                    NULL};
	const char *place =
	    text_c(turns->ask->serving->arena,
	           text_format(turns->ask->serving->arena, "contents[%zu].parts[0]", turns->index));

	if (!json_is(part, JSON_OBJECT))
		return sim_native_refuse(turns->ask, "Invalid value at '%s' (Part)", place);
	const struct json *unknown = sim_native_unknown(part, known);
	if (unknown != NULL)
		return sim_gemini_unknown(turns->ask, unknown->key, place);
	if (part->count == 0)
		return sim_native_refuse(turns->ask,
		                         "GenerateContentRequest.%s.data: required oneof field "
		                         "'data' must have one initialized field",
		                         place);
	return true;
}

static bool write_said_part(struct gemini_turns *turns, const struct json *part)
{
	struct sim_native_ask *ask = turns->ask;
	const struct json *blob = sim_native_field(part, "inlineData", "inline_data");
	const struct json *file = sim_native_field(part, "fileData", "file_data");

	if (json_string(part, "text").data != NULL) {
		if (!json_truth(part, "thought", false))
			sim_native_text_part(ask, json_string(part, "text"));
	} else if (blob != NULL) {
		const struct json *type = sim_native_field(blob, "mimeType", "mime_type");
		if (!json_is(type, JSON_STRING) || json_string(blob, "data").data == NULL)
			return sim_native_refuse(ask,
			                         "Unable to process input image: mimeType and data "
			                         "are required.");
		if (text_starts(type->text, TEXT("image/")))
			sim_native_image_part(ask, type->text, json_string(blob, "data"));
		else
			sim_native_text_part(ask, TEXT("[file]"));
	} else if (file != NULL) {
		sim_native_text_part(ask, TEXT("[file]"));
	}
	return true;
}

/* Whether anything is to be said beside calls and results. */
static bool says(const struct json *parts)
{
	JSON_EACH(part, parts)
	{
		if (call_of(part) == NULL && result_of(part) == NULL)
			return true;
	}
	return false;
}

static bool write_said(struct gemini_turns *turns, const char *role, const struct json *parts)
{
	struct json_writer *writer = turns->ask->writer;

	json_write_member_c(writer, "role", role);
	json_write_key(writer, "content");
	json_write_array(writer);
	JSON_EACH(part, parts)
	{
		if (call_of(part) == NULL && result_of(part) == NULL &&
		    !write_said_part(turns, part))
			return false;
	}
	json_write_array_end(writer);
	return true;
}

/* --- calls and results --- */

static bool check_signature(struct gemini_turns *turns, const struct json *part, bool first)
{
	const struct json *signature =
	    sim_native_field(part, "thoughtSignature", "thought_signature");
	struct text name = json_string(call_of(part), "name");
	struct text wanted = sim_native_signature(turns->ask->serving, SIM_GEMINI_SIGNED, name);

	if (signature == NULL && first && sim_gemini_signs(turns->ask->model))
		return sim_native_refuse(
		    turns->ask,
		    "Function call is missing a thought_signature in functionCall parts. This is "
		    "required for tools to work correctly, and missing thought_signature may lead "
		    "to degraded model performance. Function call `default_api:%.*s`, position "
		    "%zu.",
		    TEXT_ARG(text_slice(name, 0, 64)), turns->index + 1);
	if (signature == NULL || text_is(signature->text, SIM_GEMINI_UNSIGNED) ||
	    text_equal(signature->text, wanted))
		return true;
	return sim_native_refuse(turns->ask, "Corrupted thought signature.");
}

static bool write_call(struct gemini_turns *turns, const struct json *part, bool first)
{
	const struct sim_serving *serving = turns->ask->serving;
	const struct json *call = call_of(part);
	const struct json *args = sim_native_field(call, "args", NULL);
	struct text id = json_string(call, "id");
	struct text name = json_string(call, "name");

	if (args != NULL && args->type != JSON_OBJECT)
		return sim_native_refuse(
		    turns->ask,
		    "Invalid value at "
		    "'contents[%zu].parts[0].function_call.args' (type.googleapis."
		    "com/google.protobuf.Struct)",
		    turns->index);
	if (!check_signature(turns, part, first))
		return false;
	struct pending *pending = turns->pending_count < GEMINI_PENDING_MAX
	                              ? &turns->pending[turns->pending_count]
	                              : NULL;
	if (pending == NULL)
		return sim_native_refuse(turns->ask, "Too many function calls.");
	*pending = (struct pending){.name = name, .own_id = id};
	pending->id = id.data != NULL
	                  ? id
	                  : text_format(serving->arena, "call-%zu-%zu", turns->index, turns->calls);
	turns->pending_count++;
	turns->calls++;
	sim_native_call(turns->ask, pending->id, name,
	                args != NULL ? json_to_text(serving->arena, args) : TEXT("{}"));
	return true;
}

/* By its id, else the first of that name without a result. */
static struct pending *answered_by(struct gemini_turns *turns, const struct json *result)
{
	struct text id = json_string(result, "id");

	for (size_t i = 0; i < turns->pending_count; i++) {
		struct pending *pending = &turns->pending[i];
		bool by_id = id.data != NULL && pending->own_id.data != NULL;
		if (pending->answered)
			continue;
		if (by_id ? text_equal(id, pending->own_id)
		          : text_equal(json_string(result, "name"), pending->name))
			return pending;
	}
	return NULL;
}

/* {"result": "text"}, {"output": "text"} as the text; all else as JSON. */
static struct text result_text(struct gemini_turns *turns, const struct json *response)
{
	const struct json *only = response->count == 1 ? response->first : NULL;

	if (json_is(only, JSON_STRING) &&
	    (text_is(only->key, "result") || text_is(only->key, "output")))
		return only->text;
	return json_to_text(turns->ask->serving->arena, response);
}

static bool write_result(struct gemini_turns *turns, const struct json *result)
{
	struct json_writer *writer = turns->ask->writer;
	const struct json *response = json_member(result, "response");
	struct pending *pending = answered_by(turns, result);

	if (json_string(result, "name").len == 0)
		return sim_native_refuse(turns->ask,
		                         "GenerateContentRequest.contents[%zu].parts[0]."
		                         "function_response.name: Name cannot be empty.",
		                         turns->index);
	if (!json_is(response, JSON_OBJECT))
		return sim_native_refuse(turns->ask,
		                         "Invalid value at "
		                         "'contents[%zu].parts[0].function_response.response' "
		                         "(type.googleapis.com/google.protobuf.Struct)",
		                         turns->index);
	if (pending == NULL)
		return sim_native_refuse(turns->ask,
		                         "Please ensure that function response turn comes "
		                         "immediately after a function call turn.");
	pending->answered = true;
	json_write_object(writer);
	json_write_member_c(writer, "role", "tool");
	json_write_member(writer, "tool_call_id", pending->id);
	json_write_member(writer, "content", result_text(turns, response));
	json_write_object_end(writer);
	return true;
}

static bool all_answered(struct gemini_turns *turns)
{
	for (size_t i = 0; i < turns->pending_count; i++)
		if (!turns->pending[i].answered)
			return sim_native_refuse(turns->ask,
			                         "Please ensure that the number of function "
			                         "response parts is equal to the number of "
			                         "function call parts of the function call turn.");
	turns->pending_count = 0;
	return true;
}

/* --- turns --- */

static bool write_user(struct gemini_turns *turns, const struct json *parts)
{
	JSON_EACH(part, parts)
	{
		if (call_of(part) != NULL)
			return sim_native_refuse(
			    turns->ask, "Please use a valid role: function calls are the model's.");
		if (result_of(part) != NULL && !write_result(turns, result_of(part)))
			return false;
	}
	if (!all_answered(turns))
		return false;
	turns->after_user = true;
	if (!says(parts))
		return true;
	json_write_object(turns->ask->writer);
	if (!write_said(turns, "user", parts))
		return false;
	json_write_object_end(turns->ask->writer);
	return true;
}

static bool write_model(struct gemini_turns *turns, const struct json *parts)
{
	struct json_writer *writer = turns->ask->writer;
	bool first = true;

	if (!all_answered(turns))
		return false;
	json_write_object(writer);
	if (!write_said(turns, "assistant", parts))
		return false;
	JSON_EACH(part, parts)
	{
		if (call_of(part) == NULL)
			continue;
		if (first && !turns->after_user)
			return sim_native_refuse(turns->ask,
			                         "Please ensure that function call turn comes "
			                         "immediately after a user turn or after a "
			                         "function response turn.");
		if (first) {
			json_write_key(writer, "tool_calls");
			json_write_array(writer);
		}
		if (!write_call(turns, part, first))
			return false;
		first = false;
	}
	if (!first)
		json_write_array_end(writer);
	json_write_object_end(writer);
	turns->after_user = false;
	return true;
}

static bool write_turn(struct gemini_turns *turns, const struct json *content)
{
	static const char *const known[] = {"role", "parts", NULL};
	const struct json *unknown = sim_native_unknown(content, known);
	const struct json *parts = json_member(content, "parts");
	struct text role = json_string(content, "role");

	if (unknown != NULL)
		return sim_gemini_unknown(turns->ask, unknown->key, "contents[0]");
	if (!json_is(parts, JSON_ARRAY) || parts->count == 0)
		return sim_native_refuse(turns->ask,
		                         "* GenerateContentRequest.contents[%zu].parts: "
		                         "contents.parts must not be empty.",
		                         turns->index);
	JSON_EACH(part, parts)
	{
		if (!check_part(turns, part))
			return false;
	}
	if (role.data == NULL || text_is(role, "user") || text_is(role, "function"))
		return write_user(turns, parts);
	if (text_is(role, "model"))
		return write_model(turns, parts);
	return sim_native_refuse(turns->ask, "Please use a valid role: user, model.");
}

static bool write_system(struct gemini_turns *turns)
{
	const struct json *system =
	    sim_native_field(turns->ask->body, "systemInstruction", "system_instruction");

	if (system == NULL)
		return true;
	if (!json_is(json_member(system, "parts"), JSON_ARRAY))
		return sim_native_refuse(turns->ask,
		                         "Invalid value at 'system_instruction' (Content)");
	json_write_object(turns->ask->writer);
	if (!write_said(turns, "system", json_member(system, "parts")))
		return false;
	json_write_object_end(turns->ask->writer);
	return true;
}

bool sim_gemini_contents(struct sim_native_ask *ask)
{
	struct gemini_turns *turns = ARENA_NEW(ask->serving->arena, struct gemini_turns);
	const struct json *contents = json_member(ask->body, "contents");

	turns->ask = ask;
	if (!json_is(contents, JSON_ARRAY) || contents->count == 0)
		return sim_native_refuse(
		    ask, "* GenerateContentRequest.contents: contents is not specified\n");
	json_write_key(ask->writer, "messages");
	json_write_array(ask->writer);
	if (!write_system(turns))
		return false;
	JSON_EACH(content, contents)
	{
		if (!write_turn(turns, content))
			return false;
		turns->index++;
	}
	json_write_array_end(ask->writer);
	return all_answered(turns);
}

const struct sim_native sim_gemini = {
    .name = "gemini",
    .carried = sim_gemini_carried,
    .stream_type = "text/event-stream",
    .filters = true,
    .admit = admit,
    .is_streamed = is_streamed,
    .read = sim_gemini_read,
    .render = sim_gemini_render,
    .stream = sim_gemini_stream,
    .error = sim_gemini_error,
};
