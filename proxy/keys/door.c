/* GCRA by address in a table of fixed size; see door.h. */
#include "proxy/keys/door.h"

#include "harness/base/digest.h"

#include <pthread.h>

enum { WAYS = 4, SETS = DOOR_ADDRESSES / WAYS, V6_PREFIX_BYTES = 8 };
static const int64_t MINUTE_US = 60000000;

struct caller_at_door {
	struct ip_address address;
	int64_t until_us; /* when its bucket would be empty; what is past is as good as unused */
};

struct door {
	pthread_mutex_t lock;
	uint64_t seed; /* so that nobody outside can choose addresses that collide */
	int64_t now_us;
	struct caller_at_door sets[SETS][WAYS];
};

struct door *door_new(void)
{
	struct door *door = memory_new(sizeof(*door));
	int failed = pthread_mutex_init(&door->lock, NULL);

	REQUIRE(failed == 0);
	random_bytes(&door->seed, sizeof(door->seed));
	return door;
}

void door_free(struct door *door)
{
	if (door == NULL)
		return;
	(void)pthread_mutex_destroy(&door->lock);
	memory_free(door);
}

static uint64_t mix(uint64_t value)
{
	/* The finaliser of splitmix64. */
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	return value ^ value >> 31;
}

static size_t set_of(const struct door *door, const struct ip_address *address)
{
	uint64_t halves[2];

	memcpy(halves, address->bytes, sizeof(halves));
	return (size_t)(mix(mix(halves[0] ^ door->seed) ^ halves[1]) % SETS);
}

static struct caller_at_door *find(struct door *door, const struct ip_address *client)
{
	struct ip_address address = *client;

	if (!ip_is_v4(&address))
		memset(address.bytes + V6_PREFIX_BYTES, 0, IP_BYTES - V6_PREFIX_BYTES);
	struct caller_at_door *set = door->sets[set_of(door, &address)];
	struct caller_at_door *rested = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (memcmp(&set[i].address, &address, sizeof(address)) == 0)
			return &set[i];
		if (set[i].until_us < rested->until_us)
			rested = &set[i];
	}
	*rested = (struct caller_at_door){.address = address};
	return rested;
}

bool door_enter(struct door *door, const struct ip_address *client, int64_t per_minute,
                int64_t now_us, int64_t *retry_after_ms)
{
	*retry_after_ms = 0;
	if (per_minute <= 0)
		return true;
	(void)pthread_mutex_lock(&door->lock);
	door->now_us = now_us = int64_max(door->now_us, now_us);
	struct caller_at_door *caller = find(door, client);
	int64_t cost_us = MINUTE_US / per_minute;
	int64_t until_us = int64_max(caller->until_us, now_us) + cost_us;
	int64_t wait_us = until_us - MINUTE_US - now_us;
	if (wait_us > 0)
		*retry_after_ms = (wait_us + 999) / 1000;
	else
		caller->until_us = until_us;
	(void)pthread_mutex_unlock(&door->lock);
	return wait_us <= 0;
}

void door_failed(struct door *door, const struct ip_address *client, int64_t per_minute,
                 int64_t now_us)
{
	if (per_minute <= 0)
		return;
	(void)pthread_mutex_lock(&door->lock);
	now_us = int64_max(door->now_us, now_us);
	struct caller_at_door *caller = find(door, client);
	int64_t cost_us = (DOOR_FAILED_COSTS - 1) * (MINUTE_US / per_minute);
	/* At most two minutes: whoever mends the key is not locked out for the day. */
	caller->until_us =
	    int64_min(int64_max(caller->until_us, now_us) + cost_us, now_us + 2 * MINUTE_US);
	(void)pthread_mutex_unlock(&door->lock);
}

/* --- who asks --- */

static bool is_trusted(const struct ip_address *address, const struct ip_range *trusted,
                       size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ip_range_holds(&trusted[i], address))
			return true;
	return false;
}

/* "10.1.2.3", "10.1.2.3:4711", "2001:db8::1", "[2001:db8::1]:4711" */
static bool read_hop(struct text hop, struct ip_address *out)
{
	hop = text_trim(hop);
	size_t colon = text_find_byte(hop, ':', 0);
	if (text_starts(hop, TEXT("["))) {
		size_t end = text_find_byte(hop, ']', 0);
		return end != TEXT_NOT_FOUND && ip_parse(text_slice(hop, 1, end), out);
	}
	if (colon != TEXT_NOT_FOUND && text_find_byte(hop, ':', colon + 1) == TEXT_NOT_FOUND)
		hop = text_slice(hop, 0, colon);
	return ip_parse(hop, out);
}

/* The last comma-separated item, taken off the list. */
static struct text take_last(struct text *list)
{
	size_t from = list->len;

	while (from > 0 && list->data[from - 1] != ',')
		from--;
	struct text item = text_slice(*list, from, list->len);
	*list = text_slice(*list, 0, from > 0 ? from - 1 : 0);
	return item;
}

struct ip_address door_client(const struct http_request *request, struct ip_address peer,
                              const struct ip_range *trusted, size_t trusted_count)
{
	struct ip_address client = peer;
	struct ip_address hop;

	if (!is_trusted(&client, trusted, trusted_count))
		return client;
	for (size_t i = request->header_count; i > 0; i--) {
		const struct http_header *header = &request->headers[i - 1];
		struct text list = header->value;
		if (!text_equal_ignoring_case(header->name, TEXT("x-forwarded-for")))
			continue;
		while (list.len > 0) {
			if (!read_hop(take_last(&list), &hop))
				return client;
			client = hop;
			if (!is_trusted(&client, trusted, trusted_count))
				return client;
		}
	}
	return client;
}
