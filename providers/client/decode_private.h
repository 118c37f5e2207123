/* What the decoders of clients' requests share; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_DECODE_PRIVATE_H
#define PROVISO_PROVIDERS_DECODE_PRIVATE_H

#include "harness/base/json_write.h"
#include "providers/client/decode.h"

enum { DECODED_MAX_BYTES = 256 << 20 };

struct decoding {
	const struct json *root;
	struct arena *arena;
	struct json_writer json; /* of the chat request */
	struct dropped dropped;
	const struct json *state; /* what the next assistant's turn carries unread; NULL: nothing */
	struct decode_fault *fault;
	bool refused;
};

/* The request can't be carried; the first reason stays. */
void decode_refuse(struct decoding *d, const char *param, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* A member that is there and not null, else NULL. */
MUST_CHECK const struct json *decode_field(const struct json *object, const char *name);
/* Writes the root's member under its name there; nothing where it is absent or null. */
void decode_copy(struct decoding *d, const char *from, const char *to);
void decode_drop(struct decoding *d, const char *field);
/* The members of `object` that are not among `carried` (NULL-terminated), as WHERE.NAME. */
void decode_drop_others(struct decoding *d, const struct json *object, const char *where,
                        const char *const *carried);
/* Writes the root's tools, each by `write`; false where there are none. */
MUST_CHECK bool decode_tools(struct decoding *d,
                             void (*write)(struct decoding *d, const struct json *tool));
/* A part of a message's content: text, and what stands behind a URL. */
void decode_write_text(struct decoding *d, struct text text);
void decode_write_image(struct decoding *d, struct text url, struct text detail);
void decode_write_file(struct decoding *d, struct text name, struct text data);
/* {"id","type":"function","function":{"name","arguments"}}; `extra` NULL: no extra_content. */
void decode_write_call(struct decoding *d, struct text id, struct text name, struct text arguments,
                       const struct json *extra);
/*
 * Whether a block of a message was written here and is no thought of whoever reads messages: what
 * stands in for another target's state (reply_state.h), or thoughts that nobody signed.
 */
MUST_CHECK bool decode_is_ours(const struct json *block);
/* {"type":"function","function":{"name"}} */
void decode_write_named(struct decoding *d, struct text name);
/* Runs `write` on an object and gives what came of it. */
MUST_CHECK bool decode_run(const struct json *root, struct arena *arena,
                           void (*write)(struct decoding *d), struct decoded *out,
                           struct decode_fault *fault);

#endif
