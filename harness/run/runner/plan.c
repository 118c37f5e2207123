/* Which cells are wanted, and the fewest questions that decide them; see plan.h. */
#include "harness/run/runner/plan.h"

#include "cases/expect/expect.h"
#include "cases/feature.h"
#include "harness/run/runner/question.h"

#include <stdlib.h>

enum profile { PROFILE_SMOKE, PROFILE_CI, PROFILE_ONBOARD, PROFILE_COUNT };

const char *const plan_suites[] = {"core", "quality", NULL};
const char *const plan_profiles[] = {"smoke", "ci", "onboard", NULL};

/* One look at what everything else rests on: transport, errors, chat, stream, tools. */
static const char *const smoke_cases[] = {
    "HT-01", "HT-02", "ER-01", "ER-07", "CH-01", "CH-03", "PA-01",
    "PA-03", "US-01", "ST-01", "ST-05", "ST-06", "TC-05", "TR-01",
};

struct planner {
	const struct suite *suite;
	const struct plan_filter *filter;
	enum profile profile;
	struct arena *arena;
	struct plan *plan;
	size_t *probe_of; /* of the target at hand: [owner's index * variants + variant] */
};

/* --- which cases --- */

static bool read_profile(struct text name, enum profile *out, struct fault *fault)
{
	struct text wanted = name.data == NULL ? TEXT(PLAN_DEFAULT_PROFILE) : name;

	for (int i = 0; i < PROFILE_COUNT; i++) {
		if (!text_is(wanted, plan_profiles[i]))
			continue;
		*out = (enum profile)i;
		return true;
	}
	const char *nearest = text_nearest(wanted, plan_profiles, PROFILE_COUNT);
	return fault_set(fault, FAULT_USAGE,
	                 "there is no profile \"%.*s\"%s%s%s; want smoke, ci "
	                 "or onboard",
	                 TEXT_ARG(wanted), nearest == NULL ? "" : " (did you mean ",
	                 nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?)");
}

static struct verdict_rules make_rules(enum profile profile, int64_t trials)
{
	struct verdict_rules rules = {VERDICT_FULL, int64_max(trials, 1)};

	if (profile == PROFILE_SMOKE)
		rules.test = VERDICT_ONCE;
	else if (profile == PROFILE_CI)
		rules.test = VERDICT_BRIEF;
	return rules;
}

struct verdict_rules plan_rules_of(const struct json *options)
{
	enum profile profile = PROFILE_CI;
	int64_t trials = 1;
	struct fault unknown;

	if (!read_profile(json_string(options, "profile"), &profile, &unknown))
		profile = PROFILE_CI;
	if (!json_integer(options, "trials", 1, PLAN_MAX_TRIALS, &trials))
		trials = 1;
	return make_rules(profile, trials);
}

static bool in_smoke(const struct eval_case *eval_case)
{
	for (size_t i = 0; i < ARRAY_LENGTH(smoke_cases); i++)
		if (text_is(eval_case->id, smoke_cases[i]))
			return true;
	return false;
}

/* Decided by one look at an answer that a gate case has to have anyway. */
static bool is_cheap(const struct suite *suite, const struct eval_case *eval_case)
{
	return eval_case->class_ == CASE_DETERMINISTIC && eval_case->like.data != NULL &&
	       suite->cases[eval_case->probe].severity == CASE_GATE;
}

static bool in_suites(const struct planner *planner, const struct eval_case *eval_case)
{
	unsigned asked = planner->filter->suites == 0 ? PLAN_SUITE_CORE : planner->filter->suites;

	return (asked &
	        (eval_case->kind == CASE_KIND_NONE ? PLAN_SUITE_CORE : PLAN_SUITE_QUALITY)) != 0;
}

