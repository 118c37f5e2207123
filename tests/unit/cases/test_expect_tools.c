/* Tool calls: none, some, matched lists; and what is wrong with arguments. */
#include "tests/unit/cases/judging.h"

#define REQUEST                                                                                    \
	"{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\","               \
	"\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"      \
	"\"days\":{\"type\":\"integer\"}},\"required\":[\"city\"],"                                \
	"\"additionalProperties\":false}}},"                                                       \
	"{\"type\":\"function\",\"function\":{\"name\":\"ping\"}}]}"

struct call {
	const char *id, *name, *arguments;
};

static void answer_calls(const struct call *calls, size_t count)
{
	struct text_buf message;

	judging_asked(REQUEST);
	text_buf_init(&message, 1 << 20);
	text_buf_add_c(&message, "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[");
	for (size_t i = 0; i < count; i++) {
		text_buf_format(&message, "%s{\"id\":\"%s\",\"type\":\"function\",\"function\":",
		                i == 0 ? "" : ",", calls[i].id);
		text_buf_format(&message, "{\"name\":\"%s\",\"arguments\":", calls[i].name);
		json_quote(&message, text_of(calls[i].arguments));
		text_buf_add_c(&message, "}}");
	}
	text_buf_add_c(&message, "]}");
	judging_said(text_c(&judging.arena, text_buf_view(&message)), "tool_calls");
	text_buf_done(&message);
}

#define ANSWER(...)                                                                                \
	answer_calls((const struct call[]){__VA_ARGS__},                                           \
	             sizeof((const struct call[]){__VA_ARGS__}) / sizeof(struct call))
#define PARIS                                                                                      \
	{                                                                                          \
		"c1", "get_weather", "{\"city\":\"Paris\"}"                                        \
	}
#define TOKYO                                                                                      \
	{                                                                                          \
		"c2", "get_weather", "{\"city\":\"Tokyo\"}"                                        \
	}

START_TEST(no_call_is_wanted_and_none_comes)
{
	judging_asked(REQUEST);
	judging_content("hello");
	assert_holds("{\"tool_calls\":\"none\"}");
	ANSWER(PARIS);
	assert_finds("{\"tool_calls\":\"none\"}", FINDING_MISS,
	             "there are 1 tool calls (get_weather), want none");
}
END_TEST

START_TEST(a_call_is_wanted_and_text_comes)
{
	judging_asked(REQUEST);
	judging_content("It is sunny.");
	assert_finds("{\"tool_calls\":[{\"name\":\"get_weather\"}]}", FINDING_MISS,
	             "there are 0 tool calls (), want 1; content is \"It is sunny.\"");
	assert_finds("{\"tool_calls\":{\"min\":1}}", FINDING_MISS, "want at least 1; content is");
}
END_TEST

START_TEST(a_list_is_matched_in_any_order)
{
	const char *expect =
	    "{\"tool_calls\":["
	    "{\"name\":\"get_weather\",\"arguments\":{\"match\":{\"city\":\"/tokyo/i\"}}},"
	    "{\"name\":\"get_weather\",\"arguments\":{\"match\":{\"city\":\"/paris/i\"}}}]}";

	ANSWER(PARIS, TOKYO);
	assert_holds(expect);
	ANSWER(TOKYO, PARIS);
	assert_holds(expect);
	ANSWER(PARIS, PARIS);
	assert_finds(expect, FINDING_MISS, "city is \"Paris\", want it to match /tokyo/i");
	ANSWER(PARIS);
	assert_finds(expect, FINDING_MISS, "there are 1 tool calls (get_weather), want 2");
	ANSWER(PARIS, TOKYO, {"c3", "ping", "{}"});
	assert_finds(expect, FINDING_MISS, "there are 3 tool calls");
}
END_TEST

START_TEST(a_call_that_suits_two_is_given_to_the_one_that_needs_it)
{
	/* Taken greedily, the loose expectation would eat Paris and leave none for the strict. */
	const char *expect =
	    "{\"tool_calls\":[{\"name\":\"get_weather\"},"
	    "{\"name\":\"get_weather\",\"arguments\":{\"equals\":{\"city\":\"Paris\"}}}]}";

	ANSWER(PARIS, TOKYO);
	assert_holds(expect);
	ANSWER(TOKYO, PARIS);
	assert_holds(expect);
}
END_TEST

