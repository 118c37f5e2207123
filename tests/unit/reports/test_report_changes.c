/* What changed, in every format: hostile text stays text, nothing that gates is left out. */
#include "reports/report_changes.h"

#include "harness/base/json.h"
#include "harness/run/stats.h"
#include "tests/unit/unit.h"

enum { CELLS = 30 };

static struct arena arena;
static struct matrix_cell base_cells[CELLS], head_cells[CELLS];
static struct matrix base, head;
static struct comparison comparison;
static struct config_waiver waiver;
static struct text_buf out;

static void set_up(void)
{
	base = (struct matrix){.cells = base_cells};
	head = (struct matrix){.cells = head_cells};
	text_buf_init(&out, REPORT_MAX_BYTES);
}

static void tear_down(void)
{
	text_buf_done(&out);
	arena_done(&arena);
}

static struct matrix_cell *add(struct matrix *matrix, const char *id, enum verdict verdict,
                               int64_t ok, int64_t miss)
{
	struct matrix_cell *cell = &matrix->cells[matrix->count++];

	ck_assert_uint_le(matrix->count, CELLS);
	*cell = (struct matrix_cell){
	    .target = TEXT("lab/m"),
	    .case_id = text_of(id),
	    .severity = CASE_GATE,
	    .verdict = verdict,
	    .tally = {.of = {[OUTCOME_OK] = ok, [OUTCOME_MISS] = miss}},
	    .rate = (double)ok / (double)(ok + miss),
	    .case_hash = TEXT("aaaaaaaaaaaa"),
	};
	stats_wilson_interval(ok, ok + miss, &cell->rate_low, &cell->rate_high);
	return cell;
}

static void compare(void)
{
	struct comparison_options options = {.waivers = &waiver, .waiver_count = 1};

	waiver = (struct config_waiver){.target = TEXT("lab/m"),
	                                .case_id = TEXT("TC-99"),
	                                .owner = TEXT("<b>|\x1b[31m"),
	                                .until = TEXT("2099-12-31"),
	                                .why = TEXT("=1+1"),
	                                .until_wall_ms = 1};
	matrix_sort(&base);
	matrix_sort(&head);
	baseline_compare(&base, &head, &options, &arena, &comparison);
}

static const char *shown(void)
{
	return text_buf_view(&out).data;
}

#define assert_shows(part)                                                                         \
	ck_assert_msg(strstr(shown(), (part)) != NULL, "\"%s\" is not in: %s", (part), shown())
#define assert_hides(part)                                                                         \
	ck_assert_msg(strstr(shown(), (part)) == NULL, "\"%s\" is in: %s", (part), shown())

static void terminal(void)
{
	struct report_terminal_options options = {.width = 100};

	text_buf_reset(&out);
	report_changes_terminal(&comparison, &options, &out);
}

START_TEST(the_worst_stands_first_and_what_is_the_same_is_counted_only)
{
	add(&base, "AA-01", VERDICT_PASS, 1, 0);
	add(&head, "AA-01", VERDICT_PASS, 1, 0);
	add(&base, "BB-01", VERDICT_FAIL, 0, 3);
	add(&head, "BB-01", VERDICT_PASS, 1, 0);
	add(&base, "CC-01", VERDICT_PASS, 1, 0);
	add(&head, "CC-01", VERDICT_FAIL, 0, 3);
	compare();
	terminal();
	ck_assert_ptr_eq(strstr(shown(), "regressed"), shown());
	assert_shows("CC-01");
	assert_shows("pass 1/1 -> fail 0/3");
	assert_shows("1 regressed, 1 fixed, 1 same\n1 regression in gate or required cells\n");
	assert_hides("AA-01");
}
END_TEST

