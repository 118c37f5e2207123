/*
 * The event loop: libuv waits for sockets and signals, one uv_timer wakes it for
 * the earliest of our own timers. The timers are ours because libuv's can't be
 * moved by a test, and cost more to restart than a request may spend on them.
 *
 * A turn: libuv's callbacks, then due timers, then what was deferred.
 */
#include "harness/base/loop_private.h"

#include <signal.h>
#include <time.h>
#include <uv.h>

enum {
	LOOP_SIGNALS = 65, /* Linux: 1 to 64 */
	LOOP_DEFERRED_FIRST = 32,
	LOOP_CLOSING_TURNS = 1000,            /* far more than closing and freeing take */
	LOOP_ARMED_MAX_MS = 24 * 3600 * 1000, /* a wake-up too many a day costs nothing */
	LOOP_LATE_US = 10 * 1000,             /* a turn's callbacks take less, mostly */
};

static const int64_t WALL_OF_FAKE_ZERO_MS = 1767225600000; /* 2026-01-01T00:00:00Z */

struct loop_signal {
	uv_signal_t handle;
	void (*fn)(void *context, int signal_number);
	void *context;
};

struct loop_deferred {
	void (*fn)(void *context);
	void *context;
};

/* Apart, because asking a const loop for the time may read the clock. */
struct loop_clock {
	int64_t now_us;
	bool taken; /* in this turn */
	bool fake;
};

struct loop {
	uv_loop_t uv;
	uv_timer_t alarm;
	int64_t armed_us; /* what the alarm is set for, where it is active */
	struct loop_clock *clock;
	struct loop_heap heap;
	struct loop_deferred *deferred;
	size_t deferred_count;
	size_t deferred_room;
	struct loop_signal *signals[LOOP_SIGNALS];
	size_t works; /* under way on other threads */
	bool stopped;
	bool in_turn;
};

struct loop *loop_new(void)
{
	struct loop *loop = memory_new(sizeof(*loop));

	loop->clock = memory_new(sizeof(*loop->clock));
	/* Fails only where the process has no descriptor left before it began. */
	int failed = uv_loop_init(&loop->uv);
	REQUIRE(failed == 0);
	failed = uv_timer_init(&loop->uv, &loop->alarm);
	REQUIRE(failed == 0);
	return loop;
}

static void deferred_run(struct loop *loop)
{
	size_t due = loop->deferred_count;

	/* What these defer waits for the next turn, so that nothing can hold the loop here. */
	for (size_t i = 0; i < due; i++) {
		struct loop_deferred item = loop->deferred[i];
		item.fn(item.context);
	}
	loop->deferred_count -= due;
	if (due > 0 && loop->deferred_count > 0)
		memmove(loop->deferred, loop->deferred + due,
		        loop->deferred_count * sizeof(loop->deferred[0]));
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	REQUIRE(!loop->in_turn);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	for (size_t i = 0; i < LOOP_SIGNALS; i++)
		if (loop->signals[i] != NULL)
			uv_close((uv_handle_t *)&loop->signals[i]->handle, NULL);
	/* Closing takes libuv a turn, and freeing by loop_defer another one behind it. Work takes
	 * as long as it does. */
	for (int turns = 0; turns < LOOP_CLOSING_TURNS; turns++) {
		bool waits = loop->works > 0 && loop->deferred_count == 0;

		(void)uv_run(&loop->uv, waits ? UV_RUN_ONCE : UV_RUN_NOWAIT);
		deferred_run(loop);
		if (loop->deferred_count == 0 && !uv_loop_alive(&loop->uv))
			break;
	}
	REQUIRE(loop->heap.count == 0);
	int failed = uv_loop_close(&loop->uv);
	REQUIRE(failed == 0); /* else somebody forgot to close a handle */

	for (size_t i = 0; i < LOOP_SIGNALS; i++)
		memory_free(loop->signals[i]);
	loop_heap_done(&loop->heap);
	memory_free(loop->deferred);
	memory_free(loop->clock);
	memory_free(loop);
}

void loop_work_began(struct loop *loop)
{
	loop->works++;
}

