/*
 * Reads what a provider sent into a chat_reply: tolerant in what it takes, exact
 * in what it records. Every deviation it tolerates becomes a violation, so that
 * the same bytes serve the judgement (strict) and the relay (lenient).
 *
 * One reader for all: the dialect decides what an event or a body means. With
 * dialect NULL the shape is recognised from the bytes.
 */
#ifndef PROVISO_PROVIDERS_REPLY_READER_H
#define PROVISO_PROVIDERS_REPLY_READER_H

#include "providers/chat.h"
#include "providers/wire/sse.h"

struct dialect;
struct reply_reader;

/* What is known beside the bytes; zero/NULL where it is not. */
struct reply_context {
	const struct dialect *dialect;      /* NULL: recognise */
	const struct chat_request *request; /* NULL: judge only what needs no request */
	int status;                         /* 0: not known (a file) */
	struct text content_type;           /* data NULL: not known */
	struct text error_type;             /* AWS's header x-amzn-errortype; data NULL: none */
	/* What the head says of the whole, where the body does not: LiteLLM's. Data NULL: nothing.
	 */
	struct text cost_usd, served_by;
	bool cut; /* for reply_read: the framing did not end cleanly */
	/*
	 * Of content, reasoning and refusal only so much is kept (0: all), so that a stream that is
	 * passed on takes no memory that grows with it; text_bytes counts them all.
	 */
	size_t text_kept_bytes;
	/*
	 * For what lives while one call of the reader runs; shared by all readers of a thread, or
	 * thousands of streams would each keep some. NULL: one of its own.
	 */
	struct arena *scratch;
};

enum { REPLY_MAX_BYTES = 64 << 20 };

/* The reader and the reply live in the arena; the context is copied. */
MUST_CHECK struct reply_reader *reply_reader_new(const struct reply_context *context,
                                                 struct arena *arena);
/* at_us: when these bytes came, on any clock. */
void reply_reader_feed(struct reply_reader *reader, struct text bytes, int64_t at_us);
/* cut: the connection broke before the framing's end. Call once; then the reply is final. */
const struct chat_reply *reply_reader_end(struct reply_reader *reader, bool cut);
/* While it streams: what is known so far (never NULL). */
const struct chat_reply *reply_reader_reply(const struct reply_reader *reader);
/* Frees the heap buffers of the reader (the reply stays). Needed also after end. */
void reply_reader_done(struct reply_reader *reader);

/* Whole bytes at once. */
MUST_CHECK const struct chat_reply *reply_read(const struct reply_context *context,
                                               struct text bytes, struct arena *arena);

/* False: neither JSON nor a stream of events (HTML, nothing, a cut body). */
MUST_CHECK bool reply_is_readable(const struct chat_reply *reply);

/*
 * The `inspect` output of the contract as JSON. more: writes what others found into its list of
 * violations, each by reply_write_violation, and says how many it left out; may be NULL.
 */
struct json_writer;
void reply_write_json(const struct chat_reply *reply, struct json_writer *writer,
                      size_t (*more)(void *context, struct json_writer *writer), void *context);
void reply_write_violation(struct json_writer *writer, const char *case_id, struct text detail,
                           enum wire_grade grade);

/* --- for dialects: the reply under construction (reply_build.c) ----------- */

struct reply_build; /* opaque: reached through these verbs */

void reply_saw(struct reply_build *build, enum wire_rule rule);
void reply_violates(struct reply_build *build, enum wire_rule rule, enum wire_grade grade,
                    const char *format, ...) PRINTF_LIKE(4, 5);

#endif
