/* Keywords that look at one value: type, enum, numbers, strings, counts, uniqueness. */
#include "cases/schema/schema_private.h"

#include "harness/base/json_hash.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	BYTES_A_STEP = 32,   /* compared or hashed at the price of one step */
	UNIQUE_BY_PAIRS = 8, /* so few items are simply compared, each with each */
	SMALL_DIVISOR = 18,  /* digits: dividing by more costs the product of both lengths */
};

/* --- types and values ------------------------------------------------------------------ */

static void name_types(unsigned types, struct text_buf *out)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
	    {SCHEMA_NULL, "null"},          {SCHEMA_BOOLEAN, "a boolean"},
	    {SCHEMA_INTEGER, "an integer"}, {SCHEMA_NUMBER, "a number"},
	    {SCHEMA_STRING, "a string"},    {SCHEMA_ARRAY, "an array"},
	    {SCHEMA_OBJECT, "an object"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if ((types & names[i].bit) != 0)
			(void)text_buf_format(out, "%s%s", out->len == 0 ? "" : " or ",
			                      names[i].name);
	}
}

static unsigned types_of(const struct json *instance)
{
	switch ((enum json_type)instance->type) {
	case JSON_NULL:
		return SCHEMA_NULL;
	case JSON_BOOL:
		return SCHEMA_BOOLEAN;
	case JSON_NUMBER:
		return json_number_is_integer(instance->text) ? SCHEMA_NUMBER | SCHEMA_INTEGER
		                                              : SCHEMA_NUMBER;
	case JSON_STRING:
		return SCHEMA_STRING;
	case JSON_ARRAY:
		return SCHEMA_ARRAY;
	case JSON_OBJECT:
		return SCHEMA_OBJECT;
	}
	return 0;
}

bool schema_assert_type(struct schema_check *check, const struct schema_clause *clause,
                        const struct json *instance, struct schema_marks *marks UNUSED)
{
	struct text_buf names;
	unsigned types = types_of(instance);

	if ((clause->types & types) != 0)
		return true;
	text_buf_init(&names, 256);
	name_types(clause->types, &names);
	bool fraction = types == SCHEMA_NUMBER && (clause->types & SCHEMA_INTEGER) != 0;
	(void)schema_check_fail(check, clause, "this is %s; want %.*s",
	                        fraction ? "a number with a fraction" : json_type_name(instance),
	                        TEXT_ARG(text_buf_view(&names)));
	text_buf_done(&names);
	return false;
}

/* What looking at a value whole may cost. A made node has no span, but its text. */
static uint64_t price_of(const struct json *node)
{
	uint64_t span = node->end > node->begin ? node->end - node->begin : node->count;

	return 1 + (span + node->text.len) / BYTES_A_STEP;
}

static bool equal(struct schema_check *check, const struct json *a, const struct json *b)
{
	uint64_t left = price_of(a), right = price_of(b);

	return schema_check_spend(check, left < right ? left : right) && json_equal(a, b);
}

bool schema_assert_const(struct schema_check *check, const struct schema_clause *clause,
                         const struct json *instance, struct schema_marks *marks UNUSED)
{
	if (equal(check, instance, clause->value))
		return true;
	return schema_check_fail(check, clause, "this is not the one value that is allowed");
}

bool schema_assert_enum(struct schema_check *check, const struct schema_clause *clause,
                        const struct json *instance, struct schema_marks *marks UNUSED)
{
	REQUIRE(clause->value != NULL); /* compiled from it */
	JSON_EACH(value, clause->value)
	{
		if (equal(check, instance, value))
			return true;
	}
	return schema_check_fail(check, clause, "this is none of the %" PRIu32 " values of enum",
	                         clause->value->count);
}

/* --- numbers ------------------------------------------------------------------------------ */

static bool fail_number(struct schema_check *check, const struct schema_clause *clause,
                        const struct json *instance, const char *want)
{
	return schema_check_fail(check, clause, "%.*s is not %s %.*s",
	                         TEXT_ARG(text_slice(instance->text, 0, SCHEMA_SHOWN_BYTES)), want,
	                         TEXT_ARG(text_slice(clause->value->text, 0, SCHEMA_SHOWN_BYTES)));
}

static bool spend_compare(struct schema_check *check, const struct schema_clause *clause,
                          const struct json *instance)
{
	return schema_check_spend(check,
	                          (instance->text.len + clause->value->text.len) / BYTES_A_STEP);
}

bool schema_assert_minimum(struct schema_check *check, const struct schema_clause *clause,
                           const struct json *instance, struct schema_marks *marks UNUSED)
{
	return spend_compare(check, clause, instance) &&
	       (json_number_compare(instance->text, clause->value->text) >= 0 ||
	        fail_number(check, clause, instance, "at least"));
}

bool schema_assert_maximum(struct schema_check *check, const struct schema_clause *clause,
                           const struct json *instance, struct schema_marks *marks UNUSED)
{
	return spend_compare(check, clause, instance) &&
	       (json_number_compare(instance->text, clause->value->text) <= 0 ||
	        fail_number(check, clause, instance, "at most"));
}

bool schema_assert_exclusive_minimum(struct schema_check *check, const struct schema_clause *clause,
                                     const struct json *instance, struct schema_marks *marks UNUSED)
{
	return spend_compare(check, clause, instance) &&
	       (json_number_compare(instance->text, clause->value->text) > 0 ||
	        fail_number(check, clause, instance, "above"));
}

