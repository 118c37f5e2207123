/* The table of features; see feature.h. */
#include "cases/feature.h"

#include <stddef.h>

/* clang-format off */
#define FEATURES(FEATURE) \
	FEATURE("chat", "the endpoint /chat/completions") \
	FEATURE("completions", "the endpoint /completions") \
	FEATURE("embeddings", "the endpoint /embeddings") \
	FEATURE("responses", "the endpoint /responses") \
	FEATURE("messages", "the endpoint /messages (Anthropic clients)") \
	FEATURE("stream", "stream is true") \
	FEATURE("stream_options.include_usage", "usage is wanted in the stream") \
	FEATURE("system", "a message of role system") \
	FEATURE("developer", "a message of role developer") \
	FEATURE("multi_turn", "an assistant message is in the history") \
	FEATURE("content_parts", "a message's content is an array of text parts") \
	FEATURE("unicode", "a message holds text beyond ASCII") \
	FEATURE("message_name", "a message has a name") \
	FEATURE("images", "a message holds an image") \
	FEATURE("audio", "a message holds audio") \
	FEATURE("files", "a message holds a file") \
	FEATURE("tools", "tools are offered") \
	FEATURE("tools.strict", "a tool's function is strict") \
	FEATURE("tools.many", "more than 16 tools are offered") \
	FEATURE("tools.no_parameters", "a tool without parameters is offered") \
	FEATURE("tools.loose_schema", "a tool's schema has $ref, an enum without type, or is missing") \
	FEATURE("tool_choice.auto", "tool_choice is auto") \
	FEATURE("tool_choice.none", "tool_choice is none") \
	FEATURE("tool_choice.required", "tool_choice is required") \
	FEATURE("tool_choice.named", "tool_choice names a function") \
	FEATURE("parallel_tool_calls", "parallel_tool_calls is given") \
	FEATURE("tool_messages", "a message of role tool is in the history") \
	FEATURE("tool_messages.empty_arguments", "a call in the history has the arguments \"\"") \
	FEATURE("functions", "the legacy functions field") \
	FEATURE("response_format.json_object", "response_format json_object") \
	FEATURE("response_format.json_schema", "response_format json_schema") \
	FEATURE("response_format.strict", "response_format json_schema with strict true") \
	FEATURE("n", "n above 1") \
	FEATURE("stop", "stop is given") \
	FEATURE("max_tokens", "max_tokens is given") \
	FEATURE("max_completion_tokens", "max_completion_tokens is given") \
	FEATURE("temperature", "temperature is given") \
	FEATURE("top_p", "top_p is given") \
	FEATURE("presence_penalty", "presence_penalty is given") \
	FEATURE("frequency_penalty", "frequency_penalty is given") \
	FEATURE("logprobs", "logprobs or top_logprobs is given") \
	FEATURE("logit_bias", "logit_bias is given") \
	FEATURE("seed", "seed is given") \
	FEATURE("user", "user, safety_identifier or metadata is given") \
	FEATURE("store", "store is given") \
	FEATURE("service_tier", "service_tier is given") \
	FEATURE("reasoning_effort", "reasoning_effort is given") \
	FEATURE("reasoning_history", "the history carries a vendor's reasoning fields") \
	FEATURE("prediction", "prediction is given") \
	FEATURE("modalities", "modalities other than text are asked for") \
	FEATURE("dimensions", "embeddings of given dimensions") \
	FEATURE("encoding_format.base64", "embeddings in base64") \
	FEATURE("previous_response_id", "a response continues an earlier one") \
	FEATURE("long_context", "the prompt fills more than half of the model's window")
/* clang-format on */

const struct feature_info feature_infos[] = {
#define FEATURE_INFO(name, means) {name, means},
    FEATURES(FEATURE_INFO)
#undef FEATURE_INFO
	{NULL, NULL},
};

const char *const feature_names[] = {
#define FEATURE_NAME(name, means) name,
    FEATURES(FEATURE_NAME)
#undef FEATURE_NAME
	NULL,
};

bool feature_is_known(struct text name)
{
	if (text_starts(name, TEXT("field.")))
		return name.len > sizeof("field.") - 1;
	for (const char *const *known = feature_names; *known != NULL; known++)
		if (text_is(name, *known))
			return true;
	return false;
}
