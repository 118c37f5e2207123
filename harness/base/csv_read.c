/*
 * CSV by libcsv, with the places it does not report: it is fed one byte at a
 * time, so the byte that ends a field or breaks a rule is known.
 */
#include "harness/base/csv_private.h"

#include <csv.h>

enum { CSV_BLOCK_BYTES = 64 * 1024 };

struct csv_reader {
	struct csv_parser parser;
	const struct source *source;
	bool (*row)(void *context, const struct csv_row *row, struct fault *fault);
	void *context;
	struct fault *fault;
	bool failed;
	size_t at;          /* the byte that libcsv is looking at */
	size_t field_start; /* SIZE_MAX: not begun */
	bool field_quoted;
	struct text_buf bytes; /* of the row's fields, one after the other */
	struct csv_field fields[CSV_MAX_COLUMNS];
	size_t field_count;
	size_t row_number;
};

static void fail_at(struct csv_reader *r, size_t offset, const char *message)
{
	if (!r->failed)
		(void)fault_at(r->fault, (struct place){r->source, offset}, "%s", message);
	r->failed = true;
}

/* libcsv's callbacks: they cannot stop it, so a failure is kept and nothing more is done. */

static void on_field(void *bytes, size_t len, void *context)
{
	struct csv_reader *r = context;
	size_t offset = r->field_start == SIZE_MAX ? r->at : r->field_start;

	if (r->failed)
		return;
	if (r->field_count == CSV_MAX_COLUMNS) {
		fail_at(r, offset, "too many fields in this row; at most 256 are read");
		return;
	}
	if (!text_buf_add(&r->bytes, (struct text){bytes, len})) {
		fail_at(r, offset, "this row is larger than 8 MiB");
		return;
	}
	/* The buffer may move: the view is made when the row is whole. */
	r->fields[r->field_count++] = (struct csv_field){
	    .text = {NULL, len},
	    .offset = offset,
	    .quoted = r->field_quoted,
	};
	r->field_start = SIZE_MAX;
	r->field_quoted = false;
}

static void on_row(int terminator, void *context)
{
	struct csv_reader *r = context;
	const char *next = text_buf_view(&r->bytes).data;

	(void)terminator;
	if (r->failed)
		return;
	for (size_t i = 0; i < r->field_count; i++) {
		r->fields[i].text.data = next;
		next += r->fields[i].text.len;
	}
	struct csv_row row = {r->fields, r->field_count, ++r->row_number};
	if (!r->row(r->context, &row, r->fault))
		r->failed = true;
	r->field_count = 0;
	text_buf_reset(&r->bytes);
}

/* Where the next field begins: its first byte that is no blank. */
static void note_start(struct csv_reader *r, char byte)
{
	if (r->field_start != SIZE_MAX || byte == ' ' || byte == '\t')
		return;
	r->field_start = r->at;
	r->field_quoted = byte == '"';
}

static void fail_parse(struct csv_reader *r, char byte)
{
	if (csv_error(&r->parser) != CSV_EPARSE)
		fail_at(r, r->at, "out of memory in libcsv");
	else if (byte == '"')
		fail_at(
		    r, r->at,
		    "a quote within a field: quote the whole field, and double the quotes in it");
	else
		fail_at(r, r->at, "want a comma or the end of the line behind a closing quote");
}

static void feed(struct csv_reader *r)
{
	struct text body = r->source->body;

	for (; r->at < body.len && !r->failed; r->at++) {
		char byte = body.data[r->at];
		note_start(r, byte);
		if (r->field_start != SIZE_MAX && r->at - r->field_start > CSV_MAX_FIELD_BYTES) {
			fail_at(r, r->field_start, "this field is larger than 1 MiB");
			return;
		}
		if (csv_parse(&r->parser, &byte, 1, on_field, on_row, r) != 1) {
			fail_parse(r, byte);
			return;
		}
		/* A line without a field began nothing. */
		if ((byte == '\r' || byte == '\n') && r->field_start == r->at)
			r->field_start = SIZE_MAX;
	}
	if (!r->failed && csv_fini(&r->parser, on_field, on_row, r) != 0)
		fail_at(r, r->field_start, "this quote is never closed");
}

static bool check_bytes(const struct source *source, size_t at, struct fault *fault)
{
	struct text body = source->body;

	while (at < body.len) {
		struct place place = {source, at};
		size_t size = text_utf8_sequence(text_slice(body, at, body.len), NULL);
		if (size == 0)
			return fault_at(fault, place, "byte 0x%02x is no UTF-8",
			                (unsigned char)body.data[at]);
		if (body.data[at] == '\0')
			return fault_at(fault, place, "a NUL byte can't stand in CSV");
		at += size;
	}
	return true;
}

