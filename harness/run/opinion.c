/* Asking a judge model; see opinion.h. */
#include "harness/run/opinion.h"

#include "cases/rubric.h"
#include "harness/base/file.h"
#include "harness/run/judge.h"
#include "harness/run/matrix/cell_index.h"
#include "harness/run/runner/mask.h"
#include "harness/run/runner/runner_private.h"

/* An answer that has a rubric. */
struct opinion_answer {
	const struct eval_case *eval_case;
	const struct journal_target *target; /* whose answer it is */
	struct text variant, evidence;
	int64_t trial;
	bool taken, judged; /* it is being asked about; it has been */
};

struct opinion_ask {
	struct opinions *opinions;
	struct opinion_answer *answer;
	struct chat_request request;
	struct call *call;
	int64_t bound_pico_usd;
	bool completion_tokens; /* it was asked with max_completion_tokens */
	bool again;             /* it has to be */
	struct arena arena;
};

struct opinions {
	struct loop *loop;
	struct caller *caller;
	struct opinion_options options;
	void (*end)(void *context, const struct fault *fault);
	void *context;
	struct journal journal;
	struct opinion_answer *answers; /* arena */
	size_t count, room, next;
	struct opinion_counts counts;
	int64_t in_flight, reserved_pico_usd;
	bool completion_tokens; /* its model refuses max_tokens */
	bool stopping, scheduled, failed, ended;
	struct fault fault;
	struct arena arena;
};

/* --- what there is to be judged --- */

static const struct journal_target *target_of(const struct journal_head *head, struct text name)
{
	for (size_t i = 0; i < head->target_count; i++)
		if (text_equal(head->targets[i].name, name))
			return &head->targets[i];
	return NULL;
}

static bool is_answer(const struct journal_attempt *line)
{
	return line->ends_trial && line->control.data == NULL && line->mended.data == NULL &&
	       line->evidence.data != NULL &&
	       (line->outcome == OUTCOME_OK || line->outcome == OUTCOME_MISS);
}

static bool collect(void *context, const struct journal_attempt *line, struct fault *fault UNUSED)
{
	struct opinions *opinions = context;
	const struct eval_case *eval_case = suite_find(opinions->options.suite, line->case_id);
	const struct journal_target *target = target_of(opinions->options.head, line->target);

	if (!is_answer(line) || eval_case == NULL || eval_case->rubric.data == NULL ||
	    target == NULL || !text_is(line->case_hash, eval_case->hash))
		return true;
	if (text_equal(line->target, opinions->options.judge->name)) {
		opinions->counts.own++;
		return true;
	}
	if (opinions->count == opinions->room) {
		size_t room = opinions->room == 0 ? 64 : opinions->room * 2;
		opinions->answers =
		    memory_resize(opinions->answers, size_mul(room, sizeof(*opinions->answers)));
		opinions->room = room;
	}
	opinions->answers[opinions->count++] =
	    (struct opinion_answer){.eval_case = eval_case,
	                            .target = target,
	                            .variant = text_copy(&opinions->arena, line->variant),
	                            .evidence = text_copy(&opinions->arena, line->evidence),
	                            .trial = line->trial};
	return true;
}

/* --- what was said before --- */

static bool check_judge(const struct opinions *opinions, const struct journal_head *head,
                        struct fault *fault)
{
	struct text judge = head->target_count == 1 ? head->targets[0].name : TEXT("another");

	if (text_equal(judge, opinions->options.judge->name))
		return true;
	return fault_set(fault, FAULT_INPUT,
	                 "the answers of this run were judged by %.*s; another judge's opinions do "
	                 "not go with them",
	                 TEXT_ARG(judge));
}

static bool recall(void *context, const struct journal_attempt *line, struct fault *fault UNUSED)
{
	struct opinions *opinions = context;
	struct opinion_counts *counts = &opinions->counts;

	if (line->owner)
		counts->spent_pico_usd =
		    plan_add_usd(counts->spent_pico_usd, budget_charge(line, 0));
	if (line->outcome != OUTCOME_OK && line->outcome != OUTCOME_HARNESS)
		return true;
	for (size_t i = 0; i < opinions->count; i++) {
		struct opinion_answer *answer = &opinions->answers[i];
		if (answer->judged || answer->trial != line->trial ||
		    !text_equal(answer->eval_case->id, line->case_id) ||
		    !text_equal(answer->variant, line->variant) ||
		    !text_equal(answer->target->name, line->target))
			continue;
		answer->judged = true;
		counts->given += line->outcome == OUTCOME_OK;
		counts->refused += line->outcome != OUTCOME_OK;
		break;
	}
	return true;
}

