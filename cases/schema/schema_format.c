/*
 * Formats, where they are asserted. Each is a small parser over a view that eats from the left;
 * what is not known here holds, as the specification wants it.
 */
#include "cases/schema/schema_private.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool eat(struct text *rest, const char *set)
{
	if (rest->len == 0 || !is_one_of(rest->data[0], set))
		return false;
	*rest = text_slice(*rest, 1, rest->len);
	return true;
}

static size_t eat_while(struct text *rest, bool (*is)(char))
{
	size_t count = 0;

	while (count < rest->len && is(rest->data[count]))
		count++;
	*rest = text_slice(*rest, count, rest->len);
	return count;
}

/* Exactly `count` digits, as a number within [min, max]. */
static bool eat_number(struct text *rest, size_t count, int min, int max, int *out)
{
	int value = 0;

	if (rest->len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!is_digit(rest->data[i]))
			return false;
		value = value * 10 + (rest->data[i] - '0');
	}
	*rest = text_slice(*rest, count, rest->len);
	*out = value;
	return value >= min && value <= max;
}

/* --- dates and times (RFC 3339) ------------------------------------------------------- */

static bool eat_date(struct text *rest)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;

	if (!eat_number(rest, 4, 0, 9999, &year) || !eat(rest, "-") ||
	    !eat_number(rest, 2, 1, 12, &month) || !eat(rest, "-") ||
	    !eat_number(rest, 2, 1, 31, &day))
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1] + (leap && month == 2);
}

static bool eat_time(struct text *rest)
{
	int hour, minute, second, offset_hour = 0, offset_minute = 0;

	if (!eat_number(rest, 2, 0, 23, &hour) || !eat(rest, ":") ||
	    !eat_number(rest, 2, 0, 59, &minute) || !eat(rest, ":") ||
	    !eat_number(rest, 2, 0, 60, &second))
		return false;
	if (eat(rest, ".") && eat_while(rest, is_digit) == 0)
		return false;
	if (!eat(rest, "Zz")) {
		bool west = rest->len > 0 && rest->data[0] == '-';
		if (!eat(rest, "+-") || !eat_number(rest, 2, 0, 23, &offset_hour) ||
		    !eat(rest, ":") || !eat_number(rest, 2, 0, 59, &offset_minute))
			return false;
		if (!west) {
			offset_hour = -offset_hour;
			offset_minute = -offset_minute;
		}
	}
	/* A leap second is the last of a day, in UTC. */
	int utc = (hour + offset_hour) * 60 + minute + offset_minute;
	return second < 60 || (utc + 1440) % 1440 == 1439;
}

static bool is_date(struct text value)
{
	return eat_date(&value) && value.len == 0;
}

static bool is_time(struct text value)
{
	return eat_time(&value) && value.len == 0;
}

static bool is_date_time(struct text value)
{
	return eat_date(&value) && eat(&value, "Tt") && eat_time(&value) && value.len == 0;
}

/* Some of `units`, in their order and without a gap; false when there is none. */
static bool eat_units(struct text *rest, const char *units)
{
	const char *next = NULL;

	while (rest->len > 0 && is_digit(rest->data[0])) {
		(void)eat_while(rest, is_digit);
		const char *unit =
		    rest->len == 0 || rest->data[0] == '\0' ? NULL : strchr(units, rest->data[0]);
		if (unit == NULL || (next != NULL && unit != next))
			return false;
		*rest = text_slice(*rest, 1, rest->len);
		next = unit + 1;
	}
	return next != NULL;
}

static bool is_duration(struct text value)
{
	if (!eat(&value, "P"))
		return false;
	if (text_ends(value, TEXT("W")))
		return eat_units(&value, "W") && value.len == 0;
	bool days = eat_units(&value, "YMD");
	if (eat(&value, "T"))
		return eat_units(&value, "HMS") && value.len == 0;
	return days && value.len == 0;
}

/* --- hosts and addresses ----------------------------------------------------------------- */

static bool is_ipv4(struct text value)
{
	for (int part = 0; part < 4; part++) {
		int number;
		size_t digits = 0;
		while (digits < value.len && is_digit(value.data[digits]))
			digits++;
		bool zero = digits > 1 && value.data[0] == '0';
		if (digits == 0 || digits > 3 || zero ||
		    !eat_number(&value, digits, 0, 255, &number) || (part < 3 && !eat(&value, ".")))
			return false;
	}
	return value.len == 0;
}

