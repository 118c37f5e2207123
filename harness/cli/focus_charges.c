/*
 * Attempts as charges; see focus_charges.h. What an attempt cost is shared out over its parts to
 * the last 10^-12 USD: the charges of a day are what the ledger says of it.
 */
#include "harness/cli/focus_charges.h"

#include "harness/base/text_map.h"

#include <stdlib.h>

enum {
	KEY_MAX_BYTES = 64 << 10,
	WEIGHT_PLACES = 15, /* of a USD: below a pico-USD, so that whole ones are shared exactly */
	SHARE_BITS = 62,    /* of all weights together, to be multiplied with a cost */
	PERCENT_PLACES = 2,
	PRICE_PLACES = 30, /* of a unit price, at most */
};
static const int64_t DAY_MS = 86400000;

struct gathering {
	struct arena *arena;
	struct focus_charges *out;
	struct text_map charges;
	struct focus_charge *first, **last;
	struct text_buf key;
};

/* --- which charge --- */

/* As bytes: a million rows have three charges each. */
static void add_number(struct text_buf *key, uint64_t number)
{
	(void)text_buf_add(key, (struct text){(const char *)&number, sizeof(number)});
}

static void add_decimal(struct text_buf *key, struct decimal number)
{
	add_number(key, (uint64_t)(number.digits >> 64));
	add_number(key, (uint64_t)number.digits);
	add_number(key, (uint64_t)number.places);
}

/* False: a text is longer than any that a ledger of ours holds. */
static bool make_key(struct text_buf *key, const struct focus_charge *charge)
{
	const struct text values[] = {
	    charge->provider, charge->model,   charge->team,  charge->key,    charge->workflow,
	    charge->task,     charge->service, charge->above, charge->window, charge->region};

	text_buf_reset(key);
	add_number(key, (uint64_t)charge->day);
	add_number(key, charge->meter);
	add_decimal(key, charge->list_price);
	add_decimal(key, charge->price);
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		add_number(key, values[i].len);
		(void)text_buf_add(key, values[i]);
	}
	return !key->overflow;
}

static void keep_text(struct text *text, struct arena *arena)
{
	if (text->data != NULL)
		*text = text_copy(arena, *text);
}

static struct focus_charge *keep(const struct focus_charge *wanted, struct arena *arena)
{
	struct focus_charge *charge = ARENA_NEW(arena, struct focus_charge);
	*charge = *wanted;
	struct text *const texts[] = {
	    &charge->provider, &charge->model,   &charge->team,  &charge->key,    &charge->workflow,
	    &charge->task,     &charge->service, &charge->above, &charge->window, &charge->region};

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		keep_text(texts[i], arena);
	return charge;
}

/* NULL: there would be too many. */
static struct focus_charge *charge_of(struct gathering *g, const struct focus_charge *wanted,
                                      struct fault *fault)
{
	if (!make_key(&g->key, wanted)) {
		(void)fault_set(fault, FAULT_INPUT,
		                "the ledger holds a text that is longer than it writes any");
		return NULL;
	}
	struct focus_charge *charge = text_map_find(&g->charges, text_buf_view(&g->key));

	if (charge != NULL)
		return charge;
	if (g->charges.count == FOCUS_CHARGES_MAX) {
		(void)fault_set(fault, FAULT_INPUT,
		                "more than %d charges: want fewer days (--since, --until)",
		                FOCUS_CHARGES_MAX);
		return NULL;
	}
	charge = keep(wanted, g->arena);
	text_map_add(&g->charges, text_copy(g->arena, text_buf_view(&g->key)), charge);
	*g->last = charge;
	g->last = &charge->next;
	return charge;
}

/* --- how much of the cost --- */

/* What a part comes to, in 10^-15 USD; saturates. */
static decimal_digits weight_of(const struct price_part *part)
{
	struct decimal cost = part->price;

	if (!decimal_multiply(&cost, (uint64_t)part->quantity,
	                      part->meter == PRICE_METER_REQUEST ? 0 : 6))
		return (decimal_digits)1 << SHARE_BITS;
	decimal_round(&cost, WEIGHT_PLACES);
	for (; cost.places < WEIGHT_PLACES; cost.places++)
		if (__builtin_mul_overflow(cost.digits, (decimal_digits)10, &cost.digits))
			return (decimal_digits)1 << SHARE_BITS;
	return cost.digits;
}

