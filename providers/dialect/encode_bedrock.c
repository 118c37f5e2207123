/*
 * OpenAI's chat request as Bedrock's Converse (Amazon Bedrock API reference, "Converse",
 * "ConverseStream", "ContentBlock", "ToolConfiguration", "OutputConfig").
 */
#include "providers/dialect/encode_bedrock.h"

#include "harness/base/digest.h"
#include "providers/dialect/encode_anthropic.h"

static bool is_claude(const struct encoding *e)
{
	return text_find(json_string(e->root, "model"), TEXT("claude"), 0) != TEXT_NOT_FOUND;
}

static bool model_has(const struct encoding *e, const char *part)
{
	return text_find(json_string(e->root, "model"), text_of(part), 0) != TEXT_NOT_FOUND;
}

/* --- content ------------------------------------------------------------------------------ */

static void write_text_block(struct encoding *e, struct text text)
{
	/* Empty ones are refused. */
	if (text.len == 0)
		return;
	json_write_object(&e->json);
	json_write_member(&e->json, "text", text);
	json_write_object_end(&e->json);
}

/* The word for a media type; NULL: none of these. */
static const char *format_of(struct text type, bool image)
{
	static const struct {
		const char *type, *format;
		bool image;
	} formats[] = {
	    {"image/png", "png", true},     {"image/jpeg", "jpeg", true},
	    {"image/jpg", "jpeg", true},    {"image/gif", "gif", true},
	    {"image/webp", "webp", true},   {"application/pdf", "pdf", false},
	    {"text/csv", "csv", false},     {"text/html", "html", false},
	    {"text/markdown", "md", false}, {"text/plain", "txt", false},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(formats); i++)
		if (formats[i].image == image && text_is(type, formats[i].type))
			return formats[i].format;
	return NULL;
}

/* Letters, digits, blanks, hyphens and brackets only, as documents' names are allowed. */
static struct text document_name(struct encoding *e, struct text filename)
{
	struct text_buf name;

	text_buf_init(&name, 200);
	for (size_t i = 0; i < filename.len && name.len < 199; i++) {
		char c = filename.data[i];
		bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		            (c >= 'A' && c <= 'Z') || strchr("-()[]", c) != NULL;
		(void)text_buf_byte(&name, good && c != '\0' ? c : '-');
	}
	struct text copy = text_copy(e->arena, text_buf_view(&name));
	text_buf_done(&name);
	return copy.len > 0 ? copy : TEXT("document");
}

static void write_bytes(struct encoding *e, const char *block, const char *format, struct text name,
                        struct text base64)
{
	json_write_object(&e->json);
	json_write_key(&e->json, block);
	json_write_object(&e->json);
	json_write_member_c(&e->json, "format", format);
	if (name.len > 0)
		json_write_member(&e->json, "name", name);
	json_write_key(&e->json, "source");
	json_write_object(&e->json);
	json_write_member(&e->json, "bytes", base64);
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
}

static void write_image(struct encoding *e, const struct json *image)
{
	struct text type, base64;

	if (encode_field(image, "detail") != NULL)
		encode_drop(e, "image_url.detail");
	if (!encode_data_url(json_string(image, "url"), &type, &base64))
		encode_refuse(e, "an image must be a data URL: Bedrock fetches none");
	else if (format_of(type, true) == NULL)
		encode_refuse(e, "an image of type %.*s can't be carried",
		              TEXT_ARG(text_visible(e->arena, type, 40)));
	else
		write_bytes(e, "image", format_of(type, true), TEXT(""), base64);
}

static void write_file(struct encoding *e, const struct json *file)
{
	struct text type, base64;

	if (!encode_data_url(json_string(file, "file_data"), &type, &base64))
		encode_refuse(e, "a file part must hold its data in file_data");
	else if (format_of(type, false) == NULL)
		encode_refuse(e, "a file of type %.*s can't be carried",
		              TEXT_ARG(text_visible(e->arena, type, 40)));
	else
		write_bytes(e, "document", format_of(type, false),
		            document_name(e, json_string(file, "filename")), base64);
}

