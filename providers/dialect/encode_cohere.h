/* Cohere's side of requests; private to the native dialects. */
#ifndef PROVISO_PROVIDERS_ENCODE_COHERE_H
#define PROVISO_PROVIDERS_ENCODE_COHERE_H

#include "providers/dialect/encode.h"

/* The base URL is https://api.cohere.com/v2, or ends as it does. */
MUST_CHECK bool encode_cohere(const struct provider *provider, const struct chat_request *request,
                              struct arena *arena, struct wire_request *out, struct fault *fault);

#endif