bool schema_assert_exclusive_maximum(struct schema_check *check, const struct schema_clause *clause,
                                     const struct json *instance, struct schema_marks *marks UNUSED)
{
	return spend_compare(check, clause, instance) &&
	       (json_number_compare(instance->text, clause->value->text) < 0 ||
	        fail_number(check, clause, instance, "below"));
}

bool schema_assert_multiple(struct schema_check *check, const struct schema_clause *clause,
                            const struct json *instance, struct schema_marks *marks UNUSED)
{
	uint64_t number = instance->text.len, divisor = clause->value->text.len;
	/* As many zeros as four times the divisor's length may go behind the number. */
	uint64_t price = divisor > SMALL_DIVISOR ? (number + 4 * divisor) * divisor : number;

	return schema_check_spend(check, price / BYTES_A_STEP) &&
	       (json_number_is_multiple(instance->text, clause->value->text) ||
	        fail_number(check, clause, instance, "a multiple of"));
}

/* --- strings -------------------------------------------------------------------------------- */

static bool check_size(struct schema_check *check, const struct schema_clause *clause,
                       uint64_t size, const char *what)
{
	if (size < (uint64_t)clause->least)
		return schema_check_fail(check, clause, "%" PRIu64 " %s; want %" PRId64 " or more",
		                         size, what, clause->least);
	if (size > (uint64_t)clause->most)
		return schema_check_fail(check, clause, "%" PRIu64 " %s; want %" PRId64 " at most",
		                         size, what, clause->most);
	return true;
}

bool schema_assert_length(struct schema_check *check, const struct schema_clause *clause,
                          const struct json *instance, struct schema_marks *marks UNUSED)
{
	return schema_check_spend(check, instance->text.len / BYTES_A_STEP) &&
	       check_size(check, clause, text_code_points(instance->text), "characters");
}

bool schema_assert_pattern(struct schema_check *check, const struct schema_clause *clause,
                           const struct json *instance, struct schema_marks *marks UNUSED)
{
	if (schema_check_matches(check, clause->pattern, instance->text))
		return true;
	return schema_check_fail(check, clause, "this does not match the pattern %.*s",
	                         TEXT_ARG(text_slice(clause->value->text, 0, SCHEMA_SHOWN_BYTES)));
}

bool schema_assert_format(struct schema_check *check, const struct schema_clause *clause,
                          const struct json *instance, struct schema_marks *marks UNUSED)
{
	if (!schema_check_spend(check, instance->text.len / BYTES_A_STEP))
		return false;
	if (schema_format_holds(clause->value->text, instance->text))
		return true;
	return schema_check_fail(check, clause, "this is not of the format \"%.*s\"",
	                         TEXT_ARG(clause->value->text));
}

/* --- arrays and objects ------------------------------------------------------------------------
 */

bool schema_assert_count(struct schema_check *check, const struct schema_clause *clause,
                         const struct json *instance, struct schema_marks *marks UNUSED)
{
	return check_size(check, clause, instance->count,
	                  instance->type == JSON_ARRAY ? "items" : "properties");
}

bool schema_assert_required(struct schema_check *check, const struct schema_clause *clause,
                            const struct json *instance, struct schema_marks *marks UNUSED)
{
	struct json_index index;
	const struct json *missing = NULL;

	/* Building the index pays off only where there is much to look for in much. */
	uint64_t pairs = (uint64_t)clause->value->count * instance->count;
	bool indexed = pairs > 1000;
	if (!schema_check_spend(check, indexed ? (uint64_t)clause->value->count + instance->count
	                                       : pairs / BYTES_A_STEP))
		return false;
	json_index_init(&index, indexed ? instance : NULL);
	if (!indexed)
		index.object = instance;
	JSON_EACH(name, clause->value)
	{
		if (missing == NULL && json_index_find(&index, name->text) == NULL)
			missing = name;
	}
	json_index_done(&index);
	if (missing == NULL)
		return true;
	return schema_check_fail(check, clause, "\"%.*s\" is missing",
	                         TEXT_ARG(text_slice(missing->text, 0, SCHEMA_SHOWN_BYTES)));
}

struct hashed {
	uint64_t hash;
	const struct json *item;
};

static int compare_hashes(const void *a, const void *b)
{
	const struct hashed *left = a, *right = b;

	return (left->hash > right->hash) - (left->hash < right->hash);
}

/* Two equal items, by their hashes: only items of one hash are compared. */
static bool has_equal(struct schema_check *check, struct hashed *items, size_t count)
{
	qsort(items, count, sizeof(*items), compare_hashes);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count && items[j].hash == items[i].hash; j++) {
			if (check->limit || equal(check, items[i].item, items[j].item))
				return !check->limit;
		}
	}
	return false;
}

bool schema_assert_unique(struct schema_check *check, const struct schema_clause *clause,
                          const struct json *instance, struct schema_marks *marks UNUSED)
{
	struct hashed *items;
	size_t count = 0;
	bool hash = instance->count > UNIQUE_BY_PAIRS;

	if (instance->count < 2)
		return true;
	if (!schema_check_spend(check, price_of(instance) + instance->count))
		return false;
	/* With one hash for all, each is compared with each. */
	items = memory_new_array(instance->count, sizeof(*items));
	JSON_EACH(item, instance)
	items[count++] = (struct hashed){hash ? json_hash(item) : 0, item};
	bool found = has_equal(check, items, count);
	memory_free(items);
	if (check->limit)
		return false;
	return !found || schema_check_fail(check, clause, "two items are equal");
}
