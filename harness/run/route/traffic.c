/* Logs of requests, in the formats that are known; see traffic.h. */
#include "harness/run/route/traffic.h"

#include "cases/feature.h"
#include "harness/base/csv_stream.h"
#include "harness/base/loop.h"

enum { TRAFFIC_FORMATS = TRAFFIC_AZURE + 1 };

static const char *const column_names[TRAFFIC_FORMATS][TRAFFIC_COLUMNS] = {
    [TRAFFIC_PLAIN] = {"timestamp", "input_tokens", "output_tokens", "task", "route", "features",
                       "cached_tokens", "model"},
    [TRAFFIC_USAGE] = {"started_at", "prompt_tokens", "completion_tokens", "task", "route", "shape",
                       "cached_tokens", "requested_model", "outcome", "usage_source"},
    [TRAFFIC_AZURE] = {"TIMESTAMP", "ContextTokens", "GeneratedTokens"},
};

const char *traffic_format_name(enum traffic_format format)
{
	static const char *const names[] = {"plain", "usage", "azure"};

	return names[format];
}

struct text_list traffic_split_features(struct text shape, struct arena *arena)
{
	struct text_list names = {ARENA_NEW_ARRAY(arena, struct text, shape.len / 2 + 1), 0};
	struct text rest = shape;
	struct text name;

	while (text_next_field(&rest, ' ', &name)) {
		struct text *last = names.count == 0 ? NULL : &names.items[names.count - 1];
		if (name.len == 0)
			continue;
		if (last != NULL && feature_field(*last).data != NULL && !feature_is_known(name))
			last->len = (size_t)(name.data + name.len - last->data);
		else
			names.items[names.count++] = name;
	}
	return names;
}

/* --- moments ----------------------------------------------------------------------- */

/* Seconds or milliseconds since 1970, told apart by their size; seconds may have a fraction. */
static bool epoch_moment(struct text view, int64_t *out_wall_ms)
{
	const int64_t seconds_max = 100000000000; /* the year 5138 */
	size_t point = text_find_byte(view, '.', 0);
	struct text whole = text_slice(view, 0, point);
	int64_t value, fraction = 0;

	if (!text_to_int64(whole, 0, seconds_max * 1000, &value))
		return false;
	if (value >= seconds_max) {
		*out_wall_ms = value;
		return point == TEXT_NOT_FOUND;
	}
	if (point != TEXT_NOT_FOUND) {
		struct text digits = text_slice(view, point + 1, view.len);
		if (digits.len > 9 || !text_to_int64(digits, 0, INT64_MAX, &fraction))
			return false;
		for (size_t i = digits.len; i < 3; i++)
			fraction *= 10;
		for (size_t i = 3; i < digits.len; i++)
			fraction /= 10;
	}
	*out_wall_ms = value * 1000 + fraction;
	return true;
}

bool traffic_moment(struct text view, int64_t *out_wall_ms)
{
	enum { MOMENT_BYTES = 48, DATE_BYTES = sizeof("2026-11-28") - 1 };
	char bytes[MOMENT_BYTES];

	if (view.len <= 4 || view.data[4] != '-')
		return epoch_moment(view, out_wall_ms);
	if (view.len <= DATE_BYTES || view.len >= sizeof(bytes))
		return wall_parse(view, out_wall_ms);
	memcpy(bytes, view.data, view.len);
	if (bytes[DATE_BYTES] == ' ')
		bytes[DATE_BYTES] = 'T';
	struct text moment = {bytes, view.len};
	if (text_find_byte(moment, 'Z', DATE_BYTES) == TEXT_NOT_FOUND &&
	    text_find_byte(moment, '+', DATE_BYTES) == TEXT_NOT_FOUND &&
	    text_find_byte(moment, '-', DATE_BYTES) == TEXT_NOT_FOUND)
		bytes[moment.len++] = 'Z';
	return wall_parse(moment, out_wall_ms);
}

/* --- the header ---------------------------------------------------------------------- */

struct reading {
	const struct traffic_options *options;
	const struct traffic_events *events;
	struct arena *arena;
	struct arena scratch; /* of one refusal */
	struct traffic_counts *counts;
	const char *names[TRAFFIC_COLUMNS]; /* as this file has them; NULL: it has none */
	size_t at[TRAFFIC_COLUMNS];         /* SIZE_MAX: no such column */
	size_t columns;
	bool has_header, bad_header;
};

static size_t find_column(const struct csv_row *row, struct text name)
{
	for (size_t i = 0; i < row->count; i++)
		if (text_equal(row->fields[i].text, name))
			return i;
	return SIZE_MAX;
}

static struct place place_at(const struct csv_stream_row *row, size_t field)
{
	return (struct place){row->source,
	                      field < row->row.count ? row->row.fields[field].offset : 0};
}

