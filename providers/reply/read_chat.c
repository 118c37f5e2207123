/* Whole chat completions: told by their members, read, held against CH-01, CH-02 and TC-03. */
#include "providers/reply/read_chat.h"

static bool matches(const struct json *value)
{
	const struct json *choices = json_member(value, "choices");
	struct text object = json_string(value, "object");

	if (text_starts(object, TEXT("chat.completion")))
		return true;
	if (!json_is(choices, JSON_ARRAY) || text_starts(object, TEXT("text")))
		return false;
	return choices->first == NULL || json_member(choices->first, "delta") != NULL ||
	       json_member(choices->first, "message") != NULL ||
	       json_member(choices->first, "text") == NULL;
}

static void tell_call(struct reply_build *build, const struct build_choice *choice, size_t at,
                      enum wire_grade grade, const char *what)
{
	reply_violates(build, WIRE_TC_03, grade, "choices[%lld].message.tool_calls[%zu] %s",
	               (long long)choice->index, at, what);
}

/* The value as one call; a member that is not what it should be is told by its type. */
static void read_call(struct reply_build *build, struct build_choice *choice,
                      const struct json *node, size_t at)
{
	bool custom = text_is(json_string(node, "type"), "custom");
	const struct json *function = json_member(node, custom ? "custom" : "function");
	const struct json *arguments = json_member(function, custom ? "input" : "arguments");
	const struct json *type = json_member(node, "type");
	struct build_call *call = reply_build_whole_call(build, choice, json_string(node, "id"),
	                                                 json_string(function, "name"), arguments);

	if (call == NULL)
		return;
	call->custom = custom;
	call->type = reply_build_name(build, json_string(node, "type"));
	reply_build_extra(build, &call->extra, json_member(node, "extra_content"));
	if (!json_integer(node, "index", 0, INT32_MAX, &call->index))
		call->index = -1;
	if (!json_is(type, JSON_STRING))
		tell_call(build, choice, at, WIRE_DEVIATES, "has no type");
	else if (!custom && !text_is(type->text, "function"))
		tell_call(build, choice, at, WIRE_DEVIATES, "has a type that is not function");
	if (arguments != NULL && !json_is(arguments, JSON_STRING))
		tell_call(build, choice, at, WIRE_BREAKS, "has arguments that are no string");
}

static void read_calls(struct reply_build *build, struct build_choice *choice,
                       const struct json *message)
{
	const struct json *calls = json_member(message, "tool_calls");
	size_t at = 0;

	if (json_is(calls, JSON_ARRAY)) {
		JSON_EACH(call, calls)
		{
			read_call(build, choice, call, at++);
		}
	} else if (json_is(calls, JSON_OBJECT)) {
		tell_call(build, choice, 0, WIRE_BREAKS, "stands without its array");
		read_call(build, choice, calls, 0);
	}
	read_chat_function_call(build, choice, json_member(message, "function_call"));
}

static void judge_message(struct reply_build *build, const struct build_choice *choice,
                          const struct json *message)
{
	const struct json *content = json_member(message, "content");
	struct text role = json_string(message, "role");
	bool instead = choice->call_count > 0 || choice->function_call != NULL ||
	               choice->refusal.len > 0 ||
	               text_is(choice->finish_reason, "content_filter") ||
	               json_is(json_member(message, "audio"), JSON_OBJECT);

	reply_saw(build, WIRE_CH_02);
	if (!text_is(role, "assistant"))
		reply_violates(build, WIRE_CH_02, WIRE_DEVIATES,
		               "choices[%lld].message.role is \"%.*s\", not assistant",
		               (long long)choice->index,
		               TEXT_ARG(text_visible(build->arena, role, 40)));
	if ((content == NULL || content->type == JSON_NULL) && !instead)
		reply_violates(
		    build, WIRE_CH_02, WIRE_DEVIATES,
		    "choices[%lld].message.content is %s, and no call or refusal is there",
		    (long long)choice->index, json_type_name(content));
}

