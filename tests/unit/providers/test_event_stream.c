/* The frames of AWS's binary event streams: lengths, headers and checksums, right and wrong. */
#include "providers/wire/event_stream.h"
#include "tests/unit/providers/reply_unit.h"

static void count_event(void *context, const struct sse_event *event)
{
	unsigned *count = context;

	ck_assert(event->name.data != NULL || event->failed || event->data.len == 0);
	*count += 1;
}

static const char *broken_by(struct text bytes, unsigned *count)
{
	struct event_stream stream;

	event_stream_init(&stream);
	stream.on_event = count_event;
	stream.context = count;
	event_stream_feed(&stream, bytes);
	const char *broken = stream.broken;
	event_stream_done(&stream);
	return broken;
}

/* The example of the Smithy specification without headers and payload: 16 bytes. */
static const unsigned char empty_frame[] = {0, 0,    0,    0x10, 0,    0,    0,    0,
                                            5, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff};

START_TEST(the_published_frame_is_read)
{
	unsigned count = 0;

	ck_assert_ptr_null(
	    broken_by((struct text){(const char *)empty_frame, sizeof(empty_frame)}, &count));
	ck_assert_uint_eq(count, 1);
}
END_TEST

static void add_u32(struct text_buf *out, size_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		(void)text_buf_byte(out, (char)(number >> shift & 0xff));
}

/* CRC-32 of all that stands in the frame, written out: not the code under test. */
static void add_crc(struct text_buf *frame)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < frame->len; i++) {
		crc ^= (unsigned char)frame->data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
	}
	add_u32(frame, ~crc);
}

/* A frame with these bytes as headers, whatever they are. */
static struct text frame_with(struct text headers)
{
	struct text_buf frame;

	text_buf_init(&frame, 1024);
	add_u32(&frame, headers.len + EVENT_STREAM_AROUND_BYTES);
	add_u32(&frame, headers.len);
	add_crc(&frame);
	(void)text_buf_add(&frame, headers);
	add_crc(&frame);
	struct text copy = text_copy(&unit_arena, text_buf_view(&frame));
	text_buf_done(&frame);
	return copy;
}

/* A name, the kind of its value (7: a string, with its length before it), the value. */
#define HEADER(name_len, name, value_len, value) name_len name "\x07\0" value_len value

START_TEST(headers_of_each_kind_are_passed_over_and_none_is_read_beyond_its_end)
{
	static const struct {
		struct text headers;
		bool good;
	} frames[] = {
	    {TEXT_INIT("\1a\0"
	               "\1b\1"
	               "\1c\2x"
	               "\1d\3xx"
	               "\1e\4xxxx"
	               "\1f\5xxxxxxxx"),
	     true},
	    {TEXT_INIT("\1a\6\0\2xx"
	               "\1b\7\0\1x"
	               "\1c\x08xxxxxxxx"
	               "\1d\x09xxxxxxxxxxxxxxxx"),
	     true},
	    {TEXT_INIT("\1a\x0a"), false},    /* no such kind */
	    {TEXT_INIT("\0\0"), false},       /* no name */
	    {TEXT_INIT("\2a"), false},        /* a name cut */
	    {TEXT_INIT("\1a"), false},        /* no kind */
	    {TEXT_INIT("\1a\7\0\2x"), false}, /* a value cut */
	    {TEXT_INIT("\1a\7\0"), false},    /* its length cut */
	    {TEXT_INIT("\1a\5xxxxxxx"), false},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(frames); i++) {
		unsigned count = 0;
		const char *broken = broken_by(frame_with(frames[i].headers), &count);
		ck_assert_msg((broken == NULL) == frames[i].good, "%zu: %s", i, broken);
		ck_assert_uint_eq(count, frames[i].good);
	}
}
END_TEST

START_TEST(an_error_of_the_stream_itself_is_a_failure)
{
	const struct reply_context context = {.dialect = &dialect_bedrock, .status = 200};
	struct text frame = frame_with(TEXT(HEADER("\x0d", ":message-type", "\5", "error") HEADER(
	    "\x0b", ":error-code", "\4", "Gone") HEADER("\x0e", ":error-message", "\4", "slow")));
	const struct chat_reply *reply = reply_read(&context, frame, &unit_arena);

	ck_assert_uint_eq(reply->error_count, 1);
	assert_text(reply->errors[0].type, "Gone");
	assert_text(reply->errors[0].message, "slow");
	ck_assert(!reply->complete);
}
END_TEST

START_TEST(lengths_that_can_not_be_are_not_believed)
{
	/* Total, headers: too short, headers beyond the frame, larger than is taken. */
	static const uint32_t lengths[][2] = {{15, 0},           {0, 0},          {100, 85},
	                                      {100, 0xffffffff}, {0xffffffff, 0}, {17 << 20, 0}};
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		struct text_buf frame;

		text_buf_init(&frame, 64);
		add_u32(&frame, lengths[i][0]);
		add_u32(&frame, lengths[i][1]);
		add_crc(&frame);
		ck_assert_msg(broken_by(text_buf_view(&frame), &count) != NULL, "%zu", i);
		text_buf_done(&frame);
	}
	ck_assert_uint_eq(count, 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, the_published_frame_is_read);
	tcase_add_test(cases, headers_of_each_kind_are_passed_over_and_none_is_read_beyond_its_end);
	tcase_add_test(cases, an_error_of_the_stream_itself_is_a_failure);
	tcase_add_test(cases, lengths_that_can_not_be_are_not_believed);
}

int main(void)
{
	return unit_main("event_stream", add);
}
