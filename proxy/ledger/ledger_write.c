/* The ledger's SQL; see ledger_private.h. */
#include "proxy/ledger/ledger_private.h"

enum { SWEEP_ROWS = 5000 }; /* of one transaction: writers wait for it */

/* "INSERT ... INTO table(columns, charged, id) VALUES(?,...)"; an id that is not bound is made. */
static bool prepare_insert(struct store *store, const char *table, struct store_query **out,
                           struct fault *fault)
{
	struct text_buf sql;

	text_buf_init(&sql, 4096);
	(void)text_buf_format(&sql, "INSERT OR IGNORE INTO %s(", table);
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		(void)text_buf_format(&sql, "%s,", ledger_columns[i].name);
	(void)text_buf_add_c(&sql, "charged,id) VALUES(");
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		(void)text_buf_add_c(&sql, "?,");
	(void)text_buf_add_c(&sql, "?,?)");
	REQUIRE(!sql.overflow);
	bool good = store_prepare(store, sql.data, out, fault);
	text_buf_done(&sql);
	return good;
}

bool ledger_writer_open(struct ledger_writer *writer, struct fault *fault)
{
	if (!store_open(writer->path, STORE_WRITE, &writer->store, fault))
		return false;
	if (prepare_insert(writer->store, "attempts", &writer->insert, fault) &&
	    prepare_insert(writer->store, "open_attempts", &writer->begin, fault) &&
	    store_prepare(writer->store, "DELETE FROM open_attempts WHERE id=?", &writer->forget,
	                  fault) &&
	    store_prepare(writer->store, "BEGIN IMMEDIATE", &writer->start, fault) &&
	    store_prepare(writer->store, "COMMIT", &writer->commit, fault) &&
	    store_prepare(writer->store, "INSERT OR IGNORE INTO contents VALUES(?,?,?,?,?)",
	                  &writer->content, fault))
		return true;
	ledger_writer_close(writer);
	return false;
}

void ledger_writer_close(struct ledger_writer *writer)
{
	store_query_free(writer->insert);
	store_query_free(writer->begin);
	store_query_free(writer->forget);
	store_query_free(writer->content);
	store_query_free(writer->start);
	store_query_free(writer->commit);
	store_close(writer->store);
	*writer = (struct ledger_writer){.path = writer->path};
}

/* What is not known is not bound: NULL. */
static void bind_row(struct store_query *query, const struct ledger_row *row)
{
	for (size_t i = 0; i < LEDGER_COLUMNS; i++) {
		const void *field = (const char *)row + ledger_columns[i].offset;
		int at = (int)i + 1;
		switch (ledger_columns[i].kind) {
		case LEDGER_TEXT:
			store_bind_text(query, at, *(const struct text *)field);
			break;
		case LEDGER_COUNT:
		case LEDGER_USD:
			store_bind_count(query, at, *(const int64_t *)field);
			break;
		case LEDGER_TIME:
			store_bind_int(query, at, *(const int64_t *)field);
			break;
		case LEDGER_FLAG:
			store_bind_int(query, at, *(const bool *)field);
			break;
		case LEDGER_DIFFERENCE:
			if (*(const int64_t *)field != LEDGER_NO_DIFFERENCE)
				store_bind_int(query, at, *(const int64_t *)field);
			break;
		}
	}
	store_bind_count(query, LEDGER_COLUMNS + 1, row->charged_pico_usd);
}

static bool put(struct ledger_writer *writer, const struct ledger_record *record,
                struct fault *fault)
{
	const struct ledger_row *row = &record->row;

	if (record->kind == RECORD_BEGIN) {
		bind_row(writer->begin, row);
		store_bind_int(writer->begin, LEDGER_COLUMNS + 2, row->begun);
		return store_do(writer->begin, fault);
	}
	if (row->begun != 0) {
		store_bind_int(writer->forget, 1, row->begun);
		if (!store_do(writer->forget, fault))
			return false;
	}
	if (record->kind == RECORD_ABANDON)
		return true;
	bind_row(writer->insert, row);
	if (!store_do(writer->insert, fault))
		return false;
	if (record->content.request.data == NULL && record->content.response.data == NULL)
		return true;
	store_bind_text(writer->content, 1, row->request_id);
	store_bind_int(writer->content, 2, row->attempt);
	store_bind_int(writer->content, 3, row->started_wall_ms);
	store_bind_blob(writer->content, 4, record->content.request);
	store_bind_blob(writer->content, 5, record->content.response);
	return store_do(writer->content, fault);
}

bool ledger_writer_commit(struct ledger_writer *writer, const struct ledger_record *records,
                          struct fault *fault)
{
	bool good = store_do(writer->start, fault);

	for (const struct ledger_record *r = records; good && r != NULL; r = r->next)
		good = put(writer, r, fault);
	good = good && store_do(writer->commit, fault);
	if (!good)
		store_rollback(writer->store);
	return good;
}

