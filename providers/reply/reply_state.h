/*
 * What must come back unread with a conversation (signed thoughts, signatures of calls), as one
 * text for formats that have one place for it: encrypted_content of a response's reasoning. Whoever
 * holds the conversation gets it and gives it back; nothing is kept here.
 */
#ifndef PROVISO_PROVIDERS_REPLY_STATE_H
#define PROVISO_PROVIDERS_REPLY_STATE_H

#include "providers/chat.h"

/* How each text of ours begins. */
extern const struct text reply_state_mark;
/* Data NULL: there is none. `ids`: of the choice's calls as the client sees them. Arena. */
MUST_CHECK struct text reply_state_pack(const struct chat_choice *choice, const struct text *ids,
                                        struct arena *arena);
/* The signature of thoughts that nobody signed, for clients that want one: it is known again. */
extern const struct text reply_state_unsigned;
/* Whether it was packed here; nobody else can read it. */
MUST_CHECK bool reply_state_is_ours(struct text packed);
/*
 * {"thinking_blocks", "extra_content", "calls": {ID: extra}}, each where there is one. NULL: it is
 * no text of ours. Arena.
 */
MUST_CHECK const struct json *reply_state_unpack(struct text packed, struct arena *arena);

#endif
