/* Content, reasoning and refusal. */
#include "tests/unit/cases/judging.h"

START_TEST(exact_text_holds_byte_for_byte)
{
	judging_content("xkcd4821");
	assert_holds("{\"content\":{\"equals\":\"{{nonce}}\"}}");
	assert_finds("{\"content\":{\"equals\":\"xkcd\"}}", FINDING_MISS,
	             "content is \"xkcd4821\", want \"xkcd\"");
	assert_finds("{\"content\":{\"equals\":\"\"}}", FINDING_MISS, "want \"\"");
	judging_content("");
	assert_holds("{\"content\":{\"equals\":\"\"}}");
}
END_TEST

START_TEST(every_part_must_be_in_it)
{
	judging_content("foo and bar");
	assert_holds("{\"content\":{\"contains\":[\"foo\",\"bar\"]}}");
	assert_holds("{\"content\":{\"contains\":\"and\"}}");
	assert_finds("{\"content\":{\"contains\":[\"foo\",\"{{nonce}}\"]}}", FINDING_MISS,
	             "content is \"foo and bar\", want it to contain \"xkcd4821\"");
}
END_TEST

START_TEST(no_absent_part_may_be_in_it)
{
	judging_content("alpha beta");
	assert_holds("{\"content\":{\"absent\":[\"omega\",\"{{nonce}}\"]}}");
	assert_finds("{\"content\":{\"absent\":[\"omega\",\"beta\"]}}", FINDING_MISS,
	             "want it without \"beta\"");
}
END_TEST

START_TEST(patterns_are_searched_with_their_flags)
{
	judging_content("It is Paris.");
	assert_holds("{\"content\":{\"matches\":\"/paris/i\"}}");
	assert_holds("{\"content\":{\"matches\":[\"/^It/\",\"/\\\\.$/\"]}}");
	assert_finds("{\"content\":{\"matches\":\"/paris/\"}}", FINDING_MISS,
	             "want it to match /paris/");
}
END_TEST

START_TEST(many_patterns_are_kept)
{
	struct text_buf expect;

	text_buf_init(&expect, 1 << 16);
	text_buf_add_c(&expect, "{\"content\":{\"matches\":[");
	for (int i = 0; i < 200; i++)
		text_buf_format(&expect, "%s\"/x%d?/\"", i == 0 ? "" : ",", i);
	text_buf_add_c(&expect, "]}}");
	judging_content("xxxx x1 x2 x3 x4 x5 x6 x7 x8 x9");
	struct findings *found = judging_findings(text_buf_view(&expect).data);
	text_buf_done(&expect);
	ck_assert_uint_gt(found->count, 0);
	ck_assert_int_eq(found->gravest, FINDING_MISS);
}
END_TEST

START_TEST(a_pattern_that_runs_away_is_our_own_fault)
{
	struct text_buf text;

	text_buf_init(&text, 100000);
	for (int i = 0; i < 5000; i++)
		text_buf_byte(&text, 'a');
	text_buf_byte(&text, '!');
	judging_content(text_buf_view(&text).data);
	text_buf_done(&text);
	struct findings *found = judging_findings("{\"content\":{\"matches\":\"/^(a+)+$/\"}}");
	ck_assert_int_eq(found->gravest, FINDING_HARNESS);
}
END_TEST

START_TEST(null_is_no_text)
{
	judging_said("{\"role\":\"assistant\",\"content\":null}", "stop");
	assert_finds("{\"content\":{\"contains\":\"x\"}}", FINDING_MISS, "content is null");
	assert_finds("{\"content\":{\"equals\":\"\"}}", FINDING_MISS, "content is null, want \"\"");
	assert_finds("{\"content\":{\"matches\":\"/.*/\"}}", FINDING_MISS, "content is null");
	assert_finds("{\"content\":{\"json\":\"any\"}}", FINDING_MISS, "content is null");
	assert_finds("{\"content\":{\"empty\":false}}", FINDING_MISS, "content is null, want some");
	assert_holds("{\"content\":{\"empty\":true}}");
}
END_TEST

START_TEST(lengths_are_bounded)
{
	judging_content("12345");
	assert_holds("{\"content\":{\"min_bytes\":5,\"max_bytes\":5,\"empty\":false}}");
	assert_finds("{\"content\":{\"max_bytes\":4}}", FINDING_MISS, "5 bytes, want at most 4");
	assert_finds("{\"content\":{\"min_bytes\":6}}", FINDING_MISS, "5 bytes, want at least 6");
	judging_content("1");
	assert_finds("{\"content\":{\"empty\":true}}", FINDING_MISS, "want none");
	judging_content("");
	assert_finds("{\"content\":{\"empty\":false}}", FINDING_MISS,
	             "content is empty, want some");
}
END_TEST

