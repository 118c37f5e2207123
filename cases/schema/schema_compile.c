/* Parts and clauses, and the keywords that hold schemas; see schema_private.h. */
#include "cases/schema/schema_private.h"

#include <stdlib.h>

/* --- parts ------------------------------------------------------------------------ */

struct schema_part *schema_compile_find(const struct schema_compiler *compiler,
                                        const struct json *node)
{
	return schema_map_find(&compiler->parts, (struct text){(const char *)&node, sizeof(node)});
}

static struct schema_part *part_new(struct schema_compiler *compiler, const struct json *node)
{
	struct schema_part *part = ARENA_NEW(compiler->arena, struct schema_part);

	part->node = node;
	/* The key is the node's address, as it stands in the part. */
	struct text key = {(const char *)&part->node, sizeof(part->node)};
	schema_map_add(&compiler->parts, compiler->arena, key, part);
	return part;
}

bool schema_compile_knows(const struct schema_part *part, const struct schema_keyword *keyword)
{
	const struct schema_dialect *dialect = &part->resource->dialect;

	return (keyword->drafts & dialect->drafts) != 0 &&
	       (keyword->vocabulary & dialect->vocabularies) != 0;
}

static void warn_unknown(struct schema_compiler *compiler, const struct schema_keyword *keyword,
                         const struct json *member)
{
	struct text name = text_slice(member->key, 0, 100);
	const char *nearest = keyword == NULL ? schema_keyword_nearest(name) : NULL;

	if (compiler->warnings == NULL)
		return;
	if (keyword != NULL)
		fault_list_warn(compiler->warnings, json_place(member),
		                "\"%.*s\" is no keyword of this schema's $schema and is ignored",
		                TEXT_ARG(name));
	else if (nearest != NULL)
		fault_list_warn(compiler->warnings, json_place(member),
		                "the keyword \"%.*s\" is not known and is ignored; did you mean "
		                "\"%s\"?",
		                TEXT_ARG(name), nearest);
	else
		fault_list_warn(compiler->warnings, json_place(member),
		                "the keyword \"%.*s\" is not known and is ignored", TEXT_ARG(name));
}

static bool compile_keywords(struct schema_compiler *compiler, struct schema_part *part,
                             struct fault *fault)
{
	const struct json *values[SCHEMA_KEYWORDS_MAX] = {0};
	/* In draft-07 a $ref stands alone; definitions beside it only hold what it leads to. */
	bool alone =
	    part->resource->dialect.drafts == DRAFT_7 && json_member(part->node, "$ref") != NULL;

	JSON_EACH(member, part->node)
	{
		const struct schema_keyword *keyword = schema_keyword_find(member->key);
		if (keyword == NULL || !schema_compile_knows(part, keyword))
			warn_unknown(compiler, keyword, member);
		else if (!alone || text_is(member->key, "$ref") ||
		         text_is(member->key, "definitions"))
			values[schema_keyword_index(keyword)] = member;
	}
	for (size_t i = 0; i < schema_keyword_count(); i++) {
		const struct schema_keyword *keyword = schema_keyword_at(i);
		if (values[i] != NULL && keyword->compile != NULL &&
		    !keyword->compile(compiler, part, values[i], fault))
			return false;
	}
	return true;
}

static bool compile_body(struct schema_compiler *compiler, struct schema_part *part,
                         struct schema_resource *inherited, struct fault *fault)
{
	const struct json *node = part->node;

	part->resource = inherited;
	if (node->type == JSON_BOOL) {
		part->never = !node->truth;
		return true;
	}
	if (node->type != JSON_OBJECT)
		return fault_at(fault, json_place(node),
		                "a schema must be an object or a boolean, not %s",
		                json_type_name(node));
	if (compiler->depth == SCHEMA_COMPILE_DEPTH_MAX)
		return fault_at(fault, json_place(node), "schemas nested deeper than %d levels",
		                SCHEMA_COMPILE_DEPTH_MAX);
	compiler->depth++;
	bool good = schema_reference_identify(compiler, part, inherited, fault) &&
	            compile_keywords(compiler, part, fault);
	compiler->depth--;
	return good;
}

