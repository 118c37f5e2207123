/* What the proxy says of itself: models, readiness, metrics. */
#include "harness/base/json_write.h"
#include "providers/secret/vault.h"
#include "proxy/alert.h"
#include "proxy/live/stale.h"
#include "proxy/proxy_private.h"
#include "proxy/refusal.h"

enum { STATUS_MAX_BYTES = 16 << 20, TARGETS_MAX = 1000 };

static void answer_buffer(struct worker *worker, struct http_exchange *exchange,
                          struct text_buf *body, struct text type)
{
	const struct http_header header = {TEXT("Content-Type"), type};

	listener_answer(worker, exchange, 200, &header, 1, text_buf_view(body));
	text_buf_done(body);
}

/* --- /v1/models: what a client may put into `model` --- */

static void write_model(struct json_writer *writer, const struct snapshot *snapshot, struct text id,
                        struct text owner)
{
	json_write_object(writer);
	json_write_member(writer, "id", id);
	json_write_member_c(writer, "object", "model");
	json_write_member_int(writer, "created", snapshot->loaded_wall_ms / 1000);
	json_write_member(writer, "owned_by", owner);
	json_write_object_end(writer);
}

/* Whether a client with that key may ask for a bare target. */
static bool may_name(const struct key *key, const struct target *target)
{
	return key == NULL || (key_allows_route(key, (struct text){NULL, 0}) &&
	                       key_allows_target(key, target->name));
}

/* Routes first, then targets; only the one of that id where it is given. How many were written. */
static size_t write_models(struct json_writer *writer, const struct snapshot *snapshot,
                           struct text id, const struct key *key)
{
	const struct config_route *routes = snapshot->config.routes.items;
	size_t written = 0;

	for (size_t i = 0; i < snapshot->config.routes.count; i++) {
		if ((id.data != NULL && !text_equal(routes[i].name, id)) ||
		    (key != NULL && !key_allows_route(key, routes[i].name)))
			continue;
		write_model(writer, snapshot, routes[i].name, TEXT("proviso"));
		written++;
	}
	for (size_t i = 0; i < router_target_count(snapshot->router); i++) {
		const struct target *target = router_target(snapshot->router, i);
		bool wanted = id.data == NULL || (written == 0 && text_equal(target->name, id));
		if (!wanted || !may_name(key, target))
			continue;
		write_model(writer, snapshot, target->name, target->provider->name);
		written++;
	}
	return written;
}

/* The bare id of a model that one provider serves, as requests may name it. */
static size_t write_bare_model(struct json_writer *writer, const struct snapshot *snapshot,
                               struct text id, const struct key *key)
{
	const struct target *only = NULL;

	for (size_t i = 0; i < router_target_count(snapshot->router); i++) {
		const struct target *target = router_target(snapshot->router, i);
		if (!text_equal(target->model->name, id))
			continue;
		if (only != NULL)
			return 0;
		only = target;
	}
	if (only == NULL || !may_name(key, only))
		return 0;
	write_model(writer, snapshot, id, only->provider->name);
	return 1;
}

void status_models(struct worker *worker, struct http_exchange *exchange, struct text id,
                   const struct key *key)
{
	struct arena *arena = http_exchange_arena(exchange);
	const struct http_header type = {TEXT("Content-Type"), TEXT("application/json")};
	struct text_buf body;
	struct json_writer writer;

	text_buf_init(&body, STATUS_MAX_BYTES);
	json_writer_init(&writer, &body, false);
	if (id.data == NULL) {
		json_write_object(&writer);
		json_write_member_c(&writer, "object", "list");
		json_write_key(&writer, "data");
		json_write_array(&writer);
		(void)write_models(&writer, worker->snapshot, id, key);
		json_write_array_end(&writer);
		json_write_object_end(&writer);
	} else if (write_models(&writer, worker->snapshot, id, key) == 0 &&
	           write_bare_model(&writer, worker->snapshot, id, key) == 0) {
		struct refusal refusal;
		struct text shown = text_visible(arena, id, 100);
		(void)refusal_set(&refusal, REFUSAL_MODEL_NOT_FOUND,
		                  "there is no route, target or model '%.*s'", TEXT_ARG(shown));
		refusal.param = "model";
		text_buf_done(&body);
		listener_answer(worker, exchange, 404, &type, 1,
		                refusal_body(&refusal, ENDPOINT_CHAT, arena));
		return;
	}
	answer_buffer(worker, exchange, &body, type.value);
}

