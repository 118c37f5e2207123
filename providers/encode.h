/*
 * Requests in OpenAI's format as a native format wants them: what the encoders of the native
 * dialects share. (TRANSLATION.md, policy on losses: a field without which a case would pass
 * falsely is refused; one that changes nothing essential is dropped, and the list says so.)
 *
 * Private to encode_*.c and dialect_*.c.
 */
#ifndef PROVISO_PROVIDERS_ENCODE_H
#define PROVISO_PROVIDERS_ENCODE_H

#include "harness/base/http_parse.h"
#include "harness/base/json_write.h"
#include "providers/provider.h"

enum {
	ENCODE_MAX_BODY_BYTES = 64 << 20,
	ENCODE_MAX_DROPPED = 64, /* further ones are not listed */
	ENCODE_MAX_MESSAGES = 1 << 16,
};

struct encoding {
	const struct provider *provider;
	const struct chat_request *request;
	const struct json *root; /* of the request's body */
	struct arena *arena;
	struct text_buf body; /* the native one; encode_begin to encode_end */
	struct json_writer json;
	struct text dropped[ENCODE_MAX_DROPPED];
	size_t dropped_count;
	struct fault *fault;
	bool refused;
};

/*
 * Reads the request. False: it is no chat request, or its body is no JSON object (FAULT_REFUSED).
 */
MUST_CHECK bool encode_begin(struct encoding *encoding, const struct provider *provider,
                             const struct chat_request *request, struct arena *arena,
                             struct fault *fault);
/* The native body in the arena, and what was dropped; false where something was refused. */
MUST_CHECK bool encode_end(struct encoding *encoding, struct wire_request *out);

/* The request can't be carried: the first reason stays. `what` is a field's name or a phrase. */
void encode_refuse(struct encoding *encoding, const char *format, ...) PRINTF_LIKE(2, 3);
/* A field that is left out, by the name that the client gave it. */
void encode_drop(struct encoding *encoding, const char *field);
/* The same for each of a NULL-terminated list that the request holds and that is not null. */
void encode_drop_all(struct encoding *encoding, const char *const *fields);
/* Refuses each of them that the request holds and that is not null. */
void encode_refuse_all(struct encoding *encoding, const char *const *fields);

/* A member that is there and not null, else NULL. */
MUST_CHECK const struct json *encode_field(const struct json *object, const char *name);
/* Writes the member under a native name as it stands; nothing where it is absent or null. */
void encode_copy(struct encoding *encoding, const char *field, const char *native);
/* max_completion_tokens, else max_tokens, else the model's own limit; -1: none is known. */
MUST_CHECK int64_t encode_max_tokens(const struct encoding *encoding);
/* The model that is asked, as the configuration knows it; NULL: it is not in it. */
MUST_CHECK const struct provider_model *encode_model(const struct encoding *encoding);

/* A message's content as one text: a string, or its text parts joined; arena. */
MUST_CHECK struct text encode_text(struct encoding *encoding, const struct json *content);
/* "data:image/png;base64,AAAA" taken apart. False: it is no such URL. */
MUST_CHECK bool encode_data_url(struct text url, struct text *type, struct text *base64);
/* The arguments of a call as a JSON object; "" is {}. NULL, refused: they are none. Arena. */
MUST_CHECK const struct json *encode_arguments(struct encoding *encoding, const struct json *call);
/* The call of an earlier assistant message that has this id; NULL: there is none. */
MUST_CHECK const struct json *encode_call_of(const struct encoding *encoding, struct text id);

/* URL and headers of a POST; `path` is put behind the base URL. Up to two headers of one's own. */
MUST_CHECK bool encode_wire(struct encoding *encoding, const char *key_header,
                            const char *key_prefix, struct text path,
                            const struct http_header *headers, size_t header_count,
                            struct wire_request *out);

#endif
