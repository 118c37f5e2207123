/*
 * OpenAI Responses, whole and streamed, read into one choice: text, thoughts and
 * calls in the order they came, the status as a finish reason. Rules RS-01 to RS-08.
 */
#include "providers/reply_build.h"

enum {
	ITEMS_TRACKED = 256, /* output items whose order is held against the rules */
	PARTS_TRACKED = 64,  /* content parts of one item */
};

/* What the order of events is held against; of the response under way. */
struct responses_state {
	bool added[ITEMS_TRACKED];
	uint64_t parts[ITEMS_TRACKED]; /* bit set of the content parts that were added */
	struct text item_ids[ITEMS_TRACKED];
	int64_t part_output, part_content; /* the text part at hand */
	size_t part_start;                 /* where it begins in the joined content */
	size_t items;
};

static struct responses_state *state_of(struct reply_build *build)
{
	if (build->responses == NULL) {
		build->responses = ARENA_NEW(build->arena, struct responses_state);
		build->responses->part_output = -1;
	}
	return build->responses;
}

static bool matches(const struct json *value)
{
	return text_is(json_string(value, "object"), "response") ||
	       text_starts(json_string(value, "type"), TEXT("response."));
}

static struct build_choice *the_choice(struct reply_build *build)
{
	return reply_build_choice(build, 0); /* never NULL: it is the first */
}

static int64_t small_integer(const struct json *object, const char *name)
{
	int64_t value;

	return json_integer(object, name, 0, INT32_MAX, &value) ? value : -1;
}

/* --- items ---------------------------------------------------------------- */

static void read_error(struct reply_build *build, const struct json *error)
{
	const struct json *code = json_member(error, "code");
	struct chat_error read = {
	    .message = json_string(error, "message"),
	    .type = json_string(error, "type"),
	    .param = json_string(error, "param"),
	    .raw = text_slice(error->source->body, error->begin, error->end),
	};

	if (json_is(code, JSON_STRING) || json_is(code, JSON_NUMBER))
		read.code = code->text;
	read.code_is_number = json_is(code, JSON_NUMBER);
	reply_saw(build, WIRE_RS_08);
	error_shape_add(build, &read);
}

static void read_message_parts(struct reply_build *build, const struct json *item)
{
	struct build_choice *choice = the_choice(build);

	reply_build_role(build, choice, json_string(item, "role"));
	JSON_EACH(part, json_member(item, "content"))
	{
		if (json_string(part, "refusal").data != NULL)
			reply_build_refusal(build, choice, json_string(part, "refusal"));
		else if (json_string(part, "text").data != NULL)
			reply_build_content(build, choice, json_string(part, "text"));
	}
}

static void read_reasoning_parts(struct reply_build *build, const struct json *item)
{
	static const char *const members[] = {"summary", "content"};

	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		JSON_EACH(part, json_member(item, members[i]))
		{
			struct text piece = json_string(part, "text");
			if (piece.len == 0)
				continue;
			reply_saw(build, WIRE_RE_01);
			reply_build_reasoning(build, the_choice(build), piece);
		}
}

static bool is_call(struct text type)
{
	return text_is(type, "function_call") || text_is(type, "custom_tool_call");
}

/* A call as it is announced: its arguments mostly come later. */
static struct build_call *new_call(struct reply_build *build, const struct json *item)
{
	struct build_choice *choice = the_choice(build);
	struct build_call *call = reply_build_new_call(build, choice);

	if (call == NULL)
		return NULL;
	call->custom = text_is(json_string(item, "type"), "custom_tool_call");
	call->type = call->custom ? TEXT("custom") : TEXT("function");
	call->item_id = reply_build_name(build, json_string(item, "id"));
	call->name = reply_build_name(build, json_string(item, "name"));
	call->index = (int64_t)choice->call_count - 1;
	if (json_string(item, "call_id").data != NULL)
		reply_build_call_id(build, call, json_string(item, "call_id"));
	return call;
}

static struct text arguments_of(const struct json *item)
{
	struct text arguments = json_string(item, "arguments");

	return arguments.data != NULL ? arguments : json_string(item, "input");
}

static void read_whole_call(struct reply_build *build, const struct json *item)
{
	struct build_call *call = new_call(build, item);
	const struct json *arguments = json_member(item, "arguments");

	if (call == NULL)
		return;
	if (arguments_of(item).data != NULL)
		reply_build_arguments(build, call, arguments_of(item));
	else if (arguments != NULL)
		reply_violates(build, WIRE_TC_03, WIRE_BREAKS,
		               "arguments of a function_call are %s, no string",
		               json_type_name(arguments));
}

