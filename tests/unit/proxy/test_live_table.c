/* How soon live traffic puts a cell into quarantine, and how seldom it does so wrongly: the figures
 * that the header and the manual promise, by simulation. */
#include "proxy/live/live_table.h"

#include "harness/run/route/live.h"
#include "tests/unit/run/routing.h"

#include <stdio.h>

#define T "lab/qwen"

static struct routing rig;
static struct config_policy policy;
static struct provider provider;
static struct provider_model model;
static struct target target;
static const struct evidence *evidence;
static struct live_table *table;
static struct live_posts posts;
static struct shape shape;
static struct live_findings findings;
static struct live_alarm alarms[LIVE_CHECKS * CASE_VARIANTS];
static uint64_t randomness;

static void build(void)
{
	matrix_sort(&rig.matrix);
	struct evidence_sources sources = {&rig.suite, &rig.matrix, &policy, &target, 1};
	evidence = evidence_build(&sources, &rig.arena);
	live_posts_build(evidence, &rig.suite, &rig.matrix, TEXT(T), &rig.arena, &posts);
}

static void set_up(void)
{
	routing_init(&rig);
	randomness = 88172645463325252u;
	policy = (struct config_policy){.max_age_ms = 14 * ROUTING_DAY_MS};
	model = (struct provider_model){.name = TEXT("qwen"), .context = -1, .max_output = -1};
	provider = (struct provider){.name = TEXT("lab"), .models = &model, .model_count = 1};
	target = (struct target){&provider, &model, TEXT(T)};
	table = live_table_new();
	routing_case(&rig, "TS-01", CASE_GATE, "chat tools stream", "stream")->class_ =
	    CASE_DETERMINISTIC;
	routing_case(&rig, "TC-04", CASE_GATE, "chat tools", "both");
	routing_case(&rig, "TC-05", CASE_GATE, "chat tools", "both")->critical = true;
	routing_cell(&rig, T, "TS-01~stream", VERDICT_PASS);
	routing_cell(&rig, T, "TC-04", VERDICT_PASS);
	routing_cell(&rig, T, "TC-04~stream", VERDICT_PASS);
	routing_cell(&rig, T, "TC-05", VERDICT_PASS);
	routing_cell(&rig, T, "TC-05~stream", VERDICT_PASS);
	build();
	shape = routing_shape(&rig, "chat tools stream");
	findings = (struct live_findings){0};
}

static void tear_down(void)
{
	live_table_free(table);
	arena_done(&rig.arena);
}

/* True: it alarms. */
static bool see(size_t check, bool broken, const char *request)
{
	struct live_seen seen = {&findings, &shape, &shape.features, text_of(request)};

	findings = (struct live_findings){0};
	findings.saw[check] = true;
	findings.broken[check] = broken;
	size_t count = live_note(table, live_target_of(table, TEXT(T)), &posts, &seen, alarms);
	ck_assert_uint_le(count, 1);
	return count == 1;
}

static bool see_new(size_t check, bool broken)
{
	static unsigned number;
	char request[32];

	(void)snprintf(request, sizeof(request), "request %u", number++);
	return see(check, broken, request);
}

/* How many violations in a row it takes. */
static int straight(size_t check)
{
	int count = 1;

	while (count < 1000 && !see_new(check, true))
		count++;
	return count;
}

static bool chance(double p)
{
	randomness ^= randomness << 13;
	randomness ^= randomness >> 7;
	randomness ^= randomness << 17;
	return (double)(randomness >> 11) / 9007199254740992.0 < p;
}

/* */
START_TEST(violations_in_a_row_alarm_as_the_manual_says)
{
	ck_assert_int_eq(straight(WIRE_TS_01), 3);
	ck_assert_int_eq(straight(WIRE_TC_04), 8);
	ck_assert_int_eq(straight(LIVE_ARGUMENTS), 6);
	/* Once: it is told, and not told again. */
	ck_assert(!see_new(WIRE_TS_01, true));
	live_rearm(live_target_of(table, TEXT(T)), alarms[0].post);
}
END_TEST

START_TEST(an_alarm_says_how_often_and_comes_again_when_it_is_taken_back)
{
	for (int i = 0; i < 10; i++)
		ck_assert(!see_new(WIRE_TS_01, false));
	ck_assert(!see_new(WIRE_TS_01, true));
	ck_assert(!see_new(WIRE_TS_01, true));
	ck_assert(see_new(WIRE_TS_01, true));
	ck_assert_int_eq(alarms[0].occasions, 13);
	ck_assert_int_eq(alarms[0].violations, 3);
	ck_assert(text_is(alarms[0].post->cell->case_id, "TS-01"));
	ck_assert(!see_new(WIRE_TS_01, true));
	live_rearm(live_target_of(table, TEXT(T)), alarms[0].post);
	ck_assert(see_new(WIRE_TS_01, true));
}
END_TEST

START_TEST(three_of_a_deterministic_rule_count_within_eighty_occasions)
{
	ck_assert(!see_new(WIRE_TS_01, true));
	for (int i = 0; i < 38; i++)
		ck_assert(!see_new(WIRE_TS_01, false));
	ck_assert(!see_new(WIRE_TS_01, true));
	for (int i = 0; i < 38; i++)
		ck_assert(!see_new(WIRE_TS_01, false));
	ck_assert(see_new(WIRE_TS_01, true));
}
END_TEST

