/* The gate's own rules: which shapes count, what holds, what is open, what moves. */
#include "harness/run/route/gate.h"

#include "harness/base/file.h"
#include "tests/unit/run/routing.h"

#include <unistd.h>

static char path[] = "/tmp/proviso-gate-XXXXXX.yaml";
static struct routing rig;
static struct config config;
static struct router *router;
static struct gate_demands demands;
static struct gate_result result;
static struct fault fault;

static void set_up(void)
{
	memcpy(path + sizeof(path) - 12, "XXXXXX", 6);
	int fd = mkstemps(path, 5);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	routing_init(&rig);
	config = config_defaults;
	router = NULL;
}

static void tear_down(void)
{
	router_done(router);
	config_done(&config);
	(void)unlink(path);
	arena_done(&rig.arena);
}

static void configure(const char *routes)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct text yaml = text_format(
	    &rig.arena,
	    "version: 1\nproviders:\n"
	    "  a: {dialect: openai, base_url: http://127.0.0.1:1/v1, models: {m: {context: 1000, "
	    "price: {input: \"1\", output: \"2\"}}}}\n"
	    "  b: {dialect: openai, base_url: http://127.0.0.1:2/v1, models: {m: {}, n: {}}}\n%s",
	    routes);

	config_done(&config);
	config = config_defaults;
	ck_assert(file_replace(path, yaml, 0600, &fault));
	ck_assert_msg(config_load(path, &config, faults), "%s", faults->items[0].message);
	memory_free(faults);
}

static void judge(int64_t min_targets)
{
	matrix_sort(&rig.matrix);
	router_done(router);
	ck_assert(router_build(&config, &rig.suite, &rig.matrix, &rig.arena, &router, &fault));
	gate_judge(router, &demands, min_targets, ROUTING_NOW_MS, &rig.arena, &result);
}

/* The first refused row's fault, where there is one. */
static bool read_usage(const char *csv)
{
	char csv_path[] = "/tmp/proviso-test-XXXXXX.csv";
	struct fault_list *refusals = memory_new(sizeof(*refusals));
	int fd = mkstemps(csv_path, 4);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, csv, strlen(csv)), (ssize_t)strlen(csv));
	ck_assert_int_eq(close(fd), 0);
	bool good = gate_demands_of_usage(csv_path, &rig.arena, &demands, refusals, &fault);
	ck_assert_int_eq(unlink(csv_path), 0);
	if (refusals->count > 0) {
		ck_assert(!good);
		assert_fault_says(&fault, "rows refused");
		fault = refusals->items[0];
	}
	memory_free(refusals);
	return good;
}

/* --- demands --- */

START_TEST(rows_are_added_up_by_route_and_shape_and_sorted)
{
	ck_assert(read_usage("shape,route,requested_model,attempt,prompt_tokens,completion_tokens,"
	                     "cost_usd\n"
	                     "chat,r,x,1,10,1,0.5\n"
	                     "chat tools,r,x,1,5,,0.25\n"
	                     "chat,,a/m,1,7,7,\n"
	                     "chat,r,x,2,10,1,0.5\n"
	                     "chat,r,x,1,20,2,1\n"
	                     ",r,x,1,1,1,1\n"));
	ck_assert(demands.weighted);
	ck_assert_uint_eq(demands.count, 3);
	ck_assert_int_eq(demands.without_shape, 1);
	assert_text(demands.items[0].route, "a/m");
	ck_assert_int_eq(demands.items[0].cost_pico_usd, -1);
	assert_text(demands.items[1].route, "r");
	ck_assert_int_eq(demands.items[1].requests, 2);
	ck_assert_int_eq(demands.items[1].prompt_tokens, 40);
	ck_assert_int_eq(demands.items[1].completion_tokens, 4);
	ck_assert_int_eq(demands.items[1].cost_pico_usd, 2000000000000);
	ck_assert_int_eq(demands.items[1].shape.prompt_bytes, 80); /* 20 tokens a request */
	ck_assert_int_eq(demands.items[2].completion_tokens, -1);
	ck_assert(feature_has(&demands.items[2].shape.features, FEATURE_TOOLS));
}
END_TEST

