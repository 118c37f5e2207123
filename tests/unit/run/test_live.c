/* What was seen of cells: its file, what it does to a matrix, and what keeps a cell in quarantine.
 */
#include "harness/run/route/live.h"

#include "tests/unit/run/routing.h"

#include <unistd.h>

#define T "lab/qwen"
#define THEN (ROUTING_NOW_MS - ROUTING_DAY_MS) /* when routing_cell was asked */

static struct routing rig;
static struct live live;
static struct fault fault;
static char path[64];
static int paths;

static void set_up(void)
{
	routing_init(&rig);
	live = (struct live){.day_wall_ms = -1};
	(void)snprintf(path, sizeof(path), "/tmp/proviso-live-%ld-%d.json", (long)getpid(),
	               paths++);
}

static void tear_down(void)
{
	(void)unlink(path);
	arena_done(&rig.arena);
}

static struct live_cell *quarantine(const struct matrix_cell *cell, int64_t wall_ms)
{
	struct live_cell *record = live_take(&live, cell, &rig.arena);

	record->quarantined_wall_ms = wall_ms;
	record->occasions = 47;
	record->violations = 3;
	return record;
}

static void write_file(const char *body)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(body, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* The verdict of what stands against the target; NULL: nothing does. */
static const char *block_of_chat(void)
{
	static struct provider_model model = {.name = TEXT_INIT("qwen"), .context = -1};
	static struct provider provider = {.name = TEXT_INIT("lab"), .models = &model};
	static const struct config_policy policy = {.max_age_ms = 3 * ROUTING_DAY_MS};
	static const struct target target = {&provider, &model, TEXT_INIT(T)};
	struct shape shape = routing_shape(&rig, "chat");
	struct evidence_sources sources = {&rig.suite, &rig.matrix, &policy, &target, 1};
	const struct evidence *evidence = evidence_build(&sources, &rig.arena);
	struct evidence_finding finding;

	const struct evidence_question question = {.shape = &shape, .now_wall_ms = ROUTING_NOW_MS};
	bool allowed = evidence_allows(evidence, 0, &question);
	evidence_judge(evidence, 0, &question, &finding);
	ck_assert(finding.eligible == allowed);
	return allowed ? NULL : finding.blocks[0].verdict;
}

static bool allows(void)
{
	const char *block = block_of_chat();

	if (block != NULL)
		ck_assert_str_eq(block, "quarantined");
	return block == NULL;
}

START_TEST(what_is_written_is_what_is_read)
{
	struct live read;

	struct live_cell *record =
	    quarantine(routing_cell(&rig, T, "TC-10~stream", VERDICT_PASS), THEN + 1500);
	record->cause = LIVE_PROBE;
	record->detail = TEXT("a \"quoted\" line");
	record->run = TEXT("proviso-probes/1");
	record = live_take(&live, routing_cell(&rig, T, "TC-01", VERDICT_PASS), &rig.arena);
	record->probed_wall_ms = THEN + 7;
	record->passed_wall_ms = THEN + 7;
	live.day_wall_ms = THEN - THEN % ROUTING_DAY_MS;
	live.spent_pico_usd = 123456789012;
	live.requests = 12;
	ck_assert_msg(live_write(&live, path, &fault), "%s", fault.message);
	ck_assert_msg(live_read(path, &rig.arena, &read, &fault), "%s", fault.message);
	ck_assert_uint_eq(read.count, 2);
	ck_assert(text_is(read.cells[0].case_id, "TC-01"));
	ck_assert_int_eq(read.cells[0].quarantined_wall_ms, -1);
	ck_assert_int_eq(read.cells[0].passed_wall_ms, THEN + 7);
	ck_assert_int_eq(read.cells[1].variant, CASE_STREAM);
	ck_assert_int_eq(read.cells[1].quarantined_wall_ms, THEN + 1500);
	ck_assert_int_eq(read.cells[1].cause, LIVE_PROBE);
	ck_assert_int_eq(read.cells[1].violations, 3);
	ck_assert(text_is(read.cells[1].detail, "a \"quoted\" line"));
	ck_assert(text_is(read.cells[1].case_hash, "hash-TC-10"));
	ck_assert_int_eq(read.day_wall_ms, live.day_wall_ms);
	ck_assert_int_eq(read.spent_pico_usd, 123456789012);
	ck_assert_int_eq(read.requests, 12);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_empty_and_a_broken_one_is_said)
{
	static const char *const broken[] = {
	    "",
	    "[]",
	    "{\"proviso_live\":2}",
	    "{\"proviso_live\":1,\"cells\":[{\"target\":\"a/b\"}]}",
	    "{\"proviso_live\":1,\"cells\":[{\"target\":\"a/"
	    "b\",\"case\":\"X\",\"variant\":\"sync\","
	    "\"case_hash\":\"h\",\"quarantined\":\"yesterday\"}]}",
	    "{\"proviso_live\":1,\"cells\":[{\"target\":\"a/"
	    "b\",\"case\":\"X\",\"variant\":\"sync\","
	    "\"case_hash\":\"h\"},{\"target\":\"a/b\",\"case\":\"X\",\"variant\":\"sync\","
	    "\"case_hash\":\"h\"}]}",
	    "{\"proviso_live\":1,\"what\":1}"};
	struct live read;

	ck_assert(live_read(path, &rig.arena, &read, &fault));
	ck_assert_uint_eq(read.count, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(broken); i++) {
		write_file(broken[i]);
		ck_assert_msg(!live_read(path, &rig.arena, &read, &fault), "%s", broken[i]);
	}
}
END_TEST

START_TEST(it_stands_beside_the_matrix_unless_it_is_said_where)
{
	struct text none = {NULL, 0};

	ck_assert_str_eq(live_path(none, "a/proviso-matrix.json", &rig.arena),
	                 "a/proviso-matrix.live.json");
	ck_assert_str_eq(live_path(none, "m", &rig.arena), "m.live.json");
	ck_assert_str_eq(live_path(TEXT("x"), "m", &rig.arena), "x");
}
END_TEST

START_TEST(a_quarantined_pass_excludes_until_it_is_asked_again)
{
	routing_case(&rig, "TC-01", CASE_GATE, "chat", "sync");
	struct matrix_cell *cell = routing_cell(&rig, T, "TC-01", VERDICT_PASS);
	struct live_cell *record = quarantine(cell, THEN + 10);

	ck_assert(allows());
	live_apply(&live, &rig.matrix, &rig.arena);
	ck_assert(!allows());
	ck_assert_ptr_nonnull(strstr(record->reason, "3 of 47 times"));
	/* By a probe ... */
	cell->quarantine = NULL;
	record->passed_wall_ms = THEN + 11;
	live_apply(&live, &rig.matrix, &rig.arena);
	ck_assert(allows());
	ck_assert_int_eq(cell->tested_wall_ms, THEN + 11);
	/* ... or by a check. */
	record->passed_wall_ms = -1;
	cell->tested_wall_ms = THEN + 10;
	live_apply(&live, &rig.matrix, &rig.arena);
	ck_assert(!allows());
	cell->quarantine = NULL;
	cell->tested_wall_ms = THEN + 12;
	live_apply(&live, &rig.matrix, &rig.arena);
	ck_assert(allows());
}
END_TEST

START_TEST(a_quarantined_case_excludes_whatever_its_severity)
{
	routing_case(&rig, "TC-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "TC-20", CASE_REQUIRED, "chat", "sync");
	(void)routing_cell(&rig, T, "TC-01", VERDICT_PASS);
	(void)quarantine(routing_cell(&rig, T, "TC-20", VERDICT_PASS), THEN + 10);
	live_apply(&live, &rig.matrix, &rig.arena);
	ck_assert(!allows());
	/* However old the pass is that it speaks against. */
	rig.cells[1].tested_wall_ms = THEN - 10 * ROUTING_DAY_MS;
	ck_assert(!allows());
}
END_TEST

START_TEST(what_was_seen_of_another_question_says_nothing)
{
	routing_case(&rig, "TC-01", CASE_GATE, "chat", "sync");
	struct matrix_cell *cell = routing_cell(&rig, T, "TC-01", VERDICT_PASS);

	quarantine(cell, THEN + 10)->case_hash = TEXT("before");
	live_apply(&live, &rig.matrix, &rig.arena);
	ck_assert(allows());
	/* And makes room for what is seen of this one. */
	ck_assert_int_eq(live_take(&live, cell, &rig.arena)->quarantined_wall_ms, -1);
	ck_assert_uint_eq(live.count, 1);
	/* Nor does a pass of another question: that it is stale is what stands against it. */
	(void)quarantine(cell, THEN + 10);
	cell->case_hash = TEXT("before");
	live.cells[0].case_hash = TEXT("before");
	live_apply(&live, &rig.matrix, &rig.arena);
	ck_assert_ptr_nonnull(cell->quarantine);
	ck_assert_str_eq(block_of_chat(), "stale");
	/* What fails by now does so by itself. */
	cell->case_hash = text_of(rig.suite.cases[0].hash);
	cell->verdict = VERDICT_FAIL;
	ck_assert_str_eq(block_of_chat(), "fail");
}
END_TEST

START_TEST(a_probe_makes_a_pass_fresh_and_nothing_else)
{
	struct matrix_cell *pass = routing_cell(&rig, T, "TC-01", VERDICT_PASS);
	struct matrix_cell *fail = routing_cell(&rig, T, "TC-02", VERDICT_FAIL);

	live_take(&live, pass, &rig.arena)->passed_wall_ms = THEN + 5;
	live_take(&live, fail, &rig.arena)->passed_wall_ms = THEN + 5;
	live_apply(&live, &rig.matrix, &rig.arena);
	ck_assert_int_eq(pass->tested_wall_ms, THEN + 5);
	ck_assert_int_eq(fail->tested_wall_ms, THEN);
}
END_TEST

START_TEST(of_two_files_the_later_events_stay)
{
	struct matrix_cell *cell = routing_cell(&rig, T, "TC-01", VERDICT_PASS);
	struct matrix_cell *other = routing_cell(&rig, T, "TC-02", VERDICT_PASS);
	struct live theirs = {.day_wall_ms = ROUTING_DAY_MS, .requests = 4, .spent_pico_usd = 9};

	(void)quarantine(cell, THEN + 1);
	live_take(&theirs, cell, &rig.arena)->quarantined_wall_ms = THEN + 2;
	live_take(&theirs, other, &rig.arena)->passed_wall_ms = THEN + 3;
	live.day_wall_ms = ROUTING_DAY_MS;
	live.requests = 7;
	live_merge(&live, &theirs, &rig.arena);
	ck_assert_uint_eq(live.count, 2);
	ck_assert_int_eq(live_find(&live, cell)->quarantined_wall_ms, THEN + 2);
	ck_assert_int_eq(live_find(&live, other)->passed_wall_ms, THEN + 3);
	ck_assert_int_eq(live.requests, 7);
	ck_assert_int_eq(live.spent_pico_usd, 9);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_is_written_is_what_is_read);
	tcase_add_test(cases, a_file_that_is_not_there_is_empty_and_a_broken_one_is_said);
	tcase_add_test(cases, it_stands_beside_the_matrix_unless_it_is_said_where);
	tcase_add_test(cases, a_quarantined_pass_excludes_until_it_is_asked_again);
	tcase_add_test(cases, a_quarantined_case_excludes_whatever_its_severity);
	tcase_add_test(cases, what_was_seen_of_another_question_says_nothing);
	tcase_add_test(cases, a_probe_makes_a_pass_fresh_and_nothing_else);
	tcase_add_test(cases, of_two_files_the_later_events_stay);
}

int main(void)
{
	return unit_main("live", add);
}
