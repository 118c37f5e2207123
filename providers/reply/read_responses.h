/*
 * Responses: what a whole one and a streamed one share. Private to read_responses.c
 * and read_responses_stream.c.
 */
#ifndef PROVISO_PROVIDERS_READ_RESPONSES_H
#define PROVISO_PROVIDERS_READ_RESPONSES_H

#include "providers/reply/reply_build.h"

/* All output is read into one choice; never NULL: it is the first. */
struct build_choice *read_responses_choice(struct reply_build *build);
/* Whether an output item of that type is a call for the client. */
bool read_responses_is_call(struct text type);
/* A call as it is announced: its arguments mostly come later. NULL past the cap. */
struct build_call *read_responses_new_call(struct reply_build *build, const struct json *item);
/* `arguments` or, of a custom tool, `input`; data NULL: no string. */
struct text read_responses_arguments(const struct json *item);
void read_responses_whole_call(struct reply_build *build, const struct json *item);
void read_responses_output(struct reply_build *build, const struct json *output);
/* A message begins: custom calls before it were run by the provider itself. */
void read_responses_settle_served(struct reply_build *build);
void read_responses_error(struct reply_build *build, const struct json *error);
void read_responses_usage(struct reply_build *build, const struct json *response);
/* RS-01: whether a response that has ended is one, with its items and usage. */
void read_responses_judge(struct reply_build *build, const struct json *root);
/* The status as a finish reason. */
void read_responses_finish(struct reply_build *build, const struct json *response);

void read_responses_event(struct reply_build *build, const struct sse_event *event,
                          const struct json *root);
void read_responses_end(struct reply_build *build, bool cut);

#endif
