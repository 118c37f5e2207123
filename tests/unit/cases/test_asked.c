/* What a reply owes its request: `inspect --request` tells it, with the case that asks for it. */
#include "cases/expect/asked.h"
#include "tests/unit/cases/judging.h"

#define TOOLS                                                                                      \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"          \
	"\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"],"  \
	"\"additionalProperties\":false}}},{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]"
#define CALL(name, arguments)                                                                      \
	"{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"" name                       \
	"\",\"arguments\":\"" arguments "\"}}"
#define SCHEMA(strict)                                                                             \
	"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","           \
	"\"strict\":" strict ",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{"            \
	"\"type\":\"integer\"}},\"required\":[\"a\"]}}}"

/* "ID detail; ID detail": what a reply of these choices breaks of a request with these members. */
static const char *broken_by(const char *members, const char *choices, int output)
{
	struct text body = text_format(
	    &judging.arena,
	    "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":"
	    "[%s],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":%d,\"total_tokens\":%d}}",
	    choices, output, output + 1);
	struct text request = text_format(&judging.arena, "{\"model\":\"m\",\"messages\":[]%s%s}",
	                                  members[0] == '\0' ? "" : ",", members);
	const struct reply_context context = {0};
	struct asked_breaches breaches;
	struct text said = TEXT("");

	asked_judge(judging_json(request.data), reply_read(&context, body, &judging.arena),
	            &judging.arena, &breaches);
	for (size_t i = 0; i < breaches.count; i++)
		said =
		    text_format(&judging.arena, "%.*s%s%s %.*s", TEXT_ARG(said), i == 0 ? "" : "; ",
		                breaches.items[i].case_id, TEXT_ARG(breaches.items[i].detail));
	return text_c(&judging.arena, said);
}

/* One choice that says `content` (a JSON value) and makes `calls`. */
static const char *choice(const char *content, const char *calls, const char *finish)
{
	return text_format(&judging.arena,
	                   "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":%s%s%s%s},"
	                   "\"finish_reason\":\"%s\"}",
	                   content, calls[0] == '\0' ? "" : ",\"tool_calls\":[", calls,
	                   calls[0] == '\0' ? "" : "]", finish)
	    .data;
}

static const char *says(const char *members, const char *content)
{
	return broken_by(members, choice(content, "", "stop"), 1);
}

static const char *calls(const char *members, const char *calls)
{
	return broken_by(members, choice("null", calls, "tool_calls"), 1);
}

START_TEST(parameters_that_were_dropped_are_told)
{
	ck_assert_str_eq(says("\"n\":2", "\"hi\""), "PA-06 n is 2, and 1 choices came");
	ck_assert_str_eq(says("\"stop\":\"END\"", "\"the END of\""),
	                 "PA-03 the text holds the stop sequence \"END\"");
	ck_assert_str_eq(says("\"stop\":[\"X\",\"of\"]", "\"the END of\""),
	                 "PA-03 the text holds the stop sequence \"of\"");
	ck_assert_str_eq(broken_by("\"max_tokens\":3", choice("\"hi\"", "", "stop"), 4),
	                 "PA-01 max_tokens is 3, and 4 tokens are counted");
	ck_assert_str_eq(broken_by("\"max_completion_tokens\":3", choice("\"hi\"", "", "stop"), 4),
	                 "PA-02 max_completion_tokens is 3, and 4 tokens are counted");
	ck_assert_str_eq(says("\"logprobs\":true", "\"hi\""),
	                 "PA-07 logprobs were asked for and never came");
	ck_assert_str_eq(
	    says("\"n\":1,\"stop\":[\"END\"],\"max_tokens\":1,\"logprobs\":false", "\"the end\""),
	    "");
}
END_TEST

