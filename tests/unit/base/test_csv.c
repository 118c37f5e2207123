/* CSV read with places and refused with places; written so that it comes back. */
#include "harness/base/csv.h"

#include "harness/base/file.h"
#include "harness/base/json.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>

#define CORPORA "../shared/corpora"
#define BOM "\xef\xbb\xbf"

static struct arena arena;
static struct fault fault;

static void end(void)
{
	arena_done(&arena);
}

static struct source *source_of(struct text body)
{
	struct source *source = ARENA_NEW(&arena, struct source);

	source->name = TEXT("t.csv");
	source->body = body;
	return source;
}

/* Rows as "[1@0:a|1@2:"b"]": line@offset:text, quoted fields in quotes. */
static bool show_row(void *context, const struct csv_row *row, struct fault *unused)
{
	struct text_buf *out = context;

	(void)unused;
	(void)text_buf_format(out, "%zu[", row->number);
	for (size_t i = 0; i < row->count; i++) {
		const char *quote = row->fields[i].quoted ? "\"" : "";
		(void)text_buf_format(out, "%s%zu:%s%.*s%s", i == 0 ? "" : "|",
		                      row->fields[i].offset, quote, TEXT_ARG(row->fields[i].text),
		                      quote);
	}
	(void)text_buf_byte(out, ']');
	return true;
}

static struct text rows_of(const char *csv)
{
	struct text_buf out;

	text_buf_init(&out, 1 << 16);
	bool good = csv_read(source_of(text_of(csv)), show_row, &out, &fault);
	struct text all =
	    good ? text_copy(&arena, text_buf_view(&out))
		 : text_format(&arena, "%u:%u %s", fault.line, fault.column, fault.message);
	text_buf_done(&out);
	return all;
}

START_TEST(fields_come_with_their_places)
{
	assert_text(rows_of("a,b\n1,2\n"), "1[0:a|2:b]2[4:1|6:2]");
	assert_text(rows_of("a,b\r\n1,2"), "1[0:a|2:b]2[5:1|7:2]");
	assert_text(rows_of("a,\"b\nc\",d\n"), "1[0:a|2:\"b\nc\"|8:d]");
	assert_text(rows_of("\"x\"\"y\",\"\"\n"), "1[0:\"x\"y\"|7:\"\"]");
	assert_text(rows_of(BOM "a\n"), "1[3:a]");
	assert_text(rows_of("\xc3\xa4,\xe2\x82\xac\n"), "1[0:\xc3\xa4|3:\xe2\x82\xac]");
}
END_TEST

START_TEST(empty_fields_and_blank_lines_are_told_apart)
{
	assert_text(rows_of(""), "");
	assert_text(rows_of("\n\r\n  \n"), "");
	assert_text(rows_of("a\n\n\nb\n"), "1[0:a]2[4:b]");
	assert_text(rows_of(","), "1[0:|1:]");
	assert_text(rows_of("a,,\n,,b\n"), "1[0:a|2:|3:]2[4:|5:|6:b]");
	assert_text(rows_of("\"\"\n"), "1[0:\"\"]");
	assert_text(rows_of("  a b\t, \"c\" ,  \n"), "1[2:a b|8:\"c\"|15:]");
	assert_text(rows_of("  \n a\n"), "1[4:a]");
}
END_TEST

START_TEST(what_breaks_a_rule_is_refused_where_it_stands)
{
	assert_text(rows_of("a,b\n1,2\"3\n"), "2:4 a quote within a field: quote the whole field, "
	                                      "and double the quotes in it");
	assert_text(rows_of("a\n\"b\"c\n"),
	            "2:4 want a comma or the end of the line behind a closing quote");
	assert_text(rows_of("a\nb,\"c\nd\ne"), "2:3 this quote is never closed");
	assert_text(rows_of("a\n\xc3\xa4,\xff\n"), "2:3 byte 0xff is no UTF-8");
	assert_text(rows_of("a\n\"\n\n\"x"),
	            "4:2 want a comma or the end of the line behind a closing quote");
	ck_assert(!csv_read(source_of((struct text){"a\n1\0", 4}), show_row, NULL, &fault));
	assert_fault_says(&fault, "NUL");
	ck_assert_uint_eq(fault.line, 2);
	ck_assert_uint_eq(fault.column, 2);
}
END_TEST

