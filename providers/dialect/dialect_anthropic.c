/*
 * Anthropic Messages, read into neutral words (TRANSLATION.md A5 to A8): blocks
 * become content, thoughts and calls; a call's index is its ordinal among the calls.
 */
#include "harness/base/json_write.h"
#include "providers/dialect/encode_anthropic.h"
#include "providers/reply/reply_build.h"

static bool matches(const struct json *value)
{
	static const char *const types[] = {"message",
	                                    "message_start",
	                                    "message_delta",
	                                    "message_stop",
	                                    "content_block_start",
	                                    "ping",
	                                    "content_block_delta",
	                                    "content_block_stop"};
	struct text type = json_string(value, "type");

	if (text_is(type, "message"))
		return json_string(value, "role").data != NULL;
	for (size_t i = 1; i < ARRAY_LENGTH(types); i++)
		if (text_is(type, types[i]))
			return true;
	return text_is(type, "error") && json_is(json_member(value, "error"), JSON_OBJECT);
}

static struct build_choice *the_choice(struct reply_build *build)
{
	return reply_build_choice(build, 0); /* never NULL: it is the first */
}

struct text dialect_anthropic_finish_reason(struct text stop_reason)
{
	if (text_is(stop_reason, "tool_use"))
		return TEXT("tool_calls");
	if (text_is(stop_reason, "max_tokens") ||
	    text_is(stop_reason, "model_context_window_exceeded"))
		return TEXT("length");
	if (text_is(stop_reason, "refusal"))
		return TEXT("content_filter");
	return TEXT("stop");
}

/* `said` is the message or the delta. */
static void take_stop(struct reply_build *build, const struct json *said)
{
	struct text stop_reason = json_string(said, "stop_reason");

	if (stop_reason.len == 0)
		return;
	const struct json *details = json_member(said, "stop_details");
	build->stop = reply_build_name(build, stop_reason);
	if (json_string(said, "stop_sequence").data != NULL)
		build->reply->stop_sequence =
		    reply_build_name(build, json_string(said, "stop_sequence"));
	if (json_is(details, JSON_OBJECT))
		reply_build_part(build, the_choice(build), details);
	reply_build_finish_reason(build, the_choice(build),
	                          dialect_anthropic_finish_reason(stop_reason));
}

static void take_call(struct reply_build *build, const struct json *block, int64_t key)
{
	const struct json *input = json_member(block, "input");
	struct build_choice *choice = the_choice(build);
	/* `{}` at the start of a streamed block says only that pieces follow. */
	bool later = build->reply->streamed && json_is(input, JSON_OBJECT) && input->count == 0;
	struct build_call *call =
	    reply_build_whole_call(build, choice, json_string(block, "id"),
	                           json_string(block, "name"), later ? NULL : input);

	if (call == NULL)
		return;
	call->key = key;
	call->index = (int64_t)choice->call_count - 1;
}

/* Whole blocks only: a thought's text and signature come in pieces (take_signature). */
static void take_signed(struct reply_build *build, const struct json *block)
{
	struct text type = json_string(block, "type");

	if (text_is(type, "redacted_thinking") ||
	    (text_is(type, "thinking") && json_string(block, "signature").len > 0))
		reply_build_thinking_block(build, the_choice(build),
		                           json_to_text(build->event_arena, block));
}

/* The signature comes behind all of its block's text. */
static void take_signature(struct reply_build *build, struct text signature)
{
	struct build_choice *choice = the_choice(build);
	struct text all = text_buf_view(&choice->reasoning);
	struct text_buf block;
	struct json_writer json;

	/* Cut thoughts would not be what was signed. */
	if (signature.len == 0 ||
	    (build->context.text_kept_bytes > 0 && all.len >= build->context.text_kept_bytes))
		return;
	text_buf_init(&block, REPLY_MAX_BYTES);
	json_writer_init(&json, &block, false);
	json_write_object(&json);
	json_write_member_c(&json, "type", "thinking");
	json_write_member(&json, "thinking", text_slice(all, build->thinking_from, all.len));
	json_write_member(&json, "signature", signature);
	json_write_object_end(&json);
	if (!block.overflow)
		reply_build_thinking_block(build, choice, text_buf_view(&block));
	text_buf_done(&block);
}

static void take_text(struct reply_build *build, const struct json *block)
{
	struct build_choice *choice = the_choice(build);

	reply_build_content(build, choice, json_string(block, "text"));
	JSON_EACH(citation, json_member(block, "citations"))
	{
		reply_build_part(build, choice, citation);
	}
}

