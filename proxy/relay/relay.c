/*
 * The relay's life: what begins it, what the call tells, and the ending. Who is asked is in
 * relay_next.c, what came of it in relay_call.c, what a stream needs in relay_stream.c, headers in
 * relay_head.c.
 */
#include "proxy/relay/relay_private.h"

#include "harness/base/log.h"
#include "harness/base/redact.h"

enum {
	UNUSED_KEPT = 256,
	KEPT_BYTES = 64 << 10, /* of a spent relay's arena */
};

static const struct {
	const char *name;
	unsigned next; /* bit set of the states that may follow */
} states[RELAY_STATES] = {
    [RELAY_BOOKING] = {"booking", 1u << RELAY_CALLING | 1u << RELAY_SETTLING},
    [RELAY_CALLING] = {"calling", 1u << RELAY_BOOKING | 1u << RELAY_CALLING | 1u << RELAY_WAITING |
                                      1u << RELAY_STREAMING | 1u << RELAY_SETTLING},
    [RELAY_WAITING] = {"waiting", 1u << RELAY_BOOKING | 1u << RELAY_CALLING | 1u << RELAY_SETTLING},
    [RELAY_STREAMING] = {"streaming", 1u << RELAY_SETTLING},
    [RELAY_SETTLING] = {"settling", 1u << RELAY_DONE},
    [RELAY_DONE] = {"done", 0},
};

void relay_enter(struct relay *relay, enum relay_state state)
{
	REQUIRE((states[relay->state].next & 1u << state) != 0);
	relay->state = state;
}

/* --- life --- */

static struct relay *take(struct worker *worker)
{
	struct relay *relay = worker->unused;

	if (relay == NULL)
		return memory_new(sizeof(*relay));
	worker->unused = relay->next;
	worker->unused_count--;
	return relay;
}

static void relay_free(struct relay *relay)
{
	arena_done(&relay->arena);
	memory_free(relay);
}

void relay_free_unused(struct worker *worker)
{
	while (worker->unused != NULL) {
		struct relay *relay = worker->unused;
		worker->unused = relay->next;
		relay_free(relay);
	}
	worker->unused_count = 0;
}

static struct rate_limits limits_of(const struct key *key)
{
	return (struct rate_limits){key->requests_per_minute, key->tokens_per_minute, key->streams};
}

static void end_rate(struct relay *relay)
{
	const struct chat_usage *usage = &relay->facts.usage;
	int64_t used = usage->input >= 0 && usage->output >= 0 ? usage->input + usage->output : -1;

	if (!relay->rate_taken)
		return;
	struct rate_limits limits = limits_of(relay->key);
	rate_end(relay->worker->proxy->rates, relay->key->id, &limits, relay->rate_tokens, used);
}

void relay_give(void *context)
{
	struct relay *relay = context;
	struct worker *worker = relay->worker;
	struct arena arena = relay->arena;

	REQUIRE(relay->call == NULL && relay->exchange == NULL);
	loop_timer_stop(worker->loop, &relay->timer);
	loop_timer_stop(worker->loop, &relay->hedge_timer);
	relay_convert_reset(relay);
	frame_cutter_done(&relay->cutter);
	text_buf_done(&relay->held);
	text_buf_done(&relay->usage_frame);
	text_buf_done(&relay->tail);
	text_buf_done(&relay->response_content);
	end_rate(relay);
	key_drop(relay->key);
	snapshot_drop(relay->snapshot);
	if (arena.held > KEPT_BYTES)
		arena_done(&arena);
	else
		arena_reset(&arena);
	*relay = (struct relay){.arena = arena};
	atomic_fetch_sub_explicit(&worker->proxy->counters.open_requests, 1, memory_order_relaxed);
	if (worker->unused_count >= UNUSED_KEPT) {
		relay_free(relay);
	} else {
		relay->next = worker->unused;
		worker->unused = relay;
		worker->unused_count++;
	}
	worker_relay_over(worker);
}

/* --- the ending --- */

