/* Whether a config may go live on a matrix: the router's decisions, counted; see gate.h. */
#include "harness/run/route/gate.h"

#include <math.h>

const char *gate_source_name(enum gate_source source)
{
	static const char *const names[] = {"usage", "config", "assumed"};

	return names[source];
}

const char *gate_state_name(enum gate_state state)
{
	static const char *const names[] = {"holds", "unknown", "refused"};

	return names[state];
}

/* --- what routes are for, where no usage says it ------------------------------------- */

/* What nearly every client sends; taken where a gate case asks about the last of its features. */
static const char *const everyday[] = {
    "chat",       "chat stream",       "chat stream stream_options.include_usage",
    "chat tools", "chat stream tools", "embeddings",
};

struct collector {
	const struct suite *suite;
	struct arena *arena;
	struct gate_demands *out;
};

static struct gate_demand *add_demand(struct collector *c, struct text route,
                                      const struct text_list *names, enum gate_source source)
{
	struct gate_demand *demand = &c->out->items[c->out->count++];
	struct text bad;

	*demand = (struct gate_demand){
	    .route = route,
	    .names = *names,
	    .source = source,
	    .requests = -1,
	    .prompt_tokens = -1,
	    .completion_tokens = -1,
	    .cost_pico_usd = -1,
	};
	bool known = shape_from_names(names, c->arena, &demand->shape, &bad);
	REQUIRE(known); /* the config was checked, and ours are of the table */
	return demand;
}

static struct text_list split(const char *spaced, struct arena *arena)
{
	struct text rest = text_of(spaced);
	struct text_list names = {ARENA_NEW_ARRAY(arena, struct text, rest.len), 0};

	while (text_next_field(&rest, ' ', &names.items[names.count]))
		names.count++;
	return names;
}

/* Whether a gate case vouches for that feature, of the shape and nothing beyond it. */
static bool is_gated(const struct suite *suite, const struct shape *shape, enum feature feature)
{
	for (size_t i = 0; i < suite->count; i++) {
		const struct eval_case *one = &suite->cases[i];
		bool names_it = false;
		bool within = one->severity == CASE_GATE;
		for (size_t v = 0; within && v < one->vouches.count; v++) {
			enum feature vouched = feature_from_name(one->vouches.items[v]);
			within = vouched != FEATURE_COUNT && feature_has(&shape->features, vouched);
			names_it = names_it || vouched == feature;
		}
		if (within && names_it)
			return true;
	}
	return false;
}

/* Bits of the endpoints that every target of the route is said to have; 0: nothing is said. */
static unsigned endpoints_of(const struct config *config, const struct config_route *route,
                             struct arena *arena)
{
	unsigned endpoints = ~0u;
	struct target target;
	struct fault fault;

	for (size_t i = 0; i < route->targets.count; i++) {
		if (!target_find(&config->providers, route->targets.items[i], arena, &target,
		                 &fault))
			return 0;
		endpoints &= target.model->endpoints;
	}
	return endpoints;
}

static void assume(struct collector *c, const struct config *config,
                   const struct config_route *route)
{
	unsigned endpoints = endpoints_of(config, route, c->arena);

	for (size_t i = 0; i < ARRAY_LENGTH(everyday); i++) {
		struct text_list names = split(everyday[i], c->arena);
		struct gate_demand *demand = add_demand(c, route->name, &names, GATE_ASSUMED);
		enum feature last = feature_from_name(names.items[names.count - 1]);
		/* Of a route that is not said to be for embeddings, they are not assumed. */
		bool offered = endpoints == 0 ? demand->shape.endpoint == ENDPOINT_CHAT
		                              : (endpoints >> demand->shape.endpoint & 1) != 0;
		if (!offered || (names.count > 1 && !is_gated(c->suite, &demand->shape, last)))
			c->out->count--;
	}
}

void gate_demands_of_config(const struct config *config, const struct suite *suite,
                            struct arena *arena, struct gate_demands *out)
{
	const struct config_route *routes = config->routes.items;
	struct collector c = {suite, arena, out};
	size_t room = 0;

	*out = (struct gate_demands){0};
	for (size_t i = 0; i < config->routes.count; i++)
		room += routes[i].shape_count + ARRAY_LENGTH(everyday);
	out->items = ARENA_NEW_ARRAY(arena, struct gate_demand, room);
	for (size_t i = 0; i < config->routes.count; i++) {
		for (size_t s = 0; s < routes[i].shape_count; s++)
			(void)add_demand(&c, routes[i].name, &routes[i].shapes[s].features,
			                 GATE_FROM_CONFIG);
		if (routes[i].shape_count == 0)
			assume(&c, config, &routes[i]);
	}
}

/* --- judging --------------------------------------------------------------------------- */

