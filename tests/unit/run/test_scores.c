/* Quality of a target by kind of work, and the cost of a task that is passed: worked examples. */
#include "harness/run/matrix/quality.h"
#include "tests/unit/unit.h"

#include <math.h>

static struct arena arena;

static void setup(void)
{
	arena = (struct arena){0};
}

static void teardown(void)
{
	arena_done(&arena);
}

static struct matrix_cell task_of(const char *target, enum case_kind kind, int64_t ok, int64_t miss,
                                  double quality, int64_t cost_pico_usd)
{
	return (struct matrix_cell){.target = text_of(target),
	                            .kind = kind,
	                            .tally = {.of = {[OUTCOME_OK] = ok, [OUTCOME_MISS] = miss}},
	                            .quality = quality,
	                            .cost_pico_usd = cost_pico_usd};
}

static void assert_near(double value, double wanted)
{
	ck_assert_msg(fabs(value - wanted) < 5e-5, "%.6f, want %.4f", value, wanted);
}

START_TEST(a_kind_is_the_mean_of_its_tasks_with_wilsons_interval)
{
	struct matrix_cell cells[] = {
	    task_of("a/m", CASE_KIND_NONE, 5, 0, (double)NAN, 7),
	    task_of("a/m", CASE_KIND_CODE, 1, 0, 1, 100),
	    task_of("a/m", CASE_KIND_CODE, 1, 0, 1, 100),
	    task_of("a/m", CASE_KIND_REVIEW, 0, 2, 0.5, 40),
	    task_of("a/m", CASE_KIND_CODE, 0, 1, 0, 100),
	    task_of("a/m", CASE_KIND_CODE, 1, 0, 1, 100),
	    task_of("b/m", CASE_KIND_REVIEW, 10, 0, 1, 50),
	};
	struct matrix matrix = {.cells = cells, .count = ARRAY_LENGTH(cells)};
	size_t count;
	const struct quality *all = quality_of(&matrix, &arena, &count);

	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(all[0].kind, CASE_KIND_CODE);
	ck_assert_int_eq(all[0].tasks, 4);
	assert_near(all[0].score, 0.75);
	/* Wilson of 3 of 4. */
	assert_near(all[0].low, 0.3006);
	assert_near(all[0].high, 0.9544);
	/* 400 spent, 3 passed: what failed is paid for as well. */
	ck_assert_int_eq(all[0].cost_pico_usd, 400);
	ck_assert_int_eq(all[0].per_pass_pico_usd, 133);
	ck_assert_int_eq(all[0].per_pass_low_pico_usd, 105);  /* 100 / 0.9544 */
	ck_assert_int_eq(all[0].per_pass_high_pico_usd, 333); /* 100 / 0.3006 */
	/* Graded and never passed: a score, and no cost of what does not happen. */
	ck_assert_int_eq(all[1].kind, CASE_KIND_REVIEW);
	assert_near(all[1].score, 0.5);
	ck_assert_int_eq(all[1].per_pass_pico_usd, -1);
	ck_assert_int_eq(all[1].per_pass_high_pico_usd, -1);
	/* Ten trials of one task are one task. */
	assert_text(all[2].target, "b/m");
	ck_assert_int_eq(all[2].tasks, 1);
	assert_near(all[2].low, 0.2065);
	ck_assert_int_eq(all[2].per_pass_pico_usd, 5);
}
END_TEST

