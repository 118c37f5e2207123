/*
 * Exact tests on counts; see stats.h. Fisher's distribution is summed from the likeliest value
 * outwards, each weight from its neighbour's: no logarithm of a factorial, whose error grows with
 * the counts (and whose C function writes a global).
 */
#include "harness/run/stats.h"

#include <math.h>
#include <stdlib.h>

/* --- Fisher's distribution --- */

/*
 * How many of `drawn` are good, drawn of `good` and `bad` without putting back: weights that rise
 * to one place and fall from there.
 */
struct hypergeometric {
	int64_t low, high; /* weights are 0 outside */
	int64_t drawn, good, bad;
};

/* The weight of x + 1 over that of x. */
static double weight_up(const struct hypergeometric *self, int64_t x)
{
	return (double)(self->good - x) * (double)(self->drawn - x) /
	       ((double)(x + 1) * (double)(self->bad - self->drawn + x + 1));
}

/* Where the weights begin to fall. */
static int64_t find_mode(const struct hypergeometric *self)
{
	int64_t low = self->low;
	int64_t high = self->high;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		if (weight_up(self, middle) > 1)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The share of the weight that lies at `most` and below. */
static double share_up_to(const struct hypergeometric *self, int64_t most)
{
	int64_t mode = find_mode(self);
	double inside = 0;
	double all = 0;
	double weight = 1;

	/* Weights too small for a double are 0, and so are all beyond: the loops end there. */
	for (int64_t x = mode; x <= self->high && weight > 0; x++) {
		all += weight;
		if (x <= most)
			inside += weight;
		weight *= weight_up(self, x);
	}
	weight = 1;
	for (int64_t x = mode - 1; x >= self->low && weight > 0; x--) {
		weight /= weight_up(self, x);
		all += weight;
		if (x <= most)
			inside += weight;
	}
	return fmin(1, inside / all);
}

/* In proportion, so that the greater is at most STATS_MAX_COUNT. */
static void scale_down(int64_t *ok, int64_t *judged)
{
	if (*judged <= STATS_MAX_COUNT)
		return;
	double scale = (double)STATS_MAX_COUNT / (double)*judged;
	*ok = (int64_t)((double)*ok * scale);
	*judged = STATS_MAX_COUNT;
}

void stats_wilson_mean(double mean, int64_t count, double *low, double *high)
{
	const double z = 1.959963984540054; /* 97.5 % of the normal distribution */

	if (count <= 0) {
		*low = 0;
		*high = 1;
		return;
	}
	double n = (double)count;
	double middle = (mean + z * z / (2 * n)) / (1 + z * z / n);
	double half = z / (1 + z * z / n) * sqrt(mean * (1 - mean) / n + z * z / (4 * n * n));

	/* At the ends the bound is exactly 0 or 1; rounding must not make it 0.9999999. */
	*low = mean <= 0 ? 0 : fmax(0, middle - half);
	*high = mean >= 1 ? 1 : fmin(1, middle + half);
}

void stats_wilson_interval(int64_t ok, int64_t judged, double *low, double *high)
{
	double rate = judged <= 0 ? 0 : ok == judged ? 1 : (double)ok / (double)judged;

	stats_wilson_mean(rate, judged, low, high);
}

enum stats_decision stats_sequential_decide(const struct stats_sequential *test, int64_t ok,
                                            int64_t judged)
{
	double ratio = (double)ok * log(test->good / test->bad) +
	               (double)(judged - ok) * log((1 - test->good) / (1 - test->bad));

	if (ratio >= log((1 - test->beta) / test->alpha))
		return STATS_ACCEPT;
	if (ratio <= log(test->beta / (1 - test->alpha)))
		return STATS_REJECT;
	return STATS_GO_ON;
}

double stats_pass_power(int64_t ok, int64_t judged, int64_t k)
{
	double chance = 1;

	if (k < 1 || k > judged)
		return (double)NAN;
	for (int64_t i = 0; i < k && chance > 0; i++)
		chance *= i < ok ? (double)(ok - i) / (double)(judged - i) : 0;
	return chance;
}

double stats_fisher_worse(int64_t base_ok, int64_t base_judged, int64_t head_ok,
                          int64_t head_judged)
{
	scale_down(&base_ok, &base_judged);
	scale_down(&head_ok, &head_judged);
	int64_t good = base_ok + head_ok;
	int64_t bad = base_judged + head_judged - good;
	const struct hypergeometric head = {
	    .low = int64_max(0, head_judged - bad),
	    .high = int64_min(good, head_judged),
	    .drawn = head_judged,
	    .good = good,
	    .bad = bad,
	};
	return share_up_to(&head, head_ok);
}

/* --- many comparisons at once --- */

struct ranked {
	double p;
	size_t was;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a;
	const struct ranked *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

void stats_benjamini_hochberg(const double *p, size_t count, double *adjusted)
{
	struct ranked *ranked = memory_new(size_mul(count + 1, sizeof(*ranked)));
	double least = 1;

	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){isnan(p[i]) ? 1 : p[i], i};
	if (count > 1)
		qsort(ranked, count, sizeof(*ranked), compare_ranked);
	for (size_t i = count; i-- > 0;) {
		least = fmin(least, ranked[i].p * (double)count / (double)(i + 1));
		adjusted[ranked[i].was] = least;
	}
	memory_free(ranked);
}
