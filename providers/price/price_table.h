/* The settings of a price as they are read, before they are judged: price_read.c, price_table.c. */
#ifndef PROVISO_PROVIDERS_PRICE_TABLE_H
#define PROVISO_PROVIDERS_PRICE_TABLE_H

#include "harness/base/settings.h"
#include "providers/price/price.h"

struct price_change_config {
	int64_t factor; /* as USD; -1: not said */
	struct price_rates rates;
	const struct json *context;
	const struct json *node;
};

struct price_tier_config {
	int64_t above, at_least; /* -1: not said */
	struct price_rates rates;
};

struct price_window_config {
	struct price_change_config change;
	struct text_list days, except;
	struct text from, until;
};

struct price_period_config {
	struct price_rates rates;
	const struct json *context, *service, *regions, *windows, *search_context;
	int64_t per_request, fee_percent; /* -1: not said */
	struct text from, until, source, reviewed, review_by, note;
};

/* Perplexity's names; see enum chat_search. */
struct price_search_config {
	int64_t low, medium, high; /* -1: not said */
};

extern const struct setting_table price_tier_table;
extern const struct setting_table price_change_table;
extern const struct setting_table price_window_table;
extern const struct setting_table price_period_table;
extern const struct setting_table price_search_table;

#endif
