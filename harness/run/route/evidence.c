/*
 * The matrix seen from a request's side; see evidence.h.
 *
 * For each target the cells are sorted into two lists when this is built: `claims`, gate cells
 * that pass and so prove it as long as they are fresh, and `marks`, cells that stand against it. A
 * healthy target has hardly any marks, so that a decision costs next to nothing.
 */
#include "harness/run/route/evidence_private.h"

#include "harness/run/route/live.h"

/* --- building ------------------------------------------------------------------ */

static void read_vouches(struct voice *voice, struct arena *arena)
{
	const struct text_list *vouches = &voice->eval_case->vouches;
	struct text *fields = ARENA_NEW_ARRAY(arena, struct text, vouches->count);

	for (size_t i = 0; i < vouches->count; i++) {
		struct text field = feature_field(vouches->items[i]);
		if (field.data != NULL)
			fields[voice->fields.count++] = field;
		else
			feature_add(&voice->features, feature_from_name(vouches->items[i]));
	}
	voice->fields.items = fields;
	if (voice->variant == CASE_STREAM)
		feature_add(&voice->features, FEATURE_STREAM);
}

static bool has_text(const struct text_list *list, struct text wanted)
{
	for (size_t i = 0; i < list->count; i++)
		if (text_equal(list->items[i], wanted))
			return true;
	return false;
}

static void collect_fields(struct evidence *evidence, struct arena *arena)
{
	size_t room = 0;

	for (size_t i = 0; i < evidence->voice_count; i++)
		room += evidence->voices[i].fields.count;
	evidence->fields.items = ARENA_NEW_ARRAY(arena, struct text, room);
	for (size_t i = 0; i < evidence->voice_count; i++)
		for (size_t f = 0; f < evidence->voices[i].fields.count; f++) {
			struct text field = evidence->voices[i].fields.items[f];
			if (!has_text(&evidence->fields, field))
				evidence->fields.items[evidence->fields.count++] = field;
		}
}

static void collect_voices(struct evidence *evidence, struct arena *arena)
{
	const struct suite *suite = evidence->sources.suite;

	evidence->voices = ARENA_NEW_ARRAY(arena, struct voice, suite->count * CASE_VARIANTS);
	for (size_t i = 0; i < suite->count; i++) {
		const struct eval_case *eval_case = &suite->cases[i];
		for (int variant = 0; variant < CASE_VARIANTS; variant++) {
			if (eval_case->vouches.count == 0 || !eval_case->variants[variant])
				continue;
			struct voice *voice = &evidence->voices[evidence->voice_count++];
			*voice = (struct voice){
			    .eval_case = eval_case,
			    .variant = (enum case_variant)variant,
			    .plain_only = variant == CASE_SYNC && eval_case->variants[CASE_STREAM],
			};
			read_vouches(voice, arena);
		}
	}
}

/* Of several the one that holds longest. */
static const struct config_waiver *find_waiver(const struct evidence *evidence, struct text target,
                                               const struct voice *voice)
{
	const struct setting_list *list = &evidence->sources.policy->waivers;
	const struct config_waiver *waivers = list->items;
	const struct config_waiver *best = NULL;

	for (size_t i = 0; i < list->count; i++)
		if (config_waiver_names(&waivers[i], target, voice->eval_case->id,
		                        voice->variant == CASE_STREAM) &&
		    (best == NULL || waivers[i].until_wall_ms > best->until_wall_ms))
			best = &waivers[i];
	return best;
}

static bool is_proven_bad(enum verdict verdict)
{
	return verdict == VERDICT_FAIL || verdict == VERDICT_UNSUPPORTED ||
	       verdict == VERDICT_IGNORED;
}

/* The repairs that make the cell of the same question good; 0: none do. */
static repair_bits mends_of(const struct matrix_cell *cell, bool gate)
{
	bool good =
	    gate ? cell->repaired_verdict == VERDICT_PASS : !is_proven_bad(cell->repaired_verdict);

	return good ? cell->repairs : 0;
}

/* What a required case says that has proven nothing bad: it counts for who demands its proof. */
static void add_required(struct standing *standing, struct mark mark)
{
	bool asked = !mark.unproven && !mark.other_question;

	if (asked && mark.cell->verdict == VERDICT_PASS) {
		standing->strict_claims[standing->strict_claim_count++] =
		    (struct claim){mark.features, mark.voice, mark.cell, mark.waiver};
		return;
	}
	mark.mends = asked ? mends_of(mark.cell, true) : 0;
	standing->strict_marks[standing->strict_mark_count++] = mark;
}

