/* Money: exact products, disjoint buckets, and unknown is not zero. */
#include "providers/price/price.h"
#include "tests/unit/unit.h"

#define USD INT64_C(1000000000000)

/* One bucket, at pico-USD a million tokens. */
static int64_t charge(int64_t tokens, int64_t rate)
{
	struct price price = {.known = true, .base = PRICE_RATES_NONE};

	price.base.input = rate;
	price.base.output = 0;
	return price_expect(&price, 0, 1, tokens, 0);
}

START_TEST(charges_are_exact_and_rounded_once)
{
	struct price halves = {.known = true, .base = PRICE_RATES_NONE};

	ck_assert_int_eq(charge(0, USD), 0);
	ck_assert_int_eq(charge(1000000, USD), USD);
	ck_assert_int_eq(charge(1, USD), 1000000);
	ck_assert_int_eq(charge(1, 1), 0);
	ck_assert_int_eq(charge(1, 499999), 0);
	ck_assert_int_eq(charge(1, 500000), 1);
	ck_assert_int_eq(charge(3, 500000), 2); /* 1.5 goes up */
	/* 1,234,567 tokens at 0.003 USD a million */
	ck_assert_int_eq(charge(1234567, 3000000000), INT64_C(3703701000));
	ck_assert_int_eq(charge(999999, 999999), 999998);
	/* Half a pico-USD of each kind is one: parts are not rounded by themselves. */
	halves.base.input = halves.base.output = 500000;
	ck_assert_int_eq(price_expect(&halves, 0, 1, 1, 1), 1);
}
END_TEST

START_TEST(charges_that_do_not_fit_saturate)
{
	ck_assert_int_eq(charge(INT64_MAX, INT64_MAX), INT64_MAX);
	ck_assert_int_eq(charge(INT64_MAX, 1000000), INT64_MAX);
	ck_assert_int_eq(charge(INT64_MAX, 1), INT64_C(9223372036855));
	ck_assert_int_eq(charge(1, INT64_MAX), INT64_C(9223372036855));
	ck_assert_int_eq(charge(999999, INT64_MAX), INT64_C(9223362813482738952));
	ck_assert_int_eq(charge(-1, 1), -1);
	const struct price dear = {.known = true, .per_request = INT64_C(1) << 59};
	ck_assert_int_eq(price_expect(&dear, 0, INT64_C(1) << 62, 0, 0), INT64_MAX);
}
END_TEST

static const struct price known = {
    .known = true,
    .base =
	{
	    .input = 2 * USD,
	    .cached_input = USD / 2,
	    .cache_write = 3 * USD,
	    .cache_write_1h = -1,
	    .output = 8 * USD,
	    .reasoning = -1,
	},
    .version = TEXT_INIT("a day"),
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
	struct cost cost = price_cost(&known, &used, 0);

	ck_assert_int_eq(cost.source, COST_COMPUTED);
	ck_assert_int_eq(cost.pico_usd,
	                 300 * 2000000 + 600 * 500000 + 100 * 3000000 + 10 * 8000000);
}
END_TEST

START_TEST(unknown_cached_prices_fall_back_to_input)
{
	struct price price = known;
	struct chat_usage used = usage(1000, 0, 600, 100);

	price.base.cached_input = price.base.cache_write = -1;
	ck_assert_int_eq(price_cost(&price, &used, 0).pico_usd, 1000 * 2000000);
	used.cached_input = used.cache_write = -1;
	ck_assert_int_eq(price_cost(&known, &used, 0).pico_usd, 1000 * 2000000);
}
END_TEST

START_TEST(more_cached_than_prompt_tokens_are_counted_apart)
{
	struct chat_usage used = usage(100, 0, 600, -1);

	ck_assert_int_eq(price_cost(&known, &used, 0).pico_usd, 100 * 2000000 + 600 * 500000);
}
END_TEST

