/* Anthropic's Messages, the request beside its messages: numbers, tools, thinking, formats. */
#include "providers/sim/sim_anthropic.h"

enum { ANTHROPIC_THINKING_MIN = 1024, ANTHROPIC_NAME_MAX = 128, ANTHROPIC_SCHEMA_DEPTH = 32 };

const char *const sim_anthropic_carried[] = {"max_tokens",
                                             "temperature",
                                             "top_p",
                                             "stop",
                                             "tools",
                                             "tool_choice",
                                             "parallel_tool_calls",
                                             "response_format",
                                             "reasoning_effort",
                                             NULL};

/* --- tools --- */

static bool is_name(struct text name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '_' || c == '-'))
			return false;
	}
	return name.len > 0 && name.len <= ANTHROPIC_NAME_MAX;
}

static bool write_tool(struct sim_native_ask *ask, const struct json *tool, size_t index)
{
	const struct json *schema = json_member(tool, "input_schema");
	struct text type = json_string(tool, "type");

	if (type.data != NULL && !text_is(type, "custom"))
		return sim_native_refuse(ask,
		                         "tools.%zu: Input tag '%.*s' found using 'type' does not "
		                         "match any of the expected tags: 'custom'",
		                         index, TEXT_ARG(text_slice(type, 0, 40)));
	if (!is_name(json_string(tool, "name")))
		return sim_native_refuse(ask,
		                         "tools.%zu.custom.name: String should match pattern "
		                         "'^[a-zA-Z0-9_-]{1,128}$'",
		                         index);
	if (!json_is(schema, JSON_OBJECT))
		return sim_native_refuse(ask, "tools.%zu.custom.input_schema: Field required",
		                         index);
	if (!text_is(json_string(schema, "type"), "object"))
		return sim_native_refuse(
		    ask, "tools.%zu.custom.input_schema.type: Input should be 'object'", index);
	sim_native_tool(ask, tool, schema);
	return true;
}

static bool has_tool(const struct json *tools, struct text name)
{
	JSON_EACH(tool, tools)
	{
		if (text_equal(json_string(tool, "name"), name))
			return true;
	}
	return false;
}

static bool write_choice(struct sim_native_ask *ask, const struct json *tools)
{
	const struct json *choice = sim_native_field(ask->body, "tool_choice", NULL);
	struct text type = json_string(choice, "type");
	bool forced = text_is(type, "any") || text_is(type, "tool");

	if (choice == NULL)
		return true;
	if (tools == NULL || tools->count == 0)
		return sim_native_refuse(
		    ask, "tool_choice: tool_choice may only be specified while providing tools");
	if (forced && ask->thinks)
		return sim_native_refuse(
		    ask, "Thinking may not be enabled when tool_choice forces tool use.");
	if (text_is(type, "tool")) {
		struct text name = json_string(choice, "name");
		if (!has_tool(tools, name))
			return sim_native_refuse(
			    ask, "tool_choice: Tool '%.*s' not found in provided tools",
			    TEXT_ARG(text_slice(name, 0, 80)));
		sim_native_named_choice(ask, name);
	} else if (forced || text_is(type, "auto") || text_is(type, "none")) {
		json_write_member(ask->writer, "tool_choice", forced ? TEXT("required") : type);
	} else {
		return sim_native_refuse(ask,
		                         "tool_choice: Input tag '%.*s' found using 'type' does "
		                         "not match any of the expected tags: 'any', 'auto', "
		                         "'none', 'tool'",
		                         TEXT_ARG(text_slice(type, 0, 40)));
	}
	if (json_truth(choice, "disable_parallel_tool_use", false))
		json_write_member_bool(ask->writer, "parallel_tool_calls", false);
	return true;
}

static bool write_tools(struct sim_native_ask *ask)
{
	const struct json *tools = sim_native_field(ask->body, "tools", NULL);
	size_t index = 0;

	if (tools != NULL && tools->type != JSON_ARRAY)
		return sim_native_refuse(ask, "tools: Input should be a valid list");
	if (tools != NULL && tools->count > 0) {
		json_write_key(ask->writer, "tools");
		json_write_array(ask->writer);
		JSON_EACH(tool, tools)
		{
			if (!write_tool(ask, tool, index++))
				return false;
		}
		json_write_array_end(ask->writer);
	}
	return write_choice(ask, tools);
}

