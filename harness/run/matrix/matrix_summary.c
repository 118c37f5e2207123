/* What is read off a matrix: its order, a cell, a capability, the exit code. */
#include "harness/run/matrix/matrix.h"

#include "harness/run/stats.h"

#include <stdlib.h>

enum {
	EXIT_HOLDS = 0,
	EXIT_FAILS = 1,
	EXIT_INCONCLUSIVE = 3,
	EXIT_INFRASTRUCTURE = 4,
};

static int compare_cell(const struct matrix_cell *cell, struct text target, struct text case_id,
                        enum case_variant variant)
{
	int order = text_compare(cell->target, target);

	if (order == 0)
		order = text_compare(cell->case_id, case_id);
	return order != 0 ? order : (int)cell->variant - (int)variant;
}

static int compare_cells(const void *a, const void *b)
{
	const struct matrix_cell *other = b;

	return compare_cell(a, other->target, other->case_id, other->variant);
}

void matrix_sort(struct matrix *matrix)
{
	size_t at = 1;

	/* Most are sorted already, and cells are large. */
	while (at < matrix->count && compare_cells(&matrix->cells[at - 1], &matrix->cells[at]) <= 0)
		at++;
	if (at < matrix->count)
		qsort(matrix->cells, matrix->count, sizeof(*matrix->cells), compare_cells);
}

