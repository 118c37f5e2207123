/*
 * Each shape of a price as a provider has it, with its source and date, from the config's text to
 * the cost of a request worked out by hand. If one failed, a bill from that provider would be
 * wrong.
 */
#include "harness/base/json_write.h"
#include "tests/unit/providers/price_rig.h"

static struct chat_usage tokens(int64_t input, int64_t cached, int64_t written, int64_t output)
{
	return (struct chat_usage){
	    .present = true,
	    .input = input,
	    .cached_input = cached,
	    .cache_write = written,
	    .output = output,
	    .total = -1,
	    .reasoning = -1,
	    .cost_pico_usd = -1,
	    .cache_write_1h = -1,
	};
}

/* The cost as people write it: up to 12 places, no zeros at the end. */
static void costs(const struct price *price, const struct chat_usage *usage, const char *moment,
                  const char *want_usd)
{
	int64_t want;
	struct cost cost = price_cost(price, usage, at(moment));

	ck_assert(setting_parse_usd(text_of(want_usd), &want));
	ck_assert_msg(cost.pico_usd == want, "%lld pico-USD, want %s USD", (long long)cost.pico_usd,
	              want_usd);
	ck_assert_int_eq(cost.source, COST_COMPUTED);
}

START_TEST(dates_decide_which_price_holds)
{
	const struct price *price = priced("", sol);
	struct chat_usage usage = tokens(1000, 200, 100, 50);

	/* 700 x 5 + 200 x .5 + 100 x 6.25 + 50 x 30 = 3500 + 100 + 625 + 1500 per million */
	costs(price, &usage, "2026-08-20T23:59:59Z", "0.005725");
	/* 700 x 4 + 200 x .4 + 100 x 5 + 50 x 20 */
	costs(price, &usage, "2026-08-21T00:00:00Z", "0.00438");
	/* "At least until" is no end: it holds on, to be looked at. */
	costs(price, &usage, "2027-03-01", "0.00438");
	assert_text(price_cost(price, &usage, at("2026-08-20")).version, "2026-09-18");
	assert_text(price_cost(price, &usage, at("2026-08-21")).version, "2026-09-18@2026-08-21");
}
END_TEST

/* Google gemini-3.8-flash: .75 / .075 / 3.75 until 2026-12-31, twice as much from 2027-01-01
 * (litellm discussion 39357, 2026-09/10). */
START_TEST(a_price_that_has_ended_is_unknown)
{
	const struct price *price =
	    priced("", " {input: \"0.75\", cached_input: \"0.075\", output: \"3.75\","
	               " until: 2026-12-31}");
	struct chat_usage usage = tokens(1000, 0, 0, 1000);

	costs(price, &usage, "2026-12-31T23:59:59.999Z", "0.0045");
	ck_assert_int_eq(price_cost(price, &usage, at("2027-01-01")).pico_usd, -1);
	ck_assert_int_eq(price_cost(price, &usage, at("2027-01-01")).source, COST_UNKNOWN);
	ck_assert_int_eq(price_expect(price, at("2027-01-01"), 1, 10, 10), -1);
	ck_assert_int_eq(price_bound(price, &(struct price_request){.wall_ms = at("2027-01-01")}),
	                 -1);
}
END_TEST

/* The same tier as above (OpenAI: exactly 272,000 is still the short one; the whole request). */
START_TEST(a_long_prompt_reprices_the_whole_request)
{
	const struct price *price = priced("", sol);
	struct chat_usage usage = tokens(272000, 0, 0, 1000);

	costs(price, &usage, "2026-09-01", "1.108");
	usage.input = 272001; /* 272001 x 8 + 1000 x 30 */
	costs(price, &usage, "2026-09-01", "2.206008");
	/* Anthropic Haiku 5.5 counts cache reads and writes as well (PromptFuel 1.0.23,
	 * 2026-10-16): so do all here. */
	usage = tokens(272001, 200000, 70000, 0); /* 2001 x 8 + 200000 x .8 + 70000 x 10 */
	costs(price, &usage, "2026-09-01", "0.876008");
}
END_TEST

/* xAI's tiers begin at their threshold (genai-prices 47df840a, 2026-08-21: >=), unlike OpenAI's. */
START_TEST(a_tier_may_begin_at_its_threshold)
{
	const struct price *price =
	    priced("", " {input: \"3\", output: \"15\","
	               " context: [{at_least: 128000, input: \"6\", output: \"30\"}]}");
	struct chat_usage usage = tokens(127999, 0, 0, 0);

	costs(price, &usage, "2026-09-01", "0.383997");
	usage.input = 128000;
	costs(price, &usage, "2026-09-01", "0.768");
}
END_TEST

