/*
 * Comparing two matrices; see baseline.h. Two passes: first each cell on its own, with the
 * p-value where chance is at work, then all p-values at once, because the more cells are
 * tested the more of them look bad by luck.
 */
#include "harness/run/matrix/baseline.h"

#include "harness/run/stats.h"

#include <math.h>
#include <stdlib.h>

#define SIGNIFICANT 0.05      /* one-sided, of a single cell */
#define DISCOVERY_LEVEL 0.10  /* of Benjamini and Hochberg, over all cells tested */
#define LEAST_DROP 0.25       /* in rate; less hurts nobody before it is seen twice */
#define LEAST_BASE_BOUND 0.70 /* a baseline that was never good can't have been lost */
/* 3/3 to 0/3 is p = .05 exactly and 2/3 to 5/12 a drop of 25 points, whatever doubles say. */
#define ROUNDING 1e-9

enum { DEAD_TRIALS = 5 };

static const char *const change_names[CHANGE_COUNT] = {
    [CHANGE_REGRESSED] = "regressed", [CHANGE_LIKELY] = "likely", [CHANGE_WATCH] = "watch",
    [CHANGE_CHANGED] = "changed",     [CHANGE_GONE] = "gone",     [CHANGE_NEW] = "new",
    [CHANGE_FIXED] = "fixed",         [CHANGE_NOISE] = "noise",   [CHANGE_SAME] = "same",
};

const char *change_name(enum change change)
{
	REQUIRE(change < CHANGE_COUNT);
	return change_names[change];
}

const struct matrix_cell *change_cell(const struct cell_change *change)
{
	return change->head != NULL ? change->head : change->base;
}

/* --- one cell --- */

static bool is_significant(double p_value)
{
	return p_value < SIGNIFICANT - ROUNDING;
}

static bool has_evidence(const struct matrix_cell *cell)
{
	return cell != NULL && matrix_cell_has_evidence(cell);
}

static bool is_proven_bad(const struct matrix_cell *cell)
{
	return cell->verdict == VERDICT_FAIL || cell->verdict == VERDICT_UNSUPPORTED ||
	       cell->verdict == VERDICT_IGNORED;
}

/* A miss that nothing confirmed proves nothing. Where one trial was good, chance judges instead. */
static bool is_confirmed_bad(const struct matrix_cell *cell)
{
	return is_proven_bad(cell) && tally_judged(&cell->tally) >= VERDICT_CONFIRM_TRIALS;
}

/* A cell without a hash can't show that it asked the same. */
static bool same_case(const struct matrix_cell *a, const struct matrix_cell *b)
{
	return a->case_hash.len > 0 && text_equal(a->case_hash, b->case_hash);
}

static double worse_p(const struct matrix_cell *base, const struct matrix_cell *head)
{
	return stats_fisher_worse(base->tally.of[OUTCOME_OK], tally_judged(&base->tally),
	                          head->tally.of[OUTCOME_OK], tally_judged(&head->tally));
}

/*
 * Whether chance decides: always in a stochastic case, and in any other as soon as one side was
 * mixed, for then it is not as deterministic as its class says.
 */
static bool is_chance(const struct matrix_cell *base, const struct matrix_cell *head)
{
	return base->class_ == CASE_STOCHASTIC || (base->rate > 0 && base->rate < 1) ||
	       (head->rate > 0 && head->rate < 1);
}

int64_t baseline_suspect_trials(const struct matrix_cell *base, const struct eval_case *eval_case,
                                const struct tally *tally)
{
	int64_t judged = tally_judged(tally);
	int64_t ok = tally->of[OUTCOME_OK];

	if (!has_evidence(base) || base->verdict != VERDICT_PASS ||
	    !text_is(base->case_hash, eval_case->hash) || judged == 0 ||
	    (double)ok / (double)judged >= base->rate)
		return 0;
	/* Passed always, and now never: the three misses that confirm it are asked anyway. */
	if (eval_case->class_ != CASE_STOCHASTIC && ok == 0 && !(base->rate < 1))
		return 0;
	return eval_case->critical ? BASELINE_SUSPECT_CRITICAL_TRIALS : BASELINE_SUSPECT_TRIALS;
}

