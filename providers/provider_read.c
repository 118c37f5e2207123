/*
 * Reading providers: from the config over the catalogue's entry of the same name,
 * from the environment, from one URL. What comes out needs no further look-up.
 */
#include "providers/provider_private.h"

#include "harness/base/redact.h"
#include "harness/base/yaml.h"

#include <stdlib.h>

enum { PROVIDER_NAME_MAX_BYTES = 64 };

static const struct text NONE = {NULL, 0};

/* --- parts that the catalogue and the environment fill in --- */

/* The first of these variables that is set and not empty, as C string; NULL: none is. */
static const char *first_set(const struct text_list *names, struct arena *arena, struct text *which)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *value = getenv(text_c(arena, names->items[i]));

		if (value != NULL && value[0] != '\0') {
			*which = names->items[i];
			return value;
		}
	}
	return NULL;
}

static struct text catalog_key_ref(const struct catalog_entry *entry, struct arena *arena)
{
	struct text which;

	if (first_set(&entry->env, arena, &which) != NULL)
		return text_format(arena, "env:%.*s", TEXT_ARG(which));
	if (entry->aws_keys && provider_aws_key_ref().data != NULL)
		return provider_aws_key_ref();
	if (entry->key_optional || entry->env.count == 0)
		return NONE;
	/* Loading it will say which variable is missing. */
	return text_format(arena, "env:%.*s", TEXT_ARG(entry->env.items[0]));
}

/* The entry's own address, or the one the environment gives it instead. */
static bool catalog_url(const struct catalog_entry *entry, struct text region, struct arena *arena,
                        struct provider_url *out, struct fault *fault)
{
	struct text which;
	const char *why;
	const char *value = first_set(&entry->base_url_env, arena, &which);

	if (value == NULL)
		return provider_url_read(provider_aws_url(entry, region, arena), arena, out,
		                         &why) ||
		       fault_set(fault, FAULT_INTERNAL, "the catalogue's base_url of %.*s: %s",
		                 TEXT_ARG(entry->name), why);
	return provider_url_read(text_copy(arena, text_of(value)), arena, out, &why) ||
	       fault_set(fault, FAULT_INPUT, "the variable %.*s is no usable base URL: %s",
	                 TEXT_ARG(which), why);
}

static const struct dialect *dialect_at(int index)
{
	return index < 0 ? &dialect_openai : dialect_from_name(text_of(dialect_names[index]));
}

static bool from_catalog(const struct catalog_entry *entry, struct arena *arena,
                         struct provider *out, struct fault *fault)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct provider_config here = entry->provider;
	struct provider_url url;

	here.region = provider_aws_region(entry);
	*out = (struct provider){
	    .name = entry->name,
	    .dialect = dialect_at(entry->provider.dialect),
	    .api_version = entry->provider.api_version,
	    .key_ref = catalog_key_ref(entry, arena),
	    .limits = entry->provider.limits,
	    .timeouts = entry->provider.timeouts,
	};
	bool good = provider_models_read(&here, entry->reviewed, arena, &out->models,
	                                 &out->model_count, faults) &&
	            provider_wire_read(&here, out, arena, faults);
	if (!good)
		*fault = faults->items[0];
	memory_free(faults);
	if (!good || !catalog_url(entry, here.region, arena, &url, fault))
		return false;
	out->base_url = url.url;
	out->loopback = url.loopback;
	return provider_aws_read(out, NULL, here.region, arena, fault);
}

/* --- the config --- */

struct reading {
	struct arena *arena;
	struct fault_list *faults;
	const struct json *node; /* of this provider */
	const struct catalog_entry *entry;
};

/* At the member's value, or at the provider where there is none. */
static struct place place_of(const struct reading *r, const char *member)
{
	const struct json *node = json_member(r->node, member);

	return json_place(node == NULL ? r->node : node);
}

static bool read_url(const struct reading *r, const struct provider_config *config,
                     struct provider_url *out)
{
	const char *why;
	struct fault fault;

