/*
 * What checking cost, as charges: the attempts of a run by its journal, or, where all there is is a
 * matrix, its cells as sums.
 */
#include "harness/cli/focus_charges.h"

#include "harness/run/matrix/matrix.h"
#include "harness/run/runner/journal.h"

/* How these charges are told from those of traffic. */
#define WORKFLOW TEXT("check")

struct scan {
	focus_row *row;
	void *context;
	struct arena arena; /* the head's */
	struct arena line;
	const struct journal_head *head;
};

static bool take_head(void *context, const struct journal_head *head, struct fault *fault)
{
	struct scan *scan = context;
	struct journal_head *copy = ARENA_NEW(&scan->arena, struct journal_head);

	(void)fault;
	journal_copy_head(head, &scan->arena, copy);
	scan->head = copy;
	return true;
}

static const struct price *prices_of(const struct scan *scan, struct text target)
{
	for (size_t i = 0; scan->head != NULL && i < scan->head->target_count; i++)
		if (text_equal(scan->head->targets[i].name, target))
			return scan->head->targets[i].prices;
	return NULL;
}

/* The journal does not keep what was written to a cache: such a cost is charged as it was told. */
static struct text parts_of(struct scan *scan, const struct journal_attempt *attempt)
{
	const struct price *prices = prices_of(scan, attempt->target);
	struct chat_usage usage = chat_usage_unknown;
	int64_t computed = attempt->computed_cost_pico_usd >= 0 ? attempt->computed_cost_pico_usd
	                                                        : attempt->cost_pico_usd;

	if (prices == NULL || !text_is(attempt->usage_source, "reported"))
		return (struct text){NULL, 0};
	usage.present = true;
	usage.input = attempt->prompt_tokens;
	usage.output = attempt->completion_tokens;
	usage.cached_input = attempt->cached_tokens;
	usage.reasoning = attempt->reasoning_tokens;
	if (price_cost(prices, &usage, attempt->at_wall_ms).computed_pico_usd != computed)
		return (struct text){NULL, 0};
	return price_parts(prices, &usage, attempt->at_wall_ms, &scan->line);
}

static bool take_attempt(void *context, const struct journal_attempt *attempt, struct fault *fault)
{
	struct scan *scan = context;
	struct ledger_row row = ledger_row_unknown;

	if (!attempt->owner || attempt->attempt < 1)
		return true;
	row.started_wall_ms = attempt->at_wall_ms;
	row.attempt = attempt->attempt;
	row.workflow = WORKFLOW;
	row.target = attempt->target;
	row.prompt_tokens = attempt->prompt_tokens;
	row.completion_tokens = attempt->completion_tokens;
	row.cost_pico_usd = attempt->cost_pico_usd;
	row.cost_source = attempt->cost_source;
	row.cost_parts = parts_of(scan, attempt);
	bool good = scan->row(scan->context, &row, fault);
	arena_reset(&scan->line);
	return good;
}

static bool each_of_run(const void *source, focus_row *row, void *context, struct fault *fault)
{
	struct scan scan = {.row = row, .context = context};
	const struct journal_visitor visitor = {take_head, take_attempt, &scan};
	bool good = journal_scan(source, &visitor, NULL, fault);

	arena_done(&scan.arena);
	arena_done(&scan.line);
	return good;
}

struct focus_source focus_of_run(const char *journal)
{
	return (struct focus_source){each_of_run, journal};
}

static bool each_of_matrix(const void *source, focus_row *row, void *context, struct fault *fault)
{
	const struct matrix *matrix = source;

	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		struct ledger_row charge = ledger_row_unknown;
		/* Nothing of its own: another cell asked for it. */
		if (cell->cost_pico_usd == 0 && cell->prompt_tokens <= 0)
			continue;
		charge.started_wall_ms = cell->tested_wall_ms;
		charge.attempt = 1;
		charge.workflow = WORKFLOW;
		charge.target = cell->target;
		charge.prompt_tokens = cell->prompt_tokens;
		charge.completion_tokens = cell->completion_tokens;
		charge.cost_pico_usd = cell->cost_pico_usd;
		charge.cost_source = cell->cost_source;
		if (!row(context, &charge, fault))
			return false;
	}
	return true;
}

struct focus_source focus_of_matrix(const struct matrix *matrix)
{
	return (struct focus_source){each_of_matrix, matrix};
}
