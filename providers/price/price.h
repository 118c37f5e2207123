/*
 * What tokens cost: exact integers of 10^-12 USD. Unknown is -1, never 0.
 *
 * A model has a list of dated prices, of which at most one holds at a moment. A price may differ by
 * the length of the prompt, the service tier, the region and the time of day; the cost of a request
 * is worked out without any rounding, and what is left below 10^-12 USD is rounded once, half up,
 * at the end. So a row is exact to its last digit, and a sum of rows is the total.
 */
#ifndef PROVISO_PROVIDERS_PRICE_H
#define PROVISO_PROVIDERS_PRICE_H

#include "providers/chat.h"
#include "providers/price/decimal.h"

/* Pico-USD per million tokens; -1: not said. */
struct price_rates {
	int64_t input;
	int64_t cached_input;   /* not said: input */
	int64_t cache_write;    /* not said: input */
	int64_t cache_write_1h; /* that lives for an hour; not said: cache_write */
	int64_t output;
	int64_t reasoning; /* not said: output */
};
#define PRICE_RATES_NONE                                                                           \
	{                                                                                          \
		-1, -1, -1, -1, -1, -1                                                             \
	}

/* From more than `above` prompt tokens on (cached and written ones count) the whole request costs
 * this; rates that are not said stay as they were. */
struct price_tier {
	int64_t above;
	struct price_rates rates;
};

/* Another price under some condition: rates of its own, a factor, or both. */
struct price_change {
	bool given;
	int64_t factor; /* 10^-6 */
	bool own;       /* it has rates or tiers of its own; then the tiers below do not apply */
	struct price_rates rates;
	const struct price_tier *tiers;
	size_t tier_count;
};

/* A part of the day, UTC, on some days of the week. */
struct price_window {
	unsigned days;             /* bit 0: Monday */
	int64_t from_ms, until_ms; /* since midnight; until <= from: it ends on the next day */
	const int64_t *except;     /* days since the epoch on which it does not begin */
	size_t except_count;
	struct price_change change;
};

struct price_region {
	struct text name;
	int64_t factor; /* 10^-6 */
};

enum { PRICE_FACTOR_ONE = 1000000 };

/* How a provider counts, where its numbers themselves do not tell. */
struct usage_convention {
	bool prompt_excludes_cached;
	bool completion_excludes_reasoning;
};

struct price {
	bool known; /* input and output are */
	struct price_rates base;
	struct text version;  /* review date or "config-HASH", and from when: stands on every row */
	int64_t from_wall_ms; /* 0: always held */
	int64_t until_wall_ms;  /* the first moment that it no longer holds; 0: not said */
	int64_t review_wall_ms; /* after this moment somebody should look again; 0: not said */
	const struct price_tier *tiers; /* from small to large */
	size_t tier_count;
	struct price_change services[CHAT_SERVICE_COUNT];
	const struct price_window *windows; /* none overlaps another */
	size_t window_count;
	const struct price_region *regions;
	size_t region_count;
	struct text region;  /* where the config says that this is served; data NULL: not said */
	int64_t per_request; /* pico-USD; at most 0: none */
	/* In its place, where the reply says how much was searched; at most 0: not said. */
	int64_t search_fees[CHAT_SEARCH_COUNT];
	bool searches; /* it has any of them */
	int64_t fee;   /* on top of all, 10^-6 of it; at most 0: none */
	struct usage_convention counts;
	struct price *next;      /* another period; NULL: the last */
	const struct json *node; /* as it was written, all periods; NULL: in no file */
};

/*
 * The prices as JSON that price_recall reads again, with what the provider's settings say of them;
 * NULL where they were written nowhere. Arena; views into the file that they came from.
 */
MUST_CHECK struct json *price_keep(const struct price *prices, struct arena *arena);
/* `kept` may come from a file that somebody else has written. Arena; views into it. */
MUST_CHECK bool price_recall(const struct json *kept, struct arena *arena, struct price *out,
                             struct fault *fault);

/* The price that holds at that moment; never NULL: one that is not known where none does. */
MUST_CHECK const struct price *price_at(const struct price *prices, int64_t wall_ms);

/*
 * Tokens, each in one bucket only and none below 0. What a provider means by its counts is decided
 * by the counts where they add up in one way only, else by its convention.
 */
struct price_buckets {
	int64_t input, cached_input, cache_write, cache_write_1h, output, reasoning;
};

/* False where the usage does not say enough. */
MUST_CHECK bool price_buckets(const struct chat_usage *usage, struct usage_convention counts,
                              struct price_buckets *out);

