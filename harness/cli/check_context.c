/* The context window of models that no file describes, learned from GET /models. */
#include "harness/cli/check.h"

#include "harness/base/log.h"
#include "providers/wire/call.h"

/* Members in which servers say it: OpenRouter, Groq, vLLM and SGLang, LM Studio, Mistral, Together.
 */
static const char *const context_members[] = {
    "context_length", "context_window",     "max_model_len",    "max_context_length",
    "context_size",   "max_context_window", "max_input_tokens",
};

enum {
	LEAST_CONTEXT = 256,
	LARGEST_CONTEXT = 100000000,
	MODELS_MAX_BYTES = 16 << 20, /* an aggregator lists hundreds of models */
	MODELS_DEADLINE_MS = 20000,
};

struct inquiry {
	struct loop *loop;
	struct text model;
	int64_t context; /* -1: not said */
};

static bool read_context(const struct json *entry, int64_t *out)
{
	for (size_t i = 0; i < ARRAY_LENGTH(context_members); i++)
		if (json_integer(entry, context_members[i], LEAST_CONTEXT, LARGEST_CONTEXT, out))
			return true;
	/* llama.cpp: the size it was started with, then that of training. */
	const struct json *meta = json_member(entry, "meta");
	return json_integer(meta, "n_ctx", LEAST_CONTEXT, LARGEST_CONTEXT, out) ||
	       json_integer(meta, "n_ctx_train", LEAST_CONTEXT, LARGEST_CONTEXT, out);
}

static void on_attempt(void *context, const struct call_attempt *attempt)
{
	struct inquiry *inquiry = context;
	const struct json *body = attempt->reply->body;
	const struct json *list = json_is(body, JSON_ARRAY) ? body : json_member(body, "data");

	JSON_EACH(entry, list)
	{
		if (text_equal(json_string(entry, "id"), inquiry->model) &&
		    read_context(entry, &inquiry->context))
			return;
	}
}

static void on_end(void *context, const struct call_attempt *last, const struct fault *fault)
{
	struct inquiry *inquiry = context;

	(void)last;
	if (fault != NULL)
		log_warn("check.models", "asking for the model list failed: %s", fault->message);
	loop_stop(inquiry->loop);
}

static bool ask_models(struct caller *caller, struct loop *loop, struct target *target,
                       int64_t *context)
{
	struct inquiry inquiry = {.loop = loop, .model = target->model->name, .context = -1};
	struct chat_request request = {.endpoint = ENDPOINT_MODELS};
	struct call_options options = {
	    .target = target,
	    .request = &request,
	    .max_attempts = 1,
	    .deadline_ms = MODELS_DEADLINE_MS,
	    .body_max_bytes = MODELS_MAX_BYTES,
	};
	struct call_events events = {.attempt = on_attempt, .end = on_end, .context = &inquiry};

	REQUIRE(call_start(caller, &options, &events) != NULL);
	loop_run(loop);
	*context = inquiry.context;
	return inquiry.context >= 0;
}

static bool is_needed(const struct check_session *session, const struct target *target)
{
	if (target->model->context >= 0)
		return false;
	for (size_t i = 0; i < session->plan.cell_count; i++)
		if (session->plan.cells[i].target == target &&
		    (session->plan.cells[i].eval_case->needs & CASE_NEEDS_CONTEXT) != 0)
			return true;
	return false;
}

/* What a run that is resumed found out then. */
static void set_context(struct check_session *session, struct target *target, int64_t context)
{
	struct provider_model *model = ARENA_NEW(session->arena, struct provider_model);

	*model = *target->model;
	model->context = context;
	target->model = model;
}

static bool remembered_context(const struct check_session *session, const struct target *target,
                               int64_t *context)
{
	for (size_t i = 0; i < session->head.target_count; i++) {
		const struct journal_target *then = &session->head.targets[i];
		if (text_equal(then->name, target->name) && then->context >= 0) {
			*context = then->context;
			return true;
		}
	}
	return false;
}

