/*
 * A reply written in the format that a client speaks, from a reply in whatever format it came:
 * the other half of reply_reader.h. Between the two stands chat_reply alone, so that every
 * provider's format can be had in every client's.
 *
 * A stream is written from what is known so far: each update writes what is new since the last.
 * Nothing is made up: what the provider did not say is left out, and a reply that broke off is not
 * given an end.
 */
#ifndef PROVISO_PROVIDERS_REPLY_WRITER_H
#define PROVISO_PROVIDERS_REPLY_WRITER_H

#include "providers/chat.h"

/* The formats that clients speak; the endpoint that they ask says which. */
enum client_format {
	CLIENT_CHAT,      /* OpenAI's chat completions */
	CLIENT_MESSAGES,  /* Anthropic's messages */
	CLIENT_RESPONSES, /* OpenAI's responses */
	CLIENT_FORMATS
};

struct reply_writer_options {
	enum client_format format;
	bool streamed;
	bool usage_asked;  /* of a chat stream: a last chunk with usage */
	int64_t created_s; /* when the answer came, UNIX seconds: for formats that tell */
	struct text model; /* as it was asked: where the provider does not say which one answers */
	struct text seed;  /* what made-up ids are made from; the same seed, the same ids */
};

struct reply_writer;

/* Owned; never NULL. The options' texts are copied. */
MUST_CHECK struct reply_writer *reply_writer_new(const struct reply_writer_options *options);
void reply_writer_free(struct reply_writer *writer);
/* "application/json", "text/event-stream". */
const char *reply_writer_content_type(const struct reply_writer *writer);
/*
 * Of a stream: appends to `out` what is new. `reply` is the same reply each time, grown. Of what is
 * not streamed: nothing before the end.
 */
void reply_writer_update(struct reply_writer *writer, const struct chat_reply *reply,
                         struct text_buf *out);
/*
 * The rest of the stream, or the whole body. Where the reply holds an error, the error, and of a
 * stream no end behind it; where it is cut or incomplete, of a stream no end.
 */
void reply_writer_end(struct reply_writer *writer, const struct chat_reply *reply, bool cut,
                      struct text_buf *out);

/*
 * A provider's refusal (status 400 and up) in the client's envelope, with the provider's own words;
 * the status that goes with it: 529 and the like have no place with OpenAI's clients.
 */
int reply_write_error(const struct chat_reply *reply, int status, enum client_format format,
                      struct text_buf *out);

#endif
