/*
 * What goes wrong with a response and its events: each row of the tables is one defect.
 */
#include "providers/sim/sim_responses.h"

enum { RESPONSES_TORN_BYTES = 25 }; /* of the event that a cut goes through */

/* --- the whole response --- */

void sim_break_response(struct sim_response *response)
{
	const struct sim_serving *serving = response->completion->serving;

	response->no_created = sim_breaks(serving, SIM_RS_01);
	if (response->reason != NULL && sim_breaks(serving, SIM_RS_07)) {
		response->status = "completed";
		response->reason = NULL;
	}
	/* Streamed only: a plain reply without output says nothing at all. */
	response->no_final_output =
	    response->completion->ask->streamed && sim_breaks(serving, SIM_RS_06);
}

/* --- events --- */

static void events_remove(struct sim_events *events, size_t at)
{
	memmove(&events->items[at], &events->items[at + 1],
	        (events->count - at - 1) * sizeof(*events->items));
	events->count--;
}

/* Deltas come for parts that nobody announced. */
static void events_without_parts(struct sim_events *events)
{
	for (size_t i = events->count; i-- > 0;)
		if (events->items[i].kind == EVENT_PART_ADDED)
			events_remove(events, i);
}

/* Every delta belongs to an item of its own. */
static void events_other_item(struct sim_events *events)
{
	const struct sim_serving *serving = events->response->completion->serving;

	for (size_t i = 0; i < events->count; i++)
		if (events->items[i].kind == EVENT_DELTA)
			events->items[i].item_id =
			    text_format(serving->arena, "item_%.*s",
			                TEXT_ARG(sim_identifier(serving, "other", i, 24)));
}

/* Harmless in JSON: but what came in pieces is not what is said at its end. */
static void events_blank_behind(struct sim_events *events)
{
	const struct sim_response *response = events->response;

	for (size_t i = events->count; i-- > 0;) {
		struct sim_event done = events->items[i];
		if (done.kind != EVENT_DONE || response->items[done.item].kind != ITEM_CALL)
			continue;
		done.kind = EVENT_DELTA;
		done.text = TEXT(" ");
		*sim_events_insert(events, i) = done;
	}
}

static size_t events_middle(const struct sim_events *events)
{
	size_t found = 0, seen = 0;

	for (size_t i = 0; i < events->count; i++)
		found += events->items[i].kind == EVENT_DELTA;
	for (size_t i = 0; i < events->count; i++)
		if (events->items[i].kind == EVENT_DELTA && seen++ == found / 2)
			return i;
	return events->count - 1;
}

static void events_fail(struct sim_events *events, size_t at, enum sim_event_kind kind)
{
	while (events->count > at)
		events_remove(events, events->count - 1);
	struct sim_event *event = sim_events_insert(events, at);
	*event = (struct sim_event){.kind = kind, .item = SIZE_MAX};
}

static void events_fail_mid(struct sim_events *events)
{
	events_fail(events, events_middle(events), EVENT_FAILED);
}

static void events_fail_first(struct sim_events *events)
{
	events_fail(events, 1, EVENT_ERROR);
}

static void events_end_without_end(struct sim_events *events)
{
	size_t middle = events_middle(events);

	while (events->count > middle)
		events_remove(events, events->count - 1);
}

static const struct {
	enum sim_break which;
	void (*act)(struct sim_events *events);
} event_acts[] = {
    {SIM_RS_03, events_without_parts},           {SIM_RS_05, events_other_item},
    {SIM_RS_05_CALLS, events_blank_behind},      {SIM_END_WITHOUT_FINISH, events_end_without_end},
    {SIM_INBAND_ERROR, events_fail_mid},         {SIM_INBAND_ERROR_DONE, events_fail_mid},
    {SIM_INBAND_ERROR_FIRST, events_fail_first},
};

void sim_break_events(struct sim_events *events)
{
	const struct sim_serving *serving = events->response->completion->serving;

	for (size_t i = 0; i < ARRAY_LENGTH(event_acts); i++)
		if (sim_breaks(serving, event_acts[i].which))
			event_acts[i].act(events);
	for (size_t i = 0; i < events->count; i++)
		events->items[i].sequence = sim_breaks(serving, SIM_RS_04) ? 0 : (int64_t)i;
}

/* --- how the stream ends --- */

void sim_break_event_stream(const struct sim_serving *serving, struct sim_stream *stream)
{
	const struct {
		enum sim_break which;
		size_t at;
		enum sim_ending ending;
	} endings[] = {
	    {SIM_CUT_BEFORE_DONE, stream->count - 1, ENDING_CUT},
	    {SIM_CUT_AFTER_FINISH, stream->count - 1, ENDING_CUT},
	    {SIM_CUT_MID_CONTENT, stream->count / 2, ENDING_CUT},
	    {SIM_CUT_MID_ARGUMENT, stream->count / 2, ENDING_CUT},
	    {SIM_CUT_MID_EVENT, stream->count / 2, ENDING_CUT},
	    {SIM_STALL_MID, stream->count / 2, ENDING_HANG},
	    {SIM_STALL_HEADERS, 0, ENDING_HANG},
	    {SIM_CUT_BEFORE_ROLE, 0, ENDING_CUT},
	};

	stream->crlf = sim_breaks(serving, SIM_CRLF);
	stream->burst = sim_breaks(serving, SIM_STREAM_BURST);
	for (size_t i = 0; stream->count > 0 && i < ARRAY_LENGTH(endings); i++) {
		if (!sim_breaks(serving, endings[i].which))
			continue;
		stream->end = endings[i].at;
		stream->ending = endings[i].ending;
		if (endings[i].which == SIM_CUT_MID_EVENT)
			stream->torn_bytes = RESPONSES_TORN_BYTES;
	}
}