static bool in_profile(const struct planner *planner, const struct eval_case *eval_case)
{
	if (eval_case->kind != CASE_KIND_NONE)
		return true;
	switch (planner->profile) {
	case PROFILE_SMOKE:
		return in_smoke(eval_case);
	case PROFILE_CI:
		/* Whoever writes cases of their own and names them in the config wants them asked.
		 */
		return eval_case->own || eval_case->severity == CASE_GATE ||
		       is_cheap(planner->suite, eval_case);
	case PROFILE_ONBOARD:
	case PROFILE_COUNT:
		break;
	}
	return true;
}

static bool fits_case(struct text glob, const struct eval_case *eval_case,
                      enum case_variant variant)
{
	struct arena scratch = {0};
	bool fits = text_glob(glob, eval_case->id) ||
	            text_glob(glob, case_label(eval_case, variant, &scratch));

	arena_done(&scratch);
	return fits;
}

static bool is_wanted(const struct planner *planner, const struct eval_case *eval_case,
                      enum case_variant variant)
{
	const struct plan_filter *filter = planner->filter;
	bool wanted = filter->cases.count == 0;

	if (!eval_case->variants[variant] || !in_suites(planner, eval_case))
		return false;
	if (filter->cases.count == 0 && filter->capabilities.count == 0)
		return in_profile(planner, eval_case);
	for (size_t i = 0; !wanted && i < filter->cases.count; i++)
		wanted = fits_case(filter->cases.items[i], eval_case, variant);
	if (filter->capabilities.count == 0)
		return wanted;
	for (size_t i = 0; i < filter->capabilities.count; i++)
		if (text_glob(filter->capabilities.items[i], eval_case->capability))
			return wanted;
	return false;
}

static bool fits_id(struct text glob, const struct eval_case *eval_case)
{
	for (int variant = 0; variant < CASE_VARIANTS; variant++)
		if (eval_case->variants[variant] &&
		    fits_case(glob, eval_case, (enum case_variant)variant))
			return true;
	return false;
}

static bool fits_capability(struct text glob, const struct eval_case *eval_case)
{
	return text_glob(glob, eval_case->capability);
}

static struct text id_of(const struct eval_case *eval_case)
{
	return eval_case->id;
}

static struct text capability_of(const struct eval_case *eval_case)
{
	return eval_case->capability;
}

/* What a glob is about. */
struct glob_kind {
	const char *what;
	bool (*fits)(struct text glob, const struct eval_case *eval_case);
	struct text (*name)(const struct eval_case *eval_case);
};

static const struct glob_kind case_globs = {"case", fits_id, id_of};
static const struct glob_kind capability_globs = {"capability", fits_capability, capability_of};

/* Of two suites the one that is not asked. */
static const char *other_suite(const struct planner *planner)
{
	return plan_suites[planner->filter->suites == PLAN_SUITE_QUALITY ? 0 : 1];
}

static bool check_glob(const struct planner *planner, const struct glob_kind *kind,
                       struct text glob, struct fault *fault)
{
	const struct suite *suite = planner->suite;
	const char **names = ARENA_NEW_ARRAY(planner->arena, const char *, suite->count);
	bool elsewhere = false;

	for (size_t i = 0; i < suite->count; i++) {
		bool asked = in_suites(planner, &suite->cases[i]);
		if (asked && kind->fits(glob, &suite->cases[i]))
			return true;
		elsewhere = elsewhere || (!asked && kind->fits(glob, &suite->cases[i]));
		names[i] = text_c(planner->arena, kind->name(&suite->cases[i]));
	}
	if (elsewhere)
		return fault_set(fault, FAULT_USAGE,
		                 "what fits \"%.*s\" is of the suite %s: ask it with --suite %s",
		                 TEXT_ARG(glob), other_suite(planner), other_suite(planner));
	const char *nearest = text_nearest(glob, names, suite->count);
	return fault_set(fault, FAULT_USAGE, "no %s of the suite fits \"%.*s\"%s%s%s", kind->what,
	                 TEXT_ARG(glob), nearest == NULL ? "" : " (did you mean ",
	                 nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?)");
}

