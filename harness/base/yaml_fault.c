/*
 * Where a mistake in YAML stands, and what it is called. libyaml's words name
 * its own grammar; ours say what to do about it.
 */
#include "harness/base/yaml_private.h"

static size_t step_size(struct text body, size_t at)
{
	if ((unsigned char)body.data[at] < 0x80)
		return 1; /* nearly all */
	size_t size = text_utf8_sequence(text_slice(body, at, body.len), NULL);

	return size == 0 ? 1 : size;
}

/* Bytes of the line break at `at`: CR LF, CR or LF (yaml_check_bytes keeps the others out). */
static size_t break_size(struct text body, size_t at)
{
	if (body.data[at] == '\n')
		return 1;
	if (body.data[at] != '\r')
		return 0;
	return at + 1 < body.len && body.data[at + 1] == '\n' ? 2 : 1;
}

static bool is_break(char c)
{
	return c == '\n' || c == '\r';
}

static void step_back(struct yaml_cursor *cursor, struct text body)
{
	do
		cursor->offset--;
	while (cursor->offset > 0 && ((unsigned char)body.data[cursor->offset] & 0xc0) == 0x80);
	cursor->column--;
}

/* To the start of the line before. */
static void step_back_line(struct yaml_cursor *cursor, struct text body, size_t start)
{
	while (cursor->offset > start && !is_break(body.data[cursor->offset - 1]))
		cursor->offset--;
	if (cursor->offset > start) {
		bool crlf = cursor->offset - start > 1 && body.data[cursor->offset - 1] == '\n' &&
		            body.data[cursor->offset - 2] == '\r';
		cursor->offset -= crlf ? 2 : 1;
	}
	while (cursor->offset > start && !is_break(body.data[cursor->offset - 1]))
		cursor->offset--;
	cursor->line--;
	cursor->column = 0;
}

/*
 * By line and column, not by index: in text with CR LF libyaml's index drifts.
 * Marks come nearly in order, so each byte is passed once, not once an event.
 */
size_t yaml_offset(struct yaml_cursor *cursor, const struct source *source, yaml_mark_t mark)
{
	struct text body = source->body;
	size_t start = text_starts(body, TEXT("\xef\xbb\xbf")) ? 3 : 0;

	while (mark.line < cursor->line)
		step_back_line(cursor, body, start);
	while (cursor->line == mark.line && cursor->column > mark.column)
		step_back(cursor, body);
	while (cursor->offset < body.len &&
	       (cursor->line < mark.line || cursor->column < mark.column)) {
		size_t line_break = break_size(body, cursor->offset);
		if (line_break != 0) {
			if (cursor->line == mark.line)
				break; /* a mark past its line's end: the end will do */
			cursor->line++;
			cursor->column = 0;
			cursor->offset += line_break;
		} else {
			cursor->column++;
			cursor->offset += step_size(body, cursor->offset);
		}
	}
	return cursor->offset;
}

