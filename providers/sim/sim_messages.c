/*
 * The messages of a chat request: roles, content, and that every tool call has
 * its result and every result its call. Refused in OpenAI's words.
 */
#include "harness/base/base64.h"
#include "providers/sim/sim_private.h"

enum {
	MESSAGES_MAX_PENDING = 128, /* tool calls of one assistant message */
	MESSAGES_SHORT_ID = 9,      /* the ids that TR-03's provider wants */
};

enum message_role {
	ROLE_SYSTEM,
	ROLE_DEVELOPER,
	ROLE_USER,
	ROLE_ASSISTANT,
	ROLE_TOOL,
	ROLE_FUNCTION,
	ROLE_COUNT
};

static const char *const role_names[] = {"system",    "developer", "user",
                                         "assistant", "tool",      "function"};

/* Where the check stands: which message, and the calls that still wait for results. */
struct message_check {
	const struct sim_serving *serving;
	struct arena *arena;
	struct sim_error *error;
	size_t index;
	struct text pending[MESSAGES_MAX_PENDING];
	size_t pending_count;
	bool after_calls; /* results may stand here */
	bool after_tool;  /* the last message was a result */
};

static struct text message_param(const struct message_check *check, const char *member)
{
	return text_format(check->arena, "messages[%zu]%s", check->index, member);
}

static bool message_lacks(const struct message_check *check, const char *member)
{
	struct text param = message_param(check, member);

	return sim_refuse(
	    check->error, "missing_required_parameter", param,
	    text_format(check->arena, "Missing required parameter: '%.*s'.", TEXT_ARG(param)));
}

static bool message_wrong_type(const struct message_check *check, const char *member,
                               const char *want, const struct json *got)
{
	struct text param = message_param(check, member);

	return sim_refuse(check->error, "invalid_type", param,
	                  text_format(check->arena,
	                              "Invalid type for '%.*s': expected %s, but got %s instead.",
	                              TEXT_ARG(param), want, json_type_name(got)));
}

static bool message_wrong_value(const struct message_check *check, const char *member,
                                struct text got, const char *supported)
{
	return sim_refuse(check->error, "invalid_value", message_param(check, member),
	                  text_format(check->arena,
	                              "Invalid value: '%.*s'. Supported values are: %s.",
	                              TEXT_ARG(text_slice(got, 0, 80)), supported));
}

struct text sim_message_text(const struct json *message, struct arena *arena)
{
	const struct json *content = json_member(message, "content");
	size_t len = 0;

	if (json_is(content, JSON_STRING))
		return content->text;
	if (!json_is(content, JSON_ARRAY))
		return TEXT("");
	JSON_EACH(part, content)
	len += json_string(part, "text").len;
	char *joined = arena_alloc_bytes(arena, len + 1);
	size_t at = 0;
	JSON_EACH(part, content)
	{
		struct text text = json_string(part, "text");

		if (text.len > 0)
			memcpy(joined + at, text.data, text.len);
		at += text.len;
	}
	return (struct text){joined, len};
}

/* --- images: a data URL must hold what it says --- */

/* By its first and last bytes: enough to tell a picture from a torn one. */
static bool message_is_image(struct text bytes)
{
	bool png = text_starts(bytes, TEXT("\x89PNG\r\n\x1a\n")) &&
	           text_find(bytes, TEXT("IEND"), 8) != TEXT_NOT_FOUND;
	bool jpeg = text_starts(bytes, TEXT("\xff\xd8\xff")) && text_ends(bytes, TEXT("\xff\xd9"));
	bool gif = text_starts(bytes, TEXT("GIF8")) && text_ends(bytes, TEXT(";"));
	bool webp = text_starts(bytes, TEXT("RIFF")) && text_is(text_slice(bytes, 8, 12), "WEBP");

	return png || jpeg || gif || webp;
}

/* Nothing is fetched here; but a name that can't exist (RFC 6761) leads nowhere for anybody. */
static bool message_check_image_host(const struct message_check *check, struct text url)
{
	size_t from = text_find(url, TEXT("://"), 0) + 3;
	size_t slash = text_find_byte(url, '/', from);
	struct text host = text_slice(url, from, size_min(slash, url.len));

	if (!text_ends(host, TEXT(".invalid")) || sim_breaks(check->serving, SIM_VI_02))
		return true;
	return sim_refuse(check->error, "invalid_image_url", TEXT("url"),
	                  text_format(check->arena, "Error while downloading %.*s.",
	                              TEXT_ARG(text_slice(url, 0, 200))));
}

