/*
 * Graders: what each lets pass and what not, the share of a partial answer, and that nothing that
 * a model or a grading program does holds the judge up or fools it.
 */
#include "harness/base/file.h"
#include "harness/base/text_fold.h"
#include "tests/unit/cases/judging.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static void assert_score(const char *expect, double score, const char *lacks)
{
	struct findings *found = judging_findings(expect);

	ck_assert_msg(found->graded, "%s is not graded", expect);
	ck_assert_msg(found->score > score - 1e-6 && found->score < score + 1e-6,
	              "%s scores %g, want %g", expect, found->score, score);
	if (lacks == NULL) {
		ck_assert_msg(found->gravest == FINDING_NONE, "%s finds %.*s", expect,
		              TEXT_ARG(found->items[0].text));
		return;
	}
	ck_assert_int_eq(found->gravest, FINDING_MISS);
	ck_assert_msg(text_find(found->items[0].text, text_of(lacks), 0) != TEXT_NOT_FOUND,
	              "%s says %.*s", expect, TEXT_ARG(found->items[0].text));
}

static void assert_refused(const char *expect, const char *says)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct expectation *expectation;

	ck_assert_msg(!expect_read(judging_json(expect), &judging.arena, judging.resources,
	                           &expectation, faults),
	              "%s is taken", expect);
	assert_fault_says(&faults->items[0], says);
	memory_free(faults);
}

START_TEST(exact_is_exact_but_for_blanks_around)
{
	judging_content("\n  Blue \n");
	assert_score("{\"grade\":{\"exact\":\"Blue\"}}", 1, NULL);
	assert_score("{\"grade\":{\"exact\":\"blue\"}}", 0, "want blue");
	assert_score("{\"grade\":{\"exact\":\"Blu\"}}", 0, "scores 0 of 1");
	judging_content("xkcd4821");
	assert_score("{\"grade\":{\"exact\":\"{{nonce}}\"}}", 1, NULL);
}
END_TEST

START_TEST(normalised_forgives_case_space_punctuation_and_spelling_of_characters)
{
	static const char *const same[] = {"Saint-Étienne", "SAINT  ÉTIENNE.", "saint etienne",
	                                   "\"Saint\u2010E\u0301tienne\"",
	                                   "**\uff33aint E\u0301tienne**"};

	for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
		judging_content(same[i]);
		assert_score("{\"grade\":{\"normalised\":\"Saint-Étienne\"}}", i == 2 ? 0 : 1,
		             i == 2 ? "it is" : NULL);
	}
	judging_content("No.");
	assert_score("{\"grade\":{\"normalised\":[\"yes\",\"no\"]}}", 1, NULL);
	/* What a number is written with is no punctuation. */
	judging_content("3.5");
	assert_score("{\"grade\":{\"normalised\":\"35\"}}", 0, "want");
	assert_score("{\"grade\":{\"normalised\":\"3 5\"}}", 0, "want");
	judging_content("-5");
	assert_score("{\"grade\":{\"normalised\":\"5\"}}", 0, "want");
	assert_score("{\"grade\":{\"normalised\":\"\u22125\"}}", 1, NULL);
	judging_content("stra\u00dfe");
	assert_score("{\"grade\":{\"normalised\":\"STRASSE\"}}", 1, NULL);
}
END_TEST