bool schema_compile_part(struct schema_compiler *compiler, const struct json *node,
                         struct schema_where where, struct schema_part **out, struct fault *fault)
{
	*out = schema_compile_find(compiler, node);
	if (*out != NULL)
		return true;
	*out = part_new(compiler, node);
	(*out)->up = where.up;
	(*out)->keyword = where.keyword->key;
	(*out)->index = where.index;
	return compile_body(compiler, *out, where.up->resource, fault);
}

bool schema_compile_far(struct schema_compiler *compiler, const struct json *node,
                        struct text pointer, struct schema_resource *resource,
                        struct schema_part **out, struct fault *fault)
{
	*out = part_new(compiler, node);
	(*out)->place = pointer;
	return compile_body(compiler, *out, resource, fault);
}

struct schema_clause *schema_compile_clause(struct schema_compiler *compiler,
                                            struct schema_part *part, const struct json *value)
{
	struct schema_clause *clause = ARENA_NEW(compiler->arena, struct schema_clause);

	clause->owner = part;
	clause->value = value;
	clause->keyword = schema_keyword_find(value->key);
	if (part->last_clause == NULL)
		part->clauses = clause;
	else
		part->last_clause->next = clause;
	part->last_clause = clause;
	return clause;
}

/* The clause that keywords share which are checked together. They are neighbours in the table. */
static struct schema_clause *shared_clause(struct schema_compiler *compiler,
                                           struct schema_part *part, const struct json *value)
{
	const struct schema_keyword *keyword = schema_keyword_find(value->key);

	if (part->last_clause != NULL && part->last_clause->keyword->check == keyword->check)
		return part->last_clause;
	return schema_compile_clause(compiler, part, value);
}

/* --- one schema ----------------------------------------------------------------------- */

bool schema_compile_schema(struct schema_compiler *compiler, struct schema_part *part,
                           const struct json *value, struct fault *fault)
{
	struct schema_clause *clause = schema_compile_clause(compiler, part, value);
	struct schema_where where = {part, value, SCHEMA_NO_INDEX};

	return schema_compile_part(compiler, value, where, &clause->part, fault);
}

/* A schema that only another keyword uses, or nobody; $ids in it count all the same. */
bool schema_compile_aside(struct schema_compiler *compiler, struct schema_part *part,
                          const struct json *value, struct fault *fault)
{
	struct schema_where where = {part, value, SCHEMA_NO_INDEX};
	struct schema_part *ignored;

	return schema_compile_part(compiler, value, where, &ignored, fault);
}

bool schema_compile_unevaluated(struct schema_compiler *compiler, struct schema_part *part,
                                const struct json *value, struct fault *fault)
{
	part->unevaluated = true;
	return schema_compile_schema(compiler, part, value, fault);
}

bool schema_compile_reference(struct schema_compiler *compiler, struct schema_part *part,
                              const struct json *value, struct fault *fault)
{
	if (value->type != JSON_STRING)
		return schema_fault_must(fault, value, "a string");
	struct schema_pending *pending = ARENA_NEW(compiler->arena, struct schema_pending);
	pending->part = part;
	pending->clause = schema_compile_clause(compiler, part, value);
	pending->dynamic = text_is(value->key, "$dynamicRef");
	pending->next = compiler->pending;
	compiler->pending = pending;
	return true;
}

bool schema_compile_if(struct schema_compiler *compiler, struct schema_part *part,
                       const struct json *value, struct fault *fault)
{
	struct json *yes = json_member(part->node, "then");
	struct json *no = json_member(part->node, "else");
	struct schema_where where = {part, value, SCHEMA_NO_INDEX};

	if (!schema_compile_schema(compiler, part, value, fault))
		return false;
	struct schema_clause *clause = part->last_clause;
	where.keyword = yes;
	if (yes != NULL && !schema_compile_part(compiler, yes, where, &clause->yes, fault))
		return false;
	where.keyword = no;
	return no == NULL || schema_compile_part(compiler, no, where, &clause->no, fault);
}

