/* Keys in the database, and the pepper; see key.h. */
#include "proxy/keys/key_private.h"
#include "proxy/ledger/store_sqlite.h"

#include "harness/base/file.h"
#include "providers/secret/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct key_store {
	struct store *store;
	struct secret *pepper;
	struct digest_hmac *hmac; /* with the pepper */
	struct store_query *changes;
};

enum { PEPPER_BYTES = 32, PEPPER_PATH_BYTES = 1024 };

/* --- the pepper -------------------------------------------------------------------------- */

static bool write_pepper(int fd)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[PEPPER_BYTES];
	char line[2 * PEPPER_BYTES + 1];

	random_bytes(raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++) {
		line[2 * i] = digits[raw[i] >> 4];
		line[2 * i + 1] = digits[raw[i] & 15];
	}
	line[sizeof(line) - 1] = '\n';
	return write(fd, line, sizeof(line)) == (ssize_t)sizeof(line) && fsync(fd) == 0;
}

/* Whole under its name or not at all; who comes second takes the first one's. */
static bool make_pepper(const char *path, struct fault *fault)
{
	char beside[PEPPER_PATH_BYTES + 32];

	(void)snprintf(beside, sizeof(beside), "%s.%ld", path, (long)getpid());
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_system(fault, errno, "%s can't be made", beside);
	bool good = write_pepper(fd);
	int number = errno;
	good = close(fd) == 0 && good;
	if (good && link(beside, path) != 0 && errno != EEXIST) {
		number = errno;
		good = false;
	}
	(void)unlink(beside);
	if (!good)
		return fault_system(fault, number, "%s can't be made", path);
	return true;
}

/* What the store says of the pepper that its keys were made with; len 0: none yet. */
static bool read_mark(struct key_store *store, unsigned char out[DIGEST_BYTES], size_t *len,
                      struct fault *fault)
{
	struct store_query *query;

	if (!store_prepare(store->store, "SELECT bytes FROM facts WHERE name='pepper'", &query,
	                   fault))
		return false;
	enum store_step step = store_step(query, fault);
	*len = 0;
	if (step == STORE_ROW) {
		struct text bytes = store_text(query, 0);
		*len = size_min(bytes.len, DIGEST_BYTES);
		memcpy(out, bytes.data, *len);
	}
	store_query_free(query);
	return step != STORE_FAILED;
}

static bool check_pepper(struct key_store *store, struct fault *fault)
{
	unsigned char known[DIGEST_BYTES];
	unsigned char mark[DIGEST_BYTES];
	struct store_query *query;
	size_t len;

	digest_hmac_of(key_store_hmac(store), TEXT("the pepper of a key store"), mark);
	if (!store_prepare(store->store, "INSERT OR IGNORE INTO facts VALUES('pepper', 0, ?)",
	                   &query, fault))
		return false;
	store_bind_blob(query, 1, (struct text){(const char *)mark, sizeof(mark)});
	bool good = store_do(query, fault) && read_mark(store, known, &len, fault);
	store_query_free(query);
	if (!good)
		return false;
	if (len == DIGEST_BYTES && digest_equal(known, mark))
		return true;
	return fault_set(fault, FAULT_INPUT,
	                 "%s: the keys in it were made with another pepper than this one",
	                 store_path(store->store));
}

static bool load_pepper(struct key_store *store, const struct config_keys *config, const char *path,
                        struct fault *fault)
{
	struct place place = {0};
	unsigned char mark[DIGEST_BYTES];
	char own[PEPPER_PATH_BYTES];
	char reference[PEPPER_PATH_BYTES + 8];
	size_t len;

	if (config->pepper.data != NULL) {
		if (config->node != NULL && json_member(config->node, "pepper") != NULL)
			place = json_place(json_member(config->node, "pepper"));
		return secret_load(config->pepper, place, &store->pepper, fault);
	}
	int written = snprintf(own, sizeof(own), "%s.pepper", path);
	if (written < 0 || (size_t)written >= sizeof(own))
		return fault_set(fault, FAULT_INPUT, "the key store's path is too long");
	if (!file_exists(own)) {
		if (!read_mark(store, mark, &len, fault))
			return false;
		if (len > 0)
			return fault_set(fault, FAULT_INPUT,
			                 "%s is gone, and without it no key in %s can be checked",
			                 own, path);
		if (!make_pepper(own, fault) || !file_sync_folder(own, fault))
			return false;
	}
	(void)snprintf(reference, sizeof(reference), "file:%s", own);
	return secret_load(text_of(reference), place, &store->pepper, fault);
}

