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

static bool wants(const char *trials, int64_t min_trials)
{
	struct tally tally = tally_of(trials);

	return verdict_wants_more(CASE_DETERMINISTIC, &tally, min_trials);
}

static enum verdict decided(const char *trials)
{
	struct tally tally = tally_of(trials);

	return verdict_decide(CASE_DETERMINISTIC, &tally);
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

START_TEST(asking_always_ends)
{
	/* Whatever comes next, a cell is asked at most as often as the cap says. */
	static const char letters[] = "omvrgi";

	for (unsigned seed = 0; seed < 5000; seed++) {
		char trials[64] = "";
		size_t len = 0;
		unsigned state = seed;
		while (wants(trials, 1)) {
			ck_assert_uint_lt(len, VERDICT_MAX_TRIALS);
			trials[len++] = letters[state % (sizeof(letters) - 1)];
			trials[len] = '\0';
			state = state / (sizeof(letters) - 1) + (state & 1u) * 7919u;
		}
		ck_assert_int_ne(decided(trials), VERDICT_SKIPPED);
		ck_assert_int_ne(decided(trials), VERDICT_INCONCLUSIVE);
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

START_TEST(the_interval_is_wilsons)
{
	/* VERDICTS: .44 at 3/3, .72 at 10/10, .90 at 35/35. */
	static const struct {
		int64_t ok, judged;
		double low, high;
	} known[] = {
	    {3, 3, 0.4385, 1}, {10, 10, 0.7225, 1},     {35, 35, 0.9011, 1},
	    {0, 3, 0, 0.5615}, {5, 10, 0.2366, 0.7634}, {81, 263, 0.2553, 0.3662},
	    {0, 0, 0, 1},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		double low, high;
		wilson_interval(known[i].ok, known[i].judged, &low, &high);
		ck_assert_double_eq_tol(low, known[i].low, 0.0001);
		ck_assert_double_eq_tol(high, known[i].high, 0.0001);
	}
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
	tcase_add_test(cases, the_interval_is_wilsons);
	tcase_add_test(cases, names_are_read_back);
}

int main(void)
{
	return unit_main("verdict", add);
}
