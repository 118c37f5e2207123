/* Reading a request for the router; see intake.h. */
#include "proxy/intake.h"

#include "providers/client/decode.h"

#include <math.h>

/* A conversation of a million tokens has fewer values. */
static const struct json_limits body_limits = {
    .bytes = (size_t)1 << 30,
    .depth = 128,
    .nodes = 4 << 20,
};

static bool read_body(const struct http_request *request, struct arena *arena, struct intake *out,
                      struct refusal *refusal)
{
	struct source *source = ARENA_NEW(arena, struct source);
	struct fault fault;
	struct json *root;

	*source = (struct source){TEXT_INIT("body"), request->body};
	if (!json_read(source, &body_limits, arena, &root, &fault))
		return refusal_set(refusal, REFUSAL_INVALID_REQUEST,
		                   "the body is no JSON: line %u, column %u: %s", fault.line,
		                   fault.column, fault.message);
	out->body = root;
	return true;
}

/* A client of another format: what it asks in OpenAI's, by which all else is decided. */
static bool translate(struct arena *arena, struct intake *out, struct refusal *refusal)
{
	struct source *source = ARENA_NEW(arena, struct source);
	struct decode_fault wrong;
	struct decoded decoded;
	struct fault fault;
	struct json *root;

	*source = (struct source){.name = TEXT_INIT("body")};
	bool good = out->client_endpoint == ENDPOINT_MESSAGES
	                ? decode_messages(out->client_body, arena, &decoded, &wrong)
	                : decode_responses(out->client_body, arena, &decoded, &wrong);
	if (!good) {
		refusal->param = wrong.param;
		return refusal_set(refusal, REFUSAL_INVALID_REQUEST, "%s", wrong.message);
	}
	source->body = decoded.body;
	out->dropped = decoded.dropped;
	if (!json_read(source, &body_limits, arena, &root, &fault))
		return refusal_set(refusal, REFUSAL_INVALID_REQUEST, "the request: %s",
		                   fault.message);
	out->body = root;
	out->endpoint = ENDPOINT_CHAT;
	return true;
}

/* The shape's fault as an answer. */
static bool refuse(struct refusal *refusal, enum refusal_code code, const struct shape_fault *fault)
{
	(void)refusal_set(refusal, code, "%s", fault->message);
	refusal->param = fault->param;
	return false;
}

static bool read_wishes(const struct http_request *request, struct intake *out,
                        struct refusal *refusal)
{
	struct text cost = http_header(request, "x-proviso-max-cost");
	struct text quality = http_header(request, "x-proviso-min-quality");
	double *min = &out->request.min_quality;

	out->workflow = http_header(request, "x-proviso-workflow");
	out->team = http_header(request, "x-proviso-team");
	if (cost.data != NULL && !setting_parse_usd(cost, &out->request.max_cost_pico_usd))
		return refusal_set(refusal, REFUSAL_INVALID_REQUEST,
		                   "x-proviso-max-cost must be USD, like 0.05");
	if (quality.data == NULL)
		return true;
	if (!text_to_double(quality, min) || !(*min >= 0 && *min <= 1))
		return refusal_set(refusal, REFUSAL_INVALID_REQUEST,
		                   "x-proviso-min-quality must be a number from 0 to 1");
	return true;
}

/* A task that is not configured would be a wish that nobody hears. */
static bool check_task(const struct snapshot *snapshot, const struct http_request *request,
                       struct refusal *refusal)
{
	struct text name = http_header(request, "x-proviso-task");
	const struct config_task *tasks = snapshot->config.tasks.items;

	if (name.data == NULL)
		return true;
	for (size_t i = 0; i < snapshot->config.tasks.count; i++)
		if (text_equal(tasks[i].name, name))
			return true;
	struct arena scratch = {0};
	struct text shown = text_visible(&scratch, name, 60);
	(void)refusal_set(refusal, REFUSAL_INVALID_REQUEST,
	                  "x-proviso-task names '%.*s', and there is no such task",
	                  TEXT_ARG(shown));
	arena_done(&scratch);
	return false;
}

