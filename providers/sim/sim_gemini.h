/* What the files of the simulator's Gemini dialect share. */
#ifndef PROVISO_PROVIDERS_SIM_SIM_GEMINI_H
#define PROVISO_PROVIDERS_SIM_SIM_GEMINI_H

#include "providers/sim/sim_native.h"

#define SIM_GEMINI_SIGNED "gemini thought"
/* What a client sends where it has lost a signature. */
#define SIM_GEMINI_UNSIGNED "skip_thought_signature_validator"

extern const char *const sim_gemini_carried[];

/* The request: parameters (sim_gemini_params.c), contents (sim_gemini.c). */
MUST_CHECK bool sim_gemini_read(struct sim_native_ask *ask);
MUST_CHECK bool sim_gemini_contents(struct sim_native_ask *ask);
/* "Unknown name": false. `place` is where, "" at the top. */
bool sim_gemini_unknown(struct sim_native_ask *ask, struct text name, const char *place);
/* A schema of its kind as JSON Schema, as one value; false: refused. */
MUST_CHECK bool sim_gemini_schema(struct sim_native_ask *ask, const struct json *schema,
                                  size_t depth);
/* Whether calls carry signatures, and must carry them back: from Gemini 3 on. */
MUST_CHECK bool sim_gemini_signs(struct text model);

/* The reply (sim_gemini_write.c). */
void sim_gemini_render(const struct sim_completion *completion, struct json_writer *writer);
void sim_gemini_stream(const struct sim_completion *completion, struct sim_stream *out);
int sim_gemini_error(const struct sim_serving *serving, const struct sim_error *error,
                     struct text_buf *out);

#endif