/* `count` times the byte, in the arena, between two ends. */
static struct text repeated(const char *before, char byte, size_t count, const char *after)
{
	size_t start = strlen(before);
	char *bytes = arena_alloc_bytes(&arena, start + count + strlen(after) + 1);

	memcpy(bytes, before, start);
	memset(bytes + start, byte, count);
	memcpy(bytes + start + count, after, strlen(after) + 1);
	return (struct text){bytes, start + count + strlen(after)};
}

static bool ignore_row(void *context, const struct csv_row *row, struct fault *unused)
{
	(void)row;
	(void)unused;
	return context == NULL;
}

START_TEST(fields_columns_and_rows_have_their_caps)
{
	struct text fits = repeated("a\n\"", 'x', CSV_MAX_FIELD_BYTES - 2, "\"\n");
	struct text large = repeated("a\n\"", 'x', CSV_MAX_FIELD_BYTES - 1, "\"\n");

	ck_assert(csv_read(source_of(fits), ignore_row, NULL, &fault));
	ck_assert(!csv_read(source_of(large), ignore_row, NULL, &fault));
	assert_fault_says(&fault, "larger than 1 MiB");
	ck_assert_uint_eq(fault.line, 2);
	ck_assert(csv_read(source_of(repeated("", ',', 255, "")), ignore_row, NULL, &fault));
	ck_assert(!csv_read(source_of(repeated("", ',', 256, "")), ignore_row, NULL, &fault));
	assert_fault_says(&fault, "at most 256");
}
END_TEST

static bool stop_at_two(void *context, const struct csv_row *row, struct fault *told)
{
	int *rows = context;

	(*rows)++;
	return row->number < 2 || fault_set(told, FAULT_INPUT, "enough");
}

START_TEST(the_callback_can_end_it_and_its_fault_is_kept)
{
	int rows = 0;

	ck_assert(!csv_read(source_of(TEXT("a\nb\nc\nd")), stop_at_two, &rows, &fault));
	ck_assert_int_eq(rows, 2);
	ck_assert_str_eq(fault.message, "enough");
	rows = 0;
	ck_assert(!csv_read(source_of(TEXT("a\nb")), stop_at_two, &rows, &fault));
	ck_assert_int_eq(rows, 2);
}
END_TEST

START_TEST(a_table_has_cells_by_row_and_column)
{
	struct csv_table table;

	ck_assert(csv_read_table(source_of(TEXT("id,text\n1,\"a \"\"b\"\"\"\n2,\n")), &arena,
	                         &table, &fault));
	ck_assert_uint_eq(table.columns, 2);
	ck_assert_uint_eq(table.rows, 2);
	assert_text(table.header[1], "text");
	assert_text(table.cells[0], "1");
	assert_text(table.cells[1], "a \"b\"");
	assert_text(table.cells[3], "");
	ck_assert_uint_eq(table.offsets[0], 8);
	ck_assert_uint_eq(table.offsets[3], 22);
	ck_assert(csv_read_table(source_of(TEXT("only,header")), &arena, &table, &fault));
	ck_assert_uint_eq(table.rows, 0);
}
END_TEST

static struct text table_fault(const char *csv)
{
	struct csv_table table;

	ck_assert(!csv_read_table(source_of(text_of(csv)), &arena, &table, &fault));
	return text_format(&arena, "%u:%u %s", fault.line, fault.column, fault.message);
}

START_TEST(a_table_that_does_not_fit_its_header_is_refused)
{
	assert_text(table_fault("a,b\n1,2\n3\n"), "3:1 this row has 1 field, the header 2");
	assert_text(table_fault("a,b\n1,2,3\n"), "2:5 this row has 3 fields, the header 2");
	assert_text(table_fault("a,b,a\n"), "1:5 the column \"a\" stands here again");
	assert_text(table_fault(""), "1:1 want a header row");
	assert_text(table_fault("a\n\"b"), "2:1 this quote is never closed");
}
END_TEST

/* --- writing --- */

static struct text_buf out;
static struct csv_writer writer;

