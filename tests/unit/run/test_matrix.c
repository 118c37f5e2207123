/* Matrices: built from attempts, merged, summed up. */
#include "tests/unit/run/matrix_rig.h"

#include <malloc.h>

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* its header is not always there */
#endif

START_TEST(a_cell_says_what_its_attempts_say)
{
	struct journal_attempt first = attempt_of("CH-01", OUTCOME_INFRA);
	struct journal_attempt second = attempt_of("CH-01", OUTCOME_OK);

	first.ends_trial = false;
	first.owner = second.owner = true;
	first.status = 503;
	second.attempt = 2;
	second.evidence = TEXT("000001:400");
	second.reported_model = TEXT("qwen-3-turbo");
	second.prompt_tokens = 10;
	second.completion_tokens = 0;
	second.cost_pico_usd = 5000;
	second.cost_source = TEXT("computed");
	second.latency_us = 1000;
	matrix_builder_add(builder, &first);
	matrix_builder_add(builder, &second);
	struct matrix matrix = finish();
	const struct matrix_cell *cell = cell_of(&matrix, "CH-01");
	ck_assert_int_eq(cell->verdict, VERDICT_PASS);
	assert_text(cell->provider, "lab");
	assert_text(cell->model, "qwen/3"); /* split at the first slash */
	assert_text(cell->dialect, "openai");
	assert_text(cell->evidence, "000001:400");
	assert_text(cell->reported_model, "qwen-3-turbo");
	ck_assert_int_eq(cell->retries, 1);
	ck_assert_int_eq(tally_trials(&cell->tally), 1); /* a retried attempt is no trial */
	ck_assert_int_eq(cell->prompt_tokens, 10);
	ck_assert_int_eq(cell->completion_tokens, 0);
	ck_assert_int_eq(cell->cached_tokens, -1); /* unknown is not zero */
	ck_assert_int_eq(cell->cost_pico_usd, 5000);
	ck_assert_int_eq(cell->latency_p50_us, 1000);
	ck_assert_int_eq(cell->ttft_p50_us, -1);
	ck_assert(isnan(cell->tokens_per_second));
	ck_assert_ptr_null(cell->first_error.data);
	assert_text(cell->run_id, "20261121T101500Z-ab12cd");
}
END_TEST

START_TEST(tokens_and_cost_stand_where_they_were_asked_for)
{
	struct journal_attempt own = attempt_of("CH-01", OUTCOME_OK);
	struct journal_attempt served = attempt_of("CH-02", OUTCOME_OK);

	own.owner = true;
	own.prompt_tokens = 7;
	own.cost_pico_usd = 9;
	served.latency_us = 5;
	matrix_builder_add(builder, &own);
	matrix_builder_add(builder, &served);
	struct matrix matrix = finish();
	ck_assert_int_eq(cell_of(&matrix, "CH-01")->cost_pico_usd, 9);
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->cost_pico_usd, 0);
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->prompt_tokens, 0);
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->latency_p50_us, 5);
	/* Never asked: nothing is known of it. */
	ck_assert_int_eq(cell_of(&matrix, "TC-10")->cost_pico_usd, -1);
}
END_TEST

START_TEST(the_evidence_is_that_of_the_trial_that_decided)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);

	matrix_builder_add(builder, &attempt);
	attempt.outcome = OUTCOME_VIOLATION;
	attempt.detail = TEXT("no id");
	attempt.evidence = TEXT("000001:77");
	matrix_builder_add(builder, &attempt);
	attempt.detail = TEXT("no model");
	attempt.evidence = TEXT("000001:99");
	matrix_builder_add(builder, &attempt);
	struct matrix matrix = finish();
	const struct matrix_cell *cell = cell_of(&matrix, "CH-01");
	ck_assert_int_eq(cell->verdict, VERDICT_FLAKY);
	assert_text(cell->evidence, "000001:77");
	assert_text(cell->first_error, "no id");
}
END_TEST

