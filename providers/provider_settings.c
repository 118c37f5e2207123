/* The keys of a provider, of its models and their prices: in the config, and in the catalogue. */
#include "providers/provider_private.h"

/* clang-format off */
#define ROW(struct_name, key, kind, field, ...) \
	{.name = key, .type = kind, .offset = offsetof(struct struct_name, field), __VA_ARGS__}
#define TABLE(whats, table_rows) \
	{.what = whats, .rows = table_rows, .count = ARRAY_LENGTH(table_rows)}
#define TABLE_WITH_NODE(struct_name, whats, table_rows, field) \
	{.what = whats, .rows = table_rows, .count = ARRAY_LENGTH(table_rows), \
	 .node_offset = offsetof(struct struct_name, field) + 1}

enum {
	CONCURRENCY_MAX = 10000,
	DAY_MS = 24 * 3600 * 1000,
};

static const int64_t PER_MINUTE_MAX = INT64_C(1000000000000);
static const int64_t TOKENS_MAX = 1000000000;

static const struct setting limit_rows[] = {
	ROW(provider_limits, "concurrency", SETTING_INT, concurrency, .min = 1,
	    .max = CONCURRENCY_MAX, .doc = "Requests in flight at once."),
	ROW(provider_limits, "requests_per_minute", SETTING_INT, requests_per_minute, .min = 0,
	    .max = PER_MINUTE_MAX, .doc = "Requests started in a minute, evenly spread; 0: no limit."),
	ROW(provider_limits, "tokens_per_minute", SETTING_INT, tokens_per_minute, .min = 0,
	    .max = PER_MINUTE_MAX,
	    .doc = "Prompt tokens sent in a minute, estimated from bytes; 0: no limit."),
};
static const struct setting_table limit_table = TABLE("limits", limit_rows);

static const struct setting timeout_rows[] = {
	ROW(provider_timeouts, "connect", SETTING_DURATION, connect_ms, .min = 1, .max = DAY_MS,
	    .doc = "Name, TCP and TLS together."),
	ROW(provider_timeouts, "first_event", SETTING_DURATION, first_event_ms, .min = 1,
	    .max = DAY_MS, .doc = "From the request to the first byte of the reply's body."),
	ROW(provider_timeouts, "idle", SETTING_DURATION, idle_ms, .min = 1, .max = DAY_MS,
	    .doc = "Between two bytes of the body."),
	ROW(provider_timeouts, "total", SETTING_DURATION, total_ms, .min = 1, .max = DAY_MS,
	    .doc = "One attempt from start to end."),
};
static const struct setting_table timeout_table = TABLE("timeouts", timeout_rows);

static const char *const prompt_names[] = {"includes_cached", "excludes_cached", NULL};
static const char *const completion_names[] = {"includes_reasoning", "excludes_reasoning", NULL};
static const struct setting usage_rows[] = {
	ROW(provider_usage_config, "prompt", SETTING_ENUM, prompt, .names = prompt_names,
	    .doc = "Whether its prompt tokens hold those of the cache."),
	ROW(provider_usage_config, "completion", SETTING_ENUM, completion,
	    .names = completion_names,
	    .doc = "Whether its completion tokens hold those of reasoning."),
};
static const struct setting_table usage_table = TABLE("usage", usage_rows);

static const struct setting model_rows[] = {
	ROW(provider_model_config, "context", SETTING_INT, context, .min = 1, .max = TOKENS_MAX,
	    .doc = "Tokens that prompt and reply may hold together."),
	ROW(provider_model_config, "max_output", SETTING_INT, max_output, .min = 1,
	    .max = TOKENS_MAX, .doc = "Tokens that a reply may hold."),
	ROW(provider_model_config, "price", SETTING_NODE, price,
	    .doc = "What it costs: one price, or a list of them with dates; without it unknown."),
	ROW(provider_model_config, "endpoints", SETTING_TEXTS, endpoints,
	    .doc = "What it is for: chat, completions, embeddings, responses, messages."),
	ROW(provider_model_config, "features", SETTING_TEXTS, features,
	    .doc = "What it is said to support, such as tools or images."),
	ROW(provider_model_config, "aliases", SETTING_TEXTS, aliases,
	    .doc = "Other names by which it may answer, such as the model behind a deployment."),
	ROW(provider_model_config, "reference_tokens", SETTING_INT, reference_tokens, .min = 1,
	    .max = TOKENS_MAX, .doc = "Prompt tokens of case US-05, as the model's maker counts."),
	ROW(provider_model_config, "source", SETTING_TEXT, source,
	    .doc = "Where these facts come from."),
	ROW(provider_model_config, "reviewed", SETTING_TEXT, reviewed,
	    .doc = "When somebody last looked, as a date; it becomes the price's version."),
	ROW(provider_model_config, "note", SETTING_TEXT, note, .doc = "What the facts leave out."),
};
static const struct setting_table model_table =
	TABLE_WITH_NODE(provider_model_config, "model", model_rows, node);

