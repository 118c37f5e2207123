/* The decision: who is asked for, in which order, within which limits. */
#include "tests/unit/run/router_rig.h"

static void assert_reason(const char *target, const char *part)
{
	struct text reason = exclusion_of(target)->reason;

	ck_assert_msg(text_find(reason, text_of(part), 0) != TEXT_NOT_FOUND, "%.*s",
	              TEXT_ARG(reason));
}

/* --- who is asked for ----------------------------------------------------------------- */

START_TEST(a_model_is_a_route_a_target_or_an_id_that_one_provider_serves)
{
	set_up_route("}, only-b: {targets: [b/m]}}\n");
	routing_cell(&rig, "a/only-a", "CH-01", VERDICT_PASS);
	routing_cell(&rig, "b/org/x", "CH-01", VERDICT_PASS);
	routing_cell(&rig, "b/unlisted", "CH-01", VERDICT_PASS);
	routing_cell(&rig, "gone/m", "CH-01", VERDICT_PASS);
	router_done(router);
	build();
	ck_assert_str_eq(order_of("only-b"), "b/m");
	assert_text(decision.route, "only-b");
	ck_assert_str_eq(order_of("a/m"), "a/m");
	ck_assert_ptr_null(decision.route.data);
	ck_assert_str_eq(order_of("only-a"), "a/only-a");
	ck_assert_str_eq(order_of("org/x"), "b/org/x");
	/* In no list, but tested: it may be asked for. */
	ck_assert_str_eq(order_of("b/unlisted"), "b/unlisted");
	ck_assert_int_eq(decide("m"), ROUTER_UNKNOWN_MODEL);
	ck_assert_str_eq(fault.param, "model");
	assert_fault_says(&fault, "more than one provider");
	ck_assert_int_eq(decide("gone/m"), ROUTER_UNKNOWN_MODEL);
	ck_assert_int_eq(decide("b/never-heard-of"), ROUTER_UNKNOWN_MODEL);
	ck_assert_int_eq(decide("\x1b[31mred"), ROUTER_UNKNOWN_MODEL);
	ck_assert_ptr_null(strchr(fault.message, '\x1b'));
	ck_assert_uint_eq(router_target_count(router), 6);
}
END_TEST

START_TEST(the_model_of_the_request_counts_where_none_is_given)
{
	set_up_route("}}\n");
	shape.model = TEXT("a/m");
	asked.model = (struct text){NULL, 0};
	ck_assert_int_eq(router_decide(router, &asked, &rig.arena, &decision, &fault),
	                 ROUTER_DECIDED);
	ck_assert_uint_eq(decision.count, 1);
	assert_text(decision.candidates[0].target->name, "a/m");
}
END_TEST

/* --- strategies ------------------------------------------------------------------------- */

static const struct {
	const char *rest, *order;
} strategies[] = {
    {"}}\n", "a/m b/m c/m"}, /* cheapest; an unknown price is behind all that are known */
    {", strategy: cheapest}}\n", "a/m b/m c/m"},
    {", strategy: fastest}}\n", "b/m a/m c/m"},
    {", strategy: best}}\n", "b/m a/m c/m"},
    {", strategy: ordered}}\n", "c/m b/m a/m"},
    {", strategy: weighted, weights: {c/m: 0, b/m: 0, a/m: 5}}}\n", "a/m c/m b/m"},
    {", strategy: balanced}}\n", "b/m a/m c/m"},
};

START_TEST(each_strategy_has_its_order)
{
	set_up_route(strategies[_i].rest);
	ck_assert_str_eq(order_of("r"), strategies[_i].order);
	for (size_t i = 1; i < decision.count; i++)
		ck_assert(decision.candidates[i - 1].score <= decision.candidates[i].score);
}
END_TEST

START_TEST(ties_keep_the_order_of_the_route)
{
	set_up_route(", strategy: fastest}}\n");
	for (size_t i = 0; i < rig.matrix.count; i++)
		rig.cells[i].latency_p50_us = 7;
	router_done(router);
	build();
	ck_assert_str_eq(order_of("r"), "c/m b/m a/m");
}
END_TEST

