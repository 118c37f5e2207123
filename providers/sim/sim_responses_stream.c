/*
 * A streamed response: first as a list of events, on which a defect can lay hands, then as
 * bytes. Each event names itself twice, as OpenAI's do: in its line and in its data.
 */
#include "providers/sim/sim_responses_write.h"

enum {
	EVENTS_FIRST_ROOM = 32,
	EVENT_ARGUMENT_BYTES = 8, /* of a fragment of arguments, about */
};

/* --- the list --- */

struct sim_event *sim_events_insert(struct sim_events *events, size_t at)
{
	if (events->count == events->room) {
		size_t room = events->room == 0 ? EVENTS_FIRST_ROOM : 2 * events->room;
		struct sim_event *grown = ARENA_NEW_ARRAY(
		    events->response->completion->serving->arena, struct sim_event, room);
		if (events->count > 0)
			memcpy(grown, events->items, events->count * sizeof(*grown));
		events->items = grown;
		events->room = room;
	}
	REQUIRE(at <= events->count);
	memmove(&events->items[at + 1], &events->items[at],
	        (events->count - at) * sizeof(*events->items));
	events->count++;
	events->items[at] = (struct sim_event){0};
	return &events->items[at];
}

static struct sim_event *add_event(struct sim_events *events, enum sim_event_kind kind, size_t item)
{
	struct sim_event *event = sim_events_insert(events, events->count);

	*event = (struct sim_event){.kind = kind, .item = item};
	if (item < events->response->item_count)
		event->item_id = events->response->items[item].id;
	return event;
}

/* Text goes by tokens, arguments by bytes; never within a character. */
static size_t piece_end(const struct sim_item *item, size_t from)
{
	if (item->kind != ITEM_CALL)
		return from + sim_tokens_next(text_slice(item->text, from, item->text.len));
	size_t end = size_min(from + EVENT_ARGUMENT_BYTES, item->text.len);
	while (end < item->text.len && ((unsigned char)item->text.data[end] & 0xc0) == 0x80)
		end++;
	return end;
}

static void add_item_events(struct sim_events *events, size_t at)
{
	const struct sim_item *item = &events->response->items[at];
	bool in_parts = item->kind != ITEM_CALL;

	(void)add_event(events, EVENT_ITEM_ADDED, at);
	if (in_parts)
		(void)add_event(events, EVENT_PART_ADDED, at);
	for (size_t from = 0, end; from < item->text.len; from = end) {
		end = piece_end(item, from);
		add_event(events, EVENT_DELTA, at)->text = text_slice(item->text, from, end);
	}
	(void)add_event(events, EVENT_DONE, at);
	if (in_parts)
		(void)add_event(events, EVENT_PART_DONE, at);
	(void)add_event(events, EVENT_ITEM_DONE, at);
}

void sim_events_make(const struct sim_response *response, struct sim_events *out)
{
	*out = (struct sim_events){.response = response};
	(void)add_event(out, EVENT_CREATED, SIZE_MAX);
	(void)add_event(out, EVENT_IN_PROGRESS, SIZE_MAX);
	for (size_t i = 0; i < response->item_count; i++)
		add_item_events(out, i);
	(void)add_event(out, EVENT_END, SIZE_MAX);
}

/* --- bytes --- */

static const char *event_type(const struct sim_response *response, const struct sim_event *event)
{
	static const char *const deltas[] = {
	    [ITEM_REASONING] = "response.reasoning_text.delta",
	    [ITEM_TEXT] = "response.output_text.delta",
	    [ITEM_REFUSAL] = "response.refusal.delta",
	    [ITEM_CALL] = "response.function_call_arguments.delta",
	};
	static const char *const done[] = {
	    [ITEM_REASONING] = "response.reasoning_text.done",
	    [ITEM_TEXT] = "response.output_text.done",
	    [ITEM_REFUSAL] = "response.refusal.done",
	    [ITEM_CALL] = "response.function_call_arguments.done",
	};

	switch (event->kind) {
	case EVENT_CREATED:
		return "response.created";
	case EVENT_IN_PROGRESS:
		return "response.in_progress";
	case EVENT_ITEM_ADDED:
		return "response.output_item.added";
	case EVENT_PART_ADDED:
		return "response.content_part.added";
	case EVENT_DELTA:
		return deltas[response->items[event->item].kind];
	case EVENT_DONE:
		return done[response->items[event->item].kind];
	case EVENT_PART_DONE:
		return "response.content_part.done";
	case EVENT_ITEM_DONE:
		return "response.output_item.done";
	case EVENT_END:
		return response->reason != NULL ? "response.incomplete" : "response.completed";
	case EVENT_FAILED:
		return "response.failed";
	case EVENT_ERROR:
		break;
	}
	return "error";
}

