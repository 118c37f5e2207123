/* Ollama's side of requests; private to the native dialects. */
#ifndef PROVISO_PROVIDERS_ENCODE_OLLAMA_H
#define PROVISO_PROVIDERS_ENCODE_OLLAMA_H

#include "providers/dialect/encode.h"

/* The base URL is http://127.0.0.1:11434/api, or ends as it does. */
MUST_CHECK bool encode_ollama(const struct provider *provider, const struct chat_request *request,
                              struct arena *arena, struct wire_request *out, struct fault *fault);

#endif
