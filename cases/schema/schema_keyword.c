/* The table of keywords, and how those without schemas in them are compiled. */
#include "cases/schema/schema_private.h"

#include <stdlib.h>

bool schema_fault_must(struct fault *fault, const struct json *value, const char *be)
{
	return fault_at(fault, json_place(value), "\"%.*s\" must be %s, not %s",
	                TEXT_ARG(value->key), be, json_type_name(value));
}

/* --- plain keywords ------------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned bit;
} types[] = {
    {"null", SCHEMA_NULL},     {"boolean", SCHEMA_BOOLEAN}, {"object", SCHEMA_OBJECT},
    {"array", SCHEMA_ARRAY},   {"number", SCHEMA_NUMBER},   {"integer", SCHEMA_INTEGER},
    {"string", SCHEMA_STRING},
};

static bool add_type(const struct json *name, unsigned *bits, struct fault *fault)
{
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		if (name->type == JSON_STRING && text_is(name->text, types[i].name)) {
			*bits |= types[i].bit;
			return true;
		}
	}
	return fault_at(fault, json_place(name),
	                "a type must be \"null\", \"boolean\", \"object\", \"array\", \"number\", "
	                "\"integer\" or \"string\"");
}

static bool compile_type(struct schema_compiler *compiler, struct schema_part *part,
                         const struct json *value, struct fault *fault)
{
	struct schema_clause *clause = schema_compile_clause(compiler, part, value);

	if (value->type == JSON_STRING)
		return add_type(value, &clause->types, fault);
	if (value->type != JSON_ARRAY)
		return schema_fault_must(fault, value, "a string or an array of strings");
	JSON_EACH(name, value)
	{
		if (!add_type(name, &clause->types, fault))
			return false;
	}
	return true;
}

static bool compile_any(struct schema_compiler *compiler, struct schema_part *part,
                        const struct json *value, struct fault *fault UNUSED)
{
	schema_compile_clause(compiler, part, value);
	return true;
}

static bool compile_array(struct schema_compiler *compiler, struct schema_part *part,
                          const struct json *value, struct fault *fault)
{
	if (value->type != JSON_ARRAY)
		return schema_fault_must(fault, value, "an array");
	return compile_any(compiler, part, value, fault);
}

static bool compile_required(struct schema_compiler *compiler, struct schema_part *part,
                             const struct json *value, struct fault *fault)
{
	if (value->type != JSON_ARRAY)
		return schema_fault_must(fault, value, "an array of strings");
	JSON_EACH(name, value)
	{
		if (name->type != JSON_STRING)
			return schema_fault_must(fault, value, "an array of strings");
	}
	return compile_any(compiler, part, value, fault);
}

static bool compile_number(struct schema_compiler *compiler, struct schema_part *part,
                           const struct json *value, struct fault *fault)
{
	if (value->type != JSON_NUMBER)
		return schema_fault_must(fault, value, "a number");
	return compile_any(compiler, part, value, fault);
}

static bool compile_multiple(struct schema_compiler *compiler, struct schema_part *part,
                             const struct json *value, struct fault *fault)
{
	if (value->type == JSON_NUMBER && json_number_compare(value->text, TEXT("0")) <= 0)
		return fault_at(fault, json_place(value), "\"multipleOf\" must be above 0");
	return compile_number(compiler, part, value, fault);
}

bool schema_keyword_count_read(const struct json *value, int64_t *out, struct fault *fault)
{
	bool number = value->type == JSON_NUMBER;

	if (number && json_number_is_integer(value->text) &&
	    json_number_compare(value->text, TEXT("9223372036854775807")) > 0) {
		*out = INT64_MAX;
		return true;
	}
	if (json_node_integer(value, 0, INT64_MAX, out))
		return true;
	if (number)
		return fault_at(fault, json_place(value),
		                "\"%.*s\" must be a whole number from 0 on", TEXT_ARG(value->key));
	return schema_fault_must(fault, value, "a whole number from 0 on");
}

/* Checked only: another keyword reads it. */
static bool compile_count_aside(struct schema_compiler *compiler UNUSED,
                                struct schema_part *part UNUSED, const struct json *value,
                                struct fault *fault)
{
	int64_t ignored;

	return schema_keyword_count_read(value, &ignored, fault);
}

static bool compile_least(struct schema_compiler *compiler, struct schema_part *part,
                          const struct json *value, struct fault *fault)
{
	struct schema_clause *clause = schema_compile_clause(compiler, part, value);

	clause->most = INT64_MAX;
	return schema_keyword_count_read(value, &clause->least, fault);
}

static bool compile_most(struct schema_compiler *compiler, struct schema_part *part,
                         const struct json *value, struct fault *fault)
{
	struct schema_clause *clause = schema_compile_clause(compiler, part, value);

	return schema_keyword_count_read(value, &clause->most, fault);
}

