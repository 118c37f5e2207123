/*
 * The runner while the disk is slow, full or broken: what is asked meanwhile, what counts, and in
 * which order things reach the disk. fdatasync is this program's own: it can be held back, it can
 * fail, and it notes what is on disk.
 */
#include "tests/unit/run/rig.h"

#include "harness/run/matrix/cell_index.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>

/* More questions than may wait for the disk; each asks the simulator once. */
#define MANY_CASES "CH-* PA-* TC-* TS-* US-* ST-* TR-* FR-*"

enum {
	TICK_MS = 20,
	QUIET_TICKS = 10, /* no request for so long: none will come */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held;                       /* whoever syncs waits */
	int evidence, journals;          /* syncs so far */
	int fail_evidence, fail_journal; /* the n-th fails, from 1; 0: none */
	int64_t evidence_bytes;          /* of the first segment, on disk for certain */
	bool order_broken;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct loop_timer ticker;
static int64_t quiet, last_requests;

/* --- the disk --- */

static bool names_synced(void *context UNUSED, const struct journal_attempt *line,
                         struct fault *fault UNUSED)
{
	struct text rest = line->evidence;
	struct text segment;
	int64_t offset = 0;

	if (rest.data == NULL)
		return true;
	ck_assert(text_next_field(&rest, ':', &segment));
	ck_assert(text_to_int64(rest, 0, INT64_MAX, &offset));
	disk.order_broken = disk.order_broken || offset >= disk.evidence_bytes;
	return true;
}

/* Whatever the journal names must be on disk before the journal is. */
static void check_order(void)
{
	const struct journal_visitor visitor = {NULL, names_synced, NULL};
	struct fault fault;

	if (!journal_scan(rig.paths.journal, &visitor, NULL, &fault))
		disk.order_broken = true;
}

static int sync_one(int fd, bool evidence)
{
	struct stat status;
	int number = evidence ? ++disk.evidence : ++disk.journals;

	check_order();
	if (number == (evidence ? disk.fail_evidence : disk.fail_journal)) {
		errno = EIO;
		return -1;
	}
	/* What is written while this runs may or may not be synced. */
	bool known = evidence && fstat(fd, &status) == 0;
	int result = (int)syscall(SYS_fdatasync, fd);
	if (known && result == 0)
		disk.evidence_bytes = status.st_size;
	return result;
}

int fdatasync(int fd)
{
	char link[64];
	char path[FILE_LOG_PATH_BYTES] = "";

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		path[0] = '\0';
	(void)pthread_mutex_lock(&disk.lock);
	while (disk.held)
		(void)pthread_cond_wait(&disk.changed, &disk.lock);
	int result = sync_one(fd, strstr(path, ".rec") != NULL);
	(void)pthread_mutex_unlock(&disk.lock);
	return result;
}

static void hold_disk(bool held)
{
	(void)pthread_mutex_lock(&disk.lock);
	disk.held = held;
	(void)pthread_cond_broadcast(&disk.changed);
	(void)pthread_mutex_unlock(&disk.lock);
}

/* --- what is done while it is held --- */

static void tick(void *context)
{
	void (*when_quiet)(void) = *(void (**)(void))context;
	int64_t requests = sim_requests(rig.sim);

	quiet = requests == last_requests ? quiet + 1 : 0;
	last_requests = requests;
	if (requests > 0 && quiet >= QUIET_TICKS) {
		when_quiet();
		return;
	}
	loop_timer_start(rig.loop, &ticker, TICK_MS, tick, context);
}

/* A run whose disk is busy from the first attempt on, until nothing more is asked. */
static struct runner_progress run_held(void (*when_quiet)(void))
{
	struct journal_head head = {
	    .run_id = TEXT("run"), .suite_hash = text_of(rig.suite.hash), .seed = rig.options.seed};
	struct fault fault;

