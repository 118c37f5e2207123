/*
 * One logical question to one target: pacing, attempts, timeouts, and exactly
 * one ending. The runner and the proxy both reach a provider through here.
 *
 * Only infrastructure is retried (exchange_is_infra, and never once a streamed
 * reply has begun); every attempt is told, because every attempt may be billed.
 */
#ifndef PROVISO_PROVIDERS_CALL_H
#define PROVISO_PROVIDERS_CALL_H

#include "providers/wire/pace.h"
#include "providers/wire/transport.h"

struct caller; /* transport and pacing of all providers on one loop */
struct call;

MUST_CHECK bool caller_new(struct loop *loop, struct caller **out, struct fault *fault);
/* No call may be in flight. */
void caller_free(struct caller *caller);

struct reply_reader;

/*
 * What a relay wants beside what a runner does. It decides for itself when to ask and whom to ask
 * again: such a call is neither paced nor held back, and makes one attempt.
 */
struct call_relay {
	const struct provider_timeouts *timeouts; /* instead of the provider's own */
	const struct http_header *headers;        /* sent beside those of the dialect */
	size_t header_count;
	bool body_dropped; /* what `body` was given is not kept: exchange.body stays empty */
	/* Of the texts of such a body so much is kept in the reply; 0: enough to tell that there is
	 * some. */
	size_t text_kept_bytes;
	/* Status and headers are there. */
	void (*head)(void *context, const struct exchange *exchange);
	/* Each piece as it comes, and the reply so far, which has read it already. */
	void (*body)(void *context, struct text bytes, const struct reply_reader *reader);
};

struct call_options {
	const struct target *target;
	const struct chat_request *request; /* lives until the ending */
	unsigned max_attempts;              /* at least 1 */
	int64_t deadline_ms;                /* for all attempts and waits together */
	size_t body_max_bytes;              /* of a reply */
	const struct call_relay *relay;     /* NULL: none; lives until the ending */
};

/* One attempt as it ended; views live during the callback. */
struct call_attempt {
	unsigned number; /* from 1 */
	const struct exchange *exchange;
	const struct chat_reply *reply;
	bool final; /* no further attempt follows */
};

struct call_events {
	/* Each attempt, as soon as it ended: record it here. */
	void (*attempt)(void *context, const struct call_attempt *attempt);
	/*
	 * Exactly once, after the last attempt: what the last attempt was, or NULL when
	 * none could be made (the request can't be encoded, no key: `fault` says why).
	 */
	void (*end)(void *context, const struct call_attempt *last, const struct fault *fault);
	void *context;
};

/* All callbacks come from the loop, never from within this call. */
MUST_CHECK struct call *call_start(struct caller *caller, const struct call_options *options,
                                   const struct call_events *events);
/* Ends soon, with the attempt in flight as EXCHANGE_CANCELLED. */
void call_cancel(struct call *call);
/* Back-pressure for a relay: no more pieces until resumed; the clocks of the provider stand. */
void call_pause(struct call *call);
void call_resume(struct call *call);

#endif
