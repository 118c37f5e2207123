/* Judging lines again, between replay.c and replay_run.c; nobody else includes this. */
#ifndef PROVISO_RUN_REPLAY_PRIVATE_H
#define PROVISO_RUN_REPLAY_PRIVATE_H

#include "harness/run/matrix/cell_index.h"
#include "harness/run/runner/mend.h"
#include "harness/run/runner/question.h"
#include "harness/run/runner/run_folder.h"

enum { EVIDENCE_ID_BYTES = 48 };

struct evidence_id {
	char bytes[EVIDENCE_ID_BYTES];
	size_t len;
};

/* How far a cell's trial has come in the journal. */
struct replay_cell {
	const struct eval_case *eval_case;
	enum case_variant variant;
	const struct journal_target *target;
	int64_t trial;
	size_t steps; /* answers seen, with none missing before them */
	struct evidence_id evidence[CASE_MAX_STEPS]; /* len 0: none yet */
};

/* The answers of one trial, read once for all cases that they serve. */
struct chain {
	const struct eval_case *asks;
	enum case_variant variant;
	const struct journal_target *target;
	int64_t trial;
	size_t count;
	struct evidence_id last;
	bool good;                /* the evidence is there, and is what the suite asks today */
	repair_bits mends;        /* it was asked in their way */
	struct question question; /* the last one */
	const struct mended_steps
	    *mended; /* the same answers behind repairs; NULL: nothing to mend */
	bool looked; /* whether there is something to mend */
	struct judged_step steps[CASE_MAX_STEPS];
	struct template_values values;
	struct arena arena;
};

/* One that judges: it has to be given all lines of a question at a target, in their order. */
struct replay {
	const struct suite *suite;
	const char *evidence_folder;
	const struct journal_head *head;
	struct replay_cell *cells; /* owned */
	size_t count, room;
	struct cell_index index;
	struct chain chain;
	struct arena arena; /* keys */
	struct arena line;  /* one judgement */
};

/*
 * The line as it is judged today; its texts live until the next one or are those of `line`. False:
 * the evidence does not cover it.
 */
MUST_CHECK bool replay_line(struct replay *replay, const struct journal_attempt *line,
                            struct journal_attempt *out);
/* Zeroed memory with suite, folder and head set is one that has judged nothing yet. */
void replay_done(struct replay *replay);

#endif
