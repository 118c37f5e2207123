/* Usage as table, CSV and JSON; see usage_output.h. */
#include "harness/cli/usage_output.h"

#include "harness/base/csv.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "harness/run/route/router.h"
#include "providers/price/money.h"

#include <errno.h>

enum {
	ROW_MAX_BYTES = 1 << 20,
	WRITE_BYTES = 256 << 10, /* rows are written when so much of them has come together */
	SUMS = 9,
	FIRST_TOKENS = 4, /* of them, in the order of enum usage_sum */
};

/* --- raw rows -------------------------------------------------------------------------------- */

struct rows {
	FILE *stream;
	struct text_buf out;
	struct arena arena;
	bool any;
};

static bool flush_rows(struct rows *rows, struct fault *fault)
{
	bool written = !rows->out.overflow &&
	               fwrite(rows->out.data, 1, rows->out.len, rows->stream) == rows->out.len;
	int number = errno;

	text_buf_reset(&rows->out);
	return written || fault_system(fault, number, "writing the usage");
}

static bool end_row(struct rows *rows, struct fault *fault)
{
	arena_reset(&rows->arena);
	return (rows->out.len < WRITE_BYTES && !rows->out.overflow) || flush_rows(rows, fault);
}

/* May be below 0. */
static void csv_difference(struct csv_writer *writer, int64_t pico_usd, struct arena *arena)
{
	if (pico_usd == LEDGER_NO_DIFFERENCE)
		csv_write_unknown(writer);
	else
		csv_write_number(writer, money_text(pico_usd, arena));
}

static void csv_field(struct csv_writer *writer, const struct ledger_column *column,
                      const void *field, struct arena *arena)
{
	switch (column->kind) {
	case LEDGER_TEXT:
		if (((const struct text *)field)->data == NULL)
			csv_write_unknown(writer);
		else
			csv_write_text(writer, *(const struct text *)field);
		break;
	case LEDGER_COUNT:
		csv_write_count(writer, *(const int64_t *)field);
		break;
	case LEDGER_USD:
		csv_write_usd(writer, *(const int64_t *)field);
		break;
	case LEDGER_TIME:
		csv_write_text(writer, wall_format(arena, *(const int64_t *)field, true));
		break;
	case LEDGER_DIFFERENCE:
		csv_difference(writer, *(const int64_t *)field, arena);
		break;
	case LEDGER_FLAG:
		csv_write_text(writer, *(const bool *)field ? TEXT("true") : TEXT("false"));
		break;
	}
}

static bool row_csv(void *context, const struct ledger_row *row, struct fault *fault)
{
	struct rows *rows = context;
	struct csv_writer writer;

	csv_writer_init(&writer, &rows->out, true);
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		csv_field(&writer, &ledger_columns[i], (const char *)row + ledger_columns[i].offset,
		          &rows->arena);
	csv_write_end_row(&writer);
	return end_row(rows, fault);
}

bool usage_rows_csv(const struct usage_query *query, FILE *stream, struct fault *fault)
{
	struct rows rows = {.stream = stream};
	struct csv_writer writer;

	text_buf_init(&rows.out, WRITE_BYTES + ROW_MAX_BYTES);
	csv_writer_init(&writer, &rows.out, true);
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		csv_write_text(&writer, text_of(ledger_columns[i].name));
	csv_write_end_row(&writer);
	bool good = usage_each(query, row_csv, &rows, fault) && flush_rows(&rows, fault);
	text_buf_done(&rows.out);
	arena_done(&rows.arena);
	return good;
}

static void json_field(struct json_writer *writer, const struct ledger_column *column,
                       const void *field, struct arena *arena)
{
	const char *name = column->name;

	switch (column->kind) {
	case LEDGER_TEXT:
		if (((const struct text *)field)->data == NULL)
			json_write_member_c(writer, name, NULL);
		else
			json_write_member(writer, name, *(const struct text *)field);
		break;
	case LEDGER_COUNT:
		json_write_member_count(writer, name, *(const int64_t *)field);
		break;
	case LEDGER_USD:
		router_write_usd(writer, name, *(const int64_t *)field);
		break;
	case LEDGER_TIME:
		json_write_member(writer, name, wall_format(arena, *(const int64_t *)field, true));
		break;
	case LEDGER_DIFFERENCE:
		json_write_key(writer, name);
		if (*(const int64_t *)field == LEDGER_NO_DIFFERENCE)
			json_write_null(writer);
		else
			json_write_raw(writer, money_text(*(const int64_t *)field, arena));
		break;
	case LEDGER_FLAG:
		json_write_member_bool(writer, name, *(const bool *)field);
		break;
	}
}

