/* Money: exact products, disjoint buckets, and unknown is not zero. */
#include "providers/price.h"
#include "tests/unit/unit.h"

#define USD INT64_C(1000000000000)

START_TEST(charges_are_exact_and_rounded_once)
{
	ck_assert_int_eq(price_charge(0, USD), 0);
	ck_assert_int_eq(price_charge(1000000, USD), USD);
	ck_assert_int_eq(price_charge(1, USD), 1000000);
	ck_assert_int_eq(price_charge(1, 1), 0);
	ck_assert_int_eq(price_charge(1, 499999), 0);
	ck_assert_int_eq(price_charge(1, 500000), 1);
	ck_assert_int_eq(price_charge(3, 500000), 2); /* 1.5 goes up */
	/* 1,234,567 tokens at 0.003 USD a million */
	ck_assert_int_eq(price_charge(1234567, 3000000000), INT64_C(3703701000));
	ck_assert_int_eq(price_charge(999999, 999999), 999998);
}
END_TEST

START_TEST(charges_that_do_not_fit_saturate)
{
	ck_assert_int_eq(price_charge(INT64_MAX, INT64_MAX), INT64_MAX);
	ck_assert_int_eq(price_charge(INT64_MAX, 1000000), INT64_MAX);
	ck_assert_int_eq(price_charge(INT64_MAX, 1), INT64_C(9223372036855));
	ck_assert_int_eq(price_charge(1, INT64_MAX), INT64_C(9223372036855));
	ck_assert_int_eq(price_charge(999999, INT64_MAX), INT64_C(9223362813482738952));
	ck_assert_int_eq(price_charge(-1, 1), -1);
	ck_assert_int_eq(price_charge(1, -1), -1);
}
END_TEST

/* What the product should be, by hand: digits times digits, in base 10. */
static int64_t product_by_hand(int64_t tokens, int64_t price)
{
	int64_t sum = 0, carry = 0;

	/* Twenty tokens at a time keep every step far from overflow. */
	for (int64_t left = tokens; left > 0;) {
		int64_t step = int64_min(left, 20);

		carry += step * (price % 1000000);
		sum += step * (price / 1000000) + carry / 1000000;
		carry %= 1000000;
		left -= step;
	}
	return sum + (carry >= 500000);
}

START_TEST(charges_equal_those_made_by_hand)
{
	uint64_t state = 42;

	for (int i = 0; i < 500; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		int64_t tokens = (int64_t)(state >> 50);
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		int64_t price = (int64_t)(state >> 18);

		ck_assert_int_eq(price_charge(tokens, price), product_by_hand(tokens, price));
	}
}
END_TEST

static const struct price known = {
    .known = true,
    .input = 2 * USD,
    .cached_input = USD / 2,
    .cache_write = 3 * USD,
    .output = 8 * USD,
};

static struct chat_usage usage(int64_t input, int64_t output, int64_t cached, int64_t written)
{
	return (struct chat_usage){
	    .present = true,
	    .input = input,
	    .output = output,
	    .cached_input = cached,
	    .cache_write = written,
	    .total = -1,
	    .reasoning = -1,
	    .cost_pico_usd = -1,
	};
}

START_TEST(each_token_is_charged_once_in_its_bucket)
{
	struct chat_usage used = usage(1000, 10, 600, 100);
	struct cost cost = price_cost(&known, &used);

	ck_assert_int_eq(cost.source, COST_COMPUTED);
	ck_assert_int_eq(cost.pico_usd,
	                 300 * 2000000 + 600 * 500000 + 100 * 3000000 + 10 * 8000000);
}
END_TEST

START_TEST(unknown_cached_prices_fall_back_to_input)
{
	struct price price = known;
	struct chat_usage used = usage(1000, 0, 600, 100);

	price.cached_input = price.cache_write = -1;
	ck_assert_int_eq(price_cost(&price, &used).pico_usd, 1000 * 2000000);
	used.cached_input = used.cache_write = -1;
	ck_assert_int_eq(price_cost(&known, &used).pico_usd, 1000 * 2000000);
}
END_TEST

