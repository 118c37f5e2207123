/* The simulator as Bedrock's Converse; private to its files. */
#ifndef PROVISO_PROVIDERS_SIM_SIM_BEDROCK_H
#define PROVISO_PROVIDERS_SIM_SIM_BEDROCK_H

#include "providers/sim/sim_native.h"

/* What a signature of thoughts is of. */
#define SIM_BEDROCK_SIGNED "bedrock thinking"

/* "/model/MODEL/converse": the model decoded, arena. False: another path. */
MUST_CHECK bool sim_bedrock_path(struct text path, struct arena *arena, struct text *model,
                                 bool *streamed);

/* sim_bedrock_write.c: the answer */
void sim_bedrock_render(const struct sim_completion *completion, struct json_writer *writer);
void sim_bedrock_stream(const struct sim_completion *completion, struct sim_stream *out);
int sim_bedrock_error(const struct sim_serving *serving, const struct sim_error *error,
                      struct text_buf *out);
/* The value of x-amzn-errortype. */
MUST_CHECK struct text sim_bedrock_error_type(const struct sim_error *error);
/* One frame; arena. */
MUST_CHECK struct text sim_bedrock_frame(struct arena *arena, const char *type, const char *name,
                                         struct text payload);

#endif