START_TEST(a_number_is_found_in_prose_by_the_stated_rule)
{
	static const struct {
		const char *said;
		double value;
	} rows[] = {{"42", 42},
	            {"First 6, then 7, which makes 42.", 42},
	            {"The answer is 42, since 6 times 7 is what it is in base 10.", 42},
	            {"An answer of 3 is wrong. Answer: **1,234.50** EUR", 1234.5},
	            {"$1,234,567", 1234567},
	            {"-17", -17},
	            {"it is \u221217 degrees", -17},
	            {"between 3-17", 17},
	            {"1.5e3", 1500},
	            {"Q3 of 007", 7},
	            {"sha256 gives 12", 12},
	            {"So, 12% of it", 12},
	            {"42. The answer is given above.", 42},
	            {"x5 or 7 apples, as v2 says", 7},
	            {"007", 7}};
	char expect[200];

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		judging_content(rows[i].said);
		(void)snprintf(expect, sizeof(expect), "{\"grade\":{\"number\":%.10g}}",
		               rows[i].value);
		assert_score(expect, 1, NULL);
		(void)snprintf(expect, sizeof(expect), "{\"grade\":{\"number\":%.10g}}",
		               rows[i].value + 1);
		assert_score(expect, 0, "the number is");
	}
	judging_content("none at all");
	assert_score("{\"grade\":{\"number\":0}}", 0, "there is no number");
	judging_content("9.81 or so");
	assert_score("{\"grade\":{\"number\":{\"value\":9.8,\"absolute\":0.01}}}", 1, NULL);
	assert_score("{\"grade\":{\"number\":{\"value\":9.8,\"absolute\":0.009}}}", 0, "9.81");
	assert_score("{\"grade\":{\"number\":{\"value\":9.9,\"relative\":0.01}}}", 1, NULL);
	assert_score("{\"grade\":{\"number\":{\"value\":9.9,\"relative\":0.001}}}", 0, "9.81");
}
END_TEST

START_TEST(json_compares_by_value_and_may_stand_in_a_block)
{
	judging_content("Here you are:\n```json\n{\"b\": [1.0, 2], \"a\": \"x\"}\n```\nDone.");
	assert_score("{\"grade\":{\"json\":{\"a\":\"x\",\"b\":[1,2]}}}", 1, NULL);
	assert_score("{\"grade\":{\"json\":{\"a\":\"x\",\"b\":[2,1]}}}", 0, "want");
	assert_score("{\"grade\":{\"schema\":{\"required\":[\"a\"]}}}", 1, NULL);
	assert_score("{\"grade\":{\"schema\":{\"required\":[\"c\"]}}}", 0, "c");
	judging_content("{\"a\": 1} is what you want");
	assert_score("{\"grade\":{\"json\":{\"a\":1}}}", 0, "want JSON");
	judging_content("```\n{\"a\": 1}\n```\n```\n{\"a\": 2}\n```");
	assert_score("{\"grade\":{\"json\":{\"a\":2}}}", 1, NULL);
}
END_TEST

START_TEST(containing_is_a_share_of_what_is_wanted)
{
	judging_content("The cat sat; it rained all day, and (at last) the Sun came out!");
	assert_score("{\"grade\":{\"contains\":[\"SAT\",\"rained all day\",\"sun came\"]}}", 1,
	             NULL);
	assert_score("{\"grade\":{\"contains\":[\"cat\",\"dog\"]}}", 0.5, "it lacks \"dog\"");
	assert_score("{\"grade\":{\"contains\":[[\"dog\",\"cat\"],\"ain\"]}}", 0.5, "ain");
	assert_score("{\"grade\":{\"contains\":[\"cat\",\"dog\"]},\"pass\":0.5}", 0.5, NULL);
	/* A word is no part of another. */
	judging_content("tomcats concatenate; a tomcat, and cats");
	assert_score("{\"grade\":{\"contains\":[\"cat\"]}}", 0, "it lacks");
	judging_content("concat, cat");
	assert_score("{\"grade\":{\"contains\":[\"cat\"]}}", 1, NULL);
}
END_TEST