/* A name that fits nothing is a slip of the pen: to ask the others only would hide it. */
static bool check_globs(const struct planner *planner, const struct text_list *globs,
                        const struct glob_kind *kind, struct fault *fault)
{
	for (size_t i = 0; i < globs->count; i++)
		if (!check_glob(planner, kind, globs->items[i], fault))
			return false;
	return true;
}

/* --- what a model is for --- */

enum { ENDPOINTS_OF_ALL = 1u << ENDPOINT_CHAT | 1u << ENDPOINT_MODELS };

static bool claims_images(const struct provider_model *model)
{
	for (size_t i = 0; model != NULL && i < model->features.count; i++)
		if (text_equal(feature_of_claim(model->features.items[i]), TEXT("images")))
			return true;
	return false;
}

bool plan_is_optional(const struct eval_case *eval_case, const struct provider_model *model)
{
	unsigned beyond = eval_case->endpoints & ~(unsigned)ENDPOINTS_OF_ALL;
	unsigned said = model == NULL ? 0 : model->endpoints;

	/* What only comes by occasion may never be seen. */
	for (size_t i = 0; i < eval_case->step_count; i++)
		if (expect_awaits(eval_case->steps[i].expect, 0))
			return true;
	/* Who tells no charge tells nothing wrong. */
	return (eval_case->needs & CASE_NEEDS_PRICE) != 0 || (beyond & ~said) != 0 ||
	       (eval_case->images && !claims_images(model));
}

/* The endpoints that a model is for, as they are written. */
static struct text endpoint_list(const struct planner *planner, unsigned endpoints)
{
	struct text list = TEXT("");

	for (int i = 0; i < ENDPOINT_COUNT; i++)
		if ((endpoints >> i & 1) != 0)
			list =
			    text_format(planner->arena, "%.*s%s%s", TEXT_ARG(list),
			                list.len == 0 ? "" : ", ", endpoint_name((enum endpoint)i));
	return list;
}

/* --- why a cell can't be asked --- */

/*
 * Whether the dialect can carry the question. Tried on the first step only: later ones
 * depend on answers. A short context keeps the tried body small; its size changes nothing.
 */
static bool dialect_carries(const struct target *target, const struct eval_case *asks,
                            enum case_variant variant, struct fault *fault)
{
	struct template_values values = {.model = target->model->name, .context_tokens = 16};
	struct arena scratch = {0};
	struct question question;
	struct wire_request wire;
	struct fault unfilled;
	bool carries = true;

	template_nonces(&values, TEXT("plan"), target->name, asks->id, 1, &scratch);
	if (question_build(&asks->steps[0], variant, target->model->name, &values, &scratch,
	                   &question, &unfilled))
		carries = target->provider->dialect->encode(target->provider, &question.request,
		                                            &scratch, &wire, fault);
	arena_done(&scratch);
	return carries;
}

/* Arena; data NULL: nothing stands against asking. */
static struct text skip_reason(const struct planner *planner, const struct target *target,
                               const struct eval_case *asks, enum case_variant variant)
{
	unsigned for_others = asks->endpoints & ~(1u << ENDPOINT_MODELS | target->model->endpoints);
	struct fault fault;

	if (target->model->endpoints != 0 && for_others != 0)
		return text_format(planner->arena, "%.*s is for %.*s: its `endpoints` say so",
		                   TEXT_ARG(target->name),
		                   TEXT_ARG(endpoint_list(planner, target->model->endpoints)));
	if ((asks->needs & CASE_NEEDS_CONTEXT) != 0 && target->model->context < 0)
		return text_format(planner->arena,
		                   "the context window of %.*s is not known: set its `context`",
		                   TEXT_ARG(target->name));
	if (asks->min_context > 0 && target->model->context < asks->min_context)
		return text_format(planner->arena,
		                   "the context window of %.*s is %lld tokens, and this asks for "
		                   "%lld",
		                   TEXT_ARG(target->name), (long long)target->model->context,
		                   (long long)asks->min_context);
	if (target->model->context > asks->max_context)
		return text_format(planner->arena,
		                   "the context window of %.*s is %lld tokens, and this fills %lld "
		                   "at most",
		                   TEXT_ARG(target->name), (long long)target->model->context,
		                   (long long)asks->max_context);
	if ((asks->needs & CASE_NEEDS_REFERENCE) != 0 && target->model->reference_tokens == 0)
		return text_format(planner->arena,
		                   "what %.*s counts at its maker's is not known: set its "
		                   "`reference_tokens`",
		                   TEXT_ARG(target->name));
	if ((asks->needs & CASE_NEEDS_PRICE) != 0 && !target->model->price.known)
		return text_format(planner->arena, "what %.*s costs is not known: set its `price`",
		                   TEXT_ARG(target->name));
	if (!dialect_carries(target, asks, variant, &fault))
		return text_format(planner->arena, "the dialect %s can't carry it: %s",
		                   target->provider->dialect->name, fault.message);
	return (struct text){NULL, 0};
}

