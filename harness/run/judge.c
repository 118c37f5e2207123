/*
 * From exchanges to an outcome: infrastructure and stopped providers first, then
 * what the case expects. Pure; see judge.h.
 */
#include "harness/run/judge.h"

#include "harness/run/runner/question.h"
#include "providers/client/translate.h"

#include <math.h>

enum { DETAIL_COLUMNS = 300 };

/* --- what stops a provider --- */

/* Whether the case asks for just this status, or waits for it: its reference says so. */
static bool is_about(const struct case_step *step, int status)
{
	int64_t wanted;

	if (expect_awaits(step->expect, status))
		return true;
	return json_integer(json_member(step->reference, "error"), "status", 0, INT32_MAX,
	                    &wanted) &&
	       wanted == status;
}

struct text judge_stops_provider(const struct case_step *step, const struct exchange *exchange,
                                 const struct chat_reply *reply, struct arena *arena)
{
	int status = exchange->status;
	const char *why = NULL;
	struct text said = {NULL, 0};

	if (step->auth != AUTH_KEY || is_about(step, status) ||
	    expect_endpoint_is_missing(step->endpoint, exchange, reply))
		return said;
	if (status == 401 || status == 403)
		why = "the key is not accepted";
	else if (status == 402)
		why = "payment is required";
	else if (status == 429 && chat_reply_quota_is_spent(reply))
		why = "the quota is spent";
	if (why == NULL)
		return said;
	if (reply->error_count > 0)
		said = reply->errors[0].message;
	return text_visible(arena,
	                    text_format(arena, "%s (%d%s%.*s)", why, status,
	                                said.len == 0 ? "" : ": ", TEXT_ARG(said)),
	                    DETAIL_COLUMNS);
}

/* --- one step --- */

/* A trial while its steps are judged. */
struct trial_judge {
	const struct eval_case *eval_case;
	enum case_variant variant;
	const struct template_values *values;
	struct arena *arena;
	const struct judged_step *steps; /* all of the trial; NULL: there is only this one */
	size_t count;
	enum finding_kind gravest;
	bool left_out, other; /* some finding is that we left it out; is anything else */
	struct judgement judgement;
};

/*
 * Infrastructure is not the model. But a request that is wrong on purpose and makes the server
 * fall over (500, 501) has been answered: that is the very thing such a case asks about. What a
 * gateway or an overloaded server says (502, 503, 504, 429) is still no answer to it.
 */
static bool is_infra(const struct trial_judge *t, size_t at, const struct judged_step *asked)
{
	const struct exchange *exchange = asked->exchange;
	bool fell_over = exchange->end == EXCHANGE_COMPLETE &&
	                 (exchange->status == 500 || exchange->status == 501);

	if (t->eval_case->steps[at].measures_load ||
	    expect_endpoint_is_missing(t->eval_case->steps[at].endpoint, exchange, asked->reply))
		return false;
	/* What a case waits for is its answer. */
	if (exchange->end == EXCHANGE_COMPLETE &&
	    expect_awaits(t->eval_case->steps[at].expect, exchange->status))
		return false;
	/* A stream that the connection broke off: theirs or the net's, which a control tells apart.
	 */
	if (exchange->end == EXCHANGE_CUT && exchange->status == 200 &&
	    question_streams(&t->eval_case->steps[at], t->variant))
		return true;
	return exchange_is_infra(exchange) && !(t->eval_case->class_ == CASE_NEGATIVE && fell_over);
}

static struct text infra_detail(const struct exchange *exchange, const struct chat_reply *reply,
                                struct arena *arena)
{
	struct text said = exchange->end_detail;

	if (exchange->end == EXCHANGE_COMPLETE)
		said = reply->error_count > 0 ? reply->errors[0].message : (struct text){NULL, 0};
	if (exchange->status != 0 && exchange->end == EXCHANGE_COMPLETE)
		return text_format(arena, "status %d%s%.*s", exchange->status,
		                   said.len == 0 ? "" : ": ", TEXT_ARG(said));
	return text_format(arena, "%s%s%.*s", exchange_end_name(exchange->end),
	                   said.len == 0 ? "" : ": ", TEXT_ARG(said));
}

struct judgement judge_control(const struct exchange *exchange, const struct chat_reply *reply,
                               struct arena *arena)
{
	struct text said;

