/*
 * Defects of the formats that are no OpenAI's: each is noticed, through its dialect, by the case
 * that stands at its end. They act on that dialect only. Sorted by id; a test sees to it.
 */
#ifndef PROVISO_PROVIDERS_SIM_NATIVE_TABLE_H
#define PROVISO_PROVIDERS_SIM_NATIVE_TABLE_H

/* clang-format off */
#define SIM_NATIVE_TABLE(ROW) \
	ROW(ANTHROPIC_ARGUMENTS_CUT, "anthropic-arguments-cut", SCOPE_ALL, "sends no input_json_delta behind the first half of a call's", \
	    "TS-06") \
	ROW(ANTHROPIC_EMPTY_INPUT, "anthropic-empty-input", SCOPE_ALL, "leaves the input of plain tool_use blocks empty", \
	    "TC-05") \
	ROW(ANTHROPIC_LOST_BLOCK_START, "anthropic-lost-block-start", SCOPE_ALL, "streams a call without its content_block_start", \
	    "TS-06") \
	ROW(ANTHROPIC_NO_MESSAGE_STOP, "anthropic-no-message-stop", SCOPE_ALL, "ends streams without message_stop", \
	    "ST-06") \
	ROW(ANTHROPIC_OVERLOADED, "anthropic-overloaded", SCOPE_ALL, "is overloaded within a stream, and says so in an error event", \
	    "ST-06") \
	ROW(ANTHROPIC_PADDING, "anthropic-padding", SCOPE_ALL, "pads the data of its events with blanks before the last brace (allowed)", \
	    "") \
	ROW(ANTHROPIC_SECOND_START, "anthropic-second-start", SCOPE_ALL, "begins a second message within a stream (taken for the first one's)", \
	    "") \
	ROW(ANTHROPIC_USAGE_AT_START, "anthropic-usage-at-start", SCOPE_ALL, "counts tokens in message_start only, before anything was said", \
	    "SU-04") \
	ROW(ANTHROPIC_WRONG_BLOCK, "anthropic-wrong-block", SCOPE_ALL, "gives each delta the index of the first block", \
	    "TS-05") \
	ROW(AZURE_NO_DELTA, "azure-no-delta", SCOPE_ALL, "sends the results of its filter late, in choices without a delta", \
	    "ST-08") \
	ROW(AZURE_NULL_ROLE, "azure-null-role", SCOPE_ALL, "sends deltas whose role is null, as open models on Foundry do (allowed)", \
	    "") \
	ROW(AZURE_PROMPT_FILTER, "azure-prompt-filter", SCOPE_ALL, "blocks every prompt: 400 with code content_filter", \
	    "CH-03") \
	ROW(BEDROCK_ARGUMENTS_CUT, "bedrock-arguments-cut", SCOPE_ALL, "sends no contentBlockDelta behind the first half of a call's", \
	    "TS-06") \
	ROW(BEDROCK_CUT_FRAME, "bedrock-cut-frame", SCOPE_ALL, "ends streams within their last frame, as if all was said", \
	    "ST-01") \
	ROW(BEDROCK_EMPTY_INPUT, "bedrock-empty-input", SCOPE_ALL, "leaves the input of plain toolUse blocks empty", \
	    "TC-05") \
	ROW(BEDROCK_EXCEPTION, "bedrock-exception", SCOPE_ALL, "is throttled within a stream, and says so in an exception frame", \
	    "ST-06") \
	ROW(BEDROCK_LOST_BLOCK_START, "bedrock-lost-block-start", SCOPE_ALL, "streams a call without its contentBlockStart", \
	    "TS-06") \
	ROW(BEDROCK_NO_MESSAGE_STOP, "bedrock-no-message-stop", SCOPE_ALL, "ends streams without messageStop", \
	    "ST-06") \
	ROW(BEDROCK_NO_USAGE, "bedrock-no-usage", SCOPE_ALL, "counts no tokens, as streams of some models do not", \
	    "US-01") \
	ROW(BEDROCK_WRONG_CHECKSUM, "bedrock-wrong-checksum", SCOPE_ALL, "turns a bit in the middle of a stream, so that a checksum is wrong", \
	    "ST-01") \
	ROW(COHERE_ARGUMENTS_CUT, "cohere-arguments-cut", SCOPE_ALL, "sends no tool-call-delta behind the first half of a call's", \
	    "TS-06") \
	ROW(COHERE_COMPLETE_WITH_CALLS, "cohere-complete-with-calls", SCOPE_ALL, "ends calls with the finish_reason COMPLETE", \
	    "TC-20") \
	ROW(COHERE_ERROR_IN_BAND, "cohere-error-in-band", SCOPE_ALL, "ends streams in the middle with the finish_reason ERROR", \
	    "ST-06") \
	ROW(COHERE_LOST_ARGUMENTS, "cohere-lost-arguments", SCOPE_ALL, "gives the text null as the arguments of plain calls", \
	    "TC-05") \
	ROW(COHERE_NO_MESSAGE_END, "cohere-no-message-end", SCOPE_ALL, "ends streams without message-end", \
	    "ST-06") \
	ROW(COHERE_NO_USAGE, "cohere-no-usage", SCOPE_ALL, "sends neither billed units nor tokens", \
	    "US-01") \
	ROW(COHERE_NULL_ARGUMENTS, "cohere-null-arguments", SCOPE_ALL, "gives calls without arguments the text null (taken for none)", \
	    "") \
	ROW(COHERE_TOKENS_ONLY, "cohere-tokens-only", SCOPE_ALL, "counts its hidden template, and sends no billed units", \
	    "US-05") \
	ROW(COHERE_WRONG_CALL, "cohere-wrong-call", SCOPE_ALL, "gives each tool-call-delta the index of the first call", \
	    "TS-05") \
	ROW(GEMINI_CORRUPT_SIGNATURE, "gemini-corrupt-signature", SCOPE_ALL, "signs calls with thoughtSignatures that it refuses when they come back", \
	    "TR-01") \
	ROW(GEMINI_ERROR_IN_BAND, "gemini-error-in-band", SCOPE_ALL, "is overloaded within a stream, and says so in an error object", \
	    "ST-06") \
	ROW(GEMINI_LOST_SIGNATURE, "gemini-lost-signature", SCOPE_ALL, "leaves the thoughtSignature out (made up for on the way back)", \
	    "") \
	ROW(GEMINI_MALFORMED_CALL, "gemini-malformed-call", SCOPE_ALL, "ends with MALFORMED_FUNCTION_CALL and no parts in place of a call", \
	    "TC-01") \
	ROW(GEMINI_NO_FINISH, "gemini-no-finish", SCOPE_ALL, "ends streams without a finishReason", \
	    "ST-06") \
	ROW(GEMINI_NO_PARTS, "gemini-no-parts", SCOPE_ALL, "ends with MAX_TOKENS and no parts where a reply is cut (allowed)", \
	    "") \
	ROW(GEMINI_NO_USAGE, "gemini-no-usage", SCOPE_ALL, "sends no usageMetadata", \
	    "US-01") \
	ROW(GEMINI_NULL_ARGS, "gemini-null-args", SCOPE_ALL, "gives calls the args null", \
	    "TC-05") \
	ROW(GEMINI_PROMPT_BLOCKED, "gemini-prompt-blocked", SCOPE_ALL, "answers no candidate but promptFeedback with a blockReason", \
	    "CH-03") \
	ROW(OLLAMA_ERROR_LINE, "ollama-error-line", SCOPE_ALL, "fails within a stream, and says so in a line of its own", \
	    "ST-06") \
	ROW(OLLAMA_IGNORES_FORMAT, "ollama-ignores-format", SCOPE_ALL, "overlooks `format`, as its cloud has done", \
	    "JS-01") \
	ROW(OLLAMA_IGNORES_OPTIONS, "ollama-ignores-options", SCOPE_ALL, "overlooks `options`, limits and stops among them", \
	    "PA-02") \
	ROW(OLLAMA_LOAD, "ollama-load", SCOPE_ALL, "says nothing but that it has loaded the model: done_reason load", \
	    "CH-03") \
	ROW(OLLAMA_NO_COUNTS, "ollama-no-counts", SCOPE_ALL, "leaves prompt_eval_count and eval_count out", \
	    "US-01") \
	ROW(OLLAMA_NO_DONE, "ollama-no-done", SCOPE_ALL, "ends streams without a line that is done", \
	    "ST-06") \
	ROW(OLLAMA_TEXT_ARGUMENTS, "ollama-text-arguments", SCOPE_ALL, "gives arguments as a text (taken for the object that it holds)", \
	    "")
/* clang-format on */

#endif
