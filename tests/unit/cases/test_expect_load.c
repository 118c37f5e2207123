/* What must hold of requests at once and of long streams, judged by recorded times. */
#include "tests/unit/cases/judging.h"

enum { COPIES = 10, SECOND_US = 1000000 };

static struct exchange exchanges[COPIES];
static struct chat_reply replies[COPIES];
static struct observed_copy copies[COPIES];
static struct template_values first;

/* Ten answers in a moment, each with a token after 100 ms, and the last one is judged. */
static void setup(void)
{
	judging_setup();
	first = (struct template_values){.nonces = {TEXT("ba2de3f4")}, .context_tokens = -1};
	judging_content("ba2de3f4");
	for (size_t i = 0; i < COPIES; i++) {
		replies[i] = (struct chat_reply){.first_delta_us = SECOND_US / 10};
		exchanges[i] = (struct exchange){.status = 200, .end_us = SECOND_US};
		copies[i] = (struct observed_copy){&exchanges[i], &replies[i]};
	}
	judging.seen.first_values = &first;
	judging.seen.copies = copies;
	judging.seen.copy_count = COPIES;
	judging.seen.copy = COPIES - 1;
}

START_TEST(one_of_ten_may_be_late_for_its_first_token_and_two_may_not)
{
	const char *expect = "{\"group\":{\"ttft_p90\":\"5s\"}}";

	assert_holds(expect);
	replies[3].first_delta_us = 60 * (int64_t)SECOND_US;
	assert_holds(expect);
	replies[7].first_delta_us = 5 * (int64_t)SECOND_US;
	assert_holds(expect);
	replies[7].first_delta_us += 1;
	assert_finds(expect, FINDING_VIOLATION,
	             "5000 ms in the 90th percentile of 10, want at most 5000");
	struct findings *findings = judging_findings(expect);
	ck_assert_uint_ne(text_find(findings->fates,
	                            TEXT("first token p50 100 ms, p90 5000 ms, p99 60000 ms"), 0),
	                  TEXT_NOT_FOUND);
	replies[0].first_delta_us = -1;
	assert_finds(expect, FINDING_MISS, "request 1 of 10 has no token");
}
END_TEST

START_TEST(errors_and_limits_are_counted_apart_and_once)
{
	exchanges[2].status = exchanges[4].status = 429;
	assert_holds("{\"group\":{\"rate_limited\":20,\"errors\":0}}");
	assert_finds("{\"group\":{\"rate_limited\":19,\"errors\":0}}", FINDING_VIOLATION,
	             "2 of 10 requests at once were answered by 429, want at most 19 %");
	exchanges[5].status = 503;
	exchanges[6].end = EXCHANGE_CUT;
	assert_finds("{\"group\":{\"rate_limited\":20,\"errors\":10}}", FINDING_VIOLATION,
	             "2 of 10 requests at once failed, want at most 10 %");
	/* Another copy says nothing of the group. */
	judging.seen.copy = 3;
	assert_holds("{\"group\":{\"rate_limited\":0,\"errors\":0}}");
}
END_TEST

START_TEST(a_word_of_another_copy_is_found_wherever_it_stands)
{
	struct template_values other;
	struct text text;

	assert_finds("{\"group\":{\"own\":true}}", FINDING_VIOLATION, "only request 1 had");
	template_copy_values(&first, 4, &judging.arena, &other);
	text = text_format(&judging.arena, "I say %.*s.", TEXT_ARG(other.nonces[0]));
	judging_content(text_c(&judging.arena, text));
	assert_finds("{\"group\":{\"own\":true}}", FINDING_VIOLATION, "only request 5 had");
	template_copy_values(&first, COPIES - 1, &judging.arena, &other);
	ck_assert(!text_equal(other.nonces[0], first.nonces[0]));
	judging_content(text_c(&judging.arena, other.nonces[0]));
	assert_holds("{\"group\":{\"own\":true}}");
}
END_TEST

