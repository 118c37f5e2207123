/*
 * Reads LiteLLM's prices of a model: USD for one token as JSON
 * numbers, under names made of a base and suffixes (its own documentation of
 * model_prices_and_context_window.json, 2026-07). Thresholds are "more than so many thousand".
 */
#include "harness/cli/importer.h"

#include "harness/base/settings.h"
#include "providers/reply/reply_build.h"

#include <inttypes.h>

static const char *const kind_names[IMPORT_KINDS] = {
    "input", "cached_input", "cache_write", "cache_write_1h", "output", "reasoning"};
static const char *const service_names[IMPORT_SERVICES] = {"", "batch", "flex", "priority"};

static const struct {
	const char *name;
	size_t kind;
} bases[] = {
    {"input_cost_per_token_cache_hit", 1},  {"input_cost_per_token", 0},
    {"cache_read_input_token_cost", 1},     {"cache_creation_input_token_cost_above_1hr", 3},
    {"cache_creation_input_token_cost", 2}, {"output_cost_per_token", 4},
    {"output_cost_per_reasoning_token", 5},
};

/* --- prices of one model ----------------------------------------------------------- */

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

/* Index of the tier's rates; IMPORT_TIERS_MAX + 1: no room. */
static size_t tier_of(struct import_price *prices, int64_t above)
{
	size_t at = 0;

	if (above == 0)
		return 0;
	while (at < prices->tier_count && prices->above[at] < above)
		at++;
	if (at < prices->tier_count && prices->above[at] == above)
		return at + 1;
	if (prices->tier_count == IMPORT_TIERS_MAX)
		return IMPORT_TIERS_MAX + 1;
	for (size_t i = prices->tier_count++; i > at; i--) {
		prices->above[i] = prices->above[i - 1];
		for (size_t s = 0; s < IMPORT_SERVICES; s++)
			memcpy(prices->rates[s][i + 1], prices->rates[s][i],
			       sizeof(prices->rates[s][i]));
	}
	prices->above[at] = above;
	for (size_t s = 0; s < IMPORT_SERVICES; s++)
		for (size_t k = 0; k < IMPORT_KINDS; k++)
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
		importer_remark(importer, node, "rounded to 10^-12 USD for a million tokens");
	return true;
}

void import_price_init(struct import_price *prices)
{
	*prices = (struct import_price){.per_request = -1};
	memset(prices->rates, 0xff, sizeof(prices->rates)); /* all -1 */
}

bool import_price_is_given(const struct json *node)
{
	size_t kind, service;
	int64_t above;

	JSON_EACH(member, node)
	if (member->type != JSON_NULL && (text_is(member->key, "input_cost_per_request") ||
	                                  read_key(member->key, &kind, &above, &service)))
		return true;
	return false;
}

bool import_price_read(struct importer *importer, const struct json *node,
                       struct import_price *prices)
{
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
		    (tier = tier_of(prices, above)) > IMPORT_TIERS_MAX) {
			importer_remark(importer, member, "not priced: %.*s",
			                TEXT_ARG(text_visible(importer->arena, member->key, 80)));
			continue;
		}
		if (!read_usd(importer, member, 6, &value))
			return false;
		prices->rates[service][tier][kind] = value;
	}
	return true;
}

/* --- YAML -------------------------------------------------------------------------- */

static void put_usd(struct importer *importer, const char *name, int64_t pico_usd)
{
	char fraction[16];
	int len = snprintf(fraction, sizeof(fraction), "%012" PRId64, pico_usd % 1000000000000);

	while (len > 0 && fraction[len - 1] == '0')
		len--;
	importer_put(importer, "%s: \"%" PRId64 "%s%.*s\"", name, pico_usd / 1000000000000,
	             len > 0 ? "." : "", len, fraction);
}

/* Rates, and where one is not said that of `fall_back` (NULL: it stays away). */
static void put_rates(struct importer *importer, const int64_t rates[IMPORT_KINDS],
                      const int64_t *fall_back, const char *before)
{
	for (size_t kind = 0; kind < IMPORT_KINDS; kind++) {
		int64_t rate = rates[kind] < 0 && fall_back != NULL ? fall_back[kind] : rates[kind];
		if (rate < 0)
			continue;
		importer_put(importer, "%s", before);
		put_usd(importer, kind_names[kind], rate);
		before = ", ";
	}
}

static bool says_something(const int64_t rates[IMPORT_KINDS])
{
	for (size_t kind = 0; kind < IMPORT_KINDS; kind++)
		if (rates[kind] >= 0)
			return true;
	return false;
}

/* A service tier with prices needs tiers of its own: what it does not say is the standard's. */
static void put_tiers(struct importer *importer, const struct json *node,
                      const struct import_price *prices, size_t service)
{
	const char *before = ", context: [";

	for (size_t i = 0; i < prices->tier_count; i++) {
		const int64_t *standard = prices->rates[0][i + 1];
		if (!says_something(standard) && !says_something(prices->rates[service][i + 1]))
			continue;
		if (service > 0 && !says_something(prices->rates[service][i + 1]))
			importer_remark(importer, node,
			                "no price of a long prompt at %s: taken as at standard",
			                service_names[service]);
		importer_put(importer, "%s{above: %" PRId64, before, prices->above[i]);
		put_rates(importer, prices->rates[service][i + 1], service > 0 ? standard : NULL,
		          ", ");
		importer_put(importer, "}");
		before = ", ";
	}
	if (before[2] == '\0')
		importer_put(importer, "]");
}

void import_price_put(struct importer *importer, const struct json *node, const char *endpoint,
                      struct import_price *prices)
{
	const char *before = ", service: {";

	if (prices->rates[0][0][0] >= 0 && prices->rates[0][0][4] < 0 &&
	    strcmp(endpoint, "embeddings") == 0)
		prices->rates[0][0][4] = 0; /* vectors are no tokens */
	if (prices->rates[0][0][0] < 0 || prices->rates[0][0][4] < 0) {
		importer_remark(importer, node,
		                "no price: it has none for input and output tokens");
		return;
	}
	importer_put(importer, "        price: {");
	put_rates(importer, prices->rates[0][0], NULL, "");
	put_tiers(importer, node, prices, 0);
	for (size_t service = 1; service < IMPORT_SERVICES; service++) {
		if (!says_something(prices->rates[service][0]))
			continue;
		importer_put(importer, "%s%s: {", before, service_names[service]);
		put_rates(importer, prices->rates[service][0], NULL, "");
		put_tiers(importer, node, prices, service);
		importer_put(importer, "}");
		before = ", ";
	}
	if (before[2] == '\0')
		importer_put(importer, "}");
	if (prices->per_request > 0) {
		importer_put(importer, ", ");
		put_usd(importer, "per_request", prices->per_request);
	}
	importer_put(importer, "}\n");
}

void importer_put_count(struct importer *importer, const struct json *node, const char *theirs,
                        const char *ours)
{
	const struct json *member = json_member(node, theirs);
	int64_t count;

	if (member == NULL || member->type == JSON_NULL)
		return;
	if (json_node_integer(member, 1, 1000000000, &count))
		importer_put(importer, "        %s: %" PRId64 "\n", ours, count);
	else
		importer_remark(importer, member, "%s is no count of tokens", theirs);
}
