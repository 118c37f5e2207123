/* The plan: which cells, by which questions, in which order, at what cost at most. */
#include "harness/run/runner/plan.h"

#include "harness/base/file.h"
#include "tests/unit/unit.h"

#include <unistd.h>

static struct arena arena;
static struct suite suite;
static struct plan plan;
static struct fault fault;

static const char own_suite[] =
    "capability: chat\n"
    "cases:\n"
    "  - id: HT-01\n"
    "    title: the same question, another rule\n"
    "    class: deterministic\n"
    "    severity: gate\n"
    "    source: test\n"
    "    like: CH-01\n"
    "    variants: [sync, stream]\n"
    "    expect: {status: 200}\n"
    "  - id: CH-01\n"
    "    title: plain\n"
    "    class: stochastic\n"
    "    severity: gate\n"
    "    vouches: [chat]\n"
    "    variants: [sync, stream]\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: \"hello {{nonce}}\"}], max_tokens: 100}\n"
    "    expect: {status: 200}\n"
    "    reference: {content: hello}\n"
    "  - id: ER-07\n"
    "    title: over the window\n"
    "    class: negative\n"
    "    severity: required\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: \"{{overflow}}\"}], max_tokens: 1}\n"
    "    expect: {status: 400}\n"
    "    reference: {error: {status: 400}}\n"
    "  - id: PA-10\n"
    "    title: advisory and stochastic\n"
    "    class: stochastic\n"
    "    severity: advisory\n"
    "    source: test\n"
    "    request: {messages: [{role: user, content: hello}], n: 2}\n"
    "    expect: {status: 200}\n"
    "    reference: {content: hello}\n";

/* What asks more than plain chat. */
static const char beyond_suite[] = "capability: beyond\n"
				   "cases:\n"
				   "  - id: MO-01\n"
				   "    title: the provider's list\n"
				   "    class: deterministic\n"
				   "    severity: required\n"
				   "    source: test\n"
				   "    endpoint: models\n"
				   "    expect: {status: 200}\n"
				   "    reference: none\n"
				   "  - id: CH-01\n"
				   "    title: plain\n"
				   "    class: deterministic\n"
				   "    severity: gate\n"
				   "    source: test\n"
				   "    request: {messages: [{role: user, content: hello}]}\n"
				   "    expect: {status: 200}\n"
				   "    reference: {content: hello}\n"
				   "  - id: EM-01\n"
				   "    title: another endpoint\n"
				   "    class: deterministic\n"
				   "    severity: required\n"
				   "    source: test\n"
				   "    endpoint: embeddings\n"
				   "    request: {input: hello}\n"
				   "    expect: {wire: [EM-01]}\n"
				   "    reference: none\n"
				   "  - id: VI-01\n"
				   "    title: an image\n"
				   "    class: deterministic\n"
				   "    severity: required\n"
				   "    source: test\n"
				   "    request: {messages: [{role: user, content: [{type: "
				   "image_url, image_url: {url: \"{{image:nonce}}\"}}]}], "
				   "max_tokens: 1}\n"
				   "    expect: {status: 200}\n"
				   "    reference: {content: hello}\n";

static struct provider_model models[] = {
    {.name = TEXT_INIT("priced"),
     .context = 1000,
     .max_output = 500,
     .price = {.known = true, .base = {1000000, -1, -1, -1, 2000000, -1}}},
    {.name = TEXT_INIT("unpriced"),
     .context = -1,
     .max_output = -1,
     .price = {.base = PRICE_RATES_NONE}},
};
static struct provider far = {.name = TEXT_INIT("far"),
                              .dialect = &dialect_openai,
                              .base_url = TEXT_INIT("https://far.invalid/v1")};
static struct provider near = {.name = TEXT_INIT("near"),
                               .dialect = &dialect_openai,
                               .base_url = TEXT_INIT("http://127.0.0.1:1/v1"),
                               .loopback = true};
static struct target priced = {&far, &models[0], TEXT_INIT("far/priced")};

