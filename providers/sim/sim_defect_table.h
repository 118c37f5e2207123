/*
 * Every way in which the simulator can be broken, one row each: a defect named
 * after the case that must notice it, or a fault with a name of its own.
 *
 * A new one is a row here and a branch at the seam it belongs to (sim_private.h). The
 * rows are sorted by id; a test sees to it.
 */
#ifndef PROVISO_PROVIDERS_SIM_DEFECT_TABLE_H
#define PROVISO_PROVIDERS_SIM_DEFECT_TABLE_H

/* clang-format off */
/*  name    id       where it acts  what it does
            other cases that may notice */
#define SIM_DEFECT_TABLE(ROW) \
	ROW(CH_01, "CH-01", SCOPE_ALL, "leaves `created` out of plain replies", \
	    "CH-05") \
	ROW(CH_02, "CH-02", SCOPE_ALL, "gives plain replies the role `model`", \
	    "") \
	ROW(CH_03, "CH-03", SCOPE_OWN, "does not repeat the word it was asked to repeat", \
	    "") \
	ROW(CH_04, "CH-04", SCOPE_ALL, "answers by another model than the one that was asked", \
	    "") \
	ROW(CH_05, "CH-05", SCOPE_ALL, "gives all replies the same id", \
	    "") \
	ROW(CH_06, "CH-06", SCOPE_OWN, "does not obey the system message", \
	    "") \
	ROW(CH_07, "CH-07", SCOPE_ALL, "refuses the role developer with 400", \
	    "") \
	ROW(CH_08, "CH-08", SCOPE_ALL, "refuses a second system message with 400", \
	    "") \
	ROW(CH_09, "CH-09", SCOPE_OPEN, "reads only the first part of a content list", \
	    "") \
	ROW(CH_10, "CH-10", SCOPE_OWN, "forgets what was said two turns ago", \
	    "") \
	ROW(CH_11, "CH-11", SCOPE_ALL, "refuses an assistant message without text and without calls", \
	    "") \
	ROW(CH_12, "CH-12", SCOPE_ALL, "refuses the name of a message with 400", \
	    "") \
	ROW(CH_13, "CH-13", SCOPE_ALL, "answers a trailing assistant turn with 500", \
	    "") \
	ROW(CH_14, "CH-14", SCOPE_OPEN, "answers a follow-up with nothing", \
	    "CH-10 RS-09") \
	ROW(CO_01, "CO-01", SCOPE_OWN, "answers with what another request was to be told", \
	    "") \
	ROW(CO_02, "CO-02", SCOPE_OWN, "answers every other request of a crowd by 429", \
	    "") \
	ROW(CO_03, "CO-03", SCOPE_OWN, "takes over 5 s to the first token of a prompt of 8k tokens", \
	    "") \
	ROW(CO_03_128K, "CO-03.128k", SCOPE_OWN, "takes over 35 s to the first token of a prompt of 96k tokens", \
	    "") \
	ROW(CO_03_32K, "CO-03.32k", SCOPE_OWN, "takes over 8 s to the first token of a prompt of 24k tokens", \
	    "") \
	ROW(CO_03_64K, "CO-03.64k", SCOPE_OWN, "takes over 15 s to the first token of a prompt of 48k tokens", \
	    "") \
	ROW(CO_04, "CO-04", SCOPE_OWN, "streams under 10 tokens a second", \
	    "CO-04.fast") \
	ROW(CO_04_FAST, "CO-04.fast", SCOPE_OWN, "streams under 30 tokens a second", \
	    "") \
	ROW(CO_05, "CO-05", SCOPE_OWN, "counts known prompts by another tokenizer than before", \
	    "") \
	ROW(CO_05_RECORD, "CO-05.record", SCOPE_OWN, "counts no tokens of known prompts", \
	    "CO-05") \
	ROW(CO_06, "CO-06", SCOPE_OWN, "takes over 3 s for what took some milliseconds before", \
	    "") \
	ROW(CP_01, "CP-01", SCOPE_ALL, "calls legacy completions chat.completion", \
	    "CP-02") \
	ROW(CP_02, "CP-02", SCOPE_OWN, "goes on from a prompt that nobody sent", \
	    "") \
	ROW(EM_01, "EM-01", SCOPE_ALL, "lists embeddings in reverse order", \
	    "EM-04") \
	ROW(EM_02, "EM-02", SCOPE_ALL, "overlooks encoding_format, and always sends lists of numbers", \
	    "") \
	ROW(EM_03, "EM-03", SCOPE_ALL, "overlooks dimensions", \
	    "") \
	ROW(EM_03_TOKENS, "EM-03.tokens", SCOPE_ALL, "refuses lists of tokens to embed", \
	    "") \
	ROW(EM_04, "EM-04", SCOPE_ALL, "gives a text another vector in each place of a batch", \
	    "") \
	ROW(ER_01, "ER-01", SCOPE_ALL, "serves whoever comes with a wrong key", \
	    "") \
	ROW(ER_02, "ER-02", SCOPE_ALL, "serves whoever comes without a key", \
	    "") \
	ROW(ER_03, "ER-03", SCOPE_ALL, "answers for an unknown model with another one", \
	    "ER-05") \
	ROW(ER_04, "ER-04", SCOPE_ALL, "answers broken JSON with 500", \
	    "UN-02.lone") \
	ROW(ER_05, "ER-05", SCOPE_ALL, "sends errors flat, without the `error` around them", \
	    "") \
	ROW(ER_06, "ER-06", SCOPE_ALL, "answers malformed messages with 500", \
	    "ER-16 TR-07 VI-02 VI-04") \
	ROW(ER_07, "ER-07", SCOPE_ALL, "cuts a prompt that is too long and answers 200", \
	    "") \
	ROW(ER_08, "ER-08", SCOPE_ALL, "sends the errors of streamed requests inside a stream of status 200", \
	    "") \
	ROW(ER_09, "ER-09", SCOPE_ALL, "takes any temperature", \
	    "") \
	ROW(ER_10, "ER-10", SCOPE_ALL, "takes any tool_choice for auto", \
	    "") \
	ROW(ER_11, "ER-11", SCOPE_ALL, "takes tool_choice required without tools, and with none in the list", \
	    "") \
	ROW(ER_12, "ER-12", SCOPE_ALL, "takes any response_format for text", \
	    "") \
	ROW(ER_13, "ER-13", SCOPE_ALL, "takes a json_schema without a name, without a schema, and with words for them", \
	    "") \
	ROW(ER_14, "ER-14", SCOPE_ALL, "takes any name of a tool", \
	    "") \
	ROW(ER_15, "ER-15", SCOPE_ALL, "takes two tools of one name", \
	    "") \
	ROW(ER_16, "ER-16", SCOPE_ALL, "answers a tool result that no call asked for with 500", \
	    "") \
	ROW(ER_17, "ER-17", SCOPE_OWN, "answers 501 where a feature is not offered", \
	    "") \
	ROW(ER_18, "ER-18", SCOPE_OWN, "limits rates without a word about when to come back", \
	    "") \
	ROW(ER_19, "ER-19", SCOPE_OWN, "says that a quota is spent as if a rate were too high", \
	    "") \
	ROW(ER_20, "ER-20", SCOPE_OPEN, "ends a stream cleanly and empty after a failure", \
	    "CH-03~stream CH-04~stream FR-01~stream HT-02 HT-04~stream HT-11~stream RE-01~stream RE-02 ST-01 ST-02 ST-03 ST-04 ST-05 ST-06 ST-08 SU-01 US-03~stream") \
	ROW(ER_21, "ER-21", SCOPE_ALL, "answers GET on the chat path with 200", \
	    "") \
	ROW(FR_01, "FR-01", SCOPE_OPEN, "says finish_reason `eos` where it is stop", \
	    "") \
	ROW(FR_02, "FR-02", SCOPE_OPEN, "ends what a filter kept back as if it were all, by stop", \
	    "") \
	ROW(HT_01, "HT-01", SCOPE_ALL, "sends plain replies as text/plain", \
	    "") \
	ROW(HT_02, "HT-02", SCOPE_ALL, "sends streams as application/json", \
	    "") \
	ROW(HT_03, "HT-03", SCOPE_ALL, "holds a stream back until it is whole", \
	    "HT-05~stream ST-13") \
	ROW(HT_04, "HT-04", SCOPE_OPEN, "sends notes of progress as events without JSON", \
	    "CH-03~stream CH-04~stream ER-20 HT-11~stream RE-01~stream RE-02~stream ST-01 US-03~stream") \
	ROW(HT_05, "HT-05", SCOPE_ALL, "sends plain replies as gzip that are not, and coded streams in one piece", \
	    "") \
	ROW(HT_06, "HT-06", SCOPE_OPEN, "closes the connection behind each plain reply", \
	    "") \
	ROW(HT_07, "HT-07", SCOPE_ALL, "refuses whoever offers HTTP/2", \
	    "") \
	ROW(HT_08, "HT-08", SCOPE_OPEN, "breaks the connection where a body is larger than 512 KiB", \
	    "") \
	ROW(HT_09, "HT-09", SCOPE_ALL, "refuses unknown fields of streamed requests only", \
	    "US-11~stream") \
	ROW(HT_10, "HT-10", SCOPE_OWN, "goes on with the stream that its client left in the answer to the next request", \
	    "") \
	ROW(HT_11, "HT-11", SCOPE_ALL, "gives its replies no request id", \
	    "") \
	ROW(JO_01, "JO-01", SCOPE_OPEN, "wraps a JSON object in a Markdown fence", \
	    "JO-02") \
	ROW(JO_02, "JO-02", SCOPE_OPEN, "fills JSON mode up with white space until the limit", \
	    "") \
	ROW(JO_03, "JO-03", SCOPE_OPEN, "overlooks JSON mode in streams", \
	    "") \
	ROW(JO_04, "JO-04", SCOPE_ALL, "answers JSON mode without the word in the prompt by 500", \
	    "") \
	ROW(JO_05, "JO-05", SCOPE_OPEN, "says stop where JSON mode was cut by its limit", \
	    "") \
	ROW(JS_01, "JS-01", SCOPE_OPEN, "leaves a required property out of schema-bound JSON", \
	    "") \
	ROW(JS_02, "JS-02", SCOPE_OWN, "obeys the prompt where the schema forbids it", \
	    "") \
	ROW(JS_03, "JS-03", SCOPE_OPEN, "adds a property that the schema does not allow", \
	    "") \
	ROW(JS_04, "JS-04", SCOPE_OPEN, "writes numbers as strings, deep within schema-bound JSON", \
	    "") \
	ROW(JS_05, "JS-05", SCOPE_OPEN, "mixes the branches of an anyOf", \
	    "") \
	ROW(JS_06, "JS-06", SCOPE_OPEN, "overlooks what a schema refers to", \
	    "") \
	ROW(JS_07, "JS-07", SCOPE_OPEN, "writes what recurs in a schema as words", \
	    "") \
	ROW(JS_08, "JS-08", SCOPE_OPEN, "overlooks pattern and maximum", \
	    "") \
	ROW(JS_09, "JS-09", SCOPE_OPEN, "overlooks minItems", \
	    "") \
	ROW(JS_10, "JS-10", SCOPE_ALL, "refuses schemas that are not strict", \
	    "") \
	ROW(JS_11, "JS-11", SCOPE_OPEN, "takes a schema outside the strict subset, and overlooks it", \
	    "") \
	ROW(JS_12, "JS-12", SCOPE_OPEN, "overlooks the schema in streams", \
	    "") \
	ROW(JS_13, "JS-13", SCOPE_OPEN, "overlooks the schema where there are tools", \
	    "") \
	ROW(JS_14, "JS-14", SCOPE_OPEN, "says stop where schema-bound JSON was cut by its limit", \
	    "") \
	ROW(JS_15, "JS-15", SCOPE_OPEN, "refuses in content beside the schema", \
	    "") \
	ROW(JS_16, "JS-16", SCOPE_OWN, "takes over 10 s longer for the first answer to a schema", \
	    "") \
	ROW(JS_17, "JS-17", SCOPE_OWN, "answers each rung of the ladder in prose", \
	    "JS-17.easy JS-17.hard JS-17.medium JS-17.ultra") \
	ROW(JS_17_EASY, "JS-17.easy", SCOPE_OWN, "answers the second rung of the ladder in prose", \
	    "") \
	ROW(JS_17_HARD, "JS-17.hard", SCOPE_OWN, "answers the fourth rung of the ladder in prose", \
	    "") \
	ROW(JS_17_MEDIUM, "JS-17.medium", SCOPE_OWN, "answers the third rung of the ladder in prose", \
	    "") \
	ROW(JS_17_ULTRA, "JS-17.ultra", SCOPE_OWN, "answers the fifth rung of the ladder in prose", \
	    "") \
	ROW(LC_01, "LC-01", SCOPE_OWN, "drops the beginning of a prompt that nearly fills the window", \
	    "LC-01.32k LC-01.8k") \
	ROW(LC_01_32K, "LC-01.32k", SCOPE_OWN, "drops the beginning of a prompt of 32k tokens", \
	    "") \
	ROW(LC_01_8K, "LC-01.8k", SCOPE_OWN, "drops the beginning of a prompt of 8k tokens", \
	    "") \
	ROW(LC_02, "LC-02", SCOPE_ALL, "reads and counts half of a prompt that nearly fills the window", \
	    "") \
	ROW(LC_03, "LC-03", SCOPE_OPEN, "answers a long prompt with what it answered to one that begins alike", \
	    "") \
	ROW(MO_01, "MO-01", SCOPE_ALL, "sends the list of models as a bare array", \
	    "") \
	ROW(MO_02, "MO-02", SCOPE_ALL, "leaves its first model out of the list", \
	    "") \
	ROW(PA_01, "PA-01", SCOPE_OPEN, "overlooks max_tokens", \
	    "") \
	ROW(PA_02, "PA-02", SCOPE_OPEN, "overlooks max_completion_tokens", \
	    "") \
	ROW(PA_03, "PA-03", SCOPE_OPEN, "overlooks stop", \
	    "") \
	ROW(PA_04, "PA-04", SCOPE_OPEN, "heeds the first stop only", \
	    "") \
	ROW(PA_05, "PA-05", SCOPE_OPEN, "leaves the first character of a stop behind", \
	    "") \
	ROW(PA_06, "PA-06", SCOPE_OPEN, "overlooks n", \
	    "") \
	ROW(PA_07, "PA-07", SCOPE_OPEN, "overlooks logprobs", \
	    "") \
	ROW(PA_08, "PA-08", SCOPE_OPEN, "overlooks logit_bias", \
	    "") \
	ROW(PA_09, "PA-09", SCOPE_OPEN, "overlooks seed: no answer is like the last", \
	    "") \
	ROW(PA_10, "PA-10", SCOPE_OPEN, "answers otherwise each time at temperature 0", \
	    "") \
	ROW(PA_11, "PA-11", SCOPE_ALL, "refuses a temperature above 1", \
	    "") \
	ROW(PA_12, "PA-12", SCOPE_OPEN, "overlooks stop, n, max_tokens, tool_choice, response_format and parallel_tool_calls", \
	    "") \
	ROW(PA_13, "PA-13", SCOPE_ALL, "refuses null where a list of tools could be", \
	    "") \
	ROW(PA_14, "PA-14", SCOPE_ALL, "refuses store with 400", \
	    "") \
	ROW(RE_01, "RE-01", SCOPE_OPEN, "puts its thoughts into the content, as <think>", \
	    "") \
	ROW(RE_02, "RE-02", SCOPE_OPEN, "sends thoughts behind the content of a stream", \
	    "") \
	ROW(RE_03, "RE-03", SCOPE_ALL, "refuses reasoning_effort high", \
	    "") \
	ROW(RE_04, "RE-04", SCOPE_OPEN, "thinks although reasoning_effort is none", \
	    "") \
	ROW(RE_05, "RE-05", SCOPE_OPEN, "says stop where thoughts used up all tokens", \
	    "") \
	ROW(RE_06, "RE-06", SCOPE_OPEN, "overlooks the schema where it thinks beside tools", \
	    "") \
	ROW(RE_07, "RE-07", SCOPE_ALL, "refuses thoughts in the history with 400", \
	    "RE-06") \
	ROW(RS_01, "RS-01", SCOPE_ALL, "leaves `created_at` out of responses", \
	    "") \
	ROW(RS_02, "RS-02", SCOPE_OWN, "answers a response without what the tool returned", \
	    "") \
	ROW(RS_03, "RS-03", SCOPE_ALL, "streams text of a part that no event has added", \
	    "") \
	ROW(RS_04, "RS-04", SCOPE_ALL, "numbers all events of a response 0", \
	    "") \
	ROW(RS_05, "RS-05", SCOPE_ALL, "gives every delta of a response another item_id", \
	    "RS-05.calls") \
	ROW(RS_05_CALLS, "RS-05.calls", SCOPE_ALL, "streams a blank behind arguments that their end does not have", \
	    "") \
	ROW(RS_06, "RS-06", SCOPE_ALL, "ends streamed responses with an empty output", \
	    "") \
	ROW(RS_07, "RS-07", SCOPE_ALL, "calls a response completed that its limit has cut", \
	    "") \
	ROW(RS_08, "RS-08", SCOPE_ALL, "ends a streamed response without a word after a failure", \
	    "") \
	ROW(RS_09, "RS-09", SCOPE_ALL, "overlooks previous_response_id", \
	    "") \
	ROW(RS_10, "RS-10", SCOPE_OPEN, "overlooks text.format", \
	    "") \
	ROW(RS_10_TOOL_CHOICE, "RS-10.tool_choice", SCOPE_OPEN, "calls another tool than the one a response must call", \
	    "") \
	ROW(ST_01, "ST-01", SCOPE_ALL, "sends a stray brace behind the JSON of an event", \
	    "HT-04~stream") \
	ROW(ST_02, "ST-02", SCOPE_ALL, "ends streams without [DONE]", \
	    "") \
	ROW(ST_03, "ST-03", SCOPE_ALL, "gives every chunk an id of its own", \
	    "") \
	ROW(ST_04, "ST-04", SCOPE_ALL, "leaves the role out of the first delta", \
	    "") \
	ROW(ST_05, "ST-05", SCOPE_ALL, "leaves finish_reason out of all chunks but the last", \
	    "") \
	ROW(ST_06, "ST-06", SCOPE_ALL, "sends the finish of a choice twice", \
	    "ST-10") \
	ROW(ST_07, "ST-07", SCOPE_OPEN, "tears a character of a wide text apart", \
	    "UN-01~stream") \
	ROW(ST_08, "ST-08", SCOPE_ALL, "sends a chunk without choices in the middle of a stream", \
	    "") \
	ROW(ST_09, "ST-09", SCOPE_OPEN, "ends streamed tool calls with finish_reason stop", \
	    "") \
	ROW(ST_10, "ST-10", SCOPE_OPEN, "streams all choices under the index 0", \
	    "") \
	ROW(ST_11, "ST-11", SCOPE_OPEN, "streams its text in a member that no client knows", \
	    "") \
	ROW(ST_12, "ST-12", SCOPE_OPEN, "lets a streamed request wait for 6 s", \
	    "") \
	ROW(ST_13, "ST-13", SCOPE_OPEN, "stands still for 31 s in the middle of a stream", \
	    "") \
	ROW(SU_01, "SU-01", SCOPE_ALL, "puts usage on the finish chunk instead of one of its own", \
	    "") \
	ROW(SU_02, "SU-02", SCOPE_ALL, "sends usage in streams that did not ask for it", \
	    "") \
	ROW(SU_03, "SU-03", SCOPE_OPEN, "refuses stream_options", \
	    "") \
	ROW(SU_04, "SU-04", SCOPE_OPEN, "counts in each usage of a stream only what came since the last one", \
	    "") \
	ROW(TC_01, "TC-01", SCOPE_OPEN, "answers in prose where a tool is clearly needed", \
	    "TC-03 TC-04 TC-20 TS-01 TS-03 TS-04 TS-07") \
	ROW(TC_02, "TC-02", SCOPE_OPEN, "calls a tool that nobody needs", \
	    "") \
	ROW(TC_03, "TC-03", SCOPE_ALL, "sends the arguments of a plain reply's call as an object", \
	    "") \
	ROW(TC_04, "TC-04", SCOPE_OPEN, "encodes arguments twice", \
	    "TS-04") \
	ROW(TC_05, "TC-05", SCOPE_OPEN, "makes arguments that violate the tool's schema", \
	    "") \
	ROW(TC_06, "TC-06", SCOPE_OPEN, "calls a tool that was not offered", \
	    "") \
	ROW(TC_07, "TC-07", SCOPE_OWN, "calls the right tool with wrong values", \
	    "") \
	ROW(TC_08, "TC-08", SCOPE_OPEN, "leaves the arguments of a call without parameters empty", \
	    "") \
	ROW(TC_09, "TC-09", SCOPE_OPEN, "makes no call although one is required", \
	    "") \
	ROW(TC_10, "TC-10", SCOPE_OPEN, "calls another tool than the named one", \
	    "") \
	ROW(TC_11, "TC-11", SCOPE_OPEN, "calls a tool although tool_choice is none", \
	    "") \
	ROW(TC_12, "TC-12", SCOPE_ALL, "refuses tool_choice without tools", \
	    "") \
	ROW(TC_13, "TC-13", SCOPE_OPEN, "makes only the first of several calls", \
	    "TS-02 TS-05") \
	ROW(TC_14, "TC-14", SCOPE_OPEN, "overlooks parallel_tool_calls, and calls twice", \
	    "") \
	ROW(TC_15, "TC-15", SCOPE_OPEN, "calls the first tool where there are many", \
	    "") \
	ROW(TC_16, "TC-16", SCOPE_OPEN, "sends nested objects and arrays of arguments as strings", \
	    "") \
	ROW(TC_17, "TC-17", SCOPE_OPEN, "sends a number among the arguments as a string", \
	    "") \
	ROW(TC_18, "TC-18", SCOPE_ALL, "refuses tools whose schema has $ref", \
	    "") \
	ROW(TC_19, "TC-19", SCOPE_OPEN, "overlooks that a tool is strict", \
	    "") \
	ROW(TC_20, "TC-20", SCOPE_OPEN, "ends calls that it chose to make with finish_reason stop", \
	    "") \
	ROW(TC_21, "TC-21", SCOPE_OPEN, "leaves raw tool markup in the content beside a call", \
	    "") \
	ROW(TC_22, "TC-22", SCOPE_OPEN, "says tool_calls where a call was cut by its token limit", \
	    "") \
	ROW(TC_23, "TC-23", SCOPE_OPEN, "loses the backslashes within string arguments", \
	    "") \
	ROW(TC_24, "TC-24", SCOPE_OWN, "invents the arguments that nobody gave", \
	    "") \
	ROW(TC_25, "TC-25", SCOPE_ALL, "overlooks the legacy field functions", \
	    "") \
	ROW(TR_01, "TR-01", SCOPE_OWN, "answers without what the tool returned", \
	    "") \
	ROW(TR_02, "TR-02", SCOPE_OPEN, "refuses its own message back when its content is null", \
	    "TR-08") \
	ROW(TR_03, "TR-03", SCOPE_OPEN, "refuses tool call ids that are not nine letters or digits", \
	    "") \
	ROW(TR_04, "TR-04", SCOPE_OWN, "mixes up the results of two calls", \
	    "") \
	ROW(TR_05, "TR-05", SCOPE_ALL, "refuses a tool result that is empty", \
	    "") \
	ROW(TR_05_PARTS, "TR-05.parts", SCOPE_ALL, "refuses a tool result in parts", \
	    "") \
	ROW(TR_06, "TR-06", SCOPE_OWN, "forgets the ids that its tools returned", \
	    "") \
	ROW(TR_07, "TR-07", SCOPE_OPEN, "serves a history in which a tool result is missing", \
	    "") \
	ROW(TR_08, "TR-08", SCOPE_OPEN, "refuses calls in the history that lack their reasoning_content", \
	    "TR-02") \
	ROW(TR_09, "TR-09", SCOPE_OPEN, "adds a member to its calls that it refuses to take back", \
	    "TR-01") \
	ROW(TR_10, "TR-10", SCOPE_ALL, "refuses a call in the history whose arguments are empty", \
	    "") \
	ROW(TR_11, "TR-11", SCOPE_OPEN, "counts the ids of calls anew in each reply", \
	    "") \
	ROW(TR_12, "TR-12", SCOPE_ALL, "refuses a user's message right after a tool's", \
	    "") \
	ROW(TS_01, "TS-01", SCOPE_ALL, "omits the index of tool call fragments", \
	    "") \
	ROW(TS_02, "TS-02", SCOPE_ALL, "gives parallel calls the same index", \
	    "") \
	ROW(TS_03, "TS-03", SCOPE_ALL, "brings the name of a call in its second fragment", \
	    "") \
	ROW(TS_04, "TS-04", SCOPE_ALL, "sends null among the argument fragments", \
	    "") \
	ROW(TS_05, "TS-05", SCOPE_OPEN, "streams the arguments of all calls into the first", \
	    "TC-13~stream") \
	ROW(TS_06, "TS-06", SCOPE_OPEN, "makes other arguments streamed than not", \
	    "") \
	ROW(TS_07, "TS-07", SCOPE_OPEN, "sends the finish before the last fragment of a call", \
	    "") \
	ROW(TS_08, "TS-08", SCOPE_OPEN, "streams long arguments in one piece", \
	    "") \
	ROW(UN_01, "UN-01", SCOPE_OPEN, "loses the joiners of emoji", \
	    "") \
	ROW(UN_02, "UN-02", SCOPE_ALL, "reads a character that was sent as two escapes as U+FFFD", \
	    "") \
	ROW(UN_02_LONE, "UN-02.lone", SCOPE_ALL, "reads half of a surrogate pair as U+FFFD", \
	    "") \
	ROW(US_01, "US-01", SCOPE_ALL, "leaves total_tokens out of usage", \
	    "US-02") \
	ROW(US_02, "US-02", SCOPE_ALL, "counts a total that is not the sum", \
	    "") \
	ROW(US_03, "US-03", SCOPE_ALL, "counts nothing", \
	    "CO-05 CO-05.record LC-02 SU-04~stream US-01 US-04 US-05 US-06 US-07 US-08 US-09 US-10 US-10.images") \
	ROW(US_04, "US-04", SCOPE_ALL, "counts the prompt tokens of every request differently", \
	    "CO-05 US-05 US-09") \
	ROW(US_05, "US-05", SCOPE_ALL, "counts a system message that nobody sent", \
	    "CO-05") \
	ROW(US_06, "US-06", SCOPE_ALL, "counts one token for any reply", \
	    "SU-04~stream") \
	ROW(US_07, "US-07", SCOPE_ALL, "counts more reasoning tokens than completion tokens", \
	    "RE-04 US-11") \
	ROW(US_08, "US-08", SCOPE_ALL, "tells no cached tokens", \
	    "") \
	ROW(US_09, "US-09", SCOPE_ALL, "counts more prompt tokens for streams", \
	    "") \
	ROW(US_10, "US-10", SCOPE_ALL, "does not count tools", \
	    "") \
	ROW(US_10_IMAGES, "US-10.images", SCOPE_ALL, "does not count images", \
	    "") \
	ROW(US_11, "US-11", SCOPE_ALL, "tells a charge of a quarter more than its price", \
	    "") \
	ROW(VI_01, "VI-01", SCOPE_OWN, "does not look at an image", \
	    "") \
	ROW(VI_02, "VI-02", SCOPE_ALL, "answers as if it had fetched an image that is nowhere", \
	    "") \
	ROW(VI_03, "VI-03", SCOPE_OWN, "looks at the first of several images only", \
	    "") \
	ROW(VI_04, "VI-04", SCOPE_ALL, "takes any bytes for an image", \
	    "") \
	ROW(VI_05, "VI-05", SCOPE_OWN, "does not look at an image where it streams", \
	    "")

