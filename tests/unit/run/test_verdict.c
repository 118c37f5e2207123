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

static void ask_to_the_end(unsigned seed)
{
	static const char letters[] = "omvrgiooo";
	struct tally tally = {0};
	int64_t asked = 0;
	enum verdict verdict;

	while (verdict_wants_more(&rules, &judged_case, &tally)) {
		ck_assert_int_lt(asked++, verdict_most_trials(&rules, &judged_case));
		seed = seed * 1664525u + 1013904223u;
		struct tally next =
		    tally_of((char[]){letters[(seed >> 16) % (sizeof(letters) - 1)], '\0'});
		for (int i = 0; i < OUTCOME_COUNT; i++)
			tally.of[i] += next.of[i];
	}
	verdict = verdict_decide(&rules, &judged_case, &tally);
	ck_assert_int_ne(verdict, VERDICT_SKIPPED);
	/* To the end and yet not decided: only at the cap of a test. */
	if (verdict == VERDICT_INCONCLUSIVE)
		ck_assert_int_ge(tally_judged(&tally), judged_case.critical
		                                           ? VERDICT_MAX_CRITICAL_TRIALS
		                                           : VERDICT_MAX_TRIALS);
}

START_TEST(asking_always_ends)
{
	/* Whatever comes next, a cell is asked at most as often as the plan has reckoned with. */
	for (unsigned seed = 0; seed < 6000; seed++) {
		under((enum verdict_test)(seed % 3), (enum case_class)(seed / 3 % 4));
		judged_case.critical = judged_case.class_ == CASE_STOCHASTIC && seed % 2 == 0;
		rules.min_trials = seed / 12 % 5 == 0 ? 40 : 1;
		ask_to_the_end(seed);
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
	ck_assert_int_eq(decided("mmoooooooooooooooo"), VERDICT_INCONCLUSIVE);
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

START_TEST(names_are_read_back)
{
	enum outcome outcome;
	enum verdict verdict;

	for (int i = 0; i < OUTCOME_COUNT; i++) {
		ck_assert(outcome_from_name(text_of(outcome_name((enum outcome)i)), &outcome));
		ck_assert_int_eq(outcome, i);
	}
	for (int i = 0; i < VERDICT_COUNT; i++) {
		ck_assert(verdict_from_name(text_of(verdict_name((enum verdict)i)), &verdict));
		ck_assert_int_eq(verdict, i);
	}
	ck_assert(!outcome_from_name(TEXT("okay"), &outcome));
	ck_assert(!verdict_from_name(TEXT(""), &verdict));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, NULL);
	tcase_add_test(cases, one_good_trial_is_enough);
	tcase_add_test(cases, a_miss_is_confirmed_by_two_more_trials);
	tcase_add_test(cases, as_many_trials_as_were_asked_for_are_made);
	tcase_add_test(cases,
	               refused_and_ignored_have_verdicts_of_their_own_when_nothing_else_came);
	tcase_add_test(cases, infrastructure_leaves_the_rate_and_is_outweighed_or_gives_no_verdict);
	tcase_add_test(cases, no_money_is_spent_on_a_verdict_that_can_not_be_reached);
	tcase_add_test(cases, asking_always_ends);
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
	tcase_add_test(cases, names_are_read_back);
}

int main(void)
{
	return unit_main("verdict", add);
}
