/* From outcomes to verdicts: when to ask again, and what a tally amounts to. */
#include "harness/run/verdict.h"
#include "tests/unit/unit.h"

/* "omiv" -> a tally: o ok, m miss, v violation, r refused, g ignored, i infra, h harness, u unrun.
 */
static struct tally tally_of(const char *trials)
{
	static const char letters[] = "omvrgihu";
	struct tally tally = {0};

	_Static_assert(sizeof(letters) - 1 == OUTCOME_COUNT, "one letter an outcome");
	for (; *trials != '\0'; trials++) {
		const char *at = strchr(letters, *trials);
		ck_assert_ptr_nonnull(at);
		tally.of[at - letters]++;
	}
	return tally;
}

static struct eval_case judged_case;
static struct verdict_rules rules;

static void under(enum verdict_test test, enum case_class class_)
{
	judged_case = (struct eval_case){.class_ = class_};
	rules.test = test;
}

static void set_up(void)
{
	under(VERDICT_ONCE, CASE_DETERMINISTIC);
}

static bool wants(const char *trials, int64_t min_trials)
{
	struct tally tally = tally_of(trials);

	rules.min_trials = min_trials;
	return verdict_wants_more(&rules, &judged_case, &tally);
}

static enum verdict decided(const char *trials)
{
	struct tally tally = tally_of(trials);

	return verdict_decide(&rules, &judged_case, &tally);
}

START_TEST(one_good_trial_is_enough)
{
	ck_assert(wants("", 1));
	ck_assert(!wants("o", 1));
	ck_assert_int_eq(decided("o"), VERDICT_PASS);
}
END_TEST

/* One answer in time says nothing of nine in ten. */
START_TEST(how_fast_it_is_goes_by_rate)
{
	under(VERDICT_FULL, CASE_TIMING);
	ck_assert(wants("o", 1));
	ck_assert(wants("ooooooooo", 1));
	ck_assert(!wants("oooooooooo", 1));
	ck_assert_int_eq(decided("oooooooooo"), VERDICT_PASS);
	ck_assert(!wants("mm", 1));
	ck_assert_int_eq(decided("mm"), VERDICT_FAIL);
	ck_assert(wants("omooooooooo", 1)); /* a slow one is forgiven, not forgotten */
	under(VERDICT_ONCE, CASE_TIMING);
	ck_assert(!wants("o", 1));
}
END_TEST

