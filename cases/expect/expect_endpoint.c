/*
 * What a chat model need not have: images, and other endpoints. Whether one of those is offered at
 * all is told from its answer. Everybody has chat; the others are answered by 404, 405
 * or 501 where there is no such route, or by words where the model is not made for it.
 */
#include "cases/expect/expect.h"

/* What an error calls the endpoint by; NULL: it is chat or a list, which everybody must have. */
static const char *noun_of(enum endpoint endpoint)
{
	switch (endpoint) {
	case ENDPOINT_COMPLETIONS:
		return "completions";
	case ENDPOINT_EMBEDDINGS:
		return "embedding";
	case ENDPOINT_RESPONSES:
		return "responses";
	case ENDPOINT_MESSAGES:
		return "messages";
	case ENDPOINT_CHAT:
	case ENDPOINT_MODELS:
	case ENDPOINT_COUNT:
		break;
	}
	return NULL;
}

static bool says(struct text text, const char *word)
{
	struct text wanted = text_of(word);

	for (size_t at = 0; at + wanted.len <= text.len; at++)
		if (text_equal_ignoring_case(text_slice(text, at, at + wanted.len), wanted))
			return true;
	return false;
}

/* "This model does not support embeddings", "not allowed to generate embeddings from this model" */
static bool says_not_offered(struct text text, const char *noun)
{
	enum { LOOKED_AT = 4096 };

	text = text_slice(text, 0, LOOKED_AT);
	return says(text, noun) && (says(text, "model") || says(text, "endpoint")) &&
	       (says(text, "support") || says(text, "allowed") || says(text, "available"));
}

bool expect_endpoint_is_missing(enum endpoint endpoint, const struct exchange *exchange,
                                const struct chat_reply *reply)
{
	const char *noun = noun_of(endpoint);
	int status = exchange->status;

	if (noun == NULL || exchange->end != EXCHANGE_COMPLETE)
		return false;
	if (status == 404 || status == 405 || status == 501)
		return true;
	if (status != 400 && status != 403 && status != 422)
		return false;
	for (size_t i = 0; i < reply->error_count; i++)
		if (says_not_offered(reply->errors[i].message, noun))
			return true;
	return reply->error_count == 0 && says_not_offered(exchange->body, noun);
}

/* --- images --- */

/* A part of type image_url (chat) or input_image (responses), however deep. */
static bool has_image(const struct json *node)
{
	struct text type =
	    json_is(node, JSON_OBJECT) ? json_string(node, "type") : (struct text){NULL, 0};

	if (text_is(type, "image_url") || text_is(type, "input_image"))
		return true;
	JSON_EACH(child, node)
	if (has_image(child))
		return true;
	return false;
}

bool request_has_image(const struct json *request)
{
	return has_image(json_member(request, "messages")) ||
	       has_image(json_member(request, "input"));
}
