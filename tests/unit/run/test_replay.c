/* Judging a recorded run again: the same verdicts from the same bytes, and nothing sent. */
#include "tests/unit/run/rig.h"

#define SOME_CASES "HT-01 CH-01 CH-02 CH-03 TC-01 TC-05 TR-01 US-01 ST-0? PA-03"

static struct matrix matrix_of(bool (*scan)(const struct journal_visitor *visitor,
                                            struct fault *fault))
{
	struct matrix_builder *builder = matrix_builder_new(&rig.suite, NULL);
	struct journal_visitor visitor = matrix_builder_visitor(builder);
	struct matrix matrix;
	struct fault fault;

	ck_assert_msg(scan(&visitor, &fault), "%s", fault.message);
	matrix_builder_finish(builder, &rig.arena, &matrix);
	matrix_builder_free(builder);
	return matrix;
}

static bool by_journal(const struct journal_visitor *visitor, struct fault *fault)
{
	return journal_scan(rig.paths.journal, visitor, NULL, fault);
}

static bool by_replay(const struct journal_visitor *visitor, struct fault *fault)
{
	return run_replay(rig.folder, &rig.suite, visitor, fault);
}

static struct text json_of(struct matrix matrix)
{
	struct text_buf out;

	text_buf_init(&out, 8 << 20);
	matrix_write_json(&matrix, &out);
	struct text copy = text_copy(&rig.arena, text_buf_view(&out));
	text_buf_done(&out);
	return copy;
}

static struct eval_case *case_of(const char *id)
{
	for (size_t i = 0; i < rig.suite.count; i++)
		if (text_is(rig.suite.cases[i].id, id))
			return &rig.suite.cases[i];
	ck_abort_msg("no case %s", id);
	return NULL;
}

static void record(const char *breaks)
{
	rig_start_sim(breaks);
	rig_plan(SOME_CASES);
	rig.plan.rules.min_trials = 2;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	/* Whatever is judged from here on is judged offline. */
	sim_stop(rig.sim);
	rig.sim = NULL;
}

START_TEST(a_replay_gives_the_same_matrix_to_the_byte)
{
	record("");
	struct text live = json_of(matrix_of(by_journal));
	ck_assert_uint_gt(live.len, 1000);
	ck_assert(text_equal(json_of(matrix_of(by_replay)), live));
}
END_TEST

START_TEST(so_it_does_for_a_provider_that_breaks_the_rules)
{
	record("TC-01 ST-05 US-02 TR-01");
	struct matrix live = matrix_of(by_journal);
	ck_assert_int_eq(matrix_exit_code(&live), 1);
	ck_assert(text_equal(json_of(matrix_of(by_replay)), json_of(live)));
}
END_TEST

START_TEST(todays_expectations_judge_yesterdays_answers)
{
	record("");
	struct eval_case *echo = case_of("CH-03");
	echo->steps[0].expect = case_of("TC-01")->steps[0].expect;
	memcpy(echo->hash, "ffffffffffff", sizeof(echo->hash));
	struct matrix again = matrix_of(by_replay);
	const struct matrix_cell *cell = rig_cell_of(&again, "CH-03");
	ck_assert_int_ne(cell->verdict, VERDICT_PASS);
	assert_text(cell->case_hash, "ffffffffffff");
	ck_assert_int_eq(rig_cell_of(&again, "TC-01")->verdict, VERDICT_PASS);
}
END_TEST

START_TEST(a_case_that_asks_something_else_by_now_is_left_out)
{
	record("");
	size_t before = matrix_of(by_replay).count;
	struct eval_case *stop = case_of("PA-03");
	struct json *request = json_clone(&rig.arena, stop->steps[0].request);
	json_append_member(request, TEXT("temperature"), json_new_number(&rig.arena, TEXT("0")));
	stop->steps[0].request = request;
	struct matrix again = matrix_of(by_replay);
	ck_assert_uint_lt(again.count, before);
	ck_assert_ptr_null(matrix_find(&again, rig.targets[0].name, TEXT("PA-03"), CASE_SYNC));
	ck_assert_int_eq(rig_cell_of(&again, "CH-03")->verdict, VERDICT_PASS);
}
END_TEST

START_TEST(a_case_that_asks_more_by_now_does_not_pass_by_what_it_asked_then)
{
	record("");
	struct eval_case *usage = case_of("CH-03");
	struct case_step *steps = ARENA_NEW_ARRAY(&rig.arena, struct case_step, 2);
	steps[0] = steps[1] = usage->steps[0];
	usage->steps = steps;
	usage->step_count = 2;
	struct matrix again = matrix_of(by_replay);
	const struct matrix_cell *cell =
	    matrix_find(&again, rig.targets[0].name, TEXT("CH-03"), CASE_SYNC);
	ck_assert(cell == NULL || cell->verdict != VERDICT_PASS);
}
END_TEST

START_TEST(lost_evidence_is_left_out)
{
	record("");
	rig_remove(rig.paths.evidence);
	struct matrix again = matrix_of(by_replay);
	ck_assert_uint_eq(again.count, 0);
}
END_TEST

START_TEST(an_interrupted_and_resumed_run_is_judged_alike)
{
	rig_start_sim("");
	rig_plan(SOME_CASES);
	rig.stop_after = 9;
	rig.drain_ms = 0;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_INTERRUPTED);
	rig.stop_after = 0;
	rig_resume();
	ck_assert(text_equal(json_of(matrix_of(by_replay)), json_of(matrix_of(by_journal))));
}
END_TEST

START_TEST(a_folder_without_a_run_is_a_fault)
{
	const struct journal_visitor none = {0};
	struct fault fault;

	ck_assert(!run_replay(rig.folder, &rig.suite, &none, &fault));
	ck_assert_int_eq(fault.kind, FAULT_INPUT);
}
END_TEST

START_TEST(run_ids_sort_by_time_and_differ)
{
	struct text first = run_id_make(1795255200000, &rig.arena);
	struct text later = run_id_make(1795255201000, &rig.arena);

	ck_assert(text_starts(first, TEXT("20261121T100000Z-")));
	ck_assert_uint_eq(first.len, sizeof("20261121T100000Z-ab12cd") - 1);
	ck_assert_int_lt(text_compare(first, later), 0);
	ck_assert(!text_equal(first, run_id_make(1795255200000, &rig.arena)));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, rig_setup, rig_teardown);
	tcase_add_test(cases, a_replay_gives_the_same_matrix_to_the_byte);
	tcase_add_test(cases, so_it_does_for_a_provider_that_breaks_the_rules);
	tcase_add_test(cases, todays_expectations_judge_yesterdays_answers);
	tcase_add_test(cases, a_case_that_asks_something_else_by_now_is_left_out);
	tcase_add_test(cases, a_case_that_asks_more_by_now_does_not_pass_by_what_it_asked_then);
	tcase_add_test(cases, lost_evidence_is_left_out);
	tcase_add_test(cases, an_interrupted_and_resumed_run_is_judged_alike);
	tcase_add_test(cases, a_folder_without_a_run_is_a_fault);
	tcase_add_test(cases, run_ids_sort_by_time_and_differ);
}

int main(void)
{
	return unit_main("replay", add);
}
