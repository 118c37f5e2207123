/*
 * Reports: a matrix in, bytes out. No network, no verdicts made here, the same
 * numbers in every format.
 */
#ifndef PROVISO_REPORTS_REPORT_H
#define PROVISO_REPORTS_REPORT_H

#include "harness/run/matrix/matrix.h"
#include "providers/wire/exchange.h"

enum {
	REPORT_MAX_BYTES = 512 << 20,
	REPORT_SUMMARY_MAX_BYTES = 900000, /* GitHub drops a step summary over 1 MiB whole */
	REPORT_MAX_ANNOTATIONS = 9,        /* GitHub shows ten of a kind and step */
};

struct suite;
struct comparison;
struct provider_set;

/* What a matrix is shown with. A NULL context, and any member that is NULL, shows less. */
struct report_context {
	const char *folder;        /* RUN/evidence: the bytes behind the cells */
	struct text run_id;        /* only cells of this run have their bytes there */
	const struct suite *suite; /* titles of the cases that are still the same */
	/* Of this very matrix with a baseline: what changed, and what gates by it. */
	const struct comparison *comparison;
	/* Of the config: what it claims of its models is set against the cells. */
	const struct provider_set *providers;
	/* Whose keys' variables the curl commands name; NULL: `providers` are. */
	const struct provider_set *keys;
};

/*
 * The contract's columns, one row a cell, sorted as the matrix is; RFC 4180 with
 * text cells defused for spreadsheets; baseline_rate, p_value and change where the context has a
 * comparison. New columns only ever come at the end.
 */
void report_csv(const struct matrix *matrix, const struct report_context *context,
                struct text_buf *out);
/* The matrix as its file has it, and beside its members what was made of it: capabilities, quality,
 * baseline, claims, repairs. */
void report_json(const struct matrix *matrix, const struct report_context *context,
                 struct text_buf *out);
/* What changed, a table of capabilities by target, and a list of what does not pass: for a pull
 * request. */
void report_markdown(const struct matrix *matrix, const struct report_context *context,
                     struct text_buf *out);

struct report_terminal_options {
	bool colour;
	size_t width; /* columns; at least 60 are used */
	size_t worst; /* how many cells that do not pass are listed with their reason; the rest is
	                 counted */
};
/*
 * Capabilities down, targets across (in blocks where the width does not hold
 * them), then what does not pass and why. Meaning is never in colour alone.
 */
void report_terminal(const struct matrix *matrix, const struct report_terminal_options *options,
                     struct text_buf *out);

/*
 * JUnit XML as GitHub, GitLab and Jenkins read it: a suite a target, a test a cell. Against the
 * target: failure; no verdict to be had: error; advisory, skipped, stale, and what the
 * baseline accepts: skipped. So the file is red exactly where the exit code is.
 */
void report_junit(const struct matrix *matrix, const struct report_context *context,
                  struct text_buf *out);
/*
 * Workflow commands for the log of a GitHub job: the worst as annotations, then all
 * that does not pass in a folded group. With a comparison the regressions are the errors, and
 * weaker signs are notices. No byte of a model comes to stand where the runner reads a command.
 * Nothing where all passes and nothing changed.
 */
void report_github(const struct matrix *matrix, const struct report_context *context,
                   struct text_buf *out);
/*
 * GitLab's code quality JSON: each cell that does not pass as a finding at proviso.yaml, or where
 * a case of the user's own stands; critical
 * or major where it fails the job, minor without a verdict, else info. Fingerprints stay the same
 * from run to run.
 */
void report_codequality(const struct matrix *matrix, const struct report_context *context,
                        struct text_buf *out);
/*
 * Text from outside for a log or a terminal: visible, and nothing that the runner of a CI job
 * takes for a command, even where it is the first on its line.
 */
void report_add_log_text(struct text_buf *out, struct text text);
/* One workflow command: "::error title=...::message", both texts from outside made safe. */
void report_add_annotation(struct text_buf *out, const char *kind, struct text title,
                           struct text message);
/* The Markdown report, cut at a line's end to what a step summary may hold. */
void report_github_summary(const struct matrix *matrix, const struct report_context *context,
                           struct text_buf *out);

/*
 * One HTML file: no network, no script, every verdict in words. The matrix, what does not pass
 * first, each cell with its figures, and the bytes behind it with the curl command that asks
 * again, as far as the context has them. What can't be read is said in its place.
 */
void report_html(const struct matrix *matrix, const struct report_context *context,
                 struct text_buf *out);

/*
 * The shell command that sends this request again, with the key in the header and from the variable
 * that the config names for the cell's provider; PROVIDER_API_KEY where it names none or
 * `providers`, which may be NULL, does not hold it. Every byte of it is printable: what is not
 * comes through printf. A body over `body_max_bytes` is named, not shown.
 */
void report_curl(const struct exchange *exchange, const struct matrix_cell *cell,
                 const struct provider_set *providers, size_t body_max_bytes, struct text_buf *out);

/* Pointers to all cells, the worst first: graver severity, then worse verdict, then the matrix's
 * order; what passes comes last. Arena. */
MUST_CHECK const struct matrix_cell **report_worst_first(const struct matrix *matrix,
                                                         struct arena *arena);
/* Less is worse. */
MUST_CHECK int report_cell_rank(const struct matrix_cell *cell);
/* "TC-10" or "TC-10~stream"; arena. */
MUST_CHECK struct text report_cell_label(const struct matrix_cell *cell, struct arena *arena);
/*
 * What a cell does to a CI job, the same in JUnit, annotations and code quality: advisory cells,
 * skipped and stale ones do nothing. With a comparison in the context (which may be NULL) a cell
 * that the baseline knows counts by its change, as it does for the exit code.
 */
enum report_effect { REPORT_PASSES, REPORT_FAILS, REPORT_NO_VERDICT, REPORT_NO_MATTER };
MUST_CHECK enum report_effect report_cell_effect(const struct matrix_cell *cell,
                                                 const struct report_context *context);
/* What became of the cell since the baseline; NULL without one. */
MUST_CHECK const struct cell_change *report_cell_change(const struct matrix_cell *cell,
                                                        const struct report_context *context);

/*
 * Where a case of the user's own stands, for readers of CI reports that lead there: file as it was
 * given to Proviso, line from 1. False for a core case (it is in no repository but ours), one that
 * has changed since, or without a suite in the context.
 */
MUST_CHECK bool report_cell_place(const struct matrix_cell *cell,
                                  const struct report_context *context, struct text *file,
                                  unsigned *line);

/* "gate", "required", "advisory"; "optional" where it only says that something need not be there.
 */
const char *report_severity_word(const struct matrix_cell *cell);

/*
 * What stands beside a verdict: "2 of 3 ok (21 to 94 %), pass^3 0 %": the trials, Wilson's 95 %
 * interval of the rate, and pass^3 (matrix.h) where it is known and the trials differ. Lives as
 * long as `arena`.
 */
MUST_CHECK struct text report_rate_words(const struct matrix_cell *cell, struct arena *arena);
/* "PASS", "FAIL" ...: one word a verdict, the same everywhere. */
const char *report_verdict_word(enum verdict verdict);
/* The same of a capability; SCORED where it is tasks, of which the section on quality tells. */
const char *report_summary_word(const struct matrix_summary *summary);
/* Whether a cell that does not pass counts against the target: matrix_cell_counts. */
MUST_CHECK bool report_cell_matters(const struct matrix_cell *cell);

#endif
