/*
 * A loop whose thread is slow: time passes between setting the alarm and waiting for it. The clock
 * is this program's own and goes on at every look; so is the wait, which must have an end.
 */
#include "harness/base/loop.h"

#include "tests/unit/unit.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

static struct loop *loop;
static struct loop_wake *wake;
static int64_t passed_ms;   /* beside what the real clock says */
static int64_t per_look_ms; /* more of it at every look */
static int endless_waits, fired;

int clock_gettime(clockid_t id, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, id, now);

	passed_ms += per_look_ms;
	now->tv_sec += passed_ms / 1000;
	now->tv_nsec += passed_ms % 1000 * 1000000;
	if (now->tv_nsec >= 1000000000) {
		now->tv_sec++;
		now->tv_nsec -= 1000000000;
	}
	return result;
}

/* Nothing but a timer can end these waits. */
int epoll_wait(int fd, struct epoll_event *events, int room, int timeout)
{
	if (timeout < 0 && loop != NULL) {
		endless_waits++;
		loop_wake_send(wake);
	}
	return (int)syscall(SYS_epoll_pwait, fd, events, room, timeout, NULL, 8);
}

static void woken(void *context UNUSED)
{
}

static void fire(void *context UNUSED)
{
	fired++;
	loop_stop(loop);
}

static void setup(void)
{
	passed_ms = per_look_ms = 0;
	endless_waits = fired = 0;
	loop = loop_new();
	wake = loop_wake_new(loop, woken, NULL);
}

static void teardown(void)
{
	per_look_ms = 0;
	loop_wake_free(wake);
	loop_free(loop);
	loop = NULL;
}

/* Of a timer of 1 to 20 ms, none, a part or more than all may pass at a look. */
START_TEST(a_timer_fires_however_slowly_the_loop_comes_to_wait)
{
	struct loop_timer timer = {0};

	per_look_ms = _i;
	for (int64_t delay_ms = 1; delay_ms <= 20; delay_ms++) {
		fired = 0;
		loop_timer_start(loop, &timer, delay_ms, fire, NULL);
		loop_run(loop);
		ck_assert_int_eq(fired, 1);
	}
	ck_assert_int_eq(endless_waits, 0);
}
END_TEST

/* The alarm stays as it was set for the one that is stopped. */
START_TEST(a_timer_fires_behind_an_alarm_for_one_that_was_stopped)
{
	struct loop_timer early = {0}, late = {0};

	loop_timer_start(loop, &early, 5, fire, NULL);
	loop_timer_start(loop, &late, 60, fire, NULL);
	(void)loop_turn(loop, false);
	loop_timer_stop(loop, &early);
	per_look_ms = _i;
	loop_run(loop);
	ck_assert_int_eq(fired, 1);
	ck_assert_int_eq(endless_waits, 0);
}
END_TEST

/* --- a callback that takes long --- */

static int waited_for[2]; /* a pipe */
static bool came;

/* A disk was slow, and meanwhile something came. */
static void take_long(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	ck_assert_int_gt(loop_now_us(loop), 0);
	passed_ms += 10000;
	ck_assert_int_eq(write(waited_for[1], "x", 1), 1);
	(void)uv_poll_stop(poll);
}

static void come(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	came = true;
	(void)uv_poll_stop(poll);
	loop_stop(loop);
}

START_TEST(what_came_while_a_callback_took_long_is_seen_before_its_timeout)
{
	struct loop_timer timeout = {0};
	int first[2];
	uv_poll_t first_poll, waited_poll;

	came = false;
	ck_assert_int_eq(pipe(first), 0);
	ck_assert_int_eq(pipe(waited_for), 0);
	ck_assert_int_eq(write(first[1], "x", 1), 1);
	ck_assert_int_eq(uv_poll_init(loop_uv(loop), &first_poll, first[0]), 0);
	ck_assert_int_eq(uv_poll_init(loop_uv(loop), &waited_poll, waited_for[0]), 0);
	(void)uv_poll_start(&first_poll, UV_READABLE, take_long);
	(void)uv_poll_start(&waited_poll, UV_READABLE, come);
	loop_timer_start(loop, &timeout, 5000, fire, NULL);
	loop_run(loop);
	uv_close((uv_handle_t *)&first_poll, NULL);
	uv_close((uv_handle_t *)&waited_poll, NULL);
	loop_timer_stop(loop, &timeout);
	(void)loop_turn(loop, false);
	for (int i = 0; i < 2; i++) {
		(void)close(first[i]);
		(void)close(waited_for[i]);
	}
	ck_assert(came);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, a_timer_fires_however_slowly_the_loop_comes_to_wait, 0, 25);
	tcase_add_test(cases, what_came_while_a_callback_took_long_is_seen_before_its_timeout);
	tcase_add_loop_test(cases, a_timer_fires_behind_an_alarm_for_one_that_was_stopped, 0, 25);
}

int main(void)
{
	return unit_main("loop_alarm", add);
}
