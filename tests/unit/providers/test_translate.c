/*
 * Native replies as OpenAI's clients get them: what is read from the translation is what is read
 * from the original, in whatever pieces it came; and nothing in it breaks a rule of the wire.
 */
#include "harness/base/file.h"
#include "providers/translate.h"
#include "tests/unit/providers/reply_unit.h"

#include <dirent.h>

enum { RECORDED_MAX_BYTES = 8 << 20 };

static const char recorded_folder[] = "../shared/corpora/recorded";

/* Recorded files by how their names begin. */
static const struct {
	const char *name;
	const struct dialect *dialect;
	size_t least; /* as many are there */
} recorded[] = {
    {"anthropic_messages-", &dialect_anthropic, 10},
    {"gemini_generateContent-", &dialect_gemini, 7},
    {"cohere_chat-", &dialect_cohere, 6},
    {"ollama_chat-", &dialect_ollama, 2},
};

static const struct chat_request asked = {.endpoint = ENDPOINT_CHAT,
                                          .body = TEXT_INIT("{\"model\":\"asked\"}")};
static const struct chat_request asked_streamed = {.endpoint = ENDPOINT_CHAT,
                                                   .body = TEXT_INIT("{\"model\":\"asked\"}"),
                                                   .streamed = true,
                                                   .usage_asked = true};

/* The exchange that brought these bytes in pieces of that size, one a millisecond; 0: in one. */
static struct exchange exchange_of(struct text body, int status, size_t piece)
{
	size_t count = piece == 0 ? 1 : body.len / piece + 1;
	struct exchange exchange = {
	    .status = status,
	    .body = body,
	    .request_body = TEXT("{}"),
	    .started_wall_ms = 1700000000000,
	    .chunks = ARENA_NEW_ARRAY(&unit_arena, struct exchange_chunk, count),
	};

	for (size_t i = 0; i < count; i++)
		exchange.chunks[exchange.chunk_count++] = (struct exchange_chunk){
		    (int64_t)(i + 1) * 1000,
		    piece == 0 ? body.len : size_min((i + 1) * piece, body.len)};
	return exchange;
}

static const struct exchange *translate(const struct dialect *dialect, struct text body, int status,
                                        size_t piece, const struct chat_request *request)
{
	struct exchange *exchange = ARENA_NEW(&unit_arena, struct exchange);

	*exchange = exchange_of(body, status, piece);
	return translate_exchange(exchange, dialect, request, &unit_arena);
}

static const struct chat_reply *read_as(const struct exchange *exchange,
                                        const struct dialect *dialect,
                                        const struct chat_request *request)
{
	const struct reply_context context = {
	    .dialect = dialect,
	    .request = request,
	    .status = exchange->status,
	    .content_type = exchange_header(exchange, "content-type"),
	};

	return reply_read(&context, exchange->body, &unit_arena);
}

static void assert_same_text(const char *what, struct text a, struct text b)
{
	ck_assert_msg(text_equal(a, b), "%s: \"%.*s\" became \"%.*s\"", what, TEXT_ARG(a),
	              TEXT_ARG(b));
}

static void assert_same_choice(const struct chat_choice *a, const struct chat_choice *b)
{
	assert_same_text("content", a->content, b->content);
	assert_same_text("reasoning", a->reasoning, b->reasoning);
	/* Some whole replies do not say why they end. */
	assert_same_text("finish_reason",
	                 a->finish_reason.len == 0 ? TEXT("stop") : a->finish_reason,
	                 b->finish_reason);
	ck_assert_uint_eq(a->tool_call_count, b->tool_call_count);
	for (size_t i = 0; i < a->tool_call_count; i++) {
		/* Where the provider gives none, one is made. */
		if (a->tool_calls[i].id.len > 0)
			assert_same_text("id", a->tool_calls[i].id, b->tool_calls[i].id);
		ck_assert_uint_gt(b->tool_calls[i].id.len, 0);
		assert_same_text("name", a->tool_calls[i].name, b->tool_calls[i].name);
		assert_same_text("arguments", a->tool_calls[i].arguments,
		                 b->tool_calls[i].arguments);
		assert_same_text("extra", a->tool_calls[i].extra, b->tool_calls[i].extra);
	}
	assert_same_text("extra", a->extra, b->extra);
	ck_assert_uint_eq(a->thinking_block_count, b->thinking_block_count);
	for (size_t i = 0; i < a->thinking_block_count; i++)
		assert_same_text("thinking block", a->thinking_blocks[i], b->thinking_blocks[i]);
}

