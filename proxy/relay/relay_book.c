/*
 * The money of a relay and its rows: what an attempt may cost is reserved and known to the ledger
 * before it is sent, the truth takes its place afterwards, and the last bytes of an answer leave
 * only when its row is on disk.
 */
#include "proxy/relay/relay_private.h"

#include "harness/base/log.h"

enum { BYTES_PER_TOKEN = 4 };

/* --- before an attempt --- */

static struct budget_scope scope_of(const struct relay *relay)
{
	struct budget_scope scope = {
	    .key = relay->row.key_id,
	    .team = relay->row.team,
	    .workflow = relay->row.workflow,
	    .task = relay->row.task,
	    .provider = relay->target->provider->name,
	    .target = relay->target->name,
	    .key_limit_pico_usd = -1,
	};

	/* The second of two has no key of its own. */
	const struct key *key =
	    relay->twin == NULL || relay->key != NULL ? relay->key : relay->twin->key;
	if (key != NULL) {
		scope.key_limit_pico_usd = key->budget_pico_usd;
		scope.key_per = key->per;
		scope.key_unpriced = key->unpriced;
	}
	return scope;
}

enum budget_result relay_reserve(struct relay *relay, int64_t bound_pico_usd,
                                 struct budget_denial *denial)
{
	struct proxy *proxy = relay->worker->proxy;
	struct budget_scope scope = scope_of(relay);

	return budget_reserve(proxy->budgets, &scope, bound_pico_usd,
	                      loop_wall_ms(relay->worker->loop), &relay->reservation, denial);
}

static void begin_row(struct relay *relay)
{
	struct ledger_row *row = &relay->row;
	struct proxy *proxy = relay->worker->proxy;

	row->attempt = (int64_t)relay->attempt_count + 1;
	row->started_wall_ms = loop_wall_ms(relay->worker->loop);
	row->target = relay->target->name;
	row->dialect_out = text_of(relay->target->provider->dialect->name);
	row->expected_cost_pico_usd =
	    relay->intake->decision.candidates[relay->candidate].expected_cost_pico_usd;
	row->price_version = price_at(&relay->target->model->price, row->started_wall_ms)->version;
	row->budget = budget_names(proxy->budgets, &relay->reservation, &relay->arena);
	row->charged_pico_usd = relay->reservation.count > 0 ? relay->reservation.pico_usd : -1;
	row->status = -1;
	row->begun = 0;
	row->outcome = row->finish_reason = row->reported_model = row->served_by =
	    (struct text){NULL, 0};
}

static void booked(void *context, bool on_disk)
{
	struct relay *relay = context;

	REQUIRE(relay->magic == RELAY_MAGIC && relay->state == RELAY_BOOKING);
	if (on_disk) {
		relay_enter(relay, RELAY_CALLING);
		relay_ask(relay);
		return;
	}
	budget_release(relay->worker->proxy->budgets, &relay->reservation);
	relay_free_slot(relay, 0);
	ledger_abandon(relay->worker->port, &relay->row);
	(void)refusal_set(relay_first(relay), REFUSAL_UNAVAILABLE,
	                  "the ledger can't be written, and nothing is spent that is not in it");
	relay_tell_failure(relay);
}

bool relay_begin(struct relay *relay)
{
	begin_row(relay);
	if (relay->worker->port == NULL || relay->reservation.count == 0)
		return false;
	relay_enter(relay, RELAY_BOOKING);
	relay->ticket = (struct ledger_ticket){.done = booked, .context = relay};
	ledger_begin(relay->worker->port, &relay->row, &relay->ticket);
	return true;
}

void relay_unbook(struct relay *relay)
{
	struct worker *worker = relay->worker;

	ledger_ticket_forget(worker->port, &relay->ticket);
	ledger_abandon(worker->port, &relay->row);
	budget_release(worker->proxy->budgets, &relay->reservation);
	relay_free_slot(relay, 0);
}

/* --- after it --- */

/* Providers that say nothing of usage, or that all of it is zero, are paid all the same. */
static bool usage_is_missing(const struct chat_reply *reply)
{
	const struct chat_usage *usage = &reply->usage;

	return !usage->present ||
	       (usage->input <= 0 && usage->output <= 0 && reply->text_bytes > 0);
}