START_TEST(several_graders_are_weighed)
{
	judging_content("one\ntwo\n");
	assert_score("{\"grade\":[{\"contains\":\"one\",\"weight\":3},{\"exact\":\"no\"}]}", 0.75,
	             "want no");
	assert_score("{\"grade\":[{\"exact\":\"two\",\"of\":\"last_line\"},"
	             "{\"matches\":\"/^one/\"}]}",
	             1, NULL);
	judging_content("x\n```py\nreturn 1\n```\n");
	assert_score("{\"grade\":{\"exact\":\"return 1\",\"of\":\"code\"}}", 1, NULL);
	/* What is wrong in another way is worth nothing. */
	struct findings *found = judging_findings(
	    "{\"content\":{\"absent\":\"return\"},\"grade\":{\"contains\":\"x\"}}");
	ck_assert(found->graded && found->score <= 0 && found->gravest == FINDING_MISS);
}
END_TEST

#define CALL_A(arguments)                                                                          \
	"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"         \
	"\"function\",\"function\":{\"name\":\"a\",\"arguments\":\"" arguments "\"}}]}"

START_TEST(calls_are_held_against_possible_answers)
{
	static const char two[] =
	    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"
	    "\"function\",\"function\":{\"name\":\"b\",\"arguments\":\"{\\\"n\\\": 2.0}\"}},"
	    "{\"id\":\"2\",\"type\":\"function\",\"function\":{\"name\":\"a\",\"arguments\":"
	    "\"{\\\"city\\\": \\\"paris, FRANCE\\\"}\"}}]}";

	judging_said(two, "tool_calls");
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"city\":[\"Paris\",\"Paris France\"],"
	             "\"unit\":[\"c\",\"\"]}},{\"b\":{\"n\":[2]}}]}}",
	             1, NULL);
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"city\":[\"Paris France\"],"
	             "\"unit\":[\"c\"]}},{\"b\":{\"n\":[2]}}]}}",
	             0.5, "it lacks the call a");
	assert_score("{\"grade\":{\"calls\":[{\"b\":{\"n\":[2]}}]}}", 0.5, "2 calls are made");
	assert_score("{\"grade\":{\"calls\":[{\"b\":{}},{\"c\":{}},{\"d\":{}},{\"e\":{}}]}}", 0,
	             "it lacks the call b");
	judging_said("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
	             "{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"b\","
	             "\"arguments\":\"{}\"}},{\"id\":\"2\",\"type\":\"function\",\"function\":"
	             "{\"name\":\"b\",\"arguments\":\"{}\"}}]}",
	             "tool_calls");
	assert_score("{\"grade\":{\"calls\":[{\"b\":{}},{\"c\":{}}]}}", 0.5, "it lacks the call c");
	judging_said(two, "tool_calls");
	/* The same call twice is right once. */
	assert_score("{\"grade\":{\"calls\":[{\"b\":{\"n\":[2]}},{\"b\":{\"n\":[2]}}]}}", 0.5,
	             "it lacks the call b");
	/* Lists and objects item by item; a member given twice is no answer. */
	judging_said(CALL_A("{\\\"p\\\":[1,{\\\"q\\\":\\\"X\\\"}]}"), "tool_calls");
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"p\":[[1,{\"q\":\"x\"}]]}}]}}", 1, NULL);
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"p\":[[1]]}}]}}", 0, "it lacks");
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"p\":[[1,{\"q\":\"x\"},2]]}}]}}", 0,
	             "it lacks");
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"p\":[[1,{}]]}}]}}", 0, "it lacks");
	judging_said(CALL_A("{\\\"p\\\":{\\\"q\\\":1,\\\"q\\\":1}}"), "tool_calls");
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"p\":[{\"q\":1,\"r\":1}]}}]}}", 0,
	             "it lacks");
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"p\":[{\"q\":1}]}}]}}", 0, "it lacks");
	judging_said(CALL_A("{\\\"p\\\":1,\\\"p\\\":1}"), "tool_calls");
	assert_score("{\"grade\":{\"calls\":[{\"a\":{\"p\":[1]}}]}}", 0, "it lacks");
	judging_content("get_weather(city=Paris)");
	assert_score("{\"grade\":{\"calls\":[{\"a\":{}}]}}", 0, "it lacks");
}
END_TEST

