/* Views, numbers, nearest names, UTF-8 and the capped buffer. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

START_TEST(numbers_are_read_whole_or_not_at_all)
{
	int64_t value = 7;

	ck_assert(text_to_int64(TEXT("0"), 0, 10, &value) && value == 0);
	ck_assert(text_to_int64(TEXT("-9223372036854775808"), INT64_MIN, INT64_MAX, &value));
	ck_assert(value == INT64_MIN);
	ck_assert(text_to_int64(TEXT("9223372036854775807"), INT64_MIN, INT64_MAX, &value));
	ck_assert(value == INT64_MAX);
	ck_assert(!text_to_int64(TEXT("9223372036854775808"), INT64_MIN, INT64_MAX, &value));
	ck_assert(!text_to_int64(TEXT("-9223372036854775809"), INT64_MIN, INT64_MAX, &value));
	ck_assert(!text_to_int64(TEXT(""), 0, 10, &value));
	ck_assert(!text_to_int64(TEXT("-"), -5, 10, &value));
	ck_assert(!text_to_int64(TEXT("+1"), 0, 10, &value));
	ck_assert(!text_to_int64(TEXT("1 "), 0, 10, &value));
	ck_assert(!text_to_int64(TEXT("11"), 0, 10, &value));
}
END_TEST

/* Rates and times of a matrix: a bit of difference and a report read back says something else. */
START_TEST(doubles_are_those_of_strtod_to_the_bit)
{
	static const char *const rows[] = {"0",
	                                   "-0",
	                                   "-0.0",
	                                   "0.1",
	                                   "0.2065",
	                                   "28.626",
	                                   "123456.789",
	                                   "9007199254740992",
	                                   "9007199254740993",
	                                   "9007199254740991.5",
	                                   "0.000000000000000001",
	                                   "99999999999999999.9",
	                                   "999999999999999999",
	                                   "9999999999999999999",
	                                   "0.3333333333333333",
	                                   "1e3",
	                                   "12.5e-3",
	                                   "1e-7",
	                                   "+1",
	                                   ".5",
	                                   "5.",
	                                   "-17.25",
	                                   "00012.50"};
	double value;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		double expected = strtod(rows[i], NULL);
		ck_assert_msg(text_to_double(text_of(rows[i]), &value) && value == expected &&
		                  signbit(value) == signbit(expected),
		              "%s", rows[i]);
	}
	for (uint64_t n = 1; n < UINT64_C(1) << 60; n = n * 3 + 1) {
		char digits[64];
		for (size_t places = 0; places < 20; places++) {
			(void)snprintf(digits, sizeof(digits), "%llu.%0*llu",
			               (unsigned long long)(n >> 20), (int)places,
			               (unsigned long long)(n & 0xfff));
			ck_assert_msg(text_to_double(text_of(digits), &value) &&
			                  value == strtod(digits, NULL),
			              "%s", digits);
		}
	}
	static const char *const bad[] = {"",    "-",   ".",   "1.2.3", "1-", "--1", "e",    "1e",
	                                  "0x1", "inf", "nan", "1 ",    " 1", "1,5", "1e999"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		ck_assert_msg(!text_to_double(text_of(bad[i]), &value), "\"%s\"", bad[i]);
}
END_TEST

