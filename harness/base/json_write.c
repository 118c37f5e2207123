/* Writing JSON; see json_write.h for the promise. */
#include "harness/base/json_write.h"

#include <inttypes.h>
#include <math.h>

enum {
	JSON_TEXT_MAX_BYTES = 512 << 20, /* the largest body, were each byte to become an escape */
	DOUBLE_DECIMALS_MAX = 17,
};

void json_writer_init(struct json_writer *writer, struct text_buf *out, bool pretty)
{
	*writer = (struct json_writer){.out = out, .pretty = pretty};
}

/* --- structure ---------------------------------------------------------------- */

static uint64_t *level_word(struct json_writer *writer)
{
	return &writer->filled[writer->depth / 64];
}

static uint64_t level_bit(const struct json_writer *writer)
{
	return UINT64_C(1) << writer->depth % 64;
}

static void break_line(struct json_writer *writer)
{
	if (!writer->pretty)
		return;
	(void)text_buf_byte(writer->out, '\n');
	for (unsigned i = 0; i < writer->depth; i++)
		(void)text_buf_add(writer->out, TEXT("  "));
}

/* What must stand before the next key or value. */
static void separate(struct json_writer *writer)
{
	if (writer->after_key) {
		writer->after_key = false;
		return;
	}
	if (writer->depth == 0)
		return;
	if (*level_word(writer) & level_bit(writer))
		(void)text_buf_byte(writer->out, ',');
	*level_word(writer) |= level_bit(writer);
	break_line(writer);
}

static void open_level(struct json_writer *writer, char bracket)
{
	separate(writer);
	(void)text_buf_byte(writer->out, bracket);
	writer->depth++;
	REQUIRE(writer->depth < JSON_WRITE_DEPTH);
	*level_word(writer) &= ~level_bit(writer);
}

static void close_level(struct json_writer *writer, char bracket)
{
	REQUIRE(writer->depth > 0);
	bool filled = (*level_word(writer) & level_bit(writer)) != 0;
	writer->depth--;
	if (filled)
		break_line(writer);
	(void)text_buf_byte(writer->out, bracket);
}

void json_write_object(struct json_writer *writer)
{
	open_level(writer, '{');
}

void json_write_object_end(struct json_writer *writer)
{
	close_level(writer, '}');
}

void json_write_array(struct json_writer *writer)
{
	open_level(writer, '[');
}

void json_write_array_end(struct json_writer *writer)
{
	close_level(writer, ']');
}

void json_write_key_text(struct json_writer *writer, struct text name)
{
	separate(writer);
	json_quote(writer->out, name);
	(void)text_buf_byte(writer->out, ':');
	if (writer->pretty)
		(void)text_buf_byte(writer->out, ' ');
	writer->after_key = true;
}

void json_write_key(struct json_writer *writer, const char *name)
{
	json_write_key_text(writer, text_of(name));
}

/* --- values --------------------------------------------------------------------- */

static bool needs_escape(unsigned char byte)
{
	return byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\';
}

static void add_escaped(struct text_buf *out, unsigned char byte)
{
	static const char named[] = "\"\\\b\f\n\r\t";
	static const char names[] = "\"\\bfnrt";
	const char *found = byte == 0 ? NULL : strchr(named, byte);

	if (found == NULL) {
		(void)text_buf_format(out, "\\u%04x", byte);
		return;
	}
	(void)text_buf_byte(out, '\\');
	(void)text_buf_byte(out, names[found - named]);
}

void json_quote(struct text_buf *out, struct text value)
{
	size_t plain = 0; /* start of the run that goes out as it is */
	size_t at = 0;

	(void)text_buf_byte(out, '"');
	while (at < value.len) {
		unsigned char byte = (unsigned char)value.data[at];
		if (!needs_escape(byte)) {
			at++;
			continue;
		}
		size_t size =
		    byte < 0x80 ? 0 : text_utf8_sequence(text_slice(value, at, value.len), NULL);
		if (size > 0) {
			at += size;
			continue;
		}
		(void)text_buf_add(out, text_slice(value, plain, at));
		if (byte < 0x80)
			add_escaped(out, byte);
		else
			(void)text_buf_add(out, TEXT("\xef\xbf\xbd"));
		plain = ++at;
	}
	(void)text_buf_add(out, text_slice(value, plain, at));
	(void)text_buf_byte(out, '"');
}

void json_write_raw(struct json_writer *writer, struct text value)
{
	separate(writer);
	(void)text_buf_add(writer->out, value);
}

void json_write_string(struct json_writer *writer, struct text value)
{
	separate(writer);
	json_quote(writer->out, value);
}

void json_write_c(struct json_writer *writer, const char *value)
{
	if (value == NULL)
		json_write_null(writer);
	else
		json_write_string(writer, text_of(value));
}

