/* The matrix as CSV: the contract's columns in the contract's order. */
#include "reports/report.h"

#include "harness/base/csv.h"
#include "harness/base/loop.h"
#include "providers/price/money.h"
#include "reports/report_changes.h"

#include <math.h>

static const char *const columns[] = {
    "run_id",
    "suite_hash",
    "tested_at",
    "provider",
    "model",
    "reported_model",
    "dialect",
    "capability",
    "case_id",
    "variant",
    "class",
    "severity",
    "vouches",
    "verdict",
    "trials",
    "ok",
    "miss",
    "violation",
    "refused",
    "ignored",
    "infra",
    "rate",
    "rate_low",
    "rate_high",
    "baseline_rate",
    "p_value",
    "change",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "usage_source",
    "cost_usd",
    "cost_per_pass_usd",
    "cost_source",
    "price_version",
    "ttft_p50_ms",
    "ttft_p90_ms",
    "latency_p50_ms",
    "latency_p90_ms",
    "tokens_per_second",
    "retries",
    "quality",
    "first_error",
    "evidence",
    "repaired_verdict",
    "repairs",
    "kind",
    "pass_hat_3",
    "computed_cost_usd",
    "cost_difference_usd",
    "served_by",
    "judge",
    "judge_score",
    "judge_cost_usd",
};

static void write_header(struct csv_writer *writer)
{
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
		csv_write_text(writer, text_of(columns[i]));
	csv_write_end_row(writer);
}

/* Microseconds as milliseconds with up to three decimals; unknown stays empty. */
static void write_ms(struct csv_writer *writer, int64_t us)
{
	if (us < 0)
		csv_write_unknown(writer);
	else
		csv_write_double(writer, (double)us / 1000.0, 3);
}

static void write_identity(struct csv_writer *writer, const struct matrix_cell *cell,
                           struct arena *arena)
{
	struct text_buf vouches;

	csv_write_text(writer, cell->run_id);
	csv_write_text(writer, cell->suite_hash);
	if (cell->tested_wall_ms > 0)
		csv_write_text(writer, wall_format(arena, cell->tested_wall_ms, false));
	else
		csv_write_unknown(writer);
	csv_write_text(writer, cell->provider);
	csv_write_text(writer, cell->model);
	csv_write_text(writer, cell->reported_model);
	csv_write_text(writer, cell->dialect);
	csv_write_text(writer, cell->capability);
	csv_write_text(writer, cell->case_id);
	csv_write_text(writer, text_of(case_variant_names[cell->variant]));
	csv_write_text(writer, text_of(case_class_names[cell->class_]));
	csv_write_text(writer, text_of(case_severity_names[cell->severity]));
	text_buf_init(&vouches, CSV_MAX_FIELD_BYTES);
	for (size_t i = 0; i < cell->vouches.count; i++) {
		if (i != 0)
			(void)text_buf_byte(&vouches, ' ');
		(void)text_buf_add(&vouches, cell->vouches.items[i]);
	}
	csv_write_text(writer, text_buf_view(&vouches));
	text_buf_done(&vouches);
}

static void write_outcomes(struct csv_writer *writer, const struct matrix_cell *cell)
{
	static const enum outcome counted[] = {OUTCOME_OK,      OUTCOME_MISS,    OUTCOME_VIOLATION,
	                                       OUTCOME_REFUSED, OUTCOME_IGNORED, OUTCOME_INFRA};

	csv_write_text(writer, text_of(verdict_name(cell->verdict)));
	csv_write_int(writer, tally_trials(&cell->tally));
	for (size_t i = 0; i < ARRAY_LENGTH(counted); i++)
		csv_write_int(writer, cell->tally.of[counted[i]]);
	csv_write_double(writer, cell->rate, 4);
	csv_write_double(writer, cell->rate_low, 4);
	csv_write_double(writer, cell->rate_high, 4);
}

/* baseline_rate, p_value and change: unknown without a baseline; a changed case has no rate there.
 */