/* --- cells and probes --- */

static struct feature_set features_of(const struct eval_case *eval_case, enum case_variant variant)
{
	struct feature_set features = {{0}};

	for (size_t i = 0; i < eval_case->vouches.count; i++)
		if (feature_field(eval_case->vouches.items[i]).data == NULL)
			feature_add(&features, feature_from_name(eval_case->vouches.items[i]));
	if (variant == CASE_STREAM && eval_case->vouches.count > 0)
		feature_add(&features, FEATURE_STREAM);
	return features;
}

bool plan_rests_on(const struct plan_cell *cell, const struct plan_cell *on)
{
	const struct feature_set none = {{0}};

	/* Asked both ways, the plain cell says nothing of streamed requests. */
	if (on->variant != cell->variant && on->eval_case->variants[cell->variant])
		return false;
	for (size_t i = 0; i < on->eval_case->vouches.count; i++)
		if (feature_field(on->eval_case->vouches.items[i]).data != NULL)
			return false;
	return on->target == cell->target && on->eval_case->severity == CASE_GATE &&
	       !feature_within(&on->features, &none) &&
	       feature_within(&on->features, &cell->features) &&
	       !feature_within(&cell->features, &on->features);
}

/* What is itself a plain chat request has none, and neither has a model that is for other things.
 */
static const struct eval_case *control_of(const struct planner *planner,
                                          const struct plan_probe *probe)
{
	const struct eval_case *control = suite_find(planner->suite, TEXT(PLAN_CONTROL_CASE));
	unsigned endpoints = probe->target->model->endpoints;

	if (control == NULL || control->step_count != 1 || !control->variants[CASE_SYNC] ||
	    (endpoints != 0 && (endpoints & 1u << ENDPOINT_CHAT) == 0) ||
	    (probe->asks == control && probe->variant == CASE_SYNC))
		return NULL;
	return control;
}

static size_t add_probe(const struct planner *planner, const struct target *target,
                        const struct eval_case *asks, enum case_variant variant)
{
	struct plan *plan = planner->plan;
	struct plan_probe *probe = &plan->probes[plan->probe_count];

	*probe = (struct plan_probe){.target = target, .asks = asks, .variant = variant};
	for (size_t step = 0; step < asks->step_count; step++)
		probe->bound_pico_usd =
		    plan_add_usd(probe->bound_pico_usd,
		                 plan_step_bound(target, asks, step, &probe->price_assumed));
	const struct eval_case *control = control_of(planner, probe);
	if (control != NULL) {
		probe->control = control;
		probe->control_bound_pico_usd = plan_step_bound(target, control, 0, NULL);
	}
	return plan->probe_count++;
}

