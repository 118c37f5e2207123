/* Google's generateContent, the request beside its contents: tools, schemas, generationConfig. */
#include "providers/sim/sim_gemini.h"

enum { GEMINI_STOPS_MAX = 5, GEMINI_NAME_MAX = 64, GEMINI_SCHEMA_DEPTH = 32 };

const char *const sim_gemini_carried[] = {"n",
                                          "logprobs",
                                          "top_logprobs",
                                          "max_tokens",
                                          "temperature",
                                          "top_p",
                                          "stop",
                                          "tools",
                                          "seed",
                                          "presence_penalty",
                                          "tool_choice",
                                          "response_format",
                                          "frequency_penalty",
                                          "reasoning_effort",
                                          NULL};

/* --- schemas --- */

static struct text lower(struct sim_native_ask *ask, struct text text)
{
	char *bytes = arena_alloc_bytes(ask->serving->arena, text.len + 1);

	for (size_t i = 0; i < text.len; i++)
		bytes[i] = (char)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + 32
		                                                             : text.data[i]);
	return (struct text){bytes, text.len};
}

static bool write_properties(struct sim_native_ask *ask, const struct json *properties,
                             size_t depth)
{
	json_write_object(ask->writer);
	JSON_EACH(property, properties)
	{
		json_write_key_text(ask->writer, property->key);
		if (!sim_gemini_schema(ask, property, depth + 1))
			return false;
	}
	json_write_object_end(ask->writer);
	return true;
}

static bool write_any_of(struct sim_native_ask *ask, const struct json *list, size_t depth)
{
	json_write_array(ask->writer);
	JSON_EACH(one, list)
	{
		if (!sim_gemini_schema(ask, one, depth + 1))
			return false;
	}
	json_write_array_end(ask->writer);
	return true;
}

static bool check_enum(struct sim_native_ask *ask, const struct json *list)
{
	JSON_EACH(value, list)
	{
		if (!json_is(value, JSON_STRING))
			return sim_native_refuse(
			    ask, "Invalid value at 'schema.enum[0]' (TYPE_STRING), %s",
			    json_type_name(value));
	}
	return true;
}

/* One member under JSON Schema's name, or nothing. */
static bool write_member(struct sim_native_ask *ask, const struct json *member, size_t depth)
{
	struct json_writer *writer = ask->writer;

	if (text_is(member->key, "nullable") || text_is(member->key, "propertyOrdering"))
		return true;
	json_write_key_text(writer, member->key);
	if (text_is(member->key, "type")) {
		if (!json_is(member, JSON_STRING))
			return sim_native_refuse(
			    ask, "Proto field is not repeating, cannot start list: 'schema.type'.");
		json_write_string(writer, lower(ask, member->text));
		return true;
	}
	if (text_is(member->key, "properties"))
		return write_properties(ask, member, depth);
	if (text_is(member->key, "items"))
		return sim_gemini_schema(ask, member, depth + 1);
	if (text_is(member->key, "anyOf"))
		return write_any_of(ask, member, depth);
	if (text_is(member->key, "enum") && !check_enum(ask, member))
		return false;
	json_write_node(writer, member);
	return true;
}

bool sim_gemini_schema(struct sim_native_ask *ask, const struct json *schema, size_t depth)
{
	static const char *const known[] = {"type",
	                                    "format",
	                                    "title",
	                                    "description",
	                                    "nullable",
	                                    "default",
	                                    "items",
	                                    "minItems",
	                                    "maxItems",
	                                    "enum",
	                                    "properties",
	                                    "required",
	                                    "minProperties",
	                                    "maxLength",
	                                    "minLength",
	                                    "maxProperties",
	                                    "pattern",
	                                    "example",
	                                    "anyOf",
	                                    "minimum",
	                                    "maximum",
	                                    "propertyOrdering",
	                                    NULL};
	const struct json *unknown = sim_native_unknown(schema, known);
	const struct json *properties = json_member(schema, "properties");

	if (!json_is(schema, JSON_OBJECT) || depth > GEMINI_SCHEMA_DEPTH)
		return sim_native_refuse(ask, "Invalid value at 'schema' (Schema)");
	if (unknown != NULL)
		return sim_gemini_unknown(ask, unknown->key, "schema");
	if (json_is(properties, JSON_OBJECT) && properties->count == 0)
		return sim_native_refuse(
		    ask, "* schema.properties: should be non-empty for OBJECT type\n");
	json_write_object(ask->writer);
	JSON_EACH(member, schema)
	{
		if (!write_member(ask, member, depth))
			return false;
	}
	json_write_object_end(ask->writer);
	return true;
}

