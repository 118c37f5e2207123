/*
 * What a scalar means: the core schema of YAML 1.2, into JSON's types. Numbers
 * become texts that JSON would take, exactly; nothing passes through a double.
 */
#include "harness/base/yaml_private.h"

#include <inttypes.h>

#define CORE_PREFIX "tag:yaml.org,2002:"

const char *yaml_core_tag(const char *tag)
{
	return text_starts(text_of(tag), TEXT(CORE_PREFIX)) ? tag + strlen(CORE_PREFIX) : NULL;
}

const char *yaml_tag_name(const char *tag)
{
	static const char *const names[] = {"!!str",  "!!int", "!!float", "!!bool",
	                                    "!!null", "!!map", "!!seq"};
	const char *core = yaml_core_tag(tag);

	for (size_t i = 0; core != NULL && i < ARRAY_LENGTH(names); i++)
		if (strcmp(core, names[i] + 2) == 0)
			return names[i];
	return tag;
}

static bool is_one_of(struct text text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(text, words[i]))
			return true;
	return false;
}

static bool is_null(struct text text)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	return is_one_of(text, words, ARRAY_LENGTH(words));
}

static bool is_true(struct text text)
{
	static const char *const words[] = {"true", "True", "TRUE"};

	return is_one_of(text, words, ARRAY_LENGTH(words));
}

static bool is_false(struct text text)
{
	static const char *const words[] = {"false", "False", "FALSE"};

	return is_one_of(text, words, ARRAY_LENGTH(words));
}

/* What other readers, by YAML 1.1, would take for a boolean. */
static bool is_old_bool(struct text text)
{
	static const char *const words[] = {"yes", "Yes", "YES", "no",  "No",  "NO",
	                                    "on",  "On",  "ON",  "off", "Off", "OFF"};

	return is_one_of(text, words, ARRAY_LENGTH(words));
}

/* Numbers of YAML that JSON has no text for. */
static bool is_infinite_or_nan(struct text text)
{
	static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};

	if (text.len > 1 && (text.data[0] == '-' || text.data[0] == '+'))
		return is_one_of(text_slice(text, 1, text.len), words, 3);
	return is_one_of(text, words, ARRAY_LENGTH(words));
}

static size_t digits_from(struct text text, size_t at)
{
	while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
		at++;
	return at;
}

/* The parts of a decimal number, as offsets into its text. */
struct decimal {
	bool negative, is_float;
	size_t whole, whole_end;       /* digits before the point */
	size_t fraction, fraction_end; /* behind it */
	size_t exponent;               /* the e, or the end */
};

/* [-+]? ( . [0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool read_decimal(struct text text, struct decimal *out)
{
	size_t at = 0;

	*out = (struct decimal){0};
	if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+'))
		out->negative = text.data[at++] == '-';
	out->whole = at;
	at = out->whole_end = digits_from(text, at);
	out->fraction = out->fraction_end = at;
	if (at < text.len && text.data[at] == '.') {
		out->is_float = true;
		out->fraction = at + 1;
		at = out->fraction_end = digits_from(text, at + 1);
	}
	if (out->whole == out->whole_end && out->fraction == out->fraction_end)
		return false;
	out->exponent = at;
	if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
		out->is_float = true;
		at++;
		if (at < text.len && (text.data[at] == '-' || text.data[at] == '+'))
			at++;
		size_t end = digits_from(text, at);
		if (end == at)
			return false;
		at = end;
	}
	return at == text.len;
}

/* The same number as JSON writes it; the text itself where JSON would take it. */
static struct text json_decimal(struct text text, const struct decimal *parts, struct arena *arena)
{
	size_t whole = parts->whole;

	while (whole + 1 < parts->whole_end && text.data[whole] == '0')
		whole++;
	bool has_whole = parts->whole < parts->whole_end;
	bool has_fraction = parts->fraction < parts->fraction_end;
	bool bare_point = parts->fraction > parts->whole_end && !has_fraction;
	if (whole == parts->whole && has_whole && !bare_point && text.data[0] != '+')
		return text;
	return text_format(
	    arena, "%s%.*s%s%.*s%.*s", parts->negative ? "-" : "",
	    TEXT_ARG(has_whole ? text_slice(text, whole, parts->whole_end) : TEXT("0")),
	    has_fraction ? "." : "",
	    TEXT_ARG(text_slice(text, parts->fraction, parts->fraction_end)),
	    TEXT_ARG(text_slice(text, parts->exponent, text.len)));
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* 0x1F, 0o17. `fits`: false where 64 bits do not hold it. */
static bool read_based(struct text text, uint64_t *value, bool *fits)
{
	if (text.len < 3 || text.data[0] != '0' || (text.data[1] != 'x' && text.data[1] != 'o'))
		return false;
	unsigned base = text.data[1] == 'x' ? 16 : 8;
	*value = 0;
	*fits = true;
	for (size_t i = 2; i < text.len; i++) {
		unsigned digit = (unsigned)digit_value(text.data[i]);
		if (digit >= base)
			return false;
		if (*value > (UINT64_MAX - digit) / base)
			*fits = false;
		*value = *value * base + digit;
	}
	return true;
}

enum number_kind {
	NUMBER_NONE,
	NUMBER_INT,
	NUMBER_FLOAT,
	NUMBER_TOO_LARGE,
};

static enum number_kind read_number(struct text text, struct arena *arena, struct text *out)
{
	struct decimal parts;
	uint64_t value;
	bool fits;

