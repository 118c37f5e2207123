/*
 * `explain REQUEST.json`: the very decision that the proxy makes, without sending anything. Keys
 * are assumed to be where it serves; a provider whose key is not here is named on stderr.
 */
#include "harness/cli/explain_request.h"

#include "harness/base/file.h"
#include "harness/base/http_parse.h"
#include "harness/base/json_write.h"
#include "harness/cli/command.h"
#include "harness/cli/routing_setup.h"
#include "providers/client/decode.h"
#include "reports/report_decision.h"

#include <math.h>

const char *const explain_endpoint_names[] = {"chat",      "completions", "embeddings",
                                              "responses", "messages",    NULL};

struct explaining {
	const struct explain_request *asked;
	struct arena *arena;
	struct routing_setup setup;
	struct shape shape;
	struct router_preferences wish;
	struct router_request request;
	struct router_decision decision;
};

static bool is_name_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool split_header(struct text line, struct http_header *out, struct fault *fault)
{
	size_t colon = text_find_byte(line, ':', 0);
	bool good = colon != TEXT_NOT_FOUND && colon > 0;

	for (size_t i = 0; good && i < colon; i++)
		good = is_name_byte(line.data[i]);
	if (!good)
		return fault_set(fault, FAULT_USAGE,
		                 "--header is \"%.*s\"; want 'Name: value' like "
		                 "'x-proviso-task: review'",
		                 TEXT_ARG(line));
	out->name = text_slice(line, 0, colon);
	out->value = text_trim(text_slice(line, colon + 1, line.len));
	return true;
}

static bool take_headers(struct explaining *e, struct fault *fault)
{
	const struct text_list *lines = &e->asked->headers;
	struct http_header *headers = ARENA_NEW_ARRAY(e->arena, struct http_header, lines->count);
	struct shape_fault bad;

	for (size_t i = 0; i < lines->count; i++)
		if (!split_header(lines->items[i], &headers[i], fault))
			return false;
	if (!router_read_headers(headers, lines->count, &e->request, &bad))
		return fault_set(fault, FAULT_USAGE, "%s", bad.message);
	return true;
}

/* Anthropic's clients are routed by what they ask in OpenAI's format, as the proxy routes them. */
static bool translate(struct explaining *e, enum endpoint *endpoint, struct json **body,
                      struct fault *fault)
{
	struct decode_fault wrong;
	struct decoded decoded;

	if (*endpoint != ENDPOINT_MESSAGES)
		return true;
	if (!decode_messages(*body, e->arena, &decoded, &wrong))
		return fault_set(fault, FAULT_INPUT, "%s", wrong.message);
	*endpoint = ENDPOINT_CHAT;
	return json_read_text(decoded.body, "translated request", e->arena, body, fault);
}

static bool read_request(struct explaining *e, struct fault *fault)
{
	struct text file = e->asked->file;
	const char *path = file.data == NULL ? "-" : text_c(e->arena, file);
	size_t body_max_bytes = (size_t)e->setup.config.proxy.limits.body_bytes;
	enum endpoint endpoint;
	struct shape_fault bad;
	struct source *source;
	struct json *body;

	bool known =
	    endpoint_from_name(text_of(explain_endpoint_names[e->asked->endpoint]), &endpoint);
	REQUIRE(known);
	if (!file_read(path, body_max_bytes, e->arena, &source, fault) ||
	    !json_read(source, NULL, e->arena, &body, fault) ||
	    !translate(e, &endpoint, &body, fault))
		return fault_within(fault, "reading the request %s", path);
	if (!shape_read(endpoint, body, e->arena, &e->shape, &bad) ||
	    !router_preferences_read(json_member(body, "provider"), e->arena, &e->wish, &bad))
		return fault_set(fault, FAULT_INPUT, "%s: %s", path, bad.message);
	e->request.shape = &e->shape;
	e->request.body = body;
	e->request.preferences = &e->wish;
	e->request.key_id = e->asked->key;
	e->request.demand = e->asked->demand;
	e->request.now_wall_ms = command_now_wall_ms();
	return true;
}

