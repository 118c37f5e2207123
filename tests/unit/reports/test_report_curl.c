/* The curl command: what a shell makes of it is the request, and nothing else. */
#include "providers/provider.h"
#include "tests/unit/reports/sample.h"

static struct text_buf out;
static struct matrix_cell cell;

static void set_up(void)
{
	text_buf_init(&out, REPORT_MAX_BYTES);
	cell = sample_cell("CH-01", CASE_GATE, VERDICT_PASS, NULL);
	cell.provider = TEXT("vllm-lab.2");
}

static void tear_down(void)
{
	text_buf_done(&out);
}

static struct exchange asking(struct text body)
{
	static struct http_header headers[] = {
	    {.name = TEXT_INIT("Content-Type"), .value = TEXT_INIT("application/json")},
	    {.name = TEXT_INIT("Authorization"), .value = TEXT_INIT("Bearer sk-secret")},
	    {.name = TEXT_INIT("@/etc/passwd"), .value = TEXT_INIT("x")},
	    {.name = TEXT_INIT("X-Two"), .value = TEXT_INIT("a\n b")},
	    {.name = TEXT_INIT("X-Quote"), .value = TEXT_INIT("it's")},
	};

	return (struct exchange){.method = TEXT("POST"),
	                         .url = TEXT("http://127.0.0.1:9/v1/x?a=[1]"),
	                         .request_headers = headers,
	                         .request_header_count = ARRAY_LENGTH(headers),
	                         .request_body = body};
}

START_TEST(the_key_is_a_variable_and_a_quote_stays_in_its_string)
{
	struct exchange exchange = asking(TEXT("{\"a\":\"it's\\n\"}"));

	report_curl(&exchange, &cell, NULL, 1000, &out);
	assert_text(text_buf_view(&out),
	            "curl -sSgN -X 'POST' --url 'http://127.0.0.1:9/v1/x?a=[1]' \\\n"
	            "  -H 'Content-Type: application/json' \\\n"
	            "  -H 'X-Quote: it'\\''s' \\\n"
	            "  -H \"Authorization: Bearer $VLLM_LAB_2_API_KEY\" \\\n"
	            "  --data-raw '{\"a\":\"it'\\''s\\n\"}'\n");
}
END_TEST

START_TEST(the_variable_is_the_one_that_the_config_names)
{
	struct exchange exchange = asking(TEXT("{}"));
	struct provider provider = {.name = cell.provider, .key_ref = TEXT("env:LAB_KEY")};
	const struct provider_set providers = {.items = &provider, .count = 1};

	report_curl(&exchange, &cell, &providers, 1000, &out);
	assert_holds(&out, "-H \"Authorization: Bearer $LAB_KEY\"");
	text_buf_reset(&out);
	provider.key_ref = TEXT("file:/run/key"); /* no variable */
	report_curl(&exchange, &cell, &providers, 1000, &out);
	assert_holds(&out, "$VLLM_LAB_2_API_KEY\"");
	text_buf_reset(&out);
	provider.key_ref = TEXT("env:A B`id`"); /* no name for a shell */
	report_curl(&exchange, &cell, &providers, 1000, &out);
	assert_holds(&out, "$VLLM_LAB_2_API_KEY\"");
	text_buf_reset(&out);
	provider.key_ref = (struct text){NULL, 0}; /* it wants none */
	report_curl(&exchange, &cell, &providers, 1000, &out);
	assert_lacks(&out, "Authorization");
}
END_TEST

START_TEST(the_header_of_the_key_is_the_one_that_the_config_names)
{
	struct exchange exchange = asking(TEXT("{}"));
	struct provider provider = {.name = cell.provider, .key_ref = TEXT("env:LAB_KEY")};
	const struct provider_set providers = {.items = &provider, .count = 1};

	provider.key_header = "X-Quote"; /* what was sent in it is not sent beside it */
	report_curl(&exchange, &cell, &providers, 1000, &out);
	assert_holds(&out, "-H \"X-Quote: $LAB_KEY\"");
	ck_assert_uint_eq(sample_count(&out, "X-Quote"), 1);
	assert_lacks(&out, "Bearer");
	text_buf_reset(&out);
	provider.key_header = "authorization";
	report_curl(&exchange, &cell, &providers, 1000, &out);
	assert_holds(&out, "-H \"authorization: Bearer $LAB_KEY\"");
	text_buf_reset(&out);
	provider.key_header = "x`id`"; /* a name for HTTP, a command for a shell */
	report_curl(&exchange, &cell, &providers, 1000, &out);
	assert_lacks(&out, "id`");
	assert_holds(&out, "-H \"Authorization: Bearer $LAB_KEY\"");
}
END_TEST

START_TEST(a_wrong_key_or_none_is_what_is_sent_again)
{
	struct exchange exchange = asking(TEXT("{}"));

	exchange.wrong_key = true;
	report_curl(&exchange, &cell, NULL, 1000, &out);
	assert_holds(&out, "-H 'Authorization: Bearer wrong-on-purpose'");
	assert_lacks(&out, "API_KEY");
	text_buf_reset(&out);
	exchange.wrong_key = false;
	exchange.no_key = true;
	report_curl(&exchange, &cell, NULL, 1000, &out);
	assert_lacks(&out, "Authorization");
}
END_TEST

START_TEST(bytes_that_no_shell_takes_come_through_printf)
{
	struct exchange exchange = asking(TEXT("{\"a\":\"%s\\ \xff\x01\xe2\x80\xae'\xc3\xa9\"}"));

	report_curl(&exchange, &cell, NULL, 1000, &out);
	assert_holds(&out,
	             "printf '{\"a\":\"\\045s\\134 \\377\\001\\342\\200\\256\\047\xc3\xa9\"}' | "
	             "curl ");
	assert_holds(&out, "--data-binary @-\n");
	assert_clean(&out, "\n");
}
END_TEST

START_TEST(other_dialects_carry_the_key_elsewhere)
{
	struct exchange exchange = asking(TEXT("{}"));

	cell.dialect = TEXT("anthropic");
	cell.provider = TEXT("3$(id)");
	report_curl(&exchange, &cell, NULL, 1000, &out);
	assert_holds(&out, "-H \"x-api-key: $_3__ID__API_KEY\"");
	assert_lacks(&out, "sk-secret");
}
END_TEST

START_TEST(a_body_over_the_limit_is_named)
{
	struct exchange exchange = asking(TEXT("{\"a\":1}"));

	report_curl(&exchange, &cell, NULL, 3, &out);
	assert_holds(&out, "--data-binary @request.body # 7 bytes\n");
}
END_TEST

START_TEST(an_address_that_is_not_printable_is_no_command)
{
	struct exchange exchange = asking(TEXT("{}"));

	exchange.url = TEXT("http://a/\x1b[2J");
	report_curl(&exchange, &cell, NULL, 1000, &out);
	ck_assert(text_starts(text_buf_view(&out), TEXT("# ")));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, the_key_is_a_variable_and_a_quote_stays_in_its_string);
	tcase_add_test(cases, the_header_of_the_key_is_the_one_that_the_config_names);
	tcase_add_test(cases, the_variable_is_the_one_that_the_config_names);
	tcase_add_test(cases, a_wrong_key_or_none_is_what_is_sent_again);
	tcase_add_test(cases, bytes_that_no_shell_takes_come_through_printf);
	tcase_add_test(cases, other_dialects_carry_the_key_elsewhere);
	tcase_add_test(cases, a_body_over_the_limit_is_named);
	tcase_add_test(cases, an_address_that_is_not_printable_is_no_command);
}

int main(void)
{
	return unit_main("report_curl", add);
}
