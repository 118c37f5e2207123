/*
 * LiteLLM's model groups as routes: the deployments of a group, then those of its fallbacks. Where
 * the group's own deployments share the load, fallbacks have the weight 0: they come after all
 * others, in order.
 */
#include "harness/cli/import_config_private.h"

enum { WEIGHT_MAX = 1000000 };

#define REMARK(node, ...) importer_remark(&importing->importer, node, __VA_ARGS__)

static struct text shown(struct importing *importing, struct text view)
{
	return text_visible(importing->importer.arena, view, 60);
}

static struct import_route *find_group(const struct importing *importing, struct text group)
{
	for (size_t i = 0; i < importing->route_count; i++)
		if (text_equal(importing->routes[i].group, group))
			return &importing->routes[i];
	return NULL;
}

static bool add_target(struct import_route *route, size_t target)
{
	for (size_t i = 0; i < route->count; i++)
		if (route->targets[i] == target)
			return true;
	if (route->count == IMPORT_ROUTE_TARGETS_MAX)
		return false;
	route->targets[route->count++] = target;
	return true;
}

/* A target is asked for as provider/model, so a route's name holds no slash. */
static struct text route_name(struct importing *importing, const struct json *node,
                              struct text group)
{
	struct text_buf name;

	if (text_find_byte(group, '/', 0) == TEXT_NOT_FOUND)
		return group;
	text_buf_init(&name, group.len + 1);
	for (size_t i = 0; i < group.len; i++)
		(void)text_buf_byte(&name, group.data[i] == '/' ? '-' : group.data[i]);
	struct text made = text_copy(importing->importer.arena, text_buf_view(&name));
	text_buf_done(&name);
	REMARK(node, "a route's name holds no slash: clients ask for %.*s",
	       TEXT_ARG(shown(importing, made)));
	return made;
}

static struct import_route *new_route(struct importing *importing, const struct json *node,
                                      struct text group)
{
	struct import_route *route = &importing->routes[importing->route_count];
	struct text name = route_name(importing, node, group);

	for (size_t i = 0; i < importing->route_count; i++)
		if (text_equal(importing->routes[i].name, name)) {
			REMARK(node, "left out: there is a route %.*s already",
			       TEXT_ARG(shown(importing, name)));
			return NULL;
		}
	*route = (struct import_route){.name = name, .group = group};
	importing->route_count++;
	return route;
}

/* --- the groups' own deployments ----------------------------------------------------- */

static int64_t number_of(const struct json *params, const char *name)
{
	const struct json *node = json_member(params, name);
	int64_t value = 0;

	if (!json_node_integer(node, 0, INT64_MAX / 2, &value) && json_is(node, JSON_STRING) &&
	    !text_to_int64(node->text, 0, INT64_MAX / 2, &value))
		value = 0;
	return value;
}

/* As LiteLLM's simple-shuffle: by weight, else rpm, else tpm, whichever the first one has. */
static const char *weighed_by(const struct json *params)
{
	static const char *const names[] = {"weight", "rpm", "tpm"};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (number_of(params, names[i]) > 0)
			return names[i];
	return NULL;
}

static void weigh(struct importing *importing, struct import_route *route,
                  const struct import_deployment *const *own, size_t count)
{
	const char *by = weighed_by(own[0]->params);
	int64_t largest = 1;

	route->weights = ARENA_NEW_ARRAY(importing->importer.arena, int64_t, count);
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;
		while (route->targets[at] != own[i]->target)
			at++;
		int64_t weight = by == NULL ? 1 : number_of(own[i]->params, by);
		if (route->weights[at] <= INT64_MAX / 2 - weight)
			route->weights[at] += weight;
		largest = int64_max(largest, route->weights[at]);
	}
	int64_t divisor = (largest + WEIGHT_MAX - 1) / WEIGHT_MAX;
	for (size_t i = 0; i < route->own; i++)
		if (route->weights[i] > 0)
			route->weights[i] = int64_max(route->weights[i] / divisor, 1);
}

/* `order`: the smallest first. There may be many that say none, and they stay as they are. */
static void sort_by_order(const struct import_deployment **own, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const struct import_deployment *one = own[i];
		size_t at = i;
		for (; at > 0 && own[at - 1]->order > one->order; at--)
			own[at] = own[at - 1];
		own[at] = one;
	}
}