/* Anthropic Claude Sonnet 5: 2 / .2 / 10, writes 2.5 for 5 minutes, 4 for an hour
 * (platform.claude.com, autumn 2026). */
static const char sonnet[] = " {input: \"2\", cached_input: \"0.2\", cache_write: \"2.5\","
			     " cache_write_1h: \"4\", output: \"10\","
			     " service: {batch: \"0.5\"}, regions: {us: \"1.1\"}}";

START_TEST(cache_writes_cost_by_their_life)
{
	const struct price *price = priced("", sonnet);
	struct chat_usage usage = tokens(10000, 6000, 3000, 100);

	usage.cache_write_1h = 1000;
	/* 1000 x 2 + 6000 x .2 + 2000 x 2.5 + 1000 x 4 + 100 x 10 */
	costs(price, &usage, "2026-11-01", "0.0132");
	/* What is kept for an hour costs as any other write where nothing else is said. */
	price = priced("", " {input: \"2\", cache_write: \"2.5\", output: \"10\"}");
	costs(price, &usage, "2026-11-01", "0.0225");
}
END_TEST

/* Batch is half; inference_geo us is 1.1 (the same page); both where both are. */
START_TEST(service_tier_and_region_are_factors)
{
	const struct price *price = priced("", sonnet);
	struct chat_usage usage = tokens(1000, 0, 0, 100); /* 0.003 */

	costs(price, &usage, "2026-11-01", "0.003");
	usage.service = CHAT_SERVICE_BATCH;
	costs(price, &usage, "2026-11-01", "0.0015");
	memcpy(usage.region, "us", 3);
	costs(price, &usage, "2026-11-01", "0.00165");
	usage.service = CHAT_SERVICE_STANDARD;
	costs(price, &usage, "2026-11-01", "0.0033");
	/* Bedrock in eu: 2.2 / .22 / 11 (models.dev, 2026-07-02), where the config says the region.
	 */
	price = priced(
	    "  region: eu\n",
	    " {input: \"2\", cached_input: \"0.2\", output: \"10\", regions: {eu: \"1.1\"}}");
	usage = tokens(1000, 500, 0, 100);
	costs(price, &usage, "2026-11-01", "0.00231");
	ck_assert_int_eq(price_expect(price, 0, 1, 1000, 100), INT64_C(3300000000));
	/* A factor of 1000 is the largest. */
	price = priced("", " {input: \"2\", output: \"10\", service: {priority: \"1000\"}}");
	usage = tokens(1000, 0, 0, 0);
	usage.service = CHAT_SERVICE_PRIORITY;
	costs(price, &usage, "2026-11-01", "2");
}
END_TEST

/* OpenAI: priority twice, flex half (OpenAI pricing, 2026-11); Claude Opus 5.5 has prices of its
 * own for fast, 8 / 40 beside 4 / 20 (platform.claude.com, autumn 2026). */
START_TEST(a_service_tier_may_have_prices_of_its_own)
{
	const struct price *price =
	    priced("", " {input: \"4\", cached_input: \"0.2\", output: \"20\","
	               " service: {flex: \"0.5\", priority: {input: \"8\", output: \"40\"}}}");
	struct chat_usage usage = tokens(1000, 0, 0, 100);

	usage.service = CHAT_SERVICE_FLEX;
	costs(price, &usage, "2026-11-01", "0.003");
	usage.service = CHAT_SERVICE_PRIORITY;
	costs(price, &usage, "2026-11-01", "0.012");
}
END_TEST

/* DeepSeek flash: off peak .003 / .15 / .60; at peak (01:00-04:00 and 06:00-10:00 UTC, Monday to
 * Friday, but for Chinese holidays) twice that (api-docs.deepseek.com, 2026-10-27). */
