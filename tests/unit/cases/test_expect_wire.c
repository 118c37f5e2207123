/* Wire rules, headers, arrival, usage, errors, pointers, and comparing with earlier steps. */
#include "tests/unit/cases/judging.h"

#define CHUNK(delta, finish)                                                                       \
	"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","  \
	"\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define CALL(index)                                                                                \
	CHUNK("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{" index                   \
	      "\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"    \
	      "\"{}\"}}]}",                                                                        \
	      "null")
#define DONE CHUNK("{}", "\"tool_calls\"") "data: [DONE]\n\n"

START_TEST(a_rule_that_was_exercised_and_kept_holds)
{
	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream", CALL("\"index\":0,") DONE);
	assert_holds("{\"wire\":[\"TS-01\",\"TS-03\"]}");
}
END_TEST

START_TEST(a_broken_rule_is_a_violation_with_its_detail)
{
	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream", CALL("") DONE);
	assert_finds("{\"wire\":[\"TS-01\"]}", FINDING_VIOLATION, "TS-01 is broken: ");
}
END_TEST

START_TEST(a_rule_without_occasion_is_a_miss)
{
	judging_content("no call here");
	assert_finds("{\"wire\":\"TC-03\"}", FINDING_MISS,
	             "nothing to judge for TC-03: the reply had no tool call");
	assert_finds("{\"wire\":\"ST-01\"}", FINDING_MISS, "nothing to judge for ST-01");
}
END_TEST

START_TEST(a_harmless_deviation_does_not_fail_a_rule)
{
	struct chat_violation violations[] = {
	    {WIRE_CH_01, WIRE_HARMLESS, TEXT_INIT("as OpenAI does")},
	    {WIRE_CH_02, WIRE_DEVIATES, TEXT_INIT("first")},
	    {WIRE_CH_02, WIRE_BREAKS, TEXT_INIT("second")}};
	struct chat_reply reply;

	judging_content("hello");
	reply = *judging.seen.reply;
	reply.violations = violations;
	reply.violation_count = 3;
	judging.seen.reply = &reply;
	assert_holds("{\"wire\":[\"CH-01\"]}");
	assert_finds("{\"wire\":[\"CH-02\"]}", FINDING_VIOLATION,
	             "CH-02 is broken 2 times, first: first");
	/* Broken so often that this rule's breach was not kept. */
	reply.violation_count = 0;
	reply.broken[WIRE_CH_02] = true;
	assert_finds("{\"wire\":[\"CH-02\"]}", FINDING_VIOLATION,
	             "CH-02 is broken: role assistant");
}
END_TEST

START_TEST(headers_are_equal_or_match_or_are_absent)
{
	judging_content("hello");
	assert_holds("{\"headers\":{\"content-type\":\"/^application\\\\/json\\\\b/i\","
	             "\"Content-Type\":\"application/json\",\"x-none\":null}}");
	assert_holds("{\"headers\":{\"content-type\":true}}");
	assert_finds("{\"headers\":{\"content-type\":\"/event-stream/\"}}", FINDING_VIOLATION,
	             "header content-type is \"application/json\", want /event-stream/");
	assert_finds("{\"headers\":{\"content-type\":null}}", FINDING_VIOLATION, "want none");
	assert_finds("{\"headers\":{\"retry-after\":true}}", FINDING_VIOLATION,
	             "there is no header retry-after");
	assert_finds("{\"headers\":{\"retry-after\":\"1\"}}", FINDING_VIOLATION,
	             "there is no header retry-after, want 1");
}
END_TEST

START_TEST(a_stream_arrives_in_pieces_over_time)
{
	struct exchange_chunk chunks[] = {{1000, 10}, {1000, 20}, {2000, 30}, {61000, 40}};

	judging_content("hello");
	judging.exchange.chunks = chunks;
	judging.exchange.chunk_count = 4;
	assert_holds("{\"incremental\":{\"reads\":3,\"spread\":\"60ms\"}}");
	assert_finds("{\"incremental\":{\"reads\":4}}", FINDING_VIOLATION,
	             "the stream came in 3 pieces, want 4");
	assert_finds("{\"incremental\":{\"reads\":2,\"spread\":\"61ms\"}}", FINDING_VIOLATION,
	             "within 60 ms, want 61");
	judging.exchange.chunk_count = 0;
	assert_finds("{\"incremental\":{\"reads\":2}}", FINDING_VIOLATION, "0 pieces");
}
END_TEST

