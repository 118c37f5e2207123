/*
 * The suite `quality`: every kind of work has enough tasks, each is answered by its reference with
 * a full score, and by nothing that a lazy model may say: silence, a constant, an echo of the
 * question, the answer to another task.
 */
#include "cases/reference.h"
#include "cases/suite.h"
#include "tests/unit/cases/judging.h"

enum { TASKS_PER_KIND = 12, LAZY_SCORE_PERCENT = 70 };

static struct suite suite;
static struct chat_reply reply;
static struct chat_choice choice;

static void open_suite(void)
{
	struct fault_list *faults = memory_new(sizeof(*faults));

	judging_setup();
	ck_assert(suite_load(&suite, true, NULL, faults));
	memory_free(faults);
	judging_content("x");
	reply = *judging.seen.reply;
	choice = reply.choices[0];
	reply.choices = &choice;
	judging.seen.reply = &reply;
}

static void close_suite(void)
{
	suite_done(&suite);
	judging_teardown();
}

static bool is_task(const struct eval_case *eval_case)
{
	return eval_case->kind != CASE_KIND_NONE;
}

/* What comes of a task where this is the whole answer. */
static struct findings judge_answer(const struct eval_case *task, struct text content)
{
	struct findings findings = {0};

	choice.content = content;
	judging.seen.request = task->steps[0].request;
	judging.seen.endpoint = task->steps[0].endpoint;
	expect_check(task->steps[0].expect, &judging.seen, &judging.arena, &findings);
	return findings;
}

static struct sim_answer reference_of(const struct eval_case *task)
{
	struct sim_answer answer;
	struct fault fault;

	ck_assert_msg(task->steps[0].reference != NULL, "%.*s has no reference",
	              TEXT_ARG(task->id));
	ck_assert(reference_answer(task->steps[0].reference, &judging.values, &judging.arena,
	                           &answer, &fault));
	return answer;
}

static struct text question_of(const struct eval_case *task)
{
	const struct json *messages = json_member(task->steps[0].request, "messages");

	return json_string(messages->last, "content");
}

START_TEST(each_kind_has_its_tasks)
{
	size_t counts[CASE_KINDS] = {0};

	for (size_t i = 0; i < suite.count; i++) {
		const struct eval_case *task = &suite.cases[i];
		counts[task->kind]++;
		if (!is_task(task))
			continue;
		ck_assert_msg(task->vouches.count == 0 && task->severity == CASE_ADVISORY,
		              "%.*s would gate", TEXT_ARG(task->id));
		ck_assert_uint_eq(task->step_count, 1);
		assert_text(task->capability, case_kind_names[task->kind]);
	}
	for (int kind = CASE_KIND_NONE + 1; kind < CASE_KINDS; kind++)
		ck_assert_msg(counts[kind] >= TASKS_PER_KIND, "%s has %zu tasks",
		              case_kind_names[kind], counts[kind]);
}
END_TEST

START_TEST(a_reference_has_the_full_score)
{
	for (size_t i = 0; i < suite.count; i++) {
		const struct eval_case *task = &suite.cases[i];
		struct chat_tool_call calls[16] = {{0}};
		if (!is_task(task))
			continue;
		struct sim_answer answer = reference_of(task);
		for (size_t j = 0; j < answer.tool_call_count; j++) {
			calls[j].name = answer.tool_calls[j].name;
			calls[j].arguments = answer.tool_calls[j].arguments;
		}
		choice.tool_calls = calls;
		choice.tool_call_count = answer.tool_call_count;
		struct findings findings = judge_answer(task, answer.content);
		choice.tool_call_count = 0;
		ck_assert_msg(findings.gravest == FINDING_NONE, "%.*s: %.*s", TEXT_ARG(task->id),
		              TEXT_ARG(findings.items[0].text));
		ck_assert_msg(findings.graded && findings.score > 1 - 1e-9, "%.*s scores %g",
		              TEXT_ARG(task->id), findings.score);
	}
}
END_TEST

static void assert_worthless(const struct eval_case *task, struct text answer, const char *what)
{
	struct findings findings = judge_answer(task, answer);

	ck_assert_msg(findings.gravest == FINDING_MISS, "%.*s is passed by %s", TEXT_ARG(task->id),
	              what);
	ck_assert_msg(findings.score * 100 < LAZY_SCORE_PERCENT, "%.*s gives %s a score of %g",
	              TEXT_ARG(task->id), what, findings.score);
}

START_TEST(a_lazy_answer_passes_no_task)
{
	static const char *const lazy[] = {"",
	                                   "{}",
	                                   "[]",
	                                   "null",
	                                   "0",
	                                   "1",
	                                   "42",
	                                   "yes",
	                                   "no",
	                                   "Yes",
	                                   "a",
	                                   "b",
	                                   "Answer:",
	                                   "Answer: 0",
	                                   "true",
	                                   "```\n```",
	                                   "...",
	                                   "I am sorry, but I can't help with that.",
	                                   "Sure! Here you are:"};

	for (size_t i = 0; i < suite.count; i++) {
		const struct eval_case *task = &suite.cases[i];
		struct text question, rest, line;
		if (!is_task(task))
			continue;
		for (size_t j = 0; j < ARRAY_LENGTH(lazy); j++)
			assert_worthless(task, text_of(lazy[j]), lazy[j]);
		rest = question = question_of(task);
		assert_worthless(task, question, "an echo of the question");
		assert_worthless(task,
		                 text_format(&judging.arena, "You ask: %.*s", TEXT_ARG(question)),
		                 "an echo with a word before it");
		assert_worthless(task,
		                 text_format(&judging.arena, "```\n%.*s\n```", TEXT_ARG(question)),
		                 "an echo in a block");
		while (text_next_field(&rest, '\n', &line))
			assert_worthless(task, line, "a line of the question");
	}
}
END_TEST

START_TEST(the_answer_to_another_task_passes_none)
{
	for (size_t i = 0; i < suite.count; i++) {
		const struct eval_case *other = &suite.cases[i];
		if (!is_task(other))
			continue;
		struct text answer = reference_of(other).content;
		for (size_t j = 0; j < suite.count; j++)
			if (i != j && is_task(&suite.cases[j]))
				assert_worthless(&suite.cases[j], answer,
				                 text_c(&judging.arena, other->id));
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, open_suite, close_suite);
	tcase_add_test(cases, each_kind_has_its_tasks);
	tcase_add_test(cases, a_reference_has_the_full_score);
	tcase_add_test(cases, a_lazy_answer_passes_no_task);
	tcase_add_test(cases, the_answer_to_another_task_passes_none);
}

int main(void)
{
	return unit_main("quality", add);
}
