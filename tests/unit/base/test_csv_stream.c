/* CSV as a stream: the same rows as csv_read gives, each bad one told with its place. */
#include "harness/base/csv_stream.h"

#include "harness/base/file.h"
#include "tests/unit/unit.h"

#include <unistd.h>

static char path[] = "/tmp/proviso-csv-XXXXXX";
static struct arena arena;
static struct text_buf out;
static struct fault fault;
static const char *stop_at; /* a row that holds it is refused by the callback */
static bool stop_after_refusal;

static void begin(void)
{
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	text_buf_init(&out, 1 << 20);
	stop_at = NULL;
	stop_after_refusal = false;
}

static void end(void)
{
	(void)unlink(path);
	text_buf_done(&out);
	arena_done(&arena);
}

static bool take(void *context, const struct csv_stream_row *row, struct fault *refusal)
{
	(void)context;
	for (size_t i = 0; i < row->row.count; i++)
		if (stop_at != NULL && text_is(row->row.fields[i].text, stop_at))
			return fault_at(refusal,
			                (struct place){row->source, row->row.fields[i].offset},
			                "not this");
	(void)text_buf_format(&out, "%u[", row->line);
	for (size_t i = 0; i < row->row.count; i++)
		(void)text_buf_format(&out, "%s%.*s", i == 0 ? "" : "|",
		                      TEXT_ARG(row->row.fields[i].text));
	(void)text_buf_byte(&out, ']');
	return true;
}

static bool refused(void *context, const struct fault *refusal)
{
	(void)context;
	(void)text_buf_format(&out, "<%u:%u %s>", refusal->line, refusal->column, refusal->message);
	return !stop_after_refusal;
}

static const struct csv_stream_events events = {take, refused, NULL};

static const char *rows_of(struct text csv)
{
	text_buf_reset(&out);
	ck_assert(file_replace(path, csv, 0600, &fault));
	if (!csv_stream(path, &events, &fault))
		(void)text_buf_format(&out, "!%u:%u", fault.line, fault.column);
	return text_buf_view(&out).data;
}

START_TEST(rows_come_with_their_lines)
{
	ck_assert_str_eq(rows_of(TEXT("a,b\n1,2\n")), "1[a|b]2[1|2]");
	ck_assert_str_eq(rows_of(TEXT("a,b\r\n1,2\r\n\r\n3,4")), "1[a|b]2[1|2]4[3|4]");
	ck_assert_str_eq(rows_of(TEXT("a\r1\r2")), "1[a]2[1]3[2]");
	ck_assert_str_eq(rows_of(TEXT("\xef\xbb\xbf"
	                              "a , b\t\n \n,\n")),
	                 "1[a|b]3[|]");
	ck_assert_str_eq(rows_of(TEXT("\"a\nb\",c\n1,\"x\"\"y\"\n\"\"\nz\n")),
	                 "1[a\nb|c]3[1|x\"y]4[]5[z]");
	ck_assert_str_eq(rows_of(TEXT("")), "");
}
END_TEST

START_TEST(a_bad_row_is_told_and_the_next_one_is_read)
{
	ck_assert_str_eq(rows_of(TEXT("a\nb\"c,d\n1\n")),
	                 "1[a]<2:2 a quote within a field: quote the whole field, and double the "
	                 "quotes in it>3[1]");
	ck_assert_str_eq(rows_of(TEXT("a\nx,\xff\n\xc3\xa9\n1,\0\n2\n")),
	                 "1[a]<2:3 byte 0xff is no UTF-8>3[\xc3\xa9]<4:3 a NUL byte can't stand in "
	                 "CSV>5[2]");
	ck_assert_str_eq(
	    rows_of(TEXT("a\n\"x\ny\"z\n1\n")),
	    "1[a]<3:3 want a comma or the end of the line behind a closing quote>4[1]");
	ck_assert_str_eq(rows_of(TEXT("a\n1,\"x\n2\n3\n")), "1[a]<2:3 this quote is never closed>");
	stop_at = "no";
	ck_assert_str_eq(rows_of(TEXT("a\nx,no\n\"y\nz\",no\n1\n")),
	                 "1[a]<2:3 not this><4:4 not this>5[1]");
	stop_after_refusal = true;
	ck_assert_str_eq(rows_of(TEXT("a\nx,no\n1\n")), "1[a]<2:3 not this>!2:3");
}
END_TEST