/* Groups of up to four hex digits; the last two may be an IPv4 address. */
static bool count_groups(struct text value, int *groups)
{
	struct text group;

	*groups = 0;
	if (value.len == 0)
		return true;
	while (text_next_field(&value, ':', &group)) {
		bool last = value.data == NULL;
		if (last && is_ipv4(group)) {
			*groups += 2;
			return true;
		}
		size_t len = group.len;
		if (len == 0 || len > 4 || eat_while(&group, is_hex) != len)
			return false;
		++*groups;
	}
	return true;
}

static bool is_ipv6(struct text value)
{
	size_t gap = text_find(value, TEXT("::"), 0);
	int before, after = 0;

	if (value.len > 45)
		return false;
	if (gap == TEXT_NOT_FOUND)
		return count_groups(value, &before) && before == 8;
	struct text left = text_slice(value, 0, gap);
	/* An IPv4 address may stand at the very end only. */
	return text_find_byte(left, '.', 0) == TEXT_NOT_FOUND && count_groups(left, &before) &&
	       count_groups(text_slice(value, gap + 2, value.len), &after) && before + after <= 7;
}

static bool is_hostname(struct text value)
{
	struct text label;

	if (value.len == 0 || value.len > 253 || text_ends(value, TEXT(".")))
		return false;
	while (text_next_field(&value, '.', &label)) {
		if (label.len == 0 || label.len > 63 || label.data[0] == '-' ||
		    label.data[label.len - 1] == '-')
			return false;
		/* "--" there is kept for encodings, and we know none but Punycode. */
		if (label.len >= 4 && label.data[2] == '-' && label.data[3] == '-' &&
		    !text_equal_ignoring_case(text_slice(label, 0, 2), TEXT("xn")))
			return false;
		for (size_t i = 0; i < label.len; i++) {
			if (!is_letter(label.data[i]) && !is_digit(label.data[i]) &&
			    label.data[i] != '-')
				return false;
		}
	}
	return true;
}

