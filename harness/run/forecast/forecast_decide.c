/*
 * The router's decisions, asked for as seldom as can be: a decision depends on the request's kind,
 * on the length of its prompt, and (of routes) on the prices of the moment and on the draw.
 *
 * Between two lengths with one and the same answer, and no break between them, the answer is that
 * one everywhere: between breaks all prices are straight lines over the length and nobody comes in
 * or drops out, and of straight lines one that is lowest at both ends is lowest between them.
 * (Under `balanced` the dearest candidate counts, too; where it changes between two such lengths
 * and only for a while, that is missed.)
 */
#include "harness/run/forecast/forecast_private.h"
#include "harness/run/route/gate.h"

#include <math.h>
#include <stdio.h>

bool forecast_is_weighted(const struct config *config)
{
	const struct config_route *routes = config->routes.items;

	for (size_t i = 0; i < config->routes.count; i++) {
		if (routes[i].strategy == CONFIG_WEIGHTED)
			return true;
		for (size_t t = 0; t < routes[i].by_task_count; t++)
			if (routes[i].by_task[t].strategy == CONFIG_WEIGHTED)
				return true;
	}
	return false;
}

/* --- stretches -------------------------------------------------------------------- */

static bool is_broken(const struct forecast *f, int64_t from, int64_t to)
{
	size_t low = 0, high = f->break_count;

	while (low < high) { /* the first break above `from` */
		size_t middle = low + (high - low) / 2;
		if (f->breaks[middle] > from)
			high = middle;
		else
			low = middle + 1;
	}
	return low < f->break_count && f->breaks[low] <= to;
}

static bool same_choice(const struct forecast_choice *a, const struct forecast_choice *b)
{
	return a->target == b->target && a->proven == b->proven && a->open == b->open &&
	       a->unknown == b->unknown &&
	       (a->quality == b->quality || (isnan(a->quality) && isnan(b->quality)));
}

static bool same_choices(const struct forecast_choice *a, const struct forecast_choice *b,
                         size_t width)
{
	for (size_t i = 0; i < width; i++)
		if (!same_choice(&a[i], &b[i]))
			return false;
	return true;
}

/* The first stretch that ends at the length or behind it. */
static size_t find_stretch(const struct forecast_track *track, int64_t length)
{
	size_t low = 0, high = track->count;

	if (track->last < track->count && track->stretches[track->last].from <= length &&
	    track->stretches[track->last].to >= length)
		return track->last;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (track->stretches[middle].to < length)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct forecast_track *track, size_t at, size_t width, int64_t length,
                   const struct forecast_choice *choices)
{
	if (track->count == track->room) {
		track->room = track->room == 0 ? 4 : track->room * 2;
		track->stretches = memory_resize(track->stretches,
		                                 size_mul(track->room, sizeof(*track->stretches)));
		track->choices = memory_resize(
		    track->choices, size_mul(size_mul(track->room, width), sizeof(*choices)));
	}
	memmove(&track->stretches[at + 1], &track->stretches[at],
	        (track->count - at) * sizeof(*track->stretches));
	memmove(&track->choices[(at + 1) * width], &track->choices[at * width],
	        (track->count - at) * width * sizeof(*choices));
	track->stretches[at] = (struct forecast_stretch){length, length};
	memcpy(&track->choices[at * width], choices, width * sizeof(*choices));
	track->count++;
}

static void remove_stretch(struct forecast_track *track, size_t at, size_t width)
{
	track->count--;
	memmove(&track->stretches[at], &track->stretches[at + 1],
	        (track->count - at) * sizeof(*track->stretches));
	memmove(&track->choices[at * width], &track->choices[(at + 1) * width],
	        (track->count - at) * width * sizeof(*track->choices));
}

