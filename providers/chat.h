/*
 * What is asked and what was answered, in neutral words: the same for every
 * dialect and every endpoint. Plain facts; reading bytes into them is
 * reply_reader.h.
 */
#ifndef PROVISO_PROVIDERS_CHAT_H
#define PROVISO_PROVIDERS_CHAT_H

#include "harness/base/json.h"
#include "providers/reply/wire_rule.h"

enum endpoint {
	ENDPOINT_CHAT,        /* /chat/completions */
	ENDPOINT_COMPLETIONS, /* /completions */
	ENDPOINT_EMBEDDINGS,  /* /embeddings */
	ENDPOINT_RESPONSES,   /* /responses */
	ENDPOINT_MESSAGES,    /* Anthropic's */
	ENDPOINT_MODELS,      /* GET /models */
	ENDPOINT_COUNT
};

/* "chat", "completions" ...: also the endpoint's feature in a shape. */
const char *endpoint_name(enum endpoint endpoint);
MUST_CHECK bool endpoint_from_name(struct text name, enum endpoint *out);

/* How a request names its sender; all but AUTH_KEY are for the error cases. */
enum chat_auth {
	AUTH_KEY,
	AUTH_WRONG_KEY,
	AUTH_NONE,
};

/* How a request travels where a case asks for something special; all zero: nothing special. */
struct chat_wire {
	struct text accept_encoding; /* the header's value; data NULL: identity */
	int64_t leave_after_events;  /* we close the connection behind that event; 0: never */
	bool http2;                  /* offered: by ALPN, or as an upgrade of plain HTTP */
	bool kept;                   /* on a connection that nobody but such requests uses */
	bool same;                   /* kept, and on one that an earlier step has used */
	bool expect_continue;        /* the body waits for 100 Continue, or for a second */
	bool once;                   /* 429 is the answer, and not asked again */
};

/* One request in OpenAI's format; a dialect turns it into what its provider wants. */
struct chat_request {
	enum endpoint endpoint;
	const char *method; /* NULL: POST, or GET for ENDPOINT_MODELS */
	struct text body;   /* complete: model, stream and all; sent as is by the openai dialect */
	bool streamed;      /* what `stream` in the body says */
	bool usage_asked;   /* stream_options.include_usage */
	int64_t max_output; /* tokens that the body allows; -1: it sets no limit; 0: not known */
	enum chat_auth auth;
	struct chat_wire wire;
	size_t padding; /* bytes of the body that are white space for its size's sake: no tokens */
};

/* The service tier that served, by what it means for the price. */
enum chat_service {
	CHAT_SERVICE_STANDARD, /* also where nothing is said */
	CHAT_SERVICE_BATCH,
	CHAT_SERVICE_FLEX,
	CHAT_SERVICE_PRIORITY,
	CHAT_SERVICE_COUNT,
};

/* How much a provider searched before it answered: Perplexity's fee goes by it. */
enum chat_search {
	CHAT_SEARCH_UNKNOWN, /* also where nothing is searched */
	CHAT_SEARCH_LOW,
	CHAT_SEARCH_MEDIUM,
	CHAT_SEARCH_HIGH,
	CHAT_SEARCH_COUNT,
};

enum { CHAT_REGION_BYTES = 24 };

/* Token counts as one convention; -1 is unknown, which is not 0. */
struct chat_usage {
	bool present;
	int64_t input;  /* all prompt tokens, cached ones included */
	int64_t output; /* as the provider counts them (see PROVIDERS on reasoning) */
	int64_t total;
	int64_t cached_input;
	int64_t cache_write;
	int64_t reasoning;
	int64_t cost_pico_usd;  /* said by the provider itself */
	int64_t cache_write_1h; /* of cache_write, what is kept for an hour; 0 or -1: none */
	enum chat_service service;
	char
	    region[CHAT_REGION_BYTES]; /* where it was served, as the provider says; "": not said */
	enum chat_search search;
};
extern const struct chat_usage chat_usage_unknown; /* nothing was said */

struct chat_tool_call {
	int64_t index; /* as sent; -1: none was sent */
	struct text id;
	struct text type;
	struct text name;
	struct text arguments; /* joined; data NULL: never sent */
	unsigned fragments;    /* deltas that carried arguments, empty ones apart; 1 when whole */
	/* What must come back with it unread, such as a signed thought: `extra_content` as JSON. */
	struct text extra; /* data NULL: none */
};

struct chat_choice {
	int64_t index;
	struct text role;
	struct text finish_reason; /* data NULL: never said */
	struct text content;       /* data NULL: none or null */
	struct text reasoning;
	/*
	 * The thoughts came as parts of the content array or in reasoning_details only, not in
	 * reasoning or reasoning_content: `inspect` prints them as `thoughts`, beside a reasoning
	 * of null.
	 */
	bool thoughts_elsewhere;
	struct text refusal;
	struct chat_tool_call *tool_calls;
	size_t tool_call_count;
	const struct chat_tool_call *function_call; /* the old member of that name; NULL: none */
	const struct json *logprobs;                /* not streamed: as sent */
	const struct json *message;                 /* not streamed: as sent, for verbatim replay */
	struct text extra; /* as of a call, beside the text; data NULL: none */
	/* Signed thoughts as Anthropic's blocks, each a JSON object: they go back as they came. */
	const struct text *thinking_blocks;
	size_t thinking_block_count;
	/*
	 * What the provider's own format holds beside text, thoughts and calls, each a JSON value
	 * as it was sent: its tools and their results, pictures, citations, what nobody here knows.
	 */
	const struct text *parts;
	size_t part_count;
	/* Of native formats: OpenAI's logprobs.content items, each a JSON object. */
	const struct text *logprob_items;
	size_t logprob_count;
};

