/*
 * Bedrock's Converse and ConverseStream, read into neutral words (Amazon Bedrock API reference,
 * "Converse", "ConverseStreamOutput"). A stream's frames come as events (event_stream.h): the name
 * is the frame's, and thoughts and calls are told apart by the block that they stand in.
 */
#include "providers/dialect/encode_bedrock.h"
#include "providers/reply/reply_build.h"

#include "harness/base/json_write.h"

static bool matches(const struct json *value)
{
	const struct json *message = json_member(json_member(value, "output"), "message");

	return (json_is(message, JSON_OBJECT) && json_string(value, "stopReason").data != NULL) ||
	       json_is(json_member(value, "contentBlockIndex"), JSON_NUMBER);
}

static struct build_choice *the_choice(struct reply_build *build)
{
	return reply_build_choice(build, 0); /* never NULL: it is the first */
}

struct text dialect_bedrock_finish_reason(struct text reason)
{
	if (text_is(reason, "tool_use"))
		return TEXT("tool_calls");
	if (text_is(reason, "max_tokens") || text_is(reason, "model_context_window_exceeded"))
		return TEXT("length");
	if (text_is(reason, "guardrail_intervened") || text_is(reason, "content_filtered"))
		return TEXT("content_filter");
	if (text_is(reason, "malformed_model_output") || text_is(reason, "malformed_tool_use"))
		return TEXT("error");
	return TEXT("stop");
}

static void take_stop(struct reply_build *build, struct text reason)
{
	struct build_choice *choice = the_choice(build);

	if (reason.len == 0)
		return;
	build->stop = reply_build_name(build, reason);
	reply_build_finish_reason(build, choice, dialect_bedrock_finish_reason(reason));
	if (!text_is(choice->finish_reason, "error"))
		return;
	struct chat_error error = {.type = reason, .raw = reason};
	reply_saw(build, WIRE_ER_20);
	error_shape_add(build, &error);
}

/* --- thoughts: kept as Anthropic's signed blocks are ---------------------------------------- */

static void keep_signed(struct reply_build *build, struct text thinking, struct text signature)
{
	struct text_buf block;
	struct json_writer json;

	text_buf_init(&block, REPLY_MAX_BYTES);
	json_writer_init(&json, &block, false);
	json_write_object(&json);
	json_write_member_c(&json, "type", "thinking");
	json_write_member(&json, "thinking", thinking);
	json_write_member(&json, "signature", signature);
	json_write_object_end(&json);
	if (!block.overflow)
		reply_build_thinking_block(build, the_choice(build), text_buf_view(&block));
	text_buf_done(&block);
}

static void keep_redacted(struct reply_build *build, struct text data)
{
	struct text_buf block;
	struct json_writer json;

	text_buf_init(&block, REPLY_MAX_BYTES);
	json_writer_init(&json, &block, false);
	json_write_object(&json);
	json_write_member_c(&json, "type", "redacted_thinking");
	json_write_member(&json, "data", data);
	json_write_object_end(&json);
	if (!block.overflow)
		reply_build_thinking_block(build, the_choice(build), text_buf_view(&block));
	text_buf_done(&block);
}

/* A streamed block is over: its signature stands behind all of its text. */
static void end_thoughts(struct reply_build *build)
{
	struct text all = text_buf_view(&the_choice(build)->reasoning);
	size_t cap = build->context.text_kept_bytes;

	/* Cut thoughts would not be what was signed. */
	if (build->signature.len > 0 && (cap == 0 || all.len < cap))
		keep_signed(build, text_slice(all, build->thinking_from, all.len),
		            build->signature);
	build->signature = (struct text){NULL, 0};
	build->thinking_from = all.len;
}

static void take_signature(struct reply_build *build, struct text piece)
{
	if (piece.len > 0 && build->signature.len + piece.len <= REPLY_MAX_BYTES)
		build->signature = text_format(build->arena, "%.*s%.*s", TEXT_ARG(build->signature),
		                               TEXT_ARG(piece));
}

/* --- whole ---------------------------------------------------------------------------------- */

static void take_call(struct reply_build *build, const struct json *use, int64_t key)
{
	struct build_choice *choice = the_choice(build);
	struct build_call *call =
	    reply_build_whole_call(build, choice, json_string(use, "toolUseId"),
	                           json_string(use, "name"), json_member(use, "input"));

	if (call == NULL)
		return;
	call->key = key;
	call->index = (int64_t)choice->call_count - 1;
}

static void take_reasoning(struct reply_build *build, const struct json *reasoning)
{
	const struct json *said = json_member(reasoning, "reasoningText");

	if (json_string(reasoning, "redactedContent").len > 0)
		keep_redacted(build, json_string(reasoning, "redactedContent"));
	reply_build_reasoning(build, the_choice(build), json_string(said, "text"));
	if (json_string(said, "signature").len > 0)
		keep_signed(build, json_string(said, "text"), json_string(said, "signature"));
}

