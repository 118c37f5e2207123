/* JUnit XML: counts, names, and characters that XML does not have. */
#include "tests/unit/reports/sample.h"

static struct text_buf out;

static void set_up(void)
{
	struct matrix matrix = sample_matrix();

	text_buf_init(&out, REPORT_MAX_BYTES);
	report_junit(&matrix, NULL, &out);
}

static void tear_down(void)
{
	text_buf_done(&out);
}

START_TEST(counts_are_right_at_both_levels_and_failure_is_not_error)
{
	assert_holds(&out, "<testsuites name=\"proviso\" tests=\"8\" failures=\"2\" errors=\"2\" "
	                   "skipped=\"2\" time=\"8.750000\">");
	assert_holds(&out, "<testsuite name=\"lab/qwen\" tests=\"6\" failures=\"2\" errors=\"1\" "
	                   "skipped=\"2\"");
	assert_holds(&out, "<testsuite name=\"other/m:1\" tests=\"2\" failures=\"0\" errors=\"1\" "
	                   "skipped=\"0\"");
	ck_assert_uint_eq(sample_count(&out, "<testcase "), 8);
	ck_assert_uint_eq(sample_count(&out, "<failure "), 2);
	ck_assert_uint_eq(sample_count(&out, "<error "), 2);
	ck_assert_uint_eq(sample_count(&out, "<skipped "), 2);
}
END_TEST

START_TEST(names_tell_variants_apart)
{
	assert_holds(&out, "classname=\"proviso/lab:qwen\" name=\"CH-02\"");
	assert_holds(&out, "classname=\"proviso/lab:qwen\" name=\"CH-02~stream\"");
	assert_holds(&out, "classname=\"proviso/other:m:1\" name=\"CH-01\"");
}
END_TEST

START_TEST(the_reason_and_its_evidence_stand_in_the_text_too)
{
	assert_holds(
	    &out,
	    "message=\"required FLAKY, 0 of 3 ok (0 to 56 %): 1 of 3\">required FLAKY, 0 of 3 "
	    "ok (0 to 56 %)\n1 of 3\nevidence 000001:0 of run 20261121T101500Z-ab12cd"
	    "</failure>");
}
END_TEST

START_TEST(a_time_that_is_unknown_is_left_out)
{
	assert_holds(&out, "name=\"CH-01\" time=\"1.250000\"/>");
	assert_holds(&out, "name=\"CH-05\">");
}
END_TEST

START_TEST(hostile_text_stays_text)
{
	assert_clean(&out, "\n");
	assert_holds(&out, "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&apos;x&apos; "
	                   "]]&gt; &amp;amp;");
	assert_holds(&out, "\\x1b[31mred\\x07 \\u202ertl \\xff\\xfe \xef\xbf\xbd");
	assert_lacks(&out, "\xef\xbf\xbe");
	assert_lacks(&out, "<!DOCTYPE");
}
END_TEST

START_TEST(a_matrix_without_cells_is_a_document_without_suites)
{
	struct matrix matrix = {.suite_hash = TEXT("0123456789ab")};

	text_buf_reset(&out);
	report_junit(&matrix, NULL, &out);
	assert_text(text_buf_view(&out),
	            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"proviso\" "
	            "tests=\"0\" failures=\"0\" errors=\"0\" skipped=\"0\">\n</testsuites>\n");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, counts_are_right_at_both_levels_and_failure_is_not_error);
	tcase_add_test(cases, names_tell_variants_apart);
	tcase_add_test(cases, the_reason_and_its_evidence_stand_in_the_text_too);
	tcase_add_test(cases, a_time_that_is_unknown_is_left_out);
	tcase_add_test(cases, hostile_text_stays_text);
	tcase_add_test(cases, a_matrix_without_cells_is_a_document_without_suites);
}

int main(void)
{
	return unit_main("report_junit", add);
}
