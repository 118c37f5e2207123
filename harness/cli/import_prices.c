/*
 * Reads LiteLLM's price file: one object, a model each, prices in USD for one token as JSON
 * numbers, under names made of a base and suffixes (DEPENDENCIES: its own documentation of
 * model_prices_and_context_window.json, 2026-07). Thresholds are "more than so many thousand".
 */
#include "harness/cli/import_prices.h"

#include "harness/base/json_write.h"
#include "harness/base/settings.h"
#include "providers/reply_build.h"

#include <inttypes.h>

enum { KINDS = 6, SERVICES = 4, TIERS_MAX = 4, REMARKS_MAX = 256, NAME_BYTES = 64 };

static const char *const kind_names[KINDS] = {"input",          "cached_input", "cache_write",
                                              "cache_write_1h", "output",       "reasoning"};
static const char *const service_names[SERVICES] = {"", "batch", "flex", "priority"};

static const struct {
	const char *name;
	size_t kind;
} bases[] = {
    {"input_cost_per_token_cache_hit", 1},  {"input_cost_per_token", 0},
    {"cache_read_input_token_cost", 1},     {"cache_creation_input_token_cost_above_1hr", 3},
    {"cache_creation_input_token_cost", 2}, {"output_cost_per_token", 4},
    {"output_cost_per_reasoning_token", 5},
};

static const struct {
	const char *theirs, *ours;
} providers[] = {
    {"openai", "openai"},
    {"text-completion-openai", "openai"},
    {"anthropic", "anthropic"},
    {"gemini", "gemini"},
    {"mistral", "mistral"},
    {"deepseek", "deepseek"},
    {"together_ai", "together"},
    {"fireworks_ai", "fireworks"},
    {"groq", "groq"},
    {"dashscope", "qwen"},
    {"cohere", "cohere"},
    {"cohere_chat", "cohere"},
    {"xai", "xai"},
    {"moonshot", "moonshot"},
    {"openrouter", "openrouter"},
    {"cerebras", "cerebras"},
    {"perplexity", "perplexity"},
    {"ollama", "ollama"},
    {"azure", "azure"},
    {"bedrock", "bedrock"},
    {"bedrock_converse", "bedrock"},
};

static const struct {
	const char *mode, *endpoint;
} modes[] = {
    {"chat", "chat"},
    {"completion", "completions"},
    {"responses", "responses"},
    {"embedding", "embeddings"},
};

/* Something that was left out, and how often. */
struct remark {
	struct text what;
	struct place first;
	size_t count;
};

struct model {
	const struct json *node;
	struct text provider, name;
	const char *endpoint;
};

struct importer {
	struct arena *arena;
	struct text_buf *out;
	struct fault *fault;
	struct model *models;
	size_t count;
	struct remark remarks[REMARKS_MAX];
	size_t remark_count, remarks_dropped;
};

static void remark(struct importer *importer, const struct json *node, struct text what)
{
	for (size_t i = 0; i < importer->remark_count; i++)
		if (text_equal(importer->remarks[i].what, what)) {
			importer->remarks[i].count++;
			return;
		}
	if (importer->remark_count == REMARKS_MAX) {
		importer->remarks_dropped++;
		return;
	}
	importer->remarks[importer->remark_count++] =
	    (struct remark){text_copy(importer->arena, what), json_place(node), 1};
}

/* --- prices of one model ----------------------------------------------------------- */

struct prices {
	int64_t rates[SERVICES][TIERS_MAX + 1][KINDS]; /* pico-USD a million; -1: not said */
	int64_t above[TIERS_MAX];
	size_t tier_count;
	int64_t per_request;
};

/* Takes the suffix off the front. */
static bool take(struct text *view, const char *part)
{
	if (!text_starts(*view, text_of(part)))
		return false;
	*view = text_slice(*view, strlen(part), view->len);
	return true;
}

static bool take_threshold(struct text *view, int64_t *out)
{
	size_t k;
	struct text rest = *view;

	*out = 0;
	if (!take(&rest, "_above_"))
		return true;
	k = text_find(rest, TEXT("k_tokens"), 0);
	if (k == TEXT_NOT_FOUND || !text_to_int64(text_slice(rest, 0, k), 1, 100000, out))
		return false;
	*out *= 1000;
	*view = text_slice(rest, k + sizeof("k_tokens") - 1, rest.len);
	return true;
}

