/*
 * Tools, tool_choice and response_format of a chat request, with the limits of
 * strict schemas; refused in OpenAI's words.
 */
#include "providers/sim/sim_private.h"

enum { TOOLS_SCHEMA_DEPTH = 64 }; /* a schema deeper than that is not walked further */

/* --- strict schemas --- */

/* Why an object schema is outside the strict subset, or NULL. */
static const char *tools_object_breach(const struct json *schema)
{
	const struct json *properties = json_member(schema, "properties");
	const struct json *required = json_member(schema, "required");

	if (json_truth(schema, "additionalProperties", true))
		return "'additionalProperties' is required to be supplied and to be false";
	JSON_EACH(property, properties)
	{
		bool found = false;

		JSON_EACH(name, required)
		found = found || text_equal(name->text, property->key);
		if (!found)
			return "'required' is required to be supplied and to be an array including "
			       "every key in properties";
	}
	return NULL;
}

static bool tools_is_type(const struct json *schema, const char *name)
{
	const struct json *type = json_member(schema, "type");

	if (json_is(type, JSON_STRING))
		return text_is(type->text, name);
	JSON_EACH(item, type)
	{
		if (text_is(item->text, name))
			return true;
	}
	return false;
}

static const char *tools_strict_breach(const struct json *schema, unsigned depth)
{
	static const char *const maps[] = {"properties", "$defs", "definitions"};
	static const char *const lists[] = {"anyOf", "allOf", "oneOf"};
	const char *breach = NULL;

	if (!json_is(schema, JSON_OBJECT) || depth > TOOLS_SCHEMA_DEPTH)
		return NULL;
	if (tools_is_type(schema, "object") || json_member(schema, "properties") != NULL)
		breach = tools_object_breach(schema);
	for (size_t i = 0; breach == NULL && i < ARRAY_LENGTH(maps); i++)
		for (const struct json *child = json_member(schema, maps[i]) == NULL
		                                    ? NULL
		                                    : json_member(schema, maps[i])->first;
		     breach == NULL && child != NULL; child = child->next)
			breach = tools_strict_breach(child, depth + 1);
	for (size_t i = 0; breach == NULL && i < ARRAY_LENGTH(lists); i++)
		for (const struct json *child = json_member(schema, lists[i]) == NULL
		                                    ? NULL
		                                    : json_member(schema, lists[i])->first;
		     breach == NULL && child != NULL; child = child->next)
			breach = tools_strict_breach(child, depth + 1);
	return breach != NULL ? breach
	                      : tools_strict_breach(json_member(schema, "items"), depth + 1);
}

/* --- tools --- */

static bool tools_refuse_name(const struct sim_serving *serving, size_t index, struct text name,
                              struct sim_error *error)
{
	struct text param = text_format(serving->arena, "tools[%zu].function.name", index);

	if (name.len > SIM_TOOL_NAME_MAX)
		return sim_refuse(
		    error, "string_above_max_length", param,
		    text_format(serving->arena,
		                "Invalid '%.*s': string too long. Expected a string "
		                "with maximum length %d, but got a string with length "
		                "%zu instead.",
		                TEXT_ARG(param), SIM_TOOL_NAME_MAX, name.len));
	return sim_refuse(error, "invalid_value", param,
	                  text_format(serving->arena,
	                              "Invalid '%.*s': string does not match pattern. Expected a "
	                              "string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
	                              TEXT_ARG(param)));
}

static bool tools_name_is_good(struct text name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return name.len > 0 && name.len <= SIM_TOOL_NAME_MAX;
}

static bool tools_check_parameters(const struct sim_serving *serving, size_t index,
                                   const struct json *function, struct sim_error *error)
{
	const struct json *parameters = json_member(function, "parameters");
	struct text param = text_format(serving->arena, "tools[%zu].function.parameters", index);
	struct text name = json_string(function, "name");

	if (parameters == NULL || parameters->type == JSON_NULL)
		return true;
	if (parameters->type != JSON_OBJECT)
		return sim_refuse(
		    error, "invalid_type", param,
		    text_format(serving->arena,
		                "Invalid type for '%.*s': expected an object, but got "
		                "%s instead.",
		                TEXT_ARG(param), json_type_name(parameters)));
	const char *breach =
	    json_truth(function, "strict", false) ? tools_strict_breach(parameters, 0) : NULL;
	struct text source =
	    text_slice(parameters->source->body, parameters->begin, parameters->end);
	if (text_find(source, TEXT("\"$ref\""), 0) != TEXT_NOT_FOUND &&
	    sim_breaks(serving, SIM_TC_18))
		breach = "'$ref' is not supported";
	if (json_member(parameters, "type") != NULL && !tools_is_type(parameters, "object"))
		breach = "schema must be a JSON Schema of 'type: \"object\"'";
	if (breach == NULL)
		return true;
	return sim_refuse(error, "invalid_function_parameters", param,
	                  text_format(serving->arena, "Invalid schema for function '%.*s': %s.",
	                              TEXT_ARG(name), breach));
}

