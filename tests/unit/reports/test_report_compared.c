/* A matrix shown with what changed: the same verdict on it in every format, and hostile words of a
 * waiver or a model inert in each. */
#include "reports/report_changes.h"

#include "harness/base/json.h"
#include "providers/provider.h"
#include "tests/unit/reports/sample.h"

static struct arena arena;
static struct text_buf out;
static struct matrix head, base;
static struct matrix_cell base_cells[ARRAY_LENGTH(sample_cells) + 1];
static struct config_waiver waiver;
static struct comparison comparison;
static struct report_context context;

static void set_up(void)
{
	head = sample_matrix();
	memcpy(base_cells, sample_cells, sizeof(sample_cells));
	base = (struct matrix){.cells = base_cells, .count = head.count};
	head.cells[1].class_ = CASE_DETERMINISTIC;
	base_cells[1].class_ = CASE_DETERMINISTIC;
	waiver = (struct config_waiver){.target = TEXT("nobody/m"),
	                                .case_id = TEXT("CH-02"),
	                                .owner = TEXT(SAMPLE_HOSTILE),
	                                .until = TEXT("2099-12-31"),
	                                .why = TEXT("=1+1"),
	                                .until_wall_ms = INT64_MAX};
	text_buf_init(&out, REPORT_MAX_BYTES);
}

static void tear_down(void)
{
	text_buf_done(&out);
	arena_done(&arena);
}

static void pass(struct matrix_cell *cell)
{
	cell->verdict = VERDICT_PASS;
	cell->tally = (struct tally){.of = {[OUTCOME_OK] = 10}};
	cell->rate = 1;
	cell->rate_low = 0.72;
	cell->rate_high = 1;
}

static void compare(void)
{
	struct comparison_options options = {.waivers = &waiver, .waiver_count = 1};

	baseline_compare(&base, &head, &options, &arena, &comparison);
	context = (struct report_context){.comparison = &comparison};
}

static void html(void)
{
	text_buf_reset(&out);
	report_html(&head, &context, &out);
	assert_clean(&out, "\n\t");
	assert_lacks(&out, "<script");
	assert_lacks(&out, "onload='");
}

static void junit(void)
{
	text_buf_reset(&out);
	report_junit(&head, &context, &out);
	assert_clean(&out, "\n");
	assert_lacks(&out, "<script");
}

static void github(void)
{
	struct text rest;
	struct text line;

	text_buf_reset(&out);
	report_github(&head, &context, &out);
	assert_clean(&out, "\n");
	rest = text_buf_view(&out);
	while (text_next_field(&rest, '\n', &line))
		ck_assert_msg(line.len == 0 || text_starts(line, TEXT("- ")) ||
		                  text_starts(line, TEXT("::error title=")) ||
		                  text_starts(line, TEXT("::warning title=")) ||
		                  text_starts(line, TEXT("::notice title=")) ||
		                  text_starts(line, TEXT("::group::proviso")) ||
		                  text_is(line, "::endgroup::"),
		              "a line of somebody else: %.*s", TEXT_ARG(line));
}

START_TEST(a_regression_is_the_one_failure)
{
	pass(&base_cells[1]);
	compare();
	ck_assert_uint_eq(comparison.gating, 1);
	html();
	assert_holds(&out, "<section id=changes><h2>What changed since the baseline</h2><p>1 "
	                   "regressed, ");
	assert_holds(&out, "<b>1 regression in gate or required cells.</b>");
	assert_holds(
	    &out,
	    "<span class=\"v regressed\">regressed</span> <b>gates</b><td class=name>lab/qwen<td>"
	    "<a href=\"#c1\">CH-02</a><td>gate<td class=name>pass 10/10 &rarr; fail 0/3");
	assert_holds(&out, "<div id=c1>");
	assert_holds(&out, "<dt>since the baseline<dd>regressed: pass 10/10 &rarr; fail 0/3");
	junit();
	/* CH-02~stream failed when it was blessed: it is told, and not red. */
	assert_holds(&out, "<testsuites name=\"proviso\" tests=\"8\" failures=\"1\" errors=\"1\" "
	                   "skipped=\"4\"");
	assert_holds(
	    &out, "0 of 3 ok (0 to 56 %); regressed since the baseline, pass 10/10 -&gt; fail 0/3");
	assert_holds(
	    &out,
	    "<skipped message=\"required FLAKY, 0 of 3 ok (0 to 56 %); same since the baseline");
	github();
	ck_assert_uint_eq(sample_count(&out, "::error "), 1);
	assert_holds(
	    &out, "::error title=REGRESSED lab/qwen%3A CH-02::gate FAIL, 0 of 3 ok (0 to 56 %25); "
		  "regressed since the baseline (pass 10/10): ");
	assert_holds(&out, "- against the baseline: 1 regressed, ");
}
END_TEST

START_TEST(what_was_accepted_is_red_nowhere)
{
	compare();
	html();
	assert_holds(&out, "Nothing that gates regressed.");
	junit();
	assert_holds(&out, "failures=\"0\" errors=\"1\" skipped=\"5\"");
	github();
	assert_lacks(&out, "::error ");
	assert_holds(&out,
	             "- lab/qwen CH-02 gate FAIL, 0 of 3 ok (0 to 56 %); same since the baseline");
}
END_TEST

