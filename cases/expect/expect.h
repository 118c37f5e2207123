/* clang-format off */
/*
 * Expectations: what must hold of a reply, read from a case's `expect` and
 * checked against one exchange. One file per family; all write findings.
 *
 *   status: 200 | [400, 404] | 4xx
 *       default: 200; with `error` any 4xx (or an error in band); with `any_of` its blocks say it
 *   headers: {content-type: /json/, retry-after: true (there), x-old: null (not there)}
 *   content: {equals, contains: [...], absent: [...], matches: /re/ or [...], empty: bool,
 *             json: object|array|any, schema: {...} | response_format, min_bytes, max_bytes}
 *   reasoning, refusal: like content
 *   finish_reason: [stop, tool_calls]
 *   choices: 2            how many; choice: 1 says whose content and calls are meant (default 0)
 *   tool_calls: none
 *             | [{name, arguments: {schema: tool | {...}, equals: {...}, match: {city: /paris/i},
 *                 any_of_values: {city: [...]}, empty: true}}]      a list, matched in any order
 *             | {min: 1, max: 1, names: [...], schema: tool}
 *   distinct_ids: true    tool call ids are not empty, and differ also from those of earlier steps
 *   usage: {present: bool, input_min, input_max, output_min, output_max, cached_min, cached_max,
 *           reasoning_min, reasoning_max, total_is_sum: true, reasoning_within_output: true,
 *           output_within_text: true,   beside thoughts no more than 1 for 2 bytes, and 80
 *           window_min, window_max,   percent of the context window that the prompt tokens are
 *           input_reference: true,   the model's reference_tokens, or up to 3 more
 *           cost_within: 1,   percent between the charge that is told and the model's price for it
 *           cached: true}   some prompt tokens are told as cached, and no more than there are
 *   wire: [ST-01, TS-03]  rules of wire_rule.h: broken is a violation, not exercised a miss
 *   error: {code: [...], type: [...], param: [..., null], message: /re/, machine_code: true,
 *           or_refused: true}   another message refuses what the case is about; 200 ignores it
 *   json: [{at: /choices/0/index, equals | matches: /re/ | type | count: 2 | absent: true |
 *          within: 1d}]   of a time in seconds since 1970: so near to when it was asked
 *   same: {step: 0, content, tool_calls, finish_reason, input_tokens, input_larger: true}
 *   embeddings: {count, dimensions, encoding: float | base64,
 *                alike: [{item: 0, to: 1, step: 0, cosine: 0.999}]}   vector 0 of this reply and 1
 *                of step 0 (default: of this reply)
 *   same_model: true      the model that was asked answered, or a version of it (-2024-08-06)
 *   lists_model: true     of a list of models: the model that is asked is on it
 *   fresh_id: true        the reply has an id, and no earlier step had it
 *   identity: record      tells the prompt tokens of this and all earlier steps, and the fingerprint;
 *             unchanged   they are as the first run has recorded them
 *   steady_hours: true    it took about as long at other times of day, which earlier runs have told
 *   incremental: {reads: 5, spread: 100ms}
 *   speed: {tokens: 128, per_second: 10}   of a stream that is as long
 *   times: {step: 0, slower: 10s}   that step took at most so much longer than this one, to the first
 *                token where both were streamed, else as a whole; both times are told
 *   group: {own: true, errors: 0, rate_limited: 20}   of copies asked at_once: none holds a nonce of
 *                another; at most so many of 100 end in an error, or in 429 (which is then counted,
 *                and not asked again); ttft_p90: 5s, to the first token in nine of ten. What came of
 *                it is told: "10 at once: 1 limited"
 *   first_delta: 5s       the first text, thought or part of a call came within this
 *   gap: 30s              between two pieces of a stream no more than this
 *   occasion: {status: 429, message: /re/}, or several   judged only where such an answer came;
 *                         where none did, the case is refused: nothing was seen
 *   fate: {parameter: stop, honoured: {...}}, or several     honoured, else refused or ignored
 *   any_of: [{...}, {...}]                                   one of the blocks must hold
 *   grade: {exact | normalised | matches | number | json | schema | calls | contains | command,
 *           of: content | code | last_line, weight: 1}, or several   how good the answer is, as a
 *                         score from 0 to 1 (expect_grade.c); below pass: 1 it is a miss
 *
 * Strings are templates; patterns are not. Where the status is wrong or a success is no complete
 * reply, that is the one finding and the rest is not judged.
 */
/* clang-format on */
#ifndef PROVISO_CASES_EXPECT_H
#define PROVISO_CASES_EXPECT_H

