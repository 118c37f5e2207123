/* Reading a node into a struct by a table; see settings.h. The values: settings_parse.c. */
#include "harness/base/settings.h"

#include "harness/base/yaml.h"

#include <inttypes.h>

enum { VALUE_SHOWN_BYTES = 60 }; /* of a wrong value: enough to know it again */

struct reader {
	struct arena *arena;
	struct fault_list *faults;
	size_t errors_before;
};

/* Enough has been said; what a long list of mistakes would cost, nobody reads. */
static bool is_full(const struct reader *r)
{
	return r->faults->errors > r->errors_before && fault_list_is_full(r->faults);
}

/* The value as messages name it: "10x" with quotes, 3 as it is, "an array". */
static struct text shown(struct reader *r, const struct json *node)
{
	struct text cut = text_slice(node->text, 0, VALUE_SHOWN_BYTES);
	const char *more = cut.len < node->text.len ? "..." : "";

	switch ((enum json_type)node->type) {
	case JSON_STRING:
		return text_format(r->arena, "\"%.*s%s\"", TEXT_ARG(cut), more);
	case JSON_NUMBER:
	case JSON_BOOL:
		return text_format(r->arena, "%.*s%s", TEXT_ARG(cut), more);
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return text_of(json_type_name(node));
}

/* "timeout is "10x"; want a duration ..." */
static void complain(struct reader *r, const struct setting *row, const struct json *node,
                     const char *want)
{
	(void)fault_list_at(r->faults, json_place(node), "%s is %.*s; want %s", row->name,
	                    TEXT_ARG(shown(r, node)), want);
}

static int64_t limit_of(const struct setting *row)
{
	return row->max == 0 ? INT64_MAX : row->max;
}

/* Limits in the words of the type. */
static void format_limit(enum setting_type type, int64_t value, char out[SETTING_FORMAT_BYTES])
{
	if (type == SETTING_DURATION)
		setting_format_duration(value, out);
	else if (type == SETTING_BYTES)
		setting_format_bytes(value, out);
	else
		(void)snprintf(out, SETTING_FORMAT_BYTES, "%" PRId64, value);
}

/* " from 1 to 10", " of at least 1", " of at most 10", or nothing. */
static const char *range_text(struct reader *r, const struct setting *row)
{
	char min[SETTING_FORMAT_BYTES];
	char max[SETTING_FORMAT_BYTES];

	format_limit(row->type, row->min, min);
	format_limit(row->type, row->max, max);
	if (row->max == 0)
		return text_format(r->arena, " of at least %s", min).data;
	if (row->min == row->max)
		return text_format(r->arena, ": %s", min).data;
	if (row->min <= 0 && row->type != SETTING_INT)
		return text_format(r->arena, " of at most %s", max).data;
	return text_format(r->arena, " from %s to %s", min, max).data;
}

/* --- plain values --- */

static void read_text(struct reader *r, const struct setting *row, const struct json *node,
                      struct text *out)
{
	if (node->type == JSON_STRING)
		*out = node->text;
	else if (node->type == JSON_NUMBER || node->type == JSON_BOOL)
		complain(r, row, node, "a string: put it in quotes");
	else
		complain(r, row, node, "a string");
}

static void read_int(struct reader *r, const struct setting *row, const struct json *node,
                     int64_t *out)
{
	if (!json_node_integer(node, row->min, limit_of(row), out))
		complain(r, row, node,
		         text_format(r->arena, "a whole number%s", range_text(r, row)).data);
}

static void read_bool(struct reader *r, const struct setting *row, const struct json *node,
                      bool *out)
{
	if (node->type == JSON_BOOL)
		*out = node->truth;
	else
		complain(r, row, node, "true or false");
}

/* Most names differ at once: tables are searched for each key of a large file. */
static bool is_named(struct text text, const char *name)
{
	return text.len > 0 && text.data[0] == name[0] && text_is(text, name);
}

/* "a, b or c", with the nearest one where there is one. */
static const char *names_text(struct reader *r, const struct setting *row, struct text wrong)
{
	struct text all = TEXT("");
	size_t count = 0;

	while (row->names[count] != NULL)
		count++;
	for (size_t i = 0; i < count; i++)
		all = text_format(r->arena, "%.*s%s%s", TEXT_ARG(all),
		                  i == 0           ? ""
		                  : i + 1 == count ? " or "
		                                   : ", ",
		                  row->names[i]);
	const char *nearest = text_nearest(wrong, row->names, count);
	if (nearest == NULL)
		return all.data;
	return text_format(r->arena, "%.*s (did you mean '%s'?)", TEXT_ARG(all), nearest).data;
}

static void read_enum(struct reader *r, const struct setting *row, const struct json *node,
                      int *out)
{
	struct text none = {NULL, 0};

	if (node->type != JSON_STRING) {
		complain(r, row, node, names_text(r, row, none));
		return;
	}
	for (int i = 0; row->names[i] != NULL; i++) {
		if (is_named(node->text, row->names[i])) {
			*out = i;
			return;
		}
	}
	complain(r, row, node, names_text(r, row, node->text));
}

static bool is_word(const struct json *node)
{
	return node->type == JSON_STRING || node->type == JSON_NUMBER;
}

static void read_measure(struct reader *r, const struct setting *row, const struct json *node,
                         int64_t *out)
{
	bool duration = row->type == SETTING_DURATION;
	const char *kind = duration ? "a duration" : "a size";
	int64_t value;

	if (!is_word(node) || !(duration ? setting_parse_duration(node->text, &value)
	                                 : setting_parse_bytes(node->text, &value)))
		complain(r, row, node,
		         duration ? "a duration like 500ms, 10s, 15m, 1h or 14d (at most 36500d)"
		                  : "a size like 64k, 32m, 1g or a number of bytes");
	else if (value < row->min || value > limit_of(row))
		complain(r, row, node,
		         text_format(r->arena, "%s%s", kind, range_text(r, row)).data);
	else
		*out = value;
}

static void read_usd(struct reader *r, const struct setting *row, const struct json *node,
                     int64_t *out)
{
	if (!is_word(node) || !setting_parse_usd(node->text, out))
		complain(r, row, node,
		         "an amount in USD like \"2.50\", at least 0, with at most 12 decimals and "
		         "below 9 million");
}

static void read_texts(struct reader *r, const struct setting *row, const struct json *node,
                       struct text_list *out)
{
	struct text_list list = {.count = 1};