/* Line breaks of YAML 1.1 that 1.2 reads as text: libyaml would fold them away. */
static bool is_old_break(uint32_t c)
{
	return c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* What may stand in a YAML text, but for line breaks; a BOM only at its start. */
static bool is_printable(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r' ||
	       (c >= 0xa0 && c != 0xfeff && c != 0xfffe && c != 0xffff);
}

bool yaml_check_bytes(const struct source *source, struct fault *fault)
{
	struct text body = source->body;
	size_t at = text_starts(body, TEXT("\xef\xbb\xbf")) ? 3 : 0;

	/* What editors on Windows, and PowerShell's `>`, may write. */
	if (text_starts(body, TEXT("\xff\xfe")) || text_starts(body, TEXT("\xfe\xff")))
		return fault_at(fault, (struct place){source, 0},
		                "this file is UTF-16; save it as UTF-8");

	while (at < body.len) {
		if (body.data[at] >= 0x20 && body.data[at] < 0x7f) {
			at++;
			continue;
		}
		uint32_t c = 0;
		struct place place = {source, at};
		size_t size = text_utf8_sequence(text_slice(body, at, body.len), &c);
		if (size == 0)
			return fault_at(fault, place, "byte 0x%02x is no UTF-8",
			                (unsigned char)body.data[at]);
		if (is_old_break(c))
			return fault_at(
			    fault, place,
			    "U+%04X is a line break to some readers and none to others; "
			    "write it as \"\\u%04x\" in double quotes",
			    c, c);
		if (!is_printable(c))
			return fault_at(fault, place,
			                "U+%04X can't stand in YAML; write it as \"\\u%04x\" in "
			                "double quotes",
			                c, c);
		at += size;
	}
	return true;
}

/* --- libyaml's complaints in our words --- */

enum where {
	AT_PROBLEM,
	AT_CONTEXT, /* where the thing began: the problem lies a line or a file further on */
};

/* The first row that fits holds. `context` NULL: any. */
static const struct wording {
	const char *context, *problem; /* parts of libyaml's texts */
	enum where where;
	const char *message;
} wordings[] = {
    {"quoted scalar", "unexpected end of stream", AT_CONTEXT, "this quote is never closed"},
    {"quoted scalar", "unexpected document indicator", AT_CONTEXT, "this quote is never closed"},
    {NULL, "unknown escape character", AT_PROBLEM,
     "no escape that YAML knows; write \\\\ for a backslash, or use single quotes"},
    {NULL, "hexdecimal number", AT_PROBLEM, "hex digits are missing in this escape"},
    {NULL, "invalid Unicode character escape", AT_PROBLEM, "this escape is no Unicode character"},
    {"simple key", "could not find expected ':'", AT_CONTEXT,
     "a ':' is missing behind this, or quotes around it"},
    {NULL, "mapping values are not allowed", AT_PROBLEM,
     "no ': ' can stand here; check the indentation, or put the text in quotes"},
    {NULL, "block sequence entries are not allowed", AT_PROBLEM,
     "no list item can start here; check the indentation"},
    {NULL, "mapping keys are not allowed", AT_PROBLEM,
     "no key can start here; check the indentation"},
    {"block mapping", "did not find expected key", AT_PROBLEM,
     "want a key here; check the indentation and the quotes"},
    {"block collection", "expected '-' indicator", AT_PROBLEM,
     "want a list item (\"- \") here; check the indentation"},
    {"flow sequence", "expected ',' or ']'", AT_PROBLEM, "want ',' or ']' here"},
    {"flow mapping", "expected ',' or '}'", AT_PROBLEM, "want ',' or '}' here"},
    {NULL, "did not find expected node content", AT_PROBLEM, "want a value here"},
    {NULL, "did not find expected <document start>", AT_PROBLEM,
     "the document has ended before this; check the indentation and the quotes"},
    {NULL, "tab character", AT_PROBLEM, "a tab can't indent; use spaces"},
    {NULL, "undefined tag handle", AT_PROBLEM, "no such tag is known here"},
    {NULL, "unexpected ':'", AT_PROBLEM, "a ':' can't stand here without quotes around the text"},
    {"directive", NULL, AT_CONTEXT,
     "no directive that is known here; a value in quotes may start with %"},
    {NULL, "incompatible YAML document", AT_PROBLEM, "want %YAML 1.2 or no such line"},
    {"anchor", NULL, AT_CONTEXT, "want a name of letters and digits behind '&'; or use quotes"},
    {"alias", NULL, AT_CONTEXT,
     "a value can't start with '*', which names an alias; put it in quotes"},
    {"tag", NULL, AT_CONTEXT, "a value can't start with '!', which begins a tag; use quotes"},
    {"block scalar", "indentation indicator", AT_PROBLEM,
     "want a number from 1 to 9 behind | or >, or none"},
    {"block scalar", "comment or line break", AT_PROBLEM,
     "want a new line behind | or >; the text begins on the next"},
};

static bool holds(const char *whole, const char *part)
{
	return part == NULL || (whole != NULL && strstr(whole, part) != NULL);
}

/* "cannot start any token" has a different cure for each character. */
static bool fault_bad_start(struct place place, struct fault *fault)
{
	struct text body = place.source->body;
	char c = place.offset < body.len ? body.data[place.offset] : '\0';

	if (c == '\t')
		return fault_at(fault, place, "a tab can't indent; use spaces");
	return fault_at(fault, place, "a value can't start with '%c'; put it in quotes", c);
}

/* Where the list or mapping began that the problem lies in, when that is another line. */
static void add_context_line(const yaml_parser_t *parser, struct fault *fault)
{
	if (parser->context == NULL || parser->context_mark.line == parser->problem_mark.line ||
	    !holds(parser->context, "while parsing a"))
		return;
	(void)fault_within(fault, "reading the %s that starts in line %zu",
	                   holds(parser->context, "mapping") ? "mapping" : "list",
	                   parser->context_mark.line + 1);
}

bool yaml_parser_fault(const yaml_parser_t *parser, const struct source *source,
                       struct fault *fault)
{
	struct yaml_cursor cursor = {.offset =
	                                 text_starts(source->body, TEXT("\xef\xbb\xbf")) ? 3 : 0};
	struct yaml_cursor other = cursor;
	struct place problem = {source, yaml_offset(&cursor, source, parser->problem_mark)};
	struct place context = {source, yaml_offset(&other, source, parser->context_mark)};

	if (parser->error == YAML_MEMORY_ERROR)
		return fault_set(fault, FAULT_SYSTEM, "out of memory in libyaml");
	if (holds(parser->problem, "cannot start any token"))
		return fault_bad_start(problem, fault);
	for (size_t i = 0; i < ARRAY_LENGTH(wordings); i++) {
		const struct wording *row = &wordings[i];
		if (!holds(parser->context, row->context) || !holds(parser->problem, row->problem))
			continue;
		(void)fault_at(fault, row->where == AT_CONTEXT ? context : problem, "%s",
		               row->message);
		add_context_line(parser, fault);
		return false;
	}
	return fault_at(
	    fault, problem, "%s%s%s", parser->problem == NULL ? "no YAML" : parser->problem,
	    parser->context == NULL ? "" : " ", parser->context == NULL ? "" : parser->context);
}