/*
 * A message after a custom call means that the provider ran the tool itself (xAI's
 * search does so): a call that the client must answer ends the output.
 */
static void settle_served(struct build_choice *choice)
{
	for (size_t i = 0; i < choice->call_count; i++)
		choice->calls[i]->served = choice->calls[i]->custom;
}

/* --- a whole response ----------------------------------------------------- */

static void take_finish(struct reply_build *build, const struct json *response)
{
	struct text status = json_string(response, "status");
	struct text reason = json_string(json_member(response, "incomplete_details"), "reason");
	struct build_choice *choice = the_choice(build);

	reply_build_drop_served(choice);
	if (text_is(status, "completed"))
		reason = choice->call_count > 0 ? TEXT("tool_calls") : TEXT("stop");
	else if (!text_is(status, "incomplete"))
		return;
	else if (text_is(reason, "max_output_tokens") || reason.len == 0)
		reason = TEXT("length");
	reply_build_finish_reason(build, choice, reason);
}

static void judge_root(struct reply_build *build, const struct json *root)
{
	static const char *const strings[] = {"id", "status", "model"};

	reply_saw(build, WIRE_RS_01);
	if (!text_is(json_string(root, "object"), "response"))
		reply_violates(build, WIRE_RS_01, WIRE_DEVIATES, "object is not response");
	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
		if (json_string(root, strings[i]).len == 0)
			reply_violates(build, WIRE_RS_01, WIRE_DEVIATES, "%s is missing",
			               strings[i]);
	if (!json_is(json_member(root, "output"), JSON_ARRAY))
		reply_violates(build, WIRE_RS_01, WIRE_BREAKS, "output is %s",
		               json_type_name(json_member(root, "output")));
}

static void read_usage(struct reply_build *build, const struct json *response)
{
	const struct json *usage = json_member(response, "usage");

	if (json_is(usage, JSON_OBJECT))
		usage_read_openai(build, usage, "usage");
	else if (text_is(json_string(response, "status"), "completed"))
		reply_violates(build, WIRE_US_01, WIRE_DEVIATES, "usage%s is %s",
		               reply_build_where(build), json_type_name(usage));
}

static void read_output(struct reply_build *build, const struct json *output)
{
	JSON_EACH(item, output)
	{
		struct text type = json_string(item, "type");
		if (text_is(type, "message")) {
			settle_served(the_choice(build));
			read_message_parts(build, item);
		} else if (text_is(type, "reasoning"))
			read_reasoning_parts(build, item);
		else if (is_call(type))
			read_whole_call(build, item);
	}
}

static void read_body(struct reply_build *build, const struct json *root)
{
	const struct json *error = json_member(root, "error");
	struct text status = json_string(root, "status");

	if (json_is(error, JSON_OBJECT))
		read_error(build, error);
	judge_root(build, root);
	reply_build_id(build, json_string(root, "id"));
	reply_build_model(build, json_string(root, "model"));
	read_output(build, json_member(root, "output"));
	read_usage(build, root);
	take_finish(build, root);
	reply_judge_text(build, the_choice(build));
	reply_judge_calls(build, the_choice(build));
	build->reply->complete = text_is(status, "completed") || text_is(status, "incomplete");
}

/* --- streamed: order ------------------------------------------------------ */

static void judge_sequence(struct reply_build *build, const struct json *root)
{
	int64_t sequence;

	reply_saw(build, WIRE_RS_04);
	if (!json_integer(root, "sequence_number", 0, INT64_MAX, &sequence)) {
		reply_violates(build, WIRE_RS_04, WIRE_DEVIATES,
		               "the data%s has no sequence_number", reply_build_where(build));
		return;
	}
	if (sequence <= build->sequence)
		reply_violates(build, WIRE_RS_04, WIRE_DEVIATES,
		               "sequence_number%s is %lld after %lld", reply_build_where(build),
		               (long long)sequence, (long long)build->sequence);
	build->sequence = sequence;
}