	if (config->base_url.data != NULL) {
		if (provider_url_read(config->base_url, r->arena, out, &why))
			return true;
		/* A password in it is a secret like any other: it must not be quoted. */
		if (text_find_byte(config->base_url, '@', 0) != TEXT_NOT_FOUND)
			(void)redact_remember(config->base_url);
		(void)fault_list_at(r->faults, place_of(r, "base_url"), "base_url is wrong: %s",
		                    why);
		return false;
	}
	if (r->entry != NULL) {
		if (catalog_url(r->entry, config->region, r->arena, out, &fault))
			return true;
		(void)fault_list_at(r->faults, json_place(r->node), "%s", fault.message);
		return false;
	}
	const char *nearest = catalog_nearest(r->node->key, r->arena);
	if (nearest != NULL)
		(void)fault_list_at(r->faults, document_key_place(r->node),
		                    "provider '%.*s' is not in the catalogue (did you mean '%s'?), "
		                    "so it needs a base_url",
		                    TEXT_ARG(r->node->key), nearest);
	else
		(void)fault_list_at(r->faults, document_key_place(r->node),
		                    "provider '%.*s' is not in the catalogue, so it needs a "
		                    "base_url",
		                    TEXT_ARG(r->node->key));
	return false;
}

/*
 * A key from the environment goes by itself only to the provider it is for, or
 * to this machine: a config that came with a cloned repository could name a base
 * URL of its own and collect the key.
 */
static bool read_key_ref(const struct reading *r, const struct provider_config *config,
                         const struct provider_url *url, struct text *out)
{
	struct fault fault;
	struct provider_url home;

	*out = config->api_key;
	if (config->api_key.data != NULL) {
		if (secret_check_reference(config->api_key, place_of(r, "api_key"), &fault))
			return true;
		(void)fault_list_add(r->faults, &fault);
		return false;
	}
	if (r->entry == NULL)
		return true;
	*out = catalog_key_ref(r->entry, r->arena);
	if (out->data == NULL || config->base_url.data == NULL || url->loopback)
		return true;
	if (catalog_url(r->entry, config->region, r->arena, &home, &fault) &&
	    text_equal_ignoring_case(home.host, url->host))
		return true;
	(void)fault_list_at(r->faults, place_of(r, "base_url"),
	                    "this is not the catalogue's host for %.*s, so its key is not sent "
	                    "there by itself; say api_key: %.*s",
	                    TEXT_ARG(r->entry->name), TEXT_ARG(*out));
	return false;
}

/* The catalogue's models, those of the same name replaced, and the config's others. */
static void merge_models(const struct reading *r, struct provider *out,
                         const struct provider_model *own, size_t own_count,
                         const struct provider_model *known, size_t known_count)
{
	struct provider_model *all =
	    ARENA_NEW_ARRAY(r->arena, struct provider_model, own_count + known_count);
	size_t count = 0;

	for (size_t i = 0; i < own_count; i++)
		all[count++] = own[i];
	for (size_t i = 0; i < known_count; i++) {
		bool replaced = false;

		for (size_t k = 0; k < own_count && !replaced; k++)
			replaced = text_equal(own[k].name, known[i].name);
		if (!replaced)
			all[count++] = known[i];
	}
	out->models = all;
	out->model_count = count;
}

static bool read_models(const struct reading *r, const struct provider_config *config,
                        struct provider *out)
{
	struct provider_model *own, *known = NULL;
	size_t own_count, known_count = 0;
	bool good = provider_models_read(config, NONE, r->arena, &own, &own_count, r->faults);

	if (r->entry != NULL) {
		/* The catalogue's models at the place that the config says. */
		struct provider_config here = *config;
		here.models = r->entry->provider.models;
		good = provider_models_read(&here, r->entry->reviewed, r->arena, &known,
		                            &known_count, r->faults) &&
		       good;
	}
	merge_models(r, out, own, own_count, known, known_count);
	return good;
}

static bool name_is_good(struct text name)
{
	if (name.len == 0 || name.len > PROVIDER_NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_' || c == '.'))
			return false;
	}
	return true;
}

/* It goes into a URL; and Azure's older API has none without it. */
static bool check_version(const struct reading *r, const struct provider *provider)
{
	struct text version = provider->api_version;

	for (size_t i = 0; i < version.len; i++) {
		char c = version.data[i];
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')
			continue;
		(void)fault_list_at(r->faults, place_of(r, "api_version"),
		                    "an api_version is a date such as 2024-10-21, or a word");
		return false;
	}
	if (version.data != NULL && provider->dialect != &dialect_azure) {
		(void)fault_list_at(r->faults, place_of(r, "api_version"),
		                    "only the dialect azure has an api_version");
		return false;
	}
	if (provider->dialect != &dialect_azure || version.len > 0 ||
	    text_ends(provider->base_url, TEXT("/v1")))
		return true;
	(void)fault_list_at(r->faults, place_of(r, "base_url"),
	                    "base_url must end in /openai/v1, or api_version must be given");
	return false;
}

