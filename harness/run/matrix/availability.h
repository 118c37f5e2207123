/*
 * How much of what was sent to a target came back as an answer. What infrastructure keeps from an
 * answer leaves the rates of all cells, so it must be told somewhere: here, by kind. An answer is
 * any reply that could be judged, a refusal as well as a success.
 */
#ifndef PROVISO_RUN_AVAILABILITY_H
#define PROVISO_RUN_AVAILABILITY_H

#include "harness/run/runner/journal.h"

enum infra_kind {
	INFRA_UNREACHABLE,  /* DNS, TCP or TLS */
	INFRA_TIMEOUT,      /* nothing came in time, or not all of it */
	INFRA_CUT,          /* broken off by the connection */
	INFRA_RATE_LIMIT,   /* 429 */
	INFRA_SERVER_ERROR, /* 5xx */
	INFRA_OTHER,        /* 408, 409, 425 and the rest */
	INFRA_KIND_COUNT
};

/* "unreachable", "timeout", "cut", "429", "5xx", "other". */
const char *infra_kind_name(enum infra_kind kind);

struct availability {
	struct text target, run_id; /* the figures are of this run alone */
	int64_t answered, infra[INFRA_KIND_COUNT];
};

MUST_CHECK int64_t availability_attempts(const struct availability *availability);
/* Counts a line of the journal: an attempt once, on its owner's line; retries and controls are
 * attempts, what was cancelled or never sent is none. */
void availability_count(struct availability *availability, const struct journal_attempt *line);
void availability_add(struct availability *sum, const struct availability *more);

#endif
