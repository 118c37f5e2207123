/* Cutting a stream into frames: the same frames however the bytes come, and no byte lost. */
#include "proxy/relay/frame.h"

#include "tests/unit/unit.h"

static struct arena arena;
static struct text frames[256];
static bool whole[256];
static size_t count;
static struct text_buf all;

static void saw(void *context UNUSED, struct text frame, bool ends)
{
	ck_assert_uint_lt(count, ARRAY_LENGTH(frames));
	frames[count] = text_copy(&arena, frame);
	whole[count++] = ends;
	(void)text_buf_add(&all, frame);
}

static void cut(struct text bytes, size_t step)
{
	struct frame_cutter cutter;

	count = 0;
	text_buf_init(&all, 64 << 20);
	frame_cutter_init(&cutter, saw, NULL);
	for (size_t at = 0; at < bytes.len; at += step)
		frame_feed(&cutter, text_slice(bytes, at, at + step));
	(void)text_buf_add(&all, frame_rest(&cutter));
	ck_assert(text_equal(text_buf_view(&all), bytes));
	frame_cutter_done(&cutter);
	text_buf_done(&all);
}

START_TEST(frames_are_the_same_however_the_bytes_come)
{
	const struct text bytes = TEXT("data: 1\n\n: ping\n\ndata: 2\r\n\r\n\n"
	                               "event: x\ndata: 3\n\ndata: [DONE]\n\nrest");

	for (size_t step = 1; step <= bytes.len; step++) {
		cut(bytes, step);
		ck_assert_uint_eq(count, 6);
		assert_text(frames[0], "data: 1\n\n");
		assert_text(frames[1], ": ping\n\n");
		assert_text(frames[2], "data: 2\r\n\r\n");
		assert_text(frames[3], "\n");
		assert_text(frames[4], "event: x\ndata: 3\n\n");
		assert_text(frames[5], "data: [DONE]\n\n");
		for (size_t i = 0; i < count; i++)
			ck_assert(whole[i]);
	}
}
END_TEST

START_TEST(a_frame_without_an_end_is_handed_on_in_parts)
{
	size_t size = 3 * FRAME_MAX_BYTES;
	char *bytes = memory_new(size);

	memset(bytes, 'x', size);
	memcpy(bytes + size - 2, "\n\n", 2);
	cut((struct text){bytes, size}, 16384);
	ck_assert_uint_gt(count, 1);
	for (size_t i = 0; i < count; i++)
		ck_assert(!whole[i]);
	memory_free(bytes);
}
END_TEST

START_TEST(a_frame_is_told_by_its_lines)
{
	ck_assert_int_eq(frame_kind_of(TEXT(": ping\n\n")), FRAME_COMMENT);
	ck_assert_int_eq(frame_kind_of(TEXT("\n")), FRAME_COMMENT);
	ck_assert_int_eq(frame_kind_of(TEXT(": ping\ndata: x\n\n")), FRAME_EVENT);
	ck_assert_int_eq(frame_kind_of(TEXT("data: [DONE]\n\n")), FRAME_DONE);
	ck_assert_int_eq(frame_kind_of(TEXT("data:[DONE]\r\n\r\n")), FRAME_DONE);
	ck_assert_int_eq(frame_kind_of(TEXT("event: done\ndata: [DONE]\n\n")), FRAME_DONE);
	ck_assert_int_eq(frame_kind_of(TEXT("data: \"[DONE]\"\n\n")), FRAME_EVENT);
	assert_text(frame_data(TEXT("id: 1\ndata: {}\r\n\r\n")), "{}");
	ck_assert_ptr_null(frame_data(TEXT("data: a\ndata: b\n\n")).data);
	ck_assert_ptr_null(frame_data(TEXT(": no\n\n")).data);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, frames_are_the_same_however_the_bytes_come);
	tcase_add_test(cases, a_frame_without_an_end_is_handed_on_in_parts);
	tcase_add_test(cases, a_frame_is_told_by_its_lines);
}

int main(void)
{
	int code = unit_main("frame", add);

	arena_done(&arena);
	return code;
}
