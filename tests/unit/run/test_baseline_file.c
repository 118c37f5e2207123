/* The baseline's file: blessed, pooled, read back, refused where it was cut or changed. */
#include "tests/unit/run/baseline_rig.h"

/* --- the file --- */

static struct blessing bless(void)
{
	struct blessing blessing;
	struct fault fault;

	matrix_sort(&head);
	if (!baseline_bless(&head, path, 1795255200000, &blessing, &fault))
		ck_abort_msg("%s", fault.message);
	return blessing;
}

static struct matrix read_back(void)
{
	struct matrix matrix;
	struct fault fault;

	if (!baseline_read(path, &arena, &matrix, &fault))
		ck_abort_msg("%s", fault.message);
	return matrix;
}

START_TEST(a_blessed_matrix_compares_as_the_same)
{
	add(&head, "TC-10", VERDICT_PASS, 10, 0);
	add(&head, "TC-11", VERDICT_FLAKY, 12, 8)->variant = CASE_STREAM;
	add(&head, "TC-12", VERDICT_SKIPPED, 0, 0);
	struct blessing blessing = bless();
	ck_assert_uint_eq(blessing.cells, 3);
	ck_assert_uint_eq(blessing.passing, 1);
	base = read_back();
	ck_assert_uint_eq(base.count, 3);
	assert_text(base.cells[1].provider, "lab");
	ck_assert_int_eq(base.cells[1].tally.of[OUTCOME_MISS], 8);
	ck_assert_int_eq(base.cells[1].variant, CASE_STREAM);
	ck_assert_int_eq(base.cells[1].tested_wall_ms, 2000);
	ck_assert_double_eq_tol(base.cells[0].rate_low, head.cells[0].rate_low, 1e-12);
	baseline_compare(&base, &head, &options, &arena, &comparison);
	ck_assert_uint_eq(comparison.of[CHANGE_SAME], 3);
}
END_TEST

/* The head's one cell as another run left it. */
static struct blessing bless_run(const char *run, int64_t at_wall_ms, int64_t ok, int64_t miss)
{
	head.count = 0;
	struct matrix_cell *cell =
	    add(&head, "TC-10", ok > 0 ? VERDICT_PASS : VERDICT_FAIL, ok, miss);
	cell->run_id = text_of(run);
	cell->tested_wall_ms = at_wall_ms;
	return bless();
}

static void assert_pooled(int64_t ok, int64_t miss)
{
	struct matrix matrix = read_back();

	ck_assert_int_eq(matrix.cells[0].tally.of[OUTCOME_OK], ok);
	ck_assert_int_eq(matrix.cells[0].tally.of[OUTCOME_MISS], miss);
}

START_TEST(blessing_again_pools_the_trials_of_another_run_and_none_twice)
{
	(void)bless_run("a", 1000, 10, 0);
	ck_assert_uint_eq(bless_run("b", 2000, 9, 1).pooled, 1);
	assert_pooled(19, 1);
	ck_assert_uint_eq(bless_run("b", 2000, 9, 1).pooled, 0);
	assert_pooled(19, 1);
	/* Back to an older run: what came after it was not good enough to keep. */
	(void)bless_run("a", 1000, 10, 0);
	assert_pooled(10, 0);
}
END_TEST

START_TEST(a_cell_that_turned_starts_anew)
{
	(void)bless_run("a", 1000, 10, 0);
	ck_assert_uint_eq(bless_run("b", 2000, 0, 5).pooled, 0);
	assert_pooled(0, 5);
	ck_assert_uint_eq(bless_run("c", 3000, 10, 0).pooled, 0);
	assert_pooled(10, 0);
}
END_TEST

START_TEST(pooling_forgets_the_oldest_trials_beyond_200)
{
	(void)bless_run("a", 1000, 25, 25);
	(void)bless_run("b", 2000, 150, 0);
	assert_pooled(175, 25);
	(void)bless_run("c", 3000, 20, 0);
	assert_pooled(185, 15);
	(void)bless_run("d", 4000, 900, 100); /* more than fits: its rate stays */
	assert_pooled(180, 20);
}
END_TEST

START_TEST(another_case_is_never_pooled)
{
	(void)bless_run("a", 1000, 10, 0);
	head.count = 0;
	add(&head, "TC-10", VERDICT_PASS, 3, 0)->case_hash = TEXT("bbbbbbbbbbbb");
	ck_assert_uint_eq(bless().pooled, 0);
	assert_pooled(3, 0);
}
END_TEST

