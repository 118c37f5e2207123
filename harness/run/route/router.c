/* Who may serve a request: targets found, each judged, the rest ordered; see router.h. */
#include "harness/run/route/router_private.h"

#include "harness/base/digest.h"

#include <math.h>
#include <stdio.h>

/* --- building ----------------------------------------------------------------------- */

size_t router_find_target(const struct router *router, struct text name)
{
	for (size_t i = 0; i < router->target_count; i++)
		if (text_equal(router->targets[i].name, name))
			return i;
	return SIZE_MAX;
}

static bool add_target(struct router *router, struct text name, struct arena *arena,
                       struct fault *fault)
{
	if (router_find_target(router, name) != SIZE_MAX)
		return true;
	if (!target_find(&router->config->providers, name, arena,
	                 &router->targets[router->target_count], fault))
		return false;
	router->target_count++;
	return true;
}

static bool starts_target(const struct matrix *matrix, size_t cell)
{
	return cell == 0 || !text_equal(matrix->cells[cell].target, matrix->cells[cell - 1].target);
}

/* At most. */
static size_t count_targets(const struct config *config, const struct matrix *matrix)
{
	const struct config_route *routes = config->routes.items;
	size_t count = 0;

	for (size_t i = 0; i < matrix->count; i++)
		count += starts_target(matrix, i);
	for (size_t i = 0; i < config->routes.count; i++)
		count += routes[i].targets.count;
	for (size_t i = 0; i < config->providers.count; i++)
		count += config->providers.items[i].model_count;
	return count;
}

/* Of the matrix only what still has its provider: others can't be reached. */
static void add_tested(struct router *router, struct arena *arena)
{
	struct fault gone;

	for (size_t i = 0; i < router->matrix->count; i++)
		if (starts_target(router->matrix, i))
			(void)!add_target(router, router->matrix->cells[i].target, arena, &gone);
}

static void number_routes(struct router *router, struct arena *arena)
{
	const struct config_route *routes = router->config->routes.items;
	size_t count = router->config->routes.count;

	router->routes = ARENA_NEW_ARRAY(arena, struct router_route, count);
	for (size_t i = 0; i < count; i++) {
		struct router_route *numbered = &router->routes[i];
		*numbered = (struct router_route){
		    .route = &routes[i],
		    .numbers = ARENA_NEW_ARRAY(arena, size_t, routes[i].targets.count),
		    .count = routes[i].targets.count,
		};
		for (size_t t = 0; t < numbered->count; t++) {
			numbered->numbers[t] =
			    router_find_target(router, routes[i].targets.items[t]);
			REQUIRE(numbered->numbers[t] != SIZE_MAX);
		}
	}
}

static bool collect_targets(struct router *router, struct arena *arena, struct fault *fault)
{
	const struct config *config = router->config;
	const struct config_route *routes = config->routes.items;

	router->targets =
	    ARENA_NEW_ARRAY(arena, struct target, count_targets(config, router->matrix));
	for (size_t i = 0; i < config->routes.count; i++)
		for (size_t t = 0; t < routes[i].targets.count; t++)
			if (!add_target(router, routes[i].targets.items[t], arena, fault))
				return false;
	for (size_t i = 0; i < config->providers.count; i++) {
		const struct provider *provider = &config->providers.items[i];
		for (size_t m = 0; m < provider->model_count; m++)
			if (!add_target(router,
			                text_format(arena, "%.*s/%.*s", TEXT_ARG(provider->name),
			                            TEXT_ARG(provider->models[m].name)),
			                arena, fault))
				return false;
	}
	add_tested(router, arena);
	return true;
}

static void hash_matrix(struct router *router)
{
	struct arena scratch = {0};
	struct text_buf bytes;

	if (router->matrix->file_hash[0] != '\0') {
		memcpy(router->matrix_hash, router->matrix->file_hash, sizeof(router->matrix_hash));
		return;
	}
	text_buf_init(&bytes, MATRIX_MAX_BYTES);
	matrix_write_json(router->matrix, &bytes);
	struct text hex = digest_hex(&scratch, text_buf_view(&bytes), DIGEST_SHORT);
	memcpy(router->matrix_hash, hex.data, DIGEST_SHORT);
	router->matrix_hash[DIGEST_SHORT] = '\0';
	text_buf_done(&bytes);
	arena_done(&scratch);
}

