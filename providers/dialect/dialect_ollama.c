/* Ollama's own /api/chat and /api/generate: one object, or one in each line when streamed. */
#include "providers/dialect/encode_ollama.h"
#include "providers/reply/reply_build.h"

static bool matches(const struct json *value)
{
	return json_is(json_member(value, "done"), JSON_BOOL) &&
	       (json_is(json_member(value, "message"), JSON_OBJECT) ||
	        json_is(json_member(value, "response"), JSON_STRING) ||
	        json_member(value, "created_at") != NULL);
}

struct text dialect_ollama_finish_reason(struct text reason, bool calls)
{
	if (text_is(reason, "length"))
		return TEXT("length");
	return calls ? TEXT("tool_calls") : TEXT("stop");
}

static void take_call(struct reply_build *build, struct build_choice *choice,
                      const struct json *node)
{
	const struct json *function = json_member(node, "function");
	struct build_call *call = reply_build_whole_call(build, choice, json_string(node, "id"),
	                                                 json_string(function, "name"),
	                                                 json_member(function, "arguments"));

	if (call != NULL)
		call->index = (int64_t)choice->call_count - 1;
}

static void take_object(struct reply_build *build, const struct json *root)
{
	const struct json *message = json_member(root, "message");
	struct build_choice *choice = reply_build_choice(build, 0);

	if (json_member(root, "error") != NULL) {
		(void)error_shape_read(build, root, build->reply->streamed);
		return;
	}
	if (choice == NULL)
		return;
	reply_build_model(build, json_string(root, "model"));
	reply_build_role(build, choice, json_string(message, "role"));
	if (json_string(message, "thinking").data != NULL)
		reply_build_reasoning(build, choice, json_string(message, "thinking"));
	if (json_string(message, "content").data != NULL)
		reply_build_content(build, choice, json_string(message, "content"));
	if (json_string(root, "response").data != NULL)
		reply_build_content(build, choice, json_string(root, "response"));
	JSON_EACH(node, json_member(message, "tool_calls"))
	{
		take_call(build, choice, node);
	}
	if (!json_truth(root, "done", false))
		return;
	build->terminal_seen = true;
	build->stop = reply_build_name(build, json_string(root, "done_reason"));
	usage_read_ollama(build, root);
	reply_build_finish_reason(
	    build, choice, dialect_ollama_finish_reason(build->stop, choice->call_count > 0));
}

static void read_event(struct reply_build *build, const struct sse_event *event,
                       const struct json *root)
{
	(void)event;
	take_object(build, root);
}

static void read_end(struct reply_build *build, bool cut)
{
	for (size_t i = 0; i < build->choice_count; i++)
		reply_judge_text(build, build->choices[i]);
	if (!build->terminal_seen && build->reply->error_count == 0)
		reply_violates(build, WIRE_ST_06, WIRE_BREAKS, "no \"done\": true ends the reply%s",
		               cut ? ": it was cut" : "");
	build->reply->complete = build->terminal_seen;
}

const struct reply_shape shape_ollama = {
    .api = CHAT_API_OLLAMA,
    .matches = matches,
    .read_event = read_event,
    .read_body = take_object,
    .read_end = read_end,
};

const struct dialect dialect_ollama = {
    .name = "ollama",
    .lines = true,
    .calls_whole = true,
    .no_cache_count = true,
    .encode = encode_ollama,
    .shape = &shape_ollama,
};
