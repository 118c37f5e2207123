/* Whole chat completions, legacy completions, embeddings, models, and the framing of bodies. */
#include "tests/unit/providers/reply_unit.h"

#define BODY(choices)                                                                              \
	"{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":" \
	"[" choices                                                                                \
	"],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}"
#define MESSAGE(members, reason)                                                                   \
	"{\"index\":0,\"message\":{\"role\":\"assistant\"," members                                \
	"},\"finish_reason\":\"" reason "\"}"

static const struct chat_reply *ask(const char *bytes)
{
	return read_answer(ENDPOINT_CHAT, "{}", bytes);
}

START_TEST(a_body_as_openai_sends_it_breaks_no_rule)
{
	const struct chat_reply *reply =
	    ask(BODY(MESSAGE("\"content\":\"hi\",\"refusal\":null", "stop")));

	assert_no_violation(reply);
	ck_assert(reply->complete && reply->is_json && !reply->streamed);
	ck_assert_int_eq(reply->api, CHAT_API_CHAT);
	assert_text(reply->choices[0].content, "hi");
	ck_assert_ptr_null(reply->choices[0].refusal.data);
	ck_assert_ptr_nonnull(reply->choices[0].message);
	ck_assert_ptr_nonnull(reply->body);
	assert_keeps(reply, "HT-01");
	assert_keeps(reply, "CH-01");
	assert_keeps(reply, "CH-02");
	assert_keeps(reply, "US-01");
	assert_keeps(reply, "US-02");
	assert_keeps(reply, "FR-01");
}
END_TEST

START_TEST(what_a_body_lacks_is_told_by_name)
{
	const struct chat_reply *reply = ask("{\"choices\":[{\"message\":{\"content\":null}}]}");

	assert_violates(reply, "CH-01", WIRE_DEVIATES, "id is missing");
	assert_violates(reply, "CH-01", WIRE_DEVIATES, "choices[0] has no index");
	assert_violates(reply, "CH-01", WIRE_DEVIATES, "choices[0].finish_reason is nothing");
	assert_violates(reply, "CH-01", WIRE_DEVIATES, "created is no integer");
	assert_violates(reply, "CH-02", WIRE_DEVIATES, "role is \"\", not assistant");
	assert_violates(reply, "CH-02", WIRE_DEVIATES, "content is null");
	assert_violates(reply, "US-01", WIRE_DEVIATES, "usage is nothing");
	ck_assert_int_eq(reply->choices[0].index, 0);
	ck_assert(reply->complete);
	assert_violates(ask(BODY("{\"index\":0,\"finish_reason\":\"stop\"}")), "CH-01", WIRE_BREAKS,
	                "choices[0] has no message");
	assert_violates(ask(BODY("")), "CH-01", WIRE_BREAKS, "choices holds nothing");
	ck_assert(!ask(BODY(""))->complete);
	ck_assert(!ask("{\"id\":\"x\",\"choices\":null}")->complete);
}
END_TEST

START_TEST(a_created_with_a_fraction_is_told)
{
	assert_violates(
	    ask("{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1.5,\"model\":\"m\","
	        "\"choices\":[" MESSAGE("\"content\":\"\"", "stop") "]}"),
	    "CH-01", WIRE_DEVIATES, "created is no integer");
}
END_TEST

