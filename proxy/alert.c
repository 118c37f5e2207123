/* Queue, signature and delivery of alerts; see alert.h. */
#include "proxy/alert.h"

#include "harness/base/base64.h"
#include "harness/base/digest.h"
#include "harness/base/log.h"
#include "providers/wire/transport.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
	QUEUE_MAX = 256,
	BODY_MAX_BYTES = 16 << 10,
	ATTEMPTS_MAX = 6,
	FIRST_WAIT_MS = 1000, /* doubled after each attempt */
	TIMEOUT_MS = 10 * 1000,
	REPLY_MAX = 64 << 10,
};

struct message {
	struct message *next;
	struct text_buf body;
	char id[40];
	int attempts;
};

/* What the config says. */
struct receiver {
	struct arena arena;
	const char *url;         /* NULL: nobody is told */
	struct digest_hmac *key; /* what it signs with */
	bool wanted[ALERT_EVENTS];
};

struct alerter {
	struct loop *loop;
	struct loop_wake *wake;
	struct transport *transport; /* NULL: there was nobody to tell yet */
	struct loop_timer timer;
	pthread_mutex_t lock;     /* of what follows, up to the counters */
	struct receiver receiver; /* changed by the main thread, which reads it without the lock */
	struct message *first, **last;
	size_t count;
	atomic_uint_least64_t results[ALERT_RESULTS];
	/* --- the one that is on its way; main thread --- */
	struct transfer *transfer;
	struct arena sending;
	struct wire_request request;
	int status;
	bool closing;
};

static void send_next(struct alerter *alerter);

static void count(struct alerter *alerter, enum alert_result result)
{
	atomic_fetch_add(&alerter->results[result], 1);
}

uint64_t alert_count(struct alerter *alerter, enum alert_result result)
{
	return atomic_load(&alerter->results[result]);
}

/* --- delivery -------------------------------------------------------------------------------- */

/* The one that is sent next; NULL: none. It stays the first until drop_first. */
static struct message *first_of(struct alerter *alerter)
{
	(void)pthread_mutex_lock(&alerter->lock);
	struct message *message = alerter->first;
	(void)pthread_mutex_unlock(&alerter->lock);
	return message;
}

static void drop_first(struct alerter *alerter)
{
	(void)pthread_mutex_lock(&alerter->lock);
	struct message *message = alerter->first;
	alerter->first = message->next;
	if (alerter->first == NULL)
		alerter->last = &alerter->first;
	alerter->count--;
	(void)pthread_mutex_unlock(&alerter->lock);
	text_buf_done(&message->body);
	memory_free(message);
}

static void drop_all(struct alerter *alerter)
{
	while (first_of(alerter) != NULL) {
		count(alerter, ALERT_DROPPED);
		drop_first(alerter);
	}
}

static void again(void *context)
{
	send_next(context);
}

static void head_came(void *context, int status, int http_version UNUSED,
                      const struct http_header *headers UNUSED, size_t header_count UNUSED)
{
	struct alerter *alerter = context;

	alerter->status = status;
}

static void body_came(void *context UNUSED, struct text bytes UNUSED)
{
}

static void ended(void *context, enum exchange_end end, struct text detail UNUSED)
{
	struct alerter *alerter = context;
	struct message *message = first_of(alerter);

	alerter->transfer = NULL;
	if (alerter->closing)
		return;
	bool good = end == EXCHANGE_COMPLETE && alerter->status >= 200 && alerter->status < 300;
	if (!good && ++message->attempts < ATTEMPTS_MAX) {
		log_warn("proxy.alert_retry", "id=%s status=%d end=%s", message->id,
		         alerter->status, exchange_end_name(end));
		loop_timer_start(alerter->loop, &alerter->timer,
		                 (int64_t)FIRST_WAIT_MS << (message->attempts - 1), again, alerter);
		return;
	}
	if (!good)
		log_error("proxy.alert_failed", "id=%s status=%d end=%s", message->id,
		          alerter->status, exchange_end_name(end));
	count(alerter, good ? ALERT_SENT : ALERT_FAILED);
	drop_first(alerter);
	loop_timer_start(alerter->loop, &alerter->timer, 0, again, alerter);
}

