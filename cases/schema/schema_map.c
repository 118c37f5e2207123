/* Anything by a text: parts by node, resources by URI. Open addressing, keyed hash. */
#include "cases/schema/schema_private.h"

#include "harness/base/json_hash.h"

enum { FIRST_ROOM = 64 };

struct schema_map_slot {
	struct text key;
	void *value; /* NULL: free */
};

void schema_map_init(struct schema_map *map)
{
	*map = (struct schema_map){0};
	json_hash_seed(map->seed);
}

static struct schema_map_slot *slot_of(const struct schema_map *map, struct text key)
{
	size_t at = (size_t)json_hash_text(map->seed, key) & (map->room - 1);

	while (map->slots[at].value != NULL && !text_equal(map->slots[at].key, key))
		at = (at + 1) & (map->room - 1);
	return &map->slots[at];
}

void *schema_map_find(const struct schema_map *map, struct text key)
{
	return map->room == 0 ? NULL : slot_of(map, key)->value;
}

void *schema_map_at(const struct schema_map *map, size_t index)
{
	return map->slots[index].value;
}

static void grow(struct schema_map *map, struct arena *arena)
{
	struct schema_map old = *map;

	map->room = old.room == 0 ? FIRST_ROOM : old.room * 2;
	map->slots = ARENA_NEW_ARRAY(arena, struct schema_map_slot, map->room);
	for (size_t i = 0; i < old.room; i++) {
		if (old.slots[i].value != NULL)
			*slot_of(map, old.slots[i].key) = old.slots[i];
	}
}

void schema_map_add(struct schema_map *map, struct arena *arena, struct text key, void *value)
{
	if (map->count * 2 >= map->room)
		grow(map, arena);
	struct schema_map_slot *slot = slot_of(map, key);
	if (slot->value != NULL)
		return;
	*slot = (struct schema_map_slot){key, value};
	map->count++;
}