bool router_build(const struct config *config, const struct suite *suite,
                  const struct matrix *matrix, struct arena *arena, struct router **out,
                  struct fault *fault)
{
	struct router *router = ARENA_NEW(arena, struct router);

	router->config = config;
	router->matrix = matrix;
	if (!collect_targets(router, arena, fault) ||
	    !task_table_new(config, &router->tasks, fault))
		return false;
	number_routes(router, arena);
	router->has_key = ARENA_NEW_ARRAY(arena, bool, router->target_count);
	for (size_t i = 0; i < router->target_count; i++) {
		const struct provider *provider = router->targets[i].provider;
		router->has_key[i] = provider->key_ref.data == NULL || provider->key != NULL ||
		                     secret_is_available(provider->key_ref);
	}
	struct evidence_sources sources = {
	    suite, matrix, &config->policy, router->targets, router->target_count,
	};
	router->evidence = evidence_build(&sources, arena);
	router_measure_all(router, arena);
	hash_matrix(router);
	*out = router;
	return true;
}

void router_done(struct router *router)
{
	if (router == NULL)
		return;
	task_table_free(router->tasks);
	router->tasks = NULL;
}

void router_assume_keys(struct router *router)
{
	router->keys_assumed = true;
}

bool router_has_key(const struct router *router, size_t number)
{
	REQUIRE(number < router->target_count);
	return router->has_key[number];
}

size_t router_target_count(const struct router *router)
{
	return router->target_count;
}

const struct target *router_target(const struct router *router, size_t number)
{
	REQUIRE(number < router->target_count);
	return &router->targets[number];
}

const struct evidence *router_evidence(const struct router *router)
{
	return router->evidence;
}

const struct config *router_config(const struct router *router)
{
	return router->config;
}

const char *router_matrix_hash(const struct router *router)
{
	return router->matrix_hash;
}

/* --- who is asked for -------------------------------------------------------------------- */

/* The targets that a request may go to at all, in the order in which they are named. */
struct field {
	const struct config_route *route; /* NULL: asked by target or model */
	const size_t *numbers;
	size_t count;
	size_t single; /* what `numbers` points to where it is one target */
};

static bool take_single(struct field *out, size_t number)
{
	out->single = number;
	out->numbers = &out->single;
	out->count = 1;
	return true;
}

/* A bare model id: of the one provider that serves it. */
static bool find_by_model(const struct router *router, struct text model, struct field *out,
                          struct arena *arena, struct shape_fault *fault)
{
	size_t found = SIZE_MAX;

	fault->param = "model";
	for (size_t i = 0; i < router->target_count; i++) {
		if (!text_equal(router->targets[i].model->name, model))
			continue;
		if (found != SIZE_MAX) {
			(void)snprintf(fault->message, sizeof(fault->message),
			               "more than one provider serves this model (%.*s, %.*s): "
			               "name the target as provider/model",
			               TEXT_ARG(router->targets[found].name),
			               TEXT_ARG(router->targets[i].name));
			return false;
		}
		found = i;
	}
	if (found != SIZE_MAX)
		return take_single(out, found);
	struct text shown = text_visible(arena, model, 100);
	(void)snprintf(fault->message, sizeof(fault->message),
	               "there is no route, target or model '%.*s'", TEXT_ARG(shown));
	return false;
}

static bool find_field(const struct router *router, struct text model, struct field *out,
                       struct arena *arena, struct shape_fault *fault)
{
	for (size_t i = 0; i < router->config->routes.count; i++) {
		const struct router_route *route = &router->routes[i];
		if (!text_equal(route->route->name, model))
			continue;
		out->route = route->route;
		out->numbers = route->numbers;
		out->count = route->count;
		return true;
	}
	size_t number = router_find_target(router, model);
	if (number != SIZE_MAX)
		return take_single(out, number);
	return find_by_model(router, model, out, arena, fault);
}

/* --- what policy says of the request ------------------------------------------------------- */