START_TEST(a_stream_is_judged_by_its_first_word_and_its_longest_gap)
{
	struct exchange_chunk chunks[] = {{400000, 1}, {500000, 2}, {31500000, 3}};
	struct chat_reply reply;

	judging_content("hello");
	reply = *judging.seen.reply;
	reply.first_delta_us = 500000;
	judging.seen.reply = &reply;
	judging.exchange.chunks = chunks;
	judging.exchange.chunk_count = 3;
	assert_holds("{\"first_delta\":\"500ms\",\"gap\":\"31s\"}");
	assert_finds("{\"first_delta\":\"499ms\"}", FINDING_MISS, "after 500 ms, want 499");
	assert_finds("{\"gap\":\"30s\"}", FINDING_VIOLATION, "stood still for 31000 ms");
	reply.first_delta_us++;
	chunks[2].at_us++;
	assert_finds("{\"first_delta\":\"500ms\"}", FINDING_MISS, "the first word came after");
	assert_finds("{\"gap\":\"31s\"}", FINDING_VIOLATION, "stood still");
	/* Where there was nothing to measure, nothing was fast. */
	reply.first_delta_us = -1;
	assert_finds("{\"first_delta\":\"500ms\"}", FINDING_MISS, "nothing to judge");
	judging.exchange.chunk_count = 1;
	assert_finds("{\"gap\":\"30s\"}", FINDING_MISS, "nothing to judge: the stream came in one");
}
END_TEST

START_TEST(what_comes_by_occasion_is_judged_where_it_comes)
{
	static const char expect[] =
	    "{\"occasion\":[{\"status\":402},{\"status\":429,\"message\":\"/quota/\"}],"
	    "\"error\":{\"code\":[\"insufficient_quota\"]}}";

	judging_content("hello");
	assert_finds(expect, FINDING_REFUSED, "no such answer was seen (status 200)");
	judging_answered(429, "application/json", "{\"error\":{\"message\":\"too fast\"}}");
	assert_finds(expect, FINDING_REFUSED, "no such answer was seen (status 429)");
	judging_answered(429, "application/json", "{\"error\":{\"message\":\"your quota\"}}");
	assert_finds(expect, FINDING_VIOLATION, "code");
	judging_answered(
	    429, "application/json",
	    "{\"error\":{\"message\":\"your quota\",\"code\":\"insufficient_quota\"}}");
	assert_holds(expect);
}
END_TEST

START_TEST(the_way_that_was_asked_for_must_have_been_gone)
{
	const struct chat_wire same = {.kept = true, .same = true};
	const struct chat_wire leaves = {.leave_after_events = 5};

	judging_content("hello");
	judging.seen.wire = &same;
	assert_finds("{\"content\":{\"contains\":\"hello\"}}", FINDING_REFUSED,
	             "no connection was kept");
	judging.exchange.reused = true;
	assert_holds("{\"content\":{\"contains\":\"hello\"}}");
	judging.seen.wire = &leaves;
	assert_finds("{\"status\":200}", FINDING_MISS, "over before event 5");
	judging_answered(200, "text/event-stream", CHUNK("{\"content\":\"x\"}", "null"));
	judging.exchange.end = EXCHANGE_CUT;
	assert_finds("{\"status\":200}", FINDING_VIOLATION, "not complete");
	judging.exchange.end = EXCHANGE_LEFT; /* then nobody misses its end */
	assert_holds("{\"status\":200}");
}
END_TEST

/* --- usage --- */

static void usage(const char *json)
{
	judging_answered(200, "application/json",
	                 text_format(&judging.arena,
	                             "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,"
	                             "\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
	                             "{\"role\":\"assistant\",\"content\":\"x\"},"
	                             "\"finish_reason\":\"stop\"}]%s%s}",
	                             json == NULL ? "" : ",\"usage\":", json == NULL ? "" : json)
	                     .data);
}

