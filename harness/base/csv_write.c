/* Writing CSV: RFC 4180, quoted by libcsv where a field needs it; see csv.h. */
#include "harness/base/csv.h"

#include <csv.h>
#include <math.h>

enum {
	DOUBLE_DIGITS_MAX = 17,
	NUMBER_BYTES = 40,
	USD_DECIMALS = 12, /* of a pico-USD */
};

void csv_writer_init(struct csv_writer *writer, struct text_buf *out, bool spreadsheet_safe)
{
	*writer = (struct csv_writer){.out = out, .spreadsheet_safe = spreadsheet_safe};
}

/* A field as it is, with the comma before it. */
static void write_bare(struct csv_writer *writer, struct text value)
{
	size_t comma = writer->row_started ? 1 : 0;
	char *to = text_buf_reserve(writer->out, comma + value.len);

	writer->row_filled = writer->row_filled || writer->row_started || value.len != 0;
	writer->row_started = true;
	if (to == NULL)
		return;
	to[0] = ',';
	if (value.len != 0)
		memcpy(to + comma, value.data, value.len);
	to[comma + value.len] = '\0';
	writer->out->len += comma + value.len;
}

/*
 * Most cells are words and numbers: bytes of printable ASCII that neither CSV nor a spreadsheet
 * reads anything into, wherever they stand.
 */
static bool is_plain(struct text value)
{
	static const bool special[0x80] = {
	    ['"'] = true, [','] = true, [';'] = true, ['='] = true,
	    ['+'] = true, ['-'] = true, ['@'] = true,
	};

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))
			continue; /* most of them all */
		bool outer = i == 0 || i + 1 == value.len;
		if (c < ' ' || c >= 0x7f || (c == ' ' && outer))
			return false;
		if (special[c] && (i == 0 || c == '"' || c == ',' || c == ';'))
			return false;
	}
	return true;
}

/* What a spreadsheet would run as a formula (CWE-1236), or skip to see one. */
static bool starts_formula(struct text value)
{
	static const char *const starts[] = {
	    "=",
	    "+",
	    "-",
	    "@", /* and their full-width forms, which some fold */
	    "\t",
	    "\r",
	    "\n",
	    "\xef\xbc\x9d",
	    "\xef\xbc\x8b",
	    "\xef\xbc\x8d",
	    "\xef\xbc\xa0",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(starts); i++)
		if (text_starts(value, text_of(starts[i])))
			return true;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool needs_quotes(struct text value, bool spreadsheet_safe)
{
	if (value.len == 0)
		return false;
	/* Readers may take outer blanks off, libcsv does; and a BOM, where it starts the file. */
	if (is_blank(value.data[0]) || is_blank(value.data[value.len - 1]) ||
	    text_starts(value, TEXT("\xef\xbb\xbf")))
		return true;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];
		if (c == ',' || c == '"' || c == '\r' || c == '\n')
			return true;
		/* Where the comma is the decimal point, spreadsheets split at these. */
		if (spreadsheet_safe && (c == ';' || c == '\t'))
			return true;
	}
	return false;
}

static void write_quoted(struct csv_writer *writer, struct text value)
{
	size_t size = csv_write(NULL, 0, value.data, value.len);
	char *to = text_buf_reserve(writer->out, size);

	if (to == NULL)
		return;
	(void)csv_write(to, size, value.data, value.len);
	to[size] = '\0';
	writer->out->len += size;
}

/*
 * RFC 4180 knows no control characters, and whoever looks at the file on a terminal would have
 * them obeyed; a line that begins within a cell is taken for one of the job by what reads a CI's
 * log. TAB is text that quotes hold.
 */
static bool is_control(uint32_t code_point)
{
	return (code_point < 0x20 && code_point != '\t') ||
	       (code_point >= 0x7f && code_point < 0xa0);
}

/* With U+FFFD for each byte that a reader would refuse; control characters are made visible. */
static void add_readable(struct text_buf *out, struct text value, bool visible)
{
	for (size_t at = 0; at < value.len;) {
		struct text rest = text_slice(value, at, value.len);
		uint32_t code_point = 0;
		size_t size = rest.data[0] == '\0' ? 0 : text_utf8_sequence(rest, &code_point);
		if (size == 0)
			(void)text_buf_add(out, TEXT("\xef\xbf\xbd"));
		else if (visible && (code_point == '\n' || code_point == '\r'))
			(void)text_buf_add_c(out, code_point == '\n' ? "\\n" : "\\r");
		else if (visible && is_control(code_point))
			(void)text_buf_format(out, "\\x%02x", (unsigned)code_point);
		else
			(void)text_buf_add(out, text_slice(rest, 0, size));
		at += size == 0 ? 1 : size;
	}
}

