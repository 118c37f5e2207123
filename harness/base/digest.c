/* SHA-256 and random bytes; see digest.h. The only user of OpenSSL in the base. */
#include "harness/base/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
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

struct digest_hmac {
	pthread_mutex_t lock;
	EVP_MAC_CTX *context; /* keyed; begun anew for each text */
};

struct digest_hmac *digest_hmac_new(struct text key)
{
	char sha[] = "SHA256";
	OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", sha, 0),
	                           OSSL_PARAM_construct_end()};
	struct digest_hmac *hmac = memory_new(sizeof(*hmac));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	hmac->context = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	REQUIRE(hmac->context != NULL);
	REQUIRE(EVP_MAC_init(hmac->context, (const unsigned char *)key.data, key.len, parameters) ==
	        1);
	REQUIRE(pthread_mutex_init(&hmac->lock, NULL) == 0);
	return hmac;
}

void digest_hmac_of(struct digest_hmac *hmac, struct text bytes, unsigned char out[DIGEST_BYTES])
{
	size_t size = 0;

	(void)pthread_mutex_lock(&hmac->lock);
	bool good =
	    EVP_MAC_init(hmac->context, NULL, 0, NULL) == 1 &&
	    EVP_MAC_update(hmac->context, (const unsigned char *)bytes.data, bytes.len) == 1 &&
	    EVP_MAC_final(hmac->context, out, &size, DIGEST_BYTES) == 1;
	(void)pthread_mutex_unlock(&hmac->lock);
	REQUIRE(good && size == DIGEST_BYTES);
}

void digest_hmac_free(struct digest_hmac *hmac)
{
	if (hmac == NULL)
		return;
	EVP_MAC_CTX_free(hmac->context);
	(void)pthread_mutex_destroy(&hmac->lock);
	memory_free(hmac);
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
