/*
 * The OpenAI-compatible proxy: sends each request only to targets that the matrix proves for that
 * request's shape. Workers are equal threads, each with its own loop, listener and transport;
 * they share the snapshot, the health of targets, and the ledger.
 */
#ifndef PROVISO_PROXY_PROXY_H
#define PROVISO_PROXY_PROXY_H

#include "harness/base/loop.h"

struct proxy;

struct proxy_options {
	const char *config; /* NULL: found as `check` finds it */
	const char *matrix; /* may be absent: then nothing is proven */
	struct text listen; /* data NULL: as the config says */
	int64_t workers;    /* -1: as the config says; 0: one per core */
};

/*
 * Loads all, binds, starts the workers. False with all mistakes in `faults` (warnings may stand
 * there on success, too). The loop takes signals: SIGHUP reloads, SIGTERM and SIGINT drain, a
 * second one cuts; loop_stop is said when the last worker has ended.
 */
MUST_CHECK bool proxy_start(struct loop *loop, const struct proxy_options *options,
                            struct proxy **out, struct fault_list *faults);
/* "http://127.0.0.1:4000/v1" */
const char *proxy_base_url(const struct proxy *proxy);
/* Loads all anew and swaps it whole; on a mistake the last good one stays, with a loud line. */
void proxy_reload(struct proxy *proxy);
/* Only when the workers have ended (the loop has stopped). */
void proxy_free(struct proxy *proxy);

#endif
