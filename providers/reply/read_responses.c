/*
 * OpenAI Responses, whole and streamed, read into one choice: text, thoughts and
 * calls in the order they came, the status as a finish reason. Streamed: read_responses_stream.c.
 */
#include "providers/reply/read_responses.h"

static bool matches(const struct json *value)
{
	return text_is(json_string(value, "object"), "response") ||
	       text_starts(json_string(value, "type"), TEXT("response."));
}

struct build_choice *read_responses_choice(struct reply_build *build)
{
	return reply_build_choice(build, 0); /* never NULL: it is the first */
}

/* --- items ---------------------------------------------------------------- */

void read_responses_error(struct reply_build *build, const struct json *error)
{
	const struct json *code = json_member(error, "code");
	struct chat_error read = {
	    .message = json_string(error, "message"),
	    .type = json_string(error, "type"),
	    .param = json_string(error, "param"),
	    .raw = text_slice(error->source->body, error->begin, error->end),
	};

	if (json_is(code, JSON_STRING) || json_is(code, JSON_NUMBER))
		read.code = code->text;
	read.code_is_number = json_is(code, JSON_NUMBER);
	reply_saw(build, WIRE_RS_08);
	error_shape_add(build, &read);
}

static void read_message_parts(struct reply_build *build, const struct json *item)
{
	struct build_choice *choice = read_responses_choice(build);

	reply_build_role(build, choice, json_string(item, "role"));
	JSON_EACH(part, json_member(item, "content"))
	{
		if (json_string(part, "refusal").data != NULL)
			reply_build_refusal(build, choice, json_string(part, "refusal"));
		else if (json_string(part, "text").data != NULL)
			reply_build_content(build, choice, json_string(part, "text"));
	}
}

static void read_reasoning_parts(struct reply_build *build, const struct json *item)
{
	static const char *const members[] = {"summary", "content"};

	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		JSON_EACH(part, json_member(item, members[i]))
		{
			struct text piece = json_string(part, "text");
			if (piece.len == 0)
				continue;
			reply_saw(build, WIRE_RE_01);
			reply_build_reasoning(build, read_responses_choice(build), piece);
		}
}

bool read_responses_is_call(struct text type)
{
	return text_is(type, "function_call") || text_is(type, "custom_tool_call");
}

/* A call as it is announced: its arguments mostly come later. */
struct build_call *read_responses_new_call(struct reply_build *build, const struct json *item)
{
	struct build_choice *choice = read_responses_choice(build);
	struct build_call *call = reply_build_new_call(build, choice);

	if (call == NULL)
		return NULL;
	call->custom = text_is(json_string(item, "type"), "custom_tool_call");
	call->type = call->custom ? TEXT("custom") : TEXT("function");
	call->item_id = reply_build_name(build, json_string(item, "id"));
	call->name = reply_build_name(build, json_string(item, "name"));
	call->index = (int64_t)choice->call_count - 1;
	if (json_string(item, "call_id").data != NULL)
		reply_build_call_id(build, call, json_string(item, "call_id"));
	return call;
}

struct text read_responses_arguments(const struct json *item)
{
	struct text arguments = json_string(item, "arguments");

	return arguments.data != NULL ? arguments : json_string(item, "input");
}

void read_responses_whole_call(struct reply_build *build, const struct json *item)
{
	struct build_call *call = read_responses_new_call(build, item);
	const struct json *arguments = json_member(item, "arguments");

	if (call == NULL)
		return;
	if (read_responses_arguments(item).data != NULL)
		reply_build_arguments(build, call, read_responses_arguments(item));
	else if (arguments != NULL)
		reply_violates(build, WIRE_TC_03, WIRE_BREAKS,
		               "arguments of a function_call are %s, no string",
		               json_type_name(arguments));
}

/*
 * A message after a custom call means that the provider ran the tool itself (xAI's
 * search does so): a call that the client must answer ends the output.
 */
void read_responses_settle_served(struct reply_build *build)
{
	struct build_choice *choice = read_responses_choice(build);

	for (size_t i = 0; i < choice->call_count; i++)
		choice->calls[i]->served = choice->calls[i]->custom;
}

/* --- a whole response ----------------------------------------------------- */

void read_responses_finish(struct reply_build *build, const struct json *response)
{
	struct text status = json_string(response, "status");
	struct text reason = json_string(json_member(response, "incomplete_details"), "reason");
	struct build_choice *choice = read_responses_choice(build);

	reply_build_drop_served(choice);
	if (text_is(status, "completed"))
		reason = choice->call_count > 0 ? TEXT("tool_calls") : TEXT("stop");
	else if (!text_is(status, "incomplete"))
		return;
	else if (text_is(reason, "max_output_tokens") || reason.len == 0)
		reason = TEXT("length");
	reply_build_finish_reason(build, choice, reason);
}