static void judge_order(struct reply_build *build, struct text type, const struct sse_event *event)
{
	reply_saw(build, WIRE_RS_03);
	if (event->name.len > 0 && !text_equal(event->name, type))
		reply_violates(build, WIRE_RS_03, WIRE_DEVIATES,
		               "the event: line%s differs from the type", reply_build_where(build));
	if (!build->created_seen && !text_is(type, "response.created"))
		reply_violates(build, WIRE_RS_03, WIRE_BREAKS,
		               "%.*s%s comes before response.created",
		               TEXT_ARG(text_visible(&build->event_arena, type, 60)),
		               reply_build_where(build));
	build->created_seen = true;
	if (build->terminal_seen && !text_is(type, "response.created"))
		reply_violates(build, WIRE_RS_03, WIRE_DEVIATES, "%.*s%s comes after the end",
		               TEXT_ARG(text_visible(&build->event_arena, type, 60)),
		               reply_build_where(build));
}

/* The official SDKs throw where a piece belongs to an item or part that was not announced. */
static void judge_place(struct reply_build *build, const struct json *root, bool in_part)
{
	struct responses_state *state = state_of(build);
	int64_t output = small_integer(root, "output_index");
	int64_t part = small_integer(root, "content_index");
	struct text item_id = json_string(root, "item_id");

	reply_saw(build, WIRE_RS_05);
	if (output < 0 || output >= ITEMS_TRACKED) {
		if (output < 0)
			reply_violates(build, WIRE_RS_05, WIRE_BREAKS,
			               "the delta%s has no output_index", reply_build_where(build));
		return;
	}
	if (!state->added[output]) {
		reply_violates(build, WIRE_RS_03, WIRE_BREAKS,
		               "the delta%s belongs to output %lld, which was not added",
		               reply_build_where(build), (long long)output);
		return;
	}
	if (state->item_ids[output].len > 0 && !text_equal(state->item_ids[output], item_id))
		reply_violates(build, WIRE_RS_05, WIRE_DEVIATES,
		               "item_id%s is not that of output %lld", reply_build_where(build),
		               (long long)output);
	if (in_part && (part < 0 || (part < PARTS_TRACKED &&
	                             (state->parts[output] >> (unsigned)part & 1) == 0)))
		reply_violates(build, WIRE_RS_03, WIRE_BREAKS,
		               "the delta%s belongs to a content part that was not added",
		               reply_build_where(build));
}

/* --- streamed: pieces ----------------------------------------------------- */

static void begin_response(struct reply_build *build, const struct json *root)
{
	const struct json *response = json_member(root, "response");

	if (build->responses != NULL)
		*build->responses = (struct responses_state){.part_output = -1};
	if (build->terminal_seen) /* a second response in one stream counts anew */
		build->sequence = -1;
	build->terminal_seen = false;
	build->created_seen = true;
	reply_build_id(build, json_string(response, "id"));
	reply_build_model(build, json_string(response, "model"));
}

static void add_item(struct reply_build *build, const struct json *root)
{
	struct responses_state *state = state_of(build);
	const struct json *item = json_member(root, "item");
	int64_t output = small_integer(root, "output_index");
	struct text type = json_string(item, "type");

	state->items++;
	if (output >= 0 && output < ITEMS_TRACKED) {
		state->added[output] = true;
		state->parts[output] = 0;
		state->item_ids[output] = reply_build_name(build, json_string(item, "id"));
	}
	if (text_is(type, "message")) {
		settle_served(the_choice(build));
		reply_build_role(build, the_choice(build), json_string(item, "role"));
	}
	if (!is_call(type))
		return;
	struct build_call *call = new_call(build, item);
	if (call == NULL)
		return;
	call->key = output;
	if (arguments_of(item).len > 0)
		reply_build_arguments(build, call, arguments_of(item));
}

static void add_part(struct reply_build *build, const struct json *root)
{
	struct responses_state *state = state_of(build);
	int64_t output = small_integer(root, "output_index");
	int64_t part = small_integer(root, "content_index");

	if (output >= 0 && output < ITEMS_TRACKED && part >= 0 && part < PARTS_TRACKED)
		state->parts[output] |= (uint64_t)1 << (unsigned)part;
}

/* Notes where the text part at hand begins in what is joined. */
static void enter_part(struct reply_build *build, const struct json *root)
{
	struct responses_state *state = state_of(build);
	int64_t output = small_integer(root, "output_index");
	int64_t part = small_integer(root, "content_index");

	if (state->part_output == output && state->part_content == part)
		return;
	state->part_output = output;
	state->part_content = part;
	state->part_start = the_choice(build)->content.len;
}

