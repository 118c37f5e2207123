/* The error envelopes; see refusal.h. */
#include "proxy/refusal.h"

#include "harness/base/json_write.h"

#include <stdio.h>

enum { BODY_MAX_BYTES = 1 << 20 };

static const struct {
	int status;
	const char *code, *type, *anthropic;
} codes[REFUSAL_CODES] = {
    [REFUSAL_INVALID_REQUEST] = {400, "invalid_request", "invalid_request_error",
                                 "invalid_request_error"},
    [REFUSAL_INVALID_API_KEY] = {401, "invalid_api_key", "authentication_error",
                                 "authentication_error"},
    [REFUSAL_BUDGET_EXCEEDED] = {402, "budget_exceeded", "insufficient_quota", "billing_error"},
    [REFUSAL_NOT_ALLOWED] = {403, "not_allowed", "permission_error", "permission_error"},
    [REFUSAL_MODEL_NOT_FOUND] = {404, "model_not_found", "invalid_request_error",
                                 "not_found_error"},
    [REFUSAL_NOT_FOUND] = {404, "not_found", "invalid_request_error", "not_found_error"},
    [REFUSAL_METHOD] = {405, "method_not_allowed", "invalid_request_error",
                        "invalid_request_error"},
    [REFUSAL_TOO_LARGE] = {413, "request_too_large", "invalid_request_error", "request_too_large"},
    [REFUSAL_RATE_LIMITED] = {429, "rate_limit_exceeded", "rate_limit_error", "rate_limit_error"},
    [REFUSAL_NO_PROVEN_TARGET] = {503, "no_proven_target", "server_error", "api_error"},
    [REFUSAL_UNAVAILABLE] = {503, "unavailable", "server_error", "overloaded_error"},
    [REFUSAL_UPSTREAM_ERROR] = {502, "upstream_error", "server_error", "api_error"},
    [REFUSAL_UPSTREAM_TIMEOUT] = {504, "upstream_timeout", "server_error", "timeout_error"},
};

bool refusal_set(struct refusal *refusal, enum refusal_code code, const char *format, ...)
{
	va_list arguments;

	*refusal = (struct refusal){.code = code, .retry_after_s = -1};
	va_start(arguments, format);
	(void)vsnprintf(refusal->message, sizeof(refusal->message), format, arguments);
	va_end(arguments);
	return false;
}

int refusal_status(const struct refusal *refusal)
{
	return codes[refusal->code].status;
}

static void write_exclusions(struct json_writer *writer, const struct router_decision *decision)
{
	json_write_key(writer, "excluded");
	json_write_array(writer);
	for (size_t i = 0; i < decision->exclusion_count; i++) {
		const struct router_exclusion *exclusion = &decision->exclusions[i];
		json_write_object(writer);
		json_write_member(writer, "target", exclusion->target->name);
		json_write_key(writer, "case");
		if (exclusion->case_id.data == NULL)
			json_write_null(writer);
		else
			json_write_string(writer, exclusion->case_id);
		json_write_member_c(writer, "variant", exclusion->variant);
		json_write_member_c(writer, "verdict", exclusion->verdict);
		json_write_member(writer, "reason", exclusion->reason);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_attempts(struct json_writer *writer, const struct refusal *refusal)
{
	json_write_key(writer, "attempts");
	json_write_array(writer);
	for (size_t i = 0; i < refusal->attempt_count; i++) {
		const struct refusal_attempt *attempt = &refusal->attempts[i];
		json_write_object(writer);
		json_write_member(writer, "target", attempt->target);
		json_write_key(writer, "status");
		if (attempt->status == 0)
			json_write_null(writer);
		else
			json_write_int(writer, attempt->status);
		json_write_member_c(writer, "outcome", ending_names[attempt->ending]);
		json_write_member(writer, "reason", attempt->reason);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_error(struct json_writer *writer, const struct refusal *refusal,
                        enum endpoint endpoint)
{
	bool anthropic = endpoint == ENDPOINT_MESSAGES;

	json_write_object(writer);
	if (anthropic)
		json_write_member_c(writer, "type", codes[refusal->code].anthropic);
	json_write_member_c(writer, "message", refusal->message);
	if (!anthropic) {
		json_write_member_c(writer, "type", codes[refusal->code].type);
		json_write_member_c(writer, "param", refusal->param);
	}
	json_write_member_c(writer, "code", codes[refusal->code].code);
	if (refusal->decision != NULL)
		write_exclusions(writer, refusal->decision);
	if (refusal->attempt_count > 0)
		write_attempts(writer, refusal);
	json_write_object_end(writer);
}

static struct text finish(struct text_buf *buf, struct arena *arena)
{
	/* Sixty thousand exclusions would not fit; then the envelope alone does. */
	struct text body = buf->overflow ? TEXT("{\"error\":{\"message\":\"too much to say\","
	                                        "\"type\":\"server_error\",\"param\":null,"
	                                        "\"code\":\"upstream_error\"}}")
	                                 : text_copy(arena, text_buf_view(buf));
	text_buf_done(buf);
	return body;
}

struct text refusal_body(const struct refusal *refusal, enum endpoint endpoint, struct arena *arena)
{
	struct text_buf buf;
	struct json_writer writer;

	text_buf_init(&buf, BODY_MAX_BYTES);
	json_writer_init(&writer, &buf, false);
	json_write_object(&writer);
	if (endpoint == ENDPOINT_MESSAGES)
		json_write_member_c(&writer, "type", "error");
	json_write_key(&writer, "error");
	write_error(&writer, refusal, endpoint);
	json_write_object_end(&writer);
	return finish(&buf, arena);
}

/* /v1/responses has an event of its own for it. */
static struct text responses_event(const struct refusal *refusal, struct arena *arena)
{
	struct text_buf buf;
	struct json_writer writer;

	text_buf_init(&buf, BODY_MAX_BYTES);
	(void)text_buf_add(&buf, TEXT("event: error\ndata: "));
	json_writer_init(&writer, &buf, false);
	json_write_object(&writer);
	json_write_member_c(&writer, "type", "error");
	json_write_member_c(&writer, "code", codes[refusal->code].code);
	json_write_member_c(&writer, "message", refusal->message);
	json_write_member_c(&writer, "param", refusal->param);
	json_write_object_end(&writer);
	(void)text_buf_add(&buf, TEXT("\n\n"));
	return finish(&buf, arena);
}

struct text refusal_event(const struct refusal *refusal, enum endpoint endpoint,
                          struct arena *arena)
{
	struct text body;

	if (endpoint == ENDPOINT_RESPONSES)
		return responses_event(refusal, arena);
	body = refusal_body(refusal, endpoint, arena);
	return text_format(arena, "%sdata: %.*s\n\n",
	                   endpoint == ENDPOINT_MESSAGES ? "event: error\n" : "", TEXT_ARG(body));
}

struct text refusal_of_status(int status, const char *reason, enum endpoint endpoint,
                              struct arena *arena)
{
	struct refusal refusal;
	enum refusal_code code = REFUSAL_INVALID_REQUEST;

	if (status == 413)
		code = REFUSAL_TOO_LARGE;
	else if (status == 503)
		code = REFUSAL_UNAVAILABLE;
	(void)refusal_set(&refusal, code, "%s", reason);
	return refusal_body(&refusal, endpoint, arena);
}