START_TEST(many_calls_are_matched_without_trouble)
{
	struct call calls[16];
	struct text_buf expect;

	text_buf_init(&expect, 1 << 16);
	text_buf_add_c(&expect, "{\"tool_calls\":[");
	for (int i = 0; i < 16; i++) {
		calls[i] =
		    (struct call){"c", "get_weather",
		                  text_format(&judging.arena, "{\"city\":\"%c\"}", 'a' + i).data};
		/* Each suits all from its own on: only one assignment is left for the last. */
		text_buf_format(&expect,
		                "%s{\"name\":\"get_weather\",\"arguments\":{\"match\":{\"city\":"
		                "\"/[a-%c]/\"}}}",
		                i == 0 ? "" : ",", 'p' - i);
	}
	text_buf_add_c(&expect, "]}");
	answer_calls(calls, 16);
	assert_holds(text_buf_view(&expect).data);
	calls[0].arguments = "{\"city\":\"p\"}";
	answer_calls(calls, 16);
	struct findings *found = judging_findings(text_buf_view(&expect).data);
	ck_assert_uint_eq(found->count, 1);
	text_buf_done(&expect);
}
END_TEST

START_TEST(numbers_and_names_of_calls_are_bounded)
{
	ANSWER(PARIS, TOKYO);
	assert_holds("{\"tool_calls\":{\"min\":1,\"max\":2,\"names\":[\"get_weather\"]}}");
	assert_finds("{\"tool_calls\":{\"max\":1}}", FINDING_MISS,
	             "there are 2 tool calls (get_weather, get_weather), want at most 1");
	ANSWER({"c", "ping", "{}"});
	assert_finds("{\"tool_calls\":{\"names\":[\"get_weather\"]}}", FINDING_MISS,
	             "tool call 0: calls \"ping\", want get_weather");
	ANSWER({"c", "teleport", "{}"});
	assert_finds("{\"tool_calls\":{\"min\":1}}", FINDING_MISS,
	             "tool call 0: UnknownName: \"teleport\" was not offered");
	assert_finds("{\"tool_calls\":[{\"name\":\"get_weather\"}]}", FINDING_MISS,
	             "UnknownName: calls \"teleport\", want get_weather");
}
END_TEST

START_TEST(zero_calls_may_be_enough)
{
	judging_asked(REQUEST);
	judging_content("hello");
	assert_holds("{\"tool_calls\":{\"min\":0,\"max\":1}}");
	ANSWER(PARIS);
	assert_finds("{\"tool_calls\":{\"min\":0,\"max\":0}}", FINDING_MISS, "want at most 0");
	/* Where none is offered, none is unknown. */
	judging_asked("{}");
	assert_holds("{\"tool_calls\":{\"min\":1}}");
}
END_TEST

START_TEST(arguments_hold_to_the_schema_of_their_tool)
{
	const char *each = "{\"tool_calls\":{\"min\":1,\"schema\":\"tool\"}}";
	const char *one = "{\"tool_calls\":[{\"name\":\"get_weather\","
			  "\"arguments\":{\"schema\":\"tool\"}}]}";

	ANSWER(PARIS);
	assert_holds(each);
	assert_holds(one);
	ANSWER({"c", "get_weather", "{\"city\":\"Paris\",\"days\":\"2\"}"});
	assert_finds(each, FINDING_MISS, "SchemaMismatch: at /days");
	assert_finds(one, FINDING_MISS, "SchemaMismatch: at /days");
	ANSWER({"c", "get_weather", "{}"});
	assert_finds(each, FINDING_MISS, "SchemaMismatch");
	/* A tool without parameters takes any object. */
	ANSWER({"c", "ping", "{\"x\":1}"});
	assert_holds(each);
}
END_TEST

START_TEST(arguments_that_are_no_object_are_invalid_json)
{
	const char *expect = "{\"tool_calls\":{\"schema\":\"tool\"}}";

	ANSWER({"c", "get_weather", "{\"city\":\"Par"});
	assert_finds(expect, FINDING_MISS, "InvalidJson");
	ANSWER({"c", "get_weather", "\"{\\\"city\\\":\\\"Paris\\\"}\""});
	assert_finds(expect, FINDING_MISS, "InvalidJson: the arguments are a string");
	ANSWER({"c", "get_weather", ""});
	assert_finds(expect, FINDING_MISS, "InvalidJson: the arguments are empty");
	ANSWER({"c", "get_weather", "{} {}"});
	assert_finds(expect, FINDING_MISS, "InvalidJson");
}
END_TEST

START_TEST(values_of_arguments_are_compared_as_json)
{
	ANSWER({"c", "get_weather", "{\"days\":2.0,\"city\":\"xkcd4821\"}"});
	assert_holds("{\"tool_calls\":[{\"name\":\"get_weather\",\"arguments\":{\"equals\":"
	             "{\"city\":\"{{nonce}}\",\"days\":2}}}]}");
	assert_finds("{\"tool_calls\":[{\"name\":\"get_weather\",\"arguments\":{\"equals\":"
	             "{\"city\":\"{{nonce}}\"}}}]}",
	             FINDING_MISS, "want {\"city\":\"xkcd4821\"}");
	assert_holds("{\"tool_calls\":[{\"name\":\"get_weather\",\"arguments\":{\"any_of_values\":"
	             "{\"city\":[\"x\",\"{{nonce}}\"],\"days\":[1,2]}}}]}");
	assert_finds("{\"tool_calls\":[{\"name\":\"get_weather\",\"arguments\":{\"any_of_values\":"
	             "{\"city\":[\"x\",\"y\"]}}}]}",
	             FINDING_MISS, "city is \"xkcd4821\", want one of [\"x\",\"y\"]");
	assert_finds("{\"tool_calls\":[{\"name\":\"get_weather\",\"arguments\":{\"match\":"
	             "{\"country\":\"/x/\"}}}]}",
	             FINDING_MISS, "there is no argument country");
	assert_finds("{\"tool_calls\":[{\"name\":\"get_weather\",\"arguments\":{\"empty\":true}}]}",
	             FINDING_MISS, "want {}");
}
END_TEST

