/*
 * What the files of the simulator share. The way of a request, each step pure:
 *
 *   sim_route     method, path, key; models; which error
 *   sim_question  the body read and refused as OpenAI refuses it -> struct sim_ask
 *   oracle, or sim_model -> struct sim_answer (what is said)
 *   sim_reply     stop, max_tokens, n, ids, usage -> struct sim_completion
 *   sim_render    one JSON body; sim_stream: a list of chunks, written one by one
 *                 (sim_responses*: the same for the Responses endpoint)
 *   sim.c         plays the outcome on a socket, in time
 *
 * Defects are not strewn over this way: each stands at one of its seams, in
 * sim_break_answer.c (what is said) or sim_break_wire.c (how it is sent), or is a
 * branch at the one rule that it breaks.
 */
#ifndef PROVISO_PROVIDERS_SIM_PRIVATE_H
#define PROVISO_PROVIDERS_SIM_PRIVATE_H

#include "harness/base/digest.h"
#include "harness/base/json_write.h"
#include "providers/sim/sim.h"
#include "providers/sim/sim_defect_table.h"
#include "providers/sim/sim_native_table.h"

enum {
	SIM_BODY_MAX_BYTES = 64 << 20, /* of an answer: 128 choices of a full context fit */
	SIM_HEADERS_MAX = 24,
	SIM_STOPS_MAX = 16,
	SIM_CHAT_STOPS_MAX = 4, /* of OpenAI's; others take more */
	SIM_CHOICES_MAX = 128,
	SIM_CALLS_MAX = 16,
	SIM_TOOLS_MAX = 128,
	SIM_TOOL_NAME_MAX = 64,
	SIM_TOP_LOGPROBS_MAX = 20,
	SIM_EMBEDDING_DIMENSIONS = 1536,
	SIM_EMBEDDING_INPUTS_MAX = 2048,
	SIM_STORM_REQUESTS = 25,     /* how long a storm lasts, where no count is given */
	SIM_INPUT_PICO_USD = 150000, /* a token: 0.15 USD per million */
	SIM_OUTPUT_PICO_USD = 600000,
	SIM_COMPLETION_TOKENS = 16, /* the old endpoint's own default of max_tokens */
};

/* --- what is broken (sim_defects.c) --- */

/* Where a defect acts. */
enum sim_scope {
	SCOPE_ALL,  /* on every reply it can touch: faults of the wire */
	SCOPE_OPEN, /* on its case's own question, and on what is no canonical question */
	SCOPE_OWN,  /* on its case's own question only */
};

enum sim_break {
#define SIM_BREAK_NAME(name, id, scope, does, affects) SIM_##name,
	SIM_DEFECT_TABLE(SIM_BREAK_NAME) SIM_FAULT_TABLE(SIM_BREAK_NAME)
	    SIM_NATIVE_TABLE(SIM_BREAK_NAME)
#undef SIM_BREAK_NAME
		SIM_BREAK_COUNT
};

/* One switched-on defect: always, or `NAME:25` the first 25 requests, or `NAME%30` for 30 in 100.
 */
struct sim_switch {
	bool on;
	int64_t first;   /* 0: no limit */
	int64_t percent; /* 0: always; drawn from the request's digest */
	struct text
	    owner; /* the case whose question the defect's case asks; data NULL: it acts anywhere */
};

struct sim_memory; /* sim_memory.h */
struct sim_native; /* sim_native.h */

/* What a simulator is set to. Const while it serves, but for what it remembers. */
struct sim_setup {
	struct arena arena; /* owns what the members point to */
	const struct text *models;
	size_t model_count;
	struct text api_key;
	int64_t context;
	int64_t ttft_ms, gap_ms;
	uint64_t seed;
	struct sim_oracle oracle;
	struct sim_switch switches[SIM_BREAK_COUNT];
	struct sim_memory *memory; /* owned; the one thing that serving changes */
};

