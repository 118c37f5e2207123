/*
 * Bedrock's Converse: what goes out, and what comes back whole and in frames. A field that is lost
 * here is a request that means something else; a frame misread is an answer nobody gave.
 */
#include "harness/base/http_parse.h"
#include "providers/provider.h"
#include "providers/wire/event_stream.h"
#include "tests/unit/providers/reply_unit.h"

/* --- requests ------------------------------------------------------------------------------ */

static struct provider_model models[] = {{.name = TEXT_INIT("m"), .max_output = 77}};

static bool encode(const char *model, const char *messages, const char *members, bool streamed,
                   struct wire_request *out, struct fault *fault)
{
	struct provider provider = {.name = TEXT_INIT("p"),
	                            .dialect = &dialect_bedrock,
	                            .base_url = TEXT("http://host"),
	                            .models = models,
	                            .model_count = 1};
	struct chat_request request = {
	    .endpoint = ENDPOINT_CHAT,
	    .body = text_format(&unit_arena, "{\"model\":\"%s\",\"messages\":[%s]%s%s}", model,
	                        messages, *members == '\0' ? "" : ",", members),
	    .streamed = streamed,
	};

	return dialect_bedrock.encode(&provider, &request, &unit_arena, out, fault);
}

/* clang-format off */
#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
#define CALL_OF(id, arguments) \
	"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"" id "\",\"type\":\"function\"," \
	"\"function\":{\"name\":\"f\",\"arguments\":\"" arguments "\"}}]}"
#define RESULT(id) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"r\"}"
#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"strict\":true," \
	"\"parameters\":{\"type\":\"object\"}}}]"
#define PART(part) "{\"role\":\"user\",\"content\":[" part "]}"

