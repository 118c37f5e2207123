/* Status, refusals told from errors, and replies that are not complete. */
#include "tests/unit/cases/judging.h"

static void answer_error(int status, const char *message, const char *code, const char *param)
{
	struct text body =
	    text_format(&judging.arena,
	                "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\","
	                "\"param\":%s%s%s,\"code\":%s%s%s}}",
	                message, param == NULL ? "" : "\"", param == NULL ? "null" : param,
	                param == NULL ? "" : "\"", code == NULL ? "" : "\"",
	                code == NULL ? "null" : code, code == NULL ? "" : "\"");

	judging_answered(status, "application/json", body.data);
}

static void vouches(const char *feature)
{
	judging.features.items = ARENA_NEW(&judging.arena, struct text);
	judging.features.items[0] = text_of(feature);
	judging.features.count = 1;
}

#define PLAIN "{\"content\":{\"empty\":false}}"

START_TEST(a_wrong_status_is_one_finding)
{
	answer_error(400, "something broke", NULL, NULL);
	assert_finds(
	    "{\"content\":{\"contains\":[\"a\",\"b\"]},\"choices\":1,\"wire\":[\"CH-01\"]}",
	    FINDING_VIOLATION, "status is 400, want 200: \"something broke\"");
	judging_content("hello");
	assert_finds("{\"status\":[400,404]}", FINDING_VIOLATION, "status is 200, want 400 or 404");
	assert_finds("{\"status\":\"4xx\"}", FINDING_VIOLATION, "want 4xx");
}
END_TEST

START_TEST(ranges_and_lists_of_statuses_hold)
{
	answer_error(422, "no", NULL, NULL);
	assert_holds("{\"status\":\"4xx\"}");
	assert_holds("{\"status\":[400,422]}");
	assert_holds("{\"status\":422}");
	assert_finds("{\"status\":[400,\"2xx\"]}", FINDING_VIOLATION, "want 400 or 2xx");
	answer_error(499, "no", NULL, NULL);
	assert_holds("{\"status\":\"4xx\"}");
	answer_error(500, "no", NULL, NULL);
	assert_finds("{\"status\":\"4xx\"}", FINDING_VIOLATION, "status is 500");
}
END_TEST

