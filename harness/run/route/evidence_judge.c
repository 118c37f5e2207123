/* What stands against a target for a request, and what stands for it; see evidence.h. */
#include "harness/run/route/evidence_private.h"

#include "harness/run/route/live.h"

/* What is asked, of one target. */
struct asking {
	const struct evidence *evidence;
	const struct standing *standing;
	const struct evidence_question *question;
	struct feature_set features;
};

static struct asking ask(const struct evidence *evidence, size_t target,
                         const struct evidence_question *question)
{
	return (struct asking){
	    .evidence = evidence,
	    .standing = &evidence->standings[target],
	    .question = question,
	    .features = evidence_features(evidence, target, question->shape),
	};
}

/* --- how old -------------------------------------------------------------------- */

static bool is_too_old(const struct asking *asking, int64_t tested_wall_ms)
{
	int64_t max_age_ms = asking->evidence->sources.policy->max_age_ms;

	if (asking->question->demand.max_age_ms > 0)
		max_age_ms = int64_min(max_age_ms, asking->question->demand.max_age_ms);
	return asking->question->now_wall_ms - tested_wall_ms > max_age_ms;
}

static bool is_too_young(int64_t tested_wall_ms, int64_t now_wall_ms)
{
	return tested_wall_ms - now_wall_ms > EVIDENCE_CLOCK_SKEW_MS;
}

static bool is_stale(const struct asking *asking, const struct matrix_cell *cell)
{
	return cell->verdict == VERDICT_STALE || is_too_old(asking, cell->tested_wall_ms) ||
	       is_too_young(cell->tested_wall_ms, asking->question->now_wall_ms);
}

static bool has_stale_claims(const struct asking *asking)
{
	const struct standing *standing = asking->standing;

	return standing->claim_count > 0 &&
	       (is_too_old(asking, standing->oldest_wall_ms) ||
	        is_too_young(standing->newest_wall_ms, asking->question->now_wall_ms));
}

/* --- what stands against a target --------------------------------------------------- */

static bool waiver_holds(const struct config_waiver *waiver, int64_t now_wall_ms)
{
	return waiver != NULL && now_wall_ms <= waiver->until_wall_ms;
}

static bool mark_speaks(const struct asking *asking, const struct mark *mark)
{
	return feature_within(&mark->features, &asking->features) &&
	       evidence_speaks_further(mark->voice, asking->question->shape);
}

static bool claim_speaks(const struct asking *asking, const struct claim *claim)
{
	return feature_within(&claim->features, &asking->features) &&
	       evidence_speaks_further(claim->voice, asking->question->shape);
}

/* Whether that mark means anything: old news of a case that need not be proven does not. */
static bool mark_counts(const struct asking *asking, const struct mark *mark)
{
	bool wanted = mark->gate || (asking->question->demand.strict &&
	                             mark->voice->eval_case->severity == CASE_REQUIRED);

	return wanted || mark->quarantined || !is_stale(asking, mark->cell);
}

static bool allows_unproven(const struct asking *asking)
{
	const struct evidence_demand *demand = &asking->question->demand;

	return asking->evidence->sources.policy->unproven == CONFIG_ALLOW && !demand->enforced &&
	       !demand->strict;
}

static bool mark_excludes(const struct asking *asking, const struct mark *mark)
{
	return !waiver_holds(mark->waiver, asking->question->now_wall_ms) &&
	       !(mark->unproven && allows_unproven(asking));
}

/*
 * Whether a gate case speaks for such a request at all: of an endpoint that none asks about nothing
 * is known. One that a waiver or the policy lets pass has spoken, too.
 */
static bool gate_speaks(const struct asking *asking)
{
	const struct standing *standing = asking->standing;

	for (size_t i = 0; i < standing->claim_count; i++)
		if (claim_speaks(asking, &standing->claims[i]))
			return true;
	for (size_t i = 0; i < standing->mark_count; i++)
		if (standing->marks[i].gate && mark_speaks(asking, &standing->marks[i]))
			return true;
	return false;
}

/* Whether it stands against nobody who may use those repairs. */
static bool is_mended(const struct asking *asking, const struct mark *mark)
{
	return mark->mends != 0 && (mark->mends & ~asking->question->repairs) == 0 &&
	       !is_stale(asking, mark->cell);
}

static bool marks_allow(const struct asking *asking, const struct mark *marks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (mark_speaks(asking, &marks[i]) && mark_counts(asking, &marks[i]) &&
		    mark_excludes(asking, &marks[i]) && !is_mended(asking, &marks[i]))
			return false;
	return true;
}

