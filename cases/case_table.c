/* One case per row of a CSV file; see case_table.h. */
#include "cases/case_table.h"

#include "cases/template_private.h"

struct expansion {
	const struct csv_table *table;
	const struct source *csv;
	size_t row;
	struct arena *arena;
	struct fault_list *faults;
	size_t bytes_left;
};

static struct text field_at(const struct expansion *expansion, size_t column)
{
	return expansion->table->cells[expansion->row * expansion->table->columns + column];
}

static struct place field_place(const struct expansion *expansion, size_t column)
{
	size_t cell = expansion->row * expansion->table->columns + column;

	return (struct place){expansion->csv, expansion->table->offsets[cell]};
}

/* The column of that name, or the number of columns. */
static size_t find_column(const struct csv_table *table, struct text name)
{
	for (size_t i = 0; i < table->columns; i++)
		if (text_equal(table->header[i], name))
			return i;
	return table->columns;
}

/* The column that a placeholder names; json: it has the ending ":json". */
static size_t piece_column(const struct csv_table *table, const struct template_piece *piece,
                           bool *json)
{
	struct text name = piece->text;

	*json = false;
	if (piece->kind != PIECE_UNKNOWN)
		return table->columns;
	if (text_ends(name, TEXT(":json"))) {
		*json = true;
		name = text_slice(name, 0, name.len - strlen(":json"));
	}
	return find_column(table, name);
}

static bool names_a_column(const struct csv_table *table, struct text text)
{
	struct template_piece piece;
	bool json;

	while (template_next(&text, &piece))
		if (piece_column(table, &piece, &json) < table->columns)
			return true;
	return false;
}

/* --- filling ------------------------------------------------------------------------ */

/* Back to what was written, for a piece that is no column's. */
static void add_piece(struct text_buf *out, const struct template_piece *piece)
{
	bool braces = piece->kind == PIECE_SLOT || piece->kind == PIECE_UNKNOWN;

	if (braces)
		text_buf_add_c(out, "{{");
	text_buf_add(out, piece->text);
	if (braces)
		text_buf_add_c(out, "}}");
}

static bool fault_too_much(const struct expansion *expansion, const struct json *node)
{
	fault_list_at(expansion->faults, json_place(node),
	              "the rows of this case make more than %d MiB of it",
	              CASE_TABLE_MAX_EXPANSION >> 20);
	return false;
}

static bool fill_string(struct expansion *expansion, struct text text, const struct json *node,
                        struct text *out)
{
	struct template_piece piece;
	struct text_buf buf;
	bool json;

	*out = text;
	if (!names_a_column(expansion->table, text))
		return true;
	text_buf_init(&buf, expansion->bytes_left);
	while (template_next(&text, &piece)) {
		size_t column = piece_column(expansion->table, &piece, &json);
		if (column == expansion->table->columns)
			add_piece(&buf, &piece);
		else
			text_buf_add(&buf, field_at(expansion, column));
	}
	bool fits = !buf.overflow;
	if (fits) {
		expansion->bytes_left -= buf.len;
		*out = text_copy(expansion->arena, text_buf_view(&buf));
	}
	text_buf_done(&buf);
	return fits || fault_too_much(expansion, node);
}

static size_t count_nodes(const struct json *node)
{
	size_t count = 1;

	JSON_EACH(child, node)
	count += count_nodes(child);
	return count;
}

/* A field of a megabyte may be half a million values, each time that it is named. */
static bool read_field(struct expansion *expansion, struct text field, struct json **out,
                       struct fault *fault)
{
	const struct json_limits limits = {
	    .bytes = json_default_limits.bytes,
	    .depth = json_default_limits.depth,
	    .nodes = (uint32_t)size_min(expansion->bytes_left / sizeof(struct json),
	                                json_default_limits.nodes),
	};
	struct source *source = ARENA_NEW(expansion->arena, struct source);

	source->name = TEXT("field");
	source->body = field;
	if (!json_read(source, &limits, expansion->arena, out, fault))
		return false;
	expansion->bytes_left -= count_nodes(*out) * sizeof(struct json);
	return true;
}

/* The field as JSON, where the string is only {{column:json}}; NULL where it is not. */
static bool fill_json(struct expansion *expansion, struct text text, struct json **out)
{
	struct template_piece piece;
	struct fault fault;
	bool json;

	*out = NULL;
	if (!template_next(&text, &piece) || text.len != 0)
		return true;
	size_t column = piece_column(expansion->table, &piece, &json);
	if (column == expansion->table->columns || !json)
		return true;
	struct text field = field_at(expansion, column);
	if (read_field(expansion, field, out, &fault))
		return true;
	fault_list_at(expansion->faults, field_place(expansion, column),
	              "the field \"%.*s\" is wanted as JSON: %s", TEXT_ARG(piece.text),
	              fault.message);
	return false;
}

static struct json *fill_node(struct expansion *expansion, const struct json *node)
{
	struct json *copy = NULL;

	if (json_is(node, JSON_STRING)) {
		if (!fill_json(expansion, node->text, &copy))
			return NULL;
		if (copy != NULL) {
			copy->key = node->key;
			return copy;
		}
	}
	if (expansion->bytes_left < sizeof(*copy)) {
		fault_too_much(expansion, node);
		return NULL;
	}
	expansion->bytes_left -= sizeof(*copy);
	copy = ARENA_NEW(expansion->arena, struct json);
	*copy = *node;
	copy->first = copy->last = copy->next = NULL;
	copy->count = 0;
	if (json_is(node, JSON_STRING) && !fill_string(expansion, node->text, node, &copy->text))
		return NULL;
	JSON_EACH(child, node)
	{
		struct json *filled = fill_node(expansion, child);
		if (filled == NULL)
			return NULL;
		json_append(copy, filled);
	}
	return copy;
}