/* "input_tokens=PromptTokens" gives that column another name. */
static bool map_columns(struct reading *r, struct fault *fault)
{
	const char *const *plain = column_names[TRAFFIC_PLAIN];

	for (size_t i = 0; i < r->options->columns.count; i++) {
		struct text given = r->options->columns.items[i];
		size_t equals = text_find_byte(given, '=', 0);
		struct text name = text_slice(given, 0, equals);
		size_t column = 0;
		if (equals == TEXT_NOT_FOUND || equals + 1 == given.len)
			return fault_set(fault, FAULT_USAGE,
			                 "--column %.*s: want COLUMN=NAME, such as "
			                 "input_tokens=PromptTokens",
			                 TEXT_ARG(given));
		while (column < TRAFFIC_COLUMNS && !text_is(name, plain[column]))
			column++;
		if (column == TRAFFIC_COLUMNS || plain[column] == NULL)
			return fault_set(fault, FAULT_USAGE,
			                 "--column: there is no column \"%.*s\"; there are "
			                 "timestamp, input_tokens, output_tokens, task, route, "
			                 "features, cached_tokens, model",
			                 TEXT_ARG(name));
		r->names[column] = text_c(r->arena, text_slice(given, equals + 1, given.len));
	}
	return true;
}

static bool holds_required(const struct csv_row *row, const char *const *names)
{
	for (size_t i = TRAFFIC_TIMESTAMP; i <= TRAFFIC_OUTPUT_TOKENS; i++)
		if (find_column(row, text_of(names[i])) == SIZE_MAX)
			return false;
	return true;
}

/* The format whose needed columns are there, with the mapping put over it. */
static bool choose_format(struct reading *r, const struct csv_row *row)
{
	const char *mapped[TRAFFIC_COLUMNS];

	memcpy(mapped, r->names, sizeof(mapped));
	for (int format = 0; format < TRAFFIC_FORMATS; format++) {
		for (size_t i = 0; i < TRAFFIC_COLUMNS; i++)
			r->names[i] = mapped[i] != NULL ? mapped[i] : column_names[format][i];
		r->counts->format = (enum traffic_format)format;
		if (holds_required(row, r->names))
			return true;
	}
	for (size_t i = 0; i < TRAFFIC_COLUMNS; i++)
		r->names[i] = mapped[i] != NULL ? mapped[i] : column_names[TRAFFIC_PLAIN][i];
	return false;
}

static bool no_format(const struct reading *r, const struct csv_stream_row *row,
                      struct fault *fault)
{
	size_t missing = TRAFFIC_TIMESTAMP;

	while (find_column(&row->row, text_of(r->names[missing])) != SIZE_MAX)
		missing++;
	return fault_at(fault, place_at(row, 0),
	                "this header has no column \"%s\"; want timestamp, input_tokens and "
	                "output_tokens, or those of a usage export or of an Azure trace, or say "
	                "--column %s=NAME",
	                r->names[missing], column_names[TRAFFIC_PLAIN][missing]);
}

static bool no_column_twice(const struct csv_stream_row *row, struct fault *fault)
{
	for (size_t i = 0; i < row->row.count; i++) {
		struct text name = row->row.fields[i].text;
		if (find_column(&row->row, name) != i)
			return fault_at(fault, place_at(row, i),
			                "the column \"%.*s\" stands here again", TEXT_ARG(name));
	}
	return true;
}

static void note_unread(struct reading *r, const struct csv_row *row)
{
	struct text_list *unread = &r->counts->unread;

	unread->items = ARENA_NEW_ARRAY(r->arena, struct text, row->count);
	for (size_t i = 0; i < row->count; i++) {
		bool read = false;
		for (size_t c = 0; c < TRAFFIC_COLUMNS; c++)
			read = read || r->at[c] == i;
		if (!read)
			unread->items[unread->count++] = text_copy(r->arena, row->fields[i].text);
	}
}

static bool read_header(struct reading *r, const struct csv_stream_row *row, struct fault *fault)
{
	r->has_header = true;
	r->columns = row->row.count;
	r->bad_header = true;
	if (!map_columns(r, fault) || !no_column_twice(row, fault))
		return false;
	for (size_t c = 0; c < TRAFFIC_COLUMNS; c++)
		if (r->names[c] != NULL && find_column(&row->row, text_of(r->names[c])) == SIZE_MAX)
			return fault_at(fault, place_at(row, 0),
			                "--column names \"%s\", and this header has no such column",
			                r->names[c]);
	if (!choose_format(r, &row->row))
		return no_format(r, row, fault);
	for (size_t c = 0; c < TRAFFIC_COLUMNS; c++)
		r->at[c] =
		    r->names[c] == NULL ? SIZE_MAX : find_column(&row->row, text_of(r->names[c]));
	note_unread(r, &row->row);
	r->bad_header = false;
	return true;
}

/* --- rows ------------------------------------------------------------------------------ */

static struct text field_of(const struct reading *r, const struct csv_row *row,
                            enum traffic_column column)
{
	size_t at = r->at[column];

	return at == SIZE_MAX ? (struct text){NULL, 0} : row->fields[at].text;
}

static struct text field_or(const struct reading *r, const struct csv_row *row,
                            enum traffic_column column, struct text usual)
{
	struct text field = field_of(r, row, column);

	return field.len == 0 ? usual : field;
}