START_TEST(the_time_of_day_decides)
{
	const struct price *price = priced(
	    "",
	    "\n        input: \"0.15\"\n        cached_input: \"0.003\"\n        output: \"0.60\"\n"
	    "        windows:\n"
	    "        - {days: mon-fri, from: \"01:00\", until: \"04:00\", factor: \"2\","
	    " except: [2026-10-01]}\n"
	    "        - {days: mon-fri, from: \"06:00\", until: \"10:00\", factor: \"2\"}");
	struct chat_usage usage = tokens(1000000, 400000, 0, 100000);
	/* .6 x .15 + .4 x .003 + .1 x .60 = .1512 */

	costs(price, &usage, "2026-11-02T00:59:59.999Z", "0.1512"); /* a Monday */
	costs(price, &usage, "2026-11-02T01:00:00Z", "0.3024");
	costs(price, &usage, "2026-11-02T03:59:59.999Z", "0.3024");
	costs(price, &usage, "2026-11-02T04:00:00Z", "0.1512");
	costs(price, &usage, "2026-11-06T09:00:00Z", "0.3024"); /* Friday */
	costs(price, &usage, "2026-11-07T09:00:00Z", "0.1512"); /* Saturday */
	costs(price, &usage, "2026-10-01T02:00:00Z", "0.1512"); /* a holiday, its first window */
	/* Any of them may hold when it is sent: reserved is the dearest. */
	struct price_request request = {
	    .wall_ms = at("2026-11-02"), .prompt_bytes = 2000000, .max_output_tokens = 100000};
	ck_assert_int_eq(price_bound(price, &request), INT64_C(420000000000));
}
END_TEST

START_TEST(a_window_may_run_past_midnight)
{
	const struct price *price =
	    priced("", " {input: \"1\", output: \"1\", windows: [{days: fri, from: \"22:00\","
	               " until: \"02:00\", input: \"0.5\"}]}");
	struct chat_usage usage = tokens(1000000, 0, 0, 0);

	costs(price, &usage, "2026-11-06T21:59:00Z", "1");
	costs(price, &usage, "2026-11-06T22:00:00Z", "0.5");
	costs(price, &usage, "2026-11-07T01:59:00Z", "0.5");
	costs(price, &usage, "2026-11-07T02:00:00Z", "1");
	costs(price, &usage, "2026-11-06T01:00:00Z", "1"); /* Thursday's night */
	/* Days as well run past the end of the week, and a moment ends a price at once. */
	price = priced("", " {input: \"1\", output: \"1\", until: \"2026-11-09T12:00:00Z\","
	                   " windows: [{days: sun-mon, from: \"10:00\", until: \"12:00\","
	                   " factor: \"2\"}]}");
	costs(price, &usage, "2026-11-07T11:00:00Z", "1"); /* Saturday */
	costs(price, &usage, "2026-11-08T11:00:00Z", "2");
	costs(price, &usage, "2026-11-09T11:00:00Z", "2"); /* Monday */
	ck_assert_int_eq(price_cost(price, &usage, at("2026-11-09T12:00:00Z")).pico_usd, -1);
}
END_TEST

/* Qwen qwen-plus: .4 / 1.2, thinking out 4 (models.dev, 2026-07-02). */
START_TEST(reasoning_has_its_price)
{
	const struct price *price =
	    priced("", " {input: \"0.4\", output: \"1.2\", reasoning: \"4\"}");
	struct chat_usage usage = tokens(1000, 0, 0, 500);

	usage.reasoning = 400; /* within: 1000 x .4 + 100 x 1.2 + 400 x 4 */
	costs(price, &usage, "2026-11-01", "0.00212");
	/* Without one it costs as all else that comes out: 500 x 1.2 */
	costs(priced("", " {input: \"0.4\", output: \"1.2\"}"), &usage, "2026-11-01", "0.001");
	price = priced("  usage: {completion: excludes_reasoning}\n",
	               " {input: \"0.4\", output: \"1.2\", reasoning: \"4\"}");
	costs(price, &usage, "2026-11-01", "0.0026"); /* beside: 500 x 1.2 */
}
END_TEST

/* Perplexity sonar: 1 / 1 and 5 USD for 1,000 requests of little context (docs, 2026); OpenRouter
 * adds 5.5 per cent when credits are bought (OpenRouter docs, 2026-11). */
START_TEST(fees_come_on_top)
{
	const struct price *price =
	    priced("", " {input: \"1\", output: \"1\", per_request: \"0.005\"}");
	struct chat_usage usage = tokens(100, 0, 0, 100);

	costs(price, &usage, "2026-11-01", "0.0052");
	ck_assert_int_eq(price_expect(price, 0, 10, 1000, 1000), INT64_C(52000000000));
	price = priced("", " {input: \"1\", output: \"1\", per_request: \"0.005\","
	                   " fee_percent: \"5.5\"}");
	costs(price, &usage, "2026-11-01", "0.005486");
}
END_TEST

