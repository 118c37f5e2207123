/*
 * Prices as a config or the catalogue writes them: `price:` is one price, or a list of them with
 * the dates between which each holds. Mistakes are told at their place. That a price has run out
 * is no mistake here: price_review.c.
 */
#include "providers/price/price_private.h"
#include "providers/price/price_table.h"
#include "providers/provider_private.h"

#include "harness/base/json_hash.h"
#include "harness/base/loop.h"
#include "harness/base/yaml.h"

enum {
	DAY_MS = 86400000,
	MINUTE_MS = 60000,
	MINUTES_A_DAY = 1440,
	MINUTES_A_WEEK = 7 * MINUTES_A_DAY,
	FACTOR_MAX = 1000, /* keeps products within price_sum.c's width, and typing mistakes out */
	LIST_MAX = 64,     /* periods, tiers, windows, regions */
};

static const int64_t USD_PER_FACTOR = 1000000; /* pico-USD, as settings read decimals, to 10^-6 */

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static const struct price_rates NO_RATES = PRICE_RATES_NONE;

struct reading {
	struct arena *arena;
	struct fault_list *faults;
};

static bool wrong(const struct reading *r, const struct json *node, const char *message)
{
	(void)fault_list_at(r->faults, json_place(node), "%s", message);
	return false;
}

/* --- parts ------------------------------------------------------------------------- */

/* A decimal as settings read it, into millionths. */
static bool read_factor(const struct reading *r, const struct json *node, int64_t usd, int64_t *out)
{
	*out = usd / USD_PER_FACTOR;
	if (usd % USD_PER_FACTOR != 0)
		return wrong(r, node, "a factor has at most six decimal places");
	if (*out > (int64_t)FACTOR_MAX * PRICE_FACTOR_ONE)
		return wrong(r, node, "a factor is at most 1000");
	return true;
}

static bool read_factor_node(const struct reading *r, const struct json *node, int64_t *out)
{
	int64_t usd;

	if ((!json_is(node, JSON_STRING) && !json_is(node, JSON_NUMBER)) ||
	    !setting_parse_usd(node->text, &usd))
		return wrong(r, node, "want a factor as a decimal string, such as \"0.5\"");
	return read_factor(r, node, usd, out);
}

static bool list_fits(const struct reading *r, const struct json *node, enum json_type type,
                      const char *want)
{
	if (!json_is(node, type))
		return wrong(r, node, want);
	if (node->count <= LIST_MAX)
		return true;
	(void)fault_list_at(r->faults, json_place(node), "%u are too many: want at most %d",
	                    node->count, LIST_MAX);
	return false;
}

static bool has_rates(const struct price_rates *rates)
{
	return rates->input >= 0 || rates->cached_input >= 0 || rates->cache_write >= 0 ||
	       rates->cache_write_1h >= 0 || rates->output >= 0 || rates->reasoning >= 0;
}

static bool read_tiers(const struct reading *r, const struct json *node,
                       const struct price_tier **out, size_t *count)
{
	struct price_tier *tiers;
	size_t at = 0;
	bool good = true;

	*count = 0;
	if (node == NULL)
		return true;
	if (!list_fits(r, node, JSON_ARRAY, "context is a list of tiers"))
		return false;
	*out = tiers = ARENA_NEW_ARRAY(r->arena, struct price_tier, node->count);
	JSON_EACH(item, node)
	{
		struct price_tier_config config = {-1, -1, NO_RATES};
		if (!settings_read(&price_tier_table, item, &config, r->arena, r->faults)) {
			good = false;
			continue;
		}
		if ((config.above < 0) == (config.at_least < 0))
			good = wrong(r, item, "a context tier has either above or at_least");
		if (!has_rates(&config.rates))
			good = wrong(r, item, "a context tier without a price changes nothing");
		int64_t above = config.above >= 0 ? config.above : config.at_least - 1;
		if (at > 0 && above <= tiers[at - 1].above)
			good = wrong(r, item,
			             "context tiers overlap: want them from the shortest "
			             "prompt to the longest, each once");
		tiers[at++] = (struct price_tier){above, config.rates};
	}
	*count = at;
	return good;
}

static bool read_change(const struct reading *r, const struct json *node,
                        const struct price_change_config *config, struct price_change *out)
{
	*out = (struct price_change){.given = true, .factor = PRICE_FACTOR_ONE};
	out->rates = config->rates;
	out->own = has_rates(&config->rates) || config->context != NULL;
	bool good = read_tiers(r, config->context, &out->tiers, &out->tier_count);
	if (config->factor >= 0)
		good = read_factor(r, json_member(node, "factor"), config->factor, &out->factor) &&
		       good;
	else if (!out->own)
		good = wrong(r, node, "neither a factor nor a price: it changes nothing");
	return good;
}

