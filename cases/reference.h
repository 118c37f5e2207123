/*
 * References: the reply that satisfies a case, as the simulator's answer.
 *
 *   reference: {content: "...", reasoning: "...", refusal: "...", finish_reason: stop,
 *               tool_calls: [{name: get_weather, arguments: {city: Paris}}],
 *               error: {status: 404, type, code, param, message, retry_after: "1"},
 *               pause: 10ms}      between the events of a stream
 * Strings are templates (template.h). A request that is answered by an error the simulator itself
 * finds (a wrong key, broken JSON) has such a reference too: it documents what is expected, and a
 * test compares.
 */
#ifndef PROVISO_CASES_REFERENCE_H
#define PROVISO_CASES_REFERENCE_H

#include "cases/suite.h"
#include "cases/template.h"
#include "providers/sim/sim.h"

/* Mistakes in a reference, found when the case is loaded. */
MUST_CHECK bool reference_check(const struct json *node, size_t steps_before,
                                struct fault_list *faults);
MUST_CHECK bool reference_answer(const struct json *node, const struct template_values *values,
                                 struct arena *arena, struct sim_answer *out, struct fault *fault);
/* An oracle that answers from the suite's references; the suite must outlive it. */
struct sim_oracle reference_oracle(const struct suite *suite);

#endif
