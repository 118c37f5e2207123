/* Keys: what is presented is found, or not; the table follows what another process changes. */
#include "proxy/keys/key.h"
#include "tests/unit/proxy/ledger_rig.h"

#include <zlib.h>

static const int64_t NOW_MS = 1767225600000;

static struct key_store *store_of(struct rig *rig)
{
	struct key_store *store;
	struct fault fault;

	ck_assert_msg(key_store_open(&rig->config, &store, &fault), "%s", fault.message);
	return store;
}

static enum key_result find(struct key_table *table, const char *presented, int64_t now_ms)
{
	const struct key *key;
	enum key_result result = key_find(table, text_of(presented), now_ms, &key);

	ck_assert_int_eq(result == KEY_GOOD, key != NULL);
	key_drop(key);
	return result;
}

/* The one key of the store; for key_drop. */
static const struct key *only(struct key_store *store)
{
	struct key **keys;
	struct fault fault;
	size_t count;

	ck_assert_msg(key_store_list(store, &keys, &count, &fault), "%s", fault.message);
	ck_assert_uint_eq(count, 1);
	const struct key *key = keys[0];
	memory_free(keys);
	return key;
}

/* A number that no release has written must lead nowhere. */
START_TEST(what_stands_in_the_store_is_kept_to_what_there_is)
{
	struct rig rig;
	rig_open(&rig);
	struct key_store *store = store_of(&rig);
	struct store *database;
	struct fault fault;
	char key[KEY_BYTES + 1];
	const struct key wanted = {.name = TEXT("ci"), .budget_pico_usd = 1, .expires_wall_ms = -1};

	ck_assert(key_store_create(store, &wanted, NOW_MS, key, &fault));
	ck_assert(store_open(rig.path, STORE_WRITE, &database, &fault));
	ck_assert(store_run(database, "UPDATE keys SET per=9, content=9, evidence=9", &fault));
	store_close(database);
	const struct key *read = only(store);
	ck_assert_int_eq(read->per, CONFIG_PREPAID);
	ck_assert_int_eq(read->content, CONFIG_CONTENT_FULL);
	ck_assert_int_eq(read->evidence, KEY_EVIDENCE_STRICT);
	key_drop(read);
	key_store_close(store);
	rig_close(&rig);
}
END_TEST

START_TEST(a_key_holds_until_it_is_revoked_and_its_old_one_until_the_overlap_ends)
{
	struct rig rig;
	rig_open(&rig);
	struct key_store *store = store_of(&rig); /* the CLI's */
	struct key_table *table;
	struct fault fault;
	char key[KEY_BYTES + 1], fresh[KEY_BYTES + 1];
	const struct key wanted = {
	    .name = TEXT("ci"), .budget_pico_usd = -1, .expires_wall_ms = NOW_MS + 1000000};
	const struct key *held;

	ck_assert_msg(key_table_open(&rig.config, &table, &fault), "%s", fault.message);
	ck_assert(key_store_create(store, &wanted, NOW_MS, key, &fault));
	ck_assert_int_eq(key_find(table, text_of(key), NOW_MS, &held), KEY_GOOD);
	assert_text(held->name, "ci");
	ck_assert_int_eq(find(table, key, NOW_MS + 1000000), KEY_EXPIRED);

	struct text id = {key + 3, KEY_ID_BYTES};
	ck_assert(key_store_rotate(store, id, NOW_MS, 5000, fresh, &fault));
	ck_assert_int_eq(find(table, key, NOW_MS + 4999), KEY_GOOD);
	ck_assert_int_eq(find(table, key, NOW_MS + 5000), KEY_UNKNOWN);
	ck_assert_int_eq(find(table, fresh, NOW_MS + 5000), KEY_GOOD);

	ck_assert(key_store_revoke(store, id, NOW_MS, &fault));
	ck_assert_int_eq(find(table, fresh, NOW_MS), KEY_REVOKED);
	ck_assert_int_eq(find(table, key, NOW_MS), KEY_REVOKED);
	/* Once and for all: another time changes nothing, nor does it come back by rotation. */
	ck_assert(key_store_revoke(store, id, NOW_MS + 1000, &fault));
	ck_assert(!key_store_rotate(store, id, NOW_MS, 5000, fresh, &fault));
	const struct key *again = only(store);
	ck_assert_int_eq(again->revoked_wall_ms, NOW_MS);
	key_drop(again);
	assert_text(held->name, "ci"); /* whoever holds it keeps it whole */
	key_drop(held);
	key_table_free(table);
	key_store_close(store);
	rig_close(&rig);
}
END_TEST