/* What was sent under a budget and never came to a row may have been billed in full. */
bool ledger_writer_recover(struct ledger_writer *writer, int64_t *count, struct fault *fault)
{
	struct text_buf sql;

	text_buf_init(&sql, 4096);
	(void)text_buf_add_c(&sql, "INSERT OR IGNORE INTO attempts(");
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		(void)text_buf_format(&sql, "%s,", ledger_columns[i].name);
	(void)text_buf_add_c(&sql, "charged) SELECT ");
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		(void)text_buf_format(&sql, "%s,", ledger_columns[i].name);
	(void)text_buf_add_c(&sql, "charged FROM open_attempts");
	bool good = store_run(writer->store, "BEGIN IMMEDIATE", fault) &&
	            store_run(writer->store,
	                      "UPDATE open_attempts SET outcome='cut', cost_usd=charged,"
	                      " cost_source='estimated', usage_source='missing'",
	                      fault) &&
	            store_run(writer->store, sql.data, fault);
	*count = good ? store_changes(writer->store) : 0;
	good = good && store_run(writer->store, "DELETE FROM open_attempts", fault) &&
	       store_run(writer->store, "COMMIT", fault);
	if (!good)
		store_rollback(writer->store);
	text_buf_done(&sql);
	return good;
}

/* --- retention --------------------------------------------------------------------------------
 */

static const char contents_sweep[] =
    "DELETE FROM contents WHERE rowid IN (SELECT rowid FROM contents WHERE started_at < ?1"
    " ORDER BY started_at LIMIT ?2)";
/* Up to which moment one transaction goes. */
static const char sweep_until[] =
    "SELECT max(started_at), count(*) FROM (SELECT started_at FROM attempts WHERE started_at < ?1"
    " ORDER BY started_at LIMIT ?2)";
static const char sweep_fold[] =
    "INSERT INTO swept SELECT started_at - started_at % 3600000, coalesce(key_id,''),"
    " coalesce(team,''), coalesce(workflow,''), coalesce(task,''), coalesce(target,''), count(*),"
    " sum(coalesce(charged, cost_usd, 0) / 1000000000000)"
    " + sum(coalesce(charged, cost_usd, 0) % 1000000000000) / 1000000000000,"
    " sum(coalesce(charged, cost_usd, 0) % 1000000000000) % 1000000000000"
    " FROM attempts WHERE started_at <= ?1 GROUP BY 1,2,3,4,5,6"
    " ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts,"
    " usd = usd + excluded.usd + (pico + excluded.pico) / 1000000000000,"
    " pico = (pico + excluded.pico) % 1000000000000";
static const char sweep_delete[] = "DELETE FROM attempts WHERE started_at <= ?1";

static bool run_with(struct store *store, const char *sql, int64_t first, int64_t second,
                     struct fault *fault)
{
	struct store_query *query;

	if (!store_prepare(store, sql, &query, fault))
		return false;
	store_bind_int(query, 1, first);
	if (second >= 0)
		store_bind_int(query, 2, second);
	bool good = store_do(query, fault);
	store_query_free(query);
	return good;
}

static bool find_until(struct store *store, int64_t before_ms, int64_t *until_ms, int64_t *rows,
                       struct fault *fault)
{
	struct store_query *query;

	if (!store_prepare(store, sweep_until, &query, fault))
		return false;
	store_bind_int(query, 1, before_ms);
	store_bind_int(query, 2, SWEEP_ROWS);
	bool good = store_step(query, fault) == STORE_ROW;
	*until_ms = good ? store_int(query, 0) : -1;
	*rows = good ? store_int(query, 1) : 0;
	store_query_free(query);
	return good;
}

/* Begun: the caller commits or rolls back. */
static bool sweep(struct store *store, int64_t before_ms, bool *more, struct fault *fault)
{
	int64_t until_ms, rows;

	if (!run_with(store, contents_sweep, before_ms, SWEEP_ROWS, fault))
		return false;
	*more = store_changes(store) == SWEEP_ROWS;
	if (*more)
		return true; /* content goes first */
	if (!find_until(store, before_ms, &until_ms, &rows, fault))
		return false;
	*more = rows == SWEEP_ROWS;
	return rows == 0 || (run_with(store, sweep_fold, until_ms, -1, fault) &&
	                     run_with(store, sweep_delete, until_ms, -1, fault));
}

bool ledger_writer_sweep(struct ledger_writer *writer, int64_t before_wall_ms, bool *more,
                         struct fault *fault)
{
	bool good = store_run(writer->store, "BEGIN IMMEDIATE", fault) &&
	            sweep(writer->store, before_wall_ms, more, fault) &&
	            store_run(writer->store, "COMMIT", fault);

	if (!good)
		store_rollback(writer->store);
	return good;
}
