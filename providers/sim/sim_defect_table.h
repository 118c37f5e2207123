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
	ROW(CH_06, "CH-06", SCOPE_OWN, "does not obey the system message", \
	    "") \
	ROW(CH_07, "CH-07", SCOPE_ALL, "refuses the role developer with 400", \
	    "CH-08 RE-03") \
	ROW(CH_10, "CH-10", SCOPE_OWN, "forgets what was said two turns ago", \
	    "") \
	ROW(CH_11, "CH-11", SCOPE_ALL, "refuses an assistant message without text and without calls", \
	    "") \
	ROW(ER_01, "ER-01", SCOPE_ALL, "serves whoever comes with a wrong key", \
	    "") \
	ROW(ER_02, "ER-02", SCOPE_ALL, "serves whoever comes without a key", \
	    "") \
	ROW(ER_03, "ER-03", SCOPE_ALL, "answers for an unknown model with another one", \
	    "") \
	ROW(ER_04, "ER-04", SCOPE_ALL, "answers broken JSON with 500", \
	    "UN-02") \
	ROW(ER_05, "ER-05", SCOPE_ALL, "sends errors flat, without the `error` around them", \
	    "") \
	ROW(ER_06, "ER-06", SCOPE_ALL, "answers malformed messages with 500", \
	    "") \
	ROW(ER_07, "ER-07", SCOPE_ALL, "cuts a prompt that is too long and answers 200", \
	    "ER-08") \
	ROW(ER_20, "ER-20", SCOPE_OPEN, "ends a stream cleanly and empty after a failure", \
	    "CH-03~stream FR-01~stream HT-02 ST-01 ST-02 ST-03 ST-04 ST-05 ST-06 SU-01") \
	ROW(FR_01, "FR-01", SCOPE_OPEN, "says finish_reason `eos` where it is stop", \
	    "") \
	ROW(HT_01, "HT-01", SCOPE_ALL, "sends plain replies as text/plain", \
	    "") \
	ROW(HT_02, "HT-02", SCOPE_ALL, "sends streams as application/json", \
	    "") \
	ROW(JO_01, "JO-01", SCOPE_OPEN, "wraps a JSON object in a Markdown fence", \
	    "") \
	ROW(JS_01, "JS-01", SCOPE_OPEN, "leaves a required property out of schema-bound JSON", \
	    "JS-12") \
	ROW(JS_02, "JS-02", SCOPE_OWN, "obeys the prompt where the schema forbids it", \
	    "") \
	ROW(JS_03, "JS-03", SCOPE_OPEN, "adds a property that the schema does not allow", \
	    "") \
	ROW(PA_01, "PA-01", SCOPE_OPEN, "overlooks max_tokens", \
	    "") \
	ROW(PA_02, "PA-02", SCOPE_OPEN, "overlooks max_completion_tokens", \
	    "") \
	ROW(PA_03, "PA-03", SCOPE_OPEN, "overlooks stop", \
	    "") \
	ROW(PA_12, "PA-12", SCOPE_OPEN, "overlooks stop, n, max_tokens, tool_choice, response_format and parallel_tool_calls", \
	    "") \
	ROW(ST_01, "ST-01", SCOPE_ALL, "sends a stray brace behind the JSON of an event", \
	    "") \
	ROW(ST_02, "ST-02", SCOPE_ALL, "ends streams without [DONE]", \
	    "") \
	ROW(ST_03, "ST-03", SCOPE_ALL, "gives every chunk an id of its own", \
	    "") \
	ROW(ST_04, "ST-04", SCOPE_ALL, "leaves the role out of the first delta", \
	    "") \
	ROW(ST_05, "ST-05", SCOPE_ALL, "leaves finish_reason out of all chunks but the last", \
	    "") \
	ROW(ST_06, "ST-06", SCOPE_ALL, "sends the finish of a choice twice", \
	    "") \
	ROW(SU_01, "SU-01", SCOPE_ALL, "puts usage on the finish chunk instead of one of its own", \
	    "") \
	ROW(TC_01, "TC-01", SCOPE_OPEN, "answers in prose where a tool is clearly needed", \
	    "TC-03 TC-04 TS-01 TS-03 TS-04") \
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
	ROW(TC_09, "TC-09", SCOPE_OPEN, "makes no call although one is required", \
	    "") \
	ROW(TC_10, "TC-10", SCOPE_OPEN, "calls another tool than the named one", \
	    "") \
	ROW(TC_11, "TC-11", SCOPE_OPEN, "calls a tool although tool_choice is none", \
	    "") \
	ROW(TR_01, "TR-01", SCOPE_OWN, "answers without what the tool returned", \
	    "") \
	ROW(TR_02, "TR-02", SCOPE_OPEN, "refuses its own message back when its content is null", \
	    "") \
	ROW(TR_03, "TR-03", SCOPE_OPEN, "refuses tool call ids that are not nine letters or digits", \
	    "") \
	ROW(TR_04, "TR-04", SCOPE_OWN, "mixes up the results of two calls", \
	    "") \
	ROW(TS_01, "TS-01", SCOPE_ALL, "omits the index of tool call fragments", \
	    "TC-13~stream TS-05") \
	ROW(TS_02, "TS-02", SCOPE_ALL, "gives parallel calls the same index", \
	    "TC-13~stream TS-05 TS-06") \
	ROW(TS_03, "TS-03", SCOPE_ALL, "brings the name of a call in its second fragment", \
	    "") \
	ROW(TS_04, "TS-04", SCOPE_ALL, "sends null among the argument fragments", \
	    "") \
	ROW(US_01, "US-01", SCOPE_ALL, "leaves total_tokens out of usage", \
	    "US-02") \
	ROW(US_02, "US-02", SCOPE_ALL, "counts a total that is not the sum", \
	    "")

#define SIM_FAULT_TABLE(ROW) \
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
	    "HT-03") \
	ROW(TOOL_AS_TEXT, "tool-as-text", SCOPE_ALL, "writes tool calls into the text", \
	    "") \
	ROW(TOOL_BRACES_PREFIX, "tool-braces-prefix", SCOPE_ALL, "sends `{}` before the true arguments of a streamed call", \
	    "") \
	ROW(TOOL_CHANGING_IDS, "tool-changing-ids", SCOPE_ALL, "gives every fragment of a call another id", \
	    "TS-03") \
	ROW(TOOL_EMPTY_ARGUMENTS, "tool-empty-arguments", SCOPE_ALL, "leaves the arguments of calls empty", \
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
	ROW(USAGE_WITH_CHOICES, "usage-with-choices", SCOPE_ALL, "gives the usage chunk a choice", \
	    "") \
	ROW(USAGE_ZERO, "usage-zero", SCOPE_ALL, "counts nothing", \
	    "")
/* clang-format on */

#endif
