/* A call, its attempts and who makes them; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_CALL_PRIVATE_H
#define PROVISO_PROVIDERS_CALL_PRIVATE_H

#include "providers/wire/call.h"

enum {
	CALL_MAGIC = 0x0ca11ca1,
	CALLER_MAGIC = 0x0ca11e20,
	/* A stream of 64 KiB pieces told one by one; beyond it the last chunk grows. */
	ATTEMPT_CHUNKS_MAX = 65536,
};

/* One asking at the wire, from the encoded request to the read reply. Used again and again. */
struct attempt {
	struct loop *loop; /* borrowed */
	struct arena arena;
	struct wire_request wire;
	struct exchange exchange;
	struct text_buf body;
	struct exchange_chunk *chunks; /* owned */
	size_t chunk_room;
	struct reply_context context;
	struct reply_reader *reader;    /* NULL before the head came */
	const struct chat_reply *reply; /* NULL before the end */
	struct transfer *transfer;      /* NULL when not in flight */
	const struct call_relay *relay; /* NULL: none */
	void *relay_context;
	int64_t started_us;
	bool left; /* by us, as the request asks */
	void (*ended)(void *context);
	void *ended_context;
};

struct attempt_plan {
	struct transport *transport;
	struct arena *scratch; /* outlives the attempt; see reply_context */
	const struct target *target;
	const struct chat_request *request;
	const struct secret *key; /* NULL: none is sent */
	int64_t total_ms;         /* never more than the provider's own total */
	size_t body_max_bytes;
	const struct call_relay *relay; /* NULL: none */
	void *relay_context;
};

void attempt_init(struct attempt *attempt, struct loop *loop);
void attempt_done(struct attempt *attempt);
/* Forgets what the last one left. */
void attempt_reset(struct attempt *attempt);
/*
 * Encodes and sends; `ended` comes from the loop, with exchange and reply complete.
 * False where the request can't be carried: nothing was sent.
 */
MUST_CHECK bool attempt_start(struct attempt *attempt, const struct attempt_plan *plan,
                              void (*ended)(void *context), void *context, struct fault *fault);

enum call_state {
	CALL_QUEUED,      /* waits for its turn at the provider */
	CALL_SENT,        /* an attempt is in flight */
	CALL_TELLING,     /* the attempt's callback runs */
	CALL_BACKING_OFF, /* waits before the next attempt */
	CALL_ENDING,      /* the end is queued or being told */
	CALL_STATES
};

struct call {
	uint32_t magic;
	enum call_state state;
	struct caller *caller;
	struct call *next; /* while unused */
	struct call_options options;
	struct call_events events;
	struct pace *pace; /* NULL: a relay's, which is not paced */
	struct pace_waiter waiter;
	struct fault *unsent;    /* owned: why a relay's attempt could not be made; else NULL */
	struct loop_timer timer; /* QUEUED: the deadline; BACKING_OFF: the wait */
	int64_t deadline_us;
	unsigned number; /* of attempts begun */
	bool cancelled;
	struct attempt attempt;
	struct call_attempt last; /* exchange NULL: no attempt was made */
};

struct caller_pace {
	struct caller_pace *next;
	struct text provider; /* owned copy of the name */
	struct provider_limits limits;
	struct pace *pace;
};

struct caller {
	uint32_t magic;
	struct loop *loop;
	struct transport *transport;
	struct caller_pace *paces;
	struct secret *wrong_key; /* for the cases that ask what a wrong key gets */
	uint64_t random;
	struct arena scratch; /* of all readers */
	struct call *unused;
	size_t unused_count;
	size_t in_flight;
	bool freed;
};

/* caller.c */
MUST_CHECK struct call *caller_take_call(struct caller *caller);
void caller_give_call(struct caller *caller, struct call *call);
/* The queue in front of that provider; the same for all calls to it. */
MUST_CHECK struct pace *caller_pace_of(struct caller *caller, const struct provider *provider);
MUST_CHECK uint64_t caller_random(struct caller *caller);

#endif