static bool open_journal(struct opinions *opinions, struct fault *fault)
{
	const struct target *judge = opinions->options.judge;
	const char *path = opinions->options.folder->opinions;
	struct journal_head head = *opinions->options.head;
	struct journal_target kept = {.name = judge->name,
	                              .dialect = text_of(judge->provider->dialect->name),
	                              .context = judge->model->context,
	                              .max_output = judge->model->max_output,
	                              .prices = &judge->model->price};
	const struct journal_visitor visitor = {NULL, recall, opinions};

	if (file_exists(path))
		return journal_resume(&opinions->journal, path, &opinions->arena, &head, fault) &&
		       check_judge(opinions, &head, fault) &&
		       journal_scan(path, &visitor, NULL, fault);
	head.targets = &kept;
	head.target_count = 1;
	head.options = NULL;
	return journal_create(&opinions->journal, path, &head, fault);
}

/* --- one question --- */

static void fail(struct opinions *opinions, const struct fault *fault)
{
	if (!opinions->failed)
		opinions->fault = *fault;
	opinions->failed = opinions->stopping = true;
}

static bool text_of_answer(struct opinions *opinions, struct opinion_ask *ask,
                           struct rubric_question *out, struct fault *fault)
{
	const struct dialect *dialect = dialect_from_name(ask->answer->target->dialect);
	const struct chat_request request = {.endpoint = ENDPOINT_CHAT, .body = TEXT("")};
	struct exchange *exchange = ARENA_NEW(&ask->arena, struct exchange);
	const struct exchange *read = exchange;
	struct recording_label label;

	if (dialect == NULL ||
	    !recording_read(opinions->options.folder->evidence, ask->answer->evidence, &ask->arena,
	                    &label, exchange, fault))
		return false;
	const struct chat_reply *reply = judge_read(&read, dialect, &request, &ask->arena);
	out->asked = exchange->request_body;
	out->answered = reply->choice_count > 0 ? reply->choices[0].content : TEXT("");
	return true;
}

/* The request, and what it may cost at most. False: there is nothing to be shown. */
static bool prepare(struct opinions *opinions, struct opinion_ask *ask, struct fault *fault)
{
	struct rubric_question question = {.rubric = ask->answer->eval_case->rubric,
	                                   .model = opinions->options.judge->model->name,
	                                   .completion_tokens = opinions->completion_tokens};

	if (!text_of_answer(opinions, ask, &question, fault))
		return false;
	ask->request = (struct chat_request){.endpoint = ENDPOINT_CHAT,
	                                     .body = rubric_body(&question, &ask->arena)};
	ask->completion_tokens = opinions->completion_tokens;
	ask->bound_pico_usd = plan_request_bound(
	    opinions->options.judge, (int64_t)ask->request.body.len, RUBRIC_OUTPUT_TOKENS);
	return true;
}

/* --- what comes back --- */

static struct journal_attempt line_of(const struct opinion_ask *ask,
                                      const struct call_attempt *attempt)
{
	const struct exchange *exchange = attempt->exchange;
	const struct chat_usage *usage = &attempt->reply->usage;
	const struct opinions *opinions = ask->opinions;
	struct cost cost =
	    price_cost(&opinions->options.judge->model->price, usage, exchange->started_wall_ms);
	bool known = usage->present;

	return (struct journal_attempt){
	    .target = ask->answer->target->name,
	    .case_id = ask->answer->eval_case->id,
	    .variant = ask->answer->variant,
	    .case_hash = text_of(ask->answer->eval_case->hash),
	    .trial = ask->answer->trial,
	    .attempt = attempt->number,
	    .owner = true,
	    .score_ppm = -1,
	    .end = text_of(exchange_end_name(exchange->end)),
	    .at_wall_ms = exchange->started_wall_ms,
	    .status = exchange->status == 0 ? -1 : exchange->status,
	    .prompt_tokens = known ? usage->input : -1,
	    .cached_tokens = known ? usage->cached_input : -1,
	    .completion_tokens = known ? usage->output : -1,
	    .reasoning_tokens = known ? usage->reasoning : -1,
	    .cost_pico_usd = cost.pico_usd,
	    .cost_source =
		cost.pico_usd < 0 ? (struct text){NULL, 0} : text_of(cost_source_name(cost.source)),
	    .computed_cost_pico_usd = -1,
	    .ttft_us = -1,
	    .latency_us = exchange->end == EXCHANGE_COMPLETE ? exchange->end_us : -1,
	};
}

