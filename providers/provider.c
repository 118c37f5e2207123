/* Finding providers, models and targets among what was read, and loading their keys. */
#include "providers/provider_private.h"

const struct provider *provider_find(const struct provider_set *set, struct text name)
{
	for (size_t i = 0; i < set->count; i++)
		if (text_equal(set->items[i].name, name))
			return &set->items[i];
	return NULL;
}

const struct provider_model *provider_model_find(const struct provider *provider, struct text name)
{
	for (size_t i = 0; i < provider->model_count; i++)
		if (text_equal(provider->models[i].name, name))
			return &provider->models[i];
	return NULL;
}

struct provider_model provider_model_unlisted(struct text name)
{
	return (struct provider_model){
	    .name = name,
	    .context = -1,
	    .max_output = -1,
	    .price = {.base = PRICE_RATES_NONE},
	};
}

bool provider_load_key(struct provider *provider, struct fault *fault)
{
	const struct json *node = json_member(provider->node, "api_key");
	struct place place = {NULL, 0};

	if (provider->key_ref.data == NULL || provider->key != NULL)
		return true;
	if (node != NULL)
		place = json_place(node);
	return provider_aws_load(provider, fault) &&
	       secret_load(provider->key_ref, place, &provider->key, fault);
}

void provider_set_done(struct provider_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		secret_free(set->items[i].key);
		set->items[i].key = NULL;
		provider_aws_done(&set->items[i].aws);
	}
	*set = (struct provider_set){0};
}

/* One that is only not set up: with what it is. False: the catalogue has none of that name. */
static bool not_set_up(struct text name, struct arena *arena, struct fault *fault)
{
	struct catalog_entry *entry;
	struct fault unread;

	if (!catalog_find(name, arena, &entry, &unread) || entry == NULL)
		return false;
	if (entry->env.count > 0)
		(void)fault_set(fault, FAULT_INPUT,
		                "'%.*s' is not set up: set %.*s where there is no config, or add "
		                "'%.*s: {}' to the providers of the config",
		                TEXT_ARG(name), TEXT_ARG(entry->env.items[0]), TEXT_ARG(name));
	else
		(void)fault_set(fault, FAULT_INPUT,
		                "'%.*s' is not set up: add it to the providers of a config",
		                TEXT_ARG(name));
	return true;
}

static bool unknown_provider(const struct provider_set *set, struct text name, struct arena *arena,
                             struct fault *fault)
{
	if (not_set_up(name, arena, fault))
		return false;
	const char **names = ARENA_NEW_ARRAY(arena, const char *, set->count);

	for (size_t i = 0; i < set->count; i++)
		names[i] = text_c(arena, set->items[i].name);
	const char *nearest = text_nearest(name, names, set->count);
	if (nearest != NULL)
		return fault_set(fault, FAULT_INPUT,
		                 "there is no provider '%.*s' (did you mean '%s'?)", TEXT_ARG(name),
		                 nearest);
	return fault_set(fault, FAULT_INPUT, "there is no provider '%.*s'", TEXT_ARG(name));
}

/* A model's bare name is offered with its provider. */
static bool no_target(const struct provider_set *set, struct text name, struct fault *fault)
{
	for (size_t i = 0; i < set->count; i++)
		if (provider_model_find(&set->items[i], name) != NULL)
			return fault_set(fault, FAULT_INPUT,
			                 "'%.*s' is no target; want provider/model (did you mean "
			                 "'%.*s/%.*s'?)",
			                 TEXT_ARG(name), TEXT_ARG(set->items[i].name),
			                 TEXT_ARG(name));
	return fault_set(fault, FAULT_INPUT, "'%.*s' is no target; want provider/model",
	                 TEXT_ARG(name));
}

bool target_find(const struct provider_set *set, struct text name, struct arena *arena,
                 struct target *out, struct fault *fault)
{
	size_t slash = text_find_byte(name, '/', 0);

	if (slash == TEXT_NOT_FOUND || slash == 0 || slash + 1 == name.len)
		return no_target(set, name, fault);
	struct text model = text_slice(name, slash + 1, name.len);
	const struct provider *provider = provider_find(set, text_slice(name, 0, slash));
	if (provider == NULL)
		return unknown_provider(set, text_slice(name, 0, slash), arena, fault);
	out->provider = provider;
	out->model = provider_model_find(provider, model);
	out->name = text_copy(arena, name);
	if (out->model == NULL) {
		struct provider_model *unlisted = ARENA_NEW(arena, struct provider_model);

		*unlisted =
		    provider_model_unlisted(text_slice(out->name, slash + 1, out->name.len));
		out->model = unlisted;
	}
	return true;
}
