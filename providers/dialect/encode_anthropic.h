/* Anthropic's side of requests; private to the native dialects. */
#ifndef PROVISO_PROVIDERS_ENCODE_ANTHROPIC_H
#define PROVISO_PROVIDERS_ENCODE_ANTHROPIC_H

#include "providers/dialect/encode.h"

/* max_tokens is required; so much where neither request nor configuration say. */
enum { ENCODE_ANTHROPIC_MAX_TOKENS = 4096 };

/* The base URL ends in /v1, as for the openai dialect. */
MUST_CHECK bool encode_anthropic(const struct provider *provider,
                                 const struct chat_request *request, struct arena *arena,
                                 struct wire_request *out, struct fault *fault);

/*
 * A tool call's id in the letters that are allowed, [a-zA-Z0-9_-]+: others (Kimi's "f:0") get one
 * made from them, the same for a call and its result. Nobody sees it but the provider.
 */
MUST_CHECK struct text encode_anthropic_id(struct encoding *encoding, struct text id);

/* What depends on the version of Claude, behind whichever door; the model's name tells it. */
/* Whether it takes temperature and top_p. */
MUST_CHECK bool encode_anthropic_samples(const struct encoding *e);
/* Refuses a choice that makes a model call which can't while it thinks. */
void encode_anthropic_check_choice(struct encoding *e, enum encode_choice choice);
/* Writes `thinking` where reasoning_effort is said. */
void encode_anthropic_thinking(struct encoding *e);
/* The effort that goes beside it, in output_config; data NULL: none does. */
MUST_CHECK struct text encode_anthropic_effort(const struct encoding *e);

/*
 * A JSON Schema as structured output takes it (Anthropic's guide, "Structured outputs"): objects
 * are closed, and what bounds numbers, lengths and lists is dropped as "schema.KEYWORD".
 */
void encode_anthropic_schema(struct encoding *encoding, const struct json *schema);

#endif