bool intake_decide(const struct snapshot *snapshot, struct arena *arena, struct intake *out,
                   struct refusal *refusal)
{
	struct shape_fault fault = {0};

	switch (router_decide(snapshot->router, &out->request, arena, &out->decision, &fault)) {
	case ROUTER_UNKNOWN_MODEL:
		return refuse(refusal, REFUSAL_MODEL_NOT_FOUND, &fault);
	case ROUTER_REFUSED:
		return refuse(refusal, REFUSAL_INVALID_REQUEST, &fault);
	case ROUTER_DECIDED:
		break;
	}
	return true;
}

static bool read_shape(struct arena *arena, struct intake *out, struct refusal *refusal)
{
	struct shape_fault fault = {0};

	if (!shape_read(out->endpoint, out->body, arena, &out->shape, &fault))
		return refuse(refusal, REFUSAL_INVALID_REQUEST, &fault);
	out->provider_node = json_member(out->body, "provider");
	out->request.body = out->body;
	return router_preferences_read(out->provider_node, arena, &out->preferences, &fault) ||
	       refuse(refusal, REFUSAL_INVALID_REQUEST, &fault);
}

/* A policy that lets unproven targets serve may have chosen one whose format has no responses. */
static bool all_serve_responses(const struct router_decision *decision)
{
	for (size_t i = 0; i < decision->count; i++)
		if (!decision->candidates[i].target->provider->dialect->openai_replies)
			return false;
	return decision->count > 0;
}

/*
 * No target that serves responses itself is proven: one that is proven for the same request as a
 * chat serves it, translated. Where there is none, or the request can't be one, all stays as it is.
 */
static void fall_to_chat(const struct snapshot *snapshot, struct arena *arena, struct intake *out)
{
	struct intake native = *out;
	struct refusal untold;

	if (out->endpoint != ENDPOINT_RESPONSES || all_serve_responses(&out->decision))
		return;
	if (!translate(arena, out, &untold) || !read_shape(arena, out, &untold) ||
	    !intake_decide(snapshot, arena, out, &untold) || out->decision.count == 0)
		*out = native;
}

bool intake_read(const struct snapshot *snapshot, const struct http_request *request,
                 enum endpoint endpoint, const struct intake_facts *facts, struct arena *arena,
                 struct intake *out, struct refusal *refusal)
{
	*out = (struct intake){.endpoint = endpoint, .client_endpoint = endpoint};
	out->request = (struct router_request){
	    .shape = &out->shape,
	    .headers = request->headers,
	    .header_count = request->header_count,
	    .key_id = facts->key_id,
	    .demand = facts->demand,
	    .preferences = &out->preferences,
	    .price_needed = facts->price_needed,
	    .max_cost_pico_usd = -1,
	    .min_quality = (double)NAN,
	    .random = facts->random,
	    .now_wall_ms = facts->now_wall_ms,
	};
	if (!read_body(request, arena, out, refusal))
		return false;
	out->client_body = out->body;
	if (endpoint == ENDPOINT_MESSAGES && !translate(arena, out, refusal))
		return false;
	if (!read_shape(arena, out, refusal) || !read_wishes(request, out, refusal) ||
	    !check_task(snapshot, request, refusal))
		return false;
	out->request.workflow = out->workflow;
	if (!intake_decide(snapshot, arena, out, refusal))
		return false;
	fall_to_chat(snapshot, arena, out);
	return true;
}

void intake_refuse_unproven(const struct intake *intake, struct refusal *refusal)
{
	const struct router_decision *decision = &intake->decision;

	(void)refusal_set(refusal, REFUSAL_NO_PROVEN_TARGET,
	                  "no target is proven for this kind of request: %zu excluded (see "
	                  "error.excluded)",
	                  decision->exclusion_count);
	refusal->decision = decision;
}
