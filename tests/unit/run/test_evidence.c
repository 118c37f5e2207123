/* Who is proven for what: each verdict of each severity, both ways of asking, age, hashes, waivers,
 * policy; and that the quick answer and the long one never differ. */
#include "tests/unit/run/evidence_rig.h"

/* --- verdicts ----------------------------------------------------------------------- */

static const struct {
	enum verdict verdict;
	bool gate_lets_pass, others_let_pass;
	const char *word, *reason;
} verdicts[] = {
    {VERDICT_PASS, true, true, "", ""},
    {VERDICT_FAIL, false, false, "fail", "fails"},
    {VERDICT_FLAKY, false, true, "flaky", "at times"},
    {VERDICT_UNSUPPORTED, false, false, "unsupported", "refused"},
    {VERDICT_IGNORED, false, false, "ignored", "ignored"},
    {VERDICT_INCONCLUSIVE, false, true, "inconclusive", "not decided"},
    {VERDICT_ERROR, false, true, "error", "could not be asked"},
    {VERDICT_SKIPPED, false, true, "unproven", "was not asked"},
    {VERDICT_STALE, false, true, "stale", "too long ago"},
};

START_TEST(a_gate_cell_must_pass_whatever_else_it_may_say)
{
	routing_case(&rig, "TC-10", CASE_GATE, "chat tools", "sync");
	routing_cell(&rig, T, "TC-10", verdicts[_i].verdict);
	ck_assert(builds_and_allows("chat tools") == verdicts[_i].gate_lets_pass);
	if (verdicts[_i].gate_lets_pass) {
		ck_assert_uint_eq(finding.count, 0);
		return;
	}
	ck_assert_uint_eq(finding.count, 1);
	ck_assert_uint_eq(finding.excluding, 1);
	assert_block(0, "TC-10", verdicts[_i].word, verdicts[_i].reason);
	ck_assert_ptr_eq(finding.blocks[0].cell, &rig.cells[0]);
	ck_assert(finding.blocks[0].unproven == (verdicts[_i].verdict == VERDICT_SKIPPED));
	/* Of one that was not asked its age says nothing. */
	rig.cells[0].tested_wall_ms = 0;
	ck_assert(!builds_and_allows("chat tools"));
	if (verdicts[_i].verdict == VERDICT_SKIPPED)
		assert_block(0, "TC-10", "unproven", "was not asked");
	else
		assert_block(0, "TC-10", "stale", "too long ago");
}
END_TEST

START_TEST(another_case_excludes_only_where_it_is_proven_bad)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "PA-01", CASE_REQUIRED, "temperature", "sync");
	routing_case(&rig, "PA-02", CASE_ADVISORY, "seed", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "PA-01", verdicts[_i].verdict);
	routing_cell(&rig, T, "PA-02", verdicts[_i].verdict);
	ck_assert(builds_and_allows("chat"));
	ck_assert(allows("chat temperature") == verdicts[_i].others_let_pass);
	if (!verdicts[_i].others_let_pass)
		assert_block(0, "PA-01", verdicts[_i].word, verdicts[_i].reason);
	ck_assert(allows("chat seed") == verdicts[_i].others_let_pass);
	if (!verdicts[_i].others_let_pass)
		assert_block(0, "PA-02", verdicts[_i].word, verdicts[_i].reason);
}
END_TEST

START_TEST(a_case_speaks_for_the_shapes_that_hold_all_it_vouches_for)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "TC-10", CASE_GATE, "chat tools stop", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "TC-10", VERDICT_FAIL);
	ck_assert(builds_and_allows("chat"));
	ck_assert(allows("chat tools"));
	ck_assert(allows("chat stop"));
	ck_assert(!allows("chat tools stop"));
	ck_assert(!allows("chat tools stop seed stream"));
}
END_TEST

START_TEST(a_case_that_vouches_for_nothing_routes_nothing)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "ER-01", CASE_GATE, "", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "ER-01", VERDICT_FAIL);
	ck_assert(builds_and_allows("chat"));
}
END_TEST

START_TEST(never_asked_is_unproven)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "TC-10", CASE_GATE, "tools", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	ck_assert(builds_and_allows("chat"));
	ck_assert(!allows("chat tools"));
	assert_block(0, "TC-10", "unproven", "never asked");
	ck_assert(finding.blocks[0].unproven);
	ck_assert_ptr_null(finding.blocks[0].cell);
}
END_TEST

START_TEST(a_cell_of_another_target_proves_nothing_here)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, "lab/qwen2", "CH-01", VERDICT_PASS);
	ck_assert(!builds_and_allows("chat"));
}
END_TEST

/* --- the two ways of asking ------------------------------------------------------------ */

