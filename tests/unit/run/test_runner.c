/* The runner against the simulator: whole runs, stopped, capped, cut and gone on with. */
#include "tests/unit/run/rig.h"

#include "harness/run/matrix/cell_index.h"

#include <fcntl.h>

/* Several capabilities, one of them with two steps, served by few questions. */
#define SOME_CASES "HT-01 CH-01 CH-02 CH-03 TC-01 TC-05 TR-01 US-01 US-02 ST-0?"

enum { SOME_TRIALS = 2 };

static void price_targets(void)
{
	for (size_t i = 0; i < rig.target_count; i++)
		rig.providers[i].models[0].price = (struct price){
		    .known = true,
		    .base = {.input = 1000000000000,
		             .cached_input = -1,
		             .cache_write = -1,
		             .cache_write_1h = -1,
		             .output = 2000000000000,
		             .reasoning = -1},
		    .version = TEXT("config"),
		};
}

static bool expects_pass(const struct matrix_cell *cell)
{
	return cell->verdict == VERDICT_PASS;
}

static void all_pass(const struct matrix *matrix)
{
	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		ck_assert_msg(expects_pass(cell), "%.*s %.*s~%s is %s: %.*s",
		              TEXT_ARG(cell->target), TEXT_ARG(cell->case_id),
		              case_variant_names[cell->variant], verdict_name(cell->verdict),
		              TEXT_ARG(cell->first_error));
	}
}

/* Lines of a journal, counted. */
struct counted {
	int64_t lines, owners, trials;
};

static bool count_line(void *context, const struct journal_attempt *line,
                       struct fault *fault UNUSED)
{
	struct counted *counted = context;

	counted->lines++;
	counted->owners += line->owner;
	counted->trials += line->ends_trial;
	return true;
}

static struct counted count_journal(void)
{
	struct counted counted = {0};
	const struct journal_visitor visitor = {NULL, count_line, &counted};
	struct fault fault;

	ck_assert_msg(journal_scan(rig.paths.journal, &visitor, NULL, &fault), "%s", fault.message);
	return counted;
}

START_TEST(a_good_provider_passes_and_one_response_serves_many_cases)
{
	rig_start_sim("");
	rig_plan(SOME_CASES);
	struct runner_progress progress = rig_run();
	struct matrix matrix = rig_matrix();
	struct counted counted = count_journal();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	all_pass(&matrix);
	ck_assert_int_eq(matrix_exit_code(&matrix), 0);
	ck_assert_int_eq(progress.cells_decided, progress.cells_total);
	ck_assert_int_eq(progress.probes_done, progress.probes_total);
	ck_assert_int_eq(progress.reserved_pico_usd, 0);
	ck_assert_uint_eq(rig.cells_told, matrix.count);
	/* Every request is one attempt with one owner, and serves more than itself. */
	ck_assert_int_eq(sim_requests(rig.sim), counted.owners);
	ck_assert_int_eq(progress.attempts, counted.owners);
	ck_assert_int_eq(rig.attempts_told, counted.owners);
	ck_assert_int_eq(counted.trials, (int64_t)matrix.count);
	ck_assert_int_lt(counted.owners, counted.trials);
}
END_TEST

START_TEST(a_defect_is_noticed_and_confirmed)
{
	rig_start_sim("TC-01");
	rig_plan("TC-01 CH-03");
	struct runner_progress progress = rig_run();
	struct matrix matrix = rig_matrix();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert(expects_pass(rig_cell_of(&matrix, "CH-03")));
	const struct matrix_cell *cell = rig_cell_of(&matrix, "TC-01");
	ck_assert_int_eq(cell->verdict, VERDICT_FAIL);
	ck_assert_int_eq(tally_judged(&cell->tally), VERDICT_CONFIRM_TRIALS);
	ck_assert_uint_gt(cell->first_error.len, 0);
	ck_assert_uint_gt(cell->evidence.len, 0);
	ck_assert_int_eq(matrix_exit_code(&matrix), 1);
	ck_assert_int_gt(progress.attempts, 4);
}
END_TEST

