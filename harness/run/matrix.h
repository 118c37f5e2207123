/*
 * The matrix: one cell for each target, case and variant, rebuilt from journals,
 * never patched by hand; and its file, sorted, one cell a line, so that a diff
 * in git reads well.
 */
#ifndef PROVISO_RUN_MATRIX_H
#define PROVISO_RUN_MATRIX_H

#include "harness/run/journal.h"
#include "harness/run/verdict.h"

struct suite;

enum {
	MATRIX_MAX_BYTES = 256 << 20,
};

struct matrix_cell {
	struct text target, provider, model, dialect;
	struct text case_id, capability;
	enum case_variant variant;
	enum case_class class_;
	enum case_severity severity;
	struct text_list vouches;
	enum verdict verdict;
	struct tally tally;
	double rate, rate_low, rate_high; /* NaN where nothing was judged */
	struct text run_id, suite_hash, case_hash;
	int64_t tested_wall_ms;
	struct text evidence; /* the record of the trial that decided */
	struct text reported_model, first_error, fates;
	int64_t prompt_tokens, cached_tokens, completion_tokens,
	    reasoning_tokens; /* sums; -1 unknown */
	struct text usage_source, cost_source, price_version;
	int64_t cost_pico_usd; /* of this case's own requests, retries included; -1 unknown */
	int64_t ttft_p50_us, ttft_p90_us, latency_p50_us, latency_p90_us; /* -1 unknown */
	double tokens_per_second;                                         /* NaN unknown */
	int64_t retries;
	bool asked_now; /* in the run at hand; not stored */
};

struct matrix {
	struct text suite_hash;
	int64_t suite_cases;
	struct text_list runs;     /* ids, oldest first */
	struct matrix_cell *cells; /* sorted by target, case, variant */
	size_t count;
};

/* What a cell takes from plan and suite beside the attempts. */
struct plan;
/* Cells of this run from its attempts; those of the plan without any are skipped or error with
 * their reason. */
MUST_CHECK bool matrix_build(const struct plan *plan, const struct suite *suite,
                             const struct journal_head *head,
                             const struct journal_attempt *attempts, size_t count,
                             struct arena *arena, struct matrix *out, struct fault *fault);
/*
 * `fresh` over `old`: cells not asked keep their old verdict and date; a fresh
 * error or skipped cell does not replace an old verdict.
 */
void matrix_merge(const struct matrix *old, const struct matrix *fresh, struct arena *arena,
                  struct matrix *out);

MUST_CHECK bool matrix_read(const char *path, struct arena *arena, struct matrix *out,
                            struct fault *fault);
MUST_CHECK bool matrix_write(const struct matrix *matrix, const char *path, struct fault *fault);
void matrix_write_json(const struct matrix *matrix, struct text_buf *out);

MUST_CHECK const struct matrix_cell *matrix_find(const struct matrix *matrix, struct text target,
                                                 struct text case_id, enum case_variant variant);

/* A capability is as good as its worst gate case (required ones where it has no gate case). */
struct matrix_summary {
	struct text target, capability;
	enum verdict verdict;
	size_t passed, total;
	const struct matrix_cell *worst; /* NULL: all pass */
};
/* By target, then capability in suite order of appearance. Arena. */
MUST_CHECK struct matrix_summary *matrix_summarise(const struct matrix *matrix, struct arena *arena,
                                                   size_t *count);

/* How `check` ends: the exit code of the contract for the cells that were asked. */
MUST_CHECK int matrix_exit_code(const struct matrix *matrix);

#endif