static bool tools_check_one(const struct sim_serving *serving, size_t index,
                            const struct json *tool, struct sim_error *error)
{
	const struct json *function = json_member(tool, "function");
	const struct json *name = json_member(function, "name");
	struct arena *arena = serving->arena;

	if (!text_is(json_string(tool, "type"), "function"))
		return sim_refuse(
		    error,
		    json_member(tool, "type") == NULL ? "missing_required_parameter"
						      : "invalid_value",
		    text_format(arena, "tools[%zu].type", index),
		    text_format(arena,
		                "Invalid value for 'tools[%zu].type': supported values "
		                "are: 'function'.",
		                index));
	if (!json_is(function, JSON_OBJECT) || name == NULL)
		return sim_refuse(
		    error, "missing_required_parameter",
		    text_format(arena, "tools[%zu].function%s", index,
		                json_is(function, JSON_OBJECT) ? ".name" : ""),
		    text_format(arena, "Missing required parameter: 'tools[%zu].function%s'.",
		                index, json_is(function, JSON_OBJECT) ? ".name" : ""));
	bool any_name = name->type == JSON_STRING && sim_breaks(serving, SIM_ER_14);
	if (!any_name && (name->type != JSON_STRING || !tools_name_is_good(name->text)))
		return tools_refuse_name(serving, index, name->text, error);
	return tools_check_parameters(serving, index, function, error);
}

static bool tools_check_names_differ(const struct sim_serving *serving, const struct json *tools,
                                     struct sim_error *error)
{
	size_t index = 0;

	if (sim_breaks(serving, SIM_ER_15))
		return true;
	for (const struct json *tool = tools->first; tool != NULL; tool = tool->next, index++) {
		struct text name = json_string(json_member(tool, "function"), "name");

		for (const struct json *other = tools->first; other != tool; other = other->next)
			if (text_equal(json_string(json_member(other, "function"), "name"), name))
				return sim_refuse(
				    error, "invalid_value",
				    text_format(serving->arena, "tools[%zu].function.name", index),
				    text_format(
					serving->arena,
					"Invalid 'tools': the function name '%.*s' is given "
					"twice.",
					TEXT_ARG(name)));
	}
	return true;
}

static bool tools_check(const struct sim_serving *serving, const struct json *tools,
                        struct sim_error *error)
{
	size_t index = 0;

	if (tools->type != JSON_ARRAY)
		return sim_refuse(error, "invalid_type", TEXT("tools"),
		                  text_format(serving->arena,
		                              "Invalid type for 'tools': expected an array of "
		                              "objects, but got %s instead.",
		                              json_type_name(tools)));
	if (tools->count == 0 || tools->count > SIM_TOOLS_MAX)
		return sim_refuse(
		    error, tools->count == 0 ? "empty_array" : "array_above_max_length",
		    TEXT("tools"),
		    text_format(
			serving->arena,
			"Invalid 'tools': expected an array with length 1 to %d, but got an "
			"array with length %u instead.",
			SIM_TOOLS_MAX, tools->count));
	JSON_EACH(tool, tools)
	{
		if (!tools_check_one(serving, index++, tool, error))
			return false;
	}
	return tools_check_names_differ(serving, tools, error);
}

const struct json *sim_tools_parameters(const struct sim_ask *ask, struct text name)
{
	JSON_EACH(tool, ask->tools)
	{
		const struct json *function = json_member(tool, "function");

		if (text_equal(json_string(function, "name"), name))
			return json_member(function, "parameters");
	}
	return NULL;
}

static bool tools_has(const struct sim_ask *ask, struct text name)
{
	JSON_EACH(tool, ask->tools)
	{
		if (text_equal(json_string(json_member(tool, "function"), "name"), name))
			return true;
	}
	return false;
}

/* --- tool_choice --- */

static bool tools_choice_from_word(struct text word, enum sim_tool_choice *out)
{
	static const struct {
		const char *word;
		enum sim_tool_choice choice;
	} words[] = {{"auto", TOOL_CHOICE_AUTO},
	             {"none", TOOL_CHOICE_NONE},
	             {"required", TOOL_CHOICE_REQUIRED}};

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (!text_is(word, words[i].word))
			continue;
		*out = words[i].choice;
		return true;
	}
	return false;
}

