/* What comes in: the paths of the contract, each to who answers it. */
#include "harness/base/json_write.h"
#include "harness/base/log.h"
#include "providers/client/decode.h"
#include "proxy/admit.h"

enum { EXPLAIN_MAX_BYTES = 16 << 20, PATH_SHOWN = 100 };

#define MESSAGES_PATH "/v1/messages"
#define COUNT_TOKENS_PATH MESSAGES_PATH "/count_tokens"

static const struct {
	const char *path;
	enum endpoint endpoint;
} endpoints[] = {
    {"/v1/chat/completions", ENDPOINT_CHAT}, {"/v1/completions", ENDPOINT_COMPLETIONS},
    {"/v1/embeddings", ENDPOINT_EMBEDDINGS}, {"/v1/responses", ENDPOINT_RESPONSES},
    {MESSAGES_PATH, ENDPOINT_MESSAGES},
};

/* In whose words a refusal is told: Anthropic's clients know no others than theirs. */
static enum endpoint words_of(struct text path)
{
	return text_starts(path, TEXT(MESSAGES_PATH)) ? ENDPOINT_MESSAGES : ENDPOINT_CHAT;
}

void listener_answer(struct worker *worker, struct http_exchange *exchange, int status,
                     const struct http_header *headers, size_t header_count, struct text body)
{
	proxy_count(
	    &worker->proxy->counters.answers[size_min((size_t)status / 100, STATUS_CLASSES - 1)]);
	http_respond(exchange, status, headers, header_count, body);
}

static int64_t door_limit(const struct worker *worker)
{
	return worker->snapshot->config.proxy.limits.requests_per_minute;
}

static void refuse(struct worker *worker, struct http_exchange *exchange, enum endpoint endpoint,
                   const struct refusal *refusal)
{
	struct arena *arena = http_exchange_arena(exchange);

	if (refusal->code == REFUSAL_INVALID_API_KEY)
		door_failed(worker->proxy->door, &worker->client, door_limit(worker),
		            loop_now_us(worker->loop));
	struct http_header headers[3] = {
	    {TEXT("Content-Type"), TEXT("application/json")},
	};
	size_t count = 1;

	if (refusal->retry_after_s >= 0)
		headers[count++] = (struct http_header){
		    TEXT("Retry-After"),
		    text_format(arena, "%lld", (long long)refusal->retry_after_s)};
	if (refusal->allow != NULL)
		headers[count++] = (struct http_header){TEXT("Allow"), text_of(refusal->allow)};
	listener_answer(worker, exchange, refusal_status(refusal), headers, count,
	                refusal_body(refusal, endpoint, arena));
}

/* --- a request to be relayed --- */

/* What enforce would have refused, where policy lets it pass. */
static void note_policy(const struct intake *intake)
{
	const struct router_decision *decision = &intake->decision;

	if (decision->mode == CONFIG_SHADOW && decision->exclusion_count > 0) {
		const struct router_exclusion *first = &decision->exclusions[0];
		log_warn("proxy.shadow", "excluded=%zu first=%.*s case=%.*s reason=%.*s",
		         decision->exclusion_count, TEXT_ARG(first->target->name),
		         TEXT_ARG(first->case_id), TEXT_ARG(first->reason));
	}
}

/* A row that can't be written would be money that nobody sees. */
static bool ledger_takes(struct worker *worker, struct refusal *refusal)
{
	struct ledger *ledger = worker->proxy->ledger;
	char why[200];

	if (ledger == NULL || worker->snapshot->config.ledger.durability != CONFIG_STRICT ||
	    ledger_is_well(ledger, why, sizeof(why)))
		return true;
	return refusal_set(refusal, REFUSAL_UNAVAILABLE, "the ledger can't be written");
}

static void count_decision(struct worker *worker, enum decision decision)
{
	proxy_count(&worker->proxy->counters.decisions[decision]);
}

static bool begin_relay(struct worker *worker, struct http_exchange *exchange,
                        enum endpoint endpoint, struct refusal *refusal)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct arena *arena = http_exchange_arena(exchange);
	struct intake *intake = ARENA_NEW(arena, struct intake);
	struct relay_client client;

	if (!ledger_takes(worker, refusal) ||
	    !admit_client(worker, request, endpoint, &client, refusal)) {
		count_decision(worker, DECISION_REFUSED);
		return false;
	}
	bool good = admit_read(worker, request, &client, endpoint, arena, intake, refusal) &&
	            admit_request(worker, intake, &client, refusal);
	if (good) {
		note_policy(intake);
		if (intake->decision.count > 0) {
			count_decision(worker, intake->decision.candidates[0].proven
			                           ? DECISION_SERVED
			                           : DECISION_SERVED_UNPROVEN);
			relay_start(worker, exchange, intake, &client);
			return true;
		}
		count_decision(worker, DECISION_NO_PROVEN_TARGET);
		exclusion_count(worker->proxy->exclusions, &intake->decision);
		intake_refuse_unproven(intake, refusal);
	}
	if (!good)
		count_decision(worker, DECISION_REFUSED);
	admit_drop(worker, &client);
	return false;
}

