/* A loop woken from another thread, and work given to one. */
#include "harness/base/loop.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct loop *loop;
static struct loop_wake *wake;
static int calls;
static pthread_t home;

static void woken(void *context UNUSED)
{
	ck_assert(pthread_equal(home, pthread_self()) != 0);
	calls++;
	loop_stop(loop);
}

static void *send(void *context UNUSED)
{
	for (int i = 0; i < 100; i++)
		loop_wake_send(wake);
	return NULL;
}

START_TEST(a_loop_that_waits_is_woken_on_its_own_thread)
{
	pthread_t other;

	home = pthread_self();
	loop = loop_new();
	wake = loop_wake_new(loop, woken, NULL);
	ck_assert_int_eq(pthread_create(&other, NULL, send, NULL), 0);
	loop_run(loop); /* waits for ever, unless it is woken */
	ck_assert_int_ge(calls, 1);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	loop_wake_free(wake);
	loop_wake_free(NULL);
	loop_free(loop);
}
END_TEST

/* --- work --- */

static bool worked, turned;

static void work(void *context)
{
	ck_assert(pthread_equal(home, pthread_self()) == 0);
	*(bool *)context = true;
}

static void done(void *context)
{
	ck_assert(pthread_equal(home, pthread_self()) != 0);
	ck_assert(*(bool *)context);
	calls++;
}

static void turn(void *context UNUSED)
{
	turned = true;
}

START_TEST(work_runs_on_another_thread_and_the_loop_waits_for_it)
{
	home = pthread_self();
	loop = loop_new();
	calls = 0;
	loop_work(loop, work, done, &worked);
	loop_defer(loop, turn, NULL);
	loop_run(loop); /* nothing else could happen: it ends when the work is done */
	ck_assert_int_eq(calls, 1);
	ck_assert(turned);
	loop_free(loop);
}
END_TEST

/* --- work that outlives whoever gave it --- */

static sem_t waited_for;
static bool freeing;

/* Whoever frees the loop has come to wait. */
int epoll_wait(int fd, struct epoll_event *events, int room, int timeout)
{
	if (freeing && timeout < 0)
		(void)sem_post(&waited_for);
	return (int)syscall(SYS_epoll_pwait, fd, events, room, timeout, NULL, 8);
}

static void work_until_waited_for(void *context)
{
	(void)sem_wait(&waited_for);
	work(context);
}

START_TEST(freeing_a_loop_waits_for_the_work_that_is_under_way)
{
	home = pthread_self();
	loop = loop_new();
	calls = 0;
	worked = false;
	ck_assert_int_eq(sem_init(&waited_for, 0, 0), 0);
	loop_work(loop, work_until_waited_for, done, &worked);
	(void)loop_turn(loop, false);
	ck_assert_int_eq(calls, 0);
	freeing = true;
	loop_free(loop);
	freeing = false;
	ck_assert_int_eq(calls, 1);
	(void)sem_destroy(&waited_for);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, freeing_a_loop_waits_for_the_work_that_is_under_way);
	tcase_add_test(cases, work_runs_on_another_thread_and_the_loop_waits_for_it);
	tcase_add_test(cases, a_loop_that_waits_is_woken_on_its_own_thread);
}

int main(void)
{
	return unit_main("loop_wake", add);
}
