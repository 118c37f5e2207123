/*
 * The Responses endpoint of the simulator: its request read into a chat request, its
 * reply rendered as output items, whole or as events. Private to the simulator.
 */
#ifndef PROVISO_PROVIDERS_SIM_SIM_RESPONSES_H
#define PROVISO_PROVIDERS_SIM_SIM_RESPONSES_H

#include "providers/sim/sim_private.h"

enum { SIM_ITEMS_MAX = SIM_CALLS_MAX + 2 };

/* --- the question (sim_responses.c) --- */

struct sim_responses_ask {
	const struct json *body; /* as it came */
	struct json *chat;       /* what it amounts to as a chat request */
	struct text messages;    /* of the conversation, less instructions: JSON objects, commas */
	bool store;
};

/* False: *error says what the provider answers. */
MUST_CHECK bool sim_responses_read(const struct sim_serving *serving, const struct json *body,
                                   struct sim_responses_ask *out, struct sim_error *error);
/* A chat request's `param` as this endpoint calls it. */
void sim_responses_rename(const struct sim_serving *serving, struct sim_error *error);

/* --- the reply (sim_responses_render.c) --- */

enum sim_item_kind {
	ITEM_REASONING,
	ITEM_TEXT, /* a message */
	ITEM_REFUSAL,
	ITEM_CALL,
};

struct sim_item {
	enum sim_item_kind kind;
	struct text id;
	struct text text; /* or the arguments of the call */
	const struct sim_call *call;
};

struct sim_response {
	const struct sim_completion *completion;
	const struct sim_responses_ask *ask;
	struct text id;
	struct sim_item items[SIM_ITEMS_MAX];
	size_t item_count;
	const char *status; /* at the end: completed or incomplete */
	const char *reason; /* why incomplete; NULL: it is not */
	bool no_created, no_final_output;
};

void sim_response_make(const struct sim_completion *completion, const struct sim_responses_ask *ask,
                       struct sim_response *out);
void sim_response_render(const struct sim_response *response, struct text_buf *out);
/* The conversation with this reply at its end, as the next request goes on from it; arena. */
MUST_CHECK struct text sim_response_messages(const struct sim_response *response);

/* --- events (sim_responses_stream.c) --- */

enum sim_event_kind {
	EVENT_CREATED,
	EVENT_IN_PROGRESS,
	EVENT_ITEM_ADDED,
	EVENT_PART_ADDED,
	EVENT_DELTA,
	EVENT_DONE,
	EVENT_PART_DONE,
	EVENT_ITEM_DONE,
	EVENT_END, /* completed or incomplete */
	EVENT_FAILED,
	EVENT_ERROR,
};

struct sim_event {
	enum sim_event_kind kind;
	size_t item;
	struct text text;    /* of a delta */
	struct text item_id; /* what is said, be it right or wrong */
	int64_t sequence;
};

struct sim_events {
	const struct sim_response *response;
	struct sim_event *items;
	size_t count, room;
};

void sim_events_make(const struct sim_response *response, struct sim_events *out);
/* Makes room for an event before `at`. */
struct sim_event *sim_events_insert(struct sim_events *events, size_t at);
/* A stream of raw chunks, one an event. */
void sim_events_render(const struct sim_events *events, struct sim_stream *out);

/* --- what goes wrong (sim_break_responses.c) --- */

void sim_break_response(struct sim_response *response);
/* The order and the numbers of events, which get them here; then how the stream of them ends. */
void sim_break_events(struct sim_events *events);
void sim_break_event_stream(const struct sim_serving *serving, struct sim_stream *stream);

#endif