static const struct setting aws_rows[] = {
	ROW(provider_aws_config, "access_key_id", SETTING_TEXT, access_key_id,
	    .doc = "Where the id of the key is that api_key is the secret of: env:NAME, file:PATH."),
	ROW(provider_aws_config, "session_token", SETTING_TEXT, session_token,
	    .doc = "Where the token of temporary keys is."),
};
static const struct setting_table aws_table = TABLE("aws", aws_rows);

#define PROVIDER_ROWS(struct_name, prefix) \
	ROW(struct_name, "dialect", SETTING_ENUM, prefix dialect, .names = dialect_names, \
	    .doc = "The wire format it speaks."), \
	ROW(struct_name, "base_url", SETTING_TEXT, prefix base_url, \
	    .doc = "Where its API begins, up to and with the version: https://api.example.com/v1."), \
	ROW(struct_name, "api_version", SETTING_TEXT, prefix api_version, \
	    .doc = "Of Azure's older API, which has one: 2024-10-21."), \
	ROW(struct_name, "key_header", SETTING_TEXT, prefix key_header, \
	    .doc = "The header that takes the key, where it is another than the dialect's."), \
	ROW(struct_name, "headers", SETTING_NODE, prefix headers, \
	    .doc = "Further headers of each request, by name; no keys."), \
	ROW(struct_name, "request", SETTING_NODE, prefix request, \
	    .doc = "Members that each request gets where it has none of that name."), \
	ROW(struct_name, "limits", SETTING_STRUCT, prefix limits, .table = &limit_table, \
	    .doc = "How much it may be asked at once."), \
	ROW(struct_name, "timeouts", SETTING_STRUCT, prefix timeouts, .table = &timeout_table, \
	    .doc = "How long each part of an attempt may take."), \
	ROW(struct_name, "usage", SETTING_STRUCT, prefix usage, .table = &usage_table, \
	    .doc = "How it counts tokens, where its counts do not tell."), \
	ROW(struct_name, "region", SETTING_TEXT, prefix region, \
	    .doc = "Where it serves, by the names that its prices use."), \
	ROW(struct_name, "models", SETTING_MAP, prefix models, .table = &model_table, \
	    .item_size = sizeof(struct provider_model_config), \
	    .doc = "Models by name; others may be asked too, without limits and price.")

static const struct setting provider_rows[] = {
	PROVIDER_ROWS(provider_config, ),
	ROW(provider_config, "api_key", SETTING_TEXT, api_key,
	    .doc = "Where the key is: env:NAME, file:PATH or vault:MOUNT/PATH#FIELD; never itself."),
	ROW(provider_config, "aws", SETTING_STRUCT, aws, .table = &aws_table,
	    .doc = "Requests are signed with api_key, an AWS secret access key, and this."),
};
const struct setting_table provider_settings =
	TABLE_WITH_NODE(provider_config, "provider", provider_rows, node);

static const struct setting catalog_rows[] = {
	PROVIDER_ROWS(catalog_entry, provider.),
	ROW(catalog_entry, "title", SETTING_TEXT, title, .flags = SETTING_REQUIRED,
	    .doc = "Its name for people."),
	ROW(catalog_entry, "env", SETTING_TEXTS, env, .doc = "Variables that usually hold its key."),
	ROW(catalog_entry, "base_url_env", SETTING_TEXTS, base_url_env,
	    .doc = "Variables that usually hold its base URL."),
	ROW(catalog_entry, "key_optional", SETTING_BOOL, key_optional,
	    .doc = "Whether it also answers without a key."),
	ROW(catalog_entry, "aws_keys", SETTING_BOOL, aws_keys,
	    .doc = "Whether AWS's usual keys sign its requests where it has no key of its own."),
	ROW(catalog_entry, "source", SETTING_TEXT, source, .flags = SETTING_REQUIRED,
	    .doc = "Where these facts come from."),
	ROW(catalog_entry, "reviewed", SETTING_TEXT, reviewed, .flags = SETTING_REQUIRED,
	    .doc = "When somebody last looked, as a date."),
	ROW(catalog_entry, "note", SETTING_TEXT, note, .doc = "What the facts leave out."),
};
static const struct setting_table catalog_table =
	TABLE_WITH_NODE(catalog_entry, "catalogue entry", catalog_rows, provider.node);
