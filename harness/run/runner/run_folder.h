/*
 * A run on disk: proviso-runs/ID with journal.jsonl, evidence/ and matrix.json;
 * made for a new run, opened to go on, or read to judge again.
 */
#ifndef PROVISO_RUN_RUN_FOLDER_H
#define PROVISO_RUN_RUN_FOLDER_H

#include "harness/run/matrix/matrix.h"
#include "harness/run/runner/plan.h"

/* "20261121T101500Z-ab12cd": sorts by time, unique. Arena. */
MUST_CHECK struct text run_id_make(int64_t wall_ms, struct arena *arena);

/* What stands in a run's folder. Arena. */
struct run_folder {
	const char *path, *journal, *evidence, *matrix;
	const char *opinions; /* of a judge model, where it was asked (opinion.h) */
};
MUST_CHECK struct run_folder run_folder_of(const char *path, struct arena *arena);

/* The targets of a plan as a journal's head keeps them. Arena. */
void run_head_targets(const struct plan *plan, struct arena *arena, struct journal_head *head);

/*
 * Judges every trial of a recorded run again from its evidence, with the suite
 * given: nothing is sent. The attempts come with new outcomes, details and case hashes, in the
 * order of the journal, and in memory that does not grow with it. What the evidence does not
 * cover is left out: cases that are gone, or that ask something else by now. Targets and
 * dialects come from the journal. Judges on all cores; the visitor is called on this thread.
 * replay_run.c.
 */
MUST_CHECK bool run_replay(const char *folder, const struct suite *suite,
                           const struct journal_visitor *visitor, struct fault *fault);

#endif