enum cost_source {
	COST_UNKNOWN,
	COST_REPORTED,  /* the provider said it */
	COST_COMPUTED,  /* usage times price */
	COST_ESTIMATED, /* estimated tokens times price */
};

const char *cost_source_name(enum cost_source source); /* "" for unknown */

struct cost {
	int64_t pico_usd; /* -1: unknown */
	enum cost_source source;
	int64_t computed_pico_usd; /* usage times price, also beside a reported one; -1: unknown */
	struct text version;       /* of the price that was computed with; data NULL: none */
};

/*
 * The charge for a reply: what the provider said and the price's percentage on top of it, else what
 * is computed. wall_ms is when the request was sent: that moment decides which period and which
 * window hold.
 */
MUST_CHECK struct cost price_cost(const struct price *prices, const struct chat_usage *usage,
                                  int64_t wall_ms);
/* --- what a cost is made of --- */

enum price_meter {
	PRICE_METER_INPUT, /* in the order of struct price_buckets */
	PRICE_METER_CACHED_INPUT,
	PRICE_METER_CACHE_WRITE,
	PRICE_METER_CACHE_WRITE_1H,
	PRICE_METER_OUTPUT,
	PRICE_METER_REASONING,
	PRICE_METER_REQUEST,
	PRICE_METER_COUNT,
};
extern const char *const price_meter_names[PRICE_METER_COUNT];

/*
 * The computed cost in words, for a bill: how much of what at which price, and what the prices hang
 * on. "input=700@4 cached_input=200@0.4 output=50@20 request=1@0.005 service=flex above=272000
 * window=01:00 region=us fee=5.5": USD per million tokens, a request by the piece, exactly, with
 * all factors; fee in per cent, on top of all. Added up they are the computed cost before it is
 * rounded. Arena; data NULL where usage or price are unknown, or a price has more digits than
 * 128 bits hold.
 */
MUST_CHECK struct text price_parts(const struct price *prices, const struct chat_usage *usage,
                                   int64_t wall_ms, struct arena *arena);

/* The same read back; views into the text. */
struct price_part {
	enum price_meter meter;
	int64_t quantity;
	struct decimal price; /* USD per million tokens; of a request by the piece */
};
struct price_parts {
	struct price_part parts[PRICE_METER_COUNT];
	size_t count;
	struct text service, above, window, region; /* data NULL: none */
	struct decimal fee;                         /* per cent */
};
/* False where the text is none that price_parts writes. */
MUST_CHECK bool price_parts_read(struct text text, struct price_parts *out);

/* Plain tokens at that moment, standard service: what so many requests are expected to cost in all.
 * Pico-USD; -1 where the price is unknown or a count is below 0. */
MUST_CHECK int64_t price_expect(const struct price *prices, int64_t wall_ms, int64_t requests,
                                int64_t input_tokens, int64_t output_tokens);

/*
 * What so many requests of a kind have in common, to price many of them quickly: plain rates of
 * standard service that hold for moments in [from, until) and prompts in [prompt_from,
 * prompt_until).
 */
struct price_line {
	bool known;
	/*
	 * Whole pico-USD a token, and no percentage on top: the cost is the plain sum, to the last
	 * digit what price_cost says. Otherwise the rates are not set: ask price_cost.
	 */
	bool exact;
	int64_t input, cached_input, output; /* pico-USD a token, at most PRICE_LINE_MAX */
	int64_t per_request;                 /* pico-USD */
	int64_t from_wall_ms, until_wall_ms;
	int64_t prompt_from, prompt_until;
};
enum { PRICE_LINE_MAX = 1000000000 }; /* a token: 1000 USD a million tokens */
void price_line(const struct price *prices, int64_t wall_ms, int64_t prompt_tokens,
                struct price_line *out);

enum { PRICE_ANY_TIME = -1 };

/* What is known of a request before it is sent. */
struct price_request {
	int64_t wall_ms; /* PRICE_ANY_TIME: whenever; the dearest of all periods bounds it */
	int64_t prompt_bytes;
	int64_t max_output_tokens; /* below 0: not bounded */
	bool names_service;        /* it asks for a service tier or a region */
};

/*
 * An upper bound before sending: prompt tokens estimated from the body's bytes, rounded up, output
 * at its cap, at the dearest of all that may come to hold: prices of the day that follows, windows,
 * tiers that the prompt may reach, and service tiers and regions where the request names any.
 * Pico-USD; -1 where the price is unknown.
 */
MUST_CHECK int64_t price_bound(const struct price *prices, const struct price_request *request);
/* Prompt tokens that so many bytes may be at most (a stated ratio, see price.c). */
MUST_CHECK int64_t price_estimate_tokens(int64_t prompt_bytes);

#endif
