/*
 * A dialect: the wire format a provider speaks. One row of functions each; the
 * openai dialect passes bodies through untouched, the native ones translate.
 */
#ifndef PROVISO_PROVIDERS_DIALECT_H
#define PROVISO_PROVIDERS_DIALECT_H

#include "harness/base/settings.h"
#include "providers/chat.h"
#include "providers/reply/reply_reader.h"

struct provider;
struct provider_aws;
struct provider_model;
struct reply_shape;

/* What goes to the wire. The key is put in by the transport, named only by its header. */
struct wire_request {
	const char *method;
	const char *url; /* NUL-terminated, arena */
	struct http_header *headers;
	size_t header_count;
	const char *key_header; /* "Authorization", "x-api-key", "api-key"; NULL: no key */
	const char *key_prefix; /* "Bearer " or "" */
	/* The key signs the request (aws_sigv4.h) and does not travel; NULL: it does. */
	const struct provider_aws *aws;
	struct text body;
	const struct chat_wire *wire; /* how it travels; NULL: as always. Set by the attempt */
	struct text_list dropped;     /* fields of the request that have no place in the dialect */
};

struct dialect {
	const char *name;    /* "openai" */
	bool openai_replies; /* they are read and passed on as they are; else translated */
	bool lines;          /* a stream is lines of JSON, no events */
	bool frames;         /* a stream is binary frames (event_stream.h), no events */
	bool calls_whole;    /* a streamed call comes in one piece, always */
	bool no_cache_count; /* its usage can't tell what was read from a cache */
	bool no_retry_after; /* a 429 of it never says when to come back */
	/*
	 * The request in this dialect, in the arena. False where it can't be carried:
	 * the fault says which field.
	 */
	bool (*encode)(const struct provider *provider, const struct chat_request *request,
	               struct arena *arena, struct wire_request *out, struct fault *fault);
	/* What its replies are read as; NULL: one of OpenAI's shapes, by what stands in them. */
	const struct reply_shape *shape;
};

extern const struct dialect dialect_openai, dialect_azure, dialect_anthropic, dialect_gemini,
    dialect_cohere, dialect_ollama, dialect_bedrock;

/* NULL where there is no such dialect. */
MUST_CHECK const struct dialect *dialect_from_name(struct text name);
/* All names, NULL-terminated, for messages. */
extern const char *const dialect_names[];

#endif