/* What no further question would change: the key, the money, the quota. */
static bool halts(const struct call_attempt *attempt)
{
	int status = attempt->exchange->status;

	return status == 401 || status == 402 || status == 403 ||
	       (status == 429 && chat_reply_quota_is_spent(attempt->reply));
}

static bool refuses_max_tokens(const struct opinion_ask *ask, const struct call_attempt *attempt)
{
	return attempt->exchange->status == 400 && !ask->completion_tokens &&
	       text_find(attempt->exchange->body, TEXT("max_completion_tokens"), 0) !=
	           TEXT_NOT_FOUND;
}

/* The last attempt: a score, or why there is none. Texts: the ask's arena. */
static void read_verdict(struct opinion_ask *ask, const struct call_attempt *attempt,
                         struct journal_attempt *line)
{
	enum { SHOWN_COLUMNS = 200 };
	struct opinions *opinions = ask->opinions;
	const struct chat_reply *reply = attempt->reply;
	struct text said = reply->choice_count > 0 ? reply->choices[0].content : TEXT("");
	struct text why = {NULL, 0};

	line->ends_trial = true;
	line->outcome = OUTCOME_HARNESS;
	if (exchange_is_infra(attempt->exchange) || attempt->exchange->end == EXCHANGE_CANCELLED) {
		line->outcome = OUTCOME_INFRA;
		return;
	}
	if (halts(attempt)) {
		line->outcome = OUTCOME_INFRA;
		opinions->stopping = true;
		opinions->counts.halted =
		    text_format(&opinions->arena, "it answers %d", attempt->exchange->status);
		return;
	}
	if (attempt->exchange->status == 200 &&
	    rubric_verdict(said, &ask->arena, &line->score_ppm, &why))
		line->outcome = OUTCOME_OK;
	else
		why = attempt->exchange->status == 200
		          ? text_format(&ask->arena, "no verdict: %.*s", TEXT_ARG(said))
		          : text_format(&ask->arena, "status %d", attempt->exchange->status);
	if (why.data != NULL)
		line->detail = text_visible(&ask->arena, why, SHOWN_COLUMNS);
}

static bool write_line(struct opinions *opinions, struct opinion_ask *ask,
                       const struct call_attempt *attempt, struct journal_attempt *line,
                       struct fault *fault)
{
	const struct recording_label label = {.target = opinions->options.judge->name,
	                                      .case_id = line->case_id,
	                                      .variant = line->variant,
	                                      .trial = line->trial,
	                                      .attempt = line->attempt};

	if (!recording_add(opinions->options.recording, &label, attempt->exchange, &ask->arena,
	                   &line->evidence, fault) ||
	    !recording_sync(opinions->options.recording, fault))
		return false;
	journal_add(&opinions->journal, line);
	return journal_flush(&opinions->journal, fault);
}

static void on_attempt(void *context, const struct call_attempt *raw)
{
	struct opinion_ask *ask = context;
	struct opinions *opinions = ask->opinions;
	const struct dialect *dialect = opinions->options.judge->provider->dialect;
	struct call_attempt masked, read;
	const struct call_attempt *attempt =
	    mask_attempt(raw, &ask->request, dialect, &ask->arena, &masked);
	struct journal_attempt line = line_of(ask, attempt);
	struct fault fault;

	read = *attempt;
	if (!dialect->openai_replies)
		read.reply = judge_read(&read.exchange, dialect, &ask->request, &ask->arena);
	line.outcome = OUTCOME_INFRA;
	if (attempt->final && refuses_max_tokens(ask, &read)) {
		opinions->completion_tokens = ask->again = true;
	} else if (attempt->final) {
		read_verdict(ask, &read, &line);
		ask->answer->judged = line.outcome != OUTCOME_INFRA;
		opinions->counts.given += line.outcome == OUTCOME_OK;
		opinions->counts.refused += line.outcome != OUTCOME_OK;
	}
	opinions->counts.spent_pico_usd = plan_add_usd(opinions->counts.spent_pico_usd,
	                                               budget_charge(&line, ask->bound_pico_usd));
	if (!opinions->failed && !write_line(opinions, ask, attempt, &line, &fault))
		fail(opinions, &fault);
}

static void schedule(struct opinions *opinions);

