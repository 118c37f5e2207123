/* The parts of the relay; nobody else includes this. */
#ifndef PROVISO_PROXY_RELAY_PRIVATE_H
#define PROVISO_PROXY_RELAY_PRIVATE_H

#include "providers/client/reply_writer.h"
#include "proxy/proxy_private.h"
#include "proxy/relay/forward.h"
#include "proxy/relay/frame.h"
#include "proxy/relay/relay.h"
#include "proxy/relay/relay_judge.h"

enum {
	RELAY_MAGIC = 0x5e1a7000,
	RELAY_ATTEMPTS_MAX = 16,          /* of one request, whatever its candidates */
	RELAY_HELD_EVENTS_MAX = 64,       /* before the commit */
	RELAY_HELD_BYTES_MAX = 256 << 10, /* before the commit */
	RELAY_TAIL_BYTES_MAX = 64 << 10,  /* [DONE] and what may stand behind it */
	RELAY_ID_MOMENT = 11,             /* hex digits */
	RELAY_ID_RANDOM = 16,
	RELAY_ID_BYTES = sizeof("req_") + RELAY_ID_MOMENT + RELAY_ID_RANDOM,
	RELAY_TRANSLATED_BYTES_MAX = 128 << 20, /* the largest reply, escaped */
};

/* LIMITED: its provider is at its limit for the moment */
enum relay_tried { RELAY_UNTRIED, RELAY_TRIED, RELAY_LIMITED };

enum relay_state {
	RELAY_BOOKING,   /* what an attempt may cost is on its way to the ledger */
	RELAY_CALLING,   /* an attempt is in flight, and nothing of it was shown */
	RELAY_WAITING,   /* before the same target is asked once more, or for a provider's limit */
	RELAY_STREAMING, /* committed: bytes pass */
	RELAY_SETTLING,  /* the answer is decided; its last bytes wait for the ledger */
	RELAY_DONE,      /* all is said; the exchange may still be flushing */
	RELAY_STATES
};

/* A place at the provider of the attempt at hand, and the wait for one. */
struct relay_slot {
	bool taken;
	const struct rate_limits *limits; /* as it was taken, like the tokens */
	int64_t tokens;
	/* Of those that were passed over, the one to wait for; limit NULL: none was. */
	const char *limit;
	struct text provider;
	bool at_once; /* requests under way: nobody knows when one ends */
	int64_t wait_ms;
	int64_t until_us;      /* of all waits; 0: it did not wait yet */
	int64_t context_above; /* see relay_ask_next */
};

/* What is known of a reply once it is over; copies in the relay's arena. */
struct relay_facts {
	struct chat_usage usage;
	struct cost cost;
	struct text reported_model, served_by, finish_reason; /* data NULL: none */
	const char *usage_source;                             /* reported | estimated | missing */
	bool owed; /* there was an answer that is billed */
};

/* Of a request that was given back: what its reply is held against. */
struct relay_asked {
	struct shape shape; /* without views into the body */
	size_t number;      /* of the target */
};

struct relay {
	uint32_t magic;
	enum relay_state state;
	struct relay *next, *previous; /* while unused, or drained */
	struct worker *worker;
	struct snapshot *snapshot;      /* counted */
	struct http_exchange *exchange; /* NULL: the client has gone */
	const struct key *key;          /* counted; NULL: none */
	bool rate_taken;
	int64_t rate_tokens; /* as they were taken */
	int64_t prompt_bytes;
	struct intake *intake;     /* goes with the exchange, or at the commit; NULL: it has gone */
	struct relay_asked *asked; /* arena; of an intake that went at the commit */
	const struct config_route *route; /* NULL: none */
	bool drains;                      /* read to the end although the client has gone */
	struct relay *twin; /* of the same exchange, while neither has answered; NULL: none */
	bool hedged;        /* the request was asked twice at once, as it may be only once */
	bool hedge;         /* this is the second one */
	bool lost;          /* the twin answered first */
	struct loop_timer hedge_timer;
	const struct target **compared; /* arena; of the decision, once the intake is gone */
	size_t compared_count;
	struct arena arena;            /* what outlives it */
	enum endpoint endpoint;        /* that providers are asked for */
	enum endpoint client_endpoint; /* that the client asked: its errors are in its format */
	bool streamed, usage_asked;
	bool may_be_empty; /* the reply */
	bool open_stream;  /* counted as one */
	char id[RELAY_ID_BYTES];
	int64_t began_us, deadline_us;
	int64_t upstream_us; /* of all attempts and waits: what is not ours */

