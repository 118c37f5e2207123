/* Attempts of two cases, and the matrix that is made of them. */
#ifndef PROVISO_TESTS_UNIT_RUN_MATRIX_RIG_H
#define PROVISO_TESTS_UNIT_RUN_MATRIX_RIG_H

#include "cases/suite.h"
#include "harness/run/matrix/matrix.h"
#include "harness/run/runner/plan.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <unistd.h>

static struct arena arena;
static struct matrix_builder *builder;

static struct text vouches[] = {TEXT_INIT("chat"), TEXT_INIT("stream")};

static struct eval_case eval_cases[] = {
    {.id = TEXT_INIT("CH-01"),
     .capability = TEXT_INIT("chat"),
     .class_ = CASE_DETERMINISTIC,
     .severity = CASE_GATE,
     .vouches = {vouches, 2},
     .variants = {true, true},
     .probe = 0,
     .hash = "aaaaaaaaaaaa"},
    {.id = TEXT_INIT("CH-02"),
     .capability = TEXT_INIT("chat"),
     .class_ = CASE_STOCHASTIC,
     .severity = CASE_REQUIRED,
     .variants = {true, true},
     .probe = 0,
     .hash = "bbbbbbbbbbbb"},
    {.id = TEXT_INIT("TC-10"),
     .capability = TEXT_INIT("tools"),
     .class_ = CASE_STOCHASTIC,
     .severity = CASE_ADVISORY,
     .variants = {true, false},
     .probe = 2,
     .hash = "cccccccccccc"},
};
static struct suite suite = {.cases = eval_cases, .count = 3, .hash = "0123456789ab"};

/* suite_find reads an index that suite_load makes: these tests bring their own plan instead. */
static struct provider provider = {.name = TEXT_INIT("lab"), .dialect = &dialect_openai};
static struct target target = {.provider = &provider, .name = TEXT_INIT("lab/qwen/3")};
static struct plan_cell planned[] = {
    {&target, &eval_cases[0], CASE_SYNC, 0, {NULL, 0}, {{0}}},
    {&target, &eval_cases[0], CASE_STREAM, 1, {NULL, 0}, {{0}}},
    {&target, &eval_cases[1], CASE_SYNC, 0, {NULL, 0}, {{0}}},
    {&target, &eval_cases[2], CASE_SYNC, PLAN_NO_PROBE, TEXT_INIT("no context is known"), {{0}}},
};
static struct plan plan = {
    .targets = &target, .target_count = 1, .cells = planned, .cell_count = 4};

static inline void set_up(void)
{
	const struct journal_head head = {.run_id = TEXT("20261121T101500Z-ab12cd"),
	                                  .suite_hash = TEXT("0123456789ab"),
	                                  .seed = TEXT("s")};

	builder = matrix_builder_new(&suite, &plan);
	matrix_builder_head(builder, &head);
}

static inline void tear_down(void)
{
	matrix_builder_free(builder);
	arena_done(&arena);
}

static inline struct journal_attempt attempt_of(const char *case_id, enum outcome outcome)
{
	struct journal_attempt attempt = {.target = TEXT("lab/qwen/3"),
	                                  .case_id = text_of(case_id),
	                                  .variant = TEXT("sync"),
	                                  .trial = 1,
	                                  .attempt = 1,
	                                  .outcome = outcome,
	                                  .ends_trial = true,
	                                  .evidence = TEXT("000001:0"),
	                                  .end = TEXT("complete"),
	                                  .at_wall_ms = 1795255200000,
	                                  .status = 200,
	                                  .prompt_tokens = -1,
	                                  .cached_tokens = -1,
	                                  .completion_tokens = -1,
	                                  .reasoning_tokens = -1,
	                                  .cost_pico_usd = -1,
	                                  .ttft_us = -1,
	                                  .latency_us = -1,
	                                  .score_ppm = -1};

	for (size_t i = 0; i < suite.count; i++)
		if (text_is(suite.cases[i].id, case_id))
			attempt.case_hash = text_of(suite.cases[i].hash);
	return attempt;
}

static inline void feed(const char *case_id, enum outcome outcome, const char *detail)
{
	struct journal_attempt attempt = attempt_of(case_id, outcome);

	attempt.detail = text_of(detail);
	matrix_builder_add(builder, &attempt);
}

static inline struct matrix finish(void)
{
	struct matrix matrix;

	matrix_builder_finish(builder, &arena, &matrix);
	return matrix;
}

static inline const struct matrix_cell *cell_of(const struct matrix *matrix, const char *case_id)
{
	const struct matrix_cell *cell =
	    matrix_find(matrix, TEXT("lab/qwen/3"), text_of(case_id), CASE_SYNC);

	ck_assert_ptr_nonnull(cell);
	return cell;
}

#endif
