/* One target, the cells that speak of it, and who is allowed. */
#ifndef PROVISO_TESTS_UNIT_RUN_EVIDENCE_RIG_H
#define PROVISO_TESTS_UNIT_RUN_EVIDENCE_RIG_H

#include "harness/run/route/evidence.h"
#include "tests/unit/run/routing.h"

#include <stdio.h>

#define T "lab/qwen"

static struct routing rig;
static struct config_policy policy;
static struct provider provider;
static struct provider_model model;
static struct target target;
static const struct evidence *evidence;
static struct evidence_finding finding;
static repair_bits repairs; /* that whoever asks may use */
static int64_t now_ms;

static inline void set_up(void)
{
	routing_init(&rig);
	now_ms = ROUTING_NOW_MS;
	policy = (struct config_policy){.max_age_ms = 14 * ROUTING_DAY_MS};
	model = (struct provider_model){.name = TEXT("qwen"), .context = -1, .max_output = -1};
	provider = (struct provider){.name = TEXT("lab"), .models = &model, .model_count = 1};
	target = (struct target){&provider, &model, TEXT(T)};
}

static inline void tear_down(void)
{
	repairs = 0;
	arena_done(&rig.arena);
}

static inline void build(void)
{
	matrix_sort(&rig.matrix);
	struct evidence_sources sources = {&rig.suite, &rig.matrix, &policy, &target, 1};
	evidence = evidence_build(&sources, &rig.arena);
}

/* Both answers; they must be one. */
static inline bool allows_shape(const struct shape *shape)
{
	const struct evidence_question question = {
	    .shape = shape, .repairs = repairs, .now_wall_ms = now_ms};
	bool allowed = evidence_allows(evidence, 0, &question);

	memset(&finding, 0xa5, sizeof(finding)); /* nothing of it may be taken as it was */
	evidence_judge(evidence, 0, &question, &finding);
	ck_assert_msg(finding.eligible == (finding.excluding == 0), "eligible is not what it says");
	ck_assert_msg(allowed == finding.eligible, "evidence_allows says %d, evidence_judge %d",
	              allowed, finding.eligible);
	return allowed;
}

static inline void prove(const struct shape *shape, struct arena *arena,
                         struct evidence_proof *proof)
{
	const struct evidence_question question = {
	    .shape = shape, .repairs = repairs, .now_wall_ms = now_ms};

	evidence_prove(evidence, 0, &question, arena, proof);
}

static inline bool allows(const char *names)
{
	struct shape shape = routing_shape(&rig, names);

	return allows_shape(&shape);
}

static inline bool builds_and_allows(const char *names)
{
	build();
	return allows(names);
}

static inline void assert_block(size_t at, const char *id, const char *verdict, const char *part)
{
	const struct evidence_block *block = &finding.blocks[at];

	ck_assert_uint_gt(finding.count, at);
	ck_assert_ptr_nonnull(block->eval_case);
	assert_text(block->eval_case->id, id);
	ck_assert_str_eq(block->verdict, verdict);
	ck_assert_msg(strstr(block->reason, part) != NULL, "reason \"%s\"", block->reason);
}

#endif
