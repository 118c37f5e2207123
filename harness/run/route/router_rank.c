/*
 * The order in which proven targets are tried. A strategy gives each candidate a
 * score, lower is earlier; what is not known is behind all that is. Equal scores keep the order
 * in which the route names its targets.
 */
#include "harness/run/route/router_private.h"

#include <math.h>
#include <stdlib.h>

enum {
	BYTES_PER_TOKEN = 4, /* of English; an expectation, where price_bound is a bound */
	/* What a short answer has; taken where neither the request nor the matrix says more. */
	USUAL_OUTPUT_TOKENS = 256,
};

/* `balanced`: the stated trade. Shares of the worst candidate's cost and latency, and lost quality.
 */
static const double balanced_cost = 0.4;
static const double balanced_quality = 0.4;
static const double balanced_latency = 0.2;

/* --- what a candidate costs ------------------------------------------------------- */

static int64_t expected_output(const struct router_measure *measure, const struct shape *shape)
{
	int64_t usual = measure->output_tokens > 0 ? measure->output_tokens : USUAL_OUTPUT_TOKENS;

	return shape->max_output >= 0 ? int64_min(usual, shape->max_output) : usual;
}

int64_t router_bound(const struct target *target, const struct shape *shape, int64_t now_wall_ms)
{
	int64_t output = shape->max_output;

	if (shape->endpoint == ENDPOINT_EMBEDDINGS)
		output = 0;
	else if (output < 0)
		output = target->model->max_output >= 0 ? target->model->max_output
		                                        : target->model->context;
	if (output > 0 && __builtin_mul_overflow(output, shape->choices, &output))
		return INT64_MAX;
	struct price_request request = {
	    .wall_ms = now_wall_ms,
	    .prompt_bytes = shape->prompt_bytes + ROUTER_MESSAGE_TOKENS,
	    .max_output_tokens = output,
	    .names_service = feature_has(&shape->features, FEATURE_SERVICE_TIER),
	};
	return price_bound(&target->model->price, &request);
}

static void expect_cost(const struct router_measure *measure, const struct shape *shape,
                        int64_t now_wall_ms, struct router_candidate *out)
{
	out->input_tokens = shape->prompt_bytes / BYTES_PER_TOKEN + ROUTER_MESSAGE_TOKENS;
	out->output_tokens = 0;
	if (shape->endpoint != ENDPOINT_EMBEDDINGS)
		out->output_tokens = int64_min(expected_output(measure, shape), INT64_MAX / 1024) *
		                     int64_min(shape->choices, 1024);
	out->expected_cost_pico_usd = price_expect(&out->target->model->price, now_wall_ms, 1,
	                                           out->input_tokens, out->output_tokens);
}

static void estimate_quality(const struct router_measure *measure, enum case_kind kind,
                             struct router_candidate *candidate)
{
	const struct quality *tasks = &measure->kinds[kind];

	candidate->quality = candidate->pass_rate = measure->quality;
	candidate->quality_low = candidate->quality_high = (double)NAN;
	candidate->quality_kind = CASE_KIND_NONE;
	if (kind == CASE_KIND_NONE || tasks->tasks == 0)
		return;
	candidate->quality_kind = kind;
	candidate->quality = tasks->score;
	candidate->quality_low = tasks->low;
	candidate->quality_high = tasks->high;
	candidate->pass_rate = tasks->pass_rate;
}

void router_estimate(const struct router *router, const struct router_request *request,
                     enum case_kind kind, struct router_candidate *candidate)
{
	const struct router_measure *measure = &router->measures[candidate->number];
	const struct shape *shape = request->shape;
	int64_t now_wall_ms = router_price_moment(request);

	expect_cost(measure, shape, now_wall_ms, candidate);
	candidate->bound_pico_usd = router_bound(candidate->target, shape, now_wall_ms);
	estimate_quality(measure, kind, candidate);
	candidate->latency_us = shape->streamed ? measure->ttft_us : measure->latency_us;
	candidate->slow_us = shape->streamed ? measure->slow_ttft_us : measure->slow_latency_us;
}

void router_expect(const struct router *router, const struct router_request *request, size_t number,
                   struct router_candidate *out)
{
	*out = (struct router_candidate){.number = number, .target = router_target(router, number)};
	struct arena scratch = {0};
	router_estimate(router, request, task_kind(router_task(router, request, &scratch)), out);
	arena_done(&scratch);
}

/* --- scores ------------------------------------------------------------------------ */

/* Per answer that is worth something: a target that fails half the time costs twice. */
static double cost_score(const struct router_candidate *candidate)
{
	double rate = candidate->pass_rate;

	if (candidate->expected_cost_pico_usd < 0)
		return (double)INFINITY;
	if (isnan(rate))
		rate = 1;
	return (double)candidate->expected_cost_pico_usd / fmax(rate, 0.01);
}

static double latency_score(const struct router_candidate *candidate)
{
	return candidate->latency_us < 0 ? (double)INFINITY : (double)candidate->latency_us;
}

