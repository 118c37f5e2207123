/*
 * One asking of one question: its steps in order, each a call with its attempts; steps that are
 * copies of one (at_once) together, and what follows when all of them have ended.
 */
#include "harness/run/runner/runner_trial.h"

#include "harness/base/log.h"

struct runner_trial *trial_next(const struct runner_trial *trial)
{
	return trial->next;
}

/* --- steps --- */

static void ask_step(struct runner_trial *trial, size_t step)
{
	const struct runner_options *options = &trial->runner->options;
	struct trial_ask *ask = &trial->asks[step];
	const struct case_step *asked = &trial_case(trial)->steps[step];
	const struct call_events events = {trial_attempt_came, trial_call_ended, ask};
	int64_t attempts_left = (int64_t)options->max_attempts - ask->attempts_before;
	repair_bits applied; /* a later step may have nothing that they are for */
	struct fault fault;

	ask->trial = trial;
	ask->step = step;
	ask->asked = true;
	if (!question_build(asked, trial_variant(trial), trial_target(trial)->model->name,
	                    &trial->values, &trial->arena, &ask->question, &fault)) {
		trial_note_unasked(ask, OUTCOME_HARNESS, fault.message);
		return;
	}
	if (trial->mends != 0)
		mend_question(trial->mends, &ask->question, &trial->arena, &applied);
	const struct call_options call_options = {
	    .target = trial_target(trial),
	    .request = &ask->question.request,
	    /* An error that is counted is an answer. */
	    .max_attempts = asked->measures_load ? 1 : (unsigned)int64_max(attempts_left, 1),
	    .deadline_ms = options->deadline_ms,
	    .body_max_bytes = REPLY_MAX_BYTES,
	};
	trial->calls++;
	ask->call = call_start(trial->runner->caller, &call_options, &events);
}

/* What of the group is not asked yet, as far as there is room. */
static void ask_group(struct runner_trial *trial)
{
	for (size_t i = trial->first; i < trial->end && trial->calls < trial->width; i++)
		if (!trial->asks[i].asked)
			ask_step(trial, i);
	if (trial->unasked_ask != NULL && trial_group_has_ended(trial))
		trial_end_unasked(trial);
}

static void begin_group(struct runner_trial *trial, size_t step)
{
	case_group(trial_case(trial), step, &trial->first, &trial->end);
	ask_group(trial);
}

/* --- beginning and end --- */

static bool read_answer(struct runner_trial *trial, size_t step, struct text evidence)
{
	struct exchange *exchange = ARENA_NEW(&trial->arena, struct exchange);
	struct trial_ask *ask = &trial->asks[step];
	struct recording_label label;
	struct fault fault;

	if (!question_build(&trial_case(trial)->steps[step], trial->probe->planned->variant,
	                    trial_target(trial)->model->name, &trial->values, &trial->arena,
	                    &ask->question, &fault) ||
	    !recording_read(trial->runner->options.evidence_folder, evidence, &trial->arena, &label,
	                    exchange, &fault)) {
		log_warn("run.resume", "evidence=%.*s fault=\"%s\"", TEXT_ARG(evidence),
		         fault.message);
		return false;
	}
	const struct exchange *judged = exchange;
	const struct chat_reply *reply = judge_read(&judged, trial_target(trial)->provider->dialect,
	                                            &ask->question.request, &trial->arena);
	trial->steps[step] =
	    (struct judged_step){judged, reply, ask->question.body, &trial->gradings};
	trial->values.steps[step] = trial->steps[step].reply;
	ask->trial = trial;
	ask->step = step;
	ask->asked = ask->answered = ask->released = true;
	return true;
}

/*
 * The steps that an earlier process had answers to; *next: the first that has none. False: they
 * can't be had, begin anew.
 */
static bool read_answers(struct runner_trial *trial, const struct open_trial *open, size_t *next)
{
	const struct eval_case *asks = trial_case(trial);
	size_t first, end;

	/* A connection of an earlier process is gone with it. */
	for (size_t i = 0; i < asks->step_count; i++)
		if (asks->steps[i].wire.kept)
			return false;
	for (*next = 0; *next < asks->step_count; *next = end) {
		case_group(asks, *next, &first, &end);
		for (size_t i = first; i < end; i++) {
			trial->asks[i].attempts_before = open->attempts[i];
			if (open->evidence[i].data != NULL &&
			    !read_answer(trial, i, open->evidence[i]))
				return false;
		}
		for (size_t i = first; i < end; i++)
			if (!trial->asks[i].answered)
				return true;
		trial->values.step_count = end;
	}
	return false; /* nothing is left to ask: it would have ended */
}

