/* What a judge model has said of a run's answers, beside the scores of its cells; see opinion.h. */
#include "harness/run/opinion.h"

#include "harness/base/file.h"

#include <math.h>

struct applying {
	struct matrix *matrix;
	struct arena *arena;
	struct text judge;
	double *sums; /* in millionths, by cell */
};

static bool apply_head(void *context, const struct journal_head *head, struct fault *fault)
{
	struct applying *applying = context;

	if (head->target_count != 1)
		return fault_set(fault, FAULT_INPUT, "opinions have one judge; this has %zu",
		                 head->target_count);
	applying->judge = text_copy(applying->arena, head->targets[0].name);
	return true;
}

static struct matrix_cell *cell_of(const struct matrix *matrix, const struct journal_attempt *line)
{
	for (int variant = 0; variant < CASE_VARIANTS; variant++) {
		if (!text_is(line->variant, case_variant_names[variant]))
			continue;
		const struct matrix_cell *cell =
		    matrix_find(matrix, line->target, line->case_id, (enum case_variant)variant);
		if (cell != NULL && text_equal(cell->case_hash, line->case_hash))
			return &matrix->cells[cell - matrix->cells];
	}
	return NULL;
}

static bool apply_line(void *context, const struct journal_attempt *line,
                       struct fault *fault UNUSED)
{
	struct applying *applying = context;
	struct matrix_cell *cell = cell_of(applying->matrix, line);

	if (cell == NULL)
		return true;
	if (cell->judged.by.data == NULL) {
		cell->judged.by = applying->judge;
		cell->judged.cost_pico_usd = 0;
	}
	/* What is not known of a part is not known of the whole. */
	if (line->cost_pico_usd < 0 && line->status >= 200 && line->status < 300)
		cell->judged.cost_pico_usd = -1;
	else if (line->cost_pico_usd > 0 && cell->judged.cost_pico_usd >= 0)
		cell->judged.cost_pico_usd =
		    plan_add_usd(cell->judged.cost_pico_usd, line->cost_pico_usd);
	if (line->outcome != OUTCOME_OK || line->score_ppm < 0)
		return true;
	applying->sums[cell - applying->matrix->cells] += (double)line->score_ppm;
	cell->judged.answers++;
	return true;
}

bool opinions_apply(const struct run_folder *folder, struct matrix *matrix, struct arena *arena,
                    struct fault *fault)
{
	struct applying applying = {.matrix = matrix, .arena = arena};
	const struct journal_visitor visitor = {apply_head, apply_line, &applying};

	if (!file_exists(folder->opinions))
		return true;
	applying.sums = ARENA_NEW_ARRAY(arena, double, matrix->count + 1);
	if (!journal_scan(folder->opinions, &visitor, NULL, fault))
		return fault_within(fault, "reading what a judge model said of the answers");
	for (size_t i = 0; i < matrix->count; i++) {
		struct matrix_judged *judged = &matrix->cells[i].judged;
		if (judged->answers > 0)
			judged->score = round(applying.sums[i] / (double)judged->answers) / 1e6;
	}
	return true;
}

bool opinions_wanted(const struct plan *plan)
{
	for (size_t i = 0; i < plan->cell_count; i++)
		if (plan->cells[i].probe != PLAN_NO_PROBE &&
		    plan->cells[i].eval_case->rubric.data != NULL)
			return true;
	return false;
}
