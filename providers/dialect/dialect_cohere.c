/* Cohere v2 chat, whole and streamed, read into neutral words. */
#include "providers/dialect/encode_cohere.h"
#include "providers/reply/reply_build.h"

static bool matches(const struct json *value)
{
	static const char *const types[] = {"message-start",   "content-start",   "content-delta",
	                                    "content-end",     "tool-plan-delta", "tool-call-start",
	                                    "tool-call-delta", "tool-call-end",   "citation-start",
	                                    "citation-end",    "message-end",     "debug"};
	struct text type = json_string(value, "type");

	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (text_is(type, types[i]))
			return true;
	return json_is(json_member(value, "message"), JSON_OBJECT) &&
	       json_string(value, "finish_reason").data != NULL &&
	       json_string(json_member(value, "message"), "role").data != NULL;
}

static struct build_choice *the_choice(struct reply_build *build)
{
	return reply_build_choice(build, 0); /* never NULL: it is the first */
}

struct text dialect_cohere_finish_reason(struct text reason)
{
	if (text_is(reason, "TOOL_CALL"))
		return TEXT("tool_calls");
	if (text_is(reason, "MAX_TOKENS"))
		return TEXT("length");
	if (text_is(reason, "ERROR") || text_is(reason, "TIMEOUT"))
		return TEXT("error");
	return TEXT("stop");
}

static void take_finish(struct reply_build *build, struct text reason)
{
	if (reason.len == 0)
		return;
	build->stop = reply_build_name(build, reason);
	reply_build_finish_reason(build, the_choice(build), dialect_cohere_finish_reason(reason));
	if (!text_is(the_choice(build)->finish_reason, "error"))
		return;
	struct chat_error error = {.type = reason, .raw = reason};
	reply_saw(build, WIRE_ER_20);
	error_shape_add(build, &error);
}

static void take_part(struct reply_build *build, const struct json *part)
{
	if (json_string(part, "thinking").data != NULL)
		reply_build_reasoning(build, the_choice(build), json_string(part, "thinking"));
	else if (json_string(part, "text").data != NULL)
		reply_build_content(build, the_choice(build), json_string(part, "text"));
}

static void take_content(struct reply_build *build, const struct json *content)
{
	if (json_is(content, JSON_STRING))
		reply_build_content(build, the_choice(build), content->text);
	else if (json_is(content, JSON_OBJECT))
		take_part(build, content);
	else
		JSON_EACH(part, content)
		{
			take_part(build, part);
		}
}

/* What it means to do before it calls tools: thoughts, in the words of others. */
static void take_plan(struct reply_build *build, const struct json *message)
{
	if (json_string(message, "tool_plan").len > 0)
		reply_build_reasoning(build, the_choice(build), json_string(message, "tool_plan"));
}

/* A call without arguments comes as the text "null" (or not at all): an empty object. */
static void settle_call(struct reply_build *build, struct build_call *call)
{
	struct text arguments = text_trim(text_buf_view(&call->arguments));

	if (arguments.len == 0 && call->item_id.len > 0 && !text_is(call->item_id, "null"))
		reply_build_arguments(build, call, call->item_id);
	arguments = text_trim(text_buf_view(&call->arguments));
	if (arguments.len > 0 && !text_is(arguments, "null"))
		return;
	text_buf_reset(&call->arguments);
	reply_build_arguments(build, call, TEXT("{}"));
}

/* What may yet turn out to be that "null" is held back: what was told can't be taken back. */
static void take_piece(struct reply_build *build, struct build_call *call, struct text piece)
{
	struct text held = call->item_id;

	if (piece.len == 0)
		return;
	if (call->arguments.len > 0) {
		reply_build_arguments(build, call, piece);
		return;
	}
	held = text_format(build->event_arena, "%.*s%.*s", TEXT_ARG(held), TEXT_ARG(piece));
	if (text_starts(TEXT("null"), held)) {
		call->item_id = reply_build_name(build, held);
		return;
	}
	call->item_id = TEXT("");
	reply_build_arguments(build, call, held);
}

