/*
 * Building a matrix from attempts, one at a time; see matrix.h. The file:
 * matrix_file.c; what people are shown first: matrix_summary.c.
 */
#include "harness/run/matrix/matrix.h"

#include "cases/suite.h"
#include "harness/run/matrix/cell_index.h"
#include "harness/run/runner/plan.h"
#include "harness/run/stats.h"

#include <math.h>
#include <stdlib.h>

enum {
	EVIDENCE_ID_BYTES = 48,
	SERVED_BY_MAX_BYTES = 400, /* of all names; further ones are not kept */
};

/* Microseconds; the kept ones are a fair sample of all seen (R, Vitter 1985). */
struct samples {
	uint32_t *kept; /* owned */
	size_t count, room;
	uint64_t seen;
};

/* A cell while it is counted. Texts: the builder's arena, or longer. */
struct counted_cell {
	struct matrix_cell cell;
	const struct eval_case *eval_case;
	struct text skip;
	bool asked;                   /* some line is about it */
	bool owned;                   /* some line holds its tokens and cost */
	struct text control_evidence; /* of its controls: "CH-03 000001:12, ..." */
	struct text bad_detail, bad_evidence, void_detail, void_evidence, ok_fates;
	char ok_evidence[EVIDENCE_ID_BYTES]; /* the last one: overwritten, not allocated anew */
	struct samples ttft, latency;
	struct mend_tally mends;
	struct availability availability; /* of the attempts on its lines */
	int64_t speed_tokens, speed_us;
	int64_t uncarried; /* trials that nobody but us refused */
	int64_t score_ppm; /* the sum over all judged trials */
};

struct matrix_builder {
	const struct suite *suite;
	struct journal_head head;
	const struct plan *plan;    /* NULL: judged again, by the rules that the head names */
	struct counted_cell *cells; /* owned */
	size_t count, room;
	struct cell_index index;
	struct arena arena;
	uint64_t random; /* the samples': the same journal gives the same matrix */
};

/* --- samples --- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void samples_add(struct samples *samples, int64_t value_us, uint64_t *random)
{
	uint64_t at = samples->seen++;

	if (value_us < 0 || value_us > UINT32_MAX)
		value_us = UINT32_MAX; /* over an hour: as long as anything lasts here */
	if (at >= MATRIX_MAX_SAMPLES) {
		at = next_random(random) % samples->seen;
		if (at >= MATRIX_MAX_SAMPLES)
			return;
	} else if (samples->count == samples->room) {
		samples->room = samples->room == 0 ? 4 : samples->room * 2;
		samples->kept =
		    memory_resize(samples->kept, size_mul(samples->room, sizeof(*samples->kept)));
	}
	samples->kept[at] = (uint32_t)value_us;
	samples->count += at == samples->count;
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank: the smallest value that at least `percent` of all do not exceed. */
static int64_t samples_rank(const struct samples *samples, size_t percent)
{
	if (samples->count == 0)
		return -1;
	size_t rank = (samples->count * percent + 99) / 100;
	qsort(samples->kept, samples->count, sizeof(*samples->kept), compare_samples);
	return samples->kept[rank - 1];
}

/* --- cells --- */

static struct text dialect_of(const struct matrix_builder *builder, struct text target)
{
	for (size_t i = 0; i < builder->head.target_count; i++)
		if (text_equal(builder->head.targets[i].name, target))
			return builder->head.targets[i].dialect;
	return TEXT("");
}

static struct counted_cell *add_cell(struct matrix_builder *builder, struct text target,
                                     const struct eval_case *eval_case, enum case_variant variant)
{
	if (builder->count == builder->room) {
		builder->room = builder->room == 0 ? 256 : builder->room * 2;
		builder->cells =
		    memory_resize(builder->cells, size_mul(builder->room, sizeof(*builder->cells)));
	}
	struct counted_cell *fresh = &builder->cells[builder->count];
	size_t slash = text_find_byte(target, '/', 0);

	*fresh = (struct counted_cell){
	    .eval_case = eval_case,
	    .cell = {.target = text_copy(&builder->arena, target),
	             .case_id = eval_case->id,
	             .variant = variant,
	             .prompt_tokens = -1,
	             .cached_tokens = -1,
	             .completion_tokens = -1,
	             .reasoning_tokens = -1,
	             .cost_pico_usd = -1,
	             .asked_now = true},
	};
	target = fresh->cell.target;
	fresh->cell.provider = text_slice(target, 0, slash);
	fresh->cell.model =
	    slash == TEXT_NOT_FOUND ? TEXT("") : text_slice(target, slash + 1, target.len);
	cell_index_add(
	    &builder->index,
	    (struct cell_key){target, eval_case->id, text_of(case_variant_names[variant])},
	    builder->count++);
	return fresh;
}

