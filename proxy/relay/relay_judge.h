/*
 * What an attempt was worth, and what follows from it. Pure: the same exchange and reply, the
 * same judgement. Before the commit all of it counts; after it only `good` and `ending`.
 */
#ifndef PROVISO_PROXY_RELAY_JUDGE_H
#define PROVISO_PROXY_RELAY_JUDGE_H

#include "providers/chat.h"
#include "providers/wire/exchange.h"
#include "proxy/refusal.h"

enum relay_next {
	RELAY_NEXT_NONE,   /* good */
	RELAY_NEXT_TELL,   /* the provider's answer is the client's: no other would say otherwise */
	RELAY_NEXT_OTHER,  /* the next target */
	RELAY_NEXT_LARGER, /* the next target with a larger context */
	RELAY_NEXT_SAME_FIRST, /* this one once more, then the next */
};

struct relay_judgement {
	bool good;
	enum ending ending;
	enum relay_next next;
	enum refusal_code code; /* what it is to the client, where it is the last word */
	bool blames_target;     /* counts for the breaker */
	bool key_refused;       /* 401, 402, 403, or a quota that is spent */
	bool filtered;   /* a content filter kept it back: an answer, but the next may say more */
	int64_t wait_ms; /* as the provider asked; -1: it did not */
	const char *reason; /* a phrase, which outlives the request */
};

struct relay_case {
	const struct exchange *exchange;
	const struct chat_reply *reply;
	enum endpoint endpoint;
	bool streamed;          /* asked for */
	const char *given_up;   /* why we ended it ourselves, before the commit; NULL: we did not */
	bool timed_out;         /* it was a clock of ours */
	bool filter_falls_back; /* the route's fallback_on, and nothing was committed */
	bool may_be_empty;      /* a reply without a word is in order: `stop` may end it at once */
	int64_t now_wall_ms;
};

/* All that came of it is the word of a content filter. */
MUST_CHECK bool relay_reply_is_filtered(const struct chat_reply *reply);
/* A chat reply that ended by itself and holds no content, thought, refusal or call. */
MUST_CHECK bool relay_reply_is_empty(const struct chat_reply *reply);

/* Of a reply that is broken_json or bad_utf8. */
const char *relay_malformed(const struct chat_reply *reply);

void relay_judge(const struct relay_case *asked, struct relay_judgement *out);

#endif
