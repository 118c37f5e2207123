/* The regression gate: every kind of change, the guards, waivers, exit codes. */
#include "tests/unit/run/baseline_rig.h"

static struct config_waiver waiver;

static void compare(void)
{
	matrix_sort(&base);
	matrix_sort(&head);
	baseline_compare(&base, &head, &options, &arena, &comparison);
}

static enum change change_of(const char *id)
{
	for (size_t i = 0; i < comparison.count; i++)
		if (text_is(change_cell(&comparison.changes[i])->case_id, id))
			return comparison.changes[i].change;
	ck_abort_msg("%s is not compared", id);
	return CHANGE_COUNT;
}

#define assert_change(id, expected)                                                                \
	ck_assert_str_eq(change_name(change_of(id)), change_name(expected))

static int exit_code(void)
{
	return comparison_exit_code(&comparison, &head, &arena);
}

/* One deterministic case before and after. */
static void compare_deterministic(enum verdict before, int64_t ok, int64_t miss, enum verdict after,
                                  int64_t ok_after, int64_t miss_after)
{
	base.count = head.count = 0;
	add(&base, "HT-01", before, ok, miss)->class_ = CASE_DETERMINISTIC;
	add(&head, "HT-01", after, ok_after, miss_after)->class_ = CASE_DETERMINISTIC;
	compare();
}

START_TEST(a_deterministic_pass_that_fails_three_times_of_three_has_regressed)
{
	compare_deterministic(VERDICT_PASS, 1, 0, VERDICT_FAIL, 0, 3);
	assert_change("HT-01", CHANGE_REGRESSED);
	ck_assert(isnan(comparison.changes[0].p_value));
	ck_assert_uint_eq(comparison.gating, 1);
	ck_assert_int_eq(exit_code(), 1);
	compare_deterministic(VERDICT_PASS, 1, 0, VERDICT_IGNORED, 0, 3);
	assert_change("HT-01", CHANGE_REGRESSED);
	compare_deterministic(VERDICT_PASS, 1, 0, VERDICT_UNSUPPORTED, 0, 3);
	assert_change("HT-01", CHANGE_REGRESSED);
}
END_TEST

START_TEST(a_deterministic_miss_that_is_not_confirmed_gates_nothing)
{
	compare_deterministic(VERDICT_PASS, 1, 0, VERDICT_FAIL, 0, 2);
	assert_change("HT-01", CHANGE_WATCH);
	compare_deterministic(VERDICT_PASS, 1, 0, VERDICT_INCONCLUSIVE, 0, 1);
	assert_change("HT-01", CHANGE_WATCH);
	ck_assert_int_eq(exit_code(), 3); /* not proven, and not held either */
	compare_deterministic(VERDICT_FLAKY, 2, 1, VERDICT_INCONCLUSIVE, 0, 1);
	ck_assert_int_eq(exit_code(), 0); /* there was nothing to hold */
	compare_deterministic(VERDICT_PASS, 1, 0, VERDICT_FLAKY, 1, 2);
	assert_change("HT-01", CHANGE_WATCH);
	ck_assert_int_eq(exit_code(), 0);
}
END_TEST

START_TEST(what_failed_before_and_fails_now_is_the_same_and_what_passes_now_is_fixed)
{
	compare_deterministic(VERDICT_FAIL, 0, 3, VERDICT_FAIL, 0, 3);
	assert_change("HT-01", CHANGE_SAME);
	ck_assert_int_eq(exit_code(), 0); /* it was accepted */
	compare_deterministic(VERDICT_FAIL, 0, 3, VERDICT_PASS, 1, 0);
	assert_change("HT-01", CHANGE_FIXED);
	compare_deterministic(VERDICT_UNSUPPORTED, 0, 3, VERDICT_FAIL, 0, 3);
	assert_change("HT-01", CHANGE_NOISE);
	compare_deterministic(VERDICT_INCONCLUSIVE, 0, 1, VERDICT_PASS, 1, 0);
	assert_change("HT-01", CHANGE_NOISE); /* it was not known to fail */
	compare_deterministic(VERDICT_PASS, 1, 0, VERDICT_PASS, 3, 0);
	assert_change("HT-01", CHANGE_SAME);
}
END_TEST