static void set_number(struct runner_trial *trial, int64_t number)
{
	trial->number = number;
	memset(trial->asks, 0, sizeof(trial->asks));
	trial->values = (struct template_values){
	    .model = trial_target(trial)->model->name,
	    .context_tokens = trial_target(trial)->model->context,
	    .aliases = trial_target(trial)->model->aliases,
	    .reference_tokens = trial_target(trial)->model->reference_tokens,
	    .identity = trial_target(trial)->model->identity,
	    .hours = trial_target(trial)->model->hours,
	    .prices = &trial_target(trial)->model->price};
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

int64_t trial_width(const struct runner_probe *probe)
{
	int64_t concurrency = probe->planned->target->provider->limits.concurrency;
	size_t most = 1;

	for (size_t i = 0; i < probe->planned->asks->step_count; i++)
		most = probe->planned->asks->steps[i].copies > most
		           ? probe->planned->asks->steps[i].copies
		           : most;
	return int64_min((int64_t)most, int64_max(concurrency, 1));
}

void trial_start(struct runner *runner, struct runner_probe *probe)
{
	struct runner_trial *trial = memory_new(sizeof(*trial));
	struct open_trial open;
	size_t next = 0;

	trial->runner = runner;
	trial->probe = probe;
	trial->control = runner_probe_is_controlled(runner, probe);
	trial->mends = runner_probe_mends(runner, probe);
	trial->reserved = budget_next(runner, probe);
	trial->provider = runner_provider_of(runner, probe->planned->target->provider);
	trial->began_ms = loop_now_ms(runner->loop);
	/* Behind the others: those that the disk frees together end in the order of asking. */
	trial->link = runner->trials_end;
	*trial->link = trial;
	runner->trials_end = &trial->next;
	runner->in_flight++;
	trial->width = trial_width(probe);
	trial->provider->in_flight += trial->width;
	choose_wanting(trial);
	open = trial->control || trial->mends != 0 ? (struct open_trial){0} : probe->open;
	if (!trial->control)
		probe->open = (struct open_trial){0};
	set_number(trial, open.trial > 0 ? open.trial : probe->trials + 1);
	if (open.trial > 0 && !read_answers(trial, &open, &next)) {
		set_number(trial, probe->trials + 1);
		open.trial = 0;
		next = 0;
	}
	probe->trials = int64_max(probe->trials, trial->number);
	/* What was asked before may have to be asked anew: then more than thought. */
	if (!trial->control)
		trial->reserved = budget_bound(probe->planned, &open);
	runner_budget_reserve(runner, trial->reserved);
	begin_group(trial, next);
}

static void give_job_back(struct runner_trial *trial)
{
	trial->provider->in_flight -= trial->width;
	trial->runner->in_flight--;
	trial->runner->trials_done++;
	trial->runner->trials_ms += loop_now_ms(trial->runner->loop) - trial->began_ms;
}

static void trial_end(struct runner_trial *trial)
{
	struct runner *runner = trial->runner;
	struct runner_probe *probe = trial->probe;

	runner_budget_release(runner, trial->reserved);
	if (trial->waiting)
		runner->waiting--;
	else
		give_job_back(trial);
	*trial->link = trial->next;
	if (trial->next != NULL)
		trial->next->link = trial->link;
	else
		runner->trials_end = trial->link;
	if (trial->stop_reason.data != NULL && runner->end != RUNNER_FAILED)
		runner_stop_provider(runner, trial->provider, trial->stop_reason);
	grading_done(&trial->gradings);
	arena_done(&trial->arena);
	memory_free(trial);
	runner_take_back(runner, probe);
}

/* What is answered is paid or not; nothing more can come of it. */
void trial_release_answered(struct runner_trial *trial)
{
	if (trial->over) {
		runner_budget_release(trial->runner, trial->reserved);
		trial->reserved = 0;
	}
	for (size_t i = trial->first; i < trial->end && !trial->control; i++) {
		struct trial_ask *ask = &trial->asks[i];
		if (!ask->answered || ask->released)
			continue;
		ask->released = true;
		int64_t bound =
		    int64_min(plan_step_bound(trial_target(trial), trial_case(trial), i, NULL),
		              trial->reserved);
		runner_budget_release(trial->runner, bound);
		trial->reserved -= bound;
	}
}

/* Nothing of it is in flight, and nothing will be. */
static void await_disk(struct runner_trial *trial)
{
	struct runner *runner = trial->runner;

	if (trial->uncounted == 0 || runner->end == RUNNER_FAILED) {
		trial_end(trial);
	} else if (!trial->plain) {
		runner->held++;
	} else if (!trial->waiting) {
		give_job_back(trial);
		trial->waiting = true;
		runner->waiting++;
	}
}

void trial_turn(struct runner_trial *trial)
{
	struct runner *runner = trial->runner;
	bool stops = trial->cancelled || runner->stopping || trial->provider->stopped;
	bool written = trial->written;

	trial->written = false;
	if (trial->grading != TRIAL_UNGRADED)
		return;
	if (trial->calls > 0) {
		/* Another attempt follows: its bound is reserved, with the last one's charge. */
		if (written && !budget_allows(runner, 0)) {
			runner_halt(runner, RUNNER_CAP);
			trial_cancel(trial);
		} else if (!stops) {
			ask_group(trial);
		}
	} else if (trial->over || stops) {
		await_disk(trial);
	} else if (trial_group_has_ended(trial)) {
		begin_group(trial, trial->end);
	} else {
		ask_group(trial);
	}
}

void trial_cancel(struct runner_trial *trial)
{
	trial->cancelled = true;
	grading_stop(&trial->gradings);
	for (size_t i = trial->first; i < trial->end; i++)
		if (trial->asks[i].call != NULL)
			call_cancel(trial->asks[i].call);
}
