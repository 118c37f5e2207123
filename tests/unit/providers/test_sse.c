/* The event stream splitter: the standard's own examples, all splits, all line ends, the cap. */
#include "providers/wire/sse.h"
#include "tests/unit/unit.h"

struct seen {
	struct text_buf log;
};

static void note_event(void *context, const struct sse_event *event)
{
	struct seen *seen = context;

	text_buf_format(&seen->log, "%s[%.*s|%.*s|", event->closed ? "" : "open",
	                TEXT_ARG(event->name), TEXT_ARG(event->id));
	text_buf_add_visible(&seen->log, event->data);
	text_buf_byte(&seen->log, ']');
}

static void note_comment(void *context, struct text comment)
{
	struct seen *seen = context;

	text_buf_format(&seen->log, "(%.*s)", TEXT_ARG(comment));
}

static void split(struct text bytes, size_t piece, struct seen *seen, struct sse_facts *facts)
{
	struct sse_splitter splitter;

	sse_splitter_init(&splitter, 4096);
	splitter.on_event = note_event;
	splitter.on_comment = note_comment;
	splitter.context = seen;
	text_buf_reset(&seen->log);
	for (size_t at = 0; at < bytes.len; at += piece)
		sse_splitter_feed(&splitter, text_slice(bytes, at, at + piece));
	sse_splitter_end(&splitter);
	*facts = splitter.facts;
	sse_splitter_done(&splitter);
}

/* Whatever the pieces, the same events. */
static struct sse_facts assert_events(struct text bytes, const char *expected)
{
	struct seen seen;
	struct sse_facts facts, first;

	text_buf_init(&seen.log, 1 << 20);
	split(bytes, bytes.len + 1, &seen, &first);
	assert_text(text_buf_view(&seen.log), expected);
	for (size_t piece = 1; piece < 9; piece++) {
		split(bytes, piece, &seen, &facts);
		assert_text(text_buf_view(&seen.log), expected);
		ck_assert(memcmp(&facts, &first, sizeof(facts)) == 0);
	}
	text_buf_done(&seen.log);
	return first;
}

START_TEST(an_event_is_what_a_blank_line_closes)
{
	struct sse_facts facts = assert_events(
	    TEXT("data: one\n\nevent: ping\nid: 7\ndata: two\n\n"), "[||one][ping|7|two]");

	ck_assert_int_eq(facts.events, 2);
	ck_assert(!facts.crlf && !facts.ends_without_blank_line && !facts.no_space_after_colon);
}
END_TEST

START_TEST(data_lines_are_joined_by_line_feeds)
{
	(void)assert_events(TEXT("data: YHOO\ndata: +2\ndata: 10\n\n"), "[||YHOO\\n+2\\n10]");
	(void)assert_events(TEXT("data\n\ndata\ndata\n\ndata:"), "[||][||\\n]open[||]");
}
END_TEST

START_TEST(every_line_end_of_the_standard_ends_a_line)
{
	ck_assert(assert_events(TEXT("data: a\r\n\r\ndata: b\r\n\r\n"), "[||a][||b]").crlf);
	ck_assert(!assert_events(TEXT("data: a\r\rdata: b\r\r"), "[||a][||b]").crlf);
	(void)assert_events(TEXT("data: a\n\r\ndata: b\r\n\n"), "[||a][||b]");
	(void)assert_events(TEXT("data: a\r\r\ndata: b\n\r"), "[||a][||b]");
}
END_TEST

START_TEST(comments_are_counted_and_harm_nothing)
{
	struct sse_facts facts =
	    assert_events(TEXT(": OPENROUTER PROCESSING\n\n:\ndata: a\n: keep\ndata: b\n\n"),
	                  "( OPENROUTER PROCESSING)()( keep)[||a\\nb]");

	ck_assert_int_eq(facts.comments, 3);
	ck_assert_int_eq(facts.events, 1);
	ck_assert_int_eq(facts.dataless, 0);
}
END_TEST

START_TEST(only_the_first_space_behind_a_colon_goes)
{
	ck_assert(assert_events(TEXT("data:x\n\ndata:  y\n\ndata:\tz\n\n"), "[||x][|| y][||\\tz]")
	              .no_space_after_colon);
}
END_TEST

START_TEST(a_byte_order_mark_goes_at_the_start_only)
{
	(void)assert_events(TEXT("\xef\xbb\xbf"
	                         "data: a\n\n"),
	                    "[||a]");
	ck_assert_int_eq(assert_events(TEXT("data: a\n\n\xef\xbb\xbf"
	                                    "data: b\n\n"),
	                               "[||a]")
	                     .unknown_fields,
	                 1);
	ck_assert_int_eq(assert_events(TEXT("\xef\xbb"
	                                    "data: b\n\n"),
	                               "")
	                     .unknown_fields,
	                 1);
	(void)assert_events(TEXT("\xef\xbb"), "");
}
END_TEST

