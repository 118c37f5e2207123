/*
 * The matrix: one cell for each target, case and variant, rebuilt from journals,
 * never patched by hand; and its file, sorted, one cell a line, so that a diff
 * in git reads well.
 */
#ifndef PROVISO_RUN_MATRIX_H
#define PROVISO_RUN_MATRIX_H

#include "harness/run/matrix/availability.h"
#include "harness/run/runner/journal.h"
#include "harness/run/verdict.h"

struct suite;
struct live_cell;

enum {
	MATRIX_MAX_BYTES = 256 << 20,
	MATRIX_MAX_SAMPLES = 1000, /* of latency, kept for a cell; beyond, a fair sample of all */
	MATRIX_PASS_HAT = 3,       /* the k of pass^k: what a user of three tries meets */
};

/* What a judge model thinks of a cell's answers (opinion.h). It stands beside, and decides nothing.
 */
struct matrix_judged {
	struct text by;        /* the judge, a target; data NULL: nobody was asked */
	int64_t answers;       /* that it gave a score */
	double score;          /* their mean, 0 to 1, in whole millionths */
	int64_t cost_pico_usd; /* of asking it, which is not the cell's own cost; -1: unknown */
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
	enum case_kind kind;              /* of a task of the suite quality */
	/*
	 * Of such a task, the mean score of what was judged: that of its graders, without any 1 for
	 * ok; 0 for what is neither ok nor a miss. In whole millionths; NaN: no task, or not
	 * judged.
	 */
	double quality;
	struct text run_id, suite_hash, case_hash;
	int64_t tested_wall_ms;
	struct text evidence; /* the record of the trial that decided */
	struct text reported_model, first_error, fates;
	/* Whom an aggregator had serve it, all of them, "A, B": the cell speaks for these alone. */
	struct text served_by; /* data NULL: nobody but the provider itself */
	/* Sums over this case's own requests; -1 unknown, 0 where another case asked for it. */
	int64_t prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens;
	struct text usage_source, cost_source, price_version;
	int64_t cost_pico_usd; /* of this case's own requests, retries included; -1 unknown */
	/* Some requests' cost was reported and computed: both sums, of these. */
	bool compared;
	int64_t told_pico_usd, computed_pico_usd;
	int64_t ttft_p50_us, ttft_p90_us, latency_p50_us, latency_p90_us; /* -1 unknown */
	double tokens_per_second; /* completion tokens over the whole latency; NaN unknown */
	int64_t retries;
	/*
	 * About an endpoint beyond chat, or about images, which the target was not said to offer:
	 * that it does not is a fact, and no fault.
	 */
	bool optional;
	struct matrix_judged judged;
	/*
	 * The same trials behind the repairs that had something to mend (repair.h); 0: there was
	 * nothing, and the other two say nothing.
	 */
	repair_bits repairs;
	enum verdict repaired_verdict;
	struct tally repaired;
	bool asked_now; /* planned in the run at hand; not stored */
	/* What was seen of it since keeps it in quarantine; set by live_apply, not stored. */
	const struct live_cell *quarantine;
};

/*
 * pass^3: how likely three trials in a row are all ok, by what was judged (stats_pass_power). NaN
 * where fewer were judged.
 */
MUST_CHECK double matrix_pass_hat(const struct matrix_cell *cell);

struct matrix {
	struct text suite_hash;
	int64_t suite_cases;
	struct text_list runs;     /* ids, oldest first */
	struct matrix_cell *cells; /* sorted by target, case, variant */
	size_t count;
	struct availability *availability; /* sorted by target; of the last run that asked it */
	size_t availability_count;
	char file_hash[13]; /* of one that was read: SHA-256 over the file; else empty */
};

/*
 * Builds a matrix from attempts, one at a time, in memory that grows with the cells and not with
 * the attempts: a run of 100,000 requests costs what one of 1,000 does.
 *
 * What a cell takes beside the attempts comes from the suite, and from the plan where there is
 * one: its cells without an attempt are skipped (with their reason). Without a plan (replay) the
 * cells are those of the attempts. Attempts of cases that the suite does not have, or not with
 * that hash, are left out: another question was asked. Suite and plan must outlive the builder.
 */
struct plan;
struct matrix_builder;
MUST_CHECK struct matrix_builder *matrix_builder_new(const struct suite *suite,
                                                     const struct plan *plan);
/* Takes the head and all attempts of a journal_scan or run_replay. */
MUST_CHECK struct journal_visitor matrix_builder_visitor(struct matrix_builder *builder);
void matrix_builder_head(struct matrix_builder *builder, const struct journal_head *head);
void matrix_builder_add(struct matrix_builder *builder, const struct journal_attempt *attempt);
/* The matrix so far; all of it in the arena. The builder may go on. */
void matrix_builder_finish(const struct matrix_builder *builder, struct arena *arena,
                           struct matrix *out);
void matrix_builder_free(struct matrix_builder *builder);

/* The whole way from the journal of a run; plan may be NULL. */
MUST_CHECK bool matrix_build(const char *journal_path, const struct suite *suite,
                             const struct plan *plan, struct arena *arena, struct matrix *out,
                             struct fault *fault);
/*
 * `fresh` over `old`: cells not asked keep their old verdict and date; a fresh
 * error or skipped cell does not replace an old verdict. What a case of an id like CO-05.record
 * told first stays, while it asks the same. The availability of a target is that of
 * the run that asked it last. Views into both live on.
 */
void matrix_merge(const struct matrix *old, const struct matrix *fresh, struct arena *arena,
                  struct matrix *out);

MUST_CHECK bool matrix_read(const char *path, struct arena *arena, struct matrix *out,
                            struct fault *fault);
MUST_CHECK bool matrix_write(const struct matrix *matrix, const char *path, struct fault *fault);
void matrix_write_json(const struct matrix *matrix, struct text_buf *out);

/* By target, case and variant, bytewise: the order that all others rely on. */
void matrix_sort(struct matrix *matrix);
/* By target. */
void matrix_sort_availability(struct matrix *matrix);
MUST_CHECK const struct matrix_cell *matrix_find(const struct matrix *matrix, struct text target,
                                                 struct text case_id, enum case_variant variant);

/* A capability is as good as its worst gate case (required ones where it has no gate case). */
struct matrix_summary {
	struct text target;
	struct text capability; /* "reasoning (tasks)" where other cases' capability has the name */
	enum verdict verdict;
	size_t passed, total;
	bool scored; /* all of it tasks, which rank and prove nothing: no verdict is shown of it */
	const struct matrix_cell *worst; /* NULL: all pass */
};
/* By target, then capability in the order of their first case; tasks by themselves. Arena. */
MUST_CHECK struct matrix_summary *matrix_summarise(const struct matrix *matrix, struct arena *arena,
                                                   size_t *count);

/* Whether the cell is one of those summed up. */
MUST_CHECK bool matrix_summary_has(const struct matrix_summary *summary,
                                   const struct matrix_cell *cell);

/*
 * Whether a cell that does not pass counts against the target: a gate or required one, unless
 * all it says is that something optional is not offered.
 */
MUST_CHECK bool matrix_cell_counts(const struct matrix_cell *cell);

/* An error, a skip or a verdict too old is no evidence of anything. */
MUST_CHECK bool matrix_cell_has_evidence(const struct matrix_cell *cell);

/*
 * How `check` ends: the exit code of the contract for the cells that were asked. Of the fresh
 * matrix: in a merged one an old verdict may stand where asking failed.
 */
MUST_CHECK int matrix_exit_code(const struct matrix *fresh);

#endif
