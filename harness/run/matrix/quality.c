/* Scores of tasks, summed up by target and kind of work; see quality.h. */
#include "harness/run/matrix/quality.h"

#include "harness/run/runner/plan.h"
#include "harness/run/stats.h"

#include <math.h>

static void add_cost(struct quality *quality, int64_t pico_usd)
{
	if (pico_usd < 0 || quality->cost_pico_usd < 0)
		quality->cost_pico_usd = -1;
	else if (pico_usd > INT64_MAX - quality->cost_pico_usd)
		quality->cost_pico_usd = INT64_MAX;
	else
		quality->cost_pico_usd += pico_usd;
}

static void add_opinion(struct quality *quality, const struct matrix_judged *judged)
{
	if (judged->by.data == NULL)
		return;
	if (judged->cost_pico_usd < 0 || quality->judge_pico_usd < 0)
		quality->judge_pico_usd = -1;
	else
		quality->judge_pico_usd =
		    plan_add_usd(quality->judge_pico_usd, judged->cost_pico_usd);
	if (judged->answers == 0)
		return;
	quality->judged++;
	quality->judge_score += judged->score; /* the sum, so far */
}

static void add_cell(struct quality *quality, const struct matrix_cell *cell)
{
	quality->target = cell->target;
	quality->kind = cell->kind;
	/* What was never asked cost nothing and says nothing. */
	if (tally_trials(&cell->tally) == 0)
		return;
	add_cost(quality, cell->cost_pico_usd);
	if (isnan(cell->quality))
		return;
	quality->tasks++;
	quality->trials += tally_judged(&cell->tally);
	quality->passed += cell->tally.of[OUTCOME_OK];
	quality->score += cell->quality; /* the sum, so far */
	add_opinion(quality, &cell->judged);
}

/* Money over a number of tasks that need not be whole; -1 where it has no bound. */
static int64_t divide(int64_t pico_usd, double by)
{
	if (pico_usd < 0 || by <= 0 || (double)pico_usd / by >= 9e18)
		return -1;
	return (int64_t)llround((double)pico_usd / by);
}

static void conclude(struct quality *quality)
{
	double low, high;
	double trials = (double)quality->trials;
	int64_t passed = quality->passed;

	quality->per_pass_pico_usd = quality->per_pass_low_pico_usd =
	    quality->per_pass_high_pico_usd = -1;
	if (quality->tasks == 0)
		return;
	quality->score /= (double)quality->tasks;
	if (quality->judged > 0)
		quality->judge_score /= (double)quality->judged;
	quality->pass_rate = (double)passed / trials;
	stats_wilson_mean(quality->score, quality->tasks, &quality->low, &quality->high);
	stats_wilson_interval(passed, quality->trials, &low, &high);
	/* Rounded to the next pico-USD. */
	if (passed > 0 && quality->cost_pico_usd >= 0)
		quality->per_pass_pico_usd = quality->cost_pico_usd / passed +
		                             (quality->cost_pico_usd % passed >= (passed + 1) / 2);
	quality->per_pass_low_pico_usd = divide(quality->cost_pico_usd, trials * high);
	quality->per_pass_high_pico_usd = divide(quality->cost_pico_usd, trials * low);
}

void quality_of_target(const struct matrix *matrix, size_t from, size_t to,
                       struct quality out[CASE_KINDS])
{
	for (int kind = 0; kind < CASE_KINDS; kind++)
		out[kind] = (struct quality){.kind = (enum case_kind)kind};
	for (size_t i = from; i < to; i++)
		if (matrix->cells[i].kind != CASE_KIND_NONE)
			add_cell(&out[matrix->cells[i].kind], &matrix->cells[i]);
	for (int kind = 0; kind < CASE_KINDS; kind++)
		conclude(&out[kind]);
}

/* Whether `other` leaves no reason to choose `quality`. */
static bool beats(const struct quality *other, const struct quality *quality)
{
	if (other->per_pass_pico_usd < 0 || other->per_pass_pico_usd > quality->per_pass_pico_usd ||
	    other->score < quality->score)
		return false;
	return other->per_pass_pico_usd < quality->per_pass_pico_usd ||
	       other->score > quality->score;
}

static void mark_front(struct quality *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		all[i].on_front = all[i].per_pass_pico_usd >= 0;
		for (size_t k = 0; k < count && all[i].on_front; k++)
			if (all[k].kind == all[i].kind && beats(&all[k], &all[i]))
				all[i].on_front = false;
	}
}

static unsigned kinds_of(const struct quality *all, size_t from, size_t to)
{
	unsigned kinds = 0;

	for (size_t i = from; i < to; i++)
		kinds |= 1U << all[i].kind;
	return kinds;
}

static struct quality sum_kinds(const struct quality *rows, size_t count)
{
	struct quality sum = {.target = rows[0].target,
	                      .kind = CASE_KIND_NONE,
	                      .low = (double)NAN,
	                      .high = (double)NAN,
	                      .pass_rate = (double)NAN,
	                      .per_pass_pico_usd = -1,
	                      .per_pass_low_pico_usd = -1,
	                      .per_pass_high_pico_usd = -1};

	for (size_t i = 0; i < count; i++) {
		sum.tasks += rows[i].tasks;
		sum.trials += rows[i].trials;
		sum.passed += rows[i].passed;
		sum.score += rows[i].score / (double)count;
		add_cost(&sum, rows[i].cost_pico_usd);
	}
	if (sum.passed > 0)
		sum.per_pass_pico_usd = divide(sum.cost_pico_usd, (double)sum.passed);
	return sum;
}

struct quality *quality_overall(const struct quality *all, size_t all_count, struct arena *arena,
                                size_t *count)
{
	struct quality *out = ARENA_NEW_ARRAY(arena, struct quality, all_count + 1);
	unsigned every = kinds_of(all, 0, all_count);
	size_t to;

	*count = 0;
	for (size_t from = 0; (every & (every - 1)) != 0 && from < all_count; from = to) {
		for (to = from + 1; to < all_count && text_equal(all[to].target, all[from].target);
		     to++)
			;
		if (kinds_of(all, from, to) == every)
			out[(*count)++] = sum_kinds(&all[from], to - from);
	}
	mark_front(out, *count);
	return out;
}

struct quality *quality_of(const struct matrix *matrix, struct arena *arena, size_t *count)
{
	struct quality kinds[CASE_KINDS];
	struct quality *all = NULL;
	size_t room = 0, to;

	*count = 0;
	for (size_t i = 0; i < matrix->count; i++)
		room += matrix->cells[i].kind != CASE_KIND_NONE;
	all = ARENA_NEW_ARRAY(arena, struct quality, room + 1);
	for (size_t from = 0; room > 0 && from < matrix->count; from = to) {
		for (to = from + 1; to < matrix->count && text_equal(matrix->cells[to].target,
		                                                     matrix->cells[from].target);
		     to++)
			;
		quality_of_target(matrix, from, to, kinds);
		for (int kind = 0; kind < CASE_KINDS; kind++)
			if (kinds[kind].tasks > 0)
				all[(*count)++] = kinds[kind];
	}
	mark_front(all, *count);
	return all;
}
