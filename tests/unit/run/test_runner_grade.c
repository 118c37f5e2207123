/*
 * Programs that grade answers, in a run: the loop goes on while they work, what they say counts,
 * and a run that is stopped does not wait for them, nor asks for free what was paid.
 */
#include "tests/unit/run/rig.h"

#include <signal.h>

/* The suite of a folder of the rig, one case of which `script` grades. */
static void use_grader(const char *script, const char *more)
{
	struct text_list folders = {ARENA_NEW_ARRAY(&rig.arena, struct text, 1), 1};
	struct fault_list *faults = memory_new(sizeof(*faults));
	const char *file = file_join(&rig.arena, rig.folder, "graded.yaml");
	struct text_buf out;
	struct fault fault;

	text_buf_init(&out, 1 << 16);
	text_buf_add_c(&out, "capability: graded\nkind: reasoning\ncases:\n"
	                     "  - id: graded\n    title: a program grades it\n"
	                     "    request: {messages: [{role: user, content: Say the word.}]}\n"
	                     "    reference: {content: word}\n"
	                     "    expect: {grade: {command: {run: [sh, -c, ");
	json_quote(&out, text_of(script));
	text_buf_format(&out, "]%s}}}\n", more);
	ck_assert(file_replace(file, text_buf_view(&out), 0600, &fault));
	text_buf_done(&out);
	folders.items[0] = text_of(file);
	suite_done(&rig.suite);
	bool good = suite_load(&rig.suite, true, &folders, faults);
	fault_list_print(faults, stderr);
	ck_assert(good);
	memory_free(faults);
	rig_start_sim("");
	rig.suites = PLAN_SUITE_QUALITY;
	rig_plan("graded");
}

static struct text path_of(const char *name)
{
	return text_of(file_join(&rig.arena, rig.folder, name));
}

static struct text read_of(const char *name)
{
	struct source *source;
	struct fault fault;

	ck_assert(file_read(path_of(name).data, 1000, &rig.arena, &source, &fault));
	return source->body;
}

/* The last line of the journal, which tells why. */
static struct text told;

static void keep_detail(void *context UNUSED, const struct journal_attempt *attempt)
{
	told = text_copy(&rig.arena, attempt->detail);
}

static void say_go(void *context UNUSED)
{
	struct fault fault;

	ck_assert(file_replace(path_of("go").data, TEXT("go"), 0600, &fault));
}

static void stop_run(void *context UNUSED)
{
	runner_stop(rig.runner, 0);
}

/* Once the program has said that it runs, something is done on the loop. */
static struct {
	struct loop_timer timer;
	void (*then)(void *context);
} awaited;

static void look_for_it(void *context UNUSED)
{
	if (file_exists(path_of("runs").data))
		awaited.then(NULL);
	else
		loop_timer_start(rig.loop, &awaited.timer, 5, look_for_it, NULL);
}

static void once_it_runs(void (*then)(void *context))
{
	awaited.then = then;
	loop_timer_start(rig.loop, &awaited.timer, 5, look_for_it, NULL);
}

START_TEST(the_loop_goes_on_while_a_program_grades)
{
	/* It ends only when a timer of the very loop has fired meanwhile. */
	use_grader("touch runs; until test -e go; do sleep 0.02; done; echo '{\"score\": 0.5}'",
	           "");
	once_it_runs(say_go);
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	struct matrix matrix = rig_matrix();
	const struct matrix_cell *cell = rig_cell_of(&matrix, "graded");
	ck_assert_int_eq(cell->tally.of[OUTCOME_MISS], 1);
	ck_assert(cell->quality == 0.5);
}
END_TEST

START_TEST(each_answer_is_graded_once_by_each_program)
{
	use_grader("echo x >> times; exit 0", "");
	rig.plan.rules = (struct verdict_rules){VERDICT_BRIEF, 3};
	rig_run();
	struct matrix matrix = rig_matrix();
	const struct matrix_cell *cell = rig_cell_of(&matrix, "graded");
	ck_assert_int_eq(cell->tally.of[OUTCOME_OK], 3);
	ck_assert(cell->quality == 1);
	assert_text(read_of("times"), "x\nx\nx\n");
}
END_TEST

START_TEST(a_program_that_gives_no_verdict_is_our_fault_and_not_the_targets)
{
	use_grader("sleep 60", ", timeout: 100ms");
	rig.watch = keep_detail;
	rig_run();
	struct matrix matrix = rig_matrix();
	const struct matrix_cell *cell = rig_cell_of(&matrix, "graded");
	ck_assert_int_eq(cell->tally.of[OUTCOME_HARNESS], 1);
	ck_assert(text_find(told, TEXT("took longer than 100 ms"), 0) != TEXT_NOT_FOUND);
}
END_TEST

START_TEST(a_stopped_run_kills_the_program_and_asks_again_when_it_goes_on)
{
	use_grader("echo $$ > pid; touch runs; test -e go && exit 0; sleep 50", ", timeout: 60s");
	once_it_runs(stop_run);
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_INTERRUPTED);
	/* Its answer was paid, and stands there; no verdict does. */
	ck_assert_int_eq(rig.attempts_told, 1);
	struct matrix matrix = rig_matrix();
	ck_assert_int_eq(tally_judged(&rig_cell_of(&matrix, "graded")->tally), 0);
	pid_t pid = (pid_t)strtol(text_c(&rig.arena, read_of("pid")), NULL, 10);
	ck_assert_int_ne(kill(pid, 0), 0);
	say_go(NULL);
	rig_resume();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	matrix = rig_matrix();
	ck_assert_int_eq(rig_cell_of(&matrix, "graded")->tally.of[OUTCOME_OK], 1);
}
END_TEST

static void add(TCase *cases)
{
	(void)signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, rig_setup, rig_teardown);
	tcase_add_test(cases, the_loop_goes_on_while_a_program_grades);
	tcase_add_test(cases, each_answer_is_graded_once_by_each_program);
	tcase_add_test(cases, a_program_that_gives_no_verdict_is_our_fault_and_not_the_targets);
	tcase_add_test(cases, a_stopped_run_kills_the_program_and_asks_again_when_it_goes_on);
}

int main(void)
{
	return unit_main("runner_grade", add);
}
