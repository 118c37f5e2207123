/*
 * A reply that passed by, held against the rules that need nothing but its bytes and the request:
 * the rules of the wire, and tool arguments and answers against the schemas that the request itself
 * brought. Pure, and it keeps nothing of what it reads.
 *
 * Only what is the target's own doing is judged: what a limit, a filter or a stop sequence cut is
 * no JSON by the client's will, and a schema that is not compiled whole says nothing.
 */
#ifndef PROVISO_PROXY_LIVE_JUDGE_H
#define PROVISO_PROXY_LIVE_JUDGE_H

#include "cases/shape.h"

/* The rules of the wire by their own number, then these. */
enum live_check {
	LIVE_ARGUMENTS = WIRE_RULE_COUNT, /* conform to the tool's parameters */
	LIVE_NAME,                        /* a tool that was offered */
	LIVE_SCHEMA,                      /* the answer conforms to a strict json_schema */
	LIVE_OBJECT,                      /* json_object: the answer is one */
	LIVE_CHECKS
};

enum {
	LIVE_TEXT_MAX = 64 << 10, /* longer answers, arguments and schemas are not judged */
	LIVE_CALLS_MAX = 16,      /* of a reply that are held against their schemas */
};

/* The case that names the check. */
MUST_CHECK struct text live_check_case(size_t check);
/* Whether live traffic is judged by it at all: some rules are about what a client may well wish. */
MUST_CHECK bool live_check_counts(size_t check);

struct live_asked {
	const struct shape *shape;
	const struct json *body; /* the request */
};

struct live_findings {
	bool saw[LIVE_CHECKS]; /* there was occasion to break it */
	bool broken[LIVE_CHECKS];
};

/* A reply of 200 that came to its end by itself. Scratch: for what is read on the way. */
void live_judge(const struct live_asked *asked, const struct chat_reply *reply,
                struct arena *scratch, struct live_findings *out);

/* How much of a streamed answer must be kept to judge it; 0: nothing. */
MUST_CHECK size_t live_text_wanted(const struct shape *shape);

#endif