#define SIM_FAULT_TABLE(ROW) \
	ROW(CHAT_ONLY, "chat-only", SCOPE_ALL, "has chat and the list of models, and no other endpoint", \
	    "") \
	ROW(CLOSE_AT_ONCE, "close-at-once", SCOPE_ALL, "closes the connection without a byte of an answer", \
	    "") \
	ROW(COMMENTS, "comments", SCOPE_ALL, "sends comment lines between the events (allowed)", \
	    "") \
	ROW(CRLF, "crlf", SCOPE_ALL, "ends lines of a stream with CR LF (allowed)", \
	    "") \
	ROW(CUT_AFTER_FINISH, "cut-after-finish", SCOPE_ALL, "breaks a stream behind its finish_reason", \
	    "") \
	ROW(CUT_BEFORE_DONE, "cut-before-done", SCOPE_ALL, "breaks a stream before [DONE]", \
	    "") \
	ROW(CUT_BEFORE_ROLE, "cut-before-role", SCOPE_ALL, "breaks a stream before its first event", \
	    "") \
	ROW(CUT_MID_ARGUMENT, "cut-mid-argument", SCOPE_ALL, "breaks a stream within the arguments of a call", \
	    "") \
	ROW(CUT_MID_BODY, "cut-mid-body", SCOPE_ALL, "breaks a plain reply in its middle", \
	    "") \
	ROW(CUT_MID_CONTENT, "cut-mid-content", SCOPE_ALL, "breaks a stream within its text", \
	    "") \
	ROW(CUT_MID_EVENT, "cut-mid-event", SCOPE_ALL, "breaks a stream within the bytes of an event", \
	    "") \
	ROW(DENY_401, "deny-401", SCOPE_ALL, "calls every key wrong", \
	    "") \
	ROW(EMPTY_SUCCESS, "empty-success", SCOPE_ALL, "answers nothing at all, and calls it a success", \
	    "") \
	ROW(END_WITHOUT_FINISH, "end-without-finish", SCOPE_ALL, "ends a stream cleanly in the middle of its text", \
	    "") \
	ROW(ERROR_200, "error-200", SCOPE_ALL, "answers 200 with an error object", \
	    "") \
	ROW(FILTER_CHUNK_FIRST, "filter-chunk-first", SCOPE_ALL, "opens streams with an empty chunk of filter results (allowed)", \
	    "") \
	ROW(FINISH_CUT_AS_STOP, "finish-cut-as-stop", SCOPE_ALL, "says stop where a reply was cut by its token limit", \
	    "") \
	ROW(FINISH_STOP_WITH_CALLS, "finish-stop-with-calls", SCOPE_ALL, "ends tool calls with finish_reason stop", \
	    "") \
	ROW(HTML_200, "html-200", SCOPE_ALL, "answers 200 with an HTML error page", \
	    "") \
	ROW(IGNORE_PARALLEL, "ignore-parallel", SCOPE_ALL, "overlooks parallel_tool_calls", \
	    "") \
	ROW(IGNORE_SCHEMA, "ignore-schema", SCOPE_ALL, "overlooks response_format", \
	    "") \
	ROW(IGNORE_SEED, "ignore-seed", SCOPE_ALL, "overlooks seed", \
	    "") \
	ROW(IGNORE_TOOL_CHOICE, "ignore-tool-choice", SCOPE_ALL, "overlooks tool_choice", \
	    "") \
	ROW(INBAND_ERROR, "inband-error", SCOPE_ALL, "fails within a stream, says so in an event and ends", \
	    "") \
	ROW(INBAND_ERROR_DONE, "inband-error-done", SCOPE_ALL, "fails within a stream, says so and ends with [DONE]", \
	    "") \
	ROW(INBAND_ERROR_FIRST, "inband-error-first", SCOPE_ALL, "fails in the first event of a stream", \
	    "") \
	ROW(JSON_ON_STREAM, "json-on-stream", SCOPE_ALL, "answers a streamed request with a plain reply", \
	    "") \
	ROW(MALFORMED_EVENT, "malformed-event", SCOPE_ALL, "sends an event whose JSON is broken", \
	    "") \
	ROW(OVERLOAD_503, "overload-503", SCOPE_ALL, "is overloaded: 503 with Retry-After: 1", \
	    "") \
	ROW(PAY_402, "pay-402", SCOPE_ALL, "wants to be paid first: 402", \
	    "") \
	ROW(QUALITY, "quality", SCOPE_ALL, "answers tasks of the suite quality badly", \
	    "") \
	ROW(QUALITY_CLASSIFICATION, "quality.classification", SCOPE_ALL, "answers tasks of classification badly", \
	    "") \
	ROW(QUALITY_CODE, "quality.code", SCOPE_ALL, "answers tasks of code badly", \
	    "") \
	ROW(QUALITY_DOCUMENTATION, "quality.documentation", SCOPE_ALL, "answers tasks of documentation badly", \
	    "") \
	ROW(QUALITY_EXTRACTION, "quality.extraction", SCOPE_ALL, "answers tasks of extraction badly", \
	    "") \
	ROW(QUALITY_FORMATTING, "quality.formatting", SCOPE_ALL, "answers tasks of formatting badly", \
	    "") \
	ROW(QUALITY_REASONING, "quality.reasoning", SCOPE_ALL, "answers tasks of reasoning badly", \
	    "") \
	ROW(QUALITY_REVIEW, "quality.review", SCOPE_ALL, "answers tasks of review badly", \
	    "") \
	ROW(QUALITY_SUMMARISING, "quality.summarising", SCOPE_ALL, "answers tasks of summarising badly", \
	    "") \
	ROW(QUOTA_429, "quota-429", SCOPE_ALL, "has no quota left: 429 that no wait will mend", \
	    "") \
	ROW(REFUSE_UNKNOWN, "refuse-unknown", SCOPE_ALL, "refuses fields that OpenAI does not know", \
	    "") \
	ROW(RETRY_AFTER_CHANGING, "retry-after-changing", SCOPE_ALL, "429 with a Retry-After of 1, 3, 2, 1, ... seconds", \
	    "") \
	ROW(RETRY_AFTER_DATE, "retry-after-date", SCOPE_ALL, "429 with a Retry-After date two seconds ahead", \
	    "") \
	ROW(RETRY_AFTER_HUGE, "retry-after-huge", SCOPE_ALL, "429 with a Retry-After of 100 days", \
	    "") \
	ROW(RETRY_AFTER_NEGATIVE, "retry-after-negative", SCOPE_ALL, "429 with a Retry-After of -5", \
	    "") \
	ROW(RETRY_AFTER_SECONDS, "retry-after-seconds", SCOPE_ALL, "429 with a Retry-After of one second", \
	    "") \
	ROW(STALL_FIRST, "stall-first", SCOPE_ALL, "takes a request and never answers", \
	    "") \
	ROW(STALL_HEADERS, "stall-headers", SCOPE_ALL, "sends the headers of a stream and no event", \
	    "") \
	ROW(STALL_MID, "stall-mid", SCOPE_ALL, "stops in the middle of a stream and holds the line", \
	    "") \
	ROW(STORM_429, "storm-429", SCOPE_ALL, "429 without Retry-After for the first 25 requests", \
	    "") \
	ROW(STORM_500, "storm-500", SCOPE_ALL, "500 for the first 25 requests", \
	    "") \
	ROW(STREAM_BURST, "stream-burst", SCOPE_ALL, "sends a stream in one piece", \
	    "HT-03 HT-05~stream ST-13") \
	ROW(TEXT_ONLY, "text-only", SCOPE_ALL, "refuses images: its models see nothing", \
	    "") \
	ROW(TOOL_AS_TEXT, "tool-as-text", SCOPE_ALL, "writes tool calls into the text", \
	    "") \
	ROW(TOOL_BRACES_PREFIX, "tool-braces-prefix", SCOPE_ALL, "sends `{}` before the true arguments of a streamed call", \
	    "") \
	ROW(TOOL_CHANGING_IDS, "tool-changing-ids", SCOPE_ALL, "gives every fragment of a call another id", \
	    "TS-03") \
	ROW(TOOL_EMPTY_ARGUMENTS, "tool-empty-arguments", SCOPE_ALL, "leaves the arguments of calls empty", \
	    "") \
	ROW(TOOL_EMPTY_IDS, "tool-empty-ids", SCOPE_ALL, "gives every further fragment of a call the id \"\" (taken for none)", \
	    "") \
	ROW(TOOL_INDEX_ONE, "tool-index-one", SCOPE_ALL, "counts streamed calls from 1 (taken as it is)", \
	    "") \
	ROW(TOOL_ONE_CHARACTER, "tool-one-character", SCOPE_ALL, "streams arguments one character a chunk (allowed)", \
	    "") \
	ROW(TOOL_WHOLE, "tool-whole", SCOPE_ALL, "streams arguments in one piece (allowed)", \
	    "TS-08") \
	ROW(TORN_UTF8, "torn-utf8", SCOPE_ALL, "tears a character apart between two events", \
	    "ST-07") \
	ROW(USAGE_ABSENT, "usage-absent", SCOPE_ALL, "sends no usage", \
	    "") \
	ROW(USAGE_CACHED_OVER_PROMPT, "usage-cached-over-prompt", SCOPE_ALL, "counts more cached tokens than prompt tokens", \
	    "") \
	ROW(USAGE_EVERY_CHUNK, "usage-every-chunk", SCOPE_ALL, "sends usage so far with every chunk", \
	    "") \
	ROW(USAGE_OUTPUT_TENFOLD, "usage-output-tenfold", SCOPE_ALL, "counts ten completion tokens for one", \
	    "PA-01 PA-02 SU-04~stream US-06") \
	ROW(USAGE_WITH_CHOICES, "usage-with-choices", SCOPE_ALL, "gives the usage chunk a choice", \
	    "") \
	ROW(USAGE_ZERO, "usage-zero", SCOPE_ALL, "counts nothing", \
	    "")
/* clang-format on */

#endif
