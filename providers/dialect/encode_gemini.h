/* Gemini's side of requests; private to the native dialects. */
#ifndef PROVISO_PROVIDERS_ENCODE_GEMINI_H
#define PROVISO_PROVIDERS_ENCODE_GEMINI_H

#include "providers/dialect/encode.h"

/* What stands for a lost signature, so that the history is taken (Gemini API, thought signatures).
 */
#define ENCODE_GEMINI_UNSIGNED "skip_thought_signature_validator"

/*
 * The base URL ends in the version: https://generativelanguage.googleapis.com/v1beta. Model and
 * streaming go into the path.
 */
MUST_CHECK bool encode_gemini(const struct provider *provider, const struct chat_request *request,
                              struct arena *arena, struct wire_request *out, struct fault *fault);

/*
 * A function's name in the letters that are allowed: one that begins with a digit or '-', or as
 * those that were made so do, gets a beginning put in front. Arena. And the name that it was.
 */
MUST_CHECK struct text encode_gemini_name(struct encoding *encoding, struct text name);
MUST_CHECK struct text encode_gemini_name_back(struct text name);

#endif