static bool message_check_image(struct message_check *check, const struct json *part)
{
	struct text url = json_string(json_member(part, "image_url"), "url");

	if (sim_breaks(check->serving, SIM_TEXT_ONLY))
		return sim_refuse(check->error, "unsupported_value",
		                  message_param(check, ".content"),
		                  TEXT("This model does not support image input."));
	if (url.data == NULL)
		return message_lacks(check, ".content[0].image_url.url");
	if (text_starts(url, TEXT("https://")) || text_starts(url, TEXT("http://")))
		return message_check_image_host(check, url);
	size_t comma = text_find(url, TEXT(";base64,"), 0);
	struct text bytes;
	if (text_starts(url, TEXT("data:image/")) && comma != TEXT_NOT_FOUND &&
	    base64_decode(text_slice(url, comma + 8, url.len), check->arena, &bytes) &&
	    (message_is_image(bytes) || sim_breaks(check->serving, SIM_VI_04)))
		return true;
	return sim_refuse(check->error, "invalid_image_format", (struct text){0},
	                  TEXT("You uploaded an unsupported image. Please make sure your image is "
	                       "valid."));
}

/* --- content --- */

static bool message_check_part(struct message_check *check, const struct json *part,
                               enum message_role role)
{
	struct text type = json_string(part, "type");

	if (!json_is(part, JSON_OBJECT))
		return message_wrong_type(check, ".content[0]", "an object", part);
	if (type.data == NULL)
		return message_lacks(check, ".content[0].type");
	if (text_is(type, "text")) {
		const struct json *text = json_member(part, "text");
		return json_is(text, JSON_STRING)
		           ? true
		           : message_wrong_type(check, ".content[0].text", "a string", text);
	}
	if (role == ROLE_ASSISTANT && text_is(type, "refusal"))
		return true;
	if (role == ROLE_USER && text_is(type, "image_url"))
		return message_check_image(check, part);
	if (role == ROLE_USER && (text_is(type, "input_audio") || text_is(type, "file")))
		return true;
	return message_wrong_value(
	    check, ".content[0].type", type,
	    role == ROLE_USER ? "'text', 'image_url', 'input_audio', and 'file'" : "'text'");
}

static bool message_check_content(struct message_check *check, const struct json *message,
                                  enum message_role role)
{
	const struct json *content = json_member(message, "content");
	bool may_be_null = role == ROLE_ASSISTANT;
	bool no_parts = role == ROLE_TOOL && sim_breaks(check->serving, SIM_TR_05_PARTS);

	if (content == NULL)
		return may_be_null ? true : message_lacks(check, ".content");
	if (role == ROLE_TOOL && content->type == JSON_STRING && content->text.len == 0 &&
	    sim_breaks(check->serving, SIM_TR_05))
		return message_wrong_type(check, ".content", "a non-empty string", content);
	if (content->type == JSON_STRING || (content->type == JSON_NULL && may_be_null))
		return true;
	if (content->type != JSON_ARRAY || no_parts)
		return message_wrong_type(check, ".content", "one of a string or array of objects",
		                          content);
	if (content->count == 0 && role == ROLE_USER)
		return sim_refuse(check->error, "empty_array", message_param(check, ".content"),
		                  TEXT("Invalid 'content': empty array."));
	JSON_EACH(part, content)
	{
		if (!message_check_part(check, part, role))
			return false;
	}
	return true;
}

/* --- tool calls and results --- */

static bool message_id_is_short(struct text id)
{
	for (size_t i = 0; i < id.len; i++)
		if (base64_value(id.data[i]) < 0 || id.data[i] == '+' || id.data[i] == '/')
			return false;
	return id.len == MESSAGES_SHORT_ID;
}

static bool message_check_id(struct message_check *check, struct text id)
{
	if (!sim_breaks(check->serving, SIM_TR_03) || message_id_is_short(id))
		return true;
	return sim_refuse(check->error, "invalid_function_call", (struct text){0},
	                  text_format(check->arena,
	                              "Tool call id was %.*s but must be a-z, A-Z, 0-9, with a "
	                              "length of 9.",
	                              TEXT_ARG(text_slice(id, 0, 80))));
}

