/* Fates of parameters, alternatives, and what is added for one variant. */
#include "tests/unit/cases/judging.h"

static void assert_fates(const char *expect, const char *fates)
{
	assert_text(judging_findings(expect)->fates, fates);
}

#define STOP                                                                                       \
	"{\"fate\":{\"parameter\":\"stop\",\"honoured\":{\"content\":{\"absent\":\"omega\"},"      \
	"\"finish_reason\":\"stop\"}}}"

START_TEST(a_parameter_that_has_its_effect_is_honoured)
{
	judging_asked("{\"stop\":\"x\"}");
	judging_content("alpha");
	assert_holds(STOP);
	assert_fates(STOP, "stop honoured");
}
END_TEST

START_TEST(a_parameter_without_effect_is_ignored)
{
	judging_asked("{\"stop\":\"x\"}");
	judging_content("alpha omega");
	assert_finds(STOP, FINDING_IGNORED, "stop is ignored: content is \"alpha omega\"");
	assert_fates(STOP, "stop ignored");
}
END_TEST

START_TEST(a_parameter_named_by_an_error_is_refused)
{
	judging_asked("{\"stop\":\"x\"}");
	judging_answered(400, "application/json",
	                 "{\"error\":{\"message\":\"stop is not supported\",\"type\":\"e\","
	                 "\"param\":\"stop\",\"code\":null}}");
	assert_finds(STOP, FINDING_REFUSED, "stop is refused by 400: \"stop is not supported\"");
	assert_fates(STOP, "stop refused");
	judging_answered(400, "application/json",
	                 "{\"error\":{\"message\":\"bad\",\"type\":\"e\",\"param\":null,"
	                 "\"code\":null}}");
	assert_finds(STOP, FINDING_VIOLATION, "status is 400");
	assert_fates(STOP, "");
}
END_TEST

START_TEST(an_incomplete_reply_tells_nothing_of_a_fate)
{
	judging_asked("{\"stop\":\"x\",\"stream\":true}");
	judging_answered(200, "text/event-stream", "data: {}\n\n");
	ck_assert_int_eq(judging_findings(STOP)->gravest, FINDING_VIOLATION);
	assert_fates(STOP, "");
}
END_TEST

/* Nothing is said of the effect of what was never sent, and its fate is told once. */
START_TEST(what_was_left_out_has_one_fate)
{
	static const struct text dropped[] = {TEXT_INIT("stop")};
	struct findings *found;

	judging_asked("{\"stop\":\"x\"}");
	judging_content("alpha");
	judging.features = (struct text_list){ARENA_NEW(&judging.arena, struct text), 1};
	judging.features.items[0] = TEXT("stop");
	judging.exchange.dropped = dropped;
	judging.exchange.dropped_count = 1;
	found = judging_findings(STOP);
	expect_check_left_out(&judging.seen, &judging.arena, found);
	assert_text(found->fates, "stop left out");
	ck_assert_uint_eq(found->count, 1);
}
END_TEST

START_TEST(a_fate_is_that_of_the_choice_that_is_meant)
{
	judging_asked("{\"stop\":\"x\"}");
	judging_answered(
	    200, "application/json",
	    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},"
	    "\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"role\":\"assistant\","
	    "\"content\":\"b\"},\"finish_reason\":\"stop\"}]}");
	assert_fates("{\"fate\":{\"parameter\":\"stop\",\"honoured\":{\"choice\":1,\"content\":"
	             "{\"equals\":\"b\"}}}}",
	             "stop honoured");
}
END_TEST

START_TEST(several_fates_are_told_one_by_one)
{
	const char *expect = "{\"fate\":[{\"parameter\":\"n\",\"honoured\":{\"choices\":2}},"
			     "{\"parameter\":\"stop\",\"honoured\":{\"choices\":1}}]}";

	judging_asked("{\"n\":2,\"stop\":\"x\"}");
	judging_content("alpha");
	assert_finds(expect, FINDING_IGNORED, "n is ignored: there are 1 choices, want 2");
	assert_fates(expect, "n ignored, stop honoured");
}
END_TEST

START_TEST(one_of_several_blocks_is_enough)
{
	const char *expect =
	    "{\"any_of\":[{\"status\":400},{\"content\":{\"contains\":\"alpha\"}}]}";

	judging_content("alpha");
	assert_holds(expect);
	judging_answered(400, "application/json", "{}");
	assert_holds(expect);
}
END_TEST

START_TEST(of_blocks_that_all_fail_the_mildest_speaks)
{
	const char *expect = "{\"any_of\":[{\"status\":400},"
			     "{\"content\":{\"contains\":[\"beta\",\"gamma\"]}},"
			     "{\"content\":{\"contains\":\"delta\"}}]}";

	judging_content("alpha");
	assert_finds(expect, FINDING_MISS, "want it to contain \"delta\"");
	judging_answered(500, "application/json", "{}");
	assert_finds(expect, FINDING_VIOLATION, "status is 500, want 400");
}
END_TEST

