/*
 * One asking of one question: its steps in order, each a call with its attempts.
 * An attempt is recorded and written here; it counts after the flush (runner.c).
 */
#include "harness/run/runner_private.h"

#include "harness/base/log.h"
#include "harness/run/mask.h"

struct runner_trial {
	struct runner *runner;
	struct runner_provider *provider;
	struct runner_probe *probe;
	bool control;      /* a plain request in the place of the probe's question */
	repair_bits mends; /* the requests are asked in the way of these repairs */
	struct runner_trial *next, **link; /* of runner->trials */
	int64_t number;
	int64_t began_ms;
	struct runner_cell **wanting; /* arena: the cells that this trial is for */
	size_t wanting_count;

	size_t step;             /* being asked */
	int64_t attempts_before; /* at this step, by an earlier process */
	int64_t attempts;        /* told of this call */
	struct question question;
	struct call *call; /* NULL: none in flight */

	struct judged_step steps[CASE_MAX_STEPS];
	struct template_values values;
	struct text evidence; /* of the last attempt */
	struct text stop_reason;

	int64_t reserved, charge; /* charge: of attempts that do not count yet */
	bool written;             /* since the last flush */
	bool answered;            /* the step at hand has its answer */
	bool over;                /* nothing further is asked */
	bool cancelled;
	struct arena arena;
};

struct runner_trial *trial_next(const struct runner_trial *trial)
{
	return trial->next;
}

static const struct eval_case *trial_case(const struct runner_trial *trial)
{
	const struct plan_probe *planned = trial->probe->planned;

	return trial->control ? planned->control : planned->asks;
}

static enum case_variant trial_variant(const struct runner_trial *trial)
{
	return trial->control ? CASE_SYNC : trial->probe->planned->variant;
}

static const struct target *trial_target(const struct runner_trial *trial)
{
	return trial->probe->planned->target;
}

/* --- lines --- */

static struct journal_attempt line_of(const struct runner_trial *trial)
{
	return (struct journal_attempt){
	    .target = trial_target(trial)->name,
	    .variant = text_of(case_variant_names[trial->probe->planned->variant]),
	    .trial = trial->number,
	    .step = (int64_t)trial->step,
	    .attempt = trial->attempts_before + trial->attempts,
	    .evidence = trial->evidence,
	    .at_wall_ms = loop_wall_ms(trial->runner->loop),
	    .status = -1,
	    .prompt_tokens = -1,
	    .cached_tokens = -1,
	    .completion_tokens = -1,
	    .reasoning_tokens = -1,
	    .cost_pico_usd = -1,
	    .ttft_us = -1,
	    .latency_us = -1,
	};
}

static struct text name_or_none(const char *name)
{
	return *name == '\0' ? (struct text){NULL, 0} : text_of(name);
}

static void tell_measures(struct runner_trial *trial, const struct call_attempt *attempt,
                          struct journal_attempt *line)
{
	const struct exchange *exchange = attempt->exchange;
	const struct chat_reply *reply = attempt->reply;

	line->at_wall_ms = exchange->started_wall_ms;
	line->end = text_of(exchange_end_name(exchange->end));
	line->status = exchange->status == 0 ? -1 : exchange->status;
	if (reply->model_count > 0)
		line->reported_model = text_copy(&trial->arena, reply->models[0]);
	if (reply->streamed)
		line->ttft_us = reply->first_delta_us;
	if (exchange->end == EXCHANGE_COMPLETE)
		line->latency_us = exchange->end_us;
}

/* What stands on one line of an attempt only: tokens and money. */
static void tell_costs(const struct runner_trial *trial, const struct call_attempt *attempt,
                       struct journal_attempt *line)
{
	const struct price *price = &trial_target(trial)->model->price;
	const struct chat_usage *usage = &attempt->reply->usage;
	struct cost cost = price_cost(price, usage);

	line->owner = true;
	line->cost_pico_usd = cost.pico_usd;
	line->cost_source = name_or_none(cost_source_name(cost.source));
	if (cost.source == COST_COMPUTED)
		line->price_version = price->version;
	if (usage->present) {
		line->prompt_tokens = usage->input;
		line->completion_tokens = usage->output;
		line->cached_tokens = usage->cached_input;
		line->reasoning_tokens = usage->reasoning;
		line->usage_source = TEXT("reported");
	} else if (attempt->exchange->status >= 200 && attempt->exchange->status < 300) {
		line->usage_source = TEXT("missing");
	}
}

