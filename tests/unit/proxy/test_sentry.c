/*
 * The proxy's sentry on its own: a cell's quarantine is put in force, kept and lifted while the
 * snapshot that the cell is of goes away, and an alarm about what is known better by now does
 * nothing. Built with the address sanitizer, so what is read of a freed snapshot ends the test.
 */
#include "proxy/live/sentry.h"

#include "harness/base/file.h"
#include "harness/base/log.h"
#include "proxy/alert.h"
#include "proxy/proxy_private.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <unistd.h>

#define T "lab/m"
#define HOUR_MS ((int64_t)60 * 60 * 1000)

static struct proxy proxy;
static char folder[64], config_path[96], matrix_path[96], other_path[128];
static struct fault_list faults;
static struct fault fault;
static struct arena arena;
static int64_t tested_wall_ms;

/* --- a proxy without workers, over two cells that pass ------------------------------------- */

static void write_file(const char *path, struct text body)
{
	ck_assert_msg(file_replace(path, body, 0644, &fault), "%s", fault.message);
}

static void write_config(const char *more)
{
	write_file(config_path, text_format(&arena,
	                                    "version: 1\n"
	                                    "providers:\n"
	                                    "  lab: {base_url: 'http://127.0.0.1:9/v1', "
	                                    "models: {m: {}}}\n"
	                                    "routes: {coder: {targets: [lab/m]}}\n%s",
	                                    more));
}

static struct snapshot *load(void)
{
	struct snapshot_files files = {config_path, matrix_path};
	struct snapshot_shared shared = proxy_shared(&proxy);
	struct snapshot *snapshot = NULL;

	faults.count = 0;
	bool good = snapshot_load(&files, &shared, loop_wall_ms(proxy.loop), &snapshot, &faults);
	ck_assert_msg(good, "%s", faults.items[0].message);
	return snapshot;
}

static struct text cell_line(const char *case_id, const char *verdict, int64_t wall_ms)
{
	const struct eval_case *eval_case = suite_find(&proxy.current->suite, text_of(case_id));

	ck_assert_ptr_nonnull(eval_case);
	return text_format(
	    &arena,
	    "{\"target\":\"" T "\",\"class\":\"deterministic\",\"severity\":\"gate\","
	    "\"case\":\"%s\",\"variant\":\"stream\",\"verdict\":\"%s\","
	    "\"case_hash\":\"%s\",\"tested_at\":\"%.*s\"}",
	    case_id, verdict, eval_case->hash, TEXT_ARG(wall_format(&arena, wall_ms, true)));
}

/* TS-01 as it is told, and TC-10, which passes; both streamed. */
static void write_matrix(const char *verdict, int64_t wall_ms)
{
	struct text first = cell_line("TC-10", "pass", tested_wall_ms);
	struct text second = cell_line("TS-01", verdict, wall_ms);

	write_file(matrix_path, text_format(&arena,
	                                    "{\"proviso\":1,\"suite\":{\"hash\":\"0123456789ab\"},"
	                                    "\"cells\":[\n%.*s,\n%.*s\n]}\n",
	                                    TEXT_ARG(first), TEXT_ARG(second)));
}