/* One row a line. */
static bool row_json(void *context, const struct ledger_row *row, struct fault *fault)
{
	struct rows *rows = context;
	struct json_writer writer;

	(void)text_buf_add_c(&rows->out, rows->any ? ",\n" : "\n");
	rows->any = true;
	json_writer_init(&writer, &rows->out, false);
	json_write_object(&writer);
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		json_field(&writer, &ledger_columns[i],
		           (const char *)row + ledger_columns[i].offset, &rows->arena);
	json_write_object_end(&writer);
	return end_row(rows, fault);
}

bool usage_rows_json(const struct usage_query *query, FILE *stream, struct fault *fault)
{
	struct rows rows = {.stream = stream};

	text_buf_init(&rows.out, WRITE_BYTES + ROW_MAX_BYTES);
	(void)text_buf_add_c(&rows.out, "[");
	bool good = usage_each(query, row_json, &rows, fault);
	(void)text_buf_add_c(&rows.out, "\n]\n");
	good = good && flush_rows(&rows, fault);
	text_buf_done(&rows.out);
	arena_done(&rows.arena);
	return good;
}

/* --- sums ------------------------------------------------------------------------------------ */

static const char *const sum_names[SUMS] = {
    "requests",           "attempts",          "ok",
    "unpriced",           "prompt_tokens",     "cached_tokens",
    "cache_write_tokens", "completion_tokens", "reasoning_tokens"};

/* -1: unknown. */
static void sums_of(const struct usage_group *group, int64_t out[SUMS])
{
	const int64_t sums[SUMS] = {
	    group->requests,           group->attempts,          group->ok,
	    group->unpriced,           group->prompt_tokens,     group->cached_tokens,
	    group->cache_write_tokens, group->completion_tokens, group->reasoning_tokens};

	memcpy(out, sums, sizeof(sums));
	for (int sum = USAGE_PROMPT; sum <= USAGE_REASONING; sum++)
		if (!usage_knows(group, (enum usage_sum)sum))
			out[FIRST_TOKENS + sum] = -1;
}

static void csv_money(struct csv_writer *writer, bool known, money amount, struct arena *arena)
{
	if (known)
		csv_write_number(writer, money_text(amount, arena));
	else
		csv_write_unknown(writer);
}

static void json_money(struct json_writer *writer, const char *name, bool known, money amount,
                       struct arena *arena)
{
	json_write_key(writer, name);
	if (known)
		json_write_raw(writer, money_text(amount, arena));
	else
		json_write_null(writer);
}

void usage_groups_csv(const struct usage_query *query, const struct usage_groups *groups,
                      struct text_buf *out)
{
	struct csv_writer writer;
	struct arena arena = {0};
	int64_t sums[SUMS];

	csv_writer_init(&writer, out, true);
	for (size_t i = 0; i < query->by_count; i++)
		csv_write_text(&writer, query->by[i]);
	for (size_t i = 0; i < SUMS; i++)
		csv_write_text(&writer, text_of(sum_names[i]));
	csv_write_text(&writer, TEXT("cost_usd"));
	csv_write_text(&writer, TEXT("baseline_cost_usd"));
	csv_write_text(&writer, TEXT("compared"));
	csv_write_text(&writer, TEXT("cost_difference_usd"));
	csv_write_end_row(&writer);
	for (size_t k = 0; k < groups->count; k++) {
		const struct usage_group *group = &groups->groups[k];
		for (size_t i = 0; i < query->by_count; i++)
			csv_write_text(&writer, group->values[i]);
		sums_of(group, sums);
		for (size_t i = 0; i < SUMS; i++) {
			if (sums[i] < 0)
				csv_write_unknown(&writer);
			else
				csv_write_int(&writer, sums[i]);
		}
		csv_money(&writer, usage_knows(group, USAGE_COST), group->cost, &arena);
		csv_money(&writer, usage_knows(group, USAGE_BASELINE), group->baseline, &arena);
		csv_write_int(&writer, group->compared);
		csv_money(&writer, group->compared > 0, group->difference, &arena);
		csv_write_end_row(&writer);
		arena_reset(&arena);
	}
	arena_done(&arena);
}

static void json_group(const struct usage_query *query, const struct usage_group *group, bool total,
                       struct json_writer *writer)
{
	struct arena arena = {0};
	int64_t sums[SUMS];