START_TEST(each_way_of_asking_speaks_for_its_own)
{
	routing_case(&rig, "TC-10", CASE_GATE, "chat", "both");
	routing_cell(&rig, T, "TC-10", VERDICT_PASS);
	routing_cell(&rig, T, "TC-10~stream", VERDICT_FAIL);
	ck_assert(builds_and_allows("chat"));
	ck_assert(!allows("chat stream"));
	ck_assert_int_eq(finding.blocks[0].variant, CASE_STREAM);
	rig.cells[0].verdict = VERDICT_FAIL;
	rig.cells[1].verdict = VERDICT_PASS;
	ck_assert(!builds_and_allows("chat"));
	ck_assert_int_eq(finding.blocks[0].variant, CASE_SYNC);
	ck_assert(allows("chat stream"));
}
END_TEST

START_TEST(a_case_asked_plainly_alone_speaks_for_both_ways)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	ck_assert(builds_and_allows("chat"));
	ck_assert(allows("chat stream"));
	rig.cells[0].verdict = VERDICT_FAIL;
	ck_assert(!builds_and_allows("chat"));
	ck_assert(!allows("chat stream"));
}
END_TEST

START_TEST(a_case_asked_streamed_alone_speaks_for_streamed_requests)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "TS-01", CASE_GATE, "chat", "stream");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "TS-01~stream", VERDICT_FAIL);
	ck_assert(builds_and_allows("chat"));
	ck_assert(!allows("chat stream"));
	assert_block(0, "TS-01", "fail", "fails");
}
END_TEST

/* --- nothing speaks --------------------------------------------------------------------- */

START_TEST(an_endpoint_that_no_gate_case_asks_about_is_not_proven)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "RE-01", CASE_REQUIRED, "responses", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "RE-01", VERDICT_PASS);
	ck_assert(!builds_and_allows("responses"));
	ck_assert_uint_eq(finding.count, 1);
	ck_assert_ptr_null(finding.blocks[0].eval_case);
	ck_assert(finding.blocks[0].unproven);
	policy.unproven = CONFIG_ALLOW;
	ck_assert(builds_and_allows("responses"));
	ck_assert_uint_eq(finding.count, 1); /* and it says so */
	rig.cells[1].verdict = VERDICT_FAIL;
	ck_assert(!builds_and_allows("responses"));
	assert_block(0, "RE-01", "fail", "fails");
}
END_TEST

START_TEST(an_empty_suite_proves_nothing)
{
	ck_assert(!builds_and_allows("chat"));
	policy.unproven = CONFIG_ALLOW;
	ck_assert(builds_and_allows("chat"));
}
END_TEST

START_TEST(what_was_never_asked_may_be_allowed_and_what_is_bad_may_not)
{
	policy.unproven = CONFIG_ALLOW;
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "TC-10", CASE_GATE, "tools", "sync");
	ck_assert(builds_and_allows("chat tools"));
	ck_assert_uint_eq(finding.count, 2);
	ck_assert_uint_eq(finding.excluding, 0);
	routing_cell(&rig, T, "TC-10", VERDICT_SKIPPED);
	ck_assert(builds_and_allows("chat tools"));
	for (size_t i = 0; i < ARRAY_LENGTH(verdicts); i++) {
		if (verdicts[i].verdict == VERDICT_PASS || verdicts[i].verdict == VERDICT_SKIPPED)
			continue;
		rig.cells[0].verdict = verdicts[i].verdict;
		ck_assert_msg(!builds_and_allows("chat tools"), "%s is let pass", verdicts[i].word);
		ck_assert_uint_eq(finding.excluding, 1);
		assert_block(0, "TC-10", verdicts[i].word, "");
	}
}
END_TEST

/* --- age and hash ------------------------------------------------------------------------- */

START_TEST(a_pass_is_proof_up_to_its_greatest_age)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "TC-10", CASE_GATE, "tools", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "TC-10", VERDICT_PASS)->tested_wall_ms = now_ms - 14 * ROUTING_DAY_MS;
	ck_assert(builds_and_allows("chat tools"));
	now_ms += 1;
	ck_assert(!allows("chat tools"));
	assert_block(0, "TC-10", "stale", "too long ago");
	ck_assert(!finding.blocks[0].unproven);
	ck_assert(allows("chat")); /* the stale one does not speak for it */
	now_ms += 14 * ROUTING_DAY_MS;
	ck_assert(!allows("chat"));
}
END_TEST

START_TEST(stale_is_not_never_asked)
{
	policy.unproven = CONFIG_ALLOW;
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS)->tested_wall_ms = 0;
	ck_assert(!builds_and_allows("chat"));
}
END_TEST

