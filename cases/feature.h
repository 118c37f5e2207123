/*
 * Features: what a request uses, by name. The one vocabulary of `vouches` in the
 * case files and of shapes in the proxy; a misspelt one is found when the suite is loaded.
 *
 * A top-level field of a request that no row names is the feature "field.NAME".
 */
#ifndef PROVISO_CASES_FEATURE_H
#define PROVISO_CASES_FEATURE_H

#include "harness/base/text.h"

/* clang-format off */
/*              enumerator, name, what makes a request have it */
#define FEATURE_TABLE(FEATURE) \
	FEATURE(CHAT, "chat", "the endpoint /chat/completions") \
	FEATURE(COMPLETIONS, "completions", "the endpoint /completions") \
	FEATURE(EMBEDDINGS, "embeddings", "the endpoint /embeddings") \
	FEATURE(RESPONSES, "responses", "the endpoint /responses") \
	FEATURE(MESSAGES, "messages", "the endpoint /messages (Anthropic clients)") \
	FEATURE(STREAM, "stream", "stream is true") \
	FEATURE(STREAM_OPTIONS_INCLUDE_USAGE, "stream_options.include_usage", "usage is wanted in the stream") \
	FEATURE(SYSTEM, "system", "a message of role system") \
	FEATURE(DEVELOPER, "developer", "a message of role developer") \
	FEATURE(MULTI_TURN, "multi_turn", "an assistant message is in the history") \
	FEATURE(CONTENT_PARTS, "content_parts", "a message's content is an array of text parts") \
	FEATURE(UNICODE, "unicode", "a message holds text beyond ASCII") \
	FEATURE(MESSAGE_NAME, "message_name", "a message has a name") \
	FEATURE(IMAGES, "images", "a message holds an image") \
	FEATURE(IMAGES_URL, "images.url", "a message holds an image by its https URL") \
	FEATURE(AUDIO, "audio", "a message holds audio") \
	FEATURE(FILES, "files", "a message holds a file") \
	FEATURE(TOOLS, "tools", "tools are offered") \
	FEATURE(TOOLS_STRICT, "tools.strict", "a tool's function is strict") \
	FEATURE(TOOLS_MANY, "tools.many", "more than 16 tools are offered") \
	FEATURE(TOOLS_NO_PARAMETERS, "tools.no_parameters", "a tool without parameters is offered") \
	FEATURE(TOOLS_LOOSE_SCHEMA, "tools.loose_schema", "a tool's schema has $ref, an enum without type, or is missing") \
	FEATURE(TOOL_CHOICE_AUTO, "tool_choice.auto", "tool_choice is auto") \
	FEATURE(TOOL_CHOICE_NONE, "tool_choice.none", "tool_choice is none") \
	FEATURE(TOOL_CHOICE_REQUIRED, "tool_choice.required", "tool_choice is required") \
	FEATURE(TOOL_CHOICE_NAMED, "tool_choice.named", "tool_choice names a function") \
	FEATURE(PARALLEL_TOOL_CALLS, "parallel_tool_calls", "parallel_tool_calls is given") \
	FEATURE(PARALLEL_TOOL_CALLS_FALSE, "parallel_tool_calls.false", "no two calls in one answer are wanted") \
	FEATURE(TOOL_MESSAGES, "tool_messages", "a message of role tool is in the history") \
	FEATURE(TOOL_MESSAGES_EMPTY_ARGUMENTS, "tool_messages.empty_arguments", "a call in the history has the arguments \"\"") \
	FEATURE(FUNCTIONS, "functions", "the legacy functions field") \
	FEATURE(RESPONSE_FORMAT_JSON_OBJECT, "response_format.json_object", "response_format json_object") \
	FEATURE(RESPONSE_FORMAT_JSON_SCHEMA, "response_format.json_schema", "response_format json_schema") \
	FEATURE(RESPONSE_FORMAT_STRICT, "response_format.strict", "response_format json_schema with strict true") \
	FEATURE(N, "n", "n above 1") \
	FEATURE(STOP, "stop", "stop is given") \
	FEATURE(MAX_TOKENS, "max_tokens", "max_tokens is given") \
	FEATURE(MAX_COMPLETION_TOKENS, "max_completion_tokens", "max_completion_tokens is given") \
	FEATURE(MAX_OUTPUT_TOKENS, "max_output_tokens", "max_output_tokens is given (/responses)") \
	FEATURE(TEMPERATURE, "temperature", "temperature is given") \
	FEATURE(TOP_P, "top_p", "top_p is given") \
	FEATURE(PRESENCE_PENALTY, "presence_penalty", "presence_penalty is given") \
	FEATURE(FREQUENCY_PENALTY, "frequency_penalty", "frequency_penalty is given") \
	FEATURE(LOGPROBS, "logprobs", "logprobs or top_logprobs is given") \
	FEATURE(LOGIT_BIAS, "logit_bias", "logit_bias is given") \
	FEATURE(SEED, "seed", "seed is given") \
	FEATURE(USER, "user", "user, safety_identifier or metadata is given") \
	FEATURE(STORE, "store", "store is given") \
	FEATURE(SERVICE_TIER, "service_tier", "service_tier is given") \
	FEATURE(REASONING_EFFORT, "reasoning_effort", "reasoning_effort is given") \
	FEATURE(REASONING_HISTORY, "reasoning_history", "the history carries a vendor's reasoning fields") \
	FEATURE(PREDICTION, "prediction", "prediction is given") \
	FEATURE(MODALITIES, "modalities", "modalities other than text are asked for") \
	FEATURE(DIMENSIONS, "dimensions", "embeddings of given dimensions") \
	FEATURE(ENCODING_FORMAT_BASE64, "encoding_format.base64", "embeddings in base64") \
	FEATURE(PREVIOUS_RESPONSE_ID, "previous_response_id", "a response continues an earlier one") \
	FEATURE(LONG_CONTEXT, "long_context", "the prompt fills more than half of the model's window")
