/* Streamed chat completions: thoughts, usage, order, ends. */
#include "tests/unit/providers/reply_unit.h"

static const char asks_stream[] = "{\"stream\":true}";

#define USAGE "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}"
#define USAGE_CHUNK                                                                                \
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\"," \
	"\"choices\":[]," USAGE "}\n\n"
#define EMPTY_USAGE_CHUNK                                                                          \
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\"," \
	"\"choices\":[],\"usage\":{}}\n\n"
static const char asks_usage[] = "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}";

START_TEST(a_stream_as_openai_sends_it_breaks_no_rule)
{
	const struct chat_reply *reply = read_answer(
	    ENDPOINT_CHAT, asks_usage, ROLE SAY("Hel") SAY("lo") FINISH("stop") USAGE_CHUNK DONE);

	assert_no_violation(reply);
	ck_assert(reply->complete);
	ck_assert_int_eq(reply->events, 6);
	ck_assert_int_eq(reply->done, 1);
	assert_text(reply->choices[0].content, "Hello");
	assert_text(reply->choices[0].role, "assistant");
	assert_text(reply->choices[0].finish_reason, "stop");
	ck_assert_int_eq(reply->usage.total, 7);
	assert_text(reply->ids[0], "c1");
	assert_keeps(reply, "SU-01");
	assert_keeps(reply, "ST-06");
	ck_assert(!reply->saw[wire_rule_from_id(TEXT("TS-01"))]);
}
END_TEST

START_TEST(more_tokens_than_allowed_must_say_length)
{
	static const char asks[] = "{\"stream\":true,\"max_tokens\":1}";
	static const char stops[] = ROLE SAY("x") FINISH("stop") USAGE_CHUNK DONE;

	assert_violates(read_answer(ENDPOINT_CHAT, asks, stops), "JS-14", WIRE_DEVIATES,
	                "2 tokens of 1 allowed");
	ck_assert(!read_text(stops)->saw[WIRE_JS_14]);
	assert_keeps(
	    read_answer(ENDPOINT_CHAT, asks, ROLE SAY("x") FINISH("length") USAGE_CHUNK DONE),
	    "JS-14");
}
END_TEST

START_TEST(thoughts_are_read_wherever_they_stand)
{
	static const char *const streams[] = {
	    ROLE DELTA("\"reasoning_content\":\"hm\"") SAY("x") FINISH("stop") DONE,
	    ROLE DELTA("\"reasoning\":\"hm\",\"reasoning_content\":null") SAY("x") FINISH("stop")
		DONE,
	    ROLE DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\"}]")
		SAY("x") FINISH("stop") DONE,
	    ROLE DELTA("\"reasoning_content\":\"hm\",\"reasoning\":\"hm\","
	               "\"reasoning_details\":[{\"text\":\"hm\"}]") SAY("x") FINISH("stop") DONE,
	    ROLE DELTA("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\","
	               "\"text\":\"hm\"}]}]")
		DELTA("\"content\":[{\"type\":\"text\",\"text\":\"x\"}]") FINISH("stop") DONE,
	};

	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
		const struct chat_reply *reply = read_text(streams[i]);
		assert_text(reply->choices[0].reasoning, "hm");
		assert_text(reply->choices[0].content, "x");
		assert_keeps(reply, "RE-02");
	}
}
END_TEST

START_TEST(thoughts_that_come_late_move_or_stand_in_content_are_told)
{
	assert_violates(read_text(ROLE SAY("x") DELTA("\"reasoning\":\"hm\"") FINISH("stop") DONE),
	                "RE-02", WIRE_DEVIATES, "come after content of event 3");
	assert_violates(read_text(ROLE DELTA("\"reasoning\":\"h\"")
	                              DELTA("\"reasoning_content\":\"m\"") FINISH("stop") DONE),
	                "RE-02", WIRE_DEVIATES, "another member");
	assert_violates(read_text(ROLE SAY("<think>h") SAY("m</think>x") FINISH("stop") DONE),
	                "RE-01", WIRE_DEVIATES, "<think>");
}
END_TEST

START_TEST(raw_tool_markup_in_content_is_told)
{
	assert_violates(read_text(ROLE SAY("<tool_") SAY("call>{}") FINISH("stop") DONE), "TC-21",
	                WIRE_DEVIATES, "<tool_call>");
}
END_TEST

