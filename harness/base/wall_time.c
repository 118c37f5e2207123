/* Moments as people and files write them: ISO 8601 in UTC (RFC 3339). See loop.h. */
#include "harness/base/loop.h"

enum { WALL_BYTES = sizeof("2026-11-21T10:00:00.000Z") };

static const int64_t DAY_MS = 86400000;
/* What four digits of a year can say: 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z. */
static const int64_t WALL_MIN_MS = -62167219200000;
static const int64_t WALL_MAX_MS = 253402300799999;

/*
 * Days since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years
 * from a 1st of March, so that the leap day is the last of its year.
 */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t shifted = month <= 2 ? year - 1 : year;
	int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
	int64_t year_of_era = shifted - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static void date_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t from_march = days + 719468;
	int64_t era = (from_march >= 0 ? from_march : from_march - 146096) / 146097;
	int64_t day_of_era = from_march - era * 146097;
	int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted_month = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
	*month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static char *put_number(char *at, int number, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		at[i] = (char)('0' + number % 10);
		number /= 10;
	}
	return at + digits;
}

struct text wall_format(struct arena *arena, int64_t wall_ms, bool millis)
{
	int year, month, day;
	int64_t clamped = int64_max(int64_min(wall_ms, WALL_MAX_MS), WALL_MIN_MS);
	int64_t days = clamped / DAY_MS - (clamped % DAY_MS < 0);
	int rest = (int)(clamped - days * DAY_MS);

	date_from_days(days, &year, &month, &day);
	/* By hand: each answer of the proxy says a moment or two. */
	const int parts[] = {month, day, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60};
	char *bytes = arena_alloc_bytes(arena, WALL_BYTES);
	char *at = put_number(bytes, year, 4);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		*at++ = "--T::"[i];
		at = put_number(at, parts[i], 2);
	}
	if (millis) {
		*at++ = '.';
		at = put_number(at, rest % 1000, 3);
	}
	*at++ = 'Z';
	return (struct text){bytes, (size_t)(at - bytes)};
}

/* --- reading --- */

/* Cuts exactly `digits` digits off `view`; the number lies within [min, max]. */
static bool take_number(struct text *view, size_t digits, int min, int max, int64_t *out)
{
	int64_t value = 0;

	if (view->len < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (view->data[i] < '0' || view->data[i] > '9')
			return false;
		value = value * 10 + (view->data[i] - '0');
	}
	*view = text_slice(*view, digits, view->len);
	*out = value;
	return value >= min && value <= max;
}

static bool take_byte(struct text *view, char byte)
{
	if (view->len == 0 || view->data[0] != byte)
		return false;
	*view = text_slice(*view, 1, view->len);
	return true;
}

static int days_in_month(int64_t year, int64_t month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(struct text *view, int64_t *out_ms)
{
	int64_t year, month, day;

	if (!take_number(view, 4, 0, 9999, &year) || !take_byte(view, '-') ||
	    !take_number(view, 2, 1, 12, &month) || !take_byte(view, '-') ||
	    !take_number(view, 2, 1, days_in_month(year, month), &day))
		return false;
	*out_ms = days_from_date(year, month, day) * DAY_MS;
	return true;
}

/* ".5", ".123456": cut to milliseconds. */
static bool take_fraction(struct text *view, int64_t *out_ms)
{
	int64_t digit;
	int64_t weight = 100;
	size_t digits = 0;

	*out_ms = 0;
	if (!take_byte(view, '.'))
		return true;
	for (; take_number(view, 1, 0, 9, &digit); digits++) {
		*out_ms += digit * weight;
		weight /= 10;
	}
	return digits > 0 && digits <= 9;
}

static bool take_offset(struct text *view, int64_t *out_ms)
{
	int64_t hours, minutes;

	*out_ms = 0;
	if (take_byte(view, 'Z'))
		return true;
	int64_t sign = take_byte(view, '-') ? -1 : 1;
	if (sign > 0 && !take_byte(view, '+'))
		return false;
	if (!take_number(view, 2, 0, 23, &hours) || !take_byte(view, ':') ||
	    !take_number(view, 2, 0, 59, &minutes))
		return false;
	*out_ms = sign * (hours * 60 + minutes) * 60000;
	return true;
}

bool wall_parse(struct text view, int64_t *out_wall_ms)
{
	int64_t date_ms, hours, minutes, seconds, fraction_ms, offset_ms;

	if (!take_date(&view, &date_ms))
		return false;
	if (view.len == 0) {
		*out_wall_ms = date_ms;
		return true;
	}
	if (!take_byte(&view, 'T') || !take_number(&view, 2, 0, 23, &hours) ||
	    !take_byte(&view, ':') || !take_number(&view, 2, 0, 59, &minutes) ||
	    !take_byte(&view, ':') || !take_number(&view, 2, 0, 59, &seconds) ||
	    !take_fraction(&view, &fraction_ms) || !take_offset(&view, &offset_ms) || view.len > 0)
		return false;
	*out_wall_ms =
	    date_ms + ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction_ms - offset_ms;
	return true;
}
