/* OpenAI's chat request as Cohere's chat, version 2 (Cohere API reference, "Chat"). */
#include "providers/encode_cohere.h"

/* --- messages ----------------------------------------------------------------------------- */

static void write_part(struct encoding *e, const struct json *part)
{
	struct text type = json_string(part, "type");

	if (text_is(type, "text") || text_is(type, "image_url")) {
		json_write_node(&e->json, part);
	} else if (text_is(type, "refusal")) {
		json_write_object(&e->json);
		json_write_member_c(&e->json, "type", "text");
		json_write_member(&e->json, "text", json_string(part, "refusal"));
		json_write_object_end(&e->json);
	} else {
		encode_refuse(e, "a content part of type %.*s can't be carried",
		              TEXT_ARG(text_visible(e->arena, type, 40)));
	}
}

static void write_content(struct encoding *e, const struct json *content)
{
	json_write_key(&e->json, "content");
	if (!json_is(content, JSON_ARRAY)) {
		json_write_string(&e->json,
		                  json_is(content, JSON_STRING) ? content->text : TEXT(""));
		return;
	}
	json_write_array(&e->json);
	JSON_EACH(part, content)
	{
		write_part(e, part);
	}
	json_write_array_end(&e->json);
}

static void write_calls(struct encoding *e, const struct json *message)
{
	const struct json *calls = encode_field(message, "tool_calls");

	if (calls == NULL)
		return;
	json_write_key(&e->json, "tool_calls");
	json_write_array(&e->json);
	JSON_EACH(call, calls)
	{
		const struct json *function = json_member(call, "function");
		const struct json *arguments = encode_arguments(e, call);
		if (arguments == NULL)
			break;
		json_write_object(&e->json);
		json_write_member(&e->json, "id", json_string(call, "id"));
		json_write_member_c(&e->json, "type", "function");
		json_write_key(&e->json, "function");
		json_write_object(&e->json);
		json_write_member(&e->json, "name", json_string(function, "name"));
		json_write_member(&e->json, "arguments", json_to_text(e->arena, arguments));
		json_write_object_end(&e->json);
		json_write_object_end(&e->json);
	}
	json_write_array_end(&e->json);
}

static void write_message(struct encoding *e, const struct json *message)
{
	struct text role = json_string(message, "role");
	const struct json *content = encode_field(message, "content");
	bool calls = encode_field(message, "tool_calls") != NULL;
	struct text plan = json_string(message, "reasoning_content");

	if (text_is(role, "developer"))
		role = TEXT("system");
	if (!text_is(role, "system") && !text_is(role, "user") && !text_is(role, "assistant") &&
	    !text_is(role, "tool"))
		encode_refuse(e, "a message of role '%.*s' can't be carried",
		              TEXT_ARG(text_visible(e->arena, role, 40)));
	json_write_object(&e->json);
	json_write_member(&e->json, "role", role);
	if (text_is(role, "tool"))
		json_write_member(&e->json, "tool_call_id", json_string(message, "tool_call_id"));
	if (content == NULL && json_string(message, "refusal").len > 0)
		content = json_member(message, "refusal");
	if (content != NULL || !calls)
		write_content(e, content);
	/* What it meant to do with the tools is its own word, and comes back as thoughts. */
	if (calls && plan.len > 0)
		json_write_member(&e->json, "tool_plan", plan);
	else if (plan.len > 0)
		encode_drop(e, "messages.reasoning_content");
	write_calls(e, message);
	json_write_object_end(&e->json);
	if (encode_field(message, "name") != NULL)
		encode_drop(e, "messages.name");
}

static void write_messages(struct encoding *e)
{
	json_write_key(&e->json, "messages");
	json_write_array(&e->json);
	JSON_EACH(message, json_member(e->root, "messages"))
	{
		write_message(e, message);
	}
	json_write_array_end(&e->json);
}

/* --- tools -------------------------------------------------------------------------------- */

static void write_tool(struct encoding *e, const struct json *tool, bool *strict)
{
	const struct json *function = json_member(tool, "function");
	const struct json *parameters = encode_field(function, "parameters");

	if (!text_is(json_string(tool, "type"), "function")) {
		encode_refuse(e, "only tools of type function can be carried");
		return;
	}
	*strict |= json_truth(function, "strict", false);
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", "function");
	json_write_key(&e->json, "function");
	json_write_object(&e->json);
	json_write_member(&e->json, "name", json_string(function, "name"));
	if (json_string(function, "description").len > 0)
		json_write_member(&e->json, "description", json_string(function, "description"));
	json_write_key(&e->json, "parameters");
	if (parameters != NULL)
		json_write_node(&e->json, parameters);
	else
		json_write_raw(&e->json, TEXT("{\"type\":\"object\",\"properties\":{}}"));
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
}