/* Copies the options; unknown names are faults. Ended by sim_setup_done. */
MUST_CHECK bool sim_setup_init(struct sim_setup *setup, const struct sim_options *options,
                               struct fault *fault);
void sim_setup_done(struct sim_setup *setup);

/* One request under way. */
struct sim_serving {
	const struct sim_setup *setup;
	struct arena *arena;
	int64_t serial;     /* the how manyth request to an endpoint, from 1 */
	int64_t wall_ms;    /* since the epoch */
	struct text digest; /* hex SHA-256 of seed and body: ids come from it */
	/*
	 * 64 bits of the same, but for `stream` and `stream_options`: what is said comes from
	 * it, and is the same streamed and not.
	 */
	uint64_t draw;
	bool canonical; /* the oracle knows the question */
	struct text case_id;
	size_t step;
	struct sim_answer reference;     /* where canonical */
	bool streamed;                   /* a stream is asked for */
	const struct sim_native *native; /* the dialect that is spoken; NULL: OpenAI's */
	bool azure; /* by one of its doors: OpenAI's words, and those of its filter */
};

/* Whether that defect acts on this request. */
MUST_CHECK bool sim_breaks(const struct sim_serving *serving, enum sim_break which);
/* Whether a defect acts that is named after the case whose question this is. */
MUST_CHECK bool sim_breaks_case(const struct sim_serving *serving);
/* SplitMix64: the n-th number that belongs to a draw. */
MUST_CHECK uint64_t sim_draw(uint64_t draw, uint64_t n);
/* `size` letters and digits that belong to the request and `label`; arena. */
MUST_CHECK struct text sim_identifier(const struct sim_serving *serving, const char *label,
                                      size_t index, size_t size);

/* --- the question (sim_question.c, sim_messages.c, sim_tools.c) --- */

enum sim_tool_choice {
	TOOL_CHOICE_AUTO,
	TOOL_CHOICE_NONE,
	TOOL_CHOICE_REQUIRED,
	TOOL_CHOICE_NAMED,
};

enum sim_format {
	FORMAT_TEXT,
	FORMAT_JSON_OBJECT,
	FORMAT_JSON_SCHEMA,
};

/* A request that was found good. Views into its body. */
struct sim_ask {
	enum endpoint endpoint;
	const struct json *body;
	struct text model;
	bool streamed, usage_asked, obfuscated;
	bool cost_asked;
	bool extras; /* padding is asked for by name: then fields of aggregators come as well */
	int64_t n;
	int64_t max_tokens; /* -1: none */
	struct text stops[SIM_STOPS_MAX];
	size_t stop_count;
	bool logprobs;
	int64_t top_logprobs;
	bool echo;
	const struct json *messages;
	const struct json *tools; /* NULL: none */
	enum sim_tool_choice tool_choice;
	struct text tool_name;      /* TOOL_CHOICE_NAMED */
	const struct json *allowed; /* tool_choice allowed_tools: its list, or NULL */
	bool parallel;
	enum sim_format format;
	const struct json *schema; /* FORMAT_JSON_SCHEMA; may be NULL */
	int64_t prompt_tokens;
	bool thinks; /* thoughts are asked for, which no chat request can */
};

/* An error as OpenAI words it. data NULL: null. */
struct sim_error {
	int status;
	struct text message, type, param, code;
	struct text retry_after; /* data NULL: no such header */
};

/* Sets type invalid_request_error and status 400; false, so that a check can return it. */
bool sim_refuse(struct sim_error *error, const char *code, struct text param, struct text message);
/* The member as an integer within [min, max], or `fallback`. */
MUST_CHECK int64_t sim_integer(const struct json *object, const char *name, const int64_t range[2],
                               int64_t fallback);
/* Reads the body of a POST. False: *error says what the provider answers. */
MUST_CHECK bool sim_question_read(const struct sim_serving *serving, enum endpoint endpoint,
                                  const struct json *body, struct sim_ask *ask,
                                  struct sim_error *error);
MUST_CHECK bool sim_messages_check(const struct sim_serving *serving, const struct json *messages,
                                   struct sim_error *error);