/* --- messages ----------------------------------------------------------------------------- */

/* [a-zA-Z0-9_-]{1,64}: others get one made from them, the same for a call and its result. */
static struct text id_of(struct encoding *e, struct text id)
{
	enum { LONGEST = 64 };
	struct text allowed = encode_anthropic_id(e, id);

	if (allowed.len <= LONGEST)
		return allowed;
	return text_format(e->arena, "call_%.*s", TEXT_ARG(digest_hex(e->arena, id, 24)));
}

static void write_tool_use(struct encoding *e, const struct json *call)
{
	const struct json *input = encode_arguments(e, call);

	if (input == NULL)
		return;
	json_write_object(&e->json);
	json_write_key(&e->json, "toolUse");
	json_write_object(&e->json);
	json_write_member(&e->json, "toolUseId", id_of(e, json_string(call, "id")));
	json_write_member(&e->json, "name", json_string(json_member(call, "function"), "name"));
	json_write_key(&e->json, "input");
	json_write_node(&e->json, input);
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
}

static void begin_tool_result(struct encoding *e, const struct json *message)
{
	json_write_object(&e->json);
	json_write_key(&e->json, "toolResult");
	json_write_object(&e->json);
	json_write_member(&e->json, "toolUseId", id_of(e, json_string(message, "tool_call_id")));
}

/* Signed thoughts are kept as Anthropic's blocks, whoever signed them; here they are named anew. */
static void write_thought(struct encoding *e, const struct json *block)
{
	bool redacted = text_is(json_string(block, "type"), "redacted_thinking");

	json_write_object(&e->json);
	json_write_key(&e->json, "reasoningContent");
	json_write_object(&e->json);
	if (redacted) {
		json_write_member(&e->json, "redactedContent", json_string(block, "data"));
	} else {
		json_write_key(&e->json, "reasoningText");
		json_write_object(&e->json);
		json_write_member(&e->json, "text", json_string(block, "thinking"));
		json_write_member(&e->json, "signature", json_string(block, "signature"));
		json_write_object_end(&e->json);
	}
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
}

static const struct encode_blocks blocks = {
    .text = write_text_block,
    .image = write_image,
    .file = write_file,
    .thought = write_thought,
    .call = write_tool_use,
    .begin_result = begin_tool_result,
    .result_depth = 2,
};

/* --- tools -------------------------------------------------------------------------------- */

static bool has_calls(const struct encoding *e)
{
	JSON_EACH(message, json_member(e->root, "messages"))
	{
		const struct json *calls = encode_field(message, "tool_calls");
		if (text_is(json_string(message, "role"), "tool") ||
		    (calls != NULL && calls->count > 0))
			return true;
	}
	return false;
}

static void write_tool(struct encoding *e, const struct json *tool)
{
	const struct json *function = json_member(tool, "function");
	const struct json *schema = encode_field(function, "parameters");

	json_write_object(&e->json);
	json_write_key(&e->json, "toolSpec");
	json_write_object(&e->json);
	json_write_member(&e->json, "name", json_string(function, "name"));
	/* An empty description is refused. */
	if (json_string(function, "description").len > 0)
		json_write_member(&e->json, "description", json_string(function, "description"));
	json_write_key(&e->json, "inputSchema");
	json_write_object(&e->json);
	json_write_key(&e->json, "json");
	if (schema != NULL)
		json_write_node(&e->json, schema);
	else
		json_write_raw(&e->json, TEXT("{\"type\":\"object\",\"properties\":{}}"));
	json_write_object_end(&e->json);
	if (json_truth(function, "strict", false))
		json_write_member_bool(&e->json, "strict", true);
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
}

