/* Asking stale gate cells again while the proxy serves; see probe.h. */
#include "proxy/live/probe.h"

#include "harness/base/digest.h"
#include "harness/base/log.h"
#include "harness/run/runner/run_folder.h"
#include "harness/run/runner/runner.h"
#include "proxy/live/sentry.h"
#include "proxy/proxy_private.h"

#include <unistd.h>

enum {
	DEADLINE_MS = 120 * 1000, /* of one question */
	DAY_MS = 24 * 60 * 60 * 1000,
	CHOICES = 16, /* that are looked at in one turn */
	/* What is in quarantine is asked first, but none of it again so soon; and however much of
	 * it there is, every other turn is for what still serves. */
	QUARANTINE_INTERVALS = 2,
};

struct prober {
	struct proxy *proxy;
	struct loop_timer timer;
	/* --- the probe at hand --- */
	bool busy;
	bool was_quarantined;      /* what was asked last */
	struct snapshot *snapshot; /* counted: its suite and targets are used */
	struct arena arena;
	struct caller *caller;
	struct target target;
	struct plan plan;
	struct run_folder folder;
	struct journal journal;
	struct recording *recording;
	struct runner *runner;
	struct budget_reservation reservation;
	int64_t bound_pico_usd, bound_requests; /* as they were charged */
	struct loop_timer cleaner;
};

static void schedule(struct prober *prober);

/* --- what is asked ------------------------------------------------------------------------ */

static int64_t last_asked(const struct prober *prober, const struct matrix_cell *cell)
{
	const struct live_cell *record = live_find(sentry_live(prober->proxy->sentry), cell);
	int64_t at = cell->tested_wall_ms;

	if (record == NULL)
		return at;
	at = int64_max(at, record->probed_wall_ms);
	return cell->quarantine == NULL ? at : int64_max(at, record->quarantined_wall_ms);
}

static bool is_asked(const struct snapshot *snapshot, const struct matrix_cell *cell)
{
	const struct eval_case *eval_case = suite_find(&snapshot->suite, cell->case_id);

	return eval_case != NULL && eval_case->severity == CASE_GATE &&
	       text_is(cell->case_hash, eval_case->hash) && cell->verdict == VERDICT_PASS;
}

static bool is_routed(const struct config *config, struct text target)
{
	const struct config_route *routes = config->routes.items;

	for (size_t i = 0; i < config->routes.count; i++)
		for (size_t t = 0; t < routes[i].targets.count; t++)
			if (text_equal(routes[i].targets.items[t], target))
				return true;
	return false;
}

/* One that fails at the moment would only be told to be down. */
static bool is_well(const struct prober *prober, struct text name)
{
	const struct snapshot *snapshot = prober->snapshot;

	for (size_t i = 0; i < router_target_count(snapshot->router); i++)
		if (text_equal(router_target(snapshot->router, i)->name, name))
			return router_has_key(snapshot->router, i) &&
			       health_look(snapshot->healths[i],
			                   loop_now_ms(prober->proxy->loop)) == HEALTH_CLOSED;
	return false;
}

/* A cell in the order of asking; of those asked at one moment the matrix's order counts. */
struct turn {
	const struct matrix_cell *cell; /* NULL: there is none */
	int64_t at;
};

static bool is_before(struct turn a, struct turn b)
{
	return a.at < b.at || (a.at == b.at && a.cell < b.cell);
}

