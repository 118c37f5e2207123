/* Reserving and settling; see budget.h. What was spent before comes from budget_ledger.c. */
#include "proxy/keys/budget_private.h"

#include "harness/base/log.h"
#include "harness/base/loop.h"

#include <math.h>
#include <stdio.h>

enum {
	ALERTS_MAX = BUDGET_HELD_MAX,
	NAMES_MAX_BYTES = 64 << 10, /* of all that hold for a request; the ledger cuts far before */
};
static const int64_t HOUR_MS = 3600000;
static const int64_t DAY_MS = 86400000;
static const int64_t WEEK_MS = 604800000;
static const int64_t MONDAY_MS = 345600000; /* 1970-01-05 */

static const char *const period_names[] = {"per hour", "per day", "per week", "per month",
                                           "prepaid"};

static void hold(struct budget_table *table)
{
	int failed = pthread_mutex_lock(&table->lock);

	REQUIRE(failed == 0);
}

static void let_go(struct budget_table *table)
{
	int failed = pthread_mutex_unlock(&table->lock);

	REQUIRE(failed == 0);
}

/* Stops at the largest: more than nine million USD is no room either way. */
static int64_t plus(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* --- periods ------------------------------------------------------------------------------ */

static int64_t floor_to(int64_t wall_ms, int64_t step)
{
	int64_t rest = wall_ms % step;

	return wall_ms - (rest < 0 ? rest + step : rest);
}

/* The first of the month that holds it. */
static int64_t month_start(int64_t wall_ms)
{
	struct arena arena = {0};
	int64_t start = 0;
	struct text date = wall_format(&arena, wall_ms, false);
	bool good = wall_parse(text_format(&arena, "%.*s-01", 7, date.data), &start);

	REQUIRE(good);
	arena_done(&arena);
	return start;
}

int64_t budget_period_start(int per, int64_t wall_ms)
{
	switch ((enum config_period)per) {
	case CONFIG_HOUR:
		return floor_to(wall_ms, HOUR_MS);
	case CONFIG_DAY:
		return floor_to(wall_ms, DAY_MS);
	case CONFIG_WEEK:
		return floor_to(wall_ms - MONDAY_MS, WEEK_MS) + MONDAY_MS;
	case CONFIG_MONTH:
		return month_start(wall_ms);
	case CONFIG_PREPAID:
		return 0;
	}
	return 0;
}

int64_t budget_period_end(int per, int64_t wall_ms)
{
	int64_t start = budget_period_start(per, wall_ms);

	switch ((enum config_period)per) {
	case CONFIG_HOUR:
		return start + HOUR_MS;
	case CONFIG_DAY:
		return start + DAY_MS;
	case CONFIG_WEEK:
		return start + WEEK_MS;
	case CONFIG_MONTH:
		return month_start(start + 32 * DAY_MS);
	case CONFIG_PREPAID:
		return -1;
	}
	return -1;
}

/*
 * Under the lock. The clock had leapt ahead, and is back: the account would wait for the period
 * that it was in by then. What was spent in that of now is in the ledger, as at a start. What is
 * held belongs to the other period, so it is settled first.
 */
static void come_back(struct budget_table *table, struct budget_account *account,
                      int64_t now_wall_ms)
{
	int64_t start = budget_period_start(account->per, now_wall_ms);
	struct fault fault;
	int64_t spent;

	if (account->reserved > 0 || table->ledger == NULL ||
	    !budget_ledger_spent(table->ledger, &account->scope, start, &spent, &fault))
		return;
	log_warn("budget.clock", "budget=\"%.*s\" the clock was far ahead, and is back",
	         TEXT_ARG(account->name));
	account->spent = int64_max(account->spent, spent);
	account->period_wall_ms = start;
	account->rolled_until_wall_ms = 0;
	account->alerted = account->refused = false;
}

/* Under the lock. What was held in an earlier period no longer counts; a clock that goes back by a
 * day or less changes nothing. */
static void roll(struct budget_table *table, struct budget_account *account, int64_t now_wall_ms)
{
	if (account->period_wall_ms - now_wall_ms > DAY_MS)
		come_back(table, account, now_wall_ms);
	if (now_wall_ms < account->rolled_until_wall_ms)
		return;
	int64_t start = budget_period_start(account->per, now_wall_ms);
	int64_t end = budget_period_end(account->per, now_wall_ms);

	account->rolled_until_wall_ms = end < 0 ? INT64_MAX : end;
	if (start <= account->period_wall_ms)
		return;
	account->period_wall_ms = start;
	account->spent = 0;
	account->reserved = 0;
	account->alerted = account->refused = false;
}

/* --- accounts --------------------------------------------------------------------------------
 */

struct text budget_name(const struct config_scope *scope, int per, struct arena *arena)
{
	const struct {
		const char *name;
		struct text value;
	} parts[] = {{"key", scope->key},           {"team", scope->team},
	             {"workflow", scope->workflow}, {"task", scope->task},
	             {"provider", scope->provider}, {"target", scope->target}};
	struct text name = {"", 0};

	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i].value.data != NULL)
			name = text_format(arena, "%.*s%s=%.*s ", TEXT_ARG(name), parts[i].name,
			                   TEXT_ARG(parts[i].value));
	return text_format(arena, "%.*s%s", TEXT_ARG(name), period_names[per]);
}