MUST_CHECK bool sim_tools_read(const struct sim_serving *serving, struct sim_ask *ask,
                               struct sim_error *error);
MUST_CHECK bool sim_format_read(const struct sim_serving *serving, struct sim_ask *ask,
                                struct sim_error *error);
/* The text of a message: its string, or its text parts joined; arena. */
MUST_CHECK struct text sim_message_text(const struct json *message, struct arena *arena);
/* The `parameters` of the tool of that name, or NULL. */
MUST_CHECK const struct json *sim_tools_parameters(const struct sim_ask *ask, struct text name);

/* --- tokens (sim_tokens.c) --- */

/*
 * The simulator's token: a word with the one space before it (at most 32 code
 * points), a run of other white space, or any other single code point.
 */
MUST_CHECK size_t sim_tokens_next(struct text view); /* bytes of the first; 0: empty */
MUST_CHECK int64_t sim_tokens_count(struct text view);
/* Bytes of the first `count` tokens. */
MUST_CHECK size_t sim_tokens_prefix(struct text view, int64_t count);
/* What a request costs to read. */
MUST_CHECK int64_t sim_tokens_prompt(const struct sim_ask *ask);
/* What of that the images cost. */
MUST_CHECK int64_t sim_tokens_images(const struct sim_ask *ask);

/* --- the answer (sim_model.c, sim_instance.c) --- */

/* A deterministic reply that honours the request. */
void sim_model_answer(const struct sim_serving *serving, const struct sim_ask *ask,
                      struct sim_answer *answer);
/* `count` words of filler that belong to the draw; arena. */
MUST_CHECK struct text sim_model_words(struct arena *arena, uint64_t draw, size_t count);
/*
 * JSON that conforms to the schema; what it can, it takes from `hint` (the user's words). Schema
 * NULL or no object: {}.
 */
MUST_CHECK struct text sim_instance(const struct json *schema, struct text hint,
                                    struct arena *arena);
/* What is said goes wrong here; so does what of the question is minded afterwards. */
void sim_break_answer(const struct sim_serving *serving, struct sim_ask *ask,
                      struct sim_answer *answer);
/* The same, for what of the question is not minded (sim_break_asked.c). */
void sim_break_asked(const struct sim_serving *serving, struct sim_ask *ask,
                     struct sim_answer *answer);
/* The same, for what goes wrong with many requests and long ones (sim_break_load.c). */
void sim_break_load(const struct sim_serving *serving, const struct sim_ask *ask,
                    struct sim_answer *answer);
/* True: the request is one too many at the same time; *error says so. */
MUST_CHECK bool sim_break_crowd(const struct sim_serving *serving, struct sim_error *error);
/* The same of tasks with known answers (sim_break_task.c). */
void sim_break_task(const struct sim_serving *serving, struct sim_answer *answer);
/* The part of it that is about tool calls only (sim_break_calls.c). */
void sim_break_calls(const struct sim_serving *serving, const struct sim_ask *ask,
                     struct sim_answer *answer);

/* --- the reply (sim_reply.c) --- */

struct sim_call {
	struct text id, name, arguments;
	struct text type;
};

struct sim_choice {
	struct text content;   /* data NULL: null */
	struct text reasoning; /* data NULL: none */
	struct text refusal;
	struct sim_call calls[SIM_CALLS_MAX];
	size_t call_count;
	struct text finish;
	struct text stopped_by; /* the stop text that ended it; data NULL: none did */
};

struct sim_usage {
	bool present;
	bool no_total;
	int64_t prompt, completion, total, cached, reasoning;
	int64_t markup_percent; /* on top of the charge */
};

struct sim_completion {
	const struct sim_serving *serving;
	const struct sim_ask *ask;
	struct text id, object, chunk_object;
	int64_t created; /* -1: left out */
	struct text model;
	struct text role;
	bool arguments_as_object;
	bool vendor_extras;    /* calls carry a member of the vendor's own */
	bool as_function_call; /* the first call is given in the legacy member */
	struct sim_choice *choices;
	size_t choice_count;
	struct sim_usage usage;
};

