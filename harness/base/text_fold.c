/* Folding texts for comparison; see text_fold.h. */
#include "harness/base/text_fold.h"

#include <utf8proc.h>

/* Decomposed and folded; composing is reencode's. */
static bool decompose(struct text view, struct arena *arena, utf8proc_int32_t **out, size_t *count)
{
	static const utf8proc_option_t options = UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
	                                         UTF8PROC_STABLE | UTF8PROC_CASEFOLD |
	                                         UTF8PROC_IGNORE;
	const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)view.data;
	utf8proc_ssize_t len = (utf8proc_ssize_t)view.len;

	if (view.len > TEXT_FOLD_MAX_BYTES)
		return false;
	*out = NULL;
	*count = 0;
	if (view.len == 0)
		return true;
	utf8proc_ssize_t needed = utf8proc_decompose(bytes, len, NULL, 0, options);
	if (needed < 0)
		return false;
	*out = ARENA_NEW_ARRAY(arena, utf8proc_int32_t, (size_t)needed + 1);
	if (utf8proc_decompose(bytes, len, *out, needed, options) != needed)
		return false;
	utf8proc_ssize_t composed = utf8proc_normalize_utf32(*out, needed, options);
	*count = composed < 0 ? 0 : (size_t)composed;
	return composed >= 0;
}

static bool is_digit(utf8proc_int32_t c)
{
	return utf8proc_category(c) == UTF8PROC_CATEGORY_ND;
}

static bool is_space(utf8proc_int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);

	return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
	       category == UTF8PROC_CATEGORY_ZP || category == UTF8PROC_CATEGORY_CC;
}

static bool is_punctuation(utf8proc_int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);

	/* ` and ^ stand around words as quotes do. */
	return (category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO) ||
	       category == UTF8PROC_CATEGORY_SK;
}

/* Whether this mark belongs to a number. */
static bool is_of_number(const utf8proc_int32_t *points, size_t count, size_t at)
{
	utf8proc_int32_t before = at == 0 ? ' ' : points[at - 1];
	utf8proc_int32_t c = points[at];

	if (at + 1 == count || !is_digit(points[at + 1]))
		return false;
	if (c == '.' || c == ',' || c == ':')
		return is_digit(before);
	return c == '-' && (is_space(before) || before == '(');
}

static bool fold(struct text view, bool marks_count, struct arena *arena, struct text *out)
{
	struct text_buf buf;
	utf8proc_int32_t *points;
	size_t count;
	bool pending = false;

	if (!decompose(view, arena, &points, &count))
		return false;
	/* A code point of up to four bytes each: that is the most. */
	text_buf_init(&buf, size_mul(count, 4) + 1);
	for (size_t i = 0; i < count; i++) {
		char bytes[4];
		/* The minus sign, as it is typed. */
		points[i] = points[i] == 0x2212 ? '-' : points[i];
		if (is_space(points[i]) || (!marks_count && is_punctuation(points[i]) &&
		                            !is_of_number(points, count, i))) {
			pending = buf.len > 0;
			continue;
		}
		if (pending)
			text_buf_byte(&buf, ' ');
		pending = false;
		size_t size = text_utf8_encode((uint32_t)points[i], bytes);
		text_buf_add(&buf, (struct text){bytes, size});
	}
	*out = text_copy(arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return true;
}

bool text_fold(struct text view, struct arena *arena, struct text *out)
{
	return fold(view, true, arena, out);
}

bool text_normalise(struct text view, struct arena *arena, struct text *out)
{
	return fold(view, false, arena, out);
}
