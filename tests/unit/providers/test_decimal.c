/* Decimal numbers on a bill: exact, or refused. A digit lost here is money that is nowhere. */
#include "providers/price/decimal.h"
#include "tests/unit/unit.h"

static struct arena arena;

static struct text shown(struct decimal number)
{
	struct text_buf out;

	text_buf_init(&out, 256);
	decimal_write(number, &out);
	struct text text = text_copy(&arena, text_buf_view(&out));
	text_buf_done(&out);
	return text;
}

static struct decimal number(const char *text)
{
	struct decimal out;

	ck_assert_msg(decimal_read(text_of(text), &out), "%s", text);
	return out;
}

START_TEST(what_is_read_is_written_without_needless_zeros)
{
	static const char *const same[] = {"0",
	                                   "1",
	                                   "10",
	                                   "0.5",
	                                   "0.05",
	                                   "12.25",
	                                   "340282366920938463463374607431768211455",
	                                   "100",
	                                   "0.000000000000000000000000000001"};
	static const char *const bad[] = {
	    "",   ".",   ".5", "5.",  "1.2.3", "-1",
	    "+1", "1e3", " 1", "0x1", "1,5",   "340282366920938463463374607431768211456"};
	struct decimal out;

	for (size_t i = 0; i < ARRAY_LENGTH(same); i++)
		assert_text(shown(number(same[i])), same[i]);
	assert_text(shown(number("007.500")), "7.5");
	assert_text(shown(number("0.000")), "0");
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		ck_assert_msg(!decimal_read(text_of(bad[i]), &out), "%s", bad[i]);
}
END_TEST

START_TEST(products_are_exact_or_refused)
{
	struct decimal price = number("2.2");

	ck_assert(decimal_multiply(&price, 1100000, 6));
	assert_text(shown(price), "2.42");
	ck_assert(decimal_multiply(&price, 12345, 0));
	assert_text(shown(price), "29874.9");
	ck_assert(decimal_multiply(&price, 0, 0));
	assert_text(shown(price), "0");
	price = number("340282366920938463463374607431768211455");
	ck_assert(!decimal_multiply(&price, 2, 0));
	assert_text(shown(price), "340282366920938463463374607431768211455");
	assert_text(shown(decimal_of(1055000, 6)), "1.055");
	price = number("2.2"); /* more places than are ever written */
	ck_assert(!decimal_multiply(&price, 1, 96));
	assert_text(shown(price), "2.2");
}
END_TEST

START_TEST(rounding_is_half_up)
{
	static const struct {
		const char *from, *to;
		int places;
	} rows[] = {{"1.25", "1.3", 1},  {"1.249", "1.2", 1}, {"0.05", "0.1", 1}, {"0.04", "0", 1},
	            {"1.25", "1.25", 2}, {"9.99", "10", 1},   {"0.5", "1", 0}};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct decimal rounded = number(rows[i].from);
		decimal_round(&rounded, rows[i].places);
		assert_text(shown(rounded), rows[i].to);
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, what_is_read_is_written_without_needless_zeros);
	tcase_add_test(cases, products_are_exact_or_refused);
	tcase_add_test(cases, rounding_is_half_up);
}

int main(void)
{
	int code = unit_main("decimal", add);

	arena_done(&arena);
	return code;
}
