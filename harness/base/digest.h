/* SHA-256 (FIPS 180-4) by OpenSSL's EVP, and its short readable form. */
#ifndef PROVISO_BASE_DIGEST_H
#define PROVISO_BASE_DIGEST_H

#include "harness/base/text.h"

enum {
	DIGEST_BYTES = 32,
	DIGEST_HEX = 64,   /* hex digits, without NUL */
	DIGEST_SHORT = 12, /* hex digits shown to people: suite, case and matrix hashes */
};

struct digest {
	void *context; /* EVP_MD_CTX, owned */
};

void digest_init(struct digest *digest);
void digest_add(struct digest *digest, struct text bytes);
/* Adds the length first, so that ("ab","c") and ("a","bc") differ. */
void digest_add_field(struct digest *digest, struct text field);
/* Ends it and frees the context. */
void digest_done(struct digest *digest, unsigned char out[DIGEST_BYTES]);
/* Ends it: lower-case hex, NUL-terminated. */
void digest_done_hex(struct digest *digest, char out[DIGEST_HEX + 1]);

/* One-shot; hex in the arena, cut to `digits`. */
MUST_CHECK struct text digest_hex(struct arena *arena, struct text bytes, size_t digits);

/*
 * HMAC-SHA256 (FIPS 198-1) with one key, made ready once: a tenth of what it costs to set it up
 * each time. Any thread. The key is not kept by us, but by OpenSSL until it is freed.
 */
struct digest_hmac;
MUST_CHECK struct digest_hmac *digest_hmac_new(struct text key);
void digest_hmac_of(struct digest_hmac *hmac, struct text bytes, unsigned char out[DIGEST_BYTES]);
/* NULL is fine. */
void digest_hmac_free(struct digest_hmac *hmac);
/* In a time that says nothing of where they differ. */
MUST_CHECK bool digest_equal(const unsigned char a[DIGEST_BYTES],
                             const unsigned char b[DIGEST_BYTES]);

/* `size` bytes from the system's random generator. Ends the process if there is none. */
void random_bytes(void *out, size_t size);

#endif
