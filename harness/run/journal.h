/*
 * The journal of a run: append-only, one line of JSON an attempt, written before
 * the attempt is counted. It survives kill -9; a line cut by a crash is dropped
 * when the run is resumed.
 *
 * The first line says what the run is ({"proviso":1,"run":...,"suite":...,"seed":...}); all others
 * are attempts.
 */
#ifndef PROVISO_RUN_JOURNAL_H
#define PROVISO_RUN_JOURNAL_H

#include "harness/base/file.h"
#include "harness/run/verdict.h"

struct journal_head {
	struct text run_id, suite_hash, seed, version;
	int64_t started_wall_ms;
	const struct json *options; /* how the run was asked for; for --resume */
};

/*
 * One attempt, told once for each case that it serves. `owner` is true on the line
 * of the case that asked: tokens and cost count there, so that the lines of a run add up.
 */
struct journal_attempt {
	struct text target, case_id, variant, case_hash;
	int64_t trial, step, attempt; /* trial and attempt from 1, step from 0 */
	enum outcome outcome;
	bool ends_trial; /* the outcome is that of the trial */
	bool owner;
	struct text detail, fates, evidence, reported_model, end; /* data NULL: none */
	int64_t at_wall_ms;
	int64_t status;
	int64_t prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens; /* -1: unknown */
	struct text usage_source, cost_source, price_version;
	int64_t cost_pico_usd;
	int64_t ttft_us, latency_us; /* -1: unknown */
};

struct journal {
	struct file_log log;
	struct text_buf pending;
};

/* A new journal: the file must not exist yet. */
MUST_CHECK bool journal_create(struct journal *journal, const char *path,
                               const struct journal_head *head, struct fault *fault);
/* An existing one, to go on: reads all lines (arena) and cuts off a half-written last one. */
MUST_CHECK bool journal_resume(struct journal *journal, const char *path, struct arena *arena,
                               struct journal_head *head, struct journal_attempt **attempts,
                               size_t *count, struct fault *fault);
/* Reads without touching the file (replay, reports). */
MUST_CHECK bool journal_read(const char *path, struct arena *arena, struct journal_head *head,
                             struct journal_attempt **attempts, size_t *count, struct fault *fault);
/* Buffers a line. */
void journal_add(struct journal *journal, const struct journal_attempt *attempt);
/* Writes and fdatasyncs what was added; afterwards it counts. */
MUST_CHECK bool journal_flush(struct journal *journal, struct fault *fault);
void journal_close(struct journal *journal);

#endif