/* Perplexity: 5, 8 and 12 USD for 1,000 requests of little, some and much search context with sonar
 * (docs, 2026); the recorded reply of sonar-pro, 6 USD: 17 and 6 tokens, little, cost 0.006141
 * (vercel/ai, 2026-08-22). */
START_TEST(a_request_fee_goes_by_how_much_was_searched)
{
	const struct price *price =
	    priced("", " {input: \"1\", output: \"1\", per_request: \"0.005\", search_context:"
	               " {low: \"0.005\", medium: \"0.008\", high: \"0.012\"}}");
	struct chat_usage usage = tokens(100, 0, 0, 100);

	costs(price, &usage, "2026-11-01", "0.0052");
	usage.search = CHAT_SEARCH_LOW;
	costs(price, &usage, "2026-11-01", "0.0052");
	usage.search = CHAT_SEARCH_MEDIUM;
	costs(price, &usage, "2026-11-01", "0.0082");
	usage.search = CHAT_SEARCH_HIGH;
	costs(price, &usage, "2026-11-01", "0.0122");
	/* Before it is sent nobody knows how much will be searched. */
	struct price_request request = {.prompt_bytes = 200, .max_output_tokens = 100};
	ck_assert_int_eq(price_bound(price, &request), INT64_C(12200000000));
	ck_assert_int_eq(price_expect(price, 0, 1, 100, 100), INT64_C(5200000000));
	price = priced("", " {input: \"3\", output: \"15\", per_request: \"0.006\"}");
	usage = tokens(17, 0, 0, 6);
	usage.search = CHAT_SEARCH_LOW;
	costs(price, &usage, "2026-11-01", "0.006141");
	/* Also where it is less than what a request costs of which nothing is told. */
	price = priced("", " {input: \"3\", output: \"15\", per_request: \"0.006\","
	                   " search_context: {low: \"0.005\"}}");
	costs(price, &usage, "2026-11-01", "0.005141");
}
END_TEST

/* OpenRouter: usage.cost is what the model sells for; 5.5 per cent more are paid for the credits
 * that pay it (OpenRouter docs, 2026-11). */
START_TEST(a_percentage_goes_on_top_of_what_is_reported)
{
	struct chat_usage usage = tokens(1000, 0, 0, 100);
	const struct price *price =
	    priced("", " {input: \"1\", output: \"2\", fee_percent: \"5.5\"}");

	usage.cost_pico_usd = 1200000000; /* as the price is: 1000 x 1 + 100 x 2 */
	struct cost cost = price_cost(price, &usage, at("2026-11-01"));
	ck_assert_int_eq(cost.source, COST_REPORTED);
	ck_assert_int_eq(cost.pico_usd, 1266000000);
	ck_assert_int_eq(cost.computed_pico_usd, 1266000000);
	usage.cost_pico_usd = 1; /* half up, once */
	ck_assert_int_eq(price_cost(price, &usage, at("2026-11-01")).pico_usd, 1);
	usage.cost_pico_usd = 10;
	ck_assert_int_eq(price_cost(price, &usage, at("2026-11-01")).pico_usd, 11);
	usage.cost_pico_usd = INT64_MAX;
	ck_assert_int_eq(price_cost(price, &usage, at("2026-11-01")).pico_usd, INT64_MAX);
	/* Where no price is known, no fee is either. */
	usage.cost_pico_usd = 10;
	ck_assert_int_eq(price_cost(priced("", " null"), &usage, at("2026-11-01")).pico_usd, 10);
}
END_TEST

