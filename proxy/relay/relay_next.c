/*
 * Who is asked next: the first candidate that is well, the same one once more, or nobody; and what
 * of a failure is kept for the day when all fail.
 */
#include "proxy/relay/relay_private.h"

#include "harness/base/json_write.h"
#include "harness/base/log.h"
#include "providers/client/decode.h"
#include "proxy/alert.h"
#include "proxy/relay/splice.h"

enum {
	KEY_REFUSED_MS = 60 * 1000, /* then the key is tried again; a reload tries it at once */
	SHORT_WAIT_MS = 2000,       /* where another target could be asked instead */
	LONE_WAIT_MS = 10 * 1000,   /* where there is none */
	WAITS_MAX_MS = 60 * 1000,   /* all waits of a request */
	HOLD_MAX_MS = 3600 * 1000,  /* however long a provider asks for */
	CONNECT_AGAIN_MS = 50,
	OVERLOAD_AGAIN_MS = 500,
};

static int64_t now_ms(const struct relay *relay)
{
	return loop_now_ms(relay->worker->loop);
}

/* --- who is asked --- */

/* How gladly a candidate in that state is asked: lower is sooner. */
static int reluctance(enum health_state state)
{
	switch (state) {
	case HEALTH_CLOSED:
	case HEALTH_HALF_OPEN:
		return 0;
	case HEALTH_HELD:
		return 1;
	case HEALTH_OPEN:
		return 2;
	case HEALTH_NO_KEY:
	case HEALTH_STATES:
		break;
	}
	return 3;
}

/*
 * The first in the router's order that is well; where none is, the least bad one: a capability
 * that is proven is not lost by a bad minute, but where the config wants it so. False: all were
 * asked that may be.
 */
static bool choose(struct relay *relay, int64_t context_above, size_t *out)
{
	const struct router_decision *decision = &relay->intake->decision;
	bool reject = relay->snapshot->config.proxy.unhealthy == CONFIG_UNHEALTHY_REJECT;
	int least = reject ? 1 : INT32_MAX;
	bool found = false;

	for (size_t i = 0; i < decision->count; i++) {
		const struct router_candidate *candidate = &decision->candidates[i];
		int64_t context = candidate->target->model->context;
		if (relay->tried[i] != RELAY_UNTRIED ||
		    (context_above >= 0 && context >= 0 && context <= context_above))
			continue;
		struct health *health = relay->snapshot->healths[candidate->number];
		int bad = reluctance(health_look(health, now_ms(relay)));
		if (bad < least) {
			least = bad;
			found = true;
			*out = i;
		}
		if (bad == 0)
			break;
	}
	return found;
}

/* Nobody was asked: no time is left, or whoever could serve is not well and may not be asked. */
static void tell_nobody_asked(struct relay *relay)
{
	const struct router_decision *decision = &relay->intake->decision;
	int64_t wait_ms = INT64_MAX;
	struct text_buf names;

	text_buf_init(&names, 400);
	for (size_t i = 0; i < decision->count; i++) {
		const struct router_candidate *candidate = &decision->candidates[i];
		struct health *health = relay->snapshot->healths[candidate->number];
		if (relay->tried[i] != RELAY_UNTRIED)
			continue;
		(void)text_buf_format(&names, "%s%.*s is %s", names.len > 0 ? ", " : "",
		                      TEXT_ARG(candidate->target->name),
		                      health_state_names[health_look(health, now_ms(relay))]);
		wait_ms = int64_min(wait_ms, health_wait_ms(health, now_ms(relay)));
	}
	if (wait_ms == INT64_MAX || loop_now_us(relay->worker->loop) >= relay->deadline_us) {
		(void)refusal_set(relay_first(relay), REFUSAL_UPSTREAM_TIMEOUT,
		                  "no time is left to ask any target");
	} else {
		(void)refusal_set(relay_first(relay), REFUSAL_UNAVAILABLE,
		                  "no target that is proven for this request is well: %.*s",
		                  TEXT_ARG(text_buf_view(&names)));
		relay->first->retry_after_s = int64_max((wait_ms + 999) / 1000, 1);
	}
	text_buf_done(&names);
}