	/* --- the attempt at hand --- */
	struct call *call; /* NULL: none in flight */
	struct call_relay call_relay;
	struct chat_request request;
	struct http_header *up; /* sent up with every attempt */
	size_t up_count;
	const struct exchange *head; /* NULL before it came */
	size_t candidate;            /* its index in the decision */
	const struct target *target;
	struct health *health;
	const char *unwell; /* the state it was asked in all the same; NULL: it was well */
	bool usage_injected;
	const char *given_up; /* why we end it; NULL: we don't */
	bool timed_out;
	bool again;           /* this target was asked a second time already */
	unsigned char *tried; /* enum relay_tried by candidate; arena of the exchange */
	struct relay_slot slot;
	int64_t sent_us, first_event_us; /* first_event_us -1: none came */
	int64_t event_due_us;            /* when the next event is late */
	int64_t passed_us;               /* when the client was last written to, of a stream */
	struct loop_timer timer;

	/* --- the answer --- */
	struct repairer *repairer;   /* owned; NULL: nothing of the stream is mended */
	struct reply_writer *writer; /* owned; NULL: the stream is not translated */
	struct text_buf mended;      /* what they made of the last read */
	repair_bits repaired;        /* that had something to mend */
	struct frame_cutter cutter;
	struct text_buf held; /* until the commit */
	size_t held_events;
	struct text_buf usage_frame; /* may be the last one with usage: its cost is put in then */
	bool broken;                 /* the stream: an error stands in `tail` */
	bool tells_error;     /* the stream: an error was read in it, which may quote our key */
	struct text_buf tail; /* [DONE] and behind: leaves when all is known to be good */
	bool paused;
	struct relay_facts facts;
	/* What is said once all is settled; header_count 0 and body empty: a stream's tail. */
	bool answer_is_whole;
	int answer_status;
	struct http_header *answer_headers; /* arena */
	size_t answer_header_count;
	struct text answer_body; /* arena, or in `held` */

	/* --- money and rows --- */
	struct budget_reservation reservation;
	struct ledger_row row; /* of the attempt at hand, or of the last one */
	bool row_pending;      /* it is over and not yet with the ledger */
	struct ledger_ticket ticket;
	bool keeps_content, redacts_content;
	struct text request_content; /* arena */
	struct text_buf response_content;

	/* --- what went before --- */
	struct refusal_attempt *attempts; /* arena; NULL: nothing failed yet */
	size_t attempt_count;             /* all, the good one too */
	size_t failed_count;
	struct refusal *first; /* arena: the first failure, which is what the client is told */
	struct text first_body;
	bool first_outweighs;      /* an answer of a provider, which counts more than a failure */
	int first_status;          /* where the provider's own words are passed on; else 0 */
	bool first_body_is_stream; /* of events */
	bool thoughts_left;        /* out of the request: its target can't read them */
	int upstream_status;       /* of the first failure, as the provider gave it; 0: none */
	int64_t waited_ms;
};

void relay_enter(struct relay *relay, enum relay_state state);
/* Where the first failure is kept; made where nothing failed before. */
MUST_CHECK struct refusal *relay_first(struct relay *relay);
/* An answer that is not streamed, said once all is settled; headers are copied, the body is not. */
void relay_answer(struct relay *relay, int status, const struct http_header *headers,
                  size_t header_count, struct text body);