static bool read_count(struct reading *r, const struct csv_stream_row *row,
                       enum traffic_column column, int64_t *out, struct fault *fault)
{
	struct text field = field_of(r, &row->row, column);

	*out = -1;
	if (field.len == 0 || text_to_int64(field, 0, TRAFFIC_MAX_TOKENS, out))
		return true;
	arena_reset(&r->scratch);
	struct text shown = text_visible(&r->scratch, field, 40);
	return fault_at(fault, place_at(row, r->at[column]), "%s is \"%.*s\"; want 0 to %d",
	                r->names[column], TEXT_ARG(shown), TRAFFIC_MAX_TOKENS);
}

static bool read_moment(struct reading *r, const struct csv_stream_row *row, int64_t *out,
                        struct fault *fault)
{
	struct text field = field_of(r, &row->row, TRAFFIC_TIMESTAMP);

	if (traffic_moment(field, out))
		return true;
	arena_reset(&r->scratch);
	struct text shown = text_visible(&r->scratch, field, 40);
	return fault_at(fault, place_at(row, r->at[TRAFFIC_TIMESTAMP]),
	                "%s is \"%.*s\"; want a moment such as 2026-11-28T10:00:00Z",
	                r->names[TRAFFIC_TIMESTAMP], TEXT_ARG(shown));
}

/* An attempt that brought no answer is no request of its own: the next one was. */
static bool brought_answer(const struct reading *r, const struct csv_row *row)
{
	static const char *const none[] = {"error", "timeout", "malformed", "refused"};
	struct text outcome = field_of(r, row, TRAFFIC_OUTCOME);

	for (size_t i = 0; i < ARRAY_LENGTH(none); i++)
		if (text_is(outcome, none[i]))
			return false;
	return true;
}

static size_t place_of(const struct reading *r, const struct csv_stream_row *row,
                       enum traffic_column column)
{
	size_t at = r->at[column];

	return at == SIZE_MAX ? 0 : place_at(row, at).offset;
}

static bool read_row(struct reading *r, const struct csv_stream_row *row, struct fault *fault)
{
	const struct traffic_options *options = r->options;
	struct traffic_row out = {.source = row->source};

	if (row->row.count != r->columns)
		return fault_at(fault, place_at(row, 0), "this row has %zu field%s, the header %zu",
		                row->row.count, row->row.count == 1 ? "" : "s", r->columns);
	if (!brought_answer(r, &row->row)) {
		r->counts->unserved++;
		return true;
	}
	if (!read_moment(r, row, &out.wall_ms, fault) ||
	    !read_count(r, row, TRAFFIC_INPUT_TOKENS, &out.input_tokens, fault) ||
	    !read_count(r, row, TRAFFIC_OUTPUT_TOKENS, &out.output_tokens, fault) ||
	    !read_count(r, row, TRAFFIC_CACHED_TOKENS, &out.cached_tokens, fault))
		return false;
	if (out.input_tokens >= 0 && out.cached_tokens > out.input_tokens)
		return fault_at(fault, place_at(row, r->at[TRAFFIC_CACHED_TOKENS]),
		                "%lld cached tokens of %lld; want input tokens with the cached "
		                "ones among them",
		                (long long)out.cached_tokens, (long long)out.input_tokens);
	out.cached_tokens = int64_max(out.cached_tokens, 0);
	out.estimated = text_is(field_of(r, &row->row, TRAFFIC_USAGE_SOURCE), "estimated");
	out.task = field_or(r, &row->row, TRAFFIC_TASK, options->task);
	out.features = field_or(r, &row->row, TRAFFIC_FEATURES, options->features);
	out.asked = field_or(r, &row->row, TRAFFIC_ROUTE,
	                     field_or(r, &row->row, TRAFFIC_MODEL, options->asked));
	out.features_at = place_of(r, row, TRAFFIC_FEATURES);
	out.asked_at = place_of(r, row, TRAFFIC_ROUTE);
	if (!r->events->row(r->events->context, &out, fault))
		return false;
	r->counts->taken++;
	return true;
}

static bool each_row(void *context, const struct csv_stream_row *row, struct fault *fault)
{
	struct reading *r = context;

	if (!r->has_header)
		return read_header(r, row, fault);
	return read_row(r, row, fault);
}

static bool each_refused(void *context, const struct fault *fault)
{
	struct reading *r = context;

	if (!r->has_header || r->bad_header)
		return false;
	r->counts->refused++;
	return r->events->refused(r->events->context, fault);
}

bool traffic_read(const char *path, const struct traffic_options *options,
                  const struct traffic_events *events, struct arena *arena,
                  struct traffic_counts *out, struct fault *fault)
{
	struct reading r = {.options = options, .events = events, .arena = arena, .counts = out};
	const struct csv_stream_events stream = {each_row, each_refused, &r};

	*out = (struct traffic_counts){0};
	bool good = csv_stream(path, &stream, fault);
	arena_done(&r.scratch);
	out->rows = out->taken + out->refused + out->unserved;
	if (!good)
		return false;
	if (!r.has_header)
		return fault_set(fault, FAULT_INPUT, "%s is empty; want a header row", path);
	return true;
}
