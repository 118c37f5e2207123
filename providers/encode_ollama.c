/* OpenAI's chat request as Ollama's own /api/chat (Ollama API reference, "Generate a chat
 * message"). */
#include "providers/encode_ollama.h"

/* --- messages ----------------------------------------------------------------------------- */

/* Images stand beside the text, as base64 without their type. */
static void write_images(struct encoding *e, const struct json *content)
{
	bool any = false;

	JSON_EACH(part, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		struct text type, base64;
		const struct json *image = json_member(part, "image_url");
		if (!text_is(json_string(part, "type"), "image_url"))
			continue;
		if (!encode_data_url(json_string(image, "url"), &type, &base64)) {
			encode_refuse(e, "an image must be a data URL for this provider");
			return;
		}
		if (encode_field(image, "detail") != NULL)
			encode_drop(e, "image_url.detail");
		if (!any) {
			json_write_key(&e->json, "images");
			json_write_array(&e->json);
		}
		json_write_string(&e->json, base64);
		any = true;
	}
	if (any)
		json_write_array_end(&e->json);
}

static struct text text_parts(struct encoding *e, const struct json *content)
{
	struct text_buf joined;

	if (json_is(content, JSON_STRING))
		return content->text;
	text_buf_init(&joined, ENCODE_MAX_BODY_BYTES);
	JSON_EACH(part, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		struct text type = json_string(part, "type");
		if (text_is(type, "text"))
			(void)text_buf_add(&joined, json_string(part, "text"));
		else if (text_is(type, "refusal"))
			(void)text_buf_add(&joined, json_string(part, "refusal"));
		else if (!text_is(type, "image_url"))
			encode_refuse(e, "a content part of type %.*s can't be carried",
			              TEXT_ARG(text_visible(e->arena, type, 40)));
	}
	struct text whole = text_copy(e->arena, text_buf_view(&joined));
	text_buf_done(&joined);
	return whole;
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
		const struct json *arguments = encode_arguments(e, call);
		if (arguments == NULL)
			break;
		json_write_object(&e->json);
		json_write_member(&e->json, "id", json_string(call, "id"));
		json_write_key(&e->json, "function");
		json_write_object(&e->json);
		json_write_member(&e->json, "name",
		                  json_string(json_member(call, "function"), "name"));
		json_write_key(&e->json, "arguments");
		json_write_node(&e->json, arguments);
		json_write_object_end(&e->json);
		json_write_object_end(&e->json);
	}
	json_write_array_end(&e->json);
}

/* A result names its tool; the id is for those versions that know ids. */
static void write_result_of(struct encoding *e, const struct json *message)
{
	struct text id = json_string(message, "tool_call_id");
	const struct json *call = encode_call_of(e, id);

	if (call == NULL) {
		encode_refuse(e, "a tool's result answers no call of the history: %.*s",
		              TEXT_ARG(text_visible(e->arena, id, 64)));
		return;
	}
	json_write_member(&e->json, "tool_name",
	                  json_string(json_member(call, "function"), "name"));
	json_write_member(&e->json, "tool_call_id", id);
}

static void write_message(struct encoding *e, const struct json *message)
{
	struct text role = json_string(message, "role");
	const struct json *content = encode_field(message, "content");

	if (text_is(role, "developer"))
		role = TEXT("system");
	if (!text_is(role, "system") && !text_is(role, "user") && !text_is(role, "assistant") &&
	    !text_is(role, "tool"))
		encode_refuse(e, "a message of role '%.*s' can't be carried",
		              TEXT_ARG(text_visible(e->arena, role, 40)));
	if (content == NULL)
		content = encode_field(message, "refusal");
	json_write_object(&e->json);
	json_write_member(&e->json, "role", role);
	json_write_member(&e->json, "content", text_parts(e, content));
	write_images(e, content);
	if (json_string(message, "reasoning_content").len > 0)
		json_write_member(&e->json, "thinking", json_string(message, "reasoning_content"));
	write_calls(e, message);
	if (text_is(role, "tool"))
		write_result_of(e, message);
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

/* Models are free to call or not: it can't make them. Without tools, they don't. */
static void write_tools(struct encoding *e)
{
	const struct json *tools = encode_field(e->root, "tools");
	struct text name;
	enum encode_choice choice = encode_choice_of(e, &name);

	if (choice == ENCODE_CHOICE_REQUIRED || choice == ENCODE_CHOICE_NAMED)
		encode_refuse(e,
		              "tool_choice other than auto or none is not supported by the ollama "
		              "dialect");
	if (tools == NULL || tools->count == 0)
		return;
	if (choice == ENCODE_CHOICE_NONE) {
		encode_drop(e, "tools");
		return;
	}
	JSON_EACH(tool, tools)
	{
		if (!text_is(json_string(tool, "type"), "function"))
			encode_refuse(e, "only tools of type function can be carried");
		if (json_truth(json_member(tool, "function"), "strict", false))
			encode_drop(e, "tools.function.strict");
	}
	encode_copy(e, "tools", "tools");
}

/* --- parameters --------------------------------------------------------------------------- */

static void write_format(struct encoding *e)
{
	const struct json *format = encode_field(e->root, "response_format");
	const struct json *schema = json_member(json_member(format, "json_schema"), "schema");
	struct text type = json_string(format, "type");

	if (format == NULL || text_is(type, "text"))
		return;
	if (text_is(type, "json_object")) {
		json_write_member_c(&e->json, "format", "json");
	} else if (!text_is(type, "json_schema")) {
		encode_refuse(e, "response_format %.*s can't be carried",
		              TEXT_ARG(text_visible(e->arena, type, 40)));
	} else if (!json_is(schema, JSON_OBJECT)) {
		encode_refuse(e, "response_format json_schema has no schema");
	} else {
		json_write_key(&e->json, "format");
		json_write_node(&e->json, schema);
	}
}

static void write_thinking(struct encoding *e)
{
	const struct json *effort = encode_field(e->root, "reasoning_effort");

	if (effort == NULL)
		return;
	if (text_is(effort->text, "none"))
		json_write_member_bool(&e->json, "think", false);
	else
		json_write_member(&e->json, "think",
		                  text_is(effort->text, "minimal") ? TEXT("low") : effort->text);
}

static void write_options(struct encoding *e)
{
	bool newer = encode_field(e->root, "max_completion_tokens") != NULL;

	json_write_key(&e->json, "options");
	json_write_object(&e->json);
	encode_copy(e, newer ? "max_completion_tokens" : "max_tokens", "num_predict");
	encode_copy(e, "temperature", "temperature");
	encode_copy(e, "top_p", "top_p");
	encode_copy(e, "seed", "seed");
	encode_copy(e, "presence_penalty", "presence_penalty");
	encode_copy(e, "frequency_penalty", "frequency_penalty");
	encode_stop(e, "stop", 0);
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

bool encode_ollama(const struct provider *provider, const struct chat_request *request,
                   struct arena *arena, struct wire_request *out, struct fault *fault)
{
	struct encoding encoding;
	struct encoding *e = &encoding;

	if (!encode_begin(e, provider, request, arena, fault))
		return false;
	check_members(e);
	json_write_object(&e->json);
	encode_copy(e, "model", "model");
	write_messages(e);
	write_tools(e);
	write_format(e);
	write_thinking(e);
	write_options(e);
	json_write_member_bool(&e->json, "stream", request->streamed);
	json_write_object_end(&e->json);
	bool good = encode_wire(e, "Authorization", "Bearer ", TEXT("/chat"), NULL, 0, out);
	return encode_end(e, out) && good;
}