struct digest_hmac *key_store_hmac(const struct key_store *store)
{
	return store->hmac;
}

/* --- open ----------------------------------------------------------------------------------- */

static bool prepare_changes(struct key_store *store, struct fault *fault)
{
	return store_prepare(store->store, "SELECT number FROM facts WHERE name='key_changes'",
	                     &store->changes, fault);
}

bool key_store_open(const struct config *config, struct key_store **out, struct fault *fault)
{
	struct key_store *store = memory_new(sizeof(*store));
	struct arena arena = {0};
	const char *path = text_c(&arena, config->keys.store);

	REQUIRE(config->keys.store.data != NULL);
	bool good = store_open(path, STORE_WRITE, &store->store, fault) &&
	            load_pepper(store, &config->keys, path, fault);
	if (good)
		store->hmac = digest_hmac_new(secret_reveal(store->pepper));
	good = good && check_pepper(store, fault) && prepare_changes(store, fault);
	arena_done(&arena);
	if (good) {
		*out = store;
		return true;
	}
	key_store_close(store);
	return fault_within(fault, "opening the key store");
}

void key_store_close(struct key_store *store)
{
	if (store == NULL)
		return;
	store_query_free(store->changes);
	store_close(store->store);
	digest_hmac_free(store->hmac);
	if (store->pepper != NULL)
		secret_free(store->pepper);
	memory_free(store);
}

bool key_store_follow(struct key_store *store, bool *moved, struct fault *fault)
{
	struct key_store fresh = *store;

	*moved = false;
	if (store_is_in_place(store->store))
		return true;
	if (!store_open_again(store->store, &fresh.store, fault))
		return false;
	if (!check_pepper(&fresh, fault) || !prepare_changes(&fresh, fault)) {
		store_close(fresh.store);
		return false;
	}
	store_query_free(store->changes);
	store_close(store->store);
	store->store = fresh.store;
	store->changes = fresh.changes;
	*moved = true;
	return true;
}

bool key_store_changes(struct key_store *store, int64_t *out, struct fault *fault)
{
	enum store_step step = store_step(store->changes, fault);

	*out = step == STORE_ROW ? store_int(store->changes, 0) : 0;
	store_reset(store->changes);
	return step != STORE_FAILED;
}

/* --- reading ------------------------------------------------------------------------------- */

#define KEY_COLUMNS                                                                                \
	"id, name, teams, routes, targets, endpoints, requests_per_minute, tokens_per_minute,"     \
	" streams, budget, per, created, expires, revoked, rotated, overlap_until, hash, "         \
	"old_hash,"                                                                                \
	" content, evidence, max_age, unpriced"

/* Lists are kept one item a line. */
static struct text_list read_list(struct arena *arena, struct text lines)
{
	struct text_list list = {NULL, 0};
	struct text line;

	if (lines.data == NULL)
		return list;
	lines = text_copy(arena, lines);
	list.items = ARENA_NEW_ARRAY(arena, struct text, lines.len + 1);
	while (text_next_field(&lines, '\n', &line))
		list.items[list.count++] = line;
	return list;
}

static void read_hash(struct text bytes, unsigned char out[DIGEST_BYTES])
{
	if (bytes.len == DIGEST_BYTES)
		memcpy(out, bytes.data, DIGEST_BYTES);
}

static struct key *read_key(struct store_query *query)
{
	struct key *key = memory_new(sizeof(*key));
	struct arena *arena = &key->arena;