const struct matrix_cell *matrix_find(const struct matrix *matrix, struct text target,
                                      struct text case_id, enum case_variant variant)
{
	size_t low = 0;
	size_t high = matrix->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_cell(&matrix->cells[middle], target, case_id, variant);
		if (order == 0)
			return &matrix->cells[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

double matrix_pass_hat(const struct matrix_cell *cell)
{
	return stats_pass_power(cell->tally.of[OUTCOME_OK], tally_judged(&cell->tally),
	                        MATRIX_PASS_HAT);
}

/* --- a fresh matrix over an old one --- */

/* What was asked in vain says nothing new, and what it said before still stands, with its date. */
static bool replaces(const struct matrix_cell *fresh, const struct matrix_cell *old)
{
	bool vain = fresh->verdict == VERDICT_ERROR || fresh->verdict == VERDICT_SKIPPED;
	bool nothing_old = old->verdict == VERDICT_ERROR || old->verdict == VERDICT_SKIPPED;

	/* A case that has changed since is another case: its old verdict proves nothing now. */
	return !vain || nothing_old || !text_equal(fresh->case_hash, old->case_hash);
}

/*
 * What a case told to be compared with later (CO-05.record) stays what it was, also where a run
 * could not tell it: or whoever is another by then would be recorded as if he had always been so.
 */
static void keep_record(const struct matrix_cell *old, struct matrix_cell *taken)
{
	static const char suffix[] = ".record";
	size_t len = sizeof(suffix) - 1;
	struct text id = taken->case_id;

	/* CO-06 tells what it was told before, and more: only a run that can't tell takes the old.
	 */
	if (text_is(id, "CO-06") && text_equal(old->case_hash, taken->case_hash) &&
	    taken->fates.len == 0)
		taken->fates = old->fates;
	if (id.len > len && text_is(text_slice(id, id.len - len, id.len), suffix) &&
	    text_equal(old->case_hash, taken->case_hash) && old->fates.len > 0)
		taken->fates = old->fates;
}

static int compare_texts(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

/* The runs that some cell rests on; ids sort by time. */
static void collect_runs(struct matrix *matrix, struct arena *arena)
{
	struct text *runs = ARENA_NEW_ARRAY(arena, struct text, matrix->count);
	size_t kept = 0;

	for (size_t i = 0; i < matrix->count; i++)
		runs[i] = matrix->cells[i].run_id;
	if (matrix->count > 1)
		qsort(runs, matrix->count, sizeof(*runs), compare_texts);
	for (size_t i = 0; i < matrix->count; i++)
		if (runs[i].len > 0 && (kept == 0 || !text_equal(runs[i], runs[kept - 1])))
			runs[kept++] = runs[i];
	matrix->runs = (struct text_list){runs, kept};
}

/* Both sides are sorted; what was asked last stands for a target. */
static void merge_availability(const struct matrix *old, const struct matrix *fresh,
                               struct arena *arena, struct matrix *out)
{
	size_t o = 0;
	size_t f = 0;

	out->availability = ARENA_NEW_ARRAY(
	    arena, struct availability, old->availability_count + fresh->availability_count + 1);
	while (o < old->availability_count || f < fresh->availability_count) {
		int order =
		    o == old->availability_count ? 1
		    : f == fresh->availability_count
			? -1
			: text_compare(old->availability[o].target, fresh->availability[f].target);
		out->availability[out->availability_count++] =
		    order < 0 ? old->availability[o] : fresh->availability[f];
		o += order <= 0;
		f += order >= 0;
	}
}

void matrix_merge(const struct matrix *old, const struct matrix *fresh, struct arena *arena,
                  struct matrix *out)
{
	size_t o = 0;
	size_t f = 0;

	*out = (struct matrix){
	    .suite_hash = fresh->suite_hash,
	    .suite_cases = fresh->suite_cases,
	    .cells = ARENA_NEW_ARRAY(arena, struct matrix_cell, old->count + fresh->count),
	};
	while (o < old->count || f < fresh->count) {
		int order = o == old->count     ? 1
		            : f == fresh->count ? -1
		                                : compare_cells(&old->cells[o], &fresh->cells[f]);
		const struct matrix_cell *taken = order < 0 ? &old->cells[o] : &fresh->cells[f];
		if (order == 0 && !replaces(taken, &old->cells[o]))
			taken = &old->cells[o];
		out->cells[out->count] = *taken;
		if (order == 0)
			keep_record(&old->cells[o], &out->cells[out->count]);
		out->count++;
		o += order <= 0;
		f += order >= 0;
	}
	merge_availability(old, fresh, arena, out);
	collect_runs(out, arena);
}

/* --- capabilities --- */

/* From good to bad. What is not known is worse than what passes and better than what fails. */
static unsigned badness(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return 0;
	case VERDICT_SKIPPED:
		return 1;
	case VERDICT_STALE:
		return 2;
	case VERDICT_INCONCLUSIVE:
		return 3;
	case VERDICT_ERROR:
		return 4;
	case VERDICT_FLAKY:
		return 5;
	case VERDICT_UNSUPPORTED:
		return 6;
	case VERDICT_IGNORED:
		return 7;
	case VERDICT_FAIL:
		return 8;
	case VERDICT_COUNT:
		break;
	}
	return 0;
}

struct summary_state {
	struct matrix_summary summary;
	enum case_severity severity; /* of the cells that decide */
};

/* A cell of graver severity takes over; of the same one, the worse verdict does. */
static void summary_add(struct summary_state *state, const struct matrix_cell *cell)
{
	struct matrix_summary *summary = &state->summary;

	summary->total++;
	summary->passed += cell->verdict == VERDICT_PASS;
	if (summary->total > 1 && (cell->severity > state->severity ||
	                           (cell->severity == state->severity &&
	                            badness(cell->verdict) <= badness(summary->verdict))))
		return;
	state->severity = cell->severity;
	summary->verdict = cell->verdict;
	summary->worst = cell->verdict == VERDICT_PASS ? NULL : cell;
}

#define TASKS_SUFFIX " (tasks)"

/* Tasks may be of a capability that is the name of another, which has a verdict. */
static void part_names(struct matrix_summary *summaries, size_t count, struct arena *arena)
{
	for (size_t i = 0; i < count; i++) {
		bool taken = false;
		for (size_t j = 0; j < count && summaries[i].scored && !taken; j++)
			taken = !summaries[j].scored &&
			        text_equal(summaries[j].capability, summaries[i].capability);
		if (taken)
			summaries[i].capability = text_format(arena, "%.*s" TASKS_SUFFIX,
			                                      TEXT_ARG(summaries[i].capability));
	}
}

bool matrix_summary_has(const struct matrix_summary *summary, const struct matrix_cell *cell)
{
	struct text name = summary->capability;

	if (!text_equal(summary->target, cell->target) ||
	    summary->scored != (cell->kind != CASE_KIND_NONE))
		return false;
	if (summary->scored && !text_equal(name, cell->capability) &&
	    text_ends(name, TEXT(TASKS_SUFFIX)))
		name = text_slice(name, 0, name.len - strlen(TASKS_SUFFIX));
	return text_equal(name, cell->capability);
}

struct matrix_summary *matrix_summarise(const struct matrix *matrix, struct arena *arena,
                                        size_t *count)
{
	struct summary_state *states = ARENA_NEW_ARRAY(arena, struct summary_state, matrix->count);
	size_t made = 0;
	size_t first = 0; /* of the target at hand */

	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		if (first < made && !text_equal(states[first].summary.target, cell->target))
			first = made;
		size_t at = first;
		while (at < made && !matrix_summary_has(&states[at].summary, cell))
			at++;
		if (at == made)
			states[made++].summary =
			    (struct matrix_summary){.target = cell->target,
			                            .capability = cell->capability,
			                            .scored = cell->kind != CASE_KIND_NONE};
		summary_add(&states[at], cell);
	}
	struct matrix_summary *out = ARENA_NEW_ARRAY(arena, struct matrix_summary, made);
	for (size_t i = 0; i < made; i++)
		out[i] = states[i].summary;
	part_names(out, made, arena);
	*count = made;
	return out;
}

/* --- the exit code --- */

bool matrix_cell_has_evidence(const struct matrix_cell *cell)
{
	return tally_judged(&cell->tally) > 0 && cell->verdict != VERDICT_ERROR &&
	       cell->verdict != VERDICT_SKIPPED && cell->verdict != VERDICT_STALE;
}

bool matrix_cell_counts(const struct matrix_cell *cell)
{
	return cell->severity != CASE_ADVISORY &&
	       !(cell->optional && cell->verdict == VERDICT_UNSUPPORTED);
}

int matrix_exit_code(const struct matrix *fresh)
{
	bool error = false;
	bool inconclusive = false;

	for (size_t i = 0; i < fresh->count; i++) {
		const struct matrix_cell *cell = &fresh->cells[i];
		if (!cell->asked_now || !matrix_cell_counts(cell))
			continue;
		switch (cell->verdict) {
		case VERDICT_FAIL:
		case VERDICT_FLAKY:
		case VERDICT_UNSUPPORTED:
		case VERDICT_IGNORED:
			return EXIT_FAILS;
		case VERDICT_ERROR:
			error = true;
			break;
		case VERDICT_INCONCLUSIVE:
			inconclusive = true;
			break;
		case VERDICT_PASS:
		case VERDICT_SKIPPED:
		case VERDICT_STALE:
		case VERDICT_COUNT:
			break;
		}
	}
	return error ? EXIT_INFRASTRUCTURE : inconclusive ? EXIT_INCONCLUSIVE : EXIT_HOLDS;
}
