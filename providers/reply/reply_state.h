/*
 * What a provider wants back with the conversation and nobody else can read (signed thoughts,
 * signatures of calls), packed into one text, for formats that have one place for it: a response's
 * encrypted_content, the data of a redacted_thinking block. The client keeps it and sends it again;
 * nothing is kept here.
 */
#ifndef PROVISO_PROVIDERS_REPLY_STATE_H
#define PROVISO_PROVIDERS_REPLY_STATE_H

#include "providers/chat.h"

/* How each text of ours begins. */
extern const struct text reply_state_mark;
/*
 * `ids`: of the choice's calls, as the client sees them. Data NULL: there is nothing to give back,
 * or more than 16 MiB of it. Arena.
 */
MUST_CHECK struct text reply_state_pack(const struct chat_choice *choice, const struct text *ids,
                                        struct arena *arena);
/* Stands for the signature of thoughts that nobody signed, where the client's format demands one.
 */
extern const struct text reply_state_unsigned;
/* Whether it was packed here, or is reply_state_unsigned. */
MUST_CHECK bool reply_state_is_ours(struct text packed);
/*
 * {"thinking_blocks", "extra_content", "calls": {ID: extra}}, each where there is one. NULL: it is
 * no text of ours. Arena.
 */
MUST_CHECK const struct json *reply_state_unpack(struct text packed, struct arena *arena);

#endif
