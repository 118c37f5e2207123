/*
 * What holds for a finished choice, streamed or whole: its tool calls, its finish
 * reason, its text. Rules of the wire only; whether the answer is good is a case's business.
 */
#include "providers/reply/reply_build.h"

enum { LONG_ARGUMENTS_BYTES = 500 }; /* from here on several fragments are expected: TS-08 */

/* Raw output of a model's own tool syntax that its server should have parsed. */
static const struct text tool_markup[] = {
    TEXT_INIT("<tool_call>"),
    TEXT_INIT("</tool_call>"),
    TEXT_INIT("<function="),
    TEXT_INIT("[TOOL_CALLS]"),
    TEXT_INIT("<|python_tag|>"),
    TEXT_INIT("<|tool_call"),
    TEXT_INIT("<\xef\xbd\x9ctool\xe2\x96\x81"
              "call"),
    TEXT_INIT("<minimax:tool_call>"),
};

/* --- tool calls ----------------------------------------------------------- */

static void judge_parts(struct reply_build *build, const struct build_call *call, size_t at)
{
	bool streamed = build->reply->streamed;

	reply_saw(build, WIRE_TC_03);
	if (call->id.len == 0)
		reply_violates(build, WIRE_TC_03, WIRE_BREAKS, "tool call %zu has no id", at);
	if (call->type.len == 0 && streamed)
		reply_violates(build, WIRE_TC_03, WIRE_BREAKS, "tool call %zu never got a type",
		               at);
	if (call->name.len == 0)
		reply_violates(build, WIRE_TC_03, WIRE_BREAKS, "tool call %zu has no name", at);
	if (!call->arguments_sent)
		reply_violates(build, WIRE_TC_03, WIRE_BREAKS, "tool call %zu has no arguments",
		               at);
}

static void tell_bad_arguments(struct reply_build *build, const struct build_call *call, size_t at,
                               const char *what)
{
	struct text shown = text_visible(build->event_arena,
	                                 text_slice(text_buf_view(&call->arguments), 0, 200), 60);

	reply_violates(build, WIRE_TC_04, WIRE_BREAKS, "arguments of tool call %zu %s: %.*s", at,
	               what, TEXT_ARG(shown));
	if (build->reply->streamed && call->fragments > 1)
		reply_violates(build, WIRE_TS_04, WIRE_BREAKS,
		               "the %u fragments of tool call %zu do not join to a JSON object",
		               call->fragments, at);
}

static void judge_arguments(struct reply_build *build, const struct build_call *call, size_t at)
{
	struct source source = {TEXT("arguments"), text_buf_view(&call->arguments)};
	struct fault fault;
	struct json *root;
	size_t end;

	reply_saw(build, WIRE_TC_04);
	if (text_trim(source.body).len == 0) {
		reply_violates(build, WIRE_TC_04, WIRE_BREAKS,
		               "arguments of tool call %zu are empty", at);
		return;
	}
	if (!json_read_prefix(&source, &reply_build_limits, build->event_arena, &root, &end,
	                      &fault)) {
		tell_bad_arguments(build, call, at, "are no JSON");
		return;
	}
	struct text behind = text_trim(text_slice(source.body, end, source.body.len));
	if (behind.len > 0)
		tell_bad_arguments(build, call, at, "hold more than one JSON value");
	else if (json_is(root, JSON_STRING))
		tell_bad_arguments(build, call, at, "are encoded twice");
	else if (!json_is(root, JSON_OBJECT))
		tell_bad_arguments(build, call, at, "are no object");
}

void reply_judge_calls(struct reply_build *build, const struct build_choice *choice)
{
	bool cut_short = text_is(choice->finish_reason, "length") ||
	                 text_is(choice->finish_reason, "content_filter") ||
	                 choice->finish_count == 0;

	for (size_t i = 0; i < choice->call_count; i++) {
		const struct build_call *call = choice->calls[i];
		arena_reset(build->event_arena);
		judge_parts(build, call, i);
		if (!call->custom && !cut_short && call->arguments_sent)
			judge_arguments(build, call, i);
		if (!build->reply->streamed || call->arguments.len < LONG_ARGUMENTS_BYTES)
			continue;
		reply_saw(build, WIRE_TS_08);
		if (call->fragments < 2)
			reply_violates(build, WIRE_TS_08, WIRE_DEVIATES,
			               "%zu bytes of arguments came in one fragment",
			               call->arguments.len);
	}
}

/* --- finish reason -------------------------------------------------------- */

/* The request's body; NULL where it is not known. Until the event arena is reset. */
static const struct json *request_root(struct reply_build *build)
{
	struct fault fault;
	struct json *root;

	if (build->context.request == NULL)
		return NULL;
	arena_reset(build->event_arena);
	if (!json_read_text(build->context.request->body, "request", build->event_arena, &root,
	                    &fault))
		return NULL;
	return root;
}

