/*
 * A request of the Responses endpoint as the chat request that it amounts to: its items
 * become messages, its earlier responses history. What is wrong with it is refused by the names
 * of this endpoint.
 */
#include "providers/sim/sim_responses.h"
#include "providers/sim/sim_memory.h"

/* The chat request while it is written. */
struct responses_writer {
	const struct sim_serving *serving;
	struct json_writer *writer;
	struct sim_error *error;
	size_t index;    /* of the item */
	bool calls_open; /* an assistant message that collects calls */
};

static struct text item_param(const struct responses_writer *on, const char *member)
{
	return text_format(on->serving->arena, "input[%zu]%s", on->index, member);
}

static bool refuse_value(const struct responses_writer *on, const char *member, struct text got,
                         const char *supported)
{
	return sim_refuse(on->error, "invalid_value", item_param(on, member),
	                  text_format(on->serving->arena,
	                              "Invalid value: '%.*s'. Supported values are: %s.",
	                              TEXT_ARG(text_slice(got, 0, 80)), supported));
}

static bool refuse_missing(const struct responses_writer *on, const char *member)
{
	struct text param = item_param(on, member);

	return sim_refuse(on->error, "missing_required_parameter", param,
	                  text_format(on->serving->arena, "Missing required parameter: '%.*s'.",
	                              TEXT_ARG(param)));
}

/* --- content --- */

static void write_image(struct json_writer *writer, const struct json *part)
{
	json_write_object(writer);
	json_write_member_c(writer, "type", "image_url");
	json_write_key(writer, "image_url");
	json_write_object(writer);
	if (json_string(part, "image_url").data != NULL)
		json_write_member(writer, "url", json_string(part, "image_url"));
	json_write_object_end(writer);
	json_write_object_end(writer);
}

static bool write_part(struct responses_writer *on, const struct json *part)
{
	struct text type = json_string(part, "type");
	bool refusal = text_is(type, "refusal");

	if (text_is(type, "input_image")) {
		write_image(on->writer, part);
		return true;
	}
	if (text_is(type, "input_file")) {
		json_write_raw(on->writer, TEXT("{\"type\":\"file\"}"));
		return true;
	}
	if (!text_is(type, "input_text") && !text_is(type, "output_text") && !refusal)
		return refuse_value(on, ".content[0].type", type,
		                    "'input_text', 'input_image', 'output_text', 'refusal', and "
		                    "'input_file'");
	const char *member = refusal ? "refusal" : "text";
	if (json_string(part, member).data == NULL)
		return refuse_missing(on, refusal ? ".content[0].refusal" : ".content[0].text");
	json_write_object(on->writer);
	json_write_member_c(on->writer, "type", member);
	json_write_member(on->writer, member, json_string(part, member));
	json_write_object_end(on->writer);
	return true;
}

/* `content` of a message, or `output` of a call's result. */
static bool write_content(struct responses_writer *on, const struct json *content,
                          const char *member)
{
	if (content == NULL)
		return refuse_missing(on, member);
	json_write_key(on->writer, "content");
	if (!json_is(content, JSON_ARRAY)) {
		json_write_node(on->writer, content); /* a string; else refused as in chat */
		return true;
	}
	json_write_array(on->writer);
	JSON_EACH(part, content)
	{
		if (!write_part(on, part))
			return false;
	}
	json_write_array_end(on->writer);
	return true;
}

/* --- items --- */

static void close_calls(struct responses_writer *on)
{
	if (!on->calls_open)
		return;
	json_write_array_end(on->writer);
	json_write_object_end(on->writer);
	on->calls_open = false;
}

static bool write_message(struct responses_writer *on, const struct json *item)
{
	struct text role = json_string(item, "role");

	if (!text_is(role, "user") && !text_is(role, "assistant") && !text_is(role, "system") &&
	    !text_is(role, "developer"))
		return refuse_value(on, ".role", role,
		                    "'assistant', 'system', 'developer', and 'user'");
	close_calls(on);
	json_write_object(on->writer);
	json_write_member(on->writer, "role", role);
	if (!write_content(on, json_member(item, "content"), ".content"))
		return false;
	json_write_object_end(on->writer);
	return true;
}

/* Calls that stand one behind the other are one message's. */
static bool write_call(struct responses_writer *on, const struct json *item)
{
	static const char *const wanted[] = {"call_id", "name", "arguments"};
	static const char *const missing[] = {".call_id", ".name", ".arguments"};

	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++)
		if (json_string(item, wanted[i]).data == NULL)
			return refuse_missing(on, missing[i]);
	if (!on->calls_open) {
		json_write_object(on->writer);
		json_write_member_c(on->writer, "role", "assistant");
		json_write_member_c(on->writer, "content", NULL);
		json_write_key(on->writer, "tool_calls");
		json_write_array(on->writer);
		on->calls_open = true;
	}
	json_write_object(on->writer);
	json_write_member(on->writer, "id", json_string(item, "call_id"));
	json_write_member_c(on->writer, "type", "function");
	json_write_key(on->writer, "function");
	json_write_object(on->writer);
	json_write_member(on->writer, "name", json_string(item, "name"));
	json_write_member(on->writer, "arguments", json_string(item, "arguments"));
	json_write_object_end(on->writer);
	json_write_object_end(on->writer);
	return true;
}

