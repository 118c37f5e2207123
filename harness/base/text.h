/*
 * Text: a borrowed view of bytes, and a buffer that grows up to a stated cap.
 *
 * A view never owns and is not NUL-terminated; NUL bytes may stand inside. NUL
 * termination happens only at the border to libc (text_c).
 */
#ifndef PROVISO_BASE_TEXT_H
#define PROVISO_BASE_TEXT_H

#include "harness/base/arena.h"

#include <stdarg.h>
#include <string.h>

struct text {
	const char *data;
	size_t len;
};

/* A literal as a view. */
#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})
/* For initialisers of static tables. */
#define TEXT_INIT(literal)                                                                         \
	{                                                                                          \
		"" literal, sizeof(literal) - 1                                                    \
	}
/* For "%.*s". */
#define TEXT_ARG(view) (int)((view).len), ((view).data == NULL ? "" : (view).data)

static inline struct text text_of(const char *c_string)
{
	return c_string == NULL ? (struct text){NULL, 0}
	                        : (struct text){c_string, strlen(c_string)};
}

static inline bool text_equal(struct text a, struct text b)
{
	ASSUME((a.len == 0 || a.data != NULL) && (b.len == 0 || b.data != NULL));
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool text_is(struct text a, const char *c_string)
{
	return text_equal(a, text_of(c_string));
}

/* Bytewise order, shorter first where one is the start of the other: <0, 0, >0. */
MUST_CHECK int text_compare(struct text a, struct text b);
MUST_CHECK bool text_equal_ignoring_case(struct text a, struct text b); /* ASCII only */
MUST_CHECK bool text_starts(struct text whole, struct text start);
MUST_CHECK bool text_ends(struct text whole, struct text end);

#define TEXT_NOT_FOUND SIZE_MAX
/* Offset of the first `part` at or after `from`, or TEXT_NOT_FOUND. */
MUST_CHECK size_t text_find(struct text whole, struct text part, size_t from);
MUST_CHECK size_t text_find_byte(struct text whole, char byte, size_t from);
/* Bytes [from, to), both cut to the text's length. */
MUST_CHECK struct text text_slice(struct text whole, size_t from, size_t to);
/* Without spaces, tabs, CR and LF at both ends. */
MUST_CHECK struct text text_trim(struct text whole);
/*
 * Cuts the first field off `rest`: what stands before `separator`, which goes
 * too. False when `rest` is used up (its data is NULL then).
 */
bool text_next_field(struct text *rest, char separator, struct text *field);
/* Shell-like pattern: `*` any bytes, `?` one byte; nothing else is special. */
MUST_CHECK bool text_glob(struct text pattern, struct text whole);

/* Copies live in the arena. text_c refuses nothing: bytes after a NUL are lost. */
MUST_CHECK struct text text_copy(struct arena *arena, struct text view);
MUST_CHECK const char *text_c(struct arena *arena, struct text view);
MUST_CHECK struct text text_format(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
MUST_CHECK struct text text_vformat(struct arena *arena, const char *format, va_list arguments)
    PRINTF_LIKE(2, 0);

/* Whole text as a decimal integer within [min, max]; no blanks, no plus sign. */
MUST_CHECK bool text_to_int64(struct text view, int64_t min, int64_t max, int64_t *out);
/* Whole text as a JSON-style number. For statistics only, never for money. */
MUST_CHECK bool text_to_double(struct text view, double *out);

/*
 * The candidate nearest to a misspelt name (edit distance with swaps, at most a
 * third of its length), or NULL. Candidates: `count` C strings.
 */
MUST_CHECK const char *text_nearest(struct text name, const char *const *candidates, size_t count);

/* --- UTF-8 (RFC 3629) --- */

/*
 * Bytes of the well-formed sequence at the start of `view`, 0 where there is
 * none; *code_point is set when it is not NULL.
 */
MUST_CHECK size_t text_utf8_sequence(struct text view, uint32_t *code_point);
MUST_CHECK bool text_is_utf8(struct text view);
MUST_CHECK bool text_is_ascii(struct text view);
/* Code points; a byte that is no part of a sequence counts one. */
MUST_CHECK size_t text_code_points(struct text view);
/* Writes 1 to 4 bytes; surrogates and values above U+10FFFF become U+FFFD. */
MUST_CHECK size_t text_utf8_encode(uint32_t code_point, char out[4]);

/* --- the buffer --- */

/*
 * Grows up to `max`; past it the append is refused, `overflow` stays set and
 * the content stays as it was. Check `overflow` once at the end.
 */
struct text_buf {
	char *data; /* owned; NUL-terminated whenever not NULL */
	size_t len;
	size_t room;
	size_t max;
	bool overflow;
};

/* There is no buffer without a cap. */
void text_buf_init(struct text_buf *buf, size_t max_bytes);
void text_buf_done(struct text_buf *buf);
/* Empty again, overflow forgotten, memory kept. */
void text_buf_reset(struct text_buf *buf);
/* All appends: false on overflow (sticky); may be ignored where `overflow` is read later. */
bool text_buf_add(struct text_buf *buf, struct text view);
bool text_buf_add_c(struct text_buf *buf, const char *c_string);
bool text_buf_byte(struct text_buf *buf, char byte);
bool text_buf_format(struct text_buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
bool text_buf_vformat(struct text_buf *buf, const char *format, va_list arguments)
    PRINTF_LIKE(2, 0);
/* Room for `size` more bytes at `data + len`; NULL on overflow. Add to len what was written. */
MUST_CHECK char *text_buf_reserve(struct text_buf *buf, size_t size);
/* Drops the first `count` bytes. */
void text_buf_consume(struct text_buf *buf, size_t count);
/* A view that is valid until the next change. */
static inline struct text text_buf_view(const struct text_buf *buf)
{
	return (struct text){buf->data == NULL ? "" : buf->data, buf->len};
}

/* --- for people's eyes --- */

/*
 * Appends `view` safe for a terminal and a log: control bytes, ESC, bidi
 * controls and bad UTF-8 become visible escapes (\n, \x1b, \u202e). Bytes that came from
 * outside reach a terminal through here only.
 */
void text_buf_add_visible(struct text_buf *buf, struct text view);
/* The same, cut to about `max_columns` with an ellipsis, in the arena. */
MUST_CHECK struct text text_visible(struct arena *arena, struct text view, size_t max_columns);
/* Columns on a terminal (utf8proc widths). */
MUST_CHECK size_t text_columns(struct text view);

#endif