static void write_choice(struct encoding *e, enum encode_choice choice, struct text name)
{
	static const char *const words[] = {[ENCODE_CHOICE_AUTO] = "auto",
	                                    [ENCODE_CHOICE_REQUIRED] = "any",
	                                    [ENCODE_CHOICE_NAMED] = "tool"};

	if (is_claude(e))
		encode_anthropic_check_choice(e, choice);
	if (choice == ENCODE_CHOICE_ABSENT)
		return;
	json_write_key(&e->json, "toolChoice");
	json_write_object(&e->json);
	json_write_key(&e->json, words[choice]);
	json_write_object(&e->json);
	if (choice == ENCODE_CHOICE_NAMED)
		json_write_member(&e->json, "name", name);
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
}

static void write_tools(struct encoding *e)
{
	bool strict;
	struct text name = TEXT("");
	const struct json *tools = encode_tools(e, &strict);
	enum encode_choice choice =
	    tools == NULL ? ENCODE_CHOICE_ABSENT : encode_choice_of(e, &name);

	if (tools == NULL && has_calls(e))
		encode_refuse(e, "Bedrock takes calls in the history only beside tools");
	/* There is no such choice; a model that knows of no tools calls none. */
	if (choice == ENCODE_CHOICE_NONE) {
		if (has_calls(e))
			encode_refuse(e, "tool_choice none can't be carried where the history "
			                 "holds calls");
		encode_drop(e, "tools");
		return;
	}
	if (tools == NULL)
		return;
	json_write_key(&e->json, "toolConfig");
	json_write_object(&e->json);
	json_write_key(&e->json, "tools");
	json_write_array(&e->json);
	JSON_EACH(tool, tools)
	{
		write_tool(e, tool);
	}
	json_write_array_end(&e->json);
	write_choice(e, choice, name);
	json_write_object_end(&e->json);
}

/* --- parameters --------------------------------------------------------------------------- */

/* Claude takes 0 to 1: clamped it would be another request. */
static void write_sampling(struct encoding *e)
{
	const struct json *temperature = encode_field(e->root, "temperature");
	double value;

	if (is_claude(e) && !encode_anthropic_samples(e)) {
		if (temperature != NULL)
			encode_drop(e, "temperature");
		if (encode_field(e->root, "top_p") != NULL)
			encode_drop(e, "top_p");
		return;
	}
	if (temperature != NULL &&
	    (!text_to_double(temperature->text, &value) || value < 0 || value > 1))
		encode_refuse(e, "temperature must be from 0 to 1 for this provider");
	encode_copy(e, "temperature", "temperature");
	encode_copy(e, "top_p", "topP");
}

static void write_inference(struct encoding *e)
{
	bool budget = is_claude(e) && encode_effort(e).data != NULL;
	bool said = encode_field(e->root, "max_tokens") != NULL ||
	            encode_field(e->root, "max_completion_tokens") != NULL;
	int64_t most = encode_max_tokens(e);

	json_write_key(&e->json, "inferenceConfig");
	json_write_object(&e->json);
	if (said)
		encode_limit(e, "maxTokens");
	else if (budget) /* what it may think is a part of it */
		json_write_member_int(&e->json, "maxTokens",
		                      most < 0 ? ENCODE_ANTHROPIC_MAX_TOKENS : most);
	write_sampling(e);
	encode_stop(e, "stopSequences", 0);
	json_write_object_end(&e->json);
}

static void write_format(struct encoding *e)
{
	const struct json *schema;
	enum encode_format format = encode_format_of(e, &schema);
	struct text name = json_string(
	    json_member(json_member(e->root, "response_format"), "json_schema"), "name");

	if (format == ENCODE_FORMAT_JSON)
		encode_refuse(e, "response_format json_object can't be carried");
	if (schema == NULL)
		return;
	json_write_key(&e->json, "outputConfig");
	json_write_object(&e->json);
	json_write_key(&e->json, "textFormat");
	json_write_object(&e->json);
	json_write_member_c(&e->json, "type", "json_schema");
	json_write_key(&e->json, "structure");
	json_write_object(&e->json);
	json_write_key(&e->json, "jsonSchema");
	json_write_object(&e->json);
	if (name.len > 0)
		json_write_member(&e->json, "name", name);
	json_write_member(&e->json, "schema", json_to_text(e->arena, schema)); /* as text */
	for (int i = 0; i < 4; i++)
		json_write_object_end(&e->json);
}