/* --- /readyz --- */

void status_ready(struct worker *worker, struct http_exchange *exchange)
{
	const struct http_header type = {TEXT("Content-Type"), TEXT("text/plain")};
	struct ledger *ledger = worker->proxy->ledger;
	char why[200];

	if (atomic_load(&worker->proxy->draining)) {
		listener_answer(worker, exchange, 503, &type, 1, TEXT("draining\n"));
	} else if (ledger != NULL && !ledger_is_well(ledger, why, sizeof(why))) {
		struct text said = text_format(http_exchange_arena(exchange),
		                               "the ledger can't be written: %s\n", why);
		listener_answer(worker, exchange, 503, &type, 1, said);
	} else {
		listener_answer(worker, exchange, 200, &type, 1, TEXT("ready\n"));
	}
}

/* --- /metrics --- */

static unsigned long long load(atomic_uint_least64_t *counter)
{
	return (unsigned long long)atomic_load_explicit(counter, memory_order_relaxed);
}

static void describe(struct text_buf *out, const char *name, const char *type, const char *help)
{
	(void)text_buf_format(out, "# HELP proviso_%s %s\n# TYPE proviso_%s %s\n", name, help, name,
	                      type);
}

/* A value of a label: names from the config, quoted as the format wants it. */
static void write_label(struct text_buf *out, struct text value)
{
	for (size_t i = 0; i < value.len; i++) {
		char byte = value.data[i];
		if (byte == '\\' || byte == '"')
			(void)text_buf_byte(out, '\\');
		if (byte == '\n')
			(void)text_buf_add(out, TEXT("\\n"));
		else
			(void)text_buf_byte(out, byte);
	}
}

static void write_histogram(struct text_buf *out, const char *name, struct text target,
                            struct health_histogram *histogram)
{
	unsigned long long all = 0;

	for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS; i++) {
		all += load(&histogram->buckets[i]);
		(void)text_buf_format(out, "proviso_%s_bucket{", name);
		if (target.data != NULL) {
			(void)text_buf_add(out, TEXT("target=\""));
			write_label(out, target);
			(void)text_buf_add(out, TEXT("\","));
		}
		(void)text_buf_format(out, "le=\"%s\"} %llu\n", health_latency_bounds[i], all);
	}
	unsigned long long sum_us = load(&histogram->sum_us);
	const char *parts[] = {"sum", "count"};
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		(void)text_buf_format(out, "proviso_%s_%s", name, parts[i]);
		if (target.data != NULL) {
			(void)text_buf_add(out, TEXT("{target=\""));
			write_label(out, target);
			(void)text_buf_add(out, TEXT("\"}"));
		}
		if (i == 0)
			(void)text_buf_format(out, " %llu.%06llu\n", sum_us / 1000000,
			                      sum_us % 1000000);
		else
			(void)text_buf_format(out, " %llu\n", all);
	}
}

static void write_simple(struct text_buf *out, const char *name, const char *type, const char *help,
                         unsigned long long value)
{
	describe(out, name, type, help);
	(void)text_buf_format(out, "proviso_%s %llu\n", name, value);
}

static void write_vault(struct text_buf *out)
{
	struct vault_facts vault;

	vault_facts(&vault);
	write_simple(out, "vault_reads_total", "counter", "Keys read from Vault.",
	             (unsigned long long)vault.reads);
	write_simple(out, "vault_read_failures_total", "counter",
	             "Reads of keys that Vault did not answer, or refused.",
	             (unsigned long long)vault.failures);
	write_simple(out, "vault_stale_keys", "gauge",
	             "Keys whose last read failed: the last good value is used, if there is one.",
	             (unsigned long long)vault.stale);
}

