/*
 * Which defects there are and which of them are switched on. What each of them does
 * stands at the seam it belongs to: sim_break_answer.c, sim_break_wire.c.
 */
#include "providers/sim/sim_memory.h"
#include "providers/sim/sim_private.h"

#define DEFECT_INFO(name, id, scope, does, affects) {id, does, affects},

const struct sim_defect_info sim_defects[] = {SIM_DEFECT_TABLE(DEFECT_INFO){NULL, NULL, NULL}};
const struct sim_defect_info sim_faults[] = {SIM_FAULT_TABLE(DEFECT_INFO){NULL, NULL, NULL}};
const struct sim_defect_info sim_native_defects[] = {
    SIM_NATIVE_TABLE(DEFECT_INFO){NULL, NULL, NULL}};

#undef DEFECT_INFO

#define DEFECT_SCOPE(name, id, scope, does, affects) {id, scope},
static const struct {
	const char *id;
	enum sim_scope scope;
} defect_rows[SIM_BREAK_COUNT] = {SIM_DEFECT_TABLE(DEFECT_SCOPE) SIM_FAULT_TABLE(DEFECT_SCOPE)
                                      SIM_NATIVE_TABLE(DEFECT_SCOPE)};
#undef DEFECT_SCOPE

const struct sim_options sim_defaults = {
    .address = "127.0.0.1",
    .context = 8192,
};

uint64_t sim_draw(uint64_t draw, uint64_t n)
{
	uint64_t mixed = draw + (n + 1) * 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
	return mixed ^ (mixed >> 31);
}

struct text sim_identifier(const struct sim_serving *serving, const char *label, size_t index,
                           size_t size)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	struct text seed =
	    text_format(serving->arena, "%s %zu %.*s", label, index, TEXT_ARG(serving->digest));
	unsigned char raw[DIGEST_BYTES];
	char *bytes = arena_alloc_bytes(serving->arena, size + 1);
	struct digest digest;

	REQUIRE(size <= DIGEST_BYTES);
	digest_init(&digest);
	digest_add(&digest, seed);
	digest_done(&digest, raw);
	for (size_t i = 0; i < size; i++)
		bytes[i] = letters[raw[i] % (sizeof(letters) - 1)];
	return (struct text){bytes, size};
}

/* --- switching on --- */

static bool defect_unknown(struct text name, struct fault *fault)
{
	const char *names[SIM_BREAK_COUNT];

	for (size_t i = 0; i < SIM_BREAK_COUNT; i++)
		names[i] = defect_rows[i].id;
	const char *nearest = text_nearest(name, names, SIM_BREAK_COUNT);
	if (nearest == NULL)
		return fault_set(fault, FAULT_USAGE,
		                 "there is no defect \"%.*s\"; --list prints them",
		                 TEXT_ARG(text_slice(name, 0, 80)));
	return fault_set(fault, FAULT_USAGE, "there is no defect \"%.*s\"; the nearest is %s",
	                 TEXT_ARG(text_slice(name, 0, 80)), nearest);
}

/* NAME, NAME:COUNT or NAME%PERCENT. */
static bool defect_switch_on(struct sim_setup *setup, struct text spelled, struct fault *fault)
{
	size_t colon = text_find_byte(spelled, ':', 0);
	size_t sign = text_find_byte(spelled, '%', 0);
	size_t end = size_min(size_min(colon, sign), spelled.len);
	struct text name = text_slice(spelled, 0, end);
	struct text number = text_slice(spelled, end + 1, spelled.len);
	struct sim_switch set = {.on = true};
	size_t which = 0;

	while (which < SIM_BREAK_COUNT && !text_is(name, defect_rows[which].id))
		which++;
	if (which == SIM_BREAK_COUNT)
		return defect_unknown(name, fault);
	if (end < spelled.len && !(end == colon ? text_to_int64(number, 1, INT32_MAX, &set.first)
	                                        : text_to_int64(number, 1, 100, &set.percent)))
		return fault_set(fault, FAULT_USAGE,
		                 "\"%.*s\": want NAME, NAME:COUNT or NAME%%PERCENT",
		                 TEXT_ARG(text_slice(spelled, 0, 80)));
	bool storm = which == SIM_STORM_429 || which == SIM_STORM_500;
	if (storm && end == spelled.len)
		set.first = SIM_STORM_REQUESTS;
	if (defect_rows[which].scope != SCOPE_ALL) {
		set.owner = text_of(defect_rows[which].id);
		if (setup->oracle.owner != NULL) {
			struct text owner = setup->oracle.owner(setup->oracle.context, set.owner);
			set.owner =
			    owner.data != NULL ? text_copy(&setup->arena, owner) : set.owner;
		}
	}
	setup->switches[which] = set;
	return true;
}