START_TEST(counts_of_tokens_are_bounded)
{
	usage("{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12}");
	assert_holds(
	    "{\"usage\":{\"input_min\":9,\"input_max\":9,\"output_min\":1,\"output_max\":3,"
	    "\"total_is_sum\":true,\"present\":true}}");
	assert_finds("{\"usage\":{\"input_min\":10}}", FINDING_VIOLATION,
	             "usage says 9 input tokens, want at least 10");
	assert_finds("{\"usage\":{\"output_max\":2}}", FINDING_VIOLATION,
	             "usage says 3 output tokens, want at most 2");
	assert_finds("{\"usage\":{\"present\":false}}", FINDING_VIOLATION, "want none");
	usage("{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":13}");
	assert_finds("{\"usage\":{\"total_is_sum\":true}}", FINDING_VIOLATION,
	             "total is 13 tokens, want 9 plus 3");
	usage("{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12,"
	      "\"completion_tokens_details\":{\"reasoning_tokens\":3}}");
	assert_holds("{\"usage\":{\"reasoning_within_output\":true}}");
	usage("{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12,"
	      "\"completion_tokens_details\":{\"reasoning_tokens\":4}}");
	assert_finds("{\"usage\":{\"reasoning_within_output\":true}}", FINDING_VIOLATION,
	             "4 reasoning tokens within 3");
}
END_TEST

/* 100 bytes of text can be 50 tokens, and 80 more are left for what is counted and not seen. */
static void long_reply(int output, const char *details, const char *message)
{
	judging_answered(200, "application/json",
	                 text_format(&judging.arena,
	                             "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,"
	                             "\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
	                             "{\"role\":\"assistant\",\"content\":\"%0100d\"%s},"
	                             "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
	                             "\"completion_tokens\":%d,\"total_tokens\":%d%s}}",
	                             1, message, output, output + 9, details)
	                     .data);
}

START_TEST(no_more_is_counted_than_was_seen)
{
	static const char call[] =
	    ",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{\\\"a\\\":123}\"}}]";
	static const char within[] = "{\"usage\":{\"output_within_text\":true}}";
	static const char thoughts[] = ",\"completion_tokens_details\":{\"reasoning_tokens\":500}";

	long_reply(130, "", "");
	assert_holds(within);
	long_reply(131, "", "");
	assert_finds(within, FINDING_VIOLATION,
	             "131 output tokens, 0 of them of thoughts, for 100 bytes: want at most 130");
	long_reply(630, thoughts, "");
	assert_holds(within);
	long_reply(631, thoughts, "");
	assert_finds(within, FINDING_VIOLATION, "631 output tokens, 500 of them of thoughts");
	long_reply(135, "", ",\"reasoning_content\":\"ten bytes.\"");
	assert_holds(within);
	long_reply(136, "", ",\"reasoning_content\":\"ten bytes.\"");
	assert_finds(within, FINDING_VIOLATION, "for 110 bytes: want at most 135");
	long_reply(198, "", call);
	assert_holds(within);
	long_reply(199, "", call);
	assert_finds(within, FINDING_VIOLATION, "for 109 bytes: want at most 198");
	/* What is sealed may be of any length. */
	long_reply(9999, "",
	           ",\"thinking_blocks\":[{\"type\":\"redacted_thinking\",\"data\":\"x\"}]");
	assert_holds(within);
	usage("{\"prompt_tokens\":9,\"total_tokens\":12}");
	assert_finds(within, FINDING_VIOLATION, "usage says no output tokens");
}
END_TEST

START_TEST(usage_that_is_not_said_is_not_zero)
{
	usage(NULL);
	assert_finds("{\"usage\":{\"present\":true}}", FINDING_VIOLATION, "there is no usage");
	assert_finds("{\"usage\":{\"output_max\":8}}", FINDING_VIOLATION, "there is no usage");
	assert_holds("{\"usage\":{\"present\":false}}");
	usage("{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12}");
	assert_finds("{\"usage\":{\"cached_max\":0}}", FINDING_VIOLATION,
	             "usage says no cached input tokens");
	usage("{\"prompt_tokens\":9223372036854775807,\"completion_tokens\":9223372036854775807,"
	      "\"total_tokens\":5}");
	assert_finds("{\"usage\":{\"total_is_sum\":true}}", FINDING_VIOLATION, "");
}
END_TEST

/* --- errors --- */

