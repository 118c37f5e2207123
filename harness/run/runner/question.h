/*
 * One step of a case as a request: what is asked live, what resume and replay
 * hold the evidence against.
 */
#ifndef PROVISO_RUN_QUESTION_H
#define PROVISO_RUN_QUESTION_H

#include "cases/eval_case.h"
#include "cases/template.h"

struct question {
	struct chat_request request;
	const struct json *body; /* as sent, read again; NULL where it is no JSON */
};

/* Arena memory. A placeholder without a value (an earlier step had no such answer) is a fault. */
MUST_CHECK bool question_build(const struct case_step *step, enum case_variant variant,
                               struct text model, const struct template_values *values,
                               struct arena *arena, struct question *out, struct fault *fault);
/* Whether the step is streamed in this variant. */
MUST_CHECK bool question_streams(const struct case_step *step, enum case_variant variant);
/* The request without its body: enough to read a recorded reply. */
MUST_CHECK struct chat_request question_request(const struct case_step *step,
                                                enum case_variant variant);

#endif