static const struct row {
	const char *model, *messages, *members;
	const char *want;    /* stands in the body; NULL: refused */
	const char *dropped; /* comma separated, or what the refusal says */
} rows[] = {
	{"m", USER, "", "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"inferenceConfig\":{}}", ""},
	{"m", "{\"role\":\"system\",\"content\":\"s\"}," USER, "", "\"system\":[{\"text\":\"s\"}]", ""},
	{"m", USER ",{\"role\":\"system\",\"content\":\"s\"}", "", NULL, "behind the first turn"},
	{"m", USER, "\"max_tokens\":5,\"temperature\":0.5,\"top_p\":0.25,\"stop\":\"x\"",
	 "\"inferenceConfig\":{\"maxTokens\":5,\"temperature\":0.5,\"topP\":0.25,\"stopSequences\":[\"x\"]}", ""},
	{"m", USER, "\"temperature\":1.5", NULL, "temperature must be from 0 to 1"},
	{"us.anthropic.claude-opus-4-7", USER, "\"temperature\":1.5,\"top_p\":0.5", "\"inferenceConfig\":{}", "temperature,top_p"},
	{"m", USER, "\"seed\":1,\"user\":\"u\",\"parallel_tool_calls\":false", "\"inferenceConfig\":{}", "seed,user,parallel_tool_calls"},
	{"m", USER, "\"n\":2", NULL, "n other than 1"},
	{"m", USER, "\"logprobs\":true", NULL, "logprobs is not supported"},
	{"m", USER, "\"service_tier\":\"flex\"", "\"serviceTier\":{\"type\":\"flex\"}", ""},
	{"m", USER, "\"service_tier\":\"auto\"", "\"inferenceConfig\":{}", "service_tier"},
	/* tools */
	{"m", USER, TOOLS, "\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"description\":\"d\","
	 "\"inputSchema\":{\"json\":{\"type\":\"object\"}},\"strict\":true}}]}}", ""},
	{"m", USER, "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]",
	 "{\"name\":\"f\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{}}}}", ""},
	{"m", USER, TOOLS ",\"tool_choice\":\"auto\"", "\"toolChoice\":{\"auto\":{}}", ""},
	{"m", USER, TOOLS ",\"tool_choice\":\"required\"", "\"toolChoice\":{\"any\":{}}", ""},
	{"m", USER, TOOLS ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", "\"toolChoice\":{\"tool\":{\"name\":\"f\"}}", ""},
	{"m", USER, TOOLS ",\"tool_choice\":\"none\"", "\"inferenceConfig\":{}}", "tools"},
	{"m", USER "," CALL_OF("c1", "") "," RESULT("c1"), TOOLS ",\"tool_choice\":\"none\"", NULL, "tool_choice none"},
	{"m", USER "," CALL_OF("c1", "") "," RESULT("c1"), "", NULL, "only beside tools"},
	{"m", USER "," CALL_OF("c1", "{\\\"a\\\":1}") "," RESULT("c1") "," USER, TOOLS,
	 "{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":\"c1\",\"name\":\"f\",\"input\":{\"a\":1}}}]},"
	 "{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"c1\",\"content\":[{\"text\":\"r\"}]}},{\"text\":\"hi\"}]}", ""},
	{"m", USER "," CALL_OF("c1", "no json"), TOOLS, NULL, "no JSON object"},
	{"m", USER "," CALL_OF("f:0", "") "," RESULT("f:0"), TOOLS, "\"toolUseId\":\"call_3c0b4a6b", "?"},
	/* pictures and files */
	{"m", PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\",\"detail\":\"low\"}}"), "",
	 "{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"AAAA\"}}}", "image_url.detail"},
	{"m", PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://host/a.png\"}}"), "", NULL, "must be a data URL"},
	{"m", PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/tiff;base64,AAAA\"}}"), "", NULL, "image/tiff"},
	{"m", PART("{\"type\":\"file\",\"file\":{\"filename\":\"a b.pdf\",\"file_data\":\"data:application/pdf;base64,AAAA\"}}"), "",
	 "{\"document\":{\"format\":\"pdf\",\"name\":\"a-b-pdf\",\"source\":{\"bytes\":\"AAAA\"}}}", ""},
	{"m", PART("{\"type\":\"input_audio\",\"input_audio\":{}}"), "", NULL, "input_audio can't be carried"},
	/* formats */
	{"m", USER, "\"response_format\":{\"type\":\"json_object\"}", NULL, "json_object"},
	{"m", USER, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}",
	 "\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{\"jsonSchema\":{\"name\":\"n\","
	 "\"schema\":\"{\\\"type\\\":\\\"object\\\"}\"}}}}", ""},
	/* reasoning */
	{"anthropic.claude-sonnet-5", USER, "\"reasoning_effort\":\"low\"",
	 "\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}}", ""},
	{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", USER, "\"reasoning_effort\":\"high\"",
	 "\"inferenceConfig\":{\"maxTokens\":4096},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3276}}", ""},
	{"openai.gpt-oss-120b-1:0", USER, "\"reasoning_effort\":\"low\"", "\"additionalModelRequestFields\":{\"reasoning_effort\":\"low\"}", ""},
	{"amazon.nova-2-lite-v1:0", USER, "\"reasoning_effort\":\"low\"",
	 "{\"reasoningConfig\":{\"type\":\"enabled\",\"maxReasoningEffort\":\"low\"}}", ""},
	{"m", USER, "\"reasoning_effort\":\"low\"", NULL, "reasoning_effort can't be had"},
	{"m", USER ",{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"t\",\"thinking_blocks\":["
	 "{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"},{\"type\":\"redacted_thinking\",\"data\":\"d\"}]}," USER, "",
	 "\"content\":[{\"reasoningContent\":{\"reasoningText\":{\"text\":\"t\",\"signature\":\"s\"}}},"
	 "{\"reasoningContent\":{\"redactedContent\":\"d\"}},{\"text\":\"a\"}]", ""},
	{"m", USER ",{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"t\"}," USER, "",
	 "\"content\":[{\"text\":\"a\"}]", "messages.reasoning_content"},
	{"m", "{\"role\":\"assistant\",\"content\":\"a\"}", "", NULL, "first message must be the user's"},
	{"m", USER ",{\"role\":\"assistant\",\"content\":\"{ \"}", "", "{\"role\":\"assistant\",\"content\":[{\"text\":\"{ \"}]}", ""},
	{"m", USER ",{\"role\":\"assistant\",\"content\":null,\"thinking_blocks\":[{\"type\":\"redacted_thinking\",\"data\":\"d\"}]}," USER, "",
	 "{\"role\":\"assistant\",\"content\":[{\"reasoningContent\":{\"redactedContent\":\"d\"}}]}", ""},
	/* a turn that says nothing is refused by Bedrock */
	{"m", USER ",{\"role\":\"assistant\",\"content\":\"\"}," USER, "",
	 "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},{\"text\":\"hi\"}]}]", ""},
	{"m", USER ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"\"}],\"tool_calls\":[]}," USER, "",
	 "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},{\"text\":\"hi\"}]}]", ""},
	{"m", USER ",{\"role\":\"assistant\",\"content\":null,\"audio\":{\"id\":\"a\"}}," USER, "", NULL, "audio in a message"},
};
/* clang-format on */