static void load(const char *yaml)
{
	char path[] = "/tmp/proviso-test-XXXXXX.yaml";
	int fd = mkstemps(path, 5);
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct text name = text_of(path);
	struct text_list folders = {&name, 1};

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert(file_replace(path, text_of(yaml), 0600, &fault));
	bool good = suite_load(&suite, false, &folders, faults);
	fault_list_print(faults, stderr);
	ck_assert(good);
	memory_free(faults);
	(void)unlink(path);
}

static void set_up(void)
{
	load(own_suite);
}

static void tear_down(void)
{
	suite_done(&suite);
	arena_done(&arena);
}

static struct text_list texts(const char *one)
{
	struct text_list list = {ARENA_NEW(&arena, struct text), 1};

	list.items[0] = text_of(one);
	return list;
}

static bool make(struct target *targets, size_t count, const struct plan_filter *filter)
{
	return plan_make(&suite, targets, count, filter, &arena, &plan, &fault);
}

START_TEST(one_response_serves_every_case_that_asks_the_same)
{
	const struct plan_filter all = {.profile = TEXT("onboard")};

	ck_assert_msg(make(&priced, 1, &all), "%s", fault.message);
	ck_assert_uint_eq(plan.cell_count, 6);
	ck_assert_uint_eq(plan.probe_count, 4);
	size_t served = 0;
	for (size_t i = 0; i < plan.probe_count; i++) {
		const struct plan_probe *probe = &plan.probes[i];
		served += probe->cell_count;
		for (size_t c = 0; c < probe->cell_count; c++)
			ck_assert_uint_eq(plan.cells[probe->cells[c]].probe, i);
		/* The owner of the question comes first. */
		ck_assert_ptr_eq(plan.cells[probe->cells[0]].eval_case, probe->asks);
	}
	ck_assert_uint_eq(served, 6);
}
END_TEST

START_TEST(what_matters_is_asked_first)
{
	const struct plan_filter all = {.profile = TEXT("onboard")};

	ck_assert(make(&priced, 1, &all));
	assert_text(plan.probes[0].asks->id, "CH-01"); /* serves a deterministic gate case */
	assert_text(plan.probes[1].asks->id, "CH-01");
	assert_text(plan.probes[2].asks->id, "ER-07");
	assert_text(plan.probes[3].asks->id, "PA-10");
}
END_TEST

START_TEST(a_like_case_alone_still_asks_its_owners_question)
{
	const struct plan_filter one = {.cases = texts("HT-01~stream")};

	ck_assert(make(&priced, 1, &one));
	ck_assert_uint_eq(plan.cell_count, 1);
	ck_assert_int_eq(plan.cells[0].variant, CASE_STREAM);
	assert_text(plan.cells[0].eval_case->id, "HT-01");
	assert_text(plan.probes[0].asks->id, "CH-01");
}
END_TEST

START_TEST(profiles_choose_and_names_override_them)
{
	const struct plan_filter smoke = {.profile = TEXT("smoke")};
	const struct plan_filter ci = {0};
	const struct plan_filter named = {.profile = TEXT("smoke"), .cases = texts("PA-*")};
	const struct plan_filter capability = {.capabilities = texts("cha?")};

	ck_assert(make(&priced, 1, &smoke));
	ck_assert_uint_eq(plan.cell_count, 5); /* without PA-10 */
	ck_assert(make(&priced, 1, &ci));
	ck_assert_uint_eq(plan.cell_count, 6); /* one's own cases, whatever their severity */
	ck_assert(make(&priced, 1, &named));
	ck_assert_uint_eq(plan.cell_count, 1);
	ck_assert(make(&priced, 1, &capability));
	ck_assert_uint_eq(plan.cell_count, 6);
}
END_TEST

static bool is_planned(const char *id)
{
	for (size_t i = 0; i < plan.cell_count; i++)
		if (text_is(plan.cells[i].eval_case->id, id))
			return true;
	return false;
}