static bool write_result(struct responses_writer *on, const struct json *item)
{
	if (json_string(item, "call_id").data == NULL)
		return refuse_missing(on, ".call_id");
	close_calls(on);
	json_write_object(on->writer);
	json_write_member_c(on->writer, "role", "tool");
	json_write_member(on->writer, "tool_call_id", json_string(item, "call_id"));
	if (!write_content(on, json_member(item, "output"), ".output"))
		return false;
	json_write_object_end(on->writer);
	return true;
}

static bool write_item(struct responses_writer *on, const struct json *item)
{
	struct text type = json_string(item, "type");

	if (text_is(type, "message") || (type.data == NULL && json_member(item, "role") != NULL))
		return write_message(on, item);
	if (text_is(type, "function_call"))
		return write_call(on, item);
	if (text_is(type, "function_call_output"))
		return write_result(on, item);
	if (text_is(type, "reasoning"))
		return true; /* its own thoughts: nothing that the conversation said */
	return refuse_value(on, ".type", type,
	                    "'message', 'function_call', 'function_call_output', and 'reasoning'");
}

static bool write_input(struct responses_writer *on, const struct json *input)
{
	if (json_is(input, JSON_STRING)) {
		json_write_object(on->writer);
		json_write_member_c(on->writer, "role", "user");
		json_write_member(on->writer, "content", input->text);
		json_write_object_end(on->writer);
		return true;
	}
	JSON_EACH(item, input)
	{
		if (!write_item(on, item))
			return false;
		on->index++;
	}
	close_calls(on);
	return true;
}

/* --- the rest of the request --- */

/* What is flat here, {type, name, ...}, as chat has it: {type, `inner`: {name, ...}}. */
static void write_nested(struct json_writer *writer, const struct json *flat, const char *inner)
{
	json_write_object(writer);
	if (json_member(flat, "type") != NULL) {
		json_write_key(writer, "type");
		json_write_node(writer, json_member(flat, "type"));
	}
	json_write_key(writer, inner);
	json_write_object(writer);
	JSON_EACH(member, flat)
	{
		if (text_is(member->key, "type"))
			continue;
		json_write_key_text(writer, member->key);
		json_write_node(writer, member);
	}
	json_write_object_end(writer);
	json_write_object_end(writer);
}

static void write_tools(struct json_writer *writer, const struct json *tools)
{
	/* Here an empty list is none: the official client of agents sends it. */
	if (tools == NULL || (json_is(tools, JSON_ARRAY) && tools->count == 0))
		return;
	json_write_key(writer, "tools");
	if (!json_is(tools, JSON_ARRAY)) {
		json_write_node(writer, tools);
		return;
	}
	json_write_array(writer);
	JSON_EACH(tool, tools)
	write_nested(writer, tool, "function");
	json_write_array_end(writer);
}

static void write_tool_choice(struct json_writer *writer, const struct json *choice)
{
	if (choice == NULL)
		return;
	json_write_key(writer, "tool_choice");
	if (text_is(json_string(choice, "type"), "function"))
		write_nested(writer, choice, "function");
	else
		json_write_node(writer, choice);
}

/* text.format {type, name, schema, strict} as response_format {type, json_schema: {...}}. */
static void write_format(struct json_writer *writer, const struct json *format)
{
	if (format == NULL || format->type == JSON_NULL)
		return;
	json_write_key(writer, "response_format");
	write_nested(writer, format, "json_schema");
}

static void write_others(struct json_writer *writer, const struct json *body)
{
	static const char *const same[] = {"model",       "stream", "temperature",
	                                   "top_p",       "user",   "parallel_tool_calls",
	                                   "service_tier"};
	const struct json *limit = json_member(body, "max_output_tokens");

	for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
		const struct json *member = json_member(body, same[i]);
		if (member == NULL)
			continue;
		json_write_key(writer, same[i]);
		json_write_node(writer, member);
	}
	if (limit != NULL) {
		json_write_key(writer, "max_completion_tokens");
		json_write_node(writer, limit);
	}
	write_tools(writer, json_member(body, "tools"));
	write_tool_choice(writer, json_member(body, "tool_choice"));
	write_format(writer, json_member(json_member(body, "text"), "format"));
}

/* --- checks of what chat has not --- */

static bool check_input(const struct sim_serving *serving, const struct json *input,
                        struct sim_error *error)
{
	if (input == NULL)
		return sim_refuse(error, "missing_required_parameter", TEXT("input"),
		                  TEXT("Missing required parameter: 'input'."));
	if (json_is(input, JSON_STRING) || (json_is(input, JSON_ARRAY) && input->count > 0))
		return true;
	return sim_refuse(
	    error, json_is(input, JSON_ARRAY) ? "empty_array" : "invalid_type", TEXT("input"),
	    text_format(serving->arena,
	                "Invalid type for 'input': expected one of a string or "
	                "array of objects, but got %s instead.",
	                json_is(input, JSON_ARRAY) ? "an empty array" : json_type_name(input)));
}

