/*
 * How long to wait before asking again: what a response says about it, in the forms
 * that are seen in the wild, and what we choose where it says nothing.
 */
#include "providers/wire/pace.h"

enum {
	RETRY_AFTER_MAX_MS = 3600 * 1000,
	BACKOFF_FIRST_MS = 500,
	BACKOFF_MAX_MS = 30 * 1000,
	RESET_NAME_MAX_BYTES =
	    40, /* the longest known is "anthropic-ratelimit-output-tokens-reset" */
	REMAINING_NAME_BYTES = 64, /* "x-ratelimit-remaining-" and such a name's scope, with NUL */
};

static int64_t clamp_ms(int64_t ms)
{
	return int64_max(0, int64_min(ms, RETRY_AFTER_MAX_MS));
}

/* --- numbers: "30", "-1", "1.5" --- */

/*
 * Cuts a decimal off the start of `rest`, in thousandths, saturating at what
 * is absurd anyhow. False where no digit stands.
 */
static bool take_decimal(struct text *rest, int64_t *thousandths)
{
	static const int64_t ENOUGH = INT64_C(1000000000000);
	int64_t value = 0, scale = 100;
	size_t at = 0;

	while (at < rest->len && rest->data[at] >= '0' && rest->data[at] <= '9')
		value = int64_min(value * 10 + (rest->data[at++] - '0'), ENOUGH);
	if (at == 0)
		return false;
	value *= 1000;
	if (at < rest->len && rest->data[at] == '.') {
		at++;
		if (at == rest->len || rest->data[at] < '0' || rest->data[at] > '9')
			return false;
		while (at < rest->len && rest->data[at] >= '0' && rest->data[at] <= '9') {
			value += (rest->data[at++] - '0') * scale;
			scale /= 10;
		}
	}
	*rest = text_slice(*rest, at, rest->len);
	*thousandths = value;
	return true;
}

/* The whole view as a number of units, each of `unit_us` microseconds, in milliseconds; or -1. */
static int64_t number_ms(struct text view, int64_t unit_us)
{
	bool negative = view.len > 0 && view.data[0] == '-';
	struct text rest = negative ? text_slice(view, 1, view.len) : view;
	int64_t thousandths;

	if (!take_decimal(&rest, &thousandths) || rest.len != 0)
		return -1;
	return negative ? 0
	                : clamp_ms(thousandths / 1000 * unit_us / 1000 +
	                           thousandths % 1000 * unit_us / 1000000);
}

/* --- durations as Go prints them: "6m0s", "12ms", "2m59.56s", "1h2m3s"; or -1 --- */

static bool take_unit(struct text *rest, int64_t *unit_us)
{
	static const struct {
		struct text name;
		int64_t us;
	} units[] = {
	    /* "ms" before "m": the longer name first */
	    {TEXT_INIT("ms"), 1000},      {TEXT_INIT("us"), 1},
	    {TEXT_INIT("\xc2\xb5s"), 1},  {TEXT_INIT("ns"), 0},
	    {TEXT_INIT("s"), 1000000},    {TEXT_INIT("m"), 60000000},
	    {TEXT_INIT("h"), 3600000000}, {TEXT_INIT("d"), 86400000000},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		if (text_starts(*rest, units[i].name)) {
			*unit_us = units[i].us;
			*rest = text_slice(*rest, units[i].name.len, rest->len);
			return true;
		}
	}
	return false;
}

static int64_t go_duration_ms(struct text view)
{
	struct text rest = view;
	int64_t total_us = 0;

	if (rest.len == 0)
		return -1;
	while (rest.len > 0) {
		int64_t thousandths, unit_us, part;

		if (!take_decimal(&rest, &thousandths) || !take_unit(&rest, &unit_us))
			return -1;
		if (__builtin_mul_overflow(thousandths, unit_us, &part))
			part = INT64_MAX;
		total_us = int64_min(total_us + part / 1000, INT64_MAX / 2);
	}
	return clamp_ms(total_us / 1000 + (total_us % 1000 != 0));
}

/* --- dates (RFC 9110, 5.6.7): all three forms --- */

static bool month_number(struct text name, int *month)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (name.len == 3 && memcmp(name.data, names + 3 * i, 3) == 0) {
			*month = i + 1;
			return true;
		}
	}
	return false;
}

