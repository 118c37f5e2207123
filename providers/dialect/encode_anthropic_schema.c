/*
 * JSON Schema as Anthropic's structured output takes it; see encode_anthropic.h. What the model
 * answers is checked against the client's own schema: one that says less is fine.
 */
#include "providers/dialect/encode_anthropic.h"

enum { SCHEMA_MAX_LEVELS = 100 };

struct schema {
	struct encoding *e;
	unsigned levels;
};

static void write_schema(struct schema *s, const struct json *node);

static bool is_one_of(struct text word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (text_is(word, *words))
			return true;
	return false;
}

static void drop(struct schema *s, struct text keyword)
{
	struct text name = text_visible(s->e->arena, keyword, 40);

	encode_drop(s->e,
	            text_c(s->e->arena, text_format(s->e->arena, "schema.%.*s", TEXT_ARG(name))));
}

static void write_map(struct schema *s, const struct json *map)
{
	json_write_object(&s->e->json);
	JSON_EACH(member, map)
	{
		json_write_key_text(&s->e->json, member->key);
		write_schema(s, member);
	}
	json_write_object_end(&s->e->json);
}

static void write_list(struct schema *s, const struct json *list)
{
	json_write_array(&s->e->json);
	JSON_EACH(item, list)
	{
		write_schema(s, item);
	}
	json_write_array_end(&s->e->json);
}

/* Of those that are known some values only. */
static bool is_taken(const struct json *member)
{
	static const char *const refused[] = {"minimum",
	                                      "maximum",
	                                      "exclusiveMinimum",
	                                      "exclusiveMaximum",
	                                      "multipleOf",
	                                      "minLength",
	                                      "maxLength",
	                                      "pattern",
	                                      "maxItems",
	                                      "uniqueItems",
	                                      "minProperties",
	                                      "maxProperties",
	                                      "contains",
	                                      "minContains",
	                                      "maxContains",
	                                      "patternProperties",
	                                      "propertyNames",
	                                      "if",
	                                      "then",
	                                      "else",
	                                      "not",
	                                      "dependentRequired",
	                                      "dependentSchemas",
	                                      "prefixItems",
	                                      "unevaluatedItems",
	                                      "additionalItems",
	                                      "unevaluatedProperties",
	                                      NULL};
	static const char *const formats[] = {"date-time", "time",     "date", "duration",
	                                      "email",     "hostname", "uri",  "ipv4",
	                                      "ipv6",      "uuid",     NULL};

	if (text_is(member->key, "format"))
		return json_is(member, JSON_STRING) && is_one_of(member->text, formats);
	if (text_is(member->key, "minItems"))
		return text_is(member->text, "0") || text_is(member->text, "1");
	if (text_is(member->key, "items"))
		return !json_is(member, JSON_ARRAY); /* one for each place: draft 7's tuples */
	return !is_one_of(member->key, refused);
}

static void write_keyword(struct schema *s, const struct json *member, bool any_of)
{
	static const char *const maps[] = {"properties", "$defs", "definitions", NULL};
	static const char *const lists[] = {"anyOf", "oneOf", "allOf", NULL};
	bool one_of = text_is(member->key, "oneOf");

	if (!is_taken(member) || (one_of && any_of)) {
		drop(s, member->key);
		return;
	}
	/* One or more of them, where it should be one. */
	if (one_of)
		drop(s, member->key);
	json_write_key_text(&s->e->json, one_of ? TEXT("anyOf") : member->key);
	if (is_one_of(member->key, maps) && json_is(member, JSON_OBJECT))
		write_map(s, member);
	else if (is_one_of(member->key, lists) && json_is(member, JSON_ARRAY))
		write_list(s, member);
	else if (text_is(member->key, "items"))
		write_schema(s, member);
	else
		json_write_node(&s->e->json, member);
}

static bool is_of_objects(const struct json *node)
{
	const struct json *type = json_member(node, "type");

	if (json_is(type, JSON_STRING))
		return text_is(type->text, "object");
	JSON_EACH(word, json_is(type, JSON_ARRAY) ? type : NULL)
	{
		if (text_is(word->text, "object"))
			return true;
	}
	return type == NULL && json_is(json_member(node, "properties"), JSON_OBJECT);
}

static void write_schema(struct schema *s, const struct json *node)
{
	const struct json *others = json_member(node, "additionalProperties");
	bool any_of = json_member(node, "anyOf") != NULL;

	if (!json_is(node, JSON_OBJECT) || s->levels == SCHEMA_MAX_LEVELS) {
		if (!json_is(node, JSON_BOOL))
			encode_refuse(s->e, "a schema is no object, or too deep to be carried");
		json_write_node(&s->e->json, node);
		return;
	}
	s->levels++;
	json_write_object(&s->e->json);
	JSON_EACH(member, node)
	{
		if (member != others)
			write_keyword(s, member, any_of);
	}
	if (is_of_objects(node))
		json_write_member_bool(&s->e->json, "additionalProperties", false);
	if (others != NULL && !(json_is(others, JSON_BOOL) && !others->truth))
		drop(s, others->key);
	json_write_object_end(&s->e->json);
	s->levels--;
}

void encode_anthropic_schema(struct encoding *encoding, const struct json *schema)
{
	struct schema s = {.e = encoding};

	write_schema(&s, schema);
}
