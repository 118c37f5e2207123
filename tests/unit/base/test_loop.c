/* Timers on a clock that tests move, deferred work, signals, and moments as text. */
#include "harness/base/loop.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <unistd.h>
#include <uv.h>

/* What happened, in order, as letters. */
static char trace[256];
static size_t traced;

static void note(char letter)
{
	ck_assert_uint_lt(traced, sizeof(trace) - 1);
	trace[traced++] = letter;
	trace[traced] = '\0';
}

static void trace_start(void)
{
	traced = 0;
	trace[0] = '\0';
}

static void note_a(void *context UNUSED)
{
	note('a');
}

static void note_b(void *context UNUSED)
{
	note('b');
}

static void note_c(void *context UNUSED)
{
	note('c');
}

static struct loop *fake_loop(void)
{
	struct loop *loop = loop_new();

	trace_start();
	loop_fake_clock(loop, 0);
	return loop;
}

START_TEST(timers_fire_in_the_order_of_their_time)
{
	struct loop *loop = fake_loop();
	struct loop_timer a = {0}, b = {0}, c = {0};

	loop_timer_start(loop, &c, 30, note_c, NULL);
	loop_timer_start(loop, &a, 10, note_a, NULL);
	loop_timer_start(loop, &b, 20, note_b, NULL);
	loop_advance(loop, 9);
	ck_assert_str_eq(trace, "");
	loop_advance(loop, 1);
	ck_assert_str_eq(trace, "a");
	loop_advance(loop, 100);
	ck_assert_str_eq(trace, "abc");
	ck_assert_int_eq(loop_now_ms(loop), 110);
	loop_free(loop);
}
END_TEST

START_TEST(of_two_timers_due_together_the_first_started_fires_first)
{
	struct loop *loop = fake_loop();
	struct loop_timer a = {0}, b = {0}, c = {0};

	loop_timer_start(loop, &b, 10, note_b, NULL);
	loop_timer_start(loop, &a, 10, note_a, NULL);
	loop_timer_start(loop, &c, 10, note_c, NULL);
	loop_timer_start(loop, &b, 10, note_b, NULL); /* a restart goes behind */
	loop_advance(loop, 10);
	ck_assert_str_eq(trace, "acb");
	loop_free(loop);
}
END_TEST

START_TEST(a_stopped_timer_stays_silent)
{
	struct loop *loop = fake_loop();
	struct loop_timer a = {0}, b = {0};

	loop_timer_stop(loop, &a); /* never started: fine */
	loop_timer_start(loop, &a, 10, note_a, NULL);
	loop_timer_start(loop, &b, 10, note_b, NULL);
	loop_timer_stop(loop, &a);
	loop_timer_stop(loop, &a);
	loop_advance(loop, 10);
	ck_assert_str_eq(trace, "b");
	loop_free(loop);
}
END_TEST

/* A timer that stops its neighbour, due at the same moment. */
struct stopper {
	struct loop *loop;
	struct loop_timer self, victim;
};

static void stop_victim(void *context)
{
	struct stopper *stopper = context;

	note('s');
	loop_timer_stop(stopper->loop, &stopper->victim);
}

START_TEST(a_timer_may_stop_another_that_is_due_too)
{
	struct stopper stopper = {.loop = fake_loop()};

	loop_timer_start(stopper.loop, &stopper.self, 10, stop_victim, &stopper);
	loop_timer_start(stopper.loop, &stopper.victim, 10, note_a, NULL);
	loop_advance(stopper.loop, 10);
	ck_assert_str_eq(trace, "s");
	loop_free(stopper.loop);
}
END_TEST

struct repeater {
	struct loop *loop;
	struct loop_timer timer;
	int64_t every_ms;
	int left;
	int64_t fired_at_us;
};

static void repeat(void *context)
{
	struct repeater *repeater = context;

	note('r');
	repeater->fired_at_us = loop_now_us(repeater->loop);
	if (--repeater->left > 0)
		loop_timer_start(repeater->loop, &repeater->timer, repeater->every_ms, repeat,
		                 repeater);
}

