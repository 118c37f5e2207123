/*
 * What repairs mean for a run: pure, the same live, at resume and at replay. A reply is judged as
 * it came and, where a repair had something to mend, once more as it would have reached a client.
 * A request that the provider refused is asked again in the way that a repair would send it.
 */
#ifndef PROVISO_RUN_MEND_H
#define PROVISO_RUN_MEND_H

#include "harness/run/judge.h"
#include "harness/run/runner/question.h"
#include "providers/repair/repair.h"

/* The steps of a trial behind the repairs of replies. */
struct mended_steps {
	struct judged_step steps[CASE_MAX_STEPS];
	struct template_values values;
	repair_bits applied; /* never 0 */
};

/*
 * NULL where there is nothing to mend: no repair applies to any reply, or the endpoint or dialect
 * is none that repairs are for. `asks` is the case whose steps were asked. Arena.
 */
MUST_CHECK const struct mended_steps *
mend_replies(const struct eval_case *asks, enum case_variant variant, const struct dialect *dialect,
             const struct judged_step *steps, size_t count, const struct template_values *values,
             struct arena *arena);

/* Of a question the request as those repairs send it; what it is judged by stays as it was. */
void mend_question(repair_bits repairs, struct question *question, struct arena *arena,
                   repair_bits *applied);

/*
 * The repairs of requests that may help after this answer: those that change the request and that
 * the case is named after, or that mend what the refusal names. 0: none.
 */
MUST_CHECK repair_bits mend_candidates(const struct eval_case *eval_case,
                                       const struct question *question,
                                       const struct exchange *exchange, struct arena *arena);

#endif
