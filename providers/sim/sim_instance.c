/*
 * An instance for a JSON Schema: what a model bound to the schema would say.
 * It knows the keywords that structured output uses; what a user's words offer
 * (a quoted phrase, a number, a member of an enum) is taken from there.
 */
#include "providers/sim/sim_private.h"

enum {
	INSTANCE_MAX_BYTES = 1 << 20,
	INSTANCE_MAX_VALUES = 5000, /* schemas can branch without end; a reply does not */
	INSTANCE_MAX_ITEMS = 256,
	INSTANCE_DEEP = 4,       /* from here on the way out is taken: null, [] or {} */
	INSTANCE_MAX_DEPTH = 40, /* and here it ends */
	INSTANCE_MAX_LENGTH = 4096,
};

struct instance {
	const struct json *root;
	struct text hint;
	struct arena *arena;
	struct json_writer writer;
	int values;
};

/* What is being made: where the user's words are asked for it. */
struct instance_spot {
	struct text key; /* the property's name; empty: none */
	unsigned depth;
	size_t index; /* within an array */
};

static void instance_write(struct instance *instance, const struct json *schema,
                           struct instance_spot spot);

/* --- the user's words --- */

static bool instance_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* The phrase between the first pair of double quotes; data NULL: none. */
static struct text instance_quoted(struct text hint)
{
	size_t open = text_find_byte(hint, '"', 0);
	if (open == TEXT_NOT_FOUND)
		return (struct text){0};
	size_t close = text_find_byte(hint, '"', open + 1);
	if (close == TEXT_NOT_FOUND || close - open > 200)
		return (struct text){0};
	return text_slice(hint, open + 1, close);
}

/* The first capitalised word that does not begin a sentence: a name, most likely. */
static struct text instance_name(struct text hint)
{
	for (size_t at = 2; at < hint.len; at++) {
		bool begins = hint.data[at - 1] == ' ' && instance_is_letter(hint.data[at - 2]);
		if (!begins || hint.data[at] < 'A' || hint.data[at] > 'Z')
			continue;
		size_t end = at;
		while (end < hint.len && instance_is_letter(hint.data[end]))
			end++;
		if (end - at > 1)
			return text_slice(hint, at, end);
	}
	return (struct text){0};
}

/* The n-th run of digits, or data NULL. */
static struct text instance_number_said(struct text hint, size_t n)
{
	for (size_t at = 0; at < hint.len; at++) {
		size_t end = at;

		while (end < hint.len && hint.data[end] >= '0' && hint.data[end] <= '9')
			end++;
		if (end == at)
			continue;
		if (n-- == 0 && end - at < 16)
			return text_slice(hint, at, end);
		at = end;
	}
	return (struct text){0};
}

static bool instance_says(struct text hint, struct text word)
{
	for (size_t at = 0; word.len > 0 && at + word.len <= hint.len; at++)
		if (text_equal_ignoring_case(text_slice(hint, at, at + word.len), word))
			return true;
	return false;
}

/* --- finding the way through a schema --- */

static const struct json *instance_resolve(const struct instance *instance,
                                           const struct json *schema)
{
	for (int i = 0; i < 16; i++) {
		struct text ref = json_string(schema, "$ref");

		if (ref.data == NULL || ref.len == 0 || ref.data[0] != '#')
			break;
		schema = json_pointer(instance->root, text_slice(ref, 1, ref.len));
	}
	return schema;
}

static const struct json *instance_alternatives(const struct json *schema)
{
	const struct json *list = json_member(schema, "anyOf");

	return json_is(list, JSON_ARRAY) ? list : json_member(schema, "oneOf");
}

static bool instance_is_null(const struct json *schema)
{
	return text_is(json_string(schema, "type"), "null");
}

/* The first that is no null; deep down the null, so that recursion ends. */
static const struct json *instance_choose(const struct json *list, unsigned depth)
{
	bool deep = depth >= INSTANCE_DEEP;
	const struct json *plain = NULL;

	JSON_EACH(schema, list)
	{
		if (instance_is_null(schema) == deep)
			return schema;
		if (deep && plain == NULL && json_member(schema, "$ref") == NULL)
			plain = schema;
	}
	return plain != NULL ? plain : list->first;
}

static struct text instance_type(const struct json *schema, unsigned depth)
{
	const struct json *type = json_member(schema, "type");

	if (json_is(type, JSON_STRING))
		return type->text;
	if (json_is(type, JSON_ARRAY)) {
		struct text chosen = {0};
		JSON_EACH(item, type)
		{
			bool null = text_is(item->text, "null");
			if (chosen.data == NULL || (null && depth >= INSTANCE_DEEP) ||
			    (text_is(chosen, "null") && depth < INSTANCE_DEEP))
				chosen = item->text;
		}
		return chosen;
	}
	if (json_member(schema, "properties") != NULL || json_member(schema, "allOf") != NULL)
		return TEXT("object");
	if (json_member(schema, "items") != NULL || json_member(schema, "prefixItems") != NULL)
		return TEXT("array");
	return json_member(schema, "minimum") != NULL || json_member(schema, "maximum") != NULL
	           ? TEXT("number")
	           : TEXT("string");
}

