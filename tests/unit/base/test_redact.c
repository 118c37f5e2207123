/* Secrets are masked in every dress, and nothing else is touched. */
#include "harness/base/redact.h"

#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <stdio.h>

#define SECRET "sk-pv/+Q7\"x\\ZkE9"

static struct arena arena;

static void forget(void)
{
	redact_forget_all();
	arena_done(&arena);
}

static struct text masked(const char *text)
{
	struct text copy = text_copy(&arena, text_of(text));
	struct text view = redact_text(&arena, copy);

	ck_assert_uint_eq(view.len, copy.len);
	return view;
}

START_TEST(a_secret_is_masked_wherever_it_stands)
{
	ck_assert(redact_remember(TEXT("sk-12345678")));
	assert_text(masked("sk-12345678"), "***********");
	assert_text(masked("key sk-12345678."), "key ***********.");
	assert_text(masked("sk-12345678sk-12345678"), "**********************");
	assert_text(masked("sk-sk-12345678"), "sk-***********");
	assert_text(masked("sk-1234567"), "sk-1234567");
	assert_text(masked("Sk-12345678"), "Sk-12345678");
	assert_text(masked(""), "");
	assert_text(masked("s"), "s");
}
END_TEST

START_TEST(what_holds_no_secret_is_handed_back_as_it_is)
{
	struct text plain = TEXT("Bearer of good news");

	ck_assert(redact_remember(TEXT("sk-12345678")));
	ck_assert_ptr_eq(redact_text(&arena, plain).data, plain.data);
	redact_forget_all();
	plain = TEXT("sk-12345678");
	ck_assert_ptr_eq(redact_text(&arena, plain).data, plain.data);
}
END_TEST

START_TEST(too_short_too_long_and_too_many_are_said)
{
	char name[32];
	static char longest[REDACT_MAX_BYTES + 1];

	ck_assert(!redact_remember(TEXT("12345")));
	assert_text(masked("12345"), "12345");
	memset(longest, 'x', sizeof(longest));
	ck_assert(!redact_remember((struct text){longest, sizeof(longest)}));
	for (int i = 0; i < REDACT_MAX_SECRETS; i++) {
		(void)snprintf(name, sizeof(name), "secret-%05d", i);
		ck_assert(redact_remember(text_of(name)));
	}
	ck_assert(!redact_remember(TEXT("one-too-many")));
	ck_assert(redact_remember(TEXT("secret-00007"))); /* known already */
	assert_text(masked("secret-00007 secret-00255 secret-00256"),
	            "************ ************ secret-00256");
}
END_TEST

START_TEST(percent_encoding_does_not_hide_a_secret)
{
	ck_assert(redact_remember(TEXT(SECRET)));
	assert_text(masked("?key=sk-pv%2F%2BQ7%22x%5CZkE9&b=%2f"),
	            "?key=************************&b=%2f");
	assert_text(masked("?key=sk-pv%2f%2bQ7%22x%5cZkE9"), "?key=************************");
	/* Encoders differ in what they leave alone; some encode all of it. */
	assert_text(masked("%73%6B-pv/+Q7%22x%5cZkE9;"), "************************;");
	assert_text(masked("%73%6B-pv/+Q7%22x%5cZkE8;"), "%73%6B-pv/+Q7%22x%5cZkE8;");
}
END_TEST

START_TEST(json_escapes_do_not_hide_a_secret)
{
	ck_assert(redact_remember(TEXT(SECRET)));
	assert_text(masked("{\"e\":\"bad key sk-pv\\/+Q7\\\"x\\\\ZkE9\"}"),
	            "{\"e\":\"bad key *******************\"}");
	assert_text(masked("\"\\u0073k-pv\\u002F\\u002bQ7\\u0022x\\u005cZkE9\""),
	            "\"*****************************************\"");
	ck_assert(redact_remember(TEXT("line one\nline two")));
	assert_text(masked("\"line one\\nline two\""), "\"******************\"");
}
END_TEST

static struct text base64(const char *text, bool for_urls)
{
	size_t len = strlen(text);
	char *out = arena_alloc(&arena, len * 2 + 8);
	int size = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);

	for (int i = 0; for_urls && i < size; i++) {
		if (out[i] == '+')
			out[i] = '-';
		if (out[i] == '/')
			out[i] = '_';
	}
	return (struct text){out, (size_t)size};
}

