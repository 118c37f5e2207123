/*
 * Gemini generateContent, read into neutral words (TRANSLATION.md B6 to B9): each
 * event is a response whose parts are increments; without SSE they stand in one array.
 */
#include "harness/base/json_write.h"
#include "providers/dialect/encode_gemini.h"
#include "providers/reply/reply_build.h"

static bool matches(const struct json *value)
{
	if (json_is(value, JSON_ARRAY))
		return value->first != NULL && matches(value->first);
	return json_is(json_member(value, "candidates"), JSON_ARRAY) ||
	       json_member(value, "usageMetadata") != NULL ||
	       json_member(value, "promptFeedback") != NULL;
}

struct text dialect_gemini_finish_reason(struct text reason, bool calls)
{
	static const char *const filtered[] = {"SAFETY",      "BLOCKLIST", "PROHIBITED_CONTENT",
	                                       "SPII",        "LANGUAGE",  "RECITATION",
	                                       "IMAGE_SAFETY"};

	if (text_is(reason, "MAX_TOKENS"))
		return TEXT("length");
	if (text_is(reason, "MALFORMED_FUNCTION_CALL") || text_is(reason, "UNEXPECTED_TOOL_CALL"))
		return TEXT("error");
	for (size_t i = 0; i < ARRAY_LENGTH(filtered); i++)
		if (text_is(reason, filtered[i]))
			return TEXT("content_filter");
	return calls ? TEXT("tool_calls") : TEXT("stop");
}

static void close_partial(struct reply_build *build, struct build_choice *choice)
{
	if (choice->call_count == 0)
		return;
	struct build_call *call = choice->calls[choice->call_count - 1];
	if (call->key < 0)
		return;
	call->key = -1;
	reply_build_arguments(build, call, partial_arguments_text(build, call));
}

static bool is_open(const struct build_choice *choice)
{
	return choice->call_count > 0 && choice->calls[choice->call_count - 1]->key >= 0;
}

static void take_call(struct reply_build *build, struct build_choice *choice,
                      const struct json *function)
{
	struct text name = encode_gemini_name_back(json_string(function, "name"));
	const struct json *args = json_member(function, "args");
	bool more = json_truth(function, "willContinue", false);

	if (name.len == 0 && is_open(choice)) {
		partial_arguments_take(build, choice->calls[choice->call_count - 1],
		                       json_member(function, "partialArgs"));
		if (!more)
			close_partial(build, choice);
		return;
	}
	close_partial(build, choice);
	struct build_call *call =
	    reply_build_whole_call(build, choice, json_string(function, "id"), name, args);
	if (call == NULL)
		return;
	call->index = (int64_t)choice->call_count - 1;
	if (more) {
		call->key = 0;
		partial_arguments_take(build, call, json_member(function, "partialArgs"));
	} else if (args == NULL || args->type == JSON_NULL) {
		reply_build_arguments(build, call, TEXT("{}"));
	}
}

/* A signature belongs to the call in its part, else to what was said. */
static void take_signature(struct reply_build *build, struct build_choice *choice,
                           const struct json *part)
{
	struct text signature = json_string(part, "thoughtSignature");
	bool calls = json_member(part, "functionCall") != NULL && choice->call_count > 0;

	if (signature.len == 0)
		return;
	if (calls)
		choice->calls[choice->call_count - 1]->extra =
		    reply_build_signature(build, signature);
	else
		choice->extra = reply_build_signature(build, signature);
}

static void take_part(struct reply_build *build, struct build_choice *choice,
                      const struct json *part)
{
	const struct json *function = json_member(part, "functionCall");
	struct text piece = json_string(part, "text");

	if (function != NULL)
		take_call(build, choice, function);
	else if (piece.data != NULL && json_truth(part, "thought", false))
		reply_build_reasoning(build, choice, piece);
	else if (piece.data != NULL)
		reply_build_content(build, choice, piece);
	else if (json_string(part, "thoughtSignature").data == NULL) /* pictures, code it ran */
		reply_build_part(build, choice, part);
}

/* One token's logprob as OpenAI writes it; Google gives no bytes. */
static void write_logprob(struct json_writer *json, const struct json *token)
{
	const struct json *value = json_member(token, "logProbability");

	json_write_member(json, "token", json_string(token, "token"));
	json_write_key(json, "logprob");
	if (json_is(value, JSON_NUMBER))
		json_write_node(json, value);
	else
		json_write_null(json);
	json_write_member_c(json, "bytes", NULL);
}