START_TEST(usage_is_taken_from_every_place_and_the_request_says_whether_it_is_right)
{
	static const char nowhere[] = ROLE SAY("x") FINISH("stop") DONE;
	static const char on_finish[] = ROLE
	    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"
	    "\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]," USAGE
	    "}\n\n" DONE;
	static const char in_choice[] =
	    ROLE CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"," USAGE "}") DONE;
	static const char in_groq[] = ROLE
	    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"
	    "\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
	    "\"x_groq\":{" USAGE "}}\n\n" DONE;

	assert_violates(read_answer(ENDPOINT_CHAT, asks_usage, nowhere), "SU-01", WIRE_BREAKS,
	                "never came");
	ck_assert(!read_text(nowhere)->saw[WIRE_SU_01]);
	assert_violates(read_answer(ENDPOINT_CHAT, asks_usage, on_finish), "SU-01", WIRE_DEVIATES,
	                "usage came as usage of event 2");
	assert_violates(read_answer(ENDPOINT_CHAT, asks_usage, in_choice), "SU-01", WIRE_DEVIATES,
	                "choices[0].usage of event 2");
	assert_violates(read_answer(ENDPOINT_CHAT, asks_usage, in_groq), "SU-01", WIRE_DEVIATES,
	                "x_groq.usage of event 2");
	assert_violates(
	    read_answer(ENDPOINT_CHAT, asks_usage, ROLE SAY("x") USAGE_CHUNK FINISH("stop") DONE),
	    "SU-01", WIRE_DEVIATES, "in event 3, before the choices of event 4");
	assert_violates(read_answer(ENDPOINT_CHAT, asks_usage,
	                            ROLE SAY("x") FINISH("stop") EMPTY_USAGE_CHUNK DONE),
	                "SU-01", WIRE_BREAKS, "usage of event 4 counts nothing");
	ck_assert_int_eq(read_text(in_choice)->usage.input, 5);
	ck_assert_int_eq(read_text(in_groq)->usage.output, 2);
	assert_violates(
	    read_answer(ENDPOINT_CHAT, asks_stream, ROLE SAY("x") FINISH("stop") USAGE_CHUNK DONE),
	    "SU-02", WIRE_DEVIATES, "nobody asked");
}
END_TEST

START_TEST(a_finish_must_come_and_come_once)
{
	const struct chat_reply *reply = read_text(ROLE SAY("x") DONE);

	ck_assert(!reply->complete);
	ck_assert_int_eq(reply->done, 1);
	assert_violates(reply, "ST-06", WIRE_BREAKS, "choice 0 never finishes");
	reply = read_text(ROLE SAY("x") FINISH("stop") FINISH("stop") DONE);
	ck_assert(reply->complete);
	assert_violates(reply, "ST-06", WIRE_DEVIATES, "finishes again in event 4");
	reply = read_text(ROLE SAY("x") FINISH("") DONE);
	ck_assert(!reply->complete);
	assert_violates(reply, "ST-05", WIRE_DEVIATES, "is \"\", not null");
	reply = read_text(ROLE CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"}}") FINISH("stop")
	                      DONE);
	assert_violates(reply, "ST-05", WIRE_DEVIATES,
	                "choices[0] of event 2 has no finish_reason");
	ck_assert(reply->complete);
}
END_TEST

START_TEST(a_cut_stream_is_never_complete)
{
	struct reply_context context = {.cut = true};
	const struct chat_reply *reply = read_in(&context, TEXT(ROLE SAY("x") FINISH("stop")));

	ck_assert(!reply->complete);
	ck_assert(!reply->broken[WIRE_ST_02]);
	assert_keeps(reply, "ER-20");
	reply = read_in(&context, TEXT(ROLE SAY("x")));
	assert_violates(reply, "ST-06", WIRE_BREAKS, "the stream was cut");
}
END_TEST

/* What sets the client's pause is no event without data. */
START_TEST(a_block_of_retry_is_in_order_and_one_of_a_name_is_not)
{
	assert_keeps(read_text("retry: 3000\n\n" ROLE SAY("x") FINISH("stop") DONE), "ST-01");
	assert_violates(read_text("event: x\n\n" ROLE SAY("x") FINISH("stop") DONE), "ST-01",
	                WIRE_DEVIATES, "1 blocks of fields have no data");
	ck_assert(read_text("retry: 3000\n\n")->streamed);
}
END_TEST

START_TEST(a_last_event_that_is_not_closed_is_read_and_told)
{
	const struct chat_reply *reply = read_text(
	    ROLE "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":"
		 "\"stop\"}]}\n");

	assert_text(reply->choices[0].content, "x");
	ck_assert(!reply->complete);
	ck_assert_int_eq(reply->events, 1);
	assert_violates(reply, "ST-01", WIRE_BREAKS, "no blank line closes it");
	reply = read_text(ROLE SAY("x") FINISH("stop") "data: [DONE]");
	ck_assert(reply->complete);
	ck_assert_int_eq(reply->done, 1);
	assert_violates(reply, "ST-01", WIRE_DEVIATES, "event 4");
}
END_TEST

