/*
 * Keys from Vault while the proxy serves: read again from time to time and on SIGHUP, on a thread
 * of its own, so that nobody waits for Vault.
 */
#ifndef PROVISO_PROXY_VAULT_WATCH_H
#define PROVISO_PROXY_VAULT_WATCH_H

#include "harness/base/loop.h"

struct vault_watch;

/* `changed` comes from the loop where a key is another one than before. */
MUST_CHECK struct vault_watch *vault_watch_new(struct loop *loop, void (*changed)(void *context),
                                               void *context);
/* Reads all of them again now; `changed` comes then in any case. */
void vault_watch_all(struct vault_watch *watch);
/* Freed when Vault was heard; NULL is fine. */
void vault_watch_free(struct vault_watch *watch);

#endif
