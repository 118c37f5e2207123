/* Logs of requests: which columns are known, what a moment may look like, what is refused where. */
#include "harness/run/route/traffic.h"

#include "harness/base/file.h"
#include "tests/unit/unit.h"

#include <unistd.h>

static char path[] = "/tmp/proviso-traffic-XXXXXX";
static struct arena arena;
static struct text_buf out;
static struct fault fault;
static struct traffic_options options;
static struct traffic_counts counts;

static void begin(void)
{
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	text_buf_init(&out, 1 << 20);
	options = (struct traffic_options){.task = {NULL, 0}};
}

static void end(void)
{
	(void)unlink(path);
	text_buf_done(&out);
	arena_done(&arena);
}

static bool take(void *context, const struct traffic_row *row, struct fault *refusal)
{
	(void)context;
	(void)refusal;
	(void)text_buf_format(&out, "%lld:%lld+%lld/%lld %.*s|%.*s|%.*s%s;",
	                      (long long)row->wall_ms, (long long)row->input_tokens,
	                      (long long)row->output_tokens, (long long)row->cached_tokens,
	                      TEXT_ARG(row->asked), TEXT_ARG(row->features), TEXT_ARG(row->task),
	                      row->estimated ? "~" : "");
	return true;
}

static bool refuse(void *context, const struct fault *refusal)
{
	(void)context;
	(void)text_buf_format(&out, "<%u:%u>", refusal->line, refusal->column);
	return true;
}

static const char *rows_of(const char *csv)
{
	static const struct traffic_events events = {take, refuse, NULL};

	text_buf_reset(&out);
	ck_assert(file_replace(path, text_of(csv), 0600, &fault));
	if (!traffic_read(path, &options, &events, &arena, &counts, &fault))
		return fault.message;
	return text_buf_view(&out).data;
}

START_TEST(the_three_formats_are_told_by_their_headers)
{
	ck_assert_str_eq(
	    rows_of(
		"output_tokens,timestamp,input_tokens,model,route,task,features,cached_tokens,x\n"
		"5,1970-01-01T00:00:01Z,10,m,,t,chat stream,4,\n"
		"5,1970-01-01T00:00:01Z,10,m,r,,,,\n"),
	    "1000:10+5/4 m|chat stream|t;1000:10+5/0 r||;");
	ck_assert_int_eq(counts.format, TRAFFIC_PLAIN);
	ck_assert_uint_eq(counts.unread.count, 1);
	assert_text(counts.unread.items[0], "x");
	ck_assert_str_eq(rows_of("TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
	                         "1970-01-01 00:00:01.5000000,4808,10"),
	                 "1500:4808+10/0 ||;");
	ck_assert_int_eq(counts.format, TRAFFIC_AZURE);
	ck_assert_str_eq(rows_of("started_at,prompt_tokens,completion_tokens,outcome,usage_source,"
	                         "requested_model,shape\n"
	                         "1970-01-01T00:00:01.000Z,10,5,ok,reported,m,chat\n"
	                         "1970-01-01T00:00:01.000Z,,,error,missing,m,chat\n"
	                         "1970-01-01T00:00:01.000Z,10,5,cut,estimated,m,chat\n"),
	                 "1000:10+5/0 m|chat|;1000:10+5/0 m|chat|~;");
	ck_assert_int_eq(counts.format, TRAFFIC_USAGE);
	ck_assert_int_eq(counts.unserved, 1);
	ck_assert_int_eq(counts.rows, 3);
	ck_assert_int_eq(counts.taken, 2);
}
END_TEST

START_TEST(columns_are_matched_to_the_letter_or_mapped)
{
	ck_assert(strstr(rows_of("Timestamp,input_tokens,output_tokens\n"),
	                 "no column \"timestamp\"") != NULL);
	ck_assert(strstr(rows_of("timestamp,input_tokens,input_tokens,output_tokens\n"),
	                 "stands here again") != NULL);
	ck_assert_uint_eq(fault.column, 24);
	ck_assert(strstr(rows_of(""), "is empty") != NULL);
	struct text maps[] = {TEXT("input_tokens=In"), TEXT("timestamp=When")};
	options.columns = (struct text_list){maps, 2};
	ck_assert_str_eq(rows_of("When,In,output_tokens\n1,2,3\n"), "1000:2+3/0 ||;");
	ck_assert(strstr(rows_of("When,in,output_tokens\n1,2,3\n"), "no such column") != NULL);
	maps[1] = TEXT("when=When");
	ck_assert(strstr(rows_of("When,In,output_tokens\n"), "no column \"when\"") != NULL);
	maps[1] = TEXT("timestamp=");
	ck_assert(strstr(rows_of("When,In,output_tokens\n"), "want COLUMN=NAME") != NULL);
}
END_TEST

START_TEST(bad_rows_are_refused_at_their_column)
{
	ck_assert_str_eq(rows_of("timestamp,input_tokens,output_tokens,cached_tokens\n"
	                         "1,2,3,0\n"
	                         "yesterday,2,3,0\n"
	                         "1,2.5,3,0\n"
	                         "1,2,-3,0\n"
	                         "1,2,1000000001,0\n"
	                         "1,2,3,4\n"
	                         "1,2,3\n"
	                         "1,2,\xff,0\n"
	                         "1,,3,\n"),
	                 "1000:2+3/0 ||;<3:1><4:3><5:5><6:5><7:7><8:1><9:5>1000:-1+3/0 ||;");
	ck_assert_int_eq(counts.refused, 7);
	ck_assert_int_eq(counts.taken, 2);
	ck_assert_int_eq(counts.rows, 9);
}
END_TEST

START_TEST(moments_are_those_that_logs_write)
{
	static const struct {
		const char *text;
		int64_t wall_ms;
	} good[] = {
	    {"2023-11-16T18:17:03Z", 1700158623000},
	    {"2023-11-16 18:17:03.9799600", 1700158623979},
	    {"2023-11-16 18:17:03+02:00", 1700151423000},
	    {"2023-11-16", 1700092800000},
	    {"1700158623", 1700158623000},
	    {"1700158623.25", 1700158623250},
	    {"1700158623979", 1700158623979},
	    {"0.0001", 0},
	};
	static const char *const bad[] = {
	    "",   "16.11.2023", "2023-11-16 25:00:00",   "1700158623979.5",
	    "-5", "1e9",        "2023-11-16T18:17:03ZZ", "170015862397900000"};
	int64_t wall_ms;

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		ck_assert_msg(traffic_moment(text_of(good[i].text), &wall_ms), "%s", good[i].text);
		ck_assert_int_eq(wall_ms, good[i].wall_ms);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		ck_assert_msg(!traffic_moment(text_of(bad[i]), &wall_ms), "%s", bad[i]);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, the_three_formats_are_told_by_their_headers);
	tcase_add_test(cases, columns_are_matched_to_the_letter_or_mapped);
	tcase_add_test(cases, bad_rows_are_refused_at_their_column);
	tcase_add_test(cases, moments_are_those_that_logs_write);
}

int main(void)
{
	return unit_main("traffic", add);
}
