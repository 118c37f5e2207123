/*
 * What goes wrong when many ask, when much is asked, and with time: each defect is a branch here.
 */
#include "providers/sim/sim_memory.h"
#include "providers/sim/sim_private.h"

/* Said to whoever asked before, and to whoever asks next what is said here. */
static void load_mix_up(const struct sim_serving *serving, struct sim_answer *answer, uint64_t key)
{
	struct text before = sim_memory_exchange(serving->setup->memory, key, answer->content);

	if (before.data != NULL)
		answer->content = text_copy(serving->arena, before);
	sim_memory_forget(before);
}

void sim_break_load(const struct sim_serving *serving, const struct sim_ask *ask UNUSED,
                    struct sim_answer *answer)
{
	if (sim_breaks(serving, SIM_CO_01))
		load_mix_up(serving, answer, SIM_CO_01);
}

bool sim_break_crowd(const struct sim_serving *serving, struct sim_error *error)
{
	/* Who asks alone, before all the others, is served. */
	if (!sim_breaks(serving, SIM_CO_02) || serving->step == 0 || serving->serial % 2 != 0)
		return false;
	*error = (struct sim_error){.status = 429,
	                            .message = TEXT("Too many requests at the same time."),
	                            .type = TEXT("requests"),
	                            .code = TEXT("rate_limit_exceeded")};
	return true;
}