static void on_call_end(void *context, const struct call_attempt *last, const struct fault *fault)
{
	struct opinion_ask *ask = context;
	struct opinions *opinions = ask->opinions;

	if (last == NULL) {
		opinions->counts.refused++;
		opinions->stopping = true;
		opinions->counts.halted = text_copy(&opinions->arena, text_of(fault->message));
	}
	if (ask->again) {
		ask->answer->taken = false;
		opinions->next =
		    size_min(opinions->next, (size_t)(ask->answer - opinions->answers));
	}
	opinions->in_flight--;
	opinions->reserved_pico_usd -= ask->bound_pico_usd;
	arena_done(&ask->arena);
	memory_free(ask);
	schedule(opinions);
}

/* --- asking --- */

static bool fits_cap(const struct opinions *opinions, int64_t bound_pico_usd)
{
	int64_t committed =
	    plan_add_usd(opinions->counts.spent_pico_usd, opinions->reserved_pico_usd);

	return opinions->options.max_spend_pico_usd < 0 ||
	       plan_add_usd(committed, bound_pico_usd) <= opinions->options.max_spend_pico_usd;
}

/* False where nothing further is asked for now. */
static bool ask_next(struct opinions *opinions)
{
	struct opinion_ask *ask = memory_new(sizeof(*ask));
	const struct call_events events = {on_attempt, on_call_end, ask};
	struct fault fault;

	ask->opinions = opinions;
	ask->answer = &opinions->answers[opinions->next];
	bool prepared = prepare(opinions, ask, &fault);
	bool fits = prepared && fits_cap(opinions, ask->bound_pico_usd);
	if (!prepared)
		fail(opinions, &fault);
	if (!fits) {
		/* What is in flight may turn out cheaper than its bound. */
		if (prepared && opinions->in_flight == 0)
			opinions->counts.capped = opinions->stopping = true;
		arena_done(&ask->arena);
		memory_free(ask);
		return false;
	}
	const struct call_options options = {.target = opinions->options.judge,
	                                     .request = &ask->request,
	                                     .max_attempts = opinions->options.max_attempts,
	                                     .deadline_ms = opinions->options.deadline_ms,
	                                     .body_max_bytes = REPLY_MAX_BYTES};
	ask->answer->taken = true;
	opinions->in_flight++;
	opinions->reserved_pico_usd += ask->bound_pico_usd;
	ask->call = call_start(opinions->caller, &options, &events);
	return true;
}

static void tell_end(void *context)
{
	struct opinions *opinions = context;

	opinions->end(opinions->context, opinions->failed ? &opinions->fault : NULL);
}

static void turn(void *context)
{
	struct opinions *opinions = context;

	opinions->scheduled = false;
	while (!opinions->stopping && opinions->in_flight < opinions->options.jobs) {
		while (opinions->next < opinions->count &&
		       (opinions->answers[opinions->next].taken ||
		        opinions->answers[opinions->next].judged))
			opinions->next++;
		if (opinions->next == opinions->count || !ask_next(opinions))
			break;
	}
	if (opinions->in_flight > 0 || opinions->ended)
		return;
	opinions->ended = true;
	loop_defer(opinions->loop, tell_end, opinions);
}

static void schedule(struct opinions *opinions)
{
	if (opinions->scheduled || opinions->ended)
		return;
	opinions->scheduled = true;
	loop_defer(opinions->loop, turn, opinions);
}

bool opinions_start(struct loop *loop, struct caller *caller, const struct opinion_options *options,
                    void (*end)(void *context, const struct fault *fault), void *context,
                    struct opinions **out, struct fault *fault)
{
	struct opinions *opinions = memory_new(sizeof(*opinions));
	const struct journal_visitor visitor = {NULL, collect, opinions};

	REQUIRE(options->jobs >= 1 && options->max_attempts >= 1 && end != NULL);
	opinions->loop = loop;
	opinions->caller = caller;
	opinions->options = *options;
	opinions->end = end;
	opinions->context = context;
	opinions->journal.log.fd = -1;
	if (!journal_scan(options->folder->journal, &visitor, NULL, fault) ||
	    (opinions->count > 0 && !open_journal(opinions, fault))) {
		opinions_free(opinions);
		return false;
	}
	opinions->counts.wanted = (int64_t)opinions->count;
	*out = opinions;
	schedule(opinions);
	return true;
}

void opinions_stop(struct opinions *opinions)
{
	opinions->stopping = true;
	schedule(opinions);
}

struct opinion_counts opinions_counts(const struct opinions *opinions)
{
	return opinions->counts;
}

void opinions_free(struct opinions *opinions)
{
	if (opinions == NULL)
		return;
	REQUIRE(opinions->in_flight == 0);
	journal_close(&opinions->journal);
	memory_free(opinions->answers);
	arena_done(&opinions->arena);
	memory_free(opinions);
}
