/* What the files of the simulator's Anthropic dialect share. */
#ifndef PROVISO_PROVIDERS_SIM_SIM_ANTHROPIC_H
#define PROVISO_PROVIDERS_SIM_SIM_ANTHROPIC_H

#include "providers/sim/sim_native.h"

#define SIM_ANTHROPIC_SIGNED "anthropic thinking"

extern const char *const sim_anthropic_carried[];

/* The request: its parameters (sim_anthropic_params.c), its messages (sim_anthropic.c). */
MUST_CHECK bool sim_anthropic_read(struct sim_native_ask *ask);
MUST_CHECK bool sim_anthropic_messages(struct sim_native_ask *ask);

/* The reply (sim_anthropic_write.c). */
void sim_anthropic_render(const struct sim_completion *completion, struct json_writer *writer);
void sim_anthropic_stream(const struct sim_completion *completion, struct sim_stream *out);
int sim_anthropic_error(const struct sim_serving *serving, const struct sim_error *error,
                        struct text_buf *out);
void sim_anthropic_limits(const struct sim_serving *serving, int64_t tokens,
                          struct sim_output *out);

#endif
