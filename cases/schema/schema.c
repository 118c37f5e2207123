/* JSON Schema: the three calls of schema.h. How it works is told in schema_private.h. */
#include "cases/schema/schema_private.h"

#include "harness/base/json_hash.h"

#include <stdlib.h>

enum {
	WORK_MAX = 20000000,          /* steps of the walk: about a second */
	PATTERN_WORK_MAX = 200000000, /* of all patterns together: about as much */
};

/* --- duplicate keys ------------------------------------------------------------------- */

static bool has_duplicates(const struct json *node)
{
	if (node->has_duplicate)
		return true;
	JSON_EACH(child, node)
	{
		if (child->first != NULL && has_duplicates(child))
			return true;
	}
	return false;
}

static struct json *clean_copy(struct arena *arena, const struct json *node)
{
	struct json *copy = ARENA_NEW(arena, struct json);
	struct json_index index = {0};

	*copy = *node;
	copy->first = copy->last = copy->next = NULL;
	copy->count = 0;
	copy->has_duplicate = copy->duplicate = false;
	if (node->has_duplicate)
		json_index_init(&index, node);
	JSON_EACH(child, node)
	{
		if (!node->has_duplicate || json_index_find(&index, child->key) == child)
			json_append(copy, clean_copy(arena, child));
	}
	json_index_done(&index);
	return copy;
}

const struct json *schema_clean(struct arena *arena, const struct json *node)
{
	return has_duplicates(node) ? clean_copy(arena, node) : node;
}

/* --- new, free ---------------------------------------------------------------------------- */

static bool compile(struct schema_compiler *compiler, const struct json *root, struct fault *fault)
{
	/* Where $schema says nothing, the spellings of all drafts count. */
	struct schema_dialect dialect = {DRAFT_ANY, VOCABULARY_ALL};

	if (compiler->options->draft == SCHEMA_DRAFT_7)
		dialect.drafts = DRAFT_7;
	if (compiler->options->draft == SCHEMA_DRAFT_2020_12)
		dialect.drafts = DRAFT_2020;
	return schema_reference_document(compiler, root, TEXT(""), &dialect,
	                                 &compiler->schema->root, fault) &&
	       schema_reference_resolve(compiler, fault) &&
	       schema_reference_check_ends(compiler, fault);
}

bool schema_new(const struct json *root, const struct schema_options *options, struct arena *arena,
                struct schema **out, struct fault_list *warnings, struct fault *fault)
{
	static const struct schema_options defaults = {0};
	struct schema *schema = ARENA_NEW(arena, struct schema);
	struct schema_compiler compiler = {
	    .arena = arena,
	    .schema = schema,
	    .options = options == NULL ? &defaults : options,
	    .warnings = warnings,
	};

	schema_map_init(&compiler.parts);
	schema_map_init(&compiler.resources);
	schema_map_init(&compiler.anchors);
	if (!compile(&compiler, root, fault)) {
		schema_free(schema);
		return false;
	}
	*out = schema;
	return true;
}

void schema_free(struct schema *schema)
{
	if (schema == NULL)
		return;
	for (struct schema_pattern *held = schema->patterns; held != NULL; held = held->next)
		regex_free(held->regex);
	schema->patterns = NULL;
}

/* --- check ---------------------------------------------------------------------------------- */

enum schema_result schema_check(const struct schema *schema, const struct json *instance,
                                struct arena *arena, struct schema_error *error)
{
	struct schema_check check = {
	    .arena = arena,
	    .error = error,
	    .work_left = WORK_MAX,
	    .pattern_work_left = PATTERN_WORK_MAX,
	};

	if (error != NULL)
		*error = (struct schema_error){TEXT(""), TEXT(""), TEXT("")};
	bool holds = schema_check_part(&check, schema->root, schema_clean(arena, instance), NULL);
	if (!check.limit)
		return holds ? SCHEMA_VALID : SCHEMA_INVALID;
	if (error != NULL)
		error->message = TEXT("too much work: a pattern or the schema runs away here");
	return SCHEMA_LIMIT;
}