#define ERROR(code, type, param)                                                                   \
	"{\"error\":{\"message\":\"No such model\",\"type\":" type ",\"param\":" param             \
	",\"code\":" code "}}"

START_TEST(an_error_says_what_programs_need)
{
	judging_answered(404, "application/json",
	                 ERROR("\"model_not_found\"", "\"invalid_request_error\"", "null"));
	assert_holds("{\"status\":404,\"error\":{\"code\":[\"model_not_found\",\"x\"],"
	             "\"type\":\"invalid_request_error\",\"param\":[\"model\",null],"
	             "\"message\":\"/no such/i\",\"machine_code\":true}}");
	/* Without a status any 4xx will do. */
	assert_holds("{\"error\":{\"code\":\"model_not_found\"}}");
	assert_finds("{\"error\":{\"code\":[\"a\",\"b\"]}}", FINDING_VIOLATION,
	             "the error's code is \"model_not_found\", want a or b");
	assert_finds("{\"error\":{\"param\":\"model\"}}", FINDING_VIOLATION,
	             "the error has no param, want model");
	assert_finds("{\"error\":{\"code\":null}}", FINDING_VIOLATION, "want null");
	assert_finds("{\"error\":{\"message\":\"/quota/\"}}", FINDING_VIOLATION,
	             "the error's message is \"No such model\"");
}
END_TEST

START_TEST(a_code_that_is_a_number_is_no_machine_code)
{
	const char *expect = "{\"error\":{\"machine_code\":true}}";

	judging_answered(404, "application/json", ERROR("404", "\"e\"", "null"));
	assert_finds(expect, FINDING_VIOLATION, "the error's code is the number 404");
	judging_answered(404, "application/json", ERROR("-4.5", "\"e\"", "null"));
	assert_finds(expect, FINDING_VIOLATION, "the error's code is the number -4.5");
	judging_answered(404, "application/json", ERROR("\"404\"", "\"e\"", "null"));
	assert_finds(expect, FINDING_VIOLATION, "the error's code is the number 404");
	judging_answered(404, "application/json", ERROR("null", "\"e\"", "null"));
	assert_finds(expect, FINDING_VIOLATION, "the error has no code");
}
END_TEST

START_TEST(an_error_that_is_due_and_does_not_come_is_a_violation)
{
	judging_content("hello");
	assert_finds("{\"error\":{\"code\":\"x\"}}", FINDING_VIOLATION, "status is 200, want 4xx");
	assert_finds("{\"status\":200,\"error\":{\"code\":\"x\"}}", FINDING_VIOLATION,
	             "an error is due, and none is in");
	judging_answered(500, "application/json", ERROR("\"x\"", "\"e\"", "null"));
	assert_finds("{\"error\":{\"code\":\"x\"}}", FINDING_VIOLATION, "status is 500, want 4xx");
}
END_TEST

START_TEST(an_error_in_band_is_an_error)
{
	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream", "data: " ERROR("\"x\"", "\"e\"", "null") "\n\n");
	assert_holds("{\"error\":{\"code\":\"x\"}}");
	assert_finds("{\"status\":400,\"error\":{\"code\":\"x\"}}", FINDING_VIOLATION,
	             "status is 200, want 400");
}
END_TEST

/* --- pointers --- */

START_TEST(pointers_look_into_the_raw_body)
{
	judging_content("hello");
	assert_holds("{\"json\":[{\"at\":\"/choices/0/index\",\"equals\":0.0,\"type\":\"integer\"},"
	             "{\"at\":\"/id\",\"matches\":\"/^c/\",\"type\":\"string\"},"
	             "{\"at\":\"/created\",\"matches\":\"1\"},"
	             "{\"at\":\"/choices\",\"type\":\"array\",\"count\":1},"
	             "{\"at\":\"/usage\",\"count\":3},{\"at\":\"/error\",\"absent\":true}]}");
	assert_finds("{\"json\":[{\"at\":\"/choices/0/index\",\"equals\":1}]}", FINDING_VIOLATION,
	             "/choices/0/index is 0, want 1");
	assert_finds("{\"json\":[{\"at\":\"/nothing\"}]}", FINDING_VIOLATION,
	             "there is nothing at /nothing");
	assert_finds("{\"json\":[{\"at\":\"/nothing\",\"equals\":null}]}", FINDING_VIOLATION,
	             "there is nothing at /nothing");
	assert_finds("{\"json\":[{\"at\":\"/id\",\"absent\":true}]}", FINDING_VIOLATION,
	             "there is a value at /id");
	assert_finds("{\"json\":[{\"at\":\"/id\",\"type\":\"number\"}]}", FINDING_VIOLATION,
	             "/id is a string, want type number");
	assert_finds("{\"json\":[{\"at\":\"/choices\",\"count\":2}]}", FINDING_VIOLATION,
	             "/choices has 1 values, want 2");
	assert_finds("{\"json\":[{\"at\":\"/id\",\"equals\":null}]}", FINDING_VIOLATION,
	             "/id is \"c1\", want null");
	assert_finds("{\"json\":[{\"at\":\"/usage\",\"matches\":\"/9/\"}]}", FINDING_VIOLATION,
	             "there is no /usage, want /9/");
}
END_TEST

