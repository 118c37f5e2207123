/* Legacy completions (streamed and whole), embeddings, and the list of models. */
#include "providers/reply/read_chat.h"

#include "harness/base/base64.h"

#include <math.h>

/* --- completions ---------------------------------------------------------- */

static bool completions_match(const struct json *value)
{
	const struct json *choices = json_member(value, "choices");

	if (text_is(json_string(value, "object"), "text_completion"))
		return true;
	return json_is(choices, JSON_ARRAY) && json_member(choices->first, "text") != NULL;
}

static void read_text_choice(struct reply_build *build, const struct json *node, size_t position)
{
	const struct json *text = json_member(node, "text");
	const struct json *logprobs = json_member(node, "logprobs");
	const struct json *reason = json_member(node, "finish_reason");
	int64_t index;

	if (!json_integer(node, "index", 0, INT32_MAX, &index)) {
		index = (int64_t)position;
		reply_violates(build, WIRE_CP_01, WIRE_DEVIATES, "choices[%zu]%s has no index",
		               position, reply_build_where(build));
	}
	struct build_choice *choice = reply_build_choice(build, index);
	if (choice == NULL)
		return;
	if (json_is(text, JSON_STRING))
		reply_build_content(build, choice, text->text);
	else
		reply_violates(build, WIRE_CP_01, WIRE_BREAKS, "choices[%lld].text%s is %s",
		               (long long)index, reply_build_where(build), json_type_name(text));
	read_chat_thoughts(build, choice, node);
	if (!build->reply->streamed)
		choice->logprobs = json_is(logprobs, JSON_NULL) ? NULL : logprobs;
	if (json_is(reason, JSON_STRING))
		reply_build_finish_reason(build, choice, reason->text);
}

static void judge_text_root(struct reply_build *build, const struct json *root)
{
	struct text object = json_string(root, "object");

	reply_saw(build, WIRE_CP_01);
	if (json_string(root, "id").len == 0)
		reply_violates(build, WIRE_CP_01, WIRE_DEVIATES, "id%s is missing",
		               reply_build_where(build));
	if (!text_is(object, "text_completion"))
		reply_violates(build, WIRE_CP_01, WIRE_DEVIATES,
		               "object%s is \"%.*s\", not text_completion",
		               reply_build_where(build),
		               TEXT_ARG(text_visible(build->event_arena, object, 60)));
}

static void read_text_object(struct reply_build *build, const struct json *root)
{
	const struct json *choices = json_member(root, "choices");
	const struct json *usage = json_member(root, "usage");
	size_t position = 0;

	if (json_member(root, "error") != NULL &&
	    error_shape_read(build, root, build->reply->streamed))
		return;
	judge_text_root(build, root);
	read_chat_envelope(build, root);
	if (json_is(choices, JSON_ARRAY)) {
		JSON_EACH(choice, choices)
		{
			read_text_choice(build, choice, position++);
		}
	} else {
		reply_violates(build, WIRE_CP_01, WIRE_BREAKS, "choices%s is %s",
		               reply_build_where(build), json_type_name(choices));
	}
	if (json_is(usage, JSON_OBJECT))
		usage_read_openai(build, usage, "usage");
}

static void completions_event(struct reply_build *build, const struct sse_event *event,
                              const struct json *root)
{
	(void)event;
	read_text_object(build, root);
}

static void completions_body(struct reply_build *build, const struct json *root)
{
	read_text_object(build, root);
	if (!build->reply->usage.present && build->reply->error_count == 0)
		reply_violates(build, WIRE_US_01, WIRE_DEVIATES, "usage is %s",
		               json_type_name(json_member(root, "usage")));
	build->reply->complete = build->choice_count > 0;
}

static void completions_end(struct reply_build *build, bool cut)
{
	struct chat_reply *reply = build->reply;
	bool finished = build->choice_count > 0;

	for (size_t i = 0; i < build->choice_count; i++) {
		reply_judge_choice(build, build->choices[i]);
		finished &= build->choices[i]->finish_count > 0;
	}
	if (!reply->streamed)
		return;
	reply->complete = finished;
	if (reply->error_count > 0 || cut)
		return;
	reply_saw(build, WIRE_ST_02);
	reply_saw(build, WIRE_ST_06);
	if (reply->done == 0)
		reply_violates(build, WIRE_ST_02, WIRE_DEVIATES, "no [DONE] ends the stream");
	if (!finished)
		reply_violates(build, WIRE_ST_06, WIRE_BREAKS, "some choice never finishes");
}

const struct reply_shape shape_completions = {
    .api = CHAT_API_COMPLETIONS,
    .openai = true,
    .matches = completions_match,
    .read_event = completions_event,
    .read_body = completions_body,
    .read_end = completions_end,
};

/* --- embeddings ----------------------------------------------------------- */

static bool embeddings_match(const struct json *value)
{
	const struct json *data = json_member(value, "data");

	return json_is(data, JSON_ARRAY) &&
	       (json_member(data->first, "embedding") != NULL ||
	        text_is(json_string(data->first, "object"), "embedding") ||
	        (data->count == 0 && json_member(value, "usage") != NULL));
}

/*
 * How many little-endian floats a base64 text holds, or -1: other number formats
 * (int8, binary) come in the same clothes, and read as floats they look absurd.
 */