/* The first part of which something was used. */
static size_t first_used(const struct price_parts *parts)
{
	size_t first = 0;

	while (first + 1 < parts->count && parts->parts[first].quantity == 0)
		first++;
	return first;
}

/* By the largest remainders; where all weights are 0 the first that was used takes all: a charge
 * for nothing is none that FOCUS has. */
static void share_out(int64_t pico_usd, const struct price_parts *parts,
                      int64_t shares[PRICE_METER_COUNT])
{
	decimal_digits weights[PRICE_METER_COUNT], rests[PRICE_METER_COUNT], all = 0;
	int64_t left = pico_usd;

	for (size_t i = 0; i < parts->count; i++) {
		weights[i] = weight_of(&parts->parts[i]);
		while (weights[i] >> SHARE_BITS != 0)
			weights[i] >>= 1;
		all += weights[i];
	}
	for (; all >> SHARE_BITS != 0;) {
		all = 0;
		for (size_t i = 0; i < parts->count; i++)
			all += weights[i] >>= 1;
	}
	for (size_t i = 0; i < parts->count; i++) {
		decimal_digits product = (decimal_digits)pico_usd * weights[i];
		shares[i] = all == 0 ? 0 : (int64_t)(product / all);
		rests[i] = all == 0 ? 0 : product % all;
		left -= shares[i];
	}
	while (left > 0) {
		size_t most = first_used(parts);
		for (size_t i = 0; i < parts->count; i++)
			if (rests[i] > rests[most])
				most = i;
		int64_t more = all == 0 ? left : 1;
		shares[most] += more;
		rests[most] = 0;
		left -= more;
	}
}

/* --- from a row --- */

static void add_count(int64_t *sum, int64_t value)
{
	if (value > 0 && *sum <= INT64_MAX - value)
		*sum += value;
}

static void count_attempt(struct focus_charge *charge, const struct ledger_row *row)
{
	charge->attempts++;
	charge->requests += row->attempt == 1;
	charge->estimated += text_is(row->cost_source, "estimated");
}

static struct focus_charge begin_charge(const struct ledger_row *row)
{
	size_t slash = text_find_byte(row->target, '/', 0);
	struct focus_charge charge = {
	    .day = row->started_wall_ms / DAY_MS - (row->started_wall_ms % DAY_MS < 0),
	    .provider = text_slice(row->target, 0, slash),
	    .team = row->team,
	    .key = row->key_id,
	    .workflow = row->workflow,
	    .task = row->task,
	};

	if (slash != TEXT_NOT_FOUND)
		charge.model = text_slice(row->target, slash + 1, row->target.len);
	return charge;
}

/* A token's price of that of a million, and with the percentage on top. */
static void set_prices(struct focus_charge *charge, const struct price_part *part,
                       struct decimal fee)
{
	decimal_digits over = 1;

	charge->list_price = part->price;
	if (part->meter != PRICE_METER_REQUEST && !decimal_multiply(&charge->list_price, 1, 6))
		charge->list_price = decimal_of(0, 0);
	decimal_round(&charge->list_price, PRICE_PLACES);
	charge->price = charge->list_price;
	for (int i = 0; i < fee.places + PERCENT_PLACES; i++)
		over *= 10;
	if (fee.digits > 0 && !decimal_multiply(&charge->price, (uint64_t)(over + fee.digits),
	                                        fee.places + PERCENT_PLACES))
		charge->price = charge->list_price;
	decimal_round(&charge->price, PRICE_PLACES);
}

