/*
 * The ledger under a clock that leaps. Both clocks are this program's own: the wall clock begins on
 * the day of the rig's rows, and each goes on as the test moves it.
 */
#include "tests/unit/proxy/ledger_rig.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };
static const int64_t DAY_MS = (int64_t)DAY_S * 1000;
static const time_t NEW_YEAR_S = 1767225600; /* 2026-01-01 */

static atomic_llong wall_s, passed_s; /* leaps of the wall clock; what passed for all clocks */

int clock_gettime(clockid_t id, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_REALTIME)
		*now = (struct timespec){.tv_sec = NEW_YEAR_S + (time_t)atomic_load(&wall_s)};
	now->tv_sec += (time_t)atomic_load(&passed_s);
	return result;
}

static struct rig rig;
static struct ledger *ledger;
static struct ledger_port *port;
static struct loop *loop;
static int written;

static void told(void *context UNUSED, bool on_disk)
{
	ck_assert(on_disk);
	loop_stop(loop);
}

static void write_one(void)
{
	struct ledger_ticket ticket = {.done = told};
	char id[16];

	(void)snprintf(id, sizeof(id), "r%d", written++);
	struct ledger_row row = rig_row(id, 1, 5);
	row.started_wall_ms = loop_wall_ms(loop);
	ledger_write(port, &row, NULL, &ticket);
	loop_run(loop);
}

/* A minute later a row brings the thread to its sweep; when the next one is told that is over. */
static void let_it_sweep(void)
{
	atomic_fetch_add(&passed_s, 61);
	write_one();
	write_one();
}

static int64_t swept(void)
{
	return rig_ask(&rig, "SELECT coalesce(sum(attempts), 0) FROM swept");
}

static void setup(void)
{
	atomic_store(&wall_s, 0);
	atomic_store(&passed_s, 0);
	written = 0;
	rig_open(&rig);
	rig.config.ledger.retain_ms = 90 * DAY_MS;
	ledger = rig_ledger(&rig);
	loop = loop_new();
	port = ledger_port_new(ledger, loop);
	/* Its first sweep may come behind the first row, and is over with the second. */
	write_one();
	write_one();
}

static void teardown(void)
{
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	rig_close(&rig);
}

START_TEST(rows_go_when_their_days_have_passed)
{
	let_it_sweep();
	ck_assert_int_eq(swept(), 0);
	atomic_fetch_add(&passed_s, (int64_t)89 * DAY_S);
	let_it_sweep();
	ck_assert_int_eq(swept(), 0);
	atomic_fetch_add(&passed_s, DAY_S);
	let_it_sweep();
	ck_assert_int_eq(swept(), 4);
}
END_TEST

START_TEST(a_clock_that_leaps_ahead_takes_no_row_for_a_day)
{
	atomic_fetch_add(&wall_s, (int64_t)365 * DAY_S);
	let_it_sweep();
	ck_assert_int_eq(swept(), 0);
	atomic_fetch_add(&passed_s, 23 * HOUR_S);
	let_it_sweep();
	ck_assert_int_eq(swept(), 0);
	/* It was meant so. */
	atomic_fetch_add(&passed_s, HOUR_S);
	let_it_sweep();
	ck_assert_int_eq(swept(), 2);
}
END_TEST

START_TEST(a_clock_that_was_set_back_is_trusted_again)
{
	atomic_fetch_add(&wall_s, (int64_t)365 * DAY_S);
	let_it_sweep();
	atomic_fetch_sub(&wall_s, (int64_t)365 * DAY_S);
	let_it_sweep();
	ck_assert_int_eq(swept(), 0);
	/* The next leap is one of its own, a day or not since the first. */
	atomic_fetch_add(&passed_s, 2 * DAY_S);
	atomic_fetch_add(&wall_s, (int64_t)365 * DAY_S);
	let_it_sweep();
	ck_assert_int_eq(swept(), 0);
	atomic_fetch_sub(&wall_s, (int64_t)365 * DAY_S);
	let_it_sweep();
	rig.config.ledger.retain_ms = DAY_MS;
	ledger_reconfigure(ledger, &rig.config.ledger);
	let_it_sweep();
	ck_assert_int_ge(swept(), 1);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, rows_go_when_their_days_have_passed);
	tcase_add_test(cases, a_clock_that_leaps_ahead_takes_no_row_for_a_day);
	tcase_add_test(cases, a_clock_that_was_set_back_is_trusted_again);
}

int main(void)
{
	return unit_main("ledger_clock", add);
}