/* Whatever of it comes true, what is reserved covers it. */
START_TEST(a_bound_covers_all_that_may_hold)
{
	const struct price *price = priced("", sol);
	struct price_request request = {
	    .wall_ms = at("2026-09-01"), .prompt_bytes = 600000, .max_output_tokens = 1000};
	struct chat_usage usage = tokens(300000, 0, 300000, 1000);

	ck_assert_int_ge(price_bound(price, &request),
	                 price_cost(price, &usage, request.wall_ms).pico_usd);
	/* 300,000 may be long, all written: x 10, and 1,000 x 30 */
	ck_assert_int_eq(price_bound(price, &request), INT64_C(3030000000000));
	request.prompt_bytes = 544000; /* 272,000 is not: x 5, and 1,000 x 20 */
	ck_assert_int_eq(price_bound(price, &request), INT64_C(1380000000000));
	/* What is expected goes by the length of each of them. */
	ck_assert_int_eq(price_expect(price, request.wall_ms, 2, 544000, 0),
	                 INT64_C(2176000000000));
	ck_assert_int_eq(price_expect(price, request.wall_ms, 2, 544002, 0),
	                 INT64_C(4352016000000));
	request.prompt_bytes = 500000;
	ck_assert_int_eq(price_bound(price, &request), INT64_C(1270000000000));
	/* The day before a price changes, the dearer of both; at any time, the dearest of all. */
	request.wall_ms = at("2026-08-20T12:00:00Z");
	ck_assert_int_eq(price_bound(price, &request), INT64_C(1592500000000));
	request.wall_ms = PRICE_ANY_TIME;
	ck_assert_int_eq(price_bound(price, &request), INT64_C(1592500000000));
	/* One that gets dearer tomorrow. */
	price = priced("", "\n      - {input: \"1\", output: \"1\", until: 2026-08-20}"
	                   "\n      - {input: \"2\", output: \"1\", from: 2026-08-21}");
	request.wall_ms = at("2026-08-20T12:00:00Z");
	ck_assert_int_eq(price_bound(price, &request), INT64_C(501000000000));
	request.wall_ms = at("2026-08-19T12:00:00Z");
	ck_assert_int_eq(price_bound(price, &request), INT64_C(251000000000));
	/* A request that names a service tier may be served by any. */
	price = priced("", " {input: \"1\", output: \"1\", service: {priority: \"2\"}}");
	request.names_service = true;
	ck_assert_int_eq(price_bound(price, &request), INT64_C(502000000000));
	request.names_service = false;
	price =
	    priced("", " {input: \"1\", output: \"1\", service: {priority: \"2\", flex: \"0.5\"},"
	               " regions: {us: \"1.1\"}}");
	request.wall_ms = 0;
	ck_assert_int_eq(price_bound(price, &request), INT64_C(251000000000));
	request.names_service = true;
	ck_assert_int_eq(price_bound(price, &request), INT64_C(552200000000));
}
END_TEST

/* As a journal keeps it: a replay without the config must come to the same cost to the last digit.
 */
static void keep_and_recall(const struct price *price)
{
	static const char *const moments[] = {"2026-01-05T03:30:00Z", "2026-08-20T23:59:59Z",
	                                      "2026-10-07T07:00:00Z", "2026-11-28T14:00:00Z"};
	struct text text = json_to_text(&arena, price_keep(price, &arena));
	struct price again;
	struct json *kept;
	struct fault fault;

	ck_assert_msg(json_read_text(text, "kept", &arena, &kept, &fault) &&
	                  price_recall(kept, &arena, &again, &fault),
	              "%.*s: %s", TEXT_ARG(text), fault.message);
	for (size_t i = 0; i < ARRAY_LENGTH(moments) * CHAT_SERVICE_COUNT; i++) {
		struct chat_usage usage = tokens(i % 2 == 0 ? 1234 : 300000, 1000, 7, 890);
		usage.service = (enum chat_service)(i % CHAT_SERVICE_COUNT);
		usage.reasoning = 55;
		int64_t wall_ms = at(moments[i / CHAT_SERVICE_COUNT]);
		ck_assert_int_eq(price_cost(price, &usage, wall_ms).pico_usd,
		                 price_cost(&again, &usage, wall_ms).pico_usd);
	}
}

START_TEST(a_price_that_is_kept_comes_to_the_same)
{
	struct json *empty;
	struct fault fault;
	struct price out;

	keep_and_recall(priced("", sol));
	keep_and_recall(priced("  region: eu\n  usage: {prompt: excludes_cached, completion: "
	                       "excludes_reasoning}\n",
	                       " {input: \"1\", cached_input: \"0.1\", output: \"2\", regions: "
	                       "{eu: \"1.1\"}, fee_percent: \"5.5\", per_request: \"0.001\"}"));
	for (size_t i = 0; i < catalog_count(); i++) {
		struct catalog_entry *entry;
		struct provider_model *models;
		size_t count;
		arena_done(&arena);
		memset(&faults, 0, sizeof(faults));
		ck_assert(catalog_at(i, &arena, &entry, &fault));
		ck_assert(provider_models_read(&entry->provider, entry->reviewed, &arena, &models,
		                               &count, &faults));
		for (size_t m = 0; m < count; m++)
			if (models[m].price.known)
				keep_and_recall(&models[m].price);
	}
	ck_assert(json_read_text(TEXT("{}"), "kept", &arena, &empty, &fault));
	ck_assert(!price_recall(empty, &arena, &out, &fault));
	ck_assert(
	    json_read_text(TEXT("{\"price\":{\"input\":-1}}"), "kept", &arena, &empty, &fault));
	ck_assert(!price_recall(empty, &arena, &out, &fault));
}
END_TEST

