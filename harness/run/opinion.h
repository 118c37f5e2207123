/*
 * What a judge model thinks of answers that a run has collected, by the rubrics of their cases. It
 * is asked after the run, and what it says stands in a file of its own (opinions.jsonl, a journal
 * whose one target is the judge): no verdict, tally, score or exit code can come to rest on it. Its
 * requests are evidence, its cost is booked, and it counts against the run's cap.
 */
#ifndef PROVISO_RUN_OPINION_H
#define PROVISO_RUN_OPINION_H

#include "harness/base/loop.h"
#include "harness/run/matrix/matrix.h"
#include "harness/run/runner/run_folder.h"
#include "providers/wire/call.h"
#include "providers/wire/recording.h"

struct opinions;

/* Whether some case of the plan that is asked has a rubric. */
MUST_CHECK bool opinions_wanted(const struct plan *plan);

struct opinion_options {
	const struct suite *suite;
	const struct target *judge; /* its key is loaded */
	const struct run_folder *folder;
	const struct journal_head *head; /* of the run */
	struct recording *recording;     /* of the run, open */
	int64_t jobs;
	int64_t max_spend_pico_usd; /* -1: no cap */
	unsigned max_attempts;
	int64_t deadline_ms;
};

struct opinion_counts {
	int64_t wanted;  /* answers with a rubric, without those of the judge itself */
	int64_t own;     /* answers of the judge itself: it is not asked about them */
	int64_t given;   /* an earlier process's included */
	int64_t refused; /* it said something else, or nothing */
	int64_t spent_pico_usd;
	bool capped;        /* the cap let no more be asked */
	struct text halted; /* why it is not asked any further; data NULL: it was */
};

/*
 * Asks about every answer of the run's journal that it has not judged yet. `end` comes once, from
 * the loop; a fault is one of the disk. All that `options` names lives until then. A folder that
 * holds opinions of another judge is a fault.
 */
MUST_CHECK bool opinions_start(struct loop *loop, struct caller *caller,
                               const struct opinion_options *options,
                               void (*end)(void *context, const struct fault *fault), void *context,
                               struct opinions **out, struct fault *fault);
/* Asks nothing more, and ends when what is in flight has. */
void opinions_stop(struct opinions *opinions);
MUST_CHECK struct opinion_counts opinions_counts(const struct opinions *opinions);
void opinions_free(struct opinions *opinions); /* after `end`; NULL is fine */

/*
 * Puts what was said in a run's folder beside the scores of its cells, where it asks what the cell
 * asks. A folder without opinions is fine. Arena: names.
 */
MUST_CHECK bool opinions_apply(const struct run_folder *folder, struct matrix *matrix,
                               struct arena *arena, struct fault *fault);

#endif