static void text_delta(struct reply_build *build, const struct json *root)
{
	judge_place(build, root, true);
	enter_part(build, root);
	reply_build_content(build, the_choice(build), json_string(root, "delta"));
}

static void text_done(struct reply_build *build, const struct json *root)
{
	struct build_choice *choice = the_choice(build);
	struct text done = json_string(root, "text");

	enter_part(build, root);
	struct text joined = text_slice(text_buf_view(&choice->content),
	                                state_of(build)->part_start, choice->content.len);
	reply_saw(build, WIRE_RS_05);
	if (text_equal(joined, done))
		return;
	reply_violates(build, WIRE_RS_05, joined.len == 0 ? WIRE_DEVIATES : WIRE_BREAKS,
	               "%zu bytes of text deltas do not join to the %zu of done%s", joined.len,
	               done.len, reply_build_where(build));
	if (joined.len == 0)
		reply_build_content(build, choice, done);
}

static struct build_call *call_of(struct reply_build *build, const struct json *root)
{
	struct build_choice *choice = the_choice(build);
	struct text item_id = json_string(root, "item_id");

	for (size_t i = choice->call_count; i-- > 0 && item_id.len > 0;)
		if (text_equal(choice->calls[i]->item_id, item_id))
			return choice->calls[i];
	int64_t output = small_integer(root, "output_index");
	return output < 0 ? NULL : reply_build_call_of_key(choice, output);
}

static void arguments_delta(struct reply_build *build, const struct json *root)
{
	struct build_call *call = call_of(build, root);

	judge_place(build, root, false);
	if (call == NULL) {
		call = reply_build_new_call(build, the_choice(build));
		if (call == NULL)
			return;
		call->key = small_integer(root, "output_index");
		call->item_id = reply_build_name(build, json_string(root, "item_id"));
	}
	reply_build_arguments(build, call, json_string(root, "delta"));
}

/* `whole` is what the pieces should have joined to; it serves where none came. */
static void settle_arguments(struct reply_build *build, struct build_call *call, struct text whole)
{
	if (call == NULL || whole.data == NULL)
		return;
	struct text joined = text_buf_view(&call->arguments);
	reply_saw(build, WIRE_RS_05);
	if (text_equal(joined, whole)) {
		call->arguments_sent = true;
		return;
	}
	reply_violates(build, WIRE_RS_05, joined.len == 0 ? WIRE_DEVIATES : WIRE_BREAKS,
	               "%zu bytes of argument deltas do not join to the %zu of done%s", joined.len,
	               whole.len, reply_build_where(build));
	if (joined.len == 0)
		reply_build_arguments(build, call, whole);
}

static void item_done(struct reply_build *build, const struct json *root)
{
	const struct json *item = json_member(root, "item");
	struct build_choice *choice = the_choice(build);

	if (!is_call(json_string(item, "type")))
		return;
	struct text item_id = json_string(item, "id");
	struct build_call *call = NULL;
	for (size_t i = choice->call_count; i-- > 0 && call == NULL && item_id.len > 0;)
		if (text_equal(choice->calls[i]->item_id, item_id))
			call = choice->calls[i];
	if (call == NULL)
		call = reply_build_call_of_key(choice, small_integer(root, "output_index"));
	if (call == NULL) {
		read_whole_call(build, item);
		return;
	}
	if (call->name.len == 0)
		call->name = reply_build_name(build, json_string(item, "name"));
	if (call->id.len == 0 && json_string(item, "call_id").data != NULL)
		reply_build_call_id(build, call, json_string(item, "call_id"));
	settle_arguments(build, call, arguments_of(item));
}

static void end_response(struct reply_build *build, const struct json *root, bool failed)
{
	const struct json *response = json_member(root, "response");
	const struct json *output = json_member(response, "output");
	const struct json *error = json_member(response, "error");
	struct build_choice *choice = the_choice(build);

	build->terminal_seen = true;
	build->terminal_failed |= failed;
	reply_build_id(build, json_string(response, "id"));
	reply_build_model(build, json_string(response, "model"));
	if (failed) {
		reply_saw(build, WIRE_ER_20);
		read_error(build, json_is(error, JSON_OBJECT) ? error : root);
		return;
	}
	reply_saw(build, WIRE_RS_06);
	if (json_string(response, "id").len == 0 || json_string(response, "model").len == 0)
		reply_violates(build, WIRE_RS_06, WIRE_DEVIATES, "the end%s has no id or no model",
		               reply_build_where(build));
	if (!json_is(output, JSON_ARRAY) || output->count < state_of(build)->items)
		reply_violates(build, WIRE_RS_06, WIRE_DEVIATES,
		               "the end%s does not carry the full output",
		               reply_build_where(build));
	if (choice->content.len == 0 && choice->call_count == 0 && json_is(output, JSON_ARRAY))
		read_output(build, output); /* nothing came in pieces */
	read_usage(build, response);
	take_finish(build, response);
}