/* Everything is said. The relay goes with its exchange. */
static void done(struct relay *relay)
{
	struct worker *worker = relay->worker;

	relay_enter(relay, RELAY_DONE);
	loop_timer_stop(worker->loop, &relay->timer);
	if (relay->exchange == NULL)
		loop_defer(worker->loop, relay_give, relay);
}

static void answer_now(struct relay *relay, bool on_disk)
{
	struct http_header headers[RELAY_HEADERS_MAX];
	struct refusal refusal;

	if (on_disk) {
		listener_answer(relay->worker, relay->exchange, relay->answer_status,
		                relay->answer_headers, relay->answer_header_count,
		                relay->answer_body);
		return;
	}
	(void)refusal_set(&refusal, REFUSAL_UNAVAILABLE,
	                  "the ledger can't be written, and no answer leaves that is not in it");
	size_t header_count = relay_refusal_head(relay, &refusal, headers);
	listener_answer(relay->worker, relay->exchange, refusal_status(&refusal), headers,
	                header_count,
	                refusal_body(&refusal, relay->client_endpoint, &relay->arena));
}

void relay_settled(struct relay *relay, bool on_disk)
{
	if (relay->exchange == NULL)
		;
	else if (relay->answer_is_whole)
		answer_now(relay, on_disk);
	else
		relay_stream_finish(relay, on_disk);
	if (relay->open_stream)
		atomic_fetch_sub_explicit(&relay->worker->proxy->counters.open_streams, 1,
		                          memory_order_relaxed);
	relay->open_stream = false;
	done(relay);
}

void relay_answer(struct relay *relay, int status, const struct http_header *headers,
                  size_t header_count, struct text body)
{
	struct http_header *kept =
	    ARENA_NEW_ARRAY(&relay->arena, struct http_header, header_count + 1);
	/* Where nothing has to be waited for the views hold long enough. */
	bool waits = relay->worker->port != NULL && relay->row_pending;

	for (size_t i = 0; i < header_count; i++) {
		kept[i] = headers[i];
		if (waits)
			kept[i] = (struct http_header){text_copy(&relay->arena, headers[i].name),
			                               text_copy(&relay->arena, headers[i].value)};
	}
	if (waits && body.data != relay->first_body.data) {
		text_buf_done(&relay->held);
		text_buf_init(&relay->held, REPLY_MAX_BYTES);
		(void)text_buf_add(&relay->held, body);
		body = text_buf_view(&relay->held);
	}
	relay->answer_is_whole = true;
	relay->answer_status = status;
	relay->answer_headers = kept;
	relay->answer_header_count = header_count;
	relay->answer_body = body;
	relay_settle(relay);
}

/* The first failure is what the client hears, with all that was tried, but for our keys. */
void relay_tell_failure(struct relay *relay)
{
	struct http_header headers[RELAY_HEADERS_MAX];
	struct refusal *refusal = relay->first;

	if (relay_hedge_leaves(relay))
		return;
	if (relay->exchange == NULL) {
		relay_settle(relay);
		return;
	}
	refusal->attempts = relay->attempts;
	refusal->attempt_count = relay->failed_count;
	size_t header_count = relay_refusal_head(relay, refusal, headers);
	struct text body = relay->first_body;
	int status = relay->first_status;
	if (status == 0) {
		status = refusal_status(refusal);
		body = refusal_body(refusal, relay->client_endpoint, &relay->arena);
	} else if (relay->first_body_is_stream) {
		headers[0] = (struct http_header){TEXT("Content-Type"), TEXT("text/event-stream")};
	}
	/* Providers quote the key that they refuse, and it is ours, not the client's. */
	relay_answer(relay, status, headers, header_count, redact_text(&relay->arena, body));
}

/* --- the public verbs --- */

static struct text keep(struct arena *arena, struct text view)
{
	return view.data == NULL ? view : text_copy(arena, view);
}

static char *put_hex(char *at, uint64_t value, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; value >>= 4)
		at[i] = "0123456789abcdef"[value & 15];
	return at + digits;
}

