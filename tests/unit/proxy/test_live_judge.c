/* What of a reply is held against its target, and what is not its fault. */
#include "proxy/live/live_judge.h"

#include "providers/reply/reply_reader.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static struct arena arena, scratch;
static struct live_findings findings;

static void set_up(void)
{
	arena = scratch = (struct arena){0};
}

static void tear_down(void)
{
	arena_done(&arena);
	arena_done(&scratch);
}

/* `request` without model and messages; `choice`: members of the one choice, its index aside. */
static void judge(const char *request, const char *choice)
{
	struct text body = text_format(
	    &arena, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]%s}",
	    request);
	struct text answer =
	    text_format(&arena,
	                "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":"
	                "\"m\",\"choices\":["
	                "{\"index\":0,%s}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,"
	                "\"total_tokens\":7}}",
	                choice);
	struct reply_context context = {.status = 200, .content_type = TEXT("application/json")};
	struct shape_fault shape_fault;
	struct shape shape;
	struct fault fault;
	struct json *root;

	ck_assert_msg(json_read_text(body, "request", &arena, &root, &fault), "%s", fault.message);
	ck_assert_msg(shape_read(ENDPOINT_CHAT, root, &arena, &shape, &shape_fault), "%s",
	              shape_fault.message);
	const struct live_asked asked = {&shape, root};
	live_judge(&asked, reply_read(&context, answer, &arena), &scratch, &findings);
}

/* "good", "broken" or "unseen" */
static const char *told(size_t check)
{
	if (!findings.saw[check])
		return findings.broken[check] ? "broken, unseen" : "unseen";
	return findings.broken[check] ? "broken" : "good";
}

#define TOOL                                                                                       \
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"         \
	"\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}}" \
	"}]"
#define CALL(name, arguments)                                                                      \
	"\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\","      \
	"\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"" arguments     \
	"\"}}]},\"finish_reason\":\"tool_calls\""
#define SAYS(content, finish)                                                                      \
	"\"message\":{\"role\":\"assistant\",\"content\":\"" content                               \
	"\"},\"finish_reason\":\"" finish "\""
#define SCHEMA(more)                                                                               \
	",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"s\"," more     \
	"\"schema\":{\"type\":\"object\",\"required\":[\"a\"]}}}"
#define STRICT SCHEMA("\"strict\":true,")

START_TEST(arguments_are_held_against_the_tool_of_that_name)
{
	judge(TOOL, CALL("f", "{\\\"n\\\":1}"));
	ck_assert_str_eq(told(LIVE_ARGUMENTS), "good");
	ck_assert_str_eq(told(LIVE_NAME), "good");
	ck_assert_str_eq(told(WIRE_TC_04), "good");
	judge(TOOL, CALL("f", "{\\\"n\\\":\\\"1\\\"}"));
	ck_assert_str_eq(told(LIVE_ARGUMENTS), "broken");
	judge(TOOL, CALL("g", "{\\\"n\\\":1}"));
	ck_assert_str_eq(told(LIVE_NAME), "broken");
	ck_assert_str_eq(told(LIVE_ARGUMENTS), "unseen");
}
END_TEST

START_TEST(arguments_that_are_no_json_break_the_rule_of_the_wire_alone)
{
	judge(TOOL, CALL("f", "{\\\"n\\\":"));
	ck_assert_str_eq(told(WIRE_TC_04), "broken");
	ck_assert_str_eq(told(LIVE_ARGUMENTS), "unseen");
}
END_TEST