/* Keeps a decision: a neighbour with the same answer grows, and may meet the next one. */
static void learn(const struct forecast *f, struct forecast_track *track, size_t at, size_t width,
                  int64_t length, const struct forecast_choice *choices)
{
	struct forecast_stretch *s = track->stretches;
	bool before = at > 0 && same_choices(&track->choices[(at - 1) * width], choices, width) &&
	              !is_broken(f, s[at - 1].to, length);
	bool behind = at < track->count &&
	              same_choices(&track->choices[at * width], choices, width) &&
	              !is_broken(f, length, s[at].from);

	if (before && behind) {
		s[at - 1].to = s[at].to;
		remove_stretch(track, at, width);
	} else if (before) {
		s[at - 1].to = length;
	} else if (behind) {
		s[at].from = length;
	} else {
		insert(track, at, width, length, choices);
	}
	track->last = before ? at - 1 : at;
}

static const struct forecast_choice *known_choice(const struct forecast_track *track, size_t at,
                                                  size_t width, int64_t length)
{
	if (at == track->count || track->stretches[at].from > length)
		return NULL;
	return &track->choices[at * width];
}

/* --- asking the router -------------------------------------------------------------- */

/* Excluded for what it is (its context, say), not for want of proof. */
static bool does_not_fit(const struct router_decision *decision)
{
	for (size_t i = 0; i < decision->exclusion_count; i++)
		if (decision->exclusions[i].verdict == NULL)
			return true;
	return false;
}

struct question {
	const struct router *router;
	struct forecast_group *group;
	struct text asked;
	int64_t length, price_wall_ms;
	size_t draw;
};

static struct router_request request_of(const struct forecast *f, const struct question *question,
                                        struct shape *shape)
{
	*shape = question->group->shape;
	shape->prompt_bytes = question->length * TRAFFIC_BYTES_PER_TOKEN;
	return (struct router_request){
	    .shape = shape,
	    .headers = &question->group->header,
	    .header_count = question->group->task.len > 0,
	    .model = question->asked,
	    .max_cost_pico_usd = -1,
	    .min_quality = (double)NAN,
	    .random = question->draw,
	    .now_wall_ms = f->setup.now_wall_ms,
	    .price_wall_ms = question->price_wall_ms,
	};
}

/* "a/m: TC-10 fails; b/m: ...": the beginning of it. */
static struct text reason_of(const struct router_decision *decision, struct arena *arena)
{
	enum { REASONS = 3, REASON_BYTES = 4096 };
	struct text_buf out;

	text_buf_init(&out, REASON_BYTES);
	for (size_t i = 0; i < decision->exclusion_count && i < REASONS; i++) {
		const struct router_exclusion *exclusion = &decision->exclusions[i];
		(void)text_buf_format(&out, "%s%.*s: ", i == 0 ? "" : "; ",
		                      TEXT_ARG(exclusion->target->name));
		if (exclusion->case_id.data != NULL)
			(void)text_buf_format(
			    &out, "%.*s%s ", TEXT_ARG(exclusion->case_id),
			    strcmp(exclusion->variant, case_variant_names[CASE_STREAM]) == 0
				? "~stream"
				: "");
		(void)text_buf_add(&out, exclusion->reason);
	}
	if (decision->exclusion_count > REASONS)
		(void)text_buf_format(&out, "; and %zu more", decision->exclusion_count - REASONS);
	struct text reason = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return reason;
}

static void decide(struct forecast *f, const struct question *question, size_t first_target,
                   struct forecast_choice *out)
{
	struct shape shape;
	struct shape_fault problem;
	struct router_decision decision;
	struct router_request request = request_of(f, question, &shape);
	enum router_result result = ROUTER_UNKNOWN_MODEL;

