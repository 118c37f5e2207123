/*
 * From a request to its outcome, with no socket in sight: who may ask, what is
 * asked for, which error, which bytes.
 */
#include "providers/sim/sim_bedrock.h"
#include "providers/sim/sim_memory.h"
#include "providers/sim/sim_native.h"
#include "providers/sim/sim_responses.h"

enum {
	ROUTE_TOKENS_PER_MINUTE = 2000000,
	ROUTE_REQUESTS_PER_MINUTE = 10000,
};

static const struct {
	const char *path;
	enum endpoint endpoint;
} route_paths[] = {
    {"/v1/chat/completions", ENDPOINT_CHAT}, {"/v1/completions", ENDPOINT_COMPLETIONS},
    {"/v1/embeddings", ENDPOINT_EMBEDDINGS}, {"/v1/responses", ENDPOINT_RESPONSES},
    {"/v1/models", ENDPOINT_MODELS},
};

static const char route_model_path[] = "/v1/models/";
static const char route_response_path[] = "/v1/responses/";

/* --- the outcome's headers --- */

void sim_output_header(struct sim_output *out, const char *name, struct text value)
{
	REQUIRE(out->header_count < SIM_HEADERS_MAX);
	out->headers[out->header_count++] = (struct http_header){text_of(name), value};
}

void sim_output_replace_header(struct sim_output *out, const char *name, struct text value)
{
	for (size_t i = 0; i < out->header_count; i++)
		if (text_is(out->headers[i].name, name))
			out->headers[i].value = value;
}

void sim_output_error(const struct sim_serving *serving, const struct sim_error *error,
                      struct sim_output *out)
{
	struct text_buf body;

	text_buf_init(&body, SIM_BODY_MAX_BYTES);
	out->status = error->status;
	if (serving->native != NULL) {
		struct sim_error native = *error;
		/* OpenAI alone says by a code what others say by the status. */
		if (text_is(error->code, "insufficient_quota"))
			native.status = 402;
		out->status = serving->native->error(serving, &native, &body);
	} else
		sim_render_error(error, sim_breaks(serving, SIM_ER_05), &body);
	if (serving->native == &sim_bedrock)
		sim_output_header(out, "x-amzn-errortype", sim_bedrock_error_type(error));
	/* Google's stands in the body, and AWS has none. */
	if (error->retry_after.data != NULL && serving->native != &sim_gemini &&
	    serving->native != &sim_bedrock)
		sim_output_header(out, "retry-after", error->retry_after);
	out->body = text_copy(serving->arena, text_buf_view(&body));
	text_buf_done(&body);
}

static void route_start_output(const struct sim_serving *serving, struct sim_output *out)
{
	struct arena *arena = serving->arena;

	*out = (struct sim_output){.status = 200};
	sim_output_header(out, "content-type", TEXT("application/json"));
	sim_output_header(out, "openai-version", TEXT("2020-10-01"));
	sim_output_header(
	    out, "openai-processing-ms",
	    text_format(arena, "%lld", (long long)int64_max(serving->setup->ttft_ms, 1)));
	if (!sim_breaks(serving, SIM_HT_11))
		sim_output_header(out, "x-request-id",
		                  text_format(arena, "req_%.*s%06llx",
		                              TEXT_ARG(text_slice(serving->digest, 0, 26)),
		                              (unsigned long long)serving->serial & 0xffffff));
}

static void route_add_limits(const struct sim_serving *serving, int64_t tokens,
                             struct sim_output *out)
{
	struct arena *arena = serving->arena;

	sim_output_header(out, "x-ratelimit-limit-requests",
	                  text_format(arena, "%d", ROUTE_REQUESTS_PER_MINUTE));
	sim_output_header(out, "x-ratelimit-limit-tokens",
	                  text_format(arena, "%d", ROUTE_TOKENS_PER_MINUTE));
	sim_output_header(out, "x-ratelimit-remaining-requests",
	                  text_format(arena, "%d", ROUTE_REQUESTS_PER_MINUTE - 1));
	sim_output_header(
	    out, "x-ratelimit-remaining-tokens",
	    text_format(arena, "%lld", (long long)(ROUTE_TOKENS_PER_MINUTE - tokens)));
	sim_output_header(out, "x-ratelimit-reset-requests", TEXT("6ms"));
	sim_output_header(out, "x-ratelimit-reset-tokens", TEXT("0s"));
}

/* --- who asks --- */

