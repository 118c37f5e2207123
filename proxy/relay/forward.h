/*
 * Which headers travel: a short list each way. What is not on it stays at its hop, so that
 * neither a client's credentials go up nor a provider's cookies and identity come down.
 */
#ifndef PROVISO_PROXY_FORWARD_H
#define PROVISO_PROXY_FORWARD_H

#include "harness/base/http_parse.h"
#include "providers/wire/exchange.h"

enum { FORWARD_MAX_HEADERS = 16 };

/* Of the client's headers those that a provider may see; views copied to the arena. */
MUST_CHECK size_t forward_up(const struct http_request *request, struct arena *arena,
                             struct http_header out[FORWARD_MAX_HEADERS]);
/* Of the provider's headers those that a client may see; views into the exchange. */
MUST_CHECK size_t forward_down(const struct exchange *exchange,
                               struct http_header out[FORWARD_MAX_HEADERS]);

#endif