/*
 * The moment first: rows of a ledger come by their ids, and where these grow the end of each b-tree
 * is all that is written, however large it is. Milliseconds of 44 bits last until 2527.
 */
static void make_id(struct relay *relay)
{
	static const char start[] = "req_";
	char *at = relay->id;

	memcpy(at, start, sizeof(start) - 1);
	at = put_hex(at + sizeof(start) - 1, (uint64_t)loop_wall_ms(relay->worker->loop),
	             RELAY_ID_MOMENT);
	at = put_hex(at, worker_random(relay->worker), RELAY_ID_RANDOM);
	*at = '\0';
}

/* Timeouts as the proxy's own config has them, whatever the runner is given. */
static const struct provider_timeouts *timeouts_of(struct relay *relay)
{
	const struct config_proxy *settings = &relay->snapshot->config.proxy;
	struct provider_timeouts *timeouts = ARENA_NEW(&relay->arena, struct provider_timeouts);

	*timeouts = (struct provider_timeouts){
	    .connect_ms = settings->timeouts.connect_ms,
	    .first_event_ms = settings->timeouts.first_event_ms,
	    .idle_ms = settings->timeouts.idle_ms,
	    .total_ms = settings->timeouts.total_ms,
	};
	return timeouts;
}

/* All features with a blank between, where a ledger wants them. */
static struct text say_shape(struct relay *relay)
{
	struct text_list names;
	struct text_buf shape;
	struct text said;

	if (relay->worker->port == NULL)
		return (struct text){NULL, 0};
	names = shape_names(&relay->intake->shape, http_exchange_arena(relay->exchange));
	text_buf_init(&shape, LEDGER_TEXT_MAX);
	for (size_t i = 0; i < names.count; i++) {
		if (i > 0)
			(void)text_buf_byte(&shape, ' ');
		(void)text_buf_add(&shape, names.items[i]);
	}
	said = text_copy(&relay->arena, text_buf_view(&shape));
	text_buf_done(&shape);
	return said;
}

/* The key's own word, else the config's. */
static enum config_content content_kept(const struct relay *relay, const struct key *key)
{
	struct ledger *ledger = relay->worker->proxy->ledger;

	if (ledger == NULL)
		return CONFIG_CONTENT_NONE;
	if (key != NULL && key->content >= 0)
		return (enum config_content)key->content;
	return ledger_content_kept(ledger);
}

/* What holds for all attempts of the request. */
static void describe(struct relay *relay, const struct relay_client *client)
{
	const struct intake *intake = relay->intake;
	struct arena *arena = &relay->arena;

	relay->row = ledger_row_unknown;
	relay->row.request_id = text_of(relay->id);
	if (client->key != NULL) /* which may go with another relay of the request */
		relay->row.key_id = text_copy(arena, client->key->id);
	relay->row.team = keep(arena, client->team);
	relay->row.workflow = keep(arena, intake->workflow);
	relay->row.task = intake->decision.task;
	relay->row.risk = intake->decision.risk;
	relay->row.route = intake->decision.route;
	relay->row.requested_model = keep(arena, intake->shape.model);
	relay->row.dialect_in =
	    intake->client_endpoint == ENDPOINT_MESSAGES ? TEXT("anthropic") : TEXT("openai");
	relay->row.shape = say_shape(relay);
	relay->row.matrix = text_of(router_matrix_hash(relay->snapshot->router));
	relay->row.stream = relay->streamed;
	enum config_content content = content_kept(relay, client->key);
	relay->keeps_content = content != CONFIG_CONTENT_NONE;
	relay->redacts_content = content == CONFIG_CONTENT_REDACTED;
	text_buf_init(&relay->response_content, LEDGER_CONTENT_MAX);
	if (relay->keeps_content)
		relay->request_content =
		    text_copy(arena, text_slice(intake->body->source->body, 0, LEDGER_CONTENT_MAX));
}