static void write_begin(bool spreadsheet_safe)
{
	text_buf_init(&out, 1 << 22);
	csv_writer_init(&writer, &out, spreadsheet_safe);
}

static struct text write_end(void)
{
	struct text all = text_copy(&arena, text_buf_view(&out));

	ck_assert(!out.overflow);
	text_buf_done(&out);
	return all;
}

static struct text written(const char *text, bool spreadsheet_safe)
{
	write_begin(spreadsheet_safe);
	csv_write_text(&writer, text_of(text));
	return write_end();
}

START_TEST(text_is_quoted_only_where_it_must_be)
{
	assert_text(written("plain text", false), "plain text");
	assert_text(written("a,b", false), "\"a,b\"");
	assert_text(written("say \"hi\"", false), "\"say \"\"hi\"\"\"");
	assert_text(written("a\nb", false), "\"a\nb\"");
	assert_text(written("a\rb", false), "\"a\rb\"");
	assert_text(written(" a", false), "\" a\"");
	assert_text(written("a\t", false), "\"a\t\"");
	assert_text(written(BOM "a", false), "\"" BOM "a\"");
	assert_text(written("a;b", false), "a;b");
	assert_text(written("a;b", true), "\"a;b\"");
	assert_text(written("a\xff"
	                    "b",
	                    false),
	            "a\xef\xbf\xbd"
	            "b");
	assert_text(written("=1", false), "=1");
}
END_TEST

START_TEST(no_terminal_obeys_a_table)
{
	assert_text(written("a\x1b[2Jb\a", true), "a\\x1b[2Jb\\x07");
	assert_text(written("\x7f\xc2\x9b"
	                    "31m\xc2\xa0",
	                    true),
	            "\\x7f\\x9b31m\xc2\xa0");
	assert_text(written("a\tb\r\n::error::c", true), "\"a\tb\\r\\n::error::c\"");
	assert_text(written("a\x1b", false), "a\x1b");
}
END_TEST

START_TEST(what_a_spreadsheet_would_run_is_defused)
{
	assert_text(written("=1+1", true), "'=1+1");
	assert_text(written("+1", true), "'+1");
	assert_text(written("-1", true), "'-1");
	assert_text(written("@SUM(A1)", true), "'@SUM(A1)");
	assert_text(written("\t=1", true), "\"'\t=1\"");
	assert_text(written("\r=1", true), "'\\r=1");
	assert_text(written("\xef\xbc\x9d"
	                    "1",
	                    true),
	            "'\xef\xbc\x9d"
	            "1");
	assert_text(written("=a,\"b\"", true), "\"'=a,\"\"b\"\"\"");
	assert_text(written("a=1", true), "a=1");
	assert_text(written("", true), "");
}
END_TEST

START_TEST(numbers_stand_bare_and_unknown_is_empty)
{
	write_begin(true);
	csv_write_int(&writer, -5);
	csv_write_int(&writer, INT64_MIN);
	csv_write_count(&writer, 0);
	csv_write_count(&writer, -1);
	csv_write_unknown(&writer);
	csv_write_double(&writer, 0.1, 4);
	csv_write_double(&writer, 1.0 / 3, 3);
	csv_write_double(&writer, -0.0001, 2);
	csv_write_double(&writer, 1500, 2);
	csv_write_double(&writer, (double)NAN, 2);
	csv_write_double(&writer, (double)INFINITY, 2);
	csv_write_end_row(&writer);
	assert_text(write_end(), "-5,-9223372036854775808,0,,,0.1,0.333,0,1500,,\r\n");
}
END_TEST

START_TEST(money_is_written_exactly)
{
	write_begin(true);
	csv_write_usd(&writer, 0);
	csv_write_usd(&writer, 1);
	csv_write_usd(&writer, 1500000000000);
	csv_write_usd(&writer, 2000000000000);
	csv_write_usd(&writer, INT64_MAX);
	csv_write_usd(&writer, -1);
	csv_write_end_row(&writer);
	assert_text(write_end(), "0,0.000000000001,1.5,2,9223372.036854775807,\r\n");
}
END_TEST

