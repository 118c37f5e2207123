/*
 * What no table can see: whether sections fit together, whether dates, patterns and shares
 * are what they should be. Reads on after each mistake.
 */
#include "harness/run/config/config.h"

#include "cases/feature.h"
#include "harness/base/loop.h"
#include "harness/base/regex.h"
#include "harness/run/runner/plan.h"
#include "providers/secret/secret.h"

#include <math.h>

enum { WEIGHT_MAX = 1000000, PORT_MAX = 65535 };

struct checker {
	struct config *config;
	struct arena *arena;
	struct fault_list *faults;
};

/* The member's place, or the whole's where it is missing. */
static struct place place_of(const struct json *node, const char *name)
{
	const struct json *member = json_member(node, name);

	return json_place(member == NULL ? node : member);
}

/* "no task "reveiw" (did you mean 'review'?)"; of few it says which there are. */
static void complain_unknown(struct checker *c, struct place place, const char *what,
                             struct text name, const char *const *known, size_t count)
{
	enum { FEW = 8 };
	const char *nearest = text_nearest(name, known, count);
	const char *words = count == 0 ? "; there is none here" : count > FEW ? "" : "; there is ";

	if (nearest != NULL)
		words = text_format(c->arena, " (did you mean '%s'?)", nearest).data;
	for (size_t i = 0; nearest == NULL && count <= FEW && i < count; i++)
		words = text_format(c->arena, "%s%s%s", words, i == 0 ? "" : ", ", known[i]).data;
	(void)fault_list_at(c->faults, place, "no %s \"%.*s\"%s", what, TEXT_ARG(name), words);
}

/* A decimal from 0 to 1, as number or string; *out stays where there is none. */
static void read_share(struct checker *c, const struct json *node, const char *name, double *out)
{
	double value;

	if (node == NULL)
		return;
	if ((json_is(node, JSON_NUMBER) || json_is(node, JSON_STRING)) &&
	    text_to_double(node->text, &value) && value >= 0 && value <= 1)
		*out = value;
	else
		(void)fault_list_at(c->faults, json_place(node),
		                    "%s is no share; want a number from 0 to 1 like 0.8", name);
}

/* --- names of other sections; a name without data was not given --- */

/* A provider whose own settings are wrong is not read: what is wrong there is said once, there. */
static bool is_written(const struct checker *c, struct text provider)
{
	return json_member_text(c->config->providers_node, provider) != NULL;
}

/* Where the config lists a provider's models, another one is most often a misspelt one. */
static void warn_of_unlisted(struct checker *c, const struct target *target, struct place place)
{
	const struct provider *provider = target->provider;
	const char **known = ARENA_NEW_ARRAY(c->arena, const char *, provider->model_count + 1);

	if (json_member(provider->node, "models") == NULL ||
	    provider_model_find(provider, target->model->name) != NULL)
		return;
	for (size_t i = 0; i < provider->model_count; i++)
		known[i] = text_c(c->arena, provider->models[i].name);
	const char *near = text_nearest(target->model->name, known, provider->model_count);
	(void)fault_list_warn(
	    c->faults, place,
	    "%.*s is not among the models of %.*s here: its price and context are unknown%s%s%s",
	    TEXT_ARG(target->model->name), TEXT_ARG(provider->name),
	    near == NULL ? "" : " (did you mean ", near == NULL ? "" : near,
	    near == NULL ? "" : "?)");
}

static void check_target(struct checker *c, struct text name, struct place place)
{
	struct target target;
	struct fault fault;
	size_t slash = text_find_byte(name, '/', 0);

	if (name.data == NULL)
		return;
	if (target_find(&c->config->providers, name, c->arena, &target, &fault)) {
		warn_of_unlisted(c, &target, place);
		return;
	}
	/* Of a provider that is read the fault is the model's name. */
	struct text provider = text_slice(name, 0, slash);
	if (slash == TEXT_NOT_FOUND || !is_written(c, provider) ||
	    provider_find(&c->config->providers, provider) != NULL)
		(void)fault_list_at(c->faults, place, "%s", fault.message);
}

static void check_provider(struct checker *c, struct text name, struct place place)
{
	const struct provider_set *set = &c->config->providers;

	if (name.data == NULL || provider_find(set, name) != NULL || is_written(c, name))
		return;
	const char **known = ARENA_NEW_ARRAY(c->arena, const char *, set->count);
	for (size_t i = 0; i < set->count; i++)
		known[i] = text_c(c->arena, set->items[i].name);
	complain_unknown(c, place, "provider", name, known, set->count);
}