START_TEST(a_number_that_is_missing_once_is_not_known)
{
	ck_assert(read_usage("route,shape,prompt_tokens\nr,chat,\nr,chat,10\n"));
	ck_assert_int_eq(demands.items[0].requests, 2);
	ck_assert_int_eq(demands.items[0].prompt_tokens, -1);
	ck_assert(read_usage("route,shape\nr,chat\n")); /* no such column at all */
	ck_assert_int_eq(demands.items[0].prompt_tokens, -1);
	ck_assert(read_usage("route,shape,prompt_tokens\nr,chat,9223372036854775807\nr,chat,1\n"));
	ck_assert_int_eq(demands.items[0].prompt_tokens, -1);
}
END_TEST

START_TEST(a_blank_in_a_fields_name_is_a_part_of_it)
{
	ck_assert(read_usage("route,shape\nr,chat  stop field.a b field.c\n"));
	ck_assert_uint_eq(demands.items[0].names.count, 4);
	assert_text(demands.items[0].names.items[2], "field.a b");
	ck_assert(!read_usage("route,shape\nr,chat b\n"));
	assert_fault_says(&fault, "no feature \"b\"");
}
END_TEST

START_TEST(too_many_pairs_are_refused)
{
	struct text_buf csv;

	text_buf_init(&csv, 8 << 20);
	text_buf_add_c(&csv, "route,shape\n");
	for (int i = 0; i <= GATE_MAX_DEMANDS; i++)
		text_buf_format(&csv, "r%d,chat\n", i);
	ck_assert(!read_usage(csv.data));
	assert_fault_says(&fault, "more than 20000");
	text_buf_done(&csv);
}
END_TEST

START_TEST(everyday_shapes_are_those_that_a_gate_case_asks_about)
{
	configure("routes: {r: {targets: [a/m]}, s: {targets: [a/m], shapes: [[tools, stop]]}}\n");
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync"); /* says nothing of stream */
	routing_case(&rig, "TC-01", CASE_GATE, "chat tools", "sync");
	routing_case(&rig, "ST-01", CASE_REQUIRED, "chat stream", "stream");
	routing_case(&rig, "ST-02", CASE_GATE, "chat stream stop", "stream");
	gate_demands_of_config(&config, &rig.suite, &rig.arena, &demands);
	ck_assert(!demands.weighted);
	ck_assert_uint_eq(demands.count, 4);
	ck_assert_uint_eq(demands.items[0].names.count, 1); /* chat, always */
	assert_text(demands.items[1].names.items[1], "tools");
	/* Streamed tools: its last feature is tools, and TC-01 asks about these. */
	assert_text(demands.items[2].names.items[2], "tools");
	ck_assert_int_eq(demands.items[2].source, GATE_ASSUMED);
	ck_assert_int_eq(demands.items[3].source, GATE_FROM_CONFIG);
	assert_text(demands.items[3].route, "s");
	ck_assert(feature_has(&demands.items[3].shape.features, FEATURE_CHAT)); /* implied */
	ck_assert_int_eq(demands.items[3].requests, -1);
	/* chat is assumed of everybody, asked about or not; a case about more speaks for no less.
	 */
	rig.suite.count = 0;
	routing_case(&rig, "XX-01", CASE_GATE, "tools field.x", "sync");
	gate_demands_of_config(&config, &rig.suite, &rig.arena, &demands);
	ck_assert_uint_eq(demands.count, 2);
	ck_assert_uint_eq(demands.items[0].names.count, 1);
}
END_TEST

/* --- states --- */

