/*
 * The client has left before its answer was over. What is in flight is cancelled, or read to its
 * end for nobody (proxy.client_gone, or the route's own): then the provider's own figures are in
 * the row. Nothing is ever sent for a client that is gone.
 */
#include "proxy/relay/relay_private.h"

/* --- who is read to the end --- */

static void join(struct relay *relay)
{
	struct worker *worker = relay->worker;

	relay->drains = true;
	relay->previous = NULL;
	relay->next = worker->drained_relays;
	if (relay->next != NULL)
		relay->next->previous = relay;
	worker->drained_relays = relay;
}

void relay_drain_over(struct relay *relay)
{
	if (!relay->drains)
		return;
	relay->drains = false;
	if (relay->next != NULL)
		relay->next->previous = relay->previous;
	if (relay->previous != NULL)
		relay->previous->next = relay->next;
	else
		relay->worker->drained_relays = relay->next;
	relay->next = relay->previous = NULL;
}

void relay_cancel_drained(struct worker *worker)
{
	while (worker->drained_relays != NULL) {
		struct relay *relay = worker->drained_relays;
		relay_drain_over(relay);
		call_cancel(relay->call);
	}
}

/* A proxy that is told to end at once reads nothing on. */
static bool wants_drain(const struct relay *relay)
{
	const struct config_route *route = relay->route;

	if (relay->worker->stopping || relay->given_up != NULL)
		return false;
	if (route != NULL && route->client_gone != CONFIG_ROUTE_GONE_INHERIT)
		return route->client_gone == CONFIG_ROUTE_GONE_DRAIN;
	return relay->snapshot->config.proxy.client_gone == CONFIG_GONE_DRAIN;
}

static void leave_call(struct relay *relay)
{
	if (relay->call == NULL)
		return;
	if (!wants_drain(relay)) {
		call_cancel(relay->call);
		return;
	}
	proxy_count(&relay->worker->proxy->counters.drained);
	join(relay);
	if (relay->paused) {
		relay->paused = false;
		relay_note_event(relay); /* the provider could not send while nobody read */
		call_resume(relay->call);
	}
}

/* --- the word of the server --- */

/* What a row still wants of the decision is kept. */
static void leave_intake(struct relay *relay)
{
	const struct router_decision *decision = &relay->intake->decision;

	relay->intake = NULL;
	relay->compared = ARENA_NEW_ARRAY(&relay->arena, const struct target *, decision->count);
	for (size_t i = 0; i < decision->count; i++)
		relay->compared[relay->compared_count++] = decision->candidates[i].target;
}

void relay_leave_exchange(struct relay *relay)
{
	relay->exchange = NULL;
	if (relay->intake != NULL)
		leave_intake(relay);
}

/* The shape without its request. */
static struct shape keep_shape(const struct shape *shape, struct arena *arena)
{
	struct shape kept = *shape;

	kept.model = text_copy(arena, shape->model);
	kept.model_node = NULL;
	kept.fields.items = ARENA_NEW_ARRAY(arena, struct text, shape->fields.count + 1);
	for (size_t i = 0; i < shape->fields.count; i++)
		kept.fields.items[i] = text_copy(arena, shape->fields.items[i]);
	return kept;
}

void relay_drop_request(struct relay *relay)
{
	/* The client may have gone while the commit was written. */
	if (relay->exchange == NULL)
		return;
	const struct router_candidate *candidate =
	    &relay->intake->decision.candidates[relay->candidate];

	/* The body that was sent says the same, unless it was put into another form. */
	if (relay_is_native(relay) || (relay->repaired & REPAIR_REQUESTS) != 0)
		return;
	relay->asked = ARENA_NEW(&relay->arena, struct relay_asked);
	relay->asked->shape = keep_shape(&relay->intake->shape, &relay->arena);
	relay->asked->number = candidate->number;
	leave_intake(relay);
	http_exchange_drop_request(relay->exchange);
}

void relay_closed(struct relay *relay, bool client_gone)
{
	REQUIRE(relay->magic == RELAY_MAGIC);
	relay_hedge_closed(relay);
	loop_timer_stop(relay->worker->loop, &relay->hedge_timer);
	if (relay->state == RELAY_DONE)
		relay->exchange = NULL;
	else
		relay_leave_exchange(relay);
	if (client_gone && relay->state != RELAY_DONE)
		proxy_count(&relay->worker->proxy->counters.client_gone);
	switch (relay->state) {
	case RELAY_CALLING:
	case RELAY_STREAMING:
		leave_call(relay);
		return;
	case RELAY_BOOKING:
		relay_unbook(relay);
		relay_settle(relay);
		return;
	case RELAY_WAITING:
		loop_timer_stop(relay->worker->loop, &relay->timer);
		relay_settle(relay);
		return;
	case RELAY_DONE:
		loop_defer(relay->worker->loop, relay_give, relay);
		return;
	case RELAY_SETTLING:
	case RELAY_STATES:
		return;
	}
}