static void check_task_name(struct checker *c, struct text name, struct place place)
{
	const struct config_task *tasks = c->config->tasks.items;
	size_t count = c->config->tasks.count;

	if (name.data == NULL)
		return;
	const char **known = ARENA_NEW_ARRAY(c->arena, const char *, count);
	for (size_t i = 0; i < count; i++) {
		if (text_equal(tasks[i].name, name))
			return;
		known[i] = text_c(c->arena, tasks[i].name);
	}
	complain_unknown(c, place, "task", name, known, count);
}

/* --- check and policy --- */

static void check_profile(struct checker *c)
{
	const struct config_check *check = &c->config->check;
	size_t count = 0;

	if (check->profile.data == NULL)
		return;
	for (; plan_profiles[count] != NULL; count++)
		if (text_is(check->profile, plan_profiles[count]))
			return;
	complain_unknown(c, place_of(check->node, "profile"), "profile", check->profile,
	                 plan_profiles, count);
}

static void check_waiver(struct checker *c, struct config_waiver *waiver)
{
	const int64_t day_ms = (int64_t)24 * 60 * 60 * 1000;

	check_target(c, waiver->target, place_of(waiver->node, "target"));
	if (waiver->until.data == NULL)
		return;
	/* A date alone: a waiver ends with a day, and whose noon it is must not matter. */
	if (waiver->until.len == sizeof("2026-12-31") - 1 &&
	    wall_parse(waiver->until, &waiver->until_wall_ms))
		waiver->until_wall_ms += day_ms - 1;
	else
		(void)fault_list_at(c->faults, place_of(waiver->node, "until"),
		                    "until is \"%.*s\"; want a date like 2026-12-31",
		                    TEXT_ARG(waiver->until));
}

/* --- models --- */

/* What a model is said to support; the catalogue's own models are tested, not checked here. */
static void check_features(struct checker *c, const struct provider_model *model)
{
	const struct json *node = json_member(model->node, "features");
	size_t known = 0;

	while (feature_names[known] != NULL)
		known++;
	for (size_t i = 0; i < model->features.count; i++) {
		const struct json *item = json_is(node, JSON_ARRAY) ? json_at(node, i) : node;
		if (feature_of_claim(model->features.items[i]).data == NULL)
			complain_unknown(c, json_place(item), "feature", model->features.items[i],
			                 feature_names, known);
	}
}

static void check_models(struct checker *c, const struct provider *provider)
{
	for (size_t i = 0; i < provider->model_count; i++)
		check_features(c, &provider->models[i]);
}

/* --- tasks --- */

static void read_headers(struct checker *c, struct config_match *match)
{
	const struct json *node = match->header_node;

	if (node == NULL)
		return;
	if (!json_is(node, JSON_OBJECT)) {
		(void)fault_list_at(c->faults, json_place(node),
		                    "header is %s; want an object of names and values",
		                    json_type_name(node));
		return;
	}
	match->headers = ARENA_NEW_ARRAY(c->arena, struct config_header, node->count);
	JSON_EACH(header, node)
	{
		if (!json_is(header, JSON_STRING))
			(void)fault_list_at(c->faults, json_place(header),
			                    "the value of %.*s is %s; want a string",
			                    TEXT_ARG(header->key), json_type_name(header));
		else
			match->headers[match->header_count++] =
			    (struct config_header){header->key, header->text};
	}
}

static void check_match(struct checker *c, struct config_match *match)
{
	struct regex *regex;
	struct fault fault;

	if (match->node == NULL)
		return; /* said already: it is required */
	read_headers(c, match);
	if (match->prompt.data != NULL) {
		if (regex_new(match->prompt, 0, place_of(match->node, "prompt"), &regex, &fault))
			regex_free(regex);
		else
			(void)fault_list_add(c->faults, &fault);
	}
	if (match->prompt_bytes_max != 0 && match->prompt_bytes_max < match->prompt_bytes_min)
		(void)fault_list_at(c->faults, place_of(match->node, "prompt_bytes"),
		                    "no prompt has at least %lld and at most %lld bytes",
		                    (long long)match->prompt_bytes_min,
		                    (long long)match->prompt_bytes_max);
	if (match->node->count == 0)
		(void)fault_list_at(c->faults, json_place(match->node),
		                    "an empty match would take every request");
}

static void check_task(struct checker *c, struct config_task *task)
{
	const struct config_task *tasks = c->config->tasks.items;

	check_match(c, &task->match);
	for (const struct config_task *other = tasks; other < task; other++)
		if (task->name.data != NULL && text_equal(other->name, task->name))
			(void)fault_list_at(c->faults, place_of(task->node, "name"),
			                    "there are two tasks named %.*s", TEXT_ARG(task->name));
}

