/*
 * Progress of a run on stderr: on a terminal a grid of targets and capabilities
 * with spend and time left, redrawn at most ten times a second and erased at the end; elsewhere
 * nothing but an event of the log (check.progress, level info) every 10 % or 30 seconds.
 */
#ifndef PROVISO_CLI_PROGRESS_H
#define PROVISO_CLI_PROGRESS_H

#include "harness/run/runner/runner.h"

struct progress;

/* plan must outlive it. terminal: draw the grid. Owned. */
MUST_CHECK struct progress *progress_new(struct loop *loop, const struct plan *plan, bool terminal);
/* From now on its figures are shown. */
void progress_watch(struct progress *progress, const struct runner *runner);
void progress_cell(struct progress *progress, const struct plan_cell *cell, enum verdict verdict);
/* A line that stays, above the grid. */
void progress_say(struct progress *progress, struct text line);
/* Erases the grid and stops the timers. */
void progress_free(struct progress *progress);

#endif
