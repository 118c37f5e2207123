/* What messages, tools and formats of a request make it use; see shape.h. */
#include "cases/shape_private.h"

/* --- text ------------------------------------------------------------------- */

static void add_text(struct shape *shape, struct text text)
{
	shape->prompt_bytes += (int64_t)text.len;
	if (!feature_has(&shape->features, FEATURE_UNICODE) && !text_is_ascii(text))
		shape_mark(shape, FEATURE_UNICODE);
}

void shape_text(struct shape *shape, const struct json *value)
{
	if (json_is(value, JSON_STRING))
		add_text(shape, value->text);
	if (!json_is(value, JSON_ARRAY))
		return;
	JSON_EACH(item, value)
	{
		if (json_is(item, JSON_STRING))
			add_text(shape, item->text);
		else if (json_is(item, JSON_OBJECT))
			add_text(shape, json_string(item, "text"));
	}
}

/* --- messages --------------------------------------------------------------- */

/* Types of content parts: chat's, Anthropic's and those of responses. */
static const struct {
	const char *type;
	enum feature feature;
} part_types[] = {
    {"image_url", FEATURE_IMAGES},
    {"image", FEATURE_IMAGES},
    {"input_image", FEATURE_IMAGES},
    {"input_audio", FEATURE_AUDIO},
    {"audio", FEATURE_AUDIO},
    {"file", FEATURE_FILES},
    {"input_file", FEATURE_FILES},
    {"document", FEATURE_FILES},
    {"thinking", FEATURE_REASONING_HISTORY},
    {"redacted_thinking", FEATURE_REASONING_HISTORY},
    {"tool_result", FEATURE_TOOL_MESSAGES},
};

/* {image_url: {url}} in chat, {image_url} in responses, {source: {url}} with Anthropic. */
static struct text image_url(const struct json *part)
{
	const struct json *image = json_member(part, "image_url");

	if (json_is(image, JSON_STRING))
		return image->text;
	return json_string(image != NULL ? image : json_member(part, "source"), "url");
}

static bool is_fetched(struct text url)
{
	return text_starts(url, TEXT("https:")) || text_starts(url, TEXT("http:"));
}

static void add_part(struct shape *shape, const struct json *part)
{
	struct text type = json_string(part, "type");

	for (size_t i = 0; i < ARRAY_LENGTH(part_types); i++) {
		if (!text_is(type, part_types[i].type))
			continue;
		shape_mark(shape, part_types[i].feature);
		if (part_types[i].feature != FEATURE_IMAGES)
			continue;
		shape->images++;
		if (is_fetched(image_url(part)))
			shape_mark(shape, FEATURE_IMAGES_URL);
	}
	add_text(shape, json_string(part, "text"));
	/* Anthropic's tool results hold text or parts of their own. */
	shape_text(shape, json_member(part, "content"));
}

static void add_content(struct shape *shape, const struct json *content)
{
	if (json_is(content, JSON_STRING))
		add_text(shape, content->text);
	if (!json_is(content, JSON_ARRAY))
		return;
	shape_mark(shape, FEATURE_CONTENT_PARTS);
	JSON_EACH(part, content)
	{
		add_part(shape, part);
	}
}

static void add_calls(struct shape *shape, const struct json *calls)
{
	JSON_EACH(call, calls)
	{
		const struct json *function = json_member(call, "function");
		const struct json *arguments = json_member(function, "arguments");

		if (json_is(arguments, JSON_STRING) && arguments->text.len == 0)
			shape_mark(shape, FEATURE_TOOL_MESSAGES_EMPTY_ARGUMENTS);
		add_text(shape, json_string(function, "arguments"));
	}
}

static bool is_given(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	return member != NULL && member->type != JSON_NULL;
}

static void add_role(struct shape *shape, struct text role)
{
	if (text_is(role, "system"))
		shape_mark(shape, FEATURE_SYSTEM);
	else if (text_is(role, "developer"))
		shape_mark(shape, FEATURE_DEVELOPER);
	else if (text_is(role, "assistant"))
		shape_mark(shape, FEATURE_MULTI_TURN);
	else if (text_is(role, "tool") || text_is(role, "function"))
		shape_mark(shape, FEATURE_TOOL_MESSAGES);
}