static void write_done(struct json_writer *writer, const struct sim_item *item)
{
	static const char *const members[] = {[ITEM_REASONING] = "text",
	                                      [ITEM_TEXT] = "text",
	                                      [ITEM_REFUSAL] = "refusal",
	                                      [ITEM_CALL] = "arguments"};

	json_write_member(writer, members[item->kind], item->text);
	if (item->kind == ITEM_TEXT) {
		json_write_key(writer, "logprobs");
		json_write_raw(writer, TEXT("[]"));
	}
}

/* item_id, output_index, content_index, and what the event brings. */
static void write_place(struct json_writer *writer, const struct sim_response *response,
                        const struct sim_event *event)
{
	const struct sim_item *item = &response->items[event->item];

	json_write_member_int(writer, "output_index", (int64_t)event->item);
	if (event->kind == EVENT_ITEM_ADDED || event->kind == EVENT_ITEM_DONE) {
		bool last = response->reason != NULL && event->item + 1 == response->item_count;
		json_write_key(writer, "item");
		sim_write_item(writer, item,
		               event->kind == EVENT_ITEM_ADDED ? "in_progress"
		               : last                          ? "incomplete"
		                                               : "completed");
		return;
	}
	json_write_member(writer, "item_id", event->item_id);
	if (item->kind != ITEM_CALL)
		json_write_member_int(writer, "content_index", 0);
	if (event->kind == EVENT_DELTA) {
		json_write_member(writer, "delta", event->text);
	} else if (event->kind == EVENT_DONE) {
		write_done(writer, item);
	} else {
		json_write_key(writer, "part");
		sim_write_part(writer, item, event->kind == EVENT_PART_DONE);
	}
}

static void write_error_event(struct json_writer *writer)
{
	json_write_member_c(writer, "code", "server_error");
	json_write_member_c(writer, "message", SIM_RESPONSE_FAILURE);
	json_write_member_c(writer, "param", NULL);
}

static void write_event(const struct sim_response *response, const struct sim_event *event,
                        struct text_buf *out)
{
	const char *type = event_type(response, event);
	struct json_writer writer;

	text_buf_format(out, "event: %s\ndata: ", type);
	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member_c(&writer, "type", type);
	json_write_member_int(&writer, "sequence_number", event->sequence);
	if (event->kind == EVENT_ERROR) {
		write_error_event(&writer);
	} else if (event->item < response->item_count) {
		write_place(&writer, response, event);
	} else {
		json_write_key(&writer, "response");
		sim_write_response(&writer, response,
		                   event->kind == EVENT_END      ? response->status
		                   : event->kind == EVENT_FAILED ? "failed"
		                                                 : "in_progress");
	}
	json_write_object_end(&writer);
	text_buf_add_c(out, "\n\n");
}

void sim_events_render(const struct sim_events *events, struct sim_stream *out)
{
	const struct sim_response *response = events->response;
	struct arena *arena = response->completion->serving->arena;

	*out = (struct sim_stream){.completion = *response->completion};
	for (size_t i = 0; i < events->count; i++) {
		struct text_buf bytes;
		text_buf_init(&bytes, SIM_BODY_MAX_BYTES);
		write_event(response, &events->items[i], &bytes);
		struct sim_chunk *chunk = sim_stream_insert(out, out->count);
		chunk->kind = CHUNK_RAW;
		chunk->text = text_copy(arena, text_buf_view(&bytes));
		text_buf_done(&bytes);
	}
	out->end = out->count;
}