static bool add_parts(struct gathering *g, const struct ledger_row *row,
                      const struct price_parts *parts, struct fault *fault)
{
	int64_t shares[PRICE_METER_COUNT];
	bool first = true;

	share_out(row->cost_pico_usd, parts, shares);
	for (size_t i = 0; i < parts->count; i++) {
		struct focus_charge wanted = begin_charge(row);
		if (parts->parts[i].quantity == 0 && shares[i] == 0)
			continue; /* nothing was used, and nothing is charged */
		wanted.meter = parts->parts[i].meter;
		wanted.service = parts->service;
		wanted.above = parts->above;
		wanted.window = parts->window;
		wanted.region = parts->region;
		set_prices(&wanted, &parts->parts[i], parts->fee);
		struct focus_charge *charge = charge_of(g, &wanted, fault);
		if (charge == NULL)
			return false;
		add_count(&charge->quantity, parts->parts[i].quantity);
		charge->billed += shares[i];
		if (first)
			count_attempt(charge, row);
		first = false;
	}
	return true;
}

static bool add_told(struct gathering *g, const struct ledger_row *row, struct fault *fault)
{
	struct focus_charge wanted = begin_charge(row);

	wanted.meter = FOCUS_METER_TOLD;
	wanted.list_price = wanted.price = decimal_of(1, 0);
	struct focus_charge *charge = charge_of(g, &wanted, fault);
	if (charge == NULL)
		return false;
	charge->quantity++;
	charge->billed += row->cost_pico_usd;
	add_count(&charge->prompt_tokens, row->prompt_tokens);
	add_count(&charge->completion_tokens, row->completion_tokens);
	count_attempt(charge, row);
	return true;
}

static bool add_row(void *context, const struct ledger_row *row, struct fault *fault)
{
	struct gathering *g = context;
	struct price_parts parts;

	if (row->cost_pico_usd < 0) {
		g->out->unpriced += row->prompt_tokens > 0 || row->completion_tokens > 0;
		return true;
	}
	bool known = row->cost_parts.data != NULL && price_parts_read(row->cost_parts, &parts);
	for (size_t i = 0; known && row->cost_pico_usd > 0 && i < parts.count; i++)
		if (parts.parts[i].quantity > 0)
			return add_parts(g, row, &parts, fault);
	if (known && row->cost_pico_usd == 0)
		return add_parts(g, row, &parts, fault);
	return add_told(g, row, fault);
}

/* --- all of them --- */

static int by_what_they_are(const void *a, const void *b)
{
	const struct focus_charge *x = a, *y = b;
	const struct text left[] = {x->provider, x->model,   x->team,  x->key,    x->workflow,
	                            x->task,     x->service, x->above, x->window, x->region};
	const struct text right[] = {y->provider, y->model,   y->team,  y->key,    y->workflow,
	                             y->task,     y->service, y->above, y->window, y->region};
	int order = (x->day > y->day) - (x->day < y->day);

	for (size_t i = 0; i < ARRAY_LENGTH(left) && order == 0; i++)
		order = text_compare(left[i], right[i]);
	if (order == 0)
		order = (x->meter > y->meter) - (x->meter < y->meter);
	if (order == 0) /* a price that changed within the day: the same each time is enough */
		order = (x->price.digits > y->price.digits) - (x->price.digits < y->price.digits);
	if (order == 0)
		order = (x->price.places > y->price.places) - (x->price.places < y->price.places);
	return order;
}

static bool each_of_ledger(const void *source, focus_row *row, void *context, struct fault *fault)
{
	return usage_each_charge(source, row, context, fault);
}

struct focus_source focus_of_ledger(const struct usage_query *query)
{
	return (struct focus_source){each_of_ledger, query};
}

bool focus_charges_read(const struct focus_source *source, struct arena *arena,
                        struct focus_charges *out, struct fault *fault)
{
	struct gathering g = {.arena = arena, .out = out};

	*out = (struct focus_charges){.count = 0};
	g.last = &g.first;
	text_map_init(&g.charges);
	text_buf_init(&g.key, KEY_MAX_BYTES);
	bool good = source->each(source->source, add_row, &g, fault);
	out->charges = ARENA_NEW_ARRAY(arena, struct focus_charge, g.charges.count + 1);
	for (const struct focus_charge *charge = g.first; charge != NULL; charge = charge->next)
		out->charges[out->count++] = *charge;
	qsort(out->charges, out->count, sizeof(*out->charges), by_what_they_are);
	text_map_done(&g.charges);
	text_buf_done(&g.key);
	return good;
}
