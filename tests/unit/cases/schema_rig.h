/* Schemas compiled and instances judged, for the tests of both. */
#ifndef PROVISO_TESTS_UNIT_CASES_SCHEMA_RIG_H
#define PROVISO_TESTS_UNIT_CASES_SCHEMA_RIG_H

#include "cases/schema/schema.h"
#include "tests/unit/unit.h"

static struct arena arena;

/* Vectors are written with ' for ", so that they can be read. */
static inline struct json *read_json(struct text vector)
{
	struct fault fault = {0};
	struct json *root = NULL;
	char *bytes = arena_alloc_bytes(&arena, vector.len);

	for (size_t i = 0; i < vector.len; i++)
		bytes[i] = vector.data[i] == '\'' ? '"' : vector.data[i];
	struct text body = {bytes, vector.len};
	ck_assert_msg(json_read_text(body, "body", &arena, &root, &fault), "%.*s: %s",
	              TEXT_ARG(body), fault.message);
	return root;
}

static inline struct schema *compile(const char *body, const struct schema_options *options)
{
	struct fault fault = {0};
	struct schema *schema = NULL;

	ck_assert_msg(schema_new(read_json(text_of(body)), options, &arena, &schema, NULL, &fault),
	              "%s: %s", body, fault.message);
	return schema;
}

static inline enum schema_result check(const char *body, const char *instance,
                                       const struct schema_options *options)
{
	struct schema *schema = compile(body, options);
	enum schema_result result =
	    schema_check(schema, read_json(text_of(instance)), &arena, NULL);

	schema_free(schema);
	return result;
}

/* A schema, instances that fit and instances that do not; NULL ends a list. */
struct row {
	const char *schema;
	const char *good[6];
	const char *bad[6];
};

static inline void check_rows(const struct row *rows, size_t count,
                              const struct schema_options *options)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < 6 && rows[i].good[j] != NULL; j++)
			ck_assert_msg(check(rows[i].schema, rows[i].good[j], options) ==
			                  SCHEMA_VALID,
			              "%s must fit %s", rows[i].good[j], rows[i].schema);
		for (size_t j = 0; j < 6 && rows[i].bad[j] != NULL; j++)
			ck_assert_msg(check(rows[i].schema, rows[i].bad[j], options) ==
			                  SCHEMA_INVALID,
			              "%s must not fit %s", rows[i].bad[j], rows[i].schema);
	}
	arena_done(&arena);
}

#endif