START_TEST(a_time_is_held_against_when_it_was_asked)
{
	judging_content("hello"); /* created is 1 */
	judging.exchange.started_wall_ms = 61999;
	assert_holds("{\"json\":[{\"at\":\"/created\",\"within\":\"60s\"}]}");
	assert_finds("{\"json\":[{\"at\":\"/created\",\"within\":\"59s\"}]}", FINDING_VIOLATION,
	             "/created is -60 s from when it was asked, want at most 59");
	judging.exchange.started_wall_ms = -59000;
	assert_finds("{\"json\":[{\"at\":\"/created\",\"within\":\"59s\"}]}", FINDING_VIOLATION,
	             "/created is 60 s from");
	assert_finds("{\"json\":[{\"at\":\"/id\",\"within\":\"1d\"}]}", FINDING_VIOLATION,
	             "/id is no time in seconds");
}
END_TEST

START_TEST(without_a_body_there_is_nothing_to_point_at)
{
	judging_answered(400, "text/html", "<html>");
	assert_finds("{\"status\":400,\"json\":[{\"at\":\"/id\"}]}", FINDING_VIOLATION,
	             "the body is not one JSON value");
}
END_TEST

/* --- earlier steps --- */

START_TEST(replies_are_compared_with_earlier_ones)
{
	judging_content("alpha");
	judging.values.steps[0] = judging.seen.reply;
	judging.values.step_count = 1;
	judging_content("alpha");
	assert_holds("{\"same\":{\"step\":0,\"content\":true,\"tool_calls\":true,"
	             "\"finish_reason\":true,\"input_tokens\":true}}");
	assert_finds("{\"same\":{\"step\":0,\"input_larger\":true}}", FINDING_VIOLATION,
	             "9 prompt tokens, want more than the 9 before");
	judging_content("beta");
	assert_finds("{\"same\":{\"step\":0,\"content\":true}}", FINDING_MISS,
	             "content is \"beta\", want it as before: \"alpha\"");
	judging_said("{\"role\":\"assistant\",\"content\":\"alpha\"}", "length");
	assert_finds("{\"same\":{\"step\":0,\"finish_reason\":true}}", FINDING_MISS,
	             "finish_reason is \"length\", want \"stop\" as before");
	usage("{\"prompt_tokens\":10,\"completion_tokens\":3,\"total_tokens\":13}");
	assert_holds("{\"same\":{\"step\":0,\"input_larger\":true}}");
	assert_finds("{\"same\":{\"step\":0,\"input_tokens\":true}}", FINDING_VIOLATION,
	             "10 prompt tokens, want 9 as before");
	usage(NULL);
	assert_finds("{\"same\":{\"step\":0,\"input_tokens\":true}}", FINDING_VIOLATION,
	             "is not said in both replies");
	judging.values.steps[0] = judging.seen.reply;
	judging_content("alpha");
	assert_finds("{\"same\":{\"step\":0,\"input_larger\":true}}", FINDING_VIOLATION,
	             "is not said in both replies");
	judging_content("");
	judging.values.steps[0] = judging.seen.reply;
	judging_said("{\"role\":\"assistant\",\"content\":null}", "stop");
	assert_finds("{\"same\":{\"step\":0,\"content\":true}}", FINDING_MISS, "as before");
	assert_finds("{\"same\":{\"step\":1,\"content\":true}}", FINDING_HARNESS,
	             "the reply to step 1 is not at hand");
}
END_TEST

