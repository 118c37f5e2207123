/*
 * The reply under construction: what the readers of all dialects share. They say
 * what they saw (a text delta, a fragment of a tool call, usage, an error); here it is
 * folded, counted, bounded and in the end moved to the reply's arena.
 *
 * Private to the readers (read_*.c, dialect_*.c, usage.c, error_shape.c) and the reply reader.
 */
#ifndef PROVISO_PROVIDERS_REPLY_BUILD_H
#define PROVISO_PROVIDERS_REPLY_BUILD_H

#include "providers/dialect/dialect.h"
#include "providers/reply/reply_reader.h"

enum {
	BUILD_EVENT_MAX_NODES = 1 << 20, /* JSON values in one event */
	BUILD_SAME_VIOLATIONS = 3,       /* kept of one kind: more would only repeat */
	BUILD_MAX_KINDS = 128,           /* kinds of violations told apart */
	BUILD_FIRST_KINDS = 8,
	BUILD_MAX_NAME_BYTES = 4096, /* of an id, a model, a tool's name: longer is cut */
};

/* A tool call as it comes in pieces. */
struct build_call {
	int64_t index; /* as sent; -1 */
	int64_t key;   /* where its pieces belong: output_index, content block; -1 */
	struct text id, type, name, item_id;
	uint32_t id_hash;
	struct text_buf arguments;
	unsigned fragments;
	bool arguments_sent;  /* also an empty string counts */
	bool custom;          /* free text instead of JSON (OpenAI's custom tools) */
	bool served;          /* the provider ran the tool itself: no call for the client */
	struct text extra;    /* arena; see chat_tool_call */
	struct json *partial; /* what came of arguments by paths; NULL: none */
};

/* In which member thoughts came; a bit each. */
enum build_thoughts {
	THOUGHTS_REASONING_CONTENT = 1,
	THOUGHTS_REASONING = 2,
	THOUGHTS_DETAILS = 4,
	THOUGHTS_PARTS = 8,
};

struct build_choice {
	int64_t index;
	struct text role, finish_reason;
	struct text_buf content, reasoning, refusal;
	size_t content_bytes; /* that came; of a relayed stream `content` keeps only the first */
	bool content_sent, reasoning_sent, refusal_sent; /* a string came, maybe an empty one */
	bool begun;                                      /* a delta came */
	bool first_without_role;
	bool content_begun;                 /* a non-empty content delta came */
	bool moved_thoughts, late_thoughts; /* said already */
	unsigned finish_count;
	unsigned thoughts; /* enum build_thoughts of all deltas */
	int64_t finish_event;
	struct build_call **calls; /* in order of appearance */
	size_t call_count, call_room, published_room;
	struct build_call *function_call; /* the old member; NULL: none */
	struct chat_tool_call *published_function;
	const struct json *logprobs, *message;
	struct text extra; /* arena; see chat_choice */
	struct text *thinking_blocks;
	size_t thinking_block_count, thinking_block_room;
	struct text *parts, *logprob_items;
	size_t part_count, part_room, part_bytes, logprob_count, logprob_room;
};

/* What makes two violations the same but for their place. */
struct build_kind {
	enum wire_rule rule;
	enum wire_grade grade;
	const char *what; /* the text of the detail, compared by address */
	unsigned count;
};

struct reply_shape;
struct responses_state;

struct reply_build {
	struct arena *arena;       /* of the reply */
	struct arena *event_arena; /* nodes of the event at hand */
	struct arena own_scratch;  /* that, where the context brings none */
	struct reply_context context;
	struct chat_reply *reply;
	const struct reply_shape *shape; /* recognised; NULL: not yet */
	struct build_choice **choices;
	size_t choice_count, choice_room, published_room;
	size_t call_count; /* of all choices */
	size_t violation_room;
	struct build_kind *kinds; /* arena; NULL: none yet */
	size_t kind_count, kind_room;
	int64_t now_us;
	int64_t event; /* number of the event at hand, from 1; 0: a body */
	char where[48];
	bool unclosed_json; /* an event with content was not closed by a blank line */
	bool overflow;      /* over a cap: something was not read */
	bool torn;          /* bytes or escapes that are no text were replaced */
	/* --- of streamed chat completions and completions ------------------------- */
	struct text first_created, first_object;
	struct text first_id, first_model;
	int64_t chunks;            /* that are no filter results */
	int64_t done_event;        /* number of the [DONE]; 0 */
	int64_t usage_event;       /* number of the last event with usage; 0 */
	int64_t choices_event;     /* number of the last event with choices; 0 */
	bool usage_had_choices;    /* that event carried choices too */
	const char *usage_place;   /* where in it */
	int64_t usage_only_chunks; /* chunks that were there for usage alone */
	int64_t usage_output_before;
	int64_t usage_fresh_input; /* Anthropic's input_tokens: without what the cache gave */
	bool chunk_without_choices;
	/* --- of streamed responses and the native formats ------------------------- */
	int64_t sequence; /* last sequence_number; -1 */
	bool created_seen, terminal_seen, terminal_failed;
	struct responses_state *responses; /* arena; NULL: none yet */
	struct text stop;                  /* the reason in the native word, in the arena */
	size_t thinking_from;  /* where in the thoughts the block at hand begins: Anthropic's */
	struct text signature; /* of the block at hand, as far as it came; arena: Bedrock's */
};

