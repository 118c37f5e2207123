/*
 * What every import shares: remarks on what is left out, YAML, LiteLLM's names for providers and
 * kinds of work, and the prices of a model as LiteLLM writes them.
 */
#ifndef PROVISO_CLI_IMPORTER_H
#define PROVISO_CLI_IMPORTER_H

#include "harness/base/json.h"

#include <stdio.h>

enum { IMPORTER_REMARKS_MAX = 256 };

/* Something that was left out, and how often. */
struct importer_remark {
	struct text what;
	struct place first;
	size_t count;
};

struct importer {
	struct arena *arena;
	struct text_buf *out; /* the config; borrowed */
	struct fault *fault;
	struct importer_remark remarks[IMPORTER_REMARKS_MAX];
	size_t remark_count, remarks_dropped;
};

/* The same words again are only counted. They must hold no value that may be a secret. */
void importer_remark(struct importer *importer, const struct json *node, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* All remarks, each with its first place; no line of the source is shown. */
void importer_tell(const struct importer *importer, FILE *report);

void importer_put(struct importer *importer, const char *format, ...) PRINTF_LIKE(2, 3);
/* A JSON string is a YAML one. */
void importer_put_quoted(struct importer *importer, struct text value);

/* The catalogue's name for LiteLLM's; data NULL: not in the catalogue. */
MUST_CHECK struct text importer_known_provider(struct text theirs);
MUST_CHECK bool importer_is_catalogued(struct text ours);
/* Letters, digits, '-', '_' and '.', at most 64: a provider's name; arena. */
MUST_CHECK struct text importer_clean_name(struct importer *importer, struct text name);
/* The endpoint for LiteLLM's `mode`; NULL: none of ours. */
MUST_CHECK const char *importer_endpoint(struct text mode);

/* --- import_price.c: prices in USD for one token, under names of a base and suffixes --- */

enum { IMPORT_KINDS = 6, IMPORT_SERVICES = 4, IMPORT_TIERS_MAX = 4 };

struct import_price {
	/* pico-USD a million; -1: not said */
	int64_t rates[IMPORT_SERVICES][IMPORT_TIERS_MAX + 1][IMPORT_KINDS];
	int64_t above[IMPORT_TIERS_MAX];
	size_t tier_count;
	int64_t per_request;
};

void import_price_init(struct import_price *price);
/* Takes what `node` says over what is there; NULL: nothing. What can't be priced is a remark. */
MUST_CHECK bool import_price_read(struct importer *importer, const struct json *node,
                                  struct import_price *price);
/* Whether `node` says any of it. */
MUST_CHECK bool import_price_is_given(const struct json *node);
/* The line `price: {...}` of a model; a remark at `node` where input or output has none. */
void import_price_put(struct importer *importer, const struct json *node, const char *endpoint,
                      struct import_price *price);
/* A line with a count of tokens: their name, ours. */
void importer_put_count(struct importer *importer, const struct json *node, const char *theirs,
                        const char *ours);

#endif
