/* Prices as a run keeps them: what its config said then, so that a replay needs no config. */
#include "providers/provider_private.h"

struct json *price_keep(const struct price *prices, struct arena *arena)
{
	struct json *kept;

	if (prices == NULL || prices->node == NULL)
		return NULL;
	kept = json_new(arena, JSON_OBJECT);
	json_append_member(kept, TEXT("price"), json_clone(arena, prices->node));
	if (prices->region.data != NULL)
		json_append_member(kept, TEXT("region"), json_new_string(arena, prices->region));
	if (prices->counts.prompt_excludes_cached)
		json_append_member(kept, TEXT("prompt_excludes_cached"),
		                   json_new_bool(arena, true));
	if (prices->counts.completion_excludes_reasoning)
		json_append_member(kept, TEXT("completion_excludes_reasoning"),
		                   json_new_bool(arena, true));
	return kept;
}

bool price_recall(const struct json *kept, struct arena *arena, struct price *out,
                  struct fault *fault)
{
	const struct json *node = json_member(kept, "price");
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);

	*out = (struct price){.base = PRICE_RATES_NONE};
	if (node == NULL)
		return fault_at(fault, json_place(kept), "a price that was kept has no \"price\"");
	if (!price_read(node, (struct text){NULL, 0}, arena, out, faults)) {
		*fault = faults->items[0];
		return false;
	}
	for (struct price *period = out; period != NULL; period = period->next) {
		period->region = json_string(kept, "region");
		period->counts = (struct usage_convention){
		    .prompt_excludes_cached = json_truth(kept, "prompt_excludes_cached", false),
		    .completion_excludes_reasoning =
			json_truth(kept, "completion_excludes_reasoning", false),
		};
	}
	return true;
}