static bool read_key(struct text key, size_t *kind, int64_t *above, size_t *service)
{
	for (size_t i = 0; i < ARRAY_LENGTH(bases); i++) {
		struct text rest = key;
		if (!take(&rest, bases[i].name))
			continue;
		*kind = bases[i].kind;
		*service = 0;
		if (!take_threshold(&rest, above))
			return false;
		if (take(&rest, "_batches"))
			*service = 1;
		else if (take(&rest, "_flex"))
			*service = 2;
		else if (take(&rest, "_priority"))
			*service = 3;
		return rest.len == 0;
	}
	return false;
}

/* Index of the tier's rates; TIERS_MAX + 1: no room. */
static size_t tier_of(struct prices *prices, int64_t above)
{
	size_t at = 0;

	if (above == 0)
		return 0;
	while (at < prices->tier_count && prices->above[at] < above)
		at++;
	if (at < prices->tier_count && prices->above[at] == above)
		return at + 1;
	if (prices->tier_count == TIERS_MAX)
		return TIERS_MAX + 1;
	for (size_t i = prices->tier_count++; i > at; i--) {
		prices->above[i] = prices->above[i - 1];
		for (size_t s = 0; s < SERVICES; s++)
			memcpy(prices->rates[s][i + 1], prices->rates[s][i],
			       sizeof(prices->rates[s][i]));
	}
	prices->above[at] = above;
	for (size_t s = 0; s < SERVICES; s++)
		for (size_t k = 0; k < KINDS; k++)
			prices->rates[s][at + 1][k] = -1;
	return at + 1;
}

/* USD for one, as pico-USD for so many (a power of ten). */
static bool read_usd(struct importer *importer, const struct json *node, int shift, int64_t *out)
{
	struct text number = node->text;
	size_t e = text_find_byte(number, 'e', 0);
	int64_t exponent = 0, exact;

	if (!json_is(node, JSON_NUMBER) || number.data[0] == '-')
		return fault_at(importer->fault, json_place(node),
		                "a price is a number of at least 0");
	if (e == TEXT_NOT_FOUND)
		e = text_find_byte(number, 'E', 0);
	if (e != TEXT_NOT_FOUND) {
		struct text digits = text_slice(number, e + 1, number.len);
		(void)take(&digits, "+");
		if (!text_to_int64(digits, -1000, 1000, &exponent))
			return fault_at(importer->fault, json_place(node), "no amount of money");
		number = text_slice(number, 0, e);
	}
	struct text shifted = text_format(importer->arena, "%.*se%lld", TEXT_ARG(number),
	                                  (long long)(exponent + shift));
	if (!usage_parse_usd(shifted, out))
		return fault_at(importer->fault, json_place(node), "no amount of money");
	if (!setting_parse_usd(shifted, &exact))
		remark(importer, node, TEXT("rounded to 10^-12 USD for a million tokens"));
	return true;
}

static bool read_prices(struct importer *importer, const struct json *node, struct prices *prices)
{
	*prices = (struct prices){.per_request = -1};
	memset(prices->rates, 0xff, sizeof(prices->rates)); /* all -1 */
	JSON_EACH(member, node)
	{
		size_t kind, service, tier;
		int64_t above, value;

		if (member->type == JSON_NULL ||
		    text_find(member->key, TEXT("cost"), 0) == TEXT_NOT_FOUND)
			continue;
		if (text_is(member->key, "input_cost_per_request")) {
			if (!read_usd(importer, member, 0, &prices->per_request))
				return false;
			continue;
		}
		if (!read_key(member->key, &kind, &above, &service) ||
		    (tier = tier_of(prices, above)) > TIERS_MAX) {
			remark(
			    importer, member,
			    text_format(importer->arena, "not priced: %.*s",
			                TEXT_ARG(text_visible(importer->arena, member->key, 80))));
			continue;
		}
		if (!read_usd(importer, member, 6, &value))
			return false;
		prices->rates[service][tier][kind] = value;
	}
	return true;
}

/* --- YAML -------------------------------------------------------------------------- */

static void put(struct importer *importer, const char *format, ...) PRINTF_LIKE(2, 3);
static void put(struct importer *importer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)text_buf_vformat(importer->out, format, arguments);
	va_end(arguments);
}

/* A JSON string is a YAML one. */
static void put_quoted(struct importer *importer, struct text value)
{
	struct json_writer writer;

	json_writer_init(&writer, importer->out, false);
	json_write_string(&writer, value);
}

static void put_usd(struct importer *importer, const char *name, int64_t pico_usd)
{
	char fraction[16];
	int len = snprintf(fraction, sizeof(fraction), "%012" PRId64, pico_usd % 1000000000000);

	while (len > 0 && fraction[len - 1] == '0')
		len--;
	put(importer, "%s: \"%" PRId64 "%s%.*s\"", name, pico_usd / 1000000000000,
	    len > 0 ? "." : "", len, fraction);
}