static void add_cell(struct planner *planner, const struct target *target,
                     const struct eval_case *eval_case, enum case_variant variant)
{
	struct plan *plan = planner->plan;
	struct plan_cell *cell = &plan->cells[plan->cell_count++];
	const struct eval_case *asks = &planner->suite->cases[eval_case->probe];
	size_t *known = &planner->probe_of[eval_case->probe * CASE_VARIANTS + (size_t)variant];

	*cell = (struct plan_cell){
	    .target = target,
	    .eval_case = eval_case,
	    .variant = variant,
	    .probe = PLAN_NO_PROBE,
	    .features = features_of(eval_case, variant),
	};
	/* Of the case alone: what asks the same may do without. */
	if ((eval_case->needs & CASE_NEEDS_IDENTITY) != 0 && target->model->identity.data == NULL) {
		cell->skip =
		    text_format(planner->arena,
		                "nothing is recorded of %.*s to compare with: this run may "
		                "record it",
		                TEXT_ARG(target->name));
		return;
	}
	if (*known == PLAN_NO_PROBE) {
		cell->skip = skip_reason(planner, target, asks, variant);
		if (cell->skip.data != NULL)
			return;
		*known = add_probe(planner, target, asks, variant);
	}
	cell->probe = *known;
	plan->probes[*known].cell_count++;
}

static void add_target(struct planner *planner, const struct target *target)
{
	const struct suite *suite = planner->suite;

	for (size_t i = 0; i < suite->count * CASE_VARIANTS; i++)
		planner->probe_of[i] = PLAN_NO_PROBE;
	for (size_t i = 0; i < suite->count; i++)
		for (int variant = 0; variant < CASE_VARIANTS; variant++)
			if (is_wanted(planner, &suite->cases[i], (enum case_variant)variant))
				add_cell(planner, target, &suite->cases[i],
				         (enum case_variant)variant);
}

/* --- the order of asking --- */

struct ranked {
	struct plan_probe probe;
	size_t was; /* its index before */
	enum case_severity severity;
	bool uncertain; /* stochastic or timing: needs more trials to say the same */
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a;
	const struct ranked *y = b;

	if (x->probe.target != y->probe.target)
		return x->probe.target < y->probe.target ? -1 : 1;
	if (x->severity != y->severity)
		return x->severity < y->severity ? -1 : 1;
	if (x->uncertain != y->uncertain)
		return x->uncertain ? 1 : -1;
	if (x->probe.bound_pico_usd != y->probe.bound_pico_usd)
		return x->probe.bound_pico_usd < y->probe.bound_pico_usd ? -1 : 1;
	return x->was < y->was ? -1 : x->was > y->was;
}

static struct ranked *rank_probes(const struct plan *plan, struct arena *scratch)
{
	struct ranked *ranked = ARENA_NEW_ARRAY(scratch, struct ranked, plan->probe_count);

	for (size_t i = 0; i < plan->probe_count; i++)
		ranked[i] = (struct ranked){plan->probes[i], i, CASE_ADVISORY, true};
	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct plan_cell *cell = &plan->cells[i];
		if (cell->probe == PLAN_NO_PROBE)
			continue;
		struct ranked *at = &ranked[cell->probe];
		if (cell->eval_case->severity < at->severity)
			at->severity = cell->eval_case->severity;
		if (cell->eval_case->class_ == CASE_DETERMINISTIC ||
		    cell->eval_case->class_ == CASE_NEGATIVE)
			at->uncertain = false;
	}
	if (plan->probe_count > 1)
		qsort(ranked, plan->probe_count, sizeof(*ranked), compare_ranked);
	return ranked;
}

/* Puts the probes into their order and gives each the list of its cells. */
static void order_probes(struct plan *plan, struct arena *arena)
{
	struct arena scratch = {0};
	struct ranked *ranked = rank_probes(plan, &scratch);
	size_t *now = ARENA_NEW_ARRAY(&scratch, size_t, plan->probe_count);

	for (size_t i = 0; i < plan->probe_count; i++) {
		now[ranked[i].was] = i;
		plan->probes[i] = ranked[i].probe;
		plan->probes[i].cells = ARENA_NEW_ARRAY(arena, size_t, plan->probes[i].cell_count);
		plan->probes[i].cell_count = 0;
	}
	for (size_t i = 0; i < plan->cell_count; i++) {
		if (plan->cells[i].probe == PLAN_NO_PROBE)
			continue;
		plan->cells[i].probe = now[plan->cells[i].probe];
		struct plan_probe *probe = &plan->probes[plan->cells[i].probe];
		probe->cells[probe->cell_count++] = i;
	}
	arena_done(&scratch);
}