START_TEST(a_delay_of_zero_fires_in_the_next_turn_and_not_at_once)
{
	struct repeater repeater = {.loop = fake_loop(), .left = 3};

	loop_timer_start(repeater.loop, &repeater.timer, 0, repeat, &repeater);
	ck_assert_str_eq(trace, "");
	ck_assert(loop_turn(repeater.loop, true));
	ck_assert_str_eq(trace, "r");
	ck_assert(loop_turn(repeater.loop, true));
	ck_assert_str_eq(trace, "rr");
	ck_assert(!loop_turn(repeater.loop, true));
	ck_assert_str_eq(trace, "rrr");
	loop_free(repeater.loop);
}
END_TEST

START_TEST(timers_started_on_the_way_fire_at_their_own_moment)
{
	struct repeater repeater = {.loop = fake_loop(), .every_ms = 10, .left = 100};

	loop_timer_start(repeater.loop, &repeater.timer, 10, repeat, &repeater);
	loop_advance(repeater.loop, 35);
	ck_assert_str_eq(trace, "rrr");
	ck_assert_int_eq(repeater.fired_at_us, 30000);
	ck_assert_int_eq(loop_now_us(repeater.loop), 35000);
	loop_timer_stop(repeater.loop, &repeater.timer);
	loop_free(repeater.loop);
}
END_TEST

START_TEST(a_timer_that_always_restarts_with_zero_does_not_hold_the_clock)
{
	struct repeater repeater = {.loop = fake_loop(), .left = 100};

	loop_timer_start(repeater.loop, &repeater.timer, 0, repeat, &repeater);
	loop_advance(repeater.loop, 0);
	ck_assert_str_eq(trace, "r");
	loop_timer_stop(repeater.loop, &repeater.timer);
	loop_free(repeater.loop);
}
END_TEST

START_TEST(on_a_fake_clock_a_run_ends_where_only_time_could_go_on)
{
	struct loop *loop = fake_loop();
	struct loop_timer a = {0};

	loop_timer_start(loop, &a, 5, note_a, NULL);
	loop_run(loop);
	ck_assert_str_eq(trace, "");
	loop_advance(loop, 5);
	ck_assert_str_eq(trace, "a");
	loop_free(loop);
}
END_TEST

START_TEST(a_delay_too_long_to_count_is_never)
{
	struct loop *loop = fake_loop();
	struct loop_timer a = {0};

	loop_timer_start(loop, &a, INT64_MAX, note_a, NULL);
	ck_assert_int_eq(a.at_us, INT64_MAX);
	loop_advance(loop, 1000000000);
	ck_assert_str_eq(trace, "");
	loop_timer_stop(loop, &a);
	loop_free(loop);
}
END_TEST

/* --- many timers against a plain list --- */

enum { MANY = 200, MANY_ROUNDS = 4000 };

struct many_timer {
	struct loop_timer timer;
	struct many *all;
};

struct many {
	struct loop *loop;
	struct many_timer timers[MANY];
	size_t fired;
};

static void many_fired(void *context)
{
	struct many_timer *one = context;

	ck_assert_int_eq(loop_now_us(one->all->loop), one->timer.at_us);
	one->all->fired++;
}

START_TEST(many_timers_started_and_stopped_at_random_keep_their_order)
{
	struct many *many = memory_new(sizeof(*many));
	uint32_t seed = 12345;
	size_t running = 0;

	many->loop = fake_loop();
	for (int round = 0; round < MANY_ROUNDS; round++) {
		seed = seed * 1664525u + 1013904223u;
		struct many_timer *one = &many->timers[(seed >> 8) % MANY];
		one->all = many;
		if (seed >> 30 == 0)
			loop_timer_stop(many->loop, &one->timer);
		else
			loop_timer_start(many->loop, &one->timer, 1 + (seed >> 4) % 1000,
			                 many_fired, one);
		if (round % 50 == 0)
			loop_advance(many->loop, 20);
	}
	for (size_t i = 0; i < MANY; i++)
		running += many->timers[i].timer.slot != 0;
	ck_assert_uint_gt(running, 0);
	many->fired = 0;
	loop_advance(many->loop, 1000);
	ck_assert_uint_eq(many->fired, running);
	loop_free(many->loop);
	memory_free(many);
}
END_TEST

