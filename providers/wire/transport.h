/*
 * "Send this, call me with bytes, then once with the end." libcurl's multi
 * interface on the loop is the only way out of the process.
 */
#ifndef PROVISO_PROVIDERS_TRANSPORT_H
#define PROVISO_PROVIDERS_TRANSPORT_H

#include "harness/base/loop.h"
#include "providers/dialect/dialect.h"
#include "providers/provider.h"
#include "providers/wire/exchange.h"

struct transport;
struct transfer;

struct transport_sink {
	/* Status and headers of the final response (not 1xx). The views live during the call. */
	void (*head)(void *context, int status, int http_version, const struct http_header *headers,
	             size_t header_count);
	/* Decoded body bytes, as they come; the view lives during the call. */
	void (*body)(void *context, struct text bytes);
	/* Exactly once, last; the transfer is gone after it. detail: libcurl's words. */
	void (*end)(void *context, enum exchange_end end, struct text detail);
	void *context;
};

struct transport_limits {
	struct provider_timeouts timeouts;
	size_t body_bytes; /* more is EXCHANGE_TOO_LARGE */
	/* It will come in small pieces for long: read into little memory, which thousands hold. */
	bool trickles;
};

/* Owned. Goes through the proxies that the environment names, as libcurl reads it (HTTPS_PROXY). */
MUST_CHECK bool transport_new(struct loop *loop, struct transport **out, struct fault *fault);
/* From now on the certificates of that file (PEM) are those that are trusted; borrowed. */
void transport_trust(struct transport *transport, const char *ca_file);
/* No transfer may be in flight. */
void transport_free(struct transport *transport);

/*
 * Starts; all callbacks come from the loop, never from within this call.
 * The request's memory must live until the end; `key` may be NULL.
 */
MUST_CHECK struct transfer *transport_start(struct transport *transport,
                                            const struct wire_request *request,
                                            const struct secret *key,
                                            const struct transport_limits *limits,
                                            const struct transport_sink *sink);
/* Whether its connection was there already; known once the head has come, and at the end. */
MUST_CHECK bool transport_reused(const struct transfer *transfer);
/* The end comes (from the loop) as EXCHANGE_CANCELLED. */
void transport_cancel(struct transfer *transfer);
/* Back-pressure: no more body calls until resumed (by a deferred call). */
void transport_pause(struct transfer *transfer);
void transport_resume(struct transfer *transfer);

#endif