static void take_block(struct reply_build *build, const struct json *block)
{
	if (json_string(block, "text").data != NULL)
		reply_build_content(build, the_choice(build), json_string(block, "text"));
	else if (json_is(json_member(block, "toolUse"), JSON_OBJECT))
		take_call(build, json_member(block, "toolUse"), -1);
	else if (json_is(json_member(block, "reasoningContent"), JSON_OBJECT))
		take_reasoning(build, json_member(block, "reasoningContent"));
	else
		reply_build_part(build, the_choice(build), block);
}

static void take_service(struct reply_build *build, const struct json *root)
{
	usage_note_service(build, json_string(json_member(root, "serviceTier"), "type"));
}

static void read_body(struct reply_build *build, const struct json *root)
{
	const struct json *message = json_member(json_member(root, "output"), "message");
	struct build_choice *choice;

	if (!json_is(message, JSON_OBJECT) && error_shape_read(build, root, false))
		return;
	choice = the_choice(build);
	reply_build_role(build, choice, json_string(message, "role"));
	JSON_EACH(block, json_member(message, "content"))
	{
		take_block(build, block);
	}
	usage_read_bedrock(build, json_member(root, "usage"));
	take_service(build, root);
	take_stop(build, json_string(root, "stopReason"));
	reply_judge_text(build, choice);
	reply_judge_calls(build, choice);
	build->reply->complete = choice->finish_count > 0;
}

/* --- streamed ------------------------------------------------------------------------------- */

static int64_t block_of(const struct json *root)
{
	int64_t key;

	return json_integer(root, "contentBlockIndex", 0, INT32_MAX, &key) ? key : -1;
}

static void take_piece(struct reply_build *build, const struct json *root, struct text piece)
{
	struct build_call *call = reply_build_call_of_key(the_choice(build), block_of(root));

	if (call != NULL && block_of(root) >= 0 && piece.len > 0)
		reply_build_arguments(build, call, piece);
}

static void read_delta(struct reply_build *build, const struct json *root)
{
	const struct json *delta = json_member(root, "delta");
	const struct json *reasoning = json_member(delta, "reasoningContent");
	const struct json *use = json_member(delta, "toolUse");
	struct build_choice *choice = the_choice(build);

	if (json_string(delta, "text").data != NULL) {
		reply_build_content(build, choice, json_string(delta, "text"));
	} else if (json_is(use, JSON_OBJECT)) {
		take_piece(build, root, json_string(use, "input"));
	} else if (json_is(reasoning, JSON_OBJECT)) {
		if (json_string(reasoning, "text").data != NULL)
			reply_build_reasoning(build, choice, json_string(reasoning, "text"));
		if (json_string(reasoning, "redactedContent").len > 0)
			keep_redacted(build, json_string(reasoning, "redactedContent"));
		take_signature(build, json_string(reasoning, "signature"));
	} else {
		reply_build_part(build, choice, delta);
	}
}

/* A call without any piece has no arguments: an empty object. */
static void read_block_stop(struct reply_build *build, const struct json *root)
{
	int64_t key = block_of(root);
	struct build_call *call = key < 0 ? NULL : reply_build_call_of_key(the_choice(build), key);

	end_thoughts(build);
	if (call != NULL && call->arguments.len == 0)
		reply_build_arguments(build, call, TEXT("{}"));
}

static void read_event(struct reply_build *build, const struct sse_event *event,
                       const struct json *root)
{
	if (text_is(event->name, "contentBlockDelta")) {
		read_delta(build, root);
	} else if (text_is(event->name, "messageStart")) {
		reply_build_role(build, the_choice(build), json_string(root, "role"));
	} else if (text_is(event->name, "contentBlockStart")) {
		const struct json *start = json_member(root, "start");
		if (json_is(json_member(start, "toolUse"), JSON_OBJECT))
			take_call(build, json_member(start, "toolUse"), block_of(root));
	} else if (text_is(event->name, "contentBlockStop")) {
		read_block_stop(build, root);
	} else if (text_is(event->name, "messageStop")) {
		build->terminal_seen = true;
		take_stop(build, json_string(root, "stopReason"));
	} else if (text_is(event->name, "metadata")) {
		usage_read_bedrock(build, json_member(root, "usage"));
		take_service(build, root);
	} else {
		reply_build_part(build, the_choice(build), root);
	}
}

static void read_end(struct reply_build *build, bool cut)
{
	reply_judge_native_end(build, the_choice(build), "messageStop", cut);
}

const struct reply_shape shape_bedrock = {
    .api = CHAT_API_BEDROCK,
    .matches = matches,
    .read_event = read_event,
    .read_body = read_body,
    .read_end = read_end,
};

const struct dialect dialect_bedrock = {
    .name = "bedrock",
    .frames = true,
    .no_retry_after = true,
    .encode = encode_bedrock,
    .shape = &shape_bedrock,
};
