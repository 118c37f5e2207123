/* Cost against quality, spend over time and tasks that are scored: on the page and as CSV. */
#include "tests/unit/reports/sample.h"

#include "harness/base/csv.h"
#include "reports/report_quality.h"

static struct text_buf out;
static struct matrix_cell cells[8];

static void set_up(void)
{
	text_buf_init(&out, REPORT_MAX_BYTES);
}

static void tear_down(void)
{
	text_buf_done(&out);
}

static struct matrix_cell task(const char *target, enum case_kind kind, int64_t ok, int64_t miss,
                               int64_t cost_pico_usd)
{
	struct matrix_cell cell =
	    sample_cell("QX-01", CASE_ADVISORY, miss == 0 ? VERDICT_PASS : VERDICT_FAIL, NULL);

	cell.target = text_of(target);
	cell.capability = text_of(case_kind_names[kind]);
	cell.kind = kind;
	cell.tally = (struct tally){.of = {[OUTCOME_OK] = ok, [OUTCOME_MISS] = miss}};
	cell.quality = (double)ok / (double)(ok + miss);
	cell.cost_pico_usd = cost_pico_usd;
	return cell;
}

static struct matrix tasks(void)
{
	size_t count = 0;

	cells[count++] = task("a/<b>&\"cheap", CASE_KIND_CODE, 1, 1, 1000000);
	cells[count++] = task("a/<b>&\"cheap", CASE_KIND_REVIEW, 2, 0, 1000000);
	cells[count++] = task("b/good", CASE_KIND_CODE, 2, 0, 5000000);
	cells[count++] = task("b/good", CASE_KIND_REVIEW, 2, 0, 5000000);
	return (struct matrix){
	    .suite_hash = TEXT("0123456789ab"),
	    .runs = {sample_runs, 1},
	    .cells = cells,
	    .count = count,
	};
}

START_TEST(targets_are_drawn_by_cost_and_quality_for_each_kind_and_for_all)
{
	struct matrix matrix = tasks();

	report_html(&matrix, NULL, &out);
	ck_assert_uint_eq(sample_count(&out, "<svg "), 3);
	assert_holds(&out, "<details open><summary>all kinds of work, each counting alike");
	assert_holds(&out, "<details><summary>code</summary>");
	/* Both are on the front of code; at review the dearer one is no better. */
	assert_holds(&out, "<span class=\"v pass\">FRONT</span>");
	ck_assert_uint_eq(sample_count(&out, "<span class=\"v pass\">FRONT</span>"), 3);
	ck_assert_uint_eq(sample_count(&out, "<circle class=best"), 5);
	ck_assert_uint_eq(sample_count(&out, "<circle class=other"), 1);
	assert_lacks(&out, "<b>&");
	assert_holds(&out, "<a href=\"#front\">");
}
END_TEST

/* Costs of a few millionths, and scores that end at 1. */
START_TEST(an_axis_has_neither_exponents_nor_marks_that_no_value_can_reach)
{
	struct matrix matrix = tasks();

	report_html(&matrix, NULL, &out);
	assert_holds(&out, "text-anchor=middle>0.000002</text>");
	assert_holds(&out, "text-anchor=end>1</text>");
	assert_lacks(&out, "text-anchor=end>1.");
	assert_lacks(&out, "e-06</text>");
}
END_TEST

START_TEST(a_target_is_named_once_beside_all_its_kinds_of_work)
{
	struct matrix matrix = tasks();

	report_html(&matrix, NULL, &out);
	assert_holds(&out, "<tr><th scope=row rowspan=2>b/good</th><td>code");
	assert_holds(&out, "<tr><td>review");
	ck_assert_uint_eq(sample_count(&out, " rowspan="), 2);
}
END_TEST

START_TEST(who_stands_alone_is_not_drawn)
{
	struct matrix matrix = tasks();

	matrix.count = 2;
	report_html(&matrix, NULL, &out);
	assert_lacks(&out, "<svg ");
	text_buf_reset(&out);
	matrix = sample_matrix();
	report_html(&matrix, NULL, &out);
	assert_lacks(&out, "id=front");
	assert_lacks(&out, "id=spend");
}
END_TEST

START_TEST(spend_is_drawn_from_the_second_day_on)
{
	struct matrix matrix = tasks();

	report_html(&matrix, NULL, &out);
	assert_lacks(&out, "id=spend");
	text_buf_reset(&out);
	cells[1].tested_wall_ms += INT64_C(2) * 86400000;
	cells[2].cost_pico_usd = -1; /* unknown is not drawn, and not 0 */
	report_html(&matrix, NULL, &out);
	assert_holds(&out, "id=spend");
	assert_holds(&out,
	             "<tr><th scope=row>2025-11-21</th><td class=n>0.000001<td class=n>0.000005");
	assert_holds(&out,
	             "<tr><th scope=row>2025-11-22</th><td class=n>0.000000<td class=n>0.000000");
	assert_holds(&out,
	             "<tr><th scope=row>2025-11-23</th><td class=n>0.000001<td class=n>0.000000");
}
END_TEST

START_TEST(what_is_scored_has_no_verdict_as_a_capability)
{
	struct matrix matrix = tasks();
	const struct report_terminal_options options = {false, 100, 0};

	report_terminal(&matrix, &options, &out);
	assert_holds(&out, "SCORED 0/1");
	text_buf_reset(&out);
	report_html(&matrix, NULL, &out);
	assert_holds(&out, ">SCORED 0/1</a>");
	/* One cell that is no task, and the verdict counts again. */
	cells[0].kind = CASE_KIND_NONE;
	text_buf_reset(&out);
	report_terminal(&matrix, &options, &out);
	assert_holds(&out, "FAIL 0/1");
}
END_TEST

START_TEST(scores_are_rows_of_their_own_as_csv)
{
	struct matrix matrix = tasks();

	report_quality_csv(&matrix, &out);
	assert_holds(&out, "target,kind,tasks,trials,passed,score,");
	assert_holds(&out, "b/good,code,1,2,2,1,0.206549,1,0.000005,0.0000025,0.0000025,");
	assert_holds(&out, ",true,0,,0\r\n");
	ck_assert_uint_eq(sample_count(&out, "\r\n"), 5);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, targets_are_drawn_by_cost_and_quality_for_each_kind_and_for_all);
	tcase_add_test(cases, an_axis_has_neither_exponents_nor_marks_that_no_value_can_reach);
	tcase_add_test(cases, a_target_is_named_once_beside_all_its_kinds_of_work);
	tcase_add_test(cases, who_stands_alone_is_not_drawn);
	tcase_add_test(cases, spend_is_drawn_from_the_second_day_on);
	tcase_add_test(cases, what_is_scored_has_no_verdict_as_a_capability);
	tcase_add_test(cases, scores_are_rows_of_their_own_as_csv);
}

int main(void)
{
	return unit_main("report_front", add);
}
