/*
 * A million random requests at random prices: each cost, and their sum, equals exact rational
 * arithmetic in big numbers of another make (OpenSSL's), rounded once a row, to the last digit.
 * If this failed, a bill and the sum of its rows would differ.
 */
#include "providers/price/price.h"
#include "tests/unit/unit.h"

#include <openssl/bn.h>

enum { REQUESTS = 1000000, MILLION = 1000000 };

static uint64_t state = 20261128;

static uint64_t draw(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * UINT64_C(2685821657736338717) >> 8) % below;
}

/* Of all sizes alike, as prices and prompts are. */
static int64_t draw_size(uint64_t bits)
{
	return (int64_t)draw(UINT64_C(1) << (1 + draw(bits)));
}

static struct price price;
static struct price_tier tiers[2];
static struct price_window window;
static struct price_region region = {.name = TEXT_INIT("us")};

static struct price_rates random_rates(void)
{
	return (struct price_rates){draw_size(47), draw_size(44), draw_size(47),
	                            draw_size(47), draw_size(49), draw_size(49)};
}

static int64_t random_factor(void)
{
	return draw(3) == 0 ? PRICE_FACTOR_ONE : (int64_t)draw(3 * MILLION);
}

static void draw_price(void)
{
	price = (struct price){.known = true, .base = random_rates()};
	tiers[0] = (struct price_tier){1000 + draw_size(10), random_rates()};
	tiers[1] = (struct price_tier){100000 + draw_size(10), random_rates()};
	price.tiers = tiers;
	price.tier_count = 2;
	window = (struct price_window){.days = 0x7f, .from_ms = 0, .until_ms = 86400000};
	window.change = (struct price_change){.given = true, .factor = random_factor()};
	price.windows = &window;
	price.window_count = 1;
	price.services[CHAT_SERVICE_FLEX] =
	    (struct price_change){.given = true, .factor = random_factor()};
	region.factor = random_factor();
	price.regions = &region;
	price.region_count = 1;
	price.per_request = draw(2) == 0 ? 0 : draw_size(36);
	price.fee = draw(2) == 0 ? 0 : (int64_t)draw(200000);
}

static struct price_buckets draw_usage(struct chat_usage *usage)
{
	struct price_buckets t = {draw_size(18), draw_size(18), draw_size(12),
	                          draw_size(10), draw_size(14), draw_size(12)};

	*usage = (struct chat_usage){
	    .present = true,
	    .input = t.input + t.cached_input + t.cache_write + t.cache_write_1h,
	    .output = t.output + t.reasoning,
	    .total = -1,
	    .cached_input = t.cached_input,
	    .cache_write = t.cache_write + t.cache_write_1h,
	    .reasoning = t.reasoning,
	    .cost_pico_usd = -1,
	    .cache_write_1h = t.cache_write_1h,
	};
	if (draw(2) == 0)
		usage->service = CHAT_SERVICE_FLEX;
	if (draw(2) == 0)
		memcpy(usage->region, "us", 3);
	return t;
}

/* --- the other arithmetic --- */

/* ck_assert tells its parent each time that it was reached: too slow for millions. */
static void must(bool held)
{
	if (!held)
		abort();
}

static BN_CTX *context;
static BIGNUM *number, *total, *part, *fees, *divisor, *remainder_left;

static void add_product(BIGNUM *sum, int64_t a, int64_t b)
{
	must(BN_set_word(part, (BN_ULONG)a) && BN_mul_word(part, (BN_ULONG)b));
	must(BN_add(sum, sum, part));
}

/* Of the row: numerator over 10^6 for the rates and for each of four factors, rounded half up. */
static int64_t expected(const struct chat_usage *usage, const struct price_buckets *t)
{
	const struct price_rates *rates = &price.base;

	if (usage->input > tiers[1].above)
		rates = &tiers[1].rates;
	else if (usage->input > tiers[0].above)
		rates = &tiers[0].rates;
	BN_zero(number);
	add_product(number, t->input, rates->input);
	add_product(number, t->cached_input, rates->cached_input);
	add_product(number, t->cache_write, rates->cache_write);
	add_product(number, t->cache_write_1h, rates->cache_write_1h);
	add_product(number, t->output, rates->output);
	add_product(number, t->reasoning, rates->reasoning);
	must(BN_mul_word(number, (BN_ULONG)window.change.factor));
	must(BN_mul_word(number, usage->service == CHAT_SERVICE_FLEX
	                             ? (BN_ULONG)price.services[CHAT_SERVICE_FLEX].factor
	                             : MILLION));
	must(BN_mul_word(number, usage->region[0] ? (BN_ULONG)region.factor : MILLION));
	must(BN_set_word(fees, (BN_ULONG)price.per_request));
	for (int i = 0; i < 4; i++)
		must(BN_mul_word(fees, MILLION));
	must(BN_add(number, number, fees));
	must(BN_mul_word(number, (BN_ULONG)(MILLION + price.fee)));
	must(BN_div(number, remainder_left, number, divisor, context));
	must(BN_lshift1(remainder_left, remainder_left));
	if (BN_cmp(remainder_left, divisor) >= 0)
		must(BN_add_word(number, 1));
	must(BN_add(total, total, number));
	return (int64_t)BN_get_word(number);
}

