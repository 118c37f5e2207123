/* Tool calls of streamed chat completions, in every form that was seen. */
#include "tests/unit/providers/reply_unit.h"

static const char asks_stream[] = "{\"stream\":true}";

#define CALL_A                                                                                     \
	"{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","            \
	"\"arguments\":\"\"}}"
#define ARGS(index, piece) "{\"index\":" index ",\"function\":{\"arguments\":\"" piece "\"}}"

static const struct chat_tool_call *call_at(const struct chat_reply *reply, size_t at)
{
	ck_assert_uint_ge(reply->choice_count, 1);
	ck_assert_uint_gt(reply->choices[0].tool_call_count, at);
	return &reply->choices[0].tool_calls[at];
}

static void assert_call(const struct chat_reply *reply, size_t at, const char *id, const char *name,
                        const char *arguments)
{
	const struct chat_tool_call *call = call_at(reply, at);

	assert_text(call->id, id);
	assert_text(call->name, name);
	assert_text(call->arguments, arguments);
}

START_TEST(two_calls_in_fragments_are_folded_by_index)
{
	const struct chat_reply *reply =
	    read_text(ROLE CALLS(CALL_A) CALLS(ARGS("0", "{\\\"x\\\":")) CALLS(
		"{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\","
		"\"arguments\":\"{}\"}}") CALLS(ARGS("0", "1}")) FINISH("tool_calls") DONE);

	assert_no_violation(reply);
	assert_call(reply, 0, "a", "f", "{\"x\":1}");
	assert_call(reply, 1, "b", "g", "{}");
	ck_assert_uint_eq(call_at(reply, 0)->fragments, 2);
	assert_keeps(reply, "TS-01");
	assert_keeps(reply, "TS-02");
	assert_keeps(reply, "TC-20");
	assert_keeps(reply, "TS-07");
	assert_keeps(reply, "ST-08");
	ck_assert(reply->complete);
}
END_TEST

START_TEST(a_missing_index_falls_back_to_the_id_and_the_most_recent_call)
{
	const struct chat_reply *reply =
	    read_text(ROLE CALLS("{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	                         "\"arguments\":\"\"}}")
	                  CALLS("{\"function\":{\"arguments\":\"{\\\"x\\\":\"}}")
	                      CALLS("{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":"
	                            "\"f\",\"arguments\":\"{}\"}}")
	                          CALLS("{\"id\":\"a\",\"function\":{\"arguments\":\"1}\"}}")
	                              FINISH("tool_calls") DONE);

	assert_call(reply, 0, "a", "f", "{\"x\":1}");
	assert_call(reply, 1, "b", "f", "{}");
	ck_assert_int_eq(call_at(reply, 0)->index, -1);
	assert_violates(reply, "TS-01", WIRE_BREAKS,
	                "choices[0].delta.tool_calls[0] of event 2 has no index");
}
END_TEST

START_TEST(whole_calls_without_index_and_id_are_told_apart_by_their_names)
{
	const struct chat_reply *reply = read_text(ROLE CALLS(
	    "{\"id\":\"\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
	    "{\"id\":\"\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"y\\\":2}\"}}")
	                                               FINISH("stop") DONE);

	assert_call(reply, 0, "", "f", "{}");
	assert_call(reply, 1, "", "f", "{\"y\":2}");
	assert_violates(reply, "TC-03", WIRE_BREAKS, "tool call 1 has no id");
}
END_TEST

/* The id says whose it is; whoever folds by index loses it. */
START_TEST(an_index_that_changes_is_told)
{
	const struct chat_reply *reply =
	    read_text(ROLE CALLS(CALL_A)
	                  CALLS("{\"index\":1,\"id\":\"a\",\"function\":{\"arguments\":\"{}\"}}")
	                      FINISH("tool_calls") DONE);

	assert_call(reply, 0, "a", "f", "{}");
	assert_violates(reply, "TS-03", WIRE_BREAKS, "changes the call's index");
}
END_TEST

START_TEST(different_ids_on_one_index_are_two_calls)
{
	const struct chat_reply *reply = read_text(ROLE CALLS(CALL_A) CALLS(ARGS("0", "{}")) CALLS(
	    "{\"index\":0,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\","
	    "\"arguments\":\"{\"}}") CALLS(ARGS("0", "}")) FINISH("tool_calls") DONE);

	assert_call(reply, 0, "a", "f", "{}");
	assert_call(reply, 1, "b", "g", "{}");
	assert_violates(reply, "TS-02", WIRE_BREAKS, "tool_calls[0] of event 4");
}
END_TEST