START_TEST(hostile_answers_cost_little_and_earn_nothing)
{
	enum { HUGE_BYTES = 2 << 20 };
	char *huge = memory_new(HUGE_BYTES + 1);

	judging_content("x");
	struct chat_reply reply = *judging.seen.reply;
	struct chat_choice choice = reply.choices[0];
	reply.choices = &choice;
	judging.seen.reply = &reply;
	choice.content = (struct text){huge, HUGE_BYTES};
	memset(huge, 'a', HUGE_BYTES);
	assert_score("{\"grade\":{\"normalised\":\"b\"}}", 0, "too long");
	assert_score("{\"grade\":{\"contains\":\"b\"}}", 0, "too long");
	assert_score("{\"grade\":{\"number\":1}}", 0, "no number");
	memset(huge, '[', HUGE_BYTES);
	assert_score("{\"grade\":{\"json\":1}}", 0, "want JSON");
	memset(huge, '9', HUGE_BYTES);
	assert_score("{\"grade\":{\"number\":9}}", 0, "no number");
	memset(huge, ',', HUGE_BYTES);
	assert_score("{\"grade\":{\"exact\":\"x\"}}", 0, "want x");
	/* A pattern that runs away is our fault, and not the model's. */
	memset(huge, 'a', HUGE_BYTES);
	choice.content.len = 40;
	struct findings *found =
	    judging_findings("{\"grade\":{\"matches\":\"/^(?:a|a|aa)+$(?<!a)/\"}}");
	ck_assert_int_eq(found->gravest, FINDING_HARNESS);
	memory_free(huge);
}
END_TEST

START_TEST(mistakes_are_found_when_loading)
{
	assert_refused("{\"grade\":{}}", "a grader is one of");
	assert_refused("{\"grade\":[]}", "want 1 to 16 graders");
	assert_refused("{\"grade\":{\"exact\":\"a\",\"number\":1}}", "a grader is one of");
	assert_refused("{\"grade\":{\"exact\":\" \"}}", "not empty");
	assert_refused("{\"grade\":{\"exat\":\"a\"}}", "did you mean 'exact'");
	assert_refused("{\"grade\":{\"normalised\":\"...\"}}", "nothing in this text");
	assert_refused("{\"grade\":{\"contains\":[\"a\",\"!\"]}}", "nothing in this text");
	assert_refused("{\"grade\":{\"contains\":[]}}", "an empty list");
	assert_refused("{\"grade\":{\"number\":\"many\"}}", "want a number");
	assert_refused("{\"grade\":{\"number\":{\"absolute\":1}}}", "no 'value'");
	assert_refused("{\"grade\":{\"number\":{\"value\":1,\"relative\":2}}}", "from 0 to 1");
	assert_refused("{\"grade\":{\"matches\":\"/(/\"}}", "");
	assert_refused("{\"grade\":{\"calls\":[{\"a\":{\"b\":1}}]}}", "want a list of the values");
	assert_refused("{\"grade\":{\"calls\":[\"a\"]}}", "want one call");
	assert_refused("{\"grade\":{\"command\":[]}}", "want a program");
	assert_refused("{\"grade\":{\"command\":{\"run\":\"x\",\"timeout\":\"2m\"}}}", "to 1m");
	assert_refused("{\"grade\":{\"exact\":\"a\",\"weight\":0}}", "want a number from 0.001");
	assert_refused("{\"grade\":{\"exact\":\"a\"},\"pass\":1.5}", "want a number from 0.01");
	assert_refused("{\"status\":200,\"pass\":1}", "there is no grade");
}
END_TEST

/* --- external programs --- */

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *shell(const char *script, const char *more)
{
	struct text_buf out;

	text_buf_init(&out, 1 << 16);
	text_buf_add_c(&out, "{\"grade\":{\"command\":{\"run\":[\"sh\",\"-c\",");
	json_quote(&out, text_of(script));
	text_buf_format(&out, "]%s}}}", more);
	const char *copy = text_c(&judging.arena, text_buf_view(&out));
	text_buf_done(&out);
	return copy;
}