/* Rates, and where one is not said that of `fall_back` (NULL: it stays away). */
static void put_rates(struct importer *importer, const int64_t rates[KINDS],
                      const int64_t *fall_back, const char *before)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		int64_t rate = rates[kind] < 0 && fall_back != NULL ? fall_back[kind] : rates[kind];
		if (rate < 0)
			continue;
		put(importer, "%s", before);
		put_usd(importer, kind_names[kind], rate);
		before = ", ";
	}
}

static bool says_something(const int64_t rates[KINDS])
{
	for (size_t kind = 0; kind < KINDS; kind++)
		if (rates[kind] >= 0)
			return true;
	return false;
}

/* A service tier with prices needs tiers of its own: what it does not say is the standard's. */
static void put_tiers(struct importer *importer, const struct model *model,
                      const struct prices *prices, size_t service)
{
	const char *before = ", context: [";

	for (size_t i = 0; i < prices->tier_count; i++) {
		const int64_t *standard = prices->rates[0][i + 1];
		if (!says_something(standard) && !says_something(prices->rates[service][i + 1]))
			continue;
		if (service > 0 && !says_something(prices->rates[service][i + 1]))
			remark(importer, model->node,
			       text_format(importer->arena,
			                   "no price of a long prompt at %s: taken as at standard",
			                   service_names[service]));
		put(importer, "%s{above: %" PRId64, before, prices->above[i]);
		put_rates(importer, prices->rates[service][i + 1], service > 0 ? standard : NULL,
		          ", ");
		put(importer, "}");
		before = ", ";
	}
	if (before[2] == '\0')
		put(importer, "]");
}

static void put_price(struct importer *importer, const struct model *model, struct prices *prices)
{
	const char *before = ", service: {";

	if (prices->rates[0][0][0] >= 0 && prices->rates[0][0][4] < 0 &&
	    strcmp(model->endpoint, "embeddings") == 0)
		prices->rates[0][0][4] = 0; /* vectors are no tokens */
	if (prices->rates[0][0][0] < 0 || prices->rates[0][0][4] < 0) {
		remark(importer, model->node,
		       TEXT("no price: it has none for input and output tokens"));
		return;
	}
	put(importer, "        price: {");
	put_rates(importer, prices->rates[0][0], NULL, "");
	put_tiers(importer, model, prices, 0);
	for (size_t service = 1; service < SERVICES; service++) {
		if (!says_something(prices->rates[service][0]))
			continue;
		put(importer, "%s%s: {", before, service_names[service]);
		put_rates(importer, prices->rates[service][0], NULL, "");
		put_tiers(importer, model, prices, service);
		put(importer, "}");
		before = ", ";
	}
	if (before[2] == '\0')
		put(importer, "}");
	if (prices->per_request > 0) {
		put(importer, ", ");
		put_usd(importer, "per_request", prices->per_request);
	}
	put(importer, "}\n");
}

static void put_count(struct importer *importer, const struct json *node, const char *theirs,
                      const char *ours)
{
	const struct json *member = json_member(node, theirs);
	int64_t count;

	if (member == NULL || member->type == JSON_NULL)
		return;
	if (json_node_integer(member, 1, 1000000000, &count))
		put(importer, "        %s: %" PRId64 "\n", ours, count);
	else
		remark(importer, member,
		       text_format(importer->arena, "%s is no count of tokens", theirs));
}

static bool put_model(struct importer *importer, const struct model *model)
{
	struct prices prices;

	if (!read_prices(importer, model->node, &prices))
		return false;
	put(importer, "      ");
	put_quoted(importer, model->name);
	put(importer, ":\n        endpoints: [%s]\n", model->endpoint);
	put_count(importer, model->node, "max_input_tokens", "context");
	put_count(importer, model->node, "max_output_tokens", "max_output");
	put_price(importer, model, &prices);
	return true;
}

/* --- models ------------------------------------------------------------------------ */

static struct text provider_of(struct importer *importer, struct text theirs, bool *known)
{
	char name[NAME_BYTES];
	size_t len = 0;