/* Whatever the model has no say in: a rule holds, or it does not. */
START_TEST(all_but_stochastic_cells_are_tested_as_deterministic)
{
	const struct live_test rule = live_test_of(CASE_DETERMINISTIC, false);

	for (int critical = 0; critical < 2; critical++) {
		const struct live_test tests[] = {live_test_of(CASE_DETERMINISTIC, critical),
		                                  live_test_of(CASE_NEGATIVE, critical),
		                                  live_test_of(CASE_TIMING, critical)};
		for (size_t i = 0; i < ARRAY_LENGTH(tests); i++)
			ck_assert(!memcmp(&tests[i], &rule, sizeof(rule)));
	}
	ck_assert_double_gt(live_test_of(CASE_STOCHASTIC, true).broken,
	                    live_test_of(CASE_STOCHASTIC, false).broken);
}
END_TEST

START_TEST(one_in_a_thousand_is_not_enough_of_a_deterministic_rule)
{
	for (int i = 0; i < 50000; i++)
		ck_assert(!see_new(WIRE_TS_01, i % 1000 == 0));
}
END_TEST

START_TEST(a_request_that_is_sent_again_counts_once_where_the_model_decides)
{
	for (int i = 0; i < 100; i++)
		ck_assert(!see(WIRE_TC_04, true, "the same"));
	/* The wire is the target's own, whoever asks for it. */
	ck_assert(!see(WIRE_TS_01, true, "the same"));
	ck_assert(!see(WIRE_TS_01, true, "the same"));
	ck_assert(see(WIRE_TS_01, true, "the same"));
}
END_TEST

START_TEST(only_cells_that_speak_for_the_request_are_counted)
{
	shape = routing_shape(&rig, "chat stream");
	for (int i = 0; i < 50; i++)
		ck_assert(!see_new(WIRE_TS_01, true));
	shape = routing_shape(&rig, "chat tools");
	for (int i = 0; i < 50; i++)
		ck_assert(!see_new(WIRE_TS_01, true));
	shape = routing_shape(&rig, "chat tools stream");
	ck_assert_int_eq(straight(WIRE_TS_01), 3);
}
END_TEST

START_TEST(cells_that_do_not_pass_have_nothing_to_lose)
{
	struct live_cell record = {.quarantined_wall_ms = 1};

	rig.cells[0].verdict = VERDICT_FAIL;
	rig.cells[1].quarantine = &record;
	rig.cells[2].case_hash = TEXT("another");
	build();
	ck_assert_uint_eq(posts.count, 2);
}
END_TEST

START_TEST(a_cell_that_was_asked_again_begins_anew)
{
	ck_assert(!see_new(WIRE_TS_01, true));
	ck_assert(!see_new(WIRE_TS_01, true));
	for (size_t i = 0; i < rig.matrix.count; i++)
		rig.cells[i].tested_wall_ms++;
	ck_assert_int_eq(straight(WIRE_TS_01), 3);
	/* An alarm of before that is taken back takes nothing from what was counted since. */
	struct matrix_cell before = *alarms[0].post->cell;
	struct live_post old = *alarms[0].post;
	before.tested_wall_ms--;
	old.cell = &before;
	live_rearm(live_target_of(table, TEXT(T)), &old);
	ck_assert(!see_new(WIRE_TS_01, true));
	live_rearm(live_target_of(table, TEXT(T)), alarms[0].post);
	ck_assert(see_new(WIRE_TS_01, true));
	ck_assert_int_eq(alarms[0].violations, 5);
}
END_TEST

/* The share of runs of `length` occasions that alarm at that rate of violations. */
static int alarms_at(double rate, int runs, int length)
{
	int count = 0;

	for (int run = 0; run < runs; run++) {
		for (int i = 0; i < length; i++)
			if (see_new(WIRE_TC_04, chance(rate))) {
				count++;
				break;
			}
		for (size_t i = 0; i < rig.matrix.count; i++)
			rig.cells[i].tested_wall_ms++;
	}
	return count;
}

START_TEST(a_clean_target_is_hardly_ever_quarantined)
{
	/* At the worst rate that still counts as good: at most one in 442,000 occasions. */
	ck_assert_int_le(alarms_at(.05, 20, 20000), 2);
	/* Twice as good as it must be: never in any run that could be watched. */
	ck_assert_int_eq(alarms_at(.025, 20, 20000), 0);
}
END_TEST

START_TEST(a_target_gone_bad_is_found_soon)
{
	/* At the rate that the suite rejects: within a hundred occasions nearly always. */
	ck_assert_int_ge(alarms_at(.30, 200, 100), 190);
	ck_assert_int_ge(alarms_at(.60, 200, 30), 190);
}
END_TEST

START_TEST(a_long_good_time_does_not_delay_an_alarm)
{
	for (int i = 0; i < 100000; i++)
		ck_assert(!see_new(WIRE_TC_04, false));
	ck_assert_int_eq(straight(WIRE_TC_04), 8);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, violations_in_a_row_alarm_as_the_manual_says);
	tcase_add_test(cases, an_alarm_says_how_often_and_comes_again_when_it_is_taken_back);
	tcase_add_test(cases, three_of_a_deterministic_rule_count_within_eighty_occasions);
	tcase_add_test(cases, all_but_stochastic_cells_are_tested_as_deterministic);
	tcase_add_test(cases, one_in_a_thousand_is_not_enough_of_a_deterministic_rule);
	tcase_add_test(cases, a_request_that_is_sent_again_counts_once_where_the_model_decides);
	tcase_add_test(cases, only_cells_that_speak_for_the_request_are_counted);
	tcase_add_test(cases, cells_that_do_not_pass_have_nothing_to_lose);
	tcase_add_test(cases, a_cell_that_was_asked_again_begins_anew);
	tcase_add_test(cases, a_clean_target_is_hardly_ever_quarantined);
	tcase_add_test(cases, a_target_gone_bad_is_found_soon);
	tcase_add_test(cases, a_long_good_time_does_not_delay_an_alarm);
}

int main(void)
{
	return unit_main("live_table", add);
}
