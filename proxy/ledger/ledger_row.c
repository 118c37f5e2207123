/* The columns of the contract; see ledger_row.h. */
#include "proxy/ledger/ledger_row.h"

const struct ledger_row ledger_row_unknown = {
    .attempt = -1,
    .status = -1,
    .ttft_ms = -1,
    .latency_ms = -1,
    .overhead_us = -1,
    .prompt_tokens = -1,
    .cached_tokens = -1,
    .cache_write_tokens = -1,
    .completion_tokens = -1,
    .reasoning_tokens = -1,
    .cost_pico_usd = -1,
    .baseline_cost_pico_usd = -1,
    .computed_cost_pico_usd = -1,
    .expected_cost_pico_usd = -1,
    .cost_difference_pico_usd = LEDGER_NO_DIFFERENCE,
    .charged_pico_usd = -1,
};

#define COLUMN(column, its_kind, field)                                                            \
	{                                                                                          \
		.name = #column, .kind = LEDGER_##its_kind,                                        \
		.offset = offsetof(struct ledger_row, field)                                       \
	}
#define SUMMED(column, its_kind, field)                                                            \
	{                                                                                          \
		.name = #column, .kind = LEDGER_##its_kind,                                        \
		.offset = offsetof(struct ledger_row, field), .sums = true                         \
	}

const struct ledger_column ledger_columns[LEDGER_COLUMNS] = {
    COLUMN(request_id, TEXT, request_id),
    COLUMN(attempt, COUNT, attempt),
    COLUMN(started_at, TIME, started_wall_ms),
    COLUMN(key_id, TEXT, key_id),
    COLUMN(team, TEXT, team),
    COLUMN(workflow, TEXT, workflow),
    COLUMN(task, TEXT, task),
    COLUMN(risk, TEXT, risk),
    COLUMN(route, TEXT, route),
    COLUMN(requested_model, TEXT, requested_model),
    COLUMN(target, TEXT, target),
    COLUMN(reported_model, TEXT, reported_model),
    COLUMN(dialect_in, TEXT, dialect_in),
    COLUMN(dialect_out, TEXT, dialect_out),
    COLUMN(shape, TEXT, shape),
    COLUMN(matrix, TEXT, matrix),
    COLUMN(stream, FLAG, stream),
    COLUMN(status, COUNT, status),
    COLUMN(outcome, TEXT, outcome),
    COLUMN(finish_reason, TEXT, finish_reason),
    COLUMN(fallback_reason, TEXT, fallback_reason),
    SUMMED(ttft_ms, COUNT, ttft_ms),
    SUMMED(latency_ms, COUNT, latency_ms),
    SUMMED(overhead_us, COUNT, overhead_us),
    SUMMED(prompt_tokens, COUNT, prompt_tokens),
    SUMMED(cached_tokens, COUNT, cached_tokens),
    SUMMED(cache_write_tokens, COUNT, cache_write_tokens),
    SUMMED(completion_tokens, COUNT, completion_tokens),
    SUMMED(reasoning_tokens, COUNT, reasoning_tokens),
    COLUMN(usage_source, TEXT, usage_source),
    SUMMED(cost_usd, USD, cost_pico_usd),
    COLUMN(cost_source, TEXT, cost_source),
    COLUMN(price_version, TEXT, price_version),
    SUMMED(baseline_cost_usd, USD, baseline_cost_pico_usd),
    COLUMN(budget, TEXT, budget),
    COLUMN(client_disconnected, FLAG, client_disconnected),
    SUMMED(computed_cost_usd, USD, computed_cost_pico_usd),
    SUMMED(expected_cost_usd, USD, expected_cost_pico_usd),
    COLUMN(cost_parts, TEXT, cost_parts),
    SUMMED(cost_difference_usd, DIFFERENCE, cost_difference_pico_usd),
    COLUMN(served_by, TEXT, served_by),
};

const struct ledger_column *ledger_column_find(struct text name)
{
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		if (text_is(name, ledger_columns[i].name))
			return &ledger_columns[i];
	return NULL;
}
