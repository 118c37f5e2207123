/* A folder with a ledger in it, and rows. */
#ifndef PROVISO_TESTS_UNIT_PROXY_LEDGER_RIG_H
#define PROVISO_TESTS_UNIT_PROXY_LEDGER_RIG_H

#include "harness/base/log.h"
#include "proxy/ledger/ledger.h"
#include "proxy/ledger/store_sqlite.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <unistd.h>

struct rig {
	char folder[64], path[96];
	struct config config;
};

static inline void rig_open(struct rig *rig)
{
	(void)snprintf(rig->folder, sizeof(rig->folder), "/tmp/proviso-ledger-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig->folder));
	(void)snprintf(rig->path, sizeof(rig->path), "%s/l.db", rig->folder);
	rig->config = config_defaults;
	rig->config.ledger.path = text_of(rig->path);
	rig->config.keys.store = text_of(rig->path);
	/* The rows of tests are of a fixed day. */
	rig->config.ledger.retain_ms = (int64_t)36500 * 86400000;
	log_set_level(LOG_SILENT);
}

static inline void rig_close(struct rig *rig)
{
	static const char *const names[] = {"",        "-wal",  "-shm",      ".lock",
	                                    ".pepper", ".away", ".away-wal", ".away-shm"};
	char path[128];

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", rig->path, names[i]);
		(void)unlink(path);
	}
	ck_assert_int_eq(rmdir(rig->folder), 0);
}

static inline struct ledger *rig_ledger(struct rig *rig)
{
	struct ledger *ledger;
	struct fault fault;

	ck_assert_msg(ledger_open(&rig->config, &ledger, &fault), "%s", fault.message);
	return ledger;
}

/* One number out of the database. */
static inline int64_t rig_ask(const struct rig *rig, const char *sql)
{
	struct store *store;
	struct store_query *query;
	struct fault fault;

	ck_assert_msg(store_open(rig->path, STORE_READ, &store, &fault), "%s", fault.message);
	ck_assert_msg(store_prepare(store, sql, &query, &fault), "%s", fault.message);
	ck_assert_int_eq(store_step(query, &fault), STORE_ROW);
	int64_t number = store_int(query, 0);
	store_query_free(query);
	store_close(store);
	return number;
}

/* Borrowed texts. */
static inline struct ledger_row rig_row(const char *request_id, int64_t attempt, int64_t cost)
{
	struct ledger_row row = ledger_row_unknown;

	row.request_id = text_of(request_id);
	row.attempt = attempt;
	row.started_wall_ms = 1767225600000; /* 2026-01-01 */
	row.team = TEXT("search");
	row.target = TEXT("lab/small");
	row.outcome = TEXT("ok");
	row.cost_pico_usd = cost;
	return row;
}

#endif