START_TEST(parts_are_found_where_they_stand)
{
	ck_assert_uint_eq(text_find(TEXT("aaab"), TEXT("aab"), 0), 1);
	ck_assert_uint_eq(text_find(TEXT("aaab"), TEXT("b"), 3), 3);
	ck_assert_uint_eq(text_find(TEXT("aaab"), TEXT("ba"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_eq(text_find(TEXT("a"), TEXT("ab"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_eq(text_find(TEXT("abc"), TEXT(""), 3), 3);
}
END_TEST

START_TEST(globs_match_like_a_shell)
{
	ck_assert(text_glob(TEXT("TC-*"), TEXT("TC-10")));
	ck_assert(text_glob(TEXT("*~stream"), TEXT("TC-10~stream")));
	ck_assert(text_glob(TEXT("T?-1?"), TEXT("TC-10")));
	ck_assert(text_glob(TEXT("*a*b*"), TEXT("xxaxxbxx")));
	ck_assert(!text_glob(TEXT("TC-1"), TEXT("TC-10")));
	ck_assert(!text_glob(TEXT("*a*b"), TEXT("ba")));
}
END_TEST

START_TEST(the_nearest_name_is_offered_and_a_far_one_is_not)
{
	static const char *const names[] = {"providers", "routes", "policy", "keys"};

	ck_assert_str_eq(text_nearest(TEXT("provders"), names, 4), "providers");
	ck_assert_str_eq(text_nearest(TEXT("ruotes"), names, 4), "routes");
	ck_assert_ptr_null(text_nearest(TEXT("completely"), names, 4));
	ck_assert_ptr_null(text_nearest(TEXT(""), names, 4));
	static const char *const short_names[] = {"xai", "groq"};
	ck_assert_ptr_null(text_nearest(TEXT("lab"), short_names, 2));
	ck_assert_str_eq(text_nearest(TEXT("xia"), short_names, 2), "xai");
}
END_TEST

START_TEST(only_well_formed_utf8_counts)
{
	ck_assert(text_is_utf8(TEXT("h\xc3\xa9llo \xf0\x9f\x98\x80")));
	ck_assert(!text_is_utf8(TEXT("\xc0\xaf")));         /* overlong */
	ck_assert(!text_is_utf8(TEXT("\xe0\x80\xaf")));     /* overlong */
	ck_assert(!text_is_utf8(TEXT("\xed\xa0\x80")));     /* surrogate */
	ck_assert(!text_is_utf8(TEXT("\xf4\x90\x80\x80"))); /* past U+10FFFF */
	ck_assert(!text_is_utf8(TEXT("\xe2\x82")));         /* cut */
	ck_assert_uint_eq(text_code_points(TEXT("a\xff\xe2\x82\xac")), 3);
}
END_TEST

START_TEST(one_byte_beyond_ascii_is_seen_wherever_it_stands)
{
	char bytes[40];

	ck_assert(text_is_ascii((struct text){NULL, 0}));
	for (size_t len = 1; len <= sizeof(bytes); len++)
		for (size_t at = 0; at < len; at++) {
			memset(bytes, 0x7f, sizeof(bytes));
			ck_assert(text_is_ascii((struct text){bytes, len}));
			bytes[at] = '\x80';
			ck_assert(!text_is_ascii((struct text){bytes, len}));
			ck_assert(text_is_ascii((struct text){bytes, at}));
		}
}
END_TEST

START_TEST(a_buffer_never_grows_past_its_cap)
{
	struct text_buf buf;

	text_buf_init(&buf, 8);
	ck_assert(text_buf_add_c(&buf, "12345678"));
	ck_assert(!text_buf_byte(&buf, '9'));
	ck_assert(buf.overflow);
	assert_text(text_buf_view(&buf), "12345678");
	ck_assert(!text_buf_add_c(&buf, ""));
	text_buf_reset(&buf);
	ck_assert(text_buf_format(&buf, "%d", 42));
	assert_text(text_buf_view(&buf), "42");
	text_buf_done(&buf);
}
END_TEST

START_TEST(what_could_steer_a_terminal_is_shown_instead)
{
	struct text_buf buf;

	text_buf_init(&buf, 256);
	text_buf_add_visible(&buf, TEXT("a\x1b[2J\n\xe2\x80\xae\xff\xc2\x9b z"));
	assert_text(text_buf_view(&buf), "a\\x1b[2J\\n\\u202e\\xff\\x9b z");
	text_buf_done(&buf);
}
END_TEST

START_TEST(columns_are_what_a_terminal_draws)
{
	struct arena arena = {0};

	ck_assert_uint_eq(text_columns(TEXT("abc")), 3);
	ck_assert_uint_eq(text_columns(TEXT("\xe6\x97\xa5\xe6\x9c\xac")), 4);
	ck_assert_uint_eq(text_columns(TEXT("e\xcc\x81")), 1);
	assert_text(text_visible(&arena, TEXT("abcdef"), 4), "abc\xe2\x80\xa6");
	assert_text(text_visible(&arena, TEXT("abcd"), 4), "abcd");
	arena_done(&arena);
}
END_TEST

START_TEST(a_fault_shows_its_place_with_a_caret)
{
	struct source source = {TEXT("a.yaml"), TEXT("one\n\ttwo: \xc3\xa9 bad\n")};
	struct fault fault;
	char shown[512] = {0};
	FILE *stream = fmemopen(shown, sizeof(shown) - 1, "w");

	ck_assert(!fault_at(&fault, (struct place){&source, 13}, "no \"%s\" here", "bad"));
	ck_assert(!fault_within(&fault, "loading %s", "it"));
	fault_print(&fault, stream);
	(void)fclose(stream);
	ck_assert_str_eq(shown, "a.yaml:2:9: error: no \"bad\" here\n"
	                        "   \\ttwo: \xc3\xa9 bad\n"
	                        "            ^\n"
	                        "  while loading it\n");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, numbers_are_read_whole_or_not_at_all);
	tcase_add_test(cases, doubles_are_those_of_strtod_to_the_bit);
	tcase_add_test(cases, parts_are_found_where_they_stand);
	tcase_add_test(cases, globs_match_like_a_shell);
	tcase_add_test(cases, the_nearest_name_is_offered_and_a_far_one_is_not);
	tcase_add_test(cases, only_well_formed_utf8_counts);
	tcase_add_test(cases, one_byte_beyond_ascii_is_seen_wherever_it_stands);
	tcase_add_test(cases, a_buffer_never_grows_past_its_cap);
	tcase_add_test(cases, what_could_steer_a_terminal_is_shown_instead);
	tcase_add_test(cases, columns_are_what_a_terminal_draws);
	tcase_add_test(cases, a_fault_shows_its_place_with_a_caret);
}

int main(void)
{
	return unit_main("text", add);
}