START_TEST(a_cell_without_evidence_keeps_what_was_blessed)
{
	(void)bless_run("a", 1000, 10, 0);
	head.count = 0;
	add(&head, "TC-10", VERDICT_ERROR, 0, 0)->tally.of[OUTCOME_INFRA] = 3;
	ck_assert_uint_eq(bless().kept, 1);
	assert_pooled(10, 0);
	head.count = 0;
	add(&head, "TC-11", VERDICT_PASS, 1, 0);
	ck_assert_uint_eq(bless().gone, 1);
	ck_assert_uint_eq(read_back().count, 1);
}
END_TEST

START_TEST(a_matrix_that_contradicts_itself_is_not_blessed)
{
	struct blessing blessing;
	struct fault fault;

	add(&head, "TC-10", VERDICT_PASS, 0, 3);
	ck_assert(!baseline_bless(&head, path, 0, &blessing, &fault));
	assert_fault_says(&fault, "edited");
	ck_assert_int_eq(fault.kind, FAULT_INPUT);
	ck_assert(!file_exists(path));
}
END_TEST

static void assert_refused(struct text body, const char *says)
{
	struct matrix matrix;
	struct fault fault;

	ck_assert(file_replace(path, body, 0644, &fault));
	ck_assert_msg(!baseline_read(path, &arena, &matrix, &fault), "%.*s was read",
	              TEXT_ARG(body));
	ck_assert_int_eq(fault.kind, FAULT_INPUT);
	if (says != NULL)
		assert_fault_says(&fault, says);
}

START_TEST(a_baseline_cut_or_changed_anywhere_is_refused)
{
	struct source *source;
	struct fault fault;

	(void)bless_run("a", 1000, 2, 1);
	ck_assert(file_read(path, BASELINE_MAX_BYTES, &arena, &source, &fault));
	struct text whole = text_copy(&arena, source->body);
	for (size_t i = 0; i + 1 < whole.len; i++)
		assert_refused(text_slice(whole, 0, i), NULL);
	for (size_t i = 0; i < whole.len; i++) {
		struct text copy = text_copy(&arena, whole);
		char *byte = arena_alloc_bytes(&arena, whole.len);
		memcpy(byte, copy.data, copy.len);
		byte[i] = (char)(byte[i] == '0' ? '1' : '0');
		assert_refused((struct text){byte, whole.len}, NULL);
	}
}
END_TEST

START_TEST(a_foreign_file_is_no_baseline)
{
	assert_refused(TEXT("[]"), NULL);
	assert_refused(TEXT("{\"cells\":[]}"), "no matrix");
	assert_refused(TEXT("{\"proviso_baseline\":2,\"cells\":[]}"), "another version");
	assert_refused(TEXT("{\"proviso_baseline\":1,\"digest\":\"00\",\"cells\":[]}"), "edited");
	assert_refused(TEXT("{\"proviso\":9,\"cells\":[]}"), "another version");
	assert_refused(TEXT(""), NULL);
}
END_TEST

START_TEST(a_matrix_stands_for_a_baseline_and_is_not_overwritten_by_one)
{
	struct blessing blessing;
	struct fault fault;

	add(&head, "TC-10", VERDICT_PASS, 10, 0);
	ck_assert(matrix_write(&head, path, &fault));
	ck_assert_uint_eq(read_back().count, 1);
	ck_assert(!baseline_bless(&head, path, 0, &blessing, &fault));
	assert_fault_says(&fault, "no baseline");
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_blessed_matrix_compares_as_the_same);
	tcase_add_test(cases, blessing_again_pools_the_trials_of_another_run_and_none_twice);
	tcase_add_test(cases, a_cell_that_turned_starts_anew);
	tcase_add_test(cases, pooling_forgets_the_oldest_trials_beyond_200);
	tcase_add_test(cases, another_case_is_never_pooled);
	tcase_add_test(cases, a_cell_without_evidence_keeps_what_was_blessed);
	tcase_add_test(cases, a_matrix_that_contradicts_itself_is_not_blessed);
	tcase_add_test(cases, a_baseline_cut_or_changed_anywhere_is_refused);
	tcase_add_test(cases, a_foreign_file_is_no_baseline);
	tcase_add_test(cases, a_matrix_stands_for_a_baseline_and_is_not_overwritten_by_one);
}

int main(void)
{
	return unit_main("baseline_file", add_tests);
}
