/* The dialects that a provider can be configured with. */
#include "providers/dialect/dialect.h"

static const struct dialect *const dialects[] = {
    &dialect_openai, &dialect_azure,  &dialect_anthropic, &dialect_gemini,
    &dialect_cohere, &dialect_ollama, &dialect_bedrock};

const char *const dialect_names[] = {"openai", "azure",  "anthropic", "gemini",
                                     "cohere", "ollama", "bedrock",   NULL};

const struct dialect *dialect_from_name(struct text name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(dialects); i++)
		if (text_is(name, dialects[i]->name))
			return dialects[i];
	return NULL;
}
