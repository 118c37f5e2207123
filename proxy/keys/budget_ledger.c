/* What budgets have spent, added up from the ledger; see budget_private.h. */
#include "proxy/keys/budget_private.h"
#include "proxy/ledger/store_sqlite.h"

struct budget_ledger {
	pthread_mutex_t lock;
	struct store *store;
};

static const int64_t USD = 1000000000000;

bool budget_ledger_open(const char *path, struct budget_ledger **out, struct fault *fault)
{
	struct store *store;

	if (!store_open(path, STORE_READ, &store, fault))
		return false;
	*out = memory_new(sizeof(**out));
	int failed = pthread_mutex_init(&(*out)->lock, NULL);
	REQUIRE(failed == 0);
	(*out)->store = store;
	return true;
}

void budget_ledger_close(struct budget_ledger *ledger)
{
	if (ledger == NULL)
		return;
	store_close(ledger->store);
	(void)pthread_mutex_destroy(&ledger->lock);
	memory_free(ledger);
}

/* Whole USD and what is left of one apart: the sum of 10^-12 alone overflows at 9 million USD. */
static const char attempts_sum[] =
    "SELECT sum(coalesce(charged, cost_usd, 0) / 1000000000000),"
    " sum(coalesce(charged, cost_usd, 0) % 1000000000000) FROM attempts WHERE started_at >= ?1";
static const char open_sum[] =
    "SELECT sum(coalesce(charged, 0) / 1000000000000), sum(coalesce(charged, 0) % 1000000000000)"
    " FROM open_attempts WHERE started_at >= ?1";
static const char swept_sum[] = "SELECT sum(usd), sum(pico) FROM swept WHERE hour >= ?1";

/*
 * Under the lock. A file that was taken away or replaced: the rows of from now on are in the one at
 * its place. Until that can be read, what was known is.
 */
static void follow(struct budget_ledger *ledger)
{
	struct store *fresh;
	struct fault fault;

	if (store_is_in_place(ledger->store) || !store_open_again(ledger->store, &fresh, &fault))
		return;
	store_close(ledger->store);
	ledger->store = fresh;
}

static bool add_up(struct store *store, const char *sql, const struct config_scope *scope,
                   int64_t since_wall_ms, int64_t out[2], struct fault *fault)
{
	const struct {
		const char *condition;
		struct text value;
	} parts[] = {
	    {" AND key_id = ?2", scope->key},
	    {" AND team = ?3", scope->team},
	    {" AND workflow = ?4", scope->workflow},
	    {" AND task = ?5", scope->task},
	    {" AND target = ?6", scope->target},
	    {" AND substr(target, 1, length(?7) + 1) = ?7 || '/'", scope->provider},
	};
	struct text_buf text;
	struct store_query *query;

	text_buf_init(&text, 1024);
	(void)text_buf_add_c(&text, sql);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i].value.data != NULL)
			(void)text_buf_add_c(&text, parts[i].condition);
	bool good = store_prepare(store, text.data, &query, fault);
	text_buf_done(&text);
	if (!good)
		return false;
	store_bind_int(query, 1, since_wall_ms);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i].value.data != NULL)
			store_bind_text(query, (int)i + 2, parts[i].value);
	good = store_step(query, fault) == STORE_ROW;
	if (good) { /* no rows: NULL, which is -1 here */
		out[0] += int64_max(store_int(query, 0), 0);
		out[1] += int64_max(store_int(query, 1), 0);
	}
	store_query_free(query);
	return good;
}

static int64_t pico_of(const int64_t sum[2])
{
	int64_t usd = sum[0] + sum[1] / USD;

	return usd > INT64_MAX / USD - 1 ? INT64_MAX : usd * USD + sum[1] % USD;
}

bool budget_ledger_spent(struct budget_ledger *ledger, const struct config_scope *scope,
                         int64_t since_wall_ms, int64_t *out, struct fault *fault)
{
	int64_t sum[2] = {0, 0};

	*out = 0;
	if (ledger == NULL)
		return true;
	(void)pthread_mutex_lock(&ledger->lock);
	follow(ledger);
	bool good = store_run(ledger->store, "BEGIN", fault) &&
	            add_up(ledger->store, attempts_sum, scope, since_wall_ms, sum, fault) &&
	            add_up(ledger->store, swept_sum, scope, since_wall_ms, sum, fault);
	store_rollback(ledger->store);
	(void)pthread_mutex_unlock(&ledger->lock);
	*out = pico_of(sum);
	return good;
}

bool budget_ledger_reserved(struct budget_ledger *ledger, const struct config_scope *scope,
                            int64_t since_wall_ms, int64_t *out, struct fault *fault)
{
	int64_t sum[2] = {0, 0};

	(void)pthread_mutex_lock(&ledger->lock);
	follow(ledger);
	bool good = add_up(ledger->store, open_sum, scope, since_wall_ms, sum, fault);
	(void)pthread_mutex_unlock(&ledger->lock);
	*out = pico_of(sum);
	return good;
}
