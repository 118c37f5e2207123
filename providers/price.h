/*
 * What tokens cost: exact integers of 10^-12 USD. Unknown is -1, never 0.
 */
#ifndef PROVISO_PROVIDERS_PRICE_H
#define PROVISO_PROVIDERS_PRICE_H

#include "providers/chat.h"

/* Pico-USD per million tokens; -1: unknown. */
struct price {
	bool known; /* input and output are */
	int64_t input, cached_input, cache_write, output;
	struct text version; /* "config" or a date: stands on every row */
};

enum cost_source {
	COST_UNKNOWN,
	COST_REPORTED,  /* the provider said it */
	COST_COMPUTED,  /* usage times price */
	COST_ESTIMATED, /* estimated tokens times price */
};

const char *cost_source_name(enum cost_source source); /* "" for unknown */

struct cost {
	int64_t pico_usd; /* -1: unknown */
	enum cost_source source;
};

/* The charge for a reply. A cached price that is unknown falls back to the input price. */
MUST_CHECK struct cost price_cost(const struct price *price, const struct chat_usage *usage);

/*
 * An upper bound before sending: prompt tokens estimated from the body's bytes,
 * rounded up, output at its cap. Pico-USD; -1 where the price is unknown.
 */
MUST_CHECK int64_t price_bound(const struct price *price, int64_t prompt_bytes,
                               int64_t max_output_tokens);
/* Prompt tokens that so many bytes may be at most (a stated ratio, see price.c). */
MUST_CHECK int64_t price_estimate_tokens(int64_t prompt_bytes);

/*
 * tokens * pico-USD per million, exact product, rounded half up to one pico-USD.
 * Saturates at INT64_MAX.
 */
MUST_CHECK int64_t price_charge(int64_t tokens, int64_t per_million_pico_usd);

#endif
