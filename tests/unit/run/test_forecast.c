/*
 * The forecast asks the router seldom and sums exactly: here every request is decided and priced
 * one by one beside it, and both must agree to the last 10^-12 USD.
 */
#include "harness/run/forecast/forecast.h"

#include "harness/base/file.h"
#include "tests/unit/run/routing.h"

#include <unistd.h>

#define DAY_MS ROUTING_DAY_MS

static char path[] = "/tmp/proviso-forecast-XXXXXX.yaml";
static struct routing rig;
static struct config config;
static struct router *router;
static struct forecast *forecast;
static struct forecast_result result;
static struct fault fault;
static uint64_t state;

static void set_up(void)
{
	memcpy(path + sizeof(path) - 12, "XXXXXX", 6);
	int fd = mkstemps(path, 5);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	routing_init(&rig);
	router = NULL;
	forecast = NULL;
	config = config_defaults;
	state = 20261128;
}

static void tear_down(void)
{
	forecast_done(forecast);
	router_done(router);
	config_done(&config);
	(void)unlink(path);
	arena_done(&rig.arena);
}

static int64_t draw(int64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int64_t)(state % (uint64_t)below);
}

/*
 * a: dear for long prompts, and small; b: cheaper output by day (a window); c: the best, in tiers;
 * d: no price; e: never proven; f: cheap for long prompts, and smaller still.
 */
#define PROVIDERS                                                                                  \
	"version: 1\n"                                                                             \
	"providers:\n"                                                                             \
	"  a: {dialect: openai, base_url: http://127.0.0.1:1/v1, models: {m: {context: 6000,\n"    \
	"      price: {input: \"1\", output: \"1\"}}}}\n"                                          \
	"  b: {dialect: openai, base_url: http://127.0.0.1:2/v1, models: {m: {context: 40000,\n"   \
	"      price: {input: \"0.5\", output: \"9\", windows: [{from: \"06:00\", until: "         \
	"\"18:00\", factor: \"0.1\"}]}}}}\n"                                                       \
	"  c: {dialect: openai, base_url: http://127.0.0.1:3/v1, models: {m: {\n"                  \
	"      price: {input: \"2\", cached_input: \"0.2\", output: \"3.0000001\", context: "      \
	"[{above: 3000, input: "                                                                   \
	"\"0.25\", output: \"0.5\"}]}}}}\n"                                                        \
	"  d: {dialect: openai, base_url: http://127.0.0.1:4/v1, models: {m: {}}}\n"               \
	"  e: {dialect: openai, base_url: http://127.0.0.1:5/v1, models: {m: {price: {input: "     \
	"\"0\", output: \"0\"}}}}\n"                                                               \
	"  f: {dialect: openai, base_url: http://127.0.0.1:6/v1, models: {m: {context: 3000,\n"    \
	"      price: {input: \"0\", output: \"2\"}}}}\n"                                          \
	"tasks:\n"                                                                                 \
	"  - {name: large, risk: high, match: {prompt_bytes: {min: 18002, max: 30001}}}\n"         \
	"  - {name: review, risk: high, match: {header: {x-proviso-task: review}}}\n"

static void configure(const char *rest)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct text yaml = text_format(&rig.arena, PROVIDERS "%s", rest);

	ck_assert(file_replace(path, yaml, 0600, &fault));
	ck_assert_msg(config_load(path, &config, faults), "%s", faults->items[0].message);
	memory_free(faults);
}

static void prove(const char *target, double quality)
{
	struct matrix_cell *cell = routing_cell(&rig, target, "CH-01", VERDICT_PASS);

	if (isnan(quality))
		return;
	cell->tally.of[OUTCOME_OK] = 10;
	cell->rate = quality;
}

static void build(void)
{
	(void)routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	(void)routing_case(&rig, "LC-01", CASE_GATE, "long_context", "sync");
	prove("a/m", 0.75);
	prove("b/m", 0.8);
	prove("c/m", 0.95);
	prove("d/m", (double)NAN);
	prove("f/m", 0.75);
	(void)routing_cell(&rig, "b/m", "LC-01", VERDICT_PASS);
	matrix_sort(&rig.matrix);
	ck_assert_msg(router_build(&config, &rig.suite, &rig.matrix, &rig.arena, &router, &fault),
	              "%s", fault.message);
}

static void start(size_t baseline)
{
	const struct forecast_setup setup = {
	    .router = router,
	    .baseline = baseline,
	    .now_wall_ms = ROUTING_NOW_MS,
	    .at_wall_ms = FORECAST_AS_LOGGED,
	    .since_wall_ms = INT64_MIN,
	    .until_wall_ms = INT64_MAX,
	};

	ck_assert_msg(forecast_new(&setup, &rig.arena, &forecast, &fault), "%s", fault.message);
}

