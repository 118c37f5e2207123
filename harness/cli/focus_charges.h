/* Attempts as charges: one for each day, account, project, target and unit price. */
#ifndef PROVISO_CLI_FOCUS_CHARGES_H
#define PROVISO_CLI_FOCUS_CHARGES_H

#include "providers/price/price.h"
#include "proxy/ledger/usage.h"

/* A cost of which no parts are known (the provider told it, and no price is known): money by the
 * dollar. */
enum { FOCUS_METER_TOLD = PRICE_METER_COUNT, FOCUS_METERS };

enum { FOCUS_CHARGES_MAX = USAGE_GROUPS_MAX };

struct focus_charge {
	int64_t day;                                            /* since the epoch, UTC */
	struct text provider, model, team, key, workflow, task; /* data NULL: unknown */
	size_t meter;
	struct text service, above, window, region; /* as in struct price_parts */
	struct decimal list_price;  /* USD a token, a request or a dollar, before any percentage */
	struct decimal price;       /* with it */
	int64_t quantity;           /* tokens, requests; of a told cost: attempts */
	money billed;               /* what the ledger says, to the last digit */
	int64_t attempts, requests; /* those of which this is the first charge */
	int64_t estimated;          /* of these attempts: their cost is estimated */
	/* Of a told cost, whose tokens no meter counts. */
	int64_t prompt_tokens, completion_tokens;
	struct focus_charge *next;
};

struct focus_charges {
	struct focus_charge *charges; /* sorted; arena */
	size_t count;
	/* Attempts that used tokens, and of which nobody knows the cost: they are in no charge. */
	int64_t unpriced;
};

typedef bool focus_row(void *context, const struct ledger_row *row, struct fault *fault);
/* Where attempts come from: `each` calls `row` for every one; of a row is wanted what
 * usage_each_charge tells. */
struct focus_source {
	bool (*each)(const void *source, focus_row *row, void *context, struct fault *fault);
	const void *source;
};

/* The proxy's ledger. The query must outlive it. */
MUST_CHECK struct focus_source focus_of_ledger(const struct usage_query *query);
/* focus_run.c: what checking cost: a run's journal (the path must outlive it), or a matrix, whose
 * cells are sums that no meter parts. */
struct matrix;
MUST_CHECK struct focus_source focus_of_run(const char *journal);
MUST_CHECK struct focus_source focus_of_matrix(const struct matrix *matrix);

MUST_CHECK bool focus_charges_read(const struct focus_source *source, struct arena *arena,
                                   struct focus_charges *out, struct fault *fault);

#endif