static void judge_choice(struct reply_build *build, const struct json *node, size_t position)
{
	const struct json *reason = json_member(node, "finish_reason");
	int64_t index;

	if (!json_integer(node, "index", 0, INT32_MAX, &index))
		reply_violates(build, WIRE_CH_01, WIRE_DEVIATES, "choices[%zu] has no index",
		               position);
	if (!json_is(reason, JSON_STRING))
		reply_violates(build, WIRE_CH_01, WIRE_DEVIATES, "choices[%zu].finish_reason is %s",
		               position, json_type_name(reason));
	if (!json_is(json_member(node, "message"), JSON_OBJECT))
		reply_violates(build, WIRE_CH_01, WIRE_BREAKS, "choices[%zu] has no message",
		               position);
}

static void read_choice(struct reply_build *build, const struct json *node, size_t position)
{
	const struct json *message = json_member(node, "message");
	const struct json *logprobs = json_member(node, "logprobs");
	int64_t index;

	judge_choice(build, node, position);
	if (!json_integer(node, "index", 0, INT32_MAX, &index))
		index = (int64_t)position;
	struct build_choice *choice = reply_build_choice(build, index);
	if (choice == NULL)
		return;
	if (!json_is(message, JSON_OBJECT)) /* some answer with a delta */
		message = json_member(node, "delta");
	struct read_chat_place place = {index, "message"};
	reply_build_role(build, choice, json_string(message, "role"));
	read_chat_thoughts(build, choice, message);
	read_chat_opaque(build, choice, message);
	read_chat_content(build, choice, json_member(message, "content"), &place);
	if (json_string(message, "refusal").len > 0)
		reply_build_refusal(build, choice, json_string(message, "refusal"));
	read_calls(build, choice, message);
	if (json_string(node, "finish_reason").data != NULL)
		reply_build_finish_reason(build, choice, json_string(node, "finish_reason"));
	choice->message = message;
	choice->logprobs = json_is(logprobs, JSON_NULL) ? NULL : logprobs;
	if (json_is(message, JSON_OBJECT))
		judge_message(build, choice, message);
}

static void judge_root(struct reply_build *build, const struct json *root)
{
	struct text object = json_string(root, "object");
	int64_t created;

	reply_saw(build, WIRE_CH_01);
	if (json_string(root, "id").len == 0)
		reply_violates(build, WIRE_CH_01, WIRE_DEVIATES, "id is missing");
	if (json_string(root, "model").len == 0)
		reply_violates(build, WIRE_CH_01, WIRE_DEVIATES, "model is missing");
	if (!text_is(object, "chat.completion"))
		reply_violates(build, WIRE_CH_01, WIRE_DEVIATES,
		               "object is \"%.*s\", not chat.completion",
		               TEXT_ARG(text_visible(build->arena, object, 60)));
	if (!json_integer(root, "created", 0, INT64_MAX, &created))
		reply_violates(build, WIRE_CH_01, WIRE_DEVIATES, "created is no integer");
}

static void read_body(struct reply_build *build, const struct json *root)
{
	const struct json *choices = json_member(root, "choices");
	const struct json *usage = json_member(root, "usage");
	size_t position = 0;

	if (json_member(root, "error") != NULL)
		(void)error_shape_read(build, root, false);
	read_chat_envelope(build, root);
	if (!json_is(choices, JSON_ARRAY) || choices->count == 0) {
		if (build->reply->error_count == 0)
			reply_violates(build, WIRE_CH_01, WIRE_BREAKS, "choices holds nothing");
		return;
	}
	judge_root(build, root);
	JSON_EACH(choice, choices)
	{
		read_choice(build, choice, position++);
	}
	if (json_is(usage, JSON_OBJECT))
		usage_read_openai(build, usage, "usage");
	else
		reply_violates(build, WIRE_US_01, WIRE_DEVIATES, "usage is %s",
		               json_type_name(usage));
	for (size_t i = 0; i < build->choice_count; i++)
		reply_judge_choice(build, build->choices[i]);
	build->reply->complete = true;
}

const struct reply_shape shape_chat = {
    .api = CHAT_API_CHAT,
    .openai = true,
    .matches = matches,
    .read_event = read_chat_event,
    .read_body = read_body,
    .read_end = read_chat_end,
};
