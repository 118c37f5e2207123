/* Pacing on a clock that only the test moves; and every spelling of Retry-After. */
#include "providers/wire/pace.h"
#include "tests/unit/unit.h"

static struct loop *loop;
static struct pace *pace;
static struct arena arena;

enum { WAITERS = 64 };

static struct waiting {
	struct pace_waiter waiter;
	int64_t gone_at_ms; /* -1: not yet */
	unsigned gone;
	bool release_at_once;
} waiting[WAITERS];

static void went(void *context)
{
	struct waiting *one = context;

	one->gone++;
	one->gone_at_ms = loop_now_ms(loop);
	if (one->release_at_once)
		pace_release(pace);
}

static void begin(struct provider_limits limits)
{
	loop = loop_new();
	loop_fake_clock(loop, 0);
	pace = pace_new(loop, &limits);
	memset(waiting, 0, sizeof(waiting));
	for (size_t i = 0; i < WAITERS; i++)
		waiting[i].gone_at_ms = -1;
}

static void end(void)
{
	for (size_t i = 0; i < WAITERS; i++)
		pace_cancel(pace, &waiting[i].waiter);
	pace_free(pace);
	pace = NULL; /* what is left of it is a leak */
	loop_free(loop);
	arena_done(&arena);
}

static void wait_for(size_t i, int64_t tokens)
{
	pace_wait(pace, &waiting[i].waiter, tokens, went, &waiting[i]);
}

static size_t gone(void)
{
	size_t count = 0;

	for (size_t i = 0; i < WAITERS; i++) {
		ck_assert_uint_le(waiting[i].gone, 1);
		count += waiting[i].gone;
	}
	return count;
}

static void turn(void)
{
	(void)loop_turn(loop, false);
}

START_TEST(nobody_goes_from_within_the_asking)
{
	begin((struct provider_limits){.concurrency = 1});
	wait_for(0, 0);
	ck_assert_uint_eq(gone(), 0);
	turn();
	ck_assert_uint_eq(gone(), 1);
	end();
}
END_TEST

START_TEST(slots_are_given_in_order_and_given_back)
{
	begin((struct provider_limits){.concurrency = 2});
	for (size_t i = 0; i < 5; i++)
		wait_for(i, 0);
	turn();
	ck_assert_uint_eq(gone(), 2);
	ck_assert_uint_eq(waiting[0].gone + waiting[1].gone, 2);
	pace_release(pace);
	ck_assert_uint_eq(gone(), 2);
	turn();
	ck_assert_uint_eq(gone(), 3);
	ck_assert_uint_eq(waiting[2].gone, 1);
	pace_release(pace);
	pace_release(pace);
	turn();
	ck_assert_uint_eq(gone(), 5);
	end();
}
END_TEST

START_TEST(a_slot_given_back_at_once_serves_the_next)
{
	begin((struct provider_limits){.concurrency = 1});
	for (size_t i = 0; i < 5; i++) {
		waiting[i].release_at_once = true;
		wait_for(i, 0);
	}
	turn();
	turn();
	ck_assert_uint_eq(gone(), 5);
	end();
}
END_TEST

START_TEST(requests_are_spread_over_the_minute)
{
	begin((struct provider_limits){.concurrency = 1000, .requests_per_minute = 30});
	for (size_t i = 0; i < 5; i++)
		wait_for(i, 0);
	turn();
	ck_assert_uint_eq(gone(), 1);
	loop_advance(loop, 1999);
	ck_assert_uint_eq(gone(), 1);
	loop_advance(loop, 1);
	ck_assert_uint_eq(gone(), 2);
	loop_advance(loop, 60000);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(waiting[i].gone_at_ms, (int64_t)i * 2000);
	/* What was not used is not saved up. */
	wait_for(5, 0);
	wait_for(6, 0);
	turn();
	ck_assert_uint_eq(gone(), 6);
	end();
}
END_TEST

START_TEST(no_minute_sees_more_than_was_allowed)
{
	begin((struct provider_limits){.concurrency = 1000, .requests_per_minute = 7});
	for (size_t i = 0; i < 30; i++)
		wait_for(i, 0);
	turn();
	loop_advance(loop, 600000);
	ck_assert_uint_eq(gone(), 30);
	for (size_t i = 0; i + 7 < 30; i++)
		ck_assert_int_ge(waiting[i + 7].gone_at_ms - waiting[i].gone_at_ms, 60000);
	end();
}
END_TEST

