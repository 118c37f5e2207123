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
/*
 * What becomes of the request's members, null ones apart: those in `refused` are refused, and what
 * stands in neither list is dropped. Both are NULL-terminated; the caller writes the `carried`.
 */
void encode_check_members(struct encoding *encoding, const char *const *carried,
                          const char *const *refused);
/* Refuses n but for 1. */
void encode_check_one_answer(struct encoding *encoding);
/* Refuses logprobs but for false. */
void encode_check_logprobs(struct encoding *encoding);

/* A member that is there and not null, else NULL. */
MUST_CHECK const struct json *encode_field(const struct json *object, const char *name);
/* Writes the member under a native name as it stands; nothing where it is absent or null. */
void encode_copy(struct encoding *encoding, const char *field, const char *native);
/* max_completion_tokens, else max_tokens, else the model's own limit; -1: none is known. */
MUST_CHECK int64_t encode_max_tokens(const struct encoding *encoding);
/* The model that is asked, as the configuration knows it; NULL: it is not in it. */
MUST_CHECK const struct provider_model *encode_model(const struct encoding *encoding);

/* A system message's, by the role that it has or had. */
MUST_CHECK bool encode_is_system(const struct json *message);
/* Whether there are any; one behind the first turn is refused: put in front, it changes the turns.
 */
MUST_CHECK bool encode_has_system(struct encoding *encoding);
/*
 * A message's content as one text: a string, or its text parts joined; arena. Other parts are
 * refused.
 */
MUST_CHECK struct text encode_text(struct encoding *encoding, const struct json *content);
/* As it may stand in a URL's path; slashes are kept where `slashes` says so. Arena. */
MUST_CHECK struct text encode_path(struct encoding *encoding, struct text name, bool slashes);
/* "data:image/png;base64,AAAA" taken apart. False: it is no such URL. */
MUST_CHECK bool encode_data_url(struct text url, struct text *type, struct text *base64);
/* The arguments of a call as a JSON object; "" is {}. NULL, refused: they are none. Arena. */
MUST_CHECK const struct json *encode_arguments(struct encoding *encoding, const struct json *call);
enum encode_choice {
	ENCODE_CHOICE_ABSENT,
	ENCODE_CHOICE_AUTO,
	ENCODE_CHOICE_NONE,
	ENCODE_CHOICE_REQUIRED,
	ENCODE_CHOICE_NAMED,
};
/* tool_choice; `name` is that of the one tool, else "". Any other value is refused. */
MUST_CHECK enum encode_choice encode_choice_of(struct encoding *encoding, struct text *name);
/* Writes `stop` under a native name, as an array; at most so many (0: any number). */
void encode_stop(struct encoding *encoding, const char *native, uint32_t most);

/* The call of an earlier assistant message that has this id; NULL: there is none. */
MUST_CHECK const struct json *encode_call_of(const struct encoding *encoding, struct text id);

/*
 * A JSON Schema as the subset of OpenAPI that Gemini takes, as one value: references are put in
 * place, what has no place is dropped as "schema.KEYWORD". One that contains itself is refused.
 */
void encode_schema(struct encoding *encoding, const struct json *schema);

/* URL and headers of a POST; `path` is put behind the base URL. Up to two headers of one's own. */
MUST_CHECK bool encode_wire(struct encoding *encoding, const char *key_header,
                            const char *key_prefix, struct text path,
                            const struct http_header *headers, size_t header_count,
                            struct wire_request *out);

#endif