START_TEST(more_cached_than_prompt_tokens_are_counted_apart)
{
	struct chat_usage used = usage(100, 0, 600, -1);

	ck_assert_int_eq(price_cost(&known, &used).pico_usd, 100 * 2000000 + 600 * 500000);
}
END_TEST

START_TEST(what_the_provider_says_goes_first)
{
	struct chat_usage used = usage(1000, 10, -1, -1);
	struct price unknown = {.input = -1, .output = -1};

	used.cost_pico_usd = 7;
	ck_assert_int_eq(price_cost(&known, &used).pico_usd, 7);
	ck_assert_int_eq(price_cost(&unknown, &used).pico_usd, 7);
	ck_assert_int_eq(price_cost(&known, &used).source, COST_REPORTED);
	used.cost_pico_usd = 0;
	ck_assert_int_eq(price_cost(&known, &used).pico_usd, 0);
}
END_TEST

START_TEST(unknown_is_not_zero)
{
	struct price unknown = {.input = -1, .output = -1};
	struct chat_usage used = usage(1000, 10, -1, -1);
	struct chat_usage absent = {0};

	ck_assert_int_eq(price_cost(&unknown, &used).pico_usd, -1);
	ck_assert_int_eq(price_cost(&unknown, &used).source, COST_UNKNOWN);
	ck_assert_int_eq(price_cost(&known, &absent).pico_usd, -1);
	used.output = -1;
	ck_assert_int_eq(price_cost(&known, &used).pico_usd, -1);
	used = usage(-1, 10, -1, -1);
	ck_assert_int_eq(price_cost(&known, &used).pico_usd, -1);
	ck_assert_int_eq(price_bound(&unknown, 10, 10), -1);
	ck_assert_int_eq(price_bound(&known, 10, -1), -1);
	ck_assert_str_eq(cost_source_name(COST_UNKNOWN), "");
}
END_TEST

START_TEST(hostile_counts_do_not_overflow)
{
	struct chat_usage used = usage(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX);

	ck_assert_int_eq(price_cost(&known, &used).pico_usd, INT64_MAX);
}
END_TEST

START_TEST(a_bound_is_never_below_the_cost)
{
	struct chat_usage used = usage(50, 20, -1, 50);

	ck_assert_int_eq(price_estimate_tokens(0), 0);
	ck_assert_int_eq(price_estimate_tokens(1), 1);
	ck_assert_int_eq(price_estimate_tokens(100), 50);
	ck_assert_int_eq(price_estimate_tokens(101), 51);
	ck_assert_int_eq(price_estimate_tokens(INT64_MAX), INT64_MAX / 2 + 1);
	/* All of it written to the cache, the dearest bucket here. */
	ck_assert_int_eq(price_bound(&known, 100, 20), 50 * 3000000 + 20 * 8000000);
	ck_assert_int_ge(price_bound(&known, 100, 20), price_cost(&known, &used).pico_usd);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, charges_are_exact_and_rounded_once);
	tcase_add_test(cases, charges_that_do_not_fit_saturate);
	tcase_add_test(cases, charges_equal_those_made_by_hand);
	tcase_add_test(cases, each_token_is_charged_once_in_its_bucket);
	tcase_add_test(cases, unknown_cached_prices_fall_back_to_input);
	tcase_add_test(cases, more_cached_than_prompt_tokens_are_counted_apart);
	tcase_add_test(cases, what_the_provider_says_goes_first);
	tcase_add_test(cases, unknown_is_not_zero);
	tcase_add_test(cases, hostile_counts_do_not_overflow);
	tcase_add_test(cases, a_bound_is_never_below_the_cost);
}

int main(void)
{
	return unit_main("price", add);
}
