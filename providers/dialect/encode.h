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
#include "providers/dropped.h"
#include "providers/provider.h"

/* Twice what the proxy takes in by default: the native form of a body may be longer. */
enum { ENCODE_MAX_BODY_BYTES = 64 << 20 };

/* How a dialect's requests are let in: the key's header, and headers that are always the same. */
struct encode_door {
	const char *key_header, *key_prefix;
	const struct http_header *headers;
	size_t header_count;
};

struct encoding {
	const struct provider *provider;
	const struct chat_request *request;
	const struct json *root; /* of the request's body */
	struct arena *arena;
	struct text_buf body; /* the native one; encode_begin to encode_end */
	struct json_writer json;
	struct dropped dropped;
	struct fault *fault;
	bool refused;
};

/*
 * Reads the request and begins its native body, an object. Every dialect carries model, messages,
 * max_tokens, max_completion_tokens, temperature, top_p, stop, stream, stream_options, tools,
 * tool_choice, response_format and reasoning_effort; each but `carried` (NULL-terminated), which
 * the caller writes too, refuses more answers than one, logprobs, audio and what came before tools.
 * What is neither is dropped. False: it is no chat request, or its body is no JSON object
 * (FAULT_REFUSED).
 */
MUST_CHECK bool encode_begin(struct encoding *encoding, const struct provider *provider,
                             const struct chat_request *request, const char *const *carried,
                             struct arena *arena, struct fault *fault);
/*
 * The POST in the arena: the native body, which ends here, behind the base URL `path`, headers of
 * the dialect's own; and what was dropped. False where something was refused, or there is no base
 * URL.
 */
MUST_CHECK bool encode_end(struct encoding *encoding, const struct encode_door *door,
                           struct text path, struct wire_request *out);

/* The request can't be carried: the first reason stays. `what` is a field's name or a phrase. */
void encode_refuse(struct encoding *encoding, const char *format, ...) PRINTF_LIKE(2, 3);
/* A field that is left out, by the name that the client gave it. */
void encode_drop(struct encoding *encoding, const char *field);
/* A member that is there and not null, else NULL. */
MUST_CHECK const struct json *encode_field(const struct json *object, const char *name);
/*
 * Drops the members of `object` that are not null and not among `carried` (NULL-terminated), as
 * WHERE.NAME.
 */
void encode_drop_others(struct encoding *encoding, const struct json *object, const char *where,
                        const char *const *carried);
/* Writes the member under a native name as it stands; nothing where it is absent or null. */
void encode_copy(struct encoding *encoding, const char *field, const char *native);
/* Writes max_completion_tokens, else max_tokens, under a native name; nothing where both lack. */
void encode_limit(struct encoding *encoding, const char *native);
/* max_completion_tokens, else max_tokens, else the model's own limit; -1: none is known. */
MUST_CHECK int64_t encode_max_tokens(const struct encoding *encoding);
/* The model that is asked, as the configuration knows it; NULL: it is not in it. */
MUST_CHECK const struct provider_model *encode_model(const struct encoding *encoding);

/*
 * The version in the model's name, in tenths: of family "gemini-" 25 for gemini-2.5-pro, of
 * "claude" 47 for claude-opus-4-7. 0: another model, or none is said.
 */
MUST_CHECK int64_t encode_version(const struct encoding *encoding, const char *family);

/* A system message's, by the role that it has or had. */
MUST_CHECK bool encode_is_system(const struct json *message);
/* Whether there are any; one behind the first turn is refused: put in front, it changes the turns.
 */
MUST_CHECK bool encode_has_system(struct encoding *encoding);
/* A message's role; a developer's is the system's. One that no dialect knows is refused. */
MUST_CHECK struct text encode_role(struct encoding *encoding, const struct json *message);
/*
 * A message's content as one text: a string, or its text parts and refusals joined; arena. Parts of
 * type `apart` are passed over, NULL: none; other ones are refused.
 */
