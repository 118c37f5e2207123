/*
 * JSON Schema, draft 2020-12 with the spellings of draft-07 accepted, over the
 * nodes of json.h. Exact on numbers; patterns run with limits.
 *
 * Keywords: type, properties, required, additionalProperties, patternProperties,
 * propertyNames, min/maxProperties, dependencies, dependentRequired, dependentSchemas,
 * items, prefixItems, additionalItems, contains, min/maxContains, min/maxItems,
 * uniqueItems, enum, const, anyOf, oneOf, allOf, not, if/then/else, minimum, maximum,
 * exclusiveMinimum, exclusiveMaximum, multipleOf, min/maxLength, pattern, $ref, $defs,
 * definitions, $anchor, $id, $dynamicRef, $dynamicAnchor, unevaluatedProperties,
 * unevaluatedItems. Any other keyword is a warning at compile time, never a silent pass.
 * `format` is an annotation unless asked to assert. A $ref out of the document
 * is refused, unless a resolver is given.
 */
#ifndef PROVISO_CASES_SCHEMA_H
#define PROVISO_CASES_SCHEMA_H

#include "harness/base/json.h"

struct schema;

/* Whose keywords count where $schema does not say: all spellings, or only one draft's. */
enum schema_draft {
	SCHEMA_DRAFT_ANY,
	SCHEMA_DRAFT_7,
	SCHEMA_DRAFT_2020_12,
};

/* Zeroed: the usual. */
struct schema_options {
	enum schema_draft draft;
	bool format_assert; /* date, date-time, time, email, uuid, uri, ipv4, ipv6, hostname */
	/* Optional: the document behind an absolute URI without fragment, or NULL. */
	const struct json *(*resolve)(void *context, struct text uri);
	void *resolve_context;
};

/*
 * Compiles; the nodes must outlive the schema. Wrong schemas (bad types, dangling or endless $ref,
 * bad patterns) are a fault at their place; unknown keywords go to `warnings` (may be NULL).
 * Freed by schema_free (compiled patterns are heap memory).
 */
MUST_CHECK bool schema_new(const struct json *root, const struct schema_options *options,
                           struct arena *arena, struct schema **out, struct fault_list *warnings,
                           struct fault *fault);
void schema_free(struct schema *schema);

enum schema_result {
	SCHEMA_VALID,
	SCHEMA_INVALID,
	SCHEMA_LIMIT, /* a pattern hit its limit, or the work cap was reached: no answer */
};

/* The first thing wrong, for people: where in the instance, which keyword, what. */
struct schema_error {
	struct text instance; /* JSON pointer into the instance */
	struct text keyword;  /* JSON pointer into the schema */
	struct text message;
};

/* error: may be NULL; filled when not VALID; arena memory. */
MUST_CHECK enum schema_result schema_check(const struct schema *schema, const struct json *instance,
                                           struct arena *arena, struct schema_error *error);

#endif