START_TEST(what_was_not_asked_says_why)
{
	feed("CH-02", OUTCOME_UNRUN, "the key is not accepted (401)");
	struct matrix matrix = finish();
	ck_assert_uint_eq(matrix.count, 4);
	ck_assert_int_eq(cell_of(&matrix, "TC-10")->verdict, VERDICT_SKIPPED);
	assert_text(cell_of(&matrix, "TC-10")->first_error, "no context is known");
	ck_assert_int_eq(cell_of(&matrix, "CH-01")->verdict, VERDICT_SKIPPED);
	assert_text(cell_of(&matrix, "CH-01")->first_error, "the run ended before this was asked");
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->verdict, VERDICT_ERROR);
	assert_text(cell_of(&matrix, "CH-02")->first_error, "the key is not accepted (401)");
}
END_TEST

START_TEST(attempts_at_another_question_do_not_count)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);

	attempt.case_hash = TEXT("dddddddddddd");
	matrix_builder_add(builder, &attempt);
	struct matrix matrix = finish();
	ck_assert_int_eq(cell_of(&matrix, "CH-01")->verdict, VERDICT_SKIPPED);
}
END_TEST

START_TEST(quantiles_are_nearest_ranks)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);

	for (int64_t i = 10; i >= 1; i--) {
		attempt.latency_us = i * 100;
		attempt.ttft_us = i;
		matrix_builder_add(builder, &attempt);
	}
	struct matrix matrix = finish();
	const struct matrix_cell *cell = cell_of(&matrix, "CH-01");
	ck_assert_int_eq(cell->latency_p50_us, 500);
	ck_assert_int_eq(cell->latency_p90_us, 900);
	ck_assert_int_eq(cell->ttft_p50_us, 5);
	ck_assert_int_eq(cell->ttft_p90_us, 9);
}
END_TEST

/* Bytes on the heap, of everybody. */
static size_t heap_in_use(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	return mallinfo2().uordblks;
#endif
}

START_TEST(a_hundred_thousand_attempts_cost_no_more_memory_than_a_thousand)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);
	char evidence[32];
	size_t held = 0;

	attempt.owner = true;
	attempt.prompt_tokens = 1;
	attempt.cost_pico_usd = 3;
	attempt.reported_model = TEXT("qwen");
	attempt.fates = TEXT("n honoured");
	for (int64_t i = 0; i < 100000; i++) {
		attempt.latency_us = i % 1000;
		int len = snprintf(evidence, sizeof(evidence), "000001:%lld", (long long)i);
		attempt.evidence = (struct text){evidence, (size_t)len};
		matrix_builder_add(builder, &attempt);
		if (i == MATRIX_MAX_SAMPLES)
			held = heap_in_use();
	}
	ck_assert_uint_gt(held, 0);
	ck_assert_uint_eq(heap_in_use(), held);
	struct matrix matrix = finish();
	const struct matrix_cell *cell = cell_of(&matrix, "CH-01");
	ck_assert_int_eq(cell->tally.of[OUTCOME_OK], 100000);
	ck_assert_int_eq(cell->prompt_tokens, 100000);
	ck_assert_int_eq(cell->cost_pico_usd, 300000);
	assert_text(cell->evidence, "000001:99999");
	/* A sample of all: far from either end. */
	ck_assert_int_gt(cell->latency_p50_us, 400);
	ck_assert_int_lt(cell->latency_p50_us, 600);
}
END_TEST

/* --- merging, summary, exit code --- */

static struct matrix_cell plain_cell(const char *case_id, enum verdict verdict)
{
	return (struct matrix_cell){.target = TEXT("lab/a"),
	                            .case_id = text_of(case_id),
	                            .capability = TEXT("chat"),
	                            .verdict = verdict,
	                            .case_hash = TEXT("aaaaaaaaaaaa"),
	                            .run_id = TEXT("20260101T000000Z-000000")};
}

