/*
 * The event loop: libuv for sockets and signals, own timers on a clock that
 * tests can move. One loop a thread; all callbacks run on it.
 */
#ifndef PROVISO_BASE_LOOP_H
#define PROVISO_BASE_LOOP_H

#include "harness/base/fault.h"

struct loop;
struct uv_loop_s;

/* A timer is embedded in its owner; zeroed memory is a stopped timer. */
struct loop_timer {
	int64_t at_us;  /* on the loop's clock */
	uint64_t order; /* of two due at the same moment the one started first fires first */
	size_t slot;    /* 1 + place in the heap; 0: stopped */
	void (*fire)(void *context);
	void *context;
};

/* Owned. Never NULL. */
MUST_CHECK struct loop *loop_new(void);
/*
 * All timers stopped and handles closed by their owners before; what they only began to close,
 * deferred (freeing themselves) or gave to loop_work is finished here. NULL is fine.
 */
void loop_free(struct loop *loop);

/*
 * Runs until loop_stop (one that came before counts), or until there is nothing left that could
 * happen. The turn in which loop_stop is said is finished, deferred work and all.
 */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn: waits for the next event (or not at all), handles what is ready. True: more may come.
 */
bool loop_turn(struct loop *loop, bool wait);

/* Monotonic; taken once a turn, and again by loop_refresh. Between turns it is always fresh. */
MUST_CHECK int64_t loop_now_us(const struct loop *loop);
MUST_CHECK int64_t loop_now_ms(const struct loop *loop);
void loop_refresh(struct loop *loop);
/* Since the epoch, milliseconds, UTC; on a moved clock it moves along. */
MUST_CHECK int64_t loop_wall_ms(const struct loop *loop);

/* Starts or restarts. delay 0 fires in the next turn, never at once. Never fires early. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms,
                      void (*fire)(void *context), void *context);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/*
 * Runs fn at the end of this turn, after the I/O callbacks, in the order given. This is how
 * an object frees itself, and how work of one turn is flushed together.
 */
void loop_defer(struct loop *loop, void (*fn)(void *context), void *context);

/* SIGINT, SIGTERM, SIGHUP ... as a callback; one handler a signal, replaced when set again; NULL
 * ends it. */
void loop_on_signal(struct loop *loop, int signal_number,
                    void (*fn)(void *context, int signal_number), void *context);

/*
 * The one door into a loop from other threads: after loop_wake_send, `fn` runs on the loop's own
 * thread; several sends may become one call. All but the sending belongs to the loop's thread.
 */
struct loop_wake;
MUST_CHECK struct loop_wake *loop_wake_new(struct loop *loop, void (*fn)(void *context),
                                           void *context);
void loop_wake_send(struct loop_wake *wake); /* from any thread, before loop_wake_free */
/* Freed at the end of the turn; NULL is fine. */
void loop_wake_free(struct loop_wake *wake);

/*
 * What would hold the loop up (a disk): `work` runs on another thread, then `done` on the loop's
 * own. Until then the loop goes on turning, and does not end.
 */
void loop_work(struct loop *loop, void (*work)(void *context), void (*done)(void *context),
               void *context);

/* For those that bring sockets: http_server, transport_live. */
struct uv_loop_s *loop_uv(struct loop *loop);

/*
 * From now on time stands still unless moved (tests only). The clock starts at
 * `now_us`; the wall clock at 2026-01-01T00:00:00Z plus that.
 */
void loop_fake_clock(struct loop *loop, int64_t now_us);
/*
 * Moves a fake clock and fires what became due, in order of time, each at its own moment (also
 * timers that these start on the way); sockets are left to loop_turn. A turn on a fake clock fires
 * what is due without moving it.
 */
void loop_advance(struct loop *loop, int64_t by_ms);

/* ISO 8601, UTC, "2026-11-21T10:00:00Z" (with .mmm when `millis`), in the arena. */
MUST_CHECK struct text wall_format(struct arena *arena, int64_t wall_ms, bool millis);
/* The reverse; also a date alone and offsets "+02:00". False for anything else. */
MUST_CHECK bool wall_parse(struct text view, int64_t *out_wall_ms);

#endif