START_TEST(a_waiver_is_shown_with_owner_and_last_day_and_gates_nothing)
{
	waiver.target = TEXT("lab/qwen");
	pass(&base_cells[1]);
	compare();
	ck_assert_uint_eq(comparison.waived, 1);
	html();
	assert_holds(&out, "waived by &lt;script&gt;alert(1)&lt;/script&gt;");
	assert_holds(&out, " until 2099-12-31: =1+1");
	assert_holds(&out, " 1 waived.");
	junit();
	assert_holds(&out, "failures=\"0\"");
	assert_holds(&out, "until 2099-12-31");
	github();
	assert_lacks(&out, "::error ");
	assert_holds(&out, "::notice title=REGRESSED lab/qwen%3A CH-02::");
	assert_holds(&out, "waived by <script>alert(1)</script>");
}
END_TEST

START_TEST(a_waiver_that_is_over_is_said_and_excuses_nothing)
{
	waiver.target = TEXT("lab/qwen");
	waiver.until_wall_ms = -1;
	pass(&base_cells[1]);
	compare();
	html();
	assert_holds(&out, " ended 2099-12-31");
	junit();
	assert_holds(&out, "failures=\"1\"");
	github();
	ck_assert_uint_eq(sample_count(&out, "::error "), 1);
}
END_TEST

START_TEST(what_is_gone_and_what_is_new_are_named)
{
	base_cells[8] = sample_cell("ZZ-01", CASE_GATE, VERDICT_PASS, NULL);
	base_cells[8].target = TEXT("other/m:1");
	base.cells = base_cells + 1; /* lab/qwen CH-01 is new */
	base.count = 8;
	compare();
	html();
	assert_holds(&out, "<span class=\"v gone\">gone</span><td "
	                   "class=name>other/m:1<td>ZZ-01<td>gate<td class=name>"
	                   "pass 1/1 &rarr; -");
	assert_holds(
	    &out,
	    "<span class=\"v new\">new</span><td class=name>lab/qwen<td><a href=\"#c0\">CH-01");
	junit();
	assert_holds(&out, "<system-out>gone since the baseline: ZZ-01</system-out>");
	assert_holds(&out, "name=\"CH-01\" time=\"1.250000\">\n      <system-out>gate PASS, 1 of 1 "
	                   "ok (21 to 100 %)\nnew since the baseline, - -&gt; pass 1/1\nevidence ");
	ck_assert_uint_eq(sample_count(&out, "<testcase "), 8);
}
END_TEST

START_TEST(one_document_holds_the_matrix_and_what_changed)
{
	struct json *root;
	struct fault fault;

	pass(&base_cells[1]);
	compare();
	report_json(&head, &context, &out);
	ck_assert_msg(json_read_text(text_buf_view(&out), "report", &arena, &root, &fault), "%s",
	              fault.message);
	const struct json *changed = json_member(root, "baseline");
	ck_assert(!json_truth(changed, "holds", true));
	ck_assert_uint_eq(json_member(changed, "changes")->count, 8);
	ck_assert_ptr_nonnull(json_member(root, "cells"));
	text_buf_reset(&out);
	report_markdown(&head, &context, &out);
	assert_clean(&out, "\n");
	ck_assert(text_starts(text_buf_view(&out), TEXT("### Against the baseline: 1 regressed")));
	assert_holds(&out, "\n## Proviso: 8 cells");
}
END_TEST

START_TEST(retries_are_told_in_the_text)
{
	head.cells[0].retries = 1;
	head.cells[2].retries = 2;
	report_junit(&head, NULL, &out);
	assert_holds(&out, "<system-out>gate PASS, 1 of 1 ok (21 to 100 %), 1 retry\n");
	assert_holds(&out, "message=\"required FLAKY, 0 of 3 ok (0 to 56 %), 2 retries: 1 of 3\"");
}
END_TEST

START_TEST(a_claim_is_set_against_the_cells_and_stays_text)
{
	struct text claimed[] = {TEXT("chat"), TEXT("images"), TEXT(SAMPLE_HOSTILE)};
	struct provider_model model = {.name = TEXT("m:1"), .features = {claimed, 3}};
	struct provider provider = {.name = TEXT("other"), .models = &model, .model_count = 1};
	struct provider_set set = {&provider, 1};
	struct text chat[] = {TEXT("chat")};

	head.cells[6].vouches = (struct text_list){chat, 1};
	head.cells[7].vouches = (struct text_list){sample_vouches, 2}; /* chat and more: not chat */
	context = (struct report_context){.providers = &set};
	html();
	assert_holds(&out, "<td>chat<td><span class=\"v pass\">proven</span><td>1 of 1<td></tr>");
	assert_holds(&out, "<td>images<td><span class=\"v inconclusive\">unproven</span>");
	head.cells[6].verdict = VERDICT_IGNORED;
	html();
	assert_holds(&out, "<span class=\"v fail\">refuted</span><td>0 of 1<td>CH-01</tr>");
	text_buf_reset(&out);
	report_markdown(&head, &context, &out);
	assert_clean(&out, "\n");
	assert_holds(&out, "| other/m:1 | chat | refuted | 0 of 1 | CH-01 |");
	assert_lacks(&out, "<script");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_regression_is_the_one_failure);
	tcase_add_test(cases, what_was_accepted_is_red_nowhere);
	tcase_add_test(cases, a_waiver_is_shown_with_owner_and_last_day_and_gates_nothing);
	tcase_add_test(cases, a_waiver_that_is_over_is_said_and_excuses_nothing);
	tcase_add_test(cases, what_is_gone_and_what_is_new_are_named);
	tcase_add_test(cases, one_document_holds_the_matrix_and_what_changed);
	tcase_add_test(cases, a_claim_is_set_against_the_cells_and_stays_text);
	tcase_add_test(cases, retries_are_told_in_the_text);
}

int main(void)
{
	return unit_main("report_compared", add);
}
