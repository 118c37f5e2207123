/* Quarantines and probes' results: kept, told, and put in force; see sentry.h. */
#include "proxy/live/sentry.h"

#include "harness/base/json_write.h"
#include "harness/base/log.h"
#include "proxy/alert.h"
#include "proxy/proxy_private.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum {
	RAISED_MAX = 64, /* alarms that wait for the main thread */
	DAY_MS = 24 * 60 * 60 * 1000,
	FAR_MS = 7 * DAY_MS, /* by more no clock is set back that was right */
};

struct raised {
	struct snapshot *snapshot; /* counted: the cell is of its matrix */
	struct live_target *target;
	struct live_alarm alarm;
};

struct sentry {
	struct proxy *proxy;
	struct loop_wake *wake;
	struct live live;
	struct arena arena; /* of `live` */
	pthread_mutex_t lock;
	struct raised raised[RAISED_MAX];
	size_t raised_count;
	int lock_fd;       /* -1: nobody needs the file, or it can't be locked */
	char *locked_path; /* owned; whose lock it is */
};

/* --- the records ---------------------------------------------------------------------- */

/* What was replaced is let go: the arena holds the records of now alone. */
static void compact(struct sentry *sentry)
{
	struct arena fresh = {0};
	struct live copy;

	live_copy(&sentry->live, &fresh, &copy);
	arena_done(&sentry->arena);
	sentry->arena = fresh;
	sentry->live = copy;
}

/* What stands in the file and is not known here, by an earlier hand, stays. */
static bool save(struct sentry *sentry)
{
	const char *path = sentry->proxy->current->live_path;
	struct arena scratch = {0};
	struct live stored;
	struct fault fault;

	bool good = live_read(path, &scratch, &stored, &fault);
	if (good) {
		/* What was charged too much comes down: that is known here alone. */
		stored.day_wall_ms = -1;
		live_merge(&sentry->live, &stored, &sentry->arena);
	}
	compact(sentry);
	good = good && live_write(&sentry->live, path, &fault);
	if (!good)
		log_error("proxy.live_unsaved",
		          "path=%s why=\"%s\" what was seen is known until the proxy ends", path,
		          fault.message);
	arena_done(&scratch);
	return good;
}

/* From here on new requests are decided by it. */
static void put_in_force(struct sentry *sentry)
{
	struct proxy *proxy = sentry->proxy;
	struct snapshot_shared shared = proxy_shared(proxy);
	struct snapshot *fresh;
	struct fault fault;

	if (snapshot_renew(proxy->current, &shared, &fresh, &fault))
		proxy_publish(proxy, fresh);
	else
		log_error("proxy.live_failed", "%s", fault.message);
}

/* Of the matrix as it is now; NULL where the cell is gone, or is another by now. */
static const struct matrix_cell *find_now(const struct sentry *sentry,
                                          const struct matrix_cell *cell)
{
	const struct matrix_cell *now = matrix_find(&sentry->proxy->current->matrix, cell->target,
	                                            cell->case_id, cell->variant);

	return now != NULL && text_equal(now->case_hash, cell->case_hash) ? now : NULL;
}

static const char *suffix_of(const struct matrix_cell *cell)
{
	return cell->variant == CASE_STREAM ? "~stream" : "";
}

static void tell(struct sentry *sentry, enum alert_event event, const struct matrix_cell *cell)
{
	struct text_buf data;

	text_buf_init(&data, ALERT_DATA_MAX_BYTES);
	(void)text_buf_add(&data, TEXT("\"target\":"));
	json_quote(&data, cell->target);
	(void)text_buf_add(&data, TEXT(",\"case\":"));
	json_quote(&data, cell->case_id);
	(void)text_buf_format(&data, ",\"variant\":\"%s\"", case_variant_names[cell->variant]);
	alert_send(sentry->proxy->alerter, event, text_buf_view(&data));
	text_buf_done(&data);
}

