/* Evidence: what goes in comes out byte for byte, less secrets; what is broken is said. */
#include "providers/wire/recording.h"

#include "harness/base/log.h"
#include "harness/base/redact.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static char folder[64];

static void setup(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/proviso-recording-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	log_set_level(LOG_SILENT); /* torn records are warned of, and there are many here */
}

static const char *segment(int number)
{
	return text_format(&arena, "%s/%06d.rec", folder, number).data;
}

static void teardown(void)
{
	for (int i = 1; i < 10; i++)
		(void)unlink(segment(i));
	ck_assert_int_eq(rmdir(folder), 0);
	redact_forget_all();
	arena_done(&arena);
}

static struct http_header headers[] = {
    {TEXT_INIT("Content-Type"), TEXT_INIT("text/event-stream")},
    {TEXT_INIT("X-Odd"), TEXT_INIT("quote \" back \\ tab \t nul \0 end")},
    {TEXT_INIT("x"), TEXT_INIT("")},
};
static struct http_header request_headers[] = {{TEXT_INIT("Accept"), TEXT_INIT("*/*")}};
static struct exchange_chunk chunks[] = {{1000, 3}, {2000, 3}, {5000, 12}};
static const struct recording_label label = {
    .target = TEXT_INIT("unit/m"),
    .case_id = TEXT_INIT("TC-10"),
    .variant = TEXT_INIT("stream"),
    .trial = 2,
    .step = 1,
    .attempt = 3,
};

static struct exchange exchange_of(struct text request, struct text body)
{
	return (struct exchange){
	    .method = TEXT("POST"),
	    .url = TEXT("http://127.0.0.1:1/v1"),
	    .request_headers = request_headers,
	    .request_header_count = 1,
	    .request_body = request,
	    .started_wall_ms = 1767225600123,
	    .status = 200,
	    .http_version = 11,
	    .reused = true,
	    .headers = headers,
	    .header_count = 3,
	    .body = body,
	    .end = EXCHANGE_CUT,
	    .end_detail = TEXT("Recv failure"),
	    .head_us = 900,
	    .end_us = 6000,
	};
}

static struct recording *open_recording(void)
{
	struct recording *recording;
	struct fault fault;

	ck_assert_msg(recording_open(folder, &recording, &fault), "%s", fault.message);
	return recording;
}

static struct text add_one(struct recording *recording, const struct exchange *exchange)
{
	struct text id;
	struct fault fault;

	ck_assert_msg(recording_add(recording, &label, exchange, &arena, &id, &fault), "%s",
	              fault.message);
	return id;
}

static struct exchange read_back(struct text id, struct recording_label *read_label)
{
	struct exchange read;
	struct recording_label ignored;
	struct fault fault;

	ck_assert_msg(recording_read(folder, id, &arena, read_label == NULL ? &ignored : read_label,
	                             &read, &fault),
	              "%s", fault.message);
	return read;
}

static void expect_unreadable(struct text id, const char *says)
{
	struct exchange read;
	struct recording_label read_label;
	struct fault fault;

	ck_assert(!recording_read(folder, id, &arena, &read_label, &read, &fault));
	assert_fault_says(&fault, says);
}

START_TEST(what_goes_in_comes_out)
{
	struct recording *recording = open_recording();
	struct exchange exchange =
	    exchange_of(TEXT("{\"a\"\n:\0\xff}"), TEXT("data\n\n\0\xfe\x80 end"));
	const struct text dropped[] = {TEXT("seed"), TEXT("messages.name")};
	struct recording_label got;

	exchange.chunks = chunks;
	exchange.chunk_count = 3;
	exchange.dropped = dropped;
	exchange.dropped_count = 2;
	exchange.wrong_key = true;
	struct text first = add_one(recording, &exchange);
	exchange.wrong_key = false;
	exchange.no_key = true;
	struct text second = add_one(recording, &exchange);
	assert_text(first, "000001:0");
	for (int i = 0; i < 2; i++) {
		struct exchange read = read_back(i == 0 ? first : second, &got);

		assert_text(got.target, "unit/m");
		assert_text(got.case_id, "TC-10");
		assert_text(got.variant, "stream");
		ck_assert_int_eq(got.trial, 2);
		ck_assert_int_eq(got.step, 1);
		ck_assert_int_eq(got.attempt, 3);
		assert_text(read.method, "POST");
		assert_text(read.url, "http://127.0.0.1:1/v1");
		ck_assert(text_equal(read.request_body, exchange.request_body));
		ck_assert(text_equal(read.body, exchange.body));
		ck_assert_int_eq(read.started_wall_ms, exchange.started_wall_ms);
		ck_assert_int_eq(read.status, 200);
		ck_assert_int_eq(read.http_version, 11);
		ck_assert(read.wrong_key == (i == 0));
		ck_assert(read.no_key == (i == 1));
		ck_assert(read.reused);
		ck_assert_int_eq(read.end, EXCHANGE_CUT);
		assert_text(read.end_detail, "Recv failure");
		ck_assert_int_eq(read.head_us, 900);
		ck_assert_int_eq(read.end_us, 6000);
		ck_assert_uint_eq(read.request_header_count, 1);
		ck_assert_uint_eq(read.header_count, 3);
		for (size_t h = 0; h < 3; h++) {
			ck_assert(text_equal(read.headers[h].name, headers[h].name));
			ck_assert(text_equal(read.headers[h].value, headers[h].value));
		}
		ck_assert_uint_eq(read.dropped_count, 2);
		assert_text(read.dropped[0], "seed");
		assert_text(read.dropped[1], "messages.name");
		ck_assert_uint_eq(read.chunk_count, 3);
		ck_assert_mem_eq(read.chunks, chunks, sizeof(chunks));
	}
	recording_close(recording);
}
END_TEST

