/* Looking up features by name; the table: feature.h. */
#include "cases/feature.h"

#include <stddef.h>

#define FIELD_PREFIX "field."

const struct feature_info feature_infos[] = {
#define FEATURE_INFO(enumerator, name, means) {name, means},
    FEATURE_TABLE(FEATURE_INFO)
#undef FEATURE_INFO
	{NULL, NULL},
};

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

bool feature_is_known(struct text name)
{
	return feature_field(name).data != NULL || feature_from_name(name) != FEATURE_COUNT;
}
