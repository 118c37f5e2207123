/* Two matrices and what changed between them. */
#ifndef PROVISO_TESTS_UNIT_RUN_BASELINE_RIG_H
#define PROVISO_TESTS_UNIT_RUN_BASELINE_RIG_H

#include "harness/base/file.h"
#include "harness/run/matrix/baseline.h"
#include "harness/run/stats.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <unistd.h>

enum { CELLS_MAX = 400 };

static struct arena arena;
static struct matrix_cell base_cells[CELLS_MAX], head_cells[CELLS_MAX];
static struct matrix base, head;
static struct comparison comparison;
static struct comparison_options options;
static char folder[] = "/tmp/proviso-baseline-XXXXXX";
static const char *path;

static inline void set_up(void)
{
	base = (struct matrix){.cells = base_cells, .suite_hash = TEXT("0123456789ab")};
	head = (struct matrix){.cells = head_cells, .suite_hash = TEXT("0123456789ab")};
	options = (struct comparison_options){.now_wall_ms = 1000000};
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = file_join(&arena, folder, "baseline.json");
}

static inline void tear_down(void)
{
	(void)unlink(path);
	(void)rmdir(folder);
	arena_done(&arena);
}

static inline struct matrix_cell *add(struct matrix *matrix, const char *id, enum verdict verdict,
                                      int64_t ok, int64_t miss)
{
	struct matrix_cell *cell = &matrix->cells[matrix->count++];
	double judged = (double)(ok + miss);

	ck_assert_uint_le(matrix->count, CELLS_MAX);
	*cell = (struct matrix_cell){
	    .target = TEXT("lab/qwen:7b"),
	    .case_id = text_of(id),
	    .capability = TEXT("tools"),
	    .class_ = CASE_STOCHASTIC,
	    .severity = CASE_GATE,
	    .verdict = verdict,
	    .tally = {.of = {[OUTCOME_OK] = ok, [OUTCOME_MISS] = miss}},
	    .rate = judged > 0 ? (double)ok / judged : (double)NAN,
	    .case_hash = TEXT("aaaaaaaaaaaa"),
	    .run_id = matrix == &base ? TEXT("run-1") : TEXT("run-2"),
	    .tested_wall_ms = matrix == &base ? 1000 : 2000,
	    .asked_now = matrix == &head,
	};
	stats_wilson_interval(ok, ok + miss, &cell->rate_low, &cell->rate_high);
	return cell;
}

#endif
