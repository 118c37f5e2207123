/* The ledger: on disk before it is told, once, from many threads, through failures and crashes. */
#include "harness/base/redact.h"
#include "tests/unit/proxy/ledger_rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct waiter {
	struct ledger_ticket ticket;
	struct loop *loop;
	int told, on_disk;
};

static void told(void *context, bool on_disk)
{
	struct waiter *waiter = context;

	waiter->told++;
	waiter->on_disk += on_disk;
	loop_stop(waiter->loop);
}

static struct waiter waiter_of(struct loop *loop)
{
	return (struct waiter){.loop = loop};
}

static bool write_and_wait(struct ledger_port *port, struct waiter *waiter,
                           const struct ledger_row *row)
{
	int before = waiter->on_disk;

	waiter->ticket = (struct ledger_ticket){.done = told, .context = waiter};
	ledger_write(port, row, NULL, &waiter->ticket);
	ck_assert_int_eq(waiter->on_disk, before); /* never from within */
	loop_run(waiter->loop);
	return waiter->on_disk > before;
}

START_TEST(a_row_that_was_told_is_there_and_never_twice)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct waiter waiter = waiter_of(loop);
	struct ledger_row row = rig_row("r1", 1, 5);
	struct stat seen;

	ck_assert(write_and_wait(port, &waiter, &row));
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM attempts WHERE cost_usd=5"), 1);
	ck_assert_int_eq(rig_ask(&rig, "SELECT prompt_tokens IS NULL FROM attempts"), 1);
	ck_assert(write_and_wait(port, &waiter, &row));
	row.attempt = 2;
	ck_assert(write_and_wait(port, &waiter, &row));
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM attempts"), 2);
	ck_assert_int_eq(stat(rig.path, &seen), 0);
	ck_assert_int_eq(seen.st_mode & 0777, 0600);
	/* A second writer would take what is open here for what a crash left. */
	struct ledger *second;
	struct fault fault;
	ck_assert(!ledger_open(&rig.config, &second, &fault));
	assert_fault_says(&fault, "another proxy writes this ledger");
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	rig_close(&rig);
}
END_TEST

START_TEST(what_was_begun_and_never_ended_is_charged_at_the_next_start)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct ledger_row row = rig_row("r1", 1, -1);

	row.outcome = (struct text){NULL, 0};
	row.charged_pico_usd = 700;
	ledger_begin(port, &row, NULL);
	row.request_id = TEXT("r2");
	ledger_begin(port, &row, NULL);
	ledger_abandon(port, &row);
	row.request_id = TEXT("r3");
	ledger_begin(port, &row, NULL);
	row.charged_pico_usd = row.cost_pico_usd = 3;
	ledger_write(port, &row, NULL, NULL);
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM open_attempts"), 1);
	ledger = rig_ledger(&rig);
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM open_attempts"), 0);
	ck_assert_int_eq(rig_ask(&rig, "SELECT sum(cost_usd) FROM attempts"), 703);
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM attempts WHERE request_id='r1' AND"
	                               " outcome='cut' AND cost_source='estimated' AND"
	                               " usage_source='missing'"),
	                 1);
	ledger_close(ledger);
	rig_close(&rig);
}
END_TEST

/* --- failures ------------------------------------------------------------------------------ */

START_TEST(a_database_that_is_taken_away_is_said_and_no_row_is_lost)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct waiter waiter = waiter_of(loop);
	struct ledger_row row = rig_row("r1", 1, 5);
	char why[200];
	char away[128];

	ck_assert(write_and_wait(port, &waiter, &row));
	ck_assert(ledger_is_well(ledger, why, sizeof(why)));
	/* A folder in its place: it can't be made anew. */
	(void)snprintf(away, sizeof(away), "%s.away", rig.path);
	ck_assert_int_eq(rename(rig.path, away), 0);
	ck_assert_int_eq(mkdir(rig.path, 0700), 0);
	row.request_id = TEXT("r2");
	waiter.told = waiter.on_disk = 0;
	ck_assert(!write_and_wait(port, &waiter, &row));
	ck_assert(!ledger_is_well(ledger, why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(why, "l.db"));
	ck_assert_uint_eq(ledger_queued(ledger), 1);
	ck_assert_int_eq(rmdir(rig.path), 0);
	ck_assert_int_eq(rename(away, rig.path), 0);
	waiter.told = waiter.on_disk = 0;
	row.request_id = TEXT("r3");
	/* The thread tries again by itself: whether r3 is told so at once or not, all get there. */
	(void)write_and_wait(port, &waiter, &row);
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM attempts"), 3);
	rig_close(&rig);
}
END_TEST

