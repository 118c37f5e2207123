/*
 * What the proxy decides by: config, suite, matrix and the router over them, loaded and
 * validated whole, const afterwards, shared by all workers. A reload makes a new one; requests
 * under way keep the one they began with.
 */
#ifndef PROVISO_PROXY_SNAPSHOT_H
#define PROVISO_PROXY_SNAPSHOT_H

#include "harness/run/route/live.h"
#include "harness/run/route/router.h"
#include "proxy/health.h"
#include "proxy/keys/rate.h"
#include "proxy/live/live_table.h"

#include <stdatomic.h>

/* Where it comes from; the same for every reload. */
struct snapshot_files {
	const char *config; /* NULL: found as `check` finds it */
	const char *matrix; /* absent: nothing is proven, which is a warning and no fault */
};

/* What outlives snapshots. */
struct snapshot_shared {
	struct health_table *healths;
	struct live_table *lives;
	const struct live
	    *live; /* what was seen of cells, beside what its file says; may be NULL */
};

struct snapshot {
	atomic_size_t references;
	struct snapshot *base; /* counted: whose files these are; NULL: its own */
	struct config config;
	struct suite suite;
	struct matrix as_read; /* the matrix without what was seen since */
	struct matrix matrix;
	struct live live; /* what was seen since; `matrix` points into it */
	const char *live_path;
	struct live_posts *posts;   /* by the target's number: cells that live traffic speaks of */
	struct live_target **lives; /* by the target's number; borrowed */
	struct router *router;
	struct health **healths;    /* by the target's number; borrowed */
	struct rate_limits *limits; /* the same, of its provider: those that the config gives */
	atomic_int_least64_t *hedges_saved; /* by route: millionths of a hedge that may be spent */
	int64_t loaded_wall_ms;
	bool matrix_absent;
	struct arena arena;
	bool suite_loaded;
};

/*
 * With one reference, the caller's. False with the mistakes in `faults`; warnings may stand there
 * all the same. What is shared must outlive it.
 */
MUST_CHECK bool snapshot_load(const struct snapshot_files *files,
                              const struct snapshot_shared *shared, int64_t now_wall_ms,
                              struct snapshot **out, struct fault_list *faults);
/* The same files, not read again, with shared->live alone over the matrix. One reference, the
 * caller's. */
MUST_CHECK bool snapshot_renew(struct snapshot *old, const struct snapshot_shared *shared,
                               struct snapshot **out, struct fault *fault);
/* One more reference; any thread that holds one already. */
MUST_CHECK struct snapshot *snapshot_take(struct snapshot *snapshot);
/* The last one frees it; NULL is fine. */
void snapshot_drop(struct snapshot *snapshot);

#endif
