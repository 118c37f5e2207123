/*
 * What the ledger says was spent: rows as they are, or sums by columns. Sums are exact to the last
 * 10^-12 USD. Reads its own snapshot of the database: a proxy may write meanwhile.
 */
#ifndef PROVISO_PROXY_USAGE_H
#define PROVISO_PROXY_USAGE_H

#include "harness/base/fault.h"
#include "providers/price/money.h"
#include "proxy/ledger/ledger_row.h"

enum {
	USAGE_BY_MAX = 8,
	USAGE_GROUPS_MAX = 1000000, /* more is no report */
};

struct usage_query {
	const char *ledger;                   /* path */
	int64_t since_wall_ms, until_wall_ms; /* [since, until) */
	struct text by[USAGE_BY_MAX];         /* usage_by_name of each */
	size_t by_count;
};

/*
 * The columns that can be grouped by: those of the export that are no sums, `day`, `month` and
 * `hour` (UTC), `provider` and `model` (of the target), and `key` for key_id. The name that the
 * report shows, or NULL.
 */
MUST_CHECK const char *usage_by_name(struct text given);

enum usage_sum {
	USAGE_PROMPT,
	USAGE_CACHED,
	USAGE_CACHE_WRITE,
	USAGE_COMPLETION,
	USAGE_REASONING,
	USAGE_COST,
	USAGE_BASELINE,
};

struct usage_group {
	struct usage_group *next;         /* of those that are still being summed up */
	struct text values[USAGE_BY_MAX]; /* "" where unknown */
	int64_t requests;                 /* first attempts */
	int64_t attempts, ok;
	int64_t
	    unpriced; /* they may have cost something, and nobody knows how much: not in the sum */
	int64_t prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens,
	    reasoning_tokens;
	money cost, baseline;
	int64_t compared; /* attempts whose cost was both reported and computed */
	money difference; /* of those: reported less computed */
	unsigned known;   /* 1 << enum usage_sum, of which some attempt said something */
};

/* What none of a group's attempts says is unknown, and not 0. */
MUST_CHECK bool usage_knows(const struct usage_group *group, enum usage_sum sum);

struct usage_groups {
	struct usage_group *groups; /* sorted by their values, bytewise; arena */
	size_t count;
	struct usage_group total; /* its values are empty */
};

MUST_CHECK bool usage_group(const struct usage_query *query, struct arena *arena,
                            struct usage_groups *out, struct fault *fault);

/* Each row, oldest first; texts are valid during the call. False from `row` ends it (its fault). */
MUST_CHECK bool usage_each(const struct usage_query *query,
                           bool (*row)(void *context, const struct ledger_row *row,
                                       struct fault *fault),
                           void *context, struct fault *fault);

/*
 * The same in no order, and with what a bill needs only: moment, attempt, key, team, workflow,
 * task, target, prompt and completion tokens, cost, its source and its parts. What was sent nowhere
 * is left out.
 */
MUST_CHECK bool usage_each_charge(const struct usage_query *query,
                                  bool (*row)(void *context, const struct ledger_row *row,
                                              struct fault *fault),
                                  void *context, struct fault *fault);

#endif