	if (node->type == JSON_STRING) {
		list.items = ARENA_NEW(r->arena, struct text);
		list.items[0] = node->text;
		*out = list;
		return;
	}
	if (node->type != JSON_ARRAY) {
		complain(r, row, node, "a string or a list of strings");
		return;
	}
	list.items = ARENA_NEW_ARRAY(r->arena, struct text, node->count);
	list.count = 0;
	JSON_EACH(item, node)
	{
		if (is_full(r))
			return;
		read_text(r, row, item, &list.items[list.count++]);
	}
	*out = list;
}

/* --- structs within structs --- */

static bool read_object(const struct setting_table *table, const struct json *node, void *out,
                        struct reader *r)
{
	return settings_read(table, node, out, r->arena, r->faults);
}

static void read_struct(struct reader *r, const struct setting *row, const struct json *node,
                        void *out)
{
	if (node->type != JSON_OBJECT)
		complain(r, row, node, "an object");
	else
		(void)read_object(row->table, node, out, r);
}

/* A list's items, or a map's with their names. */
static void read_items(struct reader *r, const struct setting *row, const struct json *node,
                       struct setting_list *out)
{
	bool is_map = row->type == SETTING_MAP;
	struct setting_list list = {0};

	if (node->type != (is_map ? JSON_OBJECT : JSON_ARRAY)) {
		complain(r, row, node, is_map ? "an object" : "an array");
		return;
	}
	list.items = arena_alloc_array(r->arena, node->count, row->item_size);
	JSON_EACH(item, node)
	{
		if (is_full(r))
			return;
		void *to = (char *)list.items + list.count++ * row->item_size;
		if (is_map)
			*(struct text *)to = item->key;
		(void)read_object(row->table, item, to, r);
	}
	*out = list;
}

static void read_value(struct reader *r, const struct setting *row, const struct json *node,
                       void *out)
{
	void *field = (char *)out + row->offset;

	switch (row->type) {
	case SETTING_TEXT:
		read_text(r, row, node, field);
		break;
	case SETTING_INT:
		read_int(r, row, node, field);
		break;
	case SETTING_BOOL:
		read_bool(r, row, node, field);
		break;
	case SETTING_ENUM:
		read_enum(r, row, node, field);
		break;
	case SETTING_DURATION:
	case SETTING_BYTES:
		read_measure(r, row, node, field);
		break;
	case SETTING_USD:
		read_usd(r, row, node, field);
		break;
	case SETTING_NODE:
		*(const struct json **)field = node;
		break;
	case SETTING_TEXTS:
		read_texts(r, row, node, field);
		break;
	case SETTING_STRUCT:
		read_struct(r, row, node, field);
		break;
	case SETTING_LIST:
	case SETTING_MAP:
		read_items(r, row, node, field);
		break;
	}
}

/* --- the object --- */

/* *next: where to look first. What programs write comes in the table's order, more or less. */
static const struct setting *find_row(const struct setting_table *table, struct text name,
                                      size_t *next)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t at = *next + i < table->count ? *next + i : *next + i - table->count;
		if (is_named(name, table->rows[at].name)) {
			*next = at + 1 < table->count ? at + 1 : 0;
			return &table->rows[at];
		}
	}
	return NULL;
}