struct policy {
	const struct config_task *task; /* NULL: none */
	enum config_strategy strategy;
	double min_quality; /* NaN: none */
};

static const struct config_route_task *find_by_task(const struct config_route *route,
                                                    const struct config_task *task)
{
	for (size_t i = 0; route != NULL && task != NULL && i < route->by_task_count; i++)
		if (text_equal(route->by_task[i].task, task->name))
			return &route->by_task[i];
	return NULL;
}

const struct config_task *router_task(const struct router *router,
                                      const struct router_request *request, struct arena *scratch)
{
	struct task_request asked = {
	    .shape = request->shape,
	    .body = request->body,
	    .headers = request->headers,
	    .header_count = request->header_count,
	    .key_id = request->key_id,
	    .workflow = request->workflow,
	};

	return task_find(router->tasks, &asked, scratch, NULL);
}

static struct policy find_policy(const struct router *router, const struct router_request *request,
                                 const struct config_route *route, struct arena *arena)
{
	struct policy policy = {
	    .task = router_task(router, request, arena),
	    .strategy = CONFIG_ORDERED,
	    .min_quality = (double)NAN,
	};
	const struct config_route_task *by_task = find_by_task(route, policy.task);

	if (route != NULL) {
		policy.strategy = (enum config_strategy)route->strategy;
		policy.min_quality = route->min_quality;
		/* High risk goes to the best, unless the route says how it wants its targets. */
		if (policy.task != NULL && policy.task->risk == CONFIG_RISK_HIGH &&
		    json_member(route->node, "strategy") == NULL)
			policy.strategy = CONFIG_BEST;
	}
	if (by_task != NULL) {
		if (json_member(by_task->node, "strategy") != NULL)
			policy.strategy = (enum config_strategy)by_task->strategy;
		policy.min_quality = by_task->min_quality; /* the route's, where it has none */
	}
	if (!isnan(request->min_quality) && !(policy.min_quality > request->min_quality))
		policy.min_quality = request->min_quality;
	return policy;
}

/* --- deciding --------------------------------------------------------------------------------- */

struct decider {
	const struct router *router;
	const struct router_request *request;
	struct arena *arena;
	struct router_decision *out;
	struct policy policy;
	repair_bits repairs; /* that the route allows */
	size_t exclusion_room;
};

static void add_exclusion(struct decider *d, const struct router_exclusion *exclusion)
{
	struct router_decision *out = d->out;

	if (out->exclusion_count == d->exclusion_room) {
		size_t room = d->exclusion_room == 0 ? 16 : d->exclusion_room * 2;
		struct router_exclusion *grown =
		    ARENA_NEW_ARRAY(d->arena, struct router_exclusion, room);
		if (out->exclusion_count > 0)
			memcpy(grown, out->exclusions, out->exclusion_count * sizeof(*grown));
		out->exclusions = grown;
		d->exclusion_room = room;
	}
	out->exclusions[out->exclusion_count++] = *exclusion;
}

static bool exclude(struct decider *d, const struct target *target, struct text reason)
{
	struct router_exclusion exclusion = {.target = target, .reason = reason};

	add_exclusion(d, &exclusion);
	return false;
}

static bool list_names(const struct text_list *list, const struct target *target)
{
	for (size_t i = 0; i < list->count; i++)
		if (text_equal(list->items[i], target->name) ||
		    text_equal(list->items[i], target->provider->name))
			return true;
	return false;
}

/* What the client wishes: OpenRouter's `provider` object. */
static bool client_wants(struct decider *d, const struct target *target)
{
	const struct router_preferences *wish = d->request->preferences;
	const struct price *price =
	    price_at(&target->model->price, router_price_moment(d->request));

	if (wish == NULL)
		return true;
	if (wish->only.count > 0 && !list_names(&wish->only, target))
		return exclude(d, target, TEXT("is not in provider.only"));
	if (list_names(&wish->ignore, target))
		return exclude(d, target, TEXT("is in provider.ignore"));
	if ((wish->max_input_pico_usd >= 0 &&
	     (!price->known || price->base.input > wish->max_input_pico_usd)) ||
	    (wish->max_output_pico_usd >= 0 &&
	     (!price->known || price->base.output > wish->max_output_pico_usd)))
		return exclude(d, target,
		               TEXT("costs more than provider.max_price, or has no known price"));
	return true;
}

