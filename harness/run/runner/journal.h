/*
 * The journal of a run: append-only, one line of JSON an attempt, written before
 * the attempt is counted. It survives kill -9; a line cut by a crash is dropped
 * when the run is resumed.
 *
 * The first line says what the run is ({"proviso":1,"run":...,"suite":...,"seed":...}); all others
 * are attempts. A cell that could not be asked because its provider's run was stopped has a
 * line too, with outcome `unrun` and attempt 0; it counts nowhere when the run is resumed.
 *
 * A control (see verdict.h) stands on lines of the cells that it is asked for, with a trial number
 * of its own and `control`, the case that was asked. Its outcome is `ok` where the server answered.
 */
#ifndef PROVISO_RUN_JOURNAL_H
#define PROVISO_RUN_JOURNAL_H

#include "harness/base/file.h"
#include "harness/run/verdict.h"
#include "providers/price/price.h"
#include "providers/repair/repair.h"

enum {
	JOURNAL_MAX_LINE_BYTES = 4 << 20, /* the head with its options is the longest by far */
	JOURNAL_MAX_PENDING_BYTES = 64 << 20,
};

/* A target as it was when it was asked: replay needs no config. */
struct journal_target {
	struct text name, dialect;
	int64_t context, max_output; /* tokens; -1: unknown */
	struct text_list aliases;
	int64_t reference_tokens;   /* 0: unknown */
	struct text identity;       /* data NULL: unknown */
	struct text hours;          /* the same */
	const struct price *prices; /* as its config said then; NULL: unknown */
};

struct journal_head {
	struct text run_id, suite_hash, seed, version;
	int64_t started_wall_ms;
	struct journal_target *targets;
	size_t target_count;
	const struct json *options; /* how the run was asked for; for --resume; NULL: none */
};

/*
 * One attempt, told once for each case that it serves. `owner` is true on the line
 * of the case that asked: tokens and cost count there, so that the lines of a run add up.
 */
struct journal_attempt {
	struct text target, case_id, variant, case_hash;
	struct text control; /* the case asked in its stead, as a control; data NULL: none was */
	int64_t trial, step,
	    attempt; /* trial and attempt from 1, step from 0; attempt 0: nothing was sent */
	enum outcome outcome;
	bool ends_trial;   /* the outcome is that of the trial; not so: it is retried, or goes on */
	bool skipped;      /* not asked, because what it rests on has failed: `detail`; attempt 0 */
	bool uncarried;    /* refused, and by nobody but us: the dialect has no place for it */
	bool owner;        /* one line of each attempt; the others hold no tokens and no cost */
	int64_t score_ppm; /* of a graded answer, 0 to 1000000; -1: none */
	struct text detail, fates, evidence, reported_model, served_by, end; /* data NULL: none */
	/*
	 * Names of repairs (repair.h), data NULL: none. `repairs`: had something to mend in the
	 * reply, which then was judged as `repaired`. `mended`: the request was asked in the way of
	 * these, and the line counts for the repaired verdict alone. `mendable`: may help.
	 */
	struct text repairs, mended, mendable;
	enum outcome repaired; /* with `repairs` */
	int64_t at_wall_ms;
	int64_t status;
	int64_t prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens; /* -1: unknown */
	struct text usage_source, cost_source, price_version;
	int64_t cost_pico_usd;
	int64_t computed_cost_pico_usd; /* usage times price beside a reported cost; -1: unknown */
	int64_t ttft_us, latency_us;    /* -1: unknown */
};

struct journal {
	struct file_log log;
	struct text_buf pending;
	struct text_buf sealed; /* what journal_write_sealed writes */
	struct arena scratch;
};

/* Whoever reads a journal: called in the order of the lines, the head first. */
struct journal_visitor {
	/* May be NULL. All that is given lives during the call only. False stops, with a fault. */
	bool (*head)(void *context, const struct journal_head *head, struct fault *fault);
	bool (*attempt)(void *context, const struct journal_attempt *attempt, struct fault *fault);
	void *context;
};

/* A new journal: the file must not exist yet. On a fault nothing is left to be closed. */
MUST_CHECK bool journal_create(struct journal *journal, const char *path,
                               const struct journal_head *head, struct fault *fault);
/* An existing one, to go on: takes its lock, reads all of it and cuts off a half-written last
 * line. The head is arena memory. */
MUST_CHECK bool journal_resume(struct journal *journal, const char *path, struct arena *arena,
                               struct journal_head *head, struct fault *fault);

/*
 * Reads line by line, in memory that does not grow with the journal, and without touching the
 * file. A half-written last line does not count; anything else that is no line of a journal is a
 * fault at its line. `whole_bytes` (may be NULL): where the last whole line ends.
 */
MUST_CHECK bool journal_scan(const char *path, const struct journal_visitor *visitor,
                             int64_t *whole_bytes, struct fault *fault);
/* The head alone; arena memory. */
MUST_CHECK bool journal_read_head(const char *path, struct arena *arena, struct journal_head *head,
                                  struct fault *fault);
/* Copies into the arena what a visitor was lent. */
void journal_copy_head(const struct journal_head *head, struct arena *arena,
                       struct journal_head *out);
void journal_copy_attempt(const struct journal_attempt *attempt, struct arena *arena,
                          struct journal_attempt *out);

/* Counts a line that ends a trial or a control; one that was asked mended is for journal_mend. */
void journal_tally(const struct journal_attempt *line, struct tally *tally);
/*
 * A cell's trials as they are behind the repairs: those asked plainly, each by its repaired
 * outcome where it has one, and those asked mended.
 */
struct mend_tally {
	struct tally plain, mended;
	repair_bits plain_repairs, mended_repairs; /* that had something to mend */
	repair_bits mendable;                      /* that the request may be asked with */
};
/* Counts a line that ends a trial, whichever it is; controls count nowhere here. */
void journal_mend(const struct journal_attempt *line, struct mend_tally *tally);
/* What the repaired verdict rests on; NULL where no repair had anything to mend. */
MUST_CHECK const struct tally *journal_mended(const struct mend_tally *tally, repair_bits *repairs);

/* Buffers a line. */
void journal_add(struct journal *journal, const struct journal_attempt *attempt);
/* Sets apart what was added, once what was set apart before is written. */
void journal_seal(struct journal *journal);
/*
 * Writes and fdatasyncs what is set apart; afterwards it counts. Another thread may do it: here
 * lines are only added meanwhile.
 */
MUST_CHECK bool journal_write_sealed(struct journal *journal, struct fault *fault);
/* Both at once. */
MUST_CHECK bool journal_flush(struct journal *journal, struct fault *fault);
void journal_close(struct journal *journal);

#endif