static void write_change(struct csv_writer *writer, const struct cell_change *change)
{
	bool compared = change != NULL && change->base != NULL && change->change != CHANGE_CHANGED;

	if (compared)
		csv_write_double(writer, change->base->rate, 4);
	else
		csv_write_unknown(writer);
	if (change == NULL) {
		csv_write_unknown(writer);
		csv_write_unknown(writer);
		return;
	}
	csv_write_double(writer, change->p_value, 6);
	csv_write_text(writer, text_of(change_name(change->change)));
}

static void write_costs(struct csv_writer *writer, const struct matrix_cell *cell)
{
	int64_t passes = cell->tally.of[OUTCOME_OK];

	csv_write_count(writer, cell->prompt_tokens);
	csv_write_count(writer, cell->cached_tokens);
	csv_write_count(writer, cell->completion_tokens);
	csv_write_count(writer, cell->reasoning_tokens);
	csv_write_text(writer, cell->usage_source);
	csv_write_usd(writer, cell->cost_pico_usd);
	/* Rounded to the next pico-USD; nothing passed: there is no such cost. */
	if (cell->cost_pico_usd < 0 || passes == 0)
		csv_write_unknown(writer);
	else
		csv_write_usd(writer, (cell->cost_pico_usd + passes / 2) / passes);
	csv_write_text(writer, cell->cost_source);
	csv_write_text(writer, cell->price_version);
}

/* What the price gives of those requests whose cost the provider told, and by how much it told
 * more. */
static void write_difference(struct csv_writer *writer, const struct matrix_cell *cell,
                             struct arena *arena)
{
	if (!cell->compared) {
		csv_write_unknown(writer);
		csv_write_unknown(writer);
		return;
	}
	csv_write_usd(writer, cell->computed_pico_usd);
	csv_write_number(writer,
	                 money_text((money)cell->told_pico_usd - cell->computed_pico_usd, arena));
}

static void write_judged(struct csv_writer *writer, const struct matrix_judged *judged)
{
	csv_write_text(writer, judged->by);
	csv_write_double(writer, judged->answers > 0 ? judged->score : (double)NAN, 6);
	if (judged->by.data == NULL)
		csv_write_unknown(writer);
	else
		csv_write_usd(writer, judged->cost_pico_usd);
}

static void write_row(struct csv_writer *writer, const struct matrix_cell *cell,
                      const struct cell_change *change, struct arena *arena)
{
	write_identity(writer, cell, arena);
	write_outcomes(writer, cell);
	write_change(writer, change);
	write_costs(writer, cell);
	write_ms(writer, cell->ttft_p50_us);
	write_ms(writer, cell->ttft_p90_us);
	write_ms(writer, cell->latency_p50_us);
	write_ms(writer, cell->latency_p90_us);
	csv_write_double(writer, cell->tokens_per_second, 2);
	csv_write_int(writer, cell->retries);
	csv_write_double(writer, cell->quality, 6);
	csv_write_text(writer, cell->first_error);
	csv_write_text(writer, cell->evidence);
	/* Empty where no repair had anything to mend. */
	csv_write_text(writer,
	               text_of(cell->repairs == 0 ? "" : verdict_name(cell->repaired_verdict)));
	csv_write_text(writer, repair_names(cell->repairs, arena));
	csv_write_text(writer,
	               text_of(cell->kind == CASE_KIND_NONE ? "" : case_kind_names[cell->kind]));
	csv_write_double(writer, matrix_pass_hat(cell), 4);
	write_difference(writer, cell, arena);
	csv_write_text(writer, cell->served_by);
	write_judged(writer, &cell->judged);
	csv_write_end_row(writer);
}

void report_csv(const struct matrix *matrix, const struct report_context *context,
                struct text_buf *out)
{
	struct csv_writer writer;
	struct arena arena = {0};

	csv_writer_init(&writer, out, true);
	write_header(&writer);
	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		write_row(&writer, cell, report_cell_change(cell, context), &arena);
		arena_reset(&arena);
	}
	arena_done(&arena);
}