static void assert_same_usage(const struct chat_usage *a, const struct chat_usage *b)
{
	ck_assert_int_eq(a->present, b->present);
	ck_assert_int_eq(a->input, b->input);
	ck_assert_int_eq(a->output, b->output);
	ck_assert_int_eq(a->cached_input, b->cached_input);
	ck_assert_int_eq(a->cache_write, b->cache_write);
	ck_assert_int_eq(a->reasoning, b->reasoning);
}

static void assert_breaks_nothing(const struct chat_reply *reply)
{
	for (size_t i = 0; i < reply->violation_count; i++)
		ck_assert_msg(reply->violations[i].grade == WIRE_HARMLESS, "%s: %.*s",
		              wire_rule_id(reply->violations[i].rule),
		              TEXT_ARG(reply->violations[i].detail));
}

/* However it came, the same bytes; and read, the same reply. */
static void assert_translated(const struct dialect *dialect, struct text body,
                              const struct chat_request *request)
{
	static const size_t pieces[] = {1, 3, 61};
	const struct exchange *whole = translate(dialect, body, 200, 0, request);
	struct exchange native = exchange_of(body, 200, 0);
	const struct chat_reply *from = read_as(&native, dialect, request);
	const struct chat_reply *to = read_as(whole, &dialect_openai, request);

	ck_assert_int_eq(from->complete, to->complete);
	ck_assert_int_eq(to->streamed, request->streamed);
	assert_breaks_nothing(to);
	ck_assert_uint_eq(from->choice_count, to->choice_count);
	for (size_t i = 0; i < from->choice_count; i++)
		assert_same_choice(&from->choices[i], &to->choices[i]);
	assert_same_usage(&from->usage, &to->usage);
	for (size_t i = 0; i < ARRAY_LENGTH(pieces) && body.len < 20000; i++) {
		/* Where it is cut says where chunks begin, and nothing else. */
		const struct chat_reply *again = read_as(
		    translate(dialect, body, 200, pieces[i], request), &dialect_openai, request);
		for (size_t c = 0; c < to->choice_count; c++)
			assert_same_choice(&to->choices[c], &again->choices[c]);
		assert_breaks_nothing(again);
	}
}

/* clang-format off */
#define EVENT(type, rest)                                                                          \
	"event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"

#define BLOCK(index, block) \
	EVENT("content_block_start", ",\"index\":" index ",\"content_block\":" block)
#define BLOCK_DELTA(index, delta) \
	EVENT("content_block_delta", ",\"index\":" index ",\"delta\":" delta)
#define STOP(index) EVENT("content_block_stop", ",\"index\":" index)

static const char stream[] =
    EVENT("message_start", ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","
          "\"model\":\"claude\",\"content\":[],\"usage\":{\"input_tokens\":10,"
          "\"cache_read_input_tokens\":5,\"output_tokens\":1}}")
    BLOCK("0", "{\"type\":\"thinking\",\"thinking\":\"\"}")
    BLOCK_DELTA("0", "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}")
    BLOCK_DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"SIG\"}")
    STOP("0") EVENT("ping", "")
    BLOCK("1", "{\"type\":\"text\",\"text\":\"\"}")
    BLOCK_DELTA("1", "{\"type\":\"text_delta\",\"text\":\"I l\\u00f6ok\"}")
    STOP("1")
    BLOCK("2", "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}")
    BLOCK_DELTA("2", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"}")
    BLOCK_DELTA("2", "{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}")
    STOP("2")
    BLOCK("3", "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"g\",\"input\":{}}")
    STOP("3")
    EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":20}")
    EVENT("message_stop", "");
/* clang-format on */

START_TEST(a_stream_says_the_same_in_both_formats)
{
	const struct chat_reply *reply;

	assert_translated(&dialect_anthropic, text_of(stream), &asked_streamed);
	reply = read_as(translate(&dialect_anthropic, text_of(stream), 200, 7, &asked_streamed),
	                &dialect_openai, &asked_streamed);
	ck_assert_uint_eq(reply->choices[0].tool_call_count, 2);
	assert_text(reply->choices[0].tool_calls[1].arguments, "{}");
	ck_assert_int_eq(reply->usage.input, 15);
	assert_text(reply->choices[0].finish_reason, "tool_calls");
}
END_TEST

