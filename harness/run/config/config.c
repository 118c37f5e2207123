/* Finding and reading proviso.yaml; see config.h. */
#include "harness/run/config/config.h"

#include "harness/base/file.h"

#include <stdlib.h>

#define CONFIG_NAME "proviso.yaml"

/* The config that is there without being named, or NULL. Arena. */
static const char *find_config(struct arena *arena)
{
	const char *folder = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (file_exists(CONFIG_NAME))
		return CONFIG_NAME;
	/* The specification says so: a relative one is to be ignored. */
	if (folder == NULL || folder[0] != '/')
		folder = home == NULL || home[0] == '\0' ? NULL : file_join(arena, home, ".config");
	if (folder == NULL)
		return NULL;
	const char *path = file_join(arena, folder, "proviso/" CONFIG_NAME);
	return file_exists(path) ? path : NULL;
}

static bool read_config(const struct source *source, struct config *out, struct fault_list *faults)
{
	const struct yaml_options options = {.aliases = true};
	struct json *root;
	struct fault fault;

	if (!document_read(source, &options, &out->arena, &root, faults, &fault)) {
		(void)fault_list_add(faults, &fault);
		return false;
	}
	/* An empty file is null, and a config of nothing is not what anybody means. */
	if (json_is(root, JSON_NULL)) {
		(void)fault_list_at(faults, json_place(root),
		                    "this config is empty; it begins with `version: 1` and "
		                    "`providers:` (proviso.yaml(5))");
		return false;
	}
	if (json_member(root, "model_list") != NULL && json_member(root, "providers") == NULL) {
		(void)fault_list_at(
		    faults, document_key_place(json_member(root, "model_list")),
		    "this is LiteLLM's config; `proviso import litellm-config %.*s` "
		    "makes one of ours of it",
		    TEXT_ARG(source->name));
		return false;
	}
	if (!json_is(root, JSON_OBJECT)) {
		(void)fault_list_at(faults, json_place(root), "this config is %s; want an object",
		                    json_type_name(root));
		return false;
	}
	bool good = settings_read(&config_table, root, out, &out->arena, faults);
	if (out->providers_node != NULL &&
	    !provider_set_read(out->providers_node, &out->arena, &out->providers, faults))
		good = false;
	return config_check(out, faults) && good;
}

bool config_load(const char *path, struct config *out, struct fault_list *faults)
{
	struct source *source;
	struct fault fault;

	*out = config_defaults;
	if (path == NULL)
		path = find_config(&out->arena);
	if (path == NULL) {
		if (provider_set_from_environment(&out->arena, &out->providers, &fault))
			return true;
	} else {
		out->path = text_copy(&out->arena, text_of(path));
		if (file_read(path, CONFIG_MAX_BYTES, &out->arena, &source, &fault))
			return read_config(source, out, faults);
	}
	(void)fault_list_add(faults, &fault);
	return false;
}

bool config_load_source(const struct source *source, struct config *out, struct fault_list *faults)
{
	*out = config_defaults;
	out->path = text_copy(&out->arena, source->name);
	return read_config(source, out, faults);
}

void config_done(struct config *config)
{
	provider_set_done(&config->providers);
	arena_done(&config->arena);
}

static bool same(struct text a, struct text b)
{
	return (a.data == NULL) == (b.data == NULL) && text_equal(a, b);
}

bool config_scope_same(const struct config_scope *a, const struct config_scope *b)
{
	return same(a->key, b->key) && same(a->team, b->team) && same(a->workflow, b->workflow) &&
	       same(a->task, b->task) && same(a->provider, b->provider) &&
	       same(a->target, b->target);
}

bool config_waiver_names(const struct config_waiver *waiver, struct text target,
                         struct text case_id, bool streamed)
{
	if (!text_equal(waiver->target, target) || !text_starts(waiver->case_id, case_id))
		return false;
	struct text rest = text_slice(waiver->case_id, case_id.len, waiver->case_id.len);
	return rest.len == 0 || (streamed && text_is(rest, "~stream"));
}
