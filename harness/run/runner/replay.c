/*
 * Judging a recorded run again, line by line: the journal says which evidence belongs to which
 * trial, the evidence is read as it came, and the present suite judges. Who judges which line:
 * replay_run.c.
 */
#include "harness/run/runner/replay_private.h"

#include "providers/wire/recording.h"

/* --- cells --- */

static const struct journal_target *find_target(const struct replay *replay, struct text name)
{
	for (size_t i = 0; i < replay->head->target_count; i++)
		if (text_equal(replay->head->targets[i].name, name))
			return &replay->head->targets[i];
	return NULL;
}

/* NULL where today's suite has no such cell. */
static struct replay_cell *find_cell(struct replay *replay, const struct journal_attempt *line)
{
	struct cell_key key = {line->target, line->case_id, line->variant};
	size_t at = cell_index_find(&replay->index, key);
	int variant = 0;

	if (at != SIZE_MAX)
		return &replay->cells[at];
	const struct eval_case *eval_case = suite_find(replay->suite, line->case_id);
	const struct journal_target *target = find_target(replay, line->target);
	while (variant < CASE_VARIANTS && !text_is(line->variant, case_variant_names[variant]))
		variant++;
	if (eval_case == NULL || target == NULL || variant == CASE_VARIANTS ||
	    !eval_case->variants[variant])
		return NULL;
	if (replay->count == replay->room) {
		replay->room = replay->room == 0 ? 256 : replay->room * 2;
		replay->cells =
		    memory_resize(replay->cells, size_mul(replay->room, sizeof(*replay->cells)));
	}
	replay->cells[replay->count] = (struct replay_cell){
	    .eval_case = eval_case, .variant = (enum case_variant)variant, .target = target};
	key = (struct cell_key){target->name, eval_case->id, text_of(case_variant_names[variant])};
	cell_index_add(&replay->index, key, replay->count);
	return &replay->cells[replay->count++];
}

/* --- evidence --- */

static struct text id_text(const struct evidence_id *id)
{
	return (struct text){id->bytes, id->len};
}

/* A request as it was sent must be what the suite would send now; else another was answered. */
static bool same_question(const struct chain *chain, const struct question *question,
                          const struct exchange *exchange, struct arena *arena)
{
	struct provider_model model = {.name = chain->values.model,
	                               .max_output = chain->target->max_output};
	struct provider provider = {
	    .name = TEXT("replay"),
	    .models = &model,
	    .model_count = 1,
	    .dialect = dialect_from_name(chain->target->dialect),
	    .base_url = TEXT("http://replay.invalid/v1"),
	};
	struct wire_request wire;
	struct fault fault;

	return provider.dialect != NULL &&
	       provider.dialect->encode(&provider, &question->request, arena, &wire, &fault) &&
	       provider_encoded_from(exchange->request_body, wire.body);
}

/* As the provider calls it: what stands behind the slash. */
static struct text model_of(struct text target)
{
	return text_slice(target, text_find_byte(target, '/', 0) + 1, target.len);
}

static bool read_step(const struct replay *replay, struct chain *chain,
                      const struct evidence_id *id)
{
	const struct case_step *step = &chain->asks->steps[chain->count];
	struct exchange *exchange = ARENA_NEW(&chain->arena, struct exchange);
	struct recording_label label;
	size_t first, end;
	repair_bits applied;
	struct fault fault;

	if (!question_build(step, chain->variant, chain->values.model, &chain->values,
	                    &chain->arena, &chain->question, &fault))
		return false;
	if (chain->mends != 0)
		mend_question(chain->mends, &chain->question, &chain->arena, &applied);
	if (!recording_read(replay->evidence_folder, id_text(id), &chain->arena, &label, exchange,
	                    &fault) ||
	    !same_question(chain, &chain->question, exchange, &chain->arena))
		return false;
	const struct exchange *judged = exchange;
	const struct chat_reply *reply =
	    judge_read(&judged, dialect_from_name(chain->target->dialect), &chain->question.request,
	               &chain->arena);
	chain->steps[chain->count] =
	    (struct judged_step){judged, reply, chain->question.body, NULL};
	chain->values.steps[chain->count++] = reply;
	/* Copies know of nothing that was asked together with them. */
	case_group(chain->asks, chain->count - 1, &first, &end);
	if (chain->count == end)
		chain->values.step_count = end;
	return true;
}

