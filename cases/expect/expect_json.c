/* JSON pointers into the raw body: what the provider sent, not what a reader made of it. */
#include "cases/expect/expect_private.h"

enum pointer_type {
	POINTER_STRING,
	POINTER_NUMBER,
	POINTER_INTEGER,
	POINTER_BOOLEAN,
	POINTER_OBJECT,
	POINTER_ARRAY,
	POINTER_NULL,
};

static const char *const pointer_type_names[] = {"string", "number", "integer", "boolean",
                                                 "object", "array",  "null",    NULL};

struct expect_pointer {
	struct text at;
	const struct json *equals; /* NULL: not asked */
	struct matcher matches;
	int type; /* enum pointer_type; -1: not asked */
	bool absent;
	int64_t count;     /* of items or members; -1: not asked */
	int64_t within_ms; /* of a time; 0: not asked */
};

struct expect_pointers {
	struct expect_pointer *items;
	size_t count;
};

struct pointer_keys {
	struct text at;
	const struct json *equals, *matches;
	int type;
	bool absent;
	int64_t count, within_ms;
};

/* clang-format off */
static const struct setting pointer_rows[] = {
	{.name = "at", .type = SETTING_TEXT, .offset = offsetof(struct pointer_keys, at),
	 .flags = SETTING_REQUIRED, .doc = "a JSON pointer, like /choices/0/index"},
	{.name = "equals", .type = SETTING_NODE, .offset = offsetof(struct pointer_keys, equals),
	 .doc = "the value, as JSON compares"},
	{.name = "matches", .type = SETTING_NODE, .offset = offsetof(struct pointer_keys, matches),
	 .doc = "a /pattern/ for a string, or for a number as written"},
	{.name = "type", .type = SETTING_ENUM, .offset = offsetof(struct pointer_keys, type),
	 .names = pointer_type_names, .doc = "the value's type"},
	{.name = "absent", .type = SETTING_BOOL, .offset = offsetof(struct pointer_keys, absent),
	 .doc = "nothing stands there"},
	{.name = "count", .type = SETTING_INT, .offset = offsetof(struct pointer_keys, count),
	 .doc = "how many items or members there are"},
	{.name = "within", .type = SETTING_DURATION, .offset = offsetof(struct pointer_keys, within_ms),
	 .doc = "a time in seconds since 1970, no further from when it was asked"},
};
/* clang-format on */

static const struct setting_table pointer_table = {
    .what = "json expectation", .rows = pointer_rows, .count = ARRAY_LENGTH(pointer_rows)};

static bool read_pointer(struct expect_reader *reader, const struct json *node,
                         struct expect_pointer *out)
{
	struct pointer_keys keys = {.type = -1, .count = -1};

	if (!settings_read(&pointer_table, node, &keys, reader->arena, reader->faults) ||
	    !json_is(node, JSON_OBJECT))
		return false;
	*out = (struct expect_pointer){.at = keys.at,
	                               .type = keys.type,
	                               .absent = keys.absent,
	                               .count = keys.count,
	                               .within_ms = keys.within_ms};
	/* `equals: null` is a value, which settings_read takes for silence. */
	out->equals = json_member(node, "equals");
	if (keys.at.len > 0 && keys.at.data[0] != '/')
		return expect_fault(reader, json_member(node, "at"),
		                    "a JSON pointer begins with /");
	if (keys.absent && node->count > 2)
		return expect_fault(reader, node, "what is absent can't be anything else");
	return keys.matches == NULL || matcher_read(reader, keys.matches, &out->matches);
}

bool expect_read_pointers(struct expect_reader *reader, const struct json *node,
                          const struct expect_pointers **out)
{
	struct expect_pointers *expect = ARENA_NEW(reader->arena, struct expect_pointers);
	bool good = true;

	*out = expect;
	if (!json_is(node, JSON_ARRAY) || node->count == 0)
		return expect_fault(reader, node, "want a list of {at: /pointer, ...}");
	expect->items = ARENA_NEW_ARRAY(reader->arena, struct expect_pointer, node->count);
	JSON_EACH(item, node)
	good &= read_pointer(reader, item, &expect->items[expect->count++]);
	return good;
}

