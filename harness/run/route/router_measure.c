/* What the matrix has measured of each target, beside what it proves: for ranking. */
#include "harness/run/route/router_private.h"

#include <math.h>
#include <stdlib.h>

static int compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* -1 of nothing. */
static int64_t percentile(int64_t *values, size_t count, size_t percent)
{
	if (count == 0)
		return -1;
	qsort(values, count, sizeof(*values), compare_int64);
	return values[count * percent / 100];
}

struct sums {
	double rates;
	int64_t rate_count;
	int64_t tokens, trials;                /* of cells with known tokens of their own */
	int64_t *latencies, *firsts;           /* medians */
	int64_t *slow_latencies, *slow_firsts; /* p90 */
	size_t latency_count, first_count, slow_latency_count, slow_first_count;
};

static void add_cell(struct sums *sums, const struct matrix_cell *cell)
{
	int64_t trials = tally_judged(&cell->tally);

	if (cell->kind == CASE_KIND_NONE && cell->class_ == CASE_STOCHASTIC && trials > 0 &&
	    !isnan(cell->rate)) {
		sums->rates += cell->rate;
		sums->rate_count++;
	}
	/* 0 where another case asked for it. */
	if (cell->completion_tokens > 0 && trials > 0) {
		sums->tokens += cell->completion_tokens;
		sums->trials += trials;
	}
	if (cell->verdict != VERDICT_PASS)
		return;
	if (cell->variant == CASE_SYNC && cell->latency_p50_us >= 0)
		sums->latencies[sums->latency_count++] = cell->latency_p50_us;
	if (cell->variant == CASE_STREAM && cell->ttft_p50_us >= 0)
		sums->firsts[sums->first_count++] = cell->ttft_p50_us;
	if (cell->variant == CASE_SYNC && cell->latency_p90_us >= 0)
		sums->slow_latencies[sums->slow_latency_count++] = cell->latency_p90_us;
	if (cell->variant == CASE_STREAM && cell->ttft_p90_us >= 0)
		sums->slow_firsts[sums->slow_first_count++] = cell->ttft_p90_us;
}

/* The first cell of that target, or where it would stand: they are sorted by target. */
static size_t first_cell(const struct matrix *matrix, struct text target)
{
	size_t low = 0;
	size_t high = matrix->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (text_compare(matrix->cells[middle].target, target) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void measure(const struct router *router, size_t number, struct sums *sums)
{
	const struct matrix *matrix = router->matrix;
	struct text target = router->targets[number].name;
	struct router_measure *out = &router->measures[number];

	*sums = (struct sums){.latencies = sums->latencies,
	                      .firsts = sums->firsts,
	                      .slow_latencies = sums->slow_latencies,
	                      .slow_firsts = sums->slow_firsts};
	size_t from = first_cell(matrix, target), to = from;
	for (; to < matrix->count && text_equal(matrix->cells[to].target, target); to++)
		add_cell(sums, &matrix->cells[to]);
	*out = (struct router_measure){
	    .quality = sums->rate_count == 0 ? (double)NAN : sums->rates / (double)sums->rate_count,
	    .latency_us = percentile(sums->latencies, sums->latency_count, 50),
	    .ttft_us = percentile(sums->firsts, sums->first_count, 50),
	    .slow_latency_us = percentile(sums->slow_latencies, sums->slow_latency_count, 95),
	    .slow_ttft_us = percentile(sums->slow_firsts, sums->slow_first_count, 95),
	    .output_tokens = sums->trials == 0 ? -1 : sums->tokens / sums->trials,
	};
	quality_of_target(matrix, from, to, out->kinds);
}

void router_measure_all(struct router *router, struct arena *arena)
{
	struct arena scratch = {0};
	struct sums sums = {
	    .latencies = ARENA_NEW_ARRAY(&scratch, int64_t, router->matrix->count),
	    .firsts = ARENA_NEW_ARRAY(&scratch, int64_t, router->matrix->count),
	    .slow_latencies = ARENA_NEW_ARRAY(&scratch, int64_t, router->matrix->count),
	    .slow_firsts = ARENA_NEW_ARRAY(&scratch, int64_t, router->matrix->count),
	};

	router->measures = ARENA_NEW_ARRAY(arena, struct router_measure, router->target_count);
	for (size_t i = 0; i < router->target_count; i++)
		measure(router, i, &sums);
	arena_done(&scratch);
}