START_TEST(a_date_in_the_future_is_no_proof)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	struct matrix_cell *cell = routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	cell->tested_wall_ms = now_ms + EVIDENCE_CLOCK_SKEW_MS;
	ck_assert(builds_and_allows("chat"));
	cell->tested_wall_ms++;
	ck_assert(!builds_and_allows("chat"));
	assert_block(0, "CH-01", "stale", "future");
	/* Nor is it beside one of a good date. */
	routing_case(&rig, "CH-02", CASE_GATE, "chat", "sync");
	routing_cell(&rig, T, "CH-02", VERDICT_PASS);
	ck_assert(!builds_and_allows("chat"));
	assert_block(0, "CH-01", "stale", "future");
}
END_TEST

START_TEST(old_news_of_a_case_that_is_no_gate_does_not_count)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "PA-01", CASE_REQUIRED, "seed", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	struct matrix_cell *bad = routing_cell(&rig, T, "PA-01", VERDICT_FAIL);
	ck_assert(!builds_and_allows("chat seed"));
	bad->tested_wall_ms = now_ms - 15 * ROUTING_DAY_MS;
	ck_assert(builds_and_allows("chat seed"));
}
END_TEST

START_TEST(a_verdict_on_another_question_does_not_count)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "PA-01", CASE_REQUIRED, "seed", "sync");
	struct matrix_cell *gate = routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	struct matrix_cell *other = routing_cell(&rig, T, "PA-01", VERDICT_FAIL);
	other->case_hash = TEXT("another");
	ck_assert(builds_and_allows("chat seed"));
	gate->case_hash = TEXT("another");
	ck_assert(!builds_and_allows("chat"));
	assert_block(0, "CH-01", "stale", "changed");
	ck_assert(!finding.blocks[0].unproven);
	policy.unproven = CONFIG_ALLOW;
	ck_assert(!builds_and_allows("chat"));
	policy.unproven = CONFIG_REJECT;
	gate->case_hash = (struct text){NULL, 0};
	ck_assert(!builds_and_allows("chat"));
	assert_block(0, "CH-01", "stale", "does not say");
}
END_TEST

/* --- long prompts, fields ----------------------------------------------------------------- */

START_TEST(a_prompt_is_long_where_it_fills_more_than_half_of_the_window)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "LC-01", CASE_GATE, "long_context", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "LC-01", VERDICT_FAIL);
	model.context = 1000;
	build();
	struct shape shape = routing_shape(&rig, "chat");
	shape.prompt_bytes = 1000; /* at most 500 tokens */
	ck_assert(allows_shape(&shape));
	shape.prompt_bytes = 1001;
	ck_assert(!allows_shape(&shape));
	struct feature_set features = evidence_features(evidence, 0, &shape);
	ck_assert(feature_has(&features, FEATURE_LONG_CONTEXT));
	model.context = -1; /* not known: nothing is long */
	ck_assert(builds_and_allows("chat"));
	ck_assert(allows_shape(&shape));
}
END_TEST

START_TEST(a_field_that_no_feature_names_can_be_vouched_for)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "XX-01", CASE_GATE, "field.top_k field.min_p", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "XX-01", VERDICT_FAIL);
	ck_assert(builds_and_allows("chat field.top_k"));
	ck_assert(!allows("chat field.top_k field.min_p"));
	assert_block(0, "XX-01", "fail", "fails");
	struct shape shape = routing_shape(&rig, "chat field.top_k field.new field.min_p");
	struct text_list unknown = evidence_unknown_fields(evidence, &shape, &rig.arena);
	ck_assert_uint_eq(unknown.count, 1);
	assert_text(unknown.items[0], "field.new");
	shape = routing_shape(&rig, "chat seed");
	ck_assert_uint_eq(evidence_unknown_fields(evidence, &shape, &rig.arena).count, 0);
}
END_TEST

/* --- proof, long lists ----------------------------------------------------------------------- */

