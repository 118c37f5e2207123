/* One pass over a log: each request is priced, decided and charged; see forecast.h. */
#include "harness/run/forecast/forecast_private.h"

#include <stdlib.h>

enum { DAY_MS = 86400000 };
static const int64_t WEEK_MS = (int64_t)7 * DAY_MS;

const char *forecast_kind_name(enum forecast_kind kind)
{
	static const char *const names[] = {"target", "routes", "cheapest", "against"};

	return names[kind];
}

money forecast_per_days(money sum, int64_t days, int64_t span_ms)
{
	return money_scale(sum, days * DAY_MS, span_ms);
}

/* --- setting up ---------------------------------------------------------------------- */

static size_t add_policy(struct forecast *f, enum forecast_kind kind, struct text name)
{
	struct forecast_account *account = &f->accounts[f->policy_count];

	account->policy = &f->counts.policies[f->policy_count];
	account->policy->kind = kind;
	account->policy->name = name;
	account->targets = ARENA_NEW_ARRAY(f->arena, int64_t, f->target_count);
	return f->policy_count++;
}

static void add_policies(struct forecast *f)
{
	enum { BESIDE_TARGETS = 3 };
	size_t room = f->own_count + BESIDE_TARGETS;

	f->counts.policies = ARENA_NEW_ARRAY(f->arena, struct forecast_policy, room);
	f->accounts = ARENA_NEW_ARRAY(f->arena, struct forecast_account, room);
	f->decided = ARENA_NEW_ARRAY(f->arena, struct forecast_choice, room);
	for (size_t i = 0; i < f->own_count; i++)
		(void)add_policy(f, FORECAST_TARGET, f->targets[i].target->name);
	f->routes_at = f->against_at = SIZE_MAX;
	if (router_config(f->setup.router)->routes.count > 0)
		f->routes_at = add_policy(f, FORECAST_ROUTES, TEXT("routes"));
	f->cheapest_at = add_policy(f, FORECAST_CHEAPEST, TEXT("cheapest proven"));
	if (f->setup.against != NULL)
		f->against_at = add_policy(f, FORECAST_AGAINST, TEXT("against"));
}

bool forecast_new(const struct forecast_setup *setup, struct arena *arena, struct forecast **out,
                  struct fault *fault)
{
	size_t own = router_target_count(setup->router);
	size_t other = setup->against == NULL ? 0 : router_target_count(setup->against);
	struct forecast *f;

	*out = NULL;
	if (own == 0)
		return fault_set(fault, FAULT_INPUT,
		                 "the config has no target: list models or routes");
	if (own > FORECAST_MAX_TARGETS || other > FORECAST_MAX_TARGETS)
		return fault_set(fault, FAULT_INPUT, "more than %d targets in a config",
		                 FORECAST_MAX_TARGETS);
	*out = f = ARENA_NEW(arena, struct forecast);
	f->setup = *setup;
	f->arena = arena;
	f->targets = ARENA_NEW_ARRAY(arena, struct forecast_target, own + other);
	forecast_take_targets(f, setup->router);
	f->own_count = own;
	f->draws = forecast_is_weighted(router_config(setup->router)) ? FORECAST_DRAWS : 1;
	if (setup->against != NULL) {
		forecast_take_targets(f, setup->against);
		if (forecast_is_weighted(router_config(setup->against)))
			f->draws = FORECAST_DRAWS;
	}
	forecast_find_breaks(f);
	add_policies(f);
	f->clock.policies = f->policy_count;
	f->clock.spend =
	    memory_new_array(FORECAST_BUCKETS, size_mul(f->policy_count, sizeof(money)));
	return true;
}

void forecast_done(struct forecast *f)
{
	if (f == NULL)
		return;
	forecast_groups_done(f);
	memory_free(f->clock.spend);
	arena_done(&f->scratch);
}

/* --- a request ------------------------------------------------------------------------- */

static struct forecast_cost row_cost(const struct forecast *f, size_t target)
{
	int64_t cost = f->targets[target].cost;

	return (struct forecast_cost){cost, cost, cost};
}

/*
 * The proxy takes 4 bytes for a token where it has to guess; prompts run from 2 bytes a token
 * (digits, base64) to 6 (plain English).
 */
static struct forecast_cost guessed_cost(const struct forecast *f, size_t target)
{
	int64_t cost = f->targets[target].cost;

	return (struct forecast_cost){cost - cost / 3, cost,
	                              cost > INT64_MAX / 2 ? INT64_MAX : cost * 2};
}

/* How far the log is moved, by its first row: whole weeks. */
static void find_shift(struct forecast *f, int64_t wall_ms)
{
	int64_t at_wall_ms = f->setup.at_wall_ms;

	if (at_wall_ms == FORECAST_AS_LOGGED)
		return;
	int64_t ahead = at_wall_ms - wall_ms;
	int64_t weeks = ahead / WEEK_MS + (ahead % WEEK_MS > 0);
	f->counts.shift_ms = weeks * WEEK_MS;
}