static bool message_check_call(struct message_check *check, const struct json *call)
{
	const struct json *function = json_member(call, "function");
	const struct json *arguments = json_member(function, "arguments");
	struct text id = json_string(call, "id");

	if (!json_is(call, JSON_OBJECT))
		return message_wrong_type(check, ".tool_calls[0]", "an object", call);
	if (id.data == NULL)
		return message_lacks(check, ".tool_calls[0].id");
	if (!text_is(json_string(call, "type"), "function"))
		return message_lacks(check, ".tool_calls[0].type");
	if (json_string(function, "name").data == NULL)
		return message_lacks(check, ".tool_calls[0].function.name");
	/* Who sends objects (TC-03) must take its own message back. */
	bool own_object = json_is(arguments, JSON_OBJECT) && sim_breaks(check->serving, SIM_TC_03);
	if (!json_is(arguments, JSON_STRING) && !own_object)
		return arguments == NULL
		           ? message_lacks(check, ".tool_calls[0].function.arguments")
		           : message_wrong_type(check, ".tool_calls[0].function.arguments",
		                                "a string", arguments);
	if (arguments->text.len == 0 && sim_breaks(check->serving, SIM_TR_10))
		return message_wrong_type(check, ".tool_calls[0].function.arguments",
		                          "a JSON object as a string", arguments);
	if (json_member(call, "extra_content") != NULL && sim_breaks(check->serving, SIM_TR_09))
		return sim_refuse(check->error, "unknown_parameter",
		                  message_param(check, ".tool_calls[0].extra_content"),
		                  TEXT("Unknown parameter: 'extra_content'."));
	if (check->pending_count < MESSAGES_MAX_PENDING)
		check->pending[check->pending_count++] = id;
	return message_check_id(check, id);
}

static bool message_check_assistant(struct message_check *check, const struct json *message)
{
	const struct json *calls = json_member(message, "tool_calls");
	const struct json *content = json_member(message, "content");
	bool no_text = content == NULL || content->type == JSON_NULL ||
	               (content->type == JSON_STRING && content->text.len == 0);

	if (calls == NULL || calls->type == JSON_NULL) {
		if (no_text && sim_breaks(check->serving, SIM_CH_11))
			return message_wrong_type(check, ".content", "a non-empty string", content);
		return true;
	}
	if (calls->type != JSON_ARRAY)
		return message_wrong_type(check, ".tool_calls", "an array of objects", calls);
	if (calls->count == 0)
		return sim_refuse(check->error, "empty_array", message_param(check, ".tool_calls"),
		                  text_format(check->arena,
		                              "Invalid 'messages[%zu].tool_calls': empty array. "
		                              "Expected an array with minimum length 1, but got an "
		                              "empty array instead.",
		                              check->index));
	if (json_is(content, JSON_NULL) && sim_breaks(check->serving, SIM_TR_02))
		return message_wrong_type(check, ".content", "a string", content);
	if (json_member(message, "reasoning_content") == NULL &&
	    sim_breaks(check->serving, SIM_TR_08))
		return sim_refuse(check->error, NULL, (struct text){0},
		                  TEXT("The reasoning_content of the thinking mode must be passed "
		                       "back."));
	JSON_EACH(call, calls)
	{
		if (!message_check_call(check, call))
			return false;
	}
	check->after_calls = true;
	return true;
}

static bool message_check_result(struct message_check *check, const struct json *message)
{
	struct text id = json_string(message, "tool_call_id");

	if (!check->after_calls) {
		(void)sim_refuse(check->error, NULL, message_param(check, ".role"),
		                 TEXT("Invalid parameter: messages with role 'tool' must be a "
		                      "response to a preceeding message with 'tool_calls'."));
		if (sim_breaks(check->serving, SIM_ER_16))
			check->error->status = 500;
		return false;
	}
	if (id.data == NULL)
		return message_lacks(check, ".tool_call_id");
	for (size_t i = 0; i < check->pending_count; i++) {
		if (!text_equal(check->pending[i], id))
			continue;
		check->pending[i] = check->pending[--check->pending_count];
		return true;
	}
	return sim_refuse(check->error, NULL, message_param(check, ".tool_call_id"),
	                  text_format(check->arena,
	                              "Invalid parameter: 'tool_call_id' of '%.*s' not found in "
	                              "'tool_calls' of previous message.",
	                              TEXT_ARG(text_slice(id, 0, 80))));
}

static bool message_none_pending(struct message_check *check)
{
	if (check->pending_count == 0 || sim_breaks(check->serving, SIM_TR_07)) {
		check->pending_count = 0;
		check->after_calls = false;
		return true;
	}
	return sim_refuse(check->error, NULL, message_param(check, ".role"),
	                  text_format(check->arena,
	                              "An assistant message with 'tool_calls' must be followed by "
	                              "tool messages responding to each 'tool_call_id'. The "
	                              "following tool_call_ids did not have response messages: "
	                              "%.*s",
	                              TEXT_ARG(text_slice(check->pending[0], 0, 80))));
}