struct matrix_builder *matrix_builder_new(const struct suite *suite, const struct plan *plan)
{
	struct matrix_builder *builder = memory_new(sizeof(*builder));

	builder->suite = suite;
	builder->plan = plan;
	builder->random = 0x9e3779b97f4a7c15u;
	for (size_t i = 0; plan != NULL && i < plan->cell_count; i++) {
		const struct plan_cell *planned = &plan->cells[i];
		struct counted_cell *fresh =
		    add_cell(builder, planned->target->name, planned->eval_case, planned->variant);
		fresh->skip = planned->skip.data == NULL
		                  ? planned->skip
		                  : text_copy(&builder->arena, planned->skip);
		fresh->cell.dialect = text_of(planned->target->provider->dialect->name);
		fresh->cell.optional = plan_is_optional(planned->eval_case, planned->target->model);
	}
	return builder;
}

void matrix_builder_head(struct matrix_builder *builder, const struct journal_head *head)
{
	journal_copy_head(head, &builder->arena, &builder->head);
}

/* The cell of a line; NULL where the suite asks something else by now. */
static struct counted_cell *find_cell(struct matrix_builder *builder,
                                      const struct journal_attempt *attempt)
{
	struct cell_key key = {attempt->target, attempt->case_id, attempt->variant};
	size_t at = cell_index_find(&builder->index, key);
	const struct eval_case *eval_case = at != SIZE_MAX
	                                        ? builder->cells[at].eval_case
	                                        : suite_find(builder->suite, attempt->case_id);

	if (eval_case == NULL || !text_is(attempt->case_hash, eval_case->hash))
		return NULL;
	if (at != SIZE_MAX)
		return &builder->cells[at];
	for (int variant = 0; variant < CASE_VARIANTS; variant++) {
		if (!text_is(attempt->variant, case_variant_names[variant]))
			continue;
		struct counted_cell *fresh =
		    add_cell(builder, attempt->target, eval_case, (enum case_variant)variant);
		fresh->cell.dialect = dialect_of(builder, attempt->target);
		fresh->cell.optional = plan_is_optional(eval_case, NULL);
		return fresh;
	}
	return NULL;
}

static void add_count(int64_t *sum, int64_t value)
{
	if (value < 0)
		return;
	if (*sum < 0)
		*sum = 0;
	*sum = value > INT64_MAX - *sum ? INT64_MAX : *sum + value;
}

/* A text that is kept once: the first one that is there. */
static void keep_first(struct matrix_builder *builder, struct text *kept, struct text seen)
{
	if (kept->data == NULL && seen.data != NULL)
		*kept = text_copy(&builder->arena, seen);
}

/* Each name once, with ", " between. */
static void keep_each(struct matrix_builder *builder, struct text *kept, struct text seen)
{
	struct text rest = *kept, name;

	if (seen.len == 0 || kept->len + seen.len > SERVED_BY_MAX_BYTES)
		return;
	while (text_next_field(&rest, ',', &name))
		if (text_equal(text_trim(name), seen))
			return;
	*kept = text_format(&builder->arena, "%.*s%s%.*s", TEXT_ARG(*kept),
	                    kept->len > 0 ? ", " : "", TEXT_ARG(seen));
}

static void count_money(struct matrix_builder *builder, struct counted_cell *counted,
                        const struct journal_attempt *attempt)
{
	struct matrix_cell *cell = &counted->cell;

	counted->owned = true;
	add_count(&cell->prompt_tokens, attempt->prompt_tokens);
	add_count(&cell->cached_tokens, attempt->cached_tokens);
	add_count(&cell->completion_tokens, attempt->completion_tokens);
	add_count(&cell->reasoning_tokens, attempt->reasoning_tokens);
	add_count(&cell->cost_pico_usd, attempt->cost_pico_usd);
	if (attempt->cost_pico_usd >= 0 && attempt->computed_cost_pico_usd >= 0 &&
	    text_is(attempt->cost_source, "reported")) {
		cell->compared = true;
		add_count(&cell->told_pico_usd, attempt->cost_pico_usd);
		add_count(&cell->computed_pico_usd, attempt->computed_cost_pico_usd);
	}
	keep_first(builder, &cell->usage_source, attempt->usage_source);
	keep_first(builder, &cell->cost_source, attempt->cost_source);
	keep_first(builder, &cell->price_version, attempt->price_version);
	if (attempt->completion_tokens > 0 && attempt->latency_us > 0) {
		add_count(&counted->speed_tokens, attempt->completion_tokens);
		add_count(&counted->speed_us, attempt->latency_us);
	}
}

