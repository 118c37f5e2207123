/*
 * How good a target is at a kind of work, from the cells of the suite `quality`, and what a task
 * that is passed costs there. Pure.
 */
#ifndef PROVISO_RUN_QUALITY_H
#define PROVISO_RUN_QUALITY_H

#include "harness/run/matrix/matrix.h"

struct quality {
	struct text target;
	enum case_kind kind;
	int64_t tasks;          /* cells with a score; at least 1 */
	int64_t trials, passed; /* of them */
	/*
	 * The mean over the tasks of each one's mean score, and its interval at 95 %: Wilson's with
	 * that mean in the place of the rate and the tasks as the trials. Scores between 0 and 1
	 * vary less than those that are only 0 or 1, so for graded answers it is rather too wide
	 * than too narrow; and ten trials of one task do not pass for ten tasks.
	 */
	double score, low, high;
	double pass_rate;
	/*
	 * All money spent on these cells, what failed and what was retried included; -1 where the
	 * cost of some is unknown. Divided by the trials that passed; the interval is that of
	 * their rate (Wilson). -1: nothing passed, unknown, or no bound.
	 */
	int64_t cost_pico_usd;
	int64_t per_pass_pico_usd, per_pass_low_pico_usd, per_pass_high_pico_usd;
	/* Pareto: its cost is known, and no other target is as good at that kind for less, or
	 * better for as much. */
	bool on_front;
	/* What a judge model thinks of the same answers: the mean over `judged` tasks. Ranks
	 * nothing. */
	int64_t judged;
	double judge_score;     /* with judged > 0 */
	int64_t judge_pico_usd; /* of asking it, part of nothing above; -1: some is unknown */
};

/* By target as the matrix is sorted, then kind. Arena; views into the matrix. */
MUST_CHECK struct quality *quality_of(const struct matrix *matrix, struct arena *arena,
                                      size_t *count);
/*
 * One row a target of those that were asked every kind of work that any was asked: the mean of its
 * kinds' scores, each counting alike (low, high and pass_rate are NaN: kinds are no sample), and
 * all money over all that passed. Its kind is CASE_KIND_NONE. Nothing where there is one kind.
 */
MUST_CHECK struct quality *quality_overall(const struct quality *all, size_t all_count,
                                           struct arena *arena, size_t *count);
/* The same of one target's cells [from, to), kind by kind; out[CASE_KIND_NONE] stays without tasks.
 */
void quality_of_target(const struct matrix *matrix, size_t from, size_t to,
                       struct quality out[CASE_KINDS]);

#endif