bool relay_choose_well(const struct relay *relay, size_t *out)
{
	const struct router_decision *decision = &relay->intake->decision;

	for (size_t i = 0; i < decision->count; i++) {
		const struct router_candidate *candidate = &decision->candidates[i];
		struct health *health = relay->snapshot->healths[candidate->number];
		*out = i;
		if (relay->tried[i] != RELAY_TRIED && candidate->proven &&
		    health_look(health, now_ms(relay)) == HEALTH_CLOSED)
			return true;
	}
	return false;
}

/*
 * Whether usage is asked for beside the client's wish: it is what accounting rests on. Not where
 * the matrix says that this target can't take it.
 */
static bool wants_usage(const struct relay *relay, const struct router_candidate *candidate)
{
	const struct evidence *evidence = router_evidence(relay->snapshot->router);
	struct shape with = relay->intake->shape;
	struct evidence_question question = {
	    .shape = &relay->intake->shape,
	    .repairs = candidate->repairs,
	    .demand = relay->intake->request.demand,
	    .now_wall_ms = loop_wall_ms(relay->worker->loop),
	};

	if (!relay->streamed || relay->usage_asked ||
	    (relay->endpoint != ENDPOINT_CHAT && relay->endpoint != ENDPOINT_COMPLETIONS))
		return false;
	if (!evidence_allows(evidence, candidate->number, &question))
		return true;
	feature_add(&with.features, FEATURE_STREAM_OPTIONS_INCLUDE_USAGE);
	question.shape = &with;
	return evidence_allows(evidence, candidate->number, &question);
}

static struct text body_for(struct relay *relay)
{
	const struct intake *intake = relay->intake;
	bool native = relay_is_native(relay);
	struct splice splice = {
	    .root = native ? intake->client_body : intake->body,
	    .model = native ? json_member(intake->client_body, "model") : intake->shape.model_node,
	    .model_name = relay->target->model->name,
	    .removed = intake->provider_node,
	    .ask_usage = relay->usage_injected && !native,
	};
	struct text body = relay_repair_request(relay, splice_body(&splice, &relay->arena));
	bool others = relay->client_endpoint != ENDPOINT_CHAT &&
	              relay->target->provider->dialect->openai_replies;

	relay->thoughts_left = false;
	if (others && !native) {
		struct text without =
		    decode_without_thoughts(body, relay->target->model->name, &relay->arena);
		relay->thoughts_left = without.data != body.data;
		body = without;
	} else if (native) {
		struct text without = decode_without_ours(body, &relay->arena);
		relay->thoughts_left = without.data != body.data;
		body = without;
	}

	/* The client's own bytes go with its exchange, and libcurl reads them for longer. */
	return body.data == splice.root->source->body.data ? text_copy(&relay->arena, body) : body;
}

void relay_ask(struct relay *relay)
{
	struct worker *worker = relay->worker;
	int64_t left_ms = (relay->deadline_us - loop_now_us(worker->loop)) / 1000;
	struct call_events events = relay_call_events;

	relay_stream_reset(relay);
	relay_convert_begin(relay);
	relay->head = NULL;
	relay->given_up = NULL;
	relay->timed_out = false;
	relay->paused = false;
	relay->first_event_us = -1;
	relay->attempt_count++;
	loop_refresh(worker->loop);
	relay->sent_us = loop_now_us(worker->loop);
	relay->request = (struct chat_request){
	    .endpoint = relay_is_native(relay) ? relay->client_endpoint : relay->endpoint,
	    .body = body_for(relay),
	    .streamed = relay->streamed,
	    .usage_asked = relay->usage_asked || relay->usage_injected,
	    .max_output = relay->intake->shape.max_output,
	};
	struct call_options options = {
	    .target = relay->target,
	    .request = &relay->request,
	    .max_attempts = 1,
	    .deadline_ms = int64_max(left_ms, 1),
	    .body_max_bytes = REPLY_MAX_BYTES,
	    .relay = &relay->call_relay,
	};
	events.context = relay;
	relay->call = call_start(worker->caller, &options, &events);
	relay_note_event(relay);
	relay_hedge_watch(relay);
}

struct refusal *relay_first(struct relay *relay)
{
	if (relay->first == NULL)
		relay->first = ARENA_NEW(&relay->arena, struct refusal);
	return relay->first;
}

enum reserved { RESERVED, RESERVED_NEXT, RESERVED_LIMITED, RESERVED_NONE };

/*
 * What the candidate at hand may cost at most is taken from all budgets, and a place at its
 * provider; or nothing is.
 */
