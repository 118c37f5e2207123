/* See event_stream.h. Every length is checked before it is believed. */
#include "providers/wire/event_stream.h"

#include <zlib.h>

enum {
	HEADERS_MAX_BYTES = 128 << 10, /* AWS's own limit */
	CRC_BYTES = 4,
	KIND_STRING = 7,
};

static uint32_t u32_at(const char *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t crc_of(struct text bytes)
{
	return (uint32_t)crc32(0, (const Bytef *)bytes.data, (uInt)bytes.len);
}

void event_stream_init(struct event_stream *stream)
{
	*stream = (struct event_stream){.wanted = EVENT_STREAM_PRELUDE_BYTES};
	text_buf_init(&stream->frame, EVENT_STREAM_MAX_FRAME_BYTES);
}

void event_stream_done(struct event_stream *stream)
{
	text_buf_done(&stream->frame);
}

/* --- headers ------------------------------------------------------------------------------ */

/* Cuts `count` bytes off; false where there are fewer. */
static bool take(struct text *rest, size_t count, struct text *out)
{
	if (rest->len < count)
		return false;
	*out = text_slice(*rest, 0, count);
	*rest = text_slice(*rest, count, rest->len);
	return true;
}

static bool take_number(struct text *rest, size_t bytes, size_t *out)
{
	struct text number;

	if (!take(rest, bytes, &number))
		return false;
	*out = 0;
	for (size_t i = 0; i < bytes; i++)
		*out = *out << 8 | (unsigned char)number.data[i];
	return true;
}

struct header {
	struct text name, value;
	size_t kind;
};

static bool take_header(struct text *rest, struct header *out)
{
	/* true, false, byte, short, int, long, bytes, string, timestamp, uuid; 0: a length leads */
	static const size_t sizes[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};
	enum { KIND_BYTES = 6 };
	size_t len;

	if (!take_number(rest, 1, &len) || len == 0 || !take(rest, len, &out->name) ||
	    !take_number(rest, 1, &out->kind) || out->kind >= ARRAY_LENGTH(sizes))
		return false;
	len = sizes[out->kind];
	if ((out->kind == KIND_BYTES || out->kind == KIND_STRING) && !take_number(rest, 2, &len))
		return false;
	return take(rest, len, &out->value);
}

/* What the headers say of the frame. */
struct facts {
	struct text message_type, event_type, exception_type, error_code, error_message;
};

static bool read_headers(struct text headers, struct facts *facts)
{
	const struct {
		const char *name;
		struct text *value;
	} known[] = {
	    {":message-type", &facts->message_type},     {":event-type", &facts->event_type},
	    {":exception-type", &facts->exception_type}, {":error-code", &facts->error_code},
	    {":error-message", &facts->error_message},
	};

	*facts = (struct facts){0};
	while (headers.len > 0) {
		struct header header;

		if (!take_header(&headers, &header))
			return false;
		for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
			if (header.kind == KIND_STRING && text_is(header.name, known[i].name))
				*known[i].value = header.value;
	}
	return true;
}

/* --- frames ------------------------------------------------------------------------------- */

/* Behind the prelude: how long the frame is. */
static void read_prelude(struct event_stream *stream)
{
	struct text prelude = text_buf_view(&stream->frame);
	size_t total = u32_at(prelude.data);
	size_t headers = u32_at(prelude.data + 4);

	if (crc_of(text_slice(prelude, 0, 8)) != u32_at(prelude.data + 8))
		stream->broken = "the checksum of a frame's prelude is wrong";
	else if (total < EVENT_STREAM_AROUND_BYTES || headers > HEADERS_MAX_BYTES ||
	         headers > total - EVENT_STREAM_AROUND_BYTES)
		stream->broken = "the lengths of a frame do not fit each other";
	else if (total > EVENT_STREAM_MAX_FRAME_BYTES)
		stream->broken = "a frame is larger than is taken";
	stream->wanted = total;
}

static void tell(struct event_stream *stream, const struct facts *facts, struct text payload)
{
	struct sse_event event = {
	    .name = facts->event_type,
	    .data = payload,
	    .id = TEXT_INIT(""),
	    .closed = true,
	};

	if (text_is(facts->message_type, "exception")) {
		event.failed = true;
		event.name = facts->exception_type;
	} else if (text_is(facts->message_type, "error")) {
		event.failed = true;
		event.name = facts->error_code;
		event.data = facts->error_message;
	}
	stream->frames++;
	stream->on_event(stream->context, &event);
}

static void read_frame(struct event_stream *stream)
{
	struct text frame = text_buf_view(&stream->frame);
	size_t headers = u32_at(frame.data + 4);
	struct text checked = text_slice(frame, 0, frame.len - CRC_BYTES);
	struct facts facts;

	if (crc_of(checked) != u32_at(frame.data + checked.len)) {
		stream->broken = "the checksum of a frame is wrong";
		return;
	}
	if (!read_headers(
		text_slice(frame, EVENT_STREAM_PRELUDE_BYTES, EVENT_STREAM_PRELUDE_BYTES + headers),
		&facts)) {
		stream->broken = "the headers of a frame can't be read";
		return;
	}
	tell(stream, &facts,
	     text_slice(checked, EVENT_STREAM_PRELUDE_BYTES + headers, checked.len));
	text_buf_reset(&stream->frame);
	stream->wanted = EVENT_STREAM_PRELUDE_BYTES;
}

void event_stream_feed(struct event_stream *stream, struct text bytes)
{
	while (bytes.len > 0 && stream->broken == NULL) {
		size_t count = size_min(stream->wanted - stream->frame.len, bytes.len);

		(void)text_buf_add(&stream->frame, text_slice(bytes, 0, count));
		bytes = text_slice(bytes, count, bytes.len);
		if (stream->frame.len < stream->wanted)
			continue;
		if (stream->wanted == EVENT_STREAM_PRELUDE_BYTES)
			read_prelude(stream);
		else
			read_frame(stream);
	}
}

bool event_stream_is_within(const struct event_stream *stream)
{
	return stream->broken == NULL && stream->frame.len > 0;
}

/* --- writing ------------------------------------------------------------------------------ */

static void add_u32(struct text_buf *out, size_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		(void)text_buf_byte(out, (char)(unsigned char)(number >> shift & 0xff));
}

static void add_header(struct text_buf *out, const char *name, struct text value)
{
	(void)text_buf_byte(out, (char)strlen(name));
	(void)text_buf_add_c(out, name);
	(void)text_buf_byte(out, KIND_STRING);
	(void)text_buf_byte(out, (char)(unsigned char)(value.len >> 8 & 0xff));
	(void)text_buf_byte(out, (char)(unsigned char)(value.len & 0xff));
	(void)text_buf_add(out, value);
}

void event_stream_write(struct text_buf *out, const char *type, struct text name,
                        struct text payload)
{
	struct text_buf headers;
	size_t from = out->len;
	bool failed = strcmp(type, "exception") == 0;

	text_buf_init(&headers, HEADERS_MAX_BYTES);
	add_header(&headers, failed ? ":exception-type" : ":event-type", name);
	add_header(&headers, ":content-type", TEXT("application/json"));
	add_header(&headers, ":message-type", text_of(type));
	add_u32(out, headers.len + payload.len + EVENT_STREAM_AROUND_BYTES);
	add_u32(out, headers.len);
	if (!out->overflow)
		add_u32(out, crc_of(text_slice(text_buf_view(out), from, out->len)));
	(void)text_buf_add(out, text_buf_view(&headers));
	(void)text_buf_add(out, payload);
	if (!out->overflow)
		add_u32(out, crc_of(text_slice(text_buf_view(out), from, out->len)));
	text_buf_done(&headers);
}
