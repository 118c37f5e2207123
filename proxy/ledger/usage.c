/* Reading the ledger for reports; see usage.h. */
#include "proxy/ledger/usage.h"
#include "proxy/ledger/store_sqlite.h"

#include "harness/base/loop.h"
#include "harness/base/text_map.h"

#include <stdlib.h>

enum { KEY_MAX_BYTES = USAGE_BY_MAX * 8192 };
static const int64_t HOUR_MS = 3600000;

/* --- columns --------------------------------------------------------------------------------- */

/* Those that are made of a column. */
static const struct {
	const char *name, *column;
	size_t digits; /* of the moment that are kept; 0: a part of the target, or as it is */
} made[] = {
    {"day", "started_at", 10}, {"month", "started_at", 7}, {"hour", "started_at", 13},
    {"provider", "target", 0}, {"model", "target", 0},
};

static size_t made_number(struct text name)
{
	size_t i = 0;

	while (i < ARRAY_LENGTH(made) && !text_is(name, made[i].name))
		i++;
	return i;
}

const char *usage_by_name(struct text given)
{
	size_t i = made_number(given);
	const struct ledger_column *column =
	    ledger_column_find(text_is(given, "key") ? TEXT("key_id") : given);

	if (i < ARRAY_LENGTH(made))
		return made[i].name;
	return column == NULL || column->sums || column->kind == LEDGER_TIME ? NULL : column->name;
}

/* --- the query ------------------------------------------------------------------------------- */

#define FROM_WINDOW "FROM attempts WHERE started_at >= ?1 AND started_at < ?2 "

/*
 * Oldest first, which an index gives; attempts of the same millisecond are sorted by their names.
 * By their numbers alone: whole rows would be packed for the sorter and unpacked, a third of the
 * time. LIMIT keeps the order, which SQLite otherwise may drop within a join.
 */
static const char in_order[] =
    "FROM (SELECT id AS number " FROM_WINDOW "ORDER BY started_at, request_id, attempt LIMIT -1)"
    " CROSS JOIN attempts ON attempts.id = number";
static const char in_no_order[] = FROM_WINDOW;

/* "SELECT columns FROM ...": the moments are bound. */
static bool prepare(struct store *store, const struct usage_query *query, const char *columns,
                    const char *from, struct store_query **out, struct fault *fault)
{
	struct text_buf sql;

	text_buf_init(&sql, 8192);
	(void)text_buf_format(&sql, "SELECT %s %s", columns, from);
	REQUIRE(!sql.overflow);
	bool good = store_prepare(store, sql.data, out, fault);
	text_buf_done(&sql);
	if (!good)
		return false;
	store_bind_int(*out, 1, query->since_wall_ms);
	store_bind_int(*out, 2, query->until_wall_ms);
	return true;
}

/* A ledger that an older program wrote lacks the newest columns: what was not noted is unknown. */
static bool add_column(struct store *store, const char *name, struct text_buf *columns,
                       struct fault *fault)
{
	struct store_query *query;

	if (!store_prepare(store, "SELECT 1 FROM pragma_table_info('attempts') WHERE name=?",
	                   &query, fault))
		return false;
	store_bind_text(query, 1, text_of(name));
	enum store_step step = store_step(query, fault);
	store_query_free(query);
	(void)text_buf_format(columns, "%s%s", columns->len == 0 ? "" : ",",
	                      step == STORE_ROW ? name : "NULL");
	return step != STORE_FAILED;
}

static void read_field(struct store_query *query, int at, const struct ledger_column *column,
                       struct ledger_row *row)
{
	void *field = (char *)row + column->offset;

	switch (column->kind) {
	case LEDGER_TEXT:
		*(struct text *)field = store_text(query, at);
		break;
	case LEDGER_COUNT:
	case LEDGER_USD:
	case LEDGER_TIME:
		*(int64_t *)field = store_int(query, at);
		break;
	case LEDGER_DIFFERENCE:
		*(int64_t *)field = store_int_or(query, at, LEDGER_NO_DIFFERENCE);
		break;
	case LEDGER_FLAG:
		*(bool *)field = store_int(query, at) > 0;
		break;
	}
}

/* Some columns of each row, by their numbers in ledger_columns. */
struct reading {
	const struct usage_query *query;
	size_t columns[LEDGER_COLUMNS];
	size_t count;
	const char *from;
	bool (*row)(void *context, const struct ledger_row *row, struct fault *fault);
	void *context;
};

static bool read_rows(const struct reading *reading, struct store_query *rows, struct fault *fault)
{
	enum store_step step;

	while ((step = store_step(rows, fault)) == STORE_ROW) {
		struct ledger_row seen = ledger_row_unknown;
		for (size_t i = 0; i < reading->count; i++)
			read_field(rows, (int)i, &ledger_columns[reading->columns[i]], &seen);
		if (!reading->row(reading->context, &seen, fault))
			return false;
	}
	return step == STORE_DONE;
}