START_TEST(a_request_is_converse_s)
{
	const struct row *row = &rows[_i];
	struct wire_request out = {0};
	struct fault fault = {0};
	bool good = encode(row->model, row->messages, row->members, false, &out, &fault);
	struct text dropped = TEXT("");

	if (row->want == NULL) {
		ck_assert_msg(!good, "%d: not refused", _i);
		ck_assert_int_eq(fault.kind, FAULT_REFUSED);
		assert_fault_says(&fault, row->dropped);
		return;
	}
	ck_assert_msg(good, "%d: %s", _i, fault.message);
	if (strcmp(row->dropped, "?") == 0) { /* an id that is made: the same in call and result */
		size_t first = text_find(out.body, TEXT("\"toolUseId\":\"call_"), 0);
		size_t second = text_find(out.body, TEXT("\"toolUseId\":\"call_"), first + 1);
		ck_assert(first != TEXT_NOT_FOUND && second != TEXT_NOT_FOUND);
		ck_assert(text_equal(text_slice(out.body, first, first + 40),
		                     text_slice(out.body, second, second + 40)));
		return;
	}
	ck_assert_msg(text_find(out.body, text_of(row->want), 0) != TEXT_NOT_FOUND,
	              "%d became\n%.*s, want\n%s", _i, TEXT_ARG(out.body), row->want);
	for (size_t i = 0; i < out.dropped.count; i++)
		dropped = text_format(&unit_arena, "%.*s%s%.*s", TEXT_ARG(dropped),
		                      i > 0 ? "," : "", TEXT_ARG(out.dropped.items[i]));
	assert_text(dropped, row->dropped);
}
END_TEST

START_TEST(the_model_is_one_segment_of_the_path)
{
	struct wire_request out = {0};
	struct fault fault = {0};

	ck_assert(encode("amazon.nova-pro-v1:0", USER, "", false, &out, &fault));
	ck_assert_str_eq(out.url, "http://host/model/amazon.nova-pro-v1%3A0/converse");
	ck_assert_str_eq(out.key_header, "Authorization");
	ck_assert_str_eq(out.key_prefix, "Bearer ");
	ck_assert(encode("arn:aws:bedrock:eu-west-1:1:inference-profile/x", USER, "", true, &out,
	                 &fault));
	ck_assert_str_eq(out.url, "http://host/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3A"
	                          "inference-profile%2Fx/converse-stream");
	bool accepts = false;
	for (size_t i = 0; i < out.header_count; i++)
		accepts |= text_is(out.headers[i].name, "Accept") &&
		           text_is(out.headers[i].value, "application/vnd.amazon.eventstream");
	ck_assert(accepts);
	ck_assert(!encode("", USER, "", false, &out, &fault));
}
END_TEST

/* --- replies: whole ------------------------------------------------------------------------ */

static const struct chat_reply *read_status(int status, const char *error_type, struct text bytes,
                                            bool streamed)
{
	struct chat_request *request = ARENA_NEW(&unit_arena, struct chat_request);
	struct reply_context context = {
	    .dialect = &dialect_bedrock,
	    .request = request,
	    .status = status,
	    .error_type = text_of(error_type),
	};

	request->endpoint = ENDPOINT_CHAT;
	request->body = TEXT("{}");
	request->streamed = streamed;
	return read_in(&context, bytes);
}

/* clang-format off */
#define WHOLE(content, reason) \
	"{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[" content "]}},\"stopReason\":\"" reason "\"," \
	"\"usage\":{\"inputTokens\":10,\"outputTokens\":4,\"totalTokens\":14,\"cacheReadInputTokens\":3," \
	"\"cacheWriteInputTokens\":2,\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":1}]},\"metrics\":{\"latencyMs\":1}}"
