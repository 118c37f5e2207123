/*
 * The suite's own false alarms. The same targets were asked the same cases twice, so whatever the
 * rules of regression (baseline.h) find between the two runs is an alarm about nothing. Pure.
 */
#ifndef PROVISO_RUN_CALIBRATION_H
#define PROVISO_RUN_CALIBRATION_H

#include "harness/run/matrix/baseline.h"

/* The kinds that speak of a change for the worse: CHANGE_REGRESSED to CHANGE_WATCH. */
enum { CALIBRATION_KINDS = CHANGE_WATCH + 1 };

/* So many of the compared cells; the rate's interval is Wilson's. */
struct calibration_share {
	size_t cells;
	double rate, rate_low, rate_high; /* NaN, 0 and 1 where nothing was compared */
};

struct calibration {
	size_t cells;    /* in either run */
	size_t compared; /* with evidence in both, of the same case */
	struct calibration_share alarms[CALIBRATION_KINDS]; /* by enum change */
	struct calibration_share flapped; /* another verdict the second time, for better or worse */
	size_t gating;                    /* regressed, gate or required: what would fail a job */
};

/* Whether both sides had evidence about the same case, so that the rules could speak of it. */
MUST_CHECK bool calibration_compared(const struct cell_change *change);
/* Compared, and with another verdict the second time. */
MUST_CHECK bool calibration_flapped(const struct cell_change *change);

/* `comparison`: of the second run with the first as baseline, without waivers. */
void calibrate(const struct comparison *comparison, struct calibration *out);

#endif
