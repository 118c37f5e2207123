/*
 * The simulator in the formats that are no OpenAI's: each reads its own request into the chat
 * request that it amounts to, refusing what its servers refuse, and says the reply in its own
 * words, whole or as a stream. Private to the simulator.
 */
#ifndef PROVISO_PROVIDERS_SIM_SIM_NATIVE_H
#define PROVISO_PROVIDERS_SIM_SIM_NATIVE_H

#include "providers/sim/sim_private.h"

/* A native request while it is read. */
struct sim_native_ask {
	const struct sim_serving *serving;
	const struct json *body;
	struct text model; /* from the path; data NULL: it stands in the body */
	bool counted;      /* only the tokens are asked for */
	bool streamed_by_path;
	bool array;        /* a stream without SSE: one JSON array */
	bool thinks;       /* thoughts are asked for */
	struct json *chat; /* what the request amounts to */
	/* while the chat request is written */
	struct text_buf *buffer;
	struct json_writer *writer;
	struct sim_error *error;
};

/* A dialect. */
struct sim_native {
	const char *name;
	/* Members of a chat request that it carries, beside model and messages; NULL-terminated. */
	const char *const *carried;
	const char *stream_type; /* content type of a stream */
	/* Whether who asks may: keys and versions. */
	bool (*admit)(const struct sim_serving *serving, const struct sim_request *request,
	              struct sim_error *error);
	/* Whether a stream is asked for. */
	bool (*is_streamed)(const struct sim_native_ask *ask);
	/* Writes the members of the chat request but for `stream`. False: *error says why not. */
	bool (*read)(struct sim_native_ask *ask);
	void (*render)(const struct sim_completion *completion, struct json_writer *writer);
	void (*stream)(const struct sim_completion *completion, struct sim_stream *out);
	/* Returns the status that it is sent with. */
	int (*error)(const struct sim_serving *serving, const struct sim_error *error,
	             struct text_buf *out);
	bool filters; /* it has a word for what a filter keeps back */
	/* Headers of what is left; NULL: it has none. */
	void (*limits)(const struct sim_serving *serving, int64_t tokens, struct sim_output *out);
};

extern const struct sim_native sim_anthropic, sim_bedrock, sim_gemini, sim_cohere, sim_ollama;

/* --- the way in (sim_native.c) --- */

/* True: the path is a native one; the outcome, or *error, is its dialect's. */
MUST_CHECK bool sim_native_serve(struct sim_serving *serving, const struct sim_request *request,
                                 struct sim_output *out, bool *good, struct sim_error *error);

/* --- Azure's doors (sim_azure.c) --- */

MUST_CHECK bool sim_azure_is(const struct sim_request *request);
/* Turns it into OpenAI's own. False: *error says why it may not come in. */
MUST_CHECK bool sim_azure_enter(struct sim_serving *serving, struct sim_request *request,
                                struct sim_output *out, struct sim_error *error);

/* --- what the dialects share (sim_native_read.c) --- */

/* Whether that key lets in; empty: none came. */
MUST_CHECK bool sim_native_admits(const struct sim_serving *serving, struct text key);
/* Status 400, words formatted; false. */
bool sim_native_refuse(struct sim_native_ask *ask, const char *format, ...) PRINTF_LIKE(2, 3);
/* The member, by either spelling, that is there and not null; `other` may be NULL. */
MUST_CHECK const struct json *sim_native_field(const struct json *object, const char *name,
                                               const char *other);
/* The first member that is none of `known` (NULL-terminated), or NULL. */
MUST_CHECK const struct json *sim_native_unknown(const struct json *object,
                                                 const char *const *known);
/* Whether the number lies within; false also where it is none. */
MUST_CHECK bool sim_native_within(const struct json *number, const char *min, const char *max);
/* Writes a member under its name in chat, where it is there. */
void sim_native_copy(struct sim_native_ask *ask, const struct json *object, const char *name,
                     const char *chat);
void sim_native_text_part(struct sim_native_ask *ask, struct text text);
/* The base64 as a data URL in a part of a picture. */
void sim_native_image_part(struct sim_native_ask *ask, struct text type, struct text base64);
void sim_native_image_url(struct sim_native_ask *ask, struct text url);
/* "image/png" by the first bytes of the base64; data NULL: no picture. */
MUST_CHECK struct text sim_native_image_type(struct text base64);
/* One entry of tool_calls. arguments: JSON. */
void sim_native_call(struct sim_native_ask *ask, struct text id, struct text name,
                     struct text arguments);
/* One tool of the chat request; parameters NULL: none. */
void sim_native_tool(struct sim_native_ask *ask, const struct json *source,
                     const struct json *parameters);
/* tool_choice of one function by name. */
void sim_native_named_choice(struct sim_native_ask *ask, struct text name);
/* response_format; schema NULL: any JSON object. */
void sim_native_format(struct sim_native_ask *ask, const struct json *schema);
/* What only who made it can check: of a text, base64; arena. */
MUST_CHECK struct text sim_native_signature(const struct sim_serving *serving, const char *kind,
                                            struct text signed_text);
/* The arguments as a JSON object, or NULL: they are none (cut, or broken). */
MUST_CHECK const struct json *sim_native_arguments(const struct sim_serving *serving,
                                                   const struct sim_call *call);

/* --- events (sim_native_stream.c) --- */

/* Writes one event's bytes; the JSON object is open between begin and end. */
struct sim_native_event {
	struct sim_stream *stream;
	struct text_buf bytes;
	struct json_writer json;
};
void sim_native_stream_begin(const struct sim_completion *completion, struct sim_stream *out);
/* event NULL: a line of data only. lines: no SSE. */
void sim_native_event_begin(struct sim_native_event *event, struct sim_stream *stream,
                            const char *name, bool lines);
void sim_native_event_end(struct sim_native_event *event, enum sim_chunk_kind kind,
                          const char *behind);
/* An event of bytes as they are, before `at`. */
void sim_native_event_raw(struct sim_stream *stream, size_t at, enum sim_chunk_kind kind,
                          struct text bytes);
/* The next piece of a text from `from` on: a token, or some bytes of arguments. */
MUST_CHECK struct text sim_native_piece(struct text whole, size_t from, bool arguments);

/* --- what goes wrong (sim_break_native.c) --- */

void sim_break_native_completion(struct sim_completion *completion);
void sim_break_native_stream(struct sim_stream *stream);
/* Reasons to finish that only these defects give. */
#define SIM_GEMINI_MALFORMED "malformed"
#define SIM_OLLAMA_LOADED "load"

#endif
