/* The decision: who is asked for, what excludes, what each mode and strategy makes of it, what the
 * client may wish, and the document that says all of it. */
#include "harness/run/router.h"

#include "harness/base/file.h"
#include "harness/base/http_parse.h"
#include "harness/base/json_write.h"
#include "tests/unit/run/routing.h"

#include <unistd.h>

static char path[] = "/tmp/proviso-router-XXXXXX.yaml";
static struct routing rig;
static struct config config;
static struct router *router;
static struct router_request asked;
static struct router_decision decision;
static struct router_preferences wish;
static struct shape shape;
static struct shape_fault fault;

static void set_up(void)
{
	memcpy(path + sizeof(path) - 12, "XXXXXX", 6);
	int fd = mkstemps(path, 5);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	routing_init(&rig);
	router = NULL;
	config = config_defaults;
	asked = (struct router_request){
	    .shape = &shape,
	    .max_cost_pico_usd = -1,
	    .min_quality = (double)NAN,
	    .now_wall_ms = ROUTING_NOW_MS,
	};
	wish = (struct router_preferences){
	    .allow_fallbacks = true, .max_input_pico_usd = -1, .max_output_pico_usd = -1};
	shape = routing_shape(&rig, "chat");
	shape.max_output = 100;
}

static void tear_down(void)
{
	router_done(router);
	config_done(&config);
	(void)unlink(path);
	arena_done(&rig.arena);
}

/* a: cheap and poor; b: dear and good; c: no price, nothing measured. */
#define PROVIDERS                                                                                  \
	"version: 1\n"                                                                             \
	"providers:\n"                                                                             \
	"  a: {dialect: openai, base_url: http://127.0.0.1:1/v1, models: {m: {context: 1000,\n"    \
	"      max_output: 200, price: {input: \"1\", output: \"2\"}}, only-a: {}}}\n"             \
	"  b: {dialect: openai, base_url: http://127.0.0.1:2/v1, models: {m: {\n"                  \
	"      price: {input: \"3\", output: \"6\"}}, org/x: {}}}\n"                               \
	"  c: {dialect: openai, base_url: http://127.0.0.1:3/v1, models: {m: {context: 1000}}}\n"

#define ROUTE "routes: {r: {targets: [c/m, b/m, a/m]"

static void configure(const char *rest)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct fault bad;
	struct text yaml = text_format(&rig.arena, PROVIDERS "%s", rest);

	ck_assert(file_replace(path, yaml, 0600, &bad));
	ck_assert_msg(config_load(path, &config, faults), "%s", faults->items[0].message);
	memory_free(faults);
}

static void build(void)
{
	struct fault bad;

	matrix_sort(&rig.matrix);
	ck_assert_msg(router_build(&config, &rig.suite, &rig.matrix, &rig.arena, &router, &bad),
	              "%s", bad.message);
}

/* CH-01 passes at all three; quality and latency come from its cells. */
static void prove_all(void)
{
	static const struct {
		const char *target;
		double rate;
		int64_t latency_us;
	} measured[] = {{"a/m", 0.5, 3000}, {"b/m", 0.95, 1000}, {"c/m", (double)NAN, -1}};

	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	for (size_t i = 0; i < ARRAY_LENGTH(measured); i++) {
		struct matrix_cell *cell =
		    routing_cell(&rig, measured[i].target, "CH-01", VERDICT_PASS);
		cell->rate = measured[i].rate;
		cell->tally.of[OUTCOME_OK] = isnan(measured[i].rate) ? 0 : 10;
		cell->latency_p50_us = measured[i].latency_us;
	}
}

static void set_up_route(const char *rest)
{
	configure(text_c(&rig.arena, text_format(&rig.arena, ROUTE "%s", rest)));
	prove_all();
	build();
}

static enum router_result decide(const char *model)
{
	asked.model = text_of(model);
	return router_decide(router, &asked, &rig.arena, &decision, &fault);
}

/* The candidates in order, between spaces. */
static const char *order_of(const char *model)
{
	struct text_buf out;

	ck_assert_int_eq(decide(model), ROUTER_DECIDED);
	text_buf_init(&out, 1 << 16);
	for (size_t i = 0; i < decision.count; i++) {
		ck_assert_ptr_eq(decision.candidates[i].target,
		                 router_target(router, decision.candidates[i].number));
		if (i > 0)
			text_buf_byte(&out, ' ');
		text_buf_add(&out, decision.candidates[i].target->name);
	}
	const char *order = text_c(&rig.arena, text_buf_view(&out));
	text_buf_done(&out);
	return order;
}