START_TEST(long_lists_are_cut_but_for_what_gates)
{
	char ids[CELLS][8];

	for (size_t i = 0; i < CELLS; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "TC-%02zu", i);
		add(&base, ids[i], VERDICT_PASS, 1, 0);
		add(&head, ids[i], VERDICT_FAIL, 0, 3);
	}
	compare();
	terminal();
	assert_shows("TC-00");
	assert_shows("TC-29");
	for (size_t i = 0; i < CELLS; i++)
		head_cells[i].case_hash = TEXT("bbbbbbbbbbbb");
	compare();
	terminal();
	assert_shows("and 10 more");
	assert_hides("TC-29");
	text_buf_reset(&out);
	report_changes_json(&comparison, &out);
	assert_shows("TC-29");
}
END_TEST

START_TEST(a_small_probability_is_bounded_never_0)
{
	add(&base, "TC-01", VERDICT_PASS, 30, 0)->class_ = CASE_STOCHASTIC;
	add(&head, "TC-01", VERDICT_FAIL, 0, 30)->class_ = CASE_STOCHASTIC;
	add(&base, "TC-02", VERDICT_PASS, 10, 0)->class_ = CASE_STOCHASTIC;
	add(&head, "TC-02", VERDICT_FAIL, 4, 6)->class_ = CASE_STOCHASTIC;
	compare();
	terminal();
	assert_shows("p < 0.0001\n");
	assert_shows("p 0.0054\n");
	text_buf_reset(&out);
	report_changes_markdown(&comparison, &out);
	assert_shows("| p &lt; 0.0001 |");
}
END_TEST

START_TEST(text_from_outside_stays_text_in_every_format)
{
	const char *hostile = "=cmd|'/c calc'!A0 \x1b]0;x\x07 <script> @all `x` | \n## head";

	add(&base, "TC-99", VERDICT_PASS, 1, 0);
	struct matrix_cell *cell = add(&head, "TC-99", VERDICT_FAIL, 0, 3);
	cell->first_error = text_of(hostile);
	compare();
	ck_assert_uint_eq(comparison.waived, 1);
	terminal();
	assert_hides("\x1b");
	assert_hides("\x07");
	text_buf_reset(&out);
	report_changes_markdown(&comparison, &out);
	assert_hides("<script>");
	assert_hides("<b>");
	assert_hides("@all");
	assert_hides("\n## head");
	assert_hides("\x1b");
	text_buf_reset(&out);
	report_changes_csv(&comparison, &out);
	assert_shows("\"'=cmd|");
	text_buf_reset(&out);
	report_changes_json(&comparison, &out);
	struct json *root;
	struct fault fault;
	ck_assert_msg(json_read_text(text_buf_view(&out), "changes", &arena, &root, &fault), "%s",
	              fault.message);
	const struct json *change = json_at(json_member(root, "changes"), 0);
	assert_text(json_string(json_member(change, "head"), "first_error"), hostile);
	ck_assert(json_truth(root, "holds", false)); /* waived */
	ck_assert(!json_truth(json_member(change, "waiver"), "expired", true));
}
END_TEST

START_TEST(the_csv_of_a_matrix_has_its_columns_filled_where_there_is_a_baseline)
{
	const struct report_context context = {.comparison = &comparison};

	add(&base, "TC-10", VERDICT_PASS, 10, 0)->class_ = CASE_STOCHASTIC;
	add(&head, "TC-10", VERDICT_FAIL, 0, 2)->class_ = CASE_STOCHASTIC;
	add(&head, "TC-11", VERDICT_PASS, 1, 0);
	compare();
	report_csv(&head, &context, &out);
	assert_shows(",1,0.015152,regressed,");
	assert_shows(",,,new,");
	text_buf_reset(&out);
	report_csv(&head, NULL, &out);
	assert_hides("regressed");
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, the_worst_stands_first_and_what_is_the_same_is_counted_only);
	tcase_add_test(cases, long_lists_are_cut_but_for_what_gates);
	tcase_add_test(cases, a_small_probability_is_bounded_never_0);
	tcase_add_test(cases, text_from_outside_stays_text_in_every_format);
	tcase_add_test(cases, the_csv_of_a_matrix_has_its_columns_filled_where_there_is_a_baseline);
}

int main(void)
{
	return unit_main("report_changes", add_tests);
}