/* The next one after that turn: those in quarantine first, then the one asked longest ago. */
static struct turn choose(const struct prober *prober, struct turn last)
{
	const struct snapshot *snapshot = prober->snapshot;
	const struct matrix *matrix = &snapshot->matrix;
	int64_t ripe_ms = loop_wall_ms(prober->proxy->loop) -
	                  QUARANTINE_INTERVALS * snapshot->config.proxy.probes.interval_ms;
	struct turn best = {NULL, INT64_MAX};
	bool usable = false;

	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		if (i == 0 || !text_equal(cell->target, cell[-1].target))
			usable = is_routed(&snapshot->config, cell->target) &&
			         is_well(prober, cell->target);
		if (!usable || !is_asked(snapshot, cell))
			continue;
		struct turn turn = {cell, last_asked(prober, cell)};
		if (cell->quarantine != NULL && (turn.at > ripe_ms || prober->was_quarantined))
			continue;
		if (cell->quarantine != NULL)
			turn.at -= INT64_MAX / 2;
		if ((last.cell == NULL || is_before(last, turn)) &&
		    (best.cell == NULL || is_before(turn, best)))
			best = turn;
	}
	return best;
}

static bool make_plan(struct prober *prober, const struct matrix_cell *cell, struct fault *fault)
{
	struct text label = cell->case_id;
	struct plan_filter filter = {.cases = {&label, 1}};

	if (cell->variant == CASE_STREAM)
		label = text_format(&prober->arena, "%.*s~stream", TEXT_ARG(cell->case_id));
	return target_find(&prober->snapshot->config.providers, cell->target, &prober->arena,
	                   &prober->target, fault) &&
	       plan_make(&prober->snapshot->suite, &prober->target, 1, &filter, &prober->arena,
	                 &prober->plan, fault);
}

/* --- what it may cost ------------------------------------------------------------------------ */

/* At most, as often as a verdict may need. */
static int64_t count_requests(const struct plan *plan)
{
	int64_t count = 0;

	for (size_t i = 0; i < plan->probe_count; i++)
		count += verdict_most_trials(&plan->rules, plan->probes[i].asks) *
		         (int64_t)plan->probes[i].asks->step_count;
	return count;
}

/* Within the day's cap and every budget of the target; kept on disk before anything is sent. */
static bool pay(struct prober *prober)
{
	const struct config_proxy *settings = &prober->snapshot->config.proxy;
	const struct live *live = sentry_live(prober->proxy->sentry);
	int64_t now_ms = loop_wall_ms(prober->proxy->loop);
	sentry_find_day(prober->proxy->sentry);
	/* Set back, the clock begins no new day (sentry_charge). */
	bool new_day = now_ms - now_ms % DAY_MS > live->day_wall_ms;
	struct budget_scope scope = {.provider = prober->target.provider->name,
	                             .target = prober->target.name,
	                             .key_limit_pico_usd = -1};
	struct budget_denial denial;

	prober->bound_pico_usd = prober->plan.worst_pico_usd;
	prober->bound_requests = count_requests(&prober->plan);
	int64_t spent = new_day ? 0 : live->spent_pico_usd;
	int64_t requests = new_day ? 0 : live->requests;
	if (prober->bound_pico_usd > settings->probes.per_day_pico_usd - spent ||
	    prober->bound_requests > settings->probes.per_day_requests - requests ||
	    budget_reserve(prober->proxy->budgets, &scope, prober->bound_pico_usd, now_ms,
	                   &prober->reservation, &denial) != BUDGET_RESERVED)
		return false;
	if (sentry_charge(prober->proxy->sentry, prober->bound_pico_usd, prober->bound_requests))
		return true;
	budget_release(prober->proxy->budgets, &prober->reservation);
	return false;
}

/* The truth takes the bound's place. */
static void settle(struct prober *prober)
{
	struct runner_progress progress = runner_progress(prober->runner);

	(void)budget_settle(prober->proxy->budgets, &prober->reservation, progress.spent_pico_usd);
	(void)!sentry_charge(prober->proxy->sentry,
	                     progress.spent_pico_usd - prober->bound_pico_usd,
	                     progress.attempts - prober->bound_requests);
}

/* --- what came of it ------------------------------------------------------------------------- */

