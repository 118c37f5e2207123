/* The one file that sees SQLite; see store_sqlite.h. */
#include "proxy/ledger/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CACHE_16_MIB "PRAGMA cache_size=-16384"
enum {
	STORE_PATH_BYTES = 4096,
	STORE_APPLICATION = 0x50525653, /* "PRVS": what `file` tells it by */
	NFS_MAGIC = 0x6969,             /* statfs(2) */
};

struct store {
	sqlite3 *db;
	char path[STORE_PATH_BYTES];
	enum store_mode mode;
	dev_t device;
	ino_t inode;
};

struct store_query {
	struct store *store;
	sqlite3_stmt *statement;
};

/* Says what SQLite says; a file that is no database is the user's mistake. */
static bool failed(const struct store *store, struct fault *fault)
{
	int code = sqlite3_errcode(store->db) & 0xff;
	int number = sqlite3_system_errno(store->db);
	enum fault_kind kind =
	    code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? FAULT_INPUT : FAULT_SYSTEM;

	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return fault_set(fault, kind, "%s: another process holds the database locked",
		                 store->path);
	/* SQLite's words would be that there is no such file, or that somebody wanted to write. */
	if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && store->mode == STORE_READ &&
	    access(store->path, R_OK) == 0)
		return fault_set(fault, kind,
		                 "%s: SQLite keeps files beside what it reads, and this folder "
		                 "can't be written to: copy it to another one",
		                 store->path);
	if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && number != 0)
		return fault_system(fault, number, "%s: %s", store->path,
		                    sqlite3_errmsg(store->db));
	return fault_set(fault, kind, "%s: %s", store->path, sqlite3_errmsg(store->db));
}

bool store_run(struct store *store, const char *sql, struct fault *fault)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return failed(store, fault);
	return true;
}

void store_rollback(struct store *store)
{
	if (sqlite3_get_autocommit(store->db) == 0)
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

int64_t store_changes(struct store *store)
{
	return sqlite3_changes64(store->db);
}

static bool read_pragma(struct store *store, const char *sql, int64_t *out, struct fault *fault)
{
	struct store_query *query;

	if (!store_prepare(store, sql, &query, fault))
		return false;
	enum store_step step = store_step(query, fault);
	*out = step == STORE_ROW ? store_int(query, 0) : 0;
	store_query_free(query);
	return step != STORE_FAILED;
}

/* In one transaction, under the write lock: two that open at once do it once. */
static bool migrate(struct store *store, struct fault *fault)
{
	char stamp[96];
	int64_t version;

	if (!store_run(store, "BEGIN IMMEDIATE", fault) ||
	    !read_pragma(store, "PRAGMA user_version", &version, fault))
		return false;
	for (int64_t i = version; i < store_schema_count; i++)
		if (!store_run(store, store_schema[i], fault))
			return false;
	(void)snprintf(stamp, sizeof(stamp), "PRAGMA user_version=%d; PRAGMA application_id=%d",
	               store_schema_count, STORE_APPLICATION);
	return (version >= store_schema_count || store_run(store, stamp, fault)) &&
	       store_run(store, "COMMIT", fault);
}

/* In one transaction: of a database that is being made, all is seen or nothing. */
static bool check_version(struct store *store, enum store_mode mode, bool *is_current,
                          struct fault *fault)
{
	int64_t application, version, tables;

	if (!store_run(store, "BEGIN", fault) ||
	    !read_pragma(store, "PRAGMA application_id", &application, fault) ||
	    !read_pragma(store, "PRAGMA user_version", &version, fault) ||
	    !read_pragma(store, "SELECT count(*) FROM sqlite_schema", &tables, fault) ||
	    !store_run(store, "COMMIT", fault))
		return false;
	bool empty = application == 0 && version == 0 && tables == 0;
	if (!empty && application != STORE_APPLICATION)
		return fault_set(fault, FAULT_INPUT, "%s is a database, but none of Proviso",
		                 store->path);
	if (version > store_schema_count)
		return fault_set(
		    fault, FAULT_INPUT,
		    "%s was written by a newer Proviso (schema %lld, this one knows %d)",
		    store->path, (long long)version, store_schema_count);
	/* What is only read, the attempts, stands there since the first version. */
	if (mode == STORE_READ && version == 0)
		return fault_set(fault, FAULT_INPUT, "%s is empty: it holds no ledger yet",
		                 store->path);
	*is_current = version == store_schema_count;
	return true;
}

static bool set_up(struct store *store, enum store_mode mode, struct fault *fault)
{
	char pragmas[160];
	bool is_current = false;

	(void)sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* Whose it is comes first: the journal's mode is written into the file. */
	if (!check_version(store, mode, &is_current, fault))
		return false;
	if (mode == STORE_READ)
		return store_run(store, "PRAGMA query_only=ON; " CACHE_16_MIB, fault);
	(void)snprintf(pragmas, sizeof(pragmas),
	               "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
	               "PRAGMA journal_size_limit=%d; " CACHE_16_MIB,
	               STORE_WAL_MAX_BYTES);
	return store_run(store, pragmas, fault) && (is_current || migrate(store, fault));
}

/*
 * SQLite would make it by the umask; it holds who asked for what. A file that is there is never
 * opened here: closing it would drop the locks that this process holds on it through SQLite (that
 * is how POSIX locks are), and another process would take itself for the last one and throw the
 * write-ahead log away.
 */
static bool make_private(const char *path, enum store_mode mode, struct fault *fault)
{
	struct statfs system;

	if (mode == STORE_WRITE) {
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			return fault_system(fault, errno, "%s can't be opened", path);
		if (fd >= 0)
			(void)close(fd);
	}
	if (statfs(path, &system) != 0) {
		if (errno == ENOENT)
			return fault_set(fault, FAULT_INPUT, "%s is not there", path);
		return fault_system(fault, errno, "%s can't be opened", path);
	}
	if ((int64_t)system.f_type == NFS_MAGIC)
		return fault_set(fault, FAULT_INPUT,
		                 "%s lies on NFS, where SQLite's locks do not hold", path);
	return true;
}

/* Nobody asks how much SQLite holds, and counting it takes a lock for each piece of memory. */
static void configure(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

bool store_open(const char *path, enum store_mode mode, struct store **out, struct fault *fault)
{
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	struct store *store;
	struct stat seen;

	(void)pthread_once(&configured, configure);
	if (strlen(path) >= STORE_PATH_BYTES)
		return fault_set(fault, FAULT_INPUT, "the database's path is too long");
	if (!make_private(path, mode, fault))
		return false;
	store = memory_new(sizeof(*store));
	memcpy(store->path, path, strlen(path) + 1);
	store->mode = mode;
	int code =
	    sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	REQUIRE(store->db != NULL);
	if (code != SQLITE_OK ? !failed(store, fault) : !set_up(store, mode, fault)) {
		store_rollback(store);
		store_close(store);
		return false;
	}
	if (stat(path, &seen) == 0) {
		store->device = seen.st_dev;
		store->inode = seen.st_ino;
	}
	*out = store;
	return true;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	int code = sqlite3_close(store->db);
	REQUIRE(code == SQLITE_OK);
	memory_free(store);
}

bool store_is_in_place(const struct store *store)
{
	struct stat seen;

	return stat(store->path, &seen) == 0 && seen.st_dev == store->device &&
	       seen.st_ino == store->inode;
}

const char *store_path(const struct store *store)
{
	return store->path;
}

bool store_open_again(const struct store *store, struct store **out, struct fault *fault)
{
	if (access(store->path, F_OK) != 0)
		return fault_system(fault, errno, "%s was taken away", store->path);
	return store_open(store->path, store->mode, out, fault);
}

/* --- queries --------------------------------------------------------------------------- */

bool store_prepare(struct store *store, const char *sql, struct store_query **out,
                   struct fault *fault)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
	    SQLITE_OK) {
		(void)failed(store, fault);
		return false;
	}
	*out = memory_new(sizeof(**out));
	**out = (struct store_query){store, statement};
	return true;
}