START_TEST(a_fresh_cell_takes_the_place_of_the_old_one_and_the_others_stay)
{
	struct matrix_cell old_cells[] = {plain_cell("A", VERDICT_FAIL),
	                                  plain_cell("B", VERDICT_PASS),
	                                  plain_cell("D", VERDICT_ERROR)};
	struct matrix_cell fresh_cells[] = {plain_cell("A", VERDICT_PASS),
	                                    plain_cell("C", VERDICT_SKIPPED),
	                                    plain_cell("D", VERDICT_SKIPPED)};
	struct matrix old = {.cells = old_cells, .count = 3};
	struct matrix fresh = {.suite_hash = TEXT("new"), .cells = fresh_cells, .count = 3};
	struct matrix merged;

	for (size_t i = 0; i < 3; i++)
		fresh_cells[i].run_id = TEXT("20260202T000000Z-000000");
	matrix_merge(&old, &fresh, &arena, &merged);
	ck_assert_uint_eq(merged.count, 4);
	ck_assert_int_eq(merged.cells[0].verdict, VERDICT_PASS);
	ck_assert_int_eq(merged.cells[1].verdict, VERDICT_PASS);
	assert_text(merged.cells[1].run_id, "20260101T000000Z-000000");
	ck_assert_int_eq(merged.cells[2].verdict, VERDICT_SKIPPED);
	ck_assert_int_eq(merged.cells[3].verdict, VERDICT_SKIPPED);
	assert_text(merged.suite_hash, "new");
	ck_assert_uint_eq(merged.runs.count, 2);
	assert_text(merged.runs.items[0], "20260101T000000Z-000000");
}
END_TEST

START_TEST(asking_in_vain_does_not_replace_a_verdict_of_the_same_question)
{
	struct matrix_cell old_cells[] = {plain_cell("A", VERDICT_FAIL),
	                                  plain_cell("B", VERDICT_PASS)};
	struct matrix_cell fresh_cells[] = {plain_cell("A", VERDICT_ERROR),
	                                    plain_cell("B", VERDICT_ERROR)};
	struct matrix old = {.cells = old_cells, .count = 2};
	struct matrix fresh = {.cells = fresh_cells, .count = 2};
	struct matrix merged;

	fresh_cells[1].case_hash = TEXT("bbbbbbbbbbbb");
	matrix_merge(&old, &fresh, &arena, &merged);
	ck_assert_int_eq(merged.cells[0].verdict, VERDICT_FAIL);
	ck_assert_int_eq(merged.cells[1].verdict, VERDICT_ERROR);
}
END_TEST

START_TEST(a_capability_is_as_good_as_its_worst_gate_case)
{
	struct matrix_cell cells[] = {plain_cell("A", VERDICT_PASS), plain_cell("B", VERDICT_FAIL),
	                              plain_cell("C", VERDICT_FLAKY),
	                              plain_cell("D", VERDICT_FLAKY)};
	struct matrix matrix = {.cells = cells, .count = 4};
	size_t count;

	cells[1].severity = CASE_REQUIRED; /* fails, and no gate */
	cells[3].capability = TEXT("usage");
	cells[3].severity = CASE_REQUIRED; /* no gate case there */
	struct matrix_summary *summary = matrix_summarise(&matrix, &arena, &count);
	ck_assert_uint_eq(count, 2);
	assert_text(summary[0].capability, "chat");
	ck_assert_int_eq(summary[0].verdict, VERDICT_FLAKY);
	ck_assert_ptr_eq(summary[0].worst, &cells[2]);
	ck_assert_uint_eq(summary[0].passed, 1);
	ck_assert_uint_eq(summary[0].total, 3);
	ck_assert_int_eq(summary[1].verdict, VERDICT_FLAKY);
}
END_TEST

START_TEST(tasks_are_summed_up_by_themselves_also_where_a_capability_has_their_name)
{
	struct matrix_cell cells[] = {plain_cell("A", VERDICT_PASS), plain_cell("B", VERDICT_FAIL),
	                              plain_cell("C", VERDICT_PASS), plain_cell("D", VERDICT_PASS)};
	struct matrix matrix = {.cells = cells, .count = 4};
	size_t count;

	cells[1].kind = cells[2].kind = CASE_KIND_REASONING; /* named like A's and D's */
	cells[1].severity = cells[2].severity = CASE_ADVISORY;
	struct matrix_summary *summary = matrix_summarise(&matrix, &arena, &count);
	ck_assert_uint_eq(count, 2);
	assert_text(summary[0].capability, "chat");
	ck_assert(!summary[0].scored && summary[0].worst == NULL && summary[0].total == 2);
	assert_text(summary[1].capability, "chat (tasks)");
	ck_assert(summary[1].scored && summary[1].passed == 1 && summary[1].total == 2);
	for (size_t i = 0; i < ARRAY_LENGTH(cells); i++) {
		bool task = cells[i].kind != CASE_KIND_NONE;
		ck_assert(matrix_summary_has(&summary[task], &cells[i]));
		ck_assert(!matrix_summary_has(&summary[!task], &cells[i]));
	}
}
END_TEST

