/*
 * Requests whose token counts are missing: the mean of their kind stands in, and the sum of so many
 * of them has an interval.
 */
#include "harness/run/forecast/forecast_private.h"

#include <math.h>

/* 95 of 100, two-sided. */
static const double interval_z = 1.96;

static void note(struct forecast_mean *mean, int64_t value)
{
	if (value < 0)
		return;
	mean->count++;
	mean->sum += (double)value;
	mean->squares += (double)value * (double)value;
}

void forecast_note_counts(struct forecast *f, struct forecast_group *group,
                          const struct traffic_row *row)
{
	note(&group->input, row->input_tokens);
	note(&group->output, row->output_tokens);
	note(&f->input, row->input_tokens);
	note(&f->output, row->output_tokens);
}

void forecast_keep_pending(struct forecast_group *group, const struct traffic_row *row,
                           int64_t price_wall_ms)
{
	struct forecast_pending *pending = &group->pending;

	if (pending->requests++ == 0)
		pending->price_wall_ms = price_wall_ms;
	pending->missing_input += row->input_tokens < 0;
	pending->missing_output += row->output_tokens < 0;
	pending->input += int64_max(row->input_tokens, 0);
	pending->output += int64_max(row->output_tokens, 0);
}

struct total {
	double low, expected, high;
	bool known;
};

/*
 * Known tokens and `missing` more of that mean. The sum of k draws from what was seen n times has
 * the standard deviation s * sqrt(k + k^2 / n); seen once it may be anything up to twice that.
 */
static struct total complete(int64_t known, int64_t missing, const struct forecast_mean *own,
                             const struct forecast_mean *all)
{
	const struct forecast_mean *mean = own->count > 0 ? own : all;
	struct total total = {.known = missing == 0 || mean->count > 0};
	double n = (double)mean->count;
	double k = (double)missing;

	total.low = total.expected = total.high = (double)known;
	if (missing == 0 || mean->count == 0)
		return total;
	double average = mean->sum / n;
	double half = k * average;
	if (mean->count > 1) {
		double variance = (mean->squares - mean->sum * average) / (n - 1);
		half = interval_z * sqrt(fmax(variance, 0) * (k + k * k / n));
	}
	total.expected += k * average;
	total.low += fmax(k * average - half, 0);
	total.high += k * average + half;
	return total;
}

static int64_t tokens(double value)
{
	return value >= 9e18 ? -1 : (int64_t)llround(value);
}

static int64_t price(const struct forecast_target *target, const struct forecast_pending *pending,
                     double input, double output)
{
	int64_t cost = price_expect(&target->target->model->price, pending->price_wall_ms,
	                            pending->requests, tokens(input), tokens(output));

	return cost == INT64_MAX ? -1 : cost;
}

static struct forecast_cost pending_cost(const struct forecast *f, size_t target)
{
	return f->targets[target].pending;
}

static void charge_group(struct forecast *f, struct forecast_group *group)
{
	const struct forecast_pending *pending = &group->pending;
	struct total input =
	    complete(pending->input, pending->missing_input, &group->input, &f->input);
	struct total output =
	    complete(pending->output, pending->missing_output, &group->output, &f->output);
	struct forecast_charge charge = {
	    .requests = pending->requests,
	    .estimated = true,
	    .bucket = SIZE_MAX,
	    .cost_at = pending_cost,
	};
	int64_t prompt = tokens(input.expected) / pending->requests;

	for (size_t i = 0; i < f->target_count; i++) {
		struct forecast_target *target = &f->targets[i];
		target->pending = (struct forecast_cost){-1, -1, -1};
		if (!input.known || !output.known)
			continue;
		target->pending = (struct forecast_cost){
		    .low = price(target, pending, input.low, output.low),
		    .expected = price(target, pending, input.expected, output.expected),
		    .high = price(target, pending, input.high, output.high),
		};
		if (target->pending.high < 0)
			target->pending.expected = -1;
	}
	forecast_enter_epoch(f, pending->price_wall_ms);
	const struct forecast_choice *fixed = forecast_fixed(f, group, prompt);
	const struct forecast_choice *routed =
	    forecast_routed(f, group, prompt, 0, pending->price_wall_ms);
	forecast_charge_all(f, group, fixed, routed, &charge);
}

void forecast_charge_pending(struct forecast *f)
{
	for (size_t i = 0; i < f->group_count; i++)
		if (f->groups[i].pending.requests > 0)
			charge_group(f, &f->groups[i]);
}
