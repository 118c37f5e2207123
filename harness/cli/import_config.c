/*
 * LiteLLM's proxy config: deployments into providers and targets (its documentation of config.yaml,
 * 2026-07). A provider of ours is one address with one key, so deployments that share both share
 * it; LiteLLM's `openai/...` with an api_base is any server that speaks OpenAI's format.
 */
#include "harness/cli/import_config_private.h"

#include <ctype.h>

#define REMARK(node, ...) importer_remark(&importing->importer, node, __VA_ARGS__)

static const struct text NONE = {NULL, 0};

/* "abc" as it may be shown. */
static struct text shown(struct importing *importing, struct text view)
{
	return text_visible(importing->importer.arena, view, 60);
}

const struct json *import_setting(const struct importing *importing, const char *name)
{
	const struct json *node = json_member(importing->router, name);

	return node != NULL ? node : json_member(importing->litellm, name);
}

/* --- what is not carried over ------------------------------------------------------- */

static bool is_one_of(struct text name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (text_is(name, *names))
			return true;
	return false;
}

static void leave_out(struct importing *importing, const struct json *object, const char *section,
                      const char *const *understood)
{
	if (object != NULL && object->type != JSON_OBJECT && object->type != JSON_NULL)
		REMARK(object, "not carried over: %s is %s", section, json_type_name(object));
	if (!json_is(object, JSON_OBJECT))
		return;
	JSON_EACH(member, object)
	if (!is_one_of(member->key, understood) &&
	    text_find(member->key, TEXT("cost"), 0) == TEXT_NOT_FOUND)
		REMARK(member, "not carried over: %s%s%.*s", section, section[0] == '\0' ? "" : ".",
		       TEXT_ARG(shown(importing, member->key)));
}

static const char *const params_understood[] = {"model",
                                                "api_base",
                                                "base_url",
                                                "api_key",
                                                "rpm",
                                                "tpm",
                                                "weight",
                                                "max_parallel_requests",
                                                "order",
                                                "custom_llm_provider",
                                                "litellm_credential_name",
                                                NULL};
static const char *const info_understood[] = {
    "mode", "base_model", "max_input_tokens", "max_output_tokens", "litellm_provider", NULL};

/* --- keys and addresses ------------------------------------------------------------- */

/* The parameter, also where a named credential holds it. */
static const struct json *param_of(const struct importing *importing, const struct json *params,
                                   const char *name)
{
	const struct json *node = json_member(params, name);
	struct text credential = json_string(params, "litellm_credential_name");

	if ((node != NULL && node->type != JSON_NULL) || credential.data == NULL)
		return node;
	JSON_EACH(item, json_member(importing->root, "credential_list"))
	if (text_equal(json_string(item, "credential_name"), credential))
		return json_member(json_member(item, "credential_values"), name);
	return node;
}

/* "os.environ/NAME" -> NAME; data NULL: it is none, or no name of a variable. */
static struct text variable_of(const struct json *node)
{
	if (!json_is(node, JSON_STRING) || !text_starts(node->text, TEXT("os.environ/")))
		return NONE;
	struct text name = text_slice(node->text, sizeof("os.environ/") - 1, node->text.len);
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.data[i]) && name.data[i] != '_')
			return NONE;
	return name.len == 0 ? NONE : name;
}

/* What people write where a server wants no key. */
static bool stands_for_none(const struct json *key)
{
	static const char *const words[] = {"none", "None", "EMPTY", "empty", "null", "", NULL};

	return key == NULL || key->type == JSON_NULL ||
	       (json_is(key, JSON_STRING) && is_one_of(key->text, words));
}

/* NAME_API_KEY of a provider's name. */
static struct text variable_for(struct importing *importing, struct text provider)
{
	char name[64];
	size_t len = 0;

	ASSUME(provider.len == 0 || provider.data != NULL);
	for (; len < provider.len && len < sizeof(name); len++) {
		unsigned char c = (unsigned char)provider.data[len];
		name[len] = isalnum(c) ? (char)toupper(c) : '_';
	}
	return text_format(importing->importer.arena, "%s%.*s_API_KEY",
	                   len > 0 && isdigit((unsigned char)name[0]) ? "_" : "", (int)len, name);
}

/* The address, without a user, a password or a query in it. */
static struct text read_base(struct importing *importing, const struct json *node,
                             struct text known)
{
	static const char wanted[] = "https://base-url-wanted.invalid/v1";
	struct text url = node->text;
	struct text variable = variable_of(node);