static bool tools_refuse_choice(const struct sim_serving *serving, struct text got,
                                struct sim_error *error)
{
	return sim_refuse(error, "invalid_value", TEXT("tool_choice"),
	                  text_format(serving->arena,
	                              "Invalid value: '%.*s'. Supported values are: 'none', "
	                              "'auto', and 'required'.",
	                              TEXT_ARG(text_slice(got, 0, 80))));
}

static bool tools_read_choice_object(const struct sim_serving *serving, const struct json *choice,
                                     struct sim_ask *ask, struct sim_error *error)
{
	const struct json *allowed = json_member(choice, "allowed_tools");
	struct text type = json_string(choice, "type");

	if (text_is(type, "allowed_tools") && json_is(allowed, JSON_OBJECT)) {
		ask->allowed = json_member(allowed, "tools");
		if (!tools_choice_from_word(json_string(allowed, "mode"), &ask->tool_choice))
			return tools_refuse_choice(serving, json_string(allowed, "mode"), error);
		return true;
	}
	if (!text_is(type, "function"))
		return tools_refuse_choice(serving, type, error);
	ask->tool_choice = TOOL_CHOICE_NAMED;
	ask->tool_name = json_string(json_member(choice, "function"), "name");
	if (ask->tool_name.data == NULL)
		return sim_refuse(error, "missing_required_parameter", TEXT("tool_choice.function"),
		                  TEXT("Missing required parameter: 'tool_choice.function.name'."));
	if (ask->tools != NULL && !tools_has(ask, ask->tool_name))
		return sim_refuse(
		    error, NULL, TEXT("tool_choice"),
		    text_format(serving->arena,
		                "Invalid value for 'tool_choice': the function '%.*s' "
		                "is not in the 'tools' parameter.",
		                TEXT_ARG(text_slice(ask->tool_name, 0, 80))));
	return true;
}

bool sim_tools_read(const struct sim_serving *serving, struct sim_ask *ask, struct sim_error *error)
{
	const struct json *tools = json_member(ask->body, "tools");
	const struct json *choice = json_member(ask->body, "tool_choice");

	ask->parallel = json_truth(ask->body, "parallel_tool_calls", true);
	if (json_is(tools, JSON_NULL) && sim_breaks(serving, SIM_PA_13))
		return sim_refuse(error, "invalid_type", TEXT("tools"),
		                  TEXT("Invalid type for 'tools': expected an array."));
	if (json_is(tools, JSON_ARRAY) && tools->count == 0 && sim_breaks(serving, SIM_ER_11))
		tools = NULL;
	if (tools != NULL && tools->type != JSON_NULL) {
		if (!tools_check(serving, tools, error))
			return false;
		ask->tools = tools;
	}
	if (choice == NULL || choice->type == JSON_NULL)
		return true;
	if (choice->type == JSON_OBJECT) {
		if (!tools_read_choice_object(serving, choice, ask, error))
			return false;
	} else if (choice->type != JSON_STRING ||
	           !tools_choice_from_word(choice->text, &ask->tool_choice)) {
		if (sim_breaks(serving, SIM_ER_10))
			return true;
		return tools_refuse_choice(serving, choice->text, error);
	}
	bool needs_tools = ask->tool_choice == TOOL_CHOICE_REQUIRED ||
	                   ask->tool_choice == TOOL_CHOICE_NAMED || sim_breaks(serving, SIM_TC_12);
	if (needs_tools && ask->tools == NULL && !sim_breaks(serving, SIM_ER_11))
		return sim_refuse(error, NULL, TEXT("tool_choice"),
		                  TEXT("Invalid value for 'tool_choice': 'tool_choice' is only "
		                       "allowed when 'tools' are specified."));
	return true;
}

/* --- response_format --- */

static bool tools_check_schema_name(const struct sim_serving *serving, const struct json *format,
                                    struct sim_error *error)
{
	const struct json *name = json_member(format, "name");

	if (name == NULL && sim_breaks(serving, SIM_ER_13))
		return true;
	if (name == NULL)
		return sim_refuse(error, "missing_required_parameter",
		                  TEXT("response_format.json_schema.name"),
		                  TEXT("Missing required parameter: "
		                       "'response_format.json_schema.name'."));
	if (name->type == JSON_STRING && tools_name_is_good(name->text))
		return true;
	return sim_refuse(error, "invalid_value", TEXT("response_format.json_schema.name"),
	                  text_format(serving->arena,
	                              "Invalid 'response_format.json_schema.name': string does "
	                              "not match pattern. Expected a string that matches the "
	                              "pattern '^[a-zA-Z0-9_-]+$'."));
}

static bool tools_is_truth_or_null(const struct json *node)
{
	return node == NULL || node->type == JSON_BOOL || node->type == JSON_NULL;
}

