/*
 * Tables of settings: one row says a key's name, type, limits, default and its
 * line of documentation; reading, `validate` and the manual all use that row.
 *
 * Strict: an unknown key is a mistake with its place and the nearest known name,
 * a wrong type or a value out of range likewise; reading goes on, so that all
 * mistakes are shown at once.
 */
#ifndef PROVISO_BASE_SETTINGS_H
#define PROVISO_BASE_SETTINGS_H

#include "harness/base/json.h"

enum setting_type {
	SETTING_TEXT,     /* struct text */
	SETTING_INT,      /* int64_t, within min and max */
	SETTING_BOOL,     /* bool */
	SETTING_ENUM,     /* int: index into `names` */
	SETTING_DURATION, /* int64_t milliseconds; "500ms", "10s", "15m", "1h", "14d" */
	SETTING_BYTES,    /* int64_t; "64k", "32m", "1g", or a number */
	SETTING_USD,      /* int64_t pico-USD from a decimal string or number, at least 0 */
	SETTING_NODE,     /* const struct json *: as it stands, for the caller to read */
	SETTING_TEXTS,    /* struct text_list: a string, or a list of strings */
	SETTING_STRUCT,   /* a struct in place, read by `table` */
	SETTING_LIST,     /* struct setting_list of structs of `item_size`, read by `table` */
	SETTING_MAP,      /* the same from an object; each item starts with its struct text name */
};

struct text_list {
	struct text *items; /* arena */
	size_t count;
};

struct setting_list {
	void *items; /* arena; `count` structs one after the other */
	size_t count;
};

enum setting_flags {
	SETTING_REQUIRED = 1,
};

struct setting_table;

struct setting {
	const char *name;
	enum setting_type type;
	size_t offset; /* of the field in the struct */
	unsigned flags;
	int64_t min, max;                  /* INT, DURATION, BYTES; max 0: no limit */
	const char *const *names;          /* ENUM, NULL-terminated */
	const struct setting_table *table; /* STRUCT, LIST, MAP */
	size_t item_size;                  /* LIST, MAP */
	const char *doc;                   /* one sentence for the manual */
};

enum { SETTING_ROWS_MAX = 64 }; /* of a table */

struct setting_table {
	const char *what; /* "provider", "route" ...: named in messages */
	const struct setting *rows;
	size_t count;
	/*
	 * Optional: offset + 1 of a `const struct json *` field that gets the node
	 * the struct was read from, so that later checks can name its place; 0: none.
	 */
	size_t node_offset;
};

/*
 * Reads `node` (an object) into the struct at `out`, which holds its defaults
 * already; keys that are absent or null keep them. Arena memory for all that is
 * made; items of lists and maps start zeroed, and a null one (`name:` alone) is read
 * like {}. Texts are views into what the nodes hold. Reading stops once the list of
 * faults is full. True when no mistake was added to `faults`.
 */
MUST_CHECK bool settings_read(const struct setting_table *table, const struct json *node, void *out,
                              struct arena *arena, struct fault_list *faults);

/* A key for a manual. */
struct setting_line {
	struct text key;   /* where it stands: policy.waivers[].until, routes.NAME.targets */
	struct text takes; /* "duration", "enforce | warn | shadow"; data NULL: further keys */
	const struct setting *row;
};
typedef void setting_told(void *context, const struct setting_line *line);
/*
 * Each key of the table in its order, what a key holds behind it; `prefix` stands before them all.
 * Lines live as long as the arena.
 */
void settings_list(const struct setting_table *table, struct text prefix, struct arena *arena,
                   setting_told *tell, void *context);

enum { SETTING_FORMAT_BYTES = 32 };
/* A duration in its largest whole unit ("90s", "15m"), as messages and manuals show it. */
void setting_format_duration(int64_t ms, char out[SETTING_FORMAT_BYTES]);
/* The same for sizes: "64k". */
void setting_format_bytes(int64_t bytes, char out[SETTING_FORMAT_BYTES]);

/* The parts, for values that come from elsewhere (options, CSV). */
MUST_CHECK bool setting_parse_duration(struct text view, int64_t *out_ms);
MUST_CHECK bool setting_parse_bytes(struct text view, int64_t *out);
/* Decimal (2.50, 2.5e-06) with up to 12 places, at least 0, into pico-USD, exactly; false on more
 * or on overflow. */
MUST_CHECK bool setting_parse_usd(struct text view, int64_t *out_pico_usd);

#endif
