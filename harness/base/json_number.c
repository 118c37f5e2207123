/*
 * Numbers as they were written, compared by value and exactly: no double, no rounding.
 *
 * A number is a run of significant digits, and where its point stands. The point may be
 * 1e999999999 away and the digits may be a million, so nothing is ever written out: digits are
 * read in place, exponents are compared as digits too.
 */
#include "harness/base/json.h"

/* Far beyond any number of digits we hold, far below where an int64 ends. */
#define EXPONENT_CLAMP INT64_C(1000000000000000)

enum {
	SMALL_DIGITS = 18, /* ten times such a number, and nine more, fit a uint64 */
	LIMB_DIGITS = 9,
	LIMB_BASE = 1000000000,
};

/* 0.d1 d2 d3 ... x 10^(exponent + shift), where d1 and the last digit are not 0. */
struct decimal {
	struct text whole;    /* digits before the point */
	struct text fraction; /* digits behind it */
	struct text exponent; /* its digits, without leading zeros */
	bool exponent_negative;
	bool negative;
	size_t first; /* of the significant digits, counted over whole and fraction */
	size_t count; /* 0: the number is zero */
	int64_t shift;
};

static struct text take_digits(struct text *rest)
{
	size_t count = 0;

	while (count < rest->len && rest->data[count] >= '0' && rest->data[count] <= '9')
		count++;
	struct text digits = text_slice(*rest, 0, count);
	*rest = text_slice(*rest, count, rest->len);
	return digits;
}

static bool take_byte(struct text *rest, char byte)
{
	if (rest->len == 0 || rest->data[0] != byte)
		return false;
	*rest = text_slice(*rest, 1, rest->len);
	return true;
}

/* A minus sign is taken and told; a plus sign is only taken. */
static bool take_sign(struct text *rest)
{
	if (take_byte(rest, '-'))
		return true;
	(void)take_byte(rest, '+');
	return false;
}

static unsigned digit_at(const struct decimal *number, size_t index)
{
	size_t at = number->first + index;

	ASSUME(at < number->whole.len + number->fraction.len);
	char digit = at < number->whole.len ? number->whole.data[at]
	                                    : number->fraction.data[at - number->whole.len];
	return (unsigned)(digit - '0');
}

static void find_significant(struct decimal *number)
{
	size_t total = number->whole.len + number->fraction.len;

	while (number->first < total && digit_at(number, 0) == 0)
		number->first++;
	number->count = total - number->first;
	while (number->count > 0 && digit_at(number, number->count - 1) == 0)
		number->count--;
	number->shift = (int64_t)number->whole.len - (int64_t)number->first;
}

/* Takes what YAML writes too (+1, .5); what is no decimal number at all is refused. */
static bool decimal_read(struct text text, struct decimal *out)
{
	*out = (struct decimal){0};
	out->negative = take_sign(&text);
	out->whole = take_digits(&text);
	if (take_byte(&text, '.'))
		out->fraction = take_digits(&text);
	if (out->whole.len + out->fraction.len == 0)
		return false;
	if (take_byte(&text, 'e') || take_byte(&text, 'E')) {
		out->exponent_negative = take_sign(&text);
		while (text.len > 1 && text.data[0] == '0')
			text = text_slice(text, 1, text.len);
		out->exponent = take_digits(&text);
		if (out->exponent.len == 0)
			return false;
	}
	if (text.len > 0)
		return false;
	find_significant(out);
	return true;
}

/*
 * a's exponent less b's, exact within the clamp. Digits come from the left: once the
 * difference is that large, no digit to come can bring it back.
 */
static int64_t exponent_difference(const struct decimal *a, const struct decimal *b)
{
	struct text left = a->exponent, right = b->exponent;
	size_t len = left.len > right.len ? left.len : right.len;
	int64_t difference = 0;

	for (size_t place = len; place > 0; place--) {
		int64_t x = place <= left.len ? left.data[left.len - place] - '0' : 0;
		int64_t y = place <= right.len ? right.data[right.len - place] - '0' : 0;
		difference = difference * 10 + (a->exponent_negative ? -x : x) -
		             (b->exponent_negative ? -y : y);
		if (difference >= EXPONENT_CLAMP)
			return EXPONENT_CLAMP;
		if (difference <= -EXPONENT_CLAMP)
			return -EXPONENT_CLAMP;
	}
	return difference;
}

/* Where the point stands, counted from the first significant digit. */
static int64_t point_of(const struct decimal *number)
{
	static const struct decimal none = {0};
	return exponent_difference(number, &none) + number->shift;
}

static int compare_magnitude(const struct decimal *a, const struct decimal *b)
{
	int64_t difference = exponent_difference(a, b) + a->shift - b->shift;

	if (difference != 0)
		return difference < 0 ? -1 : 1;
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		unsigned x = digit_at(a, i), y = digit_at(b, i);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a->count > b->count) - (a->count < b->count);
}

static int sign_of(const struct decimal *number)
{
	if (number->count == 0)
		return 0;
	return number->negative ? -1 : 1;
}

int json_number_compare(struct text a, struct text b)
{
	struct decimal x, y;

	if (text_equal(a, b))
		return 0;
	if (!decimal_read(a, &x) || !decimal_read(b, &y))
		return text_compare(a, b);
	int sign = sign_of(&x);
	if (sign != sign_of(&y))
		return sign < sign_of(&y) ? -1 : 1;
	return sign == 0 ? 0 : sign * compare_magnitude(&x, &y);
}