static void count_row(struct forecast *f, const struct traffic_row *row)
{
	struct forecast_result *counts = &f->counts;

	if (counts->requests++ == 0) {
		find_shift(f, row->wall_ms);
		counts->first_wall_ms = counts->last_wall_ms = row->wall_ms;
	}
	counts->first_wall_ms = int64_min(counts->first_wall_ms, row->wall_ms);
	counts->last_wall_ms = int64_max(counts->last_wall_ms, row->wall_ms);
	counts->missing_input += row->input_tokens < 0;
	counts->missing_output += row->output_tokens < 0;
	counts->input_tokens += int64_max(row->input_tokens, 0);
	counts->output_tokens += int64_max(row->output_tokens, 0);
	counts->cached_tokens += row->cached_tokens;
}

static bool is_within(const struct forecast *f, int64_t wall_ms)
{
	return wall_ms >= f->setup.since_wall_ms && wall_ms < f->setup.until_wall_ms;
}

/* A config with one route has no other to ask for. */
static struct text asked_of(const struct forecast *f, const struct traffic_row *row)
{
	const struct config *config = router_config(f->setup.router);
	const struct config_route *routes = config->routes.items;

	return row->asked.len == 0 && config->routes.count == 1 ? routes[0].name : row->asked;
}

bool forecast_add(struct forecast *f, const struct traffic_row *given, struct fault *fault)
{
	struct traffic_row row = *given;

	if (!is_within(f, row.wall_ms)) {
		f->counts.outside++;
		return true;
	}
	row.asked = asked_of(f, given);
	struct forecast_group *group = forecast_group_of(f, &row, fault);
	if (group == NULL)
		return false;
	size_t draw = (size_t)f->counts.requests % f->draws;
	count_row(f, &row);
	forecast_note_counts(f, group, &row);
	int64_t price_wall_ms = row.wall_ms + f->counts.shift_ms;
	if (row.input_tokens < 0 || row.output_tokens < 0) {
		forecast_keep_pending(group, &row, price_wall_ms);
		return true;
	}
	struct forecast_charge charge = {
	    .requests = 1,
	    .estimated = row.estimated,
	    .bucket = forecast_bucket(&f->clock, row.wall_ms),
	    .cost_at = row.estimated ? guessed_cost : row_cost,
	};
	forecast_enter_epoch(f, price_wall_ms);
	forecast_price_row(f, &row, price_wall_ms);
	const struct forecast_choice *fixed = forecast_fixed(f, group, row.input_tokens);
	const struct forecast_choice *routed =
	    forecast_routed(f, group, row.input_tokens, draw, price_wall_ms);
	forecast_charge_all(f, group, fixed, routed, &charge);
	return true;
}

/* --- the result -------------------------------------------------------------------------- */

static void find_span(struct forecast *f)
{
	struct forecast_result *counts = &f->counts;

	if (f->setup.days > 0)
		counts->span_ms = f->setup.days * DAY_MS;
	else if (f->setup.since_wall_ms != INT64_MIN && f->setup.until_wall_ms != INT64_MAX)
		counts->span_ms = f->setup.until_wall_ms - f->setup.since_wall_ms;
	else
		counts->span_ms = counts->last_wall_ms - counts->first_wall_ms;
}

static void take_spend(struct forecast *f)
{
	const struct forecast_clock *clock = &f->clock;

	f->counts.bucket_ms = clock->width_ms;
	f->counts.bucket_first_ms = clock->first * clock->width_ms;
	f->counts.bucket_count = clock->count;
	for (size_t p = 0; p < f->policy_count; p++) {
		money *spend = ARENA_NEW_ARRAY(f->arena, money, clock->count + 1);
		for (size_t i = 0; i < clock->count; i++)
			spend[i] = clock->spend[i * f->policy_count + p];
		f->accounts[p].policy->spend = spend;
	}
}

static void take_targets(struct forecast *f)
{
	struct text *names = ARENA_NEW_ARRAY(f->arena, struct text, f->target_count);

	for (size_t i = 0; i < f->target_count; i++)
		names[i] = f->targets[i].target->name;
	f->counts.targets = names;
	f->counts.target_count = f->target_count;
}

static int compare_gaps(const void *a, const void *b)
{
	const struct forecast_group *x = a;
	const struct forecast_group *y = b;

	return (x->gaps < y->gaps) - (x->gaps > y->gaps);
}

static void take_gaps(struct forecast *f)
{
	if (f->group_count == 0)
		return;
	qsort(f->groups, f->group_count, sizeof(*f->groups), compare_gaps);
	for (size_t i = 0; i < f->group_count && i < FORECAST_GAPS; i++) {
		const struct forecast_group *group = &f->groups[i];
		if (group->gaps == 0)
			break;
		f->counts.gaps[f->counts.gap_count++] = (struct forecast_gap){
		    .asked = group->asked,
		    .features = group->features,
		    .task = group->task,
		    .requests = group->gaps,
		    .reason =
			f->routes_at == SIZE_MAX ? TEXT("no target is proven for it") : group->gap,
		};
	}
}

void forecast_finish(struct forecast *f, struct forecast_result *out)
{
	forecast_charge_pending(f);
	forecast_close_sums(f);
	find_span(f);
	take_spend(f);
	take_targets(f);
	take_gaps(f);
	f->counts.count = f->policy_count;
	f->counts.groups = f->group_count;
	f->counts.baseline = f->setup.baseline;
	forecast_mark_front(&f->counts);
	*out = f->counts;
}
