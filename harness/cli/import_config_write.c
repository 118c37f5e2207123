/* The imported setup as YAML. */
#include "harness/cli/import_config_private.h"

#include "harness/base/json_write.h"

#include <inttypes.h>

#define REMARK(node, ...) importer_remark(&importing->importer, node, __VA_ARGS__)
#define PUT(...) importer_put(&importing->importer, __VA_ARGS__)

static const char *const limit_names[IMPORT_LIMITS] = {"requests_per_minute", "tokens_per_minute",
                                                       "concurrency"};
static const int64_t limit_maxima[IMPORT_LIMITS] = {INT64_C(1000000000000), INT64_C(1000000000000),
                                                    10000};

static void put_quoted(struct importing *importing, const char *before, struct text value,
                       const char *after)
{
	PUT("%s", before);
	importer_put_quoted(&importing->importer, value);
	PUT("%s", after);
}

/* --- providers ------------------------------------------------------------------------ */

/* The catalogue's entry; NULL where it can't be read here (its variable holds no address). */
static const struct provider *catalogued(struct importing *importing, struct text name)
{
	struct arena *arena = importing->importer.arena;
	struct provider_set set;

	if (importing->entry != NULL && text_equal(importing->entry->name, name))
		return importing->entry;
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);
	struct json *providers = json_new(arena, JSON_OBJECT);
	json_append_member(providers, name, json_new(arena, JSON_OBJECT));
	if (!provider_set_read(providers, arena, &set, faults) || set.count != 1)
		return NULL;
	importing->entry = &set.items[0];
	return importing->entry;
}

/*
 * A limit of LiteLLM is a deployment's, ours is the provider's: their sum, where each has one.
 */
static void put_limits(struct importing *importing, size_t number)
{
	const char *before = "    limits: {";

	for (size_t i = 0; i < IMPORT_LIMITS; i++) {
		int64_t sum = 0;
		const struct import_target *some = NULL, *without = NULL;
		for (size_t k = 0; k < importing->target_count; k++) {
			const struct import_target *target = &importing->targets[k];
			if (target->provider != number)
				continue;
			if (target->limits[i] == 0)
				without = target;
			else
				some = target;
			sum += target->limits[i];
		}
		if (some != NULL && without != NULL)
			REMARK(
			    some->params,
			    "%s not carried over: another model of its provider has no such limit",
			    limit_names[i]);
		if (some == NULL || without != NULL)
			continue;
		PUT("%s%s: %" PRId64, before, limit_names[i], int64_min(sum, limit_maxima[i]));
		before = ", ";
	}
	if (before[0] == ',')
		PUT("}\n");
}

/* What the catalogue knows of a model, for a provider that is not its entry itself. */
static bool put_known(struct importing *importing, const struct provider *entry, struct text model)
{
	const struct provider_model *known =
	    entry == NULL ? NULL : provider_model_find(entry, model);
	const struct json *price = known == NULL ? NULL : json_member(known->node, "price");

	if (known == NULL)
		return false;
	if (known->context > 0)
		PUT("        context: %" PRId64 "\n", known->context);
	if (known->max_output > 0)
		PUT("        max_output: %" PRId64 "\n", known->max_output);
	if (price != NULL)
		PUT("        price: %.*s\n",
		    TEXT_ARG(json_to_text(importing->importer.arena, price)));
	return true;
}

static bool put_model(struct importing *importing, const struct import_target *target,
                      const struct provider *entry)
{
	struct importer *importer = &importing->importer;
	const struct json *base_model = json_member(target->info, "base_model");
	bool priced = import_price_is_given(target->params) || import_price_is_given(target->info);
	struct import_price price;

	put_quoted(importing, "      ", target->model, ":\n");
	PUT("        endpoints: [%s]\n", target->endpoint);
	import_price_init(&price);
	if (!import_price_read(importer, target->info, &price) ||
	    !import_price_read(importer, target->params, &price))
		return false;
	if (json_is(base_model, JSON_STRING))
		put_quoted(importing, "        aliases: [", base_model->text, "]\n");
	if (!priced && put_known(importing, entry, target->model))
		return true;
	if (target->info != NULL) {
		importer_put_count(importer, target->info, "max_input_tokens", "context");
		importer_put_count(importer, target->info, "max_output_tokens", "max_output");
	}
	if (priced)
		import_price_put(importer, target->params, target->endpoint, &price);
	return true;
}

static bool put_models(struct importing *importing, size_t number)
{
	const struct import_provider *provider = &importing->providers[number];
	const struct provider *entry =
	    provider->known.data == NULL ? NULL : catalogued(importing, provider->known);
	bool any = false;

	for (size_t i = 0; i < importing->target_count; i++) {
		const struct import_target *target = &importing->targets[i];
		if (target->provider != number)
			continue;
		/* What is written replaces the catalogue's model whole, its price as well. */
		if (provider->from_catalog && entry != NULL &&
		    provider_model_find(entry, target->model) != NULL &&
		    !import_price_is_given(target->params) && !import_price_is_given(target->info))
			continue;
		PUT("%s", any ? "" : "    models:\n");
		any = true;
		if (!put_model(importing, target, entry))
			return false;
	}
	return true;
}

