/*
 * The one thread that writes the ledger: takes what waits, commits it in one stroke, tells who
 * waits. What can't be written stays at the head and is tried again.
 */
#include "proxy/ledger/ledger_private.h"

#include "harness/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum {
	RETRY_MS = 250,
	CLOSING_TRIES = 20, /* five seconds */
	SWEEP_MS = 60 * 1000,
	CLOCK_LEAP_MS = 3600 * 1000, /* no clock is put right by more from one sweep to the next */
	CLOCK_TRUST_MS = 24 * 3600 * 1000, /* whoever set it wrong has noticed by then */
};

/* Whether what the wall clock calls old is old. */
struct wall_trust {
	int64_t ahead_ms; /* of the time since boot, when it was trusted last */
	int64_t leapt_ms; /* since boot: when it was seen too far ahead; -1: it is not */
};

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Under the lock. Until then or until something changes, whichever comes first. */
static void wait_until(struct ledger *ledger, int64_t at_ms)
{
	struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};

	(void)pthread_cond_timedwait(&ledger->changed, &ledger->lock, &at);
}

/* Under the lock: up to LEDGER_BATCH_MAX from the queue become the batch. */
static void take_batch(struct ledger *ledger)
{
	struct ledger_record **end = &ledger->queue;

	for (int i = 0; i < LEDGER_BATCH_MAX && *end != NULL; i++)
		end = &(*end)->next;
	ledger->batch = ledger->queue;
	ledger->queue = *end;
	*end = NULL;
	if (ledger->queue == NULL)
		ledger->queue_end = &ledger->queue;
}

/* Under the lock. */
static void batch_written(struct ledger *ledger)
{
	while (ledger->batch != NULL) {
		struct ledger_record *record = ledger->batch;
		ledger->batch = record->next;
		ledger->queued--;
		ledger_tell(record, true);
		memory_free(record);
	}
}

/* Under the lock: nobody is kept waiting by a database that fails; the rows stay. */
static void batch_failed(struct ledger *ledger, const struct fault *fault)
{
	for (struct ledger_record *record = ledger->batch; record != NULL; record = record->next)
		ledger_tell(record, false);
	for (struct ledger_record *record = ledger->queue; record != NULL; record = record->next)
		ledger_tell(record, false);
	if (!ledger->failing || strcmp(ledger->why, fault->message) != 0)
		log_error("ledger.failing", "queued=%zu why=%s", ledger->queued, fault->message);
	ledger->failing = true;
	(void)snprintf(ledger->why, sizeof(ledger->why), "%s", fault->message);
}

/* Once, and here: a worker must not wait for patterns. */
static void redact_batch(struct ledger *ledger)
{
	for (struct ledger_record *record = ledger->batch; record != NULL; record = record->next) {
		if (!record->content.redact)
			continue;
		record->content.redact = false;
		ledger_redact(&ledger->redactor, &record->content.request);
		ledger_redact(&ledger->redactor, &record->content.response);
	}
}

/* A file that was taken away would swallow rows without a word. */
static bool write_batch(struct ledger *ledger, struct fault *fault)
{
	struct ledger_writer *writer = &ledger->writer;
	bool failing = ledger->failing; /* only this thread sets it */

	bool gone = writer->store != NULL && !store_is_in_place(writer->store);

	if (gone)
		log_error("ledger.gone",
		          "path=%s the file was taken away or replaced: what stands at its place, "
		          "or a new one, is written from here on",
		          writer->path);
	if (gone || failing)
		ledger_writer_close(writer);
	if (writer->store == NULL && !ledger_writer_open(writer, fault))
		return false;
	return ledger_writer_commit(writer, ledger->batch, fault);
}

static void lose(struct ledger *ledger)
{
	for (struct ledger_record *record = ledger->batch; record != NULL; record = record->next)
		log_error("ledger.lost",
		          "request=%.*s attempt=%lld target=%.*s outcome=%.*s cost_pico_usd=%lld",
		          TEXT_ARG(record->row.request_id), (long long)record->row.attempt,
		          TEXT_ARG(record->row.target), TEXT_ARG(record->row.outcome),
		          (long long)record->row.cost_pico_usd);
	batch_written(ledger);
}

