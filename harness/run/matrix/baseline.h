/*
 * The regression gate: a matrix against one that was accepted before, cell by cell, by the
 * rules of VERDICTS; and the file of the accepted one.
 *
 * Cells of different case hashes are `changed` and never compared: another question was asked.
 * What the model answers by the wire (class deterministic, negative, timing) regresses from a
 * pass to three confirmed misses; what it answers by chance regresses where Fisher's exact test
 * says so, after the false discoveries of all such tests are bounded.
 */
#ifndef PROVISO_RUN_BASELINE_H
#define PROVISO_RUN_BASELINE_H

#include "harness/run/config/config.h"
#include "harness/run/matrix/matrix.h"

enum {
	BASELINE_MAX_TRIALS = 200, /* pooled for a cell; the oldest go first */
	BASELINE_MAX_BYTES = 64 << 20,
	/* Of a cell that looks worse: as many as the sequential test asks at most. */
	BASELINE_SUSPECT_TRIALS = VERDICT_MAX_TRIALS,
	BASELINE_SUSPECT_CRITICAL_TRIALS = VERDICT_MAX_CRITICAL_TRIALS,
};

/* In the order in which they are shown: what matters most comes first. */
enum change {
	CHANGE_REGRESSED,
	CHANGE_LIKELY,  /* significant and large, but not beyond the guards: shown, gates nothing */
	CHANGE_WATCH,   /* a weaker sign: shown, gates nothing */
	CHANGE_CHANGED, /* another case by now: not compared */
	CHANGE_GONE,    /* the head has no evidence for it (any more) */
	CHANGE_NEW,     /* the base has none */
	CHANGE_FIXED,
	CHANGE_NOISE, /* other figures, nothing that they prove */
	CHANGE_SAME,
	CHANGE_COUNT
};

const char *change_name(enum change change);

struct cell_change {
	const struct matrix_cell *base, *head; /* one may be NULL */
	enum change change;
	double p_value;                      /* Fisher's, head worse; NaN where it was not asked */
	const struct config_waiver *waiver;  /* that names this cell and still holds; else NULL */
	const struct config_waiver *expired; /* one that held until lately; else NULL */
	bool gates; /* regressed, gate or required, not waived: the exit code is 1 */
};

struct comparison {
	struct cell_change *changes; /* by target, case, variant; arena */
	size_t count;
	size_t of[CHANGE_COUNT];
	size_t gating, waived;
};

struct comparison_options {
	const struct config_waiver *waivers;
	size_t waiver_count;
	int64_t now_wall_ms; /* when waivers are judged */
	bool partial;        /* the head is one run: what it did not ask is not gone */
};

/* Pure. Both matrices are sorted (matrix_sort) and outlive `out`. */
void baseline_compare(const struct matrix *base, const struct matrix *head,
                      const struct comparison_options *options, struct arena *arena,
                      struct comparison *out);
/*
 * How many judged trials a cell deserves, because it looks worse than it was: chance may have done
 * it, and a few trials can't tell. 0: it does not look worse, or three misses of what should not
 * vary have said it already. The number is fixed beforehand and not led by what comes, so that the
 * tests of baseline_compare keep their level. Pure.
 */
MUST_CHECK int64_t baseline_suspect_trials(const struct matrix_cell *base,
                                           const struct eval_case *eval_case,
                                           const struct tally *tally);
/* Of the side that there is: the head's where it has one. */
MUST_CHECK const struct matrix_cell *change_cell(const struct cell_change *change);
/* Of one with a head that gates nothing by itself: whether the cell's own verdict decides how the
 * run ends, as it does without a baseline. */
MUST_CHECK bool change_counts_by_verdict(const struct cell_change *change);
/* The change of the cell in the head's matrix with that index, or NULL. */
MUST_CHECK const struct cell_change *comparison_find(const struct comparison *comparison,
                                                     const struct matrix_cell *head);
/*
 * How `check --baseline` ends: 1 on a regression that gates. A cell that the baseline knows
 * counts by its change alone (or where it is plainly dead), so what was accepted stays accepted;
 * one that it does not know counts by its verdict, and one without a verdict now counts as it does
 * without a baseline.
 */
MUST_CHECK int comparison_exit_code(const struct comparison *comparison, const struct matrix *fresh,
                                    struct arena *arena);

/* --- the file: baseline_file.c --- */

/*
 * A baseline, a matrix, or a run's folder (its matrix.json): told apart by what they hold. A
 * baseline that was cut or edited since it was written is FAULT_INPUT (it carries its own digest).
 * Cells of a baseline hold what a comparison needs: tally, verdict, class, severity, hashes, dates.
 */
MUST_CHECK bool baseline_read(const char *path, struct arena *arena, struct matrix *out,
                              struct fault *fault);

struct blessing {
	size_t cells, passing;
	size_t pooled; /* of them, those whose trials were added to earlier ones */
	size_t kept;   /* without evidence in the matrix, taken over from the old baseline */
	size_t gone;   /* in the old baseline, no longer in the matrix */
};
/*
 * Accepts the matrix as the baseline in the file `path`. Where an old baseline stands there, the
 * trials of cells with the same case hash are pooled, the last BASELINE_MAX_TRIALS of them; a run
 * that is in it is not counted twice, and a cell that turned from pass to failure or back starts
 * anew. Refused: a file there that is no baseline, and a matrix whose verdicts contradict its
 * outcomes.
 */
MUST_CHECK bool baseline_bless(const struct matrix *matrix, const char *path, int64_t now_wall_ms,
                               struct blessing *out, struct fault *fault);

#endif
