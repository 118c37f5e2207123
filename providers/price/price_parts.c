/* What a cost is made of, as text and back; see price.h. */
#include "providers/price/price_private.h"

enum {
	USD_DECIMALS = 12, /* of a rate, in pico-USD */
	FACTOR_DECIMALS = 6,
	PARTS_MAX_BYTES = 1024,
	MINUTE_MS = 60000,
};

const char *const price_meter_names[PRICE_METER_COUNT] = {
    [PRICE_METER_INPUT] = "input",
    [PRICE_METER_CACHED_INPUT] = "cached_input",
    [PRICE_METER_CACHE_WRITE] = "cache_write",
    [PRICE_METER_CACHE_WRITE_1H] = "cache_write_1h",
    [PRICE_METER_OUTPUT] = "output",
    [PRICE_METER_REASONING] = "reasoning",
    [PRICE_METER_REQUEST] = "request",
};

const char *const price_service_names[CHAT_SERVICE_COUNT] = {"standard", "batch", "flex",
                                                             "priority"};

/* --- writing --- */

/* The rate times all factors; false: more digits than fit. */
static bool multiply(int64_t rate, const int64_t factors[PRICE_FACTORS], struct decimal *out)
{
	*out = decimal_of((uint64_t)rate, USD_DECIMALS);
	for (size_t i = 0; i < PRICE_FACTORS; i++)
		if (factors[i] != PRICE_FACTOR_ONE &&
		    !decimal_multiply(out, (uint64_t)factors[i], FACTOR_DECIMALS))
			return false;
	return true;
}

static bool add_part(struct text_buf *out, enum price_meter meter, int64_t quantity, int64_t rate,
                     const int64_t factors[PRICE_FACTORS])
{
	struct decimal price;

	if (!multiply(rate, factors, &price))
		return false;
	if (out->len > 0)
		(void)text_buf_byte(out, ' ');
	(void)text_buf_add_c(out, price_meter_names[meter]);
	(void)text_buf_byte(out, '=');
	decimal_write(decimal_of((uint64_t)quantity, 0), out);
	(void)text_buf_byte(out, '@');
	decimal_write(price, out);
	return true;
}

static bool add_tokens(struct text_buf *out, const struct price_terms *terms,
                       const struct price_buckets *tokens)
{
	const struct price_rates *rates = &terms->rates;
	const struct {
		int64_t quantity, rate;
	} parts[] = {
	    {tokens->input, rates->input},
	    {tokens->cached_input, rates->cached_input},
	    {tokens->cache_write, rates->cache_write},
	    {tokens->cache_write_1h, rates->cache_write_1h},
	    {tokens->output, rates->output},
	    {tokens->reasoning, rates->reasoning},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i].quantity > 0 && !add_part(out, (enum price_meter)i, parts[i].quantity,
		                                       parts[i].rate, terms->factors))
			return false;
	return true;
}

/* A name of the config, in one word. */
static void add_word(struct text_buf *out, const char *key, struct text name)
{
	(void)text_buf_format(out, " %s=", key);
	for (size_t i = 0; i < name.len; i++)
		(void)text_buf_byte(out, (unsigned char)name.data[i] <= ' ' ? '_' : name.data[i]);
}

/* What the prices hang on. */
static void add_conditions(struct text_buf *out, const struct price *price,
                           const struct price_holding *holding, const struct chat_usage *usage,
                           int64_t prompt_tokens, int64_t wall_ms)
{
	const struct price_window *window = price_window_at(price, wall_ms);
	const struct price_region *region = price_region_of(price, usage->region);
	int64_t above = -1;

	if (price->services[usage->service].given)
		add_word(out, "service", text_of(price_service_names[usage->service]));
	for (size_t i = 0; i < holding->tier_count; i++)
		if (prompt_tokens > holding->tiers[i].above)
			above = holding->tiers[i].above;
	if (above >= 0)
		(void)text_buf_format(out, " above=%lld", (long long)above);
	if (window != NULL)
		(void)text_buf_format(out, " window=%02d:%02d",
		                      (int)(window->from_ms / MINUTE_MS / 60),
		                      (int)(window->from_ms / MINUTE_MS % 60));
	if (region != NULL)
		add_word(out, "region", region->name);
	if (price->fee > 0) {
		(void)text_buf_add_c(out, " fee=");
		decimal_write(decimal_of((uint64_t)price->fee, FACTOR_DECIMALS - 2), out);
	}
}

struct text price_parts(const struct price *prices, const struct chat_usage *usage, int64_t wall_ms,
                        struct arena *arena)
{
	static const int64_t no_factors[PRICE_FACTORS] = {PRICE_FACTOR_ONE, PRICE_FACTOR_ONE,
	                                                  PRICE_FACTOR_ONE};
	const struct price *price = price_at(prices, wall_ms);
	struct price_buckets tokens;
	struct text_buf out;
	struct text made = {NULL, 0};

	if (!price->known || !price_buckets(usage, price->counts, &tokens))
		return made;
	struct price_holding holding = price_hold(price, usage, wall_ms);
	int64_t prompt = price_prompt_of(&tokens);
	struct price_terms terms = price_terms_of(&holding, prompt);
	text_buf_init(&out, PARTS_MAX_BYTES);
	bool good = add_tokens(&out, &terms, &tokens);
	if (good && terms.per_request > 0)
		good = add_part(&out, PRICE_METER_REQUEST, 1, terms.per_request, no_factors);
	if (good && out.len == 0)
		good = add_part(&out, PRICE_METER_INPUT, 0, terms.rates.input, terms.factors);
	add_conditions(&out, price, &holding, usage, prompt, wall_ms);
	if (good && !out.overflow)
		made = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return made;
}

/* --- reading --- */

static struct text next_word(struct text *rest)
{
	size_t end = text_find_byte(*rest, ' ', 0);
	struct text word = text_slice(*rest, 0, end);

	*rest =
	    end == TEXT_NOT_FOUND ? (struct text){NULL, 0} : text_slice(*rest, end + 1, rest->len);
	return word;
}

static bool read_meter(struct text key, struct text value, struct price_parts *out)
{
	size_t at = text_find_byte(value, '@', 0);
	struct price_part part = {.meter = PRICE_METER_INPUT};

	while (part.meter < PRICE_METER_COUNT && !text_is(key, price_meter_names[part.meter]))
		part.meter++;
	if (part.meter == PRICE_METER_COUNT || at == TEXT_NOT_FOUND ||
	    out->count == PRICE_METER_COUNT ||
	    !text_to_int64(text_slice(value, 0, at), 0, INT64_MAX, &part.quantity))
		return false;
	if (!decimal_read(text_slice(value, at + 1, value.len), &part.price))
		return false;
	out->parts[out->count++] = part;
	return true;
}

bool price_parts_read(struct text text, struct price_parts *out)
{
	*out = (struct price_parts){.count = 0};
	while (text.len > 0) {
		struct text word = next_word(&text);
		size_t at = text_find_byte(word, '=', 0);
		if (at == TEXT_NOT_FOUND)
			return false;
		struct text key = text_slice(word, 0, at);
		struct text value = text_slice(word, at + 1, word.len);
		if (text_is(key, "service"))
			out->service = value;
		else if (text_is(key, "above"))
			out->above = value;
		else if (text_is(key, "window"))
			out->window = value;
		else if (text_is(key, "region"))
			out->region = value;
		else if (text_is(key, "fee")) {
			if (!decimal_read(value, &out->fee))
				return false;
		} else if (!read_meter(key, value, out))
			return false;
	}
	return out->count > 0;
}
