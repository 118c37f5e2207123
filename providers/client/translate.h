/*
 * A recorded answer of a provider with a format of its own, as OpenAI's clients get it. Cases are
 * judged on this, live, at resume and at replay: the evidence keeps what the provider sent.
 */
#ifndef PROVISO_PROVIDERS_TRANSLATE_H
#define PROVISO_PROVIDERS_TRANSLATE_H

#include "providers/dialect/dialect.h"
#include "providers/wire/exchange.h"

/*
 * `exchange` itself where the dialect's replies are OpenAI's own. Else a copy in the arena with
 * body, pieces (each at the time of what made it), status and content type as they are translated.
 */
MUST_CHECK const struct exchange *translate_exchange(const struct exchange *exchange,
                                                     const struct dialect *dialect,
                                                     const struct chat_request *request,
                                                     struct arena *arena);

#endif
