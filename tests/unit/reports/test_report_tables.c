/* The matrix for a terminal, a pull request, a spreadsheet and a program. */
#include "tests/unit/reports/sample.h"

#include "harness/base/csv.h"
#include "harness/base/json.h"

static struct text_buf out;
static struct arena arena;
static struct matrix matrix;

static void set_up(void)
{
	text_buf_init(&out, REPORT_MAX_BYTES);
	matrix = sample_matrix();
}

static void tear_down(void)
{
	text_buf_done(&out);
	arena_done(&arena);
}

/* --- terminal --- */

static void show(bool colour, size_t width, size_t worst)
{
	const struct report_terminal_options options = {colour, width, worst};

	text_buf_reset(&out);
	report_terminal(&matrix, &options, &out);
}

START_TEST(a_terminal_gets_words_and_no_byte_of_a_provider_raw)
{
	show(false, 100, 20);
	assert_clean(&out, "\n");
	assert_holds(&out, "capability  lab/qwen          other/m:1\n");
	assert_holds(&out, "chat        FAIL 1/6          PASS 1/1\n");
	assert_holds(&out, "tools       -                 INCONCLUSIVE 0/1\n");
	assert_holds(&out, "  FAIL lab/qwen  CH-02  gate  0 of 3 ok (0 to 56 %)\n       <script>");
	assert_holds(&out, "@team\\n::error::forged\\r\\n##\\[error]old \\x1b[31mred");
	assert_holds(&out, "       evidence 000001:0 of run 20261121T101500Z-ab12cd\n");
	assert_holds(&out, "2 of 8 cells pass; known cost 0.0000105 USD, unknown of 1 cell; "
	                   "suite 0123456789ab\n");
	assert_lacks(&out, " \n");
}
END_TEST

START_TEST(colour_comes_beside_the_words)
{
	show(true, 100, 20);
	assert_holds(&out, "\x1b[31mFAIL 1/6");
	assert_holds(&out, "\x1b[32mPASS 1/1");
	assert_lacks(&out, "\x1b[31mred");
}
END_TEST

START_TEST(a_narrow_terminal_gets_one_block_after_the_other)
{
	matrix.cells[7].target = matrix.cells[6].target =
	    TEXT("a/long-name-of-thirty-six-columns.");
	show(false, 1, 20);
	assert_holds(&out, "capability  lab/qwen\n");
	assert_holds(&out, "capability  a/long-name-of-thirty-six-columns.\n");
}
END_TEST

START_TEST(what_does_not_fit_the_list_is_counted)
{
	show(false, 100, 2);
	assert_holds(&out, "  and 4 more\n");
	assert_lacks(&out, "CH-03");
}
END_TEST

/* --- Markdown --- */

START_TEST(markdown_keeps_its_rows_whatever_is_in_them)
{
	struct text rest, line;
	size_t rows = 0;

	report_markdown(&matrix, NULL, &out);
	assert_clean(&out, "\n");
	assert_holds(&out, "| lab/qwen | chat | FAIL | 1 of 6 |\n");
	assert_holds(&out, "&lt;script&gt;");
	assert_holds(&out, "\\| \\`tick\\` &#64;team");
	rest = text_buf_view(&out);
	while (text_next_field(&rest, '\n', &line)) {
		ck_assert(line.len == 0 || line.data[0] == '|' || line.data[0] == '#');
		rows += line.len > 0 && line.data[0] == '|';
	}
	ck_assert_uint_eq(rows, 2 + 3 + 2 + 6);
}
END_TEST

/* --- CSV --- */

static struct text field(const struct csv_table *table, size_t row, const char *column)
{
	for (size_t i = 0; i < table->columns; i++)
		if (text_is(table->header[i], column))
			return table->cells[row * table->columns + i];
	ck_abort_msg("no column %s", column);
}

START_TEST(what_need_not_be_there_is_called_optional_and_stands_behind_what_must)
{
	matrix.cells[1].verdict = VERDICT_UNSUPPORTED;
	matrix.cells[1].optional = true;
	ck_assert_ptr_eq(report_worst_first(&matrix, &arena)[0], &matrix.cells[4]);
	ck_assert_int_eq(report_cell_effect(&matrix.cells[1], NULL), REPORT_NO_MATTER);
	show(false, 100, 20);
	assert_holds(&out, "  UNSUPPORTED lab/qwen  CH-02  optional  0 of 3 ok (0 to 56 %)\n");
	/* Dropped without a word, it is what it is. */
	matrix.cells[1].verdict = VERDICT_IGNORED;
	ck_assert_ptr_eq(report_worst_first(&matrix, &arena)[0], &matrix.cells[1]);
	ck_assert_str_eq(report_severity_word(&matrix.cells[1]), "gate");
	ck_assert_str_eq(report_severity_word(&matrix.cells[3]), "advisory");
}
END_TEST