/* --- deferred work --- */

static void defer_again(void *context)
{
	note('d');
	loop_defer(context, note_b, NULL);
}

START_TEST(deferred_work_runs_at_the_end_of_the_turn_in_order)
{
	struct loop *loop = fake_loop();
	struct loop_timer timer = {0};

	loop_defer(loop, note_a, NULL);
	loop_defer(loop, note_b, NULL);
	loop_timer_start(loop, &timer, 0, note_c, NULL);
	ck_assert_str_eq(trace, "");
	ck_assert(!loop_turn(loop, true));
	ck_assert_str_eq(trace, "cab");
	loop_free(loop);
}
END_TEST

START_TEST(what_deferred_work_defers_runs_in_the_next_turn)
{
	struct loop *loop = fake_loop();

	loop_defer(loop, defer_again, loop);
	ck_assert(loop_turn(loop, true)); /* does not wait, and says that more comes */
	ck_assert_str_eq(trace, "d");
	ck_assert(!loop_turn(loop, true));
	ck_assert_str_eq(trace, "db");
	loop_free(loop);
}
END_TEST

START_TEST(work_deferred_by_a_timer_runs_before_the_next_moment)
{
	struct loop *loop = fake_loop();
	struct loop_timer first = {0}, second = {0};

	loop_timer_start(loop, &first, 10, defer_again, loop);
	loop_timer_start(loop, &second, 20, note_c, NULL);
	loop_advance(loop, 30);
	ck_assert_str_eq(trace, "dbc");
	loop_free(loop);
}
END_TEST

START_TEST(many_deferred_functions_all_run)
{
	struct loop *loop = fake_loop();

	for (int i = 0; i < 200; i++)
		loop_defer(loop, note_a, NULL);
	(void)loop_turn(loop, false);
	ck_assert_uint_eq(traced, 200);
	loop_free(loop);
}
END_TEST

START_TEST(freeing_the_loop_finishes_what_was_deferred)
{
	struct loop *loop = fake_loop();

	loop_defer(loop, defer_again, loop);
	loop_free(loop);
	ck_assert_str_eq(trace, "db");
}
END_TEST

/* --- the real clock, sockets, signals --- */

START_TEST(on_the_real_clock_a_timer_ends_the_wait_and_never_early)
{
	struct repeater repeater = {.loop = loop_new(), .every_ms = 2, .left = 3};

	trace_start();
	int64_t began_us = loop_now_us(repeater.loop);
	loop_timer_start(repeater.loop, &repeater.timer, 2, repeat, &repeater);
	loop_run(repeater.loop);
	ck_assert_str_eq(trace, "rrr");
	ck_assert_int_ge(repeater.fired_at_us - began_us, 6000);
	loop_free(repeater.loop);
}
END_TEST

START_TEST(an_alarm_for_a_timer_that_was_stopped_keeps_nothing_running)
{
	struct loop *loop = loop_new();
	struct loop_timer timer = {0};

	loop_timer_start(loop, &timer, 3600000, note_a, NULL);
	ck_assert(loop_turn(loop, false));
	loop_timer_stop(loop, &timer);
	ck_assert(!loop_turn(loop, true));
	loop_run(loop);

	struct stopper stopper = {.loop = loop};
	loop_timer_start(loop, &stopper.victim, 3600000, note_a, NULL);
	loop_defer(loop, stop_victim, &stopper);
	ck_assert(!loop_turn(loop, true)); /* stopped within the turn */
	loop_free(loop);
}
END_TEST

START_TEST(wall_time_moves_along_with_a_fake_clock)
{
	struct loop *loop = fake_loop();
	struct arena arena = {0};

	loop_advance(loop, 61001);
	assert_text(wall_format(&arena, loop_wall_ms(loop), true), "2026-01-01T00:01:01.001Z");
	arena_done(&arena);
	loop_free(loop);
}
END_TEST