START_TEST(what_is_unknown_stays_unknown)
{
	struct matrix_cell cells[] = {
	    task_of("a/m", CASE_KIND_CODE, 1, 0, 1, 100),
	    task_of("a/m", CASE_KIND_CODE, 1, 0, 1, -1),
	    /* Paid for and without an answer: it costs, and has no score. */
	    task_of("b/m", CASE_KIND_CODE, 1, 0, 1, 100),
	    task_of("b/m", CASE_KIND_CODE, 0, 0, (double)NAN, 60),
	    /* Never asked. */
	    task_of("b/m", CASE_KIND_CODE, 0, 0, (double)NAN, -1),
	    task_of("c/m", CASE_KIND_CODE, 0, 0, (double)NAN, -1),
	};
	struct matrix matrix = {.cells = cells, .count = ARRAY_LENGTH(cells)};
	size_t count;

	cells[3].tally.of[OUTCOME_INFRA] = 1;
	const struct quality *all = quality_of(&matrix, &arena, &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(all[0].cost_pico_usd, -1);
	ck_assert_int_eq(all[0].per_pass_pico_usd, -1);
	ck_assert_int_eq(all[0].per_pass_low_pico_usd, -1);
	ck_assert_int_eq(all[1].tasks, 1);
	ck_assert_int_eq(all[1].per_pass_pico_usd, 160);
}
END_TEST

START_TEST(the_front_holds_whom_nobody_beats_at_that_kind_for_less)
{
	struct matrix_cell cells[] = {
	    task_of("a/cheap", CASE_KIND_CODE, 1, 1, 0.5, 10), /* 10 a pass */
	    task_of("a/cheap", CASE_KIND_REVIEW, 2, 0, 1, 10),
	    task_of("b/beaten", CASE_KIND_CODE, 1, 1, 0.5, 20),
	    task_of("b/beaten", CASE_KIND_REVIEW, 1, 0, 1, 5), /* as good for as much as a */
	    task_of("c/good", CASE_KIND_CODE, 2, 0, 1, 60),
	    task_of("c/good", CASE_KIND_REVIEW, 1, 0, 1, 6),
	    task_of("d/unknown", CASE_KIND_CODE, 2, 0, 1, -1),
	    task_of("e/none", CASE_KIND_CODE, 0, 2, 0, 1),
	};
	const bool wanted[] = {true, true, false, true, true, false, false, false};
	struct matrix matrix = {.cells = cells, .count = ARRAY_LENGTH(cells)};
	size_t count;
	const struct quality *all = quality_of(&matrix, &arena, &count);

	ck_assert_uint_eq(count, ARRAY_LENGTH(wanted));
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(all[i].on_front == wanted[i], "%.*s at %s", TEXT_ARG(all[i].target),
		              case_kind_names[all[i].kind]);
}
END_TEST

START_TEST(over_all_kinds_each_counts_alike_and_only_who_was_asked_all_is_there)
{
	struct matrix_cell cells[] = {
	    task_of("a/m", CASE_KIND_CODE, 1, 0, 1, 10),
	    task_of("a/m", CASE_KIND_CODE, 1, 0, 1, 10),
	    task_of("a/m", CASE_KIND_CODE, 1, 0, 1, 10),
	    task_of("a/m", CASE_KIND_REVIEW, 0, 1, 0.5, 30),
	    task_of("b/m", CASE_KIND_CODE, 1, 0, 1, 1),
	};
	struct matrix matrix = {.cells = cells, .count = ARRAY_LENGTH(cells)};
	size_t count, overall_count;
	const struct quality *all = quality_of(&matrix, &arena, &count);
	const struct quality *overall = quality_overall(all, count, &arena, &overall_count);

	ck_assert_uint_eq(overall_count, 1);
	assert_text(overall[0].target, "a/m");
	ck_assert_int_eq(overall[0].kind, CASE_KIND_NONE);
	assert_near(overall[0].score, 0.75);                /* (1 + 0.5) / 2 */
	ck_assert_int_eq(overall[0].per_pass_pico_usd, 20); /* 60 over 3 */
	ck_assert(overall[0].on_front);
	/* Of one kind there is nothing to sum up. */
	matrix.count = 3;
	all = quality_of(&matrix, &arena, &count);
	overall = quality_overall(all, count, &arena, &overall_count);
	ck_assert_uint_eq(overall_count, 0);
	overall = quality_overall(all, 0, &arena, &overall_count);
	ck_assert_uint_eq(overall_count, 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, the_front_holds_whom_nobody_beats_at_that_kind_for_less);
	tcase_add_test(cases, over_all_kinds_each_counts_alike_and_only_who_was_asked_all_is_there);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_kind_is_the_mean_of_its_tasks_with_wilsons_interval);
	tcase_add_test(cases, what_is_unknown_stays_unknown);
}

int main(void)
{
	return unit_main("scores", add);
}