static const struct {
	enum verdict a, b;
	int64_t wanted;
	enum gate_state state;
} states[] = {
    {VERDICT_PASS, VERDICT_PASS, 2, GATE_HOLDS},
    {VERDICT_PASS, VERDICT_FAIL, 1, GATE_HOLDS},
    {VERDICT_PASS, VERDICT_FAIL, 2, GATE_REFUSED},
    {VERDICT_PASS, VERDICT_SKIPPED, 2, GATE_UNKNOWN},
    {VERDICT_FAIL, VERDICT_STALE, 1, GATE_UNKNOWN},
    {VERDICT_FAIL, VERDICT_STALE, 2, GATE_REFUSED},
    {VERDICT_ERROR, VERDICT_INCONCLUSIVE, 2, GATE_UNKNOWN},
    {VERDICT_FLAKY, VERDICT_FLAKY, 1, GATE_REFUSED},
    {VERDICT_UNSUPPORTED, VERDICT_IGNORED, 1, GATE_REFUSED},
    {VERDICT_PASS, VERDICT_PASS, 3, GATE_REFUSED}, /* there are not so many */
};

START_TEST(what_lacks_evidence_is_unknown_and_what_is_bad_is_refused)
{
	configure("routes: {r: {targets: [a/m, b/m], shapes: [[chat]]}}\n");
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, "a/m", "CH-01", states[_i].a);
	routing_cell(&rig, "b/m", "CH-01", states[_i].b);
	gate_demands_of_config(&config, &rig.suite, &rig.arena, &demands);
	judge(states[_i].wanted);
	ck_assert_uint_eq(result.count, 1);
	ck_assert_str_eq(gate_state_name(result.state), gate_state_name(states[_i].state));
	ck_assert_int_eq(result.checks[0].state, result.state);
	ck_assert_uint_eq(result.of[result.state], 1);
}
END_TEST

START_TEST(one_bad_cell_among_missing_ones_is_not_open)
{
	configure("routes: {r: {targets: [a/m], shapes: [[chat]]}}\n");
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_case(&rig, "CH-02", CASE_GATE, "chat", "sync");
	routing_cell(&rig, "a/m", "CH-01", VERDICT_FAIL);
	gate_demands_of_config(&config, &rig.suite, &rig.arena, &demands);
	judge(1);
	ck_assert_int_eq(result.state, GATE_REFUSED);
	rig.cells[0].verdict = VERDICT_PASS;
	judge(1);
	ck_assert_int_eq(result.state, GATE_UNKNOWN);
}
END_TEST

/* Served by mode, but proven by nothing; as few as one is wanted at least; and the worst counts. */
START_TEST(what_is_wanted_is_proof)
{
	configure("policy: {mode: warn}\n"
	          "routes: {r: {targets: [a/m], shapes: [[chat]]},\n"
	          "         s: {targets: [b/m, a/m], shapes: [[chat]], min_targets: 1},\n"
	          "         t: {targets: [b/n], shapes: [[chat]]}}\n");
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, "a/m", "CH-01", VERDICT_FAIL);
	routing_cell(&rig, "b/m", "CH-01", VERDICT_PASS);
	gate_demands_of_config(&config, &rig.suite, &rig.arena, &demands);
	judge(0);
	ck_assert_int_eq(result.checks[0].state, GATE_REFUSED);
	ck_assert_int_eq(result.checks[0].wanted, 1);
	ck_assert_uint_eq(result.checks[0].proven, 0);
	ck_assert_int_eq(result.checks[2].state, GATE_UNKNOWN);
	ck_assert_int_eq(result.state, GATE_REFUSED);
	judge(2);
	ck_assert_int_eq(result.checks[1].wanted, 1); /* the route's own word */
	ck_assert_int_eq(result.checks[1].state, GATE_HOLDS);
}
END_TEST

START_TEST(a_route_that_is_gone_is_refused)
{
	configure("routes: {r: {targets: [a/m]}}\n");
	ck_assert(read_usage("route,shape\ngone,chat\n"));
	judge(1);
	ck_assert_ptr_nonnull(result.checks[0].error);
	ck_assert_int_eq(result.state, GATE_REFUSED);
}
END_TEST