static bool put_provider(struct importing *importing, size_t number)
{
	const struct import_provider *provider = &importing->providers[number];
	const struct provider *entry = NULL;
	size_t start;

	put_quoted(importing, "  ", provider->name, ":");
	start = importing->importer.out->len;
	PUT("\n");
	if (provider->base_url.data != NULL) {
		if (!provider->from_catalog)
			PUT("    dialect: openai\n");
		put_quoted(importing, "    base_url: ", provider->base_url, "\n");
	} else if (!provider->from_catalog &&
	           (entry = catalogued(importing, provider->known)) != NULL) {
		put_quoted(importing, "    base_url: ", entry->base_url, "\n");
	}
	if (provider->key_ref.data != NULL)
		put_quoted(importing, "    api_key: ", provider->key_ref, "\n");
	put_limits(importing, number);
	if (!put_models(importing, number))
		return false;
	if (importing->importer.out->len == start + 1) {
		importing->importer.out->len = start;
		PUT(" {}\n");
	}
	return true;
}

/* --- routes --------------------------------------------------------------------------- */

static struct text target_name(struct importing *importing, size_t number)
{
	const struct import_target *target = &importing->targets[number];

	return text_format(importing->importer.arena, "%.*s/%.*s",
	                   TEXT_ARG(importing->providers[target->provider].name),
	                   TEXT_ARG(target->model));
}

static const char *strategy_of(struct importing *importing, const struct import_route *route)
{
	const struct json *node = json_member(importing->router, "routing_strategy");
	struct text said = json_is(node, JSON_STRING) ? node->text : TEXT("simple-shuffle");

	if (route->own < 2 || route->weights == NULL)
		return "ordered";
	if (!text_is(said, "latency-based-routing") && !text_is(said, "cost-based-routing")) {
		if (!text_is(said, "simple-shuffle"))
			REMARK(node, "routing_strategy %.*s: taken as weighted",
			       TEXT_ARG(text_visible(importing->importer.arena, said, 40)));
		return "weighted";
	}
	if (route->count == route->own)
		return text_is(said, "cost-based-routing") ? "cheapest" : "fastest";
	REMARK(node,
	       "routing_strategy %.*s: taken as weighted where there are fallbacks, which "
	       "would be ranked with the others",
	       TEXT_ARG(said));
	return "weighted";
}

static void put_weights(struct importing *importing, const struct import_route *route)
{
	const char *before = "    weights: {";

	for (size_t i = 0; i < route->count; i++) {
		int64_t weight = i < route->own ? route->weights[i] : 0;
		if (weight == 1)
			continue;
		put_quoted(importing, before, target_name(importing, route->targets[i]), "");
		PUT(": %" PRId64, weight);
		before = ", ";
	}
	if (before[0] == ',')
		PUT("}\n");
}

static void put_route(struct importing *importing, const struct import_route *route)
{
	const char *strategy = strategy_of(importing, route);

	put_quoted(importing, "  ", route->name, ":\n    targets: [");
	for (size_t i = 0; i < route->count; i++)
		put_quoted(importing, i == 0 ? "" : ", ", target_name(importing, route->targets[i]),
		           "");
	PUT("]\n    strategy: %s\n", strategy);
	if (strcmp(strategy, "weighted") == 0)
		put_weights(importing, route);
	if (route->filter_falls_back)
		PUT("    fallback_on: [content_filter]\n");
}

/* --- the rest -------------------------------------------------------------------------- */

/* Whole seconds as ours are written, 1 to 86,400; else a remark. */
static bool read_seconds(struct importing *importing, const struct json *node, int64_t *out)
{
	if (node == NULL || node->type == JSON_NULL)
		return false;
	if (json_node_integer(node, 1, 86400, out))
		return true;
	REMARK(node, "not carried over: want whole seconds, 1 to 86400");
	return false;
}

static void put_proxy(struct importing *importing)
{
	const struct json *timeout = json_member(importing->router, "timeout");
	int64_t total = 0, open = 0;

	if (timeout == NULL)
		timeout = json_member(importing->litellm, "request_timeout");
	bool has_total = read_seconds(importing, timeout, &total);
	bool has_open =
	    read_seconds(importing, json_member(importing->router, "cooldown_time"), &open);
	if (has_total || has_open)
		PUT("proxy:\n");
	if (has_total)
		PUT("  timeouts: {total: %" PRId64 "s}\n", total);
	if (has_open)
		PUT("  breaker: {open: %" PRId64 "s}\n", open);
}

static void put_store(struct importing *importing)
{
	const struct json *master = json_member(importing->general, "master_key");
	const struct json *database = json_member(importing->general, "database_url");

	if (master != NULL) {
		REMARK(master, "the master key is not taken: make keys by proviso key create");
		PUT("keys: {store: proviso.db}\n");
	}
	if (database != NULL)
		REMARK(database, "what the database holds is not taken: the ledger is a file here");
	if (master != NULL || database != NULL)
		PUT("ledger: {path: proviso.db}\n");
}

bool import_config_write(struct importing *importing)
{
	PUT("version: 1\nproviders:%s\n", importing->provider_count == 0 ? " {}" : "");
	for (size_t i = 0; i < importing->provider_count; i++)
		if (!put_provider(importing, i))
			return false;
	if (importing->route_count > 0)
		PUT("routes:\n");
	for (size_t i = 0; i < importing->route_count; i++)
		put_route(importing, &importing->routes[i]);
	put_store(importing);
	put_proxy(importing);
	return true;
}