/* What the cell of that voice says of the target. */
static void add_cell(struct evidence *evidence, size_t number, const struct voice *voice)
{
	struct standing *standing = &evidence->standings[number];
	struct text target = evidence->sources.targets[number].name;
	const struct eval_case *asked = voice->eval_case;
	const struct matrix_cell *cell =
	    matrix_find(evidence->sources.matrix, target, asked->id, voice->variant);
	bool gate = asked->severity == CASE_GATE;
	/* A cell that does not say which question was asked is no answer to this one. */
	bool other = cell != NULL && !text_is(cell->case_hash, asked->hash);
	bool unproven = cell == NULL || cell->verdict == VERDICT_SKIPPED;
	bool quarantined =
	    cell != NULL && !other && cell->verdict == VERDICT_PASS && cell->quarantine != NULL;

	if (gate && !other && !unproven && !quarantined && cell->verdict == VERDICT_PASS) {
		standing->claims[standing->claim_count++] = (struct claim){
		    voice->features, voice, cell, find_waiver(evidence, target, voice)};
		standing->oldest_wall_ms =
		    int64_min(standing->oldest_wall_ms, cell->tested_wall_ms);
		standing->newest_wall_ms =
		    int64_max(standing->newest_wall_ms, cell->tested_wall_ms);
		return;
	}
	struct mark mark = {
	    .features = voice->features,
	    .voice = voice,
	    .cell = cell,
	    .waiver = find_waiver(evidence, target, voice),
	    .unproven = unproven,
	    .gate = gate,
	    .other_question = other,
	    .mends = unproven || other || quarantined ? 0 : mends_of(cell, gate),
	    .quarantined = quarantined,
	};
	/* Of what is not a gate only proof of the bad counts, and only on the same question. */
	if (gate || quarantined || (!unproven && !other && is_proven_bad(cell->verdict)))
		standing->marks[standing->mark_count++] = mark;
	else if (asked->severity == CASE_REQUIRED)
		add_required(standing, mark);
}

const struct evidence *evidence_build(const struct evidence_sources *sources, struct arena *arena)
{
	struct evidence *evidence = ARENA_NEW(arena, struct evidence);

	evidence->sources = *sources;
	collect_voices(evidence, arena);
	collect_fields(evidence, arena);
	evidence->standings = ARENA_NEW_ARRAY(arena, struct standing, sources->target_count);
	for (size_t i = 0; i < sources->target_count; i++) {
		struct standing *standing = &evidence->standings[i];
		standing->claims = ARENA_NEW_ARRAY(arena, struct claim, evidence->voice_count);
		standing->marks = ARENA_NEW_ARRAY(arena, struct mark, evidence->voice_count);
		standing->strict_claims =
		    ARENA_NEW_ARRAY(arena, struct claim, evidence->voice_count);
		standing->strict_marks = ARENA_NEW_ARRAY(arena, struct mark, evidence->voice_count);
		standing->oldest_wall_ms = INT64_MAX;
		standing->newest_wall_ms = INT64_MIN;
		for (size_t v = 0; v < evidence->voice_count; v++)
			add_cell(evidence, i, &evidence->voices[v]);
	}
	return evidence;
}

/* --- who speaks for a shape ------------------------------------------------------ */

struct feature_set evidence_features(const struct evidence *evidence, size_t target,
                                     const struct shape *shape)
{
	int64_t context = evidence->sources.targets[target].model->context;
	struct feature_set features = shape->features;

	if (context > 0 && price_estimate_tokens(shape->prompt_bytes) > context / 2)
		feature_add(&features, FEATURE_LONG_CONTEXT);
	return features;
}

bool evidence_speaks_further(const struct voice *voice, const struct shape *shape)
{
	if (voice->plain_only && shape->streamed)
		return false;
	for (size_t i = 0; i < voice->fields.count; i++)
		if (!has_text(&shape->fields, voice->fields.items[i]))
			return false;
	return true;
}

const struct voice *evidence_voice(const struct evidence *evidence,
                                   const struct eval_case *eval_case, enum case_variant variant)
{
	for (size_t i = 0; i < evidence->voice_count; i++)
		if (evidence->voices[i].eval_case == eval_case &&
		    evidence->voices[i].variant == variant)
			return &evidence->voices[i];
	return NULL;
}

bool evidence_speaks(const struct voice *voice, const struct feature_set *features,
                     const struct shape *shape)
{
	return feature_within(&voice->features, features) && evidence_speaks_further(voice, shape);
}

struct text_list evidence_unknown_fields(const struct evidence *evidence, const struct shape *shape,
                                         struct arena *arena)
{
	struct text_list unknown = {NULL, 0};

	if (shape->fields.count == 0)
		return unknown;
	unknown.items = ARENA_NEW_ARRAY(arena, struct text, shape->fields.count);
	for (size_t i = 0; i < shape->fields.count; i++)
		if (!has_text(&evidence->fields, shape->fields.items[i]))
			unknown.items[unknown.count++] =
			    text_format(arena, "field.%.*s", TEXT_ARG(shape->fields.items[i]));
	return unknown;
}
