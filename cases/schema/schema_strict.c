/*
 * What strict structured output takes of JSON Schema: the rules that OpenAI published and
 * others follow. A departure is a warning: some providers refuse the schema for it, others take
 * it and do not keep to it.
 */
#include "cases/schema/schema_private.h"

enum {
	DEPTH_MAX = 10,           /* objects within objects */
	PROPERTIES_MAX = 5000,    /* in all */
	VALUES_MAX = 1000,        /* of all enums */
	NAMES_MAX_BYTES = 120000, /* of properties, definitions, enum and const values */
};

struct lint {
	struct fault_list *findings;
	size_t properties;
	size_t values;
	size_t name_bytes;
	bool clean;
};

static const char *const keywords[] = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "$ref",
    "$defs",
    "title",
    "description",
    "definitions",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "$schema",
    "$id",
    "$comment",
};

static const char *const formats[] = {
    "date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid",
};

static void find(struct lint *lint, const struct json *at, const char *format, ...)
    PRINTF_LIKE(3, 4);
static void find(struct lint *lint, const struct json *at, const char *format, ...)
{
	char message[FAULT_MESSAGE_BYTES];
	va_list arguments;

	lint->clean = false;
	if (lint->findings == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	fault_list_warn(lint->findings, json_place(at), "strict output: %s", message);
}

static bool is_listed(struct text name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (text_is(name, list[i]))
			return true;
	}
	return false;
}

static bool has_type(const struct json *node, const char *name)
{
	const struct json *type = json_member(node, "type");

	if (json_is(type, JSON_STRING))
		return text_is(type->text, name);
	JSON_EACH(item, type)
	{
		if (item->type == JSON_STRING && text_is(item->text, name))
			return true;
	}
	return false;
}

static void lint_keywords(struct lint *lint, const struct json *node)
{
	JSON_EACH(member, node)
	{
		if (!is_listed(member->key, keywords, ARRAY_LENGTH(keywords)))
			find(lint, member, "\"%.*s\" is not taken",
			     TEXT_ARG(text_slice(member->key, 0, SCHEMA_SHOWN_BYTES)));
		else if (text_is(member->key, "format") && member->type == JSON_STRING &&
		         !is_listed(member->text, formats, ARRAY_LENGTH(formats)))
			find(lint, member, "the format \"%.*s\" is not taken",
			     TEXT_ARG(text_slice(member->text, 0, SCHEMA_SHOWN_BYTES)));
		else if (text_is(member->key, "$ref") && node->count > 1)
			find(lint, member, "nothing may stand beside a \"$ref\"");
	}
	JSON_EACH(value, json_member(node, "enum"))
	{
		lint->values++;
		lint->name_bytes += value->text.len;
	}
	const struct json *only = json_member(node, "const");
	lint->name_bytes += only == NULL ? 0 : only->text.len;
}

static bool is_required(const struct json *required, struct text name)
{
	JSON_EACH(item, required)
	{
		if (item->type == JSON_STRING && text_equal(item->text, name))
			return true;
	}
	return false;
}

static void lint_object(struct lint *lint, const struct json *node)
{
	const struct json *additional = json_member(node, "additionalProperties");
	const struct json *required = json_member(node, "required");

	if (!json_is(additional, JSON_BOOL) || additional->truth)
		find(lint, additional == NULL ? node : additional,
		     "an object must say \"additionalProperties\": false");
	JSON_EACH(property, json_member(node, "properties"))
	{
		lint->properties++;
		lint->name_bytes += property->key.len;
		/* Past the limit, where the search is slow, there is a finding anyway. */
		if (lint->properties <= PROPERTIES_MAX && !is_required(required, property->key))
			find(
			    lint, property,
			    "\"%.*s\" must be in \"required\"; what may be missing is null instead",
			    TEXT_ARG(text_slice(property->key, 0, SCHEMA_SHOWN_BYTES)));
	}
}

/* `level`: objects around this schema. `nesting`: schemas around it, against our own stack. */
static void lint_schema(struct lint *lint, const struct json *node, unsigned level,
                        unsigned nesting)
{
	static const char *const maps[] = {"properties", "$defs", "definitions"};
	bool object = has_type(node, "object") || json_member(node, "properties") != NULL;

	if (!json_is(node, JSON_OBJECT)) {
		find(lint, node, "a schema must be an object, not %s", json_type_name(node));
		return;
	}
	if (level > DEPTH_MAX || nesting > SCHEMA_COMPILE_DEPTH_MAX) {
		find(lint, node, "objects nested deeper than %d levels", DEPTH_MAX);
		return;
	}
	lint_keywords(lint, node);
	if (object)
		lint_object(lint, node);
	if (json_member(node, "type") == NULL && json_member(node, "anyOf") == NULL &&
	    json_member(node, "$ref") == NULL)
		find(lint, node, "a schema must have a \"type\", an \"anyOf\" or a \"$ref\"");
	if (has_type(node, "array") && json_member(node, "items") == NULL)
		find(lint, node, "an array must have \"items\"");
	for (size_t i = 0; i < ARRAY_LENGTH(maps); i++) {
		bool inside = i == 0; /* definitions count where they are used */
		JSON_EACH(child, json_member(node, maps[i]))
		{
			lint->name_bytes += inside ? 0 : child->key.len;
			lint_schema(lint, child, inside ? level + 1 : 1, nesting + 1);
		}
	}
	const struct json *items = json_member(node, "items");
	if (items != NULL)
		lint_schema(lint, items, level, nesting + 1);
	JSON_EACH(branch, json_member(node, "anyOf"))
	lint_schema(lint, branch, level, nesting + 1);
}

bool schema_lint_strict(const struct json *root, struct fault_list *findings)
{
	struct lint lint = {.findings = findings, .clean = true};

	if (!json_is(root, JSON_OBJECT) || !has_type(root, "object"))
		find(&lint, root, "the root must have the type \"object\"");
	if (json_member(root, "anyOf") != NULL)
		find(&lint, json_member(root, "anyOf"), "the root must not be an anyOf");
	if (json_is(root, JSON_OBJECT))
		lint_schema(&lint, root, 1, 0);
	if (lint.properties > PROPERTIES_MAX)
		find(&lint, root, "%zu properties; at most %d are taken", lint.properties,
		     PROPERTIES_MAX);
	if (lint.values > VALUES_MAX)
		find(&lint, root, "%zu values in enums; at most %d are taken", lint.values,
		     VALUES_MAX);
	if (lint.name_bytes > NAMES_MAX_BYTES)
		find(&lint, root, "%zu bytes of names and values; at most %d are taken",
		     lint.name_bytes, NAMES_MAX_BYTES);
	return lint.clean;
}