START_TEST(an_answer_is_held_against_a_strict_schema)
{
	judge(STRICT, SAYS("{\\\"a\\\":1}", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "good");
	judge(STRICT, SAYS("{\\\"b\\\":1}", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "broken");
	judge(STRICT, SAYS("Sure! {\\\"a\\\":1}", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "broken");
	judge(SCHEMA(""), SAYS("{\\\"b\\\":1}", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
}
END_TEST

START_TEST(a_json_object_is_one)
{
#define OBJECT ",\"response_format\":{\"type\":\"json_object\"}"
	judge(OBJECT, SAYS("{}", "stop"));
	ck_assert_str_eq(told(LIVE_OBJECT), "good");
	judge(OBJECT, SAYS("[]", "stop"));
	ck_assert_str_eq(told(LIVE_OBJECT), "broken");
	judge(OBJECT, SAYS("```json", "stop"));
	ck_assert_str_eq(told(LIVE_OBJECT), "broken");
}
END_TEST

START_TEST(what_was_cut_by_the_clients_will_is_no_fault)
{
	judge(STRICT, SAYS("{\\\"b\\\":", "length"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
	judge(STRICT, SAYS("{\\\"b\\\":", "content_filter"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
	judge(STRICT ",\"stop\":[\"x\"]", SAYS("{\\\"b\\\":", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
	judge(STRICT ",\"max_tokens\":4", SAYS("{\\\"b\\\":", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
	judge(STRICT ",\"max_tokens\":5", SAYS("{\\\"b\\\":", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "broken");
	judge(TOOL ",\"max_tokens\":4", CALL("f", "{\\\"n\\\":"));
	ck_assert_str_eq(told(WIRE_TC_04), "unseen");
	/* Other rules hold however little came. */
	ck_assert_str_eq(told(WIRE_CH_01), "good");
}
END_TEST

START_TEST(a_schema_that_is_not_understood_whole_says_nothing)
{
	judge(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"strict\":true,"
	      "\"schema\":{\"type\":\"object\",\"x-own\":1,\"required\":[\"a\"]}}}",
	      SAYS("{}", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
	judge(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"strict\":true,"
	      "\"schema\":{\"$ref\":\"#/nowhere\"}}}",
	      SAYS("{}", "stop"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
}
END_TEST

START_TEST(a_refusal_or_a_call_may_stand_in_the_answers_place)
{
	judge(STRICT, "\"message\":{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"},"
	              "\"finish_reason\":\"stop\"");
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
	judge(STRICT, "\"message\":{\"role\":\"assistant\",\"content\":\"I won't\",\"refusal\":"
	              "\"no\"},\"finish_reason\":\"stop\"");
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
	judge(TOOL STRICT, CALL("f", "{\\\"n\\\":1}"));
	ck_assert_str_eq(told(LIVE_SCHEMA), "unseen");
	/* A tool that takes free text is in no list of functions. */
	judge(TOOL,
	      "\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\","
	      "\"type\":\"custom\",\"custom\":{\"name\":\"g\",\"input\":\"x\"}}]},"
	      "\"finish_reason\":\"tool_calls\"");
	ck_assert_str_eq(told(LIVE_NAME), "unseen");
}
END_TEST

START_TEST(rules_of_the_wire_are_taken_from_the_reader)
{
	judge("", SAYS("hi", "eos"));
	ck_assert_str_eq(told(WIRE_FR_01), "broken");
	judge("", SAYS("hi", "stop"));
	ck_assert_str_eq(told(WIRE_FR_01), "good");
	ck_assert_str_eq(told(WIRE_US_01), "good");
	ck_assert_str_eq(told(WIRE_TS_01), "unseen");
}
END_TEST

START_TEST(markup_and_thoughts_in_the_text_may_have_been_asked_for)
{
	judge(TOOL, SAYS("<think>well</think><tool_call>{}</tool_call>", "stop"));
	ck_assert_str_eq(told(WIRE_RE_01), "unseen");
	ck_assert_str_eq(told(WIRE_TC_21), "unseen");
}
END_TEST

START_TEST(every_check_names_a_case)
{
	for (size_t check = 0; check < LIVE_CHECKS; check++)
		ck_assert_uint_gt(live_check_case(check).len, 0);
	ck_assert(text_is(live_check_case(WIRE_TS_01), "TS-01"));
	ck_assert(text_is(live_check_case(LIVE_SCHEMA), "JS-01"));
	/* Those that rest on what a case sets up, or are the breaker's, judge no traffic. */
	static const enum wire_rule others[] = {WIRE_TC_21, WIRE_RE_01, WIRE_JS_14, WIRE_TS_08,
	                                        WIRE_ER_05, WIRE_ER_20, WIRE_MO_01};
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		ck_assert(!live_check_counts(others[i]));
	ck_assert(live_check_counts(WIRE_TS_01) && live_check_counts(LIVE_OBJECT));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, arguments_are_held_against_the_tool_of_that_name);
	tcase_add_test(cases, arguments_that_are_no_json_break_the_rule_of_the_wire_alone);
	tcase_add_test(cases, an_answer_is_held_against_a_strict_schema);
	tcase_add_test(cases, a_json_object_is_one);
	tcase_add_test(cases, what_was_cut_by_the_clients_will_is_no_fault);
	tcase_add_test(cases, a_schema_that_is_not_understood_whole_says_nothing);
	tcase_add_test(cases, a_refusal_or_a_call_may_stand_in_the_answers_place);
	tcase_add_test(cases, rules_of_the_wire_are_taken_from_the_reader);
	tcase_add_test(cases, markup_and_thoughts_in_the_text_may_have_been_asked_for);
	tcase_add_test(cases, every_check_names_a_case);
}

int main(void)
{
	return unit_main("live_judge", add);
}