static struct text copy(struct arena *arena, struct text view)
{
	return view.data == NULL ? view : text_copy(arena, view);
}

/* Under the lock or before anybody else knows the table. */
static struct budget_account *find(const struct budget_table *table,
                                   const struct config_scope *scope, int per, bool own)
{
	for (size_t i = 0; i < table->count; i++) {
		struct budget_account *account = table->accounts[i];
		if (account->own == own && account->per == per &&
		    config_scope_same(&account->scope, scope))
			return account;
	}
	return NULL;
}

/* Under the lock. The table's memory is the main thread's and, for keys' own, the lock's. */
static struct budget_account *add(struct budget_table *table, const struct config_scope *scope,
                                  int per, bool own)
{
	struct budget_account *account = ARENA_NEW(&table->arena, struct budget_account);

	if (table->count == table->room) {
		table->room = table->room == 0 ? 16 : size_mul(table->room, 2);
		table->accounts =
		    memory_resize(table->accounts, size_mul(table->room, sizeof(*table->accounts)));
	}
	account->number = table->count;
	account->per = per;
	account->own = own;
	account->soft = INT64_MAX;
	account->scope = (struct config_scope){
	    .key = copy(&table->arena, scope->key),
	    .team = copy(&table->arena, scope->team),
	    .workflow = copy(&table->arena, scope->workflow),
	    .task = copy(&table->arena, scope->task),
	    .provider = copy(&table->arena, scope->provider),
	    .target = copy(&table->arena, scope->target),
	};
	account->name = budget_name(&account->scope, per, &table->arena);
	table->accounts[table->count++] = account;
	return account;
}

int64_t budget_soft(const struct config_budget *budget)
{
	double soft = (double)budget->limit_pico_usd * budget->soft;

	/* The largest limit is 2^63 as a double. */
	return soft >= (double)INT64_MAX ? INT64_MAX : (int64_t)soft;
}

static void set_limit(struct budget_account *account, const struct config_budget *budget)
{
	/* Another limit is crossed anew. */
	if (account->limit != budget->limit_pico_usd)
		account->alerted = account->refused = false;
	account->limit = budget->limit_pico_usd;
	account->soft = isnan(budget->soft) ? INT64_MAX : budget_soft(budget);
	account->unpriced = budget->unpriced == CONFIG_ALLOW;
	account->live = true;
}

/*
 * The ledger is asked without the lock; meanwhile nobody books on an account that is not there
 * yet, or is not live.
 */