static void name_missing_keys(const struct explaining *e)
{
	struct text last = {NULL, 0};

	for (size_t i = 0; i < e->decision.count; i++) {
		const struct router_candidate *candidate = &e->decision.candidates[i];
		struct text provider = candidate->target->provider->name;
		if (router_has_key(e->setup.router, candidate->number) ||
		    text_equal(provider, last))
			continue;
		last = provider;
		(void)fprintf(stderr,
		              "proviso: note: the key of %.*s is not here; where it is "
		              "not, %.*s serves nothing\n",
		              TEXT_ARG(provider), TEXT_ARG(provider));
	}
}

static bool print_decision(struct explaining *e, struct fault *fault)
{
	struct text_buf out;
	struct json_writer writer;

	text_buf_init(&out, REPORT_MAX_BYTES);
	if (e->asked->table) {
		report_decision(e->setup.router, &e->request, &e->decision, &out);
	} else {
		json_writer_init(&writer, &out, true);
		router_write_json(e->setup.router, &e->request, &e->decision, e->arena, &writer);
		(void)text_buf_byte(&out, '\n');
	}
	return command_write_report((struct text){NULL, 0}, &out, fault);
}

/*
 * As the proxy does: where no target that serves responses itself is proven, one that is proven for
 * the same request as a chat.
 */
static void fall_to_chat(struct explaining *e)
{
	const struct shape native_shape = e->shape;
	const struct router_decision native = e->decision;
	const struct json *body = e->request.body;
	struct decode_fault wrong;
	struct shape_fault bad;
	struct decoded decoded;
	struct fault fault;
	struct json *chat;

	if (!feature_has(&e->shape.features, FEATURE_RESPONSES) || e->decision.count > 0 ||
	    !decode_responses(body, e->arena, &decoded, &wrong) ||
	    !json_read_text(decoded.body, "translated request", e->arena, &chat, &fault))
		return;
	e->request.body = chat;
	if (shape_read(ENDPOINT_CHAT, chat, e->arena, &e->shape, &bad) &&
	    router_decide(e->setup.router, &e->request, e->arena, &e->decision, &bad) ==
	        ROUTER_DECIDED &&
	    e->decision.count > 0)
		return;
	e->request.body = body;
	e->shape = native_shape;
	e->decision = native;
}

static int explain(struct explaining *e)
{
	struct shape_fault refused = {0};
	struct fault fault;

	if (!take_headers(e, &fault))
		return command_fail(&fault);
	int code = routing_setup_load(&e->setup, e->asked->config, e->asked->matrix, e->arena);
	if (code != EXIT_HOLDS)
		return code;
	if (!read_request(e, &fault))
		return command_fail(&fault);
	enum router_result result =
	    router_decide(e->setup.router, &e->request, e->arena, &e->decision, &refused);
	if (result == ROUTER_UNKNOWN_MODEL) {
		(void)fault_set(&fault, FAULT_INPUT, "%s", refused.message);
		return command_fail(&fault);
	}
	if (result == ROUTER_DECIDED)
		fall_to_chat(e);
	if (result == ROUTER_REFUSED)
		(void)fprintf(stderr, "proviso: refused: %s\n", refused.message);
	if (!print_decision(e, &fault))
		return command_fail(&fault);
	name_missing_keys(e);
	return e->decision.count > 0 ? EXIT_HOLDS : EXIT_DOES_NOT_HOLD;
}

int explain_request(const struct explain_request *asked, struct arena *arena)
{
	struct explaining *e = ARENA_NEW(arena, struct explaining);

	e->asked = asked;
	e->arena = arena;
	e->request = (struct router_request){.max_cost_pico_usd = -1, .min_quality = (double)NAN};
	int code = explain(e);
	routing_setup_done(&e->setup);
	return code;
}