	if (exchange->end == EXCHANGE_COMPLETE && exchange->status >= 200 && exchange->status < 300)
		return (struct judgement){.outcome = OUTCOME_OK};
	said = text_visible(arena, infra_detail(exchange, reply, arena), DETAIL_COLUMNS);
	if (exchange->end == EXCHANGE_CANCELLED)
		return (struct judgement){.outcome = OUTCOME_UNRUN, .detail = TEXT("cancelled")};
	return (struct judgement){.outcome = exchange_is_infra(exchange) ? OUTCOME_INFRA
	                                                                 : OUTCOME_VIOLATION,
	                          .detail = said};
}

static enum outcome outcome_of(enum finding_kind kind)
{
	switch (kind) {
	case FINDING_NONE:
		return OUTCOME_OK;
	case FINDING_IGNORED:
		return OUTCOME_IGNORED;
	case FINDING_REFUSED:
		return OUTCOME_REFUSED;
	case FINDING_MISS:
		return OUTCOME_MISS;
	case FINDING_VIOLATION:
		return OUTCOME_VIOLATION;
	case FINDING_HARNESS:
		break;
	}
	return OUTCOME_HARNESS;
}

/* "step 2: ..." where there are several. */
static struct text at_step(const struct trial_judge *t, size_t step, struct text detail)
{
	if (t->eval_case->step_count > 1)
		detail = text_format(t->arena, "step %zu: %.*s", step + 1, TEXT_ARG(detail));
	return text_visible(t->arena, detail, DETAIL_COLUMNS);
}

static void add_fates(struct trial_judge *t, struct text fates)
{
	struct text *all = &t->judgement.fates;

	if (fates.len == 0)
		return;
	*all = all->len == 0 ? text_copy(t->arena, fates)
	                     : text_format(t->arena, "%.*s, %.*s", TEXT_ARG(*all), TEXT_ARG(fates));
}

/* To the steps from `first` up to `end`. */
static const struct observed_copy *answers(const struct trial_judge *t, size_t first, size_t end)
{
	struct observed_copy *answers =
	    ARENA_NEW_ARRAY(t->arena, struct observed_copy, end - first);

	for (size_t i = first; i < end; i++)
		answers[i - first] =
		    (struct observed_copy){t->steps[i].exchange, t->steps[i].reply};
	return answers;
}

/* What was asked together with the step, and its own nonces. */
static void observe_group(const struct trial_judge *t, size_t at, struct observation *seen)
{
	const struct case_step *step = &t->eval_case->steps[at];
	struct template_values *own = ARENA_NEW(t->arena, struct template_values);
	size_t first, end;

	case_group(t->eval_case, at, &first, &end);
	if (step->copies < 2)
		return;
	template_copy_values(t->values, step->copy, t->arena, own);
	seen->values = own;
	seen->first_values = t->values;
	seen->copy = step->copy;
	seen->copy_count = step->copies;
	if (t->steps != NULL && t->count >= end)
		seen->copies = answers(t, first, end);
}

static void add_score(struct trial_judge *t, const struct findings *findings)
{
	int64_t score_ppm = llround(findings->score * 1e6);

	if (!findings->graded || findings->gravest == FINDING_HARNESS)
		return;
	t->judgement.score_ppm =
	    t->judgement.graded ? int64_min(t->judgement.score_ppm, score_ppm) : score_ppm;
	t->judgement.graded = true;
}

static void judge_expectations(struct trial_judge *t, size_t at, const struct judged_step *asked)
{
	const struct case_step *step = &t->eval_case->steps[at];
	struct observation observation = {
	    .exchange = asked->exchange,
	    .reply = asked->reply,
	    .request = asked->request,
	    .reference = step->reference,
	    .values = t->values,
	    .grading = asked->grading,
	    .endpoint = step->endpoint,
	    .wire = &step->wire,
	    .streamed = question_streams(step, t->variant),
	    .features = &t->eval_case->vouches,
	};
	struct findings findings = {0};

	observe_group(t, at, &observation);
	if (t->steps != NULL && at > 0) {
		observation.earlier = answers(t, 0, at);
		observation.earlier_count = at;
	}
	expect_check(step->expect, &observation, t->arena, &findings);
	if (asked->exchange->status < 400)
		expect_check_left_out(&observation, t->arena, &findings);
	t->other |= findings.count + findings.dropped > findings.left_out;
	t->left_out |= findings.left_out > 0;
	t->judgement.uncarried = t->left_out && !t->other;
	add_fates(t, findings.fates);
	add_score(t, &findings);
	if (findings.gravest <= t->gravest)
		return;
	t->gravest = findings.gravest;
	t->judgement.outcome = outcome_of(findings.gravest);
	for (size_t i = 0; i < findings.count; i++) {
		if (findings.items[i].kind != findings.gravest)
			continue;
		t->judgement.detail = at_step(t, at, findings.items[i].text);
		return;
	}
	t->judgement.detail = at_step(t, at, TEXT("a finding beyond those that are kept"));
}

