/* The matrix as a file: writing; see matrix_file.c, which says what it looks like. */
#include "harness/run/matrix/matrix_private.h"

#include "harness/base/json_write.h"
#include "harness/base/loop.h"

#include <inttypes.h>
#include <math.h>

enum { MATRIX_MODE = 0644 };

static void write_usd(struct json_writer *writer, const char *name, int64_t pico_usd)
{
	char digits[32];

	if (pico_usd < 0)
		return;
	int written = snprintf(digits, sizeof(digits), "%" PRId64 ".%012" PRId64,
	                       pico_usd / 1000000000000, pico_usd % 1000000000000);
	struct text number = {digits, (size_t)written};
	while (number.data[number.len - 1] == '0')
		number.len--;
	if (number.data[number.len - 1] == '.')
		number.len--;
	json_write_member(writer, name, number);
}

static void write_text(struct json_writer *writer, const char *name, struct text value)
{
	if (value.len > 0)
		json_write_member(writer, name, value);
}

static void write_count(struct json_writer *writer, const char *name, int64_t value)
{
	if (value >= 0)
		json_write_member_int(writer, name, value);
}

static void write_double(struct json_writer *writer, const char *name, double value, int decimals)
{
	if (isnan(value))
		return;
	json_write_key(writer, name);
	json_write_double(writer, value, decimals);
}

static void write_ms(struct json_writer *writer, const char *name, int64_t value_us)
{
	write_double(writer, name, value_us < 0 ? (double)NAN : (double)value_us / 1e3, 3);
}

static void write_outcomes(struct json_writer *writer, const struct tally *tally)
{
	json_write_key(writer, "outcomes");
	json_write_object(writer);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (tally->of[i] > 0)
			json_write_member_int(writer, outcome_name((enum outcome)i), tally->of[i]);
	json_write_object_end(writer);
}

static void write_identity(struct json_writer *writer, const struct matrix_cell *cell)
{
	write_text(writer, "target", cell->target);
	write_text(writer, "case", cell->case_id);
	json_write_member_c(writer, "variant", case_variant_names[cell->variant]);
	json_write_member_c(writer, "verdict", verdict_name(cell->verdict));
	json_write_member_int(writer, "trials", tally_trials(&cell->tally));
	write_outcomes(writer, &cell->tally);
	write_double(writer, "rate", cell->rate, 4);
	write_double(writer, "rate_low", cell->rate_low, 4);
	write_double(writer, "rate_high", cell->rate_high, 4);
	write_double(writer, "pass_hat_3", matrix_pass_hat(cell), 4);
	if (cell->kind != CASE_KIND_NONE)
		json_write_member_c(writer, "kind", case_kind_names[cell->kind]);
	if (cell->kind != CASE_KIND_NONE)
		write_double(writer, "quality", cell->quality, 6);
}

static void write_origin(struct json_writer *writer, const struct matrix_cell *cell,
                         struct arena *arena)
{
	if (cell->tested_wall_ms > 0)
		write_text(writer, "tested_at", wall_format(arena, cell->tested_wall_ms, true));
	write_text(writer, "run", cell->run_id);
	write_text(writer, "suite", cell->suite_hash);
	write_text(writer, "case_hash", cell->case_hash);
	write_text(writer, "capability", cell->capability);
	json_write_member_c(writer, "class", case_class_names[cell->class_]);
	json_write_member_c(writer, "severity", case_severity_names[cell->severity]);
	json_write_key(writer, "vouches");
	json_write_array(writer);
	for (size_t i = 0; i < cell->vouches.count; i++)
		json_write_string(writer, cell->vouches.items[i]);
	json_write_array_end(writer);
	write_text(writer, "dialect", cell->dialect);
	write_text(writer, "evidence", cell->evidence);
	write_text(writer, "reported_model", cell->reported_model);
	if (cell->served_by.len > 0)
		write_text(writer, "served_by", cell->served_by);
	write_text(writer, "first_error", cell->first_error);
	write_text(writer, "fates", cell->fates);
}

static void write_measures(struct json_writer *writer, const struct matrix_cell *cell)
{
	json_write_key(writer, "latency");
	json_write_object(writer);
	write_ms(writer, "ttft_p50_ms", cell->ttft_p50_us);
	write_ms(writer, "ttft_p90_ms", cell->ttft_p90_us);
	write_ms(writer, "total_p50_ms", cell->latency_p50_us);
	write_ms(writer, "total_p90_ms", cell->latency_p90_us);
	json_write_object_end(writer);
	json_write_key(writer, "tokens");
	json_write_object(writer);
	write_count(writer, "prompt", cell->prompt_tokens);
	write_count(writer, "cached", cell->cached_tokens);
	write_count(writer, "completion", cell->completion_tokens);
	write_count(writer, "reasoning", cell->reasoning_tokens);
	json_write_object_end(writer);
	write_text(writer, "usage_source", cell->usage_source);
	write_usd(writer, "cost_usd", cell->cost_pico_usd);
	write_text(writer, "cost_source", cell->cost_source);
	write_text(writer, "price_version", cell->price_version);
	write_double(writer, "tokens_per_second", cell->tokens_per_second, 2);
	json_write_member_int(writer, "retries", cell->retries);
	if (cell->optional)
		json_write_member_bool(writer, "optional", true);
}