START_TEST(csv_can_be_read_back_with_its_columns_in_place)
{
	struct csv_table table;
	struct fault fault;

	matrix.cells[1].reported_model = TEXT("=HYPERLINK(1)");
	report_csv(&matrix, NULL, &out);
	const struct source source = {TEXT("report"), text_buf_view(&out)};
	ck_assert_msg(csv_read_table(&source, &arena, &table, &fault), "%s", fault.message);
	ck_assert_uint_eq(table.rows, 8);
	ck_assert_uint_ge(table.columns, 45);
	assert_text(table.header[0], "run_id");
	assert_text(table.header[44], "evidence");
	assert_text(field(&table, 1, "verdict"), "fail");
	assert_text(field(&table, 1, "miss"), "3");
	assert_text(field(&table, 1, "reported_model"), "'=HYPERLINK(1)");
	assert_text(field(&table, 0, "cost_usd"), "0.0000015");
	assert_text(field(&table, 0, "vouches"), "chat stream");
	assert_text(field(&table, 0, "latency_p50_ms"), "1250");
}
END_TEST

START_TEST(what_is_unknown_is_an_empty_field)
{
	struct csv_table table;
	struct fault fault;

	report_csv(&matrix, NULL, &out);
	const struct source source = {TEXT("report"), text_buf_view(&out)};
	ck_assert(csv_read_table(&source, &arena, &table, &fault));
	assert_text(field(&table, 5, "cost_usd"), "");
	assert_text(field(&table, 5, "latency_p50_ms"), "");
	assert_text(field(&table, 0, "cached_tokens"), "");
	assert_text(field(&table, 0, "tokens_per_second"), "");
	assert_text(field(&table, 1, "cost_per_pass_usd"), "");
	assert_text(field(&table, 0, "change"), "");
}
END_TEST

/* --- JSON --- */

START_TEST(json_holds_the_summary_and_the_matrix)
{
	struct json *root;
	struct fault fault;

	matrix.cells[1].first_error = TEXT("\"quoted\"\x1b");
	report_json(&matrix, NULL, &out);
	ck_assert_msg(json_read_text(text_buf_view(&out), "report", &arena, &root, &fault), "%s",
	              fault.message);
	const struct json *first = json_member(root, "capabilities")->first;
	assert_text(json_member(first, "target")->text, "lab/qwen");
	assert_text(json_member(first, "verdict")->text, "fail");
	assert_text(json_member(first, "passed")->text, "1");
	assert_text(json_member(first, "worst")->text, "CH-02");
	const struct json *cells = json_member(root, "cells");
	ck_assert_uint_eq(cells->count, 8);
	assert_text(json_member(cells->first->next, "first_error")->text, "\"quoted\"\x1b");
	assert_clean(&out, "\n");
}
END_TEST

/* --- all --- */

START_TEST(a_matrix_without_cells_is_no_crash)
{
	matrix = (struct matrix){.suite_hash = TEXT("0123456789ab")};
	show(false, 100, 20);
	assert_holds(&out, "0 of 0 cells pass; known cost 0 USD; suite 0123456789ab\n");
	report_csv(&matrix, NULL, &out);
	report_json(&matrix, NULL, &out);
	report_markdown(&matrix, NULL, &out);
	assert_holds(&out, "## Proviso: 0 cells");
}
END_TEST

/* Of 9 good among 10, C(9,3) of C(10,3) triples are good: 84 of 120. */
START_TEST(beside_a_verdict_stand_trials_interval_and_pass_hat)
{
	struct matrix_cell cell = {
	    .tally.of = {[OUTCOME_OK] = 9, [OUTCOME_MISS] = 1, [OUTCOME_INFRA] = 2},
	    .rate = .9,
	    .rate_low = .5958,
	    .rate_high = .9821,
	};

	assert_text(report_rate_words(&cell, &arena), "9 of 10 ok (60 to 98 %), pass^3 70 %");
	ck_assert_double_eq_tol(matrix_pass_hat(&cell), .7, 1e-12);
	/* With all good or none it says nothing more; of two trials it is not known. */
	cell.tally.of[OUTCOME_MISS] = 0;
	assert_text(report_rate_words(&cell, &arena), "9 of 9 ok (60 to 98 %)");
	cell.tally.of[OUTCOME_OK] = cell.tally.of[OUTCOME_MISS] = 1;
	assert_text(report_rate_words(&cell, &arena), "1 of 2 ok (60 to 98 %)");
	cell = (struct matrix_cell){.rate_low = (double)NAN, .rate_high = (double)NAN};
	assert_text(report_rate_words(&cell, &arena), "0 of 0 ok");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_terminal_gets_words_and_no_byte_of_a_provider_raw);
	tcase_add_test(cases, colour_comes_beside_the_words);
	tcase_add_test(cases, a_narrow_terminal_gets_one_block_after_the_other);
	tcase_add_test(cases, what_does_not_fit_the_list_is_counted);
	tcase_add_test(cases, markdown_keeps_its_rows_whatever_is_in_them);
	tcase_add_test(cases,
	               what_need_not_be_there_is_called_optional_and_stands_behind_what_must);
	tcase_add_test(cases, csv_can_be_read_back_with_its_columns_in_place);
	tcase_add_test(cases, what_is_unknown_is_an_empty_field);
	tcase_add_test(cases, json_holds_the_summary_and_the_matrix);
	tcase_add_test(cases, beside_a_verdict_stand_trials_interval_and_pass_hat);
	tcase_add_test(cases, a_matrix_without_cells_is_no_crash);
}

int main(void)
{
	return unit_main("report_tables", add);
}