static struct router_request request_of(const struct gate_demand *demand, int64_t now_wall_ms)
{
	return (struct router_request){
	    .shape = &demand->shape,
	    .model = demand->route,
	    .max_cost_pico_usd = -1,
	    .min_quality = (double)NAN,
	    .now_wall_ms = now_wall_ms,
	};
}

static int64_t wanted_of(const struct config *config, struct text route, int64_t min_targets)
{
	const struct config_route *routes = config->routes.items;

	for (size_t i = 0; i < config->routes.count; i++)
		if (text_equal(routes[i].name, route))
			return routes[i].min_targets > 0 ? routes[i].min_targets : min_targets;
	return 1; /* a target by its name: there is one */
}

/* Whether asking (again) may turn that verdict into a pass; flaky and bad ones are known. */
static bool may_be_proven(const struct router_exclusion *exclusion)
{
	static const char *const open[] = {"unproven", "stale", "inconclusive", "error"};

	for (size_t i = 0; exclusion->verdict != NULL && i < ARRAY_LENGTH(open); i++)
		if (strcmp(exclusion->verdict, open[i]) == 0)
			return true;
	return false;
}

int64_t gate_count_open(const struct router_decision *decision)
{
	int64_t open = 0;

	for (size_t i = 0; i < decision->exclusion_count;) {
		const struct target *target = decision->exclusions[i].target;
		bool all = true;
		for (; i < decision->exclusion_count && decision->exclusions[i].target == target;
		     i++)
			all = all && may_be_proven(&decision->exclusions[i]);
		open += all;
	}
	return open;
}

/* What the first candidate takes for the demand's tokens, or for one request. */
static int64_t expected_cost(const struct gate_demand *demand,
                             const struct router_candidate *candidate, int64_t now_wall_ms)
{
	int64_t sum;

	if (demand->prompt_tokens < 0 || demand->completion_tokens < 0) {
		if (candidate->expected_cost_pico_usd < 0 ||
		    __builtin_mul_overflow(candidate->expected_cost_pico_usd,
		                           int64_max(demand->requests, 1), &sum))
			return -1;
		return sum;
	}
	return price_expect(&candidate->target->model->price, now_wall_ms,
	                    int64_max(demand->requests, 1), demand->prompt_tokens,
	                    demand->completion_tokens);
}

static void judge(const struct router *router, const struct gate_demand *demand,
                  int64_t min_targets, int64_t now_wall_ms, struct arena *arena,
                  struct gate_check *check)
{
	struct router_request request = request_of(demand, now_wall_ms);
	struct shape_fault *fault = ARENA_NEW(arena, struct shape_fault);

	*check = (struct gate_check){
	    .demand = demand,
	    .wanted = wanted_of(router_config(router), demand->route, min_targets),
	    .expected_cost_pico_usd = -1,
	};
	if (router_decide(router, &request, arena, &check->decision, fault) != ROUTER_DECIDED) {
		check->error = fault->message;
		check->state = GATE_REFUSED;
		return;
	}
	const struct router_decision *decision = &check->decision;
	for (size_t i = 0; i < decision->count; i++)
		check->proven += decision->candidates[i].eligible;
	if (decision->count > 0)
		check->expected_cost_pico_usd =
		    expected_cost(demand, &decision->candidates[0], now_wall_ms);
	if ((int64_t)check->proven >= check->wanted)
		check->state = GATE_HOLDS;
	else if ((int64_t)check->proven + gate_count_open(decision) >= check->wanted)
		check->state = GATE_UNKNOWN;
	else
		check->state = GATE_REFUSED;
}

void gate_judge(const struct router *router, const struct gate_demands *demands,
                int64_t min_targets, int64_t now_wall_ms, struct arena *arena,
                struct gate_result *out)
{
	*out = (struct gate_result){
	    .checks = ARENA_NEW_ARRAY(arena, struct gate_check, demands->count),
	    .count = demands->count,
	};
	for (size_t i = 0; i < demands->count; i++) {
		struct gate_check *check = &out->checks[i];
		judge(router, &demands->items[i], int64_max(min_targets, 1), now_wall_ms, arena,
		      check);
		out->of[check->state]++;
		if (check->state > out->state)
			out->state = check->state;
	}
}

/* --- comparing ------------------------------------------------------------------------------ */

int64_t gate_moment(const struct matrix *matrix, int64_t now_wall_ms)
{
	int64_t newest = matrix->count == 0 ? now_wall_ms : INT64_MIN;

	for (size_t i = 0; i < matrix->count; i++)
		newest = int64_max(newest, matrix->cells[i].tested_wall_ms);
	return int64_min(newest, now_wall_ms);
}