START_TEST(more_trials_are_asked_with_new_nonces)
{
	rig_start_sim("");
	rig_plan("CH-03");
	rig.plan.rules.min_trials = 5;
	rig_run();
	struct matrix matrix = rig_matrix();
	ck_assert_int_eq(rig_cell_of(&matrix, "CH-03")->tally.of[OUTCOME_OK], 5);
	ck_assert(expects_pass(rig_cell_of(&matrix, "CH-03")));
}
END_TEST

/* Of these, TC-05 is critical, and TS-01 asks what the streamed TC-01 asks. */
START_TEST(the_rules_of_the_plan_say_how_often_each_case_is_asked)
{
	static const struct {
		enum verdict_test test;
		int64_t stochastic, critical;
	} known[] = {{VERDICT_ONCE, 1, 1}, {VERDICT_BRIEF, 3, 3}, {VERDICT_FULL, 10, 15}};

	rig_start_sim("");
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		rig_plan("TC-01 TC-05 US-01 TS-01");
		rig.plan.rules.test = known[i].test;
		rig_run();
		ck_assert_int_eq(rig.end, RUNNER_FINISHED);
		struct matrix matrix = rig_matrix();
		all_pass(&matrix);
		ck_assert_int_eq(tally_trials(&rig_cell_of(&matrix, "TC-01")->tally),
		                 known[i].stochastic);
		ck_assert_int_eq(tally_trials(&rig_cell_of(&matrix, "TC-05")->tally),
		                 known[i].critical);
		ck_assert_int_eq(tally_trials(&rig_cell_of(&matrix, "US-01")->tally), 1);
		/* What one answer tells is not asked ten times because another case is. */
		const struct matrix_cell *wire =
		    matrix_find(&matrix, rig.targets[0].name, TEXT("TS-01"), CASE_STREAM);
		ck_assert_ptr_nonnull(wire);
		ck_assert_int_eq(tally_trials(&wire->tally), 1);
		rig_remove(rig.folder);
		ck_assert_int_eq(mkdir(rig.folder, 0700), 0);
	}
}
END_TEST

/* --- evidence --- */

static bool check_evidence(void *context, const struct journal_attempt *line, struct fault *fault)
{
	struct recording_label label;
	struct exchange exchange;

	*(int64_t *)context += 1;
	ck_assert_msg(recording_read(rig.paths.evidence, line->evidence, &rig.arena, &label,
	                             &exchange, fault),
	              "%s", fault->message);
	assert_text(label.target, text_c(&rig.arena, line->target));
	ck_assert_int_eq(label.trial, line->trial);
	ck_assert_int_eq(label.step, line->step);
	ck_assert_int_eq(label.attempt, line->attempt);
	ck_assert_int_eq(exchange.status, line->status);
	ck_assert_uint_eq(text_find(exchange.request_body, TEXT("sim-key"), 0), TEXT_NOT_FOUND);
	return true;
}

START_TEST(every_line_names_evidence_that_is_there)
{
	int64_t lines = 0;
	const struct journal_visitor visitor = {NULL, check_evidence, &lines};
	struct fault fault;

	rig_start_sim("");
	rig_plan(SOME_CASES);
	rig_run();
	ck_assert(journal_scan(rig.paths.journal, &visitor, NULL, &fault));
	ck_assert_int_gt(lines, 10);
}
END_TEST

/* --- money --- */

static bool within_cap = true;

static void watch_cap(void *context UNUSED, const struct journal_attempt *attempt UNUSED)
{
	struct runner_progress progress = runner_progress(rig.runner);

	if (progress.spent_pico_usd + progress.reserved_pico_usd > rig.options.max_spend_pico_usd)
		within_cap = false;
}

/* A cap that is reached half-way: the dearest question fits, and half of what all of them cost. */
static int64_t half_way(void)
{
	int64_t dearest = 0;

	int64_t spent = rig_run().spent_pico_usd;
	for (size_t i = 0; i < rig.plan.probe_count; i++)
		dearest = int64_max(dearest, rig.plan.probes[i].bound_pico_usd);
	rig_remove(rig.folder);
	ck_assert_int_eq(mkdir(rig.folder, 0700), 0);
	return dearest + spent / 2;
}

