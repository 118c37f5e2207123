/*
 * The matrix seen from a request's side; see evidence.h.
 *
 * For each target the cells are sorted into two lists when this is built: `claims`, gate cells
 * that pass and so prove it as long as they are fresh, and `marks`, cells that stand against it. A
 * healthy target has hardly any marks, so that a decision costs next to nothing.
 */
#include "harness/run/evidence.h"

#include "harness/run/live.h"

/* What a case vouches for, in one way of asking. */
struct voice {
	struct feature_set features;
	struct text_list fields; /* of "field.NAME" */
	const struct eval_case *eval_case;
	enum case_variant variant;
	bool plain_only; /* the streamed way has a voice of its own */
};

/* The features stand here once more: most are looked at and passed over without going further. */
struct claim {
	struct feature_set features;
	const struct voice *voice;
	const struct matrix_cell *cell;
	const struct config_waiver *waiver; /* NULL: none names it */
};

struct mark {
	struct feature_set features;
	const struct voice *voice;
	const struct matrix_cell *cell;     /* NULL: never asked */
	const struct config_waiver *waiver; /* NULL: none names it */
	bool unproven;
	bool gate;
	bool other_question; /* the case has changed since */
	repair_bits mends;   /* behind these it does not stand against the target; 0: none help */
	bool quarantined;
};

struct standing {
	struct claim *claims;
	size_t claim_count;
	struct mark *marks;
	size_t mark_count;
	int64_t oldest_wall_ms; /* of the claims; INT64_MAX: none */
	int64_t newest_wall_ms; /* INT64_MIN: none */
};

