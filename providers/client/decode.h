/*
 * Requests of clients that speak another format, as OpenAI's chat requests: what is routed by and,
 * where the provider does not speak the client's format, what is asked. (TRANSLATION.md A2 to A4,
 * the other way round; OpenAI API reference, "Create a model response".)
 *
 * What would change the answer and has no place in a chat request is refused by name; what would
 * not is left out, and listed.
 */
#ifndef PROVISO_PROVIDERS_DECODE_H
#define PROVISO_PROVIDERS_DECODE_H

#include "harness/base/json.h"
#include "providers/dropped.h"

struct decode_fault {
	const char *param; /* the field that is wrong or can't be carried; NULL: none */
	char message[256];
};

/* The chat request, in the arena. */
struct decoded {
	struct text body;
	struct text_list
	    dropped; /* what has no place in it, by the names that the client gave it */
};

/*
 * Anthropic's messages; false with the fault. Signed
 * thoughts are kept in `thinking_blocks` of the assistant's message, for a target that signed them.
 */
MUST_CHECK bool decode_messages(const struct json *root, struct arena *arena, struct decoded *out,
                                struct decode_fault *fault);

/*
 * `body`, a chat request or one for a response, for a target that speaks OpenAI's format: without
 * signed thoughts, which only their maker can read and others refuse, and without the signatures of
 * calls, but where the model is a Gemini, which asks for them. `body` itself where there are none.
 */
MUST_CHECK struct text decode_without_thoughts(struct text body, struct text model,
                                               struct arena *arena);
/*
 * `body`, a request for Anthropic's messages, for a target that reads them: without the blocks that
 * were written here (reply_state.h), which it refuses. What the client wrote, or another provider
 * of that format, stays. `body` itself where there are none.
 */
MUST_CHECK struct text decode_without_ours(struct text body, struct arena *arena);

/* How many tokens the prompt may be, for count_tokens: an estimate, by its bytes. */
MUST_CHECK int64_t decode_messages_tokens(const struct json *root, struct arena *arena);

/*
 * OpenAI's responses. State that the provider would keep (previous_response_id, conversation,
 * background) is refused; thoughts of earlier turns are left out, and what of them must come back
 * unread is kept as reply_state.h has it.
 */
MUST_CHECK bool decode_responses(const struct json *root, struct arena *arena, struct decoded *out,
                                 struct decode_fault *fault);

#endif
