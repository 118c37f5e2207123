/* The fields of a request, one row each: which feature it is, and what it says; see shape.h. */
#include "cases/shape_private.h"

#include <stdio.h>

#define NO_FEATURE FEATURE_COUNT

enum {
	CHAT = 1 << ENDPOINT_CHAT,
	COMPLETIONS = 1 << ENDPOINT_COMPLETIONS,
	EMBEDDINGS = 1 << ENDPOINT_EMBEDDINGS,
	RESPONSES = 1 << ENDPOINT_RESPONSES,
	MESSAGES = 1 << ENDPOINT_MESSAGES,
	TALKS = CHAT | COMPLETIONS | RESPONSES | MESSAGES,
	ALL = TALKS | EMBEDDINGS,
	MAX_TOKENS = 1 << 30,
};

/* --- fields that need more than being there ------------------------------------ */

static void read_stream_options(struct shape *shape, const struct json *value)
{
	shape->usage_asked = json_truth(value, "include_usage", false);
	if (shape->usage_asked)
		shape_mark(shape, FEATURE_STREAM_OPTIONS_INCLUDE_USAGE);
}

static void read_system(struct shape *shape, const struct json *value)
{
	shape_text(shape, value);
}

static void read_parallel(struct shape *shape, const struct json *value)
{
	if (value->type == JSON_BOOL && !value->truth)
		shape_mark(shape, FEATURE_PARALLEL_TOOL_CALLS_FALSE);
}

/*
 * "auto", "none", "required" (Anthropic: any), or an object that names one; Anthropic's says there
 * that calls come one at a time.
 */
static void read_tool_choice(struct shape *shape, const struct json *value)
{
	struct text mode = json_is(value, JSON_STRING) ? value->text : json_string(value, "type");

	if (text_is(mode, "auto"))
		shape_mark(shape, FEATURE_TOOL_CHOICE_AUTO);
	else if (text_is(mode, "none"))
		shape_mark(shape, FEATURE_TOOL_CHOICE_NONE);
	else if (text_is(mode, "required") || text_is(mode, "any"))
		shape_mark(shape, FEATURE_TOOL_CHOICE_REQUIRED);
	else
		shape_mark(shape, FEATURE_TOOL_CHOICE_NAMED);
	if (json_truth(value, "disable_parallel_tool_use", false)) {
		shape_mark(shape, FEATURE_PARALLEL_TOOL_CALLS);
		shape_mark(shape, FEATURE_PARALLEL_TOOL_CALLS_FALSE);
	}
}

static void read_text(struct shape *shape, const struct json *value)
{
	shape_format(shape, json_member(value, "format"));
}

static void read_reasoning(struct shape *shape, const struct json *value)
{
	const struct json *effort = json_member(value, "effort");

	if (effort != NULL && effort->type != JSON_NULL)
		shape_mark(shape, FEATURE_REASONING_EFFORT);
}

static void read_choices(struct shape *shape, const struct json *value)
{
	int64_t count;

	if (json_node_integer(value, 1, INT32_MAX, &count))
		shape->choices = count;
	if (shape->choices != 1)
		shape_mark(shape, FEATURE_N);
}

/* The smaller one counts where a request gives both. */
static void read_max_output(struct shape *shape, const struct json *value)
{
	int64_t tokens;

	if (json_node_integer(value, 0, MAX_TOKENS, &tokens) &&
	    (shape->max_output < 0 || tokens < shape->max_output))
		shape->max_output = tokens;
}

static void read_logprobs(struct shape *shape, const struct json *value)
{
	if (!json_is(value, JSON_BOOL) || value->truth)
		shape_mark(shape, FEATURE_LOGPROBS);
}

static void read_encoding(struct shape *shape, const struct json *value)
{
	if (json_is(value, JSON_STRING) && text_is(value->text, "base64"))
		shape_mark(shape, FEATURE_ENCODING_FORMAT_BASE64);
}

/* Text alone is what every answer is. */
static void read_modalities(struct shape *shape, const struct json *value)
{
	JSON_EACH(item, value)
	{
		if (!json_is(item, JSON_STRING) || !text_is(item->text, "text"))
			shape_mark(shape, FEATURE_MODALITIES);
	}
}

/* Anthropic's switch for thinking. */
static void read_thinking(struct shape *shape, const struct json *value)
{
	if (!text_is(json_string(value, "type"), "disabled"))
		shape_mark(shape, FEATURE_REASONING_EFFORT);
}

/* --- the table ------------------------------------------------------------------ */

struct field {
	const char *name;
	unsigned endpoints;
	enum feature feature; /* that being there means; NO_FEATURE: `read` says */
	void (*read)(struct shape *shape, const struct json *value);
};