START_TEST(tool_calls_are_read_and_judged)
{
	const struct chat_reply *reply = ask(BODY(MESSAGE(
	    "\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{"
	    "\"name\":\"f\",\"arguments\":\"{}\"}}]",
	    "tool_calls")));

	assert_no_violation(reply);
	ck_assert_ptr_null(reply->choices[0].content.data);
	assert_text(reply->choices[0].tool_calls[0].id, "a");
	ck_assert_uint_eq(reply->choices[0].tool_calls[0].fragments, 1);
	assert_keeps(reply, "TC-03");
	assert_keeps(reply, "TC-04");
	reply = ask(BODY(MESSAGE("\"content\":\"\",\"tool_calls\":[{\"id\":\"\",\"function\":{"
	                         "\"name\":\"\",\"arguments\":{\"a\": 1}}},{\"id\":\"b\",\"type\":"
	                         "\"function\",\"function\":{\"name\":\"g\",\"arguments\":null}}]",
	                         "stop")));
	assert_text(reply->choices[0].tool_calls[0].arguments, "{\"a\":1}");
	ck_assert_ptr_null(reply->choices[0].tool_calls[1].arguments.data);
	assert_violates(reply, "TC-03", WIRE_BREAKS,
	                "tool_calls[0] has arguments that are no string");
	assert_violates(reply, "TC-03", WIRE_BREAKS, "tool call 0 has no id");
	assert_violates(reply, "TC-03", WIRE_BREAKS, "tool call 0 has no name");
	assert_violates(reply, "TC-03", WIRE_BREAKS, "tool call 1 has no arguments");
	assert_violates(reply, "TC-03", WIRE_DEVIATES, "tool_calls[0] has no type");
	assert_violates(reply, "TC-20", WIRE_DEVIATES, "2 calls");
}
END_TEST

START_TEST(what_goes_back_with_a_call_is_kept_as_it_stands)
{
	const struct chat_reply *reply = ask(BODY(MESSAGE(
	    "\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{"
	    "\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"x\":1}}}]",
	    "tool_calls")));

	assert_text(reply->choices[0].tool_calls[0].extra, "{\"google\":{\"x\":1}}");
}
END_TEST