	run_head_targets(&rig.plan, &rig.arena, &head);
	ck_assert(journal_create(&rig.journal, rig.paths.journal, &head, &fault));
	ck_assert(recording_open(rig.paths.evidence, &rig.recording, &fault));
	quiet = last_requests = 0;
	hold_disk(true);
	loop_timer_start(rig.loop, &ticker, TICK_MS, tick, &when_quiet);
	return rig_go();
}

static void setup(void)
{
	rig_setup();
	disk.held = disk.order_broken = false;
	disk.evidence = disk.journals = disk.fail_evidence = disk.fail_journal = 0;
	disk.evidence_bytes = 0;
}

static void teardown(void)
{
	hold_disk(false);
	loop_timer_stop(rig.loop, &ticker);
	rig_teardown();
}

/* --- what the journal says --- */

struct told {
	int64_t owners;
	struct cell_index seen;
	struct text_buf order;
};

static bool tell_line(void *context, const struct journal_attempt *line, struct fault *fault UNUSED)
{
	struct told *told = context;
	struct text where =
	    text_format(&rig.arena, "%.*s~%.*s %lld.%lld.%lld", TEXT_ARG(line->case_id),
	                TEXT_ARG(line->variant), (long long)line->trial, (long long)line->step,
	                (long long)line->attempt);
	struct cell_key key = {.target = where};

	told->owners += line->owner;
	ck_assert_msg(cell_index_find(&told->seen, key) == SIZE_MAX, "%s stands twice", where.data);
	cell_index_add(&told->seen, key, 0);
	text_buf_add(&told->order, where);
	text_buf_byte(&told->order, '\n');
	return true;
}

/* How many attempts; `order` (may be NULL): all lines in their order. No line twice. */
static int64_t read_journal(struct text *order)
{
	struct told told = {0};
	const struct journal_visitor visitor = {NULL, tell_line, &told};
	struct fault fault;

	text_buf_init(&told.order, 1 << 20);
	ck_assert_msg(journal_scan(rig.paths.journal, &visitor, NULL, &fault), "%s", fault.message);
	if (order != NULL)
		*order = text_copy(&rig.arena, text_buf_view(&told.order));
	text_buf_done(&told.order);
	cell_index_done(&told.seen);
	return told.owners;
}

static void new_folder(void)
{
	rig_remove(rig.folder);
	ck_assert_int_eq(mkdir(rig.folder, 0700), 0);
}

/* --- */

static int64_t requests_while_held;

static void nothing_counts_yet(void)
{
	struct runner_progress progress = runner_progress(rig.runner);

	requests_while_held = sim_requests(rig.sim);
	ck_assert_int_eq(progress.attempts, 0);
	ck_assert_int_eq(progress.spent_pico_usd, 0);
	ck_assert_int_eq(progress.probes_done, 0);
	ck_assert_int_eq(rig.attempts_told, 0);
	hold_disk(false);
}

/* What the plan's questions ask beyond their first step. */
static int64_t further_steps(void)
{
	int64_t steps = 0;

	for (size_t i = 0; i < rig.plan.probe_count; i++)
		steps += (int64_t)rig.plan.probes[i].asks->step_count - 1;
	return steps;
}

START_TEST(while_the_disk_is_busy_further_questions_are_asked_and_nothing_counts)
{
	rig_start_sim("");
	rig_plan(MANY_CASES);
	rig.options.jobs = 4;
	ck_assert_uint_gt(rig.plan.probe_count, RUNNER_MAX_WAITING + 4);
	struct runner_progress progress = run_held(nothing_counts_yet);
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_int_ge(requests_while_held, RUNNER_MAX_WAITING);
	/* What a crash can cost is bounded, however slow the disk. */
	ck_assert_int_le(requests_while_held,
	                 RUNNER_MAX_WAITING + rig.options.jobs + further_steps());
	ck_assert_int_eq(progress.cells_decided, progress.cells_total);
	ck_assert_int_eq(progress.reserved_pico_usd, 0);
	ck_assert_int_eq(progress.attempts, sim_requests(rig.sim));
	ck_assert_int_eq(read_journal(NULL), sim_requests(rig.sim));
	/* Many attempts in one sync. */
	ck_assert_int_lt(disk.journals, requests_while_held);
}
END_TEST

START_TEST(evidence_is_on_disk_before_the_line_that_names_it_is_written)
{
	rig_start_sim("TC-05");
	rig_plan("");
	rig.options.jobs = 16;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_int_gt(disk.evidence, 3);
	check_order();
	ck_assert(!disk.order_broken);
}
END_TEST

/* --- a disk that fails --- */

static void fails_and_goes_on(int evidence, int journal)
{
	new_folder();
	rig.options.done_path = NULL;
	rig.attempts_told = 0;
	disk.evidence = disk.journals = 0;
	disk.fail_evidence = evidence;
	disk.fail_journal = journal;
	struct runner_progress progress = rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FAILED);
	ck_assert_int_eq(rig.end_fault.kind, FAULT_SYSTEM);
	assert_fault_says(&rig.end_fault, evidence > 0 ? "000001.rec" : "journal.jsonl");
	ck_assert_int_eq(progress.attempts, rig.attempts_told);
	/* What was told as counted is there; of the rest, lines may be written and not synced. */
	ck_assert_int_ge(read_journal(NULL), rig.attempts_told);
	disk.fail_evidence = disk.fail_journal = 0;
	progress = rig_resume();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_int_eq(progress.cells_decided, progress.cells_total);
	ck_assert_int_eq(read_journal(NULL), progress.attempts);
}

START_TEST(a_sync_that_fails_ends_the_run_and_a_resumed_one_goes_on)
{
	rig_start_sim("");
	rig_plan("HT-01 CH-0? TC-0? TR-01 US-0? ST-0?");
	rig.plan.rules.min_trials = 3;
	for (int nth = 1; nth <= 4; nth++) {
		fails_and_goes_on(nth, 0);
		/* The first of the journal is its head's, before anything is asked. */
		fails_and_goes_on(0, nth + 1);
	}
}
END_TEST

static void break_and_let_go(void)
{
	requests_while_held = sim_requests(rig.sim);
	disk.fail_evidence = 1;
	hold_disk(false);
}