static void remove_run(struct prober *prober)
{
	struct text *names;
	size_t count;
	struct fault fault;

	if (file_list(prober->folder.evidence, &prober->arena, &names, &count, &fault))
		for (size_t i = 0; i < count; i++)
			(void)unlink(file_join(&prober->arena, prober->folder.evidence,
			                       text_c(&prober->arena, names[i])));
	(void)rmdir(prober->folder.evidence);
	(void)unlink(prober->folder.journal);
	(void)rmdir(prober->folder.path);
}

/* True: it passed. */
static bool take_cell(struct prober *prober, const struct matrix_cell *asked)
{
	struct proxy *proxy = prober->proxy;
	const struct matrix_cell *now =
	    matrix_find(&proxy->current->matrix, asked->target, asked->case_id, asked->variant);
	bool passed = asked->verdict == VERDICT_PASS;
	bool bad = asked->verdict == VERDICT_FAIL || asked->verdict == VERDICT_UNSUPPORTED ||
	           asked->verdict == VERDICT_IGNORED || asked->verdict == VERDICT_FLAKY;

	log_info("proxy.probe", "target=%.*s case=%.*s variant=%s verdict=%s",
	         TEXT_ARG(asked->target), TEXT_ARG(asked->case_id),
	         case_variant_names[asked->variant], verdict_name(asked->verdict));
	atomic_fetch_add(&proxy->counters.probes[passed ? 0 : bad ? 1 : 2], 1);
	if (now == NULL || !text_equal(now->case_hash, asked->case_hash))
		return passed;
	sentry_probed(proxy->sentry, now, passed);
	now = matrix_find(&proxy->current->matrix, asked->target, asked->case_id, asked->variant);
	if (bad && now->verdict == VERDICT_PASS) {
		struct sentry_finding finding = {LIVE_PROBE, -1, -1, asked->first_error,
		                                 text_of(prober->folder.path)};
		sentry_quarantine(proxy->sentry, now, &finding);
	}
	return passed;
}

static void take_results(struct prober *prober)
{
	struct matrix fresh;
	struct fault fault;
	bool passed = true;

	if (!matrix_build(prober->folder.journal, &prober->snapshot->suite, &prober->plan,
	                  &prober->arena, &fresh, &fault)) {
		log_error("proxy.probe_failed", "%s", fault.message);
		return;
	}
	for (size_t i = 0; i < fresh.count; i++)
		passed = take_cell(prober, &fresh.cells[i]) && passed;
	/* What passes is known by its date; what does not must be shown. */
	if (passed)
		remove_run(prober);
}

static void put_away(struct prober *prober)
{
	if (prober->runner != NULL)
		runner_free(prober->runner);
	if (prober->recording != NULL)
		recording_close(prober->recording);
	journal_close(&prober->journal);
	if (prober->caller != NULL)
		caller_free(prober->caller);
	snapshot_drop(prober->snapshot);
	arena_reset(&prober->arena);
	prober->runner = NULL;
	prober->recording = NULL;
	prober->caller = NULL;
	prober->snapshot = NULL;
	prober->busy = false;
	schedule(prober);
}

static void over(void *context)
{
	struct prober *prober = context;

	settle(prober);
	if (!atomic_load(&prober->proxy->draining))
		take_results(prober);
	put_away(prober);
}

