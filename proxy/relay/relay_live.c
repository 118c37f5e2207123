/* A reply that passed by as evidence: held against its cells while its request is still there. */
#include "proxy/relay/relay_private.h"

#include "proxy/live/sentry.h"

static size_t target_number(const struct relay *relay)
{
	return relay->asked != NULL ? relay->asked->number
	                            : relay->intake->decision.candidates[relay->candidate].number;
}

/* Where the client's own is gone, what was sent, read once more; NULL: there is too much of it. */
static const struct json *asked_body(const struct relay *relay, struct arena *scratch)
{
	struct fault fault;
	struct json *root;

	if (relay->asked == NULL)
		return relay->intake->body;
	return json_read_text(relay->request.body, "body", scratch, &root, &fault) ? root : NULL;
}

void relay_watch(struct relay *relay, const struct call_attempt *last)
{
	struct worker *worker = relay->worker;
	struct snapshot *snapshot = relay->snapshot;
	const struct chat_reply *reply = last->reply;
	const struct exchange *exchange = last->exchange;

	/* Cut, cancelled, an error or no reply at all: that is the breaker's, not the cells'. */
	if (relay->exchange == NULL || relay->given_up != NULL || exchange->status != 200 ||
	    exchange->end != EXCHANGE_COMPLETE || reply->error_count > 0 ||
	    !reply_is_readable(reply))
		return;
	size_t number = target_number(relay);
	const struct live_posts *posts = &snapshot->posts[number];
	if (posts->count == 0)
		return;
	const struct shape *shape =
	    relay->asked != NULL ? &relay->asked->shape : &relay->intake->shape;
	struct live_findings findings;
	struct live_alarm alarms[LIVE_CHECKS * CASE_VARIANTS];

	arena_reset(&worker->scratch);
	const struct json *body = asked_body(relay, &worker->scratch);
	if (body == NULL)
		return;
	const struct live_asked asked = {shape, body};
	live_judge(&asked, reply, &worker->scratch, &findings);
	struct feature_set features =
	    evidence_features(router_evidence(snapshot->router), number, shape);
	if (relay->usage_injected)
		feature_add(&features, FEATURE_STREAM_OPTIONS_INCLUDE_USAGE);
	const struct live_seen seen = {&findings, shape, &features, body->source->body};
	struct live_target *target = snapshot->lives[number];
	size_t count = live_note(worker->proxy->lives, target, posts, &seen, alarms);
	for (size_t i = 0; i < count; i++)
		sentry_raise(worker->proxy->sentry, snapshot, target, &alarms[i]);
}