static void write_requests(struct text_buf *out, struct proxy_counters *counters)
{
	describe(out, "requests_total", "counter", "Requests taken in, by endpoint.");
	for (unsigned i = 0; i < ENDPOINT_MODELS; i++)
		(void)text_buf_format(out, "proviso_requests_total{endpoint=\"%s\"} %llu\n",
		                      endpoint_name((enum endpoint)i),
		                      load(&counters->requests[i]));
	describe(out, "answers_total", "counter", "Answers, by hundreds of the status.");
	for (unsigned i = 2; i < STATUS_CLASSES; i++)
		(void)text_buf_format(out, "proviso_answers_total{class=\"%uxx\"} %llu\n", i,
		                      load(&counters->answers[i]));
	static const char *const outcomes[DECISIONS] = {
	    [DECISION_SERVED] = "served",
	    [DECISION_SERVED_UNPROVEN] = "served_unproven",
	    [DECISION_NO_PROVEN_TARGET] = "no_proven_target",
	    [DECISION_REFUSED] = "refused",
	};
	describe(out, "decisions_total", "counter",
	         "Requests, by what was decided before anybody was asked.");
	for (unsigned i = 0; i < DECISIONS; i++)
		(void)text_buf_format(out, "proviso_decisions_total{outcome=\"%s\"} %llu\n",
		                      outcomes[i], load(&counters->decisions[i]));
	write_simple(out, "unproven_total", "counter", "Requests without a proven target.",
	             load(&counters->decisions[DECISION_NO_PROVEN_TARGET]));
	write_simple(out, "fallbacks_total", "counter", "Attempts at another target.",
	             load(&counters->fallbacks));
	write_simple(out, "retries_total", "counter", "Attempts at the same target again.",
	             load(&counters->retries));
	write_simple(out, "broken_streams_total", "counter", "Streams that ended with an error.",
	             load(&counters->broken_streams));
	write_simple(out, "client_gone_total", "counter", "Clients that left before the end.",
	             load(&counters->client_gone));
	write_simple(out, "drained_total", "counter",
	             "Attempts read to their end although the client had left.",
	             load(&counters->drained));
	write_simple(out, "hedges_total", "counter",
	             "Second targets asked while the first was slow.", load(&counters->hedges));
	write_simple(out, "hedges_won_total", "counter",
	             "Second targets that answered before the first.", load(&counters->hedges_won));
	write_simple(
	    out, "turned_away_total", "counter",
	    "Requests of addresses that ask too often, refused before their key was looked "
	    "at.",
	    load(&counters->turned_away));
	write_simple(out, "upstream_limited_total", "counter",
	             "Targets passed over because their provider was at its configured limit.",
	             load(&counters->limited));
	write_simple(out, "reloads_total", "counter", "Reloads that were taken.",
	             load(&counters->reloads));
	write_simple(out, "reloads_failed_total", "counter", "Reloads that were refused.",
	             load(&counters->reloads_failed));
	write_vault(out);
	write_simple(out, "open_requests", "gauge", "Requests under way.",
	             (unsigned long long)atomic_load(&counters->open_requests));
	write_simple(out, "open_streams", "gauge", "Streams under way.",
	             (unsigned long long)atomic_load(&counters->open_streams));
	describe(out, "overhead_seconds", "histogram", "Time that this proxy added to a request.");
	write_histogram(out, "overhead_seconds", (struct text){NULL, 0}, &counters->overhead);
}

/* Each family's lines must stand together: one walk over the targets for each. */
enum family { ATTEMPTS, TOKENS, COST, BREAKER, FIRST_EVENT, TOTAL, FAMILIES };

struct family_writer {
	struct text_buf *out;
	enum family family;
	int64_t now_ms;
	size_t targets;
};

static void write_attempts(struct text_buf *out, struct text target,
                           struct health_counters *counters)
{
	for (unsigned i = 0; i < ENDINGS; i++) {
		(void)text_buf_add(out, TEXT("proviso_attempts_total{target=\""));
		write_label(out, target);
		(void)text_buf_format(out, "\",outcome=\"%s\"} %llu\n", ending_names[i],
		                      load(&counters->attempts[i]));
	}
}

static void write_tokens(struct text_buf *out, struct text target, struct health_counters *counters)
{
	(void)text_buf_add(out, TEXT("proviso_tokens_total{target=\""));
	write_label(out, target);
	(void)text_buf_format(out, "\",kind=\"input\"} %llu\n", load(&counters->input_tokens));
	(void)text_buf_add(out, TEXT("proviso_tokens_total{target=\""));
	write_label(out, target);
	(void)text_buf_format(out, "\",kind=\"output\"} %llu\n", load(&counters->output_tokens));
}