/* The row is on disk, or can't be. */
void relay_settled(struct relay *relay, bool on_disk);

/* Loop callback: neither an exchange nor a call knows the relay (the context) any more. */
void relay_give(void *context);

/* A second relay for the same exchange: nothing asked yet, without the key. */
MUST_CHECK struct relay *relay_second(struct relay *relay);

/* relay_hedge.c: a second target while the first is slow */
/* Each request of the route allows a share of a hedge. */
void relay_earn_hedge(struct relay *relay);
/* An attempt is in flight from now on. */
void relay_hedge_watch(struct relay *relay);
/* This one answers: a twin ends. Before the first byte of the answer. */
void relay_hedge_won(struct relay *relay);
/* The client has left: a twin ends. */
void relay_hedge_closed(struct relay *relay);
/* This one has failed. True: a twin is left with the request, and this relay is over. */
MUST_CHECK bool relay_hedge_leaves(struct relay *relay);

/* relay_gone.c: the client has left */
/* The exchange and all that goes with it is not touched any more; what rows want of it is kept. */
void relay_leave_exchange(struct relay *relay);
/* A stream is committed: nobody else is asked, and the request goes, if its bytes were sent up. */
void relay_drop_request(struct relay *relay);
/* The attempt that was read to the end is over, or is to be cancelled after all. */
void relay_drain_over(struct relay *relay);

/* relay_book.c: money and rows */
/* For the target at hand. */
MUST_CHECK enum budget_result relay_reserve(struct relay *relay, int64_t bound_pico_usd,
                                            struct budget_denial *denial);
/* True: the attempt waits for the ledger, which goes on by itself. False: ask now. */
MUST_CHECK bool relay_begin(struct relay *relay);
/* The client left while it waited. */
void relay_unbook(struct relay *relay);
/* What the reply says of usage, cost and itself. */
void relay_note_facts(struct relay *relay, const struct exchange *exchange,
                      const struct chat_reply *reply);
/* The attempt is over: its money is settled and its row complete. exchange NULL: never sent. */
void relay_note_row(struct relay *relay, enum ending ending, const struct exchange *exchange);
/* Another attempt follows, and this is why: the row of the last one goes to the ledger. */
void relay_flush_row(struct relay *relay, const char *reason);
/* The answer is decided: its row goes to disk, then relay_settled. */
void relay_settle(struct relay *relay);

/* All failed: the client hears of the first failure, and of all that was tried. */
void relay_tell_failure(struct relay *relay);
/* relay_call.c: what the call of an attempt tells; context: the relay */
extern const struct call_events relay_call_events;
void relay_head_came(void *context, const struct exchange *exchange);
void relay_body_came(void *context, struct text bytes, const struct reply_reader *reader);

/* relay_slot.c: the limits of providers */
/* For the target at hand. False: its provider is at its limit, which is noted. */
MUST_CHECK bool relay_take_slot(struct relay *relay);
/* used_tokens -1: unknown. Where none is taken nothing happens. */
void relay_free_slot(struct relay *relay, int64_t used_tokens);
/* All that may be asked are at their limits. True: it waits. False: why, is the first failure. */
MUST_CHECK bool relay_wait_for_slot(struct relay *relay, int64_t context_above);

/* relay_live.c: a reply came to its end; before its request goes. */
void relay_watch(struct relay *relay, const struct call_attempt *last);

/* relay_next.c: who is asked */
/* The candidate at hand is asked. */
void relay_ask(struct relay *relay);
/*
 * The next one, of those with a larger context than that (-1: any), at once or after a wait for a
 * provider's limit. False where there is none, or no time.
 */