START_TEST(a_mixed_deterministic_cell_is_judged_by_chance)
{
	compare_deterministic(VERDICT_PASS, 20, 0, VERDICT_FLAKY, 1, 4);
	assert_change("HT-01", CHANGE_REGRESSED);
	ck_assert(comparison.changes[0].p_value < 0.001);
	compare_deterministic(VERDICT_FLAKY, 18, 2, VERDICT_FAIL, 0, 3);
	ck_assert(comparison.changes[0].p_value < 0.02);
	/* One success in three, and only one trial before it: nothing is proven. */
	compare_deterministic(VERDICT_PASS, 1, 0, VERDICT_FLAKY, 1, 2);
	ck_assert(!comparison.changes[0].gates);
}
END_TEST

START_TEST(a_stochastic_case_regresses_where_all_four_guards_hold)
{
	/* p = .0152, a drop of 100 points, a base bound of .72, and no other cell. */
	add(&base, "TC-10", VERDICT_PASS, 10, 0);
	add(&head, "TC-10", VERDICT_FAIL, 0, 2);
	compare();
	assert_change("TC-10", CHANGE_REGRESSED);
	ck_assert_double_eq_tol(comparison.changes[0].p_value, 1.0 / 66, 1e-12);
	ck_assert_int_eq(exit_code(), 1);
}
END_TEST

START_TEST(without_significance_it_is_watched)
{
	/* 3 of 3 to 0 of 3: p is exactly .05, which is not below. */
	add(&base, "TC-10", VERDICT_PASS, 3, 0);
	add(&head, "TC-10", VERDICT_FAIL, 0, 3);
	compare();
	assert_change("TC-10", CHANGE_WATCH);
	ck_assert_double_eq_tol(comparison.changes[0].p_value, 0.05, 1e-12);
	ck_assert_int_eq(exit_code(), 0);
	/* A drop of 35 points that may be chance, of what never passed. */
	base.count = head.count = 0;
	add(&base, "TC-10", VERDICT_FLAKY, 3, 1);
	add(&head, "TC-10", VERDICT_FLAKY, 2, 3);
	compare();
	assert_change("TC-10", CHANGE_WATCH);
}
END_TEST

START_TEST(a_drop_below_25_points_is_watched_however_sure_it_is)
{
	add(&base, "TC-10", VERDICT_PASS, 200, 0);
	add(&head, "TC-10", VERDICT_FLAKY, 152, 48); /* 24 points, p below 1e-10 */
	add(&base, "TC-11", VERDICT_PASS, 200, 0);
	add(&head, "TC-11", VERDICT_FLAKY, 150, 50); /* 25 points exactly */
	add(&base, "TC-12", VERDICT_PASS, 200, 0);
	add(&head, "TC-12", VERDICT_PASS, 180, 20); /* it passes, and it is surely worse */
	compare();
	assert_change("TC-10", CHANGE_WATCH);
	assert_change("TC-11", CHANGE_REGRESSED);
	assert_change("TC-12", CHANGE_WATCH);
}
END_TEST

START_TEST(a_base_that_was_never_good_makes_it_likely_only)
{
	add(&base, "TC-10", VERDICT_FLAKY, 14, 6); /* lower bound .48 */
	add(&head, "TC-10", VERDICT_FAIL, 0, 10);
	add(&base, "TC-11", VERDICT_PASS, 8, 0); /* .68 */
	add(&head, "TC-11", VERDICT_FAIL, 1, 9);
	add(&base, "TC-12", VERDICT_FLAKY, 80, 40); /* 25 points, and as doubles a little less */
	add(&head, "TC-12", VERDICT_FLAKY, 50, 70);
	compare();
	assert_change("TC-12", CHANGE_LIKELY);
	assert_change("TC-10", CHANGE_LIKELY);
	assert_change("TC-11", CHANGE_LIKELY);
	ck_assert_int_eq(exit_code(), 0);
}
END_TEST

