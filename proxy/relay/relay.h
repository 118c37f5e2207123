/*
 * One proxied request: candidates asked one after another until one answers, its answer relayed,
 * and exactly one ending. Before the commit a failure goes on to the next candidate; after it
 * the target is never switched, and a failure ends the stream with an error event.
 *
 *   BOOKING -> CALLING -> STREAMING -> SETTLING -> DONE
 *      ^        |   |                     ^
 *      |        v   +-- whole answers ----+
 *      +---- WAITING
 */
#ifndef PROVISO_PROXY_RELAY_H
#define PROVISO_PROXY_RELAY_H

#include "harness/base/http_server.h"
#include "proxy/intake.h"

struct worker;
struct relay;

/* Who asks, beside what is asked. */
struct relay_client {
	const struct key *key; /* one reference, which the relay takes over; NULL: none */
	struct text team;      /* data NULL: none */
	bool rate_taken;       /* rate_end is due */
	int64_t rate_tokens;
};

/* `intake` lives in the arena of the exchange; at least one candidate. Answers now or later. */
void relay_start(struct worker *worker, struct http_exchange *exchange, struct intake *intake,
                 const struct relay_client *client);
/* The answer has left, or the client has gone: the exchange must not be touched again. */
void relay_closed(struct relay *relay, bool client_gone);
/* The client reads again. */
void relay_drained(struct relay *relay);
/* Ends those that are read on although their client has gone. */
void relay_cancel_drained(struct worker *worker);
/* Frees those that a worker keeps for later. */
void relay_free_unused(struct worker *worker);

#endif