START_TEST(of_the_core_suite_ci_takes_gates_and_what_costs_no_question)
{
	const struct plan_filter ci = {0};
	const struct plan_filter onboard = {.profile = TEXT("onboard")};
	struct suite core;
	struct fault_list faults = {0};
	struct fault unused;

	ck_assert(suite_load(&core, true, &(struct text_list){0}, &faults));
	ck_assert(plan_make(&core, &priced, 1, &ci, &arena, &plan, &unused));
	ck_assert(is_planned("CH-03"));  /* a gate */
	ck_assert(is_planned("US-03"));  /* judged on CH-03's answer */
	ck_assert(!is_planned("PA-06")); /* required, a question of its own */
	ck_assert(plan_make(&core, &priced, 1, &onboard, &arena, &plan, &unused));
	ck_assert(is_planned("PA-06"));
	suite_done(&core);
}
END_TEST

START_TEST(a_name_that_fits_nothing_is_said_with_the_nearest)
{
	const struct plan_filter profile = {.profile = TEXT("smok")};
	const struct plan_filter id = {.cases = texts("CH-1")};
	const struct plan_filter capability = {.capabilities = texts("chatt")};

	ck_assert(!make(&priced, 1, &profile));
	assert_fault_says(&fault, "did you mean smoke?");
	ck_assert(!make(&priced, 1, &id));
	assert_fault_says(&fault, "\"CH-1\" (did you mean CH-01?)");
	ck_assert_int_eq(fault.kind, FAULT_USAGE);
	ck_assert(!make(&priced, 1, &capability));
	assert_fault_says(&fault, "did you mean chat?");
	ck_assert(!make(&priced, 0, &(struct plan_filter){0}));
	assert_fault_says(&fault, "no target");
}
END_TEST

START_TEST(what_needs_the_window_is_skipped_where_it_is_not_known)
{
	struct target targets[] = {{&far, &models[1], TEXT_INIT("far/unpriced")}};
	const struct plan_filter one = {.cases = texts("ER-07")};

	ck_assert(make(targets, 1, &one));
	ck_assert_uint_eq(plan.cell_count, 1);
	ck_assert_uint_eq(plan.probe_count, 0);
	ck_assert_uint_eq(plan.cells[0].probe, PLAN_NO_PROBE);
	ck_assert_uint_ne(text_find(plan.cells[0].skip, TEXT("context"), 0), TEXT_NOT_FOUND);
}
END_TEST

static const struct plan_cell *cell_of(const char *id)
{
	for (size_t i = 0; i < plan.cell_count; i++)
		if (text_is(plan.cells[i].eval_case->id, id))
			return &plan.cells[i];
	ck_abort_msg("there is no cell of %s", id);
	return NULL;
}

static const char bill_suite[] = "capability: usage\n"
				 "cases:\n"
				 "  - id: US-11\n"
				 "    title: bill\n"
				 "    class: deterministic\n"
				 "    severity: required\n"
				 "    needs: [price]\n"
				 "    request: {messages: [{role: user, content: x}]}\n"
				 "    expect: {usage: {cost_within: 1}}\n"
				 "    reference: {content: x}\n";

START_TEST(a_bill_is_judged_where_a_price_is_known_and_counts_against_nobody_who_tells_none)
{
	struct provider_model model = models[0];
	struct target target = {&far, &model, TEXT_INIT("far/m")};
	const struct plan_filter all = {.profile = TEXT("onboard")};

	suite_done(&suite);
	load(bill_suite);
	model.price.known = false;
	ck_assert(make(&target, 1, &all));
	assert_text(cell_of("US-11")->skip, "what far/m costs is not known: set its `price`");
	model.price.known = true;
	ck_assert(make(&target, 1, &all));
	ck_assert_ptr_null(cell_of("US-11")->skip.data);
	ck_assert(plan_is_optional(cell_of("US-11")->eval_case, &model));
}
END_TEST

static const char window_suite[] = "capability: long\n"
				   "cases:\n"
				   "  - id: LC-02\n"
				   "    title: long\n"
				   "    class: deterministic\n"
				   "    severity: required\n"
				   "    min_context: 8192\n"
				   "    request: {messages: [{role: user, content: "
				   "\"{{window:50}} x {{window:45}}\"}], max_tokens: 1}\n"
				   "    expect: {status: 200}\n"
				   "    reference: {content: x}\n";