/* Standard Webhooks: v1 is HMAC-SHA256 over "ID.TIMESTAMP.BODY". */
static struct text sign(struct alerter *alerter, const char *id, const char *seconds,
                        struct text body)
{
	struct arena *arena = &alerter->sending;
	unsigned char mac[DIGEST_BYTES];

	digest_hmac_of(alerter->receiver.key,
	               text_format(arena, "%s.%s.%.*s", id, seconds, TEXT_ARG(body)), mac);
	struct text coded = base64_encode(arena, (struct text){(char *)mac, sizeof(mac)});
	return text_format(arena, "v1,%.*s", TEXT_ARG(coded));
}

static void send_next(struct alerter *alerter)
{
	static const struct transport_sink events = {head_came, body_came, ended, NULL};
	struct transport_limits limits = {.body_bytes = REPLY_MAX};
	struct transport_sink sink = events;

	struct message *message = first_of(alerter);
	if (message == NULL || alerter->transfer != NULL || alerter->timer.slot != 0)
		return;
	if (alerter->receiver.url == NULL) {
		drop_all(alerter);
		return;
	}
	arena_reset(&alerter->sending);
	struct arena *arena = &alerter->sending;
	struct text body = text_buf_view(&message->body);
	const char *seconds = text_c(
	    arena, text_format(arena, "%lld", (long long)(loop_wall_ms(alerter->loop) / 1000)));
	struct http_header *headers = ARENA_NEW_ARRAY(arena, struct http_header, 4);
	headers[0] = (struct http_header){TEXT("Content-Type"), TEXT("application/json")};
	headers[1] = (struct http_header){TEXT("webhook-id"), text_of(message->id)};
	headers[2] = (struct http_header){TEXT("webhook-timestamp"), text_of(seconds)};
	headers[3] = (struct http_header){TEXT("webhook-signature"),
	                                  sign(alerter, message->id, seconds, body)};
	alerter->request =
	    (struct wire_request){.method = "POST",
	                          .url = text_c(arena, text_of(alerter->receiver.url)),
	                          .headers = headers,
	                          .header_count = 4,
	                          .body = body};
	limits.timeouts =
	    (struct provider_timeouts){TIMEOUT_MS, TIMEOUT_MS, TIMEOUT_MS, TIMEOUT_MS};
	alerter->status = 0;
	sink.context = alerter;
	alerter->transfer =
	    transport_start(alerter->transport, &alerter->request, NULL, &limits, &sink);
}

static void woken(void *context)
{
	send_next(context);
}

/* --- the queue ----------------------------------------------------------------------------------
 */

void alert_send(struct alerter *alerter, enum alert_event event, struct text data)
{
	struct arena scratch = {0};
	uint64_t noise[2];

	(void)pthread_mutex_lock(&alerter->lock);
	bool wanted = alerter->receiver.url != NULL && alerter->receiver.wanted[event];
	(void)pthread_mutex_unlock(&alerter->lock);
	if (!wanted)
		return;
	struct message *message = memory_new(sizeof(*message));
	random_bytes(noise, sizeof(noise));
	(void)snprintf(message->id, sizeof(message->id), "msg_%016llx%016llx",
	               (unsigned long long)noise[0], (unsigned long long)noise[1]);
	text_buf_init(&message->body, BODY_MAX_BYTES);
	bool good = text_buf_format(
	    &message->body, "{\"type\":\"%s\",\"timestamp\":\"%.*s\",\"data\":{%.*s}}",
	    config_alert_events[event],
	    TEXT_ARG(wall_format(&scratch, loop_wall_ms(alerter->loop), true)), TEXT_ARG(data));
	arena_done(&scratch);
	(void)pthread_mutex_lock(&alerter->lock);
	good = good && alerter->count < QUEUE_MAX;
	if (good) {
		*alerter->last = message;
		alerter->last = &message->next;
		alerter->count++;
	}
	(void)pthread_mutex_unlock(&alerter->lock);
	if (good) {
		loop_wake_send(alerter->wake);
		return;
	}
	count(alerter, ALERT_DROPPED);
	text_buf_done(&message->body);
	memory_free(message);
}

