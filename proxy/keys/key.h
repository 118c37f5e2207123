/*
 * Virtual keys: `pv_` + 8 of public id + `_` + 32 random base62 + 6 of checksum. The store holds
 * HMAC-SHA256 of the whole with a pepper, never the key. Which of them hold is known to all
 * threads through one table that follows the store: no key is judged by a view of it that is older
 * than KEY_VIEW_MS, and whoever changes a key waits for so long. So what the CLI has changed,
 * revoking included, holds in every proxy once it returns.
 */
#ifndef PROVISO_PROXY_KEY_H
#define PROVISO_PROXY_KEY_H

#include "harness/base/digest.h"
#include "harness/run/config/config.h"
#include "harness/run/route/evidence.h"

#include <stdatomic.h>

enum {
	KEY_ID_BYTES = 8,
	KEY_SECRET_BYTES = 32,
	KEY_CHECKSUM_BYTES = 6,
	KEY_BYTES = 3 + KEY_ID_BYTES + 1 + KEY_SECRET_BYTES + KEY_CHECKSUM_BYTES,
	KEY_NAME_MAX = 200,
	KEY_REFRESH_MS = 500, /* how often the proxy asks for changes where nobody comes */
	KEY_VIEW_MS = 10,     /* how old a view of the store may be that a key is judged by */
};

/* What a key demands of the evidence (evidence.h), beyond the config. */
enum key_evidence { KEY_EVIDENCE_CONFIG, KEY_EVIDENCE_ENFORCE, KEY_EVIDENCE_STRICT };
extern const char *const key_evidence_names[]; /* config, enforce, strict; NULL-terminated */

/* What a key may do. Const after it was read; counted where it comes from a table. */
struct key {
	atomic_size_t references;
	struct text id, name;
	struct text_list teams;                      /* it may name; the first is its own */
	struct text_list routes, targets, endpoints; /* globs; none: all */
	int64_t requests_per_minute, tokens_per_minute, streams; /* 0: no limit */
	int64_t budget_pico_usd;                                 /* -1: none */
	int per;                                                 /* enum config_period */
	bool unpriced;      /* that budget lets pass what has no known price */
	int content;        /* enum config_content, what the ledger keeps; -1: as the config says */
	int evidence;       /* enum key_evidence */
	int64_t max_age_ms; /* of the verdicts that its requests rest on; -1: as the config says */
	int64_t created_wall_ms;
	int64_t expires_wall_ms, revoked_wall_ms;       /* -1: never */
	int64_t rotated_wall_ms, overlap_until_wall_ms; /* -1: not rotated; old one good until */
	unsigned char hash[DIGEST_BYTES], old_hash[DIGEST_BYTES];
	struct arena arena;
};

enum key_result {
	KEY_GOOD,
	KEY_MALFORMED, /* no such form, or its checksum is wrong: was never one of ours */
	KEY_UNKNOWN,   /* to the client these two are one: invalid_api_key */
	KEY_REVOKED,
	KEY_EXPIRED,
	KEY_NO_STORE, /* the store can't be read (said in the log) and this key was never seen */
};
/* A sentence for the client, without anything of the key. */
const char *key_result_text(enum key_result result);

struct key_table;
/*
 * Opens (or makes) the store at config.keys.store and reads it. The pepper: as configured, else
 * <store>.pepper, made once with mode 0600. Another pepper than the store's keys were made with is
 * a fault. Main thread.
 */
MUST_CHECK bool key_table_open(const struct config *config, struct key_table **out,
                               struct fault *fault);
void key_table_free(struct key_table *table);
/*
 * Reads what has changed; one tiny query where nothing has. For a timer of KEY_REFRESH_MS. A store
 * that can't be read keeps what is known, with a log line, and is then left to this timer. Where
 * another file was put in its place, that is the store from here on. Any thread.
 */
void key_table_refresh(struct key_table *table);
/*
 * Any thread. Asks the store for changes first, where the last asking is KEY_VIEW_MS ago. KEY_GOOD:
 * *out is one reference more, for key_drop. Takes constant time in what stands behind the public
 * id.
 */
MUST_CHECK enum key_result key_find(struct key_table *table, struct text presented,
                                    int64_t now_wall_ms, const struct key **out);
/* NULL is fine. */
void key_drop(const struct key *key);

MUST_CHECK struct evidence_demand key_demand(int evidence, int64_t max_age_ms);
/* What a request wants of its key. Texts: data NULL where not said. */
MUST_CHECK bool key_allows_endpoint(const struct key *key, const char *endpoint);
/* data NULL: a bare target was asked for, which a key of routes may not, unless it has targets too.
 */
MUST_CHECK bool key_allows_route(const struct key *key, struct text route);
/* A candidate, whatever was asked for. */
MUST_CHECK bool key_allows_target(const struct key *key, struct text target);
/* The team a request is booked on: the one it names (x-proviso-team) where the key may, else the
 * key's own; false: it may not. *out data NULL: none. */
MUST_CHECK bool key_team(const struct key *key, struct text named, struct text *out);

/* --- the CLI's side: its own connection, works while a proxy runs. What is changed holds in every
 * proxy when the function returns, which takes KEY_VIEW_MS. --- */

struct key_store;
MUST_CHECK bool key_store_open(const struct config *config, struct key_store **out,
                               struct fault *fault);
void key_store_close(struct key_store *store);
/* Facts from `wanted` (id, hash and times are made); the key itself into `out`, NUL-terminated. */
MUST_CHECK bool key_store_create(struct key_store *store, const struct key *wanted,
                                 int64_t now_wall_ms, char out[KEY_BYTES + 1], struct fault *fault);
/* A new secret for the same id; the old one holds for `overlap_ms` more. */
MUST_CHECK bool key_store_rotate(struct key_store *store, struct text id, int64_t now_wall_ms,
                                 int64_t overlap_ms, char out[KEY_BYTES + 1], struct fault *fault);
/* At once, for ever. Revoking again changes nothing. */
MUST_CHECK bool key_store_revoke(struct key_store *store, struct text id, int64_t now_wall_ms,
                                 struct fault *fault);
/* All, oldest first, one reference each; for key_list_free. */
MUST_CHECK bool key_store_list(struct key_store *store, struct key ***out, size_t *count,
                               struct fault *fault);
void key_list_free(struct key **keys, size_t count);

#endif
