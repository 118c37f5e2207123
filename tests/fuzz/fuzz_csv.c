/*
 * Any bytes as CSV: read or refused with a place. What was read, written again,
 * comes back cell by cell, and no defused cell starts a formula.
 */
#include "harness/base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct source source;
	struct text_buf *out; /* the rows again, written by us; NULL: only counted */
	bool spreadsheet_safe;
	size_t rows;
	size_t last_offset;
};

static bool see_row(void *context, const struct csv_row *row, struct fault *fault)
{
	struct seen *seen = context;
	struct csv_writer writer;

	(void)fault;
	REQUIRE(row->number == ++seen->rows);
	REQUIRE(row->count > 0 && row->count <= CSV_MAX_COLUMNS);
	if (seen->out != NULL)
		csv_writer_init(&writer, seen->out, seen->spreadsheet_safe);
	for (size_t i = 0; i < row->count; i++) {
		const struct csv_field *field = &row->fields[i];
		REQUIRE(field->offset >= seen->last_offset);
		REQUIRE(field->offset <= seen->source.body.len);
		REQUIRE(!field->quoted || seen->source.body.data[field->offset] == '"');
		seen->last_offset = field->offset;
		if (seen->out != NULL)
			csv_write_text(&writer, field->text);
	}
	if (seen->out != NULL)
		csv_write_end_row(&writer);
	return true;
}

static bool see(struct seen *seen)
{
	struct fault fault = {0};
	bool good = csv_read(&seen->source, see_row, seen, &fault);

	REQUIRE(good || (fault.kind == FAULT_INPUT && fault.line != 0));
	return good;
}

static bool is_not_formula(void *context, const struct csv_row *row, struct fault *fault)
{
	(void)context;
	(void)fault;
	for (size_t i = 0; i < row->count; i++) {
		struct text text = row->fields[i].text;
		REQUIRE(text.len == 0 || memchr("=+-@\t\r\n", text.data[0], 7) == NULL);
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { OUT_MAX = 64 << 20 };
	struct seen first = {.source = {TEXT("fuzz.csv"), {(const char *)data, size}}};
	struct text_buf once;
	struct text_buf twice;
	struct text_buf safe;
	struct arena arena = {0};
	struct csv_table table;
	struct fault fault = {0};

	text_buf_init(&once, OUT_MAX);
	text_buf_init(&twice, OUT_MAX);
	text_buf_init(&safe, OUT_MAX);
	first.out = &once;
	if (see(&first)) {
		/* Written by us it is canonical: read and written again it stays the same. */
		struct seen second = {.source = {TEXT("once.csv"), text_buf_view(&once)},
		                      .out = &twice};
		struct seen third = {
		    .source = second.source, .out = &safe, .spreadsheet_safe = true};
		REQUIRE(see(&second) && second.rows == first.rows);
		REQUIRE(text_equal(text_buf_view(&once), text_buf_view(&twice)));
		REQUIRE(see(&third) && third.rows == first.rows);
		struct source defused = {TEXT("safe.csv"), text_buf_view(&safe)};
		REQUIRE(csv_read(&defused, is_not_formula, NULL, &fault));
	}
	if (!csv_read_table(&first.source, &arena, &table, &fault))
		REQUIRE(fault.kind == FAULT_INPUT);
	arena_done(&arena);
	text_buf_done(&once);
	text_buf_done(&twice);
	text_buf_done(&safe);
	return 0;
}
