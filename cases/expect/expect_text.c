/* What a text must be: content, reasoning, refusal. */
#include "cases/expect/expect_private.h"

enum json_kind {
	JSON_KIND_OBJECT,
	JSON_KIND_ARRAY,
	JSON_KIND_ANY,
};

static const char *const json_kind_names[] = {"object", "array", "any", NULL};

struct expect_text {
	struct text equals; /* data NULL: not asked */
	struct text_list contains, absent;
	const struct regex **patterns;
	size_t pattern_count;
	const struct json *patterns_node;
	int json;                     /* enum json_kind; -1: not asked */
	const struct schema *schema;  /* an inline one */
	bool schema_of_request;       /* that of response_format */
	int empty;                    /* -1: not asked */
	int64_t min_bytes, max_bytes; /* -1: not asked */
	const struct json *node;
};

/* --- reading ------------------------------------------------------------------------------ */

struct text_keys {
	struct text equals;
	struct text_list contains, absent;
	const struct json *matches, *schema, *empty;
	int json;
	int64_t min_bytes, max_bytes;
};

/* clang-format off */
#define ROW(key, kind, about) \
	{.name = #key, .type = kind, .offset = offsetof(struct text_keys, key), .doc = about}
static const struct setting text_rows[] = {
	ROW(equals, SETTING_TEXT, "exactly this"),
	ROW(contains, SETTING_TEXTS, "all of these stand in it"),
	ROW(absent, SETTING_TEXTS, "none of these stands in it"),
	ROW(matches, SETTING_NODE, "a /pattern/ (PCRE2), or several"),
	ROW(schema, SETTING_NODE, "JSON valid against a schema, or that of response_format"),
	ROW(empty, SETTING_NODE, "true: empty or null; false: neither"),
	{.name = "json", .type = SETTING_ENUM, .offset = offsetof(struct text_keys, json),
	 .names = json_kind_names, .doc = "one JSON value and nothing else: object, array or any"},
	ROW(min_bytes, SETTING_INT, "at least so long"),
	ROW(max_bytes, SETTING_INT, "at most so long"),
};
#undef ROW
/* clang-format on */

static const struct setting_table text_table = {
    .what = "expected text",
    .rows = text_rows,
    .count = ARRAY_LENGTH(text_rows),
};

static bool read_patterns(struct expect_reader *reader, const struct json *node,
                          struct expect_text *out)
{
	size_t count = json_is(node, JSON_ARRAY) ? node->count : 1;
	bool good = true;

	out->patterns = ARENA_NEW_ARRAY(reader->arena, const struct regex *, count + 1);
	out->patterns_node = node;
	for (const struct json *item = expect_first(node); item != NULL;
	     item = expect_next(node, item))
		if (resources_regex(reader->resources, item, &out->patterns[out->pattern_count],
		                    reader->faults))
			out->pattern_count++;
		else
			good = false;
	return good;
}

static bool read_schema(struct expect_reader *reader, const struct json *node,
                        struct expect_text *out)
{
	if (json_is(node, JSON_OBJECT) || json_is(node, JSON_BOOL))
		return resources_schema(reader->resources, node, reader->arena, &out->schema,
		                        reader->faults);
	if (!json_is(node, JSON_STRING) || !text_is(node->text, "response_format"))
		return expect_fault(reader, node, "want a schema, or the word response_format");
	out->schema_of_request = true;
	return true;
}

/* What every text contains, or none can lack, is no expectation. */
static bool check_parts(struct expect_reader *reader, const struct json *node, const char *key)
{
	const struct json *list = json_member(node, key);

	if (json_is(list, JSON_ARRAY) && list->count == 0)
		return expect_fault(reader, list, "an empty list says nothing");
	for (const struct json *item = expect_first(list); item != NULL;
	     item = expect_next(list, item))
		if (json_is(item, JSON_STRING) && item->text.len == 0)
			return expect_fault(reader, item, "every text contains the empty string");
	return true;
}

bool expect_read_text(struct expect_reader *reader, const struct json *node,
                      const struct expect_text **out)
{
	struct text_keys keys = {.json = -1, .min_bytes = -1, .max_bytes = -1};
	struct expect_text *expect = ARENA_NEW(reader->arena, struct expect_text);
	bool good = settings_read(&text_table, node, &keys, reader->arena, reader->faults);

	if (good && (!json_is(node, JSON_OBJECT) || node->count == 0))
		return expect_fault(reader, node, "this says nothing about the text");
	*expect = (struct expect_text){.equals = keys.equals,
	                               .contains = keys.contains,
	                               .absent = keys.absent,
	                               .json = keys.json,
	                               .empty = -1,
	                               .min_bytes = keys.min_bytes,
	                               .max_bytes = keys.max_bytes,
	                               .node = node};
	*out = expect;
	if (json_is(json_member(node, "equals"), JSON_STRING) && expect->equals.len == 0)
		expect->equals = TEXT(""); /* asked for, and empty */
	good &= check_parts(reader, node, "contains");
	good &= check_parts(reader, node, "absent");
	if (keys.matches != NULL)
		good &= read_patterns(reader, keys.matches, expect);
	if (keys.schema != NULL)
		good &= read_schema(reader, keys.schema, expect);
	if (json_is(keys.empty, JSON_BOOL))
		expect->empty = keys.empty->truth;
	else if (keys.empty != NULL)
		good = expect_fault(reader, keys.empty, "want true or false");
	return good;
}

bool expect_text_fits(const struct expect_text *expect, const struct expect_step *step,
                      struct fault_list *faults)
{
	if (!expect->schema_of_request)
		return true;
	if (request_schema(step->request) != NULL)
		return request_schemas_check(step->request, step->arena, faults);
	fault_list_at(faults, json_place(json_member(expect->node, "schema")),
	              "the request has no response_format with a json_schema");
	return false;
}

/* --- judging ------------------------------------------------------------------------------- */

/* "content" and its start, or that there is none. */
static struct text shown_value(const struct judgement *judgement, struct text value)
{
	if (value.data == NULL)
		return TEXT("null");
	return text_format(judgement->arena, "\"%.*s\"", TEXT_ARG(shown(judgement, value)));
}

static void check_equals(const struct expect_text *expect, const struct judgement *judgement,
                         const char *what, struct text value)
{
	struct text wanted;

	if (!expect_fill(judgement, expect->equals, &wanted) ||
	    (value.data != NULL && text_equal(value, wanted)))
		return;
	judge(judgement, FINDING_MISS, "%s is %.*s, want \"%.*s\"", what,
	      TEXT_ARG(shown_value(judgement, value)), TEXT_ARG(shown(judgement, wanted)));
}

static void check_contains(const struct expect_text *expect, const struct judgement *judgement,
                           const char *what, struct text value)
{
	struct text part;

	for (size_t i = 0; i < expect->contains.count; i++)
		if (expect_fill(judgement, expect->contains.items[i], &part) &&
		    text_find(value, part, 0) == TEXT_NOT_FOUND)
			judge(judgement, FINDING_MISS, "%s is %.*s, want it to contain \"%.*s\"",
			      what, TEXT_ARG(shown_value(judgement, value)),
			      TEXT_ARG(shown(judgement, part)));
}

static void check_absent(const struct expect_text *expect, const struct judgement *judgement,
                         const char *what, struct text value)
{
	struct text part;

	for (size_t i = 0; i < expect->absent.count; i++)
		if (expect_fill(judgement, expect->absent.items[i], &part) &&
		    text_find(value, part, 0) != TEXT_NOT_FOUND)
			judge(judgement, FINDING_MISS, "%s is %.*s, want it without \"%.*s\"", what,
			      TEXT_ARG(shown_value(judgement, value)),
			      TEXT_ARG(shown(judgement, part)));
}

static void check_patterns(const struct expect_text *expect, const struct judgement *judgement,
                           const char *what, struct text value)
{
	const struct json *item = expect_first(expect->patterns_node);

	for (size_t i = 0; i < expect->pattern_count; i++) {
		if (value.data == NULL || !expect_search(judgement, expect->patterns[i], value))
			judge(judgement, FINDING_MISS, "%s is %.*s, want it to match %.*s", what,
			      TEXT_ARG(shown_value(judgement, value)),
			      TEXT_ARG(shown(judgement, item->text)));
		item = expect_next(expect->patterns_node, item);
	}
}

static void check_length(const struct expect_text *expect, const struct judgement *judgement,
                         const char *what, struct text value)
{
	if (expect->empty == 1 && value.len > 0)
		judge(judgement, FINDING_MISS, "%s is %.*s, want none", what,
		      TEXT_ARG(shown_value(judgement, value)));
	if (expect->empty == 0 && value.len == 0)
		judge(judgement, FINDING_MISS, "%s is %s, want some", what,
		      value.data == NULL ? "null" : "empty");
	if (expect->min_bytes >= 0 && value.len < (size_t)expect->min_bytes)
		judge(judgement, FINDING_MISS, "%s has %zu bytes, want at least %lld", what,
		      value.len, (long long)expect->min_bytes);
	if (expect->max_bytes >= 0 && value.len > (size_t)expect->max_bytes)
		judge(judgement, FINDING_MISS, "%s has %zu bytes, want at most %lld", what,
		      value.len, (long long)expect->max_bytes);
}

static bool is_of_kind(const struct json *value, int kind)
{
	if (kind == JSON_KIND_OBJECT)
		return json_is(value, JSON_OBJECT);
	return kind != JSON_KIND_ARRAY || json_is(value, JSON_ARRAY);
}

static void check_json(const struct expect_text *expect, const struct judgement *judgement,
                       const char *what, struct text value)
{
	struct json *root;
	struct fault fault;

	if (!json_read_text(value, what, judgement->arena, &root, &fault)) {
		judge(judgement, FINDING_MISS, "%s is %.*s, which is no JSON: %s", what,
		      TEXT_ARG(shown_value(judgement, value)), fault.message);
		return;
	}
	if (expect->json >= 0 && !is_of_kind(root, expect->json))
		judge(judgement, FINDING_MISS, "%s is %s as JSON, want an %s", what,
		      json_type_name(root), json_kind_names[expect->json]);
	if (expect->schema == NULL && !expect->schema_of_request)
		return;
	struct text wrong = schema_complaint(judgement, expect->schema,
	                                     request_schema(judgement->seen->request), root);
	if (wrong.data != NULL)
		judge(judgement, FINDING_MISS, "%s does not hold to the schema: %.*s", what,
		      TEXT_ARG(wrong));
}

void expect_check_text(const struct expect_text *expect, const struct judgement *judgement,
                       const char *what, struct text value)
{
	if (expect->equals.data != NULL)
		check_equals(expect, judgement, what, value);
	check_contains(expect, judgement, what, value);
	check_absent(expect, judgement, what, value);
	check_patterns(expect, judgement, what, value);
	check_length(expect, judgement, what, value);
	if (expect->json >= 0 || expect->schema != NULL || expect->schema_of_request)
		check_json(expect, judgement, what, value);
}