/* 3 : 1 : 1 over many draws; the same number draws the same. */
START_TEST(weights_are_shares)
{
	size_t first[3] = {0};

	set_up_route(", strategy: weighted, weights: {a/m: 3}}}\n");
	for (asked.random = 0; asked.random < 5000; asked.random++) {
		ck_assert_int_eq(decide("r"), ROUTER_DECIDED);
		ck_assert_uint_eq(decision.count, 3);
		first[decision.candidates[0].target->name.data[0] - 'a']++;
	}
	ck_assert_uint_gt(first[0], 2800);
	ck_assert_uint_lt(first[0], 3200);
	ck_assert_uint_gt(first[1], 850);
	ck_assert_uint_gt(first[2], 850);
	asked.random = 42;
	const char *once = order_of("r");
	ck_assert_str_eq(order_of("r"), once);
}
END_TEST

/* Per passed answer: what fails half the time costs twice. */
START_TEST(cheapest_is_by_passed_answer)
{
	set_up_route("}}\n");
	rig.cells[0].rate = 0.25; /* a: 1/3 of b's price, a quarter of the answers */
	router_done(router);
	build();
	ck_assert_str_eq(order_of("r"), "b/m a/m c/m");
	ck_assert_int_lt(decision.candidates[1].expected_cost_pico_usd,
	                 decision.candidates[0].expected_cost_pico_usd);
	/* Who was not measured is not taken for one that fails. */
	rig.cells[0].rate = (double)NAN;
	rig.cells[0].tally.of[OUTCOME_OK] = 0;
	router_done(router);
	build();
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
}
END_TEST

/* A share of the worst of what is known; what is not known counts as the worst. */
START_TEST(balanced_is_the_stated_trade)
{
	set_up_route(", strategy: balanced}}\n");
	ck_assert_str_eq(order_of("r"), "b/m a/m c/m");
	const struct router_candidate *b = &decision.candidates[0], *a = &decision.candidates[1];
	double cost_a = (double)a->expected_cost_pico_usd / 0.5;
	double cost_b = (double)b->expected_cost_pico_usd / 0.95;
	double worst = fmax(cost_a, cost_b);
	ck_assert_double_eq_tol(a->score, 0.4 * cost_a / worst + 0.4 * 0.5 + 0.2, 1e-12);
	ck_assert_double_eq_tol(b->score, 0.4 * cost_b / worst + 0.4 * 0.05 + 0.2 / 3, 1e-12);
	ck_assert_double_eq_tol(decision.candidates[2].score, 1, 1e-12);
}
END_TEST

static struct matrix_cell *measured_cell(const char *label, enum verdict verdict, int64_t us)
{
	struct matrix_cell *cell = routing_cell(&rig, "b/org/x", label, verdict);

	cell->tally.of[OUTCOME_OK] = 10;
	cell->latency_p50_us = cell->ttft_p50_us = us;
	cell->latency_p90_us = cell->ttft_p90_us = 10 * us;
	return cell;
}

START_TEST(a_target_is_measured_by_the_cells_that_say_it)
{
	set_up_route("}}\n");
	measured_cell("CH-02", VERDICT_PASS, 10)->rate = 0.8;
	measured_cell("CH-03", VERDICT_PASS, 20)->rate = 0.6;
	measured_cell("CH-04", VERDICT_PASS, 30)->class_ = CASE_DETERMINISTIC;
	measured_cell("CH-05", VERDICT_PASS, 40)->kind = CASE_KIND_CODE; /* a task's quality */
	measured_cell("CH-06", VERDICT_FAIL, 1);
	for (size_t i = rig.matrix.count - 3; i < rig.matrix.count; i++)
		rig.cells[i].rate = 0;
	rig.cells[rig.matrix.count - 1].rate = (double)NAN;
	rig.cells[rig.matrix.count - 1].completion_tokens = 300;
	rig.cells[rig.matrix.count - 2].completion_tokens = 0; /* another case asked */
	measured_cell("ST-01~stream", VERDICT_PASS, 1000);
	measured_cell("ST-02~stream", VERDICT_PASS, 2000);
	measured_cell("ST-03~stream", VERDICT_PASS, 3000);
	router_done(router);
	build();
	struct router_candidate out;
	size_t number = 0;
	while (!text_is(router_target(router, number)->name, "b/org/x"))
		number++;
	router_expect(router, &asked, number, &out);
	ck_assert_double_eq_tol(out.quality, 0.7, 1e-12);
	ck_assert_int_eq(out.output_tokens, 30);
	ck_assert_int_eq(out.latency_us, 30); /* of four the third */
	ck_assert_int_eq(out.slow_us, 400);
	shape = routing_shape(&rig, "chat stream");
	router_expect(router, &asked, number, &out);
	ck_assert_int_eq(out.latency_us, 2000);
	ck_assert_int_eq(out.slow_us, 30000);
	shape = routing_shape(&rig, "embeddings");
	router_expect(router, &asked, number, &out);
	ck_assert_int_eq(out.output_tokens, 0);
}
END_TEST

