/*
 * JSON Schema as the subset of OpenAPI that Gemini takes (TRANSLATION.md B5; Gemini API reference,
 * "Schema"). A schema that says less than the client's is fine: what the model answers is checked
 * against the client's own.
 */
#include "providers/dialect/encode.h"

enum {
	SCHEMA_MAX_NODES = 20000, /* once references are put in place */
	SCHEMA_MAX_LEVELS = 200,
	SCHEMA_MAX_REFERENCES = 32, /* within one another */
};

struct schema {
	struct encoding *e;
	const struct json *root;
	const struct json *open[SCHEMA_MAX_REFERENCES]; /* the references that we are in */
	size_t open_count;
	unsigned levels;
	size_t nodes;
};

static void write_schema(struct schema *s, const struct json *node);
static void write_members(struct schema *s, const struct json *node, const struct json *described,
                          bool nullable);

static void drop(struct schema *s, struct text keyword)
{
	struct text name = text_visible(s->e->arena, keyword, 40);

	encode_drop(s->e,
	            text_c(s->e->arena, text_format(s->e->arena, "schema.%.*s", TEXT_ARG(name))));
}

static bool is_one_of(struct text word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (text_is(word, *words))
			return true;
	return false;
}

/* Drops all members but those: where a schema is put in another's place. */
static void drop_others(struct schema *s, const struct json *node, const char *const *kept)
{
	JSON_EACH(member, node)
	{
		if (!is_one_of(member->key, kept))
			drop(s, member->key);
	}
}

/* --- null, and one of several --- */

static bool is_null_type(const struct json *node)
{
	const struct json *value = json_member(node, "const");

	return text_is(json_string(node, "type"), "null") ||
	       (value != NULL && value->type == JSON_NULL);
}

static const struct json *variants_of(const struct json *node)
{
	static const char *const names[] = {"anyOf", "oneOf", "allOf"};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const struct json *variants = json_member(node, names[i]);
		/* Several that hold together have no form of their own there. */
		if (json_is(variants, JSON_ARRAY) && variants->count > 0 &&
		    (*names[i] != 'a' || names[i][1] != 'l' || variants->count == 1))
			return variants;
	}
	return NULL;
}

/* How many are not null, and the last of them. */
static size_t count_variants(const struct json *variants, const struct json **last)
{
	size_t count = 0;

	JSON_EACH(variant, variants)
	{
		if (is_null_type(variant))
			continue;
		*last = variant;
		count++;
	}
	return count;
}

static void write_variants(struct schema *s, const struct json *variants)
{
	json_write_key(&s->e->json, "anyOf");
	json_write_array(&s->e->json);
	JSON_EACH(variant, variants)
	{
		if (!is_null_type(variant))
			write_schema(s, variant);
	}
	json_write_array_end(&s->e->json);
}

/* "type": a word, or a list of which null is said apart. */
static bool write_type(struct schema *s, const struct json *node, bool variants)
{
	const struct json *type = json_member(node, "type");
	const struct json *only = NULL;
	size_t count = 0;
	bool nullable = false;

	if (json_is(type, JSON_STRING))
		json_write_member(&s->e->json, "type", type->text);
	if (!json_is(type, JSON_ARRAY))
		return false;
	JSON_EACH(word, type)
	{
		bool null = text_is(word->text, "null");
		nullable |= null;
		count += null ? 0 : 1;
		only = null ? only : word;
	}
	if (count == 1) {
		json_write_member(&s->e->json, "type", only->text);
	} else if (count > 1 && !variants) {
		json_write_key(&s->e->json, "anyOf");
		json_write_array(&s->e->json);
		JSON_EACH(word, type)
		{
			if (text_is(word->text, "null"))
				continue;
			json_write_object(&s->e->json);
			json_write_member(&s->e->json, "type", word->text);
			json_write_object_end(&s->e->json);
		}
		json_write_array_end(&s->e->json);
	}
	return nullable;
}

/* --- values --- */

/* Only strings can be listed there. Whether null was among them. */
static bool write_enum(struct schema *s, const struct json *node)
{
	const struct json *one = json_member(node, "const");
	const struct json *values = json_member(node, "enum");
	bool nullable = false;

	if (one != NULL && one->type != JSON_STRING) {
		drop(s, TEXT("const"));
		one = NULL;
	}
	JSON_EACH(value, values)
	{
		if (value->type != JSON_STRING && value->type != JSON_NULL) {
			drop(s, TEXT("enum"));
			values = NULL;
			break;
		}
	}
	if (one == NULL && (!json_is(values, JSON_ARRAY) || values->count == 0))
		return false;
	if (json_member(node, "type") == NULL)
		json_write_member_c(&s->e->json, "type", "string");
	json_write_key(&s->e->json, "enum");
	json_write_array(&s->e->json);
	if (one != NULL)
		json_write_string(&s->e->json, one->text);
	JSON_EACH(value, one != NULL ? NULL : values)
	{
		if (value->type == JSON_STRING)
			json_write_string(&s->e->json, value->text);
		else
			nullable = true;
	}
	json_write_array_end(&s->e->json);
	return nullable;
}

static void write_properties(struct schema *s, const struct json *properties)
{
	json_write_key(&s->e->json, "properties");
	json_write_object(&s->e->json);
	JSON_EACH(property, properties)
	{
		json_write_key_text(&s->e->json, property->key);
		write_schema(s, property);
	}
	json_write_object_end(&s->e->json);
}

