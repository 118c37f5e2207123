/* Workflow commands and the step summary. */
#include "tests/unit/reports/sample.h"

static struct text_buf out;
static struct arena arena;

static void set_up(void)
{
	text_buf_init(&out, REPORT_MAX_BYTES);
}

static void tear_down(void)
{
	text_buf_done(&out);
	arena_done(&arena);
}

/* A matrix of `count` gate cells that fail. */
static struct matrix failing(size_t count)
{
	struct matrix matrix = {.cells = ARENA_NEW_ARRAY(&arena, struct matrix_cell, count),
	                        .count = count};

	for (size_t i = 0; i < count; i++) {
		const char *id = text_c(&arena, text_format(&arena, "CH-%06zu", i));
		matrix.cells[i] = sample_cell(id, CASE_GATE, VERDICT_FAIL, SAMPLE_HOSTILE);
	}
	return matrix;
}

START_TEST(what_fails_is_an_error_and_what_has_no_verdict_a_warning)
{
	struct matrix matrix = sample_matrix();

	report_github(&matrix, NULL, &out);
	ck_assert_uint_eq(sample_count(&out, "::error title="), 2);
	ck_assert_uint_eq(sample_count(&out, "::warning title="), 2);
	assert_holds(
	    &out, "::error title=FLAKY lab/qwen%3A CH-02~stream::required FLAKY, 0 of 3 "
		  "ok (0 to 56 %25): 1 of 3 (evidence 000001:0 of run 20261121T101500Z-ab12cd)\n");
	assert_holds(&out, "::warning title=INCONCLUSIVE other/m%3A1%3A TC-10::");
	assert_holds(&out, "::group::proviso: 6 of 8 cells do not pass\n");
	assert_holds(&out, "- lab/qwen CH-03 advisory FAIL");
}
END_TEST

START_TEST(no_word_of_a_model_is_a_command)
{
	struct matrix matrix = sample_matrix();
	struct text rest, line;

	report_github(&matrix, NULL, &out);
	assert_clean(&out, "\n");
	assert_lacks(&out, "##[");
	assert_holds(&out, "%25 (evidence");
	rest = text_buf_view(&out);
	while (text_next_field(&rest, '\n', &line))
		ck_assert_msg(line.len == 0 || text_starts(line, TEXT("- ")) ||
		                  text_starts(line, TEXT("::error title=FAIL lab/qwen%3A ")) ||
		                  text_starts(line, TEXT("::error title=FLAKY lab/qwen%3A ")) ||
		                  text_starts(line, TEXT("::warning title=")) ||
		                  text_starts(line, TEXT("::group::proviso")) ||
		                  text_is(line, "::endgroup::"),
		              "a line of somebody else: %.*s", TEXT_ARG(line));
}
END_TEST

START_TEST(nine_are_shown_and_the_rest_is_counted)
{
	struct matrix matrix = failing(10);

	report_github(&matrix, NULL, &out);
	ck_assert_uint_eq(sample_count(&out, "::error title="), 10);
	assert_holds(&out, "::error title=proviso::and 1 more;");
	text_buf_reset(&out);
	matrix.count = 9;
	report_github(&matrix, NULL, &out);
	ck_assert_uint_eq(sample_count(&out, "::error title="), 9);
	assert_lacks(&out, "more;");
}
END_TEST

START_TEST(nothing_is_said_where_all_passes)
{
	struct matrix matrix = sample_matrix();

	matrix.count = 1;
	report_github(&matrix, NULL, &out);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(text_for_a_log_starts_no_command)
{
	report_add_log_text(&out, TEXT("::error::x"));
	assert_text(text_buf_view(&out), "\\::error::x");
	text_buf_reset(&out);
	report_add_log_text(&out, TEXT(" \xe3\x80\x80::error::x ##[error]"));
	assert_text(text_buf_view(&out), "\\ \xe3\x80\x80::error::x ##\\[error]");
	text_buf_reset(&out);
	report_add_log_text(&out, TEXT("std::string"));
	assert_text(text_buf_view(&out), "std::string");
}
END_TEST

START_TEST(a_summary_is_cut_at_a_line)
{
	struct matrix matrix = failing(6000);

	report_github_summary(&matrix, NULL, &out);
	ck_assert_uint_le(out.len, REPORT_SUMMARY_MAX_BYTES + 200);
	ck_assert_uint_gt(out.len, REPORT_SUMMARY_MAX_BYTES - 2000);
	assert_holds(&out, " |\n\nCut here: ");
	text_buf_reset(&out);
	matrix.count = 2;
	report_github_summary(&matrix, NULL, &out);
	assert_lacks(&out, "Cut here");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_fails_is_an_error_and_what_has_no_verdict_a_warning);
	tcase_add_test(cases, no_word_of_a_model_is_a_command);
	tcase_add_test(cases, nine_are_shown_and_the_rest_is_counted);
	tcase_add_test(cases, nothing_is_said_where_all_passes);
	tcase_add_test(cases, text_for_a_log_starts_no_command);
	tcase_add_test(cases, a_summary_is_cut_at_a_line);
}

int main(void)
{
	return unit_main("report_github", add);
}