/* clang-format on */

const struct provider_config provider_config_defaults = {
    .dialect = -1,
    .limits = {.concurrency = 4},
    .timeouts = {.connect_ms = 5000,
                 /* A reply that is not streamed has its first byte at the end of all thinking. */
                 .first_event_ms = 120000,
                 .idle_ms = 60000,
                 .total_ms = 900000},
};

bool provider_config_read(const struct json *node, struct provider_config *out, struct arena *arena,
                          struct fault_list *faults)
{
	return settings_read(&provider_settings, node, out, arena, faults);
}

bool catalog_entry_read(const struct json *node, struct catalog_entry *out, struct arena *arena,
                        struct fault_list *faults)
{
	return settings_read(&catalog_table, node, out, arena, faults);
}

/* The place of the index-th item of a member, which may also be one string. */
static struct place item_place(const struct json *model, const char *member, size_t index)
{
	const struct json *node = json_member(model, member);

	return json_place(json_is(node, JSON_ARRAY) ? json_at(node, index) : node);
}

/* A list of models is the provider's and no endpoint of a model. */
static bool endpoints_read(const struct provider_model_config *config, unsigned *out,
                           struct fault_list *faults)
{
	const struct json *node = json_member(config->node, "endpoints");
	const char *known[ENDPOINT_MODELS];
	bool good = true;

	for (int i = 0; i < ENDPOINT_MODELS; i++)
		known[i] = endpoint_name((enum endpoint)i);
	for (size_t i = 0; i < config->endpoints.count; i++) {
		struct text name = config->endpoints.items[i];
		enum endpoint endpoint;
		if (endpoint_from_name(name, &endpoint) && endpoint != ENDPOINT_MODELS) {
			*out |= 1u << endpoint;
			continue;
		}
		const char *nearest = text_nearest(name, known, ENDPOINT_MODELS);
		(void)fault_list_at(faults, item_place(config->node, "endpoints", i),
		                    "there is no endpoint '%.*s'%s%s%s", TEXT_ARG(name),
		                    nearest == NULL ? "" : " (did you mean '",
		                    nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?)");
		good = false;
	}
	if (config->endpoints.count > 0 || !json_is(node, JSON_ARRAY))
		return good;
	(void)fault_list_at(faults, json_place(node), "a model without endpoints is for nothing");
	return false;
}

/* Where it serves and how it counts is the provider's, and what it costs depends on both. */
static void note_provider(const struct provider_config *config, struct price *price)
{
	for (; price != NULL; price = price->next) {
		price->region = config->region;
		price->counts = (struct usage_convention){
		    .prompt_excludes_cached = config->usage.prompt == 1,
		    .completion_excludes_reasoning = config->usage.completion == 1,
		};
	}
}

bool provider_models_read(const struct provider_config *provider, struct text version,
                          struct arena *arena, struct provider_model **out, size_t *count,
                          struct fault_list *faults)
{
	const struct setting_list *configs = &provider->models;
	const struct provider_model_config *items = configs->items;
	bool good = true;

	*out = ARENA_NEW_ARRAY(arena, struct provider_model, configs->count);
	*count = configs->count;
	for (size_t i = 0; i < configs->count; i++) {
		struct provider_model *model = &(*out)[i];
		struct text reviewed = items[i].reviewed;

		model->name = items[i].name;
		model->context = items[i].context > 0 ? items[i].context : -1;
		model->max_output = items[i].max_output > 0 ? items[i].max_output : -1;
		model->features = items[i].features;
		model->aliases = items[i].aliases;
		model->reference_tokens = items[i].reference_tokens;
		model->node = items[i].node;
		good = endpoints_read(&items[i], &model->endpoints, faults) && good;
		if (model->name.len == 0) {
			(void)fault_list_at(faults, json_place(items[i].node),
			                    "a model needs a name");
			good = false;
		}
		good = price_read(items[i].price, reviewed.len > 0 ? reviewed : version, arena,
		                  &model->price, faults) &&
		       good;
		note_provider(provider, &model->price);
	}
	return good;
}
