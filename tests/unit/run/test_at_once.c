/* Steps asked at the same time: how many really are, stopped and cut in between, judged again. */
#include "tests/unit/run/rig.h"

enum {
	WHOLE = 15,     /* requests of CO-01: 1, 4 and 10 */
	ANSWER_MS = 30, /* so that none is answered before all are asked */
	RESUME_STRIDE = 3,
};

/* Whoever loses this: a run of ten at once that is told to be ten at once, and was one by one. */
static void start(const char *breaks, int64_t ttft_ms, int64_t concurrency)
{
	struct sim_options options = sim_defaults;
	struct text name = text_of(breaks);
	struct fault fault;

	options.breaks = &name;
	options.break_count = *breaks == '\0' ? 0 : 1;
	options.ttft_ms = ttft_ms;
	options.oracle = reference_oracle(&rig.suite);
	ck_assert_msg(sim_start(rig.loop, &options, &rig.sim, &fault), "%s", fault.message);
	rig_make_provider(0, "sim", text_of(sim_base_url(rig.sim)), TEXT("sim-key"));
	rig.providers[0].limits.concurrency = concurrency;
}

static void anew(void)
{
	rig_remove(rig.folder);
	ck_assert_int_eq(mkdir(rig.folder, 0700), 0);
	rig.options.done_path = NULL;
	rig.attempts_told = 0;
}

static void passes(const char *case_id)
{
	struct matrix matrix = rig_matrix();
	const struct matrix_cell *cell = rig_cell_of(&matrix, case_id);

	ck_assert_msg(cell->verdict == VERDICT_PASS, "%s is %s: %.*s", case_id,
	              verdict_name(cell->verdict), TEXT_ARG(cell->first_error));
}

static struct text json_of(struct matrix_builder *builder)
{
	struct text_buf out;
	struct matrix matrix;

	matrix_builder_finish(builder, &rig.arena, &matrix);
	text_buf_init(&out, 8 << 20);
	matrix_write_json(&matrix, &out);
	struct text copy = text_copy(&rig.arena, text_buf_view(&out));
	text_buf_done(&out);
	matrix_builder_free(builder);
	return copy;
}

static void replays_the_same(void)
{
	struct matrix_builder *live = matrix_builder_new(&rig.suite, NULL);
	struct matrix_builder *again = matrix_builder_new(&rig.suite, NULL);
	struct journal_visitor to_live = matrix_builder_visitor(live);
	struct journal_visitor to_again = matrix_builder_visitor(again);
	struct fault fault;

	ck_assert(journal_scan(rig.paths.journal, &to_live, NULL, &fault));
	ck_assert_msg(run_replay(rig.folder, &rig.suite, &to_again, &fault), "%s", fault.message);
	struct text first = json_of(live), second = json_of(again);
	ck_assert_msg(text_equal(first, second), "live %.*s\nreplay %.*s", TEXT_ARG(first),
	              TEXT_ARG(second));
}

static void says(const char *case_id, const char *words)
{
	struct matrix matrix = rig_matrix();
	struct text fates = rig_cell_of(&matrix, case_id)->fates;

	ck_assert_msg(text_find(fates, text_of(words), 0) != TEXT_NOT_FOUND, "%.*s",
	              TEXT_ARG(fates));
}

START_TEST(all_are_under_way_together_where_the_provider_takes_as_many)
{
	start("", ANSWER_MS, 10);
	rig.options.jobs = 1;
	rig_plan("CO-01");
	struct runner_progress progress = rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_int_eq(sim_requests(rig.sim), WHOLE);
	ck_assert_int_eq(progress.reserved_pico_usd, 0);
	passes("CO-01");
	says("CO-01", "10 at once");
	struct matrix matrix = rig_matrix();
	ck_assert_uint_eq(text_find(rig_cell_of(&matrix, "CO-01")->fates, TEXT("never"), 0),
	                  TEXT_NOT_FOUND);
	replays_the_same();
}
END_TEST

START_TEST(no_more_than_its_limit_are_and_that_is_said)
{
	start("", ANSWER_MS, 3);
	rig_plan("CO-01 CO-02 CH-0?");
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	passes("CO-01");
	says("CO-01", "10 at once (never over 3)");
	says("CO-02", "4 at once (never over 3)");
	replays_the_same();
}
END_TEST

START_TEST(one_at_a_time_is_asked_as_well_and_ends)
{
	start("", 0, 1);
	rig_plan("CO-01 CH-03");
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	passes("CO-01");
	passes("CH-03");
}
END_TEST

static void stop_and_resume(int64_t after, int64_t drain_ms)
{
	int64_t before = sim_requests(rig.sim);

	anew();
	rig_plan("CO-01");
	rig.stop_after = after;
	rig.drain_ms = drain_ms;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_INTERRUPTED);
	rig.stop_after = 0;
	rig_resume();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	passes("CO-01");
	int64_t asked = sim_requests(rig.sim) - before;
	ck_assert_int_ge(asked, WHOLE);
	/* Drained, nothing is asked twice; cancelled, what was in flight is. */
	ck_assert_int_le(asked, WHOLE + (drain_ms == 0 ? 10 : 0));
	replays_the_same();
}