MUST_CHECK bool relay_ask_next(struct relay *relay, int64_t context_above);
/* That candidate, or false: there is no room in a budget or at its provider. */
MUST_CHECK bool relay_ask_this(struct relay *relay, size_t at);
/* The first that is untried, proven and well. */
MUST_CHECK bool relay_choose_well(const struct relay *relay, size_t *out);
/* Of the attempts that the client is told of when all fail. */
void relay_add_attempt(struct relay *relay, const struct refusal_attempt *attempt);
void relay_note_health(struct relay *relay, const struct relay_judgement *judgement);
/* An attempt failed before the commit: another follows, or the client is told. */
void relay_failed(struct relay *relay, const struct relay_judgement *judgement,
                  const struct exchange *exchange, const struct chat_reply *reply);
/* Each request allows a tenth of a retry. */
void relay_earn_retry(struct proxy *proxy);

/* relay_stream.c: a streamed answer */
void relay_stream_reset(struct relay *relay);
/* A piece of a reply of 200 came. */
void relay_stream_feed(struct relay *relay, struct text bytes, const struct reply_reader *reader);
/* What a content filter keeps back is asked of the next target: the route says so, and nothing was
 * shown yet. */
MUST_CHECK bool relay_leaves_filtered(const struct relay *relay);
/* All that is held, as the client may see it: whole events; arena. */
MUST_CHECK struct text relay_stream_held(struct relay *relay);
/* The attempt that was committed is over. */
void relay_stream_ended(struct relay *relay, const struct relay_judgement *judgement,
                        const struct chat_reply *reply);
/* All is settled: the last bytes, or an error in their place. */
void relay_stream_finish(struct relay *relay, bool on_disk);
/* The attempt at hand is ended by us. */
void relay_give_up(struct relay *relay, const char *reason, bool timed_out);
void relay_note_event(struct relay *relay);

/* relay_convert.c: from one format to another, and what the route's repairs do */
/* The client's own format is the provider's, and it is not OpenAI's. */
MUST_CHECK bool relay_is_native(const struct relay *relay);
/* The client gets another format than the provider sends. */
MUST_CHECK bool relay_translates(const struct relay *relay);
/* The request as it is sent to the candidate at hand; arena, or `body` itself. */
MUST_CHECK struct text relay_repair_request(struct relay *relay, struct text body);
void relay_convert_reset(struct relay *relay);
/* Before an attempt. */
void relay_convert_begin(struct relay *relay);
/* Of a stream what may go on now; lives until the next call. */
MUST_CHECK struct text relay_convert_bytes(struct relay *relay, struct text bytes,
                                           const struct reply_reader *reader);
/* The end of it. cut: nothing is added that would make it look whole. */
MUST_CHECK struct text relay_convert_rest(struct relay *relay, const struct chat_reply *reply,
                                          bool cut);
/* A whole body; arena, or the exchange's own. */
MUST_CHECK struct text relay_convert_body(struct relay *relay, const struct exchange *exchange,
                                          const struct chat_reply *reply);
/* The provider's refusal as it is passed on; arena. The client's clients may not know the status.
 */
MUST_CHECK struct text relay_convert_refusal(struct relay *relay, struct text body,
                                             const struct chat_reply *reply, int *status);

/* relay_head.c: the headers of an answer, true at the moment when they are written */
enum { RELAY_HEADERS_MAX = FORWARD_MAX_HEADERS + 15 };
/* Views into the exchange, the snapshot and `arena`. */
MUST_CHECK size_t relay_head(const struct relay *relay, const struct exchange *exchange,
                             bool with_cost, struct arena *arena,
                             struct http_header out[RELAY_HEADERS_MAX]);
/* The same for an answer of ours. */
MUST_CHECK size_t relay_refusal_head(struct relay *relay, const struct refusal *refusal,
                                     struct http_header out[RELAY_HEADERS_MAX]);
/* "0.000123", exactly. */
MUST_CHECK struct text relay_usd(struct arena *arena, int64_t pico_usd);

#endif