/* On a network of one's own that may be meant; on any other whoever stands between reads it. */
static void warn_of_clear_text(const struct reading *r, const struct provider *provider)
{
	if (provider->key_ref.data == NULL || provider->loopback ||
	    !text_starts(provider->base_url, TEXT("http://")))
		return;
	(void)fault_list_warn(r->faults, place_of(r, "base_url"),
	                      "the key of %.*s travels there in clear text; https:// hides it",
	                      TEXT_ARG(provider->name));
}

static bool read_aws(const struct reading *r, const struct provider_config *config,
                     struct provider *out)
{
	bool said = json_member(r->node, "aws") != NULL;
	struct fault fault;

	if (said && config->aws.access_key_id.data != NULL &&
	    !secret_check_reference(config->aws.access_key_id, place_of(r, "aws"), &fault)) {
		(void)fault_list_add(r->faults, &fault);
		return false;
	}
	if (said && config->aws.session_token.data != NULL &&
	    !secret_check_reference(config->aws.session_token, place_of(r, "aws"), &fault)) {
		(void)fault_list_add(r->faults, &fault);
		return false;
	}
	if (provider_aws_read(out, said ? &config->aws : NULL, config->region, r->arena, &fault))
		return true;
	(void)fault_list_at(r->faults, place_of(r, said ? "aws" : "api_key"), "%s", fault.message);
	return false;
}

static bool read_provider(struct reading *r, struct provider *out)
{
	struct provider_config config = provider_config_defaults;
	struct provider_url url;
	struct catalog_entry *entry;
	struct fault fault;

	if (!name_is_good(r->node->key)) {
		(void)fault_list_at(r->faults, document_key_place(r->node),
		                    "a provider's name holds letters, digits, '-', '_' and '.', "
		                    "at most %d of them",
		                    PROVIDER_NAME_MAX_BYTES);
		return false;
	}
	if (!catalog_find(r->node->key, r->arena, &entry, &fault)) {
		(void)fault_list_add(r->faults, &fault);
		return false;
	}
	r->entry = entry;
	if (entry != NULL) {
		config = entry->provider;
		config.base_url = NONE;
		config.region = provider_aws_region(entry);
		config.models = (struct setting_list){0};
	}
	bool good = provider_config_read(r->node, &config, r->arena, r->faults);
	*out = (struct provider){
	    .name = r->node->key,
	    .dialect = dialect_at(config.dialect),
	    .api_version = config.api_version,
	    .limits = config.limits,
	    .timeouts = config.timeouts,
	    .node = r->node,
	};
	good = read_models(r, &config, out) && good;
	good = provider_wire_read(&config, out, r->arena, r->faults) && good;
	if (!read_url(r, &config, &url))
		return false;
	out->base_url = url.url;
	out->loopback = url.loopback;
	good = check_version(r, out) && good;
	good = read_key_ref(r, &config, &url, &out->key_ref) && good;
	good = read_aws(r, &config, out) && good;
	warn_of_clear_text(r, out);
	return good;
}

/* --- no key in a mistake --- */

/* A member that may hold a key by its name, whatever it is called exactly. */
static bool may_hold_key(struct text name)
{
	static const struct text parts[] = {TEXT_INIT("key"), TEXT_INIT("token"),
	                                    TEXT_INIT("secret"), TEXT_INIT("auth"),
	                                    TEXT_INIT("pass")};

	if (text_is(name, "tokens_per_minute") || text_is(name, "key_header"))
		return false;
	if (text_is(name, "aws"))
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		for (size_t at = 0; at + parts[i].len <= name.len; at++)
			if (text_equal_ignoring_case(text_slice(name, at, at + parts[i].len),
			                             parts[i]))
				return true;
	return false;
}

/* Nesting is bounded by the reader of the document. */
static void remember_scalars(const struct json *node)
{
	if ((node->type == JSON_STRING || node->type == JSON_NUMBER) &&
	    !text_starts(node->text, TEXT("env:")) && !text_starts(node->text, TEXT("file:")) &&
	    !text_starts(node->text, TEXT("vault:")))
		(void)redact_remember(node->text);
	if (node->type == JSON_ARRAY || node->type == JSON_OBJECT)
		for (const struct json *child = node->first; child != NULL; child = child->next)
			remember_scalars(child);
}