static bool check_stream_options(const struct json *body, struct sim_error *error)
{
	const struct json *options = json_member(body, "stream_options");

	/* Usage is in the last event anyhow. */
	if (json_member(options, "include_usage") != NULL)
		return sim_refuse(error, "unknown_parameter", TEXT("stream_options.include_usage"),
		                  TEXT("Unknown parameter: 'stream_options.include_usage'."));
	return true;
}

/* The conversation that is gone on with; empty: none. */
static bool find_previous(const struct sim_serving *serving, const struct json *body,
                          struct text *messages, struct sim_error *error)
{
	const struct json *previous = json_member(body, "previous_response_id");

	*messages = TEXT("");
	if (previous == NULL || previous->type == JSON_NULL || sim_breaks(serving, SIM_RS_09))
		return true;
	const struct sim_memory_entry *entry =
	    json_is(previous, JSON_STRING) ? sim_memory_find(serving->setup->memory, previous->text)
					   : NULL;
	if (entry != NULL) {
		*messages = text_copy(serving->arena, entry->messages);
		return true;
	}
	return sim_refuse(error, "previous_response_not_found", TEXT("previous_response_id"),
	                  text_format(serving->arena, "Previous response with id '%.*s' not found.",
	                              TEXT_ARG(text_slice(previous->text, 0, 80))));
}

/* --- all of it --- */

/* Messages as JSON objects with commas between. */
static bool make_messages(const struct sim_serving *serving, const struct json *input,
                          struct text before, struct text *out, struct sim_error *error)
{
	struct json_writer writer;
	struct text_buf list;
	struct responses_writer on = {.serving = serving, .writer = &writer, .error = error};

	text_buf_init(&list, SIM_BODY_MAX_BYTES);
	json_writer_init(&writer, &list, false);
	json_write_array(&writer);
	bool good = write_input(&on, input);
	if (good) {
		json_write_array_end(&writer);
		/* Less the brackets. */
		struct text fresh = text_slice(text_buf_view(&list), 1, list.len - 1);
		*out = text_format(serving->arena, "%.*s%s%.*s", TEXT_ARG(before),
		                   before.len > 0 && fresh.len > 0 ? "," : "", TEXT_ARG(fresh));
	}
	text_buf_done(&list);
	return good;
}

static void write_chat(struct text_buf *body, const struct sim_responses_ask *ask)
{
	struct text instructions = json_string(ask->body, "instructions");
	struct json_writer writer;

	json_writer_init(&writer, body, false);
	json_write_object(&writer);
	json_write_key(&writer, "messages");
	json_write_array(&writer);
	if (instructions.data != NULL) {
		json_write_object(&writer);
		json_write_member_c(&writer, "role", "system");
		json_write_member(&writer, "content", instructions);
		json_write_object_end(&writer);
	}
	if (ask->messages.len > 0)
		json_write_raw(&writer, ask->messages);
	json_write_array_end(&writer);
	write_others(&writer, ask->body);
	json_write_object_end(&writer);
}

bool sim_responses_read(const struct sim_serving *serving, const struct json *body,
                        struct sim_responses_ask *out, struct sim_error *error)
{
	struct text before;
	struct text_buf chat;
	struct fault fault;

	*out = (struct sim_responses_ask){.body = body, .store = json_truth(body, "store", true)};
	if (!check_input(serving, json_member(body, "input"), error) ||
	    !check_stream_options(body, error) || !find_previous(serving, body, &before, error) ||
	    !make_messages(serving, json_member(body, "input"), before, &out->messages, error))
		return false;
	text_buf_init(&chat, SIM_BODY_MAX_BYTES);
	write_chat(&chat, out);
	bool good =
	    !chat.overflow && json_read_text(text_copy(serving->arena, text_buf_view(&chat)),
	                                     "request", serving->arena, &out->chat, &fault);
	text_buf_done(&chat);
	return good || sim_refuse(error, "context_length_exceeded", TEXT("input"),
	                          TEXT("The conversation is too long."));
}

void sim_responses_rename(const struct sim_serving *serving, struct sim_error *error)
{
	static const struct {
		const char *chat, *here;
	} names[] = {{"messages", "input"},
	             {"response_format.json_schema", "text.format"},
	             {"response_format", "text.format"},
	             {"max_completion_tokens", "max_output_tokens"}};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct text chat = text_of(names[i].chat);
		if (!text_starts(error->param, chat))
			continue;
		error->param =
		    text_format(serving->arena, "%s%.*s", names[i].here,
		                TEXT_ARG(text_slice(error->param, chat.len, error->param.len)));
		return;
	}
}
