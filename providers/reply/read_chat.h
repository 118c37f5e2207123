/*
 * Chat completions: what a streamed chunk and a whole body share. Private to
 * read_chat.c, read_chat_stream.c and read_chat_delta.c.
 */
#ifndef PROVISO_PROVIDERS_READ_CHAT_H
#define PROVISO_PROVIDERS_READ_CHAT_H

#include "providers/reply/reply_build.h"

/* For details: "choices[0].delta" or "choices[0].message". */
struct read_chat_place {
	int64_t choice;
	const char *member;
};

/* `content` of a delta or message: a string, null, parts, or what it should not be. */
void read_chat_content(struct reply_build *build, struct build_choice *choice,
                       const struct json *content, const struct read_chat_place *place);
/* Thoughts, wherever they stand. */
void read_chat_thoughts(struct reply_build *build, struct build_choice *choice,
                        const struct json *delta);
/* Signed thoughts and the like of a delta or message, which nobody but their maker reads. */
void read_chat_opaque(struct reply_build *build, struct build_choice *choice,
                      const struct json *delta);
/* One fragment of one streamed tool call. */
void read_chat_fragment(struct reply_build *build, struct build_choice *choice,
                        const struct json *fragment, size_t position);
/* The old `function_call`, streamed or whole. */
void read_chat_function_call(struct reply_build *build, struct build_choice *choice,
                             const struct json *function);
/* Members of the envelope that need no judgement: id, model, fingerprint, who served. */
void read_chat_envelope(struct reply_build *build, const struct json *root);

void read_chat_event(struct reply_build *build, const struct sse_event *event,
                     const struct json *root);
void read_chat_end(struct reply_build *build, bool cut);

#endif