void sentry_quarantine(struct sentry *sentry, const struct matrix_cell *cell,
                       const struct sentry_finding *finding)
{
	/* What is put in force may be the end of the snapshot that the cell is of. */
	struct snapshot *before = snapshot_take(sentry->proxy->current);
	struct live_cell *record = live_take(&sentry->live, cell, &sentry->arena);
	int64_t now_ms = loop_wall_ms(sentry->proxy->loop);

	/* A clock that jumped back must not make it older than the pass that it speaks against. */
	record->quarantined_wall_ms = int64_max(now_ms, cell->tested_wall_ms);
	record->quarantined_wall_ms =
	    int64_max(record->quarantined_wall_ms, record->passed_wall_ms);
	record->cause = (int)finding->cause;
	record->occasions = finding->occasions;
	record->violations = finding->violations;
	record->detail = text_copy(&sentry->arena, finding->detail);
	record->run = text_copy(&sentry->arena, finding->run);
	/* First what counts; and told is what is kept: whoever hears of it finds it in the file. */
	put_in_force(sentry);
	(void)!save(sentry);
	log_error("proxy.quarantined",
	          "target=%.*s case=%.*s%s cause=%s occasions=%lld violations=%lld%s%.*s: requests "
	          "that it speaks for no longer go there",
	          TEXT_ARG(cell->target), TEXT_ARG(cell->case_id), suffix_of(cell),
	          finding->cause == LIVE_PROBE ? "probe" : "traffic", (long long)finding->occasions,
	          (long long)finding->violations, finding->run.len > 0 ? " run=" : "",
	          TEXT_ARG(finding->run));
	atomic_fetch_add(&sentry->proxy->counters.quarantines, 1);
	tell(sentry, ALERT_QUARANTINED, cell);
	snapshot_drop(before);
}

void sentry_probed(struct sentry *sentry, const struct matrix_cell *cell, bool passed)
{
	struct snapshot *before = snapshot_take(sentry->proxy->current);
	struct live_cell *record = live_take(&sentry->live, cell, &sentry->arena);
	int64_t now_ms = loop_wall_ms(sentry->proxy->loop);

	record->probed_wall_ms = int64_max(record->probed_wall_ms, now_ms);
	bool held = live_holds(record, cell);
	if (passed) {
		record->passed_wall_ms = int64_max(now_ms, record->quarantined_wall_ms + 1);
		put_in_force(sentry);
	}
	(void)!save(sentry);
	if (passed && held)
		tell(sentry, ALERT_RELEASED, cell);
	if (passed && held)
		log_warn("proxy.released",
		         "target=%.*s case=%.*s%s passes again: its quarantine is lifted",
		         TEXT_ARG(cell->target), TEXT_ARG(cell->case_id), suffix_of(cell));
	snapshot_drop(before);
}

/* The beginning of the day of now. */
static int64_t today(const struct sentry *sentry)
{
	int64_t now_ms = loop_wall_ms(sentry->proxy->loop);

	return now_ms - now_ms % DAY_MS;
}

void sentry_find_day(struct sentry *sentry)
{
	int64_t day_ms = today(sentry);

	if (sentry->live.day_wall_ms - day_ms > FAR_MS)
		sentry->live.day_wall_ms = day_ms;
}

bool sentry_charge(struct sentry *sentry, int64_t pico_usd, int64_t requests)
{
	struct live *live = &sentry->live;
	int64_t day_ms = today(sentry);

	/* Set back, the clock begins no new day. */
	if (day_ms > live->day_wall_ms) {
		live->day_wall_ms = day_ms;
		live->spent_pico_usd = live->requests = 0;
	}
	live->spent_pico_usd = int64_max(live->spent_pico_usd + pico_usd, 0);
	live->requests = int64_max(live->requests + requests, 0);
	return save(sentry);
}

const struct live *sentry_live(const struct sentry *sentry)
{
	return &sentry->live;
}

void sentry_reloaded(struct sentry *sentry, const struct snapshot *fresh)
{
	live_merge(&sentry->live, &fresh->live, &sentry->arena);
	compact(sentry);
}

/* --- alarms of live traffic ----------------------------------------------------------------- */

void sentry_raise(struct sentry *sentry, struct snapshot *snapshot, struct live_target *target,
                  const struct live_alarm *alarm)
{
	(void)pthread_mutex_lock(&sentry->lock);
	bool room = sentry->raised_count < RAISED_MAX;
	if (room)
		sentry->raised[sentry->raised_count++] =
		    (struct raised){snapshot_take(snapshot), target, *alarm};
	(void)pthread_mutex_unlock(&sentry->lock);
	if (room)
		loop_wake_send(sentry->wake);
	else
		live_rearm(target, alarm->post);
}