/* Whether it can stand as it is. */
static bool is_readable(struct text value, bool visible)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		bool of_c1 =
		    c == 0xc2 && i + 1 < value.len && (unsigned char)value.data[i + 1] < 0xa0;
		if (c == '\0' || (visible && (is_control(c < 0x80 ? c : ' ') || of_c1)))
			return false;
	}
	return text_is_utf8(value);
}

static void write_field(struct csv_writer *writer, struct text value)
{
	if (!needs_quotes(value, writer->spreadsheet_safe)) {
		write_bare(writer, value);
		return;
	}
	write_bare(writer, (struct text){NULL, 0});
	writer->row_filled = true;
	write_quoted(writer, value);
}

void csv_write_text(struct csv_writer *writer, struct text value)
{
	struct text_buf changed;

	if (is_plain(value)) {
		write_bare(writer, value);
		return;
	}
	bool defuse = writer->spreadsheet_safe && starts_formula(value);
	if (!defuse && is_readable(value, writer->spreadsheet_safe)) {
		write_field(writer, value);
		return;
	}
	text_buf_init(&changed, 4 * value.len + 1);
	if (defuse)
		(void)text_buf_byte(&changed, '\'');
	add_readable(&changed, value, writer->spreadsheet_safe);
	write_field(writer, text_buf_view(&changed));
	text_buf_done(&changed);
}

/* The digits of a number end at `end`; where they begin. */
static char *put_digits(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

void csv_write_int(struct csv_writer *writer, int64_t value)
{
	char text[NUMBER_BYTES];
	char *end = text + sizeof(text);
	char *at = put_digits(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);

	if (value < 0)
		*--at = '-';
	write_bare(writer, (struct text){at, (size_t)(end - at)});
}

void csv_write_number(struct csv_writer *writer, struct text digits)
{
	write_bare(writer, digits);
}

void csv_write_count(struct csv_writer *writer, int64_t value)
{
	if (value < 0)
		csv_write_unknown(writer);
	else
		csv_write_int(writer, value);
}

/* Without the zeros at the end of a fraction, and without a point that has none. */
static struct text cut_zeros(char *text)
{
	struct text cut = text_of(text);

	if (text_find_byte(cut, '.', 0) == TEXT_NOT_FOUND)
		return cut;
	while (cut.data[cut.len - 1] == '0')
		cut.len--;
	if (cut.data[cut.len - 1] == '.')
		cut.len--;
	return cut;
}

void csv_write_double(struct csv_writer *writer, double value, int decimals)
{
	char text[512]; /* the largest double has 309 digits */

	if (!isfinite(value)) {
		csv_write_unknown(writer);
		return;
	}
	REQUIRE(decimals >= 0 && decimals <= DOUBLE_DIGITS_MAX);
	(void)snprintf(text, sizeof(text), "%.*f", decimals, value);
	struct text cut = cut_zeros(text);
	write_bare(writer, text_is(cut, "-0") ? TEXT("0") : cut);
}

void csv_write_usd(struct csv_writer *writer, int64_t pico_usd)
{
	char text[NUMBER_BYTES];
	char *end = text + sizeof(text);
	int decimals = USD_DECIMALS;

	if (pico_usd < 0) {
		csv_write_unknown(writer);
		return;
	}
	uint64_t rest = (uint64_t)pico_usd;
	for (; decimals > 0 && rest % 10 == 0; decimals--)
		rest /= 10;
	char *at = end;
	for (; decimals > 0; decimals--, rest /= 10)
		*--at = (char)('0' + rest % 10);
	if (at != end)
		*--at = '.';
	at = put_digits(at, rest);
	write_bare(writer, (struct text){at, (size_t)(end - at)});
}

void csv_write_unknown(struct csv_writer *writer)
{
	write_bare(writer, TEXT(""));
}

void csv_write_end_row(struct csv_writer *writer)
{
	/* A row of one empty field would be a blank line, which readers skip. */
	if (!writer->row_filled && writer->row_started)
		(void)text_buf_add(writer->out, TEXT("\"\""));
	(void)text_buf_add(writer->out, TEXT("\r\n"));
	writer->row_started = false;
	writer->row_filled = false;
}