START_TEST(a_prompt_that_no_target_holds_is_refused_and_no_case_helps)
{
	configure("routes: {r: {targets: [a/m]}}\n");
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, "a/m", "CH-01", VERDICT_PASS);
	ck_assert(read_usage("route,shape,prompt_tokens\nr,chat,1001\n"));
	judge(1);
	ck_assert_int_eq(result.state, GATE_REFUSED);
	ck_assert_uint_eq(result.checks[0].decision.exclusion_count, 1);
	ck_assert(read_usage("route,shape,prompt_tokens\nr,chat,1000\n"));
	judge(1);
	ck_assert_int_eq(result.state, GATE_HOLDS);
}
END_TEST

/* --- what moves --- */

static struct gate_comparison compare_with(const char *routes)
{
	struct router *base_router = router;
	struct gate_result base = result;
	struct gate_comparison comparison;
	struct config old = config;

	config = config_defaults;
	configure(routes);
	router = NULL;
	judge(1);
	gate_compare(base_router, &base, router, &result, ROUTING_NOW_MS, ROUTING_NOW_MS,
	             &rig.arena, &comparison);
	router_done(base_router);
	config_done(&old);
	return comparison;
}

START_TEST(shares_are_weighed_by_requests_tokens_and_cost)
{
	configure("routes: {r: {targets: [a/m, b/m], strategy: ordered}, s: {targets: [a/m]}}\n");
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, "a/m", "CH-01", VERDICT_PASS);
	routing_cell(&rig, "b/m", "CH-01", VERDICT_PASS);
	ck_assert(read_usage("route,shape,prompt_tokens,completion_tokens,cost_usd\n"
	                     "r,chat,30,1,3\ns,chat,10,1,1\ns,chat,10,1,1\ns,chat,0,1,0\n"));
	judge(1);
	struct gate_comparison same =
	    compare_with("routes: {r: {targets: [a/m, b/m], strategy: ordered}, s: {targets: "
	                 "[a/m]}}\n");
	ck_assert_double_eq_tol(same.moved.requests, 0, 1e-9);
	ck_assert_uint_eq(same.loss_count, 0);
	ck_assert_int_eq(same.cost_before_pico_usd, same.cost_after_pico_usd);
	struct gate_comparison moved =
	    compare_with("routes: {r: {targets: [b/m], strategy: ordered}, s: {targets: [a/m]}}\n");
	ck_assert_double_eq_tol(moved.moved.requests, 0.25, 1e-9);
	ck_assert_double_eq_tol(moved.moved.prompt_tokens, 0.6, 1e-9);
	ck_assert_double_eq_tol(moved.moved.completion_tokens, 0.25, 1e-9);
	ck_assert_double_eq_tol(moved.moved.cost, 0.6, 1e-9);
	ck_assert_uint_eq(moved.loss_count, 1);
	ck_assert_uint_eq(moved.losses[0].before, 2);
	ck_assert_uint_eq(moved.losses[0].after, 1);
	ck_assert_uint_eq(moved.cost_unknown, 1); /* b has no price */
	/* s alone: 20 tokens in at 1, 3 out at 2 USD per million. */
	ck_assert_int_eq(moved.cost_after_pico_usd, 26000000);
}
END_TEST

