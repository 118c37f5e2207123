/* Which children of an instance some schema looked at: for unevaluatedItems and ...Properties. */
#include "cases/schema/schema_private.h"

enum { WORD_BITS = 64 };

void schema_marks_init(struct schema_marks *marks, const struct json *instance)
{
	*marks = (struct schema_marks){0};
	marks->count = ((size_t)instance->count + WORD_BITS - 1) / WORD_BITS;
	marks->words = marks->count <= ARRAY_LENGTH(marks->own)
	                   ? marks->own
	                   : memory_new_array(marks->count, sizeof(*marks->words));
}

void schema_marks_done(struct schema_marks *marks)
{
	if (marks->words != marks->own)
		memory_free(marks->words);
}

void schema_marks_set(struct schema_marks *marks, uint32_t child)
{
	if (marks != NULL)
		marks->words[child / WORD_BITS] |= UINT64_C(1) << child % WORD_BITS;
}

bool schema_marks_has(const struct schema_marks *marks, uint32_t child)
{
	return (marks->words[child / WORD_BITS] >> child % WORD_BITS & 1) != 0;
}

void schema_marks_add(struct schema_marks *marks, const struct schema_marks *more)
{
	if (marks == NULL)
		return;
	for (size_t i = 0; i < marks->count; i++)
		marks->words[i] |= more->words[i];
}
