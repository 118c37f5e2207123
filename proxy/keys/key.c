/* Which keys hold: one table for all threads, which follows the store; see key.h. */
#include "proxy/keys/key_private.h"

#include "harness/base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

struct key_table {
	pthread_mutex_t asking;    /* of the store's connection and `changes` */
	struct key_store *store;   /* its HMAC is for any thread without the lock */
	int64_t changes;           /* of the store when the keys were read */
	atomic_int_fast64_t asked; /* when the store was asked last, monotonic ms */
	atomic_bool stale;         /* it could not be read then */
	pthread_rwlock_t lock;     /* of all below */
	struct key **keys;         /* sorted by id; one reference each */
	size_t count;
};

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
enum { BASE = 62 };

const char *key_result_text(enum key_result result)
{
	switch (result) {
	case KEY_GOOD:
		return "the key is good";
	case KEY_MALFORMED:
		return "this is no key of this proxy";
	case KEY_UNKNOWN:
		return "the key is not known";
	case KEY_REVOKED:
		return "the key was revoked";
	case KEY_EXPIRED:
		return "the key has expired";
	case KEY_NO_STORE:
		return "the key can't be checked: the key store can't be read";
	}
	return "";
}

/* --- the form ---------------------------------------------------------------------------- */

/* CRC-32 of all before it: a typo or a cut is told without asking any store. */
static void checksum(const char *key, char out[KEY_CHECKSUM_BYTES])
{
	uint64_t crc = crc32(0, (const unsigned char *)key, KEY_BYTES - KEY_CHECKSUM_BYTES);

	for (int i = KEY_CHECKSUM_BYTES; i-- > 0; crc /= BASE)
		out[i] = digits[crc % BASE];
}

/* Evenly: a byte above the last multiple of 62 is thrown away. */
static void random_digits(char *out, size_t count)
{
	for (size_t i = 0; i < count;) {
		unsigned char byte;
		random_bytes(&byte, 1);
		if (byte < 256 / BASE * BASE)
			out[i++] = digits[byte % BASE];
	}
}

void key_make(struct text id, char out[KEY_BYTES + 1])
{
	memcpy(out, "pv_", 3);
	if (id.data == NULL)
		random_digits(out + 3, KEY_ID_BYTES);
	else
		memcpy(out + 3, id.data, KEY_ID_BYTES);
	out[3 + KEY_ID_BYTES] = '_';
	random_digits(out + 4 + KEY_ID_BYTES, KEY_SECRET_BYTES);
	checksum(out, out + KEY_BYTES - KEY_CHECKSUM_BYTES);
	out[KEY_BYTES] = '\0';
}

static bool is_base62(struct text view)
{
	for (size_t i = 0; i < view.len; i++)
		if (view.data[i] == '\0' || strchr(digits, view.data[i]) == NULL)
			return false;
	return true;
}

bool key_is_id(struct text id)
{
	return id.len == KEY_ID_BYTES && is_base62(id);
}

bool key_split(struct text presented, struct text *id)
{
	char sum[KEY_CHECKSUM_BYTES];

	if (presented.len != KEY_BYTES || !text_starts(presented, TEXT("pv_")) ||
	    presented.data[3 + KEY_ID_BYTES] != '_')
		return false;
	*id = text_slice(presented, 3, 3 + KEY_ID_BYTES);
	if (!is_base62(*id) || !is_base62(text_slice(presented, 4 + KEY_ID_BYTES, KEY_BYTES)))
		return false;
	checksum(presented.data, sum);
	return memcmp(sum, presented.data + KEY_BYTES - KEY_CHECKSUM_BYTES, sizeof(sum)) == 0;
}

/* --- the table ---------------------------------------------------------------------------- */

void key_drop(const struct key *key)
{
	struct key *owned = (struct key *)(uintptr_t)key;

	if (owned == NULL || atomic_fetch_sub(&owned->references, 1) > 1)
		return;
	arena_done(&owned->arena);
	memory_free(owned);
}

static int by_id(const void *a, const void *b)
{
	const struct key *const *left = a;
	const struct key *const *right = b;

	return text_compare((*left)->id, (*right)->id);
}

void key_list_free(struct key **keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		key_drop(keys[i]);
	memory_free(keys);
}

static int64_t now_monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Under `asking`. */
static bool read_all(struct key_table *table, struct fault *fault)
{
	struct key **fresh;
	size_t count;
	int64_t changes;
	bool moved;

	if (!key_store_follow(table->store, &moved, fault))
		return false;
	if (moved) {
		table->changes = -1;
		log_warn("keys.moved", "another file stands at the place of the key store: its "
		                       "keys hold, and no others");
	}
	if (!key_store_changes(table->store, &changes, fault))
		return false;
	if (changes == table->changes)
		return true;
	if (!key_store_list(table->store, &fresh, &count, fault))
		return false;
	qsort(fresh, count, sizeof(struct key *), by_id);
	(void)pthread_rwlock_wrlock(&table->lock);
	struct key **old = table->keys;
	size_t old_count = table->count;
	table->keys = fresh;
	table->count = count;
	(void)pthread_rwlock_unlock(&table->lock);
	table->changes = changes;
	key_list_free(old, old_count);
	return true;
}

