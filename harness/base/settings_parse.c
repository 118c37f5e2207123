/* The values of settings: durations, sizes and money, read exactly or not at all. */
#include "harness/base/settings.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
	const char *suffix;
	int64_t factor;
};

/* Largest first: the order in which a value is written. */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit byte_units[] = {
    {"g", 1 << 30},
    {"m", 1 << 20},
    {"k", 1 << 10},
    {"", 1},
};

/* Digits and one of the units, nothing else. */
static bool parse_units(struct text view, const struct unit *units, size_t count, int64_t *out)
{
	size_t digits = 0;

	while (digits < view.len && view.data[digits] >= '0' && view.data[digits] <= '9')
		digits++;
	struct text suffix = text_slice(view, digits, view.len);
	for (size_t i = 0; i < count; i++) {
		int64_t value;
		if (!text_equal_ignoring_case(suffix, text_of(units[i].suffix)))
			continue;
		if (!text_to_int64(text_slice(view, 0, digits), 0, INT64_MAX / units[i].factor,
		                   &value))
			return false;
		*out = value * units[i].factor;
		return true;
	}
	return false;
}

/* A hundred years: in microseconds, and from any moment on, it still counts without overflow. */
#define DURATION_MAX_MS ((int64_t)36500 * 86400000)

bool setting_parse_duration(struct text view, int64_t *out_ms)
{
	if (text_is(view, "0")) { /* nothing is nothing in every unit */
		*out_ms = 0;
		return true;
	}
	return parse_units(view, duration_units, ARRAY_LENGTH(duration_units), out_ms) &&
	       *out_ms <= DURATION_MAX_MS;
}

bool setting_parse_bytes(struct text view, int64_t *out)
{
	return parse_units(view, byte_units, ARRAY_LENGTH(byte_units), out);
}

static void format_units(int64_t value, const struct unit *units, char out[SETTING_FORMAT_BYTES])
{
	while (value == 0 ? units->factor != 1 : value % units->factor != 0)
		units++;
	(void)snprintf(out, SETTING_FORMAT_BYTES, "%" PRId64 "%s", value / units->factor,
	               units->suffix);
}

void setting_format_duration(int64_t ms, char out[SETTING_FORMAT_BYTES])
{
	format_units(ms, duration_units, out);
}

void setting_format_bytes(int64_t bytes, char out[SETTING_FORMAT_BYTES])
{
	format_units(bytes, byte_units, out);
}

/* --- money --- */

enum {
	USD_DECIMALS = 12,
	USD_MAX_EXPONENT =
	    1000, /* beyond it no digit is left in range, or none but zeros is there */
};

/* A decimal's digits without its point: value = digits * 10^scale. */
struct digits {
	struct text whole, fraction;
	int64_t scale;
};

static size_t count_digits(struct text view, size_t from)
{
	size_t at = from;

	while (at < view.len && view.data[at] >= '0' && view.data[at] <= '9')
		at++;
	return at - from;
}

/* digits [. digits] [e [+-] digits] */
static bool split_decimal(struct text view, struct digits *out)
{
	size_t at = count_digits(view, 0);
	int64_t exponent = 0;

	out->whole = text_slice(view, 0, at);
	out->fraction = (struct text){NULL, 0};
	if (at == 0)
		return false;
	if (at < view.len && view.data[at] == '.') {
		size_t count = count_digits(view, at + 1);
		if (count == 0)
			return false;
		out->fraction = text_slice(view, at + 1, at + 1 + count);
		at += 1 + count;
	}
	if (at < view.len && (view.data[at] == 'e' || view.data[at] == 'E')) {
		at++;
		if (at < view.len && view.data[at] == '+' && count_digits(view, at + 1) != 0)
			at++;
		if (!text_to_int64(text_slice(view, at, view.len), -USD_MAX_EXPONENT,
		                   USD_MAX_EXPONENT, &exponent))
			return false;
		at = view.len;
	}
	out->scale = exponent - (int64_t)out->fraction.len;
	return at == view.len;
}

bool setting_parse_usd(struct text view, int64_t *out_pico_usd)
{
	struct digits digits;
	int64_t value = 0;

	if (!split_decimal(view, &digits))
		return false;
	size_t count = digits.whole.len + digits.fraction.len;
	int64_t shift = digits.scale + USD_DECIMALS;
	for (size_t i = 0; i < count; i++) {
		char c = i < digits.whole.len ? digits.whole.data[i]
		                              : digits.fraction.data[i - digits.whole.len];
		/* Places below a pico-dollar: only zeros may stand there. */
		if (shift < 0 && i >= count - size_min((uint64_t)-shift, count)) {
			if (c != '0')
				return false;
			continue;
		}
		if (value > (INT64_MAX - (c - '0')) / 10)
			return false;
		value = value * 10 + (c - '0');
	}
	for (; shift > 0 && value != 0; shift--) {
		if (value > INT64_MAX / 10)
			return false;
		value *= 10;
	}
	*out_pico_usd = value;
	return true;
}
