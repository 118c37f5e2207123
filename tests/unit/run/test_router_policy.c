/* The decision: what each mode and policy excludes, what the client may wish, and the document that
 * says all of it. */
#include "tests/unit/run/router_rig.h"

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

START_TEST(what_a_waiver_covers_is_no_exclusion_beside_what_excludes)
{
	set_up_route("}}\npolicy: {waivers: [{target: a/m, case: CH-01, owner: me, until: "
	             "2024-10-04}]}\n");
	routing_case(&rig, "CH-02", CASE_GATE, "chat", "sync");
	routing_cell(&rig, "a/m", "CH-02", VERDICT_FAIL);
	break_a();
	ck_assert_int_eq(decide("a/m"), ROUTER_DECIDED);
	ck_assert_uint_eq(decision.exclusion_count, 1);
	assert_text(exclusion_of("a/m")->case_id, "CH-02");
}
END_TEST

/* What a key demands holds in every mode. */
START_TEST(a_demand_enforces_whatever_the_mode)
{
	set_up_route("}}\npolicy: {mode: warn}\n");
	break_a();
	asked.demand.enforced = true;
	ck_assert_str_eq(order_of("r"), "b/m c/m");
	ck_assert_int_eq(decision.mode, CONFIG_ENFORCE);
	asked.demand = (struct evidence_demand){.strict = true};
	ck_assert_str_eq(order_of("r"), "b/m c/m");
	ck_assert_int_eq(decision.mode, CONFIG_ENFORCE);
}
END_TEST

START_TEST(repairs_are_those_of_the_route)
{
	set_up_route(", repairs: [TS-01]}, plain: {targets: [a/m]}}\n");
	rig.cells[0].repairs = REPAIR_BIT(REPAIR_TS_01);
	rig.cells[0].repaired_verdict = VERDICT_PASS;
	break_a();
	ck_assert_str_eq(order_of("r"), "a/m b/m c/m");
	ck_assert_uint_eq(decision.candidates[0].repairs, REPAIR_BIT(REPAIR_TS_01));
	ck_assert_uint_eq(decision.candidates[1].repairs, 0);
	ck_assert_str_eq(order_of("plain"), "");
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
	    {"{\"order\":[\"b/m\"]}", "b/m a/m c/m"},
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
	tcase_add_test(cases, enforce_serves_the_proven_and_names_the_cell_of_the_rest);
	tcase_add_test(cases, warn_serves_the_unproven_behind_the_proven_and_marks_them);
	tcase_add_test(cases, shadow_changes_nothing_and_says_what_enforce_would_have_done);
	tcase_add_test(cases, modes_are_about_proof_alone);
	tcase_add_test(cases, what_policy_allows_is_marked_and_not_put_behind);
	tcase_add_test(cases, a_waiver_lets_pass_and_is_shown);
	tcase_add_test(cases, what_a_waiver_covers_is_no_exclusion_beside_what_excludes);
	tcase_add_test(cases, a_demand_enforces_whatever_the_mode);
	tcase_add_test(cases, repairs_are_those_of_the_route);
	tcase_add_test(cases, unknown_fields_are_served_and_named_by_default);
	tcase_add_test(cases, unknown_fields_may_be_refused_by_policy_or_client);
	tcase_add_test(cases, preferences_choose_order_and_limit);
	tcase_add_test(cases, preferences_that_are_none_are_refused);
	tcase_add_test(cases, the_document_has_what_the_contract_says);
	tcase_add_test(cases, an_exclusion_without_a_case_says_null);
}

int main(void)
{
	return unit_main("router_policy", add_tests);
}
