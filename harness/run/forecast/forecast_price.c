/* What requests cost at each target, quickly where a price is plain and exactly in any case. */
#include "harness/run/forecast/forecast_private.h"

#include <stdlib.h>

void forecast_take_targets(struct forecast *f, const struct router *router)
{
	for (size_t i = 0; i < router_target_count(router); i++)
		f->targets[f->target_count++].target = router_target(router, i);
}

/* --- one request ------------------------------------------------------------------- */

static bool holds(const struct price_line *line, int64_t wall_ms, int64_t prompt_tokens)
{
	return wall_ms >= line->from_wall_ms && wall_ms < line->until_wall_ms &&
	       prompt_tokens >= line->prompt_from && prompt_tokens < line->prompt_until;
}

static const struct price_line *line_of(struct forecast_target *target, int64_t wall_ms,
                                        int64_t prompt_tokens)
{
	for (size_t i = 0; i < target->line_count; i++)
		if (holds(&target->lines[i], wall_ms, prompt_tokens))
			return &target->lines[i];
	struct price_line *line = &target->lines[target->next_line];
	target->next_line = (target->next_line + 1) % FORECAST_LINES;
	target->line_count = size_min(target->line_count + 1, FORECAST_LINES);
	price_line(&target->target->model->price, wall_ms, prompt_tokens, line);
	return line;
}

/* Where a price is no plain sum: as a reply's usage is priced, by the provider's own way to count
 * cached tokens. */
static int64_t price_fully(const struct target *target, const struct traffic_row *row,
                           int64_t wall_ms)
{
	const struct price *prices = &target->model->price;
	bool excludes = price_at(prices, wall_ms)->counts.prompt_excludes_cached;
	struct chat_usage usage = {
	    .present = true,
	    .input = excludes ? row->input_tokens - row->cached_tokens : row->input_tokens,
	    .output = row->output_tokens,
	    .total = -1,
	    .cached_input = row->cached_tokens,
	    .cache_write = -1,
	    .reasoning = -1,
	    .cost_pico_usd = -1,
	};
	int64_t cost = price_cost(prices, &usage, wall_ms).pico_usd;

	return cost == INT64_MAX ? -1 : cost;
}

void forecast_price_row(struct forecast *f, const struct traffic_row *row, int64_t price_wall_ms)
{
	int64_t plain = row->input_tokens - row->cached_tokens;

	for (size_t i = 0; i < f->target_count; i++) {
		struct forecast_target *target = &f->targets[i];
		const struct price_line *line = line_of(target, price_wall_ms, row->input_tokens);
		if (!line->known)
			target->cost = -1;
		else if (!line->exact)
			target->cost = price_fully(target->target, row, price_wall_ms);
		else /* at most 2 * 10^18: a billion tokens at a billion each, and again */
			target->cost = plain * line->input +
			               row->cached_tokens * line->cached_input +
			               row->output_tokens * line->output + line->per_request;
	}
}

/* --- when a decision may come out otherwise ------------------------------------------ */

void forecast_enter_epoch(struct forecast *f, int64_t price_wall_ms)
{
	struct price_line line;

	if (f->epoch > 0 && price_wall_ms >= f->epoch_from_ms && price_wall_ms < f->epoch_until_ms)
		return;
	f->epoch++;
	f->epoch_from_ms = INT64_MIN;
	f->epoch_until_ms = INT64_MAX;
	for (size_t i = 0; i < f->target_count; i++) {
		price_line(&f->targets[i].target->model->price, price_wall_ms, 0, &line);
		f->epoch_from_ms = int64_max(f->epoch_from_ms, line.from_wall_ms);
		f->epoch_until_ms = int64_min(f->epoch_until_ms, line.until_wall_ms);
	}
}

static int compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void add_tiers(struct forecast *f, const struct price_tier *tiers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		f->breaks[f->break_count++] = tiers[i].above - ROUTER_MESSAGE_TOKENS + 1;
}

static size_t count_tiers(const struct price *prices)
{
	size_t count = 0;

	for (; prices != NULL; prices = prices->next) {
		count += prices->tier_count;
		for (size_t i = 0; i < prices->window_count; i++)
			count += prices->windows[i].change.tier_count;
	}
	return count;
}

static void add_price_tiers(struct forecast *f, const struct price *prices)
{
	for (; prices != NULL; prices = prices->next) {
		add_tiers(f, prices->tiers, prices->tier_count);
		for (size_t i = 0; i < prices->window_count; i++)
			add_tiers(f, prices->windows[i].change.tiers,
			          prices->windows[i].change.tier_count);
	}
}

/* Prompt sizes by which tasks are recognised. */
static void add_tasks(struct forecast *f, const struct config *config)
{
	const struct config_task *tasks = config->tasks.items;

	for (size_t i = 0; i < config->tasks.count; i++) {
		const struct config_match *match = &tasks[i].match;
		f->breaks[f->break_count++] =
		    match->prompt_bytes_min / TRAFFIC_BYTES_PER_TOKEN +
		    (match->prompt_bytes_min % TRAFFIC_BYTES_PER_TOKEN != 0);
		f->breaks[f->break_count++] = match->prompt_bytes_max / TRAFFIC_BYTES_PER_TOKEN + 1;
	}
}

/* `long_context` begins where an upper bound of the prompt passes half of the context. */
static int64_t long_from(int64_t context)
{
	int64_t low = 0, high = context;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		if (price_estimate_tokens(middle * TRAFFIC_BYTES_PER_TOKEN) > context / 2)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void forecast_find_breaks(struct forecast *f)
{
	const struct config *own = router_config(f->setup.router);
	const struct config *other =
	    f->setup.against == NULL ? NULL : router_config(f->setup.against);
	size_t room = 2 * (own->tasks.count + (other == NULL ? 0 : other->tasks.count));

	for (size_t i = 0; i < f->target_count; i++)
		room += 2 + count_tiers(&f->targets[i].target->model->price);
	f->breaks = ARENA_NEW_ARRAY(f->arena, int64_t, room);
	for (size_t i = 0; i < f->target_count; i++) {
		const struct provider_model *model = f->targets[i].target->model;
		add_price_tiers(f, &model->price);
		if (model->context <= 0)
			continue;
		f->breaks[f->break_count++] = long_from(model->context);
		f->breaks[f->break_count++] = model->context + 1;
	}
	add_tasks(f, own);
	if (other != NULL)
		add_tasks(f, other);
	qsort(f->breaks, f->break_count, sizeof(*f->breaks), compare_int64);
}
