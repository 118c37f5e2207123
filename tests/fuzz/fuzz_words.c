/*
 * Single values: moments, durations, sizes, money, addresses, base64, what a header says of
 * waiting. What is read stays within its bounds, and what is written is read back as the same.
 */
#include "harness/base/base64.h"
#include "harness/base/ip_address.h"
#include "harness/base/settings.h"
#include "harness/run/route/traffic.h"
#include "providers/wire/pace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_moments(struct text word, struct arena *arena)
{
	int64_t wall_ms, again;

	if (wall_parse(word, &wall_ms) && wall_ms >= 0 &&
	    wall_ms < INT64_C(253402300800000)) { /* the year 10000 */
		REQUIRE(wall_parse(wall_format(arena, wall_ms, true), &again));
		REQUIRE(again == wall_ms);
	}
	if (wall_parse(word, &wall_ms))
		REQUIRE(traffic_moment(word, &again) && again == wall_ms);
}

static void check_settings(struct text word)
{
	char shown[SETTING_FORMAT_BYTES];
	int64_t value, again;

	if (setting_parse_duration(word, &value)) {
		REQUIRE(value >= 0);
		setting_format_duration(value, shown);
		REQUIRE(setting_parse_duration(text_of(shown), &again) && again == value);
	}
	if (setting_parse_bytes(word, &value)) {
		REQUIRE(value >= 0);
		setting_format_bytes(value, shown);
		REQUIRE(setting_parse_bytes(text_of(shown), &again) && again == value);
	}
	if (setting_parse_usd(word, &value))
		REQUIRE(value >= 0);
}

static void check_addresses(struct text word)
{
	struct ip_address address;
	struct ip_range range;

	bool is_range = ip_range_parse(word, &range);
	if (ip_parse(word, &address) && is_range)
		REQUIRE(ip_range_holds(&range, &address));
}

static void check_base64(struct text word, struct arena *arena)
{
	struct text out, again;

	if (base64_decode(word, arena, &out))
		REQUIRE(out.len <= word.len);
	REQUIRE(base64_decode(base64_encode(arena, word), arena, &again));
	REQUIRE(text_equal(again, word));
}

static void check_waits(struct text word)
{
	static const char *const names[] = {
	    "retry-after", "retry-after-ms", "x-ratelimit-reset-requests",
	    "x-ratelimit-reset-tokens", "anthropic-ratelimit-reset"};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct http_header header = {text_of(names[i]), word};
		struct exchange exchange = {.status = 429, .headers = &header, .header_count = 1};
		REQUIRE(pace_retry_after_ms(&exchange, INT64_C(1760000000000)) >= -1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct text word = {(const char *)data, size};

	check_moments(word, &arena);
	check_settings(word);
	check_addresses(word);
	check_base64(word, &arena);
	check_waits(word);
	arena_done(&arena);
	return 0;
}