START_TEST(an_error_that_names_a_vouched_feature_is_a_refusal)
{
	vouches("tool_choice.required");
	answer_error(400, "tool_choice is not supported by this model", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "status 400 refuses tool_choice.required");
	answer_error(400, "Unsupported tool choice", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses tool_choice.required");
	answer_error(422, "bad value", NULL, "tool_choice.function");
	assert_finds(PLAIN, FINDING_REFUSED, "refuses tool_choice.required");
	answer_error(404, "No endpoints found that support the provided 'tool_choice' value.", NULL,
	             NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses");
	answer_error(400, "field required", NULL, NULL);
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 400");
}
END_TEST

START_TEST(an_error_that_names_a_field_of_the_request_is_a_refusal)
{
	judging_asked("{\"model\":\"m\",\"messages\":[],\"seed\":1,\"n\":2}");
	answer_error(400, "Unknown parameter: `seed`.", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses seed");
	answer_error(400, "n must be 1", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses n");
	answer_error(400, "invalid role", NULL, "messages.0.role");
	assert_finds(PLAIN, FINDING_REFUSED, "refuses messages");
	answer_error(400, "body.messages[0].role is unknown", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses messages");
}
END_TEST

START_TEST(everyday_words_in_an_error_name_nothing)
{
	judging_asked("{\"model\":\"m\",\"messages\":[],\"user\":\"u\",\"n\":2}");
	answer_error(400, "The messages you sent can not be understood by any user.", NULL, NULL);
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 400");
	answer_error(400, "the model is unable to do this", NULL, "model");
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 400");
	answer_error(400, "N/A: nothing\\\\n to see, never n2", NULL, NULL);
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 400");
	answer_error(400, "seeds and nodes", NULL, NULL);
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 400");
}
END_TEST

START_TEST(keys_quotas_and_unknown_models_are_no_refusals)
{
	static const int statuses[] = {401, 402, 403, 408, 409, 425, 429, 500, 501, 503};

	vouches("tools");
	for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
		answer_error(statuses[i], "tools are not supported", NULL, NULL);
		assert_finds(PLAIN, FINDING_VIOLATION, "want 200");
	}
	answer_error(404, "no tools: model gone", "model_not_found", NULL);
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 404");
	answer_error(404, "no tools: nothing there", NULL, "model");
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 404");
}
END_TEST

START_TEST(synonyms_of_features_are_understood)
{
	vouches("tools");
	answer_error(400, "registry.example/model does not support function calling", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses tools");
	vouches("functions");
	answer_error(400, "\\\"auto\\\" tool choice requires a tool-call parser", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses functions");
	vouches("response_format.json_schema");
	answer_error(400, "Structured outputs are not available", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses response_format.json_schema");
	answer_error(400, "json_schema is not one of [text, json_object]", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses response_format.json_schema");
	vouches("stream");
	answer_error(400, "Streaming is not possible here", NULL, NULL);
	assert_finds(PLAIN, FINDING_REFUSED, "refuses stream");
}
END_TEST

START_TEST(an_error_in_no_known_shape_is_searched_as_it_stands)
{
	vouches("tools");
	judging_answered(422, "application/json", "{\"oops\":[{\"loc\":[\"body\",\"tools\"]}]}");
	assert_finds(PLAIN, FINDING_REFUSED, "refuses tools");
	judging_answered(400, "text/html", "<html>Bad Request</html>");
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 400");
	/* Of one that is an error only what it says counts. */
	answer_error(400, "no", "tools", NULL);
	assert_finds(PLAIN, FINDING_VIOLATION, "status is 400");
}
END_TEST

START_TEST(where_an_error_is_due_none_is_a_refusal)
{
	vouches("tools");
	answer_error(422, "tools are wrong", NULL, NULL);
	assert_finds("{\"status\":400}", FINDING_VIOLATION, "status is 422, want 400");
}
END_TEST

START_TEST(no_answer_at_all_is_told)
{
	judging_answered(0, "", "");
	judging.exchange.end = EXCHANGE_CONNECT_TIMEOUT;
	assert_finds(PLAIN, FINDING_VIOLATION, "no answer came: connect_timeout");
	judging.seen.reply = NULL;
	assert_finds(PLAIN, FINDING_VIOLATION, "no answer came: connect_timeout");
}
END_TEST

/* --- completeness --- */

#define CHUNK(delta, finish)                                                                       \
	"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","  \
	"\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define HELLO CHUNK("{\"role\":\"assistant\",\"content\":\"hello\"}", "null")

START_TEST(a_whole_stream_is_complete)
{
	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream",
	                 HELLO CHUNK("{}", "\"stop\"") "data: [DONE]\n\n");
	assert_holds("{\"content\":{\"equals\":\"hello\"},\"finish_reason\":\"stop\"}");
}
END_TEST

START_TEST(a_stream_without_its_end_is_one_violation)
{
	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream", HELLO);
	assert_finds("{\"content\":{\"equals\":\"bye\"},\"finish_reason\":\"stop\",\"choices\":2}",
	             FINDING_VIOLATION, "the reply is not complete: choice 0 has no finish_reason");
}
END_TEST

START_TEST(what_came_without_an_end_is_judged_by_the_rules_of_the_wire_alone)
{
	struct reply_context context = {.dialect = &dialect_openai, .status = 200, .cut = true};

	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream", HELLO);
	assert_holds("{\"wire\":[\"ST-01\",\"ST-03\"]}");
	assert_finds("{\"wire\":[\"ST-06\"]}", FINDING_VIOLATION, "ST-06 is broken");
	static const char *const more[] = {"\"content\":{\"contains\":\"hello\"}",
	                                   "\"finish_reason\":\"stop\"",
	                                   "\"grade\":{\"contains\":\"hello\"}",
	                                   "\"speed\":{\"tokens\":2,\"per_second\":1}",
	                                   "\"same_model\":true",
	                                   "\"identity\":\"record\""};
	for (size_t i = 0; i < ARRAY_LENGTH(more); i++)
		assert_finds(text_format(&judging.arena, "{\"wire\":[\"ST-01\"],%s}", more[i]).data,
		             FINDING_VIOLATION, "the reply is not complete");
	/* A broken connection is another matter: more may have been on its way. */
	judging.exchange.end = EXCHANGE_CUT;
	judging.seen.reply = reply_read(&context, text_of(HELLO), &judging.arena);
	assert_finds("{\"wire\":[\"ST-01\"]}", FINDING_VIOLATION, "the reply is not complete");
}
END_TEST

START_TEST(a_cut_stream_says_how_it_ended)
{
	struct reply_context context = {.dialect = &dialect_openai, .status = 200, .cut = true};

	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream", HELLO);
	judging.exchange.end = EXCHANGE_CUT;
	judging.seen.reply = reply_read(&context, text_of(HELLO), &judging.arena);
	assert_finds("{\"content\":{\"equals\":\"bye\"}}", FINDING_VIOLATION,
	             "the reply is not complete: it ended by cut");
}
END_TEST

START_TEST(an_incomplete_reply_is_judged_by_the_rule_the_case_is_about)
{
	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream", HELLO);
	assert_finds("{\"wire\":[\"ST-06\"],\"content\":{\"equals\":\"bye\"}}", FINDING_VIOLATION,
	             "ST-06 is broken");
}
END_TEST

START_TEST(an_error_in_a_stream_that_began_well_is_no_success)
{
	judging_asked("{\"stream\":true}");
	judging_answered(200, "text/event-stream",
	                 HELLO "data: {\"error\":{\"message\":\"upstream died\",\"type\":\"e\","
	                       "\"param\":null,\"code\":null}}\n\n");
	assert_finds("{\"content\":{\"contains\":\"hello\"}}", FINDING_VIOLATION,
	             "the reply is not complete: it holds an error: \"upstream died\"");
	assert_finds("{\"wire\":[\"ST-01\"]}", FINDING_VIOLATION, "the reply is not complete");
}
END_TEST

START_TEST(a_page_of_html_with_200_is_no_reply)
{
	judging_answered(200, "text/html", "<html>Welcome</html>");
	assert_finds(PLAIN, FINDING_VIOLATION, "its body is not one JSON value");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, a_wrong_status_is_one_finding);
	tcase_add_test(cases, ranges_and_lists_of_statuses_hold);
	tcase_add_test(cases, an_error_that_names_a_vouched_feature_is_a_refusal);
	tcase_add_test(cases, an_error_that_names_a_field_of_the_request_is_a_refusal);
	tcase_add_test(cases, everyday_words_in_an_error_name_nothing);
	tcase_add_test(cases, keys_quotas_and_unknown_models_are_no_refusals);
	tcase_add_test(cases, synonyms_of_features_are_understood);
	tcase_add_test(cases, an_error_in_no_known_shape_is_searched_as_it_stands);
	tcase_add_test(cases, where_an_error_is_due_none_is_a_refusal);
	tcase_add_test(cases, no_answer_at_all_is_told);
	tcase_add_test(cases, a_whole_stream_is_complete);
	tcase_add_test(cases, a_stream_without_its_end_is_one_violation);
	tcase_add_test(cases, what_came_without_an_end_is_judged_by_the_rules_of_the_wire_alone);
	tcase_add_test(cases, a_cut_stream_says_how_it_ended);
	tcase_add_test(cases, an_incomplete_reply_is_judged_by_the_rule_the_case_is_about);
	tcase_add_test(cases, an_error_in_a_stream_that_began_well_is_no_success);
	tcase_add_test(cases, a_page_of_html_with_200_is_no_reply);
}

int main(void)
{
	return unit_main("expect_status", add);
}