struct signalled {
	struct loop *loop;
	int number;
};

static void signal_handler(void *context, int signal_number)
{
	struct signalled *signalled = context;

	signalled->number = signal_number;
	note('s');
	loop_stop(signalled->loop);
}

static void raise_usr1(void *context UNUSED)
{
	ck_assert_int_eq(raise(SIGUSR1), 0);
}

START_TEST(a_signal_arrives_as_a_callback)
{
	struct signalled signalled = {.loop = loop_new()};
	struct loop_timer long_timer = {0};

	trace_start();
	loop_on_signal(signalled.loop, SIGUSR1, signal_handler, &signalled);
	loop_timer_start(signalled.loop, &long_timer, 3600000, note_a, NULL);
	loop_defer(signalled.loop, raise_usr1, NULL);
	loop_run(signalled.loop);
	ck_assert_int_eq(signalled.number, SIGUSR1);
	ck_assert_str_eq(trace, "s");
	loop_timer_stop(signalled.loop, &long_timer);
	loop_free(signalled.loop);
}
END_TEST

START_TEST(waiting_for_a_signal_keeps_nothing_running)
{
	struct signalled signalled = {.loop = loop_new()};

	loop_on_signal(signalled.loop, SIGUSR1, signal_handler, &signalled);
	loop_run(signalled.loop);
	loop_on_signal(signalled.loop, SIGUSR1, NULL, NULL);
	loop_on_signal(signalled.loop, SIGUSR2, NULL, NULL);
	loop_on_signal(signalled.loop, SIGUSR1, signal_handler, &signalled);
	loop_free(signalled.loop);
}
END_TEST

static void read_and_stop(uv_poll_t *poll, int status, int events UNUSED)
{
	char byte;

	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(*(int *)poll->data, &byte, 1), 1);
	note(byte);
	(void)uv_poll_stop(poll);
}