/* --- one message, all messages --- */

static bool message_read_role(struct message_check *check, const struct json *message,
                              enum message_role *role)
{
	const struct json *node = json_member(message, "role");
	size_t found = 0;

	if (node == NULL)
		return message_lacks(check, ".role");
	if (node->type != JSON_STRING)
		return message_wrong_type(check, ".role", "a string", node);
	while (found < ROLE_COUNT && !text_is(node->text, role_names[found]))
		found++;
	/* Who calls itself `model` (CH-02) must take its own message back. */
	if (text_is(node->text, "model") && sim_breaks(check->serving, SIM_CH_02))
		found = ROLE_ASSISTANT;
	if (found == ROLE_COUNT ||
	    (found == ROLE_DEVELOPER && sim_breaks(check->serving, SIM_CH_07)))
		return message_wrong_value(check, ".role", node->text,
		                           found == ROLE_DEVELOPER
		                               ? "'system', 'assistant', 'user', and 'tool'"
		                               : "'system', 'assistant', 'user', 'function', "
		                                 "'tool', and 'developer'");
	*role = (enum message_role)found;
	return true;
}

static bool message_check_duplicates(const struct message_check *check, const struct json *message)
{
	if (!message->has_duplicate)
		return true;
	JSON_EACH(member, message)
	{
		if (member->duplicate)
			return sim_refuse(
			    check->error, "duplicate_parameter", message_param(check, ""),
			    text_format(check->arena, "A member of 'messages[%zu]' is given twice.",
			                check->index));
	}
	return true;
}

static bool message_check_one(struct message_check *check, const struct json *message)
{
	enum message_role role = ROLE_USER;

	if (!json_is(message, JSON_OBJECT))
		return message_wrong_type(check, "", "an object", message);
	if (!message_check_duplicates(check, message) || !message_read_role(check, message, &role))
		return false;
	if (role != ROLE_TOOL && !message_none_pending(check))
		return false;
	if (role == ROLE_USER && check->after_tool && sim_breaks(check->serving, SIM_TR_12))
		return message_wrong_value(check, ".role", TEXT("user"),
		                           "'assistant' behind a tool");
	check->after_tool = role == ROLE_TOOL;
	if (role == ROLE_SYSTEM && check->index > 0 && sim_breaks(check->serving, SIM_CH_08))
		return message_wrong_value(check, ".role", TEXT("system"),
		                           "'user' and 'assistant'");
	if (json_member(message, "name") != NULL && sim_breaks(check->serving, SIM_CH_12))
		return sim_refuse(check->error, "unknown_parameter", message_param(check, ".name"),
		                  TEXT("property 'name' is unsupported in messages."));
	if (json_member(message, "reasoning_content") != NULL &&
	    sim_breaks(check->serving, SIM_RE_07))
		return sim_refuse(check->error, "unknown_parameter",
		                  message_param(check, ".reasoning_content"),
		                  TEXT("property 'reasoning_content' is unsupported in messages."));
	if (!message_check_content(check, message, role))
		return false;
	if (role == ROLE_ASSISTANT)
		return message_check_assistant(check, message);
	return role == ROLE_TOOL ? message_check_result(check, message) : true;
}

bool sim_messages_check(const struct sim_serving *serving, const struct json *messages,
                        struct sim_error *error)
{
	struct message_check check = {.serving = serving, .arena = serving->arena, .error = error};

	if (messages == NULL)
		return sim_refuse(error, "missing_required_parameter", TEXT("messages"),
		                  TEXT("Missing required parameter: 'messages'."));
	if (messages->type != JSON_ARRAY)
		return sim_refuse(error, "invalid_type", TEXT("messages"),
		                  text_format(serving->arena,
		                              "Invalid type for 'messages': expected an array of "
		                              "objects, but got %s instead.",
		                              json_type_name(messages)));
	if (messages->count == 0)
		return sim_refuse(error, "empty_array", TEXT("messages"),
		                  TEXT("Invalid 'messages': empty array. Expected an array with "
		                       "minimum length 1, but got an empty array instead."));
	JSON_EACH(message, messages)
	{
		if (!message_check_one(&check, message))
			return false;
		check.index++;
	}
	return message_none_pending(&check);
}
