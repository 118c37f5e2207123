/* UTF-8 by RFC 3629, and text made safe for terminals and logs. */
#include "harness/base/text.h"

#include <utf8proc.h>

size_t text_utf8_sequence(struct text view, uint32_t *code_point)
{
	uint32_t value;
	size_t size;

	if (view.len == 0)
		return 0;
	unsigned char first = (unsigned char)view.data[0];
	if (first < 0x80) {
		value = first;
		size = 1;
	} else if (first >= 0xc2 && first < 0xe0) {
		value = first & 0x1fu;
		size = 2;
	} else if (first >= 0xe0 && first < 0xf0) {
		value = first & 0x0fu;
		size = 3;
	} else if (first >= 0xf0 && first < 0xf5) {
		value = first & 0x07u;
		size = 4;
	} else {
		return 0;
	}
	if (view.len < size)
		return 0;
	for (size_t i = 1; i < size; i++) {
		unsigned char next = (unsigned char)view.data[i];
		if ((next & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (next & 0x3fu);
	}
	/* Overlong forms, surrogates, and what lies beyond Unicode. */
	if ((size == 3 && value < 0x800) || (size == 4 && value < 0x10000) || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	if (code_point != NULL)
		*code_point = value;
	return size;
}

/* Of the bytes from `at` on, how many are ASCII for sure: eight are looked at in one go. */
static size_t ascii_run(struct text view, size_t at)
{
	size_t from = at;
	uint64_t eight;

	for (; view.len - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, view.data + at, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	return at - from;
}

bool text_is_ascii(struct text view)
{
	size_t at = ascii_run(view, 0);

	while (at < view.len && (unsigned char)view.data[at] < 0x80)
		at++;
	return at == view.len;
}

bool text_is_utf8(struct text view)
{
	for (size_t at = 0; at < view.len;) {
		at += ascii_run(view, at);
		if (at == view.len)
			break;
		if ((unsigned char)view.data[at] < 0x80) {
			at++;
			continue;
		}
		size_t size = text_utf8_sequence(text_slice(view, at, view.len), NULL);
		if (size == 0)
			return false;
		at += size;
	}
	return true;
}

size_t text_code_points(struct text view)
{
	size_t count = 0;

	for (size_t at = 0; at < view.len; count++) {
		size_t size = text_utf8_sequence(text_slice(view, at, view.len), NULL);
		at += size == 0 ? 1 : size;
	}
	return count;
}

size_t text_utf8_encode(uint32_t value, char out[4])
{
	if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		value = 0xfffd;
	if (value < 0x80) {
		out[0] = (char)value;
		return 1;
	}
	if (value < 0x800) {
		out[0] = (char)(0xc0 | value >> 6);
		out[1] = (char)(0x80 | (value & 0x3f));
		return 2;
	}
	if (value < 0x10000) {
		out[0] = (char)(0xe0 | value >> 12);
		out[1] = (char)(0x80 | (value >> 6 & 0x3f));
		out[2] = (char)(0x80 | (value & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | value >> 18);
	out[1] = (char)(0x80 | (value >> 12 & 0x3f));
	out[2] = (char)(0x80 | (value >> 6 & 0x3f));
	out[3] = (char)(0x80 | (value & 0x3f));
	return 4;
}

/* Controls (C0, DEL, C1) and the bidi marks that reorder what a reader sees. */
static bool is_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void add_escape(struct text_buf *buf, uint32_t c)
{
	if (c == '\n')
		(void)text_buf_add_c(buf, "\\n");
	else if (c == '\r')
		(void)text_buf_add_c(buf, "\\r");
	else if (c == '\t')
		(void)text_buf_add_c(buf, "\\t");
	else if (c < 0x100)
		(void)text_buf_format(buf, "\\x%02x", c);
	else
		(void)text_buf_format(buf, "\\u%04x", c);
}

void text_buf_add_visible(struct text_buf *buf, struct text view)
{
	size_t plain = 0; /* start of the run that needs no escape */
	size_t at = 0;

	while (at < view.len) {
		uint32_t c = 0;
		size_t size = text_utf8_sequence(text_slice(view, at, view.len), &c);
		if (size != 0 && !is_hidden(c)) {
			at += size;
			continue;
		}
		(void)text_buf_add(buf, text_slice(view, plain, at));
		add_escape(buf, size == 0 ? (unsigned char)view.data[at] : c);
		at += size == 0 ? 1 : size;
		plain = at;
	}
	(void)text_buf_add(buf, text_slice(view, plain, at));
}

static size_t code_point_columns(uint32_t c)
{
	int width = utf8proc_charwidth((utf8proc_int32_t)c);
	return width > 0 ? (size_t)width : 0;
}

size_t text_columns(struct text view)
{
	size_t columns = 0;
	uint32_t before = 0;

	for (size_t at = 0; at < view.len;) {
		uint32_t c = 0xfffd;
		size_t size = text_utf8_sequence(text_slice(view, at, view.len), &c);
		at += size == 0 ? 1 : size;
		if (before != 0x200d) /* what follows a joiner is drawn into its base */
			columns += code_point_columns(c);
		before = c;
	}
	return columns;
}

enum { VISIBLE_MAX_BYTES = 1 << 20 };

struct text text_visible(struct arena *arena, struct text view, size_t max_columns)
{
	struct text_buf buf;
	size_t columns = 0;
	size_t at = 0;

	text_buf_init(&buf, VISIBLE_MAX_BYTES);
	/* An escape takes up to six columns a byte: no more input than that can show. */
	text_buf_add_visible(&buf, text_slice(view, 0, size_min(view.len, max_columns * 4 + 4)));
	struct text whole = text_buf_view(&buf);
	while (at < whole.len) {
		uint32_t c = 0xfffd;
		size_t size = text_utf8_sequence(text_slice(whole, at, whole.len), &c);
		size_t width = code_point_columns(c);
		if (columns + width > max_columns)
			break;
		columns += width;
		at += size == 0 ? 1 : size;
	}
	if (at < whole.len && at > 0) {
		/* One column back for the ellipsis, on a code point's border. */
		do
			at--;
		while (at > 0 && ((unsigned char)whole.data[at] & 0xc0) == 0x80);
		struct text cut =
		    text_format(arena, "%.*s\xe2\x80\xa6", TEXT_ARG(text_slice(whole, 0, at)));
		text_buf_done(&buf);
		return cut;
	}
	struct text copy = text_copy(arena, text_slice(whole, 0, at));
	text_buf_done(&buf);
	return copy;
}
