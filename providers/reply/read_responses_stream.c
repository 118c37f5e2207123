/*
 * Responses as events: the order that SDKs rely on, pieces that must join to what
 * is said when they are done, one end. Rules RS-03 to RS-08.
 */
#include "providers/reply/read_responses.h"

enum {
	ITEMS_TRACKED = 256, /* output items whose order is held against the rules */
	PARTS_TRACKED = 64,  /* content parts of one item */
};

/* What the order of events is held against; of the response under way. */
struct responses_state {
	bool added[ITEMS_TRACKED], done[ITEMS_TRACKED];
	bool open_arguments[ITEMS_TRACKED]; /* pieces came, and no event that they are all */
	uint64_t parts[ITEMS_TRACKED];      /* bit set of the content parts that were added */
	uint64_t open_parts[ITEMS_TRACKED]; /* of them, those that are not done */
	uint64_t open_texts[ITEMS_TRACKED]; /* parts whose text has begun and is not done */
	struct text item_ids[ITEMS_TRACKED];
	struct text id; /* as the first event has it */
	bool in_progress;
	int64_t part_output, part_content; /* the text part at hand */
	size_t part_start;                 /* how many bytes of content came before it */
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

/* The bit of the content part at hand in the set of its item; of one that is not tracked, none. */
static uint64_t part_bit(int64_t output, int64_t part)
{
	if (output < 0 || output >= ITEMS_TRACKED || part < 0 || part >= PARTS_TRACKED)
		return 0;
	return (uint64_t)1 << (unsigned)part;
}

static int64_t small_integer(const struct json *object, const char *name)
{
	int64_t value;

	return json_integer(object, name, 0, INT32_MAX, &value) ? value : -1;
}

/* --- order ---------------------------------------------------------------- */

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
		reply_violates(
		    build, WIRE_RS_03, WIRE_BREAKS, "%.*s%s comes before response.created",
		    TEXT_ARG(text_visible(build->event_arena, type, 60)), reply_build_where(build));
	build->created_seen = true;
	if (build->terminal_seen && !text_is(type, "response.created"))
		reply_violates(build, WIRE_RS_03, WIRE_DEVIATES, "%.*s%s comes after the end",
		               TEXT_ARG(text_visible(build->event_arena, type, 60)),
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
	if (in_part && part < 0)
		reply_violates(build, WIRE_RS_05, WIRE_BREAKS, "the delta%s has no content_index",
		               reply_build_where(build));
	else if (in_part && part < PARTS_TRACKED &&
	         (state->parts[output] & part_bit(output, part)) == 0)
		reply_violates(build, WIRE_RS_03, WIRE_BREAKS,
		               "the delta%s belongs to a content part that was not added",
		               reply_build_where(build));
}

/* --- pieces --------------------------------------------------------------- */

static void begin_response(struct reply_build *build, const struct json *root)
{
	const struct json *response = json_member(root, "response");

	if (build->responses != NULL)
		*build->responses = (struct responses_state){.part_output = -1};
	if (build->terminal_seen) /* a second response in one stream counts anew */
		build->sequence = -1;
	build->terminal_seen = false;
	build->created_seen = true;
	state_of(build)->id = reply_build_name(build, json_string(response, "id"));
	reply_build_id(build, json_string(response, "id"));
	reply_build_model(build, json_string(response, "model"));
}

static void note_in_progress(struct reply_build *build, const struct json *root)
{
	(void)root;
	state_of(build)->in_progress = true;
}

static void add_item(struct reply_build *build, const struct json *root)
{
	struct responses_state *state = state_of(build);
	const struct json *item = json_member(root, "item");
	int64_t output = small_integer(root, "output_index");
	struct text type = json_string(item, "type");

	if (!state->in_progress && state->items == 0)
		reply_violates(build, WIRE_RS_03, WIRE_DEVIATES,
		               "the first item%s comes without response.in_progress before it",
		               reply_build_where(build));
	state->items++;
	if (output >= 0 && output < ITEMS_TRACKED) {
		state->added[output] = true;
		state->done[output] = state->open_arguments[output] = false;
		state->parts[output] = 0;
		state->open_parts[output] = state->open_texts[output] = 0;
		state->item_ids[output] = reply_build_name(build, json_string(item, "id"));
	}
	if (text_is(type, "message")) {
		read_responses_settle_served(build);
		reply_build_role(build, read_responses_choice(build), json_string(item, "role"));
	}
	if (!read_responses_is_call(type))
		return;
	struct build_call *call = read_responses_new_call(build, item);
	if (call == NULL)
		return;
	call->key = output;
	if (read_responses_arguments(item).len > 0)
		reply_build_arguments(build, call, read_responses_arguments(item));
}

static void add_part(struct reply_build *build, const struct json *root)
{
	struct responses_state *state = state_of(build);
	int64_t output = small_integer(root, "output_index");
	uint64_t bit = part_bit(output, small_integer(root, "content_index"));

	if (bit == 0)
		return;
	state->parts[output] |= bit;
	state->open_parts[output] |= bit;
}

static void part_done(struct reply_build *build, const struct json *root)
{
	int64_t output = small_integer(root, "output_index");
	uint64_t bit = part_bit(output, small_integer(root, "content_index"));

	if (bit != 0)
		state_of(build)->open_parts[output] &= ~bit;
}

/* Text or a refusal: between its first delta and its done event it is open. */
static void open_text(struct reply_build *build, const struct json *root, bool open)
{
	struct responses_state *state = state_of(build);
	int64_t output = small_integer(root, "output_index");
	uint64_t bit = part_bit(output, small_integer(root, "content_index"));

	if (bit != 0 && open)
		state->open_texts[output] |= bit;
	else if (bit != 0)
		state->open_texts[output] &= ~bit;
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
	state->part_start = read_responses_choice(build)->content_bytes;
}

static void text_delta(struct reply_build *build, const struct json *root)
{
	judge_place(build, root, true);
	open_text(build, root, true);
	enter_part(build, root);
	reply_build_content(build, read_responses_choice(build), json_string(root, "delta"));
}

static void text_done(struct reply_build *build, const struct json *root)
{
	struct build_choice *choice = read_responses_choice(build);
	struct text done = json_string(root, "text");

	open_text(build, root, false);
	enter_part(build, root);
	size_t start = state_of(build)->part_start;
	size_t came = choice->content_bytes - start;
	/* Of a relayed stream only the first bytes are kept: of the rest their number is compared.
	 */
	struct text kept = text_slice(text_buf_view(&choice->content), start, choice->content.len);
	reply_saw(build, WIRE_RS_05);
	if (came == done.len && text_starts(done, kept))
		return;
	reply_violates(build, WIRE_RS_05, came == 0 ? WIRE_DEVIATES : WIRE_BREAKS,
	               "%zu bytes of text deltas do not join to the %zu of done%s", came, done.len,
	               reply_build_where(build));
	if (came == 0)
		reply_build_content(build, choice, done);
}

static struct build_call *call_of(struct reply_build *build, const struct json *root)
{
	struct build_choice *choice = read_responses_choice(build);
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
	int64_t output = small_integer(root, "output_index");