START_TEST(tokens_are_spread_and_a_large_request_is_paid_for_by_those_behind)
{
	begin((struct provider_limits){.concurrency = 1000, .tokens_per_minute = 60000});
	wait_for(0, 500000); /* more than a minute allows: it goes, as nothing else ever would */
	wait_for(1, 1000);
	wait_for(2, 1);
	turn();
	ck_assert_uint_eq(gone(), 1);
	loop_advance(loop, 499999);
	ck_assert_uint_eq(gone(), 1);
	loop_advance(loop, 1);
	ck_assert_uint_eq(gone(), 2);
	loop_advance(loop, 1000);
	ck_assert_uint_eq(gone(), 3);
	end();
}
END_TEST

START_TEST(a_hold_stops_all_and_is_never_shortened)
{
	begin((struct provider_limits){.concurrency = 10});
	pace_hold(pace, 5000);
	pace_hold(pace, 10);
	pace_hold(pace, -1);
	wait_for(0, 0);
	turn();
	loop_advance(loop, 4999);
	ck_assert_uint_eq(gone(), 0);
	pace_hold(pace, 1000); /* now longer */
	loop_advance(loop, 999);
	ck_assert_uint_eq(gone(), 0);
	loop_advance(loop, 1);
	ck_assert_uint_eq(gone(), 1);
	end();
}
END_TEST

START_TEST(whoever_is_cancelled_is_passed_over)
{
	begin((struct provider_limits){.concurrency = 1, .requests_per_minute = 60});
	for (size_t i = 0; i < 6; i++) {
		waiting[i].release_at_once = true;
		wait_for(i, 0);
	}
	pace_cancel(pace, &waiting[0].waiter); /* first */
	pace_cancel(pace, &waiting[2].waiter); /* within */
	pace_cancel(pace, &waiting[5].waiter); /* last */
	pace_cancel(pace, &waiting[5].waiter);
	turn();
	wait_for(6, 0);
	loop_advance(loop, 3000);
	ck_assert_uint_eq(gone(), 4);
	ck_assert_int_eq(waiting[1].gone_at_ms, 0);
	ck_assert_int_eq(waiting[3].gone_at_ms, 1000);
	ck_assert_int_eq(waiting[4].gone_at_ms, 2000);
	ck_assert_int_eq(waiting[6].gone_at_ms, 3000);
	end();
}
END_TEST

START_TEST(an_empty_queue_leaves_nothing_to_come)
{
	struct provider_limits limits = {.concurrency = 1, .requests_per_minute = 1};

	loop = loop_new(); /* on the real clock a timer to come would keep it running */
	pace = pace_new(loop, &limits);
	memset(waiting, 0, sizeof(waiting));
	waiting[0].release_at_once = true;
	wait_for(0, 0);
	wait_for(1, 0);
	turn();
	pace_cancel(pace, &waiting[1].waiter);
	loop_run(loop); /* returns, or the test times out */
	end();
}
END_TEST

/* The memory goes with the turn that is queued; the sanitizer looks. */
START_TEST(a_queue_may_be_freed_before_its_turn)
{
	begin((struct provider_limits){.concurrency = 1});
	wait_for(0, 0);
	pace_cancel(pace, &waiting[0].waiter);
	end();
	ck_assert_uint_eq(gone(), 0);
}
END_TEST

/* --- Retry-After --- */

/* 2026-01-01T00:00:00Z */
#define NOW_MS INT64_C(1767225600000)