static struct traffic_row row_of(int64_t wall_ms, int64_t input, int64_t output)
{
	static const struct source none = {TEXT_INIT("t.csv"), TEXT_INIT("")};

	return (struct traffic_row){
	    .wall_ms = wall_ms,
	    .input_tokens = input,
	    .output_tokens = output,
	    .asked = TEXT("r"),
	    .features = TEXT("chat"),
	    .source = &none,
	};
}

static void take(const struct traffic_row *row)
{
	ck_assert_msg(forecast_add(forecast, row, &fault), "%s", fault.message);
}

static const struct forecast_policy *policy_of(const char *name)
{
	for (size_t i = 0; i < result.count; i++)
		if (text_is(result.policies[i].name, name))
			return &result.policies[i];
	ck_abort_msg("no policy %s", name);
	return NULL;
}

static int64_t price_of(const struct target *target, const struct traffic_row *row)
{
	struct chat_usage usage = {
	    .present = true,
	    .input = row->input_tokens,
	    .output = row->output_tokens,
	    .total = -1,
	    .cached_input = row->cached_tokens,
	    .cache_write = -1,
	    .reasoning = -1,
	    .cost_pico_usd = -1,
	};

	return price_cost(&target->model->price, &usage, row->wall_ms).pico_usd;
}

/* One by one, as the proxy would. */
static void decide(const struct traffic_row *row, struct text asked, uint64_t random,
                   struct router_decision *decision)
{
	struct shape shape = routing_shape(&rig, "chat");
	struct http_header header = {TEXT("x-proviso-task"), row->task};
	struct shape_fault problem;
	const struct router_request request = {
	    .shape = &shape,
	    .headers = &header,
	    .header_count = row->task.len > 0,
	    .model = asked,
	    .max_cost_pico_usd = -1,
	    .min_quality = (double)NAN,
	    .random = random,
	    .now_wall_ms = ROUTING_NOW_MS,
	    .price_wall_ms = row->wall_ms,
	};

	shape.prompt_bytes = row->input_tokens * TRAFFIC_BYTES_PER_TOKEN;
	ck_assert_int_eq(router_decide(router, &request, &rig.arena, decision, &problem),
	                 ROUTER_DECIDED);
}

struct expected {
	money cost;
	int64_t served, unproven, unpriced;
};

static void expect_choice(struct expected *sum, const struct target *target, bool proven,
                          const struct traffic_row *row)
{
	sum->unproven += !proven;
	if (target == NULL)
		return;
	sum->served++;
	int64_t cost = price_of(target, row);
	if (cost < 0)
		sum->unpriced++;
	else
		sum->cost += cost;
}

static void compare(const char *name, const struct expected *sum)
{
	const struct forecast_policy *policy = policy_of(name);

	ck_assert_msg(policy->served == sum->served && policy->unproven == sum->unproven &&
	                  policy->unpriced == sum->unpriced,
	              "%s: served %lld, want %lld; unproven %lld, want %lld; unpriced %lld, want "
	              "%lld",
	              name, (long long)policy->served, (long long)sum->served,
	              (long long)policy->unproven, (long long)sum->unproven,
	              (long long)policy->unpriced, (long long)sum->unpriced);
	assert_text(money_text(policy->cost.expected, &rig.arena),
	            text_c(&rig.arena, money_text(sum->cost, &rig.arena)));
	ck_assert(policy->cost.low == policy->cost.expected &&
	          policy->cost.high == policy->cost.expected);
}

static void cheapest_of(const struct traffic_row *row, struct expected *sum)
{
	const struct target *best = NULL;
	int64_t least = INT64_MAX;
	struct router_decision decision;

	for (size_t i = 0; i < router_target_count(router); i++) {
		const struct target *target = router_target(router, i);
		decide(row, target->name, 0, &decision);
		if (decision.count == 0)
			continue;
		int64_t cost = price_of(target, row);
		if (best == NULL || (cost >= 0 && cost < least)) {
			best = target;
			least = cost < 0 ? INT64_MAX : cost;
		}
	}
	expect_choice(sum, best, best != NULL, row);
}

/* Lengths on both sides of every bound, and any; days and nights; tasks. */
static struct traffic_row draw_row(void)
{
	static const int64_t bounds[] = {1500, 3000, 4500, 6000, 7500, 10000, 40000};
	int64_t length = draw(2) == 0 ? bounds[draw(7)] - 12 + draw(24) : draw(45000);
	struct traffic_row row = row_of(draw(30 * DAY_MS), length, draw(3000));