static bool defect_switch_on_profile(struct sim_setup *setup, struct text name, struct fault *fault)
{
	const char *names[64];
	size_t count = 0;

	for (const struct sim_profile_info *row = sim_profiles; row->name != NULL; row++) {
		if (text_is(name, row->name)) {
			struct text rest = text_of(row->breaks), field;
			while (text_next_field(&rest, ' ', &field))
				if (!defect_switch_on(setup, field, fault))
					return false;
			return true;
		}
		if (count < ARRAY_LENGTH(names))
			names[count++] = row->name;
	}
	const char *nearest = text_nearest(name, names, count);
	return fault_set(fault, FAULT_USAGE, "there is no profile \"%.*s\"; %s%s",
	                 TEXT_ARG(text_slice(name, 0, 80)),
	                 nearest == NULL ? "--list prints them" : "the nearest is ",
	                 nearest == NULL ? "" : nearest);
}

static const struct text *setup_copy_models(struct arena *arena, const struct sim_options *options)
{
	struct text *models = ARENA_NEW_ARRAY(arena, struct text, options->model_count);

	for (size_t i = 0; i < options->model_count; i++)
		models[i] = text_copy(arena, options->models[i]);
	return models;
}

bool sim_setup_init(struct sim_setup *setup, const struct sim_options *options, struct fault *fault)
{
	static const struct text default_models[] = {TEXT_INIT("sim-small"),
	                                             TEXT_INIT("sim-large")};

	*setup = (struct sim_setup){
	    .models = default_models,
	    .model_count = ARRAY_LENGTH(default_models),
	    .api_key = TEXT("sim-key"),
	    .context = options->context > 0 ? options->context : sim_defaults.context,
	    .ttft_ms = options->ttft_ms,
	    .gap_ms = options->gap_ms,
	    .seed = options->seed,
	    .oracle = options->oracle,
	};
	if (options->model_count > 0) {
		setup->models = setup_copy_models(&setup->arena, options);
		setup->model_count = options->model_count;
	}
	if (options->api_key.data != NULL)
		setup->api_key = text_copy(&setup->arena, options->api_key);
	bool good = options->profile.data == NULL ||
	            defect_switch_on_profile(setup, options->profile, fault);
	for (size_t i = 0; good && i < options->break_count; i++)
		good = defect_switch_on(setup, options->breaks[i], fault);
	if (!good)
		sim_setup_done(setup);
	else
		setup->memory = sim_memory_new();
	return good;
}

void sim_setup_done(struct sim_setup *setup)
{
	sim_memory_free(setup->memory);
	setup->memory = NULL;
	arena_done(&setup->arena);
}

/* --- asking --- */

/* Whether a case id is the owner's, or that of a part of it (ER-06b of ER-06). */
static bool defect_owns(struct text owner, struct text case_id)
{
	if (!text_starts(case_id, owner))
		return false;
	char next = case_id.len > owner.len ? case_id.data[owner.len] : '.';
	return next < '0' || next > '9';
}

bool sim_breaks(const struct sim_serving *serving, enum sim_break which)
{
	const struct sim_switch *set = &serving->setup->switches[which];

	if (!set->on || (set->first > 0 && serving->serial > set->first))
		return false;
	if (set->percent > 0 && sim_draw(serving->draw, which) % 100 >= (uint64_t)set->percent)
		return false;
	if (set->owner.data == NULL)
		return true;
	if (!serving->canonical)
		return defect_rows[which].scope == SCOPE_OPEN;
	return defect_owns(set->owner, serving->case_id);
}

bool sim_breaks_case(const struct sim_serving *serving)
{
	for (size_t i = 0; i < SIM_BREAK_COUNT; i++)
		if (defect_owns(text_of(defect_rows[i].id), serving->case_id) &&
		    sim_breaks(serving, (enum sim_break)i))
			return true;
	return false;
}