/* The checksum that belongs to what stands before it. */
static void sum_up(char key[KEY_BYTES + 1])
{
	static const char digits[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned long crc = crc32(0, (const unsigned char *)key, KEY_BYTES - KEY_CHECKSUM_BYTES);

	for (size_t i = KEY_BYTES; i-- > KEY_BYTES - KEY_CHECKSUM_BYTES; crc /= 62)
		key[i] = digits[crc % 62];
}

/* A key of the right form that no store has. */
static void invent(const char *from, char out[KEY_BYTES + 1])
{
	memcpy(out, from, KEY_BYTES + 1);
	memset(out + 3, out[3] == 'x' ? 'y' : 'x', KEY_ID_BYTES);
	sum_up(out);
}

/* As whoever restores a backup does it: another file at its place, which is the store now. */
START_TEST(what_stands_at_the_place_of_the_store_is_the_store)
{
	struct rig rig;
	rig_open(&rig);
	struct key_store *store = store_of(&rig);
	struct key_table *table;
	struct fault fault;
	char first[KEY_BYTES + 1], second[KEY_BYTES + 1], away[128];
	const struct key wanted = {
	    .name = TEXT("ci"), .budget_pico_usd = -1, .expires_wall_ms = -1};

	ck_assert(key_store_create(store, &wanted, NOW_MS, first, &fault));
	key_store_close(store);
	ck_assert_msg(key_table_open(&rig.config, &table, &fault), "%s", fault.message);
	ck_assert_int_eq(find(table, first, NOW_MS), KEY_GOOD);
	/* Taken away: what is known holds, of all else nobody knows. */
	(void)snprintf(away, sizeof(away), "%s.away", rig.path);
	ck_assert_int_eq(rename(rig.path, away), 0);
	key_table_refresh(table);
	ck_assert_int_eq(find(table, first, NOW_MS), KEY_GOOD);
	invent(first, second);
	ck_assert_int_eq(find(table, second, NOW_MS), KEY_NO_STORE);
	ck_assert_int_ne(access(rig.path, F_OK), 0);
	/* Another one: only its keys hold, and what is changed there is seen. */
	store = store_of(&rig);
	ck_assert(key_store_create(store, &wanted, NOW_MS, second, &fault));
	key_table_refresh(table);
	ck_assert_int_eq(find(table, second, NOW_MS), KEY_GOOD);
	ck_assert_int_eq(find(table, first, NOW_MS), KEY_UNKNOWN);
	ck_assert(key_store_revoke(store, (struct text){second + 3, KEY_ID_BYTES}, NOW_MS, &fault));
	ck_assert_int_eq(find(table, second, NOW_MS), KEY_REVOKED);
	key_store_close(store);
	key_table_free(table);
	rig_close(&rig);
}
END_TEST

/* No key could be told by it: what is known holds. */
START_TEST(a_store_of_another_pepper_takes_no_place)
{
	struct rig rig, other;
	rig_open(&rig);
	rig_open(&other);
	struct key_store *store = store_of(&rig);
	struct key_table *table;
	struct fault fault;
	char key[KEY_BYTES + 1], unknown[KEY_BYTES + 1];
	const struct key wanted = {
	    .name = TEXT("ci"), .budget_pico_usd = -1, .expires_wall_ms = -1};

	ck_assert(key_store_create(store, &wanted, NOW_MS, key, &fault));
	key_store_close(store);
	ck_assert_msg(key_table_open(&rig.config, &table, &fault), "%s", fault.message);
	key_store_close(store_of(&other));
	ck_assert_int_eq(rename(other.path, rig.path), 0);
	key_table_refresh(table);
	ck_assert_int_eq(find(table, key, NOW_MS), KEY_GOOD);
	invent(key, unknown);
	ck_assert_int_eq(find(table, unknown, NOW_MS), KEY_NO_STORE);
	key_table_free(table);
	rig_close(&rig);
	rig_close(&other);
}
END_TEST

START_TEST(no_byte_of_a_key_may_be_another)
{
	struct rig rig;
	rig_open(&rig);
	struct key_store *store = store_of(&rig);
	struct key_table *table;
	struct fault fault;
	char key[KEY_BYTES + 1], other[KEY_BYTES + 1];
	const struct key wanted = {
	    .name = TEXT("ci"), .budget_pico_usd = -1, .expires_wall_ms = -1};

	ck_assert(key_store_create(store, &wanted, NOW_MS, key, &fault));
	ck_assert(key_store_create(store, &wanted, NOW_MS, other, &fault));
	ck_assert(key_table_open(&rig.config, &table, &fault));
	ck_assert_int_eq(find(table, key, NOW_MS), KEY_GOOD);
	for (size_t i = 0; i < KEY_BYTES; i++) {
		char changed[KEY_BYTES + 1];
		memcpy(changed, key, sizeof(changed));
		changed[i] = changed[i] == 'a' ? 'b' : 'a';
		ck_assert_int_eq(find(table, changed, NOW_MS), KEY_MALFORMED);
		memcpy(changed, key, sizeof(changed));
		changed[i] = '\0';
		ck_assert_int_eq(find(table, changed, NOW_MS), KEY_MALFORMED);
	}
	/* What has not the form is none, though its checksum be right. */
	static const size_t outside[] = {3, 3 + KEY_ID_BYTES, 4 + KEY_ID_BYTES};
	for (size_t i = 0; i < ARRAY_LENGTH(outside); i++) {
		char changed[KEY_BYTES + 1];
		memcpy(changed, key, sizeof(changed));
		changed[outside[i]] = '-';
		sum_up(changed);
		ck_assert_int_eq(find(table, changed, NOW_MS), KEY_MALFORMED);
	}
	sum_up(key);
	ck_assert_int_eq(find(table, key, NOW_MS), KEY_GOOD);
	ck_assert_int_eq(find(table, "", NOW_MS), KEY_MALFORMED);
	ck_assert_int_eq(find(table, "Bearer x", NOW_MS), KEY_MALFORMED);
	key_table_free(table);
	key_store_close(store);
	rig_close(&rig);
}
END_TEST

START_TEST(what_a_key_may_do)
{
	struct text routes[] = {TEXT("coder"), TEXT("team-*")};
	struct text targets[] = {TEXT("lab/*")};
	struct text teams[] = {TEXT("search"), TEXT("ads-*")};
	struct text endpoints[] = {TEXT("chat")};
	const struct key all = {.name = TEXT("all")};
	const struct key some = {
	    .routes = {routes, 2}, .teams = {teams, 2}, .endpoints = {endpoints, 1}};
	const struct key bare = {.routes = {routes, 1}, .targets = {targets, 1}};
	const struct text none = {NULL, 0};
	struct text team;

	ck_assert(key_allows_route(&all, none) && key_allows_route(&all, TEXT("x")) &&
	          key_allows_target(&all, TEXT("a/b")) && key_allows_endpoint(&all, "chat"));
	ck_assert(key_allows_route(&some, TEXT("coder")) &&
	          key_allows_route(&some, TEXT("team-a")));
	ck_assert(!key_allows_route(&some, TEXT("coder2")) && !key_allows_route(&some, none));
	ck_assert(key_allows_endpoint(&some, "chat") && !key_allows_endpoint(&some, "messages"));
	ck_assert(key_allows_route(&bare, none) && key_allows_target(&bare, TEXT("lab/x")) &&
	          !key_allows_target(&bare, TEXT("other/x")));
	ck_assert(key_team(&some, none, &team));
	assert_text(team, "search");
	ck_assert(key_team(&some, TEXT("ads-eu"), &team));
	assert_text(team, "ads-eu");
	ck_assert(!key_team(&some, TEXT("other"), &team));
	ck_assert(key_team(&all, none, &team) && team.data == NULL);
	ck_assert(!key_team(&all, TEXT("search"), &team));
	ck_assert(key_demand(KEY_EVIDENCE_STRICT, -1).enforced &&
	          key_demand(KEY_EVIDENCE_STRICT, -1).strict);
	ck_assert(key_demand(KEY_EVIDENCE_ENFORCE, 5).enforced &&
	          !key_demand(KEY_EVIDENCE_ENFORCE, 5).strict);
	ck_assert(!key_demand(KEY_EVIDENCE_CONFIG, 5).enforced);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases,
	               a_key_holds_until_it_is_revoked_and_its_old_one_until_the_overlap_ends);
	tcase_add_test(cases, what_stands_in_the_store_is_kept_to_what_there_is);
	tcase_add_test(cases, what_stands_at_the_place_of_the_store_is_the_store);
	tcase_add_test(cases, a_store_of_another_pepper_takes_no_place);
	tcase_add_test(cases, no_byte_of_a_key_may_be_another);
	tcase_add_test(cases, what_a_key_may_do);
}

int main(void)
{
	return unit_main("key", add);
}