	row.cached_tokens = draw(length + 1);
	if (draw(3) == 0)
		row.task = TEXT("review");
	return row;
}

static void check_strategy(const char *routes, int rows)
{
	struct expected own = {0}, cheapest = {0}, single = {0};

	configure(routes);
	build();
	start(SIZE_MAX);
	bool weighted = strstr(routes, "weighted") != NULL;
	for (int i = 0; i < rows; i++) {
		struct traffic_row row = draw_row();
		struct router_decision decision;
		take(&row);
		decide(&row, TEXT("r"), weighted ? (uint64_t)i % FORECAST_DRAWS : 0, &decision);
		expect_choice(&own, decision.count > 0 ? decision.candidates[0].target : NULL,
		              decision.count > 0 && decision.candidates[0].eligible, &row);
		cheapest_of(&row, &cheapest);
		decide(&row, TEXT("c/m"), 0, &decision);
		expect_choice(&single, router_target(router, 2), decision.count > 0, &row);
	}
	forecast_finish(forecast, &result);
	compare("routes", &own);
	compare("cheapest proven", &cheapest);
	ck_assert_int_gt(own.served, rows / 2);
	assert_text(router_target(router, 2)->name, "c/m");
	compare("c/m", &single);
}

START_TEST(cheapest_agrees_with_the_router_row_by_row)
{
	check_strategy(
	    "routes: {r: {targets: [a/m, b/m, c/m, d/m, e/m], strategy: cheapest, by_task: "
	    "{large: {min_quality: 0.78}, review: {strategy: best}}}}\n",
	    12000);
}
END_TEST

START_TEST(balanced_and_ordered_agree_with_the_router)
{
	check_strategy("routes: {r: {targets: [a/m, b/m, c/m], strategy: ordered, by_task: "
	               "{large: {strategy: balanced}}}}\n",
	               6000);
}
END_TEST

START_TEST(weighted_routes_are_drawn)
{
	check_strategy(
	    "routes: {r: {targets: [a/m, b/m, c/m], strategy: weighted, weights: {a/m: 1, "
	    "b/m: 3, c/m: 6}}}\n",
	    6000);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert_int_gt(policy->targets[2], policy->targets[1]);
	ck_assert_int_gt(policy->targets[1], policy->targets[0]);
}
END_TEST

static void take_lengths(const int64_t *lengths, size_t count)
{
	start(SIZE_MAX);
	for (size_t i = 0; i < count; i++) {
		struct traffic_row row = row_of((int64_t)i, lengths[i], 10);
		take(&row);
	}
	forecast_finish(forecast, &result);
}

/* The same answer for a short and a long prompt says nothing of one between, where something ends
 * or begins between them. */
START_TEST(what_holds_at_both_ends_may_not_hold_between)
{
	static const int64_t by_task[] = {100, 20000, 6000};
	static const int64_t by_context[] = {100, 1400, 500};

	configure("routes: {r: {targets: [c/m], strategy: ordered, by_task: {large: {min_quality: "
	          "0.99}}}}\n");
	build();
	take_lengths(by_task, ARRAY_LENGTH(by_task));
	ck_assert_int_eq(policy_of("routes")->served, 2);
	tear_down();
	set_up();
	configure("routes: {r: {targets: [a/m, f/m], strategy: cheapest}}\n");
	build();
	take_lengths(by_context, ARRAY_LENGTH(by_context));
	assert_text(result.targets[1], "f/m");
	ck_assert_int_eq(policy_of("routes")->targets[0], 2);
	ck_assert_int_eq(policy_of("routes")->targets[1], 1);
}
END_TEST

/* --- what is missing ---------------------------------------------------------------------- */

#define ONE_ROUTE "routes: {r: {targets: [a/m], strategy: ordered}}\n"

START_TEST(missing_counts_are_estimated_with_an_interval)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	/* Outputs 100 and 300: mean 200, deviation sqrt(20000). */
	struct traffic_row rows[] = {row_of(0, 1000, 100), row_of(1, 1000, 300),
	                             row_of(2, 1000, -1), row_of(3, 1000, -1)};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		take(&rows[i]);
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert_int_eq(policy->estimated, 2);
	ck_assert_int_eq(result.missing_output, 2);
	/* 4000 in and 800 out at a millionth USD each; two draws from two seen: s * sqrt(2 + 2). */
	ck_assert(policy->cost.expected == (money)4800 * 1000000);
	int64_t half = (int64_t)llround(1.96 * sqrt(20000.0) * 2);
	ck_assert_int_eq(half, 554);
	ck_assert(policy->cost.low == (money)(4400 + 0) * 1000000); /* not below nothing */
	ck_assert(policy->cost.high == (money)(4800 + half) * 1000000);
	ck_assert_int_eq(policy->served, 4);
}
END_TEST

