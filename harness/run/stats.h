/*
 * The statistics behind verdicts: pure arithmetic on counts, exact sums and no
 * approximation but Wilson's. It knows nothing of cases, verdicts or files, so every
 * number here can be held against tables made elsewhere.
 *
 * Counts are at least 0 and ok never more than judged. Beyond STATS_MAX_COUNT they are scaled
 * down in proportion: no run asks so often, and a number in an edited file must not cost hours.
 */
#ifndef PROVISO_RUN_STATS_H
#define PROVISO_RUN_STATS_H

#include "harness/base/base.h"

enum { STATS_MAX_COUNT = 1000000 };

/*
 * Wilson's score interval for `ok` of `judged` at 95 % (E. B. Wilson, JASA 22, 1927).
 * judged 0: 0 and 1.
 */
void stats_wilson_interval(int64_t ok, int64_t judged, double *low, double *high);

/*
 * The same formula with a mean of `count` scores from 0 to 1 in the place of the rate. Their
 * variance is at most mean * (1 - mean), that of scores which are 0 or 1: the interval is wide
 * enough for all.
 */
void stats_wilson_mean(double mean, int64_t count, double *low, double *high);

/* Wald's sequential probability ratio test of a good rate against a bad one. */
struct stats_sequential {
	double good, bad;   /* 0 < bad < good < 1 */
	double alpha, beta; /* the share of good ones rejected, and of bad ones accepted */
};

enum stats_decision {
	STATS_GO_ON, /* neither hypothesis is far enough ahead */
	STATS_ACCEPT,
	STATS_REJECT,
};

/* What the trials so far say (A. Wald, Ann. Math. Stat. 16, 1945). Only the counts matter. */
MUST_CHECK enum stats_decision stats_sequential_decide(const struct stats_sequential *test,
                                                       int64_t ok, int64_t judged);

/*
 * pass^k: the chance that k trials drawn from those made all succeeded, C(ok,k) / C(judged,k):
 * the unbiased estimate of rate^k. NaN where k is below 1 or more than were judged.
 */
MUST_CHECK double stats_pass_power(int64_t ok, int64_t judged, int64_t k);

/*
 * Fisher's exact test, one-sided: how likely the head would do so badly or worse if nothing had
 * changed since the base. 1 where either side has no trial.
 */
MUST_CHECK double stats_fisher_worse(int64_t base_ok, int64_t base_judged, int64_t head_ok,
                                     int64_t head_judged);

/*
 * Benjamini and Hochberg's step-up, as adjusted p-values: those of at most q are the discoveries
 * among which a share of at most q is expected to be false. `adjusted` may be `p`. What is not a
 * number counts as 1: it proves nothing, and it was looked at.
 */
void stats_benjamini_hochberg(const double *p, size_t count, double *adjusted);

#endif