START_TEST(json_is_one_value_and_nothing_else)
{
	judging_content("{\"a\":1}");
	assert_holds("{\"content\":{\"json\":\"object\"}}");
	assert_holds("{\"content\":{\"json\":\"any\"}}");
	assert_finds("{\"content\":{\"json\":\"array\"}}", FINDING_MISS,
	             "an object as JSON, want an array");
	judging_content("```json\n{\"a\":1}\n```");
	assert_finds("{\"content\":{\"json\":\"object\"}}", FINDING_MISS, "which is no JSON");
	judging_content("{\"a\":1} I hope this helps!");
	assert_finds("{\"content\":{\"json\":\"object\"}}", FINDING_MISS, "which is no JSON");
}
END_TEST

START_TEST(an_inline_schema_must_hold)
{
	const char *expect =
	    "{\"content\":{\"schema\":{\"type\":\"object\",\"properties\":{\"age\":"
	    "{\"type\":\"integer\"}},\"required\":[\"age\"]}}}";

	judging_content("{\"age\":42}");
	assert_holds(expect);
	judging_content("{\"age\":\"42\"}");
	assert_finds(expect, FINDING_MISS, "content does not hold to the schema: at /age");
	judging_content("42");
	assert_finds(expect, FINDING_MISS, "does not hold to the schema");
	judging_content("forty-two");
	assert_finds(expect, FINDING_MISS, "which is no JSON");
}
END_TEST

START_TEST(the_schema_of_the_request_must_hold)
{
	const char *expect = "{\"content\":{\"schema\":\"response_format\"}}";

	judging_asked(
	    "{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"p\","
	    "\"schema\":{\"type\":\"object\",\"additionalProperties\":false,"
	    "\"properties\":{\"a\":{\"enum\":[\"x\"]}}}}}}");
	judging_content("{\"a\":\"x\"}");
	assert_holds(expect);
	judging_content("{\"a\":\"purple\"}");
	assert_finds(expect, FINDING_MISS, "at /a");
	judging_content("{\"b\":1}");
	assert_finds(expect, FINDING_MISS, "schema");
}
END_TEST

START_TEST(reasoning_and_refusal_are_texts_too)
{
	judging_said("{\"role\":\"assistant\",\"content\":null,\"refusal\":\"I will not.\"}",
	             "stop");
	assert_holds("{\"refusal\":{\"contains\":\"will not\"},\"content\":{\"empty\":true}}");
	assert_finds("{\"reasoning\":{\"empty\":false}}", FINDING_MISS, "reasoning is null");
	judging_said("{\"role\":\"assistant\",\"content\":\"4\",\"reasoning_content\":\"2 and 2\"}",
	             "stop");
	assert_holds("{\"reasoning\":{\"contains\":\"2 and 2\"},\"refusal\":{\"empty\":true}}");
}
END_TEST

START_TEST(findings_show_hostile_bytes_safely_and_cut_long_ones)
{
	judging_content("\x1b[31mred \xe2\x80\xae evil");
	struct findings *found = judging_findings("{\"content\":{\"equals\":\"x\"}}");
	ck_assert(text_find_byte(found->items[0].text, '\x1b', 0) == TEXT_NOT_FOUND);
	ck_assert(text_find(found->items[0].text, TEXT("\xe2\x80\xae"), 0) == TEXT_NOT_FOUND);
	struct text_buf text;
	text_buf_init(&text, 100000);
	for (int i = 0; i < 50000; i++)
		text_buf_byte(&text, 'a');
	judging_content(text_buf_view(&text).data);
	text_buf_done(&text);
	found = judging_findings("{\"content\":{\"equals\":\"x\"}}");
	ck_assert_uint_lt(found->items[0].text.len, 200);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, exact_text_holds_byte_for_byte);
	tcase_add_test(cases, every_part_must_be_in_it);
	tcase_add_test(cases, no_absent_part_may_be_in_it);
	tcase_add_test(cases, patterns_are_searched_with_their_flags);
	tcase_add_test(cases, many_patterns_are_kept);
	tcase_add_test(cases, a_pattern_that_runs_away_is_our_own_fault);
	tcase_add_test(cases, null_is_no_text);
	tcase_add_test(cases, lengths_are_bounded);
	tcase_add_test(cases, json_is_one_value_and_nothing_else);
	tcase_add_test(cases, an_inline_schema_must_hold);
	tcase_add_test(cases, the_schema_of_the_request_must_hold);
	tcase_add_test(cases, reasoning_and_refusal_are_texts_too);
	tcase_add_test(cases, findings_show_hostile_bytes_safely_and_cut_long_ones);
}

int main(void)
{
	return unit_main("expect_text", add);
}
