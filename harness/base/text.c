/* Views, numbers, nearest names and the capped buffer; see text.h. UTF-8: text_utf8.c. */
#include "harness/base/text.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

int text_compare(struct text a, struct text b)
{
	size_t shared = size_min(a.len, b.len);
	int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);

	if (order != 0 || a.len == b.len)
		return order;
	return a.len < b.len ? -1 : 1;
}

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_equal_ignoring_case(struct text a, struct text b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	return true;
}

bool text_starts(struct text whole, struct text start)
{
	return whole.len >= start.len && text_equal(text_slice(whole, 0, start.len), start);
}

bool text_ends(struct text whole, struct text end)
{
	return whole.len >= end.len &&
	       text_equal(text_slice(whole, whole.len - end.len, whole.len), end);
}

size_t text_find(struct text whole, struct text part, size_t from)
{
	if (from > whole.len || part.len > whole.len - from)
		return TEXT_NOT_FOUND;
	if (part.len == 0)
		return from;
	for (size_t last = whole.len - part.len;; from++) {
		from = text_find_byte(whole, part.data[0], from);
		if (from == TEXT_NOT_FOUND || from > last)
			return TEXT_NOT_FOUND;
		if (memcmp(whole.data + from, part.data, part.len) == 0)
			return from;
	}
}

size_t text_find_byte(struct text whole, char byte, size_t from)
{
	if (from >= whole.len)
		return TEXT_NOT_FOUND;
	const char *hit = memchr(whole.data + from, byte, whole.len - from);
	return hit == NULL ? TEXT_NOT_FOUND : (size_t)(hit - whole.data);
}

