/*
 * SQLite as we use it: one connection, prepared statements, faults. The only file that sees
 * SQLite. WAL, synchronous FULL, five seconds of patience with another writer, mode 0600.
 *
 * A store and its queries belong to one thread at a time.
 */
#ifndef PROVISO_PROXY_STORE_SQLITE_H
#define PROVISO_PROXY_STORE_SQLITE_H

#include "harness/base/fault.h"

struct store;
struct store_query;

enum store_mode {
	STORE_WRITE, /* made where it is not there, and brought to today's schema */
	STORE_READ,  /* must be there; nothing is changed, but SQLite keeps files beside it */
};
enum {
	STORE_BUSY_MS = 5000,           /* patience with another writer */
	STORE_WAL_MAX_BYTES = 64 << 20, /* the write-ahead log is cut to that when it is empty */
};

/* Not a database of ours, or one of a newer Proviso: FAULT_INPUT. */
MUST_CHECK bool store_open(const char *path, enum store_mode mode, struct store **out,
                           struct fault *fault);
/* After its queries; NULL is fine. */
void store_close(struct store *store);
/* False: the file at the path is no more the one that is open. */
MUST_CHECK bool store_is_in_place(const struct store *store);
MUST_CHECK const char *store_path(const struct store *store);
/* What stands at its path by now, if anything does; that store stays as it is. */
MUST_CHECK bool store_open_again(const struct store *store, struct store **out,
                                 struct fault *fault);
/* Statements without results: "BEGIN IMMEDIATE". */
MUST_CHECK bool store_run(struct store *store, const char *sql, struct fault *fault);
/* Takes back what was begun; nothing begun is fine. */
void store_rollback(struct store *store);
/* Rows that the last statement changed. */
MUST_CHECK int64_t store_changes(struct store *store);

MUST_CHECK bool store_prepare(struct store *store, const char *sql, struct store_query **out,
                              struct fault *fault);
/* NULL is fine. */
void store_query_free(struct store_query *query);
/*
 * Parameters from 1, borrowed until the query is reset. NULL until they are bound; a text without
 * data is not.
 */
void store_bind_text(struct store_query *query, int at, struct text value);
void store_bind_blob(struct store_query *query, int at, struct text value);
void store_bind_int(struct store_query *query, int at, int64_t value);
/* Not where it is below 0: unknown. */
void store_bind_count(struct store_query *query, int at, int64_t value);

enum store_step { STORE_ROW, STORE_DONE, STORE_FAILED };
MUST_CHECK enum store_step store_step(struct store_query *query, struct fault *fault);
/* For the next round; parameters are forgotten. */
void store_reset(struct store_query *query);
/* Steps once, expects no row, resets. */
MUST_CHECK bool store_do(struct store_query *query, struct fault *fault);

/* Of the row at hand, columns from 0. NULL: data NULL. Valid until the next step. */
MUST_CHECK struct text store_text(struct store_query *query, int column);
/* NULL: -1. */
MUST_CHECK int64_t store_int(struct store_query *query, int column);
MUST_CHECK int64_t store_int_or(struct store_query *query, int column, int64_t if_null);

/* store_schema.c: the schema's versions, each one a script that makes it of the one before. */
extern const char *const store_schema[];
extern const int store_schema_count;

#endif