void sim_reply_make(const struct sim_serving *serving, const struct sim_ask *ask,
                    const struct sim_answer *answer, struct sim_completion *out);
void sim_break_completion(struct sim_completion *completion);
/* What was used is counted wrong (sim_break_asked.c). */
void sim_break_usage(struct sim_completion *completion);
void sim_break_load_usage(struct sim_completion *completion);

/* --- bytes (sim_render.c, sim_stream.c, sim_embed.c) --- */

void sim_render_completion(const struct sim_completion *completion, struct text_buf *out);
void sim_render_error(const struct sim_error *error, bool flat, struct text_buf *out);
void sim_render_models(const struct sim_setup *setup, struct text only, int64_t created,
                       struct text_buf *out);
/* tokens: what the completion counts; -1: all of it. */
void sim_render_usage(struct json_writer *writer, const struct sim_completion *completion,
                      int64_t tokens);
/* Of a token (rank 0) or of a rival that was less likely. */
MUST_CHECK double sim_logprob(struct text token, size_t rank);
/* logprobs of a text of a choice: {"content":[...],"refusal":null}. */
void sim_render_logprobs(struct json_writer *writer, const struct sim_ask *ask,
                         struct text content);
/* Reads, checks and answers. */
MUST_CHECK bool sim_embed_answer(const struct sim_serving *serving, const struct json *body,
                                 struct text_buf *out, struct sim_error *error);

enum sim_chunk_kind {
	CHUNK_ROLE,
	CHUNK_REASONING,
	CHUNK_CONTENT,
	CHUNK_REFUSAL,
	CHUNK_CALL,      /* a call's first fragment */
	CHUNK_ARGUMENTS, /* a further one */
	CHUNK_FINISH,
	CHUNK_USAGE,
	CHUNK_RAW, /* bytes as they are */
};

/* One event to come, before it is written. What a defect leaves out is marked here. */
struct sim_chunk {
	enum sim_chunk_kind kind;
	size_t choice;
	int64_t call;       /* index of the tool call; -1: left out */
	struct text text;   /* content, arguments, finish reason, raw bytes */
	struct text native; /* its bytes in another dialect; data NULL: it is written as OpenAI's */
	struct text id;     /* of the call; data NULL: left out */
	struct text name;
	struct text stream_id; /* of the completion */
	struct text role;      /* data NULL: left out */
	bool no_finish_key;
	bool null_arguments;
	bool stray_brace;      /* behind the JSON */
	bool strange;          /* its text stands in a member of another name */
	bool with_choice;      /* of a usage chunk */
	bool with_usage;       /* of any other one */
	int64_t tokens_so_far; /* its completion tokens; -1: all of the reply */
};

enum sim_ending {
	ENDING_CLEAN,
	ENDING_CUT,  /* the connection breaks */
	ENDING_HANG, /* nothing more comes */
};

struct sim_stream {
	struct sim_completion completion;
	struct sim_chunk *chunks;
	size_t count, room;
	size_t end;        /* chunks from here on are not sent */
	size_t torn_bytes; /* of chunk `end`, so many bytes still leave */
	enum sim_ending ending;
	bool crlf;
	bool burst;          /* everything in one write */
	int64_t first_ms;    /* before the first chunk, at least */
	int64_t pause_ms;    /* between chunks, at least */
	size_t stall_before; /* chunk; and how long, 0: not at all */
	int64_t stall_ms;
};

void sim_stream_make(const struct sim_completion *completion, struct sim_stream *stream);
/* Appends the bytes of one chunk. */
void sim_stream_write(const struct sim_stream *stream, size_t chunk, struct text_buf *out);
/* Makes room for a chunk before `at`. */
struct sim_chunk *sim_stream_insert(struct sim_stream *stream, size_t at);
void sim_stream_remove(struct sim_stream *stream, size_t at);
/* How long before chunk `at` is sent, apart from what the simulator is set to. */
MUST_CHECK int64_t sim_stream_wait_ms(const struct sim_stream *stream, size_t at);