START_TEST(an_event_that_is_no_json_is_told_and_the_rest_is_read)
{
	const struct chat_reply *reply =
	    read_text(ROLE "data: {\"id\":\n\n" SAY("x") "data: \n\n" FINISH("stop") DONE);

	assert_text(reply->choices[0].content, "x");
	assert_violates(reply, "ST-01", WIRE_BREAKS, "the data of event 2 is no JSON: {\"id\":");
	assert_violates(reply, "ST-01", WIRE_BREAKS, "the data of event 4 is empty");
	ck_assert(!reply->complete);
	reply = read_text(ROLE "data: {\"choices\":[]} trailing\n\n" FINISH("stop") DONE);
	assert_violates(reply, "ST-01", WIRE_BREAKS, "8 bytes stand behind the JSON of event 2");
}
END_TEST

START_TEST(torn_characters_are_mended_and_told)
{
	const struct chat_reply *reply = read_text(ROLE SAY("a\xe2\x82") SAY("\\ud83d") SAY(
	    "\\ude00b") SAY("\\ud83d\\ude00") FINISH("stop") DONE);

	assert_text(reply->choices[0].content, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	                                       "b\xf0\x9f\x98\x80");
	assert_violates(reply, "ST-07", WIRE_BREAKS, "of event 2");
	ck_assert(reply->complete);
	assert_violates(read_text(ROLE SAY("\xef\xbf\xbd") FINISH("stop") DONE), "ST-07",
	                WIRE_DEVIATES, "U+FFFD");
	assert_keeps(read_text(ROLE SAY("\xe2\x82\xac") FINISH("stop") DONE), "ST-07");
}
END_TEST

START_TEST(what_changes_between_chunks_is_told)
{
	const struct chat_reply *reply = read_text(
	    ROLE
	    "data: {\"id\":\"c2\",\"object\":\"chat.completion\",\"created\":2,\"model\":\"n\","
	    "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" DONE);

	assert_violates(reply, "ST-03", WIRE_DEVIATES, "id of event 2 differs");
	assert_violates(reply, "ST-03", WIRE_DEVIATES, "model of event 2 differs");
	assert_violates(reply, "ST-03", WIRE_DEVIATES, "created of event 2 differs");
	ck_assert_uint_eq(reply->id_count, 2);
	assert_text(reply->models[1], "n");
}
END_TEST

START_TEST(azures_filter_chunks_are_no_fault)
{
	const struct chat_reply *reply = read_text(
	    "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\","
	    "\"prompt_filter_results\":[]}\n\n" ROLE SAY("x") FINISH("stop") DONE);

	assert_no_violation(reply);
	ck_assert_uint_eq(reply->id_count, 1);
	reply = read_text(
	    ROLE CHUNK("{\"index\":0,\"content_filter_results\":{},\"finish_reason\":null}")
		FINISH("stop") DONE);
	assert_violates(reply, "ST-08", WIRE_DEVIATES, "choices[0] of event 2 has no delta");
	reply = read_text(ROLE CHUNK("") FINISH("stop") DONE);
	assert_violates(reply, "ST-08", WIRE_DEVIATES, "is empty");
	reply =
	    read_text(ROLE "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\"}\n\n" DONE);
	assert_violates(reply, "ST-08", WIRE_BREAKS, "choices of event 2 is nothing");
	reply = read_text(ROLE CHUNK("{\"delta\":{},\"finish_reason\":\"stop\"}") DONE);
	assert_violates(reply, "ST-08", WIRE_BREAKS, "choices[0] of event 2 has no index");
}
END_TEST

START_TEST(a_role_that_never_comes_breaks_clients)
{
	assert_violates(read_text(SAY("x") FINISH("stop") DONE), "ST-04", WIRE_BREAKS,
	                "no delta of choice 0 has a role");
	assert_violates(read_text(SAY("x") ROLE FINISH("stop") DONE), "ST-04", WIRE_DEVIATES,
	                "the first delta");
	assert_violates(read_text(DELTA("\"role\":\"model\"") SAY("x") FINISH("stop") DONE),
	                "ST-04", WIRE_DEVIATES, "of event 1 is \"model\", not assistant");
}
END_TEST

