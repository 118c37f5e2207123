/* See dropped.h. */
#include "providers/dropped.h"

enum { NAME_MAX_BYTES = 64 };

void dropped_add(struct dropped *dropped, struct arena *arena, struct text name)
{
	for (size_t i = 0; i < dropped->count; i++)
		if (text_equal(dropped->items[i], name))
			return;
	if (dropped->count < DROPPED_MAX)
		dropped->items[dropped->count++] = text_copy(arena, name);
}

static bool is_listed(const char *const *names, struct text name)
{
	for (; *names != NULL; names++)
		if (text_is(name, *names))
			return true;
	return false;
}

void dropped_add_others(struct dropped *dropped, struct arena *arena, const struct json *object,
                        const char *where, const char *const *carried)
{
	JSON_EACH(member, json_is(object, JSON_OBJECT) ? object : NULL)
	{
		if (member->type == JSON_NULL || is_listed(carried, member->key))
			continue;
		struct text name = text_visible(arena, member->key, NAME_MAX_BYTES);
		dropped_add(dropped, arena,
		            text_format(arena, "%s%s%.*s", where == NULL ? "" : where,
		                        where == NULL ? "" : ".", TEXT_ARG(name)));
	}
}

struct text_list dropped_list(const struct dropped *dropped, struct arena *arena)
{
	struct text_list list = {NULL, dropped->count};

	if (dropped->count > 0)
		list.items = ARENA_NEW_ARRAY(arena, struct text, dropped->count);
	for (size_t i = 0; i < dropped->count; i++)
		list.items[i] = dropped->items[i];
	return list;
}