static bool read_services(const struct reading *r, const struct json *node, struct price *price)
{
	bool good = true;

	if (node == NULL)
		return true;
	if (!json_is(node, JSON_OBJECT))
		return wrong(r, node, "service is a mapping: batch, flex, priority");
	JSON_EACH(member, node)
	{
		size_t service = CHAT_SERVICE_BATCH;
		while (service < CHAT_SERVICE_COUNT &&
		       !text_is(member->key, price_service_names[service]))
			service++;
		if (service == CHAT_SERVICE_COUNT) {
			(void)fault_list_at(r->faults, document_key_place(member),
			                    "there is no service tier '%.*s': want batch, flex or "
			                    "priority",
			                    TEXT_ARG(member->key));
			good = false;
			continue;
		}
		struct price_change_config config = {-1, NO_RATES, NULL, member};
		if (!json_is(member, JSON_OBJECT)) {
			struct price_change *change = &price->services[service];
			*change = (struct price_change){.given = true, .rates = NO_RATES};
			good = read_factor_node(r, member, &change->factor) && good;
		} else {
			good = settings_read(&price_change_table, member, &config, r->arena,
			                     r->faults) &&
			       read_change(r, member, &config, &price->services[service]) && good;
		}
	}
	return good;
}

static bool read_regions(const struct reading *r, const struct json *node, struct price *price)
{
	struct price_region *regions;
	bool good = true;

	if (node == NULL)
		return true;
	if (!list_fits(r, node, JSON_OBJECT, "regions is a mapping: NAME: \"1.1\""))
		return false;
	price->regions = regions = ARENA_NEW_ARRAY(r->arena, struct price_region, node->count);
	JSON_EACH(member, node)
	{
		struct price_region *region = &regions[price->region_count++];
		region->name = member->key;
		good = read_factor_node(r, member, &region->factor) && good;
	}
	return good;
}

/* --- windows ----------------------------------------------------------------------- */

/* "HH:MM", up to 24:00. */
static bool read_clock(const struct reading *r, const struct json *node, struct text view,
                       int64_t *out)
{
	int64_t hour, minute;

	if (view.len != 5 || view.data[2] != ':' ||
	    !text_to_int64(text_slice(view, 0, 2), 0, 24, &hour) ||
	    !text_to_int64(text_slice(view, 3, 5), 0, 59, &minute) || (hour == 24 && minute > 0))
		return wrong(r, node, "want a time of day in UTC as \"HH:MM\"");
	*out = (hour * 60 + minute) * MINUTE_MS;
	return true;
}

static bool day_of(struct text name, size_t *out)
{
	for (*out = 0; *out < ARRAY_LENGTH(day_names); ++*out)
		if (text_is(name, day_names[*out]))
			return true;
	return false;
}

static bool read_days(const struct text_list *list, unsigned *out)
{
	*out = list->count == 0 ? 0x7f : 0;
	for (size_t i = 0; i < list->count; i++) {
		struct text name = list->items[i];
		size_t dash = text_find_byte(name, '-', 0), first, last;
		bool range = dash != TEXT_NOT_FOUND;

		if (!day_of(range ? text_slice(name, 0, dash) : name, &first) ||
		    !day_of(range ? text_slice(name, dash + 1, name.len) : name, &last))
			return false;
		for (size_t day = first;; day = (day + 1) % 7) {
			*out |= 1u << day;
			if (day == last)
				break;
		}
	}
	return true;
}

static bool read_exceptions(const struct reading *r, const struct json *node,
                            const struct text_list *list, struct price_window *window)
{
	int64_t *days = ARENA_NEW_ARRAY(r->arena, int64_t, list->count);

	for (size_t i = 0; i < list->count; i++) {
		int64_t wall_ms;
		if (list->items[i].len != sizeof("2026-10-01") - 1 ||
		    !wall_parse(list->items[i], &wall_ms) || wall_ms < 0)
			return wrong(r, node, "except holds dates such as 2026-10-01");
		days[i] = wall_ms / DAY_MS;
	}
	window->except = days;
	window->except_count = list->count;
	return true;
}