/* Under the lock, which is let go meanwhile. False: not written. */
static bool try_batch(struct ledger *ledger)
{
	struct fault fault;

	ledger_let_go(ledger);
	redact_batch(ledger);
	bool written = write_batch(ledger, &fault);
	ledger_hold(ledger);
	if (!written) {
		batch_failed(ledger, &fault);
		return false;
	}
	if (ledger->failing)
		log_warn("ledger.well", "queued=%zu", ledger->queued);
	ledger->failing = false;
	batch_written(ledger);
	return true;
}

/*
 * A clock that was set years ahead makes every row old in a moment, and what is swept does not come
 * back with it: after a leap nothing is swept for a day, unless it is set back before.
 */
static bool is_trusted(struct wall_trust *trust, int64_t wall_ms)
{
	int64_t boot_ms = clock_ms(CLOCK_BOOTTIME);
	int64_t leap_ms = wall_ms - boot_ms - trust->ahead_ms;

	if (leap_ms > CLOCK_LEAP_MS && trust->leapt_ms < 0) {
		trust->leapt_ms = boot_ms;
		log_error("ledger.clock",
		          "ahead_ms=%lld the clock has leapt: no row goes for a day",
		          (long long)leap_ms);
	}
	if (leap_ms > CLOCK_LEAP_MS && boot_ms - trust->leapt_ms < CLOCK_TRUST_MS)
		return false;
	*trust = (struct wall_trust){wall_ms - boot_ms, -1};
	return true;
}

/* Under the lock. Returns when it is to be done next. */
static int64_t sweep(struct ledger *ledger, struct wall_trust *trust)
{
	int64_t wall_ms = clock_ms(CLOCK_REALTIME);
	int64_t before_ms = wall_ms - ledger->retain_ms;
	struct fault fault;
	bool more = false;

	if (!is_trusted(trust, wall_ms))
		return clock_ms(CLOCK_MONOTONIC) + SWEEP_MS;
	ledger_let_go(ledger);
	bool swept = ledger->writer.store != NULL &&
	             ledger_writer_sweep(&ledger->writer, before_ms, &more, &fault);
	if (!swept && ledger->writer.store != NULL)
		log_warn("ledger.sweep", "why=%s", fault.message);
	ledger_hold(ledger);
	return clock_ms(CLOCK_MONOTONIC) + (more ? 0 : SWEEP_MS);
}

/* Under the lock: relaxed rows may gather for a while. */
static void gather(struct ledger *ledger)
{
	int64_t until = clock_ms(CLOCK_MONOTONIC) + LEDGER_RELAXED_MS / 2;

	while (atomic_load(&ledger->durability) == CONFIG_RELAXED && !ledger->stopping &&
	       ledger->queued < LEDGER_BATCH_MAX && clock_ms(CLOCK_MONOTONIC) < until)
		wait_until(ledger, until);
}

void *ledger_thread(void *context)
{
	struct ledger *ledger = context;
	int64_t sweep_at = 0; /* monotonic */
	struct wall_trust trust = {clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_BOOTTIME), -1};
	int tries = 0;

	ledger_hold(ledger);
	for (;;) {
		if (ledger->batch == NULL && ledger->queue == NULL) {
			if (ledger->stopping)
				break;
			if (clock_ms(CLOCK_MONOTONIC) >= sweep_at)
				sweep_at = sweep(ledger, &trust);
			else
				wait_until(ledger, sweep_at);
			continue;
		}
		if (ledger->batch == NULL) {
			gather(ledger);
			take_batch(ledger);
		}
		if (try_batch(ledger)) {
			if (clock_ms(CLOCK_MONOTONIC) >= sweep_at)
				sweep_at = sweep(ledger, &trust);
		} else if (ledger->stopping && ++tries >= CLOSING_TRIES) {
			lose(ledger);
		} else {
			int64_t at = clock_ms(CLOCK_MONOTONIC) + RETRY_MS;
			while (clock_ms(CLOCK_MONOTONIC) < at)
				wait_until(ledger, at);
		}
	}
	ledger_let_go(ledger);
	return NULL;
}
