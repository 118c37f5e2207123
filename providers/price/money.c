/* Sums of money as numbers and as text; see money.h. */
#include "providers/price/money.h"

static const int64_t ONE_USD = 1000000000000;

/* Digits of whole USD and `decimals` behind the point; units: of the last decimal. */
static struct text format(money units, int decimals, bool cut_zeros, struct arena *arena)
{
	enum { DIGITS_MAX = 64 };
	char digits[DIGITS_MAX];
	char *at = digits + sizeof(digits);
	bool negative = units < 0;
	bool shown = false;

	if (negative)
		units = -units;
	for (int i = 0; i < decimals; i++, units /= 10) {
		char digit = (char)('0' + (int)(units % 10));
		shown = shown || !cut_zeros || digit != '0';
		if (shown)
			*--at = digit;
	}
	if (shown)
		*--at = '.';
	do {
		*--at = (char)('0' + (int)(units % 10));
		units /= 10;
	} while (units > 0);
	if (negative)
		*--at = '-';
	return text_copy(arena, (struct text){at, (size_t)(digits + sizeof(digits) - at)});
}

struct text money_text(money amount, struct arena *arena)
{
	return format(amount, MONEY_DECIMALS, true, arena);
}

struct text money_text_rounded(money amount, int decimals, struct arena *arena)
{
	int64_t unit = 1;

	for (int i = decimals; i < MONEY_DECIMALS; i++)
		unit *= 10;
	return format(money_scale(amount, 1, unit), decimals, false, arena);
}

money money_scale(money amount, int64_t by, int64_t over)
{
	bool negative = amount < 0;
	money product = (negative ? -amount : amount) * by;
	money quotient = product / over;

	if (product % over * 2 >= over)
		quotient++;
	return negative ? -quotient : quotient;
}

double money_usd(money amount)
{
	return (double)amount / (double)ONE_USD;
}