START_TEST(a_window_that_is_too_small_is_named_and_one_that_is_filled_is_paid_for)
{
	struct provider_model model = models[0];
	struct target target = {&far, &model, TEXT_INIT("far/m")};
	const struct plan_filter all = {.profile = TEXT("onboard")};

	suite_done(&suite);
	load(window_suite);
	model.context = 8191;
	ck_assert(make(&target, 1, &all));
	assert_text(cell_of("LC-02")->skip,
	            "the context window of far/m is 8191 tokens, and this asks for 8192");
	model.context = -1;
	ck_assert(make(&target, 1, &all));
	ck_assert_uint_ne(text_find(cell_of("LC-02")->skip, TEXT("not known"), 0), TEXT_NOT_FOUND);
	model.context = 100000;
	ck_assert(make(&target, 1, &all));
	ck_assert_ptr_null(cell_of("LC-02")->skip.data);
	/* 1 pico-USD a token; 95000 tokens are asked for, and more than the window nobody reads. */
	ck_assert_int_ge(plan.probes[0].bound_pico_usd, 95000);
	ck_assert_int_le(plan.probes[0].bound_pico_usd, 250000);
	/* Filled up to its cap, and beyond that skipped: no fault of ours when it is asked. */
	model.context = 1500000;
	ck_assert(make(&target, 1, &all));
	ck_assert_ptr_null(cell_of("LC-02")->skip.data);
	model.context = 1500001;
	ck_assert(make(&target, 1, &all));
	assert_text(
	    cell_of("LC-02")->skip,
	    "the context window of far/m is 1500001 tokens, and this fills 1500000 at most");
}
END_TEST

static bool carries_nothing(const struct provider *provider UNUSED,
                            const struct chat_request *request UNUSED, struct arena *in UNUSED,
                            struct wire_request *out UNUSED, struct fault *why)
{
	return fault_set(why, FAULT_INPUT, "n has no counterpart");
}

START_TEST(what_a_model_is_not_for_is_skipped_where_its_endpoints_are_said)
{
	const struct plan_filter all = {.profile = TEXT("onboard")};
	struct provider_model model = models[0];
	struct target target = {&far, &model, TEXT_INIT("far/m")};

	suite_done(&suite);
	load(beyond_suite);
	model.endpoints = 1u << ENDPOINT_EMBEDDINGS | 1u << ENDPOINT_COMPLETIONS;
	ck_assert(make(&target, 1, &all));
	ck_assert_ptr_null(cell_of("EM-01")->skip.data);
	assert_text(cell_of("CH-01")->skip,
	            "far/m is for completions, embeddings: its `endpoints` say so");
	ck_assert_ptr_null(cell_of("MO-01")->skip.data); /* the provider's, not the model's */
	ck_assert_uint_eq(plan.probe_count, 2);
	model.endpoints = 1u << ENDPOINT_CHAT;
	ck_assert(make(&target, 1, &all));
	assert_text(cell_of("EM-01")->skip, "far/m is for chat: its `endpoints` say so");
	ck_assert_ptr_null(cell_of("CH-01")->skip.data);
}
END_TEST

START_TEST(a_picture_is_bounded_like_a_long_text)
{
	struct provider_model model = models[0];
	struct target target = {&far, &model, TEXT_INIT("far/m")};

	suite_done(&suite);
	load(beyond_suite);
	model.context = 100000;
	/* 1 pico-USD a token: two thousand of them for the image alone. */
	int64_t seen = plan_step_bound(&target, suite_find(&suite, TEXT("VI-01")), 0, NULL);
	int64_t plain = plan_step_bound(&target, suite_find(&suite, TEXT("CH-01")), 0, NULL);
	ck_assert_int_gt(seen, 2000);
	ck_assert_int_gt(2000, plain - 2 * model.max_output);
}
END_TEST