/* A key that was pasted into the config is masked from here on, before any mistake quotes it. */
static void remember_pasted_keys(const struct json *provider)
{
	JSON_EACH(member, provider)
	if (may_hold_key(member->key))
		remember_scalars(member);
}

static void mask_faults(struct fault_list *faults, size_t from)
{
	for (size_t i = from; i < faults->count; i++) {
		struct fault *fault = &faults->items[i];

		(void)redact_bytes(fault->message, strlen(fault->message));
		(void)redact_bytes(fault->excerpt, strlen(fault->excerpt));
	}
}

/* --- the public verbs --- */

bool provider_set_read(const struct json *node, struct arena *arena, struct provider_set *out,
                       struct fault_list *faults)
{
	size_t errors_before = faults->errors;

	*out = (struct provider_set){0};
	if (node == NULL || node->type == JSON_NULL)
		return true;
	if (node->type != JSON_OBJECT) {
		(void)fault_list_at(faults, json_place(node),
		                    "providers is %s; want providers by name",
		                    json_type_name(node));
		return false;
	}
	out->items = ARENA_NEW_ARRAY(arena, struct provider, node->count);
	JSON_EACH(child, node)
	{
		struct reading r = {.arena = arena, .faults = faults, .node = child};
		size_t from = faults->count;

		remember_pasted_keys(child);
		if (read_provider(&r, &out->items[out->count]))
			out->count++;
		mask_faults(faults, from);
	}
	return faults->errors == errors_before;
}

bool provider_set_from_environment(struct arena *arena, struct provider_set *out,
                                   struct fault *fault)
{
	size_t count = catalog_count();

	*out = (struct provider_set){0};
	out->items = ARENA_NEW_ARRAY(arena, struct provider, count);
	for (size_t i = 0; i < count; i++) {
		struct catalog_entry *entry;
		struct text which;

		if (!catalog_at(i, arena, &entry, fault))
			return false;
		/* Where no key is needed, an address is what says that it is in use. */
		if (first_set(&entry->env, arena, &which) == NULL &&
		    !(entry->key_optional &&
		      first_set(&entry->base_url_env, arena, &which) != NULL))
			continue;
		if (!from_catalog(entry, arena, &out->items[out->count], fault))
			return false;
		out->count++;
	}
	return true;
}

/* The entry whose base URL this is, or NULL. */
static bool catalog_of_url(struct text url, struct arena *arena, struct catalog_entry **out,
                           struct fault *fault)
{
	for (size_t i = 0;; i++) {
		if (!catalog_at(i, arena, out, fault))
			return false;
		if (*out == NULL || text_equal((*out)->provider.base_url, url))
			return true;
	}
}

bool provider_from_url(struct text base_url, struct text model, struct text key_ref,
                       struct arena *arena, struct provider *out, struct fault *fault)
{
	struct place nowhere = {NULL, 0};
	struct provider_url url;
	struct catalog_entry *entry;
	const char *why;

	if (!provider_url_read(base_url, arena, &url, &why))
		return fault_set(fault, FAULT_USAGE, "the base URL is wrong: %s", why);
	if (model.len == 0)
		return fault_set(fault, FAULT_USAGE, "a base URL needs a model");
	if (key_ref.data != NULL && !secret_check_reference(key_ref, nowhere, fault))
		return false;
	if (!catalog_of_url(url.url, arena, &entry, fault))
		return false;
	*out = (struct provider){
	    /* A port of the day is no part of a name that results are kept under. */
	    .name = url.host,
	    .dialect = &dialect_openai,
	    .limits = provider_config_defaults.limits,
	    .timeouts = provider_config_defaults.timeouts,
	};
	if (entry != NULL && !from_catalog(entry, arena, out, fault))
		return false;
	out->base_url = url.url;
	out->loopback = url.loopback;
	out->key_ref = key_ref.data != NULL ? text_copy(arena, key_ref) : NONE;
	struct provider_model *one = ARENA_NEW(arena, struct provider_model);
	const struct provider_model *known = provider_model_find(out, model);
	*one = known != NULL ? *known : provider_model_unlisted(text_copy(arena, model));
	out->models = one;
	out->model_count = 1;
	return true;
}
