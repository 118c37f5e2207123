/* What each policy has been charged, and which policies nobody need consider. */
#include "harness/run/forecast/forecast_private.h"

#include <math.h>

static const struct forecast_cost unknown_cost = {-1, -1, -1};

static struct forecast_cost cost_of(const struct forecast *f, const struct forecast_choice *choice,
                                    const struct forecast_charge *charge)
{
	return choice->target == FORECAST_NOBODY ? unknown_cost
	                                         : charge->cost_at(f, (size_t)choice->target);
}

/* Lows and highs as differences from what is expected: most rows have none. */
static void add_cost(struct forecast_sum *sum, const struct forecast_cost *cost, bool estimated)
{
	sum->expected += cost->expected;
	if (!estimated)
		return;
	sum->low += cost->low - cost->expected;
	sum->high += cost->high - cost->expected;
}

static void charge_policy(struct forecast *f, size_t number, const struct forecast_choice *choice,
                          const struct forecast_cost *baseline,
                          const struct forecast_charge *charge)
{
	struct forecast_account *account = &f->accounts[number];
	struct forecast_policy *policy = account->policy;
	struct forecast_cost cost = cost_of(f, choice, charge);

	policy->requests += charge->requests;
	policy->unproven += choice->proven ? 0 : charge->requests;
	policy->open += choice->open ? charge->requests : 0;
	policy->unknown += choice->unknown ? charge->requests : 0;
	if (choice->target == FORECAST_NOBODY)
		return;
	policy->served += charge->requests;
	account->targets[choice->target] += charge->requests;
	if (!isnan(choice->quality)) {
		policy->measured += charge->requests;
		account->quality_sum += choice->quality * (double)charge->requests;
	}
	if (cost.expected < 0) {
		policy->unpriced += charge->requests;
		return;
	}
	policy->estimated += charge->estimated ? charge->requests : 0;
	add_cost(&policy->cost, &cost, charge->estimated);
	if (charge->bucket != SIZE_MAX)
		f->clock.spend[charge->bucket * f->policy_count + number] += cost.expected;
	if (baseline->expected < 0)
		return;
	policy->compared += charge->requests;
	add_cost(&policy->baseline_cost, baseline, charge->estimated);
	add_cost(&policy->compared_cost, &cost, charge->estimated);
}

/* Of the targets that are proven for it the one that costs least; unknown prices last. */
static struct forecast_choice find_cheapest(const struct forecast *f,
                                            const struct forecast_choice *fixed,
                                            const struct forecast_charge *charge)
{
	struct forecast_choice choice = {.target = FORECAST_NOBODY, .quality = (double)NAN};
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < f->own_count; i++) {
		choice.open = choice.open || fixed[i].open;
		if (!fixed[i].proven)
			continue;
		int64_t cost = charge->cost_at(f, i).expected;
		if (choice.target != FORECAST_NOBODY && (cost < 0 || cost >= least))
			continue;
		choice.target = fixed[i].target;
		choice.quality = fixed[i].quality;
		least = cost < 0 ? INT64_MAX : cost;
	}
	choice.proven = choice.target != FORECAST_NOBODY;
	choice.open = choice.open && !choice.proven;
	return choice;
}

void forecast_charge_all(struct forecast *f, struct forecast_group *group,
                         const struct forecast_choice *fixed, const struct forecast_choice *routed,
                         const struct forecast_charge *charge)
{
	struct forecast_cost baseline = unknown_cost;
	struct forecast_choice cheapest = find_cheapest(f, fixed, charge);

	/* Gaps are those of the routes; where there are none, of everybody. */
	if (!(f->routes_at != SIZE_MAX ? routed[0].proven : cheapest.proven))
		group->gaps += charge->requests;
	if (f->setup.baseline != SIZE_MAX)
		baseline = cost_of(f, &fixed[f->setup.baseline], charge);
	for (size_t i = 0; i < f->own_count; i++)
		charge_policy(f, i, &fixed[i], &baseline, charge);
	if (f->routes_at != SIZE_MAX)
		charge_policy(f, f->routes_at, &routed[0], &baseline, charge);
	charge_policy(f, f->cheapest_at, &cheapest, &baseline, charge);
	if (f->against_at != SIZE_MAX)
		charge_policy(f, f->against_at, &routed[1], &baseline, charge);
}

static void close_sum(struct forecast_sum *sum)
{
	sum->low += sum->expected;
	sum->high += sum->expected;
}

void forecast_close_sums(struct forecast *f)
{
	for (size_t i = 0; i < f->policy_count; i++) {
		struct forecast_account *account = &f->accounts[i];
		struct forecast_policy *policy = account->policy;
		close_sum(&policy->cost);
		close_sum(&policy->baseline_cost);
		close_sum(&policy->compared_cost);
		policy->quality = policy->measured == 0
		                      ? (double)NAN
		                      : account->quality_sum / (double)policy->measured;
		policy->targets = account->targets;
	}
}

/* Serves everything, at a known cost and of a known quality: only then can it be compared. */
static bool is_complete(const struct forecast_policy *policy)
{
	return policy->requests > 0 && policy->served == policy->requests &&
	       policy->unpriced == 0 && policy->measured == policy->served;
}

static bool is_beaten_by(const struct forecast_policy *policy, const struct forecast_policy *other)
{
	bool as_good =
	    other->quality >= policy->quality && other->cost.expected <= policy->cost.expected;
	bool better =
	    other->quality > policy->quality || other->cost.expected < policy->cost.expected;

	return is_complete(other) && as_good && better;
}

void forecast_mark_front(struct forecast_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		struct forecast_policy *policy = &result->policies[i];
		policy->on_front = is_complete(policy);
		for (size_t k = 0; k < result->count && policy->on_front; k++)
			policy->on_front = !is_beaten_by(policy, &result->policies[k]);
	}
}