START_TEST(what_a_chat_model_need_not_have_is_optional_until_it_is_claimed)
{
	const struct plan_filter all = {.profile = TEXT("onboard")};
	struct text vision = TEXT("vision");
	struct provider_model model = models[0];

	suite_done(&suite);
	load(beyond_suite);
	ck_assert(make(&priced, 1, &all));
	const struct eval_case *chat = cell_of("CH-01")->eval_case;
	const struct eval_case *embed = cell_of("EM-01")->eval_case;
	const struct eval_case *image = cell_of("VI-01")->eval_case;
	ck_assert(!plan_is_optional(chat, NULL) && !plan_is_optional(chat, &model));
	ck_assert(plan_is_optional(embed, NULL) && plan_is_optional(embed, &model));
	ck_assert(plan_is_optional(image, NULL) && plan_is_optional(image, &model));
	model.endpoints = 1u << ENDPOINT_EMBEDDINGS;
	ck_assert(!plan_is_optional(embed, &model) && plan_is_optional(image, &model));
	model.features = (struct text_list){&vision, 1};
	ck_assert(!plan_is_optional(image, &model));
}
END_TEST

START_TEST(what_the_dialect_can_not_carry_is_skipped_with_its_words)
{
	const struct dialect narrow = {.name = "narrow", .encode = carries_nothing};
	struct provider provider = {.name = TEXT("far"), .dialect = &narrow};
	struct target targets[] = {{&provider, &models[0], TEXT_INIT("far/priced")}};

	ck_assert(make(targets, 1, &(struct plan_filter){0}));
	assert_text(plan.cells[0].skip, "the dialect narrow can't carry it: n has no counterpart");
}
END_TEST

START_TEST(bounds_hold_prompt_output_and_choices)
{
	const struct plan_filter one = {.cases = texts("PA-10")};
	const struct plan_filter over = {.cases = texts("ER-07")};
	bool assumed = false;

	ck_assert(make(&priced, 1, &one));
	/* n 2 times max_output 500 tokens at 2 USD a million, and the prompt. */
	ck_assert_int_gt(plan.first_round_pico_usd, 1000 * 2);
	ck_assert_int_lt(plan.first_round_pico_usd, 1000 * 2 + 1000);
	/* It may turn out to vary: then a test of its rate decides, which may take so long. */
	ck_assert_int_eq(plan.worst_pico_usd,
	                 verdict_most_trials(&plan.rules, plan.cells[0].eval_case) *
	                     plan.first_round_pico_usd);
	ck_assert_int_gt(plan.worst_pico_usd, VERDICT_MAX_TRIALS * plan.first_round_pico_usd);
	ck_assert(!plan.price_assumed);
	/* An overflowing prompt is billed for the window at most: 1,000 tokens, and one of output.
	 */
	ck_assert(make(&priced, 1, &over));
	ck_assert_int_eq(plan.first_round_pico_usd, 1000 * 1 + 2);
	ck_assert_int_eq(plan_step_bound(&priced, suite_find(&suite, TEXT("ER-07")), 0, &assumed),
	                 1002);
	ck_assert(!assumed);
}
END_TEST

static struct verdict_rules rules_of(const char *options)
{
	struct json *node;

	ck_assert(json_read_text(text_of(options), "options", &arena, &node, &fault));
	return plan_rules_of(node);
}

START_TEST(a_profile_names_the_rules_and_a_recorded_run_keeps_them)
{
	static const struct {
		const char *profile;
		enum verdict_test test;
	} known[] = {{"smoke", VERDICT_ONCE}, {"ci", VERDICT_BRIEF}, {"onboard", VERDICT_FULL}};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		const struct plan_filter filter = {
		    .profile = text_of(known[i].profile), .cases = texts("PA-10"), .trials = 7};
		char options[64];
		ck_assert(make(&priced, 1, &filter));
		ck_assert_int_eq(plan.rules.test, known[i].test);
		ck_assert_int_eq(plan.rules.min_trials, 7);
		(void)snprintf(options, sizeof(options), "{\"profile\":\"%s\",\"trials\":7}",
		               known[i].profile);
		ck_assert_int_eq(rules_of(options).test, known[i].test);
		ck_assert_int_eq(rules_of(options).min_trials, 7);
	}
	/* A journal is read from a file: what is not understood there is the default. */
	ck_assert_int_eq(plan_rules_of(NULL).test, VERDICT_BRIEF);
	ck_assert_int_eq(plan_rules_of(NULL).min_trials, 1);
	ck_assert_int_eq(rules_of("{\"profile\":\"onborad\",\"trials\":-3}").test, VERDICT_BRIEF);
	ck_assert_int_eq(rules_of("{\"profile\":[],\"trials\":1e30}").min_trials, 1);
	ck_assert_int_eq(rules_of("[1]").min_trials, 1);
}
END_TEST