	if (variable.data != NULL) {
		REMARK(node, "the address is in the variable %.*s: write it into base_url",
		       TEXT_ARG(variable));
		return text_of(wanted);
	}
	bool good = json_is(node, JSON_STRING) &&
	            (text_starts(url, TEXT("http://")) || text_starts(url, TEXT("https://")));
	for (size_t i = 0; good && i < url.len; i++)
		good = url.data[i] > 0x20 && url.data[i] < 0x7f &&
		       strchr("@?#{}\\\"<>^`|", url.data[i]) == NULL;
	if (!good || url.len > 1024) {
		REMARK(node, "no plain http or https address: write it into base_url");
		return text_of(wanted);
	}
	while (text_ends(url, TEXT("/")))
		url.len--;
	size_t path = text_find_byte(url, '/', sizeof("https://") - 1);
	if (path == TEXT_NOT_FOUND && (text_is(known, "ollama") || text_is(known, "azure"))) {
		const char *added = text_is(known, "azure") ? "/openai/v1" : "/v1";
		REMARK(node, "%s added to the address: where it speaks OpenAI's format", added);
		return text_format(importing->importer.arena, "%.*s%s", TEXT_ARG(url), added);
	}
	return url;
}

/* "https://a.example:8000/v1" -> "a.example-8000" */
static struct text host_name(struct importing *importing, struct text url)
{
	size_t start = text_find(url, TEXT("://"), 0) + 3;
	size_t end = text_find_byte(url, '/', start);

	return importer_clean_name(&importing->importer,
	                           text_slice(url, start, end == TEXT_NOT_FOUND ? url.len : end));
}

/* --- providers ---------------------------------------------------------------------- */

static bool name_is_taken(const struct importing *importing, struct text name)
{
	for (size_t i = 0; i < importing->provider_count; i++)
		if (text_equal(importing->providers[i].name, name))
			return true;
	return false;
}

/* The name, or NAME-2, NAME-3 ... where others wanted it as well. */
static struct text free_name(struct importing *importing, struct text wanted)
{
	struct text name = wanted;
	size_t number = 1;

	for (size_t i = 0; i < importing->provider_count; i++)
		number += text_equal(importing->providers[i].wanted, wanted);
	for (; number > 1 || name_is_taken(importing, name); number++) {
		if (number > 1)
			name = text_format(importing->importer.arena, "%.*s-%zu",
			                   (int)size_min(wanted.len, 56), wanted.data, number);
		if (!name_is_taken(importing, name))
			break;
	}
	return name;
}

static bool is_same(struct text a, struct text b)
{
	return (a.data == NULL) == (b.data == NULL) && text_equal(a, b);
}

/* Which text stands for a provider of that kind at that address, with or without a key. */
static struct text wanted_name(struct importing *importing, struct text theirs, struct text known,
                               struct text base, bool has_key)
{
	if (base.data == NULL)
		return known.data != NULL ? known
		                          : importer_clean_name(&importing->importer, theirs);
	struct text host = host_name(importing, base);
	if (text_is(theirs, "openai") || theirs.len == 0)
		return text_is(host, "api.openai.com") ? TEXT("openai") : host;
	if (known.data != NULL && has_key)
		return known;
	return importer_clean_name(
	    &importing->importer,
	    text_format(importing->importer.arena, "%.*s-%.*s", TEXT_ARG(theirs), TEXT_ARG(host)));
}

/* Without a key of its own a provider of the catalogue takes the usual variable. */
static bool is_same_key(const struct import_provider *a, const struct import_provider *b,
                        struct text usual)
{
	if (is_same(a->key_ref, b->key_ref))
		return true;
	if (a->known.data == NULL || a->base_url.data != NULL ||
	    (a->key_ref.data != NULL && b->key_ref.data != NULL))
		return false;
	return text_equal(a->key_ref.data != NULL ? a->key_ref : b->key_ref, usual);
}

static size_t find_provider(struct importing *importing, const struct import_provider *like,
                            const struct json *literal)
{
	struct text usual = text_format(importing->importer.arena, "env:%.*s",
	                                TEXT_ARG(variable_for(importing, like->known)));

	for (size_t i = 0; i < importing->provider_count; i++) {
		const struct import_provider *provider = &importing->providers[i];
		if (!is_same(provider->known, like->known) ||
		    !is_same(provider->base_url, like->base_url) ||
		    (literal == NULL) != (provider->literal == NULL))
			continue;
		if (literal == NULL ? is_same_key(provider, like, usual)
		                    : text_equal(literal->text, provider->literal->text))
			return i;
	}
	return SIZE_MAX;
}

/* The provider of these parameters, made where there is none yet. */
static size_t provider_of(struct importing *importing, const struct json *params,
                          struct text theirs)
{
	const struct json *key = param_of(importing, params, "api_key");
	const struct json *base = param_of(importing, params, "api_base");
	struct text variable = variable_of(key);
	struct import_provider made = {.known = importer_known_provider(theirs)};
	const struct json *literal = NULL;

