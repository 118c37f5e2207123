/*
 * ECMA-262 patterns in PCRE2's words.
 *
 * What both spell alike is passed through, and so is what only PCRE2 and Python know ((?i),
 * \A, \Z): schemas in the wild use it. What is spelt alike but means something else is put
 * right: . and \s know more line ends and spaces, \v is one byte, \u is an escape, [ may
 * stand in a class.
 */
#include "harness/base/regex_private.h"

/* Zs, tab to CR, and the byte order mark: what \s is in ECMA-262. */
static const char spaces[] = "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}"
			     "\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
static const char no_spaces[] =
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"
    "\\x{3001}-\\x{d7ff}\\x{e000}-\\x{fefe}\\x{ff00}-\\x{10ffff}";

/* Long names of general categories; PCRE2 10.42 knows only the short ones. */
static const struct {
	const char *name, *category;
} categories[] = {
    {"Letter", "L"},
    {"Cased_Letter", "L&"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"},
    {"Other_Punctuation", "Po"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Format", "Cf"},
    {"Surrogate", "Cs"},
    {"Private_Use", "Co"},
    {"Unassigned", "Cn"},
};

struct translation {
	struct text rest; /* of the pattern */
	struct text_buf *out;
	bool in_class;
	bool after_set; /* within a class */
};

static bool starts_with(const struct translation *t, const char *start)
{
	return text_starts(t->rest, text_of(start));
}

static void skip(struct translation *t, size_t count)
{
	t->rest = text_slice(t->rest, count, t->rest.len);
}

static void pass(struct translation *t, size_t count)
{
	(void)text_buf_add(t->out, text_slice(t->rest, 0, count));
	skip(t, count);
}

static bool hex_digits(struct text digits, uint32_t *value)
{
	*value = 0;
	if (digits.len == 0 || digits.len > 6)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.data[i];
		uint32_t digit;
		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (uint32_t)((c | 0x20) - 'a') + 10;
		else
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

static bool unit_at(const struct translation *t, size_t at, uint32_t *unit)
{
	struct text escape = text_slice(t->rest, at, at + 6);

	return escape.len == 6 && text_starts(escape, TEXT("\\u")) &&
	       hex_digits(text_slice(escape, 2, 6), unit);
}

/* "\u0041", "\u{1f600}" or a pair of surrogates; without digits it is the letter u. */
static void translate_unit(struct translation *t)
{
	uint32_t unit, low;

	if (starts_with(t, "\\u{")) {
		size_t end = text_find_byte(t->rest, '}', 3);
		if (end != TEXT_NOT_FOUND && hex_digits(text_slice(t->rest, 3, end), &unit)) {
			(void)text_buf_format(t->out, "\\x{%x}", unit);
			skip(t, end + 1);
			return;
		}
	}
	if (!unit_at(t, 0, &unit)) {
		(void)text_buf_byte(t->out, 'u');
		skip(t, 2);
		return;
	}
	skip(t, 6);
	if (unit >= 0xd800 && unit <= 0xdbff && unit_at(t, 0, &low) && low >= 0xdc00 &&
	    low <= 0xdfff) {
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		skip(t, 6);
	}
	/* Half a pair stands in no UTF-8 text: it never matches, but may end a range. */
	(void)text_buf_format(t->out, "\\x{%x}", unit);
}

static void translate_byte(struct translation *t)
{
	uint32_t value;

	if (t->rest.len >= 4 && hex_digits(text_slice(t->rest, 2, 4), &value)) {
		(void)text_buf_format(t->out, "\\x{%x}", value);
		skip(t, 4);
	} else {
		(void)text_buf_byte(t->out, 'x');
		skip(t, 2);
	}
}

/* \p{Letter} and \p{General_Category=Letter} in short names; scripts are spelt alike. */
static void translate_property(struct translation *t)
{
	static const char *const prefixes[] = {"General_Category=", "gc="};
	size_t end = text_find_byte(t->rest, '}', 2);

	if (t->rest.len < 3 || t->rest.data[2] != '{' || end == TEXT_NOT_FOUND) {
		pass(t, 2);
		return;
	}
	struct text name = text_slice(t->rest, 3, end);
	for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++) {
		if (text_starts(name, text_of(prefixes[i])))
			name = text_slice(name, strlen(prefixes[i]), name.len);
	}
	(void)text_buf_format(t->out, "\\%c{", t->rest.data[1]);
	for (size_t i = 0; i < ARRAY_LENGTH(categories); i++) {
		if (text_is(name, categories[i].name)) {
			name = text_of(categories[i].category);
			break;
		}
	}
	(void)text_buf_add(t->out, name);
	(void)text_buf_byte(t->out, '}');
	skip(t, end + 1);
}

static void translate_set(struct translation *t, const char *set, const char *opposite)
{
	if (t->in_class)
		(void)text_buf_add_c(t->out, set);
	else
		(void)text_buf_format(t->out, "[^%s]", opposite);
	skip(t, 2);
}

static void translate_escape(struct translation *t)
{
	char name = t->rest.len > 1 ? t->rest.data[1] : '\0';
	char after = t->rest.len > 2 ? t->rest.data[2] : '\0';

	switch (name) {
	case 'u':
		translate_unit(t);
		return;
	case 'x':
		translate_byte(t);
		return;
	case 'p':
	case 'P':
		translate_property(t);
		return;
	case 's':
		translate_set(t, spaces, no_spaces);
		return;
	case 'S':
		translate_set(t, no_spaces, spaces);
		return;
	case 'v':
		(void)text_buf_add_c(t->out, "\\x{b}");
		skip(t, 2);
		return;
	case '0':
		if (after >= '0' && after <= '9') {
			pass(t, 2);
			return;
		}
		(void)text_buf_add_c(t->out, "\\x{0}");
		skip(t, 2);
		return;
	default:
		pass(t, size_min(2, t->rest.len));
		return;
	}
}

/* \d, \w, \s, \p and their opposites: many characters, so no end of a range. */
static bool is_set(struct text rest)
{
	return rest.len > 1 && rest.data[0] == '\\' &&
	       text_find_byte(TEXT("dDwWsSpP"), rest.data[1], 0) != TEXT_NOT_FOUND;
}

static void translate_in_class(struct translation *t)
{
	bool after_set = t->after_set;

	t->after_set = is_set(t->rest);
	if (t->rest.data[0] == '\\') {
		translate_escape(t);
	} else if (t->rest.data[0] == '-' &&
	           (after_set || is_set(text_slice(t->rest, 1, t->rest.len)))) {
		/* "[\w-.]": a hyphen beside a set is itself (annex B.1.4). */
		(void)text_buf_add_c(t->out, "\\-");
		skip(t, 1);
	} else if (t->rest.data[0] == '[') {
		/* PCRE2 would look for [:alpha:] here. */
		(void)text_buf_add_c(t->out, "\\[");
		skip(t, 1);
	} else {
		t->in_class = t->rest.data[0] != ']';
		pass(t, 1);
	}
}

void regex_ecma_translate(struct text pattern, struct text_buf *out)
{
	struct translation t = {.rest = pattern, .out = out};

	while (t.rest.len > 0) {
		if (t.in_class) {
			translate_in_class(&t);
		} else if (t.rest.data[0] == '\\') {
			translate_escape(&t);
		} else if (starts_with(&t, "[]")) {
			/* No character: PCRE2 lets none of its quantifiers allow no time of it. */
			(void)text_buf_add_c(out, "[^\\x{0}-\\x{10ffff}]");
			skip(&t, 2);
		} else if (t.rest.data[0] == '[') {
			t.in_class = true;
			t.after_set = false;
			pass(&t, starts_with(&t, "[^") ? 2 : 1);
		} else if (t.rest.data[0] == '.') {
			(void)text_buf_add_c(out, "[^\\n\\r\\x{2028}\\x{2029}]");
			skip(&t, 1);
		} else {
			pass(&t, 1);
		}
	}
}
