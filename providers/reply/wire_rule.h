/*
 * The rules of the wire that a reply reader checks on the bytes themselves,
 * named by their case in the catalogue, and how much a breach hurts.
 *
 * A reader says of each rule whether the reply gave occasion to break it
 * (`reply_saw`) and each breach (`reply_violates`). A case of the suite that expects
 * `wire: [TS-01]` therefore fails both where the rule is broken and where nothing
 * was there to judge: no expectation is met by silence.
 */
#ifndef PROVISO_PROVIDERS_WIRE_RULE_H
#define PROVISO_PROVIDERS_WIRE_RULE_H

#include "harness/base/text.h"

enum wire_grade {
	WIRE_BREAKS,   /* clients break: the official SDKs throw or lose data */
	WIRE_DEVIATES, /* not what OpenAI sends; careful clients cope */
	WIRE_HARMLESS, /* differs from the OpenAPI file as OpenAI itself does */
};

/* clang-format off */
/*         name    id       what must hold */
#define WIRE_RULES(RULE) \
	RULE(HT_01, "HT-01", "a plain answer is application/json and exactly one JSON value") \
	RULE(HT_02, "HT-02", "a streamed answer is text/event-stream") \
	RULE(ER_05, "ER-05", "an error is {\"error\":{message,type,param,code}}") \
	RULE(ER_20, "ER-20", "a failure after the first byte is said in band or cuts the stream") \
	RULE(CH_01, "CH-01", "id, object, created, model, choices; each choice has index, message, finish_reason") \
	RULE(CH_02, "CH-02", "role assistant; content a string, null only beside tool calls or a refusal") \
	RULE(US_01, "US-01", "usage holds three non-negative integers") \
	RULE(US_02, "US-02", "total_tokens is prompt_tokens plus completion_tokens") \
	RULE(US_07, "US-07", "reasoning tokens are counted once, within completion_tokens") \
	RULE(ST_01, "ST-01", "each event is data: and one JSON object, closed by a blank line") \
	RULE(ST_02, "ST-02", "the stream ends with data: [DONE]") \
	RULE(ST_03, "ST-03", "id, created and model are constant; object is chat.completion.chunk") \
	RULE(ST_04, "ST-04", "the first delta of a choice carries role assistant") \
	RULE(ST_05, "ST-05", "every choice of every chunk has finish_reason, null until the end") \
	RULE(ST_06, "ST-06", "exactly one terminal finish_reason for each choice") \
	RULE(ST_07, "ST-07", "text arrives as well-formed UTF-8, no character torn") \
	RULE(ST_08, "ST-08", "choices is empty on usage and filter chunks only; each choice has index and delta") \
	RULE(SU_01, "SU-01", "asked for usage, one last chunk with choices [] carries it") \
	RULE(SU_02, "SU-02", "not asked for usage, no chunk is there for usage alone") \
	RULE(SU_04, "SU-04", "usage seen several times is cumulative, never a sum to be added") \
	RULE(TC_03, "TC-03", "a tool call has an id, type function, a name, and arguments as a string") \
	RULE(TC_04, "TC-04", "arguments parse to an object, once") \
	RULE(TC_20, "TC-20", "tool calls and finish_reason tool_calls come together") \
	RULE(TC_21, "TC-21", "no raw tool markup in content") \
	RULE(TS_01, "TS-01", "every fragment of a streamed tool call has an integer index") \
	RULE(TS_02, "TS-02", "different calls have different indexes") \
	RULE(TS_03, "TS-03", "the first fragment has id, type and name; none of them changes later") \
	RULE(TS_04, "TS-04", "argument fragments are strings that join to JSON") \
	RULE(TS_07, "TS-07", "the finish comes after the last fragment and before usage and [DONE]") \
	RULE(TS_08, "TS-08", "long arguments come in several fragments") \
	RULE(FR_01, "FR-01", "finish_reason is stop, length, tool_calls, content_filter or function_call") \
	RULE(RE_01, "RE-01", "thoughts stand in a reasoning field, not as <think> in content") \
	RULE(RE_02, "RE-02", "reasoning deltas come before content, always in the same field") \
	RULE(JS_14, "JS-14", "a reply cut by its token limit says length") \
	RULE(EM_01, "EM-01", "object list, data in order, embeddings of equal dimensions, usage") \
	RULE(MO_01, "MO-01", "a model list is {object: list, data: []}") \
	RULE(CP_01, "CP-01", "a legacy completion has id, object text_completion, choices with text") \
	RULE(RS_01, "RS-01", "a response has id, object response, status, model, output, usage") \
	RULE(RS_03, "RS-03", "response events come in the documented order") \
	RULE(RS_04, "RS-04", "sequence_number increases strictly") \
	RULE(RS_05, "RS-05", "item_id, output_index and content_index fit together; deltas join to done") \
	RULE(RS_06, "RS-06", "the completed event carries id, model and the full output") \
	RULE(RS_07, "RS-07", "a response that was cut ends by response.incomplete, and only such a one") \
	RULE(RS_08, "RS-08", "a failed response says so in an event")
/* clang-format on */

enum wire_rule {
#define WIRE_RULE_NAME(name, id, holds) WIRE_##name,
	WIRE_RULES(WIRE_RULE_NAME)
#undef WIRE_RULE_NAME
	    WIRE_RULE_COUNT
};

/* "breaks", "deviates", "harmless". */
const char *wire_grade_name(enum wire_grade grade);
const char *wire_rule_id(enum wire_rule rule);
const char *wire_rule_holds(enum wire_rule rule);
/* The rule of that catalogue id, or WIRE_RULE_COUNT. */
MUST_CHECK enum wire_rule wire_rule_from_id(struct text id);

#endif
