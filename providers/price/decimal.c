/* Decimal numbers, exactly; see decimal.h. */
#include "providers/price/decimal.h"

enum {
	DIGITS_MAX = 39, /* of 128 bits */
	PLACES_MAX = 96,
};

static void cut_zeros(struct decimal *number)
{
	for (; number->places > 0 && number->digits % 10 == 0; number->places--)
		number->digits /= 10;
}

struct decimal decimal_of(uint64_t digits, int places)
{
	/* As cut_zeros, in 64 bits: a division of 128 takes a call. */
	for (; places > 0 && digits % 10 == 0; places--)
		digits /= 10;
	return (struct decimal){digits, places};
}

bool decimal_read(struct text text, struct decimal *out)
{
	bool point = false;

	*out = (struct decimal){0, 0};
	if (text.len == 0 || text.len > PLACES_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (c == '.' && !point && i > 0 && i + 1 < text.len) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9' ||
		    __builtin_mul_overflow(out->digits, (decimal_digits)10, &out->digits) ||
		    __builtin_add_overflow(out->digits, (decimal_digits)(c - '0'), &out->digits))
			return false;
		out->places += point;
	}
	cut_zeros(out);
	return true;
}

bool decimal_multiply(struct decimal *number, uint64_t by, int places)
{
	struct decimal product = *number;

	if (__builtin_mul_overflow(product.digits, (decimal_digits)by, &product.digits))
		return false;
	product.places += places;
	cut_zeros(&product);
	if (product.places > PLACES_MAX)
		return false;
	*number = product;
	return true;
}

void decimal_round(struct decimal *number, int places)
{
	decimal_digits last = 0;

	for (; number->places > places; number->places--) {
		last = number->digits % 10;
		number->digits /= 10;
	}
	if (last >= 5)
		number->digits++;
	cut_zeros(number);
}

void decimal_write(struct decimal number, struct text_buf *out)
{
	char text[DIGITS_MAX + PLACES_MAX + 2];
	char *at = text + sizeof(text);

	/* All places, and one digit before the point at least. */
	for (int i = 0; i <= number.places || number.digits > 0; i++) {
		if (i == number.places && i > 0)
			*--at = '.';
		*--at = (char)('0' + (int)(number.digits % 10));
		number.digits /= 10;
	}
	(void)text_buf_add(out, (struct text){at, (size_t)(text + sizeof(text) - at)});
}
