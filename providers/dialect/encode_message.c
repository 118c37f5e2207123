/* See encode.h: messages, their roles and contents, and the calls and results in them. */
#include "providers/dialect/encode.h"

bool encode_is_system(const struct json *message)
{
	struct text role = json_string(message, "role");

	return text_is(role, "system") || text_is(role, "developer");
}

bool encode_has_system(struct encoding *encoding)
{
	bool later = false, any = false;

	JSON_EACH(message, json_member(encoding->root, "messages"))
	{
		bool system = encode_is_system(message);
		if (system && later)
			encode_refuse(encoding,
			              "a system message behind the first turn can't be carried");
		any |= system;
		later |= !system;
	}
	return any;
}

struct text encode_role(struct encoding *encoding, const struct json *message)
{
	static const char *const known[] = {"system", "user", "assistant", "tool"};
	struct text role = json_string(message, "role");

	if (text_is(role, "developer"))
		return TEXT("system");
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
		if (text_is(role, known[i]))
			return role;
	encode_refuse(encoding, "a message of role '%.*s' can't be carried",
	              TEXT_ARG(text_visible(encoding->arena, role, 40)));
	return role;
}

void encode_refuse_part(struct encoding *encoding, struct text type)
{
	encode_refuse(encoding, "a content part of type %.*s can't be carried",
	              TEXT_ARG(text_visible(encoding->arena, type, 40)));
}

struct text encode_text(struct encoding *encoding, const struct json *content, const char *apart)
{
	struct text_buf joined;

	if (json_is(content, JSON_STRING))
		return content->text;
	text_buf_init(&joined, ENCODE_MAX_BODY_BYTES);
	JSON_EACH(part, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		struct text type = json_string(part, "type");
		const char *payload = text_is(type, "refusal") ? "refusal" : "text";
		if (text_is(type, payload)) {
			(void)text_buf_add(&joined, json_string(part, payload));
			encode_check_part(encoding, part, payload);
		} else if (apart == NULL || !text_is(type, apart)) {
			encode_refuse_part(encoding, type);
		}
	}
	struct text whole = text_copy(encoding->arena, text_buf_view(&joined));
	text_buf_done(&joined);
	return whole;
}

void encode_check_message(struct encoding *encoding, const struct json *message,
                          const char *const *carried)
{
	static const char *const refused[] = {"function_call", "audio"};
	const char *known[16] = {"role", "content", "refusal", "tool_calls", "tool_call_id"};
	size_t count = 5;

	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
		if (encode_field(message, refused[i]) != NULL)
			encode_refuse(encoding, "%s in a message can't be carried", refused[i]);
	for (; *carried != NULL && count < ARRAY_LENGTH(known) - 1; carried++)
		known[count++] = *carried;
	encode_drop_others(encoding, message, "messages", known);
}

void encode_check_part(struct encoding *encoding, const struct json *part, const char *payload)
{
	const char *const carried[] = {"type", payload, NULL};

	encode_drop_others(encoding, part, "messages.content", carried);
}

void encode_messages(struct encoding *encoding,
                     void (*write)(struct encoding *encoding, const struct json *message))
{
	json_write_key(&encoding->json, "messages");
	json_write_array(&encoding->json);
	JSON_EACH(message, json_member(encoding->root, "messages"))
	{
		write(encoding, message);
	}
	json_write_array_end(&encoding->json);
}

const struct json *encode_arguments(struct encoding *encoding, const struct json *call)
{
	static const char *const carried[] = {"id",    "type", "function", "extra_content",
	                                      "index", NULL};
	struct text arguments = json_string(json_member(call, "function"), "arguments");
	struct fault unread;
	struct json *object;

	if (!json_is(json_member(call, "function"), JSON_OBJECT)) {
		encode_refuse(encoding, "only calls of functions can be carried");
		return NULL;
	}
	encode_drop_others(encoding, call, "messages.tool_calls", carried);

	if (text_trim(arguments).len == 0)
		arguments = TEXT("{}");
	if (json_read_text(arguments, "arguments", encoding->arena, &object, &unread) &&
	    json_is(object, JSON_OBJECT))
		return object;
	encode_refuse(encoding, "the arguments of a tool call in the history are no JSON object");
	return NULL;
}

static void write_call(struct encoding *encoding, const struct json *call, bool objects)
{
	struct json_writer *json = &encoding->json;
	const struct json *arguments = encode_arguments(encoding, call);

	if (arguments == NULL)
		return;
	json_write_object(json);
	json_write_member(json, "id", json_string(call, "id"));
	json_write_member_c(json, "type", "function");
	json_write_key(json, "function");
	json_write_object(json);
	json_write_member(json, "name", json_string(json_member(call, "function"), "name"));
	json_write_key(json, "arguments");
	if (objects)
		json_write_node(json, arguments);
	else
		json_write_string(json, json_to_text(encoding->arena, arguments));
	json_write_object_end(json);
	json_write_object_end(json);
}

void encode_calls(struct encoding *encoding, const struct json *message, bool objects)
{
	const struct json *calls = encode_field(message, "tool_calls");

	if (calls == NULL)
		return;
	json_write_key(&encoding->json, "tool_calls");
	json_write_array(&encoding->json);
	JSON_EACH(call, calls)
	{
		write_call(encoding, call, objects);
	}
	json_write_array_end(&encoding->json);
}

const struct json *encode_call_of(struct encoding *encoding, const struct json *message)
{
	struct text id = json_string(message, "tool_call_id");
	const struct json *found = NULL;

	JSON_EACH(earlier, json_member(encoding->root, "messages"))
	{
		JSON_EACH(call, json_member(earlier, "tool_calls"))
		{
			if (text_equal(json_string(call, "id"), id))
				found = call;
		}
	}
	if (found == NULL)
		encode_refuse(encoding, "a tool's result answers no call of the history: %.*s",
		              TEXT_ARG(text_visible(encoding->arena, id, 64)));
	return found;
}
