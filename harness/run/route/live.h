/*
 * What was seen of cells since they were asked: violations in live traffic, and probes. It stands
 * in a file of its own beside the matrix, so that the matrix stays what `check` made it; whoever
 * decides by the matrix (the proxy, explain, gate) lays this over it.
 *
 * A cell that live traffic or a probe speaks against is quarantined: it excludes like one that
 * fails, until the matrix holds a newer pass or a probe passes. A probe that passes makes a pass
 * fresh again. An event counts only for the question that was asked then (the case's hash).
 */
#ifndef PROVISO_RUN_LIVE_H
#define PROVISO_RUN_LIVE_H

#include "harness/run/matrix/matrix.h"

enum {
	LIVE_MAX_BYTES = 64 << 20,
	LIVE_MAX_CELLS = 100000,
	LIVE_DETAIL_BYTES = 200,
};

enum live_cause {
	LIVE_TRAFFIC, /* more violations in live traffic than the verdict allows */
	LIVE_PROBE,   /* it was asked again and did not pass */
};

struct live_cell {
	struct text target, case_id, case_hash;
	enum case_variant variant;
	int64_t quarantined_wall_ms;   /* -1: never */
	int cause;                     /* enum live_cause, of the quarantine */
	int64_t occasions, violations; /* with LIVE_TRAFFIC; -1: not known */
	struct text detail;            /* one line, without content; data NULL: none */
	struct text run;               /* the probe's folder; data NULL: none */
	int64_t probed_wall_ms;        /* last asked by a probe; -1: never */
	int64_t passed_wall_ms;        /* last passed there; -1: never */
	const char *reason;            /* a phrase for decisions; set by live_apply */
};

struct live {
	struct live_cell *cells; /* sorted by target, case, variant */
	size_t count;
	/* What probes were charged on that day (UTC). */
	int64_t day_wall_ms; /* its beginning; -1: none was asked */
	int64_t spent_pico_usd, requests;
};

/* `path` where it is given (data not NULL), else "proviso-matrix.live.json" beside the matrix;
 * arena.
 */
MUST_CHECK const char *live_path(struct text path, const char *matrix, struct arena *arena);
/* A file that is not there is empty. Arena. */
MUST_CHECK bool live_read(const char *path, struct arena *arena, struct live *out,
                          struct fault *fault);
/* Replaced whole (file_replace), one cell a line. */
MUST_CHECK bool live_write(const struct live *live, const char *path, struct fault *fault);

/* A copy that shares nothing; arena. */
void live_copy(const struct live *live, struct arena *arena, struct live *out);
MUST_CHECK struct live_cell *live_find(const struct live *live, const struct matrix_cell *cell);
/* The record of that cell, made where it is new; all texts are copied to the arena. */
MUST_CHECK struct live_cell *live_take(struct live *live, const struct matrix_cell *cell,
                                       struct arena *arena);
/* Of each record the later events of both; copied to the arena. */
void live_merge(struct live *live, const struct live *other, struct arena *arena);
/* Whether the record keeps that cell in quarantine. */
MUST_CHECK bool live_holds(const struct live_cell *record, const struct matrix_cell *cell);
/*
 * Lays the records over the matrix: sets `quarantine` and, where a probe passed later,
 * `tested_wall_ms`. The cells point into `live`, which must outlive them; arena for the reasons.
 */
void live_apply(struct live *live, struct matrix *matrix, struct arena *arena);

#endif