/* --- life --- */

/* "whsec_" and base64, as Standard Webhooks writes them; anything else is taken as it stands. */
static bool load_secret(struct receiver *receiver, struct text reference, struct fault *fault)
{
	struct secret *secret;
	struct place place = {0};

	if (!secret_load(reference, place, &secret, fault))
		return fault_within(fault, "loading alerts.secret");
	struct text bytes = secret_reveal(secret);
	struct text raw = {NULL, 0};
	if (text_starts(bytes, TEXT("whsec_")) &&
	    base64_decode(text_slice(bytes, 6, bytes.len), &receiver->arena, &raw))
		bytes = raw;
	receiver->key = digest_hmac_new(bytes);
	secret_free(secret);
	return true;
}

static void receiver_done(struct receiver *receiver)
{
	digest_hmac_free(receiver->key);
	arena_done(&receiver->arena);
}

static bool receiver_load(const struct config_alerts *config, struct receiver *out,
                          struct fault *fault)
{
	*out = (struct receiver){.url = NULL};
	if (config->webhook.data == NULL)
		return true;
	for (size_t event = 0; event < ALERT_EVENTS; event++) {
		out->wanted[event] = config->events.count == 0;
		for (size_t i = 0; i < config->events.count; i++)
			out->wanted[event] |=
			    text_is(config->events.items[i], config_alert_events[event]);
	}
	out->url = text_c(&out->arena, config->webhook);
	return load_secret(out, config->secret, fault);
}

bool alerter_reload(struct alerter *alerter, const struct config_alerts *config,
                    struct fault *fault)
{
	struct receiver fresh;

	if (!receiver_load(config, &fresh, fault) ||
	    (fresh.url != NULL && alerter->transport == NULL &&
	     !transport_new(alerter->loop, &alerter->transport, fault))) {
		receiver_done(&fresh);
		return false;
	}
	(void)pthread_mutex_lock(&alerter->lock);
	struct receiver old = alerter->receiver;
	alerter->receiver = fresh;
	(void)pthread_mutex_unlock(&alerter->lock);
	receiver_done(&old);
	send_next(alerter);
	return true;
}

bool alerter_new(struct loop *loop, const struct config_alerts *config, struct alerter **out,
                 struct fault *fault)
{
	struct alerter *alerter = memory_new(sizeof(*alerter));
	int failed = pthread_mutex_init(&alerter->lock, NULL);

	REQUIRE(failed == 0);
	*out = alerter;
	alerter->loop = loop;
	alerter->last = &alerter->first;
	alerter->wake = loop_wake_new(loop, woken, alerter);
	return alerter_reload(alerter, config, fault);
}

void alerter_free(struct alerter *alerter)
{
	if (alerter == NULL)
		return;
	alerter->closing = true;
	loop_timer_stop(alerter->loop, &alerter->timer);
	if (alerter->transfer != NULL)
		transport_cancel(alerter->transfer);
	while (alerter->transfer != NULL)
		(void)loop_turn(alerter->loop, true);
	while (alerter->first != NULL)
		drop_first(alerter);
	if (alerter->transport != NULL)
		transport_free(alerter->transport);
	loop_wake_free(alerter->wake);
	receiver_done(&alerter->receiver);
	arena_done(&alerter->sending);
	(void)pthread_mutex_destroy(&alerter->lock);
	memory_free(alerter);
}