static bool same_figures(const struct matrix_cell *base, const struct matrix_cell *head)
{
	return base->verdict == head->verdict && !(fabs(base->rate - head->rate) > ROUNDING);
}

static bool is_fixed(const struct matrix_cell *base, const struct matrix_cell *head, bool chance)
{
	if (head->verdict != VERDICT_PASS || base->verdict == VERDICT_PASS)
		return false;
	return chance ? is_significant(worse_p(head, base)) : is_proven_bad(base);
}

static enum change judge_deterministic(const struct matrix_cell *base,
                                       const struct matrix_cell *head)
{
	if (base->verdict == VERDICT_PASS && is_confirmed_bad(head))
		return CHANGE_REGRESSED;
	if (is_fixed(base, head, false))
		return CHANGE_FIXED;
	if (base->verdict == VERDICT_PASS && head->verdict != VERDICT_PASS)
		return CHANGE_WATCH;
	return same_figures(base, head) ? CHANGE_SAME : CHANGE_NOISE;
}

/* `discovered`: the p-value stands up among all of them. */
static enum change judge_chance(const struct cell_change *change, bool discovered)
{
	const struct matrix_cell *base = change->base;
	const struct matrix_cell *head = change->head;
	bool significant = is_significant(change->p_value);
	bool large = base->rate - head->rate >= LEAST_DROP - ROUNDING;

	if (significant && large && discovered && base->rate_low >= LEAST_BASE_BOUND)
		return CHANGE_REGRESSED;
	if (significant && large)
		return CHANGE_LIKELY;
	if (significant || large ||
	    (base->verdict == VERDICT_PASS && head->verdict != VERDICT_PASS))
		return CHANGE_WATCH;
	if (is_fixed(base, head, true))
		return CHANGE_FIXED;
	return same_figures(base, head) ? CHANGE_SAME : CHANGE_NOISE;
}

/* The part that needs no other cell. True: chance is at work, and the p-value is set. */
static bool judge_alone(struct cell_change *change)
{
	const struct matrix_cell *base = change->base;
	const struct matrix_cell *head = change->head;

	if (base != NULL && head != NULL && !same_case(base, head))
		change->change = CHANGE_CHANGED;
	else if (!has_evidence(base) && !has_evidence(head))
		change->change = head == NULL   ? CHANGE_GONE
		                 : base == NULL ? CHANGE_NEW
		                                : CHANGE_SAME;
	else if (!has_evidence(base))
		change->change = CHANGE_NEW;
	else if (!has_evidence(head))
		change->change = CHANGE_GONE;
	else if (is_chance(base, head)) {
		change->p_value = worse_p(base, head);
		return true;
	} else
		change->change = judge_deterministic(base, head);
	return false;
}

/* --- waivers --- */

static void find_waiver(const struct comparison_options *options, struct cell_change *change)
{
	for (size_t i = 0; i < options->waiver_count; i++) {
		const struct config_waiver *waiver = &options->waivers[i];
		const struct matrix_cell *cell = change_cell(change);
		if (!config_waiver_names(waiver, cell->target, cell->case_id,
		                         cell->variant == CASE_STREAM))
			continue;
		if (waiver->until_wall_ms >= options->now_wall_ms)
			change->waiver = waiver;
		else
			change->expired = waiver;
	}
}

/* --- all cells --- */

static int compare_cells(const struct matrix_cell *a, const struct matrix_cell *b)
{
	int order = text_compare(a->target, b->target);

	if (order == 0)
		order = text_compare(a->case_id, b->case_id);
	return order != 0 ? order : (int)a->variant - (int)b->variant;
}

/* Both sides side by side, in the order of the matrices. */
static void pair_up(const struct matrix *base, const struct matrix *head, bool partial,
                    struct comparison *out)
{
	size_t b = 0;
	size_t h = 0;

