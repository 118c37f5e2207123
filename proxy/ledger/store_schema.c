/*
 * The database, version by version: what was released is never edited, a change is a new script
 * at the end. Money is in 10^-12 USD, time in milliseconds since the epoch, unknown is NULL.
 */
#include "proxy/ledger/store_sqlite.h"

#define ATTEMPT_COLUMNS                                                                            \
	"request_id TEXT NOT NULL, attempt INTEGER NOT NULL, started_at INTEGER NOT NULL,"         \
	"key_id TEXT, team TEXT, workflow TEXT, task TEXT, risk TEXT, route TEXT,"                 \
	"requested_model TEXT, target TEXT, reported_model TEXT, dialect_in TEXT,"                 \
	"dialect_out TEXT, shape TEXT, matrix TEXT, stream INTEGER, status INTEGER,"               \
	"outcome TEXT, finish_reason TEXT, fallback_reason TEXT, ttft_ms INTEGER,"                 \
	"latency_ms INTEGER, overhead_us INTEGER, prompt_tokens INTEGER,"                          \
	"cached_tokens INTEGER, cache_write_tokens INTEGER, completion_tokens INTEGER,"            \
	"reasoning_tokens INTEGER, usage_source TEXT, cost_usd INTEGER, cost_source TEXT,"         \
	"price_version TEXT, baseline_cost_usd INTEGER, budget TEXT,"                              \
	"client_disconnected INTEGER, charged INTEGER"

const char *const store_schema[] = {
    /* open_attempts: sent (or about to be) under a budget, and not known to be over */
    "CREATE TABLE attempts(id INTEGER PRIMARY KEY, " ATTEMPT_COLUMNS ") STRICT;"
    "CREATE UNIQUE INDEX attempts_once ON attempts(request_id, attempt);"
    "CREATE INDEX attempts_started ON attempts(started_at);"
    "CREATE INDEX attempts_key ON attempts(key_id, started_at);"
    "CREATE TABLE open_attempts(" ATTEMPT_COLUMNS
    ", PRIMARY KEY(request_id, attempt)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE contents(request_id TEXT NOT NULL, attempt INTEGER NOT NULL,"
    " started_at INTEGER NOT NULL, request BLOB, response BLOB,"
    " PRIMARY KEY(request_id, attempt)) STRICT;"
    "CREATE INDEX contents_started ON contents(started_at);"
    /* What retention took, summed up by hour, for budgets: whole USD and what is left of one. */
    "CREATE TABLE swept(hour INTEGER NOT NULL, key_id TEXT NOT NULL, team TEXT NOT NULL,"
    " workflow TEXT NOT NULL, task TEXT NOT NULL, target TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, usd INTEGER NOT NULL, pico INTEGER NOT NULL,"
    " PRIMARY KEY(hour, key_id, team, workflow, task, target)) STRICT, WITHOUT ROWID;"
    /* changes: counts what was done to keys. pepper: an HMAC of a fixed text, to know it by. */
    "CREATE TABLE facts(name TEXT PRIMARY KEY, number INTEGER, bytes BLOB)"
    " STRICT, WITHOUT ROWID;"
    "INSERT INTO facts VALUES('key_changes', 0, NULL);"
    "CREATE TABLE keys(id TEXT PRIMARY KEY, name TEXT NOT NULL, teams TEXT, routes TEXT,"
    " targets TEXT, endpoints TEXT, requests_per_minute INTEGER NOT NULL,"
    " tokens_per_minute INTEGER NOT NULL, streams INTEGER NOT NULL, budget INTEGER,"
    " per INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER, revoked INTEGER,"
    " rotated INTEGER, overlap_until INTEGER, hash BLOB NOT NULL, old_hash BLOB) STRICT;",
    /* What is kept of a key's requests; NULL: as the config says. */
    "ALTER TABLE keys ADD COLUMN content INTEGER;",
    /* Beside a cost that the provider reports, what usage and price make. */
    ("ALTER TABLE attempts ADD COLUMN computed_cost_usd INTEGER;"
     "ALTER TABLE open_attempts ADD COLUMN computed_cost_usd INTEGER;"),
    /* What a decision expected, what the cost is made of, and how far a reported one is off. */
    ("ALTER TABLE attempts ADD COLUMN expected_cost_usd INTEGER;"
     "ALTER TABLE attempts ADD COLUMN cost_parts TEXT;"
     "ALTER TABLE attempts ADD COLUMN cost_difference_usd INTEGER;"
     "ALTER TABLE open_attempts ADD COLUMN expected_cost_usd INTEGER;"
     "ALTER TABLE open_attempts ADD COLUMN cost_parts TEXT;"
     "ALTER TABLE open_attempts ADD COLUMN cost_difference_usd INTEGER;"),
    /* What a key demands of the evidence; NULL: as the config says. */
    ("ALTER TABLE keys ADD COLUMN evidence INTEGER;"
     "ALTER TABLE keys ADD COLUMN max_age INTEGER;"),
    /* Whether a key's budget lets pass what has no known price; NULL: no. */
    "ALTER TABLE keys ADD COLUMN unpriced INTEGER;",
    /* Whom an aggregator asked. */
    ("ALTER TABLE attempts ADD COLUMN served_by TEXT;"
     "ALTER TABLE open_attempts ADD COLUMN served_by TEXT;"),
    /* By a number of the writer's: a row is put at the end and found again without its names. */
    ("ALTER TABLE open_attempts RENAME TO open_before;"
     "CREATE TABLE open_attempts(id INTEGER PRIMARY KEY, " ATTEMPT_COLUMNS
     ", computed_cost_usd INTEGER, expected_cost_usd INTEGER, cost_parts TEXT,"
     " cost_difference_usd INTEGER, served_by TEXT) STRICT;"
     "INSERT INTO open_attempts SELECT NULL, * FROM open_before;"
     "DROP TABLE open_before;"),
};
const int store_schema_count = (int)ARRAY_LENGTH(store_schema);