START_TEST(another_name_without_id_on_one_index_is_another_call)
{
	const struct chat_reply *reply =
	    read_text(ROLE CALLS("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
	                         "{\"index\":0,\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}")
	                  FINISH("tool_calls") DONE);

	ck_assert_uint_eq(reply->choices[0].tool_call_count, 2);
	assert_text(call_at(reply, 1)->name, "g");
	assert_violates(reply, "TS-02", WIRE_BREAKS, "tool_calls[1]");
}
END_TEST

START_TEST(continuations_with_an_empty_id_and_name_belong_to_their_call)
{
	const struct chat_reply *reply =
	    read_text(ROLE CALLS(CALL_A) CALLS("{\"index\":0,\"id\":\"\",\"type\":\"function\","
	                                       "\"function\":{\"name\":\"\",\"arguments\":\"{\"}}")
	                  CALLS("{\"index\":0,\"id\":\"\",\"type\":\"function\",\"function\":{"
	                        "\"arguments\":\"}\"}}") FINISH("tool_calls") DONE);

	/* Told, for whoever takes the last one is left without; and broken is nothing. */
	assert_violates(reply, "TS-03", WIRE_HARMLESS, "an empty id behind the true one");
	assert_violates(reply, "TS-03", WIRE_HARMLESS, "an empty name behind the true one");
	ck_assert(reply->saw[WIRE_TS_03] && !reply->broken[WIRE_TS_03]);
	assert_call(reply, 0, "a", "f", "{}");
}
END_TEST

START_TEST(a_first_call_of_another_index_than_0_is_told_and_breaks_nothing)
{
	const struct chat_reply *reply = read_text(
	    ROLE CALLS("{\"index\":1,\"id\":\"a\",\"type\":\"function\",\"function\":{"
	               "\"name\":\"f\",\"arguments\":\"{}\"}}") FINISH("tool_calls") DONE);

	assert_violates(reply, "TS-01", WIRE_HARMLESS, "index that is not 0");
	ck_assert(!reply->broken[WIRE_TS_01] && !reply->saw[WIRE_TS_02]);
	assert_call(reply, 0, "a", "f", "{}");
}
END_TEST

START_TEST(a_name_and_an_id_that_come_late_are_kept_and_told)
{
	const struct chat_reply *reply =
	    read_text(ROLE CALLS("{\"index\":0,\"function\":{\"arguments\":\"{\"}}")
	                  CALLS("{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{"
	                        "\"name\":\"f\",\"arguments\":\"}\"}}") FINISH("tool_calls") DONE);

	assert_call(reply, 0, "a", "f", "{}");
	assert_violates(reply, "TS-03", WIRE_DEVIATES, "brings the name late");
	assert_violates(reply, "TS-03", WIRE_DEVIATES, "begins a call without id");
	ck_assert(!reply->broken[WIRE_TC_03]);
}
END_TEST

START_TEST(an_id_or_name_that_is_sent_again_is_not_doubled)
{
	const struct chat_reply *reply = read_text(ROLE CALLS(CALL_A) CALLS(
	    "{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{}\"}}") FINISH("tool_calls") DONE);

	assert_call(reply, 0, "a", "f", "{}");
	assert_violates(reply, "TS-03", WIRE_DEVIATES, "sends the id again");
	assert_violates(reply, "TS-03", WIRE_DEVIATES, "sends the name again");
}
END_TEST

START_TEST(arguments_that_happen_to_parse_do_not_end_a_call)
{
	const struct chat_reply *reply = read_text(ROLE CALLS(CALL_A) CALLS(ARGS("0", "{}")) CALLS(
	    ARGS("0", " ")) FINISH("tool_calls") DONE);

	assert_call(reply, 0, "a", "f", "{} ");
	assert_keeps(reply, "TC-04");
}
END_TEST

START_TEST(arguments_as_an_object_are_written_out_and_told)
{
	const struct chat_reply *reply = read_text(ROLE CALLS(
	    "{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"arguments\":{\"x\": 1}}}") FINISH("tool_calls") DONE);

	assert_call(reply, 0, "a", "f", "{\"x\": 1}");
	assert_violates(reply, "TS-04", WIRE_BREAKS, "arguments that are no string");
}
END_TEST

START_TEST(arguments_that_join_to_no_object_are_told_with_their_text)
{
	const struct chat_reply *reply = read_text(ROLE CALLS(CALL_A) CALLS(ARGS("0", "{}")) CALLS(
	    ARGS("0", "{}")) FINISH("tool_calls") DONE);

	assert_violates(reply, "TC-04", WIRE_BREAKS,
	                "arguments of tool call 0 hold more than one JSON value: {}{}");
	assert_violates(reply, "TS-04", WIRE_BREAKS, "do not join");
	reply = read_text(ROLE CALLS(CALL_A) FINISH("tool_calls") DONE);
	assert_violates(reply, "TC-04", WIRE_BREAKS, "are empty");
	reply = read_text(ROLE CALLS(CALL_A) CALLS(ARGS("0", "{\\\"x\\\":")) FINISH("length") DONE);
	ck_assert(!reply->broken[WIRE_TC_04]);
	ck_assert(reply->complete);
}
END_TEST