START_TEST(relaxed_tells_at_once_and_a_forgotten_ticket_is_not_told)
{
	struct rig rig;
	rig_open(&rig);
	rig.config.ledger.durability = CONFIG_RELAXED;
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct waiter waiter = waiter_of(loop), forgotten = waiter_of(loop);
	struct ledger_row row = rig_row("r1", 1, 5);

	forgotten.ticket = (struct ledger_ticket){.done = told, .context = &forgotten};
	ledger_write(port, &row, NULL, &forgotten.ticket);
	ledger_ticket_forget(port, &forgotten.ticket);
	row.request_id = TEXT("r2");
	ck_assert(write_and_wait(port, &waiter, &row));
	ck_assert_int_eq(forgotten.told, 0);
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM attempts"), 2);
	rig_close(&rig);
}
END_TEST

/* --- many threads ---------------------------------------------------------------------------- */

enum { THREADS = 4, ROWS = 500 };

struct writer {
	struct ledger *ledger;
	int number, told, on_disk;
	struct loop *loop;
};

static void one_told(void *context, bool on_disk)
{
	struct writer *writer = context;

	writer->on_disk += on_disk;
	if (++writer->told == ROWS)
		loop_stop(writer->loop);
}

static void *write_rows(void *context)
{
	struct writer *writer = context;
	struct ledger_ticket *tickets = memory_new_array(ROWS, sizeof(*tickets));

	writer->loop = loop_new();
	struct ledger_port *port = ledger_port_new(writer->ledger, writer->loop);
	for (int i = 0; i < ROWS; i++) {
		char id[32];
		(void)snprintf(id, sizeof(id), "t%d-%d", writer->number, i);
		struct ledger_row row = rig_row(id, 1, 1);
		tickets[i] = (struct ledger_ticket){.done = one_told, .context = writer};
		ledger_write(port, &row, NULL, &tickets[i]);
	}
	loop_run(writer->loop);
	ledger_port_free(port);
	loop_free(writer->loop);
	memory_free(tickets);
	return NULL;
}

START_TEST(rows_from_many_threads_all_arrive)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct writer writers[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){.ledger = ledger, .number = i};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_rows, &writers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(writers[i].on_disk, ROWS);
	}
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM attempts"), THREADS * ROWS);
	ledger_close(ledger);
	rig_close(&rig);
}
END_TEST

/* --- kill -9 ------------------------------------------------------------------------------- */

struct child {
	int fd, round, next;
	struct ledger_port *port;
};

/* One row after the other; several of these go side by side. */
struct lane {
	struct child *child;
	struct ledger_ticket ticket;
};

static void write_next(struct lane *lane);

/* The parent knows of a row only what was told. */
static void say(void *context, bool on_disk)
{
	struct lane *lane = context;

	if (on_disk && write(lane->child->fd, "x", 1) != 1)
		_exit(3);
	write_next(lane);
}

static void write_next(struct lane *lane)
{
	char id[32];

	(void)snprintf(id, sizeof(id), "c%d-%d", lane->child->round, lane->child->next++);
	struct ledger_row row = rig_row(id, 1, 1);
	lane->ticket = (struct ledger_ticket){.done = say, .context = lane};
	ledger_write(lane->child->port, &row, NULL, &lane->ticket);
}

static void write_for_ever(struct rig *rig, int fd, int round)
{
	struct child child = {.fd = fd, .round = round};
	struct lane lanes[16];
	struct loop *loop = loop_new();

	child.port = ledger_port_new(rig_ledger(rig), loop);
	for (size_t i = 0; i < ARRAY_LENGTH(lanes); i++) {
		lanes[i].child = &child;
		write_next(&lanes[i]);
	}
	loop_run(loop);
	_exit(4);
}

