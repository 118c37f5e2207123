/* Pictures of words: what is drawn is a PNG, and what is read from its pixels is the word. */
#include "cases/picture.h"

#include "harness/base/base64.h"
#include "tests/unit/unit.h"

static struct arena arena;

static void tear_down(void)
{
	arena_done(&arena);
}

static struct text png_of(struct text url)
{
	struct text png;

	ck_assert(text_starts(url, TEXT("data:image/png;base64,")));
	ck_assert(base64_decode(text_slice(url, 22, url.len), &arena, &png));
	return png;
}

static struct text url_of(struct text png)
{
	return text_format(&arena, "data:image/png;base64,%.*s",
	                   TEXT_ARG(base64_encode(&arena, png)));
}

START_TEST(every_letter_of_a_nonce_is_told_apart)
{
	static const char *const words[] = {"bcdfghjkmnprtvwz", "aeiu23456789", "k", "baf2ced3"};
	struct text word;

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		ck_assert_msg(picture_read(picture_url(&arena, text_of(words[i])), &arena, &word),
		              "%s", words[i]);
		assert_text(word, words[i]);
	}
}
END_TEST

START_TEST(it_is_a_png_from_end_to_end)
{
	struct text png = png_of(picture_url(&arena, TEXT("baf2ced3")));

	ck_assert(text_starts(png, TEXT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\xa0\0\0\0\x68")));
	/* The checksum of an empty IEND is the same in every PNG. */
	ck_assert(text_ends(png, TEXT("IEND\xae\x42\x60\x82")));
	ck_assert_uint_lt(png.len, 1000);
}
END_TEST

START_TEST(what_is_none_of_ours_is_not_read)
{
	struct text url = picture_url(&arena, TEXT("baf2ced3"));
	struct text png = png_of(url), word;
	char *bytes = arena_alloc_bytes(&arena, png.len);

	ck_assert(!picture_read(TEXT("https://x.invalid/a.png"), &arena, &word));
	ck_assert(!picture_read(TEXT("data:image/png;base64,AAAA"), &arena, &word));
	ck_assert(!picture_read(TEXT("data:image/png;base64,*"), &arena, &word));
	ck_assert(!picture_read(picture_url(&arena, TEXT("")), &arena, &word));
	ck_assert(!picture_read(picture_url(&arena, TEXT("o")), &arena, &word)); /* left blank */
	for (size_t cut = 0; cut < png.len - 12; cut++)
		ck_assert(!picture_read(url_of(text_slice(png, 0, cut)), &arena, &word));
	/* No changed byte ends the process; what is read then is some word or none. */
	for (size_t at = 0; at < png.len; at++) {
		memcpy(bytes, png.data, png.len);
		bytes[at] = (char)(bytes[at] ^ 0x55);
		(void)!picture_read(url_of((struct text){bytes, png.len}), &arena, &word);
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, every_letter_of_a_nonce_is_told_apart);
	tcase_add_test(cases, it_is_a_png_from_end_to_end);
	tcase_add_test(cases, what_is_none_of_ours_is_not_read);
}

int main(void)
{
	return unit_main("picture", add);
}
