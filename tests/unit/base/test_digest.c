/* SHA-256 and random bytes. */
#include "harness/base/digest.h"

#include "tests/unit/unit.h"

static struct arena arena;

START_TEST(the_published_vectors_come_out)
{
	assert_text(digest_hex(&arena, TEXT(""), DIGEST_HEX),
	            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_text(digest_hex(&arena, TEXT("abc"), DIGEST_HEX),
	            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_text(digest_hex(&arena,
	                       TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	                       DIGEST_SHORT),
	            "248d6a61d206");
	arena_done(&arena);
}
END_TEST

START_TEST(pieces_hash_like_the_whole)
{
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	digest_init(&digest);
	digest_add(&digest, TEXT("a"));
	digest_add(&digest, TEXT(""));
	digest_add(&digest, TEXT("bc"));
	digest_done_hex(&digest, hex);
	assert_text(text_of(hex), digest_hex(&arena, TEXT("abc"), DIGEST_HEX).data);
	arena_done(&arena);
}
END_TEST

static void hash_fields(struct text a, struct text b, unsigned char out[DIGEST_BYTES])
{
	struct digest digest;

	digest_init(&digest);
	digest_add_field(&digest, a);
	digest_add_field(&digest, b);
	digest_done(&digest, out);
}

START_TEST(fields_do_not_run_into_one_another)
{
	unsigned char one[DIGEST_BYTES];
	unsigned char two[DIGEST_BYTES];

	hash_fields(TEXT("ab"), TEXT("c"), one);
	hash_fields(TEXT("a"), TEXT("bc"), two);
	ck_assert_mem_ne(one, two, DIGEST_BYTES);
	hash_fields(TEXT("ab"), TEXT("c"), two);
	ck_assert_mem_eq(one, two, DIGEST_BYTES);
}
END_TEST

START_TEST(random_bytes_fill_all_and_differ)
{
	unsigned char one[600] = {0};
	unsigned char two[600] = {0};
	size_t zeros = 0;

	random_bytes(one, sizeof(one));
	random_bytes(two, sizeof(two));
	ck_assert_mem_ne(one, two, sizeof(one));
	for (size_t i = 0; i < sizeof(one); i++)
		zeros += one[i] == 0;
	ck_assert_uint_lt(zeros, 60); /* 2 or 3 are to be expected */
}
END_TEST

/* RFC 4231, test cases 1, 2 and 6 (a key longer than a block), with one context used again. */
START_TEST(the_published_hmacs_come_out)
{
	char ones[20], longs[131];
	const struct {
		struct text key, bytes;
		const char *begins;
	} rows[] = {
	    {{ones, sizeof(ones)}, TEXT("Hi There"), "\xb0\x34\x4c\x61\xd8\xdb\x38\x53"},
	    {TEXT("Jefe"), TEXT("what do ya want for nothing?"),
	     "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e"},
	    {{longs, sizeof(longs)},
	     TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
	     "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f"},
	};

	memset(ones, 0x0b, sizeof(ones));
	memset(longs, 0xaa, sizeof(longs));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct digest_hmac *hmac = digest_hmac_new(rows[i].key);
		unsigned char out[DIGEST_BYTES];

		for (int again = 0; again < 2; again++) {
			memset(out, 0, sizeof(out));
			digest_hmac_of(hmac, rows[i].bytes, out);
			ck_assert_mem_eq(out, rows[i].begins, 8);
		}
		digest_hmac_of(hmac, TEXT(""), out);
		ck_assert_mem_ne(out, rows[i].begins, 8);
		digest_hmac_free(hmac);
	}
	digest_hmac_free(NULL);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, the_published_vectors_come_out);
	tcase_add_test(cases, pieces_hash_like_the_whole);
	tcase_add_test(cases, fields_do_not_run_into_one_another);
	tcase_add_test(cases, the_published_hmacs_come_out);
	tcase_add_test(cases, random_bytes_fill_all_and_differ);
}

int main(void)
{
	return unit_main("digest", add);
}
