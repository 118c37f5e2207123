/* Judging a reply behind repairs, and asking a refused request again as one would; see mend.h. */
#include "harness/run/runner/mend.h"

/* --- replies --- */

static bool can_be_mended(const struct case_step *step, const struct dialect *dialect,
                          const struct judged_step *asked)
{
	return step->endpoint == ENDPOINT_CHAT && dialect->openai_replies &&
	       asked->exchange->status == 200 && asked->exchange->body.len > 0;
}

static void mend_step(const struct case_step *step, enum case_variant variant,
                      const struct dialect *dialect, struct mended_steps *mended, size_t at,
                      struct arena *arena)
{
	struct judged_step *asked = &mended->steps[at];
	struct chat_request request = question_request(step, variant);
	const struct repairer_options options = {
	    .repairs = REPAIR_REPLIES,
	    .streamed = asked->reply->streamed,
	    .usage_asked = request.usage_asked,
	};
	repair_bits applied;

	if (!can_be_mended(step, dialect, asked))
		return;
	const struct exchange *exchange =
	    repair_exchange(asked->exchange, &options, arena, &applied);
	if (applied == 0)
		return;
	mended->applied |= applied;
	asked->exchange = exchange;
	asked->reply = judge_reread(exchange, dialect, &request, arena);
	mended->values.steps[at] = asked->reply;
}

const struct mended_steps *mend_replies(const struct eval_case *asks, enum case_variant variant,
                                        const struct dialect *dialect,
                                        const struct judged_step *steps, size_t count,
                                        const struct template_values *values, struct arena *arena)
{
	struct mended_steps *mended = ARENA_NEW(arena, struct mended_steps);

	mended->values = *values;
	for (size_t i = 0; i < count && i < asks->step_count; i++) {
		mended->steps[i] = steps[i];
		mend_step(&asks->steps[i], variant, dialect, mended, i, arena);
	}
	return mended->applied == 0 ? NULL : mended;
}

/* --- requests --- */

void mend_question(repair_bits repairs, struct question *question, struct arena *arena,
                   repair_bits *applied)
{
	*applied = 0;
	if (question->body == NULL || question->request.endpoint != ENDPOINT_CHAT)
		return;
	question->request.body = repair_request(repairs & REPAIR_REQUESTS, question->request.body,
	                                        question->body, arena, applied);
}

enum { REFUSAL_READ_BYTES = 16 << 10 }; /* what of it is looked through for names */

/* Letters in small ones: "Tool call id" is what Mistral writes. */
static bool says(struct text refusal, const char *const *words, struct arena *arena)
{
	struct text part = text_slice(refusal, 0, REFUSAL_READ_BYTES);
	char *lower = ARENA_NEW_ARRAY(arena, char, part.len + 1);

	for (size_t i = 0; i < part.len; i++) {
		char c = part.data[i];
		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	for (; *words != NULL; words++)
		if (text_find((struct text){lower, part.len}, text_of(*words), 0) != TEXT_NOT_FOUND)
			return true;
	return false;
}

/* What a provider that needs the repair names when it refuses. */
static bool is_named(enum repair repair, struct text refusal, struct arena *arena)
{
	static const char *const max_tokens[] = {"max_tokens", NULL};
	static const char *const max_completion_tokens[] = {"max_completion_tokens", NULL};
	static const char *const call_ids[] = {"tool call id", "tool_call_id", "tool_calls", NULL};

	switch (repair) {
	case REPAIR_PA_01:
		return says(refusal, max_tokens, arena);
	case REPAIR_PA_02:
		return says(refusal, max_completion_tokens, arena);
	case REPAIR_TR_03:
		return says(refusal, call_ids, arena);
	case REPAIR_TS_01:
	case REPAIR_TS_02:
	case REPAIR_TC_03:
	case REPAIR_TC_08:
	case REPAIR_TC_20:
	case REPAIR_SU_01:
	case REPAIR_COUNT:
		break;
	}
	return false;
}

repair_bits mend_candidates(const struct eval_case *eval_case, const struct question *question,
                            const struct exchange *exchange, struct arena *arena)
{
	bool refused = exchange->status == 400 || exchange->status == 422;
	struct question again = *question;
	repair_bits candidates = 0;
	repair_bits applied;

	for (int i = 0; i < REPAIR_COUNT; i++) {
		enum repair repair = (enum repair)i;
		if ((REPAIR_BIT(repair) & REPAIR_REQUESTS) == 0)
			continue;
		if (text_is(eval_case->id, repair_name(repair)) ||
		    (refused && is_named(repair, exchange->body, arena)))
			candidates |= REPAIR_BIT(repair);
	}
	if (candidates == 0 || exchange->end != EXCHANGE_COMPLETE)
		return 0;
	mend_question(candidates, &again, arena, &applied);
	return applied;
}