	atomic_init(&key->references, 1);
	key->id = text_copy(arena, store_text(query, 0));
	key->name = text_copy(arena, store_text(query, 1));
	key->teams = read_list(arena, store_text(query, 2));
	key->routes = read_list(arena, store_text(query, 3));
	key->targets = read_list(arena, store_text(query, 4));
	key->endpoints = read_list(arena, store_text(query, 5));
	key->requests_per_minute = store_int(query, 6);
	key->tokens_per_minute = store_int(query, 7);
	key->streams = store_int(query, 8);
	key->budget_pico_usd = store_int(query, 9);
	key->per = (int)int64_max(int64_min(store_int(query, 10), CONFIG_PREPAID), CONFIG_HOUR);
	key->created_wall_ms = store_int(query, 11);
	key->expires_wall_ms = store_int(query, 12);
	key->revoked_wall_ms = store_int(query, 13);
	key->rotated_wall_ms = store_int(query, 14);
	key->overlap_until_wall_ms = store_int(query, 15);
	/* Random where there is none, so that no all-zero hash is ever waited for. */
	random_bytes(key->hash, sizeof(key->hash));
	random_bytes(key->old_hash, sizeof(key->old_hash));
	read_hash(store_text(query, 16), key->hash);
	read_hash(store_text(query, 17), key->old_hash);
	key->content = (int)int64_max(int64_min(store_int(query, 18), CONFIG_CONTENT_FULL), -1);
	/* What is not known is unset; more than is known demands all there is. */
	key->evidence = (int)int64_max(int64_min(store_int(query, 19), KEY_EVIDENCE_STRICT),
	                               KEY_EVIDENCE_CONFIG);
	key->max_age_ms = store_int(query, 20);
	key->unpriced = store_int(query, 21) == 1;
	return key;
}

bool key_store_list(struct key_store *store, struct key ***out, size_t *count, struct fault *fault)
{
	struct store_query *query;
	enum store_step step;
	size_t room = 64;

	if (!store_prepare(store->store, "SELECT " KEY_COLUMNS " FROM keys ORDER BY created, id",
	                   &query, fault))
		return false;
	*out = memory_new_array(room, sizeof(**out));
	*count = 0;
	while ((step = store_step(query, fault)) == STORE_ROW) {
		if (*count == room) {
			room = size_mul(room, 2);
			*out = memory_resize(*out, size_mul(room, sizeof(**out)));
		}
		(*out)[(*count)++] = read_key(query);
	}
	store_query_free(query);
	if (step == STORE_DONE)
		return true;
	while (*count > 0)
		key_drop((*out)[--*count]);
	memory_free(*out);
	return false;
}

/* --- changing --------------------------------------------------------------------------------
 */

/* Until no proxy judges by what was before. */
static void wait_for_views(void)
{
	struct timespec left = {.tv_nsec = (KEY_VIEW_MS + 1) * 1000000L};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

/* Inside a transaction: what changed, the proxy sees by this number. */
static bool finish(struct key_store *store, bool good, struct fault *fault)
{
	good = good &&
	       store_run(store->store, "UPDATE facts SET number=number+1 WHERE name='key_changes'",
	                 fault) &&
	       store_run(store->store, "COMMIT", fault);
	if (good)
		wait_for_views();
	else
		store_rollback(store->store);
	return good;
}

static struct text write_list(struct arena *arena, const struct text_list *list)
{
	struct text lines = {NULL, 0};

	for (size_t i = 0; i < list->count; i++)
		lines = i == 0 ? list->items[0]
		               : text_format(arena, "%.*s\n%.*s", TEXT_ARG(lines),
		                             TEXT_ARG(list->items[i]));
	return lines;
}

static bool insert_key(struct key_store *store, const struct key *wanted, struct text id,
                       int64_t now_wall_ms, const unsigned char hash[DIGEST_BYTES],
                       struct fault *fault)
{
	struct arena arena = {0};
	struct store_query *query;

	if (!store_prepare(store->store,
	                   "INSERT INTO keys(" KEY_COLUMNS
	                   ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,NULL,NULL,NULL,?,NULL,?,?,?,?)",
	                   &query, fault))
		return false;
	store_bind_text(query, 1, id);
	store_bind_text(query, 2, wanted->name);
	store_bind_text(query, 3, write_list(&arena, &wanted->teams));
	store_bind_text(query, 4, write_list(&arena, &wanted->routes));
	store_bind_text(query, 5, write_list(&arena, &wanted->targets));
	store_bind_text(query, 6, write_list(&arena, &wanted->endpoints));
	store_bind_int(query, 7, wanted->requests_per_minute);
	store_bind_int(query, 8, wanted->tokens_per_minute);
	store_bind_int(query, 9, wanted->streams);
	store_bind_count(query, 10, wanted->budget_pico_usd);
	store_bind_int(query, 11, wanted->per);
	store_bind_int(query, 12, now_wall_ms);
	store_bind_count(query, 13, wanted->expires_wall_ms);
	store_bind_blob(query, 14, (struct text){(const char *)hash, DIGEST_BYTES});
	store_bind_count(query, 15, wanted->content);
	store_bind_int(query, 16, wanted->evidence);
	store_bind_count(query, 17, wanted->max_age_ms);
	store_bind_int(query, 18, wanted->unpriced);
	bool good = store_do(query, fault);
	store_query_free(query);
	arena_done(&arena);
	return good;
}

