/* Bump allocation in blocks that grow; see arena.h for the promise. */
#include "harness/base/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	ARENA_BLOCK_FIRST = 1024,
	ARENA_SMALL = 8 << 10, /* up to that much, blocks are of the first one's size */
	ARENA_BLOCK_LARGEST = 1 << 20,
	ARENA_JOINED_MAX = 64 << 10, /* blocks up to that much become one at a reset */
	ARENA_ALIGNMENT = 16,
	ARENA_LARGE_PAGE = 2 << 20,
};

struct arena_block {
	struct arena_block *older;
	size_t size; /* bytes behind this header */
	_Alignas(ARENA_ALIGNMENT) char bytes[];
};

/*
 * A block of megabytes (a file as a whole, a matrix's cells) in large pages, where the system gives
 * some: a fault for each 4 KB takes longer than filling them. Its end stays in small ones.
 */
static struct arena_block *block_new(size_t size)
{
#ifdef MADV_HUGEPAGE
	size_t whole = size / ARENA_LARGE_PAGE * ARENA_LARGE_PAGE;
	void *fresh = whole == 0 ? NULL : aligned_alloc(ARENA_LARGE_PAGE, whole + ARENA_LARGE_PAGE);
	if (fresh != NULL) {
		(void)!madvise(fresh, whole, MADV_HUGEPAGE); /* a wish */
		return fresh;
	}
#endif
	return memory_resize(NULL, size);
}

static void arena_grow(struct arena *arena, size_t size)
{
	size_t wanted = ARENA_BLOCK_FIRST;

	/* Doubles what is held, but for small ones: thousands of streams have several each. */
	if (arena->held > ARENA_SMALL)
		wanted = size_min(arena->held, ARENA_BLOCK_LARGEST);
	if (wanted < size + ARENA_ALIGNMENT)
		wanted = size + ARENA_ALIGNMENT;

	struct arena_block *block = block_new(sizeof(*block) + wanted);
	block->older = arena->block;
	block->size = wanted;
	arena->block = block;
	arena->next = block->bytes;
	arena->end = block->bytes + wanted;
	arena->held += sizeof(*block) + wanted;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t skip = (ARENA_ALIGNMENT - ((uintptr_t)arena->next & (ARENA_ALIGNMENT - 1))) &
	              (ARENA_ALIGNMENT - 1);

	REQUIRE(size < SIZE_MAX / 2);
	if (arena->block == NULL || (size_t)(arena->end - arena->next) < size + skip) {
		arena_grow(arena, size);
		skip = 0; /* a block's bytes are aligned */
	}
	void *fresh = arena->next + skip;
	arena->next += skip + size;
	return memset(fresh, 0, size);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
	return arena_alloc(arena, size_mul(count, size));
}

char *arena_alloc_bytes(struct arena *arena, size_t size)
{
	REQUIRE(size < SIZE_MAX / 2);
	if (arena->block == NULL || (size_t)(arena->end - arena->next) < size)
		arena_grow(arena, size);
	char *fresh = arena->next;
	arena->next += size;
	return fresh;
}

void arena_done(struct arena *arena)
{
	for (struct arena_block *block = arena->block; block != NULL;) {
		struct arena_block *older = block->older;
		memory_free(block);
		block = older;
	}
	*arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
	struct arena_block *kept = arena->block;

	if (kept == NULL)
		return;
	/* What was needed this time is needed again, and is there at once then. */
	if (kept->older != NULL && arena->held <= ARENA_JOINED_MAX) {
		size_t held = arena->held;
		arena_done(arena);
		arena_grow(arena, held);
		return;
	}
	for (struct arena_block *block = kept->older; block != NULL;) {
		struct arena_block *older = block->older;
		memory_free(block);
		block = older;
	}
	kept->older = NULL;
	arena->next = kept->bytes;
	arena->end = kept->bytes + kept->size;
	arena->held = sizeof(*kept) + kept->size;
}