START_TEST(the_cap_holds_with_what_is_in_flight_and_the_run_can_go_on)
{
	rig_start_sim("");
	price_targets();
	rig.providers[0].models[0].max_output = 64;
	rig_plan(SOME_CASES);
	rig.plan.rules.min_trials = 10; /* what all of it costs is more than any one bound */
	ck_assert(!rig.plan.price_assumed);
	rig.options.max_spend_pico_usd = half_way();
	rig.watch = watch_cap;
	int64_t requests = sim_requests(rig.sim);
	struct runner_progress progress = rig_run();
	ck_assert_int_eq(rig.end, RUNNER_CAP);
	ck_assert(within_cap);
	ck_assert_int_gt(progress.spent_pico_usd, 0);
	ck_assert_int_le(progress.spent_pico_usd, rig.options.max_spend_pico_usd);
	ck_assert_int_lt(progress.cells_decided, progress.cells_total);
	struct counted before = count_journal();
	rig.options.max_spend_pico_usd = INT64_MAX;
	progress = rig_resume();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_int_eq(progress.cells_decided, progress.cells_total);
	ck_assert_int_gt(count_journal().owners, before.owners);
	ck_assert_int_eq(sim_requests(rig.sim) - requests, count_journal().owners);
}
END_TEST

START_TEST(nothing_is_asked_where_not_even_one_question_fits)
{
	rig_start_sim("");
	price_targets();
	rig_plan("CH-03");
	rig.options.max_spend_pico_usd = 1;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_CAP);
	ck_assert_int_eq(sim_requests(rig.sim), 0);
	struct matrix matrix = rig_matrix();
	ck_assert_int_eq(rig_cell_of(&matrix, "CH-03")->verdict, VERDICT_SKIPPED);
}
END_TEST

START_TEST(the_cost_of_a_run_adds_up_over_its_cells)
{
	int64_t sum = 0;

	rig_start_sim("");
	price_targets();
	rig_plan(SOME_CASES);
	struct runner_progress progress = rig_run();
	struct matrix matrix = rig_matrix();
	for (size_t i = 0; i < matrix.count; i++)
		sum += int64_max(matrix.cells[i].cost_pico_usd, 0);
	ck_assert_int_gt(sum, 0);
	ck_assert_int_eq(sum, progress.spent_pico_usd);
}
END_TEST

/* --- stopping and going on --- */

static bool note_line(void *context, const struct journal_attempt *line, struct fault *fault UNUSED)
{
	struct cell_index *seen = context;
	struct text where =
	    text_format(&rig.arena, "%.*s~%.*s trial %lld step %lld", TEXT_ARG(line->case_id),
	                TEXT_ARG(line->variant), (long long)line->trial, (long long)line->step);
	struct cell_key key = {.target = where};

	key.case_id = text_format(&rig.arena, "%lld", (long long)line->attempt);
	ck_assert_msg(cell_index_find(seen, key) == SIZE_MAX, "%s: attempt %lld stands twice",
	              where.data, (long long)line->attempt);
	cell_index_add(seen, key, 0);
	key.case_id = text_format(&rig.arena, "%lld", (long long)line->attempt - 1);
	ck_assert_msg(line->attempt == 1 || cell_index_find(seen, key) != SIZE_MAX,
	              "%s: attempt %lld without the one before", where.data,
	              (long long)line->attempt);
	return true;
}

/* Each attempt has a number of its own, however often the run was gone on with. */
static void no_attempt_twice(void)
{
	struct cell_index seen = {0};
	const struct journal_visitor visitor = {NULL, note_line, &seen};
	struct fault fault;

	ck_assert(journal_scan(rig.paths.journal, &visitor, NULL, &fault));
	cell_index_done(&seen);
}