START_TEST(stopped_within_a_group_it_goes_on_with_those_that_are_missing)
{
	start("", 0, 4);
	for (int64_t after = 1; after < WHOLE; after++) {
		stop_and_resume(after, 60000);
		stop_and_resume(after, 0);
	}
}
END_TEST

START_TEST(a_journal_cut_within_a_group_is_gone_on_with)
{
	struct source *source;
	struct fault fault;

	start("", 0, 10);
	rig_plan("CO-01");
	rig_run();
	ck_assert(file_read(rig.paths.journal, 1 << 24, &rig.arena, &source, &fault));
	int64_t lines = 0;
	for (size_t at = text_find_byte(source->body, '\n', 0) + 1; at < source->body.len;
	     at = text_find_byte(source->body, '\n', at) + 1, lines++) {
		int64_t before = sim_requests(rig.sim);
		if (lines % RESUME_STRIDE != 0)
			continue;
		ck_assert(
		    file_replace(rig.paths.journal, text_slice(source->body, 0, at), 0644, &fault));
		rig_resume();
		ck_assert_int_eq(rig.end, RUNNER_FINISHED);
		ck_assert_int_eq(sim_requests(rig.sim) - before, WHOLE - lines);
		passes("CO-01");
		replays_the_same();
	}
	ck_assert_int_eq(lines, WHOLE);
}
END_TEST

START_TEST(what_fails_once_is_asked_again_and_the_group_waits_for_it)
{
	start("storm-500:6", 0, 10);
	rig_plan("CO-01");
	rig.options.max_attempts = 8;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	passes("CO-01");
	replays_the_same();
}
END_TEST

START_TEST(a_provider_that_is_down_within_a_group_is_infrastructure)
{
	start("storm-500:14", 0, 10);
	rig_plan("CO-01");
	rig.options.max_attempts = 1;
	rig_run();
	struct matrix matrix = rig_matrix();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_int_gt(rig_cell_of(&matrix, "CO-01")->tally.of[OUTCOME_INFRA], 0);
	ck_assert_int_eq(rig_cell_of(&matrix, "CO-01")->tally.of[OUTCOME_VIOLATION], 0);
	replays_the_same();
}
END_TEST

START_TEST(words_of_another_are_noticed)
{
	start("CO-01", ANSWER_MS, 10);
	rig_plan("CO-01");
	rig_run();
	struct matrix matrix = rig_matrix();
	ck_assert_int_eq(rig_cell_of(&matrix, "CO-01")->verdict, VERDICT_FAIL);
	replays_the_same();
}
END_TEST

START_TEST(errors_of_a_crowd_are_counted_and_not_asked_again)
{
	start("CO-02", 0, 10);
	rig_plan("CO-02");
	rig_run();
	struct matrix matrix = rig_matrix();
	ck_assert_int_eq(rig_cell_of(&matrix, "CO-02")->verdict, VERDICT_FAIL);
	ck_assert_int_eq(sim_requests(rig.sim), (int64_t)VERDICT_CONFIRM_TRIALS * WHOLE);
	says("CO-02", "limited");
	replays_the_same();
}
END_TEST

/* The cap counts all that is in flight: with less than the whole question may cost, nothing is
 * sent. */
START_TEST(the_cap_counts_every_copy)
{
	start("", 0, 10);
	rig.providers[0].models[0].price = (struct price){
	    .known = true,
	    .base = {.input = 1000000000000,
	             .cached_input = -1,
	             .cache_write = -1,
	             .cache_write_1h = -1,
	             .output = 2000000000000,
	             .reasoning = -1},
	    .version = TEXT("config"),
	};
	rig_plan("CO-01");
	int64_t one = plan_step_bound(&rig.targets[0], rig.plan.probes[0].asks, 5, NULL);
	ck_assert_int_ge(rig.plan.probes[0].bound_pico_usd, one * 10);
	rig.options.max_spend_pico_usd = rig.plan.probes[0].bound_pico_usd - 1;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_CAP);
	ck_assert_int_eq(sim_requests(rig.sim), 0);
	anew();
	/* And with just that it ends: what is answered is no longer held back for. */
	rig.options.max_spend_pico_usd++;
	struct runner_progress progress = rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_int_eq(sim_requests(rig.sim), WHOLE);
	ck_assert_int_eq(progress.reserved_pico_usd, 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, rig_setup, rig_teardown);
	tcase_add_test(cases, all_are_under_way_together_where_the_provider_takes_as_many);
	tcase_add_test(cases, no_more_than_its_limit_are_and_that_is_said);
	tcase_add_test(cases, one_at_a_time_is_asked_as_well_and_ends);
	tcase_add_test(cases, stopped_within_a_group_it_goes_on_with_those_that_are_missing);
	tcase_add_test(cases, a_journal_cut_within_a_group_is_gone_on_with);
	tcase_add_test(cases, what_fails_once_is_asked_again_and_the_group_waits_for_it);
	tcase_add_test(cases, a_provider_that_is_down_within_a_group_is_infrastructure);
	tcase_add_test(cases, words_of_another_are_noticed);
	tcase_add_test(cases, errors_of_a_crowd_are_counted_and_not_asked_again);
	tcase_add_test(cases, the_cap_counts_every_copy);
}

int main(void)
{
	return unit_main("at_once", add);
}