/* Among so many cells that did not change, one with p = .015 and one with p = .0001. */
static void compare_among(size_t others)
{
	static char ids[50][16];

	base.count = head.count = 0;
	for (size_t i = 0; i < others; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "TC-%02u", (unsigned)i);
		add(&base, ids[i], VERDICT_PASS, 10, 0);
		add(&head, ids[i], VERDICT_PASS, 10, 0);
	}
	add(&base, "ZZ-01", VERDICT_PASS, 10, 0);
	add(&head, "ZZ-01", VERDICT_FAIL, 0, 2);
	add(&base, "ZZ-02", VERDICT_PASS, 10, 0);
	add(&head, "ZZ-02", VERDICT_FAIL, 0, 6);
	compare();
	assert_change("ZZ-02", CHANGE_REGRESSED);
	ck_assert_uint_eq(comparison.of[CHANGE_SAME], others);
}

START_TEST(the_more_cells_are_tested_the_more_one_of_them_must_show)
{
	compare_among(8); /* .015 * 10 / 2 is below .10, and above .05 */
	assert_change("ZZ-01", CHANGE_REGRESSED);
	ck_assert_uint_eq(comparison.gating, 2);
	compare_among(14); /* .12 */
	assert_change("ZZ-01", CHANGE_LIKELY);
	compare_among(50);
	assert_change("ZZ-01", CHANGE_LIKELY);
	ck_assert_uint_eq(comparison.gating, 1);
}
END_TEST

START_TEST(figures_that_prove_nothing_are_noise)
{
	add(&base, "TC-10", VERDICT_PASS, 20, 0);
	add(&head, "TC-10", VERDICT_PASS, 19, 1);
	add(&base, "TC-11", VERDICT_FLAKY, 7, 3);
	add(&head, "TC-11", VERDICT_PASS, 10, 0); /* better, but by chance as like as not */
	add(&base, "TC-12", VERDICT_FAIL, 0, 10);
	add(&head, "TC-12", VERDICT_PASS, 10, 0);
	add(&base, "TC-13", VERDICT_FLAKY, 10, 10); /* better, and hardly by chance */
	add(&head, "TC-13", VERDICT_PASS, 20, 0);
	add(&base, "TC-14", VERDICT_PASS, 44, 6); /* nothing was broken */
	add(&head, "TC-14", VERDICT_PASS, 200, 0);
	compare();
	assert_change("TC-10", CHANGE_NOISE);
	assert_change("TC-11", CHANGE_NOISE);
	assert_change("TC-12", CHANGE_FIXED);
	assert_change("TC-13", CHANGE_FIXED);
	assert_change("TC-14", CHANGE_NOISE);
	ck_assert_int_eq(exit_code(), 0);
}
END_TEST

START_TEST(another_case_hash_is_changed_and_never_compared)
{
	add(&base, "TC-10", VERDICT_PASS, 20, 0);
	add(&head, "TC-10", VERDICT_FAIL, 0, 20)->case_hash = TEXT("bbbbbbbbbbbb");
	add(&base, "TC-11", VERDICT_PASS, 20, 0)->case_hash = TEXT("");
	add(&head, "TC-11", VERDICT_PASS, 20, 0)->case_hash = TEXT("");
	compare();
	assert_change("TC-10", CHANGE_CHANGED);
	assert_change("TC-11", CHANGE_CHANGED);
	ck_assert(isnan(comparison.changes[0].p_value));
	ck_assert_uint_eq(comparison.gating, 0);
	/* Not excused by the baseline: it counts as it would without one. */
	ck_assert_int_eq(exit_code(), 1);
	base.count = head.count = 0;
	add(&base, "TC-10", VERDICT_PASS, 20, 0);
	add(&head, "TC-10", VERDICT_FLAKY, 16, 4)->case_hash = TEXT("bbbbbbbbbbbb");
	compare();
	ck_assert_int_eq(exit_code(), 1);
}
END_TEST