static int64_t requests_of_whole_run(void)
{
	rig_plan(SOME_CASES);
	rig.plan.rules.min_trials = SOME_TRIALS;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	int64_t requests = sim_requests(rig.sim);
	rig_remove(rig.folder);
	ck_assert_int_eq(mkdir(rig.folder, 0700), 0);
	return requests;
}

/* Stopped after so many attempts, gone on with: the same cells, no trial twice. */
static void stop_and_resume(int64_t after, int64_t drain_ms, int64_t whole)
{
	int64_t before = sim_requests(rig.sim);

	rig.options.done_path = NULL;
	rig.stop_after = after;
	rig.attempts_told = 0;
	rig.drain_ms = drain_ms;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_INTERRUPTED);
	rig.stop_after = 0;
	rig_resume();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	struct matrix matrix = rig_matrix();
	all_pass(&matrix);
	for (size_t i = 0; i < matrix.count; i++)
		ck_assert_int_eq(tally_trials(&matrix.cells[i].tally), SOME_TRIALS);
	no_attempt_twice();
	int64_t asked = sim_requests(rig.sim) - before;
	/* A drained run asks nothing twice; what was cancelled in flight is asked again. */
	ck_assert_int_ge(asked, whole);
	ck_assert_int_le(asked, whole + (drain_ms == 0 ? rig.options.jobs : 0));
	rig_remove(rig.folder);
	ck_assert_int_eq(mkdir(rig.folder, 0700), 0);
}

START_TEST(a_stopped_run_goes_on_where_it_was)
{
	rig_start_sim("");
	int64_t whole = requests_of_whole_run();
	for (int64_t after = 1; after < whole; after += 3) {
		stop_and_resume(after, 60000, whole);
		stop_and_resume(after, 0, whole);
	}
}
END_TEST

/* What kill -9 leaves: any first part of the journal, all of the evidence. */
START_TEST(a_journal_cut_anywhere_is_gone_on_with_and_nothing_on_disk_is_asked_again)
{
	struct source *source;
	struct fault fault;

	rig_start_sim("");
	rig_plan(SOME_CASES);
	rig.plan.rules.min_trials = SOME_TRIALS;
	rig_run();
	int64_t whole = sim_requests(rig.sim);
	ck_assert(file_read(rig.paths.journal, 1 << 24, &rig.arena, &source, &fault));
	size_t head = text_find_byte(source->body, '\n', 0) + 1;
	for (size_t cut = head; cut < source->body.len; cut += 997) {
		int64_t before = sim_requests(rig.sim);
		ck_assert(file_replace(rig.paths.journal, text_slice(source->body, 0, cut), 0644,
		                       &fault));
		int64_t kept = count_journal().owners;
		rig_resume();
		ck_assert_int_eq(rig.end, RUNNER_FINISHED);
		struct matrix matrix = rig_matrix();
		all_pass(&matrix);
		no_attempt_twice();
		int64_t asked = sim_requests(rig.sim) - before;
		/* A cut within the lines of one attempt costs the cases behind it one more. */
		ck_assert_int_ge(asked, whole - kept);
		ck_assert_int_le(asked, whole - kept + SOME_TRIALS * 2);
	}
}
END_TEST

START_TEST(a_damaged_journal_is_refused_or_gone_on_with)
{
	struct source *source;
	struct fault fault;
	unsigned resumed = 0;

	rig_start_sim("");
	rig_plan("CH-03 TR-01");
	rig_run();
	ck_assert(file_read(rig.paths.journal, 1 << 24, &rig.arena, &source, &fault));
	struct text whole = source->body;
	char *changed = arena_alloc_bytes(&rig.arena, whole.len);
	for (size_t at = text_find_byte(whole, '\n', 0) + 1; at < whole.len; at += 13) {
		struct journal_head head;
		memcpy(changed, whole.data, whole.len);
		changed[at] = changed[at] == '1' ? '9' : (char)(changed[at] ^ 1);
		ck_assert(file_replace(rig.paths.journal, (struct text){changed, whole.len}, 0644,
		                       &fault));
		if (!journal_resume(&rig.journal, rig.paths.journal, &rig.arena, &head, &fault))
			continue;
		journal_close(&rig.journal);
		resumed++;
		rig_resume();
		ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	}
	ck_assert_uint_gt(resumed, 10);
}
END_TEST

