/*
 * Azure's doors to OpenAI's API: the one under /openai/v1, and the older one with the deployment
 * in the path and the version in the query (Microsoft Learn, "Azure OpenAI REST API reference").
 * What is behind them is OpenAI's, but for the results of its content filter.
 */
#include "providers/sim/sim_native.h"

static const char azure_root[] = "/openai/";
static const char azure_v1[] = "/openai/v1/";
static const char azure_deployments[] = "/openai/deployments/";

static bool azure_refuse(struct sim_error *error, int status, const char *code, const char *message)
{
	(void)sim_refuse(error, code, (struct text){0}, text_of(message));
	error->status = status;
	error->type = (struct text){0};
	return false;
}

static bool azure_admit(const struct sim_serving *serving, const struct sim_request *request,
                        struct sim_error *error)
{
	struct text key = request->api_key;

	if (key.data == NULL)
		key = http_bearer(request->authorization);
	if (sim_native_admits(serving, key))
		return true;
	return azure_refuse(error, 401, "401",
	                    "Access denied due to invalid subscription key or wrong API endpoint. "
	                    "Make sure to provide a valid key for an active subscription and use a "
	                    "correct regional API endpoint for your resource.");
}

/* The body with the deployment in the place of the model; as it is where it is no object. */
static struct text azure_body(const struct sim_serving *serving, struct text body,
                              struct text deployment)
{
	struct json_writer writer;
	struct text_buf out;
	struct fault fault;
	struct json *root;

	if (!json_read_text(body, "request", serving->arena, &root, &fault) ||
	    root->type != JSON_OBJECT || root->has_duplicate)
		return body;
	text_buf_init(&out, SIM_BODY_MAX_BYTES);
	json_writer_init(&writer, &out, false);
	json_write_object(&writer);
	json_write_member(&writer, "model", deployment);
	JSON_EACH(member, root)
	{
		if (text_is(member->key, "model"))
			continue;
		json_write_key_text(&writer, member->key);
		json_write_raw(&writer, text_slice(body, member->begin, member->end));
	}
	json_write_object_end(&writer);
	struct text rewritten = text_copy(serving->arena, text_buf_view(&out));
	text_buf_done(&out);
	return rewritten;
}

static bool azure_has_deployment(const struct sim_serving *serving, struct text name)
{
	for (size_t i = 0; i < serving->setup->model_count; i++)
		if (text_equal(serving->setup->models[i], name))
			return true;
	return sim_breaks(serving, SIM_ER_03);
}

static bool azure_read_deployment(const struct sim_serving *serving, struct sim_request *request,
                                  struct sim_error *error)
{
	struct text rest = text_slice(request->path, strlen(azure_deployments), request->path.len);
	size_t slash = text_find_byte(rest, '/', 0);
	struct text name = text_slice(rest, 0, slash);

	if (!azure_has_deployment(serving, name))
		return azure_refuse(
		    error, 404, "DeploymentNotFound",
		    "The API deployment for this resource does not exist. If you created the "
		    "deployment within the last 5 minutes, please wait a moment and try again.");
	request->path =
	    text_format(serving->arena, "/v1%.*s", TEXT_ARG(text_slice(rest, slash, rest.len)));
	request->body = azure_body(serving, request->body, name);
	return true;
}

bool sim_azure_is(const struct sim_request *request)
{
	return text_starts(request->path, text_of(azure_root));
}

bool sim_azure_enter(struct sim_serving *serving, struct sim_request *request,
                     struct sim_output *out, struct sim_error *error)
{
	bool v1 = text_starts(request->path, text_of(azure_v1));

	serving->azure = true;
	sim_output_header(
	    out, "apim-request-id",
	    text_format(serving->arena, "%.*s", TEXT_ARG(text_slice(serving->digest, 0, 32))));
	sim_output_header(out, "x-ms-region", TEXT("Simulated"));
	if (!azure_admit(serving, request, error))
		return false;
	if (!v1 && text_find(request->query, TEXT("api-version="), 0) == TEXT_NOT_FOUND)
		return azure_refuse(error, 404, "404", "Resource not found");
	if (sim_breaks(serving, SIM_AZURE_PROMPT_FILTER) && text_is(request->method, "POST"))
		return azure_refuse(
		    error, 400, "content_filter",
		    "The response was filtered due to the prompt triggering Azure "
		    "OpenAI's content management policy. Please modify your prompt and "
		    "retry.");
	/* It was admitted here. */
	request->authorization =
	    text_format(serving->arena, "Bearer %.*s", TEXT_ARG(serving->setup->api_key));
	if (text_starts(request->path, text_of(azure_deployments)))
		return azure_read_deployment(serving, request, error);
	struct text rest =
	    text_slice(request->path, strlen(v1 ? azure_v1 : azure_root), request->path.len);
	request->path = text_format(serving->arena, "/v1/%.*s", TEXT_ARG(rest));
	return true;
}

/* --- what goes wrong in its streams --- */

/* In the middle, a choice of which only this is known. */
static void azure_insert_choice(struct sim_stream *stream, const char *choice)
{
	const struct sim_completion *completion = &stream->completion;
	struct sim_chunk *chunk = sim_stream_insert(stream, stream->count / 2);

	chunk->kind = CHUNK_RAW;
	chunk->text = text_format(completion->serving->arena,
	                          "data: {\"id\":\"%.*s\",\"object\":\"chat.completion.chunk\","
	                          "\"created\":%lld,\"model\":\"%.*s\",\"choices\":[{\"index\":0,"
	                          "\"finish_reason\":null,%s}]}\n\n",
	                          TEXT_ARG(completion->id), (long long)completion->created,
	                          TEXT_ARG(completion->model), choice);
}

void sim_break_azure(struct sim_stream *stream)
{
	const struct sim_serving *serving = stream->completion.serving;

	if (sim_breaks(serving, SIM_AZURE_NO_DELTA))
		azure_insert_choice(stream, "\"content_filter_results\":{}");
	if (sim_breaks(serving, SIM_AZURE_NULL_ROLE))
		azure_insert_choice(
		    stream, "\"delta\":{\"role\":null,\"content\":\"\",\"tool_calls\":null}");
}