bool check_discover_context(struct check_session *session, struct loop *loop, struct fault *fault)
{
	struct caller *caller = NULL;
	bool found = false;

	for (size_t i = 0; i < session->target_count; i++) {
		struct target *target = &session->targets[i];
		int64_t context;
		if (!is_needed(session, target))
			continue;
		if (caller == NULL && !session->resuming && !caller_new(loop, &caller, fault))
			return false;
		if (session->resuming ? remembered_context(session, target, &context)
		                      : ask_models(caller, loop, target, &context)) {
			set_context(session, target, context);
			found = true;
		}
	}
	if (caller != NULL)
		caller_free(caller);
	/* Cases that were skipped for want of it can be asked now. */
	return !found || check_plan(session, fault);
}

#define IDENTITY_CASE "CO-05.record"
#define HOURS_CASE "CO-06"

/* What that case told; by other questions than today's, it can't be compared. */
static struct text recorded(const struct check_session *session, const struct matrix *matrix,
                            const struct target *target, const char *id, enum case_variant variant)
{
	const struct eval_case *asks = suite_find(&session->suite, text_of(id));
	const struct matrix_cell *cell = matrix_find(matrix, target->name, text_of(id), variant);
	struct text unknown = {NULL, 0};

	return asks == NULL || cell == NULL || !text_is(cell->case_hash, asks->hash) ||
	               cell->fates.len == 0
	           ? unknown
	           : cell->fates;
}

static const struct journal_target *remembered(const struct check_session *session,
                                               const struct target *target)
{
	for (size_t i = 0; i < session->head.target_count; i++)
		if (text_equal(session->head.targets[i].name, target->name))
			return &session->head.targets[i];
	return NULL;
}

/* A resumed run goes on with what it began with. */
static void recall(const struct check_session *session, const struct matrix *matrix,
                   const struct target *target, struct text *identity, struct text *hours)
{
	const struct journal_target *then = remembered(session, target);

	if (!session->resuming) {
		*identity = recorded(session, matrix, target, IDENTITY_CASE, CASE_SYNC);
		*hours = recorded(session, matrix, target, HOURS_CASE, CASE_STREAM);
	} else if (then != NULL) {
		*identity = then->identity;
		*hours = then->hours;
	}
}

/*
 * A run that goes on does so at the prices it began with: its costs are of one table, and a verdict
 * about a charge (US-11) is what a replay makes of it, which knows no other prices.
 */
static void recall_prices(const struct check_session *session, struct target *target)
{
	const struct journal_target *began = remembered(session, target);

	if (began == NULL || began->prices == NULL)
		return;
	const struct json *then = price_keep(began->prices, session->arena);
	const struct json *now = price_keep(&target->model->price, session->arena);
	if (then == NULL || (now != NULL && json_equal(then, now)))
		return;
	struct provider_model *model = ARENA_NEW(session->arena, struct provider_model);
	*model = *target->model;
	model->price = *began->prices;
	target->model = model;
	(void)fprintf(
	    stderr,
	    "proviso: warning: %.*s: the run goes on at the prices that it began with; the "
	    "config says others now\n",
	    TEXT_ARG(text_visible(session->arena, target->name, 80)));
}

void check_recall(struct check_session *session)
{
	const char *path = text_c(session->arena, session->options->matrix);
	struct matrix matrix = {0};
	struct fault unread; /* said when the matrix is to be updated */

	if (!session->resuming && file_exists(path) &&
	    !matrix_read(path, session->arena, &matrix, &unread))
		matrix = (struct matrix){0};
	for (size_t i = 0; i < session->target_count; i++) {
		struct target *target = &session->targets[i];
		struct text identity = {NULL, 0}, hours = {NULL, 0};
		if (session->resuming)
			recall_prices(session, target);
		recall(session, &matrix, target, &identity, &hours);
		if (identity.data == NULL && hours.data == NULL)
			continue;
		struct provider_model *model = ARENA_NEW(session->arena, struct provider_model);
		*model = *target->model;
		model->identity = identity;
		model->hours = hours;
		target->model = model;
	}
}
