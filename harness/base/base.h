/*
 * The words every file uses: attributes, checks of our own mistakes, and
 * memory that never returns NULL.
 *
 * Nothing here knows what Proviso is for.
 */
#ifndef PROVISO_BASE_BASE_H
#define PROVISO_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(template_at, first_at) __attribute__((format(printf, template_at, first_at)))
#define NO_RETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/*
 * States what only a mistake of ours can break; stays in release builds.
 * No input may trip it: what input can make wrong is a fault (fault.h).
 */
#define REQUIRE(condition)                                                                         \
	((condition) ? (void)0 : base_require_failed(#condition, __FILE__, __LINE__))

NO_RETURN void base_require_failed(const char *condition, const char *file, int line);

/*
 * What holds, and an analyser of one file can't see: said to clang's alone (`make analyse`), which
 * takes it as given. No code; what input may break is never told it.
 */
#ifdef __clang_analyzer__
#define ASSUME(condition) ((condition) ? (void)0 : __builtin_unreachable())
#else
#define ASSUME(condition) ((void)0)
#endif

/* The struct that holds `member`, from a pointer to that member. */
#define CONTAINER_OF(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/*
 * Heap memory, zeroed. Running out ends the process with a message: what input
 * can make large is refused by a named limit long before. Sizes of 0 are given
 * one byte.
 */
MUST_CHECK void *memory_new(size_t size);
MUST_CHECK void *memory_new_array(size_t count, size_t size);
/* Grown part is not zeroed. */
MUST_CHECK void *memory_resize(void *old, size_t size);
void memory_free(void *old);

/* a * b, or the end of the process where that does not fit a size_t. */
MUST_CHECK size_t size_mul(size_t a, size_t b);

static inline int64_t int64_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t int64_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline size_t size_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

#endif
