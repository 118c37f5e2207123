/* What the files of the forecast share; nobody else includes this. */
#ifndef PROVISO_RUN_FORECAST_PRIVATE_H
#define PROVISO_RUN_FORECAST_PRIVATE_H

#include "harness/run/forecast/forecast.h"
#include "harness/run/matrix/cell_index.h"

enum { FORECAST_NOBODY = -1, FORECAST_LINES = 4 };

/* What requests cost at a target: pico-USD; expected below 0: unknown. */
struct forecast_cost {
	int64_t low, expected, high;
};

/* A target with the price that its config gives it. */
struct forecast_target {
	const struct target *target;
	/* Last used first to be replaced: rates of some lengths of prompt and of this time. */
	struct price_line lines[FORECAST_LINES];
	size_t line_count, next_line;
	int64_t cost;                 /* of the request at hand, pico-USD; -1: unknown */
	struct forecast_cost pending; /* of the requests at hand whose counts are missing */
};

/* Where one policy sends a request. */
struct forecast_choice {
	int32_t target; /* number in forecast.targets; FORECAST_NOBODY */
	bool proven, open, unknown;
	double quality; /* NaN: not measured */
};

/* Choices that hold for prompts of [from, to] tokens. */
struct forecast_stretch {
	int64_t from, to;
};

/*
 * What is known so far of the decisions for one kind of request, by the length of the prompt:
 * stretches in order, none touching another, with `width` choices each.
 */
struct forecast_track {
	struct forecast_stretch *stretches;
	struct forecast_choice *choices;
	size_t count, room, last; /* last: the one that was used last */
	unsigned epoch;           /* of prices; another one makes it worthless */
};

/* Sums of what is known of a count, to stand in for what is not. */
struct forecast_mean {
	int64_t count;
	double sum, squares;
};

/* Requests of which a token count is missing. */
struct forecast_pending {
	int64_t requests, missing_input, missing_output;
	int64_t input, output; /* sums of those that are known */
	int64_t price_wall_ms; /* of the first of them */
};

struct forecast_group {
	struct text asked, features, task;
	struct shape shape;
	struct http_header header; /* names the task */
	struct forecast_track fixed;
	struct forecast_track *routed; /* one a draw; heap */
	struct forecast_mean input, output;
	struct forecast_pending pending;
	int64_t gaps;    /* requests without a proven target, by the routes */
	struct text gap; /* why, the first time */
};

/* Spend over time: widths grow by whole factors, so that two buckets become one. */
struct forecast_clock {
	int64_t width_ms, first; /* first: number of bucket 0, in widths since 1970 */
	size_t count;            /* up to the last one used */
	size_t policies;
	money *spend; /* FORECAST_BUCKETS * policies; heap */
};

/* A policy's sums under way. */
struct forecast_account {
	struct forecast_policy *policy;
	double quality_sum;
	int64_t *targets; /* requests by target */
};

struct forecast {
	struct forecast_setup setup;
	struct arena *arena;
	struct arena scratch; /* of one decision */
	struct forecast_target *targets;
	size_t target_count, own_count; /* own: of setup.router */
	int64_t *breaks;                /* prompts from which on a decision may differ; sorted */
	size_t break_count;
	size_t draws;
	unsigned epoch;
	int64_t epoch_from_ms, epoch_until_ms;
	struct forecast_group *groups; /* heap */
	size_t group_count, group_room, last_group;
	struct cell_index index;
	struct forecast_account *accounts;
	struct forecast_choice *decided; /* room for one decision of each kind */
	size_t policy_count, routes_at, cheapest_at, against_at; /* SIZE_MAX: there is none */
	struct forecast_mean input, output;                      /* of the whole log */
	struct forecast_clock clock;
	struct forecast_result counts; /* what is counted on the way */
};

/* forecast_price.c */
void forecast_take_targets(struct forecast *f, const struct router *router);
void forecast_find_breaks(struct forecast *f);
/* The cost of that request at each target, into targets[].cost. */
void forecast_price_row(struct forecast *f, const struct traffic_row *row, int64_t price_wall_ms);
/* Notes when prices change that decisions rest on. */
void forecast_enter_epoch(struct forecast *f, int64_t price_wall_ms);

/* forecast_decide.c: a choice for each single target; and one for the routes of each config. */
MUST_CHECK const struct forecast_choice *
forecast_fixed(struct forecast *f, struct forecast_group *group, int64_t prompt_tokens);
MUST_CHECK const struct forecast_choice *forecast_routed(struct forecast *f,
                                                         struct forecast_group *group,
                                                         int64_t prompt_tokens, size_t draw,
                                                         int64_t price_wall_ms);
MUST_CHECK bool forecast_is_weighted(const struct config *config);

/* forecast_group.c: NULL with a fault where there can be no such group. */
MUST_CHECK struct forecast_group *
forecast_group_of(struct forecast *f, const struct traffic_row *row, struct fault *fault);
void forecast_groups_done(struct forecast *f);

struct forecast_charge {
	int64_t requests;
	bool estimated; /* low and high say more than expected */
	size_t bucket;  /* of the clock; SIZE_MAX: in none */
	/* The cost at a target (by its number in forecast.targets). */
	struct forecast_cost (*cost_at)(const struct forecast *f, size_t target);
};

/* forecast_sum.c: all policies, by their choices. Lows and highs are kept as differences until
 * forecast_close_sums. */
void forecast_charge_all(struct forecast *f, struct forecast_group *group,
                         const struct forecast_choice *fixed, const struct forecast_choice *routed,
                         const struct forecast_charge *charge);
void forecast_close_sums(struct forecast *f);
void forecast_mark_front(struct forecast_result *result);

/* forecast_estimate.c: the requests whose token counts are missing. */
void forecast_note_counts(struct forecast *f, struct forecast_group *group,
                          const struct traffic_row *row);
void forecast_keep_pending(struct forecast_group *group, const struct traffic_row *row,
                           int64_t price_wall_ms);
void forecast_charge_pending(struct forecast *f);

/* forecast_clock.c: the bucket of that moment. */
MUST_CHECK size_t forecast_bucket(struct forecast_clock *clock, int64_t wall_ms);

#endif