START_TEST(calls_are_held_against_the_tools_and_the_choice)
{
	ck_assert_str_eq(calls(TOOLS, CALL("f", "{\\\"a\\\":1}")), "");
	ck_assert_str_eq(calls(TOOLS, CALL("g", "{\\\"anything\\\":1}")), "");
	ck_assert_str_eq(calls(TOOLS, CALL("h", "{}")),
	                 "TC-06 tool call 0: UnknownName: no tool is called \"h\"");
	ck_assert_str_eq(calls("\"temperature\":0", CALL("f", "{}")), ""); /* told in part */
	ck_assert_int_eq(strncmp(calls(TOOLS, CALL("f", "{\\\"a\\\":\\\"1\\\"}")),
	                         "TC-05 tool call 0: SchemaMismatch", 33),
	                 0);
	ck_assert_str_eq(calls(TOOLS ",\"tool_choice\":\"none\"", CALL("f", "{\\\"a\\\":1}")),
	                 "TC-11 tool_choice is none, and \"f\" is called");
	ck_assert_str_eq(says(TOOLS ",\"tool_choice\":\"required\"", "\"hi\""),
	                 "TC-09 tool_choice is required, and nothing is called");
#define NAMED TOOLS ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"
	ck_assert_str_eq(says(NAMED, "\"hi\""),
	                 "TC-10 tool_choice names \"f\", and nothing is called");
	ck_assert_str_eq(calls(NAMED, CALL("g", "{}")),
	                 "TC-10 tool_choice names \"f\", and \"g\" is called");
	ck_assert_str_eq(calls(NAMED, CALL("f", "{\\\"a\\\":1}")), "");
	ck_assert_str_eq(
	    calls(TOOLS ",\"parallel_tool_calls\":false", CALL("g", "{}") "," CALL("g", "{}")),
	    "TC-14 parallel_tool_calls is false, and 2 calls come");
}
END_TEST

START_TEST(text_is_held_against_the_format)
{
#define OBJECT "\"response_format\":{\"type\":\"json_object\"}"
	ck_assert_str_eq(says(OBJECT, "\"{}\""), "");
	ck_assert_str_eq(says(OBJECT, "\"[]\""),
	                 "JO-01 response_format is json_object, and the text is an array: []");
	ck_assert_str_eq(says(OBJECT, "\"Sure\""),
	                 "JO-01 response_format is json_object, and the text is no JSON: Sure");
	ck_assert_str_eq(says(SCHEMA("true"), "\"{\\\"a\\\":1}\""), "");
	ck_assert_int_eq(strncmp(says(SCHEMA("true"), "\"{\\\"a\\\":\\\"1\\\"}\""), "JS-01 ", 6),
	                 0);
	/* Without strict, JSON is promised and its shape is not. */
	ck_assert_str_eq(says(SCHEMA("false"), "\"{\\\"a\\\":\\\"1\\\"}\""), "");
	ck_assert_int_eq(strncmp(says(SCHEMA("false"), "\"no\""), "JS-10 ", 6), 0);
}
END_TEST

/* The client's own limit, stop sequence or a call in its place is nobody's fault. */
START_TEST(what_was_cut_or_has_no_text_is_not_judged)
{
	ck_assert_str_eq(broken_by(OBJECT, choice("\"{\"", "", "length"), 1), "");
	ck_assert_str_eq(says(OBJECT ",\"stop\":\"}\"", "\"{\""), "");
	ck_assert_str_eq(calls(OBJECT "," TOOLS, CALL("g", "{}")), "");
	ck_assert_str_eq(
	    broken_by(TOOLS ",\"tool_choice\":\"required\"", choice("\"\"", "", "length"), 1), "");
	ck_assert_str_eq(broken_by(TOOLS, choice("null", CALL("f", "{}"), "length"), 1), "");
	ck_assert_str_eq(broken_by("\"n\":2", "", 1), ""); /* no choices at all: told elsewhere */
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, parameters_that_were_dropped_are_told);
	tcase_add_test(cases, calls_are_held_against_the_tools_and_the_choice);
	tcase_add_test(cases, text_is_held_against_the_format);
	tcase_add_test(cases, what_was_cut_or_has_no_text_is_not_judged);
}

int main(void)
{
	return unit_main("asked", add);
}