/* Who comes first, in draws: one entry a target, and one for none at all. */
struct firsts {
	const struct text *names; /* NULL: none */
	double share;
};

/* How often the target (data NULL: none) comes first there. */
static double share_of(const struct firsts *firsts, size_t count, struct text name)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal(*firsts[i].names, name))
			return firsts[i].share;
	return 0;
}

static const struct text nobody = {NULL, 0};

static size_t draw_firsts(const struct router *router, const struct gate_check *check,
                          int64_t now_wall_ms, struct arena *arena, struct firsts **out)
{
	struct router_request request = request_of(check->demand, now_wall_ms);
	struct router_decision decision = check->decision;
	bool drawn = check->error == NULL && decision.strategy == CONFIG_WEIGHTED;
	int draws = drawn ? GATE_DRAWS : 1;
	struct shape_fault fault;
	struct arena scratch = {0};
	size_t count = 0;

	*out = ARENA_NEW_ARRAY(arena, struct firsts, check->decision.count + 1);
	for (int i = 0; i < draws; i++) {
		request.random = (uint64_t)i;
		if (drawn &&
		    router_decide(router, &request, &scratch, &decision, &fault) != ROUTER_DECIDED)
			decision.count = 0;
		const struct text *first =
		    decision.count == 0 ? &nobody : &decision.candidates[0].target->name;
		size_t at = 0;
		while (at < count && !text_equal(*(*out)[at].names, *first))
			at++;
		if (at == count)
			(*out)[count++] = (struct firsts){first, 0};
		(*out)[at].share += 1.0 / draws;
		arena_reset(&scratch);
	}
	arena_done(&scratch);
	return count;
}

static double moved_share(const struct firsts *base, size_t base_count, const struct firsts *head,
                          size_t head_count)
{
	double stays = 0;

	for (size_t i = 0; i < base_count; i++)
		stays += fmin(base[i].share, share_of(head, head_count, *base[i].names));
	return fmax(0, 1 - stays);
}

struct weighing {
	double moved, all;
};

static void weigh(struct weighing *weighing, int64_t weight, double moved)
{
	if (weight < 0)
		return;
	weighing->moved += (double)weight * moved;
	weighing->all += (double)weight;
}

static double ratio(const struct weighing *weighing)
{
	return weighing->all > 0 ? weighing->moved / weighing->all : (double)NAN;
}

static void add_costs(const struct gate_check *base, const struct gate_check *head,
                      struct gate_comparison *out)
{
	int64_t before, after;

	/* Each sum apart, and both or none: a difference must be of the same requests. */
	if (base->expected_cost_pico_usd < 0 || head->expected_cost_pico_usd < 0 ||
	    __builtin_add_overflow(out->cost_before_pico_usd, base->expected_cost_pico_usd,
	                           &before) ||
	    __builtin_add_overflow(out->cost_after_pico_usd, head->expected_cost_pico_usd,
	                           &after)) {
		out->cost_unknown++;
		return;
	}
	out->cost_before_pico_usd = before;
	out->cost_after_pico_usd = after;
}

void gate_compare(const struct router *base_router, const struct gate_result *base,
                  const struct router *head_router, const struct gate_result *head,
                  int64_t base_now_wall_ms, int64_t now_wall_ms, struct arena *arena,
                  struct gate_comparison *out)
{
	struct weighing requests = {0}, prompt = {0}, completion = {0}, cost = {0};

	REQUIRE(base->count == head->count);
	*out = (struct gate_comparison){
	    .moved_of = ARENA_NEW_ARRAY(arena, double, head->count),
	    .losses = ARENA_NEW_ARRAY(arena, struct gate_loss, head->count),
	};
	for (size_t i = 0; i < head->count; i++) {
		const struct gate_check *was = &base->checks[i];
		const struct gate_check *is = &head->checks[i];
		struct firsts *before, *after;
		size_t before_count =
		    draw_firsts(base_router, was, base_now_wall_ms, arena, &before);
		size_t after_count = draw_firsts(head_router, is, now_wall_ms, arena, &after);
		double moved = moved_share(before, before_count, after, after_count);
		out->moved_of[i] = moved;
		weigh(&requests, is->demand->requests < 0 ? 1 : is->demand->requests, moved);
		weigh(&prompt, is->demand->prompt_tokens, moved);
		weigh(&completion, is->demand->completion_tokens, moved);
		weigh(&cost, is->demand->cost_pico_usd, moved);
		if (is->proven < was->proven && is->proven < 2)
			out->losses[out->loss_count++] =
			    (struct gate_loss){i, was->proven, is->proven};
		add_costs(was, is, out);
	}
	out->moved =
	    (struct gate_share){ratio(&requests), ratio(&prompt), ratio(&completion), ratio(&cost)};
}