/* What the provider told and what its price gives, where both are known. */
static void write_compared(struct json_writer *writer, const struct matrix_cell *cell)
{
	if (!cell->compared)
		return;
	json_write_key(writer, "cost_compared");
	json_write_object(writer);
	write_usd(writer, "reported_usd", cell->told_pico_usd);
	write_usd(writer, "computed_usd", cell->computed_pico_usd);
	json_write_object_end(writer);
}

static void write_judged(struct json_writer *writer, const struct matrix_judged *judged)
{
	if (judged->by.data == NULL)
		return;
	json_write_key(writer, "judged");
	json_write_object(writer);
	json_write_member(writer, "by", judged->by);
	json_write_member_int(writer, "answers", judged->answers);
	if (judged->answers > 0)
		write_double(writer, "score", judged->score, 6);
	write_usd(writer, "cost_usd", judged->cost_pico_usd);
	json_write_object_end(writer);
}

static void write_repaired(struct json_writer *writer, const struct matrix_cell *cell,
                           struct arena *arena)
{
	if (cell->repairs == 0)
		return;
	json_write_key(writer, "repaired");
	json_write_object(writer);
	json_write_member(writer, "repairs", repair_names(cell->repairs, arena));
	json_write_member_c(writer, "verdict", verdict_name(cell->repaired_verdict));
	write_outcomes(writer, &cell->repaired);
	json_write_object_end(writer);
}

static void write_availability(struct json_writer *writer, const struct matrix *matrix)
{
	if (matrix->availability_count == 0)
		return;
	json_write_key(writer, "availability");
	json_write_array(writer);
	for (size_t i = 0; i < matrix->availability_count; i++) {
		const struct availability *counts = &matrix->availability[i];
		json_write_object(writer);
		json_write_member(writer, "target", counts->target);
		write_text(writer, "run", counts->run_id);
		json_write_member_int(writer, "attempts", availability_attempts(counts));
		json_write_member_int(writer, "answered", counts->answered);
		json_write_key(writer, "infra");
		json_write_object(writer);
		for (int kind = 0; kind < INFRA_KIND_COUNT; kind++)
			if (counts->infra[kind] > 0)
				json_write_member_int(writer,
				                      infra_kind_name((enum infra_kind)kind),
				                      counts->infra[kind]);
		json_write_object_end(writer);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_head(const struct matrix *matrix, struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member_int(&writer, "proviso", MATRIX_VERSION);
	json_write_key(&writer, "suite");
	json_write_object(&writer);
	json_write_member(&writer, "hash", matrix->suite_hash);
	json_write_member_int(&writer, "cases", matrix->suite_cases);
	json_write_object_end(&writer);
	json_write_key(&writer, "runs");
	json_write_array(&writer);
	for (size_t i = 0; i < matrix->runs.count; i++)
		json_write_string(&writer, matrix->runs.items[i]);
	json_write_array_end(&writer);
	write_availability(&writer, matrix);
	/* The rest is put by hand: a writer would set its commas at the starts of the lines. */
	(void)text_buf_add_c(out, ",\"cells\":[");
}

void matrix_write_json(const struct matrix *matrix, struct text_buf *out)
{
	struct json_writer writer;
	struct arena arena = {0};

	write_head(matrix, out);
	for (size_t i = 0; i < matrix->count; i++) {
		(void)text_buf_add_c(out, i == 0 ? "\n" : ",\n");
		json_writer_init(&writer, out, false);
		json_write_object(&writer);
		write_identity(&writer, &matrix->cells[i]);
		write_origin(&writer, &matrix->cells[i], &arena);
		write_measures(&writer, &matrix->cells[i]);
		write_repaired(&writer, &matrix->cells[i], &arena);
		write_judged(&writer, &matrix->cells[i].judged);
		write_compared(&writer, &matrix->cells[i]);
		json_write_object_end(&writer);
		arena_reset(&arena);
	}
	(void)text_buf_add_c(out, "\n]}\n");
	arena_done(&arena);
}

bool matrix_write(const struct matrix *matrix, const char *path, struct fault *fault)
{
	struct text_buf out;
	bool good;

	text_buf_init(&out, MATRIX_MAX_BYTES);
	matrix_write_json(matrix, &out);
	if (out.overflow)
		good = fault_set(fault, FAULT_INPUT, "a matrix of over %d bytes can't be read back",
		                 MATRIX_MAX_BYTES);
	else
		good = file_replace(path, text_buf_view(&out), MATRIX_MODE, fault);
	text_buf_done(&out);
	return good;
}