static void add_line(struct runner_trial *trial, size_t wanting, struct journal_attempt *line,
                     const struct judgement *judgement)
{
	struct runner_cell *cell = trial->wanting[wanting];

	line->case_id = cell->planned->eval_case->id;
	line->case_hash = text_of(cell->planned->eval_case->hash);
	if (trial->control)
		line->control = trial_case(trial)->id;
	if (trial->mends != 0)
		line->mended = repair_names(trial->mends, &trial->arena);
	line->outcome = judgement->outcome;
	line->detail = judgement->detail;
	line->fates = judgement->fates;
	trial->written = true;
	runner_add_line(trial->runner, cell, line);
}

/* The same for all cells, about no attempt: the step can't be asked, or not once more. */
static void end_unasked(struct runner_trial *trial, enum outcome outcome, const char *why)
{
	struct judgement judgement = {
	    outcome, text_visible(&trial->arena, text_of(why), FAULT_MESSAGE_BYTES), {NULL, 0}};

	for (size_t i = 0; i < trial->wanting_count; i++) {
		struct journal_attempt line = line_of(trial);
		line.ends_trial = true;
		add_line(trial, i, &line, &judgement);
	}
	trial->over = true;
	trial->written = true;
	runner_schedule(trial->runner);
}

/* --- an attempt --- */

static bool keep_evidence(struct runner_trial *trial, const struct call_attempt *attempt)
{
	const struct recording_label label = {
	    .target = trial_target(trial)->name,
	    .case_id = trial_case(trial)->id,
	    .variant = text_of(case_variant_names[trial_variant(trial)]),
	    .trial = trial->number,
	    .step = (int64_t)trial->step,
	    .attempt = trial->attempts_before + trial->attempts,
	};
	struct fault fault;

	if (recording_add(trial->runner->options.recording, &label, attempt->exchange,
	                  &trial->arena, &trial->evidence, &fault))
		return true;
	runner_fail(trial->runner, &fault);
	return false;
}

static struct http_header *copy_headers(struct arena *arena, const struct http_header *headers,
                                        size_t count)
{
	struct http_header *copy = ARENA_NEW_ARRAY(arena, struct http_header, count);

	for (size_t i = 0; i < count; i++)
		copy[i] = (struct http_header){text_copy(arena, headers[i].name),
		                               text_copy(arena, headers[i].value)};
	return copy;
}

/*
 * The answer to a step that others follow must outlive its call. Its reply is read again from
 * the copied bytes: the way it is read at resume and replay too.
 */
static void keep_answer(struct runner_trial *trial, const struct exchange *from)
{
	struct arena *arena = &trial->arena;
	struct exchange *exchange = ARENA_NEW(arena, struct exchange);

	*exchange = *from;
	exchange->method = text_copy(arena, from->method);
	exchange->url = text_copy(arena, from->url);
	exchange->request_headers =
	    copy_headers(arena, from->request_headers, from->request_header_count);
	exchange->request_body = text_copy(arena, from->request_body);
	exchange->headers = copy_headers(arena, from->headers, from->header_count);
	exchange->body = text_copy(arena, from->body);
	exchange->end_detail = text_copy(arena, from->end_detail);
	exchange->chunks = ARENA_NEW_ARRAY(arena, struct exchange_chunk, from->chunk_count);
	if (from->chunk_count > 0)
		memcpy(exchange->chunks, from->chunks, from->chunk_count * sizeof(*from->chunks));
	trial->steps[trial->step].exchange = exchange;
	trial->steps[trial->step].reply = judge_reread(
	    exchange, trial_target(trial)->provider->dialect, &trial->question.request, arena);
}

static void take_answer(struct runner_trial *trial, const struct call_attempt *attempt)
{
	struct judged_step *step = &trial->steps[trial->step];

	*step = (struct judged_step){attempt->exchange, attempt->reply, trial->question.body};
	if (trial->step + 1 < trial_case(trial)->step_count)
		keep_answer(trial, attempt->exchange);
	trial->values.steps[trial->step] = step->reply;
	trial->values.step_count = trial->step + 1;
}

/* Whether the next step can and should be asked. */
static bool goes_on(const struct runner_trial *trial, const struct judgement *judgements)
{
	struct arena scratch = {0};
	struct question question;
	struct fault fault;
	bool judged = false;

	if (trial->step + 1 >= trial_case(trial)->step_count)
		return false;
	for (size_t i = 0; i < trial->wanting_count; i++)
		judged = judged || (judgements[i].outcome != OUTCOME_INFRA &&
		                    judgements[i].outcome != OUTCOME_UNRUN);
	bool can = judged && question_build(&trial_case(trial)->steps[trial->step + 1],
	                                    trial_variant(trial), trial_target(trial)->model->name,
	                                    &trial->values, &scratch, &question, &fault);
	arena_done(&scratch);
	return can;
}

