/*
 * Errors in every shape that providers send (PROVIDERS.md, section 26): wrapped,
 * flat, as text, in an array, FastAPI's details, a gateway's fault, HTML, nothing.
 *
 * Tolerant in what it takes; anything but OpenAI's own shape is told as ER-05.
 */
#include "providers/reply/reply_build.h"

enum {
	ERROR_MAX_TEXT_BYTES = 8 << 10, /* of a message: longer is cut */
	ERROR_MAX_RAW_BYTES = 64 << 10,
	ERROR_MAX_PAGE_BYTES = 2 << 10, /* of what is no JSON: an HTML page's head says which */
};

static struct text kept(struct reply_build *build, struct text view, size_t max)
{
	return view.data == NULL ? view : text_copy(build->arena, text_slice(view, 0, max));
}

/* AWS says it in a header: "ValidationException:http://internal.amazon.com/..." */
static struct text aws_type(const struct reply_build *build)
{
	struct text said = build->context.error_type;

	return text_slice(said, 0, text_find_byte(said, ':', 0));
}

void error_shape_add(struct reply_build *build, const struct chat_error *error)
{
	struct chat_reply *reply = build->reply;

	if (reply->error_count == CHAT_MAX_ERRORS)
		return;
	/* Few replies have any: thousands of open streams would hold room for them. */
	if (reply->errors == NULL)
		reply->errors = ARENA_NEW_ARRAY(build->arena, struct chat_error, CHAT_MAX_ERRORS);
	reply->errors[reply->error_count++] = (struct chat_error){
	    .message = kept(build, error->message, ERROR_MAX_TEXT_BYTES),
	    .type = kept(build, error->type.len > 0 ? error->type : aws_type(build),
	                 BUILD_MAX_NAME_BYTES),
	    .code = kept(build, error->code, BUILD_MAX_NAME_BYTES),
	    .param = kept(build, error->param, BUILD_MAX_NAME_BYTES),
	    .status = kept(build, error->status, BUILD_MAX_NAME_BYTES),
	    .raw = kept(build, error->raw, ERROR_MAX_RAW_BYTES),
	    .retry_delay = kept(build, error->retry_delay, BUILD_MAX_NAME_BYTES),
	    .spent = error->spent,
	    .code_is_number = error->code_is_number && error->code.len < BUILD_MAX_NAME_BYTES,
	};
}

static struct text span_of(const struct json *node)
{
	return text_slice(node->source->body, node->begin, node->end);
}

/* A string or a number as it stands; data NULL for all else. */
static struct text scalar(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	if (json_is(member, JSON_STRING) || json_is(member, JSON_NUMBER))
		return member->text;
	return (struct text){NULL, 0};
}

/* What lacks or differs from the four members that OpenAI sends. */
static void judge_envelope(struct reply_build *build, const struct json *error)
{
	static const char *const names[] = {"type", "param", "code"};
	const char *where = reply_build_where(build);

	if (!json_is(json_member(error, "message"), JSON_STRING))
		reply_violates(build, WIRE_ER_05, WIRE_BREAKS, "error.message%s is %s, no string",
		               where, json_type_name(json_member(error, "message")));
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const struct json *member = json_member(error, names[i]);
		if (member == NULL)
			reply_violates(build, WIRE_ER_05, WIRE_DEVIATES, "the error%s has no %s",
			               where, names[i]);
		else if (!json_is(member, JSON_STRING) && !json_is(member, JSON_NULL))
			reply_violates(build, WIRE_ER_05, WIRE_DEVIATES,
			               "error.%s%s is %s, no string", names[i], where,
			               json_type_name(member));
	}
}

static struct chat_error error_of(const struct json *object, const struct json *raw)
{
	struct chat_error error = {
	    .message = scalar(object, "message"),
	    .type = scalar(object, "type"),
	    .code = scalar(object, "code"),
	    .param = scalar(object, "param"),
	    .status = json_string(object, "status"),
	    .raw = span_of(raw),
	    .code_is_number = json_is(json_member(object, "code"), JSON_NUMBER),
	};

	return error;
}

/*
 * Google's google.rpc details, a list: which field is wrong, how long to wait, and that it is a
 * quota of the day (AIP-193, "Error model"). Anthropic's, an object: a code beside the type, which
 * tells a month's limit from a rate ("Rate limits", enforced_spend_limit_reached).
 */
static void take_details(struct chat_error *error, const struct json *details)
{
	if (error->code.data == NULL)
		error->code = json_string(details, "error_code");
	JSON_EACH(detail, json_is(details, JSON_ARRAY) ? details : NULL)
	{
		const struct json *fields = json_member(detail, "fieldViolations");
		struct text delay = json_string(detail, "retryDelay");
		if (error->param.data == NULL && json_is(fields, JSON_ARRAY))
			error->param = json_string(fields->first, "field");
		if (delay.data != NULL)
			error->retry_delay = delay;
		JSON_EACH(violation, json_member(detail, "violations"))
		{
			struct text quota = json_string(violation, "quotaId");
			error->spent |= text_find(quota, TEXT("PerDay"), 0) != TEXT_NOT_FOUND;
		}
	}
}

/* {"error": {...}}, and Anthropic's {"type": "error", "error": {...}} */
static void read_wrapped(struct reply_build *build, const struct json *root,
                         const struct json *inner)
{
	struct chat_error error = error_of(inner, root);
	bool native = build->shape != NULL && !build->shape->openai;

	take_details(&error, json_member(inner, "details"));
	if (error.message.data == NULL) /* DeepInfra and others put details there */
		error.message = scalar(inner, "detail");
	if (!native)
		judge_envelope(build, inner);
	error_shape_add(build, &error);
}