static void call(const char *name, const char *arguments)
{
	struct text_buf message;

	text_buf_init(&message, 1 << 16);
	text_buf_format(&message,
	                "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\","
	                "\"type\":\"function\",\"function\":{\"name\":\"%s\",\"arguments\":",
	                name);
	json_quote(&message, text_of(arguments));
	text_buf_add_c(&message, "}}]}");
	judging_said(text_c(&judging.arena, text_buf_view(&message)), "tool_calls");
	text_buf_done(&message);
}

START_TEST(calls_are_compared_by_what_they_mean)
{
	const char *expect = "{\"same\":{\"step\":0,\"tool_calls\":true}}";

	call("f", "{\"a\":1,\"b\":[2]}");
	judging.values.steps[0] = judging.seen.reply;
	judging.values.step_count = 1;
	call("f", "{ \"b\": [2.0], \"a\": 1 }");
	assert_holds(expect);
	call("f", "{\"a\":2,\"b\":[2]}");
	assert_finds(expect, FINDING_MISS, "tool call 0 is f(");
	call("g", "{\"a\":1,\"b\":[2]}");
	assert_finds(expect, FINDING_MISS, "tool call 0 is g(");
	judging_content("none");
	assert_finds(expect, FINDING_MISS, "there are 0 tool calls, want 1 as before");
}
END_TEST

START_TEST(choices_are_counted_and_one_of_them_is_meant)
{
	judging_answered(
	    200, "application/json",
	    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},"
	    "\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"role\":\"assistant\","
	    "\"content\":\"b\"},\"finish_reason\":\"length\"}]}");
	assert_holds("{\"choices\":2,\"content\":{\"equals\":\"a\"}}");
	assert_holds(
	    "{\"choice\":1,\"content\":{\"equals\":\"b\"},\"finish_reason\":[\"length\"]}");
	assert_finds("{\"choices\":1}", FINDING_VIOLATION, "there are 2 choices, want 1");
	assert_finds("{\"choice\":2,\"content\":{\"equals\":\"b\"}}", FINDING_VIOLATION,
	             "there is no choice 2");
	assert_finds("{\"finish_reason\":[\"tool_calls\",\"length\"]}", FINDING_MISS,
	             "finish_reason is \"stop\", want tool_calls or length");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, a_rule_that_was_exercised_and_kept_holds);
	tcase_add_test(cases, a_broken_rule_is_a_violation_with_its_detail);
	tcase_add_test(cases, a_rule_without_occasion_is_a_miss);
	tcase_add_test(cases, a_harmless_deviation_does_not_fail_a_rule);
	tcase_add_test(cases, headers_are_equal_or_match_or_are_absent);
	tcase_add_test(cases, a_stream_arrives_in_pieces_over_time);
	tcase_add_test(cases, a_stream_is_judged_by_its_first_word_and_its_longest_gap);
	tcase_add_test(cases, what_comes_by_occasion_is_judged_where_it_comes);
	tcase_add_test(cases, the_way_that_was_asked_for_must_have_been_gone);
	tcase_add_test(cases, counts_of_tokens_are_bounded);
	tcase_add_test(cases, no_more_is_counted_than_was_seen);
	tcase_add_test(cases, usage_that_is_not_said_is_not_zero);
	tcase_add_test(cases, an_error_says_what_programs_need);
	tcase_add_test(cases, a_code_that_is_a_number_is_no_machine_code);
	tcase_add_test(cases, an_error_that_is_due_and_does_not_come_is_a_violation);
	tcase_add_test(cases, an_error_in_band_is_an_error);
	tcase_add_test(cases, pointers_look_into_the_raw_body);
	tcase_add_test(cases, a_time_is_held_against_when_it_was_asked);
	tcase_add_test(cases, without_a_body_there_is_nothing_to_point_at);
	tcase_add_test(cases, replies_are_compared_with_earlier_ones);
	tcase_add_test(cases, calls_are_compared_by_what_they_mean);
	tcase_add_test(cases, choices_are_counted_and_one_of_them_is_meant);
}

int main(void)
{
	return unit_main("expect_wire", add);
}