/* The same worked examples, as they stand on a bill. */
START_TEST(a_cost_is_told_by_its_parts)
{
	struct chat_usage usage = tokens(1000, 200, 100, 50);
	struct price_parts parts;

	assert_text(price_parts(priced("", sol), &usage, at("2026-09-01"), &arena),
	            "input=700@4 cached_input=200@0.4 cache_write=100@5 output=50@20");
	usage = tokens(300000, 0, 0, 10);
	assert_text(price_parts(priced("", sol), &usage, at("2026-09-01"), &arena),
	            "input=300000@8 output=10@30 above=272000");
	usage = tokens(10000, 6000, 3000, 100);
	usage.cache_write_1h = 1000;
	usage.service = CHAT_SERVICE_BATCH;
	memcpy(usage.region, "us", 3);
	assert_text(price_parts(priced("", sonnet), &usage, at("2026-11-01"), &arena),
	            "input=1000@1.1 cached_input=6000@0.11 cache_write=2000@1.375"
	            " cache_write_1h=1000@2.2 output=100@5.5 service=batch region=us");
	usage = tokens(1000, 0, 0, 500);
	usage.reasoning = 400;
	assert_text(price_parts(priced("", " {input: \"0.4\", output: \"1.2\", reasoning: \"4\","
	                                   " per_request: \"0.005\", fee_percent: \"5.5\"}"),
	                        &usage, at("2026-11-01"), &arena),
	            "input=1000@0.4 output=100@1.2 reasoning=400@4 request=1@0.005 fee=5.5");
	usage = tokens(0, 0, 0, 0);
	assert_text(price_parts(priced("", " {input: \"0\", output: \"0\"}"), &usage, 0, &arena),
	            "input=0@0");
	usage.output = -1;
	ck_assert_ptr_null(price_parts(&set.items[0].models[0].price, &usage, 0, &arena).data);
	usage.output = 1;
	ck_assert_ptr_null(price_parts(priced("", " null"), &usage, 0, &arena).data);
	/* A ledger may come from anywhere. */
	static const char *const bad[] = {"",           "input",
	                                  "input=1",    "input=1@",
	                                  "input=@1",   "input=-1@1",
	                                  "input=1@-1", "input=1@.5",
	                                  "input=1@5.", "input=1@1e3",
	                                  "tokens=1@1", "fee=x",
	                                  "fee=5",      "input=1@1  output=1@1"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		ck_assert_msg(!price_parts_read(text_of(bad[i]), &parts), "%s", bad[i]);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_cost_is_told_by_its_parts);
	tcase_add_test(cases, dates_decide_which_price_holds);
	tcase_add_test(cases, a_price_that_has_ended_is_unknown);
	tcase_add_test(cases, a_long_prompt_reprices_the_whole_request);
	tcase_add_test(cases, a_tier_may_begin_at_its_threshold);
	tcase_add_test(cases, cache_writes_cost_by_their_life);
	tcase_add_test(cases, service_tier_and_region_are_factors);
	tcase_add_test(cases, a_service_tier_may_have_prices_of_its_own);
	tcase_add_test(cases, the_time_of_day_decides);
	tcase_add_test(cases, a_window_may_run_past_midnight);
	tcase_add_test(cases, reasoning_has_its_price);
	tcase_add_test(cases, fees_come_on_top);
	tcase_add_test(cases, a_request_fee_goes_by_how_much_was_searched);
	tcase_add_test(cases, a_percentage_goes_on_top_of_what_is_reported);
	tcase_add_test(cases, a_bound_covers_all_that_may_hold);
	tcase_add_test(cases, a_price_that_is_kept_comes_to_the_same);
}

int main(void)
{
	return unit_main("price_shapes", add);
}
