/*
 * RFC 4180 through libcsv, with the places libcsv does not report, and a writer
 * that knows numbers, text and unknown. The only file that sees libcsv.
 */
#ifndef PROVISO_BASE_CSV_H
#define PROVISO_BASE_CSV_H

#include "harness/base/fault.h"

enum {
	CSV_MAX_FIELD_BYTES = 1 << 20, /* as written, quotes included */
	CSV_MAX_COLUMNS = 256,
	CSV_MAX_ROW_BYTES = 8 << 20,
	CSV_MAX_CELLS = 4 << 20, /* of a table in memory: 96 MiB */
};

struct csv_field {
	struct text text; /* valid during the callback */
	size_t offset;    /* of its first byte in the source (its quote, where it has one) */
	bool quoted;
};

struct csv_row {
	const struct csv_field *fields;
	size_t count;
	size_t number; /* 1: the header */
};

/*
 * Reads row by row in constant memory. `row` returns false to stop (its fault is
 * kept). A BOM is skipped; NUL, bad UTF-8, a stray quote, an unclosed one, a
 * field or row over its cap: a fault at its place. Blank lines are skipped, and
 * blanks around an unquoted field are taken off.
 */
MUST_CHECK bool csv_read(const struct source *source,
                         bool (*row)(void *context, const struct csv_row *row, struct fault *fault),
                         void *context, struct fault *fault);

/* Header by name into a table of all rows, for small files. Arena memory. */
struct csv_table {
	struct text *header;
	size_t columns;
	struct text *cells; /* rows * columns */
	size_t *offsets;    /* rows * columns: places */
	size_t rows;
};
/* A row with more or fewer fields than the header, two columns of one name, no header at all:
 * faults at their places. */
MUST_CHECK bool csv_read_table(const struct source *source, struct arena *arena,
                               struct csv_table *out, struct fault *fault);

/* --- writing: CRLF, decimal point, unknown is an empty field --- */

struct csv_writer {
	struct text_buf *out;  /* borrowed */
	bool spreadsheet_safe; /* defuse text cells that a spreadsheet would run (CWE-1236) */
	bool row_started;
	bool row_filled; /* a byte was written in this row */
};

void csv_writer_init(struct csv_writer *writer, struct text_buf *out, bool spreadsheet_safe);
/*
 * Quoted by libcsv where RFC 4180 or an outer blank needs it. NUL and bad UTF-8 become U+FFFD:
 * what is written can be read. Where the writer is spreadsheet_safe, a text that starts with
 * = + - @ (also full-width), TAB, CR or LF gets a ' before it, and control characters but TAB
 * become visible (\x1b, \n): a row is one line, and safe to look at.
 */
void csv_write_text(struct csv_writer *writer, struct text value);
void csv_write_int(struct csv_writer *writer, int64_t value);
/* Empty where value is below 0. */
void csv_write_count(struct csv_writer *writer, int64_t value);
/* At most `decimals` digits, trailing zeros cut. Empty for NaN and infinities. */
void csv_write_double(struct csv_writer *writer, double value, int decimals);
/* Digits that are a number already, a minus before them or not: never guarded. */
void csv_write_number(struct csv_writer *writer, struct text digits);
/* Pico-USD as an exact decimal without trailing zeros; empty where below 0. */
void csv_write_usd(struct csv_writer *writer, int64_t pico_usd);
void csv_write_unknown(struct csv_writer *writer);
void csv_write_end_row(struct csv_writer *writer);

#endif