START_TEST(long_arguments_in_one_fragment_are_no_streaming)
{
	char filler[601], whole[2048], halves[2048];

	memset(filler, 'x', 600);
	filler[600] = '\0';
#define ARGUMENTS                                                                                  \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"  \
	"\"arguments\":\"%s\"}}]},\"finish_reason\":null}]}\n\n"
	(void)snprintf(whole, sizeof(whole), "%s" ARGUMENTS "%s", ROLE CALLS(CALL_A), filler,
	               FINISH("tool_calls") DONE);
	assert_violates(read_text(whole), "TS-08", WIRE_DEVIATES, "600 bytes of arguments");
	(void)snprintf(halves, sizeof(halves), "%s" ARGUMENTS ARGUMENTS "%s", ROLE CALLS(CALL_A),
	               filler + 300, filler + 300, FINISH("tool_calls") DONE);
	assert_keeps(read_text(halves), "TS-08");
}
END_TEST

START_TEST(arguments_that_are_encoded_twice_are_told)
{
	assert_violates(
	    read_text(ROLE CALLS(CALL_A) CALLS(ARGS("0", "\\\"{}\\\"")) FINISH("tool_calls") DONE),
	    "TC-04", WIRE_BREAKS, "are encoded twice");
}
END_TEST

START_TEST(a_fragment_after_the_finish_is_kept_and_told)
{
	const struct chat_reply *reply =
	    read_text(ROLE CALLS(CALL_A) FINISH("tool_calls") CALLS(ARGS("0", "{}")) DONE);

	assert_call(reply, 0, "a", "f", "{}");
	assert_violates(reply, "TS-07", WIRE_DEVIATES, "after its finish of event 4");
}
END_TEST

START_TEST(finish_tool_calls_without_a_call_is_told)
{
	assert_violates(read_text(ROLE SAY("x") FINISH("tool_calls") DONE), "TC-20", WIRE_BREAKS,
	                "there is no call");
}
END_TEST

START_TEST(calls_that_end_with_stop_are_right_only_where_the_tool_was_named)
{
	static const char stream[] = ROLE CALLS(CALL_A) CALLS(ARGS("0", "{}")) FINISH("stop") DONE;

	ck_assert(!read_text(stream)->broken[WIRE_TC_20]);
	assert_violates(read_answer(ENDPOINT_CHAT, asks_stream, stream), "TC-20", WIRE_DEVIATES,
	                "finish_reason is stop, and 1 calls");
	ck_assert(!read_answer(ENDPOINT_CHAT,
	                       "{\"stream\":true,\"tool_choice\":{\"type\":\"function\"}}", stream)
	               ->broken[WIRE_TC_20]);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, two_calls_in_fragments_are_folded_by_index);
	tcase_add_test(cases, a_missing_index_falls_back_to_the_id_and_the_most_recent_call);
	tcase_add_test(cases, whole_calls_without_index_and_id_are_told_apart_by_their_names);
	tcase_add_test(cases, an_index_that_changes_is_told);
	tcase_add_test(cases, different_ids_on_one_index_are_two_calls);
	tcase_add_test(cases, another_name_without_id_on_one_index_is_another_call);
	tcase_add_test(cases, continuations_with_an_empty_id_and_name_belong_to_their_call);
	tcase_add_test(cases, a_first_call_of_another_index_than_0_is_told_and_breaks_nothing);
	tcase_add_test(cases, a_name_and_an_id_that_come_late_are_kept_and_told);
	tcase_add_test(cases, an_id_or_name_that_is_sent_again_is_not_doubled);
	tcase_add_test(cases, arguments_that_happen_to_parse_do_not_end_a_call);
	tcase_add_test(cases, arguments_as_an_object_are_written_out_and_told);
	tcase_add_test(cases, arguments_that_join_to_no_object_are_told_with_their_text);
	tcase_add_test(cases, long_arguments_in_one_fragment_are_no_streaming);
	tcase_add_test(cases, arguments_that_are_encoded_twice_are_told);
	tcase_add_test(cases, a_fragment_after_the_finish_is_kept_and_told);
	tcase_add_test(cases, finish_tool_calls_without_a_call_is_told);
	tcase_add_test(cases, calls_that_end_with_stop_are_right_only_where_the_tool_was_named);
}

int main(void)
{
	return unit_main("reply_calls", add);
}
