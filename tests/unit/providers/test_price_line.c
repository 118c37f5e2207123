/*
 * The quick way to price many requests says to the last digit what the slow one says, for as long
 * as it claims to hold; and sums of money are printed and scaled exactly.
 */
#include "providers/price/money.h"
#include "providers/price/price.h"
#include "tests/unit/unit.h"

static struct arena arena;
static uint64_t state = 20261128;

static void end(void)
{
	arena_done(&arena);
}

static int64_t draw(int64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int64_t)(state % (uint64_t)below);
}

enum { DAY_MS = 86400000 };

static struct price_tier tiers[2];
static struct price_window windows[2];
static struct price_region region = {.name = TEXT_INIT("us")};

static int64_t draw_rate(void)
{
	/* Now and then one that is no whole number of pico-USD a token. */
	return draw(5) == 0 ? draw(1000000000000) : draw(1000000) * 1000000;
}

static struct price_rates draw_rates(void)
{
	struct price_rates rates = {-1, -1, -1, -1, -1, -1};

	rates.input = draw_rate();
	rates.output = draw_rate();
	if (draw(2) == 0)
		rates.cached_input = draw_rate();
	return rates;
}

static int64_t draw_factor(void)
{
	static const int64_t factors[] = {1000000, 2000000, 500000, 1100000, 333333};

	return factors[draw(5)];
}

static struct price draw_price(void)
{
	struct price price = {.known = true, .base = draw_rates(), .from_wall_ms = 10 * DAY_MS};

	price.until_wall_ms = draw(2) == 0 ? 0 : (int64_t)25 * DAY_MS;
	tiers[0] = (struct price_tier){100, draw_rates()};
	tiers[1] = (struct price_tier){5000, draw_rates()};
	price.tiers = tiers;
	price.tier_count = (size_t)draw(3);
	windows[0] = (struct price_window){.days = 0x1f, .from_ms = 3600000, .until_ms = 7200000};
	windows[1] = (struct price_window){.days = 0x60, .from_ms = 82800000, .until_ms = 3600000};
	windows[0].change = (struct price_change){.given = true, .factor = draw_factor()};
	windows[1].change = (struct price_change){.given = true, .factor = draw_factor()};
	price.windows = windows;
	price.window_count = (size_t)draw(3);
	region.factor = draw_factor();
	price.regions = &region;
	price.region_count = (size_t)draw(2);
	price.region = TEXT("us");
	price.per_request = draw(2) == 0 ? 0 : draw(1000000000);
	price.fee = draw(3) == 0 ? draw(100000) : 0;
	return price;
}

static int64_t slow(const struct price *price, int64_t wall_ms, int64_t input, int64_t cached,
                    int64_t output)
{
	struct chat_usage usage = {
	    .present = true,
	    .input = input,
	    .output = output,
	    .total = -1,
	    .cached_input = cached,
	    .cache_write = -1,
	    .reasoning = -1,
	    .cost_pico_usd = -1,
	};

	return price_cost(price, &usage, wall_ms).pico_usd;
}

START_TEST(a_line_is_the_price_for_as_long_as_it_says)
{
	int64_t exact = 0, checked = 0;

	for (int round = 0; round < 3000; round++) {
		struct price price = draw_price();
		struct price_line line;
		price_line(&price, draw(40 * (int64_t)DAY_MS), draw(8000), &line);
		for (int i = 0; i < 200; i++) {
			int64_t wall_ms = draw(40 * (int64_t)DAY_MS), input = draw(8000);
			int64_t cached = draw(input + 1), output = draw(5000);
			if (wall_ms < line.from_wall_ms || wall_ms >= line.until_wall_ms ||
			    input < line.prompt_from || input >= line.prompt_until)
				continue;
			int64_t cost = slow(&price, wall_ms, input, cached, output);
			checked++;
			ck_assert_int_eq(line.known, cost >= 0);
			if (!line.known || !line.exact)
				continue;
			exact++;
			ck_assert_int_eq(cost, (input - cached) * line.input +
			                           cached * line.cached_input +
			                           output * line.output + line.per_request);
		}
	}
	/* Both ways are there to be tested. */
	ck_assert_int_gt(exact, 10000);
	ck_assert_int_gt(checked - exact, 10000);
}
END_TEST

/* A line that held for one moment only would be right, and slow. */
START_TEST(a_plain_price_holds_for_all_prompts_and_moments)
{
	struct price price = {.known = true,
	                      .base = {2000000000000, -1, -1, -1, 10000000000000, -1}};
	struct price_line line;

	price_line(&price, DAY_MS, 1, &line);
	ck_assert(line.known && line.exact);
	ck_assert_int_eq(line.input, 2000000);
	ck_assert_int_eq(line.cached_input, 2000000);
	ck_assert_int_eq(line.output, 10000000);
	ck_assert_int_eq(line.prompt_until, INT64_MAX);
	ck_assert_int_eq(line.until_wall_ms, INT64_MAX);
	tiers[0] = (struct price_tier){100, {3000000000000, -1, -1, -1, -1, -1}};
	price.tiers = tiers;
	price.tier_count = 1;
	price_line(&price, DAY_MS, 100, &line);
	ck_assert_int_eq(line.prompt_from, 0);
	ck_assert_int_eq(line.prompt_until, 101);
	price_line(&price, DAY_MS, 101, &line);
	ck_assert_int_eq(line.prompt_from, 101);
	price.tier_count = 0;
	price.fee = 1;
	price_line(&price, DAY_MS, 1, &line);
	ck_assert(line.known && !line.exact);
	price.fee = 0;
	price.base.input = 1; /* a billionth of a cent a million: each row is rounded */
	price_line(&price, DAY_MS, 1, &line);
	ck_assert(!line.exact);
}
END_TEST

START_TEST(money_is_printed_exactly)
{
	assert_text(money_text(0, &arena), "0");
	assert_text(money_text(1, &arena), "0.000000000001");
	assert_text(money_text(-1500000000000, &arena), "-1.5");
	assert_text(money_text((money)INT64_MAX * 1000, &arena), "9223372036.854775807");
	assert_text(money_text_rounded(1995000000000, 2, &arena), "2.00");
	assert_text(money_text_rounded(-1995000000000, 2, &arena), "-2.00");
	assert_text(money_text_rounded(4999999999, 2, &arena), "0.00");
	assert_text(money_text_rounded(5000000000, 2, &arena), "0.01");
}
END_TEST

START_TEST(money_is_scaled_and_rounded_once)
{
	ck_assert(money_scale(10, 1, 3) == 3);
	ck_assert(money_scale(10, 1, 4) == 3); /* 2.5: away from zero */
	ck_assert(money_scale(-10, 1, 4) == -3);
	ck_assert(money_scale((money)INT64_MAX, 7 * (int64_t)DAY_MS, DAY_MS) ==
	          (money)INT64_MAX * 7);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, NULL, end);
	tcase_add_test(cases, a_line_is_the_price_for_as_long_as_it_says);
	tcase_add_test(cases, a_plain_price_holds_for_all_prompts_and_moments);
	tcase_add_test(cases, money_is_printed_exactly);
	tcase_add_test(cases, money_is_scaled_and_rounded_once);
}

int main(void)
{
	return unit_main("price line", add);
}
