/* What a waiver and a repair change about who is proven for what; see test_evidence.c. */
#include "tests/unit/run/evidence_rig.h"

static struct config_waiver waivers[3];

static void add_waiver(size_t at, const char *case_id, int64_t until_wall_ms)
{
	waivers[at] = (struct config_waiver){
	    .target = TEXT(T), .case_id = text_of(case_id), .until_wall_ms = until_wall_ms};
	policy.waivers = (struct setting_list){waivers, at + 1};
}

/* --- waivers ------------------------------------------------------------------------------ */

START_TEST(a_waiver_holds_to_its_last_moment_and_is_shown)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "PA-01", CASE_REQUIRED, "seed", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_FAIL);
	routing_cell(&rig, T, "PA-01", VERDICT_IGNORED);
	add_waiver(0, "PA-01", now_ms + 5);
	ck_assert(!builds_and_allows("chat seed"));
	ck_assert_uint_eq(finding.count, 2);
	ck_assert_uint_eq(finding.excluding, 1);
	assert_block(0, "CH-01", "fail", "fails"); /* what excludes stands first */
	assert_block(1, "PA-01", "ignored", "ignored");
	ck_assert_ptr_eq(finding.blocks[1].waiver, &waivers[0]);
	add_waiver(1, "CH-01", now_ms);
	ck_assert(builds_and_allows("chat seed"));
	ck_assert_uint_eq(finding.count, 2);
	now_ms += 1;
	ck_assert(!allows("chat seed"));
	ck_assert_ptr_null(finding.blocks[0].waiver);
}
END_TEST

START_TEST(a_waiver_covers_never_asked_stale_and_changed)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	add_waiver(0, "CH-01", now_ms + 1);
	ck_assert(builds_and_allows("chat"));
	struct matrix_cell *cell = routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	cell->tested_wall_ms = 0;
	ck_assert(builds_and_allows("chat"));
	assert_block(0, "CH-01", "stale", "too long ago");
	cell->case_hash = TEXT("another");
	ck_assert(builds_and_allows("chat"));
	assert_block(0, "CH-01", "stale", "changed");
}
END_TEST

START_TEST(of_two_waivers_the_longer_one_counts_and_others_do_not)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_FAIL);
	add_waiver(0, "CH-02", now_ms + 1);
	add_waiver(1, "CH-01", now_ms - 1);
	ck_assert(!builds_and_allows("chat"));
	add_waiver(2, "CH-01", now_ms + 1);
	ck_assert(builds_and_allows("chat"));
	waivers[2].target = TEXT("lab/other");
	ck_assert(!builds_and_allows("chat"));
}
END_TEST

START_TEST(a_waiver_on_an_advisory_cell_proves_nothing)
{
	routing_case(&rig, "RE-01", CASE_ADVISORY, "responses", "sync");
	routing_cell(&rig, T, "RE-01", VERDICT_FAIL);
	add_waiver(0, "RE-01", now_ms + 1);
	ck_assert(!builds_and_allows("responses"));
	ck_assert_ptr_null(finding.blocks[0].eval_case);
}
END_TEST

/* --- long prompts, fields ----------------------------------------------------------------- */

START_TEST(a_waiver_of_the_streamed_cell_excuses_that_alone)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "both");
	routing_cell(&rig, T, "CH-01", VERDICT_FAIL);
	routing_cell(&rig, T, "CH-01~stream", VERDICT_FAIL);
	add_waiver(0, "CH-01~stream", now_ms);
	ck_assert(builds_and_allows("chat stream"));
	ck_assert(!allows("chat"));
}
END_TEST

/* --- behind repairs ------------------------------------------------------------------------- */

static struct matrix_cell *repaired_cell(const char *label, enum verdict verdict,
                                         repair_bits needed, enum verdict repaired)
{
	struct matrix_cell *cell = routing_cell(&rig, T, label, verdict);

	cell->repairs = needed;
	cell->repaired_verdict = repaired;
	return cell;
}

START_TEST(a_gate_cell_counts_repaired_only_with_all_its_repairs_allowed)
{
	const repair_bits both = REPAIR_BIT(REPAIR_TS_01) | REPAIR_BIT(REPAIR_TC_20);
	struct evidence_proof proof;

	routing_case(&rig, "CH-01", CASE_GATE, "chat", "both");
	routing_case(&rig, "TS-01", CASE_GATE, "tools", "stream");
	routing_cell(&rig, T, "CH-01~stream", VERDICT_PASS);
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	repaired_cell("TS-01~stream", VERDICT_FAIL, both, VERDICT_PASS);
	ck_assert(!builds_and_allows("chat stream tools"));
	repairs = REPAIR_BIT(REPAIR_TS_01);
	ck_assert(!allows("chat stream tools"));
	assert_block(0, "TS-01", "fail", "fails");
	repairs = both | REPAIR_BIT(REPAIR_SU_01);
	ck_assert(allows("chat stream tools"));
	ck_assert_uint_eq(finding.repairs, both);
	ck_assert_uint_eq(finding.count, 0);
	struct shape shape = routing_shape(&rig, "chat stream tools");
	prove(&shape, &rig.arena, &proof);
	ck_assert_uint_eq(proof.count, 2);
	assert_text(proof.cells.items[1], "TS-01~stream repaired");
	/* What needs no repair gets none. */
	ck_assert(allows("chat stream"));
	ck_assert_uint_eq(finding.repairs, 0);
}
END_TEST