/* The task of the request says of which kind of work the quality counts, where it was measured. */
START_TEST(quality_is_that_of_the_kind_of_work)
{
	struct http_header header = {TEXT("x-proviso-task"), TEXT("code")};

	set_up_route(", strategy: best}}\ntasks: [{name: code, match: {key: k}}]\n");
	struct matrix_cell *cell = routing_cell(&rig, "a/m", "QC-01", VERDICT_FLAKY);
	cell->kind = CASE_KIND_CODE;
	cell->quality = 0.99;
	cell->tally.of[OUTCOME_OK] = 1;
	cell->tally.of[OUTCOME_MISS] = 3;
	router_done(router);
	build();
	ck_assert_str_eq(order_of("r"), "b/m a/m c/m");
	asked.headers = &header;
	asked.header_count = 1;
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	ck_assert_double_eq_tol(decision.candidates[0].pass_rate, 0.25, 1e-12);
	ck_assert_int_eq(decision.candidates[0].quality_kind, CASE_KIND_CODE);
	ck_assert_int_eq(decision.candidates[1].quality_kind, CASE_KIND_NONE);
	ck_assert_double_eq_tol(decision.candidates[1].quality, 0.95, 1e-12);
}
END_TEST

START_TEST(streamed_requests_are_ranked_by_their_first_event)
{
	set_up_route(", strategy: fastest}}\n");
	routing_case(&rig, "ST-01", CASE_ADVISORY, "stream", "stream");
	routing_cell(&rig, "a/m", "ST-01~stream", VERDICT_PASS)->ttft_p50_us = 10;
	routing_cell(&rig, "b/m", "ST-01~stream", VERDICT_PASS)->ttft_p50_us = 20;
	router_done(router);
	build();
	ck_assert_str_eq(order_of("r"), "b/m a/m c/m");
	shape = routing_shape(&rig, "chat stream");
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	ck_assert_int_eq(decision.candidates[0].latency_us, 10);
	ck_assert_int_eq(decision.candidates[2].latency_us, -1);
}
END_TEST

/* --- tasks ------------------------------------------------------------------------------------ */

START_TEST(a_tasks_row_counts_before_the_route_and_its_risk_between)
{
	struct http_header header = {TEXT("x-proviso-task"), TEXT("")};
	static const struct {
		const char *rest, *task, *order;
	} rows[] = {
	    {"}}\n", "low", "a/m b/m c/m"},
	    {"}}\n", "high", "b/m a/m c/m"}, /* high risk: the best */
	    {", strategy: ordered}}\n", "high", "c/m b/m a/m"},
	    {", by_task: {high: {strategy: cheapest}}}}\n", "high", "a/m b/m c/m"},
	    {", by_task: {high: {min_quality: 0.1}}}}\n", "high", "b/m a/m"},
	    {", by_task: {low: {min_quality: 0.9}}}}\n", "low", "b/m"},
	    {", min_quality: 0.3, by_task: {low: {min_quality: 0.9}}}}\n", "high", "b/m a/m"},
	    {", min_quality: 0.3, by_task: {low: {strategy: best}}}}\n", "low", "b/m a/m"},
	    {"}}\n", "medium", "a/m b/m c/m"},
	};

	asked.headers = &header;
	asked.header_count = 1;
	prove_all();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		configure(text_c(
		    &rig.arena,
		    text_format(&rig.arena,
		                "tasks: [{name: low, risk: low, match: {key: k}}, {name: high, "
		                "risk: high, match: {key: l}}, {name: medium, risk: medium, "
		                "match: {key: m}}]\n" ROUTE "%s",
		                rows[i].rest)));
		build();
		header.value = text_of(rows[i].task);
		ck_assert_str_eq(order_of("r"), rows[i].order);
		assert_text(decision.task, rows[i].task);
		assert_text(decision.risk, rows[i].task);
		router_done(router);
		config_done(&config);
	}
	router = NULL;
	config = config_defaults;
}
END_TEST