START_TEST(sockets_come_through_libuv)
{
	struct loop *loop = loop_new();
	int ends[2];
	uv_poll_t poll;

	trace_start();
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(uv_poll_init(loop_uv(loop), &poll, ends[0]), 0);
	poll.data = &ends[0];
	ck_assert_int_eq(uv_poll_start(&poll, UV_READABLE, read_and_stop), 0);
	ck_assert(loop_turn(loop, false));
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	loop_run(loop);
	ck_assert_str_eq(trace, "x");
	uv_close((uv_handle_t *)&poll, NULL);
	loop_free(loop);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

/* --- moments as text --- */

START_TEST(moments_are_written_in_utc)
{
	struct arena arena = {0};

	assert_text(wall_format(&arena, 0, false), "1970-01-01T00:00:00Z");
	assert_text(wall_format(&arena, 1795255200000, false), "2026-11-21T10:00:00Z");
	assert_text(wall_format(&arena, 951782400007, true), "2000-02-29T00:00:00.007Z");
	assert_text(wall_format(&arena, -1, true), "1969-12-31T23:59:59.999Z");
	assert_text(wall_format(&arena, INT64_MAX, true), "9999-12-31T23:59:59.999Z");
	assert_text(wall_format(&arena, INT64_MIN, true), "0000-01-01T00:00:00.000Z");
	arena_done(&arena);
}
END_TEST

START_TEST(moments_are_read_with_date_alone_fractions_and_offsets)
{
	static const struct {
		const char *text;
		int64_t wall_ms;
	} good[] = {
	    {"1970-01-01", 0},
	    {"2026-11-21T10:00:00Z", 1795255200000},
	    {"2026-11-21T12:00:00+02:00", 1795255200000},
	    {"2026-11-21T04:30:00-05:30", 1795255200000},
	    {"2026-11-21T10:00:00.5Z", 1795255200500},
	    {"2026-11-21T10:00:00.1239999Z", 1795255200123},
	    {"2024-02-29", 1709164800000},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		int64_t wall_ms = -7;
		ck_assert_msg(wall_parse(text_of(good[i].text), &wall_ms), "%s", good[i].text);
		ck_assert_int_eq(wall_ms, good[i].wall_ms);
	}
}
END_TEST

START_TEST(anything_else_is_no_moment)
{
	static const char *const bad[] = {
	    "",
	    "2026",
	    "2026-13-01",
	    "2026-00-01",
	    "2026-01-00",
	    "2026-02-29",
	    "1900-02-29",
	    "2026-01-01T",
	    "2026-01-01T10:00Z",
	    "2026-01-01T10:00:00",
	    "2026-01-01T24:00:00Z",
	    "2026-01-01T10:60:00Z",
	    "2026-01-01T10:00:60Z",
	    "2026-01-01T10:00:00.Z",
	    "2026-01-01T10:00:00+2:00",
	    "2026-01-01T10:00:00+0200",
	    "2026-01-01T10:00:00+24:00",
	    "2026-01-01T10:00:00ZZ",
	    "2026-01-01 10:00:00Z",
	    "2026-01-01t10:00:00z",
	    " 2026-01-01",
	    "2026-1-01",
	    "+026-01-01",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		int64_t wall_ms = -7;
		ck_assert_msg(!wall_parse(text_of(bad[i]), &wall_ms), "%s", bad[i]);
	}
}
END_TEST

START_TEST(every_day_of_four_centuries_is_read_as_it_was_written)
{
	struct arena arena = {0};

	for (int64_t day = -25567; day < 146097; day += 1) {
		int64_t wall_ms = 0;
		arena_reset(&arena);
		struct text written = wall_format(&arena, day * 86400000, false);
		ck_assert(wall_parse(written, &wall_ms));
		ck_assert_int_eq(wall_ms, day * 86400000);
	}
	arena_done(&arena);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, timers_fire_in_the_order_of_their_time);
	tcase_add_test(cases, of_two_timers_due_together_the_first_started_fires_first);
	tcase_add_test(cases, a_stopped_timer_stays_silent);
	tcase_add_test(cases, a_timer_may_stop_another_that_is_due_too);
	tcase_add_test(cases, a_delay_of_zero_fires_in_the_next_turn_and_not_at_once);
	tcase_add_test(cases, timers_started_on_the_way_fire_at_their_own_moment);
	tcase_add_test(cases, a_timer_that_always_restarts_with_zero_does_not_hold_the_clock);
	tcase_add_test(cases, on_a_fake_clock_a_run_ends_where_only_time_could_go_on);
	tcase_add_test(cases, a_delay_too_long_to_count_is_never);
	tcase_add_test(cases, many_timers_started_and_stopped_at_random_keep_their_order);
	tcase_add_test(cases, deferred_work_runs_at_the_end_of_the_turn_in_order);
	tcase_add_test(cases, what_deferred_work_defers_runs_in_the_next_turn);
	tcase_add_test(cases, work_deferred_by_a_timer_runs_before_the_next_moment);
	tcase_add_test(cases, many_deferred_functions_all_run);
	tcase_add_test(cases, freeing_the_loop_finishes_what_was_deferred);
	tcase_add_test(cases, on_the_real_clock_a_timer_ends_the_wait_and_never_early);
	tcase_add_test(cases, an_alarm_for_a_timer_that_was_stopped_keeps_nothing_running);
	tcase_add_test(cases, wall_time_moves_along_with_a_fake_clock);
	tcase_add_test(cases, a_signal_arrives_as_a_callback);
	tcase_add_test(cases, waiting_for_a_signal_keeps_nothing_running);
	tcase_add_test(cases, sockets_come_through_libuv);
	tcase_add_test(cases, moments_are_written_in_utc);
	tcase_add_test(cases, moments_are_read_with_date_alone_fractions_and_offsets);
	tcase_add_test(cases, anything_else_is_no_moment);
	tcase_add_test(cases, every_day_of_four_centuries_is_read_as_it_was_written);
}

int main(void)
{
	return unit_main("loop", add);
}