static void lacks(struct reply_build *build, size_t at, const char *what, const char *member)
{
	reply_violates(build, WIRE_RS_01, WIRE_DEVIATES, "output[%zu]%s, a %s, has no %s", at,
	               reply_build_where(build), what, member);
}

/* What clients read of an item without asking: the official SDKs type it as always there. */
static void judge_item(struct reply_build *build, const struct json *item, size_t at)
{
	static const char *const of_calls[] = {"call_id", "name", "arguments"};
	struct text type = json_string(item, "type");

	if (type.len == 0)
		lacks(build, at, "thing", "type");
	if (text_is(type, "message")) {
		if (!text_is(json_string(item, "role"), "assistant"))
			lacks(build, at, "message", "role assistant");
		if (!json_is(json_member(item, "content"), JSON_ARRAY))
			lacks(build, at, "message", "list of content");
		JSON_EACH(part, json_member(item, "content"))
		if (json_string(part, "type").len == 0)
			lacks(build, at, "message", "type of a part");
	}
	for (size_t i = 0; text_is(type, "function_call") && i < ARRAY_LENGTH(of_calls); i++)
		if (json_string(item, of_calls[i]).data == NULL)
			lacks(build, at, "function_call", of_calls[i]);
}

static void judge_usage(struct reply_build *build, const struct json *root)
{
	static const char *const counts[] = {"input_tokens", "output_tokens", "total_tokens"};
	const struct json *usage = json_member(root, "usage");
	int64_t count;

	for (size_t i = 0; json_is(usage, JSON_OBJECT) && i < ARRAY_LENGTH(counts); i++)
		if (!json_integer(usage, counts[i], 0, INT64_MAX, &count))
			reply_violates(build, WIRE_RS_01, WIRE_DEVIATES, "usage%s has no %s",
			               reply_build_where(build), counts[i]);
}

void read_responses_judge(struct reply_build *build, const struct json *root)
{
	static const char *const strings[] = {"id", "status", "model"};
	size_t at = 0;

	reply_saw(build, WIRE_RS_01);
	if (!json_is(json_member(root, "created_at"), JSON_NUMBER))
		reply_violates(build, WIRE_RS_01, WIRE_DEVIATES, "created_at%s is %s",
		               reply_build_where(build),
		               json_type_name(json_member(root, "created_at")));
	JSON_EACH(item, json_member(root, "output"))
	judge_item(build, item, at++);
	judge_usage(build, root);
	if (!text_is(json_string(root, "object"), "response"))
		reply_violates(build, WIRE_RS_01, WIRE_DEVIATES, "object%s is not response",
		               reply_build_where(build));
	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
		if (json_string(root, strings[i]).len == 0)
			reply_violates(build, WIRE_RS_01, WIRE_DEVIATES, "%s%s is missing",
			               strings[i], reply_build_where(build));
	if (!json_is(json_member(root, "output"), JSON_ARRAY))
		reply_violates(build, WIRE_RS_01, WIRE_BREAKS, "output%s is %s",
		               reply_build_where(build),
		               json_type_name(json_member(root, "output")));
}

void read_responses_usage(struct reply_build *build, const struct json *response)
{
	const struct json *usage = json_member(response, "usage");

	usage_note_service(build, json_string(response, "service_tier"));
	if (json_is(usage, JSON_OBJECT))
		usage_read_openai(build, usage, "usage");
	else if (text_is(json_string(response, "status"), "completed"))
		reply_violates(build, WIRE_US_01, WIRE_DEVIATES, "usage%s is %s",
		               reply_build_where(build), json_type_name(usage));
}

void read_responses_output(struct reply_build *build, const struct json *output)
{
	JSON_EACH(item, output)
	{
		struct text type = json_string(item, "type");
		if (text_is(type, "message")) {
			read_responses_settle_served(build);
			read_message_parts(build, item);
		} else if (text_is(type, "reasoning"))
			read_reasoning_parts(build, item);
		else if (read_responses_is_call(type))
			read_responses_whole_call(build, item);
	}
}

static void read_body(struct reply_build *build, const struct json *root)
{
	const struct json *error = json_member(root, "error");
	struct text status = json_string(root, "status");

	if (json_is(error, JSON_OBJECT))
		read_responses_error(build, error);
	read_responses_judge(build, root);
	reply_build_id(build, json_string(root, "id"));
	reply_build_model(build, json_string(root, "model"));
	read_responses_output(build, json_member(root, "output"));
	read_responses_usage(build, root);
	read_responses_finish(build, root);
	reply_judge_text(build, read_responses_choice(build));
	reply_judge_calls(build, read_responses_choice(build));
	build->reply->complete = text_is(status, "completed") || text_is(status, "incomplete");
}

const struct reply_shape shape_responses = {
    .api = CHAT_API_RESPONSES,
    .openai = true,
    .matches = matches,
    .read_event = read_responses_event,
    .read_body = read_body,
    .read_end = read_responses_end,
};