static bool is_atom(char c)
{
	return is_letter(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-/=?^_`{|}~");
}

static bool is_local_part(struct text value)
{
	struct text atom;

	if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"') {
		for (size_t i = 1; i + 1 < value.len; i++) {
			if (value.data[i] == '\\' && i + 2 < value.len)
				i++;
			else if (value.data[i] == '"' || value.data[i] == '\\')
				return false;
			if (value.data[i] < ' ' || value.data[i] > '~')
				return false;
		}
		return true;
	}
	if (value.len == 0)
		return false;
	while (text_next_field(&value, '.', &atom)) {
		if (atom.len == 0 || eat_while(&atom, is_atom) == 0 || atom.len > 0)
			return false;
	}
	return true;
}

/* RFC 5321, 4.1.2. */
static bool is_email(struct text value)
{
	size_t at = value.len;

	while (at > 0 && value.data[at - 1] != '@')
		at--;
	if (at == 0 || !is_local_part(text_slice(value, 0, at - 1)))
		return false;
	struct text domain = text_slice(value, at, value.len);
	if (domain.len < 2 || domain.data[0] != '[')
		return is_hostname(domain);
	if (!text_ends(domain, TEXT("]")))
		return false;
	domain = text_slice(domain, 1, domain.len - 1);
	if (text_equal_ignoring_case(text_slice(domain, 0, 5), TEXT("IPv6:")))
		return is_ipv6(text_slice(domain, 5, domain.len));
	return is_ipv4(domain);
}

/* --- URIs (RFC 3986, 3987, 6570) ------------------------------------------------------------ */

enum { ASCII_ONLY, ANY_LETTERS };

/* Letters, digits, `more`, and %XX; beyond ASCII only in IRIs. */
static bool is_made_of(struct text value, const char *more, int letters)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];
		if (c == '%' && i + 2 < value.len && is_hex(value.data[i + 1]) &&
		    is_hex(value.data[i + 2]))
			i += 2;
		else if (!is_letter(c) && !is_digit(c) && !is_one_of(c, more) &&
		         !(letters == ANY_LETTERS && (c & 0x80) != 0))
			return false;
	}
	return true;
}

#define URI_OTHERS "-._~!$&'()*+,;="

/* Between brackets: IPv6, or "v1.fe" for what may come. */
static bool is_literal_address(struct text value)
{
	if (is_ipv6(value))
		return true;
	return eat(&value, "vV") && eat_while(&value, is_hex) > 0 && eat(&value, ".") &&
	       value.len > 0 && text_find_byte(value, '%', 0) == TEXT_NOT_FOUND &&
	       is_made_of(value, URI_OTHERS ":", ASCII_ONLY);
}

static bool is_authority(struct text value, int letters)
{
	size_t at = text_find_byte(value, '@', 0);
	size_t port;

	if (at != TEXT_NOT_FOUND) {
		if (!is_made_of(text_slice(value, 0, at), URI_OTHERS ":", letters))
			return false;
		value = text_slice(value, at + 1, value.len);
	}
	if (text_starts(value, TEXT("["))) {
		size_t end = text_find_byte(value, ']', 0);
		if (end == TEXT_NOT_FOUND || !is_literal_address(text_slice(value, 1, end)))
			return false;
		port = end + 1;
	} else {
		port = text_find_byte(value, ':', 0);
		port = port == TEXT_NOT_FOUND ? value.len : port;
		if (!is_made_of(text_slice(value, 0, port), URI_OTHERS, letters))
			return false;
	}
	struct text rest = text_slice(value, port, value.len);
	if (rest.len == 0)
		return true;
	return eat(&rest, ":") && (eat_while(&rest, is_digit), rest.len == 0);
}

static bool is_reference(struct text value, int letters, bool absolute)
{
	size_t hash = text_find_byte(value, '#', 0);
	struct text fragment = {NULL, 0}, query = {NULL, 0};

	if (hash != TEXT_NOT_FOUND) {
		fragment = text_slice(value, hash + 1, value.len);
		value = text_slice(value, 0, hash);
	}
	size_t question = text_find_byte(value, '?', 0);
	if (question != TEXT_NOT_FOUND) {
		query = text_slice(value, question + 1, value.len);
		value = text_slice(value, 0, question);
	}
	size_t colon = text_find_byte(value, ':', 0);
	size_t slash = text_find_byte(value, '/', 0);
	/* A colon in the first segment ends a scheme, whether it is a good one or not. */
	if (colon != TEXT_NOT_FOUND && (slash == TEXT_NOT_FOUND || colon < slash)) {
		struct text scheme = text_slice(value, 0, colon);
		value = text_slice(value, colon + 1, value.len);
		if (scheme.len == 0 || !is_letter(scheme.data[0]) ||
		    !is_made_of(scheme, "+-.", ASCII_ONLY) ||
		    text_find_byte(scheme, '%', 0) != TEXT_NOT_FOUND)
			return false;
	} else if (absolute) {
		return false;
	}
	if (text_starts(value, TEXT("//"))) {
		size_t end = text_find_byte(value, '/', 2);
		end = end == TEXT_NOT_FOUND ? value.len : end;
		if (!is_authority(text_slice(value, 2, end), letters))
			return false;
		value = text_slice(value, end, value.len);
	}
	return is_made_of(value, URI_OTHERS ":@/", letters) &&
	       is_made_of(query, URI_OTHERS ":@/?", letters) &&
	       is_made_of(fragment, URI_OTHERS ":@/?", letters);
}

static bool is_uri(struct text value)
{
	return is_reference(value, ASCII_ONLY, true);
}

static bool is_uri_reference(struct text value)
{
	return is_reference(value, ASCII_ONLY, false);
}

static bool is_iri(struct text value)
{
	return is_reference(value, ANY_LETTERS, true);
}

static bool is_iri_reference(struct text value)
{
	return is_reference(value, ANY_LETTERS, false);
}

/* A name of a template, dots only within, and how much of it: "name*" or "name:3". */
static bool is_template_name(struct text value)
{
	size_t colon = text_find_byte(value, ':', 0);
	struct text piece;

	if (colon != TEXT_NOT_FOUND) {
		struct text length = text_slice(value, colon + 1, value.len);
		bool zero = text_starts(length, TEXT("0"));
		size_t digits = eat_while(&length, is_digit);
		if (zero || digits == 0 || digits > 4 || length.len > 0)
			return false;
		value = text_slice(value, 0, colon);
	} else if (text_ends(value, TEXT("*"))) {
		value = text_slice(value, 0, value.len - 1);
	}
	if (value.len == 0)
		return false;
	while (text_next_field(&value, '.', &piece)) {
		if (piece.len == 0 || !is_made_of(piece, "_", ASCII_ONLY))
			return false;
	}
	return true;
}

/* One {expression} of a template: an operator and names. */
static bool is_expression(struct text value)
{
	struct text name;

	(void)eat(&value, "+#./;?&");
	if (value.len == 0)
		return false;
	while (text_next_field(&value, ',', &name)) {
		if (!is_template_name(name))
			return false;
	}
	return true;
}

static bool is_uri_template(struct text value)
{
	while (value.len > 0) {
		size_t open = text_find_byte(value, '{', 0);
		struct text plain = text_slice(value, 0, open);
		if (!is_made_of(plain, URI_OTHERS ":@/?#[]", ANY_LETTERS))
			return false;
		if (open == TEXT_NOT_FOUND)
			return true;
		size_t close = text_find_byte(value, '}', open);
		if (close == TEXT_NOT_FOUND || !is_expression(text_slice(value, open + 1, close)))
			return false;
		value = text_slice(value, close + 1, value.len);
	}
	return true;
}

/* --- the rest -----------------------------------------------------------------------------------
 */

static bool is_uuid(struct text value)
{
	if (value.len != 36)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? value.data[i] != '-' : !is_hex(value.data[i]))
			return false;
	}
	return true;
}

static bool is_json_pointer(struct text value)
{
	if (value.len > 0 && value.data[0] != '/')
		return false;
	for (size_t i = 0; i < value.len; i++) {
		bool escape = i + 1 < value.len && is_one_of(value.data[i + 1], "01");
		if (value.data[i] == '~' && !escape)
			return false;
	}
	return true;
}

static bool is_relative_json_pointer(struct text value)
{
	bool zero = text_starts(value, TEXT("0"));
	size_t digits = eat_while(&value, is_digit);

	if (digits == 0 || (zero && digits > 1))
		return false;
	return text_is(value, "#") || is_json_pointer(value);
}

/* What follows "(?": a group, a look-around, a name, or flags for a group. */
static bool is_group(struct text rest)
{
	if (eat(&rest, ":=!<"))
		return true;
	while (eat(&rest, "ims-"))
		continue;
	return eat(&rest, ":");
}

/* Patterns of others that we take elsewhere (\A, (?P<name>)) are none of ECMA-262. */
static bool is_regex(struct text value)
{
	struct regex *regex;
	struct fault fault;

	for (size_t i = 0; i + 1 < value.len; i++) {
		if (text_starts(text_slice(value, i, value.len), TEXT("(?")) &&
		    !is_group(text_slice(value, i + 2, value.len)))
			return false;
		if (value.data[i] != '\\')
			continue;
		i++;
		if (is_letter(value.data[i]) && !is_one_of(value.data[i], "dDwWsSbBfnrtvcxukpP"))
			return false;
	}
	if (!regex_new_ecma(value, (struct place){0}, &regex, &fault))
		return false;
	regex_free(regex);
	return true;
}

bool schema_format_holds(struct text format, struct text value)
{
	static const struct {
		const char *name;
		bool (*holds)(struct text value);
	} formats[] = {
	    {"date", is_date},
	    {"time", is_time},
	    {"date-time", is_date_time},
	    {"duration", is_duration},
	    {"email", is_email},
	    {"hostname", is_hostname},
	    {"ipv4", is_ipv4},
	    {"ipv6", is_ipv6},
	    {"uri", is_uri},
	    {"uri-reference", is_uri_reference},
	    {"iri", is_iri},
	    {"iri-reference", is_iri_reference},
	    {"uri-template", is_uri_template},
	    {"uuid", is_uuid},
	    {"json-pointer", is_json_pointer},
	    {"relative-json-pointer", is_relative_json_pointer},
	    {"regex", is_regex},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
		if (text_is(format, formats[i].name))
			return formats[i].holds(value);
	}
	return true;
}