static void take_block(struct reply_build *build, const struct json *block, int64_t key)
{
	struct text type = json_string(block, "type");

	if (text_is(type, "tool_use"))
		take_call(build, block, key);
	else if (text_is(type, "text"))
		take_text(build, block);
	else if (text_is(type, "thinking"))
		reply_build_reasoning(build, the_choice(build), json_string(block, "thinking"));
	else if (!text_is(type, "redacted_thinking")) /* its own tools, their results, new things */
		reply_build_part(build, the_choice(build), block);
	take_signed(build, block);
}

static void take_message(struct reply_build *build, const struct json *message)
{
	reply_build_id(build, json_string(message, "id"));
	reply_build_model(build, json_string(message, "model"));
	reply_build_role(build, the_choice(build), json_string(message, "role"));
	usage_read_anthropic(build, json_member(message, "usage"));
}

static void read_body(struct reply_build *build, const struct json *root)
{
	if (text_is(json_string(root, "type"), "error")) {
		(void)error_shape_read(build, root, false);
		return;
	}
	take_message(build, root);
	JSON_EACH(block, json_member(root, "content"))
	{
		take_block(build, block, -1);
	}
	usage_read_anthropic_iterations(build, json_member(root, "usage"));
	take_stop(build, root);
	reply_judge_text(build, the_choice(build));
	reply_judge_calls(build, the_choice(build));
	build->reply->complete = true;
}

static void read_delta(struct reply_build *build, const struct json *root)
{
	const struct json *delta = json_member(root, "delta");
	struct text type = json_string(delta, "type");
	struct build_choice *choice = the_choice(build);
	int64_t key;

	if (text_is(type, "text_delta")) {
		reply_build_content(build, choice, json_string(delta, "text"));
	} else if (text_is(type, "thinking_delta")) {
		reply_build_reasoning(build, choice, json_string(delta, "thinking"));
	} else if (text_is(type, "signature_delta")) {
		take_signature(build, json_string(delta, "signature"));
	} else if (text_is(type, "input_json_delta") &&
	           json_integer(root, "index", 0, INT32_MAX, &key)) {
		struct build_call *call = reply_build_call_of_key(choice, key);
		if (call != NULL && json_string(delta, "partial_json").len > 0)
			reply_build_arguments(build, call, json_string(delta, "partial_json"));
	} else if (text_is(type, "citations_delta")) {
		reply_build_part(build, choice, json_member(delta, "citation"));
	} else {
		reply_build_part(build, choice, delta);
	}
}

static void read_block_start(struct reply_build *build, const struct json *root)
{
	int64_t key;

	if (!json_integer(root, "index", 0, INT32_MAX, &key))
		key = -1;
	build->thinking_from = the_choice(build)->reasoning.len;
	take_block(build, json_member(root, "content_block"), key);
}

/* A call without any piece has no arguments: an empty object. */
static void read_block_stop(struct reply_build *build, const struct json *root)
{
	int64_t key;

	if (!json_integer(root, "index", 0, INT32_MAX, &key))
		return;
	struct build_call *call = reply_build_call_of_key(the_choice(build), key);
	if (call != NULL && call->arguments.len == 0)
		reply_build_arguments(build, call, TEXT("{}"));
}

static void read_event(struct reply_build *build, const struct sse_event *event,
                       const struct json *root)
{
	struct text type = json_string(root, "type");

	(void)event;
	if (text_is(type, "content_block_delta")) {
		read_delta(build, root);
	} else if (text_is(type, "message_start")) {
		if (build->reply->id_count > 0)
			reply_violates(build, WIRE_ST_03, WIRE_BREAKS,
			               "a second message begins in event %lld",
			               (long long)build->event);
		take_message(build, json_member(root, "message"));
	} else if (text_is(type, "content_block_start")) {
		read_block_start(build, root);
	} else if (text_is(type, "content_block_stop")) {
		read_block_stop(build, root);
	} else if (text_is(type, "message_delta")) {
		usage_read_anthropic(build, json_member(root, "usage"));
		usage_read_anthropic_iterations(build, json_member(root, "usage"));
		take_stop(build, json_member(root, "delta"));
	} else if (text_is(type, "message_stop")) {
		build->terminal_seen = true;
	} else if (!text_is(type, "ping") && !error_shape_read(build, root, true)) {
		reply_build_part(build, the_choice(build), root);
	}
}

static void read_end(struct reply_build *build, bool cut)
{
	reply_judge_native_end(build, the_choice(build), "message_stop", cut);
}

const struct reply_shape shape_anthropic = {
    .api = CHAT_API_ANTHROPIC,
    .matches = matches,
    .read_event = read_event,
    .read_body = read_body,
    .read_end = read_end,
};

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .encode = encode_anthropic,
    .shape = &shape_anthropic,
};
