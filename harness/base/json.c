/* Looking at nodes, comparing them, making and copying them; see json.h. */
#include "harness/base/json.h"

#include "harness/base/json_hash.h"

struct place json_place(const struct json *node)
{
	if (node == NULL)
		return (struct place){0};
	return (struct place){node->source, node->begin};
}

const char *json_type_name(const struct json *node)
{
	if (node == NULL)
		return "nothing";
	switch ((enum json_type)node->type) {
	case JSON_NULL:
		return "null";
	case JSON_BOOL:
		return "a boolean";
	case JSON_NUMBER:
		return "a number";
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	}
	return "nothing";
}

/* --- looking ------------------------------------------------------------------ */

struct json *json_member_text(const struct json *object, struct text name)
{
	struct json *found = NULL;

	if (!json_is(object, JSON_OBJECT))
		return NULL;
	JSON_EACH(member, object)
	{
		if (text_equal(member->key, name))
			found = member;
	}
	return found;
}

struct json *json_at(const struct json *array, size_t index)
{
	if (!json_is(array, JSON_ARRAY) || index >= array->count)
		return NULL;
	struct json *item = array->first;
	while (index-- > 0)
		item = item->next;
	return item;
}

/* Whether a pointer's token (~0 is ~, ~1 is /) names the key. */
static bool token_names(struct text token, struct text key)
{
	size_t at = 0;

	for (size_t i = 0; i < token.len; i++, at++) {
		char byte = token.data[i];
		if (byte == '~') {
			i++;
			if (i == token.len || (token.data[i] != '0' && token.data[i] != '1'))
				return false;
			byte = token.data[i] == '0' ? '~' : '/';
		}
		if (at >= key.len || key.data[at] != byte)
			return false;
	}
	return at == key.len;
}

static struct json *step_into(const struct json *node, struct text token)
{
	struct json *found = NULL;
	int64_t index;

	if (json_is(node, JSON_ARRAY)) {
		if (token.len > 1 && token.data[0] == '0')
			return NULL;
		if (!text_to_int64(token, 0, UINT32_MAX, &index))
			return NULL;
		return json_at(node, (size_t)index);
	}
	if (!json_is(node, JSON_OBJECT))
		return NULL;
	JSON_EACH(member, node)
	{
		if (token_names(token, member->key))
			found = member;
	}
	return found;
}

struct json *json_pointer(const struct json *root, struct text pointer)
{
	const struct json *node = root;

	if (pointer.len > 0 && pointer.data[0] != '/')
		return NULL;
	for (size_t at = 0; at < pointer.len && node != NULL;) {
		size_t end = text_find_byte(pointer, '/', at + 1);
		if (end == TEXT_NOT_FOUND)
			end = pointer.len;
		node = step_into(node, text_slice(pointer, at + 1, end));
		at = end;
	}
	/* The caller's own node comes back: what it may do with it, it knows. */
	return (struct json *)(uintptr_t)node;
}

bool json_node_integer(const struct json *node, int64_t min, int64_t max, int64_t *out)
{
	return json_is(node, JSON_NUMBER) && json_number_to_int64(node->text, min, max, out);
}

bool json_integer(const struct json *object, const char *name, int64_t min, int64_t max,
                  int64_t *out)
{
	return json_node_integer(json_member(object, name), min, max, out);
}

bool json_truth(const struct json *object, const char *name, bool fallback)
{
	const struct json *member = json_member(object, name);

	return json_is(member, JSON_BOOL) ? member->truth : fallback;
}

/* --- comparing ------------------------------------------------------------------ */

/* Members that count: of duplicates only the last. */
static uint32_t count_of(const struct json_index *index)
{
	uint32_t count = 0;

	if (!index->object->has_duplicate)
		return index->object->count;
	JSON_EACH(member, index->object)
	count += json_index_find(index, member->key) == member;
	return count;
}

static bool objects_equal(const struct json *a, const struct json *b)
{
	struct json_index in_a, in_b;
	bool equal;

	json_index_init(&in_a, a);
	json_index_init(&in_b, b);
	equal = count_of(&in_a) == count_of(&in_b);
	for (const struct json *member = a->first; equal && member != NULL; member = member->next) {
		if (a->has_duplicate && json_index_find(&in_a, member->key) != member)
			continue;
		const struct json *other = json_index_find(&in_b, member->key);
		equal = other != NULL && json_equal(member, other);
	}
	json_index_done(&in_a);
	json_index_done(&in_b);
	return equal;
}

static bool arrays_equal(const struct json *a, const struct json *b)
{
	const struct json *other = b->first;

	if (a->count != b->count)
		return false;
	JSON_EACH(item, a)
	{
		if (!json_equal(item, other))
			return false;
		other = other->next;
	}
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (a == NULL || b == NULL || a == b)
		return a == b;
	if (a->type != b->type)
		return false;
	switch ((enum json_type)a->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return a->truth == b->truth;
	case JSON_NUMBER:
		return json_number_compare(a->text, b->text) == 0;
	case JSON_STRING:
		return text_equal(a->text, b->text);
	case JSON_ARRAY:
		return arrays_equal(a, b);
	case JSON_OBJECT:
		return objects_equal(a, b);
	}
	return false;
}

/* --- making --------------------------------------------------------------------- */

struct json *json_new(struct arena *arena, enum json_type type)
{
	struct json *node = ARENA_NEW(arena, struct json);

	node->type = (uint8_t)type;
	if (type == JSON_NULL)
		node->text = TEXT("null");
	return node;
}

struct json *json_new_string(struct arena *arena, struct text text)
{
	struct json *node = json_new(arena, JSON_STRING);

	node->text = text;
	return node;
}

struct json *json_new_number(struct arena *arena, struct text number)
{
	struct json *node = json_new(arena, JSON_NUMBER);

	node->text = number;
	return node;
}

struct json *json_new_bool(struct arena *arena, bool truth)
{
	struct json *node = json_new(arena, JSON_BOOL);

	node->truth = truth;
	node->text = truth ? TEXT("true") : TEXT("false");
	return node;
}

void json_append(struct json *array, struct json *child)
{
	if (array->last == NULL)
		array->first = child;
	else
		array->last->next = child;
	array->last = child;
	array->count++;
}

void json_append_member(struct json *object, struct text key, struct json *child)
{
	child->key = key;
	json_append(object, child);
}

struct json *json_clone(struct arena *arena, const struct json *node)
{
	struct json *copy = ARENA_NEW(arena, struct json);

	*copy = *node;
	copy->first = copy->last = copy->next = NULL;
	copy->count = 0;
	JSON_EACH(child, node)
	json_append(copy, json_clone(arena, child));
	return copy;
}