void json_write_int(struct json_writer *writer, int64_t value)
{
	enum { MOST_DIGITS = 20 };
	char digits[MOST_DIGITS];
	size_t at = sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	/* Own digits: printf's way to them took a tenth of a journal line's time. */
	separate(writer);
	do
		digits[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (value < 0)
		(void)text_buf_byte(writer->out, '-');
	(void)text_buf_add(writer->out, (struct text){digits + at, sizeof(digits) - at});
}

void json_write_bool(struct json_writer *writer, bool value)
{
	json_write_raw(writer, value ? TEXT("true") : TEXT("false"));
}

void json_write_null(struct json_writer *writer)
{
	json_write_raw(writer, TEXT("null"));
}

void json_write_double(struct json_writer *writer, double value, int decimals)
{
	char digits[400]; /* DBL_MAX has 309 digits before the point */

	REQUIRE(decimals >= 0 && decimals <= DOUBLE_DECIMALS_MAX);
	if (!isfinite(value)) {
		json_write_null(writer);
		return;
	}
	int written = snprintf(digits, sizeof(digits), "%.*f", decimals, value);
	REQUIRE(written > 0 && (size_t)written < sizeof(digits));
	struct text number = {digits, (size_t)written};
	if (decimals > 0) {
		while (number.data[number.len - 1] == '0')
			number.len--;
		if (number.data[number.len - 1] == '.')
			number.len--;
	}
	json_write_raw(writer, text_is(number, "-0") ? TEXT("0") : number);
}

/* --- nodes ------------------------------------------------------------------------ */

static size_t count_digits(struct text text, size_t from)
{
	size_t at = from;

	while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
		at++;
	return at - from;
}

/*
 * A number as it was written, where JSON has that spelling. YAML has more of them: +1, 010,
 * .5 and 1. are put right; hexadecimal and .inf have no JSON number and go out as strings.
 */
static void write_number(struct json_writer *writer, struct text number)
{
	bool negative = number.len > 0 && number.data[0] == '-';
	bool is_signed = negative || (number.len > 0 && number.data[0] == '+');
	struct text rest = text_slice(number, is_signed ? 1 : 0, number.len);
	size_t digits = count_digits(rest, 0);
	bool point = digits < rest.len && rest.data[digits] == '.';
	size_t decimals = point ? count_digits(rest, digits + 1) : 0;
	struct text tail = text_slice(rest, digits + point + decimals, rest.len);
	bool exponent = tail.len > 0 && (tail.data[0] == 'e' || tail.data[0] == 'E');
	size_t skip =
	    exponent && tail.len > 1 && (tail.data[1] == '+' || tail.data[1] == '-') ? 2 : 1;

	if (digits + decimals == 0 ||
	    (tail.len > 0 &&
	     (!exponent || count_digits(tail, skip) != tail.len - skip || skip == tail.len))) {
		json_write_string(writer, number);
		return;
	}
	while (digits > 1 && rest.data[0] == '0') {
		rest = text_slice(rest, 1, rest.len);
		digits--;
	}
	separate(writer);
	if (negative)
		(void)text_buf_byte(writer->out, '-');
	(void)text_buf_add(writer->out, digits > 0 ? text_slice(rest, 0, digits) : TEXT("0"));
	if (decimals > 0)
		(void)text_buf_add(writer->out, text_slice(rest, digits, digits + 1 + decimals));
	(void)text_buf_add(writer->out, tail);
}

/* The depth of nodes is capped where they are read (JSON_DEPTH_MAX). */
void json_write_node(struct json_writer *writer, const struct json *node)
{
	switch ((enum json_type)node->type) {
	case JSON_NULL:
		json_write_null(writer);
		return;
	case JSON_BOOL:
		json_write_bool(writer, node->truth);
		return;
	case JSON_NUMBER:
		write_number(writer, node->text);
		return;
	case JSON_STRING:
		json_write_string(writer, node->text);
		return;
	case JSON_ARRAY:
		json_write_array(writer);
		JSON_EACH(item, node)
		json_write_node(writer, item);
		json_write_array_end(writer);
		return;
	case JSON_OBJECT:
		json_write_object(writer);
		JSON_EACH(member, node)
		{
			json_write_key_text(writer, member->key);
			json_write_node(writer, member);
		}
		json_write_object_end(writer);
		return;
	}
}

struct text json_to_text(struct arena *arena, const struct json *node)
{
	struct json_writer writer;
	struct text_buf out;

	text_buf_init(&out, JSON_TEXT_MAX_BYTES);
	json_writer_init(&writer, &out, false);
	json_write_node(&writer, node);
	struct text copy =
	    out.overflow ? (struct text){NULL, 0} : text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return copy;
}

/* --- key and value in one ------------------------------------------------------------ */

void json_write_member(struct json_writer *writer, const char *name, struct text value)
{
	json_write_key(writer, name);
	json_write_string(writer, value);
}

void json_write_member_c(struct json_writer *writer, const char *name, const char *value)
{
	json_write_key(writer, name);
	json_write_c(writer, value);
}

void json_write_member_int(struct json_writer *writer, const char *name, int64_t value)
{
	json_write_key(writer, name);
	json_write_int(writer, value);
}

void json_write_member_bool(struct json_writer *writer, const char *name, bool value)
{
	json_write_key(writer, name);
	json_write_bool(writer, value);
}

void json_write_member_count(struct json_writer *writer, const char *name, int64_t value)
{
	json_write_key(writer, name);
	if (value < 0)
		json_write_null(writer);
	else
		json_write_int(writer, value);
}
