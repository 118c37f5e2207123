/* What the files of prices share; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_PRICE_PRIVATE_H
#define PROVISO_PROVIDERS_PRICE_PRIVATE_H

#include "providers/price/price.h"

enum { PRICE_FACTORS = 3 }; /* of the window, the service tier and the region */

/* What a request is charged by, once all that it depends on is known. All rates are said. */
struct price_terms {
	struct price_rates rates;
	int64_t factors[PRICE_FACTORS];
	int64_t per_request; /* pico-USD; at most 0: none */
	int64_t fee;         /* as in struct price */
};

/* The same but for the length of the prompt; rates that are not said are not filled in yet. */
struct price_holding {
	struct price_terms terms;
	const struct price_tier *tiers;
	size_t tier_count;
};

MUST_CHECK struct price_holding price_hold(const struct price *price,
                                           const struct chat_usage *usage, int64_t wall_ms);
MUST_CHECK struct price_terms price_terms_of(const struct price_holding *holding,
                                             int64_t prompt_tokens);
/* All tokens of a prompt, cached and written ones as well. */
MUST_CHECK int64_t price_prompt_of(const struct price_buckets *tokens);
/* As configs, bills and providers write them. */
extern const char *const price_service_names[CHAT_SERVICE_COUNT];
/* NULL: none holds. */
MUST_CHECK const struct price_window *price_window_at(const struct price *price, int64_t wall_ms);
/* Where the reply says where it was served, that counts, else what the config says; NULL: it has
 * no factor. */
MUST_CHECK const struct price_region *price_region_of(const struct price *price, const char *said);

/*
 * (tokens * rates / 10^6 * factors + requests * per_request) * (1 + fee), exactly, then rounded
 * half up to one pico-USD. All counts are at least 0. Saturates at INT64_MAX.
 */
MUST_CHECK int64_t price_sum(const struct price_terms *terms, const struct price_buckets *tokens,
                             int64_t requests);

#endif