/* What the counts say of themselves goes before what the provider is known for. */
START_TEST(reasoning_is_in_one_bucket)
{
	static const struct {
		int64_t input, output, reasoning, total;
		bool excludes; /* the convention */
		int64_t want_output, want_reasoning;
	} rows[] = {
	    {291, 26, 196, 513, false, 26, 196}, /* xAI, a recorded reply: 291 + 26 + 196 */
	    {100, 50, 40, 150, false, 10, 40},   /* OpenAI: within */
	    {100, 50, 40, 150, true, 10, 40},    /* an xAI that says so */
	    {100, 50, 40, -1, false, 10, 40},    /* no total: as it is known for */
	    {100, 50, 40, -1, true, 50, 40},
	    {100, 50, 40, 190, false, 50, 40}, /* the total says that it is beside */
	    {100, 30, 40, -1, false, 30, 40},  /* more than all of it: it can't be within */
	    {100, 50, -1, 150, true, 50, 0},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct chat_usage used = usage(rows[i].input, rows[i].output, -1, -1);
		struct usage_convention counts = {.completion_excludes_reasoning =
		                                      rows[i].excludes};
		struct price_buckets got;
		used.reasoning = rows[i].reasoning;
		used.total = rows[i].total;
		ck_assert(price_buckets(&used, counts, &got));
		ck_assert_int_eq(got.output, rows[i].want_output);
		ck_assert_int_eq(got.reasoning, rows[i].want_reasoning);
	}
}
END_TEST

START_TEST(the_cache_is_in_or_beside_the_prompt)
{
	struct usage_convention beside = {.prompt_excludes_cached = true}, within = {0};
	struct chat_usage used = usage(1000, 5, 600, 300);
	struct price_buckets got;

	used.cache_write_1h = 100;
	ck_assert(price_buckets(&used, within, &got));
	ck_assert_int_eq(got.input, 100);
	ck_assert_int_eq(got.cached_input, 600);
	ck_assert_int_eq(got.cache_write, 200);
	ck_assert_int_eq(got.cache_write_1h, 100);
	ck_assert(price_buckets(&used, beside, &got));
	ck_assert_int_eq(got.input, 1000);
	used.cache_write_1h = 400; /* more than was written at all: never below 0 */
	ck_assert(price_buckets(&used, within, &got));
	ck_assert_int_eq(got.cache_write, 0);
	ck_assert_int_eq(got.cache_write_1h, 300);
}
END_TEST

START_TEST(what_the_provider_says_goes_first)
{
	struct chat_usage used = usage(1000, 10, -1, -1);
	struct price unknown = {.base = PRICE_RATES_NONE};

	used.cost_pico_usd = 7;
	ck_assert_int_eq(price_cost(&known, &used, 0).pico_usd, 7);
	ck_assert_int_eq(price_cost(&unknown, &used, 0).pico_usd, 7);
	ck_assert_int_eq(price_cost(&known, &used, 0).source, COST_REPORTED);
	/* Both are there to be compared. */
	ck_assert_int_eq(price_cost(&known, &used, 0).computed_pico_usd,
	                 1000 * 2000000 + 10 * 8000000);
	ck_assert_int_eq(price_cost(&unknown, &used, 0).computed_pico_usd, -1);
	assert_text(price_cost(&known, &used, 0).version, "a day");
	used.cost_pico_usd = 0;
	ck_assert_int_eq(price_cost(&known, &used, 0).pico_usd, 0);
}
END_TEST

static int64_t bound(const struct price *price, int64_t bytes, int64_t output)
{
	struct price_request request = {.prompt_bytes = bytes, .max_output_tokens = output};

	return price_bound(price, &request);
}