static enum reserved reserve(struct relay *relay)
{
	const struct router_candidate *candidate =
	    &relay->intake->decision.candidates[relay->candidate];
	struct budget_denial denial;
	enum budget_result result = relay_reserve(relay, candidate->bound_pico_usd, &denial);

	if (result == BUDGET_RESERVED && relay_take_slot(relay))
		return RESERVED;
	if (result == BUDGET_RESERVED) {
		budget_release(relay->worker->proxy->budgets, &relay->reservation);
		return RESERVED_LIMITED;
	}
	bool denied = result == BUDGET_DENIED;
	if (relay->first == NULL && denied) {
		(void)refusal_set(relay_first(relay), REFUSAL_BUDGET_EXCEEDED,
		                  "the budget %s has no room for what this may cost", denial.name);
		relay->first->retry_after_s = denial.retry_after_s;
	} else if (relay->first == NULL) {
		(void)refusal_set(relay_first(relay), REFUSAL_BUDGET_EXCEEDED,
		                  "a budget applies, and what this may cost at %.*s is not known",
		                  TEXT_ARG(relay->target->name));
	}
	return denied && !denial.of_target ? RESERVED_NONE : RESERVED_NEXT;
}

static void take_candidate(struct relay *relay, size_t at)
{
	const struct router_candidate *candidate = &relay->intake->decision.candidates[at];

	relay->tried[at] = RELAY_TRIED;
	relay->candidate = at;
	relay->target = candidate->target;
	relay->health = relay->snapshot->healths[candidate->number];
	relay->again = false;
	relay->usage_injected = wants_usage(relay, candidate);
}

/* Why the attempt before failed. */
static const char *last_reason(const struct relay *relay)
{
	if (relay->hedge && relay->failed_count == 0)
		return "hedge";
	return relay->failed_count == 0 ? NULL
	                                : relay->attempts[relay->failed_count - 1].reason.data;
}

/* Who was at a limit before may be below it now. */
static void forget_limits(struct relay *relay)
{
	relay->slot.limit = NULL;
	for (size_t i = 0; i < relay->intake->decision.count; i++)
		if (relay->tried[i] == RELAY_LIMITED)
			relay->tried[i] = RELAY_UNTRIED;
}

static void begin(struct relay *relay)
{
	enum health_state state = health_admit(relay->health, now_ms(relay));

	relay->unwell = reluctance(state) > 0 ? health_state_names[state] : NULL;
	if (relay->unwell != NULL)
		log_warn("proxy.unhealthy", "request=%s target=%.*s state=%s", relay->id,
		         TEXT_ARG(relay->target->name), health_state_names[state]);
	relay_flush_row(relay, last_reason(relay));
	if (relay_begin(relay))
		return;
	if (relay->state == RELAY_WAITING)
		relay_enter(relay, RELAY_CALLING);
	relay_ask(relay);
}

bool relay_ask_this(struct relay *relay, size_t at)
{
	take_candidate(relay, at);
	if (reserve(relay) != RESERVED)
		return false;
	begin(relay);
	return true;
}

bool relay_ask_next(struct relay *relay, int64_t context_above)
{
	size_t at;

	forget_limits(relay);
	while (relay->attempt_count < RELAY_ATTEMPTS_MAX &&
	       loop_now_us(relay->worker->loop) < relay->deadline_us &&
	       choose(relay, context_above, &at)) {
		take_candidate(relay, at);
		enum reserved reserved = reserve(relay);
		if (reserved == RESERVED_NONE)
			return false;
		if (reserved == RESERVED_LIMITED)
			relay->tried[at] = RELAY_LIMITED;
		if (reserved != RESERVED)
			continue;
		begin(relay);
		return true;
	}
	if (relay_wait_for_slot(relay, context_above))
		return true;
	if (relay->first == NULL)
		tell_nobody_asked(relay);
	return false;
}

/* --- what came of an attempt --- */

void relay_add_attempt(struct relay *relay, const struct refusal_attempt *attempt)
{
	if (relay->attempts == NULL)
		relay->attempts =
		    ARENA_NEW_ARRAY(&relay->arena, struct refusal_attempt, RELAY_ATTEMPTS_MAX);
	if (relay->failed_count < RELAY_ATTEMPTS_MAX)
		relay->attempts[relay->failed_count++] = *attempt;
}

