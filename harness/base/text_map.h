/*
 * Anything by a text. Open addressing, with a hash that is keyed with random bytes of the process:
 * whoever chose the texts, a look-up takes constant time.
 */
#ifndef PROVISO_BASE_TEXT_MAP_H
#define PROVISO_BASE_TEXT_MAP_H

#include "harness/base/text.h"

struct text_map_slot;

struct text_map {
	struct text_map_slot *slots; /* owned */
	size_t room, count;
	uint64_t seed[2];
};

void text_map_init(struct text_map *map);
/* The values are the caller's. */
void text_map_done(struct text_map *map);
/* The value of that key; NULL: there is none. */
MUST_CHECK void *text_map_find(const struct text_map *map, struct text key);
/* A key that is not there yet, and no NULL. The key's bytes are borrowed until the map is done. */
void text_map_add(struct text_map *map, struct text key, void *value);

#endif
