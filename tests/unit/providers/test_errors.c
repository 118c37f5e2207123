/* Every error shape that providers send, as a body and within a stream. */
#include "tests/unit/providers/reply_unit.h"

static const struct {
	const char *body;
	const char *message, *type, *code, *param; /* NULL: absent */
	bool openai;                               /* keeps ER-05 */
} shapes[] = {
    {"{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":null,\"code\":\"c\"}}", "m", "t", "c",
     NULL, true},
    {"{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":null}}", "m", "t", NULL,
     "p", true},
    {"{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":null,\"code\":400}}", "m", "t", "400",
     NULL, false},
    {"{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}", "m", "t", "c", "p",
     false},
    {"{\"object\":\"error\",\"message\":\"m\",\"type\":\"t\",\"param\":null,\"code\":3280}", "m",
     "t", "3280", NULL, false},
    {"{\"detail\":[{\"loc\":[\"body\",\"n\"],\"msg\":\"m\",\"type\":\"t\"}]}", "m", "t", NULL,
     "[\"body\",\"n\"]", false},
    {"{\"detail\":\"m\"}", "m", NULL, NULL, NULL, false},
    {"{\"code\":\"c\",\"error\":\"m\"}", "m", NULL, "c", NULL, false},
    {"{\"error\":\"m\"}", "m", NULL, NULL, NULL, false},
    {"{\"message\":\"m\"}", "m", NULL, NULL, NULL, false},
    {"[{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\"}}]", "m", NULL,
     "400", NULL, false},
    {"{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"S\",\"details\":[{}]}}", "m", NULL,
     "429", NULL, false},
    {"{\"type\":\"error\",\"error\":{\"type\":\"t\",\"message\":\"m\"},\"request_id\":\"r\"}", "m",
     "t", NULL, NULL, false},
    {"{\"fault\":{\"faultstring\":\"m\",\"detail\":{\"errorcode\":\"c\"}}}", "m", NULL, "c", NULL,
     false},
    {"{\"success\":false,\"errors\":[{\"code\":7000,\"message\":\"m\"}],\"result\":{}}", "m", NULL,
     "7000", NULL, false},
};

static void assert_maybe(struct text actual, const char *expected)
{
	if (expected == NULL)
		ck_assert_msg(actual.data == NULL, "got \"%.*s\"", TEXT_ARG(actual));
	else
		assert_text(actual, expected);
}

static void assert_error(const struct chat_reply *reply, size_t at)
{
	ck_assert_msg(reply->error_count == 1, "%s: %zu errors", shapes[at].body,
	              reply->error_count);
	assert_maybe(reply->errors[0].message, shapes[at].message);
	assert_maybe(reply->errors[0].type, shapes[at].type);
	assert_maybe(reply->errors[0].code, shapes[at].code);
	assert_maybe(reply->errors[0].param, shapes[at].param);
	ck_assert(!reply->complete);
	ck_assert(reply->saw[WIRE_ER_05]);
	ck_assert_msg(reply->broken[WIRE_ER_05] != shapes[at].openai, "%s", shapes[at].body);
}

START_TEST(every_shape_is_read_from_a_body)
{
	for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++)
		assert_error(read_answer(ENDPOINT_CHAT, "{}", shapes[i].body), i);
}
END_TEST

START_TEST(every_shape_is_read_within_a_stream)
{
	for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
		char stream[2048];
		(void)snprintf(stream, sizeof(stream), "%sdata: %s\n\n", ROLE SAY("x"),
		               shapes[i].body);
		const struct chat_reply *reply =
		    read_answer(ENDPOINT_CHAT, "{\"stream\":true}", stream);
		assert_error(reply, i);
		assert_text(reply->choices[0].content, "x");
		ck_assert(reply->saw[WIRE_ER_20]);
		ck_assert(!reply->broken[WIRE_ER_20]);
		(void)snprintf(stream, sizeof(stream), "data: %s\n\n%s", shapes[i].body, DONE);
		assert_error(read_answer(ENDPOINT_CHAT, "{\"stream\":true}", stream), i);
	}
}
END_TEST

START_TEST(a_number_as_code_stays_a_number)
{
	const struct chat_reply *reply = read_text("{\"error\":{\"message\":\"m\",\"code\":429}}");

	ck_assert(reply->errors[0].code_is_number);
	ck_assert_uint_ne(text_find(written_reply(reply), TEXT("\"code\":429,"), 0),
	                  TEXT_NOT_FOUND);
	reply = read_text("{\"error\":{\"message\":\"m\",\"code\":\"429\"}}");
	ck_assert_uint_ne(text_find(written_reply(reply), TEXT("\"code\":\"429\","), 0),
	                  TEXT_NOT_FOUND);
}
END_TEST

START_TEST(googles_word_is_kept_beside_its_number)
{
	assert_text(read_text(shapes[10].body)->errors[0].status, "INVALID_ARGUMENT");
}
END_TEST

