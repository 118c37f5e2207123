/*
 * Templates: {{...}} in the strings of a request or a reference, filled for each
 * trial.
 *
 *   {{nonce}} {{nonce2}} {{nonce3}}   fresh words of this trial
 *                                     (of each copy, where a step is asked at_once)
 *   {{model}}                         the model that is asked, where a raw body has to name it
 *   {{image:nonce}}                   a picture of that nonce, as a data URL (picture.h); alone in
 *                                     its string
 *   {{words:N}}                       N words of harmless filler text
 *   {{window:P}}                      words, one token each, that fill P percent of its context
 *   {{overflow}}                      more text than the model's context holds
 *   {{steps.0.content}}               from the reply to an earlier step: id, content, reasoning,
 *                                     message (a string that is only this becomes the whole
 * assistant message, verbatim), tool_calls.N.id, .name, .arguments
 *
 * A string that consists of one placeholder only takes the value's type (message: an object).
 */
#ifndef PROVISO_CASES_TEMPLATE_H
#define PROVISO_CASES_TEMPLATE_H

#include "harness/base/json_write.h"
#include "harness/base/settings.h"
#include "providers/chat.h"
#include "providers/price/price.h"

enum {
	TEMPLATE_NONCES = 3,
	TEMPLATE_MAX_BODY = 32 << 20, /* a filled request */
	TEMPLATE_STEPS = 16,
};

struct template_values {
	struct text nonces[TEMPLATE_NONCES]; /* data NULL: unknown */
	struct text model;                   /* as the provider calls it; data NULL: unknown */
	int64_t context_tokens;              /* of the model; -1: unknown */
	struct text_list aliases;            /* other names of the model */
	int64_t reference_tokens;            /* of the model (provider.h); 0: unknown */
	struct text identity;                /* of the model (provider.h); data NULL: unknown */
	struct text hours;                   /* the same */
	const struct price *prices;          /* of the model; NULL: unknown */
	const struct chat_reply *steps[TEMPLATE_STEPS];
	size_t step_count;
};

/*
 * Nonces that depend on nothing but these: a replay makes the same ones. Eight
 * lower-case letters and digits each, pronounceable enough to be echoed by a model.
 */
void template_nonces(struct template_values *values, struct text seed, struct text target,
                     struct text probe, int64_t trial, struct arena *arena);

/*
 * What the placeholders of one of several copies of a step stand for: the trial's values, with
 * nonces of its own that follow from the trial's. Copy 0 has the trial's. Arena.
 */
void template_copy_values(const struct template_values *values, size_t copy, struct arena *arena,
                          struct template_values *out);

/*
 * The node with every placeholder filled, as a tree in the arena. A placeholder that
 * has no value (an earlier step had no such tool call) is a fault that names it.
 */
MUST_CHECK bool template_fill(const struct json *node, const struct template_values *values,
                              struct arena *arena, struct json **out, struct fault *fault);
MUST_CHECK bool template_fill_text(struct text text, const struct template_values *values,
                                   struct arena *arena, struct text *out, struct fault *fault);
/* Mistakes in placeholders, found when the case is loaded. */
MUST_CHECK bool template_check(const struct json *node, size_t steps_before,
                               struct fault_list *faults);
/* The needs (enum case_need) that its placeholders have. */
MUST_CHECK unsigned template_needs(const struct json *node);

/* The largest context window, in tokens, that its placeholders can fill: fillers have a cap of
 * their own. INT64_MAX: any. */
MUST_CHECK int64_t template_most_context(const struct json *node);

/*
 * The request body for the wire: the filled template with `model` first and, where the endpoint has
 * it, stream and stream_options behind. Bytes in the arena.
 */
struct template_target {
	struct text model;
	bool streamed;
	bool usage_asked;
};
MUST_CHECK bool template_body(const struct json *request, const struct template_values *values,
                              const struct template_target *target, struct arena *arena,
                              struct text *body, struct fault *fault);

/*
 * Whether `actual` is `pattern` filled in some way; what stood for the nonces is
 * captured, also from pictures (those in the arena). Members of `actual` named in `ignore`
 * (NULL-terminated) do not count.
 */
MUST_CHECK bool template_matches(const struct json *pattern, const struct json *actual,
                                 const char *const *ignore, struct arena *arena,
                                 struct template_values *captured);

#endif