bool budget_table_reload(struct budget_table *table, const struct config *config,
                         int64_t now_wall_ms, struct fault *fault)
{
	const struct config_budget *budgets = config->budgets.items;
	size_t count = config->budgets.count;
	int64_t *spent = memory_new_array(count + 1, sizeof(*spent));
	bool good = true;

	for (size_t i = 0; good && i < count; i++) {
		hold(table);
		const struct budget_account *account =
		    find(table, &budgets[i].scope, budgets[i].per, false);
		bool booked = account != NULL && account->live;
		let_go(table);
		if (!booked)
			good = budget_ledger_spent(table->ledger, &budgets[i].scope,
			                           budget_period_start(budgets[i].per, now_wall_ms),
			                           &spent[i], fault);
	}
	hold(table);
	for (size_t i = 0; good && i < table->count; i++)
		table->accounts[i]->live = table->accounts[i]->own;
	for (size_t i = 0; good && i < count; i++) {
		struct budget_account *account =
		    find(table, &budgets[i].scope, budgets[i].per, false);
		if (account == NULL) {
			account = add(table, &budgets[i].scope, budgets[i].per, false);
			account->period_wall_ms = budget_period_start(account->per, now_wall_ms);
		}
		/* While no config had it, nothing was booked on it. */
		roll(table, account, now_wall_ms);
		account->spent = int64_max(account->spent, spent[i]);
		set_limit(account, &budgets[i]);
	}
	let_go(table);
	memory_free(spent);
	return good;
}

bool budget_table_new(const struct config *config, const struct budget_options *options,
                      int64_t now_wall_ms, struct budget_table **out, struct fault *fault)
{
	struct budget_table *table = memory_new(sizeof(*table));
	int failed = pthread_mutex_init(&table->lock, NULL);

	REQUIRE(failed == 0);
	table->alert = options->alert;
	table->context = options->context;
	if ((options->ledger_path == NULL ||
	     budget_ledger_open(options->ledger_path, &table->ledger, fault)) &&
	    budget_table_reload(table, config, now_wall_ms, fault)) {
		*out = table;
		return true;
	}
	budget_table_free(table);
	return fault_within(fault, "reading what budgets have spent");
}

void budget_table_free(struct budget_table *table)
{
	if (table == NULL)
		return;
	budget_ledger_close(table->ledger);
	arena_done(&table->arena);
	memory_free(table->accounts);
	(void)pthread_mutex_destroy(&table->lock);
	memory_free(table);
}

/* --- what applies ----------------------------------------------------------------------------
 */

static bool fits(struct text wanted, struct text said)
{
	return wanted.data == NULL || (said.data != NULL && text_equal(wanted, said));
}

static bool matches(const struct config_scope *wanted, const struct budget_scope *said)
{
	return fits(wanted->key, said->key) && fits(wanted->team, said->team) &&
	       fits(wanted->workflow, said->workflow) && fits(wanted->task, said->task) &&
	       fits(wanted->provider, said->provider) && fits(wanted->target, said->target);
}

bool budget_needs_price(struct budget_table *table, const struct budget_scope *scope)
{
	bool applies =
	    scope->key_limit_pico_usd >= 0 && scope->key.data != NULL && !scope->key_unpriced;

	hold(table);
	for (size_t i = 0; i < table->count && !applies; i++) {
		const struct budget_account *account = table->accounts[i];
		struct config_scope wanted = account->scope;
		if (scope->provider.data == NULL)
			wanted.provider = (struct text){NULL, 0};
		if (scope->target.data == NULL)
			wanted.target = (struct text){NULL, 0};
		applies =
		    account->live && !account->own && !account->unpriced && matches(&wanted, scope);
	}
	let_go(table);
	return applies;
}

