/* GCRA under one lock; see rate.h. */
#include "proxy/keys/rate.h"

#include <pthread.h>

enum {
	RATE_SLOTS_MIN = 64,         /* a power of two */
	RATE_STREAMS_WAIT_MS = 1000, /* nobody knows when a stream ends */
};
static const int64_t MINUTE_US = 60000000;

/* A bucket is one moment: when it would be empty again, were nothing more to come. */
struct subject {
	char *name; /* owned; NULL: a free slot */
	size_t len;
	int64_t requests_until_us, tokens_until_us;
	int64_t streams;
};

struct rate_table {
	pthread_mutex_t lock;
	struct subject *slots;
	size_t count, room; /* room: a power of two, at least twice the count */
	int64_t now_us;     /* the latest moment that was seen */
};

struct rate_table *rate_table_new(void)
{
	struct rate_table *table = memory_new(sizeof(*table));
	int failed = pthread_mutex_init(&table->lock, NULL);

	REQUIRE(failed == 0);
	table->room = RATE_SLOTS_MIN;
	table->slots = memory_new_array(table->room, sizeof(*table->slots));
	return table;
}

void rate_table_free(struct rate_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->room; i++)
		memory_free(table->slots[i].name);
	memory_free(table->slots);
	(void)pthread_mutex_destroy(&table->lock);
	memory_free(table);
}

/* FNV-1a. Names are ids of keys that we made: nobody can choose them to collide. */
static size_t hash(struct text name)
{
	uint64_t value = 0xcbf29ce484222325;

	for (size_t i = 0; i < name.len; i++)
		value = (value ^ (unsigned char)name.data[i]) * 0x100000001b3;
	return (size_t)(value ^ value >> 32);
}

static struct subject *slot_of(struct subject *slots, size_t room, struct text name)
{
	size_t at = hash(name) & (room - 1);

	while (slots[at].name != NULL &&
	       !text_equal(name, (struct text){slots[at].name, slots[at].len}))
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static void grow(struct rate_table *table)
{
	size_t room = size_mul(table->room, 2);
	struct subject *slots = memory_new_array(room, sizeof(*slots));

	for (size_t i = 0; i < table->room; i++) {
		const struct subject *old = &table->slots[i];
		if (old->name != NULL)
			*slot_of(slots, room, (struct text){old->name, old->len}) = *old;
	}
	memory_free(table->slots);
	table->slots = slots;
	table->room = room;
}

static struct subject *find(struct rate_table *table, struct text name)
{
	struct subject *subject = slot_of(table->slots, table->room, name);

	if (subject->name != NULL)
		return subject;
	if (2 * (table->count + 1) > table->room) {
		grow(table);
		subject = slot_of(table->slots, table->room, name);
	}
	subject->name = memory_new(name.len + 1);
	memcpy(subject->name, name.data, name.len);
	subject->len = name.len;
	table->count++;
	return subject;
}

/* How much longer a bucket takes to drain for `units` of `per_minute`; rounded down, so that a
 * whole minute's worth fits. */
static int64_t cost_us(int64_t units, int64_t per_minute)
{
	units = int64_min(int64_max(units, 0), per_minute);
	if (per_minute > INT64_MAX / MINUTE_US)
		return 0; /* a limit beyond that is none */
	return units * MINUTE_US / per_minute;
}

/* How long until so much fits; 0: it does now. */
static int64_t wait_us(int64_t until_us, int64_t cost, int64_t now_us)
{
	return int64_max(int64_max(until_us, now_us) + cost - MINUTE_US - now_us, 0);
}

enum rate_result rate_take(struct rate_table *table, struct text subject,
                           const struct rate_limits *limits, int64_t tokens, int64_t now_us,
                           int64_t *retry_after_ms)
{
	int64_t request_us = 0, tokens_us = 0, request_wait = 0, tokens_wait = 0;
	enum rate_result result = RATE_TAKEN;

	(void)pthread_mutex_lock(&table->lock);
	table->now_us = now_us = int64_max(table->now_us, now_us);
	struct subject *s = find(table, subject);
	if (limits->requests_per_minute > 0) {
		request_us = cost_us(1, limits->requests_per_minute);
		request_wait = wait_us(s->requests_until_us, request_us, now_us);
	}
	if (limits->tokens_per_minute > 0) {
		tokens_us = cost_us(tokens, limits->tokens_per_minute);
		tokens_wait = wait_us(s->tokens_until_us, tokens_us, now_us);
	}
	*retry_after_ms = (int64_max(request_wait, tokens_wait) + 999) / 1000;
	if (limits->streams > 0 && s->streams >= limits->streams) {
		result = RATE_STREAMS;
		*retry_after_ms = int64_max(*retry_after_ms, RATE_STREAMS_WAIT_MS);
	} else if (*retry_after_ms > 0) {
		result = request_wait >= tokens_wait ? RATE_REQUESTS : RATE_TOKENS;
	} else {
		s->requests_until_us = int64_max(s->requests_until_us, now_us) + request_us;
		s->tokens_until_us = int64_max(s->tokens_until_us, now_us) + tokens_us;
		s->streams++;
	}
	(void)pthread_mutex_unlock(&table->lock);
	return result;
}

void rate_end(struct rate_table *table, struct text subject, const struct rate_limits *limits,
              int64_t tokens, int64_t used_tokens)
{
	(void)pthread_mutex_lock(&table->lock);
	struct subject *s = find(table, subject);
	REQUIRE(s->streams > 0);
	s->streams--;
	if (limits->tokens_per_minute > 0 && used_tokens >= 0)
		s->tokens_until_us += cost_us(used_tokens, limits->tokens_per_minute) -
		                      cost_us(tokens, limits->tokens_per_minute);
	(void)pthread_mutex_unlock(&table->lock);
}

int64_t rate_retry_after_s(int64_t retry_after_ms)
{
	return int64_max((retry_after_ms + 999) / 1000, 1);
}