/* clang-format on */

START_TEST(a_whole_reply_is_read)
{
	const struct chat_reply *reply = read_status(
	    200, NULL,
	    TEXT(WHOLE("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\","
	               "\"signature\":\"sig\"}}},{\"reasoningContent\":{\"redactedContent\":"
	               "\"ZGF0YQ==\"}},{\"text\":\"a\"},{\"text\":\"b\"},{\"toolUse\":"
	               "{\"toolUseId\":\"t1\",\"name\":\"f\",\"input\":{\"x\":1}}}",
	               "tool_use")),
	    false);
	const struct chat_choice *choice = &reply->choices[0];

	ck_assert_int_eq(reply->api, CHAT_API_BEDROCK);
	ck_assert(reply->complete);
	assert_text(choice->content, "ab");
	assert_text(choice->reasoning, "hm");
	assert_text(choice->finish_reason, "tool_calls");
	assert_text(reply->stop, "tool_use");
	ck_assert_uint_eq(choice->tool_call_count, 1);
	assert_text(choice->tool_calls[0].id, "t1");
	assert_text(choice->tool_calls[0].name, "f");
	assert_text(choice->tool_calls[0].arguments, "{\"x\":1}");
	ck_assert_int_eq(choice->tool_calls[0].index, 0);
	ck_assert_uint_eq(choice->thinking_block_count, 2);
	assert_text(choice->thinking_blocks[0],
	            "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"sig\"}");
	assert_text(choice->thinking_blocks[1],
	            "{\"type\":\"redacted_thinking\",\"data\":\"ZGF0YQ==\"}");
	/* inputTokens leaves out what the cache gave and took. */
	ck_assert_int_eq(reply->usage.input, 15);
	ck_assert_int_eq(reply->usage.cached_input, 3);
	ck_assert_int_eq(reply->usage.cache_write, 2);
	ck_assert_int_eq(reply->usage.cache_write_1h, 1);
	ck_assert_int_eq(reply->usage.output, 4);
	ck_assert_int_eq(reply->usage.total, 19);
	assert_no_violation(reply);
}
END_TEST

START_TEST(a_reply_is_known_from_its_bytes)
{
	ck_assert_int_eq(read_text(WHOLE("{\"text\":\"a\"}", "end_turn"))->api, CHAT_API_BEDROCK);
}
END_TEST

static const char *const reasons[][2] = {
    {"end_turn", "stop"},
    {"stop_sequence", "stop"},
    {"tool_use", "tool_calls"},
    {"max_tokens", "length"},
    {"model_context_window_exceeded", "length"},
    {"guardrail_intervened", "content_filter"},
    {"content_filtered", "content_filter"},
    {"new_one", "stop"},
    {"malformed_tool_use", "error"},
    {"malformed_model_output", "error"},
};

START_TEST(stop_reasons_are_named)
{
	struct text body =
	    text_format(&unit_arena,
	                "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[]}},"
	                "\"stopReason\":\"%s\"}",
	                reasons[_i][0]);
	const struct chat_reply *reply = read_status(200, NULL, body, false);
	bool failed = strcmp(reasons[_i][1], "error") == 0;

	assert_text(reply->choices[0].finish_reason, reasons[_i][1]);
	ck_assert_int_eq(reply->complete, !failed);
	ck_assert_uint_eq(reply->error_count, failed);
	ck_assert(!reply->usage.present); /* nothing said is nothing known */
}
END_TEST

START_TEST(a_refusal_has_its_type_from_the_header)
{
	const struct chat_reply *reply = read_status(
	    400, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/",
	    TEXT("{\"message\":\"Malformed input request\"}"), false);

	ck_assert_uint_eq(reply->error_count, 1);
	assert_text(reply->errors[0].type, "ValidationException");
	assert_text(reply->errors[0].message, "Malformed input request");
	ck_assert(!reply->complete);
	/* The gateway's own spelling. */
	reply = read_status(403, "AccessDeniedException", TEXT("{\"Message\":\"no\"}"), true);
	assert_text(reply->errors[0].type, "AccessDeniedException");
	assert_text(reply->errors[0].message, "no");
}
END_TEST

