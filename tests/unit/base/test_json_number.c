/* Numbers as decimals: compared, tested and divided exactly, at any length. */
#include "tests/unit/unit.h"

#include "harness/base/json.h"

START_TEST(numbers_compare_by_value)
{
	static const struct {
		const char *less, *more;
	} rows[] = {
	    {"-1", "0"},
	    {"-2", "-1"},
	    {"-1e400", "-1e399"},
	    {"0", "1e-999999999999999999999999"},
	    {"1", "1.0000000000000000000000000000000000000001"},
	    {"9", "10"},
	    {"0.09", "0.1"},
	    {"18446744073709551616", "18446744073709551617"},
	    {"1e999999999999999999998", "1e999999999999999999999"},
	    {"10e99999999999999999998", "2e99999999999999999999"},
	    {"1e-999999999999999999999", "1e-999999999999999999998"},
	    {"1e-99999999999999999999", "1e99999999999999999999"},
	    {"123", "124"},
	    {"12", "123"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct text less = text_of(rows[i].less), more = text_of(rows[i].more);
		ck_assert_msg(json_number_compare(less, more) < 0, "%s %s", less.data, more.data);
		ck_assert_msg(json_number_compare(more, less) > 0, "%s %s", more.data, less.data);
	}
}
END_TEST

START_TEST(numbers_are_equal_however_they_are_spelt)
{
	static const char *const rows[][2] = {
	    {"0", "-0"},
	    {"0", "0e99"},
	    {"0.0", "-0.000E+5"},
	    {"1", "1.0"},
	    {"1", "10e-1"},
	    {"100", "1e2"},
	    {"0.01", "1e-2"},
	    {"12.50", "1.25e1"},
	    {"-1.5", "-15e-1"},
	    {"1e5", "1E+005"},
	    {"1e1000", "0.1e1001"},
	    {"1e99999999999999999999", "10e99999999999999999998"},
	    {"+1", "1"},
	    {".5", "0.5"},
	    {"007", "7"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct text a = text_of(rows[i][0]), b = text_of(rows[i][1]);
		ck_assert_msg(json_number_compare(a, b) == 0, "%s %s", a.data, b.data);
		ck_assert_msg(json_number_hash(a) == json_number_hash(b), "%s %s", a.data, b.data);
	}
	ck_assert(json_number_hash(TEXT("1")) != json_number_hash(TEXT("10")));
	ck_assert(json_number_hash(TEXT("1")) != json_number_hash(TEXT("-1")));
	ck_assert(json_number_hash(TEXT("1")) != json_number_hash(TEXT("2")));
}
END_TEST

START_TEST(what_is_no_number_does_no_harm)
{
	static const char *const rows[] = {"",     "-",    ".",     "e5",    "1e",  "1e+",
	                                   "0x1F", ".inf", "-.nan", "1.2.3", "abc", "1 "};
	int64_t value;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct text text = text_of(rows[i]);
		ck_assert_msg(!json_number_is_integer(text), "%s", rows[i]);
		ck_assert(!json_number_to_int64(text, INT64_MIN, INT64_MAX, &value));
		ck_assert(!json_number_is_multiple(text, TEXT("1")));
		ck_assert(!json_number_is_multiple(TEXT("1"), text));
		ck_assert(json_number_compare(text, text) == 0);
		ck_assert(json_number_compare(text, TEXT("1")) != 0);
	}
	ck_assert(!json_number_is_multiple(TEXT("1"), TEXT("0")));
}
END_TEST

START_TEST(integers_are_told_by_value)
{
	static const char *const integers[] = {
	    "0",     "-0.0",  "1.0", "1e400", "12.5e1", "-3", "1e999999999999999999999",
	    "0e-99", "100e-2"};
	static const char *const others[] = {"0.5", "1e-1", "12.55e1", "1e-999999999999999999999",
	                                     "100e-3"};

	for (size_t i = 0; i < ARRAY_LENGTH(integers); i++)
		ck_assert_msg(json_number_is_integer(text_of(integers[i])), "%s", integers[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		ck_assert_msg(!json_number_is_integer(text_of(others[i])), "%s", others[i]);
}
END_TEST

START_TEST(integers_fit_or_are_refused)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
	    {"0", true, 0},
	    {"-0e5", true, 0},
	    {"0.0012e4", true, 12},
	    {"42", true, 42},
	    {"0000000000000000042", true, 42},
	    {"999999999999999999", true, INT64_C(999999999999999999)},
	    {"1000000000000000000", true, INT64_C(1000000000000000000)},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"-9.223372036854775808e18", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"1e18", true, INT64_C(1000000000000000000)},
	    {"1e19", false, 0},
	    {"9999999999999999999", false, 0},
	    {"18446744073709551617", false, 0},
	    {"1.5", false, 0},
	    {"1e-999999999999999999999", false, 0},
	    {"1e999999999999999999999", false, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int64_t value = 0;
		bool good =
		    json_number_to_int64(text_of(rows[i].text), INT64_MIN, INT64_MAX, &value);
		ck_assert_msg(good == rows[i].good && value == rows[i].value, "%s", rows[i].text);
	}
	int64_t value = 0;
	ck_assert(json_number_to_int64(TEXT("10"), 10, 10, &value) && value == 10);
	ck_assert(!json_number_to_int64(TEXT("9"), 10, 20, &value) &&
	          !json_number_to_int64(TEXT("21"), 10, 20, &value) && value == 10);
}
END_TEST

START_TEST(multiples_are_exact)
{
	static const struct {
		const char *number, *divisor;
		bool multiple;
	} rows[] = {
	    {"0", "3", true},
	    {"0.0075", "0.0001", true},
	    {"0.00751", "0.0001", false},
	    {"4.5", "1.5", true},
	    {"35", "1.5", false},
	    {"-6", "3", true},
	    {"7", "2", false},
	    {"1e308", "0.123456789", false},
	    {"12391239123", "1e-8", true},
	    {"1e308", "0.5", true},
	    {"1e999999999999999999999", "64", true},
	    {"1e999999999999999999999", "3", false},
	    {"3e999999999999999999999", "3", true},
	    {"1e5", "32", true},
	    {"1e5", "64", false},
	    {"1e6", "64", true},
	    {"1e-999999999999999999999", "1", false},
	    {"1", "1e-999999999999999999999", true},
	    {"20", "1e1", true},
	    {"25", "1e1", false},
	    {"18446744073709551616", "18446744073709551616", true},
	    {"36893488147419103232", "18446744073709551616", true},
	    {"36893488147419103233", "18446744073709551616", false},
	    {"1e100", "1267650600228229401496703205376", true}, /* 2^100 */
	    {"1e99", "1267650600228229401496703205376", false},
	    {"1e100", "1267650600228229401496703205377", false},
	    {"152415787532388367501905199875019052100", "12345678901234567890", true},
	    {"152415787532388367501905199875019052101", "12345678901234567890", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		ck_assert_msg(json_number_is_multiple(text_of(rows[i].number),
		                                      text_of(rows[i].divisor)) == rows[i].multiple,
		              "%s %s", rows[i].number, rows[i].divisor);
}
END_TEST

/* Small numbers, where the machine knows the answer, against every spelling of ours. */
START_TEST(small_numbers_agree_with_the_machine)
{
	struct arena arena = {0};

	for (int a = -60; a <= 60; a++) {
		for (int b = 1; b <= 60; b++) {
			struct text x = text_format(&arena, "%d.0e%d", a, a & 3);
			struct text y = text_format(&arena, "%d000e-3", b);
			int value = a;
			for (int i = 0; i < (a & 3); i++)
				value *= 10;
			int order = (value > b) - (value < b);
			int found = json_number_compare(x, y);
			ck_assert_msg((found > 0) - (found < 0) == order, "%s %s", x.data, y.data);
			ck_assert_msg(json_number_is_multiple(x, y) == (value % b == 0), "%s %s",
			              x.data, y.data);
		}
	}
	arena_done(&arena);
}
END_TEST

START_TEST(a_million_digits_cost_no_more_than_reading_them)
{
	enum { DIGITS = 1000000 };
	char *digits = memory_new(DIGITS);

	memset(digits, '7', DIGITS);
	struct text number = {digits, DIGITS};
	struct text shorter = {digits, DIGITS - 1};
	ck_assert(json_number_is_integer(number));
	ck_assert_int_gt(json_number_compare(number, shorter), 0);
	ck_assert(json_number_is_multiple(number, TEXT("7")));
	ck_assert(!json_number_is_multiple(number, TEXT("2")));
	memory_free(digits);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, numbers_compare_by_value);
	tcase_add_test(cases, numbers_are_equal_however_they_are_spelt);
	tcase_add_test(cases, what_is_no_number_does_no_harm);
	tcase_add_test(cases, integers_are_told_by_value);
	tcase_add_test(cases, integers_fit_or_are_refused);
	tcase_add_test(cases, multiples_are_exact);
	tcase_add_test(cases, small_numbers_agree_with_the_machine);
	tcase_add_test(cases, a_million_digits_cost_no_more_than_reading_them);
}

int main(void)
{
	return unit_main("json_number", add);
}
