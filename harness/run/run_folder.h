/*
 * A run on disk: proviso-runs/ID with journal.jsonl, evidence/ and matrix.json;
 * made for a new run, opened to go on, or read to judge again.
 */
#ifndef PROVISO_RUN_RUN_FOLDER_H
#define PROVISO_RUN_RUN_FOLDER_H

#include "harness/run/matrix.h"
#include "harness/run/plan.h"

/* "20261121T101500Z-ab12cd": sorts by time, unique. Arena. */
MUST_CHECK struct text run_id_make(int64_t wall_ms, struct arena *arena);

/*
 * Judges every trial of a recorded run again from its evidence, with the suite
 * given: nothing is sent. The attempts come back with new outcomes, details and case hashes;
 * what the evidence does not cover is left out. The run's targets and models come from the journal.
 */
MUST_CHECK bool run_replay(const char *folder, const struct suite *suite, struct arena *arena,
                           struct journal_head *head, struct journal_attempt **attempts,
                           size_t *count, struct fault *fault);

#endif