static bool compile_unique(struct schema_compiler *compiler, struct schema_part *part,
                           const struct json *value, struct fault *fault)
{
	if (value->type != JSON_BOOL)
		return schema_fault_must(fault, value, "a boolean");
	return !value->truth || compile_any(compiler, part, value, fault);
}

static bool compile_string(struct schema_compiler *compiler UNUSED, struct schema_part *part UNUSED,
                           const struct json *value, struct fault *fault)
{
	return value->type == JSON_STRING || schema_fault_must(fault, value, "a string");
}

bool schema_keyword_pattern(struct schema_compiler *compiler, struct text pattern,
                            const struct json *node, const struct regex **out, struct fault *fault)
{
	struct regex *regex;

	if (!regex_new_ecma(pattern, json_place(node), &regex, fault))
		return false;
	struct schema_pattern *held = ARENA_NEW(compiler->arena, struct schema_pattern);
	held->regex = regex;
	held->next = compiler->schema->patterns;
	compiler->schema->patterns = held;
	*out = regex;
	return true;
}

static bool compile_pattern(struct schema_compiler *compiler, struct schema_part *part,
                            const struct json *value, struct fault *fault)
{
	if (value->type != JSON_STRING)
		return schema_fault_must(fault, value, "a string");
	struct schema_clause *clause = schema_compile_clause(compiler, part, value);
	return schema_keyword_pattern(compiler, value->text, value, &clause->pattern, fault);
}

/* A note, unless the options or the metaschema's vocabulary ask to assert it. */
static bool compile_format(struct schema_compiler *compiler, struct schema_part *part,
                           const struct json *value, struct fault *fault)
{
	if (value->type != JSON_STRING)
		return schema_fault_must(fault, value, "a string");
	if (compiler->options->format_assert ||
	    (part->resource->dialect.vocabularies & VOCABULARY_FORMAT_ASSERTION) != 0)
		return compile_any(compiler, part, value, fault);
	return true;
}

/* --- the table ------------------------------------------------------------------------------ */

#define CORE VOCABULARY_CORE
#define APPLY VOCABULARY_APPLICATOR
#define UNEVALUATED VOCABULARY_UNEVALUATED
#define VALIDATE VOCABULARY_VALIDATION
#define NOTES VOCABULARY_NOTES
#define FORMAT (VOCABULARY_NOTES | VOCABULARY_FORMAT_ASSERTION)
#define LATER (DRAFT_2019 | DRAFT_2020)
#define ANY DRAFT_ANY
#define ALL SCHEMA_ANYTHING
#define OBJECT SCHEMA_OBJECT
#define ARRAY SCHEMA_ARRAY
#define STRING SCHEMA_STRING
#define NUMBER SCHEMA_NUMBER

/*
 * In the order of checking: the cheap ones first, what applies schemas next, and last what
 * must know what all others looked at. "dependencies" lives on in 2020-12 for old schemas.
 */
