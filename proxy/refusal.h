/*
 * Error answers of the proxy itself, in the client's dialect: OpenAI's envelope, Anthropic's for
 * /v1/messages. The codes are the contract's.
 */
#ifndef PROVISO_PROXY_REFUSAL_H
#define PROVISO_PROXY_REFUSAL_H

#include "harness/run/route/router.h"
#include "proxy/health.h"

enum refusal_code {
	REFUSAL_INVALID_REQUEST,
	REFUSAL_INVALID_API_KEY,
	REFUSAL_BUDGET_EXCEEDED,
	REFUSAL_NOT_ALLOWED,
	REFUSAL_MODEL_NOT_FOUND,
	REFUSAL_NOT_FOUND, /* no such path */
	REFUSAL_METHOD,
	REFUSAL_TOO_LARGE,
	REFUSAL_RATE_LIMITED,
	REFUSAL_NO_PROVEN_TARGET,
	REFUSAL_UNAVAILABLE, /* ours: draining, a ledger that can't be written */
	REFUSAL_UPSTREAM_ERROR,
	REFUSAL_UPSTREAM_TIMEOUT,
	REFUSAL_CODES
};

/* One asking of one target, for the client to see. */
struct refusal_attempt {
	struct text target;
	int status; /* 0: no answer came */
	enum ending ending;
	struct text reason;
};

struct refusal {
	enum refusal_code code;
	const char *param; /* NULL: none */
	char message[512];
	int64_t retry_after_s;                  /* -1: not said */
	const char *allow;                      /* the methods that would do; NULL: not said */
	const struct router_decision *decision; /* its exclusions are shown; NULL: none */
	const struct refusal_attempt *attempts;
	size_t attempt_count;
};

/* Sets code and message, no more; returns false. */
bool refusal_set(struct refusal *refusal, enum refusal_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

MUST_CHECK int refusal_status(const struct refusal *refusal);
/* The body of the answer. */
MUST_CHECK struct text refusal_body(const struct refusal *refusal, enum endpoint endpoint,
                                    struct arena *arena);
/* The same as an event that ends a stream, which never ends cleanly then. */
MUST_CHECK struct text refusal_event(const struct refusal *refusal, enum endpoint endpoint,
                                     struct arena *arena);
/* What the server itself refuses (http_handler.refusal). */
MUST_CHECK struct text refusal_of_status(int status, const char *reason, enum endpoint endpoint,
                                         struct arena *arena);

#endif