/* --- tools --- */

static bool is_name(struct text name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool other = (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
		if (!letter && (i == 0 || !other))
			return false;
	}
	return name.len > 0 && name.len <= GEMINI_NAME_MAX;
}

static bool write_function(struct sim_native_ask *ask, const struct json *function)
{
	static const char *const known[] = {
	    "name",     "description",        "parameters", "parametersJsonSchema",
	    "response", "responseJsonSchema", "behavior",   NULL};
	const struct json *unknown = sim_native_unknown(function, known);
	const struct json *parameters = sim_native_field(function, "parameters", NULL);
	const struct json *as_json = sim_native_field(function, "parametersJsonSchema", NULL);

	if (unknown != NULL)
		return sim_gemini_unknown(ask, unknown->key, "tools[0].function_declarations[0]");
	if (!is_name(json_string(function, "name")))
		return sim_native_refuse(
		    ask, "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid "
			 "function name. Must start with a letter or an underscore. Must be "
			 "alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or "
			 "dashes (-), with a maximum length of 64.\n");
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "type", "function");
	json_write_key(ask->writer, "function");
	json_write_object(ask->writer);
	sim_native_copy(ask, function, "name", "name");
	sim_native_copy(ask, function, "description", "description");
	if (parameters != NULL) {
		json_write_key(ask->writer, "parameters");
		if (!sim_gemini_schema(ask, parameters, 0))
			return false;
	} else if (as_json != NULL) {
		json_write_key(ask->writer, "parameters");
		json_write_node(ask->writer, as_json);
	}
	json_write_object_end(ask->writer);
	json_write_object_end(ask->writer);
	return true;
}

static bool write_tools(struct sim_native_ask *ask, const struct json *tools)
{
	bool any = false;

	JSON_EACH(tool, tools)
	{
		const struct json *functions =
		    sim_native_field(tool, "functionDeclarations", "function_declarations");
		if (functions != NULL && functions->type != JSON_ARRAY)
			return sim_native_refuse(
			    ask, "Invalid value at 'tools[0].function_declarations'");
		JSON_EACH(function, functions)
		{
			if (!any) {
				json_write_key(ask->writer, "tools");
				json_write_array(ask->writer);
			}
			any = true;
			if (!write_function(ask, function))
				return false;
		}
	}
	if (any)
		json_write_array_end(ask->writer);
	return true;
}

