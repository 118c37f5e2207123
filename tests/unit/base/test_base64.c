/* Base64: the vectors of RFC 4648, every byte both ways, and what is none. */
#include "harness/base/base64.h"

#include "tests/unit/unit.h"

static struct arena arena;

static void tear_down(void)
{
	arena_done(&arena);
}

START_TEST(the_vectors_of_the_rfc_hold_both_ways)
{
	static const char *const known[][2] = {{"", ""},
	                                       {"f", "Zg=="},
	                                       {"fo", "Zm8="},
	                                       {"foo", "Zm9v"},
	                                       {"foob", "Zm9vYg=="},
	                                       {"fooba", "Zm9vYmE="},
	                                       {"foobar", "Zm9vYmFy"}};
	struct text back;

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		assert_text(base64_encode(&arena, text_of(known[i][0])), known[i][1]);
		ck_assert(base64_decode(text_of(known[i][1]), &arena, &back));
		assert_text(back, known[i][0]);
	}
}
END_TEST

START_TEST(every_byte_comes_back)
{
	char bytes[256];
	struct text back;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(unsigned char)i;
	for (size_t from = 0; from < 4; from++) {
		struct text part = {bytes + from, sizeof(bytes) - from};
		ck_assert(base64_decode(base64_encode(&arena, part), &arena, &back));
		ck_assert(text_equal(back, part));
	}
}
END_TEST

START_TEST(padding_may_be_missing_and_nothing_else_may_be_wrong)
{
	static const char *const bad[] = {"Z",     "Zm9vY", "Zm9v Yg", "Zm-v",
	                                  "Zg===", "Z=g=",  "Zm9v\n"};
	struct text back;

	ck_assert(base64_decode(TEXT("Zm8"), &arena, &back));
	assert_text(back, "fo");
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		ck_assert_msg(!base64_decode(text_of(bad[i]), &arena, &back), "%s", bad[i]);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, the_vectors_of_the_rfc_hold_both_ways);
	tcase_add_test(cases, every_byte_comes_back);
	tcase_add_test(cases, padding_may_be_missing_and_nothing_else_may_be_wrong);
}

int main(void)
{
	return unit_main("base64", add);
}