/* What the model can hold, and what money says. */
static bool target_fits(struct decider *d, const struct router_candidate *candidate)
{
	const struct target *target = candidate->target;
	const struct shape *shape = d->request->shape;
	const struct provider_model *model = target->model;
	int64_t tokens = shape->prompt_bytes / 4;
	int64_t asked = int64_max(shape->max_output, 0);

	if (!d->router->keys_assumed && !d->router->has_key[candidate->number])
		return exclude(d, target, TEXT("its provider has no key here"));
	if (model->context > 0 && tokens > model->context - int64_min(asked, model->context))
		return exclude(d, target,
		               text_format(d->arena,
		                           "about %lld prompt tokens and %lld of output do not fit "
		                           "its context of %lld",
		                           (long long)tokens, (long long)asked,
		                           (long long)model->context));
	if (model->max_output > 0 && shape->max_output > model->max_output)
		return exclude(
		    d, target,
		    text_format(d->arena, "%lld output tokens are more than its limit of %lld",
		                (long long)shape->max_output, (long long)model->max_output));
	if (d->request->price_needed &&
	    !price_at(&model->price, router_price_moment(d->request))->known)
		return exclude(d, target, TEXT("its price is not known, and a budget applies"));
	if (d->request->max_cost_pico_usd >= 0 &&
	    (candidate->bound_pico_usd < 0 ||
	     candidate->bound_pico_usd > d->request->max_cost_pico_usd))
		return exclude(d, target, TEXT("may cost more than x-proviso-max-cost"));
	if (!isnan(d->policy.min_quality) && !(candidate->quality >= d->policy.min_quality))
		return exclude(d, target,
		               isnan(candidate->quality)
		                   ? TEXT("its quality is not measured")
		                   : text_format(d->arena,
		                                 "its quality of %.3f is below the %.3f wanted",
		                                 candidate->quality, d->policy.min_quality));
	return true;
}

static void add_blocks(struct decider *d, const struct target *target,
                       const struct evidence_finding *finding)
{
	size_t count = size_min(finding->excluding, finding->count);

	for (size_t i = 0; i < count; i++) {
		const struct evidence_block *block = &finding->blocks[i];
		struct router_exclusion exclusion = {
		    .target = target, .verdict = block->verdict, .reason = text_of(block->reason)};
		if (block->eval_case != NULL) {
			exclusion.case_id = block->eval_case->id;
			exclusion.variant = case_variant_names[block->variant];
		}
		add_exclusion(d, &exclusion);
	}
}

/* What was let pass: by a waiver or by policy, and fields that nobody has asked about. */
static struct text_list list_unproven(struct decider *d, const struct evidence_finding *finding)
{
	const struct text_list *fields = &d->out->unknown_fields;

	if (finding->count + fields->count == 0)
		return (struct text_list){0};
	struct text_list list = {
	    ARENA_NEW_ARRAY(d->arena, struct text, finding->count + fields->count), 0};

	for (size_t i = 0; i < finding->count; i++) {
		const struct evidence_block *block = &finding->blocks[i];
		if (block->eval_case != NULL)
			list.items[list.count++] =
			    case_label(block->eval_case, block->variant, d->arena);
	}
	for (size_t i = 0; i < fields->count; i++)
		list.items[list.count++] = fields->items[i];
	return list;
}