MUST_CHECK struct text encode_text(struct encoding *encoding, const struct json *content,
                                   const char *apart);
/* Refuses a part of a message that has no place. */
void encode_refuse_part(struct encoding *encoding, struct text type);
/*
 * What becomes of a message's members. Every dialect carries role, content, refusal, tool_calls and
 * tool_call_id; others but `carried` are dropped as "messages.NAME", and refused where the message
 * would not be the same without them.
 */
void encode_check_message(struct encoding *encoding, const struct json *message,
                          const char *const *carried);
/* Drops what stands in a part beside its type and `payload`, as "messages.content.NAME". */
void encode_check_part(struct encoding *encoding, const struct json *part, const char *payload);
/* Writes `messages` under that name, each by `write`. */
void encode_messages(struct encoding *encoding,
                     void (*write)(struct encoding *encoding, const struct json *message));
/*
 * Writes the message's tool_calls as they are, where there are any; their arguments as the objects
 * that they are text of, or as the text.
 */
void encode_calls(struct encoding *encoding, const struct json *message, bool objects);
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
/*
 * The request's tools, NULL where there are none. One that is no function is refused; `strict`:
 * whether any asks to be kept to.
 */
MUST_CHECK const struct json *encode_tools(struct encoding *encoding, bool *strict);
/*
 * Within the object of a tool: name, description, and its parameters under a native name, those of
 * a function without any as an empty object.
 */
void encode_function(struct encoding *encoding, const struct json *tool, const char *parameters);
enum encode_format {
	ENCODE_FORMAT_TEXT, /* also where nothing is said */
	ENCODE_FORMAT_JSON,
	ENCODE_FORMAT_SCHEMA,
};
/* response_format; `schema` is an object where it is one, else NULL. What else it is is refused. */
MUST_CHECK enum encode_format encode_format_of(struct encoding *encoding,
                                               const struct json **schema);
/* reasoning_effort as text; data NULL: not said. */
MUST_CHECK struct text encode_effort(const struct encoding *encoding);
/* Writes `stop` under a native name, as an array; at most so many (0: any number). */
void encode_stop(struct encoding *encoding, const char *native, uint32_t most);

/* The call of the history that a tool's message answers; NULL, refused: there is none. */
MUST_CHECK const struct json *encode_call_of(struct encoding *encoding, const struct json *message);

/* How a dialect whose turns hold blocks writes each of them, as an element of an array. */
struct encode_blocks {
	void (*text)(struct encoding *encoding, struct text text); /* nothing where it is empty */
	void (*image)(struct encoding *encoding, const struct json *image_url);
	void (*file)(struct encoding *encoding, const struct json *file);
	void (*thought)(struct encoding *encoding, const struct json *block); /* a signed one */
	void (*call)(struct encoding *encoding, const struct json *call);
	/* Opens a result, as so many objects within each other; in the inmost stands its content.
	 */
	void (*begin_result)(struct encoding *encoding, const struct json *message);
	int result_depth;
	bool begun_is_trimmed; /* an answer begun for the model may not end in white space */
};
/*
 * Writes "system", where there is any, and "messages" as turns that alternate: neighbours of one
 * role are one, which holds the results of the calls before it first. An answer that says nothing
 * makes no turn; the first must be the user's, else it is refused.
 */
void encode_turns(struct encoding *encoding, const struct encode_blocks *blocks);

/*
 * A JSON Schema as the subset of OpenAPI that Gemini takes, as one value: references are put in
 * place, what has no place is dropped as "schema.KEYWORD". One that contains itself is refused.
 */
void encode_schema(struct encoding *encoding, const struct json *schema);

/* URL and headers of a POST, without a body: for requests that go out as they came. */
MUST_CHECK bool encode_wire(struct encoding *encoding, const struct encode_door *door,
                            struct text path, struct wire_request *out);

#endif