/* The owner of the question is told first: tokens and cost stand on its line. */
static void put_owner_first(struct plan *plan)
{
	for (size_t i = 0; i < plan->probe_count; i++) {
		struct plan_probe *probe = &plan->probes[i];
		for (size_t c = 1; c < probe->cell_count; c++) {
			if (plan->cells[probe->cells[c]].eval_case != probe->asks)
				continue;
			size_t owner = probe->cells[c];
			memmove(&probe->cells[1], &probe->cells[0], c * sizeof(*probe->cells));
			probe->cells[0] = owner;
			break;
		}
	}
}

/* As many as the cell that may want the most of them. */
static int64_t most_trials(const struct plan *plan, const struct plan_probe *probe)
{
	int64_t most = 0;

	for (size_t i = 0; i < probe->cell_count; i++)
		most = int64_max(most, verdict_most_trials(&plan->rules,
		                                           plan->cells[probe->cells[i]].eval_case));
	return most;
}

static void add_up(struct plan *plan)
{
	for (size_t i = 0; i < plan->probe_count; i++) {
		const struct plan_probe *probe = &plan->probes[i];
		plan->price_assumed = plan->price_assumed || probe->price_assumed;
		plan->first_round_pico_usd =
		    plan_add_usd(plan->first_round_pico_usd, probe->bound_pico_usd);
		for (int64_t trial = most_trials(plan, probe); trial > 0; trial--)
			plan->worst_pico_usd =
			    plan_add_usd(plan->worst_pico_usd, probe->bound_pico_usd);
		for (int64_t control = VERDICT_CONTROLS; control > 0; control--)
			plan->worst_pico_usd =
			    plan_add_usd(plan->worst_pico_usd, probe->control_bound_pico_usd);
	}
}

static bool check_filter(struct planner *planner, struct fault *fault)
{
	const struct plan_filter *filter = planner->filter;

	return read_profile(filter->profile, &planner->profile, fault) &&
	       check_globs(planner, &filter->cases, &case_globs, fault) &&
	       check_globs(planner, &filter->capabilities, &capability_globs, fault);
}

/* A target named twice is asked once. */
static bool is_repeated(const struct target *targets, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (text_equal(targets[i].name, targets[at].name))
			return true;
	return false;
}

bool plan_make(const struct suite *suite, struct target *targets, size_t target_count,
               const struct plan_filter *filter, struct arena *arena, struct plan *out,
               struct fault *fault)
{
	struct planner planner = {.suite = suite, .filter = filter, .arena = arena, .plan = out};
	size_t most = size_mul(target_count, size_mul(suite->count, CASE_VARIANTS));

	*out = (struct plan){.targets = targets, .target_count = target_count};
	if (!check_filter(&planner, fault))
		return false;
	out->rules = make_rules(planner.profile, filter->trials);
	out->cells = ARENA_NEW_ARRAY(arena, struct plan_cell, most);
	out->probes = ARENA_NEW_ARRAY(arena, struct plan_probe, most);
	planner.probe_of = ARENA_NEW_ARRAY(arena, size_t, suite->count * CASE_VARIANTS);
	for (size_t i = 0; i < target_count; i++)
		if (!is_repeated(targets, i))
			add_target(&planner, &targets[i]);
	if (out->cell_count == 0)
		return fault_set(fault, FAULT_USAGE,
		                 target_count == 0
		                     ? "there is no target to ask"
		                     : "no case of the suite is in what was asked "
		                       "for: --suite, profile, --case and --capability");
	order_probes(out, arena);
	put_owner_first(out);
	add_up(out);
	return true;
}