static void note_failure(struct relay *relay, const struct relay_judgement *judgement, int status)
{
	const struct refusal_attempt attempt = {
	    .target = relay->target->name,
	    .status = status,
	    .ending = judgement->ending,
	    .reason = text_of(judgement->reason),
	};

	relay_add_attempt(relay, &attempt);
	log_info("proxy.attempt", "request=%s target=%.*s status=%d outcome=%s reason=%s",
	         relay->id, TEXT_ARG(relay->target->name), status, ending_names[judgement->ending],
	         judgement->reason);
}

static int64_t told_wait_s(const struct relay_judgement *judgement)
{
	return int64_max((int64_max(judgement->wait_ms, 0) + 999) / 1000, 1);
}

/* The words of the first failure are kept: all fail, and they are what the client is told. */
static void keep_first(struct relay *relay, const struct relay_judgement *judgement,
                       const struct exchange *exchange, const struct chat_reply *reply)
{
	if (relay->first != NULL) {
		/* The same target, asked once more: how long to wait is what it says now. */
		if (relay->again && judgement->code == REFUSAL_RATE_LIMITED &&
		    relay->first->code == REFUSAL_RATE_LIMITED &&
		    text_equal(relay->attempts[0].target, relay->target->name))
			relay->first->retry_after_s = told_wait_s(judgement);
		return;
	}
	struct text said = {NULL, 0};
	if (reply != NULL && reply->error_count > 0)
		said = text_visible(&relay->arena, reply->errors[0].message, 200);
	(void)refusal_set(relay_first(relay), judgement->code, "%.*s: %s%s%.*s",
	                  TEXT_ARG(relay->target->name), judgement->reason,
	                  said.len > 0 ? ": " : "", TEXT_ARG(said));
	relay->upstream_status = exchange == NULL ? 0 : exchange->status;
	if (judgement->code == REFUSAL_RATE_LIMITED)
		relay->first->retry_after_s = told_wait_s(judgement);
	bool theirs = judgement->next == RELAY_NEXT_TELL || judgement->next == RELAY_NEXT_LARGER ||
	              judgement->filtered;
	if (!theirs || exchange == NULL)
		return;
	relay->first_status = exchange->status;
	relay->first_body_is_stream = relay->streamed && exchange->status < 300;
	if (relay->first_body_is_stream)
		relay->first_body = relay_stream_held(relay);
	else
		relay->first_body = relay_convert_refusal(
		    relay, exchange->body.len > 0 ? exchange->body : text_buf_view(&relay->held),
		    reply, &relay->first_status);
}

static void tell_opened(const struct relay *relay, const struct relay_judgement *judgement)
{
	struct text_buf data;

	log_error("proxy.breaker_opened", "target=%.*s reason=%s", TEXT_ARG(relay->target->name),
	          judgement->reason);
	text_buf_init(&data, ALERT_DATA_MAX_BYTES);
	(void)text_buf_add(&data, TEXT("\"target\":"));
	json_quote(&data, relay->target->name);
	(void)text_buf_add(&data, TEXT(",\"reason\":"));
	json_quote(&data, text_of(judgement->reason));
	alert_send(relay->worker->proxy->alerter, ALERT_BREAKER_OPENED, text_buf_view(&data));
	text_buf_done(&data);
}

void relay_note_health(struct relay *relay, const struct relay_judgement *judgement)
{
	const struct config_proxy *settings = &relay->snapshot->config.proxy;
	int64_t now = now_ms(relay);

	if (health_report(relay->health, settings, now, !judgement->blames_target))
		tell_opened(relay, judgement);
	if (judgement->wait_ms > 0)
		health_hold(relay->health, now, int64_min(judgement->wait_ms, HOLD_MAX_MS));
	if (judgement->key_refused) {
		health_key_refused(relay->health, now, KEY_REFUSED_MS);
		log_error("proxy.key_refused", "target=%.*s reason=%s",
		          TEXT_ARG(relay->target->name), judgement->reason);
	}
}

/* --- once more, the next one, or the end --- */

static int reluctance_of(const struct relay *relay, size_t at)
{
	const struct router_candidate *candidate = &relay->intake->decision.candidates[at];

	return reluctance(health_look(relay->snapshot->healths[candidate->number], now_ms(relay)));
}