static void judge_finish(struct reply_build *build, const struct build_choice *choice)
{
	static const char *const reasons[] = {"stop", "length", "tool_calls", "content_filter",
	                                      "function_call"};
	struct text reason = choice->finish_reason;
	bool known = false;

	if (reason.data == NULL)
		return;
	reply_saw(build, WIRE_FR_01);
	for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
		known |= text_is(reason, reasons[i]);
	if (!known)
		reply_violates(build, WIRE_FR_01, WIRE_DEVIATES, "finish_reason is \"%.*s\"",
		               TEXT_ARG(text_visible(build->arena, reason, 60)));
	if (!text_is(reason, "error"))
		return;
	struct chat_error error = {.type = TEXT("error"), .raw = reason};
	if (build->reply->error_count == 0) {
		reply_violates(build, WIRE_ER_20, WIRE_DEVIATES,
		               "finish_reason is error, and no error says which");
		error_shape_add(build, &error);
	}
}

/* TC-20. That calls come with `stop` is right only where the request named the tool. */
static void judge_calls_finish(struct reply_build *build, const struct build_choice *choice)
{
	bool says_calls = text_is(choice->finish_reason, "tool_calls");

	if (says_calls || choice->call_count > 0)
		reply_saw(build, WIRE_TC_20);
	if (says_calls && choice->call_count == 0)
		reply_violates(build, WIRE_TC_20, WIRE_BREAKS,
		               "finish_reason is tool_calls, and there is no call");
	if (choice->call_count == 0 || !text_is(choice->finish_reason, "stop"))
		return;
	const struct json *request = request_root(build);
	if (request == NULL || json_is(json_member(request, "tool_choice"), JSON_OBJECT))
		return;
	reply_violates(build, WIRE_TC_20, WIRE_DEVIATES,
	               "finish_reason is stop, and %zu calls are there", choice->call_count);
}

/* JS-14: as many tokens as were allowed, and no word of a limit. */
static void judge_length(struct reply_build *build, const struct build_choice *choice)
{
	const struct chat_request *asked = build->context.request;
	int64_t output = build->reply->usage.output;
	int64_t limit;

	if (text_is(choice->finish_reason, "length"))
		reply_saw(build, WIRE_JS_14);
	if (!text_is(choice->finish_reason, "stop") || build->choice_count != 1 || output < 0)
		return;
	/* Nearly always, and then its body need not be read once more. */
	if (asked != NULL && (asked->max_output < 0 || output < asked->max_output))
		return;
	const struct json *request = request_root(build);
	if (!json_integer(request, "max_completion_tokens", 1, INT32_MAX, &limit) &&
	    !json_integer(request, "max_tokens", 1, INT32_MAX, &limit))
		return;
	if (output < limit)
		return;
	/* Exactly as many may be chance; more are not. */
	reply_violates(build, WIRE_JS_14, output == limit ? WIRE_HARMLESS : WIRE_DEVIATES,
	               "%lld tokens of %lld allowed, and finish_reason is stop", (long long)output,
	               (long long)limit);
}

/* --- text ----------------------------------------------------------------- */

void reply_judge_text(struct reply_build *build, const struct build_choice *choice)
{
	struct text content = text_buf_view(&choice->content);

	if (content.len == 0)
		return;
	if (!text_is_ascii(content)) /* only then could a character be torn */
		reply_saw(build, WIRE_ST_07);
	reply_saw(build, WIRE_TC_21);
	for (size_t i = 0; i < ARRAY_LENGTH(tool_markup); i++)
		if (text_find(content, tool_markup[i], 0) != TEXT_NOT_FOUND) {
			reply_violates(build, WIRE_TC_21, WIRE_DEVIATES, "content holds %.*s",
			               TEXT_ARG(tool_markup[i]));
			break;
		}
	if (text_starts(text_trim(text_slice(content, 0, 64)), TEXT("<think")) ||
	    text_find(content, TEXT("</think>"), 0) != TEXT_NOT_FOUND)
		reply_violates(build, WIRE_RE_01, WIRE_DEVIATES,
		               "thoughts stand as <think> in content");
	if (text_find(content, TEXT("\xef\xbf\xbd"), 0) != TEXT_NOT_FOUND && !build->torn)
		reply_violates(build, WIRE_ST_07, WIRE_DEVIATES,
		               "content holds U+FFFD: a character was torn before it was sent");
}

void reply_judge_choice(struct reply_build *build, const struct build_choice *choice)
{
	judge_finish(build, choice);
	judge_calls_finish(build, choice);
	judge_length(build, choice);
	reply_judge_text(build, choice);
	reply_judge_calls(build, choice);
}

void reply_judge_native_end(struct reply_build *build, const struct build_choice *choice,
                            const char *terminal, bool cut)
{
	if (!build->reply->streamed)
		return;
	if (!build->terminal_seen && build->reply->error_count == 0)
		reply_violates(build, WIRE_ST_06, WIRE_BREAKS, "no %s ends the stream%s", terminal,
		               cut ? ": it was cut" : "");
	reply_judge_text(build, choice);
	reply_judge_calls(build, choice);
	build->reply->complete = build->terminal_seen && choice->finish_count > 0;
}