	judge_place(build, root, false);
	if (output >= 0 && output < ITEMS_TRACKED)
		state_of(build)->open_arguments[output] = true;
	if (call == NULL) {
		call = reply_build_new_call(build, read_responses_choice(build));
		if (call == NULL)
			return;
		call->key = output;
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

/* Clients that wait for the end of a text, a part or arguments would wait for good. */
static void judge_all_closed(struct reply_build *build, int64_t output)
{
	struct responses_state *state = state_of(build);

	if (output < 0 || output >= ITEMS_TRACKED)
		return;
	state->done[output] = true;
	if (state->open_texts[output] != 0)
		reply_violates(build, WIRE_RS_03, WIRE_DEVIATES,
		               "done%s is of output %lld, whose text no event ended",
		               reply_build_where(build), (long long)output);
	if (state->open_parts[output] != 0)
		reply_violates(build, WIRE_RS_03, WIRE_DEVIATES,
		               "done%s is of output %lld, whose content part no event ended",
		               reply_build_where(build), (long long)output);
	if (state->open_arguments[output])
		reply_violates(build, WIRE_RS_05, WIRE_DEVIATES,
		               "done%s is of output %lld, whose arguments no event ended",
		               reply_build_where(build), (long long)output);
}

static void item_done(struct reply_build *build, const struct json *root)
{
	const struct json *item = json_member(root, "item");
	struct build_choice *choice = read_responses_choice(build);
	int64_t output = small_integer(root, "output_index");

	judge_all_closed(build, output);
	if (!read_responses_is_call(json_string(item, "type")))
		return;
	struct text item_id = json_string(item, "id");
	struct build_call *call = NULL;
	for (size_t i = choice->call_count; i-- > 0 && call == NULL && item_id.len > 0;)
		if (text_equal(choice->calls[i]->item_id, item_id))
			call = choice->calls[i];
	if (call == NULL)
		call = reply_build_call_of_key(choice, output);
	if (call == NULL) {
		read_responses_whole_call(build, item);
		return;
	}
	if (call->name.len == 0)
		call->name = reply_build_name(build, json_string(item, "name"));
	if (call->id.len == 0 && json_string(item, "call_id").data != NULL)
		reply_build_call_id(build, call, json_string(item, "call_id"));
	settle_arguments(build, call, read_responses_arguments(item));
}

/* Clients take an item for finished, and act on it, when its own event says so. */
static void judge_all_done(struct reply_build *build)
{
	struct responses_state *state = state_of(build);

	for (size_t i = 0; i < ITEMS_TRACKED; i++)
		if (state->added[i] && !state->done[i])
			reply_violates(build, WIRE_RS_03, WIRE_DEVIATES,
			               "the end%s comes before output %zu is done",
			               reply_build_where(build), i);
}

/* RS-06 and RS-07: the end is of the response that began, and named as its status says. */
static void judge_end(struct reply_build *build, const struct json *root)
{
	const struct json *response = json_member(root, "response");
	struct text status = json_string(response, "status"), id = json_string(response, "id");
	struct text first = state_of(build)->id, type = json_string(root, "type");

	reply_saw(build, WIRE_RS_06);
	if (id.len == 0 || json_string(response, "model").len == 0)
		reply_violates(build, WIRE_RS_06, WIRE_DEVIATES, "the end%s has no id or no model",
		               reply_build_where(build));
	else if (first.len > 0 && !text_equal(first, text_slice(id, 0, BUILD_MAX_NAME_BYTES)))
		reply_violates(build, WIRE_RS_06, WIRE_DEVIATES,
		               "the end%s has another id than response.created",
		               reply_build_where(build));
	if (!text_is(status, "incomplete") && !text_is(type, "response.incomplete"))
		return;
	reply_saw(build, WIRE_RS_07);
	if (!text_is(status, "incomplete") || !text_is(type, "response.incomplete"))
		reply_violates(
		    build, WIRE_RS_07, WIRE_DEVIATES, "%.*s%s ends a response of status \"%.*s\"",
		    TEXT_ARG(text_visible(build->event_arena, type, 60)), reply_build_where(build),
		    TEXT_ARG(text_visible(build->event_arena, status, 60)));
}

static void end_response(struct reply_build *build, const struct json *root, bool failed)
{
	const struct json *response = json_member(root, "response");
	const struct json *output = json_member(response, "output");
	const struct json *error = json_member(response, "error");
	struct build_choice *choice = read_responses_choice(build);

	build->terminal_seen = true;
	build->terminal_failed |= failed;
	reply_build_id(build, json_string(response, "id"));
	reply_build_model(build, json_string(response, "model"));
	if (failed) {
		reply_saw(build, WIRE_ER_20);
		read_responses_error(build, json_is(error, JSON_OBJECT) ? error : root);
		return;
	}
	if (json_is(response, JSON_OBJECT))
		read_responses_judge(build, response);
	judge_end(build, root);
	if (!json_is(output, JSON_ARRAY) || output->count < state_of(build)->items)
		reply_violates(build, WIRE_RS_06, WIRE_DEVIATES,
		               "the end%s does not carry the full output",
		               reply_build_where(build));
	if (choice->content.len == 0 && choice->call_count == 0 && json_is(output, JSON_ARRAY))
		read_responses_output(build, output); /* nothing came in pieces */
	read_responses_usage(build, response);
	read_responses_finish(build, response);
	if (text_is(json_string(response, "status"), "completed"))
		judge_all_done(build);
}

/* --- events --------------------------------------------------------------- */

static void thoughts_delta(struct reply_build *build, const struct json *root)
{
	reply_saw(build, WIRE_RE_01);
	judge_place(build, root, false);
	reply_build_reasoning(build, read_responses_choice(build), json_string(root, "delta"));
}

static void refusal_delta(struct reply_build *build, const struct json *root)
{
	judge_place(build, root, true);
	open_text(build, root, true);
	reply_build_refusal(build, read_responses_choice(build), json_string(root, "delta"));
}

static void refusal_done(struct reply_build *build, const struct json *root)
{
	open_text(build, root, false);
}

static void arguments_done(struct reply_build *build, const struct json *root)
{
	int64_t output = small_integer(root, "output_index");

	if (output >= 0 && output < ITEMS_TRACKED)
		state_of(build)->open_arguments[output] = false;
	settle_arguments(build, call_of(build, root), read_responses_arguments(root));
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
	read_responses_error(build, json_is(inner, JSON_OBJECT) ? inner : root);
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
    {"response.in_progress", note_in_progress},
    {"response.output_text.done", text_done},
    {"response.refusal.done", refusal_done},
    {"response.function_call_arguments.done", arguments_done},
    {"response.custom_tool_call_input.done", arguments_done},
    {"response.output_item.added", add_item},
    {"response.content_part.added", add_part},
    {"response.content_part.done", part_done},
    {"response.output_item.done", item_done},
    {"response.completed", response_completed},
    {"response.incomplete", response_completed},
    {"response.failed", response_failed},
    {"response.cancelled", response_failed},
    {"error", error_event},
};

void read_responses_event(struct reply_build *build, const struct sse_event *event,
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

void read_responses_end(struct reply_build *build, bool cut)
{
	struct build_choice *choice = read_responses_choice(build);

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