	*known = true;
	for (size_t i = 0; i < ARRAY_LENGTH(providers); i++)
		if (text_is(theirs, providers[i].theirs))
			return text_of(providers[i].ours);
	*known = false;
	for (; len < theirs.len && len < sizeof(name); len++) {
		char c = theirs.data[len];
		bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		            (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
		name[len] = fits ? c : '-';
	}
	return text_copy(importer->arena, (struct text){name, len});
}

static bool is_double(const struct importer *importer, const struct model *model)
{
	for (size_t i = 0; i < importer->count; i++)
		if (text_equal(importer->models[i].name, model->name) &&
		    text_equal(importer->models[i].provider, model->provider))
			return true;
	return false;
}

static bool add_model(struct importer *importer, const struct json *node)
{
	struct text theirs = json_string(node, "litellm_provider");
	struct text mode = json_string(node, "mode");
	struct model model = {.node = node, .name = node->key};
	bool known;

	if (text_is(node->key, "sample_spec"))
		return true;
	if (!json_is(node, JSON_OBJECT))
		return fault_at(importer->fault, json_place(node),
		                "a model is an object, this is %s", json_type_name(node));
	if (theirs.len == 0) {
		remark(importer, node, TEXT("left out: no litellm_provider"));
		return true;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(modes) && model.endpoint == NULL; i++)
		if (text_is(mode, modes[i].mode))
			model.endpoint = modes[i].endpoint;
	if (model.endpoint == NULL) {
		remark(importer, node,
		       text_format(importer->arena, "left out: mode %.*s",
		                   TEXT_ARG(text_visible(importer->arena, mode, 40))));
		return true;
	}
	model.provider = provider_of(importer, theirs, &known);
	if (!known)
		remark(importer, node,
		       text_format(importer->arena,
		                   "provider %.*s is not in the catalogue: give it its base_url",
		                   TEXT_ARG(model.provider)));
	struct text prefix = text_format(importer->arena, "%.*s/", TEXT_ARG(theirs));
	if (text_starts(model.name, prefix) && model.name.len > prefix.len)
		model.name = text_slice(model.name, prefix.len, model.name.len);
	if (is_double(importer, &model))
		remark(importer, node,
		       TEXT("left out: its provider has a model of that name above"));
	else
		importer->models[importer->count++] = model;
	return true;
}

static bool put_provider(struct importer *importer, struct text provider)
{
	bool known = false;

	for (size_t i = 0; i < ARRAY_LENGTH(providers); i++)
		known = known || text_is(provider, providers[i].ours);
	put(importer, "  ");
	put_quoted(importer, provider);
	put(importer, ":\n");
	if (!known)
		put(importer, "    base_url: https://base-url-wanted.invalid/v1\n");
	put(importer, "    models:\n");
	for (size_t i = 0; i < importer->count; i++)
		if (text_equal(importer->models[i].provider, provider) &&
		    !put_model(importer, &importer->models[i]))
			return false;
	return true;
}

static void tell(const struct importer *importer, FILE *report)
{
	for (size_t i = 0; i < importer->remark_count; i++) {
		const struct remark *remark = &importer->remarks[i];
		unsigned line, column;

		place_line_column(remark->first, &line, &column);
		(void)fprintf(report, "%.*s:%u:%u: warning: %.*s",
		              TEXT_ARG(remark->first.source->name), line, column,
		              TEXT_ARG(remark->what));
		if (remark->count > 1)
			(void)fprintf(report, " (and %zu more)", remark->count - 1);
		(void)fputc('\n', report);
	}
	if (importer->remarks_dropped > 0)
		(void)fprintf(report, "warning: %zu more of other kinds\n",
		              importer->remarks_dropped);
	(void)fprintf(report, "%zu models imported\n", importer->count);
}

bool import_prices(const struct json *root, struct arena *arena, struct text_buf *out, FILE *report,
                   struct fault *fault)
{
	struct importer *importer = ARENA_NEW(arena, struct importer);

	if (!json_is(root, JSON_OBJECT))
		return fault_at(fault, json_place(root),
		                "want an object of models by name, this is %s",
		                json_type_name(root));
	*importer = (struct importer){.arena = arena, .out = out, .fault = fault};
	importer->models = ARENA_NEW_ARRAY(arena, struct model, root->count);
	JSON_EACH(node, root)
	if (!add_model(importer, node))
		return false;
	put(importer,
	    importer->count == 0 ? "version: 1\nproviders: {}\n" : "version: 1\nproviders:\n");
	for (size_t i = 0; i < importer->count; i++) {
		bool first = true;
		for (size_t k = 0; k < i && first; k++)
			first =
			    !text_equal(importer->models[k].provider, importer->models[i].provider);
		if (first && !put_provider(importer, importer->models[i].provider))
			return false;
	}
	tell(importer, report);
	return true;
}
