/*
 * What a config says of traffic beside who serves it: a route's reasons to fall back, when a second
 * target is asked beside the first, and who may say for whom a request is.
 */
#include "harness/run/config/config.h"

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

static const double HEDGE_SHARE = 0.05;

static void read_hedge(struct config_route *route, struct fault_list *faults)
{
	struct config_hedge *hedge = &route->hedge;
	const struct json *share = hedge->share_node;

	if (hedge->node == NULL || hedge->after.data == NULL)
		return; /* said already: it is required */
	hedge->share = HEDGE_SHARE;
	hedge->at_p95 = text_is(hedge->after, "p95");
	hedge->on = hedge->at_p95 ||
	            (setting_parse_duration(hedge->after, &hedge->after_ms) && hedge->after_ms > 0);
	if (!hedge->on)
		(void)fault_list_at(faults, json_place(json_member(hedge->node, "after")),
		                    "after is \"%.*s\"; want p95, or a time like 800ms",
		                    TEXT_ARG(hedge->after));
	if (share == NULL)
		return;
	if ((json_is(share, JSON_NUMBER) || json_is(share, JSON_STRING)) &&
	    text_to_double(share->text, &hedge->share) && hedge->share > 0 && hedge->share <= 1)
		return;
	hedge->on = false;
	(void)fault_list_at(faults, json_place(share),
	                    "share is no share; want a number above 0 and up to 1, like 0.05");
}

void config_read_traffic(struct config_route *route, struct fault_list *faults)
{
	read_hedge(route, faults);
	read_fallback_on(route, faults);
}

void config_read_trusted(struct config *config, struct fault_list *faults)
{
	struct config_proxy *proxy = &config->proxy;

	proxy->trusted =
	    ARENA_NEW_ARRAY(&config->arena, struct ip_range, proxy->trusted_names.count + 1);
	for (size_t i = 0; i < proxy->trusted_names.count; i++) {
		struct text name = proxy->trusted_names.items[i];
		if (ip_range_parse(name, &proxy->trusted[proxy->trusted_count]))
			proxy->trusted_count++;
		else
			(void)fault_list_at(faults,
			                    place_of_item(proxy->node, "trusted_proxies", i),
			                    "\"%.*s\" is no address; want one like 10.0.0.7, or a "
			                    "range like 10.0.0.0/8",
			                    TEXT_ARG(name));
	}
}
