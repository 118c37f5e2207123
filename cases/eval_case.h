/*
 * A case: one canonical question to a provider, what a good answer is, and which
 * features it vouches for. Read from YAML by case_file.h; const afterwards.
 */
#ifndef PROVISO_CASES_EVAL_CASE_H
#define PROVISO_CASES_EVAL_CASE_H

#include "harness/base/settings.h"
#include "providers/chat.h"

enum case_class {
	CASE_DETERMINISTIC,
	CASE_STOCHASTIC,
	CASE_NEGATIVE,
	CASE_TIMING,
};

enum case_severity {
	CASE_GATE,
	CASE_REQUIRED,
	CASE_ADVISORY,
};

enum case_variant {
	CASE_SYNC,
	CASE_STREAM,
	CASE_VARIANTS,
};

/*
 * A case of the suite `quality` is a task with a known answer, of one of these kinds of work. It
 * tells how good a target is at that, and neither gates nor routes: it vouches for nothing.
 */
enum case_kind {
	CASE_KIND_NONE, /* of the suite `core`: about what a provider must do */
	CASE_KIND_CODE,
	CASE_KIND_REVIEW,
	CASE_KIND_EXTRACTION,
	CASE_KIND_CLASSIFICATION,
	CASE_KIND_SUMMARISING,
	CASE_KIND_FORMATTING,
	CASE_KIND_REASONING,
	CASE_KIND_DOCUMENTATION,
	CASE_KINDS,
};

/* "none", "code" ..., "documentation"; NULL-terminated, in the enum's order. */
extern const char *const case_kind_names[];
/* CASE_KIND_NONE where it is the name of none. */
MUST_CHECK enum case_kind case_kind_from_name(struct text name);

/* NULL-terminated, in the enum's order: "deterministic" ..., "gate" ..., "sync", "stream". */
extern const char *const case_class_names[];
extern const char *const case_severity_names[];
extern const char *const case_variant_names[];

/* "key", "wrong", "none": how a step names its sender. */
extern const char *const case_auth_names[];

enum {
	CASE_MAX_STEPS = 16, /* copies of at_once counted one by one */
	CASE_ID_BYTES = 64,
	/* Of all steps as JSON: a case file with every byte escaped. More is hashed up to here. */
	CASE_MAX_TEXT_BYTES = 64 << 20,
};

struct expectation; /* expect.h */

/* What a step needs to know of the target; without it the case is skipped, with this reason. */
enum case_need {
	CASE_NEEDS_CONTEXT = 1, /* the model's context window */
	CASE_NEEDS_REFERENCE =
	    2,                   /* the model's reference_tokens (usage: {input_reference: true}) */
	CASE_NEEDS_IDENTITY = 4, /* what was recorded of the model (identity: unchanged) */
	CASE_NEEDS_PRICE = 8,    /* the model's price (usage: {cost_within: 1}) */
};

/* One request of a case and what its answer must be. */
struct case_step {
	enum endpoint endpoint;
	const char *method; /* NULL: the endpoint's */
	enum chat_auth auth;
	int streams;      /* -1: as the variant says; else 0 or 1 */
	bool usage_asked; /* streamed: stream_options.include_usage is sent (default true) */
	/* at_once: this is copy `copy` (from 0) of `copies` that are asked at the same time; 1:
	 * alone. */
	size_t copy, copies;
	bool measures_load;           /* 429, 5xx and broken connections are what it counts, not
	                                 infrastructure */
	const struct json *request;   /* template of the body; NULL where `raw` is sent */
	struct text raw;              /* body bytes as they are (a template too) */
	struct chat_wire wire;        /* how it travels */
	int64_t body_bytes;           /* white space fills the body up to that; 0: none */
	struct expectation *expect;   /* never NULL */
	const struct json *reference; /* a reply that satisfies `expect`; see reference.h */
	const struct json *node;
};

struct eval_case {
	struct text id;
	struct text title;
	struct text capability;
	enum case_class class_;
	enum case_severity severity;
	enum case_kind kind;
	bool own;      /* of a user's folder, not of the core suite */
	bool critical; /* stochastic: held to a higher rate than others */
	struct text_list vouches;
	bool variants[CASE_VARIANTS];
	struct text source;  /* where the rule comes from */
	struct text like;    /* asks what that case asks: same steps; data NULL: its own question */
	struct text rubric;  /* for a judge model, whose say decides nothing; data NULL: none */
	unsigned needs;      /* enum case_need */
	int64_t min_context; /* tokens that the model's window must hold; 0: any */
	int64_t max_context; /* tokens of the largest window that its steps can fill */
	unsigned endpoints;  /* that its steps ask: bits 1u << enum endpoint */
	bool images;         /* a step sends one */
	struct case_step *steps;
	size_t step_count;
	/*
	 * Which question: cases with equal probes are served by one response. The
	 * case's own index, or that of the case it is `like`.
	 */
	size_t probe;
	char hash[13]; /* first 12 hex digits of SHA-256 over all that decides its verdict */
	const struct json *node;
};

/* The steps [*first, *end) that are asked at the same time as `step`, itself among them. */
void case_group(const struct eval_case *eval_case, size_t step, size_t *first, size_t *end);

/* "TC-10" or "TC-10~stream"; arena. */
MUST_CHECK struct text case_label(const struct eval_case *eval_case, enum case_variant variant,
                                  struct arena *arena);

/*
 * The body of that step as it is sent: with white space before its last brace, up to the size
 * that the step wants. *padding: how much of it; arena.
 */
MUST_CHECK struct text case_step_pad(const struct case_step *step, struct text body,
                                     struct arena *arena, size_t *padding);

/*
 * Sets the hash: canonical JSON (members sorted) of class, critical, variants and steps, where
 * `like` is resolved already. Title, source, vouches, severity and reference do not count.
 */
void case_hash(struct eval_case *eval_case, struct arena *arena);

#endif