static bool is_of_type(const struct json *value, int type)
{
	switch ((enum pointer_type)type) {
	case POINTER_STRING:
		return json_is(value, JSON_STRING);
	case POINTER_NUMBER:
		return json_is(value, JSON_NUMBER);
	case POINTER_INTEGER:
		return json_is(value, JSON_NUMBER) && json_number_is_integer(value->text);
	case POINTER_BOOLEAN:
		return json_is(value, JSON_BOOL);
	case POINTER_OBJECT:
		return json_is(value, JSON_OBJECT);
	case POINTER_ARRAY:
		return json_is(value, JSON_ARRAY);
	case POINTER_NULL:
		return json_is(value, JSON_NULL);
	}
	return false;
}

static void check_equals(const struct expect_pointer *expect, const struct judgement *judgement,
                         const struct json *value)
{
	struct json *wanted;
	struct fault fault;

	if (!template_fill(expect->equals, judgement->seen->values, judgement->arena, &wanted,
	                   &fault)) {
		judge(judgement, FINDING_HARNESS, "the expectation can't be filled: %s",
		      fault.message);
		return;
	}
	if (!json_equal(value, wanted))
		judge(judgement, FINDING_VIOLATION, "%.*s is %.*s, want %.*s", TEXT_ARG(expect->at),
		      TEXT_ARG(shown(judgement, json_to_text(judgement->arena, value))),
		      TEXT_ARG(shown(judgement, json_to_text(judgement->arena, wanted))));
}

/* Seconds, by the clock of the provider; ours may be off as well. */
static void check_within(const struct expect_pointer *expect, const struct judgement *judgement,
                         const struct json *value)
{
	enum { LAST_SECOND = INT32_MAX }; /* in 2038; milliseconds are far behind it */
	int64_t asked_s = judgement->seen->exchange->started_wall_ms / 1000, told_s;
	int64_t most_s = expect->within_ms / 1000;

	if (!json_is(value, JSON_NUMBER) || !text_to_int64(value->text, 0, LAST_SECOND, &told_s))
		judge(judgement, FINDING_VIOLATION, "%.*s is no time in seconds",
		      TEXT_ARG(expect->at));
	else if (told_s < asked_s - most_s || told_s > asked_s + most_s)
		judge(judgement, FINDING_VIOLATION,
		      "%.*s is %lld s from when it was asked, want at most %lld",
		      TEXT_ARG(expect->at), (long long)(told_s - asked_s), (long long)most_s);
}

static void check_pointer(const struct expect_pointer *expect, const struct judgement *judgement)
{
	const struct json *value = json_pointer(judgement->seen->reply->body, expect->at);
	const char *at = text_c(judgement->arena, expect->at);

	if (expect->absent) {
		if (value != NULL)
			judge(judgement, FINDING_VIOLATION, "there is a value at %s, want none",
			      at);
		return;
	}
	if (value == NULL) {
		judge(judgement, FINDING_VIOLATION, "there is nothing at %s", at);
		return;
	}
	if (expect->type >= 0 && !is_of_type(value, expect->type))
		judge(judgement, FINDING_VIOLATION, "%s is %s, want type %s", at,
		      json_type_name(value), pointer_type_names[expect->type]);
	if (expect->equals != NULL)
		check_equals(expect, judgement, value);
	if (expect->matches.node != NULL)
		matcher_check(&expect->matches, judgement, FINDING_VIOLATION, at,
		              json_is(value, JSON_ARRAY) || json_is(value, JSON_OBJECT)
		                  ? (struct text){NULL, 0}
		                  : value->text);
	if (expect->within_ms > 0)
		check_within(expect, judgement, value);
	if (expect->count >= 0 && value->count != (uint64_t)expect->count)
		judge(judgement, FINDING_VIOLATION, "%s has %u values, want %lld", at, value->count,
		      (long long)expect->count);
}

void expect_check_pointers(const struct expect_pointers *expect, const struct judgement *judgement)
{
	if (judgement->seen->reply->body == NULL) {
		judge(judgement, FINDING_VIOLATION, "the body is not one JSON value");
		return;
	}
	for (size_t i = 0; i < expect->count; i++)
		check_pointer(&expect->items[i], judgement);
}