static bool read_ledger(const struct reading *reading, struct fault *fault)
{
	struct text_buf columns;
	struct store *store;
	struct store_query *rows = NULL;

	if (!store_open(reading->query->ledger, STORE_READ, &store, fault))
		return false;
	text_buf_init(&columns, 4096);
	bool good = true;
	for (size_t i = 0; i < reading->count && good; i++)
		good = add_column(store, ledger_columns[reading->columns[i]].name, &columns, fault);
	good = good && prepare(store, reading->query, columns.data, reading->from, &rows, fault) &&
	       read_rows(reading, rows, fault);
	text_buf_done(&columns);
	store_query_free(rows);
	store_close(store);
	return good;
}

bool usage_each(const struct usage_query *query,
                bool (*row)(void *context, const struct ledger_row *row, struct fault *fault),
                void *context, struct fault *fault)
{
	struct reading reading = {
	    .query = query,
	    .count = LEDGER_COLUMNS,
	    .from = in_order,
	    .row = row,
	    .context = context,
	};

	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		reading.columns[i] = i;
	return read_ledger(&reading, fault);
}

bool usage_each_charge(const struct usage_query *query,
                       bool (*row)(void *context, const struct ledger_row *row,
                                   struct fault *fault),
                       void *context, struct fault *fault)
{
	static const char *const names[] = {
	    "started_at",  "attempt",   "key_id",        "team",     "workflow",
	    "task",        "target",    "prompt_tokens", "cost_usd", "completion_tokens",
	    "cost_source", "cost_parts"};
	struct reading reading = {.query = query,
	                          .from = FROM_WINDOW "AND target IS NOT NULL",
	                          .row = row,
	                          .context = context};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		reading.columns[reading.count++] =
		    (size_t)(ledger_column_find(text_of(names[i])) - ledger_columns);
	return read_ledger(&reading, fault);
}

/* --- groups ---------------------------------------------------------------------------------- */

/* Nobody bills an answer that was refused or failed, nor one where no connection came about. */
static const char summed[] =
    "attempt, outcome = 'ok', prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens,"
    " reasoning_tokens, cost_usd, baseline_cost_usd,"
    " cost_usd IS NULL AND coalesce(status < 300, outcome IS NOT 'error')";
enum { SUMMED = 11 }; /* and cost_difference_usd, which an old ledger does not have */

struct grouping {
	const struct usage_query *query;
	struct arena *arena;
	struct text_map groups;
	struct usage_group *first, **last;
	struct text_buf key;
	struct arena moments; /* of the moment at hand */
	int64_t moment_hour;
	struct text moment;
};

static void add_count(int64_t *sum, int64_t value)
{
	if (value > 0 && *sum <= INT64_MAX - value)
		*sum += value;
}

bool usage_knows(const struct usage_group *group, enum usage_sum sum)
{
	return group->attempts == 0 || (group->known >> sum & 1U) != 0;
}

static void add_row(struct usage_group *group, struct store_query *row)
{
	for (int sum = USAGE_PROMPT; sum <= USAGE_BASELINE; sum++)
		if (store_int(row, 2 + sum) >= 0)
			group->known |= 1U << sum;
	group->attempts++;
	group->requests += store_int(row, 0) == 1;
	group->ok += store_int(row, 1) > 0;
	add_count(&group->prompt_tokens, store_int(row, 2));
	add_count(&group->cached_tokens, store_int(row, 3));
	add_count(&group->cache_write_tokens, store_int(row, 4));
	add_count(&group->completion_tokens, store_int(row, 5));
	add_count(&group->reasoning_tokens, store_int(row, 6));
	group->unpriced += store_int(row, 9) > 0;
	group->cost += int64_max(store_int(row, 7), 0);
	group->baseline += int64_max(store_int(row, 8), 0);
	int64_t difference = store_int_or(row, 10, LEDGER_NO_DIFFERENCE);
	if (difference != LEDGER_NO_DIFFERENCE) {
		group->compared++;
		group->difference += difference;
	}
}

/* Formatted once an hour of rows, which mostly come in order. */
static struct text moment_of(struct grouping *g, int64_t wall_ms)
{
	int64_t hour = wall_ms / HOUR_MS;

	if (g->moment.data == NULL || hour != g->moment_hour) {
		arena_reset(&g->moments);
		g->moment = wall_format(&g->moments, wall_ms, false);
		g->moment_hour = hour;
	}
	return g->moment;
}

static struct text part_of(struct grouping *g, struct store_query *row, size_t number)
{
	struct text name = g->query->by[number];
	int at = SUMMED + (int)number;
	size_t i = made_number(name);