/* --- ids ---------------------------------------------------------------------------- */

/* Puts the row's own id into the case, where its template does not name a column. */
static void add_row_id(struct expansion *expansion, struct json *filled, size_t id_column)
{
	struct json *id = json_member(filled, "id");
	struct text own = field_at(expansion, id_column);

	if (id == NULL) {
		id = json_new_string(expansion->arena, own);
		id->source = expansion->csv;
		id->begin = (uint32_t)field_place(expansion, id_column).offset;
		json_append_member(filled, TEXT("id"), id);
		return;
	}
	id->text = text_format(expansion->arena, "%.*s.%.*s", TEXT_ARG(id->text), TEXT_ARG(own));
}

/* An id that comes of a column has its place there, so that a mistake of it is the row's. */
static void place_id(const struct expansion *expansion, const struct json *plain,
                     struct json *filled)
{
	struct text written = json_string(plain, "id");
	struct json *id = json_member(filled, "id");
	struct template_piece piece;
	bool json;

	while (template_next(&written, &piece)) {
		size_t column = piece_column(expansion->table, &piece, &json);
		if (column == expansion->table->columns)
			continue;
		id->source = expansion->csv;
		id->begin = (uint32_t)field_place(expansion, column).offset;
		return;
	}
}

static bool check_header(const struct expansion *expansion, const struct json *node, size_t *id)
{
	const struct csv_table *table = expansion->table;
	const struct json *own = json_member(node, "id");
	struct template_slot slot;

	for (size_t i = 0; i < table->columns; i++) {
		struct text lone =
		    text_format(expansion->arena, "{{%.*s}}", TEXT_ARG(table->header[i]));
		if (!template_is_lone(lone, &slot))
			continue;
		fault_list_at(expansion->faults, (struct place){expansion->csv, 0},
		              "a column can't be called %.*s: that is a placeholder",
		              TEXT_ARG(table->header[i]));
		return false;
	}
	*id = table->columns;
	if (json_is(own, JSON_STRING) && names_a_column(table, own->text))
		return true;
	*id = find_column(table, TEXT("id"));
	if (*id < table->columns)
		return true;
	fault_list_at(expansion->faults, (struct place){expansion->csv, 0},
	              "this table needs a column id, or the case an id that names a column");
	return false;
}

/* Without the member `rows`, which has done its work. */
static struct json *without_rows(struct arena *arena, const struct json *node)
{
	struct json *copy = ARENA_NEW(arena, struct json);

	*copy = *node;
	copy->first = copy->last = NULL;
	copy->count = 0;
	JSON_EACH(member, node)
	{
		if (text_is(member->key, "rows"))
			continue;
		struct json *kept = ARENA_NEW(arena, struct json);
		*kept = *member;
		kept->next = NULL;
		json_append(copy, kept);
	}
	return copy;
}

/* The case's mistakes have their place in its own file: which row made them is said behind. */
static void tell_row(const struct expansion *expansion, size_t before)
{
	unsigned line, column;

	place_line_column(field_place(expansion, 0), &line, &column);
	for (size_t i = before; i < expansion->faults->count; i++)
		(void)fault_within(&expansion->faults->items[i], "filling in the row of %.*s:%u",
		                   TEXT_ARG(expansion->csv->name), line);
}

/* What is wrong with the case itself is so in every row: it is told once. */
static bool says_the_same(const struct fault_list *faults, size_t first, size_t second)
{
	const struct fault *a = &faults->items[first], *b = &faults->items[second];

	return first < second && second < faults->count && a->line == b->line &&
	       a->column == b->column && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->message, b->message) == 0;
}

static bool expand_rows(struct expansion *expansion, const struct json *plain, size_t id,
                        bool (*each)(void *context, const struct json *node), void *context)
{
	struct fault_list *faults = expansion->faults;
	size_t first = faults->count, refused = 0;

	for (; expansion->row < expansion->table->rows; expansion->row++) {
		size_t before = faults->count;
		struct json *filled = fill_node(expansion, plain);
		if (filled != NULL && id < expansion->table->columns)
			add_row_id(expansion, filled, id);
		else if (filled != NULL)
			place_id(expansion, plain, filled);
		if (filled != NULL && each(context, filled))
			continue;
		tell_row(expansion, before);
		if (says_the_same(faults, first, before)) {
			faults->errors -= faults->count - before;
			faults->count = before;
			return false;
		}
		refused++;
		if (faults->dropped > 0 || expansion->bytes_left == 0)
			break; /* nobody would be told */
	}
	if (refused > 1)
		fault_list_at(faults, (struct place){expansion->csv, 0},
		              "%zu of the %zu rows up to here are refused", refused,
		              size_min(expansion->row + 1, expansion->table->rows));
	return refused == 0;
}

bool case_table_expand(const struct json *node, const struct source *csv, struct arena *arena,
                       struct fault_list *faults,
                       bool (*each)(void *context, const struct json *node), void *context)
{
	struct csv_table table;
	struct fault fault;
	size_t id;

	if (!csv_read_table(csv, arena, &table, &fault)) {
		fault_list_add(faults, &fault);
		return false;
	}
	struct expansion expansion = {.table = &table,
	                              .csv = csv,
	                              .arena = arena,
	                              .faults = faults,
	                              .bytes_left = CASE_TABLE_MAX_EXPANSION};
	const struct json *plain = without_rows(arena, node);
	bool good = check_header(&expansion, plain, &id);
	if (good && table.rows == 0) {
		fault_list_at(faults, (struct place){csv, 0}, "this table has no rows");
		good = false;
	}
	return good && expand_rows(&expansion, plain, id, each, context);
}