/* Of the two counts those that are unknown. */
static void estimate_counts(struct relay *relay, const struct chat_reply *reply)
{
	struct relay_facts *facts = &relay->facts;

	if (facts->usage.input < 0)
		facts->usage.input = relay->prompt_bytes / BYTES_PER_TOKEN + ROUTER_MESSAGE_TOKENS;
	if (facts->usage.output < 0)
		facts->usage.output = (reply->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
	facts->usage_source = "estimated";
}

/* One of the two is told, and what is told stays. */
static void estimate_rest(struct relay *relay, const struct chat_reply *reply)
{
	struct relay_facts *facts = &relay->facts;

	estimate_counts(relay, reply);
	facts->cost =
	    price_cost(&relay->target->model->price, &facts->usage, relay->row.started_wall_ms);
	facts->cost.computed_pico_usd = -1;
	if (facts->cost.source == COST_COMPUTED)
		facts->cost.source = COST_ESTIMATED;
}

static void estimate(struct relay *relay, const struct chat_reply *reply)
{
	struct relay_facts *facts = &relay->facts;

	facts->usage = chat_usage_unknown;
	estimate_counts(relay, reply);
	facts->cost.pico_usd =
	    price_expect(&relay->target->model->price, relay->row.started_wall_ms, 1,
	                 facts->usage.input, facts->usage.output);
	if (facts->cost.pico_usd >= 0)
		facts->cost.source = COST_ESTIMATED;
}

void relay_note_facts(struct relay *relay, const struct exchange *exchange,
                      const struct chat_reply *reply)
{
	struct relay_facts *facts = &relay->facts;
	bool hung_up = relay->lost || (relay->exchange == NULL && !relay->drains);

	*facts = (struct relay_facts){
	    .usage = chat_reply_billed(reply),
	    .cost = {.pico_usd = -1, .computed_pico_usd = -1},
	    .usage_source = "missing",
	};
	if (reply->model_count > 0)
		facts->reported_model = text_copy(&relay->arena, reply->models[0]);
	if (reply->served_by.len > 0)
		facts->served_by = text_copy(&relay->arena, reply->served_by);
	if (reply->choice_count > 0 && reply->choices[0].finish_reason.data != NULL)
		facts->finish_reason = text_copy(&relay->arena, reply->choices[0].finish_reason);
	bool answered = exchange->status >= 200 && exchange->status < 300;
	bool answers = answered && (reply->text_bytes > 0 || reply->complete);
	if (!usage_is_missing(reply)) {
		facts->usage_source = "reported";
		facts->cost = price_cost(&relay->target->model->price, &facts->usage,
		                         relay->row.started_wall_ms);
		if (answers && (facts->usage.input < 0 || facts->usage.output < 0))
			estimate_rest(relay, reply);
	} else if (answers) {
		estimate(relay, reply);
	} else {
		facts->usage = chat_usage_unknown;
	}
	/* Nobody bills an answer that was none, unless it says so; but whoever works when we hang
	 * up is paid. Of a plain answer that had begun all may be owed: its cost stays unknown, and
	 * budgets are charged what was reserved. */
	facts->owed = answered || hung_up || facts->cost.pico_usd > 0;
	if (hung_up && usage_is_missing(reply) && (relay->streamed || !answered))
		estimate(relay, reply);
}

static int64_t tokens_used(const struct relay_facts *facts)
{
	if (facts->usage.input < 0 || facts->usage.output < 0)
		return facts->owed ? -1 : 0; /* who refuses counts no tokens */
	return facts->usage.input + facts->usage.output;
}

static int64_t positive(int64_t value)
{
	return value < 0 ? -1 : value;
}

static struct text parts_of(struct relay *relay)
{
	const struct relay_facts *facts = &relay->facts;
	struct chat_usage usage = facts->usage;

	if (facts->cost.computed_pico_usd < 0 && facts->cost.source != COST_ESTIMATED)
		return (struct text){NULL, 0};
	usage.present = true;
	return price_parts(&relay->target->model->price, &usage, relay->row.started_wall_ms,
	                   &relay->arena);
}

static void add_facts(struct relay *relay)
{
	const struct relay_facts *facts = &relay->facts;
	struct ledger_row *row = &relay->row;

	row->prompt_tokens = positive(facts->usage.input);
	row->cached_tokens = positive(facts->usage.cached_input);
	row->cache_write_tokens = positive(facts->usage.cache_write);
	row->completion_tokens = positive(facts->usage.output);
	row->reasoning_tokens = positive(facts->usage.reasoning);
	row->usage_source = text_of(facts->usage_source);
	row->cost_pico_usd = facts->cost.pico_usd;
	row->cost_source = text_of(cost_source_name(facts->cost.source));
	row->computed_cost_pico_usd = facts->cost.computed_pico_usd;
	row->cost_difference_pico_usd = LEDGER_NO_DIFFERENCE;
	if (facts->cost.source == COST_REPORTED && facts->cost.computed_pico_usd >= 0)
		row->cost_difference_pico_usd =
		    facts->cost.pico_usd - facts->cost.computed_pico_usd;
	row->cost_parts = parts_of(relay);
	row->finish_reason = facts->finish_reason;
	row->reported_model = facts->reported_model;
	row->served_by = facts->served_by;
}

/* What the same tokens would have cost at the dearest target that was proven for the request. */
static int64_t baseline_cost(const struct relay *relay)
{
	const struct intake *intake = relay->intake;
	size_t count = intake == NULL ? relay->compared_count : intake->decision.count;
	int64_t dearest = -1;

	if (relay->facts.usage.input < 0 || relay->facts.usage.output < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct target *target =
		    intake == NULL ? relay->compared[i] : intake->decision.candidates[i].target;
		struct chat_usage usage = relay->facts.usage;
		usage.present = true;
		usage.cost_pico_usd = -1;
		dearest = int64_max(
		    dearest,
		    price_cost(&target->model->price, &usage, relay->row.started_wall_ms).pico_usd);
	}
	return dearest;
}

void relay_note_row(struct relay *relay, enum ending ending, const struct exchange *exchange)
{
	struct proxy *proxy = relay->worker->proxy;
	struct ledger_row *row = &relay->row;
	int64_t now_us = loop_now_us(relay->worker->loop);

	row->outcome = text_of(ending_names[ending]);
	row->status = exchange == NULL || exchange->status == 0 ? -1 : exchange->status;
	row->latency_ms = (now_us - relay->sent_us) / 1000;
	row->ttft_ms = relay->first_event_us < 0 ? -1 : relay->first_event_us / 1000;
	row->client_disconnected = relay->exchange == NULL && !relay->lost;
	if (relay->lost)
		row->fallback_reason = TEXT("hedge lost");
	add_facts(relay);
	row->baseline_cost_pico_usd = baseline_cost(relay);
	if (relay->facts.owed) {
		row->charged_pico_usd =
		    budget_settle(proxy->budgets, &relay->reservation, relay->facts.cost.pico_usd);
	} else {
		budget_release(proxy->budgets, &relay->reservation);
		row->charged_pico_usd = -1;
	}
	relay_free_slot(relay, tokens_used(&relay->facts));
	relay->row_pending = true;
}

/* --- the row on disk --- */

static void write_row(struct relay *relay, struct ledger_ticket *ticket)
{
	struct ledger_content content = {.request = relay->request_content,
	                                 .response = text_buf_view(&relay->response_content),
	                                 .redact = relay->redacts_content};

	relay->row_pending = false;
	relay->row.overhead_us =
	    loop_now_us(relay->worker->loop) - relay->began_us - relay->upstream_us;
	ledger_write(relay->worker->port, &relay->row, relay->keeps_content ? &content : NULL,
	             ticket);
}

void relay_flush_row(struct relay *relay, const char *reason)
{
	if (relay->row_pending && relay->worker->port != NULL)
		write_row(relay, NULL);
	relay->row_pending = false;
	relay->row.fallback_reason = text_of(reason);
}

static void row_written(void *context, bool on_disk)
{
	struct relay *relay = context;

	REQUIRE(relay->magic == RELAY_MAGIC && relay->state == RELAY_SETTLING);
	relay_settled(relay, on_disk);
}

void relay_settle(struct relay *relay)
{
	struct worker *worker = relay->worker;

	relay_enter(relay, RELAY_SETTLING);
	loop_refresh(worker->loop);
	health_histogram_add(&worker->proxy->counters.overhead,
	                     loop_now_us(worker->loop) - relay->began_us - relay->upstream_us);
	if (worker->port == NULL || !relay->row_pending) {
		relay_settled(relay, true);
		return;
	}
	relay->ticket = (struct ledger_ticket){.done = row_written, .context = relay};
	write_row(relay, &relay->ticket);
}