static void consider(struct decider *d, size_t number)
{
	struct router_decision *out = d->out;
	struct router_candidate *candidate = &out->candidates[out->count];
	struct evidence_finding finding;
	const struct evidence_question question = {
	    .shape = d->request->shape,
	    .repairs = d->repairs,
	    .demand = d->request->demand,
	    .now_wall_ms = d->request->now_wall_ms,
	};

	*candidate = (struct router_candidate){
	    .number = number, .target = &d->router->targets[number], .proven = true};
	router_estimate(d->router, d->request, task_kind(d->policy.task), candidate);
	if (!client_wants(d, candidate->target) || !target_fits(d, candidate))
		return;
	evidence_judge(d->router->evidence, number, &question, &finding);
	if (!finding.eligible) {
		add_blocks(d, candidate->target, &finding);
		if (out->mode == CONFIG_ENFORCE)
			return;
	}
	/* Not those that only a waiver lets pass: somebody has answered for them. */
	for (size_t i = 0; i < finding.count; i++)
		candidate->proven = candidate->proven && finding.blocks[i].waiver != NULL;
	candidate->eligible = finding.eligible;
	candidate->repairs = finding.repairs;
	candidate->unproven = list_unproven(d, &finding);
	out->count++;
}

static bool refuses_fields(const struct decider *d, struct shape_fault *fault)
{
	const struct router_preferences *wish = d->request->preferences;
	const struct text_list *fields = &d->out->unknown_fields;
	/* The mode is about what the config demands; what a client demands for itself holds. */
	bool strict = (d->router->config->policy.unknown_fields == CONFIG_REJECT &&
	               d->out->mode == CONFIG_ENFORCE) ||
	              (wish != NULL && wish->require_parameters);

	if (!strict || fields->count == 0)
		return false;
	struct text shown = text_visible(d->arena, feature_field(fields->items[0]), 60);
	fault->param = text_c(d->arena, shown);
	(void)snprintf(fault->message, sizeof(fault->message),
	               "no case of the suite knows the field '%.*s'", TEXT_ARG(shown));
	return true;
}

/*
 * Without fallbacks the client's own order is all that is tried, and where it gives none the first
 * alone.
 */
static void drop_fallbacks(struct decider *d, const struct router_preferences *wish)
{
	struct router_decision *out = d->out;
	size_t kept = 0;

	for (size_t i = 0; i < out->count; i++) {
		const struct target *target = out->candidates[i].target;
		bool tried = wish->order.count == 0
		                 ? i == 0
		                 : router_preferred_place(wish, target) < wish->order.count;
		if (tried)
			out->candidates[kept++] = out->candidates[i];
		else
			(void)exclude(d, target, TEXT("provider.allow_fallbacks is false"));
	}
	out->count = kept;
}

static void rank(struct decider *d, const struct field *field)
{
	const struct router_preferences *wish = d->request->preferences;
	struct router_decision *out = d->out;
	struct router_order order = {
	    .strategy = d->policy.strategy,
	    .route = field->route,
	    .preferences = wish,
	    .random = d->request->random,
	    .as_if_proven = out->mode == CONFIG_SHADOW,
	};

	out->strategy = router_strategy(&order);
	router_rank(&order, out->candidates, out->count);
	if (wish != NULL && !wish->allow_fallbacks)
		drop_fallbacks(d, wish);
}

enum router_result router_decide(const struct router *router, const struct router_request *request,
                                 struct arena *arena, struct router_decision *out,
                                 struct shape_fault *fault)
{
	struct decider d = {.router = router, .request = request, .arena = arena, .out = out};
	struct field field = {0};
	struct text model = request->model.data != NULL ? request->model : request->shape->model;

	*out = (struct router_decision){.mode = (enum config_mode)router->config->policy.mode};
	if (request->demand.enforced || request->demand.strict)
		out->mode = CONFIG_ENFORCE;
	if (!find_field(router, model, &field, arena, fault))
		return ROUTER_UNKNOWN_MODEL;
	out->unknown_fields = evidence_unknown_fields(router->evidence, request->shape, arena);
	if (refuses_fields(&d, fault))
		return ROUTER_REFUSED;
	d.policy = find_policy(router, request, field.route, arena);
	if (field.route != NULL) {
		out->route = field.route->name;
		d.repairs = field.route->repairs;
	}
	if (d.policy.task != NULL) {
		out->task = d.policy.task->name;
		out->risk = text_of(task_risk_name(d.policy.task->risk));
	}
	out->candidates = ARENA_NEW_ARRAY(arena, struct router_candidate, field.count);
	for (size_t i = 0; i < field.count; i++)
		consider(&d, field.numbers[i]);
	rank(&d, &field);
	return ROUTER_DECIDED;
}