static bool route_deny(struct sim_error *error, const char *code, const char *message)
{
	(void)sim_refuse(error, code, (struct text){0}, text_of(message));
	error->status = 401;
	return false;
}

static bool route_check_key(const struct sim_serving *serving, struct text authorization,
                            struct sim_error *error)
{
	struct text key = http_bearer(authorization);

	if (key.len == 0)
		return sim_breaks(serving, SIM_ER_02)
		           ? true
		           : route_deny(
				 error, NULL,
				 "You didn't provide an API key. You need to provide your "
				 "API key in an Authorization header using Bearer auth (i.e. "
				 "Authorization: Bearer YOUR_KEY).");
	if ((text_equal(key, serving->setup->api_key) || sim_breaks(serving, SIM_ER_01)) &&
	    !sim_breaks(serving, SIM_DENY_401))
		return true;
	/* The key itself is not repeated, as OpenAI would do: secrets have no printer. */
	return route_deny(error, "invalid_api_key", "Incorrect API key provided.");
}

/* --- what is asked --- */

/* Two digests over the body; see sim_serving. */
static void route_hash_body(struct sim_serving *serving, struct text body)
{
	struct digest digest;
	char hex[DIGEST_HEX + 1];
	struct text seed =
	    text_format(serving->arena, "%llu", (unsigned long long)serving->setup->seed);

	digest_init(&digest);
	digest_add_field(&digest, seed);
	digest_add_field(&digest, body);
	digest_done_hex(&digest, hex);
	serving->digest = text_copy(serving->arena, (struct text){hex, DIGEST_HEX});
}

static uint64_t route_first_bits(const unsigned char raw[DIGEST_BYTES])
{
	uint64_t bits = 0;

	for (size_t i = 0; i < 8; i++)
		bits = bits << 8 | raw[i];
	return bits;
}

static void route_hash_members(struct sim_serving *serving, const struct json *body)
{
	struct digest digest;
	unsigned char raw[DIGEST_BYTES];

	digest_init(&digest);
	digest_add_field(
	    &digest, text_format(serving->arena, "%llu", (unsigned long long)serving->setup->seed));
	JSON_EACH(member, body)
	{
		if (text_is(member->key, "stream") || text_is(member->key, "stream_options"))
			continue;
		digest_add_field(&digest, member->key);
		digest_add_field(&digest,
		                 text_slice(member->source->body, member->begin, member->end));
	}
	digest_done(&digest, raw);
	serving->draw = route_first_bits(raw);
	if (sim_breaks(serving, SIM_IGNORE_SEED))
		serving->draw = sim_draw(serving->draw, (uint64_t)serving->serial);
}

void sim_route_ask_oracle(struct sim_serving *serving, const struct sim_question *question)
{
	const struct sim_oracle *oracle = &serving->setup->oracle;

	if (oracle->answer != NULL)
		serving->canonical =
		    oracle->answer(oracle->context, question, serving->arena, &serving->reference,
		                   &serving->case_id, &serving->step);
}

static bool route_read_body(struct sim_serving *serving, struct text body, struct json **root,
                            struct sim_error *error)
{
	struct fault fault;

	if (json_read_text(sim_break_body(serving, body), "request", serving->arena, root,
	                   &fault) &&
	    (*root)->type == JSON_OBJECT)
		return true;
	(void)sim_refuse(
	    error, NULL, (struct text){0},
	    TEXT("We could not parse the JSON body of your request. (HINT: This likely "
	         "means you aren't using your HTTP library correctly. The API expects "
	         "a JSON payload, but what was sent was not valid JSON.)"));
	if (sim_breaks(serving, SIM_ER_04)) {
		error->status = 500;
		error->type = TEXT("server_error");
	}
	return false;
}

bool sim_route_read(struct sim_serving *serving, struct text body, struct json **root,
                    struct sim_error *error)
{
	if (!route_read_body(serving, body, root, error))
		return false;
	serving->streamed = json_truth(*root, "stream", false);
	route_hash_members(serving, *root);
	return true;
}

/* --- what is answered --- */

/*
 * In another dialect a request may be a good one that OpenAI refuses; and not each has words for
 * what was filtered, none for a refusal in place of an object.
 */
static bool route_suits_dialect(const struct sim_serving *serving)
{
	const struct sim_answer *reference = &serving->reference;

	return reference->status != 400 && reference->refusal.data == NULL &&
	       (serving->native->filters || !text_is(reference->finish_reason, "content_filter"));
}