/* --- routes --- */

/* One task's row: see config_route_task. */
static const struct setting route_task_rows[] = {
    {.name = "strategy",
     .type = SETTING_ENUM,
     .offset = offsetof(struct config_route_task, strategy),
     .names = config_strategy_names},
    {.name = "min_quality",
     .type = SETTING_NODE,
     .offset = offsetof(struct config_route_task, min_quality_node)},
};
static const struct setting_table route_task_table = {
    .what = "task of a route",
    .rows = route_task_rows,
    .count = ARRAY_LENGTH(route_task_rows),
    .node_offset = offsetof(struct config_route_task, node) + 1,
};

static void read_by_task(struct checker *c, struct config_route *route)
{
	const struct json *node = route->by_task_node;

	if (node == NULL)
		return;
	if (!json_is(node, JSON_OBJECT)) {
		(void)fault_list_at(c->faults, json_place(node),
		                    "by_task is %s; want an object of tasks", json_type_name(node));
		return;
	}
	route->by_task = ARENA_NEW_ARRAY(c->arena, struct config_route_task, node->count);
	JSON_EACH(task, node)
	{
		struct config_route_task *to = &route->by_task[route->by_task_count++];
		*to = (struct config_route_task){.task = task->key,
		                                 .strategy = route->strategy,
		                                 .min_quality = route->min_quality};
		check_task_name(c, task->key, json_place(task));
		if (settings_read(&route_task_table, task, to, c->arena, c->faults))
			read_share(c, to->min_quality_node, "min_quality", &to->min_quality);
	}
}

static size_t target_index(const struct config_route *route, struct text name)
{
	size_t at = 0;

	while (at < route->targets.count && !text_equal(route->targets.items[at], name))
		at++;
	return at;
}

static void read_weights(struct checker *c, struct config_route *route)
{
	const struct json *node = route->weights_node;

	route->weights = ARENA_NEW_ARRAY(c->arena, int64_t, route->targets.count);
	for (size_t i = 0; i < route->targets.count; i++)
		route->weights[i] = 1;
	if (node == NULL)
		return;
	if (!json_is(node, JSON_OBJECT)) {
		(void)fault_list_at(c->faults, json_place(node),
		                    "weights is %s; want an object of targets",
		                    json_type_name(node));
		return;
	}
	JSON_EACH(weight, node)
	{
		size_t at = target_index(route, weight->key);
		if (at == route->targets.count)
			(void)fault_list_at(c->faults, json_place(weight),
			                    "%.*s is no target of this route",
			                    TEXT_ARG(weight->key));
		else if (!json_node_integer(weight, 0, WEIGHT_MAX, &route->weights[at]))
			(void)fault_list_at(c->faults, json_place(weight),
			                    "a weight is a whole number from 0 to %d", WEIGHT_MAX);
	}
	for (size_t i = 0; i < route->targets.count; i++)
		if (route->weights[i] > 0)
			return;
	if (route->targets.count > 0)
		(void)fault_list_at(c->faults, json_place(node),
		                    "all weights are 0: nobody would be asked first");
}

/* One shape: features that there are; which endpoint it is for is one of them (default chat). */
static void read_shape(struct checker *c, const struct json *node, struct config_shape *out)
{
	size_t known = 0;

	*out = (struct config_shape){.node = node};
	if (!json_is(node, JSON_ARRAY) || node->count == 0) {
		(void)fault_list_at(c->faults, json_place(node),
		                    "a shape is %s; want a list of features like [chat, stream]",
		                    json_is(node, JSON_ARRAY) ? "empty" : json_type_name(node));
		return;
	}
	while (feature_names[known] != NULL)
		known++;
	out->features.items = ARENA_NEW_ARRAY(c->arena, struct text, node->count);
	JSON_EACH(item, node)
	{
		if (!json_is(item, JSON_STRING))
			(void)fault_list_at(c->faults, json_place(item),
			                    "a feature is %s; want its name", json_type_name(item));
		else if (!feature_is_known(item->text))
			complain_unknown(c, json_place(item), "feature", item->text, feature_names,
			                 known);
		else
			out->features.items[out->features.count++] = item->text;
	}
}

static void read_repairs(struct checker *c, struct config_route *route)
{
	const struct json *node = json_member(route->node, "repairs");
	const char *known[REPAIR_COUNT];
	enum repair repair;

	for (int i = 0; i < REPAIR_COUNT; i++)
		known[i] = repair_name((enum repair)i);
	for (size_t i = 0; i < route->repair_names.count; i++) {
		if (repair_from_name(route->repair_names.items[i], &repair))
			route->repairs |= REPAIR_BIT(repair);
		else
			complain_unknown(c, json_place(json_at(node, i)), "repair",
			                 route->repair_names.items[i], known, REPAIR_COUNT);
	}
}