/* Under `asking`. When it was asked is the moment before the answer. */
static bool ask_store(struct key_table *table, struct fault *fault)
{
	int64_t now_ms = now_monotonic_ms();
	bool good = read_all(table, fault);

	atomic_store(&table->stale, !good);
	atomic_store(&table->asked, now_ms);
	return good;
}

bool key_table_open(const struct config *config, struct key_table **out, struct fault *fault)
{
	struct key_table *table = memory_new(sizeof(*table));
	int failed = pthread_rwlock_init(&table->lock, NULL);

	REQUIRE(failed == 0);
	failed = pthread_mutex_init(&table->asking, NULL);
	REQUIRE(failed == 0);
	table->changes = -1;
	if (key_store_open(config, &table->store, fault) && ask_store(table, fault)) {
		*out = table;
		return true;
	}
	key_table_free(table);
	return false;
}

void key_table_free(struct key_table *table)
{
	if (table == NULL)
		return;
	key_list_free(table->keys, table->count);
	key_store_close(table->store);
	(void)pthread_rwlock_destroy(&table->lock);
	(void)pthread_mutex_destroy(&table->asking);
	memory_free(table);
}

static bool is_recent(struct key_table *table)
{
	return now_monotonic_ms() - atomic_load(&table->asked) < KEY_VIEW_MS;
}

static void refresh(struct key_table *table, bool only_old)
{
	struct fault fault;

	(void)pthread_mutex_lock(&table->asking);
	bool was_stale = atomic_load(&table->stale);
	/* Another thread may have asked while this one waited. */
	if (!(only_old && (was_stale || is_recent(table))) && !ask_store(table, &fault) &&
	    !was_stale)
		log_error("keys.unreadable", "why=%s", fault.message);
	(void)pthread_mutex_unlock(&table->asking);
}

void key_table_refresh(struct key_table *table)
{
	refresh(table, false);
}

static struct key *take(struct key_table *table, struct text id)
{
	struct key wanted = {.id = id};
	struct key *pointer = &wanted;

	(void)pthread_rwlock_rdlock(&table->lock);
	struct key **found = table->count == 0 ? NULL
	                                       : bsearch(&pointer, table->keys, table->count,
	                                                 sizeof(struct key *), by_id);
	struct key *key = found == NULL ? NULL : *found;
	if (key != NULL)
		atomic_fetch_add(&key->references, 1);
	(void)pthread_rwlock_unlock(&table->lock);
	return key;
}

/* Both are compared, whatever the first one says. */
static bool is_it(const struct key_store *store, const struct key *key, struct text presented,
                  int64_t now_wall_ms)
{
	unsigned char hash[DIGEST_BYTES];

	digest_hmac_of(key_store_hmac(store), presented, hash);
	bool now = digest_equal(hash, key->hash);
	bool before = digest_equal(hash, key->old_hash);
	return now || (before && key->overlap_until_wall_ms > now_wall_ms);
}

enum key_result key_find(struct key_table *table, struct text presented, int64_t now_wall_ms,
                         const struct key **out)
{
	enum key_result result = KEY_GOOD;
	struct text id;

	*out = NULL;
	if (!key_split(presented, &id))
		return KEY_MALFORMED;
	if (!is_recent(table) && !atomic_load(&table->stale))
		refresh(table, true);
	const struct key *key = take(table, id);
	if (key == NULL)
		return atomic_load(&table->stale) ? KEY_NO_STORE : KEY_UNKNOWN;
	if (!is_it(table->store, key, presented, now_wall_ms))
		result = KEY_UNKNOWN;
	else if (key->revoked_wall_ms >= 0)
		result = KEY_REVOKED;
	else if (key->expires_wall_ms >= 0 && key->expires_wall_ms <= now_wall_ms)
		result = KEY_EXPIRED;
	if (result == KEY_GOOD)
		*out = key;
	else
		key_drop(key);
	return result;
}

/* --- what a key may do ----------------------------------------------------------------------
 */

static bool one_fits(const struct text_list *globs, struct text value)
{
	for (size_t i = 0; i < globs->count; i++)
		if (text_glob(globs->items[i], value))
			return true;
	return globs->count == 0;
}

const char *const key_evidence_names[] = {"config", "enforce", "strict", NULL};

struct evidence_demand key_demand(int evidence, int64_t max_age_ms)
{
	return (struct evidence_demand){
	    .enforced = evidence >= KEY_EVIDENCE_ENFORCE,
	    .strict = evidence >= KEY_EVIDENCE_STRICT,
	    .max_age_ms = int64_max(max_age_ms, 0),
	};
}

bool key_allows_endpoint(const struct key *key, const char *endpoint)
{
	return one_fits(&key->endpoints, text_of(endpoint));
}

bool key_allows_route(const struct key *key, struct text route)
{
	if (route.data == NULL) /* a bare target */
		return key->routes.count == 0 || key->targets.count > 0;
	return one_fits(&key->routes, route);
}

bool key_allows_target(const struct key *key, struct text target)
{
	return one_fits(&key->targets, target);
}

bool key_team(const struct key *key, struct text named, struct text *out)
{
	*out = key->teams.count > 0 ? key->teams.items[0] : (struct text){NULL, 0};
	if (named.data == NULL)
		return true;
	for (size_t i = 0; i < key->teams.count; i++) {
		if (text_glob(key->teams.items[i], named)) {
			*out = named;
			return true;
		}
	}
	return false;
}