START_TEST(choices_interleave_by_index_and_are_listed_in_order)
{
	const struct chat_reply *reply = read_text(
	    CHUNK("{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":\"b\"},\"finish_"
	          "reason\":null}") CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\","
	                                  "\"content\":\"a\"},\"finish_reason\":null}")
		CHUNK("{\"index\":1,\"delta\":{\"content\":\"B\"},\"finish_reason\":\"stop\"}")
		    FINISH("length") DONE);

	assert_no_violation(reply);
	assert_text(reply->choices[0].content, "a");
	assert_text(reply->choices[1].content, "bB");
	ck_assert_ptr_eq(chat_reply_choice(reply, 1), &reply->choices[1]);
	ck_assert_ptr_null(chat_reply_choice(reply, 2));
	ck_assert(reply->complete);
}
END_TEST

START_TEST(content_that_is_no_string_is_kept_as_it_stands)
{
	const struct chat_reply *reply =
	    read_text(ROLE DELTA("\"content\":{\"a\": 1}") FINISH("stop") DONE);

	assert_text(reply->choices[0].content, "{\"a\": 1}");
	assert_violates(reply, "CH-02", WIRE_BREAKS,
	                "choices[0].delta.content of event 2 is an object");
	reply = read_text(DELTA("\"role\":\"assistant\",\"content\":null") FINISH("stop") DONE);
	ck_assert_ptr_null(reply->choices[0].content.data);
}
END_TEST

START_TEST(the_old_function_call_stands_apart)
{
	const struct chat_reply *reply = read_text(
	    ROLE DELTA("\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}")
		DELTA("\"function_call\":{\"arguments\":\"{}\"}") FINISH("function_call") DONE);

	assert_no_violation(reply);
	ck_assert_uint_eq(reply->choices[0].tool_call_count, 0);
	assert_text(reply->choices[0].function_call->name, "f");
	assert_text(reply->choices[0].function_call->arguments, "{}");
}
END_TEST

START_TEST(the_end_marker_comes_once_and_last)
{
	assert_violates(read_text(ROLE SAY("x") FINISH("stop")), "ST-02", WIRE_DEVIATES,
	                "no [DONE]");
	assert_violates(read_text(ROLE FINISH("stop") DONE DONE), "ST-02", WIRE_DEVIATES,
	                "2 times");
	assert_violates(read_text(ROLE DONE FINISH("stop")), "ST-02", WIRE_DEVIATES,
	                "follows [DONE] of event 3");
}
END_TEST

START_TEST(an_empty_stream_is_no_success)
{
	const struct chat_reply *reply = read_answer(ENDPOINT_CHAT, asks_stream, DONE);

	ck_assert(!reply->complete);
	assert_violates(reply, "ER-20", WIRE_BREAKS, "empty stream");
	reply = read_answer(ENDPOINT_CHAT, asks_stream, ": keep-alive\n\n");
	ck_assert(!reply->complete);
	assert_violates(reply, "ST-06", WIRE_BREAKS, "no choice");
}
END_TEST

START_TEST(the_same_fault_is_told_a_few_times_and_then_counted)
{
	char stream[8192] = ROLE;

	for (int i = 0; i < 40; i++)
		strncat(stream,
		        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n",
		        sizeof(stream) - strlen(stream) - 1);
	const struct chat_reply *reply = read_text(stream);
	ck_assert_uint_eq(count_violations(reply, "ST-05", WIRE_DEVIATES, ""), 3);
	ck_assert_uint_gt(reply->violations_dropped, 30);
}
END_TEST

START_TEST(times_of_the_first_deltas_are_kept)
{
	struct reply_context context = {0};
	struct reply_reader *reader = reply_reader_new(&context, &unit_arena);

	reply_reader_feed(reader, TEXT(": wait\n\n" ROLE), 10);
	ck_assert_int_eq(reply_reader_reply(reader)->first_delta_us, -1);
	reply_reader_feed(reader, TEXT(DELTA("\"reasoning_content\":\"hm\"")), 20);
	reply_reader_feed(reader, TEXT(SAY("x")), 30);
	const struct chat_reply *reply = reply_reader_reply(reader);
	assert_text(reply->choices[0].content, "x");
	ck_assert_int_eq(reply->first_delta_us, 20);
	ck_assert_int_eq(reply->first_content_us, 30);
	reply_reader_feed(reader, TEXT(FINISH("stop")), 40);
	reply = reply_reader_end(reader, false);
	reply_reader_done(reader);
	ck_assert_int_eq(reply->last_event_us, 40);
	ck_assert_ptr_eq(reply_reader_end(reader, false), reply);
}
END_TEST