START_TEST(cells_of_one_side_are_new_or_gone)
{
	add(&base, "TC-10", VERDICT_PASS, 10, 0);
	add(&head, "TC-11", VERDICT_PASS, 10, 0);
	add(&base, "TC-12", VERDICT_ERROR, 0, 0);
	add(&head, "TC-12", VERDICT_PASS, 10, 0);
	add(&base, "TC-13", VERDICT_PASS, 10, 0);
	add(&head, "TC-13", VERDICT_ERROR, 0, 0)->tally.of[OUTCOME_INFRA] = 3;
	compare();
	assert_change("TC-10", CHANGE_GONE);
	assert_change("TC-11", CHANGE_NEW);
	assert_change("TC-12", CHANGE_NEW);
	assert_change("TC-13", CHANGE_GONE);
	ck_assert_int_eq(exit_code(), 4); /* infrastructure, never a silent pass */
	options.partial = true;
	compare();
	ck_assert_uint_eq(comparison.count, 3); /* what one run did not ask is not gone */
}
END_TEST

START_TEST(a_stale_verdict_is_no_evidence)
{
	add(&base, "TC-10", VERDICT_PASS, 10, 0);
	add(&head, "TC-10", VERDICT_STALE, 10, 0);
	add(&base, "TC-11", VERDICT_STALE, 10, 0);
	add(&head, "TC-11", VERDICT_FAIL, 0, 10);
	compare();
	assert_change("TC-10", CHANGE_GONE);
	assert_change("TC-11", CHANGE_NEW);
}
END_TEST

START_TEST(a_new_cell_that_fails_counts_by_its_verdict)
{
	add(&head, "TC-11", VERDICT_FAIL, 0, 3);
	compare();
	assert_change("TC-11", CHANGE_NEW);
	ck_assert_int_eq(exit_code(), 1);
}
END_TEST

START_TEST(a_dead_cell_counts_though_the_baseline_proves_too_little)
{
	add(&base, "TC-10", VERDICT_PASS, 1, 0);
	add(&head, "TC-10", VERDICT_FAIL, 0, 4);
	compare();
	ck_assert_int_eq(exit_code(), 0);
	head.count = 0;
	add(&head, "TC-10", VERDICT_FAIL, 0, 5);
	compare();
	assert_change("TC-10", CHANGE_WATCH);
	ck_assert_int_eq(exit_code(), 1);
	head.count = 0;
	add(&head, "TC-10", VERDICT_FAIL, 1, 5); /* it lives */
	compare();
	ck_assert_int_eq(exit_code(), 0);
}
END_TEST

START_TEST(an_advisory_regression_is_shown_and_gates_nothing)
{
	add(&base, "TC-10", VERDICT_PASS, 10, 0)->severity = CASE_ADVISORY;
	add(&head, "TC-10", VERDICT_FAIL, 0, 5)->severity = CASE_ADVISORY;
	compare();
	assert_change("TC-10", CHANGE_REGRESSED);
	ck_assert_uint_eq(comparison.gating, 0);
	ck_assert_int_eq(exit_code(), 0);
}
END_TEST

static void compare_waived(const char *target, const char *case_id, int64_t until_wall_ms)
{
	waiver = (struct config_waiver){
	    .target = text_of(target), .case_id = text_of(case_id), .until_wall_ms = until_wall_ms};
	options.waivers = &waiver;
	options.waiver_count = 1;
	base.count = head.count = 0;
	add(&base, "TC-10", VERDICT_PASS, 10, 0)->variant = CASE_STREAM;
	add(&head, "TC-10", VERDICT_FAIL, 0, 5)->variant = CASE_STREAM;
	compare();
}

START_TEST(a_waiver_that_holds_excuses_and_an_expired_one_does_not)
{
	compare_waived("lab/qwen:7b", "TC-10", 1000000);
	assert_change("TC-10", CHANGE_REGRESSED);
	ck_assert_ptr_eq(comparison.changes[0].waiver, &waiver);
	ck_assert_uint_eq(comparison.waived, 1);
	ck_assert_int_eq(exit_code(), 0);
	compare_waived("lab/qwen:7b", "TC-10", 999999);
	ck_assert_ptr_null(comparison.changes[0].waiver);
	ck_assert_ptr_eq(comparison.changes[0].expired, &waiver);
	ck_assert_int_eq(exit_code(), 1);
	/* Of a new cell, too; and what has not regressed was not excused. */
	compare_waived("lab/qwen:7b", "TC-10", 1000000);
	base.count = 0;
	compare();
	assert_change("TC-10", CHANGE_NEW);
	ck_assert_uint_eq(comparison.waived, 0);
	ck_assert_int_eq(exit_code(), 0);
}
END_TEST

