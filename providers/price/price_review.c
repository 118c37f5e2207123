/* What time made of the prices that a config holds: those that have run out, or want a look. */
#include "providers/provider.h"

#include "harness/base/loop.h"

static const struct json *period_node(const struct json *node, size_t index)
{
	return json_is(node, JSON_ARRAY) ? json_at(node, index) : node;
}

void price_review(const struct provider_model *model, int64_t now_wall_ms,
                  struct fault_list *faults)
{
	const struct json *node = json_member(model->node, "price");
	size_t at = 0, last = 0;
	int64_t end = 0;
	bool later = false;

	if (node == NULL || node->type == JSON_NULL)
		return;
	for (const struct price *price = &model->price; price != NULL; price = price->next, at++) {
		if (price->until_wall_ms > end) {
			end = price->until_wall_ms;
			last = at;
		}
		later = later || price->from_wall_ms > now_wall_ms;
	}
	const struct price *now = price_at(&model->price, now_wall_ms);
	if (!now->known) {
		(void)fault_list_warn(faults, json_place(period_node(node, last)),
		                      later ? "no price holds now (one does later): what '%.*s' "
		                              "costs is unknown until then"
		                            : "this price has run out, and none follows: what "
		                              "'%.*s' costs is unknown",
		                      TEXT_ARG(model->name));
		return;
	}
	if (now->review_wall_ms == 0 || now_wall_ms < now->review_wall_ms)
		return;
	at = 0;
	for (const struct price *price = &model->price; price != now && price->next != NULL;
	     price = price->next)
		at++;
	const struct json *held = period_node(node, at);
	(void)fault_list_warn(faults, json_place(json_member(held, "review_by")),
	                      "the day by which to look at this price again is over; until then it "
	                      "is taken as it is");
}

/* The day of it. */
static struct text day_of(int64_t wall_ms, struct arena *arena)
{
	return text_slice(wall_format(arena, wall_ms, false), 0, sizeof("2026-11-28") - 1);
}

/* None holds: when the next one does, or when the last one did. */
static struct text gap_note(const struct price *prices, int64_t now_wall_ms, struct arena *arena)
{
	int64_t next = INT64_MAX, last = 0;

	for (const struct price *price = prices; price != NULL; price = price->next) {
		if (price->from_wall_ms > now_wall_ms)
			next = int64_min(next, price->from_wall_ms);
		else
			last = int64_max(last, price->until_wall_ms);
	}
	if (next != INT64_MAX)
		return text_format(
		    arena, "no price holds before %.*s: what it costs is unknown until then",
		    TEXT_ARG(day_of(next, arena)));
	/* Its last moment, not the first one without it. */
	return text_format(arena, "its price ran out on %.*s: what it costs is unknown",
	                   TEXT_ARG(day_of(last - 1, arena)));
}

struct text provider_price_note(const struct provider *provider, const struct provider_model *model,
                                int64_t now_wall_ms, struct arena *arena)
{
	const struct price *now = price_at(&model->price, now_wall_ms);

	if (!model->price.known)
		return provider->loopback ? (struct text){NULL, 0}
		                          : TEXT("no price is known: what it costs is unknown");
	if (!now->known)
		return gap_note(&model->price, now_wall_ms, arena);
	if (now->review_wall_ms == 0 || now_wall_ms < now->review_wall_ms)
		return (struct text){NULL, 0};
	return text_format(arena, "its price should have been looked at again by %.*s",
	                   TEXT_ARG(day_of(now->review_wall_ms - 1, arena)));
}