static struct build_call *take_call(struct reply_build *build, const struct json *node)
{
	const struct json *function = json_member(node, "function");
	struct build_choice *choice = the_choice(build);
	struct build_call *call = reply_build_whole_call(build, choice, json_string(node, "id"),
	                                                 json_string(function, "name"),
	                                                 json_member(function, "arguments"));

	if (call != NULL)
		call->index = (int64_t)choice->call_count - 1;
	return call;
}

static void read_body(struct reply_build *build, const struct json *root)
{
	const struct json *message = json_member(root, "message");
	struct build_choice *choice = the_choice(build);

	reply_build_id(build, json_string(root, "id"));
	reply_build_model(build, json_string(root, "model"));
	reply_build_role(build, choice, json_string(message, "role"));
	take_plan(build, message);
	take_content(build, json_member(message, "content"));
	JSON_EACH(node, json_member(message, "tool_calls"))
	{
		struct build_call *call = take_call(build, node);
		if (call != NULL)
			settle_call(build, call);
	}
	usage_read_cohere(build, json_member(root, "usage"));
	take_finish(build, json_string(root, "finish_reason"));
	reply_judge_text(build, choice);
	reply_judge_calls(build, choice);
	build->reply->complete = choice->finish_count > 0;
}

static void read_call_event(struct reply_build *build, struct text type, const struct json *root,
                            const struct json *node)
{
	struct build_choice *choice = the_choice(build);
	struct build_call *call;
	int64_t key;

	if (!json_integer(root, "index", 0, INT32_MAX, &key))
		key = 0;
	if (text_is(type, "tool-call-start")) {
		call = take_call(build, json_is(node, JSON_ARRAY) ? node->first : node);
		if (call != NULL)
			call->key = key;
		return;
	}
	call = reply_build_call_of_key(choice, key);
	if (call == NULL)
		return;
	struct text piece = json_string(json_member(node, "function"), "arguments");
	if (text_is(type, "tool-call-end"))
		settle_call(build, call);
	else
		take_piece(build, call, piece);
}

static void read_event(struct reply_build *build, const struct sse_event *event,
                       const struct json *root)
{
	struct text type = json_string(root, "type");
	const struct json *delta = json_member(root, "delta");
	const struct json *message = json_member(delta, "message");

	(void)event;
	if (text_starts(type, TEXT("content-"))) {
		take_content(build, json_member(message, "content"));
	} else if (text_is(type, "tool-plan-delta")) {
		take_plan(build, message);
	} else if (text_starts(type, TEXT("tool-call-"))) {
		read_call_event(build, type, root, json_member(message, "tool_calls"));
	} else if (text_is(type, "message-start")) {
		reply_build_id(build, json_string(root, "id"));
		reply_build_role(build, the_choice(build), json_string(message, "role"));
	} else if (text_is(type, "message-end")) {
		build->terminal_seen = true;
		usage_read_cohere(build, json_member(delta, "usage"));
		take_finish(build, json_string(delta, "finish_reason"));
	} else if (text_is(type, "citation-start")) {
		reply_build_part(build, the_choice(build), json_member(message, "citations"));
	} else if (!text_is(type, "citation-end") && !error_shape_read(build, root, true)) {
		reply_build_part(build, the_choice(build), root);
	}
}

static void read_end(struct reply_build *build, bool cut)
{
	reply_judge_native_end(build, the_choice(build), "message-end", cut);
}

const struct reply_shape shape_cohere = {
    .api = CHAT_API_COHERE,
    .matches = matches,
    .read_event = read_event,
    .read_body = read_body,
    .read_end = read_end,
};

const struct dialect dialect_cohere = {
    .name = "cohere",
    .encode = encode_cohere,
    .shape = &shape_cohere,
};
