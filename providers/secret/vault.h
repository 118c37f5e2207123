/*
 * Keys that stand in Vault (or OpenBao, which speaks the same): the KV engine, version 2 (HashiCorp
 * Vault API documentation, "KV secrets engine - version 2", "AppRole", "Tokens"). Where Vault is
 * and who asks is said by the variables that Vault's own tools read:
 *
 *   VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CLIENT_TIMEOUT
 *   VAULT_TOKEN, else VAULT_TOKEN_FILE, else VAULT_ROLE_ID and VAULT_SECRET_ID (AppRole), else
 *   ~/.vault-token
 *
 * What was read is kept for the process: it is read again by vault_refresh, and where Vault does
 * not answer then the last good value stays. Nothing here is on the way of a request: each read
 * waits for Vault, at most VAULT_TIMEOUT_MS. Any thread.
 */
#ifndef PROVISO_PROVIDERS_VAULT_H
#define PROVISO_PROVIDERS_VAULT_H

#include "harness/base/fault.h"

enum {
	VAULT_TIMEOUT_MS = 10000,
	VAULT_FRESH_MS = 5 * 60 * 1000, /* how long a value is taken as it is */
	VAULT_RETRY_MS = 30 * 1000,     /* and one that could not be read */
	VAULT_MAX_SECRETS = 256,
};

/* Whether it is "MOUNT/PATH#FIELD": what stands behind "vault:". */
MUST_CHECK bool vault_is_reference(struct text reference);
/*
 * Appends the field's value to `out`, which the caller overwrites. From Vault, or as it was read
 * before. The fault says what Vault said, and no byte of a value.
 */
MUST_CHECK bool vault_read(struct text reference, struct text_buf *out, struct fault *fault);
/* Whether there is a value, or one may be: Vault is configured and was not asked yet. */
MUST_CHECK bool vault_may_have(struct text reference);
/*
 * Reads again what was read longer ago than VAULT_FRESH_MS (`all`: everything), and renews the
 * token. True where a value is another one than before, or is there for the first time.
 */
MUST_CHECK bool vault_refresh(bool all);

struct vault_facts {
	int64_t reads, failures; /* of secrets, since the start */
	int64_t secrets, stale;  /* kept now; of these: the last read failed */
};
void vault_facts(struct vault_facts *out);
/* Overwrites and forgets all: for tests, and the end of main. */
void vault_forget_all(void);

#endif