static void instance_write_enum(struct instance *instance, const struct json *list, size_t index)
{
	const struct json *chosen = json_at(list, list->count == 0 ? 0 : index % list->count);

	JSON_EACH(value, list)
	{
		if (index == 0 && value->type == JSON_STRING &&
		    instance_says(instance->hint, value->text)) {
			chosen = value;
			break;
		}
	}
	if (chosen == NULL)
		json_write_null(&instance->writer);
	else
		json_write_node(&instance->writer, chosen);
}

/* --- numbers --- */

static bool instance_bound(const struct json *schema, const char *name, double *out)
{
	const struct json *node = json_member(schema, name);

	return json_is(node, JSON_NUMBER) && text_to_double(node->text, out);
}

struct instance_range {
	double min, max, step;
	bool has_min, has_max;
};

static struct instance_range instance_read_range(const struct json *schema, bool integer)
{
	struct instance_range range = {.step = integer ? 1 : 0};
	double bound;
	double above = integer ? 1 : 0.5;

	if (instance_bound(schema, "minimum", &bound))
		range.has_min = true, range.min = bound;
	if (instance_bound(schema, "exclusiveMinimum", &bound))
		range.has_min = true, range.min = bound + above;
	if (instance_bound(schema, "maximum", &bound))
		range.has_max = true, range.max = bound;
	if (instance_bound(schema, "exclusiveMaximum", &bound))
		range.has_max = true, range.max = bound - above;
	if (instance_bound(schema, "multipleOf", &bound) && bound > 0)
		range.step = bound;
	/* An open interval narrower than the two halves: its middle. */
	if (range.has_min && range.has_max && range.min > range.max)
		range.min = range.max = (range.min + range.max) / 2;
	return range;
}

static void instance_write_number(struct instance *instance, const struct json *schema,
                                  bool integer, struct instance_spot spot)
{
	struct instance_range range = instance_read_range(schema, integer);
	struct text said = instance_number_said(instance->hint, spot.index);
	double value = range.has_min ? range.min : range.has_max && range.max < 1 ? range.max : 1;
	double from_hint;

	if (said.data != NULL && text_to_double(said, &from_hint) &&
	    (!range.has_min || from_hint >= range.min) &&
	    (!range.has_max || from_hint <= range.max))
		value = from_hint;
	else
		value += (double)spot.index * (range.step > 0 ? range.step : 1);
	double steps = range.step > 0 ? value / range.step : 0;
	/* Beyond that a double counts no more in ones. */
	if (range.step > 0 && steps > -1e15 && steps < 1e15) {
		int64_t whole = (int64_t)steps;
		if ((double)whole < steps)
			whole++;
		value = (double)whole * range.step;
	}
	json_write_double(&instance->writer, value, 6);
}

/* --- strings --- */

static const struct {
	const char *format, *sample;
} instance_formats[] = {
    {"date-time", "2026-01-15T09:30:00Z"},
    {"date", "2026-01-15"},
    {"time", "09:30:00Z"},
    {"duration", "PT1H"},
    {"email", "someone@example.com"},
    {"hostname", "example.com"},
    {"ipv4", "192.0.2.1"},
    {"ipv6", "2001:db8::1"},
    {"uri", "https://example.com/"},
    {"uuid", "123e4567-e89b-42d3-a456-426614174000"},
};

static struct text instance_phrase(const struct instance *instance, struct instance_spot spot)
{
	struct text phrase = instance_quoted(instance->hint);

	if (phrase.data == NULL || phrase.len == 0)
		phrase = instance_name(instance->hint);
	if (phrase.data == NULL || phrase.len == 0)
		phrase = spot.key.len > 0 ? spot.key : TEXT("value");
	return spot.index == 0
	           ? phrase
	           : text_format(instance->arena, "%.*s %zu", TEXT_ARG(phrase), spot.index + 1);
}

static struct text instance_fit(struct instance *instance, const struct json *schema,
                                struct text phrase)
{
	static const int64_t range[] = {0, INSTANCE_MAX_LENGTH};
	int64_t min = sim_integer(schema, "minLength", range, 0);
	int64_t max = sim_integer(schema, "maxLength", range, INSTANCE_MAX_LENGTH);
	int64_t have = (int64_t)text_code_points(phrase);
	if (have > max) {
		size_t at = 0;
		for (int64_t i = 0; i < max && at < phrase.len; i++) {
			size_t bytes = text_utf8_sequence(text_slice(phrase, at, phrase.len), NULL);
			at += bytes == 0 ? 1 : bytes;
		}
		return text_slice(phrase, 0, at);
	}
	if (have >= min)
		return phrase;
	size_t pad = (size_t)(min - have);
	char *bytes = arena_alloc_bytes(instance->arena, phrase.len + pad);
	memcpy(bytes, phrase.data, phrase.len);
	memset(bytes + phrase.len, 'x', pad);
	return (struct text){bytes, phrase.len + pad};
}

static void instance_write_string(struct instance *instance, const struct json *schema,
                                  struct instance_spot spot)
{
	struct text format = json_string(schema, "format");