	if (i < ARRAY_LENGTH(made) && made[i].digits > 0)
		return text_slice(moment_of(g, store_int(row, at)), 0, made[i].digits);
	const struct ledger_column *column = ledger_column_find(name);
	if (column != NULL && column->kind == LEDGER_FLAG)
		return store_int(row, at) > 0 ? TEXT("true") : TEXT("false");
	struct text value = store_text(row, at);
	if (i == ARRAY_LENGTH(made) || value.data == NULL)
		return value;
	size_t slash = text_find_byte(value, '/', 0);
	if (text_is(name, "provider"))
		return text_slice(value, 0, slash);
	return slash == TEXT_NOT_FOUND ? (struct text){NULL, 0}
	                               : text_slice(value, slash + 1, value.len);
}

/* Where each value stands in the key. */
struct parts {
	size_t starts[USAGE_BY_MAX], lens[USAGE_BY_MAX];
};

/* Values with their lengths before them: no two groups share a key. */
static struct parts make_key(struct grouping *g, struct store_query *row)
{
	struct parts parts = {.starts = {0}};

	text_buf_reset(&g->key);
	for (size_t i = 0; i < g->query->by_count; i++) {
		struct text value = part_of(g, row, i);
		(void)text_buf_format(&g->key, "%zu:", value.len);
		parts.starts[i] = g->key.len;
		parts.lens[i] = value.len;
		(void)text_buf_add(&g->key, value);
	}
	return parts;
}

static struct usage_group *group_of(struct grouping *g, struct store_query *row,
                                    struct fault *fault)
{
	struct parts parts = make_key(g, row);
	if (g->key.overflow) { /* LEDGER_TEXT_MAX of each is room enough */
		(void)fault_set(fault, FAULT_INPUT,
		                "the ledger holds a text that is longer than it writes any");
		return NULL;
	}
	struct text key = text_buf_view(&g->key);
	struct usage_group *group = text_map_find(&g->groups, key);

	if (group != NULL)
		return group;
	if (g->groups.count == USAGE_GROUPS_MAX) {
		(void)fault_set(fault, FAULT_INPUT, "more than %d groups: group by fewer columns",
		                USAGE_GROUPS_MAX);
		return NULL;
	}
	group = ARENA_NEW(g->arena, struct usage_group);
	key = text_copy(g->arena, key);
	for (size_t i = 0; i < g->query->by_count; i++)
		group->values[i] = (struct text){key.data + parts.starts[i], parts.lens[i]};
	text_map_add(&g->groups, key, group);
	*g->last = group;
	g->last = &group->next;
	return group;
}

static int by_values(const void *a, const void *b)
{
	const struct usage_group *left = a;
	const struct usage_group *right = b;
	int order = 0;

	for (size_t i = 0; i < USAGE_BY_MAX && order == 0; i++)
		order = text_compare(left->values[i], right->values[i]);
	return order;
}

static bool read_groups(struct grouping *g, struct store_query *rows, struct usage_groups *out,
                        struct fault *fault)
{
	enum store_step step;

	while ((step = store_step(rows, fault)) == STORE_ROW) {
		struct usage_group *group = group_of(g, rows, fault);
		if (group == NULL)
			return false;
		add_row(group, rows);
		add_row(&out->total, rows);
	}
	if (step == STORE_FAILED)
		return false;
	out->groups = ARENA_NEW_ARRAY(g->arena, struct usage_group, g->groups.count + 1);
	for (const struct usage_group *group = g->first; group != NULL; group = group->next)
		out->groups[out->count++] = *group;
	qsort(out->groups, out->count, sizeof(*out->groups), by_values);
	return true;
}

bool usage_group(const struct usage_query *query, struct arena *arena, struct usage_groups *out,
                 struct fault *fault)
{
	struct grouping g = {.query = query, .arena = arena};
	struct text_buf columns;
	struct store *store;
	struct store_query *rows = NULL;

	*out = (struct usage_groups){.count = 0};
	if (!store_open(query->ledger, STORE_READ, &store, fault))
		return false;
	text_buf_init(&columns, 2048);
	(void)text_buf_add_c(&columns, summed);
	bool good = add_column(store, "cost_difference_usd", &columns, fault);
	for (size_t i = 0; i < query->by_count; i++) {
		size_t number = made_number(query->by[i]);
		if (number < ARRAY_LENGTH(made))
			(void)text_buf_format(&columns, ", %s", made[number].column);
		else
			(void)text_buf_format(&columns, ", %.*s", TEXT_ARG(query->by[i]));
	}
	text_buf_init(&g.key, KEY_MAX_BYTES);
	text_map_init(&g.groups);
	g.last = &g.first;
	good = good && prepare(store, query, columns.data, in_no_order, &rows, fault) &&
	       read_groups(&g, rows, out, fault);
	store_query_free(rows);
	store_close(store);
	text_buf_done(&columns);
	text_buf_done(&g.key);
	arena_done(&g.moments);
	text_map_done(&g.groups);
	return good;
}