START_TEST(an_error_beside_choices_keeps_both)
{
	const struct chat_reply *reply = read_text(ROLE SAY(
	    "x") "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,"
	         "\"model\":\"m\",\"provider\":\"P\",\"error\":{\"code\":502,\"message\":\"m\"},"
	         "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":"
	         "\"error\"}]}\n\n");

	ck_assert_uint_eq(reply->error_count, 1);
	assert_text(reply->choices[0].finish_reason, "error");
	assert_text(reply->served_by, "P");
	ck_assert(!reply->complete);
}
END_TEST

START_TEST(a_finish_reason_error_alone_is_an_error)
{
	const struct chat_reply *reply = read_text(ROLE SAY("x") FINISH("error") DONE);

	ck_assert_uint_eq(reply->error_count, 1);
	assert_violates(reply, "ER-20", WIRE_DEVIATES, "no error says which");
}
END_TEST

START_TEST(an_event_named_error_is_one_whatever_it_holds)
{
	const struct chat_reply *reply = read_text(ROLE "event: error\ndata: overloaded\n\n");

	assert_text(reply->errors[0].message, "overloaded");
	reply = read_text(ROLE "event: error\ndata: {\"message\":\"m\"}\n\n");
	assert_text(reply->errors[0].message, "m");
	ck_assert(!reply->broken[WIRE_ST_01]);
	ck_assert_uint_eq(read_text(ROLE "event: error\ndata:\n\n")->error_count, 1);
}
END_TEST

START_TEST(html_and_nothing_with_an_error_status_are_errors)
{
	struct reply_context context = {.dialect = &dialect_openai, .status = 502};
	const struct chat_reply *reply = read_in(&context, TEXT("<html>Bad Gateway</html>"));

	ck_assert_uint_eq(reply->error_count, 1);
	assert_text(reply->errors[0].raw, "<html>Bad Gateway</html>");
	ck_assert_ptr_null(reply->errors[0].message.data);
	ck_assert_uint_eq(read_in(&context, TEXT(""))->error_count, 1);
	context.status = 200;
	ck_assert_uint_eq(read_in(&context, TEXT("<html>hello</html>"))->error_count, 1);
}
END_TEST

static bool is_spent(const char *body)
{
	return chat_reply_quota_is_spent(read_text(body));
}

/* Each where it was seen: as code, as type, in Anthropic's details. */
START_TEST(a_limit_that_no_waiting_ends_is_told_from_a_rate)
{
	static const char *const spent[] = {
	    "insufficient_quota",
	    "credit_balance_exhausted",
	    "billing_hard_limit_reached",
	    "organization_usage_limit_exceeded",
	    "organization_spend_limit_exceeded",
	    "project_spend_limit_exceeded",
	};
	char body[256];

	for (size_t i = 0; i < ARRAY_LENGTH(spent); i++) {
		(void)snprintf(body, sizeof(body),
		               "{\"error\":{\"message\":\"m\",\"code\":\"%s\"}}", spent[i]);
		ck_assert_msg(is_spent(body), "%s", body);
	}
	ck_assert(is_spent("{\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\"}}"));
	ck_assert(is_spent(
	    "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\","
	    "\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}"));
	ck_assert(!is_spent("{\"error\":{\"message\":\"m\",\"type\":\"rate_limit_error\"}}"));
}
END_TEST

START_TEST(an_answer_is_no_error)
{
	ck_assert_uint_eq(
	    read_text("{\"error\":null,\"message\":\"x\",\"choices\":[]}")->error_count, 0);
	ck_assert_uint_eq(read_text("{\"detail\":{}}")->error_count, 1);
	ck_assert_uint_eq(read_text("{\"hello\":1}")->error_count, 0);
}
END_TEST

START_TEST(errors_beyond_the_cap_are_not_kept)
{
	struct text_buf stream;

	text_buf_init(&stream, 1 << 20);
	for (int i = 0; i < 50; i++)
		text_buf_add_c(&stream, "data: {\"error\":{\"message\":\"m\"}}\n\n");
	struct reply_context context = {0};
	ck_assert_uint_eq(read_pieces(&context, text_buf_view(&stream), 100)->error_count,
	                  CHAT_MAX_ERRORS);
	text_buf_done(&stream);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, every_shape_is_read_from_a_body);
	tcase_add_test(cases, every_shape_is_read_within_a_stream);
	tcase_add_test(cases, a_number_as_code_stays_a_number);
	tcase_add_test(cases, googles_word_is_kept_beside_its_number);
	tcase_add_test(cases, an_error_beside_choices_keeps_both);
	tcase_add_test(cases, a_finish_reason_error_alone_is_an_error);
	tcase_add_test(cases, an_event_named_error_is_one_whatever_it_holds);
	tcase_add_test(cases, html_and_nothing_with_an_error_status_are_errors);
	tcase_add_test(cases, a_limit_that_no_waiting_ends_is_told_from_a_rate);
	tcase_add_test(cases, an_answer_is_no_error);
	tcase_add_test(cases, errors_beyond_the_cap_are_not_kept);
}

int main(void)
{
	return unit_main("errors", add);
}