/* clang-format off */
static const struct field fields[] = {
	{"model", ALL, NO_FEATURE, NULL},
	{"stream", TALKS, NO_FEATURE, NULL},
	{"provider", ALL, NO_FEATURE, NULL}, /* for the router; never forwarded */
	{"messages", CHAT | MESSAGES, NO_FEATURE, shape_messages},
	{"prompt", COMPLETIONS, NO_FEATURE, shape_text},
	{"input", RESPONSES, NO_FEATURE, shape_messages},
	{"input", EMBEDDINGS, NO_FEATURE, shape_text},
	{"instructions", RESPONSES, FEATURE_SYSTEM, read_system},
	{"system", MESSAGES, FEATURE_SYSTEM, read_system},
	{"stream_options", CHAT | COMPLETIONS, NO_FEATURE, read_stream_options},
	{"tools", CHAT | RESPONSES | MESSAGES, NO_FEATURE, shape_tools},
	{"tool_choice", CHAT | RESPONSES | MESSAGES, NO_FEATURE, read_tool_choice},
	{"parallel_tool_calls", CHAT | RESPONSES, FEATURE_PARALLEL_TOOL_CALLS, read_parallel},
	{"functions", CHAT, FEATURE_FUNCTIONS, NULL},
	{"function_call", CHAT, FEATURE_FUNCTIONS, NULL},
	{"response_format", CHAT, NO_FEATURE, shape_format},
	{"text", RESPONSES, NO_FEATURE, read_text},
	{"n", CHAT | COMPLETIONS, NO_FEATURE, read_choices},
	{"stop", CHAT | COMPLETIONS, FEATURE_STOP, NULL},
	{"stop_sequences", MESSAGES, FEATURE_STOP, NULL},
	{"max_tokens", CHAT | COMPLETIONS | MESSAGES, FEATURE_MAX_TOKENS, read_max_output},
	{"max_completion_tokens", CHAT, FEATURE_MAX_COMPLETION_TOKENS, read_max_output},
	{"max_output_tokens", RESPONSES, FEATURE_MAX_OUTPUT_TOKENS, read_max_output},
	{"temperature", TALKS, FEATURE_TEMPERATURE, NULL},
	{"top_p", TALKS, FEATURE_TOP_P, NULL},
	{"presence_penalty", CHAT | COMPLETIONS, FEATURE_PRESENCE_PENALTY, NULL},
	{"frequency_penalty", CHAT | COMPLETIONS, FEATURE_FREQUENCY_PENALTY, NULL},
	{"logprobs", CHAT | COMPLETIONS, NO_FEATURE, read_logprobs},
	{"top_logprobs", CHAT | RESPONSES, FEATURE_LOGPROBS, NULL},
	{"logit_bias", CHAT | COMPLETIONS, FEATURE_LOGIT_BIAS, NULL},
	{"seed", CHAT | COMPLETIONS, FEATURE_SEED, NULL},
	{"user", ALL, FEATURE_USER, NULL},
	{"safety_identifier", TALKS, FEATURE_USER, NULL},
	{"metadata", TALKS, FEATURE_USER, NULL},
	{"store", CHAT | RESPONSES, FEATURE_STORE, NULL},
	{"service_tier", TALKS, FEATURE_SERVICE_TIER, NULL},
	{"reasoning_effort", CHAT, FEATURE_REASONING_EFFORT, NULL},
	{"reasoning", RESPONSES, NO_FEATURE, read_reasoning},
	{"thinking", MESSAGES, NO_FEATURE, read_thinking},
	{"prediction", CHAT, FEATURE_PREDICTION, NULL},
	{"modalities", CHAT, NO_FEATURE, read_modalities},
	{"dimensions", EMBEDDINGS, FEATURE_DIMENSIONS, NULL},
	{"encoding_format", EMBEDDINGS, NO_FEATURE, read_encoding},
	{"previous_response_id", RESPONSES, FEATURE_PREVIOUS_RESPONSE_ID, NULL},
};
/* clang-format on */

static const enum feature endpoint_features[ENDPOINT_COUNT] = {
    [ENDPOINT_CHAT] = FEATURE_CHAT,
    [ENDPOINT_COMPLETIONS] = FEATURE_COMPLETIONS,
    [ENDPOINT_EMBEDDINGS] = FEATURE_EMBEDDINGS,
    [ENDPOINT_RESPONSES] = FEATURE_RESPONSES,
    [ENDPOINT_MESSAGES] = FEATURE_MESSAGES,
    [ENDPOINT_MODELS] = FEATURE_COUNT,
};

/* --- reading --------------------------------------------------------------------- */

static bool refuse(struct shape_fault *fault, const char *param, const char *message)
{
	fault->param = param;
	(void)snprintf(fault->message, sizeof(fault->message), "%s", message);
	return false;
}

static bool refuse_field(struct shape_fault *fault, struct text name, const char *what)
{
	struct arena scratch = {0};
	struct text visible = text_visible(&scratch, name, 60);

	fault->param = NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		if (text_is(name, fields[i].name))
			fault->param = fields[i].name;
	(void)snprintf(fault->message, sizeof(fault->message), "%s: '%.*s'", what,
	               TEXT_ARG(visible));
	arena_done(&scratch);
	return false;
}

/* Two parsers may each take another of them: whoever decides by one may serve the other. */
static bool check_duplicates(const struct json *body, struct shape_fault *fault)
{
	const struct json *options = json_member(body, "stream_options");

	JSON_EACH(member, body)
	{
		if (member->duplicate)
			return refuse_field(fault, member->key, "a field is given twice");
	}
	if (options != NULL && options->has_duplicate)
		return refuse(fault, "stream_options", "a field of stream_options is given twice");
	return true;
}