/* A refusal or a broken reply is worth nothing, whatever stands in it. */
static void count_score(struct counted_cell *counted, const struct journal_attempt *attempt)
{
	enum { FULL_PPM = 1000000 };
	bool ok = attempt->outcome == OUTCOME_OK;

	if (ok || attempt->outcome == OUTCOME_MISS)
		counted->score_ppm += attempt->score_ppm >= 0
		                          ? int64_min(attempt->score_ppm, FULL_PPM)
		                      : ok ? FULL_PPM
		                           : 0;
}

static void count_trial(struct matrix_builder *builder, struct counted_cell *counted,
                        const struct journal_attempt *attempt)
{
	struct matrix_cell *cell = &counted->cell;

	journal_tally(attempt, &cell->tally);
	cell->tested_wall_ms = int64_max(cell->tested_wall_ms, attempt->at_wall_ms);
	count_score(counted, attempt);
	counted->uncarried += attempt->uncarried;
	switch (attempt->outcome) {
	case OUTCOME_OK:
		if (attempt->evidence.data != NULL && attempt->evidence.len < EVIDENCE_ID_BYTES) {
			memcpy(counted->ok_evidence, attempt->evidence.data, attempt->evidence.len);
			counted->ok_evidence[attempt->evidence.len] = '\0';
		}
		keep_first(builder, &counted->ok_fates, attempt->fates);
		break;
	case OUTCOME_MISS:
	case OUTCOME_VIOLATION:
	case OUTCOME_REFUSED:
	case OUTCOME_IGNORED:
		keep_first(builder, &counted->bad_detail, attempt->detail);
		keep_first(builder, &counted->bad_evidence, attempt->evidence);
		keep_first(builder, &cell->fates, attempt->fates);
		break;
	case OUTCOME_INFRA:
	case OUTCOME_HARNESS:
	case OUTCOME_UNRUN:
		keep_first(builder, &counted->void_detail, attempt->detail);
		keep_first(builder, &counted->void_evidence, attempt->evidence);
		break;
	case OUTCOME_COUNT:
		break;
	}
}

/* It costs what it costs, and tells of the cell only what its trials were worth. */
static void count_control(struct matrix_builder *builder, struct counted_cell *counted,
                          const struct journal_attempt *attempt)
{
	struct text *all = &counted->control_evidence;

	if (attempt->owner)
		count_money(builder, counted, attempt);
	if (!attempt->ends_trial)
		return;
	journal_tally(attempt, &counted->cell.tally);
	if (attempt->evidence.data == NULL)
		return;
	if (all->data == NULL)
		*all = text_format(&builder->arena, "%.*s, evidence %.*s",
		                   TEXT_ARG(attempt->control), TEXT_ARG(attempt->evidence));
	else
		*all = text_format(&builder->arena, "%.*s, %.*s", TEXT_ARG(*all),
		                   TEXT_ARG(attempt->evidence));
}

void matrix_builder_add(struct matrix_builder *builder, const struct journal_attempt *attempt)
{
	struct counted_cell *counted = find_cell(builder, attempt);

	if (counted == NULL)
		return;
	if (attempt->skipped) {
		keep_first(builder, &counted->skip, attempt->detail);
		return;
	}
	counted->asked = true;
	availability_count(&counted->availability, attempt);
	if (attempt->control.data != NULL) {
		count_control(builder, counted, attempt);
		return;
	}
	if (attempt->ends_trial)
		journal_mend(attempt, &counted->mends);
	/* Asked in another way: of the cell itself it tells what it cost. */
	if (attempt->mended.data != NULL) {
		if (attempt->owner)
			count_money(builder, counted, attempt);
		return;
	}
	keep_first(builder, &counted->cell.reported_model, attempt->reported_model);
	keep_each(builder, &counted->cell.served_by, attempt->served_by);
	/* A line without an end is about no attempt, but about a trial that got no further one. */
	if (attempt->attempt > 1 && attempt->end.data != NULL)
		counted->cell.retries++;
	if (attempt->owner)
		count_money(builder, counted, attempt);
	if (attempt->ttft_us >= 0)
		samples_add(&counted->ttft, attempt->ttft_us, &builder->random);
	/* How soon an error came says nothing of how soon an answer does. */
	if (attempt->latency_us >= 0 && attempt->status >= 200 && attempt->status < 300)
		samples_add(&counted->latency, attempt->latency_us, &builder->random);
	if (attempt->ends_trial)
		count_trial(builder, counted, attempt);
}