static bool tools_check_schema(const struct sim_serving *serving, const struct json *format,
                               struct sim_error *error)
{
	const struct json *schema = json_member(format, "schema");
	const struct json *strict = json_member(format, "strict");
	const char *breach = NULL;

	if (sim_breaks(serving, SIM_ER_13) &&
	    (!json_is(schema, JSON_OBJECT) || !tools_is_truth_or_null(strict)))
		return true;
	if (schema == NULL)
		return sim_refuse(error, "missing_required_parameter",
		                  TEXT("response_format.json_schema.schema"),
		                  TEXT("Missing required parameter: "
		                       "'response_format.json_schema.schema'."));
	if (!tools_is_truth_or_null(strict))
		return sim_refuse(error, "invalid_type", TEXT("response_format.json_schema.strict"),
		                  text_format(serving->arena,
		                              "Invalid type for "
		                              "'response_format.json_schema.strict': expected a "
		                              "boolean, but got %s instead.",
		                              json_type_name(strict)));
	if (schema->type != JSON_OBJECT)
		return sim_refuse(error, "invalid_type", TEXT("response_format.json_schema.schema"),
		                  text_format(serving->arena,
		                              "Invalid type for "
		                              "'response_format.json_schema.schema': expected an "
		                              "object, but got %s instead.",
		                              json_type_name(schema)));
	if (json_member(schema, "type") != NULL && !tools_is_type(schema, "object"))
		breach = "schema must be a JSON Schema of 'type: \"object\"'";
	else if (sim_breaks(serving, SIM_JS_10) && json_is(strict, JSON_BOOL) && !strict->truth)
		breach = "'strict' must be true";
	else if (json_is(strict, JSON_BOOL) && strict->truth && !sim_breaks(serving, SIM_JS_11))
		breach = tools_strict_breach(schema, 0);
	if (breach == NULL)
		return true;
	return sim_refuse(error, NULL, TEXT("response_format"),
	                  text_format(serving->arena,
	                              "Invalid schema for response_format '%.*s': %s.",
	                              TEXT_ARG(json_string(format, "name")), breach));
}

/* JSON mode wants the word in the prompt: without it models ran into endless white space. */
static bool tools_check_json_is_said(const struct sim_serving *serving, const struct sim_ask *ask,
                                     struct sim_error *error)
{
	JSON_EACH(message, ask->messages)
	{
		struct text text = sim_message_text(message, serving->arena);

		for (size_t at = 0; at + 4 <= text.len; at++)
			if (text_equal_ignoring_case(text_slice(text, at, at + 4), TEXT("json")))
				return true;
	}
	(void)sim_refuse(error, NULL, TEXT("messages"),
	                 TEXT("'messages' must contain the word 'json' in some form, to use "
	                      "'response_format' of type 'json_object'."));
	if (sim_breaks(serving, SIM_JO_04))
		error->status = 500;
	return false;
}

bool sim_format_read(const struct sim_serving *serving, struct sim_ask *ask,
                     struct sim_error *error)
{
	const struct json *format = json_member(ask->body, "response_format");
	const struct json *type = json_member(format, "type");
	const struct json *schema = json_member(format, "json_schema");

	if (format == NULL || format->type == JSON_NULL ||
	    text_is(json_string(format, "type"), "text"))
		return true;
	if (format->type == JSON_OBJECT && type == NULL)
		return sim_refuse(error, "missing_required_parameter", TEXT("response_format.type"),
		                  TEXT("Missing required parameter: 'response_format.type'."));
	if (text_is(json_string(format, "type"), "json_object")) {
		ask->format = FORMAT_JSON_OBJECT;
		return serving->native != NULL || tools_check_json_is_said(serving, ask, error);
	}
	if (!text_is(json_string(format, "type"), "json_schema") && sim_breaks(serving, SIM_ER_12))
		return true;
	if (!text_is(json_string(format, "type"), "json_schema"))
		return sim_refuse(
		    error, "invalid_value", TEXT("response_format.type"),
		    text_format(serving->arena,
		                "Invalid value: '%.*s'. Supported values are: "
		                "'json_object', 'json_schema', and 'text'.",
		                TEXT_ARG(type == NULL ? (struct text){0} : type->text)));
	if (!json_is(schema, JSON_OBJECT))
		return sim_refuse(
		    error, "missing_required_parameter", TEXT("response_format.json_schema"),
		    TEXT("Missing required parameter: 'response_format.json_schema'."));
	ask->format = FORMAT_JSON_SCHEMA;
	ask->schema = json_member(schema, "schema");
	return tools_check_schema_name(serving, schema, error) &&
	       tools_check_schema(serving, schema, error);
}