	while (b < base->count || h < head->count) {
		int order = b == base->count   ? 1
		            : h == head->count ? -1
		                               : compare_cells(&base->cells[b], &head->cells[h]);
		struct cell_change change = {.p_value = (double)NAN};
		if (order <= 0)
			change.base = &base->cells[b++];
		if (order >= 0)
			change.head = &head->cells[h++];
		if (change.head != NULL || !partial)
			out->changes[out->count++] = change;
	}
}

/* Benjamini and Hochberg over every cell in which chance is at work, good ones too. */
static void judge_together(struct comparison *out, const size_t *tested, size_t count,
                           struct arena *arena)
{
	double *p_values = ARENA_NEW_ARRAY(arena, double, count);

	for (size_t i = 0; i < count; i++)
		p_values[i] = out->changes[tested[i]].p_value;
	if (count > 0)
		stats_benjamini_hochberg(p_values, count, p_values);
	for (size_t i = 0; i < count; i++) {
		struct cell_change *change = &out->changes[tested[i]];
		change->change = judge_chance(change, p_values[i] <= DISCOVERY_LEVEL);
	}
}

void baseline_compare(const struct matrix *base, const struct matrix *head,
                      const struct comparison_options *options, struct arena *arena,
                      struct comparison *out)
{
	size_t most = base->count + head->count;
	size_t *tested = ARENA_NEW_ARRAY(arena, size_t, most);
	size_t count = 0;

	*out = (struct comparison){.changes = ARENA_NEW_ARRAY(arena, struct cell_change, most)};
	pair_up(base, head, options->partial, out);
	for (size_t i = 0; i < out->count; i++)
		if (judge_alone(&out->changes[i]))
			tested[count++] = i;
	judge_together(out, tested, count, arena);
	for (size_t i = 0; i < out->count; i++) {
		struct cell_change *change = &out->changes[i];
		bool counts =
		    change->change == CHANGE_REGRESSED && change->head->severity != CASE_ADVISORY;
		find_waiver(options, change);
		change->gates = counts && change->waiver == NULL;
		out->gating += change->gates;
		out->waived += counts && change->waiver != NULL;
		out->of[change->change]++;
	}
}

const struct cell_change *comparison_find(const struct comparison *comparison,
                                          const struct matrix_cell *head)
{
	size_t low = 0;
	size_t high = comparison->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_cells(change_cell(&comparison->changes[middle]), head);
		if (order == 0)
			return &comparison->changes[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * It passed, and now none of five or more succeeds. Too few trials may stand in the baseline to
 * call it a regression, but a cell this dead must not pass silently: one that succeeds seven times
 * of ten, the worst that counts as good, does so once in 400 runs.
 */
static bool is_dead(const struct cell_change *change)
{
	return change->base->verdict == VERDICT_PASS && is_proven_bad(change->head) &&
	       change->head->tally.of[OUTCOME_OK] == 0 &&
	       tally_judged(&change->head->tally) >= DEAD_TRIALS;
}

bool change_counts_by_verdict(const struct cell_change *change)
{
	if (change->change == CHANGE_NEW || change->change == CHANGE_CHANGED)
		return change->waiver == NULL;
	/* No evidence now: infrastructure, or too little asked. It is not excused by older days. */
	if (!has_evidence(change->head))
		return true;
	if (change->waiver != NULL)
		return false;
	return is_dead(change) || (change->head->verdict == VERDICT_INCONCLUSIVE &&
	                           change->base->verdict == VERDICT_PASS);
}

int comparison_exit_code(const struct comparison *comparison, const struct matrix *fresh,
                         struct arena *arena)
{
	enum { EXIT_REGRESSED = 1 };
	struct matrix counting = *fresh;

	if (comparison->gating > 0)
		return EXIT_REGRESSED;
	counting.cells = ARENA_NEW_ARRAY(arena, struct matrix_cell, fresh->count);
	for (size_t i = 0; i < fresh->count; i++) {
		const struct cell_change *change = comparison_find(comparison, &fresh->cells[i]);
		counting.cells[i] = fresh->cells[i];
		if (change != NULL && !change_counts_by_verdict(change))
			counting.cells[i].asked_now = false;
	}
	return matrix_exit_code(&counting);
}
