/* OpenAI's chat request as Ollama's own /api/chat (Ollama API reference, "Generate a chat
 * message"). */
#include "providers/dialect/encode_ollama.h"

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
		encode_check_part(e, part, "image_url");
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

/* A result names its tool; the id is for those versions that know ids. */
static void write_result_of(struct encoding *e, const struct json *message)
{
	const struct json *call = encode_call_of(e, message);

	if (call == NULL)
		return;
	json_write_member(&e->json, "tool_name",
	                  json_string(json_member(call, "function"), "name"));
	json_write_member(&e->json, "tool_call_id", json_string(message, "tool_call_id"));
}

static void write_message(struct encoding *e, const struct json *message)
{
	static const char *const carried[] = {"reasoning_content", NULL};
	struct text role = encode_role(e, message);
	const struct json *content = encode_field(message, "content");

	if (content == NULL)
		content = encode_field(message, "refusal");
	else if (encode_field(message, "refusal") != NULL)
		encode_drop(e, "messages.refusal");
	json_write_object(&e->json);
	json_write_member(&e->json, "role", role);
	json_write_member(&e->json, "content", encode_text(e, content, "image_url"));
	write_images(e, content);
	if (json_string(message, "reasoning_content").len > 0)
		json_write_member(&e->json, "thinking", json_string(message, "reasoning_content"));
	encode_calls(e, message, true);
	encode_check_message(e, message, carried);
	if (text_is(role, "tool"))
		write_result_of(e, message);
	json_write_object_end(&e->json);
}

/* --- tools -------------------------------------------------------------------------------- */

/* Models are free to call or not: it can't make them. Without tools, they don't. */
static void write_tools(struct encoding *e)
{
	bool strict;
	const struct json *tools = encode_tools(e, &strict);
	struct text name;
	enum encode_choice choice = encode_choice_of(e, &name);

	if (choice == ENCODE_CHOICE_REQUIRED || choice == ENCODE_CHOICE_NAMED)
		encode_refuse(e,
		              "tool_choice other than auto or none is not supported by the ollama "
		              "dialect");
	if (tools == NULL)
		return;
	if (choice == ENCODE_CHOICE_NONE) {
		encode_drop(e, "tools");
		return;
	}
	if (strict)
		encode_drop(e, "tools.function.strict");
	encode_copy(e, "tools", "tools");
}

/* --- parameters --------------------------------------------------------------------------- */

static void write_format(struct encoding *e)
{
	const struct json *schema;

	switch (encode_format_of(e, &schema)) {
	case ENCODE_FORMAT_TEXT:
		break;
	case ENCODE_FORMAT_JSON:
		json_write_member_c(&e->json, "format", "json");
		break;
	case ENCODE_FORMAT_SCHEMA:
		json_write_key(&e->json, "format");
		json_write_node(&e->json, schema);
		break;
	}
}

static void write_thinking(struct encoding *e)
{
	struct text effort = encode_effort(e);

	if (effort.data == NULL)
		return;
	if (text_is(effort, "none"))
		json_write_member_bool(&e->json, "think", false);
	else
		json_write_member(&e->json, "think",
		                  text_is(effort, "minimal") ? TEXT("low") : effort);
}

static void write_options(struct encoding *e)
{
	json_write_key(&e->json, "options");
	json_write_object(&e->json);
	encode_limit(e, "num_predict");
	encode_copy(e, "temperature", "temperature");
	encode_copy(e, "top_p", "top_p");
	encode_copy(e, "seed", "seed");
	encode_copy(e, "presence_penalty", "presence_penalty");
	encode_copy(e, "frequency_penalty", "frequency_penalty");
	encode_stop(e, "stop", 0);
	json_write_object_end(&e->json);
}

bool encode_ollama(const struct provider *provider, const struct chat_request *request,
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
	write_format(e);
	write_thinking(e);
	write_options(e);
	json_write_member_bool(&e->json, "stream", request->streamed);
	return encode_end(e, &door, TEXT("/chat"), out);
}
