/*
 * What a question may cost at most, before it is asked: an upper bound, never
 * an estimate, because the spending cap rests on it.
 */
#include "harness/run/runner/plan.h"

#include "cases/template.h"

enum {
	OVERFLOW_BYTES_PER_TOKEN = 7, /* 1.3 words of filler a token, 5 bytes each with the blank */
	OVERFLOW_BYTES_MORE = 512,
	WORD_BYTES = 6,
	/* As many tokens as a dear vendor counts for a picture of a few thousand pixels, and more.
	 */
	IMAGE_BYTES = 4096,
	REPLY_BYTES_PER_TOKEN = 8, /* of an earlier reply sent back, escaped as JSON */
	BYTES_PER_TOKEN = 2,       /* what price_estimate_tokens takes at most */
};

int64_t plan_add_usd(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int64_t multiply(int64_t a, int64_t b)
{
	int64_t product;

	return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* The prices that bound this target; false where nobody bills. */
static bool bounding_price(const struct target *target, struct price *out, bool *assumed)
{
	*out = target->model->price;
	if (out->known)
		return true;
	if (target->provider->loopback)
		return false;
	*out = (struct price){.known = true, .base = PRICE_RATES_NONE};
	bool parsed = setting_parse_usd(TEXT(PLAN_ASSUMED_INPUT_USD), &out->base.input) &&
	              setting_parse_usd(TEXT(PLAN_ASSUMED_OUTPUT_USD), &out->base.output);
	REQUIRE(parsed);
	if (assumed != NULL)
		*assumed = true;
	return true;
}

static int64_t max_output_tokens(const struct target *target, const struct case_step *step)
{
	int64_t tokens = 0;
	int64_t choices;

	if (step->endpoint == ENDPOINT_MODELS || step->endpoint == ENDPOINT_EMBEDDINGS)
		return 0;
	if (!json_integer(step->request, "max_completion_tokens", 0, INT32_MAX, &tokens) &&
	    !json_integer(step->request, "max_tokens", 0, INT32_MAX, &tokens) &&
	    !json_integer(step->request, "max_output_tokens", 0, INT32_MAX, &tokens))
		tokens = target->model->max_output >= 0 ? target->model->max_output
		                                        : PLAN_ASSUMED_OUTPUT_TOKENS;
	if (!json_integer(step->request, "n", 1, INT32_MAX, &choices))
		choices = 1;
	return multiply(tokens, choices);
}

/*
 * What a step adds for its size's sake (body_bytes) is white space between JSON tokens, which no
 * provider bills; what it is left early by (cancel_after) is bounded as if it were never left.
 */

/* Bytes that a placeholder (what follows its "{{") may become. */
static int64_t placeholder_bytes(const struct target *target, const struct eval_case *asks,
                                 size_t step, struct text slot)
{
	int64_t count = 0;

	if (text_starts(slot, TEXT("overflow")))
		return multiply(int64_max(target->model->context, 0), OVERFLOW_BYTES_PER_TOKEN) +
		       OVERFLOW_BYTES_MORE;
	if (text_starts(slot, TEXT("words:"))) {
		struct text number =
		    text_slice(slot, sizeof("words:") - 1, text_find(slot, TEXT("}}"), 0));
		return text_to_int64(number, 0, TEMPLATE_MAX_BODY, &count)
		           ? multiply(count, WORD_BYTES)
		           : TEMPLATE_MAX_BODY;
	}
	if (text_starts(slot, TEXT("window:"))) {
		struct text number =
		    text_slice(slot, sizeof("window:") - 1, text_find(slot, TEXT("}}"), 0));
		return text_to_int64(number, 1, 100, &count)
		           ? multiply(int64_max(target->model->context, 0), WORD_BYTES) / 100 *
		                     count +
		                 WORD_BYTES * 100
		           : TEMPLATE_MAX_BODY;
	}
	if (text_starts(slot, TEXT("image:")))
		return IMAGE_BYTES;
	if (!text_starts(slot, TEXT("steps.")))
		return 0;
	/* Which one does not matter to a bound: the longest of all earlier replies. */
	for (size_t i = 0; i < step; i++)
		count = int64_max(count, max_output_tokens(target, &asks->steps[i]));
	return multiply(count, REPLY_BYTES_PER_TOKEN);
}

static int64_t body_bytes(const struct target *target, const struct eval_case *asks, size_t step,
                          struct arena *scratch)
{
	const struct case_step *asked = &asks->steps[step];
	struct text body =
	    asked->request == NULL ? asked->raw : json_to_text(scratch, asked->request);
	int64_t bytes = (int64_t)(body.len + target->model->name.len) + OVERFLOW_BYTES_MORE;

	for (size_t at = 0; (at = text_find(body, TEXT("{{"), at)) != TEXT_NOT_FOUND; at += 2) {
		struct text slot = text_slice(body, at + 2, body.len);
		bytes = plan_add_usd(bytes, placeholder_bytes(target, asks, step, slot));
	}
	return bytes;
}

int64_t plan_step_bound(const struct target *target, const struct eval_case *asks, size_t step,
                        bool *assumed)
{
	struct arena scratch = {0};
	struct price price;

	if (!bounding_price(target, &price, assumed))
		return 0;
	if (asks->steps[step].endpoint == ENDPOINT_MODELS)
		return 0; /* a list of models is billed by nobody */
	int64_t bytes = body_bytes(target, asks, step, &scratch);
	arena_done(&scratch);
	/* What is over the window is refused, or cut silently: never more than it is billed. */
	if (target->model->context >= 0)
		bytes = int64_min(bytes, multiply(target->model->context, BYTES_PER_TOKEN));
	struct price_request request = {
	    .wall_ms = PRICE_ANY_TIME, /* a run may go on, or be resumed, on another day */
	    .prompt_bytes = bytes,
	    .max_output_tokens = max_output_tokens(target, &asks->steps[step]),
	    .names_service = json_member(asks->steps[step].request, "service_tier") != NULL,
	};
	return int64_max(0, price_bound(&price, &request));
}

int64_t plan_request_bound(const struct target *target, int64_t body_bytes,
                           int64_t max_output_tokens)
{
	struct price price;

	if (!bounding_price(target, &price, NULL))
		return 0;
	const struct price_request request = {.wall_ms = PRICE_ANY_TIME,
	                                      .prompt_bytes = body_bytes,
	                                      .max_output_tokens = max_output_tokens};
	return int64_max(0, price_bound(&price, &request));
}
