/* What price.c and price_sum.c share; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_PRICE_PRIVATE_H
#define PROVISO_PROVIDERS_PRICE_PRIVATE_H

#include "providers/price.h"

enum { PRICE_FACTORS = 3 }; /* of the window, the service tier and the region */

/*
 * (tokens * rates / 10^6 * factors + requests * per_request) * (1 + fee), exactly, then rounded
 * half up to one pico-USD. All rates are said, all counts at least 0. Saturates at INT64_MAX.
 */
MUST_CHECK int64_t price_sum(const struct price *price, const struct price_rates *rates,
                             const int64_t factors[PRICE_FACTORS],
                             const struct price_buckets *tokens, int64_t requests);

#endif
