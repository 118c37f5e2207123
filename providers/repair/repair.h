/*
 * Repairs: known deviations of a provider, mended on the way. Each is named after the case
 * that it mends; what it does not touch passes byte for byte.
 *
 * The runner judges a target raw and repaired, the proxy repairs where a route allows it: both by
 * this code. A repair only ever restores form (an index, a place, a spelling); it makes up no
 * content and never turns a failure into a success.
 */
#ifndef PROVISO_PROVIDERS_REPAIR_H
#define PROVISO_PROVIDERS_REPAIR_H

#include "providers/chat.h"
#include "providers/wire/exchange.h"

/* clang-format off */
/*          name    id       what it does */
#define REPAIR_TABLE(ROW) \
	ROW(PA_01, "PA-01", "sends max_tokens as max_completion_tokens") \
	ROW(PA_02, "PA-02", "sends max_completion_tokens as max_tokens") \
	ROW(TR_03, "TR-03", "sends tool call ids of a foreign form as nine letters and digits") \
	ROW(TS_01, "TS-01", "numbers fragments of tool calls that come without an index") \
	ROW(TS_02, "TS-02", "gives different tool calls different indexes") \
	ROW(TC_03, "TC-03", "turns arguments that are an object into their JSON text") \
	ROW(TC_08, "TC-08", "turns missing and empty arguments into {}") \
	ROW(TC_20, "TC-20", "ends a reply with tool calls by finish_reason tool_calls") \
	ROW(SU_01, "SU-01", "moves usage to one last chunk without choices")
/* clang-format on */

enum repair {
#define REPAIR_ENUMERATOR(name, id, does) REPAIR_##name,
	REPAIR_TABLE(REPAIR_ENUMERATOR)
#undef REPAIR_ENUMERATOR
	    REPAIR_COUNT
};

/* A set of them, one bit each. */
typedef unsigned repair_bits;
#define REPAIR_BIT(repair) (1u << (repair))
#define REPAIR_ALL ((1u << REPAIR_COUNT) - 1)
/* Those that change what is sent: the target must be asked anew. The others mend the reply. */
#define REPAIR_REQUESTS                                                                            \
	(REPAIR_BIT(REPAIR_PA_01) | REPAIR_BIT(REPAIR_PA_02) | REPAIR_BIT(REPAIR_TR_03))
#define REPAIR_REPLIES (REPAIR_ALL & ~REPAIR_REQUESTS)

const char *repair_name(enum repair repair);
const char *repair_does(enum repair repair);
MUST_CHECK bool repair_from_name(struct text name, enum repair *out);
/* "TS-01 TC-20", in the table's order; arena. */
MUST_CHECK struct text repair_names(repair_bits repairs, struct arena *arena);
/* The reverse; false with the unknown name in *bad. */
MUST_CHECK bool repair_bits_from_names(struct text names, repair_bits *out, struct text *bad);

/* --- requests: repair_request.c --- */

/*
 * The body with those of `repairs` that apply; *applied says which. Body and root are of a chat
 * request (others pass as they are); bytes in the arena, or `body` itself where nothing applied.
 */
MUST_CHECK struct text repair_request(repair_bits repairs, struct text body,
                                      const struct json *root, struct arena *arena,
                                      repair_bits *applied);

/* --- replies: repair_reply.c --- */

enum {
	REPAIR_EVENT_MAX_BYTES = 16 << 20, /* a larger event passes as it is */
	REPAIR_BODY_MAX_BYTES = 64 << 20,  /* the same of a plain body */
	REPAIR_MAX_CALLS = 1024,           /* of one reply that are told apart */
};

struct repairer; /* one reply on its way */

struct repairer_options {
	repair_bits repairs;
	bool streamed;    /* the reply is an event stream; else one JSON body */
	bool usage_asked; /* only then usage is given a chunk of its own */
};

/* Owned; never NULL. */
MUST_CHECK struct repairer *repairer_new(const struct repairer_options *options);
void repairer_free(struct repairer *repairer);
/*
 * Takes bytes as they come and appends to `out` what may go on: of a stream whole events, of a
 * plain body nothing before the end. `out` overflows like any buffer.
 */
void repairer_feed(struct repairer *repairer, struct text bytes, struct text_buf *out);
/* The rest. cut: the reply broke off, so nothing is added that would make it look whole. */
void repairer_end(struct repairer *repairer, bool cut, struct text_buf *out);
/* Those that had something to mend so far. */
MUST_CHECK repair_bits repairer_applied(const struct repairer *repairer);

/* --- a reply that is there as a whole: repair_exchange.c --- */

/*
 * The exchange with its body repaired, piece by piece at the times at which they came; `exchange`
 * itself, with *applied 0, where there was nothing to mend. Arena memory.
 */
MUST_CHECK const struct exchange *repair_exchange(const struct exchange *exchange,
                                                  const struct repairer_options *options,
                                                  struct arena *arena, repair_bits *applied);

#endif