START_TEST(a_miss_is_confirmed_by_two_more_trials)
{
	ck_assert(wants("m", 1));
	ck_assert(wants("mm", 1));
	ck_assert(wants("mo", 1));
	ck_assert(!wants("mmm", 1));
	ck_assert(!wants("moo", 1));
	ck_assert_int_eq(decided("mmm"), VERDICT_FAIL);
	ck_assert_int_eq(decided("mvm"), VERDICT_FAIL);
	ck_assert_int_eq(decided("moo"), VERDICT_FLAKY);
	/* Cut short: one miss proves nothing. */
	ck_assert_int_eq(decided("m"), VERDICT_INCONCLUSIVE);
	ck_assert_int_eq(decided("mm"), VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(as_many_trials_as_were_asked_for_are_made)
{
	ck_assert(wants("oooo", 5));
	ck_assert(!wants("ooooo", 5));
	ck_assert(wants("omooooooo", 20));
	ck_assert(!wants("moooo", 5));
}
END_TEST

START_TEST(refused_and_ignored_have_verdicts_of_their_own_when_nothing_else_came)
{
	ck_assert_int_eq(decided("rrr"), VERDICT_UNSUPPORTED);
	ck_assert_int_eq(decided("ggg"), VERDICT_IGNORED);
	ck_assert_int_eq(decided("rrg"), VERDICT_FAIL);
	ck_assert_int_eq(decided("rro"), VERDICT_FLAKY);
}
END_TEST

START_TEST(infrastructure_leaves_the_rate_and_is_outweighed_or_gives_no_verdict)
{
	ck_assert(wants("i", 1));
	ck_assert(wants("io", 1)); /* half of the trials */
	ck_assert(wants("iooo", 1));
	ck_assert(!wants("ioooo", 1)); /* one in five */
	ck_assert_int_eq(decided("ioooo"), VERDICT_PASS);
	ck_assert_int_eq(decided("iooo"), VERDICT_ERROR);
	ck_assert_int_eq(decided("iii"), VERDICT_ERROR);
	ck_assert_int_eq(decided("i"), VERDICT_ERROR);
}
END_TEST

START_TEST(no_money_is_spent_on_a_verdict_that_can_not_be_reached)
{
	ck_assert(!wants("ii", 1)); /* ten trials would be needed, eight are the most */
	ck_assert(!wants("iii", 1));
	ck_assert(!wants("h", 1));
	ck_assert(!wants("oh", 5));
	ck_assert(wants("ii", 20));
	ck_assert(!wants("iii", 20));
}
END_TEST

enum { WALK_SIDE = 64 };
static bool walked[WALK_SIDE][WALK_SIDE][16]
		  [2]; /* good, bad, infra; all of those broken, or none */
static int64_t walk_most;

/* Every course that a cell may take from here, by its counts. */
static void walk(struct tally tally)
{
	static const enum outcome next[] = {OUTCOME_OK, OUTCOME_MISS, OUTCOME_INFRA, OUTCOME_INFRA};
	bool *seen = &walked[tally.of[OUTCOME_OK]][tally.of[OUTCOME_MISS]][tally.of[OUTCOME_INFRA]]
	                    [tally.broken > 0];

	if (*seen)
		return;
	*seen = true;
	walk_most = int64_max(walk_most, tally_trials(&tally));
	if (!verdict_wants_more(&rules, &judged_case, &tally)) {
		enum verdict verdict = verdict_decide(&rules, &judged_case, &tally);
		ck_assert_int_ne(verdict, VERDICT_SKIPPED);
		/* To the end and yet not decided: only at the cap of a test. */
		if (verdict == VERDICT_INCONCLUSIVE)
			ck_assert_int_ge(tally_judged(&tally), judged_case.critical ? 30 : 20);
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(next); i++) {
		struct tally after = tally;
		after.of[next[i]]++;
		after.broken += i == 3;
		walk(after);
	}
}

START_TEST(asking_always_ends_and_at_most_where_the_plan_reckons)
{
	static const int64_t least[] = {1, 2, 5, 6, 7, 10, 20, 40};

	for (int test = VERDICT_ONCE; test <= VERDICT_FULL; test++)
		for (int class_ = CASE_DETERMINISTIC; class_ <= CASE_TIMING; class_++)
			for (int critical = 0; critical < 2; critical++)
				for (size_t i = 0; i < 2 * ARRAY_LENGTH(least); i++) {
					under((enum verdict_test)test, (enum case_class)class_);
					judged_case.critical = critical;
					judged_case.kind =
					    i % 2 == 0 ? CASE_KIND_NONE : CASE_KIND_CODE;
					rules.min_trials = least[i / 2];
					memset(walked, 0, sizeof(walked));
					walk_most = 0;
					walk((struct tally){0});
					ck_assert_int_eq(walk_most,
					                 verdict_most_trials(&rules, &judged_case));
				}
}
END_TEST

/* A task is about its rate: what it is asked for, and no test and no confirmation. */
START_TEST(a_task_is_asked_as_often_as_was_said)
{
	for (int test = VERDICT_ONCE; test <= VERDICT_FULL; test++) {
		under((enum verdict_test)test, CASE_STOCHASTIC);
		judged_case.kind = CASE_KIND_CODE;
		ck_assert(!wants("o", 1));
		ck_assert(!wants("m", 1));
		ck_assert(wants("om", 3));
		ck_assert(!wants("omm", 3));
		ck_assert_int_eq(decided("m"), VERDICT_FAIL);
		ck_assert_int_eq(decided("mm"), VERDICT_FAIL);
		ck_assert_int_eq(decided("omm"), VERDICT_FLAKY);
		ck_assert_int_eq(decided("o"), VERDICT_PASS);
	}
}
END_TEST

START_TEST(what_was_not_run_is_an_error_where_it_was_tried_and_skipped_where_not)
{
	struct tally tally = tally_of("u");

	ck_assert_int_eq(decided(""), VERDICT_SKIPPED);
	ck_assert_int_eq(decided("u"), VERDICT_ERROR);
	ck_assert_int_eq(decided("ou"), VERDICT_PASS);
	ck_assert_int_eq(decided("h"), VERDICT_ERROR);
	ck_assert_int_eq(tally_trials(&tally), 0);
}
END_TEST

/* --- the control rule --- */

static struct tally broken_tally(const char *trials, int64_t broken, int64_t good, int64_t bad)
{
	struct tally tally = tally_of(trials);

	tally.broken = broken;
	tally.controls_ok = good;
	tally.controls_bad = bad;
	return tally;
}

START_TEST(controls_tell_a_feature_that_breaks_the_server_from_a_server_that_is_down)
{
	static const struct {
		const char *trials;
		int64_t broken, good, bad;
		bool more, control;
		enum verdict verdict;
	} known[] = {
	    {"i", 1, 0, 0, true, false, VERDICT_ERROR},
	    {"ii", 2, 0, 0, true, true, VERDICT_ERROR},
	    {"ii", 2, 1, 0, true, true, VERDICT_ERROR},
	    {"ii", 2, 2, 0, true, false, VERDICT_ERROR}, /* the third trial first */
	    {"ii", 2, 0, 1, true, false, VERDICT_ERROR},
	    {"iii", 3, 0, 0, false, true, VERDICT_ERROR},
	    {"iii", 3, 2, 0, false, true, VERDICT_ERROR},
	    {"iii", 3, 3, 0, false, false, VERDICT_FAIL},
	    {"iii", 3, 2, 1, false, false, VERDICT_ERROR},
	    {"iii", 3, 3, 1, false, false,
	     VERDICT_ERROR}, /* as no run asks, but a journal may say */
	    {"iii", 2, 0, 0, false, false, VERDICT_ERROR}, /* one of them had no connection */
	    {"iii", 2, 3, 0, false, false, VERDICT_ERROR},
	    {"iiio", 3, 3, 0, false, false, VERDICT_ERROR},
	    {"iiih", 3, 3, 0, false, false, VERDICT_ERROR},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		struct tally tally =
		    broken_tally(known[i].trials, known[i].broken, known[i].good, known[i].bad);
		for (int test = VERDICT_ONCE; test <= VERDICT_FULL; test++) {
			under((enum verdict_test)test, CASE_STOCHASTIC);
			rules.min_trials = 1;
			if (strlen(known[i].trials) <= 3)
				ck_assert_int_eq(verdict_wants_more(&rules, &judged_case, &tally),
				                 known[i].more);
			ck_assert_int_eq(verdict_wants_control(&tally), known[i].control);
			ck_assert_int_eq(verdict_decide(&rules, &judged_case, &tally),
			                 known[i].verdict);
		}
	}
}
END_TEST

START_TEST(what_broke_the_server_counts_against_the_rate)
{
	struct tally tally = broken_tally("iii", 3, 3, 0);

	ck_assert(tally_settle(&tally));
	ck_assert_int_eq(tally.of[OUTCOME_VIOLATION], 3);
	ck_assert_int_eq(tally.of[OUTCOME_INFRA], 0);
	ck_assert(!tally_settle(&tally));
}
END_TEST

/* --- what is stochastic --- */

START_TEST(ten_straight_passes_accept_and_two_straight_misses_reject)
{
	under(VERDICT_FULL, CASE_STOCHASTIC);
	ck_assert(wants("", 1));
	ck_assert(wants("ooooooooo", 1));
	ck_assert(!wants("oooooooooo", 1));
	ck_assert_int_eq(decided("oooooooooo"), VERDICT_PASS);
	ck_assert_int_eq(decided("ooooooooo"), VERDICT_INCONCLUSIVE); /* cut short */
	ck_assert(wants("m", 1));
	ck_assert(!wants("mm", 1));
	ck_assert_int_eq(decided("m"), VERDICT_INCONCLUSIVE);
	ck_assert_int_eq(decided("mv"), VERDICT_FAIL);
	ck_assert_int_eq(decided("rr"), VERDICT_UNSUPPORTED);
	ck_assert_int_eq(decided("gg"), VERDICT_IGNORED);
	/* Six more passes make up for a miss. */
	ck_assert(wants("mooooooooooooooo", 1));
	ck_assert(!wants("moooooooooooooooo", 1));
	ck_assert_int_eq(decided("moooooooooooooooo"), VERDICT_PASS);
}
END_TEST

START_TEST(a_critical_case_needs_fifteen_straight_passes)
{
	under(VERDICT_FULL, CASE_STOCHASTIC);
	judged_case.critical = true;
	ck_assert(wants("oooooooooooooo", 1));
	ck_assert(!wants("ooooooooooooooo", 1));
	ck_assert_int_eq(decided("oooooooooooooo"), VERDICT_INCONCLUSIVE);
	ck_assert_int_eq(decided("ooooooooooooooo"), VERDICT_PASS);
	ck_assert(wants("m", 1));
	ck_assert(!wants("mm", 1));
	ck_assert_int_eq(decided("mm"), VERDICT_FAIL);
	/* A second miss is too many, wherever it comes early; at the cap nothing is known. */
	ck_assert_int_eq(decided("oooomoooom"), VERDICT_FAIL);
	ck_assert(wants("mmooooooooooooooooooooooooooo", 1));
	ck_assert(!wants("mmoooooooooooooooooooooooooooo", 1));
	ck_assert_int_eq(decided("mmoooooooooooooooooooooooooooo"), VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(at_the_cap_what_is_neither_good_nor_bad_is_flaky_where_the_interval_says_so)
{
	under(VERDICT_FULL, CASE_STOCHASTIC);
	/* 17 of 20: 0.64 to 0.948. 18 of 20 reaches 0.972. */
	ck_assert(!wants("mmmooooooooooooooooo", 1));
	ck_assert_int_eq(decided("mmmooooooooooooooooo"), VERDICT_FLAKY);
	ck_assert(!wants("mmoooooooooooooooooo", 1));
	ck_assert_int_eq(decided("mmoooooooooooooooooo"), VERDICT_INCONCLUSIVE);
	/* Cut short before the cap, it is not known to be flaky yet. */
	ck_assert_int_eq(decided("mmmoooooooooooo"), VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(three_good_trials_accept_in_brief_and_any_miss_is_tested)
{
	under(VERDICT_BRIEF, CASE_STOCHASTIC);
	ck_assert(wants("oo", 1));
	ck_assert(!wants("ooo", 1));
	ck_assert_int_eq(decided("ooo"), VERDICT_PASS);
	ck_assert_int_eq(decided("oo"), VERDICT_INCONCLUSIVE);
	ck_assert(!wants("mm", 1));
	ck_assert_int_eq(decided("mm"), VERDICT_FAIL);
	ck_assert(wants("oom", 1));
	ck_assert(wants("mooo", 1));
	ck_assert(!wants("moooooooooooooooo", 1));
	ck_assert_int_eq(decided("moooooooooooooooo"), VERDICT_PASS);
	judged_case.critical = true;
	ck_assert_int_eq(decided("ooo"), VERDICT_PASS);
	ck_assert(wants("oooooooooooooooom", 1));
}
END_TEST

START_TEST(asked_once_means_once)
{
	under(VERDICT_ONCE, CASE_STOCHASTIC);
	ck_assert(!wants("o", 1));
	ck_assert_int_eq(decided("o"), VERDICT_PASS);
	ck_assert(wants("m", 1));
	ck_assert(!wants("mmm", 1));
	ck_assert(!wants("moo", 1));
	ck_assert_int_eq(decided("mmm"), VERDICT_FAIL);
	ck_assert_int_eq(decided("moo"), VERDICT_FLAKY);
}
END_TEST

START_TEST(what_should_not_vary_and_does_is_judged_by_its_rate)
{
	under(VERDICT_FULL, CASE_NEGATIVE);
	ck_assert(!wants("o", 1));
	ck_assert(wants("om", 2));
	ck_assert(wants("moo", 1));
	ck_assert_int_eq(decided("moo"), VERDICT_FLAKY);
	ck_assert(!wants("mmo", 1));
	ck_assert_int_eq(decided("mmo"), VERDICT_FAIL);
	ck_assert(!wants("moooooooooooooooo", 1));
	ck_assert_int_eq(decided("moooooooooooooooo"), VERDICT_PASS);
	/* At the cap it is flaky, whatever the interval. */
	ck_assert(!wants("mmoooooooooooooooooo", 1));
	ck_assert_int_eq(decided("mmoooooooooooooooooo"), VERDICT_FLAKY);
}
END_TEST

START_TEST(infrastructure_does_not_end_a_long_test_while_it_can_be_outweighed)
{
	under(VERDICT_FULL, CASE_STOCHASTIC);
	ck_assert(wants("i", 1));
	ck_assert(wants("ii", 1));
	ck_assert(!wants("iii", 1)); /* it is down */
	ck_assert(wants("ioooooooioooi", 1) == false);
	ck_assert_int_eq(decided("ioooooooioooi"), VERDICT_ERROR);
	ck_assert(wants("iioooooooooo", 1) == false); /* 2 of 12, and accepted */
	ck_assert_int_eq(decided("iioooooooooo"), VERDICT_PASS);
	ck_assert(wants("mooooooooooooiii", 1)); /* 3 of 16 */
}
END_TEST

/* --- the promises of proviso-verdicts(7) --- */

enum { SIMULATED_CELLS = 10000 };

/* xorshift64*: the same cells in every run of this test. */
static double next_uniform(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (double)(*state * 0x2545f4914f6cdd1du >> 11) / 9007199254740992.0;
}

struct simulated {
	double pass, fail, trials; /* shares; trials: of a cell on average */
};

static struct simulated simulate(double rate)
{
	struct simulated sum = {0};
	uint64_t state = 20261121;

	for (int cell = 0; cell < SIMULATED_CELLS; cell++) {
		struct tally tally = {0};
		while (verdict_wants_more(&rules, &judged_case, &tally))
			tally.of[next_uniform(&state) < rate ? OUTCOME_OK : OUTCOME_MISS]++;
		enum verdict verdict = verdict_decide(&rules, &judged_case, &tally);
		sum.pass += verdict == VERDICT_PASS;
		sum.fail += verdict == VERDICT_FAIL;
		sum.trials += (double)tally_judged(&tally);
	}
	sum.pass /= SIMULATED_CELLS;
	sum.fail /= SIMULATED_CELLS;
	sum.trials /= SIMULATED_CELLS;
	return sum;
}

START_TEST(ten_thousand_simulated_cells_keep_what_the_manual_says)
{
	/*
	 * Exact: the distribution over all (ok, missed), walked trial by trial with rational
	 * numbers (Python's fractions.Fraction), as far as the test goes on.
	 */
	static const struct {
		enum verdict_test test;
		bool critical;
		double rate, pass, fail, trials;
	} lines[] = {
	    {VERDICT_FULL, false, .99, 0.989528, 0.000678, 10.6900},
	    {VERDICT_FULL, false, .95, 0.818800, 0.025739, 13.0160},
	    {VERDICT_FULL, false, .90, 0.533980, 0.134422, 14.4209},
	    {VERDICT_FULL, false, .80, 0.163669, 0.531887, 12.8713},
	    {VERDICT_FULL, false, .70, 0.038217, 0.847124, 9.3266},
	    {VERDICT_FULL, false, .50, 0.001053, 0.996377, 4.7163},
	    {VERDICT_FULL, false, .00, 0, 1, 2},
	    {VERDICT_FULL, true, .99, 0.975565, 0.005030, 16.6475},
	    {VERDICT_FULL, true, .98, 0.915988, 0.021628, 17.9644},
	    {VERDICT_FULL, true, .80, 0.044251, 0.904394, 11.3845},
	    {VERDICT_FULL, true, .50, 0.000031, 0.999968, 4.0214},
	    {VERDICT_BRIEF, false, .95, 0.923394, 0.020003, 4.9366},
	    {VERDICT_BRIEF, false, .70, 0.345991, 0.610661, 5.7357},
	    {VERDICT_BRIEF, false, .50, 0.125023, 0.873996, 3.9167},
	    {VERDICT_BRIEF, true, .98, 0.976676, 0.010054, 4.2601},
	    {VERDICT_BRIEF, true, .80, 0.513813, 0.475219, 5.2916},
	};

	rules.min_trials = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		under(lines[i].test, CASE_STOCHASTIC);
		judged_case.critical = lines[i].critical;
		struct simulated seen = simulate(lines[i].rate);
		printf("# %s%s at %.2f: %.4f pass, %.4f fail, %.2f trials\n",
		       lines[i].test == VERDICT_FULL ? "onboard" : "ci",
		       lines[i].critical ? ", critical" : "", lines[i].rate, seen.pass, seen.fail,
		       seen.trials);
		/* Four standard errors of a share near one half. */
		ck_assert_double_eq_tol(seen.pass, lines[i].pass, 0.02);
		ck_assert_double_eq_tol(seen.fail, lines[i].fail, 0.02);
		ck_assert_double_eq_tol(seen.trials, lines[i].trials, 0.25);
		/* The promises: in both profiles of the good ones, in onboard of the bad ones. */
		if (lines[i].rate >= (lines[i].critical ? .98 : .95))
			ck_assert_double_le(seen.fail, .05);
		if (lines[i].rate <= (lines[i].critical ? .80 : .70) &&
		    lines[i].test == VERDICT_FULL)
			ck_assert_double_le(seen.pass, .05);
	}
}
END_TEST

START_TEST(names_are_read_back)
{
	enum outcome outcome;

	for (int i = 0; i < OUTCOME_COUNT; i++) {
		ck_assert(outcome_from_name(text_of(outcome_name((enum outcome)i)), &outcome));
		ck_assert_int_eq(outcome, i);
	}
	ck_assert(!outcome_from_name(TEXT("okay"), &outcome));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, NULL);
	tcase_add_test(cases, one_good_trial_is_enough);
	tcase_add_test(cases, how_fast_it_is_goes_by_rate);
	tcase_add_test(cases,
	               controls_tell_a_feature_that_breaks_the_server_from_a_server_that_is_down);
	tcase_add_test(cases, what_broke_the_server_counts_against_the_rate);
	tcase_add_test(cases, a_miss_is_confirmed_by_two_more_trials);
	tcase_add_test(cases, as_many_trials_as_were_asked_for_are_made);
	tcase_add_test(cases,
	               refused_and_ignored_have_verdicts_of_their_own_when_nothing_else_came);
	tcase_add_test(cases, infrastructure_leaves_the_rate_and_is_outweighed_or_gives_no_verdict);
	tcase_add_test(cases, no_money_is_spent_on_a_verdict_that_can_not_be_reached);
	tcase_add_test(cases, asking_always_ends_and_at_most_where_the_plan_reckons);
	tcase_add_test(cases, a_task_is_asked_as_often_as_was_said);
	tcase_add_test(cases,
	               what_was_not_run_is_an_error_where_it_was_tried_and_skipped_where_not);
	tcase_add_test(cases, ten_straight_passes_accept_and_two_straight_misses_reject);
	tcase_add_test(cases, a_critical_case_needs_fifteen_straight_passes);
	tcase_add_test(cases,
	               at_the_cap_what_is_neither_good_nor_bad_is_flaky_where_the_interval_says_so);
	tcase_add_test(cases, three_good_trials_accept_in_brief_and_any_miss_is_tested);
	tcase_add_test(cases, asked_once_means_once);
	tcase_add_test(cases, what_should_not_vary_and_does_is_judged_by_its_rate);
	tcase_add_test(cases, infrastructure_does_not_end_a_long_test_while_it_can_be_outweighed);
	tcase_add_test(cases, ten_thousand_simulated_cells_keep_what_the_manual_says);
	tcase_add_test(cases, names_are_read_back);
}

int main(void)
{
	return unit_main("verdict", add);
}
