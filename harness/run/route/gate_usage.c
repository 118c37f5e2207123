/* Demands from a usage CSV: rows are added up by route and shape, in memory that grows with these.
 */
#include "harness/base/csv_stream.h"
#include "harness/run/matrix/cell_index.h"
#include "harness/run/route/gate.h"
#include "harness/run/route/traffic.h"

#include <stdlib.h>

enum column { ROUTE, MODEL, SHAPE, ATTEMPT, PROMPT, COMPLETION, COST, COLUMNS };

static const char *const column_names[COLUMNS] = {
    "route",         "requested_model",   "shape",    "attempt",
    "prompt_tokens", "completion_tokens", "cost_usd",
};

struct usage {
	struct arena *arena;
	struct gate_demands *out;
	struct fault_list *refusals;
	int64_t taken, refused; /* rows */
	bool ended;             /* by a mistake that is of no single row */
	size_t room;
	struct cell_index index; /* of route and shape */
	size_t at[COLUMNS];      /* SIZE_MAX: no such column */
	size_t columns;
};

static struct place place_of(const struct csv_stream_row *line, size_t field)
{
	return (struct place){line->source,
	                      field < line->row.count ? line->row.fields[field].offset : 0};
}

static bool read_header(struct usage *usage, const struct csv_stream_row *line, struct fault *fault)
{
	const struct csv_row *row = &line->row;

	usage->columns = row->count;
	for (int column = 0; column < COLUMNS; column++) {
		usage->at[column] = SIZE_MAX;
		for (size_t i = 0; i < row->count; i++) {
			if (!text_is(row->fields[i].text, column_names[column]))
				continue;
			if (usage->at[column] != SIZE_MAX)
				return fault_at(fault, place_of(line, i),
				                "the column \"%s\" stands here again",
				                column_names[column]);
			usage->at[column] = i;
		}
	}
	if (usage->at[ROUTE] == SIZE_MAX && usage->at[MODEL] == SIZE_MAX)
		return fault_at(fault, place_of(line, 0),
		                "this is no usage: it has no column route or requested_model");
	if (usage->at[SHAPE] == SIZE_MAX)
		return fault_at(fault, place_of(line, 0),
		                "this is no usage: it has no column shape");
	return true;
}

static struct text field_of(const struct usage *usage, const struct csv_stream_row *line,
                            enum column column)
{
	size_t at = usage->at[column];

	return at == SIZE_MAX ? (struct text){NULL, 0} : line->row.fields[at].text;
}

static bool new_demand(struct usage *usage, const struct csv_stream_row *line, struct cell_key key,
                       struct fault *fault)
{
	struct gate_demands *out = usage->out;
	struct text bad;

	usage->ended = out->count == GATE_MAX_DEMANDS;
	if (usage->ended)
		return fault_at(fault, place_of(line, usage->at[SHAPE]),
		                "more than %d different pairs of route and shape",
		                GATE_MAX_DEMANDS);
	if (out->count == usage->room) {
		usage->room = usage->room == 0 ? 64 : usage->room * 2;
		struct gate_demand *grown =
		    ARENA_NEW_ARRAY(usage->arena, struct gate_demand, usage->room);
		if (out->count > 0)
			memcpy(grown, out->items, out->count * sizeof(*grown));
		out->items = grown;
	}
	key.target = text_copy(usage->arena, key.target);
	key.case_id = text_copy(usage->arena, key.case_id);
	struct gate_demand *demand = &out->items[out->count];
	*demand = (struct gate_demand){
	    .route = key.target,
	    .names = traffic_split_features(key.case_id, usage->arena),
	    .source = GATE_FROM_USAGE,
	};
	if (!shape_from_names(&demand->names, usage->arena, &demand->shape, &bad))
		return fault_at(fault, place_of(line, usage->at[SHAPE]),
		                "no feature \"%.*s\": another version's export?", TEXT_ARG(bad));
	cell_index_add(&usage->index, key, out->count++);
	return true;
}

/* Adds a field to a sum; one empty field makes the whole sum unknown. */
static bool add_count(const struct usage *usage, const struct csv_stream_row *line,
                      enum column column, int64_t *sum, struct fault *fault)
{
	struct text field = field_of(usage, line, column);
	int64_t value;
	bool good;

	if (field.len == 0) {
		*sum = -1;
		return true;
	}
	good = column == COST ? setting_parse_usd(field, &value)
	                      : text_to_int64(field, 0, INT64_MAX, &value);
	if (!good)
		return fault_at(fault, place_of(line, usage->at[column]), "%s is \"%.*s\"",
		                column_names[column], TEXT_ARG(field));
	if (*sum >= 0 && __builtin_add_overflow(*sum, value, sum))
		*sum = -1;
	return true;
}

