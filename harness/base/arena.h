/*
 * Memory by lifetime: allocate freely, give all of it back in one stroke.
 *
 * Whoever names the lifetime (config, suite, run, attempt, request) owns the
 * arena; everything allocated in it lives exactly as long. There is no way to
 * free one piece.
 */
#ifndef PROVISO_BASE_ARENA_H
#define PROVISO_BASE_ARENA_H

#include "harness/base/base.h"

struct arena_block;

/* Embed it; zeroed memory is a valid empty arena. */
struct arena {
	struct arena_block *block; /* newest first */
	char *next;                /* first free byte of the newest block */
	char *end;
	size_t held; /* bytes taken from the heap, for memory reports */
};

/* Zeroed, aligned for any type; never NULL. Lives until reset or done. */
MUST_CHECK void *arena_alloc(struct arena *arena, size_t size);
MUST_CHECK void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_NEW_ARRAY(arena, type, count)                                                        \
	((type *)arena_alloc_array((arena), (count), sizeof(type)))

/* Not zeroed, not aligned: for bytes that are written at once. */
MUST_CHECK char *arena_alloc_bytes(struct arena *arena, size_t size);

/* Everything allocated so far is gone; one block is kept for the next round. */
void arena_reset(struct arena *arena);

/* Gives all memory back. The arena is empty and may be used again. */
void arena_done(struct arena *arena);

#endif
