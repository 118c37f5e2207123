/*
 * What a provider echoes of a key is masked before anything looks at it: evidence,
 * judgement, journal and reports all work on the same masked bytes, live as at
 * replay, so no excerpt can hold a part of a key.
 */
#ifndef PROVISO_RUN_MASK_H
#define PROVISO_RUN_MASK_H

#include "providers/wire/call.h"

/*
 * `attempt` itself where nothing has to be masked (nearly always: one pass over the
 * bytes). Else `out` with a masked copy of the exchange and the reply read anew
 * from it, in the arena; lengths stay the same.
 */
MUST_CHECK const struct call_attempt *mask_attempt(const struct call_attempt *attempt,
                                                   const struct chat_request *request,
                                                   const struct dialect *dialect,
                                                   struct arena *arena, struct call_attempt *out);

#endif
