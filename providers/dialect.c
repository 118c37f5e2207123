/* The dialects that a provider can be configured with. */
#include "providers/dialect.h"

static const struct dialect *const dialects[] = {&dialect_openai, &dialect_anthropic,
                                                 &dialect_gemini};

const char *const dialect_names[] = {"openai", "anthropic", "gemini", NULL};

const struct dialect *dialect_from_name(struct text name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(dialects); i++)
		if (text_is(name, dialects[i]->name))
			return dialects[i];
	return NULL;
}
