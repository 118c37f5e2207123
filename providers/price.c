/*
 * Tokens times prices, in integers only: a sum of rows equals its total to the
 * last digit. Which price holds when is not decided here.
 */
#include "providers/price.h"

enum {
	TOKENS_PER_PRICE = 1000000,
	/*
	 * English runs at 4 bytes a token, code at 3, Chinese at 3 bytes a character and about one
	 * token each; dense digits and base64 come near 2. A body's own JSON syntax counts as well,
	 * which pays for what chat templates add.
	 */
	BYTES_PER_TOKEN_AT_LEAST = 2,
};

const char *cost_source_name(enum cost_source source)
{
	switch (source) {
	case COST_UNKNOWN:
		return "";
	case COST_REPORTED:
		return "reported";
	case COST_COMPUTED:
		return "computed";
	case COST_ESTIMATED:
		return "estimated";
	}
	return "";
}

/* Both at least 0. */
static int64_t add_saturating(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int64_t price_charge(int64_t tokens, int64_t per_million_pico_usd)
{
	if (tokens < 0 || per_million_pico_usd < 0)
		return -1;
	/*
	 * Both factors are split at a million, so that each product but the first fits:
	 * (q M + r) (a M + b) / M = q (a M + b) + r a + r b / M.
	 */
	int64_t q = tokens / TOKENS_PER_PRICE, r = tokens % TOKENS_PER_PRICE;
	int64_t a = per_million_pico_usd / TOKENS_PER_PRICE;
	int64_t b = per_million_pico_usd % TOKENS_PER_PRICE;
	int64_t whole;

	if (__builtin_mul_overflow(q, per_million_pico_usd, &whole))
		return INT64_MAX;
	int64_t rest = add_saturating(r * a, (r * b + TOKENS_PER_PRICE / 2) / TOKENS_PER_PRICE);
	return add_saturating(whole, rest);
}

struct cost price_cost(const struct price *price, const struct chat_usage *usage)
{
	struct cost unknown = {.pico_usd = -1, .source = COST_UNKNOWN};

	if (usage->present && usage->cost_pico_usd >= 0)
		return (struct cost){usage->cost_pico_usd, COST_REPORTED};
	if (!price->known || !usage->present || usage->input < 0 || usage->output < 0)
		return unknown;
	int64_t cached = int64_max(usage->cached_input, 0);
	int64_t written = int64_max(usage->cache_write, 0);
	int64_t apart = add_saturating(cached, written);
	/*
	 * More cached than prompt tokens: this provider counts them apart (xAI does at
	 * times), so all of both was processed, and all of both is charged.
	 */
	int64_t plain = apart <= usage->input ? usage->input - apart : usage->input;
	int64_t cached_price = price->cached_input >= 0 ? price->cached_input : price->input;
	int64_t write_price = price->cache_write >= 0 ? price->cache_write : price->input;
	int64_t total = price_charge(plain, price->input);

	total = add_saturating(total, price_charge(cached, cached_price));
	total = add_saturating(total, price_charge(written, write_price));
	total = add_saturating(total, price_charge(usage->output, price->output));
	return (struct cost){total, COST_COMPUTED};
}

int64_t price_estimate_tokens(int64_t prompt_bytes)
{
	int64_t bytes = int64_max(prompt_bytes, 0);

	return bytes / BYTES_PER_TOKEN_AT_LEAST + (bytes % BYTES_PER_TOKEN_AT_LEAST != 0);
}

int64_t price_bound(const struct price *price, int64_t prompt_bytes, int64_t max_output_tokens)
{
	if (!price->known || max_output_tokens < 0)
		return -1;
	/* Whatever is cached, written or plain: the dearest of the three bounds it. */
	int64_t input = int64_max(price->input, int64_max(price->cached_input, price->cache_write));
	int64_t total = price_charge(price_estimate_tokens(prompt_bytes), input);

	return add_saturating(total, price_charge(max_output_tokens, price->output));
}
