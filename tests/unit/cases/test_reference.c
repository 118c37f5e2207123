/* References: mistakes in them, and what the simulator is told to answer. */
#include "cases/reference.h"
#include "tests/unit/unit.h"

static struct arena arena;
static struct fault_list *faults;

static void setup(void)
{
	arena = (struct arena){0};
	faults = memory_new(sizeof(*faults));
}

static void teardown(void)
{
	memory_free(faults);
	arena_done(&arena);
}

static struct json *read_json(const char *body)
{
	struct json *root;
	struct fault fault;

	ck_assert(json_read_text(text_of(body), "test", &arena, &root, &fault));
	return root;
}

static void assert_mistake(const char *reference, const char *says)
{
	*faults = (struct fault_list){0};
	ck_assert(!reference_check(read_json(reference), 1, faults));
	assert_fault_says(&faults->items[0], says);
}

START_TEST(mistakes_are_found_when_loading)
{
	ck_assert(
	    reference_check(read_json("{\"content\":\"x\",\"reasoning\":\"y\",\"refusal\":\"z\","
	                              "\"finish_reason\":\"stop\",\"tool_calls\":[{\"name\":"
	                              "\"f\"},{\"name\":\"g\",\"arguments\":\"{}\"}]}"),
	                    0, faults));
	ck_assert(reference_check(read_json("{\"error\":{\"status\":404}}"), 0, faults));
	assert_mistake("{}", "a reference says content");
	assert_mistake("\"x\"", "a reference says content");
	assert_mistake("{\"contnt\":\"x\"}", "did you mean 'content'?");
	assert_mistake("{\"content\":1}", "content is 1");
	assert_mistake("{\"content\":\"{{nonse}}\"}", "did you mean {{nonce}}?");
	assert_mistake("{\"content\":\"{{steps.1.content}}\"}", "has not been yet");
	assert_mistake("{\"tool_calls\":[]}", "1 to 16 tool calls");
	assert_mistake("{\"tool_calls\":{}}", "1 to 16 tool calls");
	assert_mistake("{\"tool_calls\":[{\"arguments\":{}}]}", "no 'name'");
	assert_mistake("{\"tool_calls\":[{\"name\":\"f\",\"arguments\":[]}]}",
	               "arguments are an array");
	assert_mistake("{\"error\":{\"code\":\"x\"}}", "no 'status'");
	assert_mistake("{\"error\":{\"status\":200}}", "from 400 to 599");
	assert_mistake("{\"error\":{\"status\":400},\"content\":\"x\"}",
	               "an error comes without an answer");
}
END_TEST

START_TEST(an_answer_is_filled_with_what_the_request_held)
{
	struct template_values values = {.nonces = {TEXT("ab12cd34")}, .context_tokens = -1};
	struct sim_answer answer;
	struct fault fault;

	ck_assert(reference_answer(
	    read_json("{\"content\":\"say {{nonce}}\",\"finish_reason\":\"stop\",\"tool_calls\":"
	              "[{\"name\":\"f\",\"arguments\":{\"a\":\"{{nonce}}\"}},{\"name\":\"g\"},"
	              "{\"name\":\"h\",\"arguments\":\"{\\\"b\\\": 1}\"}]}"),
	    &values, &arena, &answer, &fault));
	ck_assert_int_eq(answer.status, 200);
	assert_text(answer.content, "say ab12cd34");
	assert_text(answer.finish_reason, "stop");
	ck_assert_uint_eq(answer.tool_call_count, 3);
	assert_text(answer.tool_calls[0].arguments, "{\"a\":\"ab12cd34\"}");
	assert_text(answer.tool_calls[1].arguments, "{}");
	assert_text(answer.tool_calls[2].arguments, "{\"b\": 1}");
	ck_assert_ptr_null(answer.reasoning.data);
	ck_assert_ptr_null(answer.refusal.data);
	ck_assert(!reference_answer(read_json("{\"content\":\"{{nonce2}}\"}"), &values, &arena,
	                            &answer, &fault));
}
END_TEST

START_TEST(an_error_is_answered_as_documented)
{
	struct template_values values = {.context_tokens = -1};
	struct sim_answer answer;
	struct fault fault;

	ck_assert(reference_answer(
	    read_json("{\"error\":{\"status\":404,\"type\":\"t\",\"code\":\"model_not_found\"}}"),
	    &values, &arena, &answer, &fault));
	ck_assert_int_eq(answer.status, 404);
	assert_text(answer.error.type, "t");
	assert_text(answer.error.code, "model_not_found");
	ck_assert_ptr_null(answer.error.param.data);
	ck_assert_uint_gt(answer.error.message.len, 0);
}
END_TEST

START_TEST(the_oracle_answers_questions_of_the_suite_and_no_others)
{
	static struct suite suite;
	struct sim_answer answer;
	struct text id;
	size_t step;

	ck_assert(suite_load(&suite, true, NULL, faults));
	struct sim_oracle oracle = reference_oracle(&suite);
	struct sim_question question = {
	    .endpoint = ENDPOINT_CHAT,
	    .body = read_json(
		"{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\","
		"\"content\":\"Reply with this code word and nothing else: ab12cd34\"}]}")};
	ck_assert(oracle.answer(oracle.context, &question, &arena, &answer, &id, &step));
	assert_text(id, "CH-03");
	ck_assert_uint_eq(step, 0);
	assert_text(answer.content, "ab12cd34");
	question.body =
	    read_json("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
	              "\"Reply with this code word and nothing else, please: ab12cd34\"}]}");
	ck_assert(!oracle.answer(oracle.context, &question, &arena, &answer, &id, &step));
	question.body = NULL;
	ck_assert(!oracle.answer(oracle.context, &question, &arena, &answer, &id, &step));
	assert_text(oracle.owner(oracle.context, TEXT("CH-01")), "CH-03");
	assert_text(oracle.owner(oracle.context, TEXT("CH-03")), "CH-03");
	ck_assert_ptr_null(oracle.owner(oracle.context, TEXT("XX-01")).data);
	suite_done(&suite);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, mistakes_are_found_when_loading);
	tcase_add_test(cases, an_answer_is_filled_with_what_the_request_held);
	tcase_add_test(cases, an_error_is_answered_as_documented);
	tcase_add_test(cases, the_oracle_answers_questions_of_the_suite_and_no_others);
}

int main(void)
{
	return unit_main("reference", add);
}
