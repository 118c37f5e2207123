/*
 * Tokens times prices, in integers only: which price holds when, what it becomes by service,
 * region, time and length, and what a request may cost at most. The sum itself: price_sum.c.
 */
#include "providers/price/price_private.h"

#include "providers/price/money.h"

enum {
	/*
	 * English runs at 4 bytes a token, code at 3, Chinese at 3 bytes a character and about one
	 * token each; dense digits and base64 come near 2. A body's own JSON syntax counts as well,
	 * which pays for what chat templates add.
	 */
	BYTES_PER_TOKEN_AT_LEAST = 2,
	DAY_MS = 86400000,
	WEEKDAY_OF_EPOCH = 3, /* 1970-01-01 was a Thursday; Monday is 0 */
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

/* --- which price holds ------------------------------------------------------------- */

const struct price *price_at(const struct price *prices, int64_t wall_ms)
{
	static const struct price none = {.base = PRICE_RATES_NONE};

	for (; prices != NULL; prices = prices->next)
		if (prices->known && wall_ms >= prices->from_wall_ms &&
		    (prices->until_wall_ms == 0 || wall_ms < prices->until_wall_ms))
			return prices;
	return &none;
}

static bool begins_on(const struct price_window *window, int64_t day)
{
	if ((window->days >> ((day + WEEKDAY_OF_EPOCH) % 7) & 1) == 0)
		return false;
	for (size_t i = 0; i < window->except_count; i++)
		if (window->except[i] == day)
			return false;
	return true;
}

static bool holds_at(const struct price_window *window, int64_t day, int64_t ms)
{
	if (window->until_ms > window->from_ms)
		return ms >= window->from_ms && ms < window->until_ms && begins_on(window, day);
	return (ms >= window->from_ms && begins_on(window, day)) ||
	       (ms < window->until_ms && begins_on(window, day - 1));
}

const struct price_window *price_window_at(const struct price *price, int64_t wall_ms)
{
	int64_t moment = int64_max(wall_ms, 0);

	for (size_t i = 0; i < price->window_count; i++)
		if (holds_at(&price->windows[i], moment / DAY_MS, moment % DAY_MS))
			return &price->windows[i];
	return NULL;
}

static const struct price_change *window_at(const struct price *price, int64_t wall_ms)
{
	const struct price_window *window = price_window_at(price, wall_ms);

	return window == NULL ? NULL : &window->change;
}

static void take_rates(struct price_rates *rates, const struct price_rates *over)
{
	const int64_t from[] = {over->input,          over->cached_input, over->cache_write,
	                        over->cache_write_1h, over->output,       over->reasoning};
	int64_t *to[] = {&rates->input,          &rates->cached_input, &rates->cache_write,
	                 &rates->cache_write_1h, &rates->output,       &rates->reasoning};

	for (size_t i = 0; i < ARRAY_LENGTH(to); i++)
		if (from[i] >= 0)
			*to[i] = from[i];
}

/* What is not said costs as what it is a kind of. */
static void fill_rates(struct price_rates *rates)
{
	if (rates->cached_input < 0)
		rates->cached_input = rates->input;
	if (rates->cache_write < 0)
		rates->cache_write = rates->input;
	if (rates->cache_write_1h < 0)
		rates->cache_write_1h = rates->cache_write;
	if (rates->reasoning < 0)
		rates->reasoning = rates->output;
}

static void apply(struct price_holding *holding, const struct price_change *change, size_t factor)
{
	if (change == NULL || !change->given)
		return;
	holding->terms.factors[factor] = change->factor;
	if (!change->own)
		return;
	take_rates(&holding->terms.rates, &change->rates);
	holding->tiers = change->tiers;
	holding->tier_count = change->tier_count;
}

static struct price_holding hold(const struct price *price, const struct price_change *window,
                                 const struct price_change *service, int64_t region_factor)
{
	struct price_holding holding = {
	    .terms =
		{
		    .rates = price->base,
		    .factors = {PRICE_FACTOR_ONE, PRICE_FACTOR_ONE, region_factor},
		    .per_request = price->per_request,
		    .fee = price->fee,
		},
	    .tiers = price->tiers,
	    .tier_count = price->tier_count,
	};

	apply(&holding, window, 0);
	apply(&holding, service, 1);
	return holding;
}

struct price_terms price_terms_of(const struct price_holding *holding, int64_t prompt_tokens)
{
	struct price_terms terms = holding->terms;