START_TEST(a_run_of_another_suite_is_not_gone_on_with)
{
	const struct runner_events events = {.end = rig_end};
	struct runner *runner;
	struct fault fault;

	rig_start_sim("");
	rig_plan("CH-03");
	rig_run();
	rig.options.done_path = rig.paths.journal;
	rig.suite.hash[0] = rig.suite.hash[0] == 'a' ? 'b' : 'a';
	ck_assert(!runner_start(rig.loop, rig.caller, &rig.options, &events, &runner, &fault));
	assert_fault_says(&fault, "suite has changed");
}
END_TEST

/* --- when things go wrong --- */

START_TEST(a_refused_key_stops_the_provider_with_one_line_and_no_red_cells)
{
	rig_start_sim("");
	secret_free(rig.providers[0].key);
	rig.providers[0].key = secret_from_bytes(TEXT("wrong-key-entirely"));
	rig_plan(SOME_CASES);
	struct runner_progress progress = rig_run();
	struct matrix matrix = rig_matrix();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_uint_eq(rig.stops, 1);
	ck_assert_uint_ne(text_find(rig.stop_reason, TEXT("401"), 0), TEXT_NOT_FOUND);
	ck_assert_int_le(sim_requests(rig.sim), rig.options.jobs);
	ck_assert_int_eq(progress.cells_decided, progress.cells_total);
	for (size_t i = 0; i < matrix.count; i++) {
		ck_assert_int_eq(matrix.cells[i].verdict, VERDICT_ERROR);
		ck_assert_uint_ne(text_find(matrix.cells[i].first_error, TEXT("401"), 0),
		                  TEXT_NOT_FOUND);
	}
	ck_assert_int_eq(matrix_exit_code(&matrix), 4);
	/* With the right key the run goes on, and what was not asked is asked. */
	secret_free(rig.providers[0].key);
	rig.providers[0].key = secret_from_bytes(TEXT("sim-key"));
	rig_resume();
	matrix = rig_matrix();
	all_pass(&matrix);
}
END_TEST

START_TEST(one_stopped_provider_does_not_stop_the_other)
{
	rig_start_sim("");
	rig_make_provider(1, "other", text_of(sim_base_url(rig.sim)), TEXT("wrong-key-entirely"));
	rig_plan("CH-03 US-01");
	rig_run();
	struct matrix matrix = rig_matrix();
	ck_assert_uint_eq(rig.stops, 1);
	for (size_t i = 0; i < matrix.count; i++)
		ck_assert_int_eq(matrix.cells[i].verdict, text_is(matrix.cells[i].provider, "sim")
		                                              ? VERDICT_PASS
		                                              : VERDICT_ERROR);
}
END_TEST

START_TEST(infrastructure_is_retried_and_leaves_the_rate)
{
	rig_start_sim("storm-500:2");
	rig_plan("CH-03");
	rig.options.jobs = 1;
	struct runner_progress progress = rig_run();
	struct matrix matrix = rig_matrix();
	const struct matrix_cell *sync = rig_cell_of(&matrix, "CH-03");
	all_pass(&matrix);
	ck_assert_int_eq(progress.infra_attempts, 2);
	ck_assert_int_eq(sync->tally.of[OUTCOME_INFRA], 0); /* the trial had its answer */
	ck_assert_int_eq(matrix.cells[0].retries + matrix.cells[1].retries, 2);
}
END_TEST

START_TEST(a_provider_that_is_not_there_is_an_error_and_no_failure)
{
	rig_start_sim("");
	rig_plan("CH-03 US-01");
	sim_stop(rig.sim);
	rig.sim = NULL;
	rig.options.max_attempts = 1;
	rig_run();
	struct matrix matrix = rig_matrix();
	for (size_t i = 0; i < matrix.count; i++) {
		ck_assert_int_eq(matrix.cells[i].verdict, VERDICT_ERROR);
		ck_assert_uint_ne(text_find(matrix.cells[i].first_error, TEXT("connect"), 0),
		                  TEXT_NOT_FOUND);
		ck_assert_int_eq(tally_judged(&matrix.cells[i].tally), 0);
	}
	ck_assert_int_eq(matrix_exit_code(&matrix), 4);
}
END_TEST