/* It knows no choice of one tool; without a word it is free. */
static void write_choice(struct encoding *e)
{
	struct text name;

	switch (encode_choice_of(e, &name)) {
	case ENCODE_CHOICE_NONE:
		json_write_member_c(&e->json, "tool_choice", "NONE");
		break;
	case ENCODE_CHOICE_REQUIRED:
		json_write_member_c(&e->json, "tool_choice", "REQUIRED");
		break;
	case ENCODE_CHOICE_NAMED:
		encode_refuse(e,
		              "tool_choice of one function is not supported by the cohere dialect");
		break;
	case ENCODE_CHOICE_ABSENT:
	case ENCODE_CHOICE_AUTO:
		break;
	}
}

static void write_tools(struct encoding *e)
{
	const struct json *tools = encode_field(e->root, "tools");
	bool strict = false;

	if (tools == NULL || tools->count == 0)
		return;
	json_write_key(&e->json, "tools");
	json_write_array(&e->json);
	JSON_EACH(tool, tools)
	{
		write_tool(e, tool, &strict);
	}
	json_write_array_end(&e->json);
	if (strict)
		json_write_member_bool(&e->json, "strict_tools", true);
	write_choice(e);
}

/* --- parameters --------------------------------------------------------------------------- */

static void write_format(struct encoding *e)
{
	const struct json *format = encode_field(e->root, "response_format");
	const struct json *schema = json_member(json_member(format, "json_schema"), "schema");
	struct text type = json_string(format, "type");

	if (format == NULL || text_is(type, "text"))
		return;
	if (!text_is(type, "json_object") && !text_is(type, "json_schema"))
		encode_refuse(e, "response_format %.*s can't be carried",
		              TEXT_ARG(text_visible(e->arena, type, 40)));
	else if (text_is(type, "json_schema") && !json_is(schema, JSON_OBJECT))
		encode_refuse(e, "response_format json_schema has no schema");
	json_write_key(&e->json, "response_format");
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", "json_object");
	if (schema != NULL) {
		json_write_key(&e->json, "json_schema");
		json_write_node(&e->json, schema);
	}
	json_write_object_end(&e->json);
}

/* On or off: it knows no more and less. */
static void write_thinking(struct encoding *e)
{
	const struct json *effort = encode_field(e->root, "reasoning_effort");

	if (effort == NULL)
		return;
	json_write_key(&e->json, "thinking");
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type",
	                    text_is(effort->text, "none") ? "disabled" : "enabled");
	json_write_object_end(&e->json);
}

static void check_members(struct encoding *e)
{
	static const char *const carried[] = {"model",
	                                      "messages",
	                                      "max_tokens",
	                                      "max_completion_tokens",
	                                      "temperature",
	                                      "top_p",
	                                      "n",
	                                      "stop",
	                                      "seed",
	                                      "presence_penalty",
	                                      "frequency_penalty",
	                                      "stream",
	                                      "stream_options",
	                                      "tools",
	                                      "tool_choice",
	                                      "response_format",
	                                      "reasoning_effort",
	                                      "logprobs",
	                                      NULL};
	static const char *const refused[] = {"top_logprobs", "audio",         "modalities",
	                                      "functions",    "function_call", NULL};

	encode_check_members(e, carried, refused);
	encode_check_one_answer(e);
	encode_check_logprobs(e);
}

bool encode_cohere(const struct provider *provider, const struct chat_request *request,
                   struct arena *arena, struct wire_request *out, struct fault *fault)
{
	struct encoding encoding;
	struct encoding *e = &encoding;

	if (!encode_begin(e, provider, request, arena, fault))
		return false;
	bool newer = encode_field(e->root, "max_completion_tokens") != NULL;
	check_members(e);
	json_write_object(&e->json);
	encode_copy(e, "model", "model");
	write_messages(e);
	write_tools(e);
	encode_copy(e, newer ? "max_completion_tokens" : "max_tokens", "max_tokens");
	encode_copy(e, "temperature", "temperature");
	encode_copy(e, "top_p", "p");
	encode_copy(e, "seed", "seed");
	encode_copy(e, "presence_penalty", "presence_penalty");
	encode_copy(e, "frequency_penalty", "frequency_penalty");
	encode_stop(e, "stop_sequences", 0);
	write_format(e);
	write_thinking(e);
	json_write_member_bool(&e->json, "stream", request->streamed);
	json_write_object_end(&e->json);
	bool good = encode_wire(e, "Authorization", "Bearer ", TEXT("/chat"), NULL, 0, out);
	return encode_end(e, out) && good;
}
