/* The HTML page: what it shows, and that nothing in it comes alive. */
#include "tests/unit/reports/sample.h"

#include "cases/suite.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "providers/wire/recording.h"
#include "reports/html.h"

#include <unistd.h>

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

/* Records one exchange in a folder of its own; the folder. */
static const char *record(const struct exchange *exchange)
{
	char path[] = "/tmp/proviso-html-XXXXXX";
	const struct recording_label label = {.target = TEXT("lab/qwen"), .case_id = TEXT("CH-02")};
	struct recording *recording;
	struct fault fault;
	struct text id;

	ck_assert_ptr_nonnull(mkdtemp(path));
	const char *folder = text_c(&arena, text_of(path));
	ck_assert(recording_open(folder, &recording, &fault));
	ck_assert(recording_add(recording, &label, exchange, &arena, &id, &fault));
	recording_close(recording);
	assert_text(id, "000001:0");
	return folder;
}

static void forget(const char *folder)
{
	ck_assert_int_eq(unlink(file_join(&arena, folder, "000001.rec")), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static struct exchange hostile_exchange(void)
{
	static struct http_header headers[] = {
	    {.name = TEXT_INIT("content-type"), .value = TEXT_INIT("text/html<b>")}};

	return (struct exchange){
	    .method = TEXT("POST"),
	    .url = TEXT("http://127.0.0.1:9/v1/chat/completions"),
	    .request_headers = headers,
	    .request_header_count = 1,
	    .request_body = TEXT("{\"it's\":1}"),
	    .status = 200,
	    .headers = headers,
	    .header_count = 1,
	    .body = TEXT("line\n" SAMPLE_HOSTILE),
	    .end = EXCHANGE_COMPLETE,
	    .head_us = 1000,
	    .end_us = 2000,
	};
}

/* Outside of tags there is no quote, and tags are ours: none has an attribute that runs a script.
 */
static void assert_dead(void)
{
	assert_clean(&out, "\n\t");
	assert_lacks(&out, "<script");
	assert_lacks(&out, "<b>\"");
	assert_lacks(&out, "onload='");
	assert_lacks(&out, "src=");
	assert_lacks(&out, "style=");
	assert_lacks(&out, "http-equiv=refresh");
	ck_assert_uint_eq(sample_count(&out, "<a href=\"#"), sample_count(&out, "<a "));
}

START_TEST(every_verdict_is_a_word)
{
	struct matrix matrix = sample_matrix();

	report_html(&matrix, NULL, &out);
	assert_holds(&out, "<td class=fail><a href=\"#g0\">FAIL 1/6</a>");
	assert_holds(&out, "<td class=mute>not asked");
	assert_holds(&out, "<span class=\"v flaky\">FLAKY</span> <b>CH-02~stream</b> "
	                   "<span class=mute>required, 0 of 3 ok (0 to 56 %)</span>");
	assert_holds(&out, "<p class=why>no context is known</p>");
	assert_holds(&out, "<dt>cost<dd>unknown");
	assert_holds(&out, "<dt>latency p50, p90<dd>1250 ms, 2000 ms");
	assert_dead();
}
END_TEST

START_TEST(the_worst_comes_first)
{
	struct matrix matrix = sample_matrix();
	static const char *const order[] = {
	    "<b>lab/qwen</b>", "<b>CH-02</b>",        "<b>CH-04</b>",
	    "<b>CH-05</b>",    "<b>CH-02~stream</b>", "<b>CH-03</b>",
	    "<b>CH-01</b>",    "<b>other/m:1</b>",    "<b>TC-10</b>"};
	size_t at = 0;

	report_html(&matrix, NULL, &out);
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		at = text_find(text_buf_view(&out), text_of(order[i]), at);
		ck_assert_msg(at != TEXT_NOT_FOUND, "%s is not in its place", order[i]);
	}
}
END_TEST

START_TEST(sums_leave_out_what_is_unknown_and_say_so)
{
	struct matrix matrix = sample_matrix();

	report_html(&matrix, NULL, &out);
	assert_holds(&out, "<th scope=row>lab/qwen</th><td class=n>60<td class=n>12<td class=n>"
	                   "0.0000075<td class=n>unknown<td class=n>1</tr>");
	assert_holds(&out, "<th scope=row>other/m:1</th><td class=n>20<td class=n>4<td class=n>"
	                   "0.000003<td class=n>0.000003<td class=n>0</tr>");
	assert_holds(&out, "<th scope=row>lab/qwen</th><td class=n>unknown</td><td class=n>"
	                   "unknown</td><td class=n>1250 ms</td>");
}
END_TEST

START_TEST(a_title_is_shown_where_the_case_is_still_the_same)
{
	struct fault_list faults = {0};
	struct matrix matrix = sample_matrix();
	struct suite suite;

	ck_assert(suite_load(&suite, true, &(struct text_list){0}, &faults));
	const struct eval_case *known = suite_find(&suite, TEXT("CH-01"));
	struct report_context evidence = {.suite = &suite};
	matrix.cells[0].case_hash = text_of(known->hash);
	report_html(&matrix, &evidence, &out);
	ck_assert_uint_eq(sample_count(&out, text_c(&arena, known->title)), 1);
	suite_done(&suite);
}
END_TEST

START_TEST(nothing_but_its_own_style_is_let_in)
{
	struct matrix matrix = sample_matrix();

	report_html(&matrix, NULL, &out);
	assert_holds(&out, "content=\"default-src 'none'; style-src 'sha256-");
	assert_holds(&out, "='; base-uri 'none'; form-action 'none'\">");
}
END_TEST

START_TEST(evidence_is_shown_once_and_linked_from_the_others)
{
	struct matrix matrix = sample_matrix();
	struct exchange exchange = hostile_exchange();
	struct report_context evidence = {.folder = record(&exchange), .run_id = sample_runs[0]};

	report_html(&matrix, &evidence, &out);
	forget(evidence.folder);
	ck_assert_uint_eq(sample_count(&out, "<h3>Response</h3>"), 1);
	ck_assert_uint_eq(sample_count(&out, "<div id=e0>"), 1);
	ck_assert_uint_eq(sample_count(&out, "<a href=\"#e0\">"), 7);
	assert_holds(&out, "content-type: text/html&lt;b&gt;");
	assert_holds(&out, "<pre>line\n&lt;script&gt;");
	assert_holds(&out, "\\x1b[31mred\\x07 \\u202ertl \\xff\\xfe");
	assert_holds(&out, "--data-raw &#39;{&quot;it&#39;\\&#39;&#39;s&quot;:1}&#39;");
	assert_dead();
}
END_TEST

START_TEST(long_answers_are_cut_on_a_character)
{
	struct matrix matrix = sample_matrix();
	struct exchange exchange = hostile_exchange();
	char *body = ARENA_NEW_ARRAY(&arena, char, 2 * HTML_EXCERPT_BYTES + 1);

	for (size_t i = 0; i < 2 * HTML_EXCERPT_BYTES + 1; i++)
		body[i] = i == 0 ? 'x' : i % 2 == 1 ? '\xc3' : '\xa9';
	exchange.body = (struct text){body, 2 * HTML_EXCERPT_BYTES + 1};
	struct report_context evidence = {.folder = record(&exchange), .run_id = sample_runs[0]};
	report_html(&matrix, &evidence, &out);
	forget(evidence.folder);
	assert_holds(&out, "<p class=mute>19999 of 40001 bytes;");
	assert_lacks(&out, "\\xc3");
}
END_TEST

START_TEST(evidence_that_is_gone_or_of_another_run_is_said)
{
	struct matrix matrix = sample_matrix();
	struct report_context evidence = {.folder = "/nonexistent<b>", .run_id = sample_runs[0]};

	report_html(&matrix, &evidence, &out);
	assert_holds(&out, "The evidence can&#39;t be read: ");
	assert_lacks(&out, "nonexistent<b>");
	text_buf_reset(&out);
	evidence.run_id = TEXT("another");
	report_html(&matrix, &evidence, &out);
	assert_holds(&out, "Its bytes are in another run");
}
END_TEST

START_TEST(all_bytes_and_their_pairs_are_dead_text)
{
	static const char bytes[] = "<>&\"'\0\x01\x1b\x7f\x80\xff \n\r\ta";

	for (size_t i = 0; i + 1 < sizeof(bytes); i++)
		for (size_t j = 0; j + 1 < sizeof(bytes); j++) {
			const char pair[] = {bytes[i], bytes[j]};
			text_buf_reset(&out);
			html_add_text(&out, (struct text){pair, 2});
			assert_clean(&out, "");
			ck_assert(!sample_holds(&out, "<") && !sample_holds(&out, ">") &&
			          !sample_holds(&out, "\"") && !sample_holds(&out, "'"));
		}
	text_buf_reset(&out);
	html_add_block(&out, TEXT("a\tb\n<\r\n"));
	assert_text(text_buf_view(&out), "a\tb\n&lt;\\r\n");
}
END_TEST

/* The corpus lies beside the repository where it is at all. */
START_TEST(naughty_strings_are_dead_text)
{
	const char *path = "../shared/corpora/naughty-strings/blns.json";
	struct source *source;
	struct json *list;
	struct fault fault;
	size_t count = 0;

	if (!file_exists(path)) {
		(void)fprintf(stderr, "# %s is not there: own strings only\n", path);
		return;
	}
	ck_assert(file_read(path, 1 << 20, &arena, &source, &fault));
	ck_assert(json_read(source, NULL, &arena, &list, &fault));
	for (const struct json *item = list->first; item != NULL; item = item->next) {
		text_buf_reset(&out);
		html_add_text(&out, item->text);
		assert_clean(&out, "");
		ck_assert(!sample_holds(&out, "<") && !sample_holds(&out, "\"") &&
		          !sample_holds(&out, "'"));
		count++;
	}
	ck_assert_uint_gt(count, 400);
}
END_TEST

START_TEST(a_matrix_without_cells_is_a_page_that_says_so)
{
	struct matrix matrix = {.suite_hash = TEXT("0123456789ab")};

	report_html(&matrix, NULL, &out);
	assert_holds(&out, "<p>There are none.</p>");
	ck_assert(text_ends(text_buf_view(&out), TEXT("</body></html>\n")));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, every_verdict_is_a_word);
	tcase_add_test(cases, the_worst_comes_first);
	tcase_add_test(cases, sums_leave_out_what_is_unknown_and_say_so);
	tcase_add_test(cases, a_title_is_shown_where_the_case_is_still_the_same);
	tcase_add_test(cases, nothing_but_its_own_style_is_let_in);
	tcase_add_test(cases, evidence_is_shown_once_and_linked_from_the_others);
	tcase_add_test(cases, long_answers_are_cut_on_a_character);
	tcase_add_test(cases, evidence_that_is_gone_or_of_another_run_is_said);
	tcase_add_test(cases, all_bytes_and_their_pairs_are_dead_text);
	tcase_add_test(cases, naughty_strings_are_dead_text);
	tcase_add_test(cases, a_matrix_without_cells_is_a_page_that_says_so);
}

int main(void)
{
	return unit_main("report_html", add);
}