static bool claim_is_stale(const struct asking *asking, const struct claim *claim)
{
	return claim_speaks(asking, claim) && is_stale(asking, claim->cell);
}

static bool claims_hold(const struct asking *asking, const struct claim *claims, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (claim_is_stale(asking, &claims[i]) &&
		    !waiver_holds(claims[i].waiver, asking->question->now_wall_ms))
			return false;
	return true;
}

bool evidence_allows(const struct evidence *evidence, size_t target,
                     const struct evidence_question *question)
{
	struct asking asking = ask(evidence, target, question);
	const struct standing *standing = asking.standing;

	if (!marks_allow(&asking, standing->marks, standing->mark_count) ||
	    (!allows_unproven(&asking) && !gate_speaks(&asking)))
		return false;
	if (question->demand.strict &&
	    !(marks_allow(&asking, standing->strict_marks, standing->strict_mark_count) &&
	      claims_hold(&asking, standing->strict_claims, standing->strict_claim_count)))
		return false;
	return !has_stale_claims(&asking) ||
	       claims_hold(&asking, standing->claims, standing->claim_count);
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

static void judge_mark(const struct asking *asking, const struct mark *mark,
                       struct evidence_finding *out)
{
	int64_t now_wall_ms = asking->question->now_wall_ms;
	bool stale = mark->cell != NULL && is_stale(asking, mark->cell);

	REQUIRE(mark->unproven || mark->cell != NULL);
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

	add_block(out, &block, mark_excludes(asking, mark));
}

static void judge_marks(const struct asking *asking, const struct mark *marks, size_t count,
                        struct evidence_finding *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct mark *mark = &marks[i];
		if (!mark_speaks(asking, mark) || !mark_counts(asking, mark))
			continue;
		if (is_mended(asking, mark))
			out->repairs |= mark->mends;
		else
			judge_mark(asking, mark, out);
	}
}

static void judge_claims(const struct asking *asking, const struct claim *claims, size_t count,
                         struct evidence_finding *out)
{
	int64_t now_wall_ms = asking->question->now_wall_ms;

	for (size_t i = 0; i < count; i++) {
		const struct claim *claim = &claims[i];
		if (!claim_is_stale(asking, claim))
			continue;
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
}

void evidence_judge(const struct evidence *evidence, size_t target,
                    const struct evidence_question *question, struct evidence_finding *out)
{
	struct asking asking = ask(evidence, target, question);
	const struct standing *standing = asking.standing;

	/* Not the blocks: there are many, and they are written before they are counted. */
	out->count = out->excluding = out->dropped = 0;
	out->repairs = 0;
	judge_marks(&asking, standing->marks, standing->mark_count, out);
	if (has_stale_claims(&asking))
		judge_claims(&asking, standing->claims, standing->claim_count, out);
	if (question->demand.strict) {
		judge_marks(&asking, standing->strict_marks, standing->strict_mark_count, out);
		judge_claims(&asking, standing->strict_claims, standing->strict_claim_count, out);
	}
	if (!gate_speaks(&asking)) {
		struct evidence_block block = {
		    .verdict = "unproven",
		    .reason = "no gate case speaks for such a request",
		    .unproven = true,
		};
		add_block(out, &block, !allows_unproven(&asking));
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
	struct asking asking = ask(evidence, target, question);
	const struct standing *standing = asking.standing;
	size_t strict_count = question->demand.strict ? standing->strict_claim_count : 0;

	*out = (struct evidence_proof){.oldest_wall_ms = -1};
	if (arena != NULL)
		out->cells.items =
		    ARENA_NEW_ARRAY(arena, struct text,
		                    standing->claim_count + strict_count + standing->mark_count);
	for (size_t i = 0; i < standing->claim_count; i++) {
		const struct claim *claim = &standing->claims[i];
		if (claim_speaks(&asking, claim))
			add_proof(claim->voice, claim->cell, false, arena, out);
	}
	for (size_t i = 0; i < strict_count; i++) {
		const struct claim *claim = &standing->strict_claims[i];
		if (claim_speaks(&asking, claim))
			add_proof(claim->voice, claim->cell, false, arena, out);
	}
	for (size_t i = 0; question->repairs != 0 && i < standing->mark_count; i++) {
		const struct mark *mark = &standing->marks[i];
		if (mark->gate && mark_speaks(&asking, mark) && is_mended(&asking, mark))
			add_proof(mark->voice, mark->cell, true, arena, out);
	}
}