START_TEST(the_exit_code_is_about_what_was_asked_and_matters)
{
	static const struct {
		enum verdict verdict;
		enum case_severity severity;
		int code;
	} known[] = {
	    {VERDICT_PASS, CASE_GATE, 0},         {VERDICT_FAIL, CASE_GATE, 1},
	    {VERDICT_FLAKY, CASE_REQUIRED, 1},    {VERDICT_IGNORED, CASE_REQUIRED, 1},
	    {VERDICT_UNSUPPORTED, CASE_GATE, 1},  {VERDICT_FAIL, CASE_ADVISORY, 0},
	    {VERDICT_ERROR, CASE_GATE, 4},        {VERDICT_ERROR, CASE_ADVISORY, 0},
	    {VERDICT_INCONCLUSIVE, CASE_GATE, 3}, {VERDICT_SKIPPED, CASE_GATE, 0},
	};
	struct matrix_cell cells[] = {plain_cell("A", VERDICT_PASS), plain_cell("B", VERDICT_PASS),
	                              plain_cell("C", VERDICT_FAIL)};
	struct matrix matrix = {.cells = cells, .count = 3};

	cells[0].asked_now = cells[1].asked_now = true; /* the failing one was not asked */
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		cells[1].verdict = known[i].verdict;
		cells[1].severity = known[i].severity;
		ck_assert_int_eq(matrix_exit_code(&matrix), known[i].code);
	}
	/* Nobody said that it offers this; dropped or broken it would still count. */
	cells[1] = plain_cell("B", VERDICT_UNSUPPORTED);
	cells[1].asked_now = cells[1].optional = true;
	ck_assert_int_eq(matrix_exit_code(&matrix), 0);
	cells[1].verdict = VERDICT_IGNORED;
	ck_assert_int_eq(matrix_exit_code(&matrix), 1);
	/* The gravest first: a failure, then what kept us from a verdict, then too little evidence.
	 */
	cells[0].verdict = VERDICT_INCONCLUSIVE;
	cells[1] = plain_cell("B", VERDICT_ERROR);
	cells[1].asked_now = true;
	ck_assert_int_eq(matrix_exit_code(&matrix), 4);
	cells[0].verdict = VERDICT_FAIL;
	ck_assert_int_eq(matrix_exit_code(&matrix), 1);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_cell_says_what_its_attempts_say);
	tcase_add_test(cases, tokens_and_cost_stand_where_they_were_asked_for);
	tcase_add_test(cases, the_evidence_is_that_of_the_trial_that_decided);
	tcase_add_test(cases, what_was_not_asked_says_why);
	tcase_add_test(cases, attempts_at_another_question_do_not_count);
	tcase_add_test(cases, quantiles_are_nearest_ranks);
	tcase_add_test(cases, a_hundred_thousand_attempts_cost_no_more_memory_than_a_thousand);
	tcase_add_test(cases, a_fresh_cell_takes_the_place_of_the_old_one_and_the_others_stay);
	tcase_add_test(cases, asking_in_vain_does_not_replace_a_verdict_of_the_same_question);
	tcase_add_test(cases, a_capability_is_as_good_as_its_worst_gate_case);
	tcase_add_test(cases,
	               tasks_are_summed_up_by_themselves_also_where_a_capability_has_their_name);
	tcase_add_test(cases, the_exit_code_is_about_what_was_asked_and_matters);
}

int main(void)
{
	return unit_main("matrix", add);
}