static void assert_gives_no_verdict(const char *script, const char *more, const char *says)
{
	struct findings *found = judging_findings(shell(script, more));

	ck_assert_int_eq(found->gravest, FINDING_HARNESS);
	ck_assert_msg(text_find(found->items[0].text, text_of(says), 0) != TEXT_NOT_FOUND,
	              "%s says %.*s", script, TEXT_ARG(found->items[0].text));
}

START_TEST(a_program_says_by_its_exit_status_and_score)
{
	judging_asked("{\"messages\":[{\"role\":\"user\",\"content\":\"count\"}]}");
	judging.seen.reference = judging_json("{\"content\":\"three\"}");
	judging_content("one two three");
	assert_score(shell("exit 0", ""), 1, NULL);
	assert_score(shell("exit 1", ""), 0, "does not let it pass");
	assert_score(shell("echo '{\"score\": 0.25}'; exit 1", ""), 0.25, "scores 0.25");
	assert_score(shell("echo '{\"score\": 1, \"why\": \"bad style\"}'; exit 1", ""), 1,
	             "bad style");
	assert_score(shell("echo '{\"score\": 0.5}'", ""), 0.5, "scores 0.5");
	/* What was asked, said and held to be good comes as JSON; it need not be read. */
	assert_score(
	    shell("read -r all; case $all in *'\"content\":\"count\"'*'\"content\":\"one two "
	          "three\"'*'\"content\":\"three\"'*) exit 0;; esac; exit 1",
	          ""),
	    1, NULL);
}
END_TEST

START_TEST(a_program_that_misbehaves_gives_no_verdict_and_is_gone_in_time)
{
	int64_t began_ms = now_ms();

	judging_content("x");
	assert_gives_no_verdict("exit 3", "", "exits with 3");
	assert_gives_no_verdict("echo no such thing >&2; exit 2", "", "no such thing");
	assert_gives_no_verdict("kill -9 $$", "", "signal 9");
	assert_gives_no_verdict("echo fine", "", "no JSON object");
	assert_gives_no_verdict("echo '{\"score\": 7}'", "", "not from 0 to 1");
	assert_gives_no_verdict("yes", ",\"output\":\"4k\"", "more than 4096 bytes");
	assert_gives_no_verdict("sleep 60", ",\"timeout\":\"200ms\"", "longer than 200 ms");
	/* It closes its output and goes on; it spins; it ignores being told to end. */
	assert_gives_no_verdict("exec >&- 2>&-; sleep 60", ",\"timeout\":\"200ms\"", "longer than");
	assert_gives_no_verdict("while :; do :; done", ",\"timeout\":\"200ms\"", "longer than");
	assert_gives_no_verdict("trap '' TERM INT; sleep 60", ",\"timeout\":\"200ms\"", "longer");
	/* It fills a disk: its files have a limit. */
	assert_gives_no_verdict("head -c 100000000 /dev/zero > /tmp/proviso-grade-$$; s=$?; "
	                        "rm -f /tmp/proviso-grade-$$; exit $((s > 1 ? 2 : 3))",
	                        "", "exits with");
	/* Its children hold the pipe open, and are gone with it. */
	assert_score(shell("sleep 60 & exit 0", ""), 1, NULL);
	ck_assert_int_lt(now_ms() - began_ms, 59000); /* nobody waited for a sleep to end */
	struct findings *found =
	    judging_findings("{\"grade\":{\"command\":[\"/no/such/program\"]}}");
	ck_assert_int_eq(found->gravest, FINDING_HARNESS);
	ck_assert(text_find(found->items[0].text, TEXT("can't be started: No such file"), 0) !=
	          TEXT_NOT_FOUND);
}
END_TEST

/* Whether anything lives in the process group whose number stands in the file. */
static bool group_lives(const char *file)
{
	const char *look =
	    text_format(&judging.arena, "ps -eo pgid=,stat= | grep -q \"^ *$(cat %s)  *[^Z ]\"",
	                file)
		.data;

	return system(look) == 0;
}

