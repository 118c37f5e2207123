/*
 * Expectations: what must hold of a reply, read from a case's `expect` and
 * checked against one exchange. One file per family; all write findings.
 *
 *   status: 200 | [400, 404] | 4xx
 *   headers: {content-type: /json/}
 *   content: {equals, contains: [...], absent: [...], matches: /re/, json: object|array|any,
 *             schema: {...} | response_format, empty: bool}
 *   reasoning, refusal: like content
 *   finish_reason: [stop, tool_calls]
 *   choices: 2
 *   tool_calls: none | [{name, arguments: {schema: tool, equals: {...}, match: {city: /paris/i}}}]
 *               | {min: 1, max: 1, names: [..], schema: tool}; a list is matched in any order
 *   usage: {present: true, output_max: 8, input_min: 1 ...}
 *   wire: [ST-01, TS-03]              rules of wire_rule.h: broken is a violation, not exercised a
 * miss error: {code: [..], type: [..], param: [..], message: /re/} json: [{at: /choices/0/index,
 * equals: 0 | matches: /re/ | type: string | absent: true}] fate: {parameter: stop, honoured:
 * {...expectations...}}   honoured, else refused or ignored any_of: [{...}, {...}]            one
 * of the blocks must hold
 */
#ifndef PROVISO_CASES_EXPECT_H
#define PROVISO_CASES_EXPECT_H

#include "cases/template.h"
#include "providers/exchange.h"

struct expectation;
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
	struct text fates; /* "stop honoured, n refused": what fate expectations found */
};

/* What is judged: one step's exchange and what was read out of it. */
struct observation {
	const struct exchange *exchange;
	const struct chat_reply *reply;
	const struct json *request;           /* the body as sent; NULL where it was no JSON */
	const struct template_values *values; /* of the trial, with the earlier steps */
	bool streamed;
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
	struct arena *arena;
};
MUST_CHECK bool expect_check_step(const struct expectation *expect, const struct expect_step *step,
                                  struct fault_list *faults);

/* Adds what does not hold. Pure: same observation, same findings. */
void expect_check(const struct expectation *expect, const struct observation *observation,
                  struct arena *arena, struct findings *findings);

void finding_add(struct findings *findings, struct arena *arena, enum finding_kind kind,
                 const char *format, ...) PRINTF_LIKE(4, 5);

#endif
