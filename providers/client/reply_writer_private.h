/* What the writers of the clients' formats share; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_REPLY_WRITER_PRIVATE_H
#define PROVISO_PROVIDERS_REPLY_WRITER_PRIVATE_H

#include "harness/base/json_write.h"
#include "providers/client/reply_writer.h"

/* How much of a call was written. */
struct written_call {
	bool begun;
	size_t arguments; /* bytes of them */
};

/* An item of a response, in the order in which they are told. */
struct written_item {
	int kind;
	int64_t call;    /* of a call: which */
	size_t from, to; /* of a text: its part of all that was said; an open one has no end yet */
};

/* How much of a choice was written. */
struct written_choice {
	int64_t index;
	bool begun;                            /* its first chunk, with the role */
	size_t content, reasoning, refusal;    /* bytes of each */
	size_t thinking_blocks, parts, extras; /* how many of each */
	struct written_call *calls;            /* arena */
	size_t call_room;
	/* --- of the formats that have blocks --- */
	int block;                  /* kind of the block that is open; 0: none */
	bool block_is_unsigned;     /* thoughts, and no signature was told yet */
	int64_t block_call;         /* of which call */
	int64_t blocks;             /* begun */
	struct written_item *items; /* arena; of responses, as many as blocks */
	size_t item_room;
};

struct reply_format {
	const char *stream_type;
	/* What is new of a stream, one choice at a time; and its end. */
	void (*update)(struct reply_writer *writer, const struct chat_reply *reply);
	void (*end)(struct reply_writer *writer, const struct chat_reply *reply);
	/* A whole body. */
	void (*body)(struct reply_writer *writer, const struct chat_reply *reply);
	/* An error within a stream. */
	void (*error)(struct reply_writer *writer, const struct chat_error *error);
	/* An error's body. */
	void (*error_body)(const struct chat_error *error, int status, struct text_buf *out);
};

struct reply_writer {
	struct reply_writer_options options;
	const struct reply_format *format;
	struct arena arena;             /* of the reply */
	struct arena scratch;           /* of one update */
	struct text_buf *out;           /* of the update at hand */
	struct written_choice *choices; /* arena */
	size_t choice_count;
	bool begun;       /* the stream's first event is out */
	int64_t sequence; /* of formats that number events */
	struct text id;   /* arena; as the client sees it */
};

extern const struct reply_format reply_format_chat, reply_format_messages, reply_format_responses;

/* The state of that choice; made where it is new. */
MUST_CHECK struct written_choice *written_choice_of(struct reply_writer *writer, int64_t index);
MUST_CHECK struct written_call *written_call_of(struct reply_writer *writer,
                                                struct written_choice *choice, size_t call);
/* What of `whole` was not written yet; counts it as written. Whole characters only. */
MUST_CHECK struct text written_rest(struct text whole, size_t *written);
/* The model that answered, else the one that was asked. */
MUST_CHECK struct text writer_model(const struct reply_writer *writer,
                                    const struct chat_reply *reply);
/* The id that the provider gave the reply, or one that is made from the seed: PREFIXhex. Arena. */
MUST_CHECK struct text writer_reply_id(struct reply_writer *writer, const struct chat_reply *reply,
                                       const char *prefix);
/* The same of a call: providers without ids for calls get one that is the same each time. */
MUST_CHECK struct text writer_call_id(struct reply_writer *writer,
                                      const struct chat_tool_call *call, int64_t choice, size_t at);
/* One event: "event: NAME" where there is a name (else NULL), and `json` as its data. */
void writer_event(struct reply_writer *writer, const char *name, struct text json);
/* Writes "cache_creation", Anthropic's: what was put into the cache for how long, at what price. */
void writer_cache_creation(struct json_writer *json, const struct chat_usage *usage);
/* An error's type in OpenAI's words, and what a client may rely on in `code`; by status. */
const char *openai_error_type(int status, const struct chat_error *error);
/* Data NULL: none. */
struct text openai_error_code(int status, const struct chat_error *error);

#endif
