/*
 * The one sum behind every cost, in integers wide enough for all of it, so that nothing is rounded
 * before the end.
 */
#include "providers/price/price_private.h"

enum {
	/* Six products of 126 bits, doubled, times five factors of at most 32 bits. */
	WIDE_LIMBS = 10,
	MILLION = 1000000,
};

/* Least limb first. */
struct wide {
	uint32_t limbs[WIDE_LIMBS];
};

static void wide_add_at(struct wide *wide, size_t at, uint64_t value)
{
	for (uint64_t carry = value; carry != 0; at++) {
		REQUIRE(at < WIDE_LIMBS);
		uint64_t sum = (uint64_t)wide->limbs[at] + (uint32_t)carry;

		wide->limbs[at] = (uint32_t)sum;
		carry = (carry >> 32) + (sum >> 32);
	}
}

/* Both at least 0. */
static void wide_add_product(struct wide *wide, int64_t a, int64_t b)
{
	uint64_t a_low = (uint32_t)a, a_high = (uint64_t)a >> 32;
	uint64_t b_low = (uint32_t)b, b_high = (uint64_t)b >> 32;

	wide_add_at(wide, 0, a_low * b_low);
	wide_add_at(wide, 1, a_low * b_high);
	wide_add_at(wide, 1, a_high * b_low);
	wide_add_at(wide, 2, a_high * b_high);
}

static void wide_multiply(struct wide *wide, uint32_t by)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < WIDE_LIMBS; i++) {
		carry += (uint64_t)wide->limbs[i] * by;
		wide->limbs[i] = (uint32_t)carry;
		carry >>= 32;
	}
	REQUIRE(carry == 0);
}

static void wide_divide(struct wide *wide, uint32_t by)
{
	uint64_t rest = 0;

	for (size_t i = WIDE_LIMBS; i-- > 0;) {
		rest = rest << 32 | wide->limbs[i];
		wide->limbs[i] = (uint32_t)(rest / by);
		rest %= by;
	}
}

static void wide_add(struct wide *wide, const struct wide *other)
{
	for (size_t i = 0; i < WIDE_LIMBS; i++)
		wide_add_at(wide, i, other->limbs[i]);
}

static int64_t wide_saturate(const struct wide *wide)
{
	for (size_t i = 2; i < WIDE_LIMBS; i++)
		if (wide->limbs[i] != 0)
			return INT64_MAX;
	uint64_t value = (uint64_t)wide->limbs[1] << 32 | wide->limbs[0];
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* --- the usual case: no factor, no fee, numbers that 128 bits hold with room to spare --- */

__extension__ typedef unsigned __int128 uint128;

enum { PLAIN_TOKENS_BITS = 40, PLAIN_RATE_BITS = 60 };

/* False: it is not the usual case. Every decision prices each of its candidates by this. */
static bool sum_plainly(const struct price_terms *terms, const struct price_buckets *tokens,
                        int64_t requests, int64_t *out)
{
	const struct price_rates *rates = &terms->rates;
	int64_t per_request = int64_max(terms->per_request, 0);
	/* All bits that are set in any of them: no number is larger than that, none is below 0. */
	uint64_t counts =
	    (uint64_t)(tokens->input | tokens->cached_input | tokens->cache_write |
	               tokens->cache_write_1h | tokens->output | tokens->reasoning | requests);
	uint64_t prices =
	    (uint64_t)(rates->input | rates->cached_input | rates->cache_write |
	               rates->cache_write_1h | rates->output | rates->reasoning | per_request);

	for (size_t i = 0; i < PRICE_FACTORS; i++)
		if (terms->factors[i] != PRICE_FACTOR_ONE)
			return false;
	if (terms->fee > 0 || counts >> PLAIN_TOKENS_BITS != 0 || prices >> PLAIN_RATE_BITS != 0)
		return false;
	uint128 sum = (uint128)tokens->input * (uint64_t)rates->input +
	              (uint128)tokens->cached_input * (uint64_t)rates->cached_input +
	              (uint128)tokens->cache_write * (uint64_t)rates->cache_write +
	              (uint128)tokens->cache_write_1h * (uint64_t)rates->cache_write_1h +
	              (uint128)tokens->output * (uint64_t)rates->output +
	              (uint128)tokens->reasoning * (uint64_t)rates->reasoning +
	              (uint128)requests * (uint64_t)per_request * MILLION;
	if (sum <= INT64_MAX) { /* 64 bits divide in a tenth of the time */
		*out = (int64_t)(((uint64_t)sum * 2 / MILLION + 1) / 2);
		return true;
	}
	sum = (sum * 2 / MILLION + 1) / 2;
	*out = sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
	return true;
}

int64_t price_sum(const struct price_terms *terms, const struct price_buckets *tokens,
                  int64_t requests)
{
	const struct price_rates *rates = &terms->rates;
	struct wide sum = {{0}}, fees = {{0}};
	size_t millions = 1; /* how often the sum is to be divided by a million */
	int64_t plain;

	if (sum_plainly(terms, tokens, requests, &plain))
		return plain;
	wide_add_product(&sum, tokens->input, rates->input);
	wide_add_product(&sum, tokens->cached_input, rates->cached_input);
	wide_add_product(&sum, tokens->cache_write, rates->cache_write);
	wide_add_product(&sum, tokens->cache_write_1h, rates->cache_write_1h);
	wide_add_product(&sum, tokens->output, rates->output);
	wide_add_product(&sum, tokens->reasoning, rates->reasoning);
	for (size_t i = 0; i < PRICE_FACTORS; i++) {
		if (terms->factors[i] == PRICE_FACTOR_ONE)
			continue;
		wide_multiply(&sum, (uint32_t)terms->factors[i]);
		millions++;
	}
	if (terms->per_request > 0) {
		wide_add_product(&fees, terms->per_request, requests);
		for (size_t i = 0; i < millions; i++)
			wide_multiply(&fees, MILLION);
		wide_add(&sum, &fees);
	}
	if (terms->fee > 0) {
		wide_multiply(&sum, (uint32_t)(PRICE_FACTOR_ONE + terms->fee));
		millions++;
	}
	/* Half up: floor(x + 1/2) is floor((floor(2x) + 1) / 2), and floors may follow each other.
	 */
	wide_multiply(&sum, 2);
	for (size_t i = 0; i < millions; i++)
		wide_divide(&sum, MILLION);
	wide_add_at(&sum, 0, 1);
	wide_divide(&sum, 2);
	return wide_saturate(&sum);
}