static void read_shapes(struct checker *c, struct config_route *route)
{
	const struct json *node = route->shapes_node;

	if (node == NULL)
		return;
	if (!json_is(node, JSON_ARRAY) || node->count == 0) {
		(void)fault_list_at(c->faults, json_place(node),
		                    "shapes is %s; want a list of shapes like [[chat], [chat, "
		                    "stream, tools]]",
		                    json_is(node, JSON_ARRAY) ? "empty" : json_type_name(node));
		return;
	}
	route->shapes = ARENA_NEW_ARRAY(c->arena, struct config_shape, node->count);
	JSON_EACH(shape, node)
	read_shape(c, shape, &route->shapes[route->shape_count++]);
}

static void check_route(struct checker *c, struct config_route *route)
{
	const struct json *targets = json_member(route->node, "targets");

	/* A target is named provider/model: a route that looks like one would hide it. */
	if (text_find_byte(route->name, '/', 0) != TEXT_NOT_FOUND || route->name.len == 0)
		(void)fault_list_at(c->faults, json_place(route->node),
		                    "a route's name is not empty and holds no slash");
	for (size_t i = 0; i < route->targets.count; i++) {
		const struct json *item =
		    json_is(targets, JSON_ARRAY) ? json_at(targets, i) : targets;
		check_target(c, route->targets.items[i], json_place(item));
		if (target_index(route, route->targets.items[i]) < i)
			(void)fault_list_at(c->faults, json_place(item), "%.*s stands twice",
			                    TEXT_ARG(route->targets.items[i]));
	}
	if (json_is(targets, JSON_ARRAY) && targets->count == 0)
		(void)fault_list_at(c->faults, json_place(targets),
		                    "a route without targets leads nowhere");
	if (route->targets.count > 0 && route->min_targets > (int64_t)route->targets.count)
		(void)fault_list_at(c->faults, place_of(route->node, "min_targets"),
		                    "min_targets is %lld, and there are %zu targets",
		                    (long long)route->min_targets, route->targets.count);
	route->min_quality = (double)NAN;
	read_share(c, route->min_quality_node, "min_quality", &route->min_quality);
	read_by_task(c, route);
	read_weights(c, route);
	read_shapes(c, route);
	read_repairs(c, route);
	config_read_traffic(route, c->faults);
}

/* --- budgets, keys, proxy --- */

static void check_budget(struct checker *c, struct config_budget *budget)
{
	const struct config_scope *scope = &budget->scope;

	budget->soft = (double)NAN;
	read_share(c, budget->soft_node, "soft", &budget->soft);
	if (scope->node == NULL)
		return; /* said already */
	if (scope->node->count == 0)
		(void)fault_list_at(
		    c->faults, json_place(scope->node),
		    "a scope names a key, team, workflow, task, provider or target");
	/* Which of two limits holds, nobody could tell. */
	for (const struct config_budget *other = c->config->budgets.items; other < budget; other++)
		if (scope->node->count > 0 && other->scope.node != NULL &&
		    other->per == budget->per && config_scope_same(&other->scope, scope))
			(void)fault_list_at(c->faults, json_place(scope->node),
			                    "there are two budgets of this scope and period");
	check_task_name(c, scope->task, place_of(scope->node, "task"));
	check_provider(c, scope->provider, place_of(scope->node, "provider"));
	check_target(c, scope->target, place_of(scope->node, "target"));
}

static void check_pepper(struct checker *c)
{
	const struct config_keys *keys = &c->config->keys;
	struct fault fault;

	if (keys->pepper.data == NULL ||
	    secret_check_reference(keys->pepper, place_of(keys->node, "pepper"), &fault))
		return;
	/* What stands there may be the pepper itself, and a secret is never shown. */
	memset(fault.excerpt, 0, sizeof(fault.excerpt));
	(void)fault_list_add(c->faults, &fault);
}

