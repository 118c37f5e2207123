/* Which task a request belongs to: each way of telling, the order, and patterns that run away. */
#include "harness/run/route/task.h"

#include "harness/base/file.h"
#include "tests/unit/unit.h"

#include <unistd.h>

static char path[] = "/tmp/proviso-task-XXXXXX.yaml";
static struct arena arena;
static struct config config;
static struct task_table *table;
static struct shape shape;
static struct task_request asked;
static bool limited;

static void set_up(void)
{
	memcpy(path + sizeof(path) - 12, "XXXXXX", 6);
	int fd = mkstemps(path, 5);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	arena = (struct arena){0};
	table = NULL;
	limited = false;
}

static void tear_down(void)
{
	task_table_free(table);
	config_done(&config);
	(void)unlink(path);
	arena_done(&arena);
}

static void configure(const char *tasks)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct fault fault;
	struct text yaml = text_format(
	    &arena,
	    "version: 1\nproviders: {lab: {dialect: openai, base_url: http://127.0.0.1:1/v1}}\n"
	    "tasks:\n%s",
	    tasks);

	ck_assert(file_replace(path, yaml, 0600, &fault));
	ck_assert_msg(config_load(path, &config, faults), "%s", faults->items[0].message);
	memory_free(faults);
	ck_assert(task_table_new(&config, &table, &fault));
}

/* The task's name, or "-". */
static const char *find(const char *body)
{
	struct json *root;
	struct fault fault;
	struct shape_fault bad;

	ck_assert_msg(json_read_text(text_of(body), "request", &arena, &root, &fault), "%s",
	              fault.message);
	ck_assert_msg(shape_read(ENDPOINT_CHAT, root, &arena, &shape, &bad), "%s", bad.message);
	asked.shape = &shape;
	asked.body = root;
	const struct config_task *task = task_find(table, &asked, &arena, &limited);
	return task == NULL ? "-" : text_c(&arena, task->name);
}

#define BODY(content) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":" content "}]}"
#define HI BODY("\"Hi\"")

START_TEST(without_tasks_there_is_none)
{
	configure("  []\n");
	ck_assert_str_eq(find(HI), "-");
	task_table_free(NULL);
}
END_TEST

START_TEST(a_header_matches_by_its_whole_value_and_its_name_without_case)
{
	struct http_header headers[] = {{TEXT("X-Team"), TEXT("search")},
	                                {TEXT("x-env"), TEXT("live")}};

	configure("  - {name: a, match: {header: {x-team: search, x-env: live}}}\n");
	asked = (struct task_request){.headers = headers, .header_count = 2};
	ck_assert_str_eq(find(HI), "a");
	asked.header_count = 1;
	ck_assert_str_eq(find(HI), "-");
	headers[0].value = TEXT("Search");
	asked.header_count = 2;
	ck_assert_str_eq(find(HI), "-");
}
END_TEST

START_TEST(the_header_x_proviso_task_names_one_outright)
{
	struct http_header header = {TEXT("X-Proviso-Task"), TEXT("b")};

	configure("  - {name: a, match: {prompt: Hi}}\n"
	          "  - {name: b, match: {key: other}}\n");
	asked = (struct task_request){.headers = &header, .header_count = 1};
	ck_assert_str_eq(find(HI), "b");
	header.value = TEXT("nobody"); /* then it is found by what it says */
	ck_assert_str_eq(find(HI), "a");
	header.value = TEXT("");
	ck_assert_str_eq(find(HI), "a");
}
END_TEST

START_TEST(keys_and_workflows_are_one_of_a_list)
{
	configure("  - {name: a, match: {key: [k1, k2]}}\n"
	          "  - {name: b, match: {workflow: nightly}}\n");
	asked = (struct task_request){.key_id = TEXT("k2")};
	ck_assert_str_eq(find(HI), "a");
	asked = (struct task_request){.key_id = TEXT("k3"), .workflow = TEXT("nightly")};
	ck_assert_str_eq(find(HI), "b");
	asked = (struct task_request){0};
	ck_assert_str_eq(find(HI), "-");
}
END_TEST