/* --- replies: frames ----------------------------------------------------------------------- */

struct frame {
	const char *type, *name, *payload;
};

static struct text frames_of(const struct frame *frames, size_t count)
{
	struct text_buf out;

	text_buf_init(&out, 1 << 20);
	for (size_t i = 0; i < count; i++)
		event_stream_write(&out, frames[i].type, text_of(frames[i].name),
		                   text_of(frames[i].payload));
	struct text copy = text_copy(&unit_arena, text_buf_view(&out));
	text_buf_done(&out);
	return copy;
}

/* clang-format off */
#define EVENT(name, payload) {"event", name, payload}
#define START EVENT("messageStart", "{\"role\":\"assistant\",\"p\":\"abc\"}")
#undef SAY
#undef CALL
#define SAY(index, text) EVENT("contentBlockDelta", "{\"contentBlockIndex\":" index ",\"delta\":{\"text\":\"" text "\"}}")
#define STOP(index) EVENT("contentBlockStop", "{\"contentBlockIndex\":" index "}")
#define END(reason) EVENT("messageStop", "{\"stopReason\":\"" reason "\"}")
#define USAGE EVENT("metadata", "{\"usage\":{\"inputTokens\":5,\"outputTokens\":7,\"totalTokens\":12},\"metrics\":{\"latencyMs\":9}}")
#define THINK(index, what) EVENT("contentBlockDelta", "{\"contentBlockIndex\":" index ",\"delta\":{\"reasoningContent\":{" what "}}}")
#define CALL(index, id) EVENT("contentBlockStart", "{\"contentBlockIndex\":" index ",\"start\":{\"toolUse\":{\"toolUseId\":\"" id "\",\"name\":\"f\"}}}")
#define ARGS(index, piece) EVENT("contentBlockDelta", "{\"contentBlockIndex\":" index ",\"delta\":{\"toolUse\":{\"input\":\"" piece "\"}}}")

static const struct frame whole_stream[] = {
	START, THINK("0", "\"text\":\"h\""), THINK("0", "\"text\":\"m\""), THINK("0", "\"signature\":\"s1\""),
	THINK("0", "\"signature\":\"s2\""), STOP("0"), THINK("1", "\"redactedContent\":\"ZA==\""), STOP("1"), SAY("2", "he"), SAY("2", "y"),
	STOP("2"), CALL("3", "t1"), ARGS("3", "{\\\"a\\\":"), ARGS("3", "1}"), STOP("3"), CALL("4", "t2"), STOP("4"),
	END("tool_use"), USAGE,
};
/* clang-format on */

START_TEST(frames_are_read_as_a_stream)
{
	struct text bytes = frames_of(whole_stream, ARRAY_LENGTH(whole_stream));
	const struct chat_reply *reply = read_status(200, NULL, bytes, true);
	const struct chat_choice *choice = &reply->choices[0];

	assert_no_violation(reply);
	ck_assert(reply->complete && reply->streamed);
	ck_assert_int_eq(reply->events, ARRAY_LENGTH(whole_stream));
	assert_text(choice->content, "hey");
	assert_text(choice->reasoning, "hm");
	assert_text(choice->role, "assistant");
	assert_text(choice->finish_reason, "tool_calls");
	ck_assert_uint_eq(choice->tool_call_count, 2);
	assert_text(choice->tool_calls[0].arguments, "{\"a\":1}");
	assert_text(choice->tool_calls[1].arguments, "{}");
	assert_text(choice->tool_calls[1].id, "t2");
	ck_assert_uint_eq(choice->thinking_block_count, 2);
	assert_text(choice->thinking_blocks[0],
	            "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s1s2\"}");
	ck_assert_int_eq(reply->usage.total, 12);
	/* From the bytes alone: a file of them. */
	struct reply_context unknown = {0};
	ck_assert_int_eq(read_in(&unknown, bytes)->api, CHAT_API_BEDROCK);
}
END_TEST

START_TEST(usage_may_stand_before_the_end_or_nowhere)
{
	static const struct frame before[] = {START, SAY("0", "a"), USAGE, END("end_turn")};
	const struct chat_reply *reply = read_status(200, NULL, frames_of(before, 4), true);

	ck_assert(reply->complete);
	ck_assert_int_eq(reply->usage.output, 7);
	static const struct frame nowhere[] = {START, SAY("0", "a"), END("end_turn")};
	reply = read_status(200, NULL, frames_of(nowhere, 3), true);
	ck_assert(reply->complete);
	ck_assert(!reply->usage.present);
}
END_TEST

