/* Gemini's replies as OpenAI's clients get them; see test_translate.c. */
#include "tests/unit/providers/translate_rig.h"

/* --- Gemini --------------------------------------------------------------------------------- */

/* clang-format off */
#define PARTS(rest) \
	"data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" rest "\"index\":0}]," \
	"\"modelVersion\":\"gemini-3\",\"responseId\":\"r1\",\"usageMetadata\":{\"promptTokenCount\":9," \
	"\"cachedContentTokenCount\":4,\"candidatesTokenCount\":3,\"thoughtsTokenCount\":2," \
	"\"totalTokenCount\":14}}\r\n\r\n"

static const char gemini_stream[] =
    PARTS("{\"text\":\"hm\",\"thought\":true}]},")
    PARTS("{\"text\":\"I look\"}]},")
    PARTS("{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}},\"thoughtSignature\":\"S1\"}]},")
    PARTS("{\"functionCall\":{\"id\":\"own\",\"name\":\"g\"}}]},")
    PARTS("{\"text\":\"\",\"thoughtSignature\":\"S2\"}]},\"finishReason\":\"STOP\",");

/* clang-format on */

START_TEST(a_gemini_stream_says_the_same_in_both_formats)
{
	const struct chat_reply *reply;

	assert_translated(&dialect_gemini, text_of(gemini_stream), &asked_streamed);
	reply = read_as(translate(&dialect_gemini, text_of(gemini_stream), 200, 7, &asked_streamed),
	                &dialect_openai, &asked_streamed);
	const struct chat_choice *choice = &reply->choices[0];
	ck_assert_uint_eq(choice->tool_call_count, 2);
	assert_text(choice->tool_calls[0].extra, "{\"google\":{\"thought_signature\":\"S1\"}}");
	ck_assert_ptr_null(choice->tool_calls[1].extra.data);
	assert_text(choice->tool_calls[1].arguments, "{}");
	assert_text(choice->tool_calls[1].id, "own");
	assert_text(choice->extra, "{\"google\":{\"thought_signature\":\"S2\"}}");
	assert_text(choice->reasoning, "hm");
	assert_text(choice->finish_reason, "tool_calls");
	ck_assert_int_eq(reply->usage.input, 9);
	ck_assert_int_eq(reply->usage.cached_input, 4);
	ck_assert_int_eq(reply->usage.output, 5);
	ck_assert_int_eq(reply->usage.reasoning, 2);
}
END_TEST

