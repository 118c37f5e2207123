/* The parts of keys; nobody else includes this. */
#ifndef PROVISO_PROXY_KEY_PRIVATE_H
#define PROVISO_PROXY_KEY_PRIVATE_H

#include "proxy/keys/key.h"

/* A key for that id (data NULL: a new one), NUL-terminated. */
void key_make(struct text id, char out[KEY_BYTES + 1]);
/* False: it has not the form of a key, or its checksum is wrong. */
MUST_CHECK bool key_split(struct text presented, struct text *id);
MUST_CHECK bool key_is_id(struct text id);

/* key_store.c */
/* Where another file stands at its place by now, that is the store; *moved says so. A fault: none
 * stands there, or it can't be the store; all stays as it was. */
MUST_CHECK bool key_store_follow(struct key_store *store, bool *moved, struct fault *fault);
/* How often keys were changed: another number, other keys. */
MUST_CHECK bool key_store_changes(struct key_store *store, int64_t *out, struct fault *fault);
/* Const while the store is open: any thread. */
MUST_CHECK struct digest_hmac *key_store_hmac(const struct key_store *store);

#endif