START_TEST(a_question_that_gets_no_turn_within_its_deadline_is_infrastructure)
{
	size_t errors = 0;

	rig_start_sim("");
	rig.providers[0].limits.requests_per_minute = 1;
	rig.options.deadline_ms = 500;
	rig_plan("CH-03~stream TC-01");
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	struct matrix matrix = rig_matrix();
	for (size_t i = 0; i < matrix.count; i++) {
		const struct matrix_cell *cell = &matrix.cells[i];
		ck_assert_int_eq(tally_judged(&cell->tally), cell->tally.of[OUTCOME_OK]);
		if (cell->verdict != VERDICT_ERROR)
			continue;
		errors++;
		ck_assert_uint_ne(text_find(cell->first_error, TEXT("limits"), 0), TEXT_NOT_FOUND);
	}
	ck_assert_uint_gt(errors, 0);
}
END_TEST

START_TEST(what_the_disk_does_not_take_is_not_counted)
{
	struct journal_head head = {
	    .run_id = TEXT("run"), .suite_hash = text_of(rig.suite.hash), .seed = rig.options.seed};
	struct fault fault;

	rig_start_sim("");
	rig_plan(SOME_CASES);
	ck_assert(journal_create(&rig.journal, rig.paths.journal, &head, &fault));
	ck_assert(recording_open(rig.paths.evidence, &rig.recording, &fault));
	ck_assert_int_eq(close(rig.journal.log.fd), 0);
	rig.journal.log.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(rig.journal.log.fd, 0);
	struct runner_progress progress = rig_go();
	ck_assert_int_eq(rig.end, RUNNER_FAILED);
	assert_fault_says(&rig.end_fault, "");
	ck_assert_int_eq(rig.end_fault.kind, FAULT_SYSTEM);
	ck_assert_int_eq(progress.cells_decided, 0);
	ck_assert_int_eq(progress.attempts, 0);
	ck_assert_int_eq(rig.attempts_told, 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, rig_setup, rig_teardown);
	tcase_add_test(cases, a_good_provider_passes_and_one_response_serves_many_cases);
	tcase_add_test(cases, a_defect_is_noticed_and_confirmed);
	tcase_add_test(cases, more_trials_are_asked_with_new_nonces);
	tcase_add_test(cases, the_rules_of_the_plan_say_how_often_each_case_is_asked);
	tcase_add_test(cases, every_line_names_evidence_that_is_there);
	tcase_add_test(cases, the_cap_holds_with_what_is_in_flight_and_the_run_can_go_on);
	tcase_add_test(cases, nothing_is_asked_where_not_even_one_question_fits);
	tcase_add_test(cases, the_cost_of_a_run_adds_up_over_its_cells);
	tcase_add_test(cases, a_stopped_run_goes_on_where_it_was);
	tcase_add_test(cases,
	               a_journal_cut_anywhere_is_gone_on_with_and_nothing_on_disk_is_asked_again);
	tcase_add_test(cases, a_damaged_journal_is_refused_or_gone_on_with);
	tcase_add_test(cases, a_run_of_another_suite_is_not_gone_on_with);
	tcase_add_test(cases, a_refused_key_stops_the_provider_with_one_line_and_no_red_cells);
	tcase_add_test(cases, one_stopped_provider_does_not_stop_the_other);
	tcase_add_test(cases, infrastructure_is_retried_and_leaves_the_rate);
	tcase_add_test(cases, a_provider_that_is_not_there_is_an_error_and_no_failure);
	tcase_add_test(cases, a_question_that_gets_no_turn_within_its_deadline_is_infrastructure);
	tcase_add_test(cases, what_the_disk_does_not_take_is_not_counted);
}

int main(void)
{
	return unit_main("runner", add);
}