bool key_store_create(struct key_store *store, const struct key *wanted, int64_t now_wall_ms,
                      char out[KEY_BYTES + 1], struct fault *fault)
{
	unsigned char hash[DIGEST_BYTES];

	key_make((struct text){NULL, 0}, out);
	digest_hmac_of(key_store_hmac(store), text_of(out), hash);
	return store_run(store->store, "BEGIN IMMEDIATE", fault) &&
	       finish(store,
	              insert_key(store, wanted, (struct text){out + 3, KEY_ID_BYTES}, now_wall_ms,
	                         hash, fault),
	              fault);
}

/* A statement about one key that is there: ?1 is its id. */
static bool change(struct key_store *store, struct text id, struct store_query *query,
                   struct fault *fault)
{
	if (!store_run(store->store, "BEGIN IMMEDIATE", fault))
		return false;
	store_bind_text(query, 1, id);
	bool good = store_do(query, fault);
	if (good && store_changes(store->store) == 0)
		good = fault_set(fault, FAULT_INPUT, "there is no such key");
	return finish(store, good, fault);
}

static bool find_key(struct key_store *store, struct text id, bool *revoked, struct fault *fault)
{
	struct store_query *query;

	if (!key_is_id(id))
		return fault_set(fault, FAULT_USAGE,
		                 "a key's ID is its public part: the %d characters after pv_",
		                 KEY_ID_BYTES);
	if (!store_prepare(store->store, "SELECT revoked FROM keys WHERE id=?", &query, fault))
		return false;
	store_bind_text(query, 1, id);
	enum store_step step = store_step(query, fault);
	*revoked = step == STORE_ROW && store_int(query, 0) >= 0;
	store_query_free(query);
	return step == STORE_ROW ||
	       (step == STORE_DONE &&
	        fault_set(fault, FAULT_INPUT, "there is no key %.*s", TEXT_ARG(id)));
}

bool key_store_rotate(struct key_store *store, struct text id, int64_t now_wall_ms,
                      int64_t overlap_ms, char out[KEY_BYTES + 1], struct fault *fault)
{
	unsigned char hash[DIGEST_BYTES];
	struct store_query *query;
	bool revoked;

	if (!find_key(store, id, &revoked, fault))
		return false;
	if (revoked)
		return fault_set(fault, FAULT_INPUT, "key %.*s was revoked, and that is for ever",
		                 TEXT_ARG(id));
	if (!store_prepare(store->store,
	                   "UPDATE keys SET old_hash=hash, hash=?2, rotated=?3, overlap_until=?4"
	                   " WHERE id=?1 AND revoked IS NULL",
	                   &query, fault))
		return false;
	key_make(id, out);
	digest_hmac_of(key_store_hmac(store), text_of(out), hash);
	store_bind_blob(query, 2, (struct text){(const char *)hash, DIGEST_BYTES});
	store_bind_int(query, 3, now_wall_ms);
	store_bind_int(query, 4, now_wall_ms + overlap_ms);
	bool good = change(store, id, query, fault);
	store_query_free(query);
	return good;
}

bool key_store_revoke(struct key_store *store, struct text id, int64_t now_wall_ms,
                      struct fault *fault)
{
	struct store_query *query;
	bool revoked;

	if (!find_key(store, id, &revoked, fault))
		return false;
	if (!store_prepare(store->store,
	                   "UPDATE keys SET revoked=coalesce(revoked, ?2) WHERE id=?1", &query,
	                   fault))
		return false;
	store_bind_int(query, 2, now_wall_ms);
	bool good = change(store, id, query, fault);
	store_query_free(query);
	return good;
}
