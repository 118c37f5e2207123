/* Anything by a text; see text_map.h. */
#include "harness/base/text_map.h"

#include "harness/base/json_hash.h"

enum { FIRST_ROOM = 64 };

struct text_map_slot {
	struct text key;
	void *value; /* NULL: free */
};

void text_map_init(struct text_map *map)
{
	*map = (struct text_map){.count = 0};
	json_hash_seed(map->seed);
}

void text_map_done(struct text_map *map)
{
	memory_free(map->slots);
	*map = (struct text_map){.count = 0};
}

static struct text_map_slot *slot_of(const struct text_map *map, struct text key)
{
	size_t at = (size_t)json_hash_text(map->seed, key) & (map->room - 1);

	while (map->slots[at].value != NULL && !text_equal(map->slots[at].key, key))
		at = (at + 1) & (map->room - 1);
	return &map->slots[at];
}

void *text_map_find(const struct text_map *map, struct text key)
{
	return map->room == 0 ? NULL : slot_of(map, key)->value;
}

static void grow(struct text_map *map)
{
	struct text_map old = *map;

	map->room = old.room == 0 ? FIRST_ROOM : size_mul(old.room, 2);
	map->slots = memory_new_array(map->room, sizeof(*map->slots));
	for (size_t i = 0; i < old.room; i++)
		if (old.slots[i].value != NULL)
			*slot_of(map, old.slots[i].key) = old.slots[i];
	memory_free(old.slots);
}

void text_map_add(struct text_map *map, struct text key, void *value)
{
	REQUIRE(value != NULL);
	if (map->count * 2 >= map->room)
		grow(map);
	struct text_map_slot *slot = slot_of(map, key);
	REQUIRE(slot->value == NULL);
	*slot = (struct text_map_slot){key, value};
	map->count++;
}