/* Each format has its own members for what is said. */
START_TEST(the_prompt_is_what_any_format_says)
{
	static const char *const bodies[] = {
	    "{\"instructions\":\"the word\",\"input\":\"x\"}",
	    "{\"input\":[{\"content\":[{\"type\":\"input_text\",\"text\":\"the word\"}]}]}",
	    "{\"input\":\"the word\"}",
	    "{\"system\":\"the word\",\"messages\":[]}",
	    "{\"prompt\":[\"the word\"]}",
	};

	configure("  - {name: a, match: {prompt: the word}}\n");
	shape = (struct shape){0};
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		struct json *root;
		struct fault fault;
		ck_assert(json_read_text(text_of(bodies[i]), "request", &arena, &root, &fault));
		asked = (struct task_request){.shape = &shape, .body = root};
		ck_assert_ptr_nonnull(task_find(table, &asked, &arena, NULL));
	}
}
END_TEST

START_TEST(its_kind_of_work_is_said_or_its_name)
{
	configure("  - {name: code, match: {key: k}}\n"
	          "  - {name: reviews, kind: review, match: {key: k}}\n"
	          "  - {name: chores, match: {key: k}}\n");
	const struct config_task *tasks = config.tasks.items;
	ck_assert_int_eq(task_kind(&tasks[0]), CASE_KIND_CODE);
	ck_assert_int_eq(task_kind(&tasks[1]), CASE_KIND_REVIEW);
	ck_assert_int_eq(task_kind(&tasks[2]), CASE_KIND_NONE);
	ck_assert_int_eq(task_kind(NULL), CASE_KIND_NONE);
}
END_TEST

START_TEST(one_of_the_tools_must_be_offered)
{
	configure("  - {name: a, match: {tools: [grep, find]}}\n");
	asked = (struct task_request){0};
	ck_assert_str_eq(find("{\"model\":\"m\",\"messages\":[],\"tools\":[{\"type\":\"function\","
	                      "\"function\":{\"name\":\"ls\"}},{\"type\":\"function\","
	                      "\"function\":{\"name\":\"find\"}}]}"),
	                 "a");
	ck_assert_str_eq(find("{\"model\":\"m\",\"messages\":[],\"tools\":[{\"name\":\"grep\"}]}"),
	                 "a");
	ck_assert_str_eq(find("{\"model\":\"m\",\"messages\":[],\"tools\":[{\"name\":\"egrep\"}]}"),
	                 "-");
	ck_assert_str_eq(find(HI), "-");
}
END_TEST

START_TEST(the_prompt_is_searched_in_all_that_is_said)
{
	configure("  - {name: a, match: {prompt: \"(?i)\\\\bsummar(y|ise)\"}}\n");
	asked = (struct task_request){0};
	ck_assert_str_eq(find(BODY("\"Give me a SUMMARY\"")), "a");
	ck_assert_str_eq(find(BODY("[{\"type\":\"text\",\"text\":\"please summarise\"}]")), "a");
	ck_assert_str_eq(find(BODY("\"consummary\"")), "-");
	ck_assert_str_eq(find("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
	                      "\"summary\"},{\"role\":\"user\",\"content\":\"x\"}]}"),
	                 "a");
	/* Names of fields and of the model are not said to it. */
	ck_assert_str_eq(find("{\"model\":\"summary\",\"user\":\"summary\",\"messages\":[]}"), "-");
	/* Two pieces are two lines. */
	ck_assert_str_eq(find(BODY("[{\"type\":\"text\",\"text\":\"sum\"},"
	                           "{\"type\":\"text\",\"text\":\"mary\"}]")),
	                 "-");
}
END_TEST

START_TEST(sizes_are_bounds_on_both_sides)
{
	configure("  - {name: small, match: {prompt_bytes: {max: 5}}}\n"
	          "  - {name: large, match: {prompt_bytes: {min: 10}}}\n");
	asked = (struct task_request){0};
	ck_assert_str_eq(find(BODY("\"12345\"")), "small");
	ck_assert_str_eq(find(BODY("\"123456\"")), "-");
	ck_assert_str_eq(find(BODY("\"123456789\"")), "-");
	ck_assert_str_eq(find(BODY("\"1234567890\"")), "large");
}
END_TEST

START_TEST(the_first_that_fits_wins_and_all_that_it_says_must_hold)
{
	configure("  - {name: a, risk: high, match: {key: k, prompt: Hi}}\n"
	          "  - {name: b, match: {prompt: Hi}}\n"
	          "  - {name: c, match: {key: k}}\n");
	asked = (struct task_request){.key_id = TEXT("k")};
	ck_assert_str_eq(find(HI), "a");
	ck_assert_str_eq(find(BODY("\"Ho\"")), "c");
	asked.key_id = (struct text){NULL, 0};
	ck_assert_str_eq(find(HI), "b");
	ck_assert(!limited);
}
END_TEST