/* Marks its minutes of the week; false where one of them is another's already. */
static bool mark_minutes(const struct price_window *window, bool taken[MINUTES_A_WEEK])
{
	size_t from = (size_t)(window->from_ms / MINUTE_MS);
	size_t until = (size_t)(window->until_ms / MINUTE_MS);
	size_t length = until > from ? until - from : until + MINUTES_A_DAY - from;
	bool free = true;

	for (size_t day = 0; day < 7; day++)
		for (size_t i = 0; (window->days >> day & 1) != 0 && i < length; i++) {
			bool *minute = &taken[(day * MINUTES_A_DAY + from + i) % MINUTES_A_WEEK];
			free = free && !*minute;
			*minute = true;
		}
	return free;
}

static bool read_window(const struct reading *r, const struct json *item,
                        struct price_window *window)
{
	struct price_window_config config = {.change = {.factor = -1, .rates = NO_RATES}};

	if (!settings_read(&price_window_table, item, &config, r->arena, r->faults))
		return false;
	bool good = read_change(r, item, &config.change, &window->change);
	good = read_clock(r, json_member(item, "from"), config.from, &window->from_ms) && good;
	good = read_clock(r, json_member(item, "until"), config.until, &window->until_ms) && good;
	good = read_exceptions(r, json_member(item, "except"), &config.except, window) && good;
	if (!read_days(&config.days, &window->days))
		good = wrong(r, json_member(item, "days"),
		             "days are mon, tue, wed, thu, fri, sat, sun, or mon-fri");
	return good;
}

static bool read_windows(const struct reading *r, const struct json *node, struct price *price)
{
	struct price_window *windows;
	bool good = true;

	if (node == NULL)
		return true;
	if (!list_fits(r, node, JSON_ARRAY, "windows is a list"))
		return false;
	bool *taken = ARENA_NEW_ARRAY(r->arena, bool, MINUTES_A_WEEK);
	price->windows = windows = ARENA_NEW_ARRAY(r->arena, struct price_window, node->count);
	JSON_EACH(item, node)
	{
		struct price_window *window = &windows[price->window_count];
		if (!read_window(r, item, window))
			good = false;
		else if (!mark_minutes(window, taken))
			good = wrong(r, item, "this window overlaps one before it");
		price->window_count++;
	}
	return good;
}

/*
 * Own prices of one thing do not say what another one makes of them: a factor says that, and so do
 * tiers of their own.
 */
static bool changes_agree(const struct reading *r, const struct price_period_config *config,
                          const struct price *price)
{
	bool own_service = false, own_window = false, good = true;

	for (size_t i = 0; i < CHAT_SERVICE_COUNT; i++) {
		const struct price_change *change = &price->services[i];
		own_service = own_service || change->own;
		if (change->own && price->tier_count > 0 && change->tier_count == 0)
			good =
			    wrong(r, json_member(config->service, price_service_names[i]),
			          "this has prices of its own, so it needs its own context tiers, "
			          "too (or a factor)");
	}
	for (size_t i = 0; i < price->window_count; i++) {
		const struct price_change *change = &price->windows[i].change;
		own_window = own_window || change->own;
		if (change->own && price->tier_count > 0 && change->tier_count == 0)
			good =
			    wrong(r, json_at(config->windows, i),
			          "this has prices of its own, so it needs its own context tiers, "
			          "too (or a factor)");
	}
	if (own_service && own_window)
		good = wrong(r, config->windows,
		             "service tiers and windows both have prices of their own, and nobody "
		             "says what both together cost: want a factor in one of them");
	return good;
}

/* --- periods ----------------------------------------------------------------------- */

/* `last_day`: a date alone means its end. */
static bool read_moment(const struct reading *r, const struct json *node, struct text view,
                        bool last_day, int64_t *out)
{
	if (view.data == NULL)
		return true;
	if (!wall_parse(view, out) || *out < 0)
		return wrong(r, node,
		             "want a date such as 2026-10-07, or a moment such as "
		             "2026-08-16T16:00:00Z");
	if (last_day && view.len == sizeof("2026-10-07") - 1)
		*out += DAY_MS;
	return true;
}

static struct text version_of(const struct reading *r, const struct json *node,
                              const struct price_period_config *config, struct text version)
{
	struct text base = config->reviewed.len > 0 ? config->reviewed : version;

	if (base.data == NULL) /* a config's: what it says is all there is to know it by */
		base = text_format(r->arena, "config-%08x", (unsigned)(json_hash(node) >> 32));
	return config->from.len == 0
	           ? base
	           : text_format(r->arena, "%.*s@%.*s", TEXT_ARG(base), TEXT_ARG(config->from));
}

