/*
 * Tasks with known answers, answered badly: how a target of lower quality looks that breaks
 * nothing on the wire. Which question is such a task, and of what kind, the oracle knows.
 */
#include "providers/sim/sim_private.h"

static const struct {
	enum sim_break which;
	const char *kind; /* NULL: any */
} task_breaks[] = {
    {SIM_QUALITY, NULL},
    {SIM_QUALITY_CLASSIFICATION, "classification"},
    {SIM_QUALITY_CODE, "code"},
    {SIM_QUALITY_DOCUMENTATION, "documentation"},
    {SIM_QUALITY_EXTRACTION, "extraction"},
    {SIM_QUALITY_FORMATTING, "formatting"},
    {SIM_QUALITY_REASONING, "reasoning"},
    {SIM_QUALITY_REVIEW, "review"},
    {SIM_QUALITY_SUMMARISING, "summarising"},
};

void sim_break_task(const struct sim_serving *serving, struct sim_answer *answer)
{
	struct text task = serving->canonical ? serving->reference.task : (struct text){NULL, 0};

	for (size_t i = 0; task.data != NULL && i < ARRAY_LENGTH(task_breaks); i++) {
		const char *kind = task_breaks[i].kind;
		if ((kind != NULL && !text_is(task, kind)) ||
		    !sim_breaks(serving, task_breaks[i].which))
			continue;
		answer->content = TEXT("There is more than one way to see this.");
		answer->tool_call_count = 0;
		answer->finish_reason = (struct text){NULL, 0};
	}
}