	for (size_t i = 0; i < holding->tier_count; i++)
		if (prompt_tokens > holding->tiers[i].above)
			take_rates(&terms.rates, &holding->tiers[i].rates);
	fill_rates(&terms.rates);
	return terms;
}

const struct price_region *price_region_of(const struct price *price, const char *said)
{
	struct text name = said[0] != '\0' ? text_of(said) : price->region;

	for (size_t i = 0; i < price->region_count; i++)
		if (text_equal(price->regions[i].name, name))
			return &price->regions[i];
	return NULL;
}

static int64_t region_factor(const struct price *price, const char *said)
{
	const struct price_region *region = price_region_of(price, said);

	return region == NULL ? PRICE_FACTOR_ONE : region->factor;
}

/* --- what a request cost ----------------------------------------------------------- */

/* Both at least 0. */
static int64_t add_saturating(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static bool reasoning_is_apart(const struct chat_usage *usage, struct usage_convention counts)
{
	int64_t within = add_saturating(usage->input, usage->output);

	if (usage->reasoning > usage->output)
		return true;
	if (usage->total == within)
		return false;
	if (usage->total == add_saturating(within, usage->reasoning))
		return true;
	return counts.completion_excludes_reasoning;
}

bool price_buckets(const struct chat_usage *usage, struct usage_convention counts,
                   struct price_buckets *out)
{
	/* Embeddings have no output and name none: a total that is the input says the same. */
	bool input_alone = usage->output < 0 && usage->total == usage->input;

	if (!usage->present || usage->input < 0 || (usage->output < 0 && !input_alone))
		return false;
	int64_t cached = int64_max(usage->cached_input, 0);
	int64_t written = int64_max(usage->cache_write, 0);
	int64_t hour = int64_min(int64_max(usage->cache_write_1h, 0), written);
	int64_t reasoning = int64_max(usage->reasoning, 0);
	int64_t apart = add_saturating(cached, written);
	/*
	 * More cached than prompt tokens: this provider counts them apart (xAI does at
	 * times), so all of both was processed, and all of both is charged.
	 */
	bool excludes = counts.prompt_excludes_cached || apart > usage->input;

	*out = (struct price_buckets){
	    .input = excludes ? usage->input : usage->input - apart,
	    .cached_input = cached,
	    .cache_write = written - hour,
	    .cache_write_1h = hour,
	    .output = int64_max(usage->output, 0),
	    .reasoning = reasoning,
	};
	if (reasoning > 0 && !reasoning_is_apart(usage, counts))
		out->output -= reasoning;
	return true;
}

int64_t price_prompt_of(const struct price_buckets *tokens)
{
	int64_t cache = add_saturating(tokens->cache_write, tokens->cache_write_1h);

	return add_saturating(add_saturating(tokens->input, tokens->cached_input), cache);
}

struct price_holding price_hold(const struct price *price, const struct chat_usage *usage,
                                int64_t wall_ms)
{
	struct price_holding holding =
	    hold(price, window_at(price, wall_ms), &price->services[usage->service],
	         region_factor(price, usage->region));

	if (price->search_fees[usage->search] > 0)
		holding.terms.per_request = price->search_fees[usage->search];
	return holding;
}

static int64_t compute(const struct price *price, const struct chat_usage *usage, int64_t wall_ms)
{
	struct price_buckets tokens;

	if (!price->known || !price_buckets(usage, price->counts, &tokens))
		return -1;
	struct price_holding holding = price_hold(price, usage, wall_ms);
	struct price_terms terms = price_terms_of(&holding, price_prompt_of(&tokens));
	return price_sum(&terms, &tokens, 1);
}

/* What is told is what it sells for; a percentage on top is paid beside it, as when credits are
 * bought. */
static int64_t with_fee(const struct price *price, int64_t told_pico_usd)
{
	if (!price->known || price->fee <= 0)
		return told_pico_usd;
	money charged = money_scale(told_pico_usd, PRICE_FACTOR_ONE + price->fee, PRICE_FACTOR_ONE);
	return charged > INT64_MAX ? INT64_MAX : (int64_t)charged;
}

struct cost price_cost(const struct price *prices, const struct chat_usage *usage, int64_t wall_ms)
{
	const struct price *price = price_at(prices, wall_ms);
	struct cost cost = {.pico_usd = -1, .source = COST_UNKNOWN};

	cost.computed_pico_usd = cost.pico_usd = compute(price, usage, wall_ms);
	if (cost.computed_pico_usd >= 0) {
		cost.source = COST_COMPUTED;
		cost.version = price->version;
	}
	if (usage->present && usage->cost_pico_usd >= 0) {
		cost.pico_usd = with_fee(price, usage->cost_pico_usd);
		cost.source = COST_REPORTED;
	}
	return cost;
}

/*
 * Most prices are the same whenever and however long: each decision asks for two sums of each
 * candidate, and these need not be held against conditions that are not there.
 */
static bool is_flat(const struct price *price)
{
	return price->window_count == 0 && price->tier_count == 0 && price->region_count == 0 &&
	       !price->searches;
}

/* By these two rates of a flat price. */
static int64_t sum_flat(const struct price *price, int64_t input_rate, int64_t output_rate,
                        const struct price_buckets *tokens, int64_t requests)
{
	const struct price_terms terms = {
	    .rates = {.input = input_rate, .output = output_rate},
	    .factors = {PRICE_FACTOR_ONE, PRICE_FACTOR_ONE, PRICE_FACTOR_ONE},
	    .per_request = price->per_request,
	    .fee = price->fee,
	};

	return price_sum(&terms, tokens, requests);
}

int64_t price_expect(const struct price *prices, int64_t wall_ms, int64_t requests,
                     int64_t input_tokens, int64_t output_tokens)
{
	const struct price *price = price_at(prices, wall_ms);
	struct price_buckets tokens = {.input = input_tokens, .output = output_tokens};

	if (!price->known || input_tokens < 0 || output_tokens < 0 || requests < 0)
		return -1;
	if (is_flat(price))
		return sum_flat(price, price->base.input, price->base.output, &tokens, requests);
	struct price_holding holding =
	    hold(price, window_at(price, wall_ms), NULL, region_factor(price, ""));
	struct price_terms terms = price_terms_of(&holding, input_tokens / int64_max(requests, 1));
	return price_sum(&terms, &tokens, requests);
}

/* --- what many requests have in common ------------------------------------------- */

/* Narrows to the part of the day in which the same windows hold. */
static void narrow_to_windows(const struct price *price, int64_t wall_ms, struct price_line *out)
{
	int64_t midnight = wall_ms - wall_ms % DAY_MS;
	int64_t from = 0, until = DAY_MS;

	if (price->window_count == 0 || wall_ms < 0)
		return;
	for (size_t i = 0; i < price->window_count; i++) {
		const int64_t edges[] = {price->windows[i].from_ms, price->windows[i].until_ms};
		for (size_t e = 0; e < ARRAY_LENGTH(edges); e++) {
			if (midnight + edges[e] <= wall_ms)
				from = int64_max(from, edges[e]);
			else
				until = int64_min(until, edges[e]);
		}
	}
	out->from_wall_ms = int64_max(out->from_wall_ms, midnight + from);
	out->until_wall_ms = int64_min(out->until_wall_ms, midnight + until);
}

static void narrow_to_tier(const struct price_holding *holding, int64_t prompt_tokens,
                           struct price_line *out)
{
	for (size_t i = 0; i < holding->tier_count; i++) {
		int64_t above = holding->tiers[i].above;
		if (prompt_tokens > above)
			out->prompt_from = int64_max(out->prompt_from, above + 1);
		else
			out->prompt_until = int64_min(out->prompt_until, above + 1);
	}
}

/* Whole pico-USD a token after all factors: then no request's cost is rounded. */
static bool per_token(int64_t per_million, const int64_t factors[PRICE_FACTORS], int64_t *out)
{
	int64_t rate = per_million;

	for (size_t i = 0; i < PRICE_FACTORS; i++) {
		if (factors[i] == PRICE_FACTOR_ONE)
			continue;
		if (__builtin_mul_overflow(rate, factors[i], &rate) || rate % PRICE_FACTOR_ONE != 0)
			return false;
		rate /= PRICE_FACTOR_ONE;
	}
	*out = rate / PRICE_FACTOR_ONE;
	return rate % PRICE_FACTOR_ONE == 0 && *out <= PRICE_LINE_MAX;
}

/* Between two prices, or before the first. */
static void narrow_to_gap(const struct price *prices, int64_t wall_ms, struct price_line *out)
{
	for (; prices != NULL; prices = prices->next) {
		if (!prices->known)
			continue;
		if (prices->from_wall_ms > wall_ms)
			out->until_wall_ms = int64_min(out->until_wall_ms, prices->from_wall_ms);
		else
			out->from_wall_ms = int64_max(out->from_wall_ms, prices->until_wall_ms);
	}
}

void price_line(const struct price *prices, int64_t wall_ms, int64_t prompt_tokens,
                struct price_line *out)
{
	const struct price *price = price_at(prices, wall_ms);

	*out = (struct price_line){
	    .known = price->known,
	    .from_wall_ms = INT64_MIN,
	    .until_wall_ms = INT64_MAX,
	    .prompt_until = INT64_MAX,
	};
	if (!price->known) {
		narrow_to_gap(prices, wall_ms, out);
		return;
	}
	struct price_holding holding =
	    hold(price, window_at(price, wall_ms), NULL, region_factor(price, ""));
	struct price_terms terms = price_terms_of(&holding, prompt_tokens);
	out->from_wall_ms = price->from_wall_ms;
	if (price->until_wall_ms > 0)
		out->until_wall_ms = price->until_wall_ms;
	narrow_to_windows(price, wall_ms, out);
	narrow_to_tier(&holding, prompt_tokens, out);
	out->per_request = int64_max(price->per_request, 0);
	out->exact = price->fee <= 0 && per_token(terms.rates.input, terms.factors, &out->input) &&
	             per_token(terms.rates.cached_input, terms.factors, &out->cached_input) &&
	             per_token(terms.rates.output, terms.factors, &out->output);
}

/* --- what it may cost at most ------------------------------------------------------ */

int64_t price_estimate_tokens(int64_t prompt_bytes)
{
	int64_t bytes = int64_max(prompt_bytes, 0);

	return bytes / BYTES_PER_TOKEN_AT_LEAST + (bytes % BYTES_PER_TOKEN_AT_LEAST != 0);
}

static int64_t bound_held(const struct price_holding *holding, int64_t prompt_tokens,
                          int64_t output_tokens)
{
	int64_t dearest = 0;

	/* A prompt may turn out shorter than estimated: each tier below is possible, too. */
	for (size_t i = 0; i <= holding->tier_count; i++) {
		int64_t length = i == holding->tier_count ? 0 : holding->tiers[i].above;
		if (i < holding->tier_count && prompt_tokens <= length)
			continue;
		struct price_terms terms = price_terms_of(
		    holding, i == holding->tier_count ? 0 : add_saturating(length, 1));
		struct price_rates *rates = &terms.rates;
		/* Whatever is cached, written or plain: the dearest bounds it. */
		rates->input = int64_max(int64_max(rates->input, rates->cached_input),
		                         int64_max(rates->cache_write, rates->cache_write_1h));
		rates->output = int64_max(rates->output, rates->reasoning);
		struct price_buckets tokens = {.input = prompt_tokens, .output = output_tokens};
		dearest = int64_max(dearest, price_sum(&terms, &tokens, 1));
	}
	return dearest;
}

static int64_t dearest_region(const struct price *price, bool any)
{
	int64_t dearest = region_factor(price, "");

	for (size_t i = 0; any && i < price->region_count; i++)
		dearest = int64_max(dearest, price->regions[i].factor);
	return dearest;
}

/* How much is searched is the request's wish and the provider's choice. */
static int64_t dearest_search(const struct price *price)
{
	int64_t dearest = price->per_request;

	for (size_t i = 0; i < CHAT_SEARCH_COUNT; i++)
		dearest = int64_max(dearest, price->search_fees[i]);
	return dearest;
}

static int64_t bound_flat(const struct price *price, int64_t prompt_tokens, int64_t output_tokens)
{
	const struct price_rates *base = &price->base;
	const struct price_buckets tokens = {.input = prompt_tokens, .output = output_tokens};

	/* Whatever is cached, written or plain; what is not said is -1, and costs no more. */
	return sum_flat(price,
	                int64_max(int64_max(base->input, base->cached_input),
	                          int64_max(base->cache_write, base->cache_write_1h)),
	                int64_max(base->output, base->reasoning), &tokens, 1);
}

static int64_t bound_of(const struct price *price, const struct price_request *request)
{
	int64_t prompt = price_estimate_tokens(request->prompt_bytes);
	int64_t dearest = 0;

	if (is_flat(price) && !request->names_service)
		return bound_flat(price, prompt, request->max_output_tokens);
	int64_t region = dearest_region(price, request->names_service);
	int64_t per_request = dearest_search(price);
	for (size_t w = 0; w <= price->window_count; w++) {
		const struct price_change *window =
		    w == price->window_count ? NULL : &price->windows[w].change;
		for (size_t s = 0; s < (request->names_service ? CHAT_SERVICE_COUNT : 1); s++) {
			struct price_holding holding =
			    hold(price, window, &price->services[s], region);
			holding.terms.per_request = per_request;
			dearest = int64_max(
			    dearest, bound_held(&holding, prompt, request->max_output_tokens));
		}
	}
	return dearest;
}

int64_t price_bound(const struct price *prices, const struct price_request *request)
{
	bool any = request->wall_ms == PRICE_ANY_TIME;
	int64_t until = add_saturating(int64_max(request->wall_ms, 0), DAY_MS);
	int64_t dearest = -1;

	if ((!any && !price_at(prices, request->wall_ms)->known) || request->max_output_tokens < 0)
		return -1;
	for (; prices != NULL; prices = prices->next)
		if (prices->known && (any || (prices->from_wall_ms < until &&
		                              (prices->until_wall_ms == 0 ||
		                               prices->until_wall_ms > request->wall_ms))))
			dearest = int64_max(dearest, bound_of(prices, request));
	return dearest;
}