static const struct {
	const char *headers; /* "name=value|..." */
	int64_t ms;
} answers[] = {
    {"", -1},
    {"retry-after=0", 0},
    {"Retry-After=7", 7000},
    {"retry-after=1.5", 1500},
    {"retry-after=-5", 0},
    {"retry-after-ms=0|retry-after=5", 0},
    {"retry-after=3600", 3600000},
    {"retry-after=3601", 3600000},
    {"retry-after=99999999999999999999999999", 3600000},
    {"retry-after=soon", -1},
    {"retry-after=", -1},
    {"retry-after=-", -1},
    {"retry-after=5 seconds", -1},
    {"retry-after=1.", -1},
    {"retry-after=0x10", -1},
    {"retry-after=+5", -1},
    {"retry-after=34.4s", 34400},
    {"retry-after=Thu, 01 Jan 2026 00:00:30 GMT", 30000},
    {"retry-after=Wed, 31 Dec 2025 23:59:59 GMT", 0},
    {"retry-after=Fri, 02 Jan 2026 00:00:00 GMT", 3600000},
    {"retry-after=Thursday, 01-Jan-26 00:00:30 GMT", 30000},
    {"retry-after=Sunday, 06-Nov-94 08:49:37 GMT", 0},
    {"retry-after=Thu Jan  1 00:00:30 2026", 30000},
    {"retry-after=Thu, 01 Jan 2026 00:00:30 CET", -1},
    {"retry-after=Thu, 32 Jan 2026 00:00:30 GMT", -1},
    {"retry-after=Thu, 30 Feb 2026 00:00:30 GMT", -1},
    {"retry-after=Thu, 01 Foo 2026 00:00:30 GMT", -1},
    {"retry-after=Thu, 01 Jan 2026 99:00:30 GMT", -1},
    {"retry-after=2026-01-01T00:00:30Z", -1},
    {"retry-after-ms=250", 250},
    {"retry-after-ms=250|retry-after=9", 250},
    {"retry-after-ms=x|retry-after=9", 9000},
    {"retry-after-ms=-1", 0},
    {"x-ratelimit-reset-requests=6m0s", 360000},
    {"x-ratelimit-reset-requests=12ms", 12},
    {"x-ratelimit-reset-tokens=2m59.56s", 179560},
    {"x-ratelimit-reset-tokens=1h2m3s", 3600000},
    {"x-ratelimit-reset-tokens=500us", 1},
    {"x-ratelimit-reset-tokens=20000ms", 20000},
    {"x-ratelimit-reset-tokens=1500000us", 1500},
    {"x-ratelimit-reset-tokens=1m1", -1},
    {"x-ratelimit-reset-tokens=9999999999999999999999h", 3600000},
    {"x-ratelimit-reset-tokens=9999999999999999999999d9999999999999999999999d1s", 3600000},
    {"x-ratelimit-reset-tokens=m", -1},
    {"x-ratelimit-reset-tokens=59.9", 59900},
    {"retry-after=2|x-ratelimit-reset-tokens=1h", 2000},
    {"retry-after=soon|x-ratelimit-reset-tokens=3s", 3000},
    /* of several, the one that is used up; else the earliest */
    {"x-ratelimit-reset-requests=10m|x-ratelimit-reset-tokens=3s", 3000},
    {"x-ratelimit-reset-requests=10m|x-ratelimit-remaining-requests=0|"
     "x-ratelimit-reset-tokens=3s|x-ratelimit-remaining-tokens=17",
     600000},
    {"x-ratelimit-reset-requests=10m|x-ratelimit-remaining-requests=12|"
     "X-RateLimit-Reset-Tokens=3s|x-ratelimit-remaining-tokens=0",
     3000},
    {"x-ratelimit-reset-requests-day=2h|x-ratelimit-remaining-requests-day=3|"
     "x-ratelimit-reset-tokens-minute=8.5|x-ratelimit-remaining-tokens-minute=0",
     8500},
    {"anthropic-ratelimit-requests-reset=2026-01-01T00:00:05Z", 5000},
    {"anthropic-ratelimit-requests-reset=2026-01-01T00:00:05Z|"
     "anthropic-ratelimit-tokens-reset=2026-01-01T00:00:40Z|"
     "anthropic-ratelimit-tokens-remaining=0",
     40000},
    {"x-ratelimit-reset-=5s", -1},
    {"x-ratelimit-reset=5", -1},
};

START_TEST(waits_are_read_in_every_form)
{
	struct exchange exchange = {0};
	struct http_header headers[8];
	struct text rest = text_of(answers[_i].headers), field;

	exchange.headers = headers;
	while (text_next_field(&rest, '|', &field)) {
		size_t equals = text_find_byte(field, '=', 0);

		if (field.len == 0)
			continue;
		headers[exchange.header_count++] = (struct http_header){
		    text_slice(field, 0, equals), text_slice(field, equals + 1, field.len)};
	}
	int64_t ms = pace_retry_after_ms(&exchange, NOW_MS);
	ck_assert_msg(ms == answers[_i].ms, "%s: %lld, want %lld", answers[_i].headers,
	              (long long)ms, (long long)answers[_i].ms);
}
END_TEST