/* What the budget is charged: the known cost, or the bound of this step. */
static int64_t charge_of(const struct runner_trial *trial, const struct journal_attempt *line)
{
	if (line->cost_pico_usd >= 0)
		return budget_charge(line, 0);
	return budget_charge(
	    line, plan_step_bound(trial_target(trial), trial_case(trial), trial->step, NULL));
}

/* What else there is to say of an answer: how it reads behind repairs, and which may help. */
struct mend_note {
	struct text repairs, mendable;
	enum outcome repaired;
};

static void write_attempt(struct runner_trial *trial, const struct call_attempt *attempt,
                          const struct judgement *judgements, const struct mend_note *notes,
                          bool ends_trial)
{
	for (size_t i = 0; i < trial->wanting_count; i++) {
		struct journal_attempt line = line_of(trial);
		line.ends_trial = ends_trial;
		tell_measures(trial, attempt, &line);
		if (notes != NULL) {
			line.repairs = notes[i].repairs;
			line.repaired = notes[i].repaired;
			line.mendable = notes[i].mendable;
		}
		if (i == 0) {
			tell_costs(trial, attempt, &line);
			trial->charge = plan_add_usd(trial->charge, charge_of(trial, &line));
		}
		add_line(trial, i, &line, &judgements[i]);
	}
}

static struct judgement judge_cell(struct runner_trial *trial, size_t wanting,
                                   const struct judged_step *steps,
                                   const struct template_values *values)
{
	return judge_trial(trial->wanting[wanting]->planned->eval_case,
	                   trial->probe->planned->variant, steps, trial->step + 1, values,
	                   &trial->arena);
}

/* The answers behind the repairs of replies; NULL where no case misses anything. */
static const struct mended_steps *mend_answers(struct runner_trial *trial,
                                               const struct judgement *judgements)
{
	for (size_t i = 0; i < trial->wanting_count; i++)
		if (judgements[i].outcome != OUTCOME_OK)
			return mend_replies(trial_case(trial), trial_variant(trial),
			                    trial_target(trial)->provider->dialect, trial->steps,
			                    trial->step + 1, &trial->values, &trial->arena);
	return NULL;
}

/*
 * What does not hold is judged behind repairs as well; they take nothing from what does. Of a trial
 * that was asked mended, that is what counts.
 */
static struct mend_note *note_mends(struct runner_trial *trial, const struct call_attempt *attempt,
                                    struct judgement *judgements)
{
	struct mend_note *notes =
	    ARENA_NEW_ARRAY(&trial->arena, struct mend_note, trial->wanting_count);
	const struct mended_steps *mended = mend_answers(trial, judgements);

	for (size_t i = 0; i < trial->wanting_count; i++) {
		const struct eval_case *eval_case = trial->wanting[i]->planned->eval_case;
		repair_bits candidates = 0;
		if (judgements[i].outcome == OUTCOME_OK)
			continue;
		if (trial->mends == 0)
			candidates = mend_candidates(eval_case, &trial->question, attempt->exchange,
			                             &trial->arena);
		if (candidates != 0)
			notes[i].mendable = repair_names(candidates, &trial->arena);
		if (mended == NULL)
			continue;
		struct judgement repaired = judge_cell(trial, i, mended->steps, &mended->values);
		notes[i].repairs = repair_names(mended->applied, &trial->arena);
		notes[i].repaired = repaired.outcome;
		if (trial->mends != 0)
			judgements[i] = repaired;
	}
	return notes;
}

/* The last attempt at a step: its answer, whatever it is. */
static void judge_answer(struct runner_trial *trial, const struct call_attempt *attempt,
                         struct judgement *judgements)
{
	const struct mend_note *notes = NULL;

	trial->answered = true;
	trial->stop_reason = judge_stops_provider(&trial_case(trial)->steps[trial->step],
	                                          attempt->exchange, attempt->reply, &trial->arena);
	take_answer(trial, attempt);
	for (size_t i = 0; i < trial->wanting_count; i++)
		judgements[i] =
		    trial->control ? judge_control(attempt->exchange, attempt->reply, &trial->arena)
				   : judge_cell(trial, i, trial->steps, &trial->values);
	if (!trial->control)
		notes = note_mends(trial, attempt, judgements);
	trial->over = !goes_on(trial, judgements);
	write_attempt(trial, attempt, judgements, notes, trial->over);
}

