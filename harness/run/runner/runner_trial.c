/*
 * One asking of one question: what comes back, attempt by attempt.
 * An attempt is recorded and written here; it counts once it is on disk (runner_disk.c).
 */
#include "harness/run/runner/runner_trial.h"

#include "harness/run/runner/mask.h"

/* --- lines --- */

static struct journal_attempt line_of(const struct trial_ask *ask)
{
	const struct runner_trial *trial = ask->trial;

	return (struct journal_attempt){
	    .target = trial_target(trial)->name,
	    .variant = text_of(case_variant_names[trial->probe->planned->variant]),
	    .trial = trial->number,
	    .step = (int64_t)ask->step,
	    .attempt = ask->attempts_before + ask->attempts,
	    .evidence = ask->evidence,
	    .at_wall_ms = loop_wall_ms(trial->runner->loop),
	    .status = -1,
	    .score_ppm = -1,
	    .prompt_tokens = -1,
	    .cached_tokens = -1,
	    .completion_tokens = -1,
	    .reasoning_tokens = -1,
	    .cost_pico_usd = -1,
	    .computed_cost_pico_usd = -1,
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
	if (reply->served_by.len > 0)
		line->served_by = text_copy(&trial->arena, reply->served_by);
	if (reply->streamed)
		line->ttft_us = reply->first_delta_us;
	if (exchange->end == EXCHANGE_COMPLETE)
		line->latency_us = exchange->end_us;
}

/* What stands on one line of an attempt only: tokens and money. */
static void tell_costs(const struct runner_trial *trial, const struct call_attempt *attempt,
                       struct journal_attempt *line)
{
	const struct chat_usage usage = chat_reply_billed(attempt->reply);
	struct cost cost = price_cost(&trial_target(trial)->model->price, &usage,
	                              attempt->exchange->started_wall_ms);

	line->owner = true;
	line->cost_pico_usd = cost.pico_usd;
	line->cost_source = name_or_none(cost_source_name(cost.source));
	/* Also beside a reported one, which it is held against. */
	if (cost.computed_pico_usd >= 0)
		line->price_version = cost.version;
	if (cost.source == COST_REPORTED)
		line->computed_cost_pico_usd = cost.computed_pico_usd;
	if (usage.present) {
		line->prompt_tokens = usage.input;
		line->completion_tokens = usage.output;
		line->cached_tokens = usage.cached_input;
		line->reasoning_tokens = usage.reasoning;
		line->usage_source = TEXT("reported");
	} else if (attempt->exchange->status >= 200 && attempt->exchange->status < 300) {
		line->usage_source = TEXT("missing");
	}
}

static void add_line(struct runner_trial *trial, size_t wanting, struct journal_attempt *attempt,
                     const struct judgement *judgement, int64_t charge_pico_usd)
{
	struct runner_line line = {
	    .cell = trial->wanting[wanting], .trial = trial, .charge_pico_usd = charge_pico_usd};

	attempt->case_id = line.cell->planned->eval_case->id;
	attempt->case_hash = text_of(line.cell->planned->eval_case->hash);
	if (trial->control)
		attempt->control = trial_case(trial)->id;
	if (trial->mends != 0)
		attempt->mended = repair_names(trial->mends, &trial->arena);
	attempt->outcome = judgement->outcome;
	attempt->detail = judgement->detail;
	attempt->fates = judgement->fates;
	attempt->uncarried = judgement->uncarried;
	attempt->score_ppm = judgement->graded ? judgement->score_ppm : -1;
	line.attempt = *attempt;
	trial->written = true;
	trial->uncounted++;
	runner_add_line(trial->runner, &line);
}

void trial_counted(struct runner_trial *trial)
{
	trial->uncounted--;
}

/* What the steps before it were worth stands, where it is worse than that nobody can ask on. */
static struct judgement judge_unasked(struct runner_trial *trial, size_t wanting)
{
	struct judgement judgement = {.outcome = trial->unasked,
	                              .detail = trial->unasked_why,
	                              .uncarried = trial->unasked == OUTCOME_REFUSED};