START_TEST(rows_and_their_sum_are_exact)
{
	int64_t sum = 0;

	context = BN_CTX_new();
	number = BN_new();
	total = BN_new();
	part = BN_new();
	remainder_left = BN_new();
	fees = BN_new();
	divisor = BN_new();
	ck_assert(BN_one(divisor));
	for (int i = 0; i < 5; i++)
		ck_assert(BN_mul_word(divisor, MILLION));
	for (int i = 0; i < REQUESTS; i++) {
		struct chat_usage usage;
		if (i % 10 == 0)
			draw_price();
		struct price_buckets tokens = draw_usage(&usage);
		struct cost cost = price_cost(&price, &usage, 1000);
		int64_t want = expected(&usage, &tokens);
		if (cost.pico_usd != want)
			ck_abort_msg("request %d costs %lld, want %lld", i,
			             (long long)cost.pico_usd, (long long)want);
		must(!__builtin_add_overflow(sum, cost.pico_usd, &sum));
	}
	ck_assert(sum > 0);
	ck_assert_uint_eq((uint64_t)sum, BN_get_word(total));
	BN_free(number);
	BN_free(total);
	BN_free(part);
	BN_free(remainder_left);
	BN_free(fees);
	BN_free(divisor);
	BN_CTX_free(context);
}
END_TEST

enum { PLACES = 48, PARTS_REQUESTS = 50000 };

/* quantity x price in 10^-48 USD per million; a request's price is by the piece. */
static void add_part(const struct price_part *one, BIGNUM *sum)
{
	must(BN_set_word(part, (BN_ULONG)(one->price.digits >> 64)));
	must(BN_lshift(part, part, 64) && BN_add_word(part, (BN_ULONG)one->price.digits));
	must(BN_mul_word(part, (BN_ULONG)one->quantity));
	for (int i = one->price.places; i < PLACES; i++)
		must(BN_mul_word(part, 10));
	if (one->meter == PRICE_METER_REQUEST)
		must(BN_mul_word(part, MILLION));
	must(BN_add(sum, sum, part));
}

/* 10^-6, as the price holds it. */
static int64_t fee_of(struct decimal percent)
{
	for (; percent.places < 4; percent.places++)
		percent.digits *= 10;
	return (int64_t)percent.digits;
}

/* A bill by meters that does not come to the sum would be no bill. */
START_TEST(the_parts_of_a_cost_come_to_the_cost)
{
	struct arena arena = {0};
	int64_t tiered = 0;

	context = BN_CTX_new();
	number = BN_new();
	part = BN_new();
	remainder_left = BN_new();
	divisor = BN_new();
	/* 10^-48 per million, and 10^-6 of the fee, in 10^-12 */
	ck_assert(BN_one(divisor));
	for (int i = 0; i < PLACES - 12 + 6 + 6; i++)
		ck_assert(BN_mul_word(divisor, 10));
	for (int i = 0; i < PARTS_REQUESTS; i++) {
		struct chat_usage usage;
		struct price_parts parts;
		if (i % 10 == 0)
			draw_price();
		(void)draw_usage(&usage);
		struct text text = price_parts(&price, &usage, 1000, &arena);
		must(text.data != NULL && price_parts_read(text, &parts));
		must(text_is(parts.window, "00:00") && (parts.fee.digits > 0) == (price.fee > 0));
		tiered += parts.above.len > 0;
		BN_zero(number);
		for (size_t k = 0; k < parts.count; k++)
			add_part(&parts.parts[k], number);
		must(BN_mul_word(number, (BN_ULONG)(MILLION + fee_of(parts.fee))));
		must(BN_div(number, remainder_left, number, divisor, context));
		must(BN_lshift1(remainder_left, remainder_left));
		if (BN_cmp(remainder_left, divisor) >= 0)
			must(BN_add_word(number, 1));
		int64_t cost = price_cost(&price, &usage, 1000).pico_usd;
		if (BN_get_word(number) != (BN_ULONG)cost)
			ck_abort_msg("%.*s is not %lld", TEXT_ARG(text), (long long)cost);
		arena_reset(&arena);
	}
	ck_assert_int_gt(tiered, 0);
	arena_done(&arena);
	BN_free(number);
	BN_free(part);
	BN_free(remainder_left);
	BN_free(divisor);
	BN_CTX_free(context);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, the_parts_of_a_cost_come_to_the_cost);
	tcase_add_test(cases, rows_and_their_sum_are_exact);
}

int main(void)
{
	return unit_main("price_exact", add);
}