static void take_alarm(struct sentry *sentry, const struct raised *raised)
{
	const struct matrix_cell *cell = raised->alarm.post->cell;
	const struct matrix_cell *now = find_now(sentry, cell);
	struct sentry_finding finding = {
	    .cause = LIVE_TRAFFIC,
	    .occasions = raised->alarm.occasions,
	    .violations = raised->alarm.violations,
	    .detail = text_of("live traffic breaks it more often than its verdict allows"),
	};

	/* Asked again meanwhile, gone, or switched off: nothing follows from it; and another reload
	 * may bring back what it is about. */
	if (now == NULL || now->quarantine != NULL || now->verdict != VERDICT_PASS ||
	    now->tested_wall_ms > cell->tested_wall_ms ||
	    !sentry->proxy->current->config.proxy.live.quarantine) {
		live_rearm(raised->target, raised->alarm.post);
		return;
	}
	sentry_quarantine(sentry, now, &finding);
}

static void woken(void *context)
{
	struct sentry *sentry = context;
	struct raised taken[RAISED_MAX];
	size_t count;

	(void)pthread_mutex_lock(&sentry->lock);
	count = sentry->raised_count;
	memcpy(taken, sentry->raised, count * sizeof(taken[0]));
	sentry->raised_count = 0;
	(void)pthread_mutex_unlock(&sentry->lock);
	for (size_t i = 0; i < count; i++) {
		take_alarm(sentry, &taken[i]);
		snapshot_drop(taken[i].snapshot);
	}
}

/* --- one proxy a file --- */

static void unlock_file(struct sentry *sentry)
{
	if (sentry->lock_fd >= 0)
		(void)close(sentry->lock_fd);
	memory_free(sentry->locked_path);
	sentry->lock_fd = -1;
	sentry->locked_path = NULL;
}

/* Where a folder can't be written to, what is seen can't be kept either, which is said then. */
static int lock_file(const char *path, struct fault *fault)
{
	struct arena scratch = {0};
	const char *name = text_c(&scratch, text_format(&scratch, "%s.lock", path));
	int fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	fault->kind = FAULT_NONE;
	if (fd < 0)
		log_warn("proxy.live_lock", "%s can't be opened: what is seen can't be kept", name);
	arena_done(&scratch);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	(void)close(fd);
	(void)fault_set(fault, FAULT_SYSTEM,
	                "%s: another proxy keeps its live evidence there; give each its own "
	                "proxy.live.path",
	                path);
	return -1;
}

bool sentry_follow(struct sentry *sentry, const struct snapshot *fresh, struct fault *fault)
{
	const struct config_proxy *settings = &fresh->config.proxy;
	const char *path = fresh->live_path;

	if (!settings->live.quarantine && settings->probes.per_day_pico_usd < 0) {
		unlock_file(sentry);
		return true;
	}
	if (sentry->locked_path != NULL && strcmp(sentry->locked_path, path) == 0)
		return true;
	int fd = lock_file(path, fault);
	if (fd < 0 && fault->kind != FAULT_NONE)
		return false;
	unlock_file(sentry);
	sentry->lock_fd = fd;
	sentry->locked_path = memory_new(strlen(path) + 1);
	memcpy(sentry->locked_path, path, strlen(path) + 1);
	return true;
}

/* --- life --- */

bool sentry_new(struct proxy *proxy, struct sentry **out, struct fault *fault)
{
	struct sentry *sentry = memory_new(sizeof(*sentry));
	int failed = pthread_mutex_init(&sentry->lock, NULL);

	REQUIRE(failed == 0);
	*out = sentry;
	sentry->proxy = proxy;
	sentry->lock_fd = -1;
	live_copy(&proxy->current->live, &sentry->arena, &sentry->live);
	sentry->wake = loop_wake_new(proxy->loop, woken, sentry);
	return sentry_follow(sentry, proxy->current, fault);
}

void sentry_free(struct sentry *sentry)
{
	if (sentry == NULL)
		return;
	loop_wake_free(sentry->wake);
	unlock_file(sentry);
	for (size_t i = 0; i < sentry->raised_count; i++)
		snapshot_drop(sentry->raised[i].snapshot);
	arena_done(&sentry->arena);
	(void)pthread_mutex_destroy(&sentry->lock);
	memory_free(sentry);
}