/* Nothing of the secret's bits may be left: decoded again, it is gone to the last character. */
static void check_base64(const char *before, const char *after, bool for_urls)
{
	struct text whole = text_format(&arena, "%s%s%s", before, SECRET, after);
	struct text encoded = base64(whole.data, for_urls);
	struct text hidden = redact_text(&arena, encoded);
	size_t from = strlen(before) * 8 / 6;
	size_t to = (strlen(before) + strlen(SECRET)) * 8;

	to = to / 6 + (to % 6 != 0);
	ck_assert_uint_eq(hidden.len, encoded.len);
	for (size_t i = 0; i < hidden.len; i++) {
		if (i >= from && i < to)
			ck_assert_msg(hidden.data[i] == '*', "%s: %zu shows", hidden.data, i);
		else
			ck_assert_int_eq(hidden.data[i], encoded.data[i]);
	}
}

START_TEST(base64_does_not_hide_a_secret_at_any_alignment)
{
	static const char *const around[] = {"", ":", "ab", "abc", "user:", "\xff\xff", "\xfb"};

	ck_assert(redact_remember(TEXT(SECRET)));
	for (size_t i = 0; i < ARRAY_LENGTH(around); i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(around); j++) {
			check_base64(around[i], around[j], false);
			check_base64(around[i], around[j], true);
		}
	}
}
END_TEST

START_TEST(base64_with_escaped_slashes_is_seen_too)
{
	ck_assert(redact_remember(TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff")));
	assert_text(masked("////////////"), "************");
	assert_text(masked("\\/\\/\\/\\/\\/\\/\\/\\/\\/\\/\\/\\/"), "************************");
	assert_text(masked("%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F"),
	            "************************************");
}
END_TEST

START_TEST(overlapping_secrets_leave_no_tail)
{
	ck_assert(redact_remember(TEXT("abcdefgh1234")));
	ck_assert(redact_remember(TEXT("1234wxyz")));
	ck_assert(redact_remember(TEXT("abcdefgh1234567890")));
	assert_text(masked("abcdefgh1234wxyz!"), "****************!");
	assert_text(masked("abcdefgh1234567890!"), "******************!");
	assert_text(masked("abcdefgh12345!"), "************5!");
	ck_assert(redact_remember(TEXT("aaaaaaaa")));
	assert_text(masked("aaaaaaaaaaa-aaaaaaa"), "***********-aaaaaaa");
}
END_TEST

START_TEST(hostile_escapes_are_only_text)
{
	ck_assert(redact_remember(TEXT("%25secret%25")));
	assert_text(masked("%25secret%25"), "************");
	assert_text(masked("%2525secret%2525"), "****************");
	assert_text(masked("%25secret%2"), "%25secret%2");
	assert_text(masked("%"), "%");
	assert_text(masked("\\"), "\\");
	assert_text(masked("\\u00"), "\\u00");
	assert_text(masked("%zz\\uzzzz\\u00zz%"), "%zz\\uzzzz\\u00zz%");
}
END_TEST

/* A slow and obvious search must agree wherever the text has no escapes in it. */
START_TEST(the_fast_search_agrees_with_the_obvious_one)
{
	static const char *const secrets[] = {"abababab", "bbbbabab", "babbabbabb", "aaaabbbb"};
	uint32_t seed = 1;
	char text[64];
	char want[64];

	for (size_t i = 0; i < ARRAY_LENGTH(secrets); i++)
		ck_assert(redact_remember(text_of(secrets[i])));
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = (seed >> 24 & 1) != 0 ? 'a' : 'b';
		}
		memcpy(want, text, sizeof(text));
		for (size_t at = 0; at < sizeof(text); at++) {
			struct text rest = {text + at, sizeof(text) - at};
			for (size_t i = 0; i < ARRAY_LENGTH(secrets); i++)
				if (text_starts(rest, text_of(secrets[i])))
					memset(want + at, '*', strlen(secrets[i]));
		}
		(void)redact_bytes(text, sizeof(text));
		ck_assert_mem_eq(text, want, sizeof(text));
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, NULL, forget);
	tcase_add_test(cases, a_secret_is_masked_wherever_it_stands);
	tcase_add_test(cases, what_holds_no_secret_is_handed_back_as_it_is);
	tcase_add_test(cases, too_short_too_long_and_too_many_are_said);
	tcase_add_test(cases, percent_encoding_does_not_hide_a_secret);
	tcase_add_test(cases, json_escapes_do_not_hide_a_secret);
	tcase_add_test(cases, base64_does_not_hide_a_secret_at_any_alignment);
	tcase_add_test(cases, base64_with_escaped_slashes_is_seen_too);
	tcase_add_test(cases, overlapping_secrets_leave_no_tail);
	tcase_add_test(cases, hostile_escapes_are_only_text);
	tcase_add_test(cases, the_fast_search_agrees_with_the_obvious_one);
}

int main(void)
{
	return unit_main("redact", add);
}