/* --- streamed: events ----------------------------------------------------- */

static void thoughts_delta(struct reply_build *build, const struct json *root)
{
	reply_saw(build, WIRE_RE_01);
	judge_place(build, root, false);
	reply_build_reasoning(build, the_choice(build), json_string(root, "delta"));
}

static void refusal_delta(struct reply_build *build, const struct json *root)
{
	judge_place(build, root, true);
	reply_build_refusal(build, the_choice(build), json_string(root, "delta"));
}

static void arguments_done(struct reply_build *build, const struct json *root)
{
	settle_arguments(build, call_of(build, root), arguments_of(root));
}

static void response_completed(struct reply_build *build, const struct json *root)
{
	end_response(build, root, false);
}

static void response_failed(struct reply_build *build, const struct json *root)
{
	end_response(build, root, true);
}

static void error_event(struct reply_build *build, const struct json *root)
{
	const struct json *inner = json_member(root, "error");

	reply_saw(build, WIRE_ER_20);
	build->terminal_seen = true;
	build->terminal_failed = true;
	read_error(build, json_is(inner, JSON_OBJECT) ? inner : root);
}

static const struct {
	const char *type;
	void (*read)(struct reply_build *build, const struct json *root);
} event_types[] = {
    {"response.output_text.delta", text_delta},
    {"response.function_call_arguments.delta", arguments_delta},
    {"response.reasoning_summary_text.delta", thoughts_delta},
    {"response.reasoning_text.delta", thoughts_delta},
    {"response.reasoning.delta", thoughts_delta},
    {"response.custom_tool_call_input.delta", arguments_delta},
    {"response.refusal.delta", refusal_delta},
    {"response.output_text.done", text_done},
    {"response.function_call_arguments.done", arguments_done},
    {"response.custom_tool_call_input.done", arguments_done},
    {"response.output_item.added", add_item},
    {"response.content_part.added", add_part},
    {"response.output_item.done", item_done},
    {"response.completed", response_completed},
    {"response.incomplete", response_completed},
    {"response.failed", response_failed},
    {"response.cancelled", response_failed},
    {"error", error_event},
};

static void read_event(struct reply_build *build, const struct sse_event *event,
                       const struct json *root)
{
	struct text type = json_string(root, "type");

	if (type.data == NULL) {
		if (error_shape_read(build, root, true))
			build->terminal_failed = true;
		else
			reply_violates(build, WIRE_RS_03, WIRE_BREAKS, "the data%s has no type",
			               reply_build_where(build));
		return;
	}
	if (!text_is(type, "error"))
		judge_order(build, type, event);
	if (text_is(type, "response.created"))
		begin_response(build, root);
	judge_sequence(build, root);
	for (size_t i = 0; i < ARRAY_LENGTH(event_types); i++)
		if (text_is(type, event_types[i].type)) {
			event_types[i].read(build, root);
			return;
		}
}

static void read_end(struct reply_build *build, bool cut)
{
	struct build_choice *choice = the_choice(build);

	if (!build->reply->streamed)
		return;
	if (!build->terminal_seen) {
		reply_violates(build, WIRE_RS_03, WIRE_BREAKS,
		               "no response.completed ends the stream%s",
		               cut ? ": it was cut" : "");
		if (!cut && build->reply->error_count == 0)
			reply_violates(build, WIRE_ER_20, WIRE_BREAKS,
			               "the response neither completes nor fails");
	}
	reply_judge_text(build, choice);
	reply_judge_calls(build, choice);
	build->reply->complete = build->terminal_seen && !build->terminal_failed;
}

const struct reply_shape shape_responses = {
    .api = CHAT_API_RESPONSES,
    .openai = true,
    .matches = matches,
    .read_event = read_event,
    .read_body = read_body,
    .read_end = read_end,
};
