/* Memory that never returns NULL, and the end of the process when we are wrong. */
#include "harness/base/base.h"

#include <stdio.h>
#include <stdlib.h>

/* The exit status for a fault of Proviso itself (sysexits.h: EX_SOFTWARE). */
enum { EXIT_INTERNAL = 70 };

void base_require_failed(const char *condition, const char *file, int line)
{
	(void)fprintf(stderr,
	              "proviso: internal error: %s does not hold at %s:%d\n"
	              "This is a fault of Proviso, not of your input. Please report it.\n",
	              condition, file, line);
#ifdef PROVISO_ABORT_ON_REQUIRE
	abort(); /* fuzzers and sanitizer builds want the stack */
#else
	exit(EXIT_INTERNAL);
#endif
}

static NO_RETURN void memory_exhausted(size_t size)
{
	(void)fprintf(stderr, "proviso: out of memory (%zu bytes wanted)\n", size);
	abort();
}

void *memory_new(size_t size)
{
	void *fresh = calloc(1, size == 0 ? 1 : size);
	if (fresh == NULL)
		memory_exhausted(size);
	return fresh;
}

void *memory_new_array(size_t count, size_t size)
{
	return memory_new(size_mul(count, size));
}

void *memory_resize(void *old, size_t size)
{
	void *fresh = realloc(old, size == 0 ? 1 : size);
	if (fresh == NULL)
		memory_exhausted(size);
	return fresh;
}

void memory_free(void *old)
{
	free(old);
}

size_t size_mul(size_t a, size_t b)
{
	if (b != 0 && a > SIZE_MAX / b)
		memory_exhausted(SIZE_MAX);
	return a * b;
}