/* clang-format on */

enum feature {
#define FEATURE_ENUMERATOR(enumerator, name, means) FEATURE_##enumerator,
	FEATURE_TABLE(FEATURE_ENUMERATOR)
#undef FEATURE_ENUMERATOR
	    FEATURE_COUNT
};

/* In the enum's order, NULL-terminated. */
extern const char *const feature_names[];

/* Of the table, or FEATURE_COUNT. */
MUST_CHECK enum feature feature_from_name(struct text name);
/* NAME of "field.NAME"; data NULL where it is no such feature. */
MUST_CHECK struct text feature_field(struct text name);
/*
 * The feature that a claim means, as configs and providers' own lists put it: its own name, or
 * another word for it (vision: images). data NULL: none.
 */
MUST_CHECK struct text feature_of_claim(struct text claim);
/* Whether it is one of the table, or "field.NAME". */
MUST_CHECK bool feature_is_known(struct text name);

/* A set of features of the table; zeroed memory is the empty set. */
enum { FEATURE_WORDS = (FEATURE_COUNT + 63) / 64 };
struct feature_set {
	uint64_t words[FEATURE_WORDS];
};

static inline void feature_add(struct feature_set *set, enum feature feature)
{
	set->words[feature / 64] |= UINT64_C(1) << (feature % 64);
}

static inline bool feature_has(const struct feature_set *set, enum feature feature)
{
	return (set->words[feature / 64] >> (feature % 64) & 1) != 0;
}

/* Whether all of `part` is in `whole`. */
static inline bool feature_within(const struct feature_set *part, const struct feature_set *whole)
{
	for (int i = 0; i < FEATURE_WORDS; i++)
		if ((part->words[i] & ~whole->words[i]) != 0)
			return false;
	return true;
}

#endif
