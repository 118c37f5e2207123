/* Bedrock's side of requests; private to the native dialects. */
#ifndef PROVISO_PROVIDERS_ENCODE_BEDROCK_H
#define PROVISO_PROVIDERS_ENCODE_BEDROCK_H

#include "providers/dialect/encode.h"

/* The base URL is the endpoint alone: https://bedrock-runtime.REGION.amazonaws.com. */
MUST_CHECK bool encode_bedrock(const struct provider *provider, const struct chat_request *request,
                               struct arena *arena, struct wire_request *out, struct fault *fault);

#endif
