/*
 * Counts what live traffic says of each cell, in memory that is bounded by targets and checks, and
 * finds the moment at which it says more than the cell's verdict allows.
 *
 * The test is Page's cumulative sum (E. S. Page, Biometrika 41, 1954): each occasion adds the
 * logarithm of how much likelier it is at the bad rate than at the good one, the sum never falls
 * below 0, and it alarms at LIVE_ALARM. Unlike a test of fixed length it may run for years and
 * still sees a change at once. A target at exactly the good rate is falsely alarmed about less than
 * once in e^13 = 442,000 occasions on average (G. Lorden, Ann. Math. Stat. 42, 1971); one that is
 * better than that, practically never.
 *
 *   stochastic            good .95,   bad .70   8 violations in a row, or 40 occasions at .70
 *   stochastic, critical  good .98,   bad .80   6 in a row
 *   deterministic         good .9999, bad .99   3 within 80 occasions, 4 within 500
 *
 * The rates of stochastic cells are those by which the suite's own sequential test accepts them.
 * Of a stochastic cell the same request counts once, however often it is sent again.
 */
#ifndef PROVISO_PROXY_LIVE_TABLE_H
#define PROVISO_PROXY_LIVE_TABLE_H

#include "harness/run/route/evidence.h"
#include "proxy/live/live_judge.h"

#define LIVE_ALARM 13.0

/* What the test of a cell adds for each occasion. */
struct live_test {
	double kept, broken;
};
MUST_CHECK struct live_test live_test_of(enum case_class class_, bool critical);

/* A cell that passes, as one check of live traffic speaks of it. */
struct live_post {
	size_t check;
	const struct matrix_cell *cell;
	const struct voice *voice;
	struct live_test test;
	bool once; /* the same request counts once */
};

struct live_posts {
	struct live_post *items;
	size_t count;
};

/* All posts of a target: cells that pass, are not in quarantine, and vouch for something. Arena. */
void live_posts_build(const struct evidence *evidence, const struct suite *suite,
                      const struct matrix *matrix, struct text target, struct arena *arena,
                      struct live_posts *out);

struct live_table; /* shared by all threads; outlives reloads */
struct live_target;

MUST_CHECK struct live_table *live_table_new(void);
void live_table_free(struct live_table *table);
/* Of that target; made where it is new. Never freed before the table. */
MUST_CHECK struct live_target *live_target_of(struct live_table *table, struct text target);

/* A cell of which live traffic says more than its verdict allows. */
struct live_alarm {
	const struct live_post *post;
	int64_t occasions, violations;
};

/* What is known of a reply. */
struct live_seen {
	const struct live_findings *findings;
	const struct shape *shape;
	const struct feature_set *features; /* evidence_features, and what we asked for beside it */
	struct text request; /* its bytes, to know it again; read on violations only */
};

/*
 * Counts for every post that speaks for the shape. Alarms: of each cell once, until it was asked
 * again or the alarm is taken back. Returns how many; `out` has room for LIVE_CHECKS *
 * CASE_VARIANTS.
 */
MUST_CHECK size_t live_note(struct live_table *table, struct live_target *target,
                            const struct live_posts *posts, const struct live_seen *seen,
                            struct live_alarm *out);
/* Of that cell an alarm could not be acted upon: the next violation raises it again. */
void live_rearm(struct live_target *target, const struct live_post *post);

/* For /metrics: by the case that names the check; only those with an occasion. */
void live_each(struct live_table *table,
               void (*fn)(void *context, struct text case_id, unsigned long long occasions,
                          unsigned long long violations),
               void *context);

#endif