START_TEST(a_waiver_is_for_its_target_and_case_alone)
{
	compare_waived("lab/qwen:7b", "TC-10~stream", 1000000);
	ck_assert_int_eq(exit_code(), 0);
	compare_waived("lab/qwen:7b", "TC-1", 1000000);
	ck_assert_int_eq(exit_code(), 1);
	compare_waived("lab/qwen:7b", "TC-100", 1000000);
	ck_assert_int_eq(exit_code(), 1);
	compare_waived("lab/qwen", "TC-10", 1000000);
	ck_assert_int_eq(exit_code(), 1);
}
END_TEST

/* A small fixed generator: the same cells in every run of the test. */
static uint64_t noise_state = 88172645463325252U;

static bool next_succeeds(double rate)
{
	noise_state ^= noise_state << 13;
	noise_state ^= noise_state >> 7;
	noise_state ^= noise_state << 17;
	return (double)(noise_state >> 11) / 9007199254740992.0 < rate;
}

static int64_t draw(int64_t trials, double rate)
{
	int64_t ok = 0;

	for (int64_t i = 0; i < trials; i++)
		ok += next_succeeds(rate);
	return ok;
}

START_TEST(the_same_provider_twice_raises_hardly_a_false_alarm)
{
	static const double rates[] = {0.99, 0.95, 0.9, 0.8};
	char ids[CELLS_MAX][8];
	size_t alarmed_runs = 0;

	for (size_t run = 0; run < 250; run++) {
		base.count = head.count = 0;
		for (size_t i = 0; i < CELLS_MAX; i++) {
			int64_t before = draw(20, rates[i % 4]);
			int64_t after = draw(10, rates[i % 4]);
			(void)snprintf(ids[i], sizeof(ids[i]), "TC-%03zu", i);
			add(&base, ids[i], VERDICT_PASS, before, 20 - before);
			add(&head, ids[i], VERDICT_FLAKY, after, 10 - after);
		}
		compare();
		alarmed_runs += comparison.gating > 0;
		arena_reset(&arena);
		path = file_join(&arena, folder, "baseline.json");
	}
	/* Benjamini and Hochberg promise one run in ten at most where nothing changed. */
	ck_assert_uint_le(alarmed_runs, 25);
}
END_TEST

START_TEST(a_few_cells_that_got_worse_among_many_are_found)
{
	enum { MANY = 200, BROKEN = 5, RUNS = 100 };
	char ids[MANY][8];
	size_t found = 0;
	size_t wrong = 0;

	for (size_t run = 0; run < RUNS; run++) {
		base.count = head.count = 0;
		for (size_t i = 0; i < MANY; i++) {
			int64_t before = draw(20, 0.97);
			int64_t after = draw(10, i < BROKEN ? 0.2 : 0.97);
			(void)snprintf(ids[i], sizeof(ids[i]), "TC-%03zu", i);
			add(&base, ids[i], VERDICT_PASS, before, 20 - before);
			add(&head, ids[i], VERDICT_FLAKY, after, 10 - after);
		}
		compare();
		for (size_t i = 0; i < MANY; i++) {
			found += i < BROKEN && comparison.changes[i].gates;
			wrong += i >= BROKEN && comparison.changes[i].gates;
		}
		arena_reset(&arena);
		path = file_join(&arena, folder, "baseline.json");
	}
	ck_assert_uint_ge(found * 100, (size_t)(80 * BROKEN * RUNS));
	ck_assert_uint_le(wrong * 10, found + wrong); /* the share of false discoveries */
}
END_TEST

/* --- suspicious cells --- */