START_TEST(the_higher_of_two_wanted_qualities_counts)
{
	set_up_route(", min_quality: 0.6}}\n");
	ck_assert_str_eq(order_of("r"), "b/m");
	assert_reason("a/m", "0.500 is below the 0.600");
	assert_reason("c/m", "not measured");
	asked.min_quality = 0.3;
	ck_assert_str_eq(order_of("r"), "b/m");
	asked.min_quality = 0.95; /* is reached */
	ck_assert_str_eq(order_of("r"), "b/m");
	asked.min_quality = 0.96;
	ck_assert_str_eq(order_of("r"), "");
	assert_reason("b/m", "below the 0.960");
}
END_TEST

/* --- limits and money ------------------------------------------------------------------------- */

START_TEST(context_and_output_limits_hold)
{
	set_up_route("}}\n");
	shape.max_output = 201;
	ck_assert_str_eq(order_of("r"), "b/m c/m");
	assert_reason("a/m", "201 output tokens are more than its limit of 200");
	shape.max_output = 200;
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	shape.max_output = 100;
	shape.prompt_bytes = 4 * 900;
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	shape.prompt_bytes = 4 * 901;
	ck_assert_str_eq(order_of("r"), "b/m"); /* its limits are not known */
	assert_reason("a/m", "about 901 prompt tokens and 100 of output");
	shape.max_output = -1;
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	shape.max_output = INT64_MAX;
	ck_assert_str_eq(order_of("c/m"), "");
}
END_TEST

START_TEST(money_excludes_what_is_dear_or_unpriced)
{
	set_up_route("}}\n");
	asked.price_needed = true;
	ck_assert_str_eq(order_of("r"), "a/m b/m");
	assert_reason("c/m", "price is not known");
	asked.price_needed = false;
	/* a: 8 bytes at most 4 tokens, and 100 of output: 4 * 1 + 100 * 2 USD per million. */
	int64_t bound_pico_usd = router_bound(router_target(router, 2), &shape, 0);
	ck_assert_int_eq(bound_pico_usd, 204000000);
	asked.max_cost_pico_usd = bound_pico_usd;
	ck_assert_str_eq(order_of("r"), "a/m");
	assert_reason("b/m", "x-proviso-max-cost");
	assert_reason("c/m", "x-proviso-max-cost");
	asked.max_cost_pico_usd--;
	ck_assert_str_eq(order_of("r"), "");
}
END_TEST

START_TEST(a_bound_knows_what_is_not_limited)
{
	set_up_route("}}\n");
	const struct target *c = router_target(router, 0);
	const struct target *b = router_target(router, 1);
	const struct target *a = router_target(router, 2);

	ck_assert_int_eq(router_bound(c, &shape, 0), -1); /* no price */
	shape.max_output = -1;
	ck_assert_int_eq(router_bound(a, &shape, 0), 404000000); /* the model's own cap: 200 */
	ck_assert_int_eq(router_bound(b, &shape, 0), -1);        /* nothing bounds it */
	shape.choices = 3;
	ck_assert_int_eq(router_bound(a, &shape, 0), 1204000000);
	shape.choices = INT64_MAX;
	ck_assert_int_eq(router_bound(a, &shape, 0), INT64_MAX);
	shape = routing_shape(&rig, "embeddings");
	ck_assert_int_eq(router_bound(a, &shape, 0), 4000000); /* no output at all */
	/* Without a cap the context is one: 1000 of output. */
	struct provider_model open = *a->model;
	struct target copy = *a;
	open.max_output = -1;
	copy.model = &open;
	shape = routing_shape(&rig, "chat");
	ck_assert_int_eq(router_bound(&copy, &shape, 0), 4000000 + 2000000000);
}
END_TEST