static bool read_count(const struct schema_part *part, const char *name, int64_t *out,
                       struct fault *fault)
{
	const struct json *value = json_member(part->node, name);

	if (value == NULL || !schema_compile_knows(part, schema_keyword_find(value->key)))
		return true;
	return schema_keyword_count_read(value, out, fault);
}

bool schema_compile_contains(struct schema_compiler *compiler, struct schema_part *part,
                             const struct json *value, struct fault *fault)
{
	if (!schema_compile_schema(compiler, part, value, fault))
		return false;
	struct schema_clause *clause = part->last_clause;
	clause->least = 1;
	clause->most = INT64_MAX;
	return read_count(part, "minContains", &clause->least, fault) &&
	       read_count(part, "maxContains", &clause->most, fault);
}

/* --- lists of schemas -------------------------------------------------------------------- */

static bool compile_parts(struct schema_compiler *compiler, struct schema_clause *clause,
                          const struct json *value, struct fault *fault)
{
	struct schema_where where = {clause->owner, value, 0};

	clause->parts = ARENA_NEW_ARRAY(compiler->arena, struct schema_part *, value->count);
	clause->part_count = value->count;
	JSON_EACH(item, value)
	{
		struct schema_part **out = &clause->parts[where.index];
		if (!schema_compile_part(compiler, item, where, out, fault))
			return false;
		where.index++;
	}
	return true;
}

bool schema_compile_list(struct schema_compiler *compiler, struct schema_part *part,
                         const struct json *value, struct fault *fault)
{
	if (value->type != JSON_ARRAY)
		return schema_fault_must(fault, value, "an array of schemas");
	if (value->count == 0)
		return fault_at(fault, json_place(value), "\"%.*s\" must hold at least one schema",
		                TEXT_ARG(value->key));
	return compile_parts(compiler, schema_compile_clause(compiler, part, value), value, fault);
}

bool schema_compile_prefix(struct schema_compiler *compiler, struct schema_part *part,
                           const struct json *value, struct fault *fault)
{
	if (value->type != JSON_ARRAY)
		return schema_fault_must(fault, value, "an array of schemas");
	return compile_parts(compiler, shared_clause(compiler, part, value), value, fault);
}

/* A schema for all (further) items, or draft-07's array with one for each of the first. */
bool schema_compile_items(struct schema_compiler *compiler, struct schema_part *part,
                          const struct json *value, struct fault *fault)
{
	struct schema_clause *clause = shared_clause(compiler, part, value);
	struct schema_where where = {part, value, SCHEMA_NO_INDEX};

	if (value->type != JSON_ARRAY)
		return schema_compile_part(compiler, value, where, &clause->part, fault);
	if (clause->parts != NULL)
		return schema_fault_must(fault, value, "a schema where there is prefixItems");
	if (part->resource->dialect.drafts == DRAFT_2020 && compiler->warnings != NULL)
		fault_list_warn(compiler->warnings, json_place(value),
		                "an array in \"items\" is draft-07; it is \"prefixItems\" now");
	return compile_parts(compiler, clause, value, fault);
}

bool schema_compile_additional_items(struct schema_compiler *compiler, struct schema_part *part,
                                     const struct json *value, struct fault *fault)
{
	struct schema_where where = {part, value, SCHEMA_NO_INDEX};

	if (!json_is(json_member(part->node, "items"), JSON_ARRAY))
		return schema_compile_aside(compiler, part, value, fault);
	struct schema_clause *clause = shared_clause(compiler, part, value);
	return schema_compile_part(compiler, value, where, &clause->part, fault);
}