static void write_target(void *context, struct text target, struct health *health)
{
	struct family_writer *writer = context;
	struct health_counters *counters = health_counters_of(health);
	struct text_buf *out = writer->out;
	unsigned long long cost = load(&counters->cost_pico_usd);

	if (writer->targets++ >= TARGETS_MAX)
		return;
	switch (writer->family) {
	case ATTEMPTS:
		write_attempts(out, target, counters);
		break;
	case TOKENS:
		write_tokens(out, target, counters);
		break;
	case COST:
		(void)text_buf_add(out, TEXT("proviso_cost_usd_total{target=\""));
		write_label(out, target);
		(void)text_buf_format(out, "\"} %llu.%012llu\n", cost / 1000000000000,
		                      cost % 1000000000000);
		break;
	case BREAKER:
		(void)text_buf_add(out, TEXT("proviso_breaker_state{target=\""));
		write_label(out, target);
		(void)text_buf_format(out, "\"} %d\n", (int)health_look(health, writer->now_ms));
		break;
	case FIRST_EVENT:
		write_histogram(out, "first_event_seconds", target, &counters->first_event);
		break;
	case TOTAL:
		write_histogram(out, "attempt_seconds", target, &counters->total);
		break;
	case FAMILIES:
		break;
	}
}

static void write_targets(struct worker *worker, struct text_buf *out)
{
	static const struct {
		const char *name, *type, *help;
	} families[FAMILIES] = {
	    [ATTEMPTS] = {"attempts_total", "counter", "Attempts, by target and outcome."},
	    [TOKENS] = {"tokens_total", "counter", "Tokens, as the providers say."},
	    [COST] = {"cost_usd_total", "counter", "What is known to have been spent."},
	    [BREAKER] = {"breaker_state", "gauge",
	                 "0 closed, 1 half open, 2 held, 3 open, 4 its key was refused."},
	    [FIRST_EVENT] = {"first_event_seconds", "histogram", "Time to the first event."},
	    [TOTAL] = {"attempt_seconds", "histogram", "Time of good attempts."},
	};

	for (unsigned i = 0; i < FAMILIES; i++) {
		struct family_writer writer = {out, (enum family)i, loop_now_ms(worker->loop), 0};
		describe(out, families[i].name, families[i].type, families[i].help);
		health_each(worker->proxy->healths, write_target, &writer);
	}
}

static void write_matrix(struct worker *worker, struct text_buf *out)
{
	const struct matrix *matrix = &worker->snapshot->matrix;
	int64_t newest = -1;

	describe(out, "matrix_info", "gauge", "The matrix that decides, by its hash.");
	(void)text_buf_format(out, "proviso_matrix_info{hash=\"%s\"} 1\n",
	                      router_matrix_hash(worker->snapshot->router));
	write_simple(out, "matrix_cells", "gauge", "Its cells.", matrix->count);
	struct stale_sum sum;
	stale_count(worker->snapshot, loop_wall_ms(worker->loop), &sum);
	write_simple(out, "matrix_stale_cells", "gauge",
	             "Passes that are too old to prove a thing.", sum.stale);
	for (size_t i = 0; i < matrix->count; i++)
		newest = int64_max(newest, matrix->cells[i].tested_wall_ms);
	if (newest < 0)
		return;
	int64_t age_ms = int64_max(loop_wall_ms(worker->loop) - newest, 0);
	write_simple(out, "matrix_age_seconds", "gauge", "Since its newest cell was asked.",
	             (unsigned long long)(age_ms / 1000));
}

static void write_budget(void *context, struct text name, int64_t limit_pico_usd,
                         int64_t spent_pico_usd, int64_t reserved_pico_usd)
{
	struct text_buf *out = context;
	int64_t left = limit_pico_usd - spent_pico_usd - reserved_pico_usd;
	bool over = left < 0;
	unsigned long long amount = (unsigned long long)(over ? -left : left);

	(void)text_buf_add(out, TEXT("proviso_budget_left_usd{budget=\""));
	write_label(out, name);
	(void)text_buf_format(out, "\"} %s%llu.%012llu\n", over ? "-" : "", amount / 1000000000000,
	                      amount % 1000000000000);
}