static void take_logprobs(struct reply_build *build, struct build_choice *choice,
                          const struct json *result)
{
	const struct json *others = json_member(result, "topCandidates");
	const struct json *top = json_first(others);

	JSON_EACH(chosen, json_member(result, "chosenCandidates"))
	{
		struct text_buf item;
		struct json_writer json;
		text_buf_init(&item, REPLY_MAX_BYTES);
		json_writer_init(&json, &item, false);
		json_write_object(&json);
		write_logprob(&json, chosen);
		json_write_key(&json, "top_logprobs");
		json_write_array(&json);
		JSON_EACH(other, json_member(top, "candidates"))
		{
			json_write_object(&json);
			write_logprob(&json, other);
			json_write_object_end(&json);
		}
		json_write_array_end(&json);
		json_write_object_end(&json);
		if (!item.overflow)
			reply_build_logprob(build, choice, text_buf_view(&item));
		text_buf_done(&item);
		top = top == NULL ? NULL : top->next;
	}
}

/* Its own clients ask for numbers in place of words; these mean the same in both of its APIs. */
static struct text reason_of(const struct json *candidate)
{
	static const char *const words[] = {
	    "FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"};
	int64_t number;

	if (!json_is(json_member(candidate, "finishReason"), JSON_NUMBER))
		return json_string(candidate, "finishReason");
	if (json_integer(candidate, "finishReason", 0, ARRAY_LENGTH(words) - 1, &number))
		return text_of(words[number]);
	return json_member(candidate, "finishReason")->text;
}

static void take_candidate(struct reply_build *build, const struct json *candidate, size_t position)
{
	struct text reason = reason_of(candidate);
	int64_t index;

	if (!json_integer(candidate, "index", 0, INT32_MAX, &index))
		index = (int64_t)position;
	struct build_choice *choice = reply_build_choice(build, index);
	if (choice == NULL)
		return;
	reply_build_role(build, choice, TEXT("assistant"));
	JSON_EACH(part, json_member(json_member(candidate, "content"), "parts"))
	{
		take_part(build, choice, part);
		take_signature(build, choice, part);
	}
	take_logprobs(build, choice, json_member(candidate, "logprobsResult"));
	if (reason.len == 0)
		return;
	close_partial(build, choice);
	build->stop = reply_build_name(build, reason);
	reply_build_finish_reason(build, choice,
	                          dialect_gemini_finish_reason(reason, choice->call_count > 0));
	if (!text_is(choice->finish_reason, "error"))
		return;
	struct chat_error error = {
	    .type = reason, .message = json_string(candidate, "finishMessage"), .raw = reason};
	reply_saw(build, WIRE_ER_20);
	error_shape_add(build, &error);
}

static void take_response(struct reply_build *build, const struct json *root)
{
	const struct json *candidates = json_member(root, "candidates");
	struct text blocked = json_string(json_member(root, "promptFeedback"), "blockReason");
	size_t position = 0;

	if (json_is(json_member(root, "error"), JSON_OBJECT))
		(void)error_shape_read(build, root, build->reply->streamed);
	reply_build_id(build, json_string(root, "responseId"));
	reply_build_model(build, json_string(root, "modelVersion"));
	JSON_EACH(candidate, candidates)
	{
		take_candidate(build, candidate, position++);
	}
	if (position == 0 && blocked.len > 0) {
		build->stop = reply_build_name(build, blocked);
		reply_build_finish_reason(build, reply_build_choice(build, 0),
		                          TEXT("content_filter"));
	}
	usage_read_gemini(build, json_member(root, "usageMetadata"));
}

static void read_event(struct reply_build *build, const struct sse_event *event,
                       const struct json *root)
{
	(void)event;
	take_response(build, root);
}

static void read_body(struct reply_build *build, const struct json *root)
{
	if (!json_is(root, JSON_ARRAY)) {
		take_response(build, root);
		return;
	}
	JSON_EACH(response, root)
	{
		take_response(build, response);
	}
}

static void read_end(struct reply_build *build, bool cut)
{
	bool finished = build->choice_count > 0;

	for (size_t i = 0; i < build->choice_count; i++) {
		finished &= build->choices[i]->finish_count > 0;
		reply_judge_text(build, build->choices[i]);
	}
	/* One whole object is complete also where it does not say why it ended. */
	if (json_is(build->reply->body, JSON_OBJECT))
		finished = build->choice_count > 0;
	build->reply->complete = finished;
	if (!finished && build->reply->streamed && build->reply->error_count == 0)
		reply_violates(build, WIRE_ST_06, WIRE_BREAKS, "no finishReason ends the stream%s",
		               cut ? ": it was cut" : "");
}

const struct reply_shape shape_gemini = {
    .api = CHAT_API_GEMINI,
    .matches = matches,
    .read_event = read_event,
    .read_body = read_body,
    .read_end = read_end,
};

const struct dialect dialect_gemini = {
    .name = "gemini",
    .calls_whole = true,
    .encode = encode_gemini,
    .shape = &shape_gemini,
};
