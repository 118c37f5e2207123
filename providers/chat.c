/* Names of endpoints and reply shapes, and the way to one choice; see chat.h. */
#include "providers/chat.h"

static const char *const endpoint_names[ENDPOINT_COUNT] = {
    [ENDPOINT_CHAT] = "chat",
    [ENDPOINT_COMPLETIONS] = "completions",
    [ENDPOINT_EMBEDDINGS] = "embeddings",
    [ENDPOINT_RESPONSES] = "responses",
    [ENDPOINT_MESSAGES] = "messages",
    [ENDPOINT_MODELS] = "models",
};

static const char *const api_names[] = {
    [CHAT_API_UNKNOWN] = "unknown",         [CHAT_API_CHAT] = "chat",
    [CHAT_API_COMPLETIONS] = "completions", [CHAT_API_RESPONSES] = "responses",
    [CHAT_API_EMBEDDINGS] = "embeddings",   [CHAT_API_MODELS] = "models",
    [CHAT_API_ANTHROPIC] = "anthropic",     [CHAT_API_GEMINI] = "gemini",
    [CHAT_API_COHERE] = "cohere",           [CHAT_API_OLLAMA] = "ollama",
    [CHAT_API_BEDROCK] = "bedrock",
};

const struct chat_usage chat_usage_unknown = {
    .input = -1,
    .output = -1,
    .total = -1,
    .cached_input = -1,
    .cache_write = -1,
    .reasoning = -1,
    .cost_pico_usd = -1,
    .cache_write_1h = -1,
};

const char *endpoint_name(enum endpoint endpoint)
{
	REQUIRE(endpoint < ENDPOINT_COUNT);
	return endpoint_names[endpoint];
}

bool endpoint_from_name(struct text name, enum endpoint *out)
{
	for (unsigned i = 0; i < ENDPOINT_COUNT; i++)
		if (text_is(name, endpoint_names[i])) {
			*out = (enum endpoint)i;
			return true;
		}
	return false;
}

const char *chat_api_name(enum chat_api api)
{
	REQUIRE(api < ARRAY_LENGTH(api_names));
	return api_names[api];
}

const struct chat_choice *chat_reply_choice(const struct chat_reply *reply, int64_t index)
{
	for (size_t i = 0; i < reply->choice_count; i++)
		if (reply->choices[i].index == index)
			return &reply->choices[i];
	return NULL;
}

struct chat_usage chat_reply_billed(const struct chat_reply *reply)
{
	struct chat_usage usage = reply->usage;

	if (reply->api != CHAT_API_EMBEDDINGS || usage.output >= 0)
		return usage;
	if (usage.input < 0)
		usage.input = usage.total;
	if (usage.total < 0 || usage.total == usage.input)
		usage.output = 0;
	return usage;
}

bool chat_reply_quota_is_spent(const struct chat_reply *reply)
{
	static const char *const codes[] = {
	    "insufficient_quota",
	    "credit_balance_exhausted",
	    "billing_hard_limit_reached",
	    "organization_usage_limit_exceeded",
	    "organization_spend_limit_exceeded",
	    "project_spend_limit_exceeded",
	    "enforced_spend_limit_reached",
	};

	for (size_t i = 0; i < reply->error_count; i++) {
		if (reply->errors[i].spent)
			return true;
		for (size_t k = 0; k < ARRAY_LENGTH(codes); k++)
			if (text_is(reply->errors[i].code, codes[k]) ||
			    text_is(reply->errors[i].type, codes[k]))
				return true;
	}
	return false;
}