static bool visit_head(void *context, const struct journal_head *head, struct fault *fault UNUSED)
{
	matrix_builder_head(context, head);
	return true;
}

static bool visit_attempt(void *context, const struct journal_attempt *attempt,
                          struct fault *fault UNUSED)
{
	matrix_builder_add(context, attempt);
	return true;
}

struct journal_visitor matrix_builder_visitor(struct matrix_builder *builder)
{
	return (struct journal_visitor){visit_head, visit_attempt, builder};
}

/* --- the end --- */

/* What a cell whose trials all broke off says of its controls. */
static void tell_controls(const struct counted_cell *counted, bool broken, struct arena *arena,
                          struct matrix_cell *out)
{
	out->evidence = counted->void_evidence;
	out->first_error = counted->void_detail;
	if (broken)
		out->first_error = text_format(
		    arena, "breaks the server: %.*s; plain requests beside it are answered (%.*s)",
		    TEXT_ARG(counted->void_detail), TEXT_ARG(counted->control_evidence));
	else if (out->tally.controls_bad > 0)
		out->first_error = text_format(
		    arena, "%.*s; a plain request beside it fails, too (%.*s)",
		    TEXT_ARG(counted->void_detail),
		    TEXT_ARG(counted->control_evidence.data == NULL ? TEXT("unanswered")
		                                                    : counted->control_evidence));
}

static void decide(const struct counted_cell *counted, const struct verdict_rules *rules,
                   struct arena *arena, struct matrix_cell *out)
{
	bool broken = tally_settle(&out->tally);
	const struct eval_case *eval_case = counted->eval_case;
	int64_t ok = out->tally.of[OUTCOME_OK];
	int64_t judged = tally_judged(&out->tally);
	bool bad = judged > ok;

	out->verdict = broken ? VERDICT_FAIL : verdict_decide(rules, eval_case, &out->tally);
	out->rate = judged == 0 ? (double)NAN : (double)ok / (double)judged;
	out->rate_low = out->rate_high = (double)NAN;
	if (judged > 0)
		stats_wilson_interval(ok, judged, &out->rate_low, &out->rate_high);
	if (broken || (out->tally.controls_bad > 0 && judged == 0)) {
		tell_controls(counted, broken, arena, out);
		return;
	}
	if (bad) {
		out->first_error = counted->bad_detail;
		out->evidence = counted->bad_evidence;
		return;
	}
	out->fates = counted->ok_fates;
	out->first_error = counted->void_detail;
	out->evidence = ok > 0 ? text_of(counted->ok_evidence) : counted->void_evidence;
	if (out->verdict == VERDICT_SKIPPED && counted->skip.data != NULL)
		out->first_error = counted->skip;
	else if (out->verdict == VERDICT_SKIPPED)
		out->first_error = counted->asked ? TEXT("the run ended before this was decided")
		                                  : TEXT("the run ended before this was asked");
}

static void decide_repaired(const struct counted_cell *counted, const struct verdict_rules *rules,
                            struct matrix_cell *out)
{
	const struct tally *tally = journal_mended(&counted->mends, &out->repairs);

	if (out->verdict == VERDICT_PASS || tally == NULL) {
		out->repairs = 0;
		return;
	}
	out->repaired = *tally;
	out->repaired_verdict = verdict_decide(rules, counted->eval_case, tally);
}

/* An empty text becomes none: both are unknown, and one way to say it is enough. */
static void copy_text(struct arena *arena, struct text *text)
{
	*text = text->len == 0 ? (struct text){NULL, 0} : text_copy(arena, *text);
}

static void copy_texts(struct arena *arena, struct matrix_cell *cell)
{
	struct text *texts[] = {
	    &cell->target,        &cell->dialect,        &cell->case_id,   &cell->capability,
	    &cell->run_id,        &cell->suite_hash,     &cell->case_hash, &cell->evidence,
	    &cell->first_error,   &cell->reported_model, &cell->fates,     &cell->usage_source,
	    &cell->price_version, &cell->cost_source,    &cell->served_by,
	};

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		copy_text(arena, texts[i]);
	cell->provider = text_slice(cell->target, 0, cell->provider.len);
	cell->model =
	    text_slice(cell->target, cell->target.len - cell->model.len, cell->target.len);
	struct text *vouches = ARENA_NEW_ARRAY(arena, struct text, cell->vouches.count);
	for (size_t i = 0; i < cell->vouches.count; i++)
		vouches[i] = text_copy(arena, cell->vouches.items[i]);
	cell->vouches.items = vouches;
}