/* The runner may still be on the stack. */
static void ended(void *context, enum runner_end end UNUSED, const struct fault *fault)
{
	struct prober *prober = context;

	if (fault != NULL)
		log_error("proxy.probe_failed", "%s", fault->message);
	loop_timer_start(prober->proxy->loop, &prober->cleaner, 0, over, prober);
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool open_run(struct prober *prober, struct journal_head *head, struct fault *fault)
{
	struct loop *loop = prober->proxy->loop;
	struct text folder = prober->snapshot->config.proxy.probes.runs;
	unsigned char noise[16];

	random_bytes(noise, sizeof(noise));
	*head = (struct journal_head){
	    .suite_hash = text_of(prober->snapshot->suite.hash),
	    .seed = digest_hex(&prober->arena, (struct text){(char *)noise, sizeof(noise)},
	                       DIGEST_SHORT),
	    .version = TEXT(PROVISO_VERSION),
	    .started_wall_ms = loop_wall_ms(loop),
	};
	head->run_id = run_id_make(head->started_wall_ms, &prober->arena);
	run_head_targets(&prober->plan, &prober->arena, head);
	prober->folder = run_folder_of(file_join(&prober->arena, text_c(&prober->arena, folder),
	                                         text_c(&prober->arena, head->run_id)),
	                               &prober->arena);
	return file_make_directories(prober->folder.path, fault) &&
	       journal_create(&prober->journal, prober->folder.journal, head, fault) &&
	       recording_open(prober->folder.evidence, &prober->recording, fault) &&
	       caller_new(loop, &prober->caller, fault);
}

static bool ask(struct prober *prober, struct fault *fault)
{
	struct journal_head head;
	struct runner_events events = {.end = ended, .context = prober};

	if (!open_run(prober, &head, fault))
		return false;
	struct runner_options options = {
	    .suite = &prober->snapshot->suite,
	    .plan = &prober->plan,
	    .seed = head.seed,
	    .jobs = 1,
	    .max_spend_pico_usd = prober->bound_pico_usd,
	    .max_attempts = 1,
	    .deadline_ms = DEADLINE_MS,
	    .journal = &prober->journal,
	    .recording = prober->recording,
	    .evidence_folder = prober->folder.evidence,
	};
	return runner_start(prober->proxy->loop, prober->caller, &options, &events, &prober->runner,
	                    fault);
}

static void begin(struct prober *prober)
{
	struct turn turn = {NULL, 0};
	struct fault fault;
	bool paid = false;

	/* One that is dearer than what is left today lets the next one pass. */
	for (int i = 0; i < CHOICES && !paid; i++) {
		turn = choose(prober, turn);
		if (turn.cell == NULL)
			break;
		paid = make_plan(prober, turn.cell, &fault) && pay(prober);
	}
	prober->was_quarantined = paid && turn.cell->quarantine != NULL;
	if (!paid) {
		put_away(prober);
		return;
	}
	if (ask(prober, &fault))
		return;
	log_error("proxy.probe_failed", "%s", fault.message);
	budget_release(prober->proxy->budgets, &prober->reservation);
	(void)!sentry_charge(prober->proxy->sentry, -prober->bound_pico_usd,
	                     -prober->bound_requests);
	put_away(prober);
}

static void tick(void *context)
{
	struct prober *prober = context;
	struct proxy *proxy = prober->proxy;

	if (atomic_load(&proxy->draining))
		return;
	if (proxy->current->config.proxy.probes.per_day_pico_usd < 0) {
		schedule(prober);
		return;
	}
	prober->busy = true;
	prober->snapshot = snapshot_take(proxy->current);
	begin(prober);
}

static void schedule(struct prober *prober)
{
	struct proxy *proxy = prober->proxy;

	if (!atomic_load(&proxy->draining))
		loop_timer_start(proxy->loop, &prober->timer,
		                 proxy->current->config.proxy.probes.interval_ms, tick, prober);
}

struct prober *prober_new(struct proxy *proxy)
{
	struct prober *prober = memory_new(sizeof(*prober));

	prober->proxy = proxy;
	prober->journal = (struct journal){.log = {.fd = -1}};
	schedule(prober);
	return prober;
}

void prober_free(struct prober *prober)
{
	if (prober == NULL)
		return;
	loop_timer_stop(prober->proxy->loop, &prober->timer);
	if (prober->busy && prober->runner != NULL)
		runner_stop(prober->runner, 0);
	while (prober->busy)
		(void)loop_turn(prober->proxy->loop, true);
	arena_done(&prober->arena);
	memory_free(prober);
}