	if (!judgement.uncarried || trial->first == 0)
		return judgement;
	struct judgement before =
	    judge_trial(trial->wanting[wanting]->planned->eval_case, trial_variant(trial),
	                trial->steps, trial->first, &trial->values, &trial->arena);
	if (before.outcome != OUTCOME_OK && !before.uncarried)
		return before;
	judgement.fates = before.fates;
	return judgement;
}

/* About no attempt: a step can't be asked, or not once more. */
void trial_end_unasked(struct runner_trial *trial)
{
	for (size_t i = 0; i < trial->wanting_count; i++) {
		struct judgement judgement = judge_unasked(trial, i);
		struct journal_attempt line = line_of(trial->unasked_ask);
		line.ends_trial = true;
		add_line(trial, i, &line, &judgement, 0);
	}
	trial->over = true;
	trial->written = true;
	trial_release_answered(trial);
	runner_schedule(trial->runner);
}

/* Every step that is asked at the same time has ended. */
bool trial_group_has_ended(const struct runner_trial *trial)
{
	for (size_t i = trial->first; i < trial->end; i++)
		if (!trial->asks[i].asked || trial->asks[i].call != NULL)
			return false;
	return true;
}

void trial_note_unasked(struct trial_ask *ask, enum outcome outcome, const char *why)
{
	struct runner_trial *trial = ask->trial;

	if (trial->unasked_ask != NULL)
		return;
	trial->unasked_ask = ask;
	trial->unasked = outcome;
	trial->unasked_why = text_visible(&trial->arena, text_of(why), FAULT_MESSAGE_BYTES);
}

/* --- an attempt --- */

static bool keep_evidence(struct trial_ask *ask, const struct call_attempt *attempt)
{
	struct runner_trial *trial = ask->trial;
	const struct recording_label label = {
	    .target = trial_target(trial)->name,
	    .case_id = trial_case(trial)->id,
	    .variant = text_of(case_variant_names[trial_variant(trial)]),
	    .trial = trial->number,
	    .step = (int64_t)ask->step,
	    .attempt = ask->attempts_before + ask->attempts,
	};
	struct fault fault;

	if (recording_add(trial->runner->options.recording, &label, attempt->exchange,
	                  &trial->arena, &ask->evidence, &fault))
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

static const struct exchange *copy_exchange(const struct exchange *from, struct arena *arena)
{
	struct exchange *exchange = ARENA_NEW(arena, struct exchange);

	*exchange = *from;
	exchange->method = text_copy(arena, from->method);
	exchange->url = text_copy(arena, from->url);
	exchange->request_headers =
	    copy_headers(arena, from->request_headers, from->request_header_count);
	exchange->request_body = text_copy(arena, from->request_body);
	struct text *dropped = ARENA_NEW_ARRAY(arena, struct text, from->dropped_count);
	for (size_t i = 0; i < from->dropped_count; i++)
		dropped[i] = text_copy(arena, from->dropped[i]);
	exchange->dropped = dropped;
	exchange->headers = copy_headers(arena, from->headers, from->header_count);
	exchange->body = text_copy(arena, from->body);
	exchange->end_detail = text_copy(arena, from->end_detail);
	exchange->chunks = ARENA_NEW_ARRAY(arena, struct exchange_chunk, from->chunk_count);
	if (from->chunk_count > 0)
		memcpy(exchange->chunks, from->chunks, from->chunk_count * sizeof(*from->chunks));
	return exchange;
}

/*
 * The answer to a step that others follow must outlive its call. Its reply is read again from
 * the copied bytes: the way it is read at resume and replay too.
 */
static void keep_answer(struct trial_ask *ask, const struct exchange *from)
{
	struct runner_trial *trial = ask->trial;
	struct judged_step *step = &trial->steps[ask->step];

	step->exchange = copy_exchange(from, &trial->arena);
	step->reply =
	    judge_reread(step->exchange, &dialect_openai, &ask->question.request, &trial->arena);
}

/* The same of an answer as it came, until programs have graded it. */
static void keep_attempt(struct trial_ask *ask, const struct call_attempt *came)
{
	struct runner_trial *trial = ask->trial;

	if (came == &trial->answer)
		return;
	trial->answer = *came;
	trial->answer.exchange = copy_exchange(came->exchange, &trial->arena);
	trial->answer.reply =
	    judge_reread(trial->answer.exchange, trial_target(trial)->provider->dialect,
	                 &ask->question.request, &trial->arena);
}

static void take_answer(struct trial_ask *ask, const struct call_attempt *attempt)
{
	struct runner_trial *trial = ask->trial;
	const struct case_step *asked = &trial_case(trial)->steps[ask->step];
	struct judged_step *step = &trial->steps[ask->step];

	*step = (struct judged_step){attempt->exchange, attempt->reply, ask->question.body,
	                             &trial->gradings};
	if (asked->copies > 1 || ask->step + 1 < trial_case(trial)->step_count)
		keep_answer(ask, attempt->exchange);
	trial->values.steps[ask->step] = step->reply;
}

/* Whether the next step can and should be asked. */
static bool goes_on(const struct runner_trial *trial, const struct judgement *judgements)
{
	struct arena scratch = {0};
	struct question question;
	struct fault fault;
	bool judged = false;

	if (trial->end >= trial_case(trial)->step_count)
		return false;
	for (size_t i = 0; i < trial->wanting_count; i++)
		judged = judged || (judgements[i].outcome != OUTCOME_INFRA &&
		                    judgements[i].outcome != OUTCOME_UNRUN);
	bool can = judged && question_build(&trial_case(trial)->steps[trial->end],
	                                    trial_variant(trial), trial_target(trial)->model->name,
	                                    &trial->values, &scratch, &question, &fault);
	arena_done(&scratch);
	return can;
}

/* What the budget is charged: the known cost, or the bound of this step. */
static int64_t charge_of(const struct trial_ask *ask, const struct journal_attempt *line)
{
	const struct runner_trial *trial = ask->trial;

	if (line->cost_pico_usd >= 0)
		return budget_charge(line, 0);
	return budget_charge(
	    line, plan_step_bound(trial_target(trial), trial_case(trial), ask->step, NULL));
}

/* What else there is to say of an answer: how it reads behind repairs, and which may help. */
struct mend_note {
	struct text repairs, mendable;
	enum outcome repaired;
};

static void write_attempt(const struct trial_ask *ask, const struct call_attempt *attempt,
                          const struct judgement *judgements, const struct mend_note *notes,
                          bool ends_trial)
{
	struct runner_trial *trial = ask->trial;

	for (size_t i = 0; i < trial->wanting_count; i++) {
		struct journal_attempt line = line_of(ask);
		line.ends_trial = ends_trial;
		tell_measures(trial, attempt, &line);
		if (notes != NULL) {
			line.repairs = notes[i].repairs;
			line.repaired = notes[i].repaired;
			line.mendable = notes[i].mendable;
		}
		if (i == 0)
			tell_costs(trial, attempt, &line);
		add_line(trial, i, &line, &judgements[i], i == 0 ? charge_of(ask, &line) : 0);
	}
}

static struct judgement judge_cell(struct runner_trial *trial, size_t wanting,
                                   const struct judged_step *steps,
                                   const struct template_values *values)
{
	return judge_trial(trial->wanting[wanting]->planned->eval_case,
	                   trial->probe->planned->variant, steps, trial->end, values,
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
			                    trial->end, &trial->values, &trial->arena);
	return NULL;
}

/*
 * What does not hold is judged behind repairs as well; they take nothing from what does. Of a trial
 * that was asked mended, that is what counts.
 */
static struct mend_note *note_mends(struct runner_trial *trial, struct judgement *judgements)
{
	const struct trial_ask *last = &trial->asks[trial->end - 1];
	struct mend_note *notes =
	    ARENA_NEW_ARRAY(&trial->arena, struct mend_note, trial->wanting_count);
	const struct mended_steps *mended = mend_answers(trial, judgements);

	for (size_t i = 0; i < trial->wanting_count; i++) {
		const struct eval_case *eval_case = trial->wanting[i]->planned->eval_case;
		repair_bits candidates = 0;
		if (judgements[i].outcome == OUTCOME_OK)
			continue;
		if (trial->mends == 0)
			candidates =
			    mend_candidates(eval_case, &last->question,
			                    trial->steps[last->step].exchange, &trial->arena);
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

/*
 * Whether all is as well as it was: then nothing that is counted of this trial can keep another
 * from being asked, or put one first.
 */
static bool is_plain(const struct runner_trial *trial, const struct judgement *judgements)
{
	if (trial->control || trial->mends != 0 || trial->stop_reason.data != NULL)
		return false;
	for (size_t i = 0; i < trial->wanting_count; i++) {
		const struct tally *tally = &trial->wanting[i]->tally;
		if (judgements[i].outcome != OUTCOME_OK ||
		    tally_trials(tally) > tally->of[OUTCOME_OK])
			return false;
	}
	return true;
}

/* Others of its group are still asked, or have no answer: the trial is not judged by this one. */
static bool is_partial(const struct trial_ask *ask)
{
	const struct runner_trial *trial = ask->trial;

	for (size_t i = trial->first; i < trial->end; i++)
		if (!trial->asks[i].answered)
			return true;
	return false;
}

/* What cases are judged on; `out` where it is not what came. */
static const struct call_attempt *
as_judged(const struct trial_ask *ask, const struct call_attempt *came, struct call_attempt *out)
{
	const struct dialect *dialect = trial_target(ask->trial)->provider->dialect;

	if (dialect->openai_replies)
		return came;
	*out = *came;
	out->reply =
	    judge_read(&out->exchange, dialect, &ask->question.request, &ask->trial->arena);
	return out;
}

/* The last attempt at a step: its answer, whatever it is. Tokens and times are those that came. */
static void judge_answer(struct trial_ask *ask, const struct call_attempt *came,
                         struct judgement *judgements)
{
	struct runner_trial *trial = ask->trial;
	struct call_attempt translated;
	const struct call_attempt *attempt = as_judged(ask, came, &translated);
	const struct mend_note *notes = NULL;
	struct text stop;

	ask->answered = true;
	stop = judge_stops_provider(&trial_case(trial)->steps[ask->step], attempt->exchange,
	                            attempt->reply, &trial->arena);
	if (stop.data != NULL)
		trial->stop_reason = stop;
	take_answer(ask, attempt);
	if (is_partial(ask)) {
		for (size_t i = 0; i < trial->wanting_count; i++)
			judgements[i] = judge_step_alone(
			    trial->wanting[i]->planned->eval_case, trial_variant(trial), ask->step,
			    &trial->steps[ask->step], &trial->values, &trial->arena);
		/* The answer's own charge takes the place of its bound. */
		trial_release_answered(trial);
		write_attempt(ask, came, judgements, NULL, false);
		return;
	}
	trial->values.step_count = trial->end;
	for (size_t i = 0; i < trial->wanting_count; i++)
		judgements[i] =
		    trial->control ? judge_control(attempt->exchange, attempt->reply, &trial->arena)
				   : judge_cell(trial, i, trial->steps, &trial->values);
	if (!trial->control)
		notes = note_mends(trial, judgements);
	if (grading_waits(&trial->gradings)) {
		keep_attempt(ask, came);
		trial->graded = ask;
		runner_grade(trial);
		return;
	}
	trial->over = !goes_on(trial, judgements);
	trial->plain = trial->over && is_plain(trial, judgements);
	trial_release_answered(trial);
	write_attempt(ask, came, judgements, notes, trial->over);
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

/* What was asked is paid, graded or not; stopped before that, it is asked again. */
static void write_ungraded(struct runner_trial *trial, struct judgement *judgements)
{
	for (size_t i = 0; i < trial->wanting_count; i++)
		judgements[i] = (struct judgement){.outcome = OUTCOME_UNRUN,
		                                   .detail = TEXT("stopped before it was graded")};
	write_attempt(trial->graded, &trial->answer, judgements, NULL, false);
}

void trial_graded(struct runner_trial *trial)
{
	struct judgement *judgements =
	    ARENA_NEW_ARRAY(&trial->arena, struct judgement, trial->wanting_count);

	runner_schedule(trial->runner);
	if (trial->runner->end == RUNNER_FAILED)
		return;
	if (trial->cancelled)
		write_ungraded(trial, judgements);
	else
		judge_answer(trial->graded, &trial->answer, judgements);
}

void trial_attempt_came(void *context, const struct call_attempt *raw)
{
	struct trial_ask *ask = context;
	struct runner_trial *trial = ask->trial;
	struct judgement *judgements =
	    ARENA_NEW_ARRAY(&trial->arena, struct judgement, trial->wanting_count);
	struct call_attempt masked;
	const struct call_attempt *attempt =
	    mask_attempt(raw, &ask->question.request, trial_target(trial)->provider->dialect,
	                 &trial->arena, &masked);
	bool cancelled = attempt->exchange->end == EXCHANGE_CANCELLED;

	ask->attempts = attempt->number;
	if (trial->runner->end == RUNNER_FAILED || !keep_evidence(ask, attempt))
		return;
	if (attempt->final && !cancelled) {
		judge_answer(ask, attempt, judgements);
		return;
	}
	for (size_t i = 0; i < trial->wanting_count; i++)
		judgements[i] = judge_passing(trial, attempt->exchange);
	write_attempt(ask, attempt, judgements, NULL, false);
}

void trial_call_ended(void *context, const struct call_attempt *last, const struct fault *fault)
{
	struct trial_ask *ask = context;
	struct runner_trial *trial = ask->trial;

	ask->call = NULL;
	trial->calls--;
	runner_schedule(trial->runner);
	if (trial->cancelled || trial->runner->end == RUNNER_FAILED)
		return;
	/* Told as one that others follow, and none did: the deadline of the question has passed. */
	if (!ask->answered && last != NULL)
		trial_note_unasked(ask, OUTCOME_INFRA, "no answer within the deadline");
	else if (!ask->answered)
		trial_note_unasked(ask,
		                   fault->kind == FAULT_SYSTEM    ? OUTCOME_INFRA
		                   : fault->kind == FAULT_REFUSED ? OUTCOME_REFUSED
		                                                  : OUTCOME_HARNESS,
		                   fault->message);
	if (trial->unasked_ask != NULL && trial_group_has_ended(trial))
		trial_end_unasked(trial);
}