static void finish_cell(const struct matrix_builder *builder, const struct counted_cell *counted,
                        struct arena *arena, struct matrix_cell *out)
{
	const struct eval_case *eval_case = counted->eval_case;
	struct verdict_rules rules =
	    builder->plan != NULL ? builder->plan->rules : plan_rules_of(builder->head.options);

	*out = counted->cell;
	/* What the provider's own format has no word for, nobody was promised. */
	out->optional |=
	    counted->uncarried > 0 && counted->uncarried == out->tally.of[OUTCOME_REFUSED];
	out->capability = eval_case->capability;
	out->class_ = eval_case->class_;
	out->kind = eval_case->kind;
	out->severity = eval_case->severity;
	out->vouches = eval_case->vouches;
	out->case_hash = text_of(eval_case->hash);
	out->suite_hash = text_of(builder->suite->hash);
	out->run_id = builder->head.run_id;
	if (counted->asked && !counted->owned)
		out->prompt_tokens = out->cached_tokens = out->completion_tokens =
		    out->reasoning_tokens = out->cost_pico_usd = 0;
	out->ttft_p50_us = samples_rank(&counted->ttft, 50);
	out->ttft_p90_us = samples_rank(&counted->ttft, 90);
	out->latency_p50_us = samples_rank(&counted->latency, 50);
	out->latency_p90_us = samples_rank(&counted->latency, 90);
	out->tokens_per_second = counted->speed_us == 0 ? (double)NAN
	                                                : (double)counted->speed_tokens * 1e6 /
	                                                      (double)counted->speed_us;
	decide(counted, &rules, arena, out);
	decide_repaired(counted, &rules, out);
	int64_t judged = tally_judged(&out->tally);
	out->quality = out->kind == CASE_KIND_NONE || judged == 0
	                   ? (double)NAN
	                   : round((double)counted->score_ppm / (double)judged) / 1e6;
	copy_texts(arena, out);
}

/*
 * The sum over the cells of each target. Where a feature breaks the server, what its attempts
 * brought was judged: it is the feature's fault and no infrastructure.
 */
static void finish_availability(const struct matrix_builder *builder, struct arena *arena,
                                struct matrix *out)
{
	out->availability = ARENA_NEW_ARRAY(arena, struct availability, builder->count + 1);
	for (size_t i = 0; i < builder->count; i++) {
		const struct counted_cell *counted = &builder->cells[i];
		struct availability counts = counted->availability;
		struct tally tally = counted->cell.tally;
		size_t at = 0;
		if (tally_settle(&tally))
			counts = (struct availability){.answered = availability_attempts(&counts)};
		if (availability_attempts(&counts) == 0)
			continue;
		while (at < out->availability_count &&
		       !text_equal(out->availability[at].target, counted->cell.target))
			at++;
		if (at == out->availability_count)
			out->availability[out->availability_count++] =
			    (struct availability){.target = text_copy(arena, counted->cell.target),
			                          .run_id = out->runs.items[0]};
		availability_add(&out->availability[at], &counts);
	}
	matrix_sort_availability(out);
}

void matrix_builder_finish(const struct matrix_builder *builder, struct arena *arena,
                           struct matrix *out)
{
	*out = (struct matrix){
	    .suite_hash = text_copy(arena, text_of(builder->suite->hash)),
	    .suite_cases = (int64_t)builder->suite->count,
	    .runs = {ARENA_NEW(arena, struct text), 1},
	    .cells = ARENA_NEW_ARRAY(arena, struct matrix_cell, builder->count),
	    .count = builder->count,
	};
	out->runs.items[0] = text_copy(arena, builder->head.run_id);
	for (size_t i = 0; i < builder->count; i++)
		finish_cell(builder, &builder->cells[i], arena, &out->cells[i]);
	finish_availability(builder, arena, out);
	matrix_sort(out);
}

void matrix_builder_free(struct matrix_builder *builder)
{
	if (builder == NULL)
		return;
	for (size_t i = 0; i < builder->count; i++) {
		memory_free(builder->cells[i].ttft.kept);
		memory_free(builder->cells[i].latency.kept);
	}
	memory_free(builder->cells);
	cell_index_done(&builder->index);
	arena_done(&builder->arena);
	memory_free(builder);
}

bool matrix_build(const char *journal_path, const struct suite *suite, const struct plan *plan,
                  struct arena *arena, struct matrix *out, struct fault *fault)
{
	struct matrix_builder *builder = matrix_builder_new(suite, plan);
	struct journal_visitor visitor = matrix_builder_visitor(builder);
	bool good = journal_scan(journal_path, &visitor, NULL, fault);

	if (good)
		matrix_builder_finish(builder, arena, out);
	matrix_builder_free(builder);
	return good;
}