static bool read_text_error(struct reply_build *build, const struct json *root,
                            const struct json *inner)
{
	struct chat_error error = error_of(root, root);

	error.message = inner->text;
	reply_violates(build, WIRE_ER_05, WIRE_DEVIATES, "error%s is a string, no object",
	               reply_build_where(build));
	error_shape_add(build, &error);
	return true;
}

/* FastAPI: {"detail": "text"} or {"detail": [{"loc","msg","type"}]} */
static bool read_detail(struct reply_build *build, const struct json *root)
{
	const struct json *detail = json_member(root, "detail");
	struct chat_error error = {.raw = span_of(root)};

	if (json_is(detail, JSON_STRING)) {
		error.message = detail->text;
	} else if (json_is(detail, JSON_ARRAY) && detail->first != NULL) {
		error.message = json_string(detail->first, "msg");
		error.type = json_string(detail->first, "type");
		error.param = json_string(detail->first, "loc");
		const struct json *loc = json_member(detail->first, "loc");
		if (json_is(loc, JSON_ARRAY))
			error.param = span_of(loc);
	} else if (json_is(detail, JSON_OBJECT)) {
		error = error_of(detail, root);
	} else {
		return false;
	}
	reply_violates(build, WIRE_ER_05, WIRE_DEVIATES, "the error stands in \"detail\"");
	error_shape_add(build, &error);
	return true;
}

/* Apigee and its like: {"fault": {"faultstring", "detail": {"errorcode"}}} */
static bool read_fault(struct reply_build *build, const struct json *root)
{
	const struct json *fault = json_member(root, "fault");

	if (!json_is(fault, JSON_OBJECT))
		return false;
	struct chat_error error = {
	    .message = json_string(fault, "faultstring"),
	    .code = json_string(json_member(fault, "detail"), "errorcode"),
	    .raw = span_of(root),
	};
	reply_violates(build, WIRE_ER_05, WIRE_DEVIATES, "the error stands in \"fault\"");
	error_shape_add(build, &error);
	return true;
}

static const struct json *either(const struct json *object, const char *a, const char *b)
{
	const struct json *member = json_member(object, a);

	return member != NULL ? member : json_member(object, b);
}

/*
 * Flat: {"message", "type", "param", "code"}, {"object": "error", ...} or only
 * {"message"}. A reply that has choices or output is none.
 */
static bool read_flat(struct reply_build *build, const struct json *root)
{
	const struct json *message = either(root, "message", "Message"); /* AWS's gateways */
	const struct json *errors = json_member(root, "errors");
	bool named = text_is(json_string(root, "object"), "error");

	if (!json_is(message, JSON_STRING) && json_is(errors, JSON_ARRAY) && errors->first != NULL)
		return error_shape_read(build, errors->first, false); /* Cloudflare */
	if (!json_is(message, JSON_STRING) && !named)
		return false;
	struct chat_error error = error_of(root, root);
	if (json_is(message, JSON_STRING))
		error.message = message->text;
	if (json_is(message, JSON_OBJECT)) { /* Mistral's 422 */
		const struct json *detail = json_member(message, "detail");
		error.message = span_of(message);
		if (json_is(detail, JSON_ARRAY) && json_string(detail->first, "msg").data != NULL)
			error.message = json_string(detail->first, "msg");
	}
	reply_violates(build, WIRE_ER_05, WIRE_DEVIATES,
	               "the error%s is flat, not within \"error\"", reply_build_where(build));
	error_shape_add(build, &error);
	return true;
}

static bool is_answer(const struct json *root)
{
	static const char *const members[] = {"choices", "output",  "data",       "candidates",
	                                      "content", "message", "embeddings", "delta"};

	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		const struct json *member = json_member(root, members[i]);
		if (json_is(member, JSON_ARRAY) || json_is(member, JSON_OBJECT))
			return true;
	}
	return false;
}

static bool read_object(struct reply_build *build, const struct json *root)
{
	const struct json *inner = json_member(root, "error");

	if (json_is(inner, JSON_OBJECT)) {
		read_wrapped(build, root, inner);
		return true;
	}
	if (json_is(inner, JSON_STRING))
		return read_text_error(build, root, inner);
	if (is_answer(root) && !text_is(json_string(root, "object"), "error"))
		return false;
	return read_fault(build, root) || read_detail(build, root) || read_flat(build, root);
}

bool error_shape_read(struct reply_build *build, const struct json *root, bool in_band)
{
	size_t before = build->reply->error_count;

	if (json_is(root, JSON_ARRAY) && root->count > 0 &&
	    json_is(json_member(root->first, "error"), JSON_OBJECT)) {
		reply_violates(build, WIRE_ER_05, WIRE_DEVIATES, "the error%s stands in an array",
		               reply_build_where(build));
		root = root->first;
	}
	if (!json_is(root, JSON_OBJECT) || !read_object(build, root))
		return false;
	reply_saw(build, WIRE_ER_05);
	if (in_band && build->reply->error_count > before)
		reply_saw(build, WIRE_ER_20);
	return true;
}

void error_shape_add_text(struct reply_build *build, struct text message)
{
	struct chat_error error = {.message = message, .raw = message};

	reply_violates(build, WIRE_ER_05, WIRE_DEVIATES, "the error%s is bare text",
	               reply_build_where(build));
	reply_saw(build, WIRE_ER_20);
	error_shape_add(build, &error);
}

void error_shape_read_bytes(struct reply_build *build, struct text body)
{
	struct chat_error error = {.raw = text_slice(body, 0, ERROR_MAX_PAGE_BYTES)};

	reply_violates(build, WIRE_ER_05, WIRE_DEVIATES, "%s",
	               body.len == 0 ? "the body is empty" : "the body is no JSON");
	error_shape_add(build, &error);
}
