/*
 * The forecast asks the router seldom and sums exactly: here every request is decided and priced
 * one by one beside it, and both must agree to the last 10^-12 USD.
 */
#include "tests/unit/run/forecast_rig.h"

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

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, cheapest_agrees_with_the_router_row_by_row);
	tcase_add_test(cases, balanced_and_ordered_agree_with_the_router);
	tcase_add_test(cases, weighted_routes_are_drawn);
	tcase_add_test(cases, what_holds_at_both_ends_may_not_hold_between);
}

int main(void)
{
	return unit_main("forecast", add);
}