/* Whoever names a service may get the dearest. */
START_TEST(a_bound_counts_the_service_that_a_request_names)
{
	configure("  d: {dialect: openai, base_url: http://127.0.0.1:4/v1, models: {m: {price: "
	          "{input: \"1\", output: \"2\", service: {priority: \"3\"}}}}}\n"
	          "routes: {r: {targets: [d/m]}}\n");
	prove_all();
	build();
	ck_assert_int_eq(router_bound(router_target(router, 0), &shape, 0), 204000000);
	shape = routing_shape(&rig, "chat service_tier");
	shape.max_output = 100;
	ck_assert_int_eq(router_bound(router_target(router, 0), &shape, 0), 612000000);
}
END_TEST

START_TEST(expected_output_is_what_was_measured_within_what_is_asked)
{
	set_up_route("}}\n");
	rig.cells[0].completion_tokens = 500; /* of 10 trials */
	router_done(router);
	build();
	ck_assert_int_eq(decide("a/m"), ROUTER_DECIDED);
	/* 8 tokens in, 50 out. */
	ck_assert_int_eq(decision.candidates[0].expected_cost_pico_usd, 8000000 + 100000000);
	shape.max_output = 10;
	ck_assert_int_eq(decide("a/m"), ROUTER_DECIDED);
	ck_assert_int_eq(decision.candidates[0].expected_cost_pico_usd, 8000000 + 20000000);
	ck_assert_int_eq(decide("c/m"), ROUTER_DECIDED);
	ck_assert_int_eq(decision.candidates[0].expected_cost_pico_usd, -1);
}
END_TEST

/* --- keys ----------------------------------------------------------------------------------------
 */

START_TEST(a_provider_without_its_key_is_no_candidate_unless_keys_are_assumed)
{
	(void)unsetenv("PROVISO_TEST_NO_KEY");
	configure("  d: {dialect: openai, base_url: http://127.0.0.1:4/v1, api_key: "
	          "env:PROVISO_TEST_NO_KEY, models: {m: {}}}\n"
	          "routes: {r: {targets: [d/m, a/m]}}\n");
	prove_all();
	routing_cell(&rig, "d/m", "CH-01", VERDICT_PASS);
	build();
	ck_assert_str_eq(order_of("r"), "a/m");
	assert_reason("d/m", "no key");
	ck_assert(!router_has_key(router, 0));
	ck_assert(router_has_key(router, 1));
	router_assume_keys(router);
	ck_assert_str_eq(order_of("r"), "a/m d/m");
	ck_assert(!router_has_key(router, 0));
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_model_is_a_route_a_target_or_an_id_that_one_provider_serves);
	tcase_add_test(cases, the_model_of_the_request_counts_where_none_is_given);
	tcase_add_loop_test(cases, each_strategy_has_its_order, 0, ARRAY_LENGTH(strategies));
	tcase_add_test(cases, ties_keep_the_order_of_the_route);
	tcase_add_test(cases, weights_are_shares);
	tcase_add_test(cases, cheapest_is_by_passed_answer);
	tcase_add_test(cases, balanced_is_the_stated_trade);
	tcase_add_test(cases, a_target_is_measured_by_the_cells_that_say_it);
	tcase_add_test(cases, quality_is_that_of_the_kind_of_work);
	tcase_add_test(cases, streamed_requests_are_ranked_by_their_first_event);
	tcase_add_test(cases, a_tasks_row_counts_before_the_route_and_its_risk_between);
	tcase_add_test(cases, the_higher_of_two_wanted_qualities_counts);
	tcase_add_test(cases, context_and_output_limits_hold);
	tcase_add_test(cases, money_excludes_what_is_dear_or_unpriced);
	tcase_add_test(cases, a_bound_knows_what_is_not_limited);
	tcase_add_test(cases, a_bound_counts_the_service_that_a_request_names);
	tcase_add_test(cases, expected_output_is_what_was_measured_within_what_is_asked);
	tcase_add_test(cases, a_provider_without_its_key_is_no_candidate_unless_keys_are_assumed);
}

int main(void)
{
	return unit_main("router", add_tests);
}
