/* OpenAI's chat request as Cohere's chat, version 2 (Cohere API reference, "Chat"). */
#include "providers/dialect/encode_cohere.h"

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
		encode_refuse_part(e, type);
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

static void write_message(struct encoding *e, const struct json *message)
{
	static const char *const carried[] = {"reasoning_content", NULL};
	struct text role = encode_role(e, message);
	const struct json *content = encode_field(message, "content");
	bool calls = encode_field(message, "tool_calls") != NULL;
	struct text plan = json_string(message, "reasoning_content");

	json_write_object(&e->json);
	json_write_member(&e->json, "role", role);
	if (text_is(role, "tool"))
		json_write_member(&e->json, "tool_call_id", json_string(message, "tool_call_id"));
	if (content == NULL)
		content = encode_field(message, "refusal");
	else if (encode_field(message, "refusal") != NULL)
		encode_drop(e, "messages.refusal");
	if (content != NULL || !calls)
		write_content(e, content);
	/* What it meant to do with the tools is its own word, and comes back as thoughts. */
	if (calls && plan.len > 0)
		json_write_member(&e->json, "tool_plan", plan);
	else if (plan.len > 0)
		encode_drop(e, "messages.reasoning_content");
	encode_calls(e, message, false);
	encode_check_message(e, message, carried);
	json_write_object_end(&e->json);
}

/* --- tools -------------------------------------------------------------------------------- */

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
	bool strict;
	const struct json *tools = encode_tools(e, &strict);

	if (tools == NULL)
		return;
	json_write_key(&e->json, "tools");
	json_write_array(&e->json);
	JSON_EACH(tool, tools)
	{
		json_write_object(&e->json);
		json_write_member_c(&e->json, "type", "function");
		json_write_key(&e->json, "function");
		json_write_object(&e->json);
		encode_function(e, tool, "parameters");
		json_write_object_end(&e->json);
		json_write_object_end(&e->json);
	}
	json_write_array_end(&e->json);
	if (strict)
		json_write_member_bool(&e->json, "strict_tools", true);
	write_choice(e);
}

/* --- parameters --------------------------------------------------------------------------- */

static void write_format(struct encoding *e)
{
	const struct json *schema;

	if (encode_format_of(e, &schema) == ENCODE_FORMAT_TEXT)
		return;
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
	struct text effort = encode_effort(e);

	if (effort.data == NULL)
		return;
	json_write_key(&e->json, "thinking");
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", text_is(effort, "none") ? "disabled" : "enabled");
	json_write_object_end(&e->json);
}

bool encode_cohere(const struct provider *provider, const struct chat_request *request,
                   struct arena *arena, struct wire_request *out, struct fault *fault)
{
	static const char *const carried[] = {"seed", "presence_penalty", "frequency_penalty",
	                                      NULL};
	static const struct encode_door door = {"Authorization", "Bearer ", NULL, 0};
	struct encoding encoding;
	struct encoding *e = &encoding;

	if (!encode_begin(e, provider, request, carried, arena, fault))
		return false;
	encode_copy(e, "model", "model");
	encode_messages(e, write_message);
	write_tools(e);
	encode_limit(e, "max_tokens");
	encode_copy(e, "temperature", "temperature");
	encode_copy(e, "top_p", "p");
	encode_copy(e, "seed", "seed");
	encode_copy(e, "presence_penalty", "presence_penalty");
	encode_copy(e, "frequency_penalty", "frequency_penalty");
	encode_stop(e, "stop_sequences", 0);
	write_format(e);
	write_thinking(e);
	json_write_member_bool(&e->json, "stream", request->streamed);
	return encode_end(e, &door, TEXT("/chat"), out);
}