START_TEST(a_row_of_one_empty_field_is_no_blank_line)
{
	write_begin(false);
	csv_write_text(&writer, TEXT("h"));
	csv_write_end_row(&writer);
	csv_write_unknown(&writer);
	csv_write_end_row(&writer);
	csv_write_text(&writer, TEXT("x"));
	csv_write_end_row(&writer);
	struct text all = write_end();
	assert_text(all, "h\r\n\"\"\r\nx\r\n");
	assert_text(rows_of(all.data), "1[0:h]2[3:\"\"]3[7:x]");
}
END_TEST

/* --- corpora --- */

static struct json *read_json(const char *path)
{
	struct source *source = NULL;
	struct json *root = NULL;

	ck_assert_msg(file_read(path, 1 << 22, &arena, &source, &fault), "%s", fault.message);
	ck_assert_msg(json_read(source, NULL, &arena, &root, &fault), "%s", fault.message);
	return root;
}

static bool have_corpus(const char *path)
{
	if (file_is_directory(path))
		return true;
	(void)fprintf(stderr, "# test_csv: %s is not here; its cases were not tried\n", path);
	return false;
}

/* The corpus's files lost their CRs on the way, its JSON has them: compared without. */
static struct text without_cr(struct text cell)
{
	struct text left = TEXT("");

	for (size_t i = 0; i < cell.len; i++)
		if (cell.data[i] != '\r')
			left = text_format(&arena, "%.*s%c", TEXT_ARG(left), cell.data[i]);
	return left;
}

/* The table holds the objects' members, in their order. */
static void check_table(const struct csv_table *table, const struct json *rows, const char *name)
{
	size_t at = 0;

	ck_assert_msg(table->rows == rows->count, "%s: %zu rows", name, table->rows);
	JSON_EACH(row, rows)
	{
		size_t column = 0;
		ck_assert_msg(row->count == table->columns, "%s: columns", name);
		JSON_EACH(member, row)
		{
			ck_assert(text_equal(table->header[column++], member->key));
			struct text cell = without_cr(table->cells[at++]);
			struct text wanted = without_cr(member->text);
			ck_assert_msg(text_equal(cell, wanted), "%s: \"%.*s\" is not \"%.*s\"",
			              name, TEXT_ARG(cell), TEXT_ARG(wanted));
		}
	}
}

static struct text write_table(const struct json *rows)
{
	write_begin(false);
	JSON_EACH(member, rows->first)
	{
		csv_write_text(&writer, member->key);
	}
	csv_write_end_row(&writer);
	JSON_EACH(row, rows)
	{
		JSON_EACH(member, row)
		{
			csv_write_text(&writer, member->text);
		}
		csv_write_end_row(&writer);
	}
	return write_end();
}

START_TEST(csv_spectrum_is_read_and_written_alike)
{
	const char *folder = CORPORA "/csv/csv-spectrum";
	struct text *names = NULL;
	size_t count = 0;
	struct csv_table table;

	if (!have_corpus(folder))
		return;
	const char *csvs = file_join(&arena, folder, "csvs");
	ck_assert(file_list(csvs, &arena, &names, &count, &fault));
	for (size_t i = 0; i < count; i++) {
		struct source *source = NULL;
		struct text stem = text_slice(names[i], 0, names[i].len - strlen(".csv"));
		struct json *rows = read_json(
		    text_format(&arena, "%s/json/%.*s.json", folder, TEXT_ARG(stem)).data);
		ck_assert(file_read(file_join(&arena, csvs, names[i].data), 1 << 20, &arena,
		                    &source, &fault));
		/* Bare quotes within a field (and another number in its JSON): refused by us. */
		if (text_is(names[i], "location_coordinates.csv")) {
			ck_assert(!csv_read_table(source, &arena, &table, &fault));
			assert_fault_says(&fault, "a quote within a field");
			continue;
		}
		ck_assert_msg(csv_read_table(source, &arena, &table, &fault), "%s: %s",
		              names[i].data, fault.message);
		check_table(&table, rows, names[i].data);
		ck_assert(csv_read_table(source_of(write_table(rows)), &arena, &table, &fault));
		check_table(&table, rows, names[i].data);
	}
	ck_assert_uint_eq(count, 12);
}
END_TEST