START_TEST(an_exception_in_the_stream_is_a_failure)
{
	static const struct frame frames[] = {
	    START, SAY("0", "a"), {"exception", "throttlingException", "{\"message\":\"slow\"}"}};
	const struct chat_reply *reply = read_status(200, NULL, frames_of(frames, 3), true);

	ck_assert_uint_eq(reply->error_count, 1);
	assert_text(reply->errors[0].type, "throttlingException");
	assert_text(reply->errors[0].message, "slow");
	ck_assert(!reply->complete);
	assert_text(reply->choices[0].content, "a");
	/* Also behind what looked like the end. */
	static const struct frame late[] = {START,
	                                    SAY("0", "a"),
	                                    END("end_turn"),
	                                    {"exception", "modelStreamErrorException", "no json"}};
	reply = read_status(200, NULL, frames_of(late, 4), true);
	ck_assert(!reply->complete);
	assert_text(reply->errors[0].message, "no json");
}
END_TEST

START_TEST(a_stream_that_ends_early_is_not_complete)
{
	struct text bytes = frames_of(whole_stream, ARRAY_LENGTH(whole_stream));
	size_t end = frames_of(whole_stream, ARRAY_LENGTH(whole_stream) - 2).len;

	/* Wherever it is cut before the end of messageStop. */
	for (size_t len = 1; len <= end; len += 13)
		ck_assert(!read_status(200, NULL, text_slice(bytes, 0, len), true)->complete);
	ck_assert(!read_status(200, NULL, text_slice(bytes, 0, end), true)->complete);
	/* Within the frame behind it: what it would have said is not known. */
	const struct chat_reply *reply =
	    read_status(200, NULL, text_slice(bytes, 0, bytes.len - 1), true);
	ck_assert(!reply->complete);
	assert_violates(reply, "ST-01", WIRE_BREAKS, "ends within a frame");
}
END_TEST

START_TEST(a_bit_turned_on_the_way_is_noticed)
{
	static const struct frame frames[] = {START, SAY("0", "a"), END("end_turn")};
	struct text bytes = frames_of(frames, 3);
	char *turned = arena_alloc_bytes(&unit_arena, bytes.len);

	for (size_t i = 0; i < bytes.len; i++) {
		memcpy(turned, bytes.data, bytes.len);
		turned[i] = (char)(turned[i] ^ 4);
		struct reply_context context = {.dialect = &dialect_bedrock, .status = 200};
		ck_assert_msg(
		    !reply_read(&context, (struct text){turned, bytes.len}, &unit_arena)->complete,
		    "byte %zu", i);
	}
}
END_TEST

START_TEST(json_where_frames_were_asked_is_told)
{
	const struct chat_reply *reply =
	    read_status(200, NULL, TEXT(WHOLE("{\"text\":\"a\"}", "end_turn")), true);

	assert_violates(reply, "HT-02", WIRE_BREAKS, "one JSON value came");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_loop_test(cases, a_request_is_converse_s, 0, (int)ARRAY_LENGTH(rows));
	tcase_add_test(cases, the_model_is_one_segment_of_the_path);
	tcase_add_test(cases, a_whole_reply_is_read);
	tcase_add_test(cases, a_reply_is_known_from_its_bytes);
	tcase_add_loop_test(cases, stop_reasons_are_named, 0, (int)ARRAY_LENGTH(reasons));
	tcase_add_test(cases, a_refusal_has_its_type_from_the_header);
	tcase_add_test(cases, frames_are_read_as_a_stream);
	tcase_add_test(cases, usage_may_stand_before_the_end_or_nowhere);
	tcase_add_test(cases, an_exception_in_the_stream_is_a_failure);
	tcase_add_test(cases, a_stream_that_ends_early_is_not_complete);
	tcase_add_test(cases, a_bit_turned_on_the_way_is_noticed);
	tcase_add_test(cases, json_where_frames_were_asked_is_told);
}

int main(void)
{
	return unit_main("bedrock", add);
}