static void write_items(struct schema *s, const struct json *node)
{
	const struct json *items = json_member(node, "items");

	if (json_is(items, JSON_ARRAY)) { /* one for each place: draft 7's tuples */
		drop(s, TEXT("items"));
		items = NULL;
	}
	if (items == NULL && !text_is(json_string(node, "type"), "array"))
		return;
	json_write_key(&s->e->json, "items");
	if (items != NULL) {
		write_schema(s, items);
		return;
	}
	json_write_object(&s->e->json);
	json_write_object_end(&s->e->json);
}

static void write_plain(struct schema *s, const struct json *member)
{
	static const char *const kept[] = {
	    "required",  "title",     "minItems",      "maxItems",
	    "minimum",   "maximum",   "minProperties", "maxProperties",
	    "minLength", "maxLength", "pattern",       "propertyOrdering",
	    NULL};
	/* Written elsewhere, or of no meaning once references are put in place. */
	static const char *const seen_to[] = {"type",        "properties",  "items",    "enum",
	                                      "const",       "anyOf",       "oneOf",    "$defs",
	                                      "definitions", "description", "nullable", NULL};
	static const char *const formats[] = {"enum",  "date-time", "int32", "int64",
	                                      "float", "double",    NULL};
	bool keep = is_one_of(member->key, kept);

	if (text_is(member->key, "format"))
		keep = json_is(member, JSON_STRING) && is_one_of(member->text, formats);
	if (keep) {
		json_write_key_text(&s->e->json, member->key);
		json_write_node(&s->e->json, member);
	} else if (!is_one_of(member->key, seen_to)) {
		drop(s, member->key);
	}
}

/* --- references --- */

static void write_reference(struct schema *s, const struct json *node, const struct json *described,
                            bool nullable)
{
	static const char *const kept[] = {"$ref", "description", "$defs", "definitions", NULL};
	struct text name = json_string(node, "$ref");
	const struct json *target = NULL;

	if (text_starts(name, TEXT("#")))
		target = json_pointer(s->root, text_slice(name, 1, name.len));
	if (target == NULL) {
		encode_refuse(s->e, "a schema refers to what is not in it: %.*s",
		              TEXT_ARG(text_visible(s->e->arena, name, 80)));
		return;
	}
	for (size_t i = 0; i < s->open_count; i++)
		if (s->open[i] == target || s->open_count == SCHEMA_MAX_REFERENCES) {
			encode_refuse(s->e, "a schema that contains itself can't be carried: %.*s",
			              TEXT_ARG(text_visible(s->e->arena, name, 80)));
			return;
		}
	drop_others(s, node, kept);
	s->open[s->open_count++] = target;
	write_members(s, target, described, nullable);
	s->open_count--;
}

/* --- a schema --- */

static void write_object(struct schema *s, const struct json *node, const struct json *described,
                         bool nullable)
{
	const struct json *variants = variants_of(node);
	const struct json *properties = json_member(node, "properties");
	struct text description = json_string(described, "description");

	nullable |= json_truth(node, "nullable", false);
	nullable |= write_type(s, node, variants != NULL);
	if (description.len > 0)
		json_write_member(&s->e->json, "description", description);
	nullable |= write_enum(s, node);
	if (json_is(properties, JSON_OBJECT) && properties->count > 0)
		write_properties(s, properties);
	write_items(s, node);
	JSON_EACH(member, node)
	{
		write_plain(s, member);
	}
	if (variants != NULL) {
		const struct json *last;
		nullable |= count_variants(variants, &last) < variants->count;
		write_variants(s, variants);
	}
	if (nullable)
		json_write_member_bool(&s->e->json, "nullable", true);
}

/* `described` has the description that counts: the outermost one. */
static void write_members(struct schema *s, const struct json *node, const struct json *described,
                          bool nullable)
{
	static const char *const kept[] = {"anyOf", "oneOf",       "allOf",    "description",
	                                   "$defs", "definitions", "nullable", NULL};
	const struct json *variants = variants_of(node);
	const struct json *only = NULL;

	if (++s->nodes > SCHEMA_MAX_NODES || s->levels > SCHEMA_MAX_LEVELS)
		encode_refuse(s->e, "a schema is too large or too deep to be carried");
	if (s->e->refused)
		return;
	if (json_is(node, JSON_BOOL)) {
		if (!node->truth)
			drop(s, TEXT("false"));
		return;
	}
	if (!json_is(node, JSON_OBJECT)) {
		encode_refuse(s->e, "a schema is no object");
		return;
	}
	s->levels++;
	if (described == NULL && json_string(node, "description").len > 0)
		described = node;
	if (json_string(node, "$ref").data != NULL) {
		write_reference(s, node, described, nullable);
	} else if (variants != NULL && count_variants(variants, &only) == 1) {
		/* One, or none: the one, which may be null. */
		drop_others(s, node, kept);
		write_members(s, only, described,
		              nullable || variants->count > 1 ||
		                  json_truth(node, "nullable", false));
	} else {
		write_object(s, node, described, nullable);
	}
	s->levels--;
}

static void write_schema(struct schema *s, const struct json *node)
{
	json_write_object(&s->e->json);
	write_members(s, node, NULL, false);
	json_write_object_end(&s->e->json);
}

void encode_schema(struct encoding *encoding, const struct json *schema)
{
	struct schema s = {.e = encoding, .root = schema};

	write_schema(&s, schema);
}
