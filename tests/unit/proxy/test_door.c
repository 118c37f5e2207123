/* Who asks, and how often: forwarded addresses that are believed or not, and a table that is full.
 */
#include "proxy/keys/door.h"
#include "tests/unit/unit.h"

static const int64_t SECOND_US = 1000000;

static struct ip_address ip(const char *said)
{
	struct ip_address address;

	ck_assert_msg(ip_parse(text_of(said), &address), "%s", said);
	return address;
}

static int64_t enter(struct door *door, const char *said, int64_t per_minute, int64_t now_us)
{
	struct ip_address address = ip(said);
	int64_t wait_ms;
	bool good = door_enter(door, &address, per_minute, now_us, &wait_ms);

	ck_assert_int_eq(good, wait_ms == 0);
	return wait_ms;
}

static const struct {
	const char *range, *address;
	bool holds;
} ranges[] = {
    {"10.0.0.0/8", "10.255.1.2", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.1.2.3", "10.1.2.3", true},
    {"10.1.2.3", "10.1.2.4", false},
    {"192.168.4.0/23", "192.168.5.9", true},
    {"192.168.4.0/23", "192.168.6.0", false},
    {"0.0.0.0/0", "255.1.2.3", true},
    {"0.0.0.0/0", "::1", false},
    {"2001:db8::/33", "2001:db8:7fff::", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"::/0", "10.0.0.1", true},
    {"::ffff:10.0.0.0/104", "10.9.9.9", true},
};

START_TEST(a_range_holds_what_its_bits_say)
{
	struct ip_range range;
	struct ip_address address = ip(ranges[_i].address);

	ck_assert(ip_range_parse(text_of(ranges[_i].range), &range));
	ck_assert_int_eq(ip_range_holds(&range, &address), ranges[_i].holds);
}
END_TEST

START_TEST(what_is_no_address_is_none)
{
	static const char *const wrong[] = {
	    "",       "10.0.0",     "10.0.0.256", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
	    "::/129", "localhost",  "1.2.3.4 ",   "fe80::1%lo",  "/8",        "10.0.0.0/8/8",
	    "[::1]",  "1.2.3.4:80", "0x7f.0.0.1", "127.1",
	};
	struct ip_range range;

	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		ck_assert_msg(!ip_range_parse(text_of(wrong[i]), &range), "%s", wrong[i]);
}
END_TEST

/* Trusted: 10.0.0.0/8 and ::1. Two headers are one list. */
static const struct {
	const char *peer, *first, *second, *client;
} hops[] = {
    {"1.2.3.4", "9.9.9.9", NULL, "1.2.3.4"}, /* anybody may write that */
    {"10.0.0.1", NULL, NULL, "10.0.0.1"},
    {"10.0.0.1", "9.9.9.9", NULL, "9.9.9.9"},
    {"10.0.0.1", "6.6.6.6, 9.9.9.9", NULL, "9.9.9.9"}, /* the first is the client's own word */
    {"10.0.0.1", "6.6.6.6, 9.9.9.9, 10.2.2.2", NULL, "9.9.9.9"},
    {"10.0.0.1", "6.6.6.6", "9.9.9.9,10.3.3.3", "9.9.9.9"},
    {"10.0.0.1", "9.9.9.9", "10.3.3.3", "9.9.9.9"},
    {"10.0.0.1", "10.4.4.4,10.5.5.5", NULL, "10.4.4.4"},
    {"10.0.0.1", "9.9.9.9:4711", NULL, "9.9.9.9"},
    {"::1", "[2001:db8::7]:443", NULL, "2001:db8::7"},
    {"::1", "2001:db8::7", NULL, "2001:db8::7"},
    {"10.0.0.1", "9.9.9.9, unknown", NULL, "10.0.0.1"},
    {"10.0.0.1", "9.9.9.9, unknown, 10.2.2.2", NULL, "10.2.2.2"},
    {"10.0.0.1", "9.9.9.9,", NULL, "10.0.0.1"},
    {"10.0.0.1", ",", NULL, "10.0.0.1"},
    {"10.0.0.1", "[::1", NULL, "10.0.0.1"},
    {"10.0.0.1", "", NULL, "10.0.0.1"},
};

START_TEST(only_those_in_front_of_us_are_believed)
{
	struct ip_range trusted[2];
	struct http_header headers[] = {
	    {TEXT("Host"), TEXT("x")},
	    {TEXT("X-Forwarded-For"), text_of(hops[_i].first)},
	    {TEXT("accept"), TEXT("6.7.8.9")},
	    {TEXT("x-forwarded-for"), text_of(hops[_i].second)},
	};
	struct http_request request = {.headers = headers, .header_count = 1};

	request.header_count = hops[_i].second != NULL ? 4 : hops[_i].first != NULL ? 2 : 1;
	ck_assert(ip_range_parse(TEXT("10.0.0.0/8"), &trusted[0]));
	ck_assert(ip_range_parse(TEXT("::1"), &trusted[1]));
	struct ip_address client = door_client(&request, ip(hops[_i].peer), trusted, 2);
	struct ip_address wanted = ip(hops[_i].client);
	ck_assert_mem_eq(client.bytes, wanted.bytes, IP_BYTES);
}
END_TEST

START_TEST(a_minute_comes_at_once_and_then_evenly)
{
	struct door *door = door_new();

	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(enter(door, "1.2.3.4", 6, 0), 0);
	ck_assert_int_eq(enter(door, "1.2.3.4", 6, 0), 10000);
	ck_assert_int_eq(enter(door, "1.2.3.5", 6, 0), 0);
	ck_assert_int_eq(enter(door, "1.2.3.4", 6, 10 * SECOND_US), 0);
	ck_assert_int_eq(enter(door, "1.2.3.4", 6, 9 * SECOND_US),
	                 10000);                                        /* a clock that goes back */
	ck_assert_int_eq(enter(door, "1.2.3.4", 0, 10 * SECOND_US), 0); /* no limit */
	door_free(door);
}
END_TEST

START_TEST(a_failed_key_counts_like_ten)
{
	struct door *door = door_new();
	struct ip_address client = ip("1.2.3.4");

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(enter(door, "1.2.3.4", 60, 0), 0);
		door_failed(door, &client, 60, 0);
	}
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(enter(door, "1.2.3.4", 60, 0), 0);
	ck_assert_int_eq(enter(door, "1.2.3.4", 60, 0), 1000);
	/* However often: two minutes are the most. */
	for (int i = 0; i < 100; i++)
		door_failed(door, &client, 60, 0);
	ck_assert_int_eq(enter(door, "1.2.3.4", 60, 0), 61000);
	door_free(door);
}
END_TEST