/* Fields between blanks; up to `max`. Returns how many, max + 1 for more. */
static size_t split_blanks(struct text view, struct text *fields, size_t max)
{
	struct text rest = view, field;
	size_t count = 0;

	while (text_next_field(&rest, ' ', &field)) {
		if (field.len == 0)
			continue;
		if (count == max)
			return max + 1;
		fields[count++] = field;
	}
	return count;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994" */
static bool http_date(struct text view, int64_t now_wall_ms, int64_t *out_wall_ms)
{
	static const int64_t FIFTY_YEARS_MS = INT64_C(50) * 31556952 * 1000;
	struct text fields[6], day, month_name, year_text, clock;
	size_t count = split_blanks(view, fields, 6);
	int month;
	int64_t day_number, year;
	char iso[32];

	if (count == 6 && text_is(fields[5], "GMT")) {
		day = fields[1], month_name = fields[2], year_text = fields[3], clock = fields[4];
	} else if (count == 4 && text_is(fields[3], "GMT")) {
		struct text rest = fields[1];

		if (!text_next_field(&rest, '-', &day) || !text_next_field(&rest, '-', &month_name))
			return false;
		year_text = rest, clock = fields[2];
	} else if (count == 5) {
		day = fields[2], month_name = fields[1], clock = fields[3], year_text = fields[4];
	} else {
		return false;
	}
	if (!month_number(month_name, &month) || !text_to_int64(day, 1, 31, &day_number) ||
	    !text_to_int64(year_text, 0, 9999, &year) || clock.len != 8)
		return false;
	bool two_digits = year_text.len == 2;
	if (two_digits)
		year += 2000;
	int len = snprintf(iso, sizeof(iso), "%04d-%02d-%02dT%.8sZ", (int)year, month,
	                   (int)day_number, clock.data);
	if (!wall_parse((struct text){iso, (size_t)len}, out_wall_ms))
		return false;
	/* More than 50 years ahead means the past century. */
	if (two_digits && *out_wall_ms - now_wall_ms > FIFTY_YEARS_MS)
		*out_wall_ms -= 2 * FIFTY_YEARS_MS;
	return true;
}

/* --- the headers --- */

static int64_t until_ms(int64_t then_wall_ms, int64_t now_wall_ms)
{
	return then_wall_ms <= now_wall_ms ? 0 : clamp_ms(then_wall_ms - now_wall_ms);
}

static int64_t retry_after_ms(struct text view, int64_t now_wall_ms)
{
	int64_t then_wall_ms;
	int64_t ms = number_ms(view, 1000000);

	if (ms < 0)
		ms = go_duration_ms(view);
	if (ms >= 0)
		return ms;
	if (http_date(view, now_wall_ms, &then_wall_ms))
		return until_ms(then_wall_ms, now_wall_ms);
	return -1;
}

/* One reset value: a duration, seconds, or a moment as Anthropic writes it (RFC 3339). */
static int64_t reset_ms(struct text view, int64_t now_wall_ms)
{
	int64_t then_wall_ms;
	int64_t ms = go_duration_ms(view);

	if (ms < 0)
		ms = number_ms(view, 1000000);
	if (ms < 0 && wall_parse(view, &then_wall_ms))
		ms = until_ms(then_wall_ms, now_wall_ms);
	return ms;
}

/*
 * "x-ratelimit-reset-SCOPE" (OpenAI and most others) or
 * "anthropic-ratelimit-SCOPE-reset": writes the name of the matching "remaining" header.
 */
static bool reset_scope(struct text name, char remaining[REMAINING_NAME_BYTES])
{
	static const struct text most = TEXT_INIT("x-ratelimit-reset-");
	static const struct text anthropic = TEXT_INIT("anthropic-ratelimit-");
	static const struct text reset = TEXT_INIT("-reset");

	if (name.len > RESET_NAME_MAX_BYTES)
		return false;
	if (name.len > most.len && text_equal_ignoring_case(text_slice(name, 0, most.len), most)) {
		struct text scope = text_slice(name, most.len, name.len);

		(void)snprintf(remaining, REMAINING_NAME_BYTES, "x-ratelimit-remaining-%.*s",
		               TEXT_ARG(scope));
		return true;
	}
	if (name.len > anthropic.len + reset.len &&
	    text_equal_ignoring_case(text_slice(name, 0, anthropic.len), anthropic) &&
	    text_equal_ignoring_case(text_slice(name, name.len - reset.len, name.len), reset)) {
		struct text stem = text_slice(name, 0, name.len - reset.len);

		(void)snprintf(remaining, REMAINING_NAME_BYTES, "%.*s-remaining", TEXT_ARG(stem));
		return true;
	}
	return false;
}

/*
 * A response names the reset of every limit, also of those that were not hit
 * (requests a day beside tokens a minute). Where some are used up, the latest of
 * those counts; else the earliest of all, since one of them it must have been.
 */
static int64_t ratelimit_reset_ms(const struct exchange *exchange, int64_t now_wall_ms)
{
	int64_t used_up = -1, earliest = -1;

	for (size_t i = 0; i < exchange->header_count; i++) {
		const struct http_header *header = &exchange->headers[i];
		char remaining[REMAINING_NAME_BYTES];

		if (!reset_scope(header->name, remaining))
			continue;
		int64_t ms = reset_ms(header->value, now_wall_ms);
		if (ms < 0)
			continue;
		if (text_is(exchange_header(exchange, remaining), "0"))
			used_up = int64_max(used_up, ms);
		earliest = earliest < 0 ? ms : int64_min(earliest, ms);
	}
	return used_up >= 0 ? used_up : earliest;
}

int64_t pace_retry_after_ms(const struct exchange *exchange, int64_t now_wall_ms)
{
	int64_t ms = -1;
	struct text exact = exchange_header(exchange, "retry-after-ms");
	struct text usual = exchange_header(exchange, "retry-after");

	if (exact.data != NULL)
		ms = number_ms(exact, 1000);
	if (ms < 0 && usual.data != NULL)
		ms = retry_after_ms(usual, now_wall_ms);
	if (ms < 0)
		ms = ratelimit_reset_ms(exchange, now_wall_ms);
	return ms;
}

int64_t pace_asked_ms(const struct exchange *exchange, const struct chat_reply *reply,
                      int64_t now_wall_ms)
{
	int64_t ms = pace_retry_after_ms(exchange, now_wall_ms);

	for (size_t i = 0; ms < 0 && reply != NULL && i < reply->error_count; i++)
		if (reply->errors[i].retry_delay.len > 0)
			ms = go_duration_ms(reply->errors[i].retry_delay);
	return ms;
}

int64_t pace_backoff_ms(unsigned attempt, uint64_t random)
{
	unsigned doublings = attempt < 2 ? 0 : attempt - 1;
	int64_t most = doublings >= 6 ? BACKOFF_MAX_MS
	                              : int64_min(BACKOFF_FIRST_MS << doublings, BACKOFF_MAX_MS);

	return (int64_t)(random % (uint64_t)(most + 1));
}
