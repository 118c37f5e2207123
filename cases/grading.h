/*
 * Programs that grade answers, run apart from judging: they may take a minute, and a loop can't
 * wait. Judging with such a list notes what has to be run; once that has been run, judging again
 * finds what came of it. Without one, judging runs them itself and waits (replay, tests).
 */
#ifndef PROVISO_CASES_GRADING_H
#define PROVISO_CASES_GRADING_H

#include "harness/base/base.h"

#include <stdatomic.h>

struct grading_item;

/* Zeroed memory is an empty list. */
struct grading {
	struct grading_item *first;
	atomic_bool stopped;
};

/* Whether something was noted that has not been run. */
MUST_CHECK bool grading_waits(const struct grading *grading);
/* Runs what was noted, one after the other. Any thread; meanwhile only grading_stop may be said. */
void grading_run(struct grading *grading);
/* What runs is killed, and nothing further begins: gradings without a verdict. Any thread. */
void grading_stop(struct grading *grading);
void grading_done(struct grading *grading);

#endif