START_TEST(a_cell_that_looks_worse_is_asked_more_and_others_are_not)
{
	static const struct {
		enum case_class class_;
		int64_t ok, miss, now_ok, now_miss, wanted;
	} known[] = {
	    {CASE_STOCHASTIC, 20, 0, 0, 2, BASELINE_SUSPECT_TRIALS},
	    {CASE_STOCHASTIC, 20, 0, 2, 1, BASELINE_SUSPECT_TRIALS},
	    {CASE_STOCHASTIC, 20, 0, 3, 0, 0},
	    {CASE_STOCHASTIC, 18, 2, 3, 0, 0}, /* better */
	    {CASE_STOCHASTIC, 18, 2, 2, 1, BASELINE_SUSPECT_TRIALS},
	    {CASE_STOCHASTIC, 20, 0, 0, 0, 0},
	    {CASE_DETERMINISTIC, 1, 0, 0, 3, 0}, /* confirmed already */
	    {CASE_DETERMINISTIC, 1, 0, 1, 1, BASELINE_SUSPECT_TRIALS},
	    {CASE_DETERMINISTIC, 9, 1, 0, 3, BASELINE_SUSPECT_TRIALS},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		struct eval_case asked = {.class_ = known[i].class_};
		struct tally tally = {
		    .of = {[OUTCOME_OK] = known[i].now_ok, [OUTCOME_MISS] = known[i].now_miss}};
		base.count = 0;
		struct matrix_cell *cell =
		    add(&base, "TC-10", VERDICT_PASS, known[i].ok, known[i].miss);
		memcpy(asked.hash, "aaaaaaaaaaaa", 13);
		ck_assert_int_eq(baseline_suspect_trials(cell, &asked, &tally), known[i].wanted);
		asked.critical = true;
		ck_assert_int_eq(baseline_suspect_trials(cell, &asked, &tally),
		                 known[i].wanted == 0 ? 0 : BASELINE_SUSPECT_CRITICAL_TRIALS);
		/* What did not pass, or was another question, has nothing to lose. */
		cell->verdict = VERDICT_FLAKY;
		ck_assert_int_eq(baseline_suspect_trials(cell, &asked, &tally), 0);
		cell->verdict = VERDICT_PASS;
		memcpy(asked.hash, "bbbbbbbbbbbb", 13);
		ck_assert_int_eq(baseline_suspect_trials(cell, &asked, &tally), 0);
		ck_assert_int_eq(baseline_suspect_trials(NULL, &asked, &tally), 0);
	}
}
END_TEST

/* A cell of a ci run with this baseline, asked as the runner asks it. */
static struct tally ask_in_ci(const struct matrix_cell *before, double rate, bool suspects,
                              enum verdict *verdict)
{
	struct eval_case asked = {.class_ = CASE_STOCHASTIC};
	struct verdict_rules rules = {VERDICT_BRIEF, 1};
	struct tally tally = {0};

	memcpy(asked.hash, "aaaaaaaaaaaa", 13);
	while (verdict_wants_more(&rules, &asked, &tally) ||
	       (suspects && tally_judged(&tally) < baseline_suspect_trials(before, &asked, &tally)))
		tally.of[next_succeeds(rate) ? OUTCOME_OK : OUTCOME_MISS]++;
	*verdict = verdict_decide(&rules, &asked, &tally);
	return tally;
}

struct simulated {
	size_t found, wrong; /* gating: of the cells that fell, and of the others */
	size_t unseen;       /* that fell and are neither regressed, likely nor watch */
	size_t trials;       /* of those that did not fall */
};

enum { SIMULATED_CELLS = 200, SIMULATED_RUNS = 100 };

/* Many runs of 200 cells, of which `broken` fell from .97 to `rate` since a baseline of 30 trials.
 */
static struct simulated simulate_ci(size_t broken, double rate, bool suspects)
{
	enum { POOLED = 30 };
	static char ids[SIMULATED_CELLS][8];
	struct simulated seen = {0};

	for (size_t run = 0; run < SIMULATED_RUNS; run++) {
		base.count = head.count = 0;
		for (size_t i = 0; i < SIMULATED_CELLS; i++) {
			int64_t before = draw(POOLED, 0.97);
			(void)snprintf(ids[i], sizeof(ids[i]), "TC-%03zu", i);
			const struct matrix_cell *cell =
			    add(&base, ids[i], VERDICT_PASS, before, POOLED - before);
			enum verdict verdict;
			struct tally after =
			    ask_in_ci(cell, i < broken ? rate : 0.97, suspects, &verdict);
			add(&head, ids[i], verdict, after.of[OUTCOME_OK], after.of[OUTCOME_MISS]);
			seen.trials += i < broken ? 0 : (size_t)tally_judged(&after);
		}
		compare();
		for (size_t i = 0; i < SIMULATED_CELLS; i++) {
			const struct cell_change *change = &comparison.changes[i];
			seen.found += i < broken && change->gates;
			seen.wrong += i >= broken && change->gates;
			seen.unseen += i < broken && change->change > CHANGE_WATCH;
		}
		arena_reset(&arena);
		path = file_join(&arena, folder, "baseline.json");
	}
	return seen;
}