START_TEST(each_end_has_a_name_that_is_read_back)
{
	enum exchange_end end;

	for (int i = 0; i < EXCHANGE_END_COUNT; i++) {
		ck_assert(
		    exchange_end_from_name(text_of(exchange_end_name((enum exchange_end)i)), &end));
		ck_assert_int_eq((int)end, i);
	}
	ck_assert(!exchange_end_from_name(TEXT("completed"), &end));
	ck_assert(!exchange_end_from_name(TEXT(""), &end));
}
END_TEST

START_TEST(an_attempt_without_an_answer_is_kept_too)
{
	struct recording *recording = open_recording();
	struct exchange exchange = {
	    .method = TEXT("GET"),
	    .url = TEXT("http://x"),
	    .end = EXCHANGE_CONNECT_FAILED,
	    .head_us = -1,
	    .end_us = 5,
	};
	struct exchange read = read_back(add_one(recording, &exchange), NULL);

	ck_assert_int_eq(read.status, 0);
	ck_assert_int_eq(read.head_us, -1);
	ck_assert_uint_eq(read.body.len + read.request_body.len + read.header_count, 0);
	recording_close(recording);
}
END_TEST

START_TEST(secrets_are_masked_wherever_they_stand)
{
	struct recording *recording = open_recording();
	struct http_header echo[] = {{TEXT("X-Echo"), TEXT("Bearer sk-unit-4711-abcdef")},
	                             {TEXT("sk-unit-4711-abcdef"), TEXT("1")}};
	struct exchange exchange = exchange_of(TEXT("{\"k\":\"sk-unit-4711-abcdef\"}"),
	                                       TEXT("bad key sk-unit-4711-abcdef!"));

	ck_assert(redact_remember(TEXT("sk-unit-4711-abcdef")));
	/* A secret of digits must not eat into the line's own numbers. */
	ck_assert(redact_remember(TEXT("1767225600123")));
	exchange.headers = exchange.request_headers = echo;
	exchange.header_count = exchange.request_header_count = 2;
	exchange.url = TEXT("http://x/?key=sk-unit-4711-abcdef");
	exchange.end_detail = TEXT("sk-unit-4711-abcdef refused");
	struct text id = add_one(recording, &exchange);
	struct exchange read = read_back(id, NULL);
	assert_text(read.body, "bad key *******************!");
	ck_assert_int_eq(read.started_wall_ms, 1767225600123);
	recording_close(recording);

	int fd = open(segment(1), O_RDONLY);
	char bytes[8192];
	ssize_t got = pread(fd, bytes, sizeof(bytes), 0);
	ck_assert_int_gt(got, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_uint_eq(text_find((struct text){bytes, (size_t)got}, TEXT("4711"), 0),
	                  TEXT_NOT_FOUND);
}
END_TEST

START_TEST(header_bytes_that_are_no_text_leave_a_readable_line)
{
	struct recording *recording = open_recording();
	struct http_header hostile[] = {{TEXT("X-\xff"), TEXT("a\xc3\x28 \xed\xa0\x80 b")}};
	struct exchange exchange = exchange_of(TEXT(""), TEXT(""));

	exchange.headers = hostile;
	exchange.header_count = 1;
	struct exchange read = read_back(add_one(recording, &exchange), NULL);
	assert_text(read.headers[0].name, "X-\xef\xbf\xbd");
	ck_assert(text_starts(read.headers[0].value, TEXT("a\xef\xbf\xbd(")));
	recording_close(recording);
}
END_TEST

START_TEST(a_folder_opened_again_is_written_behind)
{
	struct exchange exchange = exchange_of(TEXT("one"), TEXT("1"));
	struct recording *recording = open_recording();
	struct text first = add_one(recording, &exchange);

	recording_close(recording);
	recording = open_recording();
	exchange = exchange_of(TEXT("two"), TEXT("2"));
	struct text second = add_one(recording, &exchange);
	recording_close(recording);
	assert_text(read_back(first, NULL).request_body, "one");
	assert_text(read_back(second, NULL).request_body, "two");
	ck_assert(text_starts(second, TEXT("000001:")));
}
END_TEST

START_TEST(a_second_writer_is_refused)
{
	struct recording *recording = open_recording(), *other;
	struct fault fault;

	ck_assert(!recording_open(folder, &other, &fault));
	recording_close(recording);
}
END_TEST

static int64_t size_of(const char *path)
{
	struct stat facts;

	ck_assert_int_eq(stat(path, &facts), 0);
	return facts.st_size;
}

START_TEST(a_record_cut_anywhere_by_a_crash_is_dropped)
{
	struct exchange exchange = exchange_of(TEXT("request"), TEXT("response\nwith lines\n"));
	struct recording *recording = open_recording();

	exchange.chunks = chunks;
	exchange.chunk_count = 3;
	struct text first = add_one(recording, &exchange);
	int64_t good = size_of(segment(1));
	(void)add_one(recording, &exchange);
	recording_close(recording);
	int64_t whole = size_of(segment(1));
	struct text_buf bytes;
	text_buf_init(&bytes, 1 << 20);
	char *room = text_buf_reserve(&bytes, (size_t)whole);
	int fd = open(segment(1), O_RDWR);
	ck_assert_int_eq(pread(fd, room, (size_t)whole, 0), whole);

	for (int64_t cut = good + 1; cut < whole; cut++) {
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(pwrite(fd, room, (size_t)cut, 0), cut);
		recording = open_recording();
		ck_assert_int_eq(size_of(segment(1)), good);
		struct text id = add_one(recording, &exchange);
		recording_close(recording);
		(void)read_back(first, NULL);
		(void)read_back(id, NULL);
	}
	ck_assert_int_eq(close(fd), 0);
	text_buf_done(&bytes);
}
END_TEST

START_TEST(what_is_no_record_of_ours_is_kept_and_not_written_behind)
{
	int fd = open(segment(1), O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(write(fd, "something else\nentirely\n", 24), 24);
	ck_assert_int_eq(close(fd), 0);
	struct recording *recording = open_recording();
	struct exchange exchange = exchange_of(TEXT("a"), TEXT("b"));
	struct text id = add_one(recording, &exchange);
	assert_text(id, "000002:0");
	recording_close(recording);
	ck_assert_int_eq(size_of(segment(1)), 24);
	(void)read_back(id, NULL);
}
END_TEST

START_TEST(what_is_handed_out_can_be_synced_while_the_folder_is_written_and_closed)
{
	struct recording *recording = open_recording();
	struct exchange exchange = exchange_of(TEXT("a"), TEXT("b"));
	struct file_log first, second;
	struct fault fault;

	ck_assert(recording_hand_out(recording, &first, &fault));
	ck_assert_int_eq(first.fd, -1); /* nothing was added */
	struct text id = add_one(recording, &exchange);
	ck_assert(recording_hand_out(recording, &first, &fault));
	ck_assert_int_ge(first.fd, 0);
	ck_assert(recording_hand_out(recording, &second, &fault));
	ck_assert_int_eq(second.fd, -1); /* handed out once */
	(void)add_one(recording, &exchange);
	ck_assert(recording_hand_out(recording, &second, &fault));
	ck_assert_int_ge(second.fd, 0);
	recording_close(recording);
	ck_assert(file_log_sync(&first, &fault));
	ck_assert(file_log_sync(&second, &fault));
	file_log_close(&first);
	file_log_close(&second);
	(void)read_back(id, NULL);
}
END_TEST

START_TEST(a_full_segment_is_followed_by_the_next)
{
	enum { BODY = 30 << 20 };
	char *body = memory_new(BODY);
	struct recording *recording = open_recording();
	struct exchange exchange = exchange_of(TEXT("a"), (struct text){body, BODY});
	struct text ids[3];

	for (int i = 0; i < 3; i++) {
		body[0] = body[BODY - 1] = (char)('a' + i);
		ids[i] = add_one(recording, &exchange);
	}
	struct fault fault;
	ck_assert(recording_sync(recording, &fault));
	recording_close(recording);
	ck_assert(text_starts(ids[1], TEXT("000001:")));
	assert_text(ids[2], "000002:0");
	for (int i = 0; i < 3; i++) {
		struct exchange read = read_back(ids[i], NULL);

		ck_assert_uint_eq(read.body.len, BODY);
		ck_assert_int_eq(read.body.data[0], 'a' + i);
		ck_assert_int_eq(read.body.data[BODY - 1], 'a' + i);
	}
	/* Opened again, the last segment goes on. */
	recording = open_recording();
	exchange = exchange_of(TEXT("a"), TEXT("b"));
	ck_assert(text_starts(add_one(recording, &exchange), TEXT("000002:3")));
	recording_close(recording);
	memory_free(body);
}
END_TEST

static const struct {
	struct text id;
	const char *says;
} wrong_ids[] = {
    {TEXT_INIT(""), "no evidence id"},
    {TEXT_INIT("1:0"), "no evidence id"},
    {TEXT_INIT("000001"), "no evidence id"},
    {TEXT_INIT("000001:"), "no evidence id"},
    {TEXT_INIT("000001:-1"), "no evidence id"},
    {TEXT_INIT("000001:0x"), "no evidence id"},
    {TEXT_INIT("../../:0"), "no evidence id"},
    {TEXT_INIT("000000:0"), "no evidence id"},
    {TEXT_INIT("000001:99999999999999999999"), "no evidence id"},
    {TEXT_INIT("000009:0"), "not there"},
    {TEXT_INIT("000001:1"), "no record begins there"},
    {TEXT_INIT("000001:1000000"), "the file ends before it"},
};

START_TEST(a_wrong_id_is_said_to_be_wrong)
{
	struct recording *recording = open_recording();
	struct exchange exchange = exchange_of(TEXT("a"), TEXT("b"));

	(void)add_one(recording, &exchange);
	recording_close(recording);
	expect_unreadable(wrong_ids[_i].id, wrong_ids[_i].says);
}
END_TEST

START_TEST(edited_files_never_read_as_something_else_than_fault_or_record)
{
	struct recording *recording = open_recording();
	struct exchange exchange = exchange_of(TEXT("request"), TEXT("response body"));

	exchange.chunks = chunks;
	exchange.chunk_count = 3;
	struct text id = add_one(recording, &exchange);
	recording_close(recording);
	int64_t size = size_of(segment(1));
	int fd = open(segment(1), O_RDWR);
	for (int64_t at = 0; at < size; at++) {
		static const char bytes[] = {'0', '9', '"', '}', '\n', ',', '-', '\0', '\xff'};
		char old;

		ck_assert_int_eq(pread(fd, &old, 1, at), 1);
		for (size_t b = 0; b < sizeof(bytes); b++) {
			struct exchange read;
			struct recording_label read_label;
			struct fault fault;

			ck_assert_int_eq(pwrite(fd, &bytes[b], 1, at), 1);
			if (!recording_read(folder, id, &arena, &read_label, &read, &fault))
				continue;
			ck_assert_uint_eq(read.request_body.len, exchange.request_body.len);
			ck_assert_uint_eq(read.body.len, exchange.body.len);
			for (size_t c = 0; c < read.chunk_count; c++)
				ck_assert_uint_le(read.chunks[c].end, read.body.len);
		}
		ck_assert_int_eq(pwrite(fd, &old, 1, at), 1);
	}
	for (int64_t cut = size - 1; cut >= 0; cut--) {
		ck_assert_int_eq(ftruncate(fd, cut), 0);
		expect_unreadable(id, "");
	}
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, what_goes_in_comes_out);
	tcase_add_test(cases, each_end_has_a_name_that_is_read_back);
	tcase_add_test(cases, an_attempt_without_an_answer_is_kept_too);
	tcase_add_test(cases, secrets_are_masked_wherever_they_stand);
	tcase_add_test(cases, header_bytes_that_are_no_text_leave_a_readable_line);
	tcase_add_test(cases, a_folder_opened_again_is_written_behind);
	tcase_add_test(cases, a_second_writer_is_refused);
	tcase_add_test(cases, a_record_cut_anywhere_by_a_crash_is_dropped);
	tcase_add_test(cases, what_is_no_record_of_ours_is_kept_and_not_written_behind);
	tcase_add_test(cases,
	               what_is_handed_out_can_be_synced_while_the_folder_is_written_and_closed);
	tcase_add_test(cases, a_full_segment_is_followed_by_the_next);
	tcase_add_loop_test(cases, a_wrong_id_is_said_to_be_wrong, 0, (int)ARRAY_LENGTH(wrong_ids));
	tcase_add_test(cases, edited_files_never_read_as_something_else_than_fault_or_record);
}

int main(void)
{
	return unit_main("recording", add);
}