static bool check_types(const struct json *body, struct shape *shape, struct shape_fault *fault)
{
	const struct json *model = json_member(body, "model");
	const struct json *stream = json_member(body, "stream");
	const struct json *options = json_member(body, "stream_options");

	if (!json_is(model, JSON_STRING) || model->text.len == 0)
		return refuse(fault, "model",
		              model == NULL ? "you must provide a model"
		                            : "model must be a string that is not empty");
	if (stream != NULL && stream->type != JSON_NULL && stream->type != JSON_BOOL)
		return refuse(fault, "stream", "stream must be true or false");
	if (options != NULL && options->type != JSON_NULL && options->type != JSON_OBJECT)
		return refuse(fault, "stream_options", "stream_options must be an object");
	shape->model = model->text;
	shape->model_node = model;
	shape->streamed = json_is(stream, JSON_BOOL) && stream->truth;
	return true;
}

static const struct field *find_field(enum endpoint endpoint, struct text name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		if ((fields[i].endpoints >> endpoint & 1) != 0 && text_is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

static bool read_members(const struct json *body, struct shape *shape, struct text *unknown,
                         struct shape_fault *fault)
{
	JSON_EACH(member, body)
	{
		const struct field *field = find_field(shape->endpoint, member->key);

		if (member->type == JSON_NULL)
			continue;
		if (field == NULL) {
			if (shape->fields.count == SHAPE_MAX_FIELDS)
				return refuse_field(fault, member->key, "too many unknown fields");
			unknown[shape->fields.count++] = member->key;
			continue;
		}
		if (field->feature != NO_FEATURE)
			shape_mark(shape, field->feature);
		if (field->read != NULL)
			field->read(shape, member);
	}
	return true;
}

static void shape_init(struct shape *shape, enum endpoint endpoint)
{
	*shape = (struct shape){.endpoint = endpoint, .max_output = -1, .choices = 1};
	if (endpoint_features[endpoint] != FEATURE_COUNT)
		shape_mark(shape, endpoint_features[endpoint]);
}

bool shape_read(enum endpoint endpoint, const struct json *body, struct arena *arena,
                struct shape *out, struct shape_fault *fault)
{
	shape_init(out, endpoint);
	if (!json_is(body, JSON_OBJECT))
		return refuse(fault, NULL, "the body must be a JSON object");
	if (!check_duplicates(body, fault) || !check_types(body, out, fault))
		return false;
	struct text *unknown =
	    ARENA_NEW_ARRAY(arena, struct text, size_min(body->count, SHAPE_MAX_FIELDS));
	out->fields.items = unknown;
	if (!read_members(body, out, unknown, fault))
		return false;
	if (out->streamed && endpoint != ENDPOINT_EMBEDDINGS)
		shape_mark(out, FEATURE_STREAM);
	return true;
}

/* --- as names -------------------------------------------------------------------- */

struct text_list shape_names(const struct shape *shape, struct arena *arena)
{
	struct text_list names = {
	    ARENA_NEW_ARRAY(arena, struct text, FEATURE_COUNT + shape->fields.count), 0};

	for (int feature = 0; feature < FEATURE_COUNT; feature++)
		if (feature_has(&shape->features, (enum feature)feature))
			names.items[names.count++] = text_of(feature_names[feature]);
	for (size_t i = 0; i < shape->fields.count; i++)
		names.items[names.count++] =
		    text_format(arena, "field.%.*s", TEXT_ARG(shape->fields.items[i]));
	return names;
}

static enum endpoint endpoint_of(const struct shape *shape)
{
	for (int endpoint = 0; endpoint < ENDPOINT_COUNT; endpoint++) {
		enum feature feature = endpoint_features[endpoint];
		if (feature != FEATURE_COUNT && feature_has(&shape->features, feature))
			return (enum endpoint)endpoint;
	}
	return ENDPOINT_CHAT;
}

bool shape_from_names(const struct text_list *names, struct arena *arena, struct shape *out,
                      struct text *bad)
{
	*out = (struct shape){.max_output = -1, .choices = 1};
	out->fields.items = ARENA_NEW_ARRAY(arena, struct text, names->count);
	for (size_t i = 0; i < names->count; i++) {
		struct text field = feature_field(names->items[i]);
		enum feature feature = feature_from_name(names->items[i]);
		if (field.data != NULL && out->fields.count < SHAPE_MAX_FIELDS) {
			out->fields.items[out->fields.count++] = field;
			continue;
		}
		if (feature == FEATURE_COUNT) {
			*bad = names->items[i];
			return false;
		}
		shape_mark(out, feature);
	}
	/* A shape without an endpoint is one of chat: most traffic is. */
	out->endpoint = endpoint_of(out);
	shape_mark(out, endpoint_features[out->endpoint]);
	out->streamed = feature_has(&out->features, FEATURE_STREAM);
	out->usage_asked = feature_has(&out->features, FEATURE_STREAM_OPTIONS_INCLUDE_USAGE);
	return true;
}
