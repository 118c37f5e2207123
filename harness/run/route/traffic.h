/*
 * A log of requests as CSV: when, how many tokens, and what is known beside that. Read as a stream;
 * what can't be read is refused row by row, with its place, and counted.
 */
#ifndef PROVISO_RUN_TRAFFIC_H
#define PROVISO_RUN_TRAFFIC_H

#include "harness/base/settings.h"

enum {
	TRAFFIC_BYTES_PER_TOKEN = 4,     /* of a prompt: the router thinks in bytes */
	TRAFFIC_MAX_TOKENS = 1000000000, /* of a request; more is a mistake */
};

enum traffic_column {
	TRAFFIC_TIMESTAMP,
	TRAFFIC_INPUT_TOKENS, /* cached ones included */
	TRAFFIC_OUTPUT_TOKENS,
	TRAFFIC_TASK,
	TRAFFIC_ROUTE,
	TRAFFIC_FEATURES, /* names between blanks */
	TRAFFIC_CACHED_TOKENS,
	TRAFFIC_MODEL, /* a route, a target or a model, where no route is said */
	TRAFFIC_OUTCOME,
	TRAFFIC_USAGE_SOURCE,
	TRAFFIC_COLUMNS,
};

/* Which names the columns have. */
enum traffic_format {
	TRAFFIC_PLAIN, /* timestamp, input_tokens, output_tokens ...: traffic_names */
	TRAFFIC_USAGE, /* what `proviso usage --format csv` exports */
	TRAFFIC_AZURE, /* the Azure LLM inference traces */
};
const char *traffic_format_name(enum traffic_format format); /* "plain", "usage", "azure" */

/* One request. Texts are valid during the call; data NULL: unknown. */
struct traffic_row {
	int64_t wall_ms;
	int64_t input_tokens, output_tokens; /* -1: unknown */
	int64_t cached_tokens;               /* at least 0 */
	bool estimated;                      /* the proxy had to estimate the tokens */
	struct text task, features, asked;   /* asked: the route, else the model */
	const struct source *source;         /* of its places */
	size_t features_at, asked_at;        /* places: of those columns, else of the row */
};

struct traffic_options {
	/* "input_tokens=PromptTokens": the columns of traffic_names under other names. */
	struct text_list columns;
	struct text task, features, asked; /* of rows that do not say; data NULL: none */
};

struct traffic_counts {
	int64_t rows;     /* data rows in all */
	int64_t taken;    /* given to `row`, and not refused there */
	int64_t refused;  /* told by `refused` */
	int64_t unserved; /* the proxy's attempts that brought no answer: left out */
	enum traffic_format format;
	struct text_list unread; /* columns that nobody reads; arena */
};

struct traffic_events {
	/* False with a fault: that row is refused. */
	bool (*row)(void *context, const struct traffic_row *row, struct fault *fault);
	/* False ends the reading, and the fault stands. */
	bool (*refused)(void *context, const struct fault *fault);
	void *context;
};

/*
 * The file, or stdin for "-". The header must hold timestamp, input_tokens and output_tokens of one
 * format, to the letter; a column that stands there twice is a fault, and so is a mapping that
 * names no column. A timestamp is a moment as RFC 3339 writes it (with a blank for the T, and UTC
 * where it names no zone), or seconds or milliseconds since 1970; empty token counts are unknown.
 * False: no header, no such columns, unreadable, or ended by `refused`.
 */
MUST_CHECK bool traffic_read(const char *path, const struct traffic_options *options,
                             const struct traffic_events *events, struct arena *arena,
                             struct traffic_counts *out, struct fault *fault);

/* A moment as a log writes it; see traffic_read. */
MUST_CHECK bool traffic_moment(struct text view, int64_t *out_wall_ms);

/*
 * The features of a shape from a CSV field: names between blanks; behind the first unknown field
 * ("field.NAME") a name that nobody knows is the rest of it, for a client may have put a blank
 * into its field. Views; arena for the list.
 */
MUST_CHECK struct text_list traffic_split_features(struct text shape, struct arena *arena);

#endif