static double quality_score(const struct router_candidate *candidate)
{
	return isnan(candidate->quality) ? (double)INFINITY : 1 - candidate->quality;
}

/* xorshift64*, one step a draw; in (0, 1). */
static double draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	uint64_t bits = (*state * UINT64_C(2685821657736338717)) >> 11;
	return ((double)bits + 0.5) / 9007199254740992.0;
}

/* splitmix64's mixing: neighbouring numbers give unlike sequences. Never 0. */
static uint64_t seed(uint64_t random)
{
	random += UINT64_C(0x9e3779b97f4a7c15);
	random = (random ^ random >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	random = (random ^ random >> 27) * UINT64_C(0x94d049bb133111eb);
	random ^= random >> 31;
	return random == 0 ? 1 : random;
}

static int64_t weight_of(const struct config_route *route, struct text target)
{
	for (size_t i = 0; route != NULL && i < route->targets.count; i++)
		if (text_equal(route->targets.items[i], target))
			return route->weights[i];
	return 1;
}

/*
 * Drawn without replacement, each by its weight: the one with the smallest -ln(u) / w comes first
 * (Efraimidis and Spirakis, 2006).
 */
static double weighted_score(const struct router_order *order, struct text target, uint64_t *state)
{
	int64_t weight = weight_of(order->route, target);
	double u = draw(state);

	return weight <= 0 ? (double)INFINITY : -log(u) / (double)weight;
}

struct worst {
	double cost, latency;
};

static struct worst find_worst(const struct router_candidate *candidates, size_t count)
{
	struct worst worst = {0, 0};

	for (size_t i = 0; i < count; i++) {
		if (isfinite(cost_score(&candidates[i])))
			worst.cost = fmax(worst.cost, cost_score(&candidates[i]));
		if (isfinite(latency_score(&candidates[i])))
			worst.latency = fmax(worst.latency, latency_score(&candidates[i]));
	}
	return worst;
}

/* Of the worst; what is unknown counts as the worst. */
static double share(double value, double worst)
{
	if (!isfinite(value))
		return 1;
	return worst > 0 ? value / worst : 0;
}

static double balanced_score(const struct router_candidate *candidate, const struct worst *worst)
{
	return balanced_cost * share(cost_score(candidate), worst->cost) +
	       balanced_quality * fmin(quality_score(candidate), 1) +
	       balanced_latency * share(latency_score(candidate), worst->latency);
}

enum config_strategy router_strategy(const struct router_order *order)
{
	struct text sort =
	    order->preferences == NULL ? (struct text){NULL, 0} : order->preferences->sort;

	if (text_is(sort, "price"))
		return CONFIG_CHEAPEST;
	if (text_is(sort, "latency") || text_is(sort, "throughput"))
		return CONFIG_FASTEST;
	return order->strategy;
}

static void score_all(const struct router_order *order, struct router_candidate *candidates,
                      size_t count)
{
	struct worst worst = find_worst(candidates, count);
	enum config_strategy strategy = router_strategy(order);
	uint64_t state = seed(order->random);

	for (size_t i = 0; i < count; i++) {
		struct router_candidate *candidate = &candidates[i];
		switch (strategy) {
		case CONFIG_CHEAPEST:
			candidate->score = cost_score(candidate);
			break;
		case CONFIG_FASTEST:
			candidate->score = latency_score(candidate);
			break;
		case CONFIG_BEST:
			candidate->score = quality_score(candidate);
			break;
		case CONFIG_ORDERED:
			candidate->score = (double)i;
			break;
		case CONFIG_WEIGHTED:
			candidate->score = weighted_score(order, candidate->target->name, &state);
			break;
		case CONFIG_BALANCED:
			candidate->score = balanced_score(candidate, &worst);
			break;
		}
	}
}

/* --- sorting ------------------------------------------------------------------------ */

size_t router_preferred_place(const struct router_preferences *preferences,
                              const struct target *target)
{
	const struct text_list *list;

	if (preferences == NULL)
		return 0;
	list = &preferences->order;
	for (size_t i = 0; i < list->count; i++)
		if (text_equal(list->items[i], target->name) ||
		    text_equal(list->items[i], target->provider->name))
			return i;
	return list->count;
}

static bool is_before(const struct router_order *order, const struct router_candidate *a,
                      const struct router_candidate *b)
{
	size_t place_a = router_preferred_place(order->preferences, a->target);
	size_t place_b = router_preferred_place(order->preferences, b->target);

	if (a->eligible != b->eligible && !order->as_if_proven)
		return a->eligible;
	if (place_a != place_b)
		return place_a < place_b;
	return a->score < b->score;
}

void router_rank(const struct router_order *order, struct router_candidate *candidates,
                 size_t count)
{
	score_all(order, candidates, count);
	/* By insertion: stable, and there are few. */
	for (size_t i = 1; i < count; i++) {
		struct router_candidate candidate = candidates[i];
		size_t at = i;
		while (at > 0 && is_before(order, &candidate, &candidates[at - 1])) {
			candidates[at] = candidates[at - 1];
			at--;
		}
		candidates[at] = candidate;
	}
}