static void relay(struct worker *worker, struct http_exchange *exchange, enum endpoint endpoint)
{
	struct refusal refusal;

	proxy_count(&worker->proxy->counters.requests[endpoint]);
	if (!begin_relay(worker, exchange, endpoint, &refusal))
		refuse(worker, exchange, endpoint, &refusal);
}

/* --- the decision alone --- */

/* What Anthropic's clients ask before they send. An estimate: no provider is asked. */
static void count_tokens(struct worker *worker, struct http_exchange *exchange)
{
	static const struct http_header json_type = {TEXT_INIT("Content-Type"),
	                                             TEXT_INIT("application/json")};
	const struct http_request *request = http_exchange_request(exchange);
	struct arena *arena = http_exchange_arena(exchange);
	struct relay_client client;
	struct refusal refusal = {.retry_after_s = -1};
	struct fault fault;
	struct json *root;

	if (!admit_client(worker, request, ENDPOINT_MESSAGES, &client, &refusal)) {
		refuse(worker, exchange, ENDPOINT_MESSAGES, &refusal);
		return;
	}
	if (!json_read_text(request->body, "body", arena, &root, &fault) ||
	    !json_is(json_member(root, "messages"), JSON_ARRAY)) {
		(void)refusal_set(&refusal, REFUSAL_INVALID_REQUEST,
		                  "the body must be a JSON object with a list of messages");
		refuse(worker, exchange, ENDPOINT_MESSAGES, &refusal);
	} else {
		struct text body = text_format(arena, "{\"input_tokens\":%lld}",
		                               (long long)decode_messages_tokens(root, arena));
		listener_answer(worker, exchange, 200, &json_type, 1, body);
	}
	admit_drop(worker, &client);
}

/* The endpoint is chat, unless the query says another: ?endpoint=embeddings */
static bool explained_endpoint(const struct http_request *request, enum endpoint *out)
{
	struct text query = request->query;
	struct text field;

	*out = ENDPOINT_CHAT;
	while (text_next_field(&query, '&', &field))
		if (text_starts(field, TEXT("endpoint=")))
			return endpoint_from_name(text_slice(field, 9, field.len), out) &&
			       *out < ENDPOINT_MODELS;
	return true;
}

static void explain(struct worker *worker, struct http_exchange *exchange)
{
	struct arena *arena = http_exchange_arena(exchange);
	const struct http_header type = {TEXT("Content-Type"), TEXT("application/json")};
	struct refusal refusal;
	struct intake *intake = ARENA_NEW(arena, struct intake);
	struct relay_client client;
	enum endpoint endpoint;
	struct text_buf out;
	struct json_writer writer;

	if (!explained_endpoint(http_exchange_request(exchange), &endpoint)) {
		(void)refusal_set(&refusal, REFUSAL_INVALID_REQUEST,
		                  "endpoint must be chat, completions, embeddings, responses or "
		                  "messages");
		refuse(worker, exchange, ENDPOINT_CHAT, &refusal);
		return;
	}
	if (!admit_client(worker, http_exchange_request(exchange), endpoint, &client, &refusal)) {
		refuse(worker, exchange, endpoint, &refusal);
		return;
	}
	bool read = admit_read(worker, http_exchange_request(exchange), &client, endpoint, arena,
	                       intake, &refusal) &&
	            admit_explained(&client, arena, intake, &refusal);
	admit_drop(worker, &client);
	if (!read) {
		refuse(worker, exchange, endpoint, &refusal);
		return;
	}
	text_buf_init(&out, EXPLAIN_MAX_BYTES);
	json_writer_init(&writer, &out, false);
	router_write_json(worker->snapshot->router, &intake->request, &intake->decision, arena,
	                  &writer);
	(void)text_buf_byte(&out, '\n');
	listener_answer(worker, exchange, 200, &type, 1, text_buf_view(&out));
	text_buf_done(&out);
}

/* --- the rest --- */

static void models(struct worker *worker, struct http_exchange *exchange, struct text id)
{
	const struct key *key;
	struct refusal refusal;

	if (!admit_key(worker, http_exchange_request(exchange), &key, &refusal)) {
		refuse(worker, exchange, ENDPOINT_CHAT, &refusal);
		return;
	}
	status_models(worker, exchange, id, key);
	key_drop(key);
}

static bool is_for_get(struct text path)
{
	static const char *const paths[] = {"/livez", "/readyz", "/metrics", "/v1/models"};

	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
		if (text_is(path, paths[i]))
			return true;
	return text_starts(path, TEXT("/v1/models/"));
}