static void write_allowed(struct sim_native_ask *ask, const struct json *names)
{
	struct json_writer *writer = ask->writer;

	json_write_key(writer, "tool_choice");
	json_write_object(writer);
	json_write_member_c(writer, "type", "allowed_tools");
	json_write_key(writer, "allowed_tools");
	json_write_object(writer);
	json_write_member_c(writer, "mode", "required");
	json_write_key(writer, "tools");
	json_write_array(writer);
	JSON_EACH(name, names)
	{
		json_write_object(writer);
		json_write_member_c(writer, "type", "function");
		json_write_key(writer, "function");
		json_write_object(writer);
		json_write_member(writer, "name", name->text);
		json_write_object_end(writer);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
	json_write_object_end(writer);
	json_write_object_end(writer);
}

static bool write_choice(struct sim_native_ask *ask)
{
	const struct json *config = sim_native_field(ask->body, "toolConfig", "tool_config");
	const struct json *calling =
	    sim_native_field(config, "functionCallingConfig", "function_calling_config");
	const struct json *names =
	    sim_native_field(calling, "allowedFunctionNames", "allowed_function_names");
	struct text mode = json_string(calling, "mode");
	bool any = text_is(mode, "ANY");

	if (names != NULL && names->count > 0 && !any && !text_is(mode, "VALIDATED"))
		return sim_native_refuse(
		    ask, "* GenerateContentRequest.tool_config.function_calling_config."
			 "allowed_function_names: allowed_function_names should only be set when "
			 "the calling mode is ANY or VALIDATED.\n");
	if (any && names != NULL && names->count == 1)
		sim_native_named_choice(ask, names->first->text);
	else if (any && names != NULL && names->count > 1)
		write_allowed(ask, names);
	else if (any || text_is(mode, "NONE"))
		json_write_member_c(ask->writer, "tool_choice", any ? "required" : "none");
	else if (mode.data != NULL && !text_is(mode, "AUTO") && !text_is(mode, "VALIDATED"))
		return sim_native_refuse(ask,
		                         "Invalid value at "
		                         "'tool_config.function_calling_config.mode', \"%.*s\"",
		                         TEXT_ARG(text_slice(mode, 0, 40)));
	return true;
}

/* --- generationConfig --- */

static bool write_numbers(struct sim_native_ask *ask, const struct json *config)
{
	static const struct {
		const char *name, *other, *chat, *min, *max;
	} numbers[] = {
	    {"temperature", NULL, "temperature", "0", "2"},
	    {"topP", "top_p", "top_p", "0", "1"},
	    {"candidateCount", "candidate_count", "n", "1", "8"},
	    {"maxOutputTokens", "max_output_tokens", "max_tokens", "1", NULL},
	    {"seed", NULL, "seed", "-2147483648", "2147483647"},
	    {"presencePenalty", "presence_penalty", "presence_penalty", "-2", "2"},
	    {"frequencyPenalty", "frequency_penalty", "frequency_penalty", "-2", "2"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		const struct json *number =
		    sim_native_field(config, numbers[i].name, numbers[i].other);
		if (number == NULL)
			continue;
		if (!sim_native_within(number, numbers[i].min, numbers[i].max))
			return sim_native_refuse(
			    ask,
			    "* GenerateContentRequest.generation_config.%s: %s must be in the "
			    "range [%s, %s].\n",
			    numbers[i].chat, numbers[i].chat, numbers[i].min,
			    numbers[i].max == NULL ? "" : numbers[i].max);
		json_write_key(ask->writer, numbers[i].chat);
		json_write_node(ask->writer, number);
	}
	return true;
}

/* How likely each token was, and how many rivals of each are wanted. */
static bool write_logprobs(struct sim_native_ask *ask, const struct json *config)
{
	const struct json *rivals = sim_native_field(config, "logprobs", NULL);
	bool wanted = json_truth(config, "responseLogprobs", false) ||
	              json_truth(config, "response_logprobs", false);

	if (rivals != NULL && !wanted)
		return sim_native_refuse(
		    ask, "* GenerateContentRequest.generation_config.logprobs: logprobs requires "
			 "response_logprobs to be true.\n");
	if (rivals != NULL && !sim_native_within(rivals, "0", "20"))
		return sim_native_refuse(
		    ask, "* GenerateContentRequest.generation_config.logprobs: logprobs must be in "
			 "the range [0, 20].\n");
	if (wanted)
		json_write_member_bool(ask->writer, "logprobs", true);
	sim_native_copy(ask, config, "logprobs", "top_logprobs");
	return true;
}

static bool write_stops(struct sim_native_ask *ask, const struct json *config)
{
	const struct json *stops = sim_native_field(config, "stopSequences", "stop_sequences");

	if (stops == NULL || (json_is(stops, JSON_ARRAY) && stops->count == 0))
		return true;
	if (stops->type != JSON_ARRAY || stops->count > GEMINI_STOPS_MAX)
		return sim_native_refuse(
		    ask,
		    "* GenerateContentRequest.generation_config.stop_sequences: at most %d "
		    "stop sequences\n",
		    GEMINI_STOPS_MAX);
	json_write_key(ask->writer, "stop");
	json_write_node(ask->writer, stops);
	return true;
}

static bool write_format(struct sim_native_ask *ask, const struct json *config)
{
	const struct json *type =
	    sim_native_field(config, "responseMimeType", "response_mime_type");
	const struct json *schema = sim_native_field(config, "responseSchema", "response_schema");
	const struct json *as_json =
	    sim_native_field(config, "responseJsonSchema", "_responseJsonSchema");
	bool json = json_is(type, JSON_STRING) && text_is(type->text, "application/json");

	if (type != NULL && !json && !text_is(type->text, "text/plain"))
		return sim_native_refuse(
		    ask, "* GenerateContentRequest.generation_config.response_mime_type: allowed "
			 "mimetypes are `text/plain`, `application/json`, `application/xml`, "
			 "`application/yaml` and `text/x.enum`.\n");
	if (!json && (schema != NULL || as_json != NULL))
		return sim_native_refuse(
		    ask, "* GenerateContentRequest.generation_config.response_schema: only "
			 "supported for response_mime_type application/json.\n");
	if (!json)
		return true;
	if (schema == NULL) {
		sim_native_format(ask, as_json);
		return true;
	}
	json_write_key(ask->writer, "response_format");
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "type", "json_schema");
	json_write_key(ask->writer, "json_schema");
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "name", "output");
	json_write_key(ask->writer, "schema");
	if (!sim_gemini_schema(ask, schema, 0))
		return false;
	json_write_object_end(ask->writer);
	json_write_object_end(ask->writer);
	return true;
}