START_TEST(an_unknown_price_is_assumed_dear_unless_nobody_bills)
{
	struct target unpriced[] = {{&far, &models[1], TEXT_INIT("far/unpriced")}};
	struct target local[] = {{&near, &models[1], TEXT_INIT("near/unpriced")}};
	const struct plan_filter one = {.cases = texts("PA-10")};

	ck_assert(make(unpriced, 1, &one));
	ck_assert(plan.price_assumed);
	/* Two choices of PLAN_ASSUMED_OUTPUT_TOKENS at 50 USD a million. */
	ck_assert_int_gt(plan.first_round_pico_usd,
	                 2 * PLAN_ASSUMED_OUTPUT_TOKENS * (int64_t)50000000);
	ck_assert(make(local, 1, &one));
	ck_assert(!plan.price_assumed);
	ck_assert_int_eq(plan.first_round_pico_usd, 0);
}
END_TEST

START_TEST(sums_of_money_never_wrap)
{
	ck_assert_int_eq(plan_add_usd(1, 2), 3);
	ck_assert_int_eq(plan_add_usd(INT64_MAX, 1), INT64_MAX);
	ck_assert_int_eq(plan_add_usd(INT64_MAX, INT64_MAX), INT64_MAX);
}
END_TEST

START_TEST(several_targets_are_planned_alike_and_a_repeated_one_once)
{
	struct target targets[] = {{&far, &models[0], TEXT_INIT("far/priced")},
	                           {&near, &models[0], TEXT_INIT("near/priced")},
	                           {&far, &models[0], TEXT_INIT("far/priced")}};

	ck_assert(make(targets, 3, &(struct plan_filter){.profile = TEXT("onboard")}));
	ck_assert_uint_eq(plan.cell_count, 12);
	ck_assert_uint_eq(plan.probe_count, 8);
	ck_assert_ptr_eq(plan.probes[0].target, &targets[0]);
	ck_assert_ptr_eq(plan.probes[4].target, &targets[1]);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, one_response_serves_every_case_that_asks_the_same);
	tcase_add_test(cases, what_matters_is_asked_first);
	tcase_add_test(cases, a_like_case_alone_still_asks_its_owners_question);
	tcase_add_test(cases, profiles_choose_and_names_override_them);
	tcase_add_test(cases, of_the_core_suite_ci_takes_gates_and_what_costs_no_question);
	tcase_add_test(cases, a_name_that_fits_nothing_is_said_with_the_nearest);
	tcase_add_test(cases,
	               a_window_that_is_too_small_is_named_and_one_that_is_filled_is_paid_for);
	tcase_add_test(cases, what_needs_the_window_is_skipped_where_it_is_not_known);
	tcase_add_test(cases, what_a_model_is_not_for_is_skipped_where_its_endpoints_are_said);
	tcase_add_test(cases, a_picture_is_bounded_like_a_long_text);
	tcase_add_test(
	    cases,
	    a_bill_is_judged_where_a_price_is_known_and_counts_against_nobody_who_tells_none);
	tcase_add_test(cases, what_a_chat_model_need_not_have_is_optional_until_it_is_claimed);
	tcase_add_test(cases, what_the_dialect_can_not_carry_is_skipped_with_its_words);
	tcase_add_test(cases, bounds_hold_prompt_output_and_choices);
	tcase_add_test(cases, a_profile_names_the_rules_and_a_recorded_run_keeps_them);
	tcase_add_test(cases, an_unknown_price_is_assumed_dear_unless_nobody_bills);
	tcase_add_test(cases, sums_of_money_never_wrap);
	tcase_add_test(cases, several_targets_are_planned_alike_and_a_repeated_one_once);
}

int main(void)
{
	return unit_main("plan", add);
}