	json_write_object(writer);
	for (size_t i = 0; i < query->by_count && !total; i++) {
		json_write_key_text(writer, query->by[i]);
		if (group->values[i].len == 0)
			json_write_null(writer);
		else
			json_write_string(writer, group->values[i]);
	}
	sums_of(group, sums);
	for (size_t i = 0; i < SUMS; i++) {
		json_write_key(writer, sum_names[i]);
		if (sums[i] < 0)
			json_write_null(writer);
		else
			json_write_int(writer, sums[i]);
	}
	json_money(writer, "cost_usd", usage_knows(group, USAGE_COST), group->cost, &arena);
	json_money(writer, "baseline_cost_usd", usage_knows(group, USAGE_BASELINE), group->baseline,
	           &arena);
	json_write_member_int(writer, "compared", group->compared);
	json_money(writer, "cost_difference_usd", group->compared > 0, group->difference, &arena);
	json_write_object_end(writer);
	arena_done(&arena);
}

void usage_groups_json(const struct usage_query *query, const struct usage_groups *groups,
                       struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, true);
	json_write_object(&writer);
	json_write_key(&writer, "groups");
	json_write_array(&writer);
	for (size_t i = 0; i < groups->count; i++)
		json_group(query, &groups->groups[i], false, &writer);
	json_write_array_end(&writer);
	json_write_key(&writer, "total");
	json_group(query, &groups->total, true, &writer);
	json_write_object_end(&writer);
	(void)text_buf_byte(out, '\n');
}

/* --- the table -------------------------------------------------------------------------------- */

enum { VALUE_COLUMNS = 28 };

static void table_text(struct text_buf *out, struct text value, struct arena *arena)
{
	struct text shown = text_visible(arena, value.len == 0 ? TEXT("-") : value, VALUE_COLUMNS);
	size_t columns = size_min(text_columns(shown), VALUE_COLUMNS);

	(void)text_buf_format(out, "%.*s%*s  ", TEXT_ARG(shown), (int)(VALUE_COLUMNS - columns),
	                      "");
}

static const char *tokens_shown(const struct usage_group *group, enum usage_sum sum, int64_t tokens,
                                struct arena *arena)
{
	if (!usage_knows(group, sum))
		return "-";
	return text_c(arena, text_format(arena, "%lld", (long long)tokens));
}

static void table_row(const struct usage_group *group, bool with_difference, struct text_buf *out,
                      struct arena *arena)
{
	struct text cost =
	    usage_knows(group, USAGE_COST) ? money_text(group->cost, arena) : TEXT("-");

	(void)text_buf_format(
	    out, "%9lld %9lld %14s %14s %9lld  ", (long long)group->attempts, (long long)group->ok,
	    tokens_shown(group, USAGE_PROMPT, group->prompt_tokens, arena),
	    tokens_shown(group, USAGE_COMPLETION, group->completion_tokens, arena),
	    (long long)group->unpriced);
	if (with_difference)
		(void)text_buf_format(out, "%-20s ", text_c(arena, cost));
	else
		(void)text_buf_add(out, cost);
	/* A plus says that the provider billed more than its price. */
	if (with_difference && group->compared > 0)
		(void)text_buf_format(out, "%s%s", group->difference > 0 ? "+" : "",
		                      text_c(arena, money_text(group->difference, arena)));
	else if (with_difference)
		(void)text_buf_byte(out, '-');
	(void)text_buf_byte(out, '\n');
}

void usage_groups_table(const struct usage_query *query, const struct usage_groups *groups,
                        struct text_buf *out)
{
	struct arena arena = {0};
	bool compared = groups->total.compared > 0; /* some provider tells what it bills */

	for (size_t i = 0; i < query->by_count; i++)
		table_text(out, query->by[i], &arena);
	(void)text_buf_format(out, "%9s %9s %14s %14s %9s  ", "attempts", "ok", "prompt",
	                      "completion", "unpriced");
	(void)text_buf_format(out, compared ? "%-20s %s\n" : "%s%s\n", "USD",
	                      compared ? "reported-computed" : "");
	for (size_t k = 0; k < groups->count; k++) {
		for (size_t i = 0; i < query->by_count; i++)
			table_text(out, groups->groups[k].values[i], &arena);
		table_row(&groups->groups[k], compared, out, &arena);
		arena_reset(&arena);
	}
	for (size_t i = 0; i < query->by_count; i++)
		table_text(out, i == 0 ? TEXT("total") : TEXT(" "), &arena);
	table_row(&groups->total, compared, out, &arena);
	arena_done(&arena);
}
