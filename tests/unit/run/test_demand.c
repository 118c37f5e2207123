/* What a request may demand of the evidence beyond the config: enforced, strict, young. */
#include "harness/run/route/evidence.h"

#include "tests/unit/run/routing.h"

#define T "lab/qwen"

static struct routing rig;
static struct config_policy policy;
static struct config_waiver waiver;
static struct provider_model model;
static struct provider provider;
static struct target target;
static struct evidence_finding finding;

static const struct evidence_demand nothing = {0}, enforced = {.enforced = true},
				    strict = {.strict = true};

static void set_up(void)
{
	routing_init(&rig);
	policy = (struct config_policy){.max_age_ms = 14 * ROUTING_DAY_MS};
	model = (struct provider_model){.name = TEXT("qwen"), .context = -1, .max_output = -1};
	provider = (struct provider){.name = TEXT("lab"), .models = &model, .model_count = 1};
	target = (struct target){&provider, &model, TEXT(T)};
	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	routing_cell(&rig, T, "CH-01", VERDICT_PASS);
}

static void tear_down(void)
{
	arena_done(&rig.arena);
}

static const struct evidence *build(void)
{
	struct evidence_sources sources = {&rig.suite, &rig.matrix, &policy, &target, 1};

	matrix_sort(&rig.matrix);
	return evidence_build(&sources, &rig.arena);
}

/* Both answers; they must be one. */
static bool allows(const char *names, struct evidence_demand demand)
{
	const struct evidence *evidence = build();
	struct shape shape = routing_shape(&rig, names);
	const struct evidence_question question = {
	    .shape = &shape, .demand = demand, .now_wall_ms = ROUTING_NOW_MS};
	bool allowed = evidence_allows(evidence, 0, &question);

	memset(&finding, 0xa5, sizeof(finding));
	evidence_judge(evidence, 0, &question, &finding);
	ck_assert_msg(allowed == finding.eligible, "evidence_allows says %d, evidence_judge %d",
	              allowed, finding.eligible);
	return allowed;
}

/* Nothing but a pass proves a required case; nothing is wanted of an advisory one. */
START_TEST(a_strict_demand_wants_required_cases_proven_like_gates)
{
	enum verdict verdict = (enum verdict)_i;
	bool bad =
	    verdict == VERDICT_FAIL || verdict == VERDICT_UNSUPPORTED || verdict == VERDICT_IGNORED;

	routing_case(&rig, "PA-01", CASE_REQUIRED, "temperature", "sync");
	routing_cell(&rig, T, "PA-01", verdict);
	routing_case(&rig, "PA-02", CASE_ADVISORY, "temperature", "sync");
	ck_assert(allows("chat temperature", nothing) == !bad);
	ck_assert(allows("chat temperature", enforced) == !bad);
	ck_assert(allows("chat temperature", strict) == (verdict == VERDICT_PASS));
	if (verdict != VERDICT_PASS) {
		ck_assert_uint_eq(finding.excluding, 1);
		assert_text(finding.blocks[0].eval_case->id, "PA-01");
	}
	ck_assert_msg(allows("chat", strict), "what the request does not use keeps nobody away");
}
END_TEST

/* A repair that leaves it undecided keeps it from being proven bad, and proves nothing. */
START_TEST(a_strict_demand_wants_a_pass_behind_repairs_too)
{
	struct shape shape = routing_shape(&rig, "chat temperature");
	const struct evidence_question question = {.shape = &shape,
	                                           .repairs = REPAIR_ALL,
	                                           .demand = strict,
	                                           .now_wall_ms = ROUTING_NOW_MS};

	routing_case(&rig, "PA-01", CASE_REQUIRED, "temperature", "sync");
	struct matrix_cell *cell = routing_cell(&rig, T, "PA-01", VERDICT_INCONCLUSIVE);
	cell->repairs = REPAIR_BIT(REPAIR_PA_01);
	cell->repaired_verdict = VERDICT_INCONCLUSIVE;
	ck_assert(!evidence_allows(build(), 0, &question));
	cell->repaired_verdict = VERDICT_PASS;
	ck_assert(evidence_allows(build(), 0, &question));
}
END_TEST

