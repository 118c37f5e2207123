/*
 * One attempt as the ledger keeps it and as `usage` exports it: the contract's columns, by one
 * table that writing, reading and every report use.
 */
#ifndef PROVISO_PROXY_LEDGER_ROW_H
#define PROVISO_PROXY_LEDGER_ROW_H

#include "harness/base/text.h"

/* Texts: data NULL is unknown. Numbers: -1 is unknown. Money: 10^-12 USD. */
struct ledger_row {
	struct text request_id;
	int64_t attempt; /* from 1; with request_id unique for ever */
	int64_t started_wall_ms;
	struct text key_id, team, workflow, task, risk, route, requested_model, target;
	struct text reported_model, dialect_in, dialect_out;
	struct text shape;  /* features, sorted, with a blank between */
	struct text matrix; /* hash */
	bool stream;
	int64_t status;                             /* HTTP, of the provider; -1: none came */
	struct text outcome;                        /* ending_names of health.h */
	struct text finish_reason, fallback_reason; /* fallback: why the one before failed */
	int64_t ttft_ms, latency_ms, overhead_us;
	int64_t prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens,
	    reasoning_tokens;
	struct text usage_source; /* reported | estimated | missing */
	int64_t cost_pico_usd;
	struct text cost_source, price_version;
	int64_t baseline_cost_pico_usd;
	struct text budget; /* budget_names of the reservation */
	bool client_disconnected;
	/* Usage times price, also beside a cost that the provider reports: to be compared. */
	int64_t computed_cost_pico_usd;
	int64_t expected_cost_pico_usd; /* what the decision said of this target before */
	struct text cost_parts; /* price_parts; of estimated tokens, where these were charged */
	/* A reported cost less the computed one; LEDGER_NO_DIFFERENCE: not both are known. */
	int64_t cost_difference_pico_usd;
	struct text served_by; /* whom an aggregator asked, in its own words */
	/*
	 * What budgets were charged, which is no column of the export: the cost, or where that is
	 * unknown what was reserved; -1: no budget applied, or nothing was charged.
	 */
	int64_t charged_pico_usd;
	int64_t begun; /* ledger_begin's number for it; 0: it was not begun */
};

#define LEDGER_NO_DIFFERENCE INT64_MIN

/* Everything unknown. */
extern const struct ledger_row ledger_row_unknown;

enum ledger_kind {
	LEDGER_TEXT,       /* struct text */
	LEDGER_COUNT,      /* int64_t */
	LEDGER_USD,        /* int64_t, pico-USD */
	LEDGER_TIME,       /* int64_t, milliseconds since the epoch, never unknown */
	LEDGER_FLAG,       /* bool */
	LEDGER_DIFFERENCE, /* int64_t, pico-USD, may be below 0; LEDGER_NO_DIFFERENCE is unknown */
};

struct ledger_column {
	const char *name; /* of the export, and in the database */
	enum ledger_kind kind;
	size_t offset; /* in struct ledger_row */
	bool sums;     /* reports add it up; the others can be grouped by */
};

enum { LEDGER_COLUMNS = 41 };
/* In the contract's order. */
extern const struct ledger_column ledger_columns[LEDGER_COLUMNS];
/* NULL: there is no such column. */
MUST_CHECK const struct ledger_column *ledger_column_find(struct text name);

#endif