START_TEST(kill_9_loses_no_row_that_was_told)
{
	struct rig rig;
	int ends[2];
	char bytes[256];
	int64_t told_rows = 0;

	rig_open(&rig);
	for (int round = 0; round < 4; round++) {
		ck_assert_int_eq(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0) {
			(void)close(ends[0]);
			write_for_ever(&rig, ends[1], round);
		}
		(void)close(ends[1]);
		int64_t this_round = 0;
		ssize_t got;
		while (this_round < 200 * (round + 1) &&
		       (got = read(ends[0], bytes, sizeof(bytes))) > 0)
			this_round += got;
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		while ((got = read(ends[0], bytes, sizeof(bytes))) > 0)
			this_round += got;
		int status;
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFSIGNALED(status));
		(void)close(ends[0]);
		told_rows += this_round;
		ck_assert_int_ge(rig_ask(&rig, "SELECT count(*) FROM attempts"), told_rows);
		ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) - count(DISTINCT request_id)"
		                               " FROM attempts"),
		                 0);
	}
	rig_close(&rig);
}
END_TEST

/* --- retention ---------------------------------------------------------------------------- */

START_TEST(old_rows_go_and_their_sums_stay)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct waiter waiter = waiter_of(loop);
	const struct ledger_content content = {TEXT("ask"), TEXT("answer"), false};
	int64_t each = INT64_C(3000000000000000001); /* three million USD: four overflow */

	for (int i = 0; i < 4; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "r%d", i);
		struct ledger_row row = rig_row(id, 1, each);
		ledger_write(port, &row, &content, NULL);
	}
	struct ledger_row last = rig_row("r9", 1, 1);
	last.started_wall_ms = INT64_C(4000000000000);
	ck_assert(write_and_wait(port, &waiter, &last));
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM contents"), 4);
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	/* Opened with a short memory, its thread sweeps first of all. */
	rig.config.ledger.retain_ms = 1000;
	ledger = rig_ledger(&rig);
	while (rig_ask(&rig, "SELECT count(*) FROM attempts") != 1)
		(void)sched_yield();
	ck_assert_int_eq(rig_ask(&rig, "SELECT count(*) FROM contents"), 0);
	ck_assert_int_eq(rig_ask(&rig, "SELECT usd FROM swept"), 12000000);
	ck_assert_int_eq(rig_ask(&rig, "SELECT pico FROM swept"), 4);
	ck_assert_int_eq(rig_ask(&rig, "SELECT attempts FROM swept"), 4);
	/* One that comes later is added to them, and what is more than a dollar carried over. */
	loop = loop_new();
	port = ledger_port_new(ledger, loop);
	waiter = waiter_of(loop);
	struct ledger_row late = rig_row("r4", 1, 999999999998);
	ck_assert(write_and_wait(port, &waiter, &late));
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	ledger = rig_ledger(&rig);
	while (rig_ask(&rig, "SELECT attempts FROM swept") != 5)
		(void)sched_yield();
	ck_assert_int_eq(rig_ask(&rig, "SELECT usd FROM swept"), 12000001);
	ck_assert_int_eq(rig_ask(&rig, "SELECT pico FROM swept"), 2);
	ledger_close(ledger);
	rig_close(&rig);
}
END_TEST

START_TEST(texts_are_cut_between_characters_and_hold_no_key_of_ours)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct waiter waiter = waiter_of(loop);
	struct ledger_row row = rig_row("r1", 1, 1);
	char task[LEDGER_TEXT_MAX + 1];

	memset(task, 'a', sizeof(task));
	memcpy(task + sizeof(task) - 2, "\xc3\xa9", 2); /* its second byte is one too many */
	row.task = (struct text){task, sizeof(task)};
	ck_assert(redact_remember(TEXT("a-key-that-was-loaded")));
	row.served_by = TEXT("who echoes a-key-that-was-loaded");
	ck_assert(write_and_wait(port, &waiter, &row));
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	ck_assert_int_eq(rig_ask(&rig, "SELECT length(CAST(task AS BLOB)) FROM attempts"),
	                 LEDGER_TEXT_MAX - 1);
	ck_assert_int_eq(rig_ask(&rig, "SELECT served_by LIKE 'who echoes %' AND served_by NOT"
	                               " LIKE '%that-was%' FROM attempts"),
	                 1);
	rig_close(&rig);
}
END_TEST