/* --- numbers --- */

static bool write_max_tokens(struct sim_native_ask *ask)
{
	const struct json *limit = json_member(ask->body, "max_tokens");

	if (ask->counted)
		return true;
	if (limit == NULL)
		return sim_native_refuse(ask, "max_tokens: Field required");
	if (!json_is(limit, JSON_NUMBER) || !json_number_is_integer(limit->text))
		return sim_native_refuse(ask, "max_tokens: Input should be a valid integer");
	if (!sim_native_within(limit, "1", NULL))
		return sim_native_refuse(ask,
		                         "max_tokens: Input should be greater than or equal to 1");
	sim_native_copy(ask, ask->body, "max_tokens", "max_tokens");
	return true;
}

static bool write_numbers(struct sim_native_ask *ask)
{
	static const char *const shares[] = {"temperature", "top_p"};

	for (size_t i = 0; i < ARRAY_LENGTH(shares); i++) {
		const struct json *number = sim_native_field(ask->body, shares[i], NULL);
		if (number != NULL && !sim_native_within(number, "0", "1"))
			return sim_native_refuse(ask, "%s: range: 0..1", shares[i]);
		sim_native_copy(ask, ask->body, shares[i], shares[i]);
	}
	return true;
}

static bool write_stops(struct sim_native_ask *ask)
{
	const struct json *stops = sim_native_field(ask->body, "stop_sequences", NULL);

	if (stops == NULL)
		return true;
	if (stops->type != JSON_ARRAY)
		return sim_native_refuse(ask, "stop_sequences: Input should be a valid list");
	JSON_EACH(stop, stops)
	{
		if (!json_is(stop, JSON_STRING) || text_trim(stop->text).len == 0)
			return sim_native_refuse(
			    ask, "stop_sequences: each stop sequence must contain non-whitespace");
	}
	if (stops->count > 0)
		sim_native_copy(ask, ask->body, "stop_sequences", "stop");
	return true;
}

/* --- thinking --- */

static const char *effort_of(const struct json *thinking, const struct json *config)
{
	static const char *const efforts[] = {"low", "medium", "high"};
	struct text effort = json_string(config, "effort");
	int64_t budget;

	for (size_t i = 0; i < ARRAY_LENGTH(efforts); i++)
		if (text_is(effort, efforts[i]))
			return efforts[i];
	if (effort.data != NULL) /* xhigh, max */
		return "high";
	if (json_integer(thinking, "budget_tokens", 0, INT64_MAX, &budget))
		return budget < 4096 ? "low" : budget < 16384 ? "medium" : "high";
	return "high";
}

static bool check_budget(struct sim_native_ask *ask, const struct json *thinking)
{
	int64_t budget = -1, limit;

	(void)!json_integer(thinking, "budget_tokens", 0, INT64_MAX, &budget);
	if (budget < ANTHROPIC_THINKING_MIN)
		return sim_native_refuse(ask,
		                         "thinking.enabled.budget_tokens: Input should be greater "
		                         "than or equal to %d",
		                         ANTHROPIC_THINKING_MIN);
	if (json_integer(ask->body, "max_tokens", 1, INT64_MAX, &limit) && budget >= limit)
		return sim_native_refuse(
		    ask, "`max_tokens` must be greater than `thinking.budget_tokens`");
	const struct json *temperature = sim_native_field(ask->body, "temperature", NULL);
	if (temperature != NULL && !sim_native_within(temperature, "1", "1"))
		return sim_native_refuse(
		    ask, "`temperature` may only be set to 1 when thinking is enabled");
	return true;
}

static bool write_thinking(struct sim_native_ask *ask)
{
	const struct json *thinking = sim_native_field(ask->body, "thinking", NULL);
	const struct json *config = sim_native_field(ask->body, "output_config", NULL);
	struct text type = json_string(thinking, "type");
	bool off = text_is(type, "disabled");

	if (thinking == NULL && json_string(config, "effort").data == NULL)
		return true;
	if (thinking != NULL && !off && !text_is(type, "enabled") && !text_is(type, "adaptive"))
		return sim_native_refuse(ask,
		                         "thinking: Input tag '%.*s' found using 'type' does not "
		                         "match any of the expected tags: 'adaptive', 'disabled', "
		                         "'enabled'",
		                         TEXT_ARG(text_slice(type, 0, 40)));
	if (text_is(type, "enabled") && !check_budget(ask, thinking))
		return false;
	ask->thinks = thinking != NULL && !off;
	json_write_member_c(ask->writer, "reasoning_effort",
	                    off ? "none" : effort_of(thinking, config));
	return true;
}