#include "cases/template.h"
#include "providers/wire/exchange.h"

struct expectation;
struct grading;
struct suite_resources; /* compiled patterns and schemas, freed with the suite; resources.h */

/* From the mildest to the gravest; a trial's outcome is its gravest finding. */
enum finding_kind {
	FINDING_NONE,
	FINDING_IGNORED,   /* 200, and the parameter had no effect */
	FINDING_REFUSED,   /* a 4xx that names the feature */
	FINDING_MISS,      /* the model did not do it */
	FINDING_VIOLATION, /* the wire contract is broken */
	FINDING_HARNESS,   /* we could not judge: a pattern hit its limit, our own fault */
};

enum { FINDINGS_MAX = 16 };

struct finding {
	enum finding_kind kind;
	struct text text; /* one sentence, with what was expected and what came (cut, visible) */
};

struct findings {
	struct finding items[FINDINGS_MAX];
	size_t count;
	size_t dropped;
	enum finding_kind gravest;
	size_t left_out;   /* findings that say no more than: we sent this without it */
	struct text fates; /* "stop honoured, n refused": what fate expectations found */
	bool graded;       /* `grade` was judged, and `score` is set: 0 to 1, in whole millionths */
	double score;
};

/* Another request of the trial, and its answer. */
struct observed_copy {
	const struct exchange *exchange;
	const struct chat_reply *reply;
};

/* What is judged: one step's exchange and what was read out of it. */
struct observation {
	const struct exchange *exchange;
	const struct chat_reply *reply;
	const struct json *request; /* the body as sent; NULL where it was no JSON */
	const struct json
	    *reference; /* of the step, a template; for external graders; may be NULL */
	const struct template_values
	    *values; /* of the trial, with the earlier steps; its own nonces */
	const struct template_values *first_values; /* of copy 0; NULL: it was asked alone */
	struct grading *grading; /* what programs said; NULL: they are run at once (grading.h) */
	enum endpoint endpoint;  /* that was asked */
	const struct chat_wire *wire; /* how it travelled; NULL: as always */
	bool streamed;
	/* Of copies asked at_once, all of them and which one this is; 0: it was asked alone. */
	const struct observed_copy *copies;
	size_t copy_count, copy;
	/* The steps before this one; NULL: not at hand. */
	const struct observed_copy *earlier;
	size_t earlier_count;
	const struct text_list
	    *features; /* what the case vouches for: a 4xx naming one is `refused` */
};

/* Reads `node`; NULL gives one that only asks for status 200. */
MUST_CHECK bool expect_read(const struct json *node, struct arena *arena,
                            struct suite_resources *resources, struct expectation **out,
                            struct fault_list *faults);
/* `added` must hold as well where the request was (not) streamed: variant_expect. */
void expect_add_variant(struct expectation *expect, bool streamed, struct expectation *added);

/* The step an expectation belongs to; what is wrong only beside it is found by expect_check_step.
 */
struct expect_step {
	const struct json *request; /* template; NULL where `raw` is sent */
	bool may_stream;
	size_t steps_before;
	size_t copies; /* asked at the same time */
	struct arena *arena;
};
MUST_CHECK bool expect_check_step(const struct expectation *expect, const struct expect_step *step,
                                  struct fault_list *faults);

/* It gives the answer a score. */
MUST_CHECK bool expect_grades(const struct expectation *expect);

/* Errors and 429 are what it counts: such an answer is judged, not asked again. */
MUST_CHECK bool expect_measures_load(const struct expectation *expect);

/* Adds what does not hold. Pure: same observation, same findings. */
void expect_check(const struct expectation *expect, const struct observation *observation,
                  struct arena *arena, struct findings *findings);

/*
 * Adds what the case vouches for and was never sent, because the dialect has no place for it:
 * whatever came is no answer to that. For a step that was answered; after expect_check.
 */
void expect_check_left_out(const struct observation *observation, struct arena *arena,
                           struct findings *findings);

/* Whether an answer of that status is an occasion that it waits for; it waits for any at 0. */
MUST_CHECK bool expect_awaits(const struct expectation *expect, int status);

/* A message of the request, or an item of its input, holds an image. */
MUST_CHECK bool request_has_image(const struct json *request);
/*
 * Whether the provider has no such endpoint, or the model is not made for it: 404, 405 or 501, or
 * an error that says so. Never of chat and of the list of models, which everybody must have.
 */
MUST_CHECK bool expect_endpoint_is_missing(enum endpoint endpoint, const struct exchange *exchange,
                                           const struct chat_reply *reply);

#endif