static const struct router_exclusion *exclusion_of(const char *target)
{
	for (size_t i = 0; i < decision.exclusion_count; i++)
		if (text_is(decision.exclusions[i].target->name, target))
			return &decision.exclusions[i];
	ck_abort_msg("%s is not excluded", target);
	return NULL;
}

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
	};

	asked.headers = &header;
	asked.header_count = 1;
	prove_all();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		configure(text_c(
		    &rig.arena,
		    text_format(&rig.arena,
		                "tasks: [{name: low, risk: low, match: {key: k}}, {name: high, "
		                "risk: high, match: {key: l}}]\n" ROUTE "%s",
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

/* --- modes
 * ------------------------------------------------------------------------------------------- */

static void break_a(void)
{
	struct matrix_cell *cell = &rig.cells[0];

	assert_text(cell->target, "a/m");
	cell->verdict = VERDICT_FAIL;
	router_done(router);
	build();
}

START_TEST(enforce_serves_the_proven_and_names_the_cell_of_the_rest)
{
	set_up_route("}}\n");
	break_a();
	ck_assert_str_eq(order_of("r"), "b/m c/m");
	ck_assert_int_eq(decision.mode, CONFIG_ENFORCE);
	ck_assert_uint_eq(decision.exclusion_count, 1);
	const struct router_exclusion *exclusion = exclusion_of("a/m");
	assert_text(exclusion->case_id, "CH-01");
	ck_assert_str_eq(exclusion->variant, "sync");
	ck_assert_str_eq(exclusion->verdict, "fail");
	assert_text(exclusion->reason, "fails");
	ck_assert(decision.candidates[0].proven && decision.candidates[0].eligible);
	ck_assert_str_eq(order_of("a/m"), "");
}
END_TEST

START_TEST(warn_serves_the_unproven_behind_the_proven_and_marks_them)
{
	set_up_route("}}\npolicy: {mode: warn}\n");
	break_a();
	ck_assert_str_eq(order_of("r"), "b/m c/m a/m");
	ck_assert(!decision.candidates[2].proven);
	ck_assert(!decision.candidates[2].eligible);
	ck_assert_uint_eq(decision.candidates[2].unproven.count, 1);
	assert_text(decision.candidates[2].unproven.items[0], "CH-01");
	assert_text(exclusion_of("a/m")->case_id, "CH-01");
}
END_TEST

START_TEST(shadow_changes_nothing_and_says_what_enforce_would_have_done)
{
	set_up_route("}}\npolicy: {mode: shadow}\n");
	break_a();
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	ck_assert(!decision.candidates[0].proven);
	assert_text(exclusion_of("a/m")->case_id, "CH-01");
}
END_TEST

/* What fits no model is never served, whatever the mode. */
START_TEST(modes_are_about_proof_alone)
{
	set_up_route("}}\npolicy: {mode: warn}\n");
	shape.max_output = 201;
	ck_assert_str_eq(order_of("r"), "b/m c/m");
}
END_TEST

START_TEST(what_policy_allows_is_marked_and_not_put_behind)
{
	set_up_route("}}\npolicy: {unproven: allow}\n");
	routing_case(&rig, "TC-10", CASE_GATE, "tools", "sync");
	routing_cell(&rig, "b/m", "TC-10", VERDICT_PASS);
	router_done(router);
	build();
	shape = routing_shape(&rig, "chat tools");
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	ck_assert(!decision.candidates[0].proven && decision.candidates[0].eligible);
	assert_text(decision.candidates[0].unproven.items[0], "TC-10");
	ck_assert(decision.candidates[1].proven);
	ck_assert_uint_eq(decision.candidates[1].unproven.count, 0);
	ck_assert_uint_eq(decision.exclusion_count, 0);
}
END_TEST

START_TEST(a_waiver_lets_pass_and_is_shown)
{
	/* ROUTING_NOW_MS is 2024-10-04. */
	set_up_route("}}\npolicy: {waivers: [{target: a/m, case: CH-01, owner: me, until: "
	             "2024-10-04}]}\n");
	break_a();
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	ck_assert(decision.candidates[0].proven);
	assert_text(decision.candidates[0].unproven.items[0], "CH-01");
	asked.now_wall_ms += ROUTING_DAY_MS;
	ck_assert_str_eq(order_of("r"), "b/m c/m");
}
END_TEST

/* --- fields that nobody knows
 * --------------------------------------------------------------------------- */

START_TEST(unknown_fields_are_served_and_named_by_default)
{
	set_up_route("}}\n");
	shape = routing_shape(&rig, "chat field.new_thing");
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	ck_assert_uint_eq(decision.unknown_fields.count, 1);
	assert_text(decision.unknown_fields.items[0], "field.new_thing");
	assert_text(decision.candidates[0].unproven.items[0], "field.new_thing");
	ck_assert(decision.candidates[0].proven);
}
END_TEST

START_TEST(unknown_fields_may_be_refused_by_policy_or_client)
{
	set_up_route("}}\npolicy: {unknown_fields: reject}\n");
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	shape = routing_shape(&rig, "chat field.new_thing");
	ck_assert_int_eq(decide("r"), ROUTER_REFUSED);
	ck_assert_str_eq(fault.param, "new_thing");
	assert_fault_says(&fault, "new_thing");
	config.policy.mode = CONFIG_WARN;
	ck_assert_int_eq(decide("r"), ROUTER_DECIDED);
	wish.require_parameters = true; /* the client's own demand is no matter of the mode */
	asked.preferences = &wish;
	ck_assert_int_eq(decide("r"), ROUTER_REFUSED);
	config.policy.unknown_fields = CONFIG_ALLOW;
	ck_assert_int_eq(decide("r"), ROUTER_REFUSED);
	/* A case that knows it makes it known. */
	routing_case(&rig, "XX-01", CASE_ADVISORY, "field.new_thing", "sync");
	router_done(router);
	build();
	ck_assert_int_eq(decide("r"), ROUTER_DECIDED);
}
END_TEST

/* --- what the client wishes
 * ------------------------------------------------------------------------------- */

static bool read_wish(const char *json)
{
	struct json *node;
	struct fault bad;

	ck_assert_msg(json_read_text(text_of(json), "provider", &rig.arena, &node, &bad), "%s",
	              bad.message);
	asked.preferences = &wish;
	return router_preferences_read(node, &rig.arena, &wish, &fault);
}

START_TEST(preferences_choose_order_and_limit)
{
	static const struct {
		const char *wish, *order;
	} rows[] = {
	    {"null", "a/m b/m c/m"},
	    {"{}", "a/m b/m c/m"},
	    {"{\"unheard\":1,\"order\":null,\"allow_fallbacks\":null}", "a/m b/m c/m"},
	    {"{\"only\":[\"b\",\"c/m\"]}", "b/m c/m"},
	    {"{\"ignore\":[\"a\"]}", "b/m c/m"},
	    {"{\"ignore\":[\"a/m\",\"b/other\"]}", "b/m c/m"},
	    {"{\"order\":[\"c\",\"b\"]}", "c/m b/m a/m"},
	    {"{\"order\":[\"c\",\"b\"],\"allow_fallbacks\":false}", "c/m b/m"},
	    {"{\"allow_fallbacks\":false}", "a/m"},
	    {"{\"order\":[\"nobody\"],\"allow_fallbacks\":false}", ""},
	    {"{\"order\":[\"c\"],\"ignore\":[\"c\"]}", "a/m b/m"},
	    {"{\"max_price\":{\"prompt\":1}}", "a/m"},
	    {"{\"max_price\":{\"prompt\":\"3\",\"completion\":\"6.0\"}}", "a/m b/m"},
	    {"{\"max_price\":{\"completion\":1.99}}", ""},
	    {"{\"sort\":\"latency\"}", "b/m a/m c/m"},
	    {"{\"sort\":{\"by\":\"throughput\"}}", "b/m a/m c/m"},
	    {"{\"sort\":\"price\"}", "a/m b/m c/m"},
	    {"{\"sort\":\"latency\",\"order\":[\"c\"]}", "c/m b/m a/m"},
	};

	set_up_route("}}\n");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		ck_assert_msg(read_wish(rows[i].wish), "%s: %s", rows[i].wish, fault.message);
		ck_assert_msg(strcmp(order_of("r"), rows[i].order) == 0, "%s gives \"%s\"",
		              rows[i].wish, order_of("r"));
		/* Each target is a candidate or excluded, and nobody is both. */
		ck_assert_uint_eq(decision.count + decision.exclusion_count, 3);
	}
	ck_assert_int_eq(decision.strategy, CONFIG_FASTEST); /* of the last row: the client's */
}
END_TEST

START_TEST(preferences_that_are_none_are_refused)
{
	static const char *const bad[] = {
	    "[]",
	    "\"a\"",
	    "{\"order\":\"a\"}",
	    "{\"only\":[1]}",
	    "{\"ignore\":{}}",
	    "{\"allow_fallbacks\":\"no\"}",
	    "{\"require_parameters\":1}",
	    "{\"max_price\":{\"prompt\":-1}}",
	    "{\"max_price\":{\"prompt\":\"much\"}}",
	    "{\"max_price\":{\"completion\":true}}",
	    "{\"max_price\":3}",
	    "{\"sort\":\"beauty\"}",
	    "{\"sort\":3}",
	    "{\"sort\":{}}",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		ck_assert_msg(!read_wish(bad[i]), "%s is taken", bad[i]);
		ck_assert_str_eq(fault.param, "provider");
	}
}
END_TEST

/* --- the document
 * -------------------------------------------------------------------------------------------- */

static struct json *explain(const char *model)
{
	struct text_buf out;
	struct json_writer writer;
	struct json *root;
	struct fault bad;

	ck_assert_int_eq(decide(model), ROUTER_DECIDED);
	text_buf_init(&out, 1 << 20);
	json_writer_init(&writer, &out, false);
	router_write_json(router, &asked, &decision, &rig.arena, &writer);
	struct text body = text_copy(&rig.arena, text_buf_view(&out));
	text_buf_done(&out);
	ck_assert_msg(json_read_text(body, "explain", &rig.arena, &root, &bad), "%s", bad.message);
	return root;
}

static struct text at(const struct json *root, const char *pointer)
{
	const struct json *node = json_pointer(root, text_of(pointer));

	ck_assert_msg(node != NULL, "there is no %s", pointer);
	return node->text;
}

START_TEST(the_document_has_what_the_contract_says)
{
	set_up_route("}}\n");
	break_a();
	struct json *root = explain("r");
	assert_text(at(root, "/shape/0"), "chat");
	assert_text(at(root, "/task"), "null");
	assert_text(at(root, "/risk"), "null");
	assert_text(at(root, "/route"), "r");
	assert_text(at(root, "/mode"), "enforce");
	assert_text(at(root, "/matrix"), router_matrix_hash(router));
	ck_assert_uint_eq(at(root, "/matrix").len, 12);
	ck_assert_uint_eq(json_member(root, "candidates")->count, 2);
	assert_text(at(root, "/candidates/0/target"), "b/m");
	assert_text(at(root, "/candidates/0/expected_cost_usd"), "0.000624");
	assert_text(at(root, "/candidates/0/quality"), "0.95");
	assert_text(at(root, "/candidates/0/latency_ms"), "1");
	assert_text(at(root, "/candidates/0/cells/0"), "CH-01");
	assert_text(at(root, "/candidates/0/proven"), "true");
	assert_text(at(root, "/candidates/1/target"), "c/m");
	assert_text(at(root, "/candidates/1/expected_cost_usd"), "null");
	assert_text(at(root, "/candidates/1/quality"), "null");
	assert_text(at(root, "/candidates/1/latency_ms"), "null");
	assert_text(at(root, "/candidates/1/score"), "null");
	assert_text(at(root, "/excluded/0/target"), "a/m");
	assert_text(at(root, "/excluded/0/case"), "CH-01");
	assert_text(at(root, "/excluded/0/verdict"), "fail");
	assert_text(at(root, "/excluded/0/reason"), "fails");
	/* Another matrix, another hash. */
	const char *hash = text_c(&rig.arena, text_of(router_matrix_hash(router)));
	rig.cells[0].verdict = VERDICT_PASS;
	router_done(router);
	build();
	ck_assert_str_ne(hash, router_matrix_hash(router));
}
END_TEST

START_TEST(an_exclusion_without_a_case_says_null)
{
	set_up_route("}}\n");
	shape.max_output = 201;
	struct json *root = explain("r");
	assert_text(at(root, "/excluded/0/case"), "null");
	assert_text(at(root, "/excluded/0/variant"), "null");
	assert_text(at(root, "/excluded/0/verdict"), "null");
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
	tcase_add_test(cases, streamed_requests_are_ranked_by_their_first_event);
	tcase_add_test(cases, a_tasks_row_counts_before_the_route_and_its_risk_between);
	tcase_add_test(cases, the_higher_of_two_wanted_qualities_counts);
	tcase_add_test(cases, context_and_output_limits_hold);
	tcase_add_test(cases, money_excludes_what_is_dear_or_unpriced);
	tcase_add_test(cases, a_bound_knows_what_is_not_limited);
	tcase_add_test(cases, expected_output_is_what_was_measured_within_what_is_asked);
	tcase_add_test(cases, a_provider_without_its_key_is_no_candidate_unless_keys_are_assumed);
	tcase_add_test(cases, enforce_serves_the_proven_and_names_the_cell_of_the_rest);
	tcase_add_test(cases, warn_serves_the_unproven_behind_the_proven_and_marks_them);
	tcase_add_test(cases, shadow_changes_nothing_and_says_what_enforce_would_have_done);
	tcase_add_test(cases, modes_are_about_proof_alone);
	tcase_add_test(cases, what_policy_allows_is_marked_and_not_put_behind);
	tcase_add_test(cases, a_waiver_lets_pass_and_is_shown);
	tcase_add_test(cases, unknown_fields_are_served_and_named_by_default);
	tcase_add_test(cases, unknown_fields_may_be_refused_by_policy_or_client);
	tcase_add_test(cases, preferences_choose_order_and_limit);
	tcase_add_test(cases, preferences_that_are_none_are_refused);
	tcase_add_test(cases, the_document_has_what_the_contract_says);
	tcase_add_test(cases, an_exclusion_without_a_case_says_null);
}

int main(void)
{
	return unit_main("router", add_tests);
}