/* A kind that was seen once may be anything up to twice that; what others are like is no matter. */
START_TEST(a_count_is_estimated_by_its_own_kind)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row other = row_of(0, 1000, 5000), seen = row_of(1, 1000, 100);
	struct traffic_row missing = row_of(2, 1000, -1);
	other.task = TEXT("review");
	take(&other);
	take(&seen);
	take(&missing);
	take(&missing);
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert(policy->cost.low == (money)(4000 + 5100) * 1000000);
	ck_assert(policy->cost.expected == (money)(4000 + 5300) * 1000000);
	ck_assert(policy->cost.high == (money)(4000 + 5500) * 1000000);
}
END_TEST

START_TEST(moments_outside_are_counted_apart_in_whatever_order_they_come)
{
	configure(ONE_ROUTE);
	build();
	const struct forecast_setup setup = {
	    .router = router,
	    .baseline = SIZE_MAX,
	    .now_wall_ms = ROUTING_NOW_MS,
	    .at_wall_ms = FORECAST_AS_LOGGED,
	    .since_wall_ms = 10,
	    .until_wall_ms = 20,
	};
	static const int64_t moments[] = {9, 15, 10, 19, 12, 20};

	ck_assert_msg(forecast_new(&setup, &rig.arena, &forecast, &fault), "%s", fault.message);
	for (size_t i = 0; i < ARRAY_LENGTH(moments); i++) {
		struct traffic_row row = row_of(moments[i], 100, 10);
		take(&row);
	}
	forecast_finish(forecast, &result);
	ck_assert_int_eq(result.requests, 4);
	ck_assert_int_eq(result.outside, 2);
	ck_assert_int_eq(result.first_wall_ms, 10);
	ck_assert_int_eq(result.last_wall_ms, 19);
	ck_assert_int_eq(result.span_ms, 10);
}
END_TEST

START_TEST(counts_that_nobody_knows_stay_unknown)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(0, 1000, -1);
	take(&row);
	forecast_finish(forecast, &result);
	ck_assert_int_eq(policy_of("routes")->unpriced, 1);
	ck_assert(policy_of("routes")->cost.expected == 0);
}
END_TEST

START_TEST(counts_that_the_proxy_guessed_have_an_interval)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(0, 900, 300);
	row.estimated = true;
	take(&row);
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert(policy->cost.low == (money)800 * 1000000);
	ck_assert(policy->cost.expected == (money)1200 * 1000000);
	ck_assert(policy->cost.high == (money)2400 * 1000000);
}
END_TEST

/* --- what is told beside -------------------------------------------------------------------- */

START_TEST(the_baseline_is_compared_on_the_same_requests)
{
	configure("routes: {r: {targets: [a/m, c/m], strategy: ordered}}\n");
	build();
	start(2);                                           /* c/m */
	assert_text(router_target(router, 2)->name, "b/m"); /* routes' targets come first */
	struct traffic_row small = row_of(0, 1000, 100), large = row_of(1, 50000, 100);
	take(&small);
	take(&large);
	forecast_finish(forecast, &result);
	/* b can't hold the large one, so it is in neither sum. */
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert_int_eq(policy->served, 2);
	ck_assert_int_eq(policy->compared, 1);
	ck_assert(policy->compared_cost.expected == (money)1100 * 1000000);
	ck_assert(policy->baseline_cost.expected == (money)(500 + 900) * 1000000);
}
END_TEST

START_TEST(gaps_say_what_is_in_the_way)
{
	configure("routes: {r: {targets: [e/m]}}\n");
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(0, 10, 10), other = row_of(1, 10, 10);
	other.asked = TEXT("nowhere");
	take(&row);
	take(&row);
	take(&other);
	row.output_tokens = -1; /* and two whose counts are missing */
	take(&row);
	take(&row);
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	ck_assert_int_eq(policy->unproven, 5);
	ck_assert_int_eq(policy->open, 4);
	ck_assert_int_eq(policy->unknown, 1);
	ck_assert_int_eq(policy->served, 0);
	ck_assert_uint_eq(result.gap_count, 2);
	ck_assert_int_eq(result.gaps[0].requests, 4);
	assert_text(result.gaps[0].reason, "e/m: CH-01 was never asked");
	assert_text(result.gaps[1].asked, "nowhere");
	ck_assert(text_find(result.gaps[1].reason, TEXT("no route"), 0) != TEXT_NOT_FOUND);
}
END_TEST