/* It has no place of its own: each maker's models take it by the name that they know. */
static void write_reasoning(struct encoding *e)
{
	struct text effort = encode_effort(e);
	struct text beside = {NULL, 0};

	if (effort.data == NULL)
		return;
	json_write_key(&e->json, "additionalModelRequestFields");
	json_write_object(&e->json);
	if (is_claude(e)) {
		encode_anthropic_thinking(e);
		beside = encode_anthropic_effort(e);
		if (beside.data != NULL) {
			json_write_key(&e->json, "output_config");
			json_write_object(&e->json);
			json_write_member(&e->json, "effort", beside);
			json_write_object_end(&e->json);
		}
	} else if (model_has(e, "openai.")) {
		json_write_member(&e->json, "reasoning_effort", effort);
	} else if (model_has(e, "nova") && !text_is(effort, "none")) {
		json_write_key(&e->json, "reasoningConfig");
		json_write_object(&e->json);
		json_write_member_c(&e->json, "type", "enabled");
		json_write_member(&e->json, "maxReasoningEffort", effort);
		json_write_object_end(&e->json);
	} else if (!text_is(effort, "none")) {
		encode_refuse(e, "reasoning_effort can't be had with this model");
	}
	json_write_object_end(&e->json);
}

static void write_tier(struct encoding *e)
{
	struct text tier = json_string(e->root, "service_tier");

	if (tier.data == NULL)
		return;
	if (!text_is(tier, "default") && !text_is(tier, "flex") && !text_is(tier, "priority")) {
		encode_drop(e, "service_tier");
		return;
	}
	json_write_key(&e->json, "serviceTier");
	json_write_object(&e->json);
	json_write_member(&e->json, "type", tier);
	json_write_object_end(&e->json);
}

/* --- the request -------------------------------------------------------------------------- */

/* The model is one segment of the path: colons and the slashes of an ARN are encoded. */
static struct text path_of(struct encoding *e)
{
	struct text model = json_string(e->root, "model");
	struct text_buf path;

	text_buf_init(&path, 64 << 10);
	(void)text_buf_add_c(&path, "/model/");
	for (size_t i = 0; i < model.len; i++) {
		unsigned char c = (unsigned char)model.data[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c != 0 && strchr("-._~", c) != NULL))
			(void)text_buf_byte(&path, (char)c);
		else
			(void)text_buf_format(&path, "%%%02X", c);
	}
	(void)text_buf_add_c(&path, e->request->streamed ? "/converse-stream" : "/converse");
	if (path.overflow || model.len == 0)
		encode_refuse(e, "the model's name can't stand in a path");
	struct text whole = text_copy(e->arena, text_buf_view(&path));
	text_buf_done(&path);
	return whole;
}

static void accept_frames(const struct encoding *e, struct wire_request *out)
{
	for (size_t i = 0; i < out->header_count; i++)
		if (e->request->streamed && text_is(out->headers[i].name, "Accept"))
			out->headers[i].value = TEXT("application/vnd.amazon.eventstream");
}

bool encode_bedrock(const struct provider *provider, const struct chat_request *request,
                    struct arena *arena, struct wire_request *out, struct fault *fault)
{
	static const struct encode_door door = {"Authorization", "Bearer ", NULL, 0};
	static const char *const carried[] = {"service_tier", NULL};
	struct encoding encoding;
	struct encoding *e = &encoding;

	if (!encode_begin(e, provider, request, carried, arena, fault))
		return false;
	encode_turns(e, &blocks);
	write_inference(e);
	write_tools(e);
	write_format(e);
	write_reasoning(e);
	write_tier(e);
	if (!encode_end(e, &door, path_of(e), out))
		return false;
	accept_frames(e, out);
	return true;
}