START_TEST(a_hostile_program_is_killed_with_all_that_it_started)
{
	const char *file =
	    text_format(&judging.arena, "/tmp/proviso-grade-pid-%ld", (long)getpid()).data;

	judging_content("x");
	/* More memory than it may have. */
	assert_gives_no_verdict("x=$(head -c 40000000 /dev/zero | tr '\\0' x); y=$x$x; "
	                        "test ${#y} = 80000000 && exit 0; exit 7",
	                        ",\"memory\":\"32m\"", "the grading command");
	/* The same, allowed. */
	assert_score(shell("x=$(head -c 1000000 /dev/zero | tr '\\0' x); test ${#x} = 1000000", ""),
	             1, NULL);
	/* It forks without an end, floods both outputs, and its children ignore what asks them to
	 * end: none of them is left, though each would go on for a minute. */
	struct text flood = text_format(
	    &judging.arena,
	    "trap '' TERM INT HUP; echo $$ > %s; i=0; while [ $i -lt 40 ]; do i=$((i+1)); "
	    "(trap '' TERM INT HUP; exec sleep 60) & done; yes >&2 & yes",
	    file);
	int64_t began_ms = now_ms();
	assert_gives_no_verdict(flood.data, ",\"output\":\"8k\"", "more than 8192 bytes");
	while (group_lives(file))
		ck_assert_int_lt(now_ms() - began_ms, 50000);
	struct text forks = text_format(&judging.arena,
	                                "trap '' TERM INT HUP; echo $$ > %s; (while :; do (sleep "
	                                "60 &) ; sleep 0.01; done) & wait",
	                                file);
	began_ms = now_ms();
	assert_gives_no_verdict(forks.data, ",\"timeout\":\"300ms\"", "longer than 300 ms");
	while (group_lives(file))
		ck_assert_int_lt(now_ms() - began_ms, 50000);
	ck_assert_int_eq(unlink(file), 0);
}
END_TEST

START_TEST(nothing_of_ours_reaches_a_program)
{
	judging_content("x");
	ck_assert_int_eq(setenv("SOME_API_KEY", "sk-secret", 1), 0);
	assert_score(shell("test -z \"$SOME_API_KEY\" && test -z \"$HOME\"", ""), 1, NULL);
	int leak = dup(2);
	ck_assert_int_ge(leak, 3);
	assert_score(shell("test \"$(ls /proc/self/fd | wc -l)\" -le 4", ""), 1, NULL);
	/* An own process group: a signal for it is not for us. */
	assert_score(shell("test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$", ""), 1, NULL);
	(void)close(leak);
}
END_TEST

static void add(TCase *cases)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, exact_is_exact_but_for_blanks_around);
	tcase_add_test(cases,
	               normalised_forgives_case_space_punctuation_and_spelling_of_characters);
	tcase_add_test(cases, a_number_is_found_in_prose_by_the_stated_rule);
	tcase_add_test(cases, json_compares_by_value_and_may_stand_in_a_block);
	tcase_add_test(cases, containing_is_a_share_of_what_is_wanted);
	tcase_add_test(cases, several_graders_are_weighed);
	tcase_add_test(cases, calls_are_held_against_possible_answers);
	tcase_add_test(cases, hostile_answers_cost_little_and_earn_nothing);
	tcase_add_test(cases, mistakes_are_found_when_loading);
	tcase_add_test(cases, a_program_says_by_its_exit_status_and_score);
	tcase_add_test(cases, a_program_that_misbehaves_gives_no_verdict_and_is_gone_in_time);
	tcase_add_test(cases, a_hostile_program_is_killed_with_all_that_it_started);
	tcase_add_test(cases, nothing_of_ours_reaches_a_program);
}

int main(void)
{
	return unit_main("expect_grade", add);
}
