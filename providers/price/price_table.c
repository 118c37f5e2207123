/* What can be written of a price, with the words that explain it; see price_read.c. */
#include "providers/price/price_table.h"

enum { TOKENS_MAX = 1000000000 };

/* clang-format off */
#define ROW(struct_name, key, kind, field, ...) \
	{.name = key, .type = kind, .offset = offsetof(struct struct_name, field), __VA_ARGS__}
#define TABLE(whats, table_rows) \
	{.what = whats, .rows = table_rows, .count = ARRAY_LENGTH(table_rows)}
#define RATE_ROWS(struct_name, prefix, required) \
	ROW(struct_name, "input", SETTING_USD, prefix.input, .flags = required, \
	    .doc = "USD per million prompt tokens, as a decimal string."), \
	ROW(struct_name, "cached_input", SETTING_USD, prefix.cached_input, \
	    .doc = "The same for prompt tokens read from a cache; without it: input."), \
	ROW(struct_name, "cache_write", SETTING_USD, prefix.cache_write, \
	    .doc = "The same for prompt tokens written to a cache; without it: input."), \
	ROW(struct_name, "cache_write_1h", SETTING_USD, prefix.cache_write_1h, \
	    .doc = "The same for those that are kept for an hour; without it: cache_write."), \
	ROW(struct_name, "output", SETTING_USD, prefix.output, .flags = required, \
	    .doc = "USD per million completion tokens."), \
	ROW(struct_name, "reasoning", SETTING_USD, prefix.reasoning, \
	    .doc = "The same for reasoning tokens; without it: output.")
#define CONTEXT_ROW(struct_name, field) \
	ROW(struct_name, "context", SETTING_NODE, field, \
	    .doc = "What a request costs, all of it, from a length of the prompt on.")
#define CHANGE_ROWS(struct_name, prefix) \
	ROW(struct_name, "factor", SETTING_USD, prefix factor, \
	    .doc = "What the price is multiplied by, as a decimal string."), \
	RATE_ROWS(struct_name, prefix rates, 0), \
	CONTEXT_ROW(struct_name, prefix context)

static const struct setting tier_rows[] = {
	ROW(price_tier_config, "above", SETTING_INT, above, .min = 0, .max = TOKENS_MAX,
	    .doc = "It holds for prompts of more tokens than this."),
	ROW(price_tier_config, "at_least", SETTING_INT, at_least, .min = 1, .max = TOKENS_MAX,
	    .doc = "It holds for prompts of so many tokens, and of more."),
	RATE_ROWS(price_tier_config, rates, 0),
};
const struct setting_table price_tier_table = TABLE("context tier", tier_rows);

static const struct setting change_rows[] = {CHANGE_ROWS(price_change_config, )};
const struct setting_table price_change_table = TABLE("service tier", change_rows);

static const struct setting window_rows[] = {
	ROW(price_window_config, "days", SETTING_TEXTS, days,
	    .doc = "Days of the week on which it begins: mon, tue ..., or mon-fri; else every day."),
	ROW(price_window_config, "except", SETTING_TEXTS, except,
	    .doc = "Dates on which it does not begin."),
	ROW(price_window_config, "from", SETTING_TEXT, from, .flags = SETTING_REQUIRED,
	    .doc = "When it begins, UTC, as HH:MM."),
	ROW(price_window_config, "until", SETTING_TEXT, until, .flags = SETTING_REQUIRED,
	    .doc = "When it has ended; not after from: on the next day."),
	CHANGE_ROWS(price_window_config, change.),
};
const struct setting_table price_window_table = TABLE("window", window_rows);

static const struct setting period_rows[] = {
	RATE_ROWS(price_period_config, rates, SETTING_REQUIRED),
	CONTEXT_ROW(price_period_config, context),
	ROW(price_period_config, "service", SETTING_NODE, service,
	    .doc = "Batch, flex and priority: a factor, or prices."),
	ROW(price_period_config, "regions", SETTING_NODE, regions,
	    .doc = "Factors by region."),
	ROW(price_period_config, "windows", SETTING_NODE, windows,
	    .doc = "Parts of the day with another price."),
	ROW(price_period_config, "per_request", SETTING_USD, per_request,
	    .doc = "USD for each request, beside its tokens."),
	ROW(price_period_config, "search_context", SETTING_NODE, search_context,
	    .doc = "The same in its place where the reply says how much was searched."),
	ROW(price_period_config, "fee_percent", SETTING_USD, fee_percent,
	    .doc = "Per cent of all that is added on top, also of what a provider reports."),
	ROW(price_period_config, "from", SETTING_TEXT, from,
	    .doc = "The first day, or the moment, from which it holds, UTC."),
	ROW(price_period_config, "until", SETTING_TEXT, until,
	    .doc = "The last day on which it holds, or the moment at which it has ended, UTC."),
	ROW(price_period_config, "source", SETTING_TEXT, source, .doc = "Where it was read."),
	ROW(price_period_config, "reviewed", SETTING_TEXT, reviewed,
	    .doc = "When somebody last looked, as a date: the price's version."),
	ROW(price_period_config, "review_by", SETTING_TEXT, review_by,
	    .doc = "The day after which somebody should look again."),
	ROW(price_period_config, "note", SETTING_TEXT, note, .doc = "What it leaves out."),
};
const struct setting_table price_period_table = TABLE("price", period_rows);

static const struct setting search_rows[] = {
	ROW(price_search_config, "low", SETTING_USD, low, .doc = "USD for a request that searched little."),
	ROW(price_search_config, "medium", SETTING_USD, medium, .doc = "The same, some."),
	ROW(price_search_config, "high", SETTING_USD, high, .doc = "The same, much."),
};
const struct setting_table price_search_table = TABLE("search context", search_rows);
/* clang-format on */