/* False where nothing further of the trial counts. */
static bool judge_step(struct trial_judge *t, size_t at, const struct judged_step *asked)
{
	const struct exchange *exchange = asked->exchange;
	struct text stop =
	    judge_stops_provider(&t->eval_case->steps[at], exchange, asked->reply, t->arena);
	struct judgement *out = &t->judgement;

	if (stop.data != NULL) {
		*out = (struct judgement){.outcome = OUTCOME_UNRUN, .detail = stop};
	} else if (exchange->end == EXCHANGE_CANCELLED) {
		*out = (struct judgement){.outcome = OUTCOME_UNRUN, .detail = TEXT("cancelled")};
	} else if (is_infra(t, at, asked)) {
		struct text detail = infra_detail(exchange, asked->reply, t->arena);
		*out =
		    (struct judgement){.outcome = OUTCOME_INFRA, .detail = at_step(t, at, detail)};
	} else {
		judge_expectations(t, at, asked);
		return true;
	}
	return false;
}

/* Nothing is wrong with what was asked, but the answers left nothing to go on with. */
static void judge_unasked(struct trial_judge *t, size_t at)
{
	struct question question;
	struct fault fault;

	if (t->gravest != FINDING_NONE || at >= t->eval_case->step_count)
		return;
	if (question_build(&t->eval_case->steps[at], t->variant, TEXT("model"), t->values, t->arena,
	                   &question, &fault))
		return; /* it can be asked: the trial goes on */
	t->judgement.outcome = OUTCOME_MISS;
	t->judgement.detail =
	    at_step(t, at, text_format(t->arena, "can't be asked: %s", fault.message));
}

struct judgement judge_step_alone(const struct eval_case *eval_case, enum case_variant variant,
                                  size_t step, const struct judged_step *asked,
                                  const struct template_values *values, struct arena *arena)
{
	struct trial_judge t = {.eval_case = eval_case,
	                        .variant = variant,
	                        .values = values,
	                        .arena = arena,
	                        .judgement = {.outcome = OUTCOME_OK}};

	(void)!judge_step(&t, step, asked);
	return t.judgement;
}

struct judgement judge_trial(const struct eval_case *eval_case, enum case_variant variant,
                             const struct judged_step *steps, size_t count,
                             const struct template_values *values, struct arena *arena)
{
	struct trial_judge t = {.eval_case = eval_case,
	                        .variant = variant,
	                        .values = values,
	                        .arena = arena,
	                        .steps = steps,
	                        .count = count,
	                        .judgement = {.outcome = OUTCOME_OK}};

	if (count == 0)
		return (struct judgement){.outcome = OUTCOME_HARNESS,
		                          .detail = TEXT("nothing was asked")};
	for (size_t i = 0; i < count && i < eval_case->step_count; i++)
		if (!judge_step(&t, i, &steps[i]))
			return t.judgement;
	judge_unasked(&t, count);
	return t.judgement;
}

const struct chat_reply *judge_reread(const struct exchange *exchange,
                                      const struct dialect *dialect,
                                      const struct chat_request *request, struct arena *arena)
{
	struct reply_context context = {
	    .dialect = dialect,
	    .request = request,
	    .status = exchange->status,
	    .content_type = exchange_header(exchange, "content-type"),
	    .error_type = exchange_header(exchange, "x-amzn-errortype"),
	};
	struct reply_reader *reader = reply_reader_new(&context, arena);
	size_t from = 0;

	for (size_t i = 0; i < exchange->chunk_count; i++) {
		size_t end = size_min(exchange->chunks[i].end, exchange->body.len);
		if (end <= from)
			continue;
		reply_reader_feed(reader, text_slice(exchange->body, from, end),
		                  exchange->chunks[i].at_us);
		from = end;
	}
	/* Bytes that no chunk tells of: a record from elsewhere, still an answer. */
	if (from < exchange->body.len)
		reply_reader_feed(reader, text_slice(exchange->body, from, exchange->body.len),
		                  int64_max(exchange->end_us, 0));
	const struct chat_reply *reply =
	    reply_reader_end(reader, exchange->end != EXCHANGE_COMPLETE);
	reply_reader_done(reader);
	return reply;
}

const struct chat_reply *judge_read(const struct exchange **exchange, const struct dialect *dialect,
                                    const struct chat_request *request, struct arena *arena)
{
	*exchange = translate_exchange(*exchange, dialect, request, arena);
	return judge_reread(*exchange, &dialect_openai, request, arena);
}