struct chat_error {
	struct text message, type, code, param; /* data NULL: absent; numbers as written */
	struct text status;                     /* Google's word beside the number in `code` */
	struct text raw;                        /* the whole value as sent */
	struct text retry_delay;                /* Google's RetryInfo: "34.4s" */
	bool code_is_number;                    /* sent as a JSON number, not as a string */
	bool spent;                             /* a quota of the day: no waiting of ours helps */
};

struct chat_violation {
	enum wire_rule rule;
	enum wire_grade grade;
	struct text detail;
};

/* The shape the bytes were recognised as. */
enum chat_api {
	CHAT_API_UNKNOWN,
	CHAT_API_CHAT,
	CHAT_API_COMPLETIONS,
	CHAT_API_RESPONSES,
	CHAT_API_EMBEDDINGS,
	CHAT_API_MODELS,
	CHAT_API_ANTHROPIC,
	CHAT_API_GEMINI,
	CHAT_API_COHERE,
	CHAT_API_OLLAMA,
	CHAT_API_BEDROCK,
};

/* What is kept of one reply: one that never ends must not take memory without end. */
enum {
	CHAT_MAX_CHOICES = 128,          /* OpenAI's largest n */
	CHAT_MAX_TOOL_CALLS = 1024,      /* of all choices; OpenAI takes 128 tools */
	CHAT_MAX_THINKING_BLOCKS = 1024, /* of one choice */
	CHAT_MAX_PARTS = 1 << 16,        /* of one choice; further ones are not kept */
	CHAT_MAX_PART_BYTES = 32 << 20,  /* of all of them: some are pictures */
	CHAT_MAX_VIOLATIONS = 200,       /* kept; further ones are counted */
	CHAT_MAX_NAMES = 256,            /* different ids or models kept of one reply */
	CHAT_MAX_ERRORS = 16,            /* one is usual */
};

/* Everything a reply says. Arena of the reader; const after reply_reader_end. */
struct chat_reply {
	enum chat_api api;
	bool streamed; /* the bytes are SSE (or NDJSON) */
	int64_t events, comments;
	int64_t done; /* how many [DONE] */
	struct chat_choice *choices;
	size_t choice_count;
	struct chat_usage usage;   /* the last one seen */
	unsigned usage_seen;       /* how often */
	struct text *ids, *models; /* distinct, in order */
	size_t id_count, model_count;
	struct text system_fingerprint, served_by; /* served_by: an aggregator's `provider` */
	struct text stop;          /* why a native format's reply ended, in its own word */
	struct text stop_sequence; /* the one that ended it; data NULL: not said */
	struct chat_error *errors; /* arena; NULL: none */
	size_t error_count;
	struct chat_violation *violations;
	size_t violation_count;
	size_t violations_dropped;
	bool saw[WIRE_RULE_COUNT];    /* there was occasion to break the rule */
	bool broken[WIRE_RULE_COUNT]; /* by more than a harmless deviation */
	/*
	 * A usable end was reached: every choice finished (or the object was whole),
	 * no error in band, and the framing ended cleanly. [DONE] alone proves nothing.
	 */
	bool complete;
	bool broken_json;        /* a whole event of a stream is no JSON object */
	bool bad_utf8;           /* bytes that are no text were replaced before it could be read */
	bool is_json;            /* not streamed: the body was one JSON value */
	const struct json *body; /* not streamed: its root */
	/* embeddings and models */
	int64_t item_count; /* vectors or models */
	int64_t dimensions; /* -1: unknown or differing */
	int64_t text_bytes; /* of all content, reasoning, refusals and arguments */
	/* when, on the clock given to the reader; -1: never */
	int64_t first_delta_us;   /* first content, reasoning or tool-call delta */
	int64_t first_content_us; /* first content or tool-call delta */
	int64_t last_event_us;
};

const char *chat_api_name(enum chat_api api);
/* The choice of that index, or NULL. */
MUST_CHECK const struct chat_choice *chat_reply_choice(const struct chat_reply *reply,
                                                       int64_t index);

/*
 * The counts as they are booked and charged: what was said, and of embeddings no output, which is
 * known though nobody says it (OpenAI sends prompt_tokens and total_tokens, Voyage the total only).
 */
MUST_CHECK struct chat_usage chat_reply_billed(const struct chat_reply *reply);

/*
 * A refusal that no waiting helps: the money or the quota is gone. Not asked again, and the
 * whole provider is stopped. (OpenAI's and Anthropic's error documents.)
 */
MUST_CHECK bool chat_reply_quota_is_spent(const struct chat_reply *reply);

#endif