START_TEST(what_is_required_and_was_never_asked_is_not_proven)
{
	routing_case(&rig, "PA-01", CASE_REQUIRED, "temperature", "sync");
	ck_assert(allows("chat temperature", nothing));
	ck_assert(!allows("chat temperature", strict));
	ck_assert_str_eq(finding.blocks[0].verdict, "unproven");
	waiver = (struct config_waiver){
	    .target = TEXT(T), .case_id = TEXT("PA-01"), .until_wall_ms = ROUTING_NOW_MS + 1};
	policy.waivers = (struct setting_list){&waiver, 1};
	ck_assert_msg(allows("chat temperature", strict), "somebody answers for a waiver");
}
END_TEST

START_TEST(a_changed_or_old_required_cell_is_no_proof_either)
{
	routing_case(&rig, "PA-01", CASE_REQUIRED, "temperature", "sync");
	struct matrix_cell *cell = routing_cell(&rig, T, "PA-01", VERDICT_PASS);
	cell->case_hash = TEXT("another");
	ck_assert(allows("chat temperature", nothing));
	ck_assert(!allows("chat temperature", strict));
	for (size_t i = 0; i < rig.matrix.count; i++)
		if (text_is(rig.cells[i].case_id, "PA-01")) {
			rig.cells[i].case_hash = TEXT("hash-PA-01");
			rig.cells[i].tested_wall_ms = ROUTING_NOW_MS - 15 * ROUTING_DAY_MS;
		}
	ck_assert(allows("chat temperature", nothing));
	ck_assert(!allows("chat temperature", strict));
	ck_assert_str_eq(finding.blocks[0].verdict, "stale");
	/* What was bad once and is old is forgotten, but not by whoever wants it proven. */
	for (size_t i = 0; i < rig.matrix.count; i++)
		if (text_is(rig.cells[i].case_id, "PA-01"))
			rig.cells[i].verdict = VERDICT_FAIL;
	ck_assert(allows("chat temperature", nothing));
	ck_assert(!allows("chat temperature", strict));
}
END_TEST

START_TEST(what_the_policy_lets_pass_unproven_a_demand_does_not)
{
	policy.unproven = CONFIG_ALLOW;
	routing_case(&rig, "TC-01", CASE_GATE, "chat tools", "sync");
	ck_assert(allows("chat tools", nothing));
	ck_assert(!allows("chat tools", enforced));
	ck_assert(!allows("chat tools", strict));
	ck_assert(allows("embeddings", nothing));
	ck_assert_msg(!allows("embeddings", enforced), "no gate case speaks for it");
}
END_TEST

/* The cell is a day old. */
START_TEST(verdicts_may_be_wanted_younger_never_older)
{
	struct evidence_demand young = {.max_age_ms = ROUTING_DAY_MS - 1};
	struct evidence_demand day = {.max_age_ms = ROUTING_DAY_MS};
	struct evidence_demand year = {.max_age_ms = 365 * ROUTING_DAY_MS};

	ck_assert(!allows("chat", young));
	ck_assert_str_eq(finding.blocks[0].verdict, "stale");
	ck_assert(allows("chat", day));
	policy.max_age_ms = ROUTING_DAY_MS / 2;
	ck_assert_msg(!allows("chat", year), "the policy's age holds for all");
}
END_TEST

START_TEST(the_proof_of_a_strict_demand_names_required_cells)
{
	routing_case(&rig, "PA-01", CASE_REQUIRED, "temperature", "sync");
	routing_cell(&rig, T, "PA-01", VERDICT_PASS);
	const struct evidence *evidence = build();
	struct shape shape = routing_shape(&rig, "chat temperature");
	struct evidence_question question = {.shape = &shape, .now_wall_ms = ROUTING_NOW_MS};
	struct evidence_proof proof;

	evidence_prove(evidence, 0, &question, &rig.arena, &proof);
	ck_assert_uint_eq(proof.count, 1);
	question.demand = strict;
	evidence_prove(evidence, 0, &question, &rig.arena, &proof);
	ck_assert_uint_eq(proof.count, 2);
	assert_text(proof.cells.items[1], "PA-01");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, a_strict_demand_wants_required_cases_proven_like_gates, 0,
	                    VERDICT_COUNT);
	tcase_add_test(cases, a_strict_demand_wants_a_pass_behind_repairs_too);
	tcase_add_test(cases, what_is_required_and_was_never_asked_is_not_proven);
	tcase_add_test(cases, a_changed_or_old_required_cell_is_no_proof_either);
	tcase_add_test(cases, what_the_policy_lets_pass_unproven_a_demand_does_not);
	tcase_add_test(cases, verdicts_may_be_wanted_younger_never_older);
	tcase_add_test(cases, the_proof_of_a_strict_demand_names_required_cells);
}

int main(void)
{
	return unit_main("demand", add);
}
