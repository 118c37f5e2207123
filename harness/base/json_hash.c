/* Members by key, duplicates, and hashes of values; see json_hash.h. */
#include "harness/base/json_hash.h"

#include <unistd.h>

static uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3: one round a word, three at the end. */
uint64_t json_hash_text(const uint64_t seed[2], struct text text)
{
	uint64_t v[4] = {
	    seed[0] ^ UINT64_C(0x736f6d6570736575),
	    seed[1] ^ UINT64_C(0x646f72616e646f6d),
	    seed[0] ^ UINT64_C(0x6c7967656e657261),
	    seed[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t word;
	size_t at = 0;

	for (; text.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, text.data + at, sizeof(word));
		v[3] ^= word;
		mix(v);
		v[0] ^= word;
	}
	word = 0;
	if (at < text.len)
		memcpy(&word, text.data + at, text.len - at);
	word ^= (uint64_t)text.len << 56;
	v[3] ^= word;
	mix(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	mix(v);
	mix(v);
	mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void json_hash_seed(uint64_t seed[2])
{
	/* One a thread: whoever does not know it can't prepare collisions, and asking the system
	 * for another with every object costs more than the object. */
	static _Thread_local uint64_t of_thread[2];
	static _Thread_local bool seeded;

	if (!seeded) {
		/* No entropy: an address is still more than a peer knows. */
		if (getentropy(of_thread, sizeof(of_thread)) != 0) {
			of_thread[0] = (uintptr_t)seed * UINT64_C(0x9e3779b97f4a7c15);
			of_thread[1] =
			    (uintptr_t)&json_default_limits * UINT64_C(0x9e3779b97f4a7c15);
		}
		seeded = true;
	}
	memcpy(seed, of_thread, sizeof(of_thread));
}

/* Where the key stands or would stand. At most half of the slots are used. */
static struct json **slot_of(const struct json_index *index, struct text key)
{
	size_t at = (size_t)json_hash_text(index->seed, key) & index->mask;

	while (index->slots[at] != NULL && !text_equal(index->slots[at]->key, key))
		at = (at + 1) & index->mask;
	return &index->slots[at];
}

static void slots_new(struct json_index *index, uint32_t count)
{
	size_t size = 64;

	while (size < (size_t)count * 2)
		size *= 2;
	index->slots = memory_new_array(size, sizeof(*index->slots));
	index->mask = size - 1;
	json_hash_seed(index->seed);
}

void json_index_init(struct json_index *index, const struct json *object)
{
	*index = (struct json_index){.object = object};
	if (object == NULL || object->type != JSON_OBJECT || object->count < JSON_INDEX_MIN)
		return;
	slots_new(index, object->count);
	JSON_EACH(member, object)
	*slot_of(index, member->key) = member;
}

void json_index_done(struct json_index *index)
{
	memory_free(index->slots);
	*index = (struct json_index){0};
}

struct json *json_index_find(const struct json_index *index, struct text key)
{
	if (index->slots == NULL)
		return json_member_text(index->object, key);
	return *slot_of(index, key);
}

enum { FEW_MEMBERS = 64 };

/* Both ends of the key and its length, mixed by a multiplication; the best bits are the upper. */
static size_t quick_hash(struct text key)
{
	uint64_t first = 0, last = 0;

	if (key.len >= sizeof(first)) {
		memcpy(&first, key.data, sizeof(first));
		memcpy(&last, key.data + key.len - sizeof(last), sizeof(last));
	} else {
		for (size_t i = 0; i < key.len; i++)
			first = first << 8 | (unsigned char)key.data[i];
	}
	uint64_t mixed = (first ^ rotate(last, 29) ^ key.len) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(mixed >> 32);
}

/*
 * So few that keys made to collide cost no more than comparing each with each: no heap, and a
 * hash that needs no secret. Objects of some twenty members are most of what is read.
 */
static void mark_few(struct json *object)
{
	struct json *slots[2 * FEW_MEMBERS];
	size_t size = 16;

	while (size < (size_t)object->count * 2)
		size *= 2;
	memset(slots, 0, size * sizeof(slots[0]));
	JSON_EACH(member, object)
	{
		size_t at = quick_hash(member->key) & (size - 1);
		while (slots[at] != NULL && !text_equal(slots[at]->key, member->key))
			at = (at + 1) & (size - 1);
		member->duplicate = slots[at] != NULL;
		slots[at] = member;
		object->has_duplicate = object->has_duplicate || member->duplicate;
	}
}

static void mark_many(struct json *object)
{
	struct json_index index = {.object = object};

	slots_new(&index, object->count);
	JSON_EACH(member, object)
	{
		struct json **slot = slot_of(&index, member->key);
		member->duplicate = *slot != NULL;
		*slot = member;
		object->has_duplicate = object->has_duplicate || member->duplicate;
	}
	json_index_done(&index);
}

void json_mark_duplicates(struct json *object)
{
	if (object->count <= FEW_MEMBERS)
		mark_few(object);
	else
		mark_many(object);
}

/* --- hashes of values --------------------------------------------------------- */

static uint64_t scramble(uint64_t value)
{
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

uint64_t json_hash(const struct json *node)
{
	static const uint64_t seed[2] = {0, 0};
	uint64_t hash = node->type;

	switch ((enum json_type)node->type) {
	case JSON_NULL:
		break;
	case JSON_BOOL:
		hash += node->truth ? 8 : 16;
		break;
	case JSON_NUMBER:
		hash += json_number_hash(node->text);
		break;
	case JSON_STRING:
		hash += json_hash_text(seed, node->text);
		break;
	case JSON_ARRAY:
		JSON_EACH(item, node)
		hash = scramble(hash) + json_hash(item);
		break;
	case JSON_OBJECT:
		/* Order does not count, so members add up; only the last of duplicates counts,
		 * so an object that has some is left to the comparison. */
		if (node->has_duplicate)
			break;
		JSON_EACH(member, node)
		hash += scramble(json_hash_text(seed, member->key) ^ rotate(json_hash(member), 7));
		break;
	}
	return scramble(hash);
}
