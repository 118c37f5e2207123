/* Watching files: a change is told once it has settled, also where their folder was away for a
 * while. The clock stands still unless moved, so nothing settles by itself. */
#include "proxy/watch.h"

#include "harness/base/file.h"
#include "harness/base/log.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct loop *loop;
static struct watch *watch;
static char folder[64], away[80], path[96];
static int changes;

static void changed(void *context UNUSED)
{
	changes++;
}

static void write_file(const char *body)
{
	struct fault fault;

	ck_assert_msg(file_replace(path, text_of(body), 0644, &fault), "%s", fault.message);
}

static void setup(void)
{
	log_set_level(LOG_SILENT);
	loop = loop_new();
	loop_fake_clock(loop, 0);
	changes = 0;
	(void)snprintf(folder, sizeof(folder), "/tmp/proviso-watch-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(away, sizeof(away), "%s.away", folder);
	(void)snprintf(path, sizeof(path), "%s/proviso.yaml", folder);
	write_file("one");
	watch = watch_new(loop, changed, NULL);
	watch_add(watch, path);
}

static void teardown(void)
{
	watch_free(watch);
	loop_free(loop);
	(void)unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(a_change_is_told_once)
{
	write_file("two, and longer");
	(void)loop_turn(loop, true);
	ck_assert_int_eq(changes, 0);
	loop_advance(loop, 20);
	ck_assert_int_eq(changes, 1);
	loop_advance(loop, 10000);
	ck_assert_int_eq(changes, 1);
}
END_TEST

/* As whoever puts a new folder at the place of the old one. */
START_TEST(a_folder_that_was_away_is_watched_again)
{
	ck_assert_int_eq(rename(folder, away), 0);
	(void)loop_turn(loop, true);
	loop_advance(loop, 20); /* nothing is there to be listened to */
	ck_assert_int_eq(changes, 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	write_file("two, and longer");
	loop_advance(loop, 10000);
	ck_assert_int_eq(changes, 1);
	write_file("three, which is longer still");
	(void)loop_turn(loop, true);
	loop_advance(loop, 20);
	ck_assert_int_eq(changes, 2);
	char old[128];
	(void)snprintf(old, sizeof(old), "%s/proviso.yaml", away);
	ck_assert_int_eq(unlink(old), 0);
	ck_assert_int_eq(rmdir(away), 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_change_is_told_once);
	tcase_add_test(cases, a_folder_that_was_away_is_watched_again);
}

int main(void)
{
	return unit_main("watch", add);
}