void loop_work_ended(struct loop *loop)
{
	loop->works--;
}

/* --- the clock --- */

static void clock_take(struct loop_clock *clock)
{
	if (!clock->fake)
		clock->now_us = (int64_t)(uv_hrtime() / 1000);
	clock->taken = true;
}

int64_t loop_now_us(const struct loop *loop)
{
	if (!loop->clock->taken || !loop->in_turn)
		clock_take(loop->clock);
	return loop->clock->now_us;
}

int64_t loop_now_ms(const struct loop *loop)
{
	return loop_now_us(loop) / 1000;
}

void loop_refresh(struct loop *loop)
{
	clock_take(loop->clock);
}

int64_t loop_wall_ms(const struct loop *loop)
{
	struct timespec now;

	if (loop->clock->fake)
		return WALL_OF_FAKE_ZERO_MS + loop->clock->now_us / 1000;
	(void)clock_gettime(CLOCK_REALTIME, &now); /* can't fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void loop_fake_clock(struct loop *loop, int64_t now_us)
{
	loop->clock->fake = true;
	loop->clock->now_us = now_us;
}

/* --- timers --- */

void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms,
                      void (*fire)(void *context), void *context)
{
	int64_t now_us = loop_now_us(loop);
	int64_t delay_us;

	if (timer->slot != 0)
		loop_heap_remove(&loop->heap, timer);
	if (delay_ms < 0)
		delay_ms = 0;
	/* "Never" may be said with INT64_MAX. */
	if (__builtin_mul_overflow(delay_ms, (int64_t)1000, &delay_us) ||
	    __builtin_add_overflow(now_us, delay_us, &timer->at_us))
		timer->at_us = INT64_MAX;
	timer->fire = fire;
	timer->context = context;
	loop_heap_add(&loop->heap, timer);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	if (timer->slot != 0)
		loop_heap_remove(&loop->heap, timer);
}

/* Fires what is due now; a timer started meanwhile, even for now, waits for the next round. */
static void timers_fire(struct loop *loop)
{
	uint64_t limit = loop->heap.next_order;
	int64_t now_us = loop->clock->now_us;

	for (;;) {
		struct loop_timer *first = loop_heap_first(&loop->heap);

		if (first == NULL || first->at_us > now_us || first->order >= limit)
			return;
		loop_heap_remove(&loop->heap, first);
		first->fire(first->context);
	}
}

static bool timers_due(const struct loop *loop)
{
	const struct loop_timer *first = loop_heap_first(&loop->heap);

	return first != NULL && first->at_us <= loop_now_us(loop);
}

void loop_advance(struct loop *loop, int64_t by_ms)
{
	struct loop_clock *clock = loop->clock;
	bool outside = !loop->in_turn;

	REQUIRE(clock->fake && by_ms >= 0);
	int64_t target_us = clock->now_us + by_ms * 1000;
	for (;;) {
		const struct loop_timer *first = loop_heap_first(&loop->heap);

		if (first == NULL || first->at_us > target_us)
			break;
		if (first->at_us > clock->now_us)
			clock->now_us = first->at_us;
		loop->in_turn = true;
		timers_fire(loop);
		if (outside)
			deferred_run(loop);
		loop->in_turn = !outside;
		if (clock->now_us == target_us)
			break;
		/* So that a timer restarted with 0 gets another turn, but time goes on. */
		clock->now_us++;
	}
	clock->now_us = target_us;
}

/*
 * Waking up is all: due timers are fired behind libuv's callbacks. But libuv up to 1.44 looks at
 * its timers before it waits, and an alarm that rings there is none for the wait: it would have no
 * end. uv_stop before the wait makes libuv return from it at once (uv_stop, libuv's loop page).
 */
static void alarm_rang(uv_timer_t *alarm)
{
	uv_stop(alarm->loop);
}

/*
 * An alarm that is set too early is left as it is: it wakes us once for nothing,
 * while timeouts pushed ahead on every request would set it each time.
 */