	*out = (struct forecast_choice){.target = FORECAST_NOBODY, .quality = (double)NAN};
	(void)snprintf(problem.message, sizeof(problem.message),
	               "no route is said; give --route NAME");
	if (question->asked.len > 0)
		result =
		    router_decide(question->router, &request, &f->scratch, &decision, &problem);
	if (result != ROUTER_DECIDED) {
		out->unknown = result == ROUTER_UNKNOWN_MODEL;
		if (question->group->gap.data == NULL)
			question->group->gap = text_copy(f->arena, text_of(problem.message));
		return;
	}
	if (decision.count > 0) {
		const struct router_candidate *first = &decision.candidates[0];
		out->target = (int32_t)(first_target + first->number);
		out->proven = first->eligible;
		out->quality = first->quality;
	}
	out->open = !out->proven && gate_count_open(&decision) > 0;
	if (!out->proven && question->group->gap.data == NULL)
		question->group->gap = reason_of(&decision, f->arena);
}

/* One target for all: what does not fit there is not served; what is not proven there is priced all
 * the same, for that is the bill of today. */
static void decide_single(struct forecast *f, struct forecast_group *group, size_t number,
                          int64_t length, struct forecast_choice *out)
{
	struct question question = {
	    .router = f->setup.router,
	    .group = group,
	    .asked = f->targets[number].target->name,
	    .length = length,
	};
	struct shape shape;
	struct shape_fault problem;
	struct router_decision decision;
	struct router_candidate expected;
	struct router_request request = request_of(f, &question, &shape);

	*out = (struct forecast_choice){.target = FORECAST_NOBODY, .quality = (double)NAN};
	if (router_decide(question.router, &request, &f->scratch, &decision, &problem) !=
	    ROUTER_DECIDED)
		return;
	out->proven = decision.count > 0 && decision.candidates[0].eligible;
	out->open = !out->proven && gate_count_open(&decision) > 0;
	if (decision.count == 0 && does_not_fit(&decision))
		return;
	router_expect(question.router, &request, number, &expected);
	out->target = (int32_t)number;
	out->quality = expected.quality;
}

const struct forecast_choice *forecast_fixed(struct forecast *f, struct forecast_group *group,
                                             int64_t prompt_tokens)
{
	struct forecast_track *track = &group->fixed;
	size_t at = find_stretch(track, prompt_tokens);
	const struct forecast_choice *known = known_choice(track, at, f->own_count, prompt_tokens);

	track->last = at;
	if (known != NULL)
		return known;
	for (size_t i = 0; i < f->own_count; i++) {
		arena_reset(&f->scratch);
		decide_single(f, group, i, prompt_tokens, &f->decided[i]);
	}
	learn(f, track, at, f->own_count, prompt_tokens, f->decided);
	return &track->choices[track->last * f->own_count];
}

const struct forecast_choice *forecast_routed(struct forecast *f, struct forecast_group *group,
                                              int64_t prompt_tokens, size_t draw,
                                              int64_t price_wall_ms)
{
	enum { WIDTH = 2 };
	struct forecast_track *track = &group->routed[draw];
	struct question question = {
	    .router = f->setup.router,
	    .group = group,
	    .asked = group->asked,
	    .length = prompt_tokens,
	    .price_wall_ms = price_wall_ms,
	    .draw = draw,
	};

	if (track->epoch != f->epoch) {
		track->epoch = f->epoch;
		track->count = 0;
	}
	size_t at = find_stretch(track, prompt_tokens);
	const struct forecast_choice *known = known_choice(track, at, WIDTH, prompt_tokens);
	track->last = at;
	if (known != NULL)
		return known;
	struct text gap = group->gap;
	arena_reset(&f->scratch);
	decide(f, &question, 0, &f->decided[0]);
	struct text own_gap = group->gap;
	f->decided[1] = f->decided[0];
	if (f->setup.against != NULL) {
		question.router = f->setup.against;
		decide(f, &question, f->own_count, &f->decided[1]);
		group->gap =
		    gap.data != NULL ? gap : own_gap; /* the second config's are not told */
	}
	learn(f, track, at, WIDTH, prompt_tokens, f->decided);
	return &track->choices[track->last * WIDTH];
}