	if (base == NULL)
		base = param_of(importing, params, "base_url");
	if (variable.data != NULL)
		made.key_ref =
		    text_format(importing->importer.arena, "env:%.*s", TEXT_ARG(variable));
	else if (!stands_for_none(key))
		literal = key;
	if (base != NULL && base->type != JSON_NULL)
		made.base_url = read_base(importing, base, made.known);
	struct text name = wanted_name(importing, theirs, made.known, made.base_url,
	                               made.key_ref.data != NULL || literal != NULL);
	made.known = importer_is_catalogued(name) ? name : NONE;
	if (made.known.data == NULL && made.base_url.data == NULL) {
		REMARK(params, "provider %.*s is not in the catalogue: give it its base_url",
		       TEXT_ARG(name));
		made.base_url = TEXT("https://base-url-wanted.invalid/v1");
	}
	size_t at = find_provider(importing, &made, literal);
	if (at != SIZE_MAX) {
		if (importing->providers[at].key_ref.data == NULL)
			importing->providers[at].key_ref = made.key_ref;
		return at;
	}
	made.wanted = name;
	made.name = free_name(importing, name);
	made.from_catalog = made.known.data != NULL && text_equal(made.name, made.known);
	if (literal != NULL) {
		struct text set = variable_for(importing, made.name);
		REMARK(literal, "a key stands here in the clear: put it into the variable %.*s",
		       TEXT_ARG(set));
		made.key_ref = text_format(importing->importer.arena, "env:%.*s", TEXT_ARG(set));
		made.literal = literal;
	}
	importing->providers[importing->provider_count] = made;
	return importing->provider_count++;
}

/* --- deployments -------------------------------------------------------------------- */

/* LiteLLM knows these by their names alone. */
static struct text provider_by_model(struct text model)
{
	static const char *const openai[] = {"gpt-", "chatgpt-", "o1",
	                                     "o3",   "o4",       "text-embedding-"};

	for (size_t i = 0; i < ARRAY_LENGTH(openai); i++)
		if (text_starts(model, text_of(openai[i])))
			return TEXT("openai");
	return text_starts(model, TEXT("claude-")) ? TEXT("anthropic") : NONE;
}

/* A whole number of at least 1; a remark where there is something else. */
static int64_t count_of(struct importing *importing, const struct json *params, const char *name)
{
	const struct json *node = json_member(params, name);
	int64_t count = 0;

	if (node == NULL || node->type == JSON_NULL)
		return 0;
	if (json_node_integer(node, 1, 1000000000, &count) ||
	    (json_is(node, JSON_STRING) && text_to_int64(node->text, 1, 1000000000, &count)))
		return count;
	REMARK(node, "not carried over: %s is no whole number of at least 1", name);
	return 0;
}

static size_t target_of(struct importing *importing, size_t provider, struct text model,
                        const struct json *params, const struct json *info, const char *endpoint)
{
	static const char *const names[IMPORT_LIMITS] = {"rpm", "tpm", "max_parallel_requests"};
	size_t at = 0;

	while (at < importing->target_count && (importing->targets[at].provider != provider ||
	                                        !text_equal(importing->targets[at].model, model)))
		at++;
	struct import_target *target = &importing->targets[at];
	if (at == importing->target_count) {
		*target = (struct import_target){.provider = provider,
		                                 .model = model,
		                                 .endpoint = endpoint,
		                                 .params = params,
		                                 .info = info};
		importing->target_count++;
	}
	for (size_t i = 0; i < IMPORT_LIMITS; i++)
		target->limits[i] =
		    int64_max(target->limits[i], count_of(importing, params, names[i]));
	return at;
}

/* provider/model of litellm_params; false: nothing to ask (a remark says so). */
static bool split_model(struct importing *importing, const struct json *params,
                        struct text *provider, struct text *model)
{
	const struct json *node = json_member(params, "model");
	size_t slash;

	if (!json_is(node, JSON_STRING) || node->text.len == 0 || variable_of(node).data != NULL) {
		REMARK(node == NULL ? params : node, "left out: no model");
		return false;
	}
	*model = node->text;
	*provider = json_string(params, "custom_llm_provider");
	slash = text_find_byte(*model, '/', 0);
	struct text first = text_slice(*model, 0, slash == TEXT_NOT_FOUND ? 0 : slash);
	if (slash != TEXT_NOT_FOUND && (provider->data == NULL || text_equal(first, *provider))) {
		*provider = first;
		*model = text_slice(*model, slash + 1, model->len);
	} else if (provider->data == NULL) {
		*provider = provider_by_model(*model);
	}
	if (text_find_byte(*model, '*', 0) != TEXT_NOT_FOUND || model->len == 0) {
		REMARK(node, "left out: a wildcard; clients ask for PROVIDER/MODEL");
		return false;
	}
	if (provider->len > 0 || param_of(importing, params, "api_base") != NULL ||
	    param_of(importing, params, "base_url") != NULL)
		return true;
	REMARK(node, "left out: whose model this is is not said, want provider/model");
	return false;
}