START_TEST(to_have_two_left_of_three_is_no_loss_and_what_is_not_known_has_no_share)
{
	static const char *const targets[] = {"a/m", "b/m", "b/n"};

	configure("routes: {r: {targets: [a/m, b/m, b/n], strategy: ordered}}\n");
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++)
		routing_cell(&rig, targets[i], "CH-01", VERDICT_PASS);
	ck_assert(read_usage("route,shape\nr,chat\nr,chat\nr,chat\n"));
	judge(1);
	/* Three requests whose tokens are not known cost what the usual one does, three times. */
	int64_t one = result.checks[0].decision.candidates[0].expected_cost_pico_usd;
	ck_assert_int_eq(result.checks[0].expected_cost_pico_usd, 3 * one);
	struct gate_comparison moved =
	    compare_with("routes: {r: {targets: [a/m, b/m], strategy: ordered}}\n");
	ck_assert_uint_eq(moved.loss_count, 0);
	ck_assert_double_eq_tol(moved.moved.requests, 0, 1e-9);
	ck_assert(isnan(moved.moved.prompt_tokens));
	ck_assert(isnan(moved.moved.cost));
	/* Nor does what is not known weigh against what is. */
	ck_assert(read_usage("route,shape,prompt_tokens\nr,chat,\nb/m,chat,10\n"));
	judge(1);
	moved = compare_with("routes: {r: {targets: [b/n], strategy: ordered}}\n");
	ck_assert_double_eq_tol(moved.moved.requests, 0.5, 1e-9);
	ck_assert_double_eq_tol(moved.moved.prompt_tokens, 0, 1e-9);
}
END_TEST

START_TEST(of_a_weighted_route_shares_are_compared)
{
	configure("routes: {r: {targets: [a/m, b/m], shapes: [[chat]], strategy: weighted}}\n");
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, "a/m", "CH-01", VERDICT_PASS);
	routing_cell(&rig, "b/m", "CH-01", VERDICT_PASS);
	gate_demands_of_config(&config, &rig.suite, &rig.arena, &demands);
	/* The demands must outlive both configs. */
	demands.items[0].route = TEXT("r");
	judge(1);
	struct gate_comparison moved = compare_with(
	    "routes: {r: {targets: [a/m, b/m], strategy: weighted, weights: {a/m: 3, b/m: 1}}}\n");
	/* From a half to three quarters. */
	ck_assert_double_eq_tol(moved.moved.requests, 0.25, 0.06);
	moved = compare_with("routes: {r: {targets: [b/m], strategy: weighted}}\n");
	ck_assert_double_eq_tol(moved.moved.requests, 0.75, 0.06);
}
END_TEST

START_TEST(a_base_is_judged_when_its_newest_cell_was_asked)
{
	ck_assert_int_eq(gate_moment(&rig.matrix, 99), 99);
	routing_cell(&rig, "a/m", "CH-01", VERDICT_PASS)->tested_wall_ms = 5;
	routing_cell(&rig, "b/m", "CH-01", VERDICT_PASS)->tested_wall_ms = 9;
	ck_assert_int_eq(gate_moment(&rig.matrix, 99), 9);
	ck_assert_int_eq(gate_moment(&rig.matrix, 7), 7);
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, rows_are_added_up_by_route_and_shape_and_sorted);
	tcase_add_test(cases, a_number_that_is_missing_once_is_not_known);
	tcase_add_test(cases, a_blank_in_a_fields_name_is_a_part_of_it);
	tcase_add_test(cases, too_many_pairs_are_refused);
	tcase_add_test(cases, everyday_shapes_are_those_that_a_gate_case_asks_about);
	tcase_add_loop_test(cases, what_lacks_evidence_is_unknown_and_what_is_bad_is_refused, 0,
	                    ARRAY_LENGTH(states));
	tcase_add_test(cases, one_bad_cell_among_missing_ones_is_not_open);
	tcase_add_test(cases, a_prompt_that_no_target_holds_is_refused_and_no_case_helps);
	tcase_add_test(cases, shares_are_weighed_by_requests_tokens_and_cost);
	tcase_add_test(cases, what_is_wanted_is_proof);
	tcase_add_test(cases, a_route_that_is_gone_is_refused);
	tcase_add_test(cases,
	               to_have_two_left_of_three_is_no_loss_and_what_is_not_known_has_no_share);
	tcase_add_test(cases, of_a_weighted_route_shares_are_compared);
	tcase_add_test(cases, a_base_is_judged_when_its_newest_cell_was_asked);
}

int main(void)
{
	return unit_main("gate", add_tests);
}