/* An attempt that another one follows, now or when the run is resumed. */
static struct judgement judge_passing(struct runner_trial *trial, const struct exchange *exchange)
{
	struct judgement judgement = {.outcome = OUTCOME_INFRA};

	if (exchange->end == EXCHANGE_CANCELLED)
		judgement.outcome = OUTCOME_UNRUN;
	if (exchange->end != EXCHANGE_COMPLETE)
		judgement.detail = text_of(exchange_end_name(exchange->end));
	else
		judgement.detail = text_format(&trial->arena, "status %d", exchange->status);
	return judgement;
}

static void attempt_came(void *context, const struct call_attempt *raw)
{
	struct runner_trial *trial = context;
	struct judgement *judgements =
	    ARENA_NEW_ARRAY(&trial->arena, struct judgement, trial->wanting_count);
	struct call_attempt masked;
	const struct call_attempt *attempt =
	    mask_attempt(raw, &trial->question.request, trial_target(trial)->provider->dialect,
	                 &trial->arena, &masked);
	bool cancelled = attempt->exchange->end == EXCHANGE_CANCELLED;

	trial->attempts = attempt->number;
	if (trial->runner->end == RUNNER_FAILED || !keep_evidence(trial, attempt))
		return;
	if (attempt->final && !cancelled) {
		judge_answer(trial, attempt, judgements);
		return;
	}
	for (size_t i = 0; i < trial->wanting_count; i++)
		judgements[i] = judge_passing(trial, attempt->exchange);
	write_attempt(trial, attempt, judgements, NULL, false);
}

static void call_ended(void *context, const struct call_attempt *last, const struct fault *fault)
{
	struct runner_trial *trial = context;

	trial->call = NULL;
	runner_schedule(trial->runner);
	if (trial->answered || trial->cancelled || trial->runner->end == RUNNER_FAILED)
		return;
	/* Told as one that others follow, and none did: the deadline of the question has passed. */
	if (last != NULL)
		end_unasked(trial, OUTCOME_INFRA, "no answer within the deadline");
	else
		end_unasked(trial, fault->kind == FAULT_SYSTEM ? OUTCOME_INFRA : OUTCOME_HARNESS,
		            fault->message);
}

/* --- steps --- */

static void ask_step(struct runner_trial *trial)
{
	const struct runner_options *options = &trial->runner->options;
	const struct call_events events = {attempt_came, call_ended, trial};
	int64_t attempts_left = (int64_t)options->max_attempts - trial->attempts_before;
	repair_bits applied; /* a later step may have nothing that they are for */
	struct fault fault;

	trial->attempts = 0;
	trial->answered = false;
	trial->evidence = (struct text){NULL, 0};
	if (!question_build(&trial_case(trial)->steps[trial->step], trial_variant(trial),
	                    trial_target(trial)->model->name, &trial->values, &trial->arena,
	                    &trial->question, &fault)) {
		end_unasked(trial, OUTCOME_HARNESS, fault.message);
		return;
	}
	if (trial->mends != 0)
		mend_question(trial->mends, &trial->question, &trial->arena, &applied);
	const struct call_options call_options = {
	    .target = trial_target(trial),
	    .request = &trial->question.request,
	    .max_attempts = (unsigned)int64_max(attempts_left, 1),
	    .deadline_ms = options->deadline_ms,
	    .body_max_bytes = REPLY_MAX_BYTES,
	};
	trial->call = call_start(trial->runner->caller, &call_options, &events);
}

/* --- beginning and end --- */

/* The steps that an earlier process had answers to. False: they can't be had, begin anew. */
static bool read_answers(struct runner_trial *trial, const struct open_trial *open)
{
	struct fault fault;

	for (trial->step = 0; trial->step < open->steps; trial->step++) {
		struct exchange *exchange = ARENA_NEW(&trial->arena, struct exchange);
		struct recording_label label;
		struct judged_step *step = &trial->steps[trial->step];
		if (!question_build(&trial_case(trial)->steps[trial->step],
		                    trial->probe->planned->variant,
		                    trial_target(trial)->model->name, &trial->values, &trial->arena,
		                    &trial->question, &fault) ||
		    !recording_read(trial->runner->options.evidence_folder,
		                    open->evidence[trial->step], &trial->arena, &label, exchange,
		                    &fault)) {
			log_warn("run.resume", "evidence=%.*s fault=\"%s\"",
			         TEXT_ARG(open->evidence[trial->step]), fault.message);
			return false;
		}
		*step = (struct judged_step){exchange,
		                             judge_reread(exchange,
		                                          trial_target(trial)->provider->dialect,
		                                          &trial->question.request, &trial->arena),
		                             trial->question.body};
		trial->values.steps[trial->step] = step->reply;
		trial->values.step_count = trial->step + 1;
	}
	return true;
}