static const struct schema_keyword keywords[] = {
    {"type", ANY, VALIDATE, ALL, compile_type, schema_assert_type},
    {"const", ANY, VALIDATE, ALL, compile_any, schema_assert_const},
    {"enum", ANY, VALIDATE, ALL, compile_array, schema_assert_enum},
    {"minimum", ANY, VALIDATE, NUMBER, compile_number, schema_assert_minimum},
    {"maximum", ANY, VALIDATE, NUMBER, compile_number, schema_assert_maximum},
    {"exclusiveMinimum", ANY, VALIDATE, NUMBER, compile_number, schema_assert_exclusive_minimum},
    {"exclusiveMaximum", ANY, VALIDATE, NUMBER, compile_number, schema_assert_exclusive_maximum},
    {"multipleOf", ANY, VALIDATE, NUMBER, compile_multiple, schema_assert_multiple},
    {"minLength", ANY, VALIDATE, STRING, compile_least, schema_assert_length},
    {"maxLength", ANY, VALIDATE, STRING, compile_most, schema_assert_length},
    {"pattern", ANY, VALIDATE, STRING, compile_pattern, schema_assert_pattern},
    {"format", ANY, FORMAT, STRING, compile_format, schema_assert_format},
    {"minItems", ANY, VALIDATE, ARRAY, compile_least, schema_assert_count},
    {"maxItems", ANY, VALIDATE, ARRAY, compile_most, schema_assert_count},
    {"minProperties", ANY, VALIDATE, OBJECT, compile_least, schema_assert_count},
    {"maxProperties", ANY, VALIDATE, OBJECT, compile_most, schema_assert_count},
    {"required", ANY, VALIDATE, OBJECT, compile_required, schema_assert_required},
    {"dependentRequired", LATER, VALIDATE, OBJECT, schema_compile_dependencies,
     schema_check_dependencies},
    {"uniqueItems", ANY, VALIDATE, ARRAY, compile_unique, schema_assert_unique},
    {"$ref", ANY, CORE, ALL, schema_compile_reference, schema_check_reference},
    {"$dynamicRef", DRAFT_2020, CORE, ALL, schema_compile_reference, schema_check_dynamic},
    {"propertyNames", ANY, APPLY, OBJECT, schema_compile_schema, schema_check_names},
    {"properties", ANY, APPLY, OBJECT, schema_compile_properties, schema_check_properties},
    {"patternProperties", ANY, APPLY, OBJECT, schema_compile_patterns, schema_check_properties},
    {"additionalProperties", ANY, APPLY, OBJECT, schema_compile_additional,
     schema_check_properties},
    {"dependentSchemas", LATER, APPLY, OBJECT, schema_compile_dependencies,
     schema_check_dependencies},
    {"dependencies", ANY, APPLY, OBJECT, schema_compile_dependencies, schema_check_dependencies},
    {"prefixItems", DRAFT_2020, APPLY, ARRAY, schema_compile_prefix, schema_check_items},
    {"items", ANY, APPLY, ARRAY, schema_compile_items, schema_check_items},
    {"additionalItems", ANY, APPLY, ARRAY, schema_compile_additional_items, schema_check_items},
    {"contains", ANY, APPLY, ARRAY, schema_compile_contains, schema_check_contains},
    {"minContains", LATER, VALIDATE, ARRAY, compile_count_aside, NULL},
    {"maxContains", LATER, VALIDATE, ARRAY, compile_count_aside, NULL},
    {"allOf", ANY, APPLY, ALL, schema_compile_list, schema_check_all},
    {"anyOf", ANY, APPLY, ALL, schema_compile_list, schema_check_any},
    {"oneOf", ANY, APPLY, ALL, schema_compile_list, schema_check_one},
    {"not", ANY, APPLY, ALL, schema_compile_schema, schema_check_not},
    {"if", ANY, APPLY, ALL, schema_compile_if, schema_check_if},
    {"then", ANY, APPLY, ALL, schema_compile_aside, NULL},
    {"else", ANY, APPLY, ALL, schema_compile_aside, NULL},
    {"unevaluatedItems", LATER, UNEVALUATED, ARRAY, schema_compile_unevaluated,
     schema_check_unevaluated_items},
    {"unevaluatedProperties", LATER, UNEVALUATED, OBJECT, schema_compile_unevaluated,
     schema_check_unevaluated_properties},
    {"$defs", LATER, CORE, ALL, schema_compile_map, NULL},
    {"definitions", ANY, CORE, ALL, schema_compile_map, NULL},
    {"$schema", ANY, CORE, ALL, compile_string, NULL},
    {"$id", ANY, CORE, ALL, compile_string, NULL},
    {"$anchor", LATER, CORE, ALL, compile_string, NULL},
    {"$dynamicAnchor", DRAFT_2020, CORE, ALL, compile_string, NULL},
    {"$vocabulary", LATER, CORE, ALL, NULL, NULL},
    {"$comment", ANY, CORE, ALL, NULL, NULL},
    {"contentSchema", LATER, NOTES, STRING, schema_compile_aside, NULL},
    {"contentEncoding", ANY, NOTES, STRING, NULL, NULL},
    {"contentMediaType", ANY, NOTES, STRING, NULL, NULL},
    {"title", ANY, NOTES, ALL, NULL, NULL},
    {"description", ANY, NOTES, ALL, NULL, NULL},
    {"default", ANY, NOTES, ALL, NULL, NULL},
    {"examples", ANY, NOTES, ALL, NULL, NULL},
    {"deprecated", LATER, NOTES, ALL, NULL, NULL},
    {"readOnly", ANY, NOTES, ALL, NULL, NULL},
    {"writeOnly", ANY, NOTES, ALL, NULL, NULL},
};

_Static_assert(ARRAY_LENGTH(keywords) <= SCHEMA_KEYWORDS_MAX, "the compiler's slots");

/* Few names, told apart by their length and first letter at once: a walk is fast enough. */
const struct schema_keyword *schema_keyword_find(struct text name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keywords); i++) {
		if (name.len > 0 && keywords[i].name[0] == name.data[0] &&
		    text_is(name, keywords[i].name))
			return &keywords[i];
	}
	return NULL;
}

const struct schema_keyword *schema_keyword_at(size_t index)
{
	return &keywords[index];
}

size_t schema_keyword_index(const struct schema_keyword *keyword)
{
	return (size_t)(keyword - keywords);
}

size_t schema_keyword_count(void)
{
	return ARRAY_LENGTH(keywords);
}

const char *schema_keyword_nearest(struct text name)
{
	const char *names[ARRAY_LENGTH(keywords)];

	for (size_t i = 0; i < ARRAY_LENGTH(keywords); i++)
		names[i] = keywords[i].name;
	return text_nearest(name, names, ARRAY_LENGTH(keywords));
}