/* Strings of our own, of the kinds that the corpus has. */
static const char *const own_naughty =
    "[\"\", \"=1+1\", \"+A1\", \"-2\", \"@x\", \"\\t=1\", \"\\r\\n=1\", \" =1\", \"a,b\", "
    "\"\\\"\", \"\\\"\\\"\", \"'\", \"\\n\", \" \", \"\\u2028\", \"\\ufeffa\", \"\\u202etxt\", "
    "\"\\ud83d\\ude00\", \"=cmd|'/C calc'!A0\", \"a\\\"b\\\"\", \"\\\\\", \"null\", \"1e1000\"]";

/* Also U+0080 to U+009F. */
static bool has_control(struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0))
			return true;
	}
	return false;
}

static void check_round_trip(const struct json *strings, bool spreadsheet_safe)
{
	struct csv_table table;
	size_t at = 0;

	write_begin(spreadsheet_safe);
	csv_write_text(&writer, TEXT("text"));
	csv_write_text(&writer, TEXT("again"));
	csv_write_end_row(&writer);
	JSON_EACH(string, strings)
	{
		csv_write_text(&writer, string->text);
		csv_write_text(&writer, string->text);
		csv_write_end_row(&writer);
	}
	ck_assert_msg(csv_read_table(source_of(write_end()), &arena, &table, &fault), "%s",
	              fault.message);
	ck_assert_uint_eq(table.rows, strings->count);
	JSON_EACH(string, strings)
	{
		struct text cell = table.cells[at];
		ck_assert(text_equal(cell, table.cells[at + 1]));
		if (spreadsheet_safe) {
			/* None may start a formula or end a line; without such the text is whole.
			 */
			ck_assert(cell.len == 0 || memchr("=+-@\t\r\n", cell.data[0], 7) == NULL);
			for (size_t i = 0; i < cell.len; i++)
				ck_assert(cell.data[i] == '\t' ||
				          (unsigned char)cell.data[i] >= 0x20);
			if (has_control(string->text))
				cell = string->text;
			else if (!text_equal(cell, string->text))
				cell = text_slice(cell, 1, cell.len);
		}
		ck_assert_msg(text_equal(cell, string->text), "\"%.*s\" came back as \"%.*s\"",
		              TEXT_ARG(string->text), TEXT_ARG(cell));
		at += 2;
	}
}

START_TEST(naughty_strings_survive_and_none_starts_a_formula)
{
	struct json *strings = NULL;

	ck_assert(json_read_text(text_of(own_naughty), "own", &arena, &strings, &fault));
	check_round_trip(strings, false);
	check_round_trip(strings, true);
	if (!have_corpus(CORPORA "/naughty-strings"))
		return;
	strings = read_json(CORPORA "/naughty-strings/blns.json");
	ck_assert_uint_ge(strings->count, 500);
	check_round_trip(strings, false);
	check_round_trip(strings, true);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, NULL, end);
	tcase_add_test(cases, fields_come_with_their_places);
	tcase_add_test(cases, empty_fields_and_blank_lines_are_told_apart);
	tcase_add_test(cases, what_breaks_a_rule_is_refused_where_it_stands);
	tcase_add_test(cases, fields_columns_and_rows_have_their_caps);
	tcase_add_test(cases, the_callback_can_end_it_and_its_fault_is_kept);
	tcase_add_test(cases, a_table_has_cells_by_row_and_column);
	tcase_add_test(cases, a_table_that_does_not_fit_its_header_is_refused);
	tcase_add_test(cases, text_is_quoted_only_where_it_must_be);
	tcase_add_test(cases, no_terminal_obeys_a_table);
	tcase_add_test(cases, what_a_spreadsheet_would_run_is_defused);
	tcase_add_test(cases, numbers_stand_bare_and_unknown_is_empty);
	tcase_add_test(cases, money_is_written_exactly);
	tcase_add_test(cases, a_row_of_one_empty_field_is_no_blank_line);
	tcase_add_test(cases, csv_spectrum_is_read_and_written_alike);
	tcase_add_test(cases, naughty_strings_survive_and_none_starts_a_formula);
}

int main(void)
{
	return unit_main("csv", add);
}