static void take_call_options(struct relay *relay)
{
	struct http_header up[FORWARD_MAX_HEADERS];
	size_t count = forward_up(http_exchange_request(relay->exchange), &relay->arena, up);

	relay->up_count = count;
	relay->up = ARENA_NEW_ARRAY(&relay->arena, struct http_header, count + 1);
	memcpy(relay->up, up, count * sizeof(*up));
	relay->call_relay = (struct call_relay){
	    .timeouts = timeouts_of(relay),
	    .headers = relay->up,
	    .header_count = count,
	    .body_dropped = relay->streamed,
	    .text_kept_bytes = live_text_wanted(&relay->intake->shape),
	    .head = relay_head_came,
	    .body = relay_body_came,
	};
}

/* NULL: asked by target or model. */
static const struct config_route *find_route(const struct relay *relay)
{
	const struct setting_list *routes = &relay->snapshot->config.routes;
	const struct config_route *items = routes->items;
	struct text name = relay->intake->decision.route;

	for (size_t i = 0; name.data != NULL && i < routes->count; i++)
		if (text_equal(items[i].name, name))
			return &items[i];
	return NULL;
}

/* Nothing is asked yet. relay->id and relay->tried are to be set. */
static struct relay *make(struct worker *worker, struct snapshot *snapshot,
                          struct http_exchange *exchange, struct intake *intake)
{
	struct relay *relay = take(worker);

	relay->magic = RELAY_MAGIC;
	relay->worker = worker;
	relay->snapshot = snapshot_take(snapshot);
	relay->exchange = exchange;
	relay->intake = intake;
	relay->state = RELAY_CALLING;
	relay->route = find_route(relay);
	relay->endpoint = intake->endpoint;
	relay->client_endpoint = intake->client_endpoint;
	relay->streamed = intake->shape.streamed;
	relay->usage_asked = intake->shape.usage_asked;
	relay->prompt_bytes = intake->shape.prompt_bytes;
	relay->may_be_empty = feature_has(&intake->shape.features, FEATURE_STOP);
	take_call_options(relay);
	worker->relays++;
	atomic_fetch_add_explicit(&worker->proxy->counters.open_requests, 1, memory_order_relaxed);
	return relay;
}

struct relay *relay_second(struct relay *relay)
{
	struct relay *second = make(relay->worker, relay->snapshot, relay->exchange, relay->intake);
	const struct relay_client client = {.key = relay->key, .team = relay->row.team};

	memcpy(second->id, relay->id, sizeof(second->id));
	describe(second, &client);
	second->began_us = relay->began_us;
	second->deadline_us = relay->deadline_us;
	/* What went before was the first one's time, not ours. */
	second->upstream_us =
	    relay->upstream_us + loop_now_us(relay->worker->loop) - relay->sent_us;
	second->tried = relay->tried;
	second->attempt_count = relay->attempt_count;
	return second;
}

void relay_start(struct worker *worker, struct http_exchange *exchange, struct intake *intake,
                 const struct relay_client *client)
{
	struct relay *relay = make(worker, worker->snapshot, exchange, intake);

	relay->key = client->key;
	relay->rate_taken = client->rate_taken;
	relay->rate_tokens = client->rate_tokens;
	relay->began_us = loop_now_us(worker->loop);
	relay->deadline_us =
	    relay->began_us + relay->snapshot->config.proxy.timeouts.total_ms * 1000;
	relay->tried =
	    ARENA_NEW_ARRAY(http_exchange_arena(exchange), unsigned char, intake->decision.count);
	make_id(relay);
	describe(relay, client);
	http_exchange_set_user(exchange, relay);
	relay_earn_retry(worker->proxy);
	relay_earn_hedge(relay);
	if (relay_ask_next(relay, -1))
		return;
	/* Answered within the request: nobody says `closed` of that. */
	relay_tell_failure(relay);
	http_exchange_set_user(exchange, NULL);
	relay->exchange = NULL;
	loop_defer(worker->loop, relay_give, relay);
}

void relay_drained(struct relay *relay)
{
	REQUIRE(relay->magic == RELAY_MAGIC);
	if (!relay->paused || relay->call == NULL)
		return;
	relay->paused = false;
	relay_note_event(relay); /* the provider could not send while we did not read */
	call_resume(relay->call);
}