static void start_parser(struct csv_reader *r)
{
	REQUIRE(csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
	csv_set_realloc_func(&r->parser, memory_resize);
	csv_set_free_func(&r->parser, memory_free);
	/* It grows by steps of this size: small ones make a long field quadratic. */
	csv_set_blk_size(&r->parser, CSV_BLOCK_BYTES);
}

struct csv_reader *csv_reader_new(void)
{
	struct csv_reader *r = memory_new(sizeof(*r));

	text_buf_init(&r->bytes, CSV_MAX_ROW_BYTES);
	start_parser(r);
	return r;
}

void csv_reader_free(struct csv_reader *r)
{
	csv_free(&r->parser);
	text_buf_done(&r->bytes);
	memory_free(r);
}

bool csv_reader_read(struct csv_reader *r, const struct source *source, size_t at,
                     size_t row_number,
                     bool (*row)(void *context, const struct csv_row *row, struct fault *fault),
                     void *context, struct fault *fault)
{
	if (!check_bytes(source, at, fault))
		return false;
	r->source = source;
	r->row = row;
	r->context = context;
	r->fault = fault;
	r->failed = false;
	r->at = at;
	r->field_start = SIZE_MAX;
	r->field_quoted = false;
	r->field_count = 0;
	r->row_number = row_number;
	text_buf_reset(&r->bytes);
	feed(r);
	if (!r->failed)
		return true;
	/* libcsv is somewhere within a row. */
	csv_free(&r->parser);
	start_parser(r);
	return false;
}

bool csv_read(const struct source *source,
              bool (*row)(void *context, const struct csv_row *row, struct fault *fault),
              void *context, struct fault *fault)
{
	size_t bom = text_starts(source->body, TEXT("\xef\xbb\xbf")) ? 3 : 0;
	struct csv_reader *r = csv_reader_new();
	bool good = csv_reader_read(r, source, bom, 0, row, context, fault);

	csv_reader_free(r);
	return good;
}

/* --- tables --- */

struct table_builder {
	const struct source *source;
	struct arena *arena;
	struct csv_table *table;
	struct text *cells; /* heap, growing; copied to the arena when all is read */
	size_t *offsets;
	size_t count, room;
};

static struct place place_of(const struct table_builder *b, const struct csv_field *field)
{
	return (struct place){b->source, field->offset};
}

/* A view into the source where it holds the field as it is, else a copy. */
static struct text keep_text(const struct table_builder *b, const struct csv_field *field)
{
	size_t at = field->offset + (field->quoted ? 1 : 0);
	struct text written = text_slice(b->source->body, at, at + field->text.len);

	return text_equal(written, field->text) ? written : text_copy(b->arena, field->text);
}

static bool read_header(struct table_builder *b, const struct csv_row *row, struct fault *fault)
{
	struct csv_table *table = b->table;

	table->columns = row->count;
	table->header = ARENA_NEW_ARRAY(b->arena, struct text, row->count);
	for (size_t i = 0; i < row->count; i++) {
		table->header[i] = keep_text(b, &row->fields[i]);
		for (size_t j = 0; j < i; j++)
			if (text_equal(table->header[i], table->header[j]))
				return fault_at(fault, place_of(b, &row->fields[i]),
				                "the column \"%.*s\" stands here again",
				                TEXT_ARG(table->header[i]));
	}
	return true;
}

static bool read_table_row(void *context, const struct csv_row *row, struct fault *fault)
{
	struct table_builder *b = context;
	size_t columns = b->table->columns;

	if (row->number == 1)
		return read_header(b, row, fault);
	if (row->count != columns) {
		const struct csv_field *field =
		    row->count > columns ? &row->fields[columns] : &row->fields[0];
		return fault_at(fault, place_of(b, field),
		                "this row has %zu field%s, the header %zu", row->count,
		                row->count == 1 ? "" : "s", columns);
	}
	if (b->count + columns > CSV_MAX_CELLS)
		return fault_at(fault, place_of(b, &row->fields[0]), "more than %d cells",
		                CSV_MAX_CELLS);
	if (b->count + columns > b->room) {
		b->room = (b->room + columns) * 2;
		b->cells = memory_resize(b->cells, size_mul(b->room, sizeof(*b->cells)));
		b->offsets = memory_resize(b->offsets, size_mul(b->room, sizeof(*b->offsets)));
	}
	for (size_t i = 0; i < columns; i++) {
		b->cells[b->count] = keep_text(b, &row->fields[i]);
		b->offsets[b->count++] = row->fields[i].offset;
	}
	b->table->rows++;
	return true;
}

bool csv_read_table(const struct source *source, struct arena *arena, struct csv_table *out,
                    struct fault *fault)
{
	struct csv_table table = {0};
	struct table_builder b = {.source = source, .arena = arena, .table = &table};

	bool good = csv_read(source, read_table_row, &b, fault);
	if (good && table.header == NULL)
		good = fault_at(fault, (struct place){source, 0}, "want a header row");
	if (good) {
		table.cells = ARENA_NEW_ARRAY(arena, struct text, b.count);
		table.offsets = ARENA_NEW_ARRAY(arena, size_t, b.count);
		for (size_t i = 0; i < b.count; i++) {
			table.cells[i] = b.cells[i];
			table.offsets[i] = b.offsets[i];
		}
		*out = table;
	}
	memory_free(b.cells);
	memory_free(b.offsets);
	return good;
}