static void fill_group(struct importing *importing, struct import_route *route)
{
	struct arena *arena = importing->importer.arena;
	const struct import_deployment **own =
	    ARENA_NEW_ARRAY(arena, const struct import_deployment *, IMPORT_ROUTE_TARGETS_MAX);
	size_t count = 0;

	for (size_t i = 0; i < importing->deployment_count; i++) {
		const struct import_deployment *deployment = &importing->deployments[i];
		if (!text_equal(deployment->group, route->group))
			continue;
		if (count == IMPORT_ROUTE_TARGETS_MAX) {
			REMARK(deployment->node, "left out: more than %d deployments of one name",
			       IMPORT_ROUTE_TARGETS_MAX);
			break;
		}
		own[count++] = deployment;
	}
	sort_by_order(own, count);
	route->targets = ARENA_NEW_ARRAY(arena, size_t, IMPORT_ROUTE_TARGETS_MAX);
	for (size_t i = 0; i < count; i++)
		(void)add_target(route, own[i]->target);
	route->own = route->count;
	if (own[0]->order == INT64_MAX)
		weigh(importing, route, own, count);
}

/* --- fallbacks ------------------------------------------------------------------------ */

static void add_fallback(struct importing *importing, struct import_route *route,
                         const struct json *node)
{
	const struct import_route *other =
	    json_is(node, JSON_STRING) ? find_group(importing, node->text) : NULL;

	if (other == NULL) {
		REMARK(node, "fallback left out: no model_name of that name");
		return;
	}
	for (size_t i = 0; i < other->own; i++)
		if (!add_target(route, other->targets[i])) {
			REMARK(node, "fallbacks left out: more than %d targets",
			       IMPORT_ROUTE_TARGETS_MAX);
			return;
		}
}

static void add_fallbacks(struct importing *importing, struct import_route *route,
                          const struct json *names)
{
	if (!json_is(names, JSON_ARRAY))
		add_fallback(importing, route, names);
	else
		JSON_EACH(name, names)
	add_fallback(importing, route, name);
}

/* [{group: [other, ...]}, ...]; "*" is every group. */
static void read_fallbacks(struct importing *importing, const char *setting)
{
	const struct json *list = import_setting(importing, setting);
	bool filter = strcmp(setting, "content_policy_fallbacks") == 0;

	if (list == NULL || list->type == JSON_NULL)
		return;
	if (strcmp(setting, "context_window_fallbacks") == 0)
		REMARK(list, "context_window_fallbacks: taken as fallbacks");
	JSON_EACH(item, list)
	JSON_EACH(entry, item)
	{
		bool found = false;
		for (size_t i = 0; i < importing->route_count; i++) {
			struct import_route *route = &importing->routes[i];
			if (!text_is(entry->key, "*") && !text_equal(route->group, entry->key))
				continue;
			found = true;
			add_fallbacks(importing, route, entry);
			route->filter_falls_back = route->filter_falls_back || filter;
		}
		if (!found)
			REMARK(entry, "fallbacks left out: no model_name of that name");
	}
	if (!json_is(list, JSON_ARRAY))
		REMARK(list, "not carried over: %s is no list", setting);
}

static void read_defaults(struct importing *importing)
{
	const struct json *list = import_setting(importing, "default_fallbacks");

	if (list == NULL || list->type == JSON_NULL)
		return;
	for (size_t i = 0; i < importing->route_count; i++)
		add_fallbacks(importing, &importing->routes[i], list);
}

/* {alias: group} or {alias: {model: group}} */
static void read_aliases(struct importing *importing)
{
	const struct json *aliases = json_member(importing->router, "model_group_alias");
	size_t groups = importing->route_count;

	JSON_EACH(alias, aliases)
	{
		struct text group = json_is(alias, JSON_OBJECT)   ? json_string(alias, "model")
		                    : json_is(alias, JSON_STRING) ? alias->text
		                                                  : (struct text){NULL, 0};
		const struct import_route *of = NULL;
		for (size_t i = 0; i < groups && of == NULL; i++)
			if (text_equal(importing->routes[i].group, group))
				of = &importing->routes[i];
		if (of == NULL || alias->key.len == 0) {
			REMARK(alias, "alias left out: no model_name of that name");
			continue;
		}
		struct import_route *made = new_route(importing, alias, alias->key);
		if (made == NULL)
			continue;
		struct text name = made->name;
		*made = *of;
		made->name = name;
		made->group = alias->key;
	}
}

void import_routes(struct importing *importing)
{
	const struct json *aliases = json_member(importing->router, "model_group_alias");
	size_t room = importing->deployment_count + (aliases == NULL ? 0 : aliases->count);

	importing->routes =
	    ARENA_NEW_ARRAY(importing->importer.arena, struct import_route, room + 1);
	for (size_t i = 0; i < importing->deployment_count; i++) {
		const struct import_deployment *deployment = &importing->deployments[i];
		if (find_group(importing, deployment->group) != NULL)
			continue;
		struct import_route *route =
		    new_route(importing, deployment->node, deployment->group);
		if (route != NULL)
			fill_group(importing, route);
	}
	read_fallbacks(importing, "fallbacks");
	read_fallbacks(importing, "context_window_fallbacks");
	read_fallbacks(importing, "content_policy_fallbacks");
	read_defaults(importing);
	read_aliases(importing);
}