static void set_up(void)
{
	log_set_level(LOG_SILENT);
	proxy = (struct proxy){.loop = loop_new()};
	proxy.healths = health_table_new();
	proxy.lives = live_table_new();
	ck_assert_int_eq(pthread_mutex_init(&proxy.lock, NULL), 0);
	(void)snprintf(folder, sizeof(folder), "/tmp/proviso-sentry-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(config_path, sizeof(config_path), "%s/proviso.yaml", folder);
	(void)snprintf(matrix_path, sizeof(matrix_path), "%s/matrix.json", folder);
	(void)snprintf(other_path, sizeof(other_path), "%s/other.json", folder);
	tested_wall_ms = loop_wall_ms(proxy.loop) / 1000 * 1000 - HOUR_MS;
	write_config("");
	/* Once without a matrix: the hashes of its cells are those of the suite. */
	proxy.current = load();
	write_matrix("pass", tested_wall_ms);
	snapshot_drop(proxy.current);
	proxy.current = load();
	ck_assert(alerter_new(proxy.loop, &proxy.current->config.alerts, &proxy.alerter, &fault));
	ck_assert_msg(sentry_new(&proxy, &proxy.sentry, &fault), "%s", fault.message);
}

static void tear_down(void)
{
	static const char *const names[] = {"proviso.yaml",     "matrix.json",
	                                    "matrix.live.json", "matrix.live.json.lock",
	                                    "other.json",       "other.json.lock"};

	sentry_free(proxy.sentry);
	alerter_free(proxy.alerter);
	snapshot_drop(proxy.current);
	live_table_free(proxy.lives);
	health_table_free(proxy.healths);
	(void)pthread_mutex_destroy(&proxy.lock);
	loop_free(proxy.loop);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		(void)unlink(text_c(&arena, text_format(&arena, "%s/%s", folder, names[i])));
	ck_assert_int_eq(rmdir(folder), 0);
	arena_done(&arena);
}

/* As the proxy reloads, without what a config changes elsewhere. */
static void reload(void)
{
	struct snapshot *fresh = load();

	sentry_reloaded(proxy.sentry, fresh);
	proxy_publish(&proxy, fresh);
}

static const struct matrix_cell *cell_now(const char *case_id)
{
	const struct matrix_cell *cell =
	    matrix_find(&proxy.current->matrix, TEXT(T), text_of(case_id), CASE_STREAM);

	ck_assert_ptr_nonnull(cell);
	return cell;
}

static bool is_held(const char *case_id)
{
	return cell_now(case_id)->quarantine != NULL;
}

/* What the next start would read. */
static bool is_kept(const char *case_id)
{
	struct live stored;

	ck_assert_msg(live_read(proxy.current->live_path, &arena, &stored, &fault), "%s",
	              fault.message);
	const struct live_cell *record = live_find(&stored, cell_now(case_id));
	return record != NULL && live_holds(record, cell_now(case_id));
}

static const struct sentry_finding by_probe = {
    .cause = LIVE_PROBE, .occasions = -1, .violations = -1};

static void quarantine(const char *case_id)
{
	sentry_quarantine(proxy.sentry, cell_now(case_id), &by_probe);
}

static unsigned long long quarantines(void)
{
	return atomic_load(&proxy.counters.quarantines);
}

/* --- while the snapshot goes away -------------------------------------------------------- */

/* A probe names its cell by the snapshot in use; nobody else need hold that one. */
START_TEST(the_cell_of_a_snapshot_that_ends_with_it_is_quarantined)
{
	quarantine("TC-10");
	/* This one is of the snapshot that the first has made, and that the second ends. */
	quarantine("TS-01");
	ck_assert(is_held("TC-10") && is_held("TS-01"));
	ck_assert(is_kept("TC-10") && is_kept("TS-01"));
	ck_assert_uint_eq(quarantines(), 2);
}
END_TEST

START_TEST(a_probe_that_passes_lifts_the_quarantine_of_its_own_snapshot)
{
	quarantine("TC-10");
	quarantine("TS-01");
	sentry_probed(proxy.sentry, cell_now("TS-01"), true);
	ck_assert(is_held("TC-10") && !is_held("TS-01"));
	ck_assert(is_kept("TC-10") && !is_kept("TS-01"));
	/* A pass is as fresh as its probe. */
	ck_assert_int_gt(cell_now("TS-01")->tested_wall_ms, tested_wall_ms);
	sentry_probed(proxy.sentry, cell_now("TC-10"), false);
	ck_assert(is_held("TC-10"));
}
END_TEST

START_TEST(what_is_held_is_held_after_a_reload_and_a_new_start)
{
	quarantine("TS-01");
	reload();
	ck_assert(is_held("TS-01"));
	sentry_free(proxy.sentry);
	proxy.sentry = NULL;
	struct snapshot *fresh = load();
	snapshot_drop(proxy.current);
	proxy.current = fresh;
	ck_assert_msg(sentry_new(&proxy, &proxy.sentry, &fault), "%s", fault.message);
	ck_assert(is_held("TS-01") && !is_held("TC-10"));
}
END_TEST

/* A clock that was set back: the pass that it speaks against is of tomorrow. */
START_TEST(a_pass_dated_ahead_is_quarantined_all_the_same)
{
	write_matrix("pass", loop_wall_ms(proxy.loop) + HOUR_MS);
	reload();
	struct snapshot *before = snapshot_take(proxy.current);
	const struct matrix_cell *old = cell_now("TS-01");
	quarantine("TS-01");
	ck_assert(is_held("TS-01"));
	sentry_probed(proxy.sentry, cell_now("TS-01"), true);
	ck_assert(!is_held("TS-01"));
	/* By who does not know of that pass yet. */
	sentry_quarantine(proxy.sentry, old, &by_probe);
	ck_assert(is_held("TS-01"));
	snapshot_drop(before);
}
END_TEST

/* By hand, or by a proxy before this one: it must outlive the next change, too. */
START_TEST(what_the_file_says_beyond_is_taken_over)
{
	struct live live = {.day_wall_ms = -1};

	live_take(&live, cell_now("TC-10"), &arena)->quarantined_wall_ms = tested_wall_ms + 1;
	ck_assert(live_write(&live, proxy.current->live_path, &fault));
	reload();
	ck_assert(is_held("TC-10"));
	quarantine("TS-01");
	ck_assert(is_held("TC-10") && is_held("TS-01"));
}
END_TEST

/* Or a proxy that starts often asks the same cell again each time. */
START_TEST(a_probe_that_fails_is_kept_as_asked)
{
	struct live stored;

	sentry_probed(proxy.sentry, cell_now("TS-01"), false);
	ck_assert(live_read(proxy.current->live_path, &arena, &stored, &fault));
	const struct live_cell *record = live_find(&stored, cell_now("TS-01"));
	ck_assert_ptr_nonnull(record);
	ck_assert_int_gt(record->probed_wall_ms, tested_wall_ms);
	ck_assert_int_eq(record->passed_wall_ms, -1);
}
END_TEST

/* --- alarms of live traffic ------------------------------------------------------------------ */

/* An alarm about TS-01, by the posts of that snapshot. */
static struct live_alarm alarm_of(const struct snapshot *snapshot)
{
	const struct live_posts *posts = &snapshot->posts[0];

	for (size_t i = 0; i < posts->count; i++)
		if (text_is(posts->items[i].cell->case_id, "TS-01"))
			return (struct live_alarm){&posts->items[i], 40, 3};
	ck_abort_msg("no check of live traffic speaks of TS-01");
}

static void raise_from(struct snapshot *snapshot)
{
	struct live_alarm alarm = alarm_of(snapshot);

	sentry_raise(proxy.sentry, snapshot, snapshot->lives[0], &alarm);
}

static void hear(void)
{
	(void)loop_turn(proxy.loop, true);
}

START_TEST(an_alarm_quarantines_and_says_how_often_the_rule_was_broken)
{
	raise_from(proxy.current);
	hear();
	ck_assert(is_held("TS-01") && is_kept("TS-01"));
	ck_assert_int_eq(cell_now("TS-01")->quarantine->occasions, 40);
	ck_assert_int_eq(cell_now("TS-01")->quarantine->violations, 3);
	ck_assert_int_eq(cell_now("TS-01")->quarantine->cause, LIVE_TRAFFIC);
	ck_assert(!is_held("TC-10"));
}
END_TEST

/* Two workers see the last straw at once, and a request of before the reload raises it late. */
START_TEST(alarms_about_one_cell_quarantine_it_once)
{
	struct snapshot *first = snapshot_take(proxy.current);

	raise_from(first);
	raise_from(first);
	hear();
	ck_assert(is_held("TS-01"));
	raise_from(first);
	hear();
	ck_assert_uint_eq(quarantines(), 1);
	snapshot_drop(first);
}
END_TEST

/* The matrix says something else by now: nothing follows from an alarm about what it said. */
static void raises_in_vain(const char *verdict, int64_t wall_ms)
{
	struct snapshot *before = snapshot_take(proxy.current);

	write_matrix(verdict, wall_ms);
	reload();
	raise_from(before);
	snapshot_drop(before);
	hear();
	ck_assert(!is_held("TS-01"));
	ck_assert_uint_eq(quarantines(), 0);
}

START_TEST(an_alarm_about_a_cell_that_was_asked_again_does_nothing)
{
	raises_in_vain("pass", tested_wall_ms + 1000);
}
END_TEST

START_TEST(an_alarm_about_a_cell_that_fails_by_now_does_nothing)
{
	raises_in_vain("fail", tested_wall_ms);
}
END_TEST

/* The same cell by its name, of another question. */
START_TEST(an_alarm_about_a_question_that_has_changed_does_nothing)
{
	struct snapshot *before = snapshot_take(proxy.current);
	char line[512];

	(void)snprintf(line, sizeof(line), "%.*s",
	               TEXT_ARG(cell_line("TS-01", "pass", tested_wall_ms)));
	char *hash = strstr(line, suite_find(&before->suite, TEXT("TS-01"))->hash);
	ck_assert_ptr_nonnull(hash);
	hash[0] = hash[0] == 'f' ? '0' : 'f';
	write_file(matrix_path, text_format(&arena,
	                                    "{\"proviso\":1,\"suite\":{\"hash\":\"0123456789ab\"},"
	                                    "\"cells\":[%s]}\n",
	                                    line));
	reload();
	raise_from(before);
	snapshot_drop(before);
	hear();
	ck_assert(!is_held("TS-01"));
	ck_assert_uint_eq(quarantines(), 0);
}
END_TEST

START_TEST(an_alarm_while_quarantines_are_switched_off_does_nothing)
{
	write_config("proxy: {live: {quarantine: false}}\n");
	raises_in_vain("pass", tested_wall_ms);
}
END_TEST

START_TEST(an_alarm_about_a_cell_that_is_gone_does_nothing)
{
	struct snapshot *before = snapshot_take(proxy.current);

	ck_assert_int_eq(unlink(matrix_path), 0);
	reload();
	raise_from(before);
	snapshot_drop(before);
	hear();
	ck_assert_uint_eq(quarantines(), 0);
}
END_TEST

/* What nobody heard is not leaked: the sanitizer looks. */
START_TEST(alarms_that_nobody_hears_end_with_the_sentry)
{
	raise_from(proxy.current);
	raise_from(proxy.current);
}
END_TEST

/* One reply that breaks TS-01, noted by that snapshot; how many alarms it gives. */
static size_t note_broken(const struct snapshot *snapshot)
{
	const struct eval_case *eval_case = suite_find(&snapshot->suite, TEXT("TS-01"));
	struct live_findings findings = {0};
	struct live_alarm alarms[LIVE_CHECKS * CASE_VARIANTS];
	size_t check = alarm_of(snapshot).post->check;
	struct shape shape;
	struct text bad;

	ck_assert(shape_from_names(&eval_case->vouches, &arena, &shape, &bad));
	feature_add(&shape.features, FEATURE_STREAM);
	struct live_seen seen = {&findings, &shape, &shape.features, TEXT("x")};
	findings.saw[check] = findings.broken[check] = true;
	return live_note(proxy.lives, snapshot->lives[0], &snapshot->posts[0], &seen, alarms);
}

/* Until it alarms, which it does once. */
static void break_it(const struct snapshot *snapshot)
{
	size_t raised = 0;

	for (int i = 0; i < 10 && raised == 0; i++)
		raised = note_broken(snapshot);
	ck_assert_uint_ge(raised, 1);
	ck_assert_uint_eq(note_broken(snapshot), 0);
}

/* Lost, the alarm would never come again: of each cell there is one. */
START_TEST(an_alarm_without_room_comes_again)
{
	struct snapshot *snapshot = snapshot_take(proxy.current);

	for (int i = 0; i < 64; i++)
		raise_from(snapshot);
	break_it(snapshot);
	raise_from(snapshot);
	ck_assert_uint_eq(note_broken(snapshot), 1);
	snapshot_drop(snapshot);
}
END_TEST

/* The matrix was away when it was heard, and is back. */
START_TEST(an_alarm_that_nothing_followed_from_comes_again)
{
	struct snapshot *before = snapshot_take(proxy.current);

	break_it(before);
	ck_assert_int_eq(unlink(matrix_path), 0);
	reload();
	raise_from(before);
	snapshot_drop(before);
	hear();
	write_matrix("pass", tested_wall_ms);
	reload();
	ck_assert(!is_held("TS-01"));
	ck_assert_uint_eq(note_broken(proxy.current), 1);
	/* Of one that is held there is none to come. */
	raise_from(proxy.current);
	hear();
	ck_assert(is_held("TS-01"));
}
END_TEST

/* --- the file ----------------------------------------------------------------------------------
 */

START_TEST(two_proxies_do_not_keep_one_file)
{
	struct sentry *second;

	ck_assert(!sentry_new(&proxy, &second, &fault));
	assert_fault_says(&fault, "another proxy keeps its live evidence there");
	sentry_free(second);
	/* Once the first keeps another one, this one is free. */
	write_config(
	    text_c(&arena, text_format(&arena, "proxy: {live: {path: '%s'}}\n", other_path)));
	struct snapshot *elsewhere = load();
	struct snapshot *here = snapshot_take(proxy.current);
	ck_assert(sentry_follow(proxy.sentry, elsewhere, &fault));
	ck_assert_msg(sentry_new(&proxy, &second, &fault), "%s", fault.message);
	/* And the way back is barred; what was locked stays so. */
	ck_assert(!sentry_follow(proxy.sentry, here, &fault));
	sentry_free(second);
	ck_assert(sentry_follow(proxy.sentry, here, &fault));
	snapshot_drop(here);
	snapshot_drop(elsewhere);
}
END_TEST

START_TEST(what_probes_cost_is_kept_and_comes_down_again)
{
	struct live stored;

	ck_assert(sentry_charge(proxy.sentry, 500, 2));
	ck_assert(sentry_charge(proxy.sentry, -200, -1));
	ck_assert(live_read(proxy.current->live_path, &arena, &stored, &fault));
	ck_assert_int_eq(stored.spent_pico_usd, 300);
	ck_assert_int_eq(stored.requests, 1);
	/* More given back than was taken is nothing, and no credit. */
	ck_assert(sentry_charge(proxy.sentry, -1000, -9));
	ck_assert_int_eq(sentry_live(proxy.sentry)->spent_pico_usd, 0);
	ck_assert_int_eq(sentry_live(proxy.sentry)->requests, 0);
}
END_TEST

/* What a file of a later day says was charged counts on, and is that day's. */
START_TEST(a_clock_that_was_set_back_begins_no_new_day)
{
	const int64_t day_ms = 86400000;
	struct live later;

	ck_assert(sentry_charge(proxy.sentry, 500, 2));
	live_copy(sentry_live(proxy.sentry), &arena, &later);
	int64_t tomorrow_ms = later.day_wall_ms + 3 * day_ms;
	later.day_wall_ms = tomorrow_ms;
	ck_assert(live_write(&later, proxy.current->live_path, &fault));
	reload();
	ck_assert_int_eq(sentry_live(proxy.sentry)->day_wall_ms, tomorrow_ms);
	ck_assert(sentry_charge(proxy.sentry, 70, 1));
	ck_assert_int_eq(sentry_live(proxy.sentry)->spent_pico_usd, 570);
	ck_assert_int_eq(sentry_live(proxy.sentry)->day_wall_ms, tomorrow_ms);
}
END_TEST

/* As far as that no clock is set back that was right: what is charged is charged today, and no day
 * is waited for that is years away. */
START_TEST(a_clock_that_comes_back_from_far_ahead_finds_its_day)
{
	const int64_t day_ms = 86400000;
	struct live later;

	ck_assert(sentry_charge(proxy.sentry, 500, 2));
	live_copy(sentry_live(proxy.sentry), &arena, &later);
	int64_t today_ms = later.day_wall_ms;
	later.day_wall_ms = today_ms + 400 * day_ms;
	ck_assert(live_write(&later, proxy.current->live_path, &fault));
	reload();
	sentry_find_day(proxy.sentry);
	ck_assert_int_ge(sentry_live(proxy.sentry)->day_wall_ms, today_ms);
	ck_assert_int_le(sentry_live(proxy.sentry)->day_wall_ms, today_ms + day_ms);
	ck_assert_int_eq(sentry_live(proxy.sentry)->spent_pico_usd, 500);
	ck_assert_int_eq(sentry_live(proxy.sentry)->requests, 2);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, the_cell_of_a_snapshot_that_ends_with_it_is_quarantined);
	tcase_add_test(cases, a_probe_that_passes_lifts_the_quarantine_of_its_own_snapshot);
	tcase_add_test(cases, a_clock_that_was_set_back_begins_no_new_day);
	tcase_add_test(cases, a_clock_that_comes_back_from_far_ahead_finds_its_day);
	tcase_add_test(cases, what_is_held_is_held_after_a_reload_and_a_new_start);
	tcase_add_test(cases, a_pass_dated_ahead_is_quarantined_all_the_same);
	tcase_add_test(cases, what_the_file_says_beyond_is_taken_over);
	tcase_add_test(cases, a_probe_that_fails_is_kept_as_asked);
	tcase_add_test(cases, an_alarm_quarantines_and_says_how_often_the_rule_was_broken);
	tcase_add_test(cases, alarms_about_one_cell_quarantine_it_once);
	tcase_add_test(cases, an_alarm_about_a_cell_that_was_asked_again_does_nothing);
	tcase_add_test(cases, an_alarm_about_a_cell_that_fails_by_now_does_nothing);
	tcase_add_test(cases, an_alarm_about_a_question_that_has_changed_does_nothing);
	tcase_add_test(cases, an_alarm_while_quarantines_are_switched_off_does_nothing);
	tcase_add_test(cases, an_alarm_about_a_cell_that_is_gone_does_nothing);
	tcase_add_test(cases, alarms_that_nobody_hears_end_with_the_sentry);
	tcase_add_test(cases, an_alarm_without_room_comes_again);
	tcase_add_test(cases, an_alarm_that_nothing_followed_from_comes_again);
	tcase_add_test(cases, two_proxies_do_not_keep_one_file);
	tcase_add_test(cases, what_probes_cost_is_kept_and_comes_down_again);
}

int main(void)
{
	return unit_main("sentry", add);
}