START_TEST(more_trials_of_suspicious_cells_find_more_and_alarm_no_more)
{
	/* `least` and `unseen`: of 500, what proviso-verdicts(7) says less what chance may take. */
	static const struct {
		double rate;
		size_t least, unseen;
	} falls[] = {{0.3, 450, 25}, {0.5, 340, 85}, {0.7, 35, 205}};

	for (size_t i = 0; i < ARRAY_LENGTH(falls); i++) {
		struct simulated with = simulate_ci(5, falls[i].rate, true);
		struct simulated without = simulate_ci(5, falls[i].rate, false);
		printf("# of 500 cells that fell from .97 to %.1f, %zu are regressed (%zu without "
		       "further trials), %zu unseen; of 19500 others %zu gate (%zu), after %.2f "
		       "trials each (%.2f)\n",
		       falls[i].rate, with.found, without.found, with.unseen, with.wrong,
		       without.wrong, (double)with.trials / 19500, (double)without.trials / 19500);
		ck_assert_uint_ge(with.found, falls[i].least);
		ck_assert_uint_gt(with.found, without.found);
		ck_assert_uint_le(with.unseen, falls[i].unseen);
		ck_assert_uint_le(with.wrong * 10, with.found + with.wrong);
		/* It is cheap: a few cells look worse by chance, and they alone pay. */
		ck_assert_uint_le(with.trials * 10, without.trials * 11);
	}
	/* Where nothing has changed, hardly a run in ten gates anything. */
	ck_assert_uint_le(simulate_ci(0, 1, true).wrong, 10);
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_deterministic_pass_that_fails_three_times_of_three_has_regressed);
	tcase_add_test(cases, a_deterministic_miss_that_is_not_confirmed_gates_nothing);
	tcase_add_test(cases,
	               what_failed_before_and_fails_now_is_the_same_and_what_passes_now_is_fixed);
	tcase_add_test(cases, a_mixed_deterministic_cell_is_judged_by_chance);
	tcase_add_test(cases, a_stochastic_case_regresses_where_all_four_guards_hold);
	tcase_add_test(cases, without_significance_it_is_watched);
	tcase_add_test(cases, a_drop_below_25_points_is_watched_however_sure_it_is);
	tcase_add_test(cases, a_base_that_was_never_good_makes_it_likely_only);
	tcase_add_test(cases, the_more_cells_are_tested_the_more_one_of_them_must_show);
	tcase_add_test(cases, figures_that_prove_nothing_are_noise);
	tcase_add_test(cases, another_case_hash_is_changed_and_never_compared);
	tcase_add_test(cases, cells_of_one_side_are_new_or_gone);
	tcase_add_test(cases, a_stale_verdict_is_no_evidence);
	tcase_add_test(cases, a_new_cell_that_fails_counts_by_its_verdict);
	tcase_add_test(cases, a_dead_cell_counts_though_the_baseline_proves_too_little);
	tcase_add_test(cases, an_advisory_regression_is_shown_and_gates_nothing);
	tcase_add_test(cases, a_waiver_that_holds_excuses_and_an_expired_one_does_not);
	tcase_add_test(cases, a_waiver_is_for_its_target_and_case_alone);
	tcase_add_test(cases, the_same_provider_twice_raises_hardly_a_false_alarm);
	tcase_add_test(cases, a_few_cells_that_got_worse_among_many_are_found);
	tcase_add_test(cases, a_cell_that_looks_worse_is_asked_more_and_others_are_not);
	tcase_add_test(cases, more_trials_of_suspicious_cells_find_more_and_alarm_no_more);
}

int main(void)
{
	return unit_main("baseline", add_tests);
}