struct evidence {
	struct evidence_sources sources;
	struct voice *voices;
	size_t voice_count;
	struct text_list fields;    /* that any case vouches for */
	struct standing *standings; /* one a target */
};

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
	/* Of what is not a gate only proof of the bad counts, and only on the same question. */
	if (!gate && !quarantined && (unproven || other || !is_proven_bad(cell->verdict)))
		return;
	standing->marks[standing->mark_count++] = (struct mark){
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

/* What its features have let through: which way of asking, and the fields that no feature names. */
static bool speaks_further(const struct voice *voice, const struct shape *shape)
{
	if (voice->plain_only && shape->streamed)
		return false;
	for (size_t i = 0; i < voice->fields.count; i++)
		if (!has_text(&shape->fields, voice->fields.items[i]))
			return false;
	return true;
}

/* --- how old -------------------------------------------------------------------- */

static bool is_too_old(const struct evidence *evidence, int64_t tested_wall_ms, int64_t now_wall_ms)
{
	return now_wall_ms - tested_wall_ms > evidence->sources.policy->max_age_ms;
}

static bool is_too_young(int64_t tested_wall_ms, int64_t now_wall_ms)
{
	return tested_wall_ms - now_wall_ms > EVIDENCE_CLOCK_SKEW_MS;
}

static bool is_stale(const struct evidence *evidence, const struct matrix_cell *cell,
                     int64_t now_wall_ms)
{
	return cell->verdict == VERDICT_STALE ||
	       is_too_old(evidence, cell->tested_wall_ms, now_wall_ms) ||
	       is_too_young(cell->tested_wall_ms, now_wall_ms);
}

static bool has_stale_claims(const struct evidence *evidence, const struct standing *standing,
                             int64_t now_wall_ms)
{
	return standing->claim_count > 0 &&
	       (is_too_old(evidence, standing->oldest_wall_ms, now_wall_ms) ||
	        is_too_young(standing->newest_wall_ms, now_wall_ms));
}

/* --- what stands against a target --------------------------------------------------- */

static bool waiver_holds(const struct config_waiver *waiver, int64_t now_wall_ms)
{
	return waiver != NULL && now_wall_ms <= waiver->until_wall_ms;
}

static bool mark_speaks(const struct mark *mark, const struct feature_set *features,
                        const struct shape *shape)
{
	return feature_within(&mark->features, features) && speaks_further(mark->voice, shape);
}

static bool claim_speaks(const struct claim *claim, const struct feature_set *features,
                         const struct shape *shape)
{
	return feature_within(&claim->features, features) && speaks_further(claim->voice, shape);
}

/* Whether that mark means anything at that moment: old news of a case that is no gate does not. */
static bool mark_counts(const struct evidence *evidence, const struct mark *mark,
                        int64_t now_wall_ms)
{
	return mark->gate || mark->quarantined || !is_stale(evidence, mark->cell, now_wall_ms);
}

static bool mark_excludes(const struct evidence *evidence, const struct mark *mark,
                          int64_t now_wall_ms)
{
	return !waiver_holds(mark->waiver, now_wall_ms) &&
	       !(mark->unproven && evidence->sources.policy->unproven == CONFIG_ALLOW);
}

/*
 * Whether a gate case speaks for such a request at all: of an endpoint that none asks about nothing
 * is known. One that a waiver or the policy lets pass has spoken, too.
 */
static bool gate_speaks(const struct standing *standing, const struct feature_set *features,
                        const struct shape *shape)
{
	for (size_t i = 0; i < standing->claim_count; i++)
		if (claim_speaks(&standing->claims[i], features, shape))
			return true;
	for (size_t i = 0; i < standing->mark_count; i++)
		if (standing->marks[i].gate && mark_speaks(&standing->marks[i], features, shape))
			return true;
	return false;
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
	return feature_within(&voice->features, features) && speaks_further(voice, shape);
}

/* Whether it stands against nobody who may use those repairs. */
static bool is_mended(const struct evidence *evidence, const struct mark *mark,
                      const struct evidence_question *question)
{
	return mark->mends != 0 && (mark->mends & ~question->repairs) == 0 &&
	       !is_stale(evidence, mark->cell, question->now_wall_ms);
}

bool evidence_allows(const struct evidence *evidence, size_t target,
                     const struct evidence_question *question)
{
	const struct standing *standing = &evidence->standings[target];
	const struct shape *shape = question->shape;
	int64_t now_wall_ms = question->now_wall_ms;
	struct feature_set features = evidence_features(evidence, target, shape);

	for (size_t i = 0; i < standing->mark_count; i++) {
		const struct mark *mark = &standing->marks[i];
		if (mark_speaks(mark, &features, shape) &&
		    mark_counts(evidence, mark, now_wall_ms) &&
		    mark_excludes(evidence, mark, now_wall_ms) &&
		    !is_mended(evidence, mark, question))
			return false;
	}
	if (evidence->sources.policy->unproven != CONFIG_ALLOW &&
	    !gate_speaks(standing, &features, shape))
		return false;
	if (!has_stale_claims(evidence, standing, now_wall_ms))
		return true;
	for (size_t i = 0; i < standing->claim_count; i++) {
		const struct claim *claim = &standing->claims[i];
		if (claim_speaks(claim, &features, shape) &&
		    is_stale(evidence, claim->cell, now_wall_ms) &&
		    !waiver_holds(claim->waiver, now_wall_ms))
			return false;
	}
	return true;
}

/* A cell's age, where that is what stands against it. */
static const char *age_of(const struct matrix_cell *cell, int64_t now_wall_ms)
{
	return is_too_young(cell->tested_wall_ms, now_wall_ms) ? "its date lies in the future"
	                                                       : "was asked too long ago";
}

static const char *reason_of(const struct mark *mark, bool stale, int64_t now_wall_ms)
{
	if (mark->cell == NULL)
		return "was never asked";
	if (mark->quarantined)
		return mark->cell->quarantine->reason;
	if (mark->other_question)
		return mark->cell->case_hash.len == 0 ? "the matrix does not say what was asked"
		                                      : "the case has changed since it was asked";
	if (stale && mark->cell->verdict != VERDICT_SKIPPED)
		return age_of(mark->cell, now_wall_ms);
	switch (mark->cell->verdict) {
	case VERDICT_PASS:
		return "passes";
	case VERDICT_FAIL:
		return "fails";
	case VERDICT_FLAKY:
		return "passes at times only";
	case VERDICT_UNSUPPORTED:
		return "is refused";
	case VERDICT_IGNORED:
		return "is accepted and ignored";
	case VERDICT_INCONCLUSIVE:
		return "is not decided";
	case VERDICT_ERROR:
		return "could not be asked";
	case VERDICT_SKIPPED:
		return "was not asked";
	case VERDICT_STALE:
	case VERDICT_COUNT:
		break;
	}
	return "was asked too long ago";
}

static void add_block(struct evidence_finding *out, const struct evidence_block *block,
                      bool excludes)
{
	size_t at = out->count;

	if (excludes) {
		/* In front of those that were let pass, and one of these makes room where need be.
		 */
		at = size_min(out->excluding++, EVIDENCE_BLOCKS_MAX);
		if (at < EVIDENCE_BLOCKS_MAX && out->count == EVIDENCE_BLOCKS_MAX) {
			out->count--;
			out->dropped++;
		}
	}
	if (at == EVIDENCE_BLOCKS_MAX) {
		out->dropped++;
		return;
	}
	memmove(&out->blocks[at + 1], &out->blocks[at], (out->count - at) * sizeof(out->blocks[0]));
	out->blocks[at] = *block;
	out->count++;
}

static void judge_mark(const struct evidence *evidence, const struct mark *mark,
                       int64_t now_wall_ms, struct evidence_finding *out)
{
	bool stale = mark->cell != NULL && is_stale(evidence, mark->cell, now_wall_ms);
	struct evidence_block block = {
	    .eval_case = mark->voice->eval_case,
	    .variant = mark->voice->variant,
	    .cell = mark->cell,
	    .verdict = mark->unproven                  ? "unproven"
	               : mark->quarantined             ? "quarantined"
	               : stale || mark->other_question ? "stale"
	                                               : verdict_name(mark->cell->verdict),
	    .reason = reason_of(mark, stale, now_wall_ms),
	    .waiver = waiver_holds(mark->waiver, now_wall_ms) ? mark->waiver : NULL,
	    .unproven = mark->unproven,
	};

	add_block(out, &block, mark_excludes(evidence, mark, now_wall_ms));
}

static void judge_claim(const struct claim *claim, int64_t now_wall_ms,
                        struct evidence_finding *out)
{
	struct evidence_block block = {
	    .eval_case = claim->voice->eval_case,
	    .variant = claim->voice->variant,
	    .cell = claim->cell,
	    .verdict = "stale",
	    .reason = age_of(claim->cell, now_wall_ms),
	    .waiver = waiver_holds(claim->waiver, now_wall_ms) ? claim->waiver : NULL,
	};

	add_block(out, &block, block.waiver == NULL);
}

void evidence_judge(const struct evidence *evidence, size_t target,
                    const struct evidence_question *question, struct evidence_finding *out)
{
	const struct standing *standing = &evidence->standings[target];
	const struct shape *shape = question->shape;
	int64_t now_wall_ms = question->now_wall_ms;
	struct feature_set features = evidence_features(evidence, target, shape);

	/* Not the blocks: there are many, and they are written before they are counted. */
	out->count = out->excluding = out->dropped = 0;
	out->repairs = 0;
	for (size_t i = 0; i < standing->mark_count; i++) {
		const struct mark *mark = &standing->marks[i];
		if (!mark_speaks(mark, &features, shape) ||
		    !mark_counts(evidence, mark, now_wall_ms))
			continue;
		if (is_mended(evidence, mark, question))
			out->repairs |= mark->mends;
		else
			judge_mark(evidence, mark, now_wall_ms, out);
	}
	for (size_t i = 0;
	     has_stale_claims(evidence, standing, now_wall_ms) && i < standing->claim_count; i++) {
		const struct claim *claim = &standing->claims[i];
		if (claim_speaks(claim, &features, shape) &&
		    is_stale(evidence, claim->cell, now_wall_ms))
			judge_claim(claim, now_wall_ms, out);
	}
	if (!gate_speaks(standing, &features, shape)) {
		struct evidence_block block = {
		    .verdict = "unproven",
		    .reason = "no gate case speaks for such a request",
		    .unproven = true,
		};
		add_block(out, &block, evidence->sources.policy->unproven != CONFIG_ALLOW);
	}
	out->eligible = out->excluding == 0;
}

/* --- what stands for it -------------------------------------------------------------- */

static void add_proof(const struct voice *voice, const struct matrix_cell *cell, bool repaired,
                      struct arena *arena, struct evidence_proof *out)
{
	if (out->count++ == 0 || cell->tested_wall_ms < out->oldest_wall_ms)
		out->oldest_wall_ms = cell->tested_wall_ms;
	if (arena == NULL)
		return;
	struct text label = case_label(voice->eval_case, voice->variant, arena);
	out->cells.items[out->cells.count++] =
	    repaired ? text_format(arena, "%.*s repaired", TEXT_ARG(label)) : label;
}

void evidence_prove(const struct evidence *evidence, size_t target,
                    const struct evidence_question *question, struct arena *arena,
                    struct evidence_proof *out)
{
	const struct standing *standing = &evidence->standings[target];
	const struct shape *shape = question->shape;
	struct feature_set features = evidence_features(evidence, target, shape);

	*out = (struct evidence_proof){.oldest_wall_ms = -1};
	if (arena != NULL)
		out->cells.items = ARENA_NEW_ARRAY(arena, struct text,
		                                   standing->claim_count + standing->mark_count);
	for (size_t i = 0; i < standing->claim_count; i++) {
		const struct claim *claim = &standing->claims[i];
		if (claim_speaks(claim, &features, shape))
			add_proof(claim->voice, claim->cell, false, arena, out);
	}
	for (size_t i = 0; question->repairs != 0 && i < standing->mark_count; i++) {
		const struct mark *mark = &standing->marks[i];
		if (mark->gate && mark_speaks(mark, &features, shape) &&
		    is_mended(evidence, mark, question))
			add_proof(mark->voice, mark->cell, true, arena, out);
	}
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