START_TEST(a_repaired_cell_is_no_better_than_its_repaired_verdict_and_age)
{
	const repair_bits needed = REPAIR_BIT(REPAIR_TS_01);

	repairs = REPAIR_ALL;
	routing_case(&rig, "TS-01", CASE_GATE, "chat", "both");
	struct matrix_cell *cell =
	    repaired_cell("TS-01", VERDICT_FAIL, needed, VERDICT_INCONCLUSIVE);
	ck_assert(!builds_and_allows("chat"));
	cell->repaired_verdict = VERDICT_FAIL;
	ck_assert(!builds_and_allows("chat"));
	cell->repaired_verdict = VERDICT_PASS;
	ck_assert(builds_and_allows("chat"));
	cell->tested_wall_ms = now_ms - policy.max_age_ms - 1;
	ck_assert(!builds_and_allows("chat"));
	cell->tested_wall_ms = now_ms - ROUTING_DAY_MS;
	cell->case_hash = TEXT("another");
	ck_assert(!builds_and_allows("chat"));
	cell->case_hash = text_of(rig.suite.cases[0].hash);
	cell->verdict = VERDICT_STALE;
	ck_assert(!builds_and_allows("chat"));
	cell->verdict = VERDICT_FAIL;
	cell->repairs = 0; /* passed by nothing: a file that was edited */
	ck_assert(!builds_and_allows("chat"));
}
END_TEST

START_TEST(a_required_cell_is_mended_where_it_is_no_longer_proven_bad)
{
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "both");
	routing_case(&rig, "TC-20", CASE_REQUIRED, "chat", "both");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
	struct matrix_cell *cell =
	    repaired_cell("TC-20", VERDICT_FAIL, REPAIR_BIT(REPAIR_TC_20), VERDICT_INCONCLUSIVE);
	ck_assert(!builds_and_allows("chat"));
	repairs = REPAIR_BIT(REPAIR_TC_20);
	ck_assert(allows("chat"));
	ck_assert_uint_eq(finding.repairs, repairs);
	cell->repaired_verdict = VERDICT_IGNORED;
	ck_assert(!builds_and_allows("chat"));
}
END_TEST

START_TEST(all_repairs_that_are_needed_are_told_and_gates_alone_are_proof)
{
	const repair_bits both = REPAIR_BIT(REPAIR_TS_01) | REPAIR_BIT(REPAIR_TC_20);
	struct evidence_proof proof;
	struct shape shape = routing_shape(&rig, "chat");

	repairs = REPAIR_ALL;
	routing_case(&rig, "TS-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "TC-20", CASE_REQUIRED, "chat", "sync");
	repaired_cell("TS-01", VERDICT_FAIL, REPAIR_BIT(REPAIR_TS_01), VERDICT_PASS);
	repaired_cell("TC-20", VERDICT_FAIL, REPAIR_BIT(REPAIR_TC_20), VERDICT_PASS);
	ck_assert(builds_and_allows("chat"));
	ck_assert_uint_eq(finding.repairs, both);
	prove(&shape, &rig.arena, &proof);
	ck_assert_uint_eq(proof.count, 1);
	assert_text(proof.cells.items[0], "TS-01 repaired");
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_waiver_holds_to_its_last_moment_and_is_shown);
	tcase_add_test(cases, a_waiver_covers_never_asked_stale_and_changed);
	tcase_add_test(cases, of_two_waivers_the_longer_one_counts_and_others_do_not);
	tcase_add_test(cases, a_waiver_on_an_advisory_cell_proves_nothing);
	tcase_add_test(cases, a_waiver_of_the_streamed_cell_excuses_that_alone);
	tcase_add_test(cases, a_gate_cell_counts_repaired_only_with_all_its_repairs_allowed);
	tcase_add_test(cases, a_repaired_cell_is_no_better_than_its_repaired_verdict_and_age);
	tcase_add_test(cases, a_required_cell_is_mended_where_it_is_no_longer_proven_bad);
	tcase_add_test(cases, all_repairs_that_are_needed_are_told_and_gates_alone_are_proof);
}

int main(void)
{
	return unit_main("evidence_waivers", add_tests);
}