static void write_case(void *context, const char *case_id, unsigned long long count)
{
	struct text_buf *out = context;

	(void)text_buf_add(out, TEXT("proviso_exclusions_total{case=\""));
	write_label(out, text_of(case_id));
	(void)text_buf_format(out, "\"} %llu\n", count);
}

static void write_live(void *context, struct text case_id, unsigned long long occasions UNUSED,
                       unsigned long long violations)
{
	struct text_buf *out = context;

	(void)text_buf_add(out, TEXT("proviso_live_violations_total{case=\""));
	write_label(out, case_id);
	(void)text_buf_format(out, "\"} %llu\n", violations);
}

static void write_occasions(void *context, struct text case_id, unsigned long long occasions,
                            unsigned long long violations UNUSED)
{
	struct text_buf *out = context;

	(void)text_buf_add(out, TEXT("proviso_live_occasions_total{case=\""));
	write_label(out, case_id);
	(void)text_buf_format(out, "\"} %llu\n", occasions);
}

/* The cells of the matrix stand by their target. */
static void write_quarantined(struct worker *worker, struct text_buf *out)
{
	const struct matrix *matrix = &worker->snapshot->matrix;
	size_t targets = 0;

	describe(out, "quarantined_cells", "gauge", "Cells that are no longer trusted.");
	for (size_t i = 0; i < matrix->count && targets < TARGETS_MAX; targets++) {
		struct text target = matrix->cells[i].target;
		unsigned long long count = 0;
		for (; i < matrix->count && text_equal(matrix->cells[i].target, target); i++)
			count += matrix->cells[i].quarantine != NULL;
		(void)text_buf_add(out, TEXT("proviso_quarantined_cells{target=\""));
		write_label(out, target);
		(void)text_buf_format(out, "\"} %llu\n", count);
	}
	write_simple(out, "quarantines_total", "counter", "Cells put into quarantine.",
	             load(&worker->proxy->counters.quarantines));
	static const char *const results[] = {"passed", "failed", "undecided"};
	describe(out, "probes_total", "counter",
	         "Cells that were asked again, by what came of it.");
	for (size_t i = 0; i < ARRAY_LENGTH(results); i++)
		(void)text_buf_format(out, "proviso_probes_total{result=\"%s\"} %llu\n", results[i],
		                      load(&worker->proxy->counters.probes[i]));
	describe(out, "live_occasions_total", "counter",
	         "Answers that could have broken a rule, by the case that names it.");
	live_each(worker->proxy->lives, write_occasions, out);
	describe(out, "live_violations_total", "counter",
	         "Answers that broke it, by the case that names it.");
	live_each(worker->proxy->lives, write_live, out);
}

static void write_alerts(struct worker *worker, struct text_buf *out)
{
	static const char *const results[ALERT_RESULTS] = {"sent", "failed", "dropped"};

	describe(out, "alerts_total", "counter", "Alerts, by what became of them.");
	for (unsigned i = 0; i < ALERT_RESULTS; i++)
		(void)text_buf_format(
		    out, "proviso_alerts_total{result=\"%s\"} %llu\n", results[i],
		    (unsigned long long)alert_count(worker->proxy->alerter, (enum alert_result)i));
}

static void write_money(struct worker *worker, struct text_buf *out)
{
	describe(out, "budget_left_usd", "gauge",
	         "What a budget has left in its period, less what is reserved.");
	budget_each(worker->proxy->budgets, loop_wall_ms(worker->loop), write_budget, out);
	if (worker->proxy->ledger != NULL)
		write_simple(out, "ledger_queue", "gauge", "Records that wait for the disk.",
		             ledger_queued(worker->proxy->ledger));
}

void status_metrics(struct worker *worker, struct http_exchange *exchange)
{
	struct text_buf body;

	text_buf_init(&body, STATUS_MAX_BYTES);
	write_requests(&body, &worker->proxy->counters);
	write_targets(worker, &body);
	describe(&body, "exclusions_total", "counter",
	         "Requests without a proven target, by the cases that stood against some.");
	exclusion_each(worker->proxy->exclusions, write_case, &body);
	write_matrix(worker, &body);
	write_quarantined(worker, &body);
	write_alerts(worker, &body);
	write_money(worker, &body);
	answer_buffer(worker, exchange, &body, TEXT("text/plain; version=0.0.4"));
}