/*
 * Whether the oracle's answer is to be given. Errors that the simulator finds itself are only
 * documented there; when they were not found, the question was a good one after all.
 */
static bool route_obeys_oracle(const struct sim_serving *serving)
{
	int status = serving->reference.status;

	if (!serving->canonical || status == 401 || status == 404)
		return false;
	if (serving->native != NULL && !route_suits_dialect(serving))
		return false;
	/* These err in how they refuse. */
	if (sim_breaks(serving, SIM_ER_18) || sim_breaks(serving, SIM_ER_19))
		return true;
	/* Who is to miss an error must not be helped to it. */
	return status < 400 || !sim_breaks_case(serving);
}

static bool route_oracle_error(const struct sim_serving *serving, struct sim_error *error)
{
	const struct sim_answer *reference = &serving->reference;

	*error = (struct sim_error){
	    .status = reference->status,
	    .message = reference->error.message,
	    .type = reference->error.type,
	    .param = reference->error.param,
	    .code = reference->error.code,
	    .retry_after = reference->error.retry_after,
	};
	if (sim_breaks(serving, SIM_ER_18))
		error->retry_after = (struct text){0};
	if (sim_breaks(serving, SIM_ER_19)) {
		error->status = 429;
		error->type = TEXT("requests");
		error->code = TEXT("rate_limit_exceeded");
	}
	return false;
}

static bool route_render(const struct sim_completion *completion, struct sim_output *out,
                         struct sim_error *error)
{
	struct arena *arena = completion->serving->arena;
	bool plain =
	    !completion->ask->streamed || sim_breaks(completion->serving, SIM_JSON_ON_STREAM);
	struct text_buf body;

	route_add_limits(completion->serving, completion->usage.total, out);
	if (!plain) {
		out->stream = ARENA_NEW(arena, struct sim_stream);
		sim_stream_make(completion, out->stream);
		sim_break_stream(out->stream);
		sim_output_replace_header(out, "content-type",
		                          TEXT("text/event-stream; charset=utf-8"));
		return true;
	}
	text_buf_init(&body, SIM_BODY_MAX_BYTES);
	sim_render_completion(completion, &body);
	bool fits = !body.overflow;
	if (fits)
		out->body = text_copy(arena, text_buf_view(&body));
	text_buf_done(&body);
	return fits ? true
	            : sim_refuse(error, "reply_too_large", (struct text){0},
	                         TEXT("The reply would be larger than 64 MiB."));
}

/* What is said to a question that was found good: `completion`, or an error. */
bool sim_route_say(struct sim_serving *serving, struct sim_ask *ask,
                   struct sim_completion *completion, struct sim_error *error)
{
	struct sim_answer answer;

	if (sim_break_crowd(serving, error))
		return false;
	if (sim_breaks(serving, SIM_ER_17) && serving->reference.status >= 400) {
		(void)route_oracle_error(serving, error);
		error->status = 501;
		return false;
	}
	if (route_obeys_oracle(serving)) {
		if (serving->reference.status >= 400)
			return route_oracle_error(serving, error);
		answer = serving->reference;
	} else {
		sim_model_answer(serving, ask, &answer);
	}
	sim_break_answer(serving, ask, &answer);
	sim_break_asked(serving, ask, &answer);
	sim_break_load(serving, ask, &answer);
	sim_reply_make(serving, ask, &answer, completion);
	return true;
}

static bool route_complete(struct sim_serving *serving, enum endpoint endpoint,
                           const struct json *body, struct sim_output *out, struct sim_error *error)
{
	struct sim_ask *ask = ARENA_NEW(serving->arena, struct sim_ask);
	struct sim_completion *completion = ARENA_NEW(serving->arena, struct sim_completion);

	if (!sim_question_read(serving, endpoint, body, ask, error) ||
	    !sim_route_say(serving, ask, completion, error))
		return false;
	sim_break_completion(completion);
	return route_render(completion, out, error);
}

/* --- responses --- */

/* False: the reply is larger than anybody takes. */
static bool route_render_response(const struct sim_response *response, struct sim_output *out)
{
	struct text_buf body;

	text_buf_init(&body, SIM_BODY_MAX_BYTES);
	sim_response_render(response, &body);
	bool fits = !body.overflow;
	out->body = text_copy(response->completion->serving->arena, text_buf_view(&body));
	text_buf_done(&body);
	return fits;
}

