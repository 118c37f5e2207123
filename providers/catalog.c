/*
 * The catalogue: providers/catalog/NAME.yaml, embedded in the program. Facts about
 * providers are data; an entry that can't be read is our own mistake.
 */
#include "providers/provider_private.h"

#include "harness/base/embedded.h"
#include "harness/base/yaml.h"

static const struct text FOLDER = TEXT_INIT("providers/catalog/");
static const struct text SUFFIX = TEXT_INIT(".yaml");

/* "deepseek" of "providers/catalog/deepseek.yaml"; data NULL for other files. */
static struct text entry_name(const struct embedded_file *file)
{
	struct text path = text_of(file->name);

	if (!text_starts(path, FOLDER) || !text_ends(path, SUFFIX))
		return (struct text){NULL, 0};
	return text_slice(path, FOLDER.len, path.len - SUFFIX.len);
}

static bool entry_read(const struct embedded_file *file, struct arena *arena,
                       struct catalog_entry **out, struct fault *fault)
{
	struct source *source = ARENA_NEW(arena, struct source);
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct catalog_entry *entry = ARENA_NEW(arena, struct catalog_entry);
	struct json *root;

	*source = (struct source){
	    .name = text_of(file->name),
	    .body = {file->begin, (size_t)(file->end - file->begin)},
	};
	entry->name = entry_name(file);
	entry->provider = provider_config_defaults;
	bool good = yaml_read(source, NULL, arena, &root, NULL, fault);
	if (good && !catalog_entry_read(root, entry, arena, faults)) {
		*fault = faults->items[0];
		good = false;
	}
	memory_free(faults);
	*out = entry;
	return good || fault_within(fault, "reading the catalogue");
}

bool catalog_find(struct text name, struct arena *arena, struct catalog_entry **out,
                  struct fault *fault)
{
	*out = NULL;
	for (const struct embedded_file *file = embedded_files; file->name != NULL; file++) {
		struct text entry = entry_name(file);

		if (entry.data != NULL && text_equal(entry, name))
			return entry_read(file, arena, out, fault);
	}
	return true;
}

size_t catalog_count(void)
{
	size_t count = 0;

	for (const struct embedded_file *file = embedded_files; file->name != NULL; file++)
		count += entry_name(file).data != NULL;
	return count;
}

bool catalog_at(size_t index, struct arena *arena, struct catalog_entry **out, struct fault *fault)
{
	*out = NULL;
	for (const struct embedded_file *file = embedded_files; file->name != NULL; file++)
		if (entry_name(file).data != NULL && index-- == 0)
			return entry_read(file, arena, out, fault);
	return true;
}

const char *catalog_nearest(struct text name, struct arena *arena)
{
	const char **names = ARENA_NEW_ARRAY(arena, const char *, catalog_count());
	size_t count = 0;

	for (const struct embedded_file *file = embedded_files; file->name != NULL; file++)
		if (entry_name(file).data != NULL)
			names[count++] = text_c(arena, entry_name(file));
	return text_nearest(name, names, count);
}

struct text provider_title(struct text name, struct arena *arena)
{
	struct catalog_entry *entry;
	struct fault fault;

	if (!catalog_find(name, arena, &entry, &fault) || entry == NULL || entry->title.len == 0)
		return name;
	/* What a bill or a report calls it; by which format it is asked is no part of that. */
	return text_slice(entry->title, 0,
	                  text_find(entry->title, TEXT(" (OpenAI-compatible)"), 0));
}