static void set_number(struct runner_trial *trial, int64_t number)
{
	trial->number = number;
	trial->step = 0;
	trial->values = (struct template_values){
	    .model = trial_target(trial)->model->name,
	    .context_tokens = trial_target(trial)->model->context,
	    .aliases = trial_target(trial)->model->aliases,
	    .reference_tokens = trial_target(trial)->model->reference_tokens};
	template_nonces(&trial->values, trial->runner->options.seed, trial_target(trial)->name,
	                trial_case(trial)->id, number, &trial->arena);
}

static void choose_wanting(struct runner_trial *trial)
{
	const struct plan_probe *planned = trial->probe->planned;

	trial->wanting = ARENA_NEW_ARRAY(&trial->arena, struct runner_cell *, planned->cell_count);
	for (size_t i = 0; i < planned->cell_count; i++) {
		struct runner_cell *cell = &trial->runner->cells[planned->cells[i]];
		if (trial->control      ? runner_cell_wants_control(trial->runner, cell)
		    : trial->mends != 0 ? runner_cell_wants_mended(trial->runner, cell)
		                        : runner_cell_wants(trial->runner, cell))
			trial->wanting[trial->wanting_count++] = cell;
	}
}

void trial_start(struct runner *runner, struct runner_probe *probe)
{
	struct runner_trial *trial = memory_new(sizeof(*trial));
	struct open_trial open;

	trial->runner = runner;
	trial->probe = probe;
	trial->control = runner_probe_is_controlled(runner, probe);
	trial->mends = runner_probe_mends(runner, probe);
	trial->reserved = budget_next(runner, probe);
	trial->provider = runner_provider_of(runner, probe->planned->target->provider);
	trial->began_ms = loop_now_ms(runner->loop);
	trial->next = runner->trials;
	trial->link = &runner->trials;
	if (trial->next != NULL)
		trial->next->link = &trial->next;
	runner->trials = trial;
	runner->in_flight++;
	trial->provider->in_flight++;
	choose_wanting(trial);
	open = trial->control || trial->mends != 0 ? (struct open_trial){0} : probe->open;
	probe->open = (struct open_trial){0};
	set_number(trial, open.trial > 0 ? open.trial : probe->trials + 1);
	if (open.trial > 0 && read_answers(trial, &open))
		trial->attempts_before = open.attempts;
	else if (open.trial > 0)
		set_number(trial, probe->trials + 1);
	probe->trials = int64_max(probe->trials, trial->number);
	/* What was asked before may have to be asked anew: then more than thought. */
	if (!trial->control)
		trial->reserved = budget_bound(probe->planned, trial->step);
	runner_budget_reserve(runner, trial->reserved);
	ask_step(trial);
}

static void trial_end(struct runner_trial *trial)
{
	struct runner *runner = trial->runner;
	struct runner_probe *probe = trial->probe;

	runner_budget_release(runner, trial->reserved);
	trial->provider->in_flight--;
	runner->in_flight--;
	runner->trials_done++;
	runner->trials_ms += loop_now_ms(runner->loop) - trial->began_ms;
	*trial->link = trial->next;
	if (trial->next != NULL)
		trial->next->link = trial->link;
	if (trial->stop_reason.data != NULL && runner->end != RUNNER_FAILED)
		runner_stop_provider(runner, trial->provider, trial->stop_reason);
	arena_done(&trial->arena);
	memory_free(trial);
	runner_take_back(runner, probe);
}

void trial_flushed(struct runner_trial *trial)
{
	struct runner *runner = trial->runner;

	budget_spend(runner, trial->charge);
	trial->charge = 0;
	if (trial->call != NULL) {
		/* Another attempt follows. Its bound is still reserved; the last one's was spent.
		 */
		if (trial->written && !budget_allows(runner, 0)) {
			runner_halt(runner, RUNNER_CAP);
			trial_cancel(trial);
		}
		trial->written = false;
		return;
	}
	trial->written = false;
	if (trial->over || trial->cancelled || runner->stopping || trial->provider->stopped) {
		trial_end(trial);
		return;
	}
	int64_t rest = budget_bound(trial->probe->planned, trial->step + 1);
	runner_budget_release(runner, trial->reserved - rest);
	trial->reserved = rest;
	trial->step++;
	trial->attempts_before = 0;
	ask_step(trial);
}

void trial_cancel(struct runner_trial *trial)
{
	trial->cancelled = true;
	if (trial->call != NULL)
		call_cancel(trial->call);
}