START_TEST(too_many_choices_and_calls_are_refused_without_harm)
{
	struct text_buf stream;

	text_buf_init(&stream, 4 << 20);
	for (int i = 0; i < CHAT_MAX_CHOICES + 5; i++)
		text_buf_format(&stream, "data: {\"choices\":[{\"index\":%d,\"delta\":{}}]}\n\n",
		                i);
	for (int i = 0; i < CHAT_MAX_TOOL_CALLS + 5; i++)
		text_buf_format(
		    &stream,
		    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":"
		    "%d,\"id\":\"%d\"}]}}]}\n\n",
		    i, i);
	struct reply_context context = {0};
	const struct chat_reply *reply = read_pieces(&context, text_buf_view(&stream), 1000);
	ck_assert_uint_eq(reply->choice_count, CHAT_MAX_CHOICES);
	ck_assert_uint_eq(reply->choices[0].tool_call_count, CHAT_MAX_TOOL_CALLS);
	ck_assert(!reply->complete);
	text_buf_done(&stream);
}
END_TEST

/* Nothing that a client could use came: a proxy asks another target. */
START_TEST(an_event_that_is_no_object_is_broken)
{
	const struct chat_reply *reply = read_answer(
	    ENDPOINT_CHAT, asks_stream, ROLE "data: 7\n\n" SAY("x") FINISH("stop") DONE);

	ck_assert(reply->broken_json);
	assert_violates(reply, "ST-01", WIRE_BREAKS, "the data of event 2 is a number, no object");
	assert_text(reply->choices[0].content, "x");
}
END_TEST

START_TEST(content_behind_the_finish_is_told_though_little_is_kept)
{
	const struct reply_context context = {.text_kept_bytes = 1};

	assert_violates(read_in(&context, TEXT(ROLE SAY("x") FINISH("stop") SAY("y") DONE)),
	                "ST-06", WIRE_DEVIATES, "content of choice 0 comes after its finish");
}
END_TEST

START_TEST(an_empty_reason_does_not_take_the_true_one_back)
{
	const struct chat_reply *reply = read_text(ROLE SAY("x") FINISH("stop") FINISH("") DONE);

	assert_text(reply->choices[0].finish_reason, "stop");
	ck_assert(reply->complete);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, an_event_that_is_no_object_is_broken);
	tcase_add_test(cases, content_behind_the_finish_is_told_though_little_is_kept);
	tcase_add_test(cases, an_empty_reason_does_not_take_the_true_one_back);
	tcase_add_test(cases, a_stream_as_openai_sends_it_breaks_no_rule);
	tcase_add_test(cases, more_tokens_than_allowed_must_say_length);
	tcase_add_test(cases, thoughts_are_read_wherever_they_stand);
	tcase_add_test(cases, thoughts_that_come_late_move_or_stand_in_content_are_told);
	tcase_add_test(cases, raw_tool_markup_in_content_is_told);
	tcase_add_test(cases,
	               usage_is_taken_from_every_place_and_the_request_says_whether_it_is_right);
	tcase_add_test(cases, a_finish_must_come_and_come_once);
	tcase_add_test(cases, a_cut_stream_is_never_complete);
	tcase_add_test(cases, a_block_of_retry_is_in_order_and_one_of_a_name_is_not);
	tcase_add_test(cases, a_last_event_that_is_not_closed_is_read_and_told);
	tcase_add_test(cases, an_event_that_is_no_json_is_told_and_the_rest_is_read);
	tcase_add_test(cases, torn_characters_are_mended_and_told);
	tcase_add_test(cases, what_changes_between_chunks_is_told);
	tcase_add_test(cases, azures_filter_chunks_are_no_fault);
	tcase_add_test(cases, a_role_that_never_comes_breaks_clients);
	tcase_add_test(cases, choices_interleave_by_index_and_are_listed_in_order);
	tcase_add_test(cases, content_that_is_no_string_is_kept_as_it_stands);
	tcase_add_test(cases, the_old_function_call_stands_apart);
	tcase_add_test(cases, the_end_marker_comes_once_and_last);
	tcase_add_test(cases, an_empty_stream_is_no_success);
	tcase_add_test(cases, the_same_fault_is_told_a_few_times_and_then_counted);
	tcase_add_test(cases, times_of_the_first_deltas_are_kept);
	tcase_add_test(cases, too_many_choices_and_calls_are_refused_without_harm);
}

int main(void)
{
	return unit_main("reply_stream", add);
}
