/*
 * Whether whoever asks may ask that: the virtual key, what it allows, and how often. Without a key
 * store everybody on this machine may.
 */
#ifndef PROVISO_PROXY_ADMIT_H
#define PROVISO_PROXY_ADMIT_H

#include "proxy/intake.h"
#include "proxy/proxy_private.h"
#include "proxy/relay/relay.h"

/* The key and the endpoint, before the body is looked at. False with the refusal. */
MUST_CHECK bool admit_client(struct worker *worker, const struct http_request *request,
                             enum endpoint endpoint, struct relay_client *out,
                             struct refusal *refusal);
/* The key alone; NULL without a key store. */
MUST_CHECK bool admit_key(struct worker *worker, const struct http_request *request,
                          const struct key **out, struct refusal *refusal);
/* Reads the request for that client and decides it, with prices where a budget applies. */
MUST_CHECK bool admit_read(struct worker *worker, const struct http_request *request,
                           const struct relay_client *client, enum endpoint endpoint,
                           struct arena *arena, struct intake *out, struct refusal *refusal);
/* The route, the targets (those that the key may not use leave the decision), and the rate. */
MUST_CHECK bool admit_request(struct worker *worker, struct intake *intake,
                              struct relay_client *client, struct refusal *refusal);
/* The same for a decision that is only told: nothing is taken, and a target that the key may not
 * use is among the excluded. */
MUST_CHECK bool admit_explained(const struct relay_client *client, struct arena *arena,
                                struct intake *intake, struct refusal *refusal);
/* What was admitted is not relayed after all. */
void admit_drop(struct worker *worker, struct relay_client *client);

#endif