/* Its breaker has opened, or it asked others for a longer pause: whoever is better goes first. */
static bool may_be_asked_again(struct relay *relay)
{
	int bad = reluctance_of(relay, relay->candidate);
	size_t other;

	if (bad == 0)
		return true;
	if (relay->snapshot->config.proxy.unhealthy == CONFIG_UNHEALTHY_REJECT)
		return false;
	return !choose(relay, -1, &other) || reluctance_of(relay, other) >= bad;
}

static void wait_over(void *context)
{
	struct relay *relay = context;
	enum reserved reserved = may_be_asked_again(relay) ? reserve(relay) : RESERVED_NEXT;

	/* Where its own budget or its provider has no room any more, another one may have. */
	if (reserved == RESERVED)
		begin(relay);
	else if (reserved == RESERVED_NONE || !relay_ask_next(relay, -1))
		relay_tell_failure(relay);
	else if (relay->state != RELAY_WAITING)
		proxy_count(&relay->worker->proxy->counters.fallbacks);
}

/* One of ten requests may be asked again, whoever asks. */
static bool spend_retry(struct proxy *proxy)
{
	int_least64_t saved = atomic_load_explicit(&proxy->retry_saved, memory_order_relaxed);

	while (saved >= RETRY_COSTS)
		if (atomic_compare_exchange_weak_explicit(&proxy->retry_saved, &saved,
		                                          saved - RETRY_COSTS, memory_order_relaxed,
		                                          memory_order_relaxed))
			return true;
	return false;
}

void relay_earn_retry(struct proxy *proxy)
{
	int_least64_t saved = atomic_load_explicit(&proxy->retry_saved, memory_order_relaxed);

	while (saved < RETRY_SAVED_MAX &&
	       !atomic_compare_exchange_weak_explicit(&proxy->retry_saved, &saved, saved + 1,
	                                              memory_order_relaxed, memory_order_relaxed))
		;
}

static bool ask_again(struct relay *relay, const struct relay_judgement *judgement)
{
	struct worker *worker = relay->worker;
	int64_t wait_ms = judgement->wait_ms;
	size_t other;

	if (judgement->next != RELAY_NEXT_SAME_FIRST || relay->again ||
	    relay->attempt_count >= RELAY_ATTEMPTS_MAX)
		return false;
	if (wait_ms < 0)
		wait_ms = relay->attempts[relay->failed_count - 1].status == 0 ? CONNECT_AGAIN_MS
		                                                               : OVERLOAD_AGAIN_MS;
	int64_t most_ms = choose(relay, -1, &other) ? SHORT_WAIT_MS : LONE_WAIT_MS;
	int64_t left_ms = (relay->deadline_us - loop_now_us(worker->loop)) / 1000;
	if (wait_ms > most_ms || relay->waited_ms + wait_ms > WAITS_MAX_MS || wait_ms >= left_ms ||
	    !spend_retry(worker->proxy))
		return false;
	relay->again = true;
	relay->waited_ms += wait_ms;
	relay->upstream_us += wait_ms * 1000;
	proxy_count(&worker->proxy->counters.retries);
	relay_enter(relay, RELAY_WAITING);
	loop_timer_start(worker->loop, &relay->timer, wait_ms, wait_over, relay);
	return true;
}

static void go_on(struct relay *relay, const struct relay_judgement *judgement)
{
	int64_t context_above = -1;

	if (judgement->next == RELAY_NEXT_TELL) {
		/* Whoever failed before: this one says what is wrong with the request. */
		relay_tell_failure(relay);
		return;
	}
	if (ask_again(relay, judgement))
		return;
	if (judgement->next == RELAY_NEXT_LARGER)
		context_above = relay->target->model->context;
	if (!relay_ask_next(relay, context_above))
		relay_tell_failure(relay);
	else if (relay->state != RELAY_WAITING)
		proxy_count(&relay->worker->proxy->counters.fallbacks);
}

void relay_failed(struct relay *relay, const struct relay_judgement *judgement,
                  const struct exchange *exchange, const struct chat_reply *reply)
{
	note_failure(relay, judgement, exchange == NULL ? 0 : exchange->status);
	/* The word of a filter is an answer, too, and better than none. */
	if (judgement->next == RELAY_NEXT_TELL || judgement->filtered) {
		relay->first = NULL;
		relay->first_status = 0;
		relay->first_outweighs = true;
	}
	keep_first(relay, judgement, exchange, reply);
	if (relay->twin != NULL)
		relay_tell_failure(relay); /* to the twin, which goes on */
	else
		go_on(relay, judgement);
}