/* Of the tokens and the cost of a row that is refused nothing has been added. */
static bool numbers_are_good(const struct usage *usage, const struct csv_stream_row *line,
                             struct fault *fault)
{
	int64_t sums[3] = {0, 0, 0}, attempt;
	struct text number = field_of(usage, line, ATTEMPT);

	if (number.len > 0 && !text_to_int64(number, 1, INT64_MAX, &attempt))
		return fault_at(fault, place_of(line, usage->at[ATTEMPT]),
		                "attempt is \"%.*s\"; want a number from 1 on", TEXT_ARG(number));
	return add_count(usage, line, PROMPT, &sums[0], fault) &&
	       add_count(usage, line, COMPLETION, &sums[1], fault) &&
	       add_count(usage, line, COST, &sums[2], fault);
}

static bool take_row(struct usage *usage, const struct csv_stream_row *line, struct fault *fault)
{
	struct text route = field_of(usage, line, ROUTE);
	struct text attempt = field_of(usage, line, ATTEMPT);
	struct text shape = field_of(usage, line, SHAPE);
	bool first = attempt.len == 0 || text_is(attempt, "1");

	if (!numbers_are_good(usage, line, fault))
		return false;
	if (route.len == 0)
		route = field_of(usage, line, MODEL);
	if (route.len == 0 || shape.len == 0) {
		usage->out->without_shape += first;
		return true;
	}
	struct cell_key key = {route, shape, TEXT("")};
	size_t number = cell_index_find(&usage->index, key);
	if (number == SIZE_MAX) {
		number = usage->out->count;
		if (!new_demand(usage, line, key, fault))
			return false;
	}
	struct gate_demand *demand = &usage->out->items[number];
	demand->requests += first;
	return add_count(usage, line, PROMPT, &demand->prompt_tokens, fault) &&
	       add_count(usage, line, COMPLETION, &demand->completion_tokens, fault) &&
	       add_count(usage, line, COST, &demand->cost_pico_usd, fault);
}

static bool each_row(void *context, const struct csv_stream_row *line, struct fault *fault)
{
	struct usage *usage = context;

	if (usage->columns == 0)
		return read_header(usage, line, fault);
	if (line->row.count != usage->columns)
		return fault_at(fault, place_of(line, 0), "this row has %zu fields, the header %zu",
		                line->row.count, usage->columns);
	if (!take_row(usage, line, fault))
		return false;
	usage->taken++;
	return true;
}

static bool each_refused(void *context, const struct fault *fault)
{
	struct usage *usage = context;

	if (usage->taken + usage->refused == 0 && usage->columns == 0)
		return false;
	if (usage->ended)
		return false;
	usage->refused++;
	(void)fault_list_add(usage->refusals, fault);
	return true;
}

static int compare_demands(const void *a, const void *b)
{
	const struct gate_demand *x = a;
	const struct gate_demand *y = b;
	int order = text_compare(x->route, y->route);

	for (size_t i = 0; order == 0 && i < x->names.count && i < y->names.count; i++)
		order = text_compare(x->names.items[i], y->names.items[i]);
	return order != 0 ? order
	                  : (x->names.count > y->names.count) - (x->names.count < y->names.count);
}

/* What a request of it is like on the average; a byte count that the router takes for tokens. */
static void take_means(struct gate_demand *demand)
{
	const int64_t most_tokens = (int64_t)1 << 40;

	if (demand->requests > 0 && demand->prompt_tokens > 0)
		demand->shape.prompt_bytes =
		    int64_min(demand->prompt_tokens / demand->requests, most_tokens) *
		    TRAFFIC_BYTES_PER_TOKEN;
}

bool gate_demands_of_usage(const char *path, struct arena *arena, struct gate_demands *out,
                           struct fault_list *refusals, struct fault *fault)
{
	struct usage usage = {.arena = arena, .out = out, .refusals = refusals};
	const struct csv_stream_events stream = {each_row, each_refused, &usage};

	*out = (struct gate_demands){.weighted = true};
	bool good = csv_stream(path, &stream, fault);
	cell_index_done(&usage.index);
	if (!good)
		return false;
	if (usage.columns == 0)
		return fault_set(fault, FAULT_INPUT, "%s is empty", path);
	if (usage.refused > 0)
		return fault_set(fault, FAULT_INPUT,
		                 "%lld of %lld rows refused: a gate goes by all of the traffic, or "
		                 "by none",
		                 (long long)usage.refused,
		                 (long long)(usage.refused + usage.taken));
	if (out->count == 0)
		return fault_set(fault, FAULT_INPUT, "%s holds no request with a shape", path);
	for (size_t i = 0; i < out->count; i++)
		take_means(&out->items[i]);
	qsort(out->items, out->count, sizeof(*out->items), compare_demands);
	return true;
}