START_TEST(a_feature_that_nobody_knows_is_refused)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(0, 10, 10);
	row.features = TEXT("chat telepathy");
	ck_assert(!forecast_add(forecast, &row, &fault));
	assert_fault_says(&fault, "no feature \"telepathy\"");
}
END_TEST

START_TEST(the_front_holds_what_nothing_beats)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	struct traffic_row row = row_of(7 * 3600000, 1000, 100); /* b's window: a tenth */
	take(&row);
	forecast_finish(forecast, &result);
	ck_assert(policy_of("b/m")->on_front);  /* cheapest */
	ck_assert(policy_of("c/m")->on_front);  /* best */
	ck_assert(!policy_of("a/m")->on_front); /* dearer and worse than b */
	ck_assert(!policy_of("d/m")->on_front); /* no price */
	ck_assert(!policy_of("e/m")->on_front); /* nothing measured */
}
END_TEST

START_TEST(spend_is_kept_in_buckets_that_widen_and_lose_nothing)
{
	configure(ONE_ROUTE);
	build();
	start(SIZE_MAX);
	for (int i = 0; i < 3000; i++) {
		struct traffic_row row =
		    row_of((1000 + draw(400)) * DAY_MS + draw(DAY_MS), 1000, i);
		take(&row);
	}
	forecast_finish(forecast, &result);
	const struct forecast_policy *policy = policy_of("routes");
	money sum = 0;
	for (size_t i = 0; i < result.bucket_count; i++)
		sum += policy->spend[i];
	ck_assert(sum == policy->cost.expected);
	ck_assert_uint_le(result.bucket_count, FORECAST_BUCKETS);
	ck_assert_int_eq(result.bucket_ms % DAY_MS, 0);
	ck_assert_int_le(result.bucket_first_ms, result.first_wall_ms);
	ck_assert_int_gt(result.bucket_first_ms + (int64_t)result.bucket_count * result.bucket_ms,
	                 result.last_wall_ms);
}
END_TEST

/* Off-peak hours stay off-peak hours, in a week in which the price holds. */
START_TEST(a_log_is_moved_by_whole_weeks)
{
	struct forecast_setup setup = {.baseline = SIZE_MAX,
	                               .now_wall_ms = ROUTING_NOW_MS,
	                               .since_wall_ms = 1000,
	                               .until_wall_ms = 2 * DAY_MS};

	configure(ONE_ROUTE);
	build();
	setup.router = router;
	setup.at_wall_ms = 100 * DAY_MS;
	ck_assert(forecast_new(&setup, &rig.arena, &forecast, &fault));
	struct traffic_row early = row_of(999, 1, 1), row = row_of(3600000, 1, 1);
	take(&early);
	take(&row);
	forecast_finish(forecast, &result);
	ck_assert_int_eq(result.outside, 1);
	ck_assert_int_eq(result.requests, 1);
	ck_assert_int_eq(result.shift_ms % (7 * DAY_MS), 0);
	int64_t moved = row.wall_ms + result.shift_ms;
	ck_assert(moved >= 100 * DAY_MS && moved < 107 * DAY_MS);
	ck_assert_int_eq(result.span_ms, 2 * DAY_MS - 1000);
	ck_assert(forecast_per_days(86400000 - 500, 1, 2 * DAY_MS - 1000) == 43200000);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, cheapest_agrees_with_the_router_row_by_row);
	tcase_add_test(cases, balanced_and_ordered_agree_with_the_router);
	tcase_add_test(cases, weighted_routes_are_drawn);
	tcase_add_test(cases, what_holds_at_both_ends_may_not_hold_between);
	tcase_add_test(cases, missing_counts_are_estimated_with_an_interval);
	tcase_add_test(cases, a_count_is_estimated_by_its_own_kind);
	tcase_add_test(cases, moments_outside_are_counted_apart_in_whatever_order_they_come);
	tcase_add_test(cases, counts_that_nobody_knows_stay_unknown);
	tcase_add_test(cases, counts_that_the_proxy_guessed_have_an_interval);
	tcase_add_test(cases, the_baseline_is_compared_on_the_same_requests);
	tcase_add_test(cases, gaps_say_what_is_in_the_way);
	tcase_add_test(cases, a_feature_that_nobody_knows_is_refused);
	tcase_add_test(cases, the_front_holds_what_nothing_beats);
	tcase_add_test(cases, spend_is_kept_in_buckets_that_widen_and_lose_nothing);
	tcase_add_test(cases, a_log_is_moved_by_whole_weeks);
}

int main(void)
{
	return unit_main("forecast", add);
}
