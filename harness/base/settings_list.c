/* What a table of settings takes, key by key: for a manual and for whoever asks; see settings.h. */
#include "harness/base/settings.h"

struct listing {
	struct arena *arena;
	setting_told *tell;
	void *context;
};

static struct text list_names(const char *const *names, struct arena *arena)
{
	struct text told = text_of(names[0]);

	for (size_t i = 1; names[i] != NULL; i++)
		told = text_format(arena, "%.*s | %s", TEXT_ARG(told), names[i]);
	return told;
}

static struct text list_range(const struct setting *row, struct arena *arena)
{
	if (row->max == 0)
		return text_format(arena, "number from %lld", (long long)row->min);
	return text_format(arena, "number from %lld to %lld", (long long)row->min,
	                   (long long)row->max);
}

/* What stands behind the key; data NULL: more keys, and nothing of its own. */
static struct text takes_of(const struct setting *row, struct arena *arena)
{
	switch (row->type) {
	case SETTING_TEXT:
		return TEXT("text");
	case SETTING_INT:
		return list_range(row, arena);
	case SETTING_BOOL:
		return TEXT("true | false");
	case SETTING_ENUM:
		return list_names(row->names, arena);
	case SETTING_DURATION:
		return TEXT("duration");
	case SETTING_BYTES:
		return TEXT("size");
	case SETTING_USD:
		return TEXT("USD");
	case SETTING_NODE:
		return TEXT("value");
	case SETTING_TEXTS:
		return TEXT("text or list of texts");
	case SETTING_STRUCT:
	case SETTING_LIST:
	case SETTING_MAP:
		break;
	}
	return (struct text){NULL, 0};
}

static void list_table(const struct listing *listing, const struct setting_table *table,
                       struct text prefix)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct setting *row = &table->rows[i];
		const char *inside = row->type == SETTING_LIST  ? "[]."
		                     : row->type == SETTING_MAP ? ".NAME."
		                                                : ".";
		struct setting_line line = {
		    .key = text_format(listing->arena, "%.*s%s", TEXT_ARG(prefix), row->name),
		    .takes = takes_of(row, listing->arena),
		    .row = row,
		};
		listing->tell(listing->context, &line);
		if (row->table != NULL)
			list_table(
			    listing, row->table,
			    text_format(listing->arena, "%.*s%s", TEXT_ARG(line.key), inside));
	}
}

void settings_list(const struct setting_table *table, struct text prefix, struct arena *arena,
                   setting_told *tell, void *context)
{
	const struct listing listing = {arena, tell, context};

	list_table(&listing, table, prefix);
}