START_TEST(a_network_of_ipv6_is_one_address)
{
	struct door *door = door_new();

	ck_assert_int_eq(enter(door, "2001:db8:0:1::1", 1, 0), 0);
	ck_assert_int_gt(enter(door, "2001:db8:0:1:ffff::2", 1, 0), 0);
	ck_assert_int_eq(enter(door, "2001:db8:0:2::1", 1, 0), 0);
	door_free(door);
}
END_TEST

/* A flood of addresses costs no memory, and whoever asks on is remembered longest. */
START_TEST(a_flood_of_addresses_forgets_the_rested)
{
	struct door *door = door_new();
	struct ip_address other = ip("8.0.0.0");

	for (int i = 0; i < 60; i++)
		ck_assert_int_eq(enter(door, "1.2.3.4", 60, 0), 0);
	for (uint32_t i = 0; i < 4 * DOOR_ADDRESSES; i++) {
		int64_t wait_ms;
		memcpy(other.bytes + 13, &i, 3);
		ck_assert(door_enter(door, &other, 60, 0, &wait_ms));
	}
	ck_assert_int_eq(enter(door, "1.2.3.4", 60, 0), 1000);
	door_free(door);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_loop_test(cases, a_range_holds_what_its_bits_say, 0, ARRAY_LENGTH(ranges));
	tcase_add_test(cases, what_is_no_address_is_none);
	tcase_add_loop_test(cases, only_those_in_front_of_us_are_believed, 0, ARRAY_LENGTH(hops));
	tcase_add_test(cases, a_minute_comes_at_once_and_then_evenly);
	tcase_add_test(cases, a_failed_key_counts_like_ten);
	tcase_add_test(cases, a_network_of_ipv6_is_one_address);
	tcase_add_test(cases, a_flood_of_addresses_forgets_the_rested);
}

int main(void)
{
	return unit_main("door", add);
}
