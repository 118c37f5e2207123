/*
 * What a log of requests costs under each policy, and how well it is served: every single target,
 * the config's routes, for each request the cheapest target that is proven for it, and the routes
 * of a second config. One pass over the log, in memory that grows with the kinds of requests in it
 * and not with their number; the decisions are the router's own.
 *
 * Money is exact: a policy's cost is the sum of its requests' costs, each to the last 10^-12 USD.
 * Where token counts are missing their means stand in, apart from that sum, with an interval.
 */
#ifndef PROVISO_RUN_FORECAST_H
#define PROVISO_RUN_FORECAST_H

#include "harness/run/route/router.h"
#include "harness/run/route/traffic.h"
#include "providers/price/money.h"

enum {
	FORECAST_MAX_GROUPS = 4096,  /* different kinds of requests; more is refused */
	FORECAST_MAX_TARGETS = 1024, /* of a config */
	FORECAST_BUCKETS = 96,       /* of spend over time; they widen as the log grows */
	FORECAST_DRAWS = 256,        /* of a weighted route: who comes first, how often */
};

/* Prices as of the log's own moments. */
#define FORECAST_AS_LOGGED INT64_MIN

struct forecast_setup {
	const struct router *router;
	const struct router *against; /* the second config; NULL: none */
	size_t baseline;              /* number of a target of `router`; SIZE_MAX: none */
	int64_t now_wall_ms;          /* for the age of evidence */
	/*
	 * The log is taken to come again from here on: its moments are moved by whole weeks, so
	 * that days of the week and times of day stay, until its first one lies within the seven
	 * days that begin here. FORECAST_AS_LOGGED: not at all.
	 */
	int64_t at_wall_ms;
	int64_t since_wall_ms, until_wall_ms; /* of the log's own moments, [since, until) */
	int64_t days;                         /* that the log covers; 0: from first to last */
};

enum forecast_kind {
	FORECAST_TARGET,   /* all of it at one target */
	FORECAST_ROUTES,   /* by the config's routes */
	FORECAST_CHEAPEST, /* each request at the cheapest target that is proven for it */
	FORECAST_AGAINST,  /* by the routes of the second config */
};
const char *forecast_kind_name(enum forecast_kind kind); /* "target", "routes" ... */

struct forecast_sum {
	money low, expected, high; /* USD/10^12; all the same where nothing was estimated */
};

struct forecast_policy {
	enum forecast_kind kind;
	struct text name;  /* the target's; "routes", "cheapest proven", "against" */
	int64_t requests;  /* all of the log's */
	int64_t served;    /* somebody would serve them; single targets: all that fit */
	int64_t unproven;  /* no target is proven for them, served or not */
	int64_t open;      /* of these: asking again may prove one */
	int64_t unpriced;  /* served at an unknown price: in no sum */
	int64_t unknown;   /* they ask for a route or model that is not there; part of unproven */
	int64_t estimated; /* of those priced: with token counts that were missing or estimated */
	struct forecast_sum cost; /* of those served and priced */
	/*
	 * The baseline's cost of the requests that both serve and have a price for, and this
	 * policy's of the same; `compared` of them.
	 */
	struct forecast_sum baseline_cost, compared_cost;
	int64_t compared;
	double quality;         /* mean over `measured`; NaN: of none */
	int64_t measured;       /* served requests whose target's quality is known */
	bool on_front;          /* no other policy serves as much as well for less */
	const money *spend;     /* one a bucket, of the requests whose tokens are known; arena */
	const int64_t *targets; /* requests by target, see forecast_result.targets; arena */
};

/* Why requests of a kind have no proven target, for the reader to act on. */
struct forecast_gap {
	struct text asked, features, task;
	int64_t requests;
	struct text reason; /* arena */
};

enum { FORECAST_GAPS = 20 };

struct forecast_result {
	struct forecast_policy *policies; /* targets, then routes, cheapest, against; arena */
	size_t count;
	int64_t requests, outside; /* outside: not within since and until */
	int64_t input_tokens, output_tokens, cached_tokens; /* of those that are known */
	int64_t missing_input, missing_output;              /* requests */
	int64_t first_wall_ms, last_wall_ms;                /* as logged */
	int64_t shift_ms;                                   /* by which prices see them moved */
	int64_t span_ms; /* that the sums cover; 0: not known, so nothing can be told by day */
	size_t groups;
	int64_t bucket_ms, bucket_first_ms; /* width of the buckets; where the first begins */
	size_t bucket_count;
	const struct text *targets; /* names that forecast_policy.targets counts; arena */
	size_t target_count;
	struct forecast_gap gaps[FORECAST_GAPS]; /* of the routes (else cheapest), most first */
	size_t gap_count;
	size_t baseline; /* number of its policy; SIZE_MAX: none */
};

struct forecast;

/* Setup and what it names outlive it. Arena memory for what lasts; forecast_done frees the rest. */
MUST_CHECK bool forecast_new(const struct forecast_setup *setup, struct arena *arena,
                             struct forecast **out, struct fault *fault);
/* False: a feature that nobody knows (at its place), or more kinds than FORECAST_MAX_GROUPS. */
MUST_CHECK bool forecast_add(struct forecast *forecast, const struct traffic_row *row,
                             struct fault *fault);
void forecast_finish(struct forecast *forecast, struct forecast_result *out);
void forecast_done(struct forecast *forecast);

/* A sum over the log's span as one of that many days, rounded once; span_ms above 0. */
MUST_CHECK money forecast_per_days(money sum, int64_t days, int64_t span_ms);

#endif