static bool write_thinking(struct sim_native_ask *ask, const struct json *config)
{
	const struct json *thinking = sim_native_field(config, "thinkingConfig", "thinking_config");
	const struct json *level = sim_native_field(thinking, "thinkingLevel", "thinking_level");
	const struct json *budget = sim_native_field(thinking, "thinkingBudget", "thinking_budget");
	int64_t tokens = -1;

	if (level != NULL && budget != NULL)
		return sim_native_refuse(
		    ask, "You can only set only one of thinking budget and thinking level.");
	if (budget != NULL && !json_node_integer(budget, -1, INT32_MAX, &tokens))
		return sim_native_refuse(ask, "The thinking budget is invalid.");
	ask->thinks = tokens != 0 && (json_truth(thinking, "includeThoughts", false) ||
	                              json_truth(thinking, "include_thoughts", false));
	if (level != NULL)
		json_write_member(ask->writer, "reasoning_effort", lower(ask, level->text));
	else if (budget != NULL)
		json_write_member_c(ask->writer, "reasoning_effort",
		                    tokens == 0                    ? "none"
		                    : tokens > 0 && tokens <= 4096 ? "low"
		                    : tokens > 0 && tokens <= 8192 ? "medium"
		                                                   : "high");
	return true;
}

static bool write_generation(struct sim_native_ask *ask)
{
	static const char *const known[] = {"temperature",
	                                    "topP",
	                                    "top_p",
	                                    "topK",
	                                    "top_k",
	                                    "candidateCount",
	                                    "candidate_count",
	                                    "maxOutputTokens",
	                                    "max_output_tokens",
	                                    "seed",
	                                    "presencePenalty",
	                                    "presence_penalty",
	                                    "frequencyPenalty",
	                                    "frequency_penalty",
	                                    "stopSequences",
	                                    "stop_sequences",
	                                    "responseMimeType",
	                                    "response_mime_type",
	                                    "responseSchema",
	                                    "response_schema",
	                                    "responseJsonSchema",
	                                    "_responseJsonSchema",
	                                    "thinkingConfig",
	                                    "thinking_config",
	                                    "responseModalities",
	                                    "response_modalities",
	                                    "mediaResolution",
	                                    "responseLogprobs",
	                                    "response_logprobs",
	                                    "logprobs",
	                                    "speechConfig",
	                                    "imageConfig",
	                                    NULL};
	const struct json *config =
	    sim_native_field(ask->body, "generationConfig", "generation_config");
	const struct json *unknown = sim_native_unknown(config, known);

	if (unknown != NULL)
		return sim_gemini_unknown(ask, unknown->key, "generation_config");
	return write_numbers(ask, config) && write_logprobs(ask, config) &&
	       write_stops(ask, config) && write_format(ask, config) && write_thinking(ask, config);
}

bool sim_gemini_read(struct sim_native_ask *ask)
{
	static const char *const known[] = {"contents",
	                                    "systemInstruction",
	                                    "system_instruction",
	                                    "tools",
	                                    "toolConfig",
	                                    "tool_config",
	                                    "generationConfig",
	                                    "generation_config",
	                                    "safetySettings",
	                                    "safety_settings",
	                                    "cachedContent",
	                                    "cached_content",
	                                    "labels",
	                                    "serviceTier",
	                                    "service_tier",
	                                    "model",
	                                    NULL};
	const struct json *unknown = sim_native_unknown(ask->body, known);
	const struct json *tools = sim_native_field(ask->body, "tools", NULL);

	if (unknown != NULL)
		return sim_gemini_unknown(ask, unknown->key, "");
	if (tools != NULL && tools->type != JSON_ARRAY && tools->type != JSON_OBJECT)
		return sim_native_refuse(ask, "Invalid value at 'tools' (Tool)");
	json_write_member(ask->writer, "model", ask->model);
	return sim_gemini_contents(ask) && write_tools(ask, tools) && write_choice(ask) &&
	       write_generation(ask);
}
