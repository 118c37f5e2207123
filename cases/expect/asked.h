/*
 * A reply held against the request alone, no case between: what any request may count on, each
 * breach under the id of the case that asks for it. For a response that somebody has recorded.
 *
 * Of chat requests in OpenAI's format; the reply may be of any dialect. What a limit, a filter or a
 * stop sequence has cut is no JSON by the client's will, and a schema that does not compile says
 * nothing. Which model answered is not judged: its other names stand in a config.
 */
#ifndef PROVISO_CASES_EXPECT_ASKED_H
#define PROVISO_CASES_EXPECT_ASKED_H

#include "providers/chat.h"

enum {
	ASKED_MAX_BREACHES = 64, /* kept; further ones are counted */
};

struct asked_breach {
	const char *case_id;
	enum wire_grade grade;
	struct text detail; /* arena */
};

struct asked_breaches {
	struct asked_breach items[ASKED_MAX_BREACHES];
	size_t count, dropped;
};

/* request: the body, an object. An error or a reply without choices breaks nothing here. */
void asked_judge(const struct json *request, const struct chat_reply *reply, struct arena *arena,
                 struct asked_breaches *out);

#endif
