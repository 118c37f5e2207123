/* Keys: what is presented is found, or not; the table follows what another process changes. */
#include "proxy/keys/key.h"
#include "tests/unit/proxy/ledger_rig.h"

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
	assert_text(held->name, "ci"); /* whoever holds it keeps it whole */
	key_drop(held);
	key_table_free(table);
	key_store_close(store);
	rig_close(&rig);
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
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases,
	               a_key_holds_until_it_is_revoked_and_its_old_one_until_the_overlap_ends);
	tcase_add_test(cases, no_byte_of_a_key_may_be_another);
	tcase_add_test(cases, what_a_key_may_do);
}

int main(void)
{
	return unit_main("key", add);
}