/* Under the lock. The first request of a key since the start asks the ledger what it has spent. */
static struct budget_account *own_account(struct budget_table *table,
                                          const struct budget_scope *scope, int64_t now_wall_ms)
{
	struct config_scope wanted = {.key = scope->key};
	struct budget_account *account = find(table, &wanted, scope->key_per, true);
	struct fault fault;
	int64_t spent;

	if (account == NULL) {
		int64_t start = budget_period_start(scope->key_per, now_wall_ms);
		if (!budget_ledger_spent(table->ledger, &wanted, start, &spent, &fault)) {
			log_error("budget.unknown", "key=%.*s why=%s", TEXT_ARG(scope->key),
			          fault.message);
			return NULL;
		}
		account = add(table, &wanted, scope->key_per, true);
		account->period_wall_ms = start;
		account->spent = spent;
		account->live = true;
	}
	account->limit = scope->key_limit_pico_usd;
	account->unpriced = scope->key_unpriced;
	return account;
}

/* Under the lock. False: more than can be held, or what was spent can't be known. */
static bool gather(struct budget_table *table, const struct budget_scope *scope,
                   int64_t now_wall_ms, struct budget_account *found[BUDGET_HELD_MAX],
                   size_t *count)
{
	*count = 0;
	if (scope->key_limit_pico_usd >= 0 && scope->key.data != NULL) {
		found[0] = own_account(table, scope, now_wall_ms);
		if (found[0] == NULL)
			return false;
		*count = 1;
	}
	for (size_t i = 0; i < table->count; i++) {
		struct budget_account *account = table->accounts[i];
		if (!account->live || account->own || !matches(&account->scope, scope))
			continue;
		if (*count == BUDGET_HELD_MAX)
			return false;
		found[(*count)++] = account;
	}
	return true;
}

/* --- alerts ----------------------------------------------------------------------------------
 */

struct alerts {
	struct budget_alert items[ALERTS_MAX];
	size_t count;
};

static void note(struct alerts *alerts, const struct budget_account *account, bool hard)
{
	alerts->items[alerts->count++] = (struct budget_alert){
	    .hard = hard,
	    .name = account->name,
	    .limit_pico_usd = account->limit,
	    .spent_pico_usd = plus(account->spent, account->reserved),
	    .period_wall_ms = account->period_wall_ms,
	};
}

/* Under the lock. */
static void note_soft(struct alerts *alerts, struct budget_account *account)
{
	int64_t used = plus(account->spent, account->reserved);

	if (account->alerted || used < account->soft || alerts->count == ALERTS_MAX)
		return;
	account->alerted = true;
	note(alerts, account, false);
}

/* Under the lock: it had no room. */
static void note_hard(struct alerts *alerts, struct budget_account *account)
{
	if (account->refused || alerts->count == ALERTS_MAX)
		return;
	account->refused = true;
	note(alerts, account, true);
}

/* Without the lock; names live as long as the table. */
static void send_alerts(const struct budget_table *table, const struct alerts *alerts)
{
	for (size_t i = 0; i < alerts->count && table->alert != NULL; i++)
		table->alert(table->context, &alerts->items[i]);
}

/* --- the verbs -------------------------------------------------------------------------------
 */

static void deny(const struct budget_account *account, int64_t now_wall_ms,
                 struct budget_denial *denial)
{
	/* Its own period, which is a later one where the clock was set back. */
	int64_t end = budget_period_end(account->per, account->period_wall_ms);

	(void)snprintf(denial->name, sizeof(denial->name), "%.*s", TEXT_ARG(account->name));
	denial->of_target =
	    account->scope.provider.data != NULL || account->scope.target.data != NULL;
	denial->left_pico_usd =
	    int64_max(account->limit - plus(account->spent, account->reserved), 0);
	denial->retry_after_s = end < 0 ? -1 : (end - now_wall_ms + 999) / 1000;
}

/* Under the lock. */
static enum budget_result reserve(struct budget_table *table, const struct budget_scope *scope,
                                  int64_t bound, int64_t now_wall_ms,
                                  struct budget_reservation *out, struct budget_denial *denial,
                                  struct alerts *alerts)
{
	struct budget_account *found[BUDGET_HELD_MAX];
	size_t count;