/* "; it has min and max": where that is no list that nobody reads. */
static const char *names_of_few(struct reader *r, const struct setting_table *table)
{
	enum { FEW = 8 };
	const char *words = "; it has ";

	if (table->count > FEW)
		return "";
	for (size_t i = 0; i < table->count; i++) {
		const char *between = i == 0 ? "" : i + 1 == table->count ? " and " : ", ";
		words = text_format(r->arena, "%s%s%s", words, between, table->rows[i].name).data;
	}
	return words;
}

static void complain_unknown(struct reader *r, const struct setting_table *table,
                             const struct json *member)
{
	const char **names = ARENA_NEW_ARRAY(r->arena, const char *, table->count);
	struct place place = document_key_place(member);

	for (size_t i = 0; i < table->count; i++)
		names[i] = table->rows[i].name;
	const char *nearest = text_nearest(member->key, names, table->count);
	if (nearest != NULL)
		(void)fault_list_at(r->faults, place, "unknown key '%.*s' (did you mean '%s'?)",
		                    TEXT_ARG(member->key), nearest);
	else
		(void)fault_list_at(r->faults, place, "unknown key '%.*s' in this %s%s",
		                    TEXT_ARG(member->key), table->what, names_of_few(r, table));
}

/* given: a bit for each row. */
static void check_required(struct reader *r, const struct setting_table *table,
                           const struct json *node, uint64_t given)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct setting *row = &table->rows[i];
		bool missing = (row->flags & SETTING_REQUIRED) != 0 && (given >> i & 1) == 0;
		if (missing && !is_full(r))
			(void)fault_list_at(r->faults, json_place(node), "this %s has no '%s'",
			                    table->what, row->name);
	}
}

bool settings_read(const struct setting_table *table, const struct json *node, void *out,
                   struct arena *arena, struct fault_list *faults)
{
	struct reader r = {.arena = arena, .faults = faults, .errors_before = faults->errors};
	size_t next = 0;
	uint64_t given = 0;

	REQUIRE(table->count <= SETTING_ROWS_MAX);
	if (node->type != JSON_OBJECT && node->type != JSON_NULL) {
		(void)fault_list_at(faults, json_place(node), "this %s is %.*s; want an object",
		                    table->what, TEXT_ARG(shown(&r, node)));
		return false;
	}
	if (table->node_offset != 0)
		*(const struct json **)(void *)((char *)out + table->node_offset - 1) = node;
	JSON_EACH(member, node)
	{
		if (is_full(&r))
			break;
		const struct setting *row = find_row(table, member->key, &next);
		if (row == NULL) {
			complain_unknown(&r, table, member);
			continue;
		}
		uint64_t bit = UINT64_C(1) << (row - table->rows);
		given = member->type == JSON_NULL ? given & ~bit : given | bit;
		if (member->type != JSON_NULL)
			read_value(&r, row, member, out);
	}
	check_required(&r, table, node, given);
	return faults->errors == r.errors_before;
}
