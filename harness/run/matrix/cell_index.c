/* Finding a cell by its names: open addressing, linear probing, at most half full. */
#include "harness/run/matrix/cell_index.h"

enum { SLOTS_FIRST = 64 };

/* FNV-1a with a byte between the fields, so that ("ab","c") and ("a","bc") differ. */
static uint64_t hash_text(uint64_t hash, struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
	return (hash ^ 0xff) * 1099511628211u;
}

static uint64_t hash_key(const struct cell_key *key)
{
	uint64_t hash = hash_text(14695981039346656037u, key->target);

	return hash_text(hash_text(hash, key->case_id), key->variant);
}

static bool same_key(const struct cell_key *a, const struct cell_key *b)
{
	return text_equal(a->case_id, b->case_id) && text_equal(a->variant, b->variant) &&
	       text_equal(a->target, b->target);
}

/* The slot that holds the key, or the free one where it belongs. */
static struct cell_slot *find_slot(const struct cell_index *index, const struct cell_key *key)
{
	size_t at = (size_t)hash_key(key) & (index->room - 1);

	while (index->slots[at].number != 0 && !same_key(&index->slots[at].key, key))
		at = (at + 1) & (index->room - 1);
	return &index->slots[at];
}

size_t cell_index_find(const struct cell_index *index, struct cell_key key)
{
	if (index->count == 0)
		return SIZE_MAX;
	return find_slot(index, &key)->number - 1; /* a free slot's 0 becomes SIZE_MAX */
}

static void grow(struct cell_index *index)
{
	struct cell_index grown = {
	    .room = index->room == 0 ? SLOTS_FIRST : size_mul(index->room, 2),
	    .count = index->count,
	};

	grown.slots = memory_new_array(grown.room, sizeof(*grown.slots));
	for (size_t i = 0; i < index->room; i++)
		if (index->slots[i].number != 0)
			*find_slot(&grown, &index->slots[i].key) = index->slots[i];
	memory_free(index->slots);
	*index = grown;
}

void cell_index_add(struct cell_index *index, struct cell_key key, size_t number)
{
	if (index->count * 2 >= index->room)
		grow(index);
	struct cell_slot *slot = find_slot(index, &key);
	if (slot->number != 0)
		return;
	*slot = (struct cell_slot){key, number + 1};
	index->count++;
}

void cell_index_done(struct cell_index *index)
{
	memory_free(index->slots);
	*index = (struct cell_index){0};
}