static bool read_search(const struct reading *r, const struct json *node, struct price *out)
{
	struct price_search_config config = {-1, -1, -1};

	if (node == NULL)
		return true;
	if (!settings_read(&price_search_table, node, &config, r->arena, r->faults))
		return false;
	out->search_fees[CHAT_SEARCH_LOW] = config.low;
	out->search_fees[CHAT_SEARCH_MEDIUM] = config.medium;
	out->search_fees[CHAT_SEARCH_HIGH] = config.high;
	out->searches = config.low > 0 || config.medium > 0 || config.high > 0;
	if (!out->searches)
		return wrong(r, node, "want USD a request for low, medium or high");
	return true;
}

static bool read_fees(const struct reading *r, const struct json *node,
                      const struct price_period_config *config, struct price *out)
{
	int64_t percent;

	out->per_request = config->per_request;
	if (!read_search(r, config->search_context, out))
		return false;
	if (config->fee_percent < 0)
		return true;
	const struct json *fee = json_member(node, "fee_percent");
	if (config->fee_percent % (100 * USD_PER_FACTOR) != 0)
		return wrong(r, fee, "fee_percent has at most four decimal places");
	percent = config->fee_percent / (100 * USD_PER_FACTOR);
	if (percent > (int64_t)FACTOR_MAX * PRICE_FACTOR_ONE)
		return wrong(r, fee, "fee_percent is at most 100000");
	out->fee = percent;
	return true;
}

static bool read_period(const struct reading *r, const struct json *node, struct text version,
                        struct price *out)
{
	struct price_period_config config = {
	    .rates = NO_RATES, .per_request = -1, .fee_percent = -1};

	*out = (struct price){.base = NO_RATES};
	if (!settings_read(&price_period_table, node, &config, r->arena, r->faults))
		return false;
	out->base = config.rates;
	bool good = read_tiers(r, config.context, &out->tiers, &out->tier_count);
	good = read_services(r, config.service, out) && good;
	good = read_regions(r, config.regions, out) && good;
	good = read_windows(r, config.windows, out) && good;
	good = read_fees(r, node, &config, out) && good;
	good = read_moment(r, json_member(node, "from"), config.from, false, &out->from_wall_ms) &&
	       good;
	good =
	    read_moment(r, json_member(node, "until"), config.until, true, &out->until_wall_ms) &&
	    good;
	good = read_moment(r, json_member(node, "review_by"), config.review_by, true,
	                   &out->review_wall_ms) &&
	       good;
	if (good && out->until_wall_ms > 0 && out->until_wall_ms <= out->from_wall_ms)
		good = wrong(r, json_member(node, "until"), "until is before from: it never holds");
	good = good && changes_agree(r, &config, out);
	out->version = version_of(r, node, &config, version);
	out->known = good;
	return good;
}

static bool overlap(const struct price *a, const struct price *b)
{
	return (a->until_wall_ms == 0 || b->from_wall_ms < a->until_wall_ms) &&
	       (b->until_wall_ms == 0 || a->from_wall_ms < b->until_wall_ms);
}

static bool read_list(const struct reading *r, const struct json *node, struct text version,
                      struct price *out)
{
	struct price *periods = ARENA_NEW_ARRAY(r->arena, struct price, node->count);
	size_t count = 0;
	bool good = true;

	JSON_EACH(item, node)
	{
		struct price *period = &periods[count++];
		good = read_period(r, item, version, period) && good;
		for (size_t i = 0; i + 1 < count && period->known; i++) {
			unsigned line, column;
			if (!periods[i].known || !overlap(&periods[i], period))
				continue;
			place_line_column(json_place(json_at(node, i)), &line, &column);
			(void)fault_list_at(r->faults, json_place(item),
			                    "this price overlaps that of line %u: both hold at the "
			                    "same time",
			                    line);
			good = false;
		}
	}
	for (size_t i = 0; i + 1 < count; i++)
		periods[i].next = &periods[i + 1];
	*out = periods[0];
	out->node = node;
	return good;
}

bool price_read(const struct json *node, struct text version, struct arena *arena,
                struct price *out, struct fault_list *faults)
{
	struct reading r = {arena, faults};

	*out = (struct price){.base = NO_RATES};
	if (node == NULL)
		return true;
	if (!json_is(node, JSON_ARRAY)) {
		bool good = read_period(&r, node, version, out);
		out->node = node;
		return good;
	}
	if (!list_fits(&r, node, JSON_ARRAY, ""))
		return false;
	if (node->count == 0)
		return wrong(&r, node,
		             "a list of prices without a price; leave it out where none is "
		             "known");
	return read_list(&r, node, version, out);
}