START_TEST(the_proof_names_the_gate_cells_and_their_oldest_date)
{
	struct evidence_proof proof;

	routing_case(&rig, "CH-01", CASE_GATE, "chat", "both");
	routing_case(&rig, "TC-10", CASE_GATE, "tools", "both");
	routing_case(&rig, "PA-01", CASE_REQUIRED, "chat", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	routing_cell(&rig, T, "CH-01~stream", VERDICT_PASS);
	routing_cell(&rig, T, "TC-10~stream", VERDICT_PASS)->tested_wall_ms = 77;
	routing_cell(&rig, T, "PA-01", VERDICT_PASS);
	build();
	struct shape shape = routing_shape(&rig, "chat stream tools");
	prove(&shape, &rig.arena, &proof);
	ck_assert_uint_eq(proof.count, 2);
	assert_text(proof.cells.items[0], "CH-01~stream");
	assert_text(proof.cells.items[1], "TC-10~stream");
	ck_assert_int_eq(proof.oldest_wall_ms, 77);
	shape = routing_shape(&rig, "chat");
	prove(&shape, NULL, &proof);
	ck_assert_uint_eq(proof.count, 1);
	ck_assert_uint_eq(proof.cells.count, 0);
	ck_assert_int_eq(proof.oldest_wall_ms, now_ms - ROUTING_DAY_MS);
	shape = routing_shape(&rig, "embeddings");
	prove(&shape, &rig.arena, &proof);
	ck_assert_uint_eq(proof.count, 0);
	ck_assert_int_eq(proof.oldest_wall_ms, -1);
}
END_TEST

/* `bad` cells that exclude behind and among `waived` ones that do not. */
static void judge_many(size_t waived, size_t bad, bool waived_first)
{
	static char ids[64][16];
	static struct config_waiver many[64];
	size_t waivers_made = 0;

	routing_init(&rig);
	for (size_t i = 0; i < waived + bad; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "CH-%02u", (unsigned)i % 100);
		routing_case(&rig, ids[i], CASE_GATE, "chat", "sync");
		routing_cell(&rig, T, ids[i], VERDICT_FAIL);
		if (waived_first ? i < waived : i >= bad)
			many[waivers_made++] = (struct config_waiver){
			    .target = TEXT(T),
			    .case_id = text_of(ids[i]),
			    .until_wall_ms = now_ms + 1,
			};
	}
	policy.waivers = (struct setting_list){many, waivers_made};
	ck_assert(builds_and_allows("chat") == (bad == 0));
	size_t told = size_min(waived + bad, EVIDENCE_BLOCKS_MAX);
	ck_assert_uint_eq(finding.count, told);
	ck_assert_uint_eq(finding.dropped, waived + bad - told);
	ck_assert_uint_eq(finding.excluding, bad);
	for (size_t i = 0; i < told; i++)
		ck_assert_msg((finding.blocks[i].waiver == NULL) == (i < bad),
		              "%zu waived, %zu bad: block %zu is out of place", waived, bad, i);
	arena_done(&rig.arena);
}

START_TEST(what_excludes_is_told_first_and_never_dropped_for_what_does_not)
{
	for (int first = 0; first < 2; first++) {
		judge_many(31, 1, first == 1);
		judge_many(32, 1, first == 1);
		judge_many(30, 5, first == 1);
		judge_many(3, 40, first == 1);
		judge_many(40, 0, first == 1);
		judge_many(0, 33, first == 1);
	}
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, a_gate_cell_must_pass_whatever_else_it_may_say, 0,
	                    ARRAY_LENGTH(verdicts));
	tcase_add_loop_test(cases, another_case_excludes_only_where_it_is_proven_bad, 0,
	                    ARRAY_LENGTH(verdicts));
	tcase_add_test(cases, a_case_speaks_for_the_shapes_that_hold_all_it_vouches_for);
	tcase_add_test(cases, a_case_that_vouches_for_nothing_routes_nothing);
	tcase_add_test(cases, never_asked_is_unproven);
	tcase_add_test(cases, a_cell_of_another_target_proves_nothing_here);
	tcase_add_test(cases, each_way_of_asking_speaks_for_its_own);
	tcase_add_test(cases, a_case_asked_plainly_alone_speaks_for_both_ways);
	tcase_add_test(cases, a_case_asked_streamed_alone_speaks_for_streamed_requests);
	tcase_add_test(cases, an_endpoint_that_no_gate_case_asks_about_is_not_proven);
	tcase_add_test(cases, an_empty_suite_proves_nothing);
	tcase_add_test(cases, what_was_never_asked_may_be_allowed_and_what_is_bad_may_not);
	tcase_add_test(cases, a_pass_is_proof_up_to_its_greatest_age);
	tcase_add_test(cases, stale_is_not_never_asked);
	tcase_add_test(cases, a_date_in_the_future_is_no_proof);
	tcase_add_test(cases, old_news_of_a_case_that_is_no_gate_does_not_count);
	tcase_add_test(cases, a_verdict_on_another_question_does_not_count);
	tcase_add_test(cases, a_prompt_is_long_where_it_fills_more_than_half_of_the_window);
	tcase_add_test(cases, a_field_that_no_feature_names_can_be_vouched_for);
	tcase_add_test(cases, the_proof_names_the_gate_cells_and_their_oldest_date);
	tcase_add_test(cases, what_excludes_is_told_first_and_never_dropped_for_what_does_not);
}

int main(void)
{
	return unit_main("evidence", add_tests);
}
