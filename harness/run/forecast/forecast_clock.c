/* Spend over time in a bounded number of buckets, whatever the log spans and in whatever order. */
#include "harness/run/forecast/forecast_private.h"

enum { MINUTE_MS = 60000 };

/* The next width, which holds whole numbers of this one: minutes, hours, days, then twice that. */
static int64_t wider(int64_t width_ms)
{
	static const int64_t minutes[] = {1, 5, 15, 60, 6 * 60, 24 * 60};

	for (size_t i = 0; i < ARRAY_LENGTH(minutes); i++)
		if (minutes[i] * MINUTE_MS > width_ms)
			return minutes[i] * MINUTE_MS;
	return width_ms * 2;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static void widen(struct forecast_clock *clock)
{
	int64_t width_ms = wider(clock->width_ms);
	int64_t factor = width_ms / clock->width_ms;
	int64_t first = floor_divide(clock->first, factor);
	size_t count = 0;

	for (size_t i = 0; i < clock->count; i++) {
		size_t to = (size_t)(floor_divide(clock->first + (int64_t)i, factor) - first);
		money *from = &clock->spend[i * clock->policies];
		money *into = &clock->spend[to * clock->policies];
		for (size_t p = 0; p < clock->policies && to != i; p++) {
			into[p] = to < count ? into[p] + from[p] : from[p];
			from[p] = 0;
		}
		count = to + 1;
	}
	clock->width_ms = width_ms;
	clock->first = first;
	clock->count = count;
}

/* A moment before the first bucket: all move on. */
static void move_on(struct forecast_clock *clock, int64_t first)
{
	size_t by = (size_t)(clock->first - first);

	memmove(&clock->spend[by * clock->policies], clock->spend,
	        clock->count * clock->policies * sizeof(money));
	memset(clock->spend, 0, by * clock->policies * sizeof(money));
	clock->first = first;
	clock->count += by;
}

size_t forecast_bucket(struct forecast_clock *clock, int64_t wall_ms)
{
	int64_t number;

	if (clock->width_ms == 0) {
		clock->width_ms = MINUTE_MS;
		clock->first = floor_divide(wall_ms, MINUTE_MS);
	}
	for (;;) {
		number = floor_divide(wall_ms, clock->width_ms);
		int64_t last = clock->first + (int64_t)clock->count - 1;
		int64_t from = int64_min(number, clock->first);
		if (int64_max(number, last) - from < FORECAST_BUCKETS)
			break;
		widen(clock);
	}
	if (number < clock->first)
		move_on(clock, number);
	size_t at = (size_t)(number - clock->first);
	if (at >= clock->count)
		clock->count = at + 1;
	return at;
}
