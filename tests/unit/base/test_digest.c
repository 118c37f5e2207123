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

static void add(TCase *cases)
{
	tcase_add_test(cases, the_published_vectors_come_out);
	tcase_add_test(cases, pieces_hash_like_the_whole);
	tcase_add_test(cases, fields_do_not_run_into_one_another);
	tcase_add_test(cases, random_bytes_fill_all_and_differ);
}

int main(void)
{
	return unit_main("digest", add);
}
