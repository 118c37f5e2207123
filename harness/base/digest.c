/* SHA-256 and random bytes; see digest.h. The only user of OpenSSL in the base. */
#include "harness/base/digest.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <sys/random.h>

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

/* Fetched once: looking the algorithm up each time costs more than hashing a short text. */
static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void digest_init(struct digest *digest)
{
	REQUIRE(pthread_once(&sha256_once, fetch_sha256) == 0);
	REQUIRE(sha256 != NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	REQUIRE(context != NULL);
	REQUIRE(EVP_DigestInit_ex2(context, sha256, NULL) == 1);
	digest->context = context;
}

void digest_add(struct digest *digest, struct text bytes)
{
	if (bytes.len != 0)
		REQUIRE(EVP_DigestUpdate(digest->context, bytes.data, bytes.len) == 1);
}

void digest_add_field(struct digest *digest, struct text field)
{
	char length[8]; /* big-endian, so that the hash is the same on every machine */

	for (unsigned i = 0; i < sizeof(length); i++)
		length[i] = (char)((uint64_t)field.len >> (56 - 8 * i) & 0xff);
	digest_add(digest, (struct text){length, sizeof(length)});
	digest_add(digest, field);
}

void digest_done(struct digest *digest, unsigned char out[DIGEST_BYTES])
{
	unsigned size = 0;

	REQUIRE(EVP_DigestFinal_ex(digest->context, out, &size) == 1 && size == DIGEST_BYTES);
	EVP_MD_CTX_free(digest->context);
	digest->context = NULL;
}

void digest_done_hex(struct digest *digest, char out[DIGEST_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[DIGEST_BYTES];

	digest_done(digest, raw);
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		out[2 * i] = digits[raw[i] >> 4];
		out[2 * i + 1] = digits[raw[i] & 15];
	}
	out[DIGEST_HEX] = '\0';
}

struct text digest_hex(struct arena *arena, struct text bytes, size_t digits)
{
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	digest_init(&digest);
	digest_add(&digest, bytes);
	digest_done_hex(&digest, hex);
	return text_copy(arena, (struct text){hex, size_min(digits, DIGEST_HEX)});
}

void digest_hmac(struct text key, struct text bytes, unsigned char out[DIGEST_BYTES])
{
	unsigned size = 0;

	REQUIRE(pthread_once(&sha256_once, fetch_sha256) == 0);
	REQUIRE(sha256 != NULL && key.len <= INT_MAX);
	const unsigned char *hashed =
	    HMAC(sha256, key.data, (int)key.len, (const unsigned char *)bytes.data, bytes.len, out,
	         &size);
	REQUIRE(hashed != NULL && size == DIGEST_BYTES);
}

bool digest_equal(const unsigned char a[DIGEST_BYTES], const unsigned char b[DIGEST_BYTES])
{
	return CRYPTO_memcmp(a, b, DIGEST_BYTES) == 0;
}

void random_bytes(void *out, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = getrandom((char *)out + done, size - done, 0);
		if (got < 0 && errno == EINTR)
			continue;
		REQUIRE(got > 0);
		done += (size_t)got;
	}
}