static void add_message(struct shape *shape, const struct json *message)
{
	struct text type = json_string(message, "type");

	add_role(shape, json_string(message, "role"));
	/* A function's name is not that of a person. */
	if (is_given(message, "name") && is_given(message, "role"))
		shape_mark(shape, FEATURE_MESSAGE_NAME);
	if (is_given(message, "reasoning") || is_given(message, "reasoning_content") ||
	    is_given(message, "reasoning_details") || text_is(type, "reasoning"))
		shape_mark(shape, FEATURE_REASONING_HISTORY);
	/* Items of a response's input. */
	if (text_is(type, "function_call_output") || text_is(type, "function_call"))
		shape_mark(shape, FEATURE_TOOL_MESSAGES);
	add_content(shape, json_member(message, "content"));
	add_calls(shape, json_member(message, "tool_calls"));
	add_text(shape, json_string(message, "arguments"));
	add_text(shape, json_string(message, "output"));
}

void shape_messages(struct shape *shape, const struct json *list)
{
	if (json_is(list, JSON_STRING))
		add_text(shape, list->text);
	if (!json_is(list, JSON_ARRAY))
		return;
	JSON_EACH(message, list)
	{
		add_message(shape, message);
	}
}

/* --- tools and formats -------------------------------------------------------- */

static int64_t span_bytes(const struct json *node)
{
	return node == NULL ? 0 : (int64_t)(node->end - node->begin);
}

/* $ref, or an enum without a type beside it: what strict validators of tools stumble over. */
static bool is_loose(const struct json *schema, unsigned depth)
{
	if (schema == NULL || depth > SHAPE_SCHEMA_DEPTH)
		return false;
	if (json_is(schema, JSON_OBJECT) && (json_is(json_member(schema, "$ref"), JSON_STRING) ||
	                                     (json_is(json_member(schema, "enum"), JSON_ARRAY) &&
	                                      json_member(schema, "type") == NULL)))
		return true;
	JSON_EACH(child, schema)
	{
		if ((child->type == JSON_OBJECT || child->type == JSON_ARRAY) &&
		    is_loose(child, depth + 1))
			return true;
	}
	return false;
}

static void add_tool(struct shape *shape, const struct json *tool)
{
	const struct json *function = json_member(tool, "function");

	/* Responses and Anthropic have no object around it. */
	if (function == NULL)
		function = tool;
	const struct json *schema = json_member(function, "parameters");
	if (schema == NULL)
		schema = json_member(function, "input_schema");
	const struct json *properties = json_member(schema, "properties");
	if (json_truth(function, "strict", false))
		shape_mark(shape, FEATURE_TOOLS_STRICT);
	if (schema == NULL || properties == NULL || properties->count == 0)
		shape_mark(shape, FEATURE_TOOLS_NO_PARAMETERS);
	if (schema == NULL || is_loose(schema, 0))
		shape_mark(shape, FEATURE_TOOLS_LOOSE_SCHEMA);
}

void shape_tools(struct shape *shape, const struct json *list)
{
	if (!json_is(list, JSON_ARRAY) || list->count == 0)
		return;
	shape_mark(shape, FEATURE_TOOLS);
	shape->prompt_bytes += span_bytes(list);
	if (list->count > SHAPE_MANY_TOOLS)
		shape_mark(shape, FEATURE_TOOLS_MANY);
	JSON_EACH(tool, list)
	{
		add_tool(shape, tool);
	}
}

void shape_format(struct shape *shape, const struct json *format)
{
	struct text type = json_string(format, "type");

	if (text_is(type, "json_object"))
		shape_mark(shape, FEATURE_RESPONSE_FORMAT_JSON_OBJECT);
	if (!text_is(type, "json_schema"))
		return;
	const struct json *schema = json_member(format, "json_schema");
	/* A response's format is flat. */
	if (schema == NULL)
		schema = format;
	shape_mark(shape, FEATURE_RESPONSE_FORMAT_JSON_SCHEMA);
	if (json_truth(schema, "strict", false))
		shape_mark(shape, FEATURE_RESPONSE_FORMAT_STRICT);
	shape->prompt_bytes += span_bytes(schema);
}