static bool is_loaded(const struct chain *chain, const struct eval_case *asks,
                      const struct replay_cell *cell)
{
	return chain->asks == asks && chain->variant == cell->variant &&
	       chain->target == cell->target && chain->trial == cell->trial &&
	       text_equal(id_text(&chain->last), id_text(&cell->evidence[cell->steps - 1]));
}

/* False where the evidence does not cover the cell's trial so far. */
static bool load_chain(struct replay *replay, const struct replay_cell *cell, repair_bits mends)
{
	struct chain *chain = &replay->chain;
	const struct eval_case *asks = &replay->suite->cases[cell->eval_case->probe];

	if (is_loaded(chain, asks, cell))
		return chain->good;
	struct arena arena = chain->arena;
	arena_reset(&arena);
	*chain = (struct chain){
	    .asks = asks,
	    .variant = cell->variant,
	    .target = cell->target,
	    .trial = cell->trial,
	    .last = cell->evidence[cell->steps - 1],
	    .good = cell->steps <= asks->step_count,
	    .mends = mends,
	    .values = {.model = model_of(cell->target->name),
	               .context_tokens = cell->target->context,
	               .aliases = cell->target->aliases,
	               .reference_tokens = cell->target->reference_tokens,
	               .identity = cell->target->identity,
	               .hours = cell->target->hours,
	               .prices = cell->target->prices},
	    .arena = arena,
	};
	template_nonces(&chain->values, replay->head->seed, cell->target->name, asks->id,
	                cell->trial, &chain->arena);
	for (size_t i = 0; i < cell->steps && chain->good; i++)
		chain->good = read_step(replay, chain, &cell->evidence[i]);
	chain->values.step_count = chain->count;
	return chain->good;
}

/* --- lines --- */

static void forget_steps(struct replay_cell *cell, size_t from)
{
	for (size_t i = from; i < CASE_MAX_STEPS; i++)
		cell->evidence[i].len = 0;
	cell->steps = size_min(cell->steps, from);
}

/* False where what came before the line's step, or its evidence, is missing. */
static bool keep_evidence(struct replay_cell *cell, const struct eval_case *asks,
                          const struct journal_attempt *line)
{
	size_t step = line->step < 0 ? SIZE_MAX : (size_t)line->step;
	size_t first, end;

	if (line->trial != cell->trial) {
		cell->trial = line->trial;
		forget_steps(cell, 0);
	}
	if (step >= asks->step_count || line->evidence.data == NULL || line->evidence.len == 0 ||
	    line->evidence.len > EVIDENCE_ID_BYTES)
		return false;
	case_group(asks, step, &first, &end);
	/* Asked once more after a resume: the later answer is the trial's. */
	forget_steps(cell, end);
	if (cell->steps < first)
		return false;
	struct evidence_id *id = &cell->evidence[step];
	memcpy(id->bytes, line->evidence.data, line->evidence.len);
	id->len = line->evidence.len;
	for (cell->steps = first; cell->steps < end && cell->evidence[cell->steps].len > 0;)
		cell->steps++;
	return true;
}

/* An answer, or an attempt in vain, at a step of a group that has not ended with it. */
static bool is_in_group(const struct eval_case *asks, const struct journal_attempt *line)
{
	return line->end.data != NULL && !line->ends_trial && line->step >= 0 &&
	       (size_t)line->step < asks->step_count && asks->steps[line->step].copies > 1;
}

/* Of a group all of which is there: what of it is judged ends the group, if not the trial. */
static bool group_is_whole(const struct replay_cell *cell, const struct eval_case *asks,
                           const struct journal_attempt *line)
{
	size_t first, end;

	case_group(asks, (size_t)line->step, &first, &end);
	return cell->steps == end;
}

/* Whether the line tells of the answer to a step, and not of an attempt in vain. */
static bool is_answer(const struct journal_attempt *line)
{
	return line->end.data != NULL && (line->ends_trial || (line->outcome != OUTCOME_INFRA &&
	                                                       line->outcome != OUTCOME_UNRUN));
}