START_TEST(a_gemini_stream_without_a_reason_to_end_gets_none)
{
	size_t end = text_find(text_of(gemini_stream),
	                       TEXT("data: {\"candidates\":[{\"content\":{"
	                            "\"role\":\"model\",\"parts\":[{"
	                            "\"functionCall\""),
	                       0);
	struct text half = text_slice(text_of(gemini_stream), 0, end);
	const struct exchange *to = translate(&dialect_gemini, half, 200, 0, &asked_streamed);
	ck_assert_uint_ne(text_find(to->body, TEXT("I look"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_eq(text_find(to->body, TEXT("[DONE]"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_ne(text_find(to->body, TEXT("ended before its reply did"), 0),
	                  TEXT_NOT_FOUND);
}
END_TEST

/* Every reason to end, and what OpenAI's clients hear (B7). */
static const struct {
	const char *reason, *finish; /* NULL: an error */
} gemini_reasons[] = {
    {"STOP", "stop"},
    {"MAX_TOKENS", "length"},
    {"SAFETY", "content_filter"},
    {"BLOCKLIST", "content_filter"},
    {"PROHIBITED_CONTENT", "content_filter"},
    {"SPII", "content_filter"},
    {"IMAGE_SAFETY", "content_filter"},
    {"LANGUAGE", "content_filter"},
    {"RECITATION", "content_filter"},
    {"OTHER", "stop"},
    {"FINISH_REASON_UNSPECIFIED", "stop"},
    {"NEW_AND_UNKNOWN", "stop"},
    {"MALFORMED_FUNCTION_CALL", NULL},
    {"UNEXPECTED_TOOL_CALL", NULL},
};

START_TEST(geminis_reasons_to_end_are_openais)
{
	struct text body = text_format(&unit_arena,
	                               "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]"
	                               "},\"finishReason\":\"%s\"}],\"usageMetadata\":{"
	                               "\"promptTokenCount\":1,\"totalTokenCount\":1}}",
	                               gemini_reasons[_i].reason);
	const struct exchange *to = translate(&dialect_gemini, body, 200, 0, &asked);

	if (gemini_reasons[_i].finish == NULL) {
		ck_assert_uint_ne(text_find(to->body, TEXT("{\"error\":{"), 0), TEXT_NOT_FOUND);
		ck_assert_uint_eq(text_find(to->body, TEXT("choices"), 0), TEXT_NOT_FOUND);
		return;
	}
	assert_translated(&dialect_gemini, body, &asked);
	assert_text(read_as(to, &dialect_openai, &asked)->choices[0].finish_reason,
	            gemini_reasons[_i].finish);
}
END_TEST

START_TEST(a_prompt_that_gemini_blocks_is_a_choice_without_content)
{
	assert_translated(
	    &dialect_gemini,
	    TEXT("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"responseId\":\"r\","
	         "\"usageMetadata\":{\"promptTokenCount\":1,\"totalTokenCount\":1}}"),
	    &asked);
}
END_TEST

/* B10: the status, what is said in the type and code, alone and in an array. */
static const struct {
	int status, want;
	const char *word, *message, *openai;
} gemini_refusals[] = {
    {400, 400, "INVALID_ARGUMENT", "bad n", "\"type\":\"invalid_request_error\""},
    {400, 400, "FAILED_PRECONDITION", "no", "\"type\":\"invalid_request_error\""},
    {400, 401, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
     "\"type\":\"authentication_error\",\"param\":null,\"code\":\"invalid_api_key\""},
    {401, 401, "UNAUTHENTICATED", "no key", "\"type\":\"authentication_error\""},
    {403, 403, "PERMISSION_DENIED", "no", "\"type\":\"permission_error\""},
    {404, 404, "NOT_FOUND", "models/x is not found", "\"code\":\"model_not_found\""},
    {429, 429, "RESOURCE_EXHAUSTED", "slow", "\"type\":\"rate_limit_error\""},
    {500, 500, "INTERNAL", "oops", "\"type\":\"server_error\""},
    {503, 503, "UNAVAILABLE", "busy", "\"type\":\"server_error\""},
    {504, 504, "DEADLINE_EXCEEDED", "late", "\"type\":\"timeout\""},
};

START_TEST(geminis_refusals_keep_their_words)
{
	for (int array = 0; array < 2; array++) {
		struct text body = text_format(
		    &unit_arena,
		    "%s{\"error\":{\"code\":%d,\"message\":\"%s\",\"status\":\"%s\"}}%s",
		    array ? "[" : "", gemini_refusals[_i].status, gemini_refusals[_i].message,
		    gemini_refusals[_i].word, array ? "]" : "");
		const struct exchange *to =
		    translate(&dialect_gemini, body, gemini_refusals[_i].status, 0, &asked);
		ck_assert_int_eq(to->status, gemini_refusals[_i].want);
		ck_assert_msg(text_find(to->body, text_of(gemini_refusals[_i].message), 0) !=
		                      TEXT_NOT_FOUND &&
		                  text_find(to->body, text_of(gemini_refusals[_i].openai), 0) !=
		                      TEXT_NOT_FOUND,
		              "%.*s", TEXT_ARG(to->body));
	}
}
END_TEST

/* Google says it in the body; an OpenAI client looks for it in the head. */
START_TEST(a_wait_that_gemini_asks_for_is_a_header)
{
	static const struct {
		const char *delay, *header;
	} waits[] = {{"34.4s", "35"}, {"3s", "3"},    {"0s", "0"},
	             {"-1s", NULL},   {"soon", NULL}, {"3", NULL}};

	for (size_t i = 0; i < ARRAY_LENGTH(waits); i++) {
		struct text body =
		    text_format(&unit_arena,
		                "{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_"
		                "EXHAUSTED\",\"details\":[{\"retryDelay\":\"%s\"}]}}",
		                waits[i].delay);
		struct text told = exchange_header(translate(&dialect_gemini, body, 429, 0, &asked),
		                                   "retry-after");
		if (waits[i].header == NULL)
			ck_assert_ptr_null(told.data);
		else
			assert_text(told, waits[i].header);
	}
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_test(cases, a_gemini_stream_says_the_same_in_both_formats);
	tcase_add_test(cases, a_gemini_stream_without_a_reason_to_end_gets_none);
	tcase_add_loop_test(cases, geminis_reasons_to_end_are_openais, 0,
	                    ARRAY_LENGTH(gemini_reasons));
	tcase_add_test(cases, a_prompt_that_gemini_blocks_is_a_choice_without_content);
	tcase_add_test(cases, a_wait_that_gemini_asks_for_is_a_header);
	tcase_add_loop_test(cases, geminis_refusals_keep_their_words, 0,
	                    ARRAY_LENGTH(gemini_refusals));
}

int main(void)
{
	return unit_main("translate_gemini", add_tests);
}
