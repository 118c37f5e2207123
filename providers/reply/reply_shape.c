/*
 * Which format some JSON is in, told from its bytes, and the way to that format's
 * reader. An error alone has no shape: it is read as what it is.
 */
#include "providers/reply/reply_build.h"

/* Asked in this order: the unmistakable first. */
static const struct reply_shape *const shapes[] = {
    &shape_chat,   &shape_completions, &shape_responses, &shape_anthropic,  &shape_gemini,
    &shape_cohere, &shape_bedrock,     &shape_ollama,    &shape_embeddings, &shape_models,
};

const struct reply_shape *reply_shape_of(const struct json *value, bool openai_only)
{
	for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++)
		if ((shapes[i]->openai || !openai_only) && shapes[i]->matches(value))
			return shapes[i];
	return NULL;
}

const struct reply_shape *reply_shape_of_endpoint(enum endpoint endpoint)
{
	switch (endpoint) {
	case ENDPOINT_CHAT:
		return &shape_chat;
	case ENDPOINT_COMPLETIONS:
		return &shape_completions;
	case ENDPOINT_EMBEDDINGS:
		return &shape_embeddings;
	case ENDPOINT_RESPONSES:
		return &shape_responses;
	case ENDPOINT_MESSAGES:
		return &shape_anthropic;
	case ENDPOINT_MODELS:
		return &shape_models;
	case ENDPOINT_COUNT:
		break;
	}
	return NULL;
}

static void take_shape(struct reply_build *build, const struct reply_shape *shape)
{
	build->shape = shape;
	build->reply->api = shape->api;
}

/* The shape that a native dialect's replies have whatever they look like; NULL: none. */
static const struct reply_shape *shape_spoken(const struct reply_build *build)
{
	const struct dialect *dialect = build->context.dialect;

	return dialect == NULL ? NULL : dialect->shape;
}

/* What was asked decides where the bytes do not. */
static const struct reply_shape *shape_asked(const struct reply_build *build)
{
	if (build->context.request == NULL)
		return NULL;
	return reply_shape_of_endpoint(build->context.request->endpoint);
}

/* An exception of a binary stream: {"message"}, or the text alone. Never the end of a reply. */
static void take_failed(struct reply_build *build, const struct sse_event *event)
{
	struct text data = text_trim(event->data);
	struct chat_error error = {.type = event->name, .message = data, .raw = data};
	struct json *root;
	struct fault unread;

	if (text_starts(data, TEXT("{")) &&
	    json_read_text(data, "exception", build->event_arena, &root, &unread) &&
	    json_string(root, "message").data != NULL)
		error.message = json_string(root, "message");
	reply_saw(build, WIRE_ER_20);
	error_shape_add(build, &error);
}

static void event_as(struct reply_build *build, const struct sse_event *event,
                     const struct reply_shape *shape)
{
	take_shape(build, shape);
	if (event->failed) {
		take_failed(build, event);
		return;
	}
	const struct json *root = reply_build_event_json(build, event);
	if (json_is(root, JSON_OBJECT))
		shape->read_event(build, event, root);
	else if (root != NULL)
		(void)error_shape_read(build, root, true);
	else if (text_is(event->name, "error"))
		error_shape_add_text(build, event->data);
}

static void body_as(struct reply_build *build, const struct json *root,
                    const struct reply_shape *shape)
{
	take_shape(build, shape);
	/* A refusal has the provider's error, not the form of a reply; of a file no status is
	 * known. */
	if ((build->context.status >= 400 || !shape->matches(root)) &&
	    error_shape_read(build, root, false))
		return;
	if (json_is(root, JSON_OBJECT) || shape->matches(root))
		shape->read_body(build, root);
	else
		(void)error_shape_read(build, root, false);
}

static void end_as(struct reply_build *build, bool cut, const struct reply_shape *shape)
{
	take_shape(build, shape);
	if (build->reply->error_count == 0 && shape->read_end != NULL)
		shape->read_end(build, cut);
}

void reply_shape_event(struct reply_build *build, const struct sse_event *event)
{
	if (shape_spoken(build) != NULL) {
		event_as(build, event, shape_spoken(build));
		return;
	}
	const struct json *root = reply_build_event_json(build, event);
	if (root == NULL) {
		if (text_is(event->name, "error"))
			error_shape_add_text(build, event->data);
		return;
	}
	if (build->shape == NULL) {
		const struct reply_shape *shape =
		    reply_shape_of(root, build->context.dialect != NULL);
		if (shape == NULL && error_shape_read(build, root, true))
			return;
		if (shape == NULL)
			shape = shape_asked(build);
		if (shape != NULL)
			take_shape(build, shape);
	}
	if (build->shape != NULL && json_is(root, JSON_OBJECT))
		build->shape->read_event(build, event, root);
	else
		(void)error_shape_read(build, root, true);
}

void reply_shape_body(struct reply_build *build, const struct json *root)
{
	const struct reply_shape *shape;

	if (shape_spoken(build) != NULL) {
		body_as(build, root, shape_spoken(build));
		return;
	}
	shape = reply_shape_of(root, build->context.dialect != NULL);
	if (shape == &shape_models && shape_asked(build) == &shape_embeddings)
		shape = &shape_embeddings; /* an empty list says nothing of what it lists */
	if (shape != NULL) {
		take_shape(build, shape);
		shape->read_body(build, root);
		return;
	}
	if (error_shape_read(build, root, false))
		return;
	shape = shape_asked(build);
	if (shape == NULL)
		return;
	take_shape(build, shape);
	shape->read_body(build, root);
}

void reply_shape_end(struct reply_build *build, bool cut)
{
	struct chat_reply *reply = build->reply;

	if (shape_spoken(build) != NULL) {
		end_as(build, cut, shape_spoken(build));
		return;
	}
	/* A stream that said nothing is judged as what was asked for; only OpenAI's say [DONE]. */
	if (build->shape == NULL && reply->streamed && reply->error_count == 0) {
		const struct reply_shape *shape = shape_asked(build);
		if (shape == NULL && reply->done > 0)
			shape = &shape_chat;
		if (shape != NULL)
			take_shape(build, shape);
	}
	if (build->shape != NULL && build->shape->read_end != NULL)
		build->shape->read_end(build, cut);
}
