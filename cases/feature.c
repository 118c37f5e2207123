/* Looking up features by name; the table: feature.h. */
#include "cases/feature.h"

#include <stddef.h>

#define FIELD_PREFIX "field."

const char *const feature_names[] = {
#define FEATURE_NAME(enumerator, name, means) name,
    FEATURE_TABLE(FEATURE_NAME)
#undef FEATURE_NAME
	NULL,
};

enum feature feature_from_name(struct text name)
{
	int found = 0;

	while (found < FEATURE_COUNT && !text_is(name, feature_names[found]))
		found++;
	return (enum feature)found;
}

struct text feature_field(struct text name)
{
	if (!text_starts(name, TEXT(FIELD_PREFIX)) || name.len == sizeof(FIELD_PREFIX) - 1)
		return (struct text){NULL, 0};
	return text_slice(name, sizeof(FIELD_PREFIX) - 1, name.len);
}

/* Words that providers' lists of models and their documents use. */
static const struct {
	const char *claim, *feature;
} claims[] = {
    {"function_calling", "tools"},
    {"json_mode", "response_format.json_object"},
    {"parallel_function_calling", "parallel_tool_calls"},
    {"reasoning", "reasoning_effort"},
    {"response_format", "response_format.json_object"},
    {"streaming", "stream"},
    {"structured_outputs", "response_format.json_schema"},
    {"tool_choice", "tool_choice.named"},
    {"vision", "images"},
};

struct text feature_of_claim(struct text claim)
{
	if (feature_from_name(claim) != FEATURE_COUNT)
		return claim;
	for (size_t i = 0; i < ARRAY_LENGTH(claims); i++)
		if (text_is(claim, claims[i].claim))
			return text_of(claims[i].feature);
	return (struct text){NULL, 0};
}

bool feature_is_known(struct text name)
{
	return feature_field(name).data != NULL || feature_from_name(name) != FEATURE_COUNT;
}
