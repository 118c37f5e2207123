/*
 * Alerts by webhook: one POST of JSON for each, signed as Standard Webhooks has it, sent from the
 * main thread beside all requests, tried again with growing waits. What does not fit into the
 * queue, or is never taken, is counted.
 */
#ifndef PROVISO_PROXY_ALERT_H
#define PROVISO_PROXY_ALERT_H

#include "harness/base/loop.h"
#include "harness/run/config/config.h"

struct alerter;

enum alert_event { /* in the order of config_alert_events */
	           ALERT_BUDGET_SOFT,
	           ALERT_BUDGET_HARD,
	           ALERT_QUARANTINED,
	           ALERT_RELEASED,
	           ALERT_BREAKER_OPENED,
	           ALERT_MATRIX_STALE,
	           ALERT_EVENTS = CONFIG_ALERT_EVENTS
};
enum { ALERT_DATA_MAX_BYTES = 4096 };
enum alert_result { ALERT_SENT, ALERT_FAILED, ALERT_DROPPED, ALERT_RESULTS };

/* Where no webhook is configured it is made all the same, and sends nothing. A secret that can't be
 * read is a fault. */
MUST_CHECK bool alerter_new(struct loop *loop, const struct config_alerts *config,
                            struct alerter **out, struct fault *fault);
/* Another config's: what is queued goes where that one says, and is dropped where it names nobody.
 * On a fault all stays as it was. Main thread. */
MUST_CHECK bool alerter_reload(struct alerter *alerter, const struct config_alerts *config,
                               struct fault *fault);
/* What is queued is lost. NULL is fine. */
void alerter_free(struct alerter *alerter);
/* `data`: the members of a JSON object, without braces, ALERT_DATA_MAX_BYTES at most. Any thread;
 * never waits. */
void alert_send(struct alerter *alerter, enum alert_event event, struct text data);
MUST_CHECK uint64_t alert_count(struct alerter *alerter, enum alert_result result);

#endif