/* Of one event, or of one call's arguments. */
extern const struct json_limits reply_build_limits;

/* --- life ----------------------------------------------------------------- */

void reply_build_init(struct reply_build *build, const struct reply_context *context,
                      struct arena *arena);
void reply_build_done(struct reply_build *build);
/* Makes what is known so far readable in the reply; the views live until the next event. */
void reply_build_publish(struct reply_build *build);
/* Moves everything to the arena: the reply is final. */
void reply_build_finish(struct reply_build *build);

/* --- events --------------------------------------------------------------- */

/*
 * The event's JSON object, NULL where there is none: [DONE], no JSON (told as
 * ST-01). Lives until the next event. Bytes that are no text are mended first (ST-07).
 */
const struct json *reply_build_event_json(struct reply_build *build, const struct sse_event *event);
/*
 * A copy with U+FFFD in place of bytes that are no UTF-8 and of lone surrogate
 * escapes. False where there was nothing to mend.
 */
MUST_CHECK bool reply_build_mend(struct text bytes, struct arena *arena, struct text *out);
/* " of event 7", or "" in a body: for details. Valid until the next event. */
const char *reply_build_where(struct reply_build *build);

/* reply_violates for details of one form: `kind->what` tells them apart. */
void reply_build_violates(struct reply_build *build, const struct build_kind *kind,
                          const char *format, ...) PRINTF_LIKE(3, 4);

/* --- facts ---------------------------------------------------------------- */

/* The choice of that index (made if new); NULL past CHAT_MAX_CHOICES. */
struct build_choice *reply_build_choice(struct reply_build *build, int64_t index);
/* A piece of content, thoughts or refusal; empty pieces say only that there was one. */
void reply_build_content(struct reply_build *build, struct build_choice *choice, struct text piece);
void reply_build_reasoning(struct reply_build *build, struct build_choice *choice,
                           struct text piece);
void reply_build_refusal(struct reply_build *build, struct build_choice *choice, struct text piece);
/* The last one that is not empty wins. */
void reply_build_finish_reason(struct reply_build *build, struct build_choice *choice,
                               struct text reason);
void reply_build_role(struct reply_build *build, struct build_choice *choice, struct text role);
/* A signed block of thoughts, a JSON object; copied. */
void reply_build_thinking_block(struct reply_build *build, struct build_choice *choice,
                                struct text json);
/* What has no place of its own, as it stands; see chat_choice. */
void reply_build_part(struct reply_build *build, struct build_choice *choice,
                      const struct json *part);
/* One token's, as OpenAI's logprobs.content has it; a JSON object, copied. */
void reply_build_logprob(struct reply_build *build, struct build_choice *choice, struct text json);
/* An `extra_content` as it stands, where it is an object; the last one counts. */
void reply_build_extra(struct reply_build *build, struct text *extra, const struct json *node);
/* {"google":{"thought_signature":...}}: how Google's own OpenAI endpoint passes it on. Arena. */
MUST_CHECK struct text reply_build_signature(struct reply_build *build, struct text signature);
/* Data NULL and empty ones are not kept. */
void reply_build_id(struct reply_build *build, struct text id);
void reply_build_model(struct reply_build *build, struct text model);
/* A copy in the arena, cut to BUILD_MAX_NAME_BYTES. */
struct text reply_build_name(struct reply_build *build, struct text view);

/* --- tool calls ----------------------------------------------------------- */

/* An empty call that stands in no list yet. */
struct build_call *reply_build_loose_call(struct reply_build *build);
/* A new call at the end; NULL past CHAT_MAX_TOOL_CALLS. */
struct build_call *reply_build_new_call(struct reply_build *build, struct build_choice *choice);
/* The newest call of that id, index or key, or NULL. */
struct build_call *reply_build_call_of_id(const struct build_choice *choice, struct text id);
struct build_call *reply_build_call_of_index(const struct build_choice *choice, int64_t index);
struct build_call *reply_build_call_of_key(const struct build_choice *choice, int64_t key);
void reply_build_call_id(struct reply_build *build, struct build_call *call, struct text id);
/* Takes calls out of the list that the provider ran itself. */
void reply_build_drop_served(struct build_choice *choice);
/* A piece of the arguments. */
void reply_build_arguments(struct reply_build *build, struct build_call *call, struct text piece);
/* A whole call with arguments as a JSON value (objects are written compactly). */
struct build_call *reply_build_whole_call(struct reply_build *build, struct build_choice *choice,
                                          struct text id, struct text name,
                                          const struct json *arguments);