START_TEST(a_wait_may_stand_in_the_error)
{
	struct http_header header = {TEXT("retry-after"), TEXT("3")};
	struct exchange exchange = {.status = 429};
	struct chat_error errors[] = {{.message = TEXT("slow")}, {.retry_delay = TEXT("34.4s")}};
	struct chat_reply reply = {.errors = errors, .error_count = ARRAY_LENGTH(errors)};

	ck_assert_int_eq(pace_asked_ms(&exchange, &reply, NOW_MS), 34400);
	ck_assert_int_eq(pace_asked_ms(&exchange, NULL, NOW_MS), -1);
	reply.errors[1].retry_delay = TEXT("soon");
	ck_assert_int_eq(pace_asked_ms(&exchange, &reply, NOW_MS), -1);
	/* The header is the newer word. */
	exchange.headers = &header;
	exchange.header_count = 1;
	reply.errors[1].retry_delay = TEXT("34.4s");
	ck_assert_int_eq(pace_asked_ms(&exchange, &reply, NOW_MS), 3000);
}
END_TEST

START_TEST(no_bytes_of_a_header_break_the_reading)
{
	/* Every cut of every spelling, and every byte in every place of one. */
	for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
		struct text value = text_of(answers[i].headers);

		for (size_t cut = 0; cut <= value.len; cut++) {
			struct http_header header = {TEXT("retry-after"),
			                             text_slice(value, cut, value.len)};
			struct exchange exchange = {.headers = &header, .header_count = 1};

			ck_assert_int_ge(pace_retry_after_ms(&exchange, NOW_MS), -1);
		}
	}
	for (int byte = 0; byte < 256; byte++) {
		for (size_t at = 0; at < 29; at++) {
			char value[] = "Thu, 01 Jan 2026 00:00:30 GMT";
			struct http_header header = {TEXT("retry-after"), {value, 29}};
			struct exchange exchange = {.headers = &header, .header_count = 1};

			value[at] = (char)byte;
			int64_t ms = pace_retry_after_ms(&exchange, NOW_MS);
			ck_assert(ms >= -1 && ms <= 3600000);
		}
	}
}
END_TEST

START_TEST(backoff_doubles_to_its_cap_with_full_jitter)
{
	static const int64_t caps[] = {500, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};

	for (unsigned attempt = 0; attempt < ARRAY_LENGTH(caps); attempt++) {
		ck_assert_int_eq(pace_backoff_ms(attempt, 0), 0);
		ck_assert_int_eq(pace_backoff_ms(attempt, (uint64_t)caps[attempt]), caps[attempt]);
		ck_assert_int_eq(pace_backoff_ms(attempt, (uint64_t)caps[attempt] + 1), 0);
	}
	ck_assert_int_le(pace_backoff_ms(4000000000u, UINT64_MAX), 30000);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, nobody_goes_from_within_the_asking);
	tcase_add_test(cases, slots_are_given_in_order_and_given_back);
	tcase_add_test(cases, a_slot_given_back_at_once_serves_the_next);
	tcase_add_test(cases, requests_are_spread_over_the_minute);
	tcase_add_test(cases, no_minute_sees_more_than_was_allowed);
	tcase_add_test(cases, tokens_are_spread_and_a_large_request_is_paid_for_by_those_behind);
	tcase_add_test(cases, a_hold_stops_all_and_is_never_shortened);
	tcase_add_test(cases, whoever_is_cancelled_is_passed_over);
	tcase_add_test(cases, an_empty_queue_leaves_nothing_to_come);
	tcase_add_test(cases, a_queue_may_be_freed_before_its_turn);
	tcase_add_loop_test(cases, waits_are_read_in_every_form, 0, (int)ARRAY_LENGTH(answers));
	tcase_add_test(cases, a_wait_may_stand_in_the_error);
	tcase_add_test(cases, no_bytes_of_a_header_break_the_reading);
	tcase_add_test(cases, backoff_doubles_to_its_cap_with_full_jitter);
}

int main(void)
{
	return unit_main("pace", add);
}