	for (size_t i = 0; i < ARRAY_LENGTH(instance_formats); i++) {
		if (!text_is(format, instance_formats[i].format))
			continue;
		json_write_c(&instance->writer, instance_formats[i].sample);
		return;
	}
	json_write_string(&instance->writer,
	                  instance_fit(instance, schema, instance_phrase(instance, spot)));
}

/* --- arrays and objects --- */

static void instance_write_items(struct instance *instance, const struct json *schema,
                                 struct instance_spot spot)
{
	const struct json *prefix = json_member(schema, "prefixItems");
	const struct json *items = json_member(schema, "items");
	static const int64_t range[] = {0, INSTANCE_MAX_ITEMS};
	int64_t min = sim_integer(schema, "minItems", range, 0);
	int64_t max = sim_integer(schema, "maxItems", range, INSTANCE_MAX_ITEMS);
	int64_t count = spot.depth >= INSTANCE_DEEP ? min : int64_max(min, max > 0 ? 1 : 0);
	if (json_is(prefix, JSON_ARRAY))
		count = int64_max(count, (int64_t)prefix->count);
	json_write_array(&instance->writer);
	for (int64_t i = 0; i < count; i++) {
		const struct json *item = json_at(prefix, (size_t)i);
		struct instance_spot below = {spot.key, spot.depth + 1, (size_t)i};

		instance_write(instance, item != NULL ? item : items, below);
	}
	json_write_array_end(&instance->writer);
}

static bool instance_requires(const struct json *schema, struct text name)
{
	JSON_EACH(item, json_member(schema, "required"))
	{
		if (text_equal(item->text, name))
			return true;
	}
	return false;
}

/* The properties of one schema: all that are required; of a schema that requires none, all. */
static void instance_write_properties(struct instance *instance, const struct json *schema,
                                      struct instance_spot spot)
{
	const struct json *properties = json_member(schema, "properties");
	const struct json *required = json_member(schema, "required");
	bool all = (required == NULL || required->count == 0) && spot.depth < INSTANCE_DEEP;

	JSON_EACH(property, properties)
	{
		struct instance_spot below = {property->key, spot.depth + 1, 0};

		if (!all && !instance_requires(schema, property->key))
			continue;
		json_write_key_text(&instance->writer, property->key);
		instance_write(instance, property, below);
	}
	JSON_EACH(name, required)
	{
		struct instance_spot below = {name->text, spot.depth + 1, 0};

		if (name->type != JSON_STRING || json_member_text(properties, name->text) != NULL)
			continue;
		json_write_key_text(&instance->writer, name->text);
		instance_write(instance, NULL, below);
	}
}

static void instance_write_object(struct instance *instance, const struct json *schema,
                                  struct instance_spot spot)
{
	json_write_object(&instance->writer);
	instance_write_properties(instance, schema, spot);
	JSON_EACH(part, json_member(schema, "allOf"))
	instance_write_properties(instance, instance_resolve(instance, part), spot);
	json_write_object_end(&instance->writer);
}

static void instance_write(struct instance *instance, const struct json *schema,
                           struct instance_spot spot)
{
	schema = instance_resolve(instance, schema);
	const struct json *alternatives = instance_alternatives(schema);
	const struct json *fixed = json_member(schema, "const");
	const struct json *list = json_member(schema, "enum");

	if (++instance->values > INSTANCE_MAX_VALUES || spot.depth > INSTANCE_MAX_DEPTH) {
		json_write_null(&instance->writer);
		return;
	}
	if (fixed != NULL) {
		json_write_node(&instance->writer, fixed);
		return;
	}
	if (json_is(list, JSON_ARRAY)) {
		instance_write_enum(instance, list, spot.index);
		return;
	}
	if (json_is(alternatives, JSON_ARRAY) && alternatives->count > 0) {
		spot.depth++;
		instance_write(instance, instance_choose(alternatives, spot.depth - 1), spot);
		return;
	}
	struct text type = instance_type(schema, spot.depth);
	if (text_is(type, "object"))
		instance_write_object(instance, schema, spot);
	else if (text_is(type, "array"))
		instance_write_items(instance, schema, spot);
	else if (text_is(type, "integer") || text_is(type, "number"))
		instance_write_number(instance, schema, text_is(type, "integer"), spot);
	else if (text_is(type, "boolean"))
		json_write_bool(&instance->writer, true);
	else if (text_is(type, "null"))
		json_write_null(&instance->writer);
	else
		instance_write_string(instance, schema, spot);
}

struct text sim_instance(const struct json *schema, struct text hint, struct arena *arena)
{
	struct instance instance = {.root = schema, .hint = hint, .arena = arena};
	struct text_buf out;

	if (!json_is(schema, JSON_OBJECT))
		return TEXT("{}");
	text_buf_init(&out, INSTANCE_MAX_BYTES);
	json_writer_init(&instance.writer, &out, false);
	instance_write(&instance, schema, (struct instance_spot){.depth = 0});
	struct text made = out.overflow ? TEXT("{}") : text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return made;
}
