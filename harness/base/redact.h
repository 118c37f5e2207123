/*
 * Bytes that must never be written: keys, once loaded, are told here, and all
 * that leaves the process (evidence, logs, reports, errors) passes through.
 *
 * A secret is masked wherever it stands, also percent-encoded, JSON-escaped or
 * in base64 as upstream errors may echo it; every masked byte becomes `*`, so lengths and spans
 * stay true. One set for the process: there is no situation in which a secret
 * may be printed.
 */
#ifndef PROVISO_BASE_REDACT_H
#define PROVISO_BASE_REDACT_H

#include "harness/base/text.h"

enum {
	REDACT_MIN_BYTES = 6,         /* shorter ones would mask ordinary text; they are not kept */
	REDACT_MAX_BYTES = 64 * 1024, /* a service account's JSON file has 2 to 3 KB */
	REDACT_MAX_SECRETS = 256,
};

/*
 * Remembers a secret (copied). False when it can't be masked, being too short, too long or one
 * too many: worth a warning. May run while other threads mask.
 */
bool redact_remember(struct text secret);
/* Masks in place. True when something was masked. */
bool redact_bytes(char *bytes, size_t len);
/* The view itself when nothing has to be masked, else a masked copy in the arena. */
MUST_CHECK struct text redact_text(struct arena *arena, struct text view);
/* For tests and for the end of main, when no other thread runs: overwrites and forgets all. */
void redact_forget_all(void);

#endif