static void route_stream_response(const struct sim_response *response, struct sim_output *out)
{
	const struct sim_serving *serving = response->completion->serving;
	struct sim_events events;

	sim_events_make(response, &events);
	sim_break_events(&events);
	out->stream = ARENA_NEW(serving->arena, struct sim_stream);
	sim_events_render(&events, out->stream);
	sim_break_event_stream(serving, out->stream);
	out->body = (struct text){0};
	sim_output_replace_header(out, "content-type", TEXT("text/event-stream; charset=utf-8"));
}

/* Streamed, and nobody is told that it failed. */
static void route_end_silently(const struct sim_serving *serving, struct sim_output *out)
{
	out->stream = ARENA_NEW(serving->arena, struct sim_stream);
	*out->stream = (struct sim_stream){.ending = ENDING_CLEAN};
	sim_output_replace_header(out, "content-type", TEXT("text/event-stream; charset=utf-8"));
}

static bool route_respond(struct sim_serving *serving, const struct json *body,
                          struct sim_output *out, struct sim_error *error)
{
	struct sim_responses_ask *question = ARENA_NEW(serving->arena, struct sim_responses_ask);
	struct sim_ask *ask = ARENA_NEW(serving->arena, struct sim_ask);
	struct sim_completion *completion = ARENA_NEW(serving->arena, struct sim_completion);
	struct sim_response *response = ARENA_NEW(serving->arena, struct sim_response);

	if (!sim_responses_read(serving, body, question, error) ||
	    !sim_question_read(serving, ENDPOINT_CHAT, question->chat, ask, error) ||
	    !sim_route_say(serving, ask, completion, error)) {
		sim_responses_rename(serving, error);
		if (!serving->streamed || !sim_breaks(serving, SIM_RS_08))
			return false;
		route_end_silently(serving, out);
		return true;
	}
	sim_response_make(completion, question, response);
	sim_break_response(response);
	route_add_limits(serving, completion->usage.total, out);
	if (!route_render_response(response, out))
		return sim_refuse(error, "reply_too_large", (struct text){0},
		                  TEXT("The reply would be larger than 64 MiB."));
	if (question->store)
		sim_memory_keep(serving->setup->memory,
		                &(struct sim_memory_entry){
				    response->id, sim_response_messages(response), out->body});
	if (ask->streamed && !sim_breaks(serving, SIM_JSON_ON_STREAM))
		route_stream_response(response, out);
	return true;
}

/* GET /v1/responses/ID */
static bool route_stored(const struct sim_serving *serving, struct text id, struct sim_output *out,
                         struct sim_error *error)
{
	const struct sim_memory_entry *entry = sim_memory_find(serving->setup->memory, id);

	if (entry == NULL) {
		(void)sim_refuse(error, NULL, (struct text){0},
		                 text_format(serving->arena, "Response with id '%.*s' not found.",
		                             TEXT_ARG(text_slice(id, 0, 80))));
		error->status = 404;
		return false;
	}
	out->body = text_copy(serving->arena, entry->body);
	return true;
}

static bool route_post(struct sim_serving *serving, const struct sim_request *request,
                       enum endpoint endpoint, struct sim_output *out, struct sim_error *error)
{
	struct json *body;

	if (!sim_route_read(serving, request->body, &body, error))
		return false;
	sim_route_ask_oracle(serving, &(struct sim_question){.endpoint = endpoint, .body = body});
	if (sim_break_route(serving, out) || sim_break_travel(serving, request, out))
		return true;
	if (endpoint == ENDPOINT_RESPONSES)
		return route_respond(serving, body, out, error);
	if (endpoint != ENDPOINT_EMBEDDINGS)
		return route_complete(serving, endpoint, body, out, error);

	struct text_buf bytes;
	text_buf_init(&bytes, SIM_BODY_MAX_BYTES);
	bool good = sim_embed_answer(serving, body, &bytes, error);
	out->body = text_copy(serving->arena, text_buf_view(&bytes));
	text_buf_done(&bytes);
	return good;
}

static bool route_models(const struct sim_serving *serving, struct text only,
                         struct sim_output *out, struct sim_error *error)
{
	const struct sim_setup *setup = serving->setup;
	struct text_buf body;
	bool found = only.data == NULL;