static bool answer_get(struct worker *worker, struct http_exchange *exchange, struct text path)
{
	const struct http_header type = {TEXT("Content-Type"), TEXT("text/plain")};

	if (text_is(path, "/livez"))
		listener_answer(worker, exchange, 200, &type, 1, TEXT("ok\n"));
	else if (text_is(path, "/readyz"))
		status_ready(worker, exchange);
	else if (text_is(path, "/metrics"))
		status_metrics(worker, exchange);
	else if (text_is(path, "/v1/models"))
		models(worker, exchange, (struct text){NULL, 0});
	else if (text_starts(path, TEXT("/v1/models/")))
		models(worker, exchange, text_slice(path, 11, path.len));
	else
		return false;
	return true;
}

/* allow: the methods of a path that is known; NULL: there is none of that name. */
static void refuse_other(struct worker *worker, struct http_exchange *exchange, const char *allow)
{
	struct arena *arena = http_exchange_arena(exchange);
	const struct http_request *request = http_exchange_request(exchange);
	struct text path = text_visible(arena, request->path, PATH_SHOWN);
	struct text method = text_visible(arena, request->method, PATH_SHOWN);
	struct refusal refusal;

	if (allow != NULL)
		(void)refusal_set(&refusal, REFUSAL_METHOD, "%.*s has no %.*s", TEXT_ARG(path),
		                  TEXT_ARG(method));
	else
		(void)refusal_set(&refusal, REFUSAL_NOT_FOUND, "there is no %.*s", TEXT_ARG(path));
	refusal.allow = allow;
	refuse(worker, exchange, words_of(request->path), &refusal);
}

/* Whoever looks after us is not to be locked out by whoever floods us. */
static bool is_watched(struct text path)
{
	return text_is(path, "/livez") || text_is(path, "/readyz") || text_is(path, "/metrics");
}

/* Before anything else of the request is looked at. False: answered. */
static bool may_enter(struct worker *worker, struct http_exchange *exchange)
{
	const struct http_request *request = http_exchange_request(exchange);
	const struct config_proxy *settings = &worker->snapshot->config.proxy;
	struct refusal refusal;
	int64_t wait_ms;

	if (door_limit(worker) == 0 || is_watched(request->path))
		return true;
	worker->client = door_client(request, http_exchange_address(exchange), settings->trusted,
	                             settings->trusted_count);
	if (door_enter(worker->proxy->door, &worker->client, door_limit(worker),
	               loop_now_us(worker->loop), &wait_ms))
		return true;
	proxy_count(&worker->proxy->counters.turned_away);
	(void)refusal_set(&refusal, REFUSAL_RATE_LIMITED,
	                  "too many requests from this address, or too many without a good key");
	refusal.retry_after_s = rate_retry_after_s(wait_ms);
	refuse(worker, exchange, words_of(request->path), &refusal);
	return false;
}

static void request_came(void *context, struct http_exchange *exchange)
{
	struct worker *worker = context;
	const struct http_request *request = http_exchange_request(exchange);
	bool post = text_is(request->method, "POST");
	bool get = text_is(request->method, "GET") || text_is(request->method, "HEAD");

	loop_refresh(worker->loop);
	worker_refresh(worker);
	if (!may_enter(worker, exchange))
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(endpoints); i++) {
		if (!text_is(request->path, endpoints[i].path))
			continue;
		if (post)
			relay(worker, exchange, endpoints[i].endpoint);
		else
			refuse_other(worker, exchange, "POST");
		return;
	}
	if (text_is(request->path, COUNT_TOKENS_PATH)) {
		if (post)
			count_tokens(worker, exchange);
		else
			refuse_other(worker, exchange, "POST");
	} else if (text_is(request->path, "/v1/proviso/explain")) {
		if (post)
			explain(worker, exchange);
		else
			refuse_other(worker, exchange, "POST");
	} else if (get && answer_get(worker, exchange, request->path)) {
		return;
	} else {
		refuse_other(worker, exchange, is_for_get(request->path) ? "GET, HEAD" : NULL);
	}
}

static void exchange_closed(void *context UNUSED, struct http_exchange *exchange, bool client_gone)
{
	struct relay *relay = http_exchange_user(exchange);

	if (relay != NULL)
		relay_closed(relay, client_gone);
}

static void exchange_drained(void *context UNUSED, struct http_exchange *exchange)
{
	struct relay *relay = http_exchange_user(exchange);

	if (relay != NULL)
		relay_drained(relay);
}

static struct text refusal_body_of(void *context UNUSED, struct text path, int status,
                                   const char *reason, struct arena *arena)
{
	return refusal_of_status(status, reason, words_of(path), arena);
}

const struct http_handler listener_handler = {
    .request = request_came,
    .closed = exchange_closed,
    .drained = exchange_drained,
    .refusal = refusal_body_of,
};
