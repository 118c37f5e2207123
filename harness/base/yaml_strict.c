/*
 * What YAML 1.2 forbids and libyaml lets pass, or reads as something else:
 * looked for in the source's bytes, between and within what the events span.
 */
#include "harness/base/yaml_private.h"

static bool is_break(char c)
{
	return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The byte at `at`, a line break behind the end. */
static char byte_at(struct text body, size_t at)
{
	return at < body.len ? body.data[at] : '\n';
}

static size_t skip_spaces(struct text body, size_t at)
{
	while (byte_at(body, at) == ' ')
		at++;
	return at;
}

static size_t skip_blanks(struct text body, size_t at)
{
	while (is_blank(byte_at(body, at)))
		at++;
	return at;
}

/* The line that begins at `at` is indented by `least` spaces, or is blank. */
static bool check_indent(const struct source *source, size_t at, size_t least, struct fault *fault)
{
	struct text body = source->body;
	size_t first = skip_spaces(body, at);

	if (first - at >= least || is_break(byte_at(body, skip_blanks(body, at))))
		return true;
	if (byte_at(body, first) == '\t')
		return fault_at(fault, (struct place){source, first},
		                "a tab can't indent; use spaces");
	return fault_at(fault, (struct place){source, first},
	                "indent this line deeper (by %zu or more spaces): it goes on from the line "
	                "above",
	                least);
}

bool yaml_check_lines(const struct source *source, struct yaml_span span, size_t least,
                      struct fault *fault)
{
	for (size_t at = span.begin; at < span.end; at++)
		if (is_break(source->body.data[at]) && !check_indent(source, at + 1, least, fault))
			return false;
	return true;
}

/* A closing bracket under its line's start is a habit that hurts nobody; a comment stands anywhere.
 */
static bool may_stand_out(char c)
{
	return c == ']' || c == '}' || c == '#';
}

bool yaml_check_gap(const struct source *source, struct yaml_span gap, bool flow, size_t least,
                    struct fault *fault)
{
	struct text body = source->body;

	for (size_t at = gap.begin; at < gap.end; at++) {
		char c = body.data[at];
		if (c == '#') {
			if (at > 0 && !is_blank(body.data[at - 1]) && !is_break(body.data[at - 1]))
				return fault_at(fault, (struct place){source, at},
				                "a comment wants a blank before its #");
			while (at + 1 < gap.end && !is_break(body.data[at + 1]))
				at++;
		} else if (flow && is_break(c)) {
			char first = byte_at(body, skip_blanks(body, at + 1));
			if (!may_stand_out(first) && !check_indent(source, at + 1, least, fault))
				return false;
		}
	}
	return true;
}

/* Behind anchor and tag: the | or >. */
static size_t find_indicator(struct text body, struct yaml_span span)
{
	for (size_t at = span.begin; at < span.end; at++)
		if ((body.data[at] == '|' || body.data[at] == '>') &&
		    (at == span.begin || is_blank(body.data[at - 1]) ||
		     is_break(body.data[at - 1])))
			return at;
	return span.end;
}

bool yaml_check_block(const struct source *source, struct yaml_span span, size_t least,
                      struct fault *fault)
{
	struct text body = source->body;
	size_t at = find_indicator(body, span) + 1;
	bool given = false; /* the indentation, by a digit */
	size_t deepest = 0;

	for (; !is_blank(byte_at(body, at)) && !is_break(byte_at(body, at)); at++) {
		if (body.data[at] == '#')
			return fault_at(fault, (struct place){source, at},
			                "a comment wants a blank before its #");
		given = given || (body.data[at] >= '1' && body.data[at] <= '9');
	}
	while (!is_break(byte_at(body, at)))
		at++;
	/* The blank lines before the text may not be deeper than it: it would be cut. What libyaml
	 * cut off lies behind the span. */
	while (!given && at < body.len) {
		if (is_break(body.data[at])) {
			at++;
			continue;
		}
		size_t first = skip_spaces(body, at);
		size_t spaces = first - at;
		if (!is_break(byte_at(body, first))) {
			if (spaces >= least && spaces < deepest)
				return fault_at(
				    fault, (struct place){source, first},
				    "a blank line above is indented deeper than this one");
			break;
		}
		deepest = spaces > deepest ? spaces : deepest;
		at = first;
	}
	return true;
}

bool yaml_check_anchor(const struct source *source, size_t begin, const char *name,
                       struct fault *fault)
{
	struct text body = source->body;
	size_t len = strlen(name);
	size_t at = begin;

	/* A tag may come first; it holds no &, and no other anchor can. */
	while (at < body.len && body.data[at] != '&')
		at++;
	size_t end = at + 1 + len;
	char next = byte_at(body, end);
	if (is_blank(next) || is_break(next) || next == ',' || next == ']' || next == '}')
		return true;
	return fault_at(fault, (struct place){source, size_min(end, body.len)},
	                "want a blank behind the anchor &%s", name);
}

bool yaml_check_version(const struct source *source, size_t begin, struct fault *fault)
{
	struct text body = source->body;
	struct text line = text_slice(body, begin, body.len);
	size_t len = 0;

	while (len < line.len && !is_break(line.data[len]))
		len++;
	line = text_slice(line, strlen("%YAML"), len);
	for (size_t at = 1; at < line.len; at++)
		if (line.data[at] == '#' && is_blank(line.data[at - 1]))
			line.len = at;
	line = text_trim(line);
	if (text_is(line, "1.2") || text_is(line, "1.1"))
		return true;
	return fault_at(fault, (struct place){source, begin}, "want %%YAML 1.2 or no such line");
}