/* Whoever loses this is told that ten were at once, and they were three. */
START_TEST(how_many_were_under_way_is_told_by_the_recorded_times)
{
	for (size_t i = 0; i < COPIES; i++) {
		exchanges[i].started_wall_ms = (int64_t)(i / 3) * 1000;
		exchanges[i].end_us = SECOND_US;
	}
	struct findings *findings = judging_findings("{\"group\":{\"own\":true,\"errors\":0}}");
	assert_text(findings->fates, "10 at once (never over 3)");
	for (size_t i = 0; i < COPIES; i++)
		exchanges[i].end_us = 9 * (int64_t)SECOND_US;
	findings = judging_findings("{\"group\":{\"own\":true,\"errors\":0}}");
	assert_text(findings->fates, "10 at once");
}
END_TEST

/* 128 tokens: 127 of them in the time from the first to the last. */
static void streamed(int64_t tokens, int64_t first_us, int64_t last_us)
{
	static struct exchange_chunk chunks[2];
	static struct chat_reply reply;

	chunks[0] = (struct exchange_chunk){first_us, 1};
	chunks[1] = (struct exchange_chunk){last_us, 2};
	reply = (struct chat_reply){.complete = true,
	                            .streamed = true,
	                            .first_delta_us = first_us,
	                            .usage = {.present = true, .output = tokens}};
	judging.exchange = (struct exchange){.status = 200, .chunks = chunks, .chunk_count = 2};
	judging.seen.reply = &reply;
	judging.seen.copy_count = 0;
}

START_TEST(a_long_stream_has_its_speed_and_a_short_one_has_none)
{
	const char *expect = "{\"speed\":{\"tokens\":128,\"per_second\":10}}";

	streamed(128, SECOND_US, SECOND_US + 12700000);
	assert_holds(expect);
	streamed(128, SECOND_US, SECOND_US + 12800000);
	assert_finds(expect, FINDING_VIOLATION,
	             "128 tokens came at 9.9 a second, want at least 10");
	streamed(127, SECOND_US, SECOND_US + 1000);
	assert_finds(expect, FINDING_MISS, "127 tokens: want at least 128");
	/* In one piece: the wait for it is all that there is to measure. */
	streamed(128, 20 * (int64_t)SECOND_US, 20 * (int64_t)SECOND_US + 5);
	assert_finds(expect, FINDING_VIOLATION, "at 6.3 a second");
}
END_TEST

/* Whoever loses this learns of no grammar that takes a minute, or is told so of every model. */
START_TEST(an_earlier_step_may_take_so_much_longer_and_no_more)
{
	const char *expect = "{\"times\":{\"step\":0,\"slower\":\"10s\"}}";
	static struct exchange sent;
	struct chat_reply slow = {.streamed = true, .first_delta_us = 10300000};
	struct observed_copy earlier = {&sent, &slow};

	streamed(4, 300000, 400000);
	assert_finds(expect, FINDING_HARNESS, "the answer to step 0 is not at hand");
	judging.seen.earlier = &earlier;
	judging.seen.earlier_count = 1;
	assert_holds(expect);
	assert_text(judging_findings(expect)->fates, "first 10300 ms, then 300 ms");
	slow.first_delta_us++;
	assert_finds(expect, FINDING_VIOLATION,
	             "step 1 took 10300 ms, and this one 300: want at most 10000 ms more");
	/* Of what is not streamed the whole counts. */
	slow.streamed = false;
	sent.end_us = 10300000;
	assert_holds(expect);
	slow.streamed = true;
	slow.first_delta_us = -1;
	assert_finds(expect, FINDING_MISS, "step 1 says nothing at any moment");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, judging_teardown);
	tcase_add_test(cases, one_of_ten_may_be_late_for_its_first_token_and_two_may_not);
	tcase_add_test(cases, errors_and_limits_are_counted_apart_and_once);
	tcase_add_test(cases, a_word_of_another_copy_is_found_wherever_it_stands);
	tcase_add_test(cases, how_many_were_under_way_is_told_by_the_recorded_times);
	tcase_add_test(cases, a_long_stream_has_its_speed_and_a_short_one_has_none);
	tcase_add_test(cases, an_earlier_step_may_take_so_much_longer_and_no_more);
}

int main(void)
{
	return unit_main("expect_load", add);
}