START_TEST(what_is_added_for_a_variant_holds_in_that_variant_only)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct expectation *expect, *added;
	struct findings found = {0};

	ck_assert(expect_read(judging_json("{\"content\":{\"contains\":\"alpha\"}}"),
	                      &judging.arena, judging.resources, &expect, faults));
	ck_assert(expect_read(judging_json("{\"usage\":{\"output_max\":1}}"), &judging.arena,
	                      judging.resources, &added, faults));
	memory_free(faults);
	expect_add_variant(expect, false, added);
	judging_content("alpha");
	expect_check(expect, &judging.seen, &judging.arena, &found);
	ck_assert_uint_eq(found.count, 1);
	assert_text(found.items[0].text, "usage says 3 output tokens, want at most 1");
	found = (struct findings){0};
	judging.seen.streamed = true;
	expect_check(expect, &judging.seen, &judging.arena, &found);
	ck_assert_uint_eq(found.count, 0);
}
END_TEST

START_TEST(a_status_of_one_variant_is_that_variants_status)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct expectation *expect, *added;
	struct findings found = {0};

	ck_assert(expect_read(judging_json("{\"choice\":0}"), &judging.arena, judging.resources,
	                      &expect, faults));
	ck_assert(expect_read(judging_json("{\"status\":400}"), &judging.arena, judging.resources,
	                      &added, faults));
	memory_free(faults);
	expect_add_variant(expect, true, added);
	judging_answered(400, "application/json", "{}");
	judging.seen.streamed = true;
	expect_check(expect, &judging.seen, &judging.arena, &found);
	ck_assert_uint_eq(found.count, 0);
	judging.seen.streamed = false;
	expect_check(expect, &judging.seen, &judging.arena, &found);
	ck_assert_int_eq(found.gravest, FINDING_VIOLATION);
	/* Where the case itself says one, that counts. */
	faults = memory_new(sizeof(*faults));
	ck_assert(expect_read(judging_json("{\"status\":404}"), &judging.arena, judging.resources,
	                      &expect, faults));
	memory_free(faults);
	expect_add_variant(expect, true, added);
	judging.seen.streamed = true;
	found = (struct findings){0};
	expect_check(expect, &judging.seen, &judging.arena, &found);
	ck_assert_int_eq(found.gravest, FINDING_VIOLATION);
}
END_TEST

START_TEST(more_findings_than_are_kept_are_counted)
{
	struct text_buf expect;

	text_buf_init(&expect, 1 << 16);
	text_buf_add_c(&expect, "{\"content\":{\"contains\":[");
	for (int i = 0; i < FINDINGS_MAX + 3; i++)
		text_buf_format(&expect, "%s\"part %d\"", i == 0 ? "" : ",", i);
	text_buf_add_c(&expect, "]}}");
	judging_content("alpha");
	struct findings *found = judging_findings(text_buf_view(&expect).data);
	text_buf_done(&expect);
	ck_assert_uint_eq(found->count, FINDINGS_MAX);
	ck_assert_uint_eq(found->dropped, 3);
	ck_assert_int_eq(found->gravest, FINDING_MISS);
}
END_TEST

START_TEST(an_expectation_that_can_not_be_filled_is_our_own_fault)
{
	judging_content("alpha");
	assert_finds("{\"content\":{\"contains\":\"{{nonce2}}\"}}", FINDING_HARNESS,
	             "{{nonce2}} has no value");
	judging_asked("{\"stop\":\"x\"}");
	assert_finds("{\"fate\":{\"parameter\":\"stop\",\"honoured\":{\"content\":{\"absent\":"
	             "\"{{nonce2}}\"}}}}",
	             FINDING_HARNESS, "{{nonce2}} has no value");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, a_parameter_that_has_its_effect_is_honoured);
	tcase_add_test(cases, a_parameter_without_effect_is_ignored);
	tcase_add_test(cases, a_parameter_named_by_an_error_is_refused);
	tcase_add_test(cases, an_incomplete_reply_tells_nothing_of_a_fate);
	tcase_add_test(cases, what_was_left_out_has_one_fate);
	tcase_add_test(cases, a_fate_is_that_of_the_choice_that_is_meant);
	tcase_add_test(cases, several_fates_are_told_one_by_one);
	tcase_add_test(cases, one_of_several_blocks_is_enough);
	tcase_add_test(cases, of_blocks_that_all_fail_the_mildest_speaks);
	tcase_add_test(cases, what_is_added_for_a_variant_holds_in_that_variant_only);
	tcase_add_test(cases, a_status_of_one_variant_is_that_variants_status);
	tcase_add_test(cases, more_findings_than_are_kept_are_counted);
	tcase_add_test(cases, an_expectation_that_can_not_be_filled_is_our_own_fault);
}

int main(void)
{
	return unit_main("expect_fate", add);
}
