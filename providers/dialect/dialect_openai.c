/*
 * OpenAI's own wire format: bodies go out as they are, the endpoint decides the
 * path, the key goes into the Bearer header. Replies: read_chat*.c, read_completions.c,
 * read_responses.c.
 */
#include "harness/base/http_parse.h"
#include "providers/provider.h"

static const char *const paths[ENDPOINT_COUNT] = {
    [ENDPOINT_CHAT] = "/chat/completions", [ENDPOINT_COMPLETIONS] = "/completions",
    [ENDPOINT_EMBEDDINGS] = "/embeddings", [ENDPOINT_RESPONSES] = "/responses",
    [ENDPOINT_MESSAGES] = "/messages",     [ENDPOINT_MODELS] = "/models",
};

static bool encode(const struct provider *provider, const struct chat_request *request,
                   struct arena *arena, struct wire_request *out, struct fault *fault)
{
	bool body = request->endpoint != ENDPOINT_MODELS || request->body.len > 0;
	struct text url;

	if (provider->base_url.len == 0)
		return fault_set(fault, FAULT_INPUT, "provider %.*s has no base_url",
		                 TEXT_ARG(provider->name));
	url = text_format(arena, "%.*s%s", TEXT_ARG(provider->base_url), paths[request->endpoint]);
	*out = (struct wire_request){
	    .method = request->method,
	    .url = text_c(arena, url),
	    .headers = ARENA_NEW_ARRAY(arena, struct http_header, 2),
	    .key_header = request->auth == AUTH_NONE ? NULL : "Authorization",
	    .key_prefix = "Bearer ",
	    .body = request->body,
	};
	if (out->method == NULL)
		out->method = request->endpoint == ENDPOINT_MODELS ? "GET" : "POST";
	if (body)
		out->headers[out->header_count++] =
		    (struct http_header){TEXT("Content-Type"), TEXT("application/json")};
	out->headers[out->header_count++] =
	    (struct http_header){TEXT("Accept"), request->streamed ? TEXT("text/event-stream")
	                                                           : TEXT("application/json")};
	return true;
}

const struct dialect dialect_openai = {
    .name = "openai",
    .openai_replies = true,
    .encode = encode,
};