START_TEST(unknown_is_not_zero)
{
	struct price unknown = {.base = PRICE_RATES_NONE};
	struct chat_usage used = usage(1000, 10, -1, -1);
	struct chat_usage absent = {0};

	ck_assert_int_eq(price_cost(&unknown, &used, 0).pico_usd, -1);
	ck_assert_int_eq(price_cost(&unknown, &used, 0).source, COST_UNKNOWN);
	ck_assert_int_eq(price_cost(&known, &absent, 0).pico_usd, -1);
	used.output = -1;
	ck_assert_int_eq(price_cost(&known, &used, 0).pico_usd, -1);
	used.total = used.input; /* as of embeddings: there was none */
	ck_assert_int_gt(price_cost(&known, &used, 0).pico_usd, 0);
	used.total = used.input + 1;
	ck_assert_int_eq(price_cost(&known, &used, 0).pico_usd, -1);
	used = usage(-1, 10, -1, -1);
	ck_assert_int_eq(price_cost(&known, &used, 0).pico_usd, -1);
	ck_assert_int_eq(bound(&unknown, 10, 10), -1);
	ck_assert_int_eq(bound(&known, 10, -1), -1);
	ck_assert_str_eq(cost_source_name(COST_UNKNOWN), "");
}
END_TEST

START_TEST(hostile_counts_do_not_overflow)
{
	struct chat_usage used = usage(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX);

	ck_assert_int_eq(price_cost(&known, &used, 0).pico_usd, INT64_MAX);
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
	ck_assert_int_eq(bound(&known, 100, 20), 50 * 3000000 + 20 * 8000000);
	ck_assert_int_ge(bound(&known, 100, 20), price_cost(&known, &used, 0).pico_usd);
}
END_TEST

/* Rates of all kinds: said and not said, cached dearer than plain, more than 64 bits hold. */
START_TEST(a_condition_that_never_holds_changes_nothing)
{
	static const struct price_rates rates[] = {
	    {2 * USD, USD / 2, 3 * USD, 4 * USD, 8 * USD, 9 * USD},
	    {USD / 10, -1, -1, -1, USD / 3, -1},
	    {1, 7, -1, -1, 0, 5},
	    {0, 0, 0, 0, 0, -1},
	    {INT64_MAX, -1, -1, -1, 1, -1},
	    {INT64_MAX / 8, -1, -1, -1, INT64_MAX / 8, -1},
	};
	static const int64_t counts[] = {0, 1, 999, 500000, INT64_C(1) << 40, INT64_MAX};
	static const struct price_tier never = {.above = INT64_MAX, .rates = PRICE_RATES_NONE};

	for (size_t r = 0; r < ARRAY_LENGTH(rates); r++)
		for (size_t i = 0; i < ARRAY_LENGTH(counts); i++)
			for (size_t o = 0; o < ARRAY_LENGTH(counts); o++) {
				struct price flat = {.known = true,
				                     .base = rates[r],
				                     .per_request = (int64_t)(3 * r)};
				struct price tiered = flat;
				struct price_request request = {.prompt_bytes = counts[i],
				                                .max_output_tokens = counts[o]};

				tiered.tiers = &never;
				tiered.tier_count = 1;
				ck_assert_int_eq(price_bound(&flat, &request),
				                 price_bound(&tiered, &request));
				ck_assert_int_eq(price_expect(&flat, 0, 2, counts[i], counts[o]),
				                 price_expect(&tiered, 0, 2, counts[i], counts[o]));
			}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, charges_are_exact_and_rounded_once);
	tcase_add_test(cases, charges_that_do_not_fit_saturate);
	tcase_add_test(cases, each_token_is_charged_once_in_its_bucket);
	tcase_add_test(cases, unknown_cached_prices_fall_back_to_input);
	tcase_add_test(cases, more_cached_than_prompt_tokens_are_counted_apart);
	tcase_add_test(cases, reasoning_is_in_one_bucket);
	tcase_add_test(cases, the_cache_is_in_or_beside_the_prompt);
	tcase_add_test(cases, what_the_provider_says_goes_first);
	tcase_add_test(cases, unknown_is_not_zero);
	tcase_add_test(cases, hostile_counts_do_not_overflow);
	tcase_add_test(cases, a_bound_is_never_below_the_cost);
	tcase_add_test(cases, a_condition_that_never_holds_changes_nothing);
}

int main(void)
{
	return unit_main("price", add);
}