START_TEST(fields_deep_inside_are_named_by_pointer)
{
	ANSWER({"c", "ping", "{\"to\":[{\"host\":\"a.b\"}],\"n\":17}"});
	assert_holds("{\"tool_calls\":[{\"name\":\"ping\",\"arguments\":{\"match\":"
	             "{\"/to/0/host\":\"/^a/\",\"n\":\"/^17$/\"}}}]}");
	assert_finds("{\"tool_calls\":[{\"name\":\"ping\",\"arguments\":{\"match\":"
	             "{\"/to/0\":\"/a/\"}}}]}",
	             FINDING_MISS, "/to/0 is {\"host\":\"a.b\"}");
}
END_TEST

START_TEST(no_arguments_are_an_empty_object)
{
	const char *expect =
	    "{\"tool_calls\":[{\"name\":\"ping\",\"arguments\":{\"empty\":true}}]}";

	ANSWER({"c", "ping", " { } "});
	assert_holds(expect);
	ANSWER({"c", "ping", "null"});
	assert_finds(expect, FINDING_MISS, "InvalidJson: the arguments are null");
	ANSWER({"c", "ping", ""});
	assert_finds(expect, FINDING_MISS, "InvalidJson: the arguments are empty");
}
END_TEST

#define CALLING(index)                                                                             \
	"{\"index\":" index ",\"message\":{\"role\":\"assistant\",\"content\":null,"               \
	"\"tool_calls\":[{\"id\":\"x\",\"type\":\"function\",\"function\":{\"name\":\"f\","        \
	"\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}"

START_TEST(ids_are_distinct_within_a_reply_and_across_steps)
{
	const char *expect = "{\"distinct_ids\":true}";

	ANSWER(PARIS, TOKYO);
	assert_holds(expect);
	const struct chat_reply *earlier = judging.seen.reply;
	ANSWER(PARIS, {"c1", "ping", "{}"});
	assert_finds(expect, FINDING_VIOLATION, "tool call 1 has the id \"c1\" of an earlier one");
	ANSWER({"", "ping", "{}"});
	assert_finds(expect, FINDING_VIOLATION, "tool call 0 has no id");
	judging.values.steps[0] = earlier;
	judging.values.step_count = 1;
	ANSWER({"c2", "ping", "{}"});
	assert_finds(expect, FINDING_VIOLATION, "has the id \"c2\" of an earlier one");
	ANSWER({"c3", "ping", "{}"});
	assert_holds(expect);
	/* A trial is judged when it is over: its replies are all there by then. */
	judging.values.steps[1] = judging.seen.reply;
	judging.values.steps[2] = judging.seen.reply;
	judging.values.step_count = 3;
	assert_holds(expect);
	judging_content("no call");
	assert_finds(expect, FINDING_MISS, "no tool call whose id could be judged");
	/* What comes behind is no earlier one. */
	judging_answered(
	    200, "application/json",
	    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":[" CALLING("0") "," CALLING("1") "]}");
	assert_holds(expect);
	assert_finds("{\"distinct_ids\":true,\"choice\":1}", FINDING_VIOLATION,
	             "of an earlier one");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, no_call_is_wanted_and_none_comes);
	tcase_add_test(cases, a_call_is_wanted_and_text_comes);
	tcase_add_test(cases, a_list_is_matched_in_any_order);
	tcase_add_test(cases, a_call_that_suits_two_is_given_to_the_one_that_needs_it);
	tcase_add_test(cases, many_calls_are_matched_without_trouble);
	tcase_add_test(cases, numbers_and_names_of_calls_are_bounded);
	tcase_add_test(cases, zero_calls_may_be_enough);
	tcase_add_test(cases, arguments_hold_to_the_schema_of_their_tool);
	tcase_add_test(cases, arguments_that_are_no_object_are_invalid_json);
	tcase_add_test(cases, values_of_arguments_are_compared_as_json);
	tcase_add_test(cases, fields_deep_inside_are_named_by_pointer);
	tcase_add_test(cases, no_arguments_are_an_empty_object);
	tcase_add_test(cases, ids_are_distinct_within_a_reply_and_across_steps);
}

int main(void)
{
	return unit_main("expect_tools", add);
}