static int64_t base64_floats(struct text base64)
{
	unsigned char quad[4];
	uint32_t bits = 0;
	unsigned have = 0;
	int64_t bytes = 0;

	for (size_t i = 0; i < base64.len && base64.data[i] != '='; i++) {
		int digit = base64_value(base64.data[i]);
		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		quad[bytes++ % 4] = (unsigned char)(bits >> have);
		if (bytes % 4 != 0)
			continue;
		uint32_t word = (uint32_t)quad[0] | (uint32_t)quad[1] << 8 |
		                (uint32_t)quad[2] << 16 | (uint32_t)quad[3] << 24;
		float value;
		memcpy(&value, &word, sizeof(value));
		if (!isfinite(value) || fabsf(value) > 1e6f)
			return -1;
	}
	return bytes % 4 == 0 ? bytes / 4 : -1;
}

static int64_t dimensions_of(const struct json *embedding)
{
	if (json_is(embedding, JSON_STRING))
		return base64_floats(embedding->text);
	if (!json_is(embedding, JSON_ARRAY))
		return -1;
	JSON_EACH(number, embedding)
	{
		if (!json_is(number, JSON_NUMBER))
			return -1;
	}
	return (int64_t)embedding->count;
}

/* Numbers, or base64 of them. */
static bool is_vector(const struct json *embedding)
{
	return (json_is(embedding, JSON_ARRAY) && embedding->count > 0) ||
	       (json_is(embedding, JSON_STRING) && embedding->text.len > 0);
}

static void read_vector(struct reply_build *build, const struct json *item, size_t position)
{
	const struct json *embedding = json_member(item, "embedding");
	struct chat_reply *reply = build->reply;
	int64_t dimensions = dimensions_of(embedding);
	int64_t index;

	if (!json_integer(item, "index", 0, INT32_MAX, &index) || index != (int64_t)position)
		reply_violates(build, WIRE_EM_01, WIRE_DEVIATES, "data[%zu] is not in order",
		               position);
	if (!is_vector(embedding))
		reply_violates(build, WIRE_EM_01, WIRE_BREAKS, "data[%zu] has no embedding",
		               position);
	if (position == 0)
		reply->dimensions = dimensions;
	if (reply->dimensions == dimensions)
		return;
	reply_violates(build, WIRE_EM_01, WIRE_BREAKS, "data[%zu] has %lld dimensions, not %lld",
	               position, (long long)dimensions, (long long)reply->dimensions);
	reply->dimensions = -1;
}

static void embeddings_body(struct reply_build *build, const struct json *root)
{
	const struct json *data = json_member(root, "data");
	const struct json *usage = json_member(root, "usage");
	bool alike = true;
	size_t position = 0;

	reply_saw(build, WIRE_EM_01);
	read_chat_envelope(build, root);
	if (!text_is(json_string(root, "object"), "list"))
		reply_violates(build, WIRE_EM_01, WIRE_DEVIATES, "object is not list");
	build->reply->item_count = data == NULL ? 0 : (int64_t)data->count;
	if (!json_is(data, JSON_ARRAY) || data->count == 0)
		reply_violates(build, WIRE_EM_01, WIRE_BREAKS, "data holds no embedding");
	JSON_EACH(item, data)
	{
		int64_t before = build->reply->dimensions;
		if (!alike)
			break; /* told once: the vectors differ */
		read_vector(build, item, position);
		alike = position++ == 0 || before == build->reply->dimensions;
	}
	if (json_is(usage, JSON_OBJECT))
		usage_read_openai(build, usage, "usage");
	else
		reply_violates(build, WIRE_EM_01, WIRE_DEVIATES, "usage is %s",
		               json_type_name(usage));
	build->reply->complete = position > 0 && alike;
}

static void whole_event(struct reply_build *build, const struct sse_event *event,
                        const struct json *root)
{
	(void)event;
	(void)error_shape_read(build, root, true); /* neither is ever streamed */
}

const struct reply_shape shape_embeddings = {
    .api = CHAT_API_EMBEDDINGS,
    .openai = true,
    .matches = embeddings_match,
    .read_event = whole_event,
    .read_body = embeddings_body,
};

/* --- models --------------------------------------------------------------- */

static bool models_match(const struct json *value)
{
	const struct json *data = json_is(value, JSON_ARRAY) ? value : json_member(value, "data");

	if (text_is(json_string(value, "object"), "model"))
		return true;
	if (!json_is(data, JSON_ARRAY))
		return false;
	return json_string(data->first, "id").len > 0 ||
	       (data->count == 0 && text_is(json_string(value, "object"), "list"));
}

static void models_body(struct reply_build *build, const struct json *root)
{
	const struct json *data = json_is(root, JSON_ARRAY) ? root : json_member(root, "data");

	reply_saw(build, WIRE_MO_01);
	if (text_is(json_string(root, "object"), "model")) { /* GET /models/ID */
		reply_build_model(build, json_string(root, "id"));
		build->reply->item_count = 1;
		build->reply->complete = true;
		return;
	}
	if (json_is(root, JSON_ARRAY))
		reply_violates(build, WIRE_MO_01, WIRE_BREAKS, "the list is a bare array");
	else if (!text_is(json_string(root, "object"), "list"))
		reply_violates(build, WIRE_MO_01, WIRE_DEVIATES, "object is not list");
	if (!json_is(data, JSON_ARRAY)) {
		reply_violates(build, WIRE_MO_01, WIRE_BREAKS, "data is %s", json_type_name(data));
		return;
	}
	size_t position = 0;
	JSON_EACH(model, data)
	{
		if (json_string(model, "id").len == 0)
			reply_violates(build, WIRE_MO_01, WIRE_BREAKS, "data[%zu] has no id",
			               position);
		reply_build_model(build, json_string(model, "id"));
		position++;
	}
	build->reply->item_count = (int64_t)data->count;
	build->reply->complete = true;
}

const struct reply_shape shape_models = {
    .api = CHAT_API_MODELS,
    .openai = true,
    .matches = models_match,
    .read_event = whole_event,
    .read_body = models_body,
};
