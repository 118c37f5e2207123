/*
 * Native replies as OpenAI's clients get them: what is read from the translation is what is read
 * from the original, in whatever pieces it came; and nothing in it breaks a rule of the wire.
 */
#include "tests/unit/providers/translate_rig.h"

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

#define BLOCK(index, block)                                                                        \
	EVENT("content_block_start", ",\"index\":" index ",\"content_block\":" block)
#define BLOCK_DELTA(index, delta)                                                                  \
	EVENT("content_block_delta", ",\"index\":" index ",\"delta\":" delta)

static const char stream[] = EVENT(
    "message_start", ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","
		     "\"model\":\"claude\",\"content\":[],\"usage\":{\"input_tokens\":10,"
		     "\"cache_read_input_tokens\":5,\"output_tokens\":1}}")
    BLOCK("0", "{\"type\":\"thinking\",\"thinking\":\"\"}") BLOCK_DELTA(
	"0", "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}")
	BLOCK_DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"SIG\"}") STOP("0") EVENT(
	    "ping", "") BLOCK("1", "{\"type\":\"text\",\"text\":\"\"}")
	    BLOCK_DELTA("1", "{\"type\":\"text_delta\",\"text\":\"I l\\u00f6ok\"}") STOP("1") BLOCK(
		"2", "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}")
		BLOCK_DELTA("2", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"}")
		    BLOCK_DELTA("2", "{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}")
			STOP("2") BLOCK("3", "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":"
                                             "\"g\",\"input\":{}}") STOP("3")
			    EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"tool_use\"},"
                                                   "\"usage\":{\"output_tokens\":20}")
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