START_TEST(a_body_says_the_same_in_both_formats)
{
	assert_translated(
	    &dialect_anthropic,
	    TEXT("{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\","
	         "\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"tool_use\",\"id\":"
	         "\"t\",\"name\":\"f\",\"input\":{\"x\":[1,null]}}],\"stop_reason\":\"tool_use\","
	         "\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}"),
	    &asked);
}
END_TEST

START_TEST(pieces_keep_the_time_at_which_they_came)
{
	const struct exchange *to =
	    translate(&dialect_anthropic, text_of(stream), 200, 64, &asked_streamed);

	ck_assert_uint_gt(to->chunk_count, 5);
	ck_assert_uint_eq(to->chunks[to->chunk_count - 1].end, to->body.len);
	for (size_t i = 1; i < to->chunk_count; i++) {
		ck_assert_int_le(to->chunks[i - 1].at_us, to->chunks[i].at_us);
		ck_assert_uint_lt(to->chunks[i - 1].end, to->chunks[i].end);
	}
	/* Not all at the end: the first text is there before the tools are. */
	ck_assert_int_lt(to->chunks[1].at_us, to->chunks[to->chunk_count - 1].at_us / 2);
}
END_TEST

START_TEST(what_broke_off_gets_no_end)
{
	struct text half = text_slice(text_of(stream), 0, strlen(stream) - 150);
	struct exchange cut = exchange_of(half, 200, 0);
	cut.end = EXCHANGE_CUT;
	const struct exchange *to =
	    translate_exchange(&cut, &dialect_anthropic, &asked_streamed, &unit_arena);
	ck_assert_uint_eq(text_find(to->body, TEXT("[DONE]"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_eq(text_find(to->body, TEXT("\"finish_reason\":\""), 0), TEXT_NOT_FOUND);
	/* Ended cleanly by the framing, and yet not whole: an error says so. */
	to = translate(&dialect_anthropic, half, 200, 0, &asked_streamed);
	ck_assert_uint_eq(text_find(to->body, TEXT("[DONE]"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_ne(text_find(to->body, TEXT("\"error\":{"), 0), TEXT_NOT_FOUND);
	/* An error within the stream is one for the client, too. */
	to =
	    translate(&dialect_anthropic,
	              text_format(&unit_arena, "%.*s%s", TEXT_ARG(half),
	                          "\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
	                          "\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"),
	              200, 0, &asked_streamed);
	ck_assert_uint_eq(text_find(to->body, TEXT("[DONE]"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_ne(text_find(to->body, TEXT("\"message\":\"Overloaded\""), 0),
	                  TEXT_NOT_FOUND);
}
END_TEST

static const struct {
	int status, want;
	const char *type, *message, *openai;
} refusals[] = {
    {400, 400, "invalid_request_error", "max_tokens: required",
     "\"type\":\"invalid_request_error\",\"param\":null,\"code\":null"},
    {400, 400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum",
     "\"code\":\"context_length_exceeded\""},
    {401, 401, "authentication_error", "invalid x-api-key",
     "\"type\":\"authentication_error\",\"param\":null,\"code\":\"invalid_api_key\""},
    {404, 404, "not_found_error", "model: x", "\"code\":\"model_not_found\""},
    {429, 429, "rate_limit_error", "slow down", "\"code\":\"rate_limit_exceeded\""},
    {529, 503, "overloaded_error", "Overloaded", "\"type\":\"server_error\""},
};

START_TEST(refusals_keep_the_providers_words)
{
	struct text body = text_format(
	    &unit_arena, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"}}",
	    refusals[_i].type, refusals[_i].message);
	const struct exchange *to =
	    translate(&dialect_anthropic, body, refusals[_i].status, 0, &asked_streamed);

	ck_assert_int_eq(to->status, refusals[_i].want);
	assert_text(exchange_header(to, "content-type"), "application/json");
	ck_assert_msg(text_find(to->body, text_of(refusals[_i].message), 0) != TEXT_NOT_FOUND &&
	                  text_find(to->body, text_of(refusals[_i].openai), 0) != TEXT_NOT_FOUND,
	              "%.*s", TEXT_ARG(to->body));
	assert_breaks_nothing(read_as(to, &dialect_openai, &asked_streamed));
}
END_TEST

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

/* --- Cohere, Ollama --------------------------------------------------------------------------- */

/* clang-format off */
static const char cohere_stream[] =
    EVENT("message-start", ",\"id\":\"c1\",\"delta\":{\"message\":{\"role\":\"assistant\"}}")
    EVENT("tool-plan-delta", ",\"delta\":{\"message\":{\"tool_plan\":\"I will\"}}")
    EVENT("tool-call-start", ",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"t1\",\"type\":\"function\","
          "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}}}")
    EVENT("tool-call-delta", ",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}}}")
    EVENT("tool-call-end", ",\"index\":0")
    EVENT("tool-call-start", ",\"index\":1,\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"t2\",\"type\":\"function\","
          "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}}}")
    EVENT("tool-call-delta", ",\"index\":1,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"null\"}}}}")
    EVENT("tool-call-end", ",\"index\":1")
    EVENT("message-end", ",\"delta\":{\"finish_reason\":\"TOOL_CALL\",\"usage\":{\"billed_units\":{\"input_tokens\":50,"
          "\"output_tokens\":20},\"tokens\":{\"input_tokens\":500,\"output_tokens\":99}}}");

static const char ollama_stream[] =
    "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n"
    "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"I look\"},\"done\":false}\n"
    "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{"
    "\"name\":\"f\",\"arguments\":{\"a\":1}}},{\"id\":\"own\",\"function\":{\"name\":\"g\",\"arguments\":{}}}]},\"done\":false}\n"
    "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":"
    "\"stop\",\"prompt_eval_count\":50,\"eval_count\":20}\n";

static const struct {
	const struct dialect *dialect;
	const char *stream, *reasoning;
} calling[] = {
    {&dialect_cohere, cohere_stream, "I will"},
    {&dialect_ollama, ollama_stream, "hm"},
};
/* clang-format on */

START_TEST(streams_with_calls_say_the_same_in_both_formats)
{
	struct text stream_text = text_of(calling[_i].stream);
	const struct exchange *to =
	    translate(calling[_i].dialect, stream_text, 200, 7, &asked_streamed);
	const struct chat_reply *reply = read_as(to, &dialect_openai, &asked_streamed);
	const struct chat_choice *choice = &reply->choices[0];

	assert_translated(calling[_i].dialect, stream_text, &asked_streamed);
	ck_assert_uint_eq(choice->tool_call_count, 2);
	assert_text(choice->tool_calls[0].arguments, "{\"a\":1}");
	assert_text(choice->tool_calls[1].arguments, "{}");
	assert_text(choice->reasoning, calling[_i].reasoning);
	assert_text(choice->finish_reason, "tool_calls");
	ck_assert_int_eq(reply->usage.input, 50);
	ck_assert_int_eq(reply->usage.output, 20);
}
END_TEST

/* A line is an event as soon as it is there: the next one may be seconds away. */
START_TEST(a_line_is_passed_on_before_the_next_one_comes)
{
	size_t line = text_find_byte(text_of(ollama_stream), '\n', 0) + 1;
	struct exchange exchange = exchange_of(text_of(ollama_stream), 200, line);
	const struct exchange *to =
	    translate_exchange(&exchange, &dialect_ollama, &asked_streamed, &unit_arena);
	struct text first = text_slice(to->body, 0, to->chunks[0].end);

	ck_assert_int_eq(to->chunks[0].at_us, 1000);
	ck_assert_uint_ne(text_find(first, TEXT("\"reasoning_content\":\"hm\""), 0),
	                  TEXT_NOT_FOUND);
}
END_TEST

static const struct {
	const struct dialect *dialect;
	int status;
	const char *body, *message, *openai;
} flat_refusals[] = {
    {&dialect_cohere, 400, "{\"id\":\"x\",\"message\":\"too many tokens: size limit exceeded\"}",
     "too many tokens", "\"code\":\"context_length_exceeded\""},
    {&dialect_cohere, 401, "{\"message\":\"invalid api token\"}", "invalid api token",
     "\"type\":\"authentication_error\""},
    {&dialect_ollama, 404, "{\"error\":\"model 'x' not found\"}", "model 'x' not found",
     "\"code\":\"model_not_found\""},
};

START_TEST(flat_refusals_become_openais_envelope)
{
	const struct exchange *to =
	    translate(flat_refusals[_i].dialect, text_of(flat_refusals[_i].body),
	              flat_refusals[_i].status, 0, &asked_streamed);

	ck_assert_int_eq(to->status, flat_refusals[_i].status);
	ck_assert_msg(
	    text_find(to->body, text_of(flat_refusals[_i].message), 0) != TEXT_NOT_FOUND &&
		text_find(to->body, text_of(flat_refusals[_i].openai), 0) != TEXT_NOT_FOUND,
	    "%.*s", TEXT_ARG(to->body));
}
END_TEST

/* --- recorded ------------------------------------------------------------------------------- */

static const struct dialect *dialect_of_file(struct text name, size_t *kind)
{
	for (*kind = 0; *kind < ARRAY_LENGTH(recorded); (*kind)++)
		if (text_starts(name, text_of(recorded[*kind].name)))
			return recorded[*kind].dialect;
	return NULL;
}

static void translate_folder(const char *path, size_t seen[])
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	struct fault fault;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		struct text name = text_of(entry->d_name);
		struct source *file;
		size_t kind;
		const struct dialect *dialect = dialect_of_file(name, &kind);
		bool streamed = text_ends(name, TEXT(".response.sse")) ||
		                text_ends(name, TEXT(".response.ndjson"));
		if (dialect == NULL || text_find(name, TEXT("-error-"), 0) != TEXT_NOT_FOUND ||
		    (!streamed && !text_ends(name, TEXT(".response.json"))))
			continue;
		ck_assert(file_read(
		    text_c(&unit_arena, text_format(&unit_arena, "%s/%s", path, entry->d_name)),
		    RECORDED_MAX_BYTES, &unit_arena, &file, &fault));
		assert_translated(dialect, file->body, streamed ? &asked_streamed : &asked);
		seen[kind]++;
	}
	if (folder != NULL)
		(void)closedir(folder);
}

START_TEST(recorded_replies_say_the_same_in_both_formats)
{
	size_t seen[ARRAY_LENGTH(recorded)] = {0};
	DIR *folders = opendir(recorded_folder);
	struct dirent *entry;

	if (folders == NULL) {
		printf("# %s is not there: nothing recorded was translated\n", recorded_folder);
		return;
	}
	while ((entry = readdir(folders)) != NULL)
		if (entry->d_name[0] != '.')
			translate_folder(
			    text_c(&unit_arena, text_format(&unit_arena, "%s/%s", recorded_folder,
			                                    entry->d_name)),
			    seen);
	(void)closedir(folders);
	for (size_t i = 0; i < ARRAY_LENGTH(recorded); i++)
		ck_assert_msg(seen[i] >= recorded[i].least, "%s: %zu", recorded[i].name, seen[i]);
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_test(cases, a_stream_says_the_same_in_both_formats);
	tcase_add_test(cases, a_body_says_the_same_in_both_formats);
	tcase_add_test(cases, pieces_keep_the_time_at_which_they_came);
	tcase_add_test(cases, what_broke_off_gets_no_end);
	tcase_add_loop_test(cases, refusals_keep_the_providers_words, 0, ARRAY_LENGTH(refusals));
	tcase_add_test(cases, a_gemini_stream_says_the_same_in_both_formats);
	tcase_add_test(cases, a_gemini_stream_without_a_reason_to_end_gets_none);
	tcase_add_loop_test(cases, geminis_reasons_to_end_are_openais, 0,
	                    ARRAY_LENGTH(gemini_reasons));
	tcase_add_test(cases, a_prompt_that_gemini_blocks_is_a_choice_without_content);
	tcase_add_loop_test(cases, geminis_refusals_keep_their_words, 0,
	                    ARRAY_LENGTH(gemini_refusals));
	tcase_add_loop_test(cases, streams_with_calls_say_the_same_in_both_formats, 0,
	                    ARRAY_LENGTH(calling));
	tcase_add_test(cases, a_line_is_passed_on_before_the_next_one_comes);
	tcase_add_loop_test(cases, flat_refusals_become_openais_envelope, 0,
	                    ARRAY_LENGTH(flat_refusals));
	tcase_add_test(cases, recorded_replies_say_the_same_in_both_formats);
}

int main(void)
{
	return unit_main("translate", add_tests);
}