START_TEST(an_id_stays_and_one_with_a_nul_is_ignored)
{
	(void)assert_events(TEXT("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"),
	                    "[|1|a][|1|b][||c]");
	(void)assert_events(TEXT("id: 1\n\nid: 2\0x\ndata: a\n\n"), "[|1|a]");
}
END_TEST

START_TEST(fields_without_data_are_no_event)
{
	struct sse_facts facts =
	    assert_events(TEXT("event: ping\n\nid: 3\n\ndata: a\n\n"), "[|3|a]");

	ck_assert_int_eq(facts.dataless, 2);
	ck_assert_int_eq(facts.events, 1);
}
END_TEST

START_TEST(a_block_of_retry_alone_misses_no_data)
{
	struct sse_facts facts =
	    assert_events(TEXT("retry: 3000\n\n: hello\nretry: 1\n\ndata: a\nretry: 2\n\n"
	                       "id: 1\nretry: 3\n\nretry: 4\n"),
	                  "( hello)[||a]");

	ck_assert_int_eq(facts.retries, 2);
	ck_assert_int_eq(facts.dataless, 1);
	ck_assert(!facts.ends_without_blank_line);
}
END_TEST

START_TEST(unknown_fields_are_counted_and_retry_is_known)
{
	ck_assert_int_eq(
	    assert_events(TEXT("retry: 10\nfoo: bar\n data: x\nDATA: y\ndata: a\n\n"), "[||a]")
		.unknown_fields,
	    3);
}
END_TEST

START_TEST(an_event_that_nothing_closes_is_shown_as_open)
{
	struct sse_facts facts = assert_events(TEXT("data: a\n\ndata: b\n"), "[||a]open[||b]");

	ck_assert(facts.ends_without_blank_line);
	ck_assert_int_eq(facts.events, 1);
	ck_assert(
	    assert_events(TEXT("data: a\n\ndata: b"), "[||a]open[||b]").ends_without_blank_line);
	ck_assert(!assert_events(TEXT("data: a\n\n: bye"), "[||a]").ends_without_blank_line);
	ck_assert(assert_events(TEXT("data: a\n\nevent: x"), "[||a]").ends_without_blank_line);
}
END_TEST

START_TEST(nul_bytes_and_bad_text_pass_through_in_data)
{
	(void)assert_events(TEXT("data: a\0b\xff\n\n"), "[||a\\x00b\\xff]");
}
END_TEST

START_TEST(an_event_over_the_cap_ends_the_reading)
{
	struct arena arena = {0};
	char *flood = arena_alloc_bytes(&arena, 10000);
	struct text lines;

	memset(flood, 'x', 10000);
	lines = text_format(&arena, "data: ok\n\ndata: %.*s\n\ndata: late\n\n", 5000, flood);
	ck_assert(assert_events(lines, "[||ok]").overflow);
	lines = text_format(&arena, ":%.*s\ndata: late\n\n", 9999, flood);
	ck_assert(assert_events(lines, "").overflow);
	lines = text_format(&arena, "data: %.*s\ndata: %.*s\n\n", 3000, flood, 3000, flood);
	ck_assert(assert_events(lines, "").overflow);
	ck_assert(!assert_events(TEXT("data: ok\n\n"), "[||ok]").overflow);
	arena_done(&arena);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, an_event_is_what_a_blank_line_closes);
	tcase_add_test(cases, data_lines_are_joined_by_line_feeds);
	tcase_add_test(cases, every_line_end_of_the_standard_ends_a_line);
	tcase_add_test(cases, comments_are_counted_and_harm_nothing);
	tcase_add_test(cases, only_the_first_space_behind_a_colon_goes);
	tcase_add_test(cases, a_byte_order_mark_goes_at_the_start_only);
	tcase_add_test(cases, an_id_stays_and_one_with_a_nul_is_ignored);
	tcase_add_test(cases, fields_without_data_are_no_event);
	tcase_add_test(cases, a_block_of_retry_alone_misses_no_data);
	tcase_add_test(cases, unknown_fields_are_counted_and_retry_is_known);
	tcase_add_test(cases, an_event_that_nothing_closes_is_shown_as_open);
	tcase_add_test(cases, nul_bytes_and_bad_text_pass_through_in_data);
	tcase_add_test(cases, an_event_over_the_cap_ends_the_reading);
}

int main(void)
{
	return unit_main("sse", add);
}
