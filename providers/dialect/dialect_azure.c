/*
 * Azure OpenAI: OpenAI's bodies, other paths and another header for the key. Two APIs: the one that
 * ends in /openai/v1, as OpenAI's; and the older one under /openai, where the deployment stands in
 * the path and the version in the query. (Microsoft Learn, "Azure OpenAI REST API reference".)
 */
#include "providers/dialect/encode.h"

/* In the older API: with a deployment, or without. */
static const struct {
	const char *v1, *older;
	bool deployed;
} paths[ENDPOINT_COUNT] = {
    [ENDPOINT_CHAT] = {"/chat/completions", "/chat/completions", true},
    [ENDPOINT_COMPLETIONS] = {"/completions", "/completions", true},
    [ENDPOINT_EMBEDDINGS] = {"/embeddings", "/embeddings", true},
    [ENDPOINT_RESPONSES] = {"/responses", "/responses", false},
    [ENDPOINT_MESSAGES] = {NULL, NULL, false},
    [ENDPOINT_MODELS] = {"/models", "/models", false},
};

static struct text path_of(struct encoding *e)
{
	const struct provider *provider = e->provider;
	enum endpoint endpoint = e->request->endpoint;
	struct text version = provider->api_version;
	struct text model;

	if (version.len == 0)
		return text_of(paths[endpoint].v1);
	if (!paths[endpoint].deployed || text_ends(provider->base_url, TEXT("/v1")))
		return text_format(e->arena, "%s?api-version=%.*s", paths[endpoint].v1,
		                   TEXT_ARG(version));
	/* What is no JSON goes out too, as long as it can be told where to. */
	model = json_string(e->root, "model");
	if (model.len == 0 && provider->model_count > 0)
		model = provider->models[0].name;
	if (model.len == 0 || text_is(model, ".") || text_is(model, ".."))
		encode_refuse(e, "the request names no deployment");
	return text_format(e->arena, "/deployments/%.*s%s?api-version=%.*s",
	                   TEXT_ARG(encode_path(e, model, false)), paths[endpoint].older,
	                   TEXT_ARG(version));
}

static bool encode(const struct provider *provider, const struct chat_request *request,
                   struct arena *arena, struct wire_request *out, struct fault *fault)
{
	struct encoding encoding = {
	    .provider = provider, .request = request, .arena = arena, .fault = fault};
	static const struct encode_door door = {"api-key", "", NULL, 0};
	struct fault unread;
	struct json *root;

	if (paths[request->endpoint].v1 == NULL)
		return fault_set(fault, FAULT_REFUSED, "the azure dialect has no endpoint for %s",
		                 endpoint_name(request->endpoint));
	if (json_read_text(request->body, "request", arena, &root, &unread))
		encoding.root = root;
	bool good = encode_wire(&encoding, &door, path_of(&encoding), out);
	out->body = request->body;
	if (request->method != NULL)
		out->method = request->method;
	else if (request->endpoint == ENDPOINT_MODELS)
		out->method = "GET";
	return good && !encoding.refused;
}

const struct dialect dialect_azure = {
    .name = "azure",
    .openai_replies = true,
    .encode = encode,
};
