/*
 * What is known of cells beyond the matrix: takes alarms of live traffic and results of probes,
 * keeps them on disk, and sees to it that the next request is decided by them. All but sentry_raise
 * belongs to the main thread.
 */
#ifndef PROVISO_PROXY_SENTRY_H
#define PROVISO_PROXY_SENTRY_H

#include "proxy/snapshot.h"

struct proxy;
struct sentry;

/* With what the proxy's snapshot has read. A fault: another proxy keeps that file. *out is to be
 * freed either way. */
MUST_CHECK bool sentry_new(struct proxy *proxy, struct sentry **out, struct fault *fault);
/* That snapshot is about to be used, whose file may be another one. A fault: another proxy keeps
 * that file, and nothing has changed. */
MUST_CHECK bool sentry_follow(struct sentry *sentry, const struct snapshot *fresh,
                              struct fault *fault);
/* When the workers have ended; NULL is fine. */
void sentry_free(struct sentry *sentry);

/* From any thread: live traffic says more of that cell than its verdict allows. Takes what it
 * needs; where there is no room the alarm is taken back and comes again. */
void sentry_raise(struct sentry *sentry, struct snapshot *snapshot, struct live_target *target,
                  const struct live_alarm *alarm);

/* What was seen of cells, for the next snapshot; valid until the next change. */
MUST_CHECK const struct live *sentry_live(const struct sentry *sentry);
/* A new snapshot is in use: what its file says beyond what is known here is taken over. */
void sentry_reloaded(struct sentry *sentry, const struct snapshot *fresh);

/* Why a cell is no longer trusted; texts are copied. */
struct sentry_finding {
	enum live_cause cause;
	int64_t occasions, violations; /* -1: not known */
	struct text detail, run;       /* data NULL: none */
};
/* Requests that this cell speaks for no longer go there, at once and after a restart. */
void sentry_quarantine(struct sentry *sentry, const struct matrix_cell *cell,
                       const struct sentry_finding *finding);
/* A probe was asked, and whether the cell passed: then a quarantine is lifted and its age renewed.
 */
void sentry_probed(struct sentry *sentry, const struct matrix_cell *cell, bool passed);
/* Before it is asked what probes were charged today: a day far ahead, to which the clock had leapt,
 * becomes that of now, with what was charged. */
void sentry_find_day(struct sentry *sentry);
/* What probes are charged today, with that much more; kept on disk before it is spent. False: it
 * could not be kept. */
MUST_CHECK bool sentry_charge(struct sentry *sentry, int64_t pico_usd, int64_t requests);

#endif