/* Pieces of arguments with their paths, and the object that they make (read_partial_args.c). */
void partial_arguments_take(struct reply_build *build, struct build_call *call,
                            const struct json *pieces);
MUST_CHECK struct text partial_arguments_text(struct reply_build *build, struct build_call *call);

/* --- judging what is common (reply_judge.c) ------------------------------- */

/* TC-03, TC-04, TS-04 and TS-08 of one finished choice's calls. */
void reply_judge_calls(struct reply_build *build, const struct build_choice *choice);
/* TC-21, RE-01, ST-07 of one finished choice's text. */
void reply_judge_text(struct reply_build *build, const struct build_choice *choice);
/* Both of the above, and FR-01 and TC-20: of chat completions. */
void reply_judge_choice(struct reply_build *build, const struct build_choice *choice);
/*
 * The end of a native stream that closes with an event of its own (`terminal`: its name) and has
 * one choice: whether it came, what the choice says, and whether the reply is complete.
 */
void reply_judge_native_end(struct reply_build *build, const struct build_choice *choice,
                            const char *terminal, bool cut);

/* --- usage (usage.c) ------------------------------------------------------ */

/* OpenAI's names, those of Responses, and what vendors put beside them. Replaces what was there. */
void usage_read_openai(struct reply_build *build, const struct json *usage, const char *place);
/* Members that are present replace; cached tokens are added to input. */
void usage_read_anthropic(struct reply_build *build, const struct json *usage);
void usage_read_anthropic_iterations(struct reply_build *build, const struct json *usage);
void usage_read_gemini(struct reply_build *build, const struct json *usage);
void usage_read_cohere(struct reply_build *build, const struct json *usage);
void usage_read_ollama(struct reply_build *build, const struct json *root);
void usage_read_bedrock(struct reply_build *build, const struct json *usage);
/* The service tier as the provider names it; what is not known is the standard, "" says nothing. */
void usage_note_service(struct reply_build *build, struct text tier);
/* A JSON number of USD as pico-USD, rounded to the nearest; false where it is none or too large. */
MUST_CHECK bool usage_parse_usd(struct text number, int64_t *out_pico_usd);

/* --- errors (error_shape.c) ----------------------------------------------- */

/* Reads an error in any shape that PROVIDERS.md lists. False: this value is no error. */
bool error_shape_read(struct reply_build *build, const struct json *root, bool in_band);
/* A body that is no JSON at all: HTML or nothing. */
void error_shape_read_bytes(struct reply_build *build, struct text body);
/* An event named error whose data is no JSON. */
void error_shape_add_text(struct reply_build *build, struct text message);
void error_shape_add(struct reply_build *build, const struct chat_error *error);

/* --- native words to OpenAI's (dialect_*.c) ------------------------------- */

struct text dialect_anthropic_finish_reason(struct text stop_reason);
struct text dialect_gemini_finish_reason(struct text reason, bool calls);
struct text dialect_cohere_finish_reason(struct text reason);
struct text dialect_ollama_finish_reason(struct text reason, bool calls);
struct text dialect_bedrock_finish_reason(struct text reason);

/* --- shapes (reply_shape.c) ----------------------------------------------- */

struct reply_shape {
	enum chat_api api;
	bool openai; /* one of OpenAI's own endpoints */
	bool (*matches)(const struct json *value);
	void (*read_event)(struct reply_build *build, const struct sse_event *event,
	                   const struct json *root);
	void (*read_body)(struct reply_build *build, const struct json *root);
	void (*read_end)(struct reply_build *build, bool cut);
};

/* The shape that claims this value, or NULL. */
const struct reply_shape *reply_shape_of(const struct json *value, bool openai_only);
const struct reply_shape *reply_shape_of_endpoint(enum endpoint endpoint);
/*
 * One event of a stream, a whole body, and what can only be judged behind the last byte. A native
 * dialect's is read as its shape whatever the bytes look like; OpenAI's by the bytes, one of
 * theirs; and where no dialect is known, any.
 */
void reply_shape_event(struct reply_build *build, const struct sse_event *event);
void reply_shape_body(struct reply_build *build, const struct json *root);
void reply_shape_end(struct reply_build *build, bool cut);

extern const struct reply_shape shape_chat, shape_completions, shape_responses, shape_embeddings,
    shape_models, shape_anthropic, shape_gemini, shape_cohere, shape_ollama, shape_bedrock;

#endif