static bool read_deployment(struct importing *importing, const struct json *node)
{
	static const char *const understood[] = {"model_name", "litellm_params", "model_info",
	                                         NULL};
	const struct json *params = json_member(node, "litellm_params");
	const struct json *info = json_member(node, "model_info");
	struct import_deployment *out = &importing->deployments[importing->deployment_count];
	struct text theirs, model, mode;

	if (!json_is(node, JSON_OBJECT) || !json_is(params, JSON_OBJECT))
		return fault_at(importing->importer.fault, json_place(node),
		                "want an entry with model_name and litellm_params");
	leave_out(importing, node, "model_list", understood);
	leave_out(importing, params, "litellm_params", params_understood);
	leave_out(importing, info, "model_info", info_understood);
	out->group = json_string(node, "model_name");
	if (out->group.len == 0)
		return fault_at(importing->importer.fault, json_place(node),
		                "an entry of model_list needs its model_name");
	mode = json_string(info, "mode");
	const char *endpoint = mode.data == NULL ? "chat" : importer_endpoint(mode);
	if (endpoint == NULL) {
		REMARK(json_member(info, "mode"), "left out: mode %.*s",
		       TEXT_ARG(shown(importing, mode)));
		return true;
	}
	if (!split_model(importing, params, &theirs, &model))
		return true;
	out->node = node;
	out->params = params;
	out->order = count_of(importing, params, "order");
	if (out->order == 0)
		out->order = INT64_MAX;
	out->target = target_of(importing, provider_of(importing, params, theirs), model, params,
	                        info, endpoint);
	importing->deployment_count++;
	return true;
}

/* --- the whole ---------------------------------------------------------------------- */

static void leave_out_sections(struct importing *importing)
{
	static const char *const top[] = {"model_list",       "litellm_settings", "router_settings",
	                                  "general_settings", "credential_list",  NULL};
	static const char *const router[] = {"routing_strategy",
	                                     "fallbacks",
	                                     "context_window_fallbacks",
	                                     "content_policy_fallbacks",
	                                     "default_fallbacks",
	                                     "model_group_alias",
	                                     "timeout",
	                                     "cooldown_time",
	                                     NULL};
	static const char *const litellm[] = {
	    "fallbacks",         "context_window_fallbacks", "content_policy_fallbacks",
	    "default_fallbacks", "request_timeout",          NULL};
	static const char *const general[] = {"master_key", "database_url", NULL};

	leave_out(importing, importing->root, "", top);
	leave_out(importing, importing->router, "router_settings", router);
	leave_out(importing, importing->litellm, "litellm_settings", litellm);
	leave_out(importing, importing->general, "general_settings", general);
}

bool import_config(const struct json *root, struct arena *arena, struct text_buf *out, FILE *report,
                   struct fault *fault)
{
	struct importing *importing = ARENA_NEW(arena, struct importing);
	const struct json *list = json_member(root, "model_list");

	if (!json_is(root, JSON_OBJECT) || !json_is(list, JSON_ARRAY))
		return fault_at(fault, json_place(list == NULL ? root : list),
		                "want a config of LiteLLM: a mapping with the list model_list");
	if (list->count > IMPORT_DEPLOYMENTS_MAX)
		return fault_at(fault, json_place(list), "more than %d deployments",
		                IMPORT_DEPLOYMENTS_MAX);
	*importing = (struct importing){
	    .importer = {.arena = arena, .out = out, .fault = fault},
	    .root = root,
	    .router = json_member(root, "router_settings"),
	    .general = json_member(root, "general_settings"),
	    .litellm = json_member(root, "litellm_settings"),
	    .providers = ARENA_NEW_ARRAY(arena, struct import_provider, list->count),
	    .targets = ARENA_NEW_ARRAY(arena, struct import_target, list->count + 1),
	    .deployments = ARENA_NEW_ARRAY(arena, struct import_deployment, list->count + 1),
	};
	leave_out_sections(importing);
	JSON_EACH(node, list)
	if (!read_deployment(importing, node))
		return false;
	import_routes(importing);
	if (!import_config_write(importing))
		return false;
	importer_tell(&importing->importer, report);
	(void)fprintf(report, "%zu providers, %zu targets, %zu routes imported\n",
	              importing->provider_count, importing->target_count, importing->route_count);
	return true;
}