	if (read_based(text, &value, &fits)) {
		if (!fits)
			return NUMBER_TOO_LARGE;
		*out = text_format(arena, "%" PRIu64, value);
		return NUMBER_INT;
	}
	if (!read_decimal(text, &parts))
		return NUMBER_NONE;
	*out = json_decimal(text, &parts, arena);
	return parts.is_float ? NUMBER_FLOAT : NUMBER_INT;
}

/*
 * At most half of the list: the mistakes found later in the same file must find
 * room. And a place is searched from the file's start: a million would take long.
 */
static void warn(struct fault_list *warnings, const struct yaml_scalar *scalar, const char *why)
{
	if (warnings == NULL)
		return;
	if (warnings->count >= FAULT_LIST_MAX / 2)
		warnings->dropped++;
	else
		(void)fault_list_warn(warnings, scalar->place, "%.*s is %s", TEXT_ARG(scalar->text),
		                      why);
}

static void set_bool(struct json *node, bool truth)
{
	node->type = JSON_BOOL;
	node->truth = truth;
}

/* A plain scalar without tag. */
static bool resolve_plain(const struct yaml_scalar *scalar, struct arena *arena, struct json *node,
                          struct fault_list *warnings, struct fault *fault)
{
	struct text text = scalar->text;
	struct text number;

	if (is_null(text)) {
		node->type = JSON_NULL;
		return true;
	}
	if (is_true(text) || is_false(text)) {
		set_bool(node, is_true(text));
		return true;
	}
	switch (read_number(text, arena, &number)) {
	case NUMBER_TOO_LARGE:
		return fault_at(fault, scalar->place,
		                "%.*s does not fit 64 bits; write it in decimal or in quotes",
		                TEXT_ARG(text));
	case NUMBER_INT:
	case NUMBER_FLOAT:
		node->type = JSON_NUMBER;
		node->text = number;
		return true;
	case NUMBER_NONE:
		break;
	}
	if (is_old_bool(text))
		warn(warnings, scalar,
		     "a string here, not a boolean; write true or false, or quotes");
	else if (is_infinite_or_nan(text))
		warn(warnings, scalar, "a string here: there is no such number in JSON");
	return true;
}

static bool resolve_number(const struct yaml_scalar *scalar, bool want_int, struct arena *arena,
                           struct json *node)
{
	struct text number;
	enum number_kind kind = read_number(scalar->text, arena, &number);

	if (kind != NUMBER_INT && (want_int || kind != NUMBER_FLOAT))
		return false;
	node->type = JSON_NUMBER;
	node->text = number;
	return true;
}

bool yaml_resolve(const struct yaml_scalar *scalar, struct arena *arena, struct json *node,
                  struct fault_list *warnings, struct fault *fault)
{
	const char *core = scalar->tag == NULL ? NULL : yaml_core_tag(scalar->tag);
	struct text text = scalar->text;
	bool fits = false;

	node->type = JSON_STRING;
	node->text = text;
	if (scalar->tag == NULL)
		return !scalar->plain || resolve_plain(scalar, arena, node, warnings, fault);
	if (strcmp(scalar->tag, "!") == 0 || (core != NULL && strcmp(core, "str") == 0))
		return true;
	if (core != NULL && strcmp(core, "null") == 0) {
		fits = is_null(text);
		node->type = JSON_NULL;
	} else if (core != NULL && strcmp(core, "bool") == 0) {
		fits = is_true(text) || is_false(text);
		set_bool(node, is_true(text));
	} else if (core != NULL && strcmp(core, "int") == 0) {
		fits = resolve_number(scalar, true, arena, node);
	} else if (core != NULL && strcmp(core, "float") == 0) {
		fits = resolve_number(scalar, false, arena, node);
	}
	if (fits)
		return true;
	if (yaml_tag_name(scalar->tag) == scalar->tag)
		return fault_at(fault, scalar->place,
		                "the tag %s is not known here; want !!str, !!int, !!float, !!bool, "
		                "!!null or none",
		                scalar->tag);
	return fault_at(fault, scalar->place, "\"%.*s\" does not fit its tag %s", TEXT_ARG(text),
	                yaml_tag_name(scalar->tag));
}