/* A file or folder without a name: whoever opens it would only say that it is not there. */
static void check_paths(struct checker *c)
{
	const struct config *config = c->config;
	const struct {
		struct text path;
		const struct json *node;
		const char *name;
	} paths[] = {
	    {config->ledger.path, config->ledger.node, "path"},
	    {config->keys.store, config->keys.node, "store"},
	    {config->proxy.live.path, json_member(config->proxy.node, "live"), "path"},
	    {config->proxy.probes.runs, json_member(config->proxy.node, "probes"), "runs"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
		if (paths[i].path.data != NULL && paths[i].path.len == 0)
			(void)fault_list_at(c->faults, place_of(paths[i].node, paths[i].name),
			                    "%s is empty; want a path, or leave it out",
			                    paths[i].name);
}

/* ADDRESS:PORT, an IPv6 address in brackets. */
static void check_listen(struct checker *c)
{
	const struct config_proxy *proxy = &c->config->proxy;
	size_t colon = TEXT_NOT_FOUND;
	int64_t port;

	for (size_t at = 0; (at = text_find_byte(proxy->listen, ':', at)) != TEXT_NOT_FOUND; at++)
		colon = at;
	struct text address = text_slice(proxy->listen, 0, colon);
	bool bracketed = text_starts(address, TEXT("[")) && text_ends(address, TEXT("]"));
	if (colon != TEXT_NOT_FOUND && colon > 0 &&
	    (bracketed || text_find_byte(address, ':', 0) == TEXT_NOT_FOUND) &&
	    text_to_int64(text_slice(proxy->listen, colon + 1, proxy->listen.len), 0, PORT_MAX,
	                  &port))
		return;
	(void)fault_list_at(c->faults, place_of(proxy->node, "listen"),
	                    "listen is \"%.*s\"; want ADDRESS:PORT like 127.0.0.1:4000",
	                    TEXT_ARG(proxy->listen));
}

const char *const config_alert_events[CONFIG_ALERT_EVENTS] = {
    "budget.soft",     "budget.hard",    "target.quarantined",
    "target.released", "breaker.opened", "matrix.stale",
};

/* An alert says what is wrong here: it leaves this machine over TLS alone, and signed. */
static void check_alerts(struct checker *c)
{
	static const char *const plain[] = {"http://127.0.0.1:", "http://127.0.0.1/",
	                                    "http://localhost:", "http://localhost/",
	                                    "http://[::1]:",     "http://[::1]/"};
	const struct config_alerts *alerts = &c->config->alerts;
	const struct json *events = json_member(alerts->node, "events");
	bool good = text_starts(alerts->webhook, TEXT("https://"));

	if (alerts->webhook.data == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(plain); i++)
		good = good || text_starts(alerts->webhook, text_of(plain[i]));
	if (!good)
		(void)fault_list_at(c->faults, place_of(alerts->node, "webhook"),
		                    "webhook must begin with https:// (http:// on this machine)");
	if (alerts->secret.data == NULL)
		(void)fault_list_at(c->faults, place_of(alerts->node, "webhook"),
		                    "alerts are signed: give secret, like env:PROVISO_ALERTS");
	for (size_t i = 0; i < alerts->events.count; i++) {
		size_t at = 0;
		while (at < CONFIG_ALERT_EVENTS &&
		       !text_is(alerts->events.items[i], config_alert_events[at]))
			at++;
		if (at == CONFIG_ALERT_EVENTS)
			complain_unknown(
			    c,
			    json_place(json_is(events, JSON_ARRAY) ? json_at(events, i) : events),
			    "event", alerts->events.items[i], config_alert_events,
			    CONFIG_ALERT_EVENTS);
	}
}

bool config_check(struct config *config, struct fault_list *faults)
{
	struct checker c = {config, &config->arena, faults};
	struct config_waiver *waivers = config->policy.waivers.items;
	struct config_task *tasks = config->tasks.items;
	struct config_route *routes = config->routes.items;
	struct config_budget *budgets = config->budgets.items;
	size_t errors_before = faults->errors;

	check_profile(&c);
	check_target(&c, config->check.judge, place_of(config->check.node, "judge"));
	for (size_t i = 0; i < config->providers.count; i++)
		check_models(&c, &config->providers.items[i]);
	for (size_t i = 0; i < config->policy.waivers.count; i++)
		check_waiver(&c, &waivers[i]);
	for (size_t i = 0; i < config->tasks.count; i++)
		check_task(&c, &tasks[i]);
	for (size_t i = 0; i < config->routes.count; i++)
		check_route(&c, &routes[i]);
	for (size_t i = 0; i < config->budgets.count; i++)
		check_budget(&c, &budgets[i]);
	check_pepper(&c);
	check_paths(&c);
	check_listen(&c);
	check_alerts(&c);
	config_read_trusted(config, faults);
	read_share(&c, config->proxy.breaker.failure_share_node, "failure_share",
	           &config->proxy.breaker.failure_share);
	return faults->errors == errors_before;
}
