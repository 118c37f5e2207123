/*
 * Keys. A secret has no printer: it can be loaded, asked whether it is there,
 * and put into one header by the transport; every loaded one is told to
 * redact.h first, so that no echo of it is ever written.
 */
#ifndef PROVISO_PROVIDERS_SECRET_H
#define PROVISO_PROVIDERS_SECRET_H

#include "harness/base/fault.h"

struct secret;

enum { SECRET_MAX_BYTES = 16 << 10 };

/*
 * reference: "env:NAME" or "file:PATH" (a file that group or others may read is
 * refused; one newline at the end is taken off), or "vault:MOUNT/PATH#FIELD" (vault.h), which may
 * wait for Vault. Anything else is refused: a key never stands in a config. place: of the
 * reference, for the fault. An absent variable is a fault that names it.
 */
MUST_CHECK bool secret_load(struct text reference, struct place place, struct secret **out,
                            struct fault *fault);
/* Whether it is a reference at all; what stands there instead is masked from then on. */
MUST_CHECK bool secret_check_reference(struct text reference, struct place place,
                                       struct fault *fault);
/* Whether secret_load would find something, without keeping it. */
MUST_CHECK bool secret_is_available(struct text reference);
/* For keys made here (the simulator's, a wrong key for ER-01). */
MUST_CHECK struct secret *secret_from_bytes(struct text bytes);
/* Overwrites and frees. */
void secret_free(struct secret *secret);

/* Only the transport, when it writes the key header, and the simulator, when it compares. */
MUST_CHECK struct text secret_reveal(const struct secret *secret);

#endif