START_TEST(what_waits_for_a_disk_that_fails_is_never_counted)
{
	rig_start_sim("");
	rig_plan("");
	struct runner_progress progress = run_held(break_and_let_go);
	ck_assert_int_eq(rig.end, RUNNER_FAILED);
	ck_assert_int_gt(requests_while_held, rig.options.jobs);
	ck_assert_int_eq(sim_requests(rig.sim), requests_while_held);
	ck_assert_int_eq(progress.attempts, 0);
	ck_assert_int_eq(rig.attempts_told, 0);
	ck_assert_int_eq(read_journal(NULL), 0);
}
END_TEST

/* --- stopping --- */

static void stop_and_let_go(void)
{
	requests_while_held = sim_requests(rig.sim);
	runner_stop(rig.runner, 60000);
	hold_disk(false);
}

START_TEST(a_stopped_run_ends_when_all_that_was_answered_is_on_disk)
{
	rig_start_sim("");
	rig_plan(MANY_CASES);
	(void)run_held(stop_and_let_go);
	ck_assert_int_eq(rig.end, RUNNER_INTERRUPTED);
	ck_assert_int_eq(sim_requests(rig.sim), requests_while_held);
	ck_assert_int_eq(read_journal(NULL), requests_while_held);
	rig_resume();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	ck_assert_int_eq(read_journal(NULL), sim_requests(rig.sim));
}
END_TEST

/* --- money --- */

static void committed_within_cap(void)
{
	struct runner_progress progress = runner_progress(rig.runner);

	requests_while_held = sim_requests(rig.sim);
	ck_assert_int_eq(progress.spent_pico_usd, 0);
	ck_assert_int_gt(progress.reserved_pico_usd, 0);
	ck_assert_int_le(progress.reserved_pico_usd, rig.options.max_spend_pico_usd);
	hold_disk(false);
}

/* What each of the plan's questions costs at most, the dearest of them, and all of it. */
static void price_all(int64_t *dearest, int64_t *spent)
{
	rig.providers[0].models[0].price = (struct price){
	    .known = true,
	    .base = PRICE_RATES_NONE,
	    .version = TEXT("config"),
	};
	rig.providers[0].models[0].price.base.input = 1000000000000;
	rig.providers[0].models[0].price.base.output = 2000000000000;
	rig.providers[0].models[0].max_output = 64;
	rig_plan("CH-* TC-* US-*");
	*spent = rig_run().spent_pico_usd;
	*dearest = 0;
	for (size_t i = 0; i < rig.plan.probe_count; i++)
		*dearest = int64_max(*dearest, rig.plan.probes[i].bound_pico_usd);
	new_folder();
}

START_TEST(what_waits_for_the_disk_is_within_the_cap)
{
	int64_t dearest, spent;

	rig_start_sim("");
	price_all(&dearest, &spent);
	int64_t before = sim_requests(rig.sim);
	rig.options.max_spend_pico_usd = dearest + spent / 3;
	struct runner_progress progress = run_held(committed_within_cap);
	ck_assert_int_eq(rig.end, RUNNER_CAP);
	ck_assert_int_gt(requests_while_held - before, 0);
	ck_assert_int_gt(progress.spent_pico_usd, 0);
	ck_assert_int_le(progress.spent_pico_usd, rig.options.max_spend_pico_usd);
	ck_assert_int_eq(progress.reserved_pico_usd, 0);
	ck_assert_int_eq(read_journal(NULL), sim_requests(rig.sim) - before);
}
END_TEST

/* --- order --- */

static void let_go(void)
{
	hold_disk(false);
}

/* A slow disk is no reason for another journal: one job asks in the same order, confirms what
 * failed first, and skips what rests on it. */
START_TEST(with_one_job_the_order_of_the_journal_does_not_depend_on_the_disk)
{
	struct text quick, slow;

	rig_start_sim("TC-01 CH-01 US-01");
	rig_plan("CH-* TC-* US-* ST-*");
	rig.plan.rules = (struct verdict_rules){VERDICT_BRIEF, 3};
	rig.options.jobs = 1;
	rig_run();
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	(void)read_journal(&quick);
	new_folder();
	(void)run_held(let_go);
	ck_assert_int_eq(rig.end, RUNNER_FINISHED);
	(void)read_journal(&slow);
	ck_assert(text_equal(quick, slow));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases,
	               while_the_disk_is_busy_further_questions_are_asked_and_nothing_counts);
	tcase_add_test(cases, evidence_is_on_disk_before_the_line_that_names_it_is_written);
	tcase_add_test(cases, a_sync_that_fails_ends_the_run_and_a_resumed_one_goes_on);
	tcase_add_test(cases, what_waits_for_a_disk_that_fails_is_never_counted);
	tcase_add_test(cases, a_stopped_run_ends_when_all_that_was_answered_is_on_disk);
	tcase_add_test(cases, what_waits_for_the_disk_is_within_the_cap);
	tcase_add_test(cases, with_one_job_the_order_of_the_journal_does_not_depend_on_the_disk);
}

int main(void)
{
	return unit_main("runner_disk", add);
}