	if (!gather(table, scope, now_wall_ms, found, &count)) {
		(void)snprintf(denial->name, sizeof(denial->name), "what was spent is not known");
		return BUDGET_DENIED;
	}
	for (size_t i = 0; i < count; i++)
		if (bound < 0 && !found[i]->unpriced)
			return BUDGET_UNPRICED;
	bound = int64_max(bound, 0);
	for (size_t i = 0; i < count; i++) {
		roll(table, found[i], now_wall_ms);
		int64_t used = plus(found[i]->spent, found[i]->reserved);
		if (bound > found[i]->limit - used) {
			deny(found[i], now_wall_ms, denial);
			note_hard(alerts, found[i]);
			return BUDGET_DENIED;
		}
	}
	for (size_t i = 0; i < count; i++) {
		found[i]->reserved += bound;
		out->held[i].account = found[i]->number;
		out->held[i].period_wall_ms = found[i]->period_wall_ms;
	}
	out->count = count;
	out->pico_usd = count > 0 ? bound : 0;
	return BUDGET_RESERVED;
}

enum budget_result budget_reserve(struct budget_table *table, const struct budget_scope *scope,
                                  int64_t bound_pico_usd, int64_t now_wall_ms,
                                  struct budget_reservation *out, struct budget_denial *denial)
{
	struct alerts alerts = {.count = 0};

	*out = (struct budget_reservation){.count = 0};
	*denial = (struct budget_denial){.retry_after_s = -1};
	hold(table);
	enum budget_result result =
	    reserve(table, scope, bound_pico_usd, now_wall_ms, out, denial, &alerts);
	for (size_t i = 0; i < out->count; i++)
		note_soft(&alerts, table->accounts[out->held[i].account]);
	let_go(table);
	send_alerts(table, &alerts);
	return result;
}

int64_t budget_settle(struct budget_table *table, struct budget_reservation *reservation,
                      int64_t cost_pico_usd)
{
	int64_t charged = cost_pico_usd < 0 ? reservation->pico_usd : cost_pico_usd;
	struct alerts alerts = {.count = 0};

	if (reservation->count == 0)
		return -1;
	hold(table);
	for (size_t i = 0; i < reservation->count; i++) {
		struct budget_account *account = table->accounts[reservation->held[i].account];
		if (account->period_wall_ms != reservation->held[i].period_wall_ms)
			continue;
		account->reserved -= reservation->pico_usd;
		account->spent = plus(account->spent, charged);
		note_soft(&alerts, account);
	}
	let_go(table);
	*reservation = (struct budget_reservation){.count = 0};
	send_alerts(table, &alerts);
	return charged;
}

void budget_release(struct budget_table *table, struct budget_reservation *reservation)
{
	(void)budget_settle(table, reservation, 0);
}

struct text budget_names(struct budget_table *table, const struct budget_reservation *reservation,
                         struct arena *arena)
{
	struct text_buf names;
	struct text all = {NULL, 0};

	text_buf_init(&names, NAMES_MAX_BYTES);
	hold(table);
	for (size_t i = 0; i < reservation->count; i++) {
		if (i > 0)
			(void)text_buf_add(&names, TEXT("; "));
		(void)text_buf_add(&names, table->accounts[reservation->held[i].account]->name);
	}
	let_go(table);
	if (reservation->count > 0)
		all = text_copy(arena, text_buf_view(&names));
	text_buf_done(&names);
	return all;
}

void budget_each(struct budget_table *table, int64_t now_wall_ms,
                 void (*fn)(void *context, struct text name, int64_t limit_pico_usd,
                            int64_t spent_pico_usd, int64_t reserved_pico_usd),
                 void *context)
{
	hold(table);
	size_t count = table->count;
	for (size_t i = 0; i < count; i++) {
		struct budget_account *account = table->accounts[i];
		if (!account->live || account->own)
			continue;
		roll(table, account, now_wall_ms);
		struct budget_account seen = *account;
		let_go(table);
		fn(context, seen.name, seen.limit, seen.spent, seen.reserved);
		hold(table);
	}
	let_go(table);
}