/* A control is judged by itself, whatever the cell's question is by now. */
static void judge_control_again(struct replay *replay, const struct replay_cell *cell,
                                struct journal_attempt *line)
{
	const struct dialect *dialect = dialect_from_name(cell->target->dialect);
	const struct chat_request request = {.endpoint = ENDPOINT_CHAT, .body = TEXT("")};
	struct recording_label label;
	struct exchange exchange;
	struct fault fault;

	arena_reset(&replay->line);
	if (dialect == NULL || line->evidence.data == NULL ||
	    !recording_read(replay->evidence_folder, line->evidence, &replay->line, &label,
	                    &exchange, &fault))
		return;
	const struct exchange *judged = &exchange;
	const struct chat_reply *reply = judge_read(&judged, dialect, &request, &replay->line);
	struct judgement judgement = judge_control(judged, reply, &replay->line);
	line->outcome = judgement.outcome;
	line->detail = judgement.detail;
}

static repair_bits bits_of(struct text names)
{
	repair_bits bits = 0;
	struct text bad;

	/* The journal's reader has refused names that there are not. */
	return names.data != NULL && repair_bits_from_names(names, &bits, &bad) ? bits : 0;
}

/* As the runner judges it: a trial that was asked mended counts as it is behind all repairs. */
static void judge_mended(struct replay *replay, const struct replay_cell *cell,
                         struct judgement *judgement, struct journal_attempt *again)
{
	struct chain *chain = &replay->chain;
	const struct exchange *last = chain->steps[chain->count - 1].exchange;
	repair_bits candidates = 0;

	again->repairs = again->mendable = (struct text){NULL, 0};
	if (judgement->outcome == OUTCOME_OK)
		return;
	if (chain->mends == 0)
		candidates =
		    mend_candidates(cell->eval_case, &chain->question, last, &replay->line);
	if (candidates != 0)
		again->mendable = repair_names(candidates, &replay->line);
	/* Once for all cells of the answer. */
	if (!chain->looked) {
		chain->looked = true;
		chain->mended = mend_replies(
		    chain->asks, chain->variant, dialect_from_name(chain->target->dialect),
		    chain->steps, chain->count, &chain->values, &chain->arena);
	}
	if (chain->mended == NULL)
		return;
	struct judgement repaired =
	    judge_trial(cell->eval_case, cell->variant, chain->mended->steps, chain->count,
	                &chain->mended->values, &replay->line);
	again->repairs = repair_names(chain->mended->applied, &replay->line);
	again->repaired = repaired.outcome;
	if (chain->mends != 0)
		*judgement = repaired;
}

bool replay_line(struct replay *replay, const struct journal_attempt *line,
                 struct journal_attempt *out)
{
	struct replay_cell *cell = find_cell(replay, line);
	struct journal_attempt again = *line;

	if (cell == NULL)
		return false;
	again.case_hash = text_of(cell->eval_case->hash);
	const struct eval_case *asks = &replay->suite->cases[cell->eval_case->probe];
	if (line->control.data != NULL) {
		if (line->ends_trial)
			judge_control_again(replay, cell, &again);
	} else if (is_in_group(asks, line)) {
		/* As it was told: what counts is judged of the whole group. */
		if (!keep_evidence(cell, asks, line))
			return false;
	} else if (is_answer(line)) {
		repair_bits mends = bits_of(line->mended);
		if (!keep_evidence(cell, asks, line) || !group_is_whole(cell, asks, line) ||
		    !load_chain(replay, cell, mends))
			return false;
		const struct chain *chain = &replay->chain;
		arena_reset(&replay->line);
		struct judgement judgement =
		    judge_trial(cell->eval_case, cell->variant, chain->steps, chain->count,
		                &chain->values, &replay->line);
		judge_mended(replay, cell, &judgement, &again);
		/* Ended then, and by today's case there is more to be asked: not covered. */
		if (line->ends_trial && judgement.outcome == OUTCOME_OK &&
		    chain->count < cell->eval_case->step_count)
			return false;
		again.outcome = judgement.outcome;
		again.detail = judgement.detail;
		again.fates = judgement.fates;
		again.uncarried = judgement.uncarried;
		again.score_ppm = judgement.graded ? judgement.score_ppm : -1;
	}
	*out = again;
	return true;
}

void replay_done(struct replay *replay)
{
	memory_free(replay->cells);
	cell_index_done(&replay->index);
	arena_done(&replay->chain.arena);
	arena_done(&replay->line);
	arena_done(&replay->arena);
}