struct text text_slice(struct text whole, size_t from, size_t to)
{
	to = size_min(to, whole.len);
	from = size_min(from, to);
	if (whole.data == NULL)
		return whole;
	return (struct text){whole.data + from, to - from};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct text text_trim(struct text whole)
{
	size_t from = 0;
	size_t to = whole.len;

	while (from < to && is_blank(whole.data[from]))
		from++;
	while (to > from && is_blank(whole.data[to - 1]))
		to--;
	return text_slice(whole, from, to);
}

bool text_next_field(struct text *rest, char separator, struct text *field)
{
	if (rest->data == NULL)
		return false;
	size_t at = text_find_byte(*rest, separator, 0);
	if (at == TEXT_NOT_FOUND) {
		*field = *rest;
		*rest = (struct text){NULL, 0};
	} else {
		*field = text_slice(*rest, 0, at);
		*rest = text_slice(*rest, at + 1, rest->len);
	}
	return true;
}

bool text_glob(struct text pattern, struct text whole)
{
	size_t p = 0;
	size_t w = 0;
	size_t star = TEXT_NOT_FOUND; /* the last `*`, and where its match ends so far */
	size_t star_end = 0;

	while (w < whole.len) {
		if (p < pattern.len && pattern.data[p] == '*') {
			star = p++;
			star_end = w;
		} else if (p < pattern.len &&
		           (pattern.data[p] == '?' || pattern.data[p] == whole.data[w])) {
			p++;
			w++;
		} else if (star != TEXT_NOT_FOUND) {
			p = star + 1;
			w = ++star_end;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}

struct text text_copy(struct arena *arena, struct text view)
{
	char *copy = arena_alloc_bytes(arena, view.len + 1);

	if (view.len != 0)
		memcpy(copy, view.data, view.len);
	copy[view.len] = '\0';
	return (struct text){copy, view.len};
}

const char *text_c(struct arena *arena, struct text view)
{
	return text_copy(arena, view).data;
}

/* Nearly all that is formatted is short: it is formatted once, here, and copied. */
enum { FORMAT_FEW_BYTES = 160 };

struct text text_vformat(struct arena *arena, const char *format, va_list arguments)
{
	char few[FORMAT_FEW_BYTES];
	va_list again;

	va_copy(again, arguments);
	int len = vsnprintf(few, sizeof(few), format, arguments);
	REQUIRE(len >= 0);
	char *bytes = arena_alloc_bytes(arena, (size_t)len + 1);
	if ((size_t)len < sizeof(few))
		memcpy(bytes, few, (size_t)len + 1);
	else
		(void)vsnprintf(bytes, (size_t)len + 1, format, again);
	va_end(again);
	return (struct text){bytes, (size_t)len};
}

struct text text_format(struct arena *arena, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	struct text made = text_vformat(arena, format, arguments);
	va_end(arguments);
	return made;
}

bool text_to_int64(struct text view, int64_t min, int64_t max, int64_t *out)
{
	bool negative = view.len > 0 && view.data[0] == '-';
	int64_t value = 0;

	if (view.len == (negative ? 1u : 0u))
		return false;
	for (size_t i = negative ? 1 : 0; i < view.len; i++) {
		char c = view.data[i];
		if (c < '0' || c > '9')
			return false;
		/* Counted downwards: the negative side reaches one further. */
		if (value < (INT64_MIN + (c - '0')) / 10)
			return false;
		value = value * 10 - (c - '0');
	}
	if (!negative) {
		if (value == INT64_MIN)
			return false;
		value = -value;
	}
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

enum { SHORT_DIGITS = 18 }; /* fit a uint64 */

/*
 * 12.5: up to 2^53 and 22 places are exact as doubles, so that one division rounds once (Clinger,
 * "How to read floating point numbers accurately", 1990). False: strtod has to look.
 */
static bool short_double(struct text view, double *out)
{
	static const double powers[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
	                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	uint64_t value = 0;
	size_t start = view.len > 0 && view.data[0] == '-' ? 1 : 0;
	size_t point = view.len;

	if (FLT_EVAL_METHOD != 0 || view.len - start > SHORT_DIGITS + 1)
		return false;
	for (size_t i = start; i < view.len; i++) {
		char c = view.data[i];
		if (c == '.' && point == view.len && i > start)
			point = i;
		else if (c >= '0' && c <= '9')
			value = value * 10 + (uint64_t)(c - '0');
		else
			return false;
	}
	size_t places = point < view.len ? view.len - point - 1 : 0;
	if (start == view.len || point + 1 == view.len || value > UINT64_C(1) << DBL_MANT_DIG)
		return false;
	double exact = (double)value / powers[places];
	*out = start == 1 ? -exact : exact;
	return true;
}

bool text_to_double(struct text view, double *out)
{
	char copy[64];
	char *end;

	if (short_double(view, out))
		return true;
	if (view.len == 0 || view.len >= sizeof(copy))
		return false;
	for (size_t i = 0; i < view.len; i++) {
		char c = view.data[i];
		if (!(c >= '0' && c <= '9') && c != '-' && c != '+' && c != '.' && c != 'e' &&
		    c != 'E')
			return false; /* keeps hex, inf and nan out */
	}
	memcpy(copy, view.data, view.len);
	copy[view.len] = '\0';
	errno = 0;
	*out = strtod(copy, &end); /* "C" locale: Proviso never calls setlocale */
	return *end == '\0' && errno == 0;
}

enum { NEAREST_LONGEST = 40 };

/* Edits (insert, delete, change, swap of neighbours) from a to b: optimal string alignment. */
static size_t edit_distance(struct text a, struct text b)
{
	size_t rows[3][NEAREST_LONGEST + 1];
	size_t *before = rows[0];
	size_t *last = rows[1];
	size_t *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char ca = ascii_lower(a.data[i - 1]);
			char cb = ascii_lower(b.data[j - 1]);
			size_t best = last[j - 1] + (ca == cb ? 0 : 1);
			best = size_min(best, size_min(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && ca == ascii_lower(b.data[j - 2]) &&
			    ascii_lower(a.data[i - 2]) == cb)
				best = size_min(best, before[j - 2] + 1);
			now[j] = best;
		}
		size_t *oldest = before;
		before = last;
		last = now;
		now = oldest;
	}
	return last[b.len];
}

const char *text_nearest(struct text name, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	/* Of a name of three or four letters one may be wrong; at two, everything is near. */
	size_t least = name.len < 3 ? 1 : name.len / 3;

	if (name.len == 0 || name.len > NEAREST_LONGEST)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct text candidate = text_of(candidates[i]);
		if (candidate.len == 0 || candidate.len > NEAREST_LONGEST)
			continue;
		size_t distance = edit_distance(name, candidate);
		if (distance < least || (distance == least && nearest == NULL)) {
			least = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}

/* --- the buffer --- */

void text_buf_init(struct text_buf *buf, size_t max_bytes)
{
	REQUIRE(max_bytes > 0 && max_bytes < SIZE_MAX / 4);
	*buf = (struct text_buf){.max = max_bytes};
}

void text_buf_done(struct text_buf *buf)
{
	memory_free(buf->data);
	*buf = (struct text_buf){.max = buf->max};
}

void text_buf_reset(struct text_buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

char *text_buf_reserve(struct text_buf *buf, size_t size)
{
	if (buf->overflow || size > buf->max - buf->len) {
		buf->overflow = true;
		return NULL;
	}
	size_t wanted = buf->len + size + 1;
	if (wanted > buf->room) {
		size_t room = buf->room == 0 ? 128 : buf->room;
		while (room < wanted)
			room *= 2;
		room = size_min(room, buf->max + 1);
		buf->data = memory_resize(buf->data, room);
		buf->room = room;
	}
	return buf->data + buf->len;
}

bool text_buf_add(struct text_buf *buf, struct text view)
{
	char *end = text_buf_reserve(buf, view.len);

	if (end == NULL)
		return false;
	if (view.len != 0)
		memcpy(end, view.data, view.len);
	end[view.len] = '\0';
	buf->len += view.len;
	return true;
}

bool text_buf_add_c(struct text_buf *buf, const char *c_string)
{
	return text_buf_add(buf, text_of(c_string));
}

bool text_buf_byte(struct text_buf *buf, char byte)
{
	return text_buf_add(buf, (struct text){&byte, 1});
}

bool text_buf_vformat(struct text_buf *buf, const char *format, va_list arguments)
{
	char few[FORMAT_FEW_BYTES];
	va_list again;

	va_copy(again, arguments);
	int len = vsnprintf(few, sizeof(few), format, arguments);
	REQUIRE(len >= 0);
	char *end = text_buf_reserve(buf, (size_t)len);
	if (end != NULL) {
		if ((size_t)len < sizeof(few))
			memcpy(end, few, (size_t)len + 1);
		else
			(void)vsnprintf(end, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
	return end != NULL;
}

bool text_buf_format(struct text_buf *buf, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	bool fits = text_buf_vformat(buf, format, arguments);
	va_end(arguments);
	return fits;
}

void text_buf_consume(struct text_buf *buf, size_t count)
{
	REQUIRE(count <= buf->len);
	if (count == 0)
		return;
	memmove(buf->data, buf->data + count, buf->len - count);
	buf->len -= count;
	buf->data[buf->len] = '\0';
}