/* --- content coding (sim_gzip.c): RFC 1952, in blocks that are stored, not deflated --- */

struct sim_gzip {
	uint32_t crc;
	uint32_t size;
	bool begun;
};
/* Appends `bytes` coded; they can be decoded as they come. */
void sim_gzip_add(struct sim_gzip *gzip, struct text bytes, struct text_buf *out);
/* The end: nothing is coded after it. */
void sim_gzip_end(struct sim_gzip *gzip, struct text_buf *out);
void sim_break_stream(struct sim_stream *stream);
/* What goes wrong behind Azure's doors (sim_azure.c). */
void sim_break_azure(struct sim_stream *stream);
/* How it ends, by the kinds of its chunks: cuts and stalls. Its list must change no more. */
void sim_break_endings(struct sim_stream *stream);
/* The part of it that is about the order and the numbers of chunks (sim_break_chunks.c). */
void sim_break_chunks(struct sim_stream *stream);
void sim_break_index_from_one(struct sim_stream *stream);

/* --- the outcome (sim_route.c) --- */

struct sim_request {
	struct text method, path;
	struct text query;         /* behind '?'; data NULL: none */
	struct text authorization; /* data NULL: none */
	/* Of native dialects; data NULL: none. */
	struct text x_api_key, anthropic_version, x_goog_api_key, api_key;
	const struct http_header *headers; /* all: for who signs them */
	size_t header_count;
	struct text body;
	int64_t serial;  /* as in sim_serving */
	int64_t wall_ms; /* since the epoch */
	bool takes_gzip; /* and nothing else, as accept-encoding says */
	bool wants_h2;   /* offers to go on in HTTP/2 */
};

struct sim_output {
	int status;
	struct http_header headers[SIM_HEADERS_MAX];
	size_t header_count;
	struct text body;          /* where there is no stream */
	struct sim_stream *stream; /* NULL: body */
	bool no_answer;            /* not a byte is sent; see ending */
	enum sim_ending ending;    /* CUT: after half of the body */
	bool gzip;                 /* the body, or the stream, is sent coded */
	bool closes;               /* the connection ends with this answer */
};

void sim_route(const struct sim_setup *setup, const struct sim_request *request,
               struct arena *arena, struct sim_output *out);
/* The body as it is read: escapes may be misread before its JSON is. Arena. */
MUST_CHECK struct text sim_break_body(const struct sim_serving *serving, struct text body);
/* True: a fault answers in the endpoint's place. */
MUST_CHECK bool sim_break_route(const struct sim_serving *serving, struct sim_output *out);
/* The same for what is wrong with how a request travels: true where that is refused. */
MUST_CHECK bool sim_break_travel(const struct sim_serving *serving,
                                 const struct sim_request *request, struct sim_output *out);
void sim_break_output(const struct sim_serving *serving, struct sim_output *out);
/* What comes too late (sim_break_load.c). */
void sim_break_pace(const struct sim_serving *serving, struct sim_output *out);
void sim_output_header(struct sim_output *out, const char *name, struct text value);
/* Replaces the value of a header that is there. */
void sim_output_replace_header(struct sim_output *out, const char *name, struct text value);
/* In the dialect that is spoken. */
void sim_output_error(const struct sim_serving *serving, const struct sim_error *error,
                      struct sim_output *out);
/* The body of a POST as JSON; `serving` gets its digests. False: *error. */
MUST_CHECK bool sim_route_read(struct sim_serving *serving, struct text body, struct json **root,
                               struct sim_error *error);
/* The two steps of a request: whether the suite knows it; what is said to it. */
void sim_route_ask_oracle(struct sim_serving *serving, const struct sim_question *question);
MUST_CHECK bool sim_route_say(struct sim_serving *serving, struct sim_ask *ask,
                              struct sim_completion *completion, struct sim_error *error);

#endif
