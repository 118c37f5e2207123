/* Vault's API, one exchange at a time; nobody but vault*.c includes this. */
#ifndef PROVISO_PROVIDERS_VAULT_PRIVATE_H
#define PROVISO_PROVIDERS_VAULT_PRIVATE_H

#include "harness/base/json.h"
#include "providers/secret/secret.h"
#include "providers/secret/vault.h"

struct vault_ask {
	const char *method;
	const char *path;           /* behind the address: "/v1/secret/data/x" */
	const struct secret *token; /* NULL: none yet */
	struct text body;           /* of a POST */
};

/*
 * Sends it and waits. False: there was no answer, and `fault` says why; else status and what is
 * JSON of the body (NULL: nothing is). `bytes` holds what `root` views, for the caller to
 * overwrite.
 */
MUST_CHECK bool vault_exchange(const struct vault_ask *ask, struct arena *arena,
                               struct text_buf *bytes, int *status, const struct json **root,
                               struct fault *fault);
/* "503: Vault is sealed", with Vault's own words; false. */
bool vault_refused(const char *what, int status, const struct json *root, struct fault *fault);

#endif
