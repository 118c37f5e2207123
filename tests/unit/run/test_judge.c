/* From exchanges to outcomes, without a network: what counts, what does not, and why. */
#include "tests/unit/run/judge_rig.h"

START_TEST(an_answer_that_holds_is_ok_and_says_nothing)
{
	struct judgement judgement =
	    judge_one("CH-01", 200, EXCHANGE_COMPLETE, reply_saying("baf2ced3!"));

	ck_assert_int_eq(judgement.outcome, OUTCOME_OK);
	ck_assert_ptr_null(judgement.detail.data);
}
END_TEST

START_TEST(an_answer_that_does_not_hold_is_a_miss_with_its_reason)
{
	struct judgement judgement =
	    judge_one("CH-01", 200, EXCHANGE_COMPLETE, reply_saying("good \\u001b[31m day"));

	ck_assert_int_eq(judgement.outcome, OUTCOME_MISS);
	says(judgement.detail, "baf2ced3");
	/* What came from outside is made visible: no escape reaches a terminal. */
	ck_assert_uint_eq(text_find_byte(judgement.detail, '\x1b', 0), TEXT_NOT_FOUND);
}
END_TEST

START_TEST(infrastructure_is_not_the_model)
{
	static const struct {
		int status;
		enum exchange_end end;
		const char *says;
	} cases[] = {
	    {0, EXCHANGE_RESOLVE_FAILED, "the wire says"},
	    {0, EXCHANGE_CONNECT_FAILED, "connect"},
	    {0, EXCHANGE_TLS_FAILED, "tls"},
	    {0, EXCHANGE_FIRST_TIMEOUT, "timeout"},
	    {0, EXCHANGE_CUT, "cut"},
	    {429, EXCHANGE_COMPLETE, "429"},
	    {500, EXCHANGE_COMPLETE, "500: it fell over"},
	    {503, EXCHANGE_COMPLETE, "503"},
	    {408, EXCHANGE_COMPLETE, "408"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct judgement judgement =
		    judge_one("CH-01", cases[i].status, cases[i].end,
		              cases[i].status == 0 ? "" : error_saying("it fell over", "x"));
		ck_assert_int_eq(judgement.outcome, OUTCOME_INFRA);
		says(judgement.detail, cases[i].says);
	}
}
END_TEST

START_TEST(a_wrong_request_that_makes_the_server_fall_over_has_been_answered)
{
	const char *body = error_saying("oops", "x");

	ck_assert_int_eq(judge_one("ER-04", 400, EXCHANGE_COMPLETE, body).outcome, OUTCOME_OK);
	ck_assert_int_ne(judge_one("ER-04", 500, EXCHANGE_COMPLETE, body).outcome, OUTCOME_INFRA);
	ck_assert_int_ne(judge_one("ER-04", 500, EXCHANGE_COMPLETE, body).outcome, OUTCOME_OK);
	ck_assert_int_ne(judge_one("ER-04", 501, EXCHANGE_COMPLETE, body).outcome, OUTCOME_INFRA);
	/* A gateway's word, and an overload's, is no answer to it. */
	ck_assert_int_eq(judge_one("ER-04", 503, EXCHANGE_COMPLETE, body).outcome, OUTCOME_INFRA);
	ck_assert_int_eq(judge_one("ER-04", 429, EXCHANGE_COMPLETE, body).outcome, OUTCOME_INFRA);
	ck_assert_int_eq(judge_one("ER-04", 0, EXCHANGE_CUT, "").outcome, OUTCOME_INFRA);
}
END_TEST

START_TEST(refused_keys_and_spent_quotas_stop_a_provider_instead_of_painting_it_red)
{
	static const struct {
		int status;
		const char *code, *says;
	} stops[] = {{401, "invalid_api_key", "key"},
	             {402, "x", "payment"},
	             {403, "x", "key"},
	             {429, "insufficient_quota", "quota"}};

	for (size_t i = 0; i < ARRAY_LENGTH(stops); i++) {
		struct judgement judgement = judge_one("CH-01", stops[i].status, EXCHANGE_COMPLETE,
		                                       error_saying("no more", stops[i].code));
		ck_assert_int_eq(judgement.outcome, OUTCOME_UNRUN);
		says(judgement.detail, stops[i].says);
		says(judgement.detail, "no more");
	}
	ck_assert_int_eq(
	    judge_one("CH-01", 429, EXCHANGE_COMPLETE, error_saying("slow", "rate_limit")).outcome,
	    OUTCOME_INFRA);
	ck_assert_int_eq(judge_one("CH-01", 500, EXCHANGE_COMPLETE,
	                           error_saying("no more", "insufficient_quota"))
	                     .outcome,
	                 OUTCOME_INFRA);
}
END_TEST

START_TEST(an_endpoint_that_is_not_offered_is_neither_a_fault_nor_an_answer)
{
	static const struct {
		int status;
		const char *message;
		enum outcome outcome;
	} known[] = {
	    {404, "Not Found", OUTCOME_REFUSED},
	    {405, "Method Not Allowed", OUTCOME_REFUSED},
	    {501, "not implemented", OUTCOME_REFUSED},
	    {403, "You are not allowed to generate embeddings from this model", OUTCOME_REFUSED},
	    {400, "The model does not support Embeddings API", OUTCOME_REFUSED},
	    {400, "input is empty", OUTCOME_OK},
	    {400, "the model does not support this", OUTCOME_OK},
	    {403, "this key may not do that", OUTCOME_UNRUN},
	    {500, "out of memory", OUTCOME_VIOLATION},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		struct judged_step step = step_of(known[i].status, EXCHANGE_COMPLETE,
		                                  error_saying(known[i].message, "e"));
		ck_assert_int_eq(judged("EM-01", &step, 1).outcome, known[i].outcome);
		if (known[i].status == 404 || known[i].status == 405)
			ck_assert_int_eq(judged("CH-01", &step, 1).outcome, OUTCOME_VIOLATION);
	}
}
END_TEST

START_TEST(a_case_about_such_an_answer_is_judged_by_it)
{
	const char *body = error_saying("no", "x");

	ck_assert_int_eq(judge_one("ER-01", 401, EXCHANGE_COMPLETE, body).outcome, OUTCOME_OK);
	ck_assert_int_ne(judge_one("ER-01", 403, EXCHANGE_COMPLETE, body).outcome, OUTCOME_UNRUN);
	ck_assert_int_eq(judge_one("ER-19", 402, EXCHANGE_COMPLETE, body).outcome, OUTCOME_OK);
	ck_assert_int_eq(judge_one("ER-19", 401, EXCHANGE_COMPLETE, body).outcome, OUTCOME_UNRUN);
	/* One that waits for it; no answer at all is none that it waits for. */
	ck_assert_int_eq(judge_one("ER-20", 402, EXCHANGE_COMPLETE, body).outcome, OUTCOME_OK);
	ck_assert_int_eq(judge_one("ER-20", 429, EXCHANGE_COMPLETE, body).outcome, OUTCOME_OK);
	ck_assert_int_eq(judge_one("ER-20", 0, EXCHANGE_CONNECT_FAILED, "").outcome, OUTCOME_INFRA);
}
END_TEST

START_TEST(what_we_cancelled_says_nothing_about_them)
{
	ck_assert_int_eq(judge_one("CH-01", 200, EXCHANGE_CANCELLED, "{").outcome, OUTCOME_UNRUN);
}
END_TEST

START_TEST(a_reply_that_is_cut_half_way_is_judged_and_not_excused)
{
	enum outcome outcome = judge_one("CH-01", 200, EXCHANGE_CUT, "{\"id\":\"c1\",").outcome;

	ck_assert_int_ne(outcome, OUTCOME_OK);
	ck_assert_int_ne(outcome, OUTCOME_INFRA);
	/* Whole as it looks, more was announced. */
	ck_assert_int_ne(judge_one("CH-01", 200, EXCHANGE_CUT, reply_saying("baf2ced3")).outcome,
	                 OUTCOME_OK);
}
END_TEST

START_TEST(a_stream_that_is_cut_is_left_to_the_control_rule)
{
	struct judged_step step = step_of(200, EXCHANGE_CUT, "data: {\"id\":\"c1\"");
	const struct eval_case *asked = suite_find(&suite, TEXT("CH-01"));

	ck_assert_int_eq(judge_trial(asked, CASE_STREAM, &step, 1, &values, &arena).outcome,
	                 OUTCOME_INFRA);
	/* A refusal that is cut is one. */
	step = step_of(400, EXCHANGE_CUT, "{\"error\":{\"message\":\"no\"");
	ck_assert_int_eq(judge_trial(asked, CASE_STREAM, &step, 1, &values, &arena).outcome,
	                 OUTCOME_VIOLATION);
}
END_TEST

START_TEST(a_control_is_answered_or_not_whatever_the_answer_says)
{
	static const struct {
		int status;
		enum exchange_end end;
		enum outcome outcome;
	} known[] = {
	    {200, EXCHANGE_COMPLETE, OUTCOME_OK},
	    {500, EXCHANGE_COMPLETE, OUTCOME_INFRA},
	    {200, EXCHANGE_CUT, OUTCOME_VIOLATION},
	    {0, EXCHANGE_CONNECT_FAILED, OUTCOME_INFRA},
	    {404, EXCHANGE_COMPLETE, OUTCOME_VIOLATION},
	    {0, EXCHANGE_CANCELLED, OUTCOME_UNRUN},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		struct judged_step step = step_of(known[i].status, known[i].end, "{}");
		ck_assert_int_eq(judge_control(step.exchange, step.reply, &arena).outcome,
		                 known[i].outcome);
	}
}
END_TEST

START_TEST(a_step_that_can_not_be_asked_is_a_miss_that_names_what_was_lacking)
{
	struct judgement judgement =
	    judge_one("TR-01", 200, EXCHANGE_COMPLETE, reply_saying("no call at all"));

	ck_assert_int_eq(judgement.outcome, OUTCOME_MISS);
	says(judgement.detail, "step 2: ");
	says(judgement.detail, "steps.0.tool_calls.0.id");
	/* What was wrong before is what is told. */
	judgement = judge_one("TR-01", 404, EXCHANGE_COMPLETE, error_saying("no", "x"));
	ck_assert_int_eq(judgement.outcome, OUTCOME_VIOLATION);
	says(judgement.detail, "step 1: ");
}
END_TEST

START_TEST(the_gravest_of_all_steps_decides_and_says_which)
{
	static const char call[] =
	    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":"
	    "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{"
	    "\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
	    "}\"}"
	    "}]},\"finish_reason\":\"tool_calls\"}]}";
	struct judged_step steps[2] = {step_of(200, EXCHANGE_COMPLETE, call)};

	/* So far nothing is wrong, and there is more to be asked. */
	ck_assert_int_eq(judged("TR-01", steps, 1).outcome, OUTCOME_OK);
	steps[1] = step_of(200, EXCHANGE_COMPLETE, reply_saying("done"));
	ck_assert_int_eq(judged("TR-01", steps, 2).outcome, OUTCOME_OK);
	steps[1] = step_of(200, EXCHANGE_COMPLETE, reply_saying("what?"));
	struct judgement judgement = judged("TR-01", steps, 2);
	ck_assert_int_eq(judgement.outcome, OUTCOME_MISS);
	says(judgement.detail, "step 2: ");
	steps[1] = step_of(503, EXCHANGE_COMPLETE, error_saying("busy", "x"));
	ck_assert_int_eq(judged("TR-01", steps, 2).outcome, OUTCOME_INFRA);
}
END_TEST

START_TEST(of_one_answer_the_gravest_finding_is_told)
{
	struct judgement judgement =
	    judge_one("US-01", 200, EXCHANGE_COMPLETE, reply_saying("what?"));

	ck_assert_int_eq(judgement.outcome, OUTCOME_VIOLATION);
	says(judgement.detail, "input tokens");
}
END_TEST

START_TEST(of_several_scores_the_lowest_counts_and_of_our_own_fault_none)
{
	struct judged_step steps[2] = {step_of(200, EXCHANGE_COMPLETE, reply_saying("one")),
	                               step_of(200, EXCHANGE_COMPLETE, reply_saying("one two"))};
	struct judgement judgement = judged("QU-01", steps, 2);

	ck_assert_int_eq(judgement.outcome, OUTCOME_MISS);
	ck_assert(judgement.graded);
	ck_assert_int_eq(judgement.score_ppm, 500000);
	steps[0] = steps[1]; /* with the first at hand, its time is compared */
	ck_assert_int_eq(judged("QU-01", steps, 2).outcome, OUTCOME_OK);
	ck_assert_int_eq(judged("QU-01", steps, 2).score_ppm, 1000000);
	judgement = judge_one("QU-02", 200, EXCHANGE_COMPLETE, reply_saying("a"));
	ck_assert_int_eq(judgement.outcome, OUTCOME_HARNESS);
	ck_assert(!judgement.graded);
}
END_TEST

START_TEST(a_parameters_fate_is_told)
{
	struct judgement honoured = judge_one("PA-01", 200, EXCHANGE_COMPLETE, reply_saying("abc"));
	struct judgement ignored = judge_one("PA-01", 200, EXCHANGE_COMPLETE, reply_saying("xyz"));
	struct judgement refused =
	    judge_one("PA-01", 400, EXCHANGE_COMPLETE, error_saying("stop is not supported", "x"));

	ck_assert_int_eq(honoured.outcome, OUTCOME_OK);
	says(honoured.fates, "stop honoured");
	ck_assert_int_eq(ignored.outcome, OUTCOME_IGNORED);
	says(ignored.fates, "stop ignored");
	ck_assert_int_eq(refused.outcome, OUTCOME_REFUSED);
}
END_TEST

/* Else a reply that happens to look right would prove what the provider was never told. */
START_TEST(what_was_left_out_is_not_honoured)
{
	static const struct text stop[] = {TEXT_INIT("user"), TEXT_INIT("stop")};
	static const struct text tools[] = {TEXT_INIT("tools"), TEXT_INIT("schema.stop")};
	struct judged_step steps[2] = {
	    step_of(200, EXCHANGE_COMPLETE, reply_saying("abc")),
	    step_of(200, EXCHANGE_COMPLETE, reply_saying("done")),
	};
	struct exchange lost = *steps[0].exchange;
	struct judgement judgement;

	lost.dropped = stop;
	lost.dropped_count = 2;
	steps[0].exchange = &lost;
	judgement = judged("PA-01", steps, 1);
	ck_assert_int_eq(judgement.outcome, OUTCOME_REFUSED);
	ck_assert(judgement.uncarried);
	says(judgement.detail, "stop has no place in the dialect");
	says(judgement.fates, "stop left out");
	/* A case without a fate that vouches for it, at whichever step. */
	judgement = judged("PA-14", steps, 1);
	ck_assert_int_eq(judgement.outcome, OUTCOME_REFUSED);
	ck_assert(judgement.uncarried);
	says(judgement.detail, "user has no place");
	judgement = judged("PA-14", steps, 2); /* the second step lost nothing, and mends nothing */
	ck_assert(judgement.uncarried);
	/* Whatever else is wrong is what counts. */
	steps[1] = step_of(200, EXCHANGE_COMPLETE, reply_saying("what?"));
	judgement = judged("PA-14", steps, 2);
	ck_assert_int_eq(judgement.outcome, OUTCOME_MISS);
	ck_assert(!judgement.uncarried);
	steps[1].exchange = steps[0].exchange;
	steps[0] = step_of(404, EXCHANGE_COMPLETE, error_saying("no", "x"));
	ck_assert(!judged("PA-14", steps, 2).uncarried);
	/* Nor is an error an answer that was given without it. */
	steps[0] = step_of(400, EXCHANGE_COMPLETE, error_saying("no", "x"));
	lost.status = 400;
	lost.body = steps[0].exchange->body;
	steps[0].exchange = &lost;
	judgement = judged("PA-14", steps, 1);
	ck_assert_uint_eq(judgement.fates.len, 0);
	steps[0] = step_of(200, EXCHANGE_COMPLETE, reply_saying("abc"));
	lost = *steps[0].exchange;
	lost.dropped_count = 2;
	steps[0].exchange = &lost;
	/* No such field, or one that tool_choice none does without. */
	lost.dropped = tools;
	ck_assert_int_eq(judged("PA-01", steps, 1).outcome, OUTCOME_OK);
	ck_assert_int_ne(judged("TR-01", steps, 1).outcome, OUTCOME_REFUSED);
}
END_TEST

START_TEST(nothing_asked_is_our_own_fault)
{
	ck_assert_int_eq(judged("CH-01", NULL, 0).outcome, OUTCOME_HARNESS);
}
END_TEST

START_TEST(recorded_bytes_read_the_same_however_they_were_cut)
{
	static struct http_header sse = {TEXT_INIT("content-type"), TEXT_INIT("text/event-stream")};
	static const char body[] =
	    "data: "
	    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","
	    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"h\xc3\xa9\"}"
	    ","
	    "\"finish_reason\":null}]}\n\n"
	    "data: "
	    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","
	    "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	    "data: [DONE]\n\n";
	const struct chat_request request = {.endpoint = ENDPOINT_CHAT, .streamed = true};
	struct exchange_chunk chunks[sizeof(body)];
	struct exchange exchange = {.status = 200,
	                            .headers = &sse,
	                            .header_count = 1,
	                            .body = {body, sizeof(body) - 1},
	                            .chunks = chunks,
	                            .end = EXCHANGE_COMPLETE};

	for (size_t size = 1; size < sizeof(body); size += size < 8 ? 1 : 37) {
		exchange.chunk_count = 0;
		for (size_t end = size; end - size < sizeof(body) - 1; end += size)
			chunks[exchange.chunk_count++] =
			    (struct exchange_chunk){(int64_t)end, size_min(end, sizeof(body) - 1)};
		const struct chat_reply *reply =
		    judge_reread(&exchange, &dialect_openai, &request, &arena);
		ck_assert(reply->complete);
		ck_assert_uint_eq(reply->choice_count, 1);
		assert_text(reply->choices[0].content, "h\xc3\xa9");
		ck_assert_uint_eq(reply->violation_count, 0);
	}
	/* A record without chunks, or with some that lie, is read all the same. */
	exchange.chunk_count = 0;
	ck_assert(judge_reread(&exchange, &dialect_openai, &request, &arena)->complete);
	chunks[0] = (struct exchange_chunk){5, SIZE_MAX};
	chunks[1] = (struct exchange_chunk){6, 1};
	exchange.chunk_count = 2;
	const struct chat_reply *reply = judge_reread(&exchange, &dialect_openai, &request, &arena);
	ck_assert(reply->complete);
	ck_assert_uint_eq(reply->violation_count, 0); /* no byte is read twice */
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, an_answer_that_holds_is_ok_and_says_nothing);
	tcase_add_test(cases, an_answer_that_does_not_hold_is_a_miss_with_its_reason);
	tcase_add_test(cases, infrastructure_is_not_the_model);
	tcase_add_test(cases, a_wrong_request_that_makes_the_server_fall_over_has_been_answered);
	tcase_add_test(cases,
	               refused_keys_and_spent_quotas_stop_a_provider_instead_of_painting_it_red);
	tcase_add_test(cases, an_endpoint_that_is_not_offered_is_neither_a_fault_nor_an_answer);
	tcase_add_test(cases, a_case_about_such_an_answer_is_judged_by_it);
	tcase_add_test(cases, what_we_cancelled_says_nothing_about_them);
	tcase_add_test(cases, a_reply_that_is_cut_half_way_is_judged_and_not_excused);
	tcase_add_test(cases, a_stream_that_is_cut_is_left_to_the_control_rule);
	tcase_add_test(cases, a_control_is_answered_or_not_whatever_the_answer_says);
	tcase_add_test(cases, a_step_that_can_not_be_asked_is_a_miss_that_names_what_was_lacking);
	tcase_add_test(cases, the_gravest_of_all_steps_decides_and_says_which);
	tcase_add_test(cases, of_one_answer_the_gravest_finding_is_told);
	tcase_add_test(cases, of_several_scores_the_lowest_counts_and_of_our_own_fault_none);
	tcase_add_test(cases, a_parameters_fate_is_told);
	tcase_add_test(cases, what_was_left_out_is_not_honoured);
	tcase_add_test(cases, nothing_asked_is_our_own_fault);
	tcase_add_test(cases, recorded_bytes_read_the_same_however_they_were_cut);
}

int main(void)
{
	return unit_main("judge", add);
}