START_TEST(a_pattern_that_runs_away_costs_its_task_and_nothing_else)
{
	struct text_buf body;

	configure("  - {name: a, match: {prompt: \"(a+)+$\"}}\n"
	          "  - {name: b, match: {key: k}}\n");
	text_buf_init(&body, 1 << 20);
	text_buf_add_c(&body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"");
	for (int i = 0; i < 5000; i++)
		text_buf_byte(&body, 'a');
	text_buf_add_c(&body, "!\"}]}");
	asked = (struct task_request){.key_id = TEXT("k")};
	ck_assert_str_eq(find(body.data), "b");
	ck_assert(limited);
	/* Nobody need listen. */
	ck_assert_ptr_nonnull(task_find(table, &asked, &arena, NULL));
	text_buf_done(&body);
}
END_TEST

/* The beginning is searched, and a character on the edge does not spoil it. */
START_TEST(of_a_huge_prompt_the_beginning_is_searched)
{
	struct text_buf body;

	configure("  - {name: a, match: {prompt: \"^begin\"}}\n"
	          "  - {name: b, match: {prompt: ending}}\n"
	          "  - {name: c, match: {prompt: \"(?m)^second\"}}\n");
	asked = (struct task_request){0};
	for (int shift = 0; shift < 3; shift++) {
		text_buf_init(&body, 8 << 20);
		text_buf_add_c(
		    &body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"begin");
		for (int i = 0; i < shift; i++)
			text_buf_byte(&body, '.');
		for (size_t i = 0; i < TASK_PROMPT_MAX_BYTES / 3; i++)
			text_buf_add_c(&body, "\xe4\xb8\xad");
		text_buf_add_c(&body, " ending\"},{\"role\":\"user\",\"content\":\"second\"}]}");
		ck_assert_str_eq(find(body.data), "a");
		body.data[text_find(text_buf_view(&body), TEXT("begin"), 0)] = 'B';
		ck_assert_str_eq(find(body.data), "-");
		text_buf_done(&body);
	}
	ck_assert_str_eq(find(BODY("\"the ending\"")), "b");
	ck_assert_str_eq(find(BODY("[\"first\",\"second\"]")), "c");
}
END_TEST

START_TEST(a_pattern_that_does_not_compile_is_a_fault_with_its_place)
{
	struct fault fault;
	struct config_task task = {.name = TEXT("a"), .match = {.prompt = TEXT("(")}};
	struct config broken = {.tasks = {&task, 1}};

	ck_assert(!task_table_new(&broken, &table, &fault));
	ck_assert_uint_gt(strlen(fault.message), 0);
	table = NULL;
}
END_TEST

START_TEST(risks_have_names)
{
	ck_assert_str_eq(task_risk_name(CONFIG_RISK_LOW), "low");
	ck_assert_str_eq(task_risk_name(CONFIG_RISK_MEDIUM), "medium");
	ck_assert_str_eq(task_risk_name(CONFIG_RISK_HIGH), "high");
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, without_tasks_there_is_none);
	tcase_add_test(cases, a_header_matches_by_its_whole_value_and_its_name_without_case);
	tcase_add_test(cases, the_header_x_proviso_task_names_one_outright);
	tcase_add_test(cases, keys_and_workflows_are_one_of_a_list);
	tcase_add_test(cases, the_prompt_is_what_any_format_says);
	tcase_add_test(cases, its_kind_of_work_is_said_or_its_name);
	tcase_add_test(cases, one_of_the_tools_must_be_offered);
	tcase_add_test(cases, the_prompt_is_searched_in_all_that_is_said);
	tcase_add_test(cases, sizes_are_bounds_on_both_sides);
	tcase_add_test(cases, the_first_that_fits_wins_and_all_that_it_says_must_hold);
	tcase_add_test(cases, a_pattern_that_runs_away_costs_its_task_and_nothing_else);
	tcase_add_test(cases, of_a_huge_prompt_the_beginning_is_searched);
	tcase_add_test(cases, a_pattern_that_does_not_compile_is_a_fault_with_its_place);
	tcase_add_test(cases, risks_have_names);
}

int main(void)
{
	return unit_main("task", add_tests);
}