/* --- schemas by name ------------------------------------------------------------------------ */

static bool compile_named(struct schema_compiler *compiler, struct schema_part *part,
                          const struct json *value, struct schema_named **out, struct fault *fault)
{
	struct schema_where where = {part, value, SCHEMA_BY_KEY};

	if (value->type != JSON_OBJECT)
		return schema_fault_must(fault, value, "an object of schemas");
	struct schema_named *named =
	    ARENA_NEW_ARRAY(compiler->arena, struct schema_named, value->count);
	*out = named;
	JSON_EACH(member, value)
	{
		named->name = member->key;
		if (!schema_compile_part(compiler, member, where, &named->part, fault))
			return false;
		named++;
	}
	return true;
}

bool schema_compile_map(struct schema_compiler *compiler, struct schema_part *part,
                        const struct json *value, struct fault *fault)
{
	struct schema_named *ignored;

	return compile_named(compiler, part, value, &ignored, fault);
}

static int compare_names(const void *a, const void *b)
{
	const struct schema_named *left = a, *right = b;

	return text_compare(left->name, right->name);
}

bool schema_compile_properties(struct schema_compiler *compiler, struct schema_part *part,
                               const struct json *value, struct fault *fault)
{
	struct schema_clause *clause = shared_clause(compiler, part, value);

	if (!compile_named(compiler, part, value, &clause->named, fault))
		return false;
	clause->named_count = value->count;
	if (value->count > 1)
		qsort(clause->named, value->count, sizeof(*clause->named), compare_names);
	return true;
}

bool schema_compile_patterns(struct schema_compiler *compiler, struct schema_part *part,
                             const struct json *value, struct fault *fault)
{
	struct schema_clause *clause = shared_clause(compiler, part, value);

	if (!compile_named(compiler, part, value, &clause->patterns, fault))
		return false;
	clause->pattern_count = value->count;
	for (size_t i = 0; i < clause->pattern_count; i++) {
		struct schema_named *named = &clause->patterns[i];
		if (!schema_keyword_pattern(compiler, named->name, named->part->node,
		                            &named->pattern, fault))
			return false;
	}
	return true;
}

bool schema_compile_additional(struct schema_compiler *compiler, struct schema_part *part,
                               const struct json *value, struct fault *fault)
{
	struct schema_clause *clause = shared_clause(compiler, part, value);
	struct schema_where where = {part, value, SCHEMA_NO_INDEX};

	return schema_compile_part(compiler, value, where, &clause->part, fault);
}

static bool is_list_of_strings(const struct json *value)
{
	if (value->type != JSON_ARRAY)
		return false;
	JSON_EACH(item, value)
	{
		if (item->type != JSON_STRING)
			return false;
	}
	return true;
}

/* dependencies: schemas or lists of names; dependentSchemas and dependentRequired: one of them. */
bool schema_compile_dependencies(struct schema_compiler *compiler, struct schema_part *part,
                                 const struct json *value, struct fault *fault)
{
	bool lists = !text_is(value->key, "dependentSchemas");
	bool schemas = !text_is(value->key, "dependentRequired");
	struct schema_where where = {part, value, SCHEMA_BY_KEY};

	if (value->type != JSON_OBJECT)
		return schema_fault_must(fault, value, "an object");
	struct schema_clause *clause = schema_compile_clause(compiler, part, value);
	clause->named = ARENA_NEW_ARRAY(compiler->arena, struct schema_named, value->count);
	JSON_EACH(member, value)
	{
		struct schema_named *named = &clause->named[clause->named_count++];
		named->name = member->key;
		if (lists && (member->type == JSON_ARRAY || !schemas)) {
			if (!is_list_of_strings(member))
				return schema_fault_must(fault, member, "an array of strings");
			named->required = member;
		} else if (!schema_compile_part(compiler, member, where, &named->part, fault)) {
			return false;
		}
	}
	return true;
}