/* --- the format of what is said --- */

/* Bounds of numbers and lengths are refused, and objects must say that they are closed. */
static bool check_schema(struct sim_native_ask *ask, const struct json *schema, size_t depth)
{
	static const char *const refused[] = {
	    "minimum",   "maximum",   "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
	    "minLength", "maxLength", "maxItems",         "minProperties",    "maxProperties"};

	if (depth > ANTHROPIC_SCHEMA_DEPTH)
		return sim_native_refuse(ask, "output_config.format.schema: too deep");
	if (json_is(schema, JSON_ARRAY)) {
		JSON_EACH(item, schema)
		{
			if (!check_schema(ask, item, depth + 1))
				return false;
		}
		return true;
	}
	if (!json_is(schema, JSON_OBJECT))
		return true;
	struct text type = json_string(schema, "type");
	const struct json *open = json_member(schema, "additionalProperties");
	if (text_is(type, "object") && (!json_is(open, JSON_BOOL) || open->truth))
		return sim_native_refuse(ask, "output_config.format.schema: For 'object' type, "
		                              "'additionalProperties' must be explicitly set to "
		                              "false");
	for (size_t i = 0; type.data != NULL && i < ARRAY_LENGTH(refused); i++)
		if (json_member(schema, refused[i]) != NULL)
			return sim_native_refuse(
			    ask,
			    "output_config.format.schema: For '%.*s' type, property '%s' is not "
			    "supported",
			    TEXT_ARG(type), refused[i]);
	JSON_EACH(member, schema)
	{
		bool names = text_is(member->key, "properties") || text_is(member->key, "$defs");
		if (!names && (text_is(member->key, "enum") || text_is(member->key, "const") ||
		               text_is(member->key, "default") || text_is(member->key, "examples")))
			continue;
		if (!names) {
			if (!check_schema(ask, member, depth + 1))
				return false;
			continue;
		}
		JSON_EACH(property, member)
		{
			if (!check_schema(ask, property, depth + 1))
				return false;
		}
	}
	return true;
}

static bool write_format(struct sim_native_ask *ask)
{
	const struct json *config = sim_native_field(ask->body, "output_config", NULL);
	const struct json *format = sim_native_field(config, "format", NULL);
	const struct json *schema = json_member(format, "schema");

	if (format == NULL)
		return true;
	if (!text_is(json_string(format, "type"), "json_schema") || !json_is(schema, JSON_OBJECT))
		return sim_native_refuse(
		    ask, "output_config.format: Input should be of type 'json_schema'");
	if (!check_schema(ask, schema, 0))
		return false;
	sim_native_format(ask, schema);
	return true;
}

/* --- all of it --- */

static bool check_known(struct sim_native_ask *ask)
{
	static const char *const known[] = {"model",
	                                    "messages",
	                                    "max_tokens",
	                                    "system",
	                                    "metadata",
	                                    "stream",
	                                    "stop_sequences",
	                                    "temperature",
	                                    "top_p",
	                                    "top_k",
	                                    "tools",
	                                    "tool_choice",
	                                    "thinking",
	                                    "output_config",
	                                    "service_tier",
	                                    "container",
	                                    "cache_control",
	                                    "inference_geo",
	                                    "context_management",
	                                    "mcp_servers",
	                                    "speed",
	                                    NULL};
	const struct json *unknown = sim_native_unknown(ask->body, known);

	if (unknown != NULL)
		return sim_native_refuse(ask, "%.*s: Extra inputs are not permitted",
		                         TEXT_ARG(text_slice(unknown->key, 0, 80)));
	if (json_string(ask->body, "model").data == NULL)
		return sim_native_refuse(ask, "model: Field required");
	return true;
}

bool sim_anthropic_read(struct sim_native_ask *ask)
{
	if (!check_known(ask))
		return false;
	sim_native_copy(ask, ask->body, "model", "model");
	return write_max_tokens(ask) && sim_anthropic_messages(ask) && write_numbers(ask) &&
	       write_stops(ask) && write_thinking(ask) && write_tools(ask) && write_format(ask);
}