static void alarm_set(struct loop *loop)
{
	const struct loop_timer *first = loop_heap_first(&loop->heap);
	bool active = uv_is_active((uv_handle_t *)&loop->alarm) != 0;

	if (first == NULL || loop->clock->fake) {
		if (active)
			(void)uv_timer_stop(&loop->alarm);
		return;
	}
	if (active && loop->armed_us <= first->at_us)
		return;
	int64_t wait_us = int64_max(first->at_us - loop_now_us(loop), 0);
	int64_t wait_ms = int64_min(wait_us / 1000 + (wait_us % 1000 != 0), LOOP_ARMED_MAX_MS);

	uv_update_time(&loop->uv); /* uv_timer_start counts from libuv's cached time */
	loop->armed_us = first->at_us;
	(void)uv_timer_start(&loop->alarm, alarm_rang, (uint64_t)wait_ms, 0);
}

/* --- turns --- */

static bool more_may_come(const struct loop *loop)
{
	if (loop->deferred_count > 0 || uv_loop_alive(&loop->uv))
		return true;
	/* On a fake clock a timer to come is nothing that could happen by itself. */
	return loop->clock->fake ? timers_due(loop) : loop->heap.count > 0;
}

bool loop_turn(struct loop *loop, bool wait)
{
	REQUIRE(!loop->in_turn);
	bool ready = loop->deferred_count > 0 || timers_due(loop);

	alarm_set(loop);
	loop->in_turn = true;
	loop->clock->taken = false; /* whoever asks first behind the wait takes it */
	(void)uv_run(&loop->uv, wait && !ready ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	/* Where a callback has held us up, bytes may have come that a timer is about to miss. */
	bool asked = loop->clock->taken;
	int64_t asked_us = loop->clock->now_us;
	loop_refresh(loop);
	if (asked && loop->clock->now_us - asked_us >= LOOP_LATE_US && timers_due(loop)) {
		(void)uv_run(&loop->uv, UV_RUN_NOWAIT);
		loop_refresh(loop);
	}
	timers_fire(loop);
	deferred_run(loop);
	loop->in_turn = false;
	if (loop->heap.count == 0)
		(void)uv_timer_stop(&loop->alarm); /* it would count as something to come */
	return more_may_come(loop);
}

void loop_run(struct loop *loop)
{
	while (!loop->stopped && more_may_come(loop))
		(void)loop_turn(loop, true);
	loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

void loop_defer(struct loop *loop, void (*fn)(void *context), void *context)
{
	if (loop->deferred_count == loop->deferred_room) {
		loop->deferred_room = loop->deferred_room == 0 ? LOOP_DEFERRED_FIRST
		                                               : size_mul(loop->deferred_room, 2);
		loop->deferred = memory_resize(
		    loop->deferred, size_mul(loop->deferred_room, sizeof(loop->deferred[0])));
	}
	loop->deferred[loop->deferred_count++] = (struct loop_deferred){fn, context};
}

/* --- signals --- */

static void signal_came(uv_signal_t *handle, int signal_number)
{
	struct loop_signal *entry = CONTAINER_OF(handle, struct loop_signal, handle);

	entry->fn(entry->context, signal_number);
}

void loop_on_signal(struct loop *loop, int signal_number,
                    void (*fn)(void *context, int signal_number), void *context)
{
	REQUIRE(signal_number > 0 && signal_number < LOOP_SIGNALS);
	struct loop_signal *entry = loop->signals[signal_number];

	if (fn == NULL) {
		if (entry != NULL)
			(void)uv_signal_stop(&entry->handle);
		return;
	}
	if (entry == NULL) {
		entry = memory_new(sizeof(*entry));
		loop->signals[signal_number] = entry;
		int failed = uv_signal_init(&loop->uv, &entry->handle);
		REQUIRE(failed == 0);
		/* Waiting for a signal is no reason to keep running. */
		uv_unref((uv_handle_t *)&entry->handle);
	}
	entry->fn = fn;
	entry->context = context;
	int failed = uv_signal_start(&entry->handle, signal_came, signal_number);
	REQUIRE(failed == 0); /* refused only for numbers that no handler can have */
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
	return &loop->uv;
}
