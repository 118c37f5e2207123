/* What a route says of its traffic beside who serves it: reasons to fall back. */
#include "harness/run/config.h"

static struct place place_of_item(const struct json *node, const char *name, size_t at)
{
	const struct json *list = json_member(node, name);

	return json_place(json_is(list, JSON_ARRAY) ? json_at(list, at) : list);
}

static void read_fallback_on(struct config_route *route, struct fault_list *faults)
{
	static const char *const known[] = {"content_filter"};

	for (size_t i = 0; i < route->fallback_names.count; i++) {
		struct text name = route->fallback_names.items[i];
		if (text_is(name, known[0])) {
			route->filter_falls_back = true;
			continue;
		}
		(void)fault_list_at(faults, place_of_item(route->node, "fallback_on", i),
		                    "no reason to fall back \"%.*s\"; there is content_filter, and "
		                    "failures fall back by themselves",
		                    TEXT_ARG(name));
	}
}

void config_read_traffic(struct config_route *route, struct fault_list *faults)
{
	read_fallback_on(route, faults);
}