/* Once: what stands for the bytes is ours, and no character that was torn before. */
START_TEST(bytes_that_are_no_text_are_told_once)
{
	const struct chat_reply *reply = ask(BODY(MESSAGE("\"content\":\"a\xff\"", "stop")));

	ck_assert(reply->bad_utf8);
	assert_text(reply->choices[0].content, "a\xef\xbf\xbd");
	assert_violates(reply, "ST-07", WIRE_BREAKS, "no text");
	ck_assert_uint_eq(count_violations(reply, "ST-07", WIRE_DEVIATES, ""), 0);
	/* Escapes beside them stay, a pair of surrogates as one. */
	assert_text(
	    ask(BODY(MESSAGE("\"content\":\"\\n\xff\\ud83d\\ude00\"", "stop")))->choices[0].content,
	    "\n\xef\xbf\xbd\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(custom_tools_take_free_text)
{
	const struct chat_reply *reply = ask(BODY(MESSAGE(
	    "\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"custom\",\"custom\":{"
	    "\"name\":\"sql\",\"input\":\"SELECT 1\"}}]",
	    "tool_calls")));

	assert_no_violation(reply);
	assert_text(reply->choices[0].tool_calls[0].arguments, "SELECT 1");
	assert_text(reply->choices[0].tool_calls[0].type, "custom");
}
END_TEST

START_TEST(content_in_parts_is_read_as_thoughts_and_text)
{
	const struct chat_reply *reply =
	    ask(BODY(MESSAGE("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\","
	                     "\"text\":\"hm\"}]},"
	                     "{\"type\":\"text\",\"text\":\"4\"}]",
	                     "stop")));

	assert_text(reply->choices[0].content, "4");
	assert_text(reply->choices[0].reasoning, "hm");
	assert_violates(reply, "CH-02", WIRE_BREAKS, "is an array, no string");
}
END_TEST

START_TEST(a_finish_reason_outside_the_list_is_told)
{
	assert_violates(ask(BODY(MESSAGE("\"content\":\"x\"", "eos"))), "FR-01", WIRE_DEVIATES,
	                "\"eos\"");
	assert_violates(ask(BODY(MESSAGE("\"content\":\"x\"", ""))), "FR-01", WIRE_DEVIATES,
	                "\"\"");
	const struct chat_reply *reply = ask(BODY(MESSAGE("\"content\":\"x\"", "error")));
	ck_assert_uint_eq(reply->error_count, 1);
	ck_assert(!reply->complete);
}
END_TEST

START_TEST(bytes_around_the_json_are_told)
{
	static const char body[] = BODY(MESSAGE("\"content\":\"x\"", "stop"));
	char bytes[1024];

	(void)snprintf(bytes, sizeof(bytes), "\n\n  %s\n", body);
	const struct chat_reply *reply = ask(bytes);
	assert_violates(reply, "HT-01", WIRE_HARMLESS, "4 blank bytes");
	ck_assert(!reply->broken[WIRE_HT_01] && reply->complete);
	(void)snprintf(bytes, sizeof(bytes), "%s data: x", body);
	assert_violates(ask(bytes), "HT-01", WIRE_BREAKS, "7 bytes stand behind the JSON: data: x");
	(void)snprintf(bytes, sizeof(bytes), "\xef\xbb\xbf%s", body);
	reply = ask(bytes);
	assert_violates(reply, "HT-01", WIRE_DEVIATES, "byte order mark");
	assert_text(reply->choices[0].content, "x");
}
END_TEST

START_TEST(what_is_no_json_and_no_stream_is_unreadable)
{
	static const char *const bodies[] = {"", "  \n", "<html><body>502</body></html>",
	                                     "upstream error", "{\"choices\":[{\"ind"};

	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		const struct chat_reply *reply = read_text(bodies[i]);
		ck_assert_msg(!reply_is_readable(reply), "%s", bodies[i]);
		ck_assert(!reply->complete);
		ck_assert(reply->broken[WIRE_HT_01]);
	}
	ck_assert(reply_is_readable(read_text("{}")));
	ck_assert(reply_is_readable(read_text(": ping\n\n")));
	ck_assert(reply_is_readable(read_text("null")));
	ck_assert(reply_is_readable(read_text("data: x\n")));
}
END_TEST

START_TEST(text_that_is_torn_is_mended_in_a_body_too)
{
	const struct chat_reply *reply =
	    ask(BODY(MESSAGE("\"content\":\"a\xe2\x82 \\ud83d\"", "stop")));

	assert_text(reply->choices[0].content, "a\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd");
	assert_violates(reply, "ST-07", WIRE_BREAKS, "the body holds");
}
END_TEST

START_TEST(headers_are_held_against_the_bytes)
{
	struct chat_request request = {.endpoint = ENDPOINT_CHAT, .body = TEXT("{}")};
	struct reply_context context = {.dialect = &dialect_openai,
	                                .request = &request,
	                                .status = 200,
	                                .content_type = TEXT("text/plain")};
	static const char body[] = BODY(MESSAGE("\"content\":\"x\"", "stop"));

	assert_violates(read_in(&context, text_of(body)), "HT-01", WIRE_BREAKS, "text/plain");
	context.content_type = TEXT("Application/JSON; charset=utf-8");
	assert_keeps(read_in(&context, text_of(body)), "HT-01");
	assert_violates(read_in(&context, TEXT(ROLE FINISH("stop") DONE)), "HT-01", WIRE_BREAKS,
	                "no stream was asked");
	request.streamed = true;
	assert_violates(read_in(&context, text_of(body)), "HT-02", WIRE_BREAKS,
	                "one JSON value came");
	assert_violates(read_in(&context, TEXT(ROLE FINISH("stop") DONE)), "HT-02", WIRE_DEVIATES,
	                "not text/event-stream");
	context.content_type = TEXT("text/event-stream;charset=UTF-8");
	assert_keeps(read_in(&context, TEXT(ROLE FINISH("stop") DONE)), "HT-02");
	context.status = 429;
	context.content_type = TEXT("application/json");
	ck_assert(!read_in(&context, TEXT("{\"error\":{\"message\":\"x\"}}"))->broken[WIRE_HT_02]);
}
END_TEST

START_TEST(legacy_completions_are_read_whole_and_streamed)
{
	const struct chat_reply *reply = read_answer(
	    ENDPOINT_COMPLETIONS, "{}",
	    "{\"id\":\"x\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":["
	    "{\"index\":0,\"text\":\"a\",\"finish_reason\":\"stop\",\"logprobs\":null}],\"usage\":{"
	    "\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}");

	assert_no_violation(reply);
	ck_assert(reply->complete);
	assert_text(reply->choices[0].content, "a");
	reply = read_text(
	    "data: {\"id\":\"x\",\"object\":\"text_completion\",\"choices\":[{\"index\":0,"
	    "\"text\":\"a\",\"finish_reason\":null}]}\n\n"
	    "data: {\"id\":\"x\",\"object\":\"text_completion\",\"choices\":[{\"index\":0,"
	    "\"text\":\"b\",\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n");
	assert_no_violation(reply);
	ck_assert_int_eq(reply->api, CHAT_API_COMPLETIONS);
	assert_text(reply->choices[0].content, "ab");
	ck_assert(reply->complete);
	assert_violates(read_text("{\"object\":\"text_completion\",\"choices\":[{\"text\":null}]}"),
	                "CP-01", WIRE_BREAKS, "choices[0].text is null");
}
END_TEST

#define VECTOR(index, numbers)                                                                     \
	"{\"object\":\"embedding\",\"index\":" index ",\"embedding\":" numbers "}"
#define VECTORS(vectors)                                                                           \
	"{\"object\":\"list\",\"model\":\"m\",\"data\":[" vectors "],"                             \
	"\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}"

static struct chat_usage billed_of(const char *usage)
{
	struct text body = text_format(
	    &unit_arena,
	    "{\"object\":\"list\",\"model\":\"m\",\"data\":[" VECTOR("0", "[1]") "],\"usage\":%s}",
	    usage);

	return chat_reply_billed(read_text(text_c(&unit_arena, body)));
}

START_TEST(embeddings_are_counted_and_measured)
{
	const struct chat_reply *reply =
	    read_text(VECTORS(VECTOR("0", "[1,2.5]") "," VECTOR("1", "[0,-1e-3]")));

	assert_no_violation(reply);
	ck_assert_int_eq(reply->item_count, 2);
	ck_assert_int_eq(reply->dimensions, 2);
	ck_assert_int_eq(reply->usage.output, -1);
	ck_assert(reply->complete);
	/* Nothing is written, or no embedding would ever have a price. */
	ck_assert_int_eq(chat_reply_billed(reply).output, 0);
	ck_assert_int_eq(billed_of("{\"total_tokens\":3}").input, 3);
	ck_assert_int_eq(billed_of("{\"total_tokens\":3}").output, 0);
	/* Here somebody counts what nobody explains. */
	ck_assert_int_eq(billed_of("{\"prompt_tokens\":3,\"total_tokens\":5}").output, -1);
	reply = read_text(VECTORS(VECTOR("0", "\"AACAPwAAAEAAAEBA\""))); /* 1, 2, 3 */
	ck_assert_int_eq(reply->dimensions, 3);
	reply = read_text(VECTORS(VECTOR("0", "\"/////////38=\""))); /* no floats */
	ck_assert_int_eq(reply->dimensions, -1);
	reply = read_text(VECTORS(VECTOR("0", "[1]") "," VECTOR("1", "[1,2]")));
	assert_violates(reply, "EM-01", WIRE_BREAKS, "data[1] has 2 dimensions, not 1");
	ck_assert_int_eq(reply->dimensions, -1);
	assert_violates(read_text(VECTORS(VECTOR("1", "[1]"))), "EM-01", WIRE_DEVIATES,
	                "not in order");
	reply = read_answer(ENDPOINT_EMBEDDINGS, "{}", "{\"object\":\"list\",\"data\":[]}");
	assert_violates(reply, "EM-01", WIRE_BREAKS, "holds no embedding");
	ck_assert(!reply->complete);
}
END_TEST

START_TEST(model_lists_are_read_in_each_clothing)
{
	const struct chat_reply *reply =
	    read_text("{\"object\":\"list\",\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}");

	assert_no_violation(reply);
	ck_assert_int_eq(reply->item_count, 2);
	assert_text(reply->models[1], "b");
	reply = read_text("[{\"id\":\"a\"}]");
	ck_assert_int_eq(reply->api, CHAT_API_MODELS);
	assert_violates(reply, "MO-01", WIRE_BREAKS, "bare array");
	assert_violates(read_text("{\"data\":[{\"id\":\"a\"}]}"), "MO-01", WIRE_DEVIATES, "object");
}
END_TEST

START_TEST(inspect_prints_the_members_of_the_contract_in_their_order)
{
	const struct chat_reply *reply = read_text(ROLE SAY("x\\\"y") FINISH("stop") DONE);

	assert_text(
	    written_reply(reply),
	    "{\"events\":4,\"comments\":0,\"done\":1,\"choices\":[{\"index\":0,\"finish_reason\":"
	    "\"stop\",\"content\":\"x\\\"y\",\"reasoning\":null,\"refusal\":null,\"tool_calls\":[],"
	    "\"role\":\"assistant\"}],\"usage\":null,\"ids\":[\"c1\"],\"models\":[\"m\"],"
	    "\"errors\":[],\"violations\":[],\"complete\":true,\"api\":\"chat\",\"streamed\":true,"
	    "\"violations_dropped\":0,\"items\":null,\"dimensions\":null,"
	    "\"system_fingerprint\":null,\"served_by\":null}");
}
END_TEST

START_TEST(names_of_rules_endpoints_and_dialects_are_found)
{
	enum endpoint endpoint;

	for (unsigned rule = 0; rule < WIRE_RULE_COUNT; rule++)
		ck_assert_uint_eq(wire_rule_from_id(text_of(wire_rule_id((enum wire_rule)rule))),
		                  rule);
	ck_assert_uint_eq(wire_rule_from_id(TEXT("XX-01")), WIRE_RULE_COUNT);
	ck_assert(endpoint_from_name(TEXT("responses"), &endpoint) &&
	          endpoint == ENDPOINT_RESPONSES);
	ck_assert(!endpoint_from_name(TEXT("images"), &endpoint));
	ck_assert_ptr_eq(dialect_from_name(TEXT("openai")), &dialect_openai);
	ck_assert_ptr_null(dialect_from_name(TEXT("bogus")));
	for (size_t i = 0; dialect_names[i] != NULL; i++)
		ck_assert_ptr_nonnull(dialect_from_name(text_of(dialect_names[i])));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_body_as_openai_sends_it_breaks_no_rule);
	tcase_add_test(cases, what_a_body_lacks_is_told_by_name);
	tcase_add_test(cases, a_created_with_a_fraction_is_told);
	tcase_add_test(cases, tool_calls_are_read_and_judged);
	tcase_add_test(cases, what_goes_back_with_a_call_is_kept_as_it_stands);
	tcase_add_test(cases, bytes_that_are_no_text_are_told_once);
	tcase_add_test(cases, custom_tools_take_free_text);
	tcase_add_test(cases, content_in_parts_is_read_as_thoughts_and_text);
	tcase_add_test(cases, a_finish_reason_outside_the_list_is_told);
	tcase_add_test(cases, bytes_around_the_json_are_told);
	tcase_add_test(cases, what_is_no_json_and_no_stream_is_unreadable);
	tcase_add_test(cases, text_that_is_torn_is_mended_in_a_body_too);
	tcase_add_test(cases, headers_are_held_against_the_bytes);
	tcase_add_test(cases, legacy_completions_are_read_whole_and_streamed);
	tcase_add_test(cases, embeddings_are_counted_and_measured);
	tcase_add_test(cases, model_lists_are_read_in_each_clothing);
	tcase_add_test(cases, inspect_prints_the_members_of_the_contract_in_their_order);
	tcase_add_test(cases, names_of_rules_endpoints_and_dialects_are_found);
}

int main(void)
{
	return unit_main("reply_chat", add);
}