/* A field of 10 MB, plain and quoted (with line breaks that are none), costs its own row only. */
START_TEST(what_is_too_large_costs_one_row)
{
	enum { MANY = 10000000 };
	char *csv = memory_new(MANY + 64);

	for (int quoted = 0; quoted < 2; quoted++) {
		memset(csv, 'x', MANY + 64);
		memcpy(csv, quoted ? "a\n1,\"xx\n" : "a\n1, xxxx", 9);
		csv[MANY / 2] = quoted ? '\n' : 'x';
		memcpy(csv + MANY, quoted ? "\",3\nz\n" : ",,3\nz\n", 6);
		ck_assert_str_eq(rows_of((struct text){csv, MANY + 6}),
		                 quoted ? "1[a]<2:3 this field is larger than 1 MiB>5[z]"
		                        : "1[a]<2:3 this field is larger than 1 MiB>3[z]");
	}
	memset(csv, ',', MANY);
	for (int i = 1; i < 20; i++)
		memset(csv + i * 500000, 'x', 400000);
	csv[MANY - 1] = '\n';
	csv[MANY] = 'z';
	const char *said = rows_of((struct text){csv, MANY + 1});
	ck_assert(strstr(said, "larger than 8 MiB>2[z]") != NULL);
	memory_free(csv);
}
END_TEST

struct rows {
	struct text_buf *out;
};

static bool show(void *context, const struct csv_row *row, struct fault *unused)
{
	struct rows *rows = context;

	(void)unused;
	(void)text_buf_byte(rows->out, '[');
	for (size_t i = 0; i < row->count; i++)
		(void)text_buf_format(rows->out, "%s%zu:%.*s", i == 0 ? "" : "|", row->number,
		                      TEXT_ARG(row->fields[i].text));
	(void)text_buf_byte(rows->out, ']');
	return true;
}

static bool show_streamed(void *context, const struct csv_stream_row *row, struct fault *unused)
{
	return show(context, &row->row, unused);
}

static bool note(void *context, const struct fault *refusal)
{
	(void)context;
	fault = *refusal;
	return false;
}

/* The quick way for simple rows follows libcsv's rules. */
START_TEST(the_rows_are_those_of_csv_read)
{
	static const char alphabet[] = "aab ,,\t\"\n\r\xc3\xa9";
	uint64_t state = 88172645463325252u;

	for (int round = 0; round < 4000; round++) {
		char csv[40];
		size_t len = 1 + (size_t)round % sizeof(csv);
		for (size_t i = 0; i < len; i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			csv[i] = alphabet[state % (sizeof(alphabet) - 1)];
		}
		struct text body = {csv, len};
		struct source source = {TEXT("t"), body};
		struct text_buf whole, streamed;
		text_buf_init(&whole, 1 << 16);
		text_buf_init(&streamed, 1 << 16);
		struct rows a = {&whole}, b = {&streamed};
		struct fault first;
		bool good = csv_read(&source, show, &a, &first);
		ck_assert(file_replace(path, body, 0600, &fault));
		const struct csv_stream_events pair = {show_streamed, note, &b};
		bool same = csv_stream(path, &pair, &fault) == good;
		if (good)
			ck_assert_msg(
			    same && text_equal(text_buf_view(&whole), text_buf_view(&streamed)),
			    "%.*s: %.*s, %.*s", TEXT_ARG(body), TEXT_ARG(text_buf_view(&whole)),
			    TEXT_ARG(text_buf_view(&streamed)));
		else
			ck_assert_msg(same, "%.*s", TEXT_ARG(body));
		text_buf_done(&whole);
		text_buf_done(&streamed);
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, rows_come_with_their_lines);
	tcase_add_test(cases, a_bad_row_is_told_and_the_next_one_is_read);
	tcase_add_test(cases, what_is_too_large_costs_one_row);
	tcase_add_test(cases, the_rows_are_those_of_csv_read);
}

int main(void)
{
	return unit_main("csv stream", add);
}