void store_query_free(struct store_query *query)
{
	if (query == NULL)
		return;
	(void)sqlite3_finalize(query->statement);
	memory_free(query);
}

void store_bind_text(struct store_query *query, int at, struct text value)
{
	if (value.data == NULL)
		return;
	int code = sqlite3_bind_text64(query->statement, at, value.data, value.len, SQLITE_STATIC,
	                               SQLITE_UTF8);
	REQUIRE(code == SQLITE_OK);
}

void store_bind_blob(struct store_query *query, int at, struct text value)
{
	if (value.data == NULL)
		return;
	int code = sqlite3_bind_blob64(query->statement, at, value.data, value.len, SQLITE_STATIC);
	REQUIRE(code == SQLITE_OK);
}

void store_bind_int(struct store_query *query, int at, int64_t value)
{
	int code = sqlite3_bind_int64(query->statement, at, value);

	REQUIRE(code == SQLITE_OK);
}

void store_bind_count(struct store_query *query, int at, int64_t value)
{
	if (value >= 0)
		store_bind_int(query, at, value);
}

enum store_step store_step(struct store_query *query, struct fault *fault)
{
	int code = sqlite3_step(query->statement);

	if (code == SQLITE_ROW)
		return STORE_ROW;
	if (code == SQLITE_DONE)
		return STORE_DONE;
	(void)failed(query->store, fault);
	return STORE_FAILED;
}

void store_reset(struct store_query *query)
{
	(void)sqlite3_reset(query->statement);
	(void)sqlite3_clear_bindings(query->statement);
}

bool store_do(struct store_query *query, struct fault *fault)
{
	enum store_step step = store_step(query, fault);

	store_reset(query);
	return step != STORE_FAILED;
}

struct text store_text(struct store_query *query, int column)
{
	/* A million rows of forty columns: the type is asked for only where it tells something. */
	const void *bytes = sqlite3_column_blob(query->statement, column);
	if (bytes != NULL)
		return (struct text){bytes, (size_t)sqlite3_column_bytes(query->statement, column)};
	bool null = sqlite3_column_type(query->statement, column) == SQLITE_NULL;
	return (struct text){null ? NULL : "", 0};
}

int64_t store_int(struct store_query *query, int column)
{
	return store_int_or(query, column, -1);
}

int64_t store_int_or(struct store_query *query, int column, int64_t if_null)
{
	int64_t value = sqlite3_column_int64(query->statement, column);

	if (value == 0 && sqlite3_column_type(query->statement, column) == SQLITE_NULL)
		return if_null;
	return value;
}
