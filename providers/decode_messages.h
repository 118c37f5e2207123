/*
 * Requests of Anthropic's clients as OpenAI's chat requests: what is routed by and, where the
 * provider speaks anything but Anthropic's format, what is asked. (TRANSLATION.md A2 to A4, the
 * other way round.)
 */
#ifndef PROVISO_PROVIDERS_DECODE_MESSAGES_H
#define PROVISO_PROVIDERS_DECODE_MESSAGES_H

#include "harness/base/json.h"

struct decode_fault {
	const char *param; /* the field that is wrong or can't be carried; NULL: none */
	char message[256];
};

/*
 * The chat request's body, in the arena; false with the fault. Signed thoughts are kept in
 * `thinking_blocks` of the assistant's message, for a target that signed them. Cache marks are left
 * out; what would change the answer and has no place (a server's own tools, audio) is refused.
 */
MUST_CHECK bool decode_messages(const struct json *root, struct arena *arena, struct text *out,
                                struct decode_fault *fault);

/* How many tokens the prompt may be, for count_tokens: an estimate, by its bytes. */
MUST_CHECK int64_t decode_messages_tokens(const struct json *root, struct arena *arena);

#endif