bool json_number_is_integer(struct text text)
{
	struct decimal number;

	if (!decimal_read(text, &number))
		return false;
	return number.count == 0 || point_of(&number) >= (int64_t)number.count;
}

uint64_t json_number_hash(struct text text)
{
	struct decimal number;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (!decimal_read(text, &number) || number.count == 0)
		return 0;
	for (size_t i = 0; i < number.count; i++)
		hash = (hash ^ digit_at(&number, i)) * UINT64_C(0x100000001b3);
	/* Well inside the clamp, so that all spellings of a clamped exponent meet. */
	int64_t point =
	    int64_max(int64_min(point_of(&number), EXPONENT_CLAMP / 2), -EXPONENT_CLAMP / 2);
	return (hash ^ (uint64_t)point) * 2 + number.negative;
}

/* 123, as nearly all are: digits alone. */
static bool plain_digits(struct text text, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(text.data[i] - '0');
	}
	return text.len > 0;
}

bool json_number_to_int64(struct text text, int64_t min, int64_t max, int64_t *out)
{
	struct decimal number;
	uint64_t value = 0;

	if (text.len <= SMALL_DIGITS && plain_digits(text, &value)) {
		if ((int64_t)value < min || (int64_t)value > max)
			return false;
		*out = (int64_t)value;
		return true;
	}
	value = 0;
	if (!decimal_read(text, &number))
		return false;
	if (number.count > 0) {
		int64_t point = point_of(&number);
		if (point > 19 || point < (int64_t)number.count)
			return false;
		for (size_t i = 0; i < (size_t)point; i++)
			value = value * 10 + (i < number.count ? digit_at(&number, i) : 0);
	}
	if (value > (uint64_t)INT64_MAX + number.negative)
		return false;
	/* Negated before it is signed: INT64_MIN has no positive twin. */
	int64_t found = number.negative ? (int64_t)(0 - value) : (int64_t)value;
	if (found < min || found > max)
		return false;
	*out = found;
	return true;
}

/* --- multiples -------------------------------------------------------------------- */

static bool divides_small(const struct decimal *divisor, const struct decimal *number, size_t zeros)
{
	uint64_t modulus = 0, rest = 0;

	for (size_t i = 0; i < divisor->count; i++)
		modulus = modulus * 10 + digit_at(divisor, i);
	for (size_t i = 0; i < number->count + zeros; i++)
		rest = (rest * 10 + (i < number->count ? digit_at(number, i) : 0)) % modulus;
	return rest == 0;
}

/* Limbs of LIMB_DIGITS digits, lowest first. rest = rest * 10 + digit. */
static void shift_in(uint32_t *rest, size_t limbs, unsigned digit)
{
	uint64_t carry = digit;

	for (size_t i = 0; i < limbs; i++) {
		uint64_t value = (uint64_t)rest[i] * 10 + carry;
		rest[i] = (uint32_t)(value % LIMB_BASE);
		carry = value / LIMB_BASE;
	}
}

static bool is_at_least(const uint32_t *rest, const uint32_t *modulus, size_t limbs)
{
	for (size_t i = limbs; i > 0; i--) {
		if (rest[i - 1] != modulus[i - 1])
			return rest[i - 1] > modulus[i - 1];
	}
	return true;
}

static void subtract(uint32_t *rest, const uint32_t *modulus, size_t limbs)
{
	uint32_t borrow = 0;

	for (size_t i = 0; i < limbs; i++) {
		uint32_t take = modulus[i] + borrow;
		borrow = rest[i] < take;
		rest[i] = rest[i] + (borrow ? (uint32_t)LIMB_BASE : 0) - take;
	}
}

static bool divides_large(const struct decimal *divisor, const struct decimal *number, size_t zeros)
{
	/* One limb more than the divisor has: the rest grows tenfold before it shrinks. */
	size_t limbs = divisor->count / LIMB_DIGITS + 2;
	uint32_t *modulus = memory_new_array(limbs, sizeof(*modulus));
	uint32_t *rest = memory_new_array(limbs, sizeof(*rest));
	bool divides = true;

	for (size_t i = 0; i < divisor->count; i++)
		shift_in(modulus, limbs, digit_at(divisor, i));
	for (size_t i = 0; i < number->count + zeros; i++) {
		shift_in(rest, limbs, i < number->count ? digit_at(number, i) : 0);
		while (is_at_least(rest, modulus, limbs))
			subtract(rest, modulus, limbs);
	}
	for (size_t i = 0; i < limbs; i++)
		divides = divides && rest[i] == 0;
	memory_free(modulus);
	memory_free(rest);
	return divides;
}

bool json_number_is_multiple(struct text a, struct text b)
{
	struct decimal number, divisor;

	if (!decimal_read(a, &number) || !decimal_read(b, &divisor) || divisor.count == 0)
		return false;
	if (number.count == 0)
		return true;
	/* Both as whole numbers without a zero at the end, times a power of ten. */
	int64_t power = exponent_difference(&number, &divisor) + number.shift - divisor.shift -
	                (int64_t)number.count + (int64_t)divisor.count;
	if (power < 0)
		return false; /* ten divides the divisor then, and it does not divide the number */
	/* More zeros than the divisor has factors 2 or 5 change nothing: 10^d < 2^(4d). */
	size_t zeros = (size_t)int64_min(power, (int64_t)divisor.count * 4);
	if (divisor.count <= SMALL_DIGITS)
		return divides_small(&divisor, &number, zeros);
	return divides_large(&divisor, &number, zeros);
}
