/* The JSON of a response, its items and parts: shared by the plain reply and the events. */
#ifndef PROVISO_PROVIDERS_SIM_SIM_RESPONSES_WRITE_H
#define PROVISO_PROVIDERS_SIM_SIM_RESPONSES_WRITE_H

#include "providers/sim/sim_responses.h"

#define SIM_RESPONSE_FAILURE "The server had an error while processing your request."

/* status: in_progress (without output yet), failed, or the response's own. */
void sim_write_response(struct json_writer *writer, const struct sim_response *response,
                        const char *status);
/* status: in_progress (still empty), completed or incomplete. */
void sim_write_item(struct json_writer *writer, const struct sim_item *item, const char *status);
/* Of a message or of thoughts; whole: with its text. */
void sim_write_part(struct json_writer *writer, const struct sim_item *item, bool whole);

#endif