	for (size_t i = 0; i < setup->model_count && !found; i++)
		found = text_equal(setup->models[i], only);
	if (!found) {
		(void)sim_refuse(error, "model_not_found", TEXT("model"),
		                 text_format(serving->arena, "The model '%.*s' does not exist",
		                             TEXT_ARG(text_slice(only, 0, 200))));
		error->status = 404;
		return false;
	}
	text_buf_init(&body, SIM_BODY_MAX_BYTES);
	sim_render_models(setup, only, serving->wall_ms / 1000, &body);
	out->body = text_copy(serving->arena, text_buf_view(&body));
	text_buf_done(&body);
	return true;
}

/* --- where to --- */

static bool route_refuse_method(const struct sim_serving *serving, struct text method,
                                struct sim_error *error)
{
	(void)sim_refuse(
	    error, "method_not_supported", (struct text){0},
	    text_format(serving->arena,
	                "Not allowed to %.*s on this path. (HINT: Perhaps you meant to "
	                "use a different HTTP method?)",
	                TEXT_ARG(text_slice(method, 0, 20))));
	error->status = 405;
	return false;
}

static bool route_refuse_path(const struct sim_serving *serving, const struct sim_request *request,
                              struct sim_error *error)
{
	(void)sim_refuse(error, "unknown_url", (struct text){0},
	                 text_format(serving->arena, "Unknown request URL: %.*s %.*s.",
	                             TEXT_ARG(text_slice(request->method, 0, 20)),
	                             TEXT_ARG(text_slice(request->path, 0, 200))));
	error->status = 404;
	return false;
}

static bool route_serve(struct sim_serving *serving, const struct sim_request *request,
                        struct sim_output *out, struct sim_error *error)
{
	struct text only = {0};
	size_t found = 0;

	while (found < ARRAY_LENGTH(route_paths) &&
	       !text_is(request->path, route_paths[found].path))
		found++;
	if (text_starts(request->path, text_of(route_model_path))) {
		only = text_slice(request->path, strlen(route_model_path), request->path.len);
		found = ARRAY_LENGTH(route_paths) - 1;
	}
	bool chat_only = sim_breaks(serving, SIM_CHAT_ONLY);
	if (chat_only && found < ARRAY_LENGTH(route_paths) &&
	    route_paths[found].endpoint != ENDPOINT_CHAT &&
	    route_paths[found].endpoint != ENDPOINT_MODELS)
		found = ARRAY_LENGTH(route_paths);
	if (!chat_only && text_starts(request->path, text_of(route_response_path)) &&
	    text_is(request->method, "GET"))
		return route_check_key(serving, request->authorization, error) &&
		       route_stored(serving,
		                    text_slice(request->path, strlen(route_response_path),
		                               request->path.len),
		                    out, error);
	if (found == ARRAY_LENGTH(route_paths))
		return route_refuse_path(serving, request, error);
	enum endpoint endpoint = route_paths[found].endpoint;
	if (endpoint == ENDPOINT_CHAT && text_is(request->method, "GET") &&
	    sim_breaks(serving, SIM_ER_21)) {
		out->body = TEXT("{\"object\": \"list\", \"data\": []}\n");
		return true;
	}
	if (!text_is(request->method, endpoint == ENDPOINT_MODELS ? "GET" : "POST"))
		return route_refuse_method(serving, request->method, error);
	if (!route_check_key(serving, request->authorization, error))
		return false;
	return endpoint == ENDPOINT_MODELS ? route_models(serving, only, out, error)
	                                   : route_post(serving, request, endpoint, out, error);
}

void sim_route(const struct sim_setup *setup, const struct sim_request *request,
               struct arena *arena, struct sim_output *out)
{
	struct sim_serving *serving = ARENA_NEW(arena, struct sim_serving);
	struct sim_error error = {0};

	*serving = (struct sim_serving){
	    .setup = setup,
	    .arena = arena,
	    .serial = request->serial,
	    .wall_ms = request->wall_ms,
	};
	route_hash_body(serving, request->body);
	route_start_output(serving, out);
	struct sim_request inner = *request;
	bool good = true;
	if (sim_azure_is(request))
		good = sim_azure_enter(serving, &inner, out, &error);
	if (good && !sim_native_serve(serving, &inner, out, &good, &error))
		good = route_serve(serving, &inner, out, &error);
	if (!good)
		sim_output_error(serving, &error, out);
	if (request->takes_gzip && out->status == 200 && !out->no_answer) {
		out->gzip = true;
		sim_output_header(out, "content-encoding", TEXT("gzip"));
		sim_output_header(out, "vary", TEXT("accept-encoding"));
	}
	sim_break_output(serving, out);
}
