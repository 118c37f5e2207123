/* How budgets stand; see budget_state.h. */
#include "proxy/keys/budget_state.h"

#include "harness/base/file.h"
#include "proxy/keys/budget_private.h"
#include "proxy/ledger/store_sqlite.h"

#include <math.h>

enum { KEYS_MAX = 100000 }; /* with budgets; more is no report */

static void set_period(struct budget_state *state, int64_t now_wall_ms)
{
	state->until_wall_ms = budget_period_end(state->per, now_wall_ms);
	state->from_wall_ms =
	    state->per == CONFIG_PREPAID ? -1 : budget_period_start(state->per, now_wall_ms);
}

static struct budget_state state_of(const struct config_budget *budget, int64_t now_wall_ms,
                                    struct arena *arena)
{
	struct budget_state state = {
	    .name = budget_name(&budget->scope, budget->per, arena),
	    .scope = budget->scope,
	    .per = budget->per,
	    .limit_pico_usd = budget->limit_pico_usd,
	    .soft_pico_usd = -1,
	};

	if (!isnan(budget->soft))
		state.soft_pico_usd = budget_soft(budget);
	set_period(&state, now_wall_ms);
	return state;
}

/* --- the keys' own --- */

struct keys {
	struct budget_state *states; /* owned */
	size_t count, room;
};

static void add_key(struct keys *keys, struct store_query *row, int64_t now_wall_ms,
                    struct arena *arena)
{
	struct budget_state state = {
	    .scope = {.key = text_copy(arena, store_text(row, 0))},
	    .key_name = text_copy(arena, store_text(row, 1)),
	    .limit_pico_usd = store_int(row, 2),
	    .per = (int)store_int(row, 3),
	    .soft_pico_usd = -1,
	};

	if (keys->count == keys->room) {
		keys->room = keys->room == 0 ? 64 : size_mul(keys->room, 2);
		keys->states =
		    memory_resize(keys->states, size_mul(keys->room, sizeof(*keys->states)));
	}
	if (state.per < CONFIG_HOUR || state.per > CONFIG_PREPAID)
		state.per = CONFIG_PREPAID; /* as the proxy takes what it does not know */
	state.name = budget_name(&state.scope, state.per, arena);
	set_period(&state, now_wall_ms);
	keys->states[keys->count++] = state;
}

static bool read_keys(const struct config *config, int64_t now_wall_ms, struct arena *arena,
                      struct keys *keys, struct fault *fault)
{
	const char *path =
	    config->keys.store.data == NULL ? NULL : text_c(arena, config->keys.store);
	struct store *store;
	struct store_query *rows;
	enum store_step step;

	if (path == NULL || !file_exists(path))
		return true;
	if (!store_open(path, STORE_READ, &store, fault))
		return false;
	bool good =
	    store_prepare(store,
	                  "SELECT id, name, budget, per FROM keys WHERE budget IS NOT NULL AND"
	                  " revoked IS NULL AND coalesce(expires > ?1, 1) ORDER BY created, id",
	                  &rows, fault);
	if (good) {
		store_bind_int(rows, 1, now_wall_ms);
		while ((step = store_step(rows, fault)) == STORE_ROW && keys->count < KEYS_MAX)
			add_key(keys, rows, now_wall_ms, arena);
		if (step == STORE_ROW)
			good = fault_set(fault, FAULT_INPUT, "more than %d keys have budgets",
			                 KEYS_MAX);
		else
			good = step == STORE_DONE;
		store_query_free(rows);
	}
	store_close(store);
	return good;
}

/* --- all --- */

static bool add_spent(const struct config *config, struct budget_state *states, size_t count,
                      struct arena *arena, struct fault *fault)
{
	const char *path =
	    config->ledger.path.data == NULL ? NULL : text_c(arena, config->ledger.path);
	struct budget_ledger *ledger;
	bool good = true;

	if (path == NULL || !file_exists(path))
		return true;
	if (!budget_ledger_open(path, &ledger, fault))
		return false;
	for (size_t i = 0; i < count && good; i++) {
		int64_t since = int64_max(states[i].from_wall_ms, 0);
		good = budget_ledger_spent(ledger, &states[i].scope, since,
		                           &states[i].spent_pico_usd, fault) &&
		       budget_ledger_reserved(ledger, &states[i].scope, since,
		                              &states[i].reserved_pico_usd, fault);
	}
	budget_ledger_close(ledger);
	return good;
}

bool budget_states_read(const struct config *config, int64_t now_wall_ms, struct arena *arena,
                        struct budget_state **out, size_t *count, struct fault *fault)
{
	const struct config_budget *budgets = config->budgets.items;
	struct keys keys = {0};

	if (!read_keys(config, now_wall_ms, arena, &keys, fault)) {
		memory_free(keys.states);
		return false;
	}
	*count = config->budgets.count + keys.count;
	*out = ARENA_NEW_ARRAY(arena, struct budget_state, *count);
	for (size_t i = 0; i < config->budgets.count; i++)
		(*out)[i] = state_of(&budgets[i], now_wall_ms, arena);
	for (size_t i = 0; i < keys.count; i++)
		(*out)[config->budgets.count + i] = keys.states[i];
	memory_free(keys.states);
	return add_spent(config, *out, *count, arena, fault);
}