START_TEST(what_a_newer_release_wrote_is_left_to_it)
{
	struct rig rig;
	rig_open(&rig);
	struct store *store;
	struct store_query *query;
	struct fault fault;

	ck_assert(store_open(rig.path, STORE_WRITE, &store, &fault));
	/* FULL, by which a power cut takes no row that was told. */
	ck_assert(store_prepare(store, "PRAGMA synchronous", &query, &fault));
	ck_assert_int_eq(store_step(query, &fault), STORE_ROW);
	ck_assert_int_eq(store_int(query, 0), 2);
	store_query_free(query);
	ck_assert(store_run(store, "PRAGMA user_version=999", &fault));
	store_close(store);
	for (int mode = STORE_WRITE; mode <= STORE_READ; mode++) {
		ck_assert(!store_open(rig.path, (enum store_mode)mode, &store, &fault));
		assert_fault_says(&fault, "written by a newer Proviso");
	}
	rig_close(&rig);
}
END_TEST

START_TEST(redacted_bodies_hold_no_address_and_no_key)
{
	struct rig rig;
	rig_open(&rig);
	struct ledger *ledger = rig_ledger(&rig);
	struct loop *loop = loop_new();
	struct ledger_port *port = ledger_port_new(ledger, loop);
	struct waiter waiter = waiter_of(loop);
	struct ledger_row row = rig_row("r1", 1, 1);
	struct ledger_content content = {
	    TEXT("{\"content\":\"mail jo.doe+x@mail.example.org or +49 (30) 1234-5678, card "
	         "4111 1111 1111 1111, sk-abcdefghijklmnop, from 10.0.0.17, in 2026\"}"),
	    TEXT("\xff not UTF-8: jo@example.org"), true};

	ledger_write(port, &row, &content, NULL);
	row.request_id = TEXT("r2");
	ck_assert(write_and_wait(port, &waiter, &row));
	ledger_port_free(port);
	loop_free(loop);
	ledger_close(ledger);
	ck_assert_int_eq(rig_ask(&rig,
	                         "SELECT count(*) FROM contents WHERE response IS NULL AND"
	                         " CAST(request AS TEXT) LIKE '%content\":\"mail *%in 2026%'"),
	                 1);
	ck_assert_int_eq(
	    rig_ask(&rig, "SELECT count(*) FROM contents WHERE CAST(request AS TEXT) GLOB"
	                  " '*jo.doe*' OR CAST(request AS TEXT) GLOB '*1234*' OR"
	                  " CAST(request AS TEXT) GLOB '*1111*' OR CAST(request AS TEXT) GLOB"
	                  " '*abcdef*' OR CAST(request AS TEXT) GLOB '*0.17*'"),
	    0);
	rig_close(&rig);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, texts_are_cut_between_characters_and_hold_no_key_of_ours);
	tcase_add_test(cases, what_a_newer_release_wrote_is_left_to_it);
	tcase_add_test(cases, redacted_bodies_hold_no_address_and_no_key);
	tcase_add_test(cases, a_row_that_was_told_is_there_and_never_twice);
	tcase_add_test(cases, what_was_begun_and_never_ended_is_charged_at_the_next_start);
	tcase_add_test(cases, a_database_that_is_taken_away_is_said_and_no_row_is_lost);
	tcase_add_test(cases, relaxed_tells_at_once_and_a_forgotten_ticket_is_not_told);
	tcase_add_test(cases, rows_from_many_threads_all_arrive);
	tcase_add_test(cases, kill_9_loses_no_row_that_was_told);
	tcase_add_test(cases, old_rows_go_and_their_sums_stay);
}

int main(void)
{
	return unit_main("ledger", add);
}
